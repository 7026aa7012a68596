//! The rows of a day of several shards, in the order of one run.
//!
//! **In / Out**: the parts of a day of each shard, whose rows are in order → runs of rows of all, in order.
//! **Order**: that of `by_day`: time, impression, listing, user, kept values. Ranks of ids are in the order of
//! their hashes, and then of ids. Users are dealt to shards by their hashes, so that the number of the shard
//! stands for the user, and kept values differ within a shard only. **Cost**: a part of each shard is in
//! memory as it lies on disk, and of it a row group; which row comes next takes about as many comparisons as
//! the number of shards has binary digits.

use std::cmp::Ordering;
use std::path::Path;
use std::slice::Iter;

use arrow::array::{Array, ArrayRef, AsArray, Int64Array, RecordBatch, StringArray};
use arrow::compute::interleave;
use arrow::datatypes::{Int64Type, Schema, TimestampMicrosecondType};

use crate::context::RunContext;
use crate::dictionary::Id;
use crate::error::{Error, ErrorKind, Result};
use crate::ids::count64;
use crate::kernel::column::Customer;
use crate::kernel::hash::hash_of;
use crate::output::part_rows::PartRows;
use crate::publish::Part;

/// The columns that rows are ordered by, as places in the schema.
const IMPRESSION: usize = 0;
/// Which listing.
const LISTING: usize = 2;
/// When.
const TIME: usize = 3;

/// The rows of a day of all shards that have some.
pub(super) struct ShardRows<'a> {
    context: &'a RunContext,
    /// What their columns are.
    schema: &'a Schema,
    /// Rows of a batch.
    batch_rows: usize,
    /// In the order of shards.
    sources: Vec<Source<'a>>,
    /// A heap of the sources with rows, as indices: the one with the next row comes first.
    heap: Vec<usize>,
}

/// The rows of a shard.
struct Source<'a> {
    /// The folder of the day.
    folder: &'a Path,
    /// The parts that are yet to be read.
    parts: Iter<'a, Part>,
    /// The part that is being read, and its bytes.
    open: Option<(PartRows, u64)>,
    batch: RecordBatch,
    /// Accounted bytes of the batch.
    bytes: u64,
    times: Vec<i64>,
    impressions: IdColumn,
    listings: IdColumn,
    /// The next row of the batch.
    row: usize,
    /// The place of the batch among those that rows were taken from.
    place: Option<usize>,
}

/// A column of ids.
enum IdColumn {
    Ints(Int64Array),
    Texts(StringArray),
}

/// Rows of several batches.
#[derive(Default)]
pub(super) struct GatheredRows {
    batches: Vec<RecordBatch>,
    /// The batch of each row, and its place there.
    rows: Vec<(usize, usize)>,
    /// Accounted bytes of the batches of which no row is left.
    pub(super) done_bytes: u64,
}

impl GatheredRows {
    /// Their columns.
    ///
    /// # Errors
    /// If Arrow fails; it has no reason to.
    pub(super) fn columns(&self, count: usize) -> Result<Vec<ArrayRef>> {
        let columns = (0..count).map(|at| {
            let arrays = self.batches.iter().map(|batch| batch.column(at).as_ref());
            let arrays: Vec<&dyn Array> = arrays.collect();
            interleave(&arrays, &self.rows).map_err(|error| internal(error.to_string()))
        });
        columns.collect()
    }
}

impl IdColumn {
    /// The ids of a column.
    fn new(column: &ArrayRef) -> IdColumn {
        match column.as_string_opt::<i32>() {
            Some(texts) => IdColumn::Texts(texts.clone()),
            None => IdColumn::Ints(column.as_primitive::<Int64Type>().clone()),
        }
    }

    /// The id of a row.
    fn get(&self, row: usize) -> Id<'_> {
        match self {
            IdColumn::Ints(ids) => Id::Int(ids.value(row)),
            IdColumn::Texts(ids) => Id::Text(ids.value(row)),
        }
    }
}

/// An id as ranks order it.
fn ranked(id: Id<'_>) -> (u64, Id<'_>) {
    let hash = match id {
        Id::Int(id) => hash_of(Customer::Int(id)),
        Id::Text(id) => hash_of(Customer::Text(id)),
    };
    (hash, id)
}

impl<'a> Source<'a> {
    /// A shard of which nothing is read yet.
    fn new(folder: &'a Path, parts: &'a [Part]) -> Source<'a> {
        let none = || IdColumn::Ints(Vec::<i64>::new().into());
        Source {
            folder,
            parts: parts.iter(),
            open: None,
            batch: RecordBatch::new_empty(Schema::empty().into()),
            bytes: 0,
            times: Vec::new(),
            impressions: none(),
            listings: none(),
            row: 0,
            place: None,
        }
    }

    /// Reads the next rows; gives whether there are any.
    fn read(&mut self, context: &RunContext, schema: &Schema, batch_rows: usize) -> Result<bool> {
        context.check()?;
        loop {
            let Some((rows, bytes)) = &mut self.open else {
                let Some(part) = self.parts.next() else {
                    return Ok(false);
                };
                context.reserve_memory(part.bytes)?;
                let rows = PartRows::open(self.folder.join(&part.name), part, batch_rows)?;
                self.open = Some((rows, part.bytes));
                continue;
            };
            match rows.next()? {
                None => {
                    context.free_memory(*bytes);
                    self.open = None;
                }
                Some(batch) if batch.num_rows() > 0 => {
                    check_types(rows.path(), &batch, schema)?;
                    return self.enter(context, batch).map(|()| true);
                }
                Some(_) => {}
            }
        }
    }

    /// Goes on with a batch.
    fn enter(&mut self, context: &RunContext, batch: RecordBatch) -> Result<()> {
        self.bytes = count64(batch.get_array_memory_size());
        context.reserve_memory(self.bytes)?;
        let times = batch
            .column(TIME)
            .as_primitive::<TimestampMicrosecondType>();
        self.times.clear();
        self.times.extend_from_slice(times.values());
        self.impressions = IdColumn::new(batch.column(IMPRESSION));
        self.listings = IdColumn::new(batch.column(LISTING));
        (self.batch, self.row, self.place) = (batch, 0, None);
        Ok(())
    }

    /// Compares its next row with that of another shard.
    fn compare(&self, other: &Source<'_>) -> Ordering {
        let (own, theirs) = (self.row, other.row);
        let impressions = || {
            let of_own = self.impressions.get(own);
            of_own.cmp(&other.impressions.get(theirs))
        };
        let listings = || {
            let of_own = ranked(self.listings.get(own));
            of_own.cmp(&ranked(other.listings.get(theirs)))
        };
        let times = self.times[own].cmp(&other.times[theirs]);
        times.then_with(impressions).then_with(listings)
    }
}

impl<'a> ShardRows<'a> {
    /// Opens the parts of a day of each shard: the folder of the day and its parts, in the order of shards.
    ///
    /// # Errors
    /// If a part is damaged, or the memory of the job is used up.
    pub(super) fn open(
        context: &'a RunContext,
        schema: &'a Schema,
        batch_rows: usize,
        shards: impl Iterator<Item = (&'a Path, &'a [Part])>,
    ) -> Result<ShardRows<'a>> {
        let mut rows = ShardRows {
            context,
            schema,
            batch_rows,
            sources: Vec::new(),
            heap: Vec::new(),
        };
        for (folder, parts) in shards {
            let mut source = Source::new(folder, parts);
            if source.read(context, schema, batch_rows)? {
                rows.heap.push(rows.sources.len());
                rows.sources.push(source);
            }
        }
        for at in (0..rows.heap.len() / 2).rev() {
            rows.sift_down(at);
        }
        Ok(rows)
    }

    /// Takes the next rows, of which there must be so many.
    ///
    /// # Errors
    /// If there are fewer, a part is damaged, or the memory of the job is used up.
    pub(super) fn take(&mut self, count: usize) -> Result<GatheredRows> {
        for source in &mut self.sources {
            source.place = None;
        }
        let mut gathered = GatheredRows::default();
        gathered.rows.reserve_exact(count);
        for _ in 0..count {
            let Some(first) = self.heap.first().copied() else {
                let what = "the parts of shards have fewer rows than their manifests count";
                return Err(internal(what.to_owned()));
            };
            let source = &mut self.sources[first];
            let place = *source.place.get_or_insert_with(|| {
                gathered.batches.push(source.batch.clone());
                gathered.batches.len() - 1
            });
            gathered.rows.push((place, source.row));
            source.row += 1;
            if source.row == source.batch.num_rows() {
                gathered.done_bytes += source.bytes;
                if !source.read(self.context, self.schema, self.batch_rows)? {
                    self.heap.swap_remove(0);
                }
            }
            self.sift_down(0);
        }
        Ok(gathered)
    }

    /// Checks that all rows were taken.
    ///
    /// # Errors
    /// If not.
    pub(super) fn finish(&self) -> Result<()> {
        if self.heap.is_empty() {
            return Ok(());
        }
        let what = "the parts of shards have more rows than their manifests count";
        Err(internal(what.to_owned()))
    }

    /// Moves a source down the heap, to where none below it has an earlier row.
    fn sift_down(&mut self, mut at: usize) {
        loop {
            let mut first = at;
            for child in [at * 2 + 1, at * 2 + 2] {
                if child < self.heap.len() && self.is_before(child, first) {
                    first = child;
                }
            }
            if first == at {
                return;
            }
            self.heap.swap(at, first);
            at = first;
        }
    }

    /// Whether the row of a source comes before that of another one, given by their places in the heap.
    fn is_before(&self, a: usize, b: usize) -> bool {
        let (a, b) = (self.heap[a], self.heap[b]);
        let order = self.sources[a].compare(&self.sources[b]);
        // Of one shard rows are in order, so rows that are equal so far are of different users.
        order.then(a.cmp(&b)).is_lt()
    }
}

/// Checks that columns have the types of the set.
///
/// # Errors
/// If not.
fn check_types(path: &Path, batch: &RecordBatch, schema: &Schema) -> Result<()> {
    let found = batch.columns().iter().map(|column| column.data_type());
    if found.eq(schema.fields().iter().map(|field| field.data_type())) {
        return Ok(());
    }
    let what = "its columns are not those of the set; make its shard again";
    Err(Error::bad_file(path.display().to_string(), what))
}

/// An error that has no reason to occur.
fn internal(what: String) -> Error {
    Error::from(ErrorKind::Internal { what })
}
