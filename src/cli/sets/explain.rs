//! Flags of `explain`, and the table that it prints.

use std::path::PathBuf;

use clap::Args;
use hitherto::{Day, ExplainSettings, Explained, ExplainedAction, Source, date_text};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::cli::flags::{CheckArgs, RunArgs};
use crate::cli::runner::{print, start, threads};
use crate::cli::values::day;

/// The examples under `hitherto explain --help`.
const EXAMPLES: &str = "\
Examples:
  Why is each action in the history of this ranking, or not?
    hitherto explain training --ranking-id r17

  All impressions of a customer on a day, a JSON object for each action:
    hitherto explain training --customer 4711 --date 2025-08-15 --json

Exit codes: 0 done, 2 usage, 65 OUT is not what its manifests say, 66 no such set or impression,
or its inputs are gone or have changed, 70 internal fault, 74 I/O, 130 and 143 interrupted.";

/// Flags of `explain`. clap takes the description of the command from `args::Command`.
#[derive(Args, Debug)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct ExplainArgs {
    /// The folder that `hitherto sequences` published
    #[arg(value_name = "OUT")]
    out: PathBuf,
    /// Only impressions of this ranking
    #[arg(long, value_name = "ID", required_unless_present = "customer")]
    ranking_id: Option<String>,
    /// Only impressions of this customer; needs --date
    #[arg(long, value_name = "ID", requires = "date", allow_hyphen_values = true)]
    customer: Option<String>,
    /// Only impressions of this day, YYYY-MM-DD
    #[arg(long, value_name = "DAY", value_parser = day)]
    date: Option<Day>,
    /// Print a JSON object for each action, one on each line
    #[arg(long)]
    json: bool,
    /// Folder at which relative paths of inputs start [default: as for verify]
    #[arg(long, value_name = "DIR")]
    inputs_from: Option<PathBuf>,
    #[command(flatten)]
    check: CheckArgs,
}

impl ExplainArgs {
    /// Explains, and prints the table or the lines.
    pub(crate) fn run(self) -> anyhow::Result<()> {
        let args = RunArgs::from(self.check);
        let settings = ExplainSettings {
            out: self.out,
            threads: threads(&args),
            inputs_from: self.inputs_from,
            ranking_id: self.ranking_id,
            customer: self.customer,
            day: self.date,
        };
        let (context, progress) = start(&args)?;
        let explained = hitherto::explain(&settings, &context);
        progress.finish();
        let explained = explained?;
        let explained = explained.iter();
        print(&if self.json {
            explained.map(lines).collect::<String>()
        } else {
            explained.map(table).collect::<Vec<_>>().join("\n")
        })
    }
}

/// The name of an action's type.
fn type_name(action: &ExplainedAction) -> String {
    match (action.source, action.kind) {
        (Source::Clicks, _) => "click".to_owned(),
        (Source::Carts, _) => "cart".to_owned(),
        (Source::Orders, _) => "order".to_owned(),
        (log, Some(code)) => format!("{} {code}", log.name()),
        (log, None) => log.name().to_owned(),
    }
}

/// An impression and its actions, for people.
fn table(impression: &Explained) -> String {
    let Explained {
        ranking,
        cutoff,
        timezone,
        actions_max,
        ..
    } = impression;
    let customer = impression.customer.as_deref().unwrap_or("nobody");
    let (file, record) = &impression.from;
    let lookback = match &impression.lookback_start {
        Some(start) => format!("lookback from {start}"),
        None => "no lookback".to_owned(),
    };
    let most = match actions_max {
        Some(max) => format!("at most {max} actions"),
        None => "all actions".to_owned(),
    };
    let day = date_text(impression.day);
    let mut text = format!(
        "ranking {ranking} of customer {customer} on {day}, from {file} record {record}\n\
         cutoff {cutoff}, {lookback}, {most}, zone {timezone}\n"
    );
    let attributes = impression.told.iter().map(String::as_str);
    let head = ["time", "type", "item"].into_iter().chain(attributes);
    let head = head.chain(["fate", "from"]).map(str::to_owned);
    let attributes_count = impression.told.len();
    let mut rows: Vec<Vec<String>> = vec![head.collect()];
    let actions = impression.actions.iter();
    rows.extend(actions.map(|action| cells(action, attributes_count)));
    let width = |column: usize| {
        let widths = rows.iter().map(|row| row[column].chars().count());
        widths.max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..attributes_count + 4).map(width).collect();
    for row in &rows {
        for (column, (cell, width)) in row.iter().zip(&widths).enumerate() {
            // Items and attributes are numbers, which are right-aligned.
            let is_number = (2..3 + attributes_count).contains(&column);
            text += &if is_number {
                format!("{cell:>width$}  ")
            } else {
                format!("{cell:<width$}  ")
            };
        }
        text += &format!("{}\n", row.last().map_or("", String::as_str));
    }
    text
}

/// The cells of an action.
fn cells(action: &ExplainedAction, attributes_count: usize) -> Vec<String> {
    let dash = || "-".to_owned();
    let (file, record) = &action.from;
    let item = match (&action.item_text, action.item) {
        (Some(text), _) => text.clone(),
        (None, Some(item)) => item.to_string(),
        (None, None) => dash(),
    };
    let time = action.time.clone().unwrap_or_else(dash);
    let mut cells = vec![time, type_name(action), item];
    let attributes = 0..attributes_count;
    cells.extend(attributes.map(|at| action.told.get(at).cloned().unwrap_or_else(dash)));
    cells.extend([action.fate.clone(), format!("{file} record {record}")]);
    cells
}

/// An action of an impression, for programs.
#[derive(Serialize)]
struct ActionDocument<'a> {
    customer_id: Option<&'a str>,
    ranking_id: &'a str,
    day: Day,
    cutoff: &'a str,
    lookback_start: Option<&'a str>,
    time: Option<&'a str>,
    r#type: String,
    item_id: Option<i64>,
    item: Option<&'a str>,
    position: Option<u64>,
    fate: &'a str,
    file: &'a str,
    record: u64,
    /// Its attributes by name; null for what is no number.
    #[serde(skip_serializing_if = "Map::is_empty")]
    told: Map<String, Value>,
}

/// A JSON object for each action of an impression, one on each line.
fn lines(impression: &Explained) -> String {
    // NaN, which stands for a missing float, is no JSON and becomes null.
    let number = |text: &String| serde_json::from_str(text).unwrap_or(Value::Null);
    let line = |action: &ExplainedAction| {
        let attributes = impression.told.iter().zip(&action.told);
        let document = ActionDocument {
            customer_id: impression.customer.as_deref(),
            ranking_id: &impression.ranking,
            day: impression.day,
            cutoff: &impression.cutoff,
            lookback_start: impression.lookback_start.as_deref(),
            time: action.time.as_deref(),
            r#type: type_name(action),
            item_id: action.item,
            item: action.item_text.as_deref(),
            position: action.position,
            fate: &action.fate,
            file: &action.from.0,
            record: action.from.1,
            told: attributes
                .map(|(name, text)| (name.clone(), number(text)))
                .collect(),
        };
        serde_json::to_string(&document).expect("texts and numbers are always JSON") + "\n"
    };
    impression.actions.iter().map(line).collect()
}
