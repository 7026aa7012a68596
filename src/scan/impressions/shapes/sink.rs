//! The items of one impression, as they come: ids checked, labels found, positions counted.
//!
//! **Invariants**: a list of labels is as long as that of items; each clicked item was shown. Both are known
//! only at the end, so [`ItemSink::finish`] judges them.

use std::borrow::Cow;

use super::{Fault, ItemShapes};
use crate::advice::Hint;
use crate::ids::Item;
use crate::job::NullLabel;
use crate::kernel::column::Label;
use crate::kernel::passthrough::PassthroughValue;
use crate::scan::item_ids::ItemDictionary;
use crate::scan::mismatch::{Mismatch, Value, misfit_item, quoted};
use crate::scan::table::arrow::IdColumn;
use crate::scan::text::field::{Clock, Field};
use crate::scan::text::impression_items::{
    ElementCounts, ElementReader, FieldCounts, ImpressionItems,
};
use crate::scan::text::list_rules::at_element;

/// How the items of a row are read, and where they go.
pub(in crate::scan::impressions) struct RowTarget<'r, 'a, I> {
    pub(in crate::scan::impressions) elements: &'r ElementReader<'a>,
    pub(in crate::scan::impressions) clock: &'r Clock<'r>,
    /// Which fields the structs of the file have.
    pub(in crate::scan::impressions) columns: &'r mut FieldCounts,
    /// The items whose ids are texts.
    pub(in crate::scan::impressions) dictionary: &'r mut Option<ItemDictionary>,
    pub(in crate::scan::impressions) scratch: &'r mut LabelScratch,
    pub(in crate::scan::impressions) items: &'r mut ImpressionItems<I>,
    /// What is carried through of structs.
    pub(in crate::scan::impressions) passthrough: &'r mut [Vec<PassthroughValue>],
}

/// Scratch: the labels of a row.
#[derive(Debug, Default)]
pub(in crate::scan::impressions) struct LabelScratch {
    pub(super) listed: Vec<Label>,
    pub(super) clicked: ClickedItems,
}

/// The labels of a row, where items have none of their own.
#[derive(Debug)]
pub(super) enum RowLabels<'r> {
    /// Each item has its own, or none.
    Own,
    /// The list of labels is null.
    Null,
    /// One for each item.
    Listed(&'r [Label]),
    Clicked(&'r mut ClickedItems),
}

/// An item as its file names it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum ItemKey<'k> {
    Int(i64),
    Text(Cow<'k, str>),
}

/// The clicked items of a row, sorted, each with whether it was shown.
#[derive(Debug, Default)]
pub(super) struct ClickedItems(Vec<(ItemKey<'static>, bool)>);

impl ClickedItems {
    /// Forgets the items of the row before.
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    /// Adds an item.
    pub(super) fn add(&mut self, key: ItemKey<'_>) {
        let key = match key {
            ItemKey::Int(id) => ItemKey::Int(id),
            ItemKey::Text(text) => ItemKey::Text(Cow::Owned(text.into_owned())),
        };
        self.0.push((key, false));
    }

    /// Makes the items ready to be looked up.
    pub(super) fn sort(&mut self) {
        self.0.sort_unstable();
        self.0.dedup();
    }

    /// Whether an item was clicked; notes that it was shown.
    fn show(&mut self, key: &ItemKey<'_>) -> bool {
        let Ok(at) = self.0.binary_search_by(|(own, _)| own.cmp(key)) else {
            return false;
        };
        self.0[at].1 = true;
        true
    }

    /// The first item that was clicked and not shown.
    fn unshown(&self) -> Option<String> {
        let (key, _) = self.0.iter().find(|(_, is_shown)| !is_shown)?;
        Some(match key {
            ItemKey::Int(id) => id.to_string(),
            ItemKey::Text(text) => quoted(text),
        })
    }
}

/// The key of an item in text.
pub(super) fn key_of<'f, I: Item>(
    elements: &ElementReader<'_>,
    field: &'f Field<'_>,
) -> Value<ItemKey<'f>> {
    if elements.has_item_codes {
        let wrong = || misfit_item(elements.item_type, field.shown());
        let text = field.item_text().ok_or_else(wrong)?;
        return Ok(ItemKey::Text(Cow::Borrowed(text)));
    }
    let item = field.item::<I>(elements.item_type)?;
    Ok(ItemKey::Int(item.to_wide()))
}

/// The key of an item in a column of ids.
pub(super) fn key_at<'d, I: Item>(
    elements: &ElementReader<'_>,
    ids: &'d IdColumn,
    at: usize,
    decimal: &'d mut String,
) -> Value<ItemKey<'d>> {
    if elements.has_item_codes {
        let wrong = || misfit_item(elements.item_type, ids.shown(at));
        let text = ids.item_text(at, decimal).ok_or_else(wrong)?;
        return Ok(ItemKey::Text(Cow::Borrowed(text)));
    }
    let item = ids.item::<I>(at, elements.item_type)?;
    Ok(ItemKey::Int(item.to_wide()))
}

/// Takes the items of one row, in order.
pub(super) struct ItemSink<'r, 'a, I> {
    shapes: &'r ItemShapes<'a>,
    elements: &'r ElementReader<'a>,
    dictionary: &'r mut Option<ItemDictionary>,
    items: &'r mut ImpressionItems<I>,
    labels: RowLabels<'r>,
    counts: ElementCounts,
    /// Items so far.
    position: usize,
    /// Scratch: integers as text.
    decimal: String,
}

impl<'r, 'a, I: Item> ItemSink<'r, 'a, I> {
    /// A row without items yet.
    pub(super) fn new(
        shapes: &'r ItemShapes<'a>,
        elements: &'r ElementReader<'a>,
        dictionary: &'r mut Option<ItemDictionary>,
        items: &'r mut ImpressionItems<I>,
        labels: RowLabels<'r>,
    ) -> ItemSink<'r, 'a, I> {
        ItemSink {
            shapes,
            elements,
            dictionary,
            items,
            labels,
            counts: ElementCounts::default(),
            position: 0,
            decimal: String::new(),
        }
    }

    /// Takes an item in text, with its own label if it has one.
    ///
    /// # Errors
    /// If either is none.
    pub(super) fn push(
        &mut self,
        field: &Field<'_>,
        own: Option<&Field<'_>>,
    ) -> Result<(), Fault<'a>> {
        let item = match &mut *self.dictionary {
            None => field.item::<I>(self.elements.item_type).map(Some),
            Some(dictionary) => {
                let display = || field.shown();
                self.elements.named(dictionary, field.item_text(), display)
            }
        };
        let item = item.map_err(|error| self.fault(error))?;
        let own = own.filter(|_| self.elements.has_labels);
        let label = own.map(Field::label).transpose();
        let label = label.map_err(|error| self.fault(error))?;
        let is_clicked = match &mut self.labels {
            RowLabels::Clicked(clicked) => {
                let key = key_of::<I>(self.elements, field);
                key.map(|key| clicked.show(&key))
            }
            _ => Ok(false),
        };
        let is_clicked = is_clicked.map_err(|error| self.fault(error))?;
        self.add(item, label, is_clicked)
    }

    /// Takes an item of a column of ids, with its own label if it has one.
    ///
    /// # Errors
    /// If it is no item.
    #[inline]
    pub(super) fn push_at(
        &mut self,
        ids: &IdColumn,
        at: usize,
        own: Option<Label>,
    ) -> Result<(), Fault<'a>> {
        let item = match &mut *self.dictionary {
            None => ids.item::<I>(at, self.elements.item_type).map(Some),
            Some(dictionary) => {
                let text = ids.item_text(at, &mut self.decimal);
                self.elements.named(dictionary, text, || ids.shown(at))
            }
        };
        let item = item.map_err(|error| self.fault(error))?;
        let is_clicked = match &mut self.labels {
            RowLabels::Clicked(clicked) => {
                let key = key_at::<I>(self.elements, ids, at, &mut self.decimal);
                key.map(|key| clicked.show(&key))
            }
            _ => Ok(false),
        };
        let is_clicked = is_clicked.map_err(|error| self.fault(error))?;
        self.add(item, own, is_clicked)
    }

    /// Takes an item with its label.
    fn add(
        &mut self,
        item: Option<I>,
        own: Option<Label>,
        is_clicked: bool,
    ) -> Result<(), Fault<'a>> {
        let position = self.position;
        let label = match &self.labels {
            RowLabels::Own => own.unwrap_or(Label::Null),
            RowLabels::Null => Label::Null,
            RowLabels::Clicked(_) if is_clicked => Label::Yes,
            RowLabels::Clicked(_) => Label::No,
            RowLabels::Listed(labels) => match labels.get(position) {
                Some(label) => *label,
                None => {
                    // `finish` says how many are missing.
                    self.position += 1;
                    return Ok(());
                }
            },
        };
        if label == Label::Null && self.elements.null_label == NullLabel::Error {
            return Err(self.null_fault(own));
        }
        let (items, counts) = (&mut *self.items, &mut self.counts);
        let kept = self.elements.keep(item, label, position, items, counts);
        kept.map_err(|error| (self.shapes.items, error))?;
        self.position += 1;
        Ok(())
    }

    /// The counts of the row, once all items are taken.
    ///
    /// # Errors
    /// If labels or clicked items do not belong to these items.
    pub(super) fn finish(self) -> Result<ElementCounts, Fault<'a>> {
        match self.labels {
            RowLabels::Listed(labels) if labels.len() != self.position => {
                let expected = format!("as many labels as items, {}", self.position);
                let mismatch = Mismatch::new(expected, labels.len().to_string());
                Err((self.shapes.labels.name, mismatch))
            }
            RowLabels::Clicked(clicked) => match clicked.unshown() {
                Some(found) => {
                    let expected = format!("items that are in \"{}\"", self.shapes.items);
                    Err((self.shapes.clicked.name, Mismatch::new(expected, found)))
                }
                None => Ok(self.counts),
            },
            _ => Ok(self.counts),
        }
    }

    /// A fault of the current item.
    fn fault(&self, mismatch: Mismatch) -> Fault<'a> {
        (self.shapes.items, at_element(self.position, mismatch))
    }

    /// The fault of the current item, whose label is null.
    fn null_fault(&self, own: Option<Label>) -> Fault<'a> {
        let null = || at_element(self.position, Mismatch::new("true or false", "null"));
        match (&self.labels, own) {
            (RowLabels::Null, _) => {
                let mismatch = Mismatch::new("a list of labels", "null");
                (self.shapes.labels.name, mismatch)
            }
            (RowLabels::Listed(_), _) => (self.shapes.labels.name, null()),
            (_, Some(_)) => (self.shapes.items, null()),
            (_, None) => {
                let mismatch = Mismatch::new("a label for each item", "items alone");
                (self.shapes.items, mismatch.advised(Hint::ItemLabels))
            }
        }
    }
}
