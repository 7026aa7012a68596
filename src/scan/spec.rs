//! What readers are told: where files are, how values are written, and what becomes of bad rows.
//!
//! **Invariants**: specs are plain values that borrow from what made them. They are read once per file
//! or row group.

use crate::calendar::Zone;
use crate::ids::Day;
use crate::job::{
    ActionSource, Attribute, AttributeColumn, CustomerType, Cutoff, Dedup, Format, Guests,
    ItemType, JobKind, LabelKey, NullLabel, OnBadRow, Passthrough, Source, TimeUnit,
};

/// How files are read, whatever they hold.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ReadSpec<'a> {
    /// The job kind, which says what columns sources have.
    pub(crate) job_kind: JobKind,
    /// The format of all files, or `None` to tell by content and name.
    pub(crate) format: Option<Format>,
    /// Names of columns: source, ours, that of the files.
    pub(crate) columns: &'a [(Source, String, String)],
    /// The zone of days and of wall times.
    pub(crate) zone: &'a Zone,
    /// Whether the user named that zone.
    pub(crate) is_zone_named: bool,
    /// The unit of times that are integers, or `None` if there are none.
    pub(crate) time_unit: Option<TimeUnit>,
    /// Whether integer times that fit no unit are taken as they are.
    pub(crate) allow_unused: bool,
    /// Texts that are null.
    pub(crate) null_values: &'a [String],
    /// Ids that mean "no customer".
    pub(crate) guest_ids: &'a [String],
    /// The type of ids of customers and users, or `None`: the columns' own.
    pub(crate) customer_type: Option<CustomerType>,
    /// The type of item ids.
    pub(crate) item_type: ItemType,
    /// Whether item ids are texts that get codes.
    pub(crate) has_item_codes: bool,
    /// What becomes of a row that cannot be used.
    pub(crate) on_bad_row: OnBadRow,
    /// How many rows may be set aside.
    pub(crate) bad_rows_max: u64,
    /// Threads that share a long text file.
    pub(crate) threads: usize,
    /// Bytes of a piece of text, which one thread reads.
    pub(crate) text_piece_bytes: usize,
    /// What the cutoff of an impression is (`sequences`).
    pub(crate) cutoff: Cutoff,
    /// The sources of actions (`sequences`); of other job kinds there are none.
    pub(crate) actions: ActionSpec<'a>,
}

/// What actions are, and which of them count.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ActionSpec<'a> {
    pub(crate) sources: &'a [ActionSource],
    /// Columns that say when an action was known.
    pub(crate) available: &'a [(Source, String)],
    /// Microseconds after which an action is known.
    pub(crate) embargo_us: &'a [(Source, i64)],
    /// The codes of actions that count; all, if none is named.
    pub(crate) types: &'a [u8],
    /// What is told of each action beside its item and its type.
    pub(crate) attributes: &'a [Attribute],
    /// Which repeated actions are left out.
    pub(crate) dedup: Dedup,
    /// The length of a history, at most.
    pub(crate) actions_max: u32,
    /// How long after it happened an action may land, or `None` if nobody vouches for it.
    pub(crate) lateness_max_us: Option<i64>,
    /// Rows that are read, at least, before it is asked again who has enough.
    pub(crate) wave_rows_min: u64,
}

/// Which days of impressions are asked for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct DaySpec<'a> {
    /// The first, or `None` for no bound.
    pub(crate) from: Option<Day>,
    /// The last, or `None` for no bound.
    pub(crate) to: Option<Day>,
    /// These and no others, or none for all within the bounds.
    pub(crate) days: &'a [Day],
    /// Days that the output has already, and keeps.
    pub(crate) skipped: &'a [Day],
}

/// What becomes of the impressions of `sequences`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ImpressionSpec<'a> {
    /// Which days are read.
    pub(crate) days: DaySpec<'a>,
    /// Calendar days of history before the cutoff, or `None` for all.
    pub(crate) lookback_days: Option<u32>,
    /// What becomes of impressions without a customer.
    pub(crate) guests: Guests,
    /// What becomes of items without a label.
    pub(crate) null_label: NullLabel,
    /// The part of the negatives that is kept, or `None` for all.
    pub(crate) negatives_rate: Option<f64>,
    /// Chooses among samples of negatives of the same rate.
    pub(crate) seed: u64,
    /// Columns that are passed through. Their types are resolved.
    pub(crate) keep: &'a [Passthrough],
}

/// What becomes of the clicks of `features`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ClickSpec {
    /// Which clicks make a label: those of a listing need no user.
    pub(crate) label_key: LabelKey,
    /// Which repeated clicks are left out.
    pub(crate) dedup: Dedup,
}

impl<'a> ReadSpec<'a> {
    /// The files' name of one of our columns.
    pub(crate) fn column(&self, source: Source, name: &'a str) -> &'a str {
        given_name(self.columns, source, name).unwrap_or(name)
    }
}

/// The files' name of one of our columns, if the user gave it one.
pub(super) fn given_name<'a>(
    columns: &'a [(Source, String, String)],
    source: Source,
    name: &str,
) -> Option<&'a str> {
    let mut columns = columns.iter();
    let renamed = columns.find(|(owner, ours, _)| *owner == source && ours == name);
    renamed.map(|(_, _, theirs)| theirs.as_str())
}

/// The columns of actions among what is told of them, in their order.
pub(super) fn attribute_columns(
    attributes: &[Attribute],
) -> impl Iterator<Item = &AttributeColumn> {
    attributes.iter().filter_map(|side| match side {
        Attribute::TimeDelta => None,
        Attribute::Column(column) => Some(column),
    })
}

/// Whether actions of a code count, given those that are named.
pub(super) fn counts_type(named: &[u8], code: u8) -> bool {
    named.is_empty() || named.contains(&code)
}

impl<'a> ActionSpec<'a> {
    /// The place of a source in the list of sources, which counts are kept by.
    pub(crate) fn slot(&self, source: Source) -> Option<usize> {
        self.sources
            .iter()
            .position(|declared| declared.source == source)
    }

    /// The column that says when an action of a source was known.
    pub(super) fn available_column(&self, source: Source) -> Option<&'a str> {
        let given = self.available.iter().find(|(owner, _)| *owner == source);
        given.map(|(_, column)| column.as_str())
    }

    /// Microseconds after which an action of a source is known; 0 without an embargo.
    pub(super) fn embargo_of(&self, source: Source) -> i64 {
        let given = self.embargo_us.iter().find(|(owner, _)| *owner == source);
        given.map_or(0, |(_, embargo)| *embargo)
    }
}

impl DaySpec<'_> {
    /// Whether impressions of a day are to be answered.
    pub(crate) fn wants(&self, day: Day) -> bool {
        let is_within =
            self.from.is_none_or(|from| from <= day) && self.to.is_none_or(|to| day <= to);
        let is_named = self.days.is_empty() || self.days.contains(&day);
        is_within && is_named && !self.skipped.contains(&day)
    }
}
