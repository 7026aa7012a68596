//! Whole runs of `sequences` over small logs against the naive twin, whatever the settings: every codec, page size,
//! row group, partition, thread.
#![no_main]

use std::fmt::Write as _;
use std::fs;

use arbitrary::Arbitrary;
use hitherto::oracle::{LogAction, LogImpression, LogTime, Rules, sequences};
use hitherto::{Codec, Cutoff, Guests, NullLabel, Settings, Source, TimeUnit};
use hitherto_fuzz::{folder, run, samples};
use libfuzzer_sys::fuzz_target;

/// A log, and how it is asked about.
#[derive(Arbitrary, Debug)]
struct Case {
    actions: Vec<Action>,
    shown: Vec<Shown>,
    max: u8,
    lookback: Option<u8>,
    by_time: bool,
    no_padding: bool,
    guests: bool,
    drop_labels: bool,
    embargo: Option<u8>,
    layout: (u8, u8, u8, u8, u8),
}

/// An action: whose, when, of which kind, on what.
#[derive(Arbitrary, Debug)]
struct Action {
    customer: u8,
    day: u8,
    second: u8,
    kind: u8,
    item: u8,
}

/// An impression: whose, when, what.
#[derive(Arbitrary, Debug)]
struct Shown {
    customer: u8,
    day: u8,
    second: u8,
    items: Vec<(u8, Option<bool>)>,
}

/// A day in 2025.
const FIRST_DAY: i32 = 20_300;

/// Microseconds of a day and second.
fn instant(day: u8, second: u8) -> i64 {
    (i64::from(FIRST_DAY) + i64::from(day % 6)) * 86_400_000_000 + i64::from(second % 4) * 1_000_000
}

/// A customer of a few, or nobody.
fn customer(of: u8) -> Option<String> {
    (of % 5 > 0).then(|| (of % 5).to_string())
}

/// A value of JSON, or null.
fn json(of: &Option<String>) -> &str {
    of.as_deref().unwrap_or("null")
}

fuzz_target!(|case: Case| {
    if case.shown.iter().all(|shown| shown.items.is_empty()) || case.shown.len() > 40 || case.actions.len() > 300 {
        return;
    }
    let log: Vec<LogAction> = case
        .actions
        .iter()
        .map(|action| LogAction {
            customer: customer(action.customer),
            time: LogTime::Instant(instant(action.day, action.second)),
            kind: 1 + action.kind % 3,
            item: i64::from(action.item % 30) + 1,
            available: None,
        })
        .collect();
    let impressions: Vec<LogImpression> = case
        .shown
        .iter()
        .enumerate()
        .map(|(at, shown)| LogImpression {
            customer: customer(shown.customer),
            day: FIRST_DAY + i32::from(shown.day % 6),
            time: Some(LogTime::Instant(instant(shown.day, shown.second))),
            ranking: format!("r{at}"),
            items: shown.items.iter().take(9).map(|(item, label)| (i64::from(*item) + 1, *label)).collect(),
        })
        .collect();
    let lookback_days = case.lookback.map(|days| u32::from(days % 5));
    let embargo_us = case.embargo.map(|seconds| i64::from(seconds % 4) * 1_000_000);
    let rules = Rules {
        cutoff_is_time: case.by_time,
        lookback_days,
        embargo_us: [embargo_us, None, None],
        actions_max: usize::from(case.max % 9) + 1,
        timezone: "UTC".to_owned(),
        guests_are_rows: case.guests,
        drop_null_labels: case.drop_labels,
    };
    let (codec, page, rows, bits, threads) = case.layout;
    let settings = Settings {
        paths: write_files(&impressions, &log),
        cutoff: if case.by_time { Cutoff::Time } else { Cutoff::Day },
        lookback_days,
        embargo_us: embargo_us.map(|us| (Source::Clicks, us)).into_iter().collect(),
        actions_max: u32::from(case.max % 9) + 1,
        pad: !case.no_padding,
        guests: if case.guests { Guests::Empty } else { Guests::Drop },
        null_label: if case.drop_labels { NullLabel::Drop } else { NullLabel::Keep },
        codec: [Codec::Zstd, Codec::Lz4Raw, Codec::Snappy, Codec::None][usize::from(codec) % 4],
        encode_plain: codec % 16 > 11,
        page_bytes_max: 1 + usize::from(page) * 4,
        row_group_rows_max: 1 + u32::from(rows),
        partition_bits: (bits < 128).then_some(bits % 13),
        threads: 1 + usize::from(threads % 2),
        time_unit: Some(TimeUnit::Micro),
        ..Settings::default()
    };
    let out = run(settings).expect("good input");
    let mut found = samples(&out);
    let mut expected = sequences(&rules, &impressions, &log);
    found.sort();
    expected.sort();
    assert_eq!(found, expected);
});

/// Writes the log as NDJSON; gives the paths of its sources.
fn write_files(impressions: &[LogImpression], log: &[LogAction]) -> Vec<(Source, String)> {
    let mut texts = [const { String::new() }; 4];
    for shown in impressions {
        let Some(LogTime::Instant(us)) = shown.time else { continue };
        let items: Vec<String> = shown
            .items
            .iter()
            .map(|(item, label)| {
                let label = label.map_or("null".to_owned(), |label| label.to_string());
                format!("{{\"item_id\":{item},\"is_order\":{label}}}")
            })
            .collect();
        let day = hitherto::date_text(hitherto::Day(shown.day));
        let _ = writeln!(
            texts[0],
            "{{\"dt\":\"{day}\",\"ranking_id\":\"{}\",\"customer_id\":{},\"impression_time\":{us},\"impressions\":[{}]}}",
            shown.ranking,
            json(&shown.customer),
            items.join(",")
        );
    }
    for action in log {
        let LogTime::Instant(us) = action.time else { continue };
        let [item, time] = if action.kind == 1 { ["item_id", "click_time"] } else { ["config_id", "occurred_at"] };
        let _ = writeln!(
            texts[usize::from(action.kind)],
            "{{\"customer_id\":{},\"{item}\":{},\"{time}\":{us}}}",
            json(&action.customer),
            action.item
        );
    }
    let sources = [Source::Impressions, Source::Clicks, Source::Carts, Source::Orders];
    sources
        .iter()
        .zip(&texts)
        .filter(|(_, text)| !text.is_empty())
        .map(|(source, text)| {
            let path = folder().join(format!("{}.ndjson", source.name()));
            fs::write(&path, text).expect("room in memory");
            (*source, path.display().to_string())
        })
        .collect()
}
