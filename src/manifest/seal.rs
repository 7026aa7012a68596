//! A manifest's checksum of itself: what it is computed of, and how it is told.
//!
//! **In / Out**: a JSON object → its text, whose last member `"xxh64"` is the checksum of all bytes
//! of the text but that member's sixteen digits. **Invariants**: a function of the object; the bytes
//! before and behind the digits are fixed, so no bit of the text can change unnoticed (but for one
//! chance in 2^64). **Why so**: a file beside it would have to be kept in step with it by two
//! renames; this is one file and one rename.

use std::hash::Hasher;

use serde_json::{Map, Value, json};
use twox_hash::XxHash64;

/// What stands before the digits.
const BEFORE: &[u8] = b"\n  \"xxh64\": \"";
/// What stands behind them.
const BEHIND: &[u8] = b"\"\n}\n";
/// How many they are.
const DIGITS: usize = 16;

/// An object as JSON text that ends with its own checksum.
pub(crate) fn sealed(mut object: Map<String, Value>) -> Vec<u8> {
    object.shift_remove("xxh64");
    object.insert("xxh64".into(), json!(""));
    let mut text = serde_json::to_vec_pretty(&object).expect("a value is always JSON");
    text.push(b'\n');
    let at = text.len() - BEHIND.len();
    let digits = format!("{:016x}", XxHash64::oneshot(0, &text));
    text.splice(at..at, digits.into_bytes());
    text
}

/// The checksum that a text ends with, if it is the right one.
pub(crate) fn seal_of(text: &[u8]) -> Option<u64> {
    let head = text.strip_suffix(BEHIND)?;
    let (before, digits) = head.split_at_checked(head.len().checked_sub(DIGITS)?)?;
    if !before.ends_with(BEFORE) {
        return None;
    }
    let mut hasher = XxHash64::with_seed(0);
    hasher.write(before);
    hasher.write(BEHIND);
    let seal = hasher.finish();
    (format!("{seal:016x}").as_bytes() == digits).then_some(seal)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_flipped_bit_of_a_sealed_text_is_noticed() {
        let mut object = Map::new();
        object.insert("made_by".into(), json!("hitherto"));
        object.insert("parts".into(), json!([{"path": "a"}, {"path": "b"}]));
        let text = sealed(object.clone());
        assert!(seal_of(&text).is_some());
        assert_eq!(sealed(object), text);
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
    fn an_object_is_sealed_anew() {
        let mut object = Map::new();
        object.insert("of".into(), json!("day"));
        let once = sealed(object);
        let read = serde_json::from_slice(&once).expect("JSON");
        assert_eq!(sealed(read), once);
    }
}
