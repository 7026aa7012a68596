//! The words that manifests have for the values of settings.

use serde_json::Value;

use crate::job::{
    Codec, CustomerType, Cutoff, Dedup, DivideBy, DwellMethod, Format, Guests, ItemType, LabelKey,
    Layout, NullLabel, OnBadRow, TimeUnit, UnknownItem,
};

/// The words for the values of a setting.
pub(super) type Words<T, const N: usize> = [(T, &'static str); N];

/// What the cutoff is.
pub(super) const CUTOFFS: Words<Cutoff, 2> = [(Cutoff::Day, "day"), (Cutoff::Time, "time")];
/// Which repeated actions were left out.
pub(super) const DEDUPS: Words<Dedup, 3> = [
    (Dedup::None, "none"),
    (Dedup::Exact, "exact"),
    (Dedup::Consecutive, "consecutive"),
];
/// The shape of the output.
pub(super) const LAYOUTS: Words<Layout, 2> =
    [(Layout::Sample, "sample"), (Layout::Request, "request")];
/// What became of guests.
pub(super) const GUESTS: Words<Guests, 2> = [(Guests::Drop, "drop"), (Guests::Empty, "empty")];
/// What became of items without a label.
pub(super) const NULL_LABELS: Words<NullLabel, 3> = [
    (NullLabel::Keep, "keep"),
    (NullLabel::Drop, "drop"),
    (NullLabel::Error, "error"),
];
/// The width of items.
pub(super) const ITEMS: Words<ItemType, 2> =
    [(ItemType::Int32, "int32"), (ItemType::Int64, "int64")];
/// What became of items without a code.
pub(super) const UNKNOWN: Words<UnknownItem, 2> =
    [(UnknownItem::Index, "index"), (UnknownItem::Drop, "drop")];
/// The type of ids.
pub(super) const IDS: Words<CustomerType, 2> = [
    (CustomerType::Int64, "int64"),
    (CustomerType::String, "string"),
];
/// What became of bad rows.
pub(super) const BAD_ROWS: Words<OnBadRow, 2> = [
    (OnBadRow::Error, "error"),
    (OnBadRow::Quarantine, "quarantine"),
];
/// The compression of Parquet.
pub(super) const CODECS: Words<Codec, 4> = [
    (Codec::Zstd, "zstd"),
    (Codec::Lz4Raw, "lz4_raw"),
    (Codec::Snappy, "snappy"),
    (Codec::None, "none"),
];
/// The unit of times that are integers.
pub(super) const UNITS: Words<TimeUnit, 4> = [
    (TimeUnit::Second, "s"),
    (TimeUnit::Milli, "ms"),
    (TimeUnit::Micro, "us"),
    (TimeUnit::Nano, "ns"),
];
/// How time on flyers is measured.
pub(super) const METHODS: Words<DwellMethod, 2> = [
    (DwellMethod::Span, "span"),
    (DwellMethod::Session, "session"),
];
/// What spans are divided by.
pub(super) const DIVISORS: Words<DivideBy, 2> =
    [(DivideBy::Events, "events"), (DivideBy::Flyers, "flyers")];
/// Which clicks make a label.
pub(super) const LABEL_KEYS: Words<LabelKey, 2> = [
    (LabelKey::UserListing, "user-listing"),
    (LabelKey::Listing, "listing"),
];
/// Formats of files.
pub(super) const FORMATS: Words<Format, 4> = [
    (Format::Parquet, "parquet"),
    (Format::Csv, "csv"),
    (Format::Ndjson, "ndjson"),
    (Format::Json, "json"),
];

/// The word for a value.
pub(super) fn word<T: Copy + PartialEq, const N: usize>(
    words: &Words<T, N>,
    of: T,
) -> &'static str {
    let found = words.iter().find(|(value, _)| *value == of);
    found.map_or("", |(_, word)| *word)
}

/// The value of a word.
pub(super) fn meaning<T: Copy, const N: usize>(words: &Words<T, N>, of: &Value) -> Option<T> {
    let found = words.iter().find(|(_, word)| of == *word);
    found.map(|(value, _)| *value)
}

/// The word for a format.
pub(crate) fn format_name(of: Format) -> &'static str {
    word(&FORMATS, of)
}

/// The format of a word.
pub(crate) fn format_of(word: &Value) -> Option<Format> {
    meaning(&FORMATS, word)
}
