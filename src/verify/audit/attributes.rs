//! What columns tell of actions: as it is published, and as the twin makes it.

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::{Float32Type, Int32Type};

use super::rows::column;
use crate::job::{Attribute, AttributeColumn, AttributeType, Settings};
use crate::reference::{Number, Sample};

/// The columns of actions that are told.
pub(crate) fn told_columns(settings: &Settings) -> impl Iterator<Item = &AttributeColumn> {
    settings
        .sequences()
        .attributes
        .iter()
        .filter_map(|side| match side {
            Attribute::TimeDelta => None,
            Attribute::Column(of) => Some(of),
        })
}

/// What columns tell of the actions of a sample, without padding, column by column, each with the
/// number that pads it.
pub(crate) fn expected_told(settings: &Settings, sample: &Sample) -> Vec<(Number, Vec<Number>)> {
    let columns = told_columns(settings).enumerate().map(|(at, of)| {
        let zero = match of.holds() {
            AttributeType::Int32 => Number::Int(0),
            AttributeType::Float32 => Number::float(0.0),
        };
        (zero, sample.told.iter().map(|of| of[at]).collect())
    });
    columns.collect()
}

/// What a row of a batch tells of its actions, column by column.
pub(crate) fn told_of(settings: &Settings, batch: &RecordBatch, row: usize) -> Vec<Vec<Number>> {
    let columns = told_columns(settings).map(|of| {
        let numbers = column(batch, &of.name).as_list::<i32>().value(row);
        match of.holds() {
            AttributeType::Int32 => {
                let numbers = numbers.as_primitive::<Int32Type>().values().iter();
                numbers.map(|of| Number::Int(*of)).collect()
            }
            AttributeType::Float32 => {
                let numbers = numbers.as_primitive::<Float32Type>().values().iter();
                numbers.map(|of| Number::Float(of.to_bits())).collect()
            }
        }
    });
    columns.collect()
}

/// A number as a message shows it.
pub(crate) fn number_text(of: &Number) -> String {
    match of {
        Number::Int(number) => number.to_string(),
        Number::Float(bits) => f32::from_bits(*bits).to_string(),
    }
}
