//! Checks the vocabulary of a set against the manifests, and reads its codes.
//!
//! **Invariants**: the items that a day was made with are a prefix of all items, because codes never
//! change.

use std::path::Path;

use super::Problems;
use super::manifests::{NamedFile, PublishedSet};
use crate::context::RunContext;
use crate::error::{Error, Result};
use crate::ids::count64;
use crate::manifest::{VocabularyItems, Xxh64};
use crate::publish::{MANIFEST, VOCABULARY};
use crate::reference::read::ItemCodes;
use crate::store::local;
use crate::store::local::DigestOf;
use crate::vocabulary::{digest_of, read, texts_of};

/// Checks the items of a vocabulary whose checksum matches.
///
/// # Errors
/// If it cannot be read.
pub(super) fn check(path: &Path, set: &PublishedSet, problems: &mut Problems) -> Result<()> {
    let items = read(path)?;
    let texts = texts_of(&items);
    let is_prefix = |listed: VocabularyItems| {
        let count = usize::try_from(listed.count).ok();
        let first = count.and_then(|count| texts.get(..count));
        first.is_some_and(|first| listed.xxh64 == Xxh64(digest_of(first)))
    };
    let listed = set.whole.vocabulary.as_ref().map(|entry| entry.items);
    if !listed.is_some_and(|listed| listed.count == count64(texts.len()) && is_prefix(listed)) {
        let what = format!("its items are not those that {MANIFEST} says");
        problems.add(VOCABULARY, what);
    }
    for day in &set.days {
        if let Some(manifest) = &day.manifest
            && !manifest.vocabulary.is_some_and(is_prefix)
        {
            let what = "its items are not the first ones of the vocabulary, in the same order";
            problems.add(day.manifest_path(), what);
        }
    }
    Ok(())
}

/// The codes of the items of a set.
///
/// # Errors
/// If its vocabulary cannot be read, or its checksum does not match.
pub(super) fn codes(out: &Path, set: &PublishedSet, context: &RunContext) -> Result<ItemCodes> {
    let Some(named) = set.files.iter().find(|file| file.is_vocabulary()) else {
        return Ok(ItemCodes::none());
    };
    let NamedFile {
        bytes, checksum, ..
    } = named;
    let path = out.join(&named.path);
    // `explain` does not check the files of a set, and another vocabulary would give wrong items.
    let digest = |file| local::digest(file, DigestOf::File);
    let found = local::open(&path).and_then(digest);
    let found = found.map_err(|error| Error::io("read", &path, error))?;
    if found != (*bytes, *checksum) {
        let what = format!("its bytes are not those that {MANIFEST} says");
        return Err(Error::bad_file(path.display().to_string(), what));
    }
    ItemCodes::new(&set.settings, &path, &|| context.check())
}
