//! Rows of `sequences`, of either layout: as published, and as the reference makes them.

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{DataType, Float32Type, Int32Type, TimestampMicrosecondType};

use super::rows::{column, id, ints, truth, value_as_text};
use crate::job::{Layout, Passthrough, Settings};
use crate::reference::{
    ComputedAttribute, LogImpression, Number, OrderedLog, Rules, Sample, samples_of, weight,
};
use crate::verify::audit::attributes::{attributes_of, expected_attributes};

/// A row of either layout.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct OutRow {
    pub(crate) customer: Option<String>,
    pub(crate) ranking: String,
    /// The position of the sample; nothing in layout `request`.
    pub(crate) position: Option<i32>,
    /// The shown items with labels: one item, or all.
    pub(crate) shown: Vec<(i64, Option<bool>)>,
    pub(crate) cutoff_us: i64,
    pub(crate) last_action_us: Option<i64>,
    pub(crate) history_length: i32,
    pub(crate) actions: Vec<i64>,
    pub(crate) kinds: Vec<i64>,
    /// Seconds from the actions to the cutoff, with padding; empty if there is no such column.
    pub(crate) time_deltas: Vec<i64>,
    /// Seconds from 1970 to the actions, with padding; empty if there is no such column.
    pub(crate) times: Vec<i64>,
    /// Attributes of the actions, with padding, column by column.
    pub(crate) attributes: Vec<Vec<Number>>,
    /// Weights of the shown items as bits; empty if there is no such column.
    pub(crate) weights: Vec<u32>,
    /// Passthrough columns as text: those of impressions, then those of items.
    pub(crate) passthrough: Vec<Vec<Option<String>>>,
}

impl OutRow {
    /// A row of a batch that has all columns.
    pub(crate) fn new(settings: &Settings, batch: &RecordBatch, row: usize) -> OutRow {
        let time = |name: &str| {
            let times = column(batch, name).as_primitive::<TimestampMicrosecondType>();
            times.is_valid(row).then(|| times.value(row))
        };
        let int = |name: &str| column(batch, name).as_primitive::<Int32Type>().value(row);
        let list = |name: &str| column(batch, name).as_list::<i32>().value(row);
        let computed = |name: &str| match batch.column_by_name(name) {
            Some(_) => ints(&list(name)),
            None => Vec::new(),
        };
        let (position, shown) = match batch.column_by_name("position") {
            Some(_) => {
                let item = column(batch, "item_id").slice(row, 1);
                let label = truth(column(batch, "is_order"), row);
                (Some(int("position")), vec![(ints(&item)[0], label)])
            }
            None => {
                let labels = list("is_order");
                let items = ints(&list("items")).into_iter().enumerate();
                let shown = items.map(|(at, item)| (item, truth(&labels, at)));
                (None, shown.collect())
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
            time_deltas: computed("time_delta"),
            times: computed("time"),
            attributes: attributes_of(settings, batch, row),
            weights: weights_of(batch, row),
            passthrough: passthrough_of(settings, batch, row),
        }
    }

    /// The rows that the reference makes of an impression.
    pub(crate) fn expected(
        settings: &Settings,
        rules: &Rules,
        impression: &LogImpression,
        log: &OrderedLog<'_>,
    ) -> Vec<OutRow> {
        let samples = samples_of(rules, impression, log);
        if samples.is_empty() {
            return Vec::new();
        }
        match settings.sequences().layout {
            Layout::Sample => {
                let row = |sample: &Sample| {
                    let row = OutRow::from_samples(settings, rules, std::slice::from_ref(sample));
                    OutRow {
                        position: Some(sample.position),
                        ..row
                    }
                };
                samples.iter().map(row).collect()
            }
            // Rows of timelines are read back as rows of `request`.
            Layout::Request | Layout::Timeline => {
                vec![OutRow::from_samples(settings, rules, &samples)]
            }
        }
    }

    /// The row of some samples of one impression, without a position.
    fn from_samples(settings: &Settings, rules: &Rules, samples: &[Sample]) -> OutRow {
        let sample = &samples[0];
        let items = samples.iter().map(|sample| (sample.item, sample.is_order));
        let shown: Vec<(i64, Option<bool>)> = items.collect();
        let weights = shown.iter().filter_map(|(_, label)| weight(rules, *label));
        let weights = weights.map(f32::to_bits).collect();
        let items = sample.history.iter().map(|(item, _)| *item);
        let kinds = sample.history.iter().map(|(_, kind)| i64::from(*kind));
        let deltas = sample.time_delta.iter().flatten();
        let mut time_deltas: Vec<i64> = deltas.map(|delta| i64::from(*delta)).collect();
        let mut times: Vec<i64> = sample.time.iter().flatten().copied().collect();
        let mut attributes = expected_attributes(settings, sample);
        let (mut actions, mut kinds): (Vec<i64>, Vec<i64>) = (items.collect(), kinds.collect());
        // The reference has no padding; rows are compared as they are published.
        if settings.sequences().pads() {
            for (computed, seconds) in [
                (ComputedAttribute::TimeDelta, &mut time_deltas),
                (ComputedAttribute::Time, &mut times),
            ] {
                if rules.computed.contains(&computed) {
                    seconds.resize(rules.actions_max, 0);
                }
            }
            for (padding, numbers) in &mut attributes {
                numbers.resize(rules.actions_max, *padding);
            }
            actions.resize(rules.actions_max, 0);
            kinds.resize(rules.actions_max, 0);
        }
        OutRow {
            customer: sample.customer.clone(),
            ranking: sample.ranking.clone(),
            position: None,
            shown,
            cutoff_us: sample.cutoff_us,
            last_action_us: sample.last_action_us,
            history_length: i32::try_from(sample.history.len()).unwrap_or(i32::MAX),
            actions,
            kinds,
            time_deltas,
            times,
            attributes: attributes.into_iter().map(|(_, numbers)| numbers).collect(),
            weights,
            passthrough: expected_passthrough(settings, samples),
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
}

/// The passthrough columns: those of impressions, then those of items.
pub(crate) fn passthrough_columns(settings: &Settings) -> impl Iterator<Item = &Passthrough> {
    let keep = &settings.sequences().keep;
    let of_impressions = keep.iter().filter(|column| !column.of_items);
    of_impressions.chain(keep.iter().filter(|column| column.of_items))
}

/// The passthrough columns in a row of a batch, as text.
fn passthrough_of(
    settings: &Settings,
    batch: &RecordBatch,
    row: usize,
) -> Vec<Vec<Option<String>>> {
    let columns = passthrough_columns(settings).map(|own| {
        let column = column(batch, &own.name);
        let values = match column.data_type() {
            DataType::List(_) => column.as_list::<i32>().value(row),
            _ => column.slice(row, 1),
        };
        let places = 0..values.len();
        places.map(|at| value_as_text(&values, at)).collect()
    });
    columns.collect()
}

/// The passthrough columns of a row of some samples of one impression: a column of impressions has one
/// value, a column of items one for each sample.
fn expected_passthrough(settings: &Settings, samples: &[Sample]) -> Vec<Vec<Option<String>>> {
    let columns = passthrough_columns(settings).enumerate();
    let columns = columns.map(|(at, own)| {
        let samples = if own.of_items { samples } else { &samples[..1] };
        let values = samples.iter().map(|sample| sample.passthrough[at].clone());
        values.collect()
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
    values.iter().map(|weight| weight.to_bits()).collect()
}
