//! Impressions in text: records and nested JSON, one by one.

use super::flat::ranking_of;
use super::seen::are_there;
use super::shape::FileShape;
use super::shapes::{LabelScratch, RowTarget};
use super::unnamed::write_contents;
use super::{ImpressionScan, ImpressionState, RawImpression};
use crate::advice::{self, Hint};
use crate::calendar::parse_dt;
use crate::error::Result;
use crate::ids::{Day, Item};
use crate::job::{Cutoff, Passthrough};
use crate::kernel::passthrough::PassthroughValue;
use crate::scan::Task;
use crate::scan::bad_rows::RowAt;
use crate::scan::item_ids::ItemDictionary;
use crate::scan::mismatch::{Mismatch, Value};
use crate::scan::missing_column::missing_column;
use crate::scan::table::passthrough::of_field;
use crate::scan::table::pieces::SharedText;
use crate::scan::text::columns::{WantedColumn, place_of};
use crate::scan::text::field::{Clock, Field};
use crate::scan::text::impression_items::{FieldCounts, ImpressionItems};
use crate::scan::text::times::WrittenTime;
use crate::scan::values::time_format;

impl ImpressionScan<'_> {
    /// The columns to look for, and which of them hold passthrough columns.
    fn text_columns(
        &self,
        has_day: bool,
        shape: FileShape,
    ) -> (Vec<WantedColumn<'_>>, Vec<(&Passthrough, usize)>) {
        let (names, shapes, column) = (self.names, self.shapes, WantedColumn::new);
        let by_time = self.spec.cutoff == Cutoff::Time;
        let mut columns = vec![
            column(names.customer, true),
            column(names.ranking, shape.has_ranking),
            column(names.shown, true),
            column(names.dt, !has_day && !by_time),
            column(names.time, by_time),
            column(shapes.labels.name, shapes.labels.is_named),
            column(shapes.clicked.name, shapes.clicked.is_named),
        ];
        let kept: Vec<_> = self
            .keep
            .iter()
            .map(|keep| (*keep, place_of(&mut columns, &keep.name)))
            .collect();
        (columns, kept)
    }

    /// Reads a text file.
    pub(super) fn read_text<I: Item>(
        &self,
        task: &Task,
        shape: FileShape,
        state: &mut ImpressionState<I>,
        texts: &mut Option<ItemDictionary>,
    ) -> Result<()> {
        let (file, by_time) = (task.opened.file(), self.spec.cutoff == Cutoff::Time);
        let (columns, kept) = self.text_columns(file.day.is_some(), shape);
        // The id of an impression without one is made of all its items.
        let all = (!shape.has_ranking).then(|| self.elements.of_all());
        let elements = all.as_ref().unwrap_or(&self.elements);
        let mut labelled = FieldCounts::new(elements);
        let mut scratch = LabelScratch::default();
        let clock = Clock::new(&self.spec);
        let text = SharedText::new(&self.spec, file, task, &columns);
        text.read_whole(self.context, &mut |record| {
            self.context.tick(record.row)?;
            let at = RowAt::whole(file, record.row);
            let (fields, [customer, ranking, items, dt, time], [labels, clicked]) =
                match record.fields {
                    Ok(fields @ [a, b, c, d, e, f, g, ..]) => (fields, [a, b, c, d, e], [f, g]),
                    Ok(_) => unreachable!("as many fields as columns"),
                    Err(mismatch) => {
                        let rejected = &mut state.rejected;
                        return self.policy.reject(at, mismatch, record.text, rejected);
                    }
                };
            let places = kept.iter().map(|(_, place)| *place);
            state.seen.note_keep(are_there(fields, places));
            let mut items = |into: &mut ImpressionItems<I>,
                             kept: &mut [Vec<PassthroughValue>],
                             contents: &mut String| {
                let target = RowTarget {
                    elements,
                    clock: &clock,
                    columns: &mut labelled,
                    dictionary: &mut *texts,
                    scratch: &mut scratch,
                    items: &mut *into,
                    passthrough: kept,
                };
                let counts = self.shapes.read([items, labels, clicked], target)?;
                if all.is_none() {
                    return Ok(counts);
                }
                write_contents(into, texts.as_ref(), contents);
                Ok(Some(self.elements.retain_wanted(into, texts.as_ref())))
            };
            let mut kept = |into: &mut Vec<PassthroughValue>| {
                for (keep, place) in &kept {
                    let value = of_field(&fields[*place], keep.holds(), &clock);
                    into.push(value.map_err(|error| (keep.name.as_str(), error))?);
                }
                Ok(())
            };
            let mut raw = RawImpression {
                dt: dt_of(dt, &clock),
                // By day, the column is not read, and may hold anything.
                time: if by_time {
                    time.written(&clock)
                } else {
                    Ok(None)
                },
                customer: customer.customer(self.customers),
                ranking: ranking_of(ranking, shape.has_ranking),
                position: Ok(None),
                is_item: false,
                items: &mut items,
                kept: &mut kept,
            };
            self.note(at, &raw, [dt.raw(), time.raw()], state);
            self.offer(at, &mut raw, record.text, state)
        })?;
        // Known only at the end: a field that some elements have is judged element by element.
        state.seen.note_elements(&labelled);
        if let Some(name) = labelled.missing(&self.elements) {
            return Err(missing_column(file, name, "it in no element"));
        }
        Ok(())
    }
}

/// The day of a `dt` field; a time counts as the day it falls in.
pub(crate) fn dt_of(field: &Field<'_>, clock: &Clock<'_>) -> Value<Option<Day>> {
    if field.is_blank() {
        return Ok(None);
    }
    match day_in(field, clock) {
        Some(day) if WrittenTime::Date(day).is_near(clock.days) => Ok(Some(day)),
        Some(_) => Err(Mismatch::new("a day of the years 1 to 9999", field.shown())),
        None => {
            let hint = time_format::suggested(field.raw()).filter(|_| clock.format.is_none());
            let hint = hint.map(|format| Hint::TimeFormat.with(&format));
            let expected = advice::expected("a day such as 2025-08-15", hint);
            Err(Mismatch::new(expected, field.shown()))
        }
    }
}

/// The day of a `dt` field that is not null, if it is one.
fn day_in(field: &Field<'_>, clock: &Clock<'_>) -> Option<Day> {
    let of_time = |(written, _): (WrittenTime, Option<i64>)| written.day(clock.days);
    let text = match field {
        Field::Csv(text) => text.trim_matches([' ', '\t']),
        Field::Text(text) => text.as_ref(),
        // As seconds since 1970, an integer such as 20250815 would be a day long ago.
        Field::Json(json) => return time_format::parse(clock.format?, json).map(of_time),
        Field::Missing | Field::Null | Field::NotText => return None,
    };
    let is_plain = clock.format.is_none() || text.starts_with("dt=");
    let day = parse_dt(text).filter(|_| is_plain);
    day.or_else(|| clock.spelled(text).map(of_time))
}
