//! One value of a text record: what the text says, turned into what the engine wants.
//!
//! **Null rule**: in CSV only an empty field is null; in JSON `null` is, an absent key, and where a
//! customer, an id or a time is wanted an empty text; and so are words that the user names (`nulls`).
//! **Invariants**: nothing is guessed: a number in quotes is text in JSON, `1.0` is no integer.

use std::borrow::Cow;

use crate::advice::Hint;
use crate::calendar::Zone;
use crate::error::Error;
use crate::ids::{Item, Micros};
use crate::job::{CustomerType, ItemType, TimeUnit};
use crate::kernel::column::{Customer, Label};
use crate::scan::misfits::{misfit_customer, misfit_item};
use crate::scan::spec::ReadSpec;
use crate::scan::text::times::{When, Written, parse};
use crate::scan::units::hint;

/// A value as it stands in a record.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Field<'a> {
    /// The record has no such key.
    Missing,
    /// The value is null.
    Null,
    /// A field of CSV, which may mean anything.
    Csv(&'a str),
    /// A JSON string.
    Text(Cow<'a, str>),
    /// A JSON number, boolean, array or object, as it is written.
    Json(&'a str),
    /// Bytes that are not UTF-8.
    NotText,
}

/// What was expected, and what was found instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mismatch {
    /// What should have been there.
    pub(crate) expected: String,
    pub(crate) found: String,
    /// What to do, if it is more than to set the row aside.
    pub(crate) hint: Option<Hint>,
}

impl Mismatch {
    /// A mismatch.
    pub(crate) fn new(expected: impl Into<String>, found: impl Into<String>) -> Mismatch {
        Mismatch {
            expected: expected.into(),
            found: found.into(),
            hint: None,
        }
    }

    /// The same, with what to do about it.
    pub(crate) fn advised(self, hint: Hint) -> Mismatch {
        Mismatch {
            hint: Some(hint),
            ..self
        }
    }
}

/// A value of a column, or what is wrong with it.
pub(crate) type Value<T> = Result<T, Mismatch>;

/// Ids that the user names for "no customer", in both types.
#[derive(Clone, Debug, Default)]
pub(crate) struct GuestIds {
    /// As integers, where they are some.
    ints: Vec<i64>,
    texts: Vec<String>,
}

impl GuestIds {
    /// Ids as the user writes them.
    pub(crate) fn new(ids: &[String]) -> GuestIds {
        GuestIds {
            ints: ids.iter().filter_map(|id| id.parse().ok()).collect(),
            texts: ids.to_vec(),
        }
    }

    /// Checks guest ids against the type of customers.
    ///
    /// # Errors
    /// If one of them is no id of that type, so that it could never match.
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

    /// The customer, or nobody if it is a guest id.
    #[inline]
    pub(crate) fn resolve<'a>(&self, customer: Customer<'a>) -> Customer<'a> {
        let guest = match customer {
            Customer::Guest => true,
            Customer::Int(id) => self.ints.contains(&id),
            Customer::Text(id) => self.texts.iter().any(|guest| guest == id),
        };
        if guest { Customer::Guest } else { customer }
    }
}

impl Field<'_> {
    /// The value as a message shows it, cut to a length that a terminal can hold.
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

    /// Whether there is no value, or an empty text, which no id or time is.
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

    /// Text, or an integer as decimal text, that is short enough to be kept.
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
    pub(crate) fn as_customer(&self, of: CustomerType) -> Option<Customer<'_>> {
        match of {
            _ if self.is_blank() => Some(Customer::Guest),
            CustomerType::Int64 => self.int().map(Customer::Int),
            CustomerType::String => self.text_or_int().map(Customer::Text),
        }
    }

    /// A customer id.
    #[inline]
    pub(crate) fn customer(&self, of: CustomerType) -> Value<Customer<'_>> {
        let customer = self.as_customer(of);
        customer.ok_or_else(|| misfit_customer(of, self.shown()))
    }

    /// An item id, if it is one.
    #[inline]
    pub(crate) fn as_item<I: Item>(&self) -> Option<I> {
        self.int().and_then(I::from_wide)
    }

    /// An item id.
    #[inline]
    pub(crate) fn item<I: Item>(&self, of: ItemType) -> Value<I> {
        self.as_item().ok_or_else(|| misfit_item(of, self.shown()))
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
                text.parse().ok().filter(|of: &f64| of.is_finite())
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

    /// A time, or nothing if the field is null.
    #[inline]
    pub(crate) fn time(&self, clock: &Clock<'_>) -> Value<Option<When>> {
        Ok(self
            .written(clock)?
            .map(|written| written.resolve(clock.zone)))
    }

    /// A time as it is written, if it is one.
    #[inline]
    pub(crate) fn as_written(&self, clock: &Clock<'_>) -> Option<Written> {
        let written = match self {
            Field::Text(text) => parse(text.as_bytes()),
            Field::Csv(text) => parse(text.as_bytes()).or_else(|| clock.epoch_text(text)),
            Field::Json(json) => clock.epoch_text(json),
            Field::Missing | Field::Null | Field::NotText => None,
        };
        written.filter(|written| written.is_near(clock.zone))
    }

    /// A time as it is written, or nothing if the field is null.
    #[inline]
    pub(crate) fn written(&self, clock: &Clock<'_>) -> Value<Option<Written>> {
        if self.is_blank() {
            return Ok(None);
        }
        match self.as_written(clock) {
            Some(written) => Ok(Some(written)),
            None => Err(Mismatch::new(clock.expected(self.int()), self.shown())),
        }
    }
}

/// How times are read: the zone of wall times, and the unit of integers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock<'a> {
    /// The zone of wall times and days.
    pub(crate) zone: &'a Zone,
    /// The unit of integers, if there are any.
    pub(crate) unit: Option<TimeUnit>,
}

impl<'a> Clock<'a> {
    /// The clock that files are read by.
    pub(crate) fn new(spec: &ReadSpec<'a>) -> Clock<'a> {
        Clock {
            zone: spec.zone,
            unit: spec.time_unit,
        }
    }

    /// An integer since the epoch, as text.
    fn epoch_text(&self, text: &str) -> Option<Written> {
        let unit = self.unit?;
        to_micros(parse_int(text)?, unit).map(Written::Instant)
    }

    /// What a message says a time should be, where an integer was found or something else.
    pub(crate) fn expected(&self, found: Option<i64>) -> String {
        let unit = self.unit.map_or("", named);
        let hint = found.map_or_else(String::new, hint);
        format!("{EXPECTED_TIME}{unit}{hint}")
    }
}

/// An integer, as `str::parse` reads it.
#[inline]
fn parse_int(text: &str) -> Option<i64> {
    // Up to 18 digits cannot overflow, so they need no check each.
    let digits = text.as_bytes();
    if digits.is_empty() || digits.len() > 18 {
        return text.parse().ok();
    }
    let mut value = 0;
    for byte in digits {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return text.parse().ok();
        }
        value = value * 10 + i64::from(digit);
    }
    Some(value)
}

/// A number of units since the epoch, floored to microseconds; nothing if it does not fit.
#[inline]
pub(crate) fn to_micros(value: i64, unit: TimeUnit) -> Option<Micros> {
    let micros = match unit {
        TimeUnit::Second => value.checked_mul(1_000_000)?,
        TimeUnit::Milli => value.checked_mul(1_000)?,
        TimeUnit::Micro => value,
        TimeUnit::Nano => value.div_euclid(1_000),
    };
    Some(Micros(micros))
}

/// What a message says of integers of a unit.
fn named(unit: TimeUnit) -> &'static str {
    match unit {
        TimeUnit::Second => ", or an integer of seconds since 1970",
        TimeUnit::Milli => ", or an integer of milliseconds since 1970",
        TimeUnit::Micro => ", or an integer of microseconds since 1970",
        TimeUnit::Nano => ", or an integer of nanoseconds since 1970",
    }
}

/// What a message says a time should be.
const EXPECTED_TIME: &str =
    "a time of the years 1 to 9999, such as 2025-08-15 or 2025-08-15T12:00:00Z";

/// Bytes of a text that is kept, such as an id. What is longer is none, and a few million of them,
/// each a place in a dictionary of one, would be more than any memory.
pub(crate) const TEXT_BYTES_MAX: usize = 4096;

/// What a message says a text should be.
pub(crate) const EXPECTED_TEXT: &str = "a text or an integer, of at most 4096 bytes";

/// What a message says a ranking's id should be.
pub(crate) fn expected_ranking() -> String {
    format!("a ranking id: {EXPECTED_TEXT}")
}

/// Whether a JSON number is an integer.
fn is_integer(json: &str) -> bool {
    let digits = json.strip_prefix('-').unwrap_or(json);
    !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
}

/// A text in quotes, escaped and cut.
pub(crate) fn quoted(text: &str) -> String {
    format!("{:?}", cut(text))
}

/// The first characters of a text.
fn cut(text: &str) -> String {
    /// Characters that a message still shows.
    const SHOWN_MAX: usize = 60;
    if text.chars().nth(SHOWN_MAX).is_none() {
        return text.to_owned();
    }
    let head: String = text.chars().take(SHOWN_MAX).collect();
    match text.len() <= TEXT_BYTES_MAX {
        true => format!("{head}…"),
        false => format!("{head}… ({} bytes)", text.len()),
    }
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
            unit: None,
        };
        assert!(Field::Csv("1755259200").time(&without).is_err());
        let clock = Clock {
            zone: &zone,
            unit: Some(TimeUnit::Nano),
        };
        let time = |field: Field<'_>| field.time(&clock).expect("a time").expect("not null").at.0;
        assert_eq!(time(Field::Json("-1")), -1, "floored, not cut");
        assert_eq!(time(Field::Csv("1999")), 1);
        assert_eq!(time(Field::Csv("1970-01-01 00:00:01")), 1_000_000);
        let seconds = Clock {
            zone: &zone,
            unit: Some(TimeUnit::Second),
        };
        assert!(Field::Csv("9223372036854775807").time(&seconds).is_err());
    }
}
