//! Audits rows of `sequences` against the reference.

use std::collections::{BTreeMap, BTreeSet};

use rayon::prelude::*;

use super::canaries::sequence_canaries;
use super::logs::{ImpressionKey, SequenceLogs};
use super::output_rows::OutRow;
use super::row_differences::RowComparison;
use super::rows::{column, id, read_rows};
use super::sample::{SampledRows, choose};
use super::{Audit, AuditRows, Audited};
use crate::calendar::date_text;
use crate::error::Result;
use crate::ids::{Day, count64};
use crate::job::{Guests, Settings};
use crate::reference::read::{self, CustomerIds, WantedImpressions};
use crate::reference::{OrderedLog, Rules, explanation_of};
use crate::verify::{Problems, vocabulary};

/// The reference's rows of a set. Each customer's actions are sorted once, for all rows.
struct Reference<'l> {
    logs: &'l SequenceLogs,
    rules: &'l Rules,
    /// The actions of each customer, keyed like [`SequenceLogs::actions`].
    ordered: BTreeMap<(usize, &'l str), OrderedLog<'l>>,
    /// The log of a customer without actions.
    none: OrderedLog<'l>,
}

/// A row of an impression, and the index of the impression among those of its key.
type ExpectedRow = (OutRow, usize);

impl<'l> Reference<'l> {
    /// Sorts the actions of each customer.
    fn new(rules: &'l Rules, logs: &'l SequenceLogs) -> Reference<'l> {
        // Sorted once. Sorting for each row took 658 times as long as the run, where one customer
        // had 95 % of 300,000 clicks.
        let actions = logs.actions.par_iter();
        let ordered = actions.map(|((group, customer), log)| {
            let ordered = OrderedLog::new(rules, log);
            ((*group, customer.as_str()), ordered)
        });
        Reference {
            logs,
            rules,
            ordered: ordered.collect(),
            none: OrderedLog::new(rules, []),
        }
    }

    /// The sorted actions of the customer of an impression.
    fn ordered_of<'t>(&'t self, key: &'t ImpressionKey) -> &'t OrderedLog<'l> {
        let (day, customer, _) = key;
        let group = self.logs.groups.get(day).zip(customer.as_deref());
        let ordered = group.and_then(|(group, customer)| {
            let key: (usize, &str) = (*group, customer);
            self.ordered.get(&key)
        });
        ordered.unwrap_or(&self.none)
    }

    /// The rows of the impressions of a key, sorted; only those with this cutoff, if it is given.
    fn expected(
        &self,
        settings: &Settings,
        key: &ImpressionKey,
        cutoff: Option<i64>,
    ) -> Vec<ExpectedRow> {
        let (log, all) = (self.ordered_of(key), self.logs.impressions.get(key));
        let all = all.map_or(&[][..], Vec::as_slice);
        let places = match cutoff {
            None => 0..all.len(),
            Some(cutoff) => {
                let start = all.partition_point(|(own, _)| *own < cutoff);
                start..all.partition_point(|(own, _)| *own <= cutoff)
            }
        };
        let rows = places.flat_map(|place| {
            let rows = OutRow::expected(settings, self.rules, &all[place].1, log).into_iter();
            rows.map(move |row| (row, place))
        });
        let mut rows: Vec<ExpectedRow> = rows.collect();
        rows.sort();
        rows
    }
}

/// Recomputes rows and runs canaries. Nothing if an input is lost; `lost` says which.
///
/// # Errors
/// If a file cannot be read.
pub(super) fn audit(
    audit: &Audit<'_>,
    problems: &mut Problems,
    lost: &mut Problems,
) -> Result<Option<Audited>> {
    let set = audit.set;
    let sample = choose(set, audit.rows, |_| true);
    let keys = keys_of(audit, audit.rows)?;
    let Some(logs) = read_logs(audit, &keys, lost)? else {
        return Ok(None);
    };
    let rules = read::rules(&set.settings);
    let rows = compare(audit, &sample, &Reference::new(&rules, &logs), problems)?;
    // Chosen by the same hashes as the sample, of which these rows are a part. So their logs have
    // been read.
    let canary_keys = keys_of(audit, audit.canary_rows())?;
    let canaries = sequence_canaries(audit, &rules, &logs, &canary_keys, problems)?;
    Ok(Some(Audited {
        rows,
        of_rows: set.rows(),
        records: logs.records,
        inputs: logs.files,
        canaries: Some(canaries),
    }))
}

/// The impressions of the audited rows.
fn keys_of(audit: &Audit<'_>, rows: AuditRows) -> Result<BTreeSet<ImpressionKey>> {
    audit.keys_of(rows, &["customer_id", "ranking_id"], |day, batch, row| {
        let id = |name| id(column(batch, name), row);
        (day, id("customer_id"), id("ranking_id").unwrap_or_default())
    })
}

/// Reads what the inputs say about some impressions, or about all if all rows are audited.
fn read_logs(
    audit: &Audit<'_>,
    keys: &BTreeSet<ImpressionKey>,
    lost: &mut Problems,
) -> Result<Option<SequenceLogs>> {
    let (set, settings) = (audit.set, &audit.set.settings);
    let rules = read::rules(settings);
    let check: read::Check<'_> = &|| audit.context.check();
    let is_all = audit.rows == AuditRows::All;
    let rankings: BTreeSet<&str> = keys.iter().map(|key| key.2.as_str()).collect();
    let rankings = (!is_all).then_some(&rankings);
    let has_keys = |day| keys.iter().any(|key| key.0 == day);
    let codes = &vocabulary::codes(audit.out(), set, audit.context)?;
    let Some(inputs) = audit.inputs_of(has_keys, lost)? else {
        return Ok(None);
    };
    let mut logs = SequenceLogs {
        files: count64(inputs.count),
        ..SequenceLogs::default()
    };
    for (at, group) in inputs.groups.iter().enumerate() {
        let mut customers = BTreeSet::new();
        for (days, files) in &group.days {
            audit.context.check()?;
            let days: BTreeSet<i32> = days.iter().map(|at| set.days[*at].day.0).collect();
            logs.groups.extend(days.iter().map(|day| (*day, at)));
            let is_wanted = |day: i32, customer: Option<&str>, ranking: &str| {
                let key = || (day, customer.map(str::to_owned), ranking.to_owned());
                days.contains(&day) && (is_all || keys.contains(&key()))
            };
            let wanted = WantedImpressions {
                is_wanted: &is_wanted,
                rankings,
            };
            for record in read::impressions(settings, codes, files, wanted, check)? {
                let Ok(impression) = record.row else { continue };
                let customer = impression.customer.clone();
                if customer.is_none() && settings.sequences().guests == Guests::Drop {
                    continue;
                }
                customers.extend(customer.clone());
                let key = (impression.day, customer, impression.ranking.clone());
                let cutoff = explanation_of(&rules, &impression, &[]).cutoff_us;
                let same_key = logs.impressions.entry(key).or_default();
                same_key.push((cutoff, impression));
            }
        }
        let customers = CustomerIds::new(customers);
        let (actions, records) = read::actions(settings, codes, &group.files, &customers, check)?;
        logs.records += records;
        for action in actions.into_iter().flatten() {
            // Actions on items that the vocabulary lacks do not count.
            if let Ok(row) = action.row
                && row.item != 0
            {
                let of_customer = logs.actions.entry((at, action.owner)).or_default();
                of_customer.push(row);
            }
        }
    }
    for impressions in logs.impressions.values_mut() {
        // `Reference::expected` searches them by cutoff.
        impressions.sort_by_key(|(cutoff, _)| *cutoff);
    }
    Ok(Some(logs))
}

/// Compares rows with those of the reference; gives their number.
fn compare(
    audit: &Audit<'_>,
    sample: &SampledRows,
    reference: &Reference<'_>,
    problems: &mut Problems,
) -> Result<u64> {
    let (mut count, mut seen) = (0, BTreeMap::<ImpressionKey, u64>::new());
    let settings = &audit.set.settings;
    // The rows of an impression are adjacent, so the last expected rows mostly serve again.
    let mut last: Option<((ImpressionKey, i64), Vec<ExpectedRow>)> = None;
    for (file, rows) in sample {
        let day = audit.day_of(*file);
        let name = &audit.set.files[*file].path;
        let rows = rows.as_deref();
        read_rows(
            &audit.set.settings,
            audit.out(),
            name,
            rows,
            None,
            |numbers, batch| {
                for (at, number) in numbers.iter().enumerate() {
                    audit.context.check()?;
                    let found = OutRow::new(settings, batch, at);
                    let key = (day, found.customer.clone(), found.ranking.clone());
                    let cached = (key, found.cutoff_us);
                    if last.as_ref().is_none_or(|(last, _)| *last != cached) {
                        let expected = reference.expected(settings, &cached.0, Some(cached.1));
                        last = Some((cached.clone(), expected));
                    }
                    let expected = last.as_ref().map_or(&[][..], |(_, rows)| &rows[..]);
                    // Impressions may repeat, so a row is right if any impression of its key makes it.
                    let is_expected = expected
                        .binary_search_by(|(row, _)| row.cmp(&found))
                        .is_ok();
                    if !is_expected {
                        problems.add_with(name, || {
                            let what = difference(settings, reference, &cached.0, &found);
                            format!("row {} ({}): {what}", number + 1, found.name())
                        });
                    }
                    count += 1;
                    if audit.rows == AuditRows::All {
                        *seen.entry(cached.0).or_default() += 1;
                    }
                }
                Ok(())
            },
        )?;
    }
    if audit.rows == AuditRows::All {
        find_missing(settings, reference, &seen, problems);
    }
    Ok(count)
}

/// How a row differs that no impression of its key makes.
fn difference(
    settings: &Settings,
    reference: &Reference<'_>,
    key: &ImpressionKey,
    found: &OutRow,
) -> String {
    let expected = reference.expected(settings, key, None);
    let same_position = |(row, _): &&ExpectedRow| row.position == found.position;
    // Where an impression is repeated, the difference to the most similar one says most.
    let similarity =
        |(row, _): &&ExpectedRow| (row.shown == found.shown, row.cutoff_us == found.cutoff_us);
    let expected = expected.iter().filter(same_position).max_by_key(similarity);
    let Some((row, place)) = expected else {
        return "no impression in the inputs makes such a row".to_owned();
    };
    let (_, impression) = &reference.logs.impressions[key][*place];
    let comparison = RowComparison {
        settings,
        rules: reference.rules,
        impression,
        log: reference.logs.actions_of(key),
    };
    let what = comparison.difference(found, row);
    what.unwrap_or_else(|| "it is not the row that its impression makes".to_owned())
}

/// Finds impressions whose number of rows is not that of the inputs.
fn find_missing(
    settings: &Settings,
    reference: &Reference<'_>,
    seen: &BTreeMap<ImpressionKey, u64>,
    problems: &mut Problems,
) {
    for (key, impressions) in &reference.logs.impressions {
        // How many rows an impression has does not depend on its history, so no action is looked
        // at.
        let rows = impressions.iter().map(|(_, impression)| {
            let rows = OutRow::expected(settings, reference.rules, impression, &reference.none);
            count64(rows.len())
        });
        let (expected, found) = (rows.sum::<u64>(), seen.get(key).copied().unwrap_or(0));
        if expected != found {
            let (day, customer, ranking) = key;
            let customer = customer.as_deref().unwrap_or("null");
            let path = format!("dt={}", date_text(Day(*day)));
            let what = format!(
                "customer {customer}, ranking \"{ranking}\": expected {expected} rows, found {found}"
            );
            problems.add(path, what);
        }
    }
}
