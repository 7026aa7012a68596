//! What was published, written down: settings, inputs, parts, counts.
//!
//! **In / Out**: a job and what its run found → `_manifest.json`, of a day or of the whole.
//! **Invariants**: a function of input and settings: no clock, host, thread count, memory limit,
//! nor how far the early stop read. The manifest of the whole is made from those of its days,
//! so it is right however they came together.

use std::fs;
use std::path::Path;

use serde_json::{Map, Value, json};

use crate::calendar::{date_text, instant_text};
use crate::error::{Error, Result};
use crate::ids::{Day, Micros};
use crate::job::{
    Codec, CustomerType, Cutoff, DivideBy, DwellMethod, Guests, ItemType, Job, LabelKey, Layout,
    NullLabel, OnBadRow, Question, Source, TimeUnit,
};
use crate::publish::{MANIFEST, Part, days_in};
use crate::scan::events::IdTypes;
use crate::scan::features::FeatureTypes;

/// Settings that decide about rows and bytes: those that all days of an output must share.
pub(crate) fn settings(job: &Job, text_ids: bool) -> Value {
    let customer_type = if text_ids { "string" } else { "int64" };
    let pairs = |pairs: Vec<(Source, Value)>| {
        let named = pairs
            .into_iter()
            .map(|(source, value)| (source.name().to_owned(), value));
        Value::Object(named.collect())
    };
    let named = |source: &Source| {
        let by_path = job.paths.iter().any(|(of, _)| of == source);
        by_path || job.files_from.iter().any(|(of, _)| of == source)
    };
    let is_read = |of: &Source| (job.dir.is_some() && !job.without.contains(of)) || named(of);
    let without = Source::ACTIONS.iter().filter(|source| !is_read(source));
    json!({
        "without": without.map(|source| source.name()).collect::<Vec<_>>(),
        "cutoff": match job.cutoff { Cutoff::Day => "day", Cutoff::Time => "time" },
        "lookback_days": job.lookback_days,
        "available": pairs(job.available.iter().map(|(of, name)| (*of, json!(name))).collect()),
        "embargo_us": pairs(job.embargo_us.iter().map(|(of, us)| (*of, json!(us))).collect()),
        "max_actions": job.actions_max,
        "pad": job.pad,
        "layout": match job.layout { Layout::Sample => "sample", Layout::Request => "request" },
        "guests": match job.guests { Guests::Drop => "drop", Guests::Empty => "empty" },
        "guest_ids": job.guest_ids,
        "null_label": match job.null_label {
            NullLabel::Keep => "keep",
            NullLabel::Drop => "drop",
            NullLabel::Error => "error",
        },
        "timezone": job.timezone,
        "columns": columns_value(job),
        "time_unit": unit_value(job),
        "customer_type": customer_type,
        "item_type": match job.item_type { ItemType::Int32 => "int32", ItemType::Int64 => "int64" },
        "on_bad_row": on_bad_row_value(job),
        "max_lateness_us": job.lateness_max_us,
        "row_group_rows": job.row_group_rows_max,
        "codec": codec_value(job),
    })
}

/// Settings of `dwell` that decide about rows and bytes.
pub(crate) fn dwell_settings(job: &Job, types: IdTypes) -> Value {
    json!({
        "method": match job.dwell_method {
            DwellMethod::Span => "span",
            DwellMethod::Session => "session",
        },
        "divide_by": match job.divide_by {
            DivideBy::Events => "events",
            DivideBy::Flyers => "flyers",
        },
        "idle_timeout_us": job.idle_timeout_us,
        "timezone": job.timezone,
        "columns": columns_value(job),
        "time_unit": unit_value(job),
        "id_types": {
            "user_id": type_name(types.user),
            "flyer_id": type_name(types.flyer),
            "merchant_id": type_name(types.merchant),
        },
        "on_bad_row": on_bad_row_value(job),
        "codec": codec_value(job),
    })
}

/// Settings of `features` that decide about rows and bytes.
pub(crate) fn feature_settings(job: &Job, types: FeatureTypes) -> Value {
    let windows = job.windows.iter();
    json!({
        "windows_us": windows.map(|(name, us)| (name.clone(), json!(us))).collect::<Map<_, _>>(),
        "label_window_us": job.label_window_us,
        "label_key": match job.label_key {
            LabelKey::UserListing => "user-listing",
            LabelKey::Listing => "listing",
        },
        "data_end": job.data_end,
        "timezone": job.timezone,
        "columns": columns_value(job),
        "time_unit": unit_value(job),
        "id_types": {
            "impression_id": type_name(types.impression),
            "user_id": type_name(types.user),
            "listing_id": type_name(types.listing),
        },
        "on_bad_row": on_bad_row_value(job),
        "codec": codec_value(job),
    })
}

/// The name of a type of ids.
fn type_name(of: CustomerType) -> &'static str {
    match of {
        CustomerType::Int64 => "int64",
        CustomerType::String => "string",
    }
}

/// The names of columns, as they were given.
fn columns_value(job: &Job) -> Value {
    let columns = job.columns.iter();
    columns
        .map(|(of, ours, theirs)| json!(format!("{}.{ours}={theirs}", of.name())))
        .collect()
}

/// The unit of times that are integers.
fn unit_value(job: &Job) -> Value {
    let unit = job.time_unit.map(|unit| match unit {
        TimeUnit::Second => "s",
        TimeUnit::Milli => "ms",
        TimeUnit::Micro => "us",
        TimeUnit::Nano => "ns",
    });
    json!(unit)
}

/// What became of bad rows.
fn on_bad_row_value(job: &Job) -> Value {
    json!(match job.on_bad_row {
        OnBadRow::Error => "error",
        OnBadRow::Quarantine => "quarantine",
    })
}

/// The compression of Parquet.
fn codec_value(job: &Job) -> Value {
    json!(match job.codec {
        Codec::Zstd => "zstd",
        Codec::Lz4Raw => "lz4_raw",
        Codec::Snappy => "snappy",
        Codec::None => "none",
    })
}

/// The manifest of one day.
pub(crate) struct DayManifest<'a> {
    /// What is asked.
    pub(crate) question: Question,
    /// The day.
    pub(crate) day: Day,
    /// [`settings`] of the job.
    pub(crate) settings: &'a Value,
    /// The files of its impressions.
    pub(crate) inputs: Vec<Value>,
    /// How many files of actions there were, and a digest of all: the whole's manifest lists them.
    pub(crate) action_inputs: &'a Value,
    /// What the run found among the actions; the same for all days of a run.
    pub(crate) actions: &'a Value,
    /// What it found among the impressions of the day.
    pub(crate) counts: Value,
    /// The earliest and the latest cutoff, if there is a row.
    pub(crate) cutoffs: Option<(Micros, Micros)>,
    /// The parts.
    pub(crate) parts: &'a [Part],
}

impl DayManifest<'_> {
    /// The manifest as JSON text.
    pub(crate) fn text(&self) -> Vec<u8> {
        let parts: Vec<Value> = self.parts.iter().map(part).collect();
        let range = self
            .cutoffs
            .map(|(first, last)| [instant_text(first), instant_text(last)]);
        let mut manifest = head(self.question, "day");
        manifest.insert("day".into(), json!(date_text(self.day)));
        manifest.insert("settings".into(), self.settings.clone());
        manifest.insert("counts".into(), self.counts.clone());
        manifest.insert("cutoffs".into(), json!(range));
        manifest.insert("actions".into(), self.actions.clone());
        manifest.insert("parts".into(), Value::Array(parts));
        manifest.insert("inputs".into(), json!(self.inputs));
        manifest.insert("action_inputs".into(), self.action_inputs.clone());
        to_text(&Value::Object(manifest))
    }
}

/// One part.
pub(crate) fn part(part: &Part) -> Value {
    json!({
        "path": part.name,
        "rows": part.rows,
        "row_groups": part.row_groups,
        "bytes": part.bytes,
        "xxh64": format!("{:016x}", part.checksum),
    })
}

/// What every manifest starts with.
pub(crate) fn head(question: Question, of: &str) -> Map<String, Value> {
    let mut manifest = Map::new();
    manifest.insert(
        "made_by".into(),
        json!(concat!("hitherto ", env!("CARGO_PKG_VERSION"))),
    );
    manifest.insert("job".into(), json!(question.name()));
    manifest.insert("of".into(), json!(of));
    manifest
}

/// The manifest of the whole, made from those of the days in a folder, and from the inputs of this
/// run and of those before it.
///
/// # Errors
/// If one of them cannot be read.
pub(crate) fn whole(
    question: Question,
    out: &Path,
    settings: &Value,
    inputs: &[Value],
) -> Result<Vec<u8>> {
    let (mut days, mut parts, mut inputs) = (Vec::new(), Vec::new(), inputs.to_vec());
    let before = out.join(MANIFEST);
    if before.is_file()
        && let Value::Array(more) = read(&before)?["inputs"].take()
    {
        inputs.extend(more);
    }
    let (mut counts, mut actions) = (Map::new(), Value::Null);
    for (day, folder) in days_in(question, out)? {
        let mut manifest = read(&folder.join(MANIFEST))?;
        let day = date_text(day);
        for part in manifest["parts"].as_array().into_iter().flatten() {
            let mut part = part.clone();
            let path = part["path"].as_str().unwrap_or_default();
            part["path"] = json!(format!("{}={day}/{path}", question.day_column()));
            parts.push(part);
        }
        for (name, count) in manifest["counts"].as_object().into_iter().flatten() {
            let sum = counts.get(name).and_then(Value::as_u64).unwrap_or(0);
            counts.insert(name.clone(), json!(sum + count.as_u64().unwrap_or(0)));
        }
        actions = manifest["actions"].take();
        days.push(
            json!({"day": day, "counts": manifest["counts"], "cutoffs": manifest["cutoffs"]}),
        );
    }
    inputs.sort_by_cached_key(Value::to_string);
    inputs.dedup();
    let mut manifest = head(question, "whole");
    manifest.insert("settings".into(), settings.clone());
    manifest.insert("counts".into(), Value::Object(counts));
    // Actions are counted per run, and runs of several days share them: the latest day's count.
    manifest.insert("actions".into(), actions);
    manifest.insert("days".into(), Value::Array(days));
    manifest.insert("parts".into(), Value::Array(parts));
    manifest.insert("inputs".into(), Value::Array(inputs));
    Ok(to_text(&Value::Object(manifest)))
}

/// Checks that an output was made with the same settings, so that all its days are alike.
///
/// # Errors
/// If not, naming the first setting that differs.
pub(crate) fn check_settings(out: &Path, ours: &Value) -> Result<()> {
    let theirs = read(&out.join(MANIFEST))?;
    for (name, value) in ours.as_object().into_iter().flatten() {
        let found = &theirs["settings"][name];
        if found != value {
            let what = format!("its days were made with {name} {found}, this job has {value}");
            return Err(Error::output(out, what));
        }
    }
    Ok(())
}

/// Reads a manifest.
fn read(path: &Path) -> Result<Value> {
    let text = fs::read(path).map_err(|error| Error::io("read", path, error))?;
    serde_json::from_slice(&text)
        .map_err(|error| Error::output(path, format!("it is no manifest: {error}")))
}

/// JSON as people and tools read it.
pub(crate) fn to_text(manifest: &Value) -> Vec<u8> {
    let mut text = serde_json::to_vec_pretty(manifest).expect("a value is always JSON");
    text.push(b'\n');
    text
}
