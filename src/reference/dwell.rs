//! The reference for `dwell`: maps of everything, and a walk along each user's events.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use jiff::tz::TimeZone;

use super::dwell_rows::{DwellRules, FlyerRow, LogEvent, MerchantRow, UserDayRow, UserRow};
use super::{DAY_US, LogTime, east_us, instant};

/// A contribution to a stay.
#[derive(Clone)]
struct StayPiece {
    flyer: String,
    /// For spans the time of an event, for sessions a length.
    us: i64,
    /// Whether it counts as an event; the part of an event after midnight does not.
    is_event: bool,
}

/// The pieces of each stay, by user, merchant and day.
type StaysByDay = BTreeMap<(String, String, i32), Vec<StayPiece>>;

/// The tables of users with merchants, and of merchants, sorted.
///
/// # Panics
/// If the zone is unknown, a time is out of the calendar, or an id is no integer where it must be.
pub fn dwell(rules: &DwellRules, log: &[LogEvent]) -> (Vec<UserRow>, Vec<MerchantRow>) {
    let mut users: Vec<UserRow> = stays(rules, log)
        .into_iter()
        .map(|((user, merchant, day), pieces)| {
            let time = time_of(rules, &pieces);
            UserRow {
                avg_seconds: time.seconds,
                flyers: time.flyers,
                events: time.events,
                user,
                merchant,
                day,
            }
        })
        .collect();
    // The map has ids in the order of texts; the order of integers is another.
    users.sort_by(|a, b| {
        let by_user = by_id(rules, &a.user, &b.user);
        by_user
            .then_with(|| by_id(rules, &a.merchant, &b.merchant))
            .then(a.day.cmp(&b.day))
    });
    let merchants = merchants(rules, &users);
    (users, merchants)
}

/// The tables of users by day, and of flyers, sorted.
///
/// # Panics
/// As [`dwell`] does.
pub fn dwell_by_day(rules: &DwellRules, log: &[LogEvent]) -> (Vec<UserDayRow>, Vec<FlyerRow>) {
    let mut of_users: BTreeMap<(String, i32), Vec<StayPiece>> = BTreeMap::new();
    let mut of_flyers: BTreeMap<(String, i32), BTreeMap<String, Vec<StayPiece>>> = BTreeMap::new();
    for ((user, _, day), pieces) in stays(rules, log) {
        for piece in pieces {
            let by_user = of_flyers.entry((piece.flyer.clone(), day)).or_default();
            by_user.entry(user.clone()).or_default().push(piece.clone());
            of_users.entry((user.clone(), day)).or_default().push(piece);
        }
    }
    let users = of_users.into_iter().map(|((user, day), pieces)| {
        let time = time_of(rules, &pieces);
        UserDayRow {
            user,
            day,
            avg_seconds: time.seconds,
            flyers: time.flyers,
            events: time.events,
        }
    });
    let flyers = of_flyers.into_iter().map(|((flyer, day), by_user)| {
        let seconds = by_user
            .values()
            .map(|pieces| time_of(rules, pieces).seconds);
        let over = over_users(seconds.collect());
        FlyerRow {
            flyer,
            day,
            users: over.users,
            avg_seconds: over.mean,
            p50_seconds: over.p50,
            p95_seconds: over.p95,
        }
    });
    let (mut users, mut flyers): (Vec<_>, Vec<_>) = (users.collect(), flyers.collect());
    users.sort_by(|a, b| by_id(rules, &a.user, &b.user).then(a.day.cmp(&b.day)));
    flyers.sort_by(|a, b| by_id(rules, &a.flyer, &b.flyer).then(a.day.cmp(&b.day)));
    (users, flyers)
}

/// The pieces of each stay.
fn stays(rules: &DwellRules, log: &[LogEvent]) -> StaysByDay {
    let zone = TimeZone::get(&rules.timezone).expect("a known zone");
    let counted = log
        .iter()
        .filter(|event| !rules.ignores.contains(&event.event));
    let mut log: Vec<LogEvent> = counted.cloned().collect();
    if rules.once {
        log = without_repeats(&zone, &log);
    }
    if rules.is_session {
        lengths(rules, &zone, &log)
    } else {
        open_times(rules, &zone, &log)
    }
}

/// The time of some pieces of one user and day.
struct PiecesTime {
    /// Seconds per flyer or per event.
    seconds: f64,
    /// The number of distinct flyers.
    flyers: usize,
    /// The number of events.
    events: usize,
}

/// The time of some pieces of one user and day.
fn time_of(rules: &DwellRules, pieces: &[StayPiece]) -> PiecesTime {
    let flyers: BTreeSet<&String> = pieces.iter().map(|piece| &piece.flyer).collect();
    let flyers = flyers.len();
    let events = pieces.iter().filter(|piece| piece.is_event).count();
    let us = || pieces.iter().map(|piece| piece.us);
    let (total_us, divisor) = match (rules.is_session, rules.by_flyers) {
        (true, _) => (us().sum(), flyers),
        (false, by_flyers) => {
            let span = us().max().expect("a piece") - us().min().expect("a piece");
            (span, if by_flyers { flyers } else { events })
        }
    };
    PiecesTime {
        // Two roundings, where the engine has one: the audit allows a relative difference of 1e-12.
        seconds: number(total_us) / 1e6 / count(divisor),
        flyers,
        events,
    }
}

/// What a place has over its users.
struct OverUsers {
    /// How many there are.
    users: usize,
    /// The mean of their seconds.
    mean: f64,
    /// The median.
    p50: f64,
    /// The 95th percentile.
    p95: f64,
}

/// The mean and the percentiles of the seconds of users.
fn over_users(mut seconds: Vec<f64>) -> OverUsers {
    // Also for the mean: a sum of floats depends on the order of its terms, and the engine adds in
    // ascending order too.
    seconds.sort_by(f64::total_cmp);
    OverUsers {
        users: seconds.len(),
        mean: seconds.iter().sum::<f64>() / count(seconds.len()),
        p50: percentile(&seconds, 50),
        p95: percentile(&seconds, 95),
    }
}

/// The events without those that are equal to an earlier one.
fn without_repeats(zone: &TimeZone, log: &[LogEvent]) -> Vec<LogEvent> {
    let (mut seen, mut once) = (BTreeSet::new(), Vec::new());
    for event in log {
        // With the offset: one instant written with two offsets may be on two days.
        let when = (instant(zone, event.time), event.east_minutes);
        let what = (&event.user, &event.event, &event.flyer, &event.merchant);
        if seen.insert((when, what)) {
            once.push(event.clone());
        }
    }
    once
}

/// The rows of the table of merchants.
fn merchants(rules: &DwellRules, users: &[UserRow]) -> Vec<MerchantRow> {
    let mut by_day: BTreeMap<(&str, i32), Vec<f64>> = BTreeMap::new();
    for row in users {
        let seconds = by_day.entry((&row.merchant, row.day)).or_default();
        seconds.push(row.avg_seconds);
    }
    let mut rows: Vec<MerchantRow> = by_day
        .into_iter()
        .map(|((merchant, day), seconds)| {
            let over = over_users(seconds);
            MerchantRow {
                merchant: merchant.to_owned(),
                day,
                users: over.users,
                avg_seconds: over.mean,
                p50_seconds: over.p50,
                p95_seconds: over.p95,
            }
        })
        .collect();
    rows.sort_by(|a, b| by_id(rules, &a.merchant, &b.merchant).then(a.day.cmp(&b.day)));
    rows
}

/// A percentile by linear interpolation between the two nearest ranks.
fn percentile(sorted: &[f64], percent: usize) -> f64 {
    // In integers, so that no rounding decides which ranks are the nearest.
    let place = (sorted.len() - 1) * percent;
    let (low, high) = (place / 100, place.div_ceil(100));
    let part = count(place % 100) / 100.0;
    sorted[low] * (1.0 - part) + sorted[high] * part
}

/// For spans: the times of all events that open something.
fn open_times(rules: &DwellRules, zone: &TimeZone, log: &[LogEvent]) -> StaysByDay {
    let mut stays = StaysByDay::new();
    for event in log {
        if !rules.opens.contains(&event.event) {
            continue;
        }
        let (flyer, merchant) = (event.flyer.clone(), event.merchant.clone());
        let at = instant(zone, event.time);
        let key = (
            event.user.clone(),
            merchant.expect("opens have a merchant"),
            day_of(zone, event, at),
        );
        let piece = StayPiece {
            flyer: flyer.expect("opens have a flyer"),
            us: at,
            is_event: true,
        };
        stays.entry(key).or_default().push(piece);
    }
    stays
}

/// An event with its sort key among those of its user.
struct SortedEvent<'e> {
    /// When it happened, in microseconds since the epoch.
    at: i64,
    /// The tie-break of events at one time: by name, then by the offset of the time.
    rank: (i32, (i32, i64)),
    event: &'e LogEvent,
}

/// For sessions: how long each event on a flyer lasted, split at midnight.
fn lengths(rules: &DwellRules, zone: &TimeZone, log: &[LogEvent]) -> StaysByDay {
    let mut by_user: BTreeMap<&str, Vec<SortedEvent<'_>>> = BTreeMap::new();
    for event in log {
        let sorted = sorted_event(rules, zone, event);
        by_user.entry(&event.user).or_default().push(sorted);
    }
    let mut stays = StaysByDay::new();
    for (user, mut events) in by_user {
        events.sort_by(|a, b| in_order(rules, a, b));
        for (place, sorted) in events.iter().enumerate() {
            let (event, start) = (sorted.event, sorted.at);
            let (Some(flyer), Some(merchant)) = (&event.flyer, &event.merchant) else {
                continue;
            };
            // A close ends the event before it and has no time of its own.
            if rules.closes.contains(&event.event) {
                continue;
            }
            let next = events.get(place + 1).map(|next| next.at);
            // A gap of exactly the timeout counts. A longer one counts as no time, as the last
            // event does.
            let end = next.filter(|next| next - start <= rules.idle_us);
            let end = end.unwrap_or(start);
            let (mut from, mut is_event) = (start, true);
            let mut day = day_of(zone, event, from);
            loop {
                // Where clocks go back over midnight, it may lie before the instant: the day then comes
                // twice, and its second piece has no length.
                let midnight = midnight_after(zone, event, day).max(from);
                let until = end.min(midnight);
                let key = (user.to_owned(), merchant.clone(), day);
                let piece = StayPiece {
                    flyer: flyer.clone(),
                    us: until - from,
                    is_event,
                };
                stays.entry(key).or_default().push(piece);
                // What ends at midnight has no part on the next day: one of 0 µs would make a row
                // there.
                if end <= midnight {
                    break;
                }
                (from, is_event) = (midnight, false);
                // Computed from the instant, as a zone may have skipped a day.
                day = day_of(zone, event, from).max(day + 1);
            }
        }
    }
    stays
}

/// The local day of an event at an instant.
fn day_of(zone: &TimeZone, event: &LogEvent, at: i64) -> i32 {
    let wall = match event.east_minutes {
        Some(minutes) => at + minutes * 60_000_000,
        None => at + east_us(zone, at),
    };
    i32::try_from(wall.div_euclid(DAY_US)).expect("a day")
}

/// The first instant of the next local day of an event.
fn midnight_after(zone: &TimeZone, event: &LogEvent, day: i32) -> i64 {
    match event.east_minutes {
        Some(minutes) => i64::from(day + 1) * DAY_US - minutes * 60_000_000,
        None => instant(zone, LogTime::Date(day + 1)),
    }
}

/// An event with its sort key.
fn sorted_event<'e>(rules: &DwellRules, zone: &TimeZone, event: &'e LogEvent) -> SortedEvent<'e> {
    let at = instant(zone, event.time);
    // Of events at one moment only the last has a length. A flyer that is opened then comes last, a
    // close first.
    let name = &event.event;
    let rank = match (rules.opens.contains(name), name.as_str()) {
        (true, "item_open") => 2,
        (true, _) => 3,
        _ if rules.closes.contains(name) => 0,
        _ => 1,
    };
    let offset = match event.east_minutes {
        Some(minutes) => (0, minutes * 60),
        None => (1, east_us(zone, at) / 1_000_000),
    };
    let rank = (rank, offset);
    SortedEvent { at, rank, event }
}

/// The order of two events of a user.
fn in_order(rules: &DwellRules, a: &SortedEvent<'_>, b: &SortedEvent<'_>) -> Ordering {
    // Events without a flyer come last.
    let by_place = || match (place_of(a.event), place_of(b.event)) {
        (Some(a), Some(b)) => by_id(rules, a.0, b.0).then_with(|| by_id(rules, a.1, b.1)),
        (a, b) => b.is_some().cmp(&a.is_some()),
    };
    let by_time = a.at.cmp(&b.at).then(a.rank.cmp(&b.rank));
    by_time.then_with(by_place)
}

/// The flyer and the merchant of an event that has both.
fn place_of(event: &LogEvent) -> Option<(&str, &str)> {
    Some((event.flyer.as_deref()?, event.merchant.as_deref()?))
}

/// The order of two ids.
fn by_id(rules: &DwellRules, a: &str, b: &str) -> Ordering {
    let int = |id: &str| id.parse::<i64>().expect("an integer");
    if rules.int_ids {
        int(a).cmp(&int(b))
    } else {
        a.cmp(b)
    }
}

/// A non-negative integer as a float.
fn number(int: i64) -> f64 {
    // Both halves are exact as floats, so only the sum is rounded, as a cast would do it.
    let (high, low) = (int >> 32, int & 0xffff_ffff);
    let part = |half: i64| f64::from(u32::try_from(half).expect("half of a positive number"));
    part(high) * 4_294_967_296.0 + part(low)
}

/// A count as a float.
fn count(count: usize) -> f64 {
    number(i64::try_from(count).expect("a small count"))
}
