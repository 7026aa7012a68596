//! Whether the columns of actions that are told are in some file.

use super::specs::read_spec;
use crate::error::{Error, Result};
use crate::job::{Job, Source};
use crate::scan::Opened;
use crate::scan::actions::ActionNames;
use crate::scan::text::columns::WantedColumn;
use crate::scan::text::record::TextRecord;
use crate::scan::text::records::records;

/// Adds which told columns another thread has seen.
pub(crate) fn add_seen(seen: &mut [bool], more: impl IntoIterator<Item = bool>) {
    seen.iter_mut()
        .zip(more)
        .for_each(|(seen, more)| *seen |= more);
}

/// Checks that each column that is told was in some file of actions, if there are any; `seen` says
/// which some record of text had.
///
/// # Errors
/// If not: the fault of one of the files, Parquet if there is one, which names the columns it has.
pub(crate) fn check_seen(job: &Job, opened: &[Opened], seen: &[bool]) -> Result<()> {
    let (mut empty, full): (Vec<&Opened>, Vec<&Opened>) =
        opened.iter().partition(|file| file.is_empty());
    // A source without any row may have it; beside files that lack it an empty one says nothing.
    let sources: Vec<Source> = full.iter().map(|file| file.file().source).collect();
    empty.retain(|file| !sources.contains(&file.file().source));
    let (parquet, text): (Vec<&Opened>, Vec<&Opened>) = full
        .into_iter()
        .partition(|file| matches!(file, Opened::Parquet(_)));
    let unseen = seen.iter().enumerate().filter(|(_, seen)| !**seen);
    for (place, _) in unseen.take_while(|(place, _)| *place < job.attribute_columns().len()) {
        let missing_in = |file: &&Opened| {
            let mut told = ActionNames::new(&read_spec(job), file.file().source).told();
            let (_, name, _) = told.nth(place)?;
            missing(job, file, name)
        };
        // Text that nothing was read of may have it, as it need not be read.
        let mut fault = None;
        for file in parquet.iter().chain(&text).chain(&empty) {
            let Some(error) = missing_in(file) else {
                fault = None;
                break;
            };
            fault.get_or_insert(error);
        }
        fault.map_or(Ok(()), Err)?;
    }
    Ok(())
}

/// The fault of a file of actions that lacks a column.
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
