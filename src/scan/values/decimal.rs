//! Numbers as they are written, with a point or an exponent, to integers: exactly, or not at all.
//!
//! **In / Out**: text → a [`Decimal`]; from that, the integer that it is, or the integer below it.
//! **Invariants**: no float is computed with, so that no digit is lost.

/// Whole floating-point numbers from here on may stand for another integer beside them: 2^53.
const WHOLE_END: u64 = 1 << 53;

/// A number as it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Decimal<'a> {
    is_negative: bool,
    /// The digits before the point.
    whole: &'a str,
    /// The digits behind it.
    fraction: &'a str,
    /// The power of ten that the number is multiplied by.
    exponent: i64,
}

impl<'a> Decimal<'a> {
    /// Reads digits with an optional minus and an optional point.
    pub(crate) fn parse(text: &'a str) -> Option<Decimal<'a>> {
        let (is_negative, digits) = match text.strip_prefix('-') {
            Some(digits) => (true, digits),
            None => (false, text),
        };
        let (whole, fraction) = match digits.split_once('.') {
            Some((_, "")) => return None,
            Some(parts) => parts,
            None => (digits, ""),
        };
        let are_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        let is_number = !whole.is_empty() && are_digits(whole) && are_digits(fraction);
        is_number.then_some(Decimal {
            is_negative,
            whole,
            fraction,
            exponent: 0,
        })
    }

    /// Reads a number of JSON, which may have an exponent.
    pub(crate) fn parse_json(text: &'a str) -> Option<Decimal<'a>> {
        let Some((number, exponent)) = text.split_once(['e', 'E']) else {
            return Decimal::parse(text);
        };
        let exponent: i32 = exponent.parse().ok()?;
        Some(Decimal {
            exponent: i64::from(exponent),
            ..Decimal::parse(number)?
        })
    }

    /// The integer that it is, if it is one and fits.
    pub(crate) fn exact(&self) -> Option<i64> {
        let (value, has_rest) = self.split(0)?;
        (!has_rest).then_some(value)
    }

    /// The same of a number that was a float once: nothing from 2^53 on, where floats skip integers.
    pub(crate) fn exact_of_float(&self) -> Option<i64> {
        self.exact()
            .filter(|value| value.unsigned_abs() < WHOLE_END)
    }

    /// The greatest integer that is not above ten to the power of `shift` times the number, if it fits.
    pub(crate) fn floor(&self, shift: i64) -> Option<i64> {
        let (value, has_rest) = self.split(shift)?;
        // Cutting goes towards zero.
        value.checked_sub(i64::from(self.is_negative && has_rest))
    }

    /// The number times ten to the power of `shift`, cut to an integer, and whether something was cut off.
    fn split(&self, shift: i64) -> Option<(i64, bool)> {
        let digits = self.whole.bytes().chain(self.fraction.bytes());
        let count = i64::try_from(self.whole.len()).ok()?;
        // How many digits stand before the point.
        let point = count.checked_add(self.exponent)?.checked_add(shift)?;
        let (mut value, mut at, mut has_rest) = (0_i64, 0_i64, false);
        let sign = if self.is_negative { -1 } else { 1 };
        for digit in digits {
            let digit = i64::from(digit - b'0');
            if at < point {
                // With its sign, because the least integer has no positive twin.
                value = value.checked_mul(10)?.checked_add(sign * digit)?;
            } else {
                has_rest |= digit != 0;
            }
            at += 1;
        }
        if value != 0 && at < point {
            let zeros = u32::try_from(point - at).ok()?;
            value = value.checked_mul(10_i64.checked_pow(zeros)?)?;
        }
        Some((value, has_rest))
    }
}

/// The integer of an id that is written with a point, such as `101.0`.
#[cold]
pub(crate) fn whole_with_point(text: &str) -> Option<i64> {
    Decimal::parse(text)?.exact_of_float()
}

/// The integer of an id that is a number of JSON, such as `101.0` or `1.01e2`.
#[cold]
pub(crate) fn whole_of_json(json: &str) -> Option<i64> {
    Decimal::parse_json(json)?.exact_of_float()
}

/// The integer of an id that is a text of JSON. One that begins with a zero is a text that looks like a
/// number: two of them could be the same integer.
#[cold]
pub(crate) fn whole_of_quoted(text: &str) -> Option<i64> {
    let number = Decimal::parse(text)?;
    if number.whole.len() > 1 && number.whole.starts_with('0') {
        return None;
    }
    if number.fraction.is_empty() {
        number.exact()
    } else {
        number.exact_of_float()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_numbers_are_exact_or_none() {
        for (text, expected) in [
            ("101.0", Some(101)),
            ("-5.000", Some(-5)),
            ("0.0", Some(0)),
            ("9007199254740991.0", Some(9_007_199_254_740_991)),
            ("9007199254740992.0", None),
            ("101.5", None),
            ("101.", None),
            (".0", None),
            ("1e2", None),
            ("+1.0", None),
            ("", None),
            ("-", None),
            ("1.0.0", None),
        ] {
            assert_eq!(whole_with_point(text), expected, "{text}");
        }
        for (text, expected) in [
            ("1.01e2", Some(101)),
            ("1.01E+2", Some(101)),
            ("1e15", Some(1_000_000_000_000_000)),
            ("1e16", None),
            ("1.015e2", None),
            ("10e-1", Some(1)),
            ("0e999999999", Some(0)),
            ("1e999999999999", None),
        ] {
            assert_eq!(whole_of_json(text), expected, "{text}");
        }
        for (text, expected) in [
            ("101", Some(101)),
            ("9007199254740993", Some(9_007_199_254_740_993)),
            ("0", Some(0)),
            ("007", None),
            ("+7", None),
            ("101.0", Some(101)),
        ] {
            assert_eq!(whole_of_quoted(text), expected, "{text}");
        }
        let exact = |text: &str| Decimal::parse(text).and_then(|number| number.exact());
        assert_eq!(exact("-9223372036854775808.00"), Some(i64::MIN));
        assert_eq!(exact("9223372036854775808"), None);
    }

    #[test]
    fn floors_go_down_before_zero_too() {
        let floor = |text: &str, shift| Decimal::parse(text).and_then(|number| number.floor(shift));
        assert_eq!(floor("1755165600.25", 6), Some(1_755_165_600_250_000));
        assert_eq!(floor("1755165600.1234567", 6), Some(1_755_165_600_123_456));
        assert_eq!(floor("-0.0000001", 6), Some(-1));
        assert_eq!(floor("-1.5", 6), Some(-1_500_000));
        assert_eq!(floor("1999.9", -3), Some(1));
        assert_eq!(floor("-1", -3), Some(-1));
        assert_eq!(floor("5", -3), Some(0));
        assert_eq!(floor("9223372036854775807", 6), None);
    }
}
