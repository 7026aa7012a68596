//! The hints at the end of error messages about data and outputs.
//!
//! **In / Out**: what was found → a [`Hint`], and its text. **Invariants**: a hint is chosen by what was
//! found, not by what was expected, and works when it is followed literally: tests follow each of
//! [`Hint::ALL`]. The values of a flag are documented by the flag, not by a hint. Hints about files of
//! other programs are in `catalog::foreign` and `catalog::tables`, and are tested there.

/// Declares the hints: when each is given, its name, and its text.
// One list makes all of this, so no hint can be missing in `ALL`, which the tests go through.
macro_rules! hints {
    ($($(#[$doc:meta])* $name:ident = $text:literal),+ $(,)?) => {
        /// A hint. In its text `{file}` and `{column}` stand for those of the error, and `{value}` for
        /// what was found, or would fit.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Hint {
            $($(#[$doc])* $name),+
        }

        impl Hint {
            /// All of them.
            pub const ALL: &[Hint] = &[$(Hint::$name),+];

            /// The name, for tests.
            pub fn name(self) -> &'static str {
                match self {
                    $(Hint::$name => stringify!($name)),+
                }
            }

            /// The text.
            pub fn text(self) -> &'static str {
                match self {
                    $(Hint::$name => $text),+
                }
            }
        }
    };
}

hints! {
    /// A row that cannot be used, where others of its file can.
    Quarantine = "--on-bad-row quarantine sets such rows aside and goes on",
    /// A column of which no row can be used.
    WholeColumn = "no row of the file is right there, so setting rows aside would leave none",
    /// More rows set aside than there may be.
    MaxBadRows = "raise --max-bad-rows, or leave out --on-bad-row quarantine to see the first of them",
    /// A customer that is text.
    TextCustomers = "--customer-type string reads any text",
    /// Customers that are text in some files, and integers in others.
    MixedCustomers = "--customer-type string takes both",
    /// Another id that is text.
    TextIds = "--id-type string reads texts and integers alike",
    /// An id that is a word for nobody.
    NullValues = "--null-values {value} takes it for nobody",
    /// Ids that are written as decimal numbers.
    WholeNumbers = "duckdb -c \"COPY (SELECT * REPLACE (CAST({column} AS BIGINT) AS {column}) FROM '{file}') TO '{file}.whole.parquet'\" writes whole numbers",
    /// Ids in scientific notation.
    LostDigits = "ids in scientific notation, and floating-point ids from 2^53 on, have lost digits; export them again as whole numbers or text",
    /// An item above 2^31 − 1.
    WideItems = "--item-type int64 has room for it",
    /// Too many items of texts for 32 bits.
    ManyItems = "--item-type int64 has room for more",
    /// An item that is text, below 1, or above 2^63 − 1.
    Vocabulary = "--item-vocabulary build takes any id, 0 and texts too",
    /// A text that may be several items, or actions.
    ItemSeparator = "--source {value} splits it",
    /// Elements of lists that are split, in a file that is no text.
    SplitAsText = "duckdb -c \"COPY (FROM '{file}') TO '{file}.ndjson' (FORMAT json)\" writes a file of which they are",
    /// Items without labels.
    ItemLabels = "--columns impressions.labels=COLUMN or impressions.clicked=COLUMN names their labels, --null-label keep goes without",
    /// A column of labels beside one of clicked items.
    LabelsOrClicked = "--columns impressions.labels=labels takes the labels, impressions.clicked=clicked the clicked items",
    /// A column that no file has by that name.
    Columns = "--columns {value}.NAME=COLUMN gives another name",
    /// A column whose name the user gave.
    GivenName = "correct the name that --columns, --available, --with, --keep or the job file gives it",
    /// The day that actions landed, which neither folders nor files have.
    AvailableColumn = "--available {value}=COLUMN names another column",
    /// A day that a path tells, but not by a folder `dt=`.
    DayFrom = "--source {value} reads it from the path",
    /// Another column that is the name of a folder.
    FolderKeys = "of folders only days are read; duckdb -c \"COPY (SELECT * FROM '{value}') TO 'flat.parquet'\" writes the others into a file",
    /// Clicks of `features` without users.
    ListingLabels = "--label-key listing makes labels without it",
    /// Impressions without labels.
    NoLabels = "--no-labels goes without labels",
    /// A second row of a listing.
    OneRowPerListing = "keep one row of each, such as by duckdb -c \"COPY (SELECT DISTINCT ON ({column}) * FROM '{file}') TO '{file}.once.parquet'\"",
    /// An integer where a time should be, and the unit that fits; what it would be stands behind it.
    TimeUnit = "--time-unit {value} reads this integer as",
    /// Integers where times should be, of which nothing is known.
    TimeUnits = "--time-unit s|ms|us|ns reads numbers",
    /// A time that could be of two days.
    TimeFormat = "--time-format {value} says how such times are written",
    /// An integer that reads as a day.
    WrittenDay = "a day is written 2025-08-15, or stored as a date",
    /// A column of such integers.
    DayNumbers = "make dates of them: duckdb -c \"COPY (SELECT * REPLACE (CAST(strptime(CAST({column} AS VARCHAR), '%Y%m%d') AS DATE) AS {column}) FROM '{file}') TO '{file}.dates.parquet'\"",
    /// Integer times that fit another unit.
    OtherUnit = "--time-unit {value} reads them as",
    /// Integer times that fit no unit, or are meant.
    AllowTimes = "--allow-unused takes them as they are",
    /// Wall times beside instants.
    Zone = "--timezone ZONE says what zone those without are of, also if that is UTC",
    /// Days that are cut in UTC, of times with other offsets.
    ZoneOfDays = "--timezone ZONE cuts days elsewhere, and --timezone UTC says that this is meant",
    /// A source that its folder lacks.
    Without = "--without {value} goes without them",
    /// A source that its folder lacks, and that must be there.
    NameSource = "name them with --{value} PATH",
    /// A file of no known format.
    Format = "--format parquet|csv|ndjson|json says so",
    /// A set in which no row counts.
    AllowUnused = "--allow-unused publishes it all the same",
    /// An output that is there.
    OutputExists = "--overwrite replaces it, --add-days adds days to it",
    /// A day that is there.
    DayExists = "--if-exists skip|replace says what to do",
    /// Attributes of actions that do not fit.
    FloatAttribute = "--with NAME:float32 rounds wider ones",
    /// Attributes of actions that are no integers.
    FloatAttributes = "--with NAME:float32 reads numbers",
    /// Inputs of relative paths that a set was made from, and that are nowhere.
    InputsFrom = "--inputs-from DIR names the folder that their paths start from",
    /// Inputs without which rows cannot be made once more.
    FilesOnly = "--audit-rows 0 leaves them out",
    /// Integers of impressions that do not fit.
    WideKept = "--keep NAME:int64 carries wider ones",
}

impl Hint {
    /// The text with a value in it.
    pub(crate) fn with(self, value: &str) -> String {
        self.text().replace("{value}", value)
    }
}

/// What was expected, with a hint in parentheses, if there is one.
pub(crate) fn expected(what: &str, hint: Option<String>) -> String {
    match hint {
        Some(hint) => format!("{what} ({hint})"),
        None => what.to_owned(),
    }
}

/// What reads quotes behind backslashes.
pub(crate) fn escape_hint(source: &str) -> String {
    format!("--source {source}.escape='\\' reads quotes behind backslashes, as Spark writes them")
}

/// A text with the names of the file and the column filled in.
pub(crate) fn placed(text: String, file: &str, column: &str) -> String {
    if text.contains('{') {
        text.replace("{file}", file).replace("{column}", column)
    } else {
        text
    }
}

/// Texts that programs write for null.
pub(crate) const NULL_WORDS: [&str; 10] = [
    "null",
    "NULL",
    "None",
    "NaN",
    "nan",
    "undefined",
    "N/A",
    "NA",
    "\\N",
    "<null>",
];

/// The shape of a value that should be an integer, as a message shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ValueShape {
    /// An integer, of any size.
    Integer,
    /// A whole number, written with decimals.
    Decimal,
    /// A number in scientific notation.
    Scientific,
    /// Another number, or one with spaces, signs or separators.
    Number,
    /// A word for null.
    NullWord,
    /// Another text.
    Text,
    /// Null, or neither text nor number.
    Other,
}

/// The prefix that messages write before a JSON string.
const JSON_TEXT: &str = "the text ";

/// The shape of a value. A value that is no number is text if it is quoted.
fn shape_of(shown: &str) -> ValueShape {
    let shown = shown.strip_prefix(JSON_TEXT).unwrap_or(shown);
    let is_quoted = shown.len() >= 2 && shown.starts_with('"') && shown.ends_with('"');
    let text = if is_quoted {
        &shown[1..shown.len() - 1]
    } else {
        shown
    };
    let is_integer = |text: &str| {
        let digits = text.strip_prefix('-').unwrap_or(text);
        !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
    };
    if is_integer(text) {
        return ValueShape::Integer;
    }
    // Messages show texts with escapes: `\N` is `\\N` there.
    if is_quoted && NULL_WORDS.contains(&text.replace("\\\\", "\\").as_str()) {
        return ValueShape::NullWord;
    }
    if let Some((whole, zeros)) = text.split_once('.')
        && is_integer(whole)
        && !zeros.is_empty()
        && zeros.bytes().all(|byte| byte == b'0')
    {
        return ValueShape::Decimal;
    }
    let bare: String = text
        .chars()
        .filter(|c| !matches!(c, ' ' | ',' | '+' | '_'))
        .collect();
    // The first character is looked at because `parse` takes `inf` and `nan` too, which are words
    // here.
    match bare.parse::<f64>() {
        Ok(_) if bare.starts_with(|c: char| c.is_ascii_digit() || c == '-') => {
            if bare.contains(['e', 'E']) {
                ValueShape::Scientific
            } else {
                ValueShape::Number
            }
        }
        _ if is_quoted => ValueShape::Text,
        _ => ValueShape::Other,
    }
}

/// The hint on a value that is no integer id; `text` is the hint for texts.
pub(crate) fn on_id(found: &str, text: Hint) -> Option<String> {
    let word = || {
        let bare = found.strip_prefix(JSON_TEXT).unwrap_or(found);
        bare.trim_matches('"').replace("\\\\", "\\")
    };
    match shape_of(found) {
        ValueShape::Decimal if has_lost_digits(found) => Some(Hint::LostDigits.text().to_owned()),
        ValueShape::Decimal => Some(Hint::WholeNumbers.text().to_owned()),
        ValueShape::Scientific => Some(Hint::LostDigits.text().to_owned()),
        ValueShape::NullWord => Some(Hint::NullValues.with(&quoted_word(&word()))),
        ValueShape::Integer | ValueShape::Text => Some(text.text().to_owned()),
        // Read as text it would be another id than the intended number.
        ValueShape::Number | ValueShape::Other => None,
    }
}

/// The hint on a value that is no id of text: a number, of which nobody knows how its id is written.
pub(crate) fn on_text_id(found: &str) -> Option<String> {
    let is_number = shape_of(found) == ValueShape::Decimal;
    is_number.then(|| Hint::WholeNumbers.text().to_owned())
}

/// The integer of a whole number that is written with decimals.
fn whole_part(shown: &str) -> Option<i64> {
    let number = shown.strip_prefix(JSON_TEXT).unwrap_or(shown);
    let (whole, _) = number.trim_matches('"').split_once('.')?;
    whole.parse().ok()
}

/// Whether a whole number that is written with decimals is so large that floats skip integers there.
fn has_lost_digits(shown: &str) -> bool {
    whole_part(shown).is_none_or(|whole| whole.unsigned_abs() >= 1 << 53)
}

/// A word, quoted for a shell if necessary.
fn quoted_word(word: &str) -> String {
    if word.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        word.to_owned()
    } else {
        format!("'{word}'")
    }
}

/// The hint on a value that is no 32-bit item id, or no 64-bit one if `is_wide`.
pub(crate) fn on_item(found: &str, is_wide: bool) -> Option<String> {
    let hint = match shape_of(found) {
        ValueShape::Integer => {
            let id: Option<i64> = found.trim_matches('"').parse().ok();
            match id {
                // A JSON text of digits is no integer of any width. Beyond 64 bits, `parse` has
                // failed.
                Some(1..) if !is_wide && !found.starts_with(JSON_TEXT) => Hint::WideItems,
                _ => Hint::Vocabulary,
            }
        }
        ValueShape::Text => Hint::Vocabulary,
        ValueShape::Decimal if has_lost_digits(found) => Hint::LostDigits,
        ValueShape::Decimal if !is_wide && whole_part(found) > Some(0) => Hint::WideItems,
        ValueShape::Decimal => Hint::WholeNumbers,
        ValueShape::Scientific => Hint::LostDigits,
        ValueShape::NullWord | ValueShape::Number | ValueShape::Other => return None,
    };
    Some(hint.text().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hint_is_chosen_by_what_was_found() {
        for (found, name) in [
            ("\"abc\"", Some(Hint::TextCustomers)),
            ("the text \"abc\"", Some(Hint::TextCustomers)),
            ("the text \"7\"", Some(Hint::TextCustomers)),
            ("the text \"101.0\"", Some(Hint::WholeNumbers)),
            ("\"u-1\"", Some(Hint::TextCustomers)),
            ("18446744073709551615", Some(Hint::TextCustomers)),
            ("\"101.0\"", Some(Hint::WholeNumbers)),
            ("101.0", Some(Hint::WholeNumbers)),
            ("\"1.2E+08\"", Some(Hint::LostDigits)),
            ("\"9007199254740992.0\"", Some(Hint::LostDigits)),
            ("\" 101\"", None),
            ("\"1,101\"", None),
            ("101.5", None),
            ("null", None),
            ("true", None),
        ] {
            let expected = name.map(|hint| hint.text().to_owned());
            assert_eq!(on_id(found, Hint::TextCustomers), expected, "{found}");
        }
        for (found, word) in [
            ("\"NULL\"", "NULL"),
            ("\"\\\\N\"", "'\\N'"),
            ("\"N/A\"", "'N/A'"),
        ] {
            let hint = on_id(found, Hint::TextIds).expect("a hint");
            assert_eq!(hint, Hint::NullValues.with(word), "{found}");
        }
    }

    #[test]
    fn items_are_widened_only_where_that_is_enough() {
        for (found, is_wide, hint) in [
            ("2147483648", false, Some(Hint::WideItems)),
            ("2147483648", true, Some(Hint::Vocabulary)),
            ("0", false, Some(Hint::Vocabulary)),
            ("the text \"7\"", false, Some(Hint::Vocabulary)),
            ("-5", true, Some(Hint::Vocabulary)),
            ("9223372036854775808", false, Some(Hint::Vocabulary)),
            ("\"sku-1\"", false, Some(Hint::Vocabulary)),
            ("\"0.0\"", false, Some(Hint::WholeNumbers)),
            ("\"3000000000.0\"", false, Some(Hint::WideItems)),
            ("9007199254740992.0", true, Some(Hint::LostDigits)),
            ("null", false, None),
        ] {
            let expected = hint.map(|hint| hint.text().to_owned());
            assert_eq!(on_item(found, is_wide), expected, "{found}");
        }
    }
}
