//! Row groups into parts: one open file per day that is being written.

use std::path::PathBuf;

use crate::encode::{FileWriter, RowGroup};
use crate::error::Result;
use crate::failpoint::hit;
use crate::ids::Day;
use crate::job::Question;
use crate::publish::{Part, PartFile, Target, day_folder, write_error};

/// Puts row groups into parts. The row groups of a day come in order; days may take turns.
pub(super) struct PartWriter<'a> {
    /// Where parts go.
    target: Target<'a>,
    /// The folder of each day.
    folders: Vec<String>,
    /// The part of each day that is being written.
    open: Vec<Option<OpenPart>>,
    /// The finished parts of each day.
    parts: Vec<Vec<Part>>,
}

/// Where a row group goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// The day, as an index into the days of the job.
    pub(super) day: usize,
    /// The part of that day.
    pub(super) part: u64,
    /// Whether it is the last of its part.
    pub(super) ends_part: bool,
}

/// A part that is being written.
struct OpenPart {
    /// Its number.
    number: u64,
    /// Its path.
    path: PathBuf,
    /// The file.
    file: PartFile,
    /// Puts row groups into it.
    writer: FileWriter<PartFile>,
    /// Its rows so far.
    rows: u64,
    /// Its row groups so far.
    row_groups: u64,
}

impl<'a> PartWriter<'a> {
    /// A writer of some days, whose folders it makes.
    ///
    /// # Errors
    /// If a folder cannot be made.
    pub(super) fn new(
        question: Question,
        target: Target<'a>,
        days: impl Iterator<Item = Day>,
    ) -> Result<PartWriter<'a>> {
        let mut folders = Vec::new();
        for day in days {
            target.make_day(day)?;
            folders.push(day_folder(question, day));
        }
        Ok(PartWriter {
            target,
            open: folders.iter().map(|_| None).collect(),
            parts: vec![Vec::new(); folders.len()],
            folders,
        })
    }

    /// Appends a row group to its part, which `start` makes a writer for, and finishes the part
    /// behind its last one.
    ///
    /// # Errors
    /// If the part cannot be made or written.
    pub(super) fn append(
        &mut self,
        place: Place,
        start: impl Fn(PartFile) -> parquet::errors::Result<FileWriter<PartFile>>,
        encoded: RowGroup,
    ) -> Result<()> {
        let slot = &mut self.open[place.day];
        if slot.is_none() {
            let folder = &self.folders[place.day];
            let (path, file) = self.target.file(folder, &part_name(place.part), false)?;
            let writer = start(file.clone());
            *slot = Some(OpenPart {
                number: place.part,
                writer: writer.map_err(|error| write_error(&path, error))?,
                path,
                file,
                rows: 0,
                row_groups: 0,
            });
        }
        let open = slot.as_mut().expect("a part was just opened");
        debug_assert_eq!(open.number, place.part);
        if encoded.rows() > 0 {
            open.rows += encoded.rows();
            open.row_groups += 1;
            let appended = open.writer.append(encoded);
            appended.map_err(|error| write_error(&open.path, error))?;
            hit("row group written");
        }
        if place.ends_part {
            let open = slot.take().expect("a part is open");
            self.parts[place.day].push(open.close()?);
        }
        Ok(())
    }

    /// The parts of each day.
    pub(super) fn finish(self) -> Vec<Vec<Part>> {
        debug_assert!(self.open.iter().all(Option::is_none));
        self.parts
    }
}

impl OpenPart {
    /// Finishes the part.
    fn close(self) -> Result<Part> {
        let finished = self.writer.finish();
        finished.map_err(|error| write_error(&self.path, error))?;
        let (bytes, checksum) = self.file.finish()?;
        Ok(Part {
            name: part_name(self.number),
            rows: self.rows,
            row_groups: self.row_groups,
            bytes,
            checksum,
        })
    }
}

/// The name of a part.
pub(super) fn part_name(part: u64) -> String {
    format!("part-{part:05}.parquet")
}
