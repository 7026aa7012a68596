//! What a run made, for people and for programs.

use hitherto::{Control, Job, Layout, Report, Warning, date_text};
use serde_json::{Value, json};

use crate::cli::reading;

/// The summary of a run, for standard error.
pub(crate) fn of(job: &Job, report: &Report, seconds: f64) -> String {
    let out = job.out.display();
    let parts: u64 = report.days.iter().map(|day| day.parts).sum();
    let bytes: u64 = report.days.iter().map(|day| day.bytes).sum();
    let mut lines = vec![
        format!("made {out}: {}, in {seconds:.2} s", days(report)),
        counted(
            report.samples,
            &format!(
                "samples, {} without history, {} actions each on average",
                percent(report.zero_history, report.samples),
                ratio(report.history_actions, report.samples)
            ),
        ),
    ];
    if let Some(late @ 1..) = report.landed_late {
        let what =
            "actions in them landed on or after the day of the impression, --available SOURCE=dt";
        lines.push(counted(late, what));
    }
    if job.layout == Layout::Request {
        let rows = report.days.iter().map(|day| day.rows).sum();
        lines.push(counted(rows, "rows, one per impression"));
    }
    lines.push(counted(parts, &format!("parts, {}", size(bytes))));
    let of_impressions = [
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
    lines.push(counted(
        report.impressions,
        &format!("impressions{}", notes(&of_impressions)),
    ));
    let of_actions = [
        (report.null_customers, "without a customer"),
        (report.never_available, "never known"),
        (report.of_other_types, "of other types than --types has"),
        (report.repeats_left_out, "left out as repeats, --dedup"),
        (report.filtered, "left out by where"),
        (report.without_code, "of types without a code"),
        (report.unknown_actions, "on items that the vocabulary lacks"),
    ];
    let actions = format!("actions{}", notes(&of_actions));
    lines.push(counted(report.action_rows, &actions));
    if report.rejected > 0 {
        let rejected = format!("rows rejected, see {out}/_quarantine");
        lines.push(counted(report.rejected, &rejected));
    }
    if report.days_skipped > 0 {
        lines.push(counted(
            report.days_skipped,
            "days left as they are, --if-exists skip",
        ));
    }
    lines.extend(warned(&report.warnings));
    lines.extend(reading(job, report));
    lines.join("\n") + "\n"
}

/// The days of a report.
fn days(report: &Report) -> String {
    match (report.days.first(), report.days.last()) {
        (Some(first), Some(last)) if first.day != last.day => {
            let (first, last) = (date_text(first.day), date_text(last.day));
            format!("{} days, {first} to {last}", report.days.len())
        }
        (Some(day), _) => format!("1 day, {}", date_text(day.day)),
        (None, _) if report.days_skipped > 0 => "no more days".to_owned(),
        (None, _) => "no days, for there are no impressions".to_owned(),
    }
}

/// How to read what was made.
fn reading(job: &Job, report: &Report) -> Vec<String> {
    let Some(first) = report.days.first() else {
        return Vec::new();
    };
    let (out, day) = (&job.out, date_text(first.day));
    let folder = out.join(format!("dt={day}"));
    let mut lines = vec!["read it with".to_owned()];
    lines.extend(reading::of_days(out, "dt", &day));
    lines.extend([
        format!(
            "  PyTorch  the loader in the guide, page read_and_train, on \"{}\"",
            folder.display()
        ),
        format!(
            "  Spark    spark.read.parquet({})",
            reading::python(&out.to_string_lossy())
        ),
    ]);
    lines
}

/// A line for each warning.
pub(crate) fn warned(warnings: &[Warning]) -> impl Iterator<Item = String> {
    let lines = warnings.iter();
    lines.map(|of| format!("  warning: {} (--no-warn {})", of.text, of.code.name()))
}

/// Warnings for programs.
pub(crate) fn warnings_value(warnings: &[Warning]) -> Value {
    let values = warnings.iter();
    values
        .map(|of| {
            let source = of.source.map(|source| source.name().to_owned());
            json!({"code": of.code.name(), "source": source, "text": of.text})
        })
        .collect()
}

/// A line of a number and what it counts.
pub(crate) fn counted(count: u64, what: &str) -> String {
    format!("  {:>13} {what}", grouped(count))
}

/// What there is of some things, in brackets; nothing if there is none of them.
pub(crate) fn notes(counts: &[(u64, &str)]) -> String {
    let there = counts.iter().filter(|(count, _)| *count > 0);
    let notes: Vec<String> = there
        .map(|(count, what)| format!("{} {what}", grouped(*count)))
        .collect();
    if notes.is_empty() {
        String::new()
    } else {
        format!(" ({})", notes.join("; "))
    }
}

/// The statistics of a run as JSON, for standard output.
pub(crate) fn stats(job: &Job, report: &Report, control: &Control, seconds: f64) -> String {
    let days = report.days.iter().map(|day| {
        json!({
            "day": date_text(day.day),
            "rows": day.rows,
            "parts": day.parts,
            "bytes": day.bytes,
        })
    });
    let stats = json!({
        "out": job.out.display().to_string(),
        "seconds": (seconds * 1000.0).round() / 1000.0,
        "threads": job.threads,
        "memory_accounted_peak_bytes": control.memory_peak(),
        "spilled_bytes": control.spilled(),
        "rows_read": control.rows().0,
        "rows_written": control.rows().1,
        "files": report.files,
        "impressions": report.impressions,
        "guests_dropped": report.guests_dropped,
        "impressions_without_items": report.without_items,
        "null_labels": report.null_labels,
        "unknown_items": report.unknown_items,
        "actions_on_unknown_items": report.unknown_actions,
        "negatives_left_out": report.negatives_left_out,
        "impressions_sampled_away": report.sampled_away,
        "action_rows": report.action_rows,
        "actions_without_customer": report.null_customers,
        "actions_never_available": report.never_available,
        "landed_late": report.landed_late,
        "actions_of_other_types": report.of_other_types,
        "actions_kept": report.actions_kept,
        "repeats_left_out": report.repeats_left_out,
        "samples": report.samples,
        "samples_without_history": report.zero_history,
        "history_actions": report.history_actions,
        "rejected": report.rejected,
        "days_skipped": report.days_skipped,
        "warnings": warnings_value(&report.warnings),
        "days": days.collect::<Vec<_>>(),
    });
    format!("{stats:#}\n")
}

/// A number with its thousands apart.
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

/// A part of a whole in per cent, with one decimal.
pub(crate) fn percent(part: u64, whole: u64) -> String {
    if whole == 0 {
        return "0 %".to_owned();
    }
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
