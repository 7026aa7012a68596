//! Audits rows of `dwell` against the reference, in Parquet and in CSV.
//!
//! **In / Out**: sampled rows of `user_merchant`, and all of `merchant` if all rows are audited, of both
//! formats → a problem for each row that does not follow from the events. There are no canaries, because a
//! stay has no cutoff.

use std::collections::{BTreeMap, BTreeSet};

use arrow::array::AsArray;
use arrow::datatypes::{DataType, Date32Type, Float64Type};

use super::inputs::files_of_list;
use super::rows::{column, id, ints, read_rows};
use super::sample::choose;
use super::{Audit, AuditRows, Audited};
use crate::calendar::date_text;
use crate::error::{Error, Result};
use crate::ids::{Day, count64};
use crate::job::{CustomerType, Dedup, DivideBy, DwellMethod};
use crate::manifest::event_types;
use crate::reference::read;
use crate::reference::{DwellRules, LogEvent, dwell};
use crate::store::local;
use crate::verify::Problems;

/// The columns of the table of users.
const USERS: [&str; 6] = [
    "user_id",
    "merchant_id",
    "date",
    "avg_seconds",
    "flyers",
    "events",
];
/// The columns of the table of merchants.
const MERCHANTS: [&str; 6] = [
    "merchant_id",
    "date",
    "users",
    "avg_seconds",
    "p50_seconds",
    "p95_seconds",
];

/// A row as texts; floats as Rust prints them.
type TextRow = Vec<String>;

/// A table as the reference makes it.
struct ExpectedTable {
    name: &'static str,
    columns: [&'static str; 6],
    /// The number of leading key columns.
    keys: usize,
    /// Its rows: the other columns by key.
    expected: BTreeMap<TextRow, TextRow>,
}

/// Recomputes rows. Nothing if an input is lost; `lost` says which.
///
/// # Errors
/// If a file cannot be read.
pub(super) fn audit(
    audit: &Audit<'_>,
    problems: &mut Problems,
    lost: &mut Problems,
) -> Result<Option<Audited>> {
    let (set, settings) = (audit.set, &audit.set.settings);
    let types = event_types(&set.whole.settings);
    let types = types.ok_or_else(|| Error::bad_file("_manifest.json", "it has no types of ids"))?;
    let types = [types.user, types.flyer, types.merchant];
    let sample = choose(set, audit.rows, |file| file.path == "user_merchant.parquet");
    let rows = sample
        .values()
        .next()
        .cloned()
        // A sample without a row of this file: `None` would stand for all rows.
        .unwrap_or_else(|| Some(Vec::new()));
    let Some(files) = files_of_list(&set.whole.inputs, audit.input_folders(), lost)? else {
        return Ok(None);
    };
    let mut users = BTreeSet::new();
    read_rows(
        audit.out(),
        "user_merchant.parquet",
        rows.as_deref(),
        Some(&["user_id"]),
        |_, batch| {
            let ids = column(batch, "user_id");
            users.extend((0..batch.num_rows()).filter_map(|row| id(ids, row)));
            Ok(())
        },
    )?;
    audit.context.check()?;
    let is_all = audit.rows == AuditRows::All;
    let is_wanted = |user: &str| is_all || users.contains(user);
    let (log, records) = read::events(settings, types, &files, &is_wanted, &|| {
        audit.context.check()
    })?;
    let rules = DwellRules {
        is_session: settings.dwell().dwell_method == DwellMethod::Session,
        by_flyers: settings.dwell().divide_by == DivideBy::Flyers,
        idle_us: settings.dwell().idle_timeout_us,
        timezone: settings.zone_name().to_owned(),
        int_ids: types.iter().all(|id_type| *id_type == CustomerType::Int64),
        once: settings.dedup == Dedup::Exact,
    };
    let [users, merchants] = tables(&rules, &log);
    // Both formats have the same rows in the same order, so one sample serves both.
    let mut count = compare(audit, &users, rows.as_deref(), problems)?;
    if is_all {
        // A row of a merchant depends on all of its users, so it follows only if all events were
        // read.
        count += compare(audit, &merchants, None, problems)?;
    }
    Ok(Some(Audited {
        rows: count,
        of_rows: set.rows(),
        records,
        inputs: count64(files.len()),
        canaries: None,
    }))
}

/// Both tables, as the reference makes them.
fn tables(rules: &DwellRules, log: &[LogEvent]) -> [ExpectedTable; 2] {
    let (users, merchants) = dwell(rules, log);
    let date = |day: i32| date_text(Day(day));
    let users = users.into_iter().map(|row| {
        let key = vec![row.user, row.merchant, date(row.day)];
        let values = vec![
            row.avg_seconds.to_string(),
            row.flyers.to_string(),
            row.events.to_string(),
        ];
        (key, values)
    });
    let merchants = merchants.into_iter().map(|row| {
        let mut values = vec![row.users.to_string()];
        let seconds = [row.avg_seconds, row.p50_seconds, row.p95_seconds];
        values.extend(seconds.map(|seconds| seconds.to_string()));
        (vec![row.merchant, date(row.day)], values)
    });
    let users = ExpectedTable {
        name: "user_merchant",
        columns: USERS,
        keys: 3,
        expected: users.collect(),
    };
    let merchants = ExpectedTable {
        name: "merchant",
        columns: MERCHANTS,
        keys: 2,
        expected: merchants.collect(),
    };
    [users, merchants]
}

/// Compares sampled rows of a table, in both formats, with the expected ones; with all rows also whether
/// one is missing. Gives their number.
fn compare(
    audit: &Audit<'_>,
    table: &ExpectedTable,
    rows: Option<&[u64]>,
    problems: &mut Problems,
) -> Result<u64> {
    let name = format!("{}.parquet", table.name);
    let (mut found, mut count) = (BTreeSet::new(), 0);
    read_rows(audit.out(), &name, rows, None, |numbers, batch| {
        audit.context.check()?;
        for (at, number) in numbers.iter().enumerate() {
            let text = |name: &&str| {
                let values = column(batch, name);
                match values.data_type() {
                    DataType::Float64 => values.as_primitive::<Float64Type>().value(at).to_string(),
                    DataType::Date32 => {
                        date_text(Day(values.as_primitive::<Date32Type>().value(at)))
                    }
                    DataType::Utf8 => id(values, at).unwrap_or_default(),
                    _ => ints(&values.slice(at, 1))[0].to_string(),
                }
            };
            let row: TextRow = table.columns.iter().map(text).collect();
            table.check_row(&name, *number, &row, problems);
            found.insert(row[..table.keys].to_vec());
            count += 1;
        }
        Ok(())
    })?;
    if rows.is_none() {
        for key in table.expected.keys().filter(|key| !found.contains(*key)) {
            problems.add(
                &name,
                format!("expected a row of {}, found none", key.join(", ")),
            );
        }
    }
    compare_csv(audit, table, rows, problems)?;
    Ok(count)
}

/// Compares sampled rows of a table in CSV.
fn compare_csv(
    audit: &Audit<'_>,
    table: &ExpectedTable,
    rows: Option<&[u64]>,
    problems: &mut Problems,
) -> Result<()> {
    let name = format!("{}.csv", table.name);
    let path = audit.out().join(&name);
    let file = local::open(&path).map_err(|error| Error::io("read", &path, error))?;
    // A record of another length is a problem of its row, not an error of the reader.
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(file);
    let broken = |error: csv::Error| Error::bad_file(name.as_str(), error.to_string());
    if !reader.headers().map_err(broken)?.iter().eq(table.columns) {
        problems.add(&name, "its header is not what it should be");
    }
    let mut count = 0;
    for (at, record) in (0..).zip(reader.records()) {
        let record = record.map_err(broken)?;
        count += 1;
        if rows.is_none_or(|rows| rows.binary_search(&at).is_ok()) {
            let row: TextRow = record.iter().map(str::to_owned).collect();
            table.check_row(&name, at, &row, problems);
        }
    }
    let mut files = audit.set.files.iter();
    let expected = files
        .find(|file| file.path == name)
        .map_or(0, |file| file.rows);
    if expected != count {
        problems.add(&name, format!("expected {expected} rows, found {count}"));
    }
    Ok(())
}

impl ExpectedTable {
    /// Checks a row against the expected one.
    fn check_row(&self, file: &str, number: u64, row: &[String], problems: &mut Problems) {
        let row_number = number + 1;
        // A record of CSV may be shorter than the key.
        let (key, values) = row.split_at(self.keys.min(row.len()));
        let names = self.columns.iter().zip(key);
        let key_text: Vec<String> = names
            .map(|(name, value)| format!("{} {value}", name.trim_end_matches("_id")))
            .collect();
        let key_text = key_text.join(", ");
        let Some(expected) = self.expected.get(key) else {
            let what =
                format!("row {row_number} ({key_text}): no event in the inputs makes such a row");
            return problems.add(file, what);
        };
        if values.len() != expected.len() {
            let what = format!(
                "row {row_number} ({key_text}): expected {} columns",
                self.columns.len()
            );
            return problems.add(file, what);
        }
        let pairs = self.columns[self.keys..]
            .iter()
            .zip(values.iter().zip(expected));
        for (column, (found, expected)) in pairs {
            if !is_near(found, expected) {
                let what = format!(
                    "row {row_number} ({key_text}): column \"{column}\" holds {found}, and should hold {expected}"
                );
                problems.add(file, what);
            }
        }
    }
}

/// Whether two numbers are equal except for rounding, which depends on the order of additions.
fn is_near(found: &str, expected: &str) -> bool {
    match (found.parse::<f64>(), expected.parse::<f64>()) {
        (Ok(found), Ok(expected)) => (found - expected).abs() <= 1e-12 * expected.abs().max(1e-6),
        _ => false,
    }
}
