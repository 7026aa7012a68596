//! Rows of one item in files of columns.

use super::{EXPECTED_PLACE, FileShape};
use crate::error::Result;
use crate::ids::{Day, Item};
use crate::job::{Cutoff, Passthrough};
use crate::kernel::column::Label;
use crate::kernel::passthrough::PassthroughValue;
use crate::scan::GroupRows;
use crate::scan::impressions::{ImpressionScan, ImpressionState, RawImpression, dt_of};
use crate::scan::item_ids::ItemDictionary;
use crate::scan::mismatch::{Mismatch, Value};
use crate::scan::parquet::ParquetFile;
use crate::scan::table::arrow::IdColumn;
use crate::scan::table::arrow_times::TimeColumn;
use crate::scan::table::arrow_words::WordColumn;
use crate::scan::table::declared::{DeclaredColumn, Holds, check_columns};
use crate::scan::table::passthrough::PassthroughArray;
use crate::scan::table::row_group::{ArrowBatch, Projection, read_row_group};
use crate::scan::text::field::{Clock, Field};
use crate::scan::text::impression_items::ImpressionItems;
use crate::scan::text::times::WrittenTime;
use crate::scan::values::label::LabelColumn;

/// The columns of a batch.
struct FlatArrays<'s> {
    customers: IdColumn,
    rankings: Option<IdColumn>,
    items: IdColumn,
    labels: Option<LabelColumn>,
    positions: Option<IdColumn>,
    days: Option<TimeColumn>,
    times: Option<TimeColumn>,
    /// What is read where the time is absent or null.
    times_else: Option<TimeColumn>,
    /// The columns that choose rows, with the values of those that count.
    only: Vec<(WordColumn, &'s [String])>,
    /// Passthrough columns of impressions.
    keep: Vec<(&'s Passthrough, PassthroughArray)>,
    /// Those of items.
    item_keep: Vec<(&'s Passthrough, PassthroughArray)>,
}

impl<'a> ImpressionScan<'a> {
    /// Reads a row group.
    pub(super) fn read_flat_parquet<I: Item>(
        &self,
        file: &ParquetFile,
        rows: GroupRows,
        shape: FileShape,
        state: &mut ImpressionState<I>,
        texts: &mut Option<ItemDictionary>,
    ) -> Result<()> {
        let declared = self.flat_declared(file, shape);
        check_columns(&self.spec, file, declared.iter().copied())?;
        self.note_columns(file, true, &mut state.seen);
        let columns = Projection {
            flat: declared.iter().map(|column| column.name).collect(),
            ..Projection::default()
        };
        read_row_group(file, rows, &columns, self.context, &mut |batch| {
            self.read_flat_batch(batch, shape, state, texts)
        })
    }

    /// The columns that a file should have.
    pub(super) fn flat_declared(
        &self,
        file: &ParquetFile,
        shape: FileShape,
    ) -> Vec<DeclaredColumn<'_>> {
        let (names, flat) = (self.names, &self.flat);
        let by_time = self.spec.cutoff == Cutoff::Time;
        let (required, optional) = (DeclaredColumn::required, DeclaredColumn::optional);
        let mut columns = Vec::new();
        if shape.has_ranking {
            columns.push(required(names.ranking, Holds::Ranking));
        }
        columns.push(required(names.customer, Holds::Customer(self.customers)));
        columns.push(required(flat.item, Holds::Item));
        // Where the folder tells the day, the column may hold anything.
        if file.file.day.is_none() && !flat.are_actions {
            columns.push(if by_time {
                optional(names.dt, Holds::Time)
            } else {
                required(names.dt, Holds::Time)
            });
        }
        if by_time {
            // The other one is required where the file lacks this one.
            let other = flat.time_else.filter(|name| file.column(name).is_some());
            columns.push(if other.is_some() {
                optional(names.time, Holds::Time)
            } else {
                required(names.time, Holds::Time)
            });
            columns.extend(other.map(|name| required(name, Holds::Time)));
        }
        let only = flat.only.iter();
        columns.extend(only.map(|(name, _)| required(name, Holds::Word)));
        if shape.has_position {
            columns.push(required(flat.position, Holds::Place));
        }
        if let Some(name) = flat.label {
            columns.push(if flat.needs_label {
                required(name, Holds::Label)
            } else {
                optional(name, Holds::Label)
            });
        }
        let keep = self.impressions.keep.iter();
        columns.extend(keep.map(|keep| required(&keep.name, Holds::Passthrough(keep))));
        columns
    }

    /// The columns of a batch.
    fn flat_arrays(&self, batch: ArrowBatch<'_>, shape: FileShape) -> FlatArrays<'_> {
        let (names, flat, unit) = (self.names, &self.flat, Clock::new(&self.spec).unit);
        let kept = |keep: &'a Passthrough| {
            let array = batch.column(&keep.name);
            (keep, PassthroughArray::new(array, keep.holds()))
        };
        let ids = |has: bool, name| has.then(|| batch.ids(name));
        let labels = flat.label.and_then(|name| batch.column(name));
        // A column that is read as something else may have the name of the day.
        let has_dt = batch.file.file.day.is_none() && !flat.are_actions;
        let times_else = flat.time_else.and_then(|name| batch.times(name, unit));
        let only = flat.only.iter();
        let by_time = self.spec.cutoff == Cutoff::Time;
        FlatArrays {
            customers: batch.ids(names.customer),
            rankings: ids(shape.has_ranking, names.ranking),
            items: batch.ids(flat.item),
            labels: labels.map(LabelColumn::new),
            positions: ids(shape.has_position, flat.position),
            days: has_dt.then(|| batch.times(names.dt, unit)).flatten(),
            times: by_time.then(|| batch.times(names.time, unit)).flatten(),
            times_else,
            only: only
                .map(|(name, words)| (batch.words(name), &words[..]))
                .collect(),
            keep: self.keep.iter().map(|keep| kept(keep)).collect(),
            item_keep: self.elements.keep.iter().map(|keep| kept(keep)).collect(),
        }
    }

    /// Reads the rows of a batch.
    fn read_flat_batch<I: Item>(
        &self,
        batch: ArrowBatch<'_>,
        shape: FileShape,
        state: &mut ImpressionState<I>,
        texts: &mut Option<ItemDictionary>,
    ) -> Result<()> {
        let clock = Clock::new(&self.spec);
        let arrays = self.flat_arrays(batch, shape);
        // Three, because these texts are borrowed at the same time.
        let [mut decimal, mut ranking_text, mut item_text] = [const { String::new() }; 3];
        for row in 0..batch.rows_count() {
            if !arrays.takes(row) {
                continue;
            }
            let at = batch.place(row);
            let mut items = |into: &mut ImpressionItems<I>,
                             kept: &mut [Vec<PassthroughValue>],
                             contents: &mut String| {
                let item = match texts {
                    None => arrays.items.item(row, self.spec.item_type),
                    Some(texts) => {
                        let text = arrays.items.item_text(row, &mut item_text);
                        texts.judge(text, || arrays.items.shown(row))
                    }
                };
                for (values, (keep, array)) in kept.iter_mut().zip(&arrays.item_keep) {
                    let value = array.get(row, &clock);
                    values.push(value.map_err(|error| (keep.name.as_str(), error))?);
                }
                let label = arrays.label(row);
                self.take_item(
                    (item, label),
                    !shape.has_ranking,
                    (into, contents),
                    texts.as_ref(),
                )
            };
            let mut kept = |into: &mut Vec<PassthroughValue>| {
                for (keep, array) in &arrays.keep {
                    let value = array.get(row, &clock);
                    into.push(value.map_err(|error| (keep.name.as_str(), error))?);
                }
                Ok(())
            };
            let rankings = arrays.rankings.as_ref();
            let ranking = rankings.map(|ids| ids.ranking(row, &mut ranking_text));
            let mut raw = RawImpression {
                dt: arrays.day(row, &clock),
                time: arrays.time(row, &clock),
                customer: arrays.customers.customer(row, self.customers, &mut decimal),
                ranking: ranking.transpose(),
                position: arrays.place(row),
                is_item: true,
                items: &mut items,
                kept: &mut kept,
            };
            let texts = [arrays.days.as_ref(), arrays.times_at(row, &clock)];
            let texts = texts.map(|column| column.and_then(|column| column.text(row)));
            self.note(at, &raw, texts.map(Option::unwrap_or_default), state);
            self.offer(at, &mut raw, &|| batch.text_of(row), state)?;
        }
        Ok(())
    }
}

impl FlatArrays<'_> {
    /// Whether a row counts.
    fn takes(&self, row: usize) -> bool {
        let mut only = self.only.iter();
        only.all(|(column, words)| {
            let word = column.word(row);
            word.is_some_and(|word| words.iter().any(|known| known == word))
        })
    }

    /// The column of the time of a row: the first that is not null.
    fn times_at(&self, row: usize, clock: &Clock<'_>) -> Option<&TimeColumn> {
        let first = self.times.as_ref();
        let Some(other) = &self.times_else else {
            return first;
        };
        let is_there = |times: &&TimeColumn| times.written(row, clock) != Ok(None);
        first.filter(is_there).or(Some(other))
    }

    /// The time of a row.
    fn time(&self, row: usize, clock: &Clock<'_>) -> Value<Option<WrittenTime>> {
        match self.times_at(row, clock) {
            None => Ok(None),
            Some(times) => times.written(row, clock),
        }
    }

    /// The label of a row; null if the file has none.
    fn label(&self, row: usize) -> Value<Label> {
        let labels = self.labels.as_ref();
        labels.map_or(Ok(Label::Null), |labels| labels.label(row))
    }

    /// The day of a row.
    fn day(&self, row: usize, clock: &Clock<'_>) -> Value<Option<Day>> {
        let Some(days) = &self.days else {
            return Ok(None);
        };
        match days.text(row) {
            // A day in text may be written like a folder, `dt=2025-08-15`.
            Some(text) => dt_of(&Field::Csv(text), clock),
            None => Ok(days.written(row, clock)?.map(|day| day.day(clock.days))),
        }
    }

    /// The place of a row in its ranking; `None` if the file has none.
    fn place(&self, row: usize) -> Value<Option<i64>> {
        let Some(places) = &self.positions else {
            return Ok(None);
        };
        let place = (!places.is_null(row)).then(|| places.int(row)).flatten();
        match place {
            Some(place) => Ok(Some(place)),
            None => Err(Mismatch::new(EXPECTED_PLACE, places.shown(row))),
        }
    }
}
