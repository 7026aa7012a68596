//! Shares that are written to inputs that are published: a file of each source in each shard, and the manifests.

use std::path::Path;

use rayon::prelude::*;

use super::FileToDeal;
use super::document::{BucketDocument, BucketsDocument, DealtBy, DealtInput, ShareEntry};
use crate::context::RunContext;
use crate::error::Result;
use crate::ids::{count32, count64};
use crate::job::{Format, Job, Shard};
use crate::manifest::{MADE_BY, Xxh64, sealed};
use crate::publish::{BUCKET, StagingDir};
use crate::store::local::DigestOf;

/// The rows of files.
pub(super) fn rows_of(files: &[ShareEntry]) -> u64 {
    files.iter().map(|file| file.rows).sum()
}

/// Gives a file without rows to each shard that has none of a source, as a source must have one.
pub(super) fn add_missing(
    staging: &StagingDir,
    files: &[FileToDeal],
    shards: &mut [Vec<ShareEntry>],
) -> Result<()> {
    for files in files.chunk_by(|a, b| a.opened.file().source == b.opened.file().source) {
        let place = &files[0].place;
        let source = format!("{}/", files[0].opened.file().source.folder());
        // In the folder of the first file: that of no other day, which would seem to have a file.
        let path = Path::new(&place.path).with_file_name("part-000000.csv");
        for (number, shares) in (0..).zip(shards.iter_mut()) {
            if shares.iter().any(|share| share.path.starts_with(&source)) {
                continue;
            }
            staging.put_dealt(&Path::new(&place.folder_of(number)).join(&path), b"")?;
            shares.push(ShareEntry {
                path: path.to_string_lossy().into_owned(),
                bytes: 0,
                rows: 0,
            });
        }
    }
    Ok(())
}

/// Writes the manifests, and publishes; gives how many files of how many bytes there are.
pub(super) fn publish(
    job: &Job,
    context: &RunContext,
    staging: &StagingDir,
    (by, rows): (&DealtBy, &[u64]),
    (shards, files): (Vec<Vec<ShareEntry>>, &[(&FileToDeal, u64)]),
) -> Result<(u64, u64)> {
    let shares = || shards.iter().flatten();
    let sums = (
        count64(shares().count()),
        shares().map(|share| share.bytes).sum(),
    );
    let count = count32(shards.len());
    for (number, files) in (0..).zip(shards) {
        context.check()?;
        let shard = Shard { number, count };
        let document = BucketDocument {
            made_by: MADE_BY.to_owned(),
            job: job.kind(),
            shard,
            dealt_by: by.clone(),
            files,
        };
        let path = Path::new(&shard.folder()).join(BUCKET);
        staging.put_dealt(&path, &sealed(&document))?;
    }
    let inputs = files.par_iter().map(|(file, rows)| {
        let (input, format) = (file.opened.file(), file.opened.format());
        let (bytes, digest) = input.digest(format)?;
        Ok(DealtInput {
            source: input.source.name().to_owned(),
            path: input.shown.clone(),
            format,
            bytes,
            xxh64: Xxh64(digest),
            xxh64_of: match format {
                Format::Parquet => DigestOf::Footer,
                _ => DigestOf::File,
            },
            rows: *rows,
        })
    });
    let inputs: Vec<Result<DealtInput>> = inputs.collect();
    context.check()?;
    staging.publish_dealt(&sealed(&BucketsDocument {
        made_by: MADE_BY.to_owned(),
        job: job.kind(),
        shards: count,
        dealt_by: by.clone(),
        rows: rows.to_vec(),
        inputs: inputs.into_iter().collect::<Result<_>>()?,
    }))?;
    Ok(sums)
}
