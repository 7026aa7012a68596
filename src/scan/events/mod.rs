//! Files of events to the events of each thread: the scan loop of `dwell`.
//!
//! **In / Out**: a row group, or a share of a text file → [`FlyerEvent`]s, whose users, flyers and
//! merchants are codes of the thread's own [`Dictionary`]s, in one list: which partition an event
//! belongs to is known when all ids are.
//! **Invariants**: every row has a time and the name of an event, or is rejected; every event has a
//! user, and those that open a flyer or an item have a flyer and a merchant too, or they are counted
//! and passed over. Of the others only `sessions` need any: they end the time of what came before, and
//! are told apart by their names.
//! **Null rule**: an empty text is no id.

mod names;
mod read;

use std::mem::take;

pub(crate) use self::names::EventRoles;
use self::names::{DEED_BITS, IGNORED, OTHER, deed_of, is_open, is_other, name_of, other_code};
use self::read::Skipped;
pub(crate) use self::read::{EventsRead, Heap};
use crate::calendar::{OffsetClock, Zone};
use crate::context::RunContext;
use crate::dictionary::Dictionary;
use crate::error::Result;
use crate::ids::{Micros, count64, index};
use crate::job::{CustomerType, DwellMethod, Shard, Source};
use crate::kernel::chunk::RowChunk;
use crate::kernel::op::dwell::{FlyerEvent, NOWHERE, Wall};
use crate::kernel::partition::{PartitionWriter, Split};
use crate::scan::Task;
use crate::scan::bad_rows::BadRowPolicy;
use crate::scan::spec::ReadSpec;
use crate::scan::table::{
    Batch, Cells, ColumnType, IdCodes, Memo, Presence, TableColumn, TableScan, TableState,
};
use crate::store::spill::Spill;

/// The columns, as places in a batch.
const TIME: usize = 0;
/// Who.
const USER: usize = 1;
/// What.
const EVENT: usize = 2;
/// On which flyer.
const FLYER: usize = 3;
/// Of which merchant.
const MERCHANT: usize = 4;

/// The types of ids: of users, flyers and merchants.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(crate) struct IdTypes {
    /// Of users.
    #[serde(rename = "user_id")]
    pub(crate) user: CustomerType,
    /// Of flyers.
    #[serde(rename = "flyer_id")]
    pub(crate) flyer: CustomerType,
    /// Of merchants.
    #[serde(rename = "merchant_id")]
    pub(crate) merchant: CustomerType,
}

/// Which events count.
#[derive(Clone, Copy, Debug)]
pub(crate) struct EventChoice<'a> {
    /// How the time on flyers is measured, which says what events count.
    pub(crate) method: DwellMethod,
    /// What the names of events say.
    pub(crate) roles: EventRoles<'a>,
    /// The first and the last moment of the events that are kept, if only some days are made.
    pub(crate) span: Option<(Micros, Micros)>,
    /// Whose events are kept, if not those of all users. The events of others are counted, and checked.
    pub(crate) shard: Option<Shard>,
}

/// How events are read.
#[derive(Debug)]
pub(crate) struct EventScan<'a> {
    choice: EventChoice<'a>,
    /// The zone of days.
    zone: &'a Zone,
    /// Progress, memory and the wish to stop.
    context: &'a RunContext,
    /// The types of ids.
    types: IdTypes,
    table: TableScan<'a>,
}

/// What one thread has read.
#[derive(Debug)]
pub(crate) struct EventState {
    /// The events, in memory.
    scatter: PartitionWriter<RowChunk<FlyerEvent>>,
    /// Those that it has no room for.
    spill: Spill,
    table: TableState,
    /// What it does with rows.
    rows: EventRows,
}

/// What becomes of the rows of a batch.
#[derive(Debug)]
struct EventRows {
    users: IdCodes,
    flyers: IdCodes,
    merchants: IdCodes,
    /// What is known of the names of events in a dictionary.
    names: Memo,
    /// The names of events that neither open nor close anything, of sessions.
    others: Dictionary,
    /// Rows whose event opens a flyer or an item.
    opens_count: u64,
    /// Rows whose event has a name without a role.
    others_count: u64,
    /// Rows whose event has a name that is passed over.
    ignored_count: u64,
    /// Rows that are passed over.
    skipped: Skipped,
    count: u64,
    /// Scratch: what the event of each row is, as in [`EventRoles::code`].
    deeds: Vec<u32>,
    /// Scratch: the rows to keep.
    kept: Vec<u32>,
    /// Scratch: those of them that are on a flyer.
    placed: Vec<u32>,
}

impl<'a> EventScan<'a> {
    /// A scan of events.
    pub(crate) fn new(
        (spec, choice): (&ReadSpec<'a>, EventChoice<'a>),
        policy: &'a BadRowPolicy<'a>,
        context: &'a RunContext,
        types: IdTypes,
    ) -> EventScan<'a> {
        let column = |name, kind, presence| TableColumn {
            name: spec.column(Source::Events, name),
            kind,
            presence,
        };
        let columns = vec![
            column("timestamp", ColumnType::Time, Presence::Required),
            column(
                "user_id",
                ColumnType::of_ids(types.user),
                Presence::Nullable,
            ),
            // Read as an id, so that an empty name is null and makes a bad row.
            column("event", ColumnType::TextId, Presence::Required),
            column(
                "flyer_id",
                ColumnType::of_ids(types.flyer),
                Presence::Nullable,
            ),
            column(
                "merchant_id",
                ColumnType::of_ids(types.merchant),
                Presence::Nullable,
            ),
        ];
        EventScan {
            choice,
            zone: spec.zone,
            context,
            types,
            table: TableScan::new(spec, policy, context, columns),
        }
    }

    /// The state of a thread that has read nothing, and may hold what `spill` says.
    pub(crate) fn state(&self, spill: Spill) -> EventState {
        EventState {
            scatter: PartitionWriter::new(Split::new(1, 0)),
            spill,
            table: TableState::default(),
            rows: EventRows {
                users: IdCodes::new(self.types.user),
                flyers: IdCodes::new(self.types.flyer),
                merchants: IdCodes::new(self.types.merchant),
                names: Memo::default(),
                others: Dictionary::texts(),
                opens_count: 0,
                others_count: 0,
                ignored_count: 0,
                skipped: Skipped::default(),
                count: 0,
                deeds: Vec::new(),
                kept: Vec::new(),
                placed: Vec::new(),
            },
        }
    }

    /// Reads one row group, or a share of a text file.
    ///
    /// # Errors
    /// As the policy for bad rows says, if the file cannot be read, or if the memory of
    /// the job is used up.
    pub(crate) fn read(&self, task: &Task, state: &mut EventState) -> Result<()> {
        let EventState {
            scatter,
            spill,
            table,
            rows,
        } = state;
        self.table.read(task, table, &mut |batch| {
            rows.choose(batch, self.choice);
            rows.intern(batch.cells);
            let ids = [&mut rows.users, &mut rows.flyers, &mut rows.merchants];
            let mut more = 0;
            for codes in ids {
                more += codes.ids.reserve_memory(self.context)?;
            }
            more += rows.others.reserve_memory(self.context)?;
            // Ids stay in memory, so fewer events may.
            spill.lower(more);
            self.keep(batch.cells, rows, scatter, spill)
        })
    }

    /// Adds the chosen rows of a batch to the events.
    fn keep(
        &self,
        cells: &[Cells],
        rows: &EventRows,
        scatter: &mut PartitionWriter<RowChunk<FlyerEvent>>,
        spill: &mut Spill,
    ) -> Result<()> {
        let times = cells[TIME].times();
        let mut clock = OffsetClock::new(self.zone);
        // The placed rows are some of the kept ones, in the same order: one pass joins them.
        let mut placed = rows
            .placed
            .iter()
            .zip(&rows.flyers.codes)
            .zip(&rows.merchants.codes);
        let mut next = placed.next();
        for (row, user) in rows.kept.iter().zip(&rows.users.codes) {
            let (mut flyer, mut merchant) = (NOWHERE, NOWHERE);
            if let Some(((at, of_flyer), of_merchant)) = next
                && at == row
            {
                (flyer, merchant) = (*of_flyer, *of_merchant);
                next = placed.next();
            }
            let time = times.at[index(*row)];
            let code = rows.deeds[index(*row)];
            let (deed, name) = (deed_of(code), name_of(code));
            // An offset that is written with the time decides its day, else the zone does.
            let wall = match times.east_us.get(index(*row)) {
                Some(Some(east_us)) => Wall::new(deed, *east_us, false),
                _ => Wall::new(deed, clock.offset_at(time), true),
            };
            let wall = wall.named(name);
            spill.make_room(scatter, 0, self.context)?;
            scatter.open(0).push(FlyerEvent {
                time,
                wall,
                flyer,
                merchant,
                user: *user,
            });
        }
        Ok(())
    }
}

impl EventRows {
    /// Chooses the rows of a batch that are kept, and those of them that are on a flyer; counts those
    /// that lack what they must have.
    fn choose(&mut self, batch: &Batch<'_>, choice: EventChoice<'_>) {
        let EventChoice {
            method,
            roles,
            span,
            shard,
        } = choice;
        let others = &mut self.others;
        let names = |names: &[&[u8]], codes: &mut Vec<u32>| {
            codes.extend(names.iter().map(|name| match (roles.code(name), method) {
                (OTHER, DwellMethod::Session) => OTHER | other_code(others, name) << DEED_BITS,
                (code, _) => code,
            }));
        };
        // Its memory is used for the codes of all rows first.
        let mut of_rows = take(&mut self.placed);
        let texts = batch.cells[EVENT].texts();
        texts.codes(batch.rows, &mut self.names, names, &mut of_rows);
        let rows_max = batch.rows.last().map_or(0, |row| index(*row) + 1);
        // Entries of other rows are old, and never read.
        self.deeds.resize(rows_max.max(self.deeds.len()), 0);
        self.kept.clear();
        let [users, flyers, merchants] = [USER, FLYER, MERCHANT].map(|at| &batch.cells[at]);
        for (row, code) in batch.rows.iter().zip(&of_rows) {
            self.deeds[index(*row)] = *code;
            if let Some((first, last)) = span
                && !(first..=last).contains(&batch.cells[TIME].times().at[index(*row)])
            {
                continue;
            }
            if *code == IGNORED {
                self.ignored_count += 1;
                continue;
            }
            let is_open = is_open(*code);
            self.others_count += u64::from(is_other(*code));
            // Before any null is counted: spans need nothing of other events.
            if !is_open && method == DwellMethod::Span {
                continue;
            }
            self.opens_count += u64::from(is_open);
            if users.is_null(*row) {
                self.skipped.users += 1;
            } else if is_open && flyers.is_null(*row) {
                self.skipped.flyers += 1;
            } else if is_open && merchants.is_null(*row) {
                self.skipped.merchants += 1;
            } else if shard.is_none_or(|shard| shard.has(users.hash_of_id(*row))) {
                self.kept.push(*row);
            }
        }
        self.count += count64(self.kept.len());
        of_rows.clear();
        // Other events of sessions may have no flyer: they only end the time before them.
        let is_placed = |row: &&u32| !flyers.is_null(**row) && !merchants.is_null(**row);
        of_rows.extend(self.kept.iter().filter(is_placed));
        self.placed = of_rows;
    }

    /// Gives codes to the ids of the chosen rows.
    fn intern(&mut self, cells: &[Cells]) {
        self.users.intern(&cells[USER], &self.kept);
        self.flyers.intern(&cells[FLYER], &self.placed);
        self.merchants.intern(&cells[MERCHANT], &self.placed);
    }
}
