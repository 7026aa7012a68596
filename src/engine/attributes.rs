//! Checks that each column of `--with` is in some file of actions.

use super::specs::read_spec;
use crate::error::{Error, Result};
use crate::job::{Job, Source};
use crate::scan::Opened;
use crate::scan::actions::ActionNames;
use crate::scan::some_files::{check_some, lacking};

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
/// If not.
pub(super) fn check_seen(job: &Job, opened: &[Opened], seen: &[bool]) -> Result<()> {
    let (mut empty, full): (Vec<&Opened>, Vec<&Opened>) =
        opened.iter().partition(|file| file.is_empty());
    // A source without any row may have the column. An empty file of a source with rows decides nothing.
    let sources: Vec<Source> = full.iter().map(|file| file.file().source).collect();
    empty.retain(|file| !sources.contains(&file.file().source));
    // `seen` is as long as the most columns that a job may have, hence the bound below.
    let unseen = seen.iter().enumerate().filter(|(_, seen)| !**seen);
    for (column, _) in unseen.take_while(|(column, _)| *column < job.attribute_columns().len()) {
        // A text file may have it even if no record was read, so its header is checked.
        let lacks = |file: &Opened| -> Option<Error> {
            let mut attributes = ActionNames::new(&read_spec(job), file.file().source).told();
            let (_, name, _) = attributes.nth(column)?;
            lacking(file, name, job.tuning.text_piece_bytes)
        };
        check_some(full.iter().chain(&empty).copied(), &lacks)?;
    }
    Ok(())
}
