//! Progress on standard error: a bar where a person looks, a line per stage where none does.

use std::io::{self, IsTerminal, Write};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use hitherto::{Observer, RunContext};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::cli::render::summary::grouped;

/// How often a bar is drawn: often enough to look alive.
const TICK: Duration = Duration::from_millis(100);

/// What is shown while a run works.
pub(crate) struct Progress {
    /// When the run began.
    began: Instant,
    /// How it is shown.
    show: Show,
    /// Set when the run is over.
    over: Arc<AtomicBool>,
    /// The thread that draws the bar.
    drawer: Mutex<Option<JoinHandle<()>>>,
}

/// How progress is shown.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Show {
    /// Not at all.
    Nothing,
    /// A line per stage.
    Lines,
    /// A bar that moves.
    Bar,
}

impl Progress {
    /// What to show; the observer must be told of stages.
    pub(crate) fn new(quiet: bool) -> (Option<Observer>, Progress) {
        let show = match (quiet, io::stderr().is_terminal()) {
            (true, _) => Show::Nothing,
            (false, false) => Show::Lines,
            (false, true) => Show::Bar,
        };
        let began = Instant::now();
        let observer = (show == Show::Lines).then(|| {
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
                // Nobody may be reading; the run goes on.
                drop(writeln!(io::stderr(), "{}", line.trim_end()));
            })
        });
        let over = Arc::new(AtomicBool::new(false));
        (
            observer,
            Progress {
                began,
                show,
                over,
                drawer: Mutex::new(None),
            },
        )
    }

    /// Draws a bar from now on, if that is how progress is shown.
    pub(crate) fn watch(&self, context: &Arc<RunContext>) {
        if self.show != Show::Bar {
            return;
        }
        let (context, over) = (Arc::clone(context), Arc::clone(&self.over));
        let drawer = std::thread::spawn(move || draw(&context, &over));
        *self.drawer.lock().unwrap_or_else(PoisonError::into_inner) = Some(drawer);
    }

    /// Takes the bar away; gives the seconds that the run took.
    pub(crate) fn finish(&self) -> f64 {
        self.over.store(true, Relaxed);
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
fn draw(context: &RunContext, over: &AtomicBool) {
    let known = "{msg:<17} [{bar:30}] {percent:>3} %  {prefix}  {eta} left";
    let unknown = "{msg:<17} {spinner} {prefix}";
    let style = |template: &str| {
        ProgressStyle::with_template(template)
            .unwrap_or_else(|_| ProgressStyle::default_bar())
            .progress_chars("=> ")
    };
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
    let mut shown = "";
    while !over.load(Relaxed) {
        let (stage, done, total) = context.progress();
        if stage != shown {
            shown = stage;
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
        bar.set_position(done.min(total));
        bar.tick();
        std::thread::sleep(TICK);
    }
    bar.finish_and_clear();
}
