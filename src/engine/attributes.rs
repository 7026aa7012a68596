//! Checks that each column of `--with` is in some file of actions.
//!
//! **Why so**: a source may lack a column, and then has nulls in it. A column that no file has is an
//! error, most likely a wrong name.

use super::specs::read_spec;
use crate::error::{Error, Result};
use crate::job::{Job, Source};
use crate::scan::Opened;
use crate::scan::actions::ActionNames;
use crate::scan::text::columns::WantedColumn;
use crate::scan::text::record::TextRecord;
use crate::scan::text::records::records;

/// Adds the attribute columns that another thread has seen.
pub(super) fn add_seen(seen: &mut [bool], more: impl IntoIterator<Item = bool>) {
    seen.iter_mut()
        .zip(more)
        .for_each(|(seen, more)| *seen |= more);
}

/// Checks that each attribute column is in some file of actions, if there are any; `seen` has those that
/// some text record had.
///
/// # Errors
/// If not: the error of one file, a Parquet file if there is one, as it names the columns of the file.
pub(super) fn check_seen(job: &Job, opened: &[Opened], seen: &[bool]) -> Result<()> {
    let (mut empty, full): (Vec<&Opened>, Vec<&Opened>) =
        opened.iter().partition(|file| file.is_empty());
    // A source without any row may have the column. An empty file of a source with rows decides nothing.
    let sources: Vec<Source> = full.iter().map(|file| file.file().source).collect();
    empty.retain(|file| !sources.contains(&file.file().source));
    let (parquet, text): (Vec<&Opened>, Vec<&Opened>) = full
        .into_iter()
        .partition(|file| matches!(file, Opened::Parquet(_)));
    // `seen` is as long as the most columns that a job may have, hence the bound below.
    let unseen = seen.iter().enumerate().filter(|(_, seen)| !**seen);
    for (column, _) in unseen.take_while(|(column, _)| *column < job.attribute_columns().len()) {
        let missing_in = |file: &&Opened| {
            let mut attributes = ActionNames::new(&read_spec(job), file.file().source).told();
            let (_, name, _) = attributes.nth(column)?;
            missing(job, file, name)
        };
        // A text file may have it even if no record was read, so its header is checked.
        let mut first_error = None;
        for file in parquet.iter().chain(&text).chain(&empty) {
            let Some(error) = missing_in(file) else {
                first_error = None;
                break;
            };
            first_error.get_or_insert(error);
        }
        first_error.map_or(Ok(()), Err)?;
    }
    Ok(())
}

/// The error of a file of actions that lacks a column; `None` if it has it.
fn missing(job: &Job, file: &Opened, name: &str) -> Option<Error> {
    match file {
        Opened::Parquet(file) => file.required(name).err(),
        Opened::Text(input, ..) => {
            let columns = [WantedColumn::new(name, true)];
            let format = file.text_format();
            let mut nothing = |_: TextRecord<'_>| Ok(());
            records(
                input,
                format,
                &columns,
                job.tuning.text_piece_bytes,
                &mut nothing,
            )
            .err()
        }
        Opened::Empty(..) => None,
    }
}
