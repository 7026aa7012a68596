//! Texts that stand for null, such as `NULL` and `\N`: replaced by nulls in text files and in Parquet.
//!
//! **In / Out**: records and batches as read → the same, with a null for each whole text that stands for
//! null. **Invariants**: later stages see nulls as if the file had them, in columns of any type; numbers
//! and booleans of JSON are no texts. **Cost**: without such texts, one test per piece of text or batch.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, ListArray, RecordBatch, StructArray};
use arrow::compute::nullif;
use arrow::datatypes::{DataType, Field as ArrowField, FieldRef, Int32Type, Schema};

use crate::catalog::null_words::NullWords;
use crate::error::Result;
use crate::ids::index;
use crate::scan::text::field::Field;
use crate::scan::text::record::{OnRecord, TextRecord};

impl NullWords {
    /// Whether a field stands for null.
    fn has_field(&self, field: &Field<'_>) -> bool {
        match field {
            Field::Csv(text) => self.has(text.as_bytes()),
            Field::Text(text) => self.has(text.as_bytes()),
            Field::Missing | Field::Null | Field::Json(_) | Field::NotText => false,
        }
    }

    /// Replaces fields that stand for null.
    #[inline]
    pub(crate) fn clear(&self, fields: &mut [Field<'_>]) {
        if self.are_none() {
            return;
        }
        for field in fields.iter_mut().filter(|field| self.has_field(field)) {
            *field = Field::Null;
        }
    }

    /// Passes a record on, with nulls.
    pub(crate) fn pass_on(&self, record: TextRecord<'_>, on_record: OnRecord<'_>) -> Result<()> {
        let TextRecord { row, fields, text } = record;
        // The fields are borrowed, so only a record with such a text pays for a copy.
        match fields {
            Ok(fields) if fields.iter().any(|field| self.has_field(field)) => {
                let mut fields = fields.to_vec();
                self.clear(&mut fields);
                let fields = Ok(&fields[..]);
                on_record(TextRecord { row, fields, text })
            }
            fields => on_record(TextRecord { row, fields, text }),
        }
    }

    /// A batch, with nulls.
    pub(crate) fn in_batch(&self, batch: &RecordBatch) -> RecordBatch {
        let arrays = batch.columns().iter().map(|array| self.in_array(array));
        let arrays: Vec<ArrayRef> = arrays.collect();
        let schema = batch.schema();
        // A column that the file declares as never null may have nulls now, which arrow would
        // refuse.
        let fields = schema.fields().iter().zip(&arrays);
        let fields: Vec<FieldRef> = fields
            .map(|(field, array)| nullable(field, array))
            .collect();
        let batch = RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays);
        batch.expect("columns are as long as they were")
    }

    /// A column, with nulls, also inside of lists and structs.
    pub(crate) fn in_array(&self, array: &ArrayRef) -> ArrayRef {
        let is_null = |bytes: Option<&[u8]>| bytes.is_some_and(|bytes| self.has(bytes));
        let is_null_text = |text: Option<&str>| is_null(text.map(str::as_bytes));
        let mask: BooleanArray = match array.data_type() {
            DataType::Utf8View => {
                let texts = array.as_string_view().iter();
                texts.map(is_null_text).map(Some).collect()
            }
            DataType::Utf8 => {
                let texts = array.as_string::<i32>().iter();
                texts.map(is_null_text).map(Some).collect()
            }
            DataType::BinaryView => {
                let bytes = array.as_binary_view().iter();
                bytes.map(is_null).map(Some).collect()
            }
            DataType::Binary => {
                let bytes = array.as_binary::<i32>().iter();
                bytes.map(is_null).map(Some).collect()
            }
            DataType::Dictionary(..) => {
                let coded = array.as_dictionary::<Int32Type>();
                // Each text of the dictionary is compared once, not once per row.
                let values = coded.values().as_string::<i32>().iter();
                let are_null: Vec<bool> = values.map(is_null_text).collect();
                let is_null_key =
                    |key: Option<i32>| key.is_some_and(|key| are_null[index(key.unsigned_abs())]);
                coded.keys().iter().map(is_null_key).map(Some).collect()
            }
            DataType::List(field) => return self.in_lists(array.as_list(), field),
            DataType::Struct(_) => return self.in_structs(array.as_struct()),
            _ => return Arc::clone(array),
        };
        match mask.true_count() {
            0 => Arc::clone(array),
            _ => nullif(array, &mask).expect("a mask as long as its column"),
        }
    }

    /// Lists, with nulls in their elements.
    fn in_lists(&self, lists: &ListArray, field: &FieldRef) -> ArrayRef {
        let values = self.in_array(lists.values());
        let (offsets, nulls) = (lists.offsets().clone(), lists.nulls().cloned());
        let lists = ListArray::try_new(nullable(field, &values), offsets, values, nulls);
        Arc::new(lists.expect("as many elements as there were"))
    }

    /// Structs, with nulls in their fields.
    fn in_structs(&self, structs: &StructArray) -> ArrayRef {
        let arrays = structs.columns().iter().map(|array| self.in_array(array));
        let arrays: Vec<ArrayRef> = arrays.collect();
        let fields = structs.fields().iter().zip(&arrays);
        let fields: Vec<FieldRef> = fields
            .map(|(field, array)| nullable(field, array))
            .collect();
        let nulls = structs.nulls().cloned();
        let structs = StructArray::try_new(fields.into(), arrays, nulls);
        Arc::new(structs.expect("fields as long as they were"))
    }
}

/// The field with the type of a column, nullable.
fn nullable(field: &FieldRef, array: &ArrayRef) -> FieldRef {
    let data_type = array.data_type().clone();
    Arc::new(ArrowField::new(field.name(), data_type, true))
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{DictionaryArray, StringViewArray};

    #[test]
    fn texts_of_every_shape_become_null_and_nothing_else_does() {
        let words = NullWords::new(&["NULL".to_owned(), String::new()]);
        let plain: ArrayRef = Arc::new(StringViewArray::from(vec!["a", "NULL", "null", ""]));
        let coded: DictionaryArray<Int32Type> = ["NULL", "a", "NULL", "b"].into_iter().collect();
        let coded: ArrayRef = Arc::new(coded);
        let nulls = |array: &ArrayRef| -> Vec<bool> {
            let array = words.in_array(array);
            (0..array.len()).map(|at| array.is_null(at)).collect()
        };
        assert_eq!(nulls(&plain), [false, true, false, true]);
        assert_eq!(nulls(&coded), [true, false, true, false]);
        let field = ArrowField::new("x", DataType::Utf8View, false);
        let structs = StructArray::new(vec![field].into(), vec![plain], None);
        let structs = words.in_structs(&structs);
        assert!(structs.as_struct().column(0).is_null(1) && structs.null_count() == 0);
    }

    #[test]
    fn a_number_of_json_is_no_text() {
        let words = NullWords::new(&["0".to_owned()]);
        let mut fields = [Field::Json("0"), Field::Csv("0"), Field::Text("0".into())];
        words.clear(&mut fields);
        assert_eq!(fields, [Field::Json("0"), Field::Null, Field::Null]);
    }
}
