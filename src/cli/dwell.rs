//! Flags of `dwell`, and what it says of a run.

use std::path::PathBuf;

use clap::Args;
use hitherto::{
    Codec, CustomerType, Dedup, DivideBy, DwellMethod, DwellReport, Job, Publish, Settings, Source,
};

use crate::cli::args::Common;
use crate::cli::choices::{exact_dedup, id_type};
use crate::cli::flags::{BadRows, Gates, Reading, Warnings};
use crate::cli::job::{JobFile, with_file};
use crate::cli::reading;
use crate::cli::render::summary::{Summary, grouped, notes, range, size};
use crate::cli::run_job;
use crate::cli::values::duration;

/// The examples under `hitherto dwell --help`.
const EXAMPLES: &str = "\
Examples:
  From the first to the last event with each merchant, divided by the events (the default):
    hitherto dwell events.csv --out visits

  Time spent: each event on a flyer lasts until the next, visits end after ten minutes without one:
    hitherto dwell 'log/*.ndjson.gz' --out visits --method session --idle-timeout 10m

  Columns with other names, days of Toronto for times without an offset, yesterday's output replaced:
    hitherto dwell warehouse/events --out visits --overwrite --timezone America/Toronto \\
      --columns events.user_id=account,events.timestamp=occurred_at

Exit codes: 0 done, 2 usage, 3 a gate (--fail-if) failed, 65 bad data, 66 no such input,
70 internal fault, 73 output exists or cannot be made, 74 I/O, 130 and 143 interrupted.";

/// Flags of `dwell`; what it says of itself stands at [`crate::cli::args::Command`], where clap looks
/// for it.
#[derive(Args, Debug)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct Dwell {
    /// Events: a file, a folder or a glob
    #[arg(value_name = "EVENTS")]
    events: Option<String>,
    /// What to read.
    #[command(flatten)]
    input: Input,
    /// How.
    #[command(flatten)]
    reading: Reading,
    /// What is measured.
    #[command(flatten)]
    measure: Measure,
    /// What becomes of bad rows.
    #[command(flatten)]
    bad_rows: BadRows,
    /// What is told of what looks wrong.
    #[command(flatten)]
    warnings: Warnings,
    /// Whether it may be published.
    #[command(flatten)]
    gates: Gates,
    /// What to write.
    #[command(flatten)]
    output: Output,
    /// How to run.
    #[command(flatten)]
    common: Common,
}

/// What to read.
#[derive(Args, Debug)]
#[command(next_help_heading = "Input")]
struct Input {
    /// The type of ids of users, flyers and merchants [default: as in the files; string for text
    /// files]
    #[arg(long, value_name = "TYPE", value_parser = id_type())]
    id_type: Option<CustomerType>,
}

/// What is measured.
#[derive(Args, Debug)]
#[command(next_help_heading = "Measure")]
struct Measure {
    /// How the time on flyers is measured
    #[arg(long, value_enum, default_value = "span")]
    method: DwellMethod,
    /// What a span is divided by, with --method span
    #[arg(long, value_enum, default_value = "events")]
    divide_by: DivideBy,
    /// The longest gap within a visit, with --method session; a longer one ends the visit and counts
    /// as no time (units s m h d)
    #[arg(long, value_name = "DURATION", default_value = "30m", value_parser = duration)]
    idle_timeout: i64,
    /// Repeated events: those alike in time, user, event, flyer and merchant; they are counted either
    /// way
    #[arg(long, value_parser = exact_dedup(), default_value = "none")]
    dedup: Dedup,
}

/// What to write.
#[derive(Args, Debug)]
#[command(next_help_heading = "Output")]
struct Output {
    /// The folder to make [alias: --output]
    #[arg(
        long,
        value_name = "OUT",
        alias = "output",
        required_unless_present = "job"
    )]
    out: Option<PathBuf>,
    /// Replace OUT, if this program made it
    #[arg(long)]
    overwrite: bool,
    /// Compression of the Parquet files
    #[arg(long, value_enum, default_value = "zstd")]
    codec: Codec,
}

impl Dwell {
    /// Runs the job.
    pub(crate) fn run(self, file: Option<&JobFile>) -> anyhow::Result<()> {
        let asked = self.into_settings(file);
        run_job(asked, hitherto::dwell, summary)
    }

    /// The settings that the flags ask for.
    pub(crate) fn into_settings(self, file: Option<&JobFile>) -> (Common, Settings) {
        let own = hitherto::Dwell {
            dwell_method: self.measure.method,
            divide_by: self.measure.divide_by,
            idle_timeout_us: self.measure.idle_timeout,
        };
        let settings = Settings {
            ask: own.into(),
            paths: self
                .events
                .into_iter()
                .map(|path| (Source::Events, path))
                .collect(),
            out: self.output.out.unwrap_or_default(),
            publish: match self.output.overwrite {
                true => Publish::Overwrite,
                false => Publish::New,
            },
            customer_type: self.input.id_type,
            dedup: self.measure.dedup,
            codec: self.output.codec,
            ..Settings::default()
        };
        let settings = self.warnings.set(self.reading.set(settings));
        let settings = self.gates.set(self.bad_rows.set(settings));
        (self.common, with_file(file, settings))
    }
}

/// The summary of a run.
fn summary<'a>(job: &Job, report: &'a DwellReport) -> Summary<'a, DwellReport> {
    let out = job.out.display();
    let none = || "no days, for there are no events on flyers".to_owned();
    let repeated = match job.dedup {
        Dedup::None => "repeated, and kept",
        _ => "repeated, and left out",
    };
    let of_events = [
        (report.opens, "that open a flyer or an item"),
        (report.duplicates, repeated),
        (report.null_users, "without a user, left out"),
        (report.null_flyers, "without a flyer, left out"),
        (report.null_merchants, "without a merchant, left out"),
    ];
    let (users, rows) = (grouped(report.users), grouped(report.merchant_rows));
    let mut reading = vec![format!("read it ({}) with", size(report.bytes))];
    reading.extend(reading::of_file(&job.out.join("user_merchant.parquet")));
    reading.push(format!(
        "  BI       {out}/user_merchant.csv, {out}/merchant.csv"
    ));
    Summary {
        days: report.days.map_or_else(none, range),
        counts: vec![
            (
                report.user_rows,
                format!("rows of a user, merchant and day, of {users} users"),
            ),
            (
                report.merchants,
                format!("merchants, {rows} rows of a merchant and day"),
            ),
            (report.events, format!("events{}", notes(&of_events))),
        ],
        rejected: report.rejected,
        days_skipped: (0, String::new()),
        warnings: &report.warnings,
        reading,
        stats: report,
    }
}
