//! Which rows are audited: those with the smallest hashes of file and row number.

use std::collections::{BTreeMap, BinaryHeap};
use std::hash::Hasher;

use twox_hash::XxHash64;

use super::AuditRows;
use crate::verify::manifests::{FileContents, NamedFile, PublishedSet};

/// The 0-based numbers of rows, ascending, by the index of their file in the set; nothing stands for all
/// rows of the file.
pub(super) type SampledRows = BTreeMap<usize, Option<Vec<u64>>>;

/// Chooses rows of some files: those with the smallest XXH64 of the file's path and the row's number
/// (8 bytes, little-endian), so that the same set always gives the same rows.
pub(super) fn choose(
    set: &PublishedSet,
    rows: AuditRows,
    is_audited: impl Fn(&NamedFile) -> bool,
) -> SampledRows {
    let files = set.files.iter().enumerate();
    let files = files.filter(|(_, file)| file.holds == FileContents::Rows && is_audited(file));
    let count = match rows {
        AuditRows::All => return files.map(|(at, _)| (at, None)).collect(),
        AuditRows::None => 0,
        AuditRows::Count(count) => usize::try_from(count).unwrap_or(usize::MAX),
    };
    let mut smallest: BinaryHeap<(u64, usize, u64)> = BinaryHeap::new();
    for (at, file) in files {
        for row in 0..file.rows {
            let mut hasher = XxHash64::with_seed(0);
            // By path, not by index, which changes when earlier days are added.
            hasher.write(file.path.as_bytes());
            hasher.write(&row.to_le_bytes());
            let own = (hasher.finish(), at, row);
            // Memory is that of the sample, however many rows the set has.
            if smallest.len() < count {
                smallest.push(own);
            } else if let Some(mut largest) = smallest.peek_mut()
                && own < *largest
            {
                *largest = own;
            }
        }
    }
    let mut sample: BTreeMap<usize, Vec<u64>> = BTreeMap::new();
    for (_, at, row) in smallest {
        sample.entry(at).or_default().push(row);
    }
    let mut sorted = SampledRows::new();
    for (at, mut rows) in sample {
        rows.sort_unstable();
        sorted.insert(at, Some(rows));
    }
    sorted
}
