//! Text files to records: what CSV, NDJSON and JSON arrays have in common.
//!
//! **In / Out**: a file and the columns wanted → a call per record, with a [`Field`] per column;
//! of a whole file, or of one piece of it.
//! **Invariants**: records are counted from 1, a CSV header and blank lines of NDJSON not
//! included. A record that cannot be read at all is passed on with what is wrong with it, so
//! that the caller decides; a file that cannot be read on is an error.
//! **Why so**: records are read one by one because arrow's readers stop at the first fault (CSV)
//! or give no row number (JSON).

use std::path::{Path, PathBuf};

use crate::advice::{self, Hint};
use crate::catalog::compression::Compression;
use crate::catalog::input::InputFile;
use crate::catalog::null_words::NullWords;
use crate::error::{Error, ErrorKind, Result};
use crate::job::{DT, Format, JobKind, Source};
use crate::scan::text::blocks::{Piece, PieceReader};
use crate::scan::text::csv::{csv_layout, csv_piece};
use crate::scan::text::field::{Field, Mismatch};
use crate::scan::text::json::{json_records, ndjson_piece};

/// A column to look for in a text file.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TextColumn<'a> {
    /// Its name in the file.
    pub(crate) name: &'a str,
    /// Whether a file without it is at fault.
    pub(crate) required: bool,
    /// A column of the same list that will do in its place.
    pub(crate) instead: Option<&'a str>,
}

impl<'a> TextColumn<'a> {
    /// A column that is required, or not.
    pub(crate) fn new(name: &'a str, required: bool) -> TextColumn<'a> {
        TextColumn {
            name,
            required,
            instead: None,
        }
    }
}

/// The place of a column among some, to which it is added if it is not there; it is required then.
pub(crate) fn place_of<'a>(columns: &mut Vec<TextColumn<'a>>, name: &'a str) -> usize {
    let found = columns.iter().position(|column| column.name == name);
    let at = found.unwrap_or(columns.len());
    match found {
        Some(at) => columns[at].required = true,
        None => columns.push(TextColumn::new(name, true)),
    }
    at
}

/// The name of a required column that is not there, nor another in its place.
pub(crate) fn missing_of<'a>(
    columns: &[TextColumn<'a>],
    is_there: impl Fn(usize) -> bool,
) -> Option<&'a str> {
    let named = |name: &str| (0..columns.len()).any(|at| columns[at].name == name && is_there(at));
    let mut required = columns.iter().filter(|column| column.required);
    let missing = required.find(|of| !named(of.name) && !of.instead.is_some_and(named))?;
    Some(missing.instead.unwrap_or(missing.name))
}

/// One record of a text file.
pub(crate) struct Record<'a> {
    /// Its 1-based number.
    pub(crate) row: u64,
    /// A field per wanted column, or what is wrong with the record as a whole.
    pub(crate) fields: std::result::Result<&'a [Field<'a>], Mismatch>,
    /// The record as it is written.
    pub(crate) text: &'a dyn Fn() -> String,
}

/// What is done with each record.
pub(crate) type OnRecord<'a> = &'a mut dyn FnMut(Record<'_>) -> Result<()>;

/// Calls `on_record` for each record of a file; gives their number.
///
/// # Errors
/// If the file cannot be read, lacks a required column, or `on_record` gives up.
pub(crate) fn records(
    file: &InputFile,
    format: (Format, Compression),
    columns: &[TextColumn<'_>],
    piece_bytes: usize,
    on_record: OnRecord<'_>,
) -> Result<u64> {
    if format.0 == Format::Json {
        let mut cleared = |record: Record<'_>| file.nulls.hand_on(record, on_record);
        return json_records(file, file.text(format.1)?.source, columns, &mut cleared);
    }
    let mut seen = Seen::default();
    let (layout, mut reader) = open(file, format, columns, piece_bytes)?;
    let mut piece = Piece::default();
    while reader.next(file, &mut piece)? {
        let wants = Wanted {
            columns,
            layout: &layout,
        };
        match wants.read(format.0, &piece, &mut seen, on_record) {
            Ok(true) => {}
            Ok(false) => break,
            Err(stop) => return Err(stop.error(file, 0)),
        }
    }
    seen.finish(file, columns)
}

/// Opens a file that is read in pieces.
///
/// # Errors
/// If it cannot be read, or has a header that lacks a required column.
pub(crate) fn open(
    file: &InputFile,
    format: (Format, Compression),
    columns: &[TextColumn<'_>],
    piece_bytes: usize,
) -> Result<(Layout, PieceReader)> {
    let mut layout = match format.0 {
        Format::Csv => csv_layout(file, file.text(format.1)?.source, columns)?,
        _ => Layout::default(),
    };
    layout.nulls = file.nulls.clone();
    let reader = PieceReader::open(file, format, layout.header_bytes, piece_bytes)?;
    Ok((layout, reader))
}

/// Where the columns of a CSV file stand; nothing for other formats.
#[derive(Debug, Default)]
pub(crate) struct Layout {
    /// Fields of a record.
    pub(crate) fields_count: usize,
    /// The field of each wanted column.
    pub(crate) places: Vec<Option<usize>>,
    /// The length of the header.
    pub(crate) header_bytes: u64,
    /// Texts that are null.
    pub(crate) nulls: NullWords,
}

/// What is wanted of a record, and where it stands.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wanted<'a> {
    pub(crate) columns: &'a [TextColumn<'a>],
    pub(crate) layout: &'a Layout,
}

impl Wanted<'_> {
    /// Calls `on_record` for each record of a piece; gives whether to go on.
    ///
    /// # Errors
    /// If `on_record` gives up, or the text was cut short.
    pub(crate) fn read(
        &self,
        format: Format,
        piece: &Piece,
        seen: &mut Seen,
        on_record: OnRecord<'_>,
    ) -> std::result::Result<bool, Stop> {
        let nulls = &self.layout.nulls;
        if !nulls.are_none() {
            let mut cleared = |record: Record<'_>| nulls.hand_on(record, on_record);
            return self.read_records(format, piece, seen, &mut cleared);
        }
        self.read_records(format, piece, seen, on_record)
    }

    /// The same, of records as they are written.
    fn read_records(
        &self,
        format: Format,
        piece: &Piece,
        seen: &mut Seen,
        on_record: OnRecord<'_>,
    ) -> std::result::Result<bool, Stop> {
        match format {
            Format::Csv => csv_piece(self.layout, piece.text(), seen, on_record),
            Format::Ndjson => ndjson_piece(self.columns, piece.text(), seen, on_record),
            Format::Json | Format::Parquet => unreachable!("it has no pieces of text"),
        }
    }
}

/// Why reading ended early. Records are counted from where counting began.
#[derive(Debug)]
pub(crate) enum Stop {
    /// The caller gave up, or the text cannot be read on.
    Error(Error),
    /// The text ends in the middle of this record.
    CutShort(u64),
    /// The text ends inside a quoted field that begins in this record.
    OpenQuote(u64),
}

impl Stop {
    /// The error, given how many records of the file come before those counted.
    pub(crate) fn error(self, file: &InputFile, before: u64) -> Error {
        match self {
            Stop::Error(error) => error.rows_later(before),
            Stop::CutShort(row) => file.fault(format!("it is cut short in row {}", before + row)),
            Stop::OpenQuote(row) => file.fault(format!(
                "it ends inside a quoted field that begins in row {}",
                before + row
            )),
        }
    }
}

/// Records that are looked at after a failure, at most: a moment, so that nobody waits.
const LOOK_ON_MAX: u64 = 100_000;

/// Which columns the records so far had.
///
/// A JSON record that lacks a column fails as a row; if *no* record has it, that is a fault of
/// the file and says more. So after a failure the rest is still looked at, until every required
/// column was seen.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    /// Why the caller gave up, if it did.
    pub(crate) failed: Option<Error>,
    /// Records looked at since.
    looked_on: u64,
    /// The number of records.
    pub(crate) rows: u64,
    /// The columns that some record had, null or not.
    columns: [bool; COLUMNS_MAX],
    /// Records that were objects at all.
    objects: u64,
}

impl Seen {
    /// Passes one JSON record on, or what is no object; gives whether to go on.
    #[inline]
    pub(crate) fn offer(
        &mut self,
        columns: &[TextColumn<'_>],
        fields: std::result::Result<&[Field<'_>], Mismatch>,
        text: &dyn Fn() -> String,
        on_record: OnRecord<'_>,
    ) -> bool {
        if let Ok(fields) = &fields {
            self.objects += 1;
            for (seen, field) in self.columns.iter_mut().zip(*fields) {
                *seen |= !matches!(field, Field::Missing);
            }
        }
        if self.failed.is_none() {
            self.rows += 1;
            let row = self.rows;
            match on_record(Record { row, fields, text }) {
                Ok(()) => return true,
                Err(error) => self.failed = Some(error),
            }
        }
        self.looks_on(columns)
    }

    /// Whether to look at one more record after the failure.
    fn looks_on(&mut self, columns: &[TextColumn<'_>]) -> bool {
        let is_row = |error: &Error| matches!(error.kind(), ErrorKind::BadRow(_));
        let goes_on = self.failed.as_ref().is_some_and(is_row) && self.looked_on < LOOK_ON_MAX;
        self.looked_on += 1;
        goes_on && self.missing(columns).is_some()
    }

    /// Adds what the records of a later piece had.
    pub(crate) fn add(&mut self, later: &Seen) {
        for (seen, more) in self.columns.iter_mut().zip(later.columns) {
            *seen |= more;
        }
        self.rows += later.rows;
        self.objects += later.objects;
    }

    /// A required column that no JSON record had so far.
    pub(crate) fn missing<'c>(&self, columns: &[TextColumn<'c>]) -> Option<&'c str> {
        missing_of(columns, |at| self.columns[at]).filter(|_| self.objects > 0)
    }

    /// The number of records, if none of the required columns was absent from all of them.
    pub(crate) fn finish(self, file: &InputFile, columns: &[TextColumn<'_>]) -> Result<u64> {
        match (self.missing(columns), self.failed) {
            (Some(name), _) => Err(missing_column(file, name, "it in no record")),
            (None, Some(error)) => Err(error),
            (None, None) => Ok(self.rows),
        }
    }
}

/// Columns that are looked for in a source, at most; [`crate::job`] sees to it.
const COLUMNS_MAX: usize = 32;

/// Columns of a source that carries nothing through, at most.
const FEW: usize = 8;

/// The fields of a record, without memory of their own if they are few.
pub(crate) struct FieldRow<'a> {
    few: [Field<'a>; FEW],
    /// All, if they are more.
    many: Vec<Field<'a>>,
    count: usize,
}

impl<'a> FieldRow<'a> {
    /// So many fields, all of them missing.
    #[inline]
    pub(crate) fn new(count: usize) -> FieldRow<'a> {
        FieldRow {
            few: [const { Field::Missing }; FEW],
            many: match count > FEW {
                true => vec![Field::Missing; count],
                false => Vec::new(),
            },
            count,
        }
    }

    /// The fields.
    #[inline]
    pub(crate) fn fields(&mut self) -> &mut [Field<'a>] {
        match self.many.is_empty() {
            true => &mut self.few[..self.count],
            false => &mut self.many,
        }
    }
}

/// A required column that a file does not have.
pub(crate) fn missing_column(file: &InputFile, name: &str, found: &str) -> Error {
    if name == DT && file.source != Source::Impressions {
        let what = "expected a folder dt=YYYY-MM-DD or a column \"dt\"";
        let hint = Hint::AvailableColumn.with(file.source.name());
        return file.fault(format!("{what}, found {found}; {hint}"));
    }
    let what = format!("expected a column \"{name}\", found {found}");
    let mut hints = vec![column_hint(file, name)];
    // Of clicks only `features` wants users, and only for labels that are theirs.
    if (file.source, name) == (Source::Clicks, "user_id") {
        hints.push(Hint::ListingLabels.text().to_owned());
    }
    let hints = hints.join(", ");
    file.fault(advice::placed(
        format!("{what}; {hints}"),
        &file.shown,
        name,
    ))
}

/// Keys of folders by which people tell days.
const DAY_KEYS: [&str; 5] = ["dt", "date", "day", "ds", "year"];

/// What to do about a column that is not there: another name, unless it is that of a folder, or of a
/// field inside a column.
fn column_hint(file: &InputFile, name: &str) -> String {
    let folders = file.path.parent().into_iter().flat_map(Path::components);
    let folders: Vec<String> = folders
        .map(|of| of.as_os_str().to_string_lossy().into_owned())
        .collect();
    let has_key = |folder: &String, key: &str| {
        let value = folder.strip_prefix(key);
        value.is_some_and(|value| value.starts_with('='))
    };
    let tells_day = |folder: &&String| DAY_KEYS.iter().any(|key| has_key(folder, key));
    if let Some(day) = folders.iter().find(tells_day)
        && DAY_KEYS.contains(&name)
    {
        return Hint::RenameFolders.with(day);
    }
    if let Some(at) = folders.iter().position(|folder| has_key(folder, name)) {
        let above: PathBuf = folders[..at].iter().collect();
        let ending = file.path.extension().unwrap_or_default().to_string_lossy();
        let all = above.join(format!("**/*.{ending}"));
        return Hint::FolderKeys.with(&all.to_string_lossy());
    }
    match name.contains('.') {
        true => {
            let hint = Hint::NestedField.with(name);
            hint.replace("{column}", name.rsplit('.').next().unwrap_or(name))
        }
        false if is_ours(file.source, name) => Hint::Columns.with(file.source.name()),
        false => Hint::GivenName.text().to_owned(),
    }
}

/// Whether a column has the name that it has if nobody gives it another.
fn is_ours(source: Source, name: &str) -> bool {
    let all = JobKind::ALL.into_iter();
    all.map(|job_kind| source.columns(job_kind))
        .any(|columns| columns.contains(&name))
}
