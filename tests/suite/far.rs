//! Times at the edges of the years 1 to 9999, and beyond them: the first are times like others, the
//! second are faults of their rows.

use hitherto::reference::{LogAction, LogTime, is_near};
use hitherto::{OnBadRow, Settings};

use crate::ipc::has_types;
use crate::support::{Case, Numbers, Style, TimeStyle};

/// The first microsecond of the year 1.
pub(crate) const FIRST_US: i64 = -62_135_596_800_000_000;
/// The last of the year 9999.
pub(crate) const LAST_US: i64 = 253_402_300_799_999_999;
/// A day in microseconds.
const DAY_US: i64 = 86_400_000_000;

/// A time near an edge of the years 1 to 9999 or far beyond, as a style can write it.
pub(crate) fn far_time(numbers: &mut Numbers, style: Style) -> LogTime {
    let is_text = !has_types(style.format) || style.times == TimeStyle::Text;
    let is_text = is_text && style.times != TimeStyle::Epoch;
    let [first, last] = [FIRST_US, LAST_US - 1_000_000];
    let us = match is_text {
        // Texts have four digits for a year; these are on the wall of some offset.
        true => numbers.pick(&[first, first - 2_000_000, first - 40 * DAY_US, last]),
        false => numbers.pick(&[
            first,
            first - 1,
            LAST_US,
            LAST_US + 1,
            first - DAY_US,
            last + DAY_US,
            i64::MIN,
            i64::MAX,
        ]),
    };
    let day = i32::try_from(us.div_euclid(DAY_US));
    let day = LogTime::Date(day.unwrap_or(if us < 0 { i32::MIN } else { i32::MAX }));
    // Of the year 0 as a text, whatever the zone makes of it.
    let at = if is_text && us == first - 2_000_000 {
        first
    } else {
        us
    };
    match style.times {
        TimeStyle::Text => numbers.pick(&[LogTime::Instant(at), LogTime::Wall(us), day]),
        TimeStyle::Instant | TimeStyle::Epoch => LogTime::Instant(at),
        TimeStyle::Wall => LogTime::Wall(us),
        TimeStyle::Date => day,
    }
}

/// Whether nothing is wrong with the times of an action.
fn is_sound(zone: &str, action: &LogAction) -> bool {
    let known = action.available.flatten();
    is_near(zone, action.time) && known.is_none_or(|known| is_near(zone, known))
}

impl Case {
    /// Puts far times in the place of some, in one case of three.
    pub(crate) fn send_far(&mut self, numbers: &mut Numbers) {
        if !numbers.once_in(3) {
            return;
        }
        for action in &mut self.log {
            let style = self.styles[action.log + 1];
            if numbers.once_in(6) {
                action.time = far_time(numbers, style);
            }
            if let Some(Some(known)) = &mut action.available
                && numbers.once_in(6)
            {
                *known = far_time(numbers, style);
            }
        }
        for shown in &mut self.shown {
            if let Some(time) = &mut shown.time
                && numbers.once_in(6)
            {
                *time = far_time(numbers, self.styles[0]);
            }
        }
    }

    /// The case without the rows that are at fault.
    pub(crate) fn sound(&self) -> Case {
        let zone = &self.rules.timezone;
        let mut case = self.clone();
        case.log.retain(|action| is_sound(zone, action));
        case.shown
            .retain(|shown| shown.time.is_none_or(|time| is_near(zone, time)));
        case
    }

    /// Sets the rows at fault aside, if there may be some.
    pub(crate) fn set_aside(&self, settings: &mut Settings) {
        let sound = self.sound();
        if (sound.log.len(), sound.shown.len()) != (self.log.len(), self.shown.len()) {
            settings.on_bad_row = OnBadRow::Quarantine;
        }
    }
}
