//! Random small logs against the reference: formats, types of ids, threads, partitions, zones.

use hitherto::reference::LogTime;
use hitherto::reference::features::{ListingImpression, LogClick, LogListing};
use hitherto::{Format, KeptColumn, PassthroughType, Settings};

use super::case::{Case, DAY, HOUR, NOON, SECOND, check};
use super::shards::check_shards;
use crate::depth::Depth;
use crate::far::far_time;
use crate::support::{FORMATS, NULLS, Numbers, Style, TimeStyle};

/// Cases; a failure prints the seed of its own.
const CASES: u64 = 2500;

/// One of a few ids.
fn id(numbers: &mut Numbers) -> String {
    numbers.pick(&["1", "2", "3", "17", "-4"]).to_owned()
}

/// A time from a coarse grid, so that windows and labels often end exactly where something
/// happens; sometimes a microsecond beside it.
fn time(numbers: &mut Numbers, style: TimeStyle) -> LogTime {
    let hours = i64::try_from(numbers.below(72)).expect("small") - 36;
    let beside = numbers.pick(&[0, 0, 0, -1, 1]);
    let at = NOON + hours * HOUR + beside;
    match style {
        TimeStyle::Wall => LogTime::Wall(at),
        TimeStyle::Date => LogTime::Date(i32::try_from(at / DAY).expect("a day")),
        TimeStyle::Text if numbers.once_in(2) => LogTime::Wall(at),
        _ => LogTime::Instant(at),
    }
}

/// How a source is written.
fn style(numbers: &mut Numbers, times: &[TimeStyle]) -> Style {
    Style {
        format: numbers.pick(&FORMATS),
        times: numbers.pick(times),
        files: numbers.pick(&[1, 1, 2, 3]),
        row_group: numbers.pick(&[1, 2, 3, 1000]),
        narrow: numbers.once_in(3),
        null: numbers.once_in(4).then(|| numbers.pick(&NULLS)),
        depth: numbers.pick(&[Depth::Flat, Depth::Flat, Depth::Listed]),
    }
}

/// Some rows.
fn some<T>(numbers: &mut Numbers, least: u64, row: impl Fn(&mut Numbers) -> T) -> Vec<T> {
    let count = least + numbers.below(12);
    (0..count).map(|_| row(numbers)).collect()
}

/// Listings, one row each.
fn listings_of(numbers: &mut Numbers, style: TimeStyle) -> Vec<LogListing> {
    let there = |numbers: &mut Numbers| !numbers.once_in(4);
    let listing = |name: &str| LogListing {
        listing: name.to_owned(),
        category: there(numbers).then(|| numbers.pick(&["toys", "home"]).to_owned()),
        price: there(numbers).then(|| numbers.pick(&[0.0, 12.0, 7.25, -1e9])),
        created: there(numbers).then(|| time(numbers, style)),
        holds_from: None,
        kept: Vec::new(),
    };
    ["1", "3", "17", "5"].map(listing).into()
}

/// A case of a seed.
fn case_of(seed: u64) -> Case {
    let mut numbers = Numbers(seed);
    let numbers = &mut numbers;
    let exact = [
        TimeStyle::Text,
        TimeStyle::Instant,
        TimeStyle::Wall,
        TimeStyle::Epoch,
    ];
    let days = [&exact[..3], &[TimeStyle::Date]].concat();
    let styles = [
        style(numbers, &exact),
        style(numbers, &exact),
        style(numbers, &days),
    ];
    let [of_shown, of_clicks, of_listings] = styles.map(|style| style.times);
    let shown = some(numbers, 1, |numbers| ListingImpression {
        id: id(numbers),
        user: id(numbers),
        listing: id(numbers),
        time: time(numbers, of_shown),
        kept: Vec::new(),
    });
    let anybody = numbers.once_in(3);
    // A third of the logs that may lack users lack them.
    let has_users = !(anybody && numbers.once_in(3));
    let clicks = some(numbers, 0, |numbers| LogClick {
        user: Some(id(numbers)).filter(|_| has_users && !numbers.once_in(6)),
        listing: id(numbers),
        time: time(numbers, of_clicks),
    });
    // Its own numbers, so that other cases are what they would be without it.
    let mut history = Numbers(seed ^ 0xa50f);
    let as_of = history.once_in(3);
    let mut listings = listings_of(numbers, of_listings);
    if as_of {
        listings = rows_over_time(&mut history, &listings, of_listings);
    }
    numbers.shuffle(&mut listings);
    let mut far = Numbers(seed ^ 0xfa2);
    let (mut shown, mut clicks) = (shown, clicks);
    if far.once_in(3) {
        let times = shown.iter_mut().map(|row| (&mut row.time, styles[0]));
        let times = times.chain(clicks.iter_mut().map(|row| (&mut row.time, styles[1])));
        let created = listings.iter_mut().filter_map(|row| row.created.as_mut());
        let listed = created.map(|time| (time, styles[2]));
        for (time, style) in times.chain(listed) {
            if far.once_in(6) {
                *time = far_time(&mut far, style);
            }
        }
    }
    let mut case = Case::new(shown, clicks);
    case.rules.windows_us = numbers.pick(&[
        vec![],
        vec![HOUR],
        vec![24 * HOUR, SECOND],
        vec![HOUR, 5 * HOUR, 10_000 * DAY],
    ]);
    case.rules.label_window_us = numbers.pick(&[DAY, HOUR, 1]);
    let data_end = NOON + numbers.pick(&[0, HOUR, HOUR - 1]);
    case.rules.data_end_us = numbers.once_in(3).then_some(data_end);
    case.rules.timezone = numbers
        .pick(&["UTC", "Europe/Berlin", "America/St_Johns"])
        .to_owned();
    (case.rules.anybody, case.has_users) = (anybody, has_users);
    (case.listings, case.styles) = (listings, styles);
    case.text_ids = numbers.once_in(2);
    case.rules.once = numbers.once_in(3);
    case.rules.as_of = as_of;
    keep_something(&mut Numbers(seed ^ 0x4ee9), &mut case);
    case
}

/// Columns of any type that may be kept.
const KEEP: [&str; 12] = [
    "i_int32:int32",
    "i_int64:int64",
    "i_double:double",
    "i_text:string",
    "i_boolean:boolean",
    "i_timestamp:timestamp",
    "listing.l_int32:int32",
    "listing.l_int64:int64",
    "listing.l_double:double",
    "listing.l_text:string",
    "listing.l_boolean:boolean",
    "listing.l_timestamp:timestamp",
];

/// Gives impressions and listings other columns, of which some are kept.
fn keep_something(numbers: &mut Numbers, case: &mut Case) {
    if !numbers.once_in(3) {
        return;
    }
    let mut names = KEEP.to_vec();
    numbers.shuffle(&mut names);
    names.truncate(index(1 + numbers.below(5)));
    // Numbers of microseconds are no times where times are texts.
    let untimed = case
        .styles
        .iter()
        .all(|style| style.times != TimeStyle::Epoch);
    names.retain(|name| untimed || !name.ends_with(":timestamp"));
    for name in names {
        let mut kept = KeptColumn::parse(name).expect("a column");
        let mut value = || {
            let values: &[&str] = match kept.column.kind.expect("it has a type") {
                PassthroughType::Int32 => &["-2147483648", "0", "5"],
                PassthroughType::Int64 => &["-9223372036854775808", "7", "1"],
                PassthroughType::Double => &["0.5", "-1", "300"],
                PassthroughType::Text => &["search", "a b", "ü", "7"],
                PassthroughType::Boolean => &["true", "false"],
                PassthroughType::Time => &["-1", "1755259200000000", "1755259201000001"],
            };
            (!numbers.once_in(4)).then(|| numbers.pick(values).to_owned())
        };
        if kept.of_listings {
            case.listings
                .iter_mut()
                .for_each(|row| row.kept.push(value()));
        } else {
            case.shown.iter_mut().for_each(|row| row.kept.push(value()));
        }
        case.rules.kept_of_listings.push(kept.of_listings);
        // Of Parquet files the type of the column counts, unless another is given.
        let style = case.styles[if kept.of_listings { 2 } else { 0 }];
        if style.format == Format::Parquet && numbers.once_in(2) {
            kept.column.kind = None;
        }
        case.keep.push(kept);
    }
}

/// Several rows of each listing, each from another time on.
fn rows_over_time(
    numbers: &mut Numbers,
    listings: &[LogListing],
    style: TimeStyle,
) -> Vec<LogListing> {
    let mut rows: Vec<LogListing> = Vec::new();
    for listing in listings {
        for price in 0..numbers.below(5) {
            let row = LogListing {
                price: (!numbers.once_in(4)).then_some([0.5, 1.5, 2.5, 3.5][index(price)]),
                holds_from: Some(time(numbers, style)),
                ..listing.clone()
            };
            // Wall times and instants may be the same moment in one zone and not in another.
            let is_apart = |other: &LogListing| {
                other.listing != row.listing || apart(other.holds_from, row.holds_from)
            };
            if rows.iter().all(is_apart) {
                rows.push(row);
            }
        }
    }
    rows
}

/// Whether two times are no moment in common, in whatever zone they are read.
fn apart(a: Option<LogTime>, b: Option<LogTime>) -> bool {
    let number = |time: Option<LogTime>| match time.expect("each row has one") {
        LogTime::Instant(us) | LogTime::Wall(us) => us,
        LogTime::Date(day) => i64::from(day) * DAY,
    };
    let offset = (number(a) - number(b)).abs();
    // Zones of the cases are whole hours and a half from UTC; times lie on a grid of hours, or a
    // microsecond beside it.
    match (a, b) {
        (Some(LogTime::Instant(_)), Some(LogTime::Instant(_)))
        | (Some(LogTime::Date(_)), Some(LogTime::Date(_))) => offset > 0,
        _ => offset > 7 * HOUR,
    }
}

/// A small number as an index.
fn index(number: u64) -> usize {
    usize::try_from(number).expect("small")
}

#[test]
fn random_logs_equal_the_oracle() {
    for seed in 0..CASES {
        let case = case_of(seed);
        let mut numbers = Numbers(!seed);
        let threads = numbers.pick(&[1, 1, 2, 3]);
        let bits = numbers.pick(&[None, Some(1), Some(12)]);
        let piece = numbers.pick(&[1, 60, 1 << 20]);
        let change = |settings: &mut Settings| {
            (settings.threads, settings.tuning.partition_bits) = (threads, bits);
            settings.tuning.text_piece_bytes = piece;
            settings.tuning.piece_rows_min = 1 + seed % 4;
        };
        check(&format!("seed {seed}"), &case, change);
        // Some of them: with shards of each eighth case, all took half as long again.
        if seed.is_multiple_of(16) {
            let count = [1, 2, 5][index(seed / 16 % 3)];
            check_shards(&format!("seed {seed}"), &case, count, change);
        }
    }
}
