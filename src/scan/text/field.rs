//! One value of a text record, parsed as an id, a time, a number or a label.
//!
//! **Null rule**: in CSV, an empty field is null. In JSON, `null` and an absent key are; for customers,
//! ids and times an empty text is, too. Texts that the user names are null in both (`nulls`).
//! **Invariants**: nothing is guessed: in JSON a number in quotes is text, and `1.0` is no integer.

use std::borrow::Cow;

use crate::calendar::Zone;
use crate::error::Error;
use crate::ids::Item;
use crate::job::{CustomerType, ItemType, TimeUnit};
use crate::kernel::column::{Customer, Label};
use crate::scan::mismatch::{
    Mismatch, TEXT_BYTES_MAX, Value, cut, expected_ranking, misfit_customer, misfit_item, quoted,
};
use crate::scan::spec::ReadSpec;
use crate::scan::text::epoch::{hint, to_micros};
use crate::scan::text::times::{When, WrittenTime, parse};

/// A value as it stands in a record.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Field<'a> {
    /// The record has no such column.
    Missing,
    /// The value is null.
    Null,
    /// A field of CSV, whose type is not known.
    Csv(&'a str),
    /// A JSON string.
    Text(Cow<'a, str>),
    /// A JSON number, boolean, array or object, verbatim.
    Json(&'a str),
    /// Bytes that are not UTF-8.
    NotText,
}

/// The ids that mean "no customer", in both types.
#[derive(Clone, Debug, Default)]
pub(crate) struct GuestIds {
    /// Those that are integers.
    ints: Vec<i64>,
    texts: Vec<String>,
}

impl GuestIds {
    /// The ids that the user names.
    pub(crate) fn new(ids: &[String]) -> GuestIds {
        GuestIds {
            // An id that is no integer was refused by `check` if customers are integers.
            ints: ids.iter().filter_map(|id| id.parse().ok()).collect(),
            texts: ids.to_vec(),
        }
    }

    /// Checks guest ids against the type of customer ids.
    ///
    /// # Errors
    /// If one is no id of that type, as it could never match.
    pub(crate) fn check(ids: &[String], customers: CustomerType) -> crate::error::Result<()> {
        let is_int = |id: &&String| id.parse::<i64>().is_ok();
        match ids.iter().find(|id| !is_int(id)) {
            Some(id) if customers == CustomerType::Int64 => Err(Error::settings(format!(
                "--guest-ids names \"{id}\", but customers are integers; \
                 --customer-type string reads them as text"
            ))),
            _ => Ok(()),
        }
    }

    /// The customer, or a guest if its id is one of these.
    #[inline]
    pub(crate) fn resolve<'a>(&self, customer: Customer<'a>) -> Customer<'a> {
        let is_guest = match customer {
            Customer::Guest => true,
            Customer::Int(id) => self.ints.contains(&id),
            Customer::Text(id) => self.texts.iter().any(|guest| guest == id),
        };
        if is_guest { Customer::Guest } else { customer }
    }
}

impl Field<'_> {
    /// The value for a message, cut to a length that a terminal can hold.
    pub(crate) fn shown(&self) -> String {
        match self {
            Field::Missing => "nothing".to_owned(),
            Field::Null => "null".to_owned(),
            Field::Csv(text) => quoted(text),
            Field::Text(text) => format!("the text {}", quoted(text)),
            Field::Json(json) => cut(json),
            Field::NotText => "bytes that are not UTF-8".to_owned(),
        }
    }

    /// The text of a value that may be a time.
    #[inline]
    pub(crate) fn raw(&self) -> &str {
        match self {
            Field::Csv(text) | Field::Json(text) => text,
            Field::Text(text) => text,
            Field::Missing | Field::Null | Field::NotText => "",
        }
    }

    /// Whether there is no value.
    pub(crate) fn is_null(&self) -> bool {
        matches!(self, Field::Missing | Field::Null)
    }

    /// Whether there is no value, or an empty text, which is no id and no time.
    #[inline]
    pub(crate) fn is_blank(&self) -> bool {
        match self {
            Field::Text(text) => text.is_empty(),
            other => other.is_null(),
        }
    }

    /// An integer.
    #[inline]
    pub(crate) fn int(&self) -> Option<i64> {
        match self {
            Field::Csv(text) | Field::Json(text) => parse_int(text),
            _ => None,
        }
    }

    /// A text, or an integer in decimal, of at most [`TEXT_BYTES_MAX`].
    #[inline]
    pub(crate) fn text_or_int(&self) -> Option<&str> {
        let text: &str = match self {
            Field::Csv(text) => text,
            Field::Text(text) => text,
            Field::Json(json) if is_integer(json) => json,
            _ => return None,
        };
        (text.len() <= TEXT_BYTES_MAX).then_some(text)
    }

    /// A customer id, if it is one.
    #[inline]
    pub(crate) fn as_customer(&self, customers: CustomerType) -> Option<Customer<'_>> {
        match customers {
            _ if self.is_blank() => Some(Customer::Guest),
            CustomerType::Int64 => self.int().map(Customer::Int),
            CustomerType::String => self.text_or_int().map(Customer::Text),
        }
    }

    /// A customer id.
    #[inline]
    pub(crate) fn customer(&self, customers: CustomerType) -> Value<Customer<'_>> {
        let customer = self.as_customer(customers);
        customer.ok_or_else(|| misfit_customer(customers, self.shown()))
    }

    /// An item id, if it is one.
    #[inline]
    pub(crate) fn as_item<I: Item>(&self) -> Option<I> {
        self.int().and_then(I::from_wide)
    }

    /// An item id.
    #[inline]
    pub(crate) fn item<I: Item>(&self, items: ItemType) -> Value<I> {
        let item = self.as_item();
        item.ok_or_else(|| misfit_item(items, self.shown()))
    }

    /// The text of an item's id, if it is one.
    #[inline]
    pub(crate) fn item_text(&self) -> Option<&str> {
        self.text_or_int().filter(|text| !text.is_empty())
    }

    /// The id of a ranking.
    pub(crate) fn ranking(&self) -> Value<&str> {
        let ranking = self.text_or_int();
        ranking.ok_or_else(|| Mismatch::new(expected_ranking(), self.shown()))
    }

    /// A finite number, if it is one.
    #[inline]
    pub(crate) fn as_number(&self) -> Option<f64> {
        match self {
            Field::Csv(text) | Field::Json(text) => {
                // `parse` takes "inf" and "nan", too.
                text.parse().ok().filter(|number: &f64| number.is_finite())
            }
            _ => None,
        }
    }

    /// A label.
    pub(crate) fn label(&self) -> Value<Label> {
        match self {
            Field::Missing | Field::Null => Ok(Label::Null),
            Field::Json("true") => Ok(Label::Yes),
            Field::Json("false") => Ok(Label::No),
            _ => Err(Mismatch::new("true, false or null", self.shown())),
        }
    }

    /// A time, or `None` if the field is null.
    #[inline]
    pub(crate) fn time(&self, clock: &Clock<'_>) -> Value<Option<When>> {
        Ok(self.written(clock)?.map(|written| clock.resolve(written)))
    }

    /// A time as it is written, if it is one.
    #[inline]
    pub(crate) fn as_written(&self, clock: &Clock<'_>) -> Option<WrittenTime> {
        let written = match self {
            Field::Text(text) => parse(text.as_bytes()),
            // No text is both: a date has hyphens between digits, an integer has none.
            Field::Csv(text) => parse(text.as_bytes()).or_else(|| clock.epoch_text(text)),
            Field::Json(json) => clock.epoch_text(json),
            Field::Missing | Field::Null | Field::NotText => None,
        };
        // Days are named with four digits of a year: beyond these, several days had the same name.
        written.filter(|written| written.is_near(clock.zone))
    }

    /// A time as it is written, or `None` if the field is null.
    #[inline]
    pub(crate) fn written(&self, clock: &Clock<'_>) -> Value<Option<WrittenTime>> {
        if self.is_blank() {
            return Ok(None);
        }
        match self.as_written(clock) {
            Some(written) => Ok(Some(written)),
            None => Err(Mismatch::new(clock.expected(self.int()), self.shown())),
        }
    }
}

/// How times are read: the zones of wall times and of days, and the unit of integers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock<'a> {
    /// The zone of wall times.
    pub(crate) zone: &'a Zone,
    /// The zone of days.
    pub(crate) days: &'a Zone,
    /// The unit of integers, or `None` if integers are no times.
    pub(crate) unit: Option<TimeUnit>,
}

impl<'a> Clock<'a> {
    /// The settings of a run.
    pub(crate) fn new(spec: &ReadSpec<'a>) -> Clock<'a> {
        Clock {
            zone: spec.wall_zone,
            days: spec.zone,
            unit: spec.time_unit,
        }
    }

    /// The instant of a time. A date is a day, so it is of the zone of days.
    #[inline]
    pub(crate) fn resolve(&self, written: WrittenTime) -> When {
        written.resolve(match written {
            WrittenTime::Date(_) => self.days,
            _ => self.zone,
        })
    }

    /// A time that is written as an integer since the epoch.
    fn epoch_text(&self, text: &str) -> Option<WrittenTime> {
        let unit = self.unit?;
        to_micros(parse_int(text)?, unit).map(WrittenTime::Instant)
    }

    /// What a message expects of a time; `int` is what was found if it was an integer.
    pub(crate) fn expected(&self, int: Option<i64>) -> String {
        let unit = self.unit.map_or("", expected_ints);
        let hint = int.map_or_else(String::new, hint);
        format!("{EXPECTED_TIME}{unit}{hint}")
    }
}

/// An integer; gives what `str::parse` does, faster.
#[inline]
fn parse_int(text: &str) -> Option<i64> {
    // Up to 18 digits cannot overflow, so no digit needs a check.
    let digits = text.as_bytes();
    if digits.is_empty() || digits.len() > 18 {
        return text.parse().ok();
    }
    let mut value = 0;
    for byte in digits {
        // A sign ends this as well: `parse` knows what it means.
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return text.parse().ok();
        }
        value = value * 10 + i64::from(digit);
    }
    Some(value)
}

/// What a message expects of integer times of a unit.
fn expected_ints(unit: TimeUnit) -> &'static str {
    match unit {
        TimeUnit::Second => ", or an integer of seconds since 1970",
        TimeUnit::Milli => ", or an integer of milliseconds since 1970",
        TimeUnit::Micro => ", or an integer of microseconds since 1970",
        TimeUnit::Nano => ", or an integer of nanoseconds since 1970",
    }
}

/// What a message expects of a time.
const EXPECTED_TIME: &str =
    "a time of the years 1 to 9999, such as 2025-08-15 or 2025-08-15T12:00:00Z";

/// Whether a JSON number is an integer.
fn is_integer(json: &str) -> bool {
    let digits = json.strip_prefix('-').unwrap_or(json);
    !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_guessed_about_ids() {
        let int = CustomerType::Int64;
        assert_eq!(Field::Csv("-5").customer(int), Ok(Customer::Int(-5)));
        assert_eq!(Field::Json("7").customer(int), Ok(Customer::Int(7)));
        assert_eq!(Field::Null.customer(int), Ok(Customer::Guest));
        for field in [
            Field::Csv("1.0"),
            Field::Csv(" 1"),
            Field::Csv("abc"),
            Field::Json("1.0"),
            Field::Json("9223372036854775808"),
            Field::Json("true"),
            Field::Text("7".into()),
            Field::NotText,
        ] {
            assert!(field.customer(int).is_err(), "{field:?}");
        }
        let text = CustomerType::String;
        assert_eq!(Field::Json("7").customer(text), Ok(Customer::Text("7")));
        assert_eq!(
            Field::Text("x".into()).customer(text),
            Ok(Customer::Text("x"))
        );
        assert!(Field::Json("7.5").customer(text).is_err());
    }

    #[test]
    fn an_item_that_does_not_fit_names_the_flag_that_widens_it() {
        let field = Field::Csv("2147483648");
        let error = field.item::<i32>(ItemType::Int32).expect_err("too wide");
        assert!(error.expected.contains("--item-type int64"));
        assert_eq!(field.item::<i64>(ItemType::Int64), Ok(2_147_483_648));
        for zero in ["0", "-1", "x", ""] {
            assert!(Field::Csv(zero).item::<i64>(ItemType::Int64).is_err());
        }
    }

    #[test]
    fn integers_are_times_only_with_a_unit() {
        let zone = Zone::utc();
        let without = Clock {
            zone: &zone,
            days: &zone,
            unit: None,
        };
        assert!(Field::Csv("1755259200").time(&without).is_err());
        let clock = Clock {
            zone: &zone,
            days: &zone,
            unit: Some(TimeUnit::Nano),
        };
        let time = |field: Field<'_>| field.time(&clock).expect("a time").expect("not null").at.0;
        assert_eq!(time(Field::Json("-1")), -1, "floored, not cut");
        assert_eq!(time(Field::Csv("1999")), 1);
        assert_eq!(time(Field::Csv("1970-01-01 00:00:01")), 1_000_000);
        let seconds = Clock {
            zone: &zone,
            days: &zone,
            unit: Some(TimeUnit::Second),
        };
        assert!(Field::Csv("9223372036854775807").time(&seconds).is_err());
    }
}
