//! Flags of `generate`.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use hitherto::{Format, GenerateEvents, GenerateListings, GenerateSettings, RunContext};
use indexmap::IndexMap;
use serde::Serialize;

use crate::cli::choices::log_format;
use crate::cli::flags::RunArgs;
use crate::cli::render::summary::{grouped, pretty, rounded, size};
use crate::cli::runner::{print, say, start, threads};

/// The examples under `hitherto generate --help`.
const EXAMPLES: &str = "\
Examples:
  The logs of a small shop, and a job on them:
    hitherto generate shop
    hitherto sequences shop --out training

  The set of the table in the README (1.7 GB):
    hitherto generate shop --impressions 1000000 --actions 167000000 --customers 1000000 \\
      --items 2000000

  Listings, impressions and clicks, for features:
    hitherto generate features market
    hitherto features market --out training --windows 1h,24h,7d

  Events of flyers, for dwell:
    hitherto generate dwell flyers
    hitherto dwell flyers --out visits";

/// Flags of `generate`. clap takes the description of the command from `args::Command`.
#[derive(Args, Debug)]
#[command(
    after_long_help = EXAMPLES,
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true
)]
pub(crate) struct GenerateArgs {
    #[command(subcommand)]
    job: Option<JobLogs>,
    /// The folder to make; it must not exist, or must be empty
    #[arg(value_name = "DIR", required = true)]
    dir: Option<PathBuf>,
    /// Number of impressions on each day
    #[arg(long, value_name = "COUNT", default_value_t = 10_000)]
    impressions: u64,
    /// Number of actions in all: 150 clicks to 15 add-to-carts to 2 orders
    #[arg(long, value_name = "COUNT", default_value_t = 1_670_000)]
    actions: u64,
    /// Number of customers
    #[arg(long, value_name = "COUNT", default_value_t = 10_000)]
    customers: u32,
    /// Number of items
    #[arg(long, value_name = "COUNT", default_value_t = 500_000)]
    items: u32,
    /// Number of days of impressions
    #[arg(long, value_name = "COUNT", default_value_t = 1)]
    days: u32,
    /// Number of days of actions before the first day of impressions
    #[arg(long, value_name = "COUNT", default_value_t = 365)]
    history_days: u32,
    #[command(flatten)]
    common: CommonArgs,
}

/// Flags for the logs of every job.
#[derive(Args, Debug)]
struct CommonArgs {
    /// Seed: another number makes other logs of the same size
    #[arg(long, value_name = "NUMBER", default_value_t = 7)]
    seed: u64,
    /// Format of the files
    #[arg(long, value_parser = log_format(), default_value = "parquet")]
    format: Format,
    #[command(flatten)]
    run: RunArgs,
}

/// Logs for another job than `sequences`.
#[derive(Subcommand, Debug)]
enum JobLogs {
    /// Make synthetic listings, impressions and clicks, for features
    ///
    /// Writes DIR/listings, DIR/impressions and DIR/clicks, of days from 2025-08-16 on. Users have
    /// lognormal activity, a few listings are popular, times are whole seconds; about one impression
    /// in 25 is clicked within six hours. The same settings give the same bytes.
    Features(Box<FeaturesLogs>),
    /// Make synthetic events of flyers, for dwell
    ///
    /// Writes DIR by day, from 2025-08-16 on: visits to a few flyers each, with other events between
    /// them. Users have ids of 64 hexadecimal digits and lognormal activity, a few flyers are
    /// popular; text has times with the user's own offset, Parquet in UTC. The same settings give
    /// the same bytes.
    Dwell(Box<DwellLogs>),
}

/// Flags of `generate dwell`.
#[derive(Args, Debug)]
struct DwellLogs {
    /// The folder to make; it must not exist, or must be empty
    #[arg(value_name = "DIR")]
    dir: PathBuf,
    /// Number of events in all
    #[arg(long, value_name = "COUNT", default_value_t = 1_000_000)]
    events: u64,
    /// Number of users
    #[arg(long, value_name = "COUNT", default_value_t = 20_000)]
    users: u32,
    /// Number of flyers
    #[arg(long, value_name = "COUNT", default_value_t = 2000)]
    flyers: u32,
    /// Number of merchants, who share the flyers
    #[arg(long, value_name = "COUNT", default_value_t = 500)]
    merchants: u32,
    /// Number of days
    #[arg(long, value_name = "COUNT", default_value_t = 1)]
    days: u32,
    #[command(flatten)]
    common: CommonArgs,
}

/// Flags of `generate features`.
#[derive(Args, Debug)]
struct FeaturesLogs {
    /// The folder to make; it must not exist, or must be empty
    #[arg(value_name = "DIR")]
    dir: PathBuf,
    /// Number of impressions in all
    #[arg(long, value_name = "COUNT", default_value_t = 100_000)]
    impressions: u64,
    /// Number of clicks in all
    #[arg(long, value_name = "COUNT", default_value_t = 1_000_000)]
    clicks: u64,
    /// Number of users
    #[arg(long, value_name = "COUNT", default_value_t = 10_000)]
    users: u32,
    /// Number of listings
    #[arg(long, value_name = "COUNT", default_value_t = 5000)]
    listings: u32,
    /// Number of days of impressions and clicks
    #[arg(long, value_name = "COUNT", default_value_t = 30)]
    days: u32,
    #[command(flatten)]
    common: CommonArgs,
}

/// Logs that were made.
struct GeneratedLogs {
    dir: PathBuf,
    /// What they hold, for people.
    what: String,
    files: u64,
    /// Their rows, by the names that `--stats json` has for them.
    rows: IndexMap<&'static str, u64>,
    bytes: u64,
}

/// Makes logs, prints a summary on standard error, and statistics on standard output if they are
/// asked for.
fn run(
    args: &RunArgs,
    make: impl FnOnce(&RunContext) -> hitherto::Result<GeneratedLogs>,
) -> anyhow::Result<()> {
    let (context, progress) = start(args)?;
    let logs = make(&context);
    let seconds = progress.finish();
    let logs = logs?;
    let (dir, files, bytes) = (logs.dir.display(), grouped(logs.files), size(logs.bytes));
    let what = logs.what;
    say(
        args,
        &format!("made {dir}: {what} in {files} files, {bytes}, in {seconds:.2} s\n"),
    );
    if args.stats.is_none() {
        return Ok(());
    }
    print(&pretty(&GenerateStats {
        dir: dir.to_string(),
        seconds: rounded(seconds),
        files: logs.files,
        rows: logs.rows,
        bytes: logs.bytes,
    }))
}

/// The statistics of a run.
#[derive(Serialize)]
struct GenerateStats {
    dir: String,
    seconds: f64,
    files: u64,
    #[serde(flatten)]
    rows: IndexMap<&'static str, u64>,
    bytes: u64,
}

impl FeaturesLogs {
    /// Makes the tables.
    fn run(self) -> anyhow::Result<()> {
        let settings = GenerateListings {
            dir: self.dir,
            impressions: self.impressions,
            clicks: self.clicks,
            users: self.users,
            listings: self.listings,
            days: self.days,
            seed: self.common.seed,
            format: self.common.format,
            threads: threads(&self.common.run),
        };
        run(&self.common.run, |context| {
            let made = hitherto::generate_listings(&settings, context)?;
            let (impressions, clicks) = (grouped(settings.impressions), grouped(settings.clicks));
            Ok(GeneratedLogs {
                dir: settings.dir,
                what: format!("{impressions} impressions and {clicks} clicks"),
                files: made.files,
                rows: IndexMap::from([("rows", made.rows)]),
                bytes: made.bytes,
            })
        })
    }
}

impl DwellLogs {
    /// Makes the events.
    fn run(self) -> anyhow::Result<()> {
        let settings = GenerateEvents {
            dir: self.dir,
            events: self.events,
            users: self.users,
            flyers: self.flyers,
            merchants: self.merchants,
            days: self.days,
            seed: self.common.seed,
            format: self.common.format,
            threads: threads(&self.common.run),
        };
        run(&self.common.run, |context| {
            let made = hitherto::generate_events(&settings, context)?;
            Ok(GeneratedLogs {
                dir: settings.dir,
                what: format!("{} events", grouped(made.events)),
                files: made.files,
                rows: IndexMap::from([("events", made.events)]),
                bytes: made.bytes,
            })
        })
    }
}

impl GenerateArgs {
    /// Makes the logs.
    pub(crate) fn run(self) -> anyhow::Result<()> {
        match self.job {
            Some(JobLogs::Features(logs)) => return logs.run(),
            Some(JobLogs::Dwell(logs)) => return logs.run(),
            None => {}
        }
        let settings = GenerateSettings {
            dir: self.dir.unwrap_or_default(),
            impressions: self.impressions,
            actions: self.actions,
            customers: self.customers,
            items: self.items,
            days: self.days,
            history_days: self.history_days,
            seed: self.common.seed,
            format: self.common.format,
            threads: threads(&self.common.run),
        };
        run(&self.common.run, |context| {
            let made = hitherto::generate(&settings, context)?;
            let (impressions, actions) = (grouped(made.impressions), grouped(made.actions));
            Ok(GeneratedLogs {
                dir: settings.dir,
                what: format!("{impressions} impressions and {actions} actions"),
                files: made.files,
                rows: IndexMap::from([
                    ("impressions", made.impressions),
                    ("actions", made.actions),
                ]),
                bytes: made.bytes,
            })
        })
    }
}
