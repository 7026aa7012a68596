//! What is told of each action of a history beside its item and its type.

use super::Settings;
use super::keep::OURS;
use crate::error::{Error, Result as Checked};

/// The most columns of actions that are told.
pub(crate) const SIDE_COLUMNS_MAX: usize = 4;

/// What is told of each action of a history beside its item and its type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Side {
    /// How long before the cutoff it happened, in seconds.
    TimeDelta,
    /// What a column of the actions holds.
    Column(SideColumn),
}

/// What a told column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SideType {
    /// Integers of 32 bits; 0 for a null.
    Int32,
    /// Numbers of 32 bits, rounded to the nearest; NaN for a null.
    Float32,
}

/// The names of types, as they are written behind that of a column.
const NAMES: [(SideType, &str); 2] = [(SideType::Int32, "int32"), (SideType::Float32, "float32")];

/// A column of actions that is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SideColumn {
    /// Its name in the output, and in the files of sources that do not rename it.
    pub name: String,
    /// What it holds, or `None`: what Parquet files say, numbers where there are none.
    pub kind: Option<SideType>,
}

impl Side {
    /// The name of the column that tells how long before the cutoff an action was.
    const TIME_DELTA: &str = "time_delta";

    /// What a text names: `time_delta`, or a column as `NAME` or `NAME:TYPE`.
    ///
    /// # Errors
    /// What is wrong with the text.
    pub fn parse(text: &str) -> Result<Side, String> {
        if text == Side::TIME_DELTA {
            return Ok(Side::TimeDelta);
        }
        let (name, kind) = match text.rsplit_once(':') {
            None => (text, None),
            Some((name, kind)) => {
                let found = NAMES.iter().find(|(_, name)| *name == kind);
                let known = || NAMES.map(|(_, name)| name).join(", ");
                let unknown = || format!("no type \"{kind}\"; there are {}", known());
                (name, Some(found.ok_or_else(unknown)?.0))
            }
        };
        match name.is_empty() {
            true => Err("expected time_delta, or the name of a column of actions".to_owned()),
            false => Ok(Side::Column(SideColumn {
                name: name.to_owned(),
                kind,
            })),
        }
    }

    /// The text that names it.
    pub(crate) fn text(&self) -> String {
        let Side::Column(of) = self else {
            return Side::TIME_DELTA.to_owned();
        };
        let kind = NAMES.iter().find(|(kind, _)| Some(*kind) == of.kind);
        let kind = kind.map_or_else(String::new, |(_, name)| format!(":{name}"));
        format!("{}{kind}", of.name)
    }

    /// The column that tells it.
    pub fn column(&self) -> &str {
        match self {
            Side::TimeDelta => Side::TIME_DELTA,
            Side::Column(of) => &of.name,
        }
    }
}

impl SideColumn {
    /// What the column holds, once that is known.
    pub(crate) fn holds(&self) -> SideType {
        self.kind.unwrap_or(SideType::Float32)
    }
}

/// The columns of actions that are told.
pub(super) fn side_columns(settings: &Settings) -> Vec<&SideColumn> {
    let columns = settings.sides.iter().filter_map(|side| match side {
        Side::TimeDelta => None,
        Side::Column(column) => Some(column),
    });
    columns.collect()
}

/// What is told of actions is told once; columns that are have names of their own, and are few.
///
/// # Errors
/// If not, naming the column.
pub(super) fn check_sides(settings: &Settings) -> Checked<()> {
    for (at, side) in settings.sides.iter().enumerate() {
        let name = side.column();
        let is_it = |other: &str| other.eq_ignore_ascii_case(name);
        if settings.sides[..at].iter().any(|of| is_it(of.column())) {
            return Err(Error::settings(format!("--with names {name} twice")));
        }
        if settings.keep.iter().any(|keep| is_it(&keep.name)) {
            let what = format!("--with and --keep both have \"{name}\"");
            return Err(Error::settings(what));
        }
        let is_column = *side != Side::TimeDelta;
        if is_column && OURS.iter().any(|ours| is_it(ours)) {
            return Err(Error::settings(format!(
                "--with has \"{name}\", which is a column of the output already"
            )));
        }
    }
    let count = side_columns(settings).len();
    if count > SIDE_COLUMNS_MAX {
        return Err(Error::settings(format!(
            "--with names {count} columns of actions; it takes at most {SIDE_COLUMNS_MAX}"
        )));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sides_are_named_with_or_without_a_type() {
        for text in ["time_delta", "price", "price:float32", "a:b:int32"] {
            assert_eq!(
                Side::parse(text).map(|side| side.text()),
                Ok(text.to_owned())
            );
        }
        assert_eq!(Side::parse("time_delta"), Ok(Side::TimeDelta));
        for text in ["", ":int32", "price:double", "price:"] {
            assert!(Side::parse(text).is_err(), "{text}");
        }
    }
}
