//! Reads the events of `dwell`.

use super::{Check, LogFile, OnCells, Wanted, column, of_source, per_file, read_wanted};
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
            let mut events = Vec::new();
            let wanted = Wanted {
                column: names[1],
                is_wanted: &|cell| {
                    let user = cell.table_id(names[1], types[0]);
                    user.is_ok_and(|user| user.is_some_and(|user| is_wanted(&user)))
                },
            };
            let on_record: OnCells<'_> = &mut |_, cells| {
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
                if counts {
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
            };
            let records = read_wanted(file, settings, &names, &wanted, check, on_record)?;
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
