//! How a published row of `sequences` differs from the expected one, in words.

use super::attributes::{attribute_columns, number_text};
use super::output_rows::{OutRow, passthrough_columns};
use crate::calendar::instant_text;
use crate::ids::Micros;
use crate::job::Settings;
use crate::reference::{ExclusionReason, LogAction, LogImpression, Number, Rules, newest_excluded};

/// What a row is compared for.
pub(crate) struct RowComparison<'a> {
    pub(crate) settings: &'a Settings,
    pub(crate) rules: &'a Rules,
    /// The impression of the row.
    pub(crate) impression: &'a LogImpression,
    /// All actions of its customer.
    pub(crate) log: &'a [LogAction],
}

impl RowComparison<'_> {
    /// The first column in which two rows differ, what it holds and what it should hold. For a history
    /// also why the first unexpected action is not prior.
    pub(crate) fn difference(&self, found: &OutRow, expected: &OutRow) -> Option<String> {
        // A wrong cutoff changes the history, and a wrong history its length and newest time:
        // causes are looked for before what follows from them.
        shown_difference(found, expected)
            .or_else(|| self.passthrough_difference(found, expected))
            .or_else(|| weight_difference(found, expected))
            .or_else(|| cutoff_difference(found, expected))
            .or_else(|| self.history_difference(found, expected))
            .or_else(|| self.attribute_difference(found, expected))
            .or_else(|| last_action_difference(found, expected))
            .or_else(|| length_difference(found, expected))
    }

    /// The difference in passthrough columns.
    fn passthrough_difference(&self, found: &OutRow, expected: &OutRow) -> Option<String> {
        let values = found.passthrough.iter().zip(&expected.passthrough);
        let mut columns = passthrough_columns(self.settings).zip(values);
        let (column, (found, expected)) =
            columns.find(|(_, (found, expected))| found != expected)?;
        let text = |values: &[Option<String>]| {
            let values = values
                .iter()
                .map(|value| value.as_deref().unwrap_or("null"));
            values.collect::<Vec<_>>().join("; ")
        };
        Some(column_text(&column.name, &text(found), &text(expected)))
    }

    /// The difference in actions, their types, and their time deltas.
    fn history_difference(&self, found: &OutRow, expected: &OutRow) -> Option<String> {
        for (name, values, right) in [
            ("actions", &found.actions, &expected.actions),
            ("action_types", &found.kinds, &expected.kinds),
            ("time_delta", &found.time_deltas, &expected.time_deltas),
            ("time", &found.times, &expected.times),
        ] {
            let Some(at) = first_difference(values, right) else {
                continue;
            };
            let text = |values: &[i64]| {
                let value = values.get(at);
                value.map_or_else(|| "nothing".to_owned(), i64::to_string)
            };
            let what = column_text(name, &text(values), &text(right));
            let unexpected = self.unexpected_action(found, expected, at);
            return Some(format!("{what} at place {at}{unexpected}"));
        }
        None
    }

    /// The difference in attribute columns.
    fn attribute_difference(&self, found: &OutRow, expected: &OutRow) -> Option<String> {
        let values = found.attributes.iter().zip(&expected.attributes);
        let mut columns = attribute_columns(self.settings).zip(values);
        let (column, (found, expected)) =
            columns.find(|(_, (found, expected))| found != expected)?;
        let at = first_difference(found, expected)?;
        let text = |values: &[Number]| {
            let value = values.get(at);
            value.map_or_else(|| "nothing".to_owned(), number_text)
        };
        let what = column_text(&column.name, &text(found), &text(expected));
        Some(format!("{what} at place {at}"))
    }

    /// Why the action at a place of a history is not prior, or that no input has it.
    fn unexpected_action(&self, found: &OutRow, expected: &OutRow, at: usize) -> String {
        let action = found.actions.get(at).zip(found.kinds.get(at));
        let Some((item, kind)) = action.filter(|(item, _)| **item != 0) else {
            return String::new();
        };
        let same_actions = || {
            let is_same =
                |action: &&LogAction| action.item == *item && i64::from(action.kind) == *kind;
            self.log.iter().filter(is_same)
        };
        if let Some((time, reason)) = newest_excluded(self.rules, self.impression, same_actions()) {
            let (time, reason) = (instant_text(Micros(time)), reason_text(reason));
            let cutoff = instant_text(Micros(expected.cutoff_us));
            return format!(
                ": item {item} of {time} is not prior to the cutoff {cutoff}: {reason}"
            );
        }
        // An action like it is prior, so it is not this action that is wrong.
        if same_actions().next().is_some() {
            return String::new();
        }
        format!(": no input has an action of type {kind} on item {item} of this customer")
    }
}

/// The difference in shown items and labels.
fn shown_difference(found: &OutRow, expected: &OutRow) -> Option<String> {
    if found.shown == expected.shown {
        return None;
    }
    let item_text = |(item, label): &(i64, Option<bool>)| match label {
        Some(label) => format!("item {item}, {label}"),
        None => format!("item {item}, null"),
    };
    let text = |shown: &[(i64, Option<bool>)]| {
        let items = shown.iter().map(item_text);
        items.collect::<Vec<_>>().join("; ")
    };
    let name = match found.position {
        Some(_) => "item_id\" or \"is_order",
        None => "items\" or \"is_order",
    };
    Some(column_text(
        name,
        &text(&found.shown),
        &text(&expected.shown),
    ))
}

/// The difference in weights.
fn weight_difference(found: &OutRow, expected: &OutRow) -> Option<String> {
    let text = |weights: &[u32]| {
        let weights = weights.iter().map(|bits| f32::from_bits(*bits).to_string());
        weights.collect::<Vec<_>>().join("; ")
    };
    let is_same = found.weights == expected.weights;
    (!is_same).then(|| column_text("weight", &text(&found.weights), &text(&expected.weights)))
}

/// The difference in cutoffs.
fn cutoff_difference(found: &OutRow, expected: &OutRow) -> Option<String> {
    let (found, expected) = (Some(found.cutoff_us), Some(expected.cutoff_us));
    (found != expected).then(|| column_text("cutoff", &time_text(found), &time_text(expected)))
}

/// The difference in the time of the newest action.
fn last_action_difference(found: &OutRow, expected: &OutRow) -> Option<String> {
    let (time, right) = (found.last_action_us, expected.last_action_us);
    if time == right {
        return None;
    }
    let what = column_text("last_action_time", &time_text(time), &time_text(right));
    let cutoff = expected.cutoff_us;
    if time.is_none_or(|time| time < cutoff) {
        return Some(what);
    }
    let cutoff = time_text(Some(cutoff));
    Some(format!("{what}: that is not prior to the cutoff {cutoff}"))
}

/// The difference in the length of the history.
fn length_difference(found: &OutRow, expected: &OutRow) -> Option<String> {
    let (found, expected) = (found.history_length, expected.history_length);
    (found != expected)
        .then(|| column_text("history_length", &found.to_string(), &expected.to_string()))
}

/// The first index at which two lists differ.
fn first_difference<T: PartialEq>(found: &[T], expected: &[T]) -> Option<usize> {
    let places = found.len().max(expected.len());
    (0..places).find(|at| found.get(*at) != expected.get(*at))
}

/// A column whose value is not the expected one, in words.
fn column_text(name: &str, found: &str, expected: &str) -> String {
    format!("column \"{name}\" holds {found}, and should hold {expected}")
}

/// A time in a message.
fn time_text(time: Option<i64>) -> String {
    time.map_or_else(|| "null".to_owned(), |time| instant_text(Micros(time)))
}

/// Why an action is not prior, in words.
fn reason_text(reason: ExclusionReason) -> &'static str {
    match reason {
        ExclusionReason::UnknownItem => "the vocabulary lacks its item",
        ExclusionReason::OtherType => "its type does not count",
        ExclusionReason::AtCutoff => "it happened at the very cutoff",
        ExclusionReason::AfterCutoff => "it happened after the cutoff",
        ExclusionReason::DayNotOver => "only its day is known, and that was not over",
        ExclusionReason::NeverKnown => "not yet available: its column of availability is null",
        ExclusionReason::KnownLate => "not yet available at the cutoff",
        ExclusionReason::Embargoed => "not yet available: under embargo at the cutoff",
        ExclusionReason::BeforeLookback => "before the lookback",
    }
}
