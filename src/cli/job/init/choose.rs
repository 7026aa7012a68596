//! Which job fits the drafts, and which of them are its sources.
//!
//! **In / Out**: [`Draft`]s → [`Choice`]. **Invariants**: there is one source of impressions, and what is not used has
//! a reason.

use hitherto::{JobKind, Source};

use super::draft::{Draft, RowKind};
use super::names::{Role, plain};
use super::types::code_of_log;
use super::write::are_impressions;

/// The name of a source of several logs.
const JOINED: &str = "log";
/// The longest list of names in a comment.
const NAMES_CHARS_MAX: usize = 200;

/// The job, its sources, and what is not used.
#[derive(Debug)]
pub(super) struct Choice<'s> {
    pub(super) kind: JobKind,
    /// Names and drafts.
    pub(super) sources: Vec<(String, Draft<'s>)>,
    /// Paths that are not used, and why.
    pub(super) unused: Vec<(String, String)>,
}

/// Chooses a job and its sources.
pub(super) fn choose<'s>(drafts: &[Draft<'s>]) -> Choice<'s> {
    let mut choice = Choice {
        kind: JobKind::Sequences,
        sources: Vec::new(),
        unused: Vec::new(),
    };
    let drafts = choice.without_strays(drafts);
    let drafts = choice.without_other_sets(drafts);
    let has = |kind: RowKind| drafts.iter().any(|draft| draft.kind == kind);
    let has_events = drafts
        .iter()
        .any(|draft| draft.kind == RowKind::FlyerEvents);
    if has_events && !drafts.iter().any(are_impressions) {
        choice.kind = JobKind::Dwell;
        choice.take_events(drafts);
    } else if has(RowKind::Listings)
        && drafts
            .iter()
            .filter(|draft| draft.role(Role::Item).is_some())
            .count()
            > 2
    {
        choice.kind = JobKind::Features;
        choice.take_listings(drafts);
    } else {
        choice.take_logs(&drafts);
    }
    choice
}

/// The names of the columns of a draft, for a comment.
fn columns_of(draft: &Draft<'_>) -> String {
    let columns = draft.family.columns.iter();
    let names: Vec<&str> = columns.map(|column| column.name.as_str()).collect();
    let names = names.join(", ");
    // Of a file without a header they are values of any length.
    match names.char_indices().nth(NAMES_CHARS_MAX) {
        Some((end, _)) => format!("{} …", &names[..end]),
        None => names,
    }
}

impl<'s> Choice<'s> {
    /// Does not use a draft.
    fn pass(&mut self, draft: &Draft<'s>, reason: impl Into<String>) {
        self.unused
            .push((draft.family.paths.join(", "), reason.into()));
    }

    /// Leaves out files that lie among others with other columns, such as clicks in the folder of impressions.
    fn without_strays(&mut self, drafts: &[Draft<'s>]) -> Vec<Draft<'s>> {
        let is_home = |draft: &Draft<'_>| {
            let folder = draft.family.top_folder().unwrap_or_default();
            match usual(folder) {
                Some(Source::Impressions) => are_impressions(draft),
                Some(_) => draft.kind == RowKind::Actions,
                None => draft.kind != RowKind::Unknown,
            }
        };
        let mut kept = Vec::new();
        for draft in drafts {
            let folder = draft.family.top_folder();
            let others = drafts.iter().filter(|other| {
                !std::ptr::eq(*other, draft)
                    && folder.is_some()
                    && other.family.top_folder() == folder
            });
            let is_alone = others.clone().count() == 0;
            let is_stray = !is_home(draft) && others.clone().any(is_home);
            if is_alone || !is_stray {
                kept.push(draft.clone());
                continue;
            }
            let columns = columns_of(draft);
            let of = match draft.kind {
                RowKind::Actions => "actions, not what the other files of its folder hold",
                _ => "other columns than the files beside it",
            };
            self.pass(draft, format!("it holds {of}: {columns}"));
        }
        kept
    }

    /// Leaves out folders of several kinds of files, if there are others.
    fn without_other_sets(&mut self, drafts: Vec<Draft<'s>>) -> Vec<Draft<'s>> {
        let is_set = |draft: &Draft<'_>| {
            let folder = draft.family.top_folder();
            let mut others = drafts.iter();
            folder.is_some()
                && others.any(|other| {
                    other.family.top_folder() == folder
                        && other.family.files[0] != draft.family.files[0]
                })
        };
        let (sets, alone): (Vec<Draft<'s>>, Vec<Draft<'s>>) =
            drafts.iter().cloned().partition(is_set);
        if alone.iter().all(|draft| draft.kind == RowKind::Unknown) {
            return drafts;
        }
        let mut folders: Vec<&str> = sets
            .iter()
            .filter_map(|draft| draft.family.top_folder())
            .collect();
        folders.dedup();
        for folder in folders {
            let reason = "a folder of several logs; `hitherto job init` takes it by itself";
            self.unused.push((folder.to_owned(), reason.to_owned()));
        }
        alone
    }

    /// The source of `dwell`.
    fn take_events(&mut self, mut drafts: Vec<Draft<'s>>) {
        let usual_names = |draft: &Draft<'_>| {
            let names = ["timestamp", "user_id", "event", "flyer_id", "merchant_id"];
            let has = |name: &&&str| {
                draft
                    .family
                    .columns
                    .iter()
                    .any(|column| column.name == **name)
            };
            names.iter().filter(has).count()
        };
        drafts.sort_by_key(|draft| {
            (
                draft.kind != RowKind::FlyerEvents,
                std::cmp::Reverse(usual_names(draft)),
            )
        });
        for draft in drafts {
            if self.sources.is_empty() {
                self.sources.push(("events".to_owned(), draft));
            } else if draft.kind == RowKind::FlyerEvents {
                self.pass(
                    &draft,
                    "there is one source of events; it looks like this one, too",
                );
            } else {
                self.pass(&draft, "no event of a flyer");
            }
        }
    }

    /// The sources of `features`.
    fn take_listings(&mut self, drafts: Vec<Draft<'s>>) {
        for mut draft in drafts {
            let stem = draft.stem();
            let name = match draft.kind {
                RowKind::Listings => "listings",
                RowKind::FlatImpressions => "impressions",
                RowKind::Actions if stem.contains("impression") => "impressions",
                RowKind::Actions => "clicks",
                _ => "",
            };
            let is_taken = self.sources.iter().any(|(taken, _)| taken == name);
            if name.is_empty() || is_taken {
                let reason = if is_taken {
                    format!("there is one source of {name}")
                } else {
                    "it has none of the columns of a source".to_owned()
                };
                self.pass(&draft, reason);
                continue;
            }
            draft.kind = match name {
                "impressions" => RowKind::FlatImpressions,
                _ => draft.kind,
            };
            self.sources.push((name.to_owned(), draft));
        }
    }

    /// The sources of `sequences`.
    fn take_logs(&mut self, drafts: &[Draft<'s>]) {
        let mut impressions: Vec<usize> = (0..drafts.len())
            .filter(|at| are_impressions(&drafts[*at]))
            .collect();
        impressions.sort_by_key(|at| {
            let draft = &drafts[*at];
            let stem = draft.stem();
            (
                !draft.missing.is_empty(),
                stem != "impressions",
                draft.kind != RowKind::Impressions,
                draft.role(Role::Items).is_some_and(|column| {
                    !matches!(&column.list, Some(list) if list.kind == hitherto::ListKind::Objects)
                }),
            )
        });
        let first = impressions.first().copied();
        for (at, draft) in drafts.iter().enumerate() {
            if Some(at) == first {
                self.sources.push(("impressions".to_owned(), draft.clone()));
            } else if are_impressions(draft) {
                self.pass(
                    draft,
                    "there is one source of impressions; it looks like one, too",
                );
            } else if draft.kind == RowKind::Unknown || draft.kind == RowKind::Listings {
                let columns = columns_of(draft);
                self.pass(
                    draft,
                    format!("it is no log of a customer and an item; columns {columns}"),
                );
            } else if let Some(labelled) = first.and_then(|at| labelled_of(draft, &drafts[at])) {
                self.pass(
                    draft,
                    format!("it is like {labelled} without labels; `no_labels = true` reads it"),
                );
            } else if let Some(base) = base_of(draft, drafts) {
                self.pass(
                    draft,
                    format!("it looks like more of {base}; `path` takes a list"),
                );
            } else if !draft.missing.is_empty() {
                self.pass(draft, format!("missing: {}", draft.missing.join(", ")));
            } else if !self.join(draft) {
                let name = self.free_name(draft);
                self.sources.push((name, draft.clone()));
            }
        }
        self.sources.sort_by_key(|(name, _)| name != "impressions");
        self.take_actions_of_labels();
    }

    /// Reads a log as one with another of the same columns, if no name tells what it is; says whether it did.
    fn join(&mut self, draft: &Draft<'s>) -> bool {
        let is_plain = |draft: &Draft<'_>| {
            let stem = draft.stem();
            usual(&stem).is_none() && code_of_log(&stem).is_none()
        };
        let is_free = self.sources.iter().all(|(name, _)| name != JOINED);
        let mut sources = self.sources.iter_mut();
        let like = sources.find(|(_, other)| is_plain(other) && other.is_like(draft));
        let Some((name, other)) = like.filter(|_| is_plain(draft)) else {
            return false;
        };
        other.more.push(draft.clone());
        if is_free {
            JOINED.clone_into(name);
        }
        true
    }

    /// Makes actions of labelled items, if there are no other actions.
    fn take_actions_of_labels(&mut self) {
        let [(_, shown)] = &self.sources[..] else {
            return;
        };
        let list = shown.labelled_texts();
        let has = |role| shown.role(role).is_some();
        let has_labels = match shown.kind {
            RowKind::FlatImpressions => has(Role::Label),
            RowKind::Impressions => list.is_some(),
            _ => false,
        };
        if !has_labels || !has(Role::Time) {
            return;
        }
        let mut actions = shown.clone();
        actions.kind = RowKind::Actions;
        actions.doubts.clear();
        if let Some(list) = list {
            actions.explode = Some(list);
            actions.roles.retain(|(role, _)| *role != Role::Items);
            actions.roles.push((Role::Item, list));
        }
        self.sources.push(("labelled".to_owned(), actions));
    }

    /// A name for a source of actions that no other has.
    fn free_name(&self, draft: &Draft<'_>) -> String {
        let stem = draft.stem();
        let name = match usual(&stem) {
            Some(usual) if Source::ACTIONS.contains(&usual) => usual.name().to_owned(),
            _ => name_of(&stem),
        };
        let is_free = |name: &str| {
            name != "impressions" && !self.sources.iter().any(|(taken, _)| taken == name)
        };
        let mut names = (1..).map(|at| match at {
            1 => name.clone(),
            at => format!("{name}-{at}"),
        });
        names.find(|name| is_free(name)).unwrap_or_default()
    }
}

/// The impressions whose columns a draft has, all but the label: by its name it is a set to be scored.
fn labelled_of<'a>(draft: &Draft<'_>, shown: &'a Draft<'_>) -> Option<&'a str> {
    const SCORED: [&str; 6] = ["test", "score", "predict", "eval", "holdout", "infer"];
    let stem = plain(&draft.stem());
    let label = shown.role(Role::Label)?;
    let names = shown.family.columns.iter().map(|column| &column.name);
    let rest = names.filter(|name| **name != label.name);
    let is_like = rest.eq(draft.family.columns.iter().map(|column| &column.name));
    let is_scored = is_like && SCORED.iter().any(|word| stem.contains(word));
    is_scored.then(|| shown.family.paths[0].as_str())
}

/// The file of which this one is another version, such as clicks.csv of `clicks_1000.csv`.
fn base_of<'a>(draft: &Draft<'_>, drafts: &'a [Draft<'_>]) -> Option<&'a str> {
    let [file] = &draft.family.files[..] else {
        return None;
    };
    let stem = |file: &str| file.split('.').next().unwrap_or_default().to_owned();
    let own = stem(file);
    let names = |draft: &Draft<'_>| -> Vec<String> {
        draft
            .family
            .columns
            .iter()
            .map(|column| column.name.clone())
            .collect()
    };
    let base = drafts.iter().find(|other| {
        let [other_file] = &other.family.files[..] else {
            return false;
        };
        let rest = own.strip_prefix(&stem(other_file)).unwrap_or_default();
        let is_version =
            rest.starts_with(['_', '-']) && rest.ends_with(|c: char| c.is_ascii_digit());
        is_version && names(other) == names(draft)
    })?;
    base.family.files.first().map(String::as_str)
}

/// The usual source of a folder or a file of this name.
pub(super) fn usual(stem: &str) -> Option<Source> {
    Source::ALL
        .into_iter()
        .find(|source| source.folder() == stem || source.name() == stem)
}

/// A valid name of a source for the name of a file.
fn name_of(stem: &str) -> String {
    let plain = |c: char| {
        if c.is_ascii_alphanumeric() || c == '_' {
            c
        } else {
            '-'
        }
    };
    // Names of sources have at most 31 characters, and more may come before and behind this one.
    let name: String = stem.chars().map(plain).take(24).collect();
    if name.starts_with(|first: char| first.is_ascii_alphabetic()) {
        name
    } else {
        format!("log-{name}").trim_end_matches('-').to_owned()
    }
}
