//! Options whose value is one of a few words.
//!
//! **Invariants**: serde writes the same words to manifests as clap reads from flags and job files. The
//! doc comment of a value is its help text, so it is written for users. A flag with another help text
//! declares it in `cli`.

use serde::{Deserialize, Serialize};

/// The cutoff of an impression.
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
    /// A row for each impression, with the place of its history in a timeline that the first row of its
    /// customer has.
    Timeline,
}

/// What happens to impressions without a customer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
pub enum Guests {
    /// Leave them out, and count them.
    Drop,
    /// Keep them, with an empty history.
    Empty,
}

/// What happens to items without a label.
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

/// Which repeated actions are dropped from histories. Clicks and events have only none and exact.
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

/// The unit of integer times.
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

/// What happens to items that a given vocabulary lacks.
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
    /// Arrow IPC, files and streams.
    Arrow,
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

/// What happens to a bad row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
pub enum OnBadRow {
    /// Stop, and publish nothing.
    Error,
    /// Quarantine it, and go on.
    Quarantine,
}

/// What happens to rows whose type has no code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OtherTypes {
    /// They are bad rows.
    Error,
    /// They are dropped and counted.
    Drop,
}

/// What happens if the output exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Publish {
    /// The run fails.
    New,
    /// The output replaces it, if this program wrote it.
    Overwrite,
    /// The days of the output are added to it, if this program wrote it.
    AddDays(IfExists),
}

/// What happens to a day that the output has already.
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

/// The divisor of a span.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
pub enum DivideBy {
    /// The number of events.
    Events,
    /// The number of different flyers.
    Flyers,
}

/// A table of `dwell` beside `user_merchant` and `merchant`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
pub enum MoreTable {
    /// A row for each user and day, over all that the user opened.
    User,
    /// A row for each flyer and day, over its users.
    Flyer,
}

/// Which clicks set a label of `features`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
pub enum LabelKey {
    /// Clicks of the same user on the same listing.
    UserListing,
    /// Anybody's clicks on the same listing.
    Listing,
}
