//! Files to columns: formats, types and names in; typed rows out, judged row by row.
//!
//! In reading order: `spec` is what all of it is told, `files` finds files, but for those of `tables`, `input` opens them, but for those
//! that are `foreign`, `times`, `fields` and `words` read single values, `items` texts of items, `kept`
//! values that are carried through, `nulls` words that are null, `pieces` cuts text, `text`, `csv`,
//! `json`, `shape`, `elements`, `arrays`, `stamps` and `parquet` read records and batches, `shared` lets
//! threads read one text file, `faults` says what becomes of bad rows, `units` whether integers can be
//! times of a unit, `kinds` whether wall times and instants meet, `impressions` and `actions` are the two
//! scan loops of `sequences`, `plan` decides what is read when; `table` reads any other table, and `events`, with `deeds`, those of `dwell`.
//!
//! **Invariants**: nothing after this module sees a file, a null, or an id that is not an id.

pub(crate) mod actions;
pub(crate) mod bad_rows;
mod event_names;
pub(crate) mod events;
pub(crate) mod features;
pub(crate) mod impressions;
pub(crate) mod item_ids;
mod misfits;
pub(crate) mod parquet;
pub(crate) mod pruning;
pub(crate) mod spec;
pub(crate) mod table;
#[cfg(test)]
mod tests;
pub(crate) mod text;
pub(crate) mod time_kinds;
pub(crate) mod units;
mod whole_column;

use std::path::Path;
use std::sync::Arc;

use crate::catalog::compression::Compression;
use crate::catalog::input::InputFile;
use crate::error::{Error, Result};
use crate::ids::{count64, unsigned};
use crate::job::{Format, Source};
use crate::scan::parquet::ParquetFile;
use crate::scan::spec::ReadSpec;
use crate::scan::text::shared_file::Shared;

/// What ends a read that has found what it looks for; nobody is told of it.
fn seen_enough() -> Error {
    Error::settings("seen enough")
}

/// A file whose format is known, and whose footer is read if it has one.
#[derive(Clone, Debug)]
pub(crate) enum Opened {
    /// A Parquet file.
    Parquet(Arc<ParquetFile>),
    /// A text file.
    Text(Arc<InputFile>, Format, Compression),
    /// A file without rows: whatever it lacks, it lacks nothing.
    Empty(Arc<InputFile>, Format),
}

/// What one thread reads at a time.
#[derive(Clone, Debug)]
pub(crate) struct Task {
    pub(crate) opened: Opened,
    /// The row group, or which of the tasks that share a text file.
    pub(crate) row_group: usize,
    /// How far a text file was read by all that share it.
    pub(crate) shared: Arc<Shared>,
    /// Steps of progress: rows, or bytes of a text file.
    pub(crate) steps: u64,
}

impl Task {
    /// The place of the task in the order of sources, paths and row groups.
    pub(crate) fn order(&self) -> (Source, &Path, usize) {
        let file = self.opened.file();
        (file.source, &file.path, self.row_group)
    }
}

impl Opened {
    /// Opens a file: finds its format, reads its footer.
    ///
    /// # Errors
    /// If it cannot be read, or is in no known format.
    pub(crate) fn open(spec: &ReadSpec<'_>, file: &InputFile) -> Result<Opened> {
        let telling = spec.column(file.source, file.source.telling_column(spec.job_kind));
        let detected = file.detect(spec.format, telling)?;
        let (format, own) = (detected.format, || Arc::new(file.clone()));
        if detected.is_empty {
            return Ok(Opened::Empty(own(), format));
        }
        if format != Format::Parquet {
            return Ok(Opened::Text(own(), format, detected.compression));
        }
        let parquet = ParquetFile::open(file)?;
        Ok(match parquet.rows_count() {
            0 => Opened::Empty(own(), format),
            _ => Opened::Parquet(Arc::new(parquet)),
        })
    }

    /// Whether the file has no rows.
    pub(crate) fn is_empty(&self) -> bool {
        matches!(self, Opened::Empty(..))
    }

    /// The file.
    pub(crate) fn file(&self) -> &InputFile {
        match self {
            Opened::Parquet(parquet) => &parquet.file,
            Opened::Text(file, ..) | Opened::Empty(file, _) => file,
        }
    }

    /// The format.
    pub(crate) fn format(&self) -> Format {
        match self {
            Opened::Parquet(_) => Format::Parquet,
            Opened::Text(_, format, _) | Opened::Empty(_, format) => *format,
        }
    }

    /// The format and compression of a text file.
    ///
    /// # Panics
    /// If it is a Parquet file, or has no rows.
    pub(crate) fn text_format(&self) -> (Format, Compression) {
        match self {
            Opened::Parquet(_) => panic!("a Parquet file is not read as text"),
            Opened::Empty(..) => panic!("a file without rows is not read"),
            Opened::Text(_, format, compression) => (*format, *compression),
        }
    }

    /// Rows, about: exactly for Parquet, by size for text, of which a line of 40 bytes is short.
    pub(crate) fn rows_about(&self) -> u64 {
        match self {
            Opened::Parquet(parquet) => parquet.rows_count(),
            Opened::Text(file, ..) => file.size() / 40,
            Opened::Empty(..) => 0,
        }
    }

    /// The tasks that read the whole file, in order; some more that share its text, if it is long.
    pub(crate) fn shared_tasks(&self, spec: &ReadSpec<'_>) -> Vec<Task> {
        let mut tasks = self.tasks();
        if let Opened::Text(file, Format::Csv | Format::Ndjson, _) = self {
            // Text is about a tenth of its size when it is compressed. A task too many is nothing.
            let pieces = file.size().saturating_mul(10) / count64(spec.text_piece_bytes);
            let pieces = usize::try_from(pieces).unwrap_or(usize::MAX);
            let more = pieces.min(spec.threads);
            let shares = (1..more).map(|row_group| Task {
                row_group,
                steps: 0,
                ..tasks[0].clone()
            });
            tasks.extend(shares.collect::<Vec<_>>());
        }
        tasks
    }

    /// The tasks that read the whole file, in order.
    pub(crate) fn tasks(&self) -> Vec<Task> {
        let shared = Arc::default();
        let task = |row_group, steps| Task {
            opened: self.clone(),
            row_group,
            shared: Arc::clone(&shared),
            steps,
        };
        match self {
            Opened::Empty(..) => Vec::new(),
            Opened::Text(file, ..) => vec![task(0, file.size())],
            Opened::Parquet(parquet) => {
                let groups = parquet.row_groups().iter().enumerate();
                let groups = groups.filter(|(_, group)| group.num_rows() > 0);
                groups
                    .map(|(at, group)| task(at, unsigned(group.num_rows())))
                    .collect()
            }
        }
    }
}
