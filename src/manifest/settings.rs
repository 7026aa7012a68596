//! Settings to JSON, and back: what a run can be repeated with.
//!
//! **In / Out**: a [`Job`] → the settings that decide about rows and bytes, and from these the
//! [`Settings`] that say the same. **Invariants**: nothing that depends on the clock, the host,
//! threads or memory; not the files either, which the list of inputs names.

use serde_json::{Map, Value, json};

use super::words::{
    BAD_ROWS, CODECS, CUTOFFS, DEDUPS, DIVISORS, GUESTS, IDS, ITEMS, LABEL_KEYS, LAYOUTS, METHODS,
    NULL_LABELS, UNITS, UNKNOWN, meaning, word,
};
use crate::job::{Dedup, ItemVocabulary, Job, Keep, Question, Settings, Side, Source, WarningCode};
use crate::manifest::sources::{declared, parse_declared};
use crate::scan::events::IdTypes;
use crate::scan::features::FeatureTypes;

/// Settings of `sequences` that decide about rows and bytes: those that all days of an output must
/// share. `items_from` is the digest of the items of the vocabulary that the job names.
pub(crate) fn settings(job: &Job, text_ids: bool, items_from: Option<u64>) -> Value {
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
    let is_read = |of: &Source| {
        let in_dir = job.dir.is_some() && !job.without.contains(of);
        job.slot(*of).is_some() && (in_dir || named(of))
    };
    let without = Source::ACTIONS.iter().filter(|source| !is_read(source));
    let mut told = json!({
        "without": without.map(|source| source.name()).collect::<Vec<_>>(),
        "cutoff": word(&CUTOFFS, job.cutoff),
        "lookback_days": job.lookback_days,
        "available": pairs(job.available.iter().map(|(of, name)| (*of, json!(name))).collect()),
        "embargo_us": pairs(job.embargo_us.iter().map(|(of, us)| (*of, json!(us))).collect()),
        "types": job.types,
        "dedup": word(&DEDUPS, job.dedup),
        "max_actions": job.actions_max,
        "with": job.sides.iter().map(Side::text).collect::<Vec<_>>(),
        "pad": job.pad,
        "layout": word(&LAYOUTS, job.layout),
        "guests": word(&GUESTS, job.guests),
        "guest_ids": job.guest_ids,
        "null_label": word(&NULL_LABELS, job.null_label),
        "keep": job.keep.iter().map(Keep::text).collect::<Vec<_>>(),
        "negatives_sample": job.negatives_rate,
        "seed": job.seed,
        "timezone": job.zone_name(),
        "columns": columns_value(job),
        "time_unit": unit_value(job),
        "null_values": job.null_values,
        "customer_type": customer_type,
        "item_type": word(&ITEMS, job.item_type),
        "item_vocabulary": job.item_vocabulary.as_ref().map(ItemVocabulary::text),
        "item_vocabulary_from": from_value(job, items_from),
        "unknown_item": word(&UNKNOWN, job.unknown_item),
        "on_bad_row": word(&BAD_ROWS, job.on_bad_row),
        "max_bad_rows": job.bad_rows_max,
        "allow_unused": job.allow_unused,
        "no_warn": silenced(job),
        "max_lateness_us": job.lateness_max_us,
        "row_group_rows": job.row_group_rows_max,
        "codec": word(&CODECS, job.codec),
    });
    if let Some(declared) = declared(job) {
        told["action_sources"] = declared;
    }
    told
}

/// Settings of `dwell` that decide about rows and bytes.
pub(crate) fn dwell_settings(job: &Job, types: IdTypes) -> Value {
    json!({
        "method": word(&METHODS, job.dwell_method),
        "divide_by": word(&DIVISORS, job.divide_by),
        "idle_timeout_us": job.idle_timeout_us,
        "timezone": job.zone_name(),
        "columns": columns_value(job),
        "time_unit": unit_value(job),
        "null_values": job.null_values,
        "dedup": word(&DEDUPS, job.dedup),
        "id_types": {
            "user_id": word(&IDS, types.user),
            "flyer_id": word(&IDS, types.flyer),
            "merchant_id": word(&IDS, types.merchant),
        },
        "on_bad_row": word(&BAD_ROWS, job.on_bad_row),
        "max_bad_rows": job.bad_rows_max,
        "allow_unused": job.allow_unused,
        "no_warn": silenced(job),
        "codec": word(&CODECS, job.codec),
    })
}

/// Settings of `features` that decide about rows and bytes.
pub(crate) fn feature_settings(job: &Job, types: FeatureTypes) -> Value {
    let windows = job.windows.iter();
    json!({
        "windows_us": windows.map(|(name, us)| (name.clone(), json!(us))).collect::<Map<_, _>>(),
        "label_window_us": job.label_window_us,
        "label_key": word(&LABEL_KEYS, job.label_key),
        "data_end": job.data_end,
        "timezone": job.zone_name(),
        "columns": columns_value(job),
        "time_unit": unit_value(job),
        "null_values": job.null_values,
        "dedup": word(&DEDUPS, job.dedup),
        "id_types": {
            "impression_id": word(&IDS, types.impression),
            "user_id": word(&IDS, types.user),
            "listing_id": word(&IDS, types.listing),
        },
        "on_bad_row": word(&BAD_ROWS, job.on_bad_row),
        "max_bad_rows": job.bad_rows_max,
        "allow_unused": job.allow_unused,
        "no_warn": silenced(job),
        "codec": word(&CODECS, job.codec),
    })
}

/// The warnings that were not given.
fn silenced(job: &Job) -> Value {
    job.no_warn.iter().map(|code| code.name()).collect()
}

/// The names of columns, as they were given.
fn columns_value(job: &Job) -> Value {
    let columns = job.columns.iter();
    columns
        .map(|(of, ours, theirs)| json!(format!("{}.{ours}={theirs}", of.name())))
        .collect()
}

/// Where the codes of items come from, wherever that lies: the digest of the items of a file.
fn from_value(job: &Job, digest: Option<u64>) -> Value {
    let from = job.item_vocabulary.as_ref().map(|of| match of {
        ItemVocabulary::Build => "build".to_owned(),
        ItemVocabulary::File(_) => format!("{:016x}", digest.unwrap_or_default()),
    });
    json!(from)
}

/// The unit of times that are integers.
fn unit_value(job: &Job) -> Value {
    json!(job.time_unit.map(|unit| word(&UNITS, unit)))
}

/// The settings that a manifest tells, without inputs and output; or the name of the one that is
/// missing or makes no sense.
pub(crate) fn parse_settings(question: Question, told: &Value) -> Result<Settings, &'static str> {
    let settings = Settings {
        question,
        timezone: Some(told["timezone"].as_str().ok_or("timezone")?.to_owned()),
        columns: columns_of(&told["columns"]).ok_or("columns")?,
        time_unit: optional(&told["time_unit"], |unit| meaning(&UNITS, unit)).ok_or("time_unit")?,
        null_values: words_of(&told["null_values"]).ok_or("null_values")?,
        dedup: dedup_of(&told["dedup"]).ok_or("dedup")?,
        on_bad_row: meaning(&BAD_ROWS, &told["on_bad_row"]).ok_or("on_bad_row")?,
        bad_rows_max: told["max_bad_rows"].as_u64().ok_or("max_bad_rows")?,
        // Older sets tell nothing of these.
        allow_unused: told["allow_unused"].as_bool().unwrap_or(false),
        no_warn: codes_of(&told["no_warn"]).ok_or("no_warn")?,
        codec: meaning(&CODECS, &told["codec"]).ok_or("codec")?,
        ..Settings::default()
    };
    match question {
        Question::Sequences => parse_sequences(settings, told),
        Question::Features => parse_features(settings, told),
        Question::Dwell => Ok(Settings {
            dwell_method: meaning(&METHODS, &told["method"]).ok_or("method")?,
            divide_by: meaning(&DIVISORS, &told["divide_by"]).ok_or("divide_by")?,
            idle_timeout_us: told["idle_timeout_us"].as_i64().ok_or("idle_timeout_us")?,
            ..settings
        }),
    }
}

/// The settings of `sequences`.
fn parse_sequences(settings: Settings, told: &Value) -> Result<Settings, &'static str> {
    let number = |name: &'static str| {
        let number = told[name].as_u64();
        number.and_then(|of| u32::try_from(of).ok()).ok_or(name)
    };
    let texts = |name: &'static str| {
        let texts = told[name].as_array().ok_or(name)?.iter();
        let texts = texts.map(|text| text.as_str().map(str::to_owned));
        texts.collect::<Option<Vec<_>>>().ok_or(name)
    };
    let without = texts("without")?;
    let without = without.iter().map(|name| Source::named(name));
    let days = &told["lookback_days"];
    Ok(Settings {
        actions: parse_declared(&told["action_sources"]).ok_or("action_sources")?,
        without: without.collect::<Option<_>>().ok_or("without")?,
        cutoff: meaning(&CUTOFFS, &told["cutoff"]).ok_or("cutoff")?,
        lookback_days: (!days.is_null())
            .then(|| number("lookback_days"))
            .transpose()?,
        available: pairs_of(&told["available"], |name| Some(name.as_str()?.to_owned()))
            .ok_or("available")?,
        embargo_us: pairs_of(&told["embargo_us"], Value::as_i64).ok_or("embargo_us")?,
        types: types_of(&told["types"]).ok_or("types")?,
        actions_max: number("max_actions")?,
        sides: texts("with")?
            .iter()
            .map(|text| Side::parse(text).map_err(|_| "with"))
            .collect::<Result<_, _>>()?,
        pad: told["pad"].as_bool().ok_or("pad")?,
        layout: meaning(&LAYOUTS, &told["layout"]).ok_or("layout")?,
        guests: meaning(&GUESTS, &told["guests"]).ok_or("guests")?,
        guest_ids: texts("guest_ids")?,
        null_label: meaning(&NULL_LABELS, &told["null_label"]).ok_or("null_label")?,
        keep: texts("keep")?
            .iter()
            .map(|text| Keep::parse(text).map_err(|_| "keep"))
            .collect::<Result<_, _>>()?,
        negatives_rate: optional(&told["negatives_sample"], Value::as_f64)
            .ok_or("negatives_sample")?,
        seed: told["seed"].as_u64().ok_or("seed")?,
        customer_type: Some(meaning(&IDS, &told["customer_type"]).ok_or("customer_type")?),
        item_type: meaning(&ITEMS, &told["item_type"]).ok_or("item_type")?,
        item_vocabulary: optional(&told["item_vocabulary"], |of| {
            ItemVocabulary::parse(of.as_str()?).ok()
        })
        .ok_or("item_vocabulary")?,
        unknown_item: meaning(&UNKNOWN, &told["unknown_item"]).ok_or("unknown_item")?,
        lateness_max_us: optional(&told["max_lateness_us"], Value::as_i64)
            .ok_or("max_lateness_us")?,
        row_group_rows_max: number("row_group_rows")?,
        ..settings
    })
}

/// The settings of `features`.
fn parse_features(settings: Settings, told: &Value) -> Result<Settings, &'static str> {
    let windows = told["windows_us"].as_object().ok_or("windows_us")?.iter();
    let windows = windows.map(|(name, us)| Some((name.clone(), us.as_i64()?)));
    let text = |text: &Value| text.as_str().map(str::to_owned);
    Ok(Settings {
        windows: windows.collect::<Option<_>>().ok_or("windows_us")?,
        label_window_us: told["label_window_us"].as_i64().ok_or("label_window_us")?,
        label_key: meaning(&LABEL_KEYS, &told["label_key"]).ok_or("label_key")?,
        data_end: optional(&told["data_end"], text).ok_or("data_end")?,
        ..settings
    })
}

/// The types of ids that a manifest of `features` tells.
pub(crate) fn feature_types(told: &Value) -> Option<FeatureTypes> {
    let of = |name: &str| meaning(&IDS, &told["id_types"][name]);
    Some(FeatureTypes {
        impression: of("impression_id")?,
        user: of("user_id")?,
        listing: of("listing_id")?,
    })
}

/// The types of ids that a manifest of `dwell` tells.
pub(crate) fn event_types(told: &Value) -> Option<IdTypes> {
    let of = |name: &str| meaning(&IDS, &told["id_types"][name]);
    Some(IdTypes {
        user: of("user_id")?,
        flyer: of("flyer_id")?,
        merchant: of("merchant_id")?,
    })
}

/// A value that may be null; nothing if it is neither null nor what it should be.
fn optional<T>(told: &Value, read: impl Fn(&Value) -> Option<T>) -> Option<Option<T>> {
    match told {
        Value::Null => Some(None),
        told => read(told).map(Some),
    }
}

/// Words that are null; a set of an earlier version has none.
fn words_of(told: &Value) -> Option<Vec<String>> {
    let text = |of: &Value| of.as_str().map(str::to_owned);
    match told {
        Value::Null => Some(Vec::new()),
        told => told.as_array()?.iter().map(text).collect(),
    }
}

/// Which repeats were left out; in a set of an earlier version, none.
fn dedup_of(told: &Value) -> Option<Dedup> {
    match told {
        Value::Null => Some(Dedup::None),
        told => meaning(&DEDUPS, told),
    }
}

/// Values by source.
fn pairs_of<T>(told: &Value, read: impl Fn(&Value) -> Option<T>) -> Option<Vec<(Source, T)>> {
    let pairs = told.as_object()?.iter();
    let pairs = pairs.map(|(source, value)| Some((Source::named(source)?, read(value)?)));
    pairs.collect()
}

/// Warnings that were not given; none where an older set tells nothing of them.
fn codes_of(told: &Value) -> Option<Vec<WarningCode>> {
    let codes = told.as_array().into_iter().flatten();
    codes
        .map(|code| WarningCode::parse(code.as_str()?).ok())
        .collect()
}

/// Codes of actions.
fn types_of(told: &Value) -> Option<Vec<u8>> {
    let codes = told.as_array()?.iter();
    let codes = codes.map(|code| code.as_u64().and_then(|code| u8::try_from(code).ok()));
    codes.collect()
}

/// Names of columns, from `source.ours=theirs`.
fn columns_of(told: &Value) -> Option<Vec<(Source, String, String)>> {
    let columns = told.as_array()?.iter().map(|column| {
        let (ours, theirs) = column.as_str()?.split_once('=')?;
        let (source, ours) = ours.split_once('.')?;
        let source = Source::named(source)?;
        Some((source, ours.to_owned(), theirs.to_owned()))
    });
    columns.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::{
        Codec, CustomerType, Cutoff, DivideBy, DwellMethod, Guests, ItemType, LabelKey, Layout,
        NullLabel, OnBadRow, TimeUnit, UnknownItem,
    };

    /// A job of some settings.
    fn job(settings: Settings) -> Job {
        let source = settings.question.sources()[0];
        let settings = Settings {
            paths: vec![(source, "logs".into())],
            out: "out".into(),
            ..settings
        };
        Job::new(settings).expect("settings that hold together")
    }

    #[test]
    fn settings_of_sequences_come_back() {
        for text_ids in [false, true] {
            let asked = job(Settings {
                cutoff: Cutoff::Time,
                lookback_days: None,
                available: vec![(Source::Clicks, "known".into())],
                embargo_us: vec![(Source::Orders, 5)],
                types: vec![3, 1],
                dedup: Dedup::Consecutive,
                actions_max: 7,
                sides: vec![
                    Side::parse("price:float32").expect("a column"),
                    Side::TimeDelta,
                    Side::parse("quantity:int32").expect("a column"),
                ],
                pad: false,
                layout: Layout::Request,
                guests: Guests::Empty,
                guest_ids: vec!["0".into(), "-1".into()],
                null_label: NullLabel::Drop,
                keep: ["surface:string", "item.x:boolean"]
                    .map(|text| Keep::parse(text).expect("a column"))
                    .to_vec(),
                negatives_rate: Some(0.123_456_789),
                seed: u64::MAX,
                timezone: Some("Europe/Berlin".into()),
                columns: vec![(Source::Clicks, "item_id".into(), "a=b.c".into())],
                time_unit: Some(TimeUnit::Nano),
                null_values: vec!["\\N".into(), String::new()],
                item_type: ItemType::Int64,
                item_vocabulary: Some(ItemVocabulary::File("codes.parquet".into())),
                unknown_item: UnknownItem::Drop,
                on_bad_row: OnBadRow::Quarantine,
                bad_rows_max: 3,
                lateness_max_us: Some(9),
                row_group_rows_max: 11,
                codec: Codec::Lz4Raw,
                ..Settings::default()
            });
            let told = settings(&asked, text_ids, Some(7));
            let read = parse_settings(Question::Sequences, &told).expect("all of them");
            assert_eq!(settings(&job(read), text_ids, Some(7)), told);
        }
    }

    #[test]
    fn settings_of_features_and_dwell_come_back() {
        let asked = job(Settings {
            question: Question::Features,
            windows: vec![("7d".into(), 7), ("1h".into(), 1)],
            label_window_us: 12,
            label_key: LabelKey::Listing,
            data_end: Some("2024-01-01".into()),
            dedup: Dedup::Exact,
            null_values: vec!["null".into()],
            ..Settings::default()
        });
        let types = FeatureTypes {
            impression: CustomerType::String,
            user: CustomerType::Int64,
            listing: CustomerType::Int64,
        };
        let told = feature_settings(&asked, types);
        let read = parse_settings(Question::Features, &told).expect("all of them");
        assert_eq!(feature_settings(&job(read), types), told);
        assert_eq!(feature_types(&told), Some(types));

        let asked = job(Settings {
            question: Question::Dwell,
            dwell_method: DwellMethod::Session,
            divide_by: DivideBy::Flyers,
            idle_timeout_us: 8,
            dedup: Dedup::Exact,
            null_values: vec!["null".into()],
            ..Settings::default()
        });
        let types = IdTypes {
            user: CustomerType::String,
            flyer: CustomerType::Int64,
            merchant: CustomerType::String,
        };
        let told = dwell_settings(&asked, types);
        let read = parse_settings(Question::Dwell, &told).expect("all of them");
        assert_eq!(dwell_settings(&job(read), types), told);
        assert_eq!(event_types(&told), Some(types));
    }

    #[test]
    fn a_setting_that_is_gone_or_makes_no_sense_is_named() {
        let mut told = settings(&job(Settings::default()), false, None);
        for name in [
            "cutoff",
            "types",
            "dedup",
            "negatives_sample",
            "seed",
            "keep",
            "with",
            "max_actions",
            "item_vocabulary",
            "unknown_item",
            "lookback_days",
            "available",
            "null_values",
            "timezone",
        ] {
            let before = std::mem::replace(&mut told[name], json!([[]]));
            assert_eq!(parse_settings(Question::Sequences, &told).err(), Some(name));
            told[name] = before;
        }
    }
}
