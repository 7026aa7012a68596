//! Records to what `dwell` asks about: events on flyers.

use super::{Check, LogFile, column, per_file, read};
use crate::error::Result;
use crate::job::{CustomerType, DwellMethod, Settings, Source};
use crate::reference::LogEvent;

/// The events of some users, in the order of files and records; and how many records there are.
/// `types` are those of the ids of users, flyers and merchants.
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
    let ours = ["timestamp", "user_id", "event", "flyer_id", "merchant_id"];
    let names = ours.map(|ours| column(settings, Source::Events, ours));
    let found = per_file(
        files,
        |_| true,
        |file| {
            let (mut found, mut records) = (Vec::new(), 0);
            read(
                (file, &settings.null_values),
                &names,
                check,
                &mut |_, cells| {
                    records += 1;
                    let id = |at: usize, of| cells[at].table_id(names[at], of);
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
                    let is_open = event == "flyer_open" || event == "item_open";
                    let is_placed = flyer.is_some() && merchant.is_some();
                    let counts = match is_open {
                        true => is_placed,
                        false => settings.dwell().dwell_method == DwellMethod::Session,
                    };
                    if counts && is_wanted(&user) {
                        found.push(LogEvent {
                            time,
                            east_minutes,
                            user,
                            event,
                            flyer,
                            merchant,
                        });
                    }
                    Ok(())
                },
            )?;
            Ok((found, records))
        },
    )?;
    let (mut all, mut records) = (Vec::new(), 0);
    for (found, count) in found {
        all.extend(found);
        records += count;
    }
    Ok((all, records))
}
