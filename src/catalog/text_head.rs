//! The beginning of a text: whether it has rows, and whether its first line is a header.
//!
//! **In / Out**: the first bytes of a text → what they tell of its format. **Invariants**: a line that may be a
//! row of a log is never taken for a header, as its row would be lost.

use crate::job::{Format, SourceSettings};

/// How many bytes of text are looked at to detect the format.
pub(crate) const TEXT_HEAD_BYTES: u64 = 1 << 16;

/// What separates fields of CSV, if nobody says: the first that gives all columns is taken.
pub(crate) const DELIMITERS: [&str; 5] = [",", "\t", ";", "|", "::"];

/// The beginning of a text.
#[derive(Debug, Default)]
pub(crate) struct TextHead {
    pub(crate) bytes: Vec<u8>,
    /// Whether this is the whole text.
    pub(crate) is_end: bool,
}

/// The name in a field of a header: without blanks around it, and without quotes.
pub(crate) fn header_name(field: &str) -> &str {
    let name = field.trim();
    let inner = name
        .strip_prefix('"')
        .and_then(|name| name.strip_suffix('"'));
    inner.map_or(name, str::trim)
}

/// Whether a field looks like a value rather than a name.
pub(crate) fn is_value(field: &str) -> bool {
    let field = field.trim_matches([' ', '"']);
    field.starts_with(|first: char| first.is_ascii_digit() || "+-[{.".contains(first))
}

/// The fields of a line, by each of the usual delimiters and that of the settings.
fn fields_by<'l>(line: &'l str, settings: &SourceSettings) -> impl Iterator<Item = Vec<&'l str>> {
    let own = settings.delimiter.clone();
    let own = own.map(|delimiter| line.split(delimiter.as_str()).collect());
    let usual = DELIMITERS.into_iter();
    usual.map(|by| line.split(by).collect()).chain(own)
}

impl TextHead {
    /// Whether the text is nothing but white space.
    pub(crate) fn is_blank(&self) -> bool {
        self.is_end && self.is_nothing()
    }

    /// Whether nothing but white space is seen of the text.
    pub(crate) fn is_nothing(&self) -> bool {
        self.bytes.trim_ascii().is_empty()
    }

    /// Whether an object that the text begins with goes on in the next line.
    pub(crate) fn begins_in_lines(&self) -> bool {
        let text = self.bytes.trim_ascii_start();
        let mut lines = text.splitn(2, |byte| *byte == b'\n');
        let first = lines.next().unwrap_or_default().trim_ascii_end();
        lines.next().is_some() && matches!(first.last(), Some(b'{' | b'[' | b',' | b':'))
    }

    /// The first byte that is not white space.
    pub(crate) fn first_byte(&self) -> Option<u8> {
        self.bytes.trim_ascii_start().first().copied()
    }

    /// Whether the text is nothing but an empty JSON array or a CSV header.
    pub(crate) fn has_no_rows(&self, format: Format, settings: &SourceSettings) -> bool {
        match (self.is_end, format) {
            (true, Format::Json) => {
                let inner = self.bytes.trim_ascii().strip_prefix(b"[");
                let inner = inner.and_then(|inner| inner.strip_suffix(b"]"));
                inner.is_some_and(|inner| inner.trim_ascii().is_empty())
            }
            (true, Format::Csv) => self.has_header_alone(settings),
            _ => false,
        }
    }

    /// Whether the text has no line of CSV but a header, unless that is given, and comments. The header has a
    /// line end, else it may be cut short, and no field looks like a value: a row of a log has at least a time.
    fn has_header_alone(&self, settings: &SourceSettings) -> bool {
        let Ok(text) = std::str::from_utf8(&self.bytes) else {
            return false;
        };
        let is_comment = |line: &str| {
            let comment = settings.comment.as_ref();
            comment.is_some_and(|comment| line.starts_with(comment.as_str()))
        };
        let mut lines = text.split(['\r', '\n']);
        let mut lines = lines
            .by_ref()
            .filter(|line| !line.is_empty() && !is_comment(line));
        let (first, second) = (lines.next(), lines.next());
        match (first, second, &settings.header) {
            (None, ..) => settings.comment.is_some(),
            (Some(_), None, Some(_)) | (_, Some(_), _) => false,
            (Some(line), None, None) => {
                let has_value =
                    fields_by(line, settings).any(|fields| fields.into_iter().any(is_value));
                let has_end = text.ends_with(['\r', '\n']);
                has_end && line.matches('"').count() % 2 == 0 && !has_value
            }
        }
    }

    /// The first line that is neither blank nor a comment nor Excel's line `sep=;`.
    fn first_line(&self) -> Option<&str> {
        let lines = self.bytes.split(|byte| matches!(byte, b'\n' | b'\r'));
        let lines = lines.map(|line| std::str::from_utf8(line).unwrap_or_default().trim());
        lines
            .into_iter()
            .find(|line| !line.is_empty() && !line.starts_with(['#']) && !line.starts_with("sep="))
    }

    /// Whether the first line names a column.
    pub(crate) fn names(&self, column: &str, settings: &SourceSettings) -> bool {
        let is_it = |field: &str| header_name(field).eq_ignore_ascii_case(column);
        let line = self.first_line().unwrap_or_default();
        fields_by(line, settings).any(|fields| fields.into_iter().any(is_it))
    }

    /// Whether the first line has several fields, and one of them looks like a value.
    pub(crate) fn has_values(&self) -> bool {
        let line = self.first_line().unwrap_or_default();
        let settings = SourceSettings::default();
        let mut all = fields_by(line, &settings);
        all.any(|fields| fields.len() > 1 && fields.into_iter().any(is_value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_alone_has_no_rows_but_a_row_alone_is_no_header() {
        let is_empty = |text: &str, format| {
            let head = TextHead {
                bytes: text.into(),
                is_end: true,
            };
            head.has_no_rows(format, &SourceSettings::default())
        };
        for text in ["a,b\n", "a\r\n", "\"a,b\",c\n\n", "\"\"\n", "customer_id\n"] {
            assert!(is_empty(text, Format::Csv), "{text:?}");
        }
        for text in [
            // A row of a file without a header.
            "1,2\n",
            "a,\"2025-08-15\"\n",
            "a,-1\n",
            "a,[{}]\n",
            "a;1\n",
            "u1::i1::2025\n",
            // One that may have been cut.
            "a,b",
            "a,b\n1,2\n",
            "a,b\r1",
            "\"a,b\n",
        ] {
            assert!(!is_empty(text, Format::Csv), "{text:?}");
        }
        let commented = |text: &str| {
            let head = TextHead {
                bytes: text.into(),
                is_end: true,
            };
            let settings = SourceSettings {
                comment: Some("#".to_owned().try_into().expect("a comment")),
                ..SourceSettings::default()
            };
            head.has_no_rows(Format::Csv, &settings)
        };
        assert!(commented("# one, 2\na,b\n#\n") && commented("# one\n"));
        assert!(!commented("# one\na,b\n1,2\n") && !commented("# one\n1,2\n"));
        assert!(is_empty(" [\n]\n", Format::Json));
        for text in ["[{}]", "[", "]", "{}", "[[]]"] {
            assert!(!is_empty(text, Format::Json), "{text:?}");
        }
        assert!(!is_empty("[]", Format::Ndjson));
    }
}
