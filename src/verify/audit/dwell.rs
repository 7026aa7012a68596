//! Audits rows of `dwell` against the reference, in Parquet and in CSV.
//!
//! **In / Out**: sampled rows of `user_merchant`, the rows of these users in `user`, and all of `merchant` and
//! `flyer` if all rows are audited, of both formats and of each day → a problem for each row that does not
//! follow from the events. There are no canaries, because a stay has no cutoff.

use std::collections::BTreeSet;

use super::dwell_tables::{ExpectedTable, TableFolder, compare, tables, tables_by_day};
use super::inputs::files_of_list;
use super::rows::{column, id, read_rows};
use super::sample::{SampledRows, choose};
use super::{Audit, AuditRows, Audited};
use crate::error::{Error, Result};
use crate::ids::count64;
use crate::job::{CustomerType, Dedup, DivideBy, DwellMethod, MoreTable};
use crate::manifest::event_types;
use crate::reference::DwellRules;
use crate::reference::read::{self, LogFile};
use crate::verify::Problems;

/// Folders whose tables were made from the same files.
struct FolderGroup {
    files: Vec<LogFile>,
    folders: Vec<TableFolder>,
}

/// Recomputes rows. Nothing if an input is lost; `lost` says which.
///
/// # Errors
/// If a file cannot be read.
pub(super) fn audit(
    audit: &Audit<'_>,
    problems: &mut Problems,
    lost: &mut Problems,
) -> Result<Option<Audited>> {
    let (set, settings) = (audit.set, &audit.set.settings);
    let types = event_types(&set.whole.settings);
    let types = types.ok_or_else(|| Error::bad_file("_manifest.json", "it has no types of ids"))?;
    let types = [types.user, types.flyer, types.merchant];
    let sample = choose(set, audit.rows, |file| {
        file.path.split('/').next_back() == Some("user_merchant.parquet")
    });
    let Some((groups, inputs)) = groups_of(audit, &sample, lost)? else {
        return Ok(None);
    };
    let rules = DwellRules {
        is_session: settings.dwell().dwell_method == DwellMethod::Session,
        by_flyers: settings.dwell().divide_by == DivideBy::Flyers,
        idle_us: settings.dwell().idle_timeout_us,
        timezone: settings.zone_name().to_owned(),
        int_ids: types.iter().all(|id_type| *id_type == CustomerType::Int64),
        once: settings.dedup == Dedup::Exact,
        opens: settings.dwell().opens.clone(),
        closes: settings.dwell().closes.clone(),
        ignores: settings.dwell().ignores.clone(),
    };
    let (mut count, mut records) = (0, 0);
    for group in &groups {
        audit.context.check()?;
        let mut users = BTreeSet::new();
        for folder in &group.folders {
            users.append(&mut users_of(audit, folder, &sample)?);
        }
        let is_all = audit.rows == AuditRows::All;
        let is_wanted = |user: &str| is_all || users.contains(user);
        let check: read::Check<'_> = &|| audit.context.check();
        let (log, read) = read::events(settings, types, &group.files, &is_wanted, check)?;
        records += read;
        let tables = [tables(&rules, &log), tables_by_day(&rules, &log)].concat();
        for folder in &group.folders {
            count += compare_folder(audit, folder, &tables, (&sample, &users), problems)?;
        }
    }
    Ok(Some(Audited {
        rows: count,
        of_rows: set.rows(),
        records,
        inputs: count64(inputs),
        canaries: None,
    }))
}

/// The folders with sampled rows, by the files that they were made from, and the number of these.
fn groups_of(
    audit: &Audit<'_>,
    sample: &SampledRows,
    lost: &mut Problems,
) -> Result<Option<(Vec<FolderGroup>, usize)>> {
    let set = audit.set;
    if !set.settings.dwell().by_day {
        let files = files_of_list(&set.whole.inputs, audit.input_folders(), lost)?;
        return Ok(files.map(|files| {
            let count = files.len();
            let folder = TableFolder {
                prefix: String::new(),
                day: None,
            };
            let group = FolderGroup {
                files,
                folders: vec![folder],
            };
            (vec![group], count)
        }));
    }
    let has_rows = |day| sample.keys().any(|file| audit.day_of(*file) == day);
    let Some(inputs) = audit.inputs_of(has_rows, lost)? else {
        return Ok(None);
    };
    let groups = inputs.groups.into_iter().map(|group| {
        let days = group.days.iter().flat_map(|(days, _)| days);
        let folders = days.map(|day| TableFolder {
            prefix: format!("{}/", set.days[*day].folder),
            day: Some(set.days[*day].day),
        });
        FolderGroup {
            folders: folders.collect(),
            files: group.files,
        }
    });
    Ok(Some((groups.collect(), inputs.count)))
}

impl TableFolder {
    /// The sampled rows of its table of users with merchants; nothing stands for all.
    fn sampled(&self, audit: &Audit<'_>, sample: &SampledRows) -> Option<Vec<u64>> {
        let path = self.path("user_merchant", "parquet");
        let mut files = audit.set.files.iter();
        let rows = files.position(|file| file.path == path);
        let rows = rows.and_then(|file| sample.get(&file));
        // A sample without a row of this file: `None` would stand for all rows.
        rows.cloned().unwrap_or_else(|| Some(Vec::new()))
    }
}

/// The users of the sampled rows of a folder.
fn users_of(
    audit: &Audit<'_>,
    folder: &TableFolder,
    sample: &SampledRows,
) -> Result<BTreeSet<String>> {
    let rows = folder.sampled(audit, sample);
    let mut users = BTreeSet::new();
    let (name, columns) = (
        folder.path("user_merchant", "parquet"),
        Some(&["user_id"][..]),
    );
    read_rows(
        &audit.set.settings,
        audit.out(),
        &name,
        rows.as_deref(),
        columns,
        |_, batch| {
            let ids = column(batch, "user_id");
            users.extend((0..batch.num_rows()).filter_map(|row| id(ids, row)));
            Ok(())
        },
    )?;
    Ok(users)
}

/// Compares the tables of a folder with the expected ones; gives the number of rows.
fn compare_folder(
    audit: &Audit<'_>,
    folder: &TableFolder,
    tables: &[ExpectedTable],
    (sample, users): (&SampledRows, &BTreeSet<String>),
    problems: &mut Problems,
) -> Result<u64> {
    let (own, is_all) = (audit.set.settings.dwell(), audit.rows == AuditRows::All);
    let mut count = 0;
    for table in tables {
        // A row of a place depends on all of its users, so it follows only if all events were read.
        let rows = match table.name {
            // Both formats have the same rows in the same order, so one sample serves both.
            "user_merchant" => folder.sampled(audit, sample),
            "merchant" if is_all => None,
            "user" if own.makes(MoreTable::User) && is_all => None,
            "user" if own.makes(MoreTable::User) => Some(rows_of_users(audit, folder, users)?),
            "flyer" if own.makes(MoreTable::Flyer) && is_all => None,
            _ => continue,
        };
        count += compare(audit, (folder, table), rows.as_deref(), problems)?;
    }
    Ok(count)
}

/// The rows of some users in the table of users by day.
fn rows_of_users(
    audit: &Audit<'_>,
    folder: &TableFolder,
    users: &BTreeSet<String>,
) -> Result<Vec<u64>> {
    let mut rows = Vec::new();
    let (name, columns) = (folder.path("user", "parquet"), Some(&["user_id"][..]));
    read_rows(
        &audit.set.settings,
        audit.out(),
        &name,
        None,
        columns,
        |numbers, batch| {
            let ids = column(batch, "user_id");
            let is_wanted = |at: usize| id(ids, at).is_some_and(|user| users.contains(&user));
            let of_users = (0..batch.num_rows()).zip(numbers);
            rows.extend(
                of_users
                    .filter(|(at, _)| is_wanted(*at))
                    .map(|(_, number)| *number),
            );
            Ok(())
        },
    )?;
    Ok(rows)
}
