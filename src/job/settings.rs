//! What a user may ask for: plain data, with SPEC's defaults. Nothing here is checked.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::ids::Day;
use crate::options::json::{pairs, renamed};
use crate::options::{
    ActionSource, Codec, CustomerType, Cutoff, Dedup, DivideBy, DwellMethod, Format, Guests,
    ItemType, ItemVocabulary, Keep, LabelKey, Layout, NullLabel, OnBadRow, Publish, Question, Side,
    SideColumn, Source, TimeUnit, UnknownItem, WarningCode,
};

/// Everything a user may ask for; [`Settings::default`] has SPEC's defaults. What belongs to some
/// questions only says so, and means nothing to the others. Serde has what manifests tell of them, by
/// the names of manifests.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// What is asked.
    #[serde(skip)]
    pub question: Question,
    /// The folder of all sources, or `None` if they are named one by one.
    #[serde(skip)]
    pub dir: Option<PathBuf>,
    /// Sources by path: files, folders or globs; of each as many as there are.
    #[serde(skip)]
    pub paths: Vec<(Source, String)>,
    /// Sources by a file that lists their paths, a line each.
    #[serde(skip)]
    pub files_from: Vec<(Source, PathBuf)>,
    /// The sources of actions that there are (`sequences`).
    #[serde(rename = "action_sources")]
    pub actions: Vec<ActionSource>,
    /// Actions to do without (`sequences`).
    pub without: Vec<Source>,
    /// The folder to make.
    #[serde(skip)]
    pub out: PathBuf,
    /// How it comes to its place.
    #[serde(skip)]
    pub publish: Publish,
    /// What the cutoff of an impression is.
    pub cutoff: Cutoff,
    /// Calendar days of history before the cutoff, or `None` for all.
    pub lookback_days: Option<u32>,
    /// Columns that say when an action was known.
    #[serde(with = "pairs")]
    pub available: Vec<(Source, String)>,
    /// Microseconds after which an action is known.
    #[serde(with = "pairs")]
    pub embargo_us: Vec<(Source, i64)>,
    /// The codes of actions that count (`sequences`); all, if none is named.
    pub types: Vec<u8>,
    /// Which repeated actions are left out (`sequences`); of clicks (`features`) and events (`dwell`),
    /// none or exact repeats.
    pub dedup: Dedup,
    /// The length of a history, 1 to 65,536.
    #[serde(rename = "max_actions")]
    pub actions_max: u32,
    /// What is told of each action beside its item and its type, in the order of columns
    /// (`sequences`).
    #[serde(rename = "with")]
    pub sides: Vec<Side>,
    /// Whether histories are padded to that length.
    pub pad: bool,
    /// The shape of the output.
    pub layout: Layout,
    /// The first impression day, or `None` for no bound.
    #[serde(skip)]
    pub from: Option<Day>,
    /// The last impression day, or `None` for no bound.
    #[serde(skip)]
    pub to: Option<Day>,
    /// The impression days, and no others, or none for all within the bounds.
    #[serde(skip)]
    pub days: Vec<Day>,
    /// What becomes of impressions without a customer.
    pub guests: Guests,
    /// Ids that mean "no customer".
    pub guest_ids: Vec<String>,
    /// What becomes of items without a label.
    pub null_label: NullLabel,
    /// The part of the negatives that is kept, above 0 and up to 1, or `None` for all, which then have
    /// no weights (`sequences`).
    #[serde(rename = "negatives_sample")]
    pub negatives_rate: Option<f64>,
    /// Chooses among samples of negatives of the same rate.
    pub seed: u64,
    /// Columns of impressions that are carried through, in the order of the output (`sequences`).
    pub keep: Vec<Keep>,
    /// The IANA name of the zone of days and of wall times; UTC if none is given, but then wall times and
    /// instants do not go together.
    pub timezone: Option<String>,
    /// Column names: source, our name, the files' name.
    #[serde(with = "renamed")]
    pub columns: Vec<(Source, String, String)>,
    /// The unit of times that are integers, or `None` if there are none.
    pub time_unit: Option<TimeUnit>,
    /// The type of ids of customers and users (`dwell`: of all ids), or `None`: the columns' own;
    /// for text files int64, but text for `dwell`.
    pub customer_type: Option<CustomerType>,
    /// The type of item ids.
    pub item_type: ItemType,
    /// Where the codes of items come from, if their ids are texts (`sequences`).
    pub item_vocabulary: Option<ItemVocabulary>,
    /// What becomes of items that a given vocabulary lacks.
    pub unknown_item: UnknownItem,
    /// The format of all inputs, or `None` to tell by content and name.
    #[serde(skip)]
    pub format: Option<Format>,
    /// Texts of the inputs that are null, whole and in exact case.
    pub null_values: Vec<String>,
    /// What becomes of a row that cannot be used.
    pub on_bad_row: OnBadRow,
    /// How many rows may be set aside.
    #[serde(rename = "max_bad_rows")]
    pub bad_rows_max: u64,
    /// Whether a set is published to which no row of any source came, or whose integer times fit no
    /// unit that the job says.
    pub allow_unused: bool,
    /// Warnings that are told nowhere.
    pub no_warn: Vec<WarningCode>,
    /// What must not be so of the metrics, such as `zero_history_pct>0.5`: then nothing is published.
    #[serde(skip)]
    pub fail_if: Vec<String>,
    /// How long after it happened an action may land, or `None` if nobody vouches for it.
    #[serde(rename = "max_lateness_us")]
    pub lateness_max_us: Option<i64>,
    /// The most rows of a row group.
    #[serde(rename = "row_group_rows")]
    pub row_group_rows_max: u32,
    /// The compression of the output.
    pub codec: Codec,
    /// Threads to work with, at least 1.
    #[serde(skip)]
    pub threads: usize,
    /// Where to put what memory has no room for; next to the output if not given.
    #[serde(skip)]
    pub temp_dir: Option<PathBuf>,
    /// Partitions as a power of two, 0 to 12, or `None` to choose by size. Changes no byte.
    #[serde(skip)]
    pub partition_bits: Option<u8>,
    /// Rows of actions that are read, at least, before it is asked again who has enough. Changes
    /// no byte.
    #[serde(skip)]
    pub wave_rows_min: u64,
    /// Bytes of a piece of CSV or NDJSON, which one thread reads, at least 1. Changes no byte.
    #[serde(skip)]
    pub text_piece_bytes: usize,
    /// How the time on flyers is measured (`dwell`).
    #[serde(rename = "method")]
    pub dwell_method: DwellMethod,
    /// What a span is divided by (`dwell`).
    pub divide_by: DivideBy,
    /// The longest gap within a visit, in microseconds; a longer one ends it (`dwell`).
    pub idle_timeout_us: i64,
    /// Windows for prior counts, as they were named and in microseconds (`features`).
    #[serde(rename = "windows_us", with = "pairs")]
    pub windows: Vec<(String, i64)>,
    /// How long after an impression a click makes its label, in microseconds (`features`).
    pub label_window_us: i64,
    /// Which clicks those are (`features`).
    pub label_key: LabelKey,
    /// Up to when clicks are complete, as text, or `None` for the latest click (`features`).
    pub data_end: Option<String>,
    /// Whether histories are written through Arrow, even where they need not be. Changes bytes,
    /// never values.
    #[serde(skip)]
    pub encode_plain: bool,
    /// Decoded bytes of a page of histories, at most, unless one row is larger. Changes bytes,
    /// never values.
    #[serde(skip)]
    pub page_bytes_max: usize,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            question: Question::Sequences,
            dir: None,
            paths: Vec::new(),
            files_from: Vec::new(),
            actions: ActionSource::defaults(),
            without: Vec::new(),
            out: PathBuf::new(),
            publish: Publish::New,
            cutoff: Cutoff::Day,
            lookback_days: Some(365),
            available: Vec::new(),
            embargo_us: Vec::new(),
            types: Vec::new(),
            dedup: Dedup::None,
            actions_max: 1000,
            sides: Vec::new(),
            pad: true,
            layout: Layout::Sample,
            from: None,
            to: None,
            days: Vec::new(),
            guests: Guests::Drop,
            guest_ids: Vec::new(),
            null_label: NullLabel::Keep,
            negatives_rate: None,
            seed: 0,
            keep: Vec::new(),
            timezone: None,
            columns: Vec::new(),
            time_unit: None,
            customer_type: None,
            item_type: ItemType::Int32,
            item_vocabulary: None,
            unknown_item: UnknownItem::Index,
            format: None,
            null_values: Vec::new(),
            on_bad_row: OnBadRow::Error,
            bad_rows_max: 10_000,
            allow_unused: false,
            no_warn: Vec::new(),
            fail_if: Vec::new(),
            lateness_max_us: None,
            row_group_rows_max: 16_384,
            codec: Codec::Zstd,
            threads: 1,
            temp_dir: None,
            partition_bits: None,
            wave_rows_min: 1 << 22,
            text_piece_bytes: 1 << 20,
            dwell_method: DwellMethod::Span,
            divide_by: DivideBy::Events,
            idle_timeout_us: 30 * 60 * 1_000_000,
            windows: Vec::new(),
            label_window_us: 24 * 3_600 * 1_000_000,
            label_key: LabelKey::UserListing,
            data_end: None,
            encode_plain: false,
            page_bytes_max: 1 << 20,
        }
    }
}

impl Settings {
    /// The IANA name of the zone of days and of wall times.
    pub fn zone_name(&self) -> &str {
        self.timezone.as_deref().unwrap_or("UTC")
    }

    /// The sources that there are, in the order in which they are read and reported.
    pub fn sources(&self) -> Vec<Source> {
        match self.question {
            Question::Sequences => {
                let actions = self.actions.iter().map(|of| of.source);
                [Source::Impressions].into_iter().chain(actions).collect()
            }
            other => other.sources().to_vec(),
        }
    }

    /// The columns of actions that are told beside items and types, in their order.
    pub(crate) fn side_columns(&self) -> impl ExactSizeIterator<Item = &SideColumn> {
        let columns = self.sides.iter().filter_map(|side| match side {
            Side::TimeDelta => None,
            Side::Column(column) => Some(column),
        });
        columns.collect::<Vec<_>>().into_iter()
    }
}
