//! Flags of `features`, and what it says of a run.

use std::path::PathBuf;

use clap::Args;
use hitherto::{
    Codec, CustomerType, Dedup, FeaturesReport, Job, LabelKey, Settings, Source, date_text,
};

use crate::cli::args::Common;
use crate::cli::choices::{exact_dedup, id_type};
use crate::cli::flags::{BadRows, Days, Gates, Place, Reading, Warnings};
use crate::cli::job::{JobFile, with_file};
use crate::cli::reading;
use crate::cli::render::summary::{Summary, bytes, grouped, notes, percent, range_of, size};
use crate::cli::run_job;
use crate::cli::values::{duration, window};

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

Exit codes: 0 done, 2 usage, 3 a gate (--fail-if) failed, 65 bad data, 66 no such input,
70 internal fault, 73 output exists or cannot be made, 74 I/O, 130 and 143 interrupted.";

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
    /// How.
    #[command(flatten)]
    reading: Reading,
    /// Which days.
    #[command(flatten)]
    days: Days,
    /// What is asked.
    #[command(flatten)]
    ask: Ask,
    /// What becomes of bad rows.
    #[command(flatten)]
    bad_rows: BadRows,
    /// What is told of what looks wrong.
    #[command(flatten)]
    warnings: Warnings,
    /// Where to write.
    #[command(flatten)]
    place: Place,
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
    /// Impressions: a file, a folder or a glob
    #[arg(long, value_name = "PATH")]
    impressions: Option<String>,
    /// Clicks
    #[arg(long, value_name = "PATH")]
    clicks: Option<String>,
    /// Listings
    #[arg(long, value_name = "PATH")]
    listings: Option<String>,
    /// The type of ids [default: as in the files of impressions; int64 for text files]
    #[arg(long, value_name = "TYPE", value_parser = id_type())]
    id_type: Option<CustomerType>,
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
    label_key: LabelKey,
    /// Up to when clicks are complete: labels that reach further are marked [default: the latest
    /// click]
    #[arg(long, value_name = "TIME")]
    data_end: Option<String>,
    /// Repeated clicks: those alike in user, listing and time; they are counted either way.
    /// Impressions that repeat are rows of their own
    #[arg(long, value_parser = exact_dedup(), default_value = "none")]
    dedup: Dedup,
}

/// What to write.
#[derive(Args, Debug)]
#[command(next_help_heading = "Output")]
struct Output {
    /// Compression
    #[arg(long, value_enum, default_value = "zstd")]
    codec: Codec,
}

impl Features {
    /// Runs the job.
    pub(crate) fn run(self, file: Option<&JobFile>) -> anyhow::Result<()> {
        let asked = self.into_settings(file);
        run_job(asked, hitherto::features, summary)
    }

    /// The settings that the flags ask for.
    pub(crate) fn into_settings(self, file: Option<&JobFile>) -> (Common, Settings) {
        let paths = [
            (Source::Impressions, self.input.impressions),
            (Source::Clicks, self.input.clicks),
            (Source::Listings, self.input.listings),
        ];
        let paths = paths
            .into_iter()
            .filter_map(|(source, path)| Some((source, path?)));
        let own = hitherto::Features {
            windows: self.ask.windows,
            label_window_us: self.ask.label_window,
            label_key: self.ask.label_key,
            data_end: self.ask.data_end,
        };
        let settings = Settings {
            ask: own.into(),
            dir: self.dir,
            paths: paths.collect(),
            customer_type: self.input.id_type,
            dedup: self.ask.dedup,
            codec: self.output.codec,
            ..Settings::default()
        };
        let settings = self.days.set(self.reading.set(settings));
        let settings = self.gates.set(
            self.place
                .set(self.bad_rows.set(self.warnings.set(settings))),
        );
        (self.common, with_file(file, settings))
    }
}

/// The summary of a run.
fn summary<'a>(job: &Job, report: &'a FeaturesReport) -> Summary<'a, FeaturesReport> {
    let of_rows = [
        (report.unknown_listings, "of a listing that no file has"),
        (report.negative_ages, "older than their listing"),
        (report.incomplete, "too new for a complete label"),
    ];
    let repeated = match job.dedup {
        Dedup::None => "repeated, and counted",
        _ => "repeated, and left out",
    };
    let of_clicks = [
        (report.clicks_without_user, "without a user"),
        (report.repeated_clicks, repeated),
    ];
    let clicked = percent(report.clicked, report.rows);
    Summary {
        days: range_of(&report.days).unwrap_or_else(|| "no days".to_owned()),
        counts: vec![
            (report.rows, format!("rows{}", notes(&of_rows))),
            (report.clicked, format!("clicked ({clicked} of the rows)")),
            (report.clicks, format!("clicks{}", notes(&of_clicks))),
            (report.listings, "listings".to_owned()),
        ],
        rejected: report.rejected,
        days_skipped: (
            report.days_skipped,
            format!("days left as {} has them", job.out.display()),
        ),
        warnings: &report.warnings,
        reading: reading(job, report),
        stats: report,
    }
}

/// How to read what was made.
fn reading(job: &Job, report: &FeaturesReport) -> Vec<String> {
    let Some(first) = report.days.first() else {
        return Vec::new();
    };
    let (size, days) = (size(bytes(&report.days)), u64::try_from(report.days.len()));
    let days = grouped(days.unwrap_or(u64::MAX));
    let mut lines = vec![format!("read it ({size}, {days} days) with")];
    lines.extend(reading::of_days(&job.out, "date", &date_text(first.day)));
    lines
}
