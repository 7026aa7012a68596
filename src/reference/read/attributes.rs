//! Attribute columns of actions.

use super::cell::{LogCell, RecordFault};
use super::column;
use crate::job::{Attribute, AttributeType, Settings, Source};
use crate::reference::Number;

/// An attribute column of a source.
pub(crate) struct AttributeField<'s> {
    /// Its name in the files.
    pub(crate) name: &'s str,
    /// Its type; floats, if it is not given.
    kind: Option<AttributeType>,
}

/// The attribute columns of a source.
pub(crate) fn attributes_in(settings: &Settings, source: Source) -> Vec<AttributeField<'_>> {
    let attributes = settings.sequences().attributes.iter();
    let fields = attributes.filter_map(|attribute| match attribute {
        Attribute::TimeDelta => None,
        Attribute::Column(own) => Some(AttributeField {
            name: column(settings, source, &own.name),
            kind: own.kind,
        }),
    });
    fields.collect()
}

/// The attributes of an action.
pub(crate) fn numbers_of(
    fields: &[AttributeField<'_>],
    cells: &[LogCell],
) -> Result<Vec<Number>, RecordFault> {
    let pairs = fields.iter().zip(cells);
    pairs
        .map(|(field, cell)| cell.number_of(field.name, field.kind))
        .collect()
}
