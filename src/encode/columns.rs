//! The one list of the columns of the output: the schema, the plain path and the direct path read it.
//!
//! **In / Out**: a [`WriteSpec`] → an [`OutputColumn`] per column of the schema, in order. **Invariants**: the
//! columns of histories are contiguous.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, FieldRef, TimeUnit};

use super::spec::WriteSpec;
use crate::error::{Error, Result};
use crate::job::{
    Attribute, AttributeType, CustomerType, ItemType, Layout, Passthrough, PassthroughType,
};
use crate::options::published_name;

/// A column of the output.
#[derive(Clone, Debug)]
pub(crate) struct OutputColumn<'a> {
    pub(super) name: &'a str,
    /// Where its values come from.
    pub(super) source: ColumnSource<'a>,
    /// The type of a value; of an element, if rows have lists.
    data_type: DataType,
    /// Whether a value may be null.
    is_nullable: bool,
    /// Whether a row has a list of values.
    pub(super) is_list: bool,
    /// Whether the list itself may be null, as those of timelines are.
    is_list_nullable: bool,
}

/// Where the values of a column come from.
#[derive(Clone, Copy, Debug)]
pub(crate) enum ColumnSource<'a> {
    /// From impressions and their items.
    Scalar(Scalar<'a>),
    /// From histories.
    History(HistoryColumn),
}

/// A scalar column: one that is not of histories.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Scalar<'a> {
    /// `customer_id`.
    Customer,
    /// `ranking_id`.
    Ranking,
    /// `position`.
    Position,
    /// `item_id`, or `items`.
    Item,
    /// `is_order`.
    Label,
    /// `cutoff`.
    Cutoff,
    /// `last_action_time`.
    LastActionTime,
    /// `history_length`.
    HistoryLength,
    /// `history_start`: the place of a history in the timeline.
    HistoryStart,
    /// `weight`, given the weight of a negative.
    Weight(f32),
    /// A passthrough column, and its index among those of impressions, or of items.
    Passthrough(&'a Passthrough, usize),
}

/// A column of histories.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HistoryColumn {
    /// `actions`: item ids.
    Items,
    /// `action_types`.
    Types,
    /// `time_delta`: seconds from the action to the cutoff.
    TimeDelta,
    /// `time`: seconds from 1970 to the action.
    Seconds,
    /// `action_time`: when the action happened.
    Instant,
    /// An attribute of the actions: its index among attributes, and its type.
    Attribute(usize, AttributeType),
}

impl<'a> OutputColumn<'a> {
    /// A column of values that are not null.
    fn new(name: &'a str, source: ColumnSource<'a>, data_type: DataType) -> OutputColumn<'a> {
        OutputColumn {
            name,
            source,
            data_type,
            is_nullable: false,
            is_list: false,
            is_list_nullable: false,
        }
    }

    /// The same, whose values may be null.
    fn nullable(self) -> OutputColumn<'a> {
        OutputColumn {
            is_nullable: true,
            ..self
        }
    }

    /// The same, with a list of such values in a row.
    fn list(self) -> OutputColumn<'a> {
        OutputColumn {
            is_list: true,
            ..self
        }
    }

    /// The same with a value per item: a list in the layout `request`.
    fn per_item(self, layout: Layout) -> OutputColumn<'a> {
        match layout {
            Layout::Sample => self,
            Layout::Request | Layout::Timeline => self.list(),
        }
    }

    /// The element of its lists.
    pub(super) fn element(&self) -> FieldRef {
        let data_type = self.data_type.clone();
        Arc::new(Field::new("element", data_type, self.is_nullable))
    }

    /// Its field in the schema.
    pub(super) fn field(&self) -> Field {
        if self.is_list {
            let lists = DataType::List(self.element());
            Field::new(self.name, lists, self.is_list_nullable)
        } else {
            Field::new(self.name, self.data_type.clone(), self.is_nullable)
        }
    }
}

/// All columns, in the order of the schema.
///
/// `customer_id` is nullable even if guests are dropped, so that the schema does not depend on that. A
/// label may be null, and `last_action_time` of an empty history is.
pub(super) fn columns<'a>(spec: &WriteSpec<'a>) -> Vec<OutputColumn<'a>> {
    let mut columns = scalars(spec);
    columns.extend(histories(spec));
    let weight = spec.negative_weight.map(|of_negative| {
        let weight = Scalar::Weight(of_negative);
        scalar("weight", weight, DataType::Float32).per_item(spec.layout)
    });
    columns.extend(weight);
    columns.extend(passthrough(spec));
    for column in &mut columns {
        column.name = published_name(spec.rename, column.name);
    }
    columns
}

/// Checks that each renamed column is one of the output, and that no two columns have one name.
///
/// # Errors
/// If not, naming the column.
pub(crate) fn check_names(spec: &WriteSpec<'_>) -> Result<()> {
    let plain = WriteSpec {
        rename: &[],
        ..*spec
    };
    let names: Vec<&str> = columns(&plain).iter().map(|column| column.name).collect();
    for (name, _) in spec.rename {
        if !names.contains(&name.as_str()) {
            let known = names.join(", ");
            let what = format!("--rename has \"{name}\"; the columns of the output are {known}");
            return Err(Error::settings(what));
        }
    }
    // The folders of days are a column, too, for readers.
    let mut seen = vec!["dt"];
    // What is computed from it has a name of its own where timelines are read.
    let is_instant = |column: &OutputColumn<'_>| {
        matches!(column.source, ColumnSource::History(HistoryColumn::Instant))
    };
    seen.extend(columns(spec).iter().any(is_instant).then_some("time_delta"));
    for column in columns(spec) {
        if seen
            .iter()
            .any(|other| other.eq_ignore_ascii_case(column.name))
        {
            let what = format!("--rename makes two columns named \"{}\"", column.name);
            return Err(Error::settings(what));
        }
        seen.push(column.name);
    }
    Ok(())
}

/// The columns before the histories.
fn scalars<'a>(spec: &WriteSpec<'a>) -> Vec<OutputColumn<'a>> {
    let customer = match spec.customers {
        CustomerType::Int64 => DataType::Int64,
        CustomerType::String => DataType::Utf8,
    };
    let mut columns = vec![
        scalar("customer_id", Scalar::Customer, customer).nullable(),
        scalar("ranking_id", Scalar::Ranking, DataType::Utf8),
    ];
    let item = |name| scalar(name, Scalar::Item, item_type(spec.item_type));
    match spec.layout {
        Layout::Sample => columns.extend([
            scalar("position", Scalar::Position, DataType::Int32),
            item("item_id"),
        ]),
        Layout::Request | Layout::Timeline => columns.push(item("items").list()),
    }
    columns.extend([
        scalar("is_order", Scalar::Label, DataType::Boolean)
            .nullable()
            .per_item(spec.layout),
        scalar("cutoff", Scalar::Cutoff, instant()),
        scalar("last_action_time", Scalar::LastActionTime, instant()).nullable(),
        scalar("history_length", Scalar::HistoryLength, DataType::Int32),
    ]);
    if spec.layout == Layout::Timeline {
        columns.push(scalar(
            "history_start",
            Scalar::HistoryStart,
            DataType::Int32,
        ));
    }
    columns
}

/// The columns of the histories.
fn histories<'a>(spec: &WriteSpec<'a>) -> Vec<OutputColumn<'a>> {
    let history = |name, column, data_type| OutputColumn {
        is_list_nullable: spec.layout == Layout::Timeline,
        ..OutputColumn::new(name, ColumnSource::History(column), data_type).list()
    };
    let mut columns = vec![
        history("actions", HistoryColumn::Items, item_type(spec.item_type)),
        history("action_types", HistoryColumn::Types, DataType::Int8),
    ];
    // What is computed from times takes no place among the stored attributes.
    let mut attributes = 0;
    columns.extend(spec.attributes.iter().map(|side| match side {
        // An action of a timeline has as many deltas as cutoffs; readers compute them from its time.
        Attribute::TimeDelta if spec.layout == Layout::Timeline => {
            history("action_time", HistoryColumn::Instant, instant())
        }
        Attribute::TimeDelta => history(side.column(), HistoryColumn::TimeDelta, DataType::Int32),
        Attribute::Time => history(side.column(), HistoryColumn::Seconds, DataType::Int64),
        Attribute::Column(column) => {
            attributes += 1;
            let source = HistoryColumn::Attribute(attributes - 1, column.holds());
            let data_type = match column.holds() {
                AttributeType::Int32 => DataType::Int32,
                AttributeType::Float32 => DataType::Float32,
            };
            history(side.column(), source, data_type)
        }
    }));
    columns
}

/// The passthrough columns.
fn passthrough<'a>(spec: &WriteSpec<'a>) -> Vec<OutputColumn<'a>> {
    // Values of impressions and of items are stored apart, so each kind counts its own places.
    let (mut of_rows, mut of_items, layout) = (0, 0, spec.layout);
    let columns = spec.keep.iter().map(|keep| {
        let places = if keep.of_items {
            &mut of_items
        } else {
            &mut of_rows
        };
        *places += 1;
        let source = Scalar::Passthrough(keep, *places - 1);
        let column = scalar(&keep.name, source, passthrough_type(keep.holds())).nullable();
        if keep.of_items {
            column.per_item(layout)
        } else {
            column
        }
    });
    columns.collect()
}

/// A scalar column.
fn scalar<'a>(name: &'a str, source: Scalar<'a>, data_type: DataType) -> OutputColumn<'a> {
    OutputColumn::new(name, ColumnSource::Scalar(source), data_type)
}

/// The type of item ids.
fn item_type(item_type: ItemType) -> DataType {
    match item_type {
        ItemType::Int32 => DataType::Int32,
        ItemType::Int64 => DataType::Int64,
    }
}

/// The type of a passthrough column.
pub(crate) fn passthrough_type(value_type: PassthroughType) -> DataType {
    match value_type {
        PassthroughType::Int32 => DataType::Int32,
        PassthroughType::Int64 => DataType::Int64,
        PassthroughType::Double => DataType::Float64,
        PassthroughType::Text => DataType::Utf8,
        PassthroughType::Boolean => DataType::Boolean,
        PassthroughType::Time => instant(),
    }
}

/// The type of times.
fn instant() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))
}
