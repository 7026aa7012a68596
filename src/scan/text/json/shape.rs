//! The shape of a JSON line: the text around its values, which the lines of a log repeat.
//!
//! **In / Out**: a line that was parsed as JSON → a [`LineShape`]; the next line → its fields, if it has
//! the same shape. **Invariants**: a line of that shape is an object, and its fields are those that a
//! JSON parser gives; any other line is left to the parser.
//! **Cost**: one comparison per key, one step per byte of a value.
//! **Why so**: the grammar of JSON does not depend on values, so the text around them can be compared
//! instead of parsed, at a tenth of the cost.

use std::borrow::Cow;

use crate::scan::text::columns::WantedColumn;
use crate::scan::text::field::Field;

/// The text around the values of a line. Without slots it matches no line.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct LineShape {
    /// The values, in order.
    slots: Vec<ValueSlot>,
    /// The text behind the last value.
    tail: String,
}

/// The slot of a value.
#[derive(Debug, PartialEq, Eq)]
struct ValueSlot {
    /// The text between the previous value and this one.
    before: String,
    /// The wanted column that the value belongs to, if any.
    column: Option<usize>,
}

impl LineShape {
    /// The shape of a line; one that matches no line, if this one is no object, has keys with escapes, a
    /// wanted key twice, or values that are not simple.
    pub(crate) fn new(line: &str, columns: &[WantedColumn<'_>]) -> LineShape {
        LineShape::parse(line, columns).unwrap_or_default()
    }

    /// The shape of a line, if it is a simple object.
    fn parse(line: &str, columns: &[WantedColumn<'_>]) -> Option<LineShape> {
        let mut shape = LineShape::default();
        let mut rest = line;
        if !rest.starts_with('{') {
            return None;
        }
        loop {
            // `rest` begins with the brace or the comma before the key, which is one byte.
            let key_at = rest.len() - trim_start(&rest[1..]).len();
            let key_end = key_at + simple_end(&rest.as_bytes()[key_at..])?;
            let key = rest[key_at..key_end].strip_prefix('"')?.strip_suffix('"')?;
            let colon = trim_start(&rest[key_end..]).strip_prefix(':')?;
            let value = trim_start(colon);
            let column = columns.iter().position(|column| column.name == key);
            // Which of two values counts is left to the parser.
            let is_same = |slot: &ValueSlot| column.is_some() && slot.column == column;
            // What lies inside a value is, too.
            let is_around = || columns.iter().any(|column| column.is_in(key));
            if shape.slots.iter().any(is_same) || is_around() {
                return None;
            }
            let before = rest[..rest.len() - value.len()].to_owned();
            shape.slots.push(ValueSlot { before, column });
            rest = &value[simple_end(value.as_bytes())?..];
            if trim_start(rest) == "}" {
                shape.tail = rest.to_owned();
                return Some(shape);
            }
            // The text before the next value begins with the comma.
            let comma = trim_start(rest);
            // Behind white space, `rest[1..]` above would not be the text behind the comma.
            if !comma.starts_with(',') || comma.len() != rest.len() {
                return None;
            }
        }
    }

    /// The texts before the values, and the wanted columns that these belong to, if any.
    pub(crate) fn values(&self) -> impl Iterator<Item = (&str, Option<usize>)> {
        let slots = self.slots.iter();
        slots.map(|slot| (slot.before.as_str(), slot.column))
    }

    /// The text behind the last value.
    pub(crate) fn tail(&self) -> &str {
        &self.tail
    }

    /// Fills the fields of the shape's columns and returns true, if the line has this shape. If not, some
    /// may have been filled.
    #[inline]
    pub(crate) fn fill<'t>(&self, line: &'t str, fields: &mut [Field<'t>]) -> bool {
        let mut rest = line;
        for slot in &self.slots {
            let Some(value) = rest.strip_prefix(slot.before.as_str()) else {
                return false;
            };
            let Some(end) = simple_end(value.as_bytes()) else {
                return false;
            };
            if let Some(column) = slot.column {
                fields[column] = field(&value[..end]);
            }
            rest = &value[end..];
        }
        !self.slots.is_empty() && rest == self.tail
    }
}

/// A text without leading white space of JSON.
fn trim_start(text: &str) -> &str {
    text.trim_start_matches([' ', '\t', '\n', '\r'])
}

/// The end of the simple value that a text begins with: a string without escapes, a number, or a literal
/// name. The text behind it is not checked.
#[inline]
pub(crate) fn simple_end(text: &[u8]) -> Option<usize> {
    match text.first()? {
        b'"' => {
            // An escape must be decoded, and a control character is not valid: both are left to the
            // parser.
            let is_end = |byte: &u8| matches!(byte, b'"' | b'\\' | 0..b' ');
            let end = 1 + text[1..].iter().position(is_end)?;
            (text[end] == b'"').then_some(end + 1)
        }
        b'-' | b'0'..=b'9' => {
            let sign = usize::from(text[0] == b'-');
            let end = digits_end(text, sign)?;
            // A zero in front of other digits is not valid JSON.
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
            let names = [&b"null"[..], b"true", b"false"];
            let name = names.iter().find(|name| text.starts_with(name));
            // What follows the name must be the next text of the shape, so `nullx` is no null.
            name.map(|name| name.len())
        }
    }
}

/// The end of the digits that begin at a place; `None` if there is none.
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
