//! Plain rows hold what the readers of single records and fields find, whatever the text.

use std::borrow::Cow;

use super::{Part, PlainRow};
use crate::calendar::Zone;
use crate::job::{CustomerType, TimeUnit};
use crate::kernel::column::Customer;
use crate::scan::text::columns::WantedColumn;
use crate::scan::text::csv::{csv_piece, csv_rows};
use crate::scan::text::field::{Clock, Field};
use crate::scan::text::json::{WantedFields, ndjson_piece, ndjson_rows};
use crate::scan::text::record::{ColumnsSeen, CsvLayout, OnRecord, Stop, TextRecord};
use crate::scan::text::times::WrittenTime;

/// A record as its reader sees it.
#[derive(Debug, PartialEq)]
enum Seen {
    Row(u64, i64, i32, WrittenTime, String),
    /// A record that is not plain: its number, what is in it, and what the quarantine says.
    Other(u64, String, String),
}

/// The columns of the logs here.
fn columns() -> [WantedColumn<'static>; 4] {
    ["c", "i", "t", "else"].map(|name| WantedColumn::new(name, name != "else"))
}

/// What a record is by its fields, one by one.
fn of_record(record: &TextRecord<'_>) -> Seen {
    let other = |shown| Seen::Other(record.row, shown, (record.text)());
    let fields = match &record.fields {
        Ok(fields) => *fields,
        Err(mismatch) => return other(format!("{mismatch:?}")),
    };
    let zone = Zone::utc();
    let clock = Clock {
        zone: &zone,
        days: &zone,
        unit: Some(TimeUnit::Milli),
        format: None,
    };
    let written = fields[2].as_written(&clock);
    let customer = fields[0].as_customer(CustomerType::Int64);
    // What nobody looks at in a plain row must not make it another.
    match (customer, fields[1].as_item(), written) {
        (Some(Customer::Int(customer)), Some(item), Some(written)) => {
            let text = fields[2].raw().to_owned();
            Seen::Row(record.row, customer, item, written, text)
        }
        _ => other(format!("{fields:?}")),
    }
}

/// What a plain row is.
fn of_row(number: u64, row: &PlainRow<'_, i32>) -> Seen {
    let time = row.time.to_owned();
    Seen::Row(number, row.customer, row.item, row.written, time)
}

/// What came of a text: its records, how the reading ended, and what was noted of it.
type Outcome = (Vec<Seen>, String, String);

/// Reads a text record by record.
fn one_by_one(read: impl FnOnce(&mut ColumnsSeen, OnRecord<'_>) -> Result<bool, Stop>) -> Outcome {
    let (mut found, mut seen) = (Vec::new(), ColumnsSeen::default());
    let read = read(&mut seen, &mut |record| {
        found.push(of_record(&record));
        Ok(())
    });
    (found, format!("{read:?}"), format!("{seen:?}"))
}

/// Reads a text with many plain rows at a time; also gives how many there were.
fn in_rows(
    read: impl FnOnce(
        &mut ColumnsSeen,
        &mut dyn FnMut(Part<'_, i32>) -> crate::error::Result<()>,
    ) -> Result<bool, Stop>,
) -> (Outcome, usize) {
    let (mut found, mut seen, mut plain) = (Vec::new(), ColumnsSeen::default(), 0);
    let read = read(&mut seen, &mut |part| {
        match part {
            Part::Rows(first, rows) => {
                plain += rows.len();
                found.extend((first..).zip(rows).map(|(at, row)| of_row(at, row)));
            }
            Part::Record(record) => found.push(of_record(&record)),
        }
        Ok(())
    });
    ((found, format!("{read:?}"), format!("{seen:?}")), plain)
}

/// Checks both ways of reading a text of CSV against each other; gives the number of plain rows.
fn check_csv(layout: &CsvLayout, text: &[u8]) -> usize {
    let expected = one_by_one(|seen, on_record| csv_piece(layout, text, seen, on_record));
    let (found, plain) = in_rows(|seen, on_part| csv_rows(layout, text, seen, on_part));
    assert_eq!(found, expected, "{:?}", String::from_utf8_lossy(text));
    plain
}

/// The same of NDJSON.
fn check_ndjson(text: &[u8]) -> usize {
    let columns = columns();
    let wanted = WantedFields {
        columns: &columns,
        explode: None,
    };
    let expected = one_by_one(|seen, on_record| ndjson_piece(wanted, text, seen, on_record));
    let (found, plain) = in_rows(|seen, on_part| ndjson_rows(wanted, text, seen, on_part));
    assert_eq!(found, expected, "{:?}", String::from_utf8_lossy(text));
    plain
}

/// Numbers that look random, the same in each run.
struct Random(u64);

impl Random {
    /// A number below another.
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005);
        self.0 = self.0.wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).expect("31 bits") % end
    }

    /// One of some texts.
    fn of<'t>(&mut self, texts: &[&'t str]) -> &'t str {
        texts[self.below(texts.len())]
    }

    /// A value: one time in so many an odd one.
    fn value<'t>(&mut self, usual: &[&'t str], odd: &[&'t str], odds: usize) -> &'t str {
        match self.below(odds) {
            0 => self.of(odd),
            _ => self.of(usual),
        }
    }

    /// The text with one of its bytes replaced, if it can be.
    fn damaged<'t>(&mut self, text: &'t str) -> Cow<'t, str> {
        let mut bytes = text.as_bytes().to_vec();
        if bytes.is_empty() {
            return text.into();
        }
        let at = self.below(bytes.len());
        bytes[at] = b"0159-:.,; TZ\"\\x\r\n{}"[self.below(19)];
        String::from_utf8(bytes).map_or_else(|_| text.into(), Cow::Owned)
    }

    /// The bytes of a file, at times without its last line end, and at times with a byte that is no UTF-8.
    fn ended(&mut self, mut text: String) -> Vec<u8> {
        if self.below(2) == 0 {
            text.truncate(text.trim_end().len());
        }
        let mut bytes = text.into_bytes();
        if self.below(50) == 0 && !bytes.is_empty() {
            let at = self.below(bytes.len());
            bytes[at] = 0xff;
        }
        bytes
    }
}

const IDS: [&str; 6] = ["1", "361034", "12345678", "123456789", "1234567890", "77"];
const ODD_IDS: [&str; 22] = [
    "",
    "-5",
    "0",
    "-0",
    "007",
    "00",
    "+7",
    " 7",
    "7 ",
    "7.0",
    "1e2",
    "x",
    "null",
    "\"7\"",
    "-",
    "9223372036854775807",
    "9223372036854775808",
    "-9223372036854775808",
    "2147483648",
    "true",
    "12345678901234567890123",
    "é",
];
const TIMES: [&str; 7] = [
    "2025-08-15 12:34:56",
    "2025-08-15 23:59:59",
    "2025-08-16T00:00:00",
    "2025-08-15T12:34:56.000000",
    "2025-08-15 12:34:56.123456789",
    "2025-08-15T12:34:56Z",
    "2025-08-15T12:34:56.5z",
];
const ODD_TIMES: [&str; 27] = [
    "",
    "2025-08-15",
    "2025-08-15 12:34",
    "2025-08-15 12:34:60",
    "2025-08-15 24:00:00",
    "2025-02-29 10:00:00",
    "2025-08-15 12:34:56.",
    "2025-08-15 12:34:56.1234567890",
    "2025-08-15T12:34:56+02:00",
    "2025-08-15 12:34:56 UTC",
    "2025-08-15 12:34:56Zz",
    "0000-01-01 00:00:00",
    "0001-01-01 00:00:00",
    "0001-01-02T00:00:00Z",
    "9999-12-31 23:59:59",
    "9999-12-31T23:59:59Z",
    "9999-12-28 00:00:00",
    "1755259200000",
    "15 Aug 2025 12:00:00",
    " 2025-08-15 12:34:56",
    "2025-08-15 12:34:56 ",
    "2025-08-15X12:34:56",
    "1970-01-01 00:00:00",
    "1969-12-31 23:59:59.9",
    "null",
    "\0\0\0\0\0\0\0\0\0\0T10:00:00",
    "2025-08-15 12:34:56é",
];
const OTHERS: [&str; 6] = ["a", "", "2025-08-15", "12", "é", "a b"];

#[test]
fn plain_rows_of_csv_are_its_records() {
    let mut random = Random(1);
    let (mut plain, mut records) = (0, 0);
    for case in 0..6_000 {
        let odds = [4, 40, 4000][case % 3];
        let delimiter = random.value(&[",", ";", "\t"], &[":", " ", "-", "x"], 20);
        // Where the columns are, of four or five fields.
        let fields_count = 4 + random.below(2);
        let mut places: Vec<_> = (0..fields_count).map(Some).collect();
        (0..4).for_each(|at| places.swap(at, random.below(fields_count)));
        places.truncate(4);
        if random.below(20) == 0 {
            places[3] = None;
        }
        if random.below(40) == 0 {
            places[1] = places[0];
        }
        let layout = CsvLayout {
            delimiter: delimiter.as_bytes()[0],
            fields_count,
            places: places.clone(),
            ..CsvLayout::default()
        };
        let mut text = String::new();
        for _ in 0..random.below(if case % 100 == 0 { 700 } else { 8 }) {
            let mut fields: Vec<&str> = (0..fields_count).map(|_| random.of(&OTHERS)).collect();
            for (column, place) in places.iter().enumerate().take(3) {
                fields[place.expect("a place")] = match column {
                    2 => random.value(&TIMES, &ODD_TIMES, odds),
                    _ => random.value(&IDS, &ODD_IDS, odds),
                };
            }
            let line = fields.join(delimiter);
            text += match random.below(odds) {
                0 => random.damaged(&line),
                _ => line.into(),
            }
            .as_ref();
            text += random.value(&["\n"], &["\r\n", "\r", "\n\n", "\r\n\n"], odds);
            records += 1;
        }
        let bytes = random.ended(text);
        plain += check_csv(&layout, &bytes);
    }
    assert!(plain > records / 3, "{plain} plain rows of {records}");
}

#[test]
fn plain_rows_of_ndjson_are_its_records() {
    let mut random = Random(2);
    let (mut plain, mut records) = (0, 0);
    for case in 0..6_000 {
        let odds = [4, 40, 4000][case % 3];
        let (colon, comma) = [(":", ","), (": ", ", "), (" : ", ",")][random.below(3)];
        let quote = |text: &str| match text {
            "null" => text.to_owned(),
            text => format!("\"{}\"", text.replace('"', "").replace('\0', "\\u0000")),
        };
        let mut text = String::new();
        let order = random.below(3);
        for _ in 0..random.below(if case % 100 == 0 { 700 } else { 8 }) {
            let mut members = vec![
                ("c", random.value(&IDS, &ODD_IDS, odds).to_owned()),
                ("i", random.value(&IDS, &ODD_IDS, odds).to_owned()),
                ("t", quote(random.value(&TIMES, &ODD_TIMES, odds))),
            ];
            match random.below(odds) {
                0 => members.push((random.of(&["c", "t", "x", "\\u0063"]), "12".to_owned())),
                1 => members.truncate(random.below(3)),
                _ => {}
            }
            if order > 0 && !members.is_empty() {
                let value = quote(random.of(&OTHERS));
                members.push((["else", "other"][order - 1], value));
                members.rotate_left(order);
            }
            let members = members.iter();
            let members: Vec<String> = members
                .map(|(key, value)| format!("\"{key}\"{colon}{value}"))
                .collect();
            let line = format!("{{{}}}", members.join(comma));
            text += match random.below(odds) {
                0 => random.damaged(&line),
                _ => line.into(),
            }
            .as_ref();
            text += random.value(&["\n"], &["\r\n", "\n\n", " \n", "\n \n"], odds);
            records += 1;
        }
        let bytes = random.ended(text);
        plain += check_ndjson(&bytes);
    }
    assert!(plain > records / 4, "{plain} plain rows of {records}");
}

#[test]
fn a_log_as_programs_write_it_is_plain_but_for_its_ends() {
    let layout = CsvLayout {
        delimiter: b',',
        fields_count: 3,
        places: vec![Some(0), Some(1), Some(2), None],
        ..CsvLayout::default()
    };
    for end in ["\n", "\r\n"] {
        for time in TIMES {
            let line = format!("361034,440968,{time}{end}");
            assert!(check_csv(&layout, line.repeat(1000).as_bytes()) >= 990);
            let line = format!(r#"{{"c":361034,"i":440968,"t":"{time}"}}{end}"#);
            assert!(check_ndjson(line.repeat(1000).as_bytes()) >= 990);
        }
    }
    assert_eq!(Field::Csv("0").as_item::<i32>(), None);
    let line = "361034,0,2025-08-15 12:00:00\n";
    assert_eq!(check_csv(&layout, line.repeat(1000).as_bytes()), 0);
}
