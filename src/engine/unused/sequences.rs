//! Sources of actions of which no row is in any history.

use super::actions::{ActionExclusions, count_exclusions};
use super::{
    RejectedShare, Unused, UnusedSource, check_rejected, conclude, one_label, range_text,
    reasons_text, unopened_files,
};
use crate::calendar::Lookback;
use crate::catalog::paths::SourceFiles;
use crate::context::RunContext;
use crate::dictionary::probes::Probes;
use crate::encode::{ItemColumn, RowStats};
use crate::engine::input_warnings::of_probes;
use crate::error::Result;
use crate::ids::Item;
use crate::job::{ActionSource, Guests, Job, Source, Types};
use crate::kernel::column::Customer;
use crate::kernel::op::counts::HistoryCounts;
use crate::output::sequences::SequencesRead;
use crate::scan::Opened;
use crate::scan::actions::ActionStats;
use crate::scan::bad_rows::rejected_of;
use crate::scan::impressions::ImpressionStats;
use crate::warnings::{Noticed, Warning};

/// Checks that the sources of a run of `sequences` had an effect.
///
/// # Errors
/// If no action of any source is in any history, or all rows of a source were rejected.
pub(crate) fn notice_sequences<I: ItemColumn>(
    job: &Job,
    context: &RunContext,
    read: &SequencesRead<I>,
    rows: &[RowStats],
    counts: &HistoryCounts,
) -> Result<Noticed> {
    // If all days are skipped, no source was needed.
    if read.days.is_empty() && read.inputs.days_skipped(job) > 0 {
        return Ok(Noticed::default());
    }
    let rejected = |source| rejected_of(&read.inputs.rejected, source);
    let impressions: u64 = read.days.values().map(|day| day.impressions).sum();
    let impressions_rejected = rejected(Source::Impressions);
    let mut shares = vec![RejectedShare {
        source: Source::Impressions,
        rows: impressions_rejected,
        rejected: impressions_rejected,
    }];
    let rejected_with_day: u64 = read.days.values().map(|day| day.rejected).sum();
    // A rejected row whose day is unknown is in no count of a day. So all impressions were rejected
    // if all of those with a day were.
    shares.retain(|_| impressions == rejected_with_day);
    let actions = job.sequences().actions.iter().zip(&read.actions);
    shares.extend(actions.map(|(action, stats)| RejectedShare {
        source: action.source,
        rows: stats.rows,
        rejected: rejected(action.source),
    }));
    check_rejected(job, &shares)?;
    let mut warnings = read.inputs.warnings.clone();
    // Without a row no file of actions was opened, so nothing can be said of their sources.
    if read.probes.rows.is_empty() {
        return conclude(
            job,
            &[unused_impressions(job, read)],
            Unused::All,
            "",
            warnings,
        );
    }
    // A job without actions has no unused source.
    let mut is_all = read_sources(job, &read.inputs.sources).next().is_some();
    let mut unused = Vec::new();
    for (slot, action) in read_sources(job, &read.inputs.sources) {
        // Histories hold types, not sources, so they prove nothing if two sources share a type.
        let is_used = is_used(job, action, counts);
        is_all &= !is_used;
        if is_used && !shares_types(job, action) {
            continue;
        }
        let (probes, inputs) = (&read.probes, &read.inputs.opened);
        let enough = if is_used { 1 } else { u64::MAX };
        let exclusions = count_exclusions(job, context, probes, inputs, action.source, enough)?;
        // If none is eligible, no thread stopped early, and the counts below are exact.
        if is_used && exclusions.eligible > 0 {
            continue;
        }
        let mut source = unused_actions(job, action, probes, &read.actions[slot], &exclusions);
        source.unopened = unopened_files(&read.inputs.sources, inputs, action.source);
        unused.push(source);
    }
    let histories = || rows.iter().map(|row| &row.histories);
    let samples: u64 = histories().map(|stats| stats.samples()).sum();
    let labelled = samples - histories().map(|stats| stats.null_labels).sum::<u64>();
    let positives = histories().map(|stats| stats.positives).sum();
    warnings.extend(one_label("is_order", labelled, positives));
    let share = if is_all { Unused::All } else { Unused::Some };
    conclude(job, &unused, share, &range_note(&read.probes), warnings)
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
    let note = range_note(probes);
    for (_, action) in read_sources(job, sources) {
        let exclusions = count_exclusions(job, context, probes, opened, action.source, 1)?;
        if exclusions.eligible == 0 {
            let stats = ActionStats::default();
            let mut source = unused_actions(job, action, probes, &stats, &exclusions);
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
fn range_note<I: Item>(probes: &Probes<I>) -> String {
    if probes.rows.is_empty() {
        return String::new();
    }
    let everyone = probes.everyone();
    let range = (everyone.first_cutoff, everyone.last_cutoff);
    format!("; cutoffs run {}", range_text(range))
}

/// Why no impression becomes a row.
fn unused_impressions<I: ItemColumn>(job: &Job, read: &SequencesRead<I>) -> UnusedSource {
    let sum = |count: fn(&ImpressionStats) -> u64| -> u64 { read.days.values().map(count).sum() };
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
fn unused_actions<I: Item>(
    job: &Job,
    action: &ActionSource,
    probes: &Probes<I>,
    stats: &ActionStats,
    exclusions: &ActionExclusions,
) -> UnusedSource {
    // A plan has no count of rows, so it takes those of the second scan.
    let rows = stats.rows.max(exclusions.rows());
    let known_customer = probes
        .rows
        .first()
        .map(|row| match probes.impressions.customer(*row) {
            Customer::Guest => "none".to_owned(),
            Customer::Int(id) => id.to_string(),
            Customer::Text(id) => format!("\"{id}\""),
        });
    let unknown = exclusions.unknown_customer.as_ref();
    let unknown = unknown.map_or_else(|| "none".to_owned(), ToString::to_string);
    let unknown_customers = format!(
        "of customers that no impression asks about, such as {} (impressions ask about {})",
        unknown,
        known_customer.as_deref().unwrap_or("nobody")
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
