//! What a user may ask for: plain data, with SPEC's defaults. Nothing here is checked.

use std::path::PathBuf;

use crate::ids::{Day, Kind};

/// One of the inputs of `sequences`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Source {
    /// What was shown to whom.
    Impressions,
    /// Clicks on items.
    Clicks,
    /// Items put into carts.
    Carts,
    /// Items ordered.
    Orders,
}

impl Source {
    /// All of them, in the order in which they are read and reported.
    pub const ALL: [Source; 4] = [
        Source::Impressions,
        Source::Clicks,
        Source::Carts,
        Source::Orders,
    ];
    /// Those that are actions.
    pub const ACTIONS: [Source; 3] = [Source::Clicks, Source::Carts, Source::Orders];

    /// The name in flags and messages.
    pub fn name(self) -> &'static str {
        match self {
            Source::Impressions => "impressions",
            Source::Clicks => "clicks",
            Source::Carts => "carts",
            Source::Orders => "orders",
        }
    }

    /// The name of its folder or file below the input folder.
    pub fn folder(self) -> &'static str {
        match self {
            Source::Impressions => "impressions",
            Source::Clicks => "clicks",
            Source::Carts => "add_to_carts",
            Source::Orders => "previous_orders",
        }
    }

    /// The source of a name, or `None`.
    pub fn named(name: &str) -> Option<Source> {
        Source::ALL.into_iter().find(|source| source.name() == name)
    }

    /// The code of its actions.
    ///
    /// # Panics
    /// If the source holds no actions.
    pub(crate) fn kind(self) -> Kind {
        match self {
            Source::Impressions => panic!("impressions are not actions"),
            Source::Clicks => Kind::CLICK,
            Source::Carts => Kind::CART,
            Source::Orders => Kind::ORDER,
        }
    }

    /// The columns that may be renamed.
    pub fn columns(self) -> &'static [&'static str] {
        match self {
            Source::Impressions => &[
                "dt",
                "ranking_id",
                "customer_id",
                "impressions",
                "impression_time",
                "item_id",
                "is_order",
            ],
            Source::Clicks => &["customer_id", "item_id", "click_time"],
            Source::Carts => &["customer_id", "config_id", "occurred_at"],
            Source::Orders => &["customer_id", "config_id", "occurred_at", "order_date"],
        }
    }
}

/// What the cutoff of an impression is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cutoff {
    /// The start of its day.
    Day,
    /// Its `impression_time`.
    Time,
}

/// The shape of the output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// A row for each item shown.
    Sample,
    /// A row for each impression.
    Request,
}

/// What becomes of impressions without a customer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Guests {
    /// They are counted and left out.
    Drop,
    /// They are rows with an empty history.
    Empty,
}

/// What becomes of items without a label.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NullLabel {
    /// They are kept, without a label.
    Keep,
    /// They are left out.
    Drop,
    /// They are faults of their row.
    Error,
}

/// The unit of times that are integers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeUnit {
    /// Seconds.
    Second,
    /// Milliseconds.
    Milli,
    /// Microseconds.
    Micro,
    /// Nanoseconds.
    Nano,
}

/// The type of customer ids.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CustomerType {
    /// 64-bit integers.
    Int64,
    /// Text.
    String,
}

/// The type of item ids, in memory and in the output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ItemType {
    /// 1 to 2^31 − 1.
    Int32,
    /// 1 to 2^63 − 1.
    Int64,
}

/// A file format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Apache Parquet.
    Parquet,
    /// Comma-separated values with a header.
    Csv,
    /// One JSON object a line.
    Ndjson,
    /// One JSON array of objects a file.
    Json,
}

/// The compression of the output's pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Codec {
    /// Zstandard, level 1.
    Zstd,
    /// LZ4 blocks without a frame.
    Lz4Raw,
    /// Snappy.
    Snappy,
    /// No compression.
    None,
}

/// What becomes of a row that cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnBadRow {
    /// The run fails.
    Error,
    /// The row is set aside, with its reason, and the run goes on.
    Quarantine,
}

/// How the output comes to its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Publish {
    /// It must not exist.
    New,
    /// It replaces a whole folder that this program made.
    Overwrite,
    /// Its days are added to a folder that this program made.
    AddDays(IfExists),
}

/// What becomes of a day that the output has already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IfExists {
    /// The run fails before it reads an action.
    Error,
    /// The day stays as it is.
    Skip,
    /// The day is replaced.
    Replace,
}

/// Everything a user may ask of `sequences`; [`Settings::default`] has SPEC's defaults.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The folder of the four sources, or `None` if they are named one by one.
    pub dir: Option<PathBuf>,
    /// Sources by path: files, folders or globs.
    pub paths: Vec<(Source, String)>,
    /// Sources by a file that lists their paths, a line each.
    pub files_from: Vec<(Source, PathBuf)>,
    /// Actions to do without.
    pub without: Vec<Source>,
    /// The folder to make.
    pub out: PathBuf,
    /// How it comes to its place.
    pub publish: Publish,
    /// What the cutoff of an impression is.
    pub cutoff: Cutoff,
    /// Calendar days of history before the cutoff, or `None` for all.
    pub lookback_days: Option<u32>,
    /// Columns that say when an action was known.
    pub available: Vec<(Source, String)>,
    /// Microseconds after which an action is known.
    pub embargo_us: Vec<(Source, i64)>,
    /// The length of a history, 1 to 65,536.
    pub actions_max: u32,
    /// Whether histories are padded to that length.
    pub pad: bool,
    /// The shape of the output.
    pub layout: Layout,
    /// The first impression day, or `None` for no bound.
    pub from: Option<Day>,
    /// The last impression day, or `None` for no bound.
    pub to: Option<Day>,
    /// What becomes of impressions without a customer.
    pub guests: Guests,
    /// Ids that mean "no customer".
    pub guest_ids: Vec<String>,
    /// What becomes of items without a label.
    pub null_label: NullLabel,
    /// The IANA name of the zone of days and of wall times.
    pub timezone: String,
    /// Column names: source, our name, the files' name.
    pub columns: Vec<(Source, String, String)>,
    /// The unit of times that are integers, or `None` if there are none.
    pub time_unit: Option<TimeUnit>,
    /// The type of customer ids, or `None`: the columns' own, and int64 for text files.
    pub customer_type: Option<CustomerType>,
    /// The type of item ids.
    pub item_type: ItemType,
    /// The format of all inputs, or `None` to tell by content and name.
    pub format: Option<Format>,
    /// What becomes of a row that cannot be used.
    pub on_bad_row: OnBadRow,
    /// How many rows may be set aside.
    pub bad_rows_max: u64,
    /// How long after it happened an action may land, or `None` if nobody vouches for it.
    pub lateness_max_us: Option<i64>,
    /// The most rows of a row group.
    pub row_group_rows_max: u32,
    /// The compression of the output.
    pub codec: Codec,
    /// Threads to work with, at least 1.
    pub threads: usize,
    /// Where to put what memory has no room for; next to the output if not given.
    pub temp_dir: Option<PathBuf>,
    /// Partitions as a power of two, 0 to 12, or `None` to choose by size. Changes no byte.
    pub partition_bits: Option<u8>,
    /// Rows of actions that are read, at least, before it is asked again who has enough. Changes
    /// no byte.
    pub wave_rows_min: u64,
    /// Bytes of a piece of CSV or NDJSON, which one thread reads, at least 1. Changes no byte.
    pub text_piece_bytes: usize,
    /// Whether histories are written through Arrow, even where they need not be. Changes bytes,
    /// never values.
    pub encode_plain: bool,
    /// Decoded bytes of a page of histories, at most, unless one row is larger. Changes bytes,
    /// never values.
    pub page_bytes_max: usize,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            dir: None,
            paths: Vec::new(),
            files_from: Vec::new(),
            without: Vec::new(),
            out: PathBuf::new(),
            publish: Publish::New,
            cutoff: Cutoff::Day,
            lookback_days: Some(365),
            available: Vec::new(),
            embargo_us: Vec::new(),
            actions_max: 1000,
            pad: true,
            layout: Layout::Sample,
            from: None,
            to: None,
            guests: Guests::Drop,
            guest_ids: Vec::new(),
            null_label: NullLabel::Keep,
            timezone: "UTC".to_owned(),
            columns: Vec::new(),
            time_unit: None,
            customer_type: None,
            item_type: ItemType::Int32,
            format: None,
            on_bad_row: OnBadRow::Error,
            bad_rows_max: 10_000,
            lateness_max_us: None,
            row_group_rows_max: 16_384,
            codec: Codec::Zstd,
            threads: 1,
            temp_dir: None,
            partition_bits: None,
            wave_rows_min: 1 << 22,
            text_piece_bytes: 1 << 20,
            encode_plain: false,
            page_bytes_max: 1 << 20,
        }
    }
}
