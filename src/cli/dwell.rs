//! Flags of `dwell`, and what it says of a run.

use std::io::{self, Write};
use std::path::PathBuf;

use clap::Args;
use hitherto::{
    Control, CustomerType, DwellReport, Format, Job, Publish, Question, Settings, Source, TimeUnit,
    date_text,
};
use serde_json::json;

use crate::cli::args::Common;
use crate::cli::choices::{
    CodecArg, DivideByArg, FormatArg, IdArg, MethodArg, OnBadRowArg, UnitArg,
};
use crate::cli::summary::{counted, grouped, notes, size};
use crate::cli::values::{column, duration, source_pair};
use crate::cli::{print, start, threads};

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

Exit codes: 0 done, 2 usage, 65 bad data, 66 no such input, 70 internal fault,
73 output exists or cannot be made, 74 I/O, 130 and 143 interrupted.";

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
    /// What is measured.
    #[command(flatten)]
    measure: Measure,
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
    /// The events by a file that lists their paths, a line each
    #[arg(long, value_name = "events=LIST", value_parser = source_pair)]
    files_from: Vec<(Source, String)>,
    /// The format of all files [default: told by content and name]
    #[arg(long, value_enum, value_name = "FORMAT")]
    format: Option<FormatArg>,
    /// Other names of columns, such as events.user_id=account; may be repeated
    #[arg(
        long,
        value_name = "SOURCE.NAME=COLUMN",
        value_parser = column,
        value_delimiter = ','
    )]
    columns: Vec<(Source, String, String)>,
    /// The unit of times that are integers
    #[arg(long, value_enum, value_name = "UNIT")]
    time_unit: Option<UnitArg>,
    /// The zone of times without an offset, and of their days
    #[arg(long, value_name = "ZONE", default_value = "UTC")]
    timezone: String,
    /// The type of ids of users, flyers and merchants [default: as in the files; string for text
    /// files]
    #[arg(long, value_enum, value_name = "TYPE")]
    id_type: Option<IdArg>,
    /// Rows that cannot be used: stop, or set them aside in OUT/_quarantine and go on
    #[arg(long, value_enum, default_value = "error")]
    on_bad_row: OnBadRowArg,
    /// Rows that may be set aside before the run stops
    #[arg(long, value_name = "COUNT", default_value_t = 10_000)]
    max_bad_rows: u64,
}

/// What is measured.
#[derive(Args, Debug)]
#[command(next_help_heading = "Measure")]
struct Measure {
    /// How the time on flyers is measured
    #[arg(long, value_enum, default_value = "span")]
    method: MethodArg,
    /// What a span is divided by, with --method span
    #[arg(long, value_enum, default_value = "events")]
    divide_by: DivideByArg,
    /// The longest gap within a visit, with --method session; a longer one ends the visit and counts
    /// as no time (units s m h d)
    #[arg(long, value_name = "DURATION", default_value = "30m", value_parser = duration)]
    idle_timeout: i64,
}

/// What to write.
#[derive(Args, Debug)]
#[command(next_help_heading = "Output")]
struct Output {
    /// The folder to make [alias: --output]
    #[arg(long, value_name = "OUT", alias = "output")]
    out: PathBuf,
    /// Replace OUT, if this program made it
    #[arg(long)]
    overwrite: bool,
    /// Compression of the Parquet files
    #[arg(long, value_enum, default_value = "zstd")]
    codec: CodecArg,
}

impl Dwell {
    /// Runs the job.
    pub(crate) fn run(self) -> anyhow::Result<()> {
        let (common, settings) = self.into_settings();
        let job = Job::new(Settings {
            threads: threads(&common),
            temp_dir: common.temp_dir.clone(),
            ..settings
        })?;
        let (control, progress) = start(&common)?;
        let report = hitherto::dwell(&job, &control);
        let seconds = progress.finish();
        let report = report?;
        if !common.quiet {
            // The output is there, whether or not somebody still reads this.
            drop(io::stderr().write_all(summary(&job, &report, seconds).as_bytes()));
        }
        if common.stats.is_some() {
            print(&stats(&job, &report, &control, seconds))?;
        }
        Ok(())
    }

    /// The settings that the flags ask for.
    fn into_settings(self) -> (Common, Settings) {
        let Dwell {
            events,
            input,
            measure,
            output,
            common,
        } = self;
        let lists = input.files_from.into_iter();
        let settings = Settings {
            question: Question::Dwell,
            paths: events
                .into_iter()
                .map(|path| (Source::Events, path))
                .collect(),
            files_from: lists
                .map(|(source, list)| (source, PathBuf::from(list)))
                .collect(),
            out: output.out,
            publish: match output.overwrite {
                true => Publish::Overwrite,
                false => Publish::New,
            },
            timezone: input.timezone,
            columns: input.columns,
            time_unit: input.time_unit.map(TimeUnit::from),
            customer_type: input.id_type.map(CustomerType::from),
            format: input.format.map(Format::from),
            on_bad_row: input.on_bad_row.into(),
            bad_rows_max: input.max_bad_rows,
            dwell_method: measure.method.into(),
            divide_by: measure.divide_by.into(),
            idle_timeout_us: measure.idle_timeout,
            codec: output.codec.into(),
            ..Settings::default()
        };
        (common, settings)
    }
}

/// The summary of a run, for standard error.
fn summary(job: &Job, report: &DwellReport, seconds: f64) -> String {
    let out = job.out.display();
    let days = match report.days {
        Some((first, last)) if first != last => {
            format!("{} to {}", date_text(first), date_text(last))
        }
        Some((day, _)) => date_text(day),
        None => "no days, for there are no events on flyers".to_owned(),
    };
    let of_events = [
        (report.opens, "that open a flyer or an item"),
        (report.duplicates, "repeated, and kept"),
    ];
    let merchants = format!(
        "merchants, {} rows of a merchant and day",
        grouped(report.merchant_rows)
    );
    let mut lines = vec![
        format!("made {out}: {days}, in {seconds:.2} s"),
        counted(
            report.user_rows,
            &format!(
                "rows of a user, merchant and day, of {} users",
                grouped(report.users)
            ),
        ),
        counted(report.merchants, &merchants),
        counted(report.events, &format!("events{}", notes(&of_events))),
    ];
    if report.rejected > 0 {
        let rejected = format!("rows rejected, see {out}/_quarantine");
        lines.push(counted(report.rejected, &rejected));
    }
    lines.extend([
        format!("read it ({}) with", size(report.bytes)),
        format!("  pandas   pd.read_parquet(\"{out}/user_merchant.parquet\")"),
        format!("  BI       {out}/user_merchant.csv, {out}/merchant.csv"),
    ]);
    lines.join("\n") + "\n"
}

/// The statistics of a run as JSON, for standard output.
fn stats(job: &Job, report: &DwellReport, control: &Control, seconds: f64) -> String {
    let stats = json!({
        "out": job.out.display().to_string(),
        "seconds": (seconds * 1000.0).round() / 1000.0,
        "threads": job.threads,
        "memory_accounted_peak_bytes": control.memory_peak(),
        "spilled_bytes": control.spilled(),
        "rows_read": control.rows().0,
        "files": report.files,
        "events": report.events,
        "opens": report.opens,
        "duplicate_events": report.duplicates,
        "rejected": report.rejected,
        "users": report.users,
        "merchants": report.merchants,
        "user_merchant_rows": report.user_rows,
        "merchant_rows": report.merchant_rows,
        "days": report.days.map(|(first, last)| [date_text(first), date_text(last)]),
        "bytes": report.bytes,
    });
    format!("{stats:#}\n")
}
