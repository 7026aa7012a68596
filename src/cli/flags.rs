//! Flags that several questions share, and what they set.

use std::path::PathBuf;

use clap::Args;
use hitherto::{Day, Format, IfExists, OnBadRow, Publish, Settings, Source, TimeUnit, WarningCode};

use crate::cli::values::{day, source_pair};

/// How files are read.
#[derive(Args, Debug)]
#[command(next_help_heading = "Input")]
pub(super) struct Reading {
    /// A job file, or the _manifest.json of a set to make once more; its keys are these flags, and a
    /// flag that is given wins
    #[arg(long, value_name = "FILE")]
    job: Option<PathBuf>,
    /// A source by a file that lists its paths, a line each; may be repeated. Files of Delta, Iceberg and
    /// Hudi tables are refused: have the engine that knows the table write its rows out
    #[arg(long, value_name = "SOURCE=LIST", value_parser = source_pair)]
    files_from: Vec<(Source, String)>,
    /// The format of all files [default: told by content and name]
    #[arg(long, value_enum, value_name = "FORMAT")]
    format: Option<Format>,
    /// Other names of columns: what is called NAME here is COLUMN in the files; may be repeated
    #[arg(
        long,
        value_name = "SOURCE.NAME=COLUMN",
        value_parser = hitherto::renamed_column,
        value_delimiter = ','
    )]
    columns: Vec<(Source, String, String)>,
    /// The unit of times that are integers. A unit that makes times of another age of them is refused
    #[arg(long, value_enum, value_name = "UNIT")]
    time_unit: Option<TimeUnit>,
    /// Words of the files that mean null, such as NULL,\N; may be repeated. In CSV and JSON every text
    /// that is read is compared, whole and in exact case, in Parquet those of columns of text: ids,
    /// times, items, types and what is carried through alike; '' is the empty text. A number of JSON is
    /// no text. Without it, only an empty field of CSV, null of JSON and null of Parquet are null, and
    /// for ids and times an empty text of JSON
    #[arg(
        long,
        value_name = "WORDS",
        value_delimiter = ',',
        allow_hyphen_values = true
    )]
    null_values: Vec<String>,
    /// The zone of days, and of times without an offset [default: UTC]. It must be given, also if it is
    /// UTC, where other times have an offset or are instants otherwise
    #[arg(long, value_name = "ZONE")]
    timezone: Option<String>,
}

/// Which days are answered.
#[derive(Args, Debug)]
#[command(next_help_heading = "Input")]
pub(super) struct Days {
    /// Only impressions of this day
    #[arg(long, value_name = "DAY", value_parser = day, conflicts_with_all = ["from", "to"])]
    date: Option<Day>,
    /// Only impressions from this day on
    #[arg(long, value_name = "DAY", value_parser = day)]
    from: Option<Day>,
    /// Only impressions up to this day, inclusive
    #[arg(long, value_name = "DAY", value_parser = day)]
    to: Option<Day>,
}

/// What becomes of rows that cannot be used.
#[derive(Args, Debug)]
#[command(next_help_heading = "Doubtful rows")]
pub(super) struct BadRows {
    /// Rows that cannot be used: stop, or set them aside in OUT/_quarantine and go on
    #[arg(long, value_enum, default_value = "error")]
    on_bad_row: OnBadRow,
    /// Rows that may be set aside before the run stops
    #[arg(long, value_name = "COUNT", default_value_t = 10_000)]
    max_bad_rows: u64,
}

/// What is told of what looks wrong.
#[derive(Args, Debug)]
#[command(next_help_heading = "Doubtful rows")]
pub(super) struct Warnings {
    /// Publish although no row of any source came to anything, or integer times are far from all
    /// others [default: stop with 65 and say why]
    #[arg(long)]
    allow_unused: bool,
    /// Warnings not to give, by their codes, comma-separated: unused_source, unmatched_listings,
    /// one_label, utc_days, old_times, repeats, null_words, float_ids, skipped_files
    #[arg(long, value_name = "CODES", value_delimiter = ',', value_parser = WarningCode::parse)]
    no_warn: Vec<WarningCode>,
}

impl Warnings {
    /// Settings with these flags.
    pub(super) fn set(self, settings: Settings) -> Settings {
        Settings {
            allow_unused: self.allow_unused,
            no_warn: self.no_warn,
            ..settings
        }
    }
}

/// What must not be so of the metrics.
#[derive(Args, Debug)]
#[command(next_help_heading = "Output")]
pub(super) struct Gates {
    /// Publish nothing, and exit with 3, if this is so of what was made, such as
    /// 'zero_history_pct>0.5', 'missing_days(clicks)>0', 'landed_late>0', or of it against another set,
    /// 'rows_vs(training)<0.8'; may be repeated. Takes any single number of _metrics.json by its name
    #[arg(long, value_name = "METRIC<NUMBER")]
    fail_if: Vec<String>,
}

impl Gates {
    /// Settings with these flags.
    pub(super) fn set(self, settings: Settings) -> Settings {
        Settings {
            fail_if: self.fail_if,
            ..settings
        }
    }
}

/// Where the output goes, if it is laid out by days.
#[derive(Args, Debug)]
#[command(next_help_heading = "Output")]
pub(super) struct Place {
    /// The folder to make [alias: --output]
    #[arg(
        long,
        value_name = "OUT",
        alias = "output",
        required_unless_present = "job"
    )]
    out: Option<PathBuf>,
    /// Replace OUT, if this program made it
    #[arg(long, conflicts_with = "add_days")]
    overwrite: bool,
    /// Add days to OUT
    #[arg(long)]
    add_days: bool,
    /// What becomes of days that OUT has already, with --add-days
    #[arg(long, value_enum, default_value = "error", requires = "add_days")]
    if_exists: IfExists,
}

impl Reading {
    /// Settings with these flags.
    pub(super) fn set(self, settings: Settings) -> Settings {
        let lists = self.files_from.into_iter();
        Settings {
            files_from: lists
                .map(|(source, list)| (source, PathBuf::from(list)))
                .collect(),
            format: self.format,
            columns: self.columns,
            time_unit: self.time_unit,
            null_values: self.null_values,
            timezone: self.timezone,
            ..settings
        }
    }
}

impl Days {
    /// Settings with these flags.
    pub(super) fn set(self, settings: Settings) -> Settings {
        Settings {
            from: self.date.or(self.from),
            to: self.date.or(self.to),
            ..settings
        }
    }
}

impl BadRows {
    /// Settings with these flags.
    pub(super) fn set(self, settings: Settings) -> Settings {
        Settings {
            on_bad_row: self.on_bad_row,
            bad_rows_max: self.max_bad_rows,
            ..settings
        }
    }
}

impl Place {
    /// Settings with these flags.
    pub(super) fn set(self, settings: Settings) -> Settings {
        Settings {
            publish: match (self.overwrite, self.add_days) {
                (true, _) => Publish::Overwrite,
                (false, true) => Publish::AddDays(self.if_exists),
                (false, false) => Publish::New,
            },
            out: self.out.unwrap_or_default(),
            ..settings
        }
    }
}
