//! The files that canaries of `features` are planted in.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use super::feature_cases::{Cases, FeatureCanaryCase};
use super::near::time_value;
use crate::error::{Error, Result};
use crate::job::{CustomerType, Format, OnBadRow, Publish, Settings, Source, TimeUnit};
use crate::reference::LogTime;
use crate::reference::features::{FeatureRules, LogClick};

/// Writes the logs of all cases; gives the settings of a job that reads them.
pub(super) fn write(
    (settings, rules): (&Settings, &FeatureRules),
    dir: &Path,
    cases: &Cases<'_>,
    id_type: CustomerType,
    planted: impl Fn(&FeatureCanaryCase<'_>) -> Vec<LogClick>,
) -> Result<Settings> {
    let value = |id: &str| match id_type {
        CustomerType::String => json!(id),
        CustomerType::Int64 => json!(id.parse::<i64>().unwrap_or_default()),
    };
    let click_row = |click: LogClick| {
        json!({
            "user_id": click.user.as_deref().map(value),
            "listing_id": value(&click.listing),
            "click_ts": time_value(click.time),
        })
    };
    let (mut impressions, mut listings) = (Vec::new(), Vec::new());
    let mut clicks: Vec<Value> = cases.clicks.iter().cloned().map(click_row).collect();
    for case in &cases.cases {
        let impression = case.impression;
        impressions.push(json!({
            "impression_id": value(&impression.id),
            "user_id": value(&impression.user),
            "listing_id": value(&impression.listing),
            "impression_ts": time_value(impression.time),
        }));
        clicks.extend(planted(case).into_iter().map(click_row));
        listings.extend(listing_rows((settings, rules), case, value));
    }
    let mut paths = Vec::new();
    for (source, rows) in [
        (Source::Impressions, impressions),
        (Source::Clicks, clicks),
        (Source::Listings, listings),
    ] {
        let path = dir.join(format!("{}.ndjson", source.name()));
        let rows: Vec<String> = rows.iter().map(|row: &Value| format!("{row}\n")).collect();
        fs::write(&path, rows.concat()).map_err(|error| Error::io("write", &path, error))?;
        paths.push((source, path.display().to_string()));
    }
    let mut settings = settings.clone();
    // Planted files have no other columns.
    settings.features_mut().keep = Vec::new();
    Ok(Settings {
        // So few rows may leave a source without effect, which is no fault of the set.
        allow_unused: true,
        dir: None,
        files_from: Vec::new(),
        paths,
        out: dir.join("out"),
        publish: Publish::New,
        // Planted files have the default names of columns.
        columns: Vec::new(),
        time_unit: Some(TimeUnit::Micro),
        time_format: None,
        source_settings: Vec::new(),
        format: Some(Format::Ndjson),
        customer_type: Some(id_type),
        // A planted row that cannot be read must not be set aside unnoticed.
        on_bad_row: OnBadRow::Error,
        threads: 1,
        ..settings
    })
}

/// The row of the listing of a case, and one that holds from the impression itself on, if rows have times: the
/// engine must not take that one.
fn listing_rows(
    (settings, rules): (&Settings, &FeatureRules),
    case: &FeatureCanaryCase<'_>,
    value: impl Fn(&str) -> Value,
) -> Vec<Value> {
    let as_of = settings.features().listings_as_of.as_deref();
    let listing = case.group.listing_of(rules, case.impression);
    let own = listing.map(|listing| {
        let mut row = json!({
            "listing_id": value(&listing.listing),
            "category": listing.category,
            "price": listing.price,
            "created_ts": listing.created.map(time_value),
        });
        if let Some(name) = as_of {
            row[name] = json!(listing.holds_from.map(time_value));
        }
        row
    });
    let planted = as_of.map(|name| {
        let mut row = json!({
            "listing_id": value(&case.impression.listing),
            "category": "canary",
            "price": -1.0,
            "created_ts": null,
        });
        row[name] = time_value(LogTime::Instant(case.row.time_us));
        row
    });
    own.into_iter().chain(planted).collect()
}
