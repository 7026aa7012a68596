//! What programs write for JSON and is none: bare `NaN`, bytes that are not UTF-8, lists as Python prints them.
//!
//! **In / Out**: a text that is no JSON → the fields that are wanted of it, or a list in JSON.
//! **Invariants**: what nobody wants is no matter; a wanted value is never replaced by another one that could be
//! right. **Cost**: none for text that is JSON.

use serde::de::IgnoredAny;
use serde_json::value::RawValue;

use crate::scan::text::columns::WantedColumn;
use crate::scan::text::field::Field;
use crate::scan::text::json::object::{json_field, object_values};

/// Numbers that JSON does not have, as programs write them.
const NO_NUMBERS: [&str; 2] = ["NaN", "Infinity"];
/// What stands for such a number in a list. It is an object, so it is right in no column.
const NO_NUMBER: &str = "{\"NaN\":0}";

/// A text of the same length that may be JSON: with other bytes in place of those that are not UTF-8, and with
/// numbers in place of `NaN` and `Infinity`. `None` if there is nothing of the kind.
fn masked(text: &[u8]) -> Option<String> {
    let mut masked = String::with_capacity(text.len());
    for chunk in text.utf8_chunks() {
        masked.push_str(chunk.valid());
        masked.extend(chunk.invalid().iter().map(|_| '?'));
    }
    let mut is_changed = std::str::from_utf8(text).is_err();
    for at in bare_words(&masked) {
        let word = NO_NUMBERS
            .iter()
            .find(|word| masked[at..].starts_with(**word));
        if let Some(word) = word {
            masked.replace_range(at..at + word.len(), &"1".repeat(word.len()));
            is_changed = true;
        }
    }
    is_changed.then_some(masked)
}

/// The places outside of strings at which a word begins.
fn bare_words(text: &str) -> Vec<usize> {
    let (mut places, mut is_string, mut is_escaped, mut before) = (Vec::new(), false, false, b' ');
    for (at, byte) in text.bytes().enumerate() {
        if is_string {
            is_string = is_escaped || byte != b'"';
            is_escaped = !is_escaped && byte == b'\\';
        } else if byte == b'"' {
            is_string = true;
        } else if byte.is_ascii_alphabetic() && !before.is_ascii_alphanumeric() {
            places.push(at);
        }
        before = byte;
    }
    places
}

/// Fills the fields of one object whose other members need not be JSON; returns whether it is an object.
pub(crate) fn object_fields_among<'a>(
    text: &'a [u8],
    columns: &[WantedColumn<'_>],
    fields: &mut [Field<'a>],
) -> bool {
    let Some(masked) = masked(text) else {
        return false;
    };
    let mut values: Vec<Option<&RawValue>> = vec![None; columns.len()];
    if object_values(&masked, columns, |at, value| values[at] = Some(value)).is_err() {
        return false;
    }
    for (field, value) in fields.iter_mut().zip(values) {
        let Some(value) = value.map(RawValue::get) else {
            continue;
        };
        // What was masked has the same length, so the value lies at the same place.
        let start = value.as_ptr().addr() - masked.as_ptr().addr();
        let value = std::str::from_utf8(&text[start..start + value.len()]);
        *field = value.map_or(Field::NotText, json_field);
    }
    true
}

/// Whether a text is JSON, apart from what may be masked.
pub(crate) fn is_json(text: &[u8]) -> bool {
    let is_json = |text: &[u8]| serde_json::from_slice::<IgnoredAny>(text).is_ok();
    is_json(text) || masked(text).is_some_and(|masked| is_json(masked.as_bytes()))
}

/// A list as Python prints it, or with bare numbers that are none, as JSON; `None` if it is neither.
pub(crate) fn list_as_json(text: &str) -> Option<String> {
    let mut json = String::with_capacity(text.len() + 16);
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        rest = match first {
            '"' | '\'' => string_as_json(rest, first, &mut json)?,
            first if first.is_ascii_alphabetic() => {
                let end = rest.find(|other: char| !other.is_ascii_alphanumeric());
                let (word, behind) = rest.split_at(end.unwrap_or(rest.len()));
                // A sign belongs to the number that is none.
                if ["nan", "NaN", "inf", "Infinity"].contains(&word) && json.ends_with('-') {
                    json.pop();
                }
                json.push_str(match word {
                    "True" | "true" => "true",
                    "False" | "false" => "false",
                    "None" | "null" => "null",
                    "nan" | "NaN" | "inf" | "Infinity" => NO_NUMBER,
                    _ => return None,
                });
                behind
            }
            // An exponent is a part of its number, and no word.
            first if first.is_ascii_digit() => {
                let is_other =
                    |other: char| !other.is_ascii_alphanumeric() && !"+-.".contains(other);
                let end = rest.find(is_other).unwrap_or(rest.len());
                json.push_str(&rest[..end]);
                &rest[end..]
            }
            other => {
                json.push(other);
                &rest[other.len_utf8()..]
            }
        };
    }
    let is_new = json != text && serde_json::from_str::<IgnoredAny>(&json).is_ok();
    is_new.then_some(json)
}

/// Adds the string that a text begins with; returns the text behind it.
fn string_as_json<'t>(text: &'t str, quote: char, json: &mut String) -> Option<&'t str> {
    let mut characters = text[1..].char_indices();
    json.push('"');
    while let Some((at, character)) = characters.next() {
        match character {
            '\\' => {
                let (_, escape) = characters.next()?;
                let digits = match escape {
                    '\'' => {
                        json.push('\'');
                        continue;
                    }
                    '"' | '\\' | '/' | 'b' | 'f' | 'n' | 'r' | 't' | 'u' => {
                        json.extend(['\\', escape]);
                        continue;
                    }
                    'x' => 2,
                    'U' => 8,
                    _ => return None,
                };
                let digits: Option<String> =
                    (0..digits).map(|_| Some(characters.next()?.1)).collect();
                let code = u32::from_str_radix(&digits?, 16).ok()?;
                let text = char::from_u32(code)?.to_string();
                json.push_str(serde_json::to_string(&text).ok()?.trim_matches('"'));
            }
            '"' if quote == '\'' => json.push_str("\\\""),
            other if other == quote => {
                json.push('"');
                return Some(&text[1 + at + 1..]);
            }
            other => json.push(other),
        }
    }
    None
}

/// Whether a text is a list of numbers as numpy prints it.
pub(crate) fn is_of_numpy(text: &str) -> bool {
    let inner = text.trim().strip_prefix('[').unwrap_or_default();
    let inner = inner.strip_suffix(']').unwrap_or_default();
    let is_number = |word: &str| word.parse::<f64>().is_ok();
    text.contains("array(") || (!inner.trim().is_empty() && inner.split_whitespace().all(is_number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_python_become_json_and_others_do_not() {
        for (text, json) in [
            ("[{'a': 1, 'b': True}]", r#"[{"a": 1, "b": true}]"#),
            (
                "[{'a': None, 'b': -1.5e3}]",
                r#"[{"a": null, "b": -1.5e3}]"#,
            ),
            (
                r#"["it's", 'say "x"', 'a\'b\\', '\xe9\n\U0001F600']"#,
                r#"["it's", "say \"x\"", "a'b\\", "é\n😀"]"#,
            ),
            ("[nan, -inf, NaN]", r#"[{"NaN":0}, {"NaN":0}, {"NaN":0}]"#),
        ] {
            assert_eq!(list_as_json(text).as_deref(), Some(json), "{text}");
            assert_eq!(list_as_json(json), None, "{json}");
        }
        for text in [
            "[1 2]",
            "['a",
            "[foo]",
            "array([1])",
            "[datetime(1)]",
            "{",
            "",
        ] {
            assert_eq!(list_as_json(text), None, "{text}");
        }
        assert!(is_of_numpy("[1001 1005]") && is_of_numpy("[7]") && !is_of_numpy("[]"));
    }

    #[test]
    fn what_nobody_wants_is_no_matter() {
        let columns = [WantedColumn::new("a", true), WantedColumn::new("b", true)];
        let fields = |text: &'static [u8]| {
            let mut fields = vec![Field::Missing; 2];
            object_fields_among(text, &columns, &mut fields).then_some(fields)
        };
        let both = Some(vec![Field::Json("1"), Field::Text("é".into())]);
        assert_eq!(fields(b"{\"a\": 1, \"x\": NaN, \"b\": \"\xc3\xa9\"}"), both);
        assert_eq!(
            fields(b"{\"x\": \"\xe9 NaN\", \"a\": 1, \"b\": \"\\u00e9\"}"),
            both
        );
        assert_eq!(
            fields(b"{\"a\": -Infinity, \"b\": \"\xe9\"}"),
            Some(vec![Field::Json("-Infinity"), Field::NotText])
        );
        assert_eq!(fields(b"{\"a\": 1, \"b\": nan}"), None);
        assert_eq!(fields(b"{\"a\": 1}"), None, "nothing to mask");
    }
}
