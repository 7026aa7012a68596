//! Reads the events of `dwell`.

use super::{Check, LogFile, column, of_source, per_file, read};
use crate::error::Result;
use crate::job::{CustomerType, DwellMethod, Settings, Source};
use crate::reference::LogEvent;

/// The events of some users, in the order of files and records, and the number of all records.
/// `types` are the id types of users, flyers and merchants.
///
/// # Errors
/// If a file cannot be read.
pub(crate) fn events(
    settings: &Settings,
    types: [CustomerType; 3],
    files: &[LogFile],
    is_wanted: &(dyn Fn(&str) -> bool + Sync),
    check: Check<'_>,
) -> Result<(Vec<LogEvent>, u64)> {
    let settings = &of_source(settings, Source::Events);
    let ours = ["timestamp", "user_id", "event", "flyer_id", "merchant_id"];
    let names = ours.map(|ours| column(settings, Source::Events, ours));
    let per_file = per_file(
        files,
        |_| true,
        |file| {
            let (mut events, mut records) = (Vec::new(), 0);
            read(file, settings, &names, check, &mut |_, cells| {
                records += 1;
                let id = |at: usize, id_type| cells[at].table_id(names[at], id_type);
                let (Ok(Some(user)), Ok(Some(event))) =
                    (id(1, types[0]), id(2, CustomerType::String))
                else {
                    return Ok(());
                };
                let (Ok(flyer), Ok(merchant)) = (id(3, types[1]), id(4, types[2])) else {
                    return Ok(());
                };
                let Ok(Some((time, east_minutes))) = cells[0].time(names[0], settings) else {
                    return Ok(());
                };
                let is_open = settings.dwell().opens.contains(&event);
                let is_placed = flyer.is_some() && merchant.is_some();
                // Spans are made of opens alone. For sessions every event of a user counts, as
                // it ends the one before it; an open without flyer or merchant is left out by
                // both.
                let counts = if is_open {
                    is_placed
                } else {
                    settings.dwell().dwell_method == DwellMethod::Session
                };
                if counts && is_wanted(&user) {
                    events.push(LogEvent {
                        time,
                        east_minutes,
                        user,
                        event,
                        flyer,
                        merchant,
                    });
                }
                Ok(())
            })?;
            Ok((events, records))
        },
    )?;
    let (mut all, mut records) = (Vec::new(), 0);
    for (events, count) in per_file {
        all.extend(events);
        records += count;
    }
    Ok((all, records))
}
