//! Which kinds of times a run has: wall times, instants, other offsets, integers of another age.
//!
//! **In / Out**: times as written in text, row by row, and types of columns of Parquet → an error if wall
//! times and instants occur in one run and the user named no zone; warnings.
//! **Invariants**: of text, only rows count that every run validates; of Parquet, only column types of
//! opened files. So neither threads nor the early stop change the result. A message shows the first time
//! of each kind, in the order of sources, files and rows. Days are of no kind.
//! **Cost**: a test of two bits per time; a value is copied once per kind and piece.

use arrow::array::Array;
use arrow::datatypes::DataType;
use serde::{Deserialize, Serialize};

use crate::advice::Hint;
use crate::error::{Error, Result};
use crate::ids::count64;
use crate::job::{Cutoff, JobKind, Source, TimeUnit, WarningCode};
use crate::scan::bad_rows::RowAt;
use crate::scan::parquet::{ParquetFile, row_as_json};
use crate::scan::spec::ReadSpec;
use crate::scan::statistics::int_bounds;
use crate::scan::text::epoch::{FIRST_US, to_micros};
use crate::scan::text::times::WrittenTime;
use crate::scan::time_columns::clock_columns;
use crate::scan::values::numbers::is_number;
use crate::scan::{Opened, seen_enough};
use crate::warnings::Warning;

/// A wall time.
const WALL: u8 = 1;
/// An instant.
const INSTANT: u8 = 2;
/// An instant with an offset other than zero.
const OTHER_OFFSET: u8 = 4;
/// An integer before 1990.
const OLD: u8 = 8;
/// All of these, in the order of [`TimeKinds::first`].
const ALL: [u8; 4] = [WALL, INSTANT, OTHER_OFFSET, OLD];

/// The kinds of times found so far.
#[derive(Clone, Debug, Default)]
pub(crate) struct TimeKinds {
    /// The kinds to look for.
    wanted: u8,
    /// The kinds found in this piece.
    found: u8,
    piece: usize,
    /// The first time of each kind.
    first: [Option<FoundTime>; 4],
}

/// A time that was found; the derived order is that of sources, files and rows.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
struct FoundTime {
    source: Source,
    /// The file, as the user named it.
    file: String,
    /// The piece of the file.
    piece: usize,
    /// The record of the piece, from 1; 0 for the type of a column.
    row: u64,
    /// The column, as the file names it.
    column: String,
    /// The value as written; empty for the type of a column.
    value: String,
}

impl TimeKinds {
    /// Begins a piece of a file: looks for all kinds again.
    pub(crate) fn start(&mut self, spec: &ReadSpec<'_>, piece: usize) {
        self.wanted = match (spec.is_zone_named, spec.job_kind, spec.cutoff) {
            // A named zone says what wall times mean.
            (true, ..) => 0,
            // By day, the zone decides where days are cut.
            (false, JobKind::Sequences, Cutoff::Day) => WALL | INSTANT | OTHER_OFFSET,
            _ => WALL | INSTANT,
        };
        if spec.time_unit.is_some() {
            self.wanted |= OLD;
        }
        // Per piece and not per thread: which thread reads what must not decide which time is the
        // first.
        (self.found, self.piece) = (0, piece);
    }

    /// Notes a time and the text it was read from.
    #[inline]
    pub(crate) fn note(&mut self, written: WrittenTime, text: &str, at: RowAt<'_>) {
        let missing = self.wanted & !self.found;
        if missing == 0 {
            return;
        }
        let kind = match written {
            WrittenTime::Date(_) => return,
            WrittenTime::Wall(_) => WALL,
            WrittenTime::Instant(_) => INSTANT,
        };
        let mut new = missing & kind;
        // Only an integer can be of another unit: a written time before 1990 is meant.
        if let WrittenTime::Instant(at) = written
            && missing & OLD != 0
            && at.0 < FIRST_US
            && text
                .bytes()
                .all(|byte| byte.is_ascii_digit() || matches!(byte, b'-' | b'.'))
        {
            new |= OLD;
        }
        if kind == INSTANT && missing & OTHER_OFFSET != 0 && has_other_offset(text.as_bytes()) {
            new |= OTHER_OFFSET;
        }
        if new != 0 {
            self.add(new, text, at);
        }
    }

    /// Notes the offset of a day that is written as a time.
    pub(crate) fn note_day(&mut self, text: &str, at: RowAt<'_>) {
        let missing = self.wanted & !self.found & OTHER_OFFSET;
        if missing != 0 && has_other_offset(text.as_bytes()) {
            self.add(OTHER_OFFSET, text, at);
        }
    }

    /// Adds a time of some kinds.
    #[cold]
    fn add(&mut self, kinds: u8, text: &str, at: RowAt<'_>) {
        self.found |= kinds;
        let time = FoundTime {
            source: at.file.source,
            file: at.file.shown.clone(),
            piece: self.piece,
            row: at.row,
            column: at.column.to_owned(),
            value: format!("{text:?}"),
        };
        self.put(kinds, &time);
    }

    /// Keeps a time for those of some kinds of which it is the first.
    fn put(&mut self, kinds: u8, time: &FoundTime) {
        for (bit, first) in ALL.iter().zip(&mut self.first) {
            let is_first = first.as_ref().is_none_or(|first| time < first);
            if kinds & bit != 0 && is_first {
                *first = Some(time.clone());
            }
        }
    }

    /// Adds the times of another thread.
    pub(crate) fn merge(&mut self, other: &TimeKinds) {
        for (bit, time) in ALL.into_iter().zip(&other.first) {
            if let Some(time) = time {
                self.put(bit, time);
            }
        }
    }

    /// Checks that the run does not have both wall times and instants, also by the column types of opened
    /// files; returns warnings.
    ///
    /// # Errors
    /// If it has, and the user named no zone.
    pub(crate) fn check(self, spec: &ReadSpec<'_>, opened: &[Opened]) -> Result<Vec<Warning>> {
        self.shown(spec, opened).check(spec)
    }

    /// The first time of each kind, also by the column types of opened files.
    pub(crate) fn shown(mut self, spec: &ReadSpec<'_>, opened: &[Opened]) -> ShownTimes {
        for opened in opened {
            if let Opened::Parquet(file) = opened {
                self.add_types(&spec.of_source(file.file.source), file);
            }
        }
        // Of a type, a message shows a value, which is read only for a message.
        let [wall, instant, ..] = &self.first;
        let is_clear = wall.is_none() || instant.is_none();
        let opened = if is_clear { &[] } else { opened };
        let shown = |time: FoundTime| ShownTime {
            text: time.display(opened),
            time,
        };
        ShownTimes {
            first: self.first.map(|time| time.map(shown)),
        }
    }

    /// Notes the types of a file's columns of times.
    fn add_types(&mut self, spec: &ReadSpec<'_>, file: &ParquetFile) {
        // With a named zone, types matter only for integers of another age.
        if spec.is_zone_named && spec.time_unit.is_none() {
            return;
        }
        let source = file.file.source;
        for column in clock_columns(spec, source) {
            let Some(field) = file.column(column).filter(|_| has_values(file, column)) else {
                continue;
            };
            let kind = match field.data_type() {
                DataType::Timestamp(_, Some(_)) => INSTANT,
                DataType::Timestamp(_, None) => WALL,
                // They count from the epoch.
                data_type if data_type.is_integer() || is_number(data_type) => INSTANT,
                // Text is told row by row, and days are of no kind.
                _ => continue,
            };
            let time = FoundTime {
                source,
                file: file.file.shown.clone(),
                piece: 0,
                row: 0,
                column: column.to_owned(),
                value: String::new(),
            };
            if !spec.is_zone_named {
                self.put(kind, &time);
            }
            if let Some(least) = least_old(spec.time_unit, file, column) {
                let value = least.to_string();
                self.put(OLD, &FoundTime { value, ..time });
            }
        }
    }
}

/// The least integer of a column by its statistics, if it is a time before 1990.
fn least_old(unit: Option<TimeUnit>, file: &ParquetFile, column: &str) -> Option<i64> {
    let unit = unit?;
    let groups = 0..file.row_groups().len();
    let least = groups.filter_map(|group| int_bounds(file, group, column));
    let least = least.map(|(least, _)| least).min()?;
    to_micros(least, unit)
        .is_some_and(|at| at.0 < FIRST_US)
        .then_some(least)
}

/// The first time of each kind, as messages show it; those of several shards add up.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct ShownTimes {
    first: [Option<ShownTime>; 4],
}

/// A time, and how a message shows it.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct ShownTime {
    time: FoundTime,
    text: String,
}

impl ShownTimes {
    /// Adds those of another shard.
    pub(crate) fn merge(&mut self, other: ShownTimes) {
        for (own, more) in self.first.iter_mut().zip(other.first) {
            let both = own.take().into_iter().chain(more);
            *own = both.min_by(|a, b| a.time.cmp(&b.time));
        }
    }

    /// Checks that there are not both wall times and instants; returns warnings.
    ///
    /// # Errors
    /// If there are, and the user named no zone.
    pub(crate) fn check(&self, spec: &ReadSpec<'_>) -> Result<Vec<Warning>> {
        let mut warnings = Vec::new();
        if spec.job_kind == JobKind::Sequences {
            warnings.extend(self.offset_warning());
        }
        warnings.extend(self.age_warning());
        let [Some(wall), Some(instant), ..] = &self.first else {
            return Ok(warnings);
        };
        if spec.is_zone_named {
            return Ok(warnings);
        }
        let what = format!(
            "expected all times to tell their zone, or none, found {}, which does not, and {}, which \
             does; {}",
            wall.text,
            instant.text,
            Hint::Zone.text()
        );
        Err(Error::bad_file(&wall.time.file, what))
    }

    /// The warning that days are of UTC, where times have another offset and the user named no zone.
    fn offset_warning(&self) -> Option<Warning> {
        let ShownTime { time, text } = self.first[2].as_ref()?;
        let hint = Hint::ZoneOfDays.text();
        let text = format!("days are cut in UTC, but {text} is of another offset; {hint}");
        Some(Warning::new(WarningCode::UtcDays, time.source, text))
    }

    /// The warning that some integers are of another age, such as seconds among milliseconds.
    fn age_warning(&self) -> Option<Warning> {
        let ShownTime { time, text } = self.first[3].as_ref()?;
        let text = format!(
            "some integer times of {} are before 1990, such as {text}: does the column mix units?",
            time.source.name()
        );
        Some(Warning::new(WarningCode::OldTimes, time.source, text))
    }
}

impl FoundTime {
    /// The time with its place, for a message.
    fn display(&self, opened: &[Opened]) -> String {
        let (file, column) = (&self.file, &self.column);
        let first_of_column = || {
            let mut same = opened.iter().filter(|opened| opened.file().shown == *file);
            let first = match same.next() {
                Some(Opened::Parquet(file)) => first_value(file, column),
                _ => None,
            };
            first.unwrap_or_default()
        };
        let (row, value) = match self.row {
            // A type has no value: the message shows the first of the column.
            0 if self.value.is_empty() => first_of_column(),
            row => (row, self.value.clone()),
        };
        // The row in the file is known only for its first piece.
        match (row, self.piece) {
            (1.., 0) => format!("{value} (row {row}, column \"{column}\", of \"{file}\")"),
            _ => format!("{value} (column \"{column}\" of \"{file}\")"),
        }
    }
}

/// Whether a time in text has an offset other than zero.
fn has_other_offset(text: &[u8]) -> bool {
    // The C ends " UTC".
    if matches!(text.last(), Some(b'Z' | b'z' | b'C')) {
        return false;
    }
    // Behind the date, whose hyphens are no signs: its length differs, and a time of day without colons
    // stands behind 20250815T.
    let clock = match text.iter().position(|byte| *byte == b':') {
        Some(colon) => &text[colon..],
        None if text.iter().take(8).all(u8::is_ascii_digit) => text.get(9..).unwrap_or_default(),
        None => &[],
    };
    // A name in brackets may have hyphens.
    let end = clock.iter().position(|byte| *byte == b'[');
    let clock = &clock[..end.unwrap_or(clock.len())];
    let sign = clock.iter().rposition(|byte| matches!(byte, b'+' | b'-'));
    sign.is_some_and(|at| clock[at..].iter().any(|byte| (b'1'..=b'9').contains(byte)))
}

/// Whether a column of a file may have a value that is not null.
fn has_values(file: &ParquetFile, column: &str) -> bool {
    let groups = file.row_groups().iter().enumerate();
    let mut rows = groups.map(|(at, rows)| {
        let nulls = file
            .statistics(at, column)
            .and_then(|statistics| statistics.null_count_opt());
        (*rows, nulls)
    });
    // The type of a column of nulls says nothing about times.
    rows.any(|(rows, nulls)| rows > 0 && nulls != Some(rows))
}

/// The first value of a column that is not null, and its 1-based row.
fn first_value(file: &ParquetFile, column: &str) -> Option<(u64, String)> {
    let leaves = file.select_names(&[column], |_| false);
    let mut first = None;
    for group in 0..file.row_groups().len() {
        let read = file.read(group, &leaves, |first_row, rows| {
            let array = rows.column_by_name(column);
            let row = array.and_then(|array| (0..array.len()).find(|row| !array.is_null(*row)));
            let Some(row) = row else { return Ok(()) };
            let json = row_as_json(rows, row);
            let value = serde_json::from_str::<serde_json::Value>(&json).unwrap_or_default();
            let text = value[column].as_str().unwrap_or_default();
            first = Some((first_row + count64(row), format!("{text:?}")));
            Err(seen_enough())
        });
        drop(read);
        if first.is_some() {
            break;
        }
    }
    first
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
            "15/Aug/2025:12:00:00 +0200",
            "20250815T120000-0500",
            "20250815T1200+02",
            "2025-8-5 9:00 +02:00[Europe/Berlin]",
        ] {
            assert!(has_other_offset(text.as_bytes()), "{text}");
        }
        for text in [
            "2025-08-15",
            "2025-08-15T12:00:00Z",
            "2025-08-15 12:00:00 UTC",
            "2025-08-15T12:00:00+00:00",
            "2025-08-15T12:00:00-00",
            "1755165600000",
            "20250815T120000",
            "15-August-2025",
            "2025-08-15 12:00:00 +0000 UTC",
            "Fri, 15 Aug 2025 12:00:00 GMT",
            "2025-08-15T12:00:00Z[Etc/GMT-3]",
        ] {
            assert!(!has_other_offset(text.as_bytes()), "{text}");
        }
    }
}
