//! The engine against the reference: named cases first, then ten thousand random ones.
//!
//! Every case is written to files in some format, read by the engine, and read back from what it
//! published. A failing random case prints its seed and itself; it then becomes a named test.

use crate::buckets::check_buckets;
use crate::depth::Depth;
use crate::far::{FIRST_US, LAST_US};
use crate::ipc::has_types;
use crate::relaid::relaid;
use crate::shapes::Shapes;
use crate::shards::{check_dealt, check_shards};
use crate::support::{
    Case, FORMATS, Items, NULLS, Numbers, PLAIN, Style, TimeStyle, check, run, scratch,
};
use std::io::Write;

use hitherto::reference::{
    ComputedAttribute, LogAction, LogImpression, LogTime, Number, RepeatRule, Rules,
};
use hitherto::{
    ActionSource, Codec, Format, ItemType, Layout, OtherTypes, Settings, Source, SourceSettings,
    TimeUnit, Types, parse_day,
};

/// A second.
const SECOND: i64 = 1_000_000;
/// A day of 24 hours.
const DAY: i64 = 86_400 * SECOND;

/// Days since 1970-01-01.
fn day(text: &str) -> i32 {
    parse_day(text).expect("a day").0
}

/// The start of a day in UTC.
fn midnight(text: &str) -> i64 {
    i64::from(day(text)) * DAY
}

/// A click of customer 1 on an item at an instant.
fn click(at: i64, item: i64) -> LogAction {
    action("1", at, 1, item)
}

/// An action at an instant.
fn action(customer: &str, at: i64, kind: u8, item: i64) -> LogAction {
    let customer = Some(customer.to_owned());
    LogAction {
        customer,
        time: LogTime::Instant(at),
        log: usize::from(kind - 1),
        kind,
        item,
        available: None,
        attributes: Vec::new(),
    }
}

/// An impression of one item.
fn shown(customer: &str, on: &str, ranking: &str) -> LogImpression {
    LogImpression {
        customer: Some(customer.to_owned()),
        day: day(on),
        time: None,
        ranking: ranking.to_owned(),
        items: vec![(7, Some(false))],
        ..LogImpression::default()
    }
}

/// Checks a case as it is, in both layouts.
fn check_both(name: &str, case: &Case) {
    check(name, case, |_| {});
    check(name, case, |settings| {
        settings.sequences_mut().layout = Layout::Request;
    });
}

#[test]
fn nothing_at_all_is_a_complete_output_without_days() {
    check_both("empty", &Case::new(vec![], vec![]));
}

#[test]
fn no_actions_are_histories_of_zeros() {
    check_both(
        "no actions",
        &Case::new(vec![shown("1", "2025-08-15", "r")], vec![]),
    );
}

#[test]
fn one_row_of_each() {
    let log = vec![click(midnight("2025-08-14"), 3)];
    check_both(
        "one row",
        &Case::new(vec![shown("1", "2025-08-15", "r")], log),
    );
}

#[test]
fn equal_times_are_ordered_by_kind_and_item_newest_first() {
    let at = midnight("2025-08-14");
    let mut log = vec![];
    for kind in [2, 1, 3] {
        for item in [5, 9, 1] {
            log.push(action("1", at, kind, item));
        }
    }
    let mut case = Case::new(vec![shown("1", "2025-08-15", "r")], log);
    check_both("all equal times", &case);
    case.rules.actions_max = 4;
    check_both("all equal times, cut", &case);
    let history = &case.expected()[0].history;
    assert_eq!(*history, [(9, 3), (5, 3), (1, 3), (9, 2)]);
}

#[test]
fn passthrough_columns_of_every_type_are_copied_in_every_format() {
    let mut numbers = Numbers(21);
    let mut random_impression = |n: usize| {
        let mut impression = shown(&(n % 4).to_string(), "2025-08-15", &format!("r{}", n / 3));
        impression.items = (0..n % 5)
            .map(|item| {
                (
                    1 + i64::try_from(item % 2).expect("small"),
                    [None, Some(true), Some(false)][n % 3],
                )
            })
            .collect();
        keep_something(&mut numbers, &mut impression);
        impression
    };
    let mut case = Case::new(
        (0..60).map(&mut random_impression).collect(),
        vec![click(midnight("2025-08-13"), 5)],
    );
    case.keep = true;
    case.rules.actions_max = 9;
    for format in FORMATS {
        case.styles = [Style {
            format,
            files: 2,
            ..PLAIN
        }; 4];
        for (plain, codec, page) in [
            (false, Codec::Zstd, 1 << 20),
            (false, Codec::Lz4Raw, 7),
            (true, Codec::Zstd, 1),
        ] {
            for layout in [Layout::Sample, Layout::Request] {
                check(
                    &format!("{format:?} {codec:?} {layout:?}"),
                    &case,
                    |settings| {
                        (settings.tuning.encode_plain, settings.codec) = (plain, codec);
                        (
                            settings.tuning.page_bytes_max,
                            settings.sequences_mut().layout,
                        ) = (page, layout);
                        // Files of columns tell their own types.
                        let of_parquet = settings
                            .sequences_mut()
                            .keep
                            .iter_mut()
                            .filter(|_| has_types(format));
                        of_parquet.for_each(|keep| keep.kind = None);
                    },
                );
            }
        }
    }
    case.rules.negatives = Some((0.5, 3));
    // Lists do not tell the places of what is left.
    check("sampled", &case, |_| {});
}

#[test]
fn of_exact_repeats_one_counts_and_older_actions_fill_up() {
    let at = midnight("2025-08-14");
    let mut log: Vec<LogAction> = (0..6)
        .map(|n| action("1", at - n * SECOND, 1, n / 2))
        .collect();
    log.iter_mut().for_each(|action| action.item += 1);
    for n in 0..6 {
        let repeat = log[n].clone();
        log.extend(vec![repeat; n % 3]);
    }
    // Alike but for one thing: no repeats.
    log.extend([
        action("1", at, 2, 1),
        action("1", at, 1, 2),
        action("2", at, 1, 1),
    ]);
    let mut case = Case::new(
        vec![shown("1", "2025-08-15", "r"), shown("2", "2025-08-15", "r")],
        log,
    );
    case.rules.repeats = RepeatRule::Exact;
    for max in [1, 2, 3, 4, 5, 7, 8, 9, 20] {
        case.rules.actions_max = max;
        check_both(&format!("{max}"), &case);
    }
}

#[test]
fn of_actions_in_a_row_the_newest_before_the_cutoff_counts() {
    // Letters are items; a stretch goes on over both cutoffs and over the start of the lookback.
    let day = midnight("2025-08-10");
    let log = "aabbbacccccaddddddddbb".chars().zip(0..).map(|(item, n)| {
        let item = i64::from(u32::from(item) - 96);
        action("1", day + n * DAY / 4 + 1, 1, item)
    });
    let mut log: Vec<LogAction> = log.collect();
    // Of one time, item and two kinds; of one time, kind and two items.
    log.extend([action("1", day + 1, 2, 1), action("1", day + DAY + 1, 1, 7)]);
    let days = [
        "2025-08-10",
        "2025-08-11",
        "2025-08-12",
        "2025-08-13",
        "2025-08-14",
        "2025-08-15",
    ];
    let shown = days.iter().map(|day| shown("1", day, day));
    let mut case = Case::new(shown.collect(), log);
    case.rules.repeats = RepeatRule::Consecutive;
    for max in [1, 2, 3, 4, 5, 6, 7, 20] {
        for lookback in [None, Some(1), Some(2), Some(3)] {
            (case.rules.actions_max, case.rules.lookback_days) = (max, lookback);
            check_both(&format!("{max} {lookback:?}"), &case);
        }
    }
    for known in &mut case.log {
        let at = hitherto::reference::instant_in("UTC", known.time);
        let late = [0, DAY, 3 * DAY][usize::try_from(known.item).expect("small") % 3];
        known.available = Some(Some(LogTime::Instant(at + late)));
    }
    case.available = true;
    for max in [1, 2, 3, 20] {
        case.rules.actions_max = max;
        check_both(&format!("late {max}"), &case);
    }
}

#[test]
fn of_repeats_that_were_known_at_different_times_the_first_counts() {
    let at = midnight("2025-08-13");
    let known = |after: i64| LogAction {
        available: Some(Some(LogTime::Instant(at + after * DAY))),
        ..action("1", at, 1, 7)
    };
    let older = LogAction {
        item: 8,
        time: LogTime::Instant(at - 5),
        ..known(0)
    };
    let mut case = Case::new(
        vec![
            shown("1", "2025-08-14", "r"),
            shown("1", "2025-08-15", "s"),
            shown("1", "2025-08-16", "t"),
        ],
        vec![known(5), known(1), known(2), older],
    );
    case.available = true;
    case.rules.repeats = RepeatRule::Exact;
    for max in [1, 2, 3] {
        case.rules.actions_max = max;
        check_both(&format!("{max}"), &case);
    }
}

#[test]
fn attributes_of_repeats_are_those_of_the_action_that_counts() {
    let at = midnight("2025-08-13");
    let priced = |after: i64, price: f32, known: i64| LogAction {
        available: Some(Some(LogTime::Instant(at + known * DAY))),
        attributes: vec![Number::float(price)],
        ..action("1", at + after, 1, 7)
    };
    let log = vec![
        // Alike but for the price, and for when they were known.
        priced(0, 3.0, 0),
        priced(0, -1.0, 0),
        priced(0, 2.0, 0),
        priced(0, -5.0, 1),
        // A stretch that goes on behind the first cutoff, and behind the second.
        priced(5, 4.0, 0),
        priced(DAY, 8.0, 1),
        priced(2 * DAY, 9.0, 2),
        priced(2 * DAY + 1, f32::NAN, 2),
    ];
    let days = ["2025-08-14", "2025-08-15", "2025-08-16"];
    let shown = days.iter().map(|day| shown("1", day, day));
    let mut case = Case::new(shown.collect(), log);
    (case.available, case.tell) = (true, 1);
    let prices = |case: &Case| {
        let price = |attributes: &Vec<Number>| match attributes[..] {
            [Number::Float(bits)] => f32::from_bits(bits),
            _ => panic!("a price"),
        };
        let samples = case.expected().into_iter();
        let prices =
            samples.map(|sample| sample.attributes.iter().map(price).collect::<Vec<f32>>());
        prices.collect::<Vec<_>>()
    };
    for late in [true, false] {
        case.available = late;
        if !late {
            case.log
                .iter_mut()
                .for_each(|action| action.available = None);
        }
        for (repeats, max, first) in [
            (RepeatRule::Kept, 20, vec![4.0, 3.0, 2.0, -1.0]),
            (RepeatRule::Kept, 3, vec![4.0, 3.0, 2.0]),
            (RepeatRule::Exact, 20, vec![4.0, -1.0]),
            (RepeatRule::Consecutive, 20, vec![4.0]),
        ] {
            (case.rules.repeats, case.rules.actions_max) = (repeats, max);
            if late {
                assert_eq!(prices(&case)[0], first, "{repeats:?} {max}");
            }
            check_both(&format!("{repeats:?} {max} {late}"), &case);
            check("plain", &case, |settings| {
                settings.tuning.encode_plain = true;
            });
            check("no padding", &case, |settings| {
                settings.sequences_mut().pad = false;
            });
        }
    }
}

#[test]
fn histories_of_one_less_exactly_and_one_more_than_n() {
    for count in [9, 10, 11, 25] {
        let log = (0..count)
            .map(|n| click(midnight("2025-08-14") + n * SECOND, n + 1))
            .collect();
        let mut case = Case::new(vec![shown("1", "2025-08-15", "r")], log);
        case.rules.actions_max = 10;
        check_both("N", &case);
        check("N, not padded", &case, |settings| {
            settings.sequences_mut().pad = false;
        });
    }
}

#[test]
fn an_action_at_the_very_cutoff_is_not_prior_and_one_at_the_lookback_is() {
    let cutoff = midnight("2025-08-15");
    let start = midnight("2024-08-15");
    let log = [cutoff - 1, cutoff, cutoff + 1, start - 1, start, start + 1]
        .into_iter()
        .zip(1..)
        .map(|(at, item)| click(at, item))
        .collect();
    let case = Case::new(vec![shown("1", "2025-08-15", "r")], log);
    check_both("edges", &case);
    let items: Vec<i64> = case.expected()[0]
        .history
        .iter()
        .map(|(item, _)| *item)
        .collect();
    assert_eq!(items, [1, 6, 5]);
}

#[test]
fn the_ends_of_time_are_times_like_others() {
    let log = [FIRST_US, FIRST_US + 1, -1, 0, LAST_US - 1, LAST_US];
    let log: Vec<LogAction> = log
        .into_iter()
        .zip(1..)
        .map(|(at, item)| click(at, item))
        .collect();
    let mut case = Case::new(vec![shown("1", "2025-08-15", "r")], log.clone());
    case.rules.lookback_days = None;
    case.rules.computed = vec![ComputedAttribute::TimeDelta];
    check_both("ends, by day", &case);
    case.rules.cutoff_is_time = true;
    for at in [FIRST_US, FIRST_US + 1, 0, LAST_US - 1, LAST_US] {
        case.shown[0].time = Some(LogTime::Instant(at));
        for lookback in [None, Some(0), Some(1)] {
            case.rules.lookback_days = lookback;
            check_both("ends, by time", &case);
        }
    }
}

#[test]
fn an_item_shown_twice_makes_two_samples_and_a_null_label_one() {
    let mut impression = shown("1", "2025-08-15", "r");
    impression.items = vec![
        (7, Some(true)),
        (7, None),
        (8, Some(false)),
        (7, Some(true)),
    ];
    let empty = LogImpression {
        items: vec![],
        ..impression.clone()
    };
    let twice = vec![impression.clone(), impression, empty];
    let mut case = Case::new(twice, vec![click(0, 1), click(midnight("2025-01-01"), 2)]);
    check_both("duplicates", &case);
    case.rules.drop_null_labels = true;
    check("dropped labels", &case, |_| {});
}

#[test]
fn guests_are_dropped_or_have_empty_histories() {
    let guest = LogImpression {
        customer: None,
        ..shown("1", "2025-08-15", "g")
    };
    let nobody = LogAction {
        customer: None,
        ..click(midnight("2025-08-01"), 5)
    };
    let log = vec![nobody, click(midnight("2025-08-02"), 6)];
    let mut case = Case::new(
        vec![guest.clone(), shown("1", "2025-08-15", "r"), guest],
        log,
    );
    check_both("guests dropped", &case);
    case.rules.guests_are_rows = true;
    check_both("guests kept", &case);
    case.text_ids = true;
    check_both("guests kept among texts", &case);
}

#[test]
fn skewed_customers_and_several_days() {
    let mut numbers = Numbers(1);
    let mut log = vec![];
    for _ in 0..6000 {
        // Half of all actions are of one customer.
        let customer = if numbers.once_in(2) {
            1
        } else {
            2 + numbers.below(200)
        };
        let at = midnight("2025-08-01")
            + i64::try_from(numbers.below(20 * 86_400)).expect("small") * SECOND;
        let kind = u8::try_from(1 + numbers.below(3)).expect("small");
        log.push(action(
            &customer.to_string(),
            at,
            kind,
            1 + i64::try_from(numbers.below(50)).expect("small"),
        ));
    }
    let mut impressions = vec![];
    for n in 0..400 {
        let on = format!("2025-08-{:02}", 2 + numbers.below(18));
        let customer = if n % 10 == 0 {
            1
        } else {
            2 + numbers.below(220)
        };
        impressions.push(shown(&customer.to_string(), &on, &format!("r{n}")));
    }
    let mut case = Case::new(impressions, log);
    case.rules.actions_max = 100;
    case.rules.lookback_days = Some(7);
    check_both("skewed", &case);
    check("skewed, many partitions", &case, |settings| {
        settings.tuning.partition_bits = Some(12);
        settings.threads = 2;
    });
}

#[test]
fn days_that_begin_end_or_skip_with_the_clocks() {
    let zones = [
        "Europe/Berlin",
        "America/New_York",
        "Asia/Beirut",
        "Pacific/Apia",
    ];
    let days = [
        "2025-03-09",
        "2025-03-30",
        "2025-10-26",
        "2025-11-02",
        "2011-12-30",
        "2011-12-31",
    ];
    for zone in zones {
        for on in days {
            let start = midnight(on);
            // Every half hour around the day, as instants and on the wall, and three dates.
            let mut log = vec![];
            for step in -40..60 {
                let at = start + step * 1800 * SECOND;
                log.push(click(at, 100 + step));
                log.push(LogAction {
                    time: LogTime::Wall(at),
                    log: 1,
                    kind: 2,
                    ..click(0, 100 + step)
                });
            }
            for n in -1..2 {
                log.push(LogAction {
                    time: LogTime::Date(day(on) + n),
                    log: 2,
                    kind: 3,
                    ..click(0, 500 + i64::from(n))
                });
            }
            let mut case = Case::new(vec![shown("1", on, "r")], log);
            case.rules.timezone = zone.into();
            case.styles[2].times = TimeStyle::Wall;
            case.styles[3].times = TimeStyle::Date;
            case.rules.lookback_days = Some(1);
            check_both(zone, &case);
            case.rules.cutoff_is_time = true;
            case.styles[0].times = TimeStyle::Wall;
            for hour in [0, 1, 2, 3, 12, 26] {
                case.shown[0].time = Some(LogTime::Wall(start + hour * 3600 * SECOND + 1));
                check(zone, &case, |_| {});
            }
        }
    }
}

#[test]
fn a_later_cutoff_in_a_fold_may_look_back_further() {
    // Berlin, 2025-10-26: 02:30 is at 00:30 and at 01:30 UTC. A day before 01:10 UTC, which the
    // wall shows as 02:10, is 00:10; a day before 00:30, shown as 02:30, is 00:30.
    let at = |on: &str, minutes: i64| midnight(on) + minutes * 60 * SECOND;
    let log = vec![
        click(at("2025-10-25", 20), 77),
        click(at("2025-10-25", 320), 78),
    ];
    let mut first = shown("1", "2025-10-26", "r1");
    first.time = Some(LogTime::Instant(at("2025-10-26", 30)));
    let mut second = shown("1", "2025-10-26", "r2");
    second.time = Some(LogTime::Instant(at("2025-10-26", 70)));
    let mut case = Case::new(vec![first, second], log);
    case.rules.cutoff_is_time = true;
    case.rules.timezone = "Europe/Berlin".into();
    case.rules.lookback_days = Some(1);
    check_both("fold", &case);
    let lengths: Vec<usize> = case
        .expected()
        .iter()
        .map(|sample| sample.history.len())
        .collect();
    assert_eq!(lengths, [1, 2]);
}

#[test]
fn what_is_known_late_is_not_prior_by_time() {
    let cutoff = midnight("2025-08-15");
    let known = |at: i64, known: Option<i64>, item| LogAction {
        available: Some(known.map(LogTime::Instant)),
        ..click(at, item)
    };
    let log = vec![
        known(cutoff - 10, Some(cutoff - 5), 1),
        known(cutoff - 9, Some(cutoff), 2),
        known(cutoff - 8, None, 3),
        known(cutoff - 7, Some(cutoff - 7), 4),
        known(cutoff - 6, Some(cutoff + 1), 5),
        LogAction {
            log: 2,
            kind: 3,
            ..known(cutoff - DAY, Some(0), 6)
        },
        LogAction {
            log: 2,
            kind: 3,
            ..known(cutoff - DAY - 1, Some(0), 7)
        },
    ];
    let mut case = Case::new(vec![shown("1", "2025-08-15", "r")], log);
    case.available = true;
    case.rules.embargo_us[2] = Some(DAY);
    check_both("known late", &case);
    let items: Vec<i64> = case.expected()[0]
        .history
        .iter()
        .map(|(item, _)| *item)
        .collect();
    assert_eq!(items, [4, 1, 7]);
    case.rules.actions_max = 2;
    check_both("known late, cut", &case);
}

#[test]
fn a_date_is_prior_by_time_only_when_its_day_is_over() {
    let order = |on: &str, item| LogAction {
        time: LogTime::Date(day(on)),
        log: 2,
        kind: 3,
        ..click(0, item)
    };
    let log = vec![
        order("2025-08-13", 1),
        order("2025-08-14", 2),
        click(midnight("2025-08-14") + 5, 3),
    ];
    let mut case = Case::new(vec![shown("1", "2025-08-14", "r")], log);
    case.rules.cutoff_is_time = true;
    case.styles[3].times = TimeStyle::Date;
    for (at, expected) in [
        (midnight("2025-08-14") - 1, vec![]),
        (midnight("2025-08-14"), vec![1]),
        (midnight("2025-08-14") + 6, vec![3, 1]),
        (midnight("2025-08-15") - 1, vec![3, 1]),
        (midnight("2025-08-15"), vec![3, 2, 1]),
    ] {
        case.shown[0].time = Some(LogTime::Instant(at));
        check_both("dates", &case);
        let items: Vec<i64> = case.expected()[0]
            .history
            .iter()
            .map(|(item, _)| *item)
            .collect();
        assert_eq!(items, expected);
    }
}

/// A random case of a seed: small, with times that meet each other and the cutoffs.
fn random_case(seed: u64) -> Case {
    let mut numbers = Numbers(seed);
    let zone = numbers.pick(&ZONES);
    let first = day(numbers.pick(&["2025-03-28", "2025-11-01", "2024-02-28", "2025-12-30"]));
    let customers = 1 + numbers.below(5);
    let text_ids = numbers.once_in(4);
    let by_time = numbers.once_in(2);
    let styles = random_styles(&mut numbers);
    let available = numbers.once_in(4);
    let mut log = vec![];
    for _ in 0..numbers.below(40) {
        let kind = u8::try_from(1 + numbers.below(3)).expect("small");
        let times = styles[usize::from(kind)].times;
        let known = available
            .then(|| (!numbers.once_in(5)).then(|| random_time(&mut numbers, times, first)));
        log.push(LogAction {
            customer: random_customer(&mut numbers, customers),
            time: random_time(&mut numbers, times, first),
            log: usize::from(kind - 1),
            kind,
            item: 1 + i64::try_from(numbers.below(4)).expect("small"),
            available: known,
            attributes: Vec::new(),
        });
    }
    let mut shown = vec![];
    for _ in 0..numbers.below(10) {
        let label = |numbers: &mut Numbers| numbers.pick(&[None, Some(true), Some(false)]);
        let items = (0..numbers.below(4)).map(|_| {
            let item = 1 + i64::try_from(numbers.below(3)).expect("small");
            (item, label(&mut numbers))
        });
        let items = items.collect();
        shown.push(LogImpression {
            items,
            customer: random_customer(&mut numbers, customers),
            day: first + i32::try_from(numbers.below(3)).expect("small"),
            time: by_time.then(|| random_time(&mut numbers, styles[0].times, first)),
            ranking: format!("r{}", numbers.below(3)),
            ..LogImpression::default()
        });
    }
    let keep = numbers.once_in(4);
    if keep {
        shown
            .iter_mut()
            .for_each(|shown| keep_something(&mut numbers, shown));
    }
    let mut case = Case::new(shown, log);
    case.keep = keep;
    case.rules.cutoff_is_time = by_time;
    case.rules.lookback_days = numbers.pick(&[None, Some(0), Some(1), Some(2), Some(365)]);
    // Numbers of its own, so that the cases are otherwise as without it.
    look_back_years(&mut Numbers(seed ^ 0x1ea9), &mut case.rules);
    case.rules.timezone = zone.into();
    (case.styles, case.text_ids, case.available) = (styles, text_ids, available);
    random_rules(&mut numbers, &mut case.rules);
    declare(&mut case, &mut Numbers(seed ^ 0xdec1_a4ed));
    let mut numbers = Numbers(seed ^ 0x7011);
    if numbers.once_in(3) {
        let columns = numbers.pick(&[1, 2, 3]);
        tell_something(&mut numbers, &mut case, columns);
    }
    name_items(&mut case, &mut Numbers(seed ^ 0x17e3_5000));
    draw_shapes(&mut case, &mut Numbers(seed ^ 0x5aa9_e500));
    case.send_far(&mut Numbers(seed ^ 0xfa2));
    case
}

/// Zones of random cases.
const ZONES: [&str; 5] = [
    "UTC",
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "Asia/Beirut",
];

/// How impressions, clicks, carts and orders are written.
fn random_styles(numbers: &mut Numbers) -> [Style; 4] {
    let mut styles = [(); 4].map(|()| random_style(numbers));
    // Their items would be lists in lists, which only JSON holds.
    if styles[0].depth == Depth::Listed && has_types(styles[0].format) {
        styles[0].depth = Depth::Flat;
    }
    styles
}

/// Gives the items of impressions another shape, in half of the cases.
fn draw_shapes(case: &mut Case, numbers: &mut Numbers) {
    // Only structs have columns of their own.
    if numbers.once_in(2) && !case.keep {
        let format = case.styles[0].format;
        case.shapes = Some(Shapes::draw(numbers, format, case.items));
    }
}

/// Looks back calendar years, in one case of four.
fn look_back_years(numbers: &mut Numbers, rules: &mut Rules) {
    if numbers.once_in(4) {
        rules.lookback_days = None;
        rules.lookback_years = numbers.pick(&[Some(0), Some(1), Some(4), Some(9999)]);
    }
}

/// Makes items texts, in one case of three: with a vocabulary that is built, or a given one that is
/// extended, or one that all others are left out by.
fn name_items(case: &mut Case, numbers: &mut Numbers) {
    if !numbers.once_in(3) {
        return;
    }
    case.items = numbers.pick(&[Items::Texts, Items::Texts, Items::Decimals]);
    let mut given = numbers.pick(&[vec![], vec![2], vec![3, 1], vec![4, 9, 2, 1, 3, 8]]);
    if numbers.once_in(2) {
        given.reverse();
    }
    let drops = !given.is_empty() && numbers.once_in(2);
    case.given = (given, drops);
}

/// Chooses what has nothing to do with the log.
fn random_rules(numbers: &mut Numbers, rules: &mut Rules) {
    let embargo =
        |numbers: &mut Numbers| numbers.pick(&[None, None, Some(0), Some(SECOND), Some(DAY)]);
    if numbers.once_in(3) {
        rules.embargo_us = (0..3).map(|_| embargo(numbers)).collect();
    }
    rules.types = numbers.pick(&[vec![], vec![], vec![], vec![1, 3], vec![2]]);
    rules.repeats = numbers.pick(&[
        RepeatRule::Kept,
        RepeatRule::Kept,
        RepeatRule::Exact,
        RepeatRule::Consecutive,
    ]);
    rules.actions_max = numbers.pick(&[1, 2, 3, 5, 8, 9, 20, 1000]);
    rules.guests_are_rows = numbers.once_in(2);
    rules.drop_null_labels = numbers.once_in(4);
    rules.computed = numbers.pick(&[
        vec![],
        vec![],
        vec![ComputedAttribute::TimeDelta],
        vec![ComputedAttribute::TimeDelta, ComputedAttribute::Time],
    ]);
    rules.negatives = numbers.pick(&[None, None, None, Some((0.5, 7)), Some((0.01, 3))]);
}

/// Gives an impression values of passthrough columns.
pub(crate) fn keep_something(numbers: &mut Numbers, shown: &mut LogImpression) {
    let mut pick = |values: &[&str]| {
        let value = numbers.pick(values);
        (value != "null").then(|| value.to_owned())
    };
    shown.passthrough = vec![
        pick(&["null", "search", "a b", "ü", "7"]),
        pick(&["null", "-2147483648", "0", "5"]),
        pick(&["null", "0.5", "-1", "300"]),
        pick(&["null", "true", "false"]),
        pick(&["null", "-1", "1755259200000000", "1755259201000001"]),
    ];
    let values = |_: &(i64, Option<bool>)| {
        vec![
            pick(&["null", "true", "false"]),
            pick(&["null", "1", "-9223372036854775808"]),
            pick(&["null", "new", "sale"]),
        ]
    };
    shown.item_passthrough = shown.items.iter().map(values).collect();
}

/// Gives actions attributes; the last log has no prices.
pub(crate) fn tell_something(numbers: &mut Numbers, case: &mut Case, columns: usize) {
    case.tell = columns;
    let floats = [f32::NAN, -0.0, 0.0, 0.1, -1e-40, 1e30, f32::MIN];
    for action in &mut case.log {
        let has_price = match case.declared[..] {
            [] => action.kind != 3,
            _ => action.log != 2,
        };
        let price = if has_price {
            numbers.pick(&floats)
        } else {
            f32::NAN
        };
        let attributes = [
            Number::float(price),
            Number::Int(numbers.pick(&[0, 0, 1, 2, -3, i32::MIN, i32::MAX])),
            Number::float(numbers.pick(&floats)),
        ];
        action.attributes = attributes[..case.tell].to_vec();
    }
}

/// Makes the three sources of one case in four declared ones: of types by column, of another type,
/// and of rows that are chosen.
fn declare(case: &mut Case, numbers: &mut Numbers) {
    if !numbers.once_in(4) {
        return;
    }
    let log = |name| Source::named(name).expect("a name");
    let other = numbers.pick(&[OtherTypes::Drop, OtherTypes::Error]);
    let codes = [("1", 1), ("view", 77), ("true", 3), ("x y", 127)];
    let codes = codes.map(|(value, code)| (value.to_owned(), code));
    let (few, column) = (numbers.pick(&[1, 4]), "type".to_owned());
    let codes = codes.into_iter().take(few).collect();
    let only = numbers.pick(&["shop", "type"]).to_owned();
    case.declared = vec![
        ActionSource {
            types: Types::Column {
                column,
                codes,
                other,
            },
            ..ActionSource::new(log("events"), 1)
        },
        ActionSource::new(numbers.pick(&[Source::Clicks, log("carts2")]), 2),
        ActionSource {
            only: vec![(only, vec!["de".to_owned(), "7".to_owned()])],
            ..ActionSource::new(log("late"), numbers.pick(&[1, 12, 127]))
        },
    ];
    if !case.rules.types.is_empty() {
        case.rules.types = numbers.pick(&[vec![1, 2], case.declared[2].codes()]);
    }
    for action in &mut case.log {
        action.kind = numbers.pick(&case.declared[action.log].codes());
    }
}

/// A way to write a source.
fn random_style(numbers: &mut Numbers) -> Style {
    let format = numbers.pick(&[
        Format::Parquet,
        Format::Parquet,
        Format::Csv,
        Format::Ndjson,
        Format::Json,
        Format::Arrow,
    ]);
    let times = [
        TimeStyle::Text,
        TimeStyle::Instant,
        TimeStyle::Wall,
        TimeStyle::Date,
        TimeStyle::Epoch,
    ];
    Style {
        format,
        times: numbers.pick(&times),
        files: 1 + usize::try_from(numbers.below(3)).expect("small"),
        row_group: 1 + usize::try_from(numbers.below(8)).expect("small"),
        narrow: numbers.once_in(2),
        null: numbers.once_in(4).then(|| numbers.pick(&NULLS)),
        depth: numbers.pick(&[Depth::Flat, Depth::Flat, Depth::Nested, Depth::Listed]),
    }
}

/// A customer, or nobody.
fn random_customer(numbers: &mut Numbers, customers: u64) -> Option<String> {
    (!numbers.once_in(8)).then(|| numbers.below(customers).to_string())
}

/// A time within a few days, often on a full hour, in a form that the style can write.
fn random_time(numbers: &mut Numbers, style: TimeStyle, first: i32) -> LogTime {
    let hour = i64::try_from(numbers.below(6 * 24)).expect("small") - 48;
    let fine = numbers.pick(&[0, 0, 0, 1, -1, SECOND, 999_999]);
    let at = i64::from(first) * DAY + hour * 3600 * SECOND + fine;
    let date = LogTime::Date(i32::try_from(at.div_euclid(DAY)).expect("a day"));
    match style {
        TimeStyle::Text => numbers.pick(&[LogTime::Instant(at), LogTime::Wall(at), date]),
        TimeStyle::Instant | TimeStyle::Epoch => LogTime::Instant(at),
        TimeStyle::Wall => LogTime::Wall(at),
        TimeStyle::Date => date,
    }
}

/// Says of each source what the settings say of all, and of all something else.
fn say_by_source(settings: &mut Settings) {
    let own = SourceSettings {
        time_unit: settings.time_unit,
        timezone: settings.timezone.clone(),
        null_values: Some(settings.null_values.clone()),
        ..SourceSettings::default()
    };
    for source in settings.sources() {
        settings.add_source_settings(source, &own);
    }
    // Seconds would be refused; the zone of days must stay.
    settings.time_unit = settings.time_unit.map(|_| TimeUnit::Second);
    settings.null_values = vec!["no such word".to_owned()];
}

/// Checks one random case, with settings that must not matter chosen by the seed as well.
fn check_random(seed: u64) {
    let mut case = random_case(seed);
    case.lay(&mut Numbers(seed ^ 0x1a75));
    let mut numbers = Numbers(seed ^ 0xabcd);
    let bits = numbers.pick(&[None, Some(0), Some(1), Some(12)]);
    let rows = numbers.pick(&[1, 2, 5, 16_384]);
    let item_type = numbers.pick(&[ItemType::Int32, ItemType::Int64]);
    // A list cannot say which of its elements were left out, so positions are lost there.
    let all_items = !case.rules.drop_null_labels && case.rules.negatives.is_none() && !case.given.1;
    let request = numbers.once_in(3) && all_items;
    let pad = !numbers.once_in(4);
    let waves = numbers.pick(&[1, 4, 1 << 22]);
    let codec = numbers.pick(&[Codec::Zstd, Codec::Zstd, Codec::Lz4Raw, Codec::None]);
    let threads_piece = numbers.pick(&[(1, 1), (2, 60), (1, 1 << 20)]);
    let (encode_plain, page) = (numbers.once_in(6), numbers.pick(&[1, 60, 500, 1 << 20]));
    let part_rows = numbers.pick(&[1, 3, 10, 262_144]);
    let by_source = numbers.once_in(3);
    let is_relaid = numbers.once_in(3);
    let oldest_first = numbers.once_in(4);
    let rename = numbers.pick(&[
        vec![],
        vec![],
        vec![("actions", "a b"), ("cutoff", "actions")],
    ]);
    let newest = numbers.pick(&[1, 5, 1 << 22]);
    let change = |settings: &mut Settings| {
        settings.tuning.newest_rows_min = newest;
        if is_relaid {
            relaid(settings, &mut Numbers(seed ^ 0x1234));
        }
        settings.tuning.partition_bits = bits;
        settings.sequences_mut().row_group_rows_max = rows;
        settings.sequences_mut().part_rows_max = part_rows;
        if by_source {
            say_by_source(settings);
        }
        settings.sequences_mut().item_type = item_type;
        settings.sequences_mut().layout = if request {
            Layout::Request
        } else {
            Layout::Sample
        };
        settings.sequences_mut().pad = pad;
        settings.tuning.wave_rows_min = waves;
        settings.codec = codec;
        (settings.tuning.encode_plain, settings.tuning.page_bytes_max) = (encode_plain, page);
        (settings.threads, settings.tuning.text_piece_bytes) = threads_piece;
        settings.tuning.piece_rows_min = 1 + seed % 4;
        let own = settings.sequences_mut();
        own.oldest_first = oldest_first;
        let rename = rename.iter();
        own.rename = rename
            .map(|(name, other)| (name.to_string(), other.to_string()))
            .collect();
    };
    check(&format!("seed {seed}"), &case, change);
    // Some of them: shards of all took three times as long as all else.
    if seed.is_multiple_of(8) {
        let count = [1, 2, 5][usize::try_from(seed / 8 % 3).expect("small")];
        check_shards(&format!("seed {seed}"), &case, count, change);
    }
    if seed % 8 == 4 {
        let count = [2, 5][usize::try_from(seed / 8 % 2).expect("small")];
        check_buckets(&format!("seed {seed}"), &case, count, change);
    }
    if all_items {
        check_timelines(seed, &case, change);
    }
}

/// Checks that timelines hold the same samples, or are refused where no history can be a range of one.
fn check_timelines(seed: u64, case: &Case, change: impl Fn(&mut Settings)) {
    let change = |settings: &mut Settings| {
        change(settings);
        settings.sequences_mut().layout = Layout::Timeline;
        // A limit is no part of what a timeline needs.
        if seed.is_multiple_of(2) && case.rules.actions_max == 1000 {
            settings.sequences_mut().actions_max = None;
        }
    };
    let rules = &case.rules;
    let is_refused = case.available
        || rules.embargo_us.iter().any(Option::is_some)
        || rules.repeats == RepeatRule::Consecutive;
    let has_dates = case
        .log
        .iter()
        .any(|action| matches!(action.time, LogTime::Date(_)));
    if !(is_refused || has_dates && rules.cutoff_is_time) {
        return check(&format!("seed {seed} in timelines"), case, change);
    }
    let folder = scratch();
    let (dir, out) = (folder.path().join("in"), folder.path().join("out"));
    case.write(&dir);
    let mut settings = case.settings(&dir, &out);
    case.set_aside(&mut settings);
    change(&mut settings);
    match run(settings) {
        Err(error) => assert!(
            error.to_string().contains("--layout timeline"),
            "{seed}: {error}"
        ),
        // Actions with a day alone may be of customers without impressions.
        Ok(_) => assert!(!is_refused, "{seed}"),
    }
}

/// Some impressions of some days, of customers with integers for ids and of nobody.
pub(crate) fn days_of_some_customers() -> Case {
    let mut numbers = Numbers(4040);
    let mut below = |count: u64| i64::try_from(numbers.below(count)).expect("small");
    let customer = |n: i64| (n > 0).then(|| (n * 7919).to_string());
    let log = (0..400).map(|_| LogAction {
        customer: customer(below(40)),
        ..click(
            midnight("2025-08-10") + below(500_000) * SECOND,
            1 + below(20),
        )
    });
    let log = log.collect();
    let shown = (0..90).map(|n| LogImpression {
        customer: customer(below(30)),
        items: (0..below(4))
            .map(|_| (1 + below(25), Some(n % 2 == 0)))
            .collect(),
        ..shown(
            "",
            ["2025-08-15", "2025-08-16"][n % 2],
            &format!("r{}", n / 2),
        )
    });
    let mut case = Case::new(shown.collect(), log);
    case.rules.actions_max = 7;
    case
}

#[test]
fn shards_of_rows_that_are_dealt_have_the_parts_of_one_run() {
    let mut case = days_of_some_customers();
    for guests_are_rows in [false, true] {
        case.rules.guests_are_rows = guests_are_rows;
        for count in [1, 2, 5, 64] {
            let name = format!("{count}, guests {guests_are_rows}");
            check_shards(&name, &case, count, |_| {});
            check_dealt(&name, &case, false, count, |_| {});
            check_dealt(&name, &case, true, count, |settings| {
                settings.customer_type = Some(hitherto::CustomerType::String);
                settings.sequences_mut().layout = Layout::Request;
            });
        }
    }
}

/// Checks random cases of a range of seeds. Four tests share the work, so that threads do.
fn check_seeds(seeds: std::ops::Range<u64>) {
    writeln!(std::io::stdout(), "random cases of seeds {seeds:?}").expect("a line");
    for seed in seeds {
        check_random(seed);
    }
}

#[test]
fn random_cases_0_to_2499() {
    check_seeds(0..2500);
}

#[test]
fn random_cases_2500_to_4999() {
    check_seeds(2500..5000);
}

#[test]
fn random_cases_5000_to_7499() {
    check_seeds(5000..7500);
}

#[test]
fn random_cases_7500_to_9999() {
    check_seeds(7500..10_000);
}

#[test]
fn items_with_texts_for_ids_have_codes_in_every_format() {
    let mut numbers = Numbers(99);
    let mut below = |count: u64| i64::try_from(numbers.below(count)).expect("small");
    let log = (0..60).map(|_| LogAction {
        customer: Some(below(3).to_string()),
        ..click(
            midnight("2025-08-10") + below(500_000) * SECOND,
            1 + below(20),
        )
    });
    let log = log.collect();
    let shown = (0..9).map(|n| LogImpression {
        items: (0..below(4))
            .map(|_| (1 + below(25), Some(n % 2 == 0)))
            .collect(),
        ..shown(&(n % 4).to_string(), "2025-08-15", &format!("r{}", n / 2))
    });
    let mut case = Case::new(shown.collect(), log);
    case.rules.actions_max = 7;
    for format in FORMATS {
        case.styles = [Style {
            format,
            files: 2,
            row_group: 5,
            ..PLAIN
        }; 4];
        for items in [Items::Texts, Items::Decimals] {
            for given in [vec![], vec![30, 7, 3], (1..=25).rev().collect()] {
                for drops in [false, true] {
                    case.items = items;
                    case.given = (given.clone(), drops && !given.is_empty());
                    let name = format!("{format:?} {items:?} {:?}", case.given);
                    check(&name, &case, |settings| settings.threads = 2);
                }
            }
        }
    }
}

#[test]
fn every_format_holds_the_same_log() {
    let mut numbers = Numbers(77);
    let log = (0..30).map(|n| {
        click(
            midnight("2025-08-10") + i64::try_from(numbers.below(400_000)).expect("small") * SECOND,
            n + 1,
        )
    });
    let mut case = Case::new(
        vec![shown("1", "2025-08-15", "r"), shown("2", "2025-08-15", "q")],
        log.collect(),
    );
    for format in FORMATS {
        for times in [TimeStyle::Text, TimeStyle::Instant] {
            case.styles = [Style {
                format,
                times,
                ..PLAIN
            }; 4];
            check_both(&format!("{format:?} {times:?}"), &case);
        }
    }
}

#[test]
fn every_shape_of_items_holds_the_same_log_in_every_format() {
    let numbers = &mut Numbers(1717);
    let labels = [
        vec![Some(true), Some(false), Some(false)],
        vec![None; 3],
        vec![Some(false), None, Some(true)],
    ];
    for format in FORMATS {
        for round in 0..24 {
            let labels = &labels[round % labels.len()];
            let shown = (0..6).map(|n| LogImpression {
                items: (1..).zip(labels[..n % 4].to_vec()).collect(),
                ..shown(&(n % 3).to_string(), "2025-08-15", &format!("r{n}"))
            });
            let log = vec![click(midnight("2025-08-10"), 2)];
            let mut case = Case::new(shown.collect(), log);
            case.items = numbers.pick(&[Items::Ids, Items::Ids, Items::Texts, Items::Decimals]);
            case.shapes = Some(Shapes::draw(numbers, format, case.items));
            case.styles[0] = Style {
                format,
                files: 2,
                row_group: 2,
                null: numbers.pick(&[None, Some("NULL")]),
                ..PLAIN
            };
            check(&format!("{format:?} {round}"), &case, |_| {});
        }
    }
}
