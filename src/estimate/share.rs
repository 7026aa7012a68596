//! A share of the input: which row groups are read, and what that says of all.
//!
//! **In / Out**: a [`Pruning`] of tasks, or all tasks of some files → waves of those that are read, and
//! of each source what was read of how much: a [`Share`]. **Invariants**: what is read is a function of
//! the input, the job and the stride, but for the time that it took: tasks are chosen by their place.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Instant;

use crate::catalog::compression::Compression;
use crate::context::RunContext;
use crate::engine::specs::read_spec;
use crate::engine::tasks::run_tasks;
use crate::error::Result;
use crate::ids::{Micros, count64, float, index64, rounded};
use crate::job::{Format, Job, Source};
use crate::output::micros_since;
use crate::scan::pruning::Pruning;
use crate::scan::spec::ReadSpec;
use crate::scan::text::shared_file::SharedFile;
use crate::scan::{Opened, Task};
use crate::store::spill::Spill;

/// Rows that are read at least, if there are so many: what threads are busy with for a moment.
pub(crate) const ROWS_WANTED: u64 = 1 << 19;
/// Of more than that, one row group in so many is read, and of text so many bytes one.
const STRIDE: u64 = 24;
/// How often text that is compressed is longer than its file, about.
const GROWTH: u64 = 10;

/// One row group of some files in how many is read.
pub(crate) fn stride_of(job: &Job, opened: &[Opened]) -> u64 {
    let rows: u64 = opened.iter().map(Opened::rows_about).sum();
    let stride = (rows / ROWS_WANTED).clamp(1, STRIDE);
    let is_text = |of: &Opened| matches!(of, Opened::Text(..));
    match opened.iter().any(is_text) {
        true => stride,
        false => few(
            job.threads,
            stride,
            opened.iter().map(|of| count64(of.tasks().len())).sum(),
        ),
    }
}

/// Of so many tasks the few of which one is read, as each thread has one at least.
fn few(threads: usize, stride: u64, tasks: u64) -> u64 {
    stride.min(tasks / count64(threads)).max(1)
}

/// Places for what each thread reads. What is sampled has room: nothing goes to a file.
pub(crate) fn nowhere() -> impl Iterator<Item = Spill> {
    let threads = 0..rayon::current_num_threads();
    threads.map(|_| Spill::new(Path::new(""), u64::MAX))
}

/// Row groups and pieces of text that are read before it is asked who has enough.
pub(crate) struct Wave {
    pub(crate) tasks: BTreeMap<Source, Vec<Task>>,
    /// Steps of all tasks of each source, read or not.
    pub(crate) steps: BTreeMap<Source, u64>,
    /// Nothing in later waves is newer.
    pub(crate) floor: Micros,
    /// Whether a run may leave it unread.
    pub(crate) is_proven: bool,
}

/// What was read of one source.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Share {
    /// Steps that a run would take.
    pub(crate) steps_all: u64,
    /// Steps that were taken.
    steps_read: u64,
    /// Tasks that were done.
    pub(crate) tasks: u64,
    /// Rows that were read.
    rows: u64,
    /// Of them, those that were kept.
    pub(crate) kept: u64,
    /// Microseconds that threads read.
    busy_us: u64,
}

impl Share {
    /// How often the sample goes into the source.
    pub(crate) fn weight(&self) -> f64 {
        match self.steps_read {
            0 => 0.0,
            read => float(self.steps_all.max(read)) / float(read),
        }
    }

    /// Reads some tasks; `kept` rows are told by whoever keeps them.
    ///
    /// # Errors
    /// Those of a run that are met.
    pub(crate) fn read<S: Send>(
        &mut self,
        context: &RunContext,
        (tasks, states): (&[Task], Vec<S>),
        work: impl Fn(&mut S, &Task) -> Result<()> + Sync,
    ) -> Result<Vec<S>> {
        let (busy_us, rows) = (AtomicU64::new(0), context.rows().0);
        let states = run_tasks(tasks, states, |state, task| {
            let began = Instant::now();
            let read = work(state, task);
            busy_us.fetch_add(micros_since(began), Relaxed);
            read
        })?;
        self.rows += context.rows().0 - rows;
        self.busy_us += busy_us.into_inner();
        self.tasks += count64(tasks.len());
        self.steps_read += steps_read(tasks);
        Ok(states)
    }
}

/// What was read of all sources.
#[derive(Debug, Default)]
pub(crate) struct Shares(pub(crate) BTreeMap<Source, Share>);

impl Shares {
    /// The sum over all sources of something that was counted, as a run would count it.
    fn sum(&self, of: impl Fn(&Share) -> u64) -> f64 {
        let shares = self.0.values();
        shares.map(|share| float(of(share)) * share.weight()).sum()
    }

    /// Rows that a run would read.
    pub(crate) fn rows(&self) -> u64 {
        rounded(self.sum(|share| share.rows))
    }

    /// Rows that it would keep.
    pub(crate) fn kept(&self) -> u64 {
        rounded(self.sum(|share| share.kept))
    }

    /// Seconds that its threads would read.
    pub(crate) fn seconds(&self, job: &Job) -> f64 {
        self.sum(|share| share.busy_us) / float(count64(job.threads)) / 1e6
    }

    /// The share of the rows that was read.
    pub(crate) fn read(&self) -> f64 {
        let read: u64 = self.0.values().map(|share| share.rows).sum();
        match self.sum(|share| share.rows) {
            all if all > 0.0 => float(read) / all,
            _ => 1.0,
        }
    }

    /// How far from the truth what is told may be: a guess from the number of samples, and no less
    /// than what was measured where they are many.
    pub(crate) fn spread(&self) -> f64 {
        let tasks: u64 = self.0.values().map(|share| share.tasks).sum();
        match self.read() {
            share if share >= 1.0 => 0.15,
            _ => (1.0 / float(tasks.max(1)).sqrt()).clamp(0.25, 1.0),
        }
    }
}

/// A sample of files of one source.
pub(crate) struct Sample {
    /// What was read of how much.
    pub(crate) shares: Shares,
    /// How often the sample goes into the files.
    pub(crate) weight: f64,
    /// The tasks that were done.
    pub(crate) tasks: Vec<Task>,
}

/// Reads a sample of files of one source; gives the states of all threads.
///
/// # Errors
/// Those of a run that are met.
pub(crate) fn read_sample_of<S: Send>(
    (job, context): (&Job, &RunContext),
    opened: &[Opened],
    mut states: Vec<S>,
    work: impl Fn(&mut S, &Task) -> Result<()> + Sync,
) -> Result<(Vec<S>, Sample)> {
    let mut sample = Sample {
        shares: Shares::default(),
        weight: 0.0,
        tasks: Vec::new(),
    };
    let spec = read_spec(job);
    let plan = Pruning::whole(&spec, opened);
    for wave in choose(&spec, plan, stride_of(job, opened)) {
        for (source, tasks) in wave.tasks {
            let share = sample.shares.0.entry(source).or_default();
            share.steps_all += wave.steps[&source];
            states = share.read(context, (&tasks, states), &work)?;
            sample.weight = share.weight();
            sample.tasks.extend(tasks);
        }
    }
    Ok((states, sample))
}

/// Chooses what is read: of each source at least a task for each thread.
pub(crate) fn choose(spec: &ReadSpec<'_>, plan: Pruning, stride: u64) -> Vec<Wave> {
    let mut counts: BTreeMap<Source, u64> = BTreeMap::new();
    for (task, _) in plan.waves.iter().flat_map(|wave| &wave.tasks) {
        // Of the tasks that share a text file the first counts for all.
        let is_first = matches!(task.opened, Opened::Parquet(_)) || task.row_group == 0;
        *counts.entry(task.opened.file().source).or_default() += u64::from(is_first);
    }
    let mut seen: BTreeMap<Source, u64> = BTreeMap::new();
    let mut texts: BTreeMap<PathBuf, Option<Arc<SharedFile>>> = BTreeMap::new();
    let mut waves = Vec::new();
    for wave in plan.waves {
        let is_proven = wave.tasks.iter().all(|(_, proof)| proof.is_some());
        let (mut tasks, mut steps) = (BTreeMap::<_, Vec<Task>>::new(), BTreeMap::new());
        for (mut task, _) in wave.tasks {
            let source = task.opened.file().source;
            *steps.entry(source).or_default() += task.steps;
            let mut is_chosen = || {
                // The middle one of each few, so that neither the newest nor the oldest weighs more.
                let at = seen.entry(source).or_default();
                let few = few(spec.threads, stride, counts[&source]);
                *at += 1;
                (*at - 1) % few == few / 2
            };
            let chosen = match &task.opened {
                Opened::Parquet(_) | Opened::Empty(..) => {
                    is_chosen().then(|| Arc::clone(&task.shared))
                }
                Opened::Text(file, ..) => {
                    let of_file = texts.entry(file.path.clone()).or_insert_with(|| {
                        match first_pieces(spec, &task, stride) {
                            Some(pieces) => Some(Arc::new(SharedFile::first(pieces))),
                            None => is_chosen().then(|| Arc::clone(&task.shared)),
                        }
                    });
                    of_file.clone()
                }
            };
            if let Some(shared) = chosen {
                task.shared = shared;
                tasks.entry(source).or_default().push(task);
            }
        }
        waves.push(Wave {
            tasks,
            steps,
            floor: wave.floor,
            is_proven,
        });
    }
    waves
}

/// How many pieces of a text file are read, if it is so long that a share of them keeps all threads
/// busy; of shorter ones some are read, and others not.
fn first_pieces(spec: &ReadSpec<'_>, task: &Task, stride: u64) -> Option<usize> {
    let grown = match &task.opened {
        Opened::Text(_, _, Compression::None) => 1,
        _ => GROWTH,
    };
    let bytes = task.opened.file().size().saturating_mul(grown);
    let pieces = bytes / count64(spec.text_piece_bytes) / stride;
    let is_shared = task.opened.format() != Format::Json;
    (is_shared && stride > 1 && pieces >= count64(spec.threads)).then(|| index64(pieces))
}

/// The steps that tasks took.
pub(crate) fn steps_read(tasks: &[Task]) -> u64 {
    let steps = tasks.iter().map(|task| match &task.opened {
        // Those that share a text file count once, by the task that has its steps.
        Opened::Text(..) if task.steps == 0 => 0,
        Opened::Text(..) => task.shared.steps_taken().unwrap_or(task.steps),
        Opened::Parquet(_) | Opened::Empty(..) => task.steps,
    });
    steps.sum()
}
