//! The text of the job file, and what is said of it.

use std::path::Path;

use hitherto::{
    JobKind, LeftOut, Result, SurveyedColumn, SurveyedTime, SurveyedWords, survey_words,
};

use super::choose::{Choice, usual};
use super::draft::{Draft, RowKind};
use super::names::{Role, plain};
use super::own_keys::{as_of, ours_of, roles_of_events};
use super::roles::is_text_list;
use super::trial::trial;
use super::types::{code_of_log, order_of};
use super::write::{Table, are_impressions, key_of, unit_name, unit_of};
use crate::cli::job::quoted;

/// Records in which types are looked for.
const TYPE_RECORDS_MAX: usize = 20_000;
/// The most paths that are named of those that are left out.
const LEFT_OUT_MAX: usize = 20;
/// What is said of the choice of some items as actions.
const LABELLED: &str =
    "# guess: there is no log of actions, so the items with this label are the actions";
/// Words in the names of lists of what came before an impression.
const BEFORE: [&str; 4] = ["history", "previous", "prior", "past"];

/// A job file while it is written.
pub(super) struct JobText<'a> {
    folder: &'a Path,
    choice: &'a Choice<'a>,
    left_out: &'a [LeftOut],
    /// The types of each source; none of those without a column of types.
    types: Vec<Option<SurveyedWords>>,
}

impl<'a> JobText<'a> {
    /// A job file of a choice.
    ///
    /// # Errors
    /// If a file cannot be read again.
    pub(super) fn new(
        folder: &'a Path,
        choice: &'a Choice<'a>,
        left_out: &'a [LeftOut],
    ) -> Result<JobText<'a>> {
        let types = choice
            .sources
            .iter()
            .map(|(_, draft)| types_of(folder, draft));
        Ok(JobText {
            folder,
            choice,
            left_out,
            types: types.collect::<Result<_>>()?,
        })
    }

    /// The lines of the file.
    pub(super) fn lines(&self) -> String {
        let kind = self.choice.kind.name();
        let mut lines = vec![
            format!(
                "# A first job file for {}, made of what lies there. Look at every guess, then:",
                self.folder.display()
            ),
            "#   hitherto job show FILE".to_owned(),
            format!("#   hitherto {kind} --job FILE --out training"),
            format!("job = \"{kind}\""),
        ];
        lines.extend(self.settings());
        for (at, (name, draft)) in self.choice.sources.iter().enumerate() {
            lines.extend(self.table(name, draft, self.types[at].as_ref()).lines());
        }
        lines.extend(self.unused());
        lines.join("\n") + "\n"
    }

    /// What is said when the file is written: the command, and the first rows or what is missing.
    pub(super) fn report(&self, path: &Path) -> String {
        let kind = self.choice.kind.name();
        let mut said = format!("wrote {}; look at its guesses\n", path.display());
        if self.choice.sources.is_empty() {
            said.push_str("missing: no file here has a column of customers and one of items\n");
            return said;
        }
        said.push_str(&format!(
            "run it with: hitherto {kind} --job {} --out training\n",
            path.display()
        ));
        said.push_str(&trial(kind, path));
        said
    }

    /// Settings of all sources.
    fn settings(&self) -> Vec<String> {
        let mut lines = Vec::new();
        let drafts = || self.choice.sources.iter().map(|(_, draft)| draft);
        let impressions = drafts().find(|draft| are_impressions(draft));
        if self.choice.kind == JobKind::Sequences {
            match impressions {
                Some(impressions) if impressions.role(Role::Time).is_some() => {
                    lines.push(
                        "# guess: impressions have a column of times; \"day\" is the other choice"
                            .to_owned(),
                    );
                    lines.push("cutoff = \"time\"".to_owned());
                }
                Some(_) => {}
                None => lines.extend(self.impressions_from()),
            }
            lines.extend(self.ids());
            lines.extend(self.without_actions());
        }
        if self.choice.kind == JobKind::Dwell {
            lines.extend(
                drafts()
                    .find_map(|draft| {
                        roles_of_events(draft, self.types[0].as_ref().map(|types| &types.words[..]))
                    })
                    .unwrap_or_default(),
            );
        }
        if self.choice.kind == JobKind::Features
            && let Some(listings) = drafts().find(|draft| draft.kind == RowKind::Listings)
        {
            lines.extend(as_of(listings));
        }
        if let Some(unit) = self.unit() {
            lines.push("# guess: by the size of the integers".to_owned());
            lines.push(format!("time_unit = \"{unit}\""));
        }
        let times = drafts()
            .filter_map(|draft| draft.role(Role::Time))
            .map(|column| column.time);
        let times: Vec<SurveyedTime> = times.collect();
        let are_instants = |time: &SurveyedTime| {
            matches!(
                time,
                SurveyedTime::Instants | SurveyedTime::Integers(_) | SurveyedTime::Texts
            )
        };
        let are_walls = |time: &SurveyedTime| {
            matches!(time, SurveyedTime::Walls | SurveyedTime::Texts)
                || (time.format().is_some() && time.has_clock())
        };
        if times.iter().any(are_instants) && times.iter().any(are_walls) {
            lines.push(
                "# guess: the zone of times without an offset, which stand beside times with one"
                    .to_owned(),
            );
            lines.push("timezone = \"UTC\"".to_owned());
        }
        lines
    }

    /// The rows of a log that are the impressions.
    fn impressions_from(&self) -> Vec<String> {
        let mut logs = self.choice.sources.iter().zip(&self.types);
        let with_orders = logs.clone().find_map(|((name, draft), types)| {
            let word = order_of(&types.as_ref()?.words)?;
            Some((name, draft.role(Role::Type)?, word.to_owned()))
        });
        if let Some((name, column, word)) = with_orders {
            return vec![
                format!(
                    "# guess: nothing here looks like impressions, so each \"{word}\" is one, of its own item"
                ),
                format!(
                    "impressions_from = {{ source = \"{name}\", where = {{ {} = {} }} }}",
                    key_of(&column.name),
                    quoted(&word)
                ),
            ];
        }
        let orders = logs
            .clone()
            .find(|((name, _), _)| name == "orders" || code_of_log(name) == Some(3));
        let Some(((name, _), _)) = orders.or_else(|| logs.next()) else {
            return vec![
                "# missing: no file here has a column of customers and one of items".to_owned(),
            ];
        };
        vec![
            "# guess: nothing here looks like impressions, so each row is one, of its own item"
                .to_owned(),
            format!("impressions_from = {{ source = \"{name}\" }}"),
        ]
    }

    /// What is said of impressions without a log of actions of its own: their lists of what came before stay as they
    /// are.
    fn without_actions(&self) -> Vec<String> {
        let [(_, shown), others @ ..] = &self.choice.sources[..] else {
            return Vec::new();
        };
        let is_same = |draft: &Draft<'_>| std::ptr::eq(draft.family, shown.family);
        if !are_impressions(shown) || !others.iter().all(|(_, draft)| is_same(draft)) {
            return Vec::new();
        }
        let is_before = |column: &SurveyedColumn| {
            let says = |word: &str| plain(&column.name).contains(word);
            is_split(column)
                && key_of(&column.name) == column.name
                && (shown.is_headless() || BEFORE.iter().any(|word| says(word)))
        };
        let has_role = |name: &str| shown.roles.iter().any(|(_, column)| column.name == name);
        let columns = shown.family.columns.iter();
        let lists = columns.filter(|column| is_before(column) && !has_role(&column.name));
        let lists: Vec<String> = lists.map(|column| quoted(&column.name)).collect();
        let mut lines = Vec::new();
        if others.is_empty() {
            lines.push("# missing: a log of actions, so all histories are empty".to_owned());
        }
        if !lists.is_empty() {
            lines.push("# guess: lists of what came before, which are kept as they are".to_owned());
            lines.push(format!("keep = [{}]", lists.join(", ")));
        }
        lines
    }

    /// Settings of ids.
    fn ids(&self) -> Vec<String> {
        let mut lines = Vec::new();
        let sources = || self.choice.sources.iter();
        let drafts = || sources().flat_map(|(_, draft)| draft.all());
        let mut customers = drafts().filter_map(|draft| draft.role(Role::Customer));
        // A column without values proves nothing about its type.
        let is_text =
            |column: &&SurveyedColumn| column.values > 0 && (!column.is_whole || column.is_text);
        if let Some(column) = customers.find(is_text) {
            lines.push(format!("# guess: \"{}\" is text", column.name));
            lines.push("customer_type = \"string\"".to_owned());
        }
        let items: Vec<&SurveyedColumn> = drafts()
            .filter_map(item_of)
            .filter(|column| column.values > 0)
            .collect();
        let is_code = |column: &&&SurveyedColumn| {
            !column.is_whole || column.range.is_some_and(|(least, _)| least < 1)
        };
        if let Some(column) = items.iter().find(is_code) {
            let why = if column.is_whole {
                "has items below 1"
            } else {
                "is text"
            };
            let name = match column.name.as_str() {
                // Elements of a list have no name.
                "" => "an item of a list".to_owned(),
                name => quoted(name),
            };
            lines.push(format!("# guess: {name} {why}, so items get codes"));
            lines.push("item_vocabulary = \"build\"".to_owned());
        } else if items.iter().any(|column| {
            column
                .range
                .is_some_and(|(_, most)| most > i64::from(i32::MAX))
        }) {
            lines.push("item_type = \"int64\"".to_owned());
        }
        lines
    }

    /// The unit of integer times, if all sources have the same.
    fn unit(&self) -> Option<&'static str> {
        let units = self
            .choice
            .sources
            .iter()
            .filter_map(|(_, draft)| unit_of(draft));
        let units: Vec<&'static str> = units.map(unit_name).collect();
        let first = units.first().copied();
        first.filter(|first| units.iter().all(|unit| unit == first))
    }

    /// The table of a source.
    fn table<'t>(
        &'t self,
        name: &'t str,
        draft: &'t Draft<'t>,
        types: Option<&'t SurveyedWords>,
    ) -> Table<'t> {
        let source = usual(name);
        let is_log = self.choice.kind == JobKind::Sequences && !are_impressions(draft);
        let mut table = Table {
            draft,
            name,
            ours: ours_of(self.choice.kind, draft.kind, name),
            types: types.filter(|_| is_log),
            has_own_unit: self.unit().is_none(),
            more: Vec::new(),
        };
        let mut more = Vec::new();
        if let Some(label) = draft.role(Role::Label).filter(|_| is_log) {
            let words = label.words.iter().map(|(word, _)| word.as_str());
            let is_yes = |word: &&str| {
                !matches!(
                    word.to_ascii_lowercase().as_str(),
                    "0" | "0.0" | "false" | "f" | "no" | "n"
                )
            };
            let yes = words.rev().find(is_yes).unwrap_or("1");
            more.push(LABELLED.to_owned());
            more.push(format!(
                "where = {{ {} = {} }}",
                key_of(&label.name),
                quoted(yes)
            ));
        } else if let Some(list) = draft.explode.filter(|list| is_split(list)) {
            let label = format!("{}.label", table.name_of(list));
            more.push(LABELLED.to_owned());
            more.push(format!("where = {{ {} = \"1\" }}", key_of(&label)));
        }
        let is_plain = source.is_none_or(|source| !hitherto::Source::ACTIONS.contains(&source));
        if is_log && is_plain && types.is_none() {
            let code = code_of_log(name);
            let why = match code {
                Some(_) => "by its name",
                None => "nothing tells types, so all rows have one",
            };
            more.push(format!("# guess: {why}; 1 click, 2 cart, 3 order"));
            more.push(format!("type = {}", code.unwrap_or(1)));
        }
        table.more = more;
        table
    }

    /// What is not used, and why.
    fn unused(&self) -> Vec<String> {
        let mut all: Vec<String> = Vec::new();
        for (path, reason) in &self.choice.unused {
            all.push(format!(
                "# {path} is left out: {}",
                reason.replace('\n', " ")
            ));
        }
        for file in self.left_out {
            all.push(format!("# {} is left out: {}", file.path, file.reason));
        }
        let rest = all.len().saturating_sub(LEFT_OUT_MAX);
        all.truncate(LEFT_OUT_MAX);
        if rest > 0 {
            all.push(format!("# and {rest} more are left out"));
        }
        if !all.is_empty() {
            all.insert(0, String::new());
        }
        all
    }
}

/// The column of items, which may be inside a list.
fn item_of<'a>(draft: &'a Draft<'_>) -> Option<&'a SurveyedColumn> {
    let of_texts = draft.explode.filter(|list| is_split(list));
    if let (Some(column), None) = (draft.role(Role::Item), of_texts) {
        return Some(column);
    }
    let list = draft.role(Role::Items).or(of_texts)?.list.as_ref()?;
    let found = super::roles::find(&list.fields, Role::Item, &[]);
    found
        .map(|found| found.column)
        .or_else(|| list.fields.first().filter(|column| column.name.is_empty()))
}

/// Whether a list is a text with separators.
fn is_split(list: &SurveyedColumn) -> bool {
    list.list.as_ref().is_some_and(is_text_list)
}

/// The types of a source, if a column tells them; also of records behind the first ones.
fn types_of(folder: &Path, draft: &Draft<'_>) -> Result<Option<SurveyedWords>> {
    let Some(column) = draft.role(Role::Type) else {
        return Ok(None);
    };
    if draft.explode.is_some() {
        return Ok(Some(SurveyedWords {
            words: column.words.clone(),
            ..SurveyedWords::default()
        }));
    }
    let item = item_of(draft).map_or("", |item| item.name.as_str());
    let family = draft.family;
    let mut types = survey_words(folder, family, &column.name, item, TYPE_RECORDS_MAX)?;
    if types.alone.len() == types.words.len() {
        types.alone.clear();
    }
    let alone = types.alone.clone();
    types.words.retain(|(word, _)| !alone.contains(word));
    Ok((1..=super::roles::TYPES_MAX)
        .contains(&types.words.len())
        .then_some(types))
}
