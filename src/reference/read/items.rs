//! Item ids to codes, by the vocabulary that a set was published with.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use super::cell::{LogCell, RecordFault};
use super::{Check, LogFile, read};
use crate::error::Result;
use crate::job::{Format, ItemType, Settings, Source, UnknownItem};

/// How item ids become items of a set: unchanged, or as codes of a vocabulary.
pub(crate) struct ItemCodes {
    /// Nothing if ids are unchanged.
    codes: Option<Mutex<Codes>>,
    /// Whether items without a code are dropped.
    drops: bool,
}

/// The codes of a vocabulary, and those given to items that it lacks.
#[derive(Default)]
struct Codes {
    /// Codes by item. An item that the vocabulary lacks gets a code that no row of the set has.
    by_text: BTreeMap<String, i64>,
    texts: BTreeMap<i64, String>,
}

impl ItemCodes {
    /// Ids unchanged.
    pub(crate) fn none() -> ItemCodes {
        ItemCodes {
            codes: None,
            drops: false,
        }
    }

    /// The codes of a vocabulary.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub(crate) fn new(settings: &Settings, path: &Path, check: Check<'_>) -> Result<ItemCodes> {
        let file = LogFile {
            // A vocabulary is no source; the field is not read.
            source: Source::Impressions,
            display_path: path.display().to_string(),
            path: path.to_owned(),
            format: Format::Parquet,
        };
        let mut codes = Codes::default();
        read(
            &file,
            &Settings::default(),
            &["item", "code"],
            check,
            &mut |_, cells| {
                if let (Some(text), LogCell::Int(code)) = (cells[0].text(), &cells[1]) {
                    codes.add(text, i64::try_from(*code).unwrap_or(i64::MAX));
                }
                Ok(())
            },
        )?;
        Ok(ItemCodes {
            codes: Some(Mutex::new(codes)),
            drops: settings.sequences().unknown_item == UnknownItem::Drop,
        })
    }

    /// Whether ids are texts, which have codes.
    pub(super) fn are_texts(&self) -> bool {
        self.codes.is_some()
    }

    /// The item of a cell; 0 if it is dropped.
    pub(crate) fn item(
        &self,
        cell: &LogCell,
        column: &str,
        item_type: ItemType,
    ) -> std::result::Result<i64, RecordFault> {
        let Some(codes) = &self.codes else {
            return cell.item(column, item_type);
        };
        let text = cell
            .text()
            .filter(|text| !cell.is_null() && !text.is_empty());
        let text =
            text.ok_or_else(|| RecordFault::new(column, "a text that is an item id", cell))?;
        let mut codes = codes.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(code) = codes.by_text.get(&text) {
            return Ok(*code);
        }
        if self.drops {
            return Ok(0);
        }
        // Which item gets which number depends on threads. It only has to differ from every code in
        // the rows, so that such an item in a history is a difference.
        let last = codes.texts.last_key_value().map_or(0, |(code, _)| *code);
        codes.add(text, last + 1);
        Ok(last + 1)
    }

    /// The text of a code, if ids are texts and the code exists.
    pub(crate) fn text(&self, code: i64) -> Option<String> {
        let codes = self.codes.as_ref()?.lock();
        let codes = codes.unwrap_or_else(PoisonError::into_inner);
        codes.texts.get(&code).cloned()
    }
}

impl Codes {
    /// Adds an item.
    fn add(&mut self, text: String, code: i64) {
        self.texts.insert(code, text.clone());
        self.by_text.insert(text, code);
    }
}
