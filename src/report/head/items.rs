//! Codes to the items that have them, where ids of items are texts.
//!
//! **In / Out**: the codes of some rows → their items, as `_vocabulary.parquet` has them.
//! **Invariants**: a code is one more than the index of its row; a file of which that is not true is
//! refused. **Cost**: only the pages with the items of these codes are decoded.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::path::{Path, PathBuf};

use parquet::arrow::arrow_reader::{
    ArrowReaderOptions, ParquetRecordBatchReaderBuilder, RowSelection,
};
use parquet::file::metadata::PageIndexPolicy;

use super::values::{HeadValue, rows_of};
use crate::engine::guarded;
use crate::error::{Error, Result};
use crate::manifest::{AnyManifest, Scope};
use crate::publish::VOCABULARY;
use crate::store::local;

/// The vocabulary of a set, if its items have codes; it is in the folder of the set.
pub(crate) fn vocabulary_of(out: &Path, manifest: &AnyManifest) -> Option<PathBuf> {
    let has_codes = !manifest.settings.get("item_vocabulary")?.is_null();
    let path = match manifest.of {
        Scope::Day => out.join("..").join(VOCABULARY),
        Scope::Whole => out.join(VOCABULARY),
    };
    has_codes.then_some(path)
}

/// The items of some codes.
///
/// # Errors
/// If the file cannot be read, or has not all of them where they should be.
pub(crate) fn items_of(path: &Path, codes: &BTreeSet<i64>) -> Result<BTreeMap<i64, String>> {
    let display = path.display().to_string();
    guarded(&display, || {
        let broken = |what: String| Error::bad_file(&*display, what);
        let file = local::open(path).map_err(|error| Error::io("read", path, error))?;
        let options = ArrowReaderOptions::new().with_page_index_policy(PageIndexPolicy::Optional);
        let builder = ParquetRecordBatchReaderBuilder::try_new_with_options(file, options)
            .map_err(|error| broken(error.to_string()))?;
        let rows = builder.metadata().file_metadata().num_rows();
        let rows = usize::try_from(rows).unwrap_or(0);
        let ranges = codes.iter().filter_map(|code| row_of(*code, rows));
        let selection = RowSelection::from_consecutive_ranges(ranges, rows);
        let reader = builder.with_row_selection(selection).build();
        let mut items = BTreeMap::new();
        for batch in reader.map_err(|error| broken(error.to_string()))? {
            let batch = batch.map_err(|error| broken(error.to_string()))?;
            for row in rows_of(&batch) {
                if let [HeadValue::Text(item), HeadValue::Int(code)] = &row[..] {
                    items.insert(*code, item.clone());
                }
            }
        }
        match codes.iter().find(|code| !items.contains_key(code)) {
            None => Ok(items),
            Some(code) => Err(broken(format!(
                "expected the item of code {code} in row {code}, found none"
            ))),
        }
    })
}

/// The row of a code as a range, if there is one.
fn row_of(code: i64, rows: usize) -> Option<Range<usize>> {
    let row = usize::try_from(code.checked_sub(1)?).ok()?;
    (row < rows).then_some(row..row + 1)
}
