//! A run of the job that was written, to see at once whether its logs were understood.
//!
//! **Why so**: the program runs itself, as the user will. So a flag that is refused, which ends the process, ends
//! only the trial, and a trial that takes long can be ended at any time.

use std::env;
use std::fs;
use std::io::Read;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// The longest trial.
const LONGEST: Duration = Duration::from_secs(10);
/// How often the trial is looked at.
const STEP: Duration = Duration::from_millis(10);

/// How a trial ended.
enum Ended {
    Done,
    /// With what it said.
    Refused(String),
    TooLong,
}

/// The first row of the job, or the first line of why it is refused.
pub(super) fn trial(kind: &str, job: &Path) -> String {
    let folder = env::temp_dir().join(format!("hitherto-init-{}", std::process::id()));
    let said = run_in(kind, job, &folder).unwrap_or_default();
    // What is left of it is nobody's.
    drop(fs::remove_dir_all(&folder));
    said
}

/// Runs the job in a new folder.
fn run_in(kind: &str, job: &Path, folder: &Path) -> Option<String> {
    fs::create_dir(folder).ok()?;
    let out = folder.join("out");
    let program = env::current_exe().ok()?;
    let mut run = Command::new(&program);
    run.arg(kind)
        .arg("--job")
        .arg(job)
        .arg("--out")
        .arg(&out)
        .arg("--quiet");
    match ended(&mut run)? {
        Ended::Done => {}
        Ended::Refused(said) => {
            let line = said.lines().next().unwrap_or_default();
            return Some(format!("as it stands it ends with: {line}\n"));
        }
        Ended::TooLong => {
            let longest = LONGEST.as_secs();
            return Some(format!(
                "its first row is not shown: the run takes longer than {longest} s\n"
            ));
        }
    }
    let mut head = Command::new(&program);
    head.arg("head")
        .arg(&out)
        .arg("--rows")
        .arg("1")
        .arg("--quiet");
    let shown = head.stdin(Stdio::null()).output().ok()?;
    let text = String::from_utf8_lossy(&shown.stdout);
    Some(format!("its first row:\n{}\n", text.trim_end()))
}

/// How a command ends; `None` if it cannot be run.
fn ended(command: &mut Command) -> Option<Ended> {
    let streams = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    let mut child: Child = streams.spawn().ok()?;
    let mut stderr = child.stderr.take()?;
    // Read beside the run, which would wait for room otherwise.
    let reader = thread::spawn(move || {
        let mut said = String::new();
        drop(stderr.read_to_string(&mut said));
        said
    });
    let begin = Instant::now();
    let status = loop {
        match child.try_wait().ok()? {
            Some(status) => break status,
            None if begin.elapsed() > LONGEST => {
                drop(child.kill());
                drop(child.wait());
                return Some(Ended::TooLong);
            }
            None => thread::sleep(STEP),
        }
    };
    let said = reader.join().ok()?;
    Some(if status.success() {
        Ended::Done
    } else {
        Ended::Refused(said)
    })
}
