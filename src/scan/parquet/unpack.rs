//! Compressed pages to plain ones, of exactly the declared size.
//!
//! **In / Out**: compressed bytes and the declared size → decompressed bytes, or an error.
//! **Invariants**: no codec writes more than one byte past the declared size, whatever its input. A failed
//! allocation of that size is an error. **Why so**: parquet's own GZIP, Brotli and LZ4 decompress to the
//! end of their input, so that a few KB may become a few GB.

use std::io::{Cursor, Read};

use parquet::basic::Compression;

/// A result, or what is wrong with a page.
pub(super) type Unpacked<T> = Result<T, String>;

/// Decompresses the pages of one column chunk.
pub(super) enum Unpacker {
    /// No compression.
    Plain,
    /// Snappy without framing.
    Snappy(snap::raw::Decoder),
    /// gzip, one or several members.
    Gzip,
    /// Brotli.
    Brotli,
    /// Zstandard.
    Zstd(zstd::bulk::Decompressor<'static>),
    /// LZ4 in Hadoop's framing, in LZ4's own, or in none: writers differ.
    Lz4,
    /// One LZ4 block.
    Lz4Raw,
}

impl Unpacker {
    /// The unpacker for a codec.
    pub(super) fn new(codec: Compression) -> Unpacked<Unpacker> {
        Ok(match codec {
            Compression::UNCOMPRESSED => Unpacker::Plain,
            Compression::SNAPPY => Unpacker::Snappy(snap::raw::Decoder::new()),
            Compression::GZIP(_) => Unpacker::Gzip,
            Compression::BROTLI(_) => Unpacker::Brotli,
            Compression::ZSTD(_) => {
                let decompressor = zstd::bulk::Decompressor::new();
                Unpacker::Zstd(decompressor.map_err(|error| error.to_string())?)
            }
            Compression::LZ4 => Unpacker::Lz4,
            Compression::LZ4_RAW => Unpacker::Lz4Raw,
            Compression::LZO => return Err("LZO is not read".to_owned()),
        })
    }

    /// Whether pages are not compressed.
    pub(super) fn is_plain(&self) -> bool {
        matches!(self, Unpacker::Plain)
    }

    /// Puts the bytes `first`, followed by the `size` bytes that `packed` decompresses to, in place of what is
    /// in `out`.
    pub(super) fn unpack(
        &mut self,
        first: &[u8],
        packed: &[u8],
        size: usize,
        out: &mut Vec<u8>,
    ) -> Unpacked<()> {
        out.clear();
        // One byte more, which shows that the page is too long.
        out.try_reserve_exact(first.len() + size + 1)
            .map_err(|_| format!("no memory for {size} bytes"))?;
        out.extend_from_slice(first);
        // Codecs would take no bytes at all for a text that is cut short.
        if size > 0 || !packed.is_empty() {
            self.append(packed, size, out)?;
        }
        match out.len() - first.len() {
            found if found == size => Ok(()),
            found => Err(format!("{found} bytes or more instead of {size}")),
        }
    }

    /// Appends the decompressed bytes, at most one more than `size`.
    fn append(&mut self, packed: &[u8], size: usize, out: &mut Vec<u8>) -> Unpacked<()> {
        let start = out.len();
        let text = |error: &dyn std::error::Error| error.to_string();
        match self {
            Unpacker::Plain => out.extend_from_slice(&packed[..packed.len().min(size + 1)]),
            Unpacker::Snappy(decoder) => {
                let declared = snap::raw::decompress_len(packed).map_err(|error| text(&error))?;
                if declared != size {
                    return Err(format!("{declared} bytes instead of {size}"));
                }
                out.resize(start + size, 0);
                let written = decoder.decompress(packed, &mut out[start..]);
                out.truncate(start + written.map_err(|error| text(&error))?);
            }
            Unpacker::Gzip => {
                // `GzDecoder` would stop behind the first member without an error.
                let reader = flate2::read::MultiGzDecoder::new(packed);
                read_up_to(reader, size, out)?;
            }
            Unpacker::Brotli => {
                let reader = brotli_decompressor::Decompressor::new(packed, 1 << 12);
                read_up_to(reader, size, out)?;
            }
            Unpacker::Zstd(decompressor) => {
                // It writes into the capacity of the vector and never grows it, so that what
                // `unpack` reserved is its limit.
                let mut room = Cursor::new(&mut *out);
                room.set_position(crate::ids::count64(start));
                let written = decompressor.decompress_to_buffer(packed, &mut room);
                written.map_err(|error| text(&error))?;
            }
            Unpacker::Lz4 => lz4_of_any_frame(packed, size, out)?,
            Unpacker::Lz4Raw => lz4_block(packed, size, out)?,
        }
        Ok(())
    }
}

/// Appends at most `size` + 1 bytes from a reader.
fn read_up_to(reader: impl Read, size: usize, out: &mut Vec<u8>) -> Unpacked<()> {
    let limit = crate::ids::count64(size) + 1;
    let read = reader.take(limit).read_to_end(out);
    read.map(drop).map_err(|error| error.to_string())
}

/// Appends one block of LZ4 of at most `size` bytes.
fn lz4_block(packed: &[u8], size: usize, out: &mut Vec<u8>) -> Unpacked<()> {
    let start = out.len();
    out.resize(start + size, 0);
    let written = lz4_flex::block::decompress_into(packed, &mut out[start..]);
    out.truncate(start + written.map_err(|error| error.to_string())?);
    Ok(())
}

/// Appends LZ4 in any framing.
fn lz4_of_any_frame(packed: &[u8], size: usize, out: &mut Vec<u8>) -> Unpacked<()> {
    let start = out.len();
    // A frame shows by its magic, Hadoop's framing by sizes that add up, and a bare block by
    // nothing. So the block comes last.
    if packed.starts_with(&[0x04, 0x22, 0x4d, 0x18]) {
        return read_up_to(lz4_flex::frame::FrameDecoder::new(packed), size, out);
    }
    if hadoop_lz4(packed, size, out).is_some() {
        return Ok(());
    }
    // A wrong guess may have appended something.
    out.truncate(start);
    lz4_block(packed, size, out)
}

/// Appends the blocks of Hadoop's framing, each behind its plain and its compressed size in four bytes of big
/// endian. `None` if the bytes are not framed so.
fn hadoop_lz4(mut packed: &[u8], size: usize, out: &mut Vec<u8>) -> Option<()> {
    let end = out.len() + size;
    while !packed.is_empty() {
        let (sizes, rest) = packed.split_first_chunk::<8>()?;
        let [a, b, c, d, e, f, g, h] = *sizes;
        let plain = usize::try_from(u32::from_be_bytes([a, b, c, d])).ok()?;
        let compressed = usize::try_from(u32::from_be_bytes([e, f, g, h])).ok()?;
        let (block, rest) = rest.split_at_checked(compressed)?;
        let before = out.len();
        // Sizes are not to be trusted: without this, a frame could grow beyond the declared page.
        if before + plain > end {
            return None;
        }
        lz4_block(block, plain, out).ok()?;
        (out.len() - before == plain).then_some(())?;
        packed = rest;
    }
    (out.len() == end).then_some(())
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    /// A text in every codec that can be written here.
    fn packed(plain: &[u8]) -> Vec<(&'static str, Compression, Vec<u8>)> {
        let snappy = snap::raw::Encoder::new()
            .compress_vec(plain)
            .expect("it fits");
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(plain).expect("memory");
        let mut frame = lz4_flex::frame::FrameEncoder::new(Vec::new());
        frame.write_all(plain).expect("memory");
        let block = lz4_flex::block::compress(plain);
        let size = |len: usize| u32::try_from(len).expect("small").to_be_bytes();
        let hadoop = [&size(plain.len())[..], &size(block.len()), &block].concat();
        vec![
            ("plain", Compression::UNCOMPRESSED, plain.to_vec()),
            ("snappy", Compression::SNAPPY, snappy),
            (
                "gzip",
                Compression::GZIP(Default::default()),
                gzip.finish().expect("memory"),
            ),
            (
                "zstd",
                Compression::ZSTD(Default::default()),
                zstd::bulk::compress(plain, 1).expect("memory"),
            ),
            ("lz4 raw", Compression::LZ4_RAW, block.clone()),
            ("lz4 bare", Compression::LZ4, block),
            (
                "lz4 frame",
                Compression::LZ4,
                frame.finish().expect("memory"),
            ),
            ("lz4 hadoop", Compression::LZ4, hadoop),
        ]
    }

    /// The text of these tests in Brotli, for which there is no encoder here.
    const BROTLI: [u8; 30] = [
        27, 107, 7, 0, 4, 108, 113, 164, 59, 127, 149, 193, 23, 86, 78, 67, 144, 97, 73, 89, 87,
        202, 187, 229, 6, 153, 16, 124, 128, 75,
    ];

    #[test]
    fn pages_have_the_size_that_they_declare_or_are_refused() {
        let plain = b"a page of a column, a page of a column".repeat(50);
        let mut all = packed(&plain);
        let brotli = Compression::BROTLI(Default::default());
        all.push(("brotli", brotli, BROTLI.to_vec()));
        for (name, codec, bytes) in all {
            let mut unpacker = Unpacker::new(codec).expect("known");
            let mut unpack = |size| {
                let mut out = vec![b'x'; 3];
                unpacker
                    .unpack(b"levels", &bytes, size, &mut out)
                    .map(|()| out)
            };
            let whole = unpack(plain.len());
            assert_eq!(whole, Ok([b"levels", &plain[..]].concat()), "{name}");
            assert!(unpack(plain.len() - 1).is_err(), "{name}");
            assert!(unpack(plain.len() + 1).is_err(), "{name}");
            assert!(unpack(0).is_err(), "{name}");
        }
    }

    #[test]
    fn a_decompression_bomb_stops_at_the_declared_size() {
        let zeros = vec![0; 50 << 20];
        for (name, codec, bytes) in packed(&zeros) {
            let mut unpacker = Unpacker::new(codec).expect("known");
            let mut out = Vec::new();
            drop(unpacker.append(&bytes, 1000, &mut out));
            assert!(out.capacity() < 1 << 21, "{name}: {}", out.capacity());
        }
    }

    #[test]
    fn an_empty_page_stays_empty() {
        for (name, codec, _) in packed(b"") {
            let mut unpacker = Unpacker::new(codec).expect("known");
            let mut out = Vec::new();
            assert_eq!(unpacker.unpack(b"", b"", 0, &mut out), Ok(()), "{name}");
            assert!(out.is_empty(), "{name}");
        }
    }
}
