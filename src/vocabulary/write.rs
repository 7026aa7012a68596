//! Writes all items with their codes to a file.
//!
//! **Shape**: a row per item, by code: `item` (string), `code` (of the width of items). **Invariants**:
//! the bytes are a function of the items and the codec.

use std::hash::Hasher;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, Int32Array, Int64Array, StringArray};
use arrow::datatypes::{DataType, Field, Schema};
use rayon::iter::{IntoParallelIterator, ParallelIterator};
use twox_hash::XxHash64;

use super::read::{COLUMNS, read};
use super::{Coded, digest, texts_of};
use crate::context::RunContext;
use crate::encode::TableEncoder;
use crate::error::Result;
use crate::ids::{Item, count64};
use crate::job::{Codec, ItemType};
use crate::publish::{Part, PartFile, StagingDir, VOCABULARY, write_error};

/// Rows of a row group.
const GROUP_ROWS: u32 = 1 << 16;

/// The columns of a vocabulary.
pub(crate) fn schema(item_type: ItemType) -> Schema {
    let [item, code] = COLUMNS;
    let code_type = match item_type {
        ItemType::Int32 => DataType::Int32,
        ItemType::Int64 => DataType::Int64,
    };
    Schema::new(vec![
        Field::new(item, DataType::Utf8, false),
        Field::new(code, code_type, false),
    ])
}

/// The digest of items in the order of their codes: XXH64, seed 0, of each text's length, as four
/// bytes, little-endian, and its bytes.
pub(crate) fn digest_of(texts: &[&str]) -> u64 {
    let mut hasher = XxHash64::with_seed(0);
    texts.iter().for_each(|text| add(&mut hasher, text));
    hasher.finish()
}

/// Adds an item to a digest.
fn add(hasher: &mut XxHash64, text: &str) {
    let length = u32::try_from(text.len()).expect("ids have at most 4096 bytes");
    hasher.write(&length.to_le_bytes());
    hasher.write(text.as_bytes());
}

/// What [`write()`] gave for a vocabulary that was published: its part, and the digest of its items.
///
/// # Errors
/// If it cannot be read, or is no vocabulary.
pub(crate) fn read_part(path: &Path) -> Result<(Part, u64)> {
    let items = read(path)?;
    let (bytes, checksum) = digest(path)?;
    let part = Part {
        name: VOCABULARY.to_owned(),
        rows: count64(items.count()),
        row_groups: count64(items.count()).div_ceil(u64::from(GROUP_ROWS)),
        bytes,
        checksum,
    };
    Ok((part, digest_of(&texts_of(&items))))
}

/// Writes the vocabulary into the staging directory; gives the part, and the digest of its items.
///
/// # Errors
/// If it cannot be written.
pub(crate) fn write<I: Item>(
    item_type: ItemType,
    codec: Codec,
    context: &RunContext,
    staging: &StagingDir,
    coded: &Coded<I>,
) -> Result<(Part, u64)> {
    let encoder = TableEncoder::new(codec, schema(item_type))?;
    let path = staging.file_in("", VOCABULARY)?;
    let file = PartFile::create_large(&path)?;
    let failed = |error| write_error(&path, error);
    let mut writer = encoder.file(file.clone()).map_err(failed)?;
    let (mut hasher, mut row_groups, mut start) = (XxHash64::with_seed(0), 0, 0);
    while start < coded.count() {
        context.check()?;
        // One row group per thread at a time, to bound memory.
        let mut groups: Vec<Range<u32>> = Vec::new();
        while start < coded.count() && groups.len() < rayon::current_num_threads() {
            let end = coded.count().min(start.saturating_add(GROUP_ROWS));
            groups.push(start..end);
            start = end;
        }
        let encoded = groups.into_par_iter().map(|places| {
            let items = places.clone().map(|place| coded.text(place));
            let items = StringArray::from_iter_values(items);
            let columns: [ArrayRef; 2] = [Arc::new(items.clone()), codes_of(item_type, places)];
            Ok((encoder.encode(&columns)?, items))
        });
        // Collected in order: neither bytes nor the first error depend on threads.
        for group in encoded.collect::<Vec<Result<_>>>() {
            let (group, items) = group?;
            writer.append(group).map_err(failed)?;
            // Digested here, where the texts are contiguous in memory.
            items
                .iter()
                .flatten()
                .for_each(|text| add(&mut hasher, text));
            row_groups += 1;
        }
    }
    writer.finish().map_err(failed)?;
    let (bytes, checksum) = file.finish()?;
    let part = Part {
        name: VOCABULARY.to_owned(),
        rows: u64::from(coded.count()),
        row_groups,
        bytes,
        checksum,
    };
    Ok((part, hasher.finish()))
}

/// The column of codes of these indices.
fn codes_of(item_type: ItemType, places: Range<u32>) -> ArrayRef {
    let codes = places.map(|place| i64::from(place) + 1);
    match item_type {
        ItemType::Int32 => {
            let narrow = codes.map(|code| i32::try_from(code).expect("codes fit their type"));
            Arc::new(Int32Array::from_iter_values(narrow))
        }
        ItemType::Int64 => Arc::new(Int64Array::from_iter_values(codes)),
    }
}
