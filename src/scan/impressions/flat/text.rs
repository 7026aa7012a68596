//! Rows of one item in text.

use super::{EXPECTED_PLACE, FileShape, FlatNames, unexpected};
use crate::error::{Error, Result};
use crate::ids::Item;
use crate::job::{Cutoff, Passthrough};
use crate::kernel::column::Label;
use crate::kernel::passthrough::PassthroughValue;
use crate::scan::Task;
use crate::scan::bad_rows::RowAt;
use crate::scan::impressions::seen::are_there;
use crate::scan::impressions::{ImpressionScan, ImpressionState, RawImpression, dt_of};
use crate::scan::item_ids::ItemDictionary;
use crate::scan::mismatch::{Mismatch, Value};
use crate::scan::table::passthrough::of_field;
use crate::scan::table::pieces::SharedText;
use crate::scan::text::columns::WantedColumn;
use crate::scan::text::field::{Clock, Field};
use crate::scan::text::impression_items::ImpressionItems;
use crate::scan::text::record::COLUMNS_MAX;

/// The columns to look for, and where each is among them.
struct FlatColumns<'a> {
    wanted: Vec<WantedColumn<'a>>,
    customer: usize,
    item: usize,
    time: usize,
    ranking: usize,
    dt: usize,
    position: usize,
    label: Option<usize>,
    /// What is read where the time is absent or null.
    time_else: Option<usize>,
    /// The columns that choose rows.
    only: Vec<usize>,
    /// Passthrough columns of impressions, then those of items.
    keep: Vec<usize>,
}

impl<'a> FlatColumns<'a> {
    /// The place of a column, which is looked for once.
    fn place(wanted: &mut Vec<WantedColumn<'a>>, name: &'a str, required: bool) -> usize {
        let place = wanted.iter().position(|column| column.name == name);
        let at = place.unwrap_or(wanted.len());
        match place {
            Some(at) => wanted[at].required |= required,
            None => wanted.push(WantedColumn::new(name, required)),
        }
        at
    }

    /// Whether a record counts.
    fn takes(&self, names: &FlatNames<'_>, fields: &[Field<'_>]) -> bool {
        let mut only = names.only.iter().zip(&self.only);
        only.all(|((_, words), at)| {
            let word = fields[*at].word();
            word.is_some_and(|word| words.iter().any(|known| known == word))
        })
    }

    /// The time of a record: the first that is not null.
    fn time_of<'r, 't>(&self, fields: &'r [Field<'t>]) -> &'r Field<'t> {
        match self.time_else {
            // If the file lacks the other column, a null is a fault of the first.
            Some(other) if fields[self.time].is_blank() && fields[other] != Field::Missing => {
                &fields[other]
            }
            _ => &fields[self.time],
        }
    }
}

impl<'a> ImpressionScan<'a> {
    /// The columns of a file.
    fn flat_columns(&self, has_day: bool, shape: FileShape) -> Result<FlatColumns<'_>> {
        let (names, flat) = (self.names, &self.flat);
        let by_time = self.spec.cutoff == Cutoff::Time;
        let mut wanted = Vec::new();
        let mut place = |name, required| FlatColumns::place(&mut wanted, name, required);
        // In the order in which missing ones are reported.
        let customer = place(names.customer, true);
        let ranking = place(names.ranking, shape.has_ranking);
        let item = place(flat.item, true);
        let dt = place(names.dt, !has_day && !by_time);
        let time = place(names.time, by_time);
        let time_else = flat.time_else.map(|name| place(name, false));
        let only = flat
            .only
            .iter()
            .map(|(name, _)| place(name, true))
            .collect();
        let position = place(flat.position, shape.has_position);
        let label = flat.label.map(|name| place(name, flat.needs_label));
        let keep = self.keep.iter().chain(&self.elements.keep);
        let keep = keep.map(|keep| place(&keep.name, false)).collect();
        wanted[time].instead = flat.time_else;
        if wanted.len() > COLUMNS_MAX {
            let what = format!(
                "{} columns of rows of impressions are read; there may be {COLUMNS_MAX}: shorten --keep",
                wanted.len()
            );
            return Err(Error::settings(what));
        }
        Ok(FlatColumns {
            wanted,
            customer,
            item,
            time,
            ranking,
            dt,
            position,
            label,
            time_else,
            only,
            keep,
        })
    }

    /// Reads a text file.
    pub(super) fn read_flat_text<I: Item>(
        &self,
        task: &Task,
        shape: FileShape,
        state: &mut ImpressionState<I>,
        texts: &mut Option<ItemDictionary>,
    ) -> Result<()> {
        let file = task.opened.file();
        let columns = self.flat_columns(file.day.is_some(), shape)?;
        let text = SharedText::new(&self.spec, file, task, &columns.wanted);
        text.read_whole(self.context, &mut |record| {
            self.context.tick(record.row)?;
            let at = RowAt::whole(file, record.row);
            let fields = match record.fields {
                Ok(fields) => fields,
                Err(mismatch) => {
                    let rejected = &mut state.rejected;
                    return self.policy.reject(at, mismatch, record.text, rejected);
                }
            };
            let (of_rows, of_items) = columns.keep.split_at(self.keep.len());
            let (of_rows, of_items) = (of_rows.iter().copied(), of_items.iter().copied());
            state.seen.note_keep(are_there(fields, of_rows));
            state.seen.note_item_keep(are_there(fields, of_items));
            if !columns.takes(&self.flat, fields) {
                return Ok(());
            }
            self.read_flat_record(at, &columns, shape, fields, record.text, state, texts)
        })?;
        Ok(())
    }

    /// Reads a record.
    fn read_flat_record<I: Item>(
        &self,
        at: RowAt<'_>,
        columns: &FlatColumns<'_>,
        shape: FileShape,
        fields: &[Field<'_>],
        text: &dyn Fn() -> String,
        state: &mut ImpressionState<I>,
        texts: &mut Option<ItemDictionary>,
    ) -> Result<()> {
        let clock = Clock::new(&self.spec);
        let (dt, time) = (&fields[columns.dt], columns.time_of(fields));
        let are_actions = self.flat.are_actions;
        let (ranking, position) = if are_actions {
            (Ok(None), Ok(None))
        } else {
            (
                ranking_of(&fields[columns.ranking], shape.has_ranking),
                place_of(&fields[columns.position], shape.has_position),
            )
        };
        let kept_of = |at: usize, keep: &Passthrough| {
            of_field(&fields[columns.keep[at]], keep.holds(), &clock)
        };
        let is_unnamed = ranking == Ok(None);
        let mut items = |into: &mut ImpressionItems<I>,
                         kept: &mut [Vec<PassthroughValue>],
                         contents: &mut String| {
            let field = &fields[columns.item];
            let item = match texts {
                None => field.item::<I>(self.spec.item_type),
                Some(texts) => texts.judge(field.item_text(), || field.shown()),
            };
            let label = columns
                .label
                .map_or(Ok(Label::Null), |at| fields[at].label());
            for (at, (values, keep)) in kept.iter_mut().zip(&self.elements.keep).enumerate() {
                let value = kept_of(self.keep.len() + at, keep);
                values.push(value.map_err(|error| (keep.name.as_str(), error))?);
            }
            self.take_item((item, label), is_unnamed, (into, contents), texts.as_ref())
        };
        let mut kept = |into: &mut Vec<PassthroughValue>| {
            for (at, keep) in self.keep.iter().enumerate() {
                let value = kept_of(at, keep);
                into.push(value.map_err(|error| (keep.name.as_str(), error))?);
            }
            Ok(())
        };
        let mut raw = RawImpression {
            dt: if are_actions {
                Ok(None)
            } else {
                dt_of(dt, &clock)
            },
            // By day, the column is not read, and may hold anything.
            time: match self.spec.cutoff {
                Cutoff::Time => time.written(&clock),
                Cutoff::Day => Ok(None),
            },
            customer: fields[columns.customer].customer(self.customers),
            ranking,
            position,
            is_item: true,
            items: &mut items,
            kept: &mut kept,
        };
        let day = if are_actions { "" } else { dt.raw() };
        self.note(at, &raw, [day, time.raw()], state);
        self.offer(at, &mut raw, text, state)
    }
}

/// The ranking id of a row; `None` if the file has no such column.
pub(in crate::scan::impressions) fn ranking_of<'f>(
    field: &'f Field<'_>,
    has_ranking: bool,
) -> Value<Option<&'f str>> {
    match (has_ranking, field) {
        (true, field) => field.ranking().map(Some),
        (false, Field::Missing) => Ok(None),
        (false, field) => Err(unexpected(field.shown())),
    }
}

/// The place of a row in its ranking; `None` if the file has no such column.
fn place_of(field: &Field<'_>, has_position: bool) -> Value<Option<i64>> {
    match (has_position, field) {
        (false, Field::Missing) => Ok(None),
        (false, field) => Err(unexpected(field.shown())),
        (true, field) => match field.int() {
            Some(place) => Ok(Some(place)),
            None => Err(Mismatch::new(EXPECTED_PLACE, field.shown())),
        },
    }
}
