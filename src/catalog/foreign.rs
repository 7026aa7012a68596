//! Formats that are not read: what a file is, and a command that converts it.
//!
//! **In / Out**: the path and first bytes of a file, or of its decompressed content → the reason for
//! refusing it, if there is one.
//! **Invariants**: a command works as printed, on the path as the user gave it, and overwrites no file.
//! Bytes that could be text are never taken for another format.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use crate::advice::Hint;
use crate::catalog::compression::{Compression, inner_name};
use crate::catalog::utf16::utf16_mark;
use crate::place::{free, word};

/// How many first bytes tell the format of a file.
pub(crate) const HEAD_BYTES: usize = 512;

/// How to convert a file into a format that is read.
#[derive(Clone, Copy, Debug)]
enum Remedy {
    /// A command that decompresses `{from}` in place, to `{to}`; one that decompresses it to standard
    /// output; and the extension that the first removes.
    Unpack(&'static str, &'static str, &'static str),
    /// A command that unpacks `{from}` into the folder `{to}`.
    Folder(&'static str),
    /// Python code that converts its first argument to Parquet at its second.
    Python(&'static str),
    /// The encoding of the text, as `iconv` names it.
    Encoding(&'static str),
    /// A sentence with a command on `{from}`.
    Words(&'static str),
}

/// A format that is not read.
#[derive(Clone, Copy, Debug)]
struct ForeignFormat {
    /// Where the magic bytes stand.
    offset: usize,
    /// The magic bytes, in which the case of letters does not matter.
    magic: &'static [u8],
    /// What a message calls it.
    name: &'static str,
    remedy: Remedy,
}

impl ForeignFormat {
    /// A format with these magic bytes at an offset.
    const fn new(
        offset: usize,
        magic: &'static [u8],
        name: &'static str,
        remedy: Remedy,
    ) -> ForeignFormat {
        ForeignFormat {
            offset,
            magic,
            name,
            remedy,
        }
    }

    /// Whether a file begins as this format does.
    fn matches(&self, head: &[u8]) -> bool {
        let bytes = head.get(self.offset..self.offset + self.magic.len());
        bytes.is_some_and(|bytes| bytes.eq_ignore_ascii_case(self.magic))
    }
}

/// Converts a spreadsheet to CSV.
const SHEET: Remedy = Remedy::Words(
    "`soffice --headless --convert-to csv {from}` makes CSV of its first sheet, in the current folder: \
     read that in its place",
);
/// Converts a file of the first version of Feather to Parquet.
const FEATHER: Remedy = Remedy::Python(
    "import sys, pyarrow.feather as f, pyarrow.parquet as p; \
     p.write_table(f.read_table(sys.argv[1]), sys.argv[2])",
);
/// Unpacks a tar archive.
const TAR: Remedy = Remedy::Folder("mkdir {to} && tar -xf {from} -C {to}");

/// The formats that first bytes tell.
const FORMATS: [ForeignFormat; 18] = [
    ForeignFormat::new(
        0,
        b"PK\x05\x06",
        "an empty zip archive",
        Remedy::Words("there is nothing in it: take it away"),
    ),
    ForeignFormat::new(
        0,
        b"\x04\x22\x4d\x18",
        "compressed by lz4",
        Remedy::Unpack("lz4 -d --rm {from} {to}", "lz4 -dc", ".lz4"),
    ),
    ForeignFormat::new(
        0,
        b"\x02\x21\x4c\x18",
        "compressed by lz4",
        Remedy::Unpack("lz4 -d --rm {from} {to}", "lz4 -dc", ".lz4"),
    ),
    ForeignFormat::new(
        0,
        b"\xff\x06\0\0sNaPpY",
        "compressed by snappy",
        Remedy::Unpack("snzip -d {from}", "snzip -dc", ".sz"),
    ),
    ForeignFormat::new(
        0,
        b"\x89LZO\0\r\n\x1a\n",
        "compressed by lzop",
        Remedy::Unpack("lzop -dU {from}", "lzop -dc", ".lzo"),
    ),
    ForeignFormat::new(
        0,
        b"\x1f\x9d",
        "compressed by compress",
        Remedy::Unpack("gzip -d {from}", "gzip -dc", ".Z"),
    ),
    ForeignFormat::new(
        0,
        b"7z\xbc\xaf\x27\x1c",
        "a 7z archive",
        Remedy::Folder("7z x -o{to} {from}"),
    ),
    ForeignFormat::new(
        0,
        b"Rar!\x1a\x07",
        "a rar archive",
        Remedy::Folder("mkdir {to} && unrar x {from} {to}/"),
    ),
    ForeignFormat::new(257, b"ustar", "a tar archive", TAR),
    ForeignFormat::new(
        0,
        b"Obj\x01",
        "Avro",
        Remedy::Python(
            "import sys, polars; polars.read_avro(sys.argv[1]).write_parquet(sys.argv[2])",
        ),
    ),
    ForeignFormat::new(0, b"FEA1\0", "a Feather file of version 1", FEATHER),
    ForeignFormat::new(
        0,
        b"SQLite format 3\0",
        "a database of SQLite",
        Remedy::Words(
            "`sqlite3 -header -csv {from} 'SELECT * FROM TABLE' > TABLE.csv` makes CSV of the table \
             that you name: read that in its place",
        ),
    ),
    ForeignFormat::new(
        8,
        b"DUCK",
        "a database of DuckDB",
        Remedy::Words(
            "`duckdb {from} \"COPY TABLE_NAME TO 'TABLE_NAME.parquet'\"` makes Parquet of the table \
             that you name: read that in its place",
        ),
    ),
    ForeignFormat::new(
        0,
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
        "an old sheet of Excel",
        SHEET,
    ),
    ForeignFormat::new(
        0,
        b"\xff\xfe\0\0",
        "text in UTF-32",
        Remedy::Encoding("UTF-32"),
    ),
    ForeignFormat::new(
        0,
        b"\0\0\xfe\xff",
        "text in UTF-32",
        Remedy::Encoding("UTF-32"),
    ),
    ForeignFormat::new(
        0,
        b"<!DOCTYPE html",
        "a page of HTML",
        Remedy::Words("what made it was probably refused: open it in a browser"),
    ),
    ForeignFormat::new(
        0,
        b"%PDF-",
        "a PDF",
        Remedy::Words("export its tables as CSV, and read these"),
    ),
];

/// The name and the remedy of the format of a file with these first bytes, if it is not read.
fn format_of(head: &[u8], name: &str) -> Option<(&'static str, Remedy)> {
    let format = FORMATS.iter().find(|format| format.matches(head));
    match format.map(|format| (format.name, format.remedy)) {
        // Every other archive of zip is read as what is in it.
        None if head.starts_with(b"PK\x03\x04") && is_sheet(head, name) => {
            Some(("a sheet of Excel", SHEET))
        }
        None if is_orc(head) => Some((
            "ORC",
            Remedy::Python(
                "import sys, pyarrow.orc as o, pyarrow.parquet as p; \
                 p.write_table(o.read_table(sys.argv[1]), sys.argv[2])",
            ),
        )),
        // With a mark it is read. Bytes of UTF-16 may be seen in what compresses them.
        None if utf16_mark(head).is_some() || Compression::detect(head) != Compression::None => {
            None
        }
        None => utf16_of(head).map(|encoding| ("text in UTF-16", Remedy::Encoding(encoding))),
        format => format,
    }
}

/// Whether a zip archive is a spreadsheet.
fn is_sheet(head: &[u8], name: &str) -> bool {
    let parts: &[&[u8]] = &[b"[Content_Types].xml", b"xl/"];
    let holds = |part: &&[u8]| head.windows(part.len()).any(|window| window == *part);
    let ending = name.rsplit_once('.').map_or("", |(_, ending)| ending);
    parts.iter().any(holds) || ["xlsx", "xlsm"].contains(&ending)
}

/// Whether bytes begin with the magic of ORC and are not text.
fn is_orc(head: &[u8]) -> bool {
    head.starts_with(b"ORC") && head.iter().take(64).any(|byte| *byte < b'\t')
}

/// The encoding of a text in UTF-16 without a byte order mark: every other byte of ASCII is 0.
fn utf16_of(head: &[u8]) -> Option<&'static str> {
    let pairs: Vec<[u8; 2]> = head[..head.len().min(64)]
        .chunks_exact(2)
        .map(|pair| [pair[0], pair[1]])
        .collect();
    let zeros = |at: usize| pairs.iter().filter(|pair| pair[at] == 0).count();
    // Not all: the text may have characters beyond ASCII.
    let most = |zeros: usize| pairs.len() >= 2 && zeros * 4 >= pairs.len() * 3;
    match (zeros(0), zeros(1)) {
        (0, odd) if most(odd) => Some("UTF-16LE"),
        (even, 0) if most(even) => Some("UTF-16BE"),
        _ => None,
    }
}

/// Why a file is refused whose content begins with these bytes once it is decompressed: its format,
/// and what converts it. `None` if the format may be one that is read.
pub(crate) fn refusal(path: &Path, head: &[u8], compression: Compression) -> Option<String> {
    let name = path.to_string_lossy().to_ascii_lowercase();
    let name = name.as_str();
    if compression == Compression::None {
        let (format, remedy) = format_of(head, name)?;
        return Some(reason(path, format, remedy));
    }
    let (codec, unpack) = match compression {
        Compression::Zstd => (
            "zstd",
            Remedy::Unpack("zstd -d --rm {from}", "zstd -dc", ".zst"),
        ),
        Compression::Bzip2 => (
            "bzip2",
            Remedy::Unpack("bunzip2 {from}", "bunzip2 -c", ".bz2"),
        ),
        Compression::Xz => ("xz", Remedy::Unpack("xz -d {from}", "xz -dc", ".xz")),
        Compression::Zip => ("zip", Remedy::Folder("unzip -d {to} {from}")),
        _ => ("gzip", Remedy::Unpack("gzip -d {from}", "gzip -dc", ".gz")),
    };
    let format = match format_of(head, inner_name(name)) {
        // `tar` decompresses by itself.
        Some((format, remedy @ Remedy::Folder(_))) if format == "a tar archive" => {
            return Some(reason(path, format, remedy));
        }
        Some((format, _)) => format,
        None if Compression::detect(head) != Compression::None => "compressed once more",
        None if head.starts_with(b"PAR1") => "Parquet",
        None if head.starts_with(b"ARROW1\0\0") || head.starts_with(&[0xff; 4]) => "Arrow IPC",
        None => return None,
    };
    let format = format!("{format}, compressed by {codec}");
    Some(reason(path, &format, unpack))
}

/// The message for a file of unknown format: how to name its format, and how to hide it if it is no
/// log.
pub(crate) fn unknown(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let hidden = free(|at| match at {
        0 => path.with_file_name(format!("_{name}")),
        at => path.with_file_name(format!("_{at}_{name}")),
    });
    format!(
        "neither its content nor its name tells its format; {}; if it is no log, `mv {} {}` hides it from \
         the jobs that read its folder",
        Hint::Format.text(),
        word(&path.to_string_lossy()),
        word_of(&hidden)
    )
}

/// Why a file of a format is not read, and what converts it.
fn reason(path: &Path, format: &str, remedy: Remedy) -> String {
    let advice = advice(path, remedy);
    format!("this is {format}, which is not read; {advice}")
}

/// A sentence with the command that converts a file.
fn advice(path: &Path, remedy: Remedy) -> String {
    let path_text = path.to_string_lossy();
    let from = word(&path_text);
    let command = |command: String, to: &Path| {
        format!(
            "`{command}` makes \"{}\" of it: read that in its place",
            to.display()
        )
    };
    match remedy {
        Remedy::Unpack(in_place, to_stdout, ending) => match path_text.strip_suffix(ending) {
            Some(to) if !Path::new(to).exists() => {
                let filled = in_place.replace("{to}", &word(to)).replace("{from}", &from);
                command(filled, Path::new(to))
            }
            _ => {
                let to = sibling(path, "unpacked");
                command(format!("{to_stdout} {from} > {}", word_of(&to)), &to)
            }
        },
        Remedy::Folder(template) => {
            let to = sibling(path, "unpacked");
            let filled = template.replace("{to}", &word_of(&to));
            command(filled.replace("{from}", &from), &to)
        }
        Remedy::Python(code) => {
            let to = sibling(path, "parquet");
            command(format!("python3 -c '{code}' {from} {}", word_of(&to)), &to)
        }
        Remedy::Encoding(name) => {
            let ending = path.extension().unwrap_or_else(|| OsStr::new("txt"));
            let to = sibling(path, &format!("utf8.{}", ending.to_string_lossy()));
            let to_word = word_of(&to);
            command(format!("iconv -f {name} -t UTF-8 {from} > {to_word}"), &to)
        }
        Remedy::Words(words) => words.replace("{from}", &from),
    }
}

/// A path in the same folder that does not exist yet, with another extension.
fn sibling(path: &Path, ending: &str) -> PathBuf {
    free(|at| match at {
        0 => path.with_extension(ending),
        at => path.with_extension(format!("{at}.{ending}")),
    })
}

/// A path, quoted as one word of a shell.
fn word_of(path: &Path) -> String {
    word(&path.to_string_lossy())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The name of the format of a file with these first bytes.
    fn named(head: &[u8]) -> Option<&'static str> {
        format_of(head, "x").map(|(format, _)| format)
    }

    #[test]
    fn what_could_be_text_is_not_taken_for_something_else() {
        for text in [
            &b"customer_id,item_id\n"[..],
            b"BZh9,x\n",
            b"ORC_ID,x\n",
            b"FEA1,FEA2\n",
            b"Obj,x\n",
            b"{\"a\": 1}\n",
            b"\xef\xbb\xbfcustomer_id\n",
            b"\xff\xfec\0u\0s\0t\0",
            b"a\0b",
            // UTF-16 that Zstandard could not make smaller.
            b"\x28\xb5\x2f\xfd\x00\x48\x21\x02\x00\xff\xfe1\x00;\x00a\x00b\x004\x00;\x002\x000\x002\x005\x00-\x000\x003\x00-\x002",
            b"PK,x\n",
            b"",
            b"\0",
        ] {
            assert_eq!(named(text), None, "{text:?}");
        }
    }

    #[test]
    fn first_bytes_tell_what_a_file_is() {
        let mut tar = vec![0; HEAD_BYTES];
        tar[257..262].copy_from_slice(b"ustar");
        for (head, what) in [
            (&tar[..], "a tar archive"),
            (b"ORC\x0a\x0b\x03\0\0", "ORC"),
            (b"PK\x03\x04\0\0[Content_Types].xml", "a sheet of Excel"),
            (b"c\0u\0s\0t\0", "text in UTF-16"),
            (b"\0c\0u\0s\0t", "text in UTF-16"),
            (b"\xff\xfe\0\0c\0\0\0", "text in UTF-32"),
            (b"<!doctype HTML>", "a page of HTML"),
        ] {
            assert_eq!(named(head), Some(what), "{head:?}");
        }
    }
}
