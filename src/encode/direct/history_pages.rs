//! The direct path: pages of histories that are compressed without ever being written out.
//!
//! **In / Out**: the [`HistoryDeltas`] of a block → the column chunks of `actions`, `action_types` and what
//! is told beside them.
//! A history is put down once; the rows that repeat it, or continue it shifted, are copies.
//! **Encodings**: ids PLAIN; kinds RLE_DICTIONARY of {0, 1, …} at 8 bits, so that a kind is a
//! byte and can be shifted (Parquet has no type of one byte). Levels are a template: no list is
//! empty and no element null, so every definition level is 1, one run for the whole page, and
//! the repetition levels of every row are the same few bytes.
//! **Page**: whole rows, at most a megabyte decoded (one row at least), of version 1, which
//! every reader knows. What a page begins with is put down in full.

use parquet::basic::Encoding;
use parquet::errors::Result;
use parquet::file::metadata::ColumnChunkMetaData;
use parquet::file::page_index::offset_index::OffsetIndexMetaData;
use parquet::schema::types::ColumnDescPtr;

use super::lz4;
use crate::context::RunContext;
use crate::encode::chunk::{Chunk, Compressor, Sink};
use crate::encode::columns::HistoryColumn;
use crate::encode::direct::history_deltas::{Actions, HistoryDelta, HistoryDeltas};
use crate::encode::direct::literals_and_copies::LiteralsAndCopies;
use crate::encode::spec::WriteSpec;
use crate::encode::{Block, ItemColumn, go_on};
use crate::ids::{ActionType, index};
use crate::job::{AttributeType, Codec, ItemType};
use crate::kernel::attributes::float_of_key;
use crate::kernel::op::sequences::seconds_before;

/// What a thread needs to write pages. Reused from row group to row group.
#[derive(Debug)]
pub(crate) struct PageMaker {
    /// The page in the making.
    pub(crate) stream: LiteralsAndCopies,
    pub(crate) compressor: Compressor,
    /// Rows of the block, in pages.
    pieces: Vec<Piece>,
}

/// Rows of one shape on one page.
#[derive(Clone, Copy, Debug)]
struct Piece {
    /// The shape, as an index.
    shape: usize,
    /// The number of rows.
    rows: usize,
    /// Whether the page begins with it.
    first: bool,
}

/// Whether histories can take this path: zstd or LZ4, padded, and short enough that
/// the row before lies within the reach of LZ4.
pub(crate) fn serves(spec: &WriteSpec<'_>) -> bool {
    let width = match spec.item_type {
        ItemType::Int32 => 4,
        ItemType::Int64 => 8,
    };
    let reach = 2 * width * index(spec.actions_max);
    let codec = match spec.codec {
        Codec::Zstd => true,
        Codec::Lz4Raw => reach <= lz4::DISTANCE_MAX,
        Codec::Snappy | Codec::None => false,
    };
    codec && spec.pad
}

impl PageMaker {
    /// A maker of pages in a codec.
    pub(crate) fn new(codec: Codec) -> PageMaker {
        PageMaker {
            stream: LiteralsAndCopies::default(),
            compressor: Compressor::new(codec),
            pieces: Vec::new(),
        }
    }

    /// Writes a column chunk.
    pub(crate) fn column<I: ItemColumn>(
        &mut self,
        (spec, context): (&WriteSpec<'_>, &RunContext),
        (block, shapes): (&Block<'_, I>, &HistoryDeltas),
        column: HistoryColumn,
        (description, sink): (&ColumnDescPtr, &mut Sink),
    ) -> Result<(ColumnChunkMetaData, OffsetIndexMetaData)> {
        let width = match column {
            HistoryColumn::Items => size_of::<I>(),
            HistoryColumn::Types => 1,
            HistoryColumn::TimeDelta | HistoryColumn::Attribute(..) => size_of::<i32>(),
        };
        let rows = Rows {
            block,
            shapes,
            column,
            actions_max: index(spec.actions_max),
            width,
        };
        self.cut(&shapes.all, (spec.page_bytes_max / rows.bytes()).max(1));
        let encoding = match column {
            HistoryColumn::Types => Encoding::RLE_DICTIONARY,
            _ => Encoding::PLAIN,
        };
        let mut chunk = Chunk::new(sink, encoding);
        if column == HistoryColumn::Types {
            self.stream.clear();
            // Padding, and all codes up to the highest that there may be, whether or not they occur.
            let last = u32::from(spec.code_max);
            (0..=last).for_each(|code| self.stream.literal(&code.to_le_bytes()));
            chunk.dictionary(&mut self.stream, &mut self.compressor, last + 1)?;
        }
        let pieces = std::mem::take(&mut self.pieces);
        for page in pieces.chunk_by(|_, next| !next.first) {
            go_on(context)?;
            self.stream.clear();
            let count = page.iter().map(|piece| piece.rows).sum();
            rows.put_page(&mut self.stream, page, count);
            let values = count * rows.actions_max;
            chunk.data(&mut self.stream, &mut self.compressor, count, values)?;
        }
        self.pieces = pieces;
        chunk.finish(spec.codec, description, None)
    }

    /// Cuts the rows of a block into pages, where an impression ends if possible: what a page
    /// begins with is put down in full.
    fn cut(&mut self, shapes: &[HistoryDelta], rows_max: usize) {
        self.pieces.clear();
        let mut room = 0;
        for (shape, of) in shapes.iter().enumerate() {
            let mut left = index(of.rows);
            while left > 0 {
                let first = room == 0 || (left > room && left <= rows_max);
                if first {
                    room = rows_max;
                }
                let rows = left.min(room);
                self.pieces.push(Piece { shape, rows, first });
                room -= rows;
                left -= rows;
            }
        }
    }
}

/// The rows of one column of a block.
struct Rows<'a, I> {
    block: &'a Block<'a, I>,
    shapes: &'a HistoryDeltas,
    column: HistoryColumn,
    /// Elements of a row.
    actions_max: usize,
    /// Bytes of an element.
    width: usize,
}

impl<I: ItemColumn> Rows<'_, I> {
    /// Bytes of a row.
    fn bytes(&self) -> usize {
        self.actions_max * self.width
    }

    /// Puts down a page: levels, then values.
    fn put_page(&self, stream: &mut LiteralsAndCopies, page: &[Piece], rows: usize) {
        let values = rows * self.actions_max;
        let template = repetition_levels(self.actions_max);
        stream.literal(&length_of(template.len() * rows));
        stream.literal(&template);
        stream.copy(template.len(), template.len() * (rows - 1));
        let definitions = run_of_ones(values);
        stream.literal(&length_of(definitions.len()));
        stream.literal(&definitions);
        if self.column == HistoryColumn::Types {
            // Indices of 8 bits, bit-packed in groups of 8.
            stream.literal(&[8]);
            stream.literal(&varint(values.div_ceil(8) << 1 | 1));
        }
        for piece in page {
            self.put_rows(stream, piece);
        }
        if self.column == HistoryColumn::Types {
            stream.literal(&[0; 8][..values.next_multiple_of(8) - values]);
        }
    }

    /// Puts down the rows of one history.
    fn put_rows(&self, stream: &mut LiteralsAndCopies, piece: &Piece) {
        let shape = &self.shapes.all[piece.shape];
        let count = shape.actions.count();
        // How long ago an action was is another number at another cutoff.
        let stands_alone = match self.column {
            HistoryColumn::Items | HistoryColumn::Types | HistoryColumn::Attribute(..) => {
                piece.first
            }
            HistoryColumn::TimeDelta => piece.first || !shape.is_same_moment,
        };
        let (fresh, kept, ends_alike) = match stands_alone {
            true => (count, 0, false),
            false => (shape.fresh, shape.kept, shape.ends_alike),
        };
        self.put_actions(stream, piece.shape, 0..fresh);
        let shifted = self.bytes() + index(fresh) * self.width;
        if ends_alike {
            stream.copy(shifted, (self.actions_max - index(fresh)) * self.width);
        } else {
            if kept > 0 {
                stream.copy(shifted, index(kept) * self.width);
            }
            self.put_actions(stream, piece.shape, fresh + kept..count);
            let padding = self.actions_max - index(count);
            if padding > 0 {
                stream.literal(&[0; 8][..self.width]);
                stream.copy(self.width, (padding - 1) * self.width);
            }
        }
        stream.copy(self.bytes(), (piece.rows - 1) * self.bytes());
    }

    /// Puts down some actions of a history, counted from the newest.
    fn put_actions(
        &self,
        stream: &mut LiteralsAndCopies,
        shape: usize,
        newest_first: std::ops::Range<u32>,
    ) {
        let (row, shape) = (&self.block.rows[shape], &self.shapes.all[shape]);
        let histories = &self.block.histories[index(shape.partition)];
        let sorted = histories.sorted();
        let to = stream.literals_mut();
        let mut of = shape.actions;
        (of.start, of.end) = (of.end - newest_first.end, of.end - newest_first.start);
        match (self.shapes.actions(histories, of), self.column) {
            (Actions::Range(of), HistoryColumn::Items) => {
                I::put_newest_first(&sorted.items()[of.range()], to);
            }
            (Actions::Range(of), HistoryColumn::Types) => {
                let kinds = &sorted.kinds()[of.range()];
                to.extend(kinds.iter().rev().map(|ActionType(code)| *code));
            }
            (Actions::Places(places), HistoryColumn::Items) => {
                for at in places.iter().rev() {
                    I::put_newest_first(&sorted.items()[index(*at)..=index(*at)], to);
                }
            }
            (Actions::Places(places), HistoryColumn::Types) => {
                to.extend(places.iter().rev().map(|at| sorted.kinds()[index(*at)].0));
            }
            (actions, HistoryColumn::Attribute(at, kind)) => {
                let keys = sorted.told(at);
                match actions {
                    Actions::Range(of) => {
                        put_keys(keys[of.range()].iter().rev().copied(), kind, to);
                    }
                    Actions::Places(places) => {
                        let newest_first = places.iter().rev().map(|at| keys[index(*at)]);
                        put_keys(newest_first, kind, to);
                    }
                }
            }
            (actions, HistoryColumn::TimeDelta) => {
                let cutoff = self.block.probes.cutoffs[index(row.probe)];
                let mut put = |time| to.extend(seconds_before(time, cutoff).to_le_bytes());
                match actions {
                    Actions::Range(of) => {
                        let times = sorted.times()[of.range()].iter();
                        times.rev().for_each(|time| put(*time));
                    }
                    Actions::Places(places) => {
                        let newest_first = places.iter().rev();
                        newest_first.for_each(|at| put(sorted.times()[index(*at)]));
                    }
                }
            }
        }
    }
}

/// Puts down the numbers of keys as Parquet's PLAIN has them.
fn put_keys(keys: impl Iterator<Item = i32>, kind: AttributeType, to: &mut Vec<u8>) {
    match kind {
        AttributeType::Int32 => to.extend(keys.flat_map(i32::to_le_bytes)),
        AttributeType::Float32 => to.extend(keys.flat_map(|key| float_of_key(key).to_le_bytes())),
    }
}

/// The repetition levels of one row: 0 for its first element, 1 for all others. As most writers
/// have it, a bit-packed group of 8 and a run of the rest, so that readers are used to it.
pub(crate) fn repetition_levels(count: usize) -> Vec<u8> {
    let mut levels = match count {
        0..=8 => vec![1 << 1, 0],
        _ => vec![1 << 1 | 1, 0b1111_1110],
    };
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

/// The length that stands before levels.
pub(crate) fn length_of(bytes: usize) -> [u8; 4] {
    u32::try_from(bytes).expect("a page is small").to_le_bytes()
}
