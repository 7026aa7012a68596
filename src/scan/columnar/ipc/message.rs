//! Messages of Arrow IPC, checked before arrow's decoder believes them.
//!
//! **In / Out**: an open file and where a message lies → its metadata, and the ranges of its body that hold
//! each column. **Invariants**: nothing is allocated by a length that the file states, unless the file has
//! so many bytes, or a bound is given. Every buffer lies inside its body. **Why so**: arrow's decoder slices
//! a body where a message says, and allocates what a compressed buffer claims to unpack to.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;

use arrow::buffer::Buffer;
use arrow::datatypes::{DataType, FieldRef, UnionMode};
use arrow::ipc::{self, CompressionType, MetadataVersion};

use super::spare::allocated;
use crate::catalog::input::InputFile;
use crate::error::Error;
use crate::ids::{count64, index64};

/// The longest metadata of a message, or footer of a file, in bytes.
pub(super) const METADATA_BYTES_MAX: u64 = 1 << 26;
/// The most rows of a record batch, as of a row group of Parquet.
const ROWS_MAX: i64 = i32::MAX as i64;
/// The most values of a column inside of lists.
const VALUES_MAX: i64 = 1 << 40;
/// Bytes that the compressed buffers of any record batch may unpack to.
const UNPACKED_FREE: u64 = 1 << 26;
/// The highest ratio of longer ones to their compressed size.
const EXPANSION_MAX: u64 = 100;
/// Bytes between two ranges that are rather read than skipped.
const GAP_BYTES: u64 = 1 << 16;

/// Why a file is not read.
#[derive(Debug)]
pub(super) enum Fault {
    /// The disk failed.
    Disk(io::Error),
    /// What the file holds instead.
    Wrong(String),
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Fault {
        match error.kind() {
            io::ErrorKind::UnexpectedEof => Fault::Wrong("it ends too early".to_owned()),
            _ => Fault::Disk(error),
        }
    }
}

impl From<String> for Fault {
    fn from(what: String) -> Fault {
        Fault::Wrong(what)
    }
}

impl Fault {
    /// What is wrong.
    pub(super) fn wrong(what: impl Into<String>) -> Fault {
        Fault::Wrong(what.into())
    }

    /// The error of the file; `before` stands before what is wrong.
    pub(super) fn error(self, file: &InputFile, before: &str) -> Error {
        match self {
            Fault::Disk(error) => file.io(error),
            Fault::Wrong(what) => file.fault(format!("{before}{what}")),
        }
    }
}

/// A result about the content of a file.
pub(super) type Read<T> = Result<T, Fault>;

/// What a message holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Holds {
    /// So many rows.
    Rows(u64),
    /// Values of a dictionary.
    Dictionary,
}

/// Where a message lies.
#[derive(Clone, Copy, Debug)]
pub(super) struct Block {
    /// Where its metadata begin.
    pub(super) offset: u64,
    /// Bytes of its metadata, with the length before them.
    pub(super) metadata_bytes: u64,
    /// Bytes of its body, which follows.
    pub(super) body_bytes: u64,
    pub(super) holds: Holds,
}

/// Reads the metadata of a message, with the marker and length before them.
///
/// # Errors
/// If they are too long, or there are none.
pub(super) fn metadata(opened: &File, offset: u64, bytes: u64) -> Read<Vec<u8>> {
    if !(8..=METADATA_BYTES_MAX).contains(&bytes) {
        return Err(Fault::wrong(format!(
            "a message with metadata of {bytes} bytes"
        )));
    }
    let mut metadata = vec![0; index64(bytes)];
    opened.read_exact_at(&mut metadata, offset)?;
    // The marker, and a length of at most what follows it. Before 2019 there was no marker.
    let begin = if metadata.starts_with(&[0xff; 4]) {
        8
    } else {
        4
    };
    let length = metadata[begin - 4..begin].try_into();
    let length = length.map_or(0, u32::from_le_bytes);
    let rest = count64(metadata.len() - begin);
    if u64::from(length) > rest {
        return Err(Fault::wrong(format!(
            "a message of {length} bytes of metadata where {rest} are left"
        )));
    }
    metadata.drain(..begin);
    Ok(metadata)
}

/// The message in some metadata.
///
/// # Errors
/// If they are damaged, or of a version that nobody writes any more.
pub(super) fn message(metadata: &[u8]) -> Read<ipc::Message<'_>> {
    let message = ipc::root_as_message(metadata)
        .map_err(|error| Fault::wrong(format!("a damaged message: {}", one_line(&error))))?;
    if message.version() < MetadataVersion::V4 {
        return Err(Fault::wrong("a version from before 2017"));
    }
    Ok(message)
}

/// The text of an error of flatbuffers, without its trace.
pub(super) fn one_line(error: &dyn std::fmt::Display) -> String {
    let text = error.to_string();
    text.lines()
        .next()
        .unwrap_or_default()
        .trim_end_matches('.')
        .to_owned()
}

/// Where the columns of a record batch lie in its body.
#[derive(Debug)]
pub(super) struct BatchShape {
    pub(super) rows: u64,
    /// The buffers of each column.
    columns: Vec<Vec<Range<u64>>>,
    /// Whether buffers are compressed.
    is_packed: bool,
    body_bytes: u64,
}

impl BatchShape {
    /// Checks a record batch against the columns that it should have, and its body.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(super) fn new(
        batch: ipc::RecordBatch<'_>,
        fields: &[FieldRef],
        version: MetadataVersion,
        body_bytes: u64,
    ) -> Read<BatchShape> {
        let rows = batch.length();
        if !(0..=ROWS_MAX).contains(&rows) {
            return Err(Fault::wrong(format!("{rows} rows in one record batch")));
        }
        let is_packed = match batch.compression() {
            None => false,
            Some(packed) => match packed.codec() {
                CompressionType::LZ4_FRAME | CompressionType::ZSTD => true,
                _ => return Err(Fault::wrong("a compression that is not known")),
            },
        };
        let mut walk = Walk {
            nodes: batch.nodes().into_iter().flatten().copied().collect(),
            buffers: batch.buffers().into_iter().flatten().copied().collect(),
            variadic: batch.variadicBufferCounts().into_iter().flatten().collect(),
            places: [0; 3],
            has_union_nulls: version < MetadataVersion::V5,
            body_bytes,
        };
        let mut columns = Vec::with_capacity(fields.len());
        for field in fields {
            let node = walk.nodes.get(walk.places[0]);
            if node.is_none_or(|node| node.length() != rows) {
                let name = field.name();
                return Err(Fault::wrong(format!(
                    "a column \"{name}\" of another length than its record batch, {rows} rows"
                )));
            }
            let mut found = Vec::new();
            walk.field(field.data_type(), &mut found)
                .map_err(|what| format!("column \"{}\": {what}", field.name()))?;
            columns.push(found);
        }
        let ends = [walk.nodes.len(), walk.buffers.len(), walk.variadic.len()];
        if walk.places != ends {
            return Err(Fault::wrong("more buffers than its columns have"));
        }
        Ok(BatchShape {
            rows: rows.unsigned_abs(),
            columns,
            is_packed,
            body_bytes,
        })
    }

    /// Reads the parts of a body that hold some columns; the rest is what it was.
    ///
    /// # Errors
    /// If it cannot be read, or claims to unpack to more than is plausible.
    pub(super) fn body(&self, opened: &File, start: u64, columns: &[usize]) -> Read<Buffer> {
        let ranges = columns.iter().flat_map(|at| &self.columns[*at]);
        // With those that are empty, which the decoder slices, too.
        let end = ranges.clone().map(|range| range.end).max().unwrap_or(0);
        let mut ranges: Vec<Range<u64>> =
            ranges.filter(|range| !range.is_empty()).cloned().collect();
        ranges.sort_by_key(|range| range.start);
        let mut body = allocated(index64(end))
            .ok_or_else(|| Fault::wrong(format!("no memory for {end} bytes of it")))?;
        let mut read_to = 0;
        let mut at = 0;
        while let Some(first) = ranges.get(at) {
            let (from, mut to) = (first.start.max(read_to), first.end);
            while let Some(next) = ranges.get(at + 1)
                && next.start <= to.saturating_add(GAP_BYTES)
            {
                to = to.max(next.end);
                at += 1;
            }
            at += 1;
            if from < to {
                let into = &mut body.as_slice_mut()[index64(from)..index64(to)];
                opened.read_exact_at(into, start + from)?;
                read_to = to;
            }
        }
        if self.is_packed {
            check_unpacked(body.as_slice(), &ranges, self.body_bytes)?;
        }
        Ok(body.into())
    }
}

/// Checks what compressed buffers of a body of so many bytes claim to unpack to.
fn check_unpacked(body: &[u8], ranges: &[Range<u64>], body_bytes: u64) -> Read<()> {
    let mut unpacked = 0_u64;
    for range in ranges {
        let bytes = &body[index64(range.start)..index64(range.end)];
        let Some(prefix) = bytes.first_chunk::<8>() else {
            return Err(Fault::wrong("a compressed buffer of less than 8 bytes"));
        };
        unpacked = match i64::from_le_bytes(*prefix) {
            // Not compressed.
            -1 => unpacked,
            length => u64::try_from(length)
                .ok()
                .and_then(|length| unpacked.checked_add(length))
                .ok_or_else(|| Fault::wrong(format!("a compressed buffer of {length} bytes")))?,
        };
    }
    // Of the whole body, as a single column may hold the same value in all rows.
    if unpacked > body_bytes.saturating_mul(EXPANSION_MAX).max(UNPACKED_FREE) {
        return Err(Fault::wrong(format!(
            "a body of {body_bytes} bytes that claims to unpack to {unpacked}; if that is so, write smaller \
             record batches"
        )));
    }
    // The decoder allocates as much, and cannot fail to.
    let mut trial: Vec<u8> = Vec::new();
    trial
        .try_reserve_exact(index64(unpacked))
        .map_err(|_| Fault::wrong(format!("no memory for {unpacked} bytes of it")))
}

/// A walk over the nodes and buffers of a record batch, in the order of the fields.
struct Walk {
    nodes: Vec<ipc::FieldNode>,
    buffers: Vec<ipc::Buffer>,
    variadic: Vec<i64>,
    /// How many of each were taken.
    places: [usize; 3],
    /// Whether unions have a buffer of nulls, as they had before version 5.
    has_union_nulls: bool,
    body_bytes: u64,
}

impl Walk {
    /// Takes the nodes and buffers of a field; its depth was checked with the schema.
    fn field(&mut self, data_type: &DataType, found: &mut Vec<Range<u64>>) -> Result<(), String> {
        self.node()?;
        match data_type {
            DataType::Null | DataType::RunEndEncoded(..) => {}
            DataType::Utf8
            | DataType::Binary
            | DataType::LargeUtf8
            | DataType::LargeBinary
            | DataType::ListView(_)
            | DataType::LargeListView(_) => self.take(3, found)?,
            DataType::Utf8View | DataType::BinaryView => {
                let count = self.variadic.get(self.places[2]);
                let count = count.and_then(|count| usize::try_from(*count).ok());
                let left = self.buffers.len() - self.places[1];
                let count = count.filter(|count| *count <= left);
                self.places[2] += 1;
                self.take(2 + count.ok_or("buffers that are not counted")?, found)?;
            }
            DataType::FixedSizeList(..) | DataType::Struct(_) => self.take(1, found)?,
            DataType::Union(_, mode) => {
                let of_mode = match mode {
                    UnionMode::Dense => 2,
                    UnionMode::Sparse => 1,
                };
                self.take(of_mode + usize::from(self.has_union_nulls), found)?;
            }
            _ => self.take(2, found)?,
        }
        match data_type {
            DataType::List(child)
            | DataType::LargeList(child)
            | DataType::ListView(child)
            | DataType::LargeListView(child)
            | DataType::FixedSizeList(child, _)
            | DataType::Map(child, _) => self.field(child.data_type(), found),
            DataType::Struct(fields) => fields
                .iter()
                .try_for_each(|field| self.field(field.data_type(), found)),
            DataType::Union(fields, _) => fields
                .iter()
                .try_for_each(|(_, field)| self.field(field.data_type(), found)),
            DataType::RunEndEncoded(ends, values) => {
                self.field(ends.data_type(), found)?;
                self.field(values.data_type(), found)
            }
            _ => Ok(()),
        }
    }

    /// Takes a node.
    fn node(&mut self) -> Result<(), String> {
        let node = self.nodes.get(self.places[0]).ok_or("no values")?;
        self.places[0] += 1;
        let (length, nulls) = (node.length(), node.null_count());
        if !(0..=VALUES_MAX).contains(&length) || !(0..=length).contains(&nulls) {
            return Err(format!("{length} values with {nulls} nulls"));
        }
        Ok(())
    }

    /// Takes some buffers.
    fn take(&mut self, count: usize, found: &mut Vec<Range<u64>>) -> Result<(), String> {
        let end = self.places[1].saturating_add(count);
        let buffers = self.buffers.get(self.places[1]..end);
        self.places[1] = end;
        for buffer in buffers.ok_or("buffers that are not there")? {
            let start = u64::try_from(buffer.offset()).ok();
            let bytes = u64::try_from(buffer.length()).ok();
            let range = start.zip(bytes).and_then(|(start, bytes)| {
                let end = start.checked_add(bytes)?;
                (end <= self.body_bytes).then_some(start..end)
            });
            found.push(range.ok_or_else(|| {
                format!(
                    "a buffer of {} bytes at {}, outside its body of {}",
                    buffer.length(),
                    buffer.offset(),
                    self.body_bytes
                )
            })?);
        }
        Ok(())
    }
}
