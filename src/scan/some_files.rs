//! Columns that only some files have.
//!
//! **Why so**: logs gain columns over the years. So a file that lacks a column which is only carried through, or told
//! of actions, has nulls in it. A column that no file has is an error, most likely a wrong name.
//!
//! **In / Out**: opened files and the error of one that lacks the column → nothing, or one of these errors.

use crate::catalog::input::InputFile;
use crate::error::{Error, Result};
use crate::scan::Opened;
use crate::scan::text::columns::WantedColumn;
use crate::scan::text::record::TextRecord;
use crate::scan::text::records::records;

/// Notes whether a file has a column; `seen` is `None` as long as nothing could tell.
#[inline]
pub(crate) fn note(seen: &mut Option<bool>, has: bool) {
    *seen = Some(has || *seen == Some(true));
}

/// Adds what another thread has seen.
pub(crate) fn add_seen(seen: &mut [Option<bool>], more: &[Option<bool>]) {
    for (seen, more) in seen.iter_mut().zip(more) {
        if let Some(has) = *more {
            note(seen, has);
        }
    }
}

/// Checks that a column is in some file. Shares that `bucket` made of files are judged in the first shard.
///
/// # Errors
/// If all `lack` it: the error of one, a file of columns if there is one, as its error names those it has.
pub(crate) fn check_some<'f>(
    files: impl IntoIterator<Item = &'f Opened>,
    lacks: &dyn Fn(&Opened) -> Option<Error>,
) -> Result<()> {
    let (mut sorted, text): (Vec<&Opened>, Vec<&Opened>) = files
        .into_iter()
        .partition(|file| matches!(file, Opened::Parquet(_)));
    sorted.extend(text);
    let mut first = None;
    for file in &sorted {
        let Some(error) = lacks(file) else {
            return Ok(());
        };
        first.get_or_insert(error);
    }
    // Only the first shard has a share of every file.
    let mut shares = sorted.iter().filter_map(|file| file.file().share);
    let is_other = shares.next().is_some_and(|number| number > 0);
    first.filter(|_| !is_other).map_or(Ok(()), Err)
}

/// The error of a file that lacks a column, or whose records all do; `None` if it has it.
pub(crate) fn lacking(file: &Opened, name: &str, piece_bytes: usize) -> Option<Error> {
    match file {
        Opened::Parquet(file) => file.required(name).err(),
        Opened::Text(input, ..) => {
            let columns = [WantedColumn::new(name, true)];
            // Asked of this file itself, also if it is a share of another.
            let input = &InputFile {
                share: None,
                ..input.as_ref().clone()
            };
            let format = file.text_format();
            let mut nothing = |_: TextRecord<'_>| Ok(());
            records(input, format, &columns, piece_bytes, &mut nothing).err()
        }
        Opened::Empty(..) => None,
    }
}
