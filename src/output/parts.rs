//! Row groups into parts: one open file per day that is being written.

use std::path::PathBuf;

use super::plan::{DayRows, GroupPlan};
use crate::encode::{Encoder, FileWriter, RowGroup};
use crate::error::Result;
use crate::publish::{Part, PartFile, Staging, day_folder, write_error};

/// Puts row groups into parts. The row groups of a day come in order; days may take turns.
pub(super) struct PartWriter<'a> {
    /// Knows the schema.
    encoder: &'a Encoder<'a>,
    /// Knows the folders.
    staging: &'a Staging,
    /// The part of each day that is being written.
    open: Vec<Option<OpenPart>>,
    /// The finished parts of each day.
    parts: Vec<Vec<Part>>,
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
    /// A writer of some days.
    pub(super) fn new(
        encoder: &'a Encoder<'a>,
        staging: &'a Staging,
        days: usize,
    ) -> PartWriter<'a> {
        PartWriter {
            encoder,
            staging,
            open: (0..days).map(|_| None).collect(),
            parts: vec![Vec::new(); days],
        }
    }

    /// Appends a row group to its part, and finishes the part behind its last one.
    ///
    /// # Errors
    /// If the part cannot be made or written.
    pub(super) fn append(
        &mut self,
        day: &DayRows,
        group: &GroupPlan,
        encoded: RowGroup,
    ) -> Result<()> {
        let slot = &mut self.open[group.day];
        if slot.is_none() {
            let path = self
                .staging
                .file_in(&day_folder(day.day), &part_name(group.part))?;
            let file = PartFile::create(&path)?;
            let writer = self.encoder.file(file.clone());
            *slot = Some(OpenPart {
                number: group.part,
                writer: writer.map_err(|error| write_error(&path, error))?,
                path,
                file,
                rows: 0,
                row_groups: 0,
            });
        }
        let open = slot.as_mut().expect("a part was just opened");
        debug_assert_eq!(open.number, group.part);
        if encoded.rows() > 0 {
            open.rows += encoded.rows();
            open.row_groups += 1;
            let appended = open.writer.append(encoded);
            appended.map_err(|error| write_error(&open.path, error))?;
        }
        if group.ends_part {
            let open = slot.take().expect("a part is open");
            self.parts[group.day].push(open.close()?);
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
