//! Which of the columns that a file of impressions may lack were in some file.
//!
//! **In / Out**: what each file had → nothing, or the error of a column that no file has. **Invariants**: a source
//! whose rows or elements nobody read is not judged.

use super::ImpressionScan;
use crate::error::{Error, Result};
use crate::job::Passthrough;
use crate::scan::Opened;
use crate::scan::missing_column::missing_column;
use crate::scan::parquet::ParquetFile;
use crate::scan::some_files::{add_seen, check_some, note};
use crate::scan::table::declared::check_shown_items;
use crate::scan::table::passthrough::{fields_of, lacking_column, lacking_field};
use crate::scan::text::field::Field;
use crate::scan::text::impression_items::FieldCounts;

/// What some file had, for each column that a file may lack; `None` as long as nothing could tell.
#[derive(Clone, Debug)]
pub(super) struct SeenColumns {
    /// Columns that are carried through, of impressions.
    keep: Vec<Option<bool>>,
    /// The label of an element, then what is carried through of items.
    elements: Vec<Option<bool>>,
}

impl SeenColumns {
    /// Nothing seen of so many columns of impressions and of items.
    pub(super) fn new(keep: usize, item_keep: usize) -> SeenColumns {
        SeenColumns {
            keep: vec![None; keep],
            elements: vec![None; 1 + item_keep],
        }
    }

    /// Adds what another thread has seen.
    pub(super) fn add(&mut self, other: &SeenColumns) {
        add_seen(&mut self.keep, &other.keep);
        add_seen(&mut self.elements, &other.elements);
    }

    /// Notes which columns of impressions are there.
    #[inline]
    pub(super) fn note_keep(&mut self, has: impl Iterator<Item = bool>) {
        self.keep
            .iter_mut()
            .zip(has)
            .for_each(|(seen, has)| note(seen, has));
    }

    /// Notes which columns of items are there, in rows that are one item each.
    #[inline]
    pub(super) fn note_item_keep(&mut self, has: impl Iterator<Item = bool>) {
        let seen = self.elements.iter_mut().skip(1);
        seen.zip(has).for_each(|(seen, has)| note(seen, has));
    }

    /// Notes which fields the elements of a text file had.
    pub(super) fn note_elements(&mut self, counts: &FieldCounts) {
        for (seen, has) in self
            .elements
            .iter_mut()
            .zip(counts.seen().into_iter().flatten())
        {
            note(seen, has);
        }
    }
}

/// Whether each of some fields of a record is there, null or not.
pub(super) fn are_there<'f>(
    fields: &'f [Field<'_>],
    places: impl Iterator<Item = usize> + 'f,
) -> impl Iterator<Item = bool> + 'f {
    places.map(|at| fields[at] != Field::Missing)
}

impl ImpressionScan<'_> {
    /// Notes the columns of a file of columns whose rows are one item each, or whose lists are of structs.
    pub(super) fn note_columns(&self, file: &ParquetFile, is_flat: bool, seen: &mut SeenColumns) {
        let has = |keep: &&Passthrough| file.column(&keep.name).is_some();
        seen.note_keep(self.keep.iter().map(has));
        if is_flat {
            seen.note_item_keep(self.elements.keep.iter().map(has));
            return;
        }
        let Some(fields) = fields_of(self.items_type(file)) else {
            return;
        };
        let keep = self.elements.keep.iter().map(|keep| keep.name.as_str());
        let names = [self.elements.names[1]].into_iter().chain(keep);
        for (seen, name) in seen.elements.iter_mut().zip(names) {
            note(seen, fields.find(name).is_some());
        }
    }

    /// Checks that each column is in some file.
    ///
    /// # Errors
    /// If not.
    pub(super) fn check_seen(&self, opened: &[Opened], seen: &SeenColumns) -> Result<()> {
        let unseen = |seen: &Option<bool>| *seen == Some(false);
        let full = || opened.iter().filter(|file| !file.is_empty());
        for (keep, _) in self
            .keep
            .iter()
            .zip(&seen.keep)
            .filter(|(_, seen)| unseen(seen))
        {
            check_some(full(), &|file| lacking_column(&self.spec, file, &keep.name))?;
        }
        if self.elements.has_labels && unseen(&seen.elements[0]) {
            check_some(full(), &|file| self.lacks_label(file))?;
        }
        let items = self.elements.keep.iter().zip(&seen.elements[1..]);
        for (keep, _) in items.filter(|(_, seen)| unseen(seen)) {
            let lacks = |file: &Opened| {
                if self.shape_of(file).is_flat {
                    lacking_column(&self.spec, file, &keep.name)
                } else {
                    lacking_field(&self.spec, file, keep)
                }
            };
            check_some(full(), &lacks)?;
        }
        Ok(())
    }

    /// The error of a file without labels, none of which has any.
    fn lacks_label(&self, file: &Opened) -> Option<Error> {
        let [item, label] = self.elements.names;
        match file {
            Opened::Parquet(file) => {
                check_shown_items(&self.spec, file, self.names.shown, item, Some(label)).err()
            }
            Opened::Text(file, ..) => Some(missing_column(file, label, "it in no element")),
            Opened::Empty(..) => None,
        }
    }
}
