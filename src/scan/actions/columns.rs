//! What a source of actions is: what its columns are called, and what its rows are taken for.

use super::landing::Landing;
use crate::ids::ActionType;
use crate::job::{Attribute, AttributeColumn, Cutoff, OtherTypes, Source, Types};
use crate::scan::mismatch::{Mismatch, Value};
use crate::scan::spec::{ReadSpec, attribute_columns, counts_type, given_name};
use crate::scan::time_columns::{time_else_of_actions, time_of_actions};

/// A source of actions, with the names of its columns in the files.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ActionNames<'a> {
    source: Source,
    /// Whether cutoffs are days or times.
    pub(crate) cutoff: Cutoff,
    /// The codes of actions that count; all, if none is named.
    counted: &'a [u8],
    /// What is told of actions beside items and types.
    attributes: &'a [Attribute],
    /// Names of columns: source, ours, that of the files.
    columns: &'a [(Source, String, String)],
    /// Its place in the list of sources.
    pub(crate) slot: usize,
    pub(crate) customer: &'a str,
    pub(crate) item: &'a str,
    /// The time; for orders, one that may be absent or null.
    pub(crate) time: &'a str,
    /// What stands in for an absent or null time: the order's date.
    pub(crate) time_else: Option<&'a str>,
    /// When it was known, if no folder tells.
    pub(crate) available: Option<&'a str>,
    /// What the folder tells.
    pub(crate) landing: Landing,
    /// How long its actions are held back, in microseconds.
    pub(crate) held_us: i64,
    /// The type of its rows.
    types: &'a Types,
    /// The rows that count, by column and values.
    pub(crate) only: &'a [(String, Vec<String>)],
}

/// What all actions of one source and type share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Origin {
    pub(crate) kind: ActionType,
    /// How long they are held back, in microseconds; nothing if their type does not count.
    pub(crate) held_us: Option<i64>,
}

impl<'a> ActionNames<'a> {
    /// A source of actions.
    ///
    /// # Panics
    /// If there is no such source.
    pub(crate) fn new(spec: &ReadSpec<'a>, source: Source) -> ActionNames<'a> {
        let actions = spec.actions;
        let slot = actions.slot(source);
        let slot = slot.expect("only sources that are told of have files");
        let name = |ours| spec.column(source, ours);
        let item = match source {
            Source::Carts | Source::Orders => "config_id",
            _ => "item_id",
        };
        let declared = &actions.sources[slot];
        ActionNames {
            source,
            cutoff: spec.cutoff,
            counted: actions.types,
            attributes: actions.attributes,
            columns: spec.columns,
            slot,
            customer: name("customer_id"),
            item: name(item),
            time: time_of_actions(spec, source),
            time_else: time_else_of_actions(spec, source),
            available: actions.available_column(source),
            landing: Landing::UNKNOWN,
            held_us: actions.embargo_of(source),
            types: &declared.types,
            only: &declared.only,
        }
    }

    /// The columns that are told of actions, each with its name in the files and whether the user
    /// gave it one there, so that a file without it is at fault.
    pub(crate) fn told(
        &self,
    ) -> impl Iterator<Item = (&'a AttributeColumn, &'a str, bool)> + use<'a> {
        let (columns, source) = (self.columns, self.source);
        attribute_columns(self.attributes).map(move |column| {
            let given = given_name(columns, source, &column.name);
            (column, given.unwrap_or(&column.name), given.is_some())
        })
    }

    /// The column that a null time is blamed on.
    pub(crate) fn last_time(&self) -> &'a str {
        self.time_else.unwrap_or(self.time)
    }

    /// The column of types, if there is one.
    pub(crate) fn types_column(&self) -> Option<&'a str> {
        match self.types {
            Types::Constant(_) => None,
            Types::Column { column, .. } => Some(column),
        }
    }

    /// What all its rows share, if every row counts and all have one type.
    pub(crate) fn constant(&self) -> Option<Origin> {
        match self.types {
            Types::Constant(code) if self.only.is_empty() => Some(self.origin(*code)),
            _ => None,
        }
    }

    /// Whether every row counts, and all have one type, so that statistics can tell of them.
    pub(crate) fn are_uniform(&self) -> bool {
        self.constant().is_some()
    }

    /// What actions of a type share.
    fn origin(&self, code: u8) -> Origin {
        Origin {
            kind: ActionType(code),
            // A type that does not count is judged all the same: what is reported of bad rows does
            // not depend on `--types`.
            held_us: counts_type(self.counted, code).then_some(self.held_us),
        }
    }

    /// What a row is, given the text of its type, which is nothing where that is null or no text;
    /// `None` if it is to be left out. `shown` says what a message shows.
    #[inline]
    pub(crate) fn origin_of(
        &self,
        word: Option<&str>,
        shown: impl Fn() -> String,
    ) -> Value<Option<Origin>> {
        let (codes, other) = match self.types {
            Types::Constant(code) => return Ok(Some(self.origin(*code))),
            Types::Column { codes, other, .. } => (codes, other),
        };
        // A null is equal to no value, so it is of another type.
        let code = codes.iter().find(|(value, _)| word == Some(value));
        match (code, other) {
            (Some((_, code)), _) => Ok(Some(self.origin(*code))),
            (None, OtherTypes::Drop) => Ok(None),
            (None, OtherTypes::Error) => {
                let known: Vec<&str> = codes.iter().map(|(value, _)| value.as_str()).collect();
                let known = known.join("\", \"");
                let expected = format!("\"{known}\" (other_types = \"drop\" leaves others out)");
                Err(Mismatch::new(expected, shown()))
            }
        }
    }

    /// Whether a row counts, given the text of each column that rows are chosen by, in their order.
    #[inline]
    pub(crate) fn takes<'w>(&self, mut word: impl FnMut(usize) -> Option<&'w str>) -> bool {
        let mut columns = self.only.iter().enumerate();
        columns.all(|(at, (_, values))| {
            // A null is equal to no value, so its row does not count.
            word(at).is_some_and(|word| values.iter().any(|value| value == word))
        })
    }
}
