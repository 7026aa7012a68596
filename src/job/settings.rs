//! What a user may ask for: plain data, with SPEC's defaults. Nothing here is checked.

use std::path::PathBuf;
use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

use super::ask::{Ask, Dwell, Features, Sequences};
use crate::ids::Day;
use crate::options::json::renamed;
use crate::options::{
    AttributeColumn, Codec, CustomerType, Dedup, Format, JobKind, OnBadRow, Publish, Source,
    TimeUnit, WarningCode,
};

/// Everything a user may ask for; [`Settings::default`] has SPEC's defaults. Serde has what manifests
/// tell of settings, by the names of manifests.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// What is asked.
    #[serde(skip)]
    pub ask: Ask,
    /// The folder of all sources, or `None` if they are named one by one.
    #[serde(skip)]
    pub dir: Option<PathBuf>,
    /// Sources by path: files, folders or globs; of each as many as there are.
    #[serde(skip)]
    pub paths: Vec<(Source, String)>,
    /// Sources by a file that lists their paths, a line each.
    #[serde(skip)]
    pub files_from: Vec<(Source, PathBuf)>,
    /// The folder to make.
    #[serde(skip)]
    pub out: PathBuf,
    /// How it comes to its place.
    #[serde(skip)]
    pub publish: Publish,
    /// Which repeated actions are left out; of clicks and events,
    /// none or exact repeats.
    pub dedup: Dedup,
    /// The first impression day, or `None` for no bound.
    #[serde(skip)]
    pub from: Option<Day>,
    /// The last impression day, or `None` for no bound.
    #[serde(skip)]
    pub to: Option<Day>,
    /// The impression days, and no others, or none for all within the bounds.
    #[serde(skip)]
    pub days: Vec<Day>,
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
    /// The compression of the output.
    pub codec: Codec,
    /// Threads to work with, at least 1.
    #[serde(skip)]
    pub threads: usize,
    /// Where to put what memory has no room for; next to the output if not given.
    #[serde(skip)]
    pub temp_dir: Option<PathBuf>,
    /// What tests vary.
    #[doc(hidden)]
    #[serde(skip)]
    pub tuning: Tuning,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            ask: Sequences::default().into(),
            dir: None,
            paths: Vec::new(),
            files_from: Vec::new(),
            out: PathBuf::new(),
            publish: Publish::New,
            dedup: Dedup::None,
            from: None,
            to: None,
            days: Vec::new(),
            timezone: None,
            columns: Vec::new(),
            time_unit: None,
            customer_type: None,
            format: None,
            null_values: Vec::new(),
            on_bad_row: OnBadRow::Error,
            bad_rows_max: 10_000,
            allow_unused: false,
            no_warn: Vec::new(),
            fail_if: Vec::new(),
            codec: Codec::Zstd,
            threads: 1,
            temp_dir: None,
            tuning: Tuning::default(),
        }
    }
}

/// What tests vary, to have every path of the code with little data.
#[doc(hidden)]
#[derive(Clone, Debug)]
pub struct Tuning {
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

impl Default for Tuning {
    fn default() -> Tuning {
        Tuning {
            partition_bits: None,
            wave_rows_min: 1 << 22,
            text_piece_bytes: 1 << 20,
            encode_plain: false,
            page_bytes_max: 1 << 20,
        }
    }
}

/// Declares how the options of a job kind are got at.
macro_rules! options_of {
    ($job_kind:literal, $own:ident, $get:ident, $get_mut:ident) => {
        #[doc = concat!("The options of `", $job_kind, "`; for another job the defaults.")]
        pub fn $get(&self) -> &$own {
            static AT_REST: LazyLock<$own> = LazyLock::new($own::default);
            match &self.ask {
                Ask::$own(own) => own,
                _ => &AT_REST,
            }
        }

        #[doc = concat!("The options of `", $job_kind, "`, to change; this is what is asked from then on.")]
        pub fn $get_mut(&mut self) -> &mut $own {
            if !matches!(self.ask, Ask::$own(_)) {
                self.ask = $own::default().into();
            }
            match &mut self.ask {
                Ask::$own(own) => own,
                _ => unreachable!("it was set above"),
            }
        }
    };
}

impl Settings {
    options_of!("sequences", Sequences, sequences, sequences_mut);
    options_of!("features", Features, features, features_mut);
    options_of!("dwell", Dwell, dwell, dwell_mut);

    /// Which job kind is asked.
    pub fn kind(&self) -> JobKind {
        match self.ask {
            Ask::Sequences(_) => JobKind::Sequences,
            Ask::Features(_) => JobKind::Features,
            Ask::Dwell(_) => JobKind::Dwell,
        }
    }

    /// The IANA name of the zone of days and of wall times.
    pub fn zone_name(&self) -> &str {
        self.timezone.as_deref().unwrap_or("UTC")
    }

    /// The sources that there are, in the order in which they are read and reported.
    pub fn sources(&self) -> Vec<Source> {
        match self.kind() {
            JobKind::Sequences => {
                let actions = self.sequences().actions.iter().map(|of| of.source);
                [Source::Impressions].into_iter().chain(actions).collect()
            }
            other => other.sources().to_vec(),
        }
    }

    /// The columns of actions that are told beside items and types, in their order.
    pub(crate) fn attribute_columns(&self) -> impl ExactSizeIterator<Item = &AttributeColumn> {
        self.sequences().attribute_columns()
    }
}
