//! Rows of `sequences`: as they are published, as the twin makes them, and how the two differ.

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{DataType, Float32Type, Int32Type, TimestampMicrosecondType};

use super::rows::{column, id, ints, truth, value_as_text};
use crate::calendar::instant_text;
use crate::ids::Micros;
use crate::job::{Layout, Passthrough, Settings};
use crate::reference::{
    Barred, LogAction, LogImpression, Number, OrderedLog, Rules, Sample, Told, newest_barred,
    samples_of, weight,
};
use crate::verify::audit::attributes::{expected_told, number_text, told_of};

/// A row of either layout.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct OutRow {
    pub(crate) customer: Option<String>,
    pub(crate) ranking: String,
    /// The place of the sample; nothing in layout `request`.
    pub(crate) position: Option<i32>,
    /// What was shown, with labels: one item, or all.
    pub(crate) shown: Vec<(i64, Option<bool>)>,
    pub(crate) cutoff_us: i64,
    pub(crate) last_action_us: Option<i64>,
    pub(crate) history_length: i32,
    pub(crate) actions: Vec<i64>,
    pub(crate) kinds: Vec<i64>,
    /// Seconds from the actions to the cutoff, with padding; none if there is no such column.
    pub(crate) time_deltas: Vec<i64>,
    /// What columns tell of the actions, with padding, column by column.
    pub(crate) told: Vec<Vec<Number>>,
    /// Weights of what was shown, as their bits; none if there is no such column.
    pub(crate) weights: Vec<u32>,
    /// What is carried through, as text, column by column: those of impressions, those of items.
    pub(crate) kept: Vec<Vec<Option<String>>>,
}

impl OutRow {
    /// A row of a batch of all columns.
    pub(crate) fn new(settings: &Settings, batch: &RecordBatch, row: usize) -> OutRow {
        let time = |name: &str| {
            let times = column(batch, name).as_primitive::<TimestampMicrosecondType>();
            times.is_valid(row).then(|| times.value(row))
        };
        let int = |name: &str| column(batch, name).as_primitive::<Int32Type>().value(row);
        let list = |name: &str| column(batch, name).as_list::<i32>().value(row);
        let (position, shown) = match batch.column_by_name("position") {
            Some(_) => {
                let item = column(batch, "item_id").slice(row, 1);
                let label = truth(column(batch, "is_order"), row);
                (Some(int("position")), vec![(ints(&item)[0], label)])
            }
            None => {
                let labels = list("is_order");
                let items = ints(&list("items")).into_iter().enumerate();
                (
                    None,
                    items.map(|(at, item)| (item, truth(&labels, at))).collect(),
                )
            }
        };
        OutRow {
            customer: id(column(batch, "customer_id"), row),
            ranking: id(column(batch, "ranking_id"), row).unwrap_or_default(),
            position,
            shown,
            cutoff_us: time("cutoff").unwrap_or_default(),
            last_action_us: time("last_action_time"),
            history_length: int("history_length"),
            actions: ints(&list("actions")),
            kinds: ints(&list("action_types")),
            time_deltas: match batch.column_by_name("time_delta") {
                Some(_) => ints(&list("time_delta")),
                None => Vec::new(),
            },
            told: told_of(settings, batch, row),
            weights: weights_of(batch, row),
            kept: kept_of(settings, batch, row),
        }
    }

    /// The rows that an impression makes, as the twin has it.
    pub(crate) fn expected(
        settings: &Settings,
        rules: &Rules,
        shown: &LogImpression,
        log: &OrderedLog<'_>,
    ) -> Vec<OutRow> {
        let samples = samples_of(rules, shown, log);
        // Of a list of samples those of the impression are in the first, those of items in each.
        let kept = |of: &[Sample]| {
            let is_list = |at: usize| carried(settings).nth(at).is_some_and(|keep| keep.of_items);
            let column = |at: usize| {
                let of = if is_list(at) { of } else { &of[..1] };
                of.iter().map(|of| of.kept[at].clone()).collect()
            };
            (0..settings.sequences().keep.len())
                .map(column)
                .collect::<Vec<Vec<_>>>()
        };
        let row = |of: &[Sample], position, shown: Vec<(i64, Option<bool>)>| {
            let sample = &of[0];
            let weights = shown.iter().filter_map(|(_, label)| weight(rules, *label));
            let weights = weights.map(f32::to_bits).collect();
            let items = sample.history.iter().map(|(item, _)| *item);
            let kinds = sample.history.iter().map(|(_, kind)| i64::from(*kind));
            let deltas = sample.time_delta.iter().flatten();
            let mut time_deltas: Vec<i64> = deltas.map(|of| i64::from(*of)).collect();
            let mut told = expected_told(settings, sample);
            let (mut actions, mut kinds): (Vec<i64>, Vec<i64>) = (items.collect(), kinds.collect());
            if settings.sequences().pad {
                if rules.told.contains(&Told::TimeDelta) {
                    time_deltas.resize(rules.actions_max, 0);
                }
                for (zero, numbers) in &mut told {
                    numbers.resize(rules.actions_max, *zero);
                }
                actions.resize(rules.actions_max, 0);
                kinds.resize(rules.actions_max, 0);
            }
            OutRow {
                customer: sample.customer.clone(),
                ranking: sample.ranking.clone(),
                position,
                shown,
                cutoff_us: sample.cutoff_us,
                last_action_us: sample.last_action_us,
                history_length: i32::try_from(sample.history.len()).unwrap_or(i32::MAX),
                actions,
                kinds,
                time_deltas,
                told: told.into_iter().map(|(_, numbers)| numbers).collect(),
                weights,
                kept: kept(of),
            }
        };
        match (settings.sequences().layout, samples.first()) {
            (_, None) => Vec::new(),
            (Layout::Sample, _) => samples
                .iter()
                .map(|of| {
                    let shown = vec![(of.item, of.is_order)];
                    row(std::slice::from_ref(of), Some(of.position), shown)
                })
                .collect(),
            (Layout::Request, Some(_)) => {
                let items = samples.iter().map(|of| (of.item, of.is_order)).collect();
                vec![row(&samples, None, items)]
            }
        }
    }

    /// Which row it is, for messages.
    pub(crate) fn name(&self) -> String {
        let customer = self.customer.as_deref().unwrap_or("null");
        let ranking = &self.ranking;
        match self.position {
            Some(position) => {
                format!("customer {customer}, ranking \"{ranking}\", position {position}")
            }
            None => format!("customer {customer}, ranking \"{ranking}\""),
        }
    }

    /// How the row differs from the one that it should be: the column, what is there, what should be.
    /// Of a history, what is known of the first action that should not be there.
    pub(crate) fn difference(
        &self,
        expected: &OutRow,
        rules: &Rules,
        shown: &LogImpression,
        log: &[LogAction],
    ) -> Option<String> {
        let time =
            |at: Option<i64>| at.map_or_else(|| "null".to_owned(), |at| instant_text(Micros(at)));
        if self.shown != expected.shown {
            let text = |shown: &[(i64, Option<bool>)]| {
                let one = |(item, label): &(i64, Option<bool>)| match label {
                    Some(label) => format!("item {item}, {label}"),
                    None => format!("item {item}, null"),
                };
                shown.iter().map(one).collect::<Vec<_>>().join("; ")
            };
            let name = match self.position {
                Some(_) => "item_id\" or \"is_order",
                None => "items\" or \"is_order",
            };
            return told(name, text(&self.shown), text(&expected.shown));
        }
        if let Some(what) = self.difference_beside(expected) {
            return Some(what);
        }
        if self.cutoff_us != expected.cutoff_us {
            let (found, expected) = (Some(self.cutoff_us), Some(expected.cutoff_us));
            return told("cutoff", time(found), time(expected));
        }
        for (name, found, right) in [
            ("actions", &self.actions, &expected.actions),
            ("action_types", &self.kinds, &expected.kinds),
            ("time_delta", &self.time_deltas, &expected.time_deltas),
        ] {
            if found == right {
                continue;
            }
            let places = found.len().max(right.len());
            let at = (0..places).find(|at| found.get(*at) != right.get(*at))?;
            let text = |of: &[i64]| {
                of.get(at)
                    .map_or_else(|| "nothing".to_owned(), i64::to_string)
            };
            let what = told(name, text(found), text(right))?;
            let stranger = self.stranger(expected, at, rules, shown, log);
            return Some(format!("{what} at place {at}{stranger}"));
        }
        if let Some(what) = self.difference_told(expected) {
            return Some(what);
        }
        if self.last_action_us != expected.last_action_us {
            let (found, right) = (self.last_action_us, expected.last_action_us);
            let what = told("last_action_time", time(found), time(right))?;
            return Some(match found {
                Some(found) if found >= expected.cutoff_us => {
                    format!(
                        "{what}: that is not prior to the cutoff {}",
                        time(Some(expected.cutoff_us))
                    )
                }
                _ => what,
            });
        }
        if self.history_length != expected.history_length {
            let (found, right) = (self.history_length, expected.history_length);
            return told("history_length", found.to_string(), right.to_string());
        }
        None
    }

    /// How what columns tell of the actions differs.
    fn difference_told(&self, expected: &OutRow) -> Option<String> {
        let mut columns = self.told.iter().zip(&expected.told).enumerate();
        let (column, (found, right)) = columns.find(|(_, (found, right))| found != right)?;
        let places = found.len().max(right.len());
        let at = (0..places).find(|at| found.get(*at) != right.get(*at))?;
        let text = |of: &[Number]| of.get(at).map_or_else(|| "nothing".to_owned(), number_text);
        let what = told(&format!("told {}", column + 1), text(found), text(right))?;
        Some(format!("{what} at place {at}"))
    }

    /// How what stands beside the history differs: what is carried through, and weights.
    fn difference_beside(&self, expected: &OutRow) -> Option<String> {
        let mut columns = self.kept.iter().zip(&expected.kept).enumerate();
        if let Some((at, (found, right))) = columns.find(|(_, (found, right))| found != right) {
            let text = |of: &[Option<String>]| {
                let of = of.iter().map(|of| of.as_deref().unwrap_or("null"));
                of.collect::<Vec<_>>().join("; ")
            };
            return told(&format!("carried {}", at + 1), text(found), text(right));
        }
        let text = |weights: &[u32]| {
            let weights = weights.iter().map(|bits| f32::from_bits(*bits).to_string());
            weights.collect::<Vec<_>>().join("; ")
        };
        match self.weights == expected.weights {
            true => None,
            false => told("weight", text(&self.weights), text(&expected.weights)),
        }
    }

    /// What is known of the action at a place that should not be there.
    fn stranger(
        &self,
        expected: &OutRow,
        at: usize,
        rules: &Rules,
        shown: &LogImpression,
        log: &[LogAction],
    ) -> String {
        let pair = |row: &OutRow, at: usize| Some((*row.actions.get(at)?, *row.kinds.get(at)?));
        let Some((item, kind)) = pair(self, at).filter(|(item, _)| *item != 0) else {
            return String::new();
        };
        let alike = || {
            let is_it = |of: &&LogAction| of.item == item && i64::from(of.kind) == kind;
            log.iter().filter(is_it)
        };
        if let Some((when, why)) = newest_barred(rules, shown, alike()) {
            let (when, why) = (instant_text(Micros(when)), why_not(why));
            let cutoff = instant_text(Micros(expected.cutoff_us));
            return format!(": item {item} of {when} is not prior to the cutoff {cutoff}: {why}");
        }
        match alike().next() {
            Some(_) => String::new(),
            None => {
                format!(": no input has an action of type {kind} on item {item} of this customer")
            }
        }
    }
}

/// A column that holds something else than it should, in words.
#[expect(clippy::needless_pass_by_value, reason = "texts are made for it")]
#[expect(clippy::unnecessary_wraps, reason = "it is what a row answers")]
fn told(name: &str, found: String, expected: String) -> Option<String> {
    Some(format!(
        "column \"{name}\" holds {found}, and should hold {expected}"
    ))
}

/// The columns that are carried through: those of impressions, then those of items.
fn carried(settings: &Settings) -> impl Iterator<Item = &Passthrough> {
    let of = |of_items| {
        settings
            .sequences()
            .keep
            .iter()
            .filter(move |keep| keep.of_items == of_items)
    };
    of(false).chain(of(true))
}

/// What a row of a batch carries, as text.
fn kept_of(settings: &Settings, batch: &RecordBatch, row: usize) -> Vec<Vec<Option<String>>> {
    let columns = carried(settings).map(|keep| {
        let column = column(batch, &keep.name);
        let values = match column.data_type() {
            DataType::List(_) => column.as_list::<i32>().value(row),
            _ => column.slice(row, 1),
        };
        (0..values.len())
            .map(|at| value_as_text(&values, at))
            .collect()
    });
    columns.collect()
}

/// The weights in a row of a batch.
fn weights_of(batch: &RecordBatch, row: usize) -> Vec<u32> {
    let Some(column) = batch.column_by_name("weight") else {
        return Vec::new();
    };
    let values = match column.data_type() {
        DataType::Float32 => column.slice(row, 1),
        _ => column.as_list::<i32>().value(row),
    };
    let values = values.as_primitive::<Float32Type>().values();
    values.iter().map(|of| of.to_bits()).collect()
}

/// Why an action is not prior, in words.
pub(crate) fn why_not(why: Barred) -> &'static str {
    match why {
        Barred::UnknownItem => "the vocabulary lacks its item",
        Barred::OtherType => "its type does not count",
        Barred::AtCutoff => "it happened at the very cutoff",
        Barred::AfterCutoff => "it happened after the cutoff",
        Barred::DayNotOver => "only its day is known, and that was not over",
        Barred::NeverKnown => "not yet available: its column of availability is null",
        Barred::KnownLate => "not yet available at the cutoff",
        Barred::Embargoed => "not yet available: under embargo at the cutoff",
        Barred::BeforeLookback => "before the lookback",
    }
}
