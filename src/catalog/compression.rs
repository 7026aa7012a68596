//! How a file is compressed, as its first bytes tell, and what decompresses it.
//!
//! **In / Out**: first bytes → a [`Compression`]; a file → its text. **Invariants**: a text that is damaged or
//! cut short is an error of the read; memory does not depend on what the file says of itself.

use std::io::{self, Read};

use crate::catalog::zip::ZipMember;

/// How a text file is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Compression {
    /// Not at all.
    None,
    /// gzip, one or several members.
    Gzip,
    /// Zstandard.
    Zstd,
    /// bzip2, one or several streams.
    Bzip2,
    /// xz, one or several streams.
    Xz,
    /// A zip archive of one file.
    Zip,
}

/// The largest dictionary of xz that is accepted, in KiB: that of `xz -9`, and some more.
const XZ_KIB_MAX: u32 = 128 << 10;

/// Extensions of compressed text.
pub(crate) const COMPRESSED: [&str; 5] = [".gz", ".zst", ".bz2", ".xz", ".zip"];

/// A file name without the extension of its compression.
pub(crate) fn inner_name(name: &str) -> &str {
    let mut endings = COMPRESSED.iter();
    let inner = endings.find_map(|ending| name.strip_suffix(ending));
    inner.unwrap_or(name)
}

impl Compression {
    /// The compression of a file with these first bytes.
    pub(crate) fn detect(head: &[u8]) -> Compression {
        match head {
            [0x1f, 0x8b, ..] => Compression::Gzip,
            // Some writers start with a skippable frame.
            [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Compression::Zstd,
            [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Compression::Xz,
            [b'P', b'K', 3, 4, ..] => Compression::Zip,
            head if is_bzip2(head) => Compression::Bzip2,
            _ => Compression::None,
        }
    }

    /// What messages and commands call it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Compression::None => "nothing",
            Compression::Gzip => "gzip",
            Compression::Zstd => "zstd",
            Compression::Bzip2 => "bzip2",
            Compression::Xz => "xz",
            Compression::Zip => "zip",
        }
    }

    /// The text of a file, read from its beginning; `member` is where a zip archive has it.
    ///
    /// # Errors
    /// If the decoder cannot be made.
    pub(crate) fn text_of(
        self,
        file: impl Read + Send + 'static,
        member: Option<ZipMember>,
    ) -> io::Result<Box<dyn Read + Send>> {
        Ok(match self {
            Compression::None => Box::new(file),
            Compression::Gzip => Box::new(flate2::read::MultiGzDecoder::new(file)),
            Compression::Zstd => Box::new(zstd::Decoder::new(file)?),
            Compression::Bzip2 => Box::new(bzip2::read::MultiBzDecoder::new(file)),
            Compression::Xz => {
                // The decoder reads a byte at a time in places.
                let file = io::BufReader::with_capacity(1 << 16, file);
                Box::new(lzma_rust2::XzReader::new_mem_limit(file, true, XZ_KIB_MAX))
            }
            Compression::Zip => {
                let member = member.ok_or_else(|| io::Error::other("no member of the archive"))?;
                member.text(file)?
            }
        })
    }
}

/// Whether bytes begin with the magic of bzip2, and behind it that of a block or of the end of a stream: a text
/// may begin with the first three letters.
fn is_bzip2(head: &[u8]) -> bool {
    let magic = head.get(4..10);
    head.starts_with(b"BZh")
        && magic.is_some_and(|magic| magic == b"1AY&SY" || magic == b"\x17\x72\x45\x38\x50\x90")
}
