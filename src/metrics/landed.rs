//! Actions in histories that landed on or after the day of their impression, by source.
//!
//! **In / Out**: counts of days, nothing where the day of landing is not known of all files → those of
//! several days, and their sum. **Rule**: if the count of one day or source is not known, neither is the
//! sum.

use indexmap::IndexMap;

/// The name of the count, and of its sum.
pub(crate) const LANDED_LATE: &str = "landed_late";

/// Counts by source.
pub(crate) type LandedLate = IndexMap<String, Option<u64>>;

/// The counts by source of some days and of a later one; nothing if neither has any. Days of earlier
/// versions have no such count.
pub(super) fn united(own: Option<&LandedLate>, more: Option<&LandedLate>) -> Option<LandedLate> {
    if own.is_none() && more.is_none() {
        return None;
    }
    let count = |counts: Option<&LandedLate>, source: &String| *counts?.get(source)?;
    // A name of both comes twice, with the same sum.
    let names = own.into_iter().chain(more).flat_map(LandedLate::keys);
    let sums = names.map(|name| {
        let sum = count(own, name).zip(count(more, name));
        (
            name.clone(),
            sum.map(|(own, more)| own.saturating_add(more)),
        )
    });
    Some(sums.collect())
}

/// The count of all sources; nothing if it is not known of one.
pub(super) fn total(landed: Option<&LandedLate>) -> Option<u64> {
    landed?.values().copied().sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Counts of clicks, carts and orders.
    fn counts(known: [Option<u64>; 3]) -> Option<LandedLate> {
        let names = ["clicks", "carts", "orders"].map(str::to_owned);
        Some(names.into_iter().zip(known).collect())
    }

    #[test]
    fn a_count_that_is_unknown_for_one_day_is_unknown_for_the_set() {
        let one = counts([Some(2), Some(1), None]);
        assert_eq!(total(one.as_ref()), None);
        let other = counts([Some(3), None, Some(1)]);
        let sum = united(one.as_ref(), other.as_ref());
        assert_eq!(sum, counts([Some(5), None, None]));

        let known = counts([Some(2), Some(0), Some(0)]);
        let more = counts([Some(1), Some(4), Some(0)]);
        assert_eq!(
            total(united(known.as_ref(), more.as_ref()).as_ref()),
            Some(7)
        );

        assert_eq!(united(None, None), None);
        let sum = united(None, known.as_ref());
        assert_eq!(sum, counts([None; 3]));
        assert_eq!(total(sum.as_ref()), None);
    }
}
