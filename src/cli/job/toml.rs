//! TOML to a job file.

use std::path::{Path, PathBuf};

use ::toml::Spanned;
use ::toml::de::{DeTable, DeValue};
use hitherto::{Day, JobKind, OtherTypes, Source, SourceSettings, Types, parse_day};
use serde_json::Value;

use super::sources::FileSource;
use super::{FileKey, JobFile, refuse, unknown};
use crate::cli::values::duration;

/// The keys of a source of any job.
const SOURCE_KEYS: [&str; 3] = ["path", "files_from", "columns"];
/// The further keys of a source of actions.
const ACTION_KEYS: [&str; 7] = [
    "type",
    "type_column",
    "types",
    "other_types",
    "where",
    "embargo",
    "available",
];

/// A file while it is read.
struct Reader<'t> {
    /// Its name, for messages.
    name: &'t str,
    /// The folder that its relative paths start at.
    base: &'t Path,
    /// The text.
    text: &'t str,
}

/// A key and its value.
#[derive(Clone, Copy)]
struct TomlEntry<'a, 't> {
    key: &'a str,
    value: &'a Spanned<DeValue<'t>>,
}

/// Reads a job file.
///
/// # Errors
/// If it is no TOML, or a key of its own or of a source has a value that it does not take.
pub(super) fn parse(name: String, base: PathBuf, text: &str) -> hitherto::Result<JobFile> {
    let reader = Reader {
        name: &name,
        base: &base,
        text,
    };
    let table = DeTable::parse(text).map_err(|error| {
        let at = error.span().map_or(0, |span| span.start);
        refuse(format!(
            "{}: {}",
            reader.place(at),
            error.message().replace('\n', ", ")
        ))
    })?;
    let (mut job_kind, mut days) = (None, Vec::new());
    let (mut keys, mut sources) = (Vec::new(), Vec::new());
    for (key, value) in table.get_ref() {
        let place = reader.place(key.span().start);
        let entry = TomlEntry {
            key: key.get_ref(),
            value,
        };
        match entry.key {
            "job" => job_kind = Some(reader.job_kind(entry)?),
            "days" => days = reader.days(entry)?,
            "sources" => {
                for (key, value) in reader.table(entry)? {
                    let key = key.get_ref();
                    sources.push(reader.source(TomlEntry { key, value })?);
                }
            }
            "impressions_from" if entry.value.get_ref().is_table() => {
                keys.extend(reader.impressions_from(entry)?);
            }
            name => keys.push(FileKey {
                name: name.to_owned(),
                place,
                values: reader.texts(entry)?,
            }),
        }
    }
    // The parser orders tables by name; settings go by the order of `Source`.
    sources.sort_by_key(|entry| entry.source);
    check_dir(&keys, &sources)?;
    Ok(JobFile {
        name,
        base,
        job_kind,
        days,
        keys,
        sources,
    })
}

/// Checks that a file with the folder of all sources names no other files: these would be ignored.
fn check_dir(keys: &[FileKey], sources: &[FileSource]) -> hitherto::Result<()> {
    let dir = keys.iter().find(|key| key.name == "dir");
    let has_files = |entry: &&FileSource| !entry.paths.is_empty() || entry.files_from.is_some();
    match (dir, sources.iter().find(has_files)) {
        (Some(dir), Some(entry)) => Err(refuse(format!(
            "{}: \"dir\" is the folder of all sources, so [sources.{}] takes no path and no files_from; \
             leave out one of them",
            dir.place,
            entry.name()
        ))),
        _ => Ok(()),
    }
}

/// The keys of a source that say the types of its actions.
#[derive(Default)]
struct TypeKeys {
    /// `type`
    constant: Option<u8>,
    /// `type_column`
    column: Option<String>,
    /// `types`
    codes: Option<Vec<(String, u8)>>,
    /// `other_types`
    other: Option<OtherTypes>,
}

impl TypeKeys {
    /// The types of a source's actions; or what it needs instead.
    fn into_types(self, source: Source) -> Result<Option<Types>, &'static str> {
        match (self.constant, self.column, self.codes, self.other) {
            (None, Some(column), Some(codes), other) => Ok(Some(Types::Column {
                column,
                codes,
                other: other.unwrap_or(OtherTypes::Error),
            })),
            (None, None, None, None) if matches!(source, Source::Log(_)) => {
                Err("need type = 1 to 127, or type_column = \"…\" with types = { … }")
            }
            (constant, None, None, None) => Ok(constant.map(Types::Constant)),
            _ => Err("take type, or type_column with types, and other_types only with these"),
        }
    }
}

impl Reader<'_> {
    /// The file and the line of a byte.
    fn place(&self, at: usize) -> String {
        let before = self.text.get(..at).unwrap_or(self.text);
        let line = 1 + before.bytes().filter(|byte| *byte == b'\n').count();
        format!("{} line {line}", self.name)
    }

    /// The error for a value of the wrong type.
    fn expected(&self, entry: TomlEntry<'_, '_>, what: &str) -> hitherto::Error {
        let (place, name) = (self.place(entry.value.span().start), entry.key);
        let found = entry.value.get_ref().type_str();
        refuse(format!("{place}: \"{name}\" takes {what}, found {found}"))
    }

    /// A table.
    fn table<'a, 't>(&self, entry: TomlEntry<'a, 't>) -> hitherto::Result<&'a DeTable<'t>> {
        let table = entry.value.get_ref().as_table();
        table.ok_or_else(|| self.expected(entry, "a table"))
    }

    /// A text, number, boolean or date, as it is written.
    fn text(&self, entry: TomlEntry<'_, '_>) -> hitherto::Result<String> {
        match entry.value.get_ref() {
            DeValue::String(text) => Ok(text.clone().into_owned()),
            // The text goes to a flag, which reads decimal digits only: 0x10 is refused here, with
            // its line.
            DeValue::Integer(number) if number.radix() == 10 => Ok(number.as_str().to_owned()),
            DeValue::Float(number) => Ok(number.as_str().to_owned()),
            DeValue::Boolean(is_so) => Ok(is_so.to_string()),
            DeValue::Datetime(time) => Ok(time.to_string()),
            _ => Err(self.expected(entry, "a text or a number")),
        }
    }

    /// One text, or a list of them.
    fn texts(&self, entry: TomlEntry<'_, '_>) -> hitherto::Result<Vec<String>> {
        let DeValue::Array(values) = entry.value.get_ref() else {
            return Ok(vec![self.text(entry)?]);
        };
        let values = values.iter();
        let texts = values.map(|value| self.text(TomlEntry { value, ..entry }));
        texts.collect()
    }

    /// The kind of the job.
    fn job_kind(&self, entry: TomlEntry<'_, '_>) -> hitherto::Result<JobKind> {
        let text = self.text(entry)?;
        JobKind::named(&text).ok_or_else(|| {
            let place = self.place(entry.value.span().start);
            let known = JobKind::ALL.map(JobKind::name).join(", ");
            refuse(format!("{place}: no job \"{text}\"; there are {known}"))
        })
    }

    /// The source of which some rows are impressions, and which rows are, as the flags that say the same.
    fn impressions_from(&self, entry: TomlEntry<'_, '_>) -> hitherto::Result<Vec<FileKey>> {
        let mut keys = Vec::new();
        for (key, value) in self.table(entry)? {
            let place = self.place(key.span().start);
            let inner = TomlEntry {
                key: key.get_ref(),
                value,
            };
            let (name, values) = match inner.key {
                "source" => ("impressions_from", vec![self.text(inner)?]),
                "where" => {
                    let columns = self.pairs(inner, Reader::texts)?.into_iter();
                    let pairs = columns.flat_map(|(column, texts)| {
                        let pair = move |text| format!("{column}={text}");
                        texts.into_iter().map(pair)
                    });
                    ("impressions_where", pairs.collect())
                }
                other => return Err(unknown(&place, other, ["source", "where"].into_iter())),
            };
            keys.push(FileKey {
                name: name.to_owned(),
                place,
                values,
            });
        }
        if keys.iter().all(|key| key.name != "impressions_from") {
            return Err(self.expected(entry, "source = \"…\" in its table"));
        }
        Ok(keys)
    }

    /// Some days.
    fn days(&self, entry: TomlEntry<'_, '_>) -> hitherto::Result<Vec<Day>> {
        let days = self.texts(entry)?;
        let days: Option<Vec<Day>> = days.iter().map(|day| parse_day(day)).collect();
        days.ok_or_else(|| self.expected(entry, "days such as \"2025-08-15\""))
    }

    /// A path; a relative one starts at the folder of the job file.
    fn path(&self, text: &str) -> String {
        if hitherto::is_elsewhere(text) {
            text.to_owned()
        } else {
            self.base.join(text).display().to_string()
        }
    }

    /// The code of an action type.
    fn code(&self, entry: TomlEntry<'_, '_>) -> hitherto::Result<u8> {
        let code = self.text(entry)?.parse().ok();
        code.filter(|code| (1..=127).contains(code))
            .ok_or_else(|| self.expected(entry, "a code from 1 to 127"))
    }

    /// A source.
    fn source(&self, source_entry: TomlEntry<'_, '_>) -> hitherto::Result<FileSource> {
        let name = source_entry.key;
        let place = self.place(source_entry.value.span().start);
        let Some(source) = Source::named(name) else {
            let what = "a letter, then letters, digits, _ and -, at most 31";
            return Err(refuse(format!(
                "{place}: \"{name}\" is no name of a source: {what}"
            )));
        };
        let is_action = source != Source::Impressions;
        let action_keys = ACTION_KEYS.into_iter().filter(|_| is_action);
        let setting_keys = SourceSettings::keys().iter().copied();
        let known = SOURCE_KEYS.into_iter().chain(setting_keys);
        let known = known.chain(action_keys);
        let mut file_source = FileSource::new(source);
        let mut types = TypeKeys::default();
        for (key, value) in self.table(source_entry)? {
            let key_place = self.place(key.span().start);
            let entry = TomlEntry {
                key: key.get_ref(),
                value,
            };
            if !known.clone().any(|known| known == entry.key) {
                return Err(unknown(&key_place, entry.key, known));
            }
            match entry.key {
                key if SourceSettings::keys().contains(&key) => {
                    let own = self.setting(entry)?;
                    file_source.settings = file_source.settings.or(&own);
                }
                "path" => {
                    let paths = self.texts(entry)?;
                    file_source.paths = paths.iter().map(|path| self.path(path)).collect();
                }
                "files_from" => file_source.files_from = Some(self.path(&self.text(entry)?)),
                "columns" => file_source.columns = self.pairs(entry, Reader::text)?,
                "type" => types.constant = Some(self.code(entry)?),
                "type_column" => types.column = Some(self.text(entry)?),
                "types" => types.codes = Some(self.pairs(entry, Reader::code)?),
                "other_types" => types.other = Some(self.other_types(entry)?),
                "where" => file_source.only = self.pairs(entry, Reader::texts)?,
                "embargo" => file_source.embargo_us = Some(self.duration(entry)?),
                // `known` lets nothing else pass than the keys above and "available".
                _ => file_source.available = Some(self.text(entry)?),
            }
        }
        let types = types.into_types(source);
        file_source.types = types.map_err(|what| refuse(format!("{place}: {name} {what}")))?;
        Ok(file_source)
    }

    /// A setting of how the files of a source are read.
    fn setting(&self, entry: TomlEntry<'_, '_>) -> hitherto::Result<SourceSettings> {
        SourceSettings::one(entry.key, self.texts(entry)?).map_err(|what| {
            let place = self.place(entry.value.span().start);
            refuse(format!("{place}: {what}"))
        })
    }

    /// The keys of a table, each with its parsed value.
    fn pairs<T>(
        &self,
        entry: TomlEntry<'_, '_>,
        parse: impl Fn(&Self, TomlEntry<'_, '_>) -> hitherto::Result<T>,
    ) -> hitherto::Result<Vec<(String, T)>> {
        let pairs = self.table(entry)?.iter();
        let pairs = pairs.map(|(key, value)| {
            let key = key.get_ref().as_ref();
            let entry = TomlEntry { key, value };
            Ok((key.to_owned(), parse(self, entry)?))
        });
        pairs.collect()
    }

    /// What becomes of values of the type column without a code.
    fn other_types(&self, entry: TomlEntry<'_, '_>) -> hitherto::Result<OtherTypes> {
        let word = Value::from(self.text(entry)?);
        serde_json::from_value(word).map_err(|_| self.expected(entry, "\"error\" or \"drop\""))
    }

    /// A duration.
    fn duration(&self, entry: TomlEntry<'_, '_>) -> hitherto::Result<i64> {
        let text = self.text(entry)?;
        duration(&text).map_err(|what| {
            let place = self.place(entry.value.span().start);
            refuse(format!(
                "{place}: \"{}\": {what}, found \"{text}\"",
                entry.key
            ))
        })
    }
}
