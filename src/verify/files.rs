//! Checks every named file: that it exists, its bytes, its footer, its schema, its counts.
//!
//! **In / Out**: a [`PublishedSet`] and the files that it names → problems, in the order of the set.
//! **Invariants**: a file is parsed only if its checksum matches. If a checksum was forged together with
//! its file, any error of the reader, even a panic, becomes a problem of that file.

use std::hash::Hasher;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use arrow::datatypes::Schema;
use parquet::arrow::ArrowSchemaConverter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use rayon::prelude::*;
use twox_hash::XxHash64;

use super::manifests::{FileContents, NamedFile, PublishedSet};
use super::{FolderListing, Problems, timelines, values, vocabulary};
use crate::context::RunContext;
use crate::engine::guarded;
use crate::engine::schema;
use crate::error::{Error, Result};
use crate::ids::count64;
use crate::job::{Ask, CustomerType, Job, JobKind, Layout, Settings};
use crate::manifest::{event_types, feature_types};
use crate::output::dwell::{
    DateColumn, flyer_schema, merchant_schema, user_day_schema, user_schema,
};
use crate::output::features;
use crate::publish::MANIFEST;
use crate::quarantine;
use crate::store::local;

/// Checks all files that a set names.
///
/// # Errors
/// If one of them cannot be read, or the run is cancelled.
pub(super) fn check(
    out: &Path,
    listing: &FolderListing,
    set: &PublishedSet,
    context: &RunContext,
    problems: &mut Problems,
) -> Result<()> {
    let job = match job_of(set.settings.clone()) {
        Ok(job) => job,
        Err(error) => {
            problems.add(MANIFEST, format!("its settings make no sense: {error}"));
            return Ok(());
        }
    };
    let results: Vec<Result<Problems>> = set
        .files
        .par_iter()
        .map(|file| {
            let mut problems = Problems::default();
            match listing.bytes_of(&file.path) {
                None => problems.add(&file.path, listing.instead_of(&file.path)),
                // The listing has the size, so a file that was cut short is reported without being
                // read.
                Some(bytes) if bytes != file.bytes => {
                    let expected = file.bytes;
                    let what = format!("expected {expected} bytes, found {bytes}");
                    problems.add(&file.path, what);
                }
                Some(_) => {
                    if check_bytes(out, file, context, &mut problems)? && file.is_parquet() {
                        check_parquet(out, set, &job, file, &mut problems);
                    }
                }
            }
            Ok(problems)
        })
        .collect();
    // In the order of the set, whichever thread was first.
    for result in results {
        problems.append(result?);
    }
    Ok(())
}

/// The settings of a set as a job, with placeholders for inputs and output.
pub(super) fn job_of(settings: Settings) -> Result<Job> {
    let first = settings.kind().sources()[0];
    let first = settings.sequences().impressions_from.unwrap_or(first);
    // `Job::new` asks for an input and an output. Neither is opened.
    let mut settings = Settings {
        paths: vec![(first, "-".to_owned())],
        out: "-".into(),
        ..settings
    };
    if let Ask::Sequences(own) = &mut settings.ask {
        own.without.clear();
    }
    Job::new(settings)
}

/// Whether the checksum of a file matches.
fn check_bytes(
    out: &Path,
    named: &NamedFile,
    context: &RunContext,
    problems: &mut Problems,
) -> Result<bool> {
    let path = out.join(&named.path);
    let failed = |error| Error::io("read", &path, error);
    let mut file = local::open(&path).map_err(failed)?;
    let mut hasher = XxHash64::with_seed(0);
    let mut buffer = vec![0; 1 << 18];
    loop {
        context.check()?;
        let read = file.read(&mut buffer).map_err(failed)?;
        if read == 0 {
            break;
        }
        context.count_read(0, count64(read));
        hasher.write(&buffer[..read]);
    }
    let (expected, found) = (named.checksum, hasher.finish());
    if expected != found {
        let what = format!("expected bytes of XXH64 {expected:016x}, found {found:016x}");
        problems.add(&named.path, what);
    }
    Ok(expected == found)
}

/// Checks the footer of a file, and the values of its rows.
fn check_parquet(
    out: &Path,
    set: &PublishedSet,
    job: &Job,
    named: &NamedFile,
    problems: &mut Problems,
) {
    // Problems of a reader that panics are discarded with it, so the closure has a list of its own.
    let checked = guarded(&named.path, || {
        let mut problems = Problems::default();
        let path = out.join(&named.path);
        let file = local::open(&path).map_err(|error| Error::io("read", &path, error))?;
        let broken = |error| Error::bad_file(named.path.clone(), format!("{error}"));
        let reader = ParquetRecordBatchReaderBuilder::try_new(file).map_err(broken)?;
        let metadata = Arc::clone(reader.metadata());
        // A negative number is of a forged footer; no manifest has this one.
        let rows = u64::try_from(metadata.file_metadata().num_rows()).unwrap_or(u64::MAX);
        let row_groups = count64(metadata.num_row_groups());
        for (what, expected, found) in [
            ("rows", named.rows, rows),
            ("row groups", named.row_groups, row_groups),
        ] {
            if expected != found {
                problems.add(
                    &named.path,
                    format!("expected {expected} {what}, found {found}"),
                );
            }
        }
        let schema = schema_of(set, job, named);
        let expected = ArrowSchemaConverter::new().convert(&schema);
        let expected = expected.map_err(broken)?;
        let found = metadata.file_metadata().schema_descr();
        if expected.root_schema() != found.root_schema() {
            let what = "its columns are not those that its settings promise";
            problems.add(&named.path, what);
        } else if named.is_vocabulary() {
            vocabulary::check(&path, set, &mut problems)?;
        } else if set.job_kind == JobKind::Sequences && named.holds == FileContents::Rows {
            values::check(job, &named.path, reader, &mut problems)?;
            if job.sequences().layout == Layout::Timeline {
                let file = local::open(&path).map_err(|error| Error::io("read", &path, error))?;
                let reader = ParquetRecordBatchReaderBuilder::try_new(file).map_err(broken)?;
                timelines::check(job, &named.path, reader, &mut problems)?;
            }
        }
        Ok(problems)
    });
    match checked {
        Ok(own) => problems.append(own),
        Err(error) => problems.add(&named.path, error.to_string()),
    }
}

/// The schema that a file must have.
fn schema_of(set: &PublishedSet, job: &Job, named: &NamedFile) -> Schema {
    let settings = &set.whole.settings;
    match set.job_kind {
        _ if named.holds == FileContents::Rejected => quarantine::schema(),
        _ if named.is_vocabulary() => crate::vocabulary::schema(job.sequences().item_type),
        // A manifest always has the type of customers.
        JobKind::Sequences => schema(job, job.customer_type == Some(CustomerType::String)),
        JobKind::Features => {
            let folder = named.path.split('/').next();
            let day = set.days.iter().find(|day| folder == Some(&day.folder));
            let manifest = day.and_then(|day| day.manifest.as_ref());
            let clicks = manifest.and_then(|manifest| manifest.actions.clicks());
            // As in a run: if there are clicks and none has a user, nobody can count those of a
            // user, and their column is of nulls. Without clicks the counts are 0.
            let has_users = clicks.is_none_or(|clicks| {
                let rows = clicks.rows.saturating_sub(clicks.rejected);
                rows == 0 || clicks.without_user < rows
            });
            let types = feature_types(settings);
            types.map_or_else(Schema::empty, |types| {
                features::schema(job, types, has_users)
            })
        }
        JobKind::Dwell => {
            let (date, name) = match named.path.split_once('/') {
                Some((_, name)) => (DateColumn::InFolder, name),
                None => (DateColumn::InFile, named.path.as_str()),
            };
            let table = match name {
                "user_merchant.parquet" => user_schema,
                "user.parquet" => user_day_schema,
                "flyer.parquet" => flyer_schema,
                _ => merchant_schema,
            };
            event_types(settings).map_or_else(Schema::empty, |types| table(types, date))
        }
    }
}
