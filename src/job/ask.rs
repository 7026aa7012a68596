//! What a job asks of its logs: the options that one job kind has and no other.

use serde::{Deserialize, Serialize};

use crate::options::json::pairs;
use crate::options::{
    ActionSource, Attribute, AttributeColumn, Cutoff, DivideBy, DwellMethod, Guests, ItemType,
    ItemVocabulary, JobKind, LabelKey, Layout, NullLabel, Passthrough, Source, UnknownItem,
};

/// What a job asks of its logs, with the options that only this job kind has.
#[derive(Clone, Debug)]
pub enum Ask {
    /// Which actions came before each impression?
    Sequences(Box<Sequences>),
    /// How many clicks came before each impression, and did one follow?
    Features(Features),
    /// How long did people stay?
    Dwell(Dwell),
}

/// Options of `sequences`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default)]
pub struct Sequences {
    /// The sources of actions that there are.
    #[serde(rename = "action_sources")]
    pub actions: Vec<ActionSource>,
    /// Actions to do without.
    pub without: Vec<Source>,
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
    /// The codes of actions that count; all, if none is named.
    pub types: Vec<u8>,
    /// The length of a history, 1 to 65,536.
    #[serde(rename = "max_actions")]
    pub actions_max: u32,
    /// What is told of each action beside its item and its type, in the order of columns
    ///.
    #[serde(rename = "with")]
    pub attributes: Vec<Attribute>,
    /// Whether histories are padded to that length.
    pub pad: bool,
    /// The shape of the output.
    pub layout: Layout,
    /// What becomes of impressions without a customer.
    pub guests: Guests,
    /// Ids that mean "no customer".
    pub guest_ids: Vec<String>,
    /// What becomes of items without a label.
    pub null_label: NullLabel,
    /// The part of the negatives that is kept, above 0 and up to 1, or `None` for all, which then have
    /// no weights.
    #[serde(rename = "negatives_sample")]
    pub negatives_rate: Option<f64>,
    /// Chooses among samples of negatives of the same rate.
    pub seed: u64,
    /// Columns of impressions that are carried through, in the order of the output.
    pub keep: Vec<Passthrough>,
    /// The type of item ids.
    pub item_type: ItemType,
    /// Where the codes of items come from, if their ids are texts.
    pub item_vocabulary: Option<ItemVocabulary>,
    /// What becomes of items that a given vocabulary lacks.
    pub unknown_item: UnknownItem,
    /// How long after it happened an action may land, or `None` if nobody vouches for it.
    #[serde(rename = "max_lateness_us")]
    pub lateness_max_us: Option<i64>,
    /// The most rows of a row group.
    #[serde(rename = "row_group_rows")]
    pub row_group_rows_max: u32,
}

impl Default for Sequences {
    fn default() -> Sequences {
        Sequences {
            actions: ActionSource::defaults(),
            without: Vec::new(),
            cutoff: Cutoff::Day,
            lookback_days: Some(365),
            available: Vec::new(),
            embargo_us: Vec::new(),
            types: Vec::new(),
            actions_max: 1000,
            attributes: Vec::new(),
            pad: true,
            layout: Layout::Sample,
            guests: Guests::Drop,
            guest_ids: Vec::new(),
            null_label: NullLabel::Keep,
            negatives_rate: None,
            seed: 0,
            keep: Vec::new(),
            item_type: ItemType::Int32,
            item_vocabulary: None,
            unknown_item: UnknownItem::Index,
            lateness_max_us: None,
            row_group_rows_max: 16_384,
        }
    }
}

/// Options of `features`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default)]
pub struct Features {
    /// Windows for prior counts, as they were named and in microseconds.
    #[serde(rename = "windows_us", with = "pairs")]
    pub windows: Vec<(String, i64)>,
    /// How long after an impression a click makes its label, in microseconds.
    pub label_window_us: i64,
    /// Which clicks those are.
    pub label_key: LabelKey,
    /// Up to when clicks are complete, as text, or `None` for the latest click.
    pub data_end: Option<String>,
}

impl Default for Features {
    fn default() -> Features {
        Features {
            windows: Vec::new(),
            label_window_us: 24 * 3_600 * 1_000_000,
            label_key: LabelKey::UserListing,
            data_end: None,
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
    /// What a span is divided by.
    pub divide_by: DivideBy,
    /// The longest gap within a visit, in microseconds; a longer one ends it.
    pub idle_timeout_us: i64,
}

impl Default for Dwell {
    fn default() -> Dwell {
        Dwell {
            dwell_method: DwellMethod::Span,
            divide_by: DivideBy::Events,
            idle_timeout_us: 30 * 60 * 1_000_000,
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
    /// The columns of actions that are told beside items and types, in their order.
    pub(crate) fn attribute_columns(&self) -> impl ExactSizeIterator<Item = &AttributeColumn> {
        let columns = self.attributes.iter().filter_map(|side| match side {
            Attribute::TimeDelta => None,
            Attribute::Column(column) => Some(column),
        });
        columns.collect::<Vec<_>>().into_iter()
    }
}
