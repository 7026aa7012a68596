//! Chunks of actions: rows as they are added, or packed, and what else is known of them.

use super::packed::PackedRows;
use super::{ACTIONS_MAX, ACTIONS_MAX_PACKED, Chunk, rows_after};
use crate::ids::{Item, Micros, count64};
use crate::job::ATTRIBUTE_COLUMNS_MAX;
use crate::kernel::attributes::{ChunkAttributes, Landed};
use crate::kernel::column::EventChunk;
use crate::kernel::event::EventRow;

impl<I: Item> EventChunk<I> {
    /// An empty chunk of actions with `width` attributes each, with a capacity of `rows_max`.
    pub(crate) fn with_attributes(width: usize, rows_max: usize) -> EventChunk<I> {
        EventChunk {
            rows: Vec::with_capacity(rows_max),
            packed: None,
            // Without capacity: most jobs have no action that is known late, and 8 bytes more per
            // row would be half as much memory again.
            known_after: Vec::new(),
            attributes: (width > 0).then(|| Box::new(ChunkAttributes::none(width, rows_max))),
            counted: 0,
        }
    }
}

impl<I: Item> EventChunk<I> {
    /// Whether it has rows alone: late knowledge and attributes are columns of their own, whose rows are found by their
    /// index.
    fn can_be_packed(&self) -> bool {
        self.known_after.is_empty() && self.attributes.is_none()
    }

    /// A full chunk of actions that were known as they happened.
    pub(crate) fn of_rows(rows: Vec<EventRow<I>>) -> EventChunk<I> {
        EventChunk {
            rows,
            packed: None,
            known_after: Vec::new(),
            attributes: None,
            counted: 0,
        }
    }
}

impl<I: Item> Chunk for EventChunk<I> {
    const ROW_BYTES: usize = size_of::<EventRow<I>>();

    fn with_room(rows_max: usize) -> EventChunk<I> {
        EventChunk::with_attributes(0, rows_max)
    }

    fn next(&self) -> EventChunk<I> {
        EventChunk::with_attributes(self.width(), self.next_rows_max())
    }

    fn next_rows_max(&self) -> usize {
        let most = if self.can_be_packed() {
            ACTIONS_MAX_PACKED
        } else {
            ACTIONS_MAX
        };
        rows_after(self.rows_max(), most)
    }

    fn emptied(&self) -> EventChunk<I> {
        EventChunk::with_attributes(self.width(), 0)
    }

    fn bytes(&self) -> u64 {
        // Called before there are rows, to reserve, and after, to free. Both calls must give the
        // same number, so late knowledge and landing times are left out.
        let per_row = Self::ROW_BYTES + self.width() * size_of::<i32>();
        let packed = self.packed.as_ref().map_or(0, |packed| packed.memory());
        count64(self.rows_max() * per_row) + packed
    }

    fn filled_bytes(&self) -> u64 {
        match &self.packed {
            Some(packed) => packed.filled(),
            None => self.bytes(),
        }
    }

    fn packed(&mut self, chunks: usize) -> Option<EventChunk<I>> {
        if !self.can_be_packed() {
            return None;
        }
        // A larger one, such as follows one with late actions, is packed alone.
        let is_large = self.rows.len() > ACTIONS_MAX_PACKED;
        let chunks = if is_large { 1 } else { chunks };
        let packed = EventChunk {
            packed: Some(Box::new(PackedRows::new(&self.rows, chunks)?)),
            counted: self.counted,
            ..EventChunk::none()
        };
        self.clear();
        Some(packed)
    }

    fn pack_behind(&mut self, last: &mut EventChunk<I>) -> bool {
        let packed = last.packed.as_mut().filter(|_| self.can_be_packed());
        let is_packed = packed.is_some_and(|packed| packed.add(&self.rows));
        if is_packed {
            last.counted += self.counted;
            self.clear();
        }
        is_packed
    }

    #[inline]
    fn rows_count(&self) -> usize {
        let packed = self.packed.as_ref();
        packed.map_or(self.rows.len(), |packed| packed.rows_count())
    }

    #[inline]
    fn is_full(&self) -> bool {
        // One that is packed has no capacity either.
        self.rows.len() == self.rows.capacity()
    }

    #[inline]
    fn rows_max(&self) -> usize {
        // The capacity is the limit, so `push` never reallocates: what was reserved is what is
        // taken.
        self.rows.capacity()
    }

    fn clear(&mut self) {
        self.rows.clear();
        self.packed = None;
        self.known_after.clear();
        if let Some(attributes) = &mut self.attributes {
            attributes.keys.clear();
            attributes.landed.clear();
        }
        self.counted = 0;
    }

    fn write(&self, to: &mut Vec<u8>) {
        if let Some(packed) = &self.packed {
            to.push(PACKED);
            return packed.write(to);
        }
        to.push(u8::try_from(self.width()).expect("a few numbers"));
        to.push(u8::from(self.lands()));
        // Without a codec: random ids shrink little, and the disk was estimated to be faster than
        // LZ4 on them.
        for row in &self.rows {
            to.extend_from_slice(&row.time.0.to_le_bytes());
        }
        for row in &self.rows {
            to.extend_from_slice(&row.kind_and_key().to_le_bytes());
        }
        for row in &self.rows {
            // Ids are above 0, so that the upper half of one that fits 32 bits is empty.
            to.extend_from_slice(&row.item.to_wide().to_le_bytes()[..size_of::<I>()]);
        }
        for key in self
            .attributes
            .iter()
            .flat_map(|attributes| &attributes.keys)
        {
            to.extend_from_slice(&key.to_le_bytes());
        }
        for row in (0..self.rows.len()).filter(|_| self.lands()) {
            let landed = self.landed(row);
            to.extend_from_slice(&landed.until.0.to_le_bytes());
            to.push(landed.slot);
        }
        for known_after in &self.known_after {
            to.extend_from_slice(&known_after.0.to_le_bytes());
        }
    }

    fn read(bytes: &[u8], rows_count: usize) -> Option<EventChunk<I>> {
        if let [PACKED, packed @ ..] = bytes {
            return Some(EventChunk {
                packed: Some(Box::new(PackedRows::read::<I>(packed, rows_count)?)),
                counted: rows_count,
                ..EventChunk::none()
            });
        }
        let ([width, lands], bytes) = bytes.split_first_chunk()?;
        let (width, lands) = (usize::from(*width), usize::from(*lands));
        // A chunk without rows has no landing times either.
        if ATTRIBUTE_COLUMNS_MAX < width || lands > rows_count.min(1) {
            return None;
        }
        // Each length follows from the two bytes and the number of rows, so a damaged chunk is
        // refused and never indexed out of bounds.
        let (times, rest) = bytes.split_at_checked(rows_count * 8)?;
        let (keys, rest) = rest.split_at_checked(rows_count * 4)?;
        let (items, rest) = rest.split_at_checked(rows_count * size_of::<I>())?;
        let (attributes, rest) = rest.split_at_checked(rows_count * width * size_of::<i32>())?;
        let (landed, known) = rest.split_at_checked(rows_count * lands * LANDED_BYTES)?;
        // The last column is there for all rows or for none; any other length is damage.
        if !known.is_empty() && known.len() != times.len() {
            return None;
        }
        let long = |bytes: &[u8; 8]| Micros(i64::from_le_bytes(*bytes));
        let (times, keys) = (times.as_chunks::<8>().0, keys.as_chunks::<4>().0);
        let items = items.chunks_exact(size_of::<I>());
        let rows = times
            .iter()
            .zip(keys)
            .zip(items)
            .map(|((time, key), item)| {
                let mut wide = [0; 8];
                wide[..item.len()].copy_from_slice(item);
                let item = I::from_wide(i64::from_le_bytes(wide))?;
                Some(EventRow::from_parts(
                    long(time),
                    u32::from_le_bytes(*key),
                    item,
                ))
            });
        let keys = attributes.as_chunks::<4>().0.iter();
        let landed = landed.as_chunks::<LANDED_BYTES>().0.iter();
        let attributes = || ChunkAttributes {
            width,
            keys: keys.map(|key| i32::from_le_bytes(*key)).collect(),
            landed: landed.map(landed_of).collect(),
        };
        Some(EventChunk {
            rows: rows.collect::<Option<_>>()?,
            packed: None,
            known_after: known.as_chunks::<8>().0.iter().map(long).collect(),
            attributes: (width + lands > 0).then(|| Box::new(attributes())),
            // A chunk is counted when it is full, and only full chunks are spilled. Counting its
            // rows again would stop the reading of a customer too early.
            counted: rows_count,
        })
    }
}

impl<I: Item> EventChunk<I> {
    /// Sets when the action that was added last landed.
    pub(crate) fn land(&mut self, landed: Landed) {
        let attributes = self
            .attributes
            .get_or_insert_with(|| Box::new(ChunkAttributes::none(0, 0)));
        // Filled only up to this row. Rows behind it are read as early, so on-time rows cost
        // nothing.
        attributes.landed.resize(self.rows.len(), Landed::EARLY);
        if let Some(last) = attributes.landed.last_mut() {
            *last = landed;
        }
    }

    /// When an action landed.
    pub(crate) fn landed(&self, row: usize) -> Landed {
        let attributes = self.attributes.as_ref();
        let landed = attributes.and_then(|attributes| attributes.landed.get(row));
        landed.copied().unwrap_or(Landed::EARLY)
    }

    /// Whether some action landed late.
    pub(crate) fn lands(&self) -> bool {
        self.attributes
            .as_ref()
            .is_some_and(|attributes| !attributes.landed.is_empty())
    }

    /// The number of attributes of each action.
    pub(crate) fn width(&self) -> usize {
        self.attributes
            .as_ref()
            .map_or(0, |attributes| attributes.width)
    }

    /// Unpacks the rows, if they are packed.
    pub(crate) fn unpack(&mut self) {
        if let Some(packed) = self.packed.take() {
            self.rows.reserve_exact(packed.rows_count());
            packed.each(|row| self.rows.push(row));
        }
    }

    /// Renames all items, and drops the actions whose item becomes padding; gives the number of these.
    pub(crate) fn rename(&mut self, name: impl Fn(I) -> I) -> usize {
        let packed = self.packed.as_deref();
        if let Some(renamed) = packed.and_then(|packed| packed.renamed(&name)) {
            self.packed = Some(Box::new(renamed));
            return 0;
        }
        let was_packed = self.packed.is_some();
        self.unpack();
        let mut lost = 0;
        for row in &mut self.rows {
            row.item = name(row.item);
            lost += usize::from(row.item == I::PADDING);
        }
        // A second pass, and only if something is lost: mostly nothing is, and renaming is then one
        // loop without a branch on it.
        if lost > 0 {
            self.compact();
        }
        // At once, so that of all chunks of a partition only one takes more memory than before.
        if was_packed && let Some(packed) = self.packed(1) {
            *self = packed;
        }
        lost
    }

    /// Drops the actions whose item is padding.
    fn compact(&mut self) {
        let (mut kept, mut landed) = (0, 0);
        for at in 0..self.rows.len() {
            if self.rows[at].item == I::PADDING {
                continue;
            }
            self.rows[kept] = self.rows[at];
            if let Some(known_after) = self.known_after.get(at).copied() {
                self.known_after[kept] = known_after;
            }
            if let Some(attributes) = &mut self.attributes {
                let keys = at * attributes.width..(at + 1) * attributes.width;
                // Moves down only: `kept` never passes `at`, so no row is read after it was
                // overwritten.
                attributes.keys.copy_within(keys, kept * attributes.width);
                if let Some(found) = attributes.landed.get(at).copied() {
                    attributes.landed[kept] = found;
                    // The column may be shorter than the rows. It ends at the last row that it
                    // covers and that stays.
                    landed = kept + 1;
                }
            }
            kept += 1;
        }
        self.rows.truncate(kept);
        self.known_after.truncate(kept);
        if let Some(attributes) = &mut self.attributes {
            attributes.keys.truncate(kept * attributes.width);
            attributes.landed.truncate(landed);
        }
    }
}

/// What a chunk begins with in a spill file if its rows are packed, in place of the number of attributes.
const PACKED: u8 = u8::MAX;

/// Bytes of a [`Landed`] in a spill file.
const LANDED_BYTES: usize = 9;

/// A [`Landed`] from its bytes.
fn landed_of(bytes: &[u8; LANDED_BYTES]) -> Landed {
    let [until @ .., slot] = *bytes;
    Landed {
        until: Micros(i64::from_le_bytes(until)),
        slot,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::ActionType;
    use crate::kernel::event::Event;

    #[test]
    fn where_actions_landed_is_written_and_read_and_goes_along() {
        for width in [0, 2] {
            let mut chunk = EventChunk::<i32>::with_attributes(width, 8);
            for at in 1..=4_i32 {
                let event = Event {
                    time: Micros(i64::from(at)),
                    known_after: Micros(i64::from(at)),
                    kind: ActionType(1),
                    item: at,
                };
                chunk.push(7, event);
                if width > 0 {
                    chunk.push_attributes(&[at, -at, 0, 0]);
                }
                if at % 2 == 0 {
                    chunk.land(Landed {
                        until: Micros(i64::from(at) * 100),
                        slot: 3,
                    });
                }
            }
            let landed = |chunk: &EventChunk<i32>| -> Vec<i64> {
                let rows = 0..chunk.rows.len();
                rows.map(|row| chunk.landed(row).until.0).collect()
            };
            let early = i64::MIN;
            assert_eq!(landed(&chunk), [early, 200, early, 400]);
            let mut bytes = Vec::new();
            chunk.write(&mut bytes);
            let mut again = EventChunk::<i32>::read(&bytes, 4).expect("what was written");
            assert_eq!(landed(&again), landed(&chunk));
            assert_eq!((again.width(), again.lands()), (width, true));
            assert!(EventChunk::<i32>::read(&bytes[..bytes.len() - 1], 4).is_none());
            // The second and the third go.
            let name = |item| if [2, 3].contains(&item) { 0 } else { item };
            assert_eq!(again.rename(name), 2);
            assert_eq!(landed(&again), [early, 400]);
            again.clear();
            assert!(!again.lands());
        }
    }

    #[test]
    fn what_has_another_name_takes_all_that_is_known_of_it_along() {
        for late in [0, 1] {
            let mut chunk = EventChunk::<i32>::with_attributes(2, 8);
            for at in 1..=5_i32 {
                let time = i64::from(at);
                let event = Event {
                    time: Micros(time),
                    known_after: Micros(time + late),
                    kind: ActionType(1),
                    item: at,
                };
                chunk.push(7, event);
                chunk.push_attributes(&[at * 10, -at, 0, 0]);
            }
            let codes = [0, 9, 0, 8, 0];
            let name = |item: i32| codes[usize::try_from(item - 1).expect("small")];
            assert_eq!(chunk.rename(name), 3);
            let items: Vec<i32> = chunk.rows.iter().map(|row| row.item).collect();
            assert_eq!(items, [9, 8]);
            for (at, from) in [(0, 2), (1, 4)] {
                assert_eq!(chunk.keys(at), [from * 10, -from, 0, 0]);
                assert_eq!(
                    chunk.known_after(at, Micros(i64::from(from))),
                    Micros(i64::from(from) + late)
                );
            }
            let attributes = chunk.attributes.expect("it is attributes");
            assert_eq!(attributes.keys.len(), 4);
        }
    }
}
