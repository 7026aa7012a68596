//! Rows as a table, which is broken into several, one below the other, if it is too wide.
//!
//! **In / Out**: columns of a [`Sheet`] → lines of at most its width, if no column alone is wider. If the
//! table is too wide, names of columns break behind underscores; columns that still do not fit go to a
//! table below, which repeats the first column. Numbers are right-aligned, all else is left-aligned.

use crate::cli::render::records::{CellText, GAP, RowTexts, Sheet, cut, length};

/// Characters of a text, at most.
const TEXT_MAX: usize = 24;

impl Sheet {
    /// Some columns of some rows as lines: names of columns, in one line or several, and a line for
    /// each row.
    pub(crate) fn table(&self, columns: &[usize], rows: &[&RowTexts]) -> Vec<String> {
        let columns: Vec<PrintedColumn> = columns.iter().map(|at| self.column(*at, rows)).collect();
        let width = |columns: &[PrintedColumn]| {
            let widths = columns.iter().map(|column| column.width + GAP.len());
            widths.sum::<usize>().saturating_sub(GAP.len())
        };
        let columns = if width(&columns) > self.width {
            columns.into_iter().map(PrintedColumn::stacked).collect()
        } else {
            columns
        };
        // Columns that go side by side; each band begins with the first column.
        let mut bands: Vec<Vec<&PrintedColumn>> = vec![Vec::new()];
        let mut used = 0;
        for column in &columns {
            let band = bands.last_mut().expect("there is a band");
            // Each band gets a column beside the first, however wide, so every column is printed.
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
                let cells = band.iter().map(|column| column.padded(&column.texts[row]));
                lines.push(joined(cells));
            }
        }
        lines
    }

    /// A column of some rows.
    fn column(&self, at: usize, rows: &[&RowTexts]) -> PrintedColumn {
        let texts: Vec<String> = rows
            .iter()
            .map(|row| match &row.cells[at] {
                CellText::One(text, _) => cut(text, TEXT_MAX),
                CellText::Many(texts, ..) => cut(&texts.join(" "), TEXT_MAX),
            })
            .collect();
        // A null is aligned like the other values of its column.
        let fits_number = |row: &&RowTexts| match &row.cells[at] {
            CellText::One(text, is_number) => *is_number || text == "null",
            CellText::Many(..) => false,
        };
        let is_number = |row: &&RowTexts| matches!(&row.cells[at], CellText::One(_, true));
        let head = vec![self.columns[at].clone()];
        let widths = texts.iter().chain(&head).map(|text| length(text));
        PrintedColumn {
            width: widths.max().unwrap_or(0),
            head,
            is_right: rows.iter().all(fits_number) && rows.iter().any(is_number),
            texts,
        }
    }

    /// All columns of all rows.
    pub(crate) fn tables(&self) -> String {
        let columns: Vec<usize> = (0..self.columns.len()).collect();
        if columns.is_empty() {
            return String::new();
        }
        let rows: Vec<&RowTexts> = self.rows.iter().collect();
        self.table(&columns, &rows).join("\n") + "\n"
    }
}

/// Cells side by side, without spaces behind the last.
fn joined(cells: impl Iterator<Item = String>) -> String {
    let cells: Vec<String> = cells.collect();
    cells.join(GAP).trim_end().to_owned()
}

/// A column of a table.
struct PrintedColumn {
    /// Its name, in one line or several.
    head: Vec<String>,
    /// Its value in each row.
    texts: Vec<String>,
    /// The width of its widest text.
    width: usize,
    /// Whether it is right-aligned.
    is_right: bool,
}

impl PrintedColumn {
    /// The column with its name in several lines, broken behind underscores.
    fn stacked(self) -> PrintedColumn {
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
        PrintedColumn {
            head,
            width,
            ..self
        }
    }

    /// A text as wide as the column.
    fn padded(&self, text: &str) -> String {
        let width = self.width;
        if self.is_right {
            format!("{text:>width$}")
        } else {
            format!("{text:<width$}")
        }
    }
}
