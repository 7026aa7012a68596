//! What of the inputs is planted beside canaries: all of it, or, where that is a lot, what lies nearest.
//!
//! **Why so**: whether an action at a cutoff is told from one before it does not depend on what
//! happened years ago, and nobody wants millions of rows of one customer in a temporary folder.

use jiff::Span;
use jiff::civil::DateTime;
use serde_json::{Value, json};

use crate::calendar::date_text;
use crate::ids::Day;
use crate::reference::{LogAction, LogTime, instants_in};
use crate::verify::audit::canary_input::told_values;

/// Records around one impression, at most.
pub(super) const NEAR_MAX: usize = 1000;

/// Of some places, each with how far it is from a moment, those that are nearest, ascending.
pub(super) fn nearest(mut places: Vec<(u64, usize)>) -> Vec<usize> {
    if places.len() > NEAR_MAX {
        places.select_nth_unstable(NEAR_MAX);
        places.truncate(NEAR_MAX);
    }
    let mut places: Vec<usize> = places.into_iter().map(|(_, place)| place).collect();
    places.sort_unstable();
    places
}

/// The actions around a moment that can be written down, in the order of their log.
pub(super) fn actions_around(timezone: &str, log: &[LogAction], at: i64) -> Vec<LogAction> {
    let is_whole = |of: &LogAction| {
        let mut times = [Some(of.time), of.available.flatten()]
            .into_iter()
            .flatten();
        times.all(is_writable) && told_values(&of.told).is_some()
    };
    let whole = log.iter().enumerate().filter(|(_, of)| is_whole(of));
    let (places, times): (Vec<usize>, Vec<LogTime>) =
        whole.map(|(place, of)| (place, of.time)).unzip();
    let times = instants_in(timezone, times.into_iter()).into_iter();
    let near = nearest(times.map(|time| time.abs_diff(at)).zip(places).collect());
    near.into_iter().map(|place| log[place].clone()).collect()
}

/// Whether a time can be written as text, if that is how it is written.
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
    fn of_many_places_the_nearest_are_left() {
        let places = |count: usize| (0..count).map(|at| (ids(at).abs_diff(5000), at)).collect();
        assert_eq!(nearest(places(10)), (0..10).collect::<Vec<_>>());
        let near = nearest(places(10_000));
        assert_eq!(near.len(), NEAR_MAX);
        assert!(
            near.iter().all(|at| ids(*at).abs_diff(5000) <= 500),
            "{near:?}"
        );
    }

    /// A place as a number.
    fn ids(at: usize) -> u64 {
        u64::try_from(at).expect("small")
    }
}
