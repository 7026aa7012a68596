//! Rows of `features`: as published, and how they differ from those of the reference.

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{Float64Type, Int32Type, TimestampMicrosecondType};

use super::rows::{column, id, ints, truth, value_as_text};
use crate::calendar::instant_text;
use crate::ids::Micros;
use crate::job::Settings;
use crate::reference::features::FeatureRow;

/// The names of the count columns that begin with `name`: all clicks, then each window.
fn count_names(settings: &Settings, name: &str) -> Vec<String> {
    let windows = settings.features().windows.iter();
    let windows = windows.map(|(window, _)| format!("{name}_{window}"));
    std::iter::once(name.to_owned()).chain(windows).collect()
}

/// A row of a batch that has all columns.
pub(super) fn row_of(settings: &Settings, day: i32, batch: &RecordBatch, row: usize) -> FeatureRow {
    let text = |name: &str| id(column(batch, name), row);
    let int = |name: &str| {
        let value = column(batch, name).slice(row, 1);
        value.is_valid(0).then(|| ints(&value)[0])
    };
    let counts = |name: &str| {
        let names = count_names(settings, name).into_iter();
        names.map(|name| int(&name)).collect::<Option<Vec<i64>>>()
    };
    let price = column(batch, "price").as_primitive::<Float64Type>();
    let age = column(batch, "listing_age_days").as_primitive::<Int32Type>();
    let times = column(batch, "impression_ts").as_primitive::<TimestampMicrosecondType>();
    let keep = settings.features().keep.iter();
    FeatureRow {
        day,
        time_us: times.value(row),
        id: text("impression_id").unwrap_or_default(),
        user: text("user_id").unwrap_or_default(),
        listing: text("listing_id").unwrap_or_default(),
        category: text("category"),
        price: price.is_valid(row).then(|| price.value(row)),
        age_days: age.is_valid(row).then(|| age.value(row)),
        of_listing: counts("prior_listing_clicks").unwrap_or_default(),
        of_user: counts("prior_user_clicks"),
        clicked: int("clicked") == Some(1),
        label_complete: truth(column(batch, "label_complete"), row) == Some(true),
        kept: keep
            .map(|kept| value_as_text(column(batch, &kept.column.name), row))
            .collect(),
    }
}

/// Whether two rows hold the same values; prices are compared as bits, so that NaN equals NaN.
pub(super) fn is_same(a: &FeatureRow, b: &FeatureRow) -> bool {
    let bits = |row: &FeatureRow| row.price.map(f64::to_bits);
    let rest = |row: &FeatureRow| FeatureRow {
        price: None,
        ..row.clone()
    };
    bits(a) == bits(b) && rest(a) == rest(b)
}

/// How a row differs from the expected one.
pub(super) fn difference(settings: &Settings, found: &FeatureRow, expected: &FeatureRow) -> String {
    let at = instant_text(Micros(expected.time_us));
    let mut differences = Vec::new();
    let mut compare = |name: &str, found: String, expected: String, why: String| {
        if found != expected {
            differences.push(format!(
                "column \"{name}\" holds {found}, and should hold {expected}{why}"
            ));
        }
    };
    for (name, found, expected) in [
        (
            "prior_listing_clicks",
            Some(&found.of_listing),
            Some(&expected.of_listing),
        ),
        (
            "prior_user_clicks",
            found.of_user.as_ref(),
            expected.of_user.as_ref(),
        ),
    ] {
        for (window, name) in count_names(settings, name).iter().enumerate() {
            let count = |counts: Option<&Vec<i64>>| counts?.get(window).copied();
            let text = |count: Option<i64>| {
                count.map_or_else(|| "null".to_owned(), |count| count.to_string())
            };
            let (found, expected) = (count(found), count(expected));
            let why = if found > expected {
                format!(": what it counts more is not prior to the impression at {at}")
            } else {
                String::new()
            };
            compare(name, text(found), text(expected), why);
        }
    }
    let label_window_us = settings.features().label_window_us;
    let end = Micros(expected.time_us.saturating_add(label_window_us));
    let label = |row: &FeatureRow| i32::from(row.clicked).to_string();
    let why = format!(
        ": it depends on clicks after {at} and up to {}",
        instant_text(end)
    );
    compare("clicked", label(found), label(expected), why);
    type ColumnText = fn(&FeatureRow) -> String;
    let columns: [(&str, ColumnText); 7] = [
        ("user_id", |row| row.user.clone()),
        ("listing_id", |row| row.listing.clone()),
        ("impression_ts", |row| instant_text(Micros(row.time_us))),
        ("category", |row| format!("{:?}", row.category)),
        ("price", |row| format!("{:?}", row.price)),
        ("listing_age_days", |row| format!("{:?}", row.age_days)),
        ("label_complete", |row| row.label_complete.to_string()),
    ];
    for (name, text) in columns {
        compare(name, text(found), text(expected), String::new());
    }
    let columns = settings
        .features()
        .keep
        .iter()
        .map(|kept| &kept.column.name);
    let values = found.kept.iter().zip(&expected.kept);
    for (name, (found, expected)) in columns.zip(values) {
        let text = |value: &Option<String>| format!("{value:?}");
        compare(name, text(found), text(expected), String::new());
    }
    differences.join("; ")
}
