//! Codes of warnings, which `--no-warn` silences.

use serde::{Deserialize, Serialize};

use super::words::{value_of, words};

/// What a warning is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum WarningCode {
    /// A source of which no row came to anything.
    UnusedSource,
    /// Listings that no impression asks about.
    UnmatchedListings,
    /// All samples have the same label.
    OneLabel,
    /// Days are cut in UTC, though times have other offsets.
    UtcDays,
    /// Some integer times of a source are before 1990.
    OldTimes,
    /// More than 1 % of the rows repeat another one.
    Repeats,
    /// Ids that are words for nobody, such as `null`.
    NullWords,
    /// Ids such as `101.0` beside `101`.
    FloatIds,
    /// Files that look like copies in progress were skipped.
    SkippedFiles,
}

impl WarningCode {
    /// The word for it, in flags and files.
    pub fn name(self) -> &'static str {
        words::<WarningCode>()[self as usize]
    }

    /// The code of a word, for flags.
    ///
    /// # Errors
    /// For any other word, naming those that there are.
    pub fn parse(name: &str) -> Result<WarningCode, String> {
        let known = || words::<WarningCode>().join(", ");
        value_of(name).ok_or_else(|| format!("expected one of {}", known()))
    }
}
