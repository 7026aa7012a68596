//! Answers to files: the plan of parts and row groups, and the loop that fills them.
//!
//! **In / Out**: [`Found`] → parts by day, manifests, quarantined rows, a [`Report`].
//! **Invariants**: which rows a row group and a part hold depends on the impressions and the
//! settings alone. Row groups are cut at exactly `--row-group-rows` rows of a day, parts at
//! [`plan::PART_ROWS`]. Row groups are encoded on all threads and written in order.

mod order;
mod plan;
mod report;

use std::collections::BTreeMap;
use std::path::PathBuf;

use self::order::in_order;
use self::plan::{DayRows, GroupPlan, plan_day};
pub use self::report::{DayReport, Report, example_part};
use self::report::{
    action_inputs_value, actions_value, counts_value, input_values, inputs_of_day, report,
};
use crate::control::Control;
use crate::encode::{Encoder, FileWriter, ItemColumn, RowGroup, RowTally};
use crate::error::Result;
use crate::ids::{Day, Micros, index};
use crate::job::Job;
use crate::manifest::{self, DayManifest};
use crate::op::sequences::{Histories, HistoryCounts};
use crate::probes::Probes;
use crate::publish::{Part, PartFile, Staging, day_folder, write_error};
use crate::quarantine;
use crate::scan::Opened;
use crate::scan::actions::ActionTally;
use crate::scan::faults::Rejected;
use crate::scan::impressions::DayTally;

/// What was read, before anything is written.
pub(crate) struct Found<I> {
    /// The files that were read, or proven to need no reading, with their formats.
    pub(crate) inputs: Vec<Opened>,
    /// What was found of each day.
    pub(crate) days: BTreeMap<Day, DayTally>,
    /// What was found of each source of actions.
    pub(crate) actions: [ActionTally; 3],
    /// Actions that were kept for sorting: depends on the early stop.
    pub(crate) actions_kept: u64,
    /// Rows set aside, in order.
    pub(crate) rejected: Vec<Rejected>,
    /// The moments to answer for.
    pub(crate) probes: Probes<I>,
    /// The answers, partition by partition.
    pub(crate) histories: Vec<Histories<I>>,
    /// What the histories hold.
    pub(crate) counts: HistoryCounts,
    /// Days that were asked for, and left as the output has them.
    pub(crate) days_skipped: usize,
}

/// Writes everything that was found, and publishes it.
///
/// # Errors
/// If the output cannot be made or written.
pub(crate) fn write<I: ItemColumn>(
    job: &Job,
    control: &Control,
    staging: &Staging,
    found: &Found<I>,
) -> Result<Report> {
    let encoder = Encoder::new(job, found.probes.impressions.has_text_ids())?;
    let days = DayRows::of_all(job, found);
    control.enter(4, days.iter().map(DayRows::rows_count).sum());
    let groups: Vec<GroupPlan> = days
        .iter()
        .enumerate()
        .flat_map(|(at, day)| plan_day(job, at, day))
        .collect();
    let mut writer = DayWriter {
        encoder: &encoder,
        staging,
        open: None,
        parts: Vec::new(),
    };
    writer.parts.resize_with(days.len(), Vec::new);
    let mut tallies = vec![RowTally::default(); days.len()];
    for day in &days {
        staging.make_day(day.day)?;
    }
    let make = |bench: &mut _, at: usize| {
        control.check()?;
        let group = &groups[at];
        let encoded = encoder.encode(bench, &days[group.day].block(job, found, group))?;
        control.charge(encoded.bytes())?;
        Ok(encoded)
    };
    let take = |at: usize, encoded: RowGroup| {
        let group: &GroupPlan = &groups[at];
        let (bytes, rows) = (encoded.bytes(), encoded.rows());
        tallies[group.day].merge(&encoded.tally);
        writer.append(&days[group.day], group, encoded)?;
        control.release(bytes);
        control.count_written(rows);
        Ok(())
    };
    in_order(groups.len(), || encoder.workbench(), make, take)?;
    let parts = writer.finish()?;
    control.enter(5, 0);
    control.check()?;
    publish(job, control, staging, found, (&days, &parts, &tallies))
}

/// Writes manifests and quarantined rows, and puts everything in place.
fn publish<I: ItemColumn>(
    job: &Job,
    control: &Control,
    staging: &Staging,
    found: &Found<I>,
    (days, parts, tallies): (&[DayRows], &[Vec<Part>], &[RowTally]),
) -> Result<Report> {
    quarantine::write(staging, &found.rejected)?;
    let settings = manifest::settings(job, found.probes.impressions.has_text_ids());
    let (inputs, actions) = (input_values(found)?, actions_value(found));
    let action_inputs = action_inputs_value(found, &inputs);
    let names: Vec<Day> = days.iter().map(|day| day.day).collect();
    let duplicates = found.probes.duplicates_count(&names);
    for (at, day) in days.iter().enumerate() {
        let cutoffs = day
            .probes
            .iter()
            .map(|probe| found.probes.cutoffs[index(*probe)]);
        let cutoffs: Option<(Micros, Micros)> = cutoffs.fold(None, |range, cutoff| {
            let (first, last) = range.unwrap_or((cutoff, cutoff));
            Some((cutoff.min(first), cutoff.max(last)))
        });
        let manifest = DayManifest {
            day: day.day,
            settings: &settings,
            inputs: inputs_of_day(found, &inputs, day.day),
            action_inputs: &action_inputs,
            actions: &actions,
            counts: counts_value(job, found, day, &tallies[at], duplicates[at]),
            cutoffs,
            parts: &parts[at],
        };
        staging.finish_day(day.day, &manifest.text())?;
    }
    staging.publish(&names, |folder| manifest::whole(folder, &settings, &inputs))?;
    control.leave();
    Ok(report(job, found, days, parts, tallies))
}

/// Puts row groups into parts.
struct DayWriter<'a> {
    /// Knows the schema.
    encoder: &'a Encoder<'a>,
    /// Knows the folders.
    staging: &'a Staging,
    /// The part that is being written.
    open: Option<OpenPart>,
    /// The finished parts of each day.
    parts: Vec<Vec<Part>>,
}

/// A part that is being written.
struct OpenPart {
    /// Which one: day and part.
    of: (usize, u64),
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

impl DayWriter<'_> {
    /// Appends a row group to its part.
    fn append(&mut self, day: &DayRows, group: &GroupPlan, encoded: RowGroup) -> Result<()> {
        let of = (group.day, group.part);
        if self.open.as_ref().is_none_or(|open| open.of != of) {
            self.close()?;
            let name = part_name(group.part);
            let path = self.staging.file_in(&day_folder(day.day), &name)?;
            let file = PartFile::create(&path)?;
            let writer = self.encoder.file(file.clone());
            self.open = Some(OpenPart {
                of,
                writer: writer.map_err(|error| write_error(&path, error))?,
                path,
                file,
                rows: 0,
                row_groups: 0,
            });
        }
        let open = self.open.as_mut().expect("a part was just opened");
        if encoded.rows() > 0 {
            open.rows += encoded.rows();
            open.row_groups += 1;
            let appended = open.writer.append(encoded);
            appended.map_err(|error| write_error(&open.path, error))?;
        }
        Ok(())
    }

    /// Finishes the part that is being written.
    fn close(&mut self) -> Result<()> {
        let Some(open) = self.open.take() else {
            return Ok(());
        };
        let finished = open.writer.finish();
        finished.map_err(|error| write_error(&open.path, error))?;
        let (bytes, checksum) = open.file.finish()?;
        let (day, part) = open.of;
        let (rows, row_groups) = (open.rows, open.row_groups);
        self.parts[day].push(Part {
            name: part_name(part),
            rows,
            row_groups,
            bytes,
            checksum,
        });
        Ok(())
    }

    /// Finishes the last part; gives all of them.
    fn finish(mut self) -> Result<Vec<Vec<Part>>> {
        self.close()?;
        Ok(self.parts)
    }
}

/// The name of a part.
fn part_name(part: u64) -> String {
    format!("part-{part:05}.parquet")
}
