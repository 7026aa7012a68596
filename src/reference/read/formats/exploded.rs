//! CSV whose records have lists, to a record of cells per element.

use super::elements::ListSyntax;
use super::json::rows_of;
use super::text::read_csv;
use crate::error::Result;
use crate::job::SourceSettings;
use crate::reference::read::cell::LogCell;
use crate::reference::read::{LogFile, OnCells};

/// Reads the elements of the lists in one column of CSV.
pub(crate) fn read_elements(
    file: &LogFile,
    own: &SourceSettings,
    syntax: &ListSyntax,
    columns: &[&str],
    on_record: OnCells<'_>,
) -> Result<()> {
    let mut wanted = columns.to_vec();
    let at_list = wanted.iter().position(|column| *column == syntax.key);
    let at_list = at_list.unwrap_or_else(|| {
        wanted.push(&syntax.key);
        wanted.len() - 1
    });
    let (mut row, mut lines) = (0, 0);
    read_csv(file, own, &wanted, &mut |line, cells| {
        // A record of another length was left out, and is one bad row.
        row += line - lines - 1;
        lines = line;
        let of_record = |column: &str| {
            let at = wanted.iter().position(|name| *name == column);
            at.map_or(LogCell::Missing, |at| cells[at].clone())
        };
        for cells in rows_of(&cells[at_list], syntax, columns, &of_record) {
            row += 1;
            if let Some(cells) = cells {
                on_record(row, &cells)?;
            }
        }
        Ok(())
    })
}
