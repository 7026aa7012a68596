//! Every stage by itself, and all of them end to end.
//!
//! `cargo bench --features bench` prints rows and bytes per second; `HITHERTO_BENCH=tiny` makes
//! the inputs small, which the tests use to see that everything runs. Each stage's result is
//! checked against a checksum that is computed without the engine's code.

use std::fs;
use std::path::Path;

use divan::Bencher;
use divan::counter::{BytesCount, ItemsCount};
use hitherto::testkit::bench::{Log, LogShape, RowGroupInput};
use hitherto::{
    Codec, Format, GenerateSettings, Job, Layout, RunContext, Sequences, Settings, generate,
};

fn main() {
    divan::main();
}

/// Whether only to see that everything runs.
#[expect(
    clippy::disallowed_methods,
    reason = "a bench has no other settings than its environment"
)]
fn is_tiny() -> bool {
    std::env::var("HITHERTO_BENCH").is_ok_and(|size| size == "tiny")
}

/// A number, or a small one.
fn size(full: u32, tiny: u32) -> u32 {
    if is_tiny() { tiny } else { full }
}

/// How actions are spread over customers: alike, or as they are.
const SPREADS: [&str; 2] = ["uniform", "zipf"];

/// A log of a spread.
fn log(spread: &str) -> Log {
    Log::new(LogShape {
        actions: size(4_000_000, 20_000),
        customers: size(25_000, 200),
        zipf: spread == "zipf",
    })
}

/// Events to chunk lists.
#[divan::bench(args = SPREADS, sample_count = 10)]
fn partition(bencher: Bencher<'_, '_>, spread: &str) {
    let log = log(spread);
    let items = ItemsCount::new(log.actions());
    bencher.counter(items).bench_local(|| log.partition());
}

/// Chunk lists to sorted runs.
#[divan::bench(args = SPREADS, sample_count = 10)]
fn sort(bencher: Bencher<'_, '_>, spread: &str) {
    let log = log(spread);
    bencher
        .counter(ItemsCount::new(log.actions()))
        .with_inputs(|| log.partition())
        .bench_local_values(|partitions| partitions.sort());
}

/// Sorted runs to histories of three probes a customer.
#[divan::bench(args = SPREADS, sample_count = 10)]
fn sweep(bencher: Bencher<'_, '_>, spread: &str) {
    let log = log(spread);
    let swept = log.partition().sort().sweep(3);
    assert_eq!(swept.checksum(), log.checksum(), "histories are wrong");
    bencher
        .counter(ItemsCount::new(log.actions()))
        .with_inputs(|| log.partition().sort())
        .bench_local_values(|runs| runs.sweep(3));
}

/// What is encoded: codec, impressions of each customer, actions of a history.
const ENCODED: [(Codec, Layout, u32, u32); 7] = [
    (Codec::Zstd, Layout::Sample, 1, 1000),
    (Codec::Zstd, Layout::Sample, 2, 450),
    (Codec::Zstd, Layout::Sample, 16, 450),
    (Codec::Zstd, Layout::Request, 2, 450),
    (Codec::Lz4Raw, Layout::Sample, 1, 1000),
    (Codec::Lz4Raw, Layout::Sample, 2, 450),
    (Codec::Lz4Raw, Layout::Sample, 16, 450),
];

/// Settings of an encoder.
fn settings(codec: Codec, layout: Layout) -> Settings {
    Settings {
        ask: Sequences {
            layout,
            ..Sequences::default()
        }
        .into(),
        allow_unused: true,
        dir: Some("in".into()),
        out: "out".into(),
        codec,
        ..Settings::default()
    }
}

/// Histories to a row group; bytes are those of the lists, had they been written out.
#[divan::bench(args = ENCODED, sample_count = 20)]
fn encode(
    bencher: Bencher<'_, '_>,
    (codec, layout, per_customer, length): (Codec, Layout, u32, u32),
) {
    let impressions = size(1638, 16);
    let rows = RowGroupInput::new(
        settings(codec, layout),
        impressions / per_customer,
        per_customer,
        length,
    );
    let rows = rows.expect("settings that hold together");
    let mut encoder = rows.encoder().expect("an encoder");
    bencher
        .counter(BytesCount::new(rows.logical_bytes()))
        .bench_local(|| encoder.encode().expect("a row group"));
}

/// A folder of generated logs, in one file per day and source.
fn logs(format: Format, impressions: u64) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let settings = GenerateSettings {
        dir: folder.path().join("logs"),
        impressions,
        actions: u64::from(size(1_670_000, 2000)),
        customers: size(10_000, 100),
        history_days: 30,
        format,
        threads: 2,
        ..GenerateSettings::default()
    };
    generate(&settings, &RunContext::default()).expect("logs");
    folder
}

/// Runs the whole job on one thread, into a new folder; gives its samples.
fn run(logs: &tempfile::TempDir, settings: Settings) -> u64 {
    let out = tempfile::tempdir_in(logs.path()).expect("a folder");
    let settings = Settings {
        allow_unused: true,
        dir: Some(logs.path().join("logs")),
        out: out.path().join("out"),
        ..settings
    };
    let job = Job::new(settings).expect("settings that hold together");
    hitherto::run(&job, &RunContext::default())
        .expect("a run")
        .samples
}

/// Bytes of the files below a folder.
fn bytes_in(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).expect("a folder");
    let bytes = entries.map(|entry| {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            bytes_in(&path)
        } else {
            fs::metadata(&path).expect("a file").len()
        }
    });
    bytes.sum()
}

/// Reading, of which next to nothing is asked.
#[divan::bench(args = [Format::Parquet, Format::Csv, Format::Ndjson], sample_count = 5)]
fn scan(bencher: Bencher<'_, '_>, format: Format) {
    let logs = logs(format, 10);
    bencher
        .counter(ItemsCount::new(size(1_670_000, 2000)))
        .counter(BytesCount::new(bytes_in(&logs.path().join("logs"))))
        .bench_local(|| run(&logs, Settings::default()));
}

/// The whole job: a day of 10,000 impressions.
#[divan::bench(args = [Codec::Zstd, Codec::Lz4Raw, Codec::Snappy], sample_count = 5)]
fn end_to_end(bencher: Bencher<'_, '_>, codec: Codec) {
    let logs = logs(Format::Parquet, u64::from(size(10_000, 100)));
    bencher
        .counter(ItemsCount::new(size(1_670_000, 2000)))
        .bench_local(|| run(&logs, settings(codec, Layout::Sample)));
}
