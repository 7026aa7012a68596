//! The impressions of a sample: those of some customers on some days, copied.

use crate::dictionary::probes::Probes;
use crate::encode::ItemColumn;
use crate::ids::{Day, Key, index};
use crate::kernel::column::{Impression, Impressions, place};
use crate::kernel::passthrough::{PassthroughRow, PassthroughValue};

/// The impressions of one customer in `stride` on `days`, which ascend; and of each of these customers
/// its rank among those that have one, if it does.
///
/// Ranks follow hashes, so the first who has one is the first of them, and so on.
pub(crate) fn impressions_of<I: ItemColumn>(
    probes: &Probes<I>,
    stride: u32,
    days: &[Day],
) -> (Impressions<I>, Vec<Option<Key>>) {
    let all = &probes.impressions;
    let mut some = Impressions::empty(all.has_text_ids());
    let stride = index(stride);
    let (mut shown, mut ranks, mut asked) = (Vec::new(), Vec::new(), 0);
    for key in (0..probes.keys.count()).step_by(stride).map(Key) {
        // Of guests, which are one customer to the engine, a share; of others all.
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
            shown.clear();
            shown.extend(
                all.items_of(row)
                    .map(|of| (all.items[of], all.labels[of], all.positions[of])),
            );
            some.push(&Impression {
                customer: all.customer(row),
                day: all.days[at],
                cutoff: all.cutoffs[at],
                lookback_start: all.lookback_starts[at],
                ranking: all.rankings.get(at),
                items: &shown,
                kept: &kept_of(all, row),
            });
        }
        let is_asked = some.count() > before;
        ranks.push(is_asked.then_some(Key(asked)));
        asked += u32::from(is_asked);
    }
    (some, ranks)
}

/// What is carried of an impression, by the places that its items have in their array.
fn kept_of<I: ItemColumn>(all: &Impressions<I>, row: u32) -> PassthroughRow {
    let (items, places) = (all.items_of(row), &all.positions[all.items_of(row)]);
    let len = places.iter().max().map_or(0, |last| place(*last) + 1);
    let of_items = all.kept.items.iter().map(|column| {
        let mut values = vec![PassthroughValue::Null; len];
        for (at, value) in places.iter().zip(&column[items.clone()]) {
            values[place(*at)] = value.clone();
        }
        values
    });
    PassthroughRow {
        row: all
            .kept
            .rows
            .iter()
            .map(|column| column[index(row)].clone())
            .collect(),
        items: of_items.collect(),
    }
}
