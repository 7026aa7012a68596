//! What must not change the output: the order of rows and files, threads, partitions, waves.

use std::fs;
use std::path::Path;

use hitherto::oracle::{LogAction, LogImpression, LogTime};
use hitherto::{Codec, Format, Layout, Settings, Source};

use crate::support::{Case, Numbers, PLAIN, Style, parts, run, samples, scratch};

/// A second in microseconds.
const SECOND: i64 = 1_000_000;
/// 2025-08-15, days since 1970-01-01.
const FIRST: i32 = 20_315;

/// A log of some size, with ties, duplicates, a bot, and impressions of three days.
fn log(seed: u64) -> Case {
    let mut numbers = Numbers(seed);
    let small = |count: u64| i64::try_from(count).expect("small");
    let customer = |numbers: &mut Numbers| {
        let who = if numbers.once_in(4) {
            0
        } else {
            numbers.below(60)
        };
        Some(who.to_string())
    };
    let actions = (0..4000).map(|_| LogAction {
        customer: customer(&mut numbers),
        time: LogTime::Instant(
            (i64::from(FIRST) * 86_400 - small(numbers.below(30 * 86_400) / 600 * 600)) * SECOND,
        ),
        kind: u8::try_from(1 + numbers.below(3)).expect("small"),
        item: 1 + small(numbers.below(5)),
        available: None,
    });
    let actions = actions.collect();
    let impressions = (0..300).map(|n| LogImpression {
        customer: customer(&mut numbers),
        day: FIRST + i32::try_from(numbers.below(3)).expect("small") - 1,
        time: None,
        ranking: format!("r{}", n / 2),
        items: (0..numbers.below(4))
            .map(|item| (1 + small(item), Some(item == 0)))
            .collect(),
    });
    let impressions = impressions.collect();
    let mut case = Case::new(impressions, actions);
    case.rules.actions_max = 50;
    case.styles = [Style {
        files: 3,
        row_group: 64,
        ..PLAIN
    }; 4];
    case
}

/// The bytes of all parts of a run, with their names.
fn bytes_of(dir: &Path, case: &Case, change: impl Fn(&mut Settings)) -> Vec<(String, Vec<u8>)> {
    let folder = scratch();
    let out = folder.path().join("out");
    let mut settings = case.settings(dir, &out);
    settings.row_group_rows_max = 100;
    change(&mut settings);
    run(settings).expect("a run");
    let name = |path: &Path| {
        path.strip_prefix(&out)
            .expect("in OUT")
            .display()
            .to_string()
    };
    let parts = parts(&out).into_iter();
    parts
        .map(|(_, path)| (name(&path), fs::read(&path).expect("a part")))
        .collect()
}

#[test]
fn threads_partitions_and_waves_change_no_byte() {
    let case = log(1);
    let folder = scratch();
    case.write(folder.path());
    let expected = bytes_of(folder.path(), &case, |_| {});
    assert_eq!(expected.len(), 3, "three days of a part each");
    for threads in [1, 2, 7] {
        for bits in [None, Some(0), Some(3), Some(12)] {
            for waves in [1, 500, 1 << 22] {
                let found = bytes_of(folder.path(), &case, |settings| {
                    settings.threads = threads;
                    settings.partition_bits = bits;
                    settings.wave_rows_min = waves;
                });
                assert!(
                    found == expected,
                    "{threads} threads, {bits:?} bits, waves of {waves}"
                );
            }
        }
    }
}

#[test]
fn the_order_of_rows_and_files_changes_no_byte() {
    let mut case = log(2);
    let folder = scratch();
    case.write(folder.path());
    let expected = bytes_of(folder.path(), &case, |_| {});
    let mut numbers = Numbers(2);
    for (files, row_group, format) in [
        (1, 1000, Format::Parquet),
        (7, 3, Format::Parquet),
        (4, 1, Format::Ndjson),
        (2, 1, Format::Csv),
    ] {
        numbers.shuffle(&mut case.shown);
        numbers.shuffle(&mut case.log);
        case.styles = [Style {
            files,
            row_group,
            format,
            ..PLAIN
        }; 4];
        let folder = scratch();
        case.write(folder.path());
        let found = bytes_of(folder.path(), &case, |settings| settings.threads = 2);
        assert!(found == expected, "{files} files of {format:?}");
    }
}

#[test]
fn row_groups_and_codecs_change_no_row() {
    let case = log(3);
    let folder = scratch();
    case.write(folder.path());
    let expected = case.expected();
    for codec in [Codec::Zstd, Codec::Lz4Raw, Codec::Snappy, Codec::None] {
        for rows in [1, 7, 100, 16_384] {
            for layout in [Layout::Sample, Layout::Request] {
                let out = folder.path().join(format!("{codec:?}-{rows}-{layout:?}"));
                let mut settings = case.settings(folder.path(), &out);
                (settings.codec, settings.row_group_rows_max) = (codec, rows);
                settings.layout = layout;
                run(settings.clone()).expect("a run");
                let mut found = samples(&out, &settings);
                found.sort();
                assert!(
                    found == expected,
                    "{codec:?}, row groups of {rows}, {layout:?}"
                );
            }
        }
    }
}

#[test]
fn the_early_stop_reads_less_and_changes_neither_rows_nor_counts() {
    let mut numbers = Numbers(4);
    // Thirty days, a file each, newest last; every customer has more than N actions a day.
    let folder = scratch();
    let mut case = log(4);
    case.log.clear();
    case.rules.actions_max = 5;
    let impressions = Case::new(case.shown.clone(), vec![]);
    impressions.write(folder.path());
    let mut all = vec![];
    for day in 0..30 {
        let rows = (0..60 * 8).map(|n| LogAction {
            customer: Some((n % 60).to_string()),
            time: LogTime::Instant(
                (i64::from(FIRST - 31 + day) * 86_400
                    + i64::try_from(numbers.below(86_400)).expect("small"))
                    * SECOND,
            ),
            kind: 1,
            item: 1 + i64::from(n),
            available: None,
        });
        let of_day = Case::new(vec![], rows.collect());
        all.extend(of_day.log.clone());
        let one = scratch();
        of_day.write(one.path());
        let clicks = Source::Clicks.folder();
        let from = one.path().join(clicks).join("part-0.parquet");
        fs::copy(
            from,
            folder
                .path()
                .join(clicks)
                .join(format!("day-{day}.parquet")),
        )
        .expect("a copy");
    }
    case.log = all;
    let manifest_and_kept = |waves| {
        let out = folder.path().join(format!("out-{waves}"));
        let mut settings = case.settings(folder.path(), &out);
        settings.wave_rows_min = waves;
        let report = run(settings.clone()).expect("a run");
        let mut found = samples(&out, &settings);
        found.sort();
        assert_eq!(found, case.expected());
        let manifest = fs::read_to_string(out.join("_manifest.json")).expect("a manifest");
        (manifest, report.actions_kept)
    };
    let (all_read, kept_all) = manifest_and_kept(1 << 22);
    let (stopped, kept) = manifest_and_kept(1);
    assert!(kept * 4 < kept_all, "kept {kept} of {kept_all}");
    assert_eq!(stopped, all_read);
}
