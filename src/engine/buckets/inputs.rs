//! The inputs of a shard that `bucket` made, when a job reads them.
//!
//! **In / Out**: a job whose folder of sources is that of a bucket → the job with what the bucket's manifest says.
//! **Invariants**: such inputs make only the shard that they are of. What the manifest does not vouch for is
//! checked row by row, as for inputs that somebody else has dealt.

use std::fs;
use std::path::Path;

use rayon::prelude::*;

use super::document::{BucketDocument, DealtBy, ShareEntry};
use super::{dealt_by, described};
use crate::error::{Error, Result};
use crate::job::{Job, JobKind, ShardHolds, Share};
use crate::manifest::read_sealed;
use crate::place::word;
use crate::publish::{BUCKET, BUCKETS};

/// The job, with what the manifest of its inputs says if `bucket` made them.
///
/// # Errors
/// If they are not those of the shard that the job asks for, or not as they were made.
pub(in crate::engine) fn with_share(job: &Job) -> Result<Job> {
    let Some(folder) = job.dir.as_deref() else {
        return Ok(job.clone());
    };
    let path = folder.join(BUCKET);
    if !path.is_file() {
        return match folder.join(BUCKETS).is_file() {
            true => Err(Error::settings(format!(
                "\"{}\" has the inputs of all shards, each in a folder of its own; {}",
                folder.display(),
                advice(&folder.join("shard-…"), "I/N")
            ))),
            false => Ok(job.clone()),
        };
    }
    let bucket: BucketDocument = read_sealed(&path)?;
    let shard = bucket.shard;
    let is_asked = job.shard == Some(shard) && job.shard_holds == ShardHolds::Own;
    if job.kind() != JobKind::Sequences || bucket.job != job.kind() || !is_asked {
        let number = format!("{}/{}", shard.number, shard.count);
        return Err(Error::settings(format!(
            "\"{}\" has the rows of shard {} of {} only; {}",
            folder.display(),
            shard.number,
            shard.count,
            advice(folder, &number)
        )));
    }
    check_files(folder, &bucket.files)?;
    let customers = bucket.dealt_by.customer_type;
    Ok(job.with_share(Share {
        number: shard.number,
        customers,
        is_vouched: vouches(&bucket.dealt_by, job),
    }))
}

/// How a shard is made of its own inputs.
fn advice(folder: &Path, number: &str) -> String {
    format!(
        "say hitherto sequences {} --shard {number} --shard-holds own --out SHARDS",
        word(&folder.to_string_lossy())
    )
}

/// Whether rows were dealt by what the job takes for customers.
fn vouches(dealt: &DealtBy, job: &Job) -> bool {
    let own = dealt_by(job, job.customer_type.unwrap_or(dealt.customer_type));
    // Of lists it is known only when they are read whose rows they have.
    let has_lists = dealt.sources.iter().any(|source| source.explode.is_some());
    let is_same = own
        .sources
        .iter()
        .all(|source| dealt.sources.contains(source));
    let of_all = |dealt: &DealtBy| (dealt.customer_type, dealt.guest_ids.clone());
    !has_lists && is_same && of_all(&own) == of_all(dealt)
}

/// Checks that the files of a shard are there, each as long as it was made, and no others.
fn check_files(folder: &Path, files: &[ShareEntry]) -> Result<()> {
    let wrong = files.par_iter().find_first(|file| {
        let found = fs::metadata(folder.join(&file.path));
        !found.is_ok_and(|found| found.is_file() && found.len() == file.bytes)
    });
    let Some(file) = wrong else { return Ok(()) };
    let path = folder.join(&file.path);
    let what = format!(
        "it is not as {} says, {}; run bucket again",
        described(),
        match fs::metadata(&path) {
            Ok(found) => format!("of {} bytes and not {}", found.len(), file.bytes),
            Err(_) => "it is gone".to_owned(),
        }
    );
    Err(Error::bad_file(path.display().to_string(), what))
}
