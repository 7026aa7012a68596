//! Records of CSV with a list whose elements are the records.
//!
//! **In / Out**: a piece of text → a record per element of the lists in one column, by a [`ListReader`].
//! **Invariants**: a record that is none is a bad row by itself. A column may be a field of the elements, so that
//! only the elements tell whether a file lacks it.

use super::csv_piece;
use crate::scan::seen_enough;
use crate::scan::text::columns::WantedColumn;
use crate::scan::text::list_rules::ListRules;
use crate::scan::text::lists::{ListReader, ListRecord};
use crate::scan::text::record::{ColumnsSeen, CsvLayout, OnRecord, Stop, TextRecord};

/// The columns to look for in a header: that of the lists, and those that records may have.
pub(crate) fn columns_of_records<'a>(
    columns: &[WantedColumn<'a>],
    rules: &'a ListRules,
) -> Vec<WantedColumn<'a>> {
    let of_records = columns.iter().map(|column| {
        let is_list = column.name == rules.key;
        WantedColumn::new(column.name, is_list)
    });
    let mut all: Vec<WantedColumn<'a>> = of_records.collect();
    if all.iter().all(|column| column.name != rules.key) {
        all.push(WantedColumn::new(&rules.key, true));
    }
    all
}

/// Reads the elements of the lists in a piece of CSV; returns whether to read on.
pub(crate) fn csv_elements(
    layout: &CsvLayout,
    rules: &ListRules,
    columns: &[WantedColumn<'_>],
    piece: &[u8],
    seen: &mut ColumnsSeen,
    on_record: OnRecord<'_>,
) -> Result<bool, Stop> {
    let reader = ListReader::new(rules, columns);
    let own = columns.iter().position(|column| column.name == rules.key);
    let place = own.unwrap_or(columns.len());
    let mut reads_on = true;
    let read = csv_piece(layout, piece, &mut ColumnsSeen::default(), &mut |record| {
        let TextRecord { fields, text, .. } = record;
        reads_on = match fields {
            Err(fault) => seen.offer(columns, Err(fault), text, on_record),
            Ok(fields) => {
                let list = &fields[place];
                let fields = &fields[..columns.len()];
                reader.offer(ListRecord { fields, list, text }, seen, on_record)
            }
        };
        if reads_on { Ok(()) } else { Err(seen_enough()) }
    });
    match read {
        // What the caller said is kept by `seen`.
        Err(Stop::Error(_)) if !reads_on => Ok(false),
        // Of lists it is the elements that are counted, and a row that failed before is the earlier fault.
        Err(stop) => Err(match (seen.failed.take(), stop) {
            (Some(failed), _) => Stop::Error(failed),
            (None, Stop::CutShort(_)) => Stop::CutShort(seen.rows + 1),
            (None, Stop::OpenQuote(_)) => Stop::OpenQuote(seen.rows + 1),
            (None, stop) => stop,
        }),
        Ok(_) => Ok(true),
    }
}
