//! Metrics to a page that a person would rather look at: `_report.html`.
//!
//! **In / Out**: the `_metrics.json` and `_manifest.json` of a set, and the metrics of another one to
//! compare it with → one page of HTML, complete in itself: no script, no network, light and dark.
//! **Invariants**: every figure has a title, a description and a table; whatever comes from the input
//! is escaped; a function of these files and of nothing else.

mod chart;
mod drift;
mod features;
mod lists;
mod sequences;
mod text;
mod types;

use std::path::{Path, PathBuf};

use serde_json::Value;

use self::chart::{Bar, Caption, bars, columns};
pub use self::drift::Drift;
use self::drift::index_of;
use self::lists::{missing_section, rejected_section, settings_section, warnings_section};
use self::text::{Unit, count, escape, metric, share};
use self::types::TypeNames;
use crate::error::{Error, ErrorKind, Result};
use crate::ids::float;
use crate::job::Question;
use crate::manifest::seal_of;
use crate::metrics::{read_sealed, read_set};
use crate::place::check_in;
use crate::publish::{MANIFEST, PAGE, put_file};
use crate::regular;

/// What a page is made of.
#[derive(Clone, Debug, Default)]
pub struct PageSettings {
    /// The folder that a job published.
    pub out: PathBuf,
    /// Another set, or a day of one, to compare it with.
    pub compare: Option<PathBuf>,
}

/// The name of a distribution, its index, and what to make of that.
type NamedDrift = (String, Option<(f64, Drift)>);

/// A page that was made.
#[derive(Clone, Debug, PartialEq)]
pub struct Page {
    /// Where it is.
    pub path: PathBuf,
    /// How far each distribution is from that of the other set: the index, and what to make of it;
    /// nothing where one of them is empty.
    pub drifts: Vec<NamedDrift>,
}

/// Two sets, of which the other may be missing.
#[derive(Clone, Copy)]
struct Pair<'a> {
    /// The metrics of this one.
    own: &'a Value,
    /// Those of the other.
    other: Option<&'a Value>,
}

/// What a question has to show.
struct Shown {
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
    let own = read_sealed(&settings.out)?;
    let question = own["job"].as_str().and_then(Question::named);
    let question = question.ok_or_else(|| {
        let what = "its metrics are of no job that this program knows";
        Error::bad_file(settings.out.display().to_string(), what)
    })?;
    let other = settings.compare.as_deref();
    other.map_or(Ok(()), check_in)?;
    let other = other.map(|other| read_set(other, question)).transpose()?;
    let manifest = read_manifest(&settings.out)?;
    let pair = Pair {
        own: &own,
        other: other.as_ref(),
    };
    let shown = match question {
        Question::Sequences => sequences::shown(pair, &TypeNames::of(&manifest["settings"])),
        Question::Features => features::shown_features(pair),
        Question::Dwell => features::shown_dwell(pair),
    };
    let drifts = shown
        .drifts
        .iter()
        .map(|(name, index)| (name.clone(), index.map(|of| (of, Drift::of(of)))));
    let drifts: Vec<_> = drifts.collect();
    let html = document(
        settings,
        question,
        &manifest,
        (&shown.sections, &drifts, pair),
    );
    put_file(&settings.out, PAGE, html.as_bytes())?;
    Ok(Page {
        path: settings.out.join(PAGE),
        drifts,
    })
}

/// Reads the manifest of a set, or of a day.
fn read_manifest(out: &Path) -> Result<Value> {
    let path = out.join(MANIFEST);
    let text = regular::read(&path).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => {
            let what = format!("\"{}\" holds no {MANIFEST}", out.display());
            Error::from(ErrorKind::NoInput { what })
        }
        _ => Error::io("read", &path, error),
    })?;
    let sound = seal_of(&text).and_then(|_| serde_json::from_slice(&text).ok());
    sound.ok_or_else(|| {
        let what = "its bytes are not those that its own checksum, at its end, is of";
        Error::bad_file(path.display().to_string(), what)
    })
}

/// The whole page.
fn document(
    settings: &PageSettings,
    question: Question,
    manifest: &Value,
    (sections, drifts, pair): (&str, &[NamedDrift], Pair<'_>),
) -> String {
    let out = settings.out.display().to_string();
    // Of "." the name is that of the folder.
    let name = settings.out.canonicalize().ok();
    let name = name.as_ref().and_then(|path| path.file_name());
    let name = name.map_or_else(|| out.clone(), |name| name.to_string_lossy().into_owned());
    let (name, job) = (escape(&name), question.name());
    let made_by = escape(manifest["made_by"].as_str().unwrap_or_default());
    let seal = escape(manifest["xxh64"].as_str().unwrap_or_default());
    let compared = settings.compare.as_ref().map_or_else(String::new, |other| {
        format!(
            "<p>Set beside <code>{}</code>.</p>",
            escape(&other.display().to_string())
        )
    });
    let drift = match pair.other {
        Some(_) => drift_section(drifts),
        None => String::new(),
    };
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
        days_line(pair.own),
        warnings_section(pair.own),
        rejected_section(pair.own),
        settings_section(manifest),
    )
}

/// Which days a set has.
fn days_line(own: &Value) -> String {
    let days = own["days"].as_array().map_or(&[][..], Vec::as_slice);
    let day = |of: Option<&Value>| of.and_then(|of| of["day"].as_str()).map(escape);
    match (day(days.first()), day(days.last()), own["day"].as_str()) {
        (Some(first), Some(last), _) if first != last => {
            let days = count(crate::ids::count64(days.len()));
            format!("{days} days, {first} to {last}")
        }
        (Some(day), ..) => format!("1 day, {day}"),
        (.., Some(day)) => format!("The day {}", escape(day)),
        _ => String::new(),
    }
}

/// How far each distribution is from that of the other set.
fn drift_section(drifts: &[NamedDrift]) -> String {
    let rows = drifts.iter().map(|(name, drift)| {
        let name = escape(name);
        match drift {
            None => format!("<tr><th scope=\"row\">{name}</th><td class=\"n\">—</td><td>not to be told: one of them is empty</td></tr>"),
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

/// Headline figures: the name of each metric, what to call it, and its unit.
fn tiles(pair: Pair<'_>, of: &[(&str, &str, Unit)]) -> String {
    let tile = |(name, called, unit): &(&str, &str, Unit)| {
        let own = escape(&metric(&pair.own[*name], *unit));
        let other = pair.other.map_or_else(String::new, |other| {
            format!(
                "<small>{} in the other</small>",
                escape(&metric(&other[*name], *unit))
            )
        });
        format!(
            "<div><dt>{}</dt><dd>{own}{other}</dd></div>",
            escape(called)
        )
    };
    format!(
        "<section class=\"wide\" aria-labelledby=\"glance\"><h2 id=\"glance\">At a glance</h2><dl class=\"tiles\">{}</dl></section>\n",
        of.iter().map(tile).collect::<String>()
    )
}

/// A distribution over classes: their names, and how many fall into each in both sets.
struct Distribution<'a> {
    /// What it is about; its columns are made here.
    caption: (&'a str, &'a str, String),
    /// The heading of the classes.
    class: &'a str,
    /// What is counted.
    counted: &'a str,
    /// Whether classes stand side by side, as those of a histogram, or below each other.
    is_histogram: bool,
    /// The classes.
    classes: Vec<(String, u64, u64)>,
}

/// What labels say of some rows.
struct Labels<'a> {
    /// A sentence about them.
    told: String,
    /// What is counted, and the name of the count of all.
    counted: (&'a str, &'a str),
    /// The names of the counts of those that say yes, and of those that say nothing.
    counts: [&'a str; 2],
    /// What to call those that say yes, those that say no, and the others.
    names: [&'a str; 3],
}

impl Labels<'_> {
    /// Their figure.
    fn draw(self, pair: Pair<'_>, shown: &mut Shown) {
        let numbers = |of: &Value| {
            let number = |name: &str| of["counts"][name].as_u64().unwrap_or(0);
            let [yes, neither] = self.counts.map(number);
            let no = number(self.counted.1).saturating_sub(yes + neither);
            [yes, no, neither]
        };
        let (own, other) = (numbers(pair.own), pair.other.map_or([0; 3], numbers));
        let names = self.names.map(str::to_owned).into_iter();
        let classes = names.zip(own).zip(other);
        let of = Distribution {
            caption: ("labels", "Labels", self.told),
            class: "Label",
            counted: self.counted.0,
            is_histogram: false,
            classes: classes
                .map(|((name, own), other)| (name, own, other))
                .collect(),
        };
        of.draw(pair, shown);
    }
}

impl Distribution<'_> {
    /// Its figure; and the index of its drift if there is another set.
    fn draw(self, pair: Pair<'_>, shown: &mut Shown) {
        let all = |of: fn(&(String, u64, u64)) -> u64| self.classes.iter().map(of).sum::<u64>();
        let (own, other) = (all(|of| of.1), all(|of| of.2));
        let part = |count: u64, all: u64| {
            if all == 0 {
                0.0
            } else {
                float(count) / float(all)
            }
        };
        let told = |number: u64, part: f64| format!("{} ({})", share(part), count(number));
        let bar = |(name, number, number_other): &(String, u64, u64)| {
            let (part_own, part_other) = (part(*number, own), part(*number_other, other));
            Bar {
                name: name.clone(),
                value: Some(part_own),
                text: match self.is_histogram {
                    true => told(*number, part_own),
                    false => share(part_own),
                },
                other: pair
                    .other
                    .map(|_| (part_other, told(*number_other, part_other))),
            }
        };
        let drawn: Vec<Bar> = self.classes.iter().map(bar).collect();
        let (id, title, sentence) = self.caption;
        let mut names = vec![self.class.to_owned(), format!("#{}", self.counted)];
        names.extend(pair.other.map(|_| "#The other".to_owned()));
        let caption = Caption {
            id,
            title: title.to_owned(),
            told: sentence,
            columns: names,
        };
        shown.sections += &match self.is_histogram {
            true => columns(&caption, &drawn),
            false => bars(&caption, &drawn),
        };
        if pair.other.is_some() {
            let numbers = |of: fn(&(String, u64, u64)) -> u64| -> Vec<f64> {
                self.classes.iter().map(|class| float(of(class))).collect()
            };
            let index = index_of(&numbers(|of| of.1), &numbers(|of| of.2));
            shown.drifts.push((title.to_owned(), index));
        }
    }
}

/// A metric of each day, as columns.
fn by_day(pair: Pair<'_>, (id, title): (&str, &str), (name, unit): (&str, Unit)) -> String {
    let days = pair.own["days"].as_array().into_iter().flatten();
    let bars: Vec<Bar> = days
        .map(|day| Bar {
            name: day["day"].as_str().unwrap_or_default().to_owned(),
            value: day[name].as_f64(),
            text: metric(&day[name], unit),
            other: None,
        })
        .collect();
    if bars.is_empty() {
        return String::new();
    }
    let values = || bars.iter().filter_map(|bar| bar.value);
    let (least, most) = (
        values().fold(f64::INFINITY, f64::min),
        values().fold(0.0, f64::max),
    );
    let text_of = |value: f64| {
        let bar = bars
            .iter()
            .find(|bar| bar.value.is_some_and(|of| of.total_cmp(&value).is_eq()));
        bar.map_or("—", |bar| &bar.text)
    };
    let told = match bars.len() {
        1 => format!("{}: {}.", bars[0].name, bars[0].text),
        days => format!("{days} days, from {} to {}.", text_of(least), text_of(most)),
    };
    let caption = Caption {
        id,
        title: title.to_owned(),
        told,
        columns: vec!["Day".to_owned(), format!("#{title}")],
    };
    columns(&caption, &bars)
}
