//! The items of an impression in other shapes than a list of structs: lists of ids, with their labels or
//! the clicked ones in another column, maps from item to label, and texts with separators.
//!
//! ```text
//! a field of text ──► cell ──► elements ──┐
//!                                         ├──► sink: ids, labels, positions
//! Arrow lists and maps ──► arrays ────────┘
//! ```
//! **In / Out**: the columns of a row → items with labels and 0-based positions. **Invariants**: the data
//! tell the shape, row by row in text and file by file in columns. One bad element rejects the whole
//! impression. A list without items has no labels to check, unless the user named their column.
//! **Null rule**: a null list of labels has null labels; a null list of clicked items is an empty one.

pub(super) mod arrays;
mod cells;
mod elements;
mod sink;

use self::elements::Separators;
pub(super) use self::sink::{LabelScratch, RowTarget};
use crate::advice::{self, Hint};
use crate::job::Source;
use crate::scan::mismatch::Mismatch;
use crate::scan::spec::{ImpressionSpec, ReadSpec, given_name};

/// What is wrong with a row, and the column it is wrong in.
type Fault<'a> = (&'a str, Mismatch);

/// How items that are no structs are read.
#[derive(Clone, Copy, Debug)]
pub(super) struct ItemShapes<'a> {
    /// The column of items.
    items: &'a str,
    /// The column of a list of labels.
    pub(super) labels: RoleColumn<'a>,
    /// The column of a list of clicked items.
    pub(super) clicked: RoleColumn<'a>,
    /// Whether labels are read; else all are null.
    has_labels: bool,
    separators: Separators<'a>,
}

/// A column that files have only if labels are there.
#[derive(Clone, Copy, Debug)]
pub(super) struct RoleColumn<'a> {
    pub(super) name: &'a str,
    /// Whether the user named it, so that each file must have it.
    pub(super) is_named: bool,
}

/// Where the labels of items are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum LabelSource {
    /// Beside the items, or nowhere.
    Own,
    /// In the list of labels.
    Labels,
    /// In the list of clicked items.
    Clicked,
}

impl<'a> ItemShapes<'a> {
    /// The columns and separators of a job.
    pub(super) fn new(spec: &ReadSpec<'a>, impressions: &ImpressionSpec<'a>) -> ItemShapes<'a> {
        let has_labels = !impressions.no_labels;
        let is_given = |ours| given_name(spec.columns, Source::Impressions, ours).is_some();
        let role = |ours| RoleColumn {
            name: spec.column(Source::Impressions, ours),
            is_named: has_labels && is_given(ours),
        };
        let own = spec.settings_of(Source::Impressions);
        ItemShapes {
            items: spec.column(Source::Impressions, "impressions"),
            labels: role("labels"),
            clicked: role("clicked"),
            has_labels,
            separators: Separators {
                item: own.and_then(|own| own.item_separator.as_deref()),
                label: own.and_then(|own| own.label_separator.as_deref()),
            },
        }
    }

    /// Whether the user named a column of labels or of clicked items.
    fn has_named_role(&self) -> bool {
        self.labels.is_named || self.clicked.is_named
    }

    /// Where the labels are, given which of the two columns are there.
    fn label_source(&self, has_labels: bool, has_clicked: bool) -> Result<LabelSource, Fault<'a>> {
        if self.separators.label.is_some() || !self.has_labels {
            return Ok(LabelSource::Own);
        }
        if self.has_named_role() {
            return Ok(if self.labels.is_named {
                LabelSource::Labels
            } else {
                LabelSource::Clicked
            });
        }
        match (has_labels, has_clicked) {
            (false, false) => Ok(LabelSource::Own),
            (true, false) => Ok(LabelSource::Labels),
            (false, true) => Ok(LabelSource::Clicked),
            (true, true) => {
                let hint = Hint::LabelsOrClicked.text().to_owned();
                let expected = advice::expected("one column of labels", Some(hint));
                let found = format!("\"{}\" and \"{}\"", self.labels.name, self.clicked.name);
                Err((self.items, Mismatch::new(expected, found)))
            }
        }
    }

    /// Checks that the user named no column for labels that the items have by themselves.
    ///
    /// # Errors
    /// If so.
    pub(super) fn check_own_labels(&self, found: &str) -> Result<(), Fault<'a>> {
        let named = [self.labels, self.clicked];
        match named.iter().find(|role| role.is_named) {
            None => Ok(()),
            Some(role) => {
                let expected = format!("a list of ids, whose labels are in \"{}\"", role.name);
                Err((self.items, Mismatch::new(expected, found)))
            }
        }
    }
}
