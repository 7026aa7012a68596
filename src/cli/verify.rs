//! Flags of `verify`, and its report.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::Args;
use hitherto::advice::Hint;
use hitherto::{AuditRows, Audited, Error, ErrorKind, JobKind, Problem, Verified, VerifySettings};

use crate::cli::args::Common;
use crate::cli::render::summary::{grouped, size};
use crate::cli::values::audit_rows;
use crate::cli::{print, start, threads};

/// The examples under `hitherto verify --help`.
const EXAMPLES: &str = "\
Examples:
  Is what lies in training what was published, and are 1000 of its rows right?
    hitherto verify training

  Every row, and that none is missing:
    hitherto verify training --audit-rows all

  Only what lies there, without the inputs that it was made from:
    hitherto verify training --audit-rows 0

  Inputs that the run named by relative paths are looked for from the folder that it ran in,
  from training, from the folder above and from the current one; or only from another one:
    hitherto verify training --inputs-from /archive/2025

Standard output has a report if all is well; what is not is told on standard error.

Exit codes: 0 sound, 2 usage, 65 not sound: a file of OUT is damaged, or a row is not what the
inputs make it; 66 no such set, or its files are sound and its rows cannot be audited, as
inputs are gone or have changed; 70 internal fault, 74 I/O, 130 and 143 interrupted.";

/// Flags of `verify`; what it says of itself stands at [`crate::cli::args::Command`], where clap looks
/// for it.
#[derive(Args, Debug)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct Verify {
    /// The folder that a job published
    #[arg(value_name = "OUT")]
    out: PathBuf,
    /// Rows to recompute from the inputs by a second, naive path: a number, or all; 0 for none
    #[arg(long, value_name = "COUNT|all", default_value = "1000", value_parser = audit_rows)]
    audit_rows: AuditRows,
    /// Folder that relative paths of inputs start from [default: that of the run, see below]
    #[arg(long, value_name = "DIR")]
    inputs_from: Option<PathBuf>,
    /// Folder for the small dataset of canaries [default: the system's]
    #[arg(long, value_name = "DIR")]
    temp_dir: Option<PathBuf>,
    /// How to run.
    #[command(flatten)]
    running: Running,
}

/// How commands run that look at what was published.
#[derive(Args, Debug)]
#[command(next_help_heading = "Running")]
pub(crate) struct Running {
    /// Threads to work with [default: all cores]
    #[arg(long, value_name = "COUNT")]
    threads: Option<usize>,
    /// Say nothing but errors
    #[arg(long)]
    quiet: bool,
}

impl Running {
    /// The same as flags of a job.
    pub(crate) fn common(&self) -> Common {
        Common {
            threads: self.threads,
            memory: None,
            temp_dir: None,
            quiet: self.quiet,
            stats: None,
        }
    }
}

impl Verify {
    /// Verifies, and says what was found.
    pub(crate) fn run(self) -> anyhow::Result<()> {
        let common = self.running.common();
        let settings = VerifySettings {
            out: self.out,
            threads: threads(&common),
            audit_rows: self.audit_rows,
            inputs_from: self.inputs_from,
            temp_dir: self.temp_dir.unwrap_or_else(std::env::temp_dir),
        };
        let (context, progress) = start(&common)?;
        let verified = hitherto::verify(&settings, &context);
        progress.finish();
        let verified = verified?;
        if verified.problems_count > 0 {
            return Err(refused(&settings.out, &verified).into());
        }
        if let Some(why) = &verified.unaudited_why {
            return Err(not_audited(&settings.out, &verified.unaudited, why).into());
        }
        if common.quiet {
            return Ok(());
        }
        print(&report(&settings.out, &verified))
    }
}

/// Tells every problem, and gives the error that sums them up.
fn refused(out: &Path, verified: &Verified) -> Error {
    let mut text = String::new();
    for problem in &verified.problems {
        let path = out.join(&problem.path);
        text += &format!("{}: {}\n", path.display(), problem.what);
    }
    // Whether or not somebody reads this, the exit code tells.
    drop(io::stderr().write_all(text.as_bytes()));
    let told = u64::try_from(verified.problems.len()).unwrap_or(u64::MAX);
    let what = match verified.problems_count {
        1 => "one problem, told above".to_owned(),
        count if count == told => format!("{count} problems, told above"),
        count => format!("{count} problems, the first {told} of them told above"),
    };
    Error::bad_file(
        out.display().to_string(),
        format!("it is not sound: {what}"),
    )
}

/// Tells every input that is lost, if it is more than one, and gives the error that sums them up.
fn not_audited(out: &Path, lost: &[Problem], why: &str) -> Error {
    let out = out.display();
    let texts = lost.iter().map(|of| format!("{out}: {}\n", of.what));
    if lost.len() > 1 {
        let text: String = texts.collect();
        // Whether or not somebody reads this, the exit code tells.
        drop(io::stderr().write_all(text.as_bytes()));
    }
    let hint = Hint::FilesOnly.text();
    let what = format!("\"{out}\": the files are sound; rows cannot be audited: {why}; {hint}");
    Error::from(ErrorKind::NoInput { what })
}

/// The report on a sound set.
fn report(out: &Path, verified: &Verified) -> String {
    let line = |name: &str, what: String| format!("  {name:<9} {what}");
    let days = match verified.days {
        0 => String::new(),
        1 => ", 1 day".to_owned(),
        days => format!(", {} days", grouped(days)),
    };
    let job = verified.job_kind.map_or("", JobKind::name);
    let (rows, parts) = (grouped(verified.rows), grouped(verified.parts));
    let files = format!("{parts} of {rows} rows, {}", size(verified.bytes));
    let verdict = match verified.audited {
        Some(_) => "is sound, and its rows are right",
        None => "is sound",
    };
    let mut lines = vec![
        format!("{} {verdict}", out.display()),
        line("job", format!("{job}{days}")),
        line(
            "files",
            format!("{files}: bytes, checksums, columns and counts as published"),
        ),
    ];
    match &verified.audited {
        None => lines.push(line("audit", "none, --audit-rows 0".to_owned())),
        Some(audited) => lines.extend(audit_lines(audited)),
    }
    let warnings = verified.warnings.iter();
    lines.extend(warnings.map(|text| line("warning", text.clone())));
    lines.push(line(
        "manifest",
        format!("xxh64 {:016x}", verified.manifest),
    ));
    lines.join("\n") + "\n"
}

/// What the audit looked at.
fn audit_lines(audited: &Audited) -> Vec<String> {
    let line = |name: &str, what: String| format!("  {name:<9} {what}");
    let (rows, all) = (grouped(audited.rows), grouped(audited.of_rows));
    let (records, files) = (grouped(audited.records), grouped(audited.inputs));
    let canaries = match audited.canaries {
        None => "none, for this job has no cutoffs".to_owned(),
        Some(of) => format!(
            "{} planted around {} impressions: {} kept, {} refused, as they must",
            grouped(of.planted),
            grouped(of.impressions),
            grouped(of.kept),
            grouped(of.refused)
        ),
    };
    vec![
        line(
            "audit",
            format!(
                "{rows} of {all} rows recomputed, from {records} records of {files} input files"
            ),
        ),
        line("canaries", canaries),
        line("report", "_audit.json, in the same folder".to_owned()),
    ]
}
