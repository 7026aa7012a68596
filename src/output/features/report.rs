//! What a run read and wrote, as entries of the manifest and as a [`FeaturesReport`].

use super::FeaturesReport;
use super::made::FeaturesMade;
use crate::calendar::instant_text;
use crate::ids::count64;
use crate::job::{Job, LabelKey, Source};
use crate::manifest::{ClickCounts, ClickFindings, FeatureDayCounts, ListingCounts};
use crate::metrics::FeatureCounts;
use crate::output::commit::DayReport;
use crate::warnings::Noticed;

/// The findings of the run outside the impressions, for the manifest.
pub(super) fn click_findings(made: &FeaturesMade) -> ClickFindings {
    let read = &made.read;
    ClickFindings {
        clicks: ClickCounts {
            rows: read.clicks,
            without_user: read.without_user,
            on_listings: Some(made.on_listings),
            repeated: Some(made.repeated),
            rejected: made.rejected(Source::Clicks),
            latest: read.latest.map(instant_text),
        },
        listings: ListingCounts {
            rows: read.listings,
            rejected: made.rejected(Source::Listings),
        },
        impressions_rejected: made.rejected(Source::Impressions),
    }
}

/// The counts of a day in the manifest.
pub(super) fn day_counts(job: &Job, counts: &FeatureCounts) -> FeatureDayCounts {
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
pub(super) fn report(
    made: &FeaturesMade,
    days: Vec<DayReport>,
    noticed: Noticed,
) -> FeaturesReport {
    let (read, all) = (&made.read, made.counts());
    FeaturesReport {
        days,
        rows: all.rows,
        clicked: all.clicked,
        incomplete: all.incomplete,
        unknown_listings: all.unknown_listings,
        negative_ages: all.negative_ages,
        clicks: read.clicks,
        clicks_without_user: read.without_user,
        clicks_on_listings: made.on_listings,
        repeated_clicks: made.repeated,
        listings: read.listings,
        data_end: read.data_end.map(instant_text),
        rejected: count64(made.files.rejected.len()),
        files: count64(made.files.inputs.len()),
        days_skipped: made.files.days_skipped,
        warnings: noticed.warnings,
    }
}
