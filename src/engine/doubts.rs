//! Ids that are somebody's, but look like nobody's, or like another id; and rows that repeat: what a
//! person should look at.
//!
//! **In / Out**: the distinct ids of a run, and how many rows hold some of them → warnings.
//! **Invariants**: a function of the set of ids and of the number of rows alone. **Cost**: a few
//! look-ups, and one look at the end of each distinct id; rows are counted only where a word is found.

use std::collections::BTreeSet;

use crate::dictionary::RankedDictionary;
use crate::dictionary::keys::Keys;
use crate::ids::float;
use crate::job::{Dedup, Job, JobKind, Source, WarningCode};
use crate::warnings::Warning;

/// Words that logs write for nobody.
const WORDS: [&str; 11] = [
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

/// A share of rows that repeat, above which it is told.
const REPEATED_MAX: f64 = 0.01;

/// The words that a column of ids holds, by rank, and the rows that hold each.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Words(Vec<(u32, &'static str, u64)>);

impl Words {
    /// The words among ids, given the rank of each that is one.
    pub(super) fn among(rank_of: impl Fn(&str) -> Option<u32>) -> Words {
        let found = WORDS
            .iter()
            .filter_map(|word| Some((rank_of(word)?, *word, 0)));
        Words(found.collect())
    }

    /// Whether there are none.
    pub(super) fn are_none(&self) -> bool {
        self.0.is_empty()
    }

    /// Takes note of how many rows each rank has.
    pub(super) fn each(&mut self, rows_of: impl Fn(u32) -> u64) {
        for (rank, _, rows) in &mut self.0 {
            *rows = rows_of(*rank);
        }
    }

    /// Takes note of the rows of some ranks.
    pub(super) fn count(&mut self, ranks: impl Iterator<Item = u32>) {
        for rank in ranks {
            if let Some((.., rows)) = self.0.iter_mut().find(|(word, ..)| *word == rank) {
                *rows += 1;
            }
        }
    }

    /// Adds the rows that another thread has counted of the same words.
    pub(super) fn merge(&mut self, other: &Words) {
        for ((.., rows), (.., more)) in self.0.iter_mut().zip(&other.0) {
            *rows += more;
        }
    }

    /// The warnings that a job gives of them, in a column of a source.
    pub(super) fn warnings(&self, job: &Job, (source, ours): (Source, &str)) -> Vec<Warning> {
        let column = job.column(source, ours);
        let there = self.0.iter().filter(|(.., rows)| *rows > 0);
        let warning = |(_, word, rows): &(u32, &'static str, u64)| {
            let (name, advice) = (source.name(), advice(job, word));
            let text =
                format!("column \"{column}\" of {name} holds \"{word}\" in {rows} rows; {advice}");
            Warning::new(WarningCode::NullWords, source, text)
                .with("column", column)
                .with("word", *word)
                .with("rows", *rows)
        };
        there.map(warning).collect()
    }
}

/// What to do about a word for nobody.
fn advice(job: &Job, word: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/%".contains(&byte);
    let quoted = match !word.is_empty() && word.bytes().all(is_plain) {
        true => word.to_owned(),
        false => format!("'{word}'"),
    };
    let then = match job.kind() {
        JobKind::Sequences => "takes them for impressions without a customer",
        JobKind::Features => "takes them for bad rows, which --on-bad-row quarantine sets aside",
        JobKind::Dwell => "leaves them out, and counts them",
    };
    format!("if that is nobody, --null-values {quoted} {then}")
}

/// A warning about ids such as `101.0` where there is a `101` as well, in a column of a source; of items
/// there is no one column.
pub(super) fn float_ids<'i>(
    texts: impl Iterator<Item = &'i [u8]>,
    is_there: impl Fn(&str) -> bool,
    (source, column): (Option<Source>, &str),
) -> Option<Warning> {
    let whole_of = |text: &'i [u8]| {
        let whole = std::str::from_utf8(text.strip_suffix(b".0")?).ok()?;
        let digits = whole.strip_prefix('-').unwrap_or(whole);
        let is_number = !digits.is_empty() && digits.bytes().all(|of| of.is_ascii_digit());
        (is_number && is_there(whole)).then_some(whole)
    };
    let both: BTreeSet<&str> = texts.filter_map(whole_of).collect();
    let first = both.first()?;
    let of = source.map_or_else(String::new, |source| format!(" of {}", source.name()));
    let text = format!(
        "column \"{column}\"{of} holds \"{first}.0\" beside \"{first}\", and {} such pairs in all; texts \
         are compared as they are, so each is taken for two: write them as integers before",
        both.len()
    );
    let warning = Warning::new(WarningCode::FloatIds, source, text);
    Some(warning.with("column", column).with("pairs", both.len()))
}

/// The warnings about ids that are keys, of a column of a source; `rows_of` gives the rows of some.
pub(super) fn of_keys(
    job: &Job,
    keys: &Keys,
    (source, ours): (Source, &str),
    rows: impl FnOnce(&mut Words),
) -> Vec<Warning> {
    let mut words = Words::among(|word| keys.of_text(word).map(|key| key.0));
    if !words.are_none() {
        rows(&mut words);
    }
    let mut warnings = words.warnings(job, (source, ours));
    let is_there = |text: &str| keys.of_text(text).is_some();
    let column = (Some(source), job.column(source, ours));
    warnings.extend(float_ids(keys.texts(), is_there, column));
    warnings
}

/// A warning about ids that are ranked in their own order.
pub(super) fn float_ids_of(
    ids: &RankedDictionary,
    column: (Option<Source>, &str),
) -> Option<Warning> {
    float_ids(ids.texts(), |text| ids.find(text).is_some(), column)
}

/// A warning about rows that repeat, where they are not left out.
pub(super) fn repeats(
    job: &Job,
    (repeated, rows): (u64, u64),
    (source, what): (Source, &str),
) -> Option<Warning> {
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

    /// What is said of some ids.
    fn pairs(ids: &[&str]) -> Option<String> {
        let texts = ids.iter().map(|id| id.as_bytes());
        let warning = float_ids(texts, |text| ids.contains(&text), (None, "id"));
        warning.map(|of| of.text)
    }

    #[test]
    fn an_id_is_a_float_only_beside_its_integer() {
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
        let rank = |word: &str| ["NULL", "\\N"].iter().position(|of| *of == word);
        let mut words = Words::among(|word| rank(word).map(|at| u32::from(at > 0) * 9));
        words.count([9, 9, 0, 4].into_iter());
        let mut all = words.clone();
        all.merge(&words);
        assert_eq!(all.0, [(0, "NULL", 2), (9, "\\N", 4)]);
    }
}
