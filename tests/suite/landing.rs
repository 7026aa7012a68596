//! The day on which actions landed: which actions a history may hold, and the count of late ones, against
//! the reference, with logs in `dt=` folders and in single files.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use hitherto::reference::{
    LogAction, LogImpression, LogTime, Number, RepeatRule, Rules, Sample, day_in, landed_late,
    sequences,
};
use hitherto::{Day, Format, Layout, Sequences, Settings, Source, Tuning, date_text};
use serde_json::Value;

use crate::support::{
    Column, Items, Numbers, PLAIN, Style, TimeStyle, audit, run, samples, scratch, settings_of,
    side, write_rows,
};

/// Microseconds of an hour.
const HOUR: i64 = 3_600_000_000;
/// The first day of impressions.
const FIRST: i32 = 20_315;

/// Where a source records the day on which its actions landed, and whether that is their availability.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Landing {
    /// In folders; it is their availability.
    Folders,
    /// In a column `dt` of a single file; it is their availability.
    Column,
    /// In folders; it is not their availability.
    FoldersOnly,
    /// Nowhere.
    Nowhere,
}

impl Landing {
    /// Whether the day is the availability of the actions.
    fn is_availability(self) -> bool {
        [Landing::Folders, Landing::Column].contains(&self)
    }
}

/// A case.
struct Case {
    /// The rules.
    rules: Rules,
    /// The impressions.
    shown: Vec<LogImpression>,
    /// The actions, each with the day on which it landed.
    log: Vec<(LogAction, Option<i32>)>,
    /// How clicks, carts and orders record it.
    landings: [Landing; 3],
    /// How actions are written.
    style: Style,
}

/// The names of a source's columns: item and time.
fn names_of(source: Source) -> (&'static str, &'static str) {
    match source {
        Source::Clicks => ("item_id", "click_time"),
        _ => ("config_id", "occurred_at"),
    }
}

impl Case {
    /// A random case.
    fn new(numbers: &mut Numbers) -> Case {
        let zone = numbers.pick(&["UTC", "Europe/Berlin", "America/New_York"]);
        let landings = [(); 3].map(|()| {
            let all = [
                Landing::Folders,
                Landing::Column,
                Landing::FoldersOnly,
                Landing::FoldersOnly,
                Landing::Nowhere,
            ];
            numbers.pick(&all)
        });
        let by_time = numbers.once_in(2);
        let rules = Rules {
            cutoff_is_time: by_time,
            lookback_days: numbers.pick(&[None, Some(1), Some(3), Some(365)]),
            lookback_years: None,
            embargo_us: (0..3)
                .map(|_| numbers.pick(&[None, None, Some(5 * HOUR)]))
                .collect(),
            types: numbers.pick(&[vec![], vec![], vec![1, 3]]),
            repeats: numbers.pick(&[
                RepeatRule::Kept,
                RepeatRule::Kept,
                RepeatRule::Exact,
                RepeatRule::Consecutive,
            ]),
            computed: vec![],
            actions_max: numbers.pick(&[1, 2, 3, 5, 200]),
            timezone: zone.to_owned(),
            guests_are_rows: numbers.once_in(2),
            drop_null_labels: false,
            negatives: None,
        };
        let shown = (0..14).map(|n| shown(numbers, by_time, n)).collect();
        let rows = numbers.pick(&[20, 80, 300]);
        let log = (0..rows).map(|_| action(numbers, zone, landings)).collect();
        let style = Style {
            format: numbers.pick(&[
                Format::Parquet,
                Format::Parquet,
                Format::Csv,
                Format::Ndjson,
                Format::Arrow,
            ]),
            times: TimeStyle::Instant,
            row_group: numbers.pick(&[3, 1000]),
            narrow: numbers.once_in(2),
            ..PLAIN
        };
        Case {
            rules,
            shown,
            log,
            landings,
            style,
        }
    }

    /// Writes the logs: each source in folders of days, or in one file.
    fn write(&self, dir: &Path) {
        let folder = dir.join(Source::Impressions.folder());
        fs::create_dir_all(&folder).expect("a folder");
        let lists = self.shown.iter().map(|row| row.items.clone()).collect();
        let days = self.shown.iter().map(|row| Some(LogTime::Date(row.day)));
        let columns = [
            ("dt", Column::Times(days.collect(), TimeStyle::Date)),
            (
                "ranking_id",
                Column::Texts(
                    self.shown
                        .iter()
                        .map(|impression| Some(impression.ranking.clone()))
                        .collect(),
                ),
            ),
            (
                "customer_id",
                Column::Ints(
                    self.shown
                        .iter()
                        .map(|impression| id(&impression.customer))
                        .collect(),
                ),
            ),
            ("impressions", Column::Lists(lists, Items::Ids)),
            (
                "impression_time",
                Column::Times(
                    self.shown
                        .iter()
                        .map(|impression| impression.time)
                        .collect(),
                    TimeStyle::Instant,
                ),
            ),
        ];
        write_rows(&folder, &columns, self.shown.len(), PLAIN);
        for (log, source) in Source::ACTIONS.into_iter().enumerate() {
            let root = dir.join(source.folder());
            let mut files: BTreeMap<String, Vec<&(LogAction, Option<i32>)>> = BTreeMap::new();
            for row in self.log.iter().filter(|(action, _)| action.log == log) {
                let name = match (self.landings[log], row.1) {
                    (Landing::Folders | Landing::FoldersOnly, Some(day)) => {
                        format!("dt={}", date_text(Day(day)))
                    }
                    (Landing::Folders, None) => "dt=__HIVE_DEFAULT_PARTITION__".to_owned(),
                    _ => "all".to_owned(),
                };
                files.entry(name).or_default().push(row);
            }
            if files.is_empty() {
                files.entry("all".to_owned()).or_default();
            }
            for (name, rows) in files {
                let folder = root.join(name);
                fs::create_dir_all(&folder).expect("a folder");
                write_rows(
                    &folder,
                    &self.columns(source, log, &rows),
                    rows.len(),
                    self.style,
                );
            }
        }
    }

    /// The columns of a file of actions.
    fn columns(
        &self,
        source: Source,
        log: usize,
        rows: &[&(LogAction, Option<i32>)],
    ) -> Vec<(&'static str, Column)> {
        let (item, time) = names_of(source);
        let number = |number: &Number| match number {
            Number::Int(number) => *number,
            Number::Float(_) => 0,
        };
        let ints = rows
            .iter()
            .map(|(action, _)| Some(number(&action.attributes[0])));
        let times = rows.iter().map(|(action, _)| Some(action.time)).collect();
        let mut columns = vec![
            (
                "customer_id",
                Column::Ints(
                    rows.iter()
                        .map(|(action, _)| id(&action.customer))
                        .collect(),
                ),
            ),
            (
                item,
                Column::Ints(rows.iter().map(|(action, _)| Some(action.item)).collect()),
            ),
            (time, Column::Times(times, TimeStyle::Instant)),
            ("quantity", Column::Narrow(ints.collect())),
        ];
        if source == Source::Orders {
            columns.push((
                "order_date",
                Column::Times(vec![None; rows.len()], TimeStyle::Date),
            ));
        }
        if self.landings[log] == Landing::Column {
            let days = rows.iter().map(|(_, landed)| *landed);
            columns.push((
                "dt",
                match rows.len() % 2 {
                    0 => Column::Times(
                        days.map(|day| day.map(LogTime::Date)).collect(),
                        TimeStyle::Date,
                    ),
                    _ => Column::Texts(
                        days.map(|day| day.map(|day| format!("dt={}", date_text(Day(day)))))
                            .collect(),
                    ),
                },
            ));
        }
        columns
    }

    /// The settings of the case.
    fn settings(&self, dir: &Path, out: &Path, numbers: &mut Numbers) -> Settings {
        let rules = &self.rules;
        let settings = settings_of(rules, Source::ACTIONS.into_iter());
        let available = Source::ACTIONS.into_iter().zip(self.landings);
        let available = available.filter(|(_, landing)| landing.is_availability());
        Settings {
            ask: Sequences {
                available: available
                    .map(|(source, _)| (source, "dt".to_owned()))
                    .collect(),
                attributes: vec![side("quantity:int32")],
                layout: numbers.pick(&[Layout::Sample, Layout::Request]),
                row_group_rows_max: numbers.pick(&[3, 16_384]),
                ..settings.sequences().clone()
            }
            .into(),
            dir: Some(dir.to_owned()),
            out: out.to_owned(),
            threads: numbers.pick(&[1, 2, 3]),
            tuning: Tuning {
                partition_bits: numbers.pick(&[None, Some(0), Some(3)]),
                wave_rows_min: numbers.pick(&[1, 10, 1 << 22]),
                text_piece_bytes: numbers.pick(&[64, 1 << 20]),
                ..Tuning::default()
            },
            ..settings
        }
    }

    /// The actions with their availability.
    fn actions(&self) -> Vec<(LogAction, Option<i32>)> {
        let actions = self.log.iter().map(|(action, landed)| {
            let is_availability = self.landings[action.log].is_availability();
            let available = is_availability.then(|| landed.map(LogTime::Date));
            (
                LogAction {
                    available,
                    ..action.clone()
                },
                *landed,
            )
        });
        actions.collect()
    }

    /// Runs the case, and compares it with the reference.
    fn check(&self, name: &str, numbers: &mut Numbers) -> u64 {
        let folder = scratch();
        let (dir, out) = (folder.path().join("logs"), folder.path().join("out"));
        self.write(&dir);
        let settings = self.settings(&dir, &out, numbers);
        run(settings.clone()).unwrap_or_else(|error| panic!("{name}: {error}"));
        let actions = self.actions();
        let log: Vec<LogAction> = actions.iter().map(|(action, _)| action.clone()).collect();
        let mut expected: Vec<Sample> = sequences(&self.rules, &self.shown, &log);
        expected.sort();
        let mut found = samples(&out, &settings);
        found.sort();
        assert_eq!(found, expected, "{name}");
        let late = landed_late(&self.rules, &self.shown, &actions);
        let mut days: Vec<i32> = self.shown.iter().map(|impression| impression.day).collect();
        days.sort_unstable();
        days.dedup();
        for day in days {
            let path = out.join(format!("dt={}", date_text(Day(day))));
            if !path.exists() {
                continue;
            }
            let text = fs::read(path.join("_metrics.json")).expect("metrics");
            let metrics: Value = serde_json::from_slice(&text).expect("JSON");
            let mut total = Some(0);
            for (log, source) in Source::ACTIONS.into_iter().enumerate() {
                let count = late.get(&(day, log)).copied().unwrap_or(0);
                // A single file without rows records no day either.
                let is_known = match self.landings[log] {
                    Landing::Folders | Landing::Column => true,
                    Landing::FoldersOnly => actions.iter().any(|(action, _)| action.log == log),
                    Landing::Nowhere => false,
                };
                let count = is_known.then_some(count);
                total = total.zip(count).map(|(total, count)| total + count);
                let found = metrics["counts"]["landed_late"][source.name()].as_u64();
                assert_eq!(found, count, "{name}: {} on {day}", source.name());
            }
            assert_eq!(metrics["landed_late"].as_u64(), total, "{name}: {day}");
        }
        audit(name, &out);
        late.values().sum()
    }
}

/// The id of a customer as it is written.
fn id(customer: &Option<String>) -> Option<i64> {
    customer.as_ref().map(|id| id.parse().expect("an integer"))
}

/// A random impression.
fn shown(numbers: &mut Numbers, by_time: bool, n: usize) -> LogImpression {
    let day = FIRST + i32::try_from(numbers.below(5)).expect("small");
    // Noon, so that the day is the same in all zones.
    let hours = 12 + numbers.pick(&[-5, 0, 0, 3]);
    let at = i64::from(day) * 24 * HOUR + hours * HOUR;
    let guest = numbers.once_in(9);
    LogImpression {
        customer: (!guest).then(|| (1 + numbers.below(3)).to_string()),
        day,
        time: by_time.then_some(LogTime::Instant(at)),
        ranking: format!("r{n:02}"),
        items: (0..numbers.below(4))
            .map(|item| (i64::try_from(item).expect("small") + 1, Some(item == 0)))
            .collect(),
        ..LogImpression::default()
    }
}

/// A random action, most of which land on the day that they happen.
fn action(numbers: &mut Numbers, zone: &str, landings: [Landing; 3]) -> (LogAction, Option<i32>) {
    let log = usize::try_from(numbers.below(3)).expect("small");
    let hours = i64::try_from(numbers.below(9 * 12)).expect("small") * 2;
    let at = (i64::from(FIRST) - 4) * 24 * HOUR + hours * HOUR;
    let time = LogTime::Instant(at);
    let own = day_in(zone, time).expect("a day");
    let landed = match landings[log] {
        Landing::Nowhere => None,
        Landing::Folders | Landing::Column if numbers.once_in(12) => None,
        _ => Some(own + numbers.pick(&[0, 0, 0, 0, -1, 1, 1, 2])),
    };
    let action = LogAction {
        customer: (!numbers.once_in(20)).then(|| (1 + numbers.below(4)).to_string()),
        time,
        log,
        kind: u8::try_from(log + 1).expect("small"),
        item: 1 + i64::try_from(numbers.below(2)).expect("small"),
        available: None,
        attributes: vec![Number::Int(i32::try_from(numbers.below(2)).expect("small"))],
    };
    (action, landed)
}

#[test]
fn what_landed_late_is_counted_and_what_waits_for_its_day_is_in_no_history() {
    let mut late = 0;
    for seed in 0..200 {
        let mut numbers = Numbers(seed ^ 0x1a4d);
        let case = Case::new(&mut numbers);
        late += case.check(&format!("seed {seed} of landing"), &mut numbers);
    }
    assert!(late > 1_000, "cases hold few that landed late: {late}");
}
