//! The nested array of an impression, written as JSON: `[{"item_id": 1, "is_order": false}, …]`.
//!
//! **In / Out**: JSON text → items with labels and 0-based places. **Invariants**: one bad
//! element spoils the whole impression, so that a ranking is complete or absent.

use serde_json::value::RawValue;

use crate::column::Label;
use crate::ids::{Item, offset32};
use crate::job::{ItemType, Job, NullLabel, Source};
use crate::scan::fields::{Field, Mismatch, Value};
use crate::scan::json::object_fields;
use crate::scan::text::TextColumn;

/// The shown items of one impression.
pub(crate) type Shown<I> = Vec<(I, Label, i32)>;

/// What an impression's array held besides its items.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct ElementCounts {
    /// Elements in all.
    pub(crate) items: u64,
    /// Elements without a label.
    pub(crate) null_labels: u64,
}

/// How elements are read: names and policies of the job.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ElementReader<'a> {
    /// The names of `item_id` and `is_order` in the files.
    pub(crate) names: [&'a str; 2],
    /// The width of item ids.
    item_type: ItemType,
    /// What becomes of elements without a label.
    null_label: NullLabel,
}

impl<'a> ElementReader<'a> {
    /// The reader of a job.
    pub(crate) fn of(job: &'a Job) -> ElementReader<'a> {
        let name = |ours| job.column(Source::Impressions, ours);
        let names = [name("item_id"), name("is_order")];
        ElementReader {
            names,
            item_type: job.item_type,
            null_label: job.null_label,
        }
    }

    /// Reads the array in `field`; `labelled` is set if some element names its label.
    ///
    /// Gives nothing if the array is null.
    pub(crate) fn read<I: Item>(
        &self,
        field: &Field<'_>,
        shown: &mut Shown<I>,
        labelled: &mut Labelled,
    ) -> Value<Option<ElementCounts>> {
        let json = match field {
            Field::Null => return Ok(None),
            Field::Csv(json) | Field::Json(json) => *json,
            _ => return Err(Mismatch::new("an array of objects", field.shown())),
        };
        let elements: Option<Vec<&RawValue>> = serde_json::from_str(json).map_err(|error| {
            Mismatch::new(
                "an array of objects",
                format!("{} ({error})", field.shown()),
            )
        })?;
        let Some(elements) = elements else {
            return Ok(None);
        };
        let columns = self.names.map(|name| TextColumn::new(name, true));
        let mut counts = ElementCounts::default();
        for (position, element) in elements.into_iter().enumerate() {
            let mut fields = [Field::Missing, Field::Missing];
            object_fields(element.get(), &columns, &mut fields)
                .map_err(|found| at_element(position, Mismatch::new("an object", found)))?;
            let [item, label] = fields;
            labelled.elements += 1;
            labelled.items += u64::from(item != Field::Missing);
            labelled.labels += u64::from(label != Field::Missing);
            let item = item.item::<I>(self.item_type);
            let item = item.map_err(|error| self.at(position, 0, error))?;
            let label = label.label().map_err(|error| self.at(position, 1, error))?;
            self.keep(item, label, position, shown, &mut counts)?;
        }
        Ok(Some(counts))
    }

    /// Adds one element, as the policy for labels says.
    pub(crate) fn keep<I: Item>(
        &self,
        item: I,
        label: Label,
        position: usize,
        shown: &mut Shown<I>,
        counts: &mut ElementCounts,
    ) -> Value<()> {
        counts.items += 1;
        counts.null_labels += u64::from(label == Label::Null);
        match (label, self.null_label) {
            (Label::Null, NullLabel::Drop) => {}
            (Label::Null, NullLabel::Error) => {
                let mismatch = Mismatch::new("true or false", "null");
                return Err(self.at(position, 1, mismatch));
            }
            _ => shown.push((item, label, offset32(position))),
        }
        Ok(())
    }

    /// A mismatch of a field of an element.
    pub(crate) fn at(&self, position: usize, field: usize, mismatch: Mismatch) -> Mismatch {
        let name = self.names[field];
        let expected = format!("{} as \"{name}\"", mismatch.expected);
        at_element(
            position,
            Mismatch {
                expected,
                ..mismatch
            },
        )
    }
}

/// Which columns the elements of a file had.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Labelled {
    /// Elements seen.
    pub(crate) elements: u64,
    /// Elements that name their item, null or not.
    pub(crate) items: u64,
    /// Elements that name their label, null or not.
    pub(crate) labels: u64,
}

/// A mismatch, with the place of the element.
fn at_element(position: usize, mismatch: Mismatch) -> Mismatch {
    let found = format!("{} in element {}", mismatch.found, position + 1);
    Mismatch { found, ..mismatch }
}
