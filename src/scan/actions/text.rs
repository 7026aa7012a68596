//! Actions in text: piece by piece, by all threads that share the file.
//!
//! **In / Out**: pieces of CSV or NDJSON, or a JSON array → events in the thread's `Scatter`.
//! **Invariants**: a record is first read as what nearly all are, without a word for what might
//! be wrong; one that is anything else is read again by what words every fault. Faults, counts
//! and rejected rows are put together in the order of pieces, so none depends on threads.

use super::{ActionNames, ActionScan, ActionState, Origin, Raw};
use crate::calendar::WallClock;
use crate::control::TICK_ROWS;
use crate::error::{Error, ErrorKind, Result};
use crate::ids::Item;
use crate::job::{DT, Format, Job, SideType};
use crate::scan::Task;
use crate::scan::faults::{Policy, RowAt};
use crate::scan::fields::{Clock, Field, Mismatch, Value};
use crate::scan::files::is_of_no_day;
use crate::scan::input::InputFile;
use crate::scan::shared::PieceEnd;
use crate::scan::sides::{as_key, key_of_field};
use crate::scan::text::{Record, Seen, Stop, TextColumn, Wanted, open, records};
use crate::scan::times::{When, Written};
use crate::sides::SideKeys;

/// A source of actions in text: what is wanted of it, and how it is read.
struct TextSource<'a> {
    /// The file.
    file: &'a InputFile,
    /// What its columns are called.
    names: ActionNames<'a>,
    /// How its times are read.
    clock: Clock<'a>,
    /// The columns to look for: customer, item, time, what stands in for it, then others.
    columns: Vec<TextColumn<'a>>,
    /// Of these, the one of availability.
    available_at: Option<usize>,
    /// The one of types.
    types_at: Option<usize>,
    /// Those that rows are chosen by.
    only_at: Vec<usize>,
    /// Those that are told of actions, and what they hold.
    told_at: Vec<(usize, SideType)>,
}

impl<'a> TextSource<'a> {
    /// The source that a file is of.
    fn new(job: &'a Job, names: ActionNames<'a>, file: &'a InputFile) -> TextSource<'a> {
        let column = TextColumn::new;
        let mut columns = vec![
            column(names.customer, true),
            column(names.item, true),
            TextColumn {
                name: names.time,
                required: true,
                instead: names.time_else,
            },
        ];
        columns.extend(names.time_else.map(|name| column(name, false)));
        // A column that is wanted twice is looked for once.
        let mut place = |name| {
            let same = columns.iter().position(|of| of.name == name);
            same.unwrap_or_else(|| {
                columns.push(column(name, true));
                columns.len() - 1
            })
        };
        let available_at = names.available.map(&mut place);
        let is_null = names.available == Some(DT) && is_of_no_day(&file.path);
        let types_at = names.types_column().map(&mut place);
        let only = names.only.iter().map(|(name, _)| name.as_str());
        let only_at = only.map(&mut place).collect();
        let told_at = names.told().map(|(of, name, is_named)| {
            let same = columns.iter().position(|column| column.name == name);
            let at = same.unwrap_or(columns.len());
            if same.is_none() {
                columns.push(column(name, is_named));
            }
            (at, of.holds())
        });
        let told_at = told_at.collect();
        // Rows of no day need no column that says so.
        if let Some(at) = available_at.filter(|at| is_null && columns[*at].name != names.time) {
            columns[at].required = false;
        }
        TextSource {
            file,
            names,
            clock: Clock::of(job),
            columns,
            available_at,
            types_at,
            only_at,
            told_at,
        }
    }

    /// Whether a record counts.
    #[inline]
    fn takes(&self, fields: &[Field<'_>]) -> bool {
        self.names.takes(|at| fields[self.only_at[at]].word())
    }

    /// What a record is; `None` if it is to be left out.
    #[inline]
    fn origin_of(&self, fields: &[Field<'_>]) -> Value<Option<Origin>> {
        let field = self.types_at.map(|at| &fields[at]);
        let word = field.and_then(Field::word);
        self.names
            .origin_of(word, || field.map_or_else(String::new, Field::shown))
    }

    /// What is told of a record; nothing if some of it cannot be told.
    #[inline]
    fn as_keys(&self, fields: &[Field<'_>]) -> Option<SideKeys> {
        let mut keys = SideKeys::default();
        for (key, (at, kind)) in keys.iter_mut().zip(&self.told_at) {
            *key = as_key(&fields[*at], *kind)?;
        }
        Some(keys)
    }

    /// What is told of a record, or the column at fault.
    fn keys(&self, fields: &[Field<'_>]) -> std::result::Result<SideKeys, (&'a str, Mismatch)> {
        let mut keys = SideKeys::default();
        for (key, (at, kind)) in keys.iter_mut().zip(&self.told_at) {
            let found = key_of_field(&fields[*at], *kind);
            *key = found.map_err(|error| (self.columns[*at].name, error))?;
        }
        Ok(keys)
    }

    /// The field of the time, and its column: the first that is not null.
    fn time_of<'r, 't>(&self, fields: &'r [Field<'t>]) -> (&'r Field<'t>, &str) {
        match self.names.time_else {
            Some(other) if fields[2].is_blank() && fields[3] != Field::Missing => {
                (&fields[3], other)
            }
            _ => (&fields[2], self.names.time),
        }
    }
}

impl<I: Item> ActionScan<'_, I> {
    /// Reads a share of a text file.
    pub(super) fn read_text(
        &self,
        file: &InputFile,
        task: &Task,
        state: &mut ActionState<I>,
    ) -> Result<()> {
        let source = TextSource::new(self.job, self.names_of(file), file);
        let columns = &source.columns;
        if task.opened.format() == Format::Json {
            let rows = self.read_whole(&source, task, state)?;
            state.tallies[source.names.slot].rows += rows;
            self.control.count_read(rows % TICK_ROWS, task.steps);
            return Ok(());
        }
        let (format, piece_bytes) = (task.opened.text_format(), self.job.text_piece_bytes);
        let open = || open(file, format, columns, piece_bytes);
        let mut piece = std::mem::take(&mut state.piece);
        while let Some((at, layout)) = task.shared.take(file, &mut piece, open)? {
            let wanted = Wanted {
                columns,
                layout: &layout,
            };
            let mut seen = Seen::default();
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
            self.control
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
        let mut before = Seen::default();
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
        let policy = Policy::of(self.job);
        let again = ActionScan::new(self.job, &policy, self.control, self.probes, self.split);
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
        let (format, piece_bytes) = (task.opened.text_format(), self.job.text_piece_bytes);
        let mut read = self.reader(source, state);
        records(source.file, format, &source.columns, piece_bytes, &mut read)
    }

    /// What is done with each record.
    fn reader<'s>(
        &'s self,
        source: &'s TextSource<'s>,
        state: &'s mut ActionState<I>,
    ) -> impl FnMut(Record<'_>) -> Result<()> + 's {
        let mut clock = WallClock::of(source.clock.zone);
        move |record| {
            self.control.tick(record.row)?;
            if let Ok(fields) = &record.fields {
                for (seen, (at, _)) in state.told.iter_mut().zip(&source.told_at) {
                    *seen |= fields[*at] != Field::Missing;
                }
            }
            match record.fields {
                Ok(fields) if self.read_plain_record(source, fields, &mut clock, state)? => Ok(()),
                _ => self.read_record(source, record, state),
            }
        }
    }

    /// Keeps or drops a record in which nothing is wrong, or says that it is another.
    #[inline]
    fn read_plain_record(
        &self,
        source: &TextSource<'_>,
        fields: &[Field<'_>],
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
        let written = source.time_of(fields).0.as_written(&source.clock);
        let (Some(item), Some(written), None) = (item, written, source.names.available) else {
            return Ok(false);
        };
        let Some(keys) = source.as_keys(fields) else {
            return Ok(false);
        };
        let when = match written {
            Written::Wall(wall_us) => {
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
        record: Record<'_>,
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
            None => fields[1].item(self.job.item_type),
            Some(items) => items.judge(fields[1].item_text(), || fields[1].shown()),
        };
        let raw = Raw {
            key,
            origin: source.origin_of(fields),
            time: time.time(clock),
            time_at,
            item,
            available: available.map(|field| names.known_by_field(field, clock)),
            told: source.keys(fields),
        };
        self.offer(at, names, raw, record.text, state)
    }
}
