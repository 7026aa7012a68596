//! The shape of a JSON line: what logs repeat line by line, so that only values need reading.
//!
//! **In / Out**: a line that was read as JSON → a [`Shape`]; the next line → its fields, if it
//! has the same shape. **Invariants**: a line that has the shape is an object, and what a JSON
//! reader would make of it is what the shape does; any other is left to that reader.
//! **Cost**: one comparison per key, one look per byte of a value.
//! **Why so**: everything between the values of a valid object can be taken over literally, since
//! JSON's grammar does not depend on values; comparing it costs a tenth of parsing it.

use std::borrow::Cow;

use crate::scan::text::field::Field;
use crate::scan::text::records::TextColumn;

/// What stands between the values of a line. Without parts it is the shape of no line.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Shape {
    /// The values, in order.
    parts: Vec<Part>,
    /// What follows the last.
    tail: String,
}

/// A value of a line.
#[derive(Debug, PartialEq, Eq)]
struct Part {
    /// What stands before it.
    before: String,
    /// The wanted column that it is of.
    column: Option<usize>,
}

impl Shape {
    /// The shape of a line; of no line, if this one is no object, has keys with escapes, a wanted
    /// key twice, or values that are not simple.
    pub(crate) fn new(line: &str, columns: &[TextColumn<'_>]) -> Shape {
        Shape::try_of(line, columns).unwrap_or_default()
    }

    /// The shape of a line, if it is a simple object.
    fn try_of(line: &str, columns: &[TextColumn<'_>]) -> Option<Shape> {
        let mut shape = Shape::default();
        let mut rest = line;
        if !rest.starts_with('{') {
            return None;
        }
        loop {
            let key_at = rest.len() - blank(&rest[1..]).len();
            let key_end = key_at + simple_end(&rest.as_bytes()[key_at..])?;
            let key = rest[key_at..key_end].strip_prefix('"')?.strip_suffix('"')?;
            let colon = blank(&rest[key_end..]).strip_prefix(':')?;
            let value = blank(colon);
            let column = columns.iter().position(|column| column.name == key);
            let is_same = |part: &Part| column.is_some() && part.column == column;
            if shape.parts.iter().any(is_same) {
                return None;
            }
            let before = rest[..rest.len() - value.len()].to_owned();
            shape.parts.push(Part { before, column });
            rest = &value[simple_end(value.as_bytes())?..];
            if blank(rest) == "}" {
                shape.tail = rest.to_owned();
                return Some(shape);
            }
            // The comma, or what stands before it, begins what comes before the next value.
            let comma = blank(rest);
            if !comma.starts_with(',') || comma.len() != rest.len() {
                return None;
            }
        }
    }

    /// Fills the fields of the columns that the shape has, if the line has that shape. If not,
    /// some may have been filled.
    #[inline]
    pub(crate) fn fill<'t>(&self, line: &'t str, fields: &mut [Field<'t>]) -> bool {
        let mut rest = line;
        for part in &self.parts {
            let Some(value) = rest.strip_prefix(part.before.as_str()) else {
                return false;
            };
            let Some(end) = simple_end(value.as_bytes()) else {
                return false;
            };
            if let Some(column) = part.column {
                fields[column] = field(&value[..end]);
            }
            rest = &value[end..];
        }
        !self.parts.is_empty() && rest == self.tail
    }
}

/// A text without the white space of JSON before it.
fn blank(text: &str) -> &str {
    text.trim_start_matches([' ', '\t', '\n', '\r'])
}

/// The end of the simple value that a text begins with: a string without escapes, a number, or a
/// word of JSON. What follows is not looked at.
#[inline]
fn simple_end(text: &[u8]) -> Option<usize> {
    match text.first()? {
        b'"' => {
            let is_end = |byte: &u8| matches!(byte, b'"' | b'\\' | 0..b' ');
            let end = 1 + text[1..].iter().position(is_end)?;
            (text[end] == b'"').then_some(end + 1)
        }
        b'-' | b'0'..=b'9' => {
            let sign = usize::from(text[0] == b'-');
            let end = digits_end(text, sign)?;
            if end > sign + 1 && text[sign] == b'0' {
                return None;
            }
            let end = match text.get(end) {
                Some(b'.') => digits_end(text, end + 1)?,
                _ => end,
            };
            match text.get(end..) {
                Some([b'e' | b'E', b'+' | b'-', ..]) => digits_end(text, end + 2),
                Some([b'e' | b'E', ..]) => digits_end(text, end + 1),
                _ => Some(end),
            }
        }
        _ => {
            let words = [&b"null"[..], b"true", b"false"];
            words
                .iter()
                .find(|word| text.starts_with(word))
                .map(|word| word.len())
        }
    }
}

/// Where the digits from a place on end, of which there must be one.
#[inline]
fn digits_end(text: &[u8], start: usize) -> Option<usize> {
    let digits = text.get(start..)?.iter();
    let count = digits.take_while(|byte| byte.is_ascii_digit()).count();
    (count > 0).then_some(start + count)
}

/// The field of a simple value.
#[inline]
fn field(value: &str) -> Field<'_> {
    match value.as_bytes() {
        b"null" => Field::Null,
        [b'"', ..] => Field::Text(Cow::Borrowed(&value[1..value.len() - 1])),
        _ => Field::Json(value),
    }
}
