//! The footer of a Parquet file to its metadata, checked before a page is read.
//!
//! **In / Out**: a file → the metadata that arrow's reader decodes. **Invariants**: the schema is a tree
//! of bounded depth and width. The row groups have as many rows as the file declares. Of a row group with
//! rows, the column chunks lie inside the file, do not overlap, and declare no more values than the rows
//! can have. **Cost**: one pass over the bytes of the footer, a few nanoseconds per byte.
//! **Why so**: arrow's reader recurses into every level of a schema and allocates what a list claims to
//! hold. 5,000 nested structs in a file of 55 KB overflow the stack and end the process, which nothing can
//! catch. So the bytes are checked for their shape first, then the decoded metadata for its meaning.

use std::borrow::Cow;
use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;

use parquet::basic::Compression;
use parquet::file::metadata::{
    ColumnChunkMetaData, ParquetMetaData, ParquetMetaDataReader, RowGroupMetaData,
};

use super::catch_panic;
use super::thrift::{Compact, Malformed, Read, Wire};
use crate::catalog::input::InputFile;
use crate::error::Result;

/// The longest footer, in bytes: that of a thousand columns in a thousand row groups.
const FOOTER_BYTES_MAX: u32 = 1 << 26;
/// The deepest nesting of fields.
const SCHEMA_DEPTH_MAX: usize = 64;
/// The most fields of a schema, columns and groups.
const SCHEMA_FIELDS_MAX: usize = 1 << 14;
/// The longest average list of a row group.
const LIST_LENGTH_MAX: i64 = 1 << 20;
/// The first and last bytes of a file.
const MAGIC: &[u8; 4] = b"PAR1";
/// The last bytes of a file with an encrypted footer.
const MAGIC_ENCRYPTED: &[u8; 4] = b"PARE";

/// Reads and checks the footer of a file.
///
/// # Errors
/// If there is none, or it is not valid.
pub(super) fn read_footer(file: &InputFile, opened: &File) -> Result<ParquetMetaData> {
    let (bytes, start) = footer_bytes(file, opened)?;
    decode(&bytes, start)
        .map_err(|what| file.fault(format!("expected a Parquet file, found {what}")))
}

/// The metadata in the bytes of a footer, which begin at `start` of their file.
pub(super) fn decode(bytes: &[u8], start: u64) -> std::result::Result<ParquetMetaData, String> {
    let untyped = check_shape(bytes).map_err(|what| format!("a footer with {what}"))?;
    let mut bytes = Cow::Borrowed(bytes);
    for at in untyped {
        bytes.to_mut()[at] = EMPTY_LIST;
    }
    // A panic is contained here; a stack overflow would not be, which `check_shape` rules out.
    let metadata = catch_panic(|| ParquetMetaDataReader::decode_metadata(&bytes))?;
    check_meaning(&metadata, start)?;
    Ok(metadata)
}

/// The bytes of the footer, and their offset in the file.
fn footer_bytes(file: &InputFile, opened: &File) -> Result<(Vec<u8>, u64)> {
    let broken = |what: &str| file.fault(format!("expected a Parquet file, found {what}"));
    let io_fault = |error: io::Error| match error.kind() {
        io::ErrorKind::UnexpectedEof => broken("one that shrinks while it is read"),
        _ => file.io(error),
    };
    let size = opened.metadata().map_err(|error| file.io(error))?.len();
    // Magic bytes at both ends, and the length of the footer.
    let Some(tail_start) = size.checked_sub(8).filter(|start| *start >= 4) else {
        return Err(broken("too few bytes for one"));
    };
    let mut tail = [0; 8];
    opened
        .read_exact_at(&mut tail, tail_start)
        .map_err(io_fault)?;
    let (length, magic) = tail.split_at(4);
    if magic == MAGIC_ENCRYPTED {
        return Err(broken("an encrypted one; decrypt it first"));
    }
    if magic != MAGIC {
        return Err(broken(
            "no footer at its end: it is another format, or was cut short",
        ));
    }
    let length = length.try_into().map_or(0, u32::from_le_bytes);
    if length > FOOTER_BYTES_MAX {
        return Err(broken(&format!(
            "a footer of {length} bytes, which is more than {FOOTER_BYTES_MAX}"
        )));
    }
    let start = tail_start.checked_sub(u64::from(length));
    let Some(start) = start.filter(|start| *start >= 4) else {
        return Err(broken("a footer longer than the file: it was cut short"));
    };
    // At most 64 MiB, and not more than the file has.
    let mut bytes = vec![0; usize::try_from(length).unwrap_or_default()];
    opened.read_exact_at(&mut bytes, start).map_err(io_fault)?;
    Ok((bytes, start))
}

/// A walk over the list of a schema's fields, which is a tree in preorder.
#[derive(Default)]
struct SchemaWalk {
    /// The fields so far.
    fields: usize,
    /// For each parent of the next field, how many of its children are still to come.
    open: Vec<u64>,
}

impl SchemaWalk {
    /// Adds a field with so many children.
    fn add(&mut self, children: i64) -> Read<()> {
        if let Some(left) = self.open.last_mut() {
            *left -= 1;
        // Only the first field, the root, has no parent.
        } else if self.fields > 0 {
            return Err(Malformed::Wrong("a schema of more than one tree"));
        }
        self.fields += 1;
        match u64::try_from(children) {
            Ok(0) => {}
            Ok(children) => self.open.push(children),
            Err(_) => return Err(Malformed::Wrong("a field with fewer than no children")),
        }
        // A last child ends its parent, which may be a last child itself.
        while self.open.last() == Some(&0) {
            self.open.pop();
        }
        if self.open.len() > SCHEMA_DEPTH_MAX {
            return Err(Malformed::Wrong(
                "a schema that is more than 64 fields deep",
            ));
        }
        if self.fields > SCHEMA_FIELDS_MAX {
            return Err(Malformed::Wrong("a schema of more than 16,384 fields"));
        }
        Ok(())
    }
}

/// The header of an empty list of structs.
const EMPTY_LIST: u8 = 0x0c;

/// Checks that the bytes of a footer are Thrift and have a schema that can be decoded. Returns the places of
/// empty lists without a type, which fastparquet writes and arrow's reader rejects.
fn check_shape(footer: &[u8]) -> std::result::Result<Vec<usize>, String> {
    let mut schema = SchemaWalk::default();
    let mut untyped = Vec::new();
    // In parquet.thrift, field 2 of the metadata is the schema, and field 5 of its elements the
    // number of children.
    let walked = Compact::new(footer).fields(|reader, number, wire| match (number, wire) {
        (2, Wire::List) => {
            reader.list(|reader, wire| match wire {
                Wire::Struct => schema.add(children_of(reader)?).map(|()| true),
                _ => Ok(false),
            })?;
            Ok(true)
        }
        (_, Wire::List) => {
            let at = footer.len() - reader.left();
            untyped.extend(Some(at).filter(|at| footer.get(*at) == Some(&0)));
            Ok(false)
        }
        _ => Ok(false),
    });
    match walked {
        Ok(()) if schema.fields == 0 => Err("no schema".to_owned()),
        Ok(()) if !schema.open.is_empty() => Err("a schema that lacks fields".to_owned()),
        Ok(()) => Ok(untyped),
        Err(malformed) => Err(malformed
            .what("a length that goes beyond its end")
            .to_owned()),
    }
}

/// The number of children of a field of the schema.
fn children_of(reader: &mut Compact<'_>) -> Read<i64> {
    let mut children = 0;
    reader.fields(|reader, number, wire| match (number, wire) {
        (5, Wire::Int) => {
            children = reader.int()?;
            Ok(true)
        }
        _ => Ok(false),
    })?;
    Ok(children)
}

/// Checks the metadata of a file whose pages end at `end`.
fn check_meaning(metadata: &ParquetMetaData, end: u64) -> std::result::Result<(), String> {
    let (mut rows, mut ranges) = (0_i64, Vec::new());
    for (at, group) in metadata.row_groups().iter().enumerate() {
        let wrong = |what: String| format!("a footer with row group {at} {what}");
        let sum = rows.checked_add(group.num_rows());
        rows = sum
            .filter(|_| (0..=i64::from(i32::MAX)).contains(&group.num_rows()))
            .ok_or_else(|| wrong(format!("of {} rows", group.num_rows())))?;
        // Nothing is read from a row group without rows, and writers differ in what they declare for it.
        if group.num_rows() == 0 {
            continue;
        }
        // Readers take a chunk by the place of its column in the schema.
        if group.num_columns() != group.schema_descr().num_columns() {
            return Err(wrong("that lacks columns of the schema".to_owned()));
        }
        for chunk in group.columns() {
            let range = check_chunk(group, chunk, end);
            let name = chunk.column_path().string();
            ranges.push(range.map_err(|what| wrong(format!("in which column \"{name}\" {what}")))?);
        }
    }
    if rows != metadata.file_metadata().num_rows() {
        let declared = metadata.file_metadata().num_rows();
        return Err(format!(
            "a footer that declares {declared} rows, and row groups of {rows}"
        ));
    }
    // Otherwise many chunks could point at the same bytes, and the size of the file would bound
    // nothing. Empty chunks may lie anywhere.
    ranges.retain(|range| !range.is_empty());
    ranges.sort_unstable_by_key(|range| range.start);
    if !ranges.is_sorted_by(|before, after| before.end <= after.start) {
        return Err("a footer whose column chunks overlap".to_owned());
    }
    Ok(())
}

/// Checks the metadata of a column chunk; returns where it lies in the file.
fn check_chunk(
    group: &RowGroupMetaData,
    chunk: &ColumnChunkMetaData,
    end: u64,
) -> std::result::Result<Range<u64>, String> {
    if chunk.file_path().is_some() {
        return Err("lies in another file".to_owned());
    }
    if chunk.compression() == Compression::LZO {
        return Err("is compressed by LZO, which is not read".to_owned());
    }
    let (rows, values) = (group.num_rows(), chunk.num_values());
    let is_list = chunk.column_descr().max_rep_level() > 0;
    let values_max = if is_list {
        rows.saturating_mul(LIST_LENGTH_MAX)
    } else {
        rows
    };
    // An empty list and a null have one value, too.
    let values_min = rows;
    if !(values_min..=values_max).contains(&values) {
        return Err(format!("has {values} values for {rows} rows"));
    }
    if chunk.uncompressed_size() < 0 {
        return Err(format!("has a size of {}", chunk.uncompressed_size()));
    }
    // The first 4 bytes are the magic.
    let range = range_of(chunk).filter(|range| 4 <= range.start && range.end <= end);
    range.ok_or_else(|| {
        let (from, size) = (start_of(chunk), chunk.compressed_size());
        format!("lies outside the file: {size} bytes from {from}, pages end at {end}")
    })
}

/// Where the pages of a column chunk start. Some writers give the offset 0 to an absent dictionary.
fn start_of(chunk: &ColumnChunkMetaData) -> i64 {
    let data = chunk.data_page_offset();
    let dictionary = chunk.dictionary_page_offset();
    dictionary
        .filter(|at| 0 < *at && *at < data)
        .unwrap_or(data)
}

/// Where a column chunk lies in the file; `None` if its offset or size is impossible.
pub(super) fn range_of(chunk: &ColumnChunkMetaData) -> Option<Range<u64>> {
    let start = u64::try_from(start_of(chunk)).ok()?;
    let size = u64::try_from(chunk.compressed_size()).ok()?;
    Some(start..start.checked_add(size)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A field with a number of children, as a struct in a list.
    fn element(children: u8) -> Vec<u8> {
        match children {
            0 => vec![0x48, 1, b'a', 0],
            children => vec![0x48, 1, b'a', 0x15, children * 2, 0],
        }
    }

    /// A footer with a schema of such fields.
    fn footer(children: &[u8]) -> Vec<u8> {
        let count = u32::try_from(children.len()).expect("few");
        let mut bytes = vec![0x15, 2, 0x19, 0xfc];
        let mut rest = count;
        while rest >= 0x80 {
            bytes.push(u8::try_from(rest & 0x7f).expect("seven bits") | 0x80);
            rest >>= 7;
        }
        bytes.push(u8::try_from(rest).expect("seven bits"));
        bytes.extend(children.iter().flat_map(|children| element(*children)));
        bytes.extend([0x16, 0, 0x19, 0x0c, 0]);
        bytes
    }

    #[test]
    fn a_schema_is_one_tree_of_bounded_depth() {
        assert_eq!(check_shape(&footer(&[2, 0, 0])), Ok(Vec::new()));
        assert_eq!(check_shape(&footer(&[1, 1, 0])), Ok(Vec::new()));
        let lacks = check_shape(&footer(&[3, 0, 0])).expect_err("one is missing");
        assert_eq!(lacks, "a schema that lacks fields");
        assert!(check_shape(&footer(&[1, 0, 0])).is_err());
        assert!(check_shape(&footer(&[])).is_err());
        assert!(check_shape(&[]).is_err());
        let deep = |levels: usize| [vec![1; levels], vec![0]].concat();
        assert_eq!(check_shape(&footer(&deep(64))), Ok(Vec::new()));
        let error = check_shape(&footer(&deep(65))).expect_err("too deep");
        assert!(error.contains("64 fields deep"), "{error}");
        // Deep enough to overflow a stack. Miri has no stack limit, and would take an hour.
        let far_too_deep = if cfg!(miri) { 1000 } else { 100_000 };
        assert!(check_shape(&footer(&deep(far_too_deep))).is_err());
    }

    #[test]
    fn a_footer_that_is_cut_anywhere_is_refused() {
        let whole = footer(&[2, 0, 0]);
        for end in 0..whole.len() {
            assert!(check_shape(&whole[..end]).is_err(), "{end}");
        }
    }
}
