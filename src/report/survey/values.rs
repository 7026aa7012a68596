//! Single values as whole numbers, numbers and words.

use serde_json::Value;

use super::schema::Row;

/// The longest word.
const WORD_BYTES_MAX: usize = 64;

/// A whole number, also if it is written as a text or with a fraction of zeros.
pub(super) fn whole_of(value: &Value) -> Option<i64> {
    let of_text = |text: &str| {
        let (whole, zeros) = text.split_once('.').unwrap_or((text, ""));
        let is_whole = zeros.bytes().all(|byte| byte == b'0');
        whole.parse().ok().filter(|_| is_whole)
    };
    match value {
        Value::String(text) => of_text(text.trim()),
        Value::Number(number) => number.as_i64().or_else(|| of_text(&number.to_string())),
        _ => None,
    }
}

/// A number, also if it is written as a text.
pub(super) fn number_of(value: &Value) -> Option<f64> {
    match value {
        Value::String(text) => text.trim().parse().ok(),
        other => other.as_f64(),
    }
}

/// A text, number or truth value as the word that settings name it by.
pub(super) fn word_of(value: &Value) -> Option<String> {
    let word = match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        Value::Bool(is_so) => is_so.to_string(),
        _ => return None,
    };
    (word.len() <= WORD_BYTES_MAX).then_some(word)
}

/// The value of a column in a record; nothing if it is null.
pub(super) fn value_at<'r>(row: &'r Row, column: &str) -> Option<&'r Value> {
    let whole = row.get(column);
    let inner = || {
        let (first, rest) = column.split_once('.')?;
        value_at(row.get(first)?.as_object()?, rest)
    };
    whole.or_else(inner).filter(|value| !value.is_null())
}
