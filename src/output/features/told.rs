//! What was found and made, as values of the manifest and as a [`FeaturesReport`].

use serde_json::{Value, json};

use super::rows::RowTally;
use super::{FeaturesFound, FeaturesReport, Made};
use crate::calendar::instant_text;
use crate::ids::count64;
use crate::job::{Job, LabelKey, Source};
use crate::output::report::DayReport;
use crate::scan::faults::rejected_of;
use crate::warnings::Noticed;

/// What was found beside the impressions, in the manifest.
pub(super) fn clicks_value(found: &FeaturesFound, (on_listings, repeated): (u64, u64)) -> Value {
    let rejected = |source| rejected_of(&found.rejected, source);
    json!({
        "clicks": {
            "rows": found.clicks.clicks,
            "without_user": found.clicks.without_user,
            "on_listings": on_listings,
            "repeated": repeated,
            "rejected": rejected(Source::Clicks),
            "latest": found.clicks.latest.map(instant_text),
        },
        "listings": {
            "rows": found.listings.rows_read,
            "rejected": rejected(Source::Listings),
        },
        "impressions_rejected": rejected(Source::Impressions),
    })
}

/// What the rows of a day hold, in the manifest.
pub(super) fn counts_value(job: &Job, tally: &RowTally) -> Value {
    let key = match job.label_key {
        LabelKey::UserListing => "clicked_by_user",
        LabelKey::Listing => "clicked_by_anybody",
    };
    json!({
        "rows": tally.rows,
        key: tally.clicked,
        "label_incomplete": tally.incomplete,
        "unknown_listings": tally.unknown_listings,
        "negative_ages": tally.negative_ages,
    })
}

/// The report of a run.
pub(super) fn report(
    found: &FeaturesFound,
    made: &Made,
    (all, noticed): (&RowTally, Noticed),
) -> FeaturesReport {
    let Made { days, parts, .. } = made;
    let days = days
        .iter()
        .zip(parts)
        .map(|((day, rows), parts)| DayReport {
            day: *day,
            rows: count64(rows.len()),
            parts: count64(parts.len()),
            bytes: parts.iter().map(|part| part.bytes).sum(),
        });
    FeaturesReport {
        days: days.collect(),
        rows: all.rows,
        clicked: all.clicked,
        incomplete: all.incomplete,
        unknown_listings: all.unknown_listings,
        negative_ages: all.negative_ages,
        clicks: found.clicks.clicks,
        clicks_without_user: found.clicks.without_user,
        clicks_on_listings: made.repeats.0,
        repeated_clicks: made.repeats.1,
        listings: found.listings.rows_read,
        data_end: found.data_end.map(instant_text),
        rejected: count64(found.rejected.len()),
        files: count64(found.inputs.len()),
        days_skipped: count64(found.days_skipped),
        warnings: noticed.warnings,
    }
}
