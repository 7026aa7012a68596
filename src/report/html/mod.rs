//! Metrics to a page for people: `_report.html`.
//!
//! **In / Out**: the `_metrics.json` and `_manifest.json` of a set, and the metrics of another one to
//! compare it with → one page of HTML, complete in itself: no script, no network, light and dark.
//! **Invariants**: every figure has a title, a description and a table; whatever comes from the input
//! is escaped; a function of these files and of nothing else.

mod chart;
mod drift;
mod features;
mod figures;
mod lists;
mod sequences;
mod text;
mod types;

use std::path::{Path, PathBuf};

pub use self::drift::Drift;
use self::lists::{missing_section, rejected_section, settings_section, warnings_section};
use self::text::{count, escape};
use self::types::TypeNames;
use crate::calendar::date_text;
use crate::error::{Error, ErrorKind, Result};
use crate::job::JobKind;
use crate::manifest::{AnyManifest, parse, seal_of};
use crate::metrics::{
    DayFigures, Distributions, DocumentHead, JobMetrics, damaged, read_sealed, read_set,
};
use crate::place::check_in;
use crate::publish::{MANIFEST, METRICS, PAGE, put_file};
use crate::store::local;

/// The set that a page is about.
#[derive(Clone, Debug, Default)]
pub struct PageSettings {
    /// The folder that a job published.
    pub out: PathBuf,
    /// Another set, or a day of one, to compare it with.
    pub compare: Option<PathBuf>,
}

/// The name of a distribution, its index, and the drift that this means.
type NamedDrift = (String, Option<(f64, Drift)>);

/// A page that was written.
#[derive(Clone, Debug, PartialEq)]
pub struct Page {
    /// Where it is.
    pub path: PathBuf,
    /// The drift of each distribution from that of the other set, with its index; nothing where one of
    /// them is empty.
    pub drifts: Vec<NamedDrift>,
}

/// The metrics of a set.
struct SetMetrics<M: JobMetrics> {
    /// What the file is of, and its days.
    head: DocumentHead,
    metrics: M,
    scalars: M::Scalars,
    distributions: Option<Distributions>,
}

/// A set, and the other one to compare it with, if there is one.
struct SetPair<'a, S> {
    own: &'a S,
    other: Option<&'a S>,
}

// Not derived: that would ask for `S: Clone`, although only references are copied.
impl<S> Clone for SetPair<'_, S> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<S> Copy for SetPair<'_, S> {}

/// The part of the page that depends on the job kind.
struct PageBody {
    /// Sections with figures and tables.
    sections: String,
    /// Distributions and their index against the other set.
    drifts: Vec<(String, Option<f64>)>,
}

/// Makes the page of a set, in its folder.
///
/// # Errors
/// If a file of the set, or of the other one, is not there or is damaged, or the page cannot be
/// written.
///
/// # Examples
/// ```no_run
/// use hitherto::{PageSettings, page};
///
/// let settings = PageSettings {
///     out: "training".into(),
///     compare: Some("training/dt=2025-08-15".into()),
/// };
/// println!("{}", page(&settings)?.path.display());
/// # Ok::<(), hitherto::Error>(())
/// ```
pub fn page(settings: &PageSettings) -> Result<Page> {
    check_in(&settings.out)?;
    let text = read_sealed(&settings.out)?;
    let head: Option<DocumentHead> = serde_json::from_slice(&text).ok();
    let job_kind = head.and_then(|head| head.job);
    match job_kind {
        Some(JobKind::Sequences) => page_of(settings, &text, |pair, manifest| {
            sequences::sequences_body(pair, &TypeNames::new(&manifest.settings))
        }),
        Some(JobKind::Features) => {
            page_of(settings, &text, |pair, _| features::features_body(pair))
        }
        Some(JobKind::Dwell) => page_of(settings, &text, |pair, _| features::dwell_body(pair)),
        None => {
            let what = "its metrics are of no job that this program knows";
            Err(Error::bad_file(settings.out.display().to_string(), what))
        }
    }
}

/// Makes the page of a set of one kind of job, given the text of its metrics.
fn page_of<M: JobMetrics>(
    settings: &PageSettings,
    text: &[u8],
    body_of: impl FnOnce(SetPair<'_, SetMetrics<M>>, &AnyManifest) -> PageBody,
) -> Result<Page> {
    let own = SetMetrics::<M>::parse(&settings.out, text)?;
    let other = settings.compare.as_deref().map(|other| {
        check_in(other)?;
        SetMetrics::<M>::parse(other, &read_set(other, M::JOB_KIND)?)
    });
    let other = other.transpose()?;
    let manifest = read_manifest(&settings.out)?;
    let pair = SetPair {
        own: &own,
        other: other.as_ref(),
    };
    let body = body_of(pair, &manifest);
    let drifts = body
        .drifts
        .iter()
        .map(|(name, index)| (name.clone(), index.map(|index| (index, Drift::new(index)))));
    let drifts: Vec<_> = drifts.collect();
    let html = document(settings, &manifest, &body.sections, &drifts, pair);
    put_file(&settings.out, PAGE, html.as_bytes())?;
    Ok(Page {
        path: settings.out.join(PAGE),
        drifts,
    })
}

impl<M: JobMetrics> SetMetrics<M> {
    /// The metrics of a text whose checksum of itself is right.
    fn parse(folder: &Path, text: &[u8]) -> Result<SetMetrics<M>> {
        let read = |error| {
            let path = folder.join(METRICS).display().to_string();
            Error::bad_file(path, error)
        };
        let metrics: M = parse(text).map_err(read)?;
        Ok(SetMetrics {
            head: parse(text).map_err(read)?,
            scalars: metrics.scalars(),
            distributions: metrics.distributions(),
            metrics,
        })
    }
}

/// Reads the manifest of a set, or of a day.
fn read_manifest(out: &Path) -> Result<AnyManifest> {
    let path = out.join(MANIFEST);
    let text = local::read(&path).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => {
            let what = format!("\"{}\" holds no {MANIFEST}", out.display());
            Error::from(ErrorKind::NoInput { what })
        }
        _ => Error::io("read", &path, error),
    })?;
    match seal_of(&text) {
        Some(_) => parse(&text).map_err(|what| Error::bad_file(path.display().to_string(), what)),
        None => Err(damaged(&path)),
    }
}

/// The whole page.
fn document<M: JobMetrics>(
    settings: &PageSettings,
    manifest: &AnyManifest,
    sections: &str,
    drifts: &[NamedDrift],
    pair: SetPair<'_, SetMetrics<M>>,
) -> String {
    let out = settings.out.display().to_string();
    // The path "." is given the name of the folder.
    let name = settings.out.canonicalize().ok();
    let name = name.as_ref().and_then(|path| path.file_name());
    let name = name.map_or_else(|| out.clone(), |name| name.to_string_lossy().into_owned());
    let (name, job) = (escape(&name), M::JOB_KIND.name());
    let made_by = escape(&manifest.made_by);
    let seal = escape(&manifest.xxh64);
    let compared = settings.compare.as_ref().map_or_else(String::new, |other| {
        format!(
            "<p>Compared with <code>{}</code>.</p>",
            escape(&other.display().to_string())
        )
    });
    let drift = pair
        .other
        .map_or_else(String::new, |_| drift_section(drifts));
    // The head has an empty icon, which keeps browsers from requesting one.
    let style = include_str!("style.css");
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n\
         <title>{name}: metrics of {job}</title>\n<link rel=\"icon\" href=\"data:,\">\n\
         <style>\n{style}</style>\n</head>\n<body>\n\
         <a class=\"skip\" href=\"#main\">Skip to the figures</a>\n\
         <header><p class=\"kicker\">hitherto · {job}</p><h1>{name}</h1><p class=\"soft\">{}</p>{compared}</header>\n\
         <main id=\"main\">\n{}{drift}{sections}{}{}</main>\n\
         <footer><p>{made_by} · manifest xxh64 <code>{seal}</code></p></footer>\n</body>\n</html>\n",
        days_line(&pair.own.head),
        warnings_section(pair.own.metrics.warnings()),
        rejected_section(pair.own.metrics.rejected()),
        settings_section(&manifest.settings),
    )
}

/// The days of a set, as a sentence.
fn days_line(head: &DocumentHead) -> String {
    let days = &head.days;
    let day = |figures: &DayFigures| date_text(figures.day);
    match (days.first().map(day), days.last().map(day), head.day) {
        (Some(first), Some(last), _) if first != last => {
            let days = count(crate::ids::count64(days.len()));
            format!("{days} days, {first} to {last}")
        }
        (Some(day), ..) => format!("1 day, {day}"),
        (.., Some(day)) => format!("The day {}", date_text(day)),
        _ => String::new(),
    }
}

/// The drift of each distribution from that of the other set.
fn drift_section(drifts: &[NamedDrift]) -> String {
    let rows = drifts.iter().map(|(name, drift)| {
        let name = escape(name);
        match drift {
            None => format!("<tr><th scope=\"row\">{name}</th><td class=\"n\">—</td><td>undefined: one of them is empty</td></tr>"),
            Some((index, drift)) => {
                let class = match drift {
                    Drift::None => "good",
                    Drift::Some => "some",
                    Drift::Large => "bad",
                };
                format!("<tr><th scope=\"row\">{name}</th><td class=\"n\">{index:.3}</td><td class=\"{class}\">{}</td></tr>", drift.word())
            }
        }
    });
    format!(
        "<section class=\"wide\" aria-labelledby=\"drift\"><h2 id=\"drift\">Drift against the other set</h2>\
         <p class=\"soft\">The population stability index of each distribution: below 0.1 is no drift, 0.1 to 0.25 some, above 0.25 a large one.</p>\
         <div class=\"scroll\" role=\"region\" aria-labelledby=\"drift\" tabindex=\"0\"><table><thead><tr><th scope=\"col\">Distribution</th>\
         <th scope=\"col\" class=\"n\">Index</th><th scope=\"col\">Drift</th></tr></thead><tbody>{}</tbody></table></div></section>\n",
        rows.collect::<String>()
    )
}
