//! Warnings: what a person should look at, although the run goes on.
//!
//! **In / Out**: what was noticed → [`Warning`]s, in the summary of a run, in its metrics, on its page,
//! in `plan` and `verify`. **Invariants**: a function of the input and the settings alone, as all of the
//! metrics are; those that `--no-warn` names are told nowhere.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::job::{Source, WarningCode};

/// Something that a person should look at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Warning {
    /// What it is about.
    pub code: WarningCode,
    /// The source, if it is about one.
    pub source: Option<Source>,
    /// A sentence that says what was found, and what to do.
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

    /// The same warning with a number, or another value, by its name.
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
    /// A sentence that says what was found, and what to do.
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

/// What a run noticed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Noticed {
    /// What a person should look at.
    pub(crate) warnings: Vec<Warning>,
    /// Sources of which no row came to anything, silenced or not.
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
    warnings.sort_by_key(|warning| (warning.code, warning.source));
    warnings
}

/// Warnings as the metrics have them.
pub(crate) fn entries(warnings: &[Warning]) -> Vec<WarningEntry> {
    warnings.iter().map(WarningEntry::from).collect()
}
