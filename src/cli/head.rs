//! Flags of `head`, and its JSON; `cards` draws what people see.

use std::collections::BTreeSet;
use std::io::{self, BufWriter, IsTerminal, Write};
use std::path::PathBuf;

use anyhow::Context;
use clap::Args;
use hitherto::{
    Day, Error, ErrorKind, Head, HeadOf, HeadRow, HeadSettings, HeadValue, JobKind, date_text, head,
};
use serde_json::{Map, Value};

use crate::cli::print;
use crate::cli::render::records::{History, Line, Sheet};
use crate::cli::render::summary::grouped;
use crate::cli::values::day;

/// Columns of text where no terminal says how wide it is.
const WIDTH_DEFAULT: usize = 100;
/// Actions of a history that are left of it when it is abbreviated.
const ACTIONS_SHOWN: usize = 10;

/// Rows that are made lines of at a time, whose histories are in memory whole.
const ROWS_TAKEN: usize = 64;
/// Columns of items.
const OF_ITEMS: [&str; 3] = ["item_id", "items", "actions"];

/// The examples under `hitherto head --help`.
const EXAMPLES: &str = "\
Examples:
  What did I make?
    hitherto head training

  The first 100 rows of a customer on a day, an object a line, histories whole:
    hitherto head training -n 100 --date 2025-08-15 --customer 4711 --json

  Why were rows set aside?
    hitherto head training --quarantine

Lists are newest first. A list that does not fit ends with how many more there are; padding is not
shown. Times are UTC. Items whose ids are texts are shown as such; --json has their codes.

Exit codes: 0 done, 2 usage, 65 OUT is not what its manifest says, 66 no such set, day or customer,
70 internal fault, 74 I/O.";

/// Flags of `head`; what it says of itself stands at [`crate::cli::args::Command`], where clap looks
/// for it.
#[derive(Args, Debug)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct HeadArgs {
    /// The folder that a job published, or that of one of its days
    #[arg(value_name = "OUT")]
    out: PathBuf,
    /// Rows to show
    #[arg(short = 'n', long, value_name = "COUNT", default_value_t = 10)]
    rows: u64,
    /// Rows of this day
    #[arg(long, value_name = "DAY", value_parser = day)]
    date: Option<Day>,
    /// Rows of this customer, or user [alias: --user]
    #[arg(long, value_name = "ID", alias = "user", allow_hyphen_values = true)]
    customer: Option<String>,
    /// The table, of `hitherto dwell`
    #[arg(
        long,
        value_enum,
        value_name = "TABLE",
        default_value = "user_merchant"
    )]
    table: HeadOf,
    /// Show the rows that were set aside, and why
    #[arg(long, conflicts_with_all = ["date", "customer", "table"])]
    quarantine: bool,
    /// How to print them.
    #[command(flatten)]
    printing: Printing,
}

/// How rows are printed.
#[derive(Args, Clone, Copy, Debug)]
struct Printing {
    /// Print a JSON object for each row, a line each, with histories whole
    #[arg(long)]
    json: bool,
    /// In JSON, only the newest 10 actions of each history
    #[arg(long, requires = "json")]
    abbreviate: bool,
    /// Say nothing but errors on standard error
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
            of: match self.quarantine {
                true => HeadOf::Quarantine,
                false => self.table,
            },
        };
        let mut rows = head(&settings)?;
        let shown = match printing.json {
            true => print_json(&mut rows, printing.abbreviate)?,
            false => print_sheet(&mut rows, settings.of)?,
        };
        if let (0, Some(customer), true) = (shown, &settings.customer, settings.rows > 0) {
            let out = settings.out.display();
            let what = format!("\"{out}\" has no row of \"{customer}\"");
            return Err(Error::from(ErrorKind::NoInput { what }).into());
        }
        if !printing.quiet && !printing.json {
            // Whether or not somebody reads this, the rows are there.
            drop(io::stderr().write_all(caption(&settings, &rows, shown).as_bytes()));
        }
        Ok(())
    }
}

/// What was shown of how much.
fn caption(settings: &HeadSettings, rows: &Head, shown: u64) -> String {
    let out = settings.out.display();
    let (count, all) = (grouped(shown), grouped(rows.rows_count));
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

/// Prints rows as objects, as they come; gives their number.
fn print_json(rows: &mut Head, is_short: bool) -> anyhow::Result<u64> {
    let columns = rows.columns.clone();
    let day_column = match rows.job_kind {
        JobKind::Features => "date",
        _ => "dt",
    };
    let mut out = BufWriter::new(io::stdout().lock());
    let mut count = 0;
    for row in rows {
        let row = row?;
        let history = History::new(&columns, &row).filter(|_| is_short);
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
        out.write_all(line.as_bytes()).context(PRINT)?;
        count += 1;
    }
    out.flush().context(PRINT)?;
    Ok(count)
}

/// What failed where standard output could not be written to.
const PRINT: &str = "could not write to standard output";

/// A value as JSON; a number that JSON has no word for as its name.
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

/// Prints rows for people; gives their number.
fn print_sheet(rows: &mut Head, of: HeadOf) -> anyhow::Result<u64> {
    let mut sheet = Sheet {
        columns: rows.columns.clone(),
        lines: Vec::new(),
        width: width(),
    };
    let job_kind = rows.job_kind;
    loop {
        let taken = rows.by_ref().take(ROWS_TAKEN);
        let mut taken = taken.collect::<Result<Vec<HeadRow>, Error>>()?;
        if taken.is_empty() {
            break;
        }
        name_items(rows, &mut taken)?;
        let lines = taken.into_iter();
        let lines = lines.map(|row| Line::new(&sheet.columns, row, sheet.width));
        sheet.lines.extend(lines);
    }
    let text = match (of, job_kind) {
        (HeadOf::Quarantine, _) => sheet.faults(),
        (_, JobKind::Sequences) => sheet.cards(),
        _ => sheet.bands(),
    };
    print(&text)?;
    Ok(u64::try_from(sheet.lines.len()).unwrap_or(u64::MAX))
}

/// Puts items in the place of their codes, if rows have codes.
fn name_items(head: &Head, rows: &mut [HeadRow]) -> anyhow::Result<()> {
    if !head.has_codes() {
        return Ok(());
    }
    let is_item = |name: &String| OF_ITEMS.contains(&name.as_str());
    let columns: Vec<bool> = head.columns.iter().map(is_item).collect();
    let mut each = |with: &mut dyn FnMut(&mut HeadValue)| {
        for row in rows.iter_mut() {
            let values = row.values.iter_mut().zip(&columns);
            for (value, _) in values.filter(|(_, is_item)| **is_item) {
                match value {
                    HeadValue::List(values) => values.iter_mut().for_each(&mut *with),
                    value => with(value),
                }
            }
        }
    };
    let mut codes = BTreeSet::new();
    each(&mut |value| {
        if let HeadValue::Int(code @ 1..) = value {
            codes.insert(*code);
        }
    });
    let items = head.items(&codes)?;
    each(&mut |value| {
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
    let told = std::env::var("COLUMNS").ok();
    let told = told.and_then(|text| text.trim().parse().ok());
    let terminal = || {
        let out = io::stdout();
        let size = out
            .is_terminal()
            .then(|| rustix::termios::tcgetwinsize(&out));
        size?.ok().map(|size| usize::from(size.ws_col))
    };
    let width = told.or_else(terminal).filter(|width| *width > 0);
    width.unwrap_or(WIDTH_DEFAULT).clamp(40, 10_000)
}
