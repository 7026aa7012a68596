//! Flags of `features`, and the summary of a run.

use std::path::PathBuf;

use clap::Args;
use hitherto::{
    Codec, CustomerType, Dedup, FeaturesReport, Job, KeptColumn, LabelKey, Settings, Source,
    date_text,
};

use crate::cli::choices::{exact_dedup, id_type};
use crate::cli::flags::{
    BadRowArgs, DayArgs, GateArgs, InputArgs, OutputArgs, RunArgs, ShardArgs, WarningArgs,
};
use crate::cli::job::{JobFile, with_file};
use crate::cli::render::snippets;
use crate::cli::render::summary::{
    Summary, bytes, grouped, next_of_shard, notes, percent, range_of, size,
};
use crate::cli::runner::run_job;
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

  A history of prices: of each listing the newest row before the impression:
    hitherto features shop --out training --listings-as-of valid_from

  Logs with other names, which are complete up to a moment:
    hitherto features --impressions log/views.parquet --clicks 'log/clicks-*.ndjson.gz' \\
      --listings catalog.csv --columns clicks.click_ts=at,listings.created_ts=born \\
      --data-end 2024-02-01T00:00:00Z --out training

  One of 64 machines, and the set when all are done:
    hitherto features shop --out shards --shard 7/64
    hitherto finalize shards --out training

Exit codes: 0 done, 2 usage, 3 a gate (--fail-if) failed, 65 bad data, 66 no such input,
70 internal fault, 73 output exists or cannot be made, 74 I/O, 130 and 143 interrupted.";

/// Flags of `features`. clap takes the description of the command from `args::Command`.
#[derive(Args, Debug)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct FeaturesArgs {
    /// Folder with the three sources
    #[arg(value_name = "DIR")]
    dir: Option<PathBuf>,
    #[command(flatten)]
    sources: FeaturesSourceArgs,
    #[command(flatten)]
    input: InputArgs,
    #[command(flatten)]
    days: DayArgs,
    #[command(flatten)]
    columns: ColumnArgs,
    #[command(flatten)]
    bad_rows: BadRowArgs,
    #[command(flatten)]
    warnings: WarningArgs,
    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten)]
    gates: GateArgs,
    #[command(flatten)]
    storage: StorageArgs,
    #[command(flatten)]
    shard: ShardArgs,
    #[command(flatten)]
    run: RunArgs,
}

/// The sources of `features`, and the ids in them.
#[derive(Args, Debug)]
#[command(next_help_heading = "Input")]
struct FeaturesSourceArgs {
    /// Impressions: a file, a folder or a glob
    #[arg(long, value_name = "PATH")]
    impressions: Option<String>,
    /// Clicks: a file, a folder or a glob
    #[arg(long, value_name = "PATH")]
    clicks: Option<String>,
    /// Listings: a file, a folder or a glob
    #[arg(long, value_name = "PATH")]
    listings: Option<String>,
    /// Type of ids [default: as in the files of impressions; int64 for text files]
    #[arg(long, value_name = "TYPE", value_parser = id_type())]
    id_type: Option<CustomerType>,
}

/// The features and the label of an impression.
#[derive(Args, Debug)]
#[command(next_help_heading = "Features and label")]
struct ColumnArgs {
    /// Windows before the impression whose prior clicks are counted too, such as 1h,24h,7d (units s m h
    /// d)
    #[arg(long, value_name = "DURATIONS", value_parser = window, value_delimiter = ',')]
    windows: Vec<(String, i64)>,
    /// How long after an impression a click makes it clicked, the end included (units s m h d)
    #[arg(long, value_name = "DURATION", default_value = "24h", value_parser = duration)]
    label_window: i64,
    /// Which clicks make an impression clicked
    #[arg(long, value_enum, default_value = "user-listing")]
    label_key: LabelKey,
    /// Time up to which clicks are complete; label_complete is false where the label window ends
    /// later [default: the latest click]
    #[arg(long, value_name = "TIME")]
    data_end: Option<String>,
    /// The column of listings that says from when a row holds, if a listing has several rows over time
    /// (a history of prices): each impression has the newest row before it
    #[arg(long, value_name = "COLUMN")]
    listings_as_of: Option<String>,
    /// Columns of impressions, or as listing.NAME of listings, to copy to the output; NAME:TYPE names the
    /// type in text files (int32, int64, double, string, boolean or timestamp; string by default)
    #[arg(long, value_name = "NAMES", value_delimiter = ',', value_parser = KeptColumn::parse)]
    keep: Vec<KeptColumn>,
    /// Which repeated clicks to leave out: those that agree in user, listing and time. Repeats are
    /// reported either way; repeated impressions are always rows of their own
    #[arg(long, value_parser = exact_dedup(), default_value = "none")]
    dedup: Dedup,
}

/// How the rows are stored.
#[derive(Args, Debug)]
#[command(next_help_heading = "Output")]
struct StorageArgs {
    /// Compression of the Parquet files
    #[arg(long, value_enum, default_value = "zstd")]
    codec: Codec,
}

impl FeaturesArgs {
    /// Runs the job.
    pub(crate) fn run(self, file: Option<&JobFile>) -> anyhow::Result<()> {
        let (args, settings) = self.into_settings(file);
        run_job(&args, settings, hitherto::features, summary)
    }

    /// How to run, and the settings that the flags ask for.
    pub(crate) fn into_settings(self, file: Option<&JobFile>) -> (RunArgs, Settings) {
        let paths = [
            (Source::Impressions, self.sources.impressions),
            (Source::Clicks, self.sources.clicks),
            (Source::Listings, self.sources.listings),
        ];
        let paths = paths
            .into_iter()
            .filter_map(|(source, path)| Some((source, path?)));
        let own = hitherto::Features {
            windows: self.columns.windows,
            label_window_us: self.columns.label_window,
            label_key: self.columns.label_key,
            data_end: self.columns.data_end,
            listings_as_of: self.columns.listings_as_of,
            keep: self.columns.keep,
        };
        let mut settings = Settings {
            ask: own.into(),
            dir: self.dir,
            paths: paths.collect(),
            customer_type: self.sources.id_type,
            dedup: self.columns.dedup,
            codec: self.storage.codec,
            ..Settings::default()
        };
        self.input.apply(&mut settings);
        self.days.apply(&mut settings);
        self.bad_rows.apply(&mut settings);
        self.warnings.apply(&mut settings);
        self.output.apply(&mut settings);
        self.shard.apply(&mut settings);
        let mut run = self.run;
        self.gates.apply(&mut settings, &mut run);
        (run, with_file(file, settings))
    }
}

/// The summary of a run.
pub(crate) fn summary<'a>(job: &Job, report: &'a FeaturesReport) -> Summary<'a, FeaturesReport> {
    let unknown = match job.features().listings_as_of {
        None => "of a listing that no file has",
        Some(_) => "of a listing without a row before them",
    };
    let row_notes = [
        (report.unknown_listings, unknown),
        (report.negative_ages, "older than their listing"),
        (report.incomplete, "too new for a complete label"),
    ];
    let repeated = match job.dedup {
        Dedup::None => "repeated, and counted",
        _ => "repeated, and left out",
    };
    let click_notes = [
        (report.clicks_without_user, "without a user"),
        (report.repeated_clicks, repeated),
    ];
    let clicked = percent(report.clicked, report.rows);
    Summary {
        days: range_of(&report.days).unwrap_or_else(|| "no days".to_owned()),
        counts: vec![
            (report.rows, format!("rows{}", notes(&row_notes))),
            (report.clicked, format!("clicked ({clicked} of the rows)")),
            (report.clicks, format!("clicks{}", notes(&click_notes))),
            (report.listings, "listings".to_owned()),
        ],
        rejected: report.rejected,
        days_skipped: (
            report.days_skipped,
            format!("days left as {} has them", job.out.display()),
        ),
        warnings: &report.warnings,
        snippets: match job.shard {
            None => snippets(job, report),
            Some(shard) => next_of_shard(job, shard),
        },
        stats: report,
    }
}

/// How to read the output.
fn snippets(job: &Job, report: &FeaturesReport) -> Vec<String> {
    let Some(first) = report.days.first() else {
        return Vec::new();
    };
    let (size, days) = (size(bytes(&report.days)), u64::try_from(report.days.len()));
    let days = grouped(days.unwrap_or(u64::MAX));
    let mut lines = vec![format!("read it ({size}, {days} days) with")];
    lines.extend(snippets::of_days(&job.out, "date", &date_text(first.day)));
    lines
}
