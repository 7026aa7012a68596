//! Flags of `plan`, and the estimate that it prints: a table for people, or an object for programs.

use clap::{Args, Subcommand};
use hitherto::{Day, Job, Planned, PlannedOf, Warning, date_text};
use indexmap::IndexMap;
use serde::Serialize;

use crate::cli::dwell::DwellArgs;
use crate::cli::features::FeaturesArgs;
use crate::cli::job::JobFile;
use crate::cli::render::summary::{grouped, pretty, range, rounded, size, warned};
use crate::cli::runner::{new_job, print, start};
use crate::cli::sequences::SequencesArgs;

/// The examples under `hitherto plan --help`.
const EXAMPLES: &str = "\
Examples:
  What will tonight's run take?
    hitherto plan sequences shop --out training --date 2025-08-15

  The time and memory of a run that is limited to a gigabyte, for a program:
    hitherto plan --json features market --out training --windows 1h,24h --memory 1GiB

  The same for dwell:
    hitherto plan dwell events --out visits

Rows, samples and parts of sequences and features are exact. Everything else is an estimate, with
its spread. Faults of flags, inputs or output that plan meets end it with the exit code of the run.";

/// A line break inside a value, with the indent of values.
const NEXT_LINE: &str = "\n          ";

/// Flags of `plan`. clap takes the description of the command from `args::Command`.
#[derive(Args, Debug)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct PlanArgs {
    /// Print the estimate as a JSON object
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    job: PlannedJob,
}

/// The jobs that can be planned.
#[derive(Debug, Subcommand)]
enum PlannedJob {
    /// For every impression, the customer's last actions before it
    Sequences(Box<SequencesArgs>),
    /// For every impression, prior clicks and whether one followed
    Features(Box<FeaturesArgs>),
    /// How long each user stayed on the flyers of each merchant
    Dwell(Box<DwellArgs>),
}

impl PlanArgs {
    /// Estimates, and prints the estimate.
    pub(crate) fn run(self, file: Option<&JobFile>) -> anyhow::Result<()> {
        let (args, settings) = match self.job {
            PlannedJob::Sequences(sequences) => sequences.into_settings(file),
            PlannedJob::Features(features) => features.into_settings(file),
            PlannedJob::Dwell(dwell) => dwell.into_settings(file),
        };
        let job = new_job(&args, settings)?;
        let (context, progress) = start(&args)?;
        let planned = hitherto::plan(&job, &context);
        let took = progress.finish();
        let planned = planned?;
        // `--stats json` belongs to the command line that is planned. There are no statistics of a
        // run here, so it asks for the object as well.
        print(&if self.json || args.stats.is_some() {
            object(&job, &planned, took)
        } else {
            table(&job, &planned, took)
        })
    }
}

/// An estimate for people.
fn table(job: &Job, planned: &Planned, took: f64) -> String {
    let mut text = format!(
        "{} would be made like this; nothing was written\n",
        job.out.display()
    );
    for (name, what) in [("reads", reads(planned)), ("makes", makes(planned))] {
        text += &format!("  {name:<7} {what}\n");
    }
    let stages = planned.stages.iter();
    let stages: Vec<String> = stages
        .map(|(name, seconds)| format!("{name} {seconds:.2} s"))
        .collect();
    let spilled = match planned.spilled {
        0 => "nothing".to_owned(),
        bytes => format!("about {}, to --temp-dir", size(bytes)),
    };
    let threads = u64::try_from(job.threads).unwrap_or(u64::MAX);
    let (seconds, threads) = (planned.seconds(), count(threads, "thread"));
    let sample = format!(
        "{} of the {}, {} of the rows, in {took:.1} s; give or take {:.0} %",
        percent(planned.read_share),
        rows_name(planned),
        percent(planned.made_share),
        planned.spread * 100.0
    );
    let accounted = size(planned.memory_accounted);
    for (name, what) in [
        ("size", format!("about {}", size(planned.bytes))),
        (
            "memory",
            format!("about {}, of it {accounted} for rows", size(planned.memory)),
        ),
        ("spills", spilled),
        (
            "time",
            format!(
                "about {seconds:.1} s on {threads}{NEXT_LINE}{}",
                stages.join(", ")
            ),
        ),
        ("from", sample),
    ] {
        text += &format!("  {name:<7} {what}\n");
    }
    warned(&planned.warnings).for_each(|line| text += &(line + "\n"));
    text
}

/// A number and what it counts.
fn count(count: u64, what: &str) -> String {
    match count {
        1 => format!("1 {what}"),
        count => format!("{} {what}s", grouped(count)),
    }
}

/// What the rows of the sampled source are called.
fn rows_name(planned: &Planned) -> &'static str {
    match planned.of {
        PlannedOf::Sequences { .. } => "actions",
        PlannedOf::Features { .. } => "clicks",
        PlannedOf::Dwell { .. } => "events",
    }
}

/// What the run would read.
fn reads(planned: &Planned) -> String {
    let read = format!(
        "about {} {}",
        grouped(planned.rows_read),
        rows_name(planned)
    );
    let kept = |kept| format!("{read}, of which about {} are kept", grouped(kept));
    let mut lines = match planned.of {
        PlannedOf::Sequences {
            impressions,
            customers,
            actions_kept,
            ..
        } => {
            let (impressions, customers) = (
                count(impressions, "impression"),
                count(customers, "customer"),
            );
            vec![format!("{impressions} of {customers}"), kept(actions_kept)]
        }
        PlannedOf::Features {
            impressions,
            users,
            listings,
        } => {
            let (users, listings) = (count(users, "user"), count(listings, "listing"));
            let impressions = count(impressions, "impression");
            vec![format!("{impressions} of {listings} to {users}"), read]
        }
        PlannedOf::Dwell { events_kept, .. } => vec![kept(events_kept)],
    };
    let files = count(planned.files, "file");
    lines.push(format!("{files}, {}", size(planned.input_bytes)));
    lines.join(NEXT_LINE)
}

/// What the run would write.
fn makes(planned: &Planned) -> String {
    let samples = match planned.of {
        PlannedOf::Dwell {
            users, user_rows, ..
        } => {
            let (rows, users) = (grouped(user_rows), grouped(users));
            return format!(
                "about {rows} rows of a user, merchant and day, of about {users} users"
            );
        }
        PlannedOf::Sequences { samples, .. } if samples != planned.rows() => {
            format!(" of {}", count(samples, "sample"))
        }
        _ => String::new(),
    };
    let days = match (planned.days.first(), planned.days.last()) {
        (Some((first, _)), Some((last, _))) if first != last => {
            format!("{} days, {}", planned.days.len(), range(*first, *last))
        }
        (Some((day, _)), _) => date_text(*day),
        (None, _) => "no day".to_owned(),
    };
    let (rows, parts) = (count(planned.rows(), "row"), count(planned.parts, "part"));
    format!("{rows}{samples} in {parts}, {days}")
}

/// A share for people.
fn percent(share: f64) -> String {
    match share * 100.0 {
        // With one decimal it would read 100.0 %.
        percent if percent > 99.95 => "all".to_owned(),
        percent => format!("{percent:.1} %"),
    }
}

/// An estimate for programs.
#[derive(Serialize)]
struct PlanDocument<'a> {
    out: String,
    threads: usize,
    files: u64,
    input_bytes: u64,
    bytes: u64,
    memory_accounted_peak_bytes: u64,
    memory_peak_bytes: u64,
    spilled_bytes: u64,
    seconds: f64,
    stages: IndexMap<String, f64>,
    spread: f64,
    rows_share: f64,
    planning_seconds: f64,
    warnings: &'a [Warning],
    #[serde(flatten)]
    job: JobEstimate,
    #[serde(flatten)]
    output: Option<OutputEstimate>,
}

/// What is estimated for one kind of job only.
#[derive(Serialize)]
#[serde(untagged)]
enum JobEstimate {
    Sequences {
        actions_share: f64,
        impressions: u64,
        customers: u64,
        samples: u64,
        action_rows: u64,
        actions_kept: u64,
        history_actions: u64,
    },
    Features {
        clicks_share: f64,
        impressions: u64,
        users: u64,
        listings: u64,
        clicks: u64,
    },
    Dwell {
        events_share: f64,
        events: u64,
        events_kept: u64,
        users: u64,
        user_merchant_rows: u64,
    },
}

/// The rows and parts of the output, by day.
#[derive(Serialize)]
struct OutputEstimate {
    rows: u64,
    parts: u64,
    days: Vec<DayEstimate>,
}

/// The rows of a day.
#[derive(Serialize)]
struct DayEstimate {
    day: Day,
    rows: u64,
}

/// An estimate for programs, as text.
fn object(job: &Job, planned: &Planned, took: f64) -> String {
    let stages = planned.stages.iter();
    let stages = stages.map(|(name, seconds)| (name.replace(' ', "_"), rounded(*seconds)));
    pretty(&PlanDocument {
        out: job.out.display().to_string(),
        threads: job.threads,
        files: planned.files,
        input_bytes: planned.input_bytes,
        bytes: planned.bytes,
        memory_accounted_peak_bytes: planned.memory_accounted,
        memory_peak_bytes: planned.memory,
        spilled_bytes: planned.spilled,
        seconds: rounded(planned.seconds()),
        stages: stages.collect(),
        spread: planned.spread,
        rows_share: planned.made_share,
        planning_seconds: rounded(took),
        warnings: &planned.warnings,
        job: job_estimate(planned),
        output: output_estimate(planned),
    })
}

/// What is estimated for this kind of job only.
fn job_estimate(planned: &Planned) -> JobEstimate {
    match planned.of {
        PlannedOf::Sequences {
            impressions,
            customers,
            samples,
            actions_kept,
            history_actions,
        } => JobEstimate::Sequences {
            actions_share: planned.read_share,
            impressions,
            customers,
            samples,
            action_rows: planned.rows_read,
            actions_kept,
            history_actions,
        },
        PlannedOf::Features {
            impressions,
            users,
            listings,
        } => JobEstimate::Features {
            clicks_share: planned.read_share,
            impressions,
            users,
            listings,
            clicks: planned.rows_read,
        },
        PlannedOf::Dwell {
            events_kept,
            users,
            user_rows,
        } => JobEstimate::Dwell {
            events_share: planned.read_share,
            events: planned.rows_read,
            events_kept,
            users,
            user_merchant_rows: user_rows,
        },
    }
}

/// The output by day; none for `dwell`, whose rows are not known exactly.
fn output_estimate(planned: &Planned) -> Option<OutputEstimate> {
    if matches!(planned.of, PlannedOf::Dwell { .. }) {
        return None;
    }
    let days = planned.days.iter().map(|(day, rows)| DayEstimate {
        day: *day,
        rows: *rows,
    });
    Some(OutputEstimate {
        rows: planned.rows(),
        parts: planned.parts,
        days: days.collect(),
    })
}
