//! Settings that anybody may ask for: a job, or an error that is no fault of ours.
#![no_main]

use arbitrary::Arbitrary;
use hitherto::{Day, Job, Settings, Source};
use libfuzzer_sys::fuzz_target;

/// What texts and numbers a user may give.
#[derive(Arbitrary, Debug)]
struct Asked {
    zone: String,
    columns: Vec<(u8, String, String)>,
    guests: Vec<String>,
    windows: Vec<(String, i64)>,
    embargoes: Vec<(u8, i64)>,
    available: Vec<(u8, String)>,
    without: Vec<u8>,
    days: (Option<i32>, Option<i32>),
    numbers: (u32, u32, Option<u32>, Option<u8>, i64, i64),
    data_end: Option<String>,
    question: u8,
    threads: u8,
}

/// A source by number.
fn source(number: u8) -> Source {
    let all = [Source::Impressions, Source::Clicks, Source::Carts, Source::Orders, Source::Listings, Source::Events];
    all[usize::from(number) % all.len()]
}

fuzz_target!(|asked: Asked| {
    let (actions, rows, lookback, bits, label, idle) = asked.numbers;
    let settings = Settings {
        question: [hitherto::Question::Sequences, hitherto::Question::Features, hitherto::Question::Dwell]
            [usize::from(asked.question) % 3],
        dir: Some("nowhere".into()),
        out: "out".into(),
        timezone: if asked.zone.is_empty() { "UTC".to_owned() } else { asked.zone },
        columns: asked.columns.into_iter().map(|(of, ours, theirs)| (source(of), ours, theirs)).collect(),
        guest_ids: asked.guests,
        windows: asked.windows,
        embargo_us: asked.embargoes.into_iter().map(|(of, us)| (source(of), us)).collect(),
        available: asked.available.into_iter().map(|(of, name)| (source(of), name)).collect(),
        without: asked.without.into_iter().map(source).collect(),
        from: asked.days.0.map(Day),
        to: asked.days.1.map(Day),
        actions_max: actions,
        row_group_rows_max: rows,
        lookback_days: lookback,
        partition_bits: bits,
        label_window_us: label,
        idle_timeout_us: idle,
        data_end: asked.data_end,
        threads: asked.threads.into(),
        ..Settings::default()
    };
    if let Err(error) = Job::new(settings) {
        assert_eq!(error.exit_code(), 2, "{error}");
    }
});
