//! The settings of publishing: where the output goes, and whether it may exist already.

use std::path::Path;

use crate::job::{JobKind, Publish};

/// Where an output goes, and how it is published.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PublishSpec<'a> {
    /// The job kind. It determines the names of the folders of days; an existing output of another kind
    /// is refused.
    pub(crate) job_kind: JobKind,
    /// The folder of the output.
    pub(crate) out: &'a Path,
    /// Whether the folder is created, replaced, or extended by days.
    pub(crate) publish: Publish,
    /// The names that its manifest may have: an output without one of them is never replaced.
    pub(crate) manifests: &'static [&'static str],
}
