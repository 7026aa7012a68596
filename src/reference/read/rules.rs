//! Settings of `sequences` to the rules of the reference.

use crate::job::{Attribute, Cutoff, Dedup, Guests, NullLabel, Settings, Source};
use crate::reference::{ComputedAttribute, RepeatRule, Rules};

/// The rules of settings of `sequences`.
pub(crate) fn rules(settings: &Settings) -> Rules {
    let own = settings.sequences();
    let embargo = |source: Source| {
        let mut given = own.embargo_us.iter();
        given.find(|(owner, _)| *owner == source).map(|(_, us)| *us)
    };
    Rules {
        cutoff_is_time: own.cutoff == Cutoff::Time,
        lookback_days: own.lookback_days,
        lookback_years: own.lookback_years,
        embargo_us: own.actions.iter().map(|log| embargo(log.source)).collect(),
        types: own.types.clone(),
        repeats: match settings.dedup {
            Dedup::None => RepeatRule::Kept,
            Dedup::Exact => RepeatRule::Exact,
            Dedup::Consecutive => RepeatRule::Consecutive,
        },
        computed: own
            .attributes
            .iter()
            .filter_map(|attribute| match attribute {
                Attribute::TimeDelta => Some(ComputedAttribute::TimeDelta),
                Attribute::Time => Some(ComputedAttribute::Time),
                Attribute::Column(_) => None,
            })
            .collect(),
        actions_max: own
            .actions_max
            .map_or(usize::MAX, |max| usize::try_from(max).unwrap_or(usize::MAX)),
        timezone: settings.zone_name().to_owned(),
        guests_are_rows: own.guests == Guests::Empty,
        negatives: own.negatives_rate.map(|rate| (rate, own.seed)),
        drop_null_labels: own.null_label == NullLabel::Drop,
    }
}
