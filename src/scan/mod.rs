//! Files to typed rows, each validated.
//!
//! In reading order: `spec` is what readers need of a job. `text` reads records of text,
//! `columnar` batches of Parquet, by `parquet`, and of Arrow IPC. `mismatch` and `bad_rows` say what is wrong
//! with a row and what becomes of it, `whole_column` whether its whole column is wrong, `missing_column` that a file lacks one.
//! `time_columns`, `statistics`, `units` and `time_kinds` check times beyond single rows. `item_ids` numbers
//! texts. `values` reads values in other spellings than the usual ones. `table` reads any table; `impressions` and `actions` are the readers of
//! `sequences`, `features` those of `features`, `events` that of `dwell`. `pruning` decides which row
//! groups of actions are read, and when.
//!
//! **Invariants**: later stages see no file, no null, and no id that is not an id.

pub(crate) mod actions;
pub(crate) mod bad_rows;
mod columnar;
pub(crate) mod events;
pub(crate) mod features;
pub(crate) mod impressions;
pub(crate) mod item_ids;
pub(crate) mod mismatch;
mod missing_column;
pub(crate) mod parquet;
pub(crate) mod pruning;
pub(crate) mod some_files;
pub(crate) mod spec;
pub(crate) mod statistics;
pub(crate) mod table;
#[cfg(test)]
mod tests;
pub(crate) mod text;
pub(crate) mod time_columns;
pub(crate) mod time_kinds;
pub(crate) mod units;
pub(crate) mod values;
pub(crate) mod whole_column;

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use crate::catalog::compression::Compression;
use crate::catalog::input::InputFile;
use crate::error::{Error, Result};
use crate::ids::{count64, index64};
use crate::job::{Format, Source};
use crate::scan::parquet::ParquetFile;
use crate::scan::spec::ReadSpec;
use crate::scan::text::shared_file::SharedFile;

/// The error by which a callback ends a read that has found what it looks for; it is never reported.
fn seen_enough() -> Error {
    Error::settings("seen enough")
}

/// A file of a known format, with its schema if it is Parquet or Arrow IPC.
#[derive(Clone, Debug)]
pub(crate) enum Opened {
    /// A file of columns.
    Parquet(Arc<ParquetFile>),
    /// A text file.
    Text(Arc<InputFile>, Format, Compression),
    /// A file without rows, which may lack columns.
    Empty(Arc<InputFile>, Format),
}

/// A unit of reading for one thread.
#[derive(Clone, Debug)]
pub(crate) struct Task {
    pub(crate) opened: Opened,
    /// The row group, or the number of the task among those that share a text file.
    pub(crate) row_group: usize,
    /// The rows of the row group that are read; of a text file nothing.
    pub(crate) rows: Range<u64>,
    /// The text file, shared by its tasks.
    pub(crate) shared: Arc<SharedFile>,
    /// Steps of progress: rows, or bytes of a text file.
    pub(crate) steps: u64,
}

/// Some rows of a row group, one after the other.
#[derive(Clone, Copy, Debug)]
pub(crate) struct GroupRows {
    /// The row group.
    pub(crate) group: usize,
    /// The first of the rows, 0 for that of the row group.
    pub(crate) start: u64,
    /// One more than the last.
    pub(crate) end: u64,
}

impl GroupRows {
    /// All rows of a row group that has so many.
    pub(crate) fn whole(group: usize, rows: u64) -> GroupRows {
        GroupRows {
            group,
            start: 0,
            end: rows,
        }
    }

    /// How many.
    pub(crate) fn count(self) -> u64 {
        self.end - self.start
    }

    /// The same without so many at the start.
    pub(crate) fn from(self, rows: u64) -> GroupRows {
        GroupRows {
            start: self.start + rows,
            ..self
        }
    }
}

impl Task {
    /// The rows, if the file is one of columns.
    pub(crate) fn group_rows(&self) -> GroupRows {
        GroupRows {
            group: self.row_group,
            start: self.rows.start,
            end: self.rows.end,
        }
    }

    /// The task in up to `count` pieces of about so many rows or more; whole, if nothing else can be read of its file.
    pub(crate) fn pieces(&self, count: u64, rows_min: u64) -> Vec<Task> {
        let rows = self.group_rows();
        let count = count.min(rows.count() / rows_min);
        let Opened::Parquet(file) = &self.opened else {
            return vec![self.clone()];
        };
        if count < 2 || !file.can_skip() {
            return vec![self.clone()];
        }
        let each = rows.count().div_ceil(count);
        let starts = (rows.start..rows.end).step_by(index64(each));
        let pieces = starts.map(|start| {
            let end = rows.end.min(start + each);
            Task {
                rows: start..end,
                steps: end - start,
                ..self.clone()
            }
        });
        pieces.collect()
    }

    /// The place of the task in the order of sources, paths and row groups.
    pub(crate) fn order(&self) -> (Source, &Path, usize) {
        let file = self.opened.file();
        (file.source, &file.path, self.row_group)
    }
}

impl Opened {
    /// Opens a file: detects its format, reads its footer.
    ///
    /// # Errors
    /// If it cannot be read, or its format is unknown.
    pub(crate) fn open(spec: &ReadSpec<'_>, file: &InputFile) -> Result<Opened> {
        let telling = spec.column(file.source, file.source.telling_column(spec.job_kind));
        let detected = file.detect(spec.of_source(file.source).format, telling)?;
        let (format, own) = (detected.format, || Arc::new(file.clone()));
        if detected.is_empty {
            // Before any column is looked for: a file of nothing may lack them all.
            return Ok(Opened::Empty(own(), format));
        }
        if !matches!(format, Format::Parquet | Format::Arrow) {
            return Ok(Opened::Text(own(), format, detected.compression));
        }
        let parquet = ParquetFile::open(file, format)?.with_names(&spec.names_of(file.source));
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
            Opened::Parquet(columnar) => columnar.format(),
            Opened::Text(_, format, _) | Opened::Empty(_, format) => *format,
        }
    }

    /// The format and compression of a text file.
    ///
    /// # Panics
    /// If it is a file of columns, or has no rows.
    pub(crate) fn text_format(&self) -> (Format, Compression) {
        match self {
            Opened::Parquet(_) => panic!("a file of columns is not read as text"),
            Opened::Empty(..) => panic!("a file without rows is not read"),
            Opened::Text(_, format, compression) => (*format, *compression),
        }
    }

    /// The number of rows: exact for files of columns, estimated for text at 40 bytes per line, which is short.
    pub(crate) fn rows_about(&self) -> u64 {
        match self {
            Opened::Parquet(parquet) => parquet.rows_count(),
            Opened::Text(file, ..) => file.size() / 40,
            Opened::Empty(..) => 0,
        }
    }

    /// The tasks that read the whole file, in order, with further tasks that share the text if it is long.
    pub(crate) fn shared_tasks(&self, spec: &ReadSpec<'_>) -> Vec<Task> {
        let mut tasks = self.tasks();
        if let Opened::Text(file, Format::Csv | Format::Ndjson, _) = self {
            // Compressed text is about ten times as long. A task that finds no piece costs nothing.
            let pieces = file.size().saturating_mul(10) / count64(spec.text_piece_bytes);
            let pieces = usize::try_from(pieces).unwrap_or(usize::MAX);
            let more = pieces.min(spec.threads);
            // The first task has all steps of the file.
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
        let task = |row_group, steps, rows| Task {
            opened: self.clone(),
            row_group,
            rows: 0..rows,
            shared: Arc::clone(&shared),
            steps,
        };
        match self {
            Opened::Empty(..) => Vec::new(),
            Opened::Text(file, ..) => vec![task(0, file.size(), 0)],
            Opened::Parquet(parquet) => {
                let groups = parquet.row_groups().iter().enumerate();
                // The footer of a row group without rows was not checked.
                let groups = groups.filter(|(_, rows)| **rows > 0);
                groups.map(|(at, rows)| task(at, *rows, *rows)).collect()
            }
        }
    }
}
