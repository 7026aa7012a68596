//! The first records of JSON: one by line, one after the other, or in an array.

use serde_json::Value;

use super::schema::FirstRecords;

/// Reads records. One that the head cuts off ends the reading.
pub(super) fn json_rows(head: &[u8], records_max: usize) -> FirstRecords {
    let mut first = FirstRecords::default();
    // Skips the syntax of an array around objects.
    let mut rest = head;
    while let Some(start) = rest.iter().position(|byte| *byte == b'{') {
        if first.rows.len() >= records_max {
            break;
        }
        let mut objects = serde_json::Deserializer::from_slice(&rest[start..]).into_iter::<Value>();
        match objects.next() {
            Some(Ok(Value::Object(row))) => {
                for name in row.keys() {
                    if !first.columns.contains(name) {
                        first.columns.push(name.clone());
                    }
                }
                rest = &rest[start + objects.byte_offset()..];
                first.rows.push(row);
            }
            // A record that is no JSON is skipped with its line: the run reports it.
            _ => match rest[start..].iter().position(|byte| *byte == b'\n') {
                Some(end) => rest = &rest[start + end..],
                None => break,
            },
        }
    }
    first
}
