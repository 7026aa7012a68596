//! Ids, labels and times in the spellings that programs write: of each value another one in text files, of
//! each column another type in files with types.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Decimal128Array, Float32Array, Float64Array, Int8Array, StringArray,
};
use hitherto::reference::LogTime;
use jiff::civil::DateTime;

/// From here on floats skip integers.
const FLOATS_END: u64 = 1 << 53;

/// An id as JSON, in which texts of digits are integers; without its quotes it is a field of CSV.
pub(crate) fn json_of_id(id: i64, at: usize) -> String {
    let is_small = id.unsigned_abs() < FLOATS_END;
    match at % 5 {
        1 if is_small => format!("{id}.0"),
        2 => format!("\"{id}\""),
        3 if is_small => format!("\"{id}.00\""),
        _ => id.to_string(),
    }
}

/// A label as JSON.
pub(crate) fn json_of_label(label: bool, at: usize) -> String {
    let spellings = if label {
        [
            "true", "1", "1.0", "\"True\"", "\"Y\"", "\"1\"", "\"yes\"", "1e0",
        ]
    } else {
        [
            "false",
            "0",
            "0.0",
            "\"FALSE\"",
            "\"n\"",
            "\"0.0\"",
            "\"No\"",
            "0",
        ]
    };
    spellings[at % spellings.len()].to_owned()
}

/// Ids as a column of another type; nothing if it is to be one of integers.
pub(crate) fn column_of_ids(ids: &[Option<i64>], variant: usize) -> Option<ArrayRef> {
    let below = |end: u64| ids.iter().flatten().all(|id| id.unsigned_abs() < end);
    let as_float = |id: i64| id.to_string().parse::<f64>().expect("a number");
    match variant % 5 {
        1 if below(FLOATS_END) => {
            // As pandas has it: a null is NaN.
            let floats = ids.iter().map(|id| Some(id.map_or(f64::NAN, as_float)));
            Some(Arc::new(floats.collect::<Float64Array>()))
        }
        2 if below(1 << 24) => {
            let floats = ids
                .iter()
                .map(|id| id.map(|id| id.to_string().parse().expect("small")));
            Some(Arc::new(floats.collect::<Float32Array>()))
        }
        3 => {
            let precision = if below(1_000_000_000) {
                9
            } else if below(1_000_000_000_000_000_000) {
                18
            } else {
                38
            };
            Some(decimals(ids, precision, 0))
        }
        4 => Some(decimals(ids, 38, 3)),
        _ => None,
    }
}

/// Integers as decimals.
fn decimals(ints: &[Option<i64>], precision: u8, scale: u32) -> ArrayRef {
    let digits = ints
        .iter()
        .map(|int| Some(i128::from((*int)?) * 10_i128.pow(scale)));
    let decimals = digits.collect::<Decimal128Array>();
    let scale = i8::try_from(scale).expect("small");
    Arc::new(
        decimals
            .with_precision_and_scale(precision, scale)
            .expect("they fit"),
    )
}

/// Labels as a column of some type.
pub(crate) fn column_of_labels(labels: &[Option<bool>], variant: usize) -> ArrayRef {
    let number = |label: bool| if label { 1 } else { 0 };
    match variant % 4 {
        1 => {
            let ints = labels.iter().map(|label| label.map(number));
            Arc::new(ints.collect::<Int8Array>())
        }
        2 => {
            let floats = labels
                .iter()
                .map(|label| label.map(|label| f64::from(number(label))));
            Arc::new(floats.collect::<Float64Array>())
        }
        3 => {
            let text = |label: bool| if label { "True" } else { "False" };
            let texts = labels.iter().map(|label| label.map(text));
            Arc::new(texts.collect::<StringArray>())
        }
        _ => Arc::new(labels.iter().copied().collect::<BooleanArray>()),
    }
}

/// A time as text, in one of many forms. Half of all instants are written east of Greenwich.
pub(crate) fn text_of_time(time: LogTime) -> String {
    let wall = |us| {
        let epoch = DateTime::constant(1970, 1, 1, 0, 0, 0, 0);
        let span = jiff::Span::new().microseconds(us);
        epoch.checked_add(span).expect("a calendar")
    };
    match time {
        LogTime::Date(day) => {
            let date = wall(i64::from(day) * 86_400_000_000);
            date_text(date, i64::from(day))
        }
        LogTime::Wall(us) => clock_text(wall(us), us),
        LogTime::Instant(us) if us / 1_000_000 % 2 == 0 => {
            let zones = [
                "Z",
                " UTC",
                " +0000",
                " GMT",
                "+00",
                " +0000 UTC",
                "Z[UTC]",
                "UTC",
            ];
            clock_text(wall(us), us) + one_of(zones, us / 2_000_000)
        }
        LogTime::Instant(us) => {
            let zones = ["+05:30", " +0530", " +05:30", "+0530[Asia/Kolkata]"];
            clock_text(wall(us + 19_800_000_000), us) + one_of(zones, us / 2_000_000)
        }
    }
}

/// One of some texts, by a number.
fn one_of<const N: usize>(texts: [&'static str; N], number: i64) -> &'static str {
    let count = i64::try_from(N).expect("small");
    texts[usize::try_from(number.rem_euclid(count)).expect("small")]
}

/// A date in one of many forms.
fn date_text(date: DateTime, number: i64) -> String {
    let forms = [
        "%Y-%m-%d",
        "%Y/%m/%d",
        "%d %b %Y",
        "%B %d, %Y",
        "%d-%b-%Y",
        "%a, %d %b %Y",
    ];
    written(date, one_of(forms, number))
}

/// A wall time in one of many forms.
fn clock_text(at: DateTime, number: i64) -> String {
    let forms = [
        "%Y-%m-%dT%H:%M:%S",
        "%Y-%m-%d %H:%M:%S",
        "%Y/%m/%d %H:%M:%S",
        "%Y%m%dT%H%M%S",
        "%Y%m%d %H:%M:%S",
        "%d/%b/%Y:%H:%M:%S",
        "%a, %d %b %Y %H:%M:%S",
        "%b %d, %Y %H:%M:%S",
        "%A, %B %d, %Y, %H:%M:%S",
        "%Y.%m.%d %H:%M:%S",
    ];
    // Commas as well, as long as they do not part fields of CSV.
    let fraction = match at.subsec_nanosecond() / 1000 {
        0 => String::new(),
        micros => format!(".{micros:06}"),
    };
    written(at, one_of(forms, number.div_euclid(1_000_000) / 3)) + &fraction
}

/// A time by a format, with all four digits of its year.
fn written(at: DateTime, format: &str) -> String {
    let format = format.replace("%Y", &format!("{:04}", at.year()));
    at.strftime(&format).to_string()
}
