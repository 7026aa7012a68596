//! Copies the impressions of some customers on some days.

use crate::dictionary::probes::Probes;
use crate::encode::ItemColumn;
use crate::ids::{Day, Key, index};
use crate::kernel::column::{Impression, Impressions};
use crate::kernel::passthrough::PassthroughRow;

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
    let mut some = Impressions::empty(all.has_text_ids());
    let stride = index(stride);
    let (mut items, mut passthrough) = (Vec::new(), PassthroughRow::default());
    let (mut ranks, mut customers) = (Vec::new(), 0);
    for key in (0..probes.keys.count()).step_by(stride).map(Key) {
        // All guests have one key, so a share of its impressions is taken; of other customers all.
        let step = if probes.keys.guest() == Some(key) {
            stride
        } else {
            1
        };
        let before = some.count();
        for probe in probes.of_key(key).step_by(step) {
            let row = probes.rows[probe];
            let at = index(row);
            if days.binary_search(&all.days[at]).is_err() {
                continue;
            }
            all.copy(row, &mut items, &mut passthrough);
            some.push(&Impression {
                customer: all.customer(row),
                day: all.days[at],
                cutoff: all.cutoffs[at],
                lookback_start: all.lookback_starts[at],
                ranking: all.rankings.get(at),
                items: &items,
                passthrough: &passthrough,
            });
        }
        let is_in_sample = some.count() > before;
        ranks.push(is_in_sample.then_some(Key(customers)));
        customers += u32::from(is_in_sample);
    }
    (some, ranks)
}
