//! Sources of actions: what type each row has, and which rows count.
//!
//! **Invariants**: the three sources that `sequences` reads by itself are entries of the same list
//! as those that a job declares; only their columns have names of their own.

use super::{OtherTypes, Source};

/// A source of actions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ActionSource {
    /// Its name, which paths, columns, embargo and availability are given by.
    pub source: Source,
    /// The type of its rows.
    pub types: Types,
    /// The rows that count: those that have, in each of these columns, one of these values as text.
    /// A null is no value. Others are as if they were not there, but counted.
    pub only: Vec<(String, Vec<String>)>,
}

/// The type of the rows of a source, a code from 1 to 127.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Types {
    /// All have the same.
    Constant(u8),
    /// A column tells.
    Column {
        /// Its name in the files.
        column: String,
        /// The codes of its values, as text.
        codes: Vec<(String, u8)>,
        /// What becomes of rows with another value, or null.
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
            .map(|(of, code)| ActionSource::new(of, code))
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
