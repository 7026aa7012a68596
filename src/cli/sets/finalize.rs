//! `hitherto finalize`.

use std::path::PathBuf;

use clap::Args;
use hitherto::{FinalizeSettings, FinalizedReport, Job, RunContext, Settings, ShardSeconds};
use serde::Serialize;

use crate::cli::flags::{GateArgs, OutputArgs, RunArgs};
use crate::cli::render::summary::{self, Summary};
use crate::cli::runner::{print, say, start, threads};
use crate::cli::{dwell, features};

/// The examples under `hitherto finalize --help`.
const EXAMPLES: &str = "\
Examples:
  Four shards, here one after the other, and the set of them:
    for i in 0 1 2 3; do hitherto sequences shop --out shards --shard $i/4; done
    hitherto finalize shards --out training

  The nightly set, which fails if a fifth of the samples has no history:
    hitherto finalize shards --out training --add-days --fail-if 'zero_history_pct>0.2'

Exit codes: 0 done, 2 usage, 3 a gate (--fail-if) failed, 65 a shard is damaged or of another job,
66 a shard is missing, 70 internal fault, 73 output exists or cannot be made, 74 I/O,
130 and 143 interrupted.";

/// Flags of `finalize`. clap takes the description of the command from `args::Command`.
#[derive(Args, Debug)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct FinalizeArgs {
    /// Folder with the folders of all shards
    #[arg(value_name = "SHARDS")]
    folder: PathBuf,
    /// How many shards there must be [default: as many as their names say]
    #[arg(long, value_name = "COUNT")]
    shards: Option<u32>,
    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten)]
    gates: GateArgs,
    #[command(flatten)]
    run: RunArgs,
}

impl FinalizeArgs {
    /// Puts the shards together.
    pub(crate) fn run(self) -> anyhow::Result<()> {
        let (mut args, mut settings) = (self.run, Settings::default());
        self.output.apply(&mut settings);
        self.gates.apply(&mut settings, &mut args);
        if let Some(path) = &args.metrics_copy {
            hitherto::check_metrics_copy(&settings.out, path)?;
        }
        let settings = FinalizeSettings {
            shards: self.folder,
            count: self.shards,
            out: settings.out,
            publish: settings.publish,
            fail_if: settings.fail_if,
            threads: threads(&args),
            temp_dir: args.temp_dir.clone(),
        };
        let (context, progress) = start(&args)?;
        let finalized = hitherto::finalize(&settings, &context);
        // The bar goes before an error is reported, so the message does not share its line.
        let seconds = progress.finish();
        let finalized = finalized?;
        let job = &finalized.job;
        let shards = shards_text(finalized.shards, finalized.seconds);
        match &finalized.report {
            FinalizedReport::Sequences(report) => {
                let summary = summary::of_sequences(job, report);
                tell(&args, (job, &context, seconds), &summary, &shards)?;
            }
            FinalizedReport::Dwell(report) => {
                let summary = dwell::summary(job, report);
                tell(&args, (job, &context, seconds), &summary, &shards)?;
            }
            FinalizedReport::Features(report) => {
                let summary = features::summary(job, report);
                tell(&args, (job, &context, seconds), &summary, &shards)?;
            }
        }
        if let Some(path) = &args.metrics_copy {
            hitherto::copy_metrics(&settings.out, path)?;
        }
        Ok(())
    }
}

/// Says what was published and, if they are asked for, prints statistics.
fn tell<R: Serialize>(
    args: &RunArgs,
    (job, context, seconds): (&Job, &RunContext, f64),
    summary: &Summary<'_, R>,
    shards: &str,
) -> anyhow::Result<()> {
    say(args, &summary.text(job, seconds));
    say(args, shards);
    if args.stats.is_some() {
        print(&summary.stats(job, context, seconds))?;
    }
    Ok(())
}

/// A line about the shards, and how evenly they took their time.
fn shards_text(shards: u32, seconds: Option<ShardSeconds>) -> String {
    let Some(seconds) = seconds else {
        return format!("from {shards} shards\n");
    };
    let skew = seconds.longest / seconds.mean.max(f64::MIN_POSITIVE);
    format!(
        "from {shards} shards; the slowest, {}, took {:.2} s, {skew:.1} times the mean\n",
        seconds.slowest, seconds.longest
    )
}
