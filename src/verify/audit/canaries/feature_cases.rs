//! What canaries of `features` are planted around: impressions with the clicks near them.

use crate::reference::features::{
    FeatureRow, FeatureRules, ListingImpression, LogClick, OrderedClicks,
};
use crate::reference::instant_in;
use crate::verify::audit::logs::GroupLogs;

/// An impression with the clicks around it.
pub(super) struct FeatureCanaryCase<'a> {
    pub(super) impression: &'a ListingImpression,
    /// Real clicks on its listing or of its user.
    pub(super) clicks: Vec<LogClick>,
    /// Its row without planted clicks.
    pub(super) row: FeatureRow,
    /// The inputs of its group of days.
    pub(super) group: &'a GroupLogs,
}

impl FeatureCanaryCase<'_> {
    /// Whether there is a click of its user on its listing at a time.
    pub(super) fn has_click(&self, timezone: &str, at_us: i64) -> bool {
        let user = self.group.has_users.then_some(&self.impression.user);
        let is_same = |click: &&LogClick| {
            click.user.as_ref() == user && click.listing == self.impression.listing
        };
        let mut same = self.clicks.iter().filter(is_same);
        same.any(|click| instant_in(timezone, click.time) == at_us)
    }

    /// The row of the impression with planted clicks.
    pub(super) fn row_with(
        &self,
        rules: &FeatureRules,
        planted: &[LogClick],
    ) -> Option<FeatureRow> {
        let clicks = OrderedClicks::new(rules, &[&self.clicks, planted].concat());
        self.group.row_given(rules, self.impression, &clicks)
    }
}

/// Cases of one dataset, which share the real clicks around them.
pub(super) struct Cases<'a> {
    pub(super) cases: Vec<FeatureCanaryCase<'a>>,
    /// The real clicks around all of them.
    pub(super) clicks: Vec<LogClick>,
}
