//! How the files of one source are read, where that differs from the rest of the job.
//!
//! **In / Out**: `SOURCE.KEY=VALUE` of the command line, or the keys of a source in a job file → a
//! [`SourceSettings`]. **Invariants**: a key is a field of that type, and serde reads and writes it; a new
//! setting of a source is a new field here and the place that uses it.

use serde::de::value::SeqAccessDeserializer;
use serde::de::{SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value, json};

use super::text_layout::{Comment, Delimiter, Escape, Header};
use super::words::fields;
use super::{DayPattern, Format, Source, TimeUnit};

/// How the files of one source are read. What is `None` is as the job says for all sources.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SourceSettings {
    /// The format of its files.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub format: Option<Format>,
    /// The unit of its integer times.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time_unit: Option<TimeUnit>,
    /// The format of its times that are text, as strptime has it. Times in other forms that are read anyway
    /// are read too.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time_format: Option<String>,
    /// The IANA name of the zone of its times without an offset. Days are cut in the zone of the job.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timezone: Option<String>,
    /// Values of its text files that mean null.
    #[serde(
        skip_serializing_if = "Option::is_none",
        deserialize_with = "one_or_several"
    )]
    pub null_values: Option<Vec<String>>,
    /// Where the paths of its files tell a day; `None` is a folder `dt=`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub day_from: Option<DayPattern>,
    /// The column of lists whose elements are the rows; `None` if records are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub explode: Option<String>,
    /// What stands between the items of an impression in a text, such as `|`, or between the elements of a list
    /// that is exploded; a blank stands for any run of blanks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub item_separator: Option<String>,
    /// What stands between an item, or an element, and its label in a text, at its last occurrence.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label_separator: Option<String>,
    /// What separates the fields of its CSV, or `None` to detect it from the header.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delimiter: Option<Delimiter>,
    /// The columns of its CSV, whose files have no header line.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub header: Option<Header>,
    /// How a quote is written inside of quotes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub escape: Option<Escape>,
    /// How lines of its CSV begin that are no records.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub comment: Option<Comment>,
}

impl SourceSettings {
    /// The names of all keys.
    pub fn keys() -> &'static [&'static str] {
        fields::<SourceSettings>()
    }

    /// Settings of one key. A value of several texts is for a key that takes a list.
    ///
    /// # Errors
    /// What is wrong with the key or the values.
    pub fn one(key: &str, values: Vec<String>) -> Result<SourceSettings, String> {
        if !SourceSettings::keys().contains(&key) {
            let known = SourceSettings::keys().join(", ");
            return Err(format!(
                "\"{key}\" is no setting of a source; there are {known}"
            ));
        }
        // These may have commas, and there is one of a source.
        let values = match key {
            "time_format" | "item_separator" | "label_separator" => vec![values.join(",")],
            _ => values,
        };
        let value = match <[String; 1]>::try_from(values) {
            Ok([one]) => json!(one),
            Err(several) => json!(several),
        };
        let members = Map::from_iter([(key.to_owned(), value)]);
        let settings = SourceSettings::deserialize(Value::Object(members));
        settings.map_err(|error| format!("{key}: {error}"))
    }

    /// These settings, and those of `other` where these have none.
    #[must_use]
    pub fn or(&self, other: &SourceSettings) -> SourceSettings {
        SourceSettings {
            format: self.format.or(other.format),
            time_unit: self.time_unit.or(other.time_unit),
            time_format: self
                .time_format
                .clone()
                .or_else(|| other.time_format.clone()),
            timezone: self.timezone.clone().or_else(|| other.timezone.clone()),
            null_values: self
                .null_values
                .clone()
                .or_else(|| other.null_values.clone()),
            day_from: self.day_from.clone().or_else(|| other.day_from.clone()),
            explode: self.explode.clone().or_else(|| other.explode.clone()),
            item_separator: self
                .item_separator
                .clone()
                .or_else(|| other.item_separator.clone()),
            label_separator: self
                .label_separator
                .clone()
                .or_else(|| other.label_separator.clone()),
            delimiter: self.delimiter.clone().or_else(|| other.delimiter.clone()),
            header: self.header.clone().or_else(|| other.header.clone()),
            escape: self.escape.or(other.escape),
            comment: self.comment.clone().or_else(|| other.comment.clone()),
        }
    }
}

/// Adds settings of a source to a list; those that are there before stay.
pub(crate) fn add_settings(
    list: &mut Vec<(Source, SourceSettings)>,
    source: Source,
    settings: &SourceSettings,
) {
    match list.iter_mut().find(|(named, _)| *named == source) {
        Some((_, first)) => *first = first.or(settings),
        None => list.push((source, settings.clone())),
    }
}

/// Keys whose value may be a comma.
const COMMA_KEYS: [&str; 2] = ["delimiter", "comment"];

/// Parses `SOURCE.KEY=VALUE`; of keys that take a list, values are separated by commas.
///
/// # Errors
/// What is wrong with the text.
#[doc(hidden)]
pub fn source_setting(text: &str) -> Result<(Source, SourceSettings), String> {
    let expected = "expected SOURCE.KEY=VALUE";
    let (name, value) = text.split_once('=').ok_or(expected)?;
    let (source, key) = name.split_once('.').ok_or(expected)?;
    let source =
        Source::named(source).ok_or_else(|| format!("\"{source}\" is no name of a source"))?;
    let values = if COMMA_KEYS.contains(&key) {
        vec![value.to_owned()]
    } else {
        value.split(',').map(str::to_owned).collect()
    };
    Ok((source, SourceSettings::one(key, values)?))
}

/// Reads one text as a list of one.
fn one_or_several<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Vec<String>>, D::Error> {
    /// Takes a text or a list of texts.
    struct Texts;

    impl<'de> Visitor<'de> for Texts {
        type Value = Option<Vec<String>>;

        fn expecting(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            out.write_str("a text, or a list of texts")
        }

        fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
            Ok(Some(vec![text.to_owned()]))
        }

        fn visit_seq<A: SeqAccess<'de>>(self, texts: A) -> Result<Self::Value, A::Error> {
            Vec::deserialize(SeqAccessDeserializer::new(texts)).map(Some)
        }
    }

    from.deserialize_any(Texts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_setting_is_given_by_source_and_key() {
        let parsed = |text: &str| source_setting(text).expect("a setting");
        let (source, settings) = parsed("clicks.time_unit=ms");
        assert_eq!(
            (source, settings.time_unit),
            (Source::Clicks, Some(TimeUnit::Milli))
        );
        assert_eq!(
            parsed("views.null_values=NULL,\\N").1.null_values,
            Some(vec!["NULL".to_owned(), "\\N".to_owned()])
        );
        assert_eq!(
            parsed("views.null_values=").1.null_values,
            Some(vec![String::new()])
        );
        assert_eq!(
            parsed("impressions.item_separator=,").1.item_separator,
            Some(",".to_owned())
        );
        assert_eq!(
            parsed("views.time_format=%b %d, %Y").1.time_format,
            Some("%b %d, %Y".to_owned())
        );
        assert_eq!(
            parsed("views.header=user,,time").1.header,
            Header::new(["user", "", "time"].map(str::to_owned).to_vec()).ok()
        );
        for (text, delimiter) in [("\\t", "\t"), ("tab", "\t"), (",", ","), ("::", "::")] {
            let (_, settings) = parsed(&format!("views.delimiter={text}"));
            let found = settings.delimiter.expect("a delimiter");
            assert_eq!(found.as_str(), delimiter);
        }
        for (text, said) in [
            ("clicks.delimiter=", "no delimiter"),
            ("clicks.delimiter=\"", "no delimiter"),
            ("clicks.header=a,a", "twice"),
            ("clicks.escape=x", "`\\`"),
            ("clicks.comment=", "begins no line"),
            ("clicks.time_unit", "SOURCE.KEY=VALUE"),
            ("time_unit=ms", "SOURCE.KEY=VALUE"),
            ("c c.time_unit=ms", "no name of a source"),
            ("clicks.unit=ms", "time_unit, time_format, timezone"),
            ("clicks.time_unit=min", "`ms`"),
            ("clicks.timezone=UTC,CET", "sequence"),
        ] {
            let error = source_setting(text).expect_err(text);
            assert!(error.contains(said), "{text}: {error}");
        }
    }

    #[test]
    fn the_first_setting_of_a_key_counts() {
        let mut list = Vec::new();
        for text in [
            "a.time_unit=s",
            "a.time_unit=ms",
            "b.time_unit=us",
            "a.format=csv",
        ] {
            let (source, settings) = source_setting(text).expect("a setting");
            add_settings(&mut list, source, &settings);
        }
        let texts: Vec<String> = list
            .iter()
            .map(|(_, settings)| json!(settings).to_string())
            .collect();
        assert_eq!(
            texts,
            [
                r#"{"format":"csv","time_unit":"s"}"#,
                r#"{"time_unit":"us"}"#
            ]
        );
    }
}
