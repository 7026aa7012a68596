//! The items of an impression, an array in JSON: `[{"item_id": 1, "is_order": false}, …]`.
//!
//! **In / Out**: JSON text → items with labels and 0-based positions. **Invariants**: one bad element
//! rejects the whole impression, so that a ranking is complete or absent.

use serde_json::value::RawValue;

use crate::catalog::null_words::NullWords;
use crate::dictionary::{Dictionary, Id};
use crate::ids::{Item, offset32};
use crate::job::{ItemType, NullLabel, Passthrough, Source};
use crate::kernel::column::Label;
use crate::kernel::passthrough::PassthroughValue;
use crate::scan::item_ids::ItemDictionary;
use crate::scan::mismatch::{Mismatch, Value};
use crate::scan::spec::{ImpressionSpec, ReadSpec};
use crate::scan::table::passthrough::of_field;
use crate::scan::text::columns::{WantedColumn, place_of};
use crate::scan::text::field::{Clock, Field};
use crate::scan::text::json::object::object_fields;
use crate::scan::text::json::repair::list_as_json;
use crate::scan::text::list_rules::{at_element, expected_list};

/// The items of one impression: id, label, position.
pub(crate) type ImpressionItems<I> = Vec<(I, Label, i32)>;

/// Counts of the elements of an array.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct ElementCounts {
    pub(crate) items: u64,
    /// Elements without a label.
    pub(crate) null_labels: u64,
    /// Elements that are left out, because the given vocabulary lacks their item.
    pub(crate) unknown_items: u64,
}

/// How elements are read: names of fields and policies.
#[derive(Clone, Debug)]
pub(crate) struct ElementReader<'a> {
    /// The names of `item_id` and `is_order` in the files.
    pub(crate) names: [&'a str; 2],
    /// Whether labels are read; else all are null.
    pub(crate) has_labels: bool,
    /// Passthrough columns of items.
    pub(crate) keep: Vec<&'a Passthrough>,
    /// The fields wanted of an element: those of `names`, then passthrough columns.
    columns: Vec<WantedColumn<'a>>,
    /// The place in `columns` of each passthrough column.
    places: Vec<usize>,
    /// The width of item ids.
    pub(crate) item_type: ItemType,
    /// Whether item ids may be texts, which get codes.
    pub(crate) has_item_codes: bool,
    /// What becomes of elements without a label.
    pub(crate) null_label: NullLabel,
    /// The items of the vocabulary, if others are left out.
    known: Option<&'a Dictionary>,
    /// Texts that stand for null.
    pub(crate) nulls: NullWords,
}

impl<'a> ElementReader<'a> {
    /// A reader of elements; those of items that are not `known` are left out.
    pub(crate) fn new(
        spec: &ReadSpec<'a>,
        impressions: &ImpressionSpec<'a>,
        known: Option<&'a Dictionary>,
    ) -> ElementReader<'a> {
        let name = |ours| spec.column(Source::Impressions, ours);
        let names = [name("item_id"), name("is_order")];
        let keep: Vec<&Passthrough> = impressions
            .keep
            .iter()
            .filter(|column| column.of_items)
            .collect();
        let has_labels = !impressions.no_labels;
        let mut columns = vec![
            WantedColumn::new(names[0], true),
            WantedColumn::new(names[1], has_labels),
        ];
        let places = keep
            .iter()
            .map(|column| place_of(&mut columns, &column.name));
        let places = places.collect();
        ElementReader {
            names,
            has_labels,
            keep,
            columns,
            places,
            item_type: spec.item_type,
            has_item_codes: spec.has_item_codes,
            null_label: impressions.null_label,
            known,
            nulls: NullWords::new(spec.null_values),
        }
    }

    /// Reads the array in `field` into `items` and, per passthrough column, `passthrough`. `columns`
    /// notes which fields elements have; `dictionary` takes items whose ids are texts.
    ///
    /// Returns `None` if the array is null.
    pub(crate) fn read<I: Item>(
        &self,
        field: &Field<'_>,
        items: &mut ImpressionItems<I>,
        passthrough: &mut [Vec<PassthroughValue>],
        clock: &Clock<'_>,
        columns: &mut FieldCounts,
        dictionary: &mut Option<ItemDictionary>,
    ) -> Value<Option<ElementCounts>> {
        let json = match field {
            Field::Null => return Ok(None),
            Field::Csv(json) | Field::Json(json) => *json,
            _ => return Err(Mismatch::new("an array of objects", field.shown())),
        };
        // Elements as they are written, so that a fault names its element.
        let elements: Option<Vec<&RawValue>> = match serde_json::from_str(json) {
            Ok(elements) => elements,
            Err(error) => {
                let Some(json) = list_as_json(json) else {
                    let expected =
                        expected_list(Source::Impressions.name(), "an array of objects", json);
                    let found = format!("{} ({error})", field.shown());
                    return Err(Mismatch::new(expected, found));
                };
                let json = Field::Json(&json);
                return self.read(&json, items, passthrough, clock, columns, dictionary);
            }
        };
        let Some(elements) = elements else {
            return Ok(None);
        };
        let places = &self.places;
        let mut fields = vec![Field::Missing; self.columns.len()];
        let mut counts = ElementCounts::default();
        for (position, element) in elements.into_iter().enumerate() {
            fields.fill(Field::Missing);
            object_fields(element.get(), &self.columns, &mut fields)
                .map_err(|found| at_element(position, Mismatch::new("an object", found)))?;
            columns.elements += 1;
            // Before nulls are replaced: a field that stands for null is there all the same.
            for (count, place) in columns.counts.iter_mut().zip([0, 1].iter().chain(places)) {
                *count += u64::from(fields[*place] != Field::Missing);
            }
            self.nulls.clear(&mut fields);
            // Also for elements that are left out: values are found by position.
            for (at, (values, place)) in passthrough.iter_mut().zip(places).enumerate() {
                let value = of_field(&fields[*place], self.keep[at].holds(), clock);
                values.push(value.map_err(|error| self.at_kept(position, at, error))?);
            }
            let (item, label) = (&fields[0], &fields[1]);
            let item = match dictionary {
                None => item.item::<I>(self.item_type).map(Some),
                Some(dictionary) => self.named(dictionary, item.item_text(), || item.shown()),
            };
            let item = item.map_err(|error| self.at(position, 0, error))?;
            let label = if self.has_labels {
                label.label()
            } else {
                Ok(Label::Null)
            };
            let label = label.map_err(|error| self.at(position, 1, error))?;
            self.keep(item, label, position, items, &mut counts)?;
        }
        Ok(Some(counts))
    }

    /// The number of an element's item whose id is a text, or `None` if the element is left out.
    /// `display` shows the value in a message.
    pub(crate) fn named<I: Item>(
        &self,
        dictionary: &mut ItemDictionary,
        text: Option<&str>,
        display: impl FnOnce() -> String,
    ) -> Value<Option<I>> {
        // Before the text gets a number: an unknown item must not get into the vocabulary.
        if !self.is_known(text.map(Id::Text)) {
            return Ok(None);
        }
        dictionary.judge(text, display).map(Some)
    }

    /// Whether files may lack the label: then it is null, and the item stays.
    pub(crate) fn may_lack_label(&self) -> bool {
        self.null_label == NullLabel::Keep
    }

    /// The name of the label, if labels are read.
    pub(crate) fn label(&self) -> Option<&'a str> {
        self.has_labels.then_some(self.names[1])
    }

    /// Whether an item is not left out, given its id, if that is a text.
    pub(crate) fn is_known(&self, id: Option<Id<'_>>) -> bool {
        let (Some(known), Some(Id::Text(text))) = (self.known, id) else {
            return true;
        };
        known.find_text(text.as_bytes()).is_some()
    }

    /// The same reader, which leaves out nothing.
    pub(crate) fn of_all(&self) -> ElementReader<'a> {
        let null_label = match self.null_label {
            NullLabel::Drop => NullLabel::Keep,
            other => other,
        };
        ElementReader {
            null_label,
            known: None,
            ..self.clone()
        }
    }

    /// Adds one element as the policy for null labels says, unless its item is left out.
    pub(crate) fn keep<I: Item>(
        &self,
        item: Option<I>,
        label: Label,
        position: usize,
        items: &mut ImpressionItems<I>,
        counts: &mut ElementCounts,
    ) -> Value<()> {
        counts.items += 1;
        counts.null_labels += u64::from(label == Label::Null);
        counts.unknown_items += u64::from(item.is_none());
        // The first arm takes unknown items, too, so that rejected rows do not depend on the
        // vocabulary.
        match (label, self.null_label, item) {
            (Label::Null, NullLabel::Error, _) => {
                let mismatch = Mismatch::new("true or false", "null");
                return Err(self.at(position, 1, mismatch));
            }
            (Label::Null, NullLabel::Drop, _) | (_, _, None) => {}
            (_, _, Some(item)) => items.push((item, label, offset32(position))),
        }
        Ok(())
    }

    /// A mismatch of the item or the label of an element.
    pub(crate) fn at(&self, position: usize, field: usize, mismatch: Mismatch) -> Mismatch {
        named_at(position, self.names[field], mismatch)
    }

    /// A mismatch of a passthrough column of an element.
    pub(crate) fn at_kept(&self, position: usize, field: usize, mismatch: Mismatch) -> Mismatch {
        named_at(position, &self.keep[field].name, mismatch)
    }
}

/// A mismatch with the name of its field and the number of its element.
fn named_at(position: usize, name: &str, mismatch: Mismatch) -> Mismatch {
    let expected = format!("{} as \"{name}\"", mismatch.expected);
    at_element(
        position,
        Mismatch {
            expected,
            ..mismatch
        },
    )
}

/// Which fields the elements of a file had.
#[derive(Clone, Debug)]
pub(crate) struct FieldCounts {
    elements: u64,
    /// Elements that have an item, a label, and each passthrough column, null or not.
    counts: Vec<u64>,
}

impl FieldCounts {
    /// No elements yet.
    pub(crate) fn new(reader: &ElementReader<'_>) -> FieldCounts {
        FieldCounts {
            elements: 0,
            counts: vec![0; reader.names.len() + reader.keep.len()],
        }
    }

    /// A field that no element has, and some must have.
    pub(crate) fn missing<'r>(&self, reader: &ElementReader<'r>) -> Option<&'r str> {
        let needs = [true, reader.has_labels && !reader.may_lack_label()];
        let mut columns = reader.names.into_iter().zip(needs).zip(&self.counts);
        // Without elements nothing is known.
        let missing =
            columns.find(|((_, needs), count)| self.elements > 0 && *needs && **count == 0);
        missing.map(|((name, _), _)| name)
    }

    /// Whether some element has a label, and each passthrough column; nothing if there are no elements.
    pub(crate) fn seen(&self) -> Option<impl Iterator<Item = bool>> {
        let counts = self.counts.iter().skip(1);
        (self.elements > 0).then(|| counts.map(|count| *count > 0))
    }
}
