//! Rows as people read them: cards of impressions, faults like those of a compiler; `bands` has tables.
//!
//! **In / Out**: rows of `head` → lines of at most `width` characters. **Invariants**: what a value
//! holds cannot reach the terminal as a command: control characters are written out.

use hitherto::{HeadRow, HeadValue, date_text};

/// Between two columns.
pub(crate) const GAP: &str = "  ";
/// Columns that are of one item shown, not of the impression.
const OF_ITEM: [&str; 3] = ["position", "item_id", "is_order"];
/// Columns that say which impression a row is of.
const OF_IMPRESSION: [&str; 3] = ["customer_id", "ranking_id", "cutoff"];

/// The history of a row.
#[derive(Clone, Copy, Debug)]
pub(crate) struct History {
    /// The first of its columns; the other lists of the same length follow.
    first: usize,
    /// How long they are, padding included.
    stored: usize,
    /// How many actions it has.
    pub(crate) count: usize,
}

impl History {
    /// The history of a row, if it has one.
    pub(crate) fn new(columns: &[String], row: &HeadRow) -> Option<History> {
        let column = |name: &str| columns.iter().position(|of| of == name);
        let (first, length) = (column("actions")?, column("history_length")?);
        match (row.values.get(first)?, row.values.get(length)?) {
            (HeadValue::List(actions), HeadValue::Int(count)) => Some(History {
                first,
                stored: actions.len(),
                count: usize::try_from(*count).ok()?.min(actions.len()),
            }),
            _ => None,
        }
    }

    /// Whether a list of a column belongs to it.
    pub(crate) fn has(self, column: usize, list: &[HeadValue]) -> bool {
        self.first <= column && list.len() == self.stored
    }
}

/// Rows, and how wide they may be drawn.
pub(crate) struct Sheet {
    /// The names of the columns.
    pub(crate) columns: Vec<String>,
    /// The rows.
    pub(crate) lines: Vec<Line>,
    /// Characters of a line, at most.
    pub(crate) width: usize,
}

/// A row as texts.
#[derive(Debug, PartialEq)]
pub(crate) struct Line {
    /// Its day, where rows lie in folders of days.
    day: Option<String>,
    /// What each column holds.
    pub(crate) cells: Vec<Cell>,
}

/// What a row holds in a column.
#[derive(Debug, PartialEq)]
pub(crate) enum Cell {
    /// A value, and whether it is a number.
    One(String, bool),
    /// The first values of a list, how many it has, and whether they are of the history.
    Many(Vec<String>, usize, bool),
}

impl Line {
    /// A row of which lists are cut to what fits.
    pub(crate) fn new(columns: &[String], row: HeadRow, width: usize) -> Line {
        let history = History::new(columns, &row);
        let cell = |(at, value): (usize, HeadValue)| match value {
            HeadValue::List(list) => {
                let of_history = history.filter(|history| history.has(at, &list));
                let count = of_history.map_or(list.len(), |history| history.count);
                let shown = list.iter().take(count.min(width)).map(text_of);
                Cell::Many(shown.collect(), count, of_history.is_some())
            }
            value => {
                let is_number = matches!(value, HeadValue::Int(_) | HeadValue::Float(_));
                Cell::One(text_of(&value), is_number)
            }
        };
        Line {
            day: row.day.map(date_text),
            cells: row.values.into_iter().enumerate().map(cell).collect(),
        }
    }

    /// The text of a column, a list as none.
    fn text(&self, column: usize) -> &str {
        match self.cells.get(column) {
            Some(Cell::One(text, _)) => text,
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
    let of = |c: char| match c.is_control() {
        true => c.escape_default().to_string(),
        false => c.to_string(),
    };
    text.chars().map(of).collect()
}

/// A number to the sixth place behind its point, without zeros at the end.
fn rounded(value: f64) -> String {
    let (exact, text) = (value.to_string(), format!("{value:.6}"));
    match exact.len() <= text.len() || !value.is_finite() {
        true => exact,
        false => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
    }
}

/// How many characters a text has.
pub(crate) fn length(text: &str) -> usize {
    text.chars().count()
}

/// A text of at most so many characters.
pub(crate) fn cut(text: &str, width: usize) -> String {
    if length(text) <= width {
        return text.to_owned();
    }
    let kept = text.chars().take(width.saturating_sub(1));
    kept.chain(['…']).collect()
}

impl Sheet {
    /// Impressions as cards: what they are, the history, the items that were shown.
    pub(crate) fn cards(&self) -> String {
        let of_items = self.columns_of_items();
        let is_of_item = |at: &usize| of_items.contains(at);
        let mut cards = Vec::new();
        let mut lines = &self.lines[..];
        while let Some(first) = lines.first() {
            let is_same = |line: &&Line| {
                !of_items.is_empty()
                    && line.day == first.day
                    && (0..line.cells.len())
                        .filter(|at| !is_of_item(at))
                        .all(|at| line.cells[at] == first.cells[at])
            };
            let count = lines[1..].iter().take_while(is_same).count() + 1;
            let (card, others) = lines.split_at(count);
            let mut text = self.pairs(first, &of_items);
            text += &self.lists(first);
            if !of_items.is_empty() {
                let rows: Vec<&Line> = card.iter().collect();
                for line in self.table(&of_items, &rows) {
                    text += &format!("{GAP}{line}\n");
                }
            }
            cards.push(text);
            lines = others;
        }
        cards.join("\n")
    }

    /// The columns that differ between the items of an impression; none if a row is an impression.
    fn columns_of_items(&self) -> Vec<usize> {
        let at = |name: &str| self.columns.iter().position(|of| of == name);
        let Some(position) = at("position") else {
            return Vec::new();
        };
        let ids: Vec<usize> = OF_IMPRESSION.into_iter().filter_map(at).collect();
        let is_one = |a: &Line, b: &Line| ids.iter().all(|at| a.text(*at) == b.text(*at));
        let place = |line: &Line| line.text(position).parse::<i64>().unwrap_or(0);
        let is_next = |a: &Line, b: &Line| is_one(a, b) && place(a) < place(b);
        let differs = |at: usize| {
            let mut pairs = self.lines.windows(2);
            pairs.any(|pair| is_next(&pair[0], &pair[1]) && pair[0].text(at) != pair[1].text(at))
        };
        let is_of_item = |at: &usize| OF_ITEM.contains(&&*self.columns[*at]) || differs(*at);
        (0..self.columns.len()).filter(is_of_item).collect()
    }

    /// Names and values of the columns that are no lists, and not among some others.
    fn pairs(&self, line: &Line, but: &[usize]) -> String {
        let cutoff = self.columns.iter().position(|name| name == "cutoff");
        let cutoff = cutoff.map_or("", |at| line.text(at));
        // A cutoff mostly says the day already.
        let day = line.day.iter().filter(|day| !cutoff.starts_with(&***day));
        let mut pairs: Vec<String> = day.map(|day| format!("dt {day}")).collect();
        for (at, cell) in line.cells.iter().enumerate() {
            if let (Cell::One(text, _), false) = (cell, but.contains(&at)) {
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

    /// The lists of a row, a line each: those of equal length one above the other, so that what
    /// belongs together stands together.
    fn lists(&self, line: &Line) -> String {
        let lists = line.cells.iter().zip(&self.columns);
        let lists = lists.filter_map(|(cell, name)| match cell {
            Cell::Many(texts, count, of_history) => Some((name, texts, *count, *of_history)),
            Cell::One(..) => None,
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
                .filter(|(.., of_history)| *of_history == wanted);
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

    /// Rows that were set aside: where each stood, why, and what it held.
    pub(crate) fn faults(&self) -> String {
        let text = |line: &Line, name: &str| {
            let at = self.columns.iter().position(|of| of == name);
            at.map_or(String::new(), |at| line.text(at).to_owned())
        };
        let fault = |line: &Line| {
            let column = match text(line, "column") {
                column if column.is_empty() => String::new(),
                column => format!(", column \"{column}\""),
            };
            let (source, file, row) = (text(line, "source"), text(line, "file"), text(line, "row"));
            let record = cut(&text(line, "record"), self.width.saturating_sub(GAP.len()));
            let reason = self.wrapped(&text(line, "reason"));
            format!("{source}: {file} row {row}{column}\n{reason}{GAP}{record}\n")
        };
        let faults: Vec<String> = self.lines.iter().map(fault).collect();
        faults.join("\n")
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

/// The first texts of a list, each as wide as told, and how many more there are.
fn aligned(texts: &[String], widths: &[usize], count: usize, room: usize) -> String {
    let (mut row, mut used, mut shown) = (String::new(), 0, 0);
    for (text, width) in texts.iter().zip(widths) {
        let gap = if shown == 0 { 0 } else { GAP.len() };
        let rest = match count - shown - 1 {
            0 => 0,
            more => length(&more_text(more)),
        };
        if shown > 0 && used + gap + width + rest > room {
            break;
        }
        row += &" ".repeat(gap + width - length(text));
        row += text;
        used += gap + width;
        shown += 1;
    }
    match count - shown {
        0 => row,
        more => row + &more_text(more),
    }
}

/// What stands for the rest of a list.
fn more_text(count: usize) -> String {
    format!("{GAP}… +{count}")
}
