//! What a row of Parquet is, and what is told of it.

use super::{ActionNames, Origin};
use crate::job::AttributeType;
use crate::kernel::attributes::AttributeKeys;
use crate::scan::mismatch::{Mismatch, Value};
use crate::scan::table::arrow_words::WordColumn;
use crate::scan::table::attributes::AttributeArray;

/// What a row is, by its column of types if there is one.
#[inline]
pub(super) fn origin_of(
    names: &ActionNames<'_>,
    types: Option<&WordColumn>,
    row: usize,
) -> Value<Option<Origin>> {
    let word = types.and_then(|types| types.word(row));
    names.origin_of(word, || {
        types.map_or_else(String::new, |types| types.shown(row))
    })
}

/// What is told of a row, given the told columns with their types and names.
pub(super) fn keys_of<'n>(
    told: &[(AttributeArray, AttributeType, &'n str)],
    row: usize,
) -> Result<AttributeKeys, (&'n str, Mismatch)> {
    let mut keys = AttributeKeys::default();
    for (key, (column, kind, name)) in keys.iter_mut().zip(told) {
        *key = column.key(row, *kind).map_err(|error| (*name, error))?;
    }
    Ok(keys)
}
