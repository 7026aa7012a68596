//! Actions in Parquet whose rows need no judging, without arrays in between.
//!
//! **In / Out**: three columns of a row group → events in the thread's `PartitionWriter`, and how many rows that
//! were. **Invariants**: a batch is kept as a whole or not at all: at the first batch with a row that must be
//! judged, the rest of the row group is left to `parquet`, which reads the same rows, and is the twin of this.
//! **Cost**: an id of a dictionary is looked up once per row group, however many rows have it.

use arrow::datatypes::DataType;

use super::{ActionNames, ActionScan, ActionState, Origin};
use crate::calendar::WallClock;
use crate::dictionary::keys::{NOBODY, keep_found};
use crate::error::Result;
use crate::ids::{Item, Key, Micros, count64, index, index64};
use crate::job::{CustomerType, TimeUnit};
use crate::scan::GroupRows;
use crate::scan::item_ids::ItemDictionary;
use crate::scan::mismatch::TEXT_BYTES_MAX;
use crate::scan::parquet::{BATCH_ROWS, NotPlain, ParquetFile, Plain, PlainColumn, Raw};
use crate::scan::text::epoch::{to_micros, unit_of};

/// What stands for a time that is none: it is of no year from 1 to 9999.
const NO_TIME: Micros = Micros::MIN;

/// The columns of a thread, with a batch of values of each.
#[derive(Debug)]
pub(super) struct PlainActions<I> {
    customers: PlainColumn<Key>,
    items: PlainColumn<I>,
    times: PlainColumn<Micros>,
    keys: Vec<Key>,
    /// [`Item::PADDING`] where there is no id.
    item_ids: Vec<I>,
    /// [`NO_TIME`] where there is no time.
    instants: Vec<Micros>,
}

impl<I: Item> Default for PlainActions<I> {
    fn default() -> PlainActions<I> {
        PlainActions {
            customers: PlainColumn::default(),
            items: PlainColumn::default(),
            times: PlainColumn::default(),
            keys: Vec::new(),
            item_ids: Vec::new(),
            instants: Vec::new(),
        }
    }
}

/// How the values of a row group are read.
#[derive(Clone, Copy)]
struct PlainKinds {
    /// What the rows are.
    origin: Origin,
    unit: TimeUnit,
    /// Whether times are instants, not of the wall.
    utc: bool,
}

impl<I: Item> ActionScan<'_, I> {
    /// Reads some rows of a row group up to the first batch that must be judged; gives how many.
    pub(super) fn read_plain_group(
        &self,
        file: &ParquetFile,
        rows: GroupRows,
        names: &ActionNames<'_>,
        state: &mut ActionState<I>,
    ) -> Result<u64> {
        let columns = [names.customer, names.item, names.time];
        let Some(kinds) = self.plain_kinds(file, names) else {
            return Ok(0);
        };
        let Some([customers, items, times]) = file.plain_chunks(rows.group, columns) else {
            return Ok(0);
        };
        // Taken out, so that the rest of the state can be changed while they are read.
        let mut plain = std::mem::take(&mut state.plain);
        plain.customers.start(customers, rows.start);
        plain.items.start(items, rows.start);
        plain.times.start(times, rows.start);
        let read = self.offer_plain_rows(file, rows.count(), (names, kinds), &mut plain, state);
        plain.customers.end();
        plain.items.end();
        plain.times.end();
        state.plain = plain;
        read
    }

    /// How the columns of a file are read, if its rows need no judging: all count and have one type, all is
    /// known as it happens or when the folder says, and nothing else is told.
    fn plain_kinds(&self, file: &ParquetFile, names: &ActionNames<'_>) -> Option<PlainKinds> {
        let is_plain =
            self.spec.guest_ids.is_empty() && names.available.is_none() && self.told.is_empty();
        let origin = names.constant().filter(|_| is_plain)?;
        let type_of = |name| file.column(name).map(|column| column.data_type());
        let is_text = |name| Some(*type_of(name)? == DataType::Utf8View);
        // Integers that stand for texts are read as such elsewhere, and the other way round.
        if is_text(names.customer)? != (self.customers == CustomerType::String)
            || is_text(names.item)? != self.spec.has_item_codes
        {
            return None;
        }
        let (unit, utc) = match type_of(names.time)? {
            DataType::Timestamp(unit, zone) => (unit_of(*unit), zone.is_some()),
            DataType::Int32 | DataType::Int64 => (self.spec_of(&file.file).time_unit?, true),
            _ => return None,
        };
        Some(PlainKinds { origin, unit, utc })
    }

    /// Reads batches of so many rows in all, and keeps or drops their rows.
    fn offer_plain_rows(
        &self,
        file: &ParquetFile,
        rows: u64,
        (names, kinds): (&ActionNames<'_>, PlainKinds),
        plain: &mut PlainActions<I>,
        state: &mut ActionState<I>,
    ) -> Result<u64> {
        let mut done_rows = 0;
        while done_rows < rows {
            self.context.check()?;
            let batch = (rows - done_rows).min(count64(BATCH_ROWS));
            if self
                .read_plain_batch(file, index64(batch), kinds, plain, state)
                .is_err()
            {
                break;
            }
            self.context.count_read(batch, batch);
            state.tallies[names.slot].rows += batch;
            done_rows += batch;
            let (wanted, done) = (
                std::mem::take(&mut state.wanted),
                std::mem::take(&mut state.done),
            );
            let rows = wanted.iter().zip(&done).filter(|(_, is_done)| !**is_done);
            let rows = rows.map(|((row, key), _)| {
                let row = index(*row);
                (*key, plain.instants[row], plain.item_ids[row])
            });
            self.offer_all_plain(kinds.origin, rows, &names.landing, state)?;
            (state.wanted, state.done) = (wanted, done);
        }
        Ok(done_rows)
    }

    /// Reads the next rows, and finds those that are wanted.
    ///
    /// # Errors
    /// If one of them must be judged.
    fn read_plain_batch(
        &self,
        file: &ParquetFile,
        rows: usize,
        kinds: PlainKinds,
        plain: &mut PlainActions<I>,
        state: &mut ActionState<I>,
    ) -> Plain<()> {
        self.read_keys(rows, plain)?;
        keep_found(plain.keys.iter().copied(), &mut state.wanted);
        // For all rows first: a branch on each look-up would wait for memory each time.
        self.enough.find_done(&state.wanted, &mut state.done);
        self.read_instants(file, rows, kinds, plain)?;
        read_items(rows, plain, state.items.as_mut())?;
        // A fault is reported even if the customer has enough, because who has enough depends on what was
        // read so far.
        let is_right = |(row, _): &(u32, Key)| {
            let row = index(*row);
            plain.item_ids[row] != I::PADDING && plain.instants[row] != NO_TIME
        };
        state
            .wanted
            .iter()
            .all(is_right)
            .then_some(())
            .ok_or(NotPlain)
    }

    /// Reads customers.
    fn read_keys(&self, rows: usize, plain: &mut PlainActions<I>) -> Plain<()> {
        let known = &self.probes.keys;
        let mut are_texts = true;
        let mut of_text = |id: &[u8]| {
            let text = std::str::from_utf8(id).ok();
            let text = text.filter(|text| text.len() <= TEXT_BYTES_MAX);
            are_texts &= text.is_some();
            text.and_then(|id| known.of_text(id)).unwrap_or(NOBODY)
        };
        let mut make = |ids: Raw<'_>, keys: &mut Vec<Key>| match ids {
            Raw::Ints(ids) => {
                keys.extend(ids.iter().map(|id| known.of_int(*id).unwrap_or(NOBODY)));
            }
            Raw::Texts(ids, _) => keys.extend(ids.iter().map(|id| of_text(id))),
        };
        plain.customers.read(rows, &mut plain.keys, &mut make)?;
        are_texts.then_some(()).ok_or(NotPlain)
    }

    /// Reads times.
    fn read_instants(
        &self,
        file: &ParquetFile,
        rows: usize,
        kinds: PlainKinds,
        plain: &mut PlainActions<I>,
    ) -> Plain<()> {
        let zone = self.spec_of(&file.file).wall_zone;
        let mut clock = WallClock::new(zone);
        let mut resolved = |at: Micros| {
            let at = if kinds.utc {
                at
            } else {
                clock.instant_of(at.0)
            };
            if zone.is_near(at) { at } else { NO_TIME }
        };
        let mut make = |times: Raw<'_>, instants: &mut Vec<Micros>| {
            let Raw::Ints(times) = times else {
                return;
            };
            match kinds.unit {
                // As most logs have it.
                TimeUnit::Micro => instants.extend(times.iter().map(|at| resolved(Micros(*at)))),
                unit => instants.extend(times.iter().map(|time| {
                    let at = to_micros(*time, unit);
                    at.map_or(NO_TIME, &mut resolved)
                })),
            }
        };
        plain.times.read(rows, &mut plain.instants, &mut make)
    }
}

/// Reads items; those that are texts get their numbers from `texts`.
fn read_items<I: Item>(
    rows: usize,
    plain: &mut PlainActions<I>,
    mut texts: Option<&mut ItemDictionary>,
) -> Plain<()> {
    let mut are_texts = true;
    let mut numbers = Vec::new();
    plain.items.read(
        rows,
        &mut plain.item_ids,
        &mut |raw, ids| match (&raw, &mut texts) {
            (Raw::Ints(ints), _) => {
                ids.extend(
                    ints.iter()
                        .map(|id| I::from_wide(*id).unwrap_or(I::PADDING)),
                );
            }
            (Raw::Texts(found, _), Some(texts)) => {
                are_texts &= raw.are_texts();
                texts.numbers(found, &mut numbers);
                // What is empty is no id, and neither is what is longer than one.
                ids.extend(
                    found
                        .iter()
                        .zip(&numbers)
                        .map(|(text, number)| match number {
                            Some(number) if text.len() <= TEXT_BYTES_MAX => *number,
                            _ => I::PADDING,
                        }),
                );
            }
            (Raw::Texts(..), None) => are_texts = false,
        },
    )?;
    are_texts.then_some(()).ok_or(NotPlain)
}
