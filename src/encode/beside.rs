//! The columns beside the histories on the direct path: what the rows of an impression share is
//! put down once.
//!
//! **In / Out**: a [`Block`] and its [`Shapes`] → the column chunks of the columns before those of
//! the histories, and of those behind them, in order; `leaf` knows what they hold.
//! **Encodings**: PLAIN, levels as runs; pages hold whole impressions, about as many bytes as the
//! job says, decoded.
//! **Why so**: parquet's own writers look at each value of each row, and took two thirds of the
//! time of a row group in LZ4. Statistics are of the chunk: it seldom has a second page.

use std::ops::Range;

use parquet::basic::Encoding;
use parquet::data_type::{FloatType, Int32Type, Int64Type};
use parquet::errors::Result;
use parquet::file::metadata::ColumnChunkMetaData;
use parquet::file::page_index::offset_index::OffsetIndexMetaData;
use parquet::schema::types::{ColumnDescPtr, SchemaDescPtr};

use super::chunk::{Chunk, Sink};
use super::leaf::{Labels, Leaf, Levels, Numbers, Shared, put_after};
use super::pages::{PageMaker, length_of, repetition_levels};
use super::scalars::weight;
use super::shapes::Shapes;
use super::stream::Stream;
use super::{Block, ItemColumn, carried};
use crate::column::Customer;
use crate::ids::{index, offset32};
use crate::job::{Job, Layout};

/// A column chunk, and where its pages are.
type ColumnChunk = (ColumnChunkMetaData, OffsetIndexMetaData);

/// The columns beside the histories of a block.
pub(super) struct Beside<'b, I> {
    /// What is asked for.
    job: &'b Job,
    /// The rows.
    block: &'b Block<'b, I>,
    /// What their histories are like.
    shapes: &'b Shapes,
    /// How many rows each impression has.
    rows: Vec<usize>,
    /// Where its items lie among those of all impressions.
    items: Vec<Range<usize>>,
}

impl<'b, I: ItemColumn> Beside<'b, I> {
    /// The columns beside the histories of a block, given their shapes.
    pub(super) fn new(job: &'b Job, block: &'b Block<'b, I>, shapes: &'b Shapes) -> Self {
        Beside {
            job,
            block,
            shapes,
            rows: shapes.all.iter().map(|of| index(of.rows)).collect(),
            items: block.rows.iter().map(|row| block.items(row)).collect(),
        }
    }

    /// Makes the column chunks that come before the histories, behind `chunks`.
    pub(super) fn columns_before(
        &self,
        pages: &mut PageMaker,
        files: (&SchemaDescPtr, &mut Sink),
        chunks: &mut Vec<ColumnChunk>,
    ) -> Result<()> {
        self.put_all(pages, self.leaves(), files, chunks)
    }

    /// Makes the column chunks that come behind the histories, behind `chunks`.
    pub(super) fn columns_behind(
        &self,
        pages: &mut PageMaker,
        (descriptor, sink): (&SchemaDescPtr, &mut Sink),
        chunks: &mut Vec<ColumnChunk>,
    ) -> Result<()> {
        if let Some(of_negative) = self.job.negative_weight() {
            let (column, items) = self.weights(of_negative);
            let (items, column) = (&items[..], &column[..]);
            let leaf: Box<dyn Leaf + '_> = Box::new(Numbers::<FloatType> { items, column });
            self.put_all(pages, vec![leaf], (descriptor, &mut *sink), chunks)?;
        }
        let kept = carried::placed(self.job);
        let leaves = kept.map(|kept| carried::leaf(self.block, kept, (&self.rows, &self.items)));
        self.put_all(pages, leaves.collect(), (descriptor, sink), chunks)
    }

    /// What each item stands for, and where those of each impression lie.
    fn weights(&self, of_negative: f32) -> (Vec<f32>, Vec<Range<usize>>) {
        let (mut weights, mut items) = (Vec::new(), Vec::new());
        for of in &self.items {
            let start = weights.len();
            let labels = &self.block.probes.impressions.labels[of.clone()];
            weights.extend(labels.iter().map(|label| weight(*label, of_negative)));
            items.push(start..weights.len());
        }
        (weights, items)
    }

    /// Makes column chunks, behind `chunks`.
    fn put_all(
        &self,
        pages: &mut PageMaker,
        leaves: Vec<Box<dyn Leaf + '_>>,
        (descriptor, sink): (&SchemaDescPtr, &mut Sink),
        chunks: &mut Vec<ColumnChunk>,
    ) -> Result<()> {
        for leaf in leaves {
            let (leaf, description) = (&*leaf, descriptor.column(chunks.len()));
            let files = (&description, &mut *sink);
            chunks.push(chunk_of(pages, self.job, (leaf, &self.rows), files)?);
        }
        Ok(())
    }

    /// The columns before the histories.
    fn leaves(&self) -> Vec<Box<dyn Leaf + '_>> {
        let (rows, items) = (&self.rows[..], &self.items[..]);
        let (probes, impressions) = (self.block.probes, &self.block.probes.impressions);
        let of_block = || self.block.rows.iter().map(|row| index(row.probe));
        let customers = of_block().map(|probe| impressions.customer(probes.rows[probe]));
        let rankings = of_block().map(|probe| impressions.rankings.get(index(probes.rows[probe])));
        let cutoffs = of_block().map(|probe| probes.cutoffs[probe].0);
        let newest = self.shapes.all.iter();
        let newest = newest.map(|of| of.newest.map(|time| time.0));
        let lengths = self.shapes.all.iter().map(|of| index(of.actions.count()));

        let mut leaves: Vec<Box<dyn Leaf + '_>> = Vec::new();
        leaves.push(match impressions.has_text_ids() {
            true => Box::new(Shared::texts(rows, customers.map(text_of))),
            false => Box::new(Shared::numbers::<Int64Type>(rows, customers.map(int_of))),
        });
        leaves.push(Box::new(Shared::texts(rows, rankings.map(Some))));
        if self.job.layout == Layout::Sample {
            let column = &impressions.positions;
            leaves.push(Box::new(Numbers::<Int32Type> { items, column }));
        }
        let column = &impressions.items;
        leaves.push(Box::new(Numbers::<I::Parquet> { items, column }));
        let column = &impressions.labels;
        leaves.push(Box::new(Labels { items, column }));
        let cutoffs = cutoffs.map(Some);
        leaves.push(Box::new(Shared::numbers::<Int64Type>(rows, cutoffs)));
        leaves.push(Box::new(Shared::numbers::<Int64Type>(rows, newest)));
        let lengths = lengths.map(|length| Some(offset32(length)));
        leaves.push(Box::new(Shared::numbers::<Int32Type>(rows, lengths)));
        leaves
    }
}

/// The id of a customer with a text id.
fn text_of(customer: Customer<'_>) -> Option<&str> {
    match customer {
        Customer::Text(id) => Some(id),
        _ => None,
    }
}

/// The id of a customer with an integer id.
fn int_of(customer: Customer<'_>) -> Option<i64> {
    match customer {
        Customer::Int(id) => Some(id),
        _ => None,
    }
}

/// Writes a column chunk of impressions that have `rows` rows each.
fn chunk_of(
    pages: &mut PageMaker,
    job: &Job,
    (leaf, rows): (&dyn Leaf, &[usize]),
    (description, sink): (&ColumnDescPtr, &mut Sink),
) -> Result<ColumnChunk> {
    let mut chunk = Chunk::new(sink, Encoding::PLAIN);
    let (mut start, mut bytes) = (0, 0);
    for at in 0..rows.len() {
        bytes += leaf.bytes(at);
        let is_last = at + 1 == rows.len();
        if is_last || bytes + leaf.bytes(at + 1) > job.page_bytes_max {
            let of = start..at + 1;
            let count = rows[of.clone()].iter().sum();
            pages.stream.clear();
            let values = put_page(&mut pages.stream, leaf, description, of);
            chunk.data(&mut pages.stream, &mut pages.compressor, count, values)?;
            (start, bytes) = (at + 1, 0);
        }
    }
    chunk.finish(job, description, Some(leaf.statistics()))
}

/// Puts down a page: levels, then values, whose number it tells.
fn put_page(
    stream: &mut Stream,
    leaf: &dyn Leaf,
    description: &ColumnDescPtr,
    of: Range<usize>,
) -> usize {
    let counts = of.clone().map(|at| leaf.count(at));
    if description.max_rep_level() > 0 {
        put_repetition_levels(stream, counts.clone());
    }
    if description.max_def_level() > 0 {
        let mut levels = Levels::new(description.max_def_level());
        leaf.levels(of.clone(), &mut levels);
        let levels = levels.finish();
        stream.literal(&length_of(levels.len()));
        stream.literal(&levels);
    }
    leaf.values(of, stream);
    counts.sum()
}

/// Puts down the repetition levels of lists with these counts.
fn put_repetition_levels(stream: &mut Stream, counts: impl Iterator<Item = usize> + Clone) {
    let mut last = (0, Vec::new());
    let mut each = |count| {
        if last.0 != count {
            last = (count, repetition_levels(count));
        }
        last.1.clone()
    };
    let bytes = counts.clone().map(|count| each(count).len()).sum();
    stream.literal(&length_of(bytes));
    let mut before = Vec::new();
    for count in counts {
        let now = each(count);
        put_after(stream, &before, &now);
        before = now;
    }
}
