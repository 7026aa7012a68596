//! Explains impressions of a set of `sequences`: all actions of the customer, and why each is or is not in
//! the history.
//!
//! **In / Out**: `OUT` and which impressions → [`Explained`], recomputed from the inputs that its
//! manifest lists. **Invariants**: only the reference implementation is used, not the engine.

mod explainer;

use std::collections::BTreeSet;
use std::path::PathBuf;

use self::explainer::Explainer;
use crate::context::{RunContext, Stage};
use crate::engine::{guarded, in_threads};
use crate::error::{Error, ErrorKind, Result};
use crate::ids::Day;
use crate::job::{JobKind, Source};
use crate::place::check_in;
use crate::reference::read;
use crate::verify::audit::{InputFolders, SetInputs, lost_text};
use crate::verify::listing::FolderListing;
use crate::verify::manifests::PublishedSet;
use crate::verify::{Problems, check_is_set, vocabulary};

/// Which impressions are explained.
#[derive(Clone, Debug, Default)]
pub struct ExplainSettings {
    /// The folder that `sequences` published.
    pub out: PathBuf,
    /// Threads to work with, at least 1.
    pub threads: usize,
    /// The folder that relative input paths start from, if not that of the run.
    pub inputs_from: Option<PathBuf>,
    /// Impressions of this ranking, if given.
    pub ranking_id: Option<String>,
    /// Impressions of this customer, if given.
    pub customer: Option<String>,
    /// Impressions of this day, if given.
    pub day: Option<Day>,
}

/// An impression, and all actions of its customer with their outcome.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explained {
    /// The customer; nobody for a guest.
    pub customer: Option<String>,
    /// The ranking id.
    pub ranking: String,
    /// The day of its partition.
    pub day: Day,
    /// The file and the 1-based record that it came from.
    pub from: (String, u64),
    /// The cutoff, in UTC.
    pub cutoff: String,
    /// The start of the lookback in UTC, if there is one.
    pub lookback_start: Option<String>,
    /// The maximum length of a history.
    pub actions_max: Option<u32>,
    /// The time zone of days and of wall times.
    pub timezone: String,
    /// The names of the attribute columns.
    pub told: Vec<String>,
    /// The actions, newest first, then the bad rows.
    pub actions: Vec<ExplainedAction>,
}

/// An action and its outcome.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExplainedAction {
    /// When it happened, in UTC; nothing for a bad row.
    pub time: Option<String>,
    /// Its source.
    pub source: Source,
    /// The code of its type; nothing for a bad row.
    pub kind: Option<u8>,
    /// Its item; nothing for a bad row, or if the vocabulary lacks the item.
    pub item: Option<i64>,
    /// The text of its item, if item ids are texts.
    pub item_text: Option<String>,
    /// Its attributes as text; empty for a bad row.
    pub told: Vec<String>,
    /// Its position in the history, if it is there.
    pub position: Option<u64>,
    /// Whether it is in the history and why not, in words.
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
/// use hitherto::{RunContext, ExplainSettings, explain};
///
/// let settings = ExplainSettings {
///     out: "training".into(),
///     threads: 2,
///     ranking_id: Some("r17".into()),
///     ..ExplainSettings::default()
/// };
/// for impression in explain(&settings, &RunContext::default())? {
///     println!("{}: {} actions", impression.ranking, impression.actions.len());
/// }
/// # Ok::<(), hitherto::Error>(())
/// ```
pub fn explain(settings: &ExplainSettings, context: &RunContext) -> Result<Vec<Explained>> {
    check_in(&settings.out)?;
    let threads = settings.threads.clamp(1, 1024);
    in_threads(threads, || guarded("the inputs", || run(settings, context)))
}

/// Explains on the current thread pool.
fn run(settings: &ExplainSettings, context: &RunContext) -> Result<Vec<Explained>> {
    context.enter(Stage::LOOK, 0);
    check_is_set(&settings.out)?;
    let mut problems = Problems::default();
    let listing = FolderListing::new(&settings.out)?;
    let set = PublishedSet::read(&settings.out, &listing, &mut problems)?;
    // Only manifests are checked, not the parts: an explanation comes from the inputs alone.
    let Some(set) = set.filter(|_| problems.count == 0) else {
        return Err(damaged(settings, &problems));
    };
    if set.job_kind != JobKind::Sequences {
        let job = set.job_kind.name();
        let what = format!("explain reads sets of sequences; this one is of {job}");
        return Err(Error::settings(what));
    }
    let is_wanted = |at: &usize| settings.day.is_none_or(|day| set.days[*at].day == day);
    let days: BTreeSet<usize> = (0..set.days.len()).filter(is_wanted).collect();
    let folders = InputFolders {
        out: &settings.out,
        from: settings.inputs_from.as_deref(),
    };
    let mut lost = Problems::default();
    let inputs = SetInputs::of_days(&set, &days, folders, &mut lost)?;
    let inputs = inputs.ok_or_else(|| without_inputs(settings, &lost))?;
    context.enter(Stage::AUDIT, 0);
    let explainer = Explainer {
        query: settings,
        set: &set,
        settings: &set.settings,
        rules: read::rules(&set.settings),
        codes: vocabulary::codes(&settings.out, &set, context)?,
    };
    let explained = explainer.explain_all(&inputs, context)?;
    context.leave();
    Ok(explained)
}

/// The error for a set that is damaged, with the first problem.
fn damaged(settings: &ExplainSettings, problems: &Problems) -> Error {
    let first = problems.list.first();
    let what = first.map_or_else(String::new, |problem| {
        format!("{}: {}", problem.path, problem.what)
    });
    Error::bad_file(settings.out.display().to_string(), what)
}

/// The error for a set whose files are sound, but whose inputs are gone or have changed.
fn without_inputs(settings: &ExplainSettings, lost: &Problems) -> Error {
    let out = settings.out.display();
    let why = lost_text(lost, settings.inputs_from.as_deref());
    let what = format!("nothing in \"{out}\" can be explained: {why}");
    Error::from(ErrorKind::NoInput { what })
}
