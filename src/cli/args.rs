//! The flags, as `--help` shows them.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use hitherto::{
    Attribute, Codec, CustomerType, Cutoff, ItemType, ItemVocabulary, Layout, Settings, Source,
    UnknownItem,
};

use crate::cli::choices::usual_action;
use crate::cli::chosen::{Chosen, Doubt};
use crate::cli::flags::{BadRows, Days, Gates, Place, Reading, Warnings};
use crate::cli::job::{JobFile, with_file};
use crate::cli::values::{Lookback, duration, lookback, size, source_duration, source_pair};

/// Turns raw event logs into point-in-time training data: for every moment at which a model
/// would have been asked, exactly what was known then, and nothing later.
#[derive(Debug, Parser)]
#[command(
    name = "hitherto",
    version,
    max_term_width = 100,
    arg_required_else_help = true
)]
pub(crate) struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What the program can do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// For every impression, the customer's last actions before it, as Parquet by day
    ///
    /// Reads DIR/impressions, DIR/clicks, DIR/add_to_carts and DIR/previous_orders (each a folder,
    /// or a file of that name: .parquet, .csv, .ndjson, .json, text also .gz or .zst), or the
    /// sources named one by one. Writes OUT/dt=YYYY-MM-DD/part-*.parquet; OUT appears complete, or
    /// not at all.
    Sequences(Box<Sequences>),
    /// For every impression, prior clicks and whether one followed, as Parquet by day
    ///
    /// Reads DIR/impressions, DIR/clicks and DIR/listings (each a folder, or a file of that name:
    /// .parquet, .csv, .ndjson, .json, text also .gz or .zst), or the sources named one by one.
    /// Writes exactly one row per impression to OUT/date=YYYY-MM-DD/part-*.parquet; OUT appears
    /// complete, or not at all.
    Features(Box<super::features::Features>),
    /// How long each user stayed on the flyers of each merchant, as CSV and Parquet
    ///
    /// Reads events with the columns timestamp, user_id, event, flyer_id and merchant_id from files
    /// (.parquet, .csv, .ndjson, .json, text also .gz or .zst), folders or globs. Writes
    /// OUT/user_merchant and OUT/merchant, each as .csv and .parquet; OUT appears complete, or not
    /// at all.
    Dwell(Box<super::dwell::Dwell>),
    /// Say what a job would make and take, and write nothing
    ///
    /// Takes a whole command line of `hitherto sequences`, `features` or `dwell` behind it. Reads the
    /// impressions, the footers and a sample of all else, and sorts and encodes a sample of the rows with
    /// the code of a run.
    Plan(super::plan::PlanArgs),
    /// Check that what a job published is whole, and that its rows are right
    ///
    /// Reads everything in OUT: that every file has the bytes, the columns and the counts that the
    /// manifests say, that nothing is missing and nothing is there that they do not name. Then the
    /// audit: rows are recomputed from the inputs by a second, naive path and compared value by value,
    /// and actions planted around real cutoffs must be kept or refused. Writes OUT/_audit.json.
    Verify(super::verify::Verify),
    /// Say of every action of a customer why it is in a history, or why not
    ///
    /// For an impression that `hitherto sequences` made rows of: every action of its customer, newest
    /// first, what became of it and why, and the file and record that it came from.
    Explain(super::explain::Explain),
    /// Show the first rows of what a job published
    ///
    /// Impressions as cards: what was shown, and the newest of the history that it was shown with,
    /// each item above its type. Of other jobs a table. Only the first rows are decoded.
    Head(super::head::HeadArgs),
    /// Make a page that shows what is in a set
    ///
    /// Reads OUT/_metrics.json and OUT/_manifest.json and writes OUT/_report.html: headline figures,
    /// lengths of histories, types of actions, labels, ages, bad rows, settings, each picture with a table.
    /// One page without scripts or network, for light and dark screens.
    Report(super::report::Report),
    /// Make synthetic logs, to try things out with
    ///
    /// Writes DIR/impressions, DIR/clicks, DIR/add_to_carts and DIR/previous_orders, each by day: a
    /// year of actions up to 2025-08-16, and impressions from that day on. Activity is lognormal
    /// over customers, one of them a bot; items follow a power law with personal taste; times are
    /// whole seconds, so there are ties. The same settings give the same bytes. For other questions
    /// there are subcommands.
    Generate(super::generate::Generate),
    /// Write and show job files
    ///
    /// A job file holds every setting of `hitherto sequences`, `features` or `dwell`, and any number of
    /// sources; `--job FILE` runs it. Its keys are the flags with _ for -, and its sources stand in
    /// [sources.NAME].
    #[command(subcommand)]
    Job(JobCommand),
    /// Print a completion script for a shell
    Completions {
        /// The shell
        shell: Shell,
    },
}

/// What can be done with job files.
#[derive(Debug, Subcommand)]
pub(crate) enum JobCommand {
    /// Write FOLDER/job.toml, with comments, from what lies in the folder
    ///
    /// Every file and folder in it is a source, with the format and the columns of its first file. What
    /// is guessed, types among it, stands below a comment that says so.
    Init {
        /// The folder
        #[arg(value_name = "FOLDER")]
        folder: PathBuf,
    },
    /// Print the job that a job file or a manifest makes, every setting with its value
    Show {
        /// The job file, or the _manifest.json of a set
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
}

/// Flags that every job has.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Running")]
pub(crate) struct Common {
    /// Threads to work with [default: all cores]
    #[arg(long, value_name = "COUNT")]
    pub(crate) threads: Option<usize>,
    /// Memory to work with, such as 4GiB; what has no room goes to --temp-dir for a while [default:
    /// 70 % of what the machine or cgroup has]
    #[arg(long, value_name = "SIZE", value_parser = size)]
    pub(crate) memory: Option<u64>,
    /// Folder for what does not fit in memory [default: next to the output]
    #[arg(long, value_name = "DIR")]
    pub(crate) temp_dir: Option<PathBuf>,
    /// Say nothing on standard error but errors
    #[arg(long)]
    pub(crate) quiet: bool,
    /// Print statistics of the run on standard output
    #[arg(long, value_name = "FORMAT")]
    pub(crate) stats: Option<Stats>,
}

/// The format of statistics.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Stats {
    /// One JSON object.
    Json,
}

/// The examples under `hitherto sequences --help`.
const EXAMPLES: &str = "\
Examples:
  A year of logs in shop/{impressions,clicks,add_to_carts,previous_orders}, one day of samples:
    hitherto sequences shop --out training --date 2025-08-15

  The nightly run, which adds yesterday and leaves what is there:
    hitherto sequences shop --out training --add-days --if-exists skip --date 2025-08-16

  Histories up to the second of the impression, one row per impression, days of Berlin:
    hitherto sequences shop --out training --cutoff time --layout request --timezone Europe/Berlin

  Histories of clicks and orders only:
    hitherto sequences shop --out training --types 1,3

  Any log, with types of its own, from a job file (`hitherto job init FOLDER` writes a first one):
    hitherto sequences --job job.toml --out training

  Logs with other names, orders known a day late:
    hitherto sequences --impressions 'log/imp-*.csv.gz' --clicks log/clicks.ndjson \\
      --columns clicks.customer_id=user,clicks.item_id=sku --embargo orders=1d \\
      --orders warehouse/orders --out training

Exit codes: 0 done, 2 usage, 3 a gate (--fail-if) failed, 65 bad data, 66 no such input,
70 internal fault, 73 output exists or cannot be made, 74 I/O, 130 and 143 interrupted.";

/// Flags of `sequences`; what it says of itself stands at [`Command`], where clap looks for it.
#[derive(Args, Debug)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct Sequences {
    /// The folder that holds the four sources
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
    /// What a history is.
    #[command(flatten)]
    history: HistoryArgs,
    /// Of what.
    #[command(flatten)]
    chosen: Chosen,
    /// What becomes of doubtful rows.
    #[command(flatten)]
    doubt: Doubt,
    /// What becomes of bad ones.
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
    /// Add-to-carts [alias: --add-to-carts]
    #[arg(long, value_name = "PATH", alias = "add-to-carts")]
    carts: Option<String>,
    /// Orders [alias: --previous-orders]
    #[arg(long, value_name = "PATH", alias = "previous-orders")]
    orders: Option<String>,
    /// Go without these actions, comma-separated
    #[arg(long, value_name = "SOURCE", value_delimiter = ',', value_parser = usual_action())]
    without: Vec<Source>,
    /// The type of customer ids [default: as in the files; int64 for text files]
    #[arg(long, value_enum, value_name = "TYPE")]
    customer_type: Option<CustomerType>,
    /// The type of item ids, read and written
    #[arg(long, value_enum, value_name = "TYPE", default_value = "int32")]
    item_type: ItemType,
    /// Item ids are texts, and codes from 1 in the output: build makes a vocabulary of the items that
    /// there are; the codes of FILE.parquet (columns item, code) stay, and new items follow. OUT has
    /// all in _vocabulary.parquet, which --add-days extends [default: item ids are integers]
    #[arg(long, value_name = "build|FILE", value_parser = ItemVocabulary::parse)]
    item_vocabulary: Option<ItemVocabulary>,
    /// Items that the FILE of --item-vocabulary lacks
    #[arg(
        long,
        value_enum,
        value_name = "CHOICE",
        default_value = "index",
        requires = "item_vocabulary"
    )]
    unknown_item: UnknownItem,
    /// How long after it happened an action may land in a dt= folder, such as 2d: later folders are
    /// not read; you vouch for it, and what lands later is lost
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    max_lateness: Option<i64>,
}

/// What a history is.
#[derive(Args, Debug)]
#[command(next_help_heading = "History")]
struct HistoryArgs {
    /// An action is prior if it is strictly earlier than: the start of the impression's day, or
    /// its impression_time
    #[arg(long, value_enum, default_value = "day")]
    cutoff: Cutoff,
    /// Calendar days before the cutoff that a history reaches back, or none for all
    #[arg(long, value_name = "DAYS", default_value = "365", value_parser = lookback)]
    lookback_days: Lookback,
    /// Actions of a history, at most: the newest, 1 to 65536 [alias: --max-seq]
    #[arg(long, value_name = "COUNT", default_value_t = 1000, alias = "max-seq")]
    max_actions: u32,
    /// Lists beside actions, aligned with them and padded alike: time_delta, the seconds to the
    /// cutoff, and columns of the actions, such as price,quantity:int32; Parquet tells their types, of
    /// text files they are float32 unless NAME:TYPE says int32
    #[arg(long, value_name = "LISTS", value_delimiter = ',', value_parser = Attribute::parse)]
    with: Vec<Attribute>,
    /// Write histories at their true length, without padding
    #[arg(long)]
    no_pad: bool,
    /// A column that says when an action was known, such as clicks=ingested_at; prior then needs
    /// both; may be repeated. SOURCE=dt: the day that it landed, by the folder dt=2025-08-15 of its file
    /// or else by its column dt, known when that day is over; without it the day of landing is not
    /// looked at, but for _metrics.json, which counts as landed_late what landed on or after the day of
    /// its impression (of its cutoff, with --cutoff time)
    #[arg(long, value_name = "SOURCE=COLUMN", value_parser = source_pair, value_delimiter = ',')]
    available: Vec<(Source, String)>,
    /// How long after it happened an action is known, such as orders=1d (units s m h d); may be
    /// repeated
    #[arg(
        long,
        value_name = "SOURCE=DURATION",
        value_parser = source_duration,
        value_delimiter = ','
    )]
    embargo: Vec<(Source, i64)>,
}

/// What to write.
#[derive(Args, Debug)]
#[command(next_help_heading = "Output")]
struct Output {
    /// A row for each item shown, or one for each impression with the items as a list
    #[arg(long, value_enum, default_value = "sample")]
    layout: Layout,
    /// Compression
    #[arg(long, value_enum, default_value = "zstd")]
    codec: Codec,
    /// Rows of a row group, at most
    #[arg(long, value_name = "COUNT", default_value_t = 16_384)]
    row_group_rows: u32,
}

impl Sequences {
    /// The settings that the flags ask for.
    pub(crate) fn into_settings(self, file: Option<&JobFile>) -> (Common, Settings) {
        let Sequences {
            input,
            history,
            output,
            ..
        } = self;
        let paths = [
            (Source::Impressions, input.impressions),
            (Source::Clicks, input.clicks),
            (Source::Carts, input.carts),
            (Source::Orders, input.orders),
        ];
        let paths = paths
            .into_iter()
            .filter_map(|(source, path)| Some((source, path?)));
        let own = hitherto::Sequences {
            without: input.without,
            cutoff: history.cutoff,
            lookback_days: history.lookback_days.0,
            available: history.available,
            embargo_us: history.embargo,
            actions_max: history.max_actions,
            attributes: history.with,
            pad: !history.no_pad,
            layout: output.layout,
            item_type: input.item_type,
            item_vocabulary: input.item_vocabulary,
            unknown_item: input.unknown_item,
            lateness_max_us: input.max_lateness,
            row_group_rows_max: output.row_group_rows,
            ..hitherto::Sequences::default()
        };
        let settings = Settings {
            dir: self.dir,
            paths: paths.collect(),
            customer_type: input.customer_type,
            codec: output.codec,
            dedup: self.chosen.dedup,
            ask: self.doubt.set(self.chosen.set(own)).into(),
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
