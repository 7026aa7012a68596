//! Actions in text: piece by piece, by all threads that share the file.
//!
//! **In / Out**: pieces of CSV or NDJSON, or a JSON array → events in the thread's `PartitionWriter`.
//! **Invariants**: a record is first read as what nearly all are, without a word for what might
//! be wrong; one that is anything else is read again by what words every fault. Faults, counts
//! and rejected rows are put together in the order of pieces, so none depends on threads.

use super::source::TextSource;
use super::{ActionScan, ActionState, Raw};
use crate::calendar::WallClock;
use crate::catalog::input::InputFile;
use crate::context::TICK_ROWS;
use crate::error::{Error, ErrorKind, Result};
use crate::ids::Item;
use crate::job::Format;
use crate::scan::Task;
use crate::scan::bad_rows::{BadRowPolicy, RowAt};
use crate::scan::text::field::Field;
use crate::scan::text::record::{ColumnsSeen, Stop, TextRecord};
use crate::scan::text::records::{RecordReader, open, records};
use crate::scan::text::shared_file::PieceEnd;
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
        let source = TextSource::new(&self.spec, self.names_of(file), file);
        let columns = &source.columns;
        if task.opened.format() == Format::Json {
            let rows = self.read_whole(&source, task, state)?;
            state.tallies[source.names.slot].rows += rows;
            self.context.count_read(rows % TICK_ROWS, task.steps);
            return Ok(());
        }
        let (format, piece_bytes) = (task.opened.text_format(), self.spec.text_piece_bytes);
        let open = || open(file, format, columns, piece_bytes);
        let mut piece = std::mem::take(&mut state.piece);
        while let Some((at, layout)) = task.shared.take(file, &mut piece, open)? {
            let wanted = RecordReader {
                columns,
                layout: &layout,
            };
            state.kinds.start(&self.spec, at);
            let mut seen = ColumnsSeen::default();
            let rejected = std::mem::take(&mut state.rejected);
            let mut read = self.reader(&source, state);
            let stop = wanted.read(format.0, &piece, &mut seen, &mut read).err();
            drop(read);
            let end = PieceEnd {
                at,
                rejected: std::mem::replace(&mut state.rejected, rejected),
                stop: seen.failed.take().map(Stop::Error).or(stop),
                seen,
            };
            self.context
                .count_read(end.seen.rows % TICK_ROWS, piece.steps);
            task.shared.put(end);
        }
        state.piece = piece;
        match task.shared.finish() {
            None => Ok(()),
            Some(ends) => self.settle(&source, task, ends, state),
        }
    }

    /// Puts together what came of all pieces of a file.
    fn settle(
        &self,
        source: &TextSource<'_>,
        task: &Task,
        ends: Vec<PieceEnd>,
        state: &mut ActionState<I>,
    ) -> Result<()> {
        let (file, columns) = (source.file, &source.columns);
        let mut before = ColumnsSeen::default();
        for end in ends {
            for mut row in end.rejected {
                row.fault.row += before.rows;
                state.rejected.push(row);
            }
            let rows = before.rows;
            before.add(&end.seen);
            if let Some(stop) = end.stop {
                let error = stop.error(file, rows);
                return Err(match before.missing(columns) {
                    None => error,
                    Some(_) => self.read_again(source, task, error, state),
                });
            }
        }
        state.tallies[source.names.slot].rows += before.finish(file, columns)?;
        Ok(())
    }

    /// The fault of a file in which a column was not found before a row failed: if the records
    /// that follow have it, it is that row, otherwise the column. One thread reads the file from
    /// the start to tell, as it is told for files that are not read in pieces; what it adds to the
    /// state is of a run that has failed.
    fn read_again(
        &self,
        source: &TextSource<'_>,
        task: &Task,
        error: Error,
        state: &mut ActionState<I>,
    ) -> Error {
        let is_row = matches!(
            error.kind(),
            ErrorKind::BadRow(_) | ErrorKind::TooManyBadRows { .. }
        );
        if !is_row {
            return error;
        }
        let policy = BadRowPolicy::new(&self.spec, is_whole_column);
        let again = ActionScan::new(&self.spec, &policy, self.context, self.probes, self.split);
        let read = again.read_whole(source, task, state);
        read.err().unwrap_or(error)
    }

    /// Reads a whole file; gives the number of its records.
    fn read_whole(
        &self,
        source: &TextSource<'_>,
        task: &Task,
        state: &mut ActionState<I>,
    ) -> Result<u64> {
        let (format, piece_bytes) = (task.opened.text_format(), self.spec.text_piece_bytes);
        let mut read = self.reader(source, state);
        records(source.file, format, &source.columns, piece_bytes, &mut read)
    }

    /// What is done with each record.
    fn reader<'s>(
        &'s self,
        source: &'s TextSource<'s>,
        state: &'s mut ActionState<I>,
    ) -> impl FnMut(TextRecord<'_>) -> Result<()> + 's {
        let mut clock = WallClock::new(source.clock.zone);
        move |record| {
            self.context.tick(record.row)?;
            if let Ok(fields) = &record.fields {
                for (seen, (at, _)) in state.told.iter_mut().zip(&source.told_at) {
                    *seen |= fields[*at] != Field::Missing;
                }
            }
            match record.fields {
                Ok(fields)
                    if self.read_plain_record(
                        source,
                        (fields, record.row),
                        &mut clock,
                        state,
                    )? =>
                {
                    Ok(())
                }
                _ => self.read_record(source, record, state),
            }
        }
    }

    /// Keeps or drops a record in which nothing is wrong, or says that it is another.
    #[inline]
    fn read_plain_record(
        &self,
        source: &TextSource<'_>,
        (fields, row): (&[Field<'_>], u64),
        clock: &mut WallClock<'_>,
        state: &mut ActionState<I>,
    ) -> Result<bool> {
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
            other => other.resolve(source.clock.zone),
        };
        if !self.enough.is_done(key)
            && let Some(event) =
                self.event(origin, key, (when, item, source.names.landing.known_after))
        {
            self.keep_telling(key, (event, &keys), &source.names.landing, state)?;
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
        let at = RowAt {
            file: source.file,
            row: record.row,
            column: "",
        };
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
        let raw = Raw {
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
