//! Sources that came to nothing: which they are, and why.
//!
//! **In / Out**: what a run made, and what it read → [`Noticed`], or an error if no row of any source
//! came to anything. **Invariants**: a function of the input and the settings alone.
//! **Why so**: the scan loops look at no more of a row than the job needs, and stop early. Only a source
//! that came to nothing is read once more, by the table scan, to say why; a sound run pays for none of
//! it. Rejected: counts of reasons in the scan loops, which depend on where these stop.

mod actions;
mod dwell;
mod features;
mod sequences;

use std::collections::BTreeSet;
use std::path::Path;

pub(crate) use self::dwell::{notice_dwell, warn_dwell};
pub(crate) use self::features::{notice_features, warn_features};
pub(crate) use self::sequences::{notice_sequences, warn_sequences};
use crate::advice::Hint;
use crate::calendar::{date_text, instant_text};
use crate::catalog::paths::SourceFiles;
use crate::context::{RunContext, Stage};
use crate::engine::specs::read_spec;
use crate::engine::tasks::run_tasks;
use crate::error::{Error, ErrorKind, Result};
use crate::ids::{Day, Micros, count64};
use crate::job::{Job, Source, WarningCode};
use crate::scan::bad_rows::BadRowPolicy;
use crate::scan::table::{Batch, ColumnType, Presence, TableColumn, TableScan, TableState};
use crate::scan::{Opened, Task};
use crate::warnings::{Noticed, Warning};

/// A source that came to nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Finding {
    source: Source,
    /// Rows of the files that were opened.
    rows: u64,
    /// Why, as a sentence without its source: "all 6 rows are before the lookback".
    why: String,
    /// The oldest and the newest time, of rows that have one.
    times: Option<(Micros, Micros)>,
    /// Files that the names of their folders kept closed, with the first of these days and the last.
    closed: Option<(usize, Day, Day)>,
}

impl Finding {
    /// The source, why, and the range of its times.
    fn text(&self) -> String {
        let mut text = format!("{}: {}", self.source.name(), self.why);
        if let Some(times) = self.times {
            text += &format!("; their times run {}", range_text(times));
        }
        if let Some((files, first, last)) = self.closed {
            let (first, last) = (date_text(first), date_text(last));
            text += &format!(
                "; {files} more files were never opened, as their folders say {first} to {last}"
            );
        }
        text
    }

    /// The warning of it.
    fn warning(&self, beside: &str) -> Warning {
        let text = format!("no row came to anything of {}{beside}", self.text());
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

/// Reads some columns of files once more, batch by batch: of each thread what `add` makes of its batches.
/// Row groups and shares of files are left unread by a thread that has enough.
///
/// # Errors
/// If a file cannot be read. Bad rows were dealt with before, and are left out.
fn read_again<'f, S: Default + Send>(
    (job, context): (&Job, &RunContext),
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
    let tasks: Vec<Task> = files.flat_map(|of| of.shared_tasks(&spec)).collect();
    context.enter(Stage::CHECK, tasks.iter().map(|task| task.steps).sum());
    let states = (0..rayon::current_num_threads()).map(|_| (TableState::default(), S::default()));
    let states = run_tasks(
        &tasks,
        states.collect(),
        |(table, own), task| match has_enough(own) {
            true => Ok(()),
            false => scan.read(task, table, &mut |batch| {
                add(own, batch);
                Ok(())
            }),
        },
    )?;
    Ok(states.into_iter().map(|(_, own)| own).collect())
}

/// What some counts of rows say, of all of them: "all 6 rows are before the lookback".
fn why_of(rows: u64, counts: &[(u64, String)]) -> String {
    let there: Vec<_> = counts.iter().filter(|(count, _)| *count > 0).collect();
    match &there[..] {
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

/// The files of a source that were never opened, as the days of their folders are out.
fn closed_of(
    sources: &[SourceFiles],
    opened: &[Opened],
    source: Source,
) -> Option<(usize, Day, Day)> {
    let open: BTreeSet<&Path> = opened.iter().map(|of| of.file().path.as_path()).collect();
    let files = sources.iter().filter(|of| of.source == source);
    let closed = files
        .flat_map(|of| &of.files)
        .filter(|of| !open.contains(of.path.as_path()));
    let days: Vec<Day> = closed.filter_map(|file| file.day).collect();
    let (first, last) = (days.iter().min()?, days.iter().max()?);
    Some((days.len(), *first, *last))
}

/// What a job makes of its findings: an error if no row of any source came to anything, or a whole
/// source was set aside; `beside` ends each text with what the sources were held against.
fn verdict(
    job: &Job,
    (findings, is_all): (Vec<Finding>, bool),
    beside: &str,
    mut warnings: Vec<Warning>,
) -> Result<Noticed> {
    if is_all && !job.allow_unused {
        return Err(refused(
            "no row of any source came to anything",
            &findings,
            beside,
        ));
    }
    warnings.extend(findings.iter().map(|of| of.warning(beside)));
    let is_unused = |of: &&Warning| {
        [WarningCode::UnusedSource, WarningCode::UnmatchedListings].contains(&of.code)
    };
    let unused_sources = warnings.iter().filter(is_unused).count();
    Ok(Noticed {
        unused_sources: count64(unused_sources),
        warnings,
    })
}

/// The error for a set with nothing in it.
fn refused(what: &str, findings: &[Finding], beside: &str) -> Error {
    let texts: Vec<String> = findings.iter().map(Finding::text).collect();
    let texts = texts.join("; ");
    let what = format!("{what}: {texts}{beside}; {}", Hint::AllowUnused.text());
    Error::from(ErrorKind::Unused { what })
}

/// An error if every row of a source was set aside.
///
/// # Errors
/// [`ErrorKind::Unused`], unless the job allows it.
fn check_set_aside(job: &Job, rows: &[(Source, u64, u64)]) -> Result<()> {
    let is_whole = |(_, rows, rejected): &&(Source, u64, u64)| *rows > 0 && rejected >= rows;
    let Some((source, rows, _)) = rows.iter().find(is_whole).filter(|_| !job.allow_unused) else {
        return Ok(());
    };
    let finding = Finding {
        source: *source,
        rows: *rows,
        why: format!(
            "all {rows} rows were set aside; without --on-bad-row quarantine the first of \
                      them is told"
        ),
        times: None,
        closed: None,
    };
    Err(refused("a whole source was set aside", &[finding], ""))
}

/// A warning if all rows that have a label have the same.
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
    fn reasons_are_told_with_their_numbers() {
        let of = |counts: &[u64]| {
            let names = ["a", "b", "c"].map(str::to_owned);
            counts.iter().copied().zip(names).collect::<Vec<_>>()
        };
        assert_eq!(why_of(0, &of(&[0])), "its files hold no rows");
        assert_eq!(why_of(1, &of(&[0, 1])), "its only row is b");
        assert_eq!(why_of(6, &of(&[6, 0])), "all 6 rows are a");
        assert_eq!(why_of(6, &of(&[4, 0, 2])), "of 6 rows 4 are a, 2 are c");
    }

    #[test]
    fn labels_that_are_all_alike_are_told() {
        assert_eq!(one_label("x", 1, 0), None);
        assert_eq!(one_label("x", 2, 1), None);
        for (positives, told) in [(0, "x = false"), (2, "x = true")] {
            let warning = one_label("x", 2, positives).expect("a warning");
            assert!(warning.text.ends_with(told), "{}", warning.text);
        }
    }
}
