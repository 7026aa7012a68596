//! The header of a CSV file: what separates fields, and where the wanted columns are.
//!
//! **In / Out**: the beginning of a text, the wanted columns, what the user says of the source → a
//! [`CsvLayout`]. **Invariants**: a delimiter is taken only if it alone gives the wanted columns. A row is never
//! taken for a header, nor a header for a row, as far as the first line shows it.

use std::io::{BufRead, Read};

use super::END;
use super::first::{FirstRecord, delimiter_word, rules_of};
use crate::catalog::input::InputFile;
use crate::catalog::text_head::{DELIMITERS, header_name};
use crate::error::{Error, Result};
use crate::ids::count64;
use crate::scan::mismatch::quoted;
use crate::scan::missing_column::missing_column;
use crate::scan::text::columns::{WantedColumn, missing_of};
use crate::scan::text::record::CsvLayout;

/// The longest header, in bytes, with what stands before it.
const HEADER_BYTES_MAX: usize = 1 << 20;
/// How many bytes are looked at for a header, before more are: each of the usual delimiters is tried on all of them.
const HEAD_BYTES: [usize; 3] = [1 << 12, 1 << 16, HEADER_BYTES_MAX];

/// Reads the header of a CSV file.
///
/// # Errors
/// If there is none, it lacks a required column, or several delimiters could be meant.
pub(crate) fn csv_layout(
    file: &InputFile,
    mut text: impl BufRead,
    columns: &[WantedColumn<'_>],
) -> Result<CsvLayout> {
    let mut head = Vec::new();
    for bytes_max in HEAD_BYTES {
        let more = count64(bytes_max - head.len());
        let read = (&mut text).take(more).read_to_end(&mut head);
        read.map_err(|error| file.broken(&error))?;
        let is_end = head.len() < bytes_max;
        if let Some(layout) = (HeaderReader { file, columns }).layout(&head, is_end)? {
            return Ok(layout);
        }
    }
    // A quote that is never closed would make one header of the whole file.
    Err(file.fault("its header is longer than 1 MiB"))
}

/// Reads the header of a file.
struct HeaderReader<'r> {
    file: &'r InputFile,
    columns: &'r [WantedColumn<'r>],
}

impl HeaderReader<'_> {
    /// The layout, by the beginning of the text; `None` if it takes more of it.
    fn layout(&self, head: &[u8], is_end: bool) -> Result<Option<CsvLayout>> {
        let settings = &*self.file.settings;
        let (lead, own_delimiter) = self.lead(head);
        let delimiters: Vec<String> = match (&settings.delimiter, own_delimiter) {
            (Some(told), _) => vec![told.as_str().to_owned()],
            (None, Some(own)) => vec![own],
            (None, None) => DELIMITERS.map(str::to_owned).to_vec(),
        };
        let mut records = Vec::new();
        for delimiter in &delimiters {
            let rules = rules_of(settings, delimiter);
            let record = FirstRecord::read(&head[lead..], rules);
            records.push(record.map_err(|error| self.file.broken(&error))?);
        }
        // What is cut off may go on.
        if !is_end && records.iter().any(|record| record.is_last) {
            return Ok(None);
        }
        let (record, names) = match &settings.header {
            Some(given) => (self.row_of(records, given.names())?, given.names().to_vec()),
            None => {
                let record = self.header_of(records)?;
                let names = record.names();
                (record, names)
            }
        };
        let is_given = settings.header.is_some();
        let places = self.places(&names)?;
        if let Some(name) = self.missing(&places) {
            return Err(missing_column(self.file, name, &quoted(&names.join(","))));
        }
        if !is_given {
            self.check_names(&record, &names, &places)?;
        }
        let rules = record.rules;
        Ok(Some(CsvLayout {
            delimiter: rules.separator(),
            lead_bytes: count64(lead),
            rules: Some(rules).filter(|rules| !rules.are_plain()),
            is_given,
            source_name: self.file.source.name().to_owned(),
            fields_count: names.len(),
            places,
            header_bytes: if is_given { 0 } else { record.bytes },
            ..CsvLayout::default()
        }))
    }

    /// The bytes before the header, and the delimiter that Excel's line `sep=;` names.
    fn lead(&self, head: &[u8]) -> (usize, Option<String>) {
        let settings = &*self.file.settings;
        let (mut at, mut delimiter) = (0, None);
        let line_at = |at: usize| {
            let rest = &head[at..];
            let end = rest.iter().position(|byte| matches!(byte, b'\n' | b'\r'));
            end.map(|end| (&rest[..end], at + end + 1))
        };
        if let Some((line, next)) = line_at(0)
            && let Some(told) = line.strip_prefix(b"sep=")
            && let Ok(told) = std::str::from_utf8(told)
            && told.chars().count() == 1
            && !told.contains('"')
        {
            (at, delimiter) = (next, Some(told.to_owned()));
        }
        if settings.comment.is_some() || settings.header.is_some() {
            return (at, delimiter);
        }
        while let Some((line, next)) = line_at(at)
            && (line.is_empty() || line.starts_with(b"#"))
            && !self.is_header(line)
        {
            at = next;
        }
        (at, delimiter)
    }

    /// Whether a line of comment is a header all the same.
    fn is_header(&self, line: &[u8]) -> bool {
        let line = String::from_utf8_lossy(line);
        let told = self.file.settings.delimiter.iter();
        let mut delimiters = DELIMITERS.into_iter().chain(told.map(|told| told.as_str()));
        delimiters.any(|delimiter| {
            let names: Vec<String> = line
                .split(delimiter)
                .map(|name| header_name(name).to_owned())
                .collect();
            let places = self.places(&names).unwrap_or_default();
            places.iter().any(Option::is_some) && self.missing(&places).is_none()
        })
    }

    /// The first record by the delimiter that is meant, of a file with a header.
    fn header_of(&self, mut records: Vec<FirstRecord>) -> Result<FirstRecord> {
        let is_end = |record: &FirstRecord| &record.fields[0] == END;
        if records.iter().any(is_end) {
            return Err(self.file.fault("it has no header"));
        }
        let is_open = |record: &FirstRecord| {
            let mut fields = record.fields.iter();
            fields.any(|field| field.trim_ascii_end().ends_with(END))
        };
        // With another delimiter a quote may stand elsewhere than at the beginning of a field.
        if is_open(&records[0]) {
            return Err(self.file.fault("a quote in its header never ends"));
        }
        records.retain(|record| !is_open(record));
        // Faults such as a name that comes twice are found again in the record that is taken.
        let found = |record: &FirstRecord| {
            let names = record.names();
            let places = self.places(&names);
            places.map_or((true, 1), |places| {
                let count = places.iter().flatten().count();
                (self.missing(&places).is_none(), count)
            })
        };
        let all: Vec<(bool, usize)> = records.iter().map(found).collect();
        let (is_whole, count) = all.iter().copied().max().unwrap_or_default();
        let mut best: Vec<usize> = (0..records.len())
            .filter(|at| all[*at] == (is_whole, count))
            .collect();
        if count == 0 || best.iter().all(|at| records[*at].fields.len() == 1) {
            // The first of those with the most fields.
            best.sort_by_key(|at| std::cmp::Reverse(records[*at].fields.len()));
            best.truncate(1);
        }
        let [at] = best[..] else {
            return Err(self.ambiguous(&records, &best));
        };
        let record = records.swap_remove(at);
        match record.fields[0].first() {
            _ if is_whole || count > 0 => Ok(record),
            Some(b'{') => Err(self.json(&record, "ndjson")),
            Some(b'[') => Err(self.json(&record, "json")),
            _ if record.has_values() => Err(self.no_header(&record)),
            _ => Ok(record),
        }
    }

    /// The first record by the delimiter that is meant, of a file whose columns are given.
    fn row_of(&self, mut records: Vec<FirstRecord>, given: &[String]) -> Result<FirstRecord> {
        let lower = |names: &[String]| -> Vec<String> {
            names
                .iter()
                .map(|name| name.trim().to_lowercase())
                .collect()
        };
        if let Some(record) = records
            .iter()
            .find(|record| lower(&record.names()) == lower(given))
        {
            let (name, what) = (self.file.source.name(), record.shown());
            return Err(self.file.fault(format!(
                "its first line is the header that {name}.header gives, {what}: leave {name}.header out"
            )));
        }
        let fits: Vec<usize> = (0..records.len())
            .filter(|at| records[*at].fields.len() == given.len())
            .collect();
        match fits[..] {
            [at] => Ok(records.swap_remove(at)),
            // A row of another length is a bad row.
            [] if records[0].fields.len() > 1 || records.len() == 1 => Ok(records.swap_remove(0)),
            [] => Err(self.file.fault(format!(
                "expected {} fields, as in the header that is given, found {}; --source {}.delimiter=';' \
                 says what separates them",
                given.len(),
                records[0].shown(),
                self.file.source.name()
            ))),
            _ if given.len() == 1 => Ok(records.swap_remove(0)),
            _ => Err(self.ambiguous(&records, &fits)),
        }
    }

    /// The error of a first line that several delimiters split well.
    fn ambiguous(&self, records: &[FirstRecord], fits: &[usize]) -> Error {
        let words: Vec<String> = fits
            .iter()
            .map(|at| delimiter_word(&String::from_utf8_lossy(&records[*at].rules.delimiter)))
            .collect();
        self.file.fault(format!(
            "its first line {} has the columns by several delimiters: {}; say which is meant: --source \
             {}.delimiter={}",
            records[fits[0]].shown(),
            words.join(", "),
            self.file.source.name(),
            words[0]
        ))
    }

    /// The error of JSON that is read as CSV.
    fn json(&self, record: &FirstRecord, format: &str) -> Error {
        self.file.fault(format!(
            "it is read as CSV, and its first line is JSON, {}; --source {}.format={format} reads it",
            record.shown(),
            self.file.source.name()
        ))
    }

    /// The error of a file whose first line is a row.
    fn no_header(&self, record: &FirstRecord) -> Error {
        self.file.fault(format!(
            "it has no header: its first line is {}; {}, with a name for each, says what its columns are",
            record.shown(),
            record.header_flag(self.file.source.name())
        ))
    }

    /// The first required column that is missing together with its replacement.
    fn missing(&self, places: &[Option<usize>]) -> Option<&str> {
        missing_of(self.columns, |at| places[at].is_some())
    }

    /// The places of the wanted columns in a header: by exact name, else by the only name that differs in case
    /// alone.
    fn places(&self, names: &[String]) -> Result<Vec<Option<usize>>> {
        let is_wanted = |name: &str| self.columns.iter().any(|column| column.name == name);
        let place = |column: &WantedColumn<'_>| {
            // A name that comes twice matters only if the column is wanted.
            let mut same = (0..names.len()).filter(|at| names[*at] == column.name);
            if let Some(first) = same.next() {
                return match same.next() {
                    None => Ok(Some(first)),
                    Some(_) => Err(self
                        .file
                        .fault(format!("the header names column \"{}\" twice", column.name))),
                };
            }
            let wanted = column.name.to_lowercase();
            let mut alike = (0..names.len())
                .filter(|at| names[*at].to_lowercase() == wanted && !is_wanted(&names[*at]));
            match (alike.next(), alike.next()) {
                (Some(first), Some(second)) => Err(self.file.fault(format!(
                    "the columns \"{}\" and \"{}\" differ in case alone, and neither is \"{}\"; give the \
                     name of one as it is there",
                    names[first], names[second], column.name
                ))),
                (place, _) => Ok(place),
            }
        };
        self.columns.iter().map(place).collect()
    }

    /// Refuses a header whose wanted columns are called by values: it is a row whose fields were taken for names.
    fn check_names(
        &self,
        record: &FirstRecord,
        names: &[String],
        places: &[Option<usize>],
    ) -> Result<()> {
        let wanted: Vec<&str> = places
            .iter()
            .flatten()
            .map(|at| names[*at].as_str())
            .collect();
        let is_number = |name: &&&str| {
            let is_digit = |byte: u8| byte.is_ascii_digit() || b"+-.:TZ ".contains(&byte);
            name.bytes().all(is_digit) && name.bytes().any(|byte| byte.is_ascii_digit())
        };
        let numbers = wanted.iter().filter(is_number).count();
        // Programs number columns that have no names.
        let counts_from = |first: usize| {
            let mut names = names.iter().enumerate();
            names.all(|(at, name)| *name == (first + at).to_string())
        };
        if numbers < 2 || numbers * 2 < wanted.len() || counts_from(0) || counts_from(1) {
            return Ok(());
        }
        let source = self.file.source.name();
        Err(self.file.fault(format!(
            "its first line {} is a row, and values of it are given as names of columns; {}, with a name for \
             each, says what its columns are, and --columns {source}.NAME=COLUMN which is which",
            record.shown(),
            record.header_flag(source)
        )))
    }
}
