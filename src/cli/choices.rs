//! Values of flags that are one of a few words, and what each means to the library.

use clap::ValueEnum;
use hitherto::{
    Codec, CustomerType, Cutoff, Dedup, DivideBy, DwellMethod, Format, Guests, HeadOf, IfExists,
    ItemType, LabelKey, Layout, NullLabel, OnBadRow, Source, TimeUnit, UnknownItem,
};

/// Declares the values of a flag, and what each means to the library.
macro_rules! values {
    ($name:ident => $type:ty { $($(#[$doc:meta])* $value:ident = $text:literal => $meaning:expr),+ $(,)? }) => {
        #[doc = concat!("Values of a flag that become [`", stringify!($type), "`].")]
        #[derive(Clone, Copy, Debug, ValueEnum)]
        pub(super) enum $name {
            $($(#[$doc])* #[value(name = $text)] $value),+
        }

        impl From<$name> for $type {
            fn from(value: $name) -> $type {
                match value {
                    $($name::$value => $meaning),+
                }
            }
        }
    };
}

values!(Action => Source {
    /// Clicks
    Clicks = "clicks" => Source::Clicks,
    /// Add-to-carts
    Carts = "carts" => Source::Carts,
    /// Orders
    Orders = "orders" => Source::Orders,
});
values!(FormatArg => Format {
    /// Apache Parquet
    Parquet = "parquet" => Format::Parquet,
    /// Comma-separated values with a header
    Csv = "csv" => Format::Csv,
    /// One JSON object a line
    Ndjson = "ndjson" => Format::Ndjson,
    /// One JSON array a file
    Json = "json" => Format::Json,
});
values!(UnitArg => TimeUnit {
    /// Seconds
    S = "s" => TimeUnit::Second,
    /// Milliseconds
    Ms = "ms" => TimeUnit::Milli,
    /// Microseconds
    Us = "us" => TimeUnit::Micro,
    /// Nanoseconds
    Ns = "ns" => TimeUnit::Nano,
});
values!(IdArg => CustomerType {
    /// 64-bit integers
    Int64 = "int64" => CustomerType::Int64,
    /// Text; integers become decimal text
    String = "string" => CustomerType::String,
});
values!(MethodArg => DwellMethod {
    /// From the first to the last event with a merchant on a day, divided
    Span = "span" => DwellMethod::Span,
    /// From each event on a flyer to the user's next event, whatever that is
    Session = "session" => DwellMethod::Session,
});
values!(DivideByArg => DivideBy {
    /// The number of events
    Events = "events" => DivideBy::Events,
    /// The number of different flyers
    Flyers = "flyers" => DivideBy::Flyers,
});
values!(CustomerArg => CustomerType {
    /// 64-bit integers
    Int64 = "int64" => CustomerType::Int64,
    /// Text
    String = "string" => CustomerType::String,
});
values!(ItemArg => ItemType {
    /// Up to 2147483647
    Int32 = "int32" => ItemType::Int32,
    /// Up to 9223372036854775807
    Int64 = "int64" => ItemType::Int64,
});
values!(UnknownArg => UnknownItem {
    /// They get the next codes
    Index = "index" => UnknownItem::Index,
    /// Leave them out, and count them
    Drop = "drop" => UnknownItem::Drop,
});
values!(CutoffArg => Cutoff {
    /// The start of the impression's day
    Day = "day" => Cutoff::Day,
    /// Its impression_time
    Time = "time" => Cutoff::Time,
});
values!(DedupArg => Dedup {
    /// All count
    None = "none" => Dedup::None,
    /// Of actions alike in customer, time, type and item, one counts
    Exact = "exact" => Dedup::Exact,
    /// Of actions in a row before the cutoff, alike in type and item, the newest counts
    Consecutive = "consecutive" => Dedup::Consecutive,
});
values!(RepeatsArg => Dedup {
    /// All count
    None = "none" => Dedup::None,
    /// Of those alike in all that is read of them, one counts
    Exact = "exact" => Dedup::Exact,
});
values!(GuestsArg => Guests {
    /// Leave them out, and count them
    Drop = "drop" => Guests::Drop,
    /// Keep them, with an empty history
    Empty = "empty" => Guests::Empty,
});
values!(NullLabelArg => NullLabel {
    /// Keep them, with a null label
    Keep = "keep" => NullLabel::Keep,
    /// Leave them out
    Drop = "drop" => NullLabel::Drop,
    /// Treat their impression as a bad row
    Error = "error" => NullLabel::Error,
});
values!(OnBadRowArg => OnBadRow {
    /// Stop, and publish nothing
    Error = "error" => OnBadRow::Error,
    /// Set them aside, and go on
    Quarantine = "quarantine" => OnBadRow::Quarantine,
});
values!(IfExistsArg => IfExists {
    /// Stop
    Error = "error" => IfExists::Error,
    /// Leave the day as it is
    Skip = "skip" => IfExists::Skip,
    /// Replace the day
    Replace = "replace" => IfExists::Replace,
});
values!(LayoutArg => Layout {
    /// A row for each item shown
    Sample = "sample" => Layout::Sample,
    /// A row for each impression
    Request = "request" => Layout::Request,
});
values!(CodecArg => Codec {
    /// Zstandard: small, read everywhere
    Zstd = "zstd" => Codec::Zstd,
    /// LZ4 blocks: fastest
    Lz4Raw = "lz4_raw" => Codec::Lz4Raw,
    /// Snappy
    Snappy = "snappy" => Codec::Snappy,
    /// No compression
    None = "none" => Codec::None,
});
values!(LabelKeyArg => LabelKey {
    /// Clicks of the same user on the same listing
    UserListing = "user-listing" => LabelKey::UserListing,
    /// Anybody's clicks on the same listing
    Listing = "listing" => LabelKey::Listing,
});
values!(TableArg => HeadOf {
    /// A row for each user, merchant and day
    UserMerchant = "user_merchant" => HeadOf::Rows,
    /// A row for each merchant and day
    Merchant = "merchant" => HeadOf::Merchants,
});
