//! How the CSV of a source is laid out: its delimiter, header, escape and comments.
//!
//! **In / Out**: the text of a setting → a value of one of these types. **Invariants**: a delimiter, a
//! comment and a header that cannot be told from other parts of a file are refused here, so that readers need
//! no check.

use serde::{Deserialize, Serialize};

/// What separates the fields of a record: one or more characters. `tab` and `\t` are a tab.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct Delimiter(String);

/// How lines begin that are no records.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct Comment(String);

/// The names of the columns of files without a header line. An empty name is of a column that nobody wants.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Names")]
pub struct Header(Vec<String>);

/// How a quote is written inside of quotes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Escape {
    /// Doubled.
    #[serde(rename = "\"")]
    Quote,
    /// Behind a backslash, which is doubled where it is itself.
    #[serde(rename = "\\")]
    Backslash,
}

/// One name, or several.
#[derive(Deserialize)]
#[serde(untagged)]
enum Names {
    One(String),
    Several(Vec<String>),
}

impl Delimiter {
    /// A delimiter.
    ///
    /// # Errors
    /// If it is empty, or holds a quote, a line end or the byte 0x1F.
    pub fn new(text: &str) -> Result<Delimiter, String> {
        let text = match text {
            "tab" | "\\t" => "\t",
            text => text,
        };
        if text.is_empty() || text.contains(['"', '\n', '\r', '\x1f']) {
            return Err(format!(
                "{text:?} is no delimiter; it takes characters such as ';', '|', '::' or tab, and no quotes"
            ));
        }
        Ok(Delimiter(text.to_owned()))
    }

    /// The characters.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Delimiter {
    type Error = String;

    fn try_from(text: String) -> Result<Delimiter, String> {
        Delimiter::new(&text)
    }
}

impl Comment {
    /// The beginning of a line.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Comment {
    type Error = String;

    fn try_from(text: String) -> Result<Comment, String> {
        if text.is_empty() || text.contains(['"', '\n', '\r']) {
            return Err(format!(
                "{text:?} begins no line of a comment; it takes characters such as '#' or '//', and no quotes"
            ));
        }
        Ok(Comment(text))
    }
}

impl Header {
    /// The columns of a file, in order.
    ///
    /// # Errors
    /// If there are none, or two have one name.
    pub fn new(names: Vec<String>) -> Result<Header, String> {
        if names.iter().all(String::is_empty) {
            return Err("a header takes the names of all columns, in order".to_owned());
        }
        for (at, name) in names.iter().enumerate() {
            if !name.is_empty() && names[..at].contains(name) {
                return Err(format!("\"{name}\" is there twice"));
            }
        }
        Ok(Header(names))
    }

    /// The names.
    pub fn names(&self) -> &[String] {
        &self.0
    }
}

impl TryFrom<Names> for Header {
    type Error = String;

    fn try_from(names: Names) -> Result<Header, String> {
        Header::new(match names {
            Names::One(name) => vec![name],
            Names::Several(names) => names,
        })
    }
}
