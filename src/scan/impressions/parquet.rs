//! Impressions in Parquet: columns and nested lists, batch by batch.

use arrow::array::{Array, ArrayRef, AsArray, ListArray, StructArray};
use arrow::datatypes::DataType;

use super::shape::FileShape;
use super::shapes::arrays::ShapedArrays;
use super::shapes::{LabelScratch, RowTarget};
use super::text::dt_of;
use super::unnamed::write_contents;
use super::{ImpressionScan, ImpressionState, RawImpression};
use crate::error::Result;
use crate::ids::Item;
use crate::job::{Cutoff, ItemType};
use crate::kernel::column::Label;
use crate::kernel::passthrough::PassthroughValue;
use crate::scan::item_ids::ItemDictionary;
use crate::scan::mismatch::{Mismatch, Value};
use crate::scan::missing_column::missing_column;
use crate::scan::parquet::ParquetFile;
use crate::scan::table::arrow::IdColumn;
use crate::scan::table::arrow_times::TimeColumn;
use crate::scan::table::declared::{DeclaredColumn, Holds, check_columns};
use crate::scan::table::passthrough::{PassthroughArray, fields_of};
use crate::scan::table::row_group::{ArrowBatch, Projection, read_row_group};
use crate::scan::text::field::{Clock, Field};
use crate::scan::text::impression_items::{
    ElementCounts, ElementReader, FieldCounts, ImpressionItems,
};
use crate::scan::values::label::LabelColumn;
use crate::scan::{GroupRows, Opened};

impl<'a> ImpressionScan<'a> {
    /// Reads some rows of a row group.
    pub(super) fn read_parquet<I: Item>(
        &self,
        (file, rows): (&ParquetFile, GroupRows),
        shape: FileShape,
        state: &mut ImpressionState<I>,
        texts: &mut Option<ItemDictionary>,
    ) -> Result<()> {
        check_columns(&self.spec, file, self.declared(file, shape))?;
        if self.has_own_labels(file) {
            let own = self.shapes.check_own_labels("items that have their own");
            let fault = |(column, mismatch): (&str, Mismatch)| {
                let (expected, found) = (mismatch.expected, mismatch.found);
                let what = format!("expected column \"{column}\" to be {expected}, found {found}");
                file.file.fault(what)
            };
            own.map_err(fault)?;
        }
        let names = self.names;
        let mut flat = vec![names.customer];
        flat.extend(shape.has_ranking.then_some(names.ranking));
        // Where the folder tells the day, the column may hold anything.
        if file.file.day.is_none() {
            flat.push(names.dt);
        }
        if self.spec.cutoff == Cutoff::Time {
            flat.push(names.time);
        }
        flat.extend(self.keep.iter().map(|keep| keep.name.as_str()));
        let mut columns = Projection {
            flat,
            ..Projection::default()
        };
        if self.has_structs(file) {
            let mut fields = vec![self.elements.names[0]];
            fields.extend(self.label_in(file));
            fields.extend(self.elements.keep.iter().map(|keep| keep.name.as_str()));
            columns.nested = Some((names.shown, fields));
        } else {
            columns.whole.push(names.shown);
            if !self.has_own_labels(file) {
                let roles = self.shapes.roles_in(file).into_iter();
                columns.whole.extend(roles.map(|role| role.name));
            }
        }
        let mut labelled = FieldCounts::new(&self.elements);
        let mut scratch = LabelScratch::default();
        self.note_columns(file, false, &mut state.seen);
        read_row_group(file, rows, &columns, self.context, &mut |batch| {
            self.read_batch(batch, shape, (state, texts), (&mut labelled, &mut scratch))
        })?;
        match labelled.missing(&self.elements) {
            Some(name) => Err(missing_column(&file.file, name, "it in no element")),
            None => Ok(()),
        }
    }

    /// The type of the items of a file.
    pub(super) fn items_type<'f>(&self, file: &'f ParquetFile) -> &'f DataType {
        let shown = file.column(self.names.shown);
        shown.map_or(&DataType::Null, |shown| shown.data_type())
    }

    /// Whether row groups of a file can be read in pieces. Not where items are texts: which fields they have is judged
    /// of a row group as a whole, and is in no schema.
    pub(crate) fn can_cut(&self, opened: &Opened) -> bool {
        let Opened::Parquet(file) = opened else {
            // Text files are cut elsewhere.
            return true;
        };
        matches!(
            self.items_type(file),
            DataType::List(_) | DataType::Map(..) | DataType::Null
        )
    }

    /// Whether the items of a file are structs.
    fn has_structs(&self, file: &ParquetFile) -> bool {
        fields_of(self.items_type(file)).is_some()
    }

    /// The name of the label that the structs of a file should have: files may lack it where it may be null.
    fn label_in(&self, file: &ParquetFile) -> Option<&'a str> {
        let fields = fields_of(self.items_type(file));
        let has = |label: &&str| fields.is_none_or(|fields| fields.find(label).is_some());
        let label = self.elements.label();
        label.filter(|label| !self.elements.may_lack_label() || has(label))
    }

    /// Whether the items of a file have labels of their own.
    fn has_own_labels(&self, file: &ParquetFile) -> bool {
        self.has_structs(file) || matches!(self.items_type(file), DataType::Map(..))
    }

    /// The columns that a file should have.
    fn declared(&self, file: &ParquetFile, shape: FileShape) -> Vec<DeclaredColumn<'_>> {
        let (names, by_time) = (self.names, self.spec.cutoff == Cutoff::Time);
        let required = DeclaredColumn::required;
        let mut columns = vec![required(names.customer, Holds::Customer(self.customers))];
        if shape.has_ranking {
            columns.insert(0, required(names.ranking, Holds::Ranking));
        }
        if file.file.day.is_none() {
            columns.push(if by_time {
                DeclaredColumn::optional(names.dt, Holds::Time)
            } else {
                required(names.dt, Holds::Time)
            });
        }
        if by_time {
            columns.push(required(names.time, Holds::Time));
        }
        columns.push(required(
            names.shown,
            Holds::ShownItems(self.elements.names[0], self.label_in(file)),
        ));
        if !self.has_own_labels(file) {
            columns.extend(self.shapes.roles_in(file));
        }
        let keep = self.impressions.keep.iter();
        columns.extend(keep.map(|keep| required(&keep.name, Holds::Passthrough(keep))));
        columns
    }

    /// The shown items of a batch.
    fn item_arrays<'b>(&'b self, batch: ArrowBatch<'b>) -> ItemArrays<'b, 'a> {
        if self.has_structs(batch.file) {
            let array = batch.required(self.names.shown);
            let lists = ElementLists::new(array, &self.elements);
            return ItemArrays::Structs(Box::new(lists));
        }
        let arrays = ShapedArrays::new(&self.shapes, &self.elements, batch);
        ItemArrays::Others(Box::new(arrays))
    }

    /// Reads the rows of a batch.
    fn read_batch<I: Item>(
        &self,
        batch: ArrowBatch<'_>,
        shape: FileShape,
        (state, texts): (&mut ImpressionState<I>, &mut Option<ItemDictionary>),
        (labelled, scratch): (&mut FieldCounts, &mut LabelScratch),
    ) -> Result<()> {
        let clock = Clock::new(&self.spec);
        let customers = batch.ids(self.names.customer);
        let rankings = shape.has_ranking.then(|| batch.ids(self.names.ranking));
        // The id of an impression without one is made of all its items.
        let all = rankings.is_none().then(|| self.elements.of_all());
        let elements = all.as_ref().unwrap_or(&self.elements);
        let [days, times] =
            [self.names.dt, self.names.time].map(|name| batch.times(name, clock.unit));
        let lists = self.item_arrays(batch);
        let kept = self.keep.iter().map(|keep| {
            let array = batch.column(&keep.name);
            (*keep, PassthroughArray::new(array, keep.holds()))
        });
        let kept: Vec<_> = kept.collect();
        // Two, because the texts of customer and ranking are borrowed at the same time.
        let (mut decimal, mut ranking_text) = (String::new(), String::new());
        for row in 0..batch.rows_count() {
            let at = batch.place(row);
            let written = |times: &Option<TimeColumn>| match times {
                None => Ok(None),
                Some(times) => times.written(row, &clock),
            };
            let mut items = |into: &mut ImpressionItems<I>,
                             kept: &mut [Vec<PassthroughValue>],
                             contents: &mut String| {
                let target = RowTarget {
                    elements,
                    clock: &clock,
                    columns: &mut *labelled,
                    dictionary: &mut *texts,
                    scratch: &mut *scratch,
                    items: &mut *into,
                    passthrough: kept,
                };
                let counts = lists.read(row, self.names.shown, target)?;
                if all.is_none() {
                    return Ok(counts);
                }
                write_contents(into, texts.as_ref(), contents);
                Ok(Some(self.elements.retain_wanted(into, texts.as_ref())))
            };
            let mut kept = |into: &mut Vec<PassthroughValue>| {
                for (keep, array) in &kept {
                    let value = array.get(row, &clock);
                    into.push(value.map_err(|error| (keep.name.as_str(), error))?);
                }
                Ok(())
            };
            let mut raw = RawImpression {
                dt: match days.as_ref().and_then(|days| days.text(row)) {
                    // A day in text may be written like a folder, `dt=2025-08-15`.
                    Some(text) => dt_of(&Field::Csv(text), &clock),
                    None => written(&days).map(|day| day.map(|day| day.day(clock.days))),
                },
                time: written(&times),
                customer: customers.customer(row, self.customers, &mut decimal),
                ranking: match &rankings {
                    None => Ok(None),
                    Some(ids) => ids.ranking(row, &mut ranking_text).map(Some),
                },
                position: Ok(None),
                is_item: false,
                items: &mut items,
                kept: &mut kept,
            };
            let texts =
                [&days, &times].map(|column| column.as_ref().and_then(|column| column.text(row)));
            self.note(at, &raw, texts.map(Option::unwrap_or_default), state);
            self.offer(at, &mut raw, &|| batch.text_of(row), state)?;
        }
        Ok(())
    }
}

/// The shown items of a batch, by their shape.
enum ItemArrays<'b, 'a> {
    Structs(Box<ElementLists<'b>>),
    Others(Box<ShapedArrays<'b, 'a>>),
}

impl<'a> ItemArrays<'_, 'a> {
    /// The items of a row, in the column `shown`; nothing if they are null.
    fn read<I: Item>(
        &self,
        row: usize,
        shown: &'a str,
        target: RowTarget<'_, 'a, I>,
    ) -> std::result::Result<Option<ElementCounts>, (&'a str, Mismatch)> {
        match self {
            ItemArrays::Structs(lists) => {
                let (elements, into) = (target.elements, (target.items, target.passthrough));
                let reader = (elements, target.clock, target.dictionary);
                let counts = lists.read(row, reader, elements.item_type, into);
                counts.map_err(|error| (shown, error))
            }
            ItemArrays::Others(arrays) => arrays.read(row, target),
        }
    }
}

/// The shown items of a batch.
struct ElementLists<'b> {
    /// Where each row's elements lie, and which rows are null.
    lists: &'b ListArray,
    elements: &'b StructArray,
    items: IdColumn,
    /// Nothing if labels are not read, or the file lacks them.
    labels: Option<LabelColumn>,
    /// What is carried through of them.
    kept: Vec<PassthroughArray>,
}

impl<'b> ElementLists<'b> {
    /// The lists of a column whose type is checked.
    fn new(array: &'b ArrayRef, reader: &ElementReader<'_>) -> ElementLists<'b> {
        let lists = array.as_list::<i32>();
        let elements = lists.values().as_struct();
        let column = |name| elements.column_by_name(name);
        let items = column(reader.names[0]).and_then(IdColumn::new);
        let kept = reader.keep.iter();
        let kept = kept.map(|keep| PassthroughArray::new(column(&keep.name), keep.holds()));
        ElementLists {
            lists,
            elements,
            items: items.expect("types are checked"),
            labels: reader.label().and_then(column).map(LabelColumn::new),
            kept: kept.collect(),
        }
    }

    /// The items of a row; nothing if its array is null.
    fn read<I: Item>(
        &self,
        row: usize,
        (reader, clock, texts): (&ElementReader<'_>, &Clock<'_>, &mut Option<ItemDictionary>),
        item_type: ItemType,
        (shown, kept): (&mut ImpressionItems<I>, &mut [Vec<PassthroughValue>]),
    ) -> Value<Option<ElementCounts>> {
        if self.lists.is_null(row) {
            return Ok(None);
        }
        let bounds = self.lists.value_offsets();
        let place = |at: i32| usize::try_from(at).expect("offsets are never negative");
        let (start, end) = (place(bounds[row]), place(bounds[row + 1]));
        let (mut counts, mut decimal) = (ElementCounts::default(), String::new());
        for (position, at) in (start..end).enumerate() {
            // Without this item the ranking would not be complete.
            if self.elements.is_null(at) {
                let found = format!("null in element {}", position + 1);
                return Err(Mismatch::new("an item", found));
            }
            let item = match texts {
                None => self.items.item(at, item_type).map(Some),
                Some(texts) => {
                    let text = self.items.item_text(at, &mut decimal);
                    reader.named(texts, text, || self.items.shown(at))
                }
            };
            let item = item.map_err(|error| reader.at(position, 0, error))?;
            for (number, (values, array)) in kept.iter_mut().zip(&self.kept).enumerate() {
                let value = array.get(at, clock);
                values.push(value.map_err(|error| reader.at_kept(position, number, error))?);
            }
            let label = self
                .labels
                .as_ref()
                .map_or(Ok(Label::Null), |labels| labels.label(at));
            let label = label.map_err(|error| reader.at(position, 1, error))?;
            reader.keep(item, label, position, shown, &mut counts)?;
        }
        Ok(Some(counts))
    }
}
