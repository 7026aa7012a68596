//! Progress on standard error: a bar on a terminal, else a line for each stage.

use std::io::{self, IsTerminal, Write};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use hitherto::{Observer, RunContext};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::cli::flags::RunArgs;
use crate::cli::render::summary::grouped;

/// How often a bar is drawn. A tenth of a second looks continuous.
const TICK: Duration = Duration::from_millis(100);

/// The progress of a run, on standard error.
pub(crate) struct Progress {
    began: Instant,
    display: ProgressDisplay,
    /// Set when the run is over.
    is_over: Arc<AtomicBool>,
    /// The thread that draws the bar.
    drawer: Mutex<Option<JoinHandle<()>>>,
}

/// How progress is shown.
#[derive(Clone, Copy, PartialEq, Eq)]
enum ProgressDisplay {
    /// Nothing.
    Nothing,
    /// A line per stage.
    Lines,
    /// A bar that moves.
    Bar,
}

impl Progress {
    /// The progress of a run, and the observer of its stages, if they are printed line by line.
    pub(crate) fn new(args: &RunArgs) -> (Option<Observer>, Progress) {
        let display = match (args.quiet, io::stderr().is_terminal()) {
            (true, _) => ProgressDisplay::Nothing,
            (false, false) => ProgressDisplay::Lines,
            (false, true) => ProgressDisplay::Bar,
        };
        let began = Instant::now();
        let observer = (display == ProgressDisplay::Lines).then(|| {
            Observer::new(move |stage, (read, written)| {
                let seconds = began.elapsed().as_secs_f64();
                let rows = match (read, written) {
                    (0, 0) => String::new(),
                    _ => format!(
                        "{} rows read, {} rows written",
                        grouped(read),
                        grouped(written)
                    ),
                };
                let line = format!("[{seconds:8.2} s] {stage:<17} {rows}");
                // The run goes on if nobody reads this.
                drop(writeln!(io::stderr(), "{}", line.trim_end()));
            })
        });
        let is_over = Arc::new(AtomicBool::new(false));
        (
            observer,
            Progress {
                began,
                display,
                is_over,
                drawer: Mutex::new(None),
            },
        )
    }

    /// Draws a bar from now on, on a terminal.
    pub(crate) fn watch(&self, context: &Arc<RunContext>) {
        if self.display != ProgressDisplay::Bar {
            return;
        }
        let (context, is_over) = (Arc::clone(context), Arc::clone(&self.is_over));
        // The library only counts and prints nothing; this thread reads its counters.
        let drawer = std::thread::spawn(move || draw(&context, &is_over));
        *self.drawer.lock().unwrap_or_else(PoisonError::into_inner) = Some(drawer);
    }

    /// Removes the bar; returns the seconds that the run took.
    pub(crate) fn finish(&self) -> f64 {
        // Relaxed is enough: no data goes with the flag, and `join` below orders the rest.
        self.is_over.store(true, Relaxed);
        let drawer = self
            .drawer
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(drawer) = drawer {
            drop(drawer.join());
        }
        self.began.elapsed().as_secs_f64()
    }
}

/// Draws a bar until the run is over.
fn draw(context: &RunContext, is_over: &AtomicBool) {
    let known = "{msg:<17} [{bar:30}] {percent:>3} %  {prefix}  {eta} left";
    let unknown = "{msg:<17} {spinner} {prefix}";
    let style = |template: &str| {
        ProgressStyle::with_template(template)
            .unwrap_or_else(|_| ProgressStyle::default_bar())
            .progress_chars("=> ")
    };
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
    let mut drawn = "";
    while !is_over.load(Relaxed) {
        let (stage, done, total) = context.progress();
        if stage != drawn {
            drawn = stage;
            // The time left is extrapolated, and the pace of the stage before would falsify it.
            bar.reset();
            bar.set_style(style(if total > 0 { known } else { unknown }));
            bar.set_message(stage);
        }
        let (read, written) = context.rows();
        bar.set_prefix(match (read, written) {
            (0, 0) => String::new(),
            _ => format!("{} rows read, {} written", grouped(read), grouped(written)),
        });
        bar.set_length(total);
        // The counters are read one by one, so at a change of stages `done` may be of another stage
        // than `total`.
        bar.set_position(done.min(total));
        bar.tick();
        std::thread::sleep(TICK);
    }
    bar.finish_and_clear();
}
