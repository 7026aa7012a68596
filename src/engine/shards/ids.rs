//! Ids that shards name, from their files.

use std::path::PathBuf;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::Int64Type;

use crate::context::RunContext;
use crate::dictionary::Dictionary;
use crate::error::Result;
use crate::job::CustomerType;
use crate::output::PartRows;
use crate::publish::Part;

/// Rows of a batch: few enough that those of one file take little memory.
pub(super) const BATCH_ROWS: usize = 1 << 14;

/// An empty dictionary of ids of a type.
pub(super) fn dictionary_of(id_type: CustomerType) -> Dictionary {
    match id_type {
        CustomerType::Int64 => Dictionary::ints(),
        CustomerType::String => Dictionary::texts(),
    }
}

/// Adds the ids of a file, which are its first column, to a dictionary; `each` gets the batches with the code of
/// each row.
///
/// # Errors
/// If the file is damaged, or the memory of the job is used up.
pub(super) fn add_ids(
    context: &RunContext,
    path: PathBuf,
    part: &Part,
    ids: &mut Dictionary,
    mut each: impl FnMut(&[u32], &RecordBatch) -> Result<()>,
) -> Result<()> {
    context.reserve_memory(part.bytes)?;
    let mut rows = PartRows::open(path, part, BATCH_ROWS)?;
    let mut codes = Vec::new();
    while let Some(batch) = rows.next()? {
        context.check()?;
        intern(batch.column(0), ids, &mut codes);
        ids.reserve_memory(context)?;
        each(&codes, &batch)?;
    }
    context.free_memory(part.bytes);
    Ok(())
}

/// Gives the code of each id of a column.
fn intern(column: &ArrayRef, ids: &mut Dictionary, codes: &mut Vec<u32>) {
    codes.clear();
    if ids.has_texts() {
        let texts = column.as_string::<i32>();
        let texts: Vec<&[u8]> = (0..texts.len())
            .map(|at| texts.value(at).as_bytes())
            .collect();
        ids.intern_texts(&texts, codes);
    } else {
        let ints = column.as_primitive::<Int64Type>().values();
        ids.intern_ints(ints.iter().copied(), codes);
    }
}
