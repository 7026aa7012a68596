//! Rows of impressions of `sequences`, of either shape: an impression, or one item of it.

use std::collections::BTreeSet;

use super::items::{ShownItems, items_of};
use super::shape::{Shape, ShownNames};
use crate::error::Result;
use crate::job::{Cutoff, Passthrough, Settings};
use crate::reference::read::cell::{LogCell, RecordFault};
use crate::reference::read::paths::day_of_path;
use crate::reference::read::sequences::{customer, has_word, time_of};
use crate::reference::read::{Check, ItemCodes, LogFile, LogRecord, OnCells, Wanted, read_wanted};
use crate::reference::{LogImpression, LogTime, day_in, instant_in};

/// A row of impressions, as a record of its own.
#[derive(Clone)]
pub(super) struct ShownRow {
    pub(super) day: i32,
    pub(super) customer: Option<String>,
    /// The ranking id; nothing if the file has none.
    pub(super) ranking: Option<String>,
    /// Of one item: its place in the ranking, if the file has places.
    pub(super) place: Option<i64>,
    /// What the ranking id is made of, if there is none.
    pub(super) contents: String,
    /// The impression, with the ranking id that it has.
    pub(super) record: LogRecord<LogImpression>,
}

/// How the rows of a file are read.
pub(super) struct RowReader<'a> {
    pub(super) settings: &'a Settings,
    pub(super) codes: &'a ItemCodes,
    pub(super) names: &'a ShownNames<'a>,
    pub(super) file: &'a LogFile,
    pub(super) shape: Shape,
    /// If given, the ids of wanted rankings.
    pub(super) rankings: Option<&'a BTreeSet<&'a str>>,
}

/// The columns that are read of a row: day, customer, ranking, list, item, place, lists of labels and of clicked
/// items, label, then others.
struct RowColumns<'a> {
    all: Vec<&'a str>,
    times_at: usize,
    /// Where passthrough columns of impressions begin.
    keep_at: usize,
    /// Where those of items begin, if a row is one item.
    item_keep_at: usize,
    /// Where the columns begin that choose rows.
    only_at: usize,
    keep: Vec<&'a Passthrough>,
    item_keep: Vec<&'a Passthrough>,
}

impl RowReader<'_> {
    /// The columns to read, and where some of them begin.
    fn columns(&self) -> RowColumns<'_> {
        let (names, own) = (self.names, self.settings.sequences());
        let mut all = vec![names.dt, names.customer, names.ranking, names.list];
        all.extend([names.item, names.position]);
        all.extend(names.roles);
        // Without a label the cell of the item stands there, and is not looked at.
        all.push(names.label.unwrap_or(names.item));
        let times_at = all.len();
        all.extend(&names.times);
        let keep_at = all.len();
        let keep: Vec<&Passthrough> = own.keep.iter().filter(|own| !own.of_items).collect();
        all.extend(keep.iter().map(|own| own.name.as_str()));
        let item_keep_at = all.len();
        let of_rows = own.keep.iter().filter(|_| self.shape.is_flat);
        let item_keep: Vec<&Passthrough> = of_rows.filter(|own| own.of_items).collect();
        all.extend(item_keep.iter().map(|own| own.name.as_str()));
        let only_at = all.len();
        all.extend(names.only.iter().map(|(name, _)| name.as_str()));
        RowColumns {
            all,
            times_at,
            keep_at,
            item_keep_at,
            only_at,
            keep,
            item_keep,
        }
    }

    /// Calls `on_row` for each row with a valid day, customer and ranking. Rows of rankings that are not
    /// wanted may be left out.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub(super) fn read(&self, check: Check<'_>, on_row: &mut dyn FnMut(ShownRow)) -> Result<()> {
        let columns = self.columns();
        let wanted = Wanted {
            column: self.names.ranking,
            is_wanted: &|cell| self.may_be_wanted(cell),
        };
        let on_record: OnCells<'_> = &mut |record, cells| {
            let mut only = self.names.only.iter().zip(&cells[columns.only_at..]);
            if only.all(|((_, words), cell)| has_word(cell, words))
                && let Some(row) = self.row(&columns, record, cells)
            {
                on_row(row);
            }
            Ok(())
        };
        let (file, settings) = (self.file, self.settings);
        read_wanted(file, settings, &columns.all, &wanted, check, on_record).map(|_| ())
    }

    /// Whether the row with this cell of the ranking id may be wanted.
    fn may_be_wanted(&self, ranking: &LogCell) -> bool {
        let has_id = self.shape.has_ranking && self.settings.sequences().impressions_from.is_none();
        match self.rankings {
            Some(rankings) if has_id => {
                let id = ranking.text();
                id.is_some_and(|id| rankings.contains(id.as_str()))
            }
            // The id is made of the contents.
            _ => true,
        }
    }

    /// The row of a record; nothing if its day, its customer or its ranking is not valid.
    fn row(&self, columns: &RowColumns<'_>, record: u64, cells: &[LogCell]) -> Option<ShownRow> {
        let (settings, names) = (self.settings, self.names);
        let (time, day) = self.moment(&cells[0], &cells[columns.times_at..columns.keep_at])?;
        let customer = customer(settings, names.customer, &cells[1]).ok()?;
        let are_actions = settings.sequences().impressions_from.is_some();
        let ranking = match (self.shape.has_ranking, &cells[2]) {
            _ if are_actions => None,
            (true, cell) => Some(cell.text()?),
            (false, LogCell::Missing) => None,
            (false, _) => return None,
        };
        let (row, place, contents) = match self.parsed(columns, cells) {
            Ok((impression, place, contents)) => {
                let impression = LogImpression {
                    customer: customer.clone(),
                    day,
                    time,
                    ranking: ranking.clone().unwrap_or_default(),
                    ..impression
                };
                (Ok(impression), place, contents)
            }
            Err(fault) => (Err(fault), None, String::new()),
        };
        let cutoff = instant_in(settings.zone_name(), time.unwrap_or(LogTime::Date(day)));
        let name = customer.as_deref().unwrap_or_default();
        Some(ShownRow {
            day,
            ranking: ranking.clone(),
            place,
            contents: format!("{name}\n{cutoff}\n{contents}"),
            customer,
            record: LogRecord {
                row,
                owner: ranking.unwrap_or_default(),
                source: self.file.source,
                file: self.file.display_path.as_str().into(),
                record,
            },
        })
    }

    /// The items of a record and the kept columns, its place, and the contents that its id is made of.
    fn parsed(
        &self,
        columns: &RowColumns<'_>,
        cells: &[LogCell],
    ) -> std::result::Result<(LogImpression, Option<i64>, String), RecordFault> {
        let place = self.place(&cells[5])?;
        let kept = |own: &[&Passthrough], cells: &[LogCell]| {
            let values = own.iter().zip(cells);
            let values = values.map(|(own, cell)| cell.passthrough(self.settings, own));
            values.collect::<std::result::Result<Vec<_>, RecordFault>>()
        };
        let shown = if self.shape.is_flat {
            let values = kept(&columns.item_keep, &cells[columns.item_keep_at..])?;
            self.item_of(&cells[4], &cells[8], values)?
        } else {
            items_of(self.settings, self.codes, [&cells[3], &cells[6], &cells[7]])?
        };
        let impression = LogImpression {
            items: shown.items,
            passthrough: kept(&columns.keep, &cells[columns.keep_at..])?,
            item_passthrough: shown.passthrough,
            ..LogImpression::default()
        };
        Ok((impression, place, shown.contents))
    }

    /// The time and the day of a row; nothing if either is not valid.
    fn moment(&self, dt: &LogCell, times: &[LogCell]) -> Option<(Option<LogTime>, i32)> {
        let (settings, names) = (self.settings, self.names);
        let of_time = |time| day_in(settings.zone_name(), time).unwrap_or(i32::MAX);
        let time = match settings.sequences().cutoff {
            Cutoff::Day => None,
            Cutoff::Time => Some(time_of(times, &names.times, settings).ok()?),
        };
        let are_actions = settings.sequences().impressions_from.is_some();
        let folder = day_of_path(settings, &self.file.display_path);
        let day = match folder {
            _ if are_actions => None,
            Some(day) => Some(day),
            None => dt.day(names.dt, settings, of_time).ok()?,
        };
        Some((time, day.or_else(|| time.map(of_time))?))
    }

    /// The place of a row in its ranking.
    fn place(&self, cell: &LogCell) -> std::result::Result<Option<i64>, RecordFault> {
        let are_actions = self.settings.sequences().impressions_from.is_some();
        if !self.shape.is_flat || are_actions {
            return Ok(None);
        }
        let place = match (self.shape.has_position, cell) {
            (false, LogCell::Missing) => return Ok(None),
            (false, _) => None,
            (true, cell) => cell.int(),
        };
        let fault = || RecordFault::new(self.names.position, "an integer", cell);
        place.map(Some).ok_or_else(fault)
    }

    /// The one item of a row.
    fn item_of(
        &self,
        item: &LogCell,
        label: &LogCell,
        passthrough: Vec<Option<String>>,
    ) -> std::result::Result<ShownItems, RecordFault> {
        let mut shown = ShownItems::default();
        shown.passthrough.push(passthrough);
        let name = self.names.label.unwrap_or_default();
        let is_order = match self.names.label {
            Some(name) => label.label(name)?,
            None => None,
        };
        shown.add(
            self.settings,
            self.codes,
            (item, self.names.item),
            (is_order, name),
        )?;
        Ok(shown)
    }
}
