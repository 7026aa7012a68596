//! Figures that several pages have: tiles, distributions, labels, days.

use super::chart::{Bar, Caption, bars, columns};
use super::drift::index_of;
use super::text::{count, escape, share};
use super::{Pair, Shown};
use crate::calendar::date_text;
use crate::ids::float;
use crate::metrics::DayFigures;

/// Headline figures: what each is called, and its text.
pub(crate) fn tiles<S, const N: usize>(
    pair: Pair<'_, S>,
    of: fn(&S) -> [(&'static str, String); N],
) -> String {
    let other = pair.other.map(of);
    let tiles = of(pair.own)
        .into_iter()
        .enumerate()
        .map(|(at, (called, own))| {
            let other = other.as_ref().map_or_else(String::new, |other| {
                format!("<small>{} in the other</small>", escape(&other[at].1))
            });
            let (called, own) = (escape(called), escape(&own));
            format!("<div><dt>{called}</dt><dd>{own}{other}</dd></div>")
        });
    format!(
        "<section class=\"wide\" aria-labelledby=\"glance\"><h2 id=\"glance\">At a glance</h2><dl class=\"tiles\">{}</dl></section>\n",
        tiles.collect::<String>()
    )
}

/// A distribution over classes: their names, and how many fall into each in both sets.
pub(crate) struct Distribution<'a> {
    /// What it is about; its columns are made here.
    pub(crate) caption: (&'a str, &'a str, String),
    /// The heading of the classes.
    pub(crate) class: &'a str,
    pub(crate) counted: &'a str,
    /// Whether classes stand side by side, as those of a histogram, or below each other.
    pub(crate) is_histogram: bool,
    pub(crate) classes: Vec<(String, u64, u64)>,
}

/// What labels say of some rows.
pub(crate) struct Labels<'a> {
    /// A sentence about them.
    pub(crate) told: String,
    pub(crate) counted: &'a str,
    /// What to call those that say yes, those that say no, and the others.
    pub(crate) names: [&'a str; 3],
}

impl Labels<'_> {
    /// Their figure, given how many say yes, how many say nothing, and how many there are.
    pub(crate) fn draw<S>(self, pair: Pair<'_, S>, counts: fn(&S) -> [u64; 3], shown: &mut Shown) {
        let numbers = |set: &S| {
            let [yes, neither, all] = counts(set);
            [yes, all.saturating_sub(yes + neither), neither]
        };
        let (own, other) = (numbers(pair.own), pair.other.map_or([0; 3], numbers));
        let names = self.names.map(str::to_owned).into_iter();
        let classes = names.zip(own).zip(other);
        let of = Distribution {
            caption: ("labels", "Labels", self.told),
            class: "Label",
            counted: self.counted,
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
    pub(crate) fn draw<S>(self, pair: Pair<'_, S>, shown: &mut Shown) {
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

/// A metric of each day, as columns: its value, and the same as text.
pub(crate) fn by_day(
    days: &[DayFigures],
    (id, title): (&str, &str),
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
