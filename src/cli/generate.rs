//! Flags of `generate`.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use hitherto::{Format, GenerateEvents, GenerateListings, GenerateSettings, RunContext};
use indexmap::IndexMap;
use serde::Serialize;

use crate::cli::args::Common;
use crate::cli::choices::made_format;
use crate::cli::render::summary::{grouped, pretty, rounded, size};
use crate::cli::{print, say, start, threads};

/// The examples under `hitherto generate --help`.
const EXAMPLES: &str = "\
Examples:
  A small shop to play with:
    hitherto generate shop
    hitherto sequences shop --out training

  The set that the README measures (1.7 GB):
    hitherto generate shop --impressions 1000000 --actions 167000000 --customers 1000000 \\
      --items 2000000

  Listings, impressions and clicks, for features:
    hitherto generate features market
    hitherto features market --out training --windows 1h,24h,7d

  Events of flyers, for dwell:
    hitherto generate dwell flyers
    hitherto dwell flyers --out visits";

/// Flags of `generate`; what it says of itself stands at [`crate::cli::args::Command`].
#[derive(Args, Debug)]
#[command(
    after_long_help = EXAMPLES,
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true
)]
pub(crate) struct Generate {
    /// Logs for another question.
    #[command(subcommand)]
    other: Option<Other>,
    /// The folder to make; it must not exist, or be empty
    #[arg(value_name = "DIR", required = true)]
    dir: Option<PathBuf>,
    /// Impressions of each day
    #[arg(long, value_name = "COUNT", default_value_t = 10_000)]
    impressions: u64,
    /// Actions in all: 150 clicks to 15 add-to-carts to 2 orders
    #[arg(long, value_name = "COUNT", default_value_t = 1_670_000)]
    actions: u64,
    /// Customers
    #[arg(long, value_name = "COUNT", default_value_t = 10_000)]
    customers: u32,
    /// Items
    #[arg(long, value_name = "COUNT", default_value_t = 500_000)]
    items: u32,
    /// Days of impressions
    #[arg(long, value_name = "COUNT", default_value_t = 1)]
    days: u32,
    /// Days of actions before the first of them
    #[arg(long, value_name = "COUNT", default_value_t = 365)]
    history_days: u32,
    /// What makes another set of the same size
    #[arg(long, value_name = "NUMBER", default_value_t = 7)]
    seed: u64,
    /// The format of the files
    #[arg(long, value_parser = made_format(), default_value = "parquet")]
    format: Format,
    /// How to run.
    #[command(flatten)]
    common: Common,
}

/// Logs for other questions than `sequences`.
#[derive(Subcommand, Debug)]
enum Other {
    /// Make synthetic listings, impressions and clicks, for features
    ///
    /// Writes DIR/listings, DIR/impressions and DIR/clicks, of days from 2025-08-16 on. Users have
    /// lognormal activity, a few listings are popular, times are whole seconds; about one impression
    /// in 25 is clicked within six hours. The same settings give the same bytes.
    Features(Box<Listings>),
    /// Make synthetic events of flyers, for dwell
    ///
    /// Writes DIR by day, from 2025-08-16 on: visits of a few flyers each, with what lies between
    /// them. Users have ids of 64 hexadecimal digits and lognormal activity, a few flyers are
    /// popular; text has times with the user's own offset, Parquet in UTC. The same settings give
    /// the same bytes.
    Dwell(Box<Events>),
}

/// Flags of `generate dwell`.
#[derive(Args, Debug)]
struct Events {
    /// The folder to make; it must not exist, or be empty
    #[arg(value_name = "DIR")]
    dir: PathBuf,
    /// Events in all
    #[arg(long, value_name = "COUNT", default_value_t = 1_000_000)]
    events: u64,
    /// Users
    #[arg(long, value_name = "COUNT", default_value_t = 20_000)]
    users: u32,
    /// Flyers
    #[arg(long, value_name = "COUNT", default_value_t = 2000)]
    flyers: u32,
    /// Merchants, who share the flyers
    #[arg(long, value_name = "COUNT", default_value_t = 500)]
    merchants: u32,
    /// Days
    #[arg(long, value_name = "COUNT", default_value_t = 1)]
    days: u32,
    /// What makes another set of the same size
    #[arg(long, value_name = "NUMBER", default_value_t = 7)]
    seed: u64,
    /// The format of the files
    #[arg(long, value_parser = made_format(), default_value = "parquet")]
    format: Format,
    /// How to run.
    #[command(flatten)]
    common: Common,
}

/// Flags of `generate features`.
#[derive(Args, Debug)]
struct Listings {
    /// The folder to make; it must not exist, or be empty
    #[arg(value_name = "DIR")]
    dir: PathBuf,
    /// Impressions in all
    #[arg(long, value_name = "COUNT", default_value_t = 100_000)]
    impressions: u64,
    /// Clicks in all
    #[arg(long, value_name = "COUNT", default_value_t = 1_000_000)]
    clicks: u64,
    /// Users
    #[arg(long, value_name = "COUNT", default_value_t = 10_000)]
    users: u32,
    /// Listings
    #[arg(long, value_name = "COUNT", default_value_t = 5000)]
    listings: u32,
    /// Days of impressions and clicks
    #[arg(long, value_name = "COUNT", default_value_t = 30)]
    days: u32,
    /// What makes another set of the same size
    #[arg(long, value_name = "NUMBER", default_value_t = 7)]
    seed: u64,
    /// The format of the files
    #[arg(long, value_parser = made_format(), default_value = "parquet")]
    format: Format,
    /// How to run.
    #[command(flatten)]
    common: Common,
}

/// What was made.
struct Made {
    /// The folder.
    dir: PathBuf,
    /// What it holds, for people.
    what: String,
    /// Its files.
    files: u64,
    /// Its rows, by the names that `--stats json` has for them.
    rows: IndexMap<&'static str, u64>,
    /// The bytes of all files.
    bytes: u64,
}

/// Makes logs, says what was made, and prints statistics if they are wanted.
fn run(
    common: &Common,
    make: impl FnOnce(&RunContext) -> hitherto::Result<Made>,
) -> anyhow::Result<()> {
    let (context, progress) = start(common)?;
    let made = make(&context);
    let seconds = progress.finish();
    let made = made?;
    let (dir, files, bytes) = (made.dir.display(), grouped(made.files), size(made.bytes));
    let what = made.what;
    say(
        common,
        &format!("made {dir}: {what} in {files} files, {bytes}, in {seconds:.2} s\n"),
    );
    if common.stats.is_none() {
        return Ok(());
    }
    print(&pretty(&Stats {
        dir: dir.to_string(),
        seconds: rounded(seconds),
        files: made.files,
        rows: made.rows,
        bytes: made.bytes,
    }))
}

/// The same for programs.
#[derive(Serialize)]
struct Stats {
    dir: String,
    seconds: f64,
    files: u64,
    #[serde(flatten)]
    rows: IndexMap<&'static str, u64>,
    bytes: u64,
}

impl Listings {
    /// Makes the tables.
    fn run(self) -> anyhow::Result<()> {
        let settings = GenerateListings {
            dir: self.dir,
            impressions: self.impressions,
            clicks: self.clicks,
            users: self.users,
            listings: self.listings,
            days: self.days,
            seed: self.seed,
            format: self.format,
            threads: threads(&self.common),
        };
        run(&self.common, |context| {
            let made = hitherto::generate_listings(&settings, context)?;
            let (shown, clicks) = (grouped(settings.impressions), grouped(settings.clicks));
            Ok(Made {
                dir: settings.dir,
                what: format!("{shown} impressions and {clicks} clicks"),
                files: made.files,
                rows: IndexMap::from([("rows", made.rows)]),
                bytes: made.bytes,
            })
        })
    }
}

impl Events {
    /// Makes the events.
    fn run(self) -> anyhow::Result<()> {
        let settings = GenerateEvents {
            dir: self.dir,
            events: self.events,
            users: self.users,
            flyers: self.flyers,
            merchants: self.merchants,
            days: self.days,
            seed: self.seed,
            format: self.format,
            threads: threads(&self.common),
        };
        run(&self.common, |context| {
            let made = hitherto::generate_events(&settings, context)?;
            Ok(Made {
                dir: settings.dir,
                what: format!("{} events", grouped(made.events)),
                files: made.files,
                rows: IndexMap::from([("events", made.events)]),
                bytes: made.bytes,
            })
        })
    }
}

impl Generate {
    /// Makes the logs.
    pub(crate) fn run(self) -> anyhow::Result<()> {
        match self.other {
            Some(Other::Features(listings)) => return listings.run(),
            Some(Other::Dwell(events)) => return events.run(),
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
            seed: self.seed,
            format: self.format,
            threads: threads(&self.common),
        };
        run(&self.common, |context| {
            let made = hitherto::generate(&settings, context)?;
            let (shown, actions) = (grouped(made.impressions), grouped(made.actions));
            Ok(Made {
                dir: settings.dir,
                what: format!("{shown} impressions and {actions} actions"),
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
