//! The settings of a job, as plain data with defaults. Nothing is checked here; [`crate::Job::new`]
//! does that.

use std::path::PathBuf;
use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

use super::ask::{Ask, Dwell, Features, Sequences};
use crate::ids::Day;
use crate::options::json::{pairs, renamed};
use crate::options::{
    AttributeColumn, Codec, CustomerType, Dedup, Format, JobKind, OnBadRow, Publish, Shard,
    ShardHolds, Source, SourceSettings, TimeUnit, WarningCode, add_settings,
};

/// The settings of a job. [`Settings::default`] has the documented defaults.
///
/// Serde reads and writes the settings that manifests record, by their names in manifests.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// The job kind, and its own options.
    #[serde(skip)]
    pub ask: Ask,
    /// The folder of all sources, or `None` if they are named one by one.
    #[serde(skip)]
    // Skipped are settings that change no row, and those that manifests have elsewhere: inputs with
    // their formats, and days.
    pub dir: Option<PathBuf>,
    /// Paths of sources: files, folders or globs. A source may have several.
    #[serde(skip)]
    pub paths: Vec<(Source, String)>,
    /// Sources whose paths are listed in a file, one a line.
    #[serde(skip)]
    pub files_from: Vec<(Source, PathBuf)>,
    /// The folder of the output.
    #[serde(skip)]
    pub out: PathBuf,
    /// What happens if that folder exists.
    #[serde(skip)]
    pub publish: Publish,
    /// Which repeated actions are dropped. `features` and `dwell` drop none, or exact repeats.
    pub dedup: Dedup,
    /// The first impression day, or `None` for no bound.
    #[serde(skip)]
    pub from: Option<Day>,
    /// The last impression day, or `None` for no bound.
    #[serde(skip)]
    pub to: Option<Day>,
    /// How many days of impressions, up to the newest one, or `None` for all. There are no other bounds
    /// then.
    #[serde(skip)]
    pub last_days: Option<u32>,
    /// The impression days; if empty, all days within the bounds.
    #[serde(skip)]
    pub days: Vec<Day>,
    /// The IANA name of the zone of days and of wall times. Without it the zone is UTC, and inputs must
    /// not have both wall times and instants.
    pub timezone: Option<String>,
    /// Renamed columns: source, our name, the name in the files.
    #[serde(with = "renamed")]
    pub columns: Vec<(Source, String, String)>,
    /// How the files of single sources are read, each source once.
    #[serde(with = "pairs")]
    pub source_settings: Vec<(Source, SourceSettings)>,
    /// The unit of integer times; `None` if times are not integers.
    pub time_unit: Option<TimeUnit>,
    /// The format of times that are text, as strptime has it; `None` for the forms that are read anyway.
    pub time_format: Option<String>,
    /// The type of the ids of customers and users, and of all ids of `dwell`. `None` is the type of the
    /// column in Parquet files, and in text files int64, for `dwell` text.
    pub customer_type: Option<CustomerType>,
    /// The format of all inputs, or `None` to detect it by content and name.
    #[serde(skip)]
    pub format: Option<Format>,
    /// Values of text files that mean null. They match whole values, in exact case.
    pub null_values: Vec<String>,
    /// What happens to a bad row.
    pub on_bad_row: OnBadRow,
    /// How many bad rows may be set aside before the run fails.
    #[serde(rename = "max_bad_rows")]
    pub bad_rows_max: u64,
    /// Whether to publish even if no source has any effect, or integer times do not fit their unit.
    pub allow_unused: bool,
    /// Warnings that are suppressed everywhere.
    pub no_warn: Vec<WarningCode>,
    /// Conditions on the metrics under which the run fails and publishes nothing, such as
    /// `zero_history_pct>0.5`.
    #[serde(skip)]
    pub fail_if: Vec<String>,
    /// The shard to make, or `None` for the whole set.
    #[serde(skip)]
    pub shard: Option<Shard>,
    /// Whose rows the inputs of the shard hold.
    #[serde(skip)]
    pub shard_holds: ShardHolds,
    /// The compression of the output.
    pub codec: Codec,
    /// The number of threads, at least 1.
    #[serde(skip)]
    pub threads: usize,
    /// The folder for data that does not fit in memory; next to the output by default.
    #[serde(skip)]
    pub temp_dir: Option<PathBuf>,
    /// Internal limits that tests vary.
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
            last_days: None,
            days: Vec::new(),
            timezone: None,
            columns: Vec::new(),
            source_settings: Vec::new(),
            time_unit: None,
            time_format: None,
            customer_type: None,
            format: None,
            null_values: Vec::new(),
            on_bad_row: OnBadRow::Error,
            bad_rows_max: 10_000,
            allow_unused: false,
            no_warn: Vec::new(),
            fail_if: Vec::new(),
            shard: None,
            shard_holds: ShardHolds::All,
            codec: Codec::Zstd,
            threads: 1,
            temp_dir: None,
            tuning: Tuning::default(),
        }
    }
}

/// Internal limits. Tests vary them to reach every path of the code with little data.
#[doc(hidden)]
#[derive(Clone, Debug)]
pub struct Tuning {
    /// Partitions as a power of two, 0 to 12, or `None` to choose by size. Changes no byte.
    pub partition_bits: Option<u8>,
    /// Rows of actions that are read, at least, before the early stop is checked again. Changes no byte.
    pub wave_rows_min: u64,
    /// Rows of a partition from which only those are kept that a history can hold. Changes no byte.
    pub newest_rows_min: usize,
    /// Bytes of a block of CSV or NDJSON that one thread reads, at least 1. Changes no byte.
    pub text_piece_bytes: usize,
    /// Rows of a piece of a row group that one of several threads reads, at least 1. Changes no byte.
    pub piece_rows_min: u64,
    /// Whether histories are written through Arrow, even if the direct encoder could. Changes bytes,
    /// never values.
    pub encode_plain: bool,
    /// The most decoded bytes of a page of histories, unless one row is larger. Changes bytes, never
    /// values.
    pub page_bytes_max: usize,
}

impl Default for Tuning {
    fn default() -> Tuning {
        Tuning {
            partition_bits: None,
            wave_rows_min: 1 << 23,
            newest_rows_min: 1 << 22,
            text_piece_bytes: 1 << 20,
            // Fewer take not much longer to read than to skip to.
            piece_rows_min: 1 << 16,
            encode_plain: false,
            page_bytes_max: 1 << 20,
        }
    }
}

/// Declares the getter and the mutable getter of the options of a job kind.
macro_rules! options_of {
    ($job_kind:literal, $own:ident, $get:ident, $get_mut:ident) => {
        #[doc = concat!("The options of `", $job_kind, "`; for another job kind the defaults.")]
        pub fn $get(&self) -> &$own {
            // Not an error, so that code that all job kinds run through needs no case for each.
            static DEFAULTS: LazyLock<$own> = LazyLock::new($own::default);
            match &self.ask {
                Ask::$own(own) => own,
                _ => &DEFAULTS,
            }
        }

        #[doc = concat!("The options of `", $job_kind, "`, to change. Settings of another job kind become this kind, with its defaults.")]
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

    /// The job kind.
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

    /// Adds settings of a source; those that it has already stay.
    pub fn add_source_settings(&mut self, source: Source, settings: &SourceSettings) {
        add_settings(&mut self.source_settings, source, settings);
    }

    /// The sources of the job, in the order in which they are read and reported.
    pub fn sources(&self) -> Vec<Source> {
        match self.kind() {
            JobKind::Sequences => {
                let actions = self.sequences().actions.iter().map(|action| action.source);
                // Impressions that are actions have no files of their own.
                let are_own = self.sequences().impressions_from.is_none();
                let own = Some(Source::Impressions).filter(|_| are_own);
                own.into_iter().chain(actions).collect()
            }
            other => other.sources().to_vec(),
        }
    }

    /// The attribute columns of actions, in the order of the output.
    pub(crate) fn attribute_columns(&self) -> impl ExactSizeIterator<Item = &AttributeColumn> {
        self.sequences().attribute_columns()
    }
}
