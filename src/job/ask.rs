//! The options that one job kind has and no other.

use serde::{Deserialize, Serialize};

use crate::calendar::Lookback;
use crate::options::json::pairs;
use crate::options::{
    ActionSource, Attribute, AttributeColumn, Cutoff, DivideBy, DwellMethod, Guests, ItemType,
    ItemVocabulary, JobKind, KeptColumn, LabelKey, Layout, MoreTable, NullLabel, Passthrough,
    Source, UnknownItem, published_name,
};

/// The kind of a job, with the options that only this kind has.
#[derive(Clone, Debug)]
pub enum Ask {
    /// The actions before each impression.
    Sequences(Box<Sequences>),
    /// Counts of clicks before each impression, and whether one followed.
    Features(Features),
    /// How long users stayed with each merchant.
    Dwell(Dwell),
}

/// Options of `sequences`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default)]
pub struct Sequences {
    /// The sources of actions.
    #[serde(rename = "action_sources")]
    pub actions: Vec<ActionSource>,
    /// Sources that are not read, although the job has them.
    pub without: Vec<Source>,
    /// A source of actions of which some are the impressions; there are no others then, and cutoffs are
    /// times.
    pub impressions_from: Option<Source>,
    /// Of that source, the rows that are impressions: those with one of these values, as text, in each of
    /// these columns.
    #[serde(with = "pairs")]
    pub impressions_where: Vec<(String, Vec<String>)>,
    /// Whether all labels are null, whatever the files have.
    pub no_labels: bool,
    /// The cutoff of an impression.
    pub cutoff: Cutoff,
    /// Calendar days of history before the cutoff, or `None` for all.
    pub lookback_days: Option<u32>,
    /// Calendar years of history before the cutoff, at most 9999; if they are given, `lookback_days` is not
    /// used. From 29 February they go back to 28 February.
    pub lookback_years: Option<u32>,
    /// Columns that say when an action became available.
    #[serde(with = "pairs")]
    pub available: Vec<(Source, String)>,
    /// Microseconds from the time of an action to when it becomes available.
    #[serde(with = "pairs")]
    pub embargo_us: Vec<(Source, i64)>,
    /// The type codes of actions that count; if empty, all.
    pub types: Vec<u8>,
    /// The length of a history, 1 to 65,536; `None`, which only [`Layout::Timeline`] takes, for all actions.
    #[serde(rename = "max_actions")]
    pub actions_max: Option<u32>,
    /// The attributes of actions in a history, besides item and type, in the order of columns.
    #[serde(rename = "with")]
    pub attributes: Vec<Attribute>,
    /// Whether histories are padded to that length; timelines never are.
    pub pad: bool,
    /// Whether the oldest action of a history comes first, not the newest.
    pub oldest_first: bool,
    /// The shape of the output.
    pub layout: Layout,
    /// What happens to impressions without a customer.
    pub guests: Guests,
    /// Ids that mean "no customer".
    pub guest_ids: Vec<String>,
    /// What happens to items without a label.
    pub null_label: NullLabel,
    /// The share of negatives that is kept, above 0 and up to 1. `None` keeps all, and rows have no
    /// weight.
    #[serde(rename = "negatives_sample")]
    pub negatives_rate: Option<f64>,
    /// The seed of the sample of negatives.
    pub seed: u64,
    /// Passthrough columns of impressions, in the order of the output.
    pub keep: Vec<Passthrough>,
    /// Other names for columns of the output: the name of a column, and its other name.
    #[serde(with = "pairs")]
    pub rename: Vec<(String, String)>,
    /// The type of item ids.
    pub item_type: ItemType,
    /// Where the codes of items come from, if their ids are texts.
    pub item_vocabulary: Option<ItemVocabulary>,
    /// What happens to items that a given vocabulary lacks.
    pub unknown_item: UnknownItem,
    /// The longest delay, in microseconds, from the time of an action to its landing in a file; `None` if
    /// unknown.
    #[serde(rename = "max_lateness_us")]
    pub lateness_max_us: Option<i64>,
    /// The most rows of a row group.
    #[serde(rename = "row_group_rows")]
    pub row_group_rows_max: u32,
    /// The most rows of a part.
    #[serde(rename = "part_rows")]
    pub part_rows_max: u32,
    /// How many shards the rows are dealt to, each a part of its own, or `None` for parts by rows.
    pub shards: Option<u32>,
}

impl Default for Sequences {
    fn default() -> Sequences {
        Sequences {
            actions: ActionSource::defaults(),
            without: Vec::new(),
            impressions_from: None,
            impressions_where: Vec::new(),
            no_labels: false,
            cutoff: Cutoff::Day,
            lookback_days: Some(365),
            lookback_years: None,
            available: Vec::new(),
            embargo_us: Vec::new(),
            types: Vec::new(),
            actions_max: Some(Sequences::ACTIONS),
            attributes: Vec::new(),
            pad: true,
            oldest_first: false,
            layout: Layout::Sample,
            guests: Guests::Drop,
            guest_ids: Vec::new(),
            null_label: NullLabel::Keep,
            negatives_rate: None,
            seed: 0,
            keep: Vec::new(),
            rename: Vec::new(),
            item_type: ItemType::Int32,
            item_vocabulary: None,
            unknown_item: UnknownItem::Index,
            lateness_max_us: None,
            row_group_rows_max: 16_384,
            part_rows_max: 262_144,
            shards: None,
        }
    }
}

/// Options of `features`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default)]
pub struct Features {
    /// Windows of prior counts: name, and length in microseconds.
    #[serde(rename = "windows_us", with = "pairs")]
    pub windows: Vec<(String, i64)>,
    /// How long after an impression a click sets its label, in microseconds.
    pub label_window_us: i64,
    /// Which clicks set a label.
    pub label_key: LabelKey,
    /// Up to when clicks are complete, as text, or `None` for the latest click.
    pub data_end: Option<String>,
    /// The column of listings that says from when a row holds, as its files name it: each impression has
    /// the newest row before it. `None` if a listing has one row.
    pub listings_as_of: Option<String>,
    /// Columns of impressions and listings that are copied, in the order of the output.
    #[serde(rename = "kept")]
    pub keep: Vec<KeptColumn>,
}

impl Default for Features {
    fn default() -> Features {
        Features {
            windows: Vec::new(),
            label_window_us: 24 * 3_600 * 1_000_000,
            label_key: LabelKey::UserListing,
            data_end: None,
            listings_as_of: None,
            keep: Vec::new(),
        }
    }
}

/// Options of `dwell`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default)]
pub struct Dwell {
    /// How the time on flyers is measured.
    #[serde(rename = "method")]
    pub dwell_method: DwellMethod,
    /// The divisor of a span.
    pub divide_by: DivideBy,
    /// The longest gap within a visit, in microseconds; a longer one ends it.
    pub idle_timeout_us: i64,
    /// The names of events that open something; stays are made of them.
    pub opens: Vec<String>,
    /// The names of events that close a flyer.
    pub closes: Vec<String>,
    /// The names of events that are passed over, as if they were not there.
    pub ignores: Vec<String>,
    /// The tables to make beside `user_merchant` and `merchant`.
    #[serde(rename = "with_tables")]
    pub more_tables: Vec<MoreTable>,
    /// Whether tables lie in folders of days, as they also do if days are chosen or added.
    pub by_day: bool,
}

impl Dwell {
    /// The names of events that open something, by default.
    pub const OPENS: [&str; 2] = ["flyer_open", "item_open"];
    /// The names of events that close a flyer, by default.
    pub const CLOSES: [&str; 1] = ["flyer_close"];

    /// Whether the roles of names of events are the default ones.
    pub(crate) fn has_usual_roles(&self) -> bool {
        self.opens == Dwell::OPENS && self.closes == Dwell::CLOSES && self.ignores.is_empty()
    }

    /// Whether a table is made.
    pub(crate) fn makes(&self, table: MoreTable) -> bool {
        self.more_tables.contains(&table)
    }
}

impl Default for Dwell {
    fn default() -> Dwell {
        Dwell {
            dwell_method: DwellMethod::Span,
            divide_by: DivideBy::Events,
            idle_timeout_us: 30 * 60 * 1_000_000,
            opens: Dwell::OPENS.map(str::to_owned).into(),
            closes: Dwell::CLOSES.map(str::to_owned).into(),
            ignores: Vec::new(),
            more_tables: Vec::new(),
            by_day: false,
        }
    }
}

impl From<Sequences> for Ask {
    fn from(own: Sequences) -> Ask {
        Ask::Sequences(Box::new(own))
    }
}

impl From<Features> for Ask {
    fn from(own: Features) -> Ask {
        Ask::Features(own)
    }
}

impl From<Dwell> for Ask {
    fn from(own: Dwell) -> Ask {
        Ask::Dwell(own)
    }
}

impl From<JobKind> for Ask {
    fn from(job_kind: JobKind) -> Ask {
        match job_kind {
            JobKind::Sequences => Sequences::default().into(),
            JobKind::Features => Features::default().into(),
            JobKind::Dwell => Dwell::default().into(),
        }
    }
}

impl Sequences {
    /// The length of a history, by default.
    pub const ACTIONS: u32 = 1000;

    /// The length of a history, at most.
    pub(crate) fn actions_limit(&self) -> u32 {
        self.actions_max.unwrap_or(u32::MAX)
    }

    /// Whether the lists of a history are padded.
    pub(crate) fn pads(&self) -> bool {
        self.pad && self.layout != Layout::Timeline
    }

    /// The name of a column in the output.
    pub(crate) fn published_name<'a>(&'a self, name: &'a str) -> &'a str {
        published_name(&self.rename, name)
    }

    /// How far before the cutoff a history reaches, or `None` for no limit.
    pub(crate) fn lookback(&self) -> Option<Lookback> {
        let years = self.lookback_years.map(Lookback::Years);
        years.or_else(|| self.lookback_days.map(Lookback::Days))
    }

    /// The attribute columns of actions, in the order of the output.
    pub(crate) fn attribute_columns(&self) -> impl ExactSizeIterator<Item = &AttributeColumn> {
        let columns = self
            .attributes
            .iter()
            .filter_map(|attribute| match attribute {
                Attribute::TimeDelta | Attribute::Time => None,
                Attribute::Column(column) => Some(column),
            });
        // Collected, because a filter does not know its length, and callers need that.
        columns.collect::<Vec<_>>().into_iter()
    }
}
