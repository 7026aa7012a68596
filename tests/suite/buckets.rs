//! Dealt inputs: the shards that read them make the set of one run over all inputs.
//!
//! The deal has a naive twin: the rows that a shard must have are chosen from the case by hashes computed here, and
//! written as the case was.

use std::fs;
use std::path::Path;

use arrow::array::RecordBatch;
use hitherto::{
    FinalizeSettings, Format, ItemVocabulary, Job, Publish, RunContext, Settings, Shard,
    ShardHolds, finalize,
};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::Value;

use crate::shards::{dealt, files, shard_of};
use crate::support::{Case, PLAIN, Style, run, scratch};

/// Deals the inputs of settings.
fn bucket(settings: &Settings, out: &Path, count: u32) -> hitherto::Result<()> {
    let mut settings = settings.clone();
    settings.sequences_mut().shards = Some(count);
    settings.sequences_mut().part_rows_max = 262_144;
    settings.out = out.to_owned();
    hitherto::bucket(&Job::new(settings)?, &RunContext::default()).map(drop)
}

/// The settings of a shard of dealt inputs.
fn of_shard(settings: &Settings, buckets: &Path, shard: Shard, out: &Path) -> Settings {
    let mut own = settings.clone();
    (own.paths, own.files_from) = (Vec::new(), Vec::new());
    let folder = format!("shard-{:05}-of-{:05}", shard.number, shard.count);
    own.dir = Some(buckets.join(folder));
    (own.shard, own.shard_holds) = (Some(shard), ShardHolds::Own);
    own.sequences_mut().shards = None;
    own.sequences_mut().part_rows_max = 262_144;
    own.out = out.to_owned();
    own
}

/// Deals inputs, makes all shards, and puts them together in a folder `apart` beside others.
fn in_buckets(settings: &Settings, folder: &Path, count: u32) -> hitherto::Result<()> {
    let at = |name: &str| folder.join(name);
    bucket(settings, &at("buckets"), count)?;
    for number in (0..count).rev() {
        let shard = Shard { number, count };
        run(of_shard(settings, &at("buckets"), shard, &at("shards")))?;
    }
    let settings = FinalizeSettings {
        shards: at("shards"),
        count: None,
        out: at("apart"),
        publish: Publish::New,
        fail_if: Vec::new(),
        threads: 2,
        temp_dir: None,
    };
    finalize(&settings, &RunContext::default()).map(drop)
}

/// Whether an error refuses what cannot be dealt, and one run reads: records whose customers are in the elements of
/// their lists; a column of some files, of which the first shard happens to have no row; types of columns that a
/// shard has no row to tell by; and a share of one row of nulls between blanks, which is no text.
fn is_refused(error: &hitherto::Error) -> bool {
    let known = [
        "outside of the list",
        "expected a column",
        "made with another with",
        "made with another keep",
        "is seen in its first rows",
    ];
    let text = error.to_string();
    known.iter().any(|known| text.contains(known))
}

/// Checks that a case makes the same parts and metrics in one run and by dealt inputs.
pub(crate) fn check_buckets(name: &str, case: &Case, count: u32, change: impl Fn(&mut Settings)) {
    let mut case = case.clone();
    for style in &mut case.styles {
        // It is refused.
        if style.format == Format::Arrow {
            style.format = Format::Parquet;
        }
    }
    let folder = scratch();
    let at = |name: &str| folder.path().join(name);
    case.write(&at("in"));
    let mut settings = case.settings(&at("in"), &at("one"));
    case.set_aside(&mut settings);
    change(&mut settings);
    settings.sequences_mut().part_rows_max = 262_144;
    let own = settings.sequences();
    let is_built = matches!(own.item_vocabulary, Some(ItemVocabulary::Build));
    if own.item_vocabulary.is_some() && (is_built || !case.given.1) {
        // Codes would depend on the shard.
        return;
    }
    let mut one = settings.clone();
    one.sequences_mut().shards = Some(count);
    let one = run(one);
    let apart = in_buckets(&settings, folder.path(), count);
    match (one, apart) {
        (Ok(_), Ok(())) => {}
        (Err(_), Err(_)) => return,
        (_, Err(error)) if is_refused(&error) => return,
        (one, apart) => {
            let one = one.map(drop).map_err(|error| error.to_string());
            let apart = apart.map_err(|error| error.to_string());
            panic!("{name}: of {count} shards {apart:?}, but one run {one:?}");
        }
    }
    let parts = |folder: &str| {
        let mut parts = files(&at(folder));
        parts.retain(|(path, _)| {
            let is_part = path.extension().is_some_and(|ending| ending == "parquet");
            is_part && !path.starts_with("_quarantine")
        });
        parts
    };
    let (one, apart) = (parts("one"), parts("apart"));
    let paths = |parts: &[(std::path::PathBuf, Vec<u8>)]| -> Vec<_> {
        parts.iter().map(|(path, _)| path.clone()).collect()
    };
    assert_eq!(paths(&one), paths(&apart), "{name}: of {count} shards");
    assert!(one == apart, "{name}: parts of {count} shards");
    let metrics = |folder: &str| {
        let text = fs::read_to_string(at(folder).join("_metrics.json")).expect("metrics");
        let mut metrics: Value = serde_json::from_str(&text).expect("JSON");
        without_examples(&mut metrics);
        metrics
    };
    // One run without a row opens no actions, and so counts none.
    if metrics("one")["rows"] == 0 {
        return;
    }
    assert_eq!(
        metrics("one"),
        metrics("apart"),
        "{name}: of {count} shards"
    );
}

/// Removes the examples of bad rows and the texts of warnings from metrics, as they name files, and the checksum of
/// the document with them.
fn without_examples(metrics: &mut Value) {
    match metrics {
        Value::Object(members) => {
            members.retain(|name, _| !["examples", "text", "xxh64"].contains(&name.as_str()));
            members.values_mut().for_each(without_examples);
        }
        Value::Array(values) => values.iter_mut().for_each(without_examples),
        _ => {}
    }
}

/// The rows of all Parquet files of a folder.
fn rows_in(folder: &Path) -> Vec<RecordBatch> {
    // What stands for a source without rows is empty.
    let found = files(folder).into_iter();
    let found = found.filter(|(_, bytes)| !bytes.is_empty());
    let found = found.flat_map(|(_, bytes)| {
        let reader = ParquetRecordBatchReaderBuilder::try_new(bytes::Bytes::from(bytes));
        let reader = reader.expect("Parquet").build().expect("Parquet");
        reader.map(|batch| batch.expect("a batch"))
    });
    found.filter(|batch| batch.num_rows() > 0).collect()
}

/// The lines of a text, behind its header, whose customers are wanted; nothing if there is none.
fn lines_of(text: &str, format: Format, is_wanted: impl Fn(Option<&str>) -> bool) -> String {
    let mut lines = text.lines();
    let header = lines.next().filter(|_| format == Format::Csv);
    let place = header.and_then(|names| names.split(',').position(|name| name == "customer_id"));
    let lines = text.lines().skip(usize::from(header.is_some()));
    let customer_of = |line: &str| -> Option<String> {
        let id = match place {
            Some(place) => {
                let reader = csv::ReaderBuilder::new()
                    .has_headers(false)
                    .from_reader(line.as_bytes());
                let record = reader
                    .into_records()
                    .next()
                    .expect("a record")
                    .expect("fields");
                record[place].to_owned()
            }
            None => {
                let row: Value = serde_json::from_str(line).expect("JSON");
                match &row["customer_id"] {
                    Value::String(id) => id.clone(),
                    Value::Null => String::new(),
                    other => other.to_string(),
                }
            }
        };
        // Integers are written as floats, too.
        let int = id
            .trim_end_matches('0')
            .strip_suffix('.')
            .map(str::to_owned);
        Some(int.unwrap_or(id)).filter(|id| !id.is_empty())
    };
    let own: Vec<&str> = lines
        .filter(|line| is_wanted(customer_of(line).as_deref()))
        .collect();
    if own.is_empty() {
        return String::new();
    }
    let all = header.into_iter().chain(own);
    all.map(|line| format!("{line}\n")).collect()
}

/// Checks that the shards of a case have the files that the naive deal writes.
fn check_rows(case: &Case, format: Format, are_texts: bool, count: u32) {
    let mut case = case.clone();
    case.styles = [Style { format, ..PLAIN }; 4];
    case.text_ids = are_texts;
    let folder = scratch();
    let at = |name: &str| folder.path().join(name);
    case.write(&at("in"));
    let mut settings = case.settings(&at("in"), &at("out"));
    settings.customer_type = are_texts.then_some(hitherto::CustomerType::String);
    bucket(&settings, &at("buckets"), count).expect("dealt");
    for number in 0..count {
        let naive = at(&format!("naive-{number}"));
        dealt(&case, are_texts, number, count).write(&naive);
        let own = at("buckets").join(format!("shard-{number:05}-of-{count:05}"));
        let sources = fs::read_dir(&naive).expect("sources");
        for source in sources.map(|entry| entry.expect("an entry").file_name()) {
            let (naive, own) = (naive.join(&source), own.join(&source));
            let name = format!("{format:?} {number}/{count} {}", source.display());
            match format {
                Format::Parquet => {
                    let of = |folder: &Path| {
                        let batches = rows_in(folder);
                        let schema = batches.first().map(RecordBatch::schema);
                        schema.map(|schema| {
                            arrow::compute::concat_batches(&schema, &batches).expect("one schema")
                        })
                    };
                    let (naive, own) = (of(&naive), of(&own));
                    let columns = |batch: &RecordBatch| batch.columns().to_vec();
                    assert_eq!(
                        naive.as_ref().map(columns),
                        own.as_ref().map(columns),
                        "{name}"
                    );
                }
                _ => {
                    let own = files(&own).into_iter();
                    let own = own.map(|(_, bytes)| String::from_utf8(bytes).expect("text"));
                    // What stands for a source without rows has none.
                    let own: Vec<String> = own
                        .filter(|text| text.lines().count() > usize::from(format == Format::Csv))
                        .collect();
                    let all = files(&at("in").join(&source)).into_iter();
                    let all = all.map(|(_, bytes)| String::from_utf8(bytes).expect("text"));
                    let expected = all.map(|text| {
                        lines_of(&text, format, |customer| {
                            customer.map_or(0, |id| shard_of(id, are_texts, count)) == number
                        })
                    });
                    let expected: Vec<String> = expected.filter(|text| !text.is_empty()).collect();
                    assert_eq!(expected, own, "{name}");
                }
            }
        }
    }
}

#[test]
fn a_shard_has_the_rows_of_the_naive_deal() {
    let mut case = crate::conformance::days_of_some_customers();
    for (at, row) in case.log.iter_mut().enumerate() {
        if at % 7 == 0 {
            row.customer = None;
        }
    }
    let mut texts = case.clone();
    let named = |id: &mut Option<String>| {
        if let Some(id) = id {
            *id = format!("кли\u{e9}nt {id}");
        }
    };
    texts
        .log
        .iter_mut()
        .for_each(|row| named(&mut row.customer));
    texts
        .shown
        .iter_mut()
        .for_each(|row| named(&mut row.customer));
    for format in [Format::Parquet, Format::Csv, Format::Ndjson] {
        for count in [1, 2, 5, 64] {
            check_rows(&case, format, false, count);
            check_rows(&case, format, true, count);
            check_rows(&texts, format, true, count);
        }
    }
}

#[test]
fn shards_of_dealt_inputs_are_those_of_one_run() {
    let mut case = crate::conformance::days_of_some_customers();
    for guests_are_rows in [false, true] {
        case.rules.guests_are_rows = guests_are_rows;
        for count in [1, 2, 5, 64] {
            let name = format!("{count}, guests {guests_are_rows}");
            check_buckets(&name, &case, count, |_| {});
            check_buckets(&name, &case, count, |settings| {
                settings.customer_type = Some(hitherto::CustomerType::String);
                settings.threads = 2;
            });
            // Ids that mean nobody are dealt as nobody is.
            check_buckets(&name, &case, count, |settings| {
                settings.sequences_mut().guest_ids = vec!["7919".to_owned(), "15838".to_owned()];
            });
        }
    }
}
