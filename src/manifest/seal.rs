//! The checksum that a document has of itself.
//!
//! **In / Out**: a document that is a JSON object → its text, whose last member `"xxh64"` is the checksum
//! of all bytes of the text but that member's sixteen digits. **Invariants**: a function of the document;
//! the bytes around the digits are fixed, so a changed bit goes unnoticed with a chance of one in 2^64.
//! **Why so**: a second file with the checksum would take two renames, between which a run may crash;
//! this is one file and one rename.

use std::hash::Hasher;

use serde::Serialize;
use twox_hash::XxHash64;

/// The bytes before the digits.
const BEFORE: &[u8] = b"\n  \"xxh64\": \"";
/// The bytes after them.
const AFTER: &[u8] = b"\"\n}\n";
/// The number of digits.
const DIGITS: usize = 16;

/// A document as JSON text that ends with its own checksum.
pub(crate) fn sealed(document: &impl Serialize) -> Vec<u8> {
    let mut text = serde_json::to_vec_pretty(document).expect("a document is always JSON");
    assert!(text.ends_with(b"\n}"), "a document has members");
    text.truncate(text.len() - 2);
    text.push(b',');
    text.extend_from_slice(BEFORE);
    text.extend_from_slice(AFTER);
    let at = text.len() - AFTER.len();
    let digits = format!("{:016x}", XxHash64::oneshot(0, &text));
    text.splice(at..at, digits.into_bytes());
    text
}

/// What is wrong with a text that [`seal_of`] has no checksum for.
pub(crate) const NOT_SEALED: &str =
    "its bytes are not those that its own checksum, at its end, is of";

/// The checksum that a text ends with, if it is the right one.
pub(crate) fn seal_of(text: &[u8]) -> Option<u64> {
    let head = text.strip_suffix(AFTER)?;
    let (before, digits) = head.split_at_checked(head.len().checked_sub(DIGITS)?)?;
    if !before.ends_with(BEFORE) {
        return None;
    }
    let mut hasher = XxHash64::with_seed(0);
    hasher.write(before);
    hasher.write(AFTER);
    let seal = hasher.finish();
    // Compared as text: parsed, a flipped bit that makes a digit a capital letter would pass.
    (format!("{seal:016x}").as_bytes() == digits).then_some(seal)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn every_flipped_bit_of_a_sealed_text_is_noticed() {
        let document = json!({"made_by": "hitherto", "parts": [{"path": "a"}, {"path": "b"}]});
        let text = sealed(&document);
        assert!(seal_of(&text).is_some());
        assert_eq!(sealed(&document), text);
        for at in 0..text.len() {
            for bit in 0..8 {
                let mut flipped = text.clone();
                flipped[at] ^= 1 << bit;
                assert_eq!(seal_of(&flipped), None, "bit {bit} of byte {at}");
            }
        }
        for cut in 0..text.len() {
            assert_eq!(seal_of(&text[..cut]), None);
        }
    }

    #[test]
    fn the_seal_is_the_last_member() {
        let text = sealed(&json!({"of": "day"}));
        let read: Value = serde_json::from_slice(&text).expect("JSON");
        let seal = seal_of(&text).expect("a seal");
        assert_eq!(read, json!({"of": "day", "xxh64": format!("{seal:016x}")}));
    }
}
