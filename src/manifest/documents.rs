//! The manifests as types: `_manifest.json` of a set, and of each of its days.
//!
//! **Invariants**: fields are written in the order of the struct. Unknown members are ignored; those that
//! sets of an earlier version lack have a default.

use std::fmt;

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::of_dwell::EventFindings;
use crate::ids::Day;
use crate::job::{Format, JobKind};
use crate::publish::Part;
use crate::store::local::DigestOf;

/// What every document starts with: the program and its version.
pub(crate) const MADE_BY: &str = concat!("hitherto ", env!("CARGO_PKG_VERSION"));

/// Counts by name, which add up over days.
pub(crate) type CountsByName = IndexMap<String, u64>;

/// What a document is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Scope {
    /// A day of a set.
    Day,
    /// A set.
    Whole,
}

/// The manifest of a set; `C` are its counts, `A` are the findings outside the impressions.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Manifest<C = CountsByName, A = Findings> {
    pub(crate) made_by: String,
    pub(crate) job: JobKind,
    pub(crate) of: Scope,
    pub(crate) settings: Value,
    pub(crate) counts: C,
    /// Of the latest day, as runs of several days share them: null without days, not there for `dwell`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) actions: Option<Option<A>>,
    pub(crate) days: SetDays,
    pub(crate) parts: Vec<FileEntry>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) vocabulary: Option<VocabularyEntry>,
    pub(crate) inputs: Vec<Input>,
    /// By the digest of a list of files, half-open ranges of `inputs`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) action_inputs: Option<InputRanges>,
    #[serde(default)]
    pub(crate) empty_inputs: usize,
    pub(crate) quarantine: Vec<FileEntry>,
}

/// The manifest of a day; `C` are its counts, `A` are the findings outside the impressions.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct DayManifest<C = CountsByName, A = Findings> {
    pub(crate) made_by: String,
    pub(crate) job: JobKind,
    pub(crate) of: Scope,
    pub(crate) day: Day,
    pub(crate) settings: Value,
    pub(crate) counts: C,
    /// The earliest and the latest cutoff, if there is a row.
    pub(crate) cutoffs: Option<[String; 2]>,
    pub(crate) actions: A,
    pub(crate) parts: Vec<FileEntry>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) vocabulary: Option<VocabularyItems>,
    /// The files of its impressions.
    pub(crate) inputs: Vec<Input>,
    /// The files of the other sources, which the manifest of the set lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) action_inputs: Option<ActionInputs>,
    #[serde(default)]
    pub(crate) empty_inputs: usize,
    pub(crate) quarantine: Vec<FileEntry>,
}

/// What the manifests of a set and of a day have in common.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub(crate) struct AnyManifest {
    pub(crate) made_by: String,
    pub(crate) job: JobKind,
    pub(crate) of: Scope,
    pub(crate) day: Option<Day>,
    pub(crate) settings: Value,
    /// Of a set, its days.
    pub(crate) days: Option<SetDays>,
    pub(crate) parts: Vec<FileEntry>,
    pub(crate) quarantine: Vec<FileEntry>,
    pub(crate) xxh64: String,
}

/// The days of a set.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub(crate) enum SetDays {
    // Untagged, so only the form tells: `[]` is a set without days, `null` a `dwell` without rows.
    /// Each, in order.
    Each(Vec<DayEntry>),
    /// The first and the last day of the rows of `dwell`, if there are rows.
    Range(Option<(Day, Day)>),
}

/// A day in the manifest of its set.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct DayEntry {
    pub(crate) day: Day,
    pub(crate) counts: CountsByName,
    pub(crate) cutoffs: Option<[String; 2]>,
}

/// A file of the set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct FileEntry {
    /// Its path from the folder of the manifest.
    pub(crate) path: String,
    pub(crate) rows: u64,
    pub(crate) row_groups: u64,
    pub(crate) bytes: u64,
    pub(crate) xxh64: Xxh64,
}

/// The vocabulary of items in the manifest of a set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct VocabularyEntry {
    #[serde(flatten)]
    pub(crate) file: FileEntry,
    #[serde(flatten)]
    pub(crate) items: VocabularyItems,
}

/// The items of a vocabulary: how many, and their digest. Later runs may append more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct VocabularyItems {
    #[serde(rename = "items")]
    pub(crate) count: u64,
    #[serde(rename = "xxh64_of_items")]
    pub(crate) xxh64: Xxh64,
}

/// A file of input.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Input {
    pub(crate) source: String,
    /// Its path, as the run was given it.
    pub(crate) path: String,
    pub(crate) format: Format,
    pub(crate) bytes: u64,
    pub(crate) xxh64: Xxh64,
    pub(crate) xxh64_of: DigestOf,
    /// 0 if it is known to have none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) rows: Option<u64>,
    /// Of a relative path the folder that it starts from, as seen from the set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) from: Option<String>,
}

/// By the digest of a list of files, half-open ranges of the inputs of a set.
pub(crate) type InputRanges = IndexMap<Xxh64, Vec<[usize; 2]>>;

/// The files that a day was made from, but for its impressions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ActionInputs {
    pub(crate) files: usize,
    pub(crate) xxh64_of_list: Xxh64,
}

/// The findings of a run outside the impressions.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub(crate) enum Findings {
    // First, as its members are required: `ActionFindings` has a default for each of its own, and
    // takes any other name for that of a source.
    /// Of `features`.
    Clicks(ClickFindings),
    /// Of `dwell`, by day.
    Events(EventFindings),
    /// Of `sequences`.
    Actions(ActionFindings),
}

/// The findings of `features` outside the impressions.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct ClickFindings {
    pub(crate) clicks: ClickCounts,
    pub(crate) listings: ListingCounts,
    pub(crate) impressions_rejected: u64,
}

/// Rows of clicks.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct ClickCounts {
    pub(crate) rows: u64,
    pub(crate) without_user: u64,
    /// Not known of sets of an earlier version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) on_listings: Option<u64>,
    /// Of these; not known of sets of an earlier version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) repeated: Option<u64>,
    pub(crate) rejected: u64,
    pub(crate) latest: Option<String>,
}

/// Rows of listings.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct ListingCounts {
    pub(crate) rows: u64,
    pub(crate) rejected: u64,
}

/// The findings of `sequences` among the actions.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct ActionFindings {
    #[serde(flatten)]
    pub(crate) sources: SourceFindings,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) unknown_items_left_out: Option<u64>,
    pub(crate) duplicates_in_histories: u64,
    pub(crate) repeats_left_out: u64,
    pub(crate) ties_in_histories: u64,
    /// The time of the oldest and of the newest action.
    pub(crate) times_in_histories: Option<[String; 2]>,
}

/// The same, by source and by type.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct SourceFindings {
    #[serde(flatten)]
    pub(crate) by_source: IndexMap<String, ActionCounts>,
    /// Actions in histories by code, where a source has several types or shares its one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) types_in_histories: Option<IndexMap<String, u64>>,
}

/// Rows of a source of actions.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct ActionCounts {
    pub(crate) rows: u64,
    pub(crate) null_customers: u64,
    pub(crate) never_available: u64,
    pub(crate) rejected: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) filtered: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) without_code: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) of_other_types: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) in_histories: Option<u64>,
}

/// The counts of a day of `sequences`: of impressions and of rows.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct SequenceDayCounts {
    pub(crate) impressions: u64,
    pub(crate) guests: u64,
    pub(crate) guests_dropped: u64,
    pub(crate) impressions_without_items: u64,
    pub(crate) impressions_rejected: u64,
    pub(crate) duplicate_impressions: u64,
    pub(crate) items: u64,
    pub(crate) null_labels: u64,
    pub(crate) unknown_items: u64,
    pub(crate) negatives_left_out: u64,
    pub(crate) impressions_sampled_away: u64,
    pub(crate) rows: u64,
    pub(crate) samples: u64,
    pub(crate) samples_without_history: u64,
    pub(crate) samples_with_full_history: u64,
    pub(crate) history_actions: u64,
}

/// The counts of the rows of a day of `features`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct FeatureDayCounts {
    pub(crate) rows: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) clicked_by_user: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) clicked_by_anybody: Option<u64>,
    pub(crate) label_incomplete: u64,
    pub(crate) unknown_listings: u64,
    pub(crate) negative_ages: u64,
}

/// An XXH64, written as sixteen hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) struct Xxh64(pub(crate) u64);

impl fmt::Display for Xxh64 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl From<Xxh64> for String {
    fn from(hash: Xxh64) -> String {
        hash.to_string()
    }
}

impl TryFrom<String> for Xxh64 {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Xxh64, &'static str> {
        let digits = Some(&text).filter(|text| text.len() == 16);
        let hash = digits.and_then(|digits| u64::from_str_radix(digits, 16).ok());
        hash.map(Xxh64).ok_or("expected sixteen hexadecimal digits")
    }
}

impl From<&Part> for FileEntry {
    fn from(part: &Part) -> FileEntry {
        FileEntry {
            path: part.name.clone(),
            rows: part.rows,
            row_groups: part.row_groups,
            bytes: part.bytes,
            xxh64: Xxh64(part.checksum),
        }
    }
}

impl VocabularyEntry {
    /// The vocabulary of a file, with the digest of its items.
    pub(crate) fn new(file: &Part, digest: u64) -> VocabularyEntry {
        VocabularyEntry {
            file: file.into(),
            items: VocabularyItems {
                count: file.rows,
                xxh64: Xxh64(digest),
            },
        }
    }
}

impl VocabularyEntry {
    /// The file.
    pub(crate) fn part(&self) -> Part {
        Part {
            name: self.file.path.clone(),
            rows: self.file.rows,
            row_groups: self.file.row_groups,
            bytes: self.file.bytes,
            checksum: self.file.xxh64.0,
        }
    }
}

impl From<&DayManifest> for DayEntry {
    fn from(manifest: &DayManifest) -> DayEntry {
        DayEntry {
            day: manifest.day,
            counts: manifest.counts.clone(),
            cutoffs: manifest.cutoffs.clone(),
        }
    }
}

impl SetDays {
    /// The days, but for those of `dwell` in tables of all days.
    pub(crate) fn entries(&self) -> &[DayEntry] {
        match self {
            SetDays::Each(days) => days,
            SetDays::Range(_) => &[],
        }
    }
}

impl Findings {
    /// The counts of clicks, of `features`.
    pub(crate) fn clicks(&self) -> Option<&ClickCounts> {
        match self {
            Findings::Clicks(findings) => Some(&findings.clicks),
            Findings::Events(_) | Findings::Actions(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::RESERVED_NAMES;

    #[test]
    fn days_and_findings_of_all_jobs_are_distinguished() {
        let days = |text: &str| serde_json::from_str::<SetDays>(text).expect("days");
        assert_eq!(days("null"), SetDays::Range(None));
        assert_eq!(days("[]"), SetDays::Each(Vec::new()));
        let range = SetDays::Range(Some((Day(0), Day(1))));
        assert_eq!(days(r#"["1970-01-01", "1970-01-02"]"#), range);
        let findings = |text: &str| serde_json::from_str::<Findings>(text).expect("findings");
        let clicks = r#"{"clicks": {"rows": 3}, "listings": {}, "impressions_rejected": 0}"#;
        assert_eq!(findings(clicks).clicks().map(|clicks| clicks.rows), Some(3));
        let actions = r#"{"clicks": {"rows": 3}, "types_in_histories": {"7": 1}}"#;
        assert_eq!(findings(actions).clicks(), None);
        let events = r#"{"events": {"rows": 3, "opens": 1, "duplicate_events": 0, "null_users": 0,
            "null_flyers": 0, "null_merchants": 0, "rejected": 0}}"#;
        assert!(matches!(findings(events), Findings::Events(_)));
        // A declared log may be called so, too.
        let log = findings(r#"{"events": {"rows": 3, "null_customers": 1}}"#);
        assert!(matches!(log, Findings::Actions(_)));
    }

    #[test]
    fn no_source_has_the_name_of_another_count_of_actions() {
        let all = ActionFindings {
            sources: SourceFindings {
                types_in_histories: Some(IndexMap::new()),
                ..SourceFindings::default()
            },
            unknown_items_left_out: Some(0),
            ..ActionFindings::default()
        };
        let all = serde_json::to_value(all).expect("JSON");
        let members = all.as_object().expect("an object").keys();
        assert!(members.eq(RESERVED_NAMES), "{all}");
    }
}
