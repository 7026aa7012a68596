//! Impressions without a ranking id: an id of what they are.
//!
//! **In / Out**: impressions as read → the same with ids: 16 hexadecimal digits of XXH64 (seed 42) of
//!
//! ```text
//! CUSTOMER \n CUTOFF \n  ITEM \t LABEL \n  ITEM \t LABEL \n  …
//! ```
//! in which a guest is the empty text, the cutoff is in microseconds since 1970, items are in the order of
//! the ranking, and a label is `1`, `0` or empty. Of impressions of a day that have the same hash the second
//! has `-2` behind it, and so on.
//! **Invariants**: an id is a function of the impressions of its day, not of files, formats or threads.
//! Which of two equal ones is the second shows in kept columns alone; they are in the order of these.
//! **Why so**: a text is hashed, so that anybody can tell the id with any XXH64.

use std::fmt::Write;

use rayon::slice::ParallelSliceMut;
use twox_hash::XxHash64;

use super::{ImpressionScan, ImpressionState};
use crate::dictionary::Id;
use crate::error::Result;
use crate::ids::{Day, Item, Micros, count32, count64, index};
use crate::job::{Cutoff, NullLabel};
use crate::kernel::column::{Customer, Impression, Impressions, Label};
use crate::kernel::passthrough::PassthroughValue;
use crate::scan::item_ids::ItemDictionary;
use crate::scan::text::impression_items::{ElementCounts, ElementReader, ImpressionItems};

/// The seed of the hash.
const SEED: u64 = 42;

/// Impressions that have a hash for a ranking id.
#[derive(Debug)]
pub(crate) struct Unnamed<I> {
    /// Their lookback is not known yet.
    pub(crate) rows: Impressions<I>,
    /// Bytes of memory that are reserved for them.
    reserved: u64,
}

impl<I: Item> Unnamed<I> {
    /// No impressions, of customers with integer or text ids.
    pub(super) fn new(text_ids: bool) -> Unnamed<I> {
        Unnamed {
            rows: Impressions::empty(text_ids),
            reserved: 0,
        }
    }

    /// Adds those of another thread.
    pub(crate) fn append(&mut self, other: &Unnamed<I>) {
        let long = self.rows.append(&other.rows);
        long.into_iter().for_each(|append| append());
        self.reserved += other.reserved;
    }
}

/// Writes down what the id of an impression is made of.
pub(super) fn write_contents<I: Item>(
    items: &ImpressionItems<I>,
    texts: Option<&ItemDictionary>,
    contents: &mut String,
) {
    for (item, label, _) in items {
        match texts.map(|texts| texts.id_of(*item)) {
            Some(Id::Text(text)) => *contents += text,
            _ => write!(contents, "{}", item.to_wide()).expect("text takes text"),
        }
        *contents += match label {
            Label::Null => "\t\n",
            Label::No => "\t0\n",
            Label::Yes => "\t1\n",
        };
    }
}

impl ElementReader<'_> {
    /// Of all items of an impression, leaves out those that the job does not want; counts all.
    pub(super) fn retain_wanted<I: Item>(
        &self,
        items: &mut ImpressionItems<I>,
        texts: Option<&ItemDictionary>,
    ) -> ElementCounts {
        let mut counts = ElementCounts {
            items: count64(items.len()),
            ..ElementCounts::default()
        };
        let drops = self.null_label == NullLabel::Drop;
        items.retain(|(item, label, _)| {
            let is_known = self.is_known(texts.map(|texts| texts.id_of(*item)));
            counts.unknown_items += u64::from(!is_known);
            counts.null_labels += u64::from(*label == Label::Null);
            is_known && !(drops && *label == Label::Null)
        });
        counts
    }
}

impl ImpressionScan<'_> {
    /// Keeps an impression without a ranking id, whose items and contents are those of the state.
    pub(super) fn keep_unnamed<I: Item>(
        &self,
        (day, customer): (Day, Customer<'_>),
        time: Option<Micros>,
        state: &mut ImpressionState<I>,
    ) -> Result<()> {
        let cutoff = time.unwrap_or_else(|| self.spec.zone.start_of(day));
        let mut text = match customer {
            Customer::Guest => String::new(),
            Customer::Int(id) => id.to_string(),
            Customer::Text(id) => id.to_owned(),
        };
        write!(text, "\n{}\n{}", cutoff.0, state.contents).expect("text takes text");
        let ranking = format!("{:016x}", XxHash64::oneshot(SEED, text.as_bytes()));
        let unnamed = &mut state.unnamed;
        unnamed.rows.push(&Impression {
            customer,
            day,
            cutoff,
            lookback_start: Micros(0),
            ranking: &ranking,
            items: &state.shown,
            passthrough: &state.kept,
        });
        let of_items = state.shown.len() * state.kept.items.len();
        let kept = (state.kept.row.len() + of_items) * size_of::<PassthroughValue>();
        let bytes = Impressions::<I>::bytes_of_row(state.shown.len(), ranking.len());
        let bytes = bytes + count64(kept);
        unnamed.reserved += bytes;
        self.context.reserve_memory(bytes)
    }

    /// Numbers the impressions without a ranking id that are alike, and keeps them all.
    pub(super) fn name_all<I: Item>(&self, state: &mut ImpressionState<I>) -> Result<()> {
        let is_text = state.rows.has_text_ids();
        let Unnamed { rows, reserved } =
            std::mem::replace(&mut state.unnamed, Unnamed::new(is_text));
        let mut order: Vec<u32> = (0..count32(rows.count())).collect();
        let hash_of = |row: &u32| (rows.days[index(*row)], rows.rankings.bytes(index(*row)));
        order.par_sort_unstable_by(|a, b| {
            let by_hash = hash_of(a).cmp(&hash_of(b));
            by_hash
                .then_with(|| rows.customer(*a).cmp(&rows.customer(*b)))
                .then_with(|| rows.compare(*a, *b))
        });
        let mut ranking = String::new();
        for alike in order.chunk_by(|a, b| hash_of(a) == hash_of(b)) {
            for (at, row) in alike.iter().enumerate() {
                self.context.check()?;
                ranking.clear();
                ranking += rows.rankings.get(index(*row));
                if at > 0 {
                    write!(ranking, "-{}", at + 1).expect("text takes text");
                }
                let cutoff = rows.cutoffs[index(*row)];
                let time = (self.spec.cutoff == Cutoff::Time).then_some(cutoff);
                rows.copy(*row, &mut state.shown, &mut state.kept);
                let day = rows.days[index(*row)];
                self.keep((day, rows.customer(*row), &ranking), time, state)?;
            }
        }
        self.context.free_memory(reserved);
        Ok(())
    }
}
