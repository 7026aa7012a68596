//! The columns that a source declares, against those of a Parquet file.
//!
//! **In / Out**: declared columns and a file → nothing, or the fault of the first column that the file
//! lacks, or whose type cannot hold what is wanted. **Invariants**: types are judged once per file, so
//! that nothing but values is judged row by row.

use arrow::datatypes::DataType;

use super::Presence;
use super::arrow::IdColumn;
use super::arrow_times::TimeColumn;
use super::arrow_words::WordColumn;
use super::passthrough::fields_of;
use super::{attributes, passthrough};
use crate::advice::{self, Hint};
use crate::error::{Error, Result};
use crate::job::{AttributeColumn, CustomerType, Passthrough, PassthroughType, Source, TimeUnit};
use crate::scan::item_ids::{expected_items, holds_items};
use crate::scan::parquet::ParquetFile;
use crate::scan::spec::ReadSpec;
use crate::scan::units::hint_of_column;
use crate::scan::values::label::LabelColumn;
use crate::scan::values::numbers::is_number;

/// A column that a source wants of its files.
#[derive(Clone, Copy, Debug)]
pub(crate) struct DeclaredColumn<'a> {
    /// Its name in the files.
    pub(crate) name: &'a str,
    pub(crate) holds: Holds<'a>,
    /// Whether a file may lack it.
    pub(crate) presence: Presence,
}

/// What the type of a column must be able to hold.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Holds<'a> {
    /// Ids of customers, of the type that the impressions settle.
    Customer(CustomerType),
    /// Ids of rankings: texts, or integers as texts.
    Ranking,
    /// Ids of items.
    Item,
    /// Shown items: lists of structs of an item and a label, if that is read, which have these names, or another
    /// shape.
    ShownItems(&'a str, Option<&'a str>),
    /// Lists of labels, or texts.
    ItemLabels,
    /// Lists of item ids, or texts.
    ClickedItems,
    /// Labels of rows that are one item each.
    Label,
    /// Integers.
    Place,
    /// Other ids.
    Id(CustomerType),
    /// Texts.
    Text,
    /// What is compared as text: texts, integers or booleans.
    Word,
    /// Numbers.
    Float,
    /// Times.
    Time,
    /// Days of the column `dt`: times, but no integers.
    LandingDay,
    /// An attribute of actions.
    Attribute(&'a AttributeColumn),
    /// A column that is carried through, of impressions or of their items.
    Passthrough(&'a Passthrough),
    /// A column that `features` copies.
    Kept(PassthroughType),
}

impl<'a> DeclaredColumn<'a> {
    /// A column that each file must have.
    pub(crate) fn required(name: &'a str, holds: Holds<'a>) -> DeclaredColumn<'a> {
        DeclaredColumn {
            name,
            holds,
            presence: Presence::Required,
        }
    }

    /// A column that a file may lack.
    pub(crate) fn optional(name: &'a str, holds: Holds<'a>) -> DeclaredColumn<'a> {
        DeclaredColumn {
            name,
            holds,
            presence: Presence::Optional,
        }
    }

    /// Checks that a file has the column, unless it is optional, with a type that holds what is wanted.
    fn check(&self, spec: &ReadSpec<'_>, file: &ParquetFile) -> Result<()> {
        let name = self.name;
        // First: if it is missing, the message does not offer to rename it.
        if let Holds::Passthrough(column) = self.holds {
            return passthrough::check(spec, file, column);
        }
        if let Holds::Kept(kind) = self.holds {
            return passthrough::check_kept(file, name, kind);
        }
        if self.presence == Presence::Optional && file.column(name).is_none() {
            return Ok(());
        }
        let found = file.required(name)?.data_type();
        if let Holds::ShownItems(item, label) = self.holds {
            return check_shown_items(spec, file, name, item, label);
        }
        match self.expected_instead(spec, file, found) {
            None => Ok(()),
            Some(expected) => Err(file.wrong_type(name, &expected, found)),
        }
    }

    /// What a message says should be there, if a type cannot hold it.
    fn expected_instead(
        &self,
        spec: &ReadSpec<'_>,
        file: &ParquetFile,
        found: &DataType,
    ) -> Option<String> {
        let by_flag = spec.customer_type.is_some();
        let holds_ids = |ids, by_flag| IdColumn::holds(found, ids, by_flag);
        let unless = |is_right: bool, expected: &str| (!is_right).then(|| expected.to_owned());
        match self.holds {
            Holds::Customer(ids) => {
                (!holds_ids(ids, by_flag)).then(|| expected_customers(ids, found))
            }
            Holds::Label => unless(LabelColumn::holds(found), "labels"),
            Holds::Place => unless(found.is_integer(), "integers"),
            Holds::Id(ids) => (!holds_ids(ids, by_flag)).then(|| expected_ids(ids, found)),
            // Rankings are always texts, so integers need no leave of the user.
            Holds::Ranking => unless(holds_ids(CustomerType::String, true), "text or integers"),
            Holds::Item => (!holds_items(found, spec)).then(|| expected_items(spec, found)),
            Holds::Text => {
                let is_text = matches!(found, DataType::Utf8View | DataType::BinaryView);
                unless(is_text, "text")
            }
            Holds::Word => unless(WordColumn::holds(found), "text, integers or booleans"),
            Holds::Float => unless(found.is_numeric(), "numbers"),
            // As seconds since 1970, such integers would all be days long ago, and all actions
            // known.
            Holds::LandingDay if found.is_integer() || is_number(found) => {
                Some("days: text such as 2025-08-15, dates or timestamps".to_owned())
            }
            Holds::Time | Holds::LandingDay => {
                expected_times(file, self.name, spec.time_unit, found)
            }
            Holds::Attribute(column) => attributes::expected_instead(column, found),
            Holds::ItemLabels => unless(
                is_text(found) || element_of(found).is_some_and(LabelColumn::holds),
                "a list of labels, or text",
            ),
            Holds::ClickedItems => {
                let element = element_of(found);
                let is_right =
                    is_text(found) || element.is_some_and(|found| holds_items(found, spec));
                let items = || expected_items(spec, element.unwrap_or(&DataType::Null));
                (!is_right).then(|| format!("a list of {}, or text", items()))
            }
            Holds::ShownItems(..) | Holds::Passthrough(_) | Holds::Kept(_) => {
                unreachable!("these columns have checks of their own")
            }
        }
    }
}

/// Checks the columns that a source declares, in their order.
///
/// # Errors
/// If a file lacks one that is required, or holds something else in it.
pub(crate) fn check_columns<'a>(
    spec: &ReadSpec<'_>,
    file: &ParquetFile,
    columns: impl IntoIterator<Item = DeclaredColumn<'a>>,
) -> Result<()> {
    let (spec, mut columns) = (spec.of_source(file.file.source), columns.into_iter());
    columns.try_for_each(|column| column.check(&spec, file))
}

/// What a column of customers should be, of which something else was found.
fn expected_customers(customers: CustomerType, found: &DataType) -> String {
    let is_id = IdColumn::holds(found, CustomerType::String, true);
    let (what, hint) = match customers {
        _ if !is_id && is_number(found) => ("integers or text", Some(Hint::WholeNumbers)),
        _ if !is_id => ("integers or text", None),
        CustomerType::Int64 => (
            "integers, as in the impressions",
            Some(Hint::MixedCustomers),
        ),
        CustomerType::String => ("text, as in the impressions", Some(Hint::MixedCustomers)),
    };
    advice::expected(what, hint.map(|hint| hint.text().to_owned()))
}

/// What a column of other ids should be, of which something else was found.
fn expected_ids(ids: CustomerType, found: &DataType) -> String {
    let hint = match found {
        _ if is_number(found) => Some(Hint::WholeNumbers),
        _ if IdColumn::holds(found, CustomerType::String, true) => Some(Hint::TextIds),
        _ => None,
    };
    let what = match ids {
        CustomerType::Int64 => "integers",
        CustomerType::String => "text",
    };
    advice::expected(what, hint.map(|hint| hint.text().to_owned()))
}

/// What a column of times should be, if a type holds none.
fn expected_times(
    file: &ParquetFile,
    name: &str,
    unit: Option<TimeUnit>,
    found: &DataType,
) -> Option<String> {
    if TimeColumn::holds(found, unit) {
        return None;
    }
    let hint = match found {
        found if found.is_integer() => hint_of_column(file, name),
        found if is_number(found) => format!(" ({})", Hint::TimeUnits.text()),
        _ => String::new(),
    };
    Some(format!("times{hint}"))
}

/// Whether a type is that of texts.
fn is_text(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Utf8View | DataType::BinaryView)
}

/// The type of the elements of lists.
fn element_of(data_type: &DataType) -> Option<&DataType> {
    match data_type {
        DataType::List(element) => Some(element.data_type()),
        _ => None,
    }
}

/// Checks that a column holds items: lists of structs of an item and a label, if that is read, lists of ids, maps
/// from item to label, or texts.
///
/// # Errors
/// If not.
pub(crate) fn check_shown_items(
    spec: &ReadSpec<'_>,
    file: &ParquetFile,
    name: &str,
    item: &str,
    label: Option<&str>,
) -> Result<()> {
    let shown = file.required(name)?.data_type();
    let lacks = |label| fields_of(shown).is_some_and(|fields| fields.find(label).is_none());
    let lacks_label = label.is_some_and(lacks);
    let wrong_for = |found: &DataType| -> Result<()> {
        let items = expected_items(spec, found);
        let label = label.map_or_else(String::new, |label| format!(", {label}: boolean"));
        let hint = lacks_label.then(|| Hint::NoLabels.text().to_owned());
        let structs = format!("a list of struct<{item}: {items}{label}>");
        let what = format!("{structs} or of ids, a map from item to label, or text");
        let expected = advice::expected(&what, hint);
        let error: Error = file.wrong_type(name, &expected, shown);
        Err(error)
    };
    let is_split = spec
        .settings_of(Source::Impressions)
        .is_some_and(|own| own.label_separator.is_some());
    let fields = match shown {
        DataType::List(element) => match element.data_type() {
            DataType::Struct(fields) => fields,
            DataType::Utf8 | DataType::Binary if is_split => return Ok(()),
            id if !is_split && holds_items(id, spec) => return Ok(()),
            id => return wrong_for(id),
        },
        DataType::Map(entries, _) => {
            return match entries.data_type() {
                DataType::Struct(entry) if LabelColumn::holds(entry[1].data_type()) => {
                    match entry[0].data_type() {
                        key if holds_items(key, spec) => Ok(()),
                        key => wrong_for(key),
                    }
                }
                // `Null` gives a message without a hint on ids.
                _ => wrong_for(&DataType::Null),
            };
        }
        text if is_text(text) => return Ok(()),
        _ => return wrong_for(&DataType::Null),
    };
    let type_of = |name: &str| fields.find(name).map(|(_, field)| field.data_type());
    let has_label = label.is_none_or(|label| type_of(label).is_some_and(LabelColumn::holds));
    match (type_of(item), has_label) {
        (Some(item), true) if holds_items(item, spec) => Ok(()),
        (Some(item), _) if !holds_items(item, spec) => wrong_for(item),
        _ => wrong_for(&DataType::Null),
    }
}
