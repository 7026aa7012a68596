//! Zstandard frames, written from known copies without a match search.
//!
//! **In / Out**: a [`LiteralsAndCopies`] → the bytes of one frame (RFC 8878).
//! **Blocks**: a frame is split into blocks of at most 128 KiB decoded; a copy that crosses the
//! boundary is split there. A block that would not get smaller is stored as it is.
//! **Why by hand**: libzstd takes known copies too, but makes a Huffman tree and three other tables for each block. A page
//! of histories has 8 blocks with few literals each, as most of it is copies; here all blocks share a tree.

mod bits;
mod fse;
mod huffman;
mod sequences;

use crate::encode::direct::literals_and_copies::LiteralsAndCopies;
use crate::ids::{count32, count64, index};
use huffman::Huffman;
use sequences::{LENGTH_MIN, Recent, Sequence, Tables};

/// Decoded bytes of a block, at most: a bound of the format.
const BLOCK_MAX: usize = 128 << 10;
/// The shortest piece of a copy that is split at the boundary of a block.
const PIECE_MIN: usize = LENGTH_MIN as usize;
/// The window that a frame declares for a page that is longer than it; no copy reaches further back.
pub(super) const WINDOW_MIN: usize = 512 << 10;
/// Literals below which a tree takes more than it saves. *Guessed.*
const CODED_MIN: usize = 32;

/// A compressor with its memory, for one thread.
#[derive(Debug)]
pub(crate) struct ZstdCompressor {
    tables: Tables,
    /// The page in the format's terms.
    sequences: Vec<Sequence>,
}

/// The literals of a page.
struct Literals<'a> {
    /// Those that are not written yet.
    left: &'a [u8],
    /// Their codes, if they have any.
    codes: Option<&'a Huffman>,
    /// Whether the tree is in the frame.
    has_tree: bool,
}

impl ZstdCompressor {
    /// A compressor.
    pub(crate) fn new() -> ZstdCompressor {
        ZstdCompressor {
            tables: Tables::new(),
            sequences: Vec::new(),
        }
    }

    /// Compresses a page.
    pub(crate) fn compress(&mut self, page: &LiteralsAndCopies) -> Vec<u8> {
        self.sequences.clear();
        split(page, &mut self.sequences);
        let huffman = Huffman::of(page.literals());
        let mut literals = Literals {
            left: page.literals(),
            codes: huffman.as_ref(),
            has_tree: false,
        };
        let mut frame = Vec::with_capacity(page.literals().len() + self.sequences.len() * 8 + 64);
        put_header(page.len(), &mut frame);
        let mut recent = Recent::START;
        let mut start = 0;
        // Made for the first block that does not get smaller.
        let mut expanded = None;
        for block in self.sequences.split_inclusive(|part| part.length == 0) {
            let own: u32 = block.iter().map(|part| part.literals).sum();
            let copied: u32 = block.iter().map(|part| part.length).sum();
            let bytes = start..start + index(own + copied);
            start = bytes.end;
            let is_last = start == page.len();
            let at = frame.len();
            frame.extend_from_slice(&[0; 3]);
            let (recent_before, had_tree) = (recent, literals.has_tree);
            literals.put(index(own), &mut frame);
            self.tables.put(block, &mut recent, &mut frame);
            let mut kind = 2;
            if frame.len() - at - 3 >= bytes.len() {
                // Readers take nothing from it for what follows.
                (recent, literals.has_tree, kind) = (recent_before, had_tree, 0);
                frame.truncate(at + 3);
                frame.extend_from_slice(&expanded.get_or_insert_with(|| page.expand())[bytes]);
            }
            let size = count32(frame.len() - at - 3);
            let header = size << 3 | kind << 1 | u32::from(is_last);
            frame[at..at + 3].copy_from_slice(&header.to_le_bytes()[..3]);
        }
        frame
    }
}

impl Literals<'_> {
    /// Appends the literals section of a block (RFC 8878, 3.1.1.3.1).
    fn put(&mut self, count: usize, to: &mut Vec<u8>) {
        let (literals, left) = self.left.split_at(count);
        self.left = left;
        let one = literals
            .split_first()
            .filter(|(first, rest)| count > 3 && rest.iter().all(|byte| byte == *first));
        if let Some(codes) = self.codes
            && one.is_none()
            && count >= CODED_MIN
        {
            let start = to.len();
            if self.put_coded(literals, codes, to) {
                self.has_tree = true;
                return;
            }
            to.truncate(start);
        }
        let kind = u64::from(one.is_some());
        let number = count64(count);
        match count {
            0..32 => put_low(kind | number << 3, 1, to),
            32..4096 => put_low(kind | 1 << 2 | number << 4, 2, to),
            _ => put_low(kind | 3 << 2 | number << 4, 3, to),
        }
        match one {
            Some((first, _)) => to.push(*first),
            None => to.extend_from_slice(literals),
        }
    }

    /// Appends literals by their codes; `false` if they do not get shorter.
    fn put_coded(&self, literals: &[u8], codes: &Huffman, to: &mut Vec<u8>) -> bool {
        let count = literals.len();
        let start = to.len();
        let header = match count {
            0..1024 => 3,
            1024..16384 => 4,
            _ => 5,
        };
        to.resize(start + header, 0);
        if !self.has_tree {
            to.extend_from_slice(codes.tree());
        }
        let coded = to.len();
        codes.put(literals, to);
        // Without the tree: all blocks of the page together make up for that.
        if to.len() - coded + header >= count {
            return false;
        }
        let size = to.len() - start - header;
        let (format, bits) = match count {
            _ if huffman::is_one_stream(count) => (0, 10),
            0..1024 => (1, 10),
            1024..16384 => (2, 14),
            _ => (3, 18),
        };
        let kind = 2 + u64::from(self.has_tree);
        let fields = kind | format << 2 | count64(count) << 4 | count64(size) << (4 + bits);
        to[start..start + header].copy_from_slice(&fields.to_le_bytes()[..header]);
        true
    }
}

/// Appends the low bytes of a number.
fn put_low(number: u64, bytes: usize, to: &mut Vec<u8>) {
    to.extend_from_slice(&number.to_le_bytes()[..bytes]);
}

/// Appends the header of a frame (RFC 8878, 3.1.1.1): no checksum, as pages of Parquet have none either.
fn put_header(bytes: usize, to: &mut Vec<u8>) {
    to.extend_from_slice(&0xFD2F_B528_u32.to_le_bytes());
    if bytes <= WINDOW_MIN {
        // The size of the page in 4 bytes, which is that of the window.
        to.push(0b1010_0000);
    } else {
        // The same in 4 bytes; the window in one byte, as a power of two from 2^10 on.
        let window = u8::try_from(WINDOW_MIN.ilog2() - 10).expect("small");
        to.extend_from_slice(&[0b1000_0000, window << 3]);
    }
    to.extend_from_slice(&count32(bytes).to_le_bytes());
}

/// Converts a page to sequences: copies, split at block boundaries, each block ended by a
/// sequence without a copy.
fn split(page: &LiteralsAndCopies, sequences: &mut Vec<Sequence>) {
    let mut room = BLOCK_MAX;
    let mut literals = 0;
    for op in page.ops_until(page.len()) {
        debug_assert!(op.distance <= WINDOW_MIN, "a copy reaches back too far");
        let mut left = op.literals;
        // A block that is exactly full is ended by what follows it, or by the last sequence, so no
        // block but that of an empty page is empty.
        while left > room {
            sequences.push(sequence(literals + room, 0, 0));
            left -= room;
            (literals, room) = (0, BLOCK_MAX);
        }
        literals += left;
        room -= left;
        let mut left = op.length;
        // Copies have `COPY_MIN` bytes or more, and no remainder is below `PIECE_MIN`. So a fresh
        // block always takes a piece, and the loop ends.
        while left > 0 {
            // Neither part may be shorter than the shortest match, before or after the boundary.
            let mut piece = left.min(room);
            if piece < left && left - piece < PIECE_MIN {
                piece = piece.saturating_sub(PIECE_MIN);
            }
            if piece >= PIECE_MIN {
                sequences.push(sequence(literals, op.distance, piece));
                literals = 0;
                room -= piece;
                left -= piece;
            }
            if left > 0 {
                sequences.push(sequence(literals, 0, 0));
                (literals, room) = (0, BLOCK_MAX);
            }
        }
    }
    sequences.push(sequence(literals, 0, 0));
}

/// Literals, then a copy; a length of 0 ends the block.
fn sequence(literals: usize, distance: usize, length: usize) -> Sequence {
    Sequence {
        literals: count32(literals),
        distance: count32(distance),
        length: count32(length),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::encode::direct::literals_and_copies::tests::random;
    use crate::ids::{float, index64};

    /// Compresses, and reads back by libzstd's decoder.
    fn check(compressor: &mut ZstdCompressor, stream: &LiteralsAndCopies, page: &[u8]) {
        let frame = compressor.compress(stream);
        let found = zstd::bulk::decompress(&frame, page.len()).expect("a frame");
        assert!(found == page);
    }

    #[test]
    fn frames_decode_to_the_page() {
        let mut compressor = ZstdCompressor::new();
        for seed in 0..300 {
            let (stream, page) = random(seed, seed % 7);
            check(&mut compressor, &stream, &page);
        }
    }

    #[test]
    fn copies_end_just_before_at_and_behind_the_edge_of_a_block() {
        let mut compressor = ZstdCompressor::new();
        for start in BLOCK_MAX - 12..BLOCK_MAX + 3 {
            for length in 0..16 {
                let mut stream = LiteralsAndCopies::default();
                stream.literal(b"abcdefghij");
                stream.copy(10, start - 10);
                stream.literal(b"k");
                stream.copy(9, length);
                let page = stream.expand();
                check(&mut compressor, &stream, &page);
            }
        }
    }

    #[test]
    fn every_frame_declares_the_window_that_copies_may_need() {
        for length in [1_000, 262_144, 262_145, 524_288, 524_289, 3 << 20] {
            let mut stream = LiteralsAndCopies::default();
            stream.literal(b"abcdefghij");
            stream.copy(10, length - 10);
            let frame = ZstdCompressor::new().compress(&stream);
            // RFC 8878, 3.1.1: the descriptor, then the window unless the frame is a single segment.
            let is_single = frame[4] & 0x20 != 0;
            let window = (1_usize << (10 + (frame[5] >> 3))) / 8 * (8 + usize::from(frame[5] & 7));
            assert!(
                is_single || window >= length.min(WINDOW_MIN),
                "{length}: {window}"
            );
        }
    }

    #[test]
    fn what_cannot_be_compressed_comes_back_whole() {
        let noise: Vec<u8> = (0..400_000_u32)
            .map(|n| n.wrapping_mul(0x9E37_79B1).to_be_bytes()[0] ^ n.to_le_bytes()[0])
            .collect();
        let mut stream = LiteralsAndCopies::default();
        stream.literal(&noise);
        check(&mut ZstdCompressor::new(), &stream, &noise);
    }

    /// Literals of which the byte at each place of `counts` occurs so often, in no order.
    fn shuffled(counts: &[usize]) -> Vec<u8> {
        let bytes = (0_u8..=255).zip(counts);
        let mut literals: Vec<u8> = bytes
            .flat_map(|(byte, count)| std::iter::repeat_n(byte, *count))
            .collect();
        let mut state = 1_u64;
        for at in (1..literals.len()).rev() {
            state = state.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
            literals.swap(at, index64((state >> 33) % count64(at + 1)));
        }
        literals
    }

    #[test]
    fn literals_of_all_shares_decode_and_take_little_more_than_their_entropy() {
        let mut doubling: Vec<usize> = (0..14).map(|bits| 1 << bits).collect();
        let fibonacci = |length| {
            let mut counts = vec![1, 1];
            while counts.len() < length {
                counts.push(counts[counts.len() - 1] + counts[counts.len() - 2]);
            }
            counts
        };
        doubling.extend([0; 100]);
        doubling.push(70_000);
        let cases = [
            // Codes longer than the longest; weights in plain and in coded form; a tree of two bytes.
            fibonacci(22),
            doubling,
            vec![1000, 1],
            vec![0, 900, 0, 900],
            (1..=256).collect(),
            (1..=256).map(|byte| 100_000 / (byte * byte)).collect(),
            (1..=256).map(|byte| 4 * (byte % 2)).collect(),
            [vec![0; 200], vec![7; 56]].concat(),
            [vec![5; 128], vec![1; 1]].concat(),
            [vec![5; 129], vec![1; 2]].concat(),
            // Nothing to code.
            vec![500; 256],
            vec![40_000],
            [vec![0; 255], vec![300]].concat(),
        ];
        for counts in cases {
            let literals = shuffled(&counts);
            let mut stream = LiteralsAndCopies::default();
            stream.literal(&literals);
            let mut compressor = ZstdCompressor::new();
            check(&mut compressor, &stream, &literals);
            let total = float(count64(literals.len()));
            let shares = counts.iter().filter(|count| **count > 0);
            let shares = shares.map(|count| float(count64(*count)));
            let bits: f64 = shares.map(|count| count * (total / count).log2()).sum();
            // What whole bits for a code may cost, by the largest share (Gallager 1978); 1 % for codes that are cut
            // to the longest; a tree.
            let most = float(count64(*counts.iter().max().expect("256 bytes")));
            let bound = 1.01 * (bits + most + 0.086 * total) / 8.0 + 200.0;
            let found = compressor.compress(&stream).len();
            assert!(float(count64(found)) < bound, "{found} bytes, not {bound}");
        }
    }

    #[test]
    fn blocks_with_few_literals_share_a_tree_and_runs_of_one_byte_take_none() {
        let literals = shuffled(&[50, 20, 10, 10, 5, 5]);
        let mut stream = LiteralsAndCopies::default();
        for _ in 0..8 {
            stream.literal(&literals);
            stream.copy(100, BLOCK_MAX - 100);
        }
        let page = stream.expand();
        check(&mut ZstdCompressor::new(), &stream, &page);
        let found = ZstdCompressor::new().compress(&stream).len();
        assert!(found < 8 * 60, "{found} bytes");
        stream.clear();
        stream.literal(&literals);
        stream.literal(&[9; 1 << 20]);
        check(&mut ZstdCompressor::new(), &stream, &stream.expand());
        let found = ZstdCompressor::new().compress(&stream).len();
        // The first block has both.
        assert!(found < BLOCK_MAX / 8 + 500, "{found} bytes");
    }

    #[test]
    fn many_copies_have_tables_of_their_own() {
        for count in [1, 2, 63, 64, 127, 128, 5_000, 0x7F00 + 5] {
            for lengths in [1, 3, 40] {
                let mut stream = LiteralsAndCopies::default();
                stream.literal(b"abcdefghijklmnopqrstuvwxyz");
                for nth in 0..count {
                    stream.literal(&shuffled(&[nth % lengths, 1])[..1 + nth % lengths]);
                    stream.copy(1 + nth * 7 % 26, 4 + (nth * nth) % lengths);
                }
                check(&mut ZstdCompressor::new(), &stream, &stream.expand());
            }
        }
    }

    #[test]
    fn a_copy_at_a_recent_distance_takes_little() {
        let of_distances = |distances: &[usize]| {
            let mut stream = LiteralsAndCopies::default();
            stream.literal(&shuffled(&[9; 256]));
            for nth in 0..60 {
                stream.literal(b"-");
                stream.copy(distances[nth % distances.len()], 50);
            }
            check(&mut ZstdCompressor::new(), &stream, &stream.expand());
            ZstdCompressor::new().compress(&stream).len()
        };
        let distances: Vec<usize> = (1000..1060).collect();
        let new = of_distances(&distances);
        for recent in 1..=3 {
            // Nine bits or more are left of each distance that is no recent one.
            assert!(of_distances(&distances[..recent]) + 60 < new);
        }
    }
}
