//! Rows as they are published to rows that hold their history, newest first: naively, value by value.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Int32Array, ListArray, RecordBatch, UInt32Array};
use arrow::buffer::OffsetBuffer;
use arrow::compute::take;
use arrow::datatypes::{DataType, Field, Int32Type, Schema, TimestampMicrosecondType};
use hitherto::{Attribute, Layout, Settings};

/// The timeline that was read last, a list for each column of histories.
pub(crate) type Timeline = Vec<(String, ArrayRef)>;

/// The columns of histories, as they are published, with the names that the program gives.
fn history_columns(settings: &Settings) -> Vec<(String, String)> {
    let own = settings.sequences();
    let names = ["actions", "action_types"].map(str::to_owned).into_iter();
    let attributes = own.attributes.iter().map(|attribute| match attribute {
        Attribute::TimeDelta if own.layout == Layout::Timeline => "action_time".to_owned(),
        attribute => attribute.column().to_owned(),
    });
    let names = names.chain(attributes);
    names
        .map(|name| (published_name(settings, &name), name))
        .collect()
}

/// The name of a column in the output.
fn published_name(settings: &Settings, name: &str) -> String {
    let renamed = settings
        .sequences()
        .rename
        .iter()
        .find(|(own, _)| own == name);
    renamed.map_or(name, |(_, other)| other).to_owned()
}

/// A batch whose rows hold their histories, newest first.
pub(crate) fn plain(
    batch: &RecordBatch,
    settings: &Settings,
    timeline: &mut Timeline,
) -> RecordBatch {
    let own = settings.sequences();
    let histories = history_columns(settings);
    let column = |name: &str| {
        let name = published_name(settings, name);
        let found = batch.column_by_name(&name);
        Arc::clone(found.unwrap_or_else(|| panic!("no column {name}")))
    };
    let int = |name: &str, row: usize| {
        let value = column(name).as_primitive::<Int32Type>().value(row);
        usize::try_from(value).expect("never negative")
    };
    let mut lists: Vec<Vec<ArrayRef>> = vec![Vec::new(); histories.len()];
    for row in 0..batch.num_rows() {
        let length = int("history_length", row);
        for (at, (_, name)) in histories.iter().enumerate() {
            let of_row = column(name);
            let of_row = of_row.as_list::<i32>();
            let values = if own.layout == Layout::Timeline {
                if of_row.is_valid(row) {
                    timeline.retain(|(known, _)| known != name);
                    timeline.push((name.clone(), of_row.value(row)));
                }
                let found = timeline.iter().find(|(known, _)| known == name);
                let (_, values) = found.expect("a timeline before the first null");
                values.slice(int("history_start", row), length)
            } else {
                of_row.value(row)
            };
            let last = u32::try_from(values.len()).expect("small");
            let end = u32::try_from(length).expect("small");
            let order: UInt32Array = match own.oldest_first {
                true => (0..end).rev().chain(end..last).map(Some).collect(),
                false => (0..last).map(Some).collect(),
            };
            lists[at].push(take(&values, &order, None).expect("values"));
        }
    }
    let columns = batch.schema();
    let columns = columns.fields().iter().zip(batch.columns());
    let columns = columns.map(|(field, array)| {
        let renamed = own.rename.iter().find(|(_, other)| other == field.name());
        let name = renamed
            .map_or_else(|| field.name(), |(name, _)| name)
            .clone();
        match histories.iter().position(|(_, own)| *own == name) {
            None => (name, Arc::clone(array)),
            Some(at) if name == "action_time" => (
                "time_delta".to_owned(),
                deltas(&column("cutoff"), &lists[at]),
            ),
            Some(at) => (name, list(array, &lists[at])),
        }
    });
    let (fields, arrays): (Vec<Field>, Vec<ArrayRef>) = columns
        .map(|(name, array)| (Field::new(name, array.data_type().clone(), true), array))
        .unzip();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays).expect("a batch")
}

/// Lists of these values, of the type of an array of lists.
fn list(like: &ArrayRef, rows: &[ArrayRef]) -> ArrayRef {
    let DataType::List(element) = like.data_type() else {
        panic!("no list");
    };
    let values: Vec<&dyn Array> = rows.iter().map(|values| &**values).collect();
    let values = arrow::compute::concat(&values).expect("values of one type");
    let offsets = OffsetBuffer::from_lengths(rows.iter().map(|values| values.len()));
    Arc::new(ListArray::new(Arc::clone(element), offsets, values, None))
}

/// Whole seconds from times to cutoffs.
fn deltas(cutoffs: &ArrayRef, times: &[ArrayRef]) -> ArrayRef {
    let cutoffs = cutoffs.as_primitive::<TimestampMicrosecondType>().values();
    let rows = times.iter().zip(cutoffs).map(|(times, cutoff)| {
        let times = times
            .as_primitive::<TimestampMicrosecondType>()
            .values()
            .iter();
        let seconds = times.map(|time| (cutoff - time).div_euclid(1_000_000));
        let seconds = seconds.map(|seconds| Some(i32::try_from(seconds).unwrap_or(i32::MAX)));
        Arc::new(seconds.collect::<Int32Array>()) as ArrayRef
    });
    let rows: Vec<ArrayRef> = rows.collect();
    let element = Arc::new(Field::new("element", DataType::Int32, true));
    let like: ArrayRef = Arc::new(ListArray::new_null(element, 0));
    list(&like, &rows)
}
