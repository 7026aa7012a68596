//! What must not change the output: the order of rows and files, threads, partitions, waves.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use hitherto::reference::{ComputedAttribute, LogAction, LogImpression, LogTime, RepeatRule};
use hitherto::{Codec, Format, ItemType, Job, Layout, NullLabel, RunContext, Settings, Source};
use parquet::arrow::ArrowWriter;

use crate::conformance::{keep_something, tell_something};
use crate::support::{Case, Items, Numbers, PLAIN, Style, audit, parts, run, samples, scratch};

/// A second in microseconds.
const SECOND: i64 = 1_000_000;
/// 2025-08-15, days since 1970-01-01.
const FIRST: i32 = 20_315;

/// A log of some size, with ties, duplicates, a bot, and impressions of three days.
pub(crate) fn log(seed: u64) -> Case {
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
        log: 0,
        kind: u8::try_from(1 + numbers.below(3)).expect("small"),
        item: 1 + small(numbers.below(5)),
        available: None,
        attributes: Vec::new(),
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
        ..LogImpression::default()
    });
    let impressions = impressions.collect();
    let mut case = Case::new(impressions, actions);
    // Impressions that differ in nothing but what is carried through have a fixed order too.
    case.keep = seed == 1 || seed == 2;
    if case.keep {
        let again = case.shown[..100].to_vec();
        case.shown.extend(again);
        let mut kept = Numbers(seed ^ 1);
        let shown = case.shown.iter_mut();
        shown.for_each(|impression| keep_something(&mut kept, impression));
    }
    if seed == 1 || seed == 2 {
        tell_something(&mut Numbers(seed ^ 2), &mut case, 2);
    }
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
    settings.sequences_mut().row_group_rows_max = 100;
    change(&mut settings);
    run(settings).expect("a run");
    let name = |path: &Path| {
        path.strip_prefix(&out)
            .expect("in OUT")
            .display()
            .to_string()
    };
    let mut paths: Vec<_> = parts(&out).into_iter().map(|(_, path)| path).collect();
    paths.push(out.join("_metrics.json"));
    paths.extend(Some(out.join("_vocabulary.parquet")).filter(|path| path.is_file()));
    paths
        .iter()
        .map(|path| (name(path), fs::read(path).expect("a part")))
        .collect()
}

#[test]
fn threads_partitions_and_waves_change_no_byte() {
    let case = log(1);
    let folder = scratch();
    case.write(folder.path());
    let expected = bytes_of(folder.path(), &case, |_| {});
    assert_eq!(expected.len(), 4, "three days of a part each, and metrics");
    for threads in [1, 2, 7] {
        for bits in [None, Some(0), Some(3), Some(12)] {
            for waves in [1, 500, 1 << 22] {
                let found = bytes_of(folder.path(), &case, |settings| {
                    settings.threads = threads;
                    settings.tuning.partition_bits = bits;
                    settings.tuning.wave_rows_min = waves;
                    settings.tuning.piece_rows_min = waves;
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
fn a_label_that_few_texts_of_items_have_is_found_with_any_number_of_threads() {
    let case = log(1);
    let folder = scratch();
    case.write(folder.path());
    let impressions = folder.path().join(Source::Impressions.folder());
    fs::remove_dir_all(&impressions).expect("a folder");
    let of_day = impressions.join("dt=2025-08-15");
    fs::create_dir_all(&of_day).expect("a folder");
    let items = |row| match row {
        0 => r#"[{"item_id": 7, "is_order": true}]"#,
        _ => r#"[{"item_id": 8}]"#,
    };
    let columns: [(&str, ArrayRef); 3] = [
        ("customer_id", Arc::new(Int64Array::from_iter_values(0..50))),
        (
            "ranking_id",
            Arc::new(StringArray::from_iter_values(
                (0..50).map(|row| format!("r{row}")),
            )),
        ),
        (
            "impressions",
            Arc::new(StringArray::from_iter_values((0..50).map(items))),
        ),
    ];
    let batch = RecordBatch::try_from_iter(columns).expect("a batch");
    let mut bytes = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut bytes, batch.schema(), None).expect("a writer");
    writer.write(&batch).expect("rows");
    writer.close().expect("a footer");
    fs::write(of_day.join("part.parquet"), bytes).expect("room on the disk");
    for threads in [1, 3] {
        let out = scratch();
        let mut settings = Settings {
            dir: Some(folder.path().to_owned()),
            out: out.path().join("out"),
            threads,
            allow_unused: true,
            ..Settings::default()
        };
        settings.sequences_mut().null_label = NullLabel::Drop;
        settings.tuning.piece_rows_min = 1;
        let report = run(settings).expect("the first row group has a label");
        assert_eq!(report.samples, 1, "{threads} threads");
    }
}

#[test]
fn codes_of_items_depend_on_neither_threads_nor_waves_nor_the_order_of_files() {
    let mut case = log(3);
    case.items = Items::Texts;
    // Only a few of the newest: elsewhere reading would stop early.
    case.rules.actions_max = 2;
    for (at, action) in case.log.iter_mut().enumerate() {
        action.item = 1 + i64::try_from(at % 300).expect("small");
    }
    for given in [vec![], vec![9, 4, 200]] {
        case.given.0 = given;
        let folder = scratch();
        let dir = folder.path().join("in");
        case.write(&dir);
        let expected = bytes_of(&dir, &case, |_| {});
        let turned = scratch();
        let turned = turned.path().join("in");
        case.log.reverse();
        case.shown.reverse();
        case.write(&turned);
        for dir in [&dir, &turned] {
            for threads in [1, 2, 7] {
                for waves in [1, 500, 1 << 22] {
                    let found = bytes_of(dir, &case, |settings| {
                        settings.threads = threads;
                        settings.tuning.wave_rows_min = waves;
                    });
                    assert!(found == expected, "{threads} threads, waves of {waves}");
                }
            }
        }
    }
}

#[test]
fn a_memory_limit_changes_no_byte() {
    for (late, told) in [(false, false), (true, false), (false, true), (true, true)] {
        let mut case = log(6);
        case.items = if late { Items::Texts } else { Items::Ids };
        for seed in 7..90 {
            case.log.extend(log(seed).log);
        }
        if told {
            tell_something(&mut Numbers(7), &mut case, 3);
        }
        case.available = late;
        for action in case.log.iter_mut().filter(|_| late) {
            action.available = Some(Some(action.time));
        }
        let folder = scratch();
        case.write(folder.path());
        let bytes = |limit: u64, threads: usize| {
            let folder_out = scratch();
            let out = folder_out.path().join("out");
            let mut settings = case.settings(folder.path(), &out);
            (settings.threads, settings.tuning.partition_bits) = (threads, Some(4));
            settings.temp_dir = Some(folder_out.path().to_owned());
            let context = RunContext::new(limit, None);
            hitherto::run(&Job::new(settings).expect("settings"), &context).expect("a run");
            let read = |(_, path): &(_, _)| fs::read(path).expect("a part");
            let mut found: Vec<Vec<u8>> = parts(&out).iter().map(read).collect();
            found.push(fs::read(out.join("_metrics.json")).expect("metrics"));
            assert!(context.memory_peak() <= limit || limit == 0);
            let left = fs::read_dir(folder_out.path()).expect("a folder").count();
            assert_eq!(left, 1, "OUT and nothing else");
            (found, context.memory_peak(), context.spilled())
        };
        let (expected, peak, spilled) = bytes(0, 1);
        assert_eq!(spilled, 0);
        // Each thread has a chunk open in each partition, of a size that what is told adds to, and sorts a
        // partition of its own: several need more room than one, how much depends on their timing.
        let several = if told { (2, peak) } else { (3, peak / 4 * 5) };
        for (threads, limit) in [(1, peak / 10 * 9), several] {
            let (found, _, spilled) = bytes(limit, threads);
            assert!(
                found == expected,
                "{threads} threads, late: {late}, told: {told}"
            );
            assert!(spilled > 0);
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
                (settings.codec, settings.sequences_mut().row_group_rows_max) = (codec, rows);
                settings.sequences_mut().layout = layout;
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

/// Three customers with many impressions, so that each history continues the one before: by no
/// action, by one, by more than it can hold; some begin empty, some actions are known late.
fn continued(late: bool, actions_max: usize, lookback_days: Option<u32>) -> Case {
    let mut numbers = Numbers(5);
    let first = i64::from(FIRST) * 86_400 * SECOND;
    let mut hours =
        |count| first + i64::try_from(numbers.below(count)).expect("small") * 3600 * SECOND;
    let actions = (0..300_i64).map(|n| {
        let at = hours(96);
        // Customer 2 acts in bursts.
        let at = if n % 3 == 2 {
            at - at % (40 * 3600 * SECOND)
        } else {
            at
        };
        let known = at + if n % 5 == 0 { 30 * 3600 * SECOND } else { 0 };
        LogAction {
            customer: Some((n % 3).to_string()),
            time: LogTime::Instant(at),
            log: 0,
            kind: u8::try_from(1 + n % 3).expect("small"),
            item: 1 + n,
            available: late.then_some(Some(LogTime::Instant(known))),
            attributes: Vec::new(),
        }
    });
    let actions = actions.collect();
    let mut impressions: Vec<LogImpression> = Vec::new();
    for n in 0..90_i64 {
        let at = hours(120) - 20 * 3600 * SECOND;
        let day = i32::try_from(at.div_euclid(86_400 * SECOND)).expect("a day");
        impressions.push(LogImpression {
            customer: Some((n % 3).to_string()),
            day,
            time: Some(LogTime::Instant(at)),
            ranking: format!("r{n}"),
            items: (0..=n % 12).map(|item| (1 + item, None)).collect(),
            ..LogImpression::default()
        });
    }
    let mut case = Case::new(impressions, actions);
    case.available = late;
    case.rules.cutoff_is_time = true;
    (case.rules.actions_max, case.rules.lookback_days) = (actions_max, lookback_days);
    case
}

/// Checks that a case comes out alike on both paths, in every codec, layout and size of pages.
fn check_paths(case: &Case, what: &str) {
    let folder = scratch();
    case.write(folder.path());
    let expected = case.expected();
    let read = |name: String, change: &dyn Fn(&mut Settings)| {
        let out = folder.path().join(name);
        let mut settings = case.settings(folder.path(), &out);
        change(&mut settings);
        run(settings.clone()).expect("a run");
        samples(&out, &settings)
    };
    let layouts = [Layout::Sample, Layout::Request];
    for (layout, items) in layouts.into_iter().zip([ItemType::Int32, ItemType::Int64]) {
        let name = format!("{layout:?}");
        let plain = read(format!("plain-{name}"), &|settings| {
            (
                settings.sequences_mut().layout,
                settings.sequences_mut().item_type,
            ) = (layout, items);
            settings.tuning.encode_plain = true;
        });
        let mut sorted = plain.clone();
        sorted.sort();
        assert!(sorted == expected, "{what} {name}");
        for codec in [Codec::Zstd, Codec::Lz4Raw] {
            for page in [1, 5000, 1 << 20] {
                let direct = read(format!("{codec:?}-{page}-{name}"), &|settings| {
                    (
                        settings.sequences_mut().layout,
                        settings.sequences_mut().item_type,
                    ) = (layout, items);
                    (settings.codec, settings.tuning.page_bytes_max) = (codec, page);
                });
                assert!(direct == plain, "{what} {codec:?} {page} {name}");
            }
        }
    }
}

#[test]
fn direct_and_plain_pages_hold_the_same_values() {
    for late in [false, true] {
        for actions_max in [1, 8, 30, 1000] {
            for lookback in [None, Some(0), Some(1)] {
                let case = continued(late, actions_max, lookback);
                check_paths(&case, &format!("{late} {actions_max} {lookback:?}"));
            }
        }
    }
}

#[test]
fn what_is_told_beside_actions_and_actions_in_a_row_are_the_same_on_both_paths() {
    for late in [false, true] {
        for repeats in [RepeatRule::Kept, RepeatRule::Consecutive] {
            for (actions_max, lookback) in [(8, None), (30, Some(1)), (1000, None)] {
                let mut case = continued(late, actions_max, lookback);
                // Two items, so that many stretches are long.
                case.log
                    .iter_mut()
                    .for_each(|action| action.item = 1 + action.item % 2);
                (case.rules.computed, case.rules.repeats) = (
                    vec![ComputedAttribute::TimeDelta, ComputedAttribute::Time],
                    repeats,
                );
                tell_something(&mut Numbers(11), &mut case, 2);
                check_paths(&case, &format!("{late} {repeats:?} {actions_max}"));
            }
        }
    }
}

#[test]
fn long_texts_long_rankings_null_labels_and_guests_are_the_same_on_both_paths() {
    let mut case = continued(false, 8, None);
    case.text_ids = true;
    case.rules.guests_are_rows = true;
    // As long as a text may be, so that a few are longer than a copy of LZ4 can reach back.
    let long = "x".repeat(4000);
    let id = |id: &str| format!("{id}{}", if id == "0" { &long } else { "" });
    for action in &mut case.log {
        action.customer = action.customer.as_deref().map(id);
    }
    for (n, shown) in case.shown.iter_mut().enumerate() {
        shown.customer = shown.customer.as_deref().filter(|_| n % 7 > 0).map(id);
        let count = if n % 45 == 1 { 20_000 } else { n % 5 };
        let label = |item: usize| match (n % 4, item % 3) {
            (0, _) | (1, 0) => None,
            (_, number) => Some(number == 1),
        };
        let items = (0..=count).map(|item| (1 + item, label(item)));
        let items = items.map(|(item, label)| (i64::try_from(item).expect("small"), label));
        shown.items = items.collect();
    }
    check_paths(&case, "wide");
}

#[test]
fn the_early_stop_reads_less_and_changes_neither_rows_nor_counts() {
    check_early_stop(Items::Ids);
}

#[test]
fn the_early_stop_keeps_less_of_items_with_codes_and_changes_neither_rows_nor_codes() {
    check_early_stop(Items::Texts);
}

/// Checks that what is kept is less where reading may stop early, and that the rest is the same.
fn check_early_stop(items: Items) {
    let mut numbers = Numbers(4);
    // Thirty days, a file each, newest last; every customer has more than N actions a day.
    let folder = scratch();
    let mut case = log(4);
    case.log.clear();
    (case.rules.actions_max, case.items) = (5, items);
    let mut impressions = Case::new(case.shown.clone(), vec![]);
    impressions.items = items;
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
            log: 0,
            kind: 1,
            item: 1 + i64::from(n),
            available: None,
            attributes: Vec::new(),
        });
        let mut of_day = Case::new(vec![], rows.collect());
        of_day.items = items;
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
        settings.tuning.wave_rows_min = waves;
        let report = run(settings.clone()).expect("a run");
        let mut found = samples(&out, &settings);
        found.sort();
        if items == Items::Ids {
            assert!(found == case.expected(), "waves of {waves}");
        }
        // Its manifest has checksums of all parts, and of the vocabulary.
        let texts = ["_manifest.json", "_metrics.json"].map(|name| fs::read(out.join(name)));
        (texts.map(|text| text.expect("a file")), report.actions_kept)
    };
    let (all_read, kept_all) = manifest_and_kept(1 << 22);
    let (stopped, kept) = manifest_and_kept(1);
    assert!(kept * 4 < kept_all, "kept {kept} of {kept_all}");
    assert_eq!(stopped, all_read);
}

#[test]
fn repeats_do_not_fill_histories_so_that_reading_stops_too_early() {
    // A file a day, newest last. The newest days hold one action many times over.
    for repeats in [RepeatRule::Exact, RepeatRule::Consecutive] {
        let folder = scratch();
        let mut case = log(8);
        (case.log, case.rules.actions_max, case.rules.repeats) = (vec![], 5, repeats);
        Case::new(case.shown.clone(), vec![]).write(folder.path());
        for day in 0..12 {
            let rows = (0..60 * 8).map(|n| {
                let at = if day < 8 { i64::from(n) } else { 0 };
                LogAction {
                    customer: Some((n % 60).to_string()),
                    time: LogTime::Instant((i64::from(FIRST - 13 + day) * 86_400 + at) * SECOND),
                    log: 0,
                    kind: 1,
                    item: if day < 8 { 1 + i64::from(n) } else { 7 },
                    available: None,
                    attributes: Vec::new(),
                }
            });
            let of_day = Case::new(vec![], rows.collect());
            case.log.extend(of_day.log.clone());
            let (one, clicks) = (scratch(), Source::Clicks.folder());
            of_day.write(one.path());
            let to = folder
                .path()
                .join(clicks)
                .join(format!("day-{day:02}.parquet"));
            fs::copy(one.path().join(clicks).join("part-0.parquet"), to).expect("a copy");
        }
        for waves in [1, 1 << 22] {
            let out = folder.path().join(format!("out-{waves}"));
            let mut settings = case.settings(folder.path(), &out);
            settings.tuning.wave_rows_min = waves;
            run(settings.clone()).expect("a run");
            let mut found = samples(&out, &settings);
            found.sort();
            assert!(found == case.expected(), "{repeats:?}, waves of {waves}");
        }
    }
}

#[test]
fn the_sample_of_negatives_depends_on_nothing_but_names_and_seed() {
    let mut case = log(9);
    // Ids that are integers in the files, which can be read as texts.
    case.styles
        .iter_mut()
        .for_each(|style| style.row_group = 65);
    case.rules.negatives = Some((0.4, 11));
    for (n, shown) in (0_i64..).zip(case.shown.iter_mut()) {
        // A ranking each, so that lists tell whose they are.
        shown.ranking = format!("r{n}");
        let label = |item: i64| match item % 4 {
            1 => Some(true),
            3 => None,
            _ => Some(false),
        };
        shown.items = (0..n % 9).map(|item| (1 + item, label(item))).collect();
    }
    let folder = scratch();
    case.write(folder.path());
    let rows = |change: &dyn Fn(&mut Settings)| {
        let out = scratch();
        let mut settings = case.settings(folder.path(), &out.path().join("out"));
        change(&mut settings);
        let report = run(settings.clone()).expect("a run");
        let mut found = samples(&settings.out, &settings);
        audit("negatives", &settings.out);
        // Lists do not tell places.
        found.iter_mut().for_each(|sample| sample.position = 0);
        found.sort();
        (found, report.negatives_left_out, report.sampled_away)
    };
    let all = rows(&|settings| settings.sequences_mut().negatives_rate = None).0;
    let expected = rows(&|_| {});
    let (sampled, left_out, sampled_away) = &expected;
    assert_eq!(sampled.len() as u64 + left_out, all.len() as u64);
    assert!(
        *sampled_away > 0 && sampled.len() * 2 > all.len() && sampled.len() * 4 < all.len() * 3
    );
    let others = |samples: &[hitherto::reference::Sample]| {
        samples
            .iter()
            .filter(|samples| samples.is_order != Some(false))
            .count()
    };
    assert_eq!(others(sampled), others(&all), "all but negatives are kept");
    assert!(rows(&|settings| settings.sequences_mut().layout = Layout::Request) == expected);
    assert!(
        rows(&|settings| (
            settings.threads,
            settings.sequences_mut().row_group_rows_max
        ) = (7, 3))
            == expected
    );
    assert!(
        rows(&|settings| (
            settings.sequences_mut().layout,
            settings.tuning.encode_plain
        ) = (Layout::Request, true))
            == expected
    );
    assert!(rows(&|settings| settings.tuning.encode_plain = true) == expected);
    assert!(rows(&|settings| settings.sequences_mut().seed = 12) != expected);
    // Customers by another type have the same names.
    assert!(
        rows(&|settings| settings.customer_type = Some(hitherto::CustomerType::String)) == expected
    );
}
