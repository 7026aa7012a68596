//! The first records of CSV, whatever separates their fields, with or without a header.

use serde_json::Value;

use super::schema::{FirstRecords, Row, TextLayout};
use crate::catalog::text_head::DELIMITERS;
use crate::reference::read::time_of;

/// How many lines tell the delimiter.
const DELIMITED_LINES: usize = 20;
/// Separates fields while `::` is looked at: the reader takes one byte.
const UNIT: u8 = 0x1f;

/// Reads records. `is_whole` says whether the head is all of the text, so that its last line is whole.
pub(super) fn csv_rows(head: &[u8], is_whole: bool, records_max: usize) -> FirstRecords {
    let text = String::from_utf8_lossy(head);
    let mut text = text.as_ref();
    if !is_whole {
        text = text.rsplit_once('\n').map_or(text, |(lines, _)| lines);
    }
    while text.starts_with('#') || text.starts_with("sep=") {
        text = text.split_once('\n').map_or("", |(_, rest)| rest);
    }
    let delimiter = delimiter_of(text);
    let has_backslashes = text.contains("\\\"") && !text.contains("\"\"");
    let one_byte = if delimiter.len() == 1 {
        text.to_owned()
    } else {
        text.replace(delimiter, char::from(UNIT).to_string().as_str())
    };
    let byte = match delimiter.as_bytes() {
        [byte] => *byte,
        _ => UNIT,
    };
    let mut reader = ::csv::ReaderBuilder::new()
        .delimiter(byte)
        .has_headers(false)
        .flexible(true)
        .escape(has_backslashes.then_some(b'\\'))
        .double_quote(!has_backslashes)
        .from_reader(one_byte.as_bytes());
    let mut records = reader.records().map_while(Result::ok);
    let mut first = FirstRecords::default();
    let Some(header) = records.next() else {
        return first;
    };
    let is_headless = header.iter().any(is_value);
    first.columns = if is_headless {
        (1..=header.len())
            .map(|at| format!("column_{at}"))
            .collect()
    } else {
        header.iter().map(|name| name.trim().to_owned()).collect()
    };
    let rows = is_headless.then_some(header).into_iter().chain(records);
    let count = first.columns.len();
    let rows = rows.filter(|row| row.len() == count).take(records_max);
    let rows = rows.map(|row| {
        let fields = row.iter().map(|field| match field.trim() {
            "" => Value::Null,
            field => Value::from(field),
        });
        let named = first.columns.iter().cloned().zip(fields);
        named.collect::<Row>()
    });
    first.rows = rows.collect();
    first.layout = TextLayout {
        delimiter: delimiter.to_owned(),
        is_headless,
        has_backslashes,
    };
    first
}

/// What separates the fields of a text: of the candidates the one that the first line has most of, or rather one
/// that all lines have as often as it.
fn delimiter_of(text: &str) -> &'static str {
    let first = text.lines().next().unwrap_or_default();
    let likeliest = DELIMITERS.into_iter().rev().max_by_key(|delimiter| {
        let count = first.matches(*delimiter).count();
        let mut lines = text.lines().take(DELIMITED_LINES);
        let is_even = lines.all(|line| line.matches(*delimiter).count() == count);
        (count > 0 && is_even, count)
    });
    likeliest.unwrap_or(DELIMITERS[0])
}

/// Whether a field of the first line is a value and no name: a number or a date.
fn is_value(field: &str) -> bool {
    let field = field.trim();
    let first = field.strip_prefix('-').unwrap_or(field);
    let is_number = field.parse::<f64>().is_ok() && first.starts_with(|c: char| c.is_ascii_digit());
    is_number || time_of(field).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_delimiter_and_the_header_are_found() {
        for (text, delimiter, columns) in [
            ("user,item\n1,2\n", ",", "user item"),
            ("user\titem\n1\t2\n", "\t", "user item"),
            ("sep=;\nuser;item\n1;2\n", ";", "user item"),
            ("user::item\n1::2\n", "::", "user item"),
            ("1::2\n3::4\n", "::", "column_1 column_2"),
            ("# of today\nuser|item\n1|2\n", "|", "user item"),
            ("a\tx,y,z\nb\tx\n", "\t", "a x,y,z"),
        ] {
            let first = csv_rows(text.as_bytes(), true, 10);
            assert_eq!(first.layout.delimiter, delimiter, "{text}");
            assert_eq!(first.columns.join(" "), columns, "{text}");
            let rows = if first.layout.is_headless { 2 } else { 1 };
            assert_eq!(first.rows.len(), rows, "{text}");
        }
    }
}
