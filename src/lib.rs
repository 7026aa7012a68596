//! `hitherto` turns raw event logs into point-in-time training data: for every moment at which a
//! model would have been asked, exactly what was known then, and nothing later.
//!
//! # The one idea
//!
//! Sort once, then answer every question with half-open windows of one sorted run.
//!
//! ```text
//!             ┌────── events ──────┐                 run of one key, by (time, kind, item)
//!  scan ──► partition by key hash ──► sort ──► sweep: two pointers ──► op: windows ──► encode ──► publish
//!             └── probes, same hash ┘
//! ```
//! The impressions are read first: they say whose actions are wanted, and up to when. The actions
//! are scanned newest first, and rows of anybody else are dropped in the scan loop. What is left
//! is dealt to partitions by customer. Rows of the output are in the same order as partitions, so
//! each is sorted shortly before the first row group that needs it: two pointers that only move
//! forward find for each impression the bounds of its history, and the encoder writes what these
//! windows hold as compressed Parquet, without ever laying the rows out.
//!
//! `features` deals the clicks twice, to partitions of listings and of users, and the impressions
//! along with them; a run of clicks and the impressions that ask about it are swept with a pointer
//! per window, and what is found is put down by the row of the impression.
//!
//! ```text
//! impressions ──► rank ids ──► listings
//!                     └──► clicks ──► partition by listing, by user ──► sort ──► op ──► rows by day
//! ```
//!
//! `dwell` takes the same path without probes: events are read with their ids interned, the ids
//! ranked, the events dealt to partitions of users, and each user's run becomes rows of a table.
//!
//! ```text
//! events ──► scan ──► rank ids ──► partition by user ──► group ──► op ──► users' table
//!                                                                   └──► partition by merchant ──► merchants' table
//! ```
//!
//! # Glossary
//!
//! | word | is |
//! |---|---|
//! | *job kind* | what a job asks of its logs: `sequences`, `features` or `dwell`; it says which sources are read |
//! | *event* | a row with a key and a time; an *action* (a click, add-to-cart or order), or what somebody did with a flyer |
//! | *probe* | a moment at which the model is asked; here an *impression* |
//! | *sample* | an item shown in an impression: a row of the output |
//! | *key* | a customer that some probe asks for, as its rank in hash order |
//! | *cutoff* | the moment of a probe; *prior* is strictly earlier |
//! | *lookback* | how far before the cutoff a history reaches |
//! | *run* | the events of one key, sorted |
//! | *window* | a half-open range of a run |
//! | *history* | the newest N events of a window |
//! | *code*, *rank* | a number that stands for an id: of one thread while it reads, of all when that is over |
//! | *stay* | the time of a user with a merchant on a day |
//! | *partition* | the events of a range of keys |
//! | *block* | rows of the output, as windows; encoded it is a *row group*, and several are a *part* |
//! | *wave* | row groups of input that are read before it is asked who has enough |
//!
//! # Code map, in reading order
//!
//! | file | turns |
//! |---|---|
//! | `options` | what a user may ask for: each option once, with its words and its help |
//! | `job` | settings into a [`Job`] that holds together |
//! | `engine` | a job into a [`Report`]: the data path, stage after stage; `engine/plan` into what that would take |
//! | `sweep` | sorted times and cutoffs into windows; the tie rule |
//! | `op` | windows into histories, counts and labels, runs into stays |
//! | `tally` | histories into counts for the metrics |
//! | `scan` | files into typed rows; `scan/plan` decides which are read at all, `scan/table` reads any table |
//! | `keys`, `intern`, `probes` | ids into ranks, impressions into probes |
//! | `partition`, `sort` | events into chunk lists, chunk lists into sorted runs |
//! | `chunk`, `spill` | rows as they come; those that memory has no room for, to a file and back |
//! | `encode` | blocks into row groups |
//! | `output` | row groups into parts, and the plan of both |
//! | `publish`, `manifest`, `quarantine` | parts into a folder that appears complete or not at all |
//! | `vocabulary` | texts of items into codes, which stay what they are |
//! | `warnings` | what was noticed into what a person should look at |
//! | `metrics` | counts into the metrics of a set |
//! | `page` | the metrics of a set into a page for people |
//! | `verify` | what was published into what is wrong with it |
//! | `head` | what was published into its first rows |
//! | `naive` | files into rows of the oracle, by a path of its own |
//! | `survey` | a folder into what lies there, for a first job file |
//! | `generate` | settings into synthetic logs |
//! | `kept` | values that are carried through from impressions to rows |
//! | `sides` | numbers that are told of actions beside items and types |
//! | `advice` | what was found into what to do about it: every hint of messages |
//! | `calendar`, `column`, `ids`, `error`, `control`, `regular`, `place` | days and zones, columns, units, errors, progress, files opened without waiting, paths that lie elsewhere |
//! | `failpoint` | points at which tests kill a run; nothing without a feature |
//! | `oracle` | the same once more, naively, to hold the rest to |
//!
//! # What is *not* so
//!
//! - Kernels (`partition`, `sort`, `sweep`, `op`) know no Arrow, no Parquet, no file, no thread, no
//!   clock. They take slices and return values. They never allocate per row, and per key only to sort a
//!   long run.
//! - No module uses one that comes after it in the data path; a test holds them to it.
//! - No stage before `output` knows the job, but for the settings in manifests: `engine/specs` makes of
//!   it what each is told; the same test holds them to it.
//! - No comparison of an event's time with a cutoff is anywhere but in `sweep::is_prior`.
//! - No byte of a part depends on threads, memory, partitions, the order of files, or the clock.
//! - `naive` and `oracle`, which rows are held to, use nothing of the data path.
//! - Nothing has its final name before it is complete and synced.

#[doc(hidden)]
pub mod advice;
mod calendar;
mod chunk;
mod column;
mod control;
mod encode;
mod engine;
mod error;
mod failpoint;
#[cfg(feature = "bench")]
#[doc(hidden)]
pub mod fuzzed;
mod generate;
pub mod guide;
mod head;
mod ids;
mod intern;
mod job;
mod kept;
mod keys;
mod manifest;
mod metrics;
mod naive;
mod op;
mod options;
#[doc(hidden)]
pub mod oracle;
mod output;
mod page;
mod partition;
mod place;
mod probes;
mod publish;
mod quarantine;
mod regular;
mod scan;
mod sides;
mod sort;
mod spill;
#[cfg(feature = "bench")]
#[doc(hidden)]
pub mod stages;
mod survey;
mod sweep;
mod tally;
mod verify;
mod vocabulary;
mod warnings;

/// The examples of the README, compiled.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

pub use calendar::{date_text, parse_day};
pub use control::{Control, Observer, STAGES};
pub use engine::{Planned, PlannedOf, dwell, features, plan, run, schema};
pub use error::{Error, ErrorKind, Result, RowFault, panic_text};
pub use generate::{
    GenerateEvents, GenerateListings, GenerateSettings, Generated, GeneratedEvents,
    GeneratedListings, generate, generate_events, generate_listings,
};
pub use head::{Head, HeadOf, HeadRow, HeadSettings, HeadValue, head};
pub use ids::Day;
#[doc(hidden)]
pub use job::Tuning;
pub use job::{Ask, Dwell, Features, Job, Sequences, Settings};
#[doc(hidden)]
pub use manifest::source_settings;
#[doc(hidden)]
pub use options::renamed_column;
pub use options::{
    ActionSource, Codec, CustomerType, Cutoff, Dedup, DivideBy, DwellMethod, Format, Guests,
    IfExists, ItemType, ItemVocabulary, JobKind, Keep, KeepType, LabelKey, Layout, LogName,
    NullLabel, OnBadRow, OtherTypes, Publish, Side, SideColumn, SideType, Source, TimeUnit, Types,
    UnknownItem, WarningCode,
};
pub use output::{DayReport, DwellReport, FeaturesReport, Report};
pub use page::{Drift, Page, PageSettings, page};
pub use place::{check_in, is_elsewhere};
pub use survey::{Surveyed, SurveyedColumn, survey};
pub use verify::{
    AuditRows, Audited, Canaries, ExplainSettings, Explained, ExplainedAction, PROBLEMS_MAX,
    Problem, Verified, VerifySettings, explain, verify,
};
pub use warnings::Warning;
