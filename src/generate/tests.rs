//! What [`generate`] promises: the same bytes for any number of threads, the counts that were
//! asked for, and files that readers take.

use std::fs::File as Disk;

use arrow::array::{Array, AsArray};
use arrow::datatypes::{Int32Type, Int64Type, TimestampMicrosecondType};
use arrow::record_batch::RecordBatch;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use super::*;
use crate::calendar::DAY_US;
use crate::job::JobKind;

/// Few rows of everything.
fn small(dir: &Path) -> GenerateSettings {
    GenerateSettings {
        dir: dir.join("logs"),
        impressions: 300,
        actions: 16_700,
        customers: 200,
        items: 1000,
        days: 2,
        history_days: 20,
        ..GenerateSettings::default()
    }
}

/// The files of some settings: path below the folder and bytes, sorted by path.
fn files_of(settings: &GenerateSettings) -> Vec<(PathBuf, Vec<u8>)> {
    let generated = generate(settings, &RunContext::default()).unwrap();
    let mut files = Vec::new();
    for source in JobKind::Sequences.sources() {
        for day in fs::read_dir(settings.dir.join(source.folder())).unwrap() {
            for file in fs::read_dir(day.unwrap().path()).unwrap() {
                let path = file.unwrap().path();
                let name = path.strip_prefix(&settings.dir).unwrap().to_owned();
                files.push((name, fs::read(&path).unwrap()));
            }
        }
    }
    files.sort();
    assert_eq!(generated.files, count64(files.len()));
    assert_eq!(
        generated.bytes,
        files
            .iter()
            .map(|(_, bytes)| count64(bytes.len()))
            .sum::<u64>()
    );
    files
}

/// All rows of a source, file by file.
fn rows_of(settings: &GenerateSettings, source: Source) -> Vec<RecordBatch> {
    let folder = settings.dir.join(source.folder());
    let mut days: Vec<PathBuf> = fs::read_dir(&folder)
        .unwrap()
        .map(|day| day.unwrap().path())
        .collect();
    days.sort();
    let files = days
        .iter()
        .map(|day| Disk::open(day.join("part-0.parquet")).unwrap());
    let readers = files.map(|file| {
        let builder = ParquetRecordBatchReaderBuilder::try_new(file).unwrap();
        builder.with_batch_size(1 << 20).build().unwrap()
    });
    readers
        .flat_map(|reader| reader.map(|batch| batch.unwrap()))
        .collect()
}

#[test]
fn bytes_do_not_depend_on_threads_but_on_the_seed() {
    let dir = tempfile::tempdir().unwrap();
    for format in [Format::Parquet, Format::Csv, Format::Ndjson] {
        let files = |threads: usize, seed: u64| {
            let dir = dir.path().join(format!("{format:?}-{threads}-{seed}"));
            files_of(&GenerateSettings {
                format,
                threads,
                seed,
                ..small(&dir)
            })
        };
        let one = files(1, 7);
        assert_eq!(one.len(), 3 * 22 + 2);
        assert_eq!(
            one[0].0,
            Path::new(&format!(
                "add_to_carts/dt=2025-07-27/part-0.{}",
                extension(format)
            ))
        );
        assert!(one == files(3, 7), "{format:?}");
        let other = files(1, 8);
        assert!(
            one.iter()
                .zip(&other)
                .all(|(one, other)| one.0 == other.0 && one.1 != other.1)
        );
    }
}

#[test]
fn counts_ids_and_times_are_as_asked() {
    let dir = tempfile::tempdir().unwrap();
    let settings = small(dir.path());
    let context = RunContext::default();
    let generated = generate(&settings, &context).unwrap();
    assert_eq!((generated.impressions, generated.actions), (600, 16_700));
    assert_eq!(context.rows().1, 17_300);
    let actions = [
        ("item_id", Source::Clicks),
        ("config_id", Source::Carts),
        ("config_id", Source::Orders),
    ];
    for ((item, source), rows) in actions.into_iter().zip([15_000, 1500, 200]) {
        let batches = rows_of(&settings, source);
        assert_eq!(
            batches.iter().map(RecordBatch::num_rows).sum::<usize>(),
            rows
        );
        for (at, batch) in batches.iter().enumerate() {
            let column = |name: &str| batch.column_by_name(name).unwrap();
            let customers = column("customer_id").as_primitive::<Int64Type>().values();
            assert!(customers.iter().all(|id| (1..=1400).contains(id)));
            let items = column(item).as_primitive::<Int32Type>().values();
            assert!(items.iter().all(|id| (1..=1000).contains(id)));
            let times = batch
                .columns()
                .last()
                .unwrap()
                .as_primitive::<TimestampMicrosecondType>();
            let start = (i64::from(FIRST_DAY.0) - 20 + i64::try_from(at).unwrap()) * DAY_US;
            assert!(
                times
                    .values()
                    .iter()
                    .all(|time| (start..start + DAY_US).contains(time))
            );
            let at_start = times.values().iter().filter(|time| **time == start).count();
            let edge = at == 0 || at == 20;
            assert!(if edge {
                at_start >= (rows / 22 / 20).max(1)
            } else {
                at_start < 3
            });
        }
    }
}

#[test]
fn impressions_are_named_once_and_show_5_to_15_items() {
    let dir = tempfile::tempdir().unwrap();
    let settings = GenerateSettings {
        impressions: 3000,
        ..small(dir.path())
    };
    generate(&settings, &RunContext::default()).unwrap();
    let (mut names, mut shown_count, mut ordered) = (Vec::new(), 0, 0);
    for batch in rows_of(&settings, Source::Impressions) {
        names.extend(
            batch
                .column(0)
                .as_string::<i32>()
                .iter()
                .map(|name| name.unwrap().to_owned()),
        );
        let lists = batch.column(2).as_list::<i32>();
        for row in 0..lists.len() {
            let elements = lists.value(row);
            let elements = elements.as_struct();
            assert!((5..=15).contains(&elements.len()));
            let items = elements
                .column_by_name("item_id")
                .unwrap()
                .as_primitive::<Int32Type>();
            assert!(items.values().iter().all(|id| (1..=1000).contains(id)));
            shown_count += elements.len();
            ordered += elements
                .column_by_name("is_order")
                .unwrap()
                .as_boolean()
                .true_count();
        }
    }
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), 6000);
    assert!((58_000..62_000).contains(&shown_count), "{shown_count}");
    assert!((1000..1400).contains(&ordered), "{ordered}");
}

#[test]
fn one_action_in_200_is_the_bots() {
    let dir = tempfile::tempdir().unwrap();
    let settings = GenerateSettings {
        customers: 100_000,
        actions: 167_000,
        ..small(dir.path())
    };
    generate(&settings, &RunContext::default()).unwrap();
    let bot = Population::new(settings.seed, settings.customers, settings.items).bot();
    let (mut of_bot, mut rows) = (0, 0);
    for source in Source::ACTIONS {
        for batch in rows_of(&settings, source) {
            let customers = batch.column_by_name("customer_id").unwrap();
            let customers = customers.as_primitive::<Int64Type>().values();
            of_bot += customers.iter().filter(|id| **id == bot).count();
            rows += customers.len();
        }
    }
    assert_eq!(rows, 167_000);
    assert!((835..880).contains(&of_bot), "{of_bot}");
}

#[test]
fn text_has_a_line_a_row() {
    let dir = tempfile::tempdir().unwrap();
    for (format, headers) in [(Format::Csv, 1), (Format::Ndjson, 0)] {
        let dir = dir.path().join(extension(format));
        let files = files_of(&GenerateSettings {
            format,
            ..small(&dir)
        });
        let lines_of = |source: Source| -> usize {
            let of_source = files
                .iter()
                .filter(|file| file.0.starts_with(source.folder()));
            of_source
                .map(|(_, text)| text.iter().filter(|b| **b == b'\n').count() - headers)
                .sum()
        };
        let lines = JobKind::Sequences.sources().iter().copied().map(lines_of);
        assert!(lines.eq([600, 15_000, 1500, 200]));
        let orders = files
            .iter()
            .rfind(|file| file.0.starts_with("previous_orders"))
            .unwrap();
        let text = str::from_utf8(&orders.1).unwrap();
        let first = text.lines().nth(headers).unwrap();
        assert!(first.contains("2025-08-17T"), "{first}");
        assert_eq!(
            first.starts_with("{\"order_date\":\"2025-08-17\""),
            format == Format::Ndjson
        );
    }
}

#[test]
fn a_source_without_rows_has_a_file() {
    let dir = tempfile::tempdir().unwrap();
    let settings = GenerateSettings {
        actions: 20,
        history_days: 0,
        days: 1,
        ..small(dir.path())
    };
    assert_eq!(files_of(&settings).len(), 4);
    assert!(rows_of(&settings, Source::Orders).is_empty());
    let settings = GenerateSettings {
        actions: 1,
        ..small(&dir.path().join("other"))
    };
    assert_eq!(files_of(&settings).len(), 5);
    let first = settings.dir.join("clicks/dt=2025-07-27");
    assert!(first.is_dir());
}

#[test]
fn what_cannot_be_generated_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let good = small(dir.path());
    let refused = [
        GenerateSettings {
            impressions: 0,
            ..good.clone()
        },
        GenerateSettings {
            customers: 0,
            ..good.clone()
        },
        GenerateSettings {
            items: 0,
            ..good.clone()
        },
        GenerateSettings {
            items: 1 << 31,
            ..good.clone()
        },
        GenerateSettings {
            days: 0,
            ..good.clone()
        },
        GenerateSettings {
            threads: 0,
            ..good.clone()
        },
        GenerateSettings {
            format: Format::Json,
            ..good.clone()
        },
    ];
    for settings in refused {
        let error = generate(&settings, &RunContext::default()).expect_err("refused");
        assert_eq!(error.exit_code(), 2, "{error}");
    }
    assert!(!good.dir.exists());
    generate(&good, &RunContext::default()).unwrap();
    let error = generate(&good, &RunContext::default()).expect_err("refused");
    assert_eq!(error.exit_code(), 73);
    assert!(
        error.to_string().ends_with("it exists and is not empty"),
        "{error}"
    );
}

#[test]
fn an_interrupted_run_leaves_no_file() {
    let dir = tempfile::tempdir().unwrap();
    let settings = small(dir.path());
    let context = RunContext::default();
    context
        .signal_cell()
        .store(2, std::sync::atomic::Ordering::Relaxed);
    assert_eq!(
        generate(&settings, &context)
            .expect_err("stopped")
            .exit_code(),
        130
    );
    assert_eq!(fs::read_dir(&settings.dir).unwrap().count(), 0);
}
