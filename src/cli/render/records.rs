//! Rows as people read them: cards of impressions, and bad rows as a compiler prints errors; `table` has
//! tables.
//!
//! **In / Out**: rows of `head` → lines of at most `width` characters. **Invariants**: no value
//! can send a command to the terminal: control characters are escaped.

use hitherto::{HeadRow, HeadValue, date_text};

/// Between two columns.
pub(crate) const GAP: &str = "  ";
/// Columns that always describe an item, not its impression.
const ITEM_COLUMNS: [&str; 3] = ["position", "item_id", "is_order"];
/// Columns that identify the impression of a row.
const IMPRESSION_COLUMNS: [&str; 3] = ["customer_id", "ranking_id", "cutoff"];

/// The columns of a row that hold its history: `actions`, and the lists of its length behind it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct HistoryColumns {
    /// The column `actions`.
    first: usize,
    /// The length of the lists, padding included.
    stored: usize,
    /// The number of actions.
    pub(crate) count: usize,
}

impl HistoryColumns {
    /// Those of a row, if it has a history.
    pub(crate) fn new(columns: &[String], row: &HeadRow) -> Option<HistoryColumns> {
        let column = |name: &str| columns.iter().position(|column| column == name);
        let (first, length) = (column("actions")?, column("history_length")?);
        match (row.values.get(first)?, row.values.get(length)?) {
            (HeadValue::List(actions), HeadValue::Int(count)) => Some(HistoryColumns {
                first,
                stored: actions.len(),
                // `head` does not check files, so the length may be more than the list has.
                count: usize::try_from(*count).ok()?.min(actions.len()),
            }),
            _ => None,
        }
    }

    /// Whether a list in a column belongs to the history.
    pub(crate) fn has(self, column: usize, list: &[HeadValue]) -> bool {
        self.first <= column && list.len() == self.stored
    }
}

/// Rows, and how wide they may be printed.
pub(crate) struct Sheet {
    /// The names of the columns.
    pub(crate) columns: Vec<String>,
    /// The rows.
    pub(crate) rows: Vec<RowTexts>,
    /// Characters of a line, at most.
    pub(crate) width: usize,
}

/// A row as texts.
#[derive(Debug, PartialEq)]
pub(crate) struct RowTexts {
    /// Its day, if the set has a folder for each day.
    day: Option<String>,
    /// Its value in each column.
    pub(crate) cells: Vec<CellText>,
}

/// The value of a row in a column, as text.
#[derive(Debug, PartialEq)]
pub(crate) enum CellText {
    /// A value, and whether it is a number.
    One(String, bool),
    /// The first values of a list, their number in all, and whether the list belongs to the history.
    Many(Vec<String>, usize, bool),
}

impl RowTexts {
    /// A row whose lists are cut to the values that can fit.
    pub(crate) fn new(columns: &[String], row: HeadRow, width: usize) -> RowTexts {
        let history = HistoryColumns::new(columns, &row);
        let cell = |(at, value): (usize, HeadValue)| match value {
            HeadValue::List(list) => {
                let history = history.filter(|history| history.has(at, &list));
                let count = history.map_or(list.len(), |history| history.count);
                // Each value takes at least one character, so more than `width` cannot fit.
                let first = list.iter().take(count.min(width)).map(text_of);
                CellText::Many(first.collect(), count, history.is_some())
            }
            value => {
                let is_number = matches!(value, HeadValue::Int(_) | HeadValue::Float(_));
                CellText::One(text_of(&value), is_number)
            }
        };
        RowTexts {
            day: row.day.map(date_text),
            cells: row.values.into_iter().enumerate().map(cell).collect(),
        }
    }

    /// The text in a column; a list counts as an empty text.
    fn text(&self, column: usize) -> &str {
        match self.cells.get(column) {
            Some(CellText::One(text, _)) => text,
            _ => "",
        }
    }
}

/// A value as a text of one line.
fn text_of(value: &HeadValue) -> String {
    let text = match value {
        HeadValue::Float(value) => rounded(*value),
        value => value.to_string(),
    };
    if !text.contains(char::is_control) {
        return text;
    }
    let escaped = |c: char| {
        if c.is_control() {
            c.escape_default().to_string()
        } else {
            c.to_string()
        }
    };
    text.chars().map(escaped).collect()
}

/// A number with at most six decimals, without trailing zeros.
fn rounded(value: f64) -> String {
    let (exact, text) = (value.to_string(), format!("{value:.6}"));
    if exact.len() <= text.len() || !value.is_finite() {
        exact
    } else {
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    }
}

/// The number of characters of a text.
pub(crate) fn length(text: &str) -> usize {
    text.chars().count()
}

/// A text cut to a number of characters; an ellipsis marks the cut.
pub(crate) fn cut(text: &str, width: usize) -> String {
    if length(text) <= width {
        return text.to_owned();
    }
    let start = text.chars().take(width.saturating_sub(1));
    start.chain(['…']).collect()
}

impl Sheet {
    /// Impressions as cards: columns of the impression, the history, a table of the items.
    pub(crate) fn cards(&self) -> String {
        let item_columns = self.item_columns();
        let is_of_item = |at: &usize| item_columns.contains(at);
        let mut cards = Vec::new();
        let mut rows = &self.rows[..];
        while let Some(first) = rows.first() {
            let is_same = |row: &&RowTexts| {
                // Where a row is a whole impression, equal rows are two impressions.
                !item_columns.is_empty()
                    && row.day == first.day
                    && (0..row.cells.len())
                        .filter(|at| !is_of_item(at))
                        .all(|at| row.cells[at] == first.cells[at])
            };
            let count = rows[1..].iter().take_while(is_same).count() + 1;
            let (card, others) = rows.split_at(count);
            let mut text = self.pairs(first, &item_columns);
            text += &self.lists(first);
            if !item_columns.is_empty() {
                let card: Vec<&RowTexts> = card.iter().collect();
                for line in self.table(&item_columns, &card) {
                    text += &format!("{GAP}{line}\n");
                }
            }
            cards.push(text);
            rows = others;
        }
        cards.join("\n")
    }

    /// The columns that differ between the items of an impression; none if a row is an impression.
    fn item_columns(&self) -> Vec<usize> {
        let at = |name: &str| self.columns.iter().position(|column| column == name);
        let Some(position) = at("position") else {
            return Vec::new();
        };
        let ids: Vec<usize> = IMPRESSION_COLUMNS.into_iter().filter_map(at).collect();
        let is_same = |a: &RowTexts, b: &RowTexts| ids.iter().all(|at| a.text(*at) == b.text(*at));
        let number = |row: &RowTexts| row.text(position).parse::<i64>().unwrap_or(0);
        // Positions ascend within an impression. One that does not begins another, even if all ids
        // agree: repeated impressions are rows of their own.
        let is_next = |a: &RowTexts, b: &RowTexts| is_same(a, b) && number(a) < number(b);
        // Columns of --keep have any name, so their values decide: a column that differs within one
        // impression is one of items.
        let differs = |at: usize| {
            let mut pairs = self.rows.windows(2);
            pairs.any(|pair| is_next(&pair[0], &pair[1]) && pair[0].text(at) != pair[1].text(at))
        };
        let is_of_item = |at: &usize| ITEM_COLUMNS.contains(&&*self.columns[*at]) || differs(*at);
        (0..self.columns.len()).filter(is_of_item).collect()
    }

    /// Names and values of the columns that are no lists, but for some columns.
    fn pairs(&self, row: &RowTexts, but: &[usize]) -> String {
        let cutoff = self.columns.iter().position(|name| name == "cutoff");
        let cutoff = cutoff.map_or("", |at| row.text(at));
        // Most cutoffs begin with the day.
        let day = row.day.iter().filter(|day| !cutoff.starts_with(&***day));
        let mut pairs: Vec<String> = day.map(|day| format!("dt {day}")).collect();
        for (at, cell) in row.cells.iter().enumerate() {
            if let (CellText::One(text, _), false) = (cell, but.contains(&at)) {
                pairs.push(cut(&format!("{} {text}", self.columns[at]), self.width));
            }
        }
        let (mut text, mut used) = (String::new(), 0);
        for pair in pairs {
            let wanted = length(&pair);
            if used > 0 && used + 3 + wanted <= self.width {
                text += " · ";
                used += 3;
            } else if used > 0 {
                text.push('\n');
                used = 0;
            }
            text += &pair;
            used += wanted;
        }
        text.push('\n');
        text
    }

    /// The lists of a row, a line each; those of the history are aligned, an action below the other.
    fn lists(&self, row: &RowTexts) -> String {
        let lists = row.cells.iter().zip(&self.columns);
        let lists = lists.filter_map(|(cell, name)| match cell {
            CellText::Many(texts, count, is_history) => Some((name, texts, *count, *is_history)),
            CellText::One(..) => None,
        });
        let lists: Vec<_> = lists.collect();
        let label = lists
            .iter()
            .map(|(name, ..)| length(name))
            .max()
            .unwrap_or(0);
        let room = self.width.saturating_sub(GAP.len() * 2 + label);
        let mut text = String::new();
        for wanted in [false, true] {
            let group = lists
                .iter()
                .filter(|(.., is_history)| *is_history == wanted);
            let group: Vec<_> = group.collect();
            let widths = |at: usize| {
                let texts = group.iter().filter_map(|(_, texts, ..)| texts.get(at));
                texts.map(|text| length(text)).max()
            };
            let widths: Vec<usize> = (0..).map_while(widths).collect();
            for (name, texts, count, _) in &group {
                let row = match count {
                    0 => "none".to_owned(),
                    _ => aligned(texts, &widths, *count, room),
                };
                text += &format!("{GAP}{name:<label$}{GAP}{row}\n");
            }
        }
        text
    }

    /// Quarantined rows: the place of each, the reason, and its content.
    pub(crate) fn bad_rows(&self) -> String {
        let text = |row: &RowTexts, name: &str| {
            let at = self.columns.iter().position(|column| column == name);
            at.map_or(String::new(), |at| row.text(at).to_owned())
        };
        let bad_row = |bad: &RowTexts| {
            let column = match text(bad, "column") {
                column if column.is_empty() => String::new(),
                column => format!(", column \"{column}\""),
            };
            let (source, file, row) = (text(bad, "source"), text(bad, "file"), text(bad, "row"));
            let record = cut(&text(bad, "record"), self.width.saturating_sub(GAP.len()));
            let reason = self.wrapped(&text(bad, "reason"));
            format!("{source}: {file} row {row}{column}\n{reason}{GAP}{record}\n")
        };
        let bad_rows: Vec<String> = self.rows.iter().map(bad_row).collect();
        bad_rows.join("\n")
    }

    /// A sentence as lines that break between words.
    fn wrapped(&self, text: &str) -> String {
        let mut lines: Vec<String> = Vec::new();
        for word in text.split(' ') {
            match lines.last_mut() {
                Some(line) if length(line) + 1 + length(word) <= self.width => {
                    *line += &format!(" {word}");
                }
                _ => lines.push(format!("{GAP}{word}")),
            }
        }
        lines.iter().map(|line| format!("{line}\n")).collect()
    }
}

/// The first texts of a list, each right-aligned to its width, and how many more there are.
fn aligned(texts: &[String], widths: &[usize], count: usize, room: usize) -> String {
    let (mut row, mut used, mut printed) = (String::new(), 0, 0);
    for (text, width) in texts.iter().zip(widths) {
        let gap = if printed == 0 { 0 } else { GAP.len() };
        let rest = match count - printed - 1 {
            0 => 0,
            more => length(&more_text(more)),
        };
        if printed > 0 && used + gap + width + rest > room {
            break;
        }
        // No underflow: each width is the maximum over the texts of its column.
        row += &" ".repeat(gap + width - length(text));
        row += text;
        used += gap + width;
        printed += 1;
    }
    match count - printed {
        0 => row,
        more => row + &more_text(more),
    }
}

/// What stands for the rest of a list.
fn more_text(count: usize) -> String {
    format!("{GAP}… +{count}")
}
