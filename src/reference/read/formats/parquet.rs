//! Parquet to records of cells, through parquet's row API, row by row; flat columns through the readers that
//! it is made of, see [`flat`](super::flat).
//!
//! **Why so**: the engine reads Parquet through Arrow; a fault there, or in how we use it, is not
//! repeated here. The row API lacks two things: INT96 finer than milliseconds, which is read from its
//! column again, and which timestamps are instants, which the schema says.

use arrow::datatypes::{DataType, TimeUnit as ArrowUnit};
use parquet::arrow::parquet_to_arrow_schema;
use parquet::basic::Type as PhysicalType;
use parquet::column::reader::ColumnReader;
use parquet::errors::{ParquetError, Result as ParquetResult};
use parquet::file::reader::{FileReader, RowGroupReader, SerializedFileReader};
use parquet::record::Field;
use parquet::schema::types::{SchemaDescriptor, Type};

use super::flat::{self, FlatRows};
use super::{Place, place_of};
use crate::error::{Error, Result};
use crate::job::TimeUnit;
use crate::reference::read::cell::LogCell;
use crate::reference::read::{Filter, LogFile, OnCells};
use crate::store::local;

/// How the values of a column are to be read, where the row API does not say.
#[derive(Clone, Copy, Debug)]
enum Meaning {
    /// As they are.
    Plain,
    /// Timestamps: their unit, and whether they are instants.
    Stamps(TimeUnit, bool),
    /// INT96; the index of the leaf in the schema.
    Int96(usize),
}

/// A requested column that the file has.
struct ProjectedColumn {
    /// Its index among the requested columns.
    at: usize,
    place: Place,
    meaning: Meaning,
}

/// Reads Parquet.
pub(crate) fn read(
    file: &LogFile,
    explode: Option<&str>,
    columns: &[&str],
    filter: &Filter<'_>,
    on_record: OnCells<'_>,
) -> Result<()> {
    let opened = local::open(&file.path).map_err(|error| Error::io("read", &file.path, error))?;
    let broken = |error| Error::bad_file(&file.display_path, format!("{error}"));
    let reader = match SerializedFileReader::new(opened) {
        Err(_) if is_without_groups(file) => return Ok(()),
        reader => reader.map_err(broken)?,
    };
    let metadata = reader.metadata().file_metadata();
    // Before the columns are looked at: a file without rows has no faults, whatever their types.
    if metadata.num_rows() == 0 {
        return Ok(());
    }
    let schema = metadata.schema_descr();
    let arrow = parquet_to_arrow_schema(schema, metadata.key_value_metadata()).map_err(broken)?;
    let projected = columns.iter().enumerate().filter_map(|(at, column)| {
        let place = place_of(arrow.fields(), explode, column)?;
        let meaning = meaning_of(schema, &place);
        Some(ProjectedColumn { at, place, meaning })
    });
    let projected: Vec<ProjectedColumn> = projected.collect();
    let fields = schema.root_schema().get_fields().iter().filter(|field| {
        let is_first = |column: &ProjectedColumn| {
            !column.place.is_of_element && column.place.path[0] == field.name()
        };
        Some(field.name()) == explode || projected.iter().any(is_first)
    });
    let projection = Type::group_type_builder(schema.name()).with_fields(fields.cloned().collect());
    let projection = projection.build().map_err(broken)?;
    let is_flat = explode.is_none() && flat::is_flat(schema.root_schema(), &projection);
    let rows = GroupRows {
        explode,
        columns: &projected,
        width: columns.len(),
        projection: &projection,
        broken: &broken,
    };
    let mut record = 0;
    for at in 0..reader.num_row_groups() {
        // Some writers leave the metadata of empty row groups unreadable.
        if reader.metadata().row_group(at).num_rows() == 0 {
            continue;
        }
        let group = reader.get_row_group(at).map_err(broken)?;
        let times = projected
            .iter()
            .map(|column| int96_of(&*group, column.meaning));
        let times = times.collect::<ParquetResult<Vec<_>>>().map_err(broken)?;
        if is_flat {
            rows.read_flat(&*group, &times, filter, &mut record, on_record)?;
        } else {
            rows.read(&*group, &times, filter, &mut record, on_record)?;
        }
    }
    Ok(())
}

/// The times of each column of INT96 in a row group.
type GroupTimes = [Vec<Option<i64>>];

/// How the rows of row groups become records.
struct GroupRows<'a> {
    explode: Option<&'a str>,
    columns: &'a [ProjectedColumn],
    /// The number of requested columns.
    width: usize,
    projection: &'a Type,
    /// The error of the file for one of parquet.
    broken: &'a dyn Fn(ParquetError) -> Error,
}

impl GroupRows<'_> {
    /// Reads the wanted records of a row group, through the row API.
    fn read(
        &self,
        group: &dyn RowGroupReader,
        times: &GroupTimes,
        filter: &Filter<'_>,
        record: &mut u64,
        on_record: OnCells<'_>,
    ) -> Result<()> {
        let rows = group.get_row_iter(Some(self.projection.clone()));
        let key = self.columns.iter().position(|own| own.at == filter.at);
        for (at, row) in rows.map_err(self.broken)?.enumerate() {
            let row = Field::Group(row.map_err(self.broken)?);
            let elements = match self.explode {
                None => vec![&Field::Null],
                Some(list) => elements_of(&row, list),
            };
            for element in elements {
                *record += 1;
                let cell = |own: usize| {
                    let place = &self.columns[own].place;
                    let within = if place.is_of_element { element } else { &row };
                    let field = field_at(within, &place.path);
                    column_cell(self.columns[own].meaning, field, times[own].get(at))
                };
                if !filter.passes(*record, &key.map_or(LogCell::Missing, cell))? {
                    continue;
                }
                let mut cells = vec![LogCell::Missing; self.width];
                for (own, column) in self.columns.iter().enumerate() {
                    cells[column.at] = cell(own);
                }
                on_record(*record, &cells)?;
            }
        }
        Ok(())
    }

    /// Reads the wanted records of a row group of flat columns.
    fn read_flat(
        &self,
        group: &dyn RowGroupReader,
        times: &GroupTimes,
        filter: &Filter<'_>,
        record: &mut u64,
        on_record: OnCells<'_>,
    ) -> Result<()> {
        let mut rows = FlatRows::new(group, self.projection).map_err(self.broken)?;
        let places = self.columns.iter();
        let places: Vec<usize> = places.map(|own| rows.place(&own.place.path[0])).collect();
        let key = self.columns.iter().position(|own| own.at == filter.at);
        let cell = |at: usize, own: usize, field: &Field| {
            column_cell(self.columns[own].meaning, field, times[own].get(at))
        };
        for at in 0..rows.count() {
            *record += 1;
            let is_wanted = match key.map(|key| (key, rows.peek(places[key]))) {
                None => filter.passes(*record, &LogCell::Missing)?,
                Some((key, Some(field))) => filter.passes(*record, &cell(at, key, &field))?,
                // What cannot be looked at by itself is read with all of its record.
                Some((_, None)) => true,
            };
            let fields = rows.next(is_wanted).map_err(self.broken)?;
            if !is_wanted {
                continue;
            }
            let mut cells = vec![LogCell::Missing; self.width];
            for (own, column) in self.columns.iter().enumerate() {
                let field = fields.get(places[own]).unwrap_or(&Field::Null);
                cells[column.at] = cell(at, own, field);
            }
            on_record(*record, &cells)?;
        }
        Ok(())
    }
}

/// The elements of a list of a record; none if it is null.
fn elements_of<'r>(row: &'r Field, list: &str) -> Vec<&'r Field> {
    match field_at(row, &[list.to_owned()]) {
        Field::ListInternal(list) => list.elements().iter().collect(),
        _ => Vec::new(),
    }
}

/// The value that some names lead to; in null all is null.
fn field_at<'r>(field: &'r Field, path: &[String]) -> &'r Field {
    let Some((name, path)) = path.split_first() else {
        return field;
    };
    let Field::Group(row) = field else {
        return &Field::Null;
    };
    let mut inner = row.get_column_iter();
    let inner = inner.find(|(own, _)| *own == name);
    inner.map_or(&Field::Null, |(_, inner)| field_at(inner, path))
}

/// The most bytes of a file that is only a footer.
const BARE_BYTES_MAX: usize = 1 << 20;
/// In Thrift: 0 rows, then an empty list of row groups without an element type.
const WITHOUT_GROUPS: [u8; 4] = [0x16, 0, 0x19, 0];

/// Whether a file that parquet's reader refuses is one without row groups by fastparquet, which writes
/// no element type for an empty list.
fn is_without_groups(file: &LogFile) -> bool {
    let bytes = local::read(&file.path).unwrap_or_default();
    let mut windows = bytes.windows(WITHOUT_GROUPS.len());
    bytes.len() <= BARE_BYTES_MAX && windows.any(|window| window == WITHOUT_GROUPS)
}

/// How the values of a column are to be read.
fn meaning_of(schema: &SchemaDescriptor, place: &Place) -> Meaning {
    let mut leaves = schema.columns().iter();
    let leaf = leaves.position(|leaf| leaf.path().parts() == place.path);
    let leaf = leaf.filter(|_| !place.is_of_element);
    if let Some(leaf) = leaf.filter(|at| schema.column(*at).physical_type() == PhysicalType::INT96)
    {
        return Meaning::Int96(leaf);
    }
    match &place.data_type {
        DataType::Timestamp(unit, zone) => {
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

/// The cell of a value; `int96` is its time, if its column is one of INT96.
fn column_cell(meaning: Meaning, field: &Field, int96: Option<&Option<i64>>) -> LogCell {
    match (meaning, int96) {
        (Meaning::Int96(_), Some(Some(at))) => LogCell::Stamp(*at, TimeUnit::Micro, true),
        (Meaning::Int96(_), _) => LogCell::Null,
        (Meaning::Stamps(unit, utc), _) => match field {
            Field::Long(value) | Field::TimestampMillis(value) | Field::TimestampMicros(value) => {
                LogCell::Stamp(*value, unit, utc)
            }
            other => cell_of(other),
        },
        (Meaning::Plain, _) => cell_of(field),
    }
}

/// The cell of a plain value.
fn cell_of(field: &Field) -> LogCell {
    match field {
        Field::Null => LogCell::Null,
        Field::Bool(value) => LogCell::Bool(*value),
        Field::Byte(value) => LogCell::Int((*value).into()),
        Field::Short(value) => LogCell::Int((*value).into()),
        Field::Int(value) => LogCell::Int((*value).into()),
        Field::Long(value) => LogCell::Int((*value).into()),
        Field::UByte(value) => LogCell::Int((*value).into()),
        Field::UShort(value) => LogCell::Int((*value).into()),
        Field::UInt(value) => LogCell::Int((*value).into()),
        Field::ULong(value) => LogCell::Int((*value).into()),
        Field::Float(value) => LogCell::Single(*value),
        Field::Double(value) => LogCell::Real(*value),
        // Without decimals the point is there all the same.
        Field::Decimal(_) => LogCell::Decimal(field.to_string().trim_end_matches('.').to_owned()),
        Field::Float16(_) => field
            .to_string()
            .parse()
            .map_or(LogCell::Bytes, LogCell::Real),
        Field::Str(text) => LogCell::Text(text.clone()),
        Field::Bytes(bytes) => {
            String::from_utf8(bytes.data().to_vec()).map_or(LogCell::Bytes, LogCell::Text)
        }
        Field::Date(day) => LogCell::Date(*day),
        Field::ListInternal(list) => LogCell::List(list.elements().iter().map(cell_of).collect()),
        Field::Group(row) => {
            let fields = row.get_column_iter();
            let fields = fields.map(|(name, field)| (name.clone(), cell_of(field)));
            LogCell::Struct(fields.collect())
        }
        Field::MapInternal(map) => {
            let pairs = map.entries().iter();
            let pairs = pairs.map(|(key, value)| (cell_of(key), cell_of(value)));
            LogCell::Map(pairs.collect())
        }
        _ => LogCell::Bytes,
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
    // A required column has no definition levels, so `levels` stays empty.
    let whole = group.metadata().column(leaf).column_descr().max_def_level();
    let is_required = whole == 0;
    let (mut levels, mut values) = (Vec::new(), Vec::new());
    while let (read @ 1.., ..) = reader.read_records(rows, Some(&mut levels), None, &mut values)? {
        debug_assert!(read <= rows);
    }
    let mut values = values.iter().map(|value| {
        let [low, high, day] = [value.data()[0], value.data()[1], value.data()[2]].map(i64::from);
        // The epoch is Julian day 2,440,588. A value that overflows is no time of the years 1 to 9999.
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
        .map(|level| if *level == whole { values.next() } else { None })
        .collect())
}
