//! Which real records are written together with canaries: all around an impression, or the nearest if
//! there are many.
//!
//! **Why so**: whether an action at a cutoff is distinguished from one before it does not depend on old
//! actions, and millions of rows of one customer would fill the temporary folder.

use jiff::Span;
use jiff::civil::DateTime;
use serde_json::{Value, json};

use crate::calendar::date_text;
use crate::ids::Day;
use crate::reference::{LogAction, LogTime, instants_in};
use crate::verify::audit::canaries::input::attribute_values;

/// The most records around one impression.
pub(super) const NEAR_MAX: usize = 1000;

/// The nearest [`NEAR_MAX`] places, ascending, given each place with its distance.
pub(super) fn nearest(mut places: Vec<(u64, usize)>) -> Vec<usize> {
    if places.len() > NEAR_MAX {
        // No two pairs are equal, so which are kept is fixed, although their order is not.
        places.select_nth_unstable(NEAR_MAX);
        places.truncate(NEAR_MAX);
    }
    let mut places: Vec<usize> = places.into_iter().map(|(_, place)| place).collect();
    places.sort_unstable();
    places
}

/// The nearest actions around a time that can be written as JSON, in the order of their log.
pub(super) fn actions_around(timezone: &str, log: &[LogAction], at: i64) -> Vec<LogAction> {
    let is_whole = |action: &LogAction| {
        let times = [Some(action.time), action.available.flatten()];
        let is_writable = times.into_iter().flatten().all(is_writable);
        is_writable && attribute_values(&action.attributes).is_some()
    };
    let whole = log
        .iter()
        .enumerate()
        .filter(|(_, action)| is_whole(action));
    let (places, times): (Vec<usize>, Vec<LogTime>) =
        whole.map(|(place, action)| (place, action.time)).unzip();
    let times = instants_in(timezone, times.into_iter()).into_iter();
    let near = nearest(times.map(|time| time.abs_diff(at)).zip(places).collect());
    near.into_iter().map(|place| log[place].clone()).collect()
}

/// Whether a time can be written as JSON; text covers fewer years than the calendar.
pub(super) fn is_writable(time: LogTime) -> bool {
    let day = match time {
        LogTime::Instant(_) => return true,
        LogTime::Wall(wall) => wall.div_euclid(86_400_000_000),
        LogTime::Date(day) => i64::from(day),
    };
    (-719_000..2_932_000).contains(&day)
}

/// A time in JSON: an instant as microseconds, else as text.
pub(super) fn time_value(time: LogTime) -> Value {
    let epoch = DateTime::constant(1970, 1, 1, 0, 0, 0, 0);
    match time {
        LogTime::Instant(at) => json!(at),
        LogTime::Wall(wall) => {
            let wall = epoch.saturating_add(Span::new().microseconds(wall));
            json!(wall.to_string())
        }
        LogTime::Date(day) => json!(date_text(Day(day))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_many_places_the_nearest_are_kept() {
        let places = |count: usize| (0..count).map(|at| (ids(at).abs_diff(5000), at)).collect();
        assert_eq!(nearest(places(10)), (0..10).collect::<Vec<_>>());
        let near = nearest(places(10_000));
        assert_eq!(near.len(), NEAR_MAX);
        assert!(
            near.iter().all(|at| ids(*at).abs_diff(5000) <= 500),
            "{near:?}"
        );
    }

    /// A place as 64 bits.
    fn ids(at: usize) -> u64 {
        u64::try_from(at).expect("small")
    }
}
