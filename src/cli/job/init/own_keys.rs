//! What one kind of job has and no other: names of columns, and settings.

use hitherto::JobKind;

use super::draft::{Draft, RowKind};
use super::names::{Role, words_of};
use super::write::IMPRESSIONS;
use crate::cli::job::quoted;

/// Our names of the columns of a source.
pub(super) fn ours_of(job: JobKind, kind: RowKind, name: &str) -> &'static [(Role, &'static str)] {
    match (job, kind, name) {
        (JobKind::Sequences, RowKind::Impressions | RowKind::FlatImpressions, _) => &IMPRESSIONS,
        (JobKind::Sequences, _, "clicks") => &[
            (Role::Customer, "customer_id"),
            (Role::Item, "item_id"),
            (Role::Time, "click_time"),
        ],
        (JobKind::Sequences, _, "carts" | "orders") => &[
            (Role::Customer, "customer_id"),
            (Role::Item, "config_id"),
            (Role::Time, "occurred_at"),
        ],
        (JobKind::Sequences, ..) => &[
            (Role::Customer, "customer_id"),
            (Role::Item, "item_id"),
            (Role::Time, "time"),
        ],
        (JobKind::Features, _, "impressions") => &[
            (Role::Ranking, "impression_id"),
            (Role::Customer, "user_id"),
            (Role::Item, "listing_id"),
            (Role::Time, "impression_ts"),
        ],
        (JobKind::Features, _, "clicks") => &[
            (Role::Customer, "user_id"),
            (Role::Item, "listing_id"),
            (Role::Time, "click_ts"),
        ],
        (JobKind::Features, ..) => &[
            (Role::Item, "listing_id"),
            (Role::Category, "category"),
            (Role::Price, "price"),
            (Role::Created, "created_ts"),
        ],
        (JobKind::Dwell, ..) => &[
            (Role::Time, "timestamp"),
            (Role::Customer, "user_id"),
            (Role::Type, "event"),
            (Role::Flyer, "flyer_id"),
            (Role::Merchant, "merchant_id"),
        ],
    }
}

/// The events of a flyer that open and close it, if they have other names than the usual ones.
pub(super) fn roles_of_events(
    draft: &Draft<'_>,
    types: Option<&[(String, u64)]>,
) -> Option<Vec<String>> {
    let words: Vec<&str> = types?.iter().map(|(word, _)| word.as_str()).collect();
    if words.iter().any(|word| {
        word.eq_ignore_ascii_case("flyer_open") || word.eq_ignore_ascii_case("item_open")
    }) {
        let exact = words.contains(&"flyer_open") || words.contains(&"item_open");
        if exact {
            return None;
        }
    }
    let ending = |ends: &[&str]| -> Vec<String> {
        let of = |word: &&&str| {
            words_of(word)
                .iter()
                .any(|part| ends.contains(&part.as_str()))
        };
        words.iter().filter(of).map(|word| quoted(word)).collect()
    };
    let opens = ending(&["open", "view", "select", "click", "read"]);
    let closes = ending(&["close", "leave", "exit"]);
    let mut lines = Vec::new();
    if !opens.is_empty() {
        let column = draft
            .role(Role::Type)
            .map_or("event", |column| column.name.as_str());
        lines.push(format!(
            "# guess: by the words of \"{column}\"; there are {}",
            words.join(", ")
        ));
        lines.push(format!("opens = [{}]", opens.join(", ")));
    }
    if !closes.is_empty() {
        lines.push(format!("closes = [{}]", closes.join(", ")));
    }
    Some(lines)
}

/// The setting for listings with several rows.
pub(super) fn as_of(listings: &Draft<'_>) -> Vec<String> {
    let (Some(id), Some(since)) = (listings.role(Role::Item), listings.role(Role::ValidFrom))
    else {
        return Vec::new();
    };
    if id.words.iter().all(|(_, count)| *count == 1) {
        return Vec::new();
    }
    vec![
        "# guess: a listing has several rows, which hold since this time".to_owned(),
        format!("listings_as_of = {}", quoted(&since.name)),
    ]
}
