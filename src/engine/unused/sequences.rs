//! Sources of actions of which no row is in any history.

use serde::{Deserialize, Serialize};

use super::actions::{ActionExclusions, count_exclusions};
use super::{
    RejectedShare, UnopenedFiles, Unused, UnusedSource, check_rejected, conclude, one_label,
    range_text, reasons_text, unopened_files,
};
use crate::calendar::Lookback;
use crate::catalog::paths::SourceFiles;
use crate::context::RunContext;
use crate::dictionary::probes::Probes;
use crate::encode::ItemColumn;
use crate::engine::input_warnings::of_probes;
use crate::engine::specs::read_spec;
use crate::error::Result;
use crate::ids::{Item, Micros, both};
use crate::job::{ActionSource, Guests, Job, Source, Types};
use crate::kernel::column::Customer;
use crate::kernel::op::counts::HistoryCounts;
use crate::output::FilesRead;
use crate::output::sequences::{SequenceTotals, SequencesRead};
use crate::scan::Opened;
use crate::scan::actions::ActionStats;
use crate::scan::bad_rows::rejected_of;
use crate::scan::impressions::ImpressionStats;
use crate::scan::time_kinds::ShownTimes;
use crate::warnings::{Noticed, Warning, WarningEntry, entries, merge_entries, of_entries};

/// What a run knows of its sources of actions, as far as it has no effect; that of several shards adds up.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct SourcesSeen {
    sources: Vec<SourceSeen>,
    /// A customer of the impressions, as an example.
    known_customer: Option<String>,
    /// The earliest and the latest cutoff.
    cutoffs: Option<(Micros, Micros)>,
    /// The first time of each kind.
    times: ShownTimes,
    /// Other warnings from reading.
    warnings: Vec<WarningEntry>,
}

/// A source of actions that is read and whose types count.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct SourceSeen {
    source: Source,
    /// Why its rows are in no history; nothing if some are.
    exclusions: Option<ActionExclusions>,
    unopened: Option<UnopenedFiles>,
}

/// Looks which sources have an effect, and why others have none.
///
/// # Errors
/// If a file cannot be read again.
pub(crate) fn see_sources<I: ItemColumn>(
    job: &Job,
    context: &RunContext,
    read: &SequencesRead<I>,
    counts: &HistoryCounts,
) -> Result<SourcesSeen> {
    let (probes, inputs) = (&read.probes, &read.inputs);
    let mut seen = SourcesSeen {
        sources: Vec::new(),
        known_customer: known_customer(probes),
        cutoffs: cutoffs_of(probes),
        times: read.times.clone(),
        warnings: entries(&inputs.warnings),
    };
    // Without a cutoff no file of actions was opened, so nothing can be said of their sources; but for a shard
    // that somebody else has dealt.
    let is_opened = seen.cutoffs.is_some() || job.dealt_shard().is_some();
    for (_, action) in read_sources(job, &inputs.sources).filter(|_| is_opened) {
        // Histories hold types, not sources, so they prove nothing if two sources share a type.
        let is_used = is_used(job, action, counts);
        let mut exclusions = None;
        if !is_used || shares_types(job, action) {
            let enough = if is_used { 1 } else { u64::MAX };
            let (opened, source) = (&inputs.opened, action.source);
            let counted = count_exclusions(job, context, probes, opened, source, enough)?;
            // If none is eligible, no thread stopped early, and the counts are exact.
            exclusions = Some(counted).filter(|counted| !is_used || counted.eligible == 0);
        }
        seen.sources.push(SourceSeen {
            source: action.source,
            exclusions,
            unopened: unopened_files(&inputs.sources, &inputs.opened, action.source),
        });
    }
    Ok(seen)
}

impl SourcesSeen {
    /// Adds what the next shard knows.
    pub(crate) fn merge(&mut self, next: SourcesSeen) {
        let sources = self.sources.iter_mut().zip(next.sources);
        for (own, more) in sources {
            own.exclusions = own
                .exclusions
                .take()
                .zip(more.exclusions)
                .map(|(mut own, more)| {
                    own.merge(more);
                    own
                });
        }
        self.known_customer = self.known_customer.take().or(next.known_customer);
        self.cutoffs = both(self.cutoffs, next.cutoffs);
        self.times.merge(next.times);
        merge_entries(&mut self.warnings, next.warnings);
    }
}

/// Checks that the sources of a run of `sequences` had an effect.
///
/// # Errors
/// If no action of any source is in any history, or all rows of a source were rejected.
pub(crate) fn notice_sequences(
    job: &Job,
    files: &FilesRead,
    totals: &SequenceTotals,
    seen: &SourcesSeen,
) -> Result<Noticed> {
    // If all days are skipped, no source was needed.
    if totals.days.is_empty() && files.days_skipped > 0 {
        return Ok(Noticed::default());
    }
    check_rejected(job, &rejected_shares(job, files, totals))?;
    let mut warnings = of_entries(&seen.warnings);
    warnings.extend(seen.times.check(&read_spec(job))?);
    if totals.days.iter().all(|day| day.rows == 0) {
        let unused = [unused_impressions(job, totals)];
        return conclude(job, &unused, Unused::All, "", warnings);
    }
    // A job without actions has no unused source.
    let mut is_all = !seen.sources.is_empty();
    let mut unused = Vec::new();
    for of_source in &seen.sources {
        let slot = job.slot(of_source.source).unwrap_or_default();
        let action = &job.sequences().actions[slot];
        let is_used = is_used(job, action, &totals.histories);
        is_all &= !is_used;
        let Some(exclusions) = &of_source.exclusions else {
            continue;
        };
        // Shards that hold none of its actions have counted; only of a shared type does that count.
        if is_used && (exclusions.eligible > 0 || !shares_types(job, action)) {
            continue;
        }
        let customer = seen.known_customer.as_deref();
        let mut source = unused_actions(job, action, customer, &totals.actions[slot], exclusions);
        source.unopened = of_source.unopened;
        unused.push(source);
    }
    let histories = || totals.days.iter().map(|day| &day.stats.histories);
    let samples: u64 = histories().map(|stats| stats.samples()).sum();
    let labelled = samples - histories().map(|stats| stats.null_labels).sum::<u64>();
    let positives = histories().map(|stats| stats.positives).sum();
    warnings.extend(one_label("is_order", labelled, positives));
    let share = if is_all { Unused::All } else { Unused::Some };
    conclude(job, &unused, share, &range_note(seen.cutoffs), warnings)
}

/// Rows of each source, and how many of them were rejected.
fn rejected_shares(job: &Job, files: &FilesRead, totals: &SequenceTotals) -> Vec<RejectedShare> {
    let rejected = |source| rejected_of(&files.rejected, source);
    let impressions: u64 = totals
        .days
        .iter()
        .map(|day| day.impressions.impressions)
        .sum();
    let impressions_rejected = rejected(Source::Impressions);
    let mut shares = vec![RejectedShare {
        source: Source::Impressions,
        rows: impressions_rejected,
        rejected: impressions_rejected,
    }];
    let rejected_with_day: u64 = totals.days.iter().map(|day| day.impressions.rejected).sum();
    // A rejected row whose day is unknown is in no count of a day. So all impressions were rejected
    // if all of those with a day were.
    shares.retain(|_| impressions == rejected_with_day);
    let actions = job.sequences().actions.iter().zip(&totals.actions);
    shares.extend(actions.map(|(action, stats)| RejectedShare {
        source: action.source,
        rows: stats.rows,
        rejected: rejected(action.source),
    }));
    shares
}

/// The warnings of `plan`: sources of which no row can be in a history.
pub(crate) fn warn_sequences<I: Item>(
    job: &Job,
    context: &RunContext,
    sources: &[SourceFiles],
    probes: &Probes<I>,
    opened: &[Opened],
) -> Result<Vec<Warning>> {
    let mut warnings = of_probes(job, probes, None);
    let note = range_note(cutoffs_of(probes));
    let customer = known_customer(probes);
    for (_, action) in read_sources(job, sources) {
        let exclusions = count_exclusions(job, context, probes, opened, action.source, 1)?;
        if exclusions.eligible == 0 {
            let stats = ActionStats::default();
            let customer = customer.as_deref();
            let mut source = unused_actions(job, action, customer, &stats, &exclusions);
            source.unopened = unopened_files(sources, opened, action.source);
            warnings.push(source.warning(&note));
        }
    }
    Ok(warnings)
}

/// The sources of actions that are read and whose types count, with their index in the job's list.
fn read_sources<'a>(
    job: &'a Job,
    sources: &'a [SourceFiles],
) -> impl Iterator<Item = (usize, &'a ActionSource)> {
    let is_read = |action: &ActionSource| sources.iter().any(|files| files.source == action.source);
    let counts = |action: &ActionSource| {
        let mut codes = action.codes().into_iter();
        codes.any(|code| job.counts_type(code))
    };
    let all = job.sequences().actions.iter().enumerate();
    all.filter(move |(_, action)| is_read(action) && counts(action))
}

/// Whether some history holds an action of one of the types of a source.
fn is_used(job: &Job, action: &ActionSource, counts: &HistoryCounts) -> bool {
    let codes = action.codes().into_iter();
    let mut codes = codes.filter(|code| job.counts_type(*code));
    // There are 128 counts, and a code is at most 127.
    codes.any(|code| counts.actions[usize::from(code)] > 0)
}

/// Whether another source has one of the types of a source.
fn shares_types(job: &Job, action: &ActionSource) -> bool {
    let codes = action.codes();
    let others = job
        .sequences()
        .actions
        .iter()
        .filter(|other| other.source != action.source);
    others
        .flat_map(ActionSource::codes)
        .any(|code| codes.contains(&code))
}

/// The range of cutoffs, which the times of sources were compared with.
fn range_note(cutoffs: Option<(Micros, Micros)>) -> String {
    cutoffs.map_or_else(String::new, |range| {
        format!("; cutoffs run {}", range_text(range))
    })
}

/// The earliest and the latest cutoff of all impressions, if there is one.
fn cutoffs_of<I: Item>(probes: &Probes<I>) -> Option<(Micros, Micros)> {
    let everyone = probes.asked?;
    Some((everyone.first_cutoff, everyone.last_cutoff))
}

/// A customer of the impressions, as an example.
fn known_customer<I: Item>(probes: &Probes<I>) -> Option<String> {
    let first = probes.rows.first();
    first.map(|row| match probes.impressions.customer(*row) {
        Customer::Guest => "none".to_owned(),
        Customer::Int(id) => id.to_string(),
        Customer::Text(id) => format!("\"{id}\""),
    })
}

/// Why no impression becomes a row.
fn unused_impressions(job: &Job, totals: &SequenceTotals) -> UnusedSource {
    let days = || totals.days.iter().map(|day| &day.impressions);
    let sum = |count: fn(&ImpressionStats) -> u64| -> u64 { days().map(count).sum() };
    let rows = sum(|day| day.impressions);
    let guests = match job.sequences().guests {
        Guests::Drop => sum(|day| day.guests),
        Guests::Empty => 0,
    };
    let counts = [
        (
            guests,
            "without a customer (--guests empty keeps them)".to_owned(),
        ),
        (sum(|day| day.without_items), "without items".to_owned()),
        (sum(|day| day.rejected), "set aside".to_owned()),
        (
            sum(|day| day.sampled_away),
            "left without a sample".to_owned(),
        ),
    ];
    UnusedSource {
        source: Source::Impressions,
        rows,
        reason: reasons_text(rows, &counts),
        times: None,
        unopened: None,
    }
}

/// Why no action of a source is in any history.
fn unused_actions(
    job: &Job,
    action: &ActionSource,
    known_customer: Option<&str>,
    stats: &ActionStats,
    exclusions: &ActionExclusions,
) -> UnusedSource {
    // A plan has no count of rows, so it takes those of the second scan.
    let rows = stats.rows.max(exclusions.rows());
    let unknown = exclusions.unknown_customer.as_ref();
    let unknown = unknown.map_or_else(|| "none".to_owned(), ToString::to_string);
    let unknown_customers = format!(
        "of customers that no impression asks about, such as {} (impressions ask about {})",
        unknown,
        known_customer.unwrap_or("nobody")
    );
    let lookback = match job.sequences().lookback() {
        Some(Lookback::Days(days)) => format!("before the lookback of {days} days"),
        Some(Lookback::Years(1)) => "before the lookback of 1 year".to_owned(),
        Some(Lookback::Years(years)) => format!("before the lookback of {years} years"),
        None => "before the lookback".to_owned(),
    };
    let counts = [
        (exclusions.unknown_customers, unknown_customers),
        (exclusions.no_customer, "without a customer".to_owned()),
        (exclusions.early, lookback),
        (
            exclusions.late,
            "not before any cutoff of their customer".to_owned(),
        ),
        (
            exclusions.embargoed,
            "known too late, by --embargo".to_owned(),
        ),
        (exclusions.no_time, "without a time".to_owned()),
        (exclusions.eligible, eligible_text(job, action, stats)),
        (
            rows - exclusions.rows(),
            "set aside, or cannot be read".to_owned(),
        ),
    ];
    UnusedSource {
        source: action.source,
        rows,
        reason: reasons_text(rows, &counts),
        times: exclusions.times,
        unopened: None,
    }
}

/// Why actions that happened in time may be in no history.
fn eligible_text(job: &Job, action: &ActionSource, stats: &ActionStats) -> String {
    // The second scan reads only customers and times. For these rows it can say what may be the
    // reason, not what is.
    let reasons = [
        (stats.filtered, "left out by where"),
        (stats.without_code, "of types without a code"),
        (stats.null_available, "never known, by --available"),
        (
            u64::from(job.available_column(action.source).is_some()),
            "known too late, by --available",
        ),
        (
            u64::from(matches!(action.types, Types::Column { .. })),
            "of types that do not count",
        ),
        (
            u64::from(job.sequences().item_vocabulary.is_some()),
            "on items that the vocabulary lacks",
        ),
        (
            1,
            "older than the newest of their customer that a history has room for",
        ),
    ];
    let reasons = reasons.iter().filter(|(count, _)| *count > 0);
    let reasons: Vec<&str> = reasons.map(|(_, text)| *text).collect();
    format!("in time, but {}", reasons.join(", or "))
}
