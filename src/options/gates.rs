//! Gates: conditions under which a set is not published.
//!
//! **In / Out**: the text of `--fail-if` → [`Gate`]. **Syntax**: `METRIC OP NUMBER`, with OP one of `<
//! <= > >= == !=`. METRIC is the name of a single number of `_metrics.json`; or `METRIC_vs(PATH)`, its
//! ratio to that of another set; or `missing_days(SOURCE)` or `landed_late(SOURCE)`.

use std::fmt;
use std::path::PathBuf;

use crate::error::{Error, Result};
use crate::options::{JobKind, Source};

/// The suffix of the ratio of a metric to that of another set.
const VERSUS: &str = "_vs";
/// A metric that a gate may take of one source.
const MISSING_DAYS: &str = "missing_days";
/// The other metric that a gate may take of one source.
const LANDED_LATE: &str = "landed_late";

/// The single numbers of `sequences`, in the order of `_metrics.json`.
const OF_SEQUENCES: [&str; 26] = [
    "rows",
    "samples",
    "impressions",
    "customer_days",
    "zero_history_pct",
    "avg_history_length",
    "truncated_pct",
    "label_rate",
    "null_label_pct",
    "duplicate_actions_pct",
    "tied_actions_pct",
    "newest_action_age_mean_seconds",
    "newest_action_age_max_seconds",
    "full_history_span_mean_seconds",
    "top_customer_samples",
    "guests_dropped",
    "impressions_without_items",
    "null_labels_dropped",
    "unknown_items_dropped",
    "duplicate_impressions",
    "actions_without_customer",
    "actions_never_available",
    LANDED_LATE,
    "rejected_rows",
    "unused_sources",
    MISSING_DAYS,
];
/// Those of `features`.
const OF_FEATURES: [&str; 21] = [
    "rows",
    "clicked_pct",
    "label_complete_pct",
    "label_rate",
    "unknown_listing_pct",
    "null_category_pct",
    "null_price_pct",
    "null_listing_age_pct",
    "negative_ages",
    "negative_age_pct",
    "prior_listing_clicks_mean",
    "prior_listing_clicks_zero_pct",
    "prior_user_clicks_mean",
    "prior_user_clicks_zero_pct",
    "clicks",
    "clicks_without_user_pct",
    "repeated_clicks",
    "repeated_clicks_pct",
    "rejected_rows",
    "unused_sources",
    MISSING_DAYS,
];
/// Those of `dwell`.
const OF_DWELL: [&str; 18] = [
    "rows",
    "merchant_rows",
    "users",
    "merchants",
    "events",
    "opens",
    "duplicate_events",
    "duplicate_events_pct",
    "null_users",
    "null_flyers",
    "null_merchants",
    "zero_seconds_pct",
    "p50_seconds",
    "p90_seconds",
    "p95_seconds",
    "p99_seconds",
    "rejected_rows",
    "unused_sources",
];

/// The names of the single numbers in the metrics of a job kind.
pub(crate) fn metric_names(job_kind: JobKind) -> &'static [&'static str] {
    match job_kind {
        JobKind::Sequences => &OF_SEQUENCES,
        JobKind::Features => &OF_FEATURES,
        JobKind::Dwell => &OF_DWELL,
    }
}

/// A condition under which a set is not published.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Gate {
    /// The text of `--fail-if`.
    pub(crate) text: String,
    pub(crate) metric: String,
    pub(crate) subject: Subject,
    pub(crate) comparison: Comparison,
    pub(crate) bound: f64,
}

/// What the metric of a gate is taken of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Subject {
    /// The set of this run.
    Run,
    /// The set of this run, divided by the metric of the set at this path.
    Against(PathBuf),
    /// One source.
    Source(Source),
}

/// How a metric and a bound are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Comparison {
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
    /// `>`
    More,
    /// `>=`
    MoreOrEqual,
    /// `==`
    Equal,
    /// `!=`
    NotEqual,
}

/// Comparisons as they are written, the longer ones first.
const COMPARISONS: [(&str, Comparison); 6] = [
    ("<=", Comparison::LessOrEqual),
    (">=", Comparison::MoreOrEqual),
    ("==", Comparison::Equal),
    ("!=", Comparison::NotEqual),
    ("<", Comparison::Less),
    (">", Comparison::More),
];

impl Comparison {
    /// Whether the comparison is true.
    #[expect(
        clippy::float_cmp,
        reason = "a user who writes == means exactly this number, such as 0"
    )]
    pub(crate) fn holds(self, value: f64, bound: f64) -> bool {
        match self {
            Comparison::Less => value < bound,
            Comparison::LessOrEqual => value <= bound,
            Comparison::More => value > bound,
            Comparison::MoreOrEqual => value >= bound,
            Comparison::Equal => value == bound,
            Comparison::NotEqual => value != bound,
        }
    }
}

impl Gate {
    /// Parses a gate of a job with these sources.
    ///
    /// # Errors
    /// If the syntax is wrong, or the job kind has no such metric, or the job no such source.
    pub(crate) fn parse(job_kind: JobKind, sources: &[Source], text: &str) -> Result<Gate> {
        let fault = |what: &str| {
            Error::settings(format!(
                "--fail-if is \"{text}\": {what}; it takes METRIC, METRIC_vs(PATH), \
                 missing_days(SOURCE) or landed_late(SOURCE), then one of < <= > >= == !=, then a number, such as \
                 'zero_history_pct>0.5' or 'rows_vs(training)<0.8'"
            ))
        };
        let trimmed = text.trim_start();
        let is_name_char = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let name_end = trimmed.find(|c| !is_name_char(c)).unwrap_or(trimmed.len());
        let (name, rest) = trimmed.split_at(name_end);
        let (within, rest) = match rest.strip_prefix('(') {
            None => (None, rest),
            Some(rest) => {
                // The last one: a path may have parentheses, and what follows it has none.
                let (within, rest) = rest.rsplit_once(')').ok_or_else(|| fault("no \")\""))?;
                (Some(within.trim()), rest)
            }
        };
        let rest = rest.trim_start();
        let mut comparisons = COMPARISONS.iter();
        let compared = comparisons
            .find_map(|(sign, comparison)| Some((*comparison, rest.strip_prefix(sign)?)));
        let (comparison, rest) =
            compared.ok_or_else(|| fault("no comparison behind the metric"))?;
        let bound: Option<f64> = rest
            .trim()
            .parse()
            .ok()
            // `parse` takes NaN too, with which most comparisons are false: such a gate would guard
            // nothing.
            .filter(|bound: &f64| bound.is_finite());
        let bound = bound.ok_or_else(|| fault("no number behind the comparison"))?;
        let (metric, subject) = match (name.strip_suffix(VERSUS), within) {
            (Some(metric), Some(path)) if !path.is_empty() => {
                (metric, Subject::Against(PathBuf::from(path)))
            }
            (Some(_), _) => return Err(fault("no (PATH) of another set behind _vs")),
            (None, None) => (name, Subject::Run),
            (None, Some(source)) if [MISSING_DAYS, LANDED_LATE].contains(&name) => {
                (name, source_of(sources, name, source)?)
            }
            (None, Some(_)) => {
                return Err(fault("only missing_days and landed_late have a source"));
            }
        };
        let known = metric_names(job_kind);
        if !known.contains(&metric) {
            return Err(Error::settings(format!(
                "--fail-if names \"{metric}\"; the metrics of {} are {}",
                job_kind.name(),
                known.join(", ")
            )));
        }
        Ok(Gate {
            text: text.to_owned(),
            metric: metric.to_owned(),
            subject,
            comparison,
            bound,
        })
    }
}

/// The source of a name, if it has the metric: sources in folders of days have missing days, and actions
/// have `landed_late`.
fn source_of(sources: &[Source], metric: &str, name: &str) -> Result<Subject> {
    let has_metric = |source: &&Source| match **source {
        Source::Listings => false,
        Source::Impressions => metric == MISSING_DAYS,
        _ => true,
    };
    let sources = sources.iter().filter(has_metric);
    let known: Vec<&str> = sources.clone().map(|source| source.name()).collect();
    let source = sources.copied().find(|source| source.name() == name);
    source.map(Subject::Source).ok_or_else(|| {
        let known = known.join(", ");
        Error::settings(format!(
            "--fail-if asks for {metric} of \"{name}\"; the sources are {known}"
        ))
    })
}

impl fmt::Display for Gate {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.subject {
            Subject::Run => out.write_str(&self.metric),
            Subject::Against(path) => write!(out, "{}{VERSUS}({})", self.metric, path.display()),
            Subject::Source(source) => write!(out, "{}({})", self.metric, source.name()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Parses a gate of a job with the default sources of its kind.
    fn parse(job_kind: JobKind, text: &str) -> Result<Gate> {
        Gate::parse(job_kind, job_kind.sources(), text)
    }

    #[test]
    fn gates_are_parsed() {
        let parsed = |text| parse(JobKind::Sequences, text).expect("a gate");
        let gate = parsed("zero_history_pct>0.5");
        assert_eq!(
            (gate.metric.as_str(), gate.bound),
            ("zero_history_pct", 0.5)
        );
        assert_eq!(
            (gate.subject, gate.comparison),
            (Subject::Run, Comparison::More)
        );
        let gate = parsed(" rows_vs(a (b)/c<d)  <= 8e-1 ");
        assert_eq!(gate.subject, Subject::Against("a (b)/c<d".into()));
        assert_eq!(
            (gate.comparison, gate.bound),
            (Comparison::LessOrEqual, 0.8)
        );
        let gate = parsed("missing_days( clicks )!=0");
        assert_eq!(gate.subject, Subject::Source(Source::Clicks));
        assert_eq!(gate.to_string(), "missing_days(clicks)");
        for (sign, comparison) in COMPARISONS {
            let text = format!("rows{sign}-1");
            let gate = parse(JobKind::Sequences, &text).expect("a gate");
            assert_eq!(gate.comparison, comparison);
        }
    }

    #[test]
    fn a_wrong_gate_says_why() {
        for (text, fault) in [
            ("", "no comparison"),
            ("rows", "no comparison"),
            ("rows<", "no number"),
            ("rows<NaN", "no number"),
            ("rows<1 and samples<1", "no number"),
            ("rows_vs<1", "no (PATH)"),
            ("rows_vs()<1", "no (PATH)"),
            ("rows_vs(a<1", "no \")\""),
            ("rows(clicks)<1", "only missing_days"),
            ("rows.vs<1", "no comparison"),
            (
                "nonsense<1",
                "names \"nonsense\"; the metrics of sequences are rows, samples",
            ),
            ("p50_seconds<1", "names \"p50_seconds\""),
            (
                "missing_days(listings)>0",
                "impressions, clicks, carts, orders",
            ),
        ] {
            let error = parse(JobKind::Sequences, text).expect_err(text);
            assert_eq!(error.exit_code(), 2);
            assert!(error.to_string().contains(fault), "{text}: {error}");
        }
        let only = "missing_days(listings)>0";
        assert!(parse(JobKind::Features, only).is_err());
        assert!(parse(JobKind::Dwell, "missing_days>0").is_err());
    }

    #[test]
    fn comparisons_hold_at_their_bounds_or_not() {
        use Comparison::{Equal, Less, LessOrEqual, More, MoreOrEqual, NotEqual};
        let below = [Less, LessOrEqual, NotEqual];
        let at = [LessOrEqual, MoreOrEqual, Equal];
        let above = [More, MoreOrEqual, NotEqual];
        for (value, holding) in [(1.0, below), (2.0, at), (3.0, above)] {
            for (_, comparison) in COMPARISONS {
                let expected = holding.contains(&comparison);
                assert_eq!(
                    comparison.holds(value, 2.0),
                    expected,
                    "{comparison:?} {value}"
                );
            }
        }
    }
}
