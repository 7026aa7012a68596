//! The command line: subcommands to jobs, and what a person at a terminal sees of a run.
//!
//! `args` lists the subcommands, each in a file of its own; `flags` has the flags that several share,
//! `values` reads durations, sizes and pairs. `runner` runs a job, `render` turns results into text.
//! Standard output carries data only; progress, summaries and errors go to standard error.

mod args;
mod choices;
mod dwell;
mod features;
mod flags;
mod generate;
mod job;
mod plan;
mod render;
mod runner;
mod sequences;
mod sets;
mod values;

use std::ffi::OsString;
use std::io::{self, Write};

use clap::CommandFactory;

use args::{Cli, Command, JobCommand};
use runner::{print, run_job};

/// Runs the command that was given.
pub(crate) fn run(args: Vec<OsString>) -> anyhow::Result<()> {
    let line = job::read::read(args)?;
    let file = line.file.as_ref();
    match line.cli.command {
        Command::Sequences(args) => {
            let (args, settings) = args.into_settings(file);
            run_job(
                &args,
                settings,
                hitherto::run,
                render::summary::of_sequences,
            )
        }
        Command::Plan(plan) => plan.run(file),
        Command::Bucket(bucket) => bucket.run(file),
        Command::Features(features) => features.run(file),
        Command::Finalize(finalize) => finalize.run(),
        Command::Dwell(dwell) => dwell.run(file),
        Command::Verify(verify) => verify.run(),
        Command::Explain(explain) => explain.run(),
        Command::Head(head) => head.run(),
        Command::Report(report) => report.run(),
        Command::Generate(generate) => generate.run(),
        Command::Job(JobCommand::Init { folder }) => {
            let message = job::init::init(&folder)?;
            drop(io::stderr().write_all(message.as_bytes()));
            Ok(())
        }
        Command::Job(JobCommand::Show { file }) => print(&job::show::show(&file)?),
        Command::Completions { shell } => {
            // Into memory first: clap panics where it cannot write, and a closed pipe must end with
            // 0.
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "hitherto", &mut script);
            print(&String::from_utf8_lossy(&script))
        }
    }
}
