//! Row groups into parts: one open file per day that is being written.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::time::Instant;

use crate::context::RunContext;
use crate::encode::{FileWriter, RowGroup};
use crate::error::Result;
use crate::failpoint::hit;
use crate::ids::Day;
use crate::job::JobKind;
use crate::output::in_order::{Guard, in_order};
use crate::output::plan::GroupPlace;
use crate::publish::{Part, PartFile, Syncing, Target, day_folder, write_error};

/// Starts a part: the schema and the codec of the job.
pub(super) type Start<'a> =
    dyn Fn(PartFile) -> parquet::errors::Result<FileWriter<PartFile>> + Sync + 'a;

/// Finished parts that are synced at the same time, at most: each has a thread, which waits for the disk.
const SYNCING_MAX: usize = 8;

/// Writes row groups into parts. The row groups of a day come in order; those of several days may
/// alternate.
pub(super) struct PartWriter<'a> {
    target: Target<'a>,
    /// Makes the writer of a part.
    start: &'a Start<'a>,
    /// The folder of each day.
    folders: Vec<String>,
    /// The part of each day that is being written.
    open: Vec<Option<OpenPart>>,
    /// The finished parts of each day.
    parts: Vec<Vec<Part>>,
    /// Those of them that are not known to be synced, in order.
    syncing: VecDeque<Syncing>,
}

/// An encoded row group; `T` are statistics of its rows.
pub(super) struct EncodedGroup<T> {
    pub(super) place: GroupPlace,
    pub(super) group: RowGroup,
    pub(super) stats: T,
}

/// Parts, as they were written.
pub(super) struct PartsWritten<T> {
    /// The parts of each day.
    pub(super) files: Vec<Vec<Part>>,
    /// The statistics of the rows of each day.
    pub(super) stats: Vec<T>,
    /// Microseconds that writing took.
    pub(super) write_us: u64,
}

impl<T> PartsWritten<T> {
    /// The bytes of all parts.
    pub(super) fn bytes(&self) -> u64 {
        self.files.iter().flatten().map(|part| part.bytes).sum()
    }
}

/// How many steps there are, and what stops the others if one fails.
#[derive(Clone, Copy)]
pub(super) struct Steps<'a> {
    pub(super) count: usize,
    /// Stops the steps that wait for others.
    pub(super) guard: Guard<'a>,
}

/// Runs steps on all threads, each of which makes a row group or nothing, and writes the row groups into
/// parts, in order; `merge` adds up the statistics of a day.
///
/// # Errors
/// That of the first step, in order, that fails, or whose row group cannot be written.
pub(super) fn write_parts<S, T: Clone + Default + Send>(
    context: &RunContext,
    mut writer: PartWriter<'_>,
    steps: Steps<'_>,
    tools: impl Fn() -> S + Sync,
    make: impl Fn(&mut S, usize) -> Result<Option<EncodedGroup<T>>> + Sync,
    merge: impl Fn(&mut T, &T) + Sync,
) -> Result<PartsWritten<T>> {
    let mut stats = vec![T::default(); writer.folders.len()];
    let mut write_us = 0;
    let make = |tools: &mut S, step| {
        context.check()?;
        let encoded = make(tools, step)?;
        if let Some(encoded) = &encoded {
            // Only now is its size known. Freed when it is written.
            context.reserve_memory(encoded.group.bytes())?;
        }
        Ok(encoded)
    };
    let take = |_, encoded: Option<EncodedGroup<T>>| {
        let Some(encoded) = encoded else {
            return Ok(());
        };
        let (began, place) = (Instant::now(), encoded.place);
        let (bytes, rows) = (encoded.group.bytes(), encoded.group.rows());
        // In the order of row groups, not of threads.
        merge(&mut stats[place.day], &encoded.stats);
        writer.append(place, encoded.group)?;
        write_us += micros_since(began);
        context.free_memory(bytes);
        context.count_written(rows);
        Ok(())
    };
    let guard = steps.guard;
    in_order(steps.count, tools, guard.make(make), guard.take(take))?;
    Ok(PartsWritten {
        files: writer.finish()?,
        stats,
        write_us,
    })
}

/// A part that is being written.
struct OpenPart {
    number: u64,
    path: PathBuf,
    file: PartFile,
    /// Writes row groups into it.
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
        job_kind: JobKind,
        target: Target<'a>,
        days: impl Iterator<Item = Day>,
        start: &'a Start<'a>,
    ) -> Result<PartWriter<'a>> {
        let mut folders = Vec::new();
        for day in days {
            target.make_day(day)?;
            folders.push(day_folder(job_kind, day));
        }
        Ok(PartWriter {
            target,
            start,
            open: folders.iter().map(|_| None).collect(),
            parts: vec![Vec::new(); folders.len()],
            syncing: VecDeque::new(),
            folders,
        })
    }

    /// Appends a row group to its part, and finishes the part after its last one.
    ///
    /// # Errors
    /// If the part cannot be made or written.
    fn append(&mut self, place: GroupPlace, encoded: RowGroup) -> Result<()> {
        let slot = &mut self.open[place.day];
        if slot.is_none() {
            let folder = &self.folders[place.day];
            let (path, file) = self.target.file(folder, &part_name(place.part), false)?;
            let writer = (self.start)(file.clone());
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
        // The row groups of a day come in order, so an open part is that of the next row group.
        debug_assert_eq!(open.number, place.part);
        // The plan of a day without rows has one empty row group. Its part gets a schema, but no
        // row group.
        if encoded.rows() > 0 {
            open.rows += encoded.rows();
            open.row_groups += 1;
            let appended = open.writer.append(encoded);
            appended.map_err(|error| write_error(&open.path, error))?;
            hit("row group written");
        }
        if place.ends_part {
            let open = slot.take().expect("a part is open");
            let (part, syncing) = open.close()?;
            self.parts[place.day].push(part);
            self.syncing.push_back(syncing);
            if self.syncing.len() > SYNCING_MAX {
                self.syncing.pop_front().map_or(Ok(()), Syncing::wait)?;
            }
        }
        Ok(())
    }

    /// The parts of each day, when all are synced.
    ///
    /// # Errors
    /// If one cannot be synced.
    fn finish(self) -> Result<Vec<Vec<Part>>> {
        debug_assert!(self.open.iter().all(Option::is_none));
        self.syncing.into_iter().try_for_each(Syncing::wait)?;
        Ok(self.parts)
    }
}

impl OpenPart {
    /// Finishes the part, which is synced behind the next ones.
    fn close(self) -> Result<(Part, Syncing)> {
        let finished = self.writer.finish();
        finished.map_err(|error| write_error(&self.path, error))?;
        let (bytes, checksum, syncing) = self.file.finish_behind()?;
        let part = Part {
            name: part_name(self.number),
            rows: self.rows,
            row_groups: self.row_groups,
            bytes,
            checksum,
        };
        Ok((part, syncing))
    }
}

/// Microseconds since a moment.
pub(crate) fn micros_since(began: Instant) -> u64 {
    u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX)
}

/// The number of the part of a name.
pub(crate) fn number_of_part(name: &str) -> Option<u32> {
    let number = name.strip_prefix("part-")?.strip_suffix(".parquet")?;
    number.parse().ok()
}

/// The name of a part.
pub(super) fn part_name(part: u64) -> String {
    format!("part-{part:05}.parquet")
}
