//! Zstandard frames, written from known copies without a match search. The one module with `unsafe`.
//!
//! **In / Out**: a [`LiteralsAndCopies`] → the bytes of one frame. libzstd codes the literals and lengths
//! (Huffman, FSE), by `ZSTD_compressSequencesAndLiterals`; it searches nothing.
//! **Blocks**: a frame is split into blocks of at most 128 KiB decoded; a copy that crosses the
//! boundary is split there. **Fallback**: if libzstd refuses a block (it cannot store one raw, as it
//! does not have the bytes), the page is materialized and compressed as usual.
//! **Why unsafe**: the function is experimental in zstd 1.5.7 and no safe crate wraps it. Sequences
//! are trusted by libzstd; that they are right is the invariant of [`LiteralsAndCopies`], and every length that
//! is passed is one of a slice. The version is pinned by `Cargo.lock`, and the bytes of the
//! output with it.
#![expect(
    unsafe_code,
    reason = "the only way to call ZSTD_compressSequencesAndLiterals"
)]

use std::ptr::NonNull;

use zstd_sys::{
    ZSTD_CCtx, ZSTD_CCtx_setParameter, ZSTD_ParamSwitch_e, ZSTD_Sequence, ZSTD_SequenceFormat_e,
    ZSTD_cParameter, ZSTD_compressBound, ZSTD_compressSequencesAndLiterals, ZSTD_createCCtx,
    ZSTD_freeCCtx, ZSTD_isError,
};

use crate::encode::direct::literals_and_copies::LiteralsAndCopies;

/// Decoded bytes of a block, at most: a bound of the format.
const BLOCK_MAX: usize = 128 << 10;
/// The shortest match of the format.
const MATCH_MIN: usize = 3;
/// libzstd may read this many bytes behind the literals.
const LITERALS_SLACK: usize = 8;
/// The smallest window that libzstd declares, at this level, for a page that is longer than it. It checks
/// no distance of a copy against the window, but decoders may.
pub(super) const WINDOW_MIN: usize = 512 << 10;
/// The effort of libzstd's entropy coder, and of the fallback.
pub(crate) const LEVEL: i32 = 1;

/// A compressor with its memory, for one thread.
#[derive(Debug)]
pub(crate) struct ZstdCompressor {
    /// libzstd's state. Never null, and ours alone.
    context: NonNull<ZSTD_CCtx>,
    /// The page in libzstd's terms.
    sequences: Vec<ZSTD_Sequence>,
}

// SAFETY: a `ZSTD_CCtx` is tied to no thread (zstd.h: "one context per thread" is about use at
// the same time), and nothing else holds the pointer.
unsafe impl Send for ZstdCompressor {}

impl ZstdCompressor {
    /// A compressor.
    ///
    /// # Panics
    /// If there is no memory for it, or libzstd does not know the parameters that it documents.
    pub(crate) fn new() -> ZstdCompressor {
        // SAFETY: takes nothing and gives a new context, or null, which is checked.
        let context = NonNull::new(unsafe { ZSTD_createCCtx() }).expect("memory for a context");
        let delimiters = ZSTD_SequenceFormat_e::ZSTD_sf_explicitBlockDelimiters;
        let repeats = ZSTD_ParamSwitch_e::ZSTD_ps_disable;
        let compressor = ZstdCompressor {
            context,
            sequences: Vec::new(),
        };
        compressor.set(ZSTD_cParameter::ZSTD_c_compressionLevel, LEVEL);
        // Small tables: libzstd clears them for every frame, and no search uses them.
        compressor.set(ZSTD_cParameter::ZSTD_c_hashLog, 6);
        // libzstd reserves a sequence per `minMatch` bytes, and refuses a block with more of them.
        compressor.set(ZSTD_cParameter::ZSTD_c_minMatch, 3);
        // ZSTD_c_blockDelimiters and ZSTD_c_repcodeResolution.
        // The function takes no other format. Without a search for repeated offsets each sequence
        // is converted as it is.
        let (format, switch) = (delimiters as i32, repeats as i32);
        compressor.set(ZSTD_cParameter::ZSTD_c_experimentalParam11, format);
        compressor.set(ZSTD_cParameter::ZSTD_c_experimentalParam19, switch);
        compressor
    }

    /// Sets a parameter for all frames to come.
    fn set(&self, parameter: ZSTD_cParameter, value: i32) {
        // SAFETY: the context is alive until `drop`.
        let code = unsafe { ZSTD_CCtx_setParameter(self.context.as_ptr(), parameter, value) };
        assert!(!is_error(code), "libzstd refuses a parameter");
    }

    /// Compresses a page.
    pub(crate) fn compress(&mut self, page: &mut LiteralsAndCopies) -> Vec<u8> {
        self.sequences.clear();
        split(page, &mut self.sequences);
        // SAFETY: a function of a number.
        let bound = unsafe { ZSTD_compressBound(page.len()) };
        // Sequences could take more than the bound, which is for pages that libzstd parses itself.
        // Then it gives an error, and the page is compressed by the fallback.
        let mut frame = Vec::<u8>::with_capacity(bound);
        let (bytes, count) = (page.len(), page.literals().len());
        // SAFETY: pointers and lengths are of vectors that live through the call; the literals
        // have the slack that the function asks for; the sequences end with a delimiter and cover
        // the page (`split`), whose distances lie within it (`LiteralsAndCopies`).
        let code = page.read_literals(LITERALS_SLACK, |literals| unsafe {
            ZSTD_compressSequencesAndLiterals(
                self.context.as_ptr(),
                frame.as_mut_ptr().cast(),
                frame.capacity(),
                self.sequences.as_ptr(),
                self.sequences.len(),
                literals.as_ptr().cast(),
                count,
                literals.len(),
                bytes,
            )
        });
        if is_error(code) {
            // libzstd refuses to write one of the blocks from sequences.
            // Whether it refuses depends on the page alone, so the bytes of the output do, too.
            let page = page.expand();
            return zstd::bulk::compress(&page, LEVEL).expect("memory is all it needs");
        }
        // SAFETY: libzstd has written that many bytes, within the capacity.
        unsafe { frame.set_len(code) };
        frame
    }
}

impl Drop for ZstdCompressor {
    fn drop(&mut self) {
        // SAFETY: the context came from `ZSTD_createCCtx` and is freed once.
        let _code = unsafe { ZSTD_freeCCtx(self.context.as_ptr()) };
    }
}

/// Whether a result of libzstd is an error.
fn is_error(code: usize) -> bool {
    // SAFETY: a function of a number.
    unsafe { ZSTD_isError(code) != 0 }
}

/// Converts a page to libzstd's sequences: matches, split at block boundaries, each block ended by a
/// sequence without a match.
fn split(page: &LiteralsAndCopies, sequences: &mut Vec<ZSTD_Sequence>) {
    let mut room = BLOCK_MAX;
    let mut literals = 0;
    for op in page.ops_until(page.len()) {
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
        // Copies have `COPY_MIN` bytes or more, and no remainder is below `MATCH_MIN`. So a fresh
        // block always takes a piece, and the loop ends.
        while left > 0 {
            // Neither part may be shorter than the shortest match, before or after the boundary.
            let mut piece = left.min(room);
            if piece < left && left - piece < MATCH_MIN {
                piece = piece.saturating_sub(MATCH_MIN);
            }
            if piece >= MATCH_MIN {
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

/// Literals, then a match; a length of 0 ends the block.
fn sequence(literals: usize, distance: usize, length: usize) -> ZSTD_Sequence {
    let narrow = |number: usize| u32::try_from(number).expect("pages are small");
    ZSTD_Sequence {
        offset: narrow(distance),
        litLength: narrow(literals),
        matchLength: narrow(length),
        rep: 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::encode::direct::literals_and_copies::tests::random;

    /// Compresses, and reads back by libzstd's decoder.
    fn check(compressor: &mut ZstdCompressor, stream: &mut LiteralsAndCopies, page: &[u8]) {
        let frame = compressor.compress(stream);
        let found = zstd::bulk::decompress(&frame, page.len()).expect("a frame");
        assert!(found == page);
    }

    #[test]
    fn frames_decode_to_the_page() {
        let mut compressor = ZstdCompressor::new();
        for seed in 0..300 {
            let (mut stream, page) = random(seed, seed % 7);
            check(&mut compressor, &mut stream, &page);
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
                check(&mut compressor, &mut stream, &page);
            }
        }
    }

    #[test]
    fn every_frame_declares_the_window_that_copies_may_need() {
        for length in [1_000, 262_144, 262_145, 524_288, 524_289, 3 << 20] {
            let mut stream = LiteralsAndCopies::default();
            stream.literal(b"abcdefghij");
            stream.copy(10, length - 10);
            let frame = ZstdCompressor::new().compress(&mut stream);
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
        check(&mut ZstdCompressor::new(), &mut stream, &noise);
    }
}
