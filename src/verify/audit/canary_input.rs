//! What planted files tell of actions beside items and types.

use serde_json::{Value, json};

use crate::job::{AttributeColumn, AttributeType, Settings, Source};
use crate::reference::Number;
use crate::verify::audit::attributes::told_columns;

/// The name of a told column in planted files, which no other column there has.
fn planted(at: usize) -> String {
    format!("told_{at}")
}

/// What a planted action tells.
pub(crate) fn numbers(settings: &Settings) -> Vec<Number> {
    let number = |of: &AttributeColumn| match of.holds() {
        AttributeType::Int32 => Number::Int(-7),
        AttributeType::Float32 => Number::float(0.1),
    };
    told_columns(settings).map(number).collect()
}

/// The names of told columns, as sources that actions are planted in have them.
pub(crate) fn renamed(settings: &Settings) -> Vec<(Source, String, String)> {
    let of_source = |source: Source| {
        let columns = told_columns(settings).enumerate();
        columns.map(move |(at, of)| (source, of.name.clone(), planted(at)))
    };
    let sources = settings.sequences().actions.iter().map(|of| of.source);
    sources.flat_map(of_source).collect()
}

/// What an action tells, as columns of JSON; nothing if JSON has no word for it.
pub(crate) fn told_values<'n>(
    told: impl IntoIterator<Item = &'n Number>,
) -> Option<Vec<(String, Value)>> {
    let value = |number: &Number| match number {
        Number::Int(number) => Some(json!(number)),
        Number::Float(bits) => {
            let number = f32::from_bits(*bits);
            (!number.is_infinite()).then(|| json!(number))
        }
    };
    let told = told.into_iter().enumerate();
    told.map(|(at, number)| Some((planted(at), value(number)?)))
        .collect()
}
