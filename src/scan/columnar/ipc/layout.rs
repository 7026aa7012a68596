//! Where the messages of an Arrow IPC file or stream lie, and its schema.
//!
//! **In / Out**: an open file → its [`Layout`]. **Invariants**: the schema is a tree of bounded depth and
//! width. Messages lie inside the file and do not overlap, so that the size of the file bounds what can be
//! read of it. Every message was checked against the schema. A stream ends with its end marker.
//! **Cost**: one small read per record batch. **Why so**: a stream is walked by the lengths of its
//! messages, as the footer of a file has them, so both are then read alike.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use arrow::datatypes::{FieldRef, Schema, SchemaRef};
use arrow::ipc::convert::try_fb_to_schema;
use arrow::ipc::{self, Endianness, MessageHeader};

use super::message::{
    BatchShape, Block, Fault, Holds, METADATA_BYTES_MAX, Read, message, metadata, one_line,
};
use super::types::dictionary_values;
use crate::ids::{count64, index64};

/// The first bytes of a file; its last are the first six of these.
const MAGIC: &[u8; 8] = b"ARROW1\0\0";
/// The deepest nesting of fields.
const SCHEMA_DEPTH_MAX: u32 = 64;
/// The most fields of a schema, of any depth.
const SCHEMA_FIELDS_MAX: usize = 1 << 14;
/// The most dictionaries that add to others, each of which copies the whole.
const DELTAS_MAX: usize = 4096;

/// What a file has, and where.
#[derive(Debug)]
pub(super) struct Layout {
    pub(super) schema: SchemaRef,
    /// Its messages, in the order in which they are to be read.
    pub(super) blocks: Vec<Block>,
}

/// Finds the messages of a file or a stream.
///
/// # Errors
/// If it is neither, or is damaged.
pub(super) fn layout(opened: &File) -> Read<Layout> {
    let size = opened.metadata()?.len();
    let mut head = [0; 8];
    if size < 8 {
        return Err(Fault::wrong("too few bytes for one"));
    }
    opened.read_exact_at(&mut head, 0)?;
    if head == *MAGIC {
        return file_layout(opened, size);
    }
    if head.starts_with(&[0xff; 4]) {
        return stream_layout(opened, size);
    }
    Err(Fault::wrong("neither a file nor a stream of that format"))
}

/// The messages of a file, as its footer lists them.
fn file_layout(opened: &File, size: u64) -> Read<Layout> {
    let cut = || {
        Fault::wrong(
            "no footer at its end: it was cut short, or the program that wrote it did not close it",
        )
    };
    let tail_start = size.checked_sub(10).filter(|at| *at >= 8).ok_or_else(cut)?;
    let mut tail = [0; 10];
    opened.read_exact_at(&mut tail, tail_start)?;
    let (length, magic) = tail.split_at(4);
    if !MAGIC.starts_with(magic) {
        return Err(cut());
    }
    let length = u64::from(length.try_into().map_or(0, u32::from_le_bytes));
    if length > METADATA_BYTES_MAX {
        return Err(Fault::wrong(format!("a footer of {length} bytes")));
    }
    let start = tail_start.checked_sub(length).filter(|at| *at >= 8);
    let start = start.ok_or_else(|| Fault::wrong("a footer longer than the file"))?;
    let mut footer = vec![0; index64(length)];
    opened.read_exact_at(&mut footer, start)?;
    let footer = ipc::root_as_footer(&footer)
        .map_err(|error| Fault::wrong(format!("a damaged footer: {}", one_line(&error))))?;
    let schema = footer.schema();
    let schema = schema.ok_or_else(|| Fault::wrong("a footer without a schema"))?;
    let mut walk = Walk::new(opened, start, schema)?;
    walk.is_stream = false;
    let [dictionaries, batches] = [footer.dictionaries(), footer.recordBatches()];
    let blocks = dictionaries.into_iter().chain(batches).flatten();
    let places = blocks.map(|block| {
        let at = |value: i64| u64::try_from(value).ok();
        Some([
            at(block.offset())?,
            at(block.metaDataLength().into())?,
            at(block.bodyLength())?,
        ])
    });
    let places: Option<Vec<[u64; 3]>> = places.collect();
    let places = places.ok_or_else(|| Fault::wrong("a footer with a negative length"))?;
    check_apart(&places)?;
    for [offset, metadata_bytes, body_bytes] in places {
        walk.add(offset, metadata_bytes, Some(body_bytes))?;
    }
    Ok(walk.finish())
}

/// Checks that messages, by offset and lengths, do not overlap: else a few bytes could stand for any number
/// of rows.
fn check_apart(places: &[[u64; 3]]) -> Read<()> {
    let mut ends: Vec<(u64, u64)> = places
        .iter()
        .map(|[offset, metadata, body]| {
            let length = metadata.saturating_add(*body);
            (*offset, offset.saturating_add(length))
        })
        .collect();
    ends.sort_unstable();
    if ends.is_sorted_by(|before, after| before.1 <= after.0) {
        return Ok(());
    }
    Err(Fault::wrong("a footer whose messages overlap"))
}

/// The messages of a stream, one after the other.
fn stream_layout(opened: &File, size: u64) -> Read<Layout> {
    let cut = |at: u64| {
        Fault::wrong(format!(
            "no end marker behind the message at byte {at}: it was cut short, or the program that wrote it \
             did not close it"
        ))
    };
    let (mut at, mut walk): (u64, Option<Walk<'_>>) = (0, None);
    loop {
        let mut prefix = [0; 8];
        if size - at < 8 {
            return Err(cut(at));
        }
        opened.read_exact_at(&mut prefix, at)?;
        let (marker, length) = prefix.split_at(4);
        if marker != [0xff; 4] {
            return Err(Fault::wrong(format!("no message at byte {at}")));
        }
        let length = u64::from(length.try_into().map_or(0, u32::from_le_bytes));
        if length == 0 {
            at += 8;
            break;
        }
        let metadata_bytes = length + 8;
        if metadata_bytes > size - at {
            return Err(cut(at));
        }
        at = match &mut walk {
            Some(walk) => walk.add(at, metadata_bytes, None)?,
            None => {
                let bytes = metadata(opened, at, metadata_bytes)?;
                let schema = message(&bytes)?.header_as_schema();
                let schema = schema.ok_or_else(|| Fault::wrong("no schema at its beginning"))?;
                walk = Some(Walk::new(opened, size, schema)?);
                at + metadata_bytes
            }
        };
    }
    if at < size {
        return Err(Fault::wrong(format!(
            "{} bytes behind its end marker: streams are not read one behind the other",
            size - at
        )));
    }
    let walk = walk.ok_or_else(|| Fault::wrong("no schema at its beginning"))?;
    Ok(walk.finish())
}

/// The messages of a file so far.
struct Walk<'f> {
    opened: &'f File,
    /// Where messages end at the latest.
    end: u64,
    schema: SchemaRef,
    /// The ids of dictionaries, with the column of their values.
    dictionaries: Vec<(i64, FieldRef)>,
    is_stream: bool,
    blocks: Vec<Block>,
    /// The dictionaries that were there, in the order of messages.
    seen: Vec<i64>,
    deltas: usize,
}

impl<'f> Walk<'f> {
    /// A walk over the messages of a file with a schema.
    fn new(opened: &'f File, end: u64, schema: ipc::Schema<'_>) -> Read<Walk<'f>> {
        let schema = schema_of(schema)?;
        Ok(Walk {
            opened,
            end,
            dictionaries: dictionary_values(&schema),
            schema: Arc::new(schema),
            is_stream: true,
            blocks: Vec::new(),
            seen: Vec::new(),
            deltas: 0,
        })
    }

    /// Adds a message, and returns where it ends. Without a length of its body, that of the message counts.
    fn add(&mut self, offset: u64, metadata_bytes: u64, body_bytes: Option<u64>) -> Read<u64> {
        let bytes = metadata(self.opened, offset, metadata_bytes)?;
        let message = message(&bytes)?;
        let declared = u64::try_from(message.bodyLength())
            .map_err(|_| Fault::wrong("a message with a body of a negative length"))?;
        let body_bytes = body_bytes.unwrap_or(declared);
        let end = offset.checked_add(metadata_bytes);
        let end = end.and_then(|end| end.checked_add(body_bytes));
        let end = end.filter(|end| *end <= self.end).ok_or_else(|| {
            Fault::wrong(format!(
                "a message at byte {offset} with a body of {body_bytes} bytes, where messages end at byte \
                 {}: it was cut short",
                self.end
            ))
        })?;
        let holds = self.holds(&message, body_bytes)?;
        self.blocks.extend(holds.map(|holds| Block {
            offset,
            metadata_bytes,
            body_bytes,
            holds,
        }));
        Ok(end)
    }

    /// What a message holds; nothing if that is to be skipped.
    fn holds(&mut self, message: &ipc::Message<'_>, body_bytes: u64) -> Read<Option<Holds>> {
        let missing = || Fault::wrong("a message without what its type calls for");
        match message.header_type() {
            MessageHeader::RecordBatch => {
                let batch = message.header_as_record_batch().ok_or_else(missing)?;
                let fields = self.schema.fields();
                let shape = BatchShape::new(batch, fields, message.version(), body_bytes)?;
                Ok(Some(Holds::Rows(shape.rows)))
            }
            MessageHeader::DictionaryBatch => {
                let batch = message.header_as_dictionary_batch().ok_or_else(missing)?;
                let values = batch.data().ok_or_else(missing)?;
                let id = batch.id();
                let mut known = self.dictionaries.iter();
                let (_, field) = known
                    .find(|(of, _)| *of == id)
                    .ok_or_else(|| Fault::wrong("a dictionary of no column"))?;
                let fields = [Arc::clone(field)];
                BatchShape::new(values, &fields, message.version(), body_bytes)?;
                self.deltas += usize::from(batch.isDelta());
                if self.deltas > DELTAS_MAX {
                    return Err(Fault::wrong("more than 4096 additions to dictionaries"));
                }
                // A file may be read from any record batch on, so one that replaces another has no place.
                let is_repeated = self.seen.contains(&id) && !batch.isDelta();
                if is_repeated && !self.is_stream {
                    return Err(Fault::wrong("two dictionaries of one column"));
                }
                if !self.seen.contains(&id) {
                    self.seen.push(id);
                }
                Ok(Some(Holds::Dictionary))
            }
            MessageHeader::NONE => Ok(None),
            _ => Err(Fault::wrong(
                "a message that is neither rows nor a dictionary",
            )),
        }
    }

    /// The messages.
    fn finish(self) -> Layout {
        Layout {
            schema: self.schema,
            blocks: self.blocks,
        }
    }
}

/// The schema of a file, whose shape is checked before it is built.
fn schema_of(schema: ipc::Schema<'_>) -> Read<Schema> {
    if schema.endianness() != Endianness::Little {
        return Err(Fault::wrong(
            "numbers in big-endian order, which are not read",
        ));
    }
    let mut budget = SchemaBudget::default();
    budget.add_texts(schema.custom_metadata())?;
    for field in schema.fields().into_iter().flatten() {
        budget.add(field, 1)?;
    }
    super::catch_arrow(|| try_fb_to_schema(schema)).map_err(Fault::Wrong)
}

/// What a schema takes. Tables of a flatbuffer may be shared, so a few bytes can stand for any number of
/// fields.
#[derive(Default)]
struct SchemaBudget {
    fields: usize,
    text_bytes: u64,
}

/// Names and values that a writer adds to a field.
type Texts<'a> = ipc::KeyValue<'a>;

impl SchemaBudget {
    /// Adds a field and those in it.
    fn add(&mut self, field: ipc::Field<'_>, depth: u32) -> Read<()> {
        self.fields += 1;
        if self.fields > SCHEMA_FIELDS_MAX {
            return Err(Fault::wrong(format!(
                "more than {SCHEMA_FIELDS_MAX} fields"
            )));
        }
        if depth > SCHEMA_DEPTH_MAX {
            return Err(Fault::wrong(format!(
                "more than {SCHEMA_DEPTH_MAX} fields deep"
            )));
        }
        self.add_bytes(field.name().map_or(0, str::len))?;
        let time = field.type_as_timestamp();
        self.add_bytes(time.and_then(|time| time.timezone()).map_or(0, str::len))?;
        let union = field.type_as_union();
        self.add_bytes(
            union
                .and_then(|union| union.typeIds())
                .map_or(0, |ids| ids.len() * 4),
        )?;
        self.add_texts(field.custom_metadata())?;
        for child in field.children().into_iter().flatten() {
            self.add(child, depth + 1)?;
        }
        Ok(())
    }

    /// Adds the texts of a field.
    fn add_texts<'a>(&mut self, texts: Option<impl IntoIterator<Item = Texts<'a>>>) -> Read<()> {
        for text in texts.into_iter().flatten() {
            self.add_bytes(text.key().map_or(0, str::len))?;
            self.add_bytes(text.value().map_or(0, str::len))?;
        }
        Ok(())
    }

    /// Adds bytes of texts.
    fn add_bytes(&mut self, bytes: usize) -> Read<()> {
        self.text_bytes = self.text_bytes.saturating_add(count64(bytes));
        if self.text_bytes > METADATA_BYTES_MAX {
            return Err(Fault::wrong("a schema with more than 64 MiB of names"));
        }
        Ok(())
    }
}
