//! Wall times beside instants: which of the two a run has met, and where.
//!
//! **In / Out**: times as they are written in text, row by row, and types of columns of Parquet → an
//! error where both stand side by side and nobody said what zone the first are of.
//! **Invariants**: only rows that are validated anyway are looked at, of text, and only types of opened
//! files of Parquet; so neither threads nor where the reading stopped decide. What a message shows is
//! the first of each kind, in the order of sources, files and rows. Days are neither.
//! **Cost**: a test of two bits per time; a value is kept only where a bit flips, once per piece.

use arrow::array::Array;
use arrow::datatypes::DataType;

use super::actions::ActionNames;
use super::units::{FIRST_US, bounds_of, times_of};
use crate::advice::Hint;
use crate::error::{Error, Result};
use crate::ids::count64;
use crate::job::{Cutoff, JobKind, Source, TimeUnit, WarningCode};
use crate::scan::bad_rows::RowAt;
use crate::scan::parquet::{ParquetFile, row_as_json};
use crate::scan::spec::ReadSpec;
use crate::scan::text::field::to_micros;
use crate::scan::text::times::Written;
use crate::scan::{Opened, seen_enough};
use crate::warnings::Warning;

/// A clock on some wall.
const WALL: u8 = 1;
/// An instant.
const INSTANT: u8 = 2;
/// An instant with an offset other than zero.
const ELSEWHERE: u8 = 4;
/// An integer before 1990.
const OLD: u8 = 8;
/// All of these, in the order of [`TimeKinds::first`].
const ALL: [u8; 4] = [WALL, INSTANT, ELSEWHERE, OLD];

/// The kinds of times that were met.
#[derive(Clone, Debug, Default)]
pub(crate) struct TimeKinds {
    wanted: u8,
    /// Those that were met in this piece.
    met: u8,
    piece: usize,
    /// The first of each that was met.
    first: [Option<Met>; 4],
}

/// A time that was met; the derived order is that of sources, files and rows.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Met {
    source: Source,
    /// The file, as the user named it.
    file: String,
    /// The piece of the file.
    piece: usize,
    /// The 1-based record of the piece; 0 for what the type of a column says.
    row: u64,
    /// The column, as the file names it.
    column: String,
    /// What was found; nothing for what the type of a column says.
    value: String,
}

impl TimeKinds {
    /// Begins a piece of a file: all is looked for once more.
    pub(crate) fn start(&mut self, spec: &ReadSpec<'_>, piece: usize) {
        self.wanted = match (spec.is_zone_named, spec.job_kind, spec.cutoff) {
            (true, ..) => 0,
            (false, JobKind::Sequences, Cutoff::Day) => WALL | INSTANT | ELSEWHERE,
            _ => WALL | INSTANT,
        };
        if spec.time_unit.is_some() {
            self.wanted |= OLD;
        }
        (self.met, self.piece) = (0, piece);
    }

    /// Takes note of a time, and of the text that it was read from.
    #[inline]
    pub(crate) fn note(&mut self, written: Written, text: &str, at: RowAt<'_>) {
        let missing = self.wanted & !self.met;
        if missing == 0 {
            return;
        }
        let kind = match written {
            Written::Date(_) => return,
            Written::Wall(_) => WALL,
            Written::Instant(_) => INSTANT,
        };
        let mut new = missing & kind;
        if let Written::Instant(at) = written
            && missing & OLD != 0
            && at.0 < FIRST_US
            && text
                .bytes()
                .all(|byte| byte.is_ascii_digit() || byte == b'-')
        {
            new |= OLD;
        }
        if kind == INSTANT && missing & ELSEWHERE != 0 && is_elsewhere(text.as_bytes()) {
            new |= ELSEWHERE;
        }
        if new != 0 {
            self.add(new, text, at);
        }
    }

    /// Takes note of the offset of a day that is written as a time.
    pub(crate) fn note_day(&mut self, text: &str, at: RowAt<'_>) {
        let missing = self.wanted & !self.met & ELSEWHERE;
        if missing != 0 && is_elsewhere(text.as_bytes()) {
            self.add(ELSEWHERE, text, at);
        }
    }

    /// Keeps a time, if it is the first of its kind.
    #[cold]
    fn add(&mut self, kinds: u8, text: &str, at: RowAt<'_>) {
        self.met |= kinds;
        let met = Met {
            source: at.file.source,
            file: at.file.shown.clone(),
            piece: self.piece,
            row: at.row,
            column: at.column.to_owned(),
            value: format!("{text:?}"),
        };
        self.put(kinds, &met);
    }

    /// Keeps a time, if it is the first of some kinds.
    fn put(&mut self, kinds: u8, met: &Met) {
        for (bit, first) in ALL.iter().zip(&mut self.first) {
            let is_first = first.as_ref().is_none_or(|first| met < first);
            if kinds & bit != 0 && is_first {
                *first = Some(met.clone());
            }
        }
    }

    /// Adds what another thread has met.
    pub(crate) fn merge(&mut self, other: &TimeKinds) {
        for (bit, met) in ALL.into_iter().zip(&other.first) {
            if let Some(met) = met {
                self.put(bit, met);
            }
        }
    }

    /// Checks that wall times and instants do not stand side by side, also by the types of columns of
    /// opened files; gives what else is to be looked at.
    ///
    /// # Errors
    /// If they do, and nobody says what zone the first are of.
    pub(crate) fn check(mut self, spec: &ReadSpec<'_>, opened: &[Opened]) -> Result<Vec<Warning>> {
        // Where the zone is given, types tell only of integers that are of another age.
        let is_told = !spec.is_zone_named || spec.time_unit.is_some();
        for of in opened.iter().filter(|_| is_told) {
            if let Opened::Parquet(file) = of {
                self.add_types(spec, file);
            }
        }
        let mut warnings = Vec::new();
        if spec.job_kind == JobKind::Sequences {
            warnings.extend(self.elsewhere());
        }
        warnings.extend(self.old(opened));
        let [Some(wall), Some(instant), ..] = &self.first else {
            return Ok(warnings);
        };
        if spec.is_zone_named {
            return Ok(warnings);
        }
        let shown = |met: &Met| met.shown(opened);
        let what = format!(
            "expected all times to tell their zone, or none, found {}, which does not, and {}, which \
             does; {}",
            shown(wall),
            shown(instant),
            Hint::Zone.text()
        );
        Err(Error::bad_file(&wall.file, what))
    }

    /// The warning that days are cut in UTC, where times have other offsets and nobody named a zone.
    fn elsewhere(&self) -> Option<Warning> {
        let met = self.first[2].as_ref()?;
        let at = met.shown(&[]);
        let hint = Hint::ZoneOfDays.text();
        let text = format!("days are cut in UTC, but {at} is of another offset; {hint}");
        Some(Warning::new(WarningCode::UtcDays, met.source, text))
    }

    /// The warning that some integers are of another age, as where seconds stand among milliseconds.
    fn old(&self, opened: &[Opened]) -> Option<Warning> {
        let met = self.first[3].as_ref()?;
        let (source, at) = (met.source, met.shown(opened));
        let text = format!(
            "some integer times of {} are before 1990, such as {at}: does the column mix units?",
            source.name()
        );
        Some(Warning::new(WarningCode::OldTimes, source, text))
    }

    /// Takes note of the types of a file's columns of times.
    fn add_types(&mut self, spec: &ReadSpec<'_>, file: &ParquetFile) {
        let source = file.file.source;
        for column in clocks_of(spec, source) {
            let Some(field) = file.column(column).filter(|_| has_values(file, column)) else {
                continue;
            };
            let kind = match field.data_type() {
                DataType::Timestamp(_, Some(_)) => INSTANT,
                DataType::Timestamp(_, None) => WALL,
                of if of.is_integer() => INSTANT,
                _ => continue,
            };
            let met = Met {
                source,
                file: file.file.shown.clone(),
                piece: 0,
                row: 0,
                column: column.to_owned(),
                value: String::new(),
            };
            self.put(kind, &met);
            if let Some(least) = least_old(spec.time_unit, file, column) {
                let value = least.to_string();
                self.put(OLD, &Met { value, ..met });
            }
        }
    }
}

/// The least integer of a column by its statistics, if that is a time before 1990.
fn least_old(unit: Option<TimeUnit>, file: &ParquetFile, column: &str) -> Option<i64> {
    let unit = unit?;
    let groups = 0..file.row_groups().len();
    let least = groups.filter_map(|group| bounds_of(file, group, column));
    let least = least.map(|(least, _)| least).min()?;
    to_micros(least, unit)
        .is_some_and(|at| at.0 < FIRST_US)
        .then_some(least)
}

impl Met {
    /// The time with its place, for a message.
    fn shown(&self, opened: &[Opened]) -> String {
        let (file, column) = (&self.file, &self.column);
        let of_type = || {
            let mut same = opened.iter().filter(|of| of.file().shown == *file);
            let found = match same.next() {
                Some(Opened::Parquet(file)) => first_value(file, column),
                _ => None,
            };
            found.unwrap_or_default()
        };
        let (row, value) = match self.row {
            0 if self.value.is_empty() => of_type(),
            row => (row, self.value.clone()),
        };
        // Records of later pieces are not counted from the first of the file.
        match (row, self.piece) {
            (1.., 0) => format!("{value} (row {row}, column \"{column}\", of \"{file}\")"),
            _ => format!("{value} (column \"{column}\" of \"{file}\")"),
        }
    }
}

/// Whether a time in text has an offset other than zero.
fn is_elsewhere(text: &[u8]) -> bool {
    if matches!(text.last(), Some(b'Z' | b'z' | b'C')) {
        return false;
    }
    let clock = text.get(10..).unwrap_or_default();
    let sign = clock.iter().rposition(|byte| matches!(byte, b'+' | b'-'));
    sign.is_some_and(|at| clock[at..].iter().any(|byte| (b'1'..=b'9').contains(byte)))
}

/// The columns of a source that hold times of day, as its files name them.
fn clocks_of<'a>(spec: &ReadSpec<'a>, source: Source) -> Vec<&'a str> {
    let mut columns = times_of(spec, source);
    let days = match (spec.job_kind, source) {
        (JobKind::Sequences, Source::Impressions) => Some(spec.column(source, "dt")),
        (JobKind::Sequences, source) => day_of_orders(spec, source),
        _ => None,
    };
    columns.retain(|column| Some(*column) != days);
    columns
}

/// The column of days that stands in for an absent time of orders.
pub(crate) fn day_of_orders<'a>(spec: &ReadSpec<'a>, source: Source) -> Option<&'a str> {
    let is_orders = source == Source::Orders;
    is_orders.then(|| ActionNames::new(spec, source).time_else)?
}

/// Whether a column of a file may hold anything but nulls.
fn has_values(file: &ParquetFile, column: &str) -> bool {
    let groups = file.row_groups().iter().enumerate();
    let mut rows = groups.map(|(at, group)| {
        let nulls = file
            .statistics(at, column)
            .and_then(|of| of.null_count_opt());
        (group.num_rows().unsigned_abs(), nulls)
    });
    rows.any(|(rows, nulls)| rows > 0 && nulls != Some(rows))
}

/// The first value of a column that is not null, and its 1-based row.
fn first_value(file: &ParquetFile, column: &str) -> Option<(u64, String)> {
    let leaves = file.leaves(|path| path == [column]);
    let mut found = None;
    for group in 0..file.row_groups().len() {
        let read = file.read(group, &leaves, |first_row, rows| {
            let array = rows.column_by_name(column);
            let row = array.and_then(|array| (0..array.len()).find(|row| !array.is_null(*row)));
            let Some(row) = row else { return Ok(()) };
            let json = row_as_json(rows, row);
            let value = serde_json::from_str::<serde_json::Value>(&json).unwrap_or_default();
            let text = value[column].as_str().unwrap_or_default();
            found = Some((first_row + count64(row), format!("{text:?}")));
            Err(seen_enough())
        });
        drop(read);
        if found.is_some() {
            break;
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_offset_other_than_zero_is_seen() {
        for text in [
            "2025-08-15T12:00:00+02:00",
            "2025-08-15 12:00-0530",
            "2025-08-15T12:00:00.5+01",
        ] {
            assert!(is_elsewhere(text.as_bytes()), "{text}");
        }
        for text in [
            "2025-08-15",
            "2025-08-15T12:00:00Z",
            "2025-08-15 12:00:00 UTC",
            "2025-08-15T12:00:00+00:00",
            "2025-08-15T12:00:00-00",
            "1755165600000",
        ] {
            assert!(!is_elsewhere(text.as_bytes()), "{text}");
        }
    }
}
