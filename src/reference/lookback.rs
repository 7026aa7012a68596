//! Lookbacks of calendar years.

use jiff::Span;
use jiff::civil::DateTime;

/// The wall time some calendar years earlier; from 29 February it is 28 February where there is no other.
/// Beyond jiff's calendar it is before everything.
pub(super) fn years_earlier(wall: i64, years: u32) -> i64 {
    let epoch = DateTime::constant(1970, 1, 1, 0, 0, 0, 0);
    let since = Span::new().try_microseconds(wall);
    let at = since.and_then(|since| epoch.checked_add(since));
    let earlier = at.and_then(|at| at.checked_sub(Span::new().try_years(years)?));
    let since = earlier.and_then(|earlier| earlier.since((jiff::Unit::Microsecond, epoch)));
    since.map_or(i64::MIN, |since| since.get_microseconds())
}
