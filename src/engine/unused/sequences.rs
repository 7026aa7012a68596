//! Sources of actions of which none is in any history.

use super::actions::{Looked, look};
use super::{Finding, check_set_aside, closed_of, one_label, range_text, verdict, why_of};
use crate::catalog::paths::SourceFiles;
use crate::context::RunContext;
use crate::dictionary::probes::Probes;
use crate::encode::{ItemColumn, RowStats};
use crate::engine::warnings_of;
use crate::error::Result;
use crate::ids::Item;
use crate::job::{ActionSource, Guests, Job, Source, Types};
use crate::kernel::column::Customer;
use crate::kernel::op::counts::HistoryCounts;
use crate::output::sequences::SequencesRead;
use crate::scan::Opened;
use crate::scan::actions::ActionStats;
use crate::scan::bad_rows::rejected_of;
use crate::warnings::{Noticed, Warning};

/// Whether a run of `sequences` made something of its sources.
///
/// # Errors
/// If no action of any source is in any history, or all of a source was set aside.
pub(crate) fn notice_sequences<I: ItemColumn>(
    (job, context): (&Job, &RunContext),
    read: &SequencesRead<I>,
    (rows, counts): (&[RowStats], &HistoryCounts),
) -> Result<Noticed> {
    // Where all days are left as they are, nothing was asked.
    if read.days.is_empty() && read.inputs.days_skipped(job) > 0 {
        return Ok(Noticed::default());
    }
    let rejected = |source| rejected_of(&read.inputs.rejected, source);
    let impressions: u64 = read.days.values().map(|of| of.impressions).sum();
    let rejected_shown = rejected(Source::Impressions);
    let mut by_source = vec![(Source::Impressions, rejected_shown, rejected_shown)];
    let kept_from: u64 = read.days.values().map(|of| of.rejected).sum();
    by_source.retain(|_| impressions == kept_from);
    let of_actions = job.sequences().actions.iter().zip(&read.actions);
    by_source.extend(of_actions.map(|(of, tally)| (of.source, tally.rows, rejected(of.source))));
    check_set_aside(job, &by_source)?;
    if read.probes.rows.is_empty() {
        return verdict(
            job,
            (vec![nobody_asks(job, read)], true),
            "",
            read.inputs.warnings.clone(),
        );
    }
    // A job that reads no actions was asked for none.
    let mut is_all = read_sources(job, &read.inputs.sources).next().is_some();
    let mut findings = Vec::new();
    for (at, of) in read_sources(job, &read.inputs.sources) {
        // Of types that another source has too, histories do not tell whose they are.
        let is_used = is_used(job, of, counts);
        is_all &= !is_used;
        if is_used && !shares_types(job, of) {
            continue;
        }
        let (probes, inputs) = (&read.probes, &read.inputs.opened);
        let enough = if is_used { 1 } else { u64::MAX };
        let looked = look((job, context), probes, inputs, of.source, enough)?;
        if is_used && looked.eligible > 0 {
            continue;
        }
        let mut finding = found_of((job, of), &read.probes, &read.actions[at], &looked);
        finding.closed = closed_of(&read.inputs.sources, &read.inputs.opened, of.source);
        findings.push(finding);
    }
    let histories = || rows.iter().map(|of| &of.histories);
    let samples: u64 = histories().map(|of| of.samples()).sum();
    let labelled = samples - histories().map(|of| of.null_labels).sum::<u64>();
    let positives = histories().map(|of| of.positives).sum();
    let mut warnings = read.inputs.warnings.clone();
    warnings.extend(one_label("is_order", labelled, positives));
    let beside = beside(&read.probes);
    verdict(job, (findings, is_all), &beside, warnings)
}

/// The warnings of a plan: sources of which no row could be in a history.
pub(crate) fn warn_sequences<I: Item>(
    (job, context): (&Job, &RunContext),
    sources: &[SourceFiles],
    probes: &Probes<I>,
    opened: &[Opened],
) -> Result<Vec<Warning>> {
    let mut findings = Vec::new();
    for (_, of) in read_sources(job, sources) {
        let looked = look((job, context), probes, opened, of.source, 1)?;
        if looked.eligible == 0 {
            let tally = ActionStats::default();
            let mut finding = found_of((job, of), probes, &tally, &looked);
            finding.closed = closed_of(sources, opened, of.source);
            findings.push(finding);
        }
    }
    let beside = beside(probes);
    let mut warnings = warnings_of(job, probes, None);
    warnings.extend(findings.iter().map(|of| of.warning(&beside)));
    Ok(warnings)
}

/// The sources of actions that are read and whose types count, with their places.
fn read_sources<'a>(
    job: &'a Job,
    sources: &'a [SourceFiles],
) -> impl Iterator<Item = (usize, &'a ActionSource)> {
    let is_read = |of: &ActionSource| sources.iter().any(|files| files.source == of.source);
    let counts = |of: &ActionSource| of.codes().into_iter().any(|code| job.counts_type(code));
    let all = job.sequences().actions.iter().enumerate();
    all.filter(move |(_, of)| is_read(of) && counts(of))
}

/// Whether some history holds an action of a source: one of its types.
fn is_used(job: &Job, of: &ActionSource, counts: &HistoryCounts) -> bool {
    let mut codes = of.codes().into_iter().filter(|code| job.counts_type(*code));
    codes.any(|code| counts.actions[usize::from(code)] > 0)
}

/// Whether another source has actions of one of the types of a source.
fn shares_types(job: &Job, of: &ActionSource) -> bool {
    let codes = of.codes();
    let others = job
        .sequences()
        .actions
        .iter()
        .filter(|other| other.source != of.source);
    others
        .flat_map(ActionSource::codes)
        .any(|code| codes.contains(&code))
}

/// The end of each text: what sources are held against.
fn beside<I: Item>(probes: &Probes<I>) -> String {
    let everyone = probes.everyone();
    match probes.rows.is_empty() {
        true => String::new(),
        false => {
            let range = (everyone.first_cutoff, everyone.last_cutoff);
            format!("; cutoffs run {}", range_text(range))
        }
    }
}

/// The finding that there is no impression to answer.
fn nobody_asks<I: ItemColumn>(job: &Job, read: &SequencesRead<I>) -> Finding {
    let sum = |count: fn(&crate::scan::impressions::ImpressionStats) -> u64| -> u64 {
        read.days.values().map(count).sum()
    };
    let rows = sum(|of| of.impressions);
    let guests = match job.sequences().guests {
        Guests::Drop => sum(|of| of.guests),
        Guests::Empty => 0,
    };
    let counts = [
        (
            guests,
            "without a customer (--guests empty keeps them)".to_owned(),
        ),
        (sum(|of| of.without_items), "without items".to_owned()),
        (sum(|of| of.rejected), "set aside".to_owned()),
        (
            sum(|of| of.sampled_away),
            "left without a sample".to_owned(),
        ),
    ];
    Finding {
        source: Source::Impressions,
        rows,
        why: why_of(rows, &counts),
        times: None,
        closed: None,
    }
}

/// Why no action of a source is in any history.
fn found_of<I: Item>(
    (job, of): (&Job, &ActionSource),
    probes: &Probes<I>,
    tally: &ActionStats,
    looked: &Looked,
) -> Finding {
    let rows = tally.rows.max(looked.rows());
    let asked = probes
        .rows
        .first()
        .map(|row| match probes.impressions.customer(*row) {
            Customer::Guest => "none".to_owned(),
            Customer::Int(id) => id.to_string(),
            Customer::Text(id) => format!("\"{id}\""),
        });
    let stranger = looked.stranger.as_ref();
    let stranger = stranger.map_or_else(|| "none".to_owned(), ToString::to_string);
    let strangers = format!(
        "of customers that no impression asks about, such as {} (impressions ask about {})",
        stranger,
        asked.as_deref().unwrap_or("nobody")
    );
    let lookback = match job.sequences().lookback_days {
        Some(days) => format!("before the lookback of {days} days"),
        None => "before the lookback".to_owned(),
    };
    let counts = [
        (looked.strangers, strangers),
        (looked.nobody, "without a customer".to_owned()),
        (looked.early, lookback),
        (
            looked.late,
            "not before any cutoff of their customer".to_owned(),
        ),
        (looked.held, "known too late, by --embargo".to_owned()),
        (looked.timeless, "without a time".to_owned()),
        (looked.eligible, eligible_text(job, of, tally)),
        (
            rows - looked.rows(),
            "set aside, or cannot be read".to_owned(),
        ),
    ];
    Finding {
        source: of.source,
        rows,
        why: why_of(rows, &counts),
        times: looked.times,
        closed: None,
    }
}

/// What else keeps actions out that happened in time.
fn eligible_text(job: &Job, of: &ActionSource, tally: &ActionStats) -> String {
    let reasons = [
        (tally.filtered, "left out by where"),
        (tally.without_code, "of types without a code"),
        (tally.null_available, "never known, by --available"),
        (
            u64::from(job.available_column(of.source).is_some()),
            "known too late, by --available",
        ),
        (
            u64::from(matches!(of.types, Types::Column { .. })),
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
    let there = reasons.iter().filter(|(count, _)| *count > 0);
    let there: Vec<&str> = there.map(|(_, text)| *text).collect();
    format!("in time, but {}", there.join(", or "))
}
