//! Codes of warnings, which `--no-warn` silences.

/// What a warning is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
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
    /// All of them.
    pub const ALL: [WarningCode; 9] = [
        WarningCode::UnusedSource,
        WarningCode::UnmatchedListings,
        WarningCode::OneLabel,
        WarningCode::UtcDays,
        WarningCode::OldTimes,
        WarningCode::Repeats,
        WarningCode::NullWords,
        WarningCode::FloatIds,
        WarningCode::SkippedFiles,
    ];

    /// The word for it, in flags and files.
    pub fn name(self) -> &'static str {
        match self {
            WarningCode::UnusedSource => "unused_source",
            WarningCode::UnmatchedListings => "unmatched_listings",
            WarningCode::OneLabel => "one_label",
            WarningCode::UtcDays => "utc_days",
            WarningCode::OldTimes => "old_times",
            WarningCode::Repeats => "repeats",
            WarningCode::NullWords => "null_words",
            WarningCode::FloatIds => "float_ids",
            WarningCode::SkippedFiles => "skipped_files",
        }
    }

    /// The code of a word; `None` for any other.
    pub fn named(name: &str) -> Option<WarningCode> {
        WarningCode::ALL.into_iter().find(|of| of.name() == name)
    }

    /// The code of a word, for flags.
    ///
    /// # Errors
    /// For any other word, naming those that there are.
    pub fn parse(name: &str) -> Result<WarningCode, String> {
        WarningCode::named(name).ok_or_else(|| {
            let known = WarningCode::ALL.map(WarningCode::name).join(", ");
            format!("expected one of {known}")
        })
    }
}
