//! Audits rows of `features` against the reference.

use std::collections::{BTreeMap, BTreeSet};

use super::canaries::feature_canaries;
use super::feature_rows::{difference, is_same, row_of};
use super::logs::{FeatureLogs, GroupLogs, GroupedImpression, ListingKey, id_types};
use super::rows::{column, id, read_rows};
use super::sample::{SampledRows, choose};
use super::{Audit, AuditRows, Audited};
use crate::calendar::date_text;
use crate::error::Result;
use crate::ids::{Day, count64};
use crate::job::{Dedup, LabelKey, Settings};
use crate::reference::features::{FeatureRow, FeatureRules, OrderedClicks};
use crate::reference::instant_in;
use crate::reference::read;
use crate::reference::read::ClicksRead;
use crate::verify::Problems;

/// The rules of settings of `features`.
fn rules_of(settings: &Settings) -> FeatureRules {
    let own = settings.features();
    FeatureRules {
        windows_us: own.windows.iter().map(|(_, us)| *us).collect(),
        label_window_us: own.label_window_us,
        anybody: own.label_key == LabelKey::Listing,
        // Each group of days has its own; see `GroupLogs::row_given`.
        data_end_us: None,
        days: (i32::MIN, i32::MAX),
        timezone: settings.zone_name().to_owned(),
        once: settings.dedup == Dedup::Exact,
        as_of: own.listings_as_of.is_some(),
        kept_of_listings: own.keep.iter().map(|kept| kept.of_listings).collect(),
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
    let rules = rules_of(&set.settings);
    let rows = compare(audit, &sample, &rules, &logs, problems)?;
    // Chosen by the same hashes as the sample, of which these rows are a part. So their logs have
    // been read.
    let canary_keys = keys_of(audit, audit.canary_rows())?;
    let canaries = feature_canaries(audit, &rules, &logs, &canary_keys, problems)?;
    Ok(Some(Audited {
        rows,
        of_rows: set.rows(),
        records: logs.records,
        inputs: logs.files,
        canaries: Some(canaries),
    }))
}

/// The impressions of the audited rows.
fn keys_of(audit: &Audit<'_>, rows: AuditRows) -> Result<BTreeSet<ListingKey>> {
    audit.keys_of(rows, &["impression_id"], |day, batch, row| {
        let id = id(column(batch, "impression_id"), row);
        (day, id.unwrap_or_default())
    })
}

/// Reads what the inputs say about some impressions, or about all if all rows are audited.
fn read_logs(
    audit: &Audit<'_>,
    keys: &BTreeSet<ListingKey>,
    lost: &mut Problems,
) -> Result<Option<FeatureLogs>> {
    let (set, settings, types) = (audit.set, &audit.set.settings, id_types(audit)?);
    let check: read::Check<'_> = &|| audit.context.check();
    let is_all = audit.rows == AuditRows::All;
    let has_keys = |day| keys.iter().any(|key| key.0 == day);
    let Some(inputs) = audit.inputs_of(has_keys, lost)? else {
        return Ok(None);
    };
    let mut logs = FeatureLogs {
        files: count64(inputs.count),
        ..FeatureLogs::default()
    };
    let wanted: BTreeSet<&str> = keys.iter().map(|(_, id)| id.as_str()).collect();
    for (at, group) in inputs.groups.iter().enumerate() {
        let (mut users, mut listings) = (BTreeSet::new(), BTreeSet::new());
        for (days, files) in &group.days {
            audit.context.check()?;
            let days: BTreeSet<i32> = days.iter().map(|at| set.days[*at].day.0).collect();
            let is_wanted = |id: &str| is_all || wanted.contains(id);
            for impression in read::listing_impressions(settings, types, files, &is_wanted, check)?
            {
                let day = read::day_of(settings, impression.time);
                let key = (day, impression.id.clone());
                if days.contains(&day) && (is_all || keys.contains(&key)) {
                    let (user, listing) = (&impression.user, &impression.listing);
                    users.insert(user.clone());
                    listings.insert(listing.clone());
                    let time = instant_in(settings.zone_name(), impression.time);
                    let kept = impression.kept.clone();
                    let identity = (time, user.clone(), listing.clone(), kept);
                    *logs.counts.entry(key.clone()).or_default() += 1;
                    let same_key = logs.impressions.entry(key).or_default();
                    same_key.entry(identity).or_insert((at, impression));
                }
            }
        }
        let is_wanted = |user: Option<&str>, listing: &str| {
            listings.contains(listing) || user.is_some_and(|user| users.contains(user))
        };
        let clicks = read::clicks(settings, types, &group.files, &is_wanted, check)?;
        logs.records += clicks.count;
        let is_wanted = |listing: &str| listings.contains(listing);
        let listings = read::listings(settings, types, &group.files, &is_wanted, check)?;
        let mut group_logs = group_logs(settings, clicks);
        for listing in listings {
            let of_id = group_logs.listings.entry(listing.listing.clone());
            of_id.or_default().push(listing);
        }
        logs.groups.push(group_logs);
    }
    Ok(Some(logs))
}

/// The clicks of a group of days, sorted.
fn group_logs(settings: &Settings, read: ClicksRead) -> GroupLogs {
    GroupLogs {
        has_users: read.count == 0 || read.with_user > 0,
        data_end_us: match &settings.features().data_end {
            Some(text) => read::instant_of(settings, text),
            None => read.latest,
        },
        ordered: OrderedClicks::new(&rules_of(settings), &read.clicks),
        clicks: read.clicks,
        ..GroupLogs::default()
    }
}

/// Compares rows with those of the reference; gives their number.
fn compare(
    audit: &Audit<'_>,
    sample: &SampledRows,
    rules: &FeatureRules,
    logs: &FeatureLogs,
    problems: &mut Problems,
) -> Result<u64> {
    let (mut count, mut seen) = (0, BTreeMap::<ListingKey, usize>::new());
    let settings = &audit.set.settings;
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
                    let found = row_of(settings, day, batch, at);
                    let expected = expected_row(rules, logs, day, &found);
                    if !expected
                        .as_ref()
                        .is_some_and(|expected| is_same(expected, &found))
                    {
                        problems.add_with(name, || {
                            let expected = expected.or_else(|| any_row(rules, logs, day, &found));
                            let what = expected.map_or_else(
                                || "no impression in the inputs makes such a row".to_owned(),
                                |expected| difference(settings, &found, &expected),
                            );
                            let (row, FeatureRow { id, user, .. }) = (number + 1, &found);
                            format!("row {row} (impression {id}, user {user}): {what}")
                        });
                    }
                    count += 1;
                    *seen.entry((day, found.id)).or_default() += 1;
                }
                Ok(())
            },
        )?;
    }
    if audit.rows == AuditRows::All {
        find_missing(logs, &seen, problems);
    }
    Ok(count)
}

/// The row of the impression with the same time, user and listing as a published row.
fn expected_row(
    rules: &FeatureRules,
    logs: &FeatureLogs,
    day: i32,
    found: &FeatureRow,
) -> Option<FeatureRow> {
    let impressions = logs.impressions.get(&(day, found.id.clone()))?;
    let kept = rules.kept_of_listings.iter().zip(&found.kept);
    let kept = kept.filter(|(of_listings, _)| !**of_listings);
    let kept: Vec<Option<String>> = kept.map(|(_, value)| value.clone()).collect();
    let (user, listing) = (found.user.clone(), found.listing.clone());
    let identity = (found.time_us, user, listing, kept);
    grouped_row(rules, logs, impressions.get(&identity)?)
}

/// The row of the first impression with the same id as a published row.
fn any_row(
    rules: &FeatureRules,
    logs: &FeatureLogs,
    day: i32,
    found: &FeatureRow,
) -> Option<FeatureRow> {
    let impressions = logs.impressions.get(&(day, found.id.clone()))?;
    let mut impressions = impressions.values();
    impressions.find_map(|impression| grouped_row(rules, logs, impression))
}

/// The row of an impression.
fn grouped_row(
    rules: &FeatureRules,
    logs: &FeatureLogs,
    (group, impression): &GroupedImpression,
) -> Option<FeatureRow> {
    logs.groups[*group].row(rules, impression)
}

/// Finds impressions whose number of rows is not that of the inputs.
fn find_missing(logs: &FeatureLogs, seen: &BTreeMap<ListingKey, usize>, problems: &mut Problems) {
    for (key, expected) in &logs.counts {
        let found = seen.get(key).copied().unwrap_or(0);
        if *expected != found {
            let (day, id) = key;
            let path = format!("date={}", date_text(Day(*day)));
            let what = format!("impression {id}: expected {expected} rows, found {found}");
            problems.add(path, what);
        }
    }
}
