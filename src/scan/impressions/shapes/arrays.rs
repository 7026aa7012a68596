//! The items of a batch that are no structs: lists of ids, maps from item to label, texts.
//!
//! **Invariants**: types were checked when the file was opened. Only the values of the batch are converted,
//! also if it is a slice of a larger one.

use std::ops::Range;

use arrow::array::{
    Array, ArrayRef, AsArray, BinaryViewArray, ListArray, MapArray, StringViewArray,
};
use arrow::buffer::NullBuffer;
use arrow::datatypes::DataType;

use super::elements::CellReader;
use super::sink::{ItemSink, RowLabels, RowTarget, key_at};
use super::{Fault, ItemShapes, LabelScratch, LabelSource, RoleColumn};
use crate::ids::Item;
use crate::scan::parquet::ParquetFile;
use crate::scan::table::arrow::IdColumn;
use crate::scan::table::declared::{DeclaredColumn, Holds};
use crate::scan::table::row_group::ArrowBatch;
use crate::scan::text::field::Field;
use crate::scan::text::impression_items::{ElementCounts, ElementReader};
use crate::scan::text::list_rules::at_element;
use crate::scan::values::label::LabelColumn;

/// Where the values of each row lie, and which rows are null.
struct ListRanges<'b> {
    offsets: &'b [i32],
    nulls: Option<&'b NullBuffer>,
}

/// The items of a batch.
enum ItemArray<'b> {
    Lists(ListRanges<'b>, IdColumn),
    Maps(ListRanges<'b>, IdColumn, LabelColumn),
    Texts(TextArray<'b>),
}

/// Texts of a batch.
enum TextArray<'b> {
    Checked(&'b StringViewArray),
    Bytes(&'b BinaryViewArray),
}

/// The column of labels, or of clicked items.
enum RoleArray<'b, V> {
    Absent,
    Lists(ListRanges<'b>, V),
    Texts(TextArray<'b>),
}

/// The items of a batch, with their labels.
pub(in crate::scan::impressions) struct ShapedArrays<'b, 'a> {
    shapes: &'b ItemShapes<'a>,
    items: ItemArray<'b>,
    labels: RoleArray<'b, LabelColumn>,
    clicked: RoleArray<'b, IdColumn>,
}

impl<'b> ListRanges<'b> {
    /// The ranges of lists or maps, and the range of all their values.
    fn new(offsets: &'b [i32], nulls: Option<&'b NullBuffer>) -> (ListRanges<'b>, Range<usize>) {
        let all = place(offsets[0])..place(offsets[offsets.len() - 1]);
        (ListRanges { offsets, nulls }, all)
    }

    /// The values of a row among those of the batch; nothing if it is null.
    #[inline]
    fn get(&self, row: usize) -> Option<Range<usize>> {
        if self.nulls.is_some_and(|nulls| nulls.is_null(row)) {
            return None;
        }
        let at = |row: usize| place(self.offsets[row] - self.offsets[0]);
        Some(at(row)..at(row + 1))
    }
}

/// An offset as a place.
fn place(offset: i32) -> usize {
    usize::try_from(offset).expect("offsets are never negative")
}

/// The values of the lists of a batch, and where those of each row lie.
fn lists_of(lists: &ListArray) -> (ListRanges<'_>, ArrayRef) {
    let (ranges, all) = ListRanges::new(lists.value_offsets(), lists.nulls());
    (ranges, lists.values().slice(all.start, all.len()))
}

impl<'b> TextArray<'b> {
    /// The texts of a column, if it has texts.
    fn new(array: &'b ArrayRef) -> Option<TextArray<'b>> {
        match array.data_type() {
            DataType::Utf8View => Some(TextArray::Checked(array.as_string_view())),
            DataType::BinaryView => Some(TextArray::Bytes(array.as_binary_view())),
            _ => None,
        }
    }

    /// The text of a row, as a field of a text file has it.
    fn field(&self, row: usize) -> Field<'b> {
        match self {
            TextArray::Checked(texts) if texts.is_null(row) => Field::Null,
            TextArray::Checked(texts) => Field::Csv(texts.value(row)),
            TextArray::Bytes(texts) if texts.is_null(row) => Field::Null,
            TextArray::Bytes(texts) => {
                std::str::from_utf8(texts.value(row)).map_or(Field::NotText, Field::Csv)
            }
        }
    }
}

impl<'b> ItemArray<'b> {
    /// The items of a column whose type is checked.
    fn new(array: &'b ArrayRef, elements: &ElementReader<'_>) -> ItemArray<'b> {
        let ids = |values: &ArrayRef| IdColumn::new(values).expect("types are checked");
        match array.data_type() {
            DataType::List(_) => {
                let (ranges, values) = lists_of(array.as_list());
                ItemArray::Lists(ranges, ids(&values))
            }
            DataType::Map(..) => {
                let maps: &MapArray = array.as_map();
                let (ranges, all) = ListRanges::new(maps.value_offsets(), maps.nulls());
                // Batches have such words replaced, but not inside of maps, whose keys are never null.
                let own = |values: &ArrayRef| {
                    let values = values.slice(all.start, all.len());
                    elements.nulls.in_array(&values)
                };
                let labels = LabelColumn::new(&own(maps.values()));
                ItemArray::Maps(ranges, ids(&own(maps.keys())), labels)
            }
            _ => ItemArray::Texts(TextArray::new(array).expect("types are checked")),
        }
    }
}

impl<'b, V> RoleArray<'b, V> {
    /// The lists of a column whose type is checked; `values` converts their values.
    fn new(array: Option<&'b ArrayRef>, values: impl Fn(&ArrayRef) -> V) -> RoleArray<'b, V> {
        match array {
            None => RoleArray::Absent,
            Some(array) => match TextArray::new(array) {
                Some(texts) => RoleArray::Texts(texts),
                None => {
                    let (ranges, of_lists) = lists_of(array.as_list());
                    RoleArray::Lists(ranges, values(&of_lists))
                }
            },
        }
    }

    /// Whether the file has the column.
    fn is_there(&self) -> bool {
        !matches!(self, RoleArray::Absent)
    }
}

impl<'a> ItemShapes<'a> {
    /// The columns of labels and of clicked items that are read of a file, if its items are no structs.
    pub(in crate::scan::impressions) fn roles_in(
        &self,
        file: &ParquetFile,
    ) -> Vec<DeclaredColumn<'a>> {
        let roles = [
            (self.labels, Holds::ItemLabels),
            (self.clicked, Holds::ClickedItems),
        ];
        let is_read = |role: RoleColumn<'_>| match self.has_named_role() {
            true => role.is_named,
            false => {
                let is_looked_for = self.has_labels && self.separators.label.is_none();
                is_looked_for && file.column(role.name).is_some()
            }
        };
        let roles = roles.into_iter().filter(|(role, _)| is_read(*role));
        roles
            .map(|(role, holds)| DeclaredColumn::required(role.name, holds))
            .collect()
    }
}

impl<'b, 'a> ShapedArrays<'b, 'a> {
    /// The items of a batch whose types are checked.
    pub(in crate::scan::impressions) fn new(
        shapes: &'b ItemShapes<'a>,
        elements: &ElementReader<'a>,
        batch: ArrowBatch<'b>,
    ) -> ShapedArrays<'b, 'a> {
        let ids = |values: &ArrayRef| IdColumn::new(values).expect("types are checked");
        ShapedArrays {
            shapes,
            items: ItemArray::new(batch.required(shapes.items), elements),
            labels: RoleArray::new(batch.column(shapes.labels.name), LabelColumn::new),
            clicked: RoleArray::new(batch.column(shapes.clicked.name), ids),
        }
    }

    /// The items of a row; nothing if they are null.
    ///
    /// # Errors
    /// If an item or a label is none, or they do not belong together.
    pub(in crate::scan::impressions) fn read<I: Item>(
        &self,
        row: usize,
        target: RowTarget<'_, 'a, I>,
    ) -> Result<Option<ElementCounts>, Fault<'a>> {
        let (shapes, elements) = (self.shapes, target.elements);
        let range = match &self.items {
            ItemArray::Texts(texts) => {
                let field = texts.field(row);
                return shapes.read_cell(&field, target, &mut |scratch| {
                    self.row_labels::<I>(row, elements, scratch)
                });
            }
            ItemArray::Lists(ranges, _) | ItemArray::Maps(ranges, ..) => ranges.get(row),
        };
        let Some(range) = range else {
            return Ok(None);
        };
        let labels = match &self.items {
            ItemArray::Maps(..) => RowLabels::Own,
            // As in text, where nothing tells the shape then.
            _ if range.is_empty() && !shapes.has_named_role() => RowLabels::Own,
            _ => self.row_labels::<I>(row, elements, target.scratch)?,
        };
        let mut sink = ItemSink::new(shapes, elements, target.dictionary, target.items, labels);
        match &self.items {
            ItemArray::Maps(_, ids, labels) => {
                for (position, at) in range.enumerate() {
                    let fault = |error| (shapes.items, at_element(position, error));
                    let label = shapes.has_labels.then(|| labels.label(at));
                    let label = label.transpose().map_err(fault)?;
                    sink.push_at(ids, at, label)?;
                }
            }
            ItemArray::Lists(_, ids) if shapes.separators.label.is_some() => {
                let reader = self.splitter(elements);
                for (position, at) in range.enumerate() {
                    let field = field_at(ids, at);
                    reader.one(position, field, &mut |item, label| sink.push(item, label))?;
                }
            }
            ItemArray::Lists(_, ids) => {
                for at in range {
                    sink.push_at(ids, at, None)?;
                }
            }
            ItemArray::Texts(_) => unreachable!("texts are read above"),
        }
        sink.finish().map(Some)
    }

    /// What splits texts of lists into items and labels.
    fn splitter<'r>(&self, elements: &'r ElementReader<'a>) -> CellReader<'r, 'a> {
        CellReader {
            column: self.shapes.items,
            separators: self.shapes.separators,
            nulls: &elements.nulls,
            is_single: |_| true,
        }
    }

    /// The labels of a row that has items without any.
    fn row_labels<'s, I: Item>(
        &self,
        row: usize,
        elements: &ElementReader<'a>,
        scratch: &'s mut LabelScratch,
    ) -> Result<RowLabels<'s>, Fault<'a>> {
        let shapes = self.shapes;
        let source = shapes.label_source(self.labels.is_there(), self.clicked.is_there());
        match source? {
            LabelSource::Own => Ok(RowLabels::Own),
            LabelSource::Labels => match &self.labels {
                RoleArray::Absent => Ok(RowLabels::Null),
                RoleArray::Texts(texts) => shapes.labels_in(&texts.field(row), elements, scratch),
                RoleArray::Lists(ranges, values) => {
                    let Some(range) = ranges.get(row) else {
                        return Ok(RowLabels::Null);
                    };
                    scratch.listed.clear();
                    for (position, at) in range.enumerate() {
                        let fault = |error| (shapes.labels.name, at_element(position, error));
                        scratch.listed.push(values.label(at).map_err(fault)?);
                    }
                    Ok(RowLabels::Listed(&scratch.listed))
                }
            },
            LabelSource::Clicked => match &self.clicked {
                RoleArray::Absent => Ok(RowLabels::Null),
                RoleArray::Texts(texts) => {
                    shapes.clicked_in::<I>(&texts.field(row), elements, scratch)
                }
                RoleArray::Lists(ranges, ids) => {
                    let (clicked, mut decimal) = (&mut scratch.clicked, String::new());
                    clicked.clear();
                    let range = ranges.get(row).unwrap_or_default();
                    for (position, at) in range.enumerate() {
                        let key = key_at::<I>(elements, ids, at, &mut decimal);
                        let fault = |error| (shapes.clicked.name, at_element(position, error));
                        clicked.add(key.map_err(fault)?);
                    }
                    clicked.sort();
                    Ok(RowLabels::Clicked(clicked))
                }
            },
        }
    }
}

/// An id as a field of a text file has it.
fn field_at(ids: &IdColumn, at: usize) -> Field<'_> {
    match ids {
        _ if ids.is_null(at) => Field::Null,
        IdColumn::Text(texts) => Field::Csv(texts.value(at)),
        IdColumn::Bytes(texts) => {
            std::str::from_utf8(texts.value(at)).map_or(Field::NotText, Field::Csv)
        }
        // No text, so nothing that can be split.
        IdColumn::Int(_) | IdColumn::UInt(_) | IdColumn::Numbers(..) => Field::Missing,
    }
}
