//! Options that are one of a few words, each once: its values, their words, their help.
//!
//! **Invariants**: the words are those of serde, in manifests, and of clap, in flags and job files;
//! the comment of a value is its help. A flag that helps otherwise says so where it is declared.

use serde::{Deserialize, Serialize};

/// What the cutoff of an impression is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
pub enum Cutoff {
    /// The start of the impression's day.
    Day,
    /// Its impression_time.
    Time,
}

/// The shape of the output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
pub enum Layout {
    /// A row for each item shown.
    Sample,
    /// A row for each impression.
    Request,
}

/// What becomes of impressions without a customer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
pub enum Guests {
    /// Leave them out, and count them.
    Drop,
    /// Keep them, with an empty history.
    Empty,
}

/// What becomes of items without a label.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
pub enum NullLabel {
    /// Keep them, with a null label.
    Keep,
    /// Leave them out.
    Drop,
    /// Treat their impression as a bad row.
    Error,
}

/// Which repeated actions are left out of histories; of clicks and events, none or exact repeats.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
pub enum Dedup {
    /// All repeats count.
    #[default]
    None,
    /// Of actions that agree in customer, time, type and item, one counts.
    Exact,
    /// Of prior actions in a row that agree in type and item, the newest counts.
    Consecutive,
}

/// The unit of times that are integers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
pub enum TimeUnit {
    /// Seconds.
    #[serde(rename = "s")]
    #[cfg_attr(feature = "cli", value(name = "s"))]
    Second,
    /// Milliseconds.
    #[serde(rename = "ms")]
    #[cfg_attr(feature = "cli", value(name = "ms"))]
    Milli,
    /// Microseconds.
    #[serde(rename = "us")]
    #[cfg_attr(feature = "cli", value(name = "us"))]
    Micro,
    /// Nanoseconds.
    #[serde(rename = "ns")]
    #[cfg_attr(feature = "cli", value(name = "ns"))]
    Nano,
}

/// The type of ids of customers, and of all ids of `features` and `dwell`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
pub enum CustomerType {
    /// 64-bit integers.
    Int64,
    /// Text.
    String,
}

/// The type of item ids, in memory and in the output; they are 1 or more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
pub enum ItemType {
    /// Up to 2147483647.
    Int32,
    /// Up to 9223372036854775807.
    Int64,
}

/// What becomes of items that a given vocabulary lacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
pub enum UnknownItem {
    /// Give them the next codes.
    Index,
    /// Leave them out, and count them.
    Drop,
}

/// A file format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
pub enum Format {
    /// Apache Parquet.
    Parquet,
    /// Comma-separated values with a header.
    Csv,
    /// One JSON object per line.
    Ndjson,
    /// One JSON array per file.
    Json,
}

/// The compression of the output's pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(
    feature = "cli",
    derive(clap::ValueEnum),
    value(rename_all = "snake_case")
)]
pub enum Codec {
    /// Zstandard: small, read everywhere.
    Zstd,
    /// LZ4 blocks: fastest.
    Lz4Raw,
    /// Snappy.
    Snappy,
    /// No compression.
    None,
}

/// What becomes of a row that cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
pub enum OnBadRow {
    /// Stop, and publish nothing.
    Error,
    /// Quarantine it, and go on.
    Quarantine,
}

/// What becomes of rows whose type has no code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OtherTypes {
    /// They cannot be used.
    Error,
    /// They are left out, and counted.
    Drop,
}

/// How the output comes to its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Publish {
    /// It must not exist.
    New,
    /// It replaces a whole folder that this program made.
    Overwrite,
    /// Its days are added to a folder that this program made.
    AddDays(IfExists),
}

/// What becomes of a day that the output has already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
pub enum IfExists {
    /// Stop.
    Error,
    /// Leave the day as it is.
    Skip,
    /// Replace the day.
    Replace,
}

/// How the time on flyers is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
pub enum DwellMethod {
    /// Time from the first to the last event with a merchant on a day, divided.
    Span,
    /// Time from each event on a flyer to the user's next event, whatever that is.
    Session,
}

/// What a span is divided by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
pub enum DivideBy {
    /// The number of events.
    Events,
    /// The number of different flyers.
    Flyers,
}

/// Which clicks a label of `features` is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
pub enum LabelKey {
    /// Clicks of the same user on the same listing.
    UserListing,
    /// Anybody's clicks on the same listing.
    Listing,
}
