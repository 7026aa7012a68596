//! Clicks that count for no impression, and listings that are in no impression.

use serde::{Deserialize, Serialize};

use super::clicks::{ExcludedClicks, count_exclusions};
use super::{
    RejectedShare, Unused, UnusedSource, check_rejected, conclude, one_label, range_text,
    reasons_text,
};
use crate::context::RunContext;
use crate::engine::input_warnings::{NullWordCounts, WordRows, repeats};
use crate::error::Result;
use crate::ids::Micros;
use crate::job::{Job, Source, WarningCode};
use crate::metrics::FeatureCounts;
use crate::output::features::{FeaturesMade, FeaturesRead};
use crate::warnings::{Noticed, Warning, WarningEntry, entries, merge_entries, of_entries};

/// The columns of impressions that hold ids which may be null words.
const ID_COLUMNS: [&str; 2] = ["user_id", "listing_id"];

/// What a run knows of its clicks, as far as they have no effect, and of ids that look wrong; that of several
/// shards adds up.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct ClicksSeen {
    /// Why no click counts for any impression of all shards; nothing if one does for an impression of this one.
    excluded: Option<ExcludedClicks>,
    /// Rows of impressions by the null word that is their user, and their listing.
    null_words: [WordRows; 2],
    /// Other warnings from reading.
    warnings: Vec<WarningEntry>,
}

/// Looks whether a click counts for an impression, and if none does, why.
///
/// # Errors
/// If a file cannot be read again.
pub(crate) fn see_clicks(
    job: &Job,
    context: &RunContext,
    read: &FeaturesRead,
    made: &FeaturesMade,
) -> Result<ClicksSeen> {
    let rows = made.counts();
    // Without rows a shard knows nothing of the reasons that others with rows do not know as well.
    let excluded = if rows.rows == 0 || counts_some(&rows) {
        None
    } else {
        Some(count_exclusions(job, context, read, u64::MAX)?)
    };
    Ok(ClicksSeen {
        excluded,
        null_words: read.null_words.clone(),
        warnings: entries(&read.inputs.warnings),
    })
}

/// Whether a click counts for some row.
fn counts_some(rows: &FeatureCounts) -> bool {
    rows.prior_listing_clicks.sum + rows.prior_user_clicks.sum + rows.clicked > 0
}

impl ClicksSeen {
    /// Adds what the next shard knows.
    pub(crate) fn merge(&mut self, next: ClicksSeen) {
        // Of all impressions, so equal in all shards that have counted.
        self.excluded = self.excluded.take().or(next.excluded);
        for (own, more) in self.null_words.iter_mut().zip(next.null_words) {
            for (word, rows) in more {
                *own.entry(word).or_default() += rows;
            }
        }
        merge_entries(&mut self.warnings, next.warnings);
    }

    /// Adds warnings about the ids of all shards.
    pub(crate) fn warn(&mut self, warnings: &[Warning]) {
        self.warnings.extend(entries(warnings));
    }
}

/// Checks that the sources of a run of `features` had an effect.
///
/// # Errors
/// If no click counts for any impression, or all rows of a source were rejected.
pub(crate) fn notice_features(
    job: &Job,
    made: &FeaturesMade,
    seen: &ClicksSeen,
) -> Result<Noticed> {
    let noticed = judge(job, made, seen)?;
    let what = "clicks on listings that were shown repeat another one in user, listing and time";
    let (repeated, all) = (made.repeated, made.on_listings);
    Ok(noticed.told(
        &job.no_warn,
        repeats(job, Source::Clicks, repeated, all, what),
    ))
}

/// What was noticed, but for repeats, silenced or not.
fn judge(job: &Job, made: &FeaturesMade, seen: &ClicksSeen) -> Result<Noticed> {
    let rows = made.counts();
    if rows.rows == 0 && made.files.days_skipped > 0 {
        return Ok(Noticed::default());
    }
    let share = |source, rows| RejectedShare {
        source,
        rows,
        rejected: made.rejected(source),
    };
    // The other counts include rejected rows already.
    let impressions = rows.rows + made.rejected(Source::Impressions);
    let shares = [
        share(Source::Impressions, impressions),
        share(Source::Clicks, made.read.clicks),
        share(Source::Listings, made.read.listings),
    ];
    check_rejected(job, &shares)?;
    let mut warnings = of_entries(&seen.warnings);
    warnings.extend(null_word_warnings(job, &seen.null_words));
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
    warnings.extend(unmatched(job, made.read.listings, &rows));
    warnings.extend(one_label("clicked", rows.rows, rows.clicked));
    if counts_some(&rows) {
        return conclude(job, &[], Unused::Some, "", warnings);
    }
    let unused = unused_clicks(made.read.clicks, seen.excluded.as_ref());
    let note = range_note(made.read.impressions.times);
    conclude(job, &[unused], Unused::All, &note, warnings)
}

/// The warnings of `plan`.
pub(crate) fn warn_features(
    job: &Job,
    context: &RunContext,
    read: &FeaturesRead,
) -> Result<Vec<Warning>> {
    let excluded = count_exclusions(job, context, read, 1)?;
    let mut warnings = read.inputs.warnings.clone();
    warnings.extend(null_word_warnings(job, &read.null_words));
    if excluded.counts.in_range == 0 && read.all.times.is_some() {
        let unused = unused_clicks(read.clicks.clicks, Some(&excluded));
        warnings.push(unused.warning(&range_note(read.all.times)));
    }
    Ok(warnings)
}

/// The warnings about null words among users, and among listings.
fn null_word_warnings(job: &Job, null_words: &[WordRows; 2]) -> Vec<Warning> {
    let columns = ID_COLUMNS.into_iter().zip(null_words);
    let warnings = columns.flat_map(|(column, rows)| {
        NullWordCounts::of_rows(rows).warnings(job, Source::Impressions, column)
    });
    warnings.collect()
}

/// Why no click counts.
fn unused_clicks(clicks: u64, excluded: Option<&ExcludedClicks>) -> UnusedSource {
    let Some(ExcludedClicks {
        counts: exclusions,
        shown_listing,
    }) = excluded
    else {
        // Shards count for the days that they have made, of which the set may get a few.
        return UnusedSource {
            source: Source::Clicks,
            rows: clicks,
            reason: "they count for other days only".to_owned(),
            times: None,
            unopened: None,
        };
    };
    let known = exclusions.unknown_ids + exclusions.in_range + exclusions.late + exclusions.no_time;
    let rows = clicks.max(known);
    let unknown_ids = format!(
        "on listings that no impression shows, by users that none is shown to (impressions show {})",
        shown_listing.as_deref().unwrap_or("none")
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
fn range_note(times: Option<(Micros, Micros)>) -> String {
    let times = times.unwrap_or((Micros::MIN, Micros::MIN));
    format!("; impressions run {}", range_text(times))
}

/// A warning if no impression has a listing that is in the files of listings.
fn unmatched(job: &Job, listings: u64, rows: &FeatureCounts) -> Option<Warning> {
    if rows.unknown_listings < rows.rows {
        return None;
    }
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
