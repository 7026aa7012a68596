//! One impression of a set of `sequences`, with every action of its customer and what became of it.
//!
//! **In / Out**: `OUT` and which impressions → [`Explained`], recomputed from the inputs that its
//! manifest lists. **Invariants**: naive reader and twin say why; the engine is not asked.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use super::audit::{Inputs, Sought, lost_text, number_text};
use super::manifests::PublishedSet;
use super::{Problems, check_is_set, vocabulary};
use crate::calendar::{date_text, instant_text};
use crate::context::{RunContext, Stage};
use crate::engine::{guarded, in_threads};
use crate::error::{Error, ErrorKind, Result};
use crate::ids::{Day, Micros};
use crate::job::{Attribute, DT, Guests, JobKind, Settings, Source};
use crate::place::check_in;
use crate::reference::read;
use crate::reference::read::{Found, ItemCodes};
use crate::reference::{
    Barred, Candidate, Fate, LogAction, LogImpression, LogTime, Rules, fates, sequences,
};
use crate::verify::listing::Tree;

/// Which impressions are explained.
#[derive(Clone, Debug, Default)]
pub struct ExplainSettings {
    /// The folder that `sequences` published.
    pub out: PathBuf,
    /// Threads to work with, at least 1.
    pub threads: usize,
    /// The folder that relative paths of inputs start from, if not the one that the run was in.
    pub inputs_from: Option<PathBuf>,
    /// Impressions of this ranking, if given.
    pub ranking_id: Option<String>,
    /// Impressions of this customer, if given.
    pub customer: Option<String>,
    /// Impressions of this day, if given.
    pub day: Option<Day>,
}

/// An impression, and what became of each action of its customer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explained {
    /// The customer; nobody for a guest.
    pub customer: Option<String>,
    /// The ranking.
    pub ranking: String,
    /// The day.
    pub day: Day,
    /// The file and the 1-based record that it came from.
    pub from: (String, u64),
    /// The cutoff, in UTC.
    pub cutoff: String,
    /// Where the lookback begins, in UTC, if it does.
    pub lookback_start: Option<String>,
    /// The most actions of a history.
    pub actions_max: u32,
    /// The zone of days and of wall times.
    pub timezone: String,
    /// The columns that are told of actions.
    pub told: Vec<String>,
    /// The actions: newest first, then those that were set aside.
    pub actions: Vec<ExplainedAction>,
}

/// An action, and what became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExplainedAction {
    /// When it happened, in UTC; nothing if it was set aside.
    pub time: Option<String>,
    /// The source that it came from.
    pub source: Source,
    /// The code of its type; nothing if it was set aside.
    pub kind: Option<u8>,
    /// On what; nothing if it was set aside, or the vocabulary lacks it.
    pub item: Option<i64>,
    /// Its item's text, if that is what ids of items are.
    pub item_text: Option<String>,
    /// What columns tell of it, as text; nothing if it was set aside.
    pub told: Vec<String>,
    /// Its place in the history, if it is in it.
    pub position: Option<u64>,
    /// What became of it, in words.
    pub fate: String,
    /// The file and the 1-based record that it came from.
    pub from: (String, u64),
}

/// Explains impressions of a set of `sequences`.
///
/// # Errors
/// [`ErrorKind::NoInput`] if there is no such set or no such impression, or an input is gone or is not
/// the one that the run read; [`ErrorKind::BadFile`] if its manifests are not sound.
///
/// # Examples
/// ```no_run
/// use hitherto::{Control, ExplainSettings, explain};
///
/// let settings = ExplainSettings {
///     out: "training".into(),
///     threads: 2,
///     ranking_id: Some("r17".into()),
///     ..ExplainSettings::default()
/// };
/// for impression in explain(&settings, &Control::default())? {
///     println!("{}: {} actions", impression.ranking, impression.actions.len());
/// }
/// # Ok::<(), hitherto::Error>(())
/// ```
pub fn explain(settings: &ExplainSettings, context: &RunContext) -> Result<Vec<Explained>> {
    check_in(&settings.out)?;
    let threads = settings.threads.clamp(1, 1024);
    in_threads(threads, || guarded("the inputs", || run(settings, context)))
}

/// Explains on the threads that there are.
fn run(settings: &ExplainSettings, context: &RunContext) -> Result<Vec<Explained>> {
    context.enter(Stage::LOOK, 0);
    check_is_set(&settings.out)?;
    let mut problems = Problems::default();
    let tree = Tree::new(&settings.out)?;
    let set = PublishedSet::read(&settings.out, &tree, &mut problems)?;
    let Some(set) = set.filter(|_| problems.count == 0) else {
        return Err(refused(settings, &problems));
    };
    if set.job_kind != JobKind::Sequences {
        let job = set.job_kind.name();
        let what = format!("explain tells of sets of sequences; this one is of {job}");
        return Err(Error::settings(what));
    }
    let is_asked = |at: &usize| settings.day.is_none_or(|day| set.days[*at].day == day);
    let days: BTreeSet<usize> = (0..set.days.len()).filter(is_asked).collect();
    let sought = Sought {
        out: &settings.out,
        from: settings.inputs_from.as_deref(),
    };
    let mut lost = Problems::default();
    let inputs = Inputs::of_days(&set, &days, sought, &mut lost)?;
    let inputs = inputs.ok_or_else(|| without_inputs(settings, &lost))?;
    context.enter(Stage::AUDIT, 0);
    let explained = explain_all(settings, &set, &inputs, context)?;
    context.leave();
    Ok(explained)
}

/// The error for a set that is not sound, with the first of what is wrong.
fn refused(settings: &ExplainSettings, problems: &Problems) -> Error {
    let first = problems.list.first();
    let what = first.map_or_else(String::new, |of| format!("{}: {}", of.path, of.what));
    Error::bad_file(settings.out.display().to_string(), what)
}

/// The error for a set that is sound, but whose inputs are gone or have changed.
fn without_inputs(settings: &ExplainSettings, lost: &Problems) -> Error {
    let out = settings.out.display();
    let why = lost_text(lost, settings.inputs_from.is_some());
    let what = format!("nothing in \"{out}\" can be explained: {why}");
    Error::from(ErrorKind::NoInput { what })
}

/// Explains all impressions that match.
fn explain_all(
    settings: &ExplainSettings,
    set: &PublishedSet,
    inputs: &Inputs,
    context: &RunContext,
) -> Result<Vec<Explained>> {
    let told = &set.settings;
    let rules = read::rules(told);
    let check: read::Check<'_> = &|| context.check();
    let codes = &vocabulary::codes(&settings.out, set, context)?;
    let (mut explained, mut others) = (Vec::new(), Vec::new());
    for group in &inputs.groups {
        let mut shown = Vec::new();
        for (days, files) in &group.days {
            context.check()?;
            let days: BTreeSet<i32> = days.iter().map(|at| set.days[*at].day.0).collect();
            let is_wanted = |day: i32, customer: Option<&str>, ranking: &str| {
                days.contains(&day)
                    && settings
                        .ranking_id
                        .as_deref()
                        .is_none_or(|of| of == ranking)
                    && (settings.customer.is_none() || settings.customer.as_deref() == customer)
            };
            for found in read::impressions((told, codes), files, &is_wanted, check)? {
                match found.row {
                    Err(fault) => others.push(format!(
                        "record {} of \"{}\" was set aside: column \"{}\": {}",
                        found.record, found.file, fault.column, fault.what
                    )),
                    Ok(of) if of.customer.is_none() && told.sequences().guests == Guests::Drop => {
                        others.push(format!(
                            "record {} of \"{}\" is of a guest, and those were left out",
                            found.record, found.file
                        ));
                    }
                    Ok(of) if is_sampled_away(&rules, &of) => others.push(format!(
                        "of record {} of \"{}\" the sample of negatives has left nothing",
                        found.record, found.file
                    )),
                    Ok(of) => shown.push((of, (found.file.to_string(), found.record))),
                }
            }
        }
        let customers: BTreeSet<&str> = shown
            .iter()
            .filter_map(|(of, _)| of.customer.as_deref())
            .collect();
        if shown.is_empty() {
            continue;
        }
        let is_wanted = |of: &str| customers.contains(of);
        let (actions, _) = read::actions((told, codes), &group.files, &is_wanted, check)?;
        let mut by_customer: BTreeMap<&str, Vec<&Found<LogAction>>> = BTreeMap::new();
        for action in &actions {
            by_customer.entry(&action.of).or_default().push(action);
        }
        for (of, from) in &shown {
            let own = of.customer.as_deref().and_then(|of| by_customer.get(of));
            let own = own.map_or(&[][..], Vec::as_slice);
            explained.push(explain_one((told, codes), &rules, (of, from), own));
        }
    }
    if explained.is_empty() {
        return Err(not_found(settings, set, &others));
    }
    Ok(explained)
}

/// Whether an impression has no rows because it has negatives only, all of them left out.
fn is_sampled_away(rules: &Rules, of: &LogImpression) -> bool {
    let is_empty = |rules| sequences(rules, std::slice::from_ref(of), &[]).is_empty();
    let all = Rules {
        negatives: None,
        ..rules.clone()
    };
    is_empty(rules) && !is_empty(&all)
}

/// The error if no impression matches.
fn not_found(settings: &ExplainSettings, set: &PublishedSet, others: &[String]) -> Error {
    let mut asked = Vec::new();
    asked.extend(
        settings
            .ranking_id
            .as_ref()
            .map(|of| format!("ranking \"{of}\"")),
    );
    asked.extend(
        settings
            .customer
            .as_ref()
            .map(|of| format!("customer {of}")),
    );
    asked.extend(settings.day.map(|of| format!("day {}", date_text(of))));
    let days = match (set.days.first(), set.days.last()) {
        (Some(first), Some(last)) => {
            let (first, last) = (date_text(first.day), date_text(last.day));
            format!("its days are {first} to {last}")
        }
        _ => "it has no days".to_owned(),
    };
    let why = others.first().unwrap_or(&days);
    let out = settings.out.display();
    let what = format!("no impression of {} in \"{out}\"; {why}", asked.join(", "));
    Error::from(ErrorKind::NoInput { what })
}

/// Explains one impression.
fn explain_one(
    (told, codes): (&Settings, &ItemCodes),
    rules: &Rules,
    (shown, from): (&LogImpression, &(String, u64)),
    own: &[&Found<LogAction>],
) -> Explained {
    let (good, bad): (Vec<_>, Vec<_>) = own.iter().copied().partition(|of| of.row.is_ok());
    let log: Vec<LogAction> = good.iter().filter_map(|of| of.row.clone().ok()).collect();
    let known = fates(rules, shown, &log);
    let mut lines = Vec::new();
    for (place, candidate) in known.candidates.iter().enumerate() {
        let action = &log[candidate.at];
        let before = place.checked_sub(1).map(|before| known.candidates[before]);
        let is_same = |of: Candidate| {
            let other = &log[of.at];
            (of.time_us, other.kind, other.item) == (candidate.time_us, action.kind, action.item)
        };
        let found = good[candidate.at];
        let source = found.source;
        let mut fate = fate_text(told, (source, action), candidate.fate);
        if candidate.fate != Fate::Repeat && before.is_some_and(is_same) {
            fate += ", an exact duplicate of the one before";
        }
        lines.push(ExplainedAction {
            time: Some(instant_text(Micros(candidate.time_us))),
            source,
            kind: Some(action.kind),
            item: Some(action.item).filter(|item| *item != 0),
            item_text: codes.text(action.item),
            told: action.told.iter().map(number_text).collect(),
            position: match candidate.fate {
                Fate::Kept(position) => u64::try_from(position).ok(),
                _ => None,
            },
            fate,
            from: (found.file.to_string(), found.record),
        });
    }
    for found in bad {
        if let Err(fault) = &found.row {
            lines.push(ExplainedAction {
                time: None,
                source: found.source,
                kind: None,
                item: None,
                item_text: None,
                told: Vec::new(),
                position: None,
                fate: format!("quarantined: column \"{}\": {}", fault.column, fault.what),
                from: (found.file.to_string(), found.record),
            });
        }
    }
    Explained {
        customer: shown.customer.clone(),
        ranking: shown.ranking.clone(),
        day: Day(shown.day),
        from: from.clone(),
        cutoff: instant_text(Micros(known.cutoff_us)),
        lookback_start: known.start_us.map(|start| instant_text(Micros(start))),
        actions_max: told.sequences().actions_max,
        timezone: told.zone_name().to_owned(),
        told: told
            .sequences()
            .attributes
            .iter()
            .filter(|side| **side != Attribute::TimeDelta)
            .map(|side| side.column().to_owned())
            .collect(),
        actions: lines,
    }
}

/// What became of an action, in words.
fn fate_text(told: &Settings, (source, of): (Source, &LogAction), fate: Fate) -> String {
    let available = told
        .sequences()
        .available
        .iter()
        .find(|(of, _)| *of == source);
    let available = available.map_or("", |(_, column)| column.as_str());
    let embargo = told
        .sequences()
        .embargo_us
        .iter()
        .find(|(of, _)| *of == source);
    let seconds = embargo.map_or(0, |(_, us)| us / 1_000_000);
    match fate {
        Fate::Kept(position) => format!("kept at position {position}"),
        Fate::Repeat => "left out as a repeat of the one before".to_owned(),
        Fate::BeyondLast => format!("beyond the last {}", told.sequences().actions_max),
        Fate::Barred(why) => match why {
            Barred::UnknownItem => "on an item that the vocabulary lacks".to_owned(),
            Barred::OtherType => "of a type that does not count".to_owned(),
            Barred::AtCutoff => "at the very cutoff, so not prior".to_owned(),
            Barred::AfterCutoff => "after the cutoff".to_owned(),
            Barred::DayNotOver => "not yet known: only its day is, which was not over".to_owned(),
            Barred::NeverKnown => format!("never available: {available} is null"),
            Barred::KnownLate => match of.available.flatten() {
                Some(LogTime::Date(day)) if available == DT => {
                    let day = date_text(Day(day));
                    format!(
                        "not yet available: by {available} it landed on {day}, which was not over"
                    )
                }
                _ => format!("not yet available: by {available} not before the cutoff"),
            },
            Barred::Embargoed => format!("not yet available: embargo of {seconds} s"),
            Barred::BeforeLookback => "before the lookback".to_owned(),
        },
    }
}
