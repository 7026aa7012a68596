//! Text files to records, whatever the format: of a whole file, or of one piece of it.
//!
//! **In / Out**: a file and the columns wanted → a call per record, with a field per column.
//! **Invariants**: a file that cannot be read further is an error; a record that cannot be parsed is
//! passed to the caller.
//! **Why so**: arrow's readers stop at the first fault (CSV) or give no row number (JSON), so records
//! are read one by one.

use crate::catalog::compression::Compression;
use crate::catalog::input::InputFile;
use crate::error::Result;
use crate::ids::Item;
use crate::job::Format;
use crate::scan::text::blocks::{Piece, PieceReader};
use crate::scan::text::columns::WantedColumn;
use crate::scan::text::csv::header::csv_layout;
use crate::scan::text::csv::lists::{columns_of_records, csv_elements};
use crate::scan::text::csv::{csv_piece, csv_rows};
use crate::scan::text::json::{WantedFields, json_records, ndjson_piece, ndjson_rows};
use crate::scan::text::list_rules::ListRules;
use crate::scan::text::plain::{OnPart, Part};
use crate::scan::text::record::{ColumnsSeen, CsvLayout, OnRecord, Stop, TextRecord};

/// Calls `on_record` for each record of a file; returns their number.
///
/// # Errors
/// If the file cannot be read, lacks a required column, or `on_record` fails.
pub(crate) fn records(
    file: &InputFile,
    format: (Format, Compression),
    columns: &[WantedColumn<'_>],
    piece_bytes: usize,
    on_record: OnRecord<'_>,
) -> Result<u64> {
    // One thread reads an array: where an element begins is known only once all before it are
    // parsed.
    if format.0 == Format::Json {
        let mut with_nulls = |record: TextRecord<'_>| file.nulls.pass_on(record, on_record);
        return json_records(file, file.text(format.1)?.source, columns, &mut with_nulls);
    }
    let mut seen = ColumnsSeen::default();
    let (layout, mut reader) = open(file, format, columns, piece_bytes)?;
    let mut piece = Piece::default();
    while reader.next(file, &mut piece)? {
        let wants = RecordReader {
            columns,
            layout: &layout,
        };
        match wants.read(format.0, &piece, &mut seen, on_record) {
            Ok(true) => {}
            Ok(false) => break,
            Err(stop) => return Err(stop.error(file, 0)),
        }
    }
    seen.finish(file, columns)
}

/// Opens a file that is read in pieces, and reads its header.
///
/// # Errors
/// If it cannot be read, or its header lacks a required column.
pub(crate) fn open(
    file: &InputFile,
    format: (Format, Compression),
    columns: &[WantedColumn<'_>],
    piece_bytes: usize,
) -> Result<(CsvLayout, PieceReader)> {
    let rules = ListRules::new(file);
    let mut layout = match format.0 {
        // The CSV reader reads ahead, so pieces are read through a reader of their own.
        Format::Csv => {
            let of_records = rules
                .as_ref()
                .map(|rules| columns_of_records(columns, rules));
            let columns = of_records.as_deref().unwrap_or(columns);
            csv_layout(file, file.text_start(format.1)?, columns)?
        }
        _ => CsvLayout::default(),
    };
    layout.nulls = file.nulls.clone();
    layout.explode = rules;
    let reader = PieceReader::open(file, format.0, format.1, &layout, piece_bytes)?;
    Ok((layout, reader))
}

/// Reads the records of pieces.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RecordReader<'a> {
    pub(crate) columns: &'a [WantedColumn<'a>],
    pub(crate) layout: &'a CsvLayout,
}

impl RecordReader<'_> {
    /// Calls `on_record` for each record of a piece; returns whether to read on.
    ///
    /// # Errors
    /// If `on_record` fails, or the text was cut short.
    pub(crate) fn read(
        &self,
        format: Format,
        piece: &Piece,
        seen: &mut ColumnsSeen,
        on_record: OnRecord<'_>,
    ) -> std::result::Result<bool, Stop> {
        let nulls = &self.layout.nulls;
        if !nulls.are_none() {
            let mut with_nulls = |record: TextRecord<'_>| nulls.pass_on(record, on_record);
            return self.read_verbatim(format, piece, seen, &mut with_nulls);
        }
        self.read_verbatim(format, piece, seen, on_record)
    }

    /// Calls `on_part` for the records of a piece, plain rows many at a time; returns whether to read on. Wanted are
    /// a customer, an item, a time, and then others.
    ///
    /// # Errors
    /// If `on_part` fails, or the text was cut short.
    pub(crate) fn read_rows<I: Item>(
        &self,
        format: Format,
        piece: &Piece,
        seen: &mut ColumnsSeen,
        on_part: OnPart<'_, I>,
    ) -> std::result::Result<bool, Stop> {
        let is_plain = self.layout.nulls.are_none() && self.layout.explode.is_none();
        match format {
            Format::Csv if is_plain => csv_rows(self.layout, piece.text(), seen, on_part),
            Format::Ndjson if is_plain => {
                let wanted = WantedFields {
                    columns: self.columns,
                    explode: None,
                };
                ndjson_rows(wanted, piece.text(), seen, on_part)
            }
            _ => self.read(format, piece, seen, &mut |record| {
                on_part(Part::Record(record))
            }),
        }
    }

    /// The same without replacing texts that stand for null.
    fn read_verbatim(
        &self,
        format: Format,
        piece: &Piece,
        seen: &mut ColumnsSeen,
        on_record: OnRecord<'_>,
    ) -> std::result::Result<bool, Stop> {
        match format {
            Format::Csv => match &self.layout.explode {
                None => csv_piece(self.layout, piece.text(), seen, on_record),
                Some(rules) => {
                    let (layout, columns) = (self.layout, self.columns);
                    csv_elements(layout, rules, columns, piece.text(), seen, on_record)
                }
            },
            Format::Ndjson => {
                let wanted = WantedFields {
                    columns: self.columns,
                    explode: self.layout.explode.as_ref(),
                };
                ndjson_piece(wanted, piece.text(), seen, on_record)
            }
            // JSON arrays go to `json_records`, files of columns to `read_row_group`.
            Format::Json | Format::Parquet | Format::Arrow => {
                unreachable!("they are not read in pieces")
            }
        }
    }
}
