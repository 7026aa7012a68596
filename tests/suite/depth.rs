//! Rows that lie inside records: columns in structs, and rows in lists.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, ListArray, NullArray, RecordBatch, StructArray, UInt32Array};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::compute::take;
use arrow::datatypes::{DataType, Field, Fields, Schema};
use hitherto::{Settings, Source, SourceSettings};

/// Where the columns of rows lie in their files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Depth {
    /// At the top.
    Flat,
    /// The items of [`NESTED`] two structs below it.
    Nested,
    /// In the elements of a list `events`, but for the customer.
    Listed,
}

/// Columns that lie deeper, each in other sources.
const NESTED: [&str; 3] = ["item_id", "config_id", "ranking_id"];
/// The column that all elements of a list share.
const SHARED: [&str; 2] = ["customer_id", "user_id"];

impl Depth {
    /// Tells settings where the columns of a source lie.
    pub(crate) fn tell(self, source: Source, settings: &mut Settings) {
        match self {
            Depth::Listed => {
                let own = SourceSettings {
                    explode: Some("events".to_owned()),
                    ..SourceSettings::default()
                };
                settings.add_source_settings(source, &own);
            }
            Depth::Nested => {
                let name = match source {
                    Source::Impressions => "ranking_id",
                    Source::Carts | Source::Orders => "config_id",
                    _ => "item_id",
                };
                let theirs = path_of(name);
                settings.columns.push((source, name.to_owned(), theirs));
            }
            Depth::Flat => {}
        }
    }

    /// The name of a column in a file that has no structs.
    pub(crate) fn name(self, name: &str) -> String {
        if self == Depth::Nested && NESTED.contains(&name) {
            path_of(name)
        } else {
            name.to_owned()
        }
    }

    /// Objects of members, as JSON.
    pub(crate) fn objects(self, rows: &[Vec<(&str, String)>]) -> Vec<String> {
        match self {
            Depth::Flat => rows.iter().map(|row| object(row)).collect(),
            Depth::Nested => rows.iter().enumerate().map(nested_object).collect(),
            Depth::Listed => {
                let customer = |row: usize| shared(&rows[row]).cloned();
                let mut lists: Vec<String> = runs(rows.len(), customer)
                    .map(|run| listed_object(&rows[run]))
                    .collect();
                // Records without a row.
                lists.push("{\"events\": []}".to_owned());
                lists.push("{\"events\": null, \"customer_id\": \"x\"}".to_owned());
                lists
            }
        }
    }

    /// A batch of rows as one of records.
    pub(crate) fn batch(self, batch: &RecordBatch) -> RecordBatch {
        match self {
            Depth::Flat => batch.clone(),
            Depth::Nested => nested_batch(batch),
            Depth::Listed => listed_batch(batch),
        }
    }
}

/// The path to a column that lies deeper.
fn path_of(name: &str) -> String {
    format!("inner.one.{name}")
}

/// Members as an object.
fn object(members: &[(&str, String)]) -> String {
    let pairs = members
        .iter()
        .map(|(name, value)| format!("\"{name}\": {value}"));
    format!("{{{}}}", pairs.collect::<Vec<_>>().join(", "))
}

/// A row whose item lies deeper; one that is null may lack what is around it.
fn nested_object((at, row): (usize, &Vec<(&str, String)>)) -> String {
    let members = row.iter().map(|(name, value)| {
        if !NESTED.contains(name) {
            return (*name, value.clone());
        }
        let inner = match (value.as_str(), at % 3) {
            ("null", 0) => "null".to_owned(),
            ("null", 1) => "{\"one\": null}".to_owned(),
            _ => format!("{{\"two\": {at}, \"one\": {{\"{name}\": {value}, \"other\": [1]}}}}"),
        };
        ("inner", inner)
    });
    object(&members.collect::<Vec<_>>())
}

/// What all rows of a list share.
fn shared<'r>(row: &'r [(&str, String)]) -> Option<&'r String> {
    let mut members = row.iter();
    let member = members.find(|(name, _)| SHARED.contains(name));
    member.map(|(_, value)| value)
}

/// Rows of one customer as an object with a list.
fn listed_object(rows: &[Vec<(&str, String)>]) -> String {
    let of_record = rows[0].iter().filter(|(name, _)| SHARED.contains(name));
    let mut members: Vec<(&str, String)> = of_record.cloned().collect();
    // A field of the elements goes before it.
    members.push(("dt", "\"not this\"".to_owned()));
    members.push(("events", list_of(rows)));
    object(&members)
}

/// Rows as CSV whose records have lists of them, every second as Python prints it.
pub(crate) fn listed_csv(rows: &[Vec<(&str, String)>]) -> String {
    let shared_name = rows
        .iter()
        .flatten()
        .find(|(name, _)| SHARED.contains(name));
    let shared_name = shared_name.map_or("customer_id", |(name, _)| name);
    let mut text = format!("{shared_name},dt,events\n");
    let customer = |row: usize| shared(&rows[row]).cloned();
    for (at, run) in runs(rows.len(), customer).enumerate() {
        let name = customer(run.start).filter(|name| name != "null");
        let name = name.unwrap_or_default();
        let list = list_of(&rows[run]);
        let is_of_python = at % 2 == 1 && !list.contains(['\'', '\\']);
        let list = if is_of_python {
            list.replace('"', "'").replace(": null", ": None")
        } else {
            list
        };
        let list = list.replace('"', "\"\"");
        text += &format!("\"{}\",not this,\"{list}\"\n", name.trim_matches('"'));
    }
    // Records without a row.
    text + ",,[]\nx,,\nx,, null \n"
}

/// The list of some rows of one customer.
fn list_of(rows: &[Vec<(&str, String)>]) -> String {
    let elements = rows.iter().map(|row| {
        let own = row.iter().filter(|(name, _)| !SHARED.contains(name));
        object(&own.cloned().collect::<Vec<_>>())
    });
    format!("[{}]", elements.collect::<Vec<_>>().join(", "))
}

/// Rows next to each other that share something, three at most.
fn runs<T: PartialEq>(
    count: usize,
    of_row: impl Fn(usize) -> T,
) -> impl Iterator<Item = Range<usize>> {
    let mut runs: Vec<Range<usize>> = Vec::new();
    for row in 0..count {
        match runs.last_mut() {
            Some(run) if run.len() < 3 && of_row(run.start) == of_row(row) => run.end = row + 1,
            _ => runs.push(row..row + 1),
        }
    }
    runs.into_iter()
}

/// A batch whose items lie deeper.
fn nested_batch(batch: &RecordBatch) -> RecordBatch {
    let schema = batch.schema();
    let columns = schema.fields().iter().zip(batch.columns());
    let columns = columns.map(|(field, column)| {
        if !NESTED.contains(&field.name().as_str()) {
            return (field.name().clone(), Arc::clone(column), true);
        }
        let inner = Fields::from(vec![field.as_ref().clone().with_nullable(true)]);
        // Where the column is null, what is around it is null in some rows.
        let nulls: Vec<bool> = (0..column.len())
            .map(|row| column.is_valid(row) || row % 2 == 0)
            .collect();
        let nulls = Some(NullBuffer::from(nulls));
        let one = StructArray::new(inner, vec![Arc::clone(column)], nulls);
        let one = struct_of("one", Arc::new(one));
        ("inner".to_owned(), Arc::new(one) as ArrayRef, true)
    });
    RecordBatch::try_from_iter_with_nullable(columns).expect("columns of one length")
}

/// A struct of one field.
fn struct_of(name: &str, array: ArrayRef) -> StructArray {
    let field = Field::new(name, array.data_type().clone(), true);
    StructArray::new(Fields::from(vec![field]), vec![array], None)
}

/// A batch whose rows lie in lists, but for the customer.
fn listed_batch(batch: &RecordBatch) -> RecordBatch {
    let schema = batch.schema();
    let at = schema
        .fields()
        .iter()
        .position(|field| SHARED.contains(&field.name().as_str()));
    let customers = at.map(|at| batch.column(at).to_data());
    let customer = |row: usize| customers.as_ref().map(|data| data.slice(row, 1));
    let runs: Vec<Range<usize>> = runs(batch.num_rows(), customer).collect();
    let (mut fields, mut columns) = (Vec::new(), Vec::new());
    for (place, field) in schema.fields().iter().enumerate() {
        if Some(place) != at {
            fields.push(field.as_ref().clone().with_nullable(true));
            columns.push(Arc::clone(batch.column(place)));
        }
    }
    let elements = StructArray::new(Fields::from(fields), columns, None);
    let element = Arc::new(Field::new_list_field(elements.data_type().clone(), true));
    // A record with an empty list behind each run.
    let lengths = runs.iter().flat_map(|run| [run.len(), 0]);
    let offsets = OffsetBuffer::from_lengths(lengths);
    let nulls: Vec<bool> = (0..runs.len())
        .flat_map(|run| [true, run % 2 == 0])
        .collect();
    let lists = ListArray::new(
        element,
        offsets,
        Arc::new(elements),
        Some(NullBuffer::from(nulls)),
    );
    let list = Field::new("events", lists.data_type().clone(), true);
    let (mut fields, mut columns): (Vec<Field>, Vec<ArrayRef>) =
        (vec![list], vec![Arc::new(lists)]);
    if let Some(at) = at {
        let starts = runs.iter().flat_map(|run| [run.start, run.start]);
        let starts: UInt32Array = starts.map(|at| u32::try_from(at).expect("small")).collect();
        columns.push(take(batch.column(at), &starts, None).expect("rows"));
        fields.push(schema.field(at).clone().with_nullable(true));
    }
    // A field of the elements goes before it.
    if elements_have(&fields[0], "dt") {
        columns.push(Arc::new(NullArray::new(columns[0].len())));
        fields.push(Field::new("dt", DataType::Null, true));
    }
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).expect("columns of one length")
}

/// Whether the elements of a list have a field.
fn elements_have(list: &Field, name: &str) -> bool {
    let DataType::List(element) = list.data_type() else {
        return false;
    };
    matches!(element.data_type(), DataType::Struct(fields) if fields.find(name).is_some())
}
