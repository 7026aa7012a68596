//! Drafts of sources to the lines of a job file.

use hitherto::{Format, ListKind, SurveyedColumn, SurveyedTime, SurveyedWords, TimeUnit};

use super::draft::{Draft, RowKind};
use super::names::Role;
use super::types::codes_of;
use crate::cli::job::quoted;

/// The table of a source.
pub(super) struct Table<'a> {
    pub(super) draft: &'a Draft<'a>,
    /// Its name.
    pub(super) name: &'a str,
    /// Our names of its columns, by role.
    pub(super) ours: &'a [(Role, &'static str)],
    /// The words of its column of types, if it has codes for them.
    pub(super) types: Option<&'a SurveyedWords>,
    /// Whether the unit of its times is its own.
    pub(super) has_own_unit: bool,
    /// Further lines.
    pub(super) more: Vec<String>,
}

impl Table<'_> {
    /// The lines of the table.
    pub(super) fn lines(&self) -> Vec<String> {
        let mut lines = vec![
            String::new(),
            format!("# {}", self.title()),
            format!("[sources.{}]", self.name),
        ];
        let paths = self.draft.all().flat_map(|draft| &draft.family.paths);
        let paths: Vec<String> = paths.map(|path| quoted(path)).collect();
        lines.push(match &paths[..] {
            [path] => format!("path = {path}"),
            paths => format!("path = [{}]", paths.join(", ")),
        });
        if !self.draft.more.is_empty() {
            lines.push(
                "# guess: logs of the same columns are one; one with a type of its own needs its own table"
                    .to_owned(),
            );
        }
        for doubt in &self.draft.doubts {
            lines.push(format!("# guess: {doubt}"));
        }
        if !self.draft.missing.is_empty() {
            lines.push(format!("# missing: {}", self.draft.missing.join(", ")));
        }
        lines.extend(self.columns());
        lines.extend(self.settings());
        lines.extend(self.type_lines());
        lines.extend(self.more.iter().cloned());
        lines
    }

    /// What it is.
    fn title(&self) -> String {
        let family = self.draft.family;
        let mut more = self.draft.more.iter();
        let format = match family.format {
            own if more.any(|other| other.family.format != own) => "several formats",
            Format::Parquet => "Parquet",
            Format::Csv => "CSV",
            Format::Ndjson => "NDJSON",
            Format::Json => "JSON",
            Format::Arrow => "Arrow IPC",
        };
        let files = self.draft.all().map(|draft| draft.family.files.len());
        let files = match files.sum() {
            1_usize => String::new(),
            files => format!(", {files} files"),
        };
        let names: Vec<&str> = family
            .columns
            .iter()
            .map(|column| column.name.as_str())
            .collect();
        format!("{format}{files}; columns {}", names.join(", "))
    }

    /// The key `columns`, for columns with other names.
    fn columns(&self) -> Vec<String> {
        let roles = self
            .ours
            .iter()
            .filter_map(|(role, ours)| Some((*ours, self.draft.role(*role)?)));
        let mut pairs: Vec<(&str, &str)> = roles
            .map(|(ours, column)| (ours, column.name.as_str()))
            .collect();
        let list = self
            .draft
            .role(Role::Items)
            .and_then(|column| column.list.as_ref());
        let fields = list.filter(|list| list.kind == ListKind::Objects);
        for (role, ours) in [(Role::Item, "item_id"), (Role::Label, "is_order")] {
            let found = fields.and_then(|list| super::roles::find(&list.fields, role, &[]));
            pairs.extend(found.map(|found| (ours, found.column.name.as_str())));
        }
        // Orders are of their day without being told so.
        pairs.retain(|pair| pair.0 != pair.1 && *pair != ("occurred_at", "order_date"));
        // The header has our names.
        if pairs.is_empty() || self.draft.is_headless() {
            return Vec::new();
        }
        let pairs: Vec<String> = pairs
            .iter()
            .map(|(ours, theirs)| format!("{ours} = {}", quoted(theirs)))
            .collect();
        vec![format!("columns = {{ {} }}", pairs.join(", "))]
    }

    /// The name of a column in the job: ours, if the files have no names.
    pub(super) fn name_of<'n>(&'n self, column: &'n SurveyedColumn) -> &'n str {
        let draft = self.draft;
        let is_it = |role| draft.role(role).is_some_and(|own| own.name == column.name);
        let mut own = self.ours.iter();
        let own = own.find(|(role, _)| draft.is_headless() && is_it(*role));
        own.map_or(column.name.as_str(), |(_, ours)| *ours)
    }

    /// How its files are read.
    fn settings(&self) -> Vec<String> {
        let (family, draft) = (self.draft.family, self.draft);
        let mut lines = Vec::new();
        if draft.is_headless() {
            let names = family.columns.iter();
            let names: Vec<String> = names.map(|column| quoted(self.name_of(column))).collect();
            lines.push(format!("header = [{}]", names.join(", ")));
            if family.layout.delimiter != "," {
                lines.push(format!("delimiter = {}", quoted(&family.layout.delimiter)));
            }
        }
        if family.layout.has_backslashes {
            lines.push("# guess: quotes inside quotes stand behind backslashes".to_owned());
            lines.push(format!("escape = {}", quoted("\\")));
        }
        if let Some(list) = draft.explode {
            lines.push(format!("explode = {}", quoted(self.name_of(list))));
        }
        if let Some(pattern) = &family.day_from {
            lines.push(format!("day_from = {}", quoted(&pattern.to_string())));
        }
        let lists = draft.role(Role::Items).or(draft.explode);
        let lists = lists.and_then(|column| column.list.as_ref());
        if let Some(ListKind::Text {
            separator,
            label_separator,
        }) = lists.map(|list| &list.kind)
        {
            lines.push(format!(
                "item_separator = {}",
                quoted(&separator.to_string())
            ));
            lines.extend(
                label_separator.map(|by| format!("label_separator = {}", quoted(&by.to_string()))),
            );
        }
        let mut times = [Role::Time, Role::Day].into_iter();
        if let Some(format) = times.find_map(|role| draft.role(role)?.time.format()) {
            lines.push(format!("# guess: {}", guess_of(format)));
            lines.push(format!("time_format = {}", quoted(format)));
        }
        if let (true, Some(unit)) = (self.has_own_unit, unit_of(draft)) {
            lines.push("# guess: by the size of the integers".to_owned());
            lines.push(format!("time_unit = \"{}\"", unit_name(unit)));
        }
        lines
    }

    /// The types of its actions.
    fn type_lines(&self) -> Vec<String> {
        let column = self.draft.role(Role::Type);
        let (Some(column), Some(types)) = (column, self.types) else {
            return Vec::new();
        };
        let codes = codes_of(&types.words);
        let codes: Vec<String> = codes
            .iter()
            .map(|(word, code)| format!("{} = {code}", quoted(word)))
            .collect();
        let is_dropped = types.nulls > 0 || !types.alone.is_empty();
        let other = if is_dropped {
            "# guess: by the values of the first records; others, and null, are left out and counted"
        } else {
            "# guess: by the values of the first records; others are errors, \"drop\" leaves them out"
        };
        let mut lines = vec![other.to_owned()];
        if !types.alone.is_empty() {
            let alone: Vec<String> = types.alone.iter().map(|word| quoted(word)).collect();
            lines.push(format!(
                "# guess: no row of {} has an item, so they are left out",
                alone.join(", ")
            ));
        }
        lines.extend([
            format!("type_column = {}", quoted(&column.name)),
            format!("types = {{ {} }}", codes.join(", ")),
            format!(
                "other_types = \"{}\"",
                if is_dropped { "drop" } else { "error" }
            ),
        ]);
        lines
    }
}

/// What is guessed by a format of times.
fn guess_of(format: &str) -> &'static str {
    match format.get(..2) {
        Some("%m") => "months before days",
        Some("%d") => "days before months",
        _ if format.contains('-') => "times are hours without minutes",
        _ if format.contains("%M") => "numbers such as 20250815093000 are times",
        _ if format.contains("%H") => "numbers such as 25081509 are hours",
        _ => "numbers such as 20250815 are days",
    }
}

/// The unit of the integer times of a source.
pub(super) fn unit_of(draft: &Draft<'_>) -> Option<TimeUnit> {
    match draft.role(Role::Time)?.time {
        SurveyedTime::Integers(unit) => Some(unit),
        _ => None,
    }
}

/// The word of a unit.
pub(super) fn unit_name(unit: TimeUnit) -> &'static str {
    match unit {
        TimeUnit::Second => "s",
        TimeUnit::Milli => "ms",
        TimeUnit::Micro => "us",
        TimeUnit::Nano => "ns",
    }
}

/// Our names of the columns of impressions.
pub(super) const IMPRESSIONS: [(Role, &str); 10] = [
    (Role::Ranking, "ranking_id"),
    (Role::Customer, "customer_id"),
    (Role::Items, "impressions"),
    (Role::Labels, "labels"),
    (Role::Clicked, "clicked"),
    (Role::Item, "item_id"),
    (Role::Label, "is_order"),
    (Role::Position, "position"),
    (Role::Day, "dt"),
    (Role::Time, "impression_time"),
];

/// Whether rows are impressions.
pub(super) fn are_impressions(draft: &Draft<'_>) -> bool {
    matches!(draft.kind, RowKind::Impressions | RowKind::FlatImpressions)
}

/// A key of TOML.
pub(super) fn key_of(name: &str) -> String {
    let is_bare = name
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'));
    if is_bare && !name.is_empty() {
        name.to_owned()
    } else {
        quoted(name)
    }
}
