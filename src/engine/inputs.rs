//! Files to what of them is read: opened, and those of actions that nobody can ask about left out.

use rayon::prelude::*;

use super::tasks::guarded;
use crate::error::Result;
use crate::ids::{Item, Micros};
use crate::job::{Job, Source};
use crate::partition::Split;
use crate::probes::Probes;
use crate::scan::Opened;
use crate::scan::files::SourceFiles;
use crate::scan::input::InputFile;
use crate::scan::plan::{Span, is_folder_out};

/// Opens files, in parallel, and keeps their order.
pub(super) fn open_all(job: &Job, files: &[&InputFile]) -> Result<Vec<Opened>> {
    let opened: Vec<Result<Opened>> = files
        .par_iter()
        .map(|file| guarded(&file.shown, || Opened::open(job, file)))
        .collect();
    opened.into_iter().collect()
}

/// The files of actions that probes may ask about, what time they ask about, and how customers are
/// dealt to partitions.
pub(super) fn find_actions<I: Item>(
    job: &Job,
    sources: &[SourceFiles],
    probes: &Probes<I>,
) -> Result<(Vec<Opened>, Span, Split)> {
    let span = Span {
        first: probes
            .lookback_starts
            .iter()
            .copied()
            .min()
            .unwrap_or(Micros::MAX),
        last: probes.cutoffs.iter().copied().max().unwrap_or(Micros::MIN),
    };
    let of_actions = sources
        .iter()
        .filter(|source| source.source != Source::Impressions);
    // Nobody asks where there are no probes: then actions need not even be opened.
    let files = of_actions
        .flat_map(|source| &source.files)
        .filter(|_| !probes.rows.is_empty());
    let files: Vec<&InputFile> = files
        .filter(|file| !is_folder_out(job, file, span))
        .collect();
    let opened = open_all(job, &files)?;
    let rows_max: u64 = opened.iter().map(Opened::rows_about).sum();
    // Not a bound, but what is kept if histories fill up and reading stops early.
    let kept_max = u64::from(probes.keys.count()) * u64::from(job.actions_max);
    let bits = job
        .partition_bits
        .unwrap_or_else(|| Split::bits_for(rows_max.min(kept_max)));
    let split = Split::new(probes.keys.count(), bits);
    Ok((opened, span, split))
}
