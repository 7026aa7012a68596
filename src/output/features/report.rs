//! What a run read and wrote, as entries of the manifest and as a [`FeaturesReport`].

use super::{FeaturesRead, FeaturesReport};
use crate::calendar::instant_text;
use crate::ids::count64;
use crate::job::{Job, LabelKey, Source};
use crate::manifest::{ClickCounts, ClickFindings, FeatureDayCounts, ListingCounts};
use crate::metrics::FeatureCounts;
use crate::output::commit::DayReport;
use crate::scan::bad_rows::rejected_of;
use crate::warnings::Noticed;

/// The findings of the run outside the impressions, for the manifest.
pub(crate) fn click_findings(
    read: &FeaturesRead,
    on_listings: u64,
    repeated: u64,
) -> ClickFindings {
    let rejected = |source| rejected_of(&read.inputs.rejected, source);
    ClickFindings {
        clicks: ClickCounts {
            rows: read.clicks.clicks,
            without_user: read.clicks.without_user,
            on_listings: Some(on_listings),
            repeated: Some(repeated),
            rejected: rejected(Source::Clicks),
            latest: read.clicks.latest.map(instant_text),
        },
        listings: ListingCounts {
            rows: read.listings.rows_read,
            rejected: rejected(Source::Listings),
        },
        impressions_rejected: rejected(Source::Impressions),
    }
}

/// The counts of a day in the manifest.
pub(crate) fn day_counts(job: &Job, counts: &FeatureCounts) -> FeatureDayCounts {
    let if_key = |key: LabelKey| (job.features().label_key == key).then_some(counts.clicked);
    FeatureDayCounts {
        rows: counts.rows,
        clicked_by_user: if_key(LabelKey::UserListing),
        clicked_by_anybody: if_key(LabelKey::Listing),
        label_incomplete: counts.incomplete,
        unknown_listings: counts.unknown_listings,
        negative_ages: counts.negative_ages,
    }
}

/// The report of a run.
pub(crate) fn report(
    job: &Job,
    read: &FeaturesRead,
    days: Vec<DayReport>,
    all: &FeatureCounts,
    on_listings: u64,
    repeated: u64,
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
