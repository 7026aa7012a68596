//! Actions in text: piece by piece, by all threads that share the file.
//!
//! **In / Out**: pieces of CSV or NDJSON, or a JSON array → events in the thread's `PartitionWriter`.
//! **Invariants**: a record is first read as nearly all are, with no null and no fault; any other is read
//! again by the slow path, which words every fault. [`SharedText`] puts faults, counts and rejected rows
//! together.

use super::source::TextSource;
use super::{ActionScan, ActionState, Origin, RawAction};
use crate::calendar::WallClock;
use crate::catalog::input::InputFile;
use crate::context::TICK_ROWS;
use crate::error::{Error, Result};
use crate::ids::{Item, count64, index};
use crate::job::CustomerType;
use crate::scan::Task;
use crate::scan::bad_rows::{BadRowPolicy, RowAt};
use crate::scan::table::pieces::SharedText;
use crate::scan::text::field::Field;
use crate::scan::text::plain::{Part, PlainRow};
use crate::scan::text::record::TextRecord;
use crate::scan::text::times::{When, WrittenTime};
use crate::scan::whole_column::is_whole_column;

impl<I: Item> ActionScan<'_, I> {
    /// Reads a share of a text file.
    pub(super) fn read_text(
        &self,
        file: &InputFile,
        task: &Task,
        state: &mut ActionState<I>,
    ) -> Result<()> {
        let spec = self.spec_of(file);
        let source = TextSource::new(&spec, self.names_of(file), file);
        let text = SharedText::new(&spec, file, task, &source.columns);
        let slot = source.names.slot;
        if text.is_whole() {
            let rows = text.read_whole(self.context, &mut self.reader(&source, state))?;
            state.tallies[slot].rows += rows;
            return Ok(());
        }
        let mut piece = std::mem::take(&mut state.piece);
        text.read_pieces(self.context, &mut piece, &mut |records, seen| {
            state.kinds.start(&spec, records.at);
            let start = state.rejected.len();
            let read = match self.origin_of_plain(&source) {
                Some(origin) => {
                    records.read_rows(seen, &mut self.part_reader(&source, origin, state))
                }
                None => records.read(seen, &mut self.reader(&source, state)),
            };
            self.context
                // The reader has counted all others, tick by tick.
                .count_read(seen.rows % TICK_ROWS, records.steps());
            (state.rejected.split_off(start), read)
        })?;
        state.piece = piece;
        let mut rejected = std::mem::take(&mut state.rejected);
        let read = text.finish(&mut rejected, |error, _| {
            self.read_again(&source, &text, error, state)
        });
        state.rejected.append(&mut rejected);
        state.tallies[slot].rows += read?;
        Ok(())
    }

    /// The fault of a file in which a column was not found before too many rows were rejected: if the
    /// records that follow have it, it is these rows, otherwise the column. What this adds to the
    /// state is of a run that has failed.
    fn read_again(
        &self,
        source: &TextSource<'_>,
        text: &SharedText<'_>,
        error: Error,
        state: &mut ActionState<I>,
    ) -> Error {
        // A policy of its own: that of the run has passed its limit, and would fail at the first
        // bad row.
        let policy = BadRowPolicy::new(&self.spec, is_whole_column);
        let again = ActionScan::new(&self.spec, &policy, self.context, self.probes, self.split);
        let read = text.read_uncounted(&mut again.reader(source, state));
        read.err().unwrap_or(error)
    }

    /// What is done with each record.
    fn reader<'s>(
        &'s self,
        source: &'s TextSource<'s>,
        state: &'s mut ActionState<I>,
    ) -> impl FnMut(TextRecord<'_>) -> Result<()> + 's {
        let mut clock = WallClock::new(source.clock.zone);
        move |record| self.read_any_record(source, record, &mut clock, state)
    }

    /// Keeps or drops a record, counts it, or rejects it.
    #[inline]
    fn read_any_record(
        &self,
        source: &TextSource<'_>,
        record: TextRecord<'_>,
        clock: &mut WallClock<'_>,
        state: &mut ActionState<I>,
    ) -> Result<()> {
        self.context.tick(record.row)?;
        if let Ok(fields) = &record.fields {
            for (seen, (at, _)) in state.told.iter_mut().zip(&source.told_at) {
                *seen |= fields[*at] != Field::Missing;
            }
        }
        match record.fields {
            Ok(fields) if self.read_plain_record(source, fields, record.row, clock, state)? => {
                Ok(())
            }
            _ => self.read_record(source, record, state),
        }
    }

    /// What all records of a source are, if a customer, an item and a time are all that there is to them, in the usual
    /// forms.
    fn origin_of_plain(&self, source: &TextSource<'_>) -> Option<Origin> {
        let is_plain = self.customers == CustomerType::Int64
            && self.spec.guest_ids.is_empty()
            && !self.spec.has_item_codes
            && self.told.is_empty()
            && source.names.available.is_none()
            && source.clock.format.is_none();
        source.names.constant().filter(|_| is_plain)
    }

    /// What is done with plain rows, and with each other record.
    fn part_reader<'s>(
        &'s self,
        source: &'s TextSource<'s>,
        origin: Origin,
        state: &'s mut ActionState<I>,
    ) -> impl FnMut(Part<'_, I>) -> Result<()> + 's {
        let mut clock = WallClock::new(source.clock.zone);
        move |part| match part {
            Part::Rows(first, rows) => {
                self.read_plain_rows(source, origin, (first, rows), &mut clock, state)
            }
            Part::Record(record) => self.read_any_record(source, record, &mut clock, state),
        }
    }

    /// Keeps or drops plain rows, of which the first has this number.
    fn read_plain_rows(
        &self,
        source: &TextSource<'_>,
        origin: Origin,
        (first, rows): (u64, &[PlainRow<'_, I>]),
        clock: &mut WallClock<'_>,
        state: &mut ActionState<I>,
    ) -> Result<()> {
        for row in first..first + count64(rows.len()) {
            self.context.tick(row)?;
        }
        let mut wanted = std::mem::take(&mut state.wanted);
        let mut done = std::mem::take(&mut state.done);
        let customers = rows.iter().map(|row| row.customer);
        self.probes.keys.find_all(customers, &mut wanted);
        // For all rows first: a branch on each look-up would wait for memory each time.
        self.enough.find_done(&wanted, &mut done);
        let names = &source.names;
        let is_noted = Some(names.time) != source.days;
        for ((place, key), is_done) in wanted.iter().zip(&done) {
            let row = &rows[index(*place)];
            if is_noted {
                let at = source.place(first + u64::from(*place), names.time);
                state.kinds.note(row.written, row.time, at);
            }
            // Asked last, as in `offer`.
            if !is_done {
                let at = match row.written {
                    WrittenTime::Wall(wall_us) => clock.instant_of(wall_us),
                    other => source.clock.resolve(other).at,
                };
                self.offer_plain(origin, *key, at, row.item, &names.landing, state)?;
            }
        }
        (state.wanted, state.done) = (wanted, done);
        Ok(())
    }

    /// Keeps or drops a record in which nothing is wrong, or says that it is another.
    #[inline]
    fn read_plain_record(
        &self,
        source: &TextSource<'_>,
        fields: &[Field<'_>],
        row: u64,
        clock: &mut WallClock<'_>,
        state: &mut ActionState<I>,
    ) -> Result<bool> {
        // Nothing is counted before false is returned: the slow path counts the record itself.
        let slot = source.names.slot;
        if !source.takes(fields) {
            state.tallies[slot].filtered += 1;
            return Ok(true);
        }
        let Some(customer) = fields[0].as_customer(self.customers) else {
            return Ok(false);
        };
        let Some(key) = self.known_key(slot, customer, state) else {
            return Ok(true);
        };
        let origin = match source.origin_of(fields) {
            Ok(Some(origin)) => origin,
            Ok(None) => {
                state.tallies[slot].without_code += 1;
                return Ok(true);
            }
            Err(_) => return Ok(false),
        };
        let item = match &mut state.items {
            None => fields[1].as_item::<I>(),
            Some(items) => fields[1].item_text().and_then(|text| items.number(text)),
        };
        let (time, time_at) = source.time_of(fields);
        let written = time.as_written(&source.clock);
        // Nulls, faults and every column of availability take the slow path.
        let (Some(item), Some(written), None) = (item, written, source.names.available) else {
            return Ok(false);
        };
        let Some(keys) = source.as_keys(fields) else {
            return Ok(false);
        };
        if Some(time_at) != source.days {
            let place = source.place(row, time_at);
            state.kinds.note(written, time.raw(), place);
        }
        let when = match written {
            WrittenTime::Wall(wall_us) => {
                let at = clock.instant_of(wall_us);
                When {
                    at,
                    known_after: at,
                }
            }
            other => source.clock.resolve(other),
        };
        // Asked last, as in `offer`.
        if !self.enough.is_done(key)
            && let Some(event) =
                self.event(origin, key, when, item, source.names.landing.known_after)
        {
            self.keep_telling(key, event, &keys, &source.names.landing, state)?;
        }
        Ok(true)
    }

    /// Judges a record and keeps it, drops it, counts it, or rejects it.
    #[cold]
    fn read_record(
        &self,
        source: &TextSource<'_>,
        record: TextRecord<'_>,
        state: &mut ActionState<I>,
    ) -> Result<()> {
        let (names, clock) = (&source.names, &source.clock);
        let at = RowAt::whole(source.file, record.row);
        let fields = match record.fields {
            Ok(fields) => fields,
            Err(error) => {
                let rejected = &mut state.rejected;
                return self.policy.reject(at, error, record.text, rejected);
            }
        };
        if !source.takes(fields) {
            state.tallies[names.slot].filtered += 1;
            return Ok(());
        }
        let customer = fields[0].customer(self.customers);
        let Some(key) = self.key_of(at, names, customer, record.text, state)? else {
            return Ok(());
        };
        let (time, time_at) = source.time_of(fields);
        let available = source.available_at.map(|at| &fields[at]);
        let item = match &mut state.items {
            None => fields[1].item(self.spec.item_type),
            Some(items) => items.judge(fields[1].item_text(), || fields[1].shown()),
        };
        let origin = source.origin_of(fields);
        if origin != Ok(None) {
            source.note(fields, record.row, &mut state.kinds);
        }
        let raw = RawAction {
            key,
            origin,
            time: time.time(clock),
            time_at,
            item,
            available: available.map(|field| names.known_by_field(field, clock)),
            told: source.keys(fields),
        };
        self.offer(at, names, raw, record.text, state)
    }
}
