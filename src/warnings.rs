//! Warnings: what a user should look at, although the run goes on.
//!
//! **In / Out**: findings → [`Warning`]s, in the summary of a run, in its metrics, in the HTML report,
//! in `plan` and `verify`. **Invariants**: warnings are a function of the input and the settings alone,
//! as all metrics are; those that `--no-warn` names appear nowhere.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::job::{Source, WarningCode};

/// A warning.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Warning {
    /// The kind of warning.
    pub code: WarningCode,
    /// The source, if it is about one.
    pub source: Option<Source>,
    /// A sentence that says what was found and what to do.
    pub text: String,
    /// The numbers of the text, by name, for the metrics.
    #[serde(skip)]
    details: Map<String, Value>,
}

impl Warning {
    /// A warning about a source, or about none.
    pub(crate) fn new(
        code: WarningCode,
        source: impl Into<Option<Source>>,
        text: impl Into<String>,
    ) -> Warning {
        Warning {
            code,
            source: source.into(),
            text: text.into(),
            details: Map::new(),
        }
    }

    /// The same warning with one more detail.
    #[must_use]
    pub(crate) fn with(mut self, name: &str, value: impl Into<Value>) -> Warning {
        self.details.insert(name.to_owned(), value.into());
        self
    }
}

/// A warning in the metrics, with its numbers by name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct WarningEntry {
    pub(crate) code: String,
    /// The source, if it is about one.
    pub(crate) source: Option<String>,
    /// A sentence that says what was found and what to do.
    pub(crate) text: String,
    /// The numbers of the text, by name.
    #[serde(flatten)]
    details: Map<String, Value>,
}

impl From<&Warning> for WarningEntry {
    fn from(warning: &Warning) -> WarningEntry {
        WarningEntry {
            code: warning.code.name().to_owned(),
            source: warning.source.map(|source| source.name().to_owned()),
            text: warning.text.clone(),
            details: warning.details.clone(),
        }
    }
}

impl WarningEntry {
    /// The warning; nothing if a later version wrote it, and this one does not know its code.
    fn warning(self) -> Option<Warning> {
        Some(Warning {
            code: WarningCode::parse(&self.code).ok()?,
            source: self.source.as_deref().and_then(Source::named),
            text: self.text,
            details: self.details,
        })
    }
}

/// The findings of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Noticed {
    pub(crate) warnings: Vec<Warning>,
    /// The number of sources of which no row was used, silenced or not.
    pub(crate) unused_sources: u64,
}

impl Noticed {
    /// The same with more warnings, but without those that are silenced.
    pub(crate) fn told(
        mut self,
        silenced: &[WarningCode],
        more: impl IntoIterator<Item = Warning>,
    ) -> Noticed {
        self.warnings.extend(more);
        self.warnings = told(silenced, self.warnings);
        self
    }
}

/// The warnings that are not silenced, by code and source.
pub(crate) fn told(silenced: &[WarningCode], mut warnings: Vec<Warning>) -> Vec<Warning> {
    warnings.retain(|warning| !silenced.contains(&warning.code));
    // A stable sort: warnings of one code and source stay in the order in which they were found.
    warnings.sort_by_key(|warning| (warning.code, warning.source));
    warnings
}

/// Adds the warnings of the next shard; each is there once, as shards that read the same rows have the same.
pub(crate) fn merge_entries(own: &mut Vec<WarningEntry>, next: Vec<WarningEntry>) {
    for warning in next {
        if !own.contains(&warning) {
            own.push(warning);
        }
    }
}

/// The warnings that are known by their codes.
pub(crate) fn of_entries(entries: &[WarningEntry]) -> Vec<Warning> {
    let entries = entries.iter().cloned();
    entries.filter_map(WarningEntry::warning).collect()
}

/// Warnings as the metrics have them.
pub(crate) fn entries(warnings: &[Warning]) -> Vec<WarningEntry> {
    warnings.iter().map(WarningEntry::from).collect()
}
