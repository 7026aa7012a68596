//! For each action of a customer: whether it is in the history of one impression, and why not.

use jiff::tz::TimeZone;

use super::{Bounds, LogAction, LogImpression, LogTime, RepeatRule, Rules, bounds, instant};
use crate::reference::total_order::{SortKey, newest_first, unknown_until};

/// Why an action is not prior.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExclusionReason {
    /// The vocabulary lacks its item.
    UnknownItem,
    /// Its type does not count.
    OtherType,
    /// It happened exactly at the cutoff.
    AtCutoff,
    /// It happened after the cutoff.
    AfterCutoff,
    /// Only its day is known, and that day was not over.
    DayNotOver,
    /// Its availability column is null: it was never available.
    NeverKnown,
    /// Its availability column says that it became available at the cutoff or later.
    KnownLate,
    /// It was under embargo.
    Embargoed,
    /// It happened before the start of the lookback.
    BeforeLookback,
}

/// Whether an action is in the history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ActionOutcome {
    /// It is in the history, at this 0-based position.
    InHistory(usize),
    /// It is prior, but a repeat of one before it in the history.
    Repeat,
    /// It is prior, but older than the newest N.
    BeyondLast,
    /// It is not prior.
    Excluded(ExclusionReason),
}

/// An action and its outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// Its index in the log.
    pub at: usize,
    /// When it happened, in microseconds since the epoch.
    pub time_us: i64,
    /// Whether it is in the history.
    pub outcome: ActionOutcome,
}

/// All actions of a customer at one impression, with their outcomes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// The cutoff, in microseconds since the epoch.
    pub cutoff_us: i64,
    /// The start of the lookback, if there is one.
    pub start_us: Option<i64>,
    /// The actions in the order of histories: newest first.
    pub candidates: Vec<Candidate>,
}

/// The outcome of each action of a log; all actions are of the customer of the impression.
///
/// # Panics
/// If the zone is unknown, or a time is out of the calendar.
pub fn explanation_of<'l>(
    rules: &Rules,
    impression: &LogImpression,
    log: &'l [LogAction],
) -> Explanation {
    let zone = TimeZone::get(&rules.timezone).expect("a known zone");
    let bounds = bounds(rules, &zone, impression);
    let sortable = |(at, action): (usize, &'l LogAction)| {
        let exclusion = exclusion_of(rules, &zone, action, bounds);
        let time = instant(&zone, action.time);
        let key = SortKey {
            time,
            kind: action.kind,
            item: action.item,
            // It orders actions of the history only.
            unknown_until: match exclusion {
                Some(_) => i64::MAX,
                None => unknown_until(rules, &zone, action, time),
            },
            attributes: &action.attributes,
        };
        (key, exclusion, at)
    };
    let mut actions: Vec<(SortKey<'l>, Option<ExclusionReason>, usize)> =
        log.iter().enumerate().map(sortable).collect();
    // The sort is stable: of actions equal in all, the one that was read first comes first.
    actions.sort_by(|(a, ..), (b, ..)| newest_first(rules.repeats, a, b));
    let (mut length, mut before): (_, Option<(i64, u8, i64)>) = (0, None);
    let candidates = actions.into_iter().map(|(key, exclusion, at)| {
        let (time_us, kind, item) = (key.time, key.kind, key.item);
        let is_repeat = match rules.repeats {
            RepeatRule::Kept => false,
            RepeatRule::Exact => before == Some((time_us, kind, item)),
            RepeatRule::Consecutive => before.is_some_and(|(_, kind_before, item_before)| {
                (kind_before, item_before) == (kind, item)
            }),
        };
        let outcome = match exclusion {
            Some(reason) => ActionOutcome::Excluded(reason),
            None if is_repeat => ActionOutcome::Repeat,
            None if length == rules.actions_max => ActionOutcome::BeyondLast,
            None => {
                length += 1;
                ActionOutcome::InHistory(length - 1)
            }
        };
        // Also after a repeat, and beyond the last N: each prior action is compared with the prior
        // one before it.
        if exclusion.is_none() {
            before = Some((time_us, kind, item));
        }
        Candidate {
            at,
            time_us,
            outcome,
        }
    });
    let has_lookback = rules.lookback_days.is_some() || rules.lookback_years.is_some();
    Explanation {
        cutoff_us: bounds.cutoff,
        candidates: candidates.collect(),
        start_us: has_lookback.then_some(bounds.start),
    }
}

/// Of the actions that are not prior at an impression: when the newest happened, and why it is not.
///
/// # Panics
/// As [`explanation_of`].
pub fn newest_excluded<'l>(
    rules: &Rules,
    impression: &LogImpression,
    actions: impl Iterator<Item = &'l LogAction>,
) -> Option<(i64, ExclusionReason)> {
    let zone = TimeZone::get(&rules.timezone).expect("a known zone");
    let bounds = bounds(rules, &zone, impression);
    let excluded = actions.filter_map(|action| {
        let reason = exclusion_of(rules, &zone, action, bounds)?;
        Some((instant(&zone, action.time), reason))
    });
    excluded.max_by_key(|(time, _)| *time)
}

/// Why an action is in no history at all; nothing if it may be in some.
pub(crate) fn never_counts(rules: &Rules, action: &LogAction) -> Option<ExclusionReason> {
    if action.item == 0 {
        return Some(ExclusionReason::UnknownItem);
    }
    let is_other = !rules.types.is_empty() && !rules.types.contains(&action.kind);
    is_other.then_some(ExclusionReason::OtherType)
}

/// Why an action is not prior to a cutoff; nothing if it is.
pub(crate) fn exclusion_of(
    rules: &Rules,
    zone: &TimeZone,
    action: &LogAction,
    bounds: Bounds,
) -> Option<ExclusionReason> {
    let Bounds { cutoff, start } = bounds;
    if let Some(reason) = never_counts(rules, action) {
        return Some(reason);
    }
    let time = instant(zone, action.time);
    let is_over = |time: LogTime| match time {
        LogTime::Date(day) => instant(zone, LogTime::Date(day + 1)) <= cutoff,
        _ => true,
    };
    // Of several reasons the first in this order is reported; whether there is one does not depend
    // on the order.
    if time == cutoff {
        return Some(ExclusionReason::AtCutoff);
    }
    if cutoff < time {
        return Some(ExclusionReason::AfterCutoff);
    }
    if !is_over(action.time) {
        return Some(ExclusionReason::DayNotOver);
    }
    match action.available {
        Some(None) => return Some(ExclusionReason::NeverKnown),
        Some(Some(known)) if cutoff <= instant(zone, known) || !is_over(known) => {
            return Some(ExclusionReason::KnownLate);
        }
        _ => {}
    }
    // Strict as well: what becomes known exactly at the cutoff is too late.
    let embargo = rules.embargo_us[action.log];
    if embargo.is_some_and(|embargo| cutoff <= time.saturating_add(embargo)) {
        return Some(ExclusionReason::Embargoed);
    }
    (time < start).then_some(ExclusionReason::BeforeLookback)
}
