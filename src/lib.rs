//! `hitherto` turns raw event logs into point-in-time training data: for every moment at which a
//! model would have been asked for a prediction, exactly what was known at that moment, and nothing
//! later.
//!
//! This page is the map of the code. The [`guide`] says how to use the program, and
//! [`guide::promises`] what it guarantees. To understand the code, read this page, then
//! `engine/mod.rs`, `kernel/sweep.rs` and `kernel/op`.
//!
//! # The one idea
//!
//! Sort once, then answer every question with half-open windows of one sorted run.
//!
//! ```text
//!             ┌────── events ──────┐                 run of one key, by (time, type, item)
//!  scan ──► partition by key hash ──► sort ──► sweep: two pointers ──► op: windows ──► encode ──► publish
//!             └── probes, same hash ┘
//! ```
//! `sequences` reads the impressions first. They give the customers whose actions are needed, and the
//! latest cutoff of each. Actions are then scanned newest first. The scan loop drops the actions of all
//! other customers and partitions the rest by customer. Output rows are in the order of partitions, so
//! each partition is sorted shortly before the first row group that needs it. Two pointers that only
//! move forward find the bounds of each history, and the encoder writes these windows as compressed
//! Parquet. The rows are never materialized.
//!
//! `features` partitions the clicks twice, by listing and by user, and the impressions with them. Each
//! run of clicks is swept with one pointer per window, and counts are stored by impression row.
//!
//! ```text
//! impressions ──► rank ids ──► listings
//!                     └──► clicks ──► partition by listing, by user ──► sort ──► op ──► rows by day
//! ```
//!
//! `dwell` has no probes. It reads events and encodes their ids by a dictionary, ranks the ids,
//! partitions the events by user, and turns the run of each user into rows of a table.
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
//! | *job kind* | what a job makes of its logs: `sequences`, `features` or `dwell`; it determines which sources are read |
//! | *source* | one input: impressions, clicks, carts, orders, listings, events, or an action log that the job declares |
//! | *event* | a row with a key and a time: an *action* (a click, add-to-cart or order), or a flyer event of a user |
//! | *probe* | a moment for which the history is computed: an *impression* |
//! | *sample* | an item of an impression: a row of the output |
//! | *key* | a customer with at least one probe, as its rank in hash order |
//! | *cutoff* | the moment of a probe; *prior* is strictly earlier |
//! | *lookback* | how far before the cutoff a history reaches |
//! | *run* | the sorted events of one key; also one execution of a job |
//! | *window* | a half-open range of a run of events |
//! | *history* | the newest N events of a window |
//! | *attribute* | a value of an action besides its item and type (`--with`) |
//! | *passthrough column* | a column of impressions that is copied to the output (`--keep`) |
//! | *dictionary* | maps ids to numbers: a *code* is local to a thread, a *rank* is global |
//! | *visit* | events of a user that are no further apart than the idle timeout; a *stay* is the time of a user with a merchant on a day |
//! | *partition* | the events of a range of keys |
//! | *block* | rows of the output, as windows; encoded it is a *row group*, and a *part* is a file of row groups |
//! | *wave* | row groups of input that are read before the early stop is checked again |
//! | *set* | what one run publishes: the folder `OUT`, with parts, manifests and metrics |
//! | *shard* | the rows of the customers in a range of hashes, made apart; `finalize` makes a set of all |
//! | *reference* | the second, naive implementation that rows are checked against |
//!
//! # Code map, in reading order
//!
//! A module uses only modules above it. The exceptions are `engine` and `kernel`, which stand first because
//! they are read first: `kernel` uses only modules up to `context`, `engine` those up to `output`.
//! `tests/suite/tree.rs` checks the direction.
//!
//! | module | does |
//! |---|---|
//! | `engine` | runs a job: the data path of each job kind, stage after stage |
//! | `kernel` | partitions, sorts and sweeps columns; `kernel/sweep` has the tie rule, `kernel/op` the operators |
//! | `advice` | the hints in messages |
//! | `ids`, `calendar`, `error`, `place` | newtypes and casts; days and time zones; errors; the check that paths are local |
//! | `options` | every option once: its type, its words, its help |
//! | `job` | settings, checked against each other and turned into a [`Job`] |
//! | `warnings` | findings that do not stop a run |
//! | `context` | progress, cancellation and memory accounting |
//! | `failpoint` | points at which tests kill a run; compiled to nothing without its feature |
//! | `store` | local files, and the spill files of a run |
//! | `dictionary` | ids to ranks, impressions to probes |
//! | `catalog` | paths to files of a known format and day |
//! | `scan` | files to typed rows: `scan/text`, `scan/columnar`, `scan/parquet`, `scan/table`, and a reader for each source |
//! | `encode` | blocks to row groups |
//! | `publish` | files to a folder that appears complete, or not at all |
//! | `vocabulary` | text item ids to codes that never change |
//! | `manifest`, `metrics` | the documents of a set: where it came from, and its statistics |
//! | `quarantine` | rejected rows to files |
//! | `output` | row groups to parts, and the commit of a set |
//! | `estimate` | rows, bytes, memory and time of a job, without running it (`plan`) |
//! | `generate` | synthetic logs |
//! | `reference` | the rows by the naive implementation; `reference/read` reads files for it |
//! | `verify` | checks a published set: its files, its manifests, and a sample of its rows |
//! | `report` | the HTML page, the first rows (`head`), the copy of metrics, the schema survey of a folder, and all types without a code |
//! | `testkit` | single stages, for benches and fuzz targets |
//! | `cli` | the binary: arguments, job files, terminal output; not part of the library |
//!
//! # Invariants
//!
//! - Kernels know no Arrow, no Parquet, no file, no thread and no clock. They take slices and return
//!   values. They never allocate per row, and per key only to sort a long run.
//! - No stage (`scan`, `encode`, `publish`, `manifest`, `metrics`, kernels) knows the job.
//!   `engine/specs` turns it into the settings that each of them needs. The exception is
//!   `manifest`, whose `settings` and `repeat` record the job and read it back.
//! - A rayon pool is built in two places, `engine/tasks` and `generate`. Two loops hand out work to
//!   threads that keep a state: `engine/tasks` for reading, `output/in_order` for encoding and writing.
//!   Everywhere else rayon maps, folds or sorts one collection, and the result does not depend on
//!   scheduling. Outside rayon, the library starts a thread only in `publish/part`: it syncs a large
//!   file while the file is written.
//! - An event's time is compared with a cutoff only in `sweep::is_prior`.
//! - No byte of a part depends on threads, memory, partitions, the order of files, or the clock.
//! - `reference` uses nothing of the data path.
//! - No file has its final name before it is complete and synced.

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

/// Compiles the examples of the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

pub use crate::context::{Observer, RunContext, STAGES, StageTime};
pub use crate::report::head::{Head, HeadOf, HeadRow, HeadSettings, HeadValue, head};
pub use crate::report::html::{Drift, Page, PageSettings, page};
pub use crate::report::metrics_copy::{check_metrics_copy, copy_metrics};
pub use crate::report::survey::{
    LeftOut, ListKind, Survey, Surveyed, SurveyedColumn, SurveyedList, SurveyedTime, SurveyedWords,
    TextLayout, survey, survey_words,
};
#[doc(hidden)]
pub use crate::report::unknown_types::with_unknown_types;
pub use calendar::{date_text, parse_day};
pub use engine::{
    Bucketed, BucketedSource, FinalizeSettings, Finalized, FinalizedReport, ShardSeconds, bucket,
    check_bucket, dwell, features, finalize, run, schema,
};
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
pub use manifest::PublishedJob;
pub use options::{
    ActionSource, Attribute, AttributeColumn, AttributeType, Codec, Comment, CustomerType, Cutoff,
    DayPattern, Dedup, Delimiter, DivideBy, DwellMethod, Escape, Format, Guests, Header, IfExists,
    ItemType, ItemVocabulary, JobKind, KeptColumn, LabelKey, Layout, LogName, MoreTable, NullLabel,
    OnBadRow, OtherTypes, Passthrough, PassthroughType, Publish, Shard, ShardHolds, Source,
    SourceSettings, TimeUnit, Types, UnknownItem, WarningCode,
};
#[doc(hidden)]
pub use options::{renamed_column, source_setting};
pub use output::{DayReport, DwellReport, FeaturesReport, Report};
#[doc(hidden)]
pub use place::word as shell_word;
pub use place::{check_in, is_elsewhere};
pub use verify::{
    AuditRows, Audited, Canaries, ExplainSettings, Explained, ExplainedAction, PROBLEMS_MAX,
    Problem, Verified, VerifySettings, explain, verify,
};
pub use warnings::Warning;
