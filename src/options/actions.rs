//! Sources of actions: the type of each row, and which rows count.
//!
//! **Invariants**: the three sources that `sequences` reads by itself are entries of the same list
//! as those that a job declares. They differ only in the default names of their columns.

use serde::{Deserialize, Serialize};

use super::json::pairs;
use super::{OtherTypes, Source};

/// Names that no source of actions may have: in `actions` of a manifest they are other counts.
// A source of such a name would be a second member of the same key, which readers of JSON resolve
// each in their own way.
pub(crate) const RESERVED_NAMES: [&str; 6] = [
    "types_in_histories",
    "unknown_items_left_out",
    "duplicates_in_histories",
    "repeats_left_out",
    "ties_in_histories",
    "times_in_histories",
];

/// A source of actions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "ActionSourceEntry", into = "ActionSourceEntry")]
pub struct ActionSource {
    /// Its name. Paths, columns, embargo and availability refer to it.
    pub source: Source,
    /// The type of its rows.
    pub types: Types,
    /// The rows that count: those with one of these values, as text, in each of these columns. A null
    /// is no value. Other rows are dropped and counted.
    pub only: Vec<(String, Vec<String>)>,
}

/// The type of the rows of a source, a code from 1 to 127.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Types {
    /// The same for all rows.
    Constant(u8),
    /// Given by a column.
    Column {
        /// Its name in the files.
        column: String,
        /// The codes of its values, as text.
        codes: Vec<(String, u8)>,
        /// What happens to rows with another value, or null.
        other: OtherTypes,
    },
}

impl ActionSource {
    /// A source whose rows all have one type, and all count.
    pub fn new(source: Source, code: u8) -> ActionSource {
        ActionSource {
            source,
            types: Types::Constant(code),
            only: Vec::new(),
        }
    }

    /// Clicks, add-to-carts and orders: what `sequences` reads unless a job declares others.
    pub fn defaults() -> Vec<ActionSource> {
        let sources = Source::ACTIONS.into_iter();
        sources
            .zip(1..)
            .map(|(source, code)| ActionSource::new(source, code))
            .collect()
    }

    /// The codes that its rows may have.
    pub fn codes(&self) -> Vec<u8> {
        match &self.types {
            Types::Constant(code) => vec![*code],
            Types::Column { codes, .. } => codes.iter().map(|(_, code)| *code).collect(),
        }
    }
}

/// A source of actions as manifests record it: its rows have one type, or a column of types.
#[derive(Serialize, Deserialize)]
struct ActionSourceEntry {
    source: Source,
    /// The type of all its rows.
    #[serde(rename = "type", default, skip_serializing_if = "Option::is_none")]
    code: Option<u8>,
    /// The column of types.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    type_column: Option<String>,
    /// The codes of its values.
    #[serde(default, skip_serializing_if = "Vec::is_empty", with = "pairs")]
    types: Vec<(String, u8)>,
    /// What happens to rows with another value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    other_types: Option<OtherTypes>,
    /// The rows that count.
    #[serde(
        rename = "where",
        default,
        skip_serializing_if = "Vec::is_empty",
        with = "pairs"
    )]
    only: Vec<(String, Vec<String>)>,
}

impl From<ActionSource> for ActionSourceEntry {
    fn from(source: ActionSource) -> ActionSourceEntry {
        let (code, type_column, types, other_types) = match source.types {
            Types::Constant(code) => (Some(code), None, Vec::new(), None),
            Types::Column {
                column,
                codes,
                other,
            } => (None, Some(column), codes, Some(other)),
        };
        ActionSourceEntry {
            source: source.source,
            code,
            type_column,
            types,
            other_types,
            only: source.only,
        }
    }
}

impl TryFrom<ActionSourceEntry> for ActionSource {
    type Error = &'static str;

    fn try_from(entry: ActionSourceEntry) -> Result<ActionSource, &'static str> {
        Ok(ActionSource {
            source: entry.source,
            types: match entry.type_column {
                None => Types::Constant(entry.code.ok_or("no type")?),
                Some(column) => Types::Column {
                    column,
                    codes: entry.types,
                    other: entry.other_types.ok_or("no other_types")?,
                },
            },
            only: entry.only,
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{from_value, json, to_value};

    use super::*;

    #[test]
    fn declared_sources_round_trip() {
        let named = |name| Source::named(name).expect("a name");
        let actions = vec![
            ActionSource::new(Source::Orders, 9),
            ActionSource {
                source: named("events"),
                types: Types::Column {
                    column: "type".into(),
                    codes: vec![("view".into(), 4), ("".into(), 127)],
                    other: OtherTypes::Drop,
                },
                only: vec![("shop".into(), vec!["de".into(), "at".into()])],
            },
        ];
        let written = to_value(&actions).expect("plain values");
        let expected = json!([
            {"source": "orders", "type": 9},
            {
                "source": "events", "type_column": "type", "types": {"view": 4, "": 127},
                "other_types": "drop", "where": {"shop": ["de", "at"]},
            },
        ]);
        assert_eq!(written.to_string(), expected.to_string());
        let read = |value| from_value::<Vec<ActionSource>>(value).ok();
        assert_eq!(read(written.clone()), Some(actions));
        for name in ["source", "types", "other_types", "type_column"] {
            let mut broken = written.clone();
            broken[1][name] = json!([0]);
            assert_eq!(read(broken), None, "{name}");
        }
    }
}
