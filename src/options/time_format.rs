//! Formats of times that users give: jiff's strptime.
//!
//! **In / Out**: a format → nothing, or what is wrong with it.

use jiff::civil::DateTime;
use jiff::fmt::strtime::{BrokenDownTime, format as write};
use jiff::tz::TimeZone;

/// Checks that a format tells a day, and hours of one half of the day or the other.
///
/// # Errors
/// What is wrong with it.
pub(crate) fn check_time_format(format: &str) -> Result<(), String> {
    let has = |letters: [char; 2]| {
        let mut pieces = format.split('%').skip(1);
        let letter = |piece: &str| piece.chars().find(char::is_ascii_alphabetic);
        pieces.any(|piece| letter(piece).is_some_and(|found| letters.contains(&found)))
    };
    if has(['s', 's']) {
        return Err("%s is an integer since 1970, which the time unit reads".to_owned());
    }
    // jiff reads `%I` without `%p` as hours before noon, and `%H` as if `%p` were not there.
    match (has(['I', 'l']), has(['p', 'P'])) {
        (true, false) => return Err("%I needs %p, which says whether it is am or pm".to_owned()),
        (false, true) => return Err("%p is for %I, the hours from 1 to 12".to_owned()),
        _ => {}
    }
    let told = |error: jiff::Error| error.to_string();
    let example = DateTime::constant(2025, 8, 14, 13, 5, 9, 0);
    let zoned = example.to_zoned(TimeZone::UTC).map_err(told)?;
    let text = write(format, &zoned).map_err(told)?;
    let parts = BrokenDownTime::parse(format, &text).map_err(told)?;
    let date = parts.to_date().map_err(told)?;
    parts.to_time().map_err(told)?;
    if date == example.date() {
        Ok(())
    } else {
        Err("it does not tell the day".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_format_tells_a_day() {
        for format in [
            "%d/%m/%Y %H:%M",
            "%d.%m.%Y, %H:%M:%S%.f",
            "%m/%d/%Y %I:%M:%S %p",
            "%d/%m/%Y %H:%M:%S %z",
            "%Y%m%d",
            "%d-%b-%y",
            "%Y-%j",
            "%A %e %B %Y at %T",
        ] {
            assert_eq!(check_time_format(format), Ok(()), "{format}");
        }
        for (format, said) in [
            ("%H:%M", "year"),
            ("%Y-%m", "date"),
            ("%!", "`!`"),
            ("", "year"),
            ("%d/%m/%Y %I:%M", "%p"),
            ("%d/%m/%Y %H:%M %p", "%I"),
            ("%s", "unit"),
            ("%d/%m/%Y %M", "hour"),
        ] {
            let error = check_time_format(format).expect_err(format);
            assert!(error.contains(said), "{format}: {error}");
        }
    }
}
