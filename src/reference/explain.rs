//! What becomes of each action of a customer at one impression, and why.

use jiff::tz::TimeZone;

use super::{LogAction, LogImpression, LogTime, Repeats, Rules, bounds, instant};
use crate::reference::total_order::{Entry, known, newest_first};

/// Why an action is not prior.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Barred {
    /// It is on an item that does not count.
    UnknownItem,
    /// It is of a kind that does not count.
    OtherType,
    /// It happened at the very moment of the cutoff.
    AtCutoff,
    /// It happened after the cutoff.
    AfterCutoff,
    /// All that is known is its day, which was not over.
    DayNotOver,
    /// Its column of availability says that it was never known.
    NeverKnown,
    /// Its column of availability says that it was known at the cutoff or later.
    KnownLate,
    /// It was held back for an embargo.
    Embargoed,
    /// It happened before the lookback begins.
    BeforeLookback,
}

/// What becomes of an action.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It is in the history, at a place from 0.
    Kept(usize),
    /// It is prior, but one that comes before it in the history stands for it.
    Repeat,
    /// It is prior, but older than as many as a history holds.
    BeyondLast,
    /// It is not prior.
    Barred(Barred),
}

/// An action, and what becomes of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// Its place in the log.
    pub at: usize,
    /// When it happened, in microseconds since the epoch.
    pub time_us: i64,
    /// What becomes of it.
    pub fate: Fate,
}

/// What becomes of all actions of a customer at one impression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fates {
    /// The cutoff, in microseconds since the epoch.
    pub cutoff_us: i64,
    /// Where the lookback begins, if it does.
    pub start_us: Option<i64>,
    /// The actions, in the order of histories: newest first.
    pub candidates: Vec<Candidate>,
}

/// What becomes of each action of a log, all of which are of the customer of an impression.
///
/// # Panics
/// If the zone is unknown, or a time is out of the calendar.
pub fn fates<'l>(rules: &Rules, shown: &LogImpression, log: &'l [LogAction]) -> Fates {
    let zone = TimeZone::get(&rules.timezone).expect("a known zone");
    let (cutoff, start) = bounds(rules, &zone, shown);
    let entry = |(at, of): (usize, &'l LogAction)| {
        let barred = barred(rules, &zone, of, (cutoff, start));
        let time = instant(&zone, of.time);
        // When others were known does not matter.
        let known = match barred {
            Some(_) => i64::MAX,
            None => known(rules, &zone, of, time),
        };
        let entry: Entry<'_> = (time, of.kind, of.item, known, &of.told);
        (entry, barred, at)
    };
    let mut actions: Vec<(Entry<'l>, Option<Barred>, usize)> =
        log.iter().enumerate().map(entry).collect();
    // Of duplicates alike in all the one that was read first comes first.
    actions.sort_by(|(a, ..), (b, ..)| newest_first(rules.repeats, a, b));
    let (mut kept, mut before): (_, Option<(i64, u8, i64)>) = (0, None);
    let candidates = actions.into_iter().map(|(entry, barred, at)| {
        let (time_us, kind, item, ..) = entry;
        let is_repeat = match rules.repeats {
            Repeats::Kept => false,
            Repeats::Exact => before == Some((time_us, kind, item)),
            Repeats::Consecutive => before.is_some_and(|of| (of.1, of.2) == (kind, item)),
        };
        let fate = match barred {
            Some(why) => Fate::Barred(why),
            None if is_repeat => Fate::Repeat,
            None if kept == rules.actions_max => Fate::BeyondLast,
            None => {
                kept += 1;
                Fate::Kept(kept - 1)
            }
        };
        if !matches!(fate, Fate::Barred(_)) {
            before = Some((time_us, kind, item));
        }
        Candidate { at, time_us, fate }
    });
    Fates {
        cutoff_us: cutoff,
        candidates: candidates.collect(),
        start_us: rules.lookback_days.map(|_| start),
    }
}

/// When the newest of some actions happened that are not prior at an impression, and why it is not.
///
/// # Panics
/// As [`fates`].
pub fn newest_barred<'l>(
    rules: &Rules,
    shown: &LogImpression,
    actions: impl Iterator<Item = &'l LogAction>,
) -> Option<(i64, Barred)> {
    let zone = TimeZone::get(&rules.timezone).expect("a known zone");
    let bounds = bounds(rules, &zone, shown);
    let barred = actions.filter_map(|of| {
        let why = barred(rules, &zone, of, bounds)?;
        Some((instant(&zone, of.time), why))
    });
    barred.max_by_key(|(time, _)| *time)
}

/// Why an action is in no history at all; nothing if it may be in some.
pub(crate) fn excluded(rules: &Rules, of: &LogAction) -> Option<Barred> {
    if of.item == 0 {
        return Some(Barred::UnknownItem);
    }
    let is_other = !rules.types.is_empty() && !rules.types.contains(&of.kind);
    is_other.then_some(Barred::OtherType)
}

/// Why an action is not prior to a cutoff, for a lookback that begins at `start`; nothing if it is.
pub(crate) fn barred(
    rules: &Rules,
    zone: &TimeZone,
    of: &LogAction,
    (cutoff, start): (i64, i64),
) -> Option<Barred> {
    if let Some(why) = excluded(rules, of) {
        return Some(why);
    }
    let time = instant(zone, of.time);
    let is_over = |time: LogTime| match time {
        LogTime::Date(day) => instant(zone, LogTime::Date(day + 1)) <= cutoff,
        _ => true,
    };
    if time == cutoff {
        return Some(Barred::AtCutoff);
    }
    if cutoff < time {
        return Some(Barred::AfterCutoff);
    }
    if !is_over(of.time) {
        return Some(Barred::DayNotOver);
    }
    match of.available {
        Some(None) => return Some(Barred::NeverKnown),
        Some(Some(known)) if cutoff <= instant(zone, known) || !is_over(known) => {
            return Some(Barred::KnownLate);
        }
        _ => {}
    }
    let embargo = rules.embargo_us[of.log];
    if embargo.is_some_and(|embargo| cutoff <= time.saturating_add(embargo)) {
        return Some(Barred::Embargoed);
    }
    (time < start).then_some(Barred::BeforeLookback)
}
