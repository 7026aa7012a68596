//! What of an action is kept: the end of the scan loop, for rows in which nothing is wrong.

use super::landing::Landing;
use super::{ActionScan, ActionState, Origin};
use crate::dictionary::probes::KeySpan;
use crate::error::Result;
use crate::ids::{Item, Key, Micros};
use crate::job::Cutoff;
use crate::kernel::attributes::AttributeKeys;
use crate::kernel::event::Event;
use crate::kernel::sweep::is_prior;
use crate::scan::text::times::When;

impl<I: Item> ActionScan<'_, I> {
    /// Keeps or drops an action in which nothing can be wrong, and which was known as it happened, or when
    /// its folder says.
    // Always: the loop over integers and that over texts both have it, and a call costs 1 % of a run.
    #[inline(always)]
    pub(crate) fn offer_plain(
        &self,
        origin: Origin,
        key: Key,
        at: Micros,
        item: I,
        landing: &Landing,
        state: &mut ActionState<I>,
    ) -> Result<()> {
        let when = When {
            at,
            known_after: at,
        };
        let Some(event) = self.event(origin, key, when, item, landing.known_after) else {
            return Ok(());
        };
        if self.keep(key, event, state)? && is_prior(at, landing.before) {
            self.note_landing(key, at, landing.landed, state);
        }
        Ok(())
    }

    /// The same for many actions of one origin: customers, times and items.
    pub(super) fn offer_all_plain(
        &self,
        origin: Origin,
        rows: impl Iterator<Item = (Key, Micros, I)>,
        landing: &Landing,
        state: &mut ActionState<I>,
    ) -> Result<()> {
        let Some(held_us) = origin.held_us else {
            return Ok(());
        };
        let (everyone, landing) = (self.everyone, *landing);
        for (key, time, item) in rows {
            // As in `event`.
            let held_until = Micros(time.0.saturating_add(held_us));
            let known_after = time.max(held_until).max(landing.known_after);
            let is_seen_by_all = is_prior(known_after, everyone.first_cutoff)
                && !is_prior(time, everyone.lookback_max);
            if !is_seen_by_all && !self.is_seen_by_some(key, time, known_after) {
                continue;
            }
            let event = Event {
                time,
                known_after,
                kind: origin.kind,
                item,
            };
            if self.keep(key, event, state)? && is_prior(time, landing.before) {
                self.note_landing(key, time, landing.landed, state);
            }
        }
        Ok(())
    }

    /// Whether an action may be in a history of its customer.
    fn is_seen_by_some(&self, key: Key, time: Micros, known_after: Micros) -> bool {
        let span = self.probes.span(key);
        is_prior(known_after, span.last_cutoff) && !is_prior(time, span.lookback_min)
    }

    /// Puts an event to the others of its customer, with what is told of it.
    pub(crate) fn keep_telling(
        &self,
        key: Key,
        event: Event<I>,
        keys: &AttributeKeys,
        landing: &Landing,
        state: &mut ActionState<I>,
    ) -> Result<()> {
        if !self.keep(key, event, state)? {
            return Ok(());
        }
        if !self.told.is_empty() {
            // The chunk that the action went into: `keep` has made room, and nothing came in
            // between.
            let partition = state.scatter.partition_of(key);
            state.scatter.open(partition).push_attributes(keys);
        }
        if is_prior(event.time, landing.before) {
            self.note_landing(key, event.time, landing.landed, state);
        }
        Ok(())
    }

    /// Puts an event to the others of its customer; returns whether it has room for one more.
    // Always: a call for each row takes as many instructions as the work.
    #[inline(always)]
    pub(crate) fn keep(
        &self,
        key: Key,
        event: Event<I>,
        state: &mut ActionState<I>,
    ) -> Result<bool> {
        if let Some(items) = &mut state.items
            && self.enough.has_enough(key)
        {
            // Its item gets a code all the same: which do must not depend on where reading stopped.
            items.hold_one(event.item);
            return Ok(false);
        }
        state.kept += 1;
        if !state.scatter.try_push(key, event) {
            let partition = state.scatter.partition_of(key);
            self.make_room(partition, state)?;
            state.scatter.push(partition, key, event);
        }
        Ok(true)
    }

    /// Counts a full chunk, and puts another behind it.
    #[cold]
    fn make_room(&self, partition: usize, state: &mut ActionState<I>) -> Result<()> {
        // Before chunks may go to the file, where they are not counted any more.
        self.count(partition, state);
        state.scatter.add_chunk(partition, self.context)?;
        state
            .spill
            .spill_over_quota(&mut state.scatter, self.context)
    }

    /// Counts those actions of the last chunk of a partition that every probe of their customer
    /// sees, for the early stop. Chunk by chunk, because the counts of the customers of one
    /// partition stay in the nearest cache; row by row, each would be waited for. Takes note of their
    /// items as well, if these have texts for ids.
    pub(crate) fn count(&self, partition: usize, state: &mut ActionState<I>) {
        let (chunk, first_key) = state.scatter.last_chunk(partition);
        let everyone = &self.everyone;
        // Counting each row as it was kept took 18 % of a run over 167M actions: the counts of a
        // million customers are 4 MB, and each row touched another place.
        for (at, row) in chunk.rows.iter().enumerate().skip(chunk.counted) {
            let (key, known_after) = (
                Key(first_key + row.local_key()),
                chunk.known_after(at, row.time),
            );
            let is_seen = |span: &KeySpan| {
                is_prior(known_after, span.first_cutoff) && !is_prior(row.time, span.lookback_max)
            };
            // What all probes see needs no look at the bounds of the customer.
            if is_seen(everyone) || is_seen(&self.probes.span(key)) {
                self.enough.count(&mut state.counts, key, row.time);
            }
        }
        if let Some(items) = &mut state.items {
            items.hold(&chunk.rows[chunk.counted..]);
        }
        chunk.counted = chunk.rows.len();
    }

    /// The event, if its kind counts, and it is prior to some cutoff of the customer and within some
    /// lookback.
    #[inline]
    pub(crate) fn event(
        &self,
        origin: Origin,
        key: Key,
        when: When,
        item: I,
        available: Micros,
    ) -> Option<Event<I>> {
        // By day, cutoffs are starts of days: a date that is prior is over by then.
        let known_after = match self.spec.cutoff {
            Cutoff::Day => when.at,
            Cutoff::Time => when.known_after,
        };
        // An embargo that reaches beyond the end of time never ends.
        let held_until = Micros(when.at.0.saturating_add(origin.held_us?));
        // All conditions must hold, so the latest decides, and one comparison with a cutoff stands
        // for all.
        let known_after = known_after.max(held_until).max(available);
        // What all probes see, those of this customer do.
        let is_seen_by_all = is_prior(known_after, self.everyone.first_cutoff)
            && !is_prior(when.at, self.everyone.lookback_max);
        if !is_seen_by_all && !self.is_seen_by_some(key, when.at, known_after) {
            return None;
        }
        Some(Event {
            time: when.at,
            known_after,
            kind: origin.kind,
            item,
        })
    }
}
