//! Columns of floats and of decimals, where integers are meant: ids, times since 1970, labels.
//!
//! **Null rule**: NaN is null, as pandas makes floats of integers that have nulls.
//! **Invariants**: a value is the integer that it is exactly, or none. A float from 2^53 on, or one of 32 bits
//! from 2^24 on, may stand for the integer beside it, so it is none.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Float64Array, Int64Array, StringViewArray};
use arrow::compute::cast;
use arrow::datatypes::{
    DataType, Decimal32Type, Decimal64Type, Decimal128Type, Decimal256Type, DecimalType,
    Float64Type, Int64Type,
};

use crate::scan::values::decimal::Decimal;

/// Whether a type is a float or a decimal.
pub(crate) fn is_number(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Float32 | DataType::Float64) || is_decimal(data_type)
}

/// Whether a type is a decimal whose digits are written.
fn is_decimal(data_type: &DataType) -> bool {
    match data_type {
        DataType::Decimal32(_, scale)
        | DataType::Decimal64(_, scale)
        | DataType::Decimal128(_, scale)
        | DataType::Decimal256(_, scale) => *scale >= 0,
        _ => false,
    }
}

/// A column of numbers with null where a float is NaN; a column of another type as it is.
pub(crate) fn without_nan(array: &ArrayRef) -> ArrayRef {
    if !matches!(array.data_type(), DataType::Float32 | DataType::Float64) {
        return Arc::clone(array);
    }
    let wide = cast(array, &DataType::Float64).expect("a float is as well one of 64 bits");
    let numbers = wide.as_primitive::<Float64Type>();
    if !numbers.iter().flatten().any(f64::is_nan) {
        return Arc::clone(array);
    }
    let numbers: Float64Array = numbers
        .iter()
        .map(|number| number.filter(|number| !number.is_nan()))
        .collect();
    cast(&numbers, array.data_type()).expect("it was of that type")
}

/// The integers that floats or decimals are; null where a value is null or none.
pub(crate) fn whole_numbers(array: &ArrayRef) -> Int64Array {
    let end = match array.data_type() {
        DataType::Float32 => f64::from(1_u32 << 24),
        DataType::Float64 => 9_007_199_254_740_992.0,
        _ => return whole_decimals(array),
    };
    let wide = cast(array, &DataType::Float64).expect("a float is as well one of 64 bits");
    let ints = cast(&wide, &DataType::Int64).expect("what does not fit is null");
    let back = cast(&ints, &DataType::Float64).expect("numbers");
    let (ints, wide) = (
        ints.as_primitive::<Int64Type>(),
        wide.as_primitive::<Float64Type>(),
    );
    let back = back.as_primitive::<Float64Type>();
    let exact = (0..ints.len()).map(|row| {
        let number = wide.value(row);
        // Casting cuts fractions off, and casting back shows it.
        let is_exact = ints.is_valid(row) && number == back.value(row) && number.abs() < end;
        is_exact.then(|| ints.value(row))
    });
    exact.collect()
}

/// The integers that decimals are.
fn whole_decimals(array: &ArrayRef) -> Int64Array {
    let texts = number_texts(array);
    let exact = |text: &str| Decimal::parse(text)?.exact();
    texts.iter().map(|text| text.and_then(exact)).collect()
}

/// Floats or decimals as texts: the shortest that stand for the same number; null where a value is null or
/// NaN.
pub(crate) fn number_texts(array: &ArrayRef) -> StringViewArray {
    match array.data_type() {
        DataType::Decimal32(..) => decimal_texts::<Decimal32Type>(array),
        DataType::Decimal64(..) => decimal_texts::<Decimal64Type>(array),
        DataType::Decimal128(..) => decimal_texts::<Decimal128Type>(array),
        DataType::Decimal256(..) => decimal_texts::<Decimal256Type>(array),
        _ => {
            let wide = cast(array, &DataType::Float64).expect("types are checked");
            let numbers = wide.as_primitive::<Float64Type>().iter();
            // Without exponents, whatever the size.
            let text = |number: f64| (!number.is_nan()).then(|| number.to_string());
            numbers.map(|number| number.and_then(text)).collect()
        }
    }
}

/// Decimals as texts.
fn decimal_texts<T: DecimalType>(array: &ArrayRef) -> StringViewArray {
    let decimals = array.as_primitive::<T>();
    let text = |row| {
        decimals
            .is_valid(row)
            .then(|| decimals.value_as_string(row))
    };
    (0..decimals.len()).map(text).collect()
}

#[cfg(test)]
mod tests {
    use arrow::array::{Decimal128Array, Float32Array};

    use super::*;

    #[test]
    fn floats_are_whole_below_the_gaps_between_them() {
        let floats: ArrayRef = Arc::new(Float64Array::from(vec![
            101.0,
            -3.0,
            101.5,
            9_007_199_254_740_991.0,
            9_007_199_254_740_992.0,
            f64::NAN,
            f64::INFINITY,
            -0.0,
        ]));
        let found: Vec<Option<i64>> = whole_numbers(&floats).iter().collect();
        let last = Some(9_007_199_254_740_991);
        assert_eq!(
            found,
            [Some(101), Some(-3), None, last, None, None, None, Some(0)]
        );
        let cleared = without_nan(&floats);
        assert!(cleared.is_null(5) && cleared.null_count() == 1);
        let narrow: ArrayRef = Arc::new(Float32Array::from(vec![16_777_215.0, 16_777_216.0]));
        let found: Vec<Option<i64>> = whole_numbers(&narrow).iter().collect();
        assert_eq!(found, [Some(16_777_215), None]);
    }

    #[test]
    fn decimals_are_read_to_the_last_digit() {
        let decimals = Decimal128Array::from(vec![
            Some(900_719_925_474_099_300),
            Some(150),
            None,
            Some(i128::MAX / 1_000_000_000),
        ]);
        let decimals = decimals.with_precision_and_scale(38, 2).expect("a decimal");
        let decimals: ArrayRef = Arc::new(decimals);
        let found: Vec<Option<i64>> = whole_numbers(&decimals).iter().collect();
        assert_eq!(found, [Some(9_007_199_254_740_993), None, None, None]);
    }
}
