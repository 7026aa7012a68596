//! What columns of actions tell.

use super::cell::{Cell, Fault};
use super::column;
use crate::job::{Attribute, AttributeType, Settings, Source};
use crate::reference::Number;

/// The columns of a source that are told, as its files name them, and what they hold.
pub(crate) fn told_in(settings: &Settings, source: Source) -> Vec<(&str, Option<AttributeType>)> {
    let told = settings
        .sequences()
        .attributes
        .iter()
        .filter_map(|side| match side {
            Attribute::TimeDelta => None,
            Attribute::Column(of) => Some((column(settings, source, &of.name), of.kind)),
        });
    told.collect()
}

/// What told columns tell of an action.
pub(crate) fn numbers_of(
    told: &[(&str, Option<AttributeType>)],
    cells: &[Cell],
) -> Result<Vec<Number>, Fault> {
    let numbers = told.iter().zip(cells);
    numbers
        .map(|((name, kind), cell)| cell.number_of(name, *kind))
        .collect()
}
