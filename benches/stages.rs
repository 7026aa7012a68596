//! Every stage by itself, and all of them end to end.
//!
//! `cargo bench --features bench` prints rows and bytes per second; `HITHERTO_BENCH=tiny` makes
//! the inputs small, which the tests use to see that everything runs, and `HITHERTO_BENCH=table` prints one table
//! of nanoseconds per action, beside what the memory alone would take. Each stage's result is
//! checked against a checksum that is computed without the engine's code.

use std::fs;
use std::path::Path;
use std::time::Instant;

use divan::Bencher;
use divan::counter::{BytesCount, ItemsCount};
use hitherto::testkit::bench::{Log, LogShape, RowGroupInput};
use hitherto::{
    Codec, Format, GenerateSettings, Job, Layout, RunContext, Sequences, Settings, generate,
};

fn main() {
    if is("table") {
        return table();
    }
    divan::main();
    if is_tiny() {
        table();
    }
}

/// Whether the environment asks for this.
#[expect(
    clippy::disallowed_methods,
    reason = "a bench has no other settings than its environment"
)]
fn is(what: &str) -> bool {
    std::env::var("HITHERTO_BENCH").is_ok_and(|asked| asked == what)
}

/// Whether only to see that everything runs.
fn is_tiny() -> bool {
    is("tiny")
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

/// Times each stage; of several runs the fastest counts, as others on the machine only slow it down.
const TABLE_RUNS: u32 = 7;

/// The stages beside what they take at least: the time in which one core copies the bytes that they read and write
/// once each.
#[expect(clippy::print_stdout, reason = "it is what is asked for")]
fn table() {
    let log = log("uniform");
    let (rows, actions) = (
        u64::from(size(1_670_000, 2000)),
        u64::try_from(log.actions()).expect("some millions"),
    );
    println!("| stage | ns per action | its bytes, copied |\n|---|---|---|");
    let logs = logs(Format::Parquet, 10);
    let read = bytes_in(&logs.path().join("logs"));
    // Files that are decompressed into 16 bytes a row.
    let run_all = || run(&logs, Settings::default());
    print_stage("scan", (rows, read + rows * 16), || (), |()| run_all());
    // An event takes 24 bytes, a packed row 8, a sorted one 13.
    print_stage(
        "partition",
        (actions, actions * 32),
        || (),
        |()| log.partition(),
    );
    let partitioned = || log.partition();
    print_stage("sort", (actions, actions * 21), partitioned, |rows| {
        rows.sort()
    });
    let sorted = || log.partition().sort();
    print_stage("sweep", (actions, actions * 8), sorted, |runs| {
        runs.sweep(3)
    });
    // Histories of 1000 actions, each of which is encoded once.
    let impressions = size(1638, 16);
    let input = RowGroupInput::new(settings(Codec::Zstd, Layout::Sample), impressions, 1, 1000);
    let input = input.expect("settings that hold together");
    let mut encoder = input.encoder().expect("an encoder");
    let encoded = u64::from(impressions) * 1000;
    let written = encoder.encode().expect("a row group");
    let work = |()| encoder.encode().expect("a row group");
    print_stage("encode", (encoded, encoded * 5 + written), || (), work);
}

/// Prints the line of a stage, which handles so many actions, and reads and writes so many bytes.
#[expect(clippy::print_stdout, reason = "it is what is asked for")]
fn print_stage<I, T>(
    name: &str,
    (actions, bytes): (u64, u64),
    input: impl Fn() -> I,
    mut work: impl FnMut(I) -> T,
) {
    let fastest = |work: &mut dyn FnMut() -> f64| {
        let runs = if is_tiny() { 1 } else { TABLE_RUNS };
        (0..runs).map(|_| work()).fold(f64::INFINITY, f64::min)
    };
    let stage = fastest(&mut || {
        let input = input();
        let began = Instant::now();
        let made = divan::black_box(work(input));
        let took = began.elapsed().as_secs_f64();
        drop(made);
        took
    });
    // Read once and written once: a copy of half of them. The memory was written to before.
    let from = vec![1_u8; usize::try_from(bytes / 2).expect("it fits the memory")];
    let mut to = vec![2_u8; from.len()];
    let copied = fastest(&mut || {
        let began = Instant::now();
        to.copy_from_slice(divan::black_box(&from));
        divan::black_box(&mut to);
        began.elapsed().as_secs_f64()
    });
    #[expect(clippy::cast_precision_loss, reason = "some millions")]
    let per_action = |seconds: f64| seconds * 1e9 / actions as f64;
    println!(
        "| {name} | {:.1} | {:.1} |",
        per_action(stage),
        per_action(copied)
    );
}
