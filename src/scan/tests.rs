//! Text is read in pieces and by shape as it is read whole, by the libraries alone.

use std::io::{Cursor, Read};
use std::sync::Arc;

use csv::ByteRecord;

use crate::catalog::compression::Compression;
use crate::catalog::input::InputFile;
use crate::error::{Error, ErrorKind, Result, RowFault};
use crate::job::{Format, Source};
use crate::scan::text::field::{Field, Mismatch};
use crate::scan::text::json::object_fields;
use crate::scan::text::json_shape::Shape;
use crate::scan::text::records::{Record, TextColumn, missing_column, records};

/// What a record came to: its number, and its fields as text or what is wrong with it.
type RecordRead = (u64, String);

/// What a text came to.
type Outcome = (Vec<RecordRead>, std::result::Result<u64, String>);

/// The columns looked for; the last may be absent.
const COLUMNS: [&str; 3] = ["a", "b", "z"];

/// The columns looked for.
fn columns() -> [TextColumn<'static>; 3] {
    [0, 1, 2].map(|at| TextColumn::new(COLUMNS[at], at < 2))
}

/// The file of a path.
fn file_at(path: &std::path::Path) -> InputFile {
    InputFile {
        source: Source::Clicks,
        path: path.to_owned(),
        shown: "text".to_owned(),
        day: None,
        whole: Arc::default(),
        nulls: crate::catalog::null_words::NullWords::default(),
    }
}

/// What is done with records: they are noted, and one whose first field is `bad` fails.
fn note(
    read: &mut Vec<RecordRead>,
    row: u64,
    of: &std::result::Result<&[Field<'_>], Mismatch>,
) -> Result<()> {
    let is_bad = of.as_ref().is_ok_and(|fields| {
        matches!(&fields[0], Field::Csv("bad")) || fields[0] == Field::Text("bad".into())
    });
    read.push((row, format!("{of:?}")));
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

/// What a text comes to in pieces.
fn in_pieces(path: &std::path::Path, format: Format, piece_bytes: usize) -> Outcome {
    let mut read = Vec::new();
    let file = file_at(path);
    let format = (format, Compression::None);
    let rows = records(
        &file,
        format,
        &columns(),
        piece_bytes,
        &mut |record: Record<'_>| {
            (record.text)();
            note(&mut read, record.row, &record.fields)
        },
    );
    (read, rows.map_err(|error| error.to_string()))
}

/// What CSV comes to by the `csv` crate alone. No text ends with a line of two `~`.
fn csv_twin(text: &[u8]) -> Outcome {
    let mut read = Vec::new();
    let rows = csv_twin_rows(text, &mut read).map_err(|error| error.to_string());
    (read, rows)
}

/// The records of CSV, and their number.
fn csv_twin_rows(text: &[u8], read: &mut Vec<RecordRead>) -> Result<u64> {
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
        return Err(fault(match &header[0] == b"~~" {
            true => "it has no header".to_owned(),
            false => "a quote in its header never ends".to_owned(),
        }));
    }
    let place = |name: &str| header.iter().position(|of| of == name.as_bytes());
    let places = COLUMNS.map(place);
    let all: Vec<ByteRecord> = reader.byte_records().map(|of| of.expect("bytes")).collect();
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
            let expected = format!("{} fields, as in the header", header.len());
            let found = Mismatch::new(expected, record.len().to_string());
            note(read, row, &Err(found))?;
        }
    }
    Ok(u64::try_from(count).expect("few"))
}

/// What NDJSON comes to by `serde_json` alone.
fn json_twin(text: &[u8]) -> Outcome {
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
    let (mut read, mut failed) = (Vec::new(), None);
    let (mut rows, mut objects, mut had) = (0, 0, [false; 3]);
    for line in text.split_inclusive(|byte| *byte == b'\n') {
        let bytes = line.trim_ascii();
        let is_json = serde_json::from_slice::<serde::de::IgnoredAny>(bytes).is_ok();
        if bytes.is_empty() {
            continue;
        }
        if !line.ends_with(b"\n") && !is_json {
            let cut = Error::bad_file("text", format!("it is cut short in row {}", rows + 1));
            return (read, Err(failed.unwrap_or(cut).to_string()));
        }
        let source = std::str::from_utf8(bytes).map_err(|_| "bytes that are not UTF-8".to_owned());
        let mut fields = [Field::Missing, Field::Missing, Field::Missing];
        let of = source.and_then(|json| object_fields(json, &columns(), &mut fields));
        if of.is_ok() {
            objects += 1;
            for (had, field) in had.iter_mut().zip(&fields) {
                *had |= *field != Field::Missing;
            }
        }
        if failed.is_none() {
            rows += 1;
            let of = of.map(|()| &fields[..]);
            let of = of.map_err(|found| Mismatch::new("a JSON object", found));
            failed = note(&mut read, rows, &of).err();
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

/// A few random bits, by SplitMix64.
struct Bits(u64);

impl Bits {
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

/// Compares what random texts of these parts come to.
fn compare(format: Format, heads: &[&[u8]], parts: &[&[u8]], twin: fn(&[u8]) -> Outcome) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("text");
    let lengths: [&[u8]; 4] = [b"", b"123", b"12345678", b"1234567890123456789012345"];
    for seed in 0..1500 {
        let mut bits = Bits(seed);
        let mut text = bits.pick(heads).to_vec();
        for _ in 0..bits.pick(&lengths).len() {
            text.extend_from_slice(bits.pick(parts));
        }
        std::fs::write(&path, &text).expect("a file");
        let expected = twin(&text);
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
    compare(Format::Csv, &heads, &plain, csv_twin);
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
    compare(Format::Csv, &heads, &hostile, csv_twin);
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
    compare(Format::Ndjson, &heads, &lines, json_twin);
    compare(Format::Ndjson, &heads, &lines[..7], json_twin);
}

#[test]
fn what_has_the_shape_of_a_line_is_read_as_by_the_library() {
    let line = r#"{"x":"","a":1,"b":"t","y":2.5}"#;
    let shape = Shape::new(line, &columns());
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
