//! Inputs of shards: the rows of all sources, dealt once to the shards that will read them.
//!
//! ```text
//! LOGS ──► bucket ──► BUCKETS/shard-00000-of-0000N/{impressions, clicks, …} ──► run --shard 0/N ─┐
//!                     BUCKETS/shard-00001-of-0000N/{impressions, clicks, …} ──► run --shard 1/N ─┼─► finalize
//!                     …                                                                          ┘
//! ```
//! **In / Out**: the sources of a job and a number of shards → a folder for each shard, which appear together or
//! not at all, with sealed manifests.
//! **Invariants**: a row goes to the shard that would make it; rows of nobody, and those whose customer cannot be
//! read, to the first. Nothing else of a row is looked at, so that it means what it meant: Parquet keeps its columns,
//! text its records as they are written. The order of rows in a file and of files in a source stays. A path says the
//! day that it said. **Cost**: each file is read and written once, by one thread.
//! **Why so**: a file of each file for each shard, and not fewer with more rows: days are known by folders. Opening
//! one costs a shard some 50 µs, less than what plain LZ4 saves against what logs are compressed by.

mod document;
mod find;
mod inputs;
mod made;
mod owner;
mod parquet;
mod places;
mod shares;
mod text;

use std::path::PathBuf;

use serde::Serialize;

pub(super) use self::inputs::with_share;

use self::document::{DealtBy, DealtSource, ShareEntry};
use self::find::files_to_deal;
use self::made::{add_missing, publish, rows_of};
use self::owner::Dealer;
use self::parquet::deal_parquet;
use self::shares::SharePlace;
use self::text::{TextToDeal, deal_text};
use super::inputs::{find_sources, skipped_files};
use super::specs::{publish_spec, read_spec};
use super::tasks::{in_pool, run_tasks, thread_states};
use crate::context::{RunContext, Stage};
use crate::error::{Error, Result};
use crate::failpoint::hit;
use crate::ids::{count64, index};
use crate::job::{CustomerType, Job, JobKind, Publish, Source};
use crate::publish::{BUCKET, BUCKETS, PublishSpec, StagingDir, check_out};
use crate::scan::spec::ReadSpec;
use crate::scan::text::field::GuestIds;
use crate::scan::{Opened, Task};
use crate::store::local;
use crate::warnings::Warning;

/// What `bucket` made.
#[derive(Debug, Serialize)]
pub struct Bucketed {
    /// How many shards rows were dealt to.
    pub shards: u32,
    /// The sources, in order.
    pub sources: Vec<BucketedSource>,
    /// The rows of each shard.
    pub rows: Vec<u64>,
    /// Files that were written.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// What a person should look at.
    pub warnings: Vec<Warning>,
}

/// What `bucket` read of a source.
#[derive(Debug, Serialize)]
pub struct BucketedSource {
    /// Its name.
    pub name: String,
    /// Its files.
    pub files: u64,
    /// Their rows.
    pub rows: u64,
}

/// Deals the inputs of a job of [`JobKind::Sequences`] to the shards that its settings say, into its output.
///
/// # Errors
/// If an input cannot be read or dealt, or the output cannot be made; nothing is published then.
pub fn bucket(job: &Job, context: &RunContext) -> Result<Bucketed> {
    let count = check_job(job)?;
    in_pool(job, || deal_all(job, context, count))
}

/// Checks that the inputs of a job kind can be dealt.
///
/// # Errors
/// [`crate::ErrorKind::Settings`], saying why they cannot.
pub fn check_bucket(job_kind: JobKind) -> Result<()> {
    let what = match job_kind {
        JobKind::Sequences => return Ok(()),
        JobKind::Features => {
            "features are joined by users and by listings, so that no deal serves both; \
             let each shard read all inputs"
        }
        JobKind::Dwell => "bucket deals the inputs of sequences; let each shard of dwell read all",
    };
    Err(Error::settings(what))
}

/// How many shards a job asks for.
///
/// # Errors
/// If its kind cannot be dealt, or it asks for something that is not about inputs.
fn check_job(job: &Job) -> Result<u32> {
    check_bucket(job.kind())?;
    let what = match job.sequences().shards {
        _ if job.shard.is_some() => {
            "bucket deals to all shards at once; say --shards N in place of --shard I/N"
        }
        _ if matches!(job.publish, Publish::AddDays(_)) => {
            "bucket makes a folder of inputs, and adds none; leave out --add-days"
        }
        Some(count) => return Ok(count),
        None => "to how many shards? say --shards N",
    };
    Err(Error::settings(what))
}

/// What dealing a file needs.
struct DealSpec<'a> {
    read: ReadSpec<'a>,
    context: &'a RunContext,
    staging: &'a StagingDir,
    /// Bytes of shares that a thread holds in memory, about.
    quota: u64,
}

/// A file, and where its shares go.
struct FileToDeal {
    opened: Opened,
    /// The column of lists whose elements are its rows, if records are not.
    list: Option<String>,
    place: SharePlace,
}

/// What came of a file.
struct DealtFile {
    /// Its number among all files.
    at: usize,
    rows: u64,
    shares: Vec<(u32, ShareEntry)>,
}

/// Deals all files, and publishes their shares.
fn deal_all(job: &Job, context: &RunContext, count: u32) -> Result<Bucketed> {
    context.enter(Stage::LOOK, 0);
    let sources = find_sources(job, context)?;
    let roots: Vec<PathBuf> = sources.iter().flat_map(|of| of.roots.clone()).collect();
    let spec = buckets_spec(job);
    check_out(spec, &roots)?;
    let warnings = skipped_files(&sources);
    let (files, customers) = files_to_deal(job, &sources, count)?;
    GuestIds::check(&job.sequences().guest_ids, customers)?;
    let staging = StagingDir::create(spec)?;
    let mut dealt = deal(job, context, &staging, (&files, customers))?;
    dealt.sort_unstable_by_key(|file| file.at);
    let made_sources = sources_of(&files, &dealt);
    let mut shards: Vec<Vec<ShareEntry>> = vec![Vec::new(); index(count)];
    let mut inputs = Vec::new();
    for (file, dealt) in files.iter().zip(dealt) {
        for (number, share) in dealt.shares {
            shards[index(number)].push(share);
        }
        inputs.push((file, dealt.rows));
    }
    add_missing(&staging, &files, &mut shards)?;
    context.enter(Stage::PUBLISH, 0);
    let by = dealt_by(job, customers);
    let rows: Vec<u64> = shards.iter().map(|files| rows_of(files)).collect();
    let (files, bytes) = publish(job, context, &staging, (&by, &rows), (shards, &inputs))?;
    context.leave();
    Ok(Bucketed {
        shards: count,
        sources: made_sources,
        rows,
        files,
        bytes,
        warnings,
    })
}

/// How the output is published.
fn buckets_spec(job: &Job) -> PublishSpec<'_> {
    PublishSpec {
        manifests: &[BUCKETS],
        ..publish_spec(job)
    }
}

/// Deals files on all threads; what came of them is in no order.
fn deal(
    job: &Job,
    context: &RunContext,
    staging: &StagingDir,
    (files, customers): (&[FileToDeal], CustomerType),
) -> Result<Vec<DealtFile>> {
    let threads = count64(rayon::current_num_threads());
    let quota = context.headroom().map(|left| left / 2 / threads);
    let quota = quota.unwrap_or(QUOTA_MAX).min(QUOTA_MAX);
    context.reserve_memory(quota * threads)?;
    let spec = DealSpec {
        read: read_spec(job),
        context,
        staging,
        quota,
    };
    // One for each file, with its number in place of that of a row group.
    let tasks: Vec<Task> = files
        .iter()
        .enumerate()
        .map(|(at, file)| Task {
            opened: file.opened.clone(),
            row_group: at,
            rows: 0..0,
            shared: std::sync::Arc::default(),
            steps: match &file.opened {
                Opened::Parquet(file) => file.rows_count(),
                other => other.file().size(),
            },
        })
        .collect();
    context.enter(Stage::ACTIONS, tasks.iter().map(|task| task.steps).sum());
    let states = thread_states(Vec::new);
    let states = run_tasks(&tasks, states, |dealt: &mut Vec<DealtFile>, task| {
        let at = task.row_group;
        let (rows, shares) = deal_file(&spec, job, customers, &files[at])?;
        dealt.push(DealtFile { at, rows, shares });
        Ok(())
    })?;
    context.free_memory(quota * threads);
    hit("files dealt");
    Ok(states.into_iter().flatten().collect())
}

/// Bytes of shares that a thread holds in memory, at most.
const QUOTA_MAX: u64 = 1 << 26;

/// Deals one file; gives its rows and its shares.
fn deal_file(
    spec: &DealSpec<'_>,
    job: &Job,
    customers: CustomerType,
    file: &FileToDeal,
) -> Result<(u64, Vec<(u32, ShareEntry)>)> {
    let input = file.opened.file();
    let own = job.sequences();
    let is_shown =
        input.source == Source::Impressions || own.impressions_from == Some(input.source);
    let guests: &[String] = if is_shown { &own.guest_ids } else { &[] };
    let dealer = Dealer {
        customers,
        count: file.place.count,
        guest_ids: GuestIds::new(guests),
    };
    let column = column_of(job, input.source);
    match &file.opened {
        Opened::Parquet(parquet) => {
            let shares = deal_parquet(spec, &dealer, parquet, column, &file.place)?;
            Ok((parquet.rows_count(), shares))
        }
        Opened::Text(text, format, compression) => {
            let text = TextToDeal {
                file: text,
                format: (*format, *compression),
                column,
                list: file.list.as_deref(),
            };
            let (shares, rows) = deal_text(spec, &dealer, &text, &file.place)?;
            Ok((rows, shares))
        }
        // As it is: whether a file without rows is there may matter, and what is in it does not.
        Opened::Empty(input, _) => {
            let bytes = local::read(&input.path).map_err(|error| input.io(error))?;
            spec.staging.put_dealt(&file.place.path_of(0), &bytes)?;
            let share = ShareEntry {
                path: file.place.path.clone(),
                bytes: count64(bytes.len()),
                rows: 0,
            };
            Ok((0, vec![(0, share)]))
        }
    }
}

/// The column of customers in the files of a source.
fn column_of(job: &Job, source: Source) -> &str {
    job.column(source, "customer_id")
}

/// What rows of a job's sources are dealt by.
fn dealt_by(job: &Job, customers: CustomerType) -> DealtBy {
    let own = job.sequences();
    let mut sources = job.sources();
    sources.retain(|source| !own.without.contains(source));
    let spec = read_spec(job);
    let sources = sources.into_iter().map(|source| {
        let read = spec.of_source(source);
        DealtSource {
            source: source.name().to_owned(),
            customer: column_of(job, source).to_owned(),
            null_values: read.null_values.to_vec(),
            explode: spec.settings_of(source).and_then(|own| own.explode.clone()),
        }
    });
    DealtBy {
        customer_type: customers,
        guest_ids: own.guest_ids.clone(),
        sources: sources.collect(),
    }
}

/// What messages call the manifest of the inputs of a shard.
fn described() -> String {
    format!("the {BUCKET} of its shard")
}

/// What was read of each source.
fn sources_of(files: &[FileToDeal], dealt: &[DealtFile]) -> Vec<BucketedSource> {
    let mut sources: Vec<BucketedSource> = Vec::new();
    for (file, dealt) in files.iter().zip(dealt) {
        let name = file.opened.file().source.name();
        if sources.last().is_none_or(|last| last.name != name) {
            sources.push(BucketedSource {
                name: name.to_owned(),
                files: 0,
                rows: 0,
            });
        }
        let own = sources.last_mut().expect("it was added");
        own.files += 1;
        own.rows += dealt.rows;
    }
    sources
}
