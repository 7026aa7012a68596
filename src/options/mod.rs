//! What a user may ask for, option by option: values, words and help, each once.
//!
//! **Invariants**: a file here knows one option, or one family of them, and no job; what options
//! must be to each other is checked in `job`. Words are given by the names of variants, to serde for
//! manifests and to clap for flags and job files, whose keys are the flags.

mod actions;
mod choices;
mod columns;
mod gates;
mod items;
pub(crate) mod json;
mod sources;
mod warnings;
mod words;

pub(crate) use actions::RESERVED_NAMES;
pub use actions::{ActionSource, Types};
pub use choices::{
    Codec, CustomerType, Cutoff, Dedup, DivideBy, DwellMethod, Format, Guests, IfExists, ItemType,
    LabelKey, Layout, NullLabel, OnBadRow, OtherTypes, Publish, TimeUnit, UnknownItem,
};
pub(crate) use columns::{ATTRIBUTE_COLUMNS_MAX, OURS};
pub use columns::{Attribute, AttributeColumn, AttributeType, Passthrough, PassthroughType};
pub(crate) use gates::{Gate, Subject};
pub use items::ItemVocabulary;
pub use sources::{JobKind, LogName, Source, renamed_column};
pub use warnings::WarningCode;
