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

use crate::error::{Error, Result};
use crate::ids::{Day, count64};
use crate::job::{Format, Job, Source};
use crate::regular::{self, DigestOf};
use crate::scan::files::missing_or_io;
use crate::scan::nulls::NullWords;

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

/// A file of a source.
#[derive(Clone, Debug)]
pub(crate) struct InputFile {
    /// What it holds.
    pub(crate) source: Source,
    /// Where it is.
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
        regular::open(&self.path).map_err(|error| match error.raw_os_error() {
            Some(_) => missing_or_io(&self.path, error),
            None => self.fault("expected a file; it is none any more"),
        })
    }

    /// A fault of the whole file.
    pub(crate) fn fault(&self, what: impl Into<String>) -> Error {
        Error::bad_file(self.shown.clone(), what)
    }

    /// The format and compression: as the user says, else by content, else by name.
    ///
    /// # Errors
    /// If neither tells.
    pub(crate) fn detect(&self, job: &Job) -> Result<(Format, Compression)> {
        let mut file = self.open()?;
        let mut head = [0; 4];
        let read = read_up_to(&mut file, &mut head).map_err(|error| self.io(error))?;
        if head == *b"PAR1" && matches!(job.format, None | Some(Format::Parquet)) {
            return Ok((Format::Parquet, Compression::None));
        }
        let compression = match head {
            [0x1f, 0x8b, ..] if read >= 2 => Compression::Gzip,
            [0x28, 0xb5, 0x2f, 0xfd] => Compression::Zstd,
            _ => Compression::None,
        };
        let name = self.path.to_string_lossy().to_ascii_lowercase();
        if read == 0 && (name.ends_with(".gz") || name.ends_with(".zst")) {
            return Err(self.fault("it is empty, and not even compressed"));
        }
        if let Some(format) = job.format {
            return Ok((format, compression));
        }
        let mut text = self.text(compression)?;
        let head = text.source.fill_buf();
        let head = head.map_err(|error| self.broken(&error))?;
        match self.format_of(job, head) {
            Some(Format::Parquet) if compression != Compression::None => {
                Err(self.fault("Parquet is not read through gzip or zstd; unpack it first"))
            }
            Some(format) => Ok((format, compression)),
            None => Err(self.fault(
                "neither its content nor its name tells its format; \
                 --format parquet|csv|ndjson|json says so",
            )),
        }
    }

    /// The format of text that starts with `head`.
    fn format_of(&self, job: &Job, head: &[u8]) -> Option<Format> {
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
        let telling = self.source.telling_column(job.question);
        let telling = job.column(self.source, telling);
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
        regular::digest(self.open()?, of).map_err(|error| self.io(error))
    }

    /// Size in bytes; 0 if the file is gone, which opening it will report.
    pub(crate) fn size(&self) -> u64 {
        fs::metadata(&self.path).map_or(0, |metadata| metadata.len())
    }
}

/// A file that is digested as it is read.
struct Watched {
    /// The file.
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
    /// The text.
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

/// Reads until the buffer is full or the file ends.
fn read_up_to(file: &mut File, buffer: &mut [u8]) -> io::Result<u64> {
    let mut read = 0;
    while read < buffer.len() {
        match file.read(&mut buffer[read..])? {
            0 => break,
            more => read += more,
        }
    }
    Ok(count64(read))
}
