//! CSV files written anew in another layout, which must not matter: another delimiter, no header, comments, quotes
//! behind backslashes, names in upper case, blanks, UTF-16, compression.

use std::fs;
use std::io::Write;
use std::path::Path;

use hitherto::{Settings, Source, source_setting};

use crate::support::Numbers;

/// How the CSV of one source is written.
struct CsvLayout {
    delimiter: &'static str,
    quirks: Vec<Quirk>,
    compression: &'static str,
}

/// What else is unusual about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Quirk {
    NoHeader,
    Comments,
    /// Quotes are behind backslashes.
    Backslashes,
    /// Around names.
    Blanks,
    /// Names are in upper case.
    Upper,
    Utf16,
}

/// Each quirk, with one in how many files has it.
const QUIRKS: [(Quirk, u64); 6] = [
    (Quirk::NoHeader, 3),
    (Quirk::Comments, 3),
    (Quirk::Backslashes, 2),
    (Quirk::Blanks, 3),
    (Quirk::Upper, 3),
    (Quirk::Utf16, 4),
];

/// Writes the CSV of each source of a folder anew, and adds what a reader has to be told.
pub(crate) fn relaid(settings: &mut Settings, numbers: &mut Numbers) {
    let dir = settings.dir.clone().expect("a folder of all sources");
    for source in settings.sources() {
        let folder = dir.join(source.folder());
        let Ok(entries) = fs::read_dir(&folder) else {
            continue;
        };
        let mut layout = CsvLayout {
            delimiter: numbers.pick(&[",", "\t", ";", "|", "::", "~"]),
            quirks: {
                let some = QUIRKS.iter().filter(|(_, share)| numbers.once_in(*share));
                some.map(|(quirk, _)| *quirk).collect()
            },
            compression: numbers.pick(&["", "", "gz", "bz2", "zst"]),
        };
        let mut paths: Vec<_> = entries
            .map(|entry| entry.expect("an entry").path())
            .filter(|path| path.extension().is_some_and(|of| of == "csv"))
            .collect();
        paths.sort();
        let mut headers: Vec<Vec<String>> = paths.iter().map(|path| names_in(path)).collect();
        headers.dedup();
        // A header that is given is that of all files.
        if headers.len() > 1 {
            layout.quirks.retain(|quirk| *quirk != Quirk::NoHeader);
        }
        paths.iter().for_each(|path| layout.rewrite(path));
        if let Some(header) = headers.first() {
            layout.tell(settings, source, header);
        }
    }
}

/// The records of a CSV file, with its header.
fn records_of(path: &Path) -> Vec<csv::StringRecord> {
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .from_path(path)
        .expect("a file");
    let records = reader.records();
    records.map(|record| record.expect("text")).collect()
}

/// The names of the columns of a CSV file.
fn names_in(path: &Path) -> Vec<String> {
    records_of(path)[0].iter().map(str::to_owned).collect()
}

impl CsvLayout {
    /// Whether it has a quirk.
    fn has(&self, quirk: Quirk) -> bool {
        self.quirks.contains(&quirk)
    }

    /// Writes a file anew.
    fn rewrite(&self, path: &Path) {
        let records = records_of(path);
        let mut text = String::new();
        for (at, record) in records.iter().enumerate() {
            let is_header = at == 0;
            if is_header && self.has(Quirk::NoHeader) {
                continue;
            }
            if self.has(Quirk::Comments) {
                text += "# a comment, \"; of :: one | line\n";
            }
            let fields = record.iter().map(|field| self.field(field, is_header));
            text += &(fields.collect::<Vec<_>>().join(self.delimiter) + "\n");
        }
        let mut bytes = text.clone().into_bytes();
        if self.has(Quirk::Utf16) && !text.is_empty() {
            let text = format!("\u{feff}{text}");
            bytes = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        }
        fs::write(path, self.compressed(bytes)).expect("a file");
    }

    /// A field, in quotes if it needs them.
    fn field(&self, field: &str, is_header: bool) -> String {
        let upper = field.to_uppercase();
        let field = if is_header && self.has(Quirk::Upper) {
            &upper
        } else {
            field
        };
        // Blanks around a text id would be a part of it.
        if is_header && self.has(Quirk::Blanks) && self.delimiter != "\t" {
            return format!(" {field} ");
        }
        if !field.contains(['"', '\\', '\n', ',']) && !field.contains(self.delimiter) {
            return field.to_owned();
        }
        let inner = if self.has(Quirk::Backslashes) {
            field.replace('\\', "\\\\").replace('"', "\\\"")
        } else {
            field.replace('"', "\"\"")
        };
        format!("\"{inner}\"")
    }

    /// Bytes as a file has them.
    fn compressed(&self, bytes: Vec<u8>) -> Vec<u8> {
        match self.compression {
            "gz" => {
                let mut gzip =
                    flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
                gzip.write_all(&bytes).expect("in memory");
                gzip.finish().expect("in memory")
            }
            "bz2" => {
                let mut bzip2 =
                    bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
                bzip2.write_all(&bytes).expect("in memory");
                bzip2.finish().expect("in memory")
            }
            "zst" => zstd::encode_all(&bytes[..], 1).expect("in memory"),
            _ => bytes,
        }
    }

    /// Adds the settings that a file of this layout needs.
    fn tell(&self, settings: &mut Settings, source: Source, header: &[String]) {
        let mut told = Vec::new();
        if self.delimiter == "~" || self.has(Quirk::NoHeader) {
            told.push(format!("delimiter={}", self.delimiter));
        }
        if self.has(Quirk::NoHeader) {
            told.push(format!("header={}", header.join(",")));
        }
        if self.has(Quirk::Comments) {
            told.push("comment=#".to_owned());
        }
        if self.has(Quirk::Backslashes) {
            told.push("escape=\\".to_owned());
        }
        for one in told {
            let (source, own) =
                source_setting(&format!("{}.{one}", source.name())).expect("a setting");
            settings.add_source_settings(source, &own);
        }
    }
}
