//! A first job file for a folder: what is seen there, and guesses that say that they are some.
//!
//! **In / Out**: what [`hitherto::survey`] tells → TOML. **Invariants**: what was guessed stands below
//! a comment that says so; what could not be is a comment too, with the columns that there are.

use hitherto::{Format, Result, Source, Surveyed, SurveyedColumn};

use super::show::quoted;

/// What customers are called, the likeliest first.
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
/// What items are called.
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
/// What times are called.
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
/// What types are called.
const TYPES: [&str; 7] = [
    "type",
    "event",
    "event_type",
    "action",
    "action_type",
    "event_name",
    "kind",
];
/// What types mean that have a code of their own: click, add-to-cart, order.
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
/// Different values that a column of types has, at most.
const TYPES_MAX: usize = 32;

/// A job file for what was seen in a folder.
pub(super) fn text(folder: &str, seen: &[(std::path::PathBuf, Result<Surveyed>)]) -> String {
    let mut lines = vec![
        format!(
            "# A first job file for {folder}, made of what lies there. Look at every guess, then:"
        ),
        "#   hitherto job show FILE".to_owned(),
        "#   hitherto sequences --job FILE --out training".to_owned(),
        "job = \"sequences\"".to_owned(),
    ];
    let found: Vec<&Surveyed> = seen.iter().filter_map(|(_, of)| of.as_ref().ok()).collect();
    lines.extend(settings(&found));
    for (path, of) in seen {
        match of {
            Ok(of) => lines.extend(source(of)),
            Err(error) => {
                let error = error.to_string().replace('\n', " ");
                lines.push(format!("\n# {} is left out: {error}", path.display()));
            }
        }
    }
    lines.join("\n") + "\n"
}

/// Settings that hold for all sources.
fn settings(found: &[&Surveyed]) -> Vec<String> {
    let mut lines = Vec::new();
    let shown = found.iter().find(|of| is_impressions(of));
    let has_time = |of: &&&Surveyed| named(of, &["impression_time"]).is_some();
    if shown.filter(has_time).is_some() {
        lines.push(
            "# guess: impressions have a column of times; \"day\" is the other choice".to_owned(),
        );
        lines.push("cutoff = \"time\"".to_owned());
    }
    let times = found.iter().filter_map(|of| named(of, &TIMES));
    let unit = times.filter(|of| of.is_integer).find_map(unit_of);
    if let Some((column, unit)) = unit {
        lines.push(format!(
            "# guess: by the size of the integers in \"{column}\""
        ));
        lines.push(format!("time_unit = \"{unit}\""));
    }
    let customers = found.iter().filter_map(|of| named(of, &CUSTOMERS));
    if let Some(of) = customers
        .filter(|of| !of.words.is_empty())
        .find(|of| !of.is_integer)
    {
        lines.push(format!("# guess: \"{}\" is text", of.name));
        lines.push("customer_type = \"string\"".to_owned());
    }
    if shown.is_none() {
        lines.push(
            "# nothing here looks like impressions: ranking_id, customer_id and a list of items;"
                .to_owned(),
        );
        lines.push("# [sources.impressions] must name them".to_owned());
    }
    lines
}

/// The unit of integers that are times of our day, by their size.
fn unit_of(of: &SurveyedColumn) -> Option<(&str, &'static str)> {
    let digits = of.words.last()?.len();
    let unit = match digits {
        9..=10 => "s",
        12..=13 => "ms",
        15..=16 => "us",
        18..=19 => "ns",
        _ => return None,
    };
    Some((&of.name, unit))
}

/// Whether something looks like impressions.
fn is_impressions(of: &Surveyed) -> bool {
    of.columns.iter().any(|column| column.is_list)
}

/// The first column that has one of some names.
fn named<'c>(of: &'c Surveyed, names: &[&str]) -> Option<&'c SurveyedColumn> {
    let find = |name: &&str| {
        of.columns
            .iter()
            .find(|column| column.name.eq_ignore_ascii_case(name))
    };
    names.iter().find_map(find)
}

/// One source.
fn source(of: &Surveyed) -> Vec<String> {
    let columns: Vec<&str> = of
        .columns
        .iter()
        .map(|column| column.name.as_str())
        .collect();
    let format = match of.format {
        Format::Parquet => "Parquet",
        Format::Csv => "CSV",
        Format::Ndjson => "NDJSON",
        Format::Json => "JSON",
    };
    let files = match of.files {
        1 => String::new(),
        files => format!(", {files} files"),
    };
    let mut lines = vec![format!(
        "\n# {}: {format}{files}; columns {}",
        of.name,
        columns.join(", ")
    )];
    let stem = of.name.split('.').next().unwrap_or_default();
    let usual = Source::ALL
        .into_iter()
        .find(|of| of.folder() == stem || of.name() == stem);
    let usual = usual.filter(|of| Source::ACTIONS.contains(of));
    let name = match usual {
        _ if is_impressions(of) => "impressions".to_owned(),
        Some(usual) => usual.name().to_owned(),
        None => name_of(stem),
    };
    lines.push(format!("[sources.{name}]"));
    lines.push(format!("path = {}", quoted(&of.name)));
    if is_impressions(of) {
        lines.extend(impression_columns(of));
    } else {
        lines.extend(log_lines(of, usual));
    }
    lines
}

/// A name that a source may have.
fn name_of(stem: &str) -> String {
    let plain = |of: char| {
        if of.is_ascii_alphanumeric() || of == '_' {
            of
        } else {
            '-'
        }
    };
    let name: String = stem.chars().map(plain).take(24).collect();
    match name.starts_with(|first: char| first.is_ascii_alphabetic()) {
        true => name,
        false => format!("log-{name}"),
    }
}

/// Names of columns, as far as they must be told; a comment for each that was not found.
fn renamed(of: &Surveyed, wanted: &[(&str, &[&str])]) -> Vec<String> {
    let (mut told, mut missing) = (Vec::new(), Vec::new());
    for (ours, names) in wanted {
        match named(of, names) {
            Some(column) if column.name == *ours => {}
            Some(column) => told.push(format!("{ours} = {}", quoted(&column.name))),
            None => missing.push(format!(
                "# no column looks like {ours}: columns = {{ {ours} = \"…\" }}"
            )),
        }
    }
    if !told.is_empty() {
        missing.push("# guess: by their names".to_owned());
        missing.push(format!("columns = {{ {} }}", told.join(", ")));
    }
    missing
}

/// The columns of impressions.
fn impression_columns(of: &Surveyed) -> Vec<String> {
    let list = of.columns.iter().find(|column| column.is_list);
    let list = list.map_or("impressions", |column| column.name.as_str());
    renamed(
        of,
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
fn log_lines(of: &Surveyed, usual: Option<Source>) -> Vec<String> {
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
        of,
        &[("customer_id", &CUSTOMERS), (item, &items), (time, &times)],
    );
    if usual.is_some() {
        return lines;
    }
    let types = named(of, &TYPES).filter(|of| (1..=TYPES_MAX).contains(&of.words.len()));
    let Some(types) = types else {
        lines.push(
            "# guess: nothing tells types, so all rows have one; 1 click, 2 cart, 3 order"
                .to_owned(),
        );
        lines.push("type = 1".to_owned());
        return lines;
    };
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
