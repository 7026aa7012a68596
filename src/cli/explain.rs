//! Flags of `explain`, and the table that it prints.

use std::path::PathBuf;

use clap::Args;
use hitherto::{Day, ExplainSettings, Explained, ExplainedAction, Source, date_text};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::cli::values::day;
use crate::cli::verify::Running;
use crate::cli::{print, start, threads};

/// The examples under `hitherto explain --help`.
const EXAMPLES: &str = "\
Examples:
  Why does the history of this ranking look as it does?
    hitherto explain training --ranking-id r17

  All impressions of a customer on a day, a JSON object for each action:
    hitherto explain training --customer 4711 --date 2025-08-15 --json

Exit codes: 0 done, 2 usage, 65 OUT is not what its manifests say, 66 no such set or impression,
or its inputs are gone or have changed, 70 internal fault, 74 I/O, 130 and 143 interrupted.";

/// Flags of `explain`; what it says of itself stands at [`crate::cli::args::Command`], where clap
/// looks for it.
#[derive(Args, Debug)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct Explain {
    /// The folder that `hitherto sequences` published
    #[arg(value_name = "OUT")]
    out: PathBuf,
    /// Impressions of this ranking
    #[arg(long, value_name = "ID", required_unless_present = "customer")]
    ranking_id: Option<String>,
    /// Impressions of this customer; needs --date
    #[arg(long, value_name = "ID", requires = "date", allow_hyphen_values = true)]
    customer: Option<String>,
    /// Impressions of this day
    #[arg(long, value_name = "DAY", value_parser = day)]
    date: Option<Day>,
    /// Print a JSON object for each action, a line each
    #[arg(long)]
    json: bool,
    /// Folder that relative paths of inputs start from [default: that of the run, as verify has it]
    #[arg(long, value_name = "DIR")]
    inputs_from: Option<PathBuf>,
    /// How to run.
    #[command(flatten)]
    running: Running,
}

impl Explain {
    /// Explains, and prints what was found.
    pub(crate) fn run(self) -> anyhow::Result<()> {
        let common = self.running.common();
        let settings = ExplainSettings {
            out: self.out,
            threads: threads(&common),
            inputs_from: self.inputs_from,
            ranking_id: self.ranking_id,
            customer: self.customer,
            day: self.date,
        };
        let (context, progress) = start(&common)?;
        let explained = hitherto::explain(&settings, &context);
        progress.finish();
        let texts: Vec<String> = match self.json {
            true => explained?.iter().map(lines).collect(),
            false => explained?.iter().map(table).collect(),
        };
        print(&texts.join(if self.json { "" } else { "\n" }))
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
fn table(of: &Explained) -> String {
    let customer = of.customer.as_deref().unwrap_or("nobody");
    let (file, record) = &of.from;
    let lookback = match &of.lookback_start {
        Some(start) => format!("lookback from {start}"),
        None => "no lookback".to_owned(),
    };
    let day = date_text(of.day);
    let (ranking, cutoff) = (&of.ranking, &of.cutoff);
    let (count, zone) = (of.actions_max, &of.timezone);
    let mut text = format!(
        "ranking {ranking} of customer {customer} on {day}, from {file} record {record}\n\
         cutoff {cutoff}, {lookback}, at most {count} actions, zone {zone}\n"
    );
    let told = of.told.iter().map(String::as_str);
    let head = ["time", "type", "item"].into_iter().chain(told);
    let head = head.chain(["fate", "from"]).map(str::to_owned);
    let mut rows: Vec<Vec<String>> = vec![head.collect()];
    rows.extend(of.actions.iter().map(|action| {
        let dash = || "-".to_owned();
        let (file, record) = &action.from;
        let mut row = vec![
            action.time.clone().unwrap_or_else(dash),
            type_name(action),
            match (&action.item_text, action.item) {
                (Some(text), _) => text.clone(),
                (None, Some(item)) => item.to_string(),
                (None, None) => dash(),
            },
        ];
        let told = 0..of.told.len();
        row.extend(told.map(|at| action.told.get(at).cloned().unwrap_or_else(dash)));
        row.extend([action.fate.clone(), format!("{file} record {record}")]);
        row
    }));
    let width = |column: usize| {
        let widths = rows.iter().map(|row| row[column].chars().count());
        widths.max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..of.told.len() + 4).map(width).collect();
    for row in &rows {
        for (column, (cell, width)) in row.iter().zip(&widths).enumerate() {
            // Numbers end below each other.
            let is_number = (2..3 + of.told.len()).contains(&column);
            text += &match is_number {
                true => format!("{cell:>width$}  "),
                false => format!("{cell:<width$}  "),
            };
        }
        text += &format!("{}\n", row.last().map_or("", String::as_str));
    }
    text
}

/// An action of an impression, for programs.
#[derive(Serialize)]
struct Line<'a> {
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
    /// What columns tell of it, by name; null for what is no number.
    #[serde(skip_serializing_if = "Map::is_empty")]
    told: Map<String, Value>,
}

/// A JSON object for each action of an impression, a line each.
fn lines(of: &Explained) -> String {
    let number = |text: &String| serde_json::from_str(text).unwrap_or(Value::Null);
    let line = |action: &ExplainedAction| {
        let told = of.told.iter().zip(&action.told);
        let line = Line {
            customer_id: of.customer.as_deref(),
            ranking_id: &of.ranking,
            day: of.day,
            cutoff: &of.cutoff,
            lookback_start: of.lookback_start.as_deref(),
            time: action.time.as_deref(),
            r#type: type_name(action),
            item_id: action.item,
            item: action.item_text.as_deref(),
            position: action.position,
            fate: &action.fate,
            file: &action.from.0,
            record: action.from.1,
            told: told
                .map(|(name, text)| (name.clone(), number(text)))
                .collect(),
        };
        serde_json::to_string(&line).expect("texts and numbers are always JSON") + "\n"
    };
    of.actions.iter().map(line).collect()
}
