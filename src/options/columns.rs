//! Columns of inputs that the output has beside its own: of impressions, carried through (`--keep`),
//! and of actions, each value beside its action of a history (`--with`).

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::words::{value_of, word_of, words};

/// The most columns of actions beside histories.
pub(crate) const ATTRIBUTE_COLUMNS_MAX: usize = 4;

/// What a carried column holds. Each value may be null.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PassthroughType {
    /// Integers of 32 bits.
    Int32,
    /// Integers of 64 bits.
    Int64,
    /// Numbers.
    Double,
    /// Texts.
    #[serde(rename = "string")]
    Text,
    /// Truth values.
    Boolean,
    /// Times.
    #[serde(rename = "timestamp")]
    Time,
}

/// What a column beside histories holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AttributeType {
    /// Integers of 32 bits; 0 for a null.
    Int32,
    /// Numbers of 32 bits, rounded to the nearest; NaN for a null.
    Float32,
}

/// A column of impressions that is carried through.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Passthrough {
    /// Its name in the files and in the output.
    pub name: String,
    /// Whether it is a field of the shown items, not of the impression.
    pub of_items: bool,
    /// What it holds, or `None`: what Parquet files say, text where there are none.
    pub kind: Option<PassthroughType>,
}

/// What is told of each action of a history beside its item and its type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Attribute {
    /// How long before the cutoff it happened, in seconds.
    TimeDelta,
    /// What a column of the actions holds.
    Column(AttributeColumn),
}

/// A column of actions that is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttributeColumn {
    /// Its name in the output, and in the files of sources that do not rename it.
    pub name: String,
    /// What it holds, or `None`: what Parquet files say, numbers where there are none.
    pub kind: Option<AttributeType>,
}

/// The column that a text names as `NAME` or `NAME:TYPE`.
fn parse_column<T: DeserializeOwned>(text: &str) -> Result<(&str, Option<T>), String> {
    let Some((name, word)) = text.rsplit_once(':') else {
        return Ok((text, None));
    };
    let unknown = || format!("no type \"{word}\"; there are {}", words::<T>().join(", "));
    Ok((name, Some(value_of(word).ok_or_else(unknown)?)))
}

/// The text that names a column.
fn column_text<T: Serialize>(name: &str, kind: Option<T>) -> String {
    match kind {
        None => name.to_owned(),
        Some(kind) => format!("{name}:{}", word_of(&kind)),
    }
}

impl Passthrough {
    /// What the name of a field of the shown items begins with.
    const OF_ITEMS: &str = "item.";

    /// The column that a text names: `NAME`, `item.NAME`, each perhaps with `:TYPE`.
    ///
    /// # Errors
    /// What is wrong with the text.
    pub fn parse(text: &str) -> Result<Passthrough, String> {
        let (name, kind) = parse_column(text)?;
        let inner = name.strip_prefix(Passthrough::OF_ITEMS);
        let (name, of_items) = (inner.unwrap_or(name), inner.is_some());
        match name.is_empty() {
            true => Err("expected the name of a column".to_owned()),
            false => Ok(Passthrough {
                name: name.to_owned(),
                of_items,
                kind,
            }),
        }
    }

    /// The text that names the column.
    pub(crate) fn text(&self) -> String {
        let prefix = if self.of_items {
            Passthrough::OF_ITEMS
        } else {
            ""
        };
        format!("{prefix}{}", column_text(&self.name, self.kind))
    }

    /// What the column holds, once that is known.
    pub(crate) fn holds(&self) -> PassthroughType {
        self.kind.unwrap_or(PassthroughType::Text)
    }
}

impl Attribute {
    /// The name of the column that tells how long before the cutoff an action was.
    const TIME_DELTA: &str = "time_delta";

    /// What a text names: `time_delta`, or a column as `NAME` or `NAME:TYPE`.
    ///
    /// # Errors
    /// What is wrong with the text.
    pub fn parse(text: &str) -> Result<Attribute, String> {
        if text == Attribute::TIME_DELTA {
            return Ok(Attribute::TimeDelta);
        }
        let (name, kind) = parse_column(text)?;
        match name.is_empty() {
            true => Err("expected time_delta, or the name of a column of actions".to_owned()),
            false => Ok(Attribute::Column(AttributeColumn {
                name: name.to_owned(),
                kind,
            })),
        }
    }

    /// The text that names it.
    pub(crate) fn text(&self) -> String {
        match self {
            Attribute::TimeDelta => Attribute::TIME_DELTA.to_owned(),
            Attribute::Column(column) => column_text(&column.name, column.kind),
        }
    }

    /// The column that tells it.
    pub fn column(&self) -> &str {
        match self {
            Attribute::TimeDelta => Attribute::TIME_DELTA,
            Attribute::Column(column) => &column.name,
        }
    }
}

impl AttributeColumn {
    /// What the column holds, once that is known.
    pub(crate) fn holds(&self) -> AttributeType {
        self.kind.unwrap_or(AttributeType::Float32)
    }
}

/// Has serde write a type as its text, and parse it.
macro_rules! as_text {
    ($($name:ty),+) => {$(
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                to.serialize_str(&self.text())
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(from: D) -> Result<$name, D::Error> {
                let text = String::deserialize(from)?;
                <$name>::parse(&text).map_err(de::Error::custom)
            }
        }
    )+};
}

as_text!(Passthrough, Attribute, super::ItemVocabulary);

/// The columns of the output, in any layout and with any options.
pub(crate) const OURS: [&str; 14] = [
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_named_with_or_without_a_type() {
        for text in ["surface", "item.is_click:boolean", "a:b:int32", "item.x"] {
            assert_eq!(
                Passthrough::parse(text).map(|keep| keep.text()),
                Ok(text.to_owned())
            );
        }
        for text in ["", "item.", "surface:text", ":int32"] {
            assert!(Passthrough::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn sides_are_named_with_or_without_a_type() {
        for text in ["time_delta", "price", "price:float32", "a:b:int32"] {
            assert_eq!(
                Attribute::parse(text).map(|side| side.text()),
                Ok(text.to_owned())
            );
        }
        assert_eq!(Attribute::parse("time_delta"), Ok(Attribute::TimeDelta));
        for text in ["", ":int32", "price:double", "price:"] {
            assert!(Attribute::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_type_that_there_is_not_is_told_with_those_that_there_are() {
        let told = Passthrough::parse("surface:text");
        let known = "int32, int64, double, string, boolean, timestamp";
        assert_eq!(told, Err(format!("no type \"text\"; there are {known}")));
        let told = Attribute::parse("price:double").expect_err("no such type");
        assert_eq!(told, "no type \"double\"; there are int32, float32");
    }
}
