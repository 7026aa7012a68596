//! Rows of `sequences` against the twin.

use std::collections::{BTreeMap, BTreeSet};

use super::canaries::canaries;
use super::rows::{column, id, read_rows};
use super::sample::{Sample, choose};
use super::shown::OutRow;
use super::{Audit, AuditRows, Audited};
use crate::error::Result;
use crate::ids::count64;
use crate::job::Guests;
use crate::naive;
use crate::oracle::{LogAction, LogImpression, Rules};
use crate::verify::{Problems, vocabulary};

/// Which impression: its day, its customer, its ranking.
pub(super) type Key = (i32, Option<String>, String);

/// What the inputs say of the impressions that are asked about.
#[derive(Default)]
pub(super) struct Logs {
    /// The impressions; several where rows repeat.
    pub(super) shown: BTreeMap<Key, Vec<LogImpression>>,
    /// The actions of their customers, by the group of days and the customer.
    pub(super) actions: BTreeMap<(usize, String), Vec<LogAction>>,
    /// The group that each day is of.
    pub(super) groups: BTreeMap<i32, usize>,
    /// Records read.
    records: u64,
    /// Files read.
    files: u64,
}

impl Logs {
    /// The actions of the customer of an impression.
    pub(super) fn actions_of(&self, key: &Key) -> &[LogAction] {
        let group = self.groups.get(&key.0);
        let found = group.zip(key.1.as_ref());
        let found = found.and_then(|(group, of)| self.actions.get(&(*group, of.clone())));
        found.map_or(&[], Vec::as_slice)
    }
}

/// Recomputes rows, and plants canaries.
pub(super) fn audit(audit: &Audit<'_>, problems: &mut Problems) -> Result<Option<Audited>> {
    let ledger = audit.ledger;
    let sample = choose(ledger, audit.rows, |_| true);
    let keys = keys_of(audit, audit.rows)?;
    let Some(logs) = read_logs(audit, &keys, problems)? else {
        return Ok(None);
    };
    let rules = naive::rules(&ledger.settings);
    let rows = compare(audit, &sample, (&rules, &logs), problems)?;
    let planted_at = keys_of(audit, audit.canary_rows())?;
    let canaries = canaries(audit, &rules, &logs, &planted_at, problems)?;
    Ok(Some(Audited {
        rows,
        of_rows: ledger.rows(),
        records: logs.records,
        inputs: logs.files,
        canaries: Some(canaries),
    }))
}

/// The impressions that rows are of.
fn keys_of(audit: &Audit<'_>, rows: AuditRows) -> Result<BTreeSet<Key>> {
    audit.keys_of(rows, &["customer_id", "ranking_id"], |day, batch, row| {
        let of = |name| id(column(batch, name), row);
        (day, of("customer_id"), of("ranking_id").unwrap_or_default())
    })
}

/// Reads what the inputs say of some impressions; of all, if all rows are asked for.
fn read_logs(
    audit: &Audit<'_>,
    keys: &BTreeSet<Key>,
    problems: &mut Problems,
) -> Result<Option<Logs>> {
    let (ledger, settings) = (audit.ledger, &audit.ledger.settings);
    let check: naive::Check<'_> = &|| audit.control.check();
    let is_all = audit.rows == AuditRows::All;
    let is_asked = |day| keys.iter().any(|key| key.0 == day);
    let codes = &vocabulary::codes(audit.out(), ledger, audit.control)?;
    let Some(inputs) = audit.inputs_of(is_asked, problems)? else {
        return Ok(None);
    };
    let mut logs = Logs {
        files: count64(inputs.count),
        ..Logs::default()
    };
    for (group, of_group) in inputs.groups.iter().enumerate() {
        let mut customers = BTreeSet::new();
        for (days, files) in &of_group.days {
            audit.control.check()?;
            let days: Vec<i32> = days.iter().map(|at| ledger.days[*at].day.0).collect();
            logs.groups.extend(days.iter().map(|day| (*day, group)));
            let is_wanted = |day: i32, customer: Option<&str>, ranking: &str| {
                let key = || (day, customer.map(str::to_owned), ranking.to_owned());
                days.contains(&day) && (is_all || keys.contains(&key()))
            };
            for found in naive::impressions((settings, codes), files, &is_wanted, check)? {
                let Ok(shown) = found.row else { continue };
                if shown.customer.is_none() && settings.guests == Guests::Drop {
                    continue;
                }
                customers.extend(shown.customer.clone());
                let key = (shown.day, shown.customer.clone(), shown.ranking.clone());
                logs.shown.entry(key).or_default().push(shown);
            }
        }
        let is_wanted = |customer: &str| customers.contains(customer);
        let of_job = (settings, codes);
        let (actions, records) = naive::actions(of_job, &of_group.files, &is_wanted, check)?;
        logs.records += records;
        for action in actions {
            // Those on items that the vocabulary lacks are left out.
            if let Ok(row) = action.row
                && row.item != 0
            {
                let of_customer = logs.actions.entry((group, action.of)).or_default();
                of_customer.push(row);
            }
        }
    }
    Ok(Some(logs))
}

/// Compares rows with those that the twin makes; gives their number.
fn compare(
    audit: &Audit<'_>,
    sample: &Sample,
    (rules, logs): (&Rules, &Logs),
    problems: &mut Problems,
) -> Result<u64> {
    let (mut count, mut seen) = (0, BTreeMap::<Key, u64>::new());
    // The rows of one impression are neighbours, so the last answer mostly serves again.
    let mut last: Option<(Key, Vec<(usize, OutRow)>)> = None;
    for (file, rows) in sample {
        let day = audit.day_of(*file);
        let name = &audit.ledger.files[*file].path;
        read_rows(
            audit.out(),
            name,
            rows.as_deref(),
            None,
            |numbers, batch| {
                for (at, number) in numbers.iter().enumerate() {
                    audit.control.check()?;
                    let found = OutRow::of(&audit.ledger.settings, batch, at);
                    let key = (day, found.customer.clone(), found.ranking.clone());
                    if last.as_ref().is_none_or(|(of, _)| *of != key) {
                        last = Some((key.clone(), expected_of(audit, rules, logs, &key)));
                    }
                    let expected = last.as_ref().map_or(&[][..], |(_, rows)| &rows[..]);
                    if let Some(what) = judge(&found, expected, (rules, logs), &key) {
                        let row = number + 1;
                        problems.add(name, format!("row {row} ({}): {what}", found.name()));
                    }
                    count += 1;
                    if audit.rows == AuditRows::All {
                        *seen.entry(key).or_default() += 1;
                    }
                }
                Ok(())
            },
        )?;
    }
    if audit.rows == AuditRows::All {
        find_missing(audit, (rules, logs), &seen, problems);
    }
    Ok(count)
}

/// The rows that the impressions of a key make, with the place of each impression.
fn expected_of(audit: &Audit<'_>, rules: &Rules, logs: &Logs, key: &Key) -> Vec<(usize, OutRow)> {
    let (settings, log) = (&audit.ledger.settings, logs.actions_of(key));
    let shown = logs.shown.get(key).map_or(&[][..], Vec::as_slice);
    let rows = shown.iter().enumerate().flat_map(|(at, shown)| {
        let rows = OutRow::expected(settings, rules, shown, log).into_iter();
        rows.map(move |row| (at, row))
    });
    rows.collect()
}

/// What is wrong with a row, if it is none of those that its impressions make.
fn judge(
    found: &OutRow,
    expected: &[(usize, OutRow)],
    (rules, logs): (&Rules, &Logs),
    key: &Key,
) -> Option<String> {
    if expected.iter().any(|(_, row)| row == found) {
        return None;
    }
    let same = |(_, row): &&(usize, OutRow)| row.position == found.position;
    // Where an impression is repeated, the one that is most alike says most.
    let likeness =
        |(_, row): &&(usize, OutRow)| (row.shown == found.shown, row.cutoff_us == found.cutoff_us);
    let Some((at, row)) = expected.iter().filter(same).max_by_key(likeness) else {
        return Some("no impression in the inputs makes such a row".to_owned());
    };
    let shown = &logs.shown[key][*at];
    found.difference(row, rules, shown, logs.actions_of(key))
}

/// Tells of impressions that have more or fewer rows than they make.
fn find_missing(
    audit: &Audit<'_>,
    (rules, logs): (&Rules, &Logs),
    seen: &BTreeMap<Key, u64>,
    problems: &mut Problems,
) {
    for (key, shown) in &logs.shown {
        let rows = shown.iter().map(|shown| {
            let rows = OutRow::expected(&audit.ledger.settings, rules, shown, &[]);
            count64(rows.len())
        });
        let (expected, found) = (rows.sum::<u64>(), seen.get(key).copied().unwrap_or(0));
        if expected != found {
            let (day, customer, ranking) = key;
            let day = crate::calendar::date_text(crate::ids::Day(*day));
            let customer = customer.as_deref().unwrap_or("null");
            let path = format!("dt={day}");
            let what = format!(
                "customer {customer}, ranking \"{ranking}\": expected {expected} rows, found {found}"
            );
            problems.add(path, what);
        }
    }
}
