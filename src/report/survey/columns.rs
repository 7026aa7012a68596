//! What the values of a column have in common.

use std::collections::BTreeMap;

use serde_json::Value;

use super::formats::{format_of_texts, format_of_wholes};
use super::lists::list_of;
use super::schema::{Row, SurveyedColumn, SurveyedTime};
use super::values::{number_of, whole_of, word_of};
use crate::job::{Format, TimeUnit};
use crate::reference::LogTime;
use crate::reference::read::time_of;

/// The deepest field inside others that is a column.
const DEPTH_MAX: usize = 5;

/// The columns of some records: those of the file in their order, and instead of an object its fields.
pub(super) fn columns_of(names: &[String], rows: &[Row], format: Format) -> Vec<SurveyedColumn> {
    let mut columns = Vec::new();
    for name in names {
        let values: Vec<&Value> = rows.iter().filter_map(|row| row.get(name)).collect();
        add_column(name, &values, format, 0, &mut columns);
    }
    columns
}

/// Adds a column of some values; of objects a column for each of their fields.
fn add_column(
    name: &str,
    values: &[&Value],
    format: Format,
    depth: usize,
    columns: &mut Vec<SurveyedColumn>,
) {
    let values = values.iter().copied().filter(|value| !value.is_null());
    let values: Vec<&Value> = values.collect();
    let objects: Vec<&Row> = values
        .iter()
        .filter_map(|value| value.as_object())
        .collect();
    let is_struct = !objects.is_empty() && objects.len() == values.len() && !are_maps(&objects);
    if !is_struct || depth == DEPTH_MAX {
        columns.push(column_of(name, &values, format));
        return;
    }
    let mut fields: Vec<&String> = Vec::new();
    for field in objects.iter().flat_map(|object| object.keys()) {
        if !fields.contains(&field) {
            fields.push(field);
        }
    }
    for field in fields {
        let inner: Vec<&Value> = objects
            .iter()
            .filter_map(|object| object.get(field))
            .collect();
        add_column(
            &format!("{name}.{field}"),
            &inner,
            format,
            depth + 1,
            columns,
        );
    }
}

/// Whether objects are maps from ids, and not structs.
fn are_maps(objects: &[&Row]) -> bool {
    let mut keys = objects.iter().flat_map(|object| object.keys()).peekable();
    keys.peek().is_some() && keys.all(|key| key.parse::<i64>().is_ok())
}

/// A column of values that are not null.
fn column_of(name: &str, values: &[&Value], format: Format) -> SurveyedColumn {
    let mut words = BTreeMap::new();
    for word in values.iter().filter_map(|value| word_of(value)) {
        *words.entry(word).or_insert(0) += 1;
    }
    let all = |is_so: &dyn Fn(&Value) -> bool| {
        !values.is_empty() && values.iter().all(|value| is_so(value))
    };
    let wholes: Option<Vec<i64>> = values.iter().map(|value| whole_of(value)).collect();
    let wholes = wholes.filter(|wholes| !wholes.is_empty());
    let least = wholes.iter().flatten().min().copied();
    let range = least.zip(wholes.iter().flatten().max().copied());
    let time = time_of_all(name, values, wholes.as_deref());
    let lists = list_of(values, &|names, rows| columns_of(names, rows, format));
    SurveyedColumn {
        name: name.to_owned(),
        values: u64::try_from(values.len()).unwrap_or(u64::MAX),
        words: words.into_iter().collect(),
        is_whole: wholes.is_some(),
        is_number: all(&|value| number_of(value).is_some()),
        is_text: matches!(format, Format::Parquet | Format::Arrow) && all(&Value::is_string),
        range,
        time,
        list: lists.filter(|_| time.format().is_none()),
    }
}

/// Whether values are times.
fn time_of_all(name: &str, values: &[&Value], wholes: Option<&[i64]>) -> SurveyedTime {
    if let Some(wholes) = wholes {
        let format = format_of_wholes(name, wholes);
        return format.map_or_else(|| time_of_integers(wholes), SurveyedTime::Formatted);
    }
    let texts: Option<Vec<&str>> = values.iter().map(|value| value.as_str()).collect();
    if let Some(format) = texts.and_then(|texts| format_of_texts(&texts)) {
        return SurveyedTime::Formatted(format);
    }
    let times = values.iter().map(|value| time_of(value.as_str()?));
    let Some(times) = times.collect::<Option<Vec<LogTime>>>() else {
        return SurveyedTime::None;
    };
    let has = |is_so: fn(&LogTime) -> bool| times.iter().any(is_so);
    let instants = has(|time| matches!(time, LogTime::Instant(_)));
    let walls = has(|time| matches!(time, LogTime::Wall(_)));
    let days = has(|time| matches!(time, LogTime::Date(_)));
    match (instants, walls, days) {
        (false, false, false) => SurveyedTime::None,
        (true, false, false) => SurveyedTime::Instants,
        (false, true, _) => SurveyedTime::Walls,
        (false, false, true) => SurveyedTime::Days,
        (true, ..) => SurveyedTime::Texts,
    }
}

/// Whether integers are times, by their digits.
fn time_of_integers(wholes: &[i64]) -> SurveyedTime {
    let units = wholes.iter().map(|whole| match whole.unsigned_abs() {
        // Seconds of the years 1973 to 2286 have 9 or 10 digits, and each finer unit has three more.
        100_000_000..=9_999_999_999 => Some(TimeUnit::Second),
        100_000_000_000..=9_999_999_999_999 => Some(TimeUnit::Milli),
        100_000_000_000_000..=9_999_999_999_999_999 => Some(TimeUnit::Micro),
        100_000_000_000_000_000.. => Some(TimeUnit::Nano),
        _ => None,
    });
    let Some(units) = units.collect::<Option<Vec<TimeUnit>>>() else {
        return SurveyedTime::None;
    };
    let first = units[0];
    if units.iter().all(|unit| *unit == first) {
        SurveyedTime::Integers(first)
    } else {
        SurveyedTime::MixedIntegers
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// The columns of rows.
    fn columns(rows: &Value) -> Vec<SurveyedColumn> {
        let rows: Vec<Row> = serde_json::from_value(rows.clone()).expect("rows");
        let names: Vec<String> = rows[0].keys().cloned().collect();
        columns_of(&names, &rows, Format::Ndjson)
    }

    #[test]
    fn fields_of_objects_are_columns() {
        let all = columns(&json!([{"a": 1, "p": {"id": 7, "q": {"r": "x"}}, "m": {"7": true}}]));
        let names: Vec<&str> = all.iter().map(|column| column.name.as_str()).collect();
        assert_eq!(names, ["a", "p.id", "p.q.r", "m"]);
    }

    #[test]
    fn times_are_known_by_their_values() {
        for (value, time) in [
            (json!("2025-08-15T10:00:00Z"), SurveyedTime::Instants),
            (json!("2025-08-15 10:00:00"), SurveyedTime::Walls),
            (json!("2025-08-15"), SurveyedTime::Days),
            (
                json!(1_755_244_800),
                SurveyedTime::Integers(TimeUnit::Second),
            ),
            (
                json!("1755244800000"),
                SurveyedTime::Integers(TimeUnit::Milli),
            ),
            (json!(20_250_815), SurveyedTime::Formatted("%Y%m%d")),
            (json!(12), SurveyedTime::None),
            (json!("view"), SurveyedTime::None),
            (
                json!("11/13/2019 8:36:57 AM"),
                SurveyedTime::Formatted("%m/%d/%Y %I:%M:%S %p"),
            ),
        ] {
            assert_eq!(columns(&json!([{"t": value}]))[0].time, time, "{value}");
        }
        let mixed = columns(&json!([{"t": 1_755_244_800}, {"t": 1_755_244_800_000_i64}]));
        assert_eq!(mixed[0].time, SurveyedTime::MixedIntegers);
    }

    #[test]
    fn whole_numbers_have_several_spellings() {
        for value in [json!(101), json!("101"), json!(101.0), json!("101.00")] {
            let column = &columns(&json!([{"id": value}]))[0];
            assert!(column.is_whole, "{value}");
            assert_eq!(column.range, Some((101, 101)), "{value}");
        }
        for value in [json!(1.5), json!("12.34"), json!("u1"), json!(true)] {
            assert!(!columns(&json!([{"id": value}]))[0].is_whole, "{value}");
        }
    }
}
