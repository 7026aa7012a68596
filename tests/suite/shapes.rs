//! Shown items in every shape that a file may have them in: the same items, other columns.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, ListArray, MapArray, StructArray};
use arrow::buffer::OffsetBuffer;
use arrow::datatypes::Field;
use hitherto::{Format, SourceSettings};

use crate::spellings::column_of_labels;
use crate::support::{Column, Items, Numbers, Style, array_of, item_text};

/// The items of an impression with their labels.
type Shown = Vec<(i64, Option<bool>)>;

/// How the items of a file are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// A list of structs.
    Structs,
    /// A map from item to label.
    Map,
    /// Two lists.
    Parallel,
    /// Two texts.
    ParallelTexts,
    /// A list of items, and one of those clicked.
    Clicked,
    /// The same as texts.
    ClickedTexts,
    /// A list of items without labels.
    Alone,
    /// The same as a text.
    AloneText,
    /// A list of texts, each an item with its label.
    Pairs,
    /// A text of them.
    PairsText,
}

/// The shapes of a case: what the settings say of all of its files, and what else is drawn.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shapes {
    /// Separates items in texts, if they are written so.
    item: Option<&'static str>,
    /// Separates items from labels, if they are written so.
    label: Option<&'static str>,
    /// The shape of a file depends on it.
    seed: u64,
}

impl Shapes {
    /// Shapes of files of a format whose ids of items are such.
    pub(crate) fn draw(numbers: &mut Numbers, format: Format, items: Items) -> Shapes {
        // Some ids have blanks in them.
        let separators: &[&str] = match items {
            Items::Texts => &["|", ",", ";;"],
            _ => &["|", ",", ";;", " "],
        };
        let item = numbers.once_in(2).then(|| numbers.pick(separators));
        // A text of labels cannot say that one is null.
        let has_label = numbers.once_in(3) || format == Format::Csv && item.is_some();
        Shapes {
            item,
            label: has_label.then(|| numbers.pick(&["-", ":", "-@-"])),
            seed: numbers.next(),
        }
    }

    /// The settings that say how texts are split.
    pub(crate) fn settings(&self) -> SourceSettings {
        SourceSettings {
            item_separator: self.item.map(str::to_owned),
            label_separator: self.label.map(str::to_owned),
            ..SourceSettings::default()
        }
    }

    /// The shape of a file of a style, which has these items.
    pub(crate) fn of_file(&self, file: usize, lists: &[Shown], style: Style) -> Shape {
        let is_clicked = lists.iter().all(is_clicked);
        let is_alone = lists.iter().flatten().all(|(_, label)| label.is_none());
        let has_null = lists.iter().flatten().any(|(_, label)| label.is_none());
        let is_split = self.label.is_some();
        let has_json = style.format != Format::Csv || self.item.is_none();
        let has_text = self.item.is_some();
        let possible = [
            (Shape::Structs, has_json),
            (Shape::Map, has_json),
            (Shape::Parallel, has_json && !is_split),
            (Shape::Clicked, has_json && !is_split && is_clicked),
            (Shape::Alone, has_json && !is_split && is_alone),
            (Shape::Pairs, has_json && is_split),
            (
                Shape::ParallelTexts,
                has_text && !is_split && (!has_null || style.null.is_some()),
            ),
            (Shape::ClickedTexts, has_text && !is_split && is_clicked),
            (Shape::AloneText, has_text && !is_split && is_alone),
            (Shape::PairsText, has_text && is_split),
        ];
        let possible = possible.into_iter().filter(|(_, is_possible)| *is_possible);
        let possible: Vec<Shape> = possible.map(|(shape, _)| shape).collect();
        Numbers(self.seed.wrapping_add(file as u64)).pick(&possible)
    }

    /// The columns of a file's rows in a shape, given those of structs.
    pub(crate) fn columns(
        &self,
        shape: Shape,
        lists: &[Shown],
        ids: Items,
        null: Option<&str>,
    ) -> Vec<(&'static str, Column)> {
        let all = || {
            let items = |list: &Shown| list.iter().map(|(item, _)| *item).collect();
            lists.iter().map(items).collect::<Vec<Vec<i64>>>()
        };
        let labels = || {
            let labels = |list: &Shown| list.iter().map(|(_, label)| *label).collect();
            lists.iter().map(labels).collect::<Vec<Vec<_>>>()
        };
        // The last first: their order says nothing.
        let clicked = || {
            let yes = |list: &Shown| {
                let yes = list.iter().rev().filter(|(_, label)| *label == Some(true));
                yes.map(|(item, _)| *item).collect()
            };
            lists.iter().map(yes).collect::<Vec<Vec<i64>>>()
        };
        let label_text = |label: &Option<bool>| match label {
            Some(label) => label.to_string(),
            None => null.expect("a word for null").to_owned(),
        };
        let joined = |texts: Vec<String>| Some(texts.join(self.item.unwrap_or_default()));
        let texts = |lists: Vec<Vec<i64>>| {
            let text = |list: &Vec<i64>| {
                let texts = list.iter().map(|item| item_text(ids, *item));
                joined(texts.collect())
            };
            Column::Texts(lists.iter().map(text).collect())
        };
        let pairs = || {
            let separator = self.label.expect("only then are there pairs");
            let pair = |(item, label): &(i64, Option<bool>)| {
                let label = label.map_or_else(
                    || null.unwrap_or_default().to_owned(),
                    |label| label.to_string(),
                );
                format!("{}{separator}{label}", item_text(ids, *item))
            };
            let pairs = |list: &Shown| list.iter().map(pair).collect();
            lists.iter().map(pairs).collect::<Vec<Vec<String>>>()
        };
        let (items, own, clicks) = ("impressions", "labels", "clicked");
        match shape {
            Shape::Structs => vec![(items, Column::Lists(lists.to_vec(), ids))],
            Shape::Map => vec![(items, Column::Maps(lists.to_vec(), ids))],
            Shape::Parallel => vec![
                (items, Column::IdLists(all(), ids)),
                (own, Column::LabelLists(labels())),
            ],
            Shape::ParallelTexts => {
                let label_texts = labels();
                let label_texts = label_texts
                    .iter()
                    .map(|list| joined(list.iter().map(label_text).collect()));
                vec![
                    (items, texts(all())),
                    (own, Column::Texts(label_texts.collect())),
                ]
            }
            Shape::Clicked => vec![
                (items, Column::IdLists(all(), ids)),
                (clicks, Column::IdLists(clicked(), ids)),
            ],
            Shape::ClickedTexts => vec![(items, texts(all())), (clicks, texts(clicked()))],
            Shape::Alone => vec![(items, Column::IdLists(all(), ids))],
            Shape::AloneText => vec![(items, texts(all()))],
            Shape::Pairs => vec![(items, Column::TextLists(pairs()))],
            Shape::PairsText => {
                let texts = pairs().into_iter().map(joined);
                vec![(items, Column::Texts(texts.collect()))]
            }
        }
    }
}

/// Whether a list of clicked items says the same as its labels.
fn is_clicked(list: &Shown) -> bool {
    let is_same = |(item, label): &(i64, Option<bool>)| {
        let mut others = list.iter().filter(|(other, _)| other == item);
        label.is_some() && others.all(|(_, other)| other == label)
    };
    list.iter().all(is_same)
}

/// The ids of lists as an array.
fn ids_of(ids: Items, items: Vec<i64>, style: Style) -> ArrayRef {
    let count = items.len();
    let column = match ids {
        Items::Texts => {
            let texts = items.into_iter().map(|item| Some(item_text(ids, item)));
            Column::Texts(texts.collect())
        }
        Items::Ids => Column::Ids(items.into_iter().map(Some).collect()),
        Items::Decimals => Column::Ints(items.into_iter().map(Some).collect()),
    };
    array_of(&column, 0..count, style)
}

/// Lists of ids.
pub(crate) fn id_lists(lists: &[Vec<i64>], ids: Items, style: Style) -> ArrayRef {
    listed(lists, ids_of(ids, lists.concat(), style))
}

/// Lists of labels.
pub(crate) fn label_lists(lists: &[Vec<Option<bool>>], style: Style) -> ArrayRef {
    listed(
        lists,
        column_of_labels(&lists.concat(), style.row_group / 2),
    )
}

/// Lists of texts.
pub(crate) fn text_lists(lists: &[Vec<String>], style: Style) -> ArrayRef {
    let texts = lists.concat();
    let count = texts.len();
    let column = Column::Texts(texts.into_iter().map(Some).collect());
    listed(lists, array_of(&column, 0..count, style))
}

/// Lists of values.
fn listed<T>(lists: &[Vec<T>], values: ArrayRef) -> ArrayRef {
    let offsets = OffsetBuffer::from_lengths(lists.iter().map(Vec::len));
    let element = Arc::new(Field::new_list_field(values.data_type().clone(), true));
    Arc::new(ListArray::new(element, offsets, values, None))
}

/// Maps from item to label.
pub(crate) fn maps_of(lists: &[Shown], ids: Items, style: Style) -> ArrayRef {
    let all = lists.concat();
    let keys = ids_of(ids, all.iter().map(|(item, _)| *item).collect(), style);
    let labels: Vec<_> = all.iter().map(|(_, label)| *label).collect();
    let values = column_of_labels(&labels, style.row_group / 2);
    let fields = [
        Arc::new(Field::new("key", keys.data_type().clone(), false)),
        Arc::new(Field::new("value", values.data_type().clone(), true)),
    ];
    let entries = StructArray::new(fields.to_vec().into(), vec![keys, values], None);
    let offsets = OffsetBuffer::from_lengths(lists.iter().map(Vec::len));
    let field = Arc::new(Field::new("entries", entries.data_type().clone(), false));
    Arc::new(MapArray::new(field, offsets, entries, None, false))
}
