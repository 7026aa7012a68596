//! Clicks that no impression could see, and listings that none asks about.

use super::{Finding, check_set_aside, one_label, range_text, read_again, verdict, why_of};
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

/// The columns, as places in a batch.
const LISTING: usize = 0;
/// By whom.
const USER: usize = 1;
/// When.
const TIME: usize = 2;

/// Clicks, by what keeps impressions from seeing them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Looked {
    /// On listings that no impression shows, by users that no impression is shown to.
    strangers: u64,
    /// Before an impression, but not the one that asks.
    seen: u64,
    /// Behind the last impression and its label.
    late: u64,
    timeless: u64,
    /// The oldest and the newest time.
    times: Option<(Micros, Micros)>,
}

/// What one thread looks with.
#[derive(Default)]
struct State {
    /// What it knows of the dictionaries of listings and users.
    memos: [Memo; 2],
    /// Scratch: ranks of listings and users.
    ranks: [Vec<u32>; 2],
    looked: Looked,
}

/// Who asks, and until when.
struct Asked {
    /// The listings that are shown.
    listings: Keys,
    /// The users that they are shown to.
    users: Keys,
    last: Micros,
    /// The end of its label.
    last_label: Micros,
}

impl Asked {
    /// What some impressions ask about.
    fn new(job: &Job, read: &FeaturesRead) -> Asked {
        let last = read.shown.times.iter().copied().max();
        let last = last.unwrap_or(Micros::MIN);
        Asked {
            listings: read.listing_ids.keys(),
            users: read.users.keys(),
            last,
            last_label: Micros(last.0.saturating_add(job.features().label_window_us)),
        }
    }
}

/// Whether a run of `features` made something of its sources.
///
/// # Errors
/// If no click is counted anywhere, or all of a source was set aside.
pub(crate) fn notice_features(
    (job, context): (&Job, &RunContext),
    read: &FeaturesRead,
    rows: &FeatureCounts,
) -> Result<Noticed> {
    if rows.rows == 0 && read.inputs.days_skipped(job) > 0 {
        return Ok(Noticed::default());
    }
    let rejected = |source| rejected_of(&read.inputs.rejected, source);
    let shown = (count64(read.shown.count()), rejected(Source::Impressions));
    check_set_aside(
        job,
        &[
            (Source::Impressions, shown.0 + shown.1, shown.1),
            (Source::Clicks, read.clicks.clicks, rejected(Source::Clicks)),
            (
                Source::Listings,
                read.listings.rows_read,
                rejected(Source::Listings),
            ),
        ],
    )?;
    let mut warnings = read.inputs.warnings.clone();
    if rows.rows == 0 {
        let finding = Finding {
            source: Source::Impressions,
            rows: 0,
            why: why_of(0, &[]),
            times: None,
            closed: None,
        };
        return verdict(job, (vec![finding], true), "", warnings);
    }
    warnings.extend(unmatched(read, rows));
    warnings.extend(one_label("clicked", rows.rows, rows.clicked));
    let counted = rows.prior_listing_clicks.sum + rows.prior_user_clicks.sum;
    if counted + rows.clicked > 0 {
        return verdict(job, (Vec::new(), false), "", warnings);
    }
    let asked = Asked::new(job, read);
    let looked = look((job, context), read, &asked, u64::MAX)?;
    let (finding, beside) = clicks_finding(read, &asked, &looked);
    verdict(job, (vec![finding], true), &beside, warnings)
}

/// The warnings of a plan.
pub(crate) fn warn_features(
    (job, context): (&Job, &RunContext),
    read: &FeaturesRead,
) -> Result<Vec<Warning>> {
    let asked = Asked::new(job, read);
    let looked = look((job, context), read, &asked, 1)?;
    let mut warnings = read.inputs.warnings.clone();
    if looked.seen == 0 && read.shown.count() > 0 {
        let (finding, beside) = clicks_finding(read, &asked, &looked);
        warnings.push(finding.warning(&beside));
    }
    Ok(warnings)
}

/// Why no click is counted, and what clicks are held against.
fn clicks_finding(read: &FeaturesRead, asked: &Asked, looked: &Looked) -> (Finding, String) {
    let told = looked.strangers + looked.seen + looked.late + looked.timeless;
    let rows = read.clicks.clicks.max(told);
    let strangers = format!(
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
        (looked.strangers, strangers),
        (
            looked.late,
            "behind the last impression and its label".to_owned(),
        ),
        (
            looked.seen,
            "before some impression, but not before or soon after their own".to_owned(),
        ),
        (looked.timeless, "without a time".to_owned()),
        (rows - told, "set aside, or cannot be read".to_owned()),
    ];
    let finding = Finding {
        source: Source::Clicks,
        rows,
        why: why_of(rows, &counts),
        times: looked.times,
        closed: None,
    };
    let first = read.shown.times.iter().copied().min().unwrap_or(asked.last);
    let beside = format!("; impressions run {}", range_text((first, asked.last)));
    (finding, beside)
}

/// A warning if no impression is of a listing that some file has.
fn unmatched(read: &FeaturesRead, rows: &FeatureCounts) -> Option<Warning> {
    if rows.unknown_listings < rows.rows {
        return None;
    }
    let listings = read.listings.rows_read;
    let text = match listings {
        0 => "no listing matches an impression: their files hold no rows".to_owned(),
        _ => format!(
            "none of the {listings} listings matches one of the {} impressions: look at the ids of both",
            rows.rows
        ),
    };
    let warning = Warning::new(WarningCode::UnmatchedListings, Source::Listings, text);
    Some(warning.with("listings", listings))
}

/// Reads the clicks, until so many are found that some impression may see.
fn look(
    (job, context): (&Job, &RunContext),
    read: &FeaturesRead,
    asked: &Asked,
    enough: u64,
) -> Result<Looked> {
    let name = |ours| job.column(Source::Clicks, ours);
    let columns = [
        (name("listing_id"), ColumnType::of_ids(read.types.listing)),
        (name("user_id"), ColumnType::of_ids(read.types.user)),
        (name("click_ts"), ColumnType::Time),
    ];
    let files = read.inputs.opened.iter();
    let files = files.filter(|of| of.file().source == Source::Clicks);
    let has_enough = |state: &State| state.looked.seen >= enough;
    let states = read_again(
        (job, context),
        files,
        &columns,
        has_enough,
        |state, batch| {
            let State {
                memos,
                ranks,
                looked,
            } = state;
            looked.add(batch, asked, (memos, ranks));
        },
    )?;
    let mut looked = Looked::default();
    states.iter().for_each(|state| looked.merge(&state.looked));
    Ok(looked)
}

impl Looked {
    /// Adds the rows of a batch.
    fn add(
        &mut self,
        batch: &Batch<'_>,
        asked: &Asked,
        (memos, codes): (&mut [Memo; 2], &mut [Vec<u32>; 2]),
    ) {
        let (cells, rows) = (batch.cells, batch.rows);
        let [of_listings, of_users] = memos;
        let [listings, users] = codes;
        ranks(
            &cells[LISTING],
            rows,
            (&asked.listings, of_listings),
            listings,
        );
        ranks(&cells[USER], rows, (&asked.users, of_users), users);
        for ((row, listing), user) in rows.iter().zip(listings.iter()).zip(users.iter()) {
            if cells[TIME].is_null(*row) {
                self.timeless += 1;
                continue;
            }
            let time = cells[TIME].times().at[index(*row)];
            self.times = both(self.times, Some((time, time)));
            let of_listing = *listing != ABSENT && !cells[LISTING].is_null(*row);
            let of_user = *user != ABSENT && !cells[USER].is_null(*row);
            let in_time = of_listing && !is_prior(asked.last_label, time)
                || of_user && is_prior(time, asked.last);
            let count = match () {
                () if !of_listing && !of_user => &mut self.strangers,
                () if in_time => &mut self.seen,
                () => &mut self.late,
            };
            *count += 1;
        }
    }

    /// Adds what another thread found.
    fn merge(&mut self, other: &Looked) {
        self.strangers += other.strangers;
        self.seen += other.seen;
        self.late += other.late;
        self.timeless += other.timeless;
        self.times = both(self.times, other.times);
    }
}
