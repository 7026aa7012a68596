//! One file of input: its format, its text, its digest.
//!
//! **In / Out**: an [`InputFile`] → its format, told by content and name; a reader of its text,
//! decompressed; a digest for the manifest. **Cost**: text that was read to its end was digested
//! on the way, and is not read again.

use std::fs::{self, File};
use std::hash::Hasher;
use std::io::{self, BufRead, BufReader, Read};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, OnceLock};

use twox_hash::XxHash64;

use crate::catalog::foreign;
use crate::catalog::foreign::HEAD_BYTES;
use crate::catalog::null_words::NullWords;
use crate::catalog::paths::missing_or_io;
use crate::error::{Error, Result};
use crate::ids::{Day, count64};
use crate::job::{Format, Source};
use crate::store::local;
use crate::store::local::DigestOf;

/// How a text file is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Compression {
    /// Not at all.
    None,
    /// gzip, one or several members.
    Gzip,
    /// Zstandard.
    Zstd,
}

/// What a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Detected {
    pub(crate) format: Format,
    /// How it is compressed.
    pub(crate) compression: Compression,
    /// Whether its text alone tells that it has no rows. Of Parquet the footer does.
    pub(crate) is_empty: bool,
}

impl Detected {
    /// A file that may have rows.
    fn new(format: Format, compression: Compression) -> Detected {
        Detected {
            format,
            compression,
            is_empty: false,
        }
    }
}

/// Bytes of text that tell what a file is.
const TEXT_HEAD_BYTES: u64 = 1 << 16;

/// The beginning of a text.
#[derive(Debug, Default)]
struct Head {
    bytes: Vec<u8>,
    /// Whether the text ends behind them.
    is_end: bool,
}

impl Head {
    /// Whether there is nothing but white space.
    fn is_blank(&self) -> bool {
        self.is_end && self.bytes.trim_ascii().is_empty()
    }

    /// Whether there is nothing but an empty array, or the header of a table.
    fn has_no_rows(&self, format: Format) -> bool {
        match (self.is_end, format) {
            (true, Format::Json) => {
                let inner = self.bytes.trim_ascii().strip_prefix(b"[");
                let inner = inner.and_then(|of| of.strip_suffix(b"]"));
                inner.is_some_and(|of| of.trim_ascii().is_empty())
            }
            (true, Format::Csv) => self.is_header(),
            _ => false,
        }
    }

    /// Whether there is one line of CSV, and it is a header: it ends as a line does, or it may have
    /// been cut, and no field of it is like a value. A row of a log has a time, if nothing else.
    fn is_header(&self) -> bool {
        let Ok(text) = std::str::from_utf8(&self.bytes) else {
            return false;
        };
        let line = text.trim_end_matches(['\r', '\n']);
        let is_line = line.len() < text.len() && !line.contains(['\r', '\n']);
        let is_value = |field: &str| {
            let field = field.trim_matches([' ', '"']);
            field.starts_with(|of: char| of.is_ascii_digit() || "+-[{.".contains(of))
        };
        is_line && line.matches('"').count() % 2 == 0 && !line.split(',').any(is_value)
    }
}

/// A file of a source.
#[derive(Clone, Debug)]
pub(crate) struct InputFile {
    pub(crate) source: Source,
    pub(crate) path: PathBuf,
    /// Its name in messages: the path as the user gave it.
    pub(crate) shown: String,
    /// The day of its `dt=` folder, if it lies in one.
    pub(crate) day: Option<Day>,
    /// Size and digest, once somebody has read it as text to the end; clones share it.
    pub(crate) whole: Arc<OnceLock<(u64, u64)>>,
    /// Texts in it that are null.
    pub(crate) nulls: NullWords,
}

/// The text of a file, while it is read.
pub(crate) struct Text {
    /// The text, decompressed, without a byte order mark.
    pub(crate) source: Box<dyn BufRead + Send>,
    /// Bytes of the file that were read for it.
    pub(crate) bytes_read: Arc<AtomicU64>,
}

impl InputFile {
    /// The file, opened.
    ///
    /// # Errors
    /// If it is not there any more, is no file any more, or may not be read.
    pub(crate) fn open(&self) -> Result<File> {
        local::open(&self.path).map_err(|error| match error.raw_os_error() {
            Some(_) => missing_or_io(&self.path, error),
            None => self.fault("expected a file; it is none any more"),
        })
    }

    /// A fault of the whole file.
    pub(crate) fn fault(&self, what: impl Into<String>) -> Error {
        Error::bad_file(self.shown.clone(), what)
    }

    /// What the file is: as the user says, else by content, else by name. A CSV without a name that tells
    /// is one whose header has the column `telling`.
    ///
    /// # Errors
    /// If neither tells, or it is of a format that is not read.
    pub(crate) fn detect(&self, told: Option<Format>, telling: &str) -> Result<Detected> {
        let mut head = Vec::new();
        let read = self
            .open()?
            .take(count64(HEAD_BYTES))
            .read_to_end(&mut head);
        read.map_err(|error| self.io(error))?;
        if head.starts_with(b"PAR1") && matches!(told, None | Some(Format::Parquet)) {
            return Ok(Detected::new(Format::Parquet, Compression::None));
        }
        foreign::refuse(self, &head, Compression::None)?;
        let compression = match head[..] {
            [0x1f, 0x8b, ..] => Compression::Gzip,
            // Some writers put a frame that is skipped before the others.
            [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Compression::Zstd,
            _ => Compression::None,
        };
        let head = self.head(compression)?;
        if compression != Compression::None {
            foreign::refuse(self, &head.bytes, compression)?;
        }
        let told = told.or_else(|| self.format_of(telling, &head.bytes));
        if head.is_blank() {
            let format = told.unwrap_or(Format::Ndjson);
            return Ok(Detected {
                is_empty: true,
                ..Detected::new(format, compression)
            });
        }
        match told {
            Some(Format::Parquet) if compression != Compression::None => {
                Err(self.fault("Parquet is not read through gzip or zstd; unpack it first"))
            }
            Some(format) => Ok(Detected {
                is_empty: head.has_no_rows(format),
                ..Detected::new(format, compression)
            }),
            None => Err(self.fault(foreign::unknown(&self.path))),
        }
    }

    /// The beginning of the text: its first stretch that is not blank, if one is not.
    fn head(&self, compression: Compression) -> Result<Head> {
        // What is digested here is not what is read later.
        let own = InputFile {
            whole: Arc::default(),
            ..self.clone()
        };
        let mut text = own.text(compression)?.source;
        loop {
            let mut head = Head::default();
            let read = (&mut text)
                .take(TEXT_HEAD_BYTES)
                .read_to_end(&mut head.bytes);
            read.map_err(|error| self.broken(&error))?;
            head.is_end = count64(head.bytes.len()) < TEXT_HEAD_BYTES;
            if head.is_end || !head.bytes.trim_ascii().is_empty() {
                return Ok(head);
            }
        }
    }

    /// The format of text that starts with `head`.
    fn format_of(&self, telling: &str, head: &[u8]) -> Option<Format> {
        let name = self
            .path
            .file_name()?
            .to_string_lossy()
            .to_ascii_lowercase();
        let name = name.trim_end_matches(".gz").trim_end_matches(".zst");
        let ending = name.rsplit_once('.').map_or("", |(_, ending)| ending);
        match head.iter().find(|byte| !byte.is_ascii_whitespace()) {
            Some(b'{') => return Some(Format::Ndjson),
            Some(b'[') => return Some(Format::Json),
            _ => {}
        }
        match ending {
            "parquet" => return Some(Format::Parquet),
            "csv" => return Some(Format::Csv),
            "ndjson" | "jsonl" => return Some(Format::Ndjson),
            "json" if head.is_empty() => return Some(Format::Json),
            _ => {}
        }
        // A header that names the customers' column, or another that its source must have.
        let header = head.split(|byte| *byte == b'\n').next()?;
        let header = std::str::from_utf8(header).ok()?;
        let names = header
            .trim_end()
            .split(',')
            .map(|name| name.trim_matches('"'));
        names
            .into_iter()
            .any(|name| name == telling)
            .then_some(Format::Csv)
    }

    /// The text of the file.
    ///
    /// # Errors
    /// If the file cannot be opened or its first bytes cannot be decompressed.
    pub(crate) fn text(&self, compression: Compression) -> Result<Text> {
        let bytes_read = Arc::new(AtomicU64::new(0));
        let file = Watched {
            file: self.open()?,
            hasher: XxHash64::with_seed(0),
            bytes_read: Arc::clone(&bytes_read),
            whole: Arc::clone(&self.whole),
        };
        let raw: Box<dyn Read + Send> = match compression {
            Compression::None => Box::new(file),
            Compression::Gzip => Box::new(flate2::read::MultiGzDecoder::new(file)),
            Compression::Zstd => {
                Box::new(zstd::Decoder::new(file).map_err(|error| self.io(error))?)
            }
        };
        let raw = Expanding {
            raw,
            bytes_read: Arc::clone(&bytes_read),
            bytes: 0,
        };
        let mut text = BufReader::with_capacity(1 << 18, raw);
        let head = text.fill_buf().map_err(|error| self.broken(&error))?;
        if head.starts_with(b"\xef\xbb\xbf") {
            text.consume(3);
        }
        let source = Box::new(text);
        Ok(Text { source, bytes_read })
    }

    /// A failed read of the file.
    pub(crate) fn io(&self, error: io::Error) -> Error {
        Error::io("read", &self.path, error)
    }

    /// A failed read of text: the disk's fault if it has a number, else the content's.
    pub(crate) fn broken(&self, error: &io::Error) -> Error {
        match error.raw_os_error() {
            Some(code) => self.io(io::Error::from_raw_os_error(code)),
            None => self.fault(format!(
                "the compressed text is damaged or cut short: {error}"
            )),
        }
    }

    /// Size in bytes and a digest: of the footer of Parquet, which names all the rest, and of the
    /// whole of anything else.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub(crate) fn digest(&self, format: Format) -> Result<(u64, u64)> {
        if let Some(whole) = self.whole.get().filter(|_| format != Format::Parquet) {
            return Ok(*whole);
        }
        let of = match format {
            Format::Parquet => DigestOf::Footer,
            _ => DigestOf::File,
        };
        local::digest(self.open()?, of).map_err(|error| self.io(error))
    }

    /// Size in bytes; 0 if the file is gone, which opening it will report.
    pub(crate) fn size(&self) -> u64 {
        fs::metadata(&self.path).map_or(0, |metadata| metadata.len())
    }
}

/// A file that is digested as it is read.
struct Watched {
    file: File,
    /// The digest so far.
    hasher: XxHash64,
    /// Bytes read so far.
    bytes_read: Arc<AtomicU64>,
    /// Where size and digest go when the end is reached.
    whole: Arc<OnceLock<(u64, u64)>>,
}

impl Read for Watched {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(into)?;
        self.hasher.write(&into[..read]);
        let before = self.bytes_read.fetch_add(count64(read), Relaxed);
        if read == 0 && !into.is_empty() {
            self.whole.get_or_init(|| (before, self.hasher.finish()));
        }
        Ok(read)
    }
}

/// Bytes of text that need no explanation.
const TEXT_BYTES_FREE: u64 = 1 << 26;
/// How many times its size in the file a longer text may have. Logs have ten; what only looks like
/// a compressed text has thousands, and would keep us busy for hours.
const EXPANSION_MAX: u64 = 1000;

/// A text that may grow while it is decompressed, but not without end.
struct Expanding<R> {
    raw: R,
    /// Bytes of the file that were read for it.
    bytes_read: Arc<AtomicU64>,
    /// Bytes of it so far.
    bytes: u64,
}

impl<R: Read> Read for Expanding<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.raw.read(into)?;
        self.bytes += count64(read);
        let most = self.bytes_read.load(Relaxed).saturating_mul(EXPANSION_MAX);
        match self.bytes <= most.max(TEXT_BYTES_FREE) {
            true => Ok(read),
            false => Err(io::Error::other("it becomes more than 1000 times as long")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_alone_has_no_rows_but_a_row_alone_is_no_header() {
        let is_empty = |text: &str, format| {
            let head = Head {
                bytes: text.into(),
                is_end: true,
            };
            head.has_no_rows(format)
        };
        for text in ["a,b\n", "a\r\n", "\"a,b\",c\n\n", "\"\"\n", "customer_id\n"] {
            assert!(is_empty(text, Format::Csv), "{text:?}");
        }
        for text in [
            // A row of a file without a header.
            "1,2\n",
            "a,\"2025-08-15\"\n",
            "a,-1\n",
            "a,[{}]\n",
            // One that may have been cut.
            "a,b",
            "a,b\n1,2\n",
            "a,b\r1",
            "\"a,b\n",
        ] {
            assert!(!is_empty(text, Format::Csv), "{text:?}");
        }
        assert!(is_empty(" [\n]\n", Format::Json));
        for text in ["[{}]", "[", "]", "{}", "[[]]"] {
            assert!(!is_empty(text, Format::Json), "{text:?}");
        }
        assert!(!is_empty("[]", Format::Ndjson));
    }
}
