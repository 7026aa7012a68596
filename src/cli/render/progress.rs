//! Progress on standard error: a bar on a terminal, else a line for each stage, or JSON for programs.

use std::io::{self, IsTerminal, Write};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use hitherto::{Observer, RunContext};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::json;

use crate::cli::flags::{ProgressStyle as Style, RunArgs};
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
    /// Lines of JSON.
    Json,
}

impl Progress {
    /// The progress of a run, and the observer of its stages, if they are printed line by line.
    pub(crate) fn new(args: &RunArgs) -> (Option<Observer>, Progress) {
        let display = match (args.quiet, args.progress) {
            (true, _) => ProgressDisplay::Nothing,
            (false, Style::Json) => ProgressDisplay::Json,
            (false, Style::Auto) if io::stderr().is_terminal() => ProgressDisplay::Bar,
            (false, Style::Auto) => ProgressDisplay::Lines,
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

    /// Draws a bar from now on, or writes JSON, if progress is shown so.
    pub(crate) fn watch(&self, context: &Arc<RunContext>) {
        let draw = match self.display {
            ProgressDisplay::Bar => draw,
            ProgressDisplay::Json => write_json,
            ProgressDisplay::Nothing | ProgressDisplay::Lines => return,
        };
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

/// Writes a line of JSON whenever something changed, until the run is over.
fn write_json(context: &RunContext, is_over: &AtomicBool) {
    let mut written = String::new();
    loop {
        // Asked before the counters are read, so that the last line has the last of them.
        let is_last = is_over.load(Relaxed);
        let (stage, done, total) = context.progress();
        let (rows_read, rows_written) = context.rows();
        let line = json!({"progress": {
            "stage": stage,
            "done": done,
            "total": total,
            "rows_read": rows_read,
            "rows_written": rows_written,
        }});
        let line = line.to_string();
        if line != written {
            // The run goes on if nobody reads this.
            drop(writeln!(io::stderr(), "{line}"));
            written = line;
        }
        if is_last {
            return;
        }
        std::thread::sleep(TICK);
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
