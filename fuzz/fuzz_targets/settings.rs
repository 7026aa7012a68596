//! Settings that anybody may ask for: a job, or an error that is no fault of ours.
#![no_main]

use hitherto::{ActionSource, Ask, Day, Dwell, Features, Job, OtherTypes, Sequences, Settings, Source, Tuning, Types};
use libfuzzer_sys::fuzz_target;

/// Zone, columns, guests, windows, end of the data.
type Texts = (String, Vec<(u8, String, String)>, Vec<String>, Vec<(String, i64)>, Option<String>);
/// Embargoes, columns of availability, sources to do without, days.
type Choices = (Vec<(u8, i64)>, Vec<(u8, String)>, Vec<u8>, Option<i32>, Option<i32>);
/// Length, rows of a row group, lookback, partitions, windows of labels and visits, question, threads.
type Numbers = (u32, u32, Option<u32>, Option<u8>, i64, i64, u8, u8);

/// Sources of actions: name, code, a column of types with codes, columns and values that count.
type Declared = Vec<(String, u8, Option<(String, Vec<(String, u8)>)>, Vec<(String, Vec<String>)>)>;

/// Sources of actions, those that have a name.
fn sources_of(declared: Declared) -> Vec<ActionSource> {
    let actions = declared.into_iter().filter_map(|(name, code, by_column, only)| {
        let types = match by_column {
            None => Types::Constant(code),
            Some((column, codes)) => Types::Column { column, codes, other: OtherTypes::Drop },
        };
        Some(ActionSource { source: Source::named(&name)?, types, only })
    });
    actions.collect()
}

/// A source by number.
fn source(number: u8) -> Source {
    let all = [Source::Impressions, Source::Clicks, Source::Carts, Source::Orders, Source::Listings, Source::Events];
    all[usize::from(number) % all.len()]
}

fuzz_target!(|asked: (Texts, Choices, Numbers, Option<Declared>)| {
    let (texts, choices, numbers, declared) = asked;
    let (zone, columns, guests, windows, data_end) = texts;
    let (embargoes, available, without, from, to) = choices;
    let (actions, rows, lookback, bits, label, idle, job_kind, threads) = numbers;
    let ask: Ask = match job_kind % 3 {
        0 => Sequences {
            guest_ids: guests,
            embargo_us: embargoes.into_iter().map(|(of, us)| (source(of), us)).collect(),
            available: available.into_iter().map(|(of, name)| (source(of), name)).collect(),
            without: without.into_iter().map(source).collect(),
            actions: declared.map_or_else(ActionSource::defaults, sources_of),
            actions_max: Some(actions),
            row_group_rows_max: rows,
            lookback_days: lookback,
            ..Sequences::default()
        }
        .into(),
        1 => Features { windows, label_window_us: label, data_end, ..Features::default() }.into(),
        _ => Dwell { idle_timeout_us: idle, ..Dwell::default() }.into(),
    };
    let settings = Settings {
        ask,
        allow_unused: true,
        dir: Some("nowhere".into()),
        out: "out".into(),
        time_format: Some(zone.clone()).filter(|text| text.contains('%')),
        timezone: Some(zone).filter(|zone| !zone.is_empty()),
        columns: columns.into_iter().map(|(of, ours, theirs)| (source(of), ours, theirs)).collect(),
        from: from.map(Day),
        to: to.map(Day),
        threads: threads.into(),
        tuning: Tuning { partition_bits: bits, ..Tuning::default() },
        ..Settings::default()
    };
    if let Err(error) = Job::new(settings) {
        assert_eq!(error.exit_code(), 2, "{error}");
    }
});
