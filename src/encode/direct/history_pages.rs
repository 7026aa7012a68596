//! The direct path: pages of histories, compressed without being materialized.
//!
//! **In / Out**: the [`HistoryDeltas`] of a block → the column chunks of `actions`, `action_types`,
//! `time_delta` and the attributes.
//! A history is written once; rows that repeat it, or continue it shifted, are copies.
//! **Encodings**: ids PLAIN; kinds RLE_DICTIONARY of {0, 1, …} at 8 bits, so that a kind is one byte
//! and can be copied (Parquet has no one-byte type). Levels are a template: no list is empty and no
//! element null, so every definition level is 1, one run for the whole page, and the repetition
//! levels of every row are the same few bytes.
//! **Page**: whole rows, at most a megabyte decoded (one row at least), of version 1, which
//! every reader knows. The first row of a page is written in full.

use parquet::basic::Encoding;
use parquet::errors::Result;
use parquet::file::metadata::ColumnChunkMetaData;
use parquet::file::page_index::offset_index::OffsetIndexMetaData;
use parquet::schema::types::ColumnDescPtr;

use super::{lz4, zstd};
use crate::context::RunContext;
use crate::encode::chunk::{ColumnChunkWriter, PageCompressor, Sink};
use crate::encode::columns::HistoryColumn;
use crate::encode::direct::history_deltas::{HistoryActions, HistoryDelta, HistoryDeltas};
use crate::encode::direct::literals_and_copies::LiteralsAndCopies;
use crate::encode::spec::WriteSpec;
use crate::encode::{Block, ItemColumn, check_cancelled};
use crate::ids::{ActionType, Micros, index};
use crate::job::{Attribute, AttributeType, Codec, ItemType};
use crate::kernel::attributes::float_of_key;
use crate::kernel::op::sequences::{seconds_before, seconds_since_1970};
use crate::kernel::sweep::Window;

/// Writes pages. One per thread, reused from row group to row group.
#[derive(Debug)]
pub(crate) struct PageMaker {
    /// The current page.
    pub(crate) stream: LiteralsAndCopies,
    pub(crate) compressor: PageCompressor,
    /// Rows of the block, in pages.
    runs: Vec<PageRun>,
}

/// Rows of one history on one page.
#[derive(Clone, Copy, Debug)]
struct PageRun {
    /// The history, as an index into [`HistoryDeltas::all`].
    history: usize,
    /// The number of rows.
    rows: usize,
    /// Whether the page begins with them.
    first: bool,
}

/// Whether histories can take this path: zstd or LZ4, padded, and short enough for the row before
/// to lie within the distance that a copy may have.
pub(crate) fn is_supported(spec: &WriteSpec<'_>) -> bool {
    let has_times = spec.attributes.contains(&Attribute::Time);
    // Of the widest column of histories: ids, or times.
    let width = match spec.item_type {
        ItemType::Int32 if !has_times => 4,
        ItemType::Int32 | ItemType::Int64 => 8,
    };
    // A copy reaches back one row, and at most one more row if all elements are new.
    let reach = 2 * width * index(spec.actions_max);
    let codec = match spec.codec {
        Codec::Zstd => reach <= zstd::WINDOW_MIN,
        Codec::Lz4Raw => reach <= lz4::DISTANCE_MAX,
        Codec::Snappy | Codec::None => false,
    };
    // Without padding rows differ in length, and levels are no template. Copies are of rows whose
    // newest action comes first.
    codec && spec.pad && !spec.oldest_first
}

impl PageMaker {
    /// A writer of pages in a codec.
    pub(crate) fn new(codec: Codec) -> PageMaker {
        PageMaker {
            stream: LiteralsAndCopies::default(),
            compressor: PageCompressor::new(codec),
            runs: Vec::new(),
        }
    }

    /// Writes a column chunk.
    pub(crate) fn column<I: ItemColumn>(
        &mut self,
        spec: &WriteSpec<'_>,
        context: &RunContext,
        block: &Block<'_, I>,
        deltas: &HistoryDeltas,
        column: HistoryColumn,
        description: &ColumnDescPtr,
        sink: &mut Sink,
    ) -> Result<(ColumnChunkMetaData, OffsetIndexMetaData)> {
        let width = match column {
            HistoryColumn::Items => size_of::<I>(),
            HistoryColumn::Types => 1,
            HistoryColumn::TimeDelta | HistoryColumn::Attribute(..) => size_of::<i32>(),
            HistoryColumn::Seconds | HistoryColumn::Instant => size_of::<i64>(),
        };
        let rows = HistoryRows {
            block,
            deltas,
            column,
            actions_max: index(spec.actions_max),
            width,
        };
        // A list must not span pages, so a row that is larger than a page has one of its own.
        self.cut(&deltas.all, (spec.page_bytes_max / rows.bytes()).max(1));
        let encoding = match column {
            HistoryColumn::Types => Encoding::RLE_DICTIONARY,
            _ => Encoding::PLAIN,
        };
        let mut chunk = ColumnChunkWriter::new(sink, encoding);
        if column == HistoryColumn::Types {
            self.stream.clear();
            // Padding and all codes up to the highest possible one, so that a code is its own index.
            let last = u32::from(spec.code_max);
            (0..=last).for_each(|code| self.stream.literal(&code.to_le_bytes()));
            chunk.dictionary(&self.stream, &mut self.compressor, last + 1)?;
        }
        // Taken out, as the loop also borrows the stream; put back, to keep the allocation.
        let runs = std::mem::take(&mut self.runs);
        for page in runs.chunk_by(|_, next| !next.first) {
            // Before each page: with checks between row groups only, a row group of a billion
            // actions took 109 s to stop after SIGINT.
            check_cancelled(context)?;
            self.stream.clear();
            let count = page.iter().map(|run| run.rows).sum();
            rows.put_page(&mut self.stream, page, count);
            let values = count * rows.actions_max;
            chunk.data(&self.stream, &mut self.compressor, count, values)?;
        }
        self.runs = runs;
        chunk.finish(spec.codec, description, None)
    }

    /// Splits the rows of a block into pages, at the end of an impression if possible: the first row
    /// of a page is written in full.
    fn cut(&mut self, deltas: &[HistoryDelta], rows_max: usize) {
        self.runs.clear();
        let mut room = 0;
        for (history, delta) in deltas.iter().enumerate() {
            let mut left = index(delta.rows);
            while left > 0 {
                // An impression that does not fit the rest of a page starts the next one, if it
                // fits that: split, its history would be written in full twice.
                let first = room == 0 || (left > room && left <= rows_max);
                if first {
                    room = rows_max;
                }
                let rows = left.min(room);
                self.runs.push(PageRun {
                    history,
                    rows,
                    first,
                });
                room -= rows;
                left -= rows;
            }
        }
    }
}

/// The rows of one column of a block.
struct HistoryRows<'a, I> {
    block: &'a Block<'a, I>,
    deltas: &'a HistoryDeltas,
    column: HistoryColumn,
    /// Elements of a row.
    actions_max: usize,
    /// Bytes of an element.
    width: usize,
}

impl<I: ItemColumn> HistoryRows<'_, I> {
    /// Bytes of a row.
    fn bytes(&self) -> usize {
        self.actions_max * self.width
    }

    /// Writes a page: levels, then values.
    fn put_page(&self, stream: &mut LiteralsAndCopies, page: &[PageRun], rows: usize) {
        let values = rows * self.actions_max;
        let template = repetition_levels(self.actions_max);
        stream.literal(&length_of(template.len() * rows));
        stream.literal(&template);
        // A copy of length 0 does nothing, so a page of one row is no special case.
        stream.copy(template.len(), template.len() * (rows - 1));
        let definitions = run_of_ones(values);
        stream.literal(&length_of(definitions.len()));
        stream.literal(&definitions);
        if self.column == HistoryColumn::Types {
            // Indices of 8 bits, bit-packed in groups of 8.
            stream.literal(&[8]);
            stream.literal(&varint(values.div_ceil(8) << 1 | 1));
        }
        for run in page {
            self.put_rows(stream, run);
        }
        if self.column == HistoryColumn::Types {
            // A bit-packed run has whole groups of 8. Readers stop at the number of values.
            stream.literal(&[0; 8][..values.next_multiple_of(8) - values]);
        }
    }

    /// Writes the rows of one history.
    fn put_rows(&self, stream: &mut LiteralsAndCopies, run: &PageRun) {
        let delta = &self.deltas.all[run.history];
        let count = delta.actions.count();
        let histories = &self.block.histories[index(delta.partition)];
        let is_copied = match self.column {
            HistoryColumn::Items | HistoryColumn::Types | HistoryColumn::Attribute(..) => true,
            // Of the same action, it differs at another cutoff.
            HistoryColumn::TimeDelta => delta.is_same_moment,
            // A repeat that replaces an action has another time.
            HistoryColumn::Seconds | HistoryColumn::Instant => {
                delta.is_same_moment || !histories.passes_over()
            }
        };
        let stands_alone = run.first || !is_copied;
        let (new_prefix, copied, tail_matches) = if stands_alone {
            (count, 0, false)
        } else {
            (delta.new_prefix, delta.copied, delta.tail_matches)
        };
        self.put_actions(stream, run.history, 0..new_prefix);
        // The row before starts one row back from this one, of which the new prefix is written.
        let shifted = self.bytes() + index(new_prefix) * self.width;
        if tail_matches {
            stream.copy(shifted, (self.actions_max - index(new_prefix)) * self.width);
        } else {
            if copied > 0 {
                stream.copy(shifted, index(copied) * self.width);
            }
            // Older than the row before has them: the lookback began earlier, or an action became
            // known late in between.
            self.put_actions(stream, run.history, new_prefix + copied..count);
            let padding = self.actions_max - index(count);
            if padding > 0 {
                // Padding is zero bytes in every column: no item, type 0, and the numbers 0 and
                // 0.0.
                stream.literal(&[0; 8][..self.width]);
                stream.copy(self.width, (padding - 1) * self.width);
            }
        }
        // One overlapping copy for all further rows of the history.
        stream.copy(self.bytes(), (run.rows - 1) * self.bytes());
    }

    /// Writes some actions of a history, counted from the newest.
    fn put_actions(
        &self,
        stream: &mut LiteralsAndCopies,
        history: usize,
        newest_first: std::ops::Range<u32>,
    ) {
        let (row, delta) = (&self.block.rows[history], &self.deltas.all[history]);
        let histories = &self.block.histories[index(delta.partition)];
        let sorted = histories.sorted();
        let to = stream.literals_mut();
        // Columns are oldest first, so the newest actions are at the end of the range.
        let end = delta.actions.end;
        let window = Window {
            start: end - newest_first.end,
            end: end - newest_first.start,
        };
        match (self.deltas.actions(histories, window), self.column) {
            (HistoryActions::Range(window), HistoryColumn::Items) => {
                I::put_newest_first(&sorted.items()[window.range()], to);
            }
            (HistoryActions::Range(window), HistoryColumn::Types) => {
                let kinds = &sorted.kinds()[window.range()];
                to.extend(kinds.iter().rev().map(|ActionType(code)| *code));
            }
            (HistoryActions::Places(places), HistoryColumn::Items) => {
                for at in places.iter().rev() {
                    I::put_newest_first(&sorted.items()[index(*at)..=index(*at)], to);
                }
            }
            (HistoryActions::Places(places), HistoryColumn::Types) => {
                to.extend(places.iter().rev().map(|at| sorted.kinds()[index(*at)].0));
            }
            (actions, HistoryColumn::Attribute(at, kind)) => {
                let keys = sorted.attribute(at);
                match actions {
                    HistoryActions::Range(window) => {
                        put_keys(keys[window.range()].iter().rev().copied(), kind, to);
                    }
                    HistoryActions::Places(places) => {
                        let newest_first = places.iter().rev().map(|at| keys[index(*at)]);
                        put_keys(newest_first, kind, to);
                    }
                }
            }
            (actions, HistoryColumn::TimeDelta) => {
                let cutoff = self.block.probes.cutoffs[index(row.probe)];
                let put = |time| to.extend(seconds_before(time, cutoff).to_le_bytes());
                each_time(actions, sorted.times(), put);
            }
            (actions, HistoryColumn::Seconds) => {
                let put = |time| to.extend(seconds_since_1970(time).to_le_bytes());
                each_time(actions, sorted.times(), put);
            }
            (actions, HistoryColumn::Instant) => {
                let put = |time: Micros| to.extend(time.0.to_le_bytes());
                each_time(actions, sorted.times(), put);
            }
        }
    }
}

/// Calls `put` with the time of each action, newest first.
fn each_time(actions: HistoryActions<'_>, times: &[Micros], mut put: impl FnMut(Micros)) {
    match actions {
        HistoryActions::Range(window) => {
            times[window.range()]
                .iter()
                .rev()
                .for_each(|time| put(*time));
        }
        HistoryActions::Places(places) => {
            let newest_first = places.iter().rev();
            newest_first.for_each(|at| put(times[index(*at)]));
        }
    }
}

/// Appends attributes in PLAIN encoding, given their keys.
fn put_keys(keys: impl Iterator<Item = i32>, kind: AttributeType, to: &mut Vec<u8>) {
    match kind {
        AttributeType::Int32 => to.extend(keys.flat_map(i32::to_le_bytes)),
        AttributeType::Float32 => to.extend(keys.flat_map(|key| float_of_key(key).to_le_bytes())),
    }
}

/// The repetition levels of one row: 0 for its first element, 1 for all others. A bit-packed group of 8
/// and a run of the rest, as most writers do it.
pub(crate) fn repetition_levels(count: usize) -> Vec<u8> {
    let mut levels = match count {
        0..=8 => vec![1 << 1, 0],
        _ => vec![1 << 1 | 1, 0b1111_1110],
    };
    // No list is empty, so this does not underflow.
    let rest = count - if count > 8 { 8 } else { 1 };
    if rest > 0 {
        levels.extend(run_of_ones(rest));
    }
    levels
}

/// A run of levels that are 1.
fn run_of_ones(count: usize) -> Vec<u8> {
    let mut run = varint(count << 1);
    run.push(1);
    run
}

/// A number in groups of seven bits, lowest first (ULEB128).
pub(crate) fn varint(mut number: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let low = u8::try_from(number & 0x7F).expect("seven bits");
        number >>= 7;
        if number == 0 {
            bytes.push(low);
            return bytes;
        }
        bytes.push(low | 0x80);
    }
}

/// The length prefix of levels.
pub(crate) fn length_of(bytes: usize) -> [u8; 4] {
    u32::try_from(bytes).expect("a page is small").to_le_bytes()
}
