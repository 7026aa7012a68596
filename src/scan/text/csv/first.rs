//! The first record of a CSV file, by one delimiter.
//!
//! **In / Out**: the beginning of a text and how it may be written → its first record, and how messages show it.

use std::io::Read;

use csv::ByteRecord;

use super::rules::{CsvRules, PlainCsv};
use super::{END, reader_of};
use crate::catalog::text_head::{header_name, is_value};
use crate::job::{Escape, SourceSettings};
use crate::scan::mismatch::quoted;

/// The first record of a text.
pub(super) struct FirstRecord {
    pub(super) rules: CsvRules,
    pub(super) fields: ByteRecord,
    /// Its bytes with its line end, as the rules write it.
    pub(super) bytes: u64,
    /// Whether nothing is behind it.
    pub(super) is_last: bool,
}

impl FirstRecord {
    /// The first record of a text by some rules.
    pub(super) fn read(head: &[u8], rules: CsvRules) -> std::io::Result<FirstRecord> {
        let separator = rules.separator();
        let text: Box<dyn Read + '_> = if rules.are_plain() {
            Box::new(head)
        } else {
            Box::new(PlainCsv::new(head, rules.clone()))
        };
        let mut reader = reader_of(text, separator);
        let (mut fields, mut next) = (ByteRecord::new(), ByteRecord::new());
        reader.read_byte_record(&mut fields)?;
        let bytes = reader.position().byte();
        reader.read_byte_record(&mut next)?;
        let ends = |fields: &ByteRecord| {
            let mut fields = fields.iter();
            fields.any(|field| field.trim_ascii_end().ends_with(END))
        };
        Ok(FirstRecord {
            is_last: ends(&fields) || (next.len() == 1 && &next[0] == END),
            rules,
            fields,
            bytes,
        })
    }

    /// The names in its fields.
    pub(super) fn names(&self) -> Vec<String> {
        let fields = self.fields.iter().map(String::from_utf8_lossy);
        fields.map(|field| header_name(&field).to_owned()).collect()
    }

    /// How a message shows it.
    pub(super) fn shown(&self) -> String {
        let fields: Vec<_> = self.fields.iter().map(String::from_utf8_lossy).collect();
        let delimiter = String::from_utf8_lossy(&self.rules.delimiter);
        quoted(&fields.join(&delimiter))
    }

    /// Whether a field looks like a value.
    pub(super) fn has_values(&self) -> bool {
        let mut fields = self.fields.iter();
        fields.any(|field| is_value(&String::from_utf8_lossy(field)))
    }

    /// The header in which columns are given for it, as a flag.
    pub(super) fn header_flag(&self, source: &str) -> String {
        let names: Vec<String> = (1..=self.fields.len()).map(|at| format!("c{at}")).collect();
        let mut flag = format!("--source {source}.header={}", names.join(","));
        if self.rules.delimiter != b"," {
            let delimiter = String::from_utf8_lossy(&self.rules.delimiter);
            flag += &format!(
                " --source {source}.delimiter={}",
                delimiter_word(&delimiter)
            );
        }
        flag
    }
}

/// A delimiter as a word of a shell.
pub(super) fn delimiter_word(delimiter: &str) -> String {
    match delimiter {
        "\t" => "tab".to_owned(),
        other => format!("'{other}'"),
    }
}

/// The rules of a source's files, with a delimiter.
pub(super) fn rules_of(settings: &SourceSettings, delimiter: &str) -> CsvRules {
    let comment = settings.comment.as_ref();
    CsvRules {
        delimiter: delimiter.into(),
        has_backslashes: settings.escape == Some(Escape::Backslash),
        comment: comment.map_or_else(Vec::new, |comment| comment.as_str().into()),
    }
}
