//! Parquet to records of cells, through parquet's row API, row by row.
//!
//! **Why so**: the engine reads Parquet through Arrow; a fault there, or in how we use it, is not
//! repeated here. Two things the row API cannot tell: INT96 beyond milliseconds, which is read from
//! its column once more, and which timestamps count from the epoch, which the schema says.

use std::sync::Arc;

use arrow::datatypes::{DataType, TimeUnit as ArrowUnit};
use parquet::arrow::parquet_to_arrow_schema;
use parquet::basic::Type as PhysicalType;
use parquet::column::reader::ColumnReader;
use parquet::errors::Result as ParquetResult;
use parquet::file::reader::{FileReader, RowGroupReader, SerializedFileReader};
use parquet::record::{Field, Row};
use parquet::schema::types::{SchemaDescriptor, Type};

use super::cell::Cell;
use super::{LogFile, OnRecord};
use crate::error::{Error, Result};
use crate::job::TimeUnit;
use crate::store::local;

/// What a column holds that its values alone do not tell.
#[derive(Clone, Copy, Debug)]
enum Meaning {
    /// What they are.
    Plain,
    /// Timestamps, of a unit, and whether they count from the epoch.
    Stamps(TimeUnit, bool),
    /// INT96, at a place among the leaves of the schema.
    Int96(usize),
}

/// A column that is read.
struct Wanted {
    /// Its place among those that are asked for.
    at: usize,
    name: String,
    meaning: Meaning,
}

/// Reads Parquet.
pub(crate) fn read(file: &LogFile, columns: &[&str], on_record: OnRecord<'_>) -> Result<()> {
    let opened = local::open(&file.path).map_err(|error| Error::io("read", &file.path, error))?;
    let broken = |error| Error::bad_file(&file.shown, format!("{error}"));
    let reader = match SerializedFileReader::new(opened) {
        Err(_) if is_without_groups(file) => return Ok(()),
        reader => reader.map_err(broken)?,
    };
    let metadata = reader.metadata().file_metadata();
    if metadata.num_rows() == 0 {
        return Ok(());
    }
    let schema = metadata.schema_descr();
    let arrow = parquet_to_arrow_schema(schema, metadata.key_value_metadata()).map_err(broken)?;
    let (mut wanted, mut fields) = (Vec::new(), Vec::new());
    for field in schema.root_schema().get_fields() {
        let name = field.name();
        let Some(at) = columns.iter().position(|column| *column == name) else {
            continue;
        };
        let data_type = arrow.field_with_name(name).map(|of| of.data_type()).ok();
        wanted.push(Wanted {
            at,
            name: name.to_owned(),
            meaning: meaning_of(schema, name, data_type),
        });
        fields.push(Arc::clone(field));
    }
    let projection = Type::group_type_builder(schema.name()).with_fields(fields);
    let projection = projection.build().map_err(broken)?;
    let mut record = 0;
    for at in 0..reader.num_row_groups() {
        // What some writers tell of a row group without rows cannot be read.
        if reader.metadata().row_group(at).num_rows() == 0 {
            continue;
        }
        let group = reader.get_row_group(at).map_err(broken)?;
        let times = wanted.iter().map(|of| int96_of(&*group, of.meaning));
        let times = times.collect::<ParquetResult<Vec<_>>>().map_err(broken)?;
        let rows = group
            .get_row_iter(Some(projection.clone()))
            .map_err(broken)?;
        for (at, row) in rows.enumerate() {
            let row = row.map_err(broken)?;
            record += 1;
            let cells = cells_of(&row, columns.len(), &wanted, |column| times[column].get(at));
            on_record(record, &cells)?;
        }
    }
    Ok(())
}

/// Bytes of a file of which nothing but a footer is told, at most.
const BARE_BYTES_MAX: usize = 1 << 20;
/// In Thrift: 0 rows, and then an empty list of row groups that does not say what it would hold.
const WITHOUT_GROUPS: [u8; 4] = [0x16, 0, 0x19, 0];

/// Whether a file that parquet's reader refuses has no row groups: of an empty list, fastparquet leaves
/// the type out.
fn is_without_groups(file: &LogFile) -> bool {
    let bytes = local::read(&file.path).unwrap_or_default();
    let mut windows = bytes.windows(WITHOUT_GROUPS.len());
    bytes.len() <= BARE_BYTES_MAX && windows.any(|window| window == WITHOUT_GROUPS)
}

/// What a column holds that its values do not tell.
fn meaning_of(schema: &SchemaDescriptor, name: &str, of: Option<&DataType>) -> Meaning {
    let mut leaves = schema.columns().iter();
    let leaf = leaves.position(|leaf| leaf.path().parts() == [name]);
    if let Some(leaf) = leaf.filter(|at| schema.column(*at).physical_type() == PhysicalType::INT96)
    {
        return Meaning::Int96(leaf);
    }
    match of {
        Some(DataType::Timestamp(unit, zone)) => {
            let unit = match unit {
                ArrowUnit::Second => TimeUnit::Second,
                ArrowUnit::Millisecond => TimeUnit::Milli,
                ArrowUnit::Microsecond => TimeUnit::Micro,
                ArrowUnit::Nanosecond => TimeUnit::Nano,
            };
            Meaning::Stamps(unit, zone.is_some())
        }
        _ => Meaning::Plain,
    }
}

/// The cells of a row; `int96` gives the time of a wanted column, where it is one of INT96.
fn cells_of<'t>(
    row: &Row,
    columns_count: usize,
    wanted: &[Wanted],
    int96: impl Fn(usize) -> Option<&'t Option<i64>>,
) -> Vec<Cell> {
    let mut cells = vec![Cell::Missing; columns_count];
    for (name, field) in row.get_column_iter() {
        let Some(column) = wanted.iter().position(|of| of.name == *name) else {
            continue;
        };
        let cell = match (wanted[column].meaning, int96(column)) {
            (Meaning::Int96(_), Some(Some(at))) => Cell::Stamp(*at, TimeUnit::Micro, true),
            (Meaning::Int96(_), _) => Cell::Null,
            (Meaning::Stamps(unit, utc), _) => match field {
                Field::Long(value)
                | Field::TimestampMillis(value)
                | Field::TimestampMicros(value) => Cell::Stamp(*value, unit, utc),
                other => cell_of(other),
            },
            (Meaning::Plain, _) => cell_of(field),
        };
        cells[wanted[column].at] = cell;
    }
    cells
}

/// A value that is what it seems.
fn cell_of(field: &Field) -> Cell {
    match field {
        Field::Null => Cell::Null,
        Field::Bool(value) => Cell::Bool(*value),
        Field::Byte(value) => Cell::Int((*value).into()),
        Field::Short(value) => Cell::Int((*value).into()),
        Field::Int(value) => Cell::Int((*value).into()),
        Field::Long(value) => Cell::Int((*value).into()),
        Field::UByte(value) => Cell::Int((*value).into()),
        Field::UShort(value) => Cell::Int((*value).into()),
        Field::UInt(value) => Cell::Int((*value).into()),
        Field::ULong(value) => Cell::Int((*value).into()),
        Field::Float(value) => Cell::Real(f64::from(*value)),
        Field::Double(value) => Cell::Real(*value),
        Field::Decimal(_) | Field::Float16(_) => {
            field.to_string().parse().map_or(Cell::Bytes, Cell::Real)
        }
        Field::Str(text) => Cell::Text(text.clone()),
        Field::Bytes(bytes) => {
            String::from_utf8(bytes.data().to_vec()).map_or(Cell::Bytes, Cell::Text)
        }
        Field::Date(day) => Cell::Date(*day),
        Field::ListInternal(list) => Cell::List(list.elements().iter().map(element_of).collect()),
        _ => Cell::Bytes,
    }
}

/// An element of a list, if it is a struct: its fields by name.
fn element_of(field: &Field) -> Option<Vec<(String, Cell)>> {
    match field {
        Field::Group(row) => {
            let fields = row.get_column_iter();
            Some(
                fields
                    .map(|(name, field)| (name.clone(), cell_of(field)))
                    .collect(),
            )
        }
        _ => None,
    }
}

/// The times of a column of INT96 in a row group, in microseconds since the epoch; nothing of others.
fn int96_of(group: &dyn RowGroupReader, meaning: Meaning) -> ParquetResult<Vec<Option<i64>>> {
    let Meaning::Int96(leaf) = meaning else {
        return Ok(Vec::new());
    };
    let ColumnReader::Int96ColumnReader(mut reader) = group.get_column_reader(leaf)? else {
        return Ok(Vec::new());
    };
    let rows = usize::try_from(group.metadata().num_rows()).unwrap_or(0);
    let is_required = group.metadata().column(leaf).column_descr().max_def_level() == 0;
    let (mut levels, mut values) = (Vec::new(), Vec::new());
    while let (read @ 1.., ..) = reader.read_records(rows, Some(&mut levels), None, &mut values)? {
        debug_assert!(read <= rows);
    }
    let mut values = values.iter().map(|value| {
        let [low, high, day] = [value.data()[0], value.data()[1], value.data()[2]].map(i64::from);
        // Days are counted from a noon 2,440,588 of them before the epoch. What is too far to be told
        // is too far to be a time.
        let since = (day - 2_440_588).checked_mul(86_400_000_000);
        let nanos = (high << 32) | low;
        since.map_or(i64::MAX, |since| {
            since.saturating_add(nanos.div_euclid(1_000))
        })
    });
    if is_required {
        return Ok(values.map(Some).collect());
    }
    Ok(levels
        .iter()
        .map(|level| if *level > 0 { values.next() } else { None })
        .collect())
}
