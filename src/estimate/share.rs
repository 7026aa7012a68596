//! Samples the input: which row groups are read, and the share of each source that they are.
//!
//! **In / Out**: a [`Pruning`] of tasks, or all tasks of some files → waves of sampled tasks, and a
//! [`SourceShare`] of each source. **Invariants**: tasks are chosen by their position, so all but the
//! measured times is a function of the input, the job and the stride.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Instant;

use crate::catalog::compression::Compression;
use crate::context::RunContext;
use crate::engine::specs::read_spec;
use crate::engine::tasks::{run_tasks, thread_states};
use crate::error::Result;
use crate::ids::{Micros, count64, float, index64, rounded};
use crate::job::{Format, Job, Source};
use crate::output::micros_since;
use crate::scan::pruning::Pruning;
use crate::scan::spec::ReadSpec;
use crate::scan::text::shared_file::SharedFile;
use crate::scan::{Opened, Task};
use crate::store::spill::Spill;

/// Rows that are read at least, if there are so many: enough to measure time by.
pub(super) const ROWS_WANTED: u64 = 1 << 19;
/// Of larger inputs one row group in this many is read, and one byte of text in this many.
const STRIDE: u64 = 24;
/// About how many times longer compressed text is than its file.
const TEXT_EXPANSION: u64 = 10;

/// One row group of these files in how many is read.
pub(super) fn stride_of(job: &Job, opened: &[Opened]) -> u64 {
    let rows: u64 = opened.iter().map(Opened::rows_about).sum();
    let stride = (rows / ROWS_WANTED).clamp(1, STRIDE);
    let is_text = |file: &Opened| matches!(file, Opened::Text(..));
    // Text is sampled by bytes, so the number of its tasks sets no limit.
    if opened.iter().any(is_text) {
        return stride;
    }
    let tasks = opened.iter().map(|file| count64(file.tasks().len())).sum();
    task_stride(job.threads, stride, tasks)
}

/// One task in how many is read: `stride`, or less if some thread would get no task.
fn task_stride(threads: usize, stride: u64, tasks: u64) -> u64 {
    stride.min(tasks / count64(threads)).max(1)
}

/// A [`Spill`] for each thread that never spills, as a sample fits in memory.
pub(super) fn memory_only_spills() -> impl Iterator<Item = Spill> {
    // The folder is never used, as no thread exceeds this quota.
    thread_states(|| Spill::new(Path::new(""), u64::MAX)).into_iter()
}

/// The sampled tasks of a wave of input.
pub(super) struct SampledWave {
    pub(super) tasks: BTreeMap<Source, Vec<Task>>,
    /// Steps of all tasks of each source, sampled or not.
    pub(super) steps: BTreeMap<Source, u64>,
    /// Nothing in later waves is newer.
    pub(super) floor: Micros,
    /// Whether a run may leave the wave unread.
    pub(super) is_proven: bool,
}

/// The share of one source that was read.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct SourceShare {
    /// Steps that a run would take.
    pub(super) steps_all: u64,
    steps_read: u64,
    /// Tasks that were run.
    pub(super) tasks: u64,
    /// Rows that were read.
    rows: u64,
    /// Rows of these that the scan kept.
    pub(super) kept: u64,
    /// Microseconds of all threads together.
    busy_us: u64,
}

impl SourceShare {
    /// How many times larger the source is than the sample.
    pub(super) fn weight(&self) -> f64 {
        match self.steps_read {
            0 => 0.0,
            read => float(self.steps_all.max(read)) / float(read),
        }
    }

    /// Runs some tasks and adds them to the share, except for `kept`, which the caller counts.
    ///
    /// # Errors
    /// The errors of a run, as far as they are met.
    pub(super) fn read<S: Send>(
        &mut self,
        context: &RunContext,
        tasks: &[Task],
        states: Vec<S>,
        work: impl Fn(&mut S, &Task) -> Result<()> + Sync,
    ) -> Result<Vec<S>> {
        let (busy_us, rows) = (AtomicU64::new(0), context.rows().0);
        let states = run_tasks(tasks, states, |state, task| {
            let began = Instant::now();
            let result = work(state, task);
            busy_us.fetch_add(micros_since(began), Relaxed);
            result
        })?;
        self.rows += context.rows().0 - rows;
        self.busy_us += busy_us.into_inner();
        self.tasks += count64(tasks.len());
        self.steps_read += steps_read(tasks);
        Ok(states)
    }
}

/// The shares of all sources.
#[derive(Debug, Default)]
pub(super) struct SourceShares(pub(super) BTreeMap<Source, SourceShare>);

impl SourceShares {
    /// The estimate of a count for all of the input: the weighted sum over the sources.
    fn sum(&self, count: impl Fn(&SourceShare) -> u64) -> f64 {
        let shares = self.0.values();
        shares
            .map(|share| float(count(share)) * share.weight())
            .sum()
    }

    /// Rows that a run would read.
    pub(super) fn rows(&self) -> u64 {
        rounded(self.sum(|share| share.rows))
    }

    /// Rows that a run would keep.
    pub(super) fn kept(&self) -> u64 {
        rounded(self.sum(|share| share.kept))
    }

    /// Seconds that a run would read.
    pub(super) fn seconds(&self, job: &Job) -> f64 {
        self.sum(|share| share.busy_us) / float(count64(job.threads)) / 1e6
    }

    /// The share of all rows that was read.
    pub(super) fn read(&self) -> f64 {
        let read: u64 = self.0.values().map(|share| share.rows).sum();
        match self.sum(|share| share.rows) {
            all if all > 0.0 => float(read) / all,
            _ => 1.0,
        }
    }

    /// The relative error of estimates from the sample. Guessed from the number of tasks; the lower
    /// bounds were measured on large inputs.
    pub(super) fn spread(&self) -> f64 {
        let tasks: u64 = self.0.values().map(|share| share.tasks).sum();
        match self.read() {
            share if share >= 1.0 => 0.15,
            _ => (1.0 / float(tasks.max(1)).sqrt()).clamp(0.25, 1.0),
        }
    }
}

/// A sample of the files of one source.
pub(super) struct FileSample {
    pub(super) shares: SourceShares,
    /// How many times larger the files are than the sample.
    pub(super) weight: f64,
    /// The tasks that were run.
    pub(super) tasks: Vec<Task>,
}

/// Reads a sample of the files of one source. Returns the states of all threads.
///
/// # Errors
/// The errors of a run, as far as they are met.
pub(super) fn read_file_sample<S: Send>(
    job: &Job,
    context: &RunContext,
    opened: &[Opened],
    mut states: Vec<S>,
    work: impl Fn(&mut S, &Task) -> Result<()> + Sync,
) -> Result<(Vec<S>, FileSample)> {
    let mut sample = FileSample {
        shares: SourceShares::default(),
        weight: 0.0,
        tasks: Vec::new(),
    };
    let spec = read_spec(job);
    let pruning = Pruning::whole(&spec, opened);
    for wave in choose(&spec, pruning, stride_of(job, opened)) {
        for (source, tasks) in wave.tasks {
            let share = sample.shares.0.entry(source).or_default();
            share.steps_all += wave.steps[&source];
            states = share.read(context, &tasks, states, &work)?;
            // The files are of one source, so there is one share.
            sample.weight = share.weight();
            sample.tasks.extend(tasks);
        }
    }
    Ok((states, sample))
}

/// Chooses the sampled tasks: of each source at least one per thread.
pub(super) fn choose(spec: &ReadSpec<'_>, pruning: Pruning, stride: u64) -> Vec<SampledWave> {
    // Tasks are counted first: the stride of a source depends on how many it has in all waves.
    let mut counts: BTreeMap<Source, u64> = BTreeMap::new();
    for (task, _) in pruning.waves.iter().flat_map(|wave| &wave.tasks) {
        // Several tasks share a text file; only the first counts.
        let is_first = matches!(task.opened, Opened::Parquet(_)) || task.row_group == 0;
        *counts.entry(task.opened.file().source).or_default() += u64::from(is_first);
    }
    let mut seen: BTreeMap<Source, u64> = BTreeMap::new();
    // All tasks of a text file share one reader. The choice is made once for all of them: a task
    // with another reader would read the file from its start again.
    let mut texts: BTreeMap<PathBuf, Option<Arc<SharedFile>>> = BTreeMap::new();
    let mut waves = Vec::new();
    for wave in pruning.waves {
        let is_proven = wave.tasks.iter().all(|(_, proof)| proof.is_some());
        let (mut tasks, mut steps) = (BTreeMap::<_, Vec<Task>>::new(), BTreeMap::new());
        for (mut task, _) in wave.tasks {
            let source = task.opened.file().source;
            *steps.entry(source).or_default() += task.steps;
            let mut is_chosen = || {
                // The middle one of each stride, so that neither the newest nor the oldest has more
                // weight.
                let seen = seen.entry(source).or_default();
                let stride = task_stride(spec.threads, stride, counts[&source]);
                *seen += 1;
                (*seen - 1) % stride == stride / 2
            };
            let chosen = match &task.opened {
                Opened::Parquet(_) | Opened::Empty(..) => {
                    is_chosen().then(|| Arc::clone(&task.shared))
                }
                Opened::Text(file, ..) => {
                    let shared =
                        texts.entry(file.path.clone()).or_insert_with(|| {
                            match first_pieces(spec, &task, stride) {
                                Some(pieces) => Some(Arc::new(SharedFile::first(pieces))),
                                None => is_chosen().then(|| Arc::clone(&task.shared)),
                            }
                        });
                    shared.clone()
                }
            };
            if let Some(shared) = chosen {
                task.shared = shared;
                tasks.entry(source).or_default().push(task);
            }
        }
        waves.push(SampledWave {
            tasks,
            steps,
            floor: wave.floor,
            is_proven,
        });
    }
    waves
}

/// How many pieces of a text file are read, if it is so long that these keep all threads busy. `None` for
/// shorter files, which are read whole or not at all.
fn first_pieces(spec: &ReadSpec<'_>, task: &Task, stride: u64) -> Option<usize> {
    let expansion = match &task.opened {
        Opened::Text(_, _, Compression::None) => 1,
        _ => TEXT_EXPANSION,
    };
    let bytes = task.opened.file().size().saturating_mul(expansion);
    let pieces = bytes / count64(spec.text_piece_bytes) / stride;
    // A JSON array is read by one thread to its end, so it cannot be cut after some pieces.
    let is_shared = task.opened.format() != Format::Json;
    (is_shared && stride > 1 && pieces >= count64(spec.threads)).then(|| index64(pieces))
}

/// The steps that tasks took.
pub(super) fn steps_read(tasks: &[Task]) -> u64 {
    let steps = tasks.iter().map(|task| match &task.opened {
        // A shared text file counts once, by the task that has its steps.
        Opened::Text(..) if task.steps == 0 => 0,
        Opened::Text(..) => task.shared.steps_taken().unwrap_or(task.steps),
        Opened::Parquet(_) | Opened::Empty(..) => task.steps,
    });
    steps.sum()
}
