//! What a survey says of files: records, columns, and what their values have in common.

use serde_json::{Map, Value};

use crate::job::{Format, TimeUnit};

/// A record: values by the names of columns. In CSV all values are texts, or null.
pub(super) type Row = Map<String, Value>;

/// The first records of a file.
#[derive(Clone, Debug, Default)]
pub(super) struct FirstRecords {
    /// The format; `None` of no file.
    pub(super) format: Option<Format>,
    /// The names of the columns, in the order of the file; of JSON in that of the first records.
    pub(super) columns: Vec<String>,
    /// The records.
    pub(super) rows: Vec<Row>,
    /// How its text is laid out, if it is CSV.
    pub(super) layout: TextLayout,
}

/// How the CSV of a file is laid out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TextLayout {
    /// What separates its fields.
    pub delimiter: String,
    /// The first line is a record, and columns are called `column_1`, `column_2` and so on.
    pub is_headless: bool,
    /// A quote inside quotes stands behind a backslash.
    pub has_backslashes: bool,
}

/// A column, and what its first values have in common.
#[derive(Clone, Debug, Default)]
pub struct SurveyedColumn {
    /// Its name; of a field inside others their names and its own, with dots between them.
    pub name: String,
    /// The records that have a value.
    pub values: u64,
    /// The distinct words, sorted, each with the number of its records; 1,000 at most.
    pub words: Vec<(String, u64)>,
    /// There are values, and each is a whole number, also as `101.0` or as a text of digits.
    pub is_whole: bool,
    /// There are values, and each is a number.
    pub is_number: bool,
    /// It is a column of texts in a file whose schema says so.
    pub is_text: bool,
    /// The smallest and the largest of whole numbers.
    pub range: Option<(i64, i64)>,
    /// Whether values are times, by what they look like.
    pub time: SurveyedTime,
    /// Of lists: what is in them.
    pub list: Option<SurveyedList>,
}

/// Whether the values of a column are times.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SurveyedTime {
    /// They are none.
    #[default]
    None,
    /// Texts with an offset, or times of Parquet that are instants.
    Instants,
    /// Texts without an offset.
    Walls,
    /// Texts, some with an offset and some without.
    Texts,
    /// Of this format of `strptime`, which no other rule knows: texts, or integers such as 20250815.
    Formatted(&'static str),
    /// Days.
    Days,
    /// Integers of this size.
    Integers(TimeUnit),
    /// Integers that are times in one unit or another.
    MixedIntegers,
}

impl SurveyedTime {
    /// Whether it can be read as a time.
    pub fn is_readable(self) -> bool {
        !matches!(self, SurveyedTime::None | SurveyedTime::MixedIntegers)
    }
}

/// What is in the lists of a column.
#[derive(Clone, Debug)]
pub struct SurveyedList {
    /// How they are written.
    pub kind: ListKind,
    /// Of objects the fields; of other elements one column without a name.
    pub fields: Vec<SurveyedColumn>,
}

/// How lists are written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ListKind {
    /// Arrays of objects.
    Objects,
    /// Arrays of ids or labels.
    Values,
    /// Maps from ids.
    Map,
    /// Texts with separators.
    Text {
        /// What stands between items.
        separator: char,
        /// What stands between an item and its label, if there are labels.
        label_separator: Option<char>,
    },
}
