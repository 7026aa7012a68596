//! Random small logs against the reference: formats, types of ids, threads, partitions, zones.

use hitherto::reference::LogTime;
use hitherto::reference::features::{ListingImpression, LogClick, LogListing};

use super::case::{Case, DAY, HOUR, NOON, SECOND, check};
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
    }
}

/// Some rows.
fn some<T>(numbers: &mut Numbers, least: u64, row: impl Fn(&mut Numbers) -> T) -> Vec<T> {
    let count = least + numbers.below(12);
    (0..count).map(|_| row(numbers)).collect()
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
    });
    let anybody = numbers.once_in(3);
    // A third of the logs that may lack users lack them.
    let has_users = !(anybody && numbers.once_in(3));
    let clicks = some(numbers, 0, |numbers| LogClick {
        user: Some(id(numbers)).filter(|_| has_users && !numbers.once_in(6)),
        listing: id(numbers),
        time: time(numbers, of_clicks),
    });
    let mut listings = vec![];
    for name in ["1", "3", "17", "5"] {
        let there = |numbers: &mut Numbers| !numbers.once_in(4);
        listings.push(LogListing {
            listing: name.to_owned(),
            category: there(numbers).then(|| numbers.pick(&["toys", "home"]).to_owned()),
            price: there(numbers).then(|| numbers.pick(&[0.0, 12.0, 7.25, -1e9])),
            created: there(numbers).then(|| time(numbers, of_listings)),
        });
    }
    numbers.shuffle(&mut listings);
    let mut far = Numbers(seed ^ 0xfa2);
    let (mut shown, mut clicks) = (shown, clicks);
    if far.once_in(3) {
        let times = shown.iter_mut().map(|row| (&mut row.time, styles[0]));
        let times = times.chain(clicks.iter_mut().map(|row| (&mut row.time, styles[1])));
        let created = listings.iter_mut().filter_map(|row| row.created.as_mut());
        for (time, style) in times.chain(created.map(|time| (time, styles[2]))) {
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
    case
}

#[test]
fn random_logs_equal_the_oracle() {
    for seed in 0..CASES {
        let case = case_of(seed);
        let mut numbers = Numbers(!seed);
        let threads = numbers.pick(&[1, 1, 2, 3]);
        let bits = numbers.pick(&[None, Some(1), Some(12)]);
        let piece = numbers.pick(&[1, 60, 1 << 20]);
        check(&format!("seed {seed}"), &case, |settings| {
            (settings.threads, settings.tuning.partition_bits) = (threads, bits);
            settings.tuning.text_piece_bytes = piece;
        });
    }
}
