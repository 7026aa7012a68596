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
//! | *job kind* | what a job makes of its logs: `sequences`, `features` or `dwell`; it says which sources are read |
//! | *event* | a row with a key and a time; an *action* (a click, add-to-cart or order), or what somebody did with a flyer |
//! | *probe* | a moment at which the model is asked; here an *impression* |
//! | *sample* | an item of an impression: a row of the output |
//! | *key* | a customer of some probe, as its rank in hash order |
//! | *cutoff* | the moment of a probe; *prior* is strictly earlier |
//! | *lookback* | how far before the cutoff a history reaches |
//! | *run* | the events of one key, sorted |
//! | *window* | a half-open range of a run |
//! | *history* | the newest N events of a window |
//! | *attribute* | a number of an action beside its item and its type (`--with`) |
//! | *passthrough column* | a column of impressions that is copied to the output (`--keep`) |
//! | *dictionary* | ids to numbers: a *code* is local to a thread, a *rank* is global |
//! | *stay* | the time of a user with a merchant on a day |
//! | *partition* | the events of a range of keys |
//! | *block* | rows of the output, as windows; encoded it is a *row group*, and several are a *part* |
//! | *wave* | row groups of input that are read before the early stop decides again |
//! | *reference* | the second, naive implementation that rows are checked against |
//!
//! # Code map, in reading order
//!
//! A module uses only those above it, but for `engine`, which stands first because it is read first. A test
//! holds them to it.
//!
//! | module | does |
//! |---|---|
//! | `engine` | runs a job: the data path, stage after stage |
//! | `kernel` | partitions, sorts and sweeps columns; `kernel/sweep` has the tie rule, `kernel/op` the operators |
//! | `advice` | every hint of messages |
//! | `ids`, `calendar`, `error`, `place` | units and newtypes; days and zones; errors; paths that are not local |
//! | `options` | every option once: its type, its words, its help |
//! | `job` | settings, checked against each other into a [`Job`] |
//! | `warnings` | what a person should look at |
//! | `context` | progress, cancellation and memory accounting |
//! | `dictionary` | ids to ranks, impressions to probes |
//! | `store` | local files, and the spill files of a run |
//! | `catalog` | paths to files of a known format and day |
//! | `scan` | files to typed rows: `scan/text`, `scan/parquet`, and the readers of each source |
//! | `encode` | blocks to row groups |
//! | `publish`, `quarantine` | files to a folder that appears complete or not at all; rejected rows |
//! | `vocabulary` | texts of items to codes that never change |
//! | `manifest`, `metrics` | what a set says of itself, as typed documents |
//! | `output` | row groups to parts, and the commit of a set |
//! | `estimate` | what a job would take (`plan`) |
//! | `generate` | synthetic logs |
//! | `reference` | the rows once more, naively; `reference/read` reads files for it |
//! | `verify` | what is wrong with a published set |
//! | `report` | the page, the first rows, and the survey of a folder |
//! | `testkit` | single stages, for benches and fuzz targets |
//! | `failpoint` | points at which tests kill a run; empty without its feature |
//!
//! # Invariants
//!
//! - Kernels know no Arrow, no Parquet, no file, no thread, no clock. They take slices and return values.
//!   They never allocate per row, and per key only to sort a long run.
//! - No stage (`scan`, `encode`, `publish`, `manifest`, `metrics`, kernels) knows the job: `engine/specs` turns
//!   it into what each of them needs. `manifest/settings`, which records it, is the exception.
//! - Threads meet in `engine/tasks` (reading) and `output/in_order` (writing); elsewhere rayon only maps or
//!   sorts one list.
//! - No comparison of an event's time with a cutoff is anywhere but in `sweep::is_prior`.
//! - No byte of a part depends on threads, memory, partitions, the order of files, or the clock.
//! - `reference` uses nothing of the data path.
//! - Nothing has its final name before it is complete and synced.

#[doc(hidden)]
pub mod advice;
mod calendar;
mod catalog;
mod context;
mod dictionary;
mod encode;
mod engine;
mod error;
mod estimate;
mod failpoint;
mod generate;
pub mod guide;
mod ids;
mod job;
mod kernel;
mod manifest;
mod metrics;
mod options;
mod output;
mod place;
mod publish;
mod quarantine;
#[doc(hidden)]
pub mod reference;
mod report;
mod scan;
mod store;
#[cfg(feature = "bench")]
#[doc(hidden)]
pub mod testkit;
mod verify;
mod vocabulary;
mod warnings;

/// The examples of the README, compiled.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

pub use crate::context::{Observer, RunContext, STAGES};
pub use crate::report::head::{Head, HeadOf, HeadRow, HeadSettings, HeadValue, head};
pub use crate::report::html::{Drift, Page, PageSettings, page};
pub use crate::report::survey::{Surveyed, SurveyedColumn, survey};
pub use calendar::{date_text, parse_day};
pub use engine::{dwell, features, run, schema};
pub use error::{Error, ErrorKind, Result, RowFault, panic_text};
pub use estimate::{Planned, PlannedOf, plan};
pub use generate::{
    GenerateEvents, GenerateListings, GenerateSettings, Generated, GeneratedEvents,
    GeneratedListings, generate, generate_events, generate_listings,
};
pub use ids::Day;
#[doc(hidden)]
pub use job::Tuning;
pub use job::{Ask, Dwell, Features, Job, Sequences, Settings};
#[doc(hidden)]
pub use manifest::source_settings;
#[doc(hidden)]
pub use options::renamed_column;
pub use options::{
    ActionSource, Attribute, AttributeColumn, AttributeType, Codec, CustomerType, Cutoff, Dedup,
    DivideBy, DwellMethod, Format, Guests, IfExists, ItemType, ItemVocabulary, JobKind, LabelKey,
    Layout, LogName, NullLabel, OnBadRow, OtherTypes, Passthrough, PassthroughType, Publish,
    Source, TimeUnit, Types, UnknownItem, WarningCode,
};
pub use output::{DayReport, DwellReport, FeaturesReport, Report};
pub use place::{check_in, is_elsewhere};
pub use verify::{
    AuditRows, Audited, Canaries, ExplainSettings, Explained, ExplainedAction, PROBLEMS_MAX,
    Problem, Verified, VerifySettings, explain, verify,
};
pub use warnings::Warning;
