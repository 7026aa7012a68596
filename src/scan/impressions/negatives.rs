//! Which negatives are kept: a sample by hash, for `--negatives-sample`.
//!
//! **In / Out**: the items of an impression → those that are kept. **Invariants**: what is kept is a
//! function of the seed, the day, the customer, the ranking and the place in it: not of the order of
//! rows, nor of threads, nor of the layout. An item without a label is no negative.
//! **Why so**: a text is hashed, so that anybody can tell with any XXH64 what was kept.

use std::fmt::Write;

use twox_hash::XxHash64;

use crate::calendar::date_text;
use crate::ids::Day;
use crate::kernel::column::{Customer, Label};
use crate::scan::spec::ImpressionSpec;
use crate::scan::text::impression_items::ImpressionItems;

/// A sample of negatives.
#[derive(Clone, Copy, Debug)]
pub(super) struct Negatives {
    /// The part that is kept, above 0 and up to 1.
    rate: f64,
    /// Chooses among samples of the same rate.
    seed: u64,
}

impl Negatives {
    /// The sample that is asked for, if one is.
    pub(super) fn new(spec: &ImpressionSpec<'_>) -> Option<Negatives> {
        let rate = spec.negatives_rate?;
        Some(Negatives {
            rate,
            seed: spec.seed,
        })
    }

    /// Leaves of the items of an impression those that are no negatives, and a sample of the rest;
    /// gives how many are gone.
    pub(super) fn sample<I>(
        self,
        (day, customer, ranking): (Day, Customer<'_>, &str),
        shown: &mut ImpressionItems<I>,
    ) -> u64 {
        // Separated: customer 1 in ranking 23 is not customer 12 in ranking 3.
        let mut text = date_text(day) + "\n";
        match customer {
            Customer::Guest => {}
            Customer::Int(id) => write!(text, "{id}").expect("text takes text"),
            Customer::Text(id) => text += id,
        }
        text = text + "\n" + ranking + "\n";
        let (head, mut gone) = (text.len(), 0);
        shown.retain(|(_, label, position)| {
            text.truncate(head);
            write!(text, "{position}").expect("text takes text");
            // An item without a label is no negative: nobody knows what it is, and a run that
            // scores would lose it.
            let is_kept = *label != Label::No || self.keeps(&text);
            gone += u64::from(!is_kept);
            is_kept
        });
        gone
    }

    /// Whether a negative of that name is kept.
    fn keeps(self, name: &str) -> bool {
        let hash = XxHash64::oneshot(self.seed, name.as_bytes());
        let upper = u32::try_from(hash >> 32).expect("32 bits are left");
        // 32 bits are exact in an `f64`, and the quotient is below 1, so that a rate of 1 keeps
        // all.
        f64::from(upper) / 4_294_967_296.0 < self.rate
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn about_as_many_are_kept_as_asked_for_and_more_at_a_higher_rate() {
        let shown = || {
            let labels = [Label::No, Label::No, Label::Yes, Label::Null];
            let shown = (0..40_000).zip(labels.into_iter().cycle());
            shown
                .map(|(at, label)| (7_i32, label, at))
                .collect::<ImpressionItems<i32>>()
        };
        let of = |rate, seed, ranking| {
            let mut left = shown();
            let name = (Day(20_315), Customer::Int(5), ranking);
            let gone = Negatives { rate, seed }.sample(name, &mut left);
            assert_eq!(usize::try_from(gone).expect("small") + left.len(), 40_000);
            left
        };
        let tenth = of(0.1, 0, "r");
        assert_eq!(tenth, of(0.1, 0, "r"));
        assert!((21_800..22_200).contains(&tenth.len()), "{}", tenth.len());
        let half = of(0.5, 0, "r");
        assert!(tenth.iter().all(|kept| half.contains(kept)));
        assert!(tenth != of(0.1, 1, "r") && tenth != of(0.1, 0, "s"));
        assert_eq!(of(1.0, 0, "r"), shown());
    }

    #[test]
    fn the_hash_is_that_of_a_text_that_others_can_write() {
        let hash = XxHash64::oneshot(7, b"2025-08-15\n5\nr\n3");
        let upper = u32::try_from(hash >> 32).expect("32 bits");
        let at = f64::from(upper) / 4_294_967_296.0;
        let kept = |rate| {
            let mut shown: ImpressionItems<i32> = vec![(9, Label::No, 3)];
            let name = (Day(20_315), Customer::Text("5"), "r");
            Negatives { rate, seed: 7 }.sample(name, &mut shown) == 0
        };
        assert!(kept(at + 1e-9) && !kept(at));
    }
}
