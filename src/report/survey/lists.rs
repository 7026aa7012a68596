//! Columns of lists, whatever their shape: arrays, maps, texts that hold one, texts with separators.

use serde_json::{Map, Value};

use super::schema::{ListKind, Row, SurveyedColumn, SurveyedList};
use super::values::whole_of;
use crate::reference::read::time_of;

/// Finds the columns of some records, given their names.
type ColumnsOf<'f> = &'f dyn Fn(&[String], &[Row]) -> Vec<SurveyedColumn>;

/// What stands between the items of a list in a text.
const SEPARATORS: [char; 4] = ['|', ' ', ',', ';'];
/// What stands between an item and its label.
const LABEL_SEPARATORS: [char; 3] = ['-', ':', '='];

/// The lists that some values are, if all are.
pub(super) fn list_of(values: &[&Value], columns_of: ColumnsOf<'_>) -> Option<SurveyedList> {
    let arrays: Option<Vec<Vec<Value>>> = values.iter().map(|value| array_of(value)).collect();
    if let Some(arrays) = arrays.filter(|arrays| !arrays.is_empty()) {
        return Some(list_of_elements(&arrays.concat(), columns_of));
    }
    let maps: Option<Vec<Map<String, Value>>> = values.iter().map(|value| map_of(value)).collect();
    if let Some(maps) = maps.filter(|maps| !maps.is_empty()) {
        let keys = maps
            .iter()
            .flat_map(|map| map.keys())
            .map(|key| Value::from(key.as_str()));
        return Some(SurveyedList {
            kind: ListKind::Map,
            fields: fields_of_values(&keys.collect::<Vec<_>>(), columns_of),
        });
    }
    let texts: Option<Vec<&str>> = values.iter().map(|value| value.as_str()).collect();
    list_of_texts(&texts?, columns_of)
}

/// Lists of these elements.
fn list_of_elements(elements: &[Value], columns_of: ColumnsOf<'_>) -> SurveyedList {
    let objects: Vec<Row> = elements
        .iter()
        .filter_map(|value| value.as_object().cloned())
        .collect();
    if objects.is_empty() {
        return SurveyedList {
            kind: ListKind::Values,
            fields: fields_of_values(elements, columns_of),
        };
    }
    let mut names: Vec<String> = Vec::new();
    for name in objects.iter().flat_map(|object| object.keys()) {
        if !names.contains(name) {
            names.push(name.clone());
        }
    }
    SurveyedList {
        kind: ListKind::Objects,
        fields: columns_of(&names, &objects),
    }
}

/// A column without a name of some values.
fn fields_of_values(values: &[Value], columns_of: ColumnsOf<'_>) -> Vec<SurveyedColumn> {
    let rows = values
        .iter()
        .map(|value| Map::from_iter([(String::new(), value.clone())]));
    columns_of(&[String::new()], &rows.collect::<Vec<_>>())
}

/// The array that a value is, or that its text is in JSON or as Python prints it.
fn array_of(value: &Value) -> Option<Vec<Value>> {
    match value {
        Value::Array(elements) => Some(elements.clone()),
        Value::String(text) if text.starts_with('[') => serde_json::from_str(text)
            .ok()
            .or_else(|| serde_json::from_str(&of_python(text)).ok()),
        _ => None,
    }
}

/// The map that a value is, or that its text is in JSON.
fn map_of(value: &Value) -> Option<Map<String, Value>> {
    let map: Map<String, Value> = match value {
        Value::Object(map) => map.clone(),
        Value::String(text) if text.starts_with('{') => serde_json::from_str(text)
            .ok()
            .or_else(|| serde_json::from_str(&of_python(text)).ok())?,
        _ => return None,
    };
    map.keys()
        .all(|key| key.parse::<i64>().is_ok())
        .then_some(map)
}

/// A list that Python printed as JSON; good enough for a look at its elements.
fn of_python(text: &str) -> String {
    text.replace('\'', "\"")
        .replace("True", "true")
        .replace("False", "false")
        .replace("None", "null")
}

/// The lists of ids that some texts are: each piece is an id, and some text has several.
fn list_of_texts(texts: &[&str], columns_of: ColumnsOf<'_>) -> Option<SurveyedList> {
    let pieces_of = |separator: char| texts.iter().flat_map(move |text| text.split(separator));
    let separator = SEPARATORS.into_iter().find(|separator| {
        let are_ids = pieces_of(*separator).all(|piece| is_id(piece.trim()));
        are_ids && texts.iter().any(|text| text.contains(*separator))
    })?;
    let pieces = || pieces_of(separator).map(str::trim);
    let labelled = |piece: &str, by: char| {
        let (item, label) = piece.rsplit_once(by)?;
        (!item.is_empty() && matches!(label, "0" | "1")).then(|| item.to_owned())
    };
    let all_labelled = |by: &char| pieces().all(|piece| labelled(piece, *by).is_some());
    let label_separator = LABEL_SEPARATORS.into_iter().find(all_labelled);
    let items = pieces().map(|piece| match label_separator {
        Some(by) => Value::from(labelled(piece, by)),
        None => Value::from(piece),
    });
    Some(SurveyedList {
        fields: fields_of_values(&items.collect::<Vec<_>>(), columns_of),
        kind: ListKind::Text {
            separator,
            label_separator,
        },
    })
}

/// Whether a text looks like an id: no blanks, and a digit.
fn is_id(piece: &str) -> bool {
    let is_number = whole_of(&Value::from(piece)).is_some();
    let plain =
        |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b':' | b'=');
    // Dates and times are no ids.
    let is_time = time_of(piece).is_some();
    let has_digit = piece.bytes().any(|byte| byte.is_ascii_digit());
    is_number || (has_digit && !is_time && piece.bytes().all(plain))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// How a column with one value is a list.
    fn kind(value: &Value) -> Option<ListKind> {
        list_of(&[value], &|_, _| Vec::new()).map(|list| list.kind)
    }

    #[test]
    fn lists_have_many_shapes() {
        let text = |separator, label_separator| ListKind::Text {
            separator,
            label_separator,
        };
        for (value, expected) in [
            (json!([{"item_id": 1}]), Some(ListKind::Objects)),
            (
                json!("[{'item_id': 1, 'is_order': True}]"),
                Some(ListKind::Objects),
            ),
            (json!([1, 2]), Some(ListKind::Values)),
            (json!({"7": true}), Some(ListKind::Map)),
            (json!("1|2|3"), Some(text('|', None))),
            (json!("N1-0 N2-1"), Some(text(' ', Some('-')))),
            (json!("1,2"), Some(text(',', None))),
            (json!("2025-08-15 10:00:00"), None),
            (json!("a b"), None),
            (json!("[1001 1005]"), None),
            (json!(1), None),
        ] {
            assert_eq!(kind(&value), expected, "{value}");
        }
    }
}
