//! Arrow IPC files and streams to batches of the columns wanted.
//!
//! In reading order: `layout` finds the messages of a file, `message` checks one and reads what is wanted
//! of its body into memory that `spare` keeps, `types` turns columns into the types that readers know.
//!
//! **In / Out**: a file → [`IpcFile`]; from that, batches of at most `BATCH_ROWS` rows, of row groups,
//! which are record batches one after the other. **Invariants**: whatever the bytes of a file are, reading
//! ends with batches or with an error that names the record batch. Arrow's decoder validates every array:
//! offsets, lengths, keys of dictionaries, UTF-8. **Cost**: buffers are read once, into the memory from
//! which rows are then read; only those of wanted columns. A record batch is held whole.
//! **Why so**: arrow's own reader of files reads all columns, and trusts the lengths of blocks.

mod layout;
mod message;
mod spare;
#[cfg(test)]
mod tests;
mod types;

use std::fs::File;
use std::ops::Range;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch};
use arrow::datatypes::{Fields, SchemaRef};
use arrow::error::ArrowError;
use arrow::ipc::reader::{read_dictionary, read_record_batch};

use self::layout::layout;
use self::message::{BatchShape, Block, Fault, Holds, Read, message, metadata};
use self::types::{convert, dictionary_values, has_dictionary, pieces, read_as};
use crate::catalog::input::InputFile;
use crate::error::Result;
use crate::scan::parquet::catch_panic;

/// Bytes of the record batches of a row group, about. Fewer would cost more in switching between files
/// than they give in balance.
const GROUP_BYTES: u64 = 1 << 24;

/// Dictionaries by id, as arrow's decoder wants them.
#[expect(
    clippy::disallowed_types,
    reason = "arrow's decoder takes nothing else; it is never iterated"
)]
type Dictionaries = std::collections::HashMap<i64, ArrayRef>;

/// A file or stream of Arrow IPC whose messages are found.
#[derive(Debug)]
pub(super) struct IpcFile {
    file: InputFile,
    /// The columns as the file declares them.
    schema: SchemaRef,
    /// The same with the types that they are read as.
    fields: Fields,
    blocks: Vec<Block>,
    /// The messages of each row group.
    groups: Vec<Range<usize>>,
}

impl IpcFile {
    /// Finds and checks the messages of a file.
    ///
    /// # Errors
    /// If it is damaged.
    pub(super) fn open(file: &InputFile) -> Result<IpcFile> {
        let found = layout(&file.open()?);
        let found = found.map_err(|fault| fault.error(file, "expected Arrow IPC, found "))?;
        Ok(IpcFile {
            file: file.clone(),
            fields: read_as(&found.schema),
            schema: found.schema,
            groups: groups_of(&found.blocks),
            blocks: found.blocks,
        })
    }

    /// The columns with the types that they are read as.
    pub(super) fn fields(&self) -> &Fields {
        &self.fields
    }

    /// The rows of each row group.
    pub(super) fn group_rows(&self) -> Vec<u64> {
        let groups = self.groups.iter();
        let rows = groups.map(|group| self.blocks[group.clone()].iter().map(rows_of).sum());
        rows.collect()
    }

    /// Calls `on_batch` for each batch of a row group, of the columns at some places, ascending.
    ///
    /// # Errors
    /// If the file cannot be read further, or `on_batch` fails.
    pub(super) fn read(
        &self,
        group: usize,
        places: &[usize],
        on_batch: &mut dyn FnMut(&RecordBatch) -> Result<()>,
    ) -> Result<()> {
        // Not kept open: thousands of small files would exceed the limit of descriptors.
        let opened = self.file.open()?;
        let group = self.groups[group].clone();
        let fields: Fields = places
            .iter()
            .map(|at| Arc::clone(&self.fields[*at]))
            .collect();
        let mut wanted = places.iter().map(|at| self.schema.field(*at).data_type());
        let has_dictionaries = wanted.any(has_dictionary);
        let mut dictionaries = Dictionaries::default();
        // Before the first row group there are only dictionaries, which all row groups need.
        let before = 0..self.groups[0].start;
        for at in before.chain(group) {
            let block = &self.blocks[at];
            let damaged = |fault: Fault| fault.error(&self.file, &self.place(at));
            match block.holds {
                Holds::Dictionary if has_dictionaries => self
                    .add_dictionary(&opened, block, &mut dictionaries)
                    .map_err(damaged)?,
                Holds::Rows(1..) => {
                    let batch = self
                        .rows(&opened, block, places, &dictionaries)
                        .map_err(damaged)?;
                    let batch = catch_arrow(|| convert(&batch, &fields));
                    let batch = batch.map_err(|what| damaged(Fault::Wrong(what)))?;
                    for piece in pieces(&batch) {
                        on_batch(&piece)?;
                    }
                }
                Holds::Dictionary | Holds::Rows(0) => {}
            }
        }
        Ok(())
    }

    /// The beginning of a message on what a message of the file holds.
    fn place(&self, at: usize) -> String {
        let before = self.blocks[..at].iter();
        match self.blocks[at].holds {
            Holds::Dictionary => "a dictionary is damaged: ".to_owned(),
            Holds::Rows(_) => {
                let before = before.filter(|block| block.holds != Holds::Dictionary);
                format!("record batch {} is damaged: ", before.count())
            }
        }
    }

    /// Reads the rows of a record batch, of the columns at some places.
    fn rows(
        &self,
        opened: &File,
        block: &Block,
        places: &[usize],
        dictionaries: &Dictionaries,
    ) -> Read<RecordBatch> {
        // Read and checked once more: the file may have changed since it was opened.
        let bytes = metadata(opened, block.offset, block.metadata_bytes)?;
        let message = message(&bytes)?;
        let changed = || Fault::wrong("the file changes while it is read");
        let batch = message.header_as_record_batch().ok_or_else(changed)?;
        let (version, fields) = (message.version(), self.schema.fields());
        let shape = BatchShape::new(batch, fields, version, block.body_bytes)?;
        if Holds::Rows(shape.rows) != block.holds {
            return Err(changed());
        }
        let start = block.offset + block.metadata_bytes;
        let body = shape.body(opened, start, places)?;
        let decode = |places: &[usize]| {
            let schema = SchemaRef::clone(&self.schema);
            catch_arrow(|| {
                read_record_batch(&body, batch, schema, dictionaries, Some(places), &version)
            })
        };
        let decoded = decode(places).map_err(|what| {
            // A second decoding, but only where the run fails anyway.
            let broken = places.iter().find(|at| decode(&[**at]).is_err());
            Fault::Wrong(match broken {
                Some(at) => format!("column \"{}\": {what}", self.schema.field(*at).name()),
                None => what,
            })
        });
        spare::keep(body);
        decoded
    }

    /// Reads a dictionary, which replaces one or adds to it.
    fn add_dictionary(
        &self,
        opened: &File,
        block: &Block,
        dictionaries: &mut Dictionaries,
    ) -> Read<()> {
        let bytes = metadata(opened, block.offset, block.metadata_bytes)?;
        let message = message(&bytes)?;
        let changed = || Fault::wrong("the file changes while it is read");
        let batch = message.header_as_dictionary_batch().ok_or_else(changed)?;
        let known = dictionary_values(&self.schema);
        let values = known.into_iter().find(|(id, _)| *id == batch.id());
        let ((_, field), data) = values.zip(batch.data()).ok_or_else(changed)?;
        let version = message.version();
        let shape = BatchShape::new(data, &[field], version, block.body_bytes)?;
        let body = shape.body(opened, block.offset + block.metadata_bytes, &[0])?;
        let read =
            catch_arrow(|| read_dictionary(&body, batch, &self.schema, dictionaries, &version));
        read.map_err(Fault::Wrong)
    }
}

/// The rows of a message.
fn rows_of(block: &Block) -> u64 {
    match block.holds {
        Holds::Rows(rows) => rows,
        Holds::Dictionary => 0,
    }
}

/// The row groups of some messages: record batches in a row. It is one if a dictionary comes between them,
/// as what a row holds then depends on all dictionaries before it.
fn groups_of(blocks: &[Block]) -> Vec<Range<usize>> {
    let is_rows = |block: &Block| block.holds != Holds::Dictionary;
    let first = blocks.iter().position(is_rows).unwrap_or(blocks.len());
    if first == blocks.len() {
        return Vec::new();
    }
    let (dictionaries, batches) = blocks.split_at(first);
    if !batches.iter().all(is_rows) {
        return std::iter::once(first..blocks.len()).collect();
    }
    // Each row group reads the dictionaries again, so it has several times as many bytes.
    let read_again: u64 = dictionaries.iter().map(|block| block.body_bytes).sum();
    let bytes_min = GROUP_BYTES.max(read_again.saturating_mul(4));
    let (mut groups, mut start, mut bytes) = (Vec::new(), first, 0);
    for (at, block) in batches.iter().enumerate() {
        bytes += block.body_bytes;
        if bytes >= bytes_min {
            groups.push(start..first + at + 1);
            (start, bytes) = (first + at + 1, 0);
        }
    }
    if start < blocks.len() {
        groups.push(start..blocks.len());
    }
    groups
}

/// The result of arrow's decoder, or the text of its error or panic.
fn catch_arrow<T>(
    work: impl FnOnce() -> std::result::Result<T, ArrowError>,
) -> std::result::Result<T, String> {
    catch_panic(work).map_err(|text| {
        let prefixes = ["Invalid argument error: ", "Ipc error: ", "Parser error: "];
        let mut text = text.as_str();
        for prefix in prefixes {
            text = text.strip_prefix(prefix).unwrap_or(text);
        }
        text.to_owned()
    })
}
