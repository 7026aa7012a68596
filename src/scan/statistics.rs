//! What the statistics of a row group tell of a column: the least and the greatest integer or time.
//!
//! **Invariants**: bounds are given only where every value is known to lie within them and, of times,
//! none is null.

use arrow::datatypes::DataType;
use parquet::file::statistics::Statistics;

use crate::ids::{Day, Micros};
use crate::job::TimeUnit;
use crate::scan::parquet::ParquetFile;
use crate::scan::spec::ReadSpec;
use crate::scan::text::epoch::{to_micros, unit_of};
use crate::scan::text::field::Clock;
use crate::scan::text::times::WrittenTime;

/// The least and the greatest integer of a column in a row group; nulls may stand among them.
pub(crate) fn int_bounds(file: &ParquetFile, row_group: usize, name: &str) -> Option<(i64, i64)> {
    let column = file.column(name)?.data_type();
    // Statistics store unsigned integers as signed ones, so large ones would be negative.
    if !column.is_signed_integer() {
        return None;
    }
    match file.statistics(row_group, name)? {
        Statistics::Int32(ints) => Some((i64::from(*ints.min_opt()?), i64::from(*ints.max_opt()?))),
        Statistics::Int64(ints) => Some((*ints.min_opt()?, *ints.max_opt()?)),
        _ => None,
    }
}

/// The oldest and the newest time of a column in a row group, if none is null and all are of the years
/// 1 to 9999.
pub(crate) fn time_bounds(
    spec: &ReadSpec<'_>,
    file: &ParquetFile,
    row_group: usize,
    name: &str,
) -> Option<(Micros, Micros)> {
    let spec = spec.of_source(file.file.source);
    let (oldest, newest) = written_bounds(spec.time_unit, file, row_group, name)?;
    let clock = Clock::new(&spec);
    let are_near = oldest.is_near(clock.zone) && newest.is_near(clock.zone);
    // Resolving keeps the order of times, also where clocks change, so bounds stay bounds.
    are_near.then(|| (clock.resolve(oldest).at, clock.resolve(newest).at))
}

/// The oldest and the newest time of a column as statistics have them, if none is null.
fn written_bounds(
    time_unit: Option<TimeUnit>,
    file: &ParquetFile,
    row_group: usize,
    name: &str,
) -> Option<(WrittenTime, WrittenTime)> {
    let statistics = file.statistics(row_group, name)?;
    // A writer that does not count nulls proves nothing.
    if statistics.null_count_opt()? != 0 {
        return None;
    }
    match (file.column(name)?.data_type(), statistics) {
        (DataType::Date32, Statistics::Int32(days)) => {
            let (first, last) = (Day(*days.min_opt()?), Day(*days.max_opt()?));
            Some((WrittenTime::Date(first), WrittenTime::Date(last)))
        }
        (DataType::Timestamp(unit, tz), Statistics::Int64(times)) => {
            let unit = unit_of(*unit);
            let at = |value| {
                let micros = to_micros(value, unit)?;
                Some(match tz {
                    Some(_) => WrittenTime::Instant(micros),
                    None => WrittenTime::Wall(micros.0),
                })
            };
            Some((at(*times.min_opt()?)?, at(*times.max_opt()?)?))
        }
        (data_type, Statistics::Int64(ints)) if data_type.is_signed_integer() => {
            let at = |value| to_micros(value, time_unit?).map(WrittenTime::Instant);
            Some((at(*ints.min_opt()?)?, at(*ints.max_opt()?)?))
        }
        _ => None,
    }
}
