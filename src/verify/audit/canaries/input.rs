//! Attribute columns of planted actions.

use serde_json::{Value, json};

use crate::job::{AttributeColumn, AttributeType, Settings, Source};
use crate::reference::Number;
use crate::verify::audit::attributes::attribute_columns;

/// The name of an attribute column in planted files, which no other column there has.
fn planted_name(at: usize) -> String {
    format!("told_{at}")
}

/// The attributes of a planted action.
pub(crate) fn planted_attributes(settings: &Settings) -> Vec<Number> {
    let number = |column: &AttributeColumn| match column.holds() {
        AttributeType::Int32 => Number::Int(-7),
        AttributeType::Float32 => Number::float(0.1),
    };
    attribute_columns(settings).map(number).collect()
}

/// The setting that maps attribute columns to their names in planted files.
pub(crate) fn planted_columns(settings: &Settings) -> Vec<(Source, String, String)> {
    let columns_of = |source: Source| {
        let columns = attribute_columns(settings).enumerate();
        columns.map(move |(at, column)| (source, column.name.clone(), planted_name(at)))
    };
    let logs = settings.sequences().actions.iter();
    logs.flat_map(|log| columns_of(log.source)).collect()
}

/// The attributes of an action as columns of JSON; nothing if JSON cannot express one of them.
pub(crate) fn attribute_values<'n>(
    attributes: impl IntoIterator<Item = &'n Number>,
) -> Option<Vec<(String, Value)>> {
    let value = |number: &Number| match number {
        Number::Int(number) => Some(json!(number)),
        Number::Float(bits) => {
            let number = f32::from_bits(*bits);
            // NaN becomes null, and a null is read as NaN again.
            (!number.is_infinite()).then(|| json!(number))
        }
    };
    let attributes = attributes.into_iter().enumerate();
    attributes
        .map(|(at, number)| Some((planted_name(at), value(number)?)))
        .collect()
}
