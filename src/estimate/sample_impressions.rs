//! Copies the impressions of some customers on some days.

use crate::dictionary::probes::Probes;
use crate::encode::ItemColumn;
use crate::ids::{Day, Key, index};
use crate::kernel::column::Impressions;

/// The impressions of one customer in `stride` on `days`, which ascend. Also returns the key of each of
/// these customers in the sample, or `None` if it has no impression there.
///
/// Keys are ranks in hash order, which the sample keeps, so they are counted up.
pub(super) fn impressions_of<I: ItemColumn>(
    probes: &Probes<I>,
    stride: u32,
    days: &[Day],
) -> (Impressions<I>, Vec<Option<Key>>) {
    let all = &probes.impressions;
    let stride = index(stride);
    let mut rows = Vec::new();
    let (mut ranks, mut customers) = (Vec::new(), 0);
    for key in (0..probes.keys.count()).step_by(stride).map(Key) {
        // All guests have one key, so a share of its impressions is taken; of other customers all.
        let step = if probes.keys.guest() == Some(key) {
            stride
        } else {
            1
        };
        let before = rows.len();
        let of_key = probes.of_key(key).step_by(step);
        let of_key = of_key.map(|probe| probes.rows[probe]);
        rows.extend(of_key.filter(|row| days.binary_search(&all.days[index(*row)]).is_ok()));
        let is_in_sample = rows.len() > before;
        ranks.push(is_in_sample.then_some(Key(customers)));
        customers += u32::from(is_in_sample);
    }
    (all.of_rows(rows), ranks)
}
