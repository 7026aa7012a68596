//! Impressions and clicks to files, and what was found, as a report and a manifest.
//!
//! **In / Out**: [`FeaturesFound`] and its clicks → parts by day, manifests, quarantined rows, a
//! [`FeaturesReport`]. **Order**: within a day by time, then by the ids of impression, listing and
//! user. **Invariants**: which rows a row group and a part hold depends on the impressions
//! alone; row groups are made on all threads and written in order.

mod answers;
mod rehearse;
mod rows;
mod told;

use std::collections::BTreeMap;

use rayon::slice::ParallelSliceMut;
use serde_json::{Value, json};

use self::answers::Answers;
pub(crate) use self::rehearse::{parts_count, rehearse};
use self::rows::RowMaker;
pub(crate) use self::rows::RowTally;
pub(crate) use self::rows::schema;
use self::told::{clicks_value, counts_value, report};
use super::order::in_order;
use super::parts::{PartWriter, Place};
use super::quality::rejected_value;
use super::report::{DayReport, file_values, inputs_of_day};
use crate::chunk::RowChunk;
use crate::control::{Control, Stage};
use crate::encode::TableEncoder;
use crate::error::Result;
use crate::ids::{Day, Micros, count64, index};
use crate::intern::Ranked;
use crate::job::{Job, Source};
use crate::manifest::{self, DayManifest, RunFiles};
use crate::metrics::{
    self, Gates, Metrics, Reach, SourceDays, UNUSED, feature_counts, missing_days,
};
use crate::op::features::{Click, UserClick};
use crate::op::once::WholeClick;
use crate::partition::Split;
use crate::publish::{Part, Staging, Target, Whole};
use crate::quarantine;
use crate::scan::Opened;
use crate::scan::faults::{Rejected, rejected_of};
use crate::scan::features::FeatureTypes;
use crate::scan::features::clicks::ClickTally;
use crate::scan::features::listings::Listings;
use crate::scan::features::shown::Shown;
use crate::spill::Partitions;
use crate::warnings::{Noticed, Warning, values};

/// Rows of a row group: narrow ones, so more than of `sequences`.
const GROUP_ROWS: usize = 1 << 17;
/// Row groups of a part.
const PART_GROUPS: usize = 8;

/// Partitions of clicks by listing, and by user.
type Both<L, U> = (Partitions<RowChunk<L>>, Partitions<RowChunk<U>>);

/// Clicks by listing, and by user.
pub(crate) enum Dealt {
    /// Every click counts.
    All(Both<Click, UserClick>),
    /// Of those alike in user, listing and time, one.
    Once(Both<WholeClick<false>, WholeClick<true>>),
}

impl Dealt {
    /// The same in fewer partitions, of listings and of users.
    pub(crate) fn coarser(self, [of_listings, of_users]: [Split; 2]) -> Dealt {
        match self {
            Dealt::All((a, b)) => Dealt::All((a.coarser(of_listings), b.coarser(of_users))),
            Dealt::Once((a, b)) => Dealt::Once((a.coarser(of_listings), b.coarser(of_users))),
        }
    }
}

/// An impression to write: when it was, and its row among all that were read.
type Asked = (Micros, u32);

/// What a run of `features` made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FeaturesReport {
    /// The days that were published.
    pub days: Vec<DayReport>,
    /// Rows: one for each impression.
    pub rows: u64,
    /// Of them, followed by a click within the window.
    pub clicked: u64,
    /// Of them, so new that their label may still change.
    pub incomplete: u64,
    /// Of them, of a listing that no file has.
    pub unknown_listings: u64,
    /// Of them, older than their listing.
    pub negative_ages: u64,
    /// Clicks in the files.
    pub clicks: u64,
    /// Of them, without a user.
    pub clicks_without_user: u64,
    /// Clicks on the listings that were shown, which are looked at for repeats.
    pub clicks_on_listings: u64,
    /// Of them, alike another one in user, listing and time, whether they are counted or left out.
    pub repeated_clicks: u64,
    /// Listings in the files.
    pub listings: u64,
    /// Up to when clicks are complete.
    pub data_end: Option<String>,
    /// Rows that were set aside.
    pub rejected: u64,
    /// Files of input.
    pub files: u64,
    /// Days that were asked for, and left as the output has them.
    pub days_skipped: u64,
    /// What a person should look at.
    pub warnings: Vec<Warning>,
}

/// What was read, before anything is answered.
pub(crate) struct FeaturesFound {
    /// The files that were read.
    pub(crate) inputs: Vec<Opened>,
    /// The types of ids.
    pub(crate) types: FeatureTypes,
    /// The impressions.
    pub(crate) shown: Shown,
    /// Which of them are answered, if not all are.
    pub(crate) asked: Vec<bool>,
    /// Their users.
    pub(crate) users: Ranked,
    /// Their listings.
    pub(crate) listing_ids: Ranked,
    /// What is known of these.
    pub(crate) listings: Listings,
    /// Impressions by day.
    pub(crate) days: BTreeMap<Day, u64>,
    /// What was found among the clicks.
    pub(crate) clicks: ClickTally,
    /// Rows set aside, in order.
    pub(crate) rejected: Vec<Rejected>,
    /// Up to when clicks are complete; nothing if there are none.
    pub(crate) data_end: Option<Micros>,
    /// The days that clicks have files of.
    pub(crate) source_days: Vec<SourceDays>,
    /// What must not be so of what is made.
    pub(crate) gates: Gates,
    /// Days that were asked for, and left as the output has them.
    pub(crate) days_skipped: usize,
    /// What was noticed while reading.
    pub(crate) warnings: Vec<Warning>,
}

impl FeaturesFound {
    /// Whether clicks say who clicked. Those that were set aside say nothing.
    fn has_users(&self) -> bool {
        let clicks = self.clicks.clicks - rejected_of(&self.rejected, Source::Clicks);
        clicks == 0 || self.clicks.without_user < clicks
    }
}

/// Rows of one row group, of one day.
struct Group {
    /// Where they go.
    place: Place,
    /// Which of the day's rows they are.
    rows: std::ops::Range<usize>,
}

/// The rows of each day, in the order of the output.
type DayRows = (Day, Vec<Asked>);

/// Parts, as they were made.
struct Made {
    /// The days.
    days: Vec<DayRows>,
    /// The parts of each.
    parts: Vec<Vec<Part>>,
    /// What the rows of each hold.
    tallies: Vec<RowTally>,
    /// Clicks on the listings, and how many of them repeat another one.
    repeats: (u64, u64),
}

/// Answers all impressions, writes them and publishes, unless `notice` refuses what all rows hold, or how
/// many clicks are on their listings and repeat another one.
///
/// # Errors
/// If the output cannot be made or written, or is refused.
pub(crate) fn write(
    (job, control): (&Job, &Control),
    staging: &Staging,
    (found, clicks): (&FeaturesFound, &Dealt),
    notice: impl FnOnce(&RowTally, (u64, u64)) -> Result<Noticed>,
) -> Result<FeaturesReport> {
    // Each is answered twice, as one of a listing and as one of a user, and written once.
    control.enter(Stage::WRITE, count64(found.shown.count() * 3));
    let answers = Answers::new(job, control, found)?;
    answers.find(job, control, found, clicks)?;
    let made = make_parts(job, control, Target::Staging(staging), (found, &answers))?;
    let mut all = RowTally::default();
    made.tallies.iter().for_each(|tally| all.merge(tally));
    let noticed = notice(&all, made.repeats)?;
    control.enter(Stage::PUBLISH, 0);
    control.check()?;
    publish((job, control), staging, found, (&made, &noticed))?;
    control.leave();
    Ok(report(found, &made, (&all, noticed)))
}

/// Makes all parts.
fn make_parts(
    job: &Job,
    control: &Control,
    target: Target<'_>,
    (found, answers): (&FeaturesFound, &Answers),
) -> Result<Made> {
    control.charge(found.days.values().sum::<u64>() * count64(size_of::<Asked>()))?;
    let days = by_day(job, found);
    let encoder = TableEncoder::new(job.codec, schema(job, found.types, found.has_users()))?;
    let maker = RowMaker {
        job,
        found,
        answers,
        data_end: found.data_end,
    };
    let groups: Vec<Group> = days
        .iter()
        .enumerate()
        .flat_map(|(day, (_, rows))| plan(day, rows.len()))
        .collect();
    let mut writer = PartWriter::new(job.question, target, days.iter().map(|(day, _)| *day))?;
    let mut tallies = vec![RowTally::default(); days.len()];
    let make = |(): &mut (), at: usize| {
        control.check()?;
        let group = &groups[at];
        let (day, rows) = &days[group.place.day];
        let made = maker.encode(&encoder, *day, &rows[group.rows.clone()])?;
        control.charge(made.0.bytes())?;
        Ok(made)
    };
    let take = |at: usize, (encoded, tally): (_, RowTally)| {
        let encoded: crate::encode::RowGroup = encoded;
        let (place, bytes) = (groups[at].place, encoded.bytes());
        tallies[place.day].merge(&tally);
        writer.append(place, |file| encoder.file(file), encoded)?;
        control.release(bytes);
        control.count_written(tally.rows);
        Ok(())
    };
    in_order(groups.len(), || (), make, take)?;
    let parts = writer.finish();
    Ok(Made {
        days,
        parts,
        tallies,
        repeats: answers.repeats(),
    })
}

/// The impressions of each day, in the order of the output.
fn by_day(job: &Job, found: &FeaturesFound) -> Vec<DayRows> {
    let shown = &found.shown;
    let mut days: BTreeMap<Day, Vec<Asked>> = BTreeMap::new();
    for (day, count) in &found.days {
        let room = usize::try_from(*count).expect("rows in memory");
        days.insert(*day, Vec::with_capacity(room));
    }
    let rows = (0..).zip(&shown.times);
    for (row, time) in rows.filter(|(row, _)| found.is_asked(*row)) {
        let day = days.get_mut(&job.zone().day_of(*time));
        day.expect("all days are counted").push((*time, row));
    }
    let mut days: Vec<_> = days.into_iter().collect();
    for (_, rows) in &mut days {
        rows.par_sort_unstable_by(|a, b| {
            let contents = |row: u32| {
                let at = index(row);
                (shown.ids.get(row), shown.listings[at], shown.users[at])
            };
            a.0.cmp(&b.0)
                .then_with(|| contents(a.1).cmp(&contents(b.1)))
        });
    }
    days
}

/// The row groups of a day of so many rows.
fn plan(day: usize, rows_count: usize) -> impl Iterator<Item = Group> {
    let groups = rows_count.div_ceil(GROUP_ROWS);
    (0..groups).map(move |group| Group {
        place: Place {
            day,
            part: count64(group / PART_GROUPS),
            ends_part: (group + 1).is_multiple_of(PART_GROUPS) || group + 1 == groups,
        },
        rows: group * GROUP_ROWS..((group + 1) * GROUP_ROWS).min(rows_count),
    })
}

/// Writes manifests and quarantined rows, and puts everything in place.
fn publish(
    (job, control): (&Job, &Control),
    staging: &Staging,
    found: &FeaturesFound,
    (made, noticed): (&Made, &Noticed),
) -> Result<()> {
    let Made {
        days,
        parts,
        tallies,
        ..
    } = made;
    let settings = manifest::feature_settings(job, found.types);
    let clicks = clicks_value(found, made.repeats);
    let metrics = metrics_of(job, found, (days, tallies), (&clicks, noticed));
    // Where all days are left as they are, there is nothing to judge.
    if found.days_skipped == 0 || !metrics.is_empty() {
        found.gates.judge(job.question, &metrics)?;
    }
    let rejected = quarantine::write(staging, &found.rejected)?;
    let run = RunFiles::new(file_values(job, &found.inputs)?, rejected);
    for (at, (((day, rows), parts), tally)) in days.iter().zip(parts).zip(tallies).enumerate() {
        let times = rows
            .first()
            .map(|row| row.0)
            .zip(rows.last().map(|row| row.0));
        let manifest = DayManifest {
            question: job.question,
            day: *day,
            settings: &settings,
            inputs: inputs_of_day(&found.inputs, &run.inputs, *day),
            run: &run,
            actions: &clicks,
            counts: counts_value(job, tally),
            cutoffs: times,
            parts,
        };
        let metrics = metrics[at].day_text(job.question, *day);
        staging.finish_day(*day, &manifest.text(), &metrics)?;
    }
    let days: Vec<Day> = days.iter().map(|(day, _)| *day).collect();
    let whole = Whole {
        manifest: &|folder| manifest::whole(job.question, folder, &settings, &run),
        metrics: &|folder| metrics::whole_in(job.question, folder),
        extends: None,
    };
    staging.publish(control, &days, &whole)
}

/// The metrics of each day.
fn metrics_of(
    job: &Job,
    found: &FeaturesFound,
    (days, tallies): (&[DayRows], &[RowTally]),
    (clicks, noticed): (&Value, &Noticed),
) -> Vec<Metrics> {
    let mut of_run = clicks.clone();
    of_run[UNUSED] = json!(noticed.unused_sources);
    of_run["rejected"] = rejected_value(&found.rejected);
    let reach = Reach::new(job.question, job.cutoff, job.lookback_days);
    let days = days.iter().zip(tallies).map(|((day, _), tally)| Metrics {
        counts: feature_counts(&tally.counts()),
        missing: missing_days(reach, &found.source_days, *day),
        warnings: values(&noticed.warnings),
        run: of_run.clone(),
        ..Metrics::default()
    });
    days.collect()
}
