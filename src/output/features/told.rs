//! What was found and made, as values of the manifest and as a [`FeaturesReport`].

use serde_json::{Value, json};

use super::rows::RowTally;
use super::{FeaturesRead, FeaturesReport};
use crate::calendar::instant_text;
use crate::ids::count64;
use crate::job::{Job, LabelKey, Source};
use crate::output::report::DayReport;
use crate::scan::faults::rejected_of;
use crate::warnings::Noticed;

/// What was found beside the impressions, in the manifest.
pub(super) fn clicks_value(read: &FeaturesRead, (on_listings, repeated): (u64, u64)) -> Value {
    let rejected = |source| rejected_of(&read.inputs.rejected, source);
    json!({
        "clicks": {
            "rows": read.clicks.clicks,
            "without_user": read.clicks.without_user,
            "on_listings": on_listings,
            "repeated": repeated,
            "rejected": rejected(Source::Clicks),
            "latest": read.clicks.latest.map(instant_text),
        },
        "listings": {
            "rows": read.listings.rows_read,
            "rejected": rejected(Source::Listings),
        },
        "impressions_rejected": rejected(Source::Impressions),
    })
}

/// What the rows of a day hold, in the manifest.
pub(super) fn counts_value(job: &Job, tally: &RowTally) -> Value {
    let key = match job.features().label_key {
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
    (job, read): (&Job, &FeaturesRead),
    days: Vec<DayReport>,
    (all, (on_listings, repeated)): (&RowTally, (u64, u64)),
    noticed: Noticed,
) -> FeaturesReport {
    FeaturesReport {
        days,
        rows: all.rows,
        clicked: all.clicked,
        incomplete: all.incomplete,
        unknown_listings: all.unknown_listings,
        negative_ages: all.negative_ages,
        clicks: read.clicks.clicks,
        clicks_without_user: read.clicks.without_user,
        clicks_on_listings: on_listings,
        repeated_clicks: repeated,
        listings: read.listings.rows_read,
        data_end: read.data_end.map(instant_text),
        rejected: count64(read.inputs.rejected.len()),
        files: count64(read.inputs.opened.len()),
        days_skipped: read.inputs.days_skipped(job),
        warnings: noticed.warnings,
    }
}
