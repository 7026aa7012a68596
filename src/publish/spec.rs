//! What publishing is told: where the output goes, and whether something may be there already.

use std::path::Path;

use crate::job::{JobKind, Publish};

/// Where an output goes, and how it comes there.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PublishSpec<'a> {
    /// The job kind: it names the folders of days, and an output of another kind is left alone.
    pub(crate) job_kind: JobKind,
    /// The folder to make.
    pub(crate) out: &'a Path,
    /// Whether the folder is made, replaced, or given more days.
    pub(crate) publish: Publish,
}
