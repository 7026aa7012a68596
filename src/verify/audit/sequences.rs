//! Rows of `sequences` against the twin.

use std::collections::{BTreeMap, BTreeSet};

use rayon::prelude::*;

use super::canaries::canaries;
use super::rows::{column, id, read_rows};
use super::sample::{Sample, choose};
use super::{Audit, AuditRows, Audited};
use crate::error::Result;
use crate::ids::count64;
use crate::job::{Guests, Settings};
use crate::reference::read;
use crate::reference::{LogAction, LogImpression, OrderedLog, Rules, fates};
use crate::verify::audit::output_rows::OutRow;
use crate::verify::{Problems, vocabulary};

/// Which impression: its day, its customer, its ranking.
pub(super) type Key = (i32, Option<String>, String);

/// What the inputs say of the impressions that are asked about.
#[derive(Default)]
pub(super) struct Logs {
    /// The impressions, each with its cutoff, by which they ascend; several where rows repeat.
    pub(super) shown: BTreeMap<Key, Vec<(i64, LogImpression)>>,
    /// The actions of their customers, by the group of days and the customer.
    pub(super) actions: BTreeMap<(usize, String), Vec<LogAction>>,
    /// The group that each day is of.
    pub(super) groups: BTreeMap<i32, usize>,
    records: u64,
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

/// What the twin makes rows of: each customer's actions are ordered once, for all rows.
struct Twin<'l> {
    /// What the inputs say.
    logs: &'l Logs,
    /// The settings that decide about rows.
    rules: &'l Rules,
    /// The actions of each customer, as [`Logs::actions`] has them.
    ordered: BTreeMap<(usize, &'l str), OrderedLog<'l>>,
    /// Those of a customer who has none.
    none: OrderedLog<'l>,
}

/// A row that an impression makes, and the place of the impression among those of its key.
type Expected = (OutRow, usize);

impl<'l> Twin<'l> {
    /// Orders the actions of each customer.
    fn new(rules: &'l Rules, logs: &'l Logs) -> Twin<'l> {
        let actions = logs.actions.par_iter();
        let ordered = actions.map(|((group, customer), log)| {
            let ordered = OrderedLog::new(rules, log);
            ((*group, customer.as_str()), ordered)
        });
        Twin {
            logs,
            rules,
            ordered: ordered.collect(),
            none: OrderedLog::new(rules, []),
        }
    }

    /// The actions of the customer of an impression, in order.
    fn ordered_of<'t>(&'t self, key: &'t Key) -> &'t OrderedLog<'l> {
        let found = self.logs.groups.get(&key.0).zip(key.1.as_deref());
        let found = found.and_then(|(group, of)| {
            let key: (usize, &str) = (*group, of);
            self.ordered.get(&key)
        });
        found.unwrap_or(&self.none)
    }

    /// The rows that the impressions of a key make, in order; of one cutoff only, if it is given.
    fn expected(&self, settings: &Settings, key: &Key, cutoff: Option<i64>) -> Vec<Expected> {
        let (log, all) = (self.ordered_of(key), self.logs.shown.get(key));
        let all = all.map_or(&[][..], Vec::as_slice);
        let places = match cutoff {
            None => 0..all.len(),
            Some(cutoff) => {
                let start = all.partition_point(|(of, _)| *of < cutoff);
                start..all.partition_point(|(of, _)| *of <= cutoff)
            }
        };
        let rows = places.flat_map(|place| {
            let rows = OutRow::expected(settings, self.rules, &all[place].1, log).into_iter();
            rows.map(move |row| (row, place))
        });
        let mut rows: Vec<Expected> = rows.collect();
        rows.sort();
        rows
    }
}

/// Recomputes rows, and plants canaries.
pub(super) fn audit(
    audit: &Audit<'_>,
    (problems, lost): (&mut Problems, &mut Problems),
) -> Result<Option<Audited>> {
    let set = audit.set;
    let sample = choose(set, audit.rows, |_| true);
    let keys = keys_of(audit, audit.rows)?;
    let Some(logs) = read_logs(audit, &keys, lost)? else {
        return Ok(None);
    };
    let rules = read::rules(&set.settings);
    let rows = compare(audit, &sample, &Twin::new(&rules, &logs), problems)?;
    let planted_at = keys_of(audit, audit.canary_rows())?;
    let canaries = canaries(audit, &rules, &logs, &planted_at, problems)?;
    Ok(Some(Audited {
        rows,
        of_rows: set.rows(),
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
fn read_logs(audit: &Audit<'_>, keys: &BTreeSet<Key>, lost: &mut Problems) -> Result<Option<Logs>> {
    let (set, settings) = (audit.set, &audit.set.settings);
    let rules = read::rules(settings);
    let check: read::Check<'_> = &|| audit.context.check();
    let is_all = audit.rows == AuditRows::All;
    let is_asked = |day| keys.iter().any(|key| key.0 == day);
    let codes = &vocabulary::codes(audit.out(), set, audit.context)?;
    let Some(inputs) = audit.inputs_of(is_asked, lost)? else {
        return Ok(None);
    };
    let mut logs = Logs {
        files: count64(inputs.count),
        ..Logs::default()
    };
    for (group, of_group) in inputs.groups.iter().enumerate() {
        let mut customers = BTreeSet::new();
        for (days, files) in &of_group.days {
            audit.context.check()?;
            let days: BTreeSet<i32> = days.iter().map(|at| set.days[*at].day.0).collect();
            logs.groups.extend(days.iter().map(|day| (*day, group)));
            let is_wanted = |day: i32, customer: Option<&str>, ranking: &str| {
                let key = || (day, customer.map(str::to_owned), ranking.to_owned());
                days.contains(&day) && (is_all || keys.contains(&key()))
            };
            for found in read::impressions((settings, codes), files, &is_wanted, check)? {
                let Ok(shown) = found.row else { continue };
                if shown.customer.is_none() && settings.sequences().guests == Guests::Drop {
                    continue;
                }
                customers.extend(shown.customer.clone());
                let key = (shown.day, shown.customer.clone(), shown.ranking.clone());
                let cutoff = fates(&rules, &shown, &[]).cutoff_us;
                logs.shown.entry(key).or_default().push((cutoff, shown));
            }
        }
        let is_wanted = |customer: &str| customers.contains(customer);
        let of_job = (settings, codes);
        let (actions, records) = read::actions(of_job, &of_group.files, &is_wanted, check)?;
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
    for shown in logs.shown.values_mut() {
        shown.sort_by_key(|(cutoff, _)| *cutoff);
    }
    Ok(Some(logs))
}

/// Compares rows with those that the twin makes; gives their number.
fn compare(
    audit: &Audit<'_>,
    sample: &Sample,
    twin: &Twin<'_>,
    problems: &mut Problems,
) -> Result<u64> {
    let (mut count, mut seen) = (0, BTreeMap::<Key, u64>::new());
    let settings = &audit.set.settings;
    // The rows of one impression are neighbours, so the last answer mostly serves again.
    let mut last: Option<((Key, i64), Vec<Expected>)> = None;
    for (file, rows) in sample {
        let day = audit.day_of(*file);
        let name = &audit.set.files[*file].path;
        read_rows(
            audit.out(),
            name,
            rows.as_deref(),
            None,
            |numbers, batch| {
                for (at, number) in numbers.iter().enumerate() {
                    audit.context.check()?;
                    let found = OutRow::new(settings, batch, at);
                    let key = (day, found.customer.clone(), found.ranking.clone());
                    let of = (key, found.cutoff_us);
                    if last.as_ref().is_none_or(|(last, _)| *last != of) {
                        let expected = twin.expected(settings, &of.0, Some(of.1));
                        last = Some((of.clone(), expected));
                    }
                    let expected = last.as_ref().map_or(&[][..], |(_, rows)| &rows[..]);
                    if expected
                        .binary_search_by(|(row, _)| row.cmp(&found))
                        .is_err()
                    {
                        problems.add_with(name, || {
                            let what = difference(settings, twin, &of.0, &found);
                            format!("row {} ({}): {what}", number + 1, found.name())
                        });
                    }
                    count += 1;
                    if audit.rows == AuditRows::All {
                        *seen.entry(of.0).or_default() += 1;
                    }
                }
                Ok(())
            },
        )?;
    }
    if audit.rows == AuditRows::All {
        find_missing(audit, twin, &seen, problems);
    }
    Ok(count)
}

/// What is wrong with a row that is none of those that its impressions make.
fn difference(settings: &Settings, twin: &Twin<'_>, key: &Key, found: &OutRow) -> String {
    let expected = twin.expected(settings, key, None);
    let same = |(row, _): &&Expected| row.position == found.position;
    // Where an impression is repeated, the one that is most alike says most.
    let likeness =
        |(row, _): &&Expected| (row.shown == found.shown, row.cutoff_us == found.cutoff_us);
    let Some((row, place)) = expected.iter().filter(same).max_by_key(likeness) else {
        return "no impression in the inputs makes such a row".to_owned();
    };
    let (_, shown) = &twin.logs.shown[key][*place];
    let what = found.difference(row, twin.rules, shown, twin.logs.actions_of(key));
    what.unwrap_or_else(|| "it is not the row that its impression makes".to_owned())
}

/// Tells of impressions that have more or fewer rows than they make.
fn find_missing(
    audit: &Audit<'_>,
    twin: &Twin<'_>,
    seen: &BTreeMap<Key, u64>,
    problems: &mut Problems,
) {
    for (key, shown) in &twin.logs.shown {
        let rows = shown.iter().map(|(_, shown)| {
            let rows = OutRow::expected(&audit.set.settings, twin.rules, shown, &twin.none);
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
