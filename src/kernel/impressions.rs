//! Impressions as rows again: the order of two, and a copy of one.

use std::cmp::Ordering;

use crate::ids::{Item, count32, index};
use crate::kernel::column::{Customer, Impression, Impressions, Label, place};
use crate::kernel::passthrough::{PassthroughRow, PassthroughValue};

impl<I: Item> Impressions<I> {
    /// The items of a row with their labels and positions, and its passthrough values; those of items by
    /// position in the array of items, with nulls for elements that are no items of the row.
    pub(crate) fn copy(&self, row: u32, items: &mut Vec<(I, Label, i32)>, to: &mut PassthroughRow) {
        let at = self.items_of(row);
        items.clear();
        items.extend(
            at.clone()
                .map(|item| (self.items[item], self.labels[item], self.positions[item])),
        );
        let positions = &self.positions[at.clone()];
        let len = positions.iter().max().map_or(0, |last| place(*last) + 1);
        let columns = self.passthrough.rows.iter();
        to.row.clear();
        to.row
            .extend(columns.map(|column| column[index(row)].clone()));
        to.items.resize_with(self.passthrough.items.len(), Vec::new);
        for (values, column) in to.items.iter_mut().zip(&self.passthrough.items) {
            values.clear();
            values.resize(len, PassthroughValue::Null);
            for (position, value) in positions.iter().zip(&column[at.clone()]) {
                values[place(*position)] = value.clone();
            }
        }
    }

    /// Bytes of memory that all rows take, without text ids and what is carried through.
    pub(crate) fn bytes(&self) -> u64 {
        let of_row = |row: u32| {
            let ranking = self.rankings.bytes(index(row)).len();
            Impressions::<I>::bytes_of_row(self.items_of(row).len(), ranking)
        };
        (0..count32(self.count())).map(of_row).sum()
    }

    /// Those of some customers.
    pub(crate) fn only(&self, wants: impl Fn(Customer<'_>) -> bool) -> Impressions<I> {
        let rows = 0..count32(self.count());
        self.of_rows(rows.filter(|row| wants(self.customer(*row))))
    }

    /// Those of some rows, in their order.
    pub(crate) fn of_rows(&self, rows: impl IntoIterator<Item = u32>) -> Impressions<I> {
        let mut some = Impressions::empty(self.has_text_ids());
        let (mut items, mut kept) = (Vec::new(), PassthroughRow::default());
        for row in rows {
            let at = index(row);
            self.copy(row, &mut items, &mut kept);
            some.push(&Impression {
                customer: self.customer(row),
                day: self.days[at],
                cutoff: self.cutoffs[at],
                lookback_start: self.lookback_starts[at],
                ranking: self.rankings.get(at),
                items: &items,
                passthrough: &kept,
            });
        }
        some
    }

    /// The order of two impressions of one customer: cutoff, ranking, then all other columns.
    pub(crate) fn compare(&self, a: u32, b: u32) -> Ordering {
        let (at, bt) = (index(a), index(b));
        let contents = || {
            let (of_a, of_b) = (self.items_of(a), self.items_of(b));
            self.items[of_a.clone()]
                .cmp(&self.items[of_b.clone()])
                .then_with(|| self.labels[of_a.clone()].cmp(&self.labels[of_b.clone()]))
                .then_with(|| self.positions[of_a].cmp(&self.positions[of_b]))
                .then_with(|| self.days[at].cmp(&self.days[bt]))
                .then_with(|| {
                    self.passthrough
                        .compare(at, self.items_of(a), bt, self.items_of(b))
                })
        };
        self.cutoffs[at]
            .cmp(&self.cutoffs[bt])
            .then_with(|| self.rankings.bytes(at).cmp(self.rankings.bytes(bt)))
            .then_with(contents)
    }
}
