//! Settings in, a [`Job`] out: everything that can be checked before a file is opened.
//!
//! **In / Out**: [`Settings`], plain data with SPEC's defaults → [`Job`], which the rest of the
//! program trusts. **Invariants**: a `Job` has legal ranges, a known zone, known column names,
//! and at least the first source of its question to read.

mod actions;
mod gates;
mod items;
mod keep;
mod settings;
mod sides;
mod sources;
mod warnings;

use std::ops::Deref;

use crate::calendar::{Zone, date_text};
use crate::error::{Error, Result};
use crate::ids::{Day, narrow};
use crate::place::check_out;

pub use actions::{ActionSource, OtherTypes, Types};
pub(crate) use gates::{Gate, Subject};
pub use items::{ItemVocabulary, UnknownItem};
pub use keep::{Keep, KeepType};
pub use settings::{
    Codec, CustomerType, Cutoff, Dedup, DivideBy, DwellMethod, Format, Guests, IfExists, ItemType,
    LabelKey, Layout, NullLabel, OnBadRow, Publish, Settings, TimeUnit,
};
pub(crate) use sides::SIDE_COLUMNS_MAX;
pub use sides::{Side, SideColumn, SideType};
pub use sources::{LogName, Question, Source};
pub use warnings::WarningCode;

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
        check_ranges(&settings)?;
        actions::check_actions(&settings)?;
        check_sources(&settings)?;
        check_columns(&settings)?;
        let zone = Zone::named(settings.zone_name()).ok_or_else(|| {
            Error::settings(format!(
                "unknown zone \"{}\"; --timezone takes an IANA name such as Europe/Berlin",
                settings.zone_name()
            ))
        })?;
        let sources = settings.sources();
        let gate = |text: &String| Gate::parse(settings.question, &sources, text);
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

    /// The place of a source in the list of [`Settings::actions`], which counts are kept by.
    pub(crate) fn slot(&self, source: Source) -> Option<usize> {
        self.actions.iter().position(|of| of.source == source)
    }

    /// The highest code that an action may have.
    pub(crate) fn code_max(&self) -> u8 {
        let codes = self.actions.iter().flat_map(ActionSource::codes);
        codes.max().unwrap_or(0)
    }

    /// The column that says when an action of a source was known.
    pub fn available_column(&self, source: Source) -> Option<&str> {
        let given = self.available.iter().find(|(of, _)| *of == source);
        given.map(|(_, column)| column.as_str())
    }

    /// Whether actions of a source are known when the day that they landed is over.
    pub(crate) fn waits_for_landing(&self, source: Source) -> bool {
        self.available_column(source) == Some(DT)
    }

    /// Whether actions of a code count.
    pub(crate) fn counts_type(&self, code: u8) -> bool {
        self.types.is_empty() || self.types.contains(&code)
    }

    /// The same job, with other columns carried through.
    pub(crate) fn keeping(&self, keep: Vec<Keep>) -> Job {
        let mut job = self.clone();
        job.settings.keep = keep;
        job
    }

    /// The columns of actions that are told beside items and types, in their order.
    pub(crate) fn side_columns(&self) -> impl ExactSizeIterator<Item = &SideColumn> {
        sides::side_columns(&self.settings).into_iter()
    }

    /// The same job, with other things told of actions.
    pub(crate) fn telling(&self, sides: Vec<Side>) -> Job {
        let mut job = self.clone();
        job.settings.sides = sides;
        job
    }

    /// The weight of a negative that a sample kept, if negatives are sampled: all others weigh 1.
    pub(crate) fn negative_weight(&self) -> Option<f32> {
        self.negatives_rate.map(|rate| narrow(1.0 / rate))
    }

    /// Microseconds after which an action of a source is known; 0 without an embargo.
    pub fn embargo_of(&self, source: Source) -> i64 {
        self.embargo_us
            .iter()
            .find(|(of, _)| *of == source)
            .map_or(0, |(_, embargo)| *embargo)
    }
}

/// Numbers within their bounds.
fn check_ranges(settings: &Settings) -> Result<()> {
    let max = settings.actions_max;
    if !(1..=65_536).contains(&max) {
        return Err(Error::settings(format!(
            "--max-actions is {max}; it takes 1 to 65536"
        )));
    }
    if settings.row_group_rows_max == 0 {
        return Err(Error::settings("--row-group-rows is 0; it takes 1 or more"));
    }
    if let (Some(from), Some(to)) = (settings.from, settings.to)
        && to < from
    {
        let (from, to) = (date_text(from), date_text(to));
        return Err(Error::settings(format!("--from {from} is after --to {to}")));
    }
    if settings.embargo_us.iter().any(|(_, embargo)| *embargo < 0) {
        return Err(Error::settings("--embargo takes a duration of 0 or more"));
    }
    let threads = settings.threads;
    if !(1..=1024).contains(&threads) {
        let what = format!("--threads is {threads}; it takes 1 to 1024");
        return Err(Error::settings(what));
    }
    if settings.question == Question::Dwell && matches!(settings.publish, Publish::AddDays(_)) {
        let what = "dwell makes tables of all days; --add-days does not apply to them";
        return Err(Error::settings(what));
    }
    check_windows(settings)?;
    check_words(settings)?;
    actions::check_chosen(settings)?;
    check_rate(settings)?;
    sides::check_sides(settings)?;
    keep::check_keep(settings)?;
    items::check_items(settings)?;
    if settings.idle_timeout_us <= 0 {
        return Err(Error::settings("--idle-timeout takes a duration above 0"));
    }
    if settings.text_piece_bytes == 0 {
        return Err(Error::settings("pieces of text have 1 byte or more"));
    }
    if settings.partition_bits.is_some_and(|bits| bits > 12) {
        return Err(Error::settings("partition bits go from 0 to 12"));
    }
    Ok(())
}

/// Windows that are above 0 and have a name of their own, which becomes that of a column.
fn check_windows(settings: &Settings) -> Result<()> {
    for (at, (name, window)) in settings.windows.iter().enumerate() {
        let is_named = settings.windows[..at]
            .iter()
            .any(|(other, _)| other == name);
        if *window <= 0 || name.is_empty() || is_named {
            return Err(Error::settings(format!(
                "--windows has \"{name}\"; it takes durations above 0, each once"
            )));
        }
    }
    if settings.label_window_us <= 0 {
        return Err(Error::settings("--label-window takes a duration above 0"));
    }
    Ok(())
}

/// Words that a flag, a job file and a manifest tell alike, and repeats that the question knows.
fn check_words(settings: &Settings) -> Result<()> {
    if let Some(word) = settings.null_values.iter().find(|word| word.contains(',')) {
        return Err(Error::settings(format!(
            "--null-values has \"{word}\"; it takes words without commas"
        )));
    }
    if settings.dedup == Dedup::Consecutive && settings.question != Question::Sequences {
        return Err(Error::settings(format!(
            "{} leaves exact repeats out, or none; --dedup takes none or exact",
            settings.question.name()
        )));
    }
    Ok(())
}

/// A rate that is one, with no more digits than a manifest can tell exactly.
fn check_rate(settings: &Settings) -> Result<()> {
    let Some(rate) = settings.negatives_rate else {
        return Ok(());
    };
    let is_short = (rate * 1e9).round() / 1e9 == rate;
    if rate > 0.0 && rate <= 1.0 && is_short {
        return Ok(());
    }
    Err(Error::settings(format!(
        "--negatives-sample is {rate}; it takes a number above 0, up to 1, of at most nine decimals"
    )))
}

/// Something to read, of the question's sources only, and no source by paths and by a list.
fn check_sources(settings: &Settings) -> Result<()> {
    let listed = settings.files_from.iter().map(|(source, _)| *source);
    let named: Vec<Source> = settings
        .paths
        .iter()
        .map(|(source, _)| *source)
        .chain(listed)
        .collect();
    if settings.dir.is_some() && !named.is_empty() {
        return Err(Error::settings(
            "either give the folder of all sources or name each of them, not both",
        ));
    }
    let sources = &settings.sources()[..];
    if settings.dir.is_none() && !named.contains(&sources[0]) {
        return Err(Error::settings(match settings.question {
            Question::Dwell => "no events to read; give their path, or --files-from events=LIST",
            _ => "no impressions to read; give the folder that holds them, or --impressions PATH",
        }));
    }
    if let Some(other) = named.iter().find(|source| !sources.contains(source)) {
        return Err(not_read(settings, *other));
    }
    for source in sources {
        let name = source.name();
        // Paths may be several, but a list of them is all that there is.
        let listed = settings.files_from.iter().filter(|(of, _)| of == source);
        let by_path = settings.paths.iter().any(|(of, _)| of == source);
        if listed.count() + usize::from(by_path) > 1 {
            return Err(Error::settings(format!("{name} are named twice")));
        }
        if settings.without.contains(source) && named.contains(source) {
            return Err(Error::settings(format!(
                "--without {name}, but {name} are named"
            )));
        }
    }
    let is_action = |of: &Source| Source::ACTIONS.contains(of) || sources[1..].contains(of);
    if !settings.without.iter().all(is_action) {
        return Err(Error::settings("--without takes clicks, carts or orders"));
    }
    if settings.out.as_os_str().is_empty() {
        return Err(Error::settings("no output; say --out OUT"));
    }
    check_out("--out", &settings.out)?;
    match &settings.temp_dir {
        Some(folder) => check_out("--temp-dir", folder),
        None => Ok(()),
    }
}

/// The error for a source that a job does not read.
fn not_read(settings: &Settings, source: Source) -> Error {
    let sources = settings.sources();
    let known: Vec<_> = sources.iter().map(Source::name).collect();
    let (question, source, known) = (settings.question.name(), source.name(), known.join(", "));
    Error::settings(format!("{question} reads no {source}, but {known}"))
}

/// Column names that exist, once each, and availability of actions only.
fn check_columns(settings: &Settings) -> Result<()> {
    for (at, (source, ours, _)) in settings.columns.iter().enumerate() {
        let mut known = source.columns(settings.question).to_vec();
        let name = source.name();
        if known.is_empty() || !settings.sources().contains(source) {
            return Err(not_read(settings, *source));
        }
        if settings.actions.iter().any(|of| of.source == *source) {
            let told = sides::side_columns(settings).into_iter();
            known.extend(told.map(|of| of.name.as_str()));
        }
        if !known.contains(&ours.as_str()) {
            let known = known.join(", ");
            return Err(Error::settings(format!(
                "{name} have no column \"{ours}\", but {known}"
            )));
        }
        if settings.columns[..at]
            .iter()
            .any(|(of, other, _)| of == source && other == ours)
        {
            return Err(Error::settings(format!(
                "--columns names {name}.{ours} twice"
            )));
        }
    }
    let available = settings
        .available
        .iter()
        .map(|(source, _)| ("--available", *source));
    let embargo = settings
        .embargo_us
        .iter()
        .map(|(source, _)| ("--embargo", *source));
    let mut seen = Vec::new();
    for (flag, source) in available.chain(embargo) {
        let name = source.name();
        let is_action = |of: &ActionSource| of.source == source;
        if !settings.actions.iter().any(is_action) {
            let known: Vec<_> = settings.actions.iter().map(|of| of.source.name()).collect();
            let known = known.join(", ");
            return Err(Error::settings(format!("{flag} takes actions: {known}")));
        }
        if seen.contains(&(flag, source)) {
            return Err(Error::settings(format!("{flag} names {name} twice")));
        }
        seen.push((flag, source));
    }
    Ok(())
}
