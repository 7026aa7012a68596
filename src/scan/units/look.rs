//! The integers of a column, read until one is a plausible time.

use std::ops::ControlFlow;

use arrow::array::{ArrayRef, AsArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int64Type};

use super::{ImplausibleInts, PlausibleTimes};
use crate::catalog::input::InputFile;
use crate::job::Source;
use crate::scan::parquet::ParquetFile;
use crate::scan::spec::ReadSpec;
use crate::scan::statistics::int_bounds;
use crate::scan::text::columns::WantedColumn;
use crate::scan::text::epoch::{is_day, to_micros};
use crate::scan::text::field::Field;
use crate::scan::text::records::records;
use crate::scan::values::numbers::{is_number, number_texts};
use crate::scan::values::time_format;
use crate::scan::{Opened, seen_enough};

/// After so many texts that are no integers, a column is taken to have none.
const TEXTS_MAX: u32 = 4096;

/// The integers of a column without a plausible time; `None` if it has one, or no integers.
pub(super) fn look<'f>(
    spec: &ReadSpec<'_>,
    opened: &'f [Opened],
    column: &str,
    range: &PlausibleTimes,
) -> Option<ImplausibleInts<'f>> {
    let mut search = PlausibleSearch {
        column,
        range,
        format: spec.time_format,
        ints: None,
        texts: 0,
    };
    let dt = spec.column(Source::Impressions, "dt");
    for opened in opened {
        let file = opened.file();
        // The folder tells the day, so the column is not read.
        if file.source == Source::Impressions && file.day.is_some() && column == dt {
            continue;
        }
        let end = match opened {
            Opened::Parquet(file) => search.read_parquet(file),
            Opened::Text(..) => search.read_text(spec.text_piece_bytes, opened),
            Opened::Empty(..) => continue,
        };
        if end.is_break() {
            return None;
        }
    }
    search.ints
}

/// The search for a plausible time in a column; it breaks when there is one.
struct PlausibleSearch<'f, 'a> {
    column: &'a str,
    range: &'a PlausibleTimes,
    /// The format of texts: what has it is no number, whatever it looks like.
    format: Option<&'a str>,
    /// The integers so far, none of them plausible.
    ints: Option<ImplausibleInts<'f>>,
    /// Texts so far that are no integers.
    texts: u32,
}

impl<'f> PlausibleSearch<'f, '_> {
    /// Whether an integer is a plausible time, and not a day.
    fn is_plausible(&self, value: i64) -> bool {
        self.range.holds(value) && !is_day(value)
    }

    /// Adds one integer.
    fn add(&mut self, file: &'f InputFile, value: i64) -> ControlFlow<()> {
        let is_day = is_day(value);
        self.add_bounds(file, value, value)?;
        if let Some(ints) = &mut self.ints {
            ints.are_days &= is_day;
        }
        ControlFlow::Continue(())
    }

    /// Adds the least and the greatest of some integers.
    fn add_bounds(&mut self, file: &'f InputFile, least: i64, greatest: i64) -> ControlFlow<()> {
        let both = [least, greatest];
        if both.iter().any(|value| self.is_plausible(*value)) {
            return ControlFlow::Break(());
        }
        let ints = self.ints.get_or_insert(ImplausibleInts {
            file,
            least,
            greatest,
            are_days: true,
            is_near: false,
        });
        ints.least = ints.least.min(least);
        ints.greatest = ints.greatest.max(greatest);
        ints.is_near |= both.iter().any(|value| self.range.holds(*value));
        ControlFlow::Continue(())
    }

    /// Reads a Parquet file.
    fn read_parquet(&mut self, file: &'f ParquetFile) -> ControlFlow<()> {
        let column = file.column(self.column);
        let may_be = |found: &DataType| {
            found.is_integer() || *found == DataType::Utf8View || is_number(found)
        };
        if !column.is_some_and(|column| may_be(column.data_type())) {
            return ControlFlow::Continue(());
        }
        let leaves = file.select_names(&[self.column], |_| false);
        for group in 0..file.row_groups().len() {
            let bounds = int_bounds(file, group, self.column);
            if let Some((least, greatest)) = bounds {
                // Bounds are values of the column, so a plausible one settles it.
                let is_plausible = self.is_plausible(least) || self.is_plausible(greatest);
                // Else a value between the bounds may be plausible, so the row group is read.
                if is_plausible || self.is_outside(least, greatest) {
                    self.add_bounds(&file.file, least, greatest)?;
                    // Bounds do not show that what lies between them is a day.
                    if let Some(ints) = &mut self.ints {
                        ints.are_days = false;
                    }
                    continue;
                }
            }
            let mut end = ControlFlow::Continue(());
            // The reader of the row group reports what is wrong with it.
            let read = file.read(group, &leaves, |_, rows| {
                let array = rows.column_by_name(self.column);
                end = array.map_or(ControlFlow::Continue(()), |array| {
                    self.add_all(&file.file, array)
                });
                match end {
                    ControlFlow::Continue(()) => Ok(()),
                    ControlFlow::Break(()) => Err(seen_enough()),
                }
            });
            drop(read);
            end?;
        }
        ControlFlow::Continue(())
    }

    /// Whether no integer between two is a plausible time, and not all can be days.
    fn is_outside(&self, least: i64, greatest: i64) -> bool {
        let at = |value| to_micros(value, self.range.unit).map(|at| at.0);
        let is_early = at(greatest).is_some_and(|at| at < self.range.first_us);
        let is_late = at(least).is_some_and(|at| self.range.last_us < at);
        (is_early || is_late) && !(is_day(least) && is_day(greatest))
    }

    /// Adds the numbers of an array of numbers or texts.
    fn add_all(&mut self, file: &'f InputFile, array: &ArrayRef) -> ControlFlow<()> {
        let texts = match array.data_type() {
            DataType::Utf8View => array.as_string_view().clone(),
            found if is_number(found) => number_texts(array),
            _ => return self.add_ints(file, array),
        };
        let mut texts = texts.iter().flatten();
        texts.try_for_each(|text| self.add_field(file, &Field::Csv(text)))
    }

    /// Adds the integers of an array of integers.
    fn add_ints(&mut self, file: &'f InputFile, array: &ArrayRef) -> ControlFlow<()> {
        let Ok(wide) = cast(array, &DataType::Int64) else {
            return ControlFlow::Continue(());
        };
        let mut values = wide.as_primitive::<Int64Type>().iter().flatten();
        values.try_for_each(|value| self.add(file, value))
    }

    /// Reads a text file.
    fn read_text(&mut self, piece_bytes: usize, opened: &'f Opened) -> ControlFlow<()> {
        let (file, format) = (opened.file(), opened.text_format());
        let columns = [WantedColumn::new(self.column, false)];
        let mut end = ControlFlow::Continue(());
        // The reader of the file reports what is wrong with it.
        let read = records(file, format, &columns, piece_bytes, &mut |record| {
            let Ok([field, ..]) = record.fields else {
                return Ok(());
            };
            end = self.add_field(file, field);
            match end {
                ControlFlow::Continue(()) => Ok(()),
                ControlFlow::Break(()) => Err(seen_enough()),
            }
        });
        drop(read);
        end
    }

    /// Adds a field, if it is an integer.
    fn add_field(&mut self, file: &'f InputFile, field: &Field<'_>) -> ControlFlow<()> {
        let is_text = matches!(field, Field::Csv(_) | Field::Text(_));
        let mut format = self.format.into_iter().filter(|_| is_text);
        if format.any(|format| time_format::parse(format, field.raw()).is_some()) {
            return self.add_text();
        }
        match field.units() {
            Some(value) => self.add(file, value),
            None if field.is_null() => ControlFlow::Continue(()),
            None => self.add_text(),
        }
    }

    /// Adds a text that is no number.
    fn add_text(&mut self) -> ControlFlow<()> {
        self.texts += 1;
        if self.texts >= TEXTS_MAX {
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    }
}
