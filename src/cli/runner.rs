//! What commands share at run time: threads, memory, signals, progress, and what they print.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use anyhow::Context;
use hitherto::{Error, ErrorKind, Job, RunContext, Settings};
use rustix::process::{Signal, set_parent_process_death_signal};
use serde::Serialize;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;

use crate::cli::flags::RunArgs;
use crate::cli::render::progress::Progress;
use crate::cli::render::summary::Summary;
use crate::cli::values::memory_default;

/// Runs a job, prints its summary on standard error, and statistics on standard output if they are
/// asked for.
pub(crate) fn run_job<R: Serialize>(
    args: &RunArgs,
    settings: Settings,
    run: impl FnOnce(&Job, &RunContext) -> hitherto::Result<R>,
    summary: impl for<'a> FnOnce(&Job, &'a R) -> Summary<'a, R>,
) -> anyhow::Result<()> {
    // A usage error ends the command here, before there are signal handlers and a bar.
    let job = new_job(args, settings)?;
    if let Some(path) = &args.metrics_copy {
        hitherto::check_metrics_copy(&job.out, path)?;
    }
    let (context, progress) = start(args)?;
    let report = run(&job, &context);
    // The bar goes before an error is reported, so the message does not share its line.
    let seconds = progress.finish();
    let report = report.map_err(|error| hitherto::with_unknown_types(&job, error))?;
    let summary = summary(&job, &report);
    say(args, &summary.text(&job, seconds));
    if args.stats.is_some() {
        print(&summary.stats(&job, &context, seconds))?;
    }
    // Last, so that a failed copy takes nothing from what is said of the published set.
    if let Some(path) = &args.metrics_copy {
        hitherto::copy_metrics(&job.out, path)?;
    }
    Ok(())
}

/// A job with the threads and the temporary folder of the flags.
pub(crate) fn new_job(args: &RunArgs, settings: Settings) -> hitherto::Result<Job> {
    Job::new(Settings {
        threads: threads(args),
        temp_dir: args.temp_dir.clone(),
        ..settings
    })
}

/// Writes to standard error, unless the command is quiet.
pub(crate) fn say(args: &RunArgs, text: &str) {
    if !args.quiet {
        // The output is published, whether or not somebody reads this.
        drop(io::stderr().write_all(text.as_bytes()));
    }
}

/// Writes data to standard output.
pub(crate) fn print(text: &str) -> anyhow::Result<()> {
    // Not `print!`, which panics if the pipe is closed; `main` makes exit code 0 of that error.
    io::stdout()
        .write_all(text.as_bytes())
        .context("could not write to standard output")
}

/// The context of a run, with its memory limit, watched for signals; and its progress on standard
/// error.
pub(crate) fn start(args: &RunArgs) -> anyhow::Result<(Arc<RunContext>, Progress)> {
    // Data spills late in a run, or never. A wrong folder is an error before any work.
    if let Some(folder) = args.temp_dir.as_ref().filter(|folder| !folder.is_dir()) {
        let what = format!("--temp-dir \"{}\" is no folder", folder.display());
        return Err(Error::from(ErrorKind::Settings { what }).into());
    }
    if args.with_parent {
        end_with_parent()?;
    }
    let memory = args.memory.unwrap_or_else(memory_default);
    let (observer, progress) = Progress::new(args);
    let context = Arc::new(RunContext::new(memory, observer));
    let is_second = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        let code = 128 + signal;
        // The second signal ends the process at once, the first asks the run to end.
        // The shutdown is registered first. Actions of a signal run in this order, so at the first
        // signal it still finds the flag down.
        flag::register_conditional_shutdown(signal, code, Arc::clone(&is_second))
            .and_then(|_| flag::register(signal, Arc::clone(&is_second)))
            .and_then(|_| {
                let number = usize::try_from(signal).unwrap_or_default();
                flag::register_usize(signal, context.signal_cell(), number)
            })
            .context("could not watch for signals")?;
    }
    progress.watch(&context);
    Ok((context, progress))
}

/// Has the system send SIGTERM to this process when the one that started it ends.
fn end_with_parent() -> anyhow::Result<()> {
    let watched = set_parent_process_death_signal(Some(Signal::TERM));
    watched.context("could not watch the process that started this one")
}

/// Threads for each core, at most. More share its cache and take memory of their own: 8 for each took 19 % more CPU time.
const THREADS_PER_CORE_MAX: usize = 2;

/// The number of threads.
#[expect(
    clippy::disallowed_methods,
    reason = "the command line is what decides threads"
)]
pub(crate) fn threads(args: &RunArgs) -> usize {
    // Of the limits of a container, too.
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let threads = args.threads.unwrap_or(cores);
    threads.min(cores.saturating_mul(THREADS_PER_CORE_MAX))
}
