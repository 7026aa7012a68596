//! LZ4 blocks, written from known copies without a match search.
//!
//! **In / Out**: a [`LiteralsAndCopies`] → the bytes of one LZ4 block, without a frame: Parquet's LZ4_RAW.
//! **Format** (github.com/lz4/lz4, `doc/lz4_Block_format.md`): a token of two nibbles, the number
//! of literals and the length of the match less 4, each followed by bytes of 255 if it is 15 or
//! more; the literals; the distance in two bytes. A block ends with at least 5 literals, and the
//! last match starts at least 12 bytes before its end.

use crate::encode::direct::literals_and_copies::{COPY_MIN, LiteralsAndCopies};

/// The largest match distance of the format.
pub(crate) const DISTANCE_MAX: usize = 65_535;
/// Bytes at the end of a block that are written as literals.
const TAIL: usize = 12;

/// Writes a page as one block.
///
/// # Panics
/// If a copy reaches further back than [`DISTANCE_MAX`].
pub(crate) fn compress(page: &LiteralsAndCopies) -> Vec<u8> {
    let literals = page.literals();
    let mut to = Vec::with_capacity(literals.len() + literals.len() / 8 + 64);
    // A tail of 12 literals meets both rules about the end of a block.
    let body = page.len().saturating_sub(TAIL);
    let mut end = 0;
    let mut open = Vec::new();
    for op in page.ops_until(body) {
        let new = &literals[op.literal_start..op.literal_start + op.literals];
        // The tail may have cut the last copy below the shortest length.
        if op.length < COPY_MIN {
            open.extend_from_slice(new);
        } else {
            sequence(&[&open, new], Some((op.distance, op.length)), &mut to);
            open.clear();
            end += op.literals + op.length;
        }
    }
    open.clear();
    // The tail may be in copies, so its bytes are looked up one by one.
    open.extend((end..page.len()).map(|at| page.byte_at(at)));
    sequence(&[&open], None, &mut to);
    to
}

/// Writes one sequence: literals, and a match unless it is the last.
fn sequence(literals: &[&[u8]], copy: Option<(usize, usize)>, to: &mut Vec<u8>) {
    let count: usize = literals.iter().map(|bytes| bytes.len()).sum();
    let (distance, length) = copy.unwrap_or((0, COPY_MIN));
    let length = length - COPY_MIN;
    to.push(nibble(count) << 4 | nibble(length));
    extend_length(count, to);
    for bytes in literals {
        to.extend_from_slice(bytes);
    }
    if copy.is_some() {
        // `is_supported` bounds histories, and `put_after` and `repeat` bound the other columns.
        let distance = u16::try_from(distance).expect("rows are narrower than the match distance");
        to.extend_from_slice(&distance.to_le_bytes());
        extend_length(length, to);
    }
}

/// A length in four bits, 15 for all that do not fit.
fn nibble(length: usize) -> u8 {
    u8::try_from(length.min(15)).expect("at most 15")
}

/// The rest of a length that does not fit four bits.
fn extend_length(length: usize, to: &mut Vec<u8>) {
    if let Some(rest) = length.checked_sub(15) {
        to.resize(to.len() + rest / 255, 255);
        // A byte below 255 ends the length, so a multiple of 255 ends with a 0.
        to.push(u8::try_from(rest % 255).expect("below 255"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::encode::direct::literals_and_copies::tests::random;

    /// Compresses, and reads back with a reader that is not ours.
    fn check(stream: &LiteralsAndCopies, page: &[u8]) {
        let block = compress(stream);
        let found = lz4_flex::block::decompress(&block, page.len()).expect("a block");
        assert!(found == page);
    }

    #[test]
    fn blocks_decode_to_the_page() {
        for seed in 0..if cfg!(miri) { 14 } else { 300 } {
            let (stream, page) = random(seed, seed % 7);
            check(&stream, &page);
        }
    }

    #[test]
    fn pages_that_end_in_a_copy_end_in_literals() {
        for length in 0..60 {
            let mut stream = LiteralsAndCopies::default();
            stream.literal(b"abcde");
            stream.copy(5, length);
            check(&stream, &stream.expand());
            stream.literal(b"x");
            check(&stream, &stream.expand());
        }
    }

    #[test]
    fn an_empty_page_is_one_token() {
        assert_eq!(compress(&LiteralsAndCopies::default()), [0]);
    }
}
