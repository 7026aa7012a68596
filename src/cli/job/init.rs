//! `job init`: a first job file for the logs in a folder.
//!
//! **In / Out**: files and columns, from [`hitherto::survey`] → TOML. **Invariants**: a guess stands below
//! a comment that says so. What could not be guessed is a comment, below the names of the columns.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use hitherto::{Error, ErrorKind, Format, Result, Source, Surveyed, SurveyedColumn};

use super::quoted;

/// Names of customer columns, the likeliest first.
const CUSTOMERS: [&str; 9] = [
    "customer_id",
    "user_id",
    "visitorid",
    "visitor_id",
    "userid",
    "client_id",
    "session",
    "session_id",
    "user",
];
/// Names of item columns.
const ITEMS: [&str; 9] = [
    "item_id",
    "aid",
    "itemid",
    "product_id",
    "sku",
    "article_id",
    "config_id",
    "product",
    "item",
];
/// Names of time columns.
const TIMES: [&str; 10] = [
    "time",
    "ts",
    "timestamp",
    "event_time",
    "click_time",
    "occurred_at",
    "impression_time",
    "created_at",
    "datetime",
    "order_date",
];
/// Names of type columns.
const TYPES: [&str; 7] = [
    "type",
    "event",
    "event_type",
    "action",
    "action_type",
    "event_name",
    "kind",
];
/// Values of type columns, and their codes: click, add-to-cart, order.
const MEANINGS: [(&str, u8); 13] = [
    ("click", 1),
    ("clicks", 1),
    ("view", 1),
    ("cart", 2),
    ("carts", 2),
    ("addtocart", 2),
    ("add_to_cart", 2),
    ("order", 3),
    ("orders", 3),
    ("purchase", 3),
    ("transaction", 3),
    ("buy", 3),
    ("sale", 3),
];
/// Different values of a type column, at most.
const TYPES_MAX: usize = 32;

/// Writes a first job file into a folder, for the logs in it; returns its path.
///
/// # Errors
/// If there is one already, or the folder cannot be read or written.
pub(crate) fn init(folder: &Path) -> Result<PathBuf> {
    hitherto::check_in(folder)?;
    let path = folder.join("job.toml");
    if !folder.is_dir() {
        let what = format!("no such folder: \"{}\"", folder.display());
        return Err(Error::from(ErrorKind::NoInput { what }));
    }
    let text = text(&folder.display().to_string(), &hitherto::survey(folder)?);
    // One call creates the file or fails, so a file that appears meanwhile is not overwritten
    // either.
    let mut options = fs::OpenOptions::new();
    let file = options.write(true).create_new(true).open(&path);
    let written = file.and_then(|mut file| file.write_all(text.as_bytes()));
    let Err(error) = written else {
        return Ok(path);
    };
    let (what, source) = if error.kind() == io::ErrorKind::AlreadyExists {
        ("it exists; take it away first", None)
    } else {
        ("it cannot be written", Some(error))
    };
    let what = what.to_owned();
    Err(Error::from(ErrorKind::Output { path, what, source }))
}

/// A job file for the files of a folder.
fn text(folder: &str, files: &[(PathBuf, Result<Surveyed>)]) -> String {
    let mut lines = vec![
        format!(
            "# A first job file for {folder}, made of what lies there. Look at every guess, then:"
        ),
        "#   hitherto job show FILE".to_owned(),
        "#   hitherto sequences --job FILE --out training".to_owned(),
        "job = \"sequences\"".to_owned(),
    ];
    let readable = files.iter().filter_map(|(_, file)| file.as_ref().ok());
    lines.extend(settings(&readable.collect::<Vec<_>>()));
    for (path, file) in files {
        match file {
            Ok(file) => lines.extend(source(file)),
            Err(error) => {
                // After a line break the rest of the message would be TOML instead of a comment.
                let error = error.to_string().replace('\n', " ");
                lines.push(format!("\n# {} is left out: {error}", path.display()));
            }
        }
    }
    lines.join("\n") + "\n"
}

/// Settings that hold for all sources.
fn settings(files: &[&Surveyed]) -> Vec<String> {
    let mut lines = Vec::new();
    let impressions = files.iter().find(|file| is_impressions(file));
    let has_time = |file: &&&Surveyed| named(file, &["impression_time"]).is_some();
    if impressions.filter(has_time).is_some() {
        lines.push(
            "# guess: impressions have a column of times; \"day\" is the other choice".to_owned(),
        );
        lines.push("cutoff = \"time\"".to_owned());
    }
    let times = files.iter().filter_map(|file| named(file, &TIMES));
    let unit = times.filter(|column| column.is_integer).find_map(unit_of);
    if let Some((column, unit)) = unit {
        lines.push(format!(
            "# guess: by the size of the integers in \"{column}\""
        ));
        lines.push(format!("time_unit = \"{unit}\""));
    }
    let mut customers = files.iter().filter_map(|file| named(file, &CUSTOMERS));
    // A column without values proves nothing about its type.
    let is_text = |column: &&SurveyedColumn| !column.words.is_empty() && !column.is_integer;
    if let Some(column) = customers.find(is_text) {
        lines.push(format!("# guess: \"{}\" is text", column.name));
        lines.push("customer_type = \"string\"".to_owned());
    }
    if impressions.is_none() {
        lines.push(
            "# nothing here looks like impressions: ranking_id, customer_id and a list of items;"
                .to_owned(),
        );
        lines.push("# [sources.impressions] must name them".to_owned());
    }
    lines
}

/// The name of a column of integers, and the unit in which they are times of today, by their digits.
fn unit_of(column: &SurveyedColumn) -> Option<(&str, &'static str)> {
    let digits = column.words.last()?.len();
    // Seconds of the years 1973 to 2286 have 9 or 10 digits, and each finer unit has three more. 8
    // digits are rather a day such as 20250815.
    let unit = match digits {
        9..=10 => "s",
        12..=13 => "ms",
        15..=16 => "us",
        18..=19 => "ns",
        _ => return None,
    };
    Some((&column.name, unit))
}

/// Whether a file looks like impressions.
fn is_impressions(file: &Surveyed) -> bool {
    // A row of actions has one item; only impressions have a list of them.
    file.columns.iter().any(|column| column.is_list)
}

/// The column with the first of some names that a column has.
fn named<'c>(file: &'c Surveyed, names: &[&str]) -> Option<&'c SurveyedColumn> {
    let find = |name: &&str| {
        file.columns
            .iter()
            .find(|column| column.name.eq_ignore_ascii_case(name))
    };
    // Names first and columns second, so that the likeliest name wins and not the leftmost column.
    names.iter().find_map(find)
}

/// The table of a source.
fn source(file: &Surveyed) -> Vec<String> {
    let columns: Vec<&str> = file
        .columns
        .iter()
        .map(|column| column.name.as_str())
        .collect();
    let format = match file.format {
        Format::Parquet => "Parquet",
        Format::Csv => "CSV",
        Format::Ndjson => "NDJSON",
        Format::Json => "JSON",
        Format::Arrow => "Arrow IPC",
    };
    let files = match file.files {
        1 => String::new(),
        files => format!(", {files} files"),
    };
    let mut lines = vec![format!(
        "\n# {}: {format}{files}; columns {}",
        file.name,
        columns.join(", ")
    )];
    let stem = file.name.split('.').next().unwrap_or_default();
    let usual = Source::ALL
        .into_iter()
        .find(|source| source.folder() == stem || source.name() == stem);
    let usual = usual.filter(|source| Source::ACTIONS.contains(source));
    let name = match usual {
        _ if is_impressions(file) => "impressions".to_owned(),
        Some(usual) => usual.name().to_owned(),
        None => name_of(stem),
    };
    lines.push(format!("[sources.{name}]"));
    lines.push(format!("path = {}", quoted(&file.name)));
    if is_impressions(file) {
        lines.extend(impression_columns(file));
    } else {
        lines.extend(log_lines(file, usual));
    }
    lines
}

/// A valid name of a source for the name of a file.
fn name_of(stem: &str) -> String {
    let plain = |c: char| {
        if c.is_ascii_alphanumeric() || c == '_' {
            c
        } else {
            '-'
        }
    };
    // Names of sources have at most 31 characters, and "log-" may come before this one.
    let name: String = stem.chars().map(plain).take(24).collect();
    if name.starts_with(|first: char| first.is_ascii_alphabetic()) {
        name
    } else {
        format!("log-{name}")
    }
}

/// The key `columns` for columns with other names, and a comment for each column that is missing.
fn renamed(file: &Surveyed, wanted: &[(&str, &[&str])]) -> Vec<String> {
    let (mut renamed, mut lines) = (Vec::new(), Vec::new());
    for (ours, names) in wanted {
        match named(file, names) {
            Some(column) if column.name == *ours => {}
            Some(column) => renamed.push(format!("{ours} = {}", quoted(&column.name))),
            None => lines.push(format!(
                "# no column looks like {ours}: columns = {{ {ours} = \"…\" }}"
            )),
        }
    }
    if !renamed.is_empty() {
        lines.push("# guess: by their names".to_owned());
        lines.push(format!("columns = {{ {} }}", renamed.join(", ")));
    }
    lines
}

/// The columns of impressions.
fn impression_columns(file: &Surveyed) -> Vec<String> {
    let list = file.columns.iter().find(|column| column.is_list);
    let list = list.map_or("impressions", |column| column.name.as_str());
    renamed(
        file,
        &[
            (
                "ranking_id",
                &["ranking_id", "request_id", "impression_id", "id"],
            ),
            ("customer_id", &CUSTOMERS),
            ("impressions", &[list]),
        ],
    )
}

/// Columns and types of a log of actions.
fn log_lines(file: &Surveyed, usual: Option<Source>) -> Vec<String> {
    let (item, time) = match usual {
        Some(Source::Clicks) => ("item_id", "click_time"),
        Some(_) => ("config_id", "occurred_at"),
        None => ("item_id", "time"),
    };
    let first = |own: &'static str, names: &[&'static str]| {
        let all = std::iter::once(own).chain(names.iter().copied());
        all.collect::<Vec<&str>>()
    };
    let (items, times) = (first(item, &ITEMS), first(time, &TIMES));
    let mut lines = renamed(
        file,
        &[("customer_id", &CUSTOMERS), (item, &items), (time, &times)],
    );
    if usual.is_some() {
        return lines;
    }
    let types = named(file, &TYPES);
    // A survey returns one word more than this, so a column at the limit has no further values.
    let types = types.filter(|column| (1..=TYPES_MAX).contains(&column.words.len()));
    let Some(types) = types else {
        lines.push(
            "# guess: nothing tells types, so all rows have one; 1 click, 2 cart, 3 order"
                .to_owned(),
        );
        lines.push("type = 1".to_owned());
        return lines;
    };
    // 1 to 3 have a meaning. Words without one get codes of their own behind them.
    let mut next = 3;
    let codes = types.words.iter().map(|word| {
        let known = MEANINGS
            .iter()
            .find(|(name, _)| word.eq_ignore_ascii_case(name));
        let code = known.map_or_else(
            || {
                next += 1;
                next
            },
            |(_, code)| *code,
        );
        format!("{} = {code}", quoted(word))
    });
    let codes: Vec<String> = codes.collect();
    lines.push(
        "# guess: by the values of the first records; others are errors, \"drop\" leaves them out"
            .to_owned(),
    );
    lines.push(format!("type_column = {}", quoted(&types.name)));
    lines.push(format!("types = {{ {} }}", codes.join(", ")));
    lines.push("other_types = \"error\"".to_owned());
    lines
}
