//! Clicks that count for no impression, and listings that are in no impression.

use super::{
    RejectedShare, Unused, UnusedSource, check_rejected, conclude, one_label, range_text,
    read_again, reasons_text,
};
use crate::context::RunContext;
use crate::dictionary::Id;
use crate::dictionary::keys::Keys;
use crate::error::Result;
use crate::ids::{Micros, both, count64, index};
use crate::job::{Job, Source, WarningCode};
use crate::kernel::op::features::ABSENT;
use crate::kernel::sweep::is_prior;
use crate::metrics::FeatureCounts;
use crate::output::features::FeaturesRead;
use crate::scan::bad_rows::rejected_of;
use crate::scan::features::ranks;
use crate::scan::table::{Batch, ColumnType, Memo};
use crate::warnings::{Noticed, Warning};

/// The columns, as indices in a batch.
const LISTING: usize = 0;
/// The user who clicked.
const USER: usize = 1;
/// The time of the click.
const TIME: usize = 2;

/// Clicks, by the reason that they count for no impression.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct ClickExclusions {
    /// On listings that are in no impression, by users without an impression.
    unknown_ids: u64,
    /// Before some impression, but not before one of the same listing or user.
    in_range: u64,
    /// After the last impression and its label window.
    late: u64,
    no_time: u64,
    /// The oldest and the newest time.
    times: Option<(Micros, Micros)>,
}

/// What one thread counts with.
#[derive(Default)]
struct ClickCounter {
    /// The ranks of the listings of a Parquet dictionary.
    listings_memo: Memo,
    users_memo: Memo,
    /// Scratch: the ranks of the listings of a batch.
    listings: Vec<u32>,
    users: Vec<u32>,
    counts: ClickExclusions,
}

/// The ids and the time range of all impressions.
struct ImpressionRange {
    listings: Keys,
    users: Keys,
    /// The time of the last impression.
    last: Micros,
    /// The end of its label window.
    last_label: Micros,
}

impl ImpressionRange {
    /// The range of the impressions of a run.
    fn new(job: &Job, read: &FeaturesRead) -> ImpressionRange {
        let last = read.shown.times.iter().copied().max();
        let last = last.unwrap_or(Micros::MIN);
        ImpressionRange {
            listings: read.listing_ids.keys(),
            users: read.users.keys(),
            last,
            last_label: Micros(last.0.saturating_add(job.features().label_window_us)),
        }
    }
}

/// Checks that the sources of a run of `features` had an effect.
///
/// # Errors
/// If no click counts for any impression, or all rows of a source were rejected.
pub(crate) fn notice_features(
    job: &Job,
    context: &RunContext,
    read: &FeaturesRead,
    rows: &FeatureCounts,
) -> Result<Noticed> {
    if rows.rows == 0 && read.inputs.days_skipped(job) > 0 {
        return Ok(Noticed::default());
    }
    let rejected = |source| rejected_of(&read.inputs.rejected, source);
    let share = |source, rows| RejectedShare {
        source,
        rows,
        rejected: rejected(source),
    };
    // The other counts include rejected rows already.
    let impressions = count64(read.shown.count()) + rejected(Source::Impressions);
    let shares = [
        share(Source::Impressions, impressions),
        share(Source::Clicks, read.clicks.clicks),
        share(Source::Listings, read.listings.rows_read),
    ];
    check_rejected(job, &shares)?;
    let mut warnings = read.inputs.warnings.clone();
    if rows.rows == 0 {
        let unused = UnusedSource {
            source: Source::Impressions,
            rows: 0,
            reason: reasons_text(0, &[]),
            times: None,
            unopened: None,
        };
        return conclude(job, &[unused], Unused::All, "", warnings);
    }
    warnings.extend(unmatched(job, read, rows));
    warnings.extend(one_label("clicked", rows.rows, rows.clicked));
    let counted = rows.prior_listing_clicks.sum + rows.prior_user_clicks.sum;
    if counted + rows.clicked > 0 {
        return conclude(job, &[], Unused::Some, "", warnings);
    }
    let range = ImpressionRange::new(job, read);
    let counts = count_exclusions(job, context, read, &range, u64::MAX)?;
    let unused = unused_clicks(read, &counts);
    conclude(
        job,
        &[unused],
        Unused::All,
        &range_note(read, &range),
        warnings,
    )
}

/// The warnings of `plan`.
pub(crate) fn warn_features(
    job: &Job,
    context: &RunContext,
    read: &FeaturesRead,
) -> Result<Vec<Warning>> {
    let range = ImpressionRange::new(job, read);
    let counts = count_exclusions(job, context, read, &range, 1)?;
    let mut warnings = read.inputs.warnings.clone();
    if counts.in_range == 0 && read.shown.count() > 0 {
        let unused = unused_clicks(read, &counts);
        warnings.push(unused.warning(&range_note(read, &range)));
    }
    Ok(warnings)
}

/// Why no click counts.
fn unused_clicks(read: &FeaturesRead, exclusions: &ClickExclusions) -> UnusedSource {
    let known = exclusions.unknown_ids + exclusions.in_range + exclusions.late + exclusions.no_time;
    let rows = read.clicks.clicks.max(known);
    let unknown_ids = format!(
        "on listings that no impression shows, by users that none is shown to (impressions show {})",
        read.shown.listings.first().map_or_else(
            || "none".to_owned(),
            |rank| match read.listing_ids.get(*rank) {
                Id::Int(id) => id.to_string(),
                Id::Text(id) => format!("{:?}", String::from_utf8_lossy(id.as_ref())),
            }
        )
    );
    let counts = [
        (exclusions.unknown_ids, unknown_ids),
        (
            exclusions.late,
            "behind the last impression and its label".to_owned(),
        ),
        (
            exclusions.in_range,
            "before some impression, but not before or soon after their own".to_owned(),
        ),
        (exclusions.no_time, "without a time".to_owned()),
        (rows - known, "set aside, or cannot be read".to_owned()),
    ];
    UnusedSource {
        source: Source::Clicks,
        rows,
        reason: reasons_text(rows, &counts),
        times: exclusions.times,
        unopened: None,
    }
}

/// The range of impressions, which the times of clicks were compared with.
fn range_note(read: &FeaturesRead, range: &ImpressionRange) -> String {
    let first = read.shown.times.iter().copied().min().unwrap_or(range.last);
    format!("; impressions run {}", range_text((first, range.last)))
}

/// A warning if no impression has a listing that is in the files of listings.
fn unmatched(job: &Job, read: &FeaturesRead, rows: &FeatureCounts) -> Option<Warning> {
    if rows.unknown_listings < rows.rows {
        return None;
    }
    let listings = read.listings.rows_read;
    let times = match &job.features().listings_as_of {
        Some(name) => format!(", and at \"{name}\", which must be before the impression"),
        None => String::new(),
    };
    let text = match listings {
        0 => "no listing matches an impression: their files hold no rows".to_owned(),
        _ => format!(
            "none of the {listings} listings matches one of the {} impressions: look at the ids of both{}",
            rows.rows, times
        ),
    };
    let warning = Warning::new(WarningCode::UnmatchedListings, Source::Listings, text);
    Some(warning.with("listings", listings))
}

/// Reads the clicks. A thread stops after `enough` clicks in range.
fn count_exclusions(
    job: &Job,
    context: &RunContext,
    read: &FeaturesRead,
    range: &ImpressionRange,
    enough: u64,
) -> Result<ClickExclusions> {
    let name = |ours| job.column(Source::Clicks, ours);
    let columns = [
        (name("listing_id"), ColumnType::of_ids(read.types.listing)),
        (name("user_id"), ColumnType::of_ids(read.types.user)),
        (name("click_ts"), ColumnType::Time),
    ];
    let files = read.inputs.opened.iter();
    let files = files.filter(|file| file.file().source == Source::Clicks);
    let has_enough = |counter: &ClickCounter| counter.counts.in_range >= enough;
    let add = |counter: &mut ClickCounter, batch: &Batch<'_>| counter.add(batch, range);
    let counters = read_again(job, context, files, &columns, has_enough, add)?;
    let mut counts = ClickExclusions::default();
    counters
        .iter()
        .for_each(|counter| counts.merge(&counter.counts));
    Ok(counts)
}

impl ClickCounter {
    /// Counts the rows of a batch.
    fn add(&mut self, batch: &Batch<'_>, range: &ImpressionRange) {
        let (cells, rows) = (batch.cells, batch.rows);
        let counts = &mut self.counts;
        let memo = &mut self.listings_memo;
        ranks(
            &cells[LISTING],
            rows,
            (&range.listings, memo),
            &mut self.listings,
        );
        let memo = &mut self.users_memo;
        ranks(&cells[USER], rows, (&range.users, memo), &mut self.users);
        for ((row, listing), user) in rows.iter().zip(&self.listings).zip(&self.users) {
            if cells[TIME].is_null(*row) {
                counts.no_time += 1;
                continue;
            }
            let time = cells[TIME].times().at[index(*row)];
            counts.times = both(counts.times, Some((time, time)));
            let has_listing = *listing != ABSENT && !cells[LISTING].is_null(*row);
            let has_user = *user != ABSENT && !cells[USER].is_null(*row);
            let in_time = has_listing && !is_prior(range.last_label, time)
                || has_user && is_prior(time, range.last);
            // A click counts under the first reason that applies, so that the counts add up to the
            // rows.
            let count = match () {
                () if !has_listing && !has_user => &mut counts.unknown_ids,
                () if in_time => &mut counts.in_range,
                () => &mut counts.late,
            };
            *count += 1;
        }
    }
}

impl ClickExclusions {
    /// Adds the counts of another thread.
    fn merge(&mut self, other: &ClickExclusions) {
        self.unknown_ids += other.unknown_ids;
        self.in_range += other.in_range;
        self.late += other.late;
        self.no_time += other.no_time;
        self.times = both(self.times, other.times);
    }
}
