//! The summary of a run, for people and for programs.
//!
//! **In / Out**: a report → its [`Summary`] → lines on standard error, and the object of `--stats json`.

use hitherto::{
    Day, DayReport, Job, JobKind, Layout, Report, RunContext, Shard, StageTime, Warning, date_text,
};
use serde::Serialize;

use crate::cli::render::snippets;

/// What a run made, for every kind of job.
pub(crate) struct Summary<'a, R> {
    /// The days of the rows.
    pub(crate) days: String,
    /// Numbers and what they count, one on each line.
    pub(crate) counts: Vec<(u64, String)>,
    /// Rows that were quarantined.
    pub(crate) rejected: u64,
    /// Days that were asked for and skipped, and how they are described.
    pub(crate) days_skipped: (u64, String),
    /// What a person should look at.
    pub(crate) warnings: &'a [Warning],
    /// How to read the output, one tool on each line.
    pub(crate) snippets: Vec<String>,
    /// The report, for programs.
    pub(crate) stats: &'a R,
}

impl<R: Serialize> Summary<'_, R> {
    /// For standard error.
    pub(crate) fn text(&self, job: &Job, seconds: f64) -> String {
        let out = job.out.display();
        let mut lines = vec![format!("made {out}: {}, in {seconds:.2} s", self.days)];
        let rejected = format!("rows rejected, see {out}/_quarantine");
        let others = [(self.rejected, rejected), self.days_skipped.clone()];
        let others = others.iter().filter(|(count, _)| *count > 0);
        let counts = self.counts.iter().chain(others);
        lines.extend(counts.map(|(count, what)| format!("  {:>13} {what}", grouped(*count))));
        lines.extend(warned(self.warnings));
        lines.extend_from_slice(&self.snippets);
        lines.join("\n") + "\n"
    }

    /// For standard output.
    pub(crate) fn stats(&self, job: &Job, context: &RunContext, seconds: f64) -> String {
        pretty(&RunStats {
            out: job.out.display().to_string(),
            seconds: rounded(seconds),
            threads: job.threads,
            memory_accounted_peak_bytes: context.memory_peak(),
            spilled_bytes: context.spilled(),
            rows_read: context.rows().0,
            // The reports of the other jobs have their rows under names of their own.
            rows_written: (job.kind() == JobKind::Sequences).then(|| context.rows().1),
            stages: stages(job, context),
            report: self.stats,
        })
    }
}

/// The statistics of a run: those of every job, and its report.
#[derive(Serialize)]
struct RunStats<'r, R> {
    out: String,
    seconds: f64,
    threads: usize,
    memory_accounted_peak_bytes: u64,
    spilled_bytes: u64,
    rows_read: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    rows_written: Option<u64>,
    stages: Vec<StageStats>,
    #[serde(flatten)]
    report: &'r R,
}

/// A stage of a run.
#[derive(Serialize)]
struct StageStats {
    stage: &'static str,
    seconds: f64,
    /// Seconds that all threads worked.
    cpu_seconds: f64,
    /// Seconds that all threads waited, for each other or for the disk.
    waiting_seconds: f64,
}

/// The stages of a run, in order.
fn stages(job: &Job, context: &RunContext) -> Vec<StageStats> {
    let times = context.stage_times().into_iter();
    let threads = f64::from(u32::try_from(job.threads).unwrap_or(u32::MAX));
    let of_stage = |time: StageTime| StageStats {
        stage: time.stage,
        seconds: rounded(time.seconds),
        cpu_seconds: rounded(time.cpu_seconds),
        waiting_seconds: rounded((threads * time.seconds - time.cpu_seconds).max(0.0)),
    };
    times.map(of_stage).collect()
}

/// A document as indented JSON.
pub(crate) fn pretty(document: &impl Serialize) -> String {
    let text = serde_json::to_string_pretty(document);
    text.expect("texts and numbers are always JSON") + "\n"
}

/// The summary of a run of `sequences`.
pub(crate) fn of_sequences<'a>(job: &Job, report: &'a Report) -> Summary<'a, Report> {
    let skipped = "days left as they are, --if-exists skip".to_owned();
    Summary {
        days: days(report),
        counts: counts(job, report),
        rejected: report.rejected,
        days_skipped: (report.days_skipped, skipped),
        warnings: &report.warnings,
        snippets: match job.shard {
            None => snippets(job, report),
            Some(shard) => next_of_shard(job, shard),
        },
        stats: report,
    }
}

/// What comes after a shard.
pub(crate) fn next_of_shard(job: &Job, shard: Shard) -> Vec<String> {
    let shards = job.out.parent().unwrap_or(&job.out).to_string_lossy();
    let shards = hitherto::shell_word(&shards);
    vec![
        format!("when all {} shards are made", shard.count),
        format!("  hitherto finalize {shards} --out OUT"),
    ]
}

/// What a run of `sequences` counted.
fn counts(job: &Job, report: &Report) -> Vec<(u64, String)> {
    let samples = format!(
        "samples, {} without history, {} actions each on average",
        percent(report.zero_history, report.samples),
        ratio(report.history_actions, report.samples)
    );
    let mut counts = vec![(report.samples, samples)];
    if let Some(late @ 1..) = report.landed_late {
        let what =
            "actions in them landed on or after the day of the impression, --available SOURCE=dt";
        counts.push((late, what.to_owned()));
    }
    if job.sequences().layout == Layout::Request {
        let rows = report.days.iter().map(|day| day.rows).sum();
        counts.push((rows, "rows, one per impression".to_owned()));
    }
    let parts = report.days.iter().map(|day| day.parts).sum();
    counts.push((parts, format!("parts, {}", size(bytes(&report.days)))));
    let impression_notes = [
        (
            report.guests_dropped,
            "dropped as guests, --guests empty keeps them",
        ),
        (report.without_items, "without items"),
        (report.null_labels, "items without a label"),
        (
            report.unknown_items,
            "items that the vocabulary lacks, --unknown-item",
        ),
        (report.negatives_left_out, "negatives left out"),
        (report.sampled_away, "of which nothing is left"),
    ];
    counts.push((
        report.impressions,
        format!("impressions{}", notes(&impression_notes)),
    ));
    let action_notes = [
        (report.null_customers, "without a customer"),
        (report.never_available, "never known"),
        (report.of_other_types, "of other types than --types has"),
        (report.repeats_left_out, "left out as repeats, --dedup"),
        (report.filtered, "left out by where"),
        (report.without_code, "of types without a code"),
        (report.unknown_actions, "on items that the vocabulary lacks"),
    ];
    counts.push((
        report.action_rows,
        format!("actions{}", notes(&action_notes)),
    ));
    counts
}

/// The days of a report.
fn days(report: &Report) -> String {
    match (report.days.len(), range_of(&report.days)) {
        (1, Some(day)) => format!("1 day, {day}"),
        (count, Some(range)) => format!("{count} days, {range}"),
        (_, None) if report.days_skipped > 0 => "no more days".to_owned(),
        (_, None) => "no days, for there are no impressions".to_owned(),
    }
}

/// The first and the last of some days; only one of them if they are the same.
pub(crate) fn range(first: Day, last: Day) -> String {
    if first == last {
        date_text(first)
    } else {
        format!("{} to {}", date_text(first), date_text(last))
    }
}

/// The range of the days that were made, if there are some.
pub(crate) fn range_of(days: &[DayReport]) -> Option<String> {
    let ends = days.first().zip(days.last());
    ends.map(|(first, last)| range(first.day, last.day))
}

/// The bytes of the days that were made.
pub(crate) fn bytes(days: &[DayReport]) -> u64 {
    days.iter().map(|day| day.bytes).sum()
}

/// How to read the output.
fn snippets(job: &Job, report: &Report) -> Vec<String> {
    let Some(first) = report.days.first() else {
        return Vec::new();
    };
    let (out, day) = (&job.out, date_text(first.day));
    let folder = out.join(format!("dt={day}"));
    let mut lines = vec!["read it with".to_owned()];
    lines.extend(snippets::of_days(out, "dt", &day));
    lines.extend([
        format!(
            "  PyTorch  the loader in the guide, page read_and_train, on \"{}\"",
            folder.display()
        ),
        format!(
            "  Spark    spark.read.parquet({})",
            snippets::python(&out.to_string_lossy())
        ),
    ]);
    lines
}

/// A line for each warning.
pub(crate) fn warned(warnings: &[Warning]) -> impl Iterator<Item = String> {
    let lines = warnings.iter();
    lines.map(|warning| {
        let code = warning.code.name();
        format!("  warning: {} (--no-warn {code})", warning.text)
    })
}

/// The counts that are not 0, in brackets; an empty text if all are 0.
pub(crate) fn notes(counts: &[(u64, &str)]) -> String {
    let counts = counts.iter().filter(|(count, _)| *count > 0);
    let notes: Vec<String> = counts
        .map(|(count, what)| format!("{} {what}", grouped(*count)))
        .collect();
    if notes.is_empty() {
        String::new()
    } else {
        format!(" ({})", notes.join("; "))
    }
}

/// Seconds to the millisecond.
pub(crate) fn rounded(seconds: f64) -> f64 {
    (seconds * 1000.0).round() / 1000.0
}

/// A number with commas between thousands.
pub(crate) fn grouped(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A number of bytes for people.
pub(crate) fn size(bytes: u64) -> String {
    let units = [("GB", 1_000_000_000), ("MB", 1_000_000), ("kB", 1_000)];
    for (unit, factor) in units {
        if bytes >= factor {
            let tenths = bytes / (factor / 10);
            return format!("{}.{} {unit}", tenths / 10, tenths % 10);
        }
    }
    format!("{bytes} B")
}

/// A part of a whole as a percentage with one decimal.
pub(crate) fn percent(part: u64, whole: u64) -> String {
    if whole == 0 {
        return "0 %".to_owned();
    }
    // In 128 bits: a thousand times a count may not fit 64.
    let tenths = u128::from(part) * 1000 / u128::from(whole);
    format!("{}.{} %", tenths / 10, tenths % 10)
}

/// A ratio with one decimal.
fn ratio(part: u64, whole: u64) -> String {
    if whole == 0 {
        return "0".to_owned();
    }
    let tenths = u128::from(part) * 10 / u128::from(whole);
    format!("{}.{}", tenths / 10, tenths % 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_for_people() {
        assert_eq!(grouped(0), "0");
        assert_eq!(grouped(999), "999");
        assert_eq!(grouped(1_234_567), "1,234,567");
        assert_eq!(size(999), "999 B");
        assert_eq!(size(1_250_000), "1.2 MB");
        assert_eq!(percent(1, 3), "33.3 %");
        assert_eq!(ratio(7, 2), "3.5");
    }
}
