//! Text that is read in pieces and by shape gives what the libraries alone make of the whole.

use std::io::{Cursor, Read};
use std::sync::Arc;

use csv::ByteRecord;

use crate::catalog::compression::Compression;
use crate::catalog::input::InputFile;
use crate::error::{Error, ErrorKind, Result, RowFault};
use crate::job::{Format, Source};
use crate::scan::mismatch::Mismatch;
use crate::scan::missing_column::missing_column;
use crate::scan::text::columns::WantedColumn;
use crate::scan::text::field::Field;
use crate::scan::text::json::object_fields;
use crate::scan::text::json::shape::LineShape;
use crate::scan::text::record::TextRecord;
use crate::scan::text::records::records;

/// A record that was read: its number, and its fields or its mismatch as text.
type RecordRead = (u64, String);

/// What reading a text gave: its records, and their number or the error.
type TextRead = (Vec<RecordRead>, std::result::Result<u64, String>);

/// The columns looked for; the last may be absent.
const COLUMNS: [&str; 3] = ["a", "b", "z"];

/// The columns looked for.
fn columns() -> [WantedColumn<'static>; 3] {
    [0, 1, 2].map(|at| WantedColumn::new(COLUMNS[at], at < 2))
}

/// The file of a path.
fn file_at(path: &std::path::Path) -> InputFile {
    InputFile {
        source: Source::Clicks,
        path: path.to_owned(),
        shown: "text".to_owned(),
        day: None,
        is_of_no_day: false,
        whole: Arc::default(),
        nulls: crate::catalog::null_words::NullWords::default(),
        settings: Arc::default(),
        spooled: None,
        share: None,
    }
}

/// Notes a record, and fails if its first field is `bad`.
fn note(
    read: &mut Vec<RecordRead>,
    row: u64,
    fields: &std::result::Result<&[Field<'_>], Mismatch>,
) -> Result<()> {
    let is_bad = fields.as_ref().is_ok_and(|fields| {
        matches!(&fields[0], Field::Csv("bad")) || fields[0] == Field::Text("bad".into())
    });
    read.push((row, format!("{fields:?}")));
    if !is_bad {
        return Ok(());
    }
    Err(Error::from(ErrorKind::BadRow(Box::new(RowFault {
        file: "text".to_owned(),
        row,
        column: "a".to_owned(),
        expected: "better".to_owned(),
        found: "bad".to_owned(),
        hint: None,
    }))))
}

/// Reads a text in pieces.
fn in_pieces(path: &std::path::Path, format: Format, piece_bytes: usize) -> TextRead {
    let mut read = Vec::new();
    let file = file_at(path);
    let format = (format, Compression::None);
    let rows = records(
        &file,
        format,
        &columns(),
        piece_bytes,
        &mut |record: TextRecord<'_>| {
            (record.text)();
            note(&mut read, record.row, &record.fields)
        },
    );
    (read, rows.map_err(|error| error.to_string()))
}

/// Reads CSV with the `csv` crate alone. No text ends with a line of two `~`.
fn csv_reference(text: &[u8]) -> TextRead {
    let mut read = Vec::new();
    let rows = csv_reference_rows(text, &mut read).map_err(|error| error.to_string());
    (read, rows)
}

/// Adds the records of CSV to `read`; returns their number.
fn csv_reference_rows(text: &[u8], read: &mut Vec<RecordRead>) -> Result<u64> {
    let fault = |what: String| Error::bad_file("text", what);
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
    let mut reader = csv::ReaderBuilder::new()
        .flexible(true)
        .from_reader(text.chain(Cursor::new(b"\n~~\n")));
    let header = reader.byte_headers().expect("bytes").clone();
    if header
        .iter()
        .any(|name| name.trim_ascii_end().ends_with(b"~~"))
    {
        let what = if &header[0] == b"~~" {
            "it has no header"
        } else {
            "a quote in its header never ends"
        };
        return Err(fault(what.to_owned()));
    }
    let place = |name: &str| header.iter().position(|column| column == name.as_bytes());
    let places = COLUMNS.map(place);
    let all = reader.byte_records().map(|record| record.expect("bytes"));
    let all: Vec<ByteRecord> = all.collect();
    let is_cut = !text.ends_with(b"\n") && !text.ends_with(b"\r");
    let is_open = all
        .last()
        .is_none_or(|last| &last[0] != b"~~" || last.len() > 1);
    let count = if is_open { all.len() } else { all.len() - 1 };
    for (row, record) in (1_u64..).zip(&all[..count]) {
        let is_last = std::ptr::eq(record, &raw const all[count - 1]);
        if is_last && is_open {
            let what = format!("it ends inside a quoted field that begins in row {row}");
            return Err(fault(what));
        }
        let is_whole = record.len() == header.len();
        if is_last && is_cut && !is_whole {
            return Err(fault(format!("it is cut short in row {row}")));
        }
        let field = |place: Option<usize>| match place.map(|place| &record[place]) {
            None => Field::Missing,
            Some(b"") => Field::Null,
            Some(bytes) => std::str::from_utf8(bytes).map_or(Field::NotText, Field::Csv),
        };
        if is_whole {
            note(read, row, &Ok(&places.map(field)))?;
        } else {
            let is_longer = record.len() == header.len() + 1 && &record[header.len()] == b"";
            let hint = if is_longer {
                " (a delimiter at the end begins another field: remove it)"
            } else {
                ""
            };
            let expected = format!("{} fields, as in the header{hint}", header.len());
            let mismatch = Mismatch::new(expected, record.len().to_string());
            note(read, row, &Err(mismatch))?;
        }
    }
    Ok(u64::try_from(count).expect("few"))
}

/// Reads NDJSON with `serde_json` alone.
fn json_reference(text: &[u8]) -> TextRead {
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
    let (mut read, mut failed) = (Vec::new(), None);
    let (mut rows, mut objects, mut had) = (0, 0, [false; 3]);
    for line in text.split_inclusive(|byte| *byte == b'\n') {
        let bytes = line.trim_ascii();
        // A byte that is not UTF-8 matters only in its own field.
        let lossy = String::from_utf8_lossy(bytes);
        let is_json = serde_json::from_str::<serde::de::IgnoredAny>(&lossy).is_ok();
        if bytes.is_empty() {
            continue;
        }
        if !line.ends_with(b"\n") && !is_json {
            let cut = Error::bad_file("text", format!("it is cut short in row {}", rows + 1));
            return (read, Err(failed.unwrap_or(cut).to_string()));
        }
        let mut fields = [Field::Missing, Field::Missing, Field::Missing];
        let parsed = object_fields(&lossy, &columns(), &mut fields);
        let is_text = std::str::from_utf8(bytes).is_ok();
        let what = |found| {
            if is_text {
                found
            } else {
                "bytes that are not UTF-8".to_owned()
            }
        };
        let parsed = parsed.map_err(what);
        for field in fields.iter_mut().filter(|_| !is_text) {
            if matches!(&*field, Field::Text(text) if text.contains('\u{fffd}')) {
                *field = Field::NotText;
            }
        }
        if parsed.is_ok() {
            objects += 1;
            for (had, field) in had.iter_mut().zip(&fields) {
                *had |= *field != Field::Missing;
            }
        }
        if failed.is_none() {
            rows += 1;
            let parsed = parsed.map(|()| &fields[..]);
            let parsed = parsed.map_err(|found| Mismatch::new("a JSON object", found));
            failed = note(&mut read, rows, &parsed).err();
        }
        if failed.is_some() && had[0] && had[1] {
            break;
        }
    }
    let missing = [0, 1].into_iter().find(|at| objects > 0 && !had[*at]);
    let end = match (missing, failed) {
        (Some(at), _) => {
            Err(missing_column(&file_at("".as_ref()), COLUMNS[at], "it in no record").to_string())
        }
        (None, Some(error)) => Err(error.to_string()),
        (None, None) => Ok(rows),
    };
    (read, end)
}

/// Random choices, by SplitMix64.
struct Choices(u64);

impl Choices {
    /// One of some values.
    fn pick<'v>(&mut self, values: &[&'v [u8]]) -> &'v [u8] {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let count = u64::try_from(values.len()).expect("few");
        values[usize::try_from((mixed ^ (mixed >> 31)) % count).expect("few")]
    }
}

/// Compares random texts of these parts, read in pieces and by the reference.
fn compare(format: Format, heads: &[&[u8]], parts: &[&[u8]], reference: fn(&[u8]) -> TextRead) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("text");
    let lengths: [&[u8]; 4] = [b"", b"123", b"12345678", b"1234567890123456789012345"];
    for seed in 0..1500 {
        let mut choices = Choices(seed);
        let mut text = choices.pick(heads).to_vec();
        for _ in 0..choices.pick(&lengths).len() {
            text.extend_from_slice(choices.pick(parts));
        }
        std::fs::write(&path, &text).expect("a file");
        let expected = reference(&text);
        for piece_bytes in [1, 2, 3, 5, 9, 17, 1 << 20] {
            let found = in_pieces(&path, format, piece_bytes);
            let text = String::from_utf8_lossy(&text);
            assert_eq!(
                found, expected,
                "seed {seed}, {piece_bytes} bytes, {text:?}"
            );
        }
    }
}

#[test]
fn csv_in_pieces_is_what_the_library_reads() {
    let heads: [&[u8]; 6] = [
        b"a,b\n",
        b"a,b\n",
        b"\xef\xbb\xbfx,a,b\r\n",
        b"\n\r\na,\"b\",z\n",
        b"b,a\r",
        b"a,b\r\n",
    ];
    let plain: [&[u8]; 24] = [
        b"1",
        b"-5",
        b"+7",
        b"007",
        b" 1",
        b"9223372036854775808",
        b"2025-08-15",
        b",",
        b",",
        b",",
        b",",
        b"1,2\n",
        b"3,4\n",
        b"\n",
        b"\n",
        b"\n",
        b"\r\n",
        b"\r",
        b"bad",
        b"\0",
        "é".as_bytes(),
        b"\xef\xbb\xbf",
        b"5,6\r\n",
        b"7,8\r9,1\n",
    ];
    compare(Format::Csv, &heads, &plain, csv_reference);
    let mut hostile = plain.to_vec();
    hostile.extend([
        &b"\""[..],
        b"\"",
        b"\"\"",
        b"\"x,y\"",
        b"\"x\ny\",",
        b"a\"b",
        b"\xff",
    ]);
    compare(Format::Csv, &heads, &hostile, csv_reference);
}

#[test]
fn ndjson_in_pieces_is_what_the_library_reads() {
    let heads: [&[u8]; 4] = [b"", b"\xef\xbb\xbf", b"\n", b"{\"a\":1,\"b\":2}\n"];
    let lines: [&[u8]; 40] = [
        b"{\"a\":1,\"b\":2}\n",
        b"{\"a\":3,\"b\":\"x\"}\n",
        b"{\"a\":4,\"b\":null}\n",
        b"{\"a\":5,\"b\":6}\r\n",
        b" {\"a\":5,\"b\":6} \n",
        b"{ \"a\" : 5 , \"b\" : 6 }\n",
        b"{\"b\":1,\"a\":2}\n",
        b"{\"a\":1}\n",
        b"{\"b\":1}\n",
        b"{}\n",
        b"[]\n",
        b"1\n",
        b"{\"a\":01,\"b\":2}\n",
        b"{\"a\":+1,\"b\":2}\n",
        b"{\"a\":-1,\"b\":-0}\n",
        b"{\"a\":1.5e+3,\"b\":2.0}\n",
        b"{\"a\":1.,\"b\":2}\n",
        b"{\"a\":1e,\"b\":2}\n",
        b"{\"a\":-,\"b\":2}\n",
        b"{\"a\":9223372036854775808,\"b\":2}\n",
        b"{\"a\":\"bad\",\"b\":2}\n",
        b"{\"a\":\"bad\"}\n",
        b"{\"a\":1,\"a\":2,\"b\":3}\n",
        b"{\"a\":1,\"b\":2,\"c\":[1,{\"a\":9}]}\n",
        b"{\"a\":1,\"b\":2,\"c\":1.5}\n",
        b"{\"\\u0061\":1,\"b\":2}\n",
        b"{\"a\":\"q\\\"\",\"b\":2}\n",
        b"{\"a\":\"\t\",\"b\":2}\n",
        "{\"a\":\"é\",\"b\":2}\n".as_bytes(),
        b"{\"a\":\"\xff\",\"b\":2}\n",
        b"{\"a\":1,\"b\":2,}\n",
        b"{\"a\":1,\"b\":2}}\n",
        b"{\"a\":true,\"b\":falsey}\n",
        b"{\"a\":true,\"b\":false}\n",
        b"{\"a\":1,\"b\":2",
        b"\n",
        b"\0\n",
        b"\xef\xbb\xbf{\"a\":1,\"b\":2}\n",
        b"{\"a\":1\n",
        b"{\"z\":1,\"a\":1,\"b\":2}\n",
    ];
    compare(Format::Ndjson, &heads, &lines, json_reference);
    compare(Format::Ndjson, &heads, &lines[..7], json_reference);
}

#[test]
fn a_line_of_the_same_shape_is_read_as_by_the_library() {
    let line = r#"{"x":"","a":1,"b":"t","y":2.5}"#;
    let shape = LineShape::new(line, &columns());
    let mut fields = [Field::Missing, Field::Missing, Field::Missing];
    assert!(shape.fill(line, &mut fields));
    // Every byte of the line in the place of every other, and left out.
    for at in 0..line.len() {
        for from in 0..=line.len() {
            let put = line.get(from..=from).unwrap_or("");
            let other = format!("{}{put}{}", &line[..at], &line[at + 1..]);
            let mut expected = [Field::Missing, Field::Missing, Field::Missing];
            let mut found = expected.clone();
            if shape.fill(&other, &mut found) {
                assert_eq!(
                    object_fields(&other, &columns(), &mut expected),
                    Ok(()),
                    "{other}"
                );
                assert_eq!(found, expected, "{other}");
            }
        }
    }
}
