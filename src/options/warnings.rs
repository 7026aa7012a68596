//! The codes of warnings, by which `--no-warn` suppresses them.

use serde::{Deserialize, Serialize};

use super::words::{value_of, words};

/// What a warning is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum WarningCode {
    /// A source without effect on the output.
    UnusedSource,
    /// No listing matches an impression.
    UnmatchedListings,
    /// All samples have the same label.
    OneLabel,
    /// Days are those of UTC, although times have other offsets.
    UtcDays,
    /// Some integer times of a source are before 1990.
    OldTimes,
    /// More than 1 % of the rows repeat another one.
    Repeats,
    /// Ids that are words for a missing value, such as `null`.
    NullWords,
    /// Ids such as `101.0` next to `101`.
    FloatIds,
    /// Files that look like copies in progress were skipped.
    SkippedFiles,
}

impl WarningCode {
    /// Its word in flags and files.
    pub fn name(self) -> &'static str {
        // In the order of declaration, as serde has the words; warnings are reported in that order,
        // too.
        words::<WarningCode>()[self as usize]
    }

    /// Parses the word of a code.
    ///
    /// # Errors
    /// For any other word, listing the known ones.
    pub fn parse(name: &str) -> Result<WarningCode, String> {
        let known = || words::<WarningCode>().join(", ");
        value_of(name).ok_or_else(|| format!("expected one of {}", known()))
    }
}
