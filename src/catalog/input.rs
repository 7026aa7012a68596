//! One input file: its format, its text, its digest.
//!
//! **In / Out**: an [`InputFile`] → its format, by content and name; a reader of its decompressed
//! text; a digest for the manifest. **Cost**: text is digested as it is read, so a file that was read
//! to its end is not read again for its digest.

use std::fs::{self, File};
use std::hash::Hasher;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, OnceLock};

use twox_hash::XxHash64;

use crate::catalog::compression::{Compression, inner_name};
use crate::catalog::foreign::{self, HEAD_BYTES};
use crate::catalog::null_words::NullWords;
use crate::catalog::text_head::{TEXT_HEAD_BYTES, TextHead};
use crate::catalog::utf16::{Utf16Reader, utf16_mark};
use crate::catalog::zip;
use crate::error::{Error, ErrorKind, Result};
use crate::ids::{Day, count64};
use crate::job::{Format, Source, SourceSettings};
use crate::store::local::{self, DigestOf};
use crate::store::spool::Spooled;

/// How many bytes of a text are read at once.
const TEXT_BUFFER_BYTES: usize = 1 << 18;

/// The format of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Detected {
    pub(crate) format: Format,
    pub(crate) compression: Compression,
    /// Whether its first bytes show that it has no rows; always false for Parquet and Arrow IPC, which
    /// tell by themselves.
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

/// A file of a source.
#[derive(Clone, Debug)]
pub(crate) struct InputFile {
    pub(crate) source: Source,
    pub(crate) path: PathBuf,
    /// The path as the user gave it, for messages.
    pub(crate) shown: String,
    /// The day that its path tells, by a `dt=` folder or as the source's settings say.
    pub(crate) day: Option<Day>,
    /// Whether its path says that its rows have no day.
    pub(crate) is_of_no_day: bool,
    /// Size and digest, once the text was read to its end; clones share it.
    pub(crate) whole: Arc<OnceLock<(u64, u64)>>,
    /// Texts that stand for null.
    pub(crate) nulls: NullWords,
    /// How the files of its source are read.
    pub(crate) settings: Arc<SourceSettings>,
    /// The copy that `path` opens, if it came through a pipe.
    pub(crate) spooled: Option<Spooled>,
    /// The number of the shard whose rows it has, if `bucket` made it.
    pub(crate) share: Option<u32>,
}

/// The text of an open file.
pub(crate) struct Text {
    /// The text, decompressed, without a byte order mark.
    pub(crate) source: Box<dyn BufRead + Send>,
    /// Bytes of the file read so far, compressed if the file is.
    pub(crate) bytes_read: Arc<AtomicU64>,
}

impl InputFile {
    /// Opens the file.
    ///
    /// # Errors
    /// If it is gone, is no longer a regular file, or may not be read.
    pub(crate) fn open(&self) -> Result<File> {
        local::open(&self.path).map_err(|error| match error.raw_os_error() {
            Some(_) => missing_or_io(&self.path, error),
            None => self.fault("expected a file; it is none any more"),
        })
    }

    /// The path by which it is sorted: that of a copy differs from run to run.
    pub(super) fn place(&self) -> &Path {
        match self.spooled {
            Some(_) => Path::new(&self.shown),
            None => &self.path,
        }
    }

    /// An error about the whole file.
    pub(crate) fn fault(&self, what: impl Into<String>) -> Error {
        Error::bad_file(self.shown.clone(), what)
    }

    /// Detects the format: as `given` by the user, else by content, else by name. Text that is not named
    /// like CSV is CSV if its header has the column `telling_column`.
    ///
    /// # Errors
    /// If the format is unknown, or is not read.
    pub(crate) fn detect(&self, given: Option<Format>, telling_column: &str) -> Result<Detected> {
        // One call of the system, where a vector that grows takes five.
        let mut head = Vec::with_capacity(HEAD_BYTES);
        let mut opened = self.open()?.take(count64(HEAD_BYTES));
        let read = opened.read_to_end(&mut head);
        read.map_err(|error| self.io(error))?;
        // Text may begin with these letters if the user says that it is text.
        if head.starts_with(b"PAR1") && matches!(given, None | Some(Format::Parquet)) {
            return Ok(Detected::new(Format::Parquet, Compression::None));
        }
        // What begins a stream is no text.
        let is_arrow = head.starts_with(b"ARROW1\0\0") || head.starts_with(&[0xff; 4]);
        match given {
            None | Some(Format::Arrow) if is_arrow => {
                return Ok(Detected::new(Format::Arrow, Compression::None));
            }
            Some(_) if is_arrow => {
                return Err(self.fault("this is Arrow IPC, and the given format is another"));
            }
            _ => {}
        }
        self.refuse_foreign(&head, Compression::None)?;
        let compression = Compression::detect(&head);
        let head = self.head(compression)?;
        // What is inside may be refused as well, such as a tar archive.
        if compression != Compression::None {
            self.refuse_foreign(&head.bytes, compression)?;
        }
        let format = given.or_else(|| self.text_format_of(&head, telling_column));
        // Before an unknown format is refused: a file of nothing needs no format.
        if head.is_blank() {
            let format = format.unwrap_or(Format::Ndjson);
            return Ok(Detected {
                is_empty: true,
                ..Detected::new(format, compression)
            });
        }
        match format {
            Some(format @ (Format::Parquet | Format::Arrow))
                if compression != Compression::None =>
            {
                let format = match format {
                    Format::Parquet => "Parquet",
                    _ => "Arrow IPC",
                };
                // The formats of columns compress by themselves.
                Err(self.fault(format!(
                    "{format} is not read through {}; unpack it first",
                    match compression {
                        Compression::Gzip | Compression::Zstd => "gzip or zstd",
                        other => other.name(),
                    }
                )))
            }
            Some(format) => Ok(Detected {
                is_empty: head.has_no_rows(format, &self.settings),
                ..Detected::new(format, compression)
            }),
            None => Err(self.fault(foreign::unknown(&self.path))),
        }
    }

    /// Refuses a file whose decompressed content begins like a format that is not read.
    fn refuse_foreign(&self, head: &[u8], compression: Compression) -> Result<()> {
        match foreign::refusal(&self.path, head, compression) {
            Some(reason) => Err(self.fault(reason)),
            None => Ok(()),
        }
    }

    /// The first [`TEXT_HEAD_BYTES`] of the text that are not blank, or the last if all are.
    fn head(&self, compression: Compression) -> Result<TextHead> {
        // A digest of its own: reading ends before the file does.
        let own = InputFile {
            whole: Arc::default(),
            ..self.clone()
        };
        let mut text = own.text_start(compression)?;
        loop {
            let mut head = TextHead::default();
            let read = (&mut text)
                .take(TEXT_HEAD_BYTES)
                .read_to_end(&mut head.bytes);
            read.map_err(|error| self.broken(&error))?;
            // `take` gives less than its limit only at the end of the text.
            head.is_end = count64(head.bytes.len()) < TEXT_HEAD_BYTES;
            if head.is_end || !head.bytes.trim_ascii().is_empty() {
                return Ok(head);
            }
        }
    }

    /// The format of text that starts with `head`.
    fn text_format_of(&self, head: &TextHead, telling_column: &str) -> Option<Format> {
        let name = self
            .path
            .file_name()?
            .to_string_lossy()
            .to_ascii_lowercase();
        let ending = inner_name(&name)
            .rsplit_once('.')
            .map_or("", |(_, ending)| ending);
        match head.first_byte() {
            Some(b'{') if head.begins_in_lines() => return Some(Format::Json),
            Some(b'{') => return Some(Format::Ndjson),
            Some(b'[') => return Some(Format::Json),
            _ => {}
        }
        match ending {
            "parquet" => return Some(Format::Parquet),
            "arrow" | "arrows" | "feather" => return Some(Format::Arrow),
            "csv" | "tsv" | "tab" | "psv" | "inter" => return Some(Format::Csv),
            "ndjson" | "jsonl" => return Some(Format::Ndjson),
            // JSON with content was told by its first byte above.
            "json" if head.is_nothing() => return Some(Format::Json),
            _ => {}
        }
        // Text of any kind has these; so has a file without an extension.
        let is_text = ["txt", "dat", "data"].contains(&ending);
        let is_csv = head.names(telling_column, &self.settings)
            || self.settings.header.is_some()
            || (is_text && (self.settings.delimiter.is_some() || head.has_values()));
        is_csv.then_some(Format::Csv)
    }

    /// Opens the text of the file, decompressed and without a byte order mark.
    ///
    /// # Errors
    /// If the file cannot be opened or its first bytes cannot be decompressed.
    pub(crate) fn text(&self, compression: Compression) -> Result<Text> {
        self.text_by(compression, TEXT_BUFFER_BYTES)
    }

    /// The same for a look at its beginning: little more is read than is asked for.
    ///
    /// # Errors
    /// As for [`Self::text`].
    pub(crate) fn text_start(&self, compression: Compression) -> Result<Box<dyn BufRead + Send>> {
        Ok(match compression {
            Compression::None => self.text_by(compression, 1 << 12)?.source,
            // Damage near its beginning is found before any row is read.
            _ => self.text(compression)?.source,
        })
    }

    /// Opens the text of the file, with a buffer of so many bytes.
    fn text_by(&self, compression: Compression, buffer_bytes: usize) -> Result<Text> {
        let bytes_read = Arc::new(AtomicU64::new(0));
        let file = DigestingReader {
            file: self.open()?,
            hasher: XxHash64::with_seed(0),
            bytes_read: Arc::clone(&bytes_read),
            whole: Arc::clone(&self.whole),
        };
        let member = match compression {
            Compression::Zip => Some(self.member()?),
            _ => None,
        };
        let raw = compression.text_of(file, member);
        let raw = raw.map_err(|error| self.broken(&error))?;
        let raw = ExpansionGuard {
            raw,
            bytes_read: Arc::clone(&bytes_read),
            bytes: 0,
        };
        let mut text = BufReader::with_capacity(buffer_bytes, raw);
        let head = text.fill_buf().map_err(|error| self.broken(&error))?;
        // The mark would become a part of the first name or value.
        if head.starts_with(b"\xef\xbb\xbf") {
            text.consume(3);
        }
        let source: Box<dyn BufRead + Send> = match utf16_mark(text.buffer()) {
            None => Box::new(text),
            Some(order) => {
                text.consume(2);
                let text = Utf16Reader::new(text, order);
                Box::new(BufReader::with_capacity(buffer_bytes, text))
            }
        };
        Ok(Text { source, bytes_read })
    }

    /// The only file in a zip archive.
    fn member(&self) -> Result<zip::ZipMember> {
        let member = zip::only_member(&mut self.open()?);
        let member = member.map_err(|error| self.io(error))?;
        member.map_err(|what| self.fault(what))
    }

    /// The error of a failed read.
    pub(crate) fn io(&self, error: io::Error) -> Error {
        Error::io("read", &self.path, error)
    }

    /// The error of a failed read of text: an I/O error if the system gave a code, else damaged content.
    pub(crate) fn broken(&self, error: &io::Error) -> Error {
        match error.raw_os_error() {
            Some(code) => self.io(io::Error::from_raw_os_error(code)),
            // What the text itself holds, compressed or not.
            None if error.kind() == io::ErrorKind::Unsupported => self.fault(error.to_string()),
            None => self.fault(format!(
                "the compressed text is damaged or cut short: {error}"
            )),
        }
    }

    /// Size in bytes and digest: of the footer of Parquet, which describes all the rest, and of the
    /// whole file otherwise.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub(crate) fn digest(&self, format: Format) -> Result<(u64, u64)> {
        if let Some(whole) = self.whole.get().filter(|_| format != Format::Parquet) {
            return Ok(*whole);
        }
        let part = match format {
            Format::Parquet => DigestOf::Footer,
            _ => DigestOf::File,
        };
        local::digest(self.open()?, part).map_err(|error| self.io(error))
    }

    /// Size in bytes; 0 if the file is gone, which the next attempt to open it reports.
    pub(crate) fn size(&self) -> u64 {
        fs::metadata(&self.path).map_or(0, |metadata| metadata.len())
    }
}

/// A file that is digested as it is read.
struct DigestingReader {
    file: File,
    hasher: XxHash64,
    bytes_read: Arc<AtomicU64>,
    /// Receives size and digest at the end of the file.
    whole: Arc<OnceLock<(u64, u64)>>,
}

impl Read for DigestingReader {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(into)?;
        self.hasher.write(&into[..read]);
        let before = self.bytes_read.fetch_add(count64(read), Relaxed);
        // A read into an empty buffer is not the end of the file.
        if read == 0 && !into.is_empty() {
            // A file may be read more than once, and clones share the digest: the first one stays.
            self.whole.get_or_init(|| (before, self.hasher.finish()));
        }
        Ok(read)
    }
}

/// Bytes of decompressed text that any file may have.
const TEXT_BYTES_FREE: u64 = 1 << 26;
/// The highest ratio of longer texts to their compressed size. Logs reach about ten; a decompression
/// bomb has thousands, and would take hours to read.
const EXPANSION_MAX: u64 = 1000;

/// Limits how much longer a text becomes by decompression.
struct ExpansionGuard<R> {
    raw: R,
    /// Compressed bytes read so far.
    bytes_read: Arc<AtomicU64>,
    /// Decompressed bytes so far.
    bytes: u64,
}

impl<R: Read> Read for ExpansionGuard<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.raw.read(into)?;
        self.bytes += count64(read);
        // The decoder reads ahead, which only makes the limit milder.
        let bytes_max = self.bytes_read.load(Relaxed).saturating_mul(EXPANSION_MAX);
        if self.bytes > bytes_max.max(TEXT_BYTES_FREE) {
            return Err(io::Error::other("it becomes more than 1000 times as long"));
        }
        Ok(read)
    }
}

/// The error of a failed access to a path: exit 66 if nothing is there, else 74.
pub(crate) fn missing_or_io(path: &Path, error: io::Error) -> Error {
    if error.kind() == io::ErrorKind::NotFound {
        let what = format!("no such file or folder: \"{}\"", path.display());
        return Error::from(ErrorKind::NoInput { what });
    }
    Error::io("read", path, error)
}
