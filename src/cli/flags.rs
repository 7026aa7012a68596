//! Flags that several subcommands share, and what they set.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use hitherto::{
    Day, Format, IfExists, OnBadRow, Publish, Settings, Shard, ShardHolds, Source, SourceSettings,
    TimeUnit, WarningCode, source_setting,
};

use crate::cli::values::{day, size, source_pair};

/// How a command runs that reads or makes logs.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Running")]
pub(crate) struct RunArgs {
    /// Number of threads, at most two for each core; a higher number counts as that [default: all cores]
    #[arg(long, value_name = "COUNT")]
    pub(crate) threads: Option<usize>,
    /// Limit of the memory that is accounted for, such as 4GiB; actions, clicks and events that do
    /// not fit spill to --temp-dir [default: 70 % of what the machine or cgroup has]
    #[arg(long, value_name = "SIZE", value_parser = size)]
    pub(crate) memory: Option<u64>,
    /// Folder for spilled data; it must exist [default: next to the output]
    #[arg(long, value_name = "DIR")]
    pub(crate) temp_dir: Option<PathBuf>,
    /// Write nothing but errors to standard error
    #[arg(long)]
    pub(crate) quiet: bool,
    /// How progress is written to standard error. json is for programs: a line such as
    /// {"progress":{"stage":"read actions","done":3,"total":9,"rows_read":120,"rows_written":0}} ten times
    /// a second
    #[arg(long, value_enum, value_name = "STYLE", default_value = "auto")]
    pub(crate) progress: ProgressStyle,
    /// End when the process ends that started this one, as if by SIGTERM: for programs, which may be killed
    #[arg(long, hide = true)]
    pub(crate) with_parent: bool,
    /// Print statistics of the run on standard output, in this format
    #[arg(long, value_name = "FORMAT")]
    pub(crate) stats: Option<StatsFormat>,
    /// Where to copy the metrics of the set. Jobs set it, by `--metrics-json` among their flags of output.
    #[arg(skip)]
    pub(crate) metrics_copy: Option<PathBuf>,
}

/// How progress is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum ProgressStyle {
    /// A bar on a terminal, else a line for each stage.
    #[default]
    Auto,
    /// JSON, an object a line.
    Json,
}

/// The format of statistics.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum StatsFormat {
    /// One JSON object.
    Json,
}

/// How a command runs that reads a published set.
#[derive(Args, Debug)]
#[command(next_help_heading = "Running")]
pub(crate) struct CheckArgs {
    /// Number of threads, at most two for each core; a higher number counts as that [default: all cores]
    #[arg(long, value_name = "COUNT")]
    threads: Option<usize>,
    /// Write nothing but errors to standard error
    #[arg(long)]
    quiet: bool,
}

impl From<CheckArgs> for RunArgs {
    fn from(args: CheckArgs) -> RunArgs {
        RunArgs {
            threads: args.threads,
            quiet: args.quiet,
            ..RunArgs::default()
        }
    }
}

/// How the files of a job are read.
#[derive(Args, Debug)]
#[command(next_help_heading = "Input")]
pub(super) struct InputArgs {
    // Not read from here: `job/read` takes it from the matches of a first, lenient parse.
    /// A job file, or the _manifest.json of a set to make again; its keys are these flags, and a flag
    /// on the command line wins
    #[arg(long, value_name = "FILE")]
    job: Option<PathBuf>,
    /// A file that lists the paths of a source, one on each line; may be repeated. Files of Delta,
    /// Iceberg and Hudi tables are refused: export their rows with an engine that reads the table
    #[arg(long, value_name = "SOURCE=LIST", value_parser = source_pair)]
    files_from: Vec<(Source, String)>,
    /// Format of all files [default: detected from content and name]
    #[arg(long, value_enum, value_name = "FORMAT")]
    format: Option<Format>,
    /// Names of columns in the files: what is called NAME here is called COLUMN there; may be
    /// repeated. Impressions whose items are a list of ids may have a column labels (a list of as many
    /// labels), or clicked (a list of the ids that were clicked)
    #[arg(
        long,
        value_name = "SOURCE.NAME=COLUMN",
        value_parser = hitherto::renamed_column,
        value_delimiter = ','
    )]
    columns: Vec<(Source, String, String)>,
    /// How the files of one source are read, if not as the other flags here say; may be repeated. The
    /// keys are format, time_unit, time_format, timezone (of its times without an offset), null_values, day_from
    /// (where paths tell a day, such as {year}/{month}/{day}), explode (the column of lists whose elements are
    /// rows), of CSV delimiter, header (the columns of files without one), escape and comment, and of impressions
    /// and lists in texts item_separator and label_separator
    #[arg(long, value_name = "SOURCE.KEY=VALUE", value_parser = source_setting)]
    source: Vec<(Source, SourceSettings)>,
    /// Unit of times that are integers; required for such times, as it is never guessed. A unit in
    /// which no time of a column is plausible is refused
    #[arg(long, value_enum, value_name = "UNIT")]
    time_unit: Option<TimeUnit>,
    /// Format of times that are text, such as '%d/%m/%Y %H:%M', as strptime has it: %Y %m %d %H %M %S,
    /// %I %p, %b, %y, %z, %.f for a fraction. Times that are unambiguous are read without it, and beside
    /// it
    #[arg(long, value_name = "FORMAT")]
    time_format: Option<String>,
    /// Words in the files that mean null, such as NULL,\N; may be repeated. Texts are compared whole
    /// and in exact case: in CSV and JSON every text that is read, in Parquet the text columns among
    /// ids, times, items, types and copied columns. '' is the empty text; numbers of JSON are not
    /// compared. Without this flag, null is an empty field of CSV, null of JSON, null of Parquet and,
    /// for ids and times, an empty text of JSON
    #[arg(
        long,
        value_name = "WORDS",
        value_delimiter = ',',
        allow_hyphen_values = true
    )]
    null_values: Vec<String>,
    /// Time zone of days, and of times without an offset, by its IANA name [default: UTC]. Required,
    /// also for UTC, if other times of the inputs have an offset or are instants otherwise
    #[arg(long, value_name = "ZONE")]
    timezone: Option<String>,
}

impl InputArgs {
    /// Sets what these flags say.
    pub(super) fn apply(self, settings: &mut Settings) {
        let lists = self.files_from.into_iter();
        let lists = lists.map(|(source, list)| (source, PathBuf::from(list)));
        settings.files_from = lists.collect();
        settings.format = self.format;
        settings.columns = self.columns;
        for (source, own) in &self.source {
            settings.add_source_settings(*source, own);
        }
        settings.time_unit = self.time_unit;
        settings.time_format = self.time_format;
        settings.null_values = self.null_values;
        settings.timezone = self.timezone;
    }
}

/// Which days of impressions become rows.
#[derive(Args, Debug)]
#[command(next_help_heading = "Input")]
pub(super) struct DayArgs {
    /// Only impressions of this day, YYYY-MM-DD [default: every day]
    #[arg(long, value_name = "DAY", value_parser = day, conflicts_with_all = ["from", "to"])]
    date: Option<Day>,
    /// Only impressions from this day on
    #[arg(long, value_name = "DAY", value_parser = day)]
    from: Option<Day>,
    /// Only impressions up to this day, inclusive
    #[arg(long, value_name = "DAY", value_parser = day)]
    to: Option<Day>,
    /// Only impressions of this many days, up to the newest one that has impressions. Impressions are
    /// read twice, unless they lie in dt= folders
    #[arg(long, value_name = "COUNT", conflicts_with_all = ["date", "from", "to"])]
    last_days: Option<u32>,
}

impl DayArgs {
    /// Sets what these flags say.
    pub(super) fn apply(self, settings: &mut Settings) {
        settings.from = self.date.or(self.from);
        settings.to = self.date.or(self.to);
        settings.last_days = self.last_days;
    }
}

/// What becomes of rows that cannot be used.
#[derive(Args, Debug)]
#[command(next_help_heading = "Data quality")]
pub(super) struct BadRowArgs {
    /// What to do with a row that cannot be used; quarantine writes it with the reason to
    /// OUT/_quarantine
    #[arg(long, value_enum, default_value = "error")]
    on_bad_row: OnBadRow,
    /// Number of rows that may be quarantined; one more stops the run
    #[arg(long, value_name = "COUNT", default_value_t = 10_000)]
    max_bad_rows: u64,
}

impl BadRowArgs {
    /// Sets what these flags say.
    pub(super) fn apply(self, settings: &mut Settings) {
        settings.on_bad_row = self.on_bad_row;
        settings.bad_rows_max = self.max_bad_rows;
    }
}

/// Which findings about the inputs stop a run, or are reported.
#[derive(Args, Debug)]
#[command(next_help_heading = "Data quality")]
pub(super) struct WarningArgs {
    /// Publish even if no row of any source has an effect, or integer times are far from all others
    /// [default: exit with 65 and say why]
    #[arg(long)]
    allow_unused: bool,
    /// Warnings to silence, by their codes, comma-separated: unused_source, unmatched_listings,
    /// one_label, utc_days, old_times, repeats, null_words, float_ids, skipped_files
    #[arg(long, value_name = "CODES", value_delimiter = ',', value_parser = WarningCode::parse)]
    no_warn: Vec<WarningCode>,
}

impl WarningArgs {
    /// Sets what these flags say.
    pub(super) fn apply(self, settings: &mut Settings) {
        settings.allow_unused = self.allow_unused;
        settings.no_warn = self.no_warn;
    }
}

/// What becomes of the metrics: conditions on them that end the run, and a copy of them.
#[derive(Args, Debug)]
#[command(next_help_heading = "Output")]
pub(super) struct GateArgs {
    /// Publish nothing and exit with 3 if this condition holds for the metrics of the run, such as
    /// 'zero_history_pct>0.5', or if the metric is undefined, such as a share of nothing; may be
    /// repeated. METRIC is any single number of _metrics.json, METRIC_vs(PATH) for its ratio to that of
    /// another set, missing_days(SOURCE) or landed_late(SOURCE). The operators are <, <=, >, >=, ==
    /// and !=
    #[arg(long, value_name = "METRIC<NUMBER")]
    fail_if: Vec<String>,
    /// Where to copy _metrics.json when OUT is published: a path outside of OUT. If the copy cannot be
    /// written, the exit code is 74, and OUT stays
    #[arg(long, value_name = "PATH")]
    metrics_json: Option<PathBuf>,
}

impl GateArgs {
    /// Sets what these flags say.
    pub(super) fn apply(self, settings: &mut Settings, run: &mut RunArgs) {
        settings.fail_if = self.fail_if;
        run.metrics_copy = self.metrics_json;
    }
}

/// Which shard of a set is made.
#[derive(Args, Debug)]
#[command(next_help_heading = "Output")]
pub(super) struct ShardArgs {
    /// Make one shard of the set, such as 7/64: the eighth of 64, in OUT/shard-00007-of-00064. Each may be
    /// made on another machine; `hitherto finalize OUT` puts all of them together [default: the whole set]
    #[arg(long, value_name = "I/N", value_parser = Shard::parse, conflicts_with_all = ["add_days", "fail_if"])]
    shard: Option<Shard>,
    /// Whose rows the inputs of --shard hold
    #[arg(
        long,
        value_enum,
        value_name = "ROWS",
        default_value = "all",
        requires = "shard"
    )]
    shard_holds: ShardHolds,
}

impl ShardArgs {
    /// Sets what these flags say.
    pub(super) fn apply(self, settings: &mut Settings) {
        settings.shard = self.shard;
        settings.shard_holds = self.shard_holds;
    }
}

/// Where output in folders by day goes.
#[derive(Args, Debug)]
#[command(next_help_heading = "Output")]
pub(super) struct OutputArgs {
    /// The folder to make [alias: --output]
    #[arg(
        long,
        value_name = "OUT",
        alias = "output",
        required_unless_present = "job"
    )]
    out: Option<PathBuf>,
    /// Replace OUT as a whole, if this program made it with the same job
    #[arg(long, conflicts_with = "add_days")]
    overwrite: bool,
    /// Add the days of this run to OUT; its other days stay as they are
    #[arg(long)]
    add_days: bool,
    /// With --add-days: what to do with a day that OUT already has
    #[arg(long, value_enum, default_value = "error", requires = "add_days")]
    if_exists: IfExists,
}

impl OutputArgs {
    /// Sets what these flags say.
    pub(super) fn apply(self, settings: &mut Settings) {
        settings.publish = match (self.overwrite, self.add_days) {
            (true, _) => Publish::Overwrite,
            (false, true) => Publish::AddDays(self.if_exists),
            (false, false) => Publish::New,
        };
        // It is missing only if a job file is given that has none, which `Job::new` refuses.
        settings.out = self.out.unwrap_or_default();
    }
}
