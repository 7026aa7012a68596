//! Actions in histories whose data landed on or after the day of the impression.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use jiff::tz::TimeZone;

use super::{
    ActionOutcome, LogAction, LogImpression, LogTime, RepeatRule, Rules, explanation_of, instant,
    sequences,
};

/// The number of actions in the histories of all samples that landed on a day that was not over at the
/// cutoff, by the day of the impression and the index of the log. Each action comes with the day on which
/// it landed; of actions equal in all else the one that landed later is the newer one.
///
/// # Panics
/// If the zone is unknown, or a day is out of the calendar.
pub fn landed_late(
    rules: &Rules,
    impressions: &[LogImpression],
    log: &[(LogAction, Option<i32>)],
) -> BTreeMap<(i32, usize), u64> {
    let zone = TimeZone::get(&rules.timezone).expect("a known zone");
    let mut late = BTreeMap::new();
    for impression in impressions {
        let samples = sequences(rules, std::slice::from_ref(impression), &[]);
        let is_own = |(action, _): &&(LogAction, Option<i32>)| {
            action.customer.is_some() && action.customer == impression.customer
        };
        let mut own: Vec<_> = log.iter().filter(is_own).collect();
        // The order of a history is stable: the first of equal actions is the newest, and of exact
        // repeats the first is the one that is kept.
        match rules.repeats {
            RepeatRule::Exact => own.sort_by_key(|(_, landed)| *landed),
            RepeatRule::Kept | RepeatRule::Consecutive => {
                own.sort_by_key(|(_, landed)| Reverse(*landed));
            }
        }
        let actions: Vec<LogAction> = own.iter().map(|(action, _)| action.clone()).collect();
        let explanation = explanation_of(rules, impression, &actions);
        for candidate in explanation.candidates {
            let (action, landed) = own[candidate.at];
            let is_late = |day: i32| explanation.cutoff_us < instant(&zone, LogTime::Date(day + 1));
            if matches!(candidate.outcome, ActionOutcome::InHistory(_))
                && landed.is_some_and(is_late)
            {
                let count = late.entry((impression.day, action.log)).or_insert(0);
                *count += u64::try_from(samples.len()).expect("few samples");
            }
        }
    }
    late
}
