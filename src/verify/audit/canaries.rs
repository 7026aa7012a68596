//! Canaries of `sequences`: actions planted around real cutoffs, and run through the engine.
//!
//! ```text
//!            known late ──┐
//!   ───────────────o──────o─│o────o──►      of one customer, on items that occur nowhere else
//!      real actions   kept │ │at   │after
//! ```
//! **In / Out**: audited impressions, one per customer → a small dataset in a folder of our own, what
//! the engine makes of it, and a problem for each row that is not the twin's, that lacks the action
//! planted a microsecond before the cutoff, or holds any other planted one.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use serde_json::{Map, Value, json};

use super::near::{actions_around, is_writable, time_value};
use super::rows::read_all;
use super::sequences::{Key, Logs};
use super::{Audit, Canaries};
use crate::calendar::date_text;
use crate::context::RunContext;
use crate::engine;
use crate::error::{Error, Result};
use crate::ids::{Day, count64};
use crate::job::{
    ActionSource, CustomerType, Cutoff, Format, ItemType, Job, OnBadRow, Publish, Sequences,
    Settings, Source, TimeUnit, Types, UnknownItem,
};
use crate::publish::TempDir;
use crate::reference::read::is_near;
use crate::reference::{Fates, LogAction, LogImpression, LogTime, OrderedLog, Rules, fates};
use crate::verify::Problems;
use crate::verify::audit::canary_input::{numbers, renamed, told_values};
use crate::verify::audit::output_rows::OutRow;

/// The column of availability in planted files.
const KNOWN_AT: &str = "known_at";
/// The column of types, where there is one.
const KIND: &str = "kind";

/// An impression with the actions around it.
struct Nest<'a> {
    shown: &'a LogImpression,
    /// The customer's real actions around it, and the planted ones.
    log: Vec<LogAction>,
    /// The item that must be in the history.
    kept: Option<i64>,
    /// Those that must not.
    refused: Vec<i64>,
}

/// Plants canaries around some impressions, runs the engine, and looks at what it made.
pub(super) fn canaries(
    audit: &Audit<'_>,
    rules: &Rules,
    logs: &Logs,
    keys: &BTreeSet<Key>,
    problems: &mut Problems,
) -> Result<Canaries> {
    // What is carried through has nothing to do with what is prior, and items are codes here.
    let settings = &Settings {
        ask: Sequences {
            keep: Vec::new(),
            item_vocabulary: None,
            unknown_item: UnknownItem::Index,
            ..audit.set.settings.sequences().clone()
        }
        .into(),
        ..audit.set.settings.clone()
    };
    let (mut customers, mut nests) = (BTreeSet::new(), Vec::new());
    let none = OrderedLog::new(rules, []);
    for key in keys.iter().filter(|key| key.1.is_some()) {
        if customers.contains(&key.1) {
            continue;
        }
        // Of repeated impressions one that makes rows.
        let makes_rows =
            |of: &LogImpression| !OutRow::expected(settings, rules, of, &none).is_empty();
        let shown = logs.shown.get(key).into_iter().flatten();
        let shown = shown.map(|(_, shown)| shown).find(|of| makes_rows(of));
        let is_whole = |of: &LogImpression| of.items.iter().all(|(item, _)| *item != 0);
        let is_told = |of: &LogImpression| of.time.is_none_or(is_writable) && is_whole(of);
        let Some(shown) = shown.filter(|of| is_told(of)) else {
            continue;
        };
        let cutoff = fates(rules, shown, &[]).cutoff_us;
        let near = actions_around(&rules.timezone, logs.actions_of(key), cutoff);
        let nest = nest(settings, rules, shown, &near);
        // What is planted beyond the years that times may be of would be a fault of its row.
        if nest.log.iter().all(|of| is_near(settings, of.time)) {
            customers.insert(&key.1);
            nests.push(nest);
        }
    }
    let mut found = Canaries::default();
    if nests.is_empty() {
        return Ok(found);
    }
    let folder = TempDir::create(&audit.temp_dir(), "hitherto-canaries")?;
    let dir = folder.path();
    let job = Job::new(write(settings, dir, &nests)?)?;
    engine::run(&job, &RunContext::default())?;
    let mut rows = read_back(&job)?;
    for nest in &nests {
        let shown = nest.shown;
        let key = (shown.day, shown.customer.clone(), shown.ranking.clone());
        let made = rows.remove(&key).unwrap_or_default();
        judge(settings, rules, nest, &made, (&mut found, problems));
    }
    Ok(found)
}

/// An impression with its planted actions.
fn nest<'a>(
    settings: &Settings,
    rules: &Rules,
    shown: &'a LogImpression,
    log: &[LogAction],
) -> Nest<'a> {
    let own = settings.sequences();
    let Fates {
        cutoff_us: cutoff,
        start_us,
        ..
    } = fates(rules, shown, &[]);
    let mut next = match own.item_type {
        ItemType::Int32 => i64::from(i32::MAX),
        ItemType::Int64 => i64::MAX,
    };
    let mut free_item = || {
        while log.iter().any(|of| of.item == next) || shown.items.iter().any(|of| of.0 == next) {
            next -= 1;
        }
        next -= 1;
        next + 1
    };
    let (mut nest_log, mut refused, mut first) = (log.to_vec(), Vec::new(), None);
    let source = |log: usize| own.actions[log].source;
    // A type that counts, if the log has one.
    let counts = |code: &u8| rules.types.is_empty() || rules.types.contains(code);
    let counted = |log: usize| own.actions[log].codes().into_iter().find(counts);
    let embargo = |log: usize| rules.embargo_us[log].unwrap_or(0);
    let is_held = |log: usize| own.available.iter().any(|(of, _)| *of == source(log));
    let mut plant = |log: usize, time: i64, known: i64| {
        let item = free_item();
        nest_log.push(LogAction {
            customer: shown.customer.clone(),
            time: LogTime::Instant(time),
            log,
            kind: counted(log).unwrap_or_else(|| own.actions[log].codes()[0]),
            item,
            available: is_held(log).then_some(Some(LogTime::Instant(known))),
            told: numbers(settings),
        });
        item
    };
    let logs = 0..settings.sequences().actions.len();
    let read = logs.filter(|log| !own.without.contains(&source(*log)));
    let (read, others): (Vec<usize>, Vec<usize>) = read.partition(|log| counted(*log).is_some());
    for log in others {
        refused.push(plant(log, cutoff - 1, cutoff - 1));
    }
    let plain = |of: &&usize| embargo(**of) == 0 && !is_held(**of);
    if let Some(log) = read.iter().find(plain).or_else(|| read.first()).copied() {
        let before = (cutoff - 1).saturating_sub(embargo(log));
        let item = plant(log, before, cutoff - 1);
        // A lookback that the embargo outlasts holds nothing that is known.
        match start_us.is_none_or(|start| start <= before) {
            true => first = Some(item),
            false => refused.push(item),
        }
        refused.push(plant(log, cutoff, cutoff - 1));
        refused.push(plant(log, cutoff + 1, cutoff - 1));
    }
    for log in read {
        let held = embargo(log);
        if held > 0 {
            refused.push(plant(log, cutoff.saturating_sub(held), cutoff - 1));
        }
        if is_held(log) {
            let before = (cutoff - 1).saturating_sub(held);
            refused.push(plant(log, before, cutoff));
        }
    }
    Nest {
        shown,
        kept: first,
        log: nest_log,
        refused,
    }
}

/// Writes the logs of all nests, and gives the settings of a job that reads them.
fn write(settings: &Settings, dir: &Path, nests: &[Nest<'_>]) -> Result<Settings> {
    let mut files: BTreeMap<Source, String> = BTreeMap::new();
    let of_text = settings.customer_type == Some(CustomerType::String);
    let customer = |of: &Option<String>| match of {
        Some(id) if !of_text => json!(id.parse::<i64>().unwrap_or_default()),
        other => json!(other),
    };
    let mut add = |source: Source, row: Map<String, Value>| {
        let text = files.entry(source).or_default();
        *text += &format!("{}\n", Value::Object(row));
    };
    for nest in nests {
        let shown = nest.shown;
        let items = shown.items.iter();
        let items = items.map(|(item, label)| json!({"item_id": item, "is_order": label}));
        let mut row = Map::new();
        row.insert("dt".into(), json!(date_text(Day(shown.day))));
        row.insert("ranking_id".into(), json!(shown.ranking));
        row.insert("customer_id".into(), customer(&shown.customer));
        row.insert("impressions".into(), items.collect());
        row.insert("impression_time".into(), json!(shown.time.map(time_value)));
        add(Source::Impressions, row);
        for action in &nest.log {
            let customer = customer(&action.customer);
            let (source, row) = action_row(settings, customer, action);
            add(source, row);
        }
    }
    let mut paths = Vec::new();
    for (source, text) in files {
        let path = dir.join(format!("{}.ndjson", source.name()));
        fs::write(&path, text).map_err(|error| Error::io("write", &path, error))?;
        paths.push((source, path.display().to_string()));
    }
    let is_there = |of: &Source| paths.iter().any(|(source, _)| source == of);
    let available = settings
        .sequences()
        .available
        .iter()
        .map(|(of, _)| *of)
        .filter(is_there);
    Ok(Settings {
        ask: Sequences {
            available: available.map(|of| (of, KNOWN_AT.to_owned())).collect(),
            actions: settings.sequences().actions.iter().map(planted).collect(),
            without: Vec::new(),
            lateness_max_us: None,
            ..settings.sequences().clone()
        }
        .into(),
        allow_unused: true,
        dir: None,
        files_from: Vec::new(),
        out: dir.join("out"),
        publish: Publish::New,
        columns: renamed(settings),
        time_unit: Some(TimeUnit::Micro),
        format: Some(Format::Ndjson),
        on_bad_row: OnBadRow::Error,
        threads: 1,
        paths,
        ..settings.clone()
    })
}

/// An action as a record of a planted file, and the source that it is of.
fn action_row(
    settings: &Settings,
    customer: Value,
    action: &LogAction,
) -> (Source, Map<String, Value>) {
    let of = &settings.sequences().actions[action.log];
    let (item, time) = match of.source {
        Source::Clicks => ("item_id", "click_time"),
        Source::Carts | Source::Orders => ("config_id", "occurred_at"),
        _ => ("item_id", "time"),
    };
    let mut row = Map::new();
    row.insert("customer_id".into(), customer);
    row.insert(item.into(), json!(action.item));
    row.insert(time.into(), time_value(action.time));
    if let Some(known) = action.available {
        row.insert(KNOWN_AT.into(), json!(known.map(time_value)));
    }
    row.extend(told_values(&action.told).unwrap_or_default());
    if let Types::Column { .. } = of.types {
        row.insert(KIND.into(), json!(action.kind));
    }
    (of.source, row)
}

/// A source of actions as its planted file has it: all rows count, and types are codes.
fn planted(of: &ActionSource) -> ActionSource {
    let types = match &of.types {
        Types::Constant(code) => Types::Constant(*code),
        Types::Column { other, .. } => {
            let codes: BTreeSet<u8> = of.codes().into_iter().collect();
            Types::Column {
                column: KIND.to_owned(),
                codes: codes
                    .into_iter()
                    .map(|code| (code.to_string(), code))
                    .collect(),
                other: *other,
            }
        }
    };
    ActionSource {
        source: of.source,
        types,
        only: Vec::new(),
    }
}

/// All rows that a run made, by impression.
fn read_back(job: &Job) -> Result<BTreeMap<Key, Vec<OutRow>>> {
    let mut rows: BTreeMap<Key, Vec<OutRow>> = BTreeMap::new();
    read_all(&job.out, |day, batch, at| {
        let row = OutRow::new(job, batch, at);
        let key = (day, row.customer.clone(), row.ranking.clone());
        rows.entry(key).or_default().push(row);
    })?;
    Ok(rows)
}

/// Looks at what the engine made of one impression.
fn judge(
    settings: &Settings,
    rules: &Rules,
    nest: &Nest<'_>,
    made: &[OutRow],
    (found, problems): (&mut Canaries, &mut Problems),
) {
    let shown = nest.shown;
    let customer = shown.customer.as_deref().unwrap_or_default();
    let path = format!("dt={}", date_text(Day(shown.day)));
    let mut tell = |what: String| {
        let ranking = &shown.ranking;
        let what = format!("canaries around customer {customer}, ranking \"{ranking}\": {what}");
        problems.add(path.as_str(), what);
    };
    found.impressions += 1;
    found.planted += count64(nest.refused.len()) + u64::from(nest.kept.is_some());
    let holds = |item: i64| {
        made.iter()
            .filter(|row| row.actions.contains(&item))
            .count()
    };
    match nest.kept {
        Some(item) if holds(item) < made.len() || made.is_empty() => {
            tell("an action a microsecond before the cutoff is not in the history".to_owned());
        }
        Some(_) => found.kept += 1,
        None => {}
    }
    for item in &nest.refused {
        match holds(*item) {
            0 => found.refused += 1,
            _ => tell(format!(
                "planted item {item} is not prior, and is in the history"
            )),
        }
    }
    let log = OrderedLog::new(rules, &nest.log);
    let expected = OutRow::expected(settings, rules, shown, &log);
    let mut made = made.to_vec();
    made.sort_by_key(|row| row.position);
    if made != expected {
        let differs = made
            .iter()
            .zip(&expected)
            .find(|(made, right)| made != right);
        let what =
            differs.and_then(|(made, right)| made.difference(right, rules, shown, &nest.log));
        tell(
            what.unwrap_or_else(|| {
                format!("expected {} rows, found {}", expected.len(), made.len())
            }),
        );
    }
    debug_assert!(settings.sequences().cutoff != Cutoff::Time || shown.time.is_some());
}
