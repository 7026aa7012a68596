//! What must not change a byte: the order of rows and files, threads, partitions, memory.

use std::fs;
use std::path::Path;

use hitherto::{Format, Job, RunContext, Settings};

use super::case::{Case, HOUR, NOON, check, click, nobodys, shown};
use crate::support::{Numbers, PLAIN, Style, parts_by, scratch};

/// Logs of some size, of three days, with a listing and a user that are in a fifth of all rows.
pub(super) fn log(seed: u64, clicks: usize) -> Case {
    let mut numbers = Numbers(seed);
    let id = |numbers: &mut Numbers, count| {
        if numbers.once_in(5) {
            "0".to_owned()
        } else {
            numbers.below(count).to_string()
        }
    };
    let time = |numbers: &mut Numbers| {
        // Half an hour apart, so that there are many ties.
        NOON + i64::try_from(numbers.below(100)).expect("small") * HOUR / 2
    };
    let impressions = (0..400).map(|_| {
        let (impression, user) = (id(&mut numbers, 90), id(&mut numbers, 40));
        let listing = id(&mut numbers, 60);
        shown(&impression, &user, &listing, time(&mut numbers))
    });
    let impressions = impressions.collect();
    let clicks = (0..clicks).map(|_| {
        let (user, listing) = (id(&mut numbers, 50), id(&mut numbers, 70));
        if numbers.once_in(9) {
            nobodys(&listing, time(&mut numbers))
        } else {
            click(&user, &listing, time(&mut numbers))
        }
    });
    let mut case = Case::new(impressions, clicks.collect());
    case.rules.windows_us = vec![HOUR, 24 * HOUR];
    case.rules.label_window_us = HOUR;
    case
}

/// The parts of a run, and the manifests: names and bytes.
fn bytes_of(dir: &Path, case: &Case, change: impl Fn(&mut Settings)) -> Vec<(String, Vec<u8>)> {
    let folder = scratch();
    let out = folder.path().join("out");
    let mut settings = case.settings(dir, &out);
    change(&mut settings);
    super::case::run(settings).expect("a run");
    files_of(&out)
}

/// The parts and manifests of an output: names and bytes.
fn files_of(out: &Path) -> Vec<(String, Vec<u8>)> {
    let parts = parts_by(out, "date=").into_iter().map(|(_, path)| path);
    let mut paths: Vec<_> = parts.collect();
    let days: Vec<_> = paths.iter().filter_map(|path| path.parent()).collect();
    let mut manifests: Vec<_> = days.iter().map(|day| day.join("_manifest.json")).collect();
    manifests.extend(days.iter().map(|day| day.join("_metrics.json")));
    manifests.extend(["_manifest.json", "_metrics.json"].map(|name| out.join(name)));
    paths.extend(manifests);
    let named = paths.iter().map(|path| {
        let name = path.strip_prefix(out).expect("in OUT").display();
        (name.to_string(), fs::read(path).expect("a file"))
    });
    named.collect()
}

#[test]
fn threads_partitions_and_pieces_change_no_byte() {
    for format in [Format::Parquet, Format::Csv] {
        let mut case = log(1, 3000);
        case.styles = [Style {
            files: 3,
            row_group: 64,
            format,
            ..PLAIN
        }; 3];
        check("some size", &case, |settings| settings.threads = 2);
        let folder = scratch();
        case.write(folder.path());
        let expected = bytes_of(folder.path(), &case, |_| {});
        assert_eq!(
            expected.len(),
            11,
            "three days of a part, a manifest and metrics each"
        );
        for threads in [1, 2, 3] {
            for bits in [None, Some(0), Some(3), Some(12)] {
                let found = bytes_of(folder.path(), &case, |settings| {
                    (settings.threads, settings.tuning.partition_bits) = (threads, bits);
                    settings.tuning.text_piece_bytes = 1000 * threads;
                    settings.tuning.piece_rows_min = 7;
                });
                assert!(found == expected, "{threads} threads, {bits:?} bits");
            }
        }
    }
}

#[test]
fn the_order_of_rows_and_files_changes_no_byte_of_a_part() {
    for text_ids in [false, true] {
        let mut case = log(2, 3000);
        case.text_ids = text_ids;
        let parts = |case: &Case, threads| {
            let folder = scratch();
            case.write(folder.path());
            let mut files = bytes_of(folder.path(), case, |settings| settings.threads = threads);
            // Manifests have the names and sizes of inputs.
            files.retain(|(name, _)| name.ends_with(".parquet"));
            files
        };
        let expected = parts(&case, 1);
        assert_eq!(expected.len(), 3);
        let mut numbers = Numbers(2);
        for (files, row_group, format) in [
            (1, 1000, Format::Parquet),
            (7, 3, Format::Parquet),
            (4, 1, Format::Ndjson),
            (2, 1, Format::Csv),
            (3, 1, Format::Json),
        ] {
            numbers.shuffle(&mut case.shown);
            numbers.shuffle(&mut case.clicks);
            case.styles = [Style {
                files,
                row_group,
                format,
                ..PLAIN
            }; 3];
            for threads in [1, 3] {
                let found = parts(&case, threads);
                assert!(
                    found == expected,
                    "{files} files of {format:?}, {threads} threads"
                );
            }
        }
    }
}

#[test]
fn a_memory_limit_changes_no_byte() {
    let case = log(3, 60_000);
    let folder = scratch();
    case.write(folder.path());
    let run = |limit: u64, threads: usize| {
        let folder_out = scratch();
        let out = folder_out.path().join("out");
        let mut settings = case.settings(folder.path(), &out);
        (settings.threads, settings.tuning.partition_bits) = (threads, Some(4));
        settings.temp_dir = Some(folder_out.path().to_owned());
        let context = RunContext::new(limit, None);
        hitherto::features(&Job::new(settings).expect("settings"), &context).expect("a run");
        assert!(context.memory_peak() <= limit || limit == 0);
        let left = fs::read_dir(folder_out.path()).expect("a folder").count();
        assert_eq!(left, 1, "OUT and nothing else");
        (files_of(&out), context.memory_peak(), context.spilled())
    };
    let (expected, peak, spilled) = run(0, 1);
    assert_eq!(spilled, 0);
    for threads in [1, 3] {
        let (found, _, spilled) = run(peak / 5 * 4, threads);
        assert!(found == expected, "{threads} threads");
        assert!(spilled > 0, "{threads} threads, of {peak} bytes");
    }
}
