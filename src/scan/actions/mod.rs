//! Files of actions to partitions: the scan loop with the semi-join in it.
//!
//! **In / Out**: a row group or a text file → events in the thread's [`PartitionWriter`].
//! **Invariants**: a row of a customer without impressions is dropped once its key is read; its time
//! and item are not validated. What is kept lies between the start of the customer's earliest
//! lookback and its latest cutoff. **Null rule**: a null customer is counted and dropped; a null
//! availability means never available, and is counted; a null time or item is a fault; attributes
//! of an action may be null (see `scan/table/attributes`).

mod columns;
mod early_stop;
mod landing;
mod parquet;
mod plain;
mod retain;
mod rows;
mod source;
mod text;

use serde::{Deserialize, Serialize};

use crate::catalog::input::InputFile;
use crate::context::RunContext;
use crate::dictionary::probes::{KeySpan, Probes};
use crate::error::Result;
use crate::ids::{Item, Key, Micros, index};
use crate::job::{ATTRIBUTE_COLUMNS_MAX, AttributeColumn, CustomerType, Dedup};
use crate::kernel::attributes::AttributeKeys;
use crate::kernel::column::{Customer, EventChunk};
use crate::kernel::partition::{PartitionWriter, Split};
pub(crate) use crate::scan::actions::columns::ActionNames;
use crate::scan::actions::columns::Origin;
use crate::scan::actions::early_stop::{CustomerCounts, EarlyStop};
use crate::scan::actions::plain::PlainActions;
use crate::scan::bad_rows::{BadRowPolicy, Rejected, RowAt};
use crate::scan::item_ids::ItemDictionary;
use crate::scan::mismatch::{Mismatch, Value};
use crate::scan::spec::{ReadSpec, attribute_columns};
use crate::scan::text::blocks::Piece;
use crate::scan::text::field::GuestIds;
use crate::scan::text::times::When;
use crate::scan::time_kinds::TimeKinds;
use crate::scan::{Opened, Task};
use crate::store::spill::Spill;

/// What was found of one source. None of it depends on where the reading stopped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ActionStats {
    /// Rows, read or proven to need no reading.
    pub(crate) rows: u64,
    /// Of them, those without a customer.
    pub(crate) null_customers: u64,
    /// Of those of customers that are asked for: never known.
    pub(crate) null_available: u64,
    /// Rows that do not count, by the values of a column.
    pub(crate) filtered: u64,
    /// Of those of customers that are asked for: of a type without a code, and left out.
    pub(crate) without_code: u64,
}

/// What one thread has read.
#[derive(Debug)]
pub(crate) struct ActionState<I> {
    /// The events kept, in memory.
    pub(crate) scatter: PartitionWriter<EventChunk<I>>,
    /// Those that it has no room for.
    pub(crate) spill: Spill,
    /// What was found, by source as in the list of sources.
    pub(crate) tallies: Vec<ActionStats>,
    pub(crate) rejected: Vec<Rejected>,
    /// Which told columns some record of text had, null or not.
    pub(crate) told: [bool; ATTRIBUTE_COLUMNS_MAX],
    /// Rows kept: for the statistics of the run, not for the manifest.
    pub(crate) kept: u64,
    /// The items, if their ids are texts.
    pub(crate) items: Option<ItemDictionary>,
    /// Actions per customer, for the early stop.
    counts: CustomerCounts,
    /// Scratch: the rows of a batch whose customers are asked for.
    wanted: Vec<(u32, Key)>,
    /// Scratch: whether they have enough.
    done: Vec<bool>,
    /// Scratch: when their actions happened.
    times: Vec<Option<Micros>>,
    /// Scratch: the numbers of their items.
    numbers: Vec<Option<I>>,
    /// Scratch: columns of a row group.
    plain: PlainActions<I>,
    /// Wall times and instants.
    pub(crate) kinds: TimeKinds,
    /// Scratch: a piece of a text file.
    piece: Piece,
}

/// How actions are read.
#[derive(Debug)]
pub(crate) struct ActionScan<'a, I> {
    /// How files are read.
    pub(crate) spec: ReadSpec<'a>,
    /// What becomes of bad rows.
    policy: &'a BadRowPolicy<'a>,
    /// Progress, memory and the wish to stop.
    context: &'a RunContext,
    /// Whose actions are wanted, and when.
    pub(crate) probes: &'a Probes<I>,
    /// How customers are dealt to partitions.
    split: Split,
    /// Who has enough actions.
    enough: EarlyStop,
    /// What all probes of all customers see.
    everyone: KeySpan,
    /// Ids that mean nobody.
    guest_ids: GuestIds,
    customers: CustomerType,
    told: Vec<&'a AttributeColumn>,
}

/// One action of a customer that is asked for, not yet judged.
struct RawAction<'n, I> {
    key: Key,
    /// What it is, or `None` if it is to be left out.
    origin: Value<Option<Origin>>,
    /// When, or `None` if that is null.
    time: Value<Option<When>>,
    /// The column that the time was looked for in last, to blame.
    time_at: &'n str,
    item: Value<I>,
    /// When it was known, if there is a column for it.
    available: Option<Value<Option<When>>>,
    /// What is told of it, or which told column is at fault.
    told: std::result::Result<AttributeKeys, (&'n str, Mismatch)>,
}

impl<'a, I: Item> ActionScan<'a, I> {
    /// A scan for the customers of `probes`.
    pub(crate) fn new(
        spec: &ReadSpec<'a>,
        policy: &'a BadRowPolicy<'a>,
        context: &'a RunContext,
        probes: &'a Probes<I>,
        split: Split,
    ) -> ActionScan<'a, I> {
        let (keys, has_codes) = (&probes.keys, spec.has_item_codes);
        let enough = EarlyStop::new(index(keys.count()), keys.guest(), has_codes);
        ActionScan {
            spec: *spec,
            policy,
            context,
            probes,
            split,
            enough,
            // Most rows are decided by this, without a look at their customer.
            everyone: probes.everyone(),
            guest_ids: GuestIds::new(spec.guest_ids),
            customers: probes.customer_type(),
            told: attribute_columns(spec.actions.attributes).collect(),
        }
    }

    /// The state of a thread that has read nothing, and may hold what `spill` says.
    pub(crate) fn state(&self, spill: Spill) -> ActionState<I> {
        ActionState {
            scatter: PartitionWriter::with_chunks(self.split, || {
                EventChunk::with_attributes(self.told.len(), 0)
            }),
            spill,
            tallies: vec![ActionStats::default(); self.spec.actions.sources.len()],
            rejected: Vec::new(),
            told: Default::default(),
            kept: 0,
            items: ItemDictionary::wanted(&self.spec),
            counts: CustomerCounts::default(),
            wanted: Vec::new(),
            done: Vec::new(),
            times: Vec::new(),
            numbers: Vec::new(),
            plain: PlainActions::default(),
            kinds: TimeKinds::default(),
            piece: Piece::default(),
        }
    }

    /// Before a wave: nothing that stays unread after it is newer than `floor`. Repeats and items that are left
    /// out fill no history, and whether an action is of these is not known before all are read: then nobody ever
    /// has enough.
    pub(crate) fn start_wave(&mut self, floor: Micros) {
        self.enough.start_wave(match self.spec.actions.dedup {
            Dedup::None if !self.spec.actions.drops_items => floor,
            _ => Micros::MAX,
        });
    }

    /// After a wave: whether every customer has all the actions that its histories can hold.
    pub(crate) fn finish_wave(&mut self, states: &mut [ActionState<I>]) -> bool {
        // The last chunk of each partition is counted only up to where it was full before.
        for state in states.iter_mut() {
            (0..self.split.partitions_count()).for_each(|partition| self.count(partition, state));
        }
        let counts: Vec<&CustomerCounts> = states.iter().map(|state| &state.counts).collect();
        self.enough
            .finish_wave(&counts, self.spec.actions.actions_max)
    }

    /// Reads one row group, or its share of a text file.
    ///
    /// # Errors
    /// As the policy for bad rows says, if the file cannot be read, or if the memory of
    /// the job is used up.
    pub(crate) fn read(&self, task: &Task, state: &mut ActionState<I>) -> Result<()> {
        state.kinds.start(&self.spec_of(task.opened.file()), 0);
        match &task.opened {
            Opened::Parquet(file) => self.read_parquet(file, task.group_rows(), state)?,
            Opened::Text(file, ..) => self.read_text(file, task, state)?,
            Opened::Empty(..) => {}
        }
        match &mut state.items {
            None => Ok(()),
            Some(items) => items.reserve_memory(self.context),
        }
    }

    /// How a file is read.
    fn spec_of(&self, file: &InputFile) -> ReadSpec<'a> {
        self.spec.of_source(file.source)
    }

    /// The key of a customer, if it is asked for; counts nobody, rejects what is no id.
    #[inline]
    fn key_of(
        &self,
        at: RowAt<'_>,
        names: &ActionNames<'_>,
        customer: Value<Customer<'_>>,
        text: &dyn Fn() -> String,
        state: &mut ActionState<I>,
    ) -> Result<Option<Key>> {
        match customer {
            Ok(customer) => Ok(self.known_key(names.slot, customer, state)),
            Err(error) => {
                let at = RowAt {
                    column: names.customer,
                    ..at
                };
                self.policy.reject(at, error, text, &mut state.rejected)?;
                Ok(None)
            }
        }
    }

    /// The key of what is an id, if it is asked for; counts nobody.
    #[inline]
    fn known_key(
        &self,
        slot: usize,
        customer: Customer<'_>,
        state: &mut ActionState<I>,
    ) -> Option<Key> {
        // Ids that mean nobody are counted as nulls are.
        match self.guest_ids.resolve(customer) {
            Customer::Int(id) => self.probes.keys.of_int(id),
            Customer::Text(id) => self.probes.keys.of_text(id),
            Customer::Guest => {
                state.tallies[slot].null_customers += 1;
                None
            }
        }
    }

    /// Judges one action and keeps it, drops it, or rejects it.
    #[inline]
    fn offer(
        &self,
        at: RowAt<'_>,
        names: &ActionNames<'_>,
        raw: RawAction<'_, I>,
        text: &dyn Fn() -> String,
        state: &mut ActionState<I>,
    ) -> Result<()> {
        let key = raw.key;
        let (origin, when, item, available, keys) = match judge(names, raw) {
            Ok(Some(judged)) => judged,
            Ok(None) => {
                state.tallies[names.slot].without_code += 1;
                return Ok(());
            }
            Err((column, mismatch)) => {
                let at = RowAt { column, ..at };
                return self.policy.reject(at, mismatch, text, &mut state.rejected);
            }
        };
        let Some(available) = available else {
            state.tallies[names.slot].null_available += 1;
            return Ok(());
        };
        // After all faults and counts, which must not depend on where the reading stopped.
        if self.enough.is_done(key) {
            return Ok(());
        }
        let Some(event) = self.event(origin, key, when, item, available) else {
            return Ok(());
        };
        self.keep_telling(key, event, &keys, &names.landing, state)
    }
}

/// An action: what it is, when, on what, when it was known, where `None` means never, and what is
/// told of it.
type Judged<I> = (Origin, When, I, Option<Micros>, AttributeKeys);

/// The parts of an action, or the column that is at fault; nothing if it is to be left out, whatever
/// its other columns hold.
#[inline]
fn judge<'a, I>(
    names: &ActionNames<'a>,
    raw: RawAction<'a, I>,
) -> std::result::Result<Option<Judged<I>>, (&'a str, Mismatch)> {
    // The type first: an event that is no action may have neither time nor item, and is no fault.
    let of_types = |error| (names.types_column().unwrap_or(""), error);
    let Some(origin) = raw.origin.map_err(of_types)? else {
        return Ok(None);
    };
    let null = || (raw.time_at, Mismatch::new("a time", "null"));
    let when = raw
        .time
        .map_err(|error| (raw.time_at, error))?
        .ok_or_else(null)?;
    // The order of these columns says which of several faults is reported.
    let item = raw.item.map_err(|error| (names.item, error))?;
    let available = match raw.available {
        // Without a column the folder decides; if it says nothing either, this is the beginning of
        // time.
        None => Some(names.landing.known_after),
        Some(available) => {
            let available = available.map_err(|error| (names.available.unwrap_or(""), error))?;
            available.map(|when| names.known_by(when))
        }
    };
    Ok(Some((origin, when, item, available, raw.told?)))
}

impl ActionStats {
    /// Adds the counts of another thread.
    pub(crate) fn merge(&mut self, other: &ActionStats) {
        self.rows += other.rows;
        self.null_customers += other.null_customers;
        self.null_available += other.null_available;
        self.filtered += other.filtered;
        self.without_code += other.without_code;
    }
}
