//! The job kinds, the sources that each reads, and the columns of these.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::words::{value_of, words};

/// What a job makes of its logs. Each kind has its own sources and columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum JobKind {
    /// The actions before each impression.
    Sequences,
    /// Counts of clicks before each impression, and whether one followed.
    Features,
    /// How long users stayed with each merchant.
    Dwell,
}

impl JobKind {
    /// All job kinds.
    pub const ALL: [JobKind; 3] = [JobKind::Sequences, JobKind::Features, JobKind::Dwell];

    /// The name of the command, which manifests use too.
    pub fn name(self) -> &'static str {
        // Serde has the words in the order of declaration, which is that of the discriminants.
        words::<JobKind>()[self as usize]
    }

    /// The job kind of a name.
    pub fn named(name: &str) -> Option<JobKind> {
        value_of(name)
    }

    /// The name of the column of the day, by which the output is divided into folders.
    pub(crate) fn day_column(self) -> &'static str {
        match self {
            JobKind::Sequences => "dt",
            JobKind::Features | JobKind::Dwell => "date",
        }
    }

    /// The default sources, in the order in which they are read and reported.
    pub fn sources(self) -> &'static [Source] {
        match self {
            JobKind::Sequences => &[
                Source::Impressions,
                Source::Clicks,
                Source::Carts,
                Source::Orders,
            ],
            JobKind::Features => &[Source::Impressions, Source::Clicks, Source::Listings],
            JobKind::Dwell => &[Source::Events],
        }
    }
}

/// One of the inputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
// The derived order is that of files and of tasks, so it decides which of several faults is
// reported first, and the order of warnings and of rejected rows.
pub enum Source {
    /// Items, or a listing, shown to a customer.
    Impressions,
    /// Clicks on items, or on listings.
    Clicks,
    /// Items put into carts.
    Carts,
    /// Items ordered.
    Orders,
    /// Listings and their attributes.
    Listings,
    /// What users did with flyers.
    Events,
    /// Actions of a log that the job declares (`sequences`).
    Log(LogName),
}

/// The name of a log that a job declares: an ASCII letter, then letters, digits, `_` and `-`, at most
/// 31 in all. It is stored inline, so that a [`Source`] is `Copy`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct LogName {
    /// The text, padded with zeros.
    // Interned names would be a leak, or a table to pass around. Padding with zeros keeps the
    // derived order that of the texts.
    bytes: [u8; LogName::BYTES_MAX],
}

impl LogName {
    /// The longest name.
    // With its tag, a `Source` has 32 bytes.
    const BYTES_MAX: usize = 31;

    /// The name of this text, if it is a valid name.
    fn new(text: &str) -> Option<LogName> {
        let is_inner = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
        let starts = text.starts_with(|first: char| first.is_ascii_alphabetic());
        if !starts || !text.bytes().all(is_inner) {
            return None;
        }
        let mut bytes = [0; LogName::BYTES_MAX];
        bytes
            // `None` if the text is too long.
            .get_mut(..text.len())?
            .copy_from_slice(text.as_bytes());
        Some(LogName { bytes })
    }

    /// The text of the name.
    fn text(&self) -> &str {
        // `new` takes no zero byte, so the first one is padding.
        let end = self.bytes.iter().position(|byte| *byte == 0);
        let text = &self.bytes[..end.unwrap_or(LogName::BYTES_MAX)];
        std::str::from_utf8(text).expect("a name is ASCII")
    }
}

impl Serialize for Source {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for Source {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Source, D::Error> {
        let name = String::deserialize(from)?;
        Source::named(&name).ok_or_else(|| de::Error::custom("this is no name of a source"))
    }
}

impl fmt::Debug for LogName {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.text().fmt(out)
    }
}

impl Source {
    /// The default sources of all job kinds.
    pub const ALL: [Source; 6] = [
        Source::Impressions,
        Source::Clicks,
        Source::Carts,
        Source::Orders,
        Source::Listings,
        Source::Events,
    ];
    /// The default sources of actions.
    pub const ACTIONS: [Source; 3] = [Source::Clicks, Source::Carts, Source::Orders];

    /// The name in flags and messages.
    pub fn name(&self) -> &str {
        match self {
            Source::Impressions => "impressions",
            Source::Clicks => "clicks",
            Source::Carts => "carts",
            Source::Orders => "orders",
            Source::Listings => "listings",
            Source::Events => "events",
            Source::Log(name) => name.text(),
        }
    }

    /// The name of its folder or file in the input folder.
    pub fn folder(&self) -> &str {
        match self {
            Source::Carts => "add_to_carts",
            Source::Orders => "previous_orders",
            _ => self.name(),
        }
    }

    /// The source of a name: a default source, or else a log that a job may declare. `None` if the text
    /// is not a valid name.
    pub fn named(name: &str) -> Option<Source> {
        let known = Source::ALL.into_iter().find(|source| source.name() == name);
        known.or_else(|| LogName::new(name).map(Source::Log))
    }

    /// Whether `sequences` reads it only if a job declares it. That includes names of sources of other
    /// job kinds.
    pub fn is_declared(&self) -> bool {
        !Source::ACTIONS.contains(self) && *self != Source::Impressions
    }

    /// Our name in this source of actions of what is called `ours` in impressions.
    pub(crate) fn column_of_impressions<'a>(&self, ours: &'a str) -> &'a str {
        match (self, ours) {
            (Source::Carts | Source::Orders, "item_id") => "config_id",
            (Source::Clicks, "impression_time") => "click_time",
            (Source::Carts | Source::Orders, "impression_time") => "occurred_at",
            (_, "impression_time") => "time",
            (_, other) => other,
        }
    }

    /// Our names of the columns that a job kind reads; empty if it does not read the source.
    pub fn columns(self, job_kind: JobKind) -> &'static [&'static str] {
        match (job_kind, self) {
            (JobKind::Sequences, Source::Impressions) => &[
                "dt",
                "ranking_id",
                "customer_id",
                "impressions",
                "impression_time",
                "item_id",
                "is_order",
                "labels",
                "clicked",
                "position",
            ],
            (JobKind::Sequences, Source::Clicks) => &["customer_id", "item_id", "click_time"],
            (JobKind::Sequences, Source::Carts) => &["customer_id", "config_id", "occurred_at"],
            (JobKind::Sequences, Source::Orders) => {
                &["customer_id", "config_id", "occurred_at", "order_date"]
            }
            (JobKind::Sequences, source) if source.is_declared() => {
                &["customer_id", "item_id", "time", "time_else"]
            }
            (JobKind::Features, Source::Impressions) => {
                &["impression_id", "user_id", "listing_id", "impression_ts"]
            }
            (JobKind::Features, Source::Clicks) => &["user_id", "listing_id", "click_ts"],
            (JobKind::Features, Source::Listings) => {
                &["listing_id", "category", "price", "created_ts"]
            }
            (JobKind::Dwell, Source::Events) => {
                &["timestamp", "user_id", "event", "flyer_id", "merchant_id"]
            }
            _ => &[],
        }
    }

    /// A column that identifies CSV of this source, if the name of the file does not.
    pub(crate) fn telling_column(self, job_kind: JobKind) -> &'static str {
        match job_kind {
            JobKind::Sequences => "customer_id",
            JobKind::Features => "listing_id",
            JobKind::Dwell => "user_id",
        }
    }
}

/// Parses `SOURCE.NAME=COLUMN`: our column NAME is called COLUMN in the files.
///
/// # Errors
/// What is wrong with the text.
#[doc(hidden)]
pub fn renamed_column(text: &str) -> Result<(Source, String, String), String> {
    let expected = "expected SOURCE.NAME=COLUMN";
    let (ours, theirs) = text.split_once('=').ok_or(expected)?;
    let (source, name) = ours.split_once('.').ok_or(expected)?;
    if theirs.is_empty() {
        return Err("expected a column after the =".to_owned());
    }
    let source =
        Source::named(source).ok_or_else(|| format!("\"{source}\" is no name of a source"))?;
    Ok((source, name.to_owned(), theirs.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_is_renamed_by_source_and_name() {
        let renamed = (Source::Clicks, "item_id".to_owned(), "a=b.c".to_owned());
        assert_eq!(renamed_column("clicks.item_id=a=b.c"), Ok(renamed));
        for text in [
            "item_id=sku",
            "clicks.item_id",
            "clicks.item_id=",
            "c c.item_id=sku",
        ] {
            assert!(renamed_column(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_name_is_short_and_plain() {
        let longest = "a".repeat(31);
        for name in ["views", "a", "Add-to_cart2", &longest] {
            let source = Source::named(name).expect("a name");
            assert!(matches!(source, Source::Log(_)), "{name}");
            assert_eq!((source.name(), source.folder()), (name, name));
        }
        for name in [
            "",
            "2views",
            "_views",
            "a b",
            "a.b",
            "a/b",
            "ä",
            &"a".repeat(32),
        ] {
            assert_eq!(Source::named(name), None, "{name}");
        }
        assert_eq!(Source::named("carts"), Some(Source::Carts));
        assert!(
            Source::named("a") < Source::named("aa"),
            "in the order of texts"
        );
    }
}
