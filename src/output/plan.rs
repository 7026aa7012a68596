//! Rows of a day to row groups and parts.

use std::ops::Range;

/// Where a row group goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct GroupPlace {
    /// The day, as an index into the days of the job.
    pub(super) day: usize,
    /// The number of the part in that day.
    pub(super) part: u64,
    /// Whether it is the last of its part.
    pub(super) ends_part: bool,
}

/// A row group to make.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct GroupPlan {
    pub(super) place: GroupPlace,
    /// Its rows, counted through the day.
    pub(super) rows: Range<u64>,
}

/// Row groups of at most `max` rows, in parts of `per_part` row groups; one of no rows if the day has
/// none, so that its schema is there.
pub(super) fn plan_rows(
    day: usize,
    rows_count: u64,
    max: u64,
    per_part: u64,
) -> impl Iterator<Item = GroupPlan> {
    let groups = rows_count.div_ceil(max).max(1);
    (0..groups).map(move |group| GroupPlan {
        place: GroupPlace {
            day,
            part: group / per_part,
            ends_part: (group + 1).is_multiple_of(per_part) || group + 1 == groups,
        },
        rows: group * max..(group * max + max).min(rows_count),
    })
}

/// Row groups of at most `max` rows, all in one part.
pub(super) fn plan_part(
    day: usize,
    part: u64,
    rows: Range<u64>,
    max: u64,
) -> impl Iterator<Item = GroupPlan> {
    let groups = (rows.end - rows.start).div_ceil(max).max(1);
    (0..groups).map(move |group| {
        let start = rows.start + group * max;
        GroupPlan {
            place: GroupPlace {
                day,
                part,
                ends_part: group + 1 == groups,
            },
            rows: start..(start + max).min(rows.end),
        }
    })
}
