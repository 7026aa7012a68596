//! Files of formats that are not read: named for what they are, with a command that makes them ones
//! that are.
//!
//! **In / Out**: the first bytes of a file, or of what was compressed in it → nothing, or an error.
//! **Invariants**: a command works as it is printed, on the file as it was named, and writes over
//! nothing. What could be text is never taken for something else.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use crate::advice::Hint;
use crate::catalog::input::{Compression, InputFile};
use crate::error::{Error, Result};
use crate::place::{free, word};

/// First bytes that tell what a file is.
pub(crate) const HEAD_BYTES: usize = 512;

/// What turns a file into one that is read.
#[derive(Clone, Copy, Debug)]
enum Way {
    /// A command that puts the contents at `{to}` in place of `{from}`, the one that prints them, and
    /// the ending that the first takes away.
    Unpack(&'static str, &'static str, &'static str),
    /// A command that fills a folder: `{from}` and `{to}` are filled in.
    Folder(&'static str),
    /// Python that makes Parquet of the first argument at the second.
    Python(&'static str),
    /// An encoding, as `iconv` calls it.
    Encoding(&'static str),
    /// A command on `{from}`, in words.
    Words(&'static str),
}

/// A kind of file that is not read: how it begins, behind how many bytes, what it is, and the way out.
type ForeignFormat = (usize, &'static [u8], &'static str, Way);

/// Makes CSV of a sheet.
const SHEET: Way = Way::Words(
    "`soffice --headless --convert-to csv {from}` makes CSV of its first sheet, in the current folder: \
     read that in its place",
);
/// Makes Parquet of the tables of Arrow.
const FEATHER: Way = Way::Python(
    "import sys, pyarrow.feather as f, pyarrow.parquet as p; \
     p.write_table(f.read_table(sys.argv[1]), sys.argv[2])",
);
/// Fills a folder with what is in a tape archive.
const TAR: Way = Way::Folder("mkdir {to} && tar -xf {from} -C {to}");

/// The kinds that their first bytes tell.
const KINDS: [ForeignFormat; 25] = [
    (
        0,
        b"PK\x03\x04",
        "a zip archive",
        Way::Folder("unzip -d {to} {from}"),
    ),
    (
        0,
        b"PK\x05\x06",
        "an empty zip archive",
        Way::Words("there is nothing in it: take it away"),
    ),
    (
        0,
        b"BZh",
        "compressed by bzip2",
        Way::Unpack("bunzip2 {from}", "bunzip2 -c", ".bz2"),
    ),
    (
        0,
        b"\xfd7zXZ\0",
        "compressed by xz",
        Way::Unpack("xz -d {from}", "xz -dc", ".xz"),
    ),
    (
        0,
        b"\x04\x22\x4d\x18",
        "compressed by lz4",
        Way::Unpack("lz4 -d --rm {from} {to}", "lz4 -dc", ".lz4"),
    ),
    (
        0,
        b"\x02\x21\x4c\x18",
        "compressed by lz4",
        Way::Unpack("lz4 -d --rm {from} {to}", "lz4 -dc", ".lz4"),
    ),
    (
        0,
        b"\xff\x06\0\0sNaPpY",
        "compressed by snappy",
        Way::Unpack("snzip -d {from}", "snzip -dc", ".sz"),
    ),
    (
        0,
        b"\x89LZO\0\r\n\x1a\n",
        "compressed by lzop",
        Way::Unpack("lzop -dU {from}", "lzop -dc", ".lzo"),
    ),
    (
        0,
        b"\x1f\x9d",
        "compressed by compress",
        Way::Unpack("gzip -d {from}", "gzip -dc", ".Z"),
    ),
    (
        0,
        b"7z\xbc\xaf\x27\x1c",
        "a 7z archive",
        Way::Folder("7z x -o{to} {from}"),
    ),
    (
        0,
        b"Rar!\x1a\x07",
        "a rar archive",
        Way::Folder("mkdir {to} && unrar x {from} {to}/"),
    ),
    (257, b"ustar", "a tar archive", TAR),
    (
        0,
        b"Obj\x01",
        "Avro",
        Way::Python("import sys, polars; polars.read_avro(sys.argv[1]).write_parquet(sys.argv[2])"),
    ),
    (
        0,
        b"ARROW1\0\0",
        "an Arrow IPC file, also called Feather",
        FEATHER,
    ),
    (0, b"FEA1\0", "a Feather file", FEATHER),
    (
        0,
        b"\xff\xff\xff\xff",
        "an Arrow IPC stream",
        Way::Python(
            "import sys, pyarrow as a, pyarrow.parquet as p; \
             p.write_table(a.ipc.open_stream(open(sys.argv[1], \"rb\")).read_all(), sys.argv[2])",
        ),
    ),
    (
        0,
        b"SQLite format 3\0",
        "a database of SQLite",
        Way::Words(
            "`sqlite3 -header -csv {from} 'SELECT * FROM TABLE' > TABLE.csv` makes CSV of the table \
             that you name: read that in its place",
        ),
    ),
    (
        8,
        b"DUCK",
        "a database of DuckDB",
        Way::Words(
            "`duckdb {from} \"COPY TABLE_NAME TO 'TABLE_NAME.parquet'\"` makes Parquet of the table \
             that you name: read that in its place",
        ),
    ),
    (
        0,
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
        "an old sheet of Excel",
        SHEET,
    ),
    (
        0,
        b"\xff\xfe\0\0",
        "text in UTF-32",
        Way::Encoding("UTF-32"),
    ),
    (
        0,
        b"\0\0\xfe\xff",
        "text in UTF-32",
        Way::Encoding("UTF-32"),
    ),
    (0, b"\xff\xfe", "text in UTF-16", Way::Encoding("UTF-16")),
    (0, b"\xfe\xff", "text in UTF-16", Way::Encoding("UTF-16")),
    (
        0,
        b"<!DOCTYPE html",
        "a page of HTML",
        Way::Words("what made it was probably refused: open it in a browser"),
    ),
    (
        0,
        b"%PDF-",
        "a PDF",
        Way::Words("export its tables as CSV, and read these"),
    ),
];

/// What a file with these first bytes is, if it is of a format that is not read.
fn kind_of(head: &[u8], name: &str) -> Option<(&'static str, Way)> {
    let begins = |(at, magic, ..): &&ForeignFormat| {
        let found = head.get(*at..at + magic.len());
        found.is_some_and(|found| found.eq_ignore_ascii_case(magic))
    };
    let found = KINDS.iter().find(begins).map(|of| (of.2, of.3));
    match found {
        Some(("a zip archive", _)) if is_sheet(head, name) => Some(("a sheet of Excel", SHEET)),
        // Three letters may begin a text.
        Some(("compressed by bzip2", _)) if !is_bzip2(head) => None,
        None if is_orc(head) => Some((
            "ORC",
            Way::Python(
                "import sys, pyarrow.orc as o, pyarrow.parquet as p; \
                 p.write_table(o.read_table(sys.argv[1]), sys.argv[2])",
            ),
        )),
        None => utf16_of(head).map(|encoding| ("text in UTF-16", Way::Encoding(encoding))),
        found => found,
    }
}

/// Whether a zip archive is a sheet.
fn is_sheet(head: &[u8], name: &str) -> bool {
    let parts: &[&[u8]] = &[b"[Content_Types].xml", b"xl/"];
    let holds = |part: &&[u8]| head.windows(part.len()).any(|window| window == *part);
    let ending = name.rsplit_once('.').map_or("", |(_, ending)| ending);
    parts.iter().any(holds) || ["xlsx", "xlsm"].contains(&ending)
}

/// Whether bytes that begin as bzip2 does go on as it does.
fn is_bzip2(head: &[u8]) -> bool {
    let goes_on = head.get(4..10);
    goes_on.is_some_and(|of| of == b"1AY&SY" || of == b"\x17\x72\x45\x38\x50\x90")
}

/// Whether bytes begin as ORC does, and are no text.
fn is_orc(head: &[u8]) -> bool {
    head.starts_with(b"ORC") && head.iter().take(64).any(|byte| *byte < b'\t')
}

/// The encoding of a text in UTF-16 without a mark: every other byte of column names is 0.
fn utf16_of(head: &[u8]) -> Option<&'static str> {
    let pairs: Vec<[u8; 2]> = head[..head.len().min(64)]
        .chunks_exact(2)
        .map(|pair| [pair[0], pair[1]])
        .collect();
    let zeros = |at: usize| pairs.iter().filter(|pair| pair[at] == 0).count();
    let most = |zeros: usize| pairs.len() >= 2 && zeros * 4 >= pairs.len() * 3;
    match (zeros(0), zeros(1)) {
        (0, odd) if most(odd) => Some("UTF-16LE"),
        (even, 0) if most(even) => Some("UTF-16BE"),
        _ => None,
    }
}

/// Refuses a file that begins with these bytes, or holds text that does, if it is of a format that is
/// not read.
///
/// # Errors
/// If it is: what it is, and what makes a file of it that is read.
pub(crate) fn refuse(file: &InputFile, head: &[u8], compression: Compression) -> Result<()> {
    let name = file.path.to_string_lossy().to_ascii_lowercase();
    let name = name.as_str();
    if compression == Compression::None {
        return match kind_of(head, name) {
            Some((what, way)) => Err(fault(file, what, way)),
            None => Ok(()),
        };
    }
    let (packed, unpack) = match compression {
        Compression::Zstd => (
            "zstd",
            Way::Unpack("zstd -d --rm {from}", "zstd -dc", ".zst"),
        ),
        _ => ("gzip", Way::Unpack("gzip -d {from}", "gzip -dc", ".gz")),
    };
    let inner = name.trim_end_matches(".gz").trim_end_matches(".zst");
    let what = match kind_of(head, inner) {
        Some((what, way @ Way::Folder(_))) if what == "a tar archive" => {
            return Err(fault(file, what, way));
        }
        Some((what, _)) => what,
        None if head.starts_with(b"PAR1") => "Parquet",
        None => return Ok(()),
    };
    Err(fault(
        file,
        &format!("{what}, compressed by {packed}"),
        unpack,
    ))
}

/// What is said of a file of which nothing tells the format: it is a log that has to be named, or it is
/// none, and is passed over by another name.
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

/// The fault of a file that is not read, with the way out.
fn fault(file: &InputFile, what: &str, way: Way) -> Error {
    file.fault(format!(
        "this is {what}, which is not read; {}",
        advice(&file.path, way)
    ))
}

/// What makes a file that is read.
fn advice(path: &Path, way: Way) -> String {
    let shown = path.to_string_lossy();
    let from = word(&shown);
    let command = |command: String, to: &Path| {
        format!(
            "`{command}` makes \"{}\" of it: read that in its place",
            to.display()
        )
    };
    match way {
        Way::Unpack(in_place, printed, ending) => match shown.strip_suffix(ending) {
            Some(to) if !Path::new(to).exists() => {
                let filled = in_place.replace("{to}", &word(to)).replace("{from}", &from);
                command(filled, Path::new(to))
            }
            _ => {
                let to = beside(path, "unpacked");
                command(format!("{printed} {from} > {}", word_of(&to)), &to)
            }
        },
        Way::Folder(template) => {
            let to = beside(path, "unpacked");
            let filled = template.replace("{to}", &word_of(&to));
            command(filled.replace("{from}", &from), &to)
        }
        Way::Python(code) => {
            let to = beside(path, "parquet");
            command(format!("python3 -c '{code}' {from} {}", word_of(&to)), &to)
        }
        Way::Encoding(name) => {
            let ending = path.extension().unwrap_or_else(|| OsStr::new("txt"));
            let to = beside(path, &format!("utf8.{}", ending.to_string_lossy()));
            let to_word = word_of(&to);
            command(format!("iconv -f {name} -t UTF-8 {from} > {to_word}"), &to)
        }
        Way::Words(words) => words.replace("{from}", &from),
    }
}

/// A path beside another that nothing has yet: without its ending, with another.
fn beside(path: &Path, ending: &str) -> PathBuf {
    free(|at| match at {
        0 => path.with_extension(ending),
        at => path.with_extension(format!("{at}.{ending}")),
    })
}

/// A path as a shell takes it for one word.
fn word_of(path: &Path) -> String {
    word(&path.to_string_lossy())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a file of some first bytes is.
    fn named(head: &[u8]) -> Option<&'static str> {
        kind_of(head, "x").map(|(what, _)| what)
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
            b"a\0b",
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
            (b"BZh91AY&SY", "compressed by bzip2"),
            (b"c\0u\0s\0t\0", "text in UTF-16"),
            (b"\0c\0u\0s\0t", "text in UTF-16"),
            (b"\xff\xfec\0", "text in UTF-16"),
            (b"\xff\xfe\0\0c\0\0\0", "text in UTF-32"),
            (b"<!doctype HTML>", "a page of HTML"),
        ] {
            assert_eq!(named(head), Some(what), "{head:?}");
        }
    }
}
