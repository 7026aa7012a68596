//! Rows that are the elements of a list inside a record, such as the events of a session.
//!
//! **In / Out**: a batch and the name of its column of lists → batches with a row per element: the fields of
//! the element, the other columns of the record, and the element itself under the name of the list.
//! **Null rule**: a null or empty list makes no row. **Invariants**: a field of the element goes before a
//! column of the record that has its name.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, ListArray, RecordBatch, UInt32Array};
use arrow::compute::take;
use arrow::datatypes::{DataType, Field, FieldRef, Fields, Schema};
use arrow::error::ArrowError;

use super::nested::{as_columns, inside, to_column};
use crate::error::{Error, Result};
use crate::ids::count32;
use crate::scan::GroupRows;
use crate::scan::parquet::BATCH_ROWS;

/// Rows that are elements of lists.
#[derive(Clone, Debug)]
pub(super) struct Exploded {
    /// The name of the column of lists.
    list: String,
    /// The columns of the rows.
    pub(super) fields: Fields,
    /// The row groups of the file that have records.
    pub(super) groups: Vec<GroupRows>,
}

impl Exploded {
    /// The elements of a column of the records; `None` if it is no list.
    pub(super) fn new(fields: &Fields, list: &str, group_rows: &[u64]) -> Option<Exploded> {
        let found = fields.iter().find(|field| field.name() == list)?;
        let DataType::List(element) = found.data_type() else {
            return None;
        };
        let inner = match element.data_type() {
            DataType::Struct(inner) => inner.clone(),
            _ => Fields::empty(),
        };
        let others = fields.iter().filter_map(|field| match field.name() {
            name if inner.iter().any(|own| own.name() == name) => None,
            name if name == list => Some(renamed(element, list)),
            _ => Some(Arc::clone(field)),
        });
        let groups = group_rows.iter().enumerate();
        let groups = groups.filter(|(_, records)| **records > 0);
        let groups = groups.map(|(at, records)| GroupRows::whole(at, *records));
        Some(Exploded {
            list: list.to_owned(),
            fields: as_columns(&inner.iter().cloned().chain(others).collect()),
            groups: groups.collect(),
        })
    }

    /// Calls `on_rows` with the elements of the lists of a batch, some at a time.
    ///
    /// # Errors
    /// If arrow finds fault with an array, or `on_rows` fails.
    pub(super) fn rows(
        &self,
        batch: &RecordBatch,
        fault: &dyn Fn(ArrowError) -> Error,
        on_rows: &mut dyn FnMut(&RecordBatch) -> Result<()>,
    ) -> Result<()> {
        let lists = batch.column_by_name(&self.list).expect("it is always read");
        let lists = lists.as_list::<i32>();
        let mut found = Elements::default();
        let mut hand_on = |found: &mut Elements| {
            let rows = rows_of(batch, lists, &self.list, &std::mem::take(found));
            on_rows(&rows.map_err(fault)?)
        };
        for (record, bounds) in lists.value_offsets().windows(2).enumerate() {
            if lists.is_null(record) {
                continue;
            }
            for element in bounds[0]..bounds[1] {
                found.records.push(count32(record));
                let element = u32::try_from(element).expect("offsets are never negative");
                found.places.push(element);
                if found.records.len() == BATCH_ROWS {
                    hand_on(&mut found)?;
                }
            }
        }
        if found.records.is_empty() {
            return Ok(());
        }
        hand_on(&mut found)
    }
}

/// Some elements of the lists of a batch.
#[derive(Debug, Default)]
struct Elements {
    /// The records that they are in.
    records: Vec<u32>,
    /// Their places in the values of the lists.
    places: Vec<u32>,
}

/// A field with another name, that may be null.
fn renamed(field: &Field, name: &str) -> FieldRef {
    Arc::new(field.clone().with_name(name).with_nullable(true))
}

/// The rows of some elements.
fn rows_of(
    batch: &RecordBatch,
    lists: &ListArray,
    list: &str,
    found: &Elements,
) -> std::result::Result<RecordBatch, ArrowError> {
    let records = UInt32Array::from(found.records.clone());
    let places = UInt32Array::from(found.places.clone());
    let elements = to_column(&take(lists.values(), &places, None)?)?;
    let (mut fields, mut columns): (Vec<FieldRef>, Vec<ArrayRef>) = (Vec::new(), Vec::new());
    if let Some(elements) = elements.as_struct_opt() {
        for name in elements.column_names() {
            let inner = inside(elements, name)?;
            fields.push(renamed(
                &Field::new(name, inner.data_type().clone(), true),
                name,
            ));
            columns.push(inner);
        }
    }
    for (field, column) in batch.schema().fields().iter().zip(batch.columns()) {
        if fields.iter().any(|own| own.name() == field.name()) {
            continue;
        }
        if field.name() == list {
            fields.push(renamed(
                &Field::new(list, elements.data_type().clone(), true),
                list,
            ));
            columns.push(Arc::clone(&elements));
        } else {
            fields.push(renamed(field, field.name()));
            columns.push(take(column, &records, None)?);
        }
    }
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)
}

#[cfg(test)]
mod tests {
    use arrow::array::{Int64Array, StructArray};
    use arrow::buffer::{NullBuffer, OffsetBuffer};

    use super::*;

    /// Sessions of one and two events, of none, and of no list.
    fn sessions() -> RecordBatch {
        let inner = |name| Arc::new(Field::new(name, DataType::Int64, true));
        let events = StructArray::new(
            Fields::from(vec![inner("item"), inner("time")]),
            vec![
                Arc::new(Int64Array::from(vec![Some(10), Some(11), None, Some(13)])),
                Arc::new(Int64Array::from(vec![1, 2, 3, 4])),
            ],
            Some(NullBuffer::from(vec![true, true, true, false])),
        );
        let element = Arc::new(Field::new("item", events.data_type().clone(), true));
        let offsets = OffsetBuffer::from_lengths([1, 2, 0, 1]);
        let nulls = Some(NullBuffer::from(vec![true, true, false, true]));
        let lists = ListArray::new(element, offsets, Arc::new(events), nulls);
        let columns: [(&str, ArrayRef); 3] = [
            ("user", Arc::new(Int64Array::from(vec![7, 8, 9, 6]))),
            ("time", Arc::new(Int64Array::from(vec![70, 80, 90, 60]))),
            ("events", Arc::new(lists)),
        ];
        RecordBatch::try_from_iter(columns).expect("a batch")
    }

    #[test]
    fn an_element_is_a_row_with_its_fields_and_those_of_its_record() {
        let batch = sessions();
        let mut rows = Vec::new();
        let exploded = Exploded::new(batch.schema().fields(), "events", &[4]).expect("a list");
        let fault = |error: ArrowError| Error::settings(error.to_string());
        let read = exploded.rows(&batch, &fault, &mut |batch| {
            let names: Vec<&str> = exploded
                .fields
                .iter()
                .map(|field| field.name().as_str())
                .collect();
            let schema = batch.schema();
            let found: Vec<&str> = schema
                .fields()
                .iter()
                .map(|field| field.name().as_str())
                .collect();
            assert_eq!(found, names);
            let ints = |name: &str| {
                let column = batch.column_by_name(name).expect(name);
                let column = column.as_primitive::<arrow::datatypes::Int64Type>();
                column.iter().collect::<Vec<_>>()
            };
            for ((user, item), time) in ints("user").into_iter().zip(ints("item")).zip(ints("time"))
            {
                rows.push((user.expect("a user"), item, time));
            }
            Ok(())
        });
        read.expect("rows");
        let expected = [
            (7, Some(10), Some(1)),
            (8, Some(11), Some(2)),
            (8, None, Some(3)),
            // The element is null, so its fields are.
            (6, None, None),
        ];
        assert_eq!(rows, expected);
    }
}
