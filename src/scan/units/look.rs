//! The integers of a column, until one can be meant.

use std::ops::ControlFlow;

use arrow::array::{ArrayRef, AsArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int64Type};
use parquet::file::statistics::Statistics;

use super::{Range, Seen, is_day};
use crate::catalog::input::InputFile;
use crate::job::{Source, TimeUnit};
use crate::scan::parquet::ParquetFile;
use crate::scan::spec::ReadSpec;
use crate::scan::text::field::{Field, to_micros};
use crate::scan::text::records::{TextColumn, records};
use crate::scan::{Opened, seen_enough};

/// Texts of a column that are no integers, after which none is looked for any more.
const TEXTS_MAX: u32 = 4096;

/// Looks at the integers of a column until one can be meant; nothing if one can, or there are none.
pub(super) fn look<'f>(
    spec: &ReadSpec<'_>,
    opened: &'f [Opened],
    column: &str,
    (unit, range): (TimeUnit, &Range),
) -> Option<Seen<'f>> {
    let mut looking = Looking {
        column,
        unit,
        range,
        seen: None,
        texts: 0,
    };
    let dt = spec.column(Source::Impressions, "dt");
    for of in opened {
        let file = of.file();
        // A folder that tells the day leaves nobody to ask the column.
        if file.source == Source::Impressions && file.day.is_some() && column == dt {
            continue;
        }
        let looked = match of {
            Opened::Parquet(file) => looking.at_parquet(file),
            Opened::Text(..) => looking.at_text(spec.text_piece_bytes, of),
            Opened::Empty(..) => continue,
        };
        if looked.is_break() {
            return None;
        }
    }
    looking.seen
}

/// A look at a column.
struct Looking<'f, 'a> {
    column: &'a str,
    /// The unit of its integers.
    unit: TimeUnit,
    /// What they can be.
    range: &'a Range,
    seen: Option<Seen<'f>>,
    /// Texts that are no integers, so far.
    texts: u32,
}

impl<'f> Looking<'f, '_> {
    /// Whether an integer is meant as the time that it is read as.
    fn is_meant(&self, value: i64) -> bool {
        self.range.holds(value, self.unit) && !is_day(value)
    }

    /// Takes note of the least and the most of some integers, which are all there are of these if
    /// `are_all`; ends the look if one of them is meant.
    fn meet(&mut self, file: &'f InputFile, ends: (i64, i64), are_all: bool) -> ControlFlow<()> {
        let both = [ends.0, ends.1];
        if both.iter().any(|of| self.is_meant(*of)) {
            return ControlFlow::Break(());
        }
        let seen = self.seen.get_or_insert(Seen {
            file,
            bounds: ends,
            are_days: true,
            is_near: false,
        });
        seen.bounds = (seen.bounds.0.min(ends.0), seen.bounds.1.max(ends.1));
        seen.are_days &= are_all && both.iter().all(|of| is_day(*of));
        seen.is_near |= both.iter().any(|of| self.range.holds(*of, self.unit));
        ControlFlow::Continue(())
    }

    /// Looks at a Parquet file.
    fn at_parquet(&mut self, file: &'f ParquetFile) -> ControlFlow<()> {
        let is_integer = |of: &DataType| of.is_integer();
        let column = file.column(self.column);
        if !column.is_some_and(|of| is_integer(of.data_type())) {
            return ControlFlow::Continue(());
        }
        let leaves = file.leaves(|path| path == [self.column]);
        for group in 0..file.row_groups().len() {
            let bounds = bounds_of(file, group, self.column);
            if let Some((least, most)) = bounds {
                let is_beside = self.is_beside(least, most);
                if self.is_meant(least) || self.is_meant(most) || is_beside {
                    self.meet(&file.file, (least, most), false)?;
                    continue;
                }
            }
            let mut end = ControlFlow::Continue(());
            // What is wrong with the row group is found by who reads it.
            let read = file.read(group, &leaves, |_, rows| {
                let array = rows.column_by_name(self.column);
                end = array.map_or(ControlFlow::Continue(()), |array| {
                    self.meet_all(&file.file, array)
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

    /// Whether no integer between two can be meant, nor can all be days.
    fn is_beside(&self, least: i64, most: i64) -> bool {
        let at = |value| to_micros(value, self.unit).map(|at| at.0);
        let is_early = at(most).is_some_and(|at| at < self.range.first);
        let is_late = at(least).is_some_and(|at| self.range.last < at);
        (is_early || is_late) && !(is_day(least) && is_day(most))
    }

    /// Takes note of the integers of an array.
    fn meet_all(&mut self, file: &'f InputFile, array: &ArrayRef) -> ControlFlow<()> {
        let Ok(wide) = cast(array, &DataType::Int64) else {
            return ControlFlow::Continue(());
        };
        let mut values = wide.as_primitive::<Int64Type>().iter().flatten();
        values.try_for_each(|value| self.meet(file, (value, value), true))
    }

    /// Looks at a text file.
    fn at_text(&mut self, piece_bytes: usize, of: &'f Opened) -> ControlFlow<()> {
        let (file, format) = (of.file(), of.text_format());
        let columns = [TextColumn::new(self.column, false)];
        let mut end = ControlFlow::Continue(());
        // What is wrong with the file is found by who reads it.
        let read = records(file, format, &columns, piece_bytes, &mut |record| {
            let Ok([field, ..]) = record.fields else {
                return Ok(());
            };
            end = self.at_field(file, field);
            match end {
                ControlFlow::Continue(()) => Ok(()),
                ControlFlow::Break(()) => Err(seen_enough()),
            }
        });
        drop(read);
        end
    }

    /// Looks at a field.
    fn at_field(&mut self, file: &'f InputFile, field: &Field<'_>) -> ControlFlow<()> {
        if let Some(value) = field.int() {
            return self.meet(file, (value, value), true);
        }
        self.texts += u32::from(!field.is_null());
        match self.texts < TEXTS_MAX {
            true => ControlFlow::Continue(()),
            false => ControlFlow::Break(()),
        }
    }
}

/// The least and the most integer of a row group, if statistics tell.
pub(in crate::scan) fn bounds_of(
    file: &ParquetFile,
    group: usize,
    name: &str,
) -> Option<(i64, i64)> {
    let column = file.column(name)?.data_type();
    if !column.is_signed_integer() {
        return None;
    }
    match file.statistics(group, name)? {
        Statistics::Int32(of) => Some((i64::from(*of.min_opt()?), i64::from(*of.max_opt()?))),
        Statistics::Int64(of) => Some((*of.min_opt()?, *of.max_opt()?)),
        _ => None,
    }
}
