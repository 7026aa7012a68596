//! When actions were known, as their files tell it: by the folder that one lies in, or by a column.

use super::cell::{Cell, Fault};
use super::{LogFile, day_of};
use crate::job::{DT, Settings};
use crate::reference::LogTime;
use crate::reference::read::times::{is_near, parse_date};

/// What tells when the actions of a file were known.
pub(crate) enum Known<'a> {
    /// The folder that it lies in: the day that all of them landed.
    Folder(i32),
    /// A column of that name.
    Column(&'a str),
}

impl<'a> Known<'a> {
    /// What settings ask of a file, if they do.
    pub(crate) fn new(settings: &'a Settings, file: &LogFile) -> Option<Known<'a>> {
        let mut available = settings.sequences().available.iter();
        let (_, column) = available.find(|(of, _)| *of == file.source)?;
        let folder = day_of_folder(&file.shown).filter(|_| column == DT);
        Some(folder.map_or(Known::Column(column), Known::Folder))
    }

    /// The column that is read.
    pub(crate) fn column(&self) -> Option<&'a str> {
        match self {
            Known::Folder(_) => None,
            Known::Column(column) => Some(column),
        }
    }

    /// When an action was known, given the cell of the column; nothing if that was never.
    pub(crate) fn time(&self, settings: &Settings, cell: &Cell) -> Result<Option<LogTime>, Fault> {
        let column = match self {
            Known::Folder(day) => return Ok(Some(LogTime::Date(*day))),
            Known::Column(column) => *column,
        };
        if column == DT {
            let day = cell.day(column, settings, |time| day_of(settings, time))?;
            return Ok(day.map(LogTime::Date));
        }
        let text = cell.text();
        let day = text.and_then(|text| parse_date(text.strip_prefix("dt=")?));
        match day {
            Some(day) if !is_near(settings, LogTime::Date(day)) => {
                Err(Fault::new(column, "a day of the years 1 to 9999", cell))
            }
            Some(day) => Ok(Some(LogTime::Date(day))),
            None => Ok(cell.time(column, settings)?.map(|(time, _)| time)),
        }
    }
}

/// The day of the innermost `dt=` folder of a path.
pub(crate) fn day_of_folder(path: &str) -> Option<i32> {
    let folders = path.rsplit('/').skip(1);
    let value = folders.filter_map(|name| name.strip_prefix("dt=")).next()?;
    let value = value.replace("%3D", "=").replace("%3d", "=");
    parse_date(value.strip_prefix("dt=").unwrap_or(&value))
}
