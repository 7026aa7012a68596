//! Settings in, a [`Job`] out: everything that can be checked before a file is opened.
//!
//! **In / Out**: [`Settings`], plain data with SPEC's defaults → [`Job`], which the rest of the
//! program trusts. **Invariants**: a `Job` has legal ranges, a known zone, known column names,
//! and at least the first source of its job kind to read.

mod actions;
mod ask;
mod checks;
mod columns;
mod settings;

use std::ops::Deref;

use crate::calendar::Zone;
use crate::error::{Error, Result};
use crate::ids::{Day, narrow};

pub use self::ask::{Ask, Dwell, Features, Sequences};
pub use self::settings::{Settings, Tuning};
pub(crate) use crate::options::{
    ATTRIBUTE_COLUMNS_MAX, ActionSource, Attribute, AttributeColumn, AttributeType, Codec,
    CustomerType, Cutoff, Dedup, DivideBy, DwellMethod, Format, Gate, Guests, IfExists, ItemType,
    ItemVocabulary, JobKind, LabelKey, Layout, NullLabel, OnBadRow, OtherTypes, Passthrough,
    PassthroughType, Publish, Source, Subject, TimeUnit, Types, UnknownItem, WarningCode,
};

/// The column, and the key of folders, that tells the day of something.
pub(crate) const DT: &str = "dt";

/// Settings that hold together. Only [`Job::new`] makes one.
#[derive(Clone, Debug)]
pub struct Job {
    /// What was asked for.
    settings: Settings,
    /// The zone of days and of wall times.
    zone: Zone,
    /// What must not be so of what is made.
    gates: Vec<Gate>,
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
    pub fn new(settings: Settings) -> Result<Job> {
        checks::check_ranges(&settings)?;
        checks::check_sources(&settings)?;
        checks::check_columns(&settings)?;
        let zone = Zone::named(settings.zone_name()).ok_or_else(|| {
            Error::settings(format!(
                "unknown zone \"{}\"; --timezone takes an IANA name such as Europe/Berlin",
                settings.zone_name()
            ))
        })?;
        let sources = settings.sources();
        let gate = |text: &String| Gate::parse(settings.kind(), &sources, text);
        let gates = settings.fail_if.iter().map(gate).collect::<Result<_>>()?;
        Ok(Job {
            settings,
            zone,
            gates,
        })
    }

    /// The zone of days and of wall times.
    pub fn zone(&self) -> &Zone {
        &self.zone
    }

    /// The same job, with its zone named.
    pub(crate) fn in_named_zone(&self) -> Job {
        let mut job = self.clone();
        job.settings.timezone = Some(job.zone.name().to_owned());
        job
    }

    /// What must not be so of what is made.
    pub(crate) fn gates(&self) -> &[Gate] {
        &self.gates
    }

    /// Whether impressions of a day are asked for.
    pub fn wants_day(&self, day: Day) -> bool {
        let is_within =
            self.from.is_none_or(|from| from <= day) && self.to.is_none_or(|to| day <= to);
        is_within && (self.days.is_empty() || self.days.contains(&day))
    }

    /// The files' name of one of our columns.
    pub fn column<'a>(&'a self, source: Source, name: &'a str) -> &'a str {
        let renamed = self
            .columns
            .iter()
            .find(|(of, ours, _)| *of == source && ours == name);
        renamed.map_or(name, |(_, _, theirs)| theirs)
    }

    /// The place of a source in the list of [`Sequences::actions`], which counts are kept by.
    pub(crate) fn slot(&self, source: Source) -> Option<usize> {
        self.sequences()
            .actions
            .iter()
            .position(|of| of.source == source)
    }

    /// The highest code that an action may have.
    pub(crate) fn code_max(&self) -> u8 {
        let codes = self
            .sequences()
            .actions
            .iter()
            .flat_map(ActionSource::codes);
        codes.max().unwrap_or(0)
    }

    /// The column that says when an action of a source was known.
    pub fn available_column(&self, source: Source) -> Option<&str> {
        let given = self
            .sequences()
            .available
            .iter()
            .find(|(of, _)| *of == source);
        given.map(|(_, column)| column.as_str())
    }

    /// Whether actions of a source are known when the day that they landed is over.
    pub(crate) fn waits_for_landing(&self, source: Source) -> bool {
        self.available_column(source) == Some(DT)
    }

    /// Whether actions of a code count.
    pub(crate) fn counts_type(&self, code: u8) -> bool {
        self.sequences().types.is_empty() || self.sequences().types.contains(&code)
    }

    /// The same job, with other columns added to the output.
    pub(crate) fn with_columns(&self, keep: Vec<Passthrough>, attributes: Vec<Attribute>) -> Job {
        let mut job = self.clone();
        let own = job.settings.sequences_mut();
        (own.keep, own.attributes) = (keep, attributes);
        job
    }

    /// The weight of a negative that a sample kept, if negatives are sampled: all others weigh 1.
    pub(crate) fn negative_weight(&self) -> Option<f32> {
        self.sequences()
            .negatives_rate
            .map(|rate| narrow(1.0 / rate))
    }

    /// Microseconds after which an action of a source is known; 0 without an embargo.
    pub fn embargo_of(&self, source: Source) -> i64 {
        self.sequences()
            .embargo_us
            .iter()
            .find(|(of, _)| *of == source)
            .map_or(0, |(_, embargo)| *embargo)
    }
}
