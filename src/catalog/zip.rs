//! The one file in a zip archive.
//!
//! **In / Out**: an archive → where its file lies, then its text. **Invariants**: an archive of several files is
//! refused, as nothing tells which is meant; what archivers of macOS add (`__MACOSX/`, names that begin with `_`
//! or `.`) and folders do not count. The checksum and the length are checked at the end of the text.
//! **Why so**: crates for zip bring encryption, time and random numbers along; the directory of an archive is
//! three kinds of records, and the text needs the inflate that gzip has.

use std::io::{self, Read, Seek, SeekFrom};

use crate::ids::count64;

/// Where the file of an archive lies.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ZipMember {
    /// The offset of its header.
    header_at: u64,
    /// Its bytes in the archive.
    packed: u64,
    /// Its bytes once inflated.
    bytes: u64,
    /// The CRC-32 of its text.
    checksum: u32,
    /// 0 if it is stored, 8 if it is deflated.
    method: u16,
}

/// An entry of the directory of an archive.
struct ZipEntry {
    name: String,
    flags: u16,
    member: ZipMember,
}

/// The length of the record at the end of an archive, without its comment.
const END_BYTES: usize = 22;
/// The longest comment of an archive.
const COMMENT_BYTES_MAX: u64 = 0xffff;
/// The longest directory that is read: an archive of one file has a short one.
const DIRECTORY_BYTES_MAX: u64 = 1 << 20;
/// How many names of an archive of several files a message shows.
const NAMES_SHOWN: usize = 3;

/// A little-endian number of two bytes; zero behind the end.
fn u16_at(bytes: &[u8], at: usize) -> u16 {
    let pair = bytes.get(at..at + 2);
    pair.map_or(0, |pair| u16::from_le_bytes([pair[0], pair[1]]))
}

/// A little-endian number of four bytes.
fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from(u16_at(bytes, at)) | u32::from(u16_at(bytes, at + 2)) << 16
}

/// The file of an archive.
///
/// # Errors
/// What is wrong with the archive, or which files it has if they are several.
pub(crate) fn only_member(
    archive: &mut (impl Read + Seek),
) -> io::Result<Result<ZipMember, String>> {
    let len = archive.seek(SeekFrom::End(0))?;
    let tail_at = len.saturating_sub(COMMENT_BYTES_MAX + count64(END_BYTES));
    archive.seek(SeekFrom::Start(tail_at))?;
    let mut tail = Vec::new();
    archive.take(len - tail_at).read_to_end(&mut tail)?;
    let is_end = |at: &usize| {
        tail[*at..].starts_with(b"PK\x05\x06")
            && at + END_BYTES + usize::from(u16_at(&tail, at + 20)) == tail.len()
    };
    let last = tail.len().checked_sub(END_BYTES);
    let end = last.and_then(|last| (0..=last).rev().find(is_end));
    let Some(end) = end else {
        return Ok(Err("the zip archive is damaged or cut short".to_owned()));
    };
    let (count, size, at) = (
        u16_at(&tail, end + 10),
        u64::from(u32_at(&tail, end + 12)),
        u64::from(u32_at(&tail, end + 16)),
    );
    if at == u64::from(u32::MAX) || size > DIRECTORY_BYTES_MAX {
        return Ok(Err(
            "this is a zip archive of more than 4 GiB, or of many files; unpack it, and read what is in it"
                .to_owned(),
        ));
    }
    archive.seek(SeekFrom::Start(at))?;
    let mut directory = Vec::new();
    archive.take(size).read_to_end(&mut directory)?;
    Ok(only_of(entries_of(&directory, usize::from(count))))
}

/// The entries of a directory; `None` if it is damaged.
fn entries_of(mut rest: &[u8], count: usize) -> Option<Vec<ZipEntry>> {
    let mut entries = Vec::new();
    for _ in 0..count {
        let lengths = [28, 30, 32].map(|at| usize::from(u16_at(rest, at)));
        let name = rest.get(46..46 + lengths[0])?;
        if !rest.starts_with(b"PK\x01\x02") {
            return None;
        }
        entries.push(ZipEntry {
            name: String::from_utf8_lossy(name).into_owned(),
            flags: u16_at(rest, 8),
            member: ZipMember {
                header_at: u64::from(u32_at(rest, 42)),
                packed: u64::from(u32_at(rest, 20)),
                bytes: u64::from(u32_at(rest, 24)),
                checksum: u32_at(rest, 16),
                method: u16_at(rest, 10),
            },
        });
        rest = rest.get(46 + lengths.iter().sum::<usize>()..)?;
    }
    Some(entries)
}

/// The only entry that is a file.
fn only_of(entries: Option<Vec<ZipEntry>>) -> Result<ZipMember, String> {
    let mut files = entries.ok_or("the zip archive is damaged or cut short")?;
    let is_hidden = |name: &str| name.split('/').any(|part| part.starts_with(['_', '.']));
    files.retain(|entry| !entry.name.ends_with('/') && !is_hidden(&entry.name));
    let [entry] = &files[..] else {
        let names: Vec<&str> = files.iter().map(|entry| entry.name.as_str()).collect();
        let shown = names[..names.len().min(NAMES_SHOWN)].join("\", \"");
        return Err(match names.len() {
            0 => "there is no file in this zip archive".to_owned(),
            count => format!(
                "there are {count} files in this zip archive, and nothing tells which is meant: \"{shown}\"{}; unpack it, and name one",
                if count > NAMES_SHOWN { ", …" } else { "" }
            ),
        });
    };
    let is_large = [entry.member.packed, entry.member.bytes].contains(&u64::from(u32::MAX));
    match entry.member.method {
        _ if entry.flags & 1 == 1 => Err(format!(
            "\"{}\" in this zip archive is encrypted; unpack it, and read that",
            entry.name
        )),
        0 | 8 if !is_large => Ok(entry.member),
        _ => Err(format!(
            "\"{}\" in this zip archive is longer than 4 GiB, or packed by another method than deflate; \
             unpack it, and read that",
            entry.name
        )),
    }
}

impl ZipMember {
    /// The text of the member, of an archive that is read from its beginning.
    ///
    /// # Errors
    /// If the archive cannot be read to where the member lies.
    pub(super) fn text(
        self,
        mut archive: impl Read + Send + 'static,
    ) -> io::Result<Box<dyn Read + Send>> {
        // Read and not sought: the digest of the file needs every byte.
        io::copy(&mut (&mut archive).take(self.header_at), &mut io::sink())?;
        let mut header = [0; 30];
        archive.read_exact(&mut header)?;
        if !header.starts_with(b"PK\x03\x04") {
            return Err(io::Error::other(
                "the directory of the archive points elsewhere",
            ));
        }
        // Its own name and extra field may be as long as they like.
        let skipped = u64::from(u16_at(&header, 26)) + u64::from(u16_at(&header, 28));
        io::copy(&mut (&mut archive).take(skipped), &mut io::sink())?;
        let packed = archive.take(self.packed);
        let text: Box<dyn Read + Send> = match self.method {
            0 => Box::new(packed),
            _ => Box::new(flate2::read::DeflateDecoder::new(packed)),
        };
        Ok(Box::new(Checked {
            text,
            crc: flate2::Crc::new(),
            bytes: 0,
            member: self,
        }))
    }
}

/// A text whose length and checksum are compared at its end.
struct Checked {
    text: Box<dyn Read + Send>,
    crc: flate2::Crc,
    bytes: u64,
    member: ZipMember,
}

impl Read for Checked {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.text.read(into)?;
        self.crc.update(&into[..read]);
        self.bytes += count64(read);
        let is_whole = self.bytes == self.member.bytes && self.crc.sum() == self.member.checksum;
        if read == 0 && !into.is_empty() && !is_whole {
            return Err(io::Error::other("its length or its checksum is another"));
        }
        Ok(read)
    }
}
