//! A table as two files, CSV and Parquet.
//!
//! **In / Out**: [`TableRows`] in order → `NAME.csv` and `NAME.parquet`, next to each other, and a
//! [`Part`] for each. **CSV**: a header; lines end in a line feed; a text is quoted only where it
//! must be; a number is the shortest that reads back as the same, with a point and never with an
//! exponent.

use std::io::Write;
use std::path::PathBuf;

use crate::context::RunContext;
use crate::dictionary::Id;
use crate::encode::{RowGroup, TableEncoder};
use crate::error::{Error, Result};
use crate::ids::{count64, float, floored};
use crate::output::in_order::in_order;
use crate::output::parquet_file::ParquetFile;
use crate::publish::{Part, PartFile, Target};

/// Some rows of a table, encoded.
pub(super) struct TableRows {
    pub(super) csv: Vec<u8>,
    pub(super) group: RowGroup,
}

impl TableRows {
    /// Bytes of memory that they take.
    pub(super) fn bytes(&self) -> u64 {
        // What is allocated, not what is used: that is what the limit is about.
        count64(self.csv.capacity()) + self.group.bytes()
    }
}

/// The files of a table that is being written.
pub(super) struct TableFiles {
    csv_name: String,
    /// The path of the CSV file.
    csv_path: PathBuf,
    csv: PartFile,
    parquet: ParquetFile,
}

impl TableFiles {
    /// Starts both files of a table, in a folder of the output.
    ///
    /// # Errors
    /// If they cannot be made.
    pub(super) fn create(
        (target, folder): (Target<'_>, &str),
        name: &'static str,
        encoder: &TableEncoder,
    ) -> Result<TableFiles> {
        let csv_name = format!("{name}.csv");
        let (csv_path, mut csv) = target.file(folder, &csv_name, true)?;
        let written = csv.write_all(format!("{}\n", encoder.names().join(",")).as_bytes());
        written.map_err(|error| Error::io("write", &csv_path, error))?;
        Ok(TableFiles {
            csv_name,
            csv_path,
            csv,
            parquet: ParquetFile::create((target, folder), name, encoder)?,
        })
    }

    /// Makes the rows of each partition on all threads, and writes them to both files in order.
    ///
    /// # Errors
    /// That of the first partition whose rows cannot be made or written.
    pub(super) fn write<S>(
        self,
        context: &RunContext,
        partitions_count: usize,
        tools: impl Fn() -> S + Sync,
        make: impl Fn(&mut S, usize) -> Result<Option<TableRows>> + Sync,
    ) -> Result<[Part; 2]> {
        let make = |tools: &mut S, partition| Ok([make(tools, partition)?]);
        let [parts] = write_together([self], context, partitions_count, tools, make)?;
        Ok(parts)
    }

    /// Appends rows.
    fn append(&mut self, rows: TableRows) -> Result<()> {
        let written = self.csv.write_all(&rows.csv);
        written.map_err(|error| Error::io("write", &self.csv_path, error))?;
        self.parquet.append(rows.group)
    }

    /// Finishes both files.
    fn finish(self) -> Result<[Part; 2]> {
        let parquet = self.parquet.finish()?;
        let (bytes, checksum) = self.csv.finish()?;
        let csv = Part {
            name: self.csv_name,
            rows: parquet.rows,
            row_groups: 0,
            bytes,
            checksum,
        };
        Ok([csv, parquet])
    }
}

/// Makes the rows of several tables of each partition on all threads, and writes them in order; gives the
/// parts of each table.
///
/// # Errors
/// That of the first partition whose rows cannot be made or written.
pub(super) fn write_together<const N: usize, S>(
    mut tables: [TableFiles; N],
    context: &RunContext,
    partitions_count: usize,
    tools: impl Fn() -> S + Sync,
    make: impl Fn(&mut S, usize) -> Result<[Option<TableRows>; N]> + Sync,
) -> Result<[[Part; 2]; N]> {
    let make = |tools: &mut S, partition| {
        context.check()?;
        let rows = make(tools, partition)?;
        for rows in rows.iter().flatten() {
            context.reserve_memory(rows.bytes())?;
        }
        Ok(rows)
    };
    let take = |_, rows: [Option<TableRows>; N]| {
        for (table, rows) in tables.iter_mut().zip(rows) {
            let Some(rows) = rows else { continue };
            let bytes = rows.bytes();
            table.append(rows)?;
            context.free_memory(bytes);
        }
        Ok(())
    };
    // No guard: no partition waits for another one.
    in_order(partitions_count, tools, make, take)?;
    let mut parts = Vec::new();
    for table in tables {
        parts.push(table.finish()?);
    }
    Ok(parts.try_into().expect("each table has its parts"))
}

/// Adds an id to a line.
pub(super) fn put_id(to: &mut Vec<u8>, id: Id<'_>) {
    match id {
        Id::Text(text) => put_text(to, text),
        Id::Int(id) => {
            if id < 0 {
                to.push(b'-');
            }
            put_count(to, id.unsigned_abs());
        }
    }
}

/// Adds a text to a line, in quotes if it must be.
fn put_text(to: &mut Vec<u8>, text: &str) {
    let is_plain = |byte: u8| !matches!(byte, b',' | b'"' | b'\n' | b'\r');
    if text.bytes().all(is_plain) {
        to.extend_from_slice(text.as_bytes());
        return;
    }
    to.push(b'"');
    to.extend_from_slice(text.replace('"', "\"\"").as_bytes());
    to.push(b'"');
}

/// Adds a count to a line.
pub(super) fn put_count(to: &mut Vec<u8>, count: u64) {
    // Most counts have one digit.
    if let Ok(digit @ 0..10) = u8::try_from(count) {
        return to.push(b'0' + digit);
    }
    let mut digits = [0; 20];
    // 2^64 has 20 digits, so the buffer is never too short.
    let (mut at, mut rest) = (digits.len(), count);
    loop {
        at -= 1;
        let digit = u8::try_from(rest % 10).expect("a digit");
        digits[at] = b'0' + digit;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    to.extend_from_slice(&digits[at..]);
}

/// Adds a number to a line.
pub(super) fn put_number(to: &mut Vec<u8>, number: f64) {
    if let Some((whole, decimals)) = short_decimal(number) {
        return put_decimal(to, whole, decimals);
    }
    let start = to.len();
    write!(to, "{number}").expect("memory takes what is written to it");
    if !to[start..].contains(&b'.') {
        // A reader that infers types from the first lines would take it for an integer.
        to.extend_from_slice(b".0");
    }
}

/// The most decimals of a number that is written without a search for its digits: most means of a few seconds
/// have no more.
const DECIMALS_MAX: u32 = 3;
/// Two decimal numbers of up to 15 digits are never the same float.
const WHOLE_MAX: u64 = 1_000_000_000_000_000;

/// A number as a whole number and how many of its digits are decimals, as few as read back as the same; nothing
/// if it takes more than three, or 15 digits.
// There is no shorter text then: another one would have up to 15 digits as well, and be another float.
fn short_decimal(number: f64) -> Option<(u64, u32)> {
    if number.is_sign_negative() {
        return None;
    }
    let mut scale = 1.0;
    for decimals in 0..=DECIMALS_MAX {
        let whole = floored(number * scale + 0.5);
        // Both are exact, so the quotient is what a reader makes of the text.
        if whole < WHOLE_MAX && float(whole) / scale == number {
            return Some((whole, decimals));
        }
        scale *= 10.0;
    }
    None
}

/// Adds a number with so many decimals, or with one that is 0.
fn put_decimal(to: &mut Vec<u8>, whole: u64, decimals: u32) {
    let scale = 10_u64.pow(decimals);
    put_count(to, whole / scale);
    to.push(b'.');
    let mut rest = whole % scale;
    for place in (0..decimals.max(1)).rev() {
        let unit = 10_u64.pow(place);
        to.push(b'0' + u8::try_from(rest / unit).expect("a digit"));
        rest %= unit;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A field of a line.
    fn field(put: impl Fn(&mut Vec<u8>)) -> String {
        let mut line = Vec::new();
        put(&mut line);
        String::from_utf8(line).expect("text")
    }

    #[test]
    fn numbers_have_a_point_and_no_exponent_and_read_back() {
        for number in [
            0.0,
            1.0,
            0.1,
            1e-9,
            1e20,
            123.456,
            f64::from(u32::MAX),
            1.0 / 3.0,
        ] {
            let text = field(|line| put_number(line, number));
            assert!(text.contains('.') && !text.contains('e'), "{text}");
            assert_eq!(
                text.parse::<f64>().expect("a number").to_bits(),
                number.to_bits()
            );
        }
        assert_eq!(field(|line| put_number(line, 12.0)), "12.0");
    }

    #[test]
    fn numbers_are_those_of_the_standard_library() {
        let check = |number: f64| {
            let text = number.to_string();
            let point = if text.contains('.') { "" } else { ".0" };
            assert_eq!(field(|line| put_number(line, number)), text + point);
        };
        for seconds in 0..3000_u32 {
            for events in 1..20 {
                check(f64::from(seconds) / f64::from(events));
                check(f64::from(seconds) * 1e-6 / f64::from(events));
            }
        }
        let near = |number: f64| [number.next_down(), number, number.next_up()];
        for scale in [1e-3, 1.0, 1e11, 1e12, 1e14, 1e15, 1e16, 1e17, 1e30] {
            for number in [
                0.001, 0.1, 0.999, 1.0, 1.0005, 8.5, 12.125, 99.9995, 123.456,
            ] {
                near(number * scale).into_iter().for_each(check);
            }
        }
        [0.0, -0.0, -1.5, f64::MIN_POSITIVE, f64::MAX]
            .into_iter()
            .for_each(check);
    }

    #[test]
    fn ids_are_quoted_only_where_they_must_be() {
        for (id, expected) in [
            (Id::Text("null"), "null"),
            (Id::Text("a b"), "a b"),
            (Id::Text("a,b"), "\"a,b\""),
            (Id::Text("a\"b\n"), "\"a\"\"b\n\""),
            (Id::Int(0), "0"),
            (Id::Int(-7), "-7"),
            (Id::Int(i64::MIN), "-9223372036854775808"),
        ] {
            assert_eq!(field(|line| put_id(line, id)), expected);
        }
    }
}
