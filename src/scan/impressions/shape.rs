//! What a file of impressions has: lists of items or one item a row, and which of the optional columns.
//!
//! **In / Out**: an opened file → a [`FileShape`]. **Invariants**: a function of the file and the settings.
//! Parquet and CSV tell by their columns. JSON has none, so its first records tell for all: one behind them
//! that has more is a bad row. A column whose name the user gave is expected in every file.

use std::sync::Arc;

use super::ImpressionScan;
use crate::catalog::compression::Compression;
use crate::catalog::input::InputFile;
use crate::job::{Format, Source};
use crate::scan::spec::given_name;
use crate::scan::text::columns::WantedColumn;
use crate::scan::text::field::Field;
use crate::scan::text::record::TextRecord;
use crate::scan::text::records::records;
use crate::scan::{Opened, seen_enough};

/// Records of JSON that are looked at.
const RECORDS_MAX: u64 = 1000;
/// Bytes that are read at once to look at them.
const HEAD_BYTES: usize = 1 << 16;

/// What a file of impressions has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FileShape {
    /// Whether each row is one item that was shown, not an impression with a list of them.
    pub(super) is_flat: bool,
    /// Whether there is a column of ranking ids.
    pub(super) has_ranking: bool,
    /// Of flat rows: whether there is a column of their places in the ranking.
    pub(super) has_position: bool,
}

impl ImpressionScan<'_> {
    /// The shape of a file.
    pub(super) fn shape_of(&self, opened: &Opened) -> FileShape {
        let names = [
            self.names.shown,
            self.elements.names[0],
            self.names.ranking,
            self.flat.position,
            self.flat.label.unwrap_or_default(),
        ];
        let [has_lists, has_item, has_ranking, has_position, has_label] = match opened {
            Opened::Parquet(file) => names.map(|name| file.column(name).is_some()),
            Opened::Text(file, format, compression) => {
                columns_in(file, (*format, *compression), names)
            }
            Opened::Empty(..) => [false; 5],
        };
        if self.spec.moments.is_some() {
            return FileShape {
                is_flat: true,
                has_ranking: false,
                has_position: false,
            };
        }
        let is_given = |ours| given_name(self.spec.columns, Source::Impressions, ours).is_some();
        // A log of actions has items, too: without any of these it would be taken for impressions.
        let has_label = has_label || self.flat.label.is_none();
        let is_shown = has_ranking || has_position || has_label || is_given("item_id");
        FileShape {
            // As `has_flat_rows` has it for files of columns.
            is_flat: has_item && !has_lists && !is_given("impressions") && is_shown,
            has_ranking: has_ranking || is_given("ranking_id"),
            has_position: has_position || is_given("position"),
        }
    }
}

/// Which of some columns a text file has.
fn columns_in(file: &InputFile, format: (Format, Compression), names: [&str; 5]) -> [bool; 5] {
    // A digest of its own: reading mostly ends before the file does.
    let file = InputFile {
        whole: Arc::default(),
        ..file.clone()
    };
    let wanted = |name, required| WantedColumn::new(name, required);
    let columns = names.map(|name| wanted(name, false));
    // A header tells of no fields of elements.
    let is_exploded = file.settings.explode.is_some();
    let mut has_records = false;
    let mut found = [false; 5];
    let read = records(&file, format, &columns, HEAD_BYTES, &mut |record| {
        has_records = true;
        let fields = record.fields.unwrap_or_default();
        for (found, field) in found.iter_mut().zip(fields) {
            *found |= *field != Field::Missing;
        }
        let [has_lists, _, has_ranking, ..] = found;
        let is_told = (format.0 == Format::Csv && !is_exploded) || (has_lists && has_ranking);
        if is_told || record.row >= RECORDS_MAX {
            return Err(seen_enough());
        }
        Ok(())
    });
    // The reader of the file reports what is wrong with it.
    drop(read);
    // The header of CSV tells, also without any record.
    if format.0 == Format::Csv && !is_exploded && !has_records {
        let mut nothing = |_: TextRecord<'_>| Ok(());
        let mut has = |name| {
            records(
                &file,
                format,
                &[wanted(name, true)],
                HEAD_BYTES,
                &mut nothing,
            )
            .is_ok()
        };
        found = names.map(&mut has);
    }
    found
}
