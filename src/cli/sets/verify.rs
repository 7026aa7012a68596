//! Flags of `verify`, and its report.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::Args;
use hitherto::advice::Hint;
use hitherto::{AuditRows, Audited, Error, ErrorKind, JobKind, Problem, Verified, VerifySettings};

use crate::cli::flags::{CheckArgs, RunArgs};
use crate::cli::render::summary::{grouped, size};
use crate::cli::runner::{print, start, threads};
use crate::cli::values::audit_rows;

/// The examples under `hitherto verify --help`.
const EXAMPLES: &str = "\
Examples:
  Are the files in training as they were published, and are 1000 of its rows correct?
    hitherto verify training

  The same for every row, which also notices missing rows:
    hitherto verify training --audit-rows all

  Only the files, because the inputs are gone:
    hitherto verify training --audit-rows 0

  The inputs have moved to another folder:
    hitherto verify training --inputs-from /archive/2025

Inputs with relative paths are looked for from the folder in which the run was started, from OUT,
from the folder above OUT and from the current folder; --inputs-from replaces all four. Standard
output has a report if the set is sound; standard error names each problem if it is not.

Exit codes: 0 sound, 2 usage, 65 not sound: a file of OUT is damaged, or a row is not what the
inputs make it; 66 no such set, or its files are sound and its rows cannot be audited, as
inputs are gone or have changed; 70 internal fault, 74 I/O, 130 and 143 interrupted.";

/// Flags of `verify`. clap takes the description of the command from `args::Command`.
#[derive(Args, Debug)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct VerifyArgs {
    /// The folder that a job published
    #[arg(value_name = "OUT")]
    out: PathBuf,
    /// Number of rows to recompute from the inputs and compare, or all; 0 for no audit
    #[arg(long, value_name = "COUNT|all", default_value = "1000", value_parser = audit_rows)]
    audit_rows: AuditRows,
    /// Folder at which relative paths of inputs start [default: see below]
    #[arg(long, value_name = "DIR")]
    inputs_from: Option<PathBuf>,
    /// Folder for the small set with planted actions [default: the temporary folder of the system]
    #[arg(long, value_name = "DIR")]
    temp_dir: Option<PathBuf>,
    #[command(flatten)]
    check: CheckArgs,
}

impl VerifyArgs {
    /// Verifies, and prints the result.
    pub(crate) fn run(self) -> anyhow::Result<()> {
        let args = RunArgs::from(self.check);
        let settings = VerifySettings {
            out: self.out,
            threads: threads(&args),
            audit_rows: self.audit_rows,
            inputs_from: self.inputs_from,
            temp_dir: self.temp_dir.unwrap_or_else(std::env::temp_dir),
        };
        let (context, progress) = start(&args)?;
        let verified = hitherto::verify(&settings, &context);
        progress.finish();
        let verified = verified?;
        // Damage has a code of its own, 65, and goes before lost inputs, 66, which say nothing
        // against the set.
        if verified.problems_count > 0 {
            return Err(not_sound(&settings.out, &verified).into());
        }
        if let Some(why) = &verified.unaudited_why {
            return Err(not_audited(&settings.out, &verified.unaudited, why).into());
        }
        if args.quiet {
            return Ok(());
        }
        print(&report(&settings.out, &verified))
    }
}

/// Prints every problem; returns the error that sums them up.
fn not_sound(out: &Path, verified: &Verified) -> Error {
    let mut text = String::new();
    for problem in &verified.problems {
        let path = out.join(&problem.path);
        text += &format!("{}: {}\n", path.display(), problem.what);
    }
    // Whether or not somebody reads this, the exit code tells.
    drop(io::stderr().write_all(text.as_bytes()));
    let printed = u64::try_from(verified.problems.len()).unwrap_or(u64::MAX);
    let what = match verified.problems_count {
        1 => "one problem, named above".to_owned(),
        count if count == printed => format!("{count} problems, named above"),
        count => format!("{count} problems, the first {printed} of them named above"),
    };
    Error::bad_file(
        out.display().to_string(),
        format!("it is not sound: {what}"),
    )
}

/// Prints every input that is lost, if there are several; returns the error that sums them up.
fn not_audited(out: &Path, lost: &[Problem], why: &str) -> Error {
    let out = out.display();
    let texts = lost
        .iter()
        .map(|problem| format!("{out}: {}\n", problem.what));
    // `why` names the first loss, so a single one is not printed twice.
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

/// What the audit compared, and how the planted actions fared.
fn audit_lines(audited: &Audited) -> Vec<String> {
    let line = |name: &str, what: String| format!("  {name:<9} {what}");
    let (rows, all) = (grouped(audited.rows), grouped(audited.of_rows));
    let (records, files) = (grouped(audited.records), grouped(audited.inputs));
    let canaries = match audited.canaries {
        None => "none, for this job has no cutoffs".to_owned(),
        Some(canaries) => format!(
            "{} planted around {} impressions: {} kept, {} refused, as they must",
            grouped(canaries.planted),
            grouped(canaries.impressions),
            grouped(canaries.kept),
            grouped(canaries.refused)
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
