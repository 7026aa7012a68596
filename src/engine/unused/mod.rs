//! Sources without effect on the output: which they are, and why.
//!
//! **In / Out**: what a run wrote, and what it read → [`Noticed`], or an error if no source has any
//! effect.
//! **Invariants**: a function of the input and the settings alone.
//! **Why so**: the scan loops read no more of a row than the job needs, and stop early, so they do not
//! know why rows were dropped. Only a source without effect is read a second time, by the table scan,
//! to count the reasons; other runs pay nothing. Rejected: counting reasons in the scan loops, as the
//! counts would depend on where these stop.

mod actions;
mod clicks;
mod dwell;
mod features;
mod sequences;

use std::collections::BTreeSet;
use std::path::Path;

use serde::{Deserialize, Serialize};

pub(crate) use self::dwell::{EventsSeen, notice_dwell, see_events, warn_dwell};
pub(crate) use self::features::{ClicksSeen, notice_features, see_clicks, warn_features};
pub(crate) use self::sequences::{SourcesSeen, notice_sequences, see_sources, warn_sequences};
use crate::advice::Hint;
use crate::calendar::{date_text, instant_text};
use crate::catalog::paths::SourceFiles;
use crate::context::{RunContext, Stage};
use crate::engine::specs::read_spec;
use crate::engine::tasks::{run_tasks, thread_states};
use crate::error::{Error, ErrorKind, Result};
use crate::ids::{Day, Micros, count64};
use crate::job::{Job, Source, WarningCode};
use crate::scan::bad_rows::BadRowPolicy;
use crate::scan::table::{Batch, ColumnType, Presence, TableColumn, TableScan, TableState};
use crate::scan::{Opened, Task};
use crate::warnings::{Noticed, Warning};

/// A source of which no row has an effect.
#[derive(Clone, Debug, PartialEq, Eq)]
struct UnusedSource {
    source: Source,
    /// Rows of the files that were opened.
    rows: u64,
    /// Why, as a sentence without its source: "all 6 rows are before the lookback".
    reason: String,
    /// The oldest and the newest time, of rows that have one.
    times: Option<(Micros, Micros)>,
    unopened: Option<UnopenedFiles>,
}

/// Files that were never opened, as the days of their folders are out of range.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct UnopenedFiles {
    count: usize,
    first: Day,
    last: Day,
}

impl UnusedSource {
    /// The source, the reason, and the range of its times.
    fn text(&self) -> String {
        let mut text = format!("{}: {}", self.source.name(), self.reason);
        if let Some(times) = self.times {
            text += &format!("; their times run {}", range_text(times));
        }
        if let Some(files) = self.unopened {
            let (first, last) = (date_text(files.first), date_text(files.last));
            let count = files.count;
            text += &format!(
                "; {count} more files were never opened, as their folders say {first} to {last}"
            );
        }
        text
    }

    /// The warning about it; `range_note` ends the text.
    fn warning(&self, range_note: &str) -> Warning {
        let text = format!("no row of a source counts: {}{range_note}", self.text());
        let times = self
            .times
            .map(|(first, last)| [first, last].map(instant_text));
        Warning::new(WarningCode::UnusedSource, self.source, text)
            .with("rows", self.rows)
            .with("times", times)
    }
}

/// A range of times in a sentence.
fn range_text((first, last): (Micros, Micros)) -> String {
    format!("from {} to {}", instant_text(first), instant_text(last))
}

/// Reads some columns of files a second time. Each thread adds its batches to a state of its own by
/// `add`, and takes no more tasks once `has_enough` holds for it.
///
/// # Errors
/// If a file cannot be read. Bad rows are skipped: the first scan has reported them.
pub(super) fn read_again<'f, S: Default + Send>(
    job: &Job,
    context: &RunContext,
    files: impl Iterator<Item = &'f Opened>,
    columns: &[(&str, ColumnType)],
    has_enough: impl Fn(&S) -> bool + Sync,
    add: impl Fn(&mut S, &Batch<'_>) + Sync,
) -> Result<Vec<S>> {
    let columns = columns.iter().map(|&(name, kind)| TableColumn {
        name,
        kind,
        presence: Presence::Optional,
    });
    let (spec, policy) = (read_spec(job), BadRowPolicy::ignoring());
    let scan = TableScan::new(&spec, &policy, context, columns.collect());
    // New tasks: those of the first scan have read their shared text files to the end.
    let tasks: Vec<Task> = files.flat_map(|file| file.shared_tasks(&spec)).collect();
    context.enter(Stage::CHECK, tasks.iter().map(|task| task.steps).sum());
    let states = thread_states(|| (TableState::default(), S::default()));
    let states = run_tasks(&tasks, states, |(table, own), task| {
        // Which rows are read before threads stop depends on timing. So after an early stop callers
        // use only the fact that there are enough, never the counts.
        if has_enough(own) {
            return Ok(());
        }
        scan.read(task, table, &mut |batch| {
            add(own, batch);
            Ok(())
        })
    })?;
    Ok(states.into_iter().map(|(_, own)| own).collect())
}

/// A sentence of the reasons that apply, each with the number of its rows: "all 6 rows are before the
/// lookback".
fn reasons_text(rows: u64, counts: &[(u64, String)]) -> String {
    let reasons: Vec<_> = counts.iter().filter(|(count, _)| *count > 0).collect();
    match &reasons[..] {
        _ if rows == 0 => "its files hold no rows".to_owned(),
        [(count, what)] if *count == rows && rows == 1 => format!("its only row is {what}"),
        [(count, what)] if *count == rows => format!("all {rows} rows are {what}"),
        some => {
            let some: Vec<_> = some
                .iter()
                .map(|(count, what)| format!("{count} are {what}"))
                .collect();
            format!("of {rows} rows {}", some.join(", "))
        }
    }
}

/// The files of a source that were never opened, if there are any.
fn unopened_files(
    sources: &[SourceFiles],
    opened: &[Opened],
    source: Source,
) -> Option<UnopenedFiles> {
    let paths = opened.iter().map(|file| file.file().path.as_path());
    let opened: BTreeSet<&Path> = paths.collect();
    let files = sources.iter().filter(|files| files.source == source);
    let unopened = files
        .flat_map(|files| &files.files)
        .filter(|file| !opened.contains(file.path.as_path()));
    let days: Vec<Day> = unopened.filter_map(|file| file.day).collect();
    Some(UnopenedFiles {
        count: days.len(),
        first: *days.iter().min()?,
        last: *days.iter().max()?,
    })
}

/// How many of the sources are unused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unused {
    Some,
    All,
}

/// Adds the warnings about unused sources; `range_note` ends each with the range that their times were
/// compared with.
///
/// # Errors
/// If all sources are unused, unless the job allows it.
fn conclude(
    job: &Job,
    sources: &[UnusedSource],
    unused: Unused,
    range_note: &str,
    mut warnings: Vec<Warning>,
) -> Result<Noticed> {
    if unused == Unused::All && !job.allow_unused {
        return Err(unused_error(
            "no row of any source counts",
            sources,
            range_note,
        ));
    }
    warnings.extend(sources.iter().map(|source| source.warning(range_note)));
    let is_unused = |warning: &&Warning| {
        [WarningCode::UnusedSource, WarningCode::UnmatchedListings].contains(&warning.code)
    };
    // Counted before `--no-warn` removes warnings: a gate on this number must hold all the same.
    let unused_sources = warnings.iter().filter(is_unused).count();
    Ok(Noticed {
        unused_sources: count64(unused_sources),
        warnings,
    })
}

/// The error about unused sources, which names each of them with its reason.
fn unused_error(what: &str, sources: &[UnusedSource], range_note: &str) -> Error {
    let texts: Vec<String> = sources.iter().map(UnusedSource::text).collect();
    let texts = texts.join("; ");
    let what = format!("{what}: {texts}{range_note}; {}", Hint::AllowUnused.text());
    Error::from(ErrorKind::Unused { what })
}

/// Rows of a source, and how many of them were rejected.
struct RejectedShare {
    source: Source,
    rows: u64,
    rejected: u64,
}

/// Checks that no source had all its rows rejected.
///
/// # Errors
/// [`ErrorKind::Unused`], unless the job allows it.
fn check_rejected(job: &Job, shares: &[RejectedShare]) -> Result<()> {
    let is_whole = |share: &&RejectedShare| share.rows > 0 && share.rejected >= share.rows;
    let share = shares.iter().find(is_whole);
    let Some(&RejectedShare { source, rows, .. }) = share.filter(|_| !job.allow_unused) else {
        return Ok(());
    };
    let unused = UnusedSource {
        source,
        rows,
        reason: format!(
            "all {rows} rows were set aside; without --on-bad-row quarantine the run shows the \
                      first of them"
        ),
        times: None,
        unopened: None,
    };
    Err(unused_error("a whole source was set aside", &[unused], ""))
}

/// A warning if all rows with a label have the same label.
fn one_label(column: &str, labelled: u64, positives: u64) -> Option<Warning> {
    let label = match positives {
        _ if labelled < 2 => return None,
        0 => "false",
        positives if positives == labelled => "true",
        _ => return None,
    };
    let text = format!("all {labelled} rows with a label have {column} = {label}");
    let warning = Warning::new(WarningCode::OneLabel, None, text);
    Some(warning.with("labelled", labelled).with("label", label))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_have_the_numbers_of_their_rows() {
        let counts = |counts: &[u64]| {
            let names = ["a", "b", "c"].map(str::to_owned);
            counts.iter().copied().zip(names).collect::<Vec<_>>()
        };
        assert_eq!(reasons_text(0, &counts(&[0])), "its files hold no rows");
        assert_eq!(reasons_text(1, &counts(&[0, 1])), "its only row is b");
        assert_eq!(reasons_text(6, &counts(&[6, 0])), "all 6 rows are a");
        assert_eq!(
            reasons_text(6, &counts(&[4, 0, 2])),
            "of 6 rows 4 are a, 2 are c"
        );
    }

    #[test]
    fn labels_that_are_all_alike_give_a_warning() {
        assert_eq!(one_label("x", 1, 0), None);
        assert_eq!(one_label("x", 2, 1), None);
        for (positives, label) in [(0, "x = false"), (2, "x = true")] {
            let warning = one_label("x", 2, positives).expect("a warning");
            assert!(warning.text.ends_with(label), "{}", warning.text);
        }
    }
}
