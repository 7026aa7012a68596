//! The day and the cutoff of a row of impressions.

use super::{CutoffMoment, ImpressionScan, ImpressionState, RawImpression};
use crate::calendar::{DAY_MAX, DAY_MIN, Lookback, Zone, date_text};
use crate::ids::{Day, Micros};
use crate::job::Cutoff;
use crate::scan::bad_rows::RowAt;
use crate::scan::mismatch::Mismatch;
use crate::scan::text::field::Clock;
use crate::scan::text::times::WrittenTime;

impl<'a> ImpressionScan<'a> {
    /// Takes note of the kinds of a row's times, given the texts of its day and its time.
    pub(super) fn note<I>(
        &self,
        at: RowAt<'_>,
        raw: &RawImpression<'_, I>,
        [day, time]: [&str; 2],
        state: &mut ImpressionState<I>,
    ) {
        // Only rows that every run validates may decide about zones.
        let is_empty = day.is_empty() && time.is_empty();
        if is_empty
            || !self
                .day_of(at.file.day, raw)
                .is_ok_and(|day| self.wants(day))
        {
            return;
        }
        let at_column = |column| RowAt { column, ..at };
        state.kinds.note_day(day, at_column(self.names.dt));
        // What is no text is told by the type of its column.
        if let Ok(Some(written)) = raw.time
            && !time.is_empty()
        {
            state.kinds.note(written, time, at_column(self.names.time));
        }
    }

    /// Whether impressions of a day are to be answered.
    pub(super) fn wants(&self, day: Day) -> bool {
        self.impressions.days.wants(day)
    }

    /// The day of a row, if a folder can be named after it.
    pub(super) fn day_of<I>(
        &self,
        folder: Option<Day>,
        raw: &RawImpression<'_, I>,
    ) -> Result<Day, (&'a str, Mismatch)> {
        let (day, name) = self.day_in(folder, raw)?;
        if (DAY_MIN..=DAY_MAX).contains(&day) {
            return Ok(day);
        }
        let found = date_text(day);
        Err((name, Mismatch::new("a day of the years 1 to 9999", found)))
    }

    /// The day of a row: of its folder, of its column, or of its time.
    fn day_in<I>(
        &self,
        folder: Option<Day>,
        raw: &RawImpression<'_, I>,
    ) -> Result<(Day, &'a str), (&'a str, Mismatch)> {
        // Where the folder tells the day, the column is not asked.
        if let Some(day) = folder {
            return Ok((day, self.names.dt));
        }
        if let Some(day) = raw.dt.clone().map_err(|error| (self.names.dt, error))? {
            return Ok((day, self.names.dt));
        }
        let null = |name| (name, Mismatch::new("a day", "null"));
        if self.spec.cutoff == Cutoff::Day {
            return Err(null(self.names.dt));
        }
        let time = raw.time.clone().map_err(|error| (self.names.time, error))?;
        let time = time.ok_or_else(|| null(self.names.time))?;
        Ok((self.day_of_time(time), self.names.time))
    }

    /// The time of a row as its cutoff, if that is what cutoffs are.
    pub(super) fn cutoff_of<I>(
        &self,
        raw: &RawImpression<'_, I>,
    ) -> Result<Option<Micros>, (&'a str, Mismatch)> {
        if self.spec.cutoff == Cutoff::Day {
            return Ok(None);
        }
        let time = raw.time.clone().map_err(|error| (self.names.time, error))?;
        let null = || (self.names.time, Mismatch::new("a time", "null"));
        let time = time.ok_or_else(null)?;
        Ok(Some(Clock::new(&self.spec).resolve(time).at))
    }

    /// The day of a time, in the zone of days.
    fn day_of_time(&self, time: WrittenTime) -> Day {
        let (days, walls) = (self.spec.zone, self.spec.wall_zone);
        match time {
            WrittenTime::Wall(_) if !std::ptr::eq(days, walls) => {
                days.day_of(time.resolve(walls).at)
            }
            time => time.day(days),
        }
    }
}

impl<I> ImpressionState<I> {
    /// Cutoff and start of the lookback.
    pub(super) fn bounds(
        &mut self,
        (zone, lookback): (&Zone, Option<Lookback>),
        moment: CutoffMoment,
    ) -> (Micros, Micros) {
        if let Some((last, bounds)) = self.last_bounds
            && last == moment
        {
            return bounds;
        }
        let (day, time) = moment;
        let cutoff = time.unwrap_or_else(|| zone.start_of(day));
        let start = match (lookback, time) {
            (None, _) => Micros::MIN,
            // Calendar days: the same wall time, not a multiple of 24 hours.
            (Some(lookback), Some(time)) => zone.lookback_from(time, lookback),
            (Some(lookback), None) => zone.start_of(lookback.first_day(day)),
        };
        self.last_bounds = Some((moment, (cutoff, start)));
        (cutoff, start)
    }
}
