//! Text to a document, or to a sentence that says what is wrong with it.

use std::cell::Cell;
use std::path::Path;

use serde::de::DeserializeOwned;
use serde::de::value::MapDeserializer;
use serde_json::{Map, Value};

use super::seal::{NOT_SEALED, seal_of};
use crate::error::{Error, Result};
use crate::store::local;

/// Reads a document.
///
/// # Errors
/// A sentence: that the text is no JSON, or which member makes no sense.
pub(crate) fn parse<T: DeserializeOwned>(text: &[u8]) -> std::result::Result<T, String> {
    let error = match serde_json::from_slice(text) {
        Ok(document) => return Ok(document),
        Err(error) => error,
    };
    // Parsed again only for the message: serde's error does not name the member.
    match serde_json::from_slice::<Map<String, Value>>(text) {
        Ok(members) => Err(senseless(&member_at_fault::<T>(members))),
        Err(_) => Err(format!("it is no JSON: {error}")),
    }
}

/// Reads a sealed document.
///
/// # Errors
/// If it cannot be read, its bytes are not those of its own checksum, or it makes no sense.
pub(crate) fn read_sealed<T: DeserializeOwned>(path: &Path) -> Result<T> {
    let text = local::read(path).map_err(|error| Error::io("read", path, error))?;
    let bad = |what: String| Error::bad_file(path.display().to_string(), what);
    if seal_of(&text).is_none() {
        return Err(bad(NOT_SEALED.to_owned()));
    }
    parse(&text).map_err(bad)
}

/// The sentence about a member that makes no sense.
pub(crate) fn senseless(member: &str) -> String {
    format!("its member \"{member}\" makes no sense")
}

/// The name of the first member that a document cannot be made of, or lacks.
fn member_at_fault<T: DeserializeOwned>(members: Map<String, Value>) -> String {
    let last_read = Cell::new(None);
    let mut members = members.into_iter();
    let pairs = std::iter::from_fn(|| {
        let (name, value) = members.next()?;
        last_read.set(Some(name.clone()));
        Some((name, value))
    });
    // If all were read without an error, one is missing.
    let pairs = pairs.chain(std::iter::from_fn(|| {
        last_read.set(None);
        None
    }));
    let error = T::deserialize(MapDeserializer::new(pairs)).err();
    let error = error.map_or_else(String::new, |error: serde_json::Error| error.to_string());
    // serde gives the name of a missing field in its message only, between backquotes.
    let missing = error.split('`').nth(1).unwrap_or_default().to_owned();
    last_read.take().unwrap_or(missing)
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::super::documents::FileEntry;
    use super::*;

    #[test]
    fn the_member_that_makes_no_sense_is_named() {
        #[derive(Debug, Deserialize)]
        struct PartsAndRows {
            #[serde(rename = "parts")]
            _parts: Vec<FileEntry>,
            #[serde(rename = "rows")]
            _rows: u64,
        }
        let fault = |text: &str| parse::<PartsAndRows>(text.as_bytes()).expect_err("no document");
        assert!(fault("{").starts_with("it is no JSON: "));
        assert!(fault("[]").starts_with("it is no JSON: "));
        assert_eq!(fault(r#"{"parts": [], "more": 1}"#), senseless("rows"));
        assert_eq!(fault(r#"{"parts": [{}], "rows": 1}"#), senseless("parts"));
        assert_eq!(fault(r#"{"rows": -1, "parts": []}"#), senseless("rows"));
        assert!(parse::<PartsAndRows>(br#"{"rows": 1, "parts": [], "more": 1}"#).is_ok());
    }
}
