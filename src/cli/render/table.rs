//! Rows as a table, in as many bands as its columns need.
//!
//! **In / Out**: columns of a [`Sheet`] → lines of at most its width, if no column alone is wider. A
//! head that is too wide breaks behind underscores; what still does not fit goes below, behind the
//! first column once more. Numbers stand on the right, all else on the left.

use crate::cli::render::records::{Cell, GAP, Line, Sheet, cut, length};

/// Characters of a text, at most.
const TEXT_MAX: usize = 24;

impl Sheet {
    /// Some columns of some rows as lines: a head of one line or, where that is too wide, of several,
    /// and a line for each row.
    pub(crate) fn table(&self, columns: &[usize], rows: &[&Line]) -> Vec<String> {
        let columns: Vec<Column> = columns.iter().map(|at| self.column(*at, rows)).collect();
        let width = |columns: &[Column]| {
            let widths = columns.iter().map(|column| column.width + GAP.len());
            widths.sum::<usize>().saturating_sub(GAP.len())
        };
        let columns = match width(&columns) > self.width {
            true => columns.into_iter().map(Column::stacked).collect(),
            false => columns,
        };
        // In bands, each of which begins with the first column.
        let mut bands: Vec<Vec<&Column>> = vec![Vec::new()];
        let mut used = 0;
        for column in &columns {
            let band = bands.last_mut().expect("there is a band");
            if band.len() > 1 && used + column.width > self.width {
                bands.push(vec![&columns[0], column]);
                used = columns[0].width + column.width + 2 * GAP.len();
            } else {
                band.push(column);
                used += column.width + GAP.len();
            }
        }
        let mut lines = Vec::new();
        for band in bands {
            if !lines.is_empty() {
                lines.push(String::new());
            }
            let height = band.iter().map(|column| column.head.len()).max();
            for at in 0..height.unwrap_or(0) {
                let line = band.iter().map(|column| {
                    let above = height.unwrap_or(0) - column.head.len();
                    let word = at.checked_sub(above).map_or("", |at| &column.head[at]);
                    column.padded(word)
                });
                lines.push(joined(line));
            }
            for row in 0..rows.len() {
                lines.push(joined(band.iter().map(|of| of.padded(&of.texts[row]))));
            }
        }
        lines
    }

    /// A column of some rows.
    fn column(&self, at: usize, rows: &[&Line]) -> Column {
        let texts: Vec<String> = rows
            .iter()
            .map(|line| match &line.cells[at] {
                Cell::One(text, _) => cut(text, TEXT_MAX),
                Cell::Many(texts, ..) => cut(&texts.join(" "), TEXT_MAX),
            })
            .collect();
        // What is null stands where the numbers or the texts of its column do.
        let of_all = |line: &&Line| match &line.cells[at] {
            Cell::One(text, is_number) => *is_number || text == "null",
            Cell::Many(..) => false,
        };
        let of_one = |line: &&Line| matches!(&line.cells[at], Cell::One(_, true));
        let head = vec![self.columns[at].clone()];
        let widths = texts.iter().chain(&head).map(|text| length(text));
        Column {
            width: widths.max().unwrap_or(0),
            head,
            is_right: rows.iter().all(of_all) && rows.iter().any(of_one),
            texts,
        }
    }

    /// All rows as a table.
    pub(crate) fn bands(&self) -> String {
        let columns: Vec<usize> = (0..self.columns.len()).collect();
        if columns.is_empty() {
            return String::new();
        }
        let rows: Vec<&Line> = self.lines.iter().collect();
        self.table(&columns, &rows).join("\n") + "\n"
    }
}

/// Columns side by side, without blanks behind the last.
fn joined(cells: impl Iterator<Item = String>) -> String {
    let cells: Vec<String> = cells.collect();
    cells.join(GAP).trim_end().to_owned()
}

/// A column of a table.
struct Column {
    /// Its name, in one line or several.
    head: Vec<String>,
    /// What each row holds.
    texts: Vec<String>,
    /// The width of its widest text.
    width: usize,
    /// Whether it is of numbers, which stand on the right.
    is_right: bool,
}

impl Column {
    /// The same with a head of several lines, which breaks behind underscores.
    fn stacked(self) -> Column {
        let name = self.head.concat();
        let words: Vec<&str> = name.split_inclusive('_').collect();
        let widest = words.iter().map(|word| length(word)).max().unwrap_or(0);
        let texts = self.texts.iter().map(|text| length(text)).max();
        let width = widest.max(texts.unwrap_or(0));
        let mut head: Vec<String> = Vec::new();
        for word in words {
            match head.last_mut() {
                Some(line) if length(line) + length(word) <= width => line.push_str(word),
                _ => head.push(word.to_owned()),
            }
        }
        Column {
            head,
            width,
            ..self
        }
    }

    /// A text as wide as the column.
    fn padded(&self, text: &str) -> String {
        let width = self.width;
        match self.is_right {
            true => format!("{text:>width$}"),
            false => format!("{text:<width$}"),
        }
    }
}
