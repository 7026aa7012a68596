//! Flat columns of Parquet, row by row, through the readers that parquet's row API is made of.
//!
//! **In / Out**: a row group → the values of each row; of a row that nobody wants nothing is made.
//! **Invariants**: the steps of the row API, on its own readers and in its order, so that values and faults
//! are the same. All pages are decoded, and values that may be refused are made of every row, so damage in
//! rows that nobody wants is found too.
//! **Why so**: the row API makes a row of names and values of each record. That was three quarters of an
//! audit in which one customer of 700 is wanted.

use std::sync::Arc;

use parquet::basic::{ConvertedType, Repetition, Type as PhysicalType};
use parquet::errors::{ParquetError, Result as ParquetResult};
use parquet::file::reader::RowGroupReader;
use parquet::record::Field;
use parquet::record::reader::{Reader, TreeBuilder};
use parquet::schema::types::{SchemaDescriptor, Type};

/// The rows of a row group whose columns are flat.
pub(super) struct FlatRows {
    columns: Vec<FlatColumn>,
    /// The values of a wanted row.
    fields: Vec<Field>,
    count: usize,
}

/// A column that is flat.
struct FlatColumn {
    name: String,
    reader: Reader,
    rule: Rule,
}

/// What becomes of the values of a column.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Rule {
    /// Each is a value, whatever the file holds.
    Total,
    /// One may be refused: a text that is no UTF-8.
    Text,
    /// Parquet may panic at one.
    Unknown,
}

/// Whether all columns of a projection are flat.
pub(super) fn is_flat(schema: &Type, projection: &Type) -> bool {
    let is_flat = |field: &Type| {
        field.is_primitive() && field.get_basic_info().repetition() != Repetition::REPEATED
    };
    let mut fields = projection.get_fields().iter();
    // The row API refuses any other projection.
    fields.all(|field| is_flat(field)) && schema.check_contains(projection)
}

impl FlatRows {
    /// The rows of a row group.
    ///
    /// # Errors
    /// If the first page of a column cannot be read.
    pub(super) fn new(group: &dyn RowGroupReader, projection: &Type) -> ParquetResult<FlatRows> {
        let schema = SchemaDescriptor::new(Arc::new(projection.clone()));
        let tree = TreeBuilder::new().build(Arc::new(schema), group)?;
        let Reader::GroupReader(_, _, readers) = tree else {
            return Err(ParquetError::General("expected columns".to_owned()));
        };
        let mut columns = Vec::new();
        for (reader, field) in readers.into_iter().zip(projection.get_fields()) {
            // The values of an optional column say by themselves which are null.
            let mut reader = match reader {
                Reader::OptionReader(_, values) => *values,
                values => values,
            };
            advance(&mut reader)?;
            columns.push(FlatColumn {
                name: field.name().to_owned(),
                reader,
                rule: rule_of(field),
            });
        }
        Ok(FlatRows {
            columns,
            fields: Vec::new(),
            // As in the row API: a negative number is one that no column has.
            count: usize::try_from(group.metadata().num_rows()).unwrap_or(usize::MAX),
        })
    }

    /// The number of rows.
    pub(super) fn count(&self) -> usize {
        self.count
    }

    /// The index of a column; without one, an index that no column has.
    pub(super) fn place(&self, name: &str) -> usize {
        let mut columns = self.columns.iter();
        let place = columns.position(|column| column.name == name);
        place.unwrap_or(usize::MAX)
    }

    /// The next value of a column; nothing if it cannot be told before the others are read.
    pub(super) fn peek(&self, place: usize) -> Option<Field> {
        let column = self.columns.get(place)?;
        let is_told = column.rule != Rule::Unknown && has_next(&column.reader);
        is_told.then(|| value_of(&column.reader).ok()).flatten()
    }

    /// The values of the next row; if it is not wanted, whatever values had to be made.
    ///
    /// # Errors
    /// If a column has no next value, or one that is refused.
    pub(super) fn next(&mut self, is_wanted: bool) -> ParquetResult<&[Field]> {
        self.fields.clear();
        for column in &mut self.columns {
            if !has_next(&column.reader) {
                let what = "Unexpected end of column data".to_owned();
                return Err(ParquetError::General(what));
            }
            if is_wanted || column.rule != Rule::Total {
                self.fields.push(value_of(&column.reader)?);
            }
            advance(&mut column.reader)?;
        }
        Ok(&self.fields)
    }
}

/// What becomes of the values of a column, by its type.
fn rule_of(column: &Type) -> Rule {
    use ConvertedType as As;
    let converted = column.get_basic_info().converted_type();
    match (column.get_physical_type(), converted) {
        (PhysicalType::BOOLEAN | PhysicalType::FLOAT | PhysicalType::DOUBLE, _)
        | (
            PhysicalType::INT32 | PhysicalType::INT64,
            As::NONE
            | As::INT_8
            | As::INT_16
            | As::INT_32
            | As::INT_64
            | As::UINT_8
            | As::UINT_16
            | As::UINT_32
            | As::UINT_64
            | As::DATE
            | As::TIMESTAMP_MILLIS
            | As::TIMESTAMP_MICROS,
        ) => Rule::Total,
        (PhysicalType::BYTE_ARRAY, As::NONE | As::UTF8 | As::ENUM | As::JSON) => Rule::Text,
        _ => Rule::Unknown,
    }
}

/// Whether a column has a next value.
fn has_next(reader: &Reader) -> bool {
    matches!(reader, Reader::PrimitiveReader(_, values) if values.has_next())
}

/// The next value of a column, which it has.
fn value_of(reader: &Reader) -> ParquetResult<Field> {
    match reader {
        Reader::PrimitiveReader(_, values) => values.current_value(),
        _ => Ok(Field::Null),
    }
}

/// Goes on to the next value of a column.
fn advance(reader: &mut Reader) -> ParquetResult<()> {
    match reader {
        Reader::PrimitiveReader(_, values) => values.read_next().map(|_| ()),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::any::Any;
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::path::Path;
    use std::{fs, io};

    use arrow::array::{ArrayRef, Int32Array, Int64Array, ListArray, RecordBatch, StringArray};
    use arrow::compute::cast;
    use arrow::datatypes::{DataType, Int32Type, TimeUnit};
    use parquet::arrow::ArrowWriter;
    use parquet::file::properties::WriterProperties;
    use parquet::file::reader::FileReader;
    use parquet::file::serialized_reader::SerializedFileReader;

    use super::*;
    use crate::job::{Format, Settings, Source};
    use crate::reference::read::cell::LogCell;
    use crate::reference::read::{LogFile, Wanted, read_wanted};

    const ROWS: i32 = 1_500;
    /// A list, with which a file is not flat, behind all other columns.
    const LIST: &str = "list";

    /// The number of a row, or nothing.
    fn number(row: i32, step: i32) -> Option<i32> {
        (row % step != 0).then_some(row % 97)
    }

    /// A column of a type, some of it null.
    fn numbers(data_type: &DataType) -> ArrayRef {
        let ints: ArrayRef = Arc::new(Int64Array::from_iter(
            (0..ROWS).map(|row| number(row, 11).map(i64::from)),
        ));
        cast(&ints, data_type).expect("a cast")
    }

    /// Columns of all types that are flat, and one that is not.
    fn batch() -> RecordBatch {
        let texts = (0..ROWS).map(|row| number(row, 5).map(|id| format!("text {id}")));
        let texts: ArrayRef = Arc::new(StringArray::from_iter(texts));
        let list = (0..ROWS).map(|row| Some((0..row % 3).map(Some)));
        let list = ListArray::from_iter_primitive::<Int32Type, _, _>(list);
        let key = Int32Array::from_iter((0..ROWS).map(|row| number(row, 7)));
        let binary = cast(&texts, &DataType::Binary).expect("a cast");
        let mut columns = vec![
            ("text", texts),
            ("key", Arc::new(key) as ArrayRef),
            ("binary", binary),
            ("row", Arc::new(Int32Array::from_iter_values(0..ROWS))),
        ];
        let zone = Some("UTC".into());
        for (name, data_type) in [
            ("int8", DataType::Int8),
            ("uint32", DataType::UInt32),
            ("uint64", DataType::UInt64),
            ("boolean", DataType::Boolean),
            ("float", DataType::Float32),
            ("double", DataType::Float64),
            ("half", DataType::Float16),
            ("decimal", DataType::Decimal128(9, 2)),
            ("wide_decimal", DataType::Decimal128(30, 2)),
            ("date", DataType::Date32),
            ("millis", DataType::Timestamp(TimeUnit::Millisecond, None)),
            ("micros", DataType::Timestamp(TimeUnit::Microsecond, zone)),
            ("nanos", DataType::Timestamp(TimeUnit::Nanosecond, None)),
        ] {
            let column = match data_type {
                DataType::Date32 => cast(&numbers(&DataType::Int32), &data_type).expect("a cast"),
                _ => numbers(&data_type),
            };
            columns.push((name, column));
        }
        columns.push((LIST, Arc::new(list)));
        RecordBatch::try_from_iter(columns).expect("columns of one length")
    }

    /// Writes rows as several row groups of several pages.
    fn write(rows: &RecordBatch, path: &Path) -> LogFile {
        let properties = WriterProperties::builder()
            .set_max_row_group_row_count(Some(1_100))
            .set_data_page_row_count_limit(300)
            .set_write_batch_size(100);
        let file = fs::File::create(path).expect("a file");
        let writer = ArrowWriter::try_new(file, rows.schema(), Some(properties.build()));
        let mut writer = writer.expect("a writer");
        writer.write(rows).expect("written");
        writer.close().expect("closed");
        LogFile {
            source: Source::Clicks,
            display_path: "clicks.parquet".to_owned(),
            path: path.to_owned(),
            format: Format::Parquet,
        }
    }

    /// The wanted records of some columns of a file, and how the reading ended.
    fn records(
        file: &LogFile,
        columns: &[&str],
        key: &str,
        is_wanted: &dyn Fn(&LogCell) -> bool,
    ) -> (Vec<String>, String) {
        let mut found = Vec::new();
        let wanted = Wanted {
            column: key,
            is_wanted,
        };
        let settings = Settings::default();
        let read = AssertUnwindSafe(|| {
            let check = &|| Ok(());
            read_wanted(
                file,
                &settings,
                columns,
                &wanted,
                check,
                &mut |record, cells| {
                    let own = columns.iter().zip(cells).filter(|(name, _)| **name != LIST);
                    let own: Vec<&LogCell> = own.map(|(_, cell)| cell).collect();
                    found.push(format!("{record} {own:?}"));
                    Ok(())
                },
            )
        });
        let end = match catch_unwind(read) {
            Ok(read) => format!("{read:?}"),
            Err(panic) => format!("panic: {}", text_of(&*panic)),
        };
        (found, end)
    }

    /// The message of a panic.
    fn text_of(panic: &dyn Any) -> String {
        let text = panic.downcast_ref::<String>().cloned();
        text.unwrap_or_else(|| format!("{:?}", panic.downcast_ref::<&str>()))
    }

    /// Checks that columns are read like those of a file that is not flat; gives the end.
    fn compare(
        file: &LogFile,
        names: &[&str],
        key: &str,
        is_wanted: &dyn Fn(&LogCell) -> bool,
    ) -> String {
        let with_list: Vec<&str> = names.iter().copied().chain([LIST]).collect();
        let flat = records(file, names, key, is_wanted);
        assert_eq!(flat, records(file, &with_list, key, is_wanted), "{key}");
        flat.1
    }

    /// The names of the flat columns, behind one that no file has.
    fn names(rows: &RecordBatch) -> Vec<String> {
        let schema = rows.schema();
        let names = schema.fields().iter().map(|field| field.name().clone());
        let names = names.filter(|name| name != LIST);
        ["missing".to_owned()].into_iter().chain(names).collect()
    }

    #[test]
    fn flat_columns_are_read_as_by_the_row_api() {
        let folder = tempfile::tempdir().expect("a folder");
        let rows = batch();
        let file = write(&rows, &folder.path().join("clicks.parquet"));
        let names = names(&rows);
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        for key in &names {
            let end = compare(&file, &names, key, &|_| true);
            assert_eq!(end, format!("Ok({ROWS})"));
            let end = compare(&file, &names, key, &|cell| {
                format!("{cell:?}").len().is_multiple_of(3)
            });
            assert_eq!(end, format!("Ok({ROWS})"));
        }
    }

    #[test]
    fn faults_are_those_of_the_row_api_even_where_nothing_is_wanted() -> io::Result<()> {
        let folder = tempfile::tempdir()?;
        let rows = batch();
        let file = write(&rows, &folder.path().join("clicks.parquet"));
        let names = names(&rows);
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let whole = fs::read(&file.path)?;
        let reader = SerializedFileReader::new(fs::File::open(&file.path)?).expect("a reader");
        let mut ranges = Vec::new();
        for group in reader.metadata().row_groups() {
            let columns = group.columns().iter();
            let flat = columns.filter(|column| column.column_descr().max_rep_level() == 0);
            ranges.extend(flat.map(|column| column.byte_range()));
        }
        let mut faults = 0;
        for (at, (start, bytes)) in ranges.iter().cycle().take(100).enumerate() {
            let mut damaged = whole.clone();
            let at = u64::try_from(at).expect("small");
            let at = usize::try_from(start + at * 7919 % bytes).expect("inside");
            damaged[at] ^= 0xa5;
            fs::write(&file.path, damaged)?;
            let end = compare(&file, &names, "key", &|_| false);
            faults += u32::from(end != format!("Ok({ROWS})"));
            compare(&file, &names, "text", &|cell| cell.is_null());
        }
        assert!(faults > 5, "{faults}");
        Ok(())
    }

    #[test]
    fn a_type_that_parquet_lacks_is_the_same_panic() {
        let folder = tempfile::tempdir().expect("a folder");
        let key = Int32Array::from_iter_values(0..3);
        let interval = arrow::array::IntervalYearMonthArray::from_iter_values(0..3);
        let list = (0..3).map(|row| Some((0..row % 3).map(Some)));
        let list = ListArray::from_iter_primitive::<Int32Type, _, _>(list);
        let rows = RecordBatch::try_from_iter([
            ("key", Arc::new(key) as ArrayRef),
            ("interval", Arc::new(interval)),
            (LIST, Arc::new(list)),
        ]);
        let rows = rows.expect("columns of one length");
        let file = write(&rows, &folder.path().join("clicks.parquet"));
        for key in ["key", "interval"] {
            let end = compare(&file, &["key", "interval"], key, &|_| false);
            assert!(end.starts_with("panic: not implemented"), "{end}");
        }
    }
}
