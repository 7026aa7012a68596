//! Rows that are one item of an impression each: read here, put together once all are read.
//!
//! `text` and `parquet` read rows, `parts` holds those of a ranking id until the last of them is read, and
//! `groups` makes impressions of them.
//!
//! **In / Out**: rows of one item → impressions. Those of one day and one ranking id are one impression, in
//! whatever files they are; without a column of ranking ids each row is one.
//! **Null rule**: a null label is a label like others. A null place is a fault where the file has places.

mod groups;
mod parquet;
mod parts;
mod text;

pub(super) use self::parts::Part;
pub(crate) use self::parts::Parts;
pub(super) use self::text::ranking_of;

use super::shape::FileShape;
use super::unnamed::write_contents;
use super::{ImpressionScan, ImpressionState};
use crate::error::Result;
use crate::ids::Item;
use crate::job::{NullLabel, Source};
use crate::kernel::column::Label;
use crate::scan::item_ids::ItemDictionary;
use crate::scan::mismatch::{Mismatch, Value};
use crate::scan::spec::{ImpressionSpec, ReadSpec, given_name};
use crate::scan::text::impression_items::{ElementCounts, ImpressionItems};
use crate::scan::time_columns::time_else_of_actions;
use crate::scan::{Opened, Task};

/// The names of the columns of rows that are one item each, and what is wanted of them.
#[derive(Clone, Debug)]
pub(super) struct FlatNames<'a> {
    pub(super) item: &'a str,
    /// The label; `None` if there is none, whatever the file has.
    pub(super) label: Option<&'a str>,
    /// Whether each file must have the label.
    needs_label: bool,
    /// The place in the ranking.
    pub(super) position: &'a str,
    /// Whether rows are actions, each an impression of its own.
    pub(super) are_actions: bool,
    /// Of actions, the column that is read where their time is absent or null.
    time_else: Option<&'a str>,
    /// Of actions, the columns that choose those that are impressions, with the values of these.
    only: Vec<&'a (String, Vec<String>)>,
}

impl<'a> FlatNames<'a> {
    /// The names that the settings give.
    pub(super) fn new(spec: &ReadSpec<'a>, impressions: &ImpressionSpec<'a>) -> FlatNames<'a> {
        let name = |ours| spec.column(Source::Impressions, ours);
        let is_given = given_name(spec.columns, Source::Impressions, "is_order").is_some();
        let log = spec.moments.map(|moments| moments.source);
        let declared = spec.actions.sources.iter();
        let mut declared = declared.filter(|action| Some(action.source) == log);
        // A row that is left out as an action is none.
        let of_log = declared.next().map_or(&[][..], |action| &action.only[..]);
        let of_moments = spec.moments.map_or(&[][..], |moments| moments.only);
        // Actions have no labels, unless the user names some.
        let has_label = !impressions.no_labels && (is_given || log.is_none());
        FlatNames {
            are_actions: log.is_some(),
            time_else: log.and_then(|log| time_else_of_actions(spec, log)),
            only: of_log.iter().chain(of_moments).collect(),
            item: name("item_id"),
            label: has_label.then(|| name("is_order")),
            // Without it all items would be left out, or all rows be at fault.
            needs_label: is_given || impressions.null_label != NullLabel::Keep,
            position: name("position"),
        }
    }
}

/// The item of a row, with its label.
type FlatItem<I> = (Value<I>, Value<Label>);

impl<'a> ImpressionScan<'a> {
    /// Reads a row group or a text file of rows that are one item each.
    pub(super) fn read_flat<I: Item>(
        &self,
        task: &Task,
        shape: FileShape,
        state: &mut ImpressionState<I>,
        texts: &mut Option<ItemDictionary>,
    ) -> Result<()> {
        state.parts.start(task.opened.file());
        match &task.opened {
            Opened::Parquet(file) => {
                self.read_flat_parquet(file, task.group_rows(), shape, state, texts)?;
            }
            Opened::Text(..) => self.read_flat_text(task, shape, state, texts)?,
            Opened::Empty(..) => {}
        }
        state.parts.flush(self.context)
    }

    /// Takes the item of a row; if the row is an impression of its own without an id, also the contents
    /// that its id is made of.
    fn take_item<I: Item>(
        &self,
        (item, label): FlatItem<I>,
        is_unnamed: bool,
        (into, contents): (&mut ImpressionItems<I>, &mut String),
        texts: Option<&ItemDictionary>,
    ) -> std::result::Result<Option<ElementCounts>, (&'a str, Mismatch)> {
        let item = item.map_err(|error| (self.flat.item, error))?;
        let label_name = self.flat.label.unwrap_or_default();
        let label = label.map_err(|error| (label_name, error))?;
        if label == Label::Null && self.elements.null_label == NullLabel::Error {
            return Err((label_name, Mismatch::new("true or false", "null")));
        }
        into.push((item, label, 0));
        if !is_unnamed {
            return Ok(None);
        }
        write_contents(into, texts, contents);
        Ok(Some(self.elements.retain_wanted(into, texts)))
    }
}

/// The mismatch of a key of JSON that the first records of its file do not have.
fn unexpected(found: String) -> Mismatch {
    let expected = "no such key: none of the first 1,000 records of the file has it";
    Mismatch::new(expected, found)
}

/// What a place in a ranking should be.
const EXPECTED_PLACE: &str = "an integer, the place of the item in its ranking";
