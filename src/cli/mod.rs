//! Flags to jobs, and what a person at a terminal sees of a run.
//!
//! `args` says which flags there are, `values` reads durations, sizes and pairs, `progress` and
//! `summary` write to standard error. Standard output carries data only: `--stats json` and
//! completions.

pub(crate) mod args;
mod choices;
mod chosen;
pub(crate) mod dwell;
mod explain;
mod features;
mod flags;
mod generate;
mod head;
mod job;
mod plan;
mod reading;
pub(crate) mod render;
mod report;
mod values;
mod verify;

use std::ffi::OsString;
use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use anyhow::Context;
use clap::CommandFactory;
use hitherto::{Error, ErrorKind, Job, RunContext, Settings};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;

use crate::cli::render::progress::Progress;
use crate::cli::render::summary::Summary;
use args::{Cli, Command, Common, JobCommand};
use serde::Serialize;

/// Runs the command that was given.
pub(crate) fn run(args: Vec<OsString>) -> anyhow::Result<()> {
    let asked = job::read(args)?;
    let file = asked.file.as_ref();
    match asked.cli.command {
        Command::Sequences(sequences) => {
            let asked = sequences.into_settings(file);
            run_job(asked, hitherto::run, render::summary::of_sequences)
        }
        Command::Plan(plan) => plan.run(file),
        Command::Features(features) => features.run(file),
        Command::Dwell(dwell) => dwell.run(file),
        Command::Verify(verify) => verify.run(),
        Command::Explain(explain) => explain.run(),
        Command::Head(head) => head.run(),
        Command::Report(report) => report.run(),
        Command::Generate(generate) => generate.run(),
        Command::Job(JobCommand::Init { folder }) => {
            let path = job::init(&folder)?;
            let told = format!("wrote {}; look at its guesses\n", path.display());
            drop(io::stderr().write_all(told.as_bytes()));
            Ok(())
        }
        Command::Job(JobCommand::Show { file }) => print(&job::show(&file)?),
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "hitherto", &mut script);
            print(&String::from_utf8_lossy(&script))
        }
    }
}

/// Runs a job, says what it made, and prints statistics if they are wanted.
pub(crate) fn run_job<R: Serialize>(
    (common, settings): (Common, Settings),
    answer: impl FnOnce(&Job, &RunContext) -> hitherto::Result<R>,
    summary: impl for<'a> FnOnce(&Job, &'a R) -> Summary<'a, R>,
) -> anyhow::Result<()> {
    let job = job_of(&common, settings)?;
    let (context, progress) = start(&common)?;
    let report = answer(&job, &context);
    let seconds = progress.finish();
    let report = report?;
    let summary = summary(&job, &report);
    say(&common, &summary.text(&job, seconds));
    if common.stats.is_some() {
        print(&summary.stats(&job, &context, seconds))?;
    }
    Ok(())
}

/// The job of some settings, on the threads and with the folder that the flags of every job say.
pub(crate) fn job_of(common: &Common, settings: Settings) -> hitherto::Result<Job> {
    Job::new(Settings {
        threads: threads(common),
        temp_dir: common.temp_dir.clone(),
        ..settings
    })
}

/// Says something on standard error, unless nothing is to be said. What it tells of is there,
/// whether or not somebody still reads this.
pub(crate) fn say(common: &Common, text: &str) {
    if !common.quiet {
        drop(io::stderr().write_all(text.as_bytes()));
    }
}

/// Writes data to standard output.
pub(crate) fn print(text: &str) -> anyhow::Result<()> {
    io::stdout()
        .write_all(text.as_bytes())
        .context("could not write to standard output")
}

/// What a run shares with the outside: progress on standard error, signals, memory.
pub(crate) fn start(common: &Common) -> anyhow::Result<(Arc<RunContext>, Progress)> {
    if let Some(folder) = common.temp_dir.as_ref().filter(|folder| !folder.is_dir()) {
        let what = format!("--temp-dir \"{}\" is no folder", folder.display());
        return Err(Error::from(ErrorKind::Settings { what }).into());
    }
    let memory = common.memory.unwrap_or_else(values::memory_default);
    let (observer, progress) = Progress::new(common.quiet);
    let context = Arc::new(RunContext::new(memory, observer));
    let second = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        let code = 128 + signal;
        // The second signal ends the process at once, the first asks the run to end.
        flag::register_conditional_shutdown(signal, code, Arc::clone(&second))
            .and_then(|_| flag::register(signal, Arc::clone(&second)))
            .and_then(|_| {
                let number = usize::try_from(signal).unwrap_or_default();
                flag::register_usize(signal, context.signal_cell(), number)
            })
            .context("could not watch for signals")?;
    }
    progress.watch(&context);
    Ok((context, progress))
}

/// The number of threads to work with.
#[expect(
    clippy::disallowed_methods,
    reason = "the command line is what decides threads"
)]
pub(crate) fn threads(common: &Common) -> usize {
    common
        .threads
        .unwrap_or_else(|| std::thread::available_parallelism().map_or(1, Into::into))
}
