//! Warnings about values that were read: ids such as `null`, ids such as `101.0` next to `101`, and
//! repeated rows.
//!
//! **In / Out**: the distinct ids of a run, and how many rows hold some of them → warnings.
//! **Invariants**: a function of the set of ids and of the number of rows alone. **Cost**: one look-up
//! per null word, and a check of the last two bytes of each distinct id. Rows are counted only if a
//! null word is found.

use std::collections::{BTreeMap, BTreeSet};

use crate::dictionary::keys::Keys;
use crate::dictionary::probes::Probes;
use crate::dictionary::{Dictionary, Id, RankedDictionary};
use crate::ids::{Item, Key, count32, count64, float};
use crate::job::{Dedup, Job, JobKind, Source, WarningCode};
use crate::vocabulary::Coded;
use crate::warnings::Warning;

/// Words that logs write for a missing id.
const NULL_WORDS: [&str; 11] = [
    "",
    "%3Cnull%3E",
    "%3Cnull%3G",
    "<null>",
    "N/A",
    "NULL",
    "NaN",
    "None",
    "\\N",
    "null",
    "undefined",
];

/// Rows that hold null words, by word.
pub(super) type WordRows = BTreeMap<String, u64>;

/// The share of repeated rows above which there is a warning.
const REPEATED_MAX: f64 = 0.01;

/// The null words that a column of ids holds: the rank of each, the word, and the rows that hold it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct NullWordCounts(Vec<(u32, &'static str, u64)>);

impl NullWordCounts {
    /// The null words among ids, without rows; `rank_of` gives the rank of a text that is an id.
    pub(super) fn among(rank_of: impl Fn(&str) -> Option<u32>) -> NullWordCounts {
        let words = NULL_WORDS
            .iter()
            .filter_map(|word| Some((rank_of(word)?, *word, 0)));
        NullWordCounts(words.collect())
    }

    /// Null words with these rows, of columns whose ranks are not known any more.
    pub(super) fn of_rows(rows: &WordRows) -> NullWordCounts {
        let words = NULL_WORDS.iter();
        let words = words.filter_map(|word| Some((0, *word, *rows.get(*word)?)));
        NullWordCounts(words.collect())
    }

    /// The rows of each word.
    pub(super) fn rows(&self) -> WordRows {
        let words = self.0.iter();
        let words = words.map(|(_, word, rows)| ((*word).to_owned(), *rows));
        words.collect()
    }

    /// Whether there are none.
    pub(super) fn are_none(&self) -> bool {
        self.0.is_empty()
    }

    /// Sets the rows of each word by its rank.
    pub(super) fn set_rows(&mut self, rows_of: impl Fn(u32) -> u64) {
        for (rank, _, rows) in &mut self.0 {
            *rows = rows_of(*rank);
        }
    }

    /// Counts the rows of a column, given by their ranks.
    pub(super) fn count(&mut self, ranks: impl Iterator<Item = u32>) {
        for rank in ranks {
            // A linear search: there are eleven words at most, and a column rarely holds one.
            if let Some((.., rows)) = self.0.iter_mut().find(|(word, ..)| *word == rank) {
                *rows += 1;
            }
        }
    }

    /// Adds the rows that another thread counted of the same words.
    pub(super) fn merge(&mut self, other: &NullWordCounts) {
        for ((.., rows), (.., more)) in self.0.iter_mut().zip(&other.0) {
            *rows += more;
        }
    }

    /// A warning for each word that some row of a column holds; `name` is our name of the column.
    pub(super) fn warnings(&self, job: &Job, source: Source, name: &str) -> Vec<Warning> {
        let column = job.column(source, name);
        let counted = self.0.iter().filter(|(.., rows)| *rows > 0);
        let warning = |(_, word, rows): &(u32, &'static str, u64)| {
            let (name, advice) = (source.name(), advice(job, word));
            let text =
                format!("column \"{column}\" of {name} holds \"{word}\" in {rows} rows; {advice}");
            Warning::new(WarningCode::NullWords, source, text)
                .with("column", column)
                .with("word", *word)
                .with("rows", *rows)
        };
        counted.map(warning).collect()
    }
}

/// What to do about a null word.
fn advice(job: &Job, word: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/%".contains(&byte);
    let quoted = if !word.is_empty() && word.bytes().all(is_plain) {
        word.to_owned()
    } else {
        format!("'{word}'")
    };
    let then = match job.kind() {
        JobKind::Sequences => "takes them for impressions without a customer",
        JobKind::Features => "takes them for bad rows, which --on-bad-row quarantine sets aside",
        JobKind::Dwell => "leaves them out, and counts them",
    };
    format!("if that is nobody, --null-values {quoted} {then}")
}

/// A warning about ids such as `101.0` where `101` is an id as well. `source` is `None` for item ids,
/// which several sources have.
fn float_ids<'i>(
    texts: impl Iterator<Item = &'i [u8]>,
    is_id: impl Fn(&str) -> bool,
    source: Option<Source>,
    column: &str,
) -> Option<Warning> {
    let whole_of = |text: &'i [u8]| {
        let whole = std::str::from_utf8(text.strip_suffix(b".0")?).ok()?;
        let digits = whole.strip_prefix('-').unwrap_or(whole);
        // `x.0` beside `x` may be two names on purpose; `101.0` beside `101` is one number.
        let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        (is_number && is_id(whole)).then_some(whole)
    };
    // Sorted, so that the example does not depend on the order of ids.
    let both: BTreeSet<&str> = texts.filter_map(whole_of).collect();
    let first = both.first()?;
    let of_source = source.map_or_else(String::new, |source| format!(" of {}", source.name()));
    let text = format!(
        "column \"{column}\"{of_source} holds \"{first}.0\" beside \"{first}\", and {} such pairs in all; texts \
         are compared as they are, so each is taken for two: write them as integers before",
        both.len()
    );
    let warning = Warning::new(WarningCode::FloatIds, source, text);
    Some(warning.with("column", column).with("pairs", both.len()))
}

/// The warnings about customers with an impression, and about items whose ids are texts.
pub(super) fn of_probes<I: Item>(
    job: &Job,
    probes: &Probes<I>,
    items: Option<&Coded<I>>,
) -> Vec<Warning> {
    let source = Source::Impressions;
    let mut warnings = of_keys(job, &probes.keys, source, "customer_id", |words| {
        words.set_rows(|rank| count64(probes.of_key(Key(rank)).len()));
    });
    warnings.extend(items.and_then(|items| of_dictionary(items.ids(), None, "item_id")));
    warnings
}

/// The warnings about the keys of a column; `name` is our name of it. `count` counts the rows that hold
/// null words, and is called only if a key is one.
pub(super) fn of_keys(
    job: &Job,
    keys: &Keys,
    source: Source,
    name: &str,
    count: impl FnOnce(&mut NullWordCounts),
) -> Vec<Warning> {
    let mut warnings = words_of_keys(keys, count).warnings(job, source, name);
    warnings.extend(floats_of_keys(job, keys, source, name));
    warnings
}

/// The null words among keys; `count` counts the rows that hold them, and is called only if a key is one.
pub(super) fn words_of_keys(
    keys: &Keys,
    count: impl FnOnce(&mut NullWordCounts),
) -> NullWordCounts {
    let mut words = NullWordCounts::among(|word| keys.of_text(word).map(|key| key.0));
    if !words.are_none() {
        count(&mut words);
    }
    words
}

/// A warning about keys of a column that look like floats; `name` is our name of it.
pub(super) fn floats_of_keys(
    job: &Job,
    keys: &Keys,
    source: Source,
    name: &str,
) -> Option<Warning> {
    let is_id = |text: &str| keys.of_text(text).is_some();
    float_ids(keys.texts(), is_id, Some(source), job.column(source, name))
}

/// The same of the ids of all shards.
pub(super) fn floats_of_shards(
    job: &Job,
    ids: &Dictionary,
    source: Source,
    name: &str,
) -> Option<Warning> {
    let all = (0..count32(ids.count())).filter_map(|code| match ids.get(code) {
        Id::Text(text) => Some(text.as_bytes()),
        Id::Int(_) => None,
    });
    let is_id = |text: &str| ids.find_text(text.as_bytes()).is_some();
    float_ids(all, is_id, Some(source), job.column(source, name))
}

/// A warning about ids of a dictionary that look like floats; `column` is the name in the files.
pub(super) fn of_dictionary(
    ids: &RankedDictionary,
    source: Option<Source>,
    column: &str,
) -> Option<Warning> {
    float_ids(ids.texts(), |text| ids.find(text).is_some(), source, column)
}

/// A warning about repeated rows, unless the job removes them. `what` says which rows repeat.
pub(super) fn repeats(
    job: &Job,
    source: Source,
    repeated: u64,
    rows: u64,
    what: &str,
) -> Option<Warning> {
    // Of no rows the share would be NaN, which is not below the bound, and would warn.
    let share = float(repeated) / float(rows.max(1));
    if job.dedup != Dedup::None || share <= REPEATED_MAX {
        return None;
    }
    let text = format!(
        "{repeated} of {rows} {what} ({:.1} %); --dedup exact counts each once",
        share * 100.0
    );
    let warning = Warning::new(WarningCode::Repeats, source, text);
    Some(warning.with("repeated", repeated).with("rows", rows))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The text of the warning about some ids.
    fn pairs(ids: &[&str]) -> Option<String> {
        let texts = ids.iter().map(|id| id.as_bytes());
        let warning = float_ids(texts, |text| ids.contains(&text), None, "id");
        warning.map(|warning| warning.text)
    }

    #[test]
    fn an_id_is_a_float_only_if_its_integer_is_an_id() {
        assert_eq!(
            pairs(&["101.0", "102", "x.0", "x", ".0", "", "1.00", "1"]),
            None
        );
        let text = pairs(&["7", "-5.0", "7.0", "-5", "8.0"]).expect("two pairs");
        assert!(
            text.contains("\"-5.0\" beside \"-5\", and 2 such pairs"),
            "{text}"
        );
    }

    #[test]
    fn rows_of_words_are_counted_by_rank() {
        let rank = |word: &str| ["NULL", "\\N"].iter().position(|known| *known == word);
        let mut words = NullWordCounts::among(|word| rank(word).map(|at| u32::from(at > 0) * 9));
        words.count([9, 9, 0, 4].into_iter());
        let mut all = words.clone();
        all.merge(&words);
        assert_eq!(all.0, [(0, "NULL", 2), (9, "\\N", 4)]);
    }
}
