//! Reads a vocabulary file: its items in the order of their codes.
//!
//! **Null rule**: nulls are an error. **Invariants**: codes are dense from 1, in any order of rows;
//! items are distinct and not empty.

use std::path::Path;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Int64Array, StringViewArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int64Type};

use crate::catalog::input::InputFile;
use crate::catalog::null_words::NullWords;
use crate::dictionary::Dictionary;
use crate::error::{Error, Result};
use crate::ids::{count32, count64, index, index64};
use crate::job::{Format, Source};
use crate::kernel::column::TextColumn;
use crate::scan::mismatch::TEXT_BYTES_MAX;
use crate::scan::parquet::ParquetFile;
use crate::scan::table::arrow::plain_texts;

/// The columns of a vocabulary.
pub(super) const COLUMNS: [&str; 2] = ["item", "code"];

/// Reads a vocabulary; an item's code is one more than the dictionary's.
///
/// # Errors
/// If the file cannot be read, or is no vocabulary; then the error names the row.
pub(crate) fn read(path: &Path) -> Result<Dictionary> {
    let file = InputFile {
        // A vocabulary belongs to no source; nothing reads this field.
        source: Source::Impressions,
        path: path.to_owned(),
        shown: path.display().to_string(),
        day: None,
        is_of_no_day: false,
        whole: Arc::default(),
        nulls: NullWords::default(),
        settings: Arc::default(),
        spooled: None,
        share: None,
    };
    let file = ParquetFile::open(&file, Format::Parquet)?;
    if file.rows_count() == 0 {
        return Ok(Dictionary::texts());
    }
    let [item, code] = COLUMNS;
    let found = file.required(item)?.data_type();
    if !found.is_string() {
        return Err(file.wrong_type(item, "text", found));
    }
    let found = file.required(code)?.data_type();
    if !found.is_integer() {
        return Err(file.wrong_type(code, "integers", found));
    }
    let rows = index64(file.rows_count());
    if u32::try_from(rows).is_err() {
        return Err(file.file.fault("it has more than 2^32 items"));
    }
    let columns = file.select(|path| matches!(path, [name] if COLUMNS.contains(&name.as_str())));
    // `u32::MAX` marks a code without a row; it is no row itself, as rows are counted in 32 bits.
    let (mut texts, mut row_of) = (TextColumn::default(), vec![u32::MAX; rows]);
    for group in 0..file.row_groups().len() {
        file.read(group, &columns, |first_row, batch| {
            let array = |name| batch.column_by_name(name).expect("it is required");
            let items = plain_texts(array(item));
            let codes = widened(array(code));
            let (Some(items), Some(codes)) = (items, codes) else {
                let row = first_row + count64(first_null(&[array(item), array(code)]));
                return Err(fault(
                    &file,
                    row,
                    "expected an item and its code, found null",
                ));
            };
            add(&file, first_row, &items, &codes, &mut texts, &mut row_of)
        })?;
    }
    let mut items = Dictionary::texts();
    // As many rows as codes, all in range and none twice: every code has a row.
    for (row, place) in row_of.iter().zip(0..) {
        let text = texts.bytes(index(*row));
        if items.intern_text(text) != place {
            let text = String::from_utf8_lossy(text);
            let what = format!("expected each item once, found {text:?} again");
            return Err(fault(&file, u64::from(*row) + 1, &what));
        }
    }
    Ok(items)
}

/// Adds the items of a batch, and records the row of each code.
fn add(
    file: &ParquetFile,
    first_row: u64,
    items: &StringViewArray,
    codes: &Int64Array,
    texts: &mut TextColumn,
    row_of: &mut [u32],
) -> Result<()> {
    for at in 0..items.len() {
        let (row, text, code) = (first_row + count64(at), items.value(at), codes.value(at));
        if text.is_empty() || text.len() > TEXT_BYTES_MAX {
            let what = "expected an item: a text that is not empty, of at most 4096 bytes";
            return Err(fault(file, row, what));
        }
        let rows = row_of.len();
        let place = code.checked_sub(1).and_then(|at| usize::try_from(at).ok());
        match place.and_then(|place| row_of.get_mut(place)) {
            None => {
                let what =
                    format!("expected a code from 1 to {rows}, as they are dense, found {code}");
                return Err(fault(file, row, &what));
            }
            Some(of_code) if *of_code != u32::MAX => {
                let what = format!("expected each code once, found {code} again");
                return Err(fault(file, row, &what));
            }
            Some(of_code) => *of_code = count32(texts.count()),
        }
        texts.push(text);
    }
    Ok(())
}

/// The integers of a column as `int64`; `None` if one is null.
fn widened(array: &ArrayRef) -> Option<Int64Array> {
    let is_plain = array.null_count() == 0;
    let wide = is_plain.then(|| cast(array, &DataType::Int64).ok())??;
    Some(wide.as_primitive::<Int64Type>().clone())
}

/// The first row in which one of some columns is null.
fn first_null(columns: &[&ArrayRef]) -> usize {
    let rows = 0..columns.first().map_or(0, |column| column.len());
    let mut nulls = rows.filter(|row| columns.iter().any(|column| column.is_null(*row)));
    nulls.next().unwrap_or(0)
}

/// The error of a row.
fn fault(file: &ParquetFile, row: u64, what: &str) -> Error {
    file.file
        .fault(format!("row {row} is of no vocabulary: {what}"))
}
