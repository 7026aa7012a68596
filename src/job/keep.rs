//! Columns of impressions that are carried through to the output.

use super::Settings;
use crate::error::{Error, Result as Checked};

/// What a carried column holds. Each value may be null.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeepType {
    /// Integers of 32 bits.
    Int32,
    /// Integers of 64 bits.
    Int64,
    /// Numbers.
    Double,
    /// Texts.
    Text,
    /// Truth values.
    Boolean,
    /// Times.
    Time,
}

/// The names of types, as they are written behind that of a column.
const NAMES: [(KeepType, &str); 6] = [
    (KeepType::Int32, "int32"),
    (KeepType::Int64, "int64"),
    (KeepType::Double, "double"),
    (KeepType::Text, "string"),
    (KeepType::Boolean, "boolean"),
    (KeepType::Time, "timestamp"),
];

/// A column of impressions that is carried through.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Keep {
    /// Its name in the files and in the output.
    pub name: String,
    /// Whether it is a field of the shown items, not of the impression.
    pub of_items: bool,
    /// What it holds, or `None`: what Parquet files say, text where there are none.
    pub kind: Option<KeepType>,
}

impl Keep {
    /// The column that a text names: `NAME`, `item.NAME`, each perhaps with `:TYPE`.
    ///
    /// # Errors
    /// What is wrong with the text.
    pub fn parse(text: &str) -> Result<Keep, String> {
        let (name, kind) = match text.rsplit_once(':') {
            None => (text, None),
            Some((name, kind)) => {
                let found = NAMES.iter().find(|(_, name)| *name == kind);
                let known = || NAMES.map(|(_, name)| name).join(", ");
                let unknown = || format!("no type \"{kind}\"; there are {}", known());
                (name, Some(found.ok_or_else(unknown)?.0))
            }
        };
        let inner = name.strip_prefix("item.");
        let (name, of_items) = (inner.unwrap_or(name), inner.is_some());
        match name.is_empty() {
            true => Err("expected the name of a column".to_owned()),
            false => Ok(Keep {
                name: name.to_owned(),
                of_items,
                kind,
            }),
        }
    }

    /// The text that names the column.
    pub(crate) fn text(&self) -> String {
        let kind = NAMES.iter().find(|(kind, _)| Some(*kind) == self.kind);
        let kind = kind.map_or_else(String::new, |(_, name)| format!(":{name}"));
        let prefix = if self.of_items { "item." } else { "" };
        format!("{prefix}{}{kind}", self.name)
    }

    /// What the column holds, once that is known.
    pub(crate) fn holds(&self) -> KeepType {
        self.kind.unwrap_or(KeepType::Text)
    }
}

/// The columns of the output, in any layout and with any options.
pub(super) const OURS: [&str; 14] = [
    "dt",
    "customer_id",
    "ranking_id",
    "position",
    "item_id",
    "items",
    "is_order",
    "cutoff",
    "last_action_time",
    "history_length",
    "actions",
    "action_types",
    "time_delta",
    "weight",
];

/// Columns that are carried through have names of their own.
///
/// # Errors
/// If not, naming the column.
pub(super) fn check_keep(settings: &Settings) -> Checked<()> {
    /// Columns of impressions beside ours that a record is searched for.
    const MAX: usize = 24;
    let of_rows = settings.keep.iter().filter(|keep| !keep.of_items);
    if of_rows.count() > MAX {
        let what = format!("--keep takes at most {MAX} columns of impressions");
        return Err(Error::settings(what));
    }
    for (at, keep) in settings.keep.iter().enumerate() {
        let is_it = |other: &str| other.eq_ignore_ascii_case(&keep.name);
        let name = &keep.name;
        if OURS.iter().any(|ours| is_it(ours)) {
            return Err(Error::settings(format!(
                "--keep has \"{name}\", which is a column of the output already"
            )));
        }
        if settings.keep[..at].iter().any(|other| is_it(&other.name)) {
            return Err(Error::settings(format!("--keep names \"{name}\" twice")));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_named_with_or_without_a_type() {
        for text in ["surface", "item.is_click:boolean", "a:b:int32", "item.x"] {
            assert_eq!(
                Keep::parse(text).map(|keep| keep.text()),
                Ok(text.to_owned())
            );
        }
        for text in ["", "item.", "surface:text", ":int32"] {
            assert!(Keep::parse(text).is_err(), "{text}");
        }
    }
}
