//! Names of columns and fields that differ from the wanted ones in case alone.
//!
//! **In / Out**: the schema of a file and the names that are wanted → the same schema with the wanted names, and
//! batches with these. **Invariants**: a name that the file has exactly is never replaced; of two that differ
//! in case alone neither is taken. **Cost**: none for files that need no other names; else a few pointers per
//! batch.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, ListArray, RecordBatch, StructArray};
use arrow::datatypes::{DataType, Field, FieldRef, Fields, Schema};

/// The names under which columns are read.
#[derive(Clone, Debug, Default)]
pub(super) struct Renames {
    /// The columns with the names that are wanted; `None` if the file has these names.
    fields: Option<Fields>,
    /// Names in the file, and the wanted names.
    pairs: Vec<(String, String)>,
}

impl Renames {
    /// The names for the columns of a file.
    pub(super) fn new(fields: &Fields, wanted: &[&str]) -> Renames {
        let mut pairs = Vec::new();
        let renamed = renamed(fields, wanted, &mut pairs);
        Renames {
            fields: (!pairs.is_empty()).then_some(renamed),
            pairs,
        }
    }

    /// The columns with the wanted names, if they have others in the file.
    pub(super) fn fields(&self) -> Option<&Fields> {
        self.fields.as_ref()
    }

    /// The name in the file of a column.
    pub(super) fn in_file<'n>(&'n self, name: &'n str) -> &'n str {
        let pair = self.pairs.iter().find(|(_, wanted)| wanted == name);
        pair.map_or(name, |(own, _)| own)
    }

    /// A path with the wanted names.
    pub(super) fn path(&self, path: &[String]) -> Vec<String> {
        let wanted = |name: &String| {
            let pair = self.pairs.iter().find(|(own, _)| own == name);
            pair.map_or_else(|| name.clone(), |(_, wanted)| wanted.clone())
        };
        path.iter().map(wanted).collect()
    }

    /// A batch with the wanted names.
    pub(super) fn batch(&self, batch: &RecordBatch) -> RecordBatch {
        let schema = batch.schema();
        let columns = schema.fields().iter().zip(batch.columns());
        let columns = columns.map(|(field, array)| self.column(field, array));
        let (fields, arrays): (Vec<FieldRef>, Vec<ArrayRef>) = columns.unzip();
        let batch = RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays);
        batch.expect("columns are what they were")
    }

    /// A column with the wanted names.
    fn column(&self, field: &Field, array: &ArrayRef) -> (FieldRef, ArrayRef) {
        let array = self.array(array);
        let name = self.pairs.iter().find(|(own, _)| own == field.name());
        let name = name.map_or_else(|| field.name(), |(_, wanted)| wanted);
        let field = Field::new(name, array.data_type().clone(), field.is_nullable());
        (Arc::new(field), array)
    }

    /// An array with the wanted names in its structs.
    fn array(&self, array: &ArrayRef) -> ArrayRef {
        match array.data_type() {
            DataType::Struct(fields) => {
                let structs = array.as_struct();
                let columns = fields.iter().zip(structs.columns());
                let columns = columns.map(|(field, array)| self.column(field, array));
                let (fields, arrays): (Vec<FieldRef>, Vec<ArrayRef>) = columns.unzip();
                let structs = StructArray::try_new(fields.into(), arrays, structs.nulls().cloned());
                Arc::new(structs.expect("fields are what they were"))
            }
            DataType::List(field) => {
                let lists = array.as_list::<i32>();
                let (field, values) = self.column(field, lists.values());
                let (offsets, nulls) = (lists.offsets().clone(), lists.nulls().cloned());
                let lists = ListArray::try_new(field, offsets, values, nulls);
                Arc::new(lists.expect("elements are what they were"))
            }
            _ => Arc::clone(array),
        }
    }
}

/// Fields with the wanted names; notes each that has another.
fn renamed(fields: &Fields, wanted: &[&str], pairs: &mut Vec<(String, String)>) -> Fields {
    let has = |name: &str| fields.iter().any(|field| field.name() == name);
    let wanted_for = |name: &str| {
        let lower = name.to_lowercase();
        let mut alike = fields
            .iter()
            .filter(|field| field.name().to_lowercase() == lower);
        let is_only = alike.next().is_some() && alike.next().is_none();
        let is_free =
            |wanted: &&&str| **wanted != name && !has(wanted) && wanted.to_lowercase() == lower;
        let mut others = wanted.iter().filter(is_free);
        // Which of two wanted names is meant nobody knows.
        let other = others.next().filter(|_| is_only && !wanted.contains(&name));
        other
            .filter(|first| others.all(|other| other == *first))
            .copied()
    };
    let changed = fields.iter().map(|field| {
        let data_type = match field.data_type() {
            DataType::Struct(inner) => DataType::Struct(renamed(inner, wanted, pairs)),
            DataType::List(element) => match element.data_type() {
                DataType::Struct(inner) => {
                    let inner = DataType::Struct(renamed(inner, wanted, pairs));
                    DataType::List(Arc::new(element.as_ref().clone().with_data_type(inner)))
                }
                _ => field.data_type().clone(),
            },
            other => other.clone(),
        };
        let name = match wanted_for(field.name()) {
            Some(other) => {
                pairs.push((field.name().clone(), other.to_owned()));
                other
            }
            None => field.name(),
        };
        let field = field.as_ref().clone().with_data_type(data_type);
        Arc::new(field.with_name(name))
    });
    changed.collect()
}
