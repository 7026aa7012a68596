//! One family of files to the draft of a source.
//!
//! **In / Out**: a [`Surveyed`] → a [`Draft`]: what its rows are, and the lines of its table. **Invariants**: a line
//! that is a guess between two columns has a comment with both.

use hitherto::{Format, ListKind, Surveyed, SurveyedColumn, SurveyedTime};

use super::names::{Role, plain};
use super::roles::{Found, find, find_by_values};

/// Names of times that only actions have.
const ACTION_TIMES: [&str; 6] = [
    "clicktime",
    "clickts",
    "occurredat",
    "orderdate",
    "purchasedat",
    "viewedat",
];

/// What the rows of a family are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RowKind {
    /// Impressions with a list of items.
    Impressions,
    /// Impressions with one item in each row.
    FlatImpressions,
    /// Actions.
    Actions,
    /// Listings with attributes.
    Listings,
    /// What users did with flyers.
    FlyerEvents,
    /// Nothing that is known.
    Unknown,
}

/// A source before the job is known.
#[derive(Clone, Debug)]
pub(super) struct Draft<'s> {
    pub(super) family: &'s Surveyed,
    pub(super) kind: RowKind,
    /// Roles and their columns.
    pub(super) roles: Vec<(Role, &'s SurveyedColumn)>,
    /// Comments: what else could have been chosen.
    pub(super) doubts: Vec<String>,
    /// The list whose elements are the rows.
    pub(super) explode: Option<&'s SurveyedColumn>,
    /// What is missing, if it cannot be used.
    pub(super) missing: Vec<&'static str>,
    /// Further logs of the same columns, which are read as one with it.
    pub(super) more: Vec<Draft<'s>>,
}

impl<'s> Draft<'s> {
    /// The draft of a family.
    pub(super) fn new(family: &'s Surveyed) -> Draft<'s> {
        let mut draft = Draft {
            family,
            kind: RowKind::Unknown,
            roles: Vec::new(),
            doubts: Vec::new(),
            explode: None,
            missing: Vec::new(),
            more: Vec::new(),
        };
        draft.kind = draft.row_kind();
        draft.take_roles();
        draft
    }

    /// The column of a role.
    pub(super) fn role(&self, role: Role) -> Option<&'s SurveyedColumn> {
        let mut roles = self.roles.iter();
        roles
            .find(|(own, _)| *own == role)
            .map(|(_, column)| *column)
    }

    /// Itself, and the logs that are read as one with it.
    pub(super) fn all(&self) -> impl Iterator<Item = &Draft<'s>> {
        std::iter::once(self).chain(&self.more)
    }

    /// Whether another log can be read as one with it: it has the same columns, written in the same way, and
    /// nothing tells other types.
    pub(super) fn is_like(&self, other: &Draft<'s>) -> bool {
        let columns = |draft: &Draft<'s>| -> Vec<&'s str> {
            let columns = &draft.family.columns;
            let mut names: Vec<&str> = columns.iter().map(|column| column.name.as_str()).collect();
            names.sort_unstable();
            names
        };
        let time = |draft: &Draft<'s>| draft.role(Role::Time).map(|column| column.time);
        let is_plain = |draft: &Draft<'s>| {
            let family = draft.family;
            draft.kind == RowKind::Actions
                && draft.role(Role::Type).is_none()
                && draft.explode.is_none()
                && family.day_from.is_none()
                && !family.layout.is_headless
                && !family.layout.has_backslashes
        };
        is_plain(self)
            && is_plain(other)
            && columns(self) == columns(other)
            && time(self) == time(other)
    }

    /// The first word of its path: the name of its folder, or of its file without numbers.
    pub(super) fn stem(&self) -> String {
        let path = self.family.top_folder().unwrap_or(&self.family.paths[0]);
        let file = path.rsplit('/').next().unwrap_or(path);
        let stem = file.split('.').next().unwrap_or_default();
        // Of a glob what all names have.
        let stem = stem.replace('*', "");
        match stem.trim_matches(['-', '_']) {
            "" => "log".to_owned(),
            stem => stem.to_owned(),
        }
    }

    /// What the rows are, by the columns that the family has.
    fn row_kind(&mut self) -> RowKind {
        let columns = &self.family.columns;
        let has = |role| find(columns, role, &[]).is_some();
        let stem = plain(&self.stem());
        let says = |words: &[&str]| words.iter().any(|word| stem.contains(word));
        if has(Role::Flyer) && has(Role::Merchant) && has(Role::Time) && has(Role::Type) {
            return RowKind::FlyerEvents;
        }
        if let Some(list) = self.list_of_items() {
            let field =
                |role| matches!(&list.list, Some(own) if find(&own.fields, role, &[]).is_some());
            let is_log = field(Role::Time) || (has(Role::Type) && !field(Role::Label));
            let objects = matches!(&list.list, Some(own) if own.kind == ListKind::Objects);
            if objects && is_log && field(Role::Item) {
                self.explode = Some(list);
                return RowKind::Actions;
            }
            return RowKind::Impressions;
        }
        if !has(Role::Item) && !self.is_headless() {
            return RowKind::Unknown;
        }
        let is_listing = has(Role::Created) && (has(Role::Category) || has(Role::Price));
        if is_listing && !has(Role::Customer) {
            return RowKind::Listings;
        }
        // A time of actions tells what the name of a folder does not.
        let are_actions = columns
            .iter()
            .any(|column| ACTION_TIMES.contains(&plain(&column.name).as_str()));
        let is_shown =
            says(&["impression", "shown", "exposure", "slate", "recommend"]) && !are_actions;
        let is_labelled = (has(Role::Label) || has(Role::Position)) && !has(Role::Type);
        if is_shown || (is_labelled && !says(&["click", "cart", "order", "view", "purchase"])) {
            return RowKind::FlatImpressions;
        }
        RowKind::Actions
    }

    /// Whether its columns have no names.
    pub(super) fn is_headless(&self) -> bool {
        self.family.layout.is_headless
    }

    /// The column with the items of an impression, or with the events of a session.
    fn list_of_items(&self) -> Option<&'s SurveyedColumn> {
        let columns = &self.family.columns;
        let named = find(columns, Role::Items, &[]).map(|found| found.column);
        let with_items = || {
            columns.iter().find(|column| match &column.list {
                Some(list) if list.kind == ListKind::Objects => {
                    find(&list.fields, Role::Item, &[]).is_some()
                }
                _ => false,
            })
        };
        // Texts that may be lists are so only by their names, if there are names.
        let of_texts = || self.list_of_texts().filter(|_| self.is_headless());
        named.or_else(with_items).or_else(of_texts)
    }

    /// The column of texts with items and labels; without labels the last one, if others hold what came before.
    fn list_of_texts(&self) -> Option<&'s SurveyedColumn> {
        let columns = self.family.columns.iter();
        let lists = columns.filter_map(|column| match &column.list.as_ref()?.kind {
            ListKind::Text {
                label_separator, ..
            } => Some((column, label_separator.is_some())),
            _ => None,
        });
        let lists: Vec<(&SurveyedColumn, bool)> = lists.collect();
        let labelled = lists.iter().find(|(_, is_labelled)| *is_labelled);
        let last = lists.last().filter(|_| lists.len() > 1);
        labelled.or(last).map(|(column, _)| *column)
    }

    /// The items of its impressions, if they are texts with labels.
    pub(super) fn labelled_texts(&self) -> Option<&'s SurveyedColumn> {
        let items = self.role(Role::Items)?;
        let kind = items.list.as_ref().map(|list| &list.kind);
        let is_labelled = matches!(
            kind,
            Some(ListKind::Text {
                label_separator: Some(_),
                ..
            })
        );
        is_labelled.then_some(items)
    }

    /// Finds the columns of all roles that such rows need.
    fn take_roles(&mut self) {
        let wanted: &[(Role, &'static str)] = match self.kind {
            RowKind::Impressions => &[(Role::Customer, "customer_id")],
            RowKind::FlatImpressions => &[(Role::Customer, "customer_id"), (Role::Item, "item_id")],
            RowKind::Actions => &[
                (Role::Customer, "customer_id"),
                (Role::Item, "item_id"),
                (Role::Time, "time"),
            ],
            RowKind::Listings => &[
                (Role::Item, "listing_id"),
                (Role::Created, "created_ts"),
                (Role::Price, "price"),
                (Role::Category, "category"),
            ],
            RowKind::FlyerEvents => &[
                (Role::Flyer, "flyer_id"),
                (Role::Merchant, "merchant_id"),
                (Role::Time, "timestamp"),
                (Role::Type, "event"),
                (Role::Customer, "user_id"),
            ],
            RowKind::Unknown => &[],
        };
        if self.kind == RowKind::Impressions
            && let Some(list) = self.list_of_items()
        {
            self.roles.push((Role::Items, list));
        }
        // Times and types first where columns have no names: the ids are what is left.
        if self.is_headless() {
            self.take_by_values();
        }
        let optional: &[Role] = match self.kind {
            RowKind::Impressions => &[
                Role::Ranking,
                Role::Time,
                Role::Day,
                Role::Labels,
                Role::Clicked,
            ],
            RowKind::FlatImpressions => &[
                Role::Label,
                Role::Position,
                Role::Ranking,
                Role::Time,
                Role::Day,
            ],
            RowKind::Actions => &[Role::Type],
            RowKind::Listings => &[Role::ValidFrom],
            _ => &[],
        };
        for (role, ours) in wanted {
            if !self.take(*role) && self.role(*role).is_none() {
                self.missing.push(*ours);
            }
        }
        for role in optional {
            self.take(*role);
        }
        self.check_time();
    }

    /// Takes the best column of a role; says whether there is one.
    fn take(&mut self, role: Role) -> bool {
        if self.role(role).is_some() {
            return true;
        }
        let taken: Vec<&str> = self
            .roles
            .iter()
            .map(|(_, column)| column.name.as_str())
            .collect();
        let inner = self.explode.and_then(|list| list.list.as_ref());
        let of_elements = inner.and_then(|list| find(&list.fields, role, &[]));
        let of_records = find(&self.family.columns, role, &taken);
        let found = match (of_elements, of_records) {
            // What the elements have is their own.
            (Some(inner), _) if role != Role::Customer => Some(inner),
            (inner, outer) => outer.or(inner),
        };
        let Some(Found { column, other }) = found else {
            return false;
        };
        if let Some(other) =
            other.filter(|other| role == Role::Customer && is_better(other, column))
        {
            let (other_name, name) = (&other.name, &column.name);
            self.doubts.push(format!(
                "\"{other_name}\", as most rows have the same \"{name}\""
            ));
            self.roles.push((role, other));
            return true;
        }
        // A day beside a time is no other choice.
        let is_choice = |other: &&SurveyedColumn| role != Role::Time || other.time.has_clock();
        let other = other.filter(is_choice);
        if let Some(other) = other.filter(|_| !is_usual(role, &column.name)) {
            self.doubts.push(format!(
                "{} may be \"{}\" or \"{}\"",
                role.noun(),
                column.name,
                other.name
            ));
        }
        self.roles.push((role, column));
        true
    }

    /// Takes columns without names: the time and the type by their values, then a customer and an item.
    fn take_by_values(&mut self) {
        // The first column of impressions is their own id.
        let roles: &[Role] = match self.kind {
            RowKind::Impressions => &[Role::Time, Role::Ranking, Role::Customer],
            _ => &[Role::Time, Role::Type, Role::Customer, Role::Item],
        };
        for role in roles {
            let taken: Vec<&str> = self
                .roles
                .iter()
                .map(|(_, column)| column.name.as_str())
                .collect();
            if let Some(column) = find_by_values(&self.family.columns, *role, &taken) {
                self.roles.push((*role, column));
            }
        }
        self.doubts
            .push("no column has a name, so all are guessed by their values".to_owned());
    }

    /// Whether a column is one of numbers by the schema of its file, to which no format of times applies.
    fn is_stored_number(&self, column: &SurveyedColumn) -> bool {
        let has_schema = matches!(self.family.format, Format::Parquet | Format::Arrow);
        has_schema && column.is_whole && !column.is_text
    }

    /// Leaves out times that cannot be read, with the reason.
    fn check_time(&mut self) {
        let time = |draft: &Draft<'_>| draft.role(Role::Time).map(|column| column.time);
        if time(self) == Some(SurveyedTime::MixedIntegers) {
            self.missing.push("one unit of times: they have several");
        }
        let are_shown = matches!(self.kind, RowKind::Impressions | RowKind::FlatImpressions);
        // A day is no cutoff to the second.
        let is_kept = |time: SurveyedTime| {
            if are_shown {
                time.has_clock()
            } else {
                time.is_readable() || time == SurveyedTime::MixedIntegers
            }
        };
        self.roles
            .retain(|(role, column)| *role != Role::Time || is_kept(column.time));
        if are_shown {
            self.take(Role::Day);
        }
        let when = self.role(Role::Time).or_else(|| self.role(Role::Day));
        if when
            .is_some_and(|column| self.is_stored_number(column) && column.time.format().is_some())
        {
            self.missing
                .push("times: there are days such as 20250815, stored as numbers");
        }
    }
}

/// Whether a customer is better known by another column: most rows have the same device, which stands for none.
fn is_better(other: &SurveyedColumn, column: &SurveyedColumn) -> bool {
    const VALUES_MIN: u64 = 100;
    let is_device = ["deviceid", "cookieid", "anonymousid"].contains(&plain(&column.name).as_str());
    let is_one = |column: &SurveyedColumn| {
        let most = column.words.iter().map(|(_, count)| *count).max();
        2 * most.unwrap_or_default() > column.values
    };
    is_device && column.values >= VALUES_MIN && is_one(column) && !is_one(other)
}

/// Whether a name says its role beyond doubt.
fn is_usual(role: Role, name: &str) -> bool {
    role.names()
        .iter()
        .take(2)
        .any(|usual| *usual == plain(name))
}
