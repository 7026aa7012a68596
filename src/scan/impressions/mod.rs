//! Files of impressions to [`Impressions`]: which items were shown to which customer, and the cutoff.
//!
//! `shape` tells what a file has: lists of items, which `parquet` and `text` read, with `shapes` if these are no
//! structs, or one item a row, which `flat` reads and groups once all is read. `unnamed` gives ids to impressions without a ranking id.
//! `seen` knows which files lack a column that they may lack. `moment` says of which day a row is, and what its cutoff is.
//!
//! **In / Out**: a row group or a text file → rows in an [`ImpressionState`], one per thread.
//! **Null rule**: a null customer is a guest; a null or empty array makes no row and is counted;
//! a null ranking, day or cutoff is a fault.
//! **Invariants**: a row of a day that is not selected is dropped before its other columns are
//! validated.

mod flat;
mod moment;
mod negatives;
mod parquet;
mod seen;
mod shape;
mod shapes;
mod stats;
mod text;
mod unnamed;

use std::collections::BTreeMap;

use self::flat::{FlatNames, Part, Parts};
use self::negatives::Negatives;
use self::seen::SeenColumns;
use self::shapes::ItemShapes;
pub(crate) use self::text::dt_of;
use self::unnamed::Unnamed;
use crate::context::RunContext;
use crate::dictionary::Dictionary;
use crate::error::Result;
use crate::ids::{Day, Item, Micros, count64};
use crate::job::{CustomerType, Guests, Passthrough, Source};
use crate::kernel::column::{Customer, Impression, Impressions};
use crate::kernel::passthrough::{PassthroughRow, PassthroughValue};
use crate::scan::bad_rows::{BadRowPolicy, Rejected, RowAt};
pub(crate) use crate::scan::impressions::stats::ImpressionStats;
use crate::scan::item_ids::ItemDictionary;
use crate::scan::mismatch::{Mismatch, Value};
use crate::scan::spec::{ImpressionSpec, ReadSpec};
use crate::scan::text::field::GuestIds;
use crate::scan::text::impression_items::{ElementCounts, ElementReader, ImpressionItems};
use crate::scan::text::times::WrittenTime;
use crate::scan::time_kinds::TimeKinds;
use crate::scan::{Opened, Task};

/// What one thread has read.
#[derive(Debug)]
pub(crate) struct ImpressionState<I> {
    pub(crate) rows: Impressions<I>,
    /// Rows that are one item each, until all of a ranking are read.
    pub(crate) parts: Parts<I>,
    /// Impressions without a ranking id, until all that are alike are read.
    pub(crate) unnamed: Unnamed<I>,
    /// What was found, day by day.
    pub(crate) tallies: BTreeMap<Day, ImpressionStats>,
    pub(crate) rejected: Vec<Rejected>,
    /// Which columns some file had, of those that a file may lack.
    seen: SeenColumns,
    /// The items, if their ids are texts: those of rows, and others.
    pub(crate) items: Option<ItemDictionary>,
    /// Scratch: the items of the current row.
    shown: ImpressionItems<I>,
    /// Scratch: what is carried through of it.
    kept: PassthroughRow,
    /// Scratch: what its ranking id is made of, if it has none.
    contents: String,
    /// Wall times and instants.
    pub(crate) kinds: TimeKinds,
    /// The last day or cutoff asked about, with the answer: neighbours often share it.
    last_bounds: Option<(CutoffMoment, (Micros, Micros))>,
}

/// What a cutoff is computed from.
type CutoffMoment = (Day, Option<Micros>);

/// How impressions are read.
#[derive(Debug)]
pub(crate) struct ImpressionScan<'a> {
    /// How files are read.
    spec: ReadSpec<'a>,
    /// What becomes of impressions.
    impressions: ImpressionSpec<'a>,
    /// What becomes of bad rows.
    policy: &'a BadRowPolicy<'a>,
    /// Progress and the wish to stop.
    context: &'a RunContext,
    /// Ids that mean nobody.
    guest_ids: GuestIds,
    customers: CustomerType,
    /// How nested elements are read.
    elements: ElementReader<'a>,
    /// How items that are no structs are read.
    shapes: ItemShapes<'a>,
    /// The names of the columns.
    names: Names<'a>,
    /// Those of rows that are one item each.
    flat: FlatNames<'a>,
    /// Columns of impressions that are carried through.
    keep: Vec<&'a Passthrough>,
    /// Which negatives are kept, if not all are.
    negatives: Option<Negatives>,
}

/// The names of the columns in the files.
#[derive(Clone, Copy, Debug)]
struct Names<'a> {
    dt: &'a str,
    /// The time of the impression.
    time: &'a str,
    customer: &'a str,
    ranking: &'a str,
    /// The array of shown items.
    shown: &'a str,
}

/// Reads the items of a row, and what is carried through of them; of a row without a ranking id also the
/// contents that its id is made of. Or tells the column that is at fault.
type ReadItems<'r, I> =
    &'r mut dyn FnMut(
        &mut ImpressionItems<I>,
        &mut [Vec<PassthroughValue>],
        &mut String,
    ) -> std::result::Result<Option<ElementCounts>, (&'r str, Mismatch)>;

/// Reads what is carried through of a row.
type ReadKept<'r> =
    &'r mut dyn FnMut(&mut Vec<PassthroughValue>) -> std::result::Result<(), (&'r str, Mismatch)>;

/// One row, not yet judged. Items are read last, by a call, because few rows of other days need it.
struct RawImpression<'r, I> {
    /// The day column, `None` if null or absent.
    dt: Value<Option<Day>>,
    /// The time column, `None` if null or absent.
    time: Value<Option<WrittenTime>>,
    customer: Value<Customer<'r>>,
    /// The ranking; `None` if the file has no such column.
    ranking: Value<Option<&'r str>>,
    /// Of a row that is one item: its place, if the file has a column of places.
    position: Value<Option<i64>>,
    /// Whether the row is one item of an impression.
    is_item: bool,
    /// Reads the items; gives nothing if the array is null.
    items: ReadItems<'r, I>,
    /// Reads what is carried through of the impression, or tells the column that is at fault.
    kept: ReadKept<'r>,
}

impl<'a> ImpressionScan<'a> {
    /// A scan of impressions whose customers have this type; items that are not `known` are left out.
    pub(crate) fn new(
        (spec, impressions): (&ReadSpec<'a>, &ImpressionSpec<'a>),
        policy: &'a BadRowPolicy<'a>,
        context: &'a RunContext,
        (customers, known): (CustomerType, Option<&'a Dictionary>),
    ) -> ImpressionScan<'a> {
        let spec = spec.of_source(Source::Impressions);
        let name = |ours| spec.column(Source::Impressions, ours);
        let names = Names {
            dt: name("dt"),
            time: name("impression_time"),
            customer: name("customer_id"),
            ranking: name("ranking_id"),
            shown: name("impressions"),
        };
        let keep = impressions.keep.iter().filter(|keep| !keep.of_items);
        ImpressionScan {
            spec,
            impressions: *impressions,
            policy,
            context,
            guest_ids: GuestIds::new(spec.guest_ids),
            customers,
            elements: ElementReader::new(&spec, impressions, known),
            shapes: ItemShapes::new(&spec, impressions),
            names,
            flat: FlatNames::new(&spec, impressions),
            keep: keep.collect(),
            negatives: Negatives::new(impressions),
        }
    }

    /// The state of a thread that has read nothing.
    pub(crate) fn state<I: Item>(&self) -> ImpressionState<I> {
        ImpressionState {
            rows: Impressions::empty(self.customers == CustomerType::String),
            parts: Parts::new(self.customers == CustomerType::String),
            unnamed: Unnamed::new(self.customers == CustomerType::String),
            tallies: BTreeMap::new(),
            rejected: Vec::new(),
            seen: SeenColumns::new(self.keep.len(), self.elements.keep.len()),
            items: ItemDictionary::wanted(&self.spec),
            shown: Vec::new(),
            contents: String::new(),
            kept: PassthroughRow {
                row: Vec::new(),
                items: vec![Vec::new(); self.elements.keep.len()],
            },
            kinds: TimeKinds::default(),
            last_bounds: None,
        }
    }

    /// Reads one row group or text file.
    ///
    /// # Errors
    /// As the policy for bad rows says, and if the file cannot be read.
    pub(crate) fn read<I: Item>(&self, task: &Task, state: &mut ImpressionState<I>) -> Result<()> {
        // Taken out, because the items are lent to closures that are passed along with the state.
        let mut items = state.items.take();
        state.kinds.start(&self.spec, 0);
        let shape = self.shape_of(&task.opened);
        match &task.opened {
            Opened::Parquet(_) | Opened::Text(..) if shape.is_flat => {
                self.read_flat(task, shape, state, &mut items)
            }
            Opened::Parquet(file) => {
                let task = (file.as_ref(), task.group_rows());
                self.read_parquet(task, shape, state, &mut items)
            }
            Opened::Text(..) => self.read_text(task, shape, state, &mut items),
            Opened::Empty(..) => Ok(()),
        }?;
        if let Some(items) = &mut items {
            items.reserve_memory(self.context)?;
        }
        state.items = items;
        Ok(())
    }

    /// Checks that each column that a file may lack is in some file of those that all threads have read.
    ///
    /// # Errors
    /// If not.
    pub(crate) fn check_columns<I>(
        &self,
        opened: &[Opened],
        states: &[ImpressionState<I>],
    ) -> Result<()> {
        let mut seen = SeenColumns::new(self.keep.len(), self.elements.keep.len());
        for state in states {
            seen.add(&state.seen);
        }
        self.check_seen(opened, &seen)
    }

    /// Judges one row and keeps it, counts it, or rejects it.
    fn offer<I: Item>(
        &self,
        at: RowAt<'_>,
        raw: &mut RawImpression<'_, I>,
        text: &dyn Fn() -> String,
        state: &mut ImpressionState<I>,
    ) -> Result<()> {
        let (day, known_day) = match self.day_of(at.file.day, raw) {
            // First of all: rows of other days may hold anything.
            Ok(day) if !self.wants(day) => return Ok(()),
            Ok(day) => (Ok(day), Some(day)),
            Err(fault) => (Err(fault), None),
        };
        // A row at fault may have left something.
        state.shown.clear();
        state.kept.row.clear();
        state.kept.items.iter_mut().for_each(Vec::clear);
        state.contents.clear();
        // In the order in which the faults of one row are reported.
        let judged = day.and_then(|day| {
            let ranking = raw
                .ranking
                .clone()
                .map_err(|error| (self.names.ranking, error))?;
            let customer = raw
                .customer
                .clone()
                .map_err(|error| (self.names.customer, error))?;
            let cutoff = self.cutoff_of(raw)?;
            let position = raw.position.clone();
            let position = position.map_err(|error| (self.flat.position, error))?;
            let counts = (raw.items)(&mut state.shown, &mut state.kept.items, &mut state.contents)?;
            (raw.kept)(&mut state.kept.row)?;
            Ok((day, ranking, customer, cutoff, position, counts))
        });
        let (day, ranking, customer, cutoff, position, counts) = match judged {
            Ok(judged) => judged,
            Err((column, mismatch)) => {
                // A row whose day is not known is counted for no day.
                if let Some(day) = known_day {
                    state.count_rejected(day);
                }
                let at = RowAt { column, ..at };
                return self.policy.reject(at, mismatch, text, &mut state.rejected);
            }
        };
        let customer = self.guest_ids.resolve(customer);
        if let (true, Some(ranking)) = (raw.is_item, ranking) {
            let part = Part {
                key: (day, customer, ranking),
                cutoff,
                row: at.row,
                position,
                shown: &state.shown,
            };
            return state.parts.add(&part, &mut state.kept, self.context);
        }
        if !self.counts(day, customer, counts.unwrap_or_default(), state) {
            return Ok(());
        }
        let Some(ranking) = ranking else {
            return self.keep_unnamed((day, customer), cutoff, state);
        };
        self.keep((day, customer, ranking), cutoff, state)
    }

    /// Counts an impression whose items are those of the state; returns whether it may become a row.
    fn counts<I: Item>(
        &self,
        day: Day,
        customer: Customer<'_>,
        counts: ElementCounts,
        state: &mut ImpressionState<I>,
    ) -> bool {
        let drops = customer == Customer::Guest && self.impressions.guests == Guests::Drop;
        let tally = state.tallies.entry(day).or_default();
        tally.add(customer, drops, counts);
        !drops && !state.shown.is_empty()
    }

    /// Keeps an impression whose items are those of the state, and that is counted.
    fn keep<I: Item>(
        &self,
        (day, customer, ranking): (Day, Customer<'_>, &str),
        cutoff: Option<Micros>,
        state: &mut ImpressionState<I>,
    ) -> Result<()> {
        // After the counts, which are of all that was shown.
        if let Some(negatives) = &self.negatives {
            let tally = state.tallies.entry(day).or_default();
            tally.negatives_left_out +=
                negatives.sample((day, customer, ranking), &mut state.shown);
            if state.shown.is_empty() {
                tally.sampled_away += 1;
                return Ok(());
            }
        }
        let (cutoff, lookback_start) =
            state.bounds((self.spec.zone, self.impressions.lookback), (day, cutoff));
        let items = &state.shown[..];
        let row = Impression {
            customer,
            day,
            cutoff,
            lookback_start,
            ranking,
            items,
            passthrough: &state.kept,
        };
        state.rows.push(&row);
        let of_items = items.len() * state.kept.items.len();
        let kept = (state.kept.row.len() + of_items) * size_of::<PassthroughValue>();
        let bytes = Impressions::<I>::bytes_of_row(items.len(), ranking.len());
        self.context.reserve_memory(bytes + count64(kept))
    }
}

impl<I: Item> ImpressionState<I> {
    /// Whether some rows wait for others.
    pub(crate) fn is_waiting(&self) -> bool {
        self.parts.runs.count() + self.unnamed.rows.count() > 0
    }

    /// The items of all rows.
    pub(crate) fn items_count(&self) -> usize {
        let waiting = self.parts.runs.items.len() + self.unnamed.rows.items.len();
        self.rows.items.len() + waiting
    }

    /// The items of all rows, to be renumbered.
    pub(crate) fn items_mut(&mut self) -> impl Iterator<Item = &mut I> {
        let waiting = self.parts.runs.items.iter_mut();
        let waiting = waiting.chain(&mut self.unnamed.rows.items);
        self.rows.items.iter_mut().chain(waiting)
    }

    /// Counts a row that is rejected, as an impression of its day.
    fn count_rejected(&mut self, day: Day) {
        let tally = self.tallies.entry(day).or_default();
        tally.impressions += 1;
        tally.rejected += 1;
    }
}
