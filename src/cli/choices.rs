//! Flags that take some of an option's values, or help with them in their own words.

use clap::ValueEnum;
use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use hitherto::{CustomerType, Dedup, Format, Source};

/// Words and the help for each, to values.
fn one_of<T: Clone + Send + Sync + 'static>(
    words: &[(&'static str, &'static str)],
    value_of: fn(&str) -> Option<T>,
) -> impl TypedValueParser<Value = T> + use<T> {
    let words = words.iter();
    let words = words.map(|(word, help)| PossibleValue::new(*word).help(*help));
    PossibleValuesParser::new(words)
        .map(move |word| value_of(&word).expect("clap takes no other word"))
}

/// The value of an option that flags take everywhere.
fn of_option<T: ValueEnum>(word: &str) -> Option<T> {
    T::from_str(word, false).ok()
}

/// The actions that `sequences` reads by itself.
pub(super) fn usual_action() -> impl TypedValueParser<Value = Source> {
    let words = [
        ("clicks", "Clicks"),
        ("carts", "Add-to-carts"),
        ("orders", "Orders"),
    ];
    one_of(&words, Source::named)
}

/// The type of ids of several columns.
pub(super) fn id_type() -> impl TypedValueParser<Value = CustomerType> {
    let words = [
        ("int64", "64-bit integers"),
        ("string", "Text; integers become decimal text"),
    ];
    one_of(&words, of_option)
}

/// Which repeats are left out of clicks and events.
pub(super) fn exact_dedup() -> impl TypedValueParser<Value = Dedup> {
    let words = [
        ("none", "All count"),
        (
            "exact",
            "Of those alike in all that is read of them, one counts",
        ),
    ];
    one_of(&words, of_option)
}

/// The formats that logs can be made in.
pub(super) fn made_format() -> impl TypedValueParser<Value = Format> {
    let words = [
        ("parquet", "Apache Parquet"),
        ("csv", "Comma-separated values with a header"),
        ("ndjson", "One JSON object a line"),
    ];
    one_of(&words, of_option)
}
