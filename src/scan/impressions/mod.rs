//! Files of impressions to [`Impressions`]: which items were shown to which customer, and the cutoff.
//!
//! **In / Out**: a row group or a text file → rows in an [`ImpressionState`], one per thread.
//! **Null rule**: a null customer is a guest; a null or empty array makes no row and is counted;
//! a null ranking, day or cutoff is a fault.
//! **Invariants**: a row of a day that is not selected is dropped before its other columns are
//! validated.

mod negatives;
mod parquet;
mod shapes;
mod stats;
mod text;

use std::collections::BTreeMap;

use self::negatives::Negatives;
use self::shapes::ItemShapes;
pub(crate) use self::text::dt_of;
use crate::calendar::{DAY_MAX, DAY_MIN, Lookback, Zone, date_text};
use crate::context::RunContext;
use crate::dictionary::Dictionary;
use crate::error::Result;
use crate::ids::{Day, Item, Micros, count64};
use crate::job::{CustomerType, Cutoff, Guests, Passthrough, Source};
use crate::kernel::column::{Customer, Impression, Impressions};
use crate::kernel::passthrough::{PassthroughRow, PassthroughValue};
use crate::scan::bad_rows::{BadRowPolicy, Rejected, RowAt};
pub(crate) use crate::scan::impressions::stats::ImpressionStats;
use crate::scan::item_ids::ItemDictionary;
use crate::scan::mismatch::{Mismatch, Value};
use crate::scan::spec::{ImpressionSpec, ReadSpec};
use crate::scan::text::field::{Clock, GuestIds};
use crate::scan::text::impression_items::{ElementCounts, ElementReader, ImpressionItems};
use crate::scan::text::times::WrittenTime;
use crate::scan::time_kinds::TimeKinds;
use crate::scan::{Opened, Task};

/// What one thread has read.
#[derive(Debug)]
pub(crate) struct ImpressionState<I> {
    pub(crate) rows: Impressions<I>,
    /// What was found, day by day.
    pub(crate) tallies: BTreeMap<Day, ImpressionStats>,
    pub(crate) rejected: Vec<Rejected>,
    /// The items, if their ids are texts: those of rows, and others.
    pub(crate) items: Option<ItemDictionary>,
    /// Scratch: the items of the current row.
    shown: ImpressionItems<I>,
    /// Scratch: what is carried through of it.
    kept: PassthroughRow,
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

/// Reads the items of a row, and what is carried through of them.
type ReadItems<'r, I> =
    &'r mut dyn FnMut(
        &mut ImpressionItems<I>,
        &mut [Vec<PassthroughValue>],
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
    ranking: Value<&'r str>,
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
            shapes: ItemShapes::new(&spec),
            names,
            keep: keep.collect(),
            negatives: Negatives::new(impressions),
        }
    }

    /// The state of a thread that has read nothing.
    pub(crate) fn state<I: Item>(&self) -> ImpressionState<I> {
        ImpressionState {
            rows: Impressions::empty(self.customers == CustomerType::String),
            tallies: BTreeMap::new(),
            rejected: Vec::new(),
            items: ItemDictionary::wanted(&self.spec),
            shown: Vec::new(),
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
        match &task.opened {
            Opened::Parquet(file) => self.read_parquet(file, task.row_group, state, &mut items),
            Opened::Text(..) => self.read_text(task, state, &mut items),
            Opened::Empty(..) => Ok(()),
        }?;
        if let Some(items) = &mut items {
            items.reserve_memory(self.context)?;
        }
        state.items = items;
        Ok(())
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
            let counts = (raw.items)(&mut state.shown, &mut state.kept.items)?;
            (raw.kept)(&mut state.kept.row)?;
            Ok((day, ranking, customer, cutoff, counts))
        });
        let (day, ranking, customer, cutoff, counts) = match judged {
            Ok(judged) => judged,
            Err((column, mismatch)) => {
                // A row whose day is not known is counted for no day.
                if let Some(day) = known_day {
                    let tally = state.tallies.entry(day).or_default();
                    tally.impressions += 1;
                    tally.rejected += 1;
                }
                let at = RowAt { column, ..at };
                return self.policy.reject(at, mismatch, text, &mut state.rejected);
            }
        };
        let customer = self.guest_ids.resolve(customer);
        let drops = customer == Customer::Guest && self.impressions.guests == Guests::Drop;
        let tally = state.tallies.entry(day).or_default();
        tally.add(customer, drops, counts.unwrap_or_default());
        if drops || state.shown.is_empty() {
            return Ok(());
        }
        // After the counts, which are of all that was shown.
        if let Some(negatives) = &self.negatives {
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

    /// Takes note of the kinds of a row's times, given the texts of its day and its time.
    fn note<I>(
        &self,
        at: RowAt<'_>,
        raw: &RawImpression<'_, I>,
        [day, time]: [&str; 2],
        state: &mut ImpressionState<I>,
    ) {
        // Only rows that every run validates may decide about zones.
        let is_empty = day.is_empty() && time.is_empty();
        if is_empty
            || !self
                .day_of(at.file.day, raw)
                .is_ok_and(|day| self.wants(day))
        {
            return;
        }
        let at_column = |column| RowAt { column, ..at };
        state.kinds.note_day(day, at_column(self.names.dt));
        // What is no text is told by the type of its column.
        if let Ok(Some(written)) = raw.time
            && !time.is_empty()
        {
            state.kinds.note(written, time, at_column(self.names.time));
        }
    }

    /// Whether impressions of a day are to be answered.
    fn wants(&self, day: Day) -> bool {
        self.impressions.days.wants(day)
    }

    /// The day of a row, if a folder can be named after it.
    fn day_of<I>(
        &self,
        folder: Option<Day>,
        raw: &RawImpression<'_, I>,
    ) -> std::result::Result<Day, (&'a str, Mismatch)> {
        let (day, name) = self.day_in(folder, raw)?;
        if (DAY_MIN..=DAY_MAX).contains(&day) {
            return Ok(day);
        }
        let found = date_text(day);
        Err((name, Mismatch::new("a day of the years 1 to 9999", found)))
    }

    /// The day of a row: of its folder, of its column, or of its time.
    fn day_in<I>(
        &self,
        folder: Option<Day>,
        raw: &RawImpression<'_, I>,
    ) -> std::result::Result<(Day, &'a str), (&'a str, Mismatch)> {
        // Where the folder tells the day, the column is not asked.
        if let Some(day) = folder {
            return Ok((day, self.names.dt));
        }
        if let Some(day) = raw.dt.clone().map_err(|error| (self.names.dt, error))? {
            return Ok((day, self.names.dt));
        }
        let null = |name| (name, Mismatch::new("a day", "null"));
        if self.spec.cutoff == Cutoff::Day {
            return Err(null(self.names.dt));
        }
        let time = raw.time.clone().map_err(|error| (self.names.time, error))?;
        let time = time.ok_or_else(|| null(self.names.time))?;
        Ok((self.day_of_time(time), self.names.time))
    }

    /// The time of a row as its cutoff, if that is what cutoffs are.
    fn cutoff_of<I>(
        &self,
        raw: &RawImpression<'_, I>,
    ) -> std::result::Result<Option<Micros>, (&'a str, Mismatch)> {
        if self.spec.cutoff == Cutoff::Day {
            return Ok(None);
        }
        let time = raw.time.clone().map_err(|error| (self.names.time, error))?;
        let null = || (self.names.time, Mismatch::new("a time", "null"));
        let time = time.ok_or_else(null)?;
        Ok(Some(Clock::new(&self.spec).resolve(time).at))
    }

    /// The day of a time, in the zone of days.
    fn day_of_time(&self, time: WrittenTime) -> Day {
        let (days, walls) = (self.spec.zone, self.spec.wall_zone);
        match time {
            WrittenTime::Wall(_) if !std::ptr::eq(days, walls) => {
                days.day_of(time.resolve(walls).at)
            }
            time => time.day(days),
        }
    }
}

impl<I> ImpressionState<I> {
    /// Cutoff and start of the lookback.
    fn bounds(
        &mut self,
        (zone, lookback): (&Zone, Option<Lookback>),
        moment: CutoffMoment,
    ) -> (Micros, Micros) {
        if let Some((last, bounds)) = self.last_bounds
            && last == moment
        {
            return bounds;
        }
        let (day, time) = moment;
        let cutoff = time.unwrap_or_else(|| zone.start_of(day));
        let start = match (lookback, time) {
            (None, _) => Micros::MIN,
            // Calendar days: the same wall time, not a multiple of 24 hours.
            (Some(lookback), Some(time)) => zone.lookback_from(time, lookback),
            (Some(lookback), None) => zone.start_of(lookback.first_day(day)),
        };
        self.last_bounds = Some((moment, (cutoff, start)));
        (cutoff, start)
    }
}
