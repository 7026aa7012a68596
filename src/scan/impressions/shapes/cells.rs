//! The items of a row of text, whatever their shape.

use super::elements::{Cell, CellReader, EXPECTED, Separators};
use super::sink::{ItemSink, LabelScratch, RowLabels, RowTarget, key_of};
use super::{Fault, ItemShapes, LabelSource};
use crate::ids::Item;
use crate::scan::mismatch::{Mismatch, quoted};
use crate::scan::text::field::Field;
use crate::scan::text::impression_items::{ElementCounts, ElementReader};
use crate::scan::text::list_rules::at_element;

/// Finds the labels of a row.
pub(super) type FindLabels<'r, 'a> =
    &'r mut dyn for<'s> FnMut(&'s mut LabelScratch) -> Result<RowLabels<'s>, Fault<'a>>;

impl<'a> ItemShapes<'a> {
    /// Reads the items of a row, given its fields of items, labels and clicked items; nothing if the items
    /// are null.
    ///
    /// # Errors
    /// If an item or a label is none, or they do not belong together.
    pub(in crate::scan::impressions) fn read<I: Item>(
        &self,
        [items, labels, clicked]: [&Field<'_>; 3],
        target: RowTarget<'_, 'a, I>,
    ) -> Result<Option<ElementCounts>, Fault<'a>> {
        let elements = target.elements;
        self.read_cell(items, target, &mut |scratch| {
            let has = |field: &Field<'_>| !matches!(field, Field::Missing);
            match self.label_source(has(labels), has(clicked))? {
                LabelSource::Own => Ok(RowLabels::Own),
                LabelSource::Labels => self.labels_in(labels, elements, scratch),
                LabelSource::Clicked => self.clicked_in::<I>(clicked, elements, scratch),
            }
        })
    }

    /// Reads the items in a field; `find` gives the labels of those that have none.
    ///
    /// # Errors
    /// As [`Self::read`] says.
    pub(super) fn read_cell<I: Item>(
        &self,
        field: &Field<'_>,
        target: RowTarget<'_, 'a, I>,
        find: FindLabels<'_, 'a>,
    ) -> Result<Option<ElementCounts>, Fault<'a>> {
        let fault = |mismatch| (self.items, mismatch);
        let cell = Cell::new(field, self.separators.item).map_err(fault)?;
        let labels = match cell {
            Cell::Null => return Ok(None),
            // Without items and named columns nothing tells the shape.
            _ if cell.is_empty() && !self.has_named_role() => RowLabels::Own,
            Cell::Objects(json) => {
                self.check_own_labels("objects, which have their own")?;
                let RowTarget {
                    elements,
                    clock,
                    columns,
                    dictionary,
                    items,
                    passthrough,
                    ..
                } = target;
                // A text of JSON is read like a field of CSV.
                let text = Field::Csv(json);
                let field = match field {
                    Field::Text(_) => &text,
                    field => field,
                };
                let read = elements.read(field, items, passthrough, clock, columns, dictionary);
                return read.map_err(fault);
            }
            Cell::Map(_) => {
                self.check_own_labels("an object, which has them")?;
                RowLabels::Own
            }
            Cell::Array(_) | Cell::Text(_) => find(target.scratch)?,
        };
        let elements = target.elements;
        if let (Some(keep), false) = (elements.keep.first(), cell.is_empty()) {
            let expected = format!("an array of objects, as --keep item.{} copies", keep.name);
            return Err(fault(Mismatch::new(expected, field.shown())));
        }
        let reader = CellReader {
            column: self.items,
            separators: self.separators,
            nulls: &elements.nulls,
            is_single: |field| field.int().is_some(),
        };
        let mut sink = ItemSink::new(self, elements, target.dictionary, target.items, labels);
        reader.each(cell, &mut |item, label| sink.push(item, label))?;
        sink.finish().map(Some)
    }

    /// The labels in a field.
    pub(super) fn labels_in<'s>(
        &self,
        field: &Field<'_>,
        elements: &ElementReader<'a>,
        scratch: &'s mut LabelScratch,
    ) -> Result<RowLabels<'s>, Fault<'a>> {
        let column = self.labels.name;
        let listed = &mut scratch.listed;
        listed.clear();
        let Some(cell) = self.list_in(column, field)? else {
            return Ok(RowLabels::Null);
        };
        let reader = self.reader_of(column, elements, |field| field.label().is_ok());
        reader.each(cell, &mut |label, _| {
            let position = listed.len();
            let label = label.label();
            listed.push(label.map_err(|error| (column, at_element(position, error)))?);
            Ok(())
        })?;
        Ok(RowLabels::Listed(listed))
    }

    /// The clicked items in a field.
    pub(super) fn clicked_in<'s, I: Item>(
        &self,
        field: &Field<'_>,
        elements: &ElementReader<'a>,
        scratch: &'s mut LabelScratch,
    ) -> Result<RowLabels<'s>, Fault<'a>> {
        let column = self.clicked.name;
        let clicked = &mut scratch.clicked;
        clicked.clear();
        let Some(cell) = self.list_in(column, field)? else {
            return Ok(RowLabels::Clicked(clicked));
        };
        let reader = self.reader_of(column, elements, |field| field.int().is_some());
        let mut position = 0;
        reader.each(cell, &mut |item, _| {
            let key = key_of::<I>(elements, item);
            clicked.add(key.map_err(|error| (column, at_element(position, error)))?);
            position += 1;
            Ok(())
        })?;
        clicked.sort();
        Ok(RowLabels::Clicked(clicked))
    }

    /// The list in a field of another column; nothing if it is null.
    fn list_in<'f>(
        &self,
        column: &'a str,
        field: &'f Field<'_>,
    ) -> Result<Option<Cell<'f>>, Fault<'a>> {
        if field.is_null() {
            return Ok(None);
        }
        let cell = Cell::new(field, self.separators.item);
        match cell.map_err(|mismatch| (column, mismatch))? {
            Cell::Null => Ok(None),
            Cell::Map(json) => Err((column, Mismatch::new(EXPECTED, quoted(json)))),
            cell => Ok(Some(cell)),
        }
    }

    /// How the list of another column is read.
    fn reader_of<'r>(
        &self,
        column: &'a str,
        elements: &'r ElementReader<'a>,
        is_single: fn(&Field<'_>) -> bool,
    ) -> CellReader<'r, 'a> {
        CellReader {
            column,
            separators: Separators {
                label: None,
                ..self.separators
            },
            nulls: &elements.nulls,
            is_single,
        }
    }
}
