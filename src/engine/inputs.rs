//! Finds and opens the files of a job, and checks that the days asked for exist.
//!
//! **In / Out**: a [`Job`] → [`RunInputs`]: paths by source, and the days that the output has. Files are
//! opened when their source is read. **Invariants**: an action file whose folder is outside of all
//! lookbacks is not opened.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use rayon::prelude::*;

use super::specs::{file_spec, publish_spec, read_spec, vocabulary_spec};
use super::tasks::guarded;
use crate::advice::Hint;
use crate::calendar::date_text;
use crate::catalog::input::InputFile;
use crate::catalog::paths::{SourceFiles, discover};
use crate::catalog::pipes::Pipes;
use crate::context::{RunContext, Stage};
use crate::dictionary::probes::Probes;
use crate::error::{Error, ErrorKind, Result};
use crate::failpoint::hit;
use crate::ids::{Day, Item, Micros, count64};
use crate::job::{IfExists, Job, JobKind, Publish, Source, WarningCode};
use crate::kernel::partition::Split;
use crate::metrics::Gates;
use crate::output::RunInputs;
use crate::place::check_in;
use crate::publish::{self, check_out};
use crate::scan::Opened;
use crate::scan::pruning::{Span, is_folder_out};
use crate::scan::time_columns::times_of;
use crate::scan::units;
use crate::warnings::Warning;

/// Finds the files of all sources, and the days of an existing output. No input is opened.
pub(super) fn find_inputs(job: &Job, context: &RunContext) -> Result<RunInputs> {
    context.enter(Stage::LOOK, 0);
    // Sets that gates compare with are read first: one that is missing or damaged should end the
    // run before its work, not after it.
    let gates = Gates::read(job.kind(), job.gates())?;
    let vocabulary = vocabulary_spec(job).and_then(|spec| spec.file);
    vocabulary.map_or(Ok(()), check_in)?;
    let sources = find_sources(job, context)?;
    let roots = sources.iter().flat_map(|source| source.roots.clone());
    // The vocabulary counts as an input, so an output that would overlap it is refused.
    let roots: Vec<PathBuf> = roots.chain(vocabulary.map(PathBuf::from)).collect();
    let existing = check_out(publish_spec(job), &roots)?;
    hit("inputs found");
    Ok(RunInputs {
        skipped: skipped_of(job, &existing),
        existing,
        gates,
        opened: Vec::new(),
        rejected: Vec::new(),
        warnings: skipped_files(&sources),
        sources,
    })
}

/// Finds the files of all sources; what comes through a pipe is copied to a file first.
pub(super) fn find_sources(job: &Job, context: &RunContext) -> Result<Vec<SourceFiles>> {
    // Where the set is made there is room for it; of the folder itself nothing may be used.
    let mut around = job.out.ancestors().skip(1);
    let around = around.find(|folder| folder.is_dir());
    let folder = job.temp_dir.as_deref().or(around);
    let check = || context.check();
    let mut pipes = Pipes::copied(folder.unwrap_or_else(|| Path::new(".")), &check);
    discover(&file_spec(job), &mut pipes)
}

/// A warning for each source with files that were skipped, as they look like copies in progress.
pub(super) fn skipped_files(sources: &[SourceFiles]) -> Vec<Warning> {
    let warnings = sources.iter().filter_map(|source| {
        let first = source.skipped.first()?;
        let count = source.skipped.len();
        let what = match count {
            1 => "one looks like a copy in progress and was passed over".to_owned(),
            _ => format!("{count} look like copies in progress and were passed over, the first"),
        };
        let text = format!(
            "{} in folders and globs: {what}: \"{}\"; wait until it is complete, take it away, or name \
             it to have it read",
            source.source.name(),
            first.display()
        );
        let warning = Warning::new(WarningCode::SkippedFiles, source.source, text);
        Some(warning.with("files", count64(count)))
    });
    warnings.collect()
}

/// Of the days that the output has, those that the run leaves as they are.
pub(super) fn skipped_of(job: &Job, existing: &[Day]) -> Vec<Day> {
    match job.publish {
        Publish::AddDays(IfExists::Skip) => existing.to_owned(),
        _ => Vec::new(),
    }
}

/// Checks that each day asked for has an impression (for `dwell` a row), and that the output has none of them already;
/// `read` are the days of impressions.
///
/// # Errors
/// [`ErrorKind::NoInput`] for the first day without impressions, an output error for the first day that
/// exists.
pub(super) fn check_days<T>(job: &Job, inputs: &RunInputs, read: &BTreeMap<Day, T>) -> Result<()> {
    // A shard that has only its own rows may have none of a day: `finalize` judges the days of all.
    if job.dealt_shard().is_none() {
        check_asked(job, &inputs.skipped, !read.is_empty(), |day| {
            read.contains_key(&day)
        })?;
    }
    if job.publish == Publish::AddDays(IfExists::Error)
        && let Some(day) = inputs.existing.iter().find(|day| read.contains_key(day))
    {
        return Err(day_exists(job, *day));
    }
    Ok(())
}

/// The error of a day that the output has already.
pub(super) fn day_exists(job: &Job, day: Day) -> Error {
    let path = job.out.join(publish::day_folder(job.kind(), day));
    Error::output(&path, format!("it exists; {}", Hint::DayExists.text()))
}

/// Checks that each day asked for is there, but for those that are skipped; `has_any` says whether there is
/// a day at all.
///
/// # Errors
/// [`ErrorKind::NoInput`] for the first that is not.
pub(super) fn check_asked(
    job: &Job,
    skipped: &[Day],
    has_any: bool,
    is_there: impl Fn(Day) -> bool,
) -> Result<()> {
    let is_missing = |day: &Day| !is_there(*day) && !skipped.contains(day);
    let missing: Vec<Day> = match (job.from, job.to) {
        _ if !job.days.is_empty() => job.days.iter().copied().filter(is_missing).collect(),
        (Some(from), Some(to)) => (from.0..=to.0).map(Day).filter(is_missing).collect(),
        // A range that is open at one end must have a day, but need not have all.
        (Some(day), None) | (None, Some(day)) if !has_any && skipped.is_empty() => {
            vec![day]
        }
        _ => Vec::new(),
    };
    if let Some(first) = missing.first() {
        let more = match missing.len() - 1 {
            0 => String::new(),
            more => format!(" and {more} more of the days asked for"),
        };
        let of = match job.kind() {
            JobKind::Dwell => "rows",
            _ => "impressions",
        };
        let what = format!("no {of} on {}{more}", date_text(*first));
        return Err(Error::from(ErrorKind::NoInput { what }));
    }
    Ok(())
}

/// Checks that integer times of actions fit their unit; `newest` is the latest cutoff.
fn check_units(job: &Job, opened: &[Opened], newest: Micros) -> Result<()> {
    let spec = read_spec(job);
    // `open_actions` gives MIN if there is no probe. As a bound it would make every integer
    // implausible.
    let newest = Some(newest).filter(|newest| *newest != Micros::MIN);
    for action in &job.sequences().actions {
        let source = action.source;
        // One source at a time: the check of a column ends at the first plausible time, which must
        // not be that of another source.
        let is_of_source = |file: &&Opened| file.file().source == source;
        let opened: Vec<Opened> = opened.iter().filter(is_of_source).cloned().collect();
        units::check(&spec, &opened, &times_of(&spec, source), newest)?;
    }
    Ok(())
}

/// Opens files in parallel; the result is in the order of the files.
pub(super) fn open_all(job: &Job, files: &[&InputFile]) -> Result<Vec<Opened>> {
    let spec = read_spec(job);
    // All files are opened before the first error is returned. Collecting into a `Result` at once
    // would return the error of whichever thread failed first.
    let opened: Vec<Result<Opened>> = files
        .par_iter()
        .map(|file| guarded(&file.shown, || Opened::open(&spec, file)))
        .collect();
    opened.into_iter().collect()
}

/// Opens the files of actions that may be in a history. Also returns the time from the first lookback
/// start to the last cutoff, and the partitions of customers.
pub(crate) fn open_actions<I: Item>(
    job: &Job,
    sources: &[SourceFiles],
    probes: &Probes<I>,
) -> Result<(Vec<Opened>, Span, Split)> {
    // Without an impression the span is empty: it begins after its end, so every time is outside.
    let span = Span {
        first: probes.asked.map_or(Micros::MAX, |asked| asked.lookback_min),
        last: probes.asked.map_or(Micros::MIN, |asked| asked.last_cutoff),
    };
    let actions = sources
        .iter()
        .filter(|source| source.source != Source::Impressions);
    // Without an impression no action can be in a history, so none need be opened. Those of a shard that somebody
    // else has dealt are counted all the same, as other shards have impressions.
    let is_opened = probes.asked.is_some() || job.dealt_shard().is_some();
    let files = actions
        .flat_map(|source| &source.files)
        .filter(|_| is_opened);
    let spec = read_spec(job);
    let files: Vec<&InputFile> = files
        // Without an impression of its own, a shard knows nothing of how far back those of others reach.
        .filter(|file| probes.asked.is_none() || !is_folder_out(&spec, file, span))
        .collect();
    let opened = open_all(job, &files)?;
    check_units(job, &opened, span.last)?;
    let rows_max: u64 = opened.iter().map(Opened::rows_about).sum();
    // An estimate, not a bound: what is kept if all histories are full and reading stops early.
    let kept_max = u64::from(probes.keys.count()) * u64::from(job.sequences().actions_limit());
    // The number of partitions costs or saves time and changes no byte: partitions are ranges of
    // ranks, and row groups are cut from the rows of a day.
    let bits = job
        .tuning
        .partition_bits
        .unwrap_or_else(|| Split::bits_for(rows_max.min(kept_max)));
    let split = Split::new(probes.keys.count(), bits);
    Ok((opened, span, split))
}
