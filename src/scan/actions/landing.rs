//! The day on which actions landed: of a file by its `dt=` folder, of a row by its column `dt`.
//!
//! **In / Out**: a file → [`Landing`]: when all of it became available, if availability is by folder, and
//! which of its rows may lie before a cutoff within that day. **Rule**: what landed on a day is available
//! when the day is over. A folder takes precedence over a column; in a folder without a day, a row without a
//! day was never available.
//! **Cost**: a comparison per row that is kept. **Why so**: an action whose day is over at every cutoff
//! after it is in no history too early, so that only the others are noted.

use super::{ActionNames, ActionScan, ActionState};
use crate::calendar::parse_dt;
use crate::catalog::input::InputFile;
use crate::ids::{Day, Item, Key, Micros};
use crate::job::{Cutoff, DT};
use crate::kernel::attributes::Landed;
use crate::kernel::sweep::is_prior;
use crate::scan::impressions::dt_of;
use crate::scan::mismatch::{Mismatch, Value};
use crate::scan::table::arrow_times::TimeColumn;
use crate::scan::table::declared::{DeclaredColumn, Holds};
use crate::scan::text::field::{Clock, Field};
use crate::scan::text::times::{When, WrittenTime};

/// What the folder of a file says of all its rows.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Landing {
    /// The last instant at which none of them was known, if that is asked of the folder.
    pub(crate) known_after: Micros,
    /// Of what happened before this, somebody may ask before the day is over.
    pub(super) before: Micros,
    /// When the day is over, and the place of the source.
    pub(super) landed: Landed,
}

impl Landing {
    /// It says nothing.
    pub(super) const UNKNOWN: Landing = Landing {
        known_after: Micros::MIN,
        before: Micros::MIN,
        landed: Landed::EARLY,
    };
}

impl<'a, I: Item> ActionScan<'a, I> {
    /// What the columns of a file are called, and what its folder says.
    pub(crate) fn names_of(&self, file: &InputFile) -> ActionNames<'a> {
        let mut names = ActionNames::new(&self.spec, file.source);
        let Some(day) = file.day else {
            return names;
        };
        if names.available == Some(DT) {
            let when = WrittenTime::Date(day).resolve(self.spec.zone);
            // The folder answers for every row, so no column is read.
            names.available = None;
            names.landing.known_after = names.known_by(when);
            return names;
        }
        let slot = u8::try_from(names.slot).expect("at most 64 sources");
        names.landing = self.landing(day, slot);
        names
    }

    /// What a folder says of rows whose availability is not asked of it.
    fn landing(&self, day: Day, slot: u8) -> Landing {
        let zone = self.spec.zone;
        let until = zone.start_of(Day(day.0.saturating_add(1)));
        // By day, cutoffs are starts of days: within the day none lies but its start.
        let last = match self.spec.cutoff {
            Cutoff::Day => zone.start_of(day),
            Cutoff::Time => until,
        };
        // Without a cutoff before the day is over, no history has the action too early.
        let before = if is_prior(self.everyone.first_cutoff, until) {
            // What happened at the last cutoff or later is in no history.
            last.min(self.everyone.last_cutoff)
        } else {
            Micros::MIN
        };
        Landing {
            before,
            landed: Landed { until, slot },
            ..Landing::UNKNOWN
        }
    }

    /// Notes where an action landed that was kept last, if its customer asks for something that it is
    /// prior to before that day is over.
    #[cold]
    pub(super) fn note_landing(
        &self,
        key: Key,
        at: Micros,
        landed: Landed,
        state: &mut ActionState<I>,
    ) {
        let cutoffs = &self.probes.cutoffs[self.probes.of_key(key)];
        // Cutoffs of a customer ascend: the first after the action is the one that may see it too
        // early.
        let next = cutoffs.partition_point(|cutoff| !is_prior(at, *cutoff));
        let asked = cutoffs.get(next);
        if asked.is_some_and(|cutoff| is_prior(*cutoff, landed.until)) {
            let partition = state.scatter.partition_of(key);
            // In the chunk of the action, whose memory is accounted for: where all files land late,
            // a list of its own would be as long as all actions.
            state.scatter.open(partition).land(landed);
        }
    }
}

impl<'a> ActionNames<'a> {
    /// The column of availability of a file, if it needs one.
    pub(super) fn declared_available(&self, file: &InputFile) -> Option<DeclaredColumn<'a>> {
        let name = self.available?;
        Some(match name == DT {
            true if file.is_of_no_day => DeclaredColumn::optional(name, Holds::LandingDay),
            true => DeclaredColumn::required(name, Holds::LandingDay),
            false => DeclaredColumn::required(name, Holds::Time),
        })
    }

    /// The last instant at which something was not known that is told as a time. By day nobody asks
    /// before a day is over, so that its start says as much as its end.
    pub(super) fn known_by(&self, when: When) -> Micros {
        match self.cutoff {
            Cutoff::Day => when.at,
            Cutoff::Time => when.known_after,
        }
    }

    /// When an action was known, by a field of its column of availability: of a column `dt` a day.
    pub(super) fn known_by_field(
        &self,
        field: &Field<'_>,
        clock: &Clock<'_>,
    ) -> Value<Option<When>> {
        let day = match field {
            _ if self.available == Some(DT) => dt_of(field, clock)?,
            Field::Csv(text) => day_of_folder_name(text),
            Field::Text(text) => day_of_folder_name(text),
            _ => None,
        };
        match day {
            None if self.available == Some(DT) => Ok(None),
            None => field.time(clock),
            Some(day) if !WrittenTime::Date(day).is_near(clock.days) => {
                Err(Mismatch::new("a day of the years 1 to 9999", field.shown()))
            }
            Some(day) => Ok(Some(WrittenTime::Date(day).resolve(clock.days))),
        }
    }

    /// The same of a column of a Parquet file; never, if it has none.
    pub(super) fn known_by_column(
        &self,
        column: Option<&TimeColumn>,
        row: usize,
        clock: &Clock<'_>,
    ) -> Value<Option<When>> {
        let Some(column) = column else {
            return Ok(None);
        };
        let text = column.text(row);
        // Any column of availability may hold names of folders.
        let is_day = |text: &&str| self.available == Some(DT) || text.starts_with("dt=");
        if let Some(text) = text.filter(is_day) {
            return self.known_by_field(&Field::Csv(text), clock);
        }
        let written = column.written(row, clock)?;
        Ok(written.map(|written| match self.available {
            Some(DT) => WrittenTime::Date(written.day(clock.days)).resolve(clock.days),
            _ => clock.resolve(written),
        }))
    }
}

/// The day of a text that reads as the name of a folder does: `dt=2025-08-15`.
fn day_of_folder_name(text: &str) -> Option<Day> {
    parse_dt(text).filter(|_| text.starts_with("dt="))
}
