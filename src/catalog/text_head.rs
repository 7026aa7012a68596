//! The beginning of a text: whether it has rows.
//!
//! **In / Out**: the first bytes of a text → what they tell of its format. **Invariants**: a line that may be a
//! row of a log is never taken for a header, as its row would be lost.

use crate::job::Format;

/// How many bytes of text are looked at to detect the format.
pub(super) const TEXT_HEAD_BYTES: u64 = 1 << 16;

/// The beginning of a text.
#[derive(Debug, Default)]
pub(super) struct TextHead {
    pub(super) bytes: Vec<u8>,
    /// Whether this is the whole text.
    pub(super) is_end: bool,
}

impl TextHead {
    /// Whether the text is nothing but white space.
    pub(super) fn is_blank(&self) -> bool {
        self.is_end && self.bytes.trim_ascii().is_empty()
    }

    /// Whether the text is nothing but an empty JSON array or a CSV header.
    pub(super) fn has_no_rows(&self, format: Format) -> bool {
        match (self.is_end, format) {
            (true, Format::Json) => {
                let inner = self.bytes.trim_ascii().strip_prefix(b"[");
                let inner = inner.and_then(|inner| inner.strip_suffix(b"]"));
                inner.is_some_and(|inner| inner.trim_ascii().is_empty())
            }
            (true, Format::Csv) => self.is_header(),
            _ => false,
        }
    }

    /// Whether the text is a single line of CSV that is a header. The line has a line end, else it may
    /// be cut short, and no field looks like a value: a row of a log has at least a time.
    fn is_header(&self) -> bool {
        let Ok(text) = std::str::from_utf8(&self.bytes) else {
            return false;
        };
        let line = text.trim_end_matches(['\r', '\n']);
        let is_line = line.len() < text.len() && !line.contains(['\r', '\n']);
        let is_value = |field: &str| {
            let field = field.trim_matches([' ', '"']);
            field.starts_with(|first: char| first.is_ascii_digit() || "+-[{.".contains(first))
        };
        is_line && line.matches('"').count() % 2 == 0 && !line.split(',').any(is_value)
    }
}

/// Whether a text that begins with an object goes on with it in the next line.
pub(super) fn begins_in_lines(head: &[u8]) -> bool {
    let mut lines = head.trim_ascii_start().splitn(2, |byte| *byte == b'\n');
    let first = lines.next().unwrap_or_default().trim_ascii_end();
    lines.next().is_some() && matches!(first.last(), Some(b'{' | b'[' | b',' | b':'))
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
            head.has_no_rows(format)
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
            // One that may have been cut.
            "a,b",
            "a,b\n1,2\n",
            "a,b\r1",
            "\"a,b\n",
        ] {
            assert!(!is_empty(text, Format::Csv), "{text:?}");
        }
        assert!(is_empty(" [\n]\n", Format::Json));
        for text in ["[{}]", "[", "]", "{}", "[[]]"] {
            assert!(!is_empty(text, Format::Json), "{text:?}");
        }
        assert!(!is_empty("[]", Format::Ndjson));
    }
}
