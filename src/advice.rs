//! What to do about what went wrong: the hints that messages about data and outputs end with.
//!
//! **In / Out**: what was found → a [`Hint`], and its words. **Invariants**: a hint is chosen by what was
//! found, not by what was looked for, and works when it is followed to the letter: the tests follow each,
//! and hold their list to [`Hint::ALL`]. What flags take is told by the flags, and is no hint; files of
//! other programs have their ways out in `scan::foreign` and `scan::tables`, whose tests follow these.

/// Declares the hints: when each is given, its name, and its words.
macro_rules! hints {
    ($($(#[$doc:meta])* $name:ident = $text:literal),+ $(,)?) => {
        /// A hint. In its words `{file}` and `{column}` stand for those at fault, and `{value}` for what
        /// was found, or would fit.
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

            /// The words.
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
    LostDigits = "ids in scientific notation have lost digits; export them again as whole numbers or text",
    /// An item above 2^31 − 1.
    WideItems = "--item-type int64 has room for it",
    /// Too many items of texts for 32 bits.
    ManyItems = "--item-type int64 has room for more",
    /// An item that is text, below 1, or above 2^63 − 1.
    Vocabulary = "--item-vocabulary build takes any id, 0 and texts too",
    /// A column that no file has by that name.
    Columns = "--columns {value}.NAME=COLUMN tells another name",
    /// A column whose name the user gave.
    GivenName = "correct the name that --columns, --available, --with or the job file gives it",
    /// The day that actions landed, which neither folders nor files have.
    AvailableColumn = "--available {value}=COLUMN names another column",
    /// A day that folders of another spelling tell.
    RenameFolders = "of folders only dt=YYYY-MM-DD tells the day: rename {value} so",
    /// Another column that is the name of a folder.
    FolderKeys = "of folders only dt=YYYY-MM-DD tells something; duckdb -c \"COPY (SELECT * FROM '{value}') TO 'flat.parquet'\" writes the others into a file",
    /// A column inside another one.
    NestedField = "fields inside others are not read; duckdb -c \"COPY (SELECT *, {value} AS {column} FROM '{file}') TO '{file}.flat.parquet'\" makes it a column",
    /// Clicks of `features` without users.
    ListingLabels = "--label-key listing makes labels without it",
    /// A second row of a listing.
    OneRowPerListing = "keep one row of each, such as by duckdb -c \"COPY (SELECT DISTINCT ON ({column}) * FROM '{file}') TO '{file}.once.parquet'\"",
    /// An integer where a time should be, and the unit that fits; what it would be stands behind it.
    TimeUnit = "--time-unit {value} reads this integer as",
    /// Integers where times should be, of which nothing is known.
    TimeUnits = "--time-unit s|ms|us|ns reads integers",
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
    /// A set in which nothing came to anything.
    AllowUnused = "--allow-unused publishes it all the same",
    /// An output that is there.
    OutputExists = "--overwrite replaces it, --add-days adds days to it",
    /// A day that is there.
    DayExists = "--if-exists skip|replace says what to do",
    /// Attributes of actions that do not fit.
    FloatAttribute = "--with NAME:float32 rounds wider ones",
    /// Attributes of actions that are no integers.
    FloatAttributes = "--with NAME:float32 tells numbers",
    /// Inputs of relative paths that a set was made from, and that are nowhere.
    InputsFrom = "--inputs-from DIR names the folder that their paths start from",
    /// Inputs without which rows cannot be made once more.
    FilesOnly = "--audit-rows 0 leaves them out",
    /// Integers of impressions that do not fit.
    WideKept = "--keep NAME:int64 carries wider ones",
}

impl Hint {
    /// The words, with a value in them.
    pub(crate) fn with(self, value: &str) -> String {
        self.text().replace("{value}", value)
    }
}

/// What was expected, and the hint on it, if there is one.
pub(crate) fn expected(what: &str, hint: Option<String>) -> String {
    match hint {
        Some(hint) => format!("{what} ({hint})"),
        None => what.to_owned(),
    }
}

/// What was expected, with the names of the file and the column that are at fault.
pub(crate) fn placed(text: String, file: &str, column: &str) -> String {
    match text.contains('{') {
        true => text.replace("{file}", file).replace("{column}", column),
        false => text,
    }
}

/// Texts that programs write where there is nothing.
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

/// What a value is that should be an integer, as a message shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shape {
    /// An integer, of any size.
    Integer,
    /// A whole number, written with decimals.
    Decimal,
    /// A number in scientific notation.
    Scientific,
    /// Another number, or one in other words: with spaces, signs or separators.
    Number,
    /// A word for nothing.
    NullWord,
    /// Another text.
    Text,
    /// Null, or what is neither text nor number.
    Other,
}

/// What messages write before a text in quotes of JSON.
const JSON_TEXT: &str = "the text ";

/// The shape of a value; whether it is text decides about what is no number.
fn shape_of(shown: &str) -> Shape {
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
        return Shape::Integer;
    }
    if is_quoted && NULL_WORDS.contains(&text.replace("\\\\", "\\").as_str()) {
        return Shape::NullWord;
    }
    if let Some((whole, zeros)) = text.split_once('.')
        && is_integer(whole)
        && !zeros.is_empty()
        && zeros.bytes().all(|byte| byte == b'0')
    {
        return Shape::Decimal;
    }
    let bare: String = text
        .chars()
        .filter(|c| !matches!(c, ' ' | ',' | '+' | '_'))
        .collect();
    match bare.parse::<f64>() {
        Ok(_) if bare.starts_with(|c: char| c.is_ascii_digit() || c == '-') => {
            match bare.contains(['e', 'E']) {
                true => Shape::Scientific,
                false => Shape::Number,
            }
        }
        _ if is_quoted => Shape::Text,
        _ => Shape::Other,
    }
}

/// The hint on what is no integer id; `text` is that for texts.
pub(crate) fn on_id(found: &str, text: Hint) -> Option<String> {
    let word = || {
        let bare = found.strip_prefix(JSON_TEXT).unwrap_or(found);
        bare.trim_matches('"').replace("\\\\", "\\")
    };
    match shape_of(found) {
        Shape::Decimal => Some(Hint::WholeNumbers.text().to_owned()),
        Shape::Scientific => Some(Hint::LostDigits.text().to_owned()),
        Shape::NullWord => Some(Hint::NullValues.with(&quoted_word(&word()))),
        Shape::Integer | Shape::Text => Some(text.text().to_owned()),
        // As text it would be another id than the number that was meant.
        Shape::Number | Shape::Other => None,
    }
}

/// A word as a shell takes it.
fn quoted_word(word: &str) -> String {
    match word.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        true => word.to_owned(),
        false => format!("'{word}'"),
    }
}

/// The hint on what is no id of an item of 32 bits, or of 64.
pub(crate) fn on_item(found: &str, is_wide: bool) -> Option<String> {
    let hint = match shape_of(found) {
        Shape::Integer => {
            let id: Option<i64> = found.trim_matches('"').parse().ok();
            match id {
                Some(1..) if !is_wide && !found.starts_with(JSON_TEXT) => Hint::WideItems,
                _ => Hint::Vocabulary,
            }
        }
        Shape::Text => Hint::Vocabulary,
        Shape::Decimal => Hint::WholeNumbers,
        Shape::Scientific => Hint::LostDigits,
        Shape::NullWord | Shape::Number | Shape::Other => return None,
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
            ("\"7.0\"", false, Some(Hint::WholeNumbers)),
            ("null", false, None),
        ] {
            let expected = hint.map(|hint| hint.text().to_owned());
            assert_eq!(on_item(found, is_wide), expected, "{found}");
        }
    }
}
