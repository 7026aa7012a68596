//! Columns that a job adds to the output: passthrough columns of impressions (`--keep`), and attributes
//! of the actions in histories (`--with`).

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::words::{value_of, word_of, words};

/// The most attribute columns.
// Each action passes its attributes through the scan as an array of this length, whether or not a
// job uses all of it.
pub(crate) const ATTRIBUTE_COLUMNS_MAX: usize = 4;

/// The type of a passthrough column. All are nullable.
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

/// The type of an attribute column.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AttributeType {
    /// Integers of 32 bits; 0 for a null.
    Int32,
    /// Numbers of 32 bits, rounded to the nearest; NaN for a null.
    Float32,
}

/// A column of impressions that is copied to the output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Passthrough {
    /// Its name in the files and in the output.
    pub name: String,
    /// Whether it is a field of the items of an impression, not of the impression itself.
    pub of_items: bool,
    /// Its type; `None` is the type in Parquet files, or text if there are none.
    pub kind: Option<PassthroughType>,
}

/// A column of impressions or listings that `features` copies to the output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptColumn {
    /// The column; it is of no items.
    pub column: Passthrough,
    /// Whether it is a column of listings, not of impressions.
    pub of_listings: bool,
}

/// A value that each action of a history has in the output, besides its item and type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Attribute {
    /// Seconds from the action to the cutoff.
    TimeDelta,
    /// Seconds from 1970 to the action.
    Time,
    /// A column of the actions.
    Column(AttributeColumn),
}

/// A column of actions whose values are added to histories.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttributeColumn {
    /// Its name in the output, and in the files of sources that do not rename it.
    pub name: String,
    /// Its type; `None` is the type in Parquet files, or float32 if there are none.
    pub kind: Option<AttributeType>,
}

/// Parses `NAME` or `NAME:TYPE`.
fn parse_column<T: DeserializeOwned>(text: &str) -> Result<(&str, Option<T>), String> {
    // The last one: names of columns may hold colons.
    let Some((name, word)) = text.rsplit_once(':') else {
        return Ok((text, None));
    };
    let unknown = || format!("no type \"{word}\"; there are {}", words::<T>().join(", "));
    Ok((name, Some(value_of(word).ok_or_else(unknown)?)))
}

/// The inverse of [`parse_column`].
fn column_text<T: Serialize>(name: &str, kind: Option<T>) -> String {
    match kind {
        None => name.to_owned(),
        Some(kind) => format!("{name}:{}", word_of(&kind)),
    }
}

impl Passthrough {
    /// The prefix of a field of items.
    const OF_ITEMS: &str = "item.";

    /// Parses `NAME` or `item.NAME`, optionally with `:TYPE`.
    ///
    /// # Errors
    /// What is wrong with the text.
    pub fn parse(text: &str) -> Result<Passthrough, String> {
        let (name, kind) = parse_column(text)?;
        let inner = name.strip_prefix(Passthrough::OF_ITEMS);
        let (name, of_items) = (inner.unwrap_or(name), inner.is_some());
        if name.is_empty() {
            return Err("expected the name of a column".to_owned());
        }
        Ok(Passthrough {
            name: name.to_owned(),
            of_items,
            kind,
        })
    }

    /// The text that [`Passthrough::parse`] reads.
    pub(crate) fn text(&self) -> String {
        let prefix = if self.of_items {
            Passthrough::OF_ITEMS
        } else {
            ""
        };
        format!("{prefix}{}", column_text(&self.name, self.kind))
    }

    /// The type, once the files have been looked at.
    pub(crate) fn holds(&self) -> PassthroughType {
        self.kind.unwrap_or(PassthroughType::Text)
    }
}

impl KeptColumn {
    /// The prefix of a column of listings.
    const OF_LISTINGS: &str = "listing.";

    /// Parses `NAME` or `listing.NAME`, optionally with `:TYPE`.
    ///
    /// # Errors
    /// What is wrong with the text.
    pub fn parse(text: &str) -> Result<KeptColumn, String> {
        let inner = text.strip_prefix(KeptColumn::OF_LISTINGS);
        let (name, kind) = parse_column(inner.unwrap_or(text))?;
        if name.is_empty() {
            return Err("expected the name of a column".to_owned());
        }
        Ok(KeptColumn {
            column: Passthrough {
                name: name.to_owned(),
                of_items: false,
                kind,
            },
            of_listings: inner.is_some(),
        })
    }

    /// The text that [`KeptColumn::parse`] reads.
    pub(crate) fn text(&self) -> String {
        let prefix = if self.of_listings {
            KeptColumn::OF_LISTINGS
        } else {
            ""
        };
        let Passthrough { name, kind, .. } = &self.column;
        format!("{prefix}{}", column_text(name, *kind))
    }
}

impl Attribute {
    /// The name of [`Attribute::TimeDelta`], in flags and in the output.
    const TIME_DELTA: &str = "time_delta";
    /// The name of [`Attribute::Time`], in flags and in the output.
    const TIME: &str = "time";

    /// Parses `time_delta`, `time`, `NAME` or `NAME:TYPE`.
    ///
    /// # Errors
    /// What is wrong with the text.
    pub fn parse(text: &str) -> Result<Attribute, String> {
        match text {
            Attribute::TIME_DELTA => return Ok(Attribute::TimeDelta),
            Attribute::TIME => return Ok(Attribute::Time),
            _ => {}
        }
        let (name, kind) = parse_column(text)?;
        if name.is_empty() {
            return Err("expected time_delta, time, or the name of a column of actions".to_owned());
        }
        Ok(Attribute::Column(AttributeColumn {
            name: name.to_owned(),
            kind,
        }))
    }

    /// The text that [`Attribute::parse`] reads.
    pub(crate) fn text(&self) -> String {
        match self {
            Attribute::TimeDelta => Attribute::TIME_DELTA.to_owned(),
            Attribute::Time => Attribute::TIME.to_owned(),
            Attribute::Column(column) => column_text(&column.name, column.kind),
        }
    }

    /// The name of its column in the output.
    pub fn column(&self) -> &str {
        match self {
            Attribute::TimeDelta => Attribute::TIME_DELTA,
            Attribute::Time => Attribute::TIME,
            Attribute::Column(column) => &column.name,
        }
    }
}

impl AttributeColumn {
    /// The type, once the files have been looked at.
    pub(crate) fn holds(&self) -> AttributeType {
        self.kind.unwrap_or(AttributeType::Float32)
    }
}

/// Implements serde for types that are written as a text.
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

as_text!(Passthrough, KeptColumn, Attribute, super::ItemVocabulary);

/// The name of a column in the output, given the columns that have other names there.
pub(crate) fn published_name<'a>(rename: &'a [(String, String)], name: &'a str) -> &'a str {
    let other = rename.iter().find(|(own, _)| own == name);
    other.map_or(name, |(_, other)| other)
}

/// All columns that the output of `sequences` may have without added columns.
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

/// All columns that the output of `features` has without added columns, but for those of windows.
pub(crate) const OURS_OF_FEATURES: [&str; 11] = [
    "impression_id",
    "user_id",
    "listing_id",
    "impression_ts",
    "category",
    "price",
    "listing_age_days",
    "prior_listing_clicks",
    "prior_user_clicks",
    "clicked",
    "label_complete",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kept_columns_are_of_impressions_or_of_listings() {
        for text in [
            "surface",
            "listing.title",
            "listing.rank:int32",
            "listings:int64",
        ] {
            let parsed = KeptColumn::parse(text).expect("a column");
            assert_eq!(parsed.text(), text);
            assert_eq!(parsed.of_listings, text.starts_with("listing."));
        }
        for text in ["", "listing.", "surface:text"] {
            assert!(KeptColumn::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn columns_are_named_with_or_without_a_type() {
        for text in ["surface", "item.is_click:boolean", "a:b:int32", "item.x"] {
            assert_eq!(
                Passthrough::parse(text).map(|column| column.text()),
                Ok(text.to_owned())
            );
        }
        for text in ["", "item.", "surface:text", ":int32"] {
            assert!(Passthrough::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn attributes_are_named_with_or_without_a_type() {
        for text in ["time_delta", "price", "price:float32", "a:b:int32"] {
            assert_eq!(
                Attribute::parse(text).map(|attribute| attribute.text()),
                Ok(text.to_owned())
            );
        }
        assert_eq!(Attribute::parse("time_delta"), Ok(Attribute::TimeDelta));
        assert_eq!(Attribute::parse("time"), Ok(Attribute::Time));
        for text in ["", ":int32", "price:double", "price:"] {
            assert!(Attribute::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn an_unknown_type_gives_the_known_ones() {
        let error = Passthrough::parse("surface:text");
        let known = "int32, int64, double, string, boolean, timestamp";
        assert_eq!(error, Err(format!("no type \"text\"; there are {known}")));
        let error = Attribute::parse("price:double").expect_err("no such type");
        assert_eq!(error, "no type \"double\"; there are int32, float32");
    }
}
