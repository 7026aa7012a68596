//! The options of a job: the type of each, its words and its help, defined once.
//!
//! **Invariants**: a file here knows one option, or one family of them, and no job. Checks of options
//! against each other are in `job`. The words of an option are the names of its variants: serde uses
//! them for manifests, clap for flags and job files. A key of a job file is the name of the flag.

mod actions;
mod choices;
mod columns;
mod day_pattern;
mod gates;
mod items;
pub(crate) mod json;
mod shard;
mod source_settings;
mod sources;
mod text_layout;
mod time_format;
mod warnings;
mod words;

pub(crate) use actions::RESERVED_NAMES;
pub use actions::{ActionSource, Types};
pub use choices::{
    Codec, CustomerType, Cutoff, Dedup, DivideBy, DwellMethod, Format, Guests, IfExists, ItemType,
    LabelKey, Layout, MoreTable, NullLabel, OnBadRow, OtherTypes, Publish, TimeUnit, UnknownItem,
};
pub(crate) use columns::{ATTRIBUTE_COLUMNS_MAX, OURS, OURS_OF_FEATURES, published_name};
pub use columns::{
    Attribute, AttributeColumn, AttributeType, KeptColumn, Passthrough, PassthroughType,
};
pub use day_pattern::DayPattern;
pub(crate) use day_pattern::{NO_DAY, PathDay, day_of_dt, dt_folder};
pub(crate) use gates::{Gate, Subject};
pub use items::ItemVocabulary;
pub use shard::{Shard, ShardHolds};
pub(crate) use source_settings::add_settings;
pub use source_settings::{SourceSettings, source_setting};
pub use sources::{JobKind, LogName, Source, renamed_column};
pub use text_layout::{Comment, Delimiter, Escape, Header};
pub(crate) use time_format::check_time_format;
pub use warnings::WarningCode;
pub(crate) use words::word_of;
