//! Bits of a stream that is read from its end, as all coded streams of Zstandard are.

use crate::ids::index;

/// A stream that is being written, its last value first.
#[derive(Debug, Default)]
pub(super) struct BitWriter {
    /// Whole bytes.
    bytes: Vec<u8>,
    /// Bits behind them, the first one lowest.
    open: u64,
    /// How many these are, fewer than 8 after [`BitWriter::flush`].
    count: u32,
}

impl BitWriter {
    /// Appends the low bits of a number, which has no others. At most 56 bits go between two calls of `flush`.
    pub(super) fn add(&mut self, number: u32, bits: u32) {
        debug_assert!(u64::from(number) < 1 << bits && self.count + bits <= u64::BITS);
        self.open |= u64::from(number) << self.count;
        self.count += bits;
    }

    /// Makes bytes of all bits but the last few.
    pub(super) fn flush(&mut self) {
        let whole = self.count / 8;
        let open = self.open.to_le_bytes();
        self.bytes.extend_from_slice(&open[..index(whole)]);
        self.open = self.open.checked_shr(whole * 8).unwrap_or(0);
        self.count %= 8;
    }

    /// Ends the stream with a bit that is set, by which readers find its end. The writer is empty then.
    pub(super) fn end(&mut self, to: &mut Vec<u8>) {
        self.add(1, 1);
        self.end_header(to);
    }

    /// Ends a header, which is read from its start and so has no mark. The writer is empty then.
    pub(super) fn end_header(&mut self, to: &mut Vec<u8>) {
        // Up to a whole byte.
        self.count = self.count.next_multiple_of(8);
        self.flush();
        to.append(&mut self.bytes);
    }
}
