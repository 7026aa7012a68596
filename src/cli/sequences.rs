//! Flags of `sequences`.

use std::path::PathBuf;

use clap::Args;
use hitherto::{
    Attribute, Codec, CustomerType, Cutoff, Dedup, Guests, ItemType, ItemVocabulary, Layout,
    NullLabel, Passthrough, Settings, Source, UnknownItem,
};

use crate::cli::choices::usual_action;
use crate::cli::flags::{
    BadRowArgs, DayArgs, GateArgs, InputArgs, OutputArgs, RunArgs, ShardArgs, WarningArgs,
};
use crate::cli::job::{JobFile, with_file};
use crate::cli::values::{
    HistoryLength, Lookback, by_column, column_text, duration, history_length, lookback, renamed,
    source_duration, source_name, source_pair,
};

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

  One of 64 machines, and the set when all are done:
    hitherto sequences shop --out shards --shard 7/64
    hitherto finalize shards --out training

  Any log, with types of its own, from a job file (`hitherto job init FOLDER` writes a first one):
    hitherto sequences --job job.toml --out training

  Logs with other names, orders known a day late:
    hitherto sequences --impressions 'log/imp-*.csv.gz' --clicks log/clicks.ndjson \\
      --columns clicks.customer_id=user,clicks.item_id=sku --embargo orders=1d \\
      --orders warehouse/orders --out training

Exit codes: 0 done, 2 usage, 3 a gate (--fail-if) failed, 65 bad data, 66 no such input,
70 internal fault, 73 output exists or cannot be made, 74 I/O, 130 and 143 interrupted.";

/// Flags of `sequences`. clap takes the description of the command from `args::Command`.
#[derive(Args, Debug)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct SequencesArgs {
    /// Folder with the four sources
    #[arg(value_name = "DIR")]
    dir: Option<PathBuf>,
    #[command(flatten)]
    sources: SequencesSourceArgs,
    #[command(flatten)]
    input: InputArgs,
    #[command(flatten)]
    days: DayArgs,
    #[command(flatten)]
    history: HistoryArgs,
    #[command(flatten)]
    sampling: SamplingArgs,
    #[command(flatten)]
    missing: MissingValueArgs,
    #[command(flatten)]
    bad_rows: BadRowArgs,
    #[command(flatten)]
    warnings: WarningArgs,
    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten)]
    gates: GateArgs,
    #[command(flatten)]
    rows: RowArgs,
    #[command(flatten)]
    run: RunArgs,
}

/// The sources of `sequences`, and the ids in them.
#[derive(Args, Debug)]
#[command(next_help_heading = "Input")]
struct SequencesSourceArgs {
    /// Impressions: a file, a folder, a glob, or - for standard input
    #[arg(long, value_name = "PATH")]
    impressions: Option<String>,
    /// The source of actions whose rows are the impressions, such as orders: of each row the item is the
    /// sample, and its time is the cutoff, so that it is not in its own history. Labels are null, unless
    /// --columns impressions.is_order=COLUMN names some [default: impressions have files of their own]
    #[arg(long, value_name = "SOURCE", value_parser = source_name, conflicts_with = "impressions")]
    impressions_from: Option<Source>,
    /// Of that source, the rows that are impressions: those with this text in this column, such as
    /// event=purchase; may be repeated, for another text or another column
    #[arg(long, value_name = "COLUMN=TEXT", value_parser = column_text, requires = "impressions_from")]
    impressions_where: Vec<(String, String)>,
    /// Clicks: a file, a folder, a glob, or - for standard input
    #[arg(long, value_name = "PATH")]
    clicks: Option<String>,
    /// Add-to-carts: a file, a folder or a glob [alias: --add-to-carts]
    #[arg(long, value_name = "PATH", alias = "add-to-carts")]
    carts: Option<String>,
    /// Orders: a file, a folder or a glob [alias: --previous-orders]
    #[arg(long, value_name = "PATH", alias = "previous-orders")]
    orders: Option<String>,
    /// Sources of actions to do without, comma-separated
    #[arg(long, value_name = "SOURCE", value_delimiter = ',', value_parser = usual_action())]
    without: Vec<Source>,
    /// Type of customer ids [default: as in the files; int64 for text files]
    #[arg(long, value_enum, value_name = "TYPE")]
    customer_type: Option<CustomerType>,
    /// Type of item ids, in the files and in the output
    #[arg(long, value_enum, value_name = "TYPE", default_value = "int32")]
    item_type: ItemType,
    /// Item ids are texts, and the output has codes from 1 for them. build gives a code to each item
    /// of the inputs. FILE.parquet (columns item, code) has codes, which stay as they are; new items
    /// get the codes after them. OUT/_vocabulary.parquet has all codes, and --add-days extends it
    /// [default: item ids are integers]
    #[arg(long, value_name = "build|FILE", value_parser = ItemVocabulary::parse)]
    item_vocabulary: Option<ItemVocabulary>,
    /// What to do with items that the FILE of --item-vocabulary lacks
    #[arg(
        long,
        value_enum,
        value_name = "CHOICE",
        default_value = "index",
        requires = "item_vocabulary"
    )]
    unknown_item: UnknownItem,
    /// How long after it happened an action may land in a dt= folder, such as 2d (units s m h d).
    /// Later folders are not read: you guarantee that no action lands later, and one that does is lost
    /// [default: no limit]
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    max_lateness: Option<i64>,
}

/// What a history is.
#[derive(Args, Debug)]
#[command(next_help_heading = "History")]
struct HistoryArgs {
    /// The cutoff of an impression; an action is prior if it is strictly earlier
    #[arg(long, value_enum, default_value = "day")]
    cutoff: Cutoff,
    /// Calendar days before the cutoff that a history reaches back; or calendar years, such as 1y, from
    /// 29 February to 28 February; none for no limit [alias: --lookback]
    #[arg(
        long,
        value_name = "DAYS",
        default_value = "365",
        value_parser = lookback,
        alias = "lookback"
    )]
    lookback_days: Lookback,
    /// Length of a history: the newest prior actions, at most this many, 1 to 65536; all, which is the
    /// default of --layout timeline, for no limit [alias: --max-seq]
    #[arg(
        long,
        value_name = "COUNT",
        default_value = "1000",
        default_value_if("layout", "timeline", "all"),
        value_parser = history_length,
        alias = "max-seq"
    )]
    max_actions: HistoryLength,
    /// Lists to add to a history, aligned with its actions and padded alike: time_delta, the seconds
    /// to the cutoff; time, the seconds from 1970 to the action; and columns of the actions, such as
    /// price,quantity:int32. Their types are those of the Parquet files; in text files they are float32,
    /// unless NAME:TYPE says int32
    #[arg(long, value_name = "LISTS", value_delimiter = ',', value_parser = Attribute::parse)]
    with: Vec<Attribute>,
    /// Write histories at their true length [default: pad them with 0 to --max-actions]
    #[arg(long)]
    no_pad: bool,
    /// Write the oldest action of a history first, as models do that read from left to right; padding stays
    /// behind. Slow with --layout sample; take request [default: the newest first]
    #[arg(long)]
    oldest_first: bool,
    /// The column that says when actions became known, such as clicks=ingested_at; an action is then
    /// prior only if this time, too, is before the cutoff; may be repeated. SOURCE=dt is the day on
    /// which an action landed, by the folder dt=2025-08-15 of its file or else by its column dt; it is
    /// known when that day is over. Without this flag the day of landing changes no row; _metrics.json
    /// counts as landed_late the actions that landed on or after the day of their impression (of its
    /// cutoff, with --cutoff time)
    #[arg(long, value_name = "SOURCE=COLUMN", value_parser = source_pair, value_delimiter = ',')]
    available: Vec<(Source, String)>,
    /// How long after it happened an action becomes known, such as orders=1d (units s m h d); may be
    /// repeated
    #[arg(
        long,
        value_name = "SOURCE=DURATION",
        value_parser = source_duration,
        value_delimiter = ','
    )]
    embargo: Vec<(Source, i64)>,
}

/// Which actions and samples count, and which columns go with them.
#[derive(Args, Debug)]
#[command(next_help_heading = "Selection")]
struct SamplingArgs {
    /// Only actions of these types, such as 1,3 (1 clicks, 2 add-to-carts, 3 orders) [default: all]
    #[arg(long, value_name = "TYPES", value_delimiter = ',')]
    types: Vec<u8>,
    /// Which repeated actions to leave out of histories; older actions take their places, and
    /// reading never stops early
    #[arg(long, value_enum, default_value = "none")]
    dedup: Dedup,
    /// Keep only this share of the negatives (samples whose is_order is false), such as 0.1, and all
    /// other samples. Adds the column weight: 1 / RATE for negatives, 1 for others [default: all
    /// samples, without weights]
    #[arg(long, value_name = "RATE")]
    negatives_sample: Option<f64>,
    /// Seed of --negatives-sample: another number keeps other negatives
    #[arg(
        long,
        value_name = "NUMBER",
        default_value_t = 0,
        requires = "negatives_sample"
    )]
    seed: u64,
    /// Columns of the impressions to copy to the output, such as surface,item.is_click; item.NAME is a
    /// member of the elements of their array. In text files they are text, unless NAME:TYPE says int32,
    /// int64, double, string, boolean or timestamp
    #[arg(long, value_name = "NAMES", value_delimiter = ',', value_parser = Passthrough::parse)]
    keep: Vec<Passthrough>,
}

/// What becomes of impressions and items that lack a value.
#[derive(Args, Debug)]
#[command(next_help_heading = "Data quality")]
struct MissingValueArgs {
    /// What to do with impressions without a customer
    #[arg(long, value_enum, default_value = "drop")]
    guests: Guests,
    /// Customer ids that mean "no customer", such as 0,-1
    #[arg(
        long,
        value_name = "IDS",
        value_delimiter = ',',
        allow_hyphen_values = true
    )]
    guest_ids: Vec<String>,
    /// What to do with items without a label
    #[arg(long, value_enum, default_value = "keep")]
    null_label: NullLabel,
    /// Read no labels, such as of sets to be scored: is_order is null in all rows
    #[arg(long, conflicts_with = "null_label")]
    no_labels: bool,
}

/// The shape of the rows, and how they are stored.
#[derive(Args, Debug)]
#[command(next_help_heading = "Output")]
struct RowArgs {
    /// What a row is: an item shown (sample), an impression with its items as lists (request), or an
    /// impression with the place of its history in the timeline of its customer, which is stored once
    /// (timeline)
    #[arg(long, value_enum, default_value = "sample")]
    layout: Layout,
    /// Other names for columns of the output, such as actions=uih_item_id,time=uih_time
    #[arg(long, value_name = "COLUMN=NAME", value_delimiter = ',', value_parser = renamed)]
    rename: Vec<(String, String)>,
    /// Compression of the Parquet files
    #[arg(long, value_enum, default_value = "zstd")]
    codec: Codec,
    /// Rows of a row group, at most
    #[arg(long, value_name = "COUNT", default_value_t = 16_384)]
    row_group_rows: u32,
    /// Rows of a part, at most; a part is one file, of as many row groups as fit
    #[arg(long, value_name = "COUNT", default_value_t = 262_144)]
    part_rows: u32,
    /// Deal customers to so many shards by their hash, 1 to 65536, and make each a part of its own,
    /// part-00000 for the first. The parts are the same as those of --shard on several machines [default:
    /// parts of --part-rows]
    #[arg(long, value_name = "COUNT", conflicts_with = "part_rows")]
    shards: Option<u32>,
    #[command(flatten)]
    shard: ShardArgs,
}

impl RowArgs {
    /// Sets what these flags say.
    fn apply(self, settings: &mut Settings) {
        let own = settings.sequences_mut();
        own.layout = self.layout;
        own.rename = self.rename;
        own.row_group_rows_max = self.row_group_rows;
        own.part_rows_max = self.part_rows;
        own.shards = self.shards;
        settings.codec = self.codec;
        self.shard.apply(settings);
    }
}

impl SequencesArgs {
    /// How to run, and the settings that the flags ask for.
    pub(crate) fn into_settings(self, file: Option<&JobFile>) -> (RunArgs, Settings) {
        let SequencesArgs {
            sources,
            history,
            sampling,
            missing,
            rows,
            ..
        } = self;
        let paths = [
            (Source::Impressions, sources.impressions),
            (Source::Clicks, sources.clicks),
            (Source::Carts, sources.carts),
            (Source::Orders, sources.orders),
        ];
        let paths = paths
            .into_iter()
            .filter_map(|(source, path)| Some((source, path?)));
        let (lookback_days, lookback_years) = match history.lookback_days {
            Lookback::None => (None, None),
            Lookback::Days(days) => (Some(days), None),
            Lookback::Years(years) => (None, Some(years)),
        };
        let own = hitherto::Sequences {
            impressions_from: sources.impressions_from,
            impressions_where: by_column(sources.impressions_where),
            no_labels: missing.no_labels,
            without: sources.without,
            cutoff: history.cutoff,
            lookback_days,
            lookback_years,
            available: history.available,
            embargo_us: history.embargo,
            types: sampling.types,
            actions_max: history.max_actions.0,
            attributes: history.with,
            pad: !history.no_pad,
            oldest_first: history.oldest_first,
            guests: missing.guests,
            guest_ids: missing.guest_ids,
            null_label: missing.null_label,
            negatives_rate: sampling.negatives_sample,
            seed: sampling.seed,
            keep: sampling.keep,
            item_type: sources.item_type,
            item_vocabulary: sources.item_vocabulary,
            unknown_item: sources.unknown_item,
            lateness_max_us: sources.max_lateness,
            // What remains is the list of action sources, which only a job file can declare.
            ..hitherto::Sequences::default()
        };
        let mut settings = Settings {
            ask: own.into(),
            dir: self.dir,
            paths: paths.collect(),
            customer_type: sources.customer_type,
            dedup: sampling.dedup,
            ..Settings::default()
        };
        self.input.apply(&mut settings);
        self.days.apply(&mut settings);
        self.bad_rows.apply(&mut settings);
        self.warnings.apply(&mut settings);
        self.output.apply(&mut settings);
        rows.apply(&mut settings);
        let mut run = self.run;
        self.gates.apply(&mut settings, &mut run);
        // Last, as the file only says what the flags leave open.
        (run, with_file(file, settings))
    }
}
