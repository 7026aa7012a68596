//! The words of some columns of a file.

use super::cell::LogCell;
use super::{LogFile, read};
use crate::error::{Error, ErrorKind, Result};
use crate::job::Settings;

/// Reads the words of some columns, nothing where a value is null or no word, of at most `records_max`
/// records; returns the number of records.
///
/// # Errors
/// If the file cannot be read.
pub(crate) fn words(
    settings: &Settings,
    file: &LogFile,
    columns: &[&str],
    records_max: u64,
    on_row: &mut dyn FnMut(&[Option<String>]),
) -> Result<u64> {
    let own = super::of_source(settings, file.source);
    let (enough, mut count) = (|| Error::from(ErrorKind::Interrupted { signal: 0 }), 0);
    let all = read(file, &own, columns, &|| Ok(()), &mut |_, row| {
        if count == records_max {
            return Err(enough());
        }
        count += 1;
        on_row(&row.iter().map(LogCell::word).collect::<Vec<_>>());
        Ok(())
    });
    match all {
        Err(error) if !matches!(error.kind(), ErrorKind::Interrupted { .. }) => Err(error),
        _ => Ok(count),
    }
}
