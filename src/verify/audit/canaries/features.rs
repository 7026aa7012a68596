//! Canaries of `features`: clicks planted around audited impressions.
//!
//! ```text
//!   ──────────o│o|─o───────────────o|o──►      of the user on the listing, one microsecond apart
//!      counted │at └ label   label ┘ └ after the label window
//! ```
//! **In / Out**: audited impressions of different users and listings → three small datasets in temporary
//! folders, the rows that the engine makes of each, and a problem for each row that differs from that of
//! the reference, or whose counts or label did not change as the planted clicks must change them.

use std::collections::{BTreeMap, BTreeSet};

use super::feature_cases::{Cases, FeatureCanaryCase};
use super::feature_files::write;
use super::near::nearest;
use crate::calendar::{date_text, instant_text};
use crate::context::RunContext;
use crate::engine;
use crate::error::Result;
use crate::ids::{Day, Micros, count64};
use crate::job::{CustomerType, Job, Settings};
use crate::publish::TempDir;
use crate::reference::features::{
    FeatureRow, FeatureRules, ListingImpression, LogClick, OrderedClicks,
};
use crate::reference::read::{instant_of, is_near};
use crate::reference::{LogTime, instants_in};
use crate::verify::Problems;
use crate::verify::audit::feature_rows::{difference, is_same, row_of};
use crate::verify::audit::logs::{FeatureLogs, GroupLogs, ListingKey, id_types};
use crate::verify::audit::rows::read_all;
use crate::verify::audit::{Audit, Canaries};

/// What the planted clicks of a dataset must change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Effect {
    /// Prior counts grow by one, and the label stays.
    Counted,
    /// The label becomes 1, and counts stay.
    Label,
}

/// Plants canaries around some impressions, runs the engine, and checks its rows.
///
/// # Errors
/// If a dataset cannot be written, or a run fails.
pub(crate) fn canaries(
    audit: &Audit<'_>,
    rules: &FeatureRules,
    logs: &FeatureLogs,
    keys: &BTreeSet<ListingKey>,
    problems: &mut Problems,
) -> Result<Canaries> {
    let rules = &without_kept(rules);
    let mut cases = cases_of(rules, logs, keys);
    let window = rules.label_window_us;
    let settings = &audit.set.settings;
    // A planted click outside the years 1 to 9999 would be a bad row.
    cases.cases.retain(|case| {
        let planted = plant(case, &[-1, 1, window.saturating_add(1)]);
        planted.iter().all(|click| is_near(settings, click.time))
    });
    let mut canaries = Canaries {
        impressions: count64(cases.cases.len()),
        ..Canaries::default()
    };
    let Some(first) = cases.cases.first() else {
        return Ok(canaries);
    };
    let data_end = match first.group.data_end_us {
        Some(end) => instant_text(Micros(end)),
        // Without clicks in the inputs, clicks are complete until before any time.
        None => "0001-01-01".to_owned(),
    };
    if instant_of(settings, &data_end).is_none() {
        return Ok(Canaries::default());
    }
    // Three runs: in the first no planted click may set the label; in the others the only planted
    // one must, at the first and at the last microsecond of the window.
    let datasets: [(&[i64], Effect); 3] = [
        (&[-1, 0, window.saturating_add(1)], Effect::Counted),
        (&[1], Effect::Label),
        (&[window], Effect::Label),
    ];
    // Text files hold ids of one type, so if any id is a text, integers are written as texts too.
    let id_type = if id_types(audit)?.contains(&CustomerType::String) {
        CustomerType::String
    } else {
        CustomerType::Int64
    };
    for (offsets, effect) in datasets {
        let folder = TempDir::create(&audit.temp_dir(), "hitherto-canaries")?;
        let planted = |case: &FeatureCanaryCase<'_>| plant(case, offsets);
        let mut planted_settings =
            write((settings, rules), folder.path(), &cases, id_type, planted)?;
        planted_settings.features_mut().data_end = Some(data_end.clone());
        let job = Job::new(planted_settings)?;
        engine::features(&job, &RunContext::default())?;
        let mut rows = read_back(&job)?;
        for case in &cases.cases {
            let key = (case.row.day, case.impression.id.clone());
            let planted = plant(case, offsets);
            canaries.planted += count64(planted.len());
            let expected = case.row_with(rules, &planted);
            let what = match (rows.remove(&key), expected) {
                (Some(found), Some(expected)) if is_same(&found, &expected) => {
                    let added = added_count(settings, rules, case, effect);
                    effect_problem(&found, &case.row, effect, added)
                }
                (Some(found), Some(expected)) => Some(difference(settings, &found, &expected)),
                _ => Some("it has no row".to_owned()),
            };
            match what {
                None => {
                    // Each dataset plants exactly one click per case that must have an effect.
                    canaries.kept += 1;
                    canaries.refused += count64(planted.len()) - 1;
                }
                Some(what) => {
                    let path = format!("date={}", date_text(Day(case.row.day)));
                    let id = &case.impression.id;
                    problems.add(path, format!("canaries around impression {id}: {what}"));
                }
            }
        }
    }
    Ok(canaries)
}

/// The rules without kept columns, which planted files do not have.
fn without_kept(rules: &FeatureRules) -> FeatureRules {
    FeatureRules {
        kept_of_listings: Vec::new(),
        ..rules.clone()
    }
}

/// An impression with the inputs of its group of days.
type ChosenImpression<'a> = (&'a GroupLogs, &'a ListingImpression);

/// Impressions of one group of days, no two of which share a user, a listing or an id.
fn chosen_of<'a>(
    rules: &FeatureRules,
    logs: &'a FeatureLogs,
    keys: &BTreeSet<ListingKey>,
) -> Vec<ChosenImpression<'a>> {
    let (mut users, mut listings, mut ids) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    let mut chosen: Vec<ChosenImpression<'_>> = Vec::new();
    let mut group_of_all = None;
    for key in keys {
        let impressions = logs.impressions.get(key);
        let first = impressions.and_then(|impressions| impressions.values().next());
        let Some((at, impression)) = first else {
            continue;
        };
        let group = &logs.groups[*at];
        let price = group
            .listing_of(rules, impression)
            .and_then(|listing| listing.price);
        // JSON has neither NaN nor infinity.
        let is_json = price.is_none_or(f64::is_finite);
        // What is planted for one case must not count for another.
        let is_distinct = !users.contains(&impression.user)
            && !listings.contains(&impression.listing)
            && !ids.contains(&impression.id);
        // One run reads one list of clicks and of listings, so all cases come from one group of
        // days.
        if !is_json || !is_distinct || *group_of_all.get_or_insert(*at) != *at {
            continue;
        }
        users.insert(&impression.user);
        listings.insert(&impression.listing);
        ids.insert(&impression.id);
        chosen.push((group, impression));
    }
    chosen
}

/// The cases of suitable impressions, with the clicks around them.
fn cases_of<'a>(
    rules: &FeatureRules,
    logs: &'a FeatureLogs,
    keys: &BTreeSet<ListingKey>,
) -> Cases<'a> {
    let chosen = chosen_of(rules, logs, keys);
    let clicks = chosen.first().map_or(&[][..], |(group, _)| &group.clicks);
    let impressions = || chosen.iter().map(|(_, impression)| *impression).enumerate();
    let users = impressions().map(|(at, impression)| (impression.user.as_str(), at));
    let users: BTreeMap<&str, usize> = users.collect();
    let listings = impressions().map(|(at, impression)| (impression.listing.as_str(), at));
    let listings: BTreeMap<&str, usize> = listings.collect();
    // The cases that a click is around: that of its listing, and that of its user.
    let cases_around = |click: &LogClick| {
        let on_listing = listings.get(click.listing.as_str());
        let of_user = click.user.as_deref().and_then(|user| users.get(user));
        // A click of the user of a case on its listing is around it only once.
        let of_user = of_user.filter(|case| Some(*case) != on_listing);
        on_listing.into_iter().chain(of_user).copied()
    };
    let instants = |times: &mut dyn Iterator<Item = LogTime>| instants_in(&rules.timezone, times);
    let impression_times = instants(&mut impressions().map(|(_, impression)| impression.time));
    let click_times = instants(&mut clicks.iter().map(|click| click.time));
    let mut around: Vec<Vec<(u64, usize)>> = vec![Vec::new(); chosen.len()];
    for (place, click) in clicks.iter().enumerate() {
        for case in cases_around(click) {
            let distance = click_times[place].abs_diff(impression_times[case]);
            around[case].push((distance, place));
        }
    }
    let near: BTreeSet<usize> = around.into_iter().flat_map(nearest).collect();
    let near: Vec<LogClick> = near
        .into_iter()
        .map(|place| clicks[place].clone())
        .collect();
    // A click that is near one case may be around another one, too.
    let mut own: Vec<Vec<LogClick>> = vec![Vec::new(); chosen.len()];
    for click in &near {
        cases_around(click).for_each(|case| own[case].push(click.clone()));
    }
    let cases = chosen.into_iter().zip(own);
    let cases = cases.filter_map(|((group, impression), clicks)| {
        let row = group.row_given(rules, impression, &OrderedClicks::new(rules, &clicks))?;
        Some(FeatureCanaryCase {
            impression,
            clicks,
            row,
            group,
        })
    });
    Cases {
        cases: cases.collect(),
        clicks: near,
    }
}

/// Clicks of the user on the listing, at these offsets in microseconds from the impression.
fn plant(case: &FeatureCanaryCase<'_>, offsets: &[i64]) -> Vec<LogClick> {
    let (group, impression) = (case.group, case.impression);
    let click = |offset: &i64| LogClick {
        user: group.has_users.then(|| impression.user.clone()),
        listing: impression.listing.clone(),
        time: LogTime::Instant(case.row.time_us.saturating_add(*offset)),
    };
    offsets.iter().map(click).collect()
}

/// By how much prior counts must grow: not at all if repeats are left out and the planted prior click
/// repeats a real one.
fn added_count(
    settings: &Settings,
    rules: &FeatureRules,
    case: &FeatureCanaryCase<'_>,
    effect: Effect,
) -> i64 {
    let at = case.row.time_us.saturating_sub(1);
    let is_repeat = || rules.once && case.has_click(settings.zone_name(), at);
    i64::from(effect == Effect::Counted && !is_repeat())
}

/// How a row differs from the one without planted clicks other than it must, in words.
fn effect_problem(
    found: &FeatureRow,
    before: &FeatureRow,
    effect: Effect,
    added: i64,
) -> Option<String> {
    let counts = |row: &FeatureRow| [Some(row.of_listing.clone()), row.of_user.clone()];
    let expected = counts(before).map(|counts| {
        let counts = counts.map(Vec::into_iter);
        counts.map(|counts| counts.map(|count| count + added).collect())
    });
    let label = before.clicked || effect == Effect::Label;
    if counts(found) != expected {
        return Some(format!(
            "counts are {:?}, and should be {expected:?}",
            counts(found)
        ));
    }
    let is_same = found.clicked == label;
    (!is_same).then(|| format!("the label is {}, and should be {label}", found.clicked))
}

/// All rows that a run made, by impression.
fn read_back(job: &Job) -> Result<BTreeMap<ListingKey, FeatureRow>> {
    let mut rows = BTreeMap::new();
    read_all(job, |day, batch, at| {
        let row = row_of(job, day, batch, at);
        rows.insert((day, row.id.clone()), row);
    })?;
    Ok(rows)
}
