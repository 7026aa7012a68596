//! JSON to records: one object a line, or one array a file.
//!
//! **In / Out**: text → a call per object, with a [`Field`] per wanted column.
//! **Invariants**: an array is streamed; the whole file is never in memory. A line that is not JSON is a
//! bad row, unless it differs from JSON only in what nobody wants (`repair`). A malformed array is an error of the file, as nothing tells where its next element begins.

mod lenient;
mod lists;
pub(crate) mod object;
pub(crate) mod repair;
pub(crate) mod shape;

use std::cell::Cell;
use std::fmt;
use std::io::{self, BufRead, Read};

use memchr::memchr;
use serde::de::{Deserializer as _, SeqAccess, Visitor};
use serde_json::value::RawValue;

use self::lenient::LenientJson;
use self::lists::offer_elements;
pub(crate) use self::object::{json_field, object_fields, object_pairs};
use self::shape::LineShape;
use crate::catalog::input::InputFile;
use crate::error::Result;
use crate::ids::{Item, count64};
use crate::scan::mismatch::Mismatch;
use crate::scan::text::blocks::{RECORD_BYTES_MAX, TOO_LONG};
use crate::scan::text::columns::WantedColumn;
use crate::scan::text::field::Field;
use crate::scan::text::json::repair::{is_json, object_fields_among};
use crate::scan::text::list_rules::ListRules;
use crate::scan::text::plain::json::JsonRows;
use crate::scan::text::plain::{OnPart, Part, ROWS_MAX};
use crate::scan::text::record::{ColumnsSeen, FieldRow, OnRecord, Stop};

/// What is wanted of an object.
#[derive(Clone, Copy, Debug)]
pub(crate) struct WantedFields<'a> {
    pub(crate) columns: &'a [WantedColumn<'a>],
    /// How lists are read whose elements are the records, if objects are not.
    pub(crate) explode: Option<&'a ListRules>,
}

/// Reads the records of a piece of NDJSON; returns whether to read on.
pub(crate) fn ndjson_piece(
    wanted: WantedFields<'_>,
    piece: &[u8],
    seen: &mut ColumnsSeen,
    on_record: OnRecord<'_>,
) -> std::result::Result<bool, Stop> {
    let mut lines = LineReader::new(wanted, piece);
    while lines.at < piece.len() {
        if !lines.next(seen, on_record)? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Reads the records of a piece of NDJSON, plain rows many at a time; returns whether to read on.
pub(crate) fn ndjson_rows<I: Item>(
    wanted: WantedFields<'_>,
    piece: &[u8],
    seen: &mut ColumnsSeen,
    on_part: OnPart<'_, I>,
) -> std::result::Result<bool, Stop> {
    let mut lines = LineReader::new(wanted, piece);
    let mut rows = Vec::with_capacity(ROWS_MAX);
    let mut plain: Option<JsonRows> = None;
    while lines.at < piece.len() {
        // After a failure, lines only show which columns exist.
        if let (Some(text), Some(plain), None) = (lines.whole, &mut plain, &seen.failed) {
            lines.at = plain.fill(text, lines.at, &mut rows);
            if !rows.is_empty() {
                let first = seen.rows + 1;
                seen.note_rows(count64(rows.len()), &plain.columns);
                if let Err(error) = on_part(Part::Rows(first, &rows)) {
                    seen.failed = Some(error);
                    return Ok(false);
                }
            }
            if rows.len() == ROWS_MAX || lines.at == piece.len() {
                continue;
            }
        }
        if !lines.next(seen, &mut |record| on_part(Part::Record(record)))? {
            return Ok(false);
        }
        if std::mem::take(&mut lines.is_new_shape) {
            plain = JsonRows::new(&lines.shape);
        }
    }
    Ok(true)
}

/// Reads the lines of a piece.
struct LineReader<'w, 't> {
    wanted: WantedFields<'w>,
    piece: &'t [u8],
    /// The piece as text, if it is.
    whole: Option<&'t str>,
    /// Where the next line begins.
    at: usize,
    /// The shape of the last line that was parsed.
    shape: LineShape,
    /// Whether that was the line before.
    is_new_shape: bool,
    fields: FieldRow<'t>,
}

impl<'w, 't> LineReader<'w, 't> {
    /// A reader of a piece.
    fn new(wanted: WantedFields<'w>, piece: &'t [u8]) -> LineReader<'w, 't> {
        LineReader {
            wanted,
            piece,
            // One check per piece. If it fails, each line is checked alone, so that only the bad ones
            // are faults.
            whole: std::str::from_utf8(piece).ok(),
            at: 0,
            shape: LineShape::default(),
            is_new_shape: false,
            fields: FieldRow::new(wanted.columns.len()),
        }
    }

    /// Passes the next line to the caller, unless it is blank; returns whether to read on.
    #[inline]
    fn next(
        &mut self,
        seen: &mut ColumnsSeen,
        on_record: OnRecord<'_>,
    ) -> std::result::Result<bool, Stop> {
        let (wanted, piece, start) = (self.wanted, self.piece, self.at);
        let columns = wanted.columns;
        let end = memchr(b'\n', &piece[start..]).map_or(piece.len(), |at| start + at);
        let line = self.whole.map(|whole| whole[start..end].trim_ascii());
        let bytes = line.map_or_else(|| piece[start..end].trim_ascii(), str::as_bytes);
        self.at = piece.len().min(end + 1);
        if bytes.is_empty() {
            return Ok(true);
        }
        let text = || String::from_utf8_lossy(bytes).into_owned();
        let fields = self.fields.fields();
        // A line of another shape may leave fields filled; the parser below has fields of its own.
        if line.is_some_and(|line| self.shape.fill(line, fields)) {
            return Ok(seen.offer(columns, Ok(fields), &text, on_record));
        }
        // A last line without a line end that is not JSON was cut short.
        if end == piece.len() && !is_json(bytes) {
            // A row that failed before the cut is the earlier fault.
            let failed = seen.failed.take();
            return Err(failed.map_or(Stop::CutShort(seen.rows + 1), Stop::Error));
        }
        if !offer(bytes, wanted, seen, on_record) {
            return Ok(false);
        }
        // The next line is most likely like this one. Fields that only the last shape filled must
        // go.
        if let Some(line) = line.filter(|_| wanted.explode.is_none()) {
            self.shape = LineShape::new(line, columns);
            self.is_new_shape = true;
            fields.fill(Field::Missing);
        }
        Ok(true)
    }
}

/// Passes one JSON record to the caller; returns whether to read on.
fn offer(
    bytes: &[u8],
    wanted: WantedFields<'_>,
    seen: &mut ColumnsSeen,
    on_record: OnRecord<'_>,
) -> bool {
    let columns = wanted.columns;
    let text = || String::from_utf8_lossy(bytes).into_owned();
    if let Some(rules) = wanted.explode {
        return match std::str::from_utf8(bytes) {
            Ok(json) => offer_elements(json, columns, rules, seen, on_record),
            Err(_) => {
                let mismatch = Mismatch::new("a JSON object", "bytes that are not UTF-8");
                seen.offer(columns, Err(mismatch), &text, on_record)
            }
        };
    }
    let mut fields = FieldRow::new(columns.len());
    let fields = fields.fields();
    let read = match std::str::from_utf8(bytes) {
        Ok(json) => object_fields(json, columns, fields),
        Err(_) => Err("bytes that are not UTF-8".to_owned()),
    };
    let read = read.or_else(|found| {
        // An object that breaks off may have filled some.
        fields.fill(Field::Missing);
        let is_object = object_fields_among(bytes, columns, fields);
        is_object.then_some(()).ok_or(found)
    });
    let fields = match read {
        Ok(()) => Ok(&*fields),
        Err(found) => Err(Mismatch::new("a JSON object", found)),
    };
    seen.offer(columns, fields, &text, on_record)
}

/// Reads the records of one JSON array, or of objects one after the other, one at a time; returns their
/// number.
pub(crate) fn json_records(
    file: &InputFile,
    mut text: impl BufRead,
    columns: &[WantedColumn<'_>],
    on_record: OnRecord<'_>,
) -> Result<u64> {
    let is_array = first_of(&mut text).map_err(|error| file.broken(&error))? != Some(b'{');
    // Shared with the visitor, which resets it for each element.
    let left = Cell::new(RECORD_BYTES_MAX);
    let text = LenientJson::new(text);
    let mut reader = serde_json::Deserializer::from_reader(RecordLimit { text, left: &left });
    let mut seen = ColumnsSeen::default();
    let rules = ListRules::new(file);
    let wanted = WantedFields {
        columns,
        explode: rules.as_ref(),
    };
    let mut elements = Elements {
        seen: &mut seen,
        wanted,
        left: &left,
        on_record,
    };
    let read = if is_array {
        let read = reader.deserialize_seq(elements);
        read.and_then(|()| reader.end())
    } else {
        let mut objects = reader.into_iter::<Box<RawValue>>();
        objects.try_for_each(|object| elements.offer(&object?))
    };
    let what = if is_array { "array" } else { "object" };
    match read {
        Ok(()) => seen.finish(file, columns),
        // `offer` keeps the failure and ends the read with an error of serde, which means nothing.
        Err(_) if seen.failed.is_some() => seen.finish(file, columns),
        // Before the test for I/O: the limit ends the read with an I/O error.
        Err(_) if left.get() == 0 => {
            Err(file.fault(format!("record {} {TOO_LONG}", seen.rows + 1)))
        }
        Err(error) if error.is_io() => Err(file.broken(&error.into())),
        Err(error) => Err(file.fault(format!(
            "no JSON {what}, from record {}: {error}",
            seen.rows + 1
        ))),
    }
}

/// Fails where a record is longer than [`RECORD_BYTES_MAX`]. The reader takes a byte at a time.
struct RecordLimit<'a, T> {
    text: T,
    /// How many bytes longer the record may get.
    left: &'a Cell<usize>,
}

impl<T: Read> Read for RecordLimit<'_, T> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.text.read(into)?;
        match self.left.get().checked_sub(read) {
            Some(left) => {
                self.left.set(left);
                Ok(read)
            }
            None => {
                self.left.set(0);
                Err(io::Error::other(TOO_LONG))
            }
        }
    }
}

/// The first byte of a text that is not white space, which is left out.
fn first_of(text: &mut impl BufRead) -> io::Result<Option<u8>> {
    loop {
        let bytes = text.fill_buf()?;
        let blank = bytes.len() - bytes.trim_ascii_start().len();
        match bytes.get(blank) {
            Some(first) => return Ok(Some(*first)),
            None if blank == 0 => return Ok(None),
            None => text.consume(blank),
        }
    }
}

/// Passes elements to the caller, one by one.
struct Elements<'s, 'c> {
    seen: &'s mut ColumnsSeen,
    wanted: WantedFields<'s>,
    /// The limit of [`RecordLimit`], reset for each element.
    left: &'s Cell<usize>,
    on_record: OnRecord<'c>,
}

impl Elements<'_, '_> {
    /// Passes on one element.
    ///
    /// # Errors
    /// If the caller gives up; what it says is in `seen`.
    fn offer<E: serde::de::Error>(&mut self, element: &RawValue) -> std::result::Result<(), E> {
        self.left.set(RECORD_BYTES_MAX);
        let bytes = element.get().as_bytes();
        if offer(bytes, self.wanted, self.seen, self.on_record) {
            return Ok(());
        }
        Err(E::custom("given up"))
    }
}

impl<'a> Visitor<'a> for Elements<'_, '_> {
    type Value = ();

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("an array of objects")
    }

    fn visit_seq<A: SeqAccess<'a>>(mut self, mut array: A) -> std::result::Result<(), A::Error> {
        while let Some(element) = array.next_element::<Box<RawValue>>()? {
            self.offer(&element)?;
        }
        Ok(())
    }
}
