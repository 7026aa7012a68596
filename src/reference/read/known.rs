//! When actions became available: by the `dt=` folder of their file, or by a column.

use super::cell::{LogCell, RecordFault};
use super::{LogFile, day_of};
use crate::job::{DT, Settings};
use crate::reference::LogTime;
use crate::reference::read::paths::day_of_path;
use crate::reference::read::times::{is_near, parse_date};

/// Where the availability of the actions of a file is recorded.
pub(crate) enum Availability<'a> {
    /// The folder of the file: the day on which all of them landed.
    Folder(i32),
    /// A column.
    Column(&'a str),
}

impl<'a> Availability<'a> {
    /// Where settings say that it is recorded; nothing if they do not.
    pub(crate) fn new(settings: &'a Settings, file: &LogFile) -> Option<Availability<'a>> {
        let mut available = settings.sequences().available.iter();
        let (_, column) = available.find(|(source, _)| *source == file.source)?;
        // A folder goes before a column of that name, as for the days of impressions.
        let folder = day_of_path(settings, &file.display_path).filter(|_| column == DT);
        Some(folder.map_or(Availability::Column(column), Availability::Folder))
    }

    /// The column to read, if it is one.
    pub(crate) fn column(&self) -> Option<&'a str> {
        match self {
            Availability::Folder(_) => None,
            Availability::Column(column) => Some(column),
        }
    }

    /// When an action became available, given the cell of the column; nothing if never.
    pub(crate) fn time(
        &self,
        settings: &Settings,
        cell: &LogCell,
    ) -> Result<Option<LogTime>, RecordFault> {
        let column = match self {
            Availability::Folder(day) => return Ok(Some(LogTime::Date(*day))),
            Availability::Column(column) => *column,
        };
        if column == DT {
            let day = cell.day(column, settings, |time| day_of(settings, time))?;
            return Ok(day.map(LogTime::Date));
        }
        let text = cell.text();
        let day = text.and_then(|text| parse_date(text.strip_prefix("dt=")?));
        match day {
            Some(day) if !is_near(settings, LogTime::Date(day)) => Err(RecordFault::new(
                column,
                "a day of the years 1 to 9999",
                cell,
            )),
            Some(day) => Ok(Some(LogTime::Date(day))),
            None => Ok(cell.time(column, settings)?.map(|(time, _)| time)),
        }
    }
}
