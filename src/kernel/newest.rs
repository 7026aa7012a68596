//! The newest actions of each customer, as many as its histories can hold.
//!
//! **In / Out**: actions of one partition in any order, chunk by chunk → those of them that can be in a
//! history. **Invariants**: between two cutoffs of a customer, an action with as many newer ones there as a
//! history has places is in no history: each history that reaches the action would take these first. So the
//! histories of the actions that are left are those of all.
//! **Cost**: memory for twice what is left, and some 10 ns a row. **Why so**: one customer with half of a log,
//! a crawler or a test account, would not fit in memory, and does not have to.

use crate::ids::{Item, Micros, index};
use crate::kernel::event::EventRow;
use crate::kernel::sort::sort_run;
use crate::kernel::sweep::is_prior;

/// Rows of a customer that are kept before the first look at which of them can go.
const ROWS_MIN: usize = 1 << 16;

/// The newest actions so far, by customer.
#[derive(Debug)]
pub(crate) struct Newest<'c, I> {
    /// The places of a history.
    places: usize,
    customers: Vec<NewestOf<'c, I>>,
}

/// The newest actions of a customer.
#[derive(Debug)]
struct NewestOf<'c, I> {
    /// Its cutoffs, ascending.
    cutoffs: &'c [Micros],
    rows: Vec<EventRow<I>>,
    /// How many rows there may be before some are let go.
    rows_max: usize,
}

impl<'c, I: Item> Newest<'c, I> {
    /// No actions, of customers with these cutoffs, each ascending.
    pub(crate) fn new(
        places: u32,
        cutoffs: impl Iterator<Item = &'c [Micros]>,
        rows_min: usize,
    ) -> Newest<'c, I> {
        let customers = cutoffs.map(|cutoffs| NewestOf {
            cutoffs,
            rows: Vec::new(),
            rows_max: rows_min.min(ROWS_MIN),
        });
        Newest {
            places: index(places),
            customers: customers.collect(),
        }
    }

    /// Adds an action of the customer of its local key.
    #[inline]
    pub(crate) fn add(&mut self, row: EventRow<I>) {
        let customer = &mut self.customers[index(row.local_key())];
        customer.rows.push(row);
        if customer.rows.len() >= customer.rows_max {
            customer.let_go(self.places);
        }
    }

    /// Bytes of memory that the actions take, with what sorting some of them takes for a moment.
    pub(crate) fn bytes(&self) -> usize {
        let rows = self
            .customers
            .iter()
            .map(|customer| customer.rows.capacity());
        let most = rows.clone().max().unwrap_or(0);
        (rows.sum::<usize>() + most) * size_of::<EventRow<I>>()
    }

    /// The actions that can be in a history, customer by customer.
    pub(crate) fn finish(self) -> impl Iterator<Item = Vec<EventRow<I>>> {
        let places = self.places;
        self.customers.into_iter().map(move |mut customer| {
            customer.let_go(places);
            customer.rows
        })
    }
}

impl<I: Item> NewestOf<'_, I> {
    /// Lets go what no history can hold.
    fn let_go(&mut self, places: usize) {
        sort_run(&mut self.rows);
        let (rows, mut kept, mut start) = (&mut self.rows, 0, 0);
        for cutoff in self.cutoffs {
            let end = start + rows[start..].partition_point(|row| is_prior(row.time, *cutoff));
            let first = end.saturating_sub(places).max(start);
            rows.copy_within(first..end, kept);
            kept += end - first;
            start = end;
        }
        // What is after the last cutoff is prior to none.
        rows.truncate(kept);
        self.rows_max = self.rows_max.max(kept * 2);
        rows.shrink_to(self.rows_max);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::ActionType;

    /// The history before a cutoff: the naive way.
    fn history(rows: &[EventRow<i32>], cutoff: Micros, places: usize) -> Vec<EventRow<i32>> {
        let mut prior: Vec<_> = rows
            .iter()
            .copied()
            .filter(|row| row.time < cutoff)
            .collect();
        prior.sort_by(|a, b| b.cmp(a));
        prior.truncate(places);
        prior
    }

    #[test]
    fn histories_of_what_is_left_are_those_of_all() {
        let mut state = 11_u64;
        let mut below = move |count: u64| {
            state = state.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
            i64::try_from((state >> 33) % count).expect("small")
        };
        let mut let_go = 0;
        for round in 0..if cfg!(miri) { 20 } else { 400 } {
            let customers = 1 + below(3);
            let places = u32::try_from(1 + below(5)).expect("small");
            let cutoffs: Vec<Vec<Micros>> = (0..customers)
                .map(|_| {
                    let mut cutoffs: Vec<Micros> =
                        (0..1 + below(4)).map(|_| Micros(below(60))).collect();
                    cutoffs.sort_unstable();
                    cutoffs
                })
                .collect();
            let rows: Vec<EventRow<i32>> = (0..below(300))
                .map(|_| {
                    let key = u32::try_from(below(3) % customers).expect("small");
                    let kind = ActionType(u8::try_from(1 + below(3)).expect("small"));
                    let item = i32::try_from(1 + below(4)).expect("small");
                    EventRow::new(key, Micros(below(70)), kind, item)
                })
                .collect();
            let all = cutoffs.iter().map(Vec::as_slice);
            let mut newest = Newest::new(places, all, 1 + index(round % 50));
            rows.iter().for_each(|row| newest.add(*row));
            let left: Vec<Vec<EventRow<i32>>> = newest.finish().collect();
            for (key, (left, cutoffs)) in (0..).zip(left.iter().zip(&cutoffs)) {
                let own: Vec<_> = rows
                    .iter()
                    .copied()
                    .filter(|row| row.local_key() == key)
                    .collect();
                for cutoff in cutoffs {
                    let places = index(places);
                    assert_eq!(
                        history(left, *cutoff, places),
                        history(&own, *cutoff, places),
                        "{round}"
                    );
                }
                assert!(left.len() <= cutoffs.len() * index(places), "{round}");
                let_go += own.len() - left.len();
            }
        }
        assert!(let_go > 100, "{let_go}");
    }
}
