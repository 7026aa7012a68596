//! Columns in memory: plain vectors, one struct per table.
//!
//! **Shapes**: every vector of a struct has one entry per row, unless its doc says otherwise.
//! **Null rule**: a null customer is a guest (`guests[row]`); nothing else here can be null but
//! labels, which have three values.

use crate::ids::{Day, Item, Micros, count32, count64, index};
use crate::kernel::attributes::{AttributeKeys, ChunkAttributes};
use crate::kernel::chunk::packed::PackedRows;
use crate::kernel::event::{Event, EventRow};
use crate::kernel::passthrough::{PassthroughColumns, PassthroughRow};

/// Texts, one after the other.
#[derive(Clone, Debug, Default)]
pub(crate) struct TextColumn {
    /// Where each text ends in `bytes`.
    // 64 bits, as all texts of a run may exceed 4 GiB.
    ends: Vec<u64>,
    /// All texts, without separators.
    bytes: Vec<u8>,
}

impl TextColumn {
    /// Adds a text.
    pub(crate) fn push(&mut self, text: &str) {
        self.push_bytes(text.as_bytes());
    }

    /// Adds the bytes of a text. UTF-8 is only checked by [`TextColumn::get`].
    pub(crate) fn push_bytes(&mut self, text: &[u8]) {
        self.bytes.extend_from_slice(text);
        self.ends.push(count64(self.bytes.len()));
    }

    /// Adds all texts of another column.
    pub(crate) fn append(&mut self, other: &TextColumn) {
        let base = count64(self.bytes.len());
        self.ends.extend(other.ends.iter().map(|end| base + end));
        self.bytes.extend_from_slice(&other.bytes);
    }

    /// The number of texts.
    pub(crate) fn count(&self) -> usize {
        self.ends.len()
    }

    /// Removes all texts, and keeps the capacity.
    pub(crate) fn clear(&mut self) {
        self.ends.clear();
        self.bytes.clear();
    }

    /// Bytes of memory that the column takes.
    pub(crate) fn memory(&self) -> u64 {
        count64(self.ends.capacity() * size_of::<u64>() + self.bytes.capacity())
    }

    /// The text of a row.
    ///
    /// # Panics
    /// If there is no such row.
    pub(crate) fn get(&self, row: usize) -> &str {
        std::str::from_utf8(self.bytes(row)).expect("only whole texts are pushed")
    }

    /// The bytes of the text of a row, which are in the same order as texts.
    ///
    /// # Panics
    /// If there is no such row.
    pub(crate) fn bytes(&self, row: usize) -> &[u8] {
        let at = |end: u64| usize::try_from(end).expect("ends index bytes in memory");
        let start = if row == 0 { 0 } else { at(self.ends[row - 1]) };
        &self.bytes[start..at(self.ends[row])]
    }
}

/// The id of a customer, as compared and hashed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Customer<'a> {
    /// Nobody: a guest.
    Guest,
    /// An integer of any width, widened.
    Int(i64),
    /// A text.
    Text(&'a str),
}

/// Ids of customers, all of one type.
#[derive(Clone, Debug)]
pub(crate) enum CustomerColumn {
    /// Integers, widened; 0 for a guest.
    Int(Vec<i64>),
    /// Texts; empty for a guest.
    Text(TextColumn),
}

impl CustomerColumn {
    /// Adds a customer.
    ///
    /// # Panics
    /// If the customer is of the other type; `scan` has checked types by then.
    fn push(&mut self, customer: Customer<'_>) {
        match (self, customer) {
            (CustomerColumn::Int(ids), Customer::Int(id)) => ids.push(id),
            (CustomerColumn::Int(ids), Customer::Guest) => ids.push(0),
            (CustomerColumn::Text(ids), Customer::Text(id)) => ids.push(id),
            (CustomerColumn::Text(ids), Customer::Guest) => ids.push(""),
            _ => panic!("a customer of another type than its column"),
        }
    }
}

/// The label of an item of an impression: whether it was ordered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
// Impressions that are alike in customer, cutoff, ranking and items are ordered by labels, so the
// order of variants is part of the bytes of the output.
pub(crate) enum Label {
    /// Unknown.
    Null,
    /// Not ordered.
    No,
    /// Ordered.
    Yes,
}

/// Impressions as read: one row per impression, its items in columns of their own.
#[derive(Clone, Debug)]
pub(crate) struct Impressions<I> {
    customers: CustomerColumn,
    /// Whether the customer is a guest: null in the input.
    guests: Vec<bool>,
    /// The day of the output that it belongs to.
    pub(crate) days: Vec<Day>,
    /// The cutoffs: only actions strictly before are prior.
    pub(crate) cutoffs: Vec<Micros>,
    /// The first instant of the lookback.
    pub(crate) lookback_starts: Vec<Micros>,
    /// The ids of the rankings.
    pub(crate) rankings: TextColumn,
    /// Where the items of each row end.
    item_ends: Vec<u32>,
    /// The items of all impressions; as many as the last of `item_ends`.
    pub(crate) items: Vec<I>,
    pub(crate) labels: Vec<Label>,
    /// Their 0-based places in the ranking.
    pub(crate) positions: Vec<i32>,
    /// The columns that are copied to the output.
    pub(crate) passthrough: PassthroughColumns,
}

/// One impression, to be added to [`Impressions`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct Impression<'a, I> {
    pub(crate) customer: Customer<'a>,
    /// The day of the output that it belongs to.
    pub(crate) day: Day,
    pub(crate) cutoff: Micros,
    /// The first instant of the lookback.
    pub(crate) lookback_start: Micros,
    /// The id of the ranking.
    pub(crate) ranking: &'a str,
    /// The items with their labels and positions.
    pub(crate) items: &'a [(I, Label, i32)],
    /// The passthrough values, of all elements of the array of items.
    pub(crate) passthrough: &'a PassthroughRow,
}

/// Columns that are yet to be appended.
pub(crate) type LeftToAppend<'a> = [Box<dyn FnOnce() + Send + 'a>; 4];

impl<I: Item> Impressions<I> {
    /// No impressions, of customers with integer or text ids.
    pub(crate) fn empty(text_ids: bool) -> Impressions<I> {
        let customers = if text_ids {
            CustomerColumn::Text(TextColumn::default())
        } else {
            CustomerColumn::Int(Vec::new())
        };
        Impressions {
            customers,
            guests: Vec::new(),
            days: Vec::new(),
            cutoffs: Vec::new(),
            lookback_starts: Vec::new(),
            rankings: TextColumn::default(),
            item_ends: Vec::new(),
            items: Vec::new(),
            labels: Vec::new(),
            positions: Vec::new(),
            passthrough: PassthroughColumns::default(),
        }
    }

    /// Adds an impression.
    pub(crate) fn push(&mut self, row: &Impression<'_, I>) {
        self.customers.push(row.customer);
        self.guests.push(row.customer == Customer::Guest);
        self.days.push(row.day);
        self.cutoffs.push(row.cutoff);
        self.lookback_starts.push(row.lookback_start);
        self.rankings.push(row.ranking);
        self.items
            .extend(row.items.iter().map(|(item, _, _)| *item));
        self.labels
            .extend(row.items.iter().map(|(_, label, _)| *label));
        self.positions
            .extend(row.items.iter().map(|(_, _, position)| *position));
        // Positions and not 0, 1, …: rows leave out elements of the array, but passthrough values
        // are those of all elements.
        let places = row.items.iter().map(|(_, _, position)| place(*position));
        self.passthrough.push(row.passthrough, &places);
        self.item_ends.push(count32(self.items.len()));
    }

    /// Adds all rows of another batch. What is left to do are the longest columns, which threads can share: the
    /// batch is whole when all are done.
    ///
    /// # Panics
    /// If the two have customers of different types.
    #[must_use]
    pub(crate) fn append<'a>(&'a mut self, other: &'a Impressions<I>) -> LeftToAppend<'a> {
        match (&mut self.customers, &other.customers) {
            (CustomerColumn::Int(ids), CustomerColumn::Int(more)) => ids.extend_from_slice(more),
            (CustomerColumn::Text(ids), CustomerColumn::Text(more)) => ids.append(more),
            _ => panic!("customers of two types in one job"),
        }
        let base = count32(self.items.len());
        self.guests.extend_from_slice(&other.guests);
        self.days.extend_from_slice(&other.days);
        self.cutoffs.extend_from_slice(&other.cutoffs);
        self.lookback_starts
            .extend_from_slice(&other.lookback_starts);
        self.item_ends
            .extend(other.item_ends.iter().map(|end| base + end));
        self.passthrough.append(&other.passthrough);
        [
            Box::new(|| self.items.extend_from_slice(&other.items)),
            Box::new(|| self.labels.extend_from_slice(&other.labels)),
            Box::new(|| self.positions.extend_from_slice(&other.positions)),
            Box::new(|| self.rankings.append(&other.rankings)),
        ]
    }

    /// The number of impressions.
    pub(crate) fn count(&self) -> usize {
        self.days.len()
    }

    /// The customer of a row.
    pub(crate) fn customer(&self, row: u32) -> Customer<'_> {
        if self.guests[index(row)] {
            return Customer::Guest;
        }
        match &self.customers {
            CustomerColumn::Int(ids) => Customer::Int(ids[index(row)]),
            CustomerColumn::Text(ids) => Customer::Text(ids.get(index(row))),
        }
    }

    /// Whether customers have text ids.
    pub(crate) fn has_text_ids(&self) -> bool {
        matches!(self.customers, CustomerColumn::Text(_))
    }

    /// The range of a row's items in `items`, `labels` and `positions`.
    pub(crate) fn items_of(&self, row: u32) -> std::ops::Range<usize> {
        let start = if row == 0 {
            0
        } else {
            self.item_ends[index(row) - 1]
        };
        index(start)..index(self.item_ends[index(row)])
    }

    /// Bytes of memory that a row takes. Text ids are left out: they are small beside the rest.
    pub(crate) fn bytes_of_row(items_count: usize, ranking_bytes: usize) -> u64 {
        let columns = size_of::<(i64, bool, Day, Micros, Micros, u64, u32)>();
        let per_item = size_of::<I>() + size_of::<(Label, i32)>();
        count64(columns + ranking_bytes + items_count * per_item)
    }
}

/// A position as an index.
pub(crate) fn place(position: i32) -> usize {
    usize::try_from(position).expect("places are counted from 0")
}

/// Actions of one partition in input order: the unit of allocation and hand-over.
#[derive(Debug)]
pub(crate) struct EventChunk<I> {
    /// The actions. Rows, not columns: a scan appends to hundreds of partitions in turn, and so
    /// touches one cache line in each.
    pub(crate) rows: Vec<EventRow<I>>,
    /// The actions in place of `rows`, once no more are added.
    // Boxed, so that a scan finds the open chunks of all partitions in the first-level cache.
    pub(crate) packed: Option<Box<PackedRows>>,
    /// The last instant at which each was not yet known; empty if that is its time for all.
    pub(crate) known_after: Vec<Micros>,
    /// Attributes and landing times; boxed, as most jobs have neither.
    pub(crate) attributes: Option<Box<ChunkAttributes>>,
    /// Rows that the early stop has counted.
    pub(crate) counted: usize,
}

impl<I: Item> EventChunk<I> {
    /// Adds an action.
    #[inline]
    pub(crate) fn push(&mut self, local_key: u32, event: Event<I>) {
        debug_assert!(self.rows.len() < self.rows.capacity());
        if event.known_after != event.time || !self.known_after.is_empty() {
            // From the first late action on, the column is filled.
            let on_time = &self.rows[self.known_after.len()..];
            self.known_after.extend(on_time.iter().map(|row| row.time));
            self.known_after.push(event.known_after);
        }
        let row = EventRow::new(local_key, event.time, event.kind, event.item);
        self.rows.push(row);
    }

    /// Adds the attributes of the action that was added last.
    #[inline]
    pub(crate) fn push_attributes(&mut self, keys: &AttributeKeys) {
        let attributes = self.attributes.as_mut().expect("the job has attributes");
        attributes.push(keys);
    }

    /// The attributes of an action; zeros in unused places.
    pub(crate) fn keys(&self, row: usize) -> AttributeKeys {
        self.attributes
            .as_ref()
            .map_or_else(AttributeKeys::default, |attributes| attributes.get(row))
    }

    /// The last instant at which an action of a time was not yet known.
    #[inline]
    pub(crate) fn known_after(&self, row: usize, time: Micros) -> Micros {
        self.known_after.get(row).copied().unwrap_or(time)
    }

    /// Passes each action on, in order.
    #[inline]
    pub(crate) fn each(&self, mut each: impl FnMut(EventRow<I>)) {
        match &self.packed {
            Some(packed) => packed.each(each),
            None => self.rows.iter().for_each(|row| each(*row)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::ActionType;
    use crate::kernel::chunk::Chunk;

    #[test]
    fn texts_come_back_as_they_went_in() {
        let mut texts = TextColumn::default();
        let mut more = TextColumn::default();
        texts.push("a");
        texts.push("");
        more.push("übrig");
        texts.append(&more);
        assert_eq!(
            (texts.get(0), texts.get(1), texts.get(2)),
            ("a", "", "übrig")
        );
    }

    #[test]
    fn a_late_action_makes_the_chunk_remember_all_knowledge() {
        let mut chunk = EventChunk::<i32>::none().next();
        let event = |time, known| Event {
            time: Micros(time),
            known_after: Micros(known),
            kind: ActionType(1),
            item: 1,
        };
        chunk.push(0, event(5, 5));
        assert!(chunk.known_after.is_empty());
        chunk.push(0, event(6, 9));
        chunk.push(0, event(7, 7));
        assert_eq!(chunk.known_after, [Micros(5), Micros(9), Micros(7)]);
    }

    #[test]
    fn a_row_gives_back_what_it_was_made_of() {
        let row = EventRow::new((1 << 24) - 1, Micros(-5), ActionType(127), 7_i32);
        assert_eq!(
            (row.local_key(), row.kind()),
            ((1 << 24) - 1, ActionType(127))
        );
        assert_eq!((row.time, row.item), (Micros(-5), 7));
        assert_eq!(size_of_val(&row), 16);
    }
}
