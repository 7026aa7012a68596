//! Attribute columns of actions: as published, and as the reference makes them.

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::{Float32Type, Int32Type};

use super::rows::column;
use crate::job::{Attribute, AttributeColumn, AttributeType, Settings};
use crate::reference::{Number, Sample};

/// The attribute columns that settings name.
pub(crate) fn attribute_columns(settings: &Settings) -> impl Iterator<Item = &AttributeColumn> {
    let attributes = settings.sequences().attributes.iter();
    attributes.filter_map(|attribute| match attribute {
        Attribute::TimeDelta | Attribute::Time => None,
        Attribute::Column(column) => Some(column),
    })
}

/// The attributes of the actions of a sample, column by column, each with the value that pads it.
pub(crate) fn expected_attributes(
    settings: &Settings,
    sample: &Sample,
) -> Vec<(Number, Vec<Number>)> {
    let columns = attribute_columns(settings).enumerate().map(|(at, column)| {
        let padding = match column.holds() {
            AttributeType::Int32 => Number::Int(0),
            AttributeType::Float32 => Number::float(0.0),
        };
        let actions = sample.attributes.iter();
        (padding, actions.map(|action| action[at]).collect())
    });
    columns.collect()
}

/// The attributes in a row of a batch, column by column, with padding.
pub(crate) fn attributes_of(
    settings: &Settings,
    batch: &RecordBatch,
    row: usize,
) -> Vec<Vec<Number>> {
    let columns = attribute_columns(settings).map(|own| {
        let numbers = column(batch, &own.name).as_list::<i32>().value(row);
        match own.holds() {
            AttributeType::Int32 => {
                let numbers = numbers.as_primitive::<Int32Type>().values().iter();
                numbers.map(|number| Number::Int(*number)).collect()
            }
            AttributeType::Float32 => {
                let numbers = numbers.as_primitive::<Float32Type>().values().iter();
                let bits = numbers.map(|number| number.to_bits());
                bits.map(Number::Float).collect()
            }
        }
    });
    columns.collect()
}

/// An attribute in a message.
pub(crate) fn number_text(number: &Number) -> String {
    match number {
        Number::Int(number) => number.to_string(),
        Number::Float(bits) => f32::from_bits(*bits).to_string(),
    }
}
