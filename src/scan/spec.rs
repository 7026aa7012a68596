//! What readers need of a job: names of columns, how values are written, what becomes of bad rows.
//!
//! **Invariants**: specs are plain values that borrow from the job. Readers use them once per file or row
//! group, not per row.

use crate::calendar::{Lookback, Zone};
use crate::ids::Day;
use crate::job::{
    ActionSource, Attribute, AttributeColumn, CustomerType, Cutoff, Dedup, Format, Guests,
    ItemType, JobKind, KeptColumn, LabelKey, NullLabel, OnBadRow, Passthrough, Source,
    SourceSettings, TimeUnit, Types,
};

/// How files are read, whatever they hold.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ReadSpec<'a> {
    /// The job kind, which says what columns sources have.
    pub(crate) job_kind: JobKind,
    /// The format of all files, or `None` to detect it by content and name.
    pub(crate) format: Option<Format>,
    /// Renamed columns: source, default name, name in the files.
    pub(crate) columns: &'a [(Source, String, String)],
    /// How single sources are read; [`Self::of_source`] applies it.
    pub(crate) source_settings: &'a [(Source, SourceSettings)],
    /// The actions that are impressions, if some are.
    pub(crate) moments: Option<MomentSpec<'a>>,
    /// The zones of wall times of sources that have their own.
    pub(crate) source_zones: &'a [(Source, Zone)],
    /// The zone of days.
    pub(crate) zone: &'a Zone,
    /// The zone of wall times.
    pub(crate) wall_zone: &'a Zone,
    /// Whether the user named the zone of wall times.
    pub(crate) is_zone_named: bool,
    /// The unit of times that are integers, or `None` if there are none.
    pub(crate) time_unit: Option<TimeUnit>,
    /// The format of times that are text, or `None` for the forms that are read anyway.
    pub(crate) time_format: Option<&'a str>,
    /// Whether implausible integer times are accepted.
    pub(crate) allow_unused: bool,
    /// Texts that stand for null.
    pub(crate) null_values: &'a [String],
    /// Ids that mean "no customer".
    pub(crate) guest_ids: &'a [String],
    /// The type of ids of customers and users, or `None` for the type of the columns.
    pub(crate) customer_type: Option<CustomerType>,
    /// The type of item ids.
    pub(crate) item_type: ItemType,
    /// Whether item ids may be texts, which get codes.
    pub(crate) has_item_codes: bool,
    /// What becomes of a bad row.
    pub(crate) on_bad_row: OnBadRow,
    /// How many rows may be rejected.
    pub(crate) bad_rows_max: u64,
    /// Threads that share a long text file.
    pub(crate) threads: usize,
    /// Bytes of a piece of text, which one thread parses.
    pub(crate) text_piece_bytes: usize,
    /// Rows of a piece of a row group, which one thread reads, at least.
    pub(crate) piece_rows_min: u64,
    /// What the cutoff of an impression is (`sequences`).
    pub(crate) cutoff: Cutoff,
    /// The column of listings that says from when a row holds, as its files name it; `None` if a listing has
    /// one row (`features`).
    pub(crate) listings_as_of: Option<&'a str>,
    /// Columns of impressions and listings that are copied, with their types resolved (`features`).
    pub(crate) kept: &'a [KeptColumn],
    /// The sources of actions (`sequences`); empty for other job kinds.
    pub(crate) actions: ActionSpec<'a>,
}

/// Which actions are impressions.
#[derive(Clone, Copy, Debug)]
pub(crate) struct MomentSpec<'a> {
    /// Their source.
    pub(crate) source: Source,
    /// The rows that are: those with one of these values in each of these columns.
    pub(crate) only: &'a [(String, Vec<String>)],
}

/// What actions are, and which of them count.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ActionSpec<'a> {
    pub(crate) sources: &'a [ActionSource],
    /// Columns of the time at which an action became available, by source.
    pub(crate) available: &'a [(Source, String)],
    /// How long after an action it becomes available, in microseconds, by source.
    pub(crate) embargo_us: &'a [(Source, i64)],
    /// The codes of the action types that count, or empty for all.
    pub(crate) types: &'a [u8],
    /// The attributes of each action besides its item and its type.
    pub(crate) attributes: &'a [Attribute],
    /// Which repeated actions are left out.
    pub(crate) dedup: Dedup,
    /// Whether actions on items without a code are left out.
    pub(crate) drops_items: bool,
    /// The length of a history, at most.
    pub(crate) actions_max: u32,
    /// How long after an action it may be logged, or `None` if the user promises nothing.
    pub(crate) lateness_max_us: Option<i64>,
    /// The least rows of a wave, after which the early stop decides again.
    pub(crate) wave_rows_min: u64,
}

/// Which days of impressions are read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct DaySpec<'a> {
    /// The first, or `None` for no bound.
    pub(crate) from: Option<Day>,
    /// The last, or `None` for no bound.
    pub(crate) to: Option<Day>,
    /// The only days, or empty for all within the bounds.
    pub(crate) days: &'a [Day],
    /// Days that the output has already.
    pub(crate) skipped: &'a [Day],
}

/// What becomes of the impressions of `sequences`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ImpressionSpec<'a> {
    /// Whether all labels are null, whatever the files have.
    pub(crate) no_labels: bool,
    /// Which days are read.
    pub(crate) days: DaySpec<'a>,
    /// How far before the cutoff a history reaches, or `None` for no limit.
    pub(crate) lookback: Option<Lookback>,
    /// What becomes of impressions without a customer.
    pub(crate) guests: Guests,
    /// What becomes of items without a label.
    pub(crate) null_label: NullLabel,
    /// The share of negatives that is sampled, or `None` for all.
    pub(crate) negatives_rate: Option<f64>,
    /// The seed of the sample of negatives.
    pub(crate) seed: u64,
    /// Passthrough columns, with their types resolved.
    pub(crate) keep: &'a [Passthrough],
}

/// What becomes of the clicks of `features`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ClickSpec {
    /// Which clicks make a label: those of the user, or all of the listing.
    pub(crate) label_key: LabelKey,
    /// Which repeated clicks are left out.
    pub(crate) dedup: Dedup,
}

impl<'a> ReadSpec<'a> {
    /// The kept columns of impressions, or those of listings.
    pub(crate) fn kept_of(&self, source: Source) -> impl Iterator<Item = &'a KeptColumn> + use<'a> {
        let of_listings = source == Source::Listings;
        self.kept
            .iter()
            .filter(move |kept| kept.of_listings == of_listings)
    }

    /// The settings of a source, if it has some of its own.
    pub(crate) fn settings_of(&self, source: Source) -> Option<&'a SourceSettings> {
        let mut settings = self.source_settings.iter();
        let own = settings.find(|(named, _)| *named == source);
        own.map(|(_, own)| own)
    }

    /// How the files of a source are read.
    pub(crate) fn of_source(mut self, source: Source) -> ReadSpec<'a> {
        // Impressions that are actions are in the files of these.
        let source = match self.moments {
            Some(moments) if source == Source::Impressions => moments.source,
            _ => source,
        };
        if let Some(own) = self.settings_of(source) {
            self.format = own.format.or(self.format);
            self.time_unit = own.time_unit.or(self.time_unit);
            self.time_format = own.time_format.as_deref().or(self.time_format);
            self.null_values = own.null_values.as_deref().unwrap_or(self.null_values);
        }
        let mut zones = self.source_zones.iter();
        if let Some((_, zone)) = zones.find(|(named, _)| *named == source) {
            (self.wall_zone, self.is_zone_named) = (zone, true);
        }
        self
    }

    /// The names of columns that may be wanted of a source, in the files.
    pub(crate) fn names_of(&self, source: Source) -> Vec<&'a str> {
        let defaults = source.columns(self.job_kind).iter().copied();
        let attributes = attribute_columns(self.actions.attributes);
        let attributes = attributes.map(|attribute| attribute.name.as_str());
        let ours = defaults.chain(attributes);
        let mut names: Vec<&str> = ours.map(|name| self.column(source, name)).collect();
        let own = self.actions.sources.iter();
        for action in own.filter(|action| action.source == source) {
            names.extend(action.only.iter().map(|(name, _)| name.as_str()));
            if let Types::Column { column, .. } = &action.types {
                names.push(column);
            }
        }
        names.extend(self.actions.available_column(source));
        names.extend(self.listings_as_of);
        names.extend(self.kept_of(source).map(|kept| kept.column.name.as_str()));
        names
    }

    /// The name in the files of a column.
    pub(crate) fn column(&self, source: Source, name: &'a str) -> &'a str {
        if let Some(given) = given_name(self.columns, source, name) {
            return given;
        }
        match self.moments {
            Some(moments) if source == Source::Impressions => {
                let name = moments.source.column_of_impressions(name);
                given_name(self.columns, moments.source, name).unwrap_or(name)
            }
            _ => name,
        }
    }
}

/// The name in the files of a column, if the user renamed it.
pub(super) fn given_name<'a>(
    columns: &'a [(Source, String, String)],
    source: Source,
    name: &str,
) -> Option<&'a str> {
    let mut columns = columns.iter();
    let renamed = columns.find(|(owner, default, _)| *owner == source && default == name);
    renamed.map(|(_, _, in_files)| in_files.as_str())
}

/// The attributes that are columns, in order.
pub(super) fn attribute_columns(
    attributes: &[Attribute],
) -> impl Iterator<Item = &AttributeColumn> {
    attributes.iter().filter_map(|attribute| match attribute {
        Attribute::TimeDelta | Attribute::Time => None,
        Attribute::Column(column) => Some(column),
    })
}

/// Whether actions of a type count; all do if `counted` is empty.
pub(super) fn counts_type(counted: &[u8], code: u8) -> bool {
    counted.is_empty() || counted.contains(&code)
}

impl<'a> ActionSpec<'a> {
    /// The place of a source in the list of sources, by which actions are counted.
    pub(crate) fn slot(&self, source: Source) -> Option<usize> {
        self.sources
            .iter()
            .position(|declared| declared.source == source)
    }

    /// The column of the time at which an action of a source became available.
    pub(super) fn available_column(&self, source: Source) -> Option<&'a str> {
        let given = self.available.iter().find(|(owner, _)| *owner == source);
        given.map(|(_, column)| column.as_str())
    }

    /// The embargo on actions of a source, in microseconds; 0 without one.
    pub(super) fn embargo_of(&self, source: Source) -> i64 {
        let given = self.embargo_us.iter().find(|(owner, _)| *owner == source);
        given.map_or(0, |(_, embargo)| *embargo)
    }
}

impl DaySpec<'_> {
    /// Whether impressions of a day are read.
    pub(crate) fn wants(&self, day: Day) -> bool {
        let is_within =
            self.from.is_none_or(|from| from <= day) && self.to.is_none_or(|to| day <= to);
        let is_named = self.days.is_empty() || self.days.contains(&day);
        is_within && is_named && !self.skipped.contains(&day)
    }
}
