//! Items to codes, by the vocabulary that a set was published with.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use super::cell::{Cell, Fault};
use super::{Check, LogFile, read};
use crate::error::Result;
use crate::job::{Format, ItemType, Settings, Source, UnknownItem};

/// What items are in a set: ids as they are, or codes of texts.
pub(crate) struct ItemCodes {
    /// The codes that there are; nothing if ids are what they are.
    known: Option<Mutex<Known>>,
    /// Whether items without a code are left out.
    drops: bool,
}

/// Items with codes, and those that were come across beside them.
#[derive(Default)]
struct Known {
    /// Codes by item. One that the vocabulary lacks has one that no row of the set can hold.
    codes: BTreeMap<String, i64>,
    texts: BTreeMap<i64, String>,
}

impl ItemCodes {
    /// Ids as they are.
    pub(crate) fn none() -> ItemCodes {
        ItemCodes {
            known: None,
            drops: false,
        }
    }

    /// The codes of a vocabulary.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub(crate) fn new(settings: &Settings, path: &Path, check: Check<'_>) -> Result<ItemCodes> {
        let file = LogFile {
            // It is of none; nothing asks.
            source: Source::Impressions,
            shown: path.display().to_string(),
            path: path.to_owned(),
            format: Format::Parquet,
        };
        let mut known = Known::default();
        read((&file, &[]), &["item", "code"], check, &mut |_, cells| {
            if let (Some(text), Cell::Int(code)) = (cells[0].text(), &cells[1]) {
                known.add(text, i64::try_from(*code).unwrap_or(i64::MAX));
            }
            Ok(())
        })?;
        Ok(ItemCodes {
            known: Some(Mutex::new(known)),
            drops: settings.sequences().unknown_item == UnknownItem::Drop,
        })
    }

    /// The item of a cell; 0 if it is left out.
    pub(crate) fn item(
        &self,
        cell: &Cell,
        column: &str,
        of: ItemType,
    ) -> std::result::Result<i64, Fault> {
        let Some(known) = &self.known else {
            return cell.item(column, of);
        };
        let text = cell
            .text()
            .filter(|text| !cell.is_null() && !text.is_empty());
        let text = text.ok_or_else(|| Fault::new(column, "a text that is an item id", cell))?;
        let mut known = known.lock().unwrap_or_else(PoisonError::into_inner);
        let found = known.codes.get(&text).copied();
        Ok(match (found, self.drops) {
            (Some(code), _) => code,
            (None, true) => 0,
            (None, false) => {
                let last = known.texts.last_key_value().map_or(0, |(code, _)| *code);
                known.add(text, last + 1);
                last + 1
            }
        })
    }

    /// The text of a code, if ids are texts and one has it.
    pub(crate) fn text(&self, code: i64) -> Option<String> {
        let known = self.known.as_ref()?.lock();
        let known = known.unwrap_or_else(PoisonError::into_inner);
        known.texts.get(&code).cloned()
    }
}

impl Known {
    /// Adds an item.
    fn add(&mut self, text: String, code: i64) {
        self.texts.insert(code, text.clone());
        self.codes.insert(text, code);
    }
}
