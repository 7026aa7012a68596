//! Figures that the pages of several job kinds have: tiles, distributions, labels, days.

use super::chart::{Bar, Caption, bars, columns};
use super::drift::index_of;
use super::text::{count, escape, share};
use super::{PageBody, SetPair};
use crate::calendar::date_text;
use crate::ids::float;
use crate::metrics::DayFigures;

/// Headline figures: the name of each, and its text.
pub(crate) fn tiles<S, const N: usize>(
    pair: SetPair<'_, S>,
    figures_of: fn(&S) -> [(&'static str, String); N],
) -> String {
    let other = pair.other.map(figures_of);
    let tiles = figures_of(pair.own)
        .into_iter()
        .enumerate()
        .map(|(at, (name, own))| {
            let other = other.as_ref().map_or_else(String::new, |other| {
                format!("<small>{} in the other</small>", escape(&other[at].1))
            });
            let (name, own) = (escape(name), escape(&own));
            format!("<div><dt>{name}</dt><dd>{own}{other}</dd></div>")
        });
    format!(
        "<section class=\"wide\" aria-labelledby=\"glance\"><h2 id=\"glance\">At a glance</h2><dl class=\"tiles\">{}</dl></section>\n",
        tiles.collect::<String>()
    )
}

/// A figure of a distribution over classes.
pub(crate) struct Distribution<'a> {
    /// A name that no other figure of the page has, for references.
    pub(crate) id: &'a str,
    pub(crate) title: &'a str,
    /// What it shows, in a sentence.
    pub(crate) description: String,
    /// The heading of the classes.
    pub(crate) class: &'a str,
    /// The heading of the counts.
    pub(crate) counted: &'a str,
    /// Whether classes are vertical columns, as those of a histogram, or horizontal bars.
    pub(crate) is_histogram: bool,
    pub(crate) classes: Vec<ClassCounts>,
}

/// How many fall into a class.
pub(crate) struct ClassCounts {
    pub(crate) name: String,
    pub(crate) own: u64,
    /// In the other set; 0 if there is none.
    pub(crate) other: u64,
}

/// The figure of labels.
pub(crate) struct LabelFigure<'a> {
    /// What it shows, in a sentence.
    pub(crate) description: String,
    pub(crate) counted: &'a str,
    /// The names of positive labels, of negative ones, and of missing or incomplete ones.
    pub(crate) names: [&'a str; 3],
}

impl LabelFigure<'_> {
    /// Draws it, given the counts of positive labels, of missing or incomplete ones, and of all.
    pub(crate) fn draw<S>(
        self,
        pair: SetPair<'_, S>,
        counts: fn(&S) -> [u64; 3],
        body: &mut PageBody,
    ) {
        let numbers = |set: &S| {
            let [positive, missing, all] = counts(set);
            [positive, all.saturating_sub(positive + missing), missing]
        };
        let (own, other) = (numbers(pair.own), pair.other.map_or([0; 3], numbers));
        let names = self.names.map(str::to_owned).into_iter();
        let classes = names.zip(own).zip(other);
        let figure = Distribution {
            id: "labels",
            title: "Labels",
            description: self.description,
            class: "Label",
            counted: self.counted,
            is_histogram: false,
            classes: classes
                .map(|((name, own), other)| ClassCounts { name, own, other })
                .collect(),
        };
        figure.draw(pair, body);
    }
}

impl Distribution<'_> {
    /// Draws it, and adds the index of its drift if there is another set.
    pub(crate) fn draw<S>(self, pair: SetPair<'_, S>, body: &mut PageBody) {
        let sum = |count: fn(&ClassCounts) -> u64| self.classes.iter().map(count).sum::<u64>();
        let (own, other) = (sum(|class| class.own), sum(|class| class.other));
        let part = |count: u64, all: u64| {
            if all == 0 {
                0.0
            } else {
                float(count) / float(all)
            }
        };
        let text_of = |number: u64, part: f64| format!("{} ({})", share(part), count(number));
        let bar = |class: &ClassCounts| {
            let (part_own, part_other) = (part(class.own, own), part(class.other, other));
            Bar {
                name: class.name.clone(),
                value: Some(part_own),
                text: if self.is_histogram {
                    text_of(class.own, part_own)
                } else {
                    share(part_own)
                },
                other: pair
                    .other
                    .map(|_| (part_other, text_of(class.other, part_other))),
            }
        };
        let drawn: Vec<Bar> = self.classes.iter().map(bar).collect();
        let mut names = vec![self.class.to_owned(), format!("#{}", self.counted)];
        names.extend(pair.other.map(|_| "#The other".to_owned()));
        let caption = Caption {
            id: self.id,
            title: self.title.to_owned(),
            description: self.description,
            columns: names,
        };
        body.sections += &if self.is_histogram {
            columns(&caption, &drawn)
        } else {
            bars(&caption, &drawn)
        };
        if pair.other.is_some() {
            let numbers = |count: fn(&ClassCounts) -> u64| -> Vec<f64> {
                self.classes
                    .iter()
                    .map(|class| float(count(class)))
                    .collect()
            };
            let index = index_of(&numbers(|class| class.own), &numbers(|class| class.other));
            body.drifts.push((self.title.to_owned(), index));
        }
    }
}

/// A metric of each day, as columns: its value, and the same as text.
pub(crate) fn by_day(
    days: &[DayFigures],
    id: &str,
    title: &str,
    of_day: fn(&DayFigures) -> (Option<f64>, String),
) -> String {
    let bar = |day: &DayFigures| {
        let (value, text) = of_day(day);
        Bar {
            name: date_text(day.day),
            value,
            text,
            other: None,
        }
    };
    let bars: Vec<Bar> = days.iter().map(bar).collect();
    if bars.is_empty() {
        return String::new();
    }
    let values = || bars.iter().filter_map(|bar| bar.value);
    let (least, most) = (
        values().fold(f64::INFINITY, f64::min),
        values().fold(0.0, f64::max),
    );
    let text_of = |value: f64| {
        let bar = bars.iter().find(|bar| {
            bar.value
                .is_some_and(|other| other.total_cmp(&value).is_eq())
        });
        bar.map_or("—", |bar| &bar.text)
    };
    let description = match bars.len() {
        1 => format!("{}: {}.", bars[0].name, bars[0].text),
        days => format!("{days} days, from {} to {}.", text_of(least), text_of(most)),
    };
    let caption = Caption {
        id,
        title: title.to_owned(),
        description,
        columns: vec!["Day".to_owned(), format!("#{title}")],
    };
    columns(&caption, &bars)
}
