//! The tables of `dwell` as the reference makes them, compared with those of a folder, in Parquet and in CSV.

use std::collections::{BTreeMap, BTreeSet};

use arrow::array::AsArray;
use arrow::datatypes::{DataType, Date32Type, Float64Type};

use super::Audit;
use super::rows::{column, id, ints, read_rows};
use crate::calendar::date_text;
use crate::error::{Error, Result};
use crate::ids::Day;
use crate::reference::{DwellRules, LogEvent, dwell, dwell_by_day};
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

/// The columns of the table of users by day.
const USER_DAYS: [&str; 5] = ["user_id", "date", "avg_seconds", "flyers", "events"];
/// The columns of the table of flyers.
const FLYERS: [&str; 6] = [
    "flyer_id",
    "date",
    "users",
    "avg_seconds",
    "p50_seconds",
    "p95_seconds",
];

/// A row as texts; floats as Rust prints them.
pub(super) type TextRow = Vec<String>;

/// A table as the reference makes it.
#[derive(Clone)]
pub(super) struct ExpectedTable {
    pub(super) name: &'static str,
    pub(super) columns: &'static [&'static str],
    /// The number of leading key columns.
    pub(super) keys: usize,
    /// Its rows: the other columns by key.
    pub(super) expected: BTreeMap<TextRow, TextRow>,
}

/// A folder with tables: that of the set, or that of a day.
pub(super) struct TableFolder {
    /// The path from the set, which ends with a slash, or is empty.
    pub(super) prefix: String,
    /// Its day; then the tables have no column of days.
    pub(super) day: Option<Day>,
}

impl TableFolder {
    /// The path of a file.
    pub(super) fn path(&self, table: &str, ending: &str) -> String {
        format!("{}{table}.{ending}", self.prefix)
    }
}

/// The tables of users by day and of flyers, as the reference makes them.
pub(super) fn tables_by_day(rules: &DwellRules, log: &[LogEvent]) -> [ExpectedTable; 2] {
    let (users, flyers) = dwell_by_day(rules, log);
    let date = |day: i32| date_text(Day(day));
    let users = users.into_iter().map(|row| {
        let values = vec![
            row.avg_seconds.to_string(),
            row.flyers.to_string(),
            row.events.to_string(),
        ];
        (vec![row.user, date(row.day)], values)
    });
    let flyers = flyers.into_iter().map(|row| {
        let mut values = vec![row.users.to_string()];
        let seconds = [row.avg_seconds, row.p50_seconds, row.p95_seconds];
        values.extend(seconds.map(|seconds| seconds.to_string()));
        (vec![row.flyer, date(row.day)], values)
    });
    let users = ExpectedTable {
        name: "user",
        columns: &USER_DAYS,
        keys: 2,
        expected: users.collect(),
    };
    let flyers = ExpectedTable {
        name: "flyer",
        columns: &FLYERS,
        keys: 2,
        expected: flyers.collect(),
    };
    [users, flyers]
}

/// The tables of users with merchants and of merchants, as the reference makes them.
pub(super) fn tables(rules: &DwellRules, log: &[LogEvent]) -> [ExpectedTable; 2] {
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
        columns: &USERS,
        keys: 3,
        expected: users.collect(),
    };
    let merchants = ExpectedTable {
        name: "merchant",
        columns: &MERCHANTS,
        keys: 2,
        expected: merchants.collect(),
    };
    [users, merchants]
}

/// Compares sampled rows of a table, in both formats, with the expected ones; with all rows also whether
/// one is missing. Gives their number.
pub(super) fn compare(
    audit: &Audit<'_>,
    (folder, table): (&TableFolder, &ExpectedTable),
    rows: Option<&[u64]>,
    problems: &mut Problems,
) -> Result<u64> {
    let name = folder.path(table.name, "parquet");
    let columns = table.columns_in(folder);
    let (mut found, mut count) = (BTreeSet::new(), 0);
    read_rows(
        &audit.set.settings,
        audit.out(),
        &name,
        rows,
        None,
        |numbers, batch| {
            audit.context.check()?;
            for (at, number) in numbers.iter().enumerate() {
                let text = |name: &&str| {
                    let values = column(batch, name);
                    match values.data_type() {
                        DataType::Float64 => {
                            values.as_primitive::<Float64Type>().value(at).to_string()
                        }
                        DataType::Date32 => {
                            date_text(Day(values.as_primitive::<Date32Type>().value(at)))
                        }
                        DataType::Utf8 => id(values, at).unwrap_or_default(),
                        _ => ints(&values.slice(at, 1))[0].to_string(),
                    }
                };
                let row: TextRow = columns.iter().map(text).collect();
                let row = table.dated(folder, row);
                table.check_row(&name, *number, &row, problems);
                found.insert(row[..table.keys].to_vec());
                count += 1;
            }
            Ok(())
        },
    )?;
    if rows.is_none() {
        let date = folder.day.map(date_text);
        let is_here = |key: &&TextRow| date.is_none() || key.last() == date.as_ref();
        let keys = table.expected.keys().filter(is_here);
        for key in keys.filter(|key| !found.contains(*key)) {
            problems.add(
                &name,
                format!("expected a row of {}, found none", key.join(", ")),
            );
        }
    }
    compare_csv(audit, (folder, table), rows, problems)?;
    Ok(count)
}

/// Compares sampled rows of a table in CSV.
fn compare_csv(
    audit: &Audit<'_>,
    (folder, table): (&TableFolder, &ExpectedTable),
    rows: Option<&[u64]>,
    problems: &mut Problems,
) -> Result<()> {
    let name = folder.path(table.name, "csv");
    let path = audit.out().join(&name);
    let file = local::open(&path).map_err(|error| Error::io("read", &path, error))?;
    // A record of another length is a problem of its row, not an error of the reader.
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(file);
    let broken = |error: csv::Error| Error::bad_file(name.as_str(), error.to_string());
    if !reader
        .headers()
        .map_err(broken)?
        .iter()
        .eq(table.columns_in(folder))
    {
        problems.add(&name, "its header is not what it should be");
    }
    let mut count = 0;
    for (at, record) in (0..).zip(reader.records()) {
        let record = record.map_err(broken)?;
        count += 1;
        if rows.is_none_or(|rows| rows.binary_search(&at).is_ok()) {
            let row: TextRow = record.iter().map(str::to_owned).collect();
            let row = table.dated(folder, row);
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
    /// The columns of the files of a folder.
    fn columns_in(&self, folder: &TableFolder) -> Vec<&'static str> {
        let columns = self.columns.iter().copied();
        columns
            .filter(|name| folder.day.is_none() || *name != "date")
            .collect()
    }

    /// A row of a folder, with its day where the columns of the whole have it: last of the key.
    fn dated(&self, folder: &TableFolder, mut row: TextRow) -> TextRow {
        if let Some(day) = folder.day {
            row.insert((self.keys - 1).min(row.len()), date_text(day));
        }
        row
    }

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
