//! The columns beside the histories on the direct path: what the rows of an impression share is
//! put down once.
//!
//! **In / Out**: a [`Block`] and its [`HistoryDeltas`] → the column chunk of any column that is none of
//! histories; `leaf` knows what it holds.
//! **Encodings**: PLAIN, levels as runs; pages hold whole impressions, about as many bytes as the
//! spec says, decoded.
//! **Why so**: parquet's own writers look at each value of each row, and took two thirds of the
//! time of a row group in LZ4. Statistics are of the chunk: it seldom has a second page.

use std::ops::Range;

use parquet::basic::Encoding;
use parquet::data_type::{FloatType, Int32Type, Int64Type};
use parquet::errors::Result;
use parquet::file::metadata::ColumnChunkMetaData;
use parquet::file::page_index::offset_index::OffsetIndexMetaData;
use parquet::schema::types::ColumnDescPtr;

use crate::encode::chunk::{Chunk, Sink};
use crate::encode::columns::Scalar;
use crate::encode::direct::history_deltas::HistoryDeltas;
use crate::encode::direct::history_pages::{PageMaker, length_of, repetition_levels};
use crate::encode::direct::literals_and_copies::LiteralsAndCopies;
use crate::encode::direct::scalar_values::{
    Labels, Levels, Numbers, ScalarValues, Shared, put_after,
};
use crate::encode::passthrough;
use crate::encode::scalars::weight;
use crate::encode::spec::WriteSpec;
use crate::encode::{Block, ItemColumn};
use crate::ids::{index, offset32};
use crate::kernel::column::Customer;

/// A column chunk, and where its pages are.
type ColumnChunk = (ColumnChunkMetaData, OffsetIndexMetaData);

/// The columns beside the histories of a block.
pub(crate) struct ScalarPages<'b, I> {
    /// How rows become Parquet.
    spec: &'b WriteSpec<'b>,
    block: &'b Block<'b, I>,
    /// What their histories are like.
    shapes: &'b HistoryDeltas,
    /// How many rows each impression has.
    rows: Vec<usize>,
    /// Where its items lie among those of all impressions.
    items: Vec<Range<usize>>,
}

impl<'b, I: ItemColumn> ScalarPages<'b, I> {
    /// The columns beside the histories of a block, given their shapes.
    pub(crate) fn new(
        spec: &'b WriteSpec<'b>,
        block: &'b Block<'b, I>,
        shapes: &'b HistoryDeltas,
    ) -> ScalarPages<'b, I> {
        ScalarPages {
            spec,
            block,
            shapes,
            rows: shapes.all.iter().map(|shape| index(shape.rows)).collect(),
            items: block.rows.iter().map(|row| block.items(row)).collect(),
        }
    }

    /// Makes the chunk of a column.
    pub(crate) fn column(
        &self,
        column: Scalar<'_>,
        pages: &mut PageMaker,
        files: (&ColumnDescPtr, &mut Sink),
    ) -> Result<ColumnChunk> {
        let (rows, items) = (&self.rows[..], &self.items[..]);
        let (probes, impressions) = (self.block.probes, &self.block.probes.impressions);
        let of_block = self.block.rows.iter().map(|row| index(row.probe));
        let shapes = self.shapes.all.iter();
        let put = |leaf: &dyn ScalarValues| chunk_of(pages, self.spec, (leaf, rows), files);
        match column {
            Scalar::Customer => {
                let customers = of_block.map(|probe| impressions.customer(probes.rows[probe]));
                match impressions.has_text_ids() {
                    true => put(&Shared::texts(rows, customers.map(text_of))),
                    false => put(&Shared::numbers::<Int64Type>(rows, customers.map(int_of))),
                }
            }
            Scalar::Ranking => {
                let rankings = of_block.map(|probe| index(probes.rows[probe]));
                let rankings = rankings.map(|at| Some(impressions.rankings.get(at)));
                put(&Shared::texts(rows, rankings))
            }
            Scalar::Position => {
                let column = &impressions.positions;
                put(&Numbers::<Int32Type> { items, column })
            }
            Scalar::Item => {
                let column = &impressions.items;
                put(&Numbers::<I::Parquet> { items, column })
            }
            Scalar::Label => {
                let column = &impressions.labels;
                put(&Labels { items, column })
            }
            Scalar::Cutoff => {
                let cutoffs = of_block.map(|probe| Some(probes.cutoffs[probe].0));
                put(&Shared::numbers::<Int64Type>(rows, cutoffs))
            }
            Scalar::LastActionTime => {
                let newest = shapes.map(|shape| shape.newest.map(|time| time.0));
                put(&Shared::numbers::<Int64Type>(rows, newest))
            }
            Scalar::HistoryLength => {
                let lengths = shapes.map(|shape| Some(offset32(index(shape.actions.count()))));
                put(&Shared::numbers::<Int32Type>(rows, lengths))
            }
            Scalar::Weight(of_negative) => {
                let (column, items) = self.weights(of_negative);
                let (items, column) = (&items[..], &column[..]);
                put(&Numbers::<FloatType> { items, column })
            }
            Scalar::Passthrough(keep, place) => put(&*passthrough::leaf(
                self.block,
                (keep, place),
                (rows, items),
            )),
        }
    }

    /// What each item stands for, and where those of each impression lie.
    fn weights(&self, of_negative: f32) -> (Vec<f32>, Vec<Range<usize>>) {
        let (mut weights, mut items) = (Vec::new(), Vec::new());
        for of_impression in &self.items {
            let start = weights.len();
            let labels = &self.block.probes.impressions.labels[of_impression.clone()];
            weights.extend(labels.iter().map(|label| weight(*label, of_negative)));
            items.push(start..weights.len());
        }
        (weights, items)
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
    spec: &WriteSpec<'_>,
    (leaf, rows): (&dyn ScalarValues, &[usize]),
    (description, sink): (&ColumnDescPtr, &mut Sink),
) -> Result<ColumnChunk> {
    let mut chunk = Chunk::new(sink, Encoding::PLAIN);
    let (mut start, mut bytes) = (0, 0);
    for at in 0..rows.len() {
        bytes += leaf.bytes(at);
        let is_last = at + 1 == rows.len();
        if is_last || bytes + leaf.bytes(at + 1) > spec.page_bytes_max {
            let of = start..at + 1;
            let count = rows[of.clone()].iter().sum();
            pages.stream.clear();
            let values = put_page(&mut pages.stream, leaf, description, of);
            chunk.data(&mut pages.stream, &mut pages.compressor, count, values)?;
            (start, bytes) = (at + 1, 0);
        }
    }
    chunk.finish(spec.codec, description, Some(leaf.statistics()))
}

/// Puts down a page: levels, then values, whose number it tells.
fn put_page(
    stream: &mut LiteralsAndCopies,
    leaf: &dyn ScalarValues,
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
fn put_repetition_levels(
    stream: &mut LiteralsAndCopies,
    counts: impl Iterator<Item = usize> + Clone,
) {
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
