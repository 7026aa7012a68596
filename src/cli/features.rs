//! Flags of `features`, and what it says of a run.

use std::io::{self, Write};
use std::path::PathBuf;

use clap::Args;
use hitherto::{
    Control, CustomerType, Day, FeaturesReport, Format, Job, Publish, Question, Settings, Source,
    TimeUnit, date_text,
};
use serde_json::json;

use crate::cli::args::Common;
use crate::cli::choices::{
    CodecArg, FormatArg, IdArg, IfExistsArg, LabelKeyArg, OnBadRowArg, UnitArg,
};
use crate::cli::summary::{counted, grouped, notes, percent, size};
use crate::cli::values::{column, day, duration, source_pair, window};
use crate::cli::{print, start, threads};

/// The examples under `hitherto features --help`.
const EXAMPLES: &str = "\
Examples:
  A row for each impression, from logs in shop/{impressions,clicks,listings}:
    hitherto features shop --out training

  Prior clicks of the last hour, day and week too, labels of two days:
    hitherto features shop --out training --windows 1h,24h,7d --label-window 2d

  Clicks that do not say who clicked, and the nightly run for one day:
    hitherto features shop --out training --label-key listing --add-days --date 2024-01-30

  Logs with other names, which are complete up to a moment:
    hitherto features --impressions log/views.parquet --clicks 'log/clicks-*.ndjson.gz' \\
      --listings catalog.csv --columns clicks.click_ts=at,listings.created_ts=born \\
      --data-end 2024-02-01T00:00:00Z --out training

Exit codes: 0 done, 2 usage, 65 bad data, 66 no such input, 70 internal fault,
73 output exists or cannot be made, 74 I/O, 130 and 143 interrupted.";

/// Flags of `features`; what it says of itself stands at [`crate::cli::args::Command`], where clap
/// looks for it.
#[derive(Args, Debug)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct Features {
    /// The folder that holds the three sources
    #[arg(value_name = "DIR")]
    dir: Option<PathBuf>,
    /// What to read.
    #[command(flatten)]
    input: Input,
    /// What is asked.
    #[command(flatten)]
    ask: Ask,
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
    /// Impressions: a file, a folder or a glob
    #[arg(long, value_name = "PATH")]
    impressions: Option<String>,
    /// Clicks
    #[arg(long, value_name = "PATH")]
    clicks: Option<String>,
    /// Listings
    #[arg(long, value_name = "PATH")]
    listings: Option<String>,
    /// A source (impressions, clicks, listings) by a file that lists its paths, a line each; may be
    /// repeated
    #[arg(long, value_name = "SOURCE=LIST", value_parser = source_pair)]
    files_from: Vec<(Source, String)>,
    /// Only impressions of this day
    #[arg(long, value_name = "DAY", value_parser = day, conflicts_with_all = ["from", "to"])]
    date: Option<Day>,
    /// Only impressions from this day on
    #[arg(long, value_name = "DAY", value_parser = day)]
    from: Option<Day>,
    /// Only impressions up to this day, inclusive
    #[arg(long, value_name = "DAY", value_parser = day)]
    to: Option<Day>,
    /// The format of all files [default: told by content and name]
    #[arg(long, value_enum, value_name = "FORMAT")]
    format: Option<FormatArg>,
    /// Other names of columns, such as clicks.click_ts=at; may be repeated
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
    /// The zone of days, and of times without an offset
    #[arg(long, value_name = "ZONE", default_value = "UTC")]
    timezone: String,
    /// The type of ids [default: as in the files of impressions; int64 for text files]
    #[arg(long, value_enum, value_name = "TYPE")]
    id_type: Option<IdArg>,
    /// Rows that cannot be used: stop, or set them aside in OUT/_quarantine and go on
    #[arg(long, value_enum, default_value = "error")]
    on_bad_row: OnBadRowArg,
    /// Rows that may be set aside before the run stops
    #[arg(long, value_name = "COUNT", default_value_t = 10_000)]
    max_bad_rows: u64,
}

/// What is asked.
#[derive(Args, Debug)]
#[command(next_help_heading = "Features and label")]
struct Ask {
    /// Also count the prior clicks of these windows, such as 1h,24h,7d (units s m h d)
    #[arg(long, value_name = "DURATIONS", value_parser = window, value_delimiter = ',')]
    windows: Vec<(String, i64)>,
    /// How long after an impression a click counts as its label, the end included
    #[arg(long, value_name = "DURATION", default_value = "24h", value_parser = duration)]
    label_window: i64,
    /// Whose clicks these are: the same user's, or anybody's on the same listing
    #[arg(long, value_enum, default_value = "user-listing")]
    label_key: LabelKeyArg,
    /// Up to when clicks are complete: labels that reach further are marked [default: the latest
    /// click]
    #[arg(long, value_name = "TIME")]
    data_end: Option<String>,
}

/// What to write.
#[derive(Args, Debug)]
#[command(next_help_heading = "Output")]
struct Output {
    /// The folder to make [alias: --output]
    #[arg(long, value_name = "OUT", alias = "output")]
    out: PathBuf,
    /// Replace OUT, if this program made it
    #[arg(long, conflicts_with = "add_days")]
    overwrite: bool,
    /// Add days to OUT
    #[arg(long)]
    add_days: bool,
    /// What becomes of days that OUT has already, with --add-days
    #[arg(long, value_enum, default_value = "error", requires = "add_days")]
    if_exists: IfExistsArg,
    /// Compression
    #[arg(long, value_enum, default_value = "zstd")]
    codec: CodecArg,
}

impl Features {
    /// Runs the job.
    pub(crate) fn run(self) -> anyhow::Result<()> {
        let (common, settings) = self.into_settings();
        let job = Job::new(Settings {
            threads: threads(&common),
            temp_dir: common.temp_dir.clone(),
            ..settings
        })?;
        let (control, progress) = start(&common)?;
        let report = hitherto::features(&job, &control);
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
        let Features {
            dir,
            input,
            ask,
            output,
            common,
        } = self;
        let paths = [
            (Source::Impressions, input.impressions),
            (Source::Clicks, input.clicks),
            (Source::Listings, input.listings),
        ];
        let paths = paths
            .into_iter()
            .filter_map(|(source, path)| Some((source, path?)));
        let lists = input.files_from.into_iter();
        let settings = Settings {
            question: Question::Features,
            dir,
            paths: paths.collect(),
            files_from: lists
                .map(|(source, list)| (source, PathBuf::from(list)))
                .collect(),
            out: output.out,
            publish: match (output.overwrite, output.add_days) {
                (true, _) => Publish::Overwrite,
                (false, true) => Publish::AddDays(output.if_exists.into()),
                (false, false) => Publish::New,
            },
            from: input.date.or(input.from),
            to: input.date.or(input.to),
            timezone: input.timezone,
            columns: input.columns,
            time_unit: input.time_unit.map(TimeUnit::from),
            customer_type: input.id_type.map(CustomerType::from),
            format: input.format.map(Format::from),
            on_bad_row: input.on_bad_row.into(),
            bad_rows_max: input.max_bad_rows,
            windows: ask.windows,
            label_window_us: ask.label_window,
            label_key: ask.label_key.into(),
            data_end: ask.data_end,
            codec: output.codec.into(),
            ..Settings::default()
        };
        (common, settings)
    }
}

/// The summary of a run, for standard error.
fn summary(job: &Job, report: &FeaturesReport, seconds: f64) -> String {
    let out = job.out.display();
    let days = match (report.days.first(), report.days.last()) {
        (Some(first), Some(last)) if first.day != last.day => {
            format!("{} to {}", date_text(first.day), date_text(last.day))
        }
        (Some(day), _) => date_text(day.day),
        _ => "no days".to_owned(),
    };
    let of_rows = [
        (report.unknown_listings, "of a listing that no file has"),
        (report.negative_ages, "older than their listing"),
        (report.incomplete, "too new for a complete label"),
    ];
    let of_clicks = [(report.clicks_without_user, "without a user")];
    let mut lines = vec![
        format!("made {out}: {days}, in {seconds:.2} s"),
        counted(report.rows, &format!("rows{}", notes(&of_rows))),
        counted(
            report.clicked,
            &format!(
                "clicked ({} of the rows)",
                percent(report.clicked, report.rows)
            ),
        ),
        counted(report.clicks, &format!("clicks{}", notes(&of_clicks))),
        counted(report.listings, "listings"),
    ];
    if report.rejected > 0 {
        let rejected = format!("rows rejected, see {out}/_quarantine");
        lines.push(counted(report.rejected, &rejected));
    }
    if report.days_skipped > 0 {
        let kept = format!("days left as {out} has them");
        lines.push(counted(report.days_skipped, &kept));
    }
    let bytes: u64 = report.days.iter().map(|day| day.bytes).sum();
    lines.extend([
        format!(
            "read it ({}, {} days) with",
            size(bytes),
            grouped(count(report))
        ),
        format!("  polars   pl.scan_parquet(\"{out}/date=*/*.parquet\", hive_partitioning=True)"),
        format!(
            "  pandas   pd.read_parquet(\"{out}/date={}\")",
            first_day(report)
        ),
    ]);
    lines.join("\n") + "\n"
}

/// The number of days.
fn count(report: &FeaturesReport) -> u64 {
    u64::try_from(report.days.len()).unwrap_or(u64::MAX)
}

/// The first day, for an example.
fn first_day(report: &FeaturesReport) -> String {
    let day = report.days.first();
    day.map_or_else(|| "…".to_owned(), |day| date_text(day.day))
}

/// The statistics of a run as JSON, for standard output.
fn stats(job: &Job, report: &FeaturesReport, control: &Control, seconds: f64) -> String {
    let days = report.days.iter().map(|day| {
        json!({"day": date_text(day.day), "rows": day.rows, "parts": day.parts, "bytes": day.bytes})
    });
    let stats = json!({
        "out": job.out.display().to_string(),
        "seconds": (seconds * 1000.0).round() / 1000.0,
        "threads": job.threads,
        "memory_accounted_peak_bytes": control.memory_peak(),
        "spilled_bytes": control.spilled(),
        "rows_read": control.rows().0,
        "files": report.files,
        "rows": report.rows,
        "clicked": report.clicked,
        "label_incomplete": report.incomplete,
        "unknown_listings": report.unknown_listings,
        "negative_ages": report.negative_ages,
        "clicks": report.clicks,
        "clicks_without_user": report.clicks_without_user,
        "listings": report.listings,
        "data_end": report.data_end,
        "rejected": report.rejected,
        "days_skipped": report.days_skipped,
        "days": days.collect::<Vec<_>>(),
    });
    format!("{stats:#}\n")
}
