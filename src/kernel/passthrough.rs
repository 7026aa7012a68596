//! Passthrough columns (`--keep`): values of any type that are copied from impressions to rows.
//!
//! **Shapes**: columns of impressions have a value per impression, columns of items one per item
//! that becomes a row. **Null rule**: a null is a value like others. **Cost**: 24 bytes a value, and
//! the texts; nothing without `--keep`.

use std::cmp::Ordering;
use std::ops::Range;

use crate::ids::count64;

/// A value. The derived order is an arbitrary total order, so that the order of rows is fixed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum PassthroughValue {
    Null,
    /// A boolean.
    Boolean(bool),
    /// An integer, or microseconds since the epoch.
    Int(i64),
    /// A number, as its bits.
    // Bits, as floats have no total order. Equal bits are equal bytes of the output, NaN included.
    Double(u64),
    /// A text.
    Text(Box<str>),
}

impl PassthroughValue {
    /// Bytes of memory that it takes.
    pub(crate) fn bytes(&self) -> u64 {
        let text = self.text().map_or(0, str::len);
        count64(size_of::<PassthroughValue>() + text)
    }

    /// The integer, if it is one.
    pub(crate) fn int(&self) -> Option<i64> {
        match self {
            PassthroughValue::Int(value) => Some(*value),
            _ => None,
        }
    }

    /// The integer, if it is one of 32 bits.
    pub(crate) fn int32(&self) -> Option<i32> {
        self.int().and_then(|value| i32::try_from(value).ok())
    }

    /// The number, if it is one.
    pub(crate) fn double(&self) -> Option<f64> {
        match self {
            PassthroughValue::Double(bits) => Some(f64::from_bits(*bits)),
            _ => None,
        }
    }

    /// The boolean, if it is one.
    pub(crate) fn boolean(&self) -> Option<bool> {
        match self {
            PassthroughValue::Boolean(value) => Some(*value),
            _ => None,
        }
    }

    /// The text, if it is one.
    pub(crate) fn text(&self) -> Option<&str> {
        match self {
            PassthroughValue::Text(text) => Some(text),
            _ => None,
        }
    }
}

/// The passthrough values of one impression.
#[derive(Clone, Debug, Default)]
pub(crate) struct PassthroughRow {
    /// A value per column of impressions.
    pub(crate) row: Vec<PassthroughValue>,
    /// Per column of items, a value per element of its array.
    pub(crate) items: Vec<Vec<PassthroughValue>>,
}

/// The passthrough values of all impressions.
#[derive(Clone, Debug, Default)]
pub(crate) struct PassthroughColumns {
    /// The columns of impressions.
    pub(crate) rows: Vec<Vec<PassthroughValue>>,
    pub(crate) items: Vec<Vec<PassthroughValue>>,
}

impl PassthroughColumns {
    /// Adds an impression; of the columns of items, the elements at `places`.
    pub(crate) fn push(
        &mut self,
        row: &PassthroughRow,
        places: &(impl Iterator<Item = usize> + Clone),
    ) {
        self.grow(row.row.len(), row.items.len());
        for (column, value) in self.rows.iter_mut().zip(&row.row) {
            column.push(value.clone());
        }
        for (column, values) in self.items.iter_mut().zip(&row.items) {
            column.extend(places.clone().map(|place| values[place].clone()));
        }
    }

    /// Adds all impressions of another batch.
    pub(crate) fn append(&mut self, other: &PassthroughColumns) {
        self.grow(other.rows.len(), other.items.len());
        for (column, more) in self.rows.iter_mut().zip(&other.rows) {
            column.extend_from_slice(more);
        }
        for (column, more) in self.items.iter_mut().zip(&other.items) {
            column.extend_from_slice(more);
        }
    }

    /// Adds empty columns until there are so many.
    fn grow(&mut self, rows: usize, items: usize) {
        self.rows.resize_with(rows.max(self.rows.len()), Vec::new);
        self.items
            .resize_with(items.max(self.items.len()), Vec::new);
    }

    /// Compares two impressions by their passthrough values, given the ranges of their items.
    pub(crate) fn compare(
        &self,
        a: usize,
        items_of_a: Range<usize>,
        b: usize,
        items_of_b: Range<usize>,
    ) -> Ordering {
        let rows = self.rows.iter().map(|column| column[a].cmp(&column[b]));
        let items = self.items.iter();
        let items = items.map(|column| column[items_of_a.clone()].cmp(&column[items_of_b.clone()]));
        rows.chain(items)
            .find(|order| *order != Ordering::Equal)
            .unwrap_or(Ordering::Equal)
    }
}
