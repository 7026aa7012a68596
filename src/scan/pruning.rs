//! What is read when: pruning by folder and by statistics, and the waves of the early stop.
//!
//! **In / Out**: opened files of actions and the span of time asked about → [`Pruning`]: tasks in
//! waves, newest first. **Invariants**: pruning never changes a row, nor what is counted or
//! found at fault: a row group is passed over unread only if its statistics prove that it holds
//! no fault and nothing that must be counted.
//! **Why so**: a log of a year holds far more actions than histories can; the newest files
//! alone fill most of them.

use parquet::file::statistics::Statistics;

use crate::calendar::Zone;
use crate::catalog::input::InputFile;
use crate::ids::{Day, Item, Micros, unsigned};
use crate::job::{CustomerType, TimeUnit};
use crate::kernel::sweep::is_prior;
use crate::scan::actions::ActionScan;
use crate::scan::parquet::ParquetFile;
use crate::scan::spec::ReadSpec;
use crate::scan::table::attributes;
use crate::scan::text::field::to_micros;
use crate::scan::text::times::Written;
use crate::scan::{Opened, Task};

use arrow::datatypes::{DataType, TimeUnit as ArrowUnit};

/// A wave is at most about this many times as long as it must be, where times overlap so that
/// none ends by itself.
const WAVE_STRETCH: u64 = 8;

/// The span of time that the probes of a job ask about.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Span {
    /// The start of the earliest lookback.
    pub(crate) first: Micros,
    pub(crate) last: Micros,
}

/// Tasks of actions, in waves.
#[derive(Debug, Default)]
pub(crate) struct Pruning {
    /// The waves, in order.
    pub(crate) waves: Vec<Wave>,
    /// Row groups that hold nothing of the span: rows and null customers, by file.
    pub(crate) passed: Vec<(Task, StatsProof)>,
}

/// Tasks that are read before it is asked again who has enough.
#[derive(Debug)]
pub(crate) struct Wave {
    /// The tasks, with the proof by which each may be left unread, if there is one.
    pub(crate) tasks: Vec<(Task, Option<StatsProof>)>,
    /// Nothing in later waves is newer; [`Micros::MAX`] if there are none.
    pub(crate) floor: Micros,
}

/// What the statistics of a row group prove: that it is without fault, and within these times.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct StatsProof {
    /// The oldest action, or earlier.
    pub(crate) oldest: Micros,
    /// The newest action, or later.
    pub(crate) newest: Micros,
    /// An instant at which none of them was known, or before all.
    pub(crate) known_after: Micros,
    pub(crate) rows: u64,
    /// Rows without a customer.
    pub(crate) null_customers: u64,
}

/// Whether the folder of a file of actions says that nothing in it can be asked about.
pub(crate) fn is_folder_out(spec: &ReadSpec<'_>, file: &InputFile, span: Span) -> bool {
    let Some(day) = file.day else {
        return false;
    };
    let zone: &Zone = spec.zone;
    let day_after = |days: i32| zone.start_of(Day(day.0.saturating_add(days)));
    // Nothing lands before it happens; a day of slack for clocks of other zones.
    if span.first != Micros::MIN && !is_prior(span.first, day_after(2)) {
        return true;
    }
    // What landed that long after the last cutoff happened after it, if the user vouches for it.
    spec.actions.lateness_max_us.is_some_and(|lateness| {
        let earliest = day_after(-1).0.saturating_sub(lateness);
        !is_prior(Micros(earliest), span.last)
    })
}

impl Pruning {
    /// Plans the reading of opened files.
    pub(crate) fn new<I: Item>(scan: &ActionScan<'_, I>, files: &[Opened], span: Span) -> Pruning {
        let mut plan = Pruning::default();
        let mut tasks = Vec::new();
        for task in files.iter().flat_map(|file| file.shared_tasks(&scan.spec)) {
            match prove(scan, &task) {
                Some(proof) if proof.is_outside(span) => plan.passed.push((task, proof)),
                proof => tasks.push((task, proof)),
            }
        }
        // Newest first; what proves nothing may hold anything, so it comes before all.
        let newest = |proof: &Option<StatsProof>| proof.map_or(Micros::MAX, |proof| proof.newest);
        tasks.sort_by_key(|(_, proof)| std::cmp::Reverse(newest(proof)));
        plan.waves = waves(tasks, scan.spec.actions.wave_rows_min);
        plan
    }

    /// Plans the reading of opened files to their end, whatever is in them.
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

    /// The steps that reading all waves would take.
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
        let is_full = rows >= rows_min && (newest < oldest || rows >= rows_min * WAVE_STRETCH);
        match waves.last_mut() {
            Some(wave) if !is_full => wave.tasks.push((task, proof)),
            last => {
                if let Some(wave) = last {
                    wave.floor = newest;
                }
                waves.push(Wave {
                    tasks: vec![(task, proof)],
                    floor: Micros::MAX,
                });
                (rows, oldest) = (0, Micros::MAX);
            }
        }
        rows += proof.map_or(0, |proof| proof.rows);
        oldest = oldest.min(proof.map_or(Micros::MIN, |proof| proof.oldest));
    }
    waves
}

/// What the statistics of a task's row group prove, if they prove it free of faults.
fn prove<I: Item>(scan: &ActionScan<'_, I>, task: &Task) -> Option<StatsProof> {
    let Opened::Parquet(file) = &task.opened else {
        return None;
    };
    let names = scan.names_of(&file.file);
    scan.check_types(file, &names).ok()?;
    // A text may be one of the words that are null, which statistics do not count.
    let is_text = |name| {
        file.column(name)
            .is_some_and(|of| !of.data_type().is_numeric())
    };
    let may_be_null = !scan.spec.null_values.is_empty();
    if may_be_null && [names.customer, names.item].into_iter().any(is_text) {
        return None;
    }
    // What does not count, or has a type without a code, must be counted row by row.
    if !names.are_uniform() {
        return None;
    }
    let of = |name| file.statistics(task.row_group, name);
    let items = of(names.item)?;
    let is_clean = match scan.spec.has_item_codes {
        false => is_clean_items::<I>(items),
        true => is_clean_texts(items),
    };
    if !is_clean {
        return None;
    }
    if let Some(available) = names.available
        && (of(available)?.null_count_opt()? != 0
            || times_of(&scan.spec, file, task.row_group, available).is_none())
    {
        return None;
    }
    let is_clean = |(of, name, _)| attributes::is_clean(file, (task.row_group, name), of);
    if !names.told().all(is_clean) {
        return None;
    }
    let customers = file.column(names.customer)?.data_type();
    // Guest ids are counted by value; unsigned and text ids may need a look at each.
    let plain = match scan.spec.customer_type {
        None => customers.is_signed_integer() || *customers == DataType::Utf8View,
        Some(CustomerType::Int64) => customers.is_signed_integer(),
        Some(CustomerType::String) => *customers == DataType::Utf8View,
    };
    if !plain || !scan.spec.guest_ids.is_empty() {
        return None;
    }
    let null_customers = of(names.customer)?.null_count_opt()?;
    let (oldest, newest) =
        times_of(&scan.spec, file, task.row_group, names.time).or_else(|| {
            let other = times_of(&scan.spec, file, task.row_group, names.time_else?)?;
            file.column(names.time).is_none().then_some(other)
        })?;
    let rows = unsigned(file.row_groups()[task.row_group].num_rows());
    Some(StatsProof {
        oldest,
        newest,
        known_after: names.landing.known_after,
        rows,
        null_customers,
    })
}

/// Whether statistics show that all items are ids of the spec's width.
fn is_clean_items<I: Item>(statistics: &Statistics) -> bool {
    let bounds = match statistics {
        Statistics::Int32(of) => of
            .min_opt()
            .zip(of.max_opt())
            .map(|(a, b)| (i64::from(*a), i64::from(*b))),
        Statistics::Int64(of) => of.min_opt().zip(of.max_opt()).map(|(a, b)| (*a, *b)),
        _ => None,
    };
    let is_id = |id| I::from_wide(id).is_some();
    statistics.null_count_opt() == Some(0)
        && bounds.is_some_and(|(min, max)| is_id(min) && is_id(max))
}

/// Whether statistics show that all items have texts for ids, or integers that are read as such. That
/// a text is too long they do not tell.
fn is_clean_texts(statistics: &Statistics) -> bool {
    let is_text = match statistics {
        // The least may be cut, but what is not empty starts with something.
        Statistics::ByteArray(of) => of.min_opt().is_some_and(|min| !min.is_empty()),
        Statistics::Int32(_) | Statistics::Int64(_) => true,
        _ => false,
    };
    is_text && statistics.null_count_opt() == Some(0)
}

/// The oldest and the newest time of a column, if statistics tell, none is null, and all are of the
/// years 1 to 9999.
pub(crate) fn times_of(
    spec: &ReadSpec<'_>,
    file: &ParquetFile,
    row_group: usize,
    name: &str,
) -> Option<(Micros, Micros)> {
    let (oldest, newest) = bounds_of(spec.time_unit, file, row_group, name)?;
    let zone = spec.zone;
    let are_near = oldest.is_near(zone) && newest.is_near(zone);
    are_near.then(|| (oldest.resolve(zone).at, newest.resolve(zone).at))
}

/// The oldest and the newest time of a column as they stand in statistics, if these tell and none is
/// null.
fn bounds_of(
    time_unit: Option<TimeUnit>,
    file: &ParquetFile,
    row_group: usize,
    name: &str,
) -> Option<(Written, Written)> {
    let statistics = file.statistics(row_group, name)?;
    if statistics.null_count_opt()? != 0 {
        return None;
    }
    match (file.column(name)?.data_type(), statistics) {
        (DataType::Date32, Statistics::Int32(of)) => {
            let (first, last) = (Day(*of.min_opt()?), Day(*of.max_opt()?));
            Some((Written::Date(first), Written::Date(last)))
        }
        (DataType::Timestamp(unit, tz), Statistics::Int64(of)) => {
            let unit = match unit {
                ArrowUnit::Second => TimeUnit::Second,
                ArrowUnit::Millisecond => TimeUnit::Milli,
                ArrowUnit::Microsecond => TimeUnit::Micro,
                ArrowUnit::Nanosecond => TimeUnit::Nano,
            };
            let at = |value| {
                let micros = to_micros(value, unit)?;
                Some(match tz {
                    Some(_) => Written::Instant(micros),
                    None => Written::Wall(micros.0),
                })
            };
            Some((at(*of.min_opt()?)?, at(*of.max_opt()?)?))
        }
        (of, Statistics::Int64(values)) if of.is_signed_integer() => {
            let at = |value| to_micros(value, time_unit?).map(Written::Instant);
            Some((at(*values.min_opt()?)?, at(*values.max_opt()?)?))
        }
        _ => None,
    }
}
