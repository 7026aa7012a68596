//! Whole runs of `sequences` over small logs against the reference, whatever the settings: every
//! codec, page size, row group, partition, thread.
#![no_main]

use std::fmt::Write as _;
use std::fs;

use hitherto::reference::{LogAction, LogImpression, LogTime, RepeatRule, Rules, sequences};
use hitherto::{
    Codec, Cutoff, Guests, NullLabel, Sequences, Settings, Source, SourceSettings, TimeUnit, Tuning,
};
use hitherto_fuzz::{folder, run, samples};
use libfuzzer_sys::fuzz_target;

/// Actions: whose, on which day, in which second, of which kind, on what.
type Actions = Vec<(u8, u8, u8, u8, u8)>;
/// Impressions: whose, on which day, in which second, what.
type Impressions = Vec<(u8, u8, u8, Vec<(u8, Option<bool>)>)>;
/// Length, lookback, embargo; by time, without padding, guests are rows, null labels are dropped.
type Asked = (u8, Option<u8>, Option<u8>, bool, bool, bool, bool);
/// Codec, bytes of a page, rows of a row group, partitions, threads, shapes of impressions, separators.
type Layout = (u8, u8, u8, u8, u8, u8, u8);

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

fuzz_target!(|case: (Actions, Impressions, Asked, Layout)| {
    let (actions, shown, asked, layout) = case;
    if shown.iter().all(|(.., items)| items.is_empty()) || shown.len() > 40 || actions.len() > 300 {
        return;
    }
    let (max, lookback, embargo, by_time, no_padding, guests, drop_labels) = asked;
    let log: Vec<LogAction> = actions
        .iter()
        .map(|(whose, day, second, kind, item)| LogAction {
            customer: customer(*whose),
            time: LogTime::Instant(instant(*day, *second)),
            log: usize::from(kind % 3),
            kind: 1 + kind % 3,
            item: i64::from(item % 30) + 1,
            available: None,
            attributes: Vec::new(),
        })
        .collect();
    let impressions: Vec<LogImpression> = shown
        .iter()
        .enumerate()
        .map(|(at, (whose, day, second, items))| LogImpression {
            customer: customer(*whose),
            day: FIRST_DAY + i32::from(day % 6),
            time: Some(LogTime::Instant(instant(*day, *second))),
            ranking: format!("r{at}"),
            items: items.iter().take(9).map(|(item, label)| (i64::from(*item) + 1, *label)).collect(),
            ..LogImpression::default()
        })
        .collect();
    let lookback_days = lookback.map(|days| u32::from(days % 5));
    let embargo_us = embargo.map(|seconds| i64::from(seconds % 4) * 1_000_000);
    let rules = Rules {
        cutoff_is_time: by_time,
        lookback_days,
        lookback_years: None,
        embargo_us: vec![embargo_us, None, None],
        types: Vec::new(),
        repeats: RepeatRule::Kept,
        computed: Vec::new(),
        actions_max: usize::from(max % 9) + 1,
        timezone: "UTC".to_owned(),
        guests_are_rows: guests,
        drop_null_labels: drop_labels,
        negatives: None,
    };
    let (codec, page, rows, bits, threads, shape, separators) = layout;
    let separators = separators_of(separators);
    let settings = Settings {
        ask: Sequences {
            cutoff: if by_time { Cutoff::Time } else { Cutoff::Day },
            lookback_days,
            embargo_us: embargo_us.map(|us| (Source::Clicks, us)).into_iter().collect(),
            actions_max: Some(u32::from(max % 9) + 1),
            pad: !no_padding,
            guests: if guests { Guests::Empty } else { Guests::Drop },
            null_label: if drop_labels { NullLabel::Drop } else { NullLabel::Keep },
            row_group_rows_max: 1 + u32::from(rows),
            ..Sequences::default()
        }
        .into(),
        allow_unused: true,
        paths: write_files(&impressions, &log, shape, &separators),
        source_settings: vec![(Source::Impressions, separators)],
        codec: [Codec::Zstd, Codec::Lz4Raw, Codec::Snappy, Codec::None][usize::from(codec) % 4],
        threads: 1 + usize::from(threads % 2),
        time_unit: Some(TimeUnit::Micro),
        tuning: Tuning {
            encode_plain: codec % 16 > 11,
            page_bytes_max: 1 + usize::from(page) * 4,
            partition_bits: (bits < 128).then_some(bits % 13),
            ..Tuning::default()
        },
        ..Settings::default()
    };
    let out = run(settings).expect("good input");
    let mut found = samples(&out);
    let mut expected = sequences(&rules, &impressions, &log);
    found.sort();
    expected.sort();
    assert_eq!(found, expected);
});

/// Separators of a few, or none.
fn separators_of(of: u8) -> SourceSettings {
    let text = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    SourceSettings {
        item_separator: text(["", "|", ",", " ", "::"][usize::from(of % 5)]),
        label_separator: text(["", "-", ":", "--"][usize::from(of / 5 % 4)]),
        ..SourceSettings::default()
    }
}

/// The columns of shown items in one of the shapes that JSON with these separators can have.
fn shown_columns(items: &[(i64, Option<bool>)], shape: u8, own: &SourceSettings) -> String {
    let label = |label: &Option<bool>| label.map_or("null".to_owned(), |label| label.to_string());
    let all = |text: &dyn Fn(&(i64, Option<bool>)) -> String, between: &str| {
        items.iter().map(text).collect::<Vec<_>>().join(between)
    };
    match (shape % 4, &own.item_separator, &own.label_separator) {
        (1, _, _) => {
            let pairs = all(&|(item, of)| format!("\"{item}\":{}", label(of)), ",");
            format!("\"impressions\":{{{pairs}}}")
        }
        (2, Some(separator), Some(between)) => {
            let text = |of: &Option<bool>| of.map_or(String::new(), |of| of.to_string());
            let pairs = all(&|(item, of)| format!("{item}{between}{}", text(of)), separator);
            format!("\"impressions\":\"{pairs}\"")
        }
        (2, _, None) => {
            let (ids, labels) = (all(&|(item, _)| item.to_string(), ","), all(&|(_, of)| label(of), ","));
            format!("\"impressions\":[{ids}],\"labels\":[{labels}]")
        }
        (3, Some(separator), None) if items.iter().all(|(_, of)| of.is_none()) => {
            let ids = all(&|(item, _)| item.to_string(), separator);
            format!("\"impressions\":\"{ids}\"")
        }
        _ => {
            let structs = all(
                &|(item, of)| format!("{{\"item_id\":{item},\"is_order\":{}}}", label(of)),
                ",",
            );
            format!("\"impressions\":[{structs}]")
        }
    }
}

/// Writes the log as NDJSON; gives the paths of its sources.
fn write_files(
    impressions: &[LogImpression],
    log: &[LogAction],
    shape: u8,
    separators: &SourceSettings,
) -> Vec<(Source, String)> {
    let mut texts = [const { String::new() }; 4];
    for shown in impressions {
        let Some(LogTime::Instant(us)) = shown.time else { continue };
        let items = shown_columns(&shown.items, shape, separators);
        let day = hitherto::date_text(hitherto::Day(shown.day));
        let _ = writeln!(
            texts[0],
            "{{\"dt\":\"{day}\",\"ranking_id\":\"{}\",\"customer_id\":{},\"impression_time\":{us},{items}}}",
            shown.ranking,
            json(&shown.customer)
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
