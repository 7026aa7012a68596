//! Values to text as a person reads it, and text to HTML.

/// A text with what has a meaning in HTML escaped.
pub(crate) fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            // HTML forbids control characters, and marks of direction would reverse the text that follows.
            c if c.is_control() && c != '\n' => safe.push('\u{fffd}'),
            '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => safe.push('\u{fffd}'),
            c => safe.push(c),
        }
    }
    safe
}

/// A count with its thousands apart.
pub(crate) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push('\u{202f}');
        }
        text.push(digit);
    }
    text
}

/// A share as per cent: small ones with more digits.
pub(crate) fn share(part: f64) -> String {
    let per_cent = part * 100.0;
    let size = per_cent.abs();
    if size == 0.0 {
        "0\u{a0}%".to_owned()
    } else if size < 0.01 {
        "under 0.01\u{a0}%".to_owned()
    } else if size < 1.0 {
        format!("{per_cent:.2}\u{a0}%")
    } else {
        format!("{per_cent:.1}\u{a0}%")
    }
}

/// A span of time in the unit that suits it.
pub(crate) fn span(seconds: f64) -> String {
    for (unit, length) in [("days", 86_400.0), ("hours", 3_600.0), ("min", 60.0)] {
        if seconds >= 2.0 * length || (unit == "min" && seconds >= length) {
            return format!("{:.1} {unit}", seconds / length);
        }
    }
    format!("{seconds:.1} s")
}

/// A bound of a class of spans, which is a whole number of some unit.
pub(crate) fn bound(seconds: u64) -> String {
    let (number, unit) = match seconds {
        0 => return "0".to_owned(),
        s if s % 86_400 == 0 => (s / 86_400, "d"),
        s if s % 3_600 == 0 => (s / 3_600, "h"),
        s if s % 60 == 0 => (s / 60, "min"),
        s => (s, "s"),
    };
    format!("{number} {unit}")
}

/// A mean of counts.
pub(crate) fn mean(number: f64) -> String {
    format!("{number:.1}")
}

/// A metric as text; a dash where there is none.
pub(crate) fn or_dash<T>(metric: Option<T>, write: fn(T) -> String) -> String {
    metric.map_or_else(|| "—".to_owned(), write)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_text_is_markup() {
        assert_eq!(
            escape("<a href=\"x\">&'"),
            "&lt;a href=&quot;x&quot;&gt;&amp;&#39;"
        );
        assert_eq!(escape("a\u{0}\u{202e}b"), "a\u{fffd}\u{fffd}b");
    }

    #[test]
    fn numbers_are_written_for_people() {
        assert_eq!(count(1_234_567), "1\u{202f}234\u{202f}567");
        assert_eq!(share(0.0181), "1.8\u{a0}%");
        assert_eq!(share(0.00001), "under 0.01\u{a0}%");
        assert_eq!(span(86_400.0 * 2.5), "2.5 days");
        assert_eq!(span(90.0), "1.5 min");
        assert_eq!(bound(21_600), "6 h");
        assert_eq!(or_dash(None, share), "—");
    }
}
