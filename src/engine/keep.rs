//! The types of columns that are carried through: as the job says, or as its files have them.

use std::borrow::Cow;

use super::specs::read_spec;
use crate::error::Result;
use crate::job::{Job, Keep, KeepType};
use crate::scan::Opened;
use crate::scan::kept::kind_in;

/// The job with a type for each column that is carried through: that of the first Parquet file of
/// impressions, text if there is none.
///
/// # Errors
/// If that file lacks the column, or it holds what cannot be carried.
pub(super) fn typed<'a>(job: &'a Job, opened: &[Opened]) -> Result<Cow<'a, Job>> {
    if job.keep.is_empty() {
        return Ok(Cow::Borrowed(job));
    }
    let mut files = opened.iter().filter_map(|file| match file {
        Opened::Parquet(file) => Some(file),
        Opened::Text(..) | Opened::Empty(..) => None,
    });
    let first = files.next();
    let typed = job.keep.iter().map(|keep| {
        let kind = match (keep.kind, first) {
            (Some(kind), _) => kind,
            (None, None) => KeepType::Text,
            (None, Some(file)) => kind_in(&read_spec(job), file, keep)?,
        };
        Ok(Keep {
            kind: Some(kind),
            ..keep.clone()
        })
    });
    Ok(Cow::Owned(job.keeping(typed.collect::<Result<_>>()?)))
}
