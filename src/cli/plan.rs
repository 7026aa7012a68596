//! Flags of `plan`, and what it says: a table for people, or an object for programs.

use clap::{Args, Subcommand};
use hitherto::{Day, Job, Planned, PlannedOf, Warning, date_text};
use indexmap::IndexMap;
use serde::Serialize;

use crate::cli::args::Sequences;
use crate::cli::dwell::Dwell;
use crate::cli::features::Features;
use crate::cli::job::JobFile;
use crate::cli::render::summary::{grouped, pretty, range, rounded, size, warned};
use crate::cli::{job_of, print, start};

/// The examples under `hitherto plan --help`.
const EXAMPLES: &str = "\
Examples:
  What will tonight's run take?
    hitherto plan sequences shop --out training --date 2025-08-15

  Will it still fit if it may take a gigabyte? For a program:
    hitherto plan --json features market --out training --windows 1h,24h --memory 1GiB

  What of a year of events?
    hitherto plan dwell events --out visits

Rows, samples and parts are exact, but for the rows of dwell; all else is an estimate, whose spread is
told. What is wrong with flags, inputs or output, as far as it is met, ends it as it would end the run:
with the same exit code.";

/// Where a line goes on below.
const BELOW: &str = "\n          ";

/// Flags of `plan`; what it says of itself stands at [`crate::cli::args::Command`], where clap looks
/// for it.
#[derive(Args, Debug)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct PlanArgs {
    /// Print a JSON object
    #[arg(long, global = true)]
    json: bool,
    /// What would be run.
    #[command(subcommand)]
    job: PlannedJob,
}

/// The jobs that can be planned.
#[derive(Debug, Subcommand)]
enum PlannedJob {
    /// For every impression, the customer's last actions before it
    Sequences(Box<Sequences>),
    /// For every impression, prior clicks and whether one followed
    Features(Box<Features>),
    /// How long each user stayed on the flyers of each merchant
    Dwell(Box<Dwell>),
}

impl PlanArgs {
    /// Plans, and prints what was found.
    pub(crate) fn run(self, file: Option<&JobFile>) -> anyhow::Result<()> {
        let (common, settings) = match self.job {
            PlannedJob::Sequences(sequences) => sequences.into_settings(file),
            PlannedJob::Features(features) => features.into_settings(file),
            PlannedJob::Dwell(dwell) => dwell.into_settings(file),
        };
        let job = job_of(&common, settings)?;
        let (context, progress) = start(&common)?;
        let planned = hitherto::plan(&job, &context);
        let took = progress.finish();
        let planned = planned?;
        print(&match self.json || common.stats.is_some() {
            true => object(&job, &planned, took),
            false => table(&job, &planned, took),
        })
    }
}

/// A plan for people.
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
        read_of(planned),
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
                "about {seconds:.1} s on {threads}{BELOW}{}",
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

/// What is read of which a sample tells.
fn read_of(planned: &Planned) -> &'static str {
    match planned.of {
        PlannedOf::Sequences { .. } => "actions",
        PlannedOf::Features { .. } => "clicks",
        PlannedOf::Dwell { .. } => "events",
    }
}

/// What would be read.
fn reads(planned: &Planned) -> String {
    let read = format!("about {} {}", grouped(planned.rows_read), read_of(planned));
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
    lines.join(BELOW)
}

/// What would be made.
fn makes(planned: &Planned) -> String {
    let of_samples = match planned.of {
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
            format!("{} days, {}", planned.days.len(), range((*first, *last)))
        }
        (Some((day, _)), _) => date_text(*day),
        (None, _) => "no day".to_owned(),
    };
    let (rows, parts) = (count(planned.rows(), "row"), count(planned.parts, "part"));
    format!("{rows}{of_samples} in {parts}, {days}")
}

/// A share for people.
fn percent(share: f64) -> String {
    match share * 100.0 {
        percent if percent > 99.95 => "all".to_owned(),
        percent => format!("{percent:.1} %"),
    }
}

/// A plan for programs.
#[derive(Serialize)]
struct Document<'a> {
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
    of: OfJob,
    #[serde(flatten)]
    made: Option<Made>,
}

/// What is planned of one kind of job.
#[derive(Serialize)]
#[serde(untagged)]
enum OfJob {
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

/// What would be made, by day.
#[derive(Serialize)]
struct Made {
    rows: u64,
    parts: u64,
    days: Vec<DayRows>,
}

/// The rows of a day.
#[derive(Serialize)]
struct DayRows {
    day: Day,
    rows: u64,
}

/// A plan for programs, as text.
fn object(job: &Job, planned: &Planned, took: f64) -> String {
    let stages = planned.stages.iter();
    let stages = stages.map(|(name, seconds)| (name.replace(' ', "_"), rounded(*seconds)));
    pretty(&Document {
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
        of: of_job(planned),
        made: made(planned),
    })
}

/// What is planned of the kind of job that it is.
fn of_job(planned: &Planned) -> OfJob {
    match planned.of {
        PlannedOf::Sequences {
            impressions,
            customers,
            samples,
            actions_kept,
            history_actions,
        } => OfJob::Sequences {
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
        } => OfJob::Features {
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
        } => OfJob::Dwell {
            events_share: planned.read_share,
            events: planned.rows_read,
            events_kept,
            users,
            user_merchant_rows: user_rows,
        },
    }
}

/// What would be made, by day; nothing of `dwell`, whose rows are an estimate.
fn made(planned: &Planned) -> Option<Made> {
    if matches!(planned.of, PlannedOf::Dwell { .. }) {
        return None;
    }
    let days = planned.days.iter().map(|(day, rows)| DayRows {
        day: *day,
        rows: *rows,
    });
    Some(Made {
        rows: planned.rows(),
        parts: planned.parts,
        days: days.collect(),
    })
}
