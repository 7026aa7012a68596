//! Which column has which role, by names and by values.

use hitherto::{SurveyedColumn, SurveyedTime};

use super::names::{Role, plain};

/// The most types of a column of types.
pub(super) const TYPES_MAX: usize = 100;

/// The column of a role, and the next best one.
#[derive(Clone, Copy, Debug)]
pub(super) struct Found<'c> {
    pub(super) column: &'c SurveyedColumn,
    pub(super) other: Option<&'c SurveyedColumn>,
}

/// The column of a role, among those that are not taken.
pub(super) fn find<'c>(
    columns: &'c [SurveyedColumn],
    role: Role,
    taken: &[&str],
) -> Option<Found<'c>> {
    let free = columns
        .iter()
        .filter(|column| !taken.contains(&column.name.as_str()));
    let mut ranked: Vec<(usize, &SurveyedColumn)> = free
        .filter(|column| fits(role, column))
        .filter_map(|column| Some((rank_of(role, &column.name)?, column)))
        .collect();
    // Stable, so that of equal ranks the leftmost wins.
    ranked.sort_by_key(|(rank, _)| *rank);
    let mut ranked = ranked.into_iter().map(|(_, column)| column);
    let column = ranked.next()?;
    Some(Found {
        column,
        other: ranked.next(),
    })
}

/// The column of a role by its values alone.
pub(super) fn find_by_values<'c>(
    columns: &'c [SurveyedColumn],
    role: Role,
    taken: &[&str],
) -> Option<&'c SurveyedColumn> {
    let mut free = columns
        .iter()
        .filter(|column| !taken.contains(&column.name.as_str()));
    free.find(|column| match role {
        Role::Time => column.time.has_clock(),
        // An id of its own in every row.
        Role::Ranking => {
            column.words.len() > 1 && column.words.iter().all(|(_, count)| *count == 1)
        }
        // Ids of few customers are few words, too.
        Role::Type => {
            let are_names = column.words.iter().all(|(word, _)| !has_digit(word));
            fits(role, column) && are_names && column.words.len() <= 20
        }
        _ => {
            let is_measure = column.is_number && !column.is_whole;
            let is_id = !is_day(column.time) && !is_measure && !column.words.is_empty();
            fits(role, column) && is_id
        }
    })
}

/// How likely a name is that of a role: its place in the list of names, behind them those of fields inside
/// others, by their own name.
fn rank_of(role: Role, name: &str) -> Option<usize> {
    let names = role.names();
    let whole = plain(name);
    let place = |plain: &str| names.iter().position(|known| *known == plain);
    if let Some(at) = place(&whole) {
        return Some(at);
    }
    let (_, inner) = name.rsplit_once('.')?;
    // "user.id" is an id of somebody, which "id" alone does not say.
    place(&plain(inner)).map(|at| names.len() + at)
}

/// Whether the values of a column can be those of a role.
fn fits(role: Role, column: &SurveyedColumn) -> bool {
    let is_list = matches!(&column.list, Some(list) if !is_text_list(list));
    match role {
        Role::Items | Role::Labels | Role::Clicked => column.list.is_some(),
        _ if is_list || column.values == 0 => false,
        Role::Time => column.time != SurveyedTime::None,
        Role::Created | Role::ValidFrom => column.time.is_readable(),
        Role::Day => is_day(column.time) || column.name == "dt",
        Role::Type => {
            (1..=TYPES_MAX).contains(&column.words.len()) && column.time == SurveyedTime::None
        }
        Role::Label => column.words.iter().all(|(word, _)| is_label(word)),
        Role::Position => column.is_whole,
        Role::Price => column.is_number,
        _ => true,
    }
}

/// Whether a word has a digit.
fn has_digit(word: &str) -> bool {
    word.bytes().any(|byte| byte.is_ascii_digit())
}

/// Whether times are days.
fn is_day(time: SurveyedTime) -> bool {
    time.is_readable() && !time.has_clock()
}

/// Whether lists are texts with separators, which may as well be texts.
pub(super) fn is_text_list(list: &hitherto::SurveyedList) -> bool {
    matches!(list.kind, hitherto::ListKind::Text { .. })
}

/// Whether a word is one of two truth values.
fn is_label(word: &str) -> bool {
    const WORDS: [&str; 12] = [
        "0", "1", "0.0", "1.0", "true", "false", "t", "f", "yes", "no", "y", "n",
    ];
    WORDS.contains(&word.to_ascii_lowercase().as_str())
}
