//! What is read when: pruning by folder and by statistics, and the waves of the early stop.
//!
//! **In / Out**: opened files of actions and the time span of the probes → [`Pruning`]: tasks in waves,
//! newest first. **Invariants**: pruning changes no row, no count and no error: a row group is skipped
//! only if its statistics prove that it has no bad row and nothing to count row by row.
//! **Why so**: a log of a year has far more actions than histories can hold; the newest files alone
//! fill most of them.

use arrow::datatypes::DataType;
use parquet::file::statistics::Statistics;

use crate::calendar::Zone;
use crate::catalog::input::InputFile;
use crate::ids::{Day, Item, Micros};
use crate::job::CustomerType;
use crate::kernel::sweep::is_prior;
use crate::scan::actions::ActionScan;
use crate::scan::spec::ReadSpec;
use crate::scan::statistics::time_bounds;
use crate::scan::table::attributes;
use crate::scan::{Opened, Task};

/// A wave ends at about so many times its least length, even where the times of its tasks overlap with
/// those of the next.
const WAVE_STRETCH: u64 = 8;

/// The time span of the histories of all probes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Span {
    /// The start of the earliest lookback.
    pub(crate) first: Micros,
    /// The latest cutoff.
    pub(crate) last: Micros,
}

/// Tasks of actions, in waves.
#[derive(Debug, Default)]
pub(crate) struct Pruning {
    /// The waves, in order.
    pub(crate) waves: Vec<Wave>,
    /// Row groups that have no action in the span, and are only counted.
    pub(crate) passed: Vec<(Task, StatsProof)>,
}

/// Tasks that are read before the early stop decides again.
#[derive(Debug)]
pub(crate) struct Wave {
    /// The tasks, each with the proof by which it may be skipped, if there is one.
    pub(crate) tasks: Vec<(Task, Option<StatsProof>)>,
    /// No action of a later wave is newer; [`Micros::MAX`] for the last wave.
    pub(crate) floor: Micros,
}

/// What statistics prove of a row group: it has no bad row, and its actions lie within these times.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct StatsProof {
    /// The oldest action, or earlier.
    pub(crate) oldest: Micros,
    /// The newest action, or later.
    pub(crate) newest: Micros,
    /// An instant at which none of the actions was known yet, or before them all.
    pub(crate) known_after: Micros,
    pub(crate) rows: u64,
    /// Rows without a customer.
    pub(crate) null_customers: u64,
}

/// Whether the folder of a file of actions shows that no action in it can be in a history.
pub(crate) fn is_folder_out(spec: &ReadSpec<'_>, file: &InputFile, span: Span) -> bool {
    let Some(day) = file.day else {
        return false;
    };
    let zone: &Zone = spec.zone;
    let day_after = |days: i32| zone.start_of(Day(day.0.saturating_add(days)));
    // No action is logged before it happens; a day of slack allows for other zones.
    if span.first != Micros::MIN && !is_prior(span.first, day_after(2)) {
        return true;
    }
    // If the user promises a lateness, what was logged that long after the last cutoff happened after it.
    spec.actions.lateness_max_us.is_some_and(|lateness| {
        let earliest = day_after(-1).0.saturating_sub(lateness);
        !is_prior(Micros(earliest), span.last)
    })
}

impl Pruning {
    /// Prunes opened files and cuts the rest into waves.
    pub(crate) fn new<I: Item>(scan: &ActionScan<'_, I>, files: &[Opened], span: Span) -> Pruning {
        let mut pruning = Pruning::default();
        let mut tasks = Vec::new();
        for task in files.iter().flat_map(|file| file.shared_tasks(&scan.spec)) {
            match prove(scan, &task) {
                Some(proof) if proof.is_outside(span) => pruning.passed.push((task, proof)),
                proof => tasks.push((task, proof)),
            }
        }
        // Newest first. A task without a proof may have actions of any time, so it comes before all.
        let newest = |proof: &Option<StatsProof>| proof.map_or(Micros::MAX, |proof| proof.newest);
        // Stable: equal times stay in the order of files, so that waves depend on the input alone.
        tasks.sort_by_key(|(_, proof)| std::cmp::Reverse(newest(proof)));
        pruning.waves = waves(tasks, scan.spec.actions.wave_rows_min);
        pruning
    }

    /// All of the opened files in one wave.
    pub(crate) fn whole(spec: &ReadSpec<'_>, files: &[Opened]) -> Pruning {
        let tasks = files.iter().flat_map(|file| file.shared_tasks(spec));
        let wave = Wave {
            tasks: tasks.map(|task| (task, None)).collect(),
            floor: Micros::MAX,
        };
        Pruning {
            waves: vec![wave],
            passed: Vec::new(),
        }
    }

    /// The steps of progress of all waves.
    pub(crate) fn steps(&self) -> u64 {
        self.waves
            .iter()
            .flat_map(|wave| &wave.tasks)
            .map(|(task, _)| task.steps)
            .sum()
    }
}

impl StatsProof {
    /// Whether no action of the row group can be in any history.
    fn is_outside(&self, span: Span) -> bool {
        // As for each action, both must be before a cutoff.
        let known_after = self.oldest.max(self.known_after);
        !is_prior(known_after, span.last) || is_prior(self.newest, span.first)
    }
}

/// Cuts tasks, newest first, into waves that end where times do not overlap.
fn waves(tasks: Vec<(Task, Option<StatsProof>)>, rows_min: u64) -> Vec<Wave> {
    let mut waves: Vec<Wave> = Vec::new();
    let (mut rows, mut oldest) = (0, Micros::MAX);
    for (task, proof) in tasks {
        let newest = proof.map_or(Micros::MAX, |proof| proof.newest);
        // Where times do not overlap, all that a wave reads is newer than its floor, and counts for
        // the early stop.
        let is_full = rows >= rows_min && (newest < oldest || rows >= rows_min * WAVE_STRETCH);
        match waves.last_mut() {
            Some(wave) if !is_full => wave.tasks.push((task, proof)),
            last => {
                if let Some(wave) = last {
                    // Tasks are sorted, so the first of the next wave is the newest of all that
                    // follow.
                    wave.floor = newest;
                }
                waves.push(Wave {
                    tasks: vec![(task, proof)],
                    floor: Micros::MAX,
                });
                (rows, oldest) = (0, Micros::MAX);
            }
        }
        // Tasks without a proof, such as all text, never fill a wave.
        rows += proof.map_or(0, |proof| proof.rows);
        // Without a proof, actions may be of any age.
        oldest = oldest.min(proof.map_or(Micros::MIN, |proof| proof.oldest));
    }
    waves
}

/// What the statistics of a task's row group prove, if they prove that it has no bad row.
fn prove<I: Item>(scan: &ActionScan<'_, I>, task: &Task) -> Option<StatsProof> {
    let Opened::Parquet(file) = &task.opened else {
        return None;
    };
    let names = scan.names_of(&file.file);
    // The reader of the file reports what is wrong.
    scan.check_types(file, &names).ok()?;
    // Statistics do not count texts that stand for null.
    let is_text = |name| {
        let column = file.column(name);
        column.is_some_and(|column| !column.data_type().is_numeric())
    };
    let spec = scan.spec.of_source(file.file.source);
    let may_be_null = !spec.null_values.is_empty();
    if may_be_null && [names.customer, names.item].into_iter().any(is_text) {
        return None;
    }
    // Rows that are left out, or whose type has no code, are counted one by one.
    if !names.are_uniform() {
        return None;
    }
    let statistics = |name| file.statistics(task.row_group, name);
    let items = statistics(names.item)?;
    let are_clean = if scan.spec.has_item_codes {
        are_clean_texts(items)
    } else {
        are_clean_ids::<I>(items)
    };
    if !are_clean {
        return None;
    }
    // Nulls are counted row by row.
    if let Some(available) = names.available
        && (statistics(available)?.null_count_opt()? != 0
            || time_bounds(&scan.spec, file, task.row_group, available).is_none())
    {
        return None;
    }
    let is_clean = |(column, name, _)| attributes::is_clean(file, (task.row_group, name), column);
    if !names.told().all(is_clean) {
        return None;
    }
    let customers = file.column(names.customer)?.data_type();
    // Guest ids are counted by value; unsigned ids and other texts may be bad one by one.
    let is_plain = match scan.spec.customer_type {
        None => customers.is_signed_integer() || *customers == DataType::Utf8View,
        Some(CustomerType::Int64) => customers.is_signed_integer(),
        Some(CustomerType::String) => *customers == DataType::Utf8View,
    };
    if !is_plain || !scan.spec.guest_ids.is_empty() {
        return None;
    }
    let null_customers = statistics(names.customer)?.null_count_opt()?;
    // If the file has both columns, either may be the time of a row.
    let (oldest, newest) =
        time_bounds(&scan.spec, file, task.row_group, names.time).or_else(|| {
            let other = time_bounds(&scan.spec, file, task.row_group, names.time_else?)?;
            file.column(names.time).is_none().then_some(other)
        })?;
    let rows = file.row_groups()[task.row_group];
    Some(StatsProof {
        oldest,
        newest,
        known_after: names.landing.known_after,
        rows,
        null_customers,
    })
}

/// Whether statistics show that all items are ids of the spec's width.
fn are_clean_ids<I: Item>(statistics: &Statistics) -> bool {
    let bounds = match statistics {
        Statistics::Int32(ints) => ints
            .min_opt()
            .zip(ints.max_opt())
            .map(|(min, max)| (i64::from(*min), i64::from(*max))),
        Statistics::Int64(ints) => ints
            .min_opt()
            .zip(ints.max_opt())
            .map(|(min, max)| (*min, *max)),
        _ => None,
    };
    let is_id = |id| I::from_wide(id).is_some();
    statistics.null_count_opt() == Some(0)
        && bounds.is_some_and(|(min, max)| is_id(min) && is_id(max))
}

/// Whether statistics show that all item ids are texts that are not empty, or integers, which are read as
/// texts. They do not show texts that are too long.
fn are_clean_texts(statistics: &Statistics) -> bool {
    let is_text = match statistics {
        // The minimum may be cut short, but not to nothing.
        Statistics::ByteArray(texts) => texts.min_opt().is_some_and(|min| !min.is_empty()),
        Statistics::Int32(_) | Statistics::Int64(_) => true,
        _ => false,
    };
    is_text && statistics.null_count_opt() == Some(0)
}
