//! Numbers, labels and times in other spellings than the usual ones.
//!
//! **Invariants**: numbers are exact: a mantissa of 128 bits and a power of ten.

mod times;

pub(crate) use self::times::time;

/// Digits of a fraction that are kept; of the others one says whether they are zeros.
const FRACTION_DIGITS: usize = 15;

/// A number: its mantissa times ten to the power of its exponent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Exact {
    mantissa: i128,
    exponent: i32,
}

impl Exact {
    /// Reads digits with an optional minus and an optional point.
    pub(crate) fn plain(text: &str) -> Option<Exact> {
        let digits = text.strip_prefix('-').unwrap_or(text);
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
        let all_digits = |text: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_digit());
        if !all_digits(whole) || !all_digits(fraction) {
            return None;
        }
        let (kept, rest) = fraction.split_at(fraction.len().min(FRACTION_DIGITS));
        let last = if rest.trim_matches('0').is_empty() {
            ""
        } else {
            "1"
        };
        let fraction = format!("{kept}{last}");
        let mantissa: i128 = format!("{whole}{fraction}").parse().ok()?;
        Some(Exact {
            mantissa: if text.starts_with('-') {
                -mantissa
            } else {
                mantissa
            },
            exponent: -i32::try_from(fraction.len()).ok()?,
        })
    }

    /// The same, with an optional exponent.
    pub(crate) fn scientific(text: &str) -> Option<Exact> {
        let (number, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
        let own = Exact::plain(number)?;
        let exponent = own.exponent.checked_add(exponent.parse().ok()?)?;
        Some(Exact { exponent, ..own })
    }

    /// The shortest decimal number that a float is read from.
    pub(crate) fn of_float(number: f64) -> Option<Exact> {
        Exact::scientific(&format!("{number:e}"))
    }

    /// The integer below the number times ten to the power of `shift`.
    pub(crate) fn floor(self, shift: i32) -> Option<i64> {
        let power = self.exponent.checked_add(shift)?;
        let ten = 10_i128.checked_pow(power.unsigned_abs());
        let floor = match ten {
            _ if self.mantissa == 0 => 0,
            Some(ten) if power >= 0 => self.mantissa.checked_mul(ten)?,
            Some(ten) => self.mantissa.div_euclid(ten),
            None if power >= 0 => return None,
            None => -i128::from(self.mantissa < 0),
        };
        i64::try_from(floor).ok()
    }

    /// The integer that the number is.
    pub(crate) fn whole(self) -> Option<i64> {
        let floor = self.floor(0)?;
        let negated = Exact {
            mantissa: -self.mantissa,
            ..self
        };
        // It is one if the integers below and above are the same.
        (negated.floor(0) == floor.checked_neg()).then_some(floor)
    }

    /// The same, if no float skips an integer up to there.
    pub(crate) fn whole_of_float(self) -> Option<i64> {
        let limit = 2_i64.pow(53);
        self.whole()
            .filter(|whole| -limit < *whole && *whole < limit)
    }
}

/// The truth value that a word says.
pub(crate) fn truth(word: &str) -> Option<bool> {
    match word.to_ascii_lowercase().as_str() {
        "true" | "yes" | "y" => Some(true),
        "false" | "no" | "n" => Some(false),
        _ => match Exact::scientific(word)?.whole()? {
            1 => Some(true),
            0 => Some(false),
            _ => None,
        },
    }
}
