//! One value of a text record, parsed as an id, a time, a number or a label.
//!
//! **Null rule**: in CSV, an empty field is null. In JSON, `null` and an absent key are; for customers,
//! ids and times an empty text is, too. Texts that the user names are null in both (`nulls`).
//! **Invariants**: nothing is guessed. Where an integer id is read, `101.0` is the integer that it is, and so
//! is a number in quotes in JSON; anywhere else that is text.

use std::borrow::Cow;

use crate::error::Error;
use crate::ids::Item;
use crate::job::{CustomerType, ItemType};
use crate::kernel::column::{Customer, Label};
use crate::scan::mismatch::{
    Mismatch, TEXT_BYTES_MAX, Value, cut, expected_ranking, misfit_customer, misfit_item, quoted,
};
pub(crate) use crate::scan::text::clock::Clock;
use crate::scan::text::clock::parse_int;
use crate::scan::text::times::{When, WrittenTime};
use crate::scan::values::decimal::{Decimal, whole_of_json, whole_of_quoted, whole_with_point};
use crate::scan::values::label::{EXPECTED_LABEL, label_of, label_of_text};

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
            Field::Csv(text) => parse_int(text).or_else(|| int_without_blanks(text)),
            Field::Json(text) => parse_int(text),
            _ => None,
        }
    }

    /// An integer id, whatever it is written as.
    #[inline]
    pub(crate) fn int_id(&self) -> Option<i64> {
        match self {
            Field::Csv(text) => parse_int(text).or_else(|| whole_without_blanks(text)),
            Field::Json(json) => parse_int(json).or_else(|| whole_of_json(json)),
            Field::Text(text) => whole_of_quoted(text),
            Field::Missing | Field::Null | Field::NotText => None,
        }
    }

    /// The units since the epoch of a number, or of a text that is one, without its fraction.
    pub(crate) fn units(&self) -> Option<i64> {
        self.int().or_else(|| match self {
            Field::Json(json) => Decimal::parse_json(json)?.floor(0),
            _ => Decimal::parse(self.raw())?.floor(0),
        })
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
            CustomerType::Int64 => self.int_id().map(Customer::Int),
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
        self.int_id().and_then(I::from_wide)
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
                // `parse` takes "inf" and "nan", too. JSON has no blanks around a number.
                text.trim_matches([' ', '\t'])
                    .parse()
                    .ok()
                    .filter(|number: &f64| number.is_finite())
            }
            _ => None,
        }
    }

    /// A label.
    pub(crate) fn label(&self) -> Value<Label> {
        self.truth().map(label_of)
    }

    /// A truth value, or `None` if it is null.
    pub(crate) fn truth(&self) -> Value<Option<bool>> {
        if self.is_null() {
            return Ok(None);
        }
        let value = label_of_text(self.raw());
        let misfit = || Mismatch::new(EXPECTED_LABEL, self.shown());
        value.map(Some).ok_or_else(misfit)
    }

    /// A time, or `None` if the field is null.
    #[inline]
    pub(crate) fn time(&self, clock: &Clock<'_>) -> Value<Option<When>> {
        Ok(self.written(clock)?.map(|written| clock.resolve(written)))
    }

    /// A time as it is written, if it is one.
    #[inline]
    pub(crate) fn as_written(&self, clock: &Clock<'_>) -> Option<WrittenTime> {
        self.as_local(clock).map(|(written, _)| written)
    }

    /// The same with its offset in microseconds east of UTC, if it is written with one.
    #[inline]
    pub(crate) fn as_local(&self, clock: &Clock<'_>) -> Option<(WrittenTime, Option<i64>)> {
        let local = match self {
            Field::Csv(text) => {
                let local = clock.local_of(text);
                local.or_else(|| local_without_blanks(text, clock))
            }
            Field::Text(text) => clock.local_of(text),
            Field::Json(json) => clock.local_of_json(json),
            Field::Missing | Field::Null | Field::NotText => None,
        };
        // Days are named with four digits of a year: beyond these, several days had the same name.
        local.filter(|(written, _)| written.is_near(clock.zone))
    }

    /// A time as it is written, or `None` if the field is null.
    #[inline]
    pub(crate) fn written(&self, clock: &Clock<'_>) -> Value<Option<WrittenTime>> {
        if self.is_blank() {
            return Ok(None);
        }
        match self.as_written(clock) {
            Some(written) => Ok(Some(written)),
            None => Err(Mismatch::new(clock.expected(self.raw()), self.shown())),
        }
    }
}

/// A text of CSV without the blanks around it; `None` if it has none.
fn without_blanks(text: &str) -> Option<&str> {
    let inner = text.trim_matches([' ', '\t']);
    (inner.len() < text.len()).then_some(inner)
}

// Apart from the usual cases, and never inlined into them: with a second call in one function, neither was.

/// An integer of CSV with blanks around it.
#[cold]
#[inline(never)]
fn int_without_blanks(text: &str) -> Option<i64> {
    parse_int(without_blanks(text)?)
}

/// A whole number of CSV that is more than digits.
#[cold]
#[inline(never)]
fn whole_without_blanks(text: &str) -> Option<i64> {
    let text = without_blanks(text).unwrap_or(text);
    parse_int(text).or_else(|| whole_with_point(text))
}

/// A time of CSV with blanks around it.
#[cold]
#[inline(never)]
fn local_without_blanks(text: &str, clock: &Clock<'_>) -> Option<(WrittenTime, Option<i64>)> {
    clock.local_of(without_blanks(text)?)
}

/// Whether a JSON number is an integer.
fn is_integer(json: &str) -> bool {
    let digits = json.strip_prefix('-').unwrap_or(json);
    !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calendar::Zone;
    use crate::job::TimeUnit;

    #[test]
    fn nothing_is_guessed_about_ids() {
        let int = CustomerType::Int64;
        assert_eq!(Field::Csv("-5").customer(int), Ok(Customer::Int(-5)));
        assert_eq!(Field::Csv(" 7\t").customer(int), Ok(Customer::Int(7)));
        assert_eq!(Field::Json("7").customer(int), Ok(Customer::Int(7)));
        assert_eq!(Field::Null.customer(int), Ok(Customer::Guest));
        for field in [
            Field::Csv("7.0"),
            Field::Json("7e0"),
            Field::Text("7".into()),
        ] {
            assert_eq!(field.customer(int), Ok(Customer::Int(7)), "{field:?}");
        }
        for field in [
            Field::Csv("1.5"),
            Field::Csv("1e2"),
            Field::Csv("abc"),
            Field::Json("1.5"),
            Field::Json("9223372036854775808"),
            Field::Json("true"),
            Field::Text("007".into()),
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
            format: None,
        };
        assert!(Field::Csv("1755259200").time(&without).is_err());
        let clock = Clock {
            zone: &zone,
            days: &zone,
            unit: Some(TimeUnit::Nano),
            format: None,
        };
        let time = |field: Field<'_>| field.time(&clock).expect("a time").expect("not null").at.0;
        assert_eq!(time(Field::Json("-1")), -1, "floored, not cut");
        assert_eq!(time(Field::Csv("1999")), 1);
        assert_eq!(time(Field::Csv("1970-01-01 00:00:01")), 1_000_000);
        let seconds = Clock {
            zone: &zone,
            days: &zone,
            unit: Some(TimeUnit::Second),
            format: None,
        };
        assert_eq!(
            Field::Text("1.9999999".into())
                .time(&seconds)
                .map(|when| when.map(|when| when.at.0)),
            Ok(Some(1_999_999))
        );
        assert!(Field::Csv("9223372036854775807").time(&seconds).is_err());
    }
}
