//! Flags that take only some values of an option, or describe them in other words.

use clap::ValueEnum;
use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use hitherto::{CustomerType, Dedup, Format, Source};

/// A parser of some words, each with its help.
fn one_of<T: Clone + Send + Sync + 'static>(
    words: &[(&'static str, &'static str)],
    value_of: fn(&str) -> Option<T>,
) -> impl TypedValueParser<Value = T> + use<T> {
    // The parser owns its words: `use<T>` says that it borrows nothing of the slice.
    let words = words.iter();
    let words = words.map(|(word, help)| PossibleValue::new(*word).help(*help));
    PossibleValuesParser::new(words)
        .map(move |word| value_of(&word).expect("clap takes no other word"))
}

/// The value of an option by its word.
fn of_option<T: ValueEnum>(word: &str) -> Option<T> {
    T::from_str(word, false).ok()
}

/// The sources of actions that `sequences` reads without a job file.
pub(super) fn usual_action() -> impl TypedValueParser<Value = Source> {
    let words = [
        ("clicks", "Clicks"),
        ("carts", "Add-to-carts"),
        ("orders", "Orders"),
    ];
    one_of(&words, Source::named)
}

/// The type of all ids of `features` and `dwell`.
pub(super) fn id_type() -> impl TypedValueParser<Value = CustomerType> {
    let words = [
        ("int64", "64-bit integers"),
        ("string", "Text; integers become decimal text"),
    ];
    one_of(&words, of_option)
}

/// Which repeats of clicks or events are left out.
pub(super) fn exact_dedup() -> impl TypedValueParser<Value = Dedup> {
    let words = [
        ("none", "All repeats count"),
        ("exact", "Of those that agree, one counts"),
    ];
    one_of(&words, of_option)
}

/// The formats that `generate` writes.
pub(super) fn log_format() -> impl TypedValueParser<Value = Format> {
    let words = [
        ("parquet", "Apache Parquet"),
        ("csv", "Comma-separated values with a header"),
        ("ndjson", "One JSON object per line"),
    ];
    one_of(&words, of_option)
}
