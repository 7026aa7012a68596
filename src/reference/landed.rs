//! Actions in histories that landed on or after the day of their impression.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use jiff::tz::TimeZone;

use super::{Fate, LogAction, LogImpression, LogTime, Repeats, Rules, fates, instant, sequences};

/// How many of the actions in the histories of all samples landed on a day that was not over at the
/// cutoff: by the day of the impression and the place of the log, given with each action the day that it
/// landed. Of actions alike in all else the one that landed later is the newer one.
///
/// # Panics
/// If the zone is unknown, or a day is out of the calendar.
pub fn landed_late(
    rules: &Rules,
    shown: &[LogImpression],
    log: &[(LogAction, Option<i32>)],
) -> BTreeMap<(i32, usize), u64> {
    let zone = TimeZone::get(&rules.timezone).expect("a known zone");
    let mut late = BTreeMap::new();
    for impression in shown {
        let samples = sequences(rules, std::slice::from_ref(impression), &[]);
        let is_own = |of: &&(LogAction, Option<i32>)| {
            of.0.customer.is_some() && of.0.customer == impression.customer
        };
        let mut own: Vec<_> = log.iter().filter(is_own).collect();
        // Of those alike in all the first is taken for the newest; of repeats it is the one that is left.
        match rules.repeats {
            Repeats::Exact => own.sort_by_key(|(_, landed)| *landed),
            Repeats::Kept | Repeats::Consecutive => own.sort_by_key(|(_, landed)| Reverse(*landed)),
        }
        let actions: Vec<LogAction> = own.iter().map(|(action, _)| action.clone()).collect();
        let known = fates(rules, impression, &actions);
        for candidate in known.candidates {
            let (action, landed) = own[candidate.at];
            let is_late = |day: i32| known.cutoff_us < instant(&zone, LogTime::Date(day + 1));
            if matches!(candidate.fate, Fate::Kept(_)) && landed.is_some_and(is_late) {
                let count = late.entry((impression.day, action.log)).or_insert(0);
                *count += u64::try_from(samples.len()).expect("few samples");
            }
        }
    }
    late
}
