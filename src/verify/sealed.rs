//! Reads JSON files that end with their own checksum: manifests and metrics.

use std::path::Path;

use serde::de::DeserializeOwned;

use super::{FolderListing, Problems};
use crate::error::{Error, Result};
use crate::manifest::{NOT_SEALED, parse, seal_of};
use crate::store::local;

/// Bytes of the largest manifest that is read. A manifest of a million files is smaller.
const MANIFEST_BYTES_MAX: u64 = 1 << 30;

/// Reads a JSON file that ends with its own checksum; gives the document and the checksum. Nothing if the
/// file is missing or damaged.
pub(super) fn read_sealed<T: DeserializeOwned>(
    out: &Path,
    listing: &FolderListing,
    path: &str,
    problems: &mut Problems,
) -> Result<Option<(T, u64)>> {
    let Some((text, seal)) = read_text(out, listing, path, problems)? else {
        return Ok(None);
    };
    match parse(&text) {
        Ok(document) => Ok(Some((document, seal))),
        Err(what) => {
            problems.add(path, what);
            Ok(None)
        }
    }
}

/// The text of such a file, and the checksum.
pub(super) fn read_text(
    out: &Path,
    listing: &FolderListing,
    path: &str,
    problems: &mut Problems,
) -> Result<Option<(Vec<u8>, u64)>> {
    let Some(bytes) = listing.bytes_of(path) else {
        return Ok(None);
    };
    if bytes > MANIFEST_BYTES_MAX {
        problems.add(path, format!("{bytes} bytes are too many for a manifest"));
        return Ok(None);
    }
    let from = out.join(path);
    let text = local::read(&from).map_err(|error| Error::io("read", &from, error))?;
    match seal_of(&text) {
        Some(seal) => Ok(Some((text, seal))),
        None => {
            problems.add(path, NOT_SEALED);
            Ok(None)
        }
    }
}
