//! Flags of `head`, and its JSON; `render` has what people see.

use std::collections::BTreeSet;
use std::io::{self, BufWriter, IsTerminal, Write};
use std::path::PathBuf;

use anyhow::Context;
use clap::Args;
use hitherto::{
    Day, Error, ErrorKind, Head, HeadOf, HeadRow, HeadSettings, HeadValue, JobKind, date_text, head,
};
use serde_json::{Map, Value};

use crate::cli::render::records::{HistoryColumns, RowTexts, Sheet};
use crate::cli::render::summary::grouped;
use crate::cli::runner::print;
use crate::cli::values::day;

/// Characters of a line where no terminal says how wide it is.
const WIDTH_DEFAULT: usize = 100;
/// Actions of an abbreviated history.
const ACTIONS_SHOWN: usize = 10;

/// Rows at a time, whose histories are in memory whole before they are cut to what fits a line.
const ROWS_CHUNK: usize = 64;
/// Columns that hold items, as codes or ids.
const ITEM_COLUMNS: [&str; 3] = ["item_id", "items", "actions"];

/// The examples under `hitherto head --help`.
const EXAMPLES: &str = "\
Examples:
  The first rows of a set:
    hitherto head training

  The first 100 rows of a customer on a day, as JSON objects with whole histories:
    hitherto head training -n 100 --date 2025-08-15 --customer 4711 --json

  The rows that were quarantined, and why:
    hitherto head training --quarantine

Histories are newest first, without padding. A list that does not fit ends with the number of
elements that are left out. Times are UTC. Items with codes are shown by their ids; --json has the
codes.

Exit codes: 0 done, 2 usage, 65 OUT is not what its manifest says, 66 no such set, day or customer,
70 internal fault, 74 I/O.";

/// Flags of `head`. clap takes the description of the command from `args::Command`.
#[derive(Args, Debug)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct HeadArgs {
    /// The folder that a job published, or one of its days
    #[arg(value_name = "OUT")]
    out: PathBuf,
    /// Number of rows to show
    #[arg(short = 'n', long, value_name = "COUNT", default_value_t = 10)]
    rows: u64,
    /// Only rows of this day, YYYY-MM-DD
    #[arg(long, value_name = "DAY", value_parser = day)]
    date: Option<Day>,
    /// Only rows of this customer or user [alias: --user]
    #[arg(long, value_name = "ID", alias = "user", allow_hyphen_values = true)]
    customer: Option<String>,
    /// Which table of a set of `hitherto dwell` to show
    #[arg(
        long,
        value_enum,
        value_name = "TABLE",
        default_value = "user_merchant"
    )]
    table: HeadOf,
    /// Show the rows that were quarantined, and why
    #[arg(long, conflicts_with_all = ["date", "customer", "table"])]
    quarantine: bool,
    #[command(flatten)]
    printing: PrintArgs,
}

/// How rows are printed.
#[derive(Args, Clone, Copy, Debug)]
struct PrintArgs {
    /// Print a JSON object for each row, one on each line, with whole histories
    #[arg(long)]
    json: bool,
    /// With --json: only the newest 10 actions of each history
    #[arg(long, requires = "json")]
    abbreviate: bool,
    /// Write nothing but errors to standard error
    #[arg(long)]
    quiet: bool,
}

impl HeadArgs {
    /// Reads the first rows, and prints them.
    pub(crate) fn run(self) -> anyhow::Result<()> {
        let printing = self.printing;
        let settings = HeadSettings {
            out: self.out,
            rows: self.rows,
            day: self.date,
            customer: self.customer,
            of: if self.quarantine {
                HeadOf::Quarantine
            } else {
                self.table
            },
        };
        let mut rows = head(&settings)?;
        let count = if printing.json {
            print_json(&mut rows, printing)?
        } else {
            print_sheet(&mut rows, settings.of)?
        };
        // `--rows 0` prints no row of anybody; it does not say that there is none.
        if let (0, Some(customer), true) = (count, &settings.customer, settings.rows > 0) {
            let out = settings.out.display();
            let what = format!("\"{out}\" has no row of \"{customer}\"");
            return Err(Error::from(ErrorKind::NoInput { what }).into());
        }
        if !printing.quiet && !printing.json {
            // The rows are printed, whether or not somebody reads this.
            drop(io::stderr().write_all(caption(&settings, &rows, count).as_bytes()));
        }
        Ok(())
    }
}

/// How many rows were printed, and of how many.
fn caption(settings: &HeadSettings, rows: &Head, count: u64) -> String {
    let out = settings.out.display();
    let (count, all) = (grouped(count), grouped(rows.rows_count));
    match settings.of {
        HeadOf::Quarantine if rows.rows_count == 0 => format!("no row of {out} was set aside\n"),
        HeadOf::Quarantine => {
            format!("{count} of {all} rows set aside; --json has all they held\n")
        }
        _ => match &settings.customer {
            Some(customer) => format!("{count} rows of \"{customer}\", among {all} of {out}\n"),
            None => format!("{count} of {all} rows of {out}; --json shows them whole\n"),
        },
    }
}

/// Prints rows as objects, one by one; returns their number.
fn print_json(rows: &mut Head, printing: PrintArgs) -> anyhow::Result<u64> {
    let (columns, own_names) = (rows.columns.clone(), rows.own_names.clone());
    let day_column = match rows.job_kind {
        JobKind::Features => "date",
        _ => "dt",
    };
    // Row by row, as histories are whole here and there may be any number of rows.
    let mut out = BufWriter::new(io::stdout().lock());
    let mut count = 0;
    for row in rows {
        let row = row?;
        let history = HistoryColumns::new(&own_names, &row).filter(|_| printing.abbreviate);
        let mut object = Map::new();
        if let Some(day) = row.day {
            object.insert(day_column.to_owned(), date_text(day).into());
        }
        for (at, (name, value)) in columns.iter().zip(row.values).enumerate() {
            let mut value = value;
            if let (HeadValue::List(list), Some(history)) = (&mut value, history)
                && history.has(at, list)
            {
                list.truncate(history.count.min(ACTIONS_SHOWN));
            }
            object.insert(name.clone(), json_of(value));
        }
        let line = format!("{}\n", Value::Object(object));
        out.write_all(line.as_bytes()).context(NOT_PRINTED)?;
        count += 1;
    }
    out.flush().context(NOT_PRINTED)?;
    Ok(count)
}

/// The message where standard output cannot be written to.
const NOT_PRINTED: &str = "could not write to standard output";

/// A value as JSON; NaN and infinities, which JSON lacks, as texts.
fn json_of(value: HeadValue) -> Value {
    match value {
        HeadValue::Null => Value::Null,
        HeadValue::Bool(value) => value.into(),
        HeadValue::Int(value) => value.into(),
        HeadValue::Float(value) if value.is_finite() => value.into(),
        HeadValue::Float(value) => value.to_string().into(),
        HeadValue::Text(text) | HeadValue::Time(text) | HeadValue::Date(text) => text.into(),
        HeadValue::List(values) => values.into_iter().map(json_of).collect(),
    }
}

/// Prints rows for people; returns their number.
fn print_sheet(rows: &mut Head, of: HeadOf) -> anyhow::Result<u64> {
    let mut sheet = Sheet {
        // Cards know columns by the names that all sets have.
        columns: rows.own_names.clone(),
        rows: Vec::new(),
        width: width(),
    };
    let job_kind = rows.job_kind;
    loop {
        let chunk = rows.by_ref().take(ROWS_CHUNK);
        let mut chunk = chunk.collect::<Result<Vec<HeadRow>, Error>>()?;
        if chunk.is_empty() {
            break;
        }
        replace_codes(rows, &mut chunk)?;
        // Widths of columns need all rows, so texts are kept to the end. They are cut to what can
        // fit first: a chunk of full histories is large.
        let texts = chunk.into_iter();
        let texts = texts.map(|row| RowTexts::new(&sheet.columns, row, sheet.width));
        sheet.rows.extend(texts);
    }
    let text = match (of, job_kind) {
        (HeadOf::Quarantine, _) => sheet.bad_rows(),
        (_, JobKind::Sequences) => sheet.cards(),
        _ => sheet.tables(),
    };
    print(&text)?;
    Ok(u64::try_from(sheet.rows.len()).unwrap_or(u64::MAX))
}

/// Replaces codes of items by their ids, if the set has codes.
fn replace_codes(head: &Head, rows: &mut [HeadRow]) -> anyhow::Result<()> {
    if !head.has_codes() {
        return Ok(());
    }
    let is_item = |name: &String| ITEM_COLUMNS.contains(&name.as_str());
    let columns: Vec<bool> = head.own_names.iter().map(is_item).collect();
    let mut for_each_item = |change: &mut dyn FnMut(&mut HeadValue)| {
        for row in rows.iter_mut() {
            let values = row.values.iter_mut().zip(&columns);
            for (value, _) in values.filter(|(_, is_item)| **is_item) {
                match value {
                    HeadValue::List(values) => values.iter_mut().for_each(&mut *change),
                    value => change(value),
                }
            }
        }
    };
    let mut codes = BTreeSet::new();
    for_each_item(&mut |value| {
        // Codes begin with 1; 0 is padding.
        if let HeadValue::Int(code @ 1..) = value {
            codes.insert(*code);
        }
    });
    // One look-up for all rows of a chunk: it decodes whole pages of the vocabulary, and many codes
    // share a page.
    let items = head.items(&codes)?;
    for_each_item(&mut |value| {
        if let HeadValue::Int(code) = value
            && let Some(item) = items.get(code)
        {
            *value = HeadValue::Text(item.clone());
        }
    });
    Ok(())
}

/// How many characters a line of standard output may have: as `COLUMNS` says, or the terminal.
#[expect(
    clippy::disallowed_methods,
    reason = "the width of the terminal is no setting of a job"
)]
fn width() -> usize {
    let variable = std::env::var("COLUMNS").ok();
    let variable = variable.and_then(|text| text.trim().parse().ok());
    let terminal = || {
        let out = io::stdout();
        let size = out
            .is_terminal()
            .then(|| rustix::termios::tcgetwinsize(&out));
        size?.ok().map(|size| usize::from(size.ws_col))
    };
    // A terminal that does not know its width says 0.
    let width = variable.or_else(terminal).filter(|width| *width > 0);
    width.unwrap_or(WIDTH_DEFAULT).clamp(40, 10_000)
}
