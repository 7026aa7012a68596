//! Settings to JSON, and back: a run can be repeated from its manifest.
//!
//! **In / Out**: a [`Job`] → the settings that decide about rows and bytes, and from these the
//! same [`Settings`]. **Invariants**: [`Settings`] has the names and forms; the lists here say which of
//! them the manifest of each job kind has, in which order. Nothing depends on the
//! clock, the host, threads or memory, nor on the files, which the list of inputs names.

use std::cell::Cell;

use serde::de::value::MapDeserializer;
use serde::{Deserialize, Serialize};
use serde_json::{Error, Map, Value, json};

use crate::job::{
    Ask, CustomerType, Dwell, Features, ItemVocabulary, Job, JobKind, Sequences, Settings, Source,
};
use crate::scan::events::IdTypes;
use crate::scan::features::FeatureTypes;

/// Where the codes of items come from: `build`, or the digest of the items of a file, whatever its path.
const ITEMS_FROM: &str = "item_vocabulary_from";
/// The types of ids, by column.
const ID_TYPES: &str = "id_types";
/// The sources of actions.
const ACTION_SOURCES: &str = "action_sources";
/// The source of which some actions are the impressions.
const IMPRESSIONS_FROM: &str = "impressions_from";
/// Of that source, the rows that are.
const IMPRESSIONS_WHERE: &str = "impressions_where";
/// Whether labels are not read.
const NO_LABELS: &str = "no_labels";
/// How single sources are read.
const SOURCE_SETTINGS: &str = "source_settings";
/// A lookback of years.
const LOOKBACK_YEARS: &str = "lookback_years";
/// Whether the oldest action comes first.
const OLDEST_FIRST: &str = "oldest_first";
/// Other names for columns of the output.
const RENAME: &str = "rename";
/// The most rows of a part.
const PART_ROWS: &str = "part_rows";
/// How many shards the rows are dealt to.
const SHARDS: &str = "shards";
/// The columns that `features` copies. Not `keep`, which manifests of `sequences` always have.
const KEPT: &str = "kept";
/// The column of listings that says from when a row holds.
const LISTINGS_AS_OF: &str = "listings_as_of";
/// The names of events that open something.
const OPENS: &str = "opens";
/// Those of events that close a flyer.
const CLOSES: &str = "closes";
/// Those of events that are passed over.
const IGNORES: &str = "ignores";
/// The tables of `dwell` beside the two that it always makes.
const WITH_TABLES: &str = "with_tables";

/// The format of times that are text.
const TIME_FORMAT: &str = "time_format";

/// Whether tables of `dwell` lie in folders of days.
const BY_DAY: &str = "by_day";

/// The settings of `sequences`, in their order.
const OF_SEQUENCES: [&str; 44] = [
    IMPRESSIONS_FROM,
    IMPRESSIONS_WHERE,
    NO_LABELS,
    "without",
    "cutoff",
    "lookback_days",
    LOOKBACK_YEARS,
    "available",
    "embargo_us",
    "types",
    "dedup",
    "max_actions",
    "with",
    "pad",
    OLDEST_FIRST,
    "layout",
    "guests",
    "guest_ids",
    "null_label",
    "keep",
    RENAME,
    "negatives_sample",
    "seed",
    "timezone",
    "columns",
    "time_unit",
    TIME_FORMAT,
    "null_values",
    "customer_type",
    "item_type",
    "item_vocabulary",
    ITEMS_FROM,
    "unknown_item",
    "on_bad_row",
    "max_bad_rows",
    "allow_unused",
    "no_warn",
    "max_lateness_us",
    "row_group_rows",
    PART_ROWS,
    SHARDS,
    "codec",
    ACTION_SOURCES,
    SOURCE_SETTINGS,
];
/// Those of `features`.
const OF_FEATURES: [&str; 19] = [
    "windows_us",
    "label_window_us",
    "label_key",
    "data_end",
    LISTINGS_AS_OF,
    KEPT,
    "timezone",
    "columns",
    "time_unit",
    TIME_FORMAT,
    "null_values",
    "dedup",
    ID_TYPES,
    "on_bad_row",
    "max_bad_rows",
    "allow_unused",
    "no_warn",
    "codec",
    SOURCE_SETTINGS,
];
/// Those of `dwell`.
const OF_DWELL: [&str; 21] = [
    "method",
    "divide_by",
    "idle_timeout_us",
    OPENS,
    CLOSES,
    IGNORES,
    WITH_TABLES,
    BY_DAY,
    "timezone",
    "columns",
    "time_unit",
    TIME_FORMAT,
    "null_values",
    "dedup",
    ID_TYPES,
    "on_bad_row",
    "max_bad_rows",
    "allow_unused",
    "no_warn",
    "codec",
    SOURCE_SETTINGS,
];
/// Those about sources.
const OF_SOURCES: [&str; 5] = [
    ACTION_SOURCES,
    "available",
    "columns",
    "embargo_us",
    SOURCE_SETTINGS,
];
/// Those that sets of earlier versions lack; then they have their default.
const OPTIONAL: [&str; 22] = [
    IMPRESSIONS_FROM,
    IMPRESSIONS_WHERE,
    NO_LABELS,
    LOOKBACK_YEARS,
    OLDEST_FIRST,
    RENAME,
    "dedup",
    "null_values",
    "allow_unused",
    "no_warn",
    ACTION_SOURCES,
    PART_ROWS,
    SHARDS,
    SOURCE_SETTINGS,
    OPENS,
    CLOSES,
    IGNORES,
    WITH_TABLES,
    LISTINGS_AS_OF,
    BY_DAY,
    KEPT,
    TIME_FORMAT,
];
/// Those that a manifest has only if they differ from the default, so that it equals one of a version
/// that did not have them.
const ONLY_IF_SET: [&str; 18] = [
    IMPRESSIONS_FROM,
    IMPRESSIONS_WHERE,
    NO_LABELS,
    LOOKBACK_YEARS,
    OLDEST_FIRST,
    RENAME,
    ACTION_SOURCES,
    PART_ROWS,
    SHARDS,
    SOURCE_SETTINGS,
    OPENS,
    CLOSES,
    IGNORES,
    WITH_TABLES,
    LISTINGS_AS_OF,
    BY_DAY,
    KEPT,
    TIME_FORMAT,
];

/// Those that a job may leave open, but a manifest never.
const NOT_NULL: [&str; 2] = ["timezone", "customer_type"];

/// Settings of `sequences` that decide about rows and bytes: those that all days of an output must
/// share. `items_from` is the digest of the items of the vocabulary that the job names.
pub(crate) fn settings(job: &Job, text_ids: bool, items_from: Option<u64>) -> Value {
    // What was found, even if the job left it open: days that are added must have the same type.
    let customer_type = if text_ids {
        CustomerType::String
    } else {
        CustomerType::Int64
    };
    let own = job.sequences();
    let own = Sequences {
        without: unread(job),
        // Years are in place of days, so that the two never seem to contradict each other.
        lookback_days: own.lookback_days.filter(|_| own.lookback_years.is_none()),
        ..job.sequences().clone()
    };
    let common = Settings {
        customer_type: Some(customer_type),
        ..Settings::clone(job)
    };
    let from = own.item_vocabulary.as_ref();
    let from = from.map(|vocabulary| match vocabulary {
        ItemVocabulary::Build => vocabulary.text(),
        ItemVocabulary::File(_) => format!("{:016x}", items_from.unwrap_or_default()),
    });
    Value::Object(members(
        common,
        &own,
        ITEMS_FROM,
        json!(from),
        &OF_SEQUENCES,
    ))
}

/// Settings of `features` that decide about rows and bytes.
pub(crate) fn feature_settings(job: &Job, types: FeatureTypes) -> Value {
    let (common, own) = (Settings::clone(job), job.features());
    Value::Object(members(common, own, ID_TYPES, json!(types), &OF_FEATURES))
}

/// Settings of `dwell` that decide about rows and bytes.
pub(crate) fn dwell_settings(job: &Job, types: IdTypes) -> Value {
    let own = Dwell {
        // However it came about: days that are added must lie as those that are there.
        by_day: job.is_by_day(),
        ..job.dwell().clone()
    };
    let common = Settings::clone(job);
    Value::Object(members(common, &own, ID_TYPES, json!(types), &OF_DWELL))
}

/// The usual actions that a job does not read.
fn unread(job: &Job) -> Vec<Source> {
    let is_named = |source: &Source| {
        let by_path = job.paths.iter().any(|(named, _)| named == source);
        by_path || job.files_from.iter().any(|(named, _)| named == source)
    };
    let is_read = |source: &Source| {
        let in_dir = job.dir.is_some() && !job.sequences().without.contains(source);
        job.slot(*source).is_some() && (in_dir || is_named(source))
    };
    let actions = Source::ACTIONS.into_iter();
    actions.filter(|source| !is_read(source)).collect()
}

/// Settings, those of the job kind, and one that the run derived, as members of an object in the order of
/// names.
fn members<T: Serialize + Default>(
    common: Settings,
    own: &T,
    derived_name: &str,
    derived: Value,
    names: &[&str],
) -> Map<String, Value> {
    let usual = [json!(T::default()), json!(Settings::default())];
    let (mut common, mut own) = (json!(in_named_zone(common)), json!(own));
    common[derived_name] = derived;
    let is_usual = |name: &str, value: &Value| {
        let default = usual.iter().find_map(|usual| usual.get(name));
        default == Some(value)
    };
    let mut take = |name: &str| match own.get_mut(name) {
        Some(value) => value.take(),
        None => common[name].take(),
    };
    let members = names.iter().map(|name| ((*name).to_owned(), take(name)));
    members
        .filter(|(name, value)| !(ONLY_IF_SET.contains(&name.as_str()) && is_usual(name, value)))
        .collect()
}

/// Settings that name their zone.
fn in_named_zone(settings: Settings) -> Settings {
    Settings {
        // Without a zone, wall times beside instants end a run. One that is made again from its
        // manifest, or adds days to the set, has named it.
        timezone: Some(settings.zone_name().to_owned()),
        ..settings
    }
}

/// The settings in a manifest, without inputs and output; or the name of the one that is missing or makes
/// no sense.
pub(crate) fn parse_settings(
    job_kind: JobKind,
    settings: &Value,
) -> Result<Settings, &'static str> {
    match job_kind {
        JobKind::Sequences => read_job::<Sequences>(settings, &OF_SEQUENCES),
        JobKind::Features => read_job::<Features>(settings, &OF_FEATURES),
        JobKind::Dwell => read_job::<Dwell>(settings, &OF_DWELL),
    }
}

/// Reads the settings of a job by their names.
fn read_job<'t, T: Deserialize<'t> + Into<Ask>>(
    settings: &'t Value,
    names: &[&'static str],
) -> Result<Settings, &'static str> {
    let is_missing = |name: &&&str| names.contains(name) && settings[**name].is_null();
    if let Some(name) = NOT_NULL.iter().find(is_missing) {
        return Err(name);
    }
    let names = || names.iter().filter(|name| is_needed(settings, name));
    Ok(Settings {
        ask: read::<T>(settings, names())?.into(),
        ..read(settings, names())?
    })
}

/// The settings about sources in a manifest, of any job kind.
///
/// # Errors
/// The name of a setting that makes no sense.
pub(super) fn source_settings(settings: &Value) -> Result<Settings, &'static str> {
    let names = || OF_SOURCES.iter().filter(|name| !settings[**name].is_null());
    Ok(Settings {
        ask: read::<Sequences>(settings, names())?.into(),
        ..read(settings, names())?
    })
}

/// Whether a setting is read: it is one of [`Settings`], and either required or present.
fn is_needed(settings: &Value, name: &str) -> bool {
    let is_derived = [ITEMS_FROM, ID_TYPES].contains(&name);
    !is_derived && (!OPTIONAL.contains(&name) || !settings[name].is_null())
}

/// Reads settings by their names; one that is not there reads as null.
///
/// # Errors
/// The name of the first that makes no sense.
fn read<'t, 'n, T: Deserialize<'t>>(
    settings: &'t Value,
    names: impl Iterator<Item = &'n &'static str>,
) -> Result<T, &'static str> {
    // The deserializer takes one member at a time, so at an error this is the one at fault.
    let at = Cell::new("");
    let members = names.map(|name| {
        at.set(name);
        (*name, &settings[*name])
    });
    T::deserialize(MapDeserializer::new(members)).map_err(|_: Error| at.get())
}

/// The types of ids in the settings of a manifest of `features`.
pub(crate) fn feature_types(settings: &Value) -> Option<FeatureTypes> {
    FeatureTypes::deserialize(&settings[ID_TYPES]).ok()
}

/// The types of ids in the settings of a manifest of `dwell`.
pub(crate) fn event_types(settings: &Value) -> Option<IdTypes> {
    IdTypes::deserialize(&settings[ID_TYPES]).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::{
        Attribute, Codec, Cutoff, Dedup, DivideBy, DwellMethod, Guests, ItemType, KeptColumn,
        LabelKey, Layout, MoreTable, NullLabel, OnBadRow, Passthrough, TimeUnit, UnknownItem,
    };

    /// A job of some settings.
    fn job(settings: Settings) -> Job {
        let source = settings.kind().sources()[0];
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
                ask: Sequences {
                    cutoff: Cutoff::Time,
                    lookback_days: None,
                    available: vec![(Source::Clicks, "known".into())],
                    embargo_us: vec![(Source::Orders, 5)],
                    types: vec![3, 1],
                    actions_max: Some(7),
                    attributes: vec![
                        Attribute::parse("price:float32").expect("a column"),
                        Attribute::TimeDelta,
                        Attribute::parse("quantity:int32").expect("a column"),
                    ],
                    pad: false,
                    layout: Layout::Request,
                    guests: Guests::Empty,
                    guest_ids: vec!["0".into(), "-1".into()],
                    null_label: NullLabel::Drop,
                    keep: ["surface:string", "item.x:boolean"]
                        .map(|text| Passthrough::parse(text).expect("a column"))
                        .to_vec(),
                    negatives_rate: Some(0.123_456_789),
                    seed: u64::MAX,
                    item_type: ItemType::Int64,
                    item_vocabulary: Some(ItemVocabulary::File("codes.parquet".into())),
                    unknown_item: UnknownItem::Drop,
                    lateness_max_us: Some(9),
                    row_group_rows_max: 11,
                    part_rows_max: 13,
                    ..Sequences::default()
                }
                .into(),
                dedup: Dedup::Consecutive,
                timezone: Some("Europe/Berlin".into()),
                columns: vec![(Source::Clicks, "item_id".into(), "a=b.c".into())],
                time_unit: Some(TimeUnit::Nano),
                time_format: Some("%d/%m/%Y, %H:%M".into()),
                null_values: vec!["\\N".into(), String::new()],
                on_bad_row: OnBadRow::Quarantine,
                bad_rows_max: 3,
                codec: Codec::Lz4Raw,
                ..Settings::default()
            });
            let written = settings(&asked, text_ids, Some(7));
            let read = parse_settings(JobKind::Sequences, &written).expect("all of them");
            assert_eq!(settings(&job(read), text_ids, Some(7)), written);
        }
    }

    #[test]
    fn settings_of_features_and_dwell_come_back() {
        let asked = job(Settings {
            ask: Features {
                windows: vec![("7d".into(), 7), ("1h".into(), 1)],
                label_window_us: 12,
                label_key: LabelKey::Listing,
                data_end: Some("2024-01-01".into()),
                listings_as_of: Some("valid_from".into()),
                keep: ["surface:string", "listing.rank:int32"]
                    .map(|text| KeptColumn::parse(text).expect("a column"))
                    .to_vec(),
            }
            .into(),
            dedup: Dedup::Exact,
            null_values: vec!["null".into()],
            ..Settings::default()
        });
        let types = FeatureTypes {
            impression: CustomerType::String,
            user: CustomerType::Int64,
            listing: CustomerType::Int64,
        };
        let written = feature_settings(&asked, types);
        let read = parse_settings(JobKind::Features, &written).expect("all of them");
        assert_eq!(feature_settings(&job(read), types), written);
        assert_eq!(feature_types(&written), Some(types));

        let asked = job(Settings {
            ask: Dwell {
                dwell_method: DwellMethod::Session,
                divide_by: DivideBy::Flyers,
                idle_timeout_us: 8,
                opens: vec!["view".into(), "item_open".into()],
                closes: Vec::new(),
                ignores: vec!["ping".into()],
                more_tables: vec![MoreTable::Flyer],
                by_day: true,
            }
            .into(),
            dedup: Dedup::Exact,
            null_values: vec!["null".into()],
            ..Settings::default()
        });
        let types = IdTypes {
            user: CustomerType::String,
            flyer: CustomerType::Int64,
            merchant: CustomerType::String,
        };
        let written = dwell_settings(&asked, types);
        let read = parse_settings(JobKind::Dwell, &written).expect("all of them");
        assert_eq!(dwell_settings(&job(read), types), written);
        assert_eq!(event_types(&written), Some(types));
    }

    #[test]
    fn a_setting_that_is_gone_or_makes_no_sense_is_named() {
        let mut written = settings(&job(Settings::default()), false, None);
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
            "action_sources",
        ] {
            let before = std::mem::replace(&mut written[name], json!([[]]));
            assert_eq!(
                parse_settings(JobKind::Sequences, &written).err(),
                Some(name)
            );
            written[name] = before;
        }
        written
            .as_object_mut()
            .and_then(|members| members.shift_remove("pad"));
        assert_eq!(
            parse_settings(JobKind::Sequences, &written).err(),
            Some("pad")
        );
    }
}
