//! Published rows back to rows that hold their history, newest first, under the names that the program gives.
//!
//! **In / Out**: batches of a part, in order → batches of the layout `sample` or `request`, as a run with
//! neither `--rename` nor `--oldest-first` publishes them. **Invariants**: a batch of timelines follows the
//! one before it in its row group, or begins a row group.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, Int32Array, ListArray, RecordBatch, UInt32Array, new_empty_array,
};
use arrow::buffer::OffsetBuffer;
use arrow::compute::{concat, take};
use arrow::datatypes::{DataType, Field, FieldRef, Int32Type, Schema, TimestampMicrosecondType};

use crate::job::{Attribute, Layout, Sequences};
use crate::scan::parquet::value_text;

/// How rows are published, and the timeline that the last row read has.
#[derive(Debug)]
pub(crate) struct PublishedRows {
    /// Other names for columns.
    rename: Vec<(String, String)>,
    is_timeline: bool,
    is_oldest_first: bool,
    /// The columns of histories, under the names that the program gives.
    histories: Vec<String>,
    /// The timeline: its values in each column of histories.
    timeline: Vec<ArrayRef>,
    /// Whose it is; nobody for a guest.
    customer: Option<String>,
}

impl PublishedRows {
    /// Rows as these options publish them.
    pub(crate) fn new(own: &Sequences) -> PublishedRows {
        PublishedRows {
            rename: own.rename.clone(),
            is_timeline: own.layout == Layout::Timeline,
            is_oldest_first: own.oldest_first,
            histories: ["actions", "action_types"]
                .into_iter()
                .chain(own.attributes.iter().map(Attribute::column))
                .map(str::to_owned)
                .collect(),
            timeline: Vec::new(),
            customer: None,
        }
    }

    /// Forgets the timeline, as a file begins with one.
    pub(crate) fn begin_file(&mut self) {
        self.timeline.clear();
        self.customer = None;
    }

    /// Whether rows are published as they are without these options.
    pub(crate) fn are_plain(&self) -> bool {
        self.rename.is_empty() && !self.is_timeline && !self.is_oldest_first
    }

    /// The next batch, plain.
    ///
    /// # Errors
    /// If a history is no range of a timeline, naming the row of the batch.
    pub(crate) fn plain(&mut self, batch: &RecordBatch) -> Result<RecordBatch, String> {
        let batch = self.with_own_names(batch);
        let batch = if self.is_timeline {
            self.with_histories(&batch)?
        } else {
            batch
        };
        if self.is_oldest_first {
            self.newest_first(&batch)
        } else {
            Ok(batch)
        }
    }

    /// Whether a column has histories.
    fn is_history(&self, name: &str) -> bool {
        self.histories.iter().any(|history| history == name)
    }

    /// The same columns under the names that the program gives.
    pub(crate) fn with_own_names(&self, batch: &RecordBatch) -> RecordBatch {
        let own = |field: &FieldRef| {
            let mut renamed = self.rename.iter();
            let name = renamed.find(|(_, other)| other == field.name());
            let name = name.map_or_else(|| field.name(), |(name, _)| name);
            Arc::new(Field::clone(field).with_name(name))
        };
        let fields: Vec<FieldRef> = batch.schema().fields().iter().map(own).collect();
        batch_of(fields, batch.columns().to_vec())
    }

    /// The same rows, each with its history in place of its timeline.
    fn with_histories(&mut self, batch: &RecordBatch) -> Result<RecordBatch, String> {
        let schema = batch.schema();
        let mut timeline = std::mem::take(&mut self.timeline);
        let mut owner = self.customer.take();
        let is_history =
            |field: &FieldRef| field.name() == "action_time" || self.is_history(field.name());
        let columns = schema.fields().iter().zip(batch.columns());
        let lists = columns.clone().filter(|(field, _)| is_history(field));
        let lists: Vec<&ListArray> = lists.map(|(_, column)| column.as_list::<i32>()).collect();
        let Some((starts, lengths)) = place_columns(batch) else {
            return Err("it has no history_start and history_length".to_owned());
        };
        let customers = batch.column_by_name("customer_id");
        let mut histories: Vec<Vec<ArrayRef>> = vec![Vec::new(); lists.len()];
        for row in 0..batch.num_rows() {
            let place = (starts.value(row), lengths.value(row));
            let lists = lists.iter();
            let lists = lists.map(|list| list.is_valid(row).then(|| list.value(row)));
            let lists: Vec<Option<ArrayRef>> = lists.collect();
            let customer = customers
                .filter(|of| of.is_valid(row))
                .map(|of| value_text(of, row));
            if lists.iter().all(Option::is_none) && (customer.is_none() || customer != owner) {
                return Err(format!(
                    "row {row}: no row of its customer before it has a timeline"
                ));
            }
            owner = customer;
            let range = timeline_range(&mut timeline, lists, place);
            let range = range.map_err(|what| format!("row {row}: {what}"))?;
            for (values, history) in timeline.iter().zip(&mut histories) {
                history.push(values.slice(range.start, range.len()));
            }
        }
        let mut histories = histories.into_iter();
        let (mut fields, mut arrays) = (Vec::new(), Vec::new());
        for (field, column) in columns {
            if !is_history(field) {
                if field.name() != "history_start" {
                    fields.push(Arc::clone(field));
                    arrays.push(Arc::clone(column));
                }
                continue;
            }
            let of_rows = histories.next().expect("one for each list");
            let list = list_of(column, &of_rows)?;
            if field.name() == "action_time" {
                let list = deltas(batch, &list)?;
                fields.push(Arc::new(Field::new(
                    "time_delta",
                    list.data_type().clone(),
                    false,
                )));
                arrays.push(Arc::new(list));
            } else {
                fields.push(Arc::new(Field::clone(field).with_nullable(false)));
                arrays.push(Arc::new(list));
            }
        }
        (self.timeline, self.customer) = (timeline, owner);
        Ok(batch_of(fields, arrays))
    }

    /// The same rows, with histories in reverse; padding stays behind them.
    fn newest_first(&self, batch: &RecordBatch) -> Result<RecordBatch, String> {
        let lengths = batch.column_by_name("history_length");
        // A projection without it has no histories either.
        let Some(lengths) = lengths.and_then(|column| column.as_primitive_opt::<Int32Type>())
        else {
            return Ok(batch.clone());
        };
        let schema = batch.schema();
        let columns = schema.fields().iter().zip(batch.columns());
        let columns = columns.map(|(field, column)| {
            if self.is_history(field.name()) {
                reversed(column.as_list::<i32>(), lengths)
            } else {
                Ok(Arc::clone(column))
            }
        });
        let columns = columns.collect::<Result<Vec<ArrayRef>, String>>()?;
        Ok(batch_of(schema.fields().to_vec(), columns))
    }
}

/// The columns that say where histories are.
fn place_columns(batch: &RecordBatch) -> Option<(&Int32Array, &Int32Array)> {
    let ints = |name| batch.column_by_name(name)?.as_primitive_opt::<Int32Type>();
    Some((ints("history_start")?, ints("history_length")?))
}

/// A batch of some columns.
fn batch_of(fields: Vec<FieldRef>, columns: Vec<ArrayRef>) -> RecordBatch {
    let schema = Arc::new(Schema::new(fields));
    RecordBatch::try_new(schema, columns).expect("columns of these fields, of one length")
}

/// A list per row, given the values of each.
fn list_of(column: &ArrayRef, rows: &[ArrayRef]) -> Result<ListArray, String> {
    let DataType::List(element) = column.data_type() else {
        return Err("it is no list".to_owned());
    };
    let values: Vec<&dyn Array> = rows.iter().map(|values| &**values).collect();
    let values = match values[..] {
        [] => new_empty_array(element.data_type()),
        _ => concat(&values).map_err(|error| error.to_string())?,
    };
    let offsets = OffsetBuffer::from_lengths(rows.iter().map(|values| values.len()));
    Ok(ListArray::new(Arc::clone(element), offsets, values, None))
}

/// Seconds to the cutoff, given the times of the actions of each row.
fn deltas(batch: &RecordBatch, times: &ListArray) -> Result<ListArray, String> {
    let cutoffs = batch.column_by_name("cutoff");
    let cutoffs = cutoffs.ok_or("it has no cutoff")?;
    let cutoffs = cutoffs.as_primitive::<TimestampMicrosecondType>().values();
    let rows = (0..times.len()).zip(cutoffs);
    let seconds = rows.flat_map(|(row, cutoff)| {
        let times = times.value(row);
        let times = times.as_primitive::<TimestampMicrosecondType>().values();
        let seconds = times
            .iter()
            .map(|time| cutoff.saturating_sub(*time).div_euclid(1_000_000));
        let seconds = seconds.map(|seconds| i32::try_from(seconds).unwrap_or(i32::MAX));
        seconds.collect::<Vec<i32>>()
    });
    let seconds: Vec<i32> = seconds.collect();
    let element = Arc::new(Field::new("element", DataType::Int32, false));
    let seconds = Arc::new(Int32Array::from(seconds));
    Ok(ListArray::new(
        element,
        times.offsets().clone(),
        seconds,
        None,
    ))
}

/// Lists whose first values, so many in each, are in reverse.
fn reversed(list: &ListArray, lengths: &Int32Array) -> Result<ArrayRef, String> {
    let mut order: Vec<u32> = Vec::new();
    for (row, bounds) in list.value_offsets().windows(2).enumerate() {
        let middle = bounds[0] + lengths.value(row).clamp(0, bounds[1] - bounds[0]);
        let [start, middle, end] =
            [bounds[0], middle, bounds[1]].map(|at| u32::try_from(at).unwrap_or(0));
        order.extend((start..middle).rev().chain(middle..end));
    }
    let values = take(list.values(), &UInt32Array::from(order), None);
    let values = values.map_err(|error| error.to_string())?;
    let DataType::List(element) = list.data_type() else {
        return Err("it is no list".to_owned());
    };
    let offsets = OffsetBuffer::from_lengths(list.offsets().lengths());
    let list = ListArray::new(Arc::clone(element), offsets, values, None);
    Ok(Arc::new(list))
}

/// The range of a row's history in the timeline, which the lists of the row replace if it has some.
fn timeline_range(
    timeline: &mut Vec<ArrayRef>,
    lists: Vec<Option<ArrayRef>>,
    (start, length): (i32, i32),
) -> Result<Range<usize>, &'static str> {
    if lists.iter().any(Option::is_some) {
        let lists: Option<Vec<ArrayRef>> = lists.into_iter().collect();
        *timeline = lists.ok_or("only some of its lists are null")?;
    }
    let all = timeline
        .first()
        .ok_or("there is no timeline before it")?
        .len();
    if timeline.iter().any(|values| values.len() != all) {
        return Err("its lists differ in length");
    }
    let start = usize::try_from(start).unwrap_or(usize::MAX);
    let end = start.checked_add(usize::try_from(length).unwrap_or(usize::MAX));
    let end = end.filter(|end| *end <= all);
    Ok(start..end.ok_or("its history is not within the timeline")?)
}
