//! Labels in every spelling: true and false, 1 and 0, yes and no.
//!
//! **Null rule**: a null is null, and so is NaN in a column of floats, as pandas writes a null.
//! **Invariants**: anything else is a mismatch, never false.

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, StringViewArray};
use arrow::compute::cast;
use arrow::datatypes::DataType;

use crate::kernel::column::Label;
use crate::scan::mismatch::{Mismatch, Value, quoted};
use crate::scan::values::decimal::Decimal;
use crate::scan::values::numbers::{is_number, without_nan};

/// What a message expects of a label.
pub(crate) const EXPECTED_LABEL: &str = "true or false, 1 or 0, yes or no, or null";

/// The label that a text says, or a number as it is written.
pub(crate) fn label_of_text(text: &str) -> Option<bool> {
    let is_one_of = |words: [&str; 3]| words.iter().any(|word| text.eq_ignore_ascii_case(word));
    if is_one_of(["true", "yes", "y"]) {
        return Some(true);
    }
    if is_one_of(["false", "no", "n"]) {
        return Some(false);
    }
    match Decimal::parse_json(text)?.exact()? {
        0 => Some(false),
        1 => Some(true),
        _ => None,
    }
}

/// A column of labels.
#[derive(Clone, Debug)]
pub(crate) enum LabelColumn {
    /// Truth values.
    Bools(BooleanArray),
    /// Numbers or texts, as texts.
    Words(StringViewArray),
}

impl LabelColumn {
    /// Whether a type may hold labels.
    pub(crate) fn holds(data_type: &DataType) -> bool {
        let is_text = matches!(
            data_type,
            DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View
        );
        is_text || *data_type == DataType::Boolean || data_type.is_integer() || is_number(data_type)
    }

    /// The labels of a column whose type is checked.
    pub(crate) fn new(array: &ArrayRef) -> LabelColumn {
        if let Some(labels) = array.as_boolean_opt() {
            return LabelColumn::Bools(labels.clone());
        }
        let words = cast(&without_nan(array), &DataType::Utf8View).expect("types are checked");
        LabelColumn::Words(words.as_string_view().clone())
    }

    /// The label of a row, or nothing if it is null.
    #[inline]
    pub(crate) fn get(&self, row: usize) -> Value<Option<bool>> {
        match self {
            LabelColumn::Bools(labels) => Ok(labels.is_valid(row).then(|| labels.value(row))),
            LabelColumn::Words(words) if words.is_null(row) => Ok(None),
            LabelColumn::Words(words) => {
                let label = label_of_text(words.value(row));
                let misfit = || Mismatch::new(EXPECTED_LABEL, quoted(words.value(row)));
                label.map(Some).ok_or_else(misfit)
            }
        }
    }

    /// The same as a label.
    #[inline]
    pub(crate) fn label(&self, row: usize) -> Value<Label> {
        Ok(label_of(self.get(row)?))
    }
}

/// A truth value as a label.
#[inline]
pub(crate) fn label_of(value: Option<bool>) -> Label {
    match value {
        None => Label::Null,
        Some(true) => Label::Yes,
        Some(false) => Label::No,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{Float64Array, Int8Array};

    use super::*;

    #[test]
    fn a_label_has_many_spellings_and_no_others() {
        for text in [
            "true", "True", "TRUE", "1", "1.0", "1.00", "Y", "y", "yes", "Yes",
        ] {
            assert_eq!(label_of_text(text), Some(true), "{text}");
        }
        for text in ["false", "False", "0", "0.0", "-0.0", "N", "no", "NO"] {
            assert_eq!(label_of_text(text), Some(false), "{text}");
        }
        for text in [
            "", "2", "-1", "0.5", "t", "on", " true", "null", "NaN", "yess",
        ] {
            assert_eq!(label_of_text(text), None, "{text}");
        }
    }

    #[test]
    fn numbers_of_columns_are_labels() {
        let floats: ArrayRef = Arc::new(Float64Array::from(vec![
            Some(1.0),
            Some(0.0),
            None,
            Some(f64::NAN),
            Some(0.5),
        ]));
        let labels = LabelColumn::new(&floats);
        let found: Vec<_> = (0..4).map(|row| labels.get(row)).collect();
        assert_eq!(found, [Ok(Some(true)), Ok(Some(false)), Ok(None), Ok(None)]);
        assert!(labels.get(4).is_err());
        let ints: ArrayRef = Arc::new(Int8Array::from(vec![1, 2]));
        let labels = LabelColumn::new(&ints);
        assert_eq!(labels.get(0), Ok(Some(true)));
        assert!(labels.get(1).is_err());
    }
}
