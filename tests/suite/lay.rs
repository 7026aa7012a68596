//! Other shapes of impressions: one item a row, no ranking ids, no labels, or actions that are impressions.

use std::collections::BTreeSet;

use hitherto::reference::{LogImpression, LogTime, day_in, instant_in};
use hitherto::{ActionSource, Settings, Source};
use twox_hash::XxHash64;

use crate::depth::Depth;
use crate::support::{Case, Column, Numbers, Style, item_text};

/// What becomes of labels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Labels {
    /// They are in the files.
    Written,
    /// Rows of one item have no such column.
    Absent,
    /// They are in the files, and the job does not read them.
    Ignored,
}

/// How impressions lie in their files.
#[derive(Clone, Debug)]
pub(crate) struct Lay {
    /// Each row is one item.
    pub(crate) is_flat: bool,
    /// There are ranking ids.
    has_ranking: bool,
    /// Rows of one item have their place.
    has_position: bool,
    pub(crate) labels: Labels,
    /// The order of the rows.
    seed: u64,
    /// The log whose actions are the impressions, and the items that are.
    pub(crate) moments: Option<(usize, Vec<i64>)>,
}

impl Case {
    /// Gives impressions another shape, in one case of three.
    pub(crate) fn lay(&mut self, numbers: &mut Numbers) {
        if !numbers.once_in(3) {
            return;
        }
        // Each is drawn alone.
        self.shapes = None;
        self.styles
            .iter_mut()
            .for_each(|style| style.depth = Depth::Flat);
        let mut lay = Lay {
            is_flat: !numbers.once_in(3),
            has_ranking: !numbers.once_in(3),
            has_position: numbers.once_in(2),
            labels: numbers.pick(&[Labels::Written, Labels::Absent, Labels::Ignored]),
            seed: numbers.next(),
            moments: None,
        };
        if numbers.once_in(4) {
            self.lay_moments(numbers, &mut lay);
        } else {
            self.lay_impressions(numbers, &mut lay);
        }
        if lay.labels != Labels::Written {
            self.rules.drop_null_labels = false;
            let items = self.shown.iter_mut().flat_map(|shown| &mut shown.items);
            items.for_each(|(_, label)| *label = None);
        }
        if !lay.has_ranking {
            self.name_all();
        }
        self.lay = Some(lay);
    }

    /// Gives impressions what their shape has room for.
    fn lay_impressions(&mut self, numbers: &mut Numbers, lay: &mut Lay) {
        if !lay.is_flat {
            if lay.labels == Labels::Absent {
                lay.labels = Labels::Written;
            }
            return;
        }
        self.shown.retain(|shown| !shown.items.is_empty());
        // Rows of items alone would be a log of actions.
        if !lay.has_ranking && lay.labels == Labels::Absent {
            lay.labels = Labels::Ignored;
        }
        if lay.has_ranking {
            for (at, shown) in self.shown.iter_mut().enumerate() {
                shown.ranking = format!("r{at}");
                // The same id on another day is another impression.
                if numbers.once_in(4) {
                    shown.ranking =
                        format!("of {}", shown.day * 100 + i32::try_from(at).expect("few"));
                }
            }
            return;
        }
        let alone = self.shown.iter().flat_map(|shown| {
            (0..shown.items.len()).map(|at| LogImpression {
                items: vec![shown.items[at]],
                item_passthrough: shown
                    .item_passthrough
                    .get(at)
                    .cloned()
                    .into_iter()
                    .collect(),
                ..shown.clone()
            })
        });
        self.shown = alone.collect();
    }

    /// Makes impressions of the actions of a log.
    fn lay_moments(&mut self, numbers: &mut Numbers, lay: &mut Lay) {
        (lay.has_ranking, lay.labels) = (false, Labels::Absent);
        (self.keep, self.rules.cutoff_is_time) = (false, true);
        let log = usize::try_from(1 + numbers.below(2)).expect("small");
        let only = numbers.pick(&[vec![], vec![1], vec![2, 3]]);
        let is_it = |item: i64| only.is_empty() || only.contains(&item);
        let of_log = self.log.iter();
        let of_log = of_log.filter(|action| action.log == log && is_it(action.item));
        let day = |time| day_in(&self.rules.timezone, time).unwrap_or(i32::MAX);
        let shown = of_log.map(|action| LogImpression {
            customer: action.customer.clone(),
            day: day(action.time),
            time: Some(action.time),
            items: vec![(action.item, None)],
            ..LogImpression::default()
        });
        self.shown = shown.collect();
        lay.moments = Some((log, only));
    }

    /// Gives each impression the id that it has without one.
    fn name_all(&mut self) {
        let mut seen = BTreeSet::new();
        let mut all = std::mem::take(&mut self.shown);
        all.retain_mut(|shown| {
            let zone = &self.rules.timezone;
            let time = shown.time.unwrap_or(LogTime::Date(shown.day));
            let name = shown.customer.clone().unwrap_or_default();
            // Of a time that is far off nothing comes out.
            let is_near = hitherto::reference::is_near(zone, time);
            let cutoff = if is_near { instant_in(zone, time) } else { 0 };
            let mut text = format!("{name}\n{cutoff}\n");
            for (item, label) in &shown.items {
                let label = match label {
                    None => "",
                    Some(true) => "1",
                    Some(false) => "0",
                };
                text += &format!("{}\t{label}\n", item_text(self.items, *item));
            }
            let hash = format!("{:016x}", XxHash64::oneshot(42, text.as_bytes()));
            let names = (1..).map(|number| match number {
                1 => hash.clone(),
                _ => format!("{hash}-{number}"),
            });
            let mut names = names.filter(|name| !seen.contains(&(shown.day, name.clone())));
            shown.ranking = names.next().expect("there are enough");
            drop(names);
            seen.insert((shown.day, shown.ranking.clone()));
            // Kept columns say which of two is the first, in an order that is not looked at here.
            !self.keep || shown.ranking == hash
        });
        self.shown = all;
    }

    /// Says in the settings what the shape is.
    pub(crate) fn set_lay(&self, settings: &mut Settings, actions: &[ActionSource]) {
        let Some(lay) = &self.lay else { return };
        let own = settings.sequences_mut();
        own.no_labels = lay.labels == Labels::Ignored;
        if let Some((log, only)) = &lay.moments {
            let source = actions[*log].source;
            let column = match source {
                Source::Carts | Source::Orders => "config_id",
                _ => "item_id",
            };
            let words = only.iter().map(|item| item_text(self.items, *item));
            own.impressions_from = Some(source);
            own.impressions_where = vec![(column.to_owned(), words.collect())];
            own.impressions_where.retain(|(_, words)| !words.is_empty());
        }
    }

    /// The labels of impressions as the files have them.
    pub(crate) fn written_labels(&self) -> Vec<LogImpression> {
        let mut shown = self.shown.clone();
        if self
            .lay
            .as_ref()
            .is_some_and(|lay| lay.labels == Labels::Ignored)
        {
            let items = shown.iter_mut().flat_map(|shown| &mut shown.items);
            items.for_each(|(_, label)| *label = Some(true));
        }
        shown
    }

    /// The columns of rows of one item, and how many rows there are.
    pub(crate) fn flat_columns(
        &self,
        lay: &Lay,
        style: Style,
    ) -> (Vec<(&'static str, Column)>, usize) {
        let mut numbers = Numbers(lay.seed);
        let mut rows: Vec<(u64, usize, usize)> = Vec::new();
        for (of, shown) in self.shown.iter().enumerate() {
            let mut keys: Vec<u64> = shown.items.iter().map(|_| numbers.next()).collect();
            if !lay.has_position {
                // Rows of other impressions may stand between, but their own order is that of the ranking.
                keys.sort_unstable();
            }
            rows.extend(keys.into_iter().enumerate().map(|(at, key)| (key, of, at)));
        }
        rows.sort_unstable();
        if numbers.once_in(2) {
            rows.sort_by_key(|(_, of, at)| (*of, if lay.has_position { 9 - *at } else { *at }));
        }
        let shown = self.written_labels();
        let alone = rows.iter().map(|(_, of, at)| {
            let shown = &shown[*of];
            LogImpression {
                items: vec![shown.items[*at]],
                item_passthrough: shown
                    .item_passthrough
                    .get(*at)
                    .cloned()
                    .into_iter()
                    .collect(),
                // Those of the first row count.
                passthrough: shown.passthrough.clone(),
                ..shown.clone()
            }
        });
        let flat = Case {
            shown: alone.collect(),
            lay: None,
            ..self.clone()
        };
        let of_rows = |name: &str| !["impressions", "ranking_id"].contains(&name);
        let mut columns = flat.impression_columns(style);
        columns.retain(|(name, _)| of_rows(name));
        let first = |shown: &LogImpression| shown.items[0];
        let items = flat
            .shown
            .iter()
            .map(|shown| Some(first(shown).0))
            .collect();
        columns.push(("item_id", flat.items_column(items)));
        if lay.has_ranking {
            let rankings = flat.shown.iter().map(|shown| Some(shown.ranking.clone()));
            columns.push(("ranking_id", Column::Texts(rankings.collect())));
            if lay.has_position {
                // Any integers will do, if they ascend.
                let place = |at: usize| i64::try_from(at * 3).expect("small") - 4;
                let places = rows.iter().map(|(_, _, at)| Some(place(*at)));
                columns.push(("position", Column::Ints(places.collect())));
            }
        }
        if lay.labels != Labels::Absent {
            let labels = flat.shown.iter().map(|shown| first(shown).1);
            columns.push(("is_order", Column::Bools(labels.collect())));
        }
        if self.keep {
            let texts = |at: usize| {
                let rows = flat.shown.iter();
                rows.map(move |shown| shown.item_passthrough[0][at].clone())
            };
            let clicks = texts(0).map(|text| text.map(|text| text == "true"));
            let places = texts(1).map(|text| text.map(|text| text.parse().expect("an integer")));
            columns.push(("is_click", Column::Bools(clicks.collect())));
            columns.push(("place", Column::Wide(places.collect())));
            columns.push(("tag", Column::Texts(texts(2).collect())));
        }
        (columns, rows.len())
    }
}

/// Columns without ranking ids, if the shape has none.
pub(crate) fn without_ranking(lay: Option<&Lay>, columns: &mut Vec<(&'static str, Column)>) {
    if lay.is_some_and(|lay| !lay.has_ranking) {
        columns.retain(|(name, _)| *name != "ranking_id");
    }
}
