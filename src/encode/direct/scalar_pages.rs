//! The scalar columns (all but histories) on the direct path: a value that the rows of an impression
//! share is written once.
//!
//! **In / Out**: a [`Block`] and its [`HistoryDeltas`] → the column chunk of any scalar column, whose
//! values come from a [`ScalarValues`].
//! **Encodings**: PLAIN, levels as runs; pages hold whole impressions, about as many decoded bytes as
//! the spec says.
//! **Why so**: parquet's own writers visit each value of each row, and took two thirds of the time of
//! a row group in LZ4. Statistics are of the chunk: it seldom has a second page.

use std::ops::Range;

use parquet::basic::Encoding;
use parquet::data_type::{FloatType, Int32Type, Int64Type};
use parquet::errors::Result;
use parquet::file::metadata::ColumnChunkMetaData;
use parquet::file::page_index::offset_index::OffsetIndexMetaData;
use parquet::schema::types::ColumnDescPtr;

use crate::encode::chunk::{ColumnChunkWriter, Sink};
use crate::encode::columns::Scalar;
use crate::encode::direct::history_deltas::HistoryDeltas;
use crate::encode::direct::history_pages::{PageMaker, length_of, repetition_levels};
use crate::encode::direct::literals_and_copies::LiteralsAndCopies;
use crate::encode::direct::scalar_values::{
    ItemLabels, Levels, PerImpression, PerItem, ScalarValues, put_after,
};
use crate::encode::passthrough;
use crate::encode::scalars::weight;
use crate::encode::spec::WriteSpec;
use crate::encode::{Block, ItemColumn};
use crate::ids::{index, offset32};
use crate::kernel::column::Customer;

/// The metadata of a column chunk, and the offsets of its pages.
type ColumnChunk = (ColumnChunkMetaData, OffsetIndexMetaData);

/// Writes the scalar columns of a block.
pub(crate) struct ScalarPages<'b, I> {
    spec: &'b WriteSpec<'b>,
    block: &'b Block<'b, I>,
    deltas: &'b HistoryDeltas,
    /// The number of rows of each impression.
    rows: Vec<usize>,
    /// The range of each impression's items among those of all impressions.
    items: Vec<Range<usize>>,
}

impl<'b, I: ItemColumn> ScalarPages<'b, I> {
    /// The scalar columns of a block, given the deltas of its histories.
    pub(crate) fn new(
        spec: &'b WriteSpec<'b>,
        block: &'b Block<'b, I>,
        deltas: &'b HistoryDeltas,
    ) -> ScalarPages<'b, I> {
        ScalarPages {
            spec,
            block,
            deltas,
            rows: deltas.all.iter().map(|delta| index(delta.rows)).collect(),
            items: block.rows.iter().map(|row| block.items(row)).collect(),
        }
    }

    /// Writes the chunk of a column.
    pub(crate) fn column(
        &self,
        column: Scalar<'_>,
        pages: &mut PageMaker,
        description: &ColumnDescPtr,
        sink: &mut Sink,
    ) -> Result<ColumnChunk> {
        let (rows, items) = (&self.rows[..], &self.items[..]);
        let (probes, impressions) = (self.block.probes, &self.block.probes.impressions);
        let of_block = self.block.rows.iter().map(|row| index(row.probe));
        let deltas = self.deltas.all.iter();
        let mut put =
            |values: &dyn ScalarValues| chunk_of(pages, self.spec, values, rows, description, sink);
        match column {
            Scalar::Customer => {
                let customers = of_block.map(|probe| impressions.customer(probes.rows[probe]));
                if impressions.has_text_ids() {
                    put(&PerImpression::texts(rows, customers.map(text_of)))
                } else {
                    let ids = customers.map(int_of);
                    put(&PerImpression::numbers::<Int64Type>(rows, ids))
                }
            }
            Scalar::Ranking => {
                let rankings = of_block.map(|probe| index(probes.rows[probe]));
                let rankings = rankings.map(|at| Some(impressions.rankings.bytes(at)));
                put(&PerImpression::texts(rows, rankings))
            }
            Scalar::Position => {
                let column = &impressions.positions;
                put(&PerItem::<Int32Type> { items, column })
            }
            Scalar::Item => {
                let column = &impressions.items;
                put(&PerItem::<I::Parquet> { items, column })
            }
            Scalar::Label => {
                let column = &impressions.labels;
                put(&ItemLabels { items, column })
            }
            Scalar::Cutoff => {
                let cutoffs = of_block.map(|probe| Some(probes.cutoffs[probe].0));
                put(&PerImpression::numbers::<Int64Type>(rows, cutoffs))
            }
            Scalar::LastActionTime => {
                let newest = deltas.map(|delta| delta.newest.map(|time| time.0));
                put(&PerImpression::numbers::<Int64Type>(rows, newest))
            }
            Scalar::HistoryLength => {
                let lengths = deltas.map(|delta| Some(offset32(index(delta.actions.count()))));
                put(&PerImpression::numbers::<Int32Type>(rows, lengths))
            }
            Scalar::HistoryStart => unreachable!("timelines take the plain path"),
            Scalar::Weight(of_negative) => {
                // Weights exist for this block only, so their ranges differ from those of items.
                let (column, items) = self.weights(of_negative);
                let (items, column) = (&items[..], &column[..]);
                put(&PerItem::<FloatType> { items, column })
            }
            Scalar::Passthrough(keep, place) => {
                put(&*passthrough::values(self.block, keep, place, rows, items))
            }
        }
    }

    /// The weight of each item, and the range of each impression's.
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
fn text_of(customer: Customer<'_>) -> Option<&[u8]> {
    match customer {
        Customer::Text(id) => Some(id.as_bytes()),
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
    values: &dyn ScalarValues,
    rows: &[usize],
    description: &ColumnDescPtr,
    sink: &mut Sink,
) -> Result<ColumnChunk> {
    let mut chunk = ColumnChunkWriter::new(sink, Encoding::PLAIN);
    let (mut start, mut bytes) = (0, 0);
    for at in 0..rows.len() {
        bytes += values.bytes(at);
        // Impressions are not split: the rows of one repeat a value, which costs one copy per page.
        let is_last = at + 1 == rows.len();
        if is_last || bytes + values.bytes(at + 1) > spec.page_bytes_max {
            let impressions = start..at + 1;
            let rows_count = rows[impressions.clone()].iter().sum();
            pages.stream.clear();
            let values_count = put_page(&mut pages.stream, values, description, impressions);
            let (stream, compressor) = (&pages.stream, &mut pages.compressor);
            chunk.data(stream, compressor, rows_count, values_count)?;
            (start, bytes) = (at + 1, 0);
        }
    }
    chunk.finish(spec.codec, description, Some(values.statistics()))
}

/// Writes a page: levels, then values; gives the number of values.
fn put_page(
    stream: &mut LiteralsAndCopies,
    values: &dyn ScalarValues,
    description: &ColumnDescPtr,
    impressions: Range<usize>,
) -> usize {
    let counts = impressions.clone().map(|at| values.count(at));
    // Levels whose maximum is 0 are left out of a page, with their length.
    if description.max_rep_level() > 0 {
        put_repetition_levels(stream, counts.clone());
    }
    if description.max_def_level() > 0 {
        let mut levels = Levels::new(description.max_def_level());
        values.levels(impressions.clone(), &mut levels);
        let levels = levels.finish();
        stream.literal(&length_of(levels.len()));
        stream.literal(&levels);
    }
    values.values(impressions, stream);
    counts.sum()
}

/// Writes the repetition levels of lists with these counts.
fn put_repetition_levels(
    stream: &mut LiteralsAndCopies,
    counts: impl Iterator<Item = usize> + Clone,
) {
    // The length precedes the levels, so they are made twice. Neighbours often have as many items,
    // so the last template is kept.
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
