//! The audit: that right rows pass whatever the settings, and that no leak does.

use std::fs::{self, File};

use arrow::array::{
    Array, ArrayRef, AsArray, Float32Array, Int8Array, Int32Array, Int64Array, ListArray,
    RecordBatch, TimestampMicrosecondArray,
};
use arrow::datatypes::{
    DataType, Float32Type, Int8Type, Int32Type, Int64Type, TimestampMicrosecondType,
};
use hitherto::{
    Attribute, AuditRows, Codec, CustomerType, Cutoff, Dedup, Features, Guests, ItemType, JobKind,
    LabelKey, Layout, Sequences, Settings, Source,
};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::{ArrowReaderOptions, ParquetRecordBatchReaderBuilder};
use std::sync::Arc;

use super::sets::Set;

/// Rewrites the rows of a part, and mends all checksums.
fn rewrite(set: &Set, part: &str, change: impl Fn(&str, ArrayRef) -> ArrayRef) {
    let path = set.out().join(part);
    let options = ArrowReaderOptions::new().with_skip_arrow_metadata(true);
    let file = File::open(&path).expect("a part");
    let reader = ParquetRecordBatchReaderBuilder::try_new_with_options(file, options);
    let batches = reader.expect("a part").build().expect("a part");
    let batches: Vec<RecordBatch> = batches.map(|batch| batch.expect("a batch")).collect();
    let mut writer = ArrowWriter::try_new(Vec::new(), batches[0].schema(), None).expect("a writer");
    for batch in &batches {
        let schema = batch.schema();
        let columns = schema.fields().iter().zip(batch.columns());
        let columns = columns.map(|(field, column)| change(field.name(), Arc::clone(column)));
        let batch = RecordBatch::try_new(Arc::clone(&schema), columns.collect()).expect("columns");
        writer.write(&batch).expect("a batch");
    }
    fs::write(&path, writer.into_inner().expect("a file")).expect("a part");
    set.mend(part);
}

/// A list column with one value changed.
fn with_value(lists: &ArrayRef, at: usize, value: i64) -> ArrayRef {
    let lists: &ListArray = lists.as_list();
    let (field, offsets, values, nulls) = lists.clone().into_parts();
    let values: ArrayRef = match values.data_type() {
        DataType::Int32 => {
            let mut items = values.as_primitive::<Int32Type>().values().to_vec();
            items[at] = i32::try_from(value).expect("small");
            Arc::new(Int32Array::from(items))
        }
        DataType::Float32 => {
            let mut numbers = values.as_primitive::<Float32Type>().values().to_vec();
            numbers[at] = f32::from(i8::try_from(value).expect("small"));
            Arc::new(Float32Array::from(numbers))
        }
        _ => {
            let mut kinds = values.as_primitive::<Int8Type>().values().to_vec();
            kinds[at] = i8::try_from(value).expect("small");
            Arc::new(Int8Array::from(kinds))
        }
    };
    Arc::new(ListArray::new(field, offsets, values, nulls))
}

/// Asserts that an audit of all rows tells of a part, saying all of `said`.
#[track_caller]
fn refuses(set: &Set, part: &str, said: &[&str]) {
    let verified = set.audited(AuditRows::All);
    let problems: Vec<String> = verified
        .problems
        .iter()
        .map(|problem| format!("{}: {}", problem.path, problem.what))
        .collect();
    let is_it = |problem: &String| {
        problem.starts_with(part) && said.iter().all(|said| problem.contains(said))
    };
    assert!(problems.iter().any(is_it), "no {said:?} in {problems:#?}");
}

#[test]
fn sets_of_all_jobs_pass_and_the_report_stays_with_them() {
    for (name, set) in Set::all() {
        for rows in [AuditRows::All, AuditRows::Count(2), AuditRows::Count(1000)] {
            let verified = set.audited(rows);
            assert_eq!(verified.problems, [], "{name} {rows:?}");
            let audited = verified.audited.expect("an audit");
            let expected = match rows {
                AuditRows::Count(count) => count.min(verified.rows),
                _ => verified.rows,
            };
            // Of dwell a sample is one of users.
            assert!(
                audited.rows == expected || name == "dwell",
                "{name} {rows:?}"
            );
            let report = fs::read(set.out().join("_audit.json")).expect("a report");
            let report: serde_json::Value = serde_json::from_slice(&report).expect("JSON");
            assert_eq!(report["verdict"], "passed");
            assert_eq!(report["rows_recomputed"], audited.rows);
            let manifest = format!("{:016x}", verified.manifest);
            assert_eq!(report["manifest_xxh64"], manifest);
        }
        assert_eq!(set.verified().problems, [], "{name}: the report is known");
    }
}

#[test]
fn canaries_are_kept_before_the_cutoff_and_refused_from_it_on() {
    let set = Set::new(JobKind::Sequences);
    let canaries = set
        .audited(AuditRows::All)
        .audited
        .expect("an audit")
        .canaries;
    let canaries = canaries.expect("canaries");
    assert_eq!(canaries.impressions, 3, "one of each customer");
    assert_eq!(
        (canaries.planted, canaries.kept, canaries.refused),
        (9, 3, 6)
    );
}

/// Names the sources one by one, and no orders.
fn without_orders(settings: &mut Settings) {
    let path = |name: &str| {
        let dir = settings.dir.as_ref();
        dir.map(|dir| dir.join(name).display().to_string())
    };
    let paths = [
        (Source::Impressions, path("impressions.ndjson")),
        (Source::Clicks, path("clicks.csv")),
    ];
    let paths = paths.into_iter();
    settings.paths = paths
        .filter_map(|(source, path)| Some((source, path?)))
        .collect();
    settings.dir = None;
}

/// Changes the settings of a case.
type Change = fn(&mut Settings);

/// Settings with which every row must pass the audit.
const CHANGES: [(&str, Change); 27] = [
    ("seconds", |settings| {
        settings.sequences_mut().attributes = vec![Attribute::TimeDelta];
    }),
    ("seconds in a row without padding", |settings| {
        (
            settings.dedup,
            settings.sequences_mut().pad,
            settings.sequences_mut().attributes,
        ) = (Dedup::Consecutive, false, vec![Attribute::TimeDelta]);
    }),
    ("half the negatives", |settings| {
        settings.sequences_mut().negatives_rate = Some(0.5);
    }),
    ("half of them as lists", |settings| {
        (
            settings.sequences_mut().negatives_rate,
            settings.sequences_mut().seed,
            settings.sequences_mut().layout,
        ) = (Some(0.5), 1, Layout::Request);
    }),
    ("none in a row", |settings| {
        settings.dedup = Dedup::Consecutive;
    }),
    ("no repeats", |settings| settings.dedup = Dedup::Exact),
    ("some types", |settings| {
        settings.sequences_mut().types = vec![3, 1];
    }),
    ("one type", |settings| {
        settings.sequences_mut().types = vec![2];
    }),
    ("no pad", |settings| settings.sequences_mut().pad = false),
    ("request", |settings| {
        settings.sequences_mut().layout = Layout::Request;
    }),
    ("timelines", |settings| {
        let own = settings.sequences_mut();
        (own.layout, own.attributes) = (Layout::Timeline, vec![Attribute::TimeDelta]);
    }),
    ("all of each timeline, and guests", |settings| {
        let own = settings.sequences_mut();
        (own.layout, own.actions_max) = (Layout::Timeline, None);
        (own.guests, own.oldest_first) = (Guests::Empty, true);
    }),
    ("oldest first", |settings| {
        let own = settings.sequences_mut();
        (own.oldest_first, own.attributes) = (true, vec![Attribute::Time]);
    }),
    ("other names", |settings| {
        let names = [
            ("customer_id", "user"),
            ("actions", "cutoff"),
            ("cutoff", "at"),
        ];
        let names = names.map(|(name, other)| (name.to_owned(), other.to_owned()));
        settings.sequences_mut().rename = names.to_vec();
    }),
    ("guests", |settings| {
        (
            settings.sequences_mut().guests,
            settings.sequences_mut().guest_ids,
        ) = (Guests::Empty, vec!["2".into()]);
    }),
    ("wide items", |settings| {
        settings.sequences_mut().item_type = ItemType::Int64;
    }),
    ("text customers", |settings| {
        settings.customer_type = Some(CustomerType::String);
    }),
    ("lz4", |settings| settings.codec = Codec::Lz4Raw),
    ("plain", |settings| settings.codec = Codec::None),
    ("embargo", |settings| {
        settings.sequences_mut().embargo_us = vec![(Source::Carts, 86_400_000_000)];
    }),
    ("long embargo", |settings| {
        settings.sequences_mut().embargo_us = vec![(Source::Clicks, 400 * 86_400_000_000)];
    }),
    ("lookback", |settings| {
        settings.sequences_mut().lookback_days = Some(3);
    }),
    ("no lookback", |settings| {
        settings.sequences_mut().lookback_days = None;
    }),
    ("nothing", |settings| {
        settings.sequences_mut().lookback_days = Some(0);
    }),
    ("one", |settings| {
        settings.sequences_mut().actions_max = Some(1);
    }),
    ("zone", |settings| {
        settings.timezone = Some("Europe/Berlin".into());
    }),
    ("no orders", without_orders),
];

#[test]
fn rows_are_right_whatever_the_settings() {
    for (name, change) in CHANGES {
        let set = Set::inputs(JobKind::Sequences);
        let mut settings = set.settings(JobKind::Sequences);
        change(&mut settings);
        set.make(settings);
        let verified = set.audited(AuditRows::All);
        assert_eq!(verified.problems, [], "{name}");
        assert!(
            verified.audited.is_some_and(|audited| audited.rows > 0),
            "{name}"
        );
    }
}

#[test]
fn rows_with_texts_too_long_to_be_kept_are_missed_by_nobody() {
    let shown = |id: &str| {
        format!(
            r#"{{"dt":"2025-08-15","ranking_id":"{id}","customer_id":1,"impressions":[{{"item_id":9,"is_order":null}}]}}"#
        )
    };
    let listing = |category: &str| format!("3,{category},5,2024-01-01");
    let event = |id: &str| format!("2018-10-01T12:00:05-04:00,{id},flyer_open,f7,m");
    type Row<'a> = &'a dyn Fn(&str) -> String;
    let files: [(JobKind, &str, Row<'_>, u64); 3] = [
        (JobKind::Sequences, "impressions.ndjson", &shown, 6),
        (JobKind::Features, "listings.csv", &listing, 4),
        (JobKind::Dwell, "events.csv", &event, 7),
    ];
    for (job_kind, name, row, rows) in files {
        let set = Set::inputs(job_kind);
        let path = set.dir().join(name);
        let mut text = fs::read_to_string(&path).expect("text");
        for length in [4097, 4096] {
            text.push_str(&row(&"x".repeat(length)));
            text.push('\n');
        }
        fs::write(&path, text).expect("a file");
        set.make(set.settings(job_kind));
        let verified = set.audited(AuditRows::All);
        assert_eq!(verified.problems, [], "{name}");
        let audited = verified.audited.expect("an audit");
        assert_eq!((audited.rows, audited.of_rows), (rows, rows), "{name}");
    }
}

#[test]
fn rows_are_right_by_time_with_availability_where_clocks_change() {
    for zone in ["UTC", "Europe/Berlin"] {
        for available in [true, false] {
            let set = Set::inputs(JobKind::Sequences);
            let shown = r#"{"ranking_id":"a","customer_id":1,"impressions":[{"item_id":5,"is_order":false}],"impression_time":"2025-03-30 02:30:00"}
{"ranking_id":"b","customer_id":1,"impressions":[{"item_id":5,"is_order":null}],"impression_time":"2025-10-26 02:30:00"}
{"ranking_id":"c","customer_id":2,"impressions":[{"item_id":6,"is_order":true}],"impression_time":"2025-03-31"}
"#;
            fs::write(set.dir().join("impressions.ndjson"), shown).expect("a file");
            let clicks = "customer_id,item_id,click_time,seen_at\n\
                1,1,2025-03-30 02:10:00,2025-03-30 02:20:00\n1,2,2025-03-30 03:00:00,2025-03-30\n\
                1,3,2025-03-29,2025-03-29\n1,4,2025-03-30 01:59:59.999999,\n\
                2,7,2025-03-30T23:59:59.999999+02:00,2025-03-30T20:00:00Z\n\
                1,8,2025-10-26 02:10:00,2025-10-26T00:20:00Z\n1,9,2025-10-25,2025-10-26\n";
            fs::write(set.dir().join("clicks.csv"), clicks).expect("a file");
            set.make(Settings {
                ask: Sequences {
                    cutoff: Cutoff::Time,
                    available: if available {
                        vec![(Source::Clicks, "seen_at".into())]
                    } else {
                        Vec::new()
                    },
                    ..set.settings(JobKind::Sequences).sequences().clone()
                }
                .into(),
                timezone: Some(zone.into()),
                ..set.settings(JobKind::Sequences)
            });
            let verified = set.audited(AuditRows::All);
            assert_eq!(verified.problems, [], "{zone} {available}");
            let canaries = verified
                .audited
                .and_then(|audited| audited.canaries)
                .expect("canaries");
            assert_eq!(canaries.kept, canaries.impressions);
        }
    }
}

#[test]
fn a_future_action_in_the_middle_of_a_history_is_refused() {
    let set = Set::new(JobKind::Sequences);
    let part = "dt=2025-08-15/part-00000.parquet";
    // Customer 1 clicks on 24 at 13:00 of that day, whose cutoff is its start.
    let first = set.row_of(part, "r1");
    rewrite(&set, part, |name, column| match name {
        "actions" => with_value(&column, first * 4 + 1, 24),
        "action_types" => with_value(&column, first * 4 + 1, 1),
        _ => column,
    });
    assert_eq!(set.verified().problems, [], "only values can tell");
    refuses(
        &set,
        part,
        &[
            "customer 1",
            "\"r1\"",
            "\"actions\"",
            "24",
            "not prior",
            "after the cutoff",
        ],
    );
    let report = fs::read(set.out().join("_audit.json")).expect("a report");
    assert!(String::from_utf8_lossy(&report).contains("\"verdict\": \"failed\""));
}

#[test]
fn a_last_action_time_that_is_wrong_is_refused() {
    let part = "dt=2025-08-15/part-00000.parquet";
    for (later_us, said) in [
        (86_400_000_000, "not before its cutoff"),
        (1, "last_action_time"),
    ] {
        let set = Set::new(JobKind::Sequences);
        let first = set.row_of(part, "r1");
        rewrite(&set, part, |name, column| {
            if name != "last_action_time" {
                return column;
            }
            let times = column.as_primitive::<TimestampMicrosecondType>();
            let later = |(row, time): (usize, Option<i64>)| {
                if row == first {
                    time.map(|time| time + later_us)
                } else {
                    time
                }
            };
            let times: TimestampMicrosecondArray = times.iter().enumerate().map(later).collect();
            Arc::new(times.with_timezone("UTC"))
        });
        refuses(&set, part, &[said]);
    }
}

#[test]
fn a_timeline_that_does_not_hold_its_histories_is_refused() {
    let part = "dt=2025-08-15/part-00000.parquet";
    for (column, by, said) in [
        ("history_start", 1, "no range of the timeline"),
        ("history_start", -1, "no range of the timeline"),
        ("history_length", -1, "in no history"),
    ] {
        let set = Set::inputs(JobKind::Sequences);
        let mut settings = set.settings(JobKind::Sequences);
        settings.sequences_mut().layout = Layout::Timeline;
        set.make(settings);
        assert_eq!(set.problems(), Vec::<String>::new());
        rewrite(&set, part, |name, values| {
            if name != column {
                return values;
            }
            // A history without actions stays one; a place may become none.
            let least = if name == "history_length" { 0 } else { -1 };
            let values = values.as_primitive::<Int32Type>().values().iter();
            let changed = values.map(|value| (value + by).max(least));
            let changed: Int32Array = changed.collect();
            Arc::new(changed)
        });
        refuses(&set, part, &[said]);
    }
    let set = Set::inputs(JobKind::Sequences);
    let mut settings = set.settings(JobKind::Sequences);
    settings.sequences_mut().layout = Layout::Timeline;
    set.make(settings);
    // Not even the first row has a timeline.
    rewrite(&set, part, |name, values| match name {
        "actions" | "action_types" => {
            let (field, offsets, values, _) = values.as_list::<i32>().clone().into_parts();
            let rows = offsets.len() - 1;
            let nulls = arrow::buffer::NullBuffer::new_null(rows);
            Arc::new(ListArray::new(field, offsets, values, Some(nulls)))
        }
        _ => values,
    });
    refuses(&set, part, &["has no timeline"]);
}

#[test]
fn attribute_columns_are_recomputed() {
    let changes: [(&str, Change); 6] = [
        ("as it is", |_| {}),
        ("without padding", |settings| {
            settings.sequences_mut().pad = false;
        }),
        ("exact", |settings| settings.dedup = Dedup::Exact),
        ("consecutive", |settings| {
            settings.dedup = Dedup::Consecutive;
        }),
        ("request", |settings| {
            settings.sequences_mut().layout = Layout::Request;
        }),
        ("plain", |settings| settings.codec = Codec::None),
    ];
    let part = "dt=2025-08-16/part-00000.parquet";
    for (name, change) in changes {
        let set = Set::inputs(JobKind::Sequences);
        let clicks = "customer_id,item_id,click_time,cost,left\n\
            1,21,2025-08-14 10:00:00,1.5,7\n1,24,2025-08-15 13:00:00,0.1,\n\
            1,24,2025-08-15 13:00:00,-2,9\n1,25,2025-08-15 14:00:00,cheap,9\n\
            2,26,2025-08-15 14:00:00,,-2147483648\n";
        fs::write(set.dir().join("clicks.csv"), clicks).expect("a file");
        let mut settings = set.settings(JobKind::Sequences);
        settings.sequences_mut().attributes = ["price:float32", "time_delta", "left:int32"]
            .map(crate::support::side)
            .to_vec();
        settings.columns = vec![(Source::Clicks, "price".into(), "cost".into())];
        change(&mut settings);
        set.make(settings.clone());
        let verified = set.audited(AuditRows::All);
        assert_eq!(verified.problems, [], "{name}");
        let audited = verified.audited.expect("an audit");
        assert_eq!(audited.canaries.expect("canaries").impressions, 3);

        // The price and the number of another action are found.
        let first = set.row_of(part, "r3") * if settings.sequences().pad { 4 } else { 0 };
        for column in ["left", "price"] {
            let quoted = format!("\"{column}\"");
            rewrite(&set, part, |name, lists| {
                if name == column {
                    with_value(&lists, first + 1, 8)
                } else {
                    lists
                }
            });
            assert_eq!(set.verified().problems, [], "only values can tell");
            refuses(&set, part, &["customer 1", "\"r3\"", &quoted, "holds 8"]);
        }
    }
}

#[test]
fn labels_cutoffs_and_missing_rows_are_refused() {
    let part = "dt=2025-08-15/part-00000.parquet";
    let set = Set::new(JobKind::Sequences);
    rewrite(&set, part, |name, column| match name {
        "is_order" => {
            let labels = column.as_boolean().iter();
            Arc::new(
                labels
                    .map(|label| label.map(|label| !label))
                    .collect::<arrow::array::BooleanArray>(),
            )
        }
        _ => column,
    });
    refuses(&set, part, &["is_order"]);

    let set = Set::new(JobKind::Sequences);
    let shown = set.dir().join("impressions.ndjson");
    let text = fs::read_to_string(&shown).expect("text");
    let more = text.replace("\"r2\"", "\"r9\"");
    fs::write(&shown, &more).expect("a file");
    set.forgive_inputs();
    refuses(&set, part, &["no impression in the inputs"]);
    refuses(
        &set,
        "dt=2025-08-15",
        &["\"r9\"", "expected 1 rows, found 0"],
    );
}

#[test]
fn an_input_that_changed_or_is_gone_is_told_and_none_is_needed_without_an_audit() {
    for job_kind in JobKind::ALL {
        let set = Set::new(job_kind);
        let name = match job_kind {
            JobKind::Dwell => "events.csv",
            _ => "impressions",
        };
        let files = fs::read_dir(set.dir()).expect("a folder");
        let mut files = files.map(|file| file.expect("a file").path());
        let named = |path: &std::path::PathBuf| path.to_string_lossy().contains(name);
        let input = files.find(named).expect("the input");
        let text = fs::read_to_string(&input).expect("text");
        fs::write(&input, text + "\n").expect("a file");
        lacks(&set, &[name, "has changed"]);
        fs::remove_file(&input).expect("a file to remove");
        lacks(&set, &[name, "is gone"]);
        fs::create_dir(&input).expect("a folder");
        lacks(&set, &[name, "is no file any more"]);
        assert_eq!(set.verified().problems, []);
        assert_eq!(set.verified().unaudited, []);
        // What is wrong with the files comes first, and nothing is said of inputs then.
        fs::remove_file(set.out().join("_SUCCESS")).expect("a file to remove");
        let verified = set.audited(AuditRows::All);
        assert_eq!(verified.problems_count, 1);
        assert_eq!((verified.unaudited_why, verified.unaudited), (None, vec![]));
    }
}

/// Asserts that the files of a set are sound, that its rows cannot be audited, and why.
#[track_caller]
fn lacks(set: &Set, said: &[&str]) {
    let verified = set.audited(AuditRows::Count(3));
    assert_eq!((verified.problems, verified.audited), (vec![], None));
    let report = fs::read(set.out().join("_audit.json")).expect("a report");
    let report: serde_json::Value = serde_json::from_slice(&report).expect("JSON");
    assert_eq!(report["verdict"], "not made");
    let reported = report["why"].as_str().expect("a text");
    assert!(
        reported.starts_with("the files are sound; rows cannot be audited: "),
        "{reported}"
    );
    let why = verified.unaudited_why.expect("a reason");
    for said in said {
        assert!(
            why.contains(said) && reported.contains(said),
            "no {said:?} in {why}, {reported}"
        );
        assert!(verified.unaudited[0].what.contains(said));
    }
}

/// Adds a number to the first value of a column of integers.
fn plus_one(column: &ArrayRef, by: i64) -> ArrayRef {
    let mut counts = column.as_primitive::<Int64Type>().values().to_vec();
    counts[0] += by;
    Arc::new(Int64Array::from(counts))
}

#[test]
fn a_count_or_a_label_that_knows_the_future_is_refused() {
    let part = "date=2024-01-10/part-00000.parquet";
    for count in [
        "prior_listing_clicks",
        "prior_listing_clicks_1h",
        "prior_user_clicks",
    ] {
        let set = Set::new(JobKind::Features);
        rewrite(&set, part, |name, column| {
            if name == count {
                plus_one(&column, 1)
            } else {
                column
            }
        });
        assert_eq!(set.verified().problems, [], "only values can tell");
        refuses(&set, part, &["impression 1", count, "not prior"]);
    }
    let set = Set::new(JobKind::Features);
    rewrite(&set, part, |name, column| match name {
        "clicked" => {
            let labels = column.as_primitive::<Int8Type>().values().iter();
            Arc::new(labels.map(|label| 1 - label).collect::<Int8Array>())
        }
        _ => column,
    });
    refuses(&set, part, &["impression 1", "clicked"]);
}

#[test]
fn a_stay_that_is_wrong_is_refused_in_both_formats() {
    let set = Set::new(JobKind::Dwell);
    rewrite(&set, "user_merchant.parquet", |name, column| match name {
        "events" => plus_one(&column, 1),
        _ => column,
    });
    refuses(&set, "user_merchant.parquet", &["user u1", "events"]);
    let set = Set::new(JobKind::Dwell);
    rewrite(&set, "merchant.parquet", |name, column| match name {
        "users" => plus_one(&column, 1),
        _ => column,
    });
    refuses(&set, "merchant.parquet", &["merchant", "users"]);
    let set = Set::new(JobKind::Dwell);
    let csv = set.out().join("user_merchant.csv");
    let text = fs::read_to_string(&csv).expect("text");
    fs::write(&csv, text.replacen("u1,m,2018-10-01", "u1,m,2018-10-03", 1)).expect("a file");
    set.mend("user_merchant.csv");
    refuses(&set, "user_merchant.csv", &["2018-10-03"]);
}

#[test]
fn clicks_that_were_set_aside_do_not_make_clicks_with_a_user() {
    let set = Set::inputs(JobKind::Features);
    let clicks = "listing_id,click_ts\n1,2024-01-10 11:30:00\n1,soon\n3,2024-01-11 12:30:00\n";
    fs::remove_file(set.dir().join("clicks.ndjson")).expect("a file to remove");
    fs::write(set.dir().join("clicks.csv"), clicks).expect("a file");
    set.make(Settings {
        ask: Features {
            label_key: LabelKey::Listing,
            ..set.settings(JobKind::Features).features().clone()
        }
        .into(),
        ..set.settings(JobKind::Features)
    });
    let verified = set.audited(AuditRows::All);
    assert_eq!(verified.problems, []);
    let part = set.out().join("date=2024-01-10/part-00000.parquet");
    let file = File::open(part).expect("a part");
    let reader = ParquetRecordBatchReaderBuilder::try_new(file).expect("a part");
    for batch in reader.build().expect("a part") {
        let batch = batch.expect("a batch");
        let counts = batch.column_by_name("prior_user_clicks").expect("a column");
        assert_eq!(counts.null_count(), batch.num_rows());
    }
}
