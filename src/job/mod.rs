//! Settings to a [`Job`]: everything that can be checked before a file is opened.
//!
//! **In / Out**: [`Settings`], plain data with defaults → [`Job`], which the rest of the program trusts.
//! **Invariants**: the values of a `Job` are within their ranges, its zone and column names exist, and
//! it has at least the first source of its job kind.
//!
//! `settings` has what all job kinds share, `ask` what one kind has. `checks` checks both, with
//! `actions` for declared sources of actions and `columns` for added columns. `share` is what the manifest of
//! a bucket adds to a job.

mod actions;
mod ask;
mod checks;
mod columns;
mod settings;
mod shards;
mod share;

use std::ops::Deref;

use crate::calendar::Zone;
use crate::error::{Error, Result};
use crate::ids::{Day, narrow};

pub use self::ask::{Ask, Dwell, Features, Sequences};
pub use self::settings::{Settings, Tuning};
pub(crate) use self::share::Share;
pub(crate) use crate::options::{
    ATTRIBUTE_COLUMNS_MAX, ActionSource, Attribute, AttributeColumn, AttributeType, Codec,
    CustomerType, Cutoff, DayPattern, Dedup, DivideBy, DwellMethod, Escape, Format, Gate, Guests,
    IfExists, ItemType, ItemVocabulary, JobKind, KeptColumn, LabelKey, Layout, MoreTable, NO_DAY,
    NullLabel, OnBadRow, OtherTypes, Passthrough, PassthroughType, PathDay, Publish, Shard,
    ShardHolds, Source, SourceSettings, Subject, TimeUnit, Types, UnknownItem, WarningCode,
    day_of_dt, dt_folder,
};

/// The column of the day, in files and as the key of Hive folders.
pub(crate) const DT: &str = "dt";

/// Settings that were checked against each other. Only [`Job::new`] makes one.
#[derive(Clone, Debug)]
pub struct Job {
    settings: Settings,
    /// The zone of days and of wall times.
    zone: Zone,
    /// The zones of wall times of sources that have their own.
    source_zones: Vec<(Source, Zone)>,
    /// Conditions under which the run fails and publishes nothing.
    gates: Vec<Gate>,
    /// What the manifest of a bucket says of the inputs.
    share: Option<Share>,
}

impl Deref for Job {
    type Target = Settings;

    fn deref(&self) -> &Settings {
        &self.settings
    }
}

impl Job {
    /// Checks settings against each other.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Settings`], naming the flag to change.
    pub fn new(mut settings: Settings) -> Result<Job> {
        if settings.sequences().impressions_from.is_some() {
            // The only moment that an action has is its own time.
            settings.sequences_mut().cutoff = Cutoff::Time;
        }
        if let Some(shard) = settings.shard {
            shards::check_shard(&settings)?;
            if let Ask::Sequences(own) = &mut settings.ask {
                own.shards = Some(shard.count);
            }
            settings.out.push(shard.folder());
        }
        checks::check_ranges(&settings)?;
        checks::check_sources(&settings)?;
        checks::check_columns(&settings)?;
        columns::check_labels(&settings)?;
        let zone = checks::zone("--timezone", settings.zone_name())?;
        let source_zones = checks::check_source_settings(&settings)?;
        let sources = settings.sources();
        let gate = |text: &String| Gate::parse(settings.kind(), &sources, text);
        let gates = settings.fail_if.iter().map(gate).collect::<Result<_>>()?;
        Ok(Job {
            settings,
            zone,
            source_zones,
            gates,
            share: None,
        })
    }

    /// Checks that the job is of this kind.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Settings`], naming the kind that it is of.
    pub(crate) fn check_kind(&self, job_kind: JobKind) -> Result<()> {
        if self.kind() == job_kind {
            return Ok(());
        }
        let name = self.kind().name();
        Err(Error::settings(format!("this job asks for {name}")))
    }

    /// The zone of days and of wall times.
    pub fn zone(&self) -> &Zone {
        &self.zone
    }

    /// The zones of wall times of sources that have their own.
    pub(crate) fn source_zones(&self) -> &[(Source, Zone)] {
        &self.source_zones
    }

    /// The same job, with the name of its zone given.
    pub(crate) fn in_named_zone(&self) -> Job {
        let mut job = self.clone();
        job.settings.timezone = Some(job.zone.name().to_owned());
        job
    }

    /// Conditions under which the run fails and publishes nothing.
    pub(crate) fn gates(&self) -> &[Gate] {
        &self.gates
    }

    /// Whether impressions of a day are asked for.
    pub fn wants_day(&self, day: Day) -> bool {
        let is_within =
            self.from.is_none_or(|from| from <= day) && self.to.is_none_or(|to| day <= to);
        is_within && (self.days.is_empty() || self.days.contains(&day))
    }

    /// Whether the tables of `dwell` lie in folders of days: if that is asked for, or days are chosen or added.
    pub fn is_by_day(&self) -> bool {
        let chooses = self.from.is_some() || self.to.is_some() || !self.days.is_empty();
        self.dwell().by_day || chooses || matches!(self.publish, Publish::AddDays(_))
    }

    /// The name in the files of the column that we call `name`.
    pub fn column<'a>(&'a self, source: Source, name: &'a str) -> &'a str {
        let given = |source: Source, name: &str| {
            let mut columns = self.columns.iter();
            let renamed = columns.find(|(renamed, ours, _)| *renamed == source && ours == name);
            renamed.map(|(_, _, theirs)| theirs.as_str())
        };
        match self.sequences().impressions_from {
            Some(log) if source == Source::Impressions && given(source, name).is_none() => {
                let name = log.column_of_impressions(name);
                given(log, name).unwrap_or(name)
            }
            _ => given(source, name).unwrap_or(name),
        }
    }

    /// The shard of the job, if its inputs hold the rows of this shard only.
    pub(crate) fn dealt_shard(&self) -> Option<Shard> {
        self.shard.filter(|_| self.shard_holds == ShardHolds::Own)
    }

    /// The compression of the tables that the run writes. Those of a shard are read back and encoded anew, and
    /// there may be thousands of small ones: contexts of Zstandard were two fifths of the time that `finalize`
    /// took for 30,000 files.
    pub(crate) fn table_codec(&self) -> Codec {
        match self.shard {
            None => self.codec,
            Some(_) => Codec::Lz4Raw,
        }
    }

    /// The index of a source in [`Sequences::actions`]; statistics by source have the same order.
    pub(crate) fn slot(&self, source: Source) -> Option<usize> {
        self.sequences()
            .actions
            .iter()
            .position(|action| action.source == source)
    }

    /// The highest code that an action may have.
    pub(crate) fn code_max(&self) -> u8 {
        // Of all sources, read or not, and of all types: the dictionary of `action_types` ends
        // here, and must depend on the settings alone.
        let codes = self
            .sequences()
            .actions
            .iter()
            .flat_map(ActionSource::codes);
        codes.max().unwrap_or(0)
    }

    /// The column that says when an action of a source became available.
    pub fn available_column(&self, source: Source) -> Option<&str> {
        let given = self
            .sequences()
            .available
            .iter()
            .find(|(given, _)| *given == source);
        given.map(|(_, column)| column.as_str())
    }

    /// Whether actions of a source become available at the end of the day on which they landed.
    pub(crate) fn waits_for_landing(&self, source: Source) -> bool {
        // The name of the day column stands for the day of landing, which the folder of a file may
        // say instead.
        self.available_column(source) == Some(DT)
    }

    /// Whether actions of a type code count.
    pub(crate) fn counts_type(&self, code: u8) -> bool {
        self.sequences().types.is_empty() || self.sequences().types.contains(&code)
    }

    /// The same job, with these passthrough columns and attributes.
    pub(crate) fn with_columns(&self, keep: Vec<Passthrough>, attributes: Vec<Attribute>) -> Job {
        let mut job = self.clone();
        let own = job.settings.sequences_mut();
        (own.keep, own.attributes) = (keep, attributes);
        job
    }

    /// The same job, of impressions between two days.
    pub(crate) fn in_days(&self, from: Option<Day>, to: Option<Day>) -> Job {
        self.asking_for(from, to, Vec::new())
    }

    /// The same job, of days between two of them, and of a list if that has any.
    pub(crate) fn asking_for(&self, from: Option<Day>, to: Option<Day>, days: Vec<Day>) -> Job {
        let mut job = self.clone();
        (job.settings.from, job.settings.to) = (from, to);
        (job.settings.days, job.settings.last_days) = (days, None);
        job
    }

    /// The job with kept columns of `features` whose types are known.
    pub(crate) fn with_kept(&self, keep: Vec<KeptColumn>) -> Job {
        let mut job = self.clone();
        job.settings.features_mut().keep = keep;
        job
    }

    /// The weight of a sampled negative, if negatives are sampled. All other rows have weight 1.
    pub(crate) fn negative_weight(&self) -> Option<f32> {
        self.sequences()
            .negatives_rate
            .map(|rate| narrow(1.0 / rate))
    }

    /// Microseconds from the time of an action to when it becomes available; 0 without an embargo.
    pub fn embargo_of(&self, source: Source) -> i64 {
        self.sequences()
            .embargo_us
            .iter()
            .find(|(given, _)| *given == source)
            .map_or(0, |(_, embargo)| *embargo)
    }
}
