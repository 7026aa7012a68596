//! `dwell` against the reference: named cases at every boundary, then thousands of random ones.
//!
//! Every case is written to files in some format, read by the engine, and read back from the CSV
//! and the Parquet that it published, which must hold the same.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray,
};
use arrow::datatypes::{DataType, Date32Type, Float64Type, Int64Type};
use hitherto::reference::{
    DwellRules, FlyerRow, LogEvent, LogTime, MerchantRow, UserDayRow, UserRow, dwell, dwell_by_day,
};
use hitherto::{
    Dedup, DivideBy, Dwell, DwellMethod, DwellReport, Format, Job, MoreTable, RunContext, Settings,
    Source, TimeUnit, date_text,
};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::file::properties::WriterProperties;

use crate::far::{FIRST_US, LAST_US};
use crate::ipc::to_arrow;
use crate::real::shared;
use crate::support::{NULLS, Numbers, audit, scratch, text_of};

/// A second.
const SECOND: i64 = 1_000_000;
/// 2025-08-15T00:00Z.
const NOON: i64 = 1_755_259_200 * SECOND;

/// How the events of a case are written.
#[derive(Clone, Copy, Debug)]
struct Style {
    /// The format.
    format: Format,
    /// Files to spread the rows over.
    files: usize,
    /// Rows of a Parquet row group.
    row_group: usize,
    /// Times are timestamps of Parquet, or integers of other formats; no offsets.
    numbers: bool,
    /// Parquet has dictionaries of texts.
    dictionaries: bool,
    /// A word that stands for null wherever a text may.
    null: Option<&'static str>,
}

/// The plainest way to write events.
const PLAIN: Style = Style {
    format: Format::Csv,
    files: 1,
    row_group: 1000,
    numbers: false,
    dictionaries: true,
    null: None,
};

/// A case: events, rules, and how they are written.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    /// The rules.
    pub(crate) rules: DwellRules,
    /// The events.
    pub(crate) log: Vec<LogEvent>,
    /// Events that are left out: the first without a user, and those that open something without a
    /// flyer or a merchant.
    pub(crate) lacking: Vec<LogEvent>,
    /// How they are written.
    style: Style,
    /// The tables beside those that are always made.
    more_tables: Vec<MoreTable>,
}

impl Case {
    /// Spans of some events, with SPEC's defaults.
    fn spans(log: Vec<LogEvent>) -> Case {
        let rules = DwellRules {
            is_session: false,
            by_flyers: false,
            idle_us: 30 * 60 * SECOND,
            timezone: "UTC".into(),
            int_ids: false,
            once: false,
            opens: ["flyer_open", "item_open"].map(str::to_owned).into(),
            closes: vec!["flyer_close".into()],
            ignores: Vec::new(),
        };
        let style = PLAIN;
        Case {
            rules,
            log,
            lacking: Vec::new(),
            style,
            more_tables: vec![MoreTable::User, MoreTable::Flyer],
        }
    }

    /// Sessions of some events, with SPEC's defaults.
    pub(crate) fn sessions(log: Vec<LogEvent>) -> Case {
        let mut case = Case::spans(log);
        case.rules.is_session = true;
        case
    }

    /// The events that are not at fault for a time outside the years 1 to 9999: as it is written, and in
    /// the zone.
    fn sound(&self) -> Vec<LogEvent> {
        let zone = &self.rules.timezone;
        let is_sound = |event: &&LogEvent| {
            let east_us = event.east_minutes.unwrap_or(0) * 60 * SECOND;
            let is_written = match event.time {
                LogTime::Instant(us) => {
                    hitherto::reference::is_near("UTC", LogTime::Wall(us.saturating_add(east_us)))
                }
                _ => true,
            };
            let is_written = is_written || event.east_minutes.is_none();
            is_written && hitherto::reference::is_near(zone, event.time)
        };
        self.log.iter().filter(is_sound).cloned().collect()
    }

    /// The settings that say the same as the rules.
    pub(crate) fn settings(&self, dir: &Path, out: &Path) -> Settings {
        let rules = &self.rules;
        Settings {
            ask: Dwell {
                dwell_method: if rules.is_session {
                    DwellMethod::Session
                } else {
                    DwellMethod::Span
                },
                divide_by: if rules.by_flyers {
                    DivideBy::Flyers
                } else {
                    DivideBy::Events
                },
                idle_timeout_us: rules.idle_us,
                opens: rules.opens.clone(),
                closes: rules.closes.clone(),
                ignores: rules.ignores.clone(),
                more_tables: self.more_tables.clone(),
                by_day: false,
            }
            .into(),
            allow_unused: true,
            paths: vec![(Source::Events, dir.display().to_string())],
            out: out.to_owned(),
            timezone: Some(rules.timezone.clone()),
            time_unit: self.style.numbers.then_some(TimeUnit::Micro),
            customer_type: rules.int_ids.then_some(hitherto::CustomerType::Int64),
            null_values: self.style.null.map(str::to_owned).into_iter().collect(),
            dedup: if rules.once {
                Dedup::Exact
            } else {
                Dedup::None
            },
            on_bad_row: if self.sound().len() == self.log.len() {
                hitherto::OnBadRow::Error
            } else {
                hitherto::OnBadRow::Quarantine
            },
            ..Settings::default()
        }
    }

    /// Writes the events into files of a folder.
    pub(crate) fn write(&self, dir: &Path) {
        fs::create_dir_all(dir).expect("a folder");
        let log = [&self.lacking[..], &self.log].concat();
        let per_file = log.len().div_ceil(self.style.files).max(1);
        for file in 0..log.len().div_ceil(per_file).max(1) {
            let from = (file * per_file).min(log.len());
            let rows = &log[from..(from + per_file).min(log.len())];
            let (ending, bytes) = match self.style.format {
                Format::Csv => ("csv", self.to_csv(rows)),
                Format::Ndjson => ("ndjson", self.to_json(rows).join("\n").into_bytes()),
                Format::Json => {
                    let array = format!("[{}]", self.to_json(rows).join(",\n"));
                    ("json", array.into_bytes())
                }
                Format::Parquet => ("parquet", self.to_parquet(rows)),
                Format::Arrow => to_arrow(&self.to_batch(rows), self.style.row_group),
            };
            fs::write(dir.join(format!("part-{file}.{ending}")), bytes).expect("a file");
        }
    }

    /// The time of an event, as it is written.
    fn time(&self, event: &LogEvent) -> String {
        match (event.time, event.east_minutes) {
            (LogTime::Instant(us), _) if self.style.numbers => us.to_string(),
            (LogTime::Instant(us), Some(minutes)) => {
                let wall = text_of(LogTime::Wall((us + minutes * 60 * SECOND) / 2 * 2));
                let (sign, size) = (if minutes < 0 { '-' } else { '+' }, minutes.abs());
                format!("{wall}{sign}{:02}:{:02}", size / 60, size % 60)
            }
            (time, _) => text_of(time),
        }
    }

    /// Rows as CSV.
    fn to_csv(&self, rows: &[LogEvent]) -> Vec<u8> {
        let mut text = "timestamp,user_id,event,flyer_id,merchant_id\n".to_owned();
        for event in rows {
            let (flyer, merchant) = (event.flyer.as_deref(), event.merchant.as_deref());
            let time = self.time(event);
            let null = self.style.null.unwrap_or("");
            let user = match &event.user[..] {
                "" => null,
                user => user,
            };
            let fields = [&time, user, &event.event];
            let ids = [flyer.unwrap_or(null), merchant.unwrap_or(null)];
            text += &format!("{},{}\n", fields.join(","), ids.join(","));
        }
        text.into_bytes()
    }

    /// Rows as JSON objects.
    fn to_json(&self, rows: &[LogEvent]) -> Vec<String> {
        let quoted = |text: &str| format!("\"{text}\"");
        let id = |id: &str| {
            if self.rules.int_ids {
                id.to_owned()
            } else {
                quoted(id)
            }
        };
        let null = || self.style.null.map_or_else(|| "null".to_owned(), quoted);
        let or_null = |id_or_null: &Option<String>| id_or_null.as_deref().map_or_else(null, id);
        // An empty text of JSON is null by itself.
        let user = |user: &str| match user {
            "" => self.style.null.map_or_else(|| "\"\"".to_owned(), quoted),
            user => id(user),
        };
        let object = |event: &LogEvent| {
            let time = if self.style.numbers {
                self.time(event)
            } else {
                quoted(&self.time(event))
            };
            format!(
                "{{\"timestamp\": {time}, \"user_id\": {}, \"event\": {}, \"flyer_id\": {}, \
                 \"merchant_id\": {}}}",
                user(&event.user),
                quoted(&event.event),
                or_null(&event.flyer),
                or_null(&event.merchant)
            )
        };
        rows.iter().map(object).collect()
    }

    /// Rows as a batch.
    fn to_batch(&self, rows: &[LogEvent]) -> RecordBatch {
        let ids = |id: &dyn Fn(&LogEvent) -> Option<String>| -> ArrayRef {
            let values = rows.iter().map(id);
            match self.rules.int_ids {
                true => Arc::new(Int64Array::from_iter(
                    values.map(|id| id.map(|id| id.parse::<i64>().expect("an integer"))),
                )),
                false => {
                    let null = || self.style.null.map(str::to_owned);
                    Arc::new(StringArray::from_iter(values.map(|id| id.or_else(null))))
                }
            }
        };
        let texts = |text: &dyn Fn(&LogEvent) -> String| -> ArrayRef {
            Arc::new(StringArray::from_iter_values(rows.iter().map(text)))
        };
        let instants = rows.iter().map(|event| match event.time {
            LogTime::Instant(us) => us,
            _ => 0,
        });
        let times: ArrayRef = match self.style.numbers {
            true => {
                let times = TimestampMicrosecondArray::from_iter_values(instants);
                Arc::new(times.with_timezone("UTC"))
            }
            false => texts(&|event| self.time(event)),
        };
        let columns = [
            ("timestamp", times),
            (
                "user_id",
                ids(&|event| Some(event.user.clone()).filter(|user| !user.is_empty())),
            ),
            ("event", texts(&|event| event.event.clone())),
            ("flyer_id", ids(&|event| event.flyer.clone())),
            ("merchant_id", ids(&|event| event.merchant.clone())),
        ];
        RecordBatch::try_from_iter(columns).expect("columns of one length")
    }

    /// Rows as a Parquet file.
    fn to_parquet(&self, rows: &[LogEvent]) -> Vec<u8> {
        let batch = self.to_batch(rows);
        let properties = WriterProperties::builder()
            .set_max_row_group_row_count(Some(self.style.row_group))
            .set_dictionary_enabled(self.style.dictionaries)
            .build();
        let mut bytes = Vec::new();
        let writer = ArrowWriter::try_new(&mut bytes, batch.schema(), Some(properties));
        let mut writer = writer.expect("a writer");
        writer.write(&batch).expect("rows");
        writer.close().expect("a footer");
        bytes
    }
}

/// Runs the engine.
pub(crate) fn run(settings: Settings, memory: u64) -> hitherto::Result<(DwellReport, u64)> {
    let context = RunContext::new(memory, None);
    let report = hitherto::dwell(&Job::new(settings)?, &context)?;
    Ok((report, context.spilled()))
}

/// A table, as the CSV file has it.
fn csv_table(out: &Path, name: &str, header: &[&str]) -> Vec<Vec<String>> {
    let mut reader = csv::Reader::from_path(out.join(name)).expect("a table");
    let found: Vec<String> = reader
        .headers()
        .expect("a header")
        .iter()
        .map(str::to_owned)
        .collect();
    assert_eq!(found, header);
    let rows = reader.records().map(|row| {
        let row = row.expect("a row");
        row.iter().map(str::to_owned).collect()
    });
    rows.collect()
}

/// The tables of users with merchants and of merchants, as the CSV files have them.
fn csv_rows(out: &Path) -> (Vec<Vec<String>>, Vec<Vec<String>>) {
    let read = |name: &str, header: &[&str]| csv_table(out, name, header);
    let users = [
        "user_id",
        "merchant_id",
        "date",
        "avg_seconds",
        "flyers",
        "events",
    ];
    let merchants = [
        "merchant_id",
        "date",
        "users",
        "avg_seconds",
        "p50_seconds",
        "p95_seconds",
    ];
    (
        read("user_merchant.csv", &users),
        read("merchant.csv", &merchants),
    )
}

/// A table as the Parquet file has it, in the form of CSV.
fn parquet_rows(path: &Path) -> Vec<Vec<String>> {
    let file = fs::File::open(path).expect("a table");
    let reader = ParquetRecordBatchReaderBuilder::try_new(file)
        .expect("Parquet")
        .build();
    let mut rows = Vec::new();
    for batch in reader.expect("a reader") {
        let batch = batch.expect("rows");
        let value = |column: &ArrayRef, row: usize| match column.data_type() {
            DataType::Utf8 => column.as_string::<i32>().value(row).to_owned(),
            DataType::Int64 => column.as_primitive::<Int64Type>().value(row).to_string(),
            DataType::Date32 => date_text(hitherto::Day(
                column.as_primitive::<Date32Type>().value(row),
            )),
            DataType::Float64 => {
                let text = column.as_primitive::<Float64Type>().value(row).to_string();
                if text.contains('.') {
                    text
                } else {
                    text + ".0"
                }
            }
            other => panic!("a column of {other}"),
        };
        for row in 0..batch.num_rows() {
            assert!(batch.columns().iter().all(|column| column.is_valid(row)));
            rows.push(
                batch
                    .columns()
                    .iter()
                    .map(|column| value(column, row))
                    .collect(),
            );
        }
    }
    rows
}

/// Whether two numbers are the same, but for the last bits.
fn is_near(found: &str, expected: f64) -> bool {
    let found: f64 = found.parse().expect("a number");
    (found - expected).abs() <= 1e-12 * expected.abs().max(1e-6)
}

/// Compares what was published with what must come out.
fn compare(name: &str, case: &Case, out: &Path) {
    let (users, merchants) = csv_rows(out);
    assert_eq!(
        users,
        parquet_rows(&out.join("user_merchant.parquet")),
        "{name}"
    );
    assert_eq!(
        merchants,
        parquet_rows(&out.join("merchant.parquet")),
        "{name}"
    );
    let (of_users, of_merchants) = dwell(&case.rules, &case.sound());
    assert_eq!(users.len(), of_users.len(), "{name}: {users:#?}\n{case:#?}");
    for (found, expected) in users.iter().zip(&of_users) {
        let UserRow {
            user,
            merchant,
            day,
            avg_seconds,
            flyers,
            events,
        } = expected;
        let same = found[0] == *user
            && found[1] == *merchant
            && found[2] == date_text(hitherto::Day(*day))
            && is_near(&found[3], *avg_seconds)
            && found[4] == flyers.to_string()
            && found[5] == events.to_string();
        assert!(same, "{name}: {found:?}, but {expected:?}\n{case:#?}");
    }
    assert_eq!(merchants.len(), of_merchants.len(), "{name}\n{case:#?}");
    for (found, expected) in merchants.iter().zip(&of_merchants) {
        let MerchantRow {
            merchant,
            day,
            users,
            avg_seconds,
            p50_seconds,
            p95_seconds,
        } = expected;
        let same = found[0] == *merchant
            && found[1] == date_text(hitherto::Day(*day))
            && found[2] == users.to_string()
            && is_near(&found[3], *avg_seconds)
            && is_near(&found[4], *p50_seconds)
            && is_near(&found[5], *p95_seconds);
        assert!(same, "{name}: {found:?}, but {expected:?}\n{case:#?}");
    }
}

/// Compares the tables of users by day and of flyers with what must come out, where they are asked for.
fn compare_more(name: &str, case: &Case, out: &Path) {
    let (of_users, of_flyers) = dwell_by_day(&case.rules, &case.sound());
    let date = |day: i32| date_text(hitherto::Day(day));
    let table = |table: MoreTable, file: &str, header: &[&str]| {
        let path = out.join(format!("{file}.csv"));
        assert_eq!(path.exists(), case.more_tables.contains(&table), "{name}");
        path.exists().then(|| {
            let rows = csv_table(out, &format!("{file}.csv"), header);
            let parquet = parquet_rows(&out.join(format!("{file}.parquet")));
            assert_eq!(rows, parquet, "{name}");
            rows
        })
    };
    let header = ["user_id", "date", "avg_seconds", "flyers", "events"];
    if let Some(users) = table(MoreTable::User, "user", &header) {
        assert_eq!(users.len(), of_users.len(), "{name}\n{case:#?}");
        for (found, expected) in users.iter().zip(&of_users) {
            let UserDayRow {
                user,
                day,
                avg_seconds,
                flyers,
                events,
            } = expected;
            let same = found[0] == *user
                && found[1] == date(*day)
                && is_near(&found[2], *avg_seconds)
                && found[3] == flyers.to_string()
                && found[4] == events.to_string();
            assert!(same, "{name}: {found:?}, but {expected:?}\n{case:#?}");
        }
    }
    let header = [
        "flyer_id",
        "date",
        "users",
        "avg_seconds",
        "p50_seconds",
        "p95_seconds",
    ];
    if let Some(flyers) = table(MoreTable::Flyer, "flyer", &header) {
        assert_eq!(flyers.len(), of_flyers.len(), "{name}\n{case:#?}");
        for (found, expected) in flyers.iter().zip(&of_flyers) {
            let FlyerRow {
                flyer,
                day,
                users,
                avg_seconds,
                p50_seconds,
                p95_seconds,
            } = expected;
            let same = found[0] == *flyer
                && found[1] == date(*day)
                && found[2] == users.to_string()
                && is_near(&found[3], *avg_seconds)
                && is_near(&found[4], *p50_seconds)
                && is_near(&found[5], *p95_seconds);
            assert!(same, "{name}: {found:?}, but {expected:?}\n{case:#?}");
        }
    }
}

/// Compares the metrics of an output with the rows that must come out.
fn compare_metrics(name: &str, case: &Case, out: &Path) {
    let found = crate::metrics::read(out);
    let (rows, merchants) = dwell(&case.rules, &case.sound());
    let mut users: Vec<&String> = rows.iter().map(|row| &row.user).collect();
    users.dedup();
    assert_eq!(found["rows"], rows.len(), "{name}");
    assert_eq!(found["merchant_rows"], merchants.len(), "{name}");
    assert_eq!(found["users"], users.len(), "{name}");
    let events = case.log.len() + case.lacking.len();
    assert_eq!(found["events"], events, "{name}");
    let mut seconds: Vec<f64> = rows.iter().map(|row| row.avg_seconds).collect();
    seconds.sort_by(f64::total_cmp);
    let none = seconds.iter().filter(|seconds| **seconds == 0.0).count();
    let none = crate::metrics::ratio(none as u64, rows.len() as u64);
    crate::metrics::assert_alike(&found["zero_seconds_pct"], &none, &name);
    for (metric, per_cent) in [("p50_seconds", 50), ("p95_seconds", 95)] {
        let rank = (seconds.len() * per_cent).div_ceil(100).max(1);
        let Some(exact) = seconds.get(rank - 1) else {
            assert!(found[metric].is_null(), "{name}");
            continue;
        };
        let found = found[metric].as_f64().expect("a number");
        let is_near = found <= exact + 1e-6 && found >= exact * (1.0 - 1.0 / 32.0) - 1e-6;
        assert!(is_near, "{name}: {metric} is {found}, but {exact}");
    }
}

/// Runs a case and compares it with the reference.
fn check(name: &str, case: &Case, change: impl Fn(&mut Settings)) -> DwellReport {
    let folder = scratch();
    let (dir, out) = (folder.path().join("in"), folder.path().join("out"));
    case.write(&dir);
    let mut settings = case.settings(&dir, &out);
    change(&mut settings);
    let ran = run(settings, 0);
    let (report, _) = ran.unwrap_or_else(|error| panic!("{name}: {error}\n{case:#?}"));
    compare(name, case, &out);
    compare_more(name, case, &out);
    compare_metrics(name, case, &out);
    audit(name, &out);
    compare_roles(name, case, &report);
    let events = case.log.len() + case.lacking.len();
    assert_eq!(report.events, events as u64, "{name}");
    let lacks =
        |is: fn(&LogEvent) -> bool| case.lacking.iter().filter(|event| is(event)).count() as u64;
    assert_eq!(
        report.null_users,
        lacks(|event| event.user.is_empty()),
        "{name}"
    );
    let of_user = |event: &LogEvent| !event.user.is_empty() && event.flyer.is_none();
    assert_eq!(report.null_flyers, lacks(of_user), "{name}");
    let placed = |event: &LogEvent| !event.user.is_empty() && event.flyer.is_some();
    assert_eq!(report.null_merchants, lacks(placed), "{name}");
    report
}

/// Compares the counts of events by the roles of their names with those of a case.
fn compare_roles(name: &str, case: &Case, report: &DwellReport) {
    let rules = &case.rules;
    let sound = case.sound();
    let count = |is: &dyn Fn(&String) -> bool| {
        let events = sound.iter().chain(&case.lacking);
        events.filter(|event| is(&event.event)).count() as u64
    };
    let ignored = count(&|event| rules.ignores.contains(event));
    let others = count(&|event| {
        let roles = [&rules.opens, &rules.closes, &rules.ignores];
        !roles.iter().any(|names| names.contains(event))
    });
    assert_eq!((report.ignored, report.others), (ignored, others), "{name}");
}

/// The averages of a case: user, merchant, date, seconds, flyers, events.
fn rows_of(case: &Case) -> Vec<String> {
    let folder = scratch();
    let (dir, out) = (folder.path().join("in"), folder.path().join("out"));
    case.write(&dir);
    run(case.settings(&dir, &out), 0).expect("a run");
    compare("rows", case, &out);
    csv_rows(&out).0.iter().map(|row| row.join(" ")).collect()
}

/// An event of user u with merchant m, some seconds after noon of 2025-08-15 in UTC.
pub(crate) fn event(second: i64, event: &str, flyer: &str) -> LogEvent {
    let id = |id: &str| (!id.is_empty()).then(|| id.to_owned());
    LogEvent {
        time: LogTime::Instant(NOON + second * SECOND),
        east_minutes: Some(0),
        user: "u".into(),
        event: event.into(),
        flyer: id(flyer),
        merchant: id(if flyer.is_empty() { "" } else { "m" }),
    }
}

#[test]
fn nothing_at_all_is_two_tables_without_rows() {
    for format in [Format::Csv, Format::Parquet, Format::Json] {
        let mut case = Case::spans(vec![]);
        case.style.format = format;
        check("empty", &case, |_| {});
    }
}

#[test]
fn a_user_with_one_event_stayed_no_time() {
    let log = vec![event(0, "flyer_open", "f")];
    let expected = ["u m 2025-08-15 0.0 1 1"];
    assert_eq!(rows_of(&Case::spans(log.clone())), expected);
    assert_eq!(rows_of(&Case::sessions(log)), expected);
}

#[test]
fn a_span_is_divided_by_events_or_by_flyers() {
    let log = vec![
        event(90, "item_open", "f"),
        event(0, "flyer_open", "f"),
        event(60, "flyer_open", "g"),
        event(3000, "favorite", "f"),
        event(4000, "list_flyers", ""),
    ];
    let mut case = Case::spans(log);
    assert_eq!(rows_of(&case), ["u m 2025-08-15 30.0 2 3"]);
    case.rules.by_flyers = true;
    assert_eq!(rows_of(&case), ["u m 2025-08-15 45.0 2 3"]);
}

#[test]
fn in_a_session_an_event_on_a_flyer_lasts_until_the_next_of_the_user() {
    let mut log = vec![
        event(100, "list_flyers", ""),
        event(0, "flyer_open", "f"),
        event(10, "item_open", "f"),
        event(40, "flyer_open", "g"),
        event(100, "flyer_open", "f"),
        event(107, "shopping_list_open", ""),
    ];
    // f: 10 + 30 + 7, g: 60.
    assert_eq!(
        rows_of(&Case::sessions(log.clone())),
        ["u m 2025-08-15 53.5 2 4"]
    );
    log[4].user = "other".into();
    let rows = rows_of(&Case::sessions(log));
    assert_eq!(
        rows,
        ["other m 2025-08-15 0.0 1 1", "u m 2025-08-15 50.0 2 3"]
    );
}

#[test]
fn a_gap_of_exactly_the_idle_timeout_is_within_the_visit_and_one_more_microsecond_is_not() {
    let mut log = vec![event(0, "flyer_open", "f"), event(1800, "list_flyers", "")];
    assert_eq!(
        rows_of(&Case::sessions(log.clone())),
        ["u m 2025-08-15 1800.0 1 1"]
    );
    log[1].time = LogTime::Instant(NOON + 1800 * SECOND + 2);
    let mut case = Case::sessions(log);
    assert_eq!(rows_of(&case), ["u m 2025-08-15 0.0 1 1"]);
    case.rules.idle_us += 2;
    assert_eq!(rows_of(&case), ["u m 2025-08-15 1800.000002 1 1"]);
}

#[test]
fn closing_a_flyer_ends_it_and_starts_nothing() {
    let log = vec![
        event(0, "flyer_open", "f"),
        event(30, "flyer_close", "f"),
        event(100, "flyer_open", "f"),
        event(120, "flyer_close", ""),
        event(500, "list_flyers", ""),
    ];
    assert_eq!(rows_of(&Case::sessions(log)), ["u m 2025-08-15 50.0 1 2"]);
}

#[test]
fn of_events_at_the_same_time_an_open_one_comes_last() {
    let mut log = vec![
        event(0, "flyer_open", "g"),
        event(0, "list_flyers", ""),
        event(0, "flyer_close", "f"),
        event(0, "flyer_open", "f"),
        event(0, "item_open", "h"),
        event(60, "list_flyers", ""),
    ];
    for _ in 0..log.len() {
        // The last of them is the flyer g: 60 seconds, over three flyers.
        assert_eq!(
            rows_of(&Case::sessions(log.clone())),
            ["u m 2025-08-15 20.0 3 3"]
        );
        log.rotate_left(1);
    }
}

#[test]
fn duplicates_are_events_of_their_own_and_counted() {
    let log = vec![
        event(0, "flyer_open", "f"),
        event(60, "flyer_open", "f"),
        event(60, "flyer_open", "f"),
    ];
    assert_eq!(
        rows_of(&Case::spans(log.clone())),
        ["u m 2025-08-15 20.0 1 3"]
    );
    assert_eq!(
        rows_of(&Case::sessions(log.clone())),
        ["u m 2025-08-15 60.0 1 3"]
    );
    assert_eq!(
        check("duplicates", &Case::spans(log.clone()), |_| {}).duplicates,
        1
    );
    assert_eq!(
        check("duplicates", &Case::sessions(log), |_| {}).duplicates,
        1
    );
}

#[test]
fn a_stay_across_midnight_is_split_by_the_wall_of_the_event_that_starts_it() {
    // 23:50 and 00:05 two hours east, written so; the second event is written in UTC.
    let mut log = vec![
        event(35_400, "flyer_open", "f"),
        event(36_300, "list_flyers", ""),
    ];
    log[0].east_minutes = Some(120);
    let rows = rows_of(&Case::sessions(log.clone()));
    assert_eq!(
        rows,
        ["u m 2025-08-15 600.0 1 1", "u m 2025-08-16 300.0 1 0"]
    );
    // The end at midnight itself leaves nothing for the next day.
    log[1].time = LogTime::Instant(NOON + 36_000 * SECOND);
    assert_eq!(
        rows_of(&Case::sessions(log.clone())),
        ["u m 2025-08-15 600.0 1 1"]
    );
    // Three days in one stay.
    log[1].time = LogTime::Instant(NOON + (36_000 + 86_400 + 7) * SECOND);
    let mut case = Case::sessions(log);
    case.rules.idle_us = 7 * 86_400 * SECOND;
    let rows = rows_of(&case);
    let expected = [
        "u m 2025-08-15 600.0 1 1",
        "u m 2025-08-16 86400.0 1 0",
        "u m 2025-08-17 7.0 1 0",
    ];
    assert_eq!(rows, expected);
}

#[test]
fn the_day_is_that_of_the_offset_that_a_time_is_written_with() {
    let mut log = vec![
        event(0, "flyer_open", "f"),
        event(60, "flyer_open", "f"),
        event(120, "flyer_open", "f"),
    ];
    log[0].east_minutes = Some(12 * 60);
    log[1].east_minutes = Some(-12 * 60 - 2);
    // One moment after another, on three days of the calendar.
    let rows = rows_of(&Case::spans(log));
    let expected = [
        "u m 2025-08-14 0.0 1 1",
        "u m 2025-08-15 0.0 1 1",
        "u m 2025-08-16 0.0 1 1",
    ];
    assert_eq!(rows, expected);
}

#[test]
fn without_an_offset_days_are_the_zones_on_days_of_23_and_25_hours_too() {
    for (zone, wall) in [
        // Clocks go forward on 2025-03-30 and back on 2025-10-26.
        ("Europe/Berlin", 1_743_292_800 * SECOND),
        ("Europe/Berlin", 1_761_436_800 * SECOND),
        // The day starts at 01:00.
        ("Asia/Beirut", 1_743_292_800 * SECOND),
        // 2011-12-30 never was.
        ("Pacific/Apia", 1_325_203_200 * SECOND),
    ] {
        for session in [false, true] {
            let hours = (-30..30).map(|hour| {
                let mut event = event(0, "flyer_open", if hour % 3 == 0 { "f" } else { "g" });
                event.time = LogTime::Wall(wall + hour * 3_600 * SECOND);
                event.east_minutes = None;
                event
            });
            let mut case = Case::spans(hours.collect());
            case.rules.is_session = session;
            case.rules.timezone = zone.into();
            case.rules.idle_us = 100 * 3_600 * SECOND;
            check(zone, &case, |_| {});
        }
    }
    // From Saturday's noon to Sunday's: 12 hours, then 11.
    let mut log = vec![event(0, "flyer_open", "f"), event(0, "list_flyers", "")];
    log[0].time = LogTime::Wall((1_743_292_800 - 43_200) * SECOND);
    log[1].time = LogTime::Wall((1_743_292_800 + 43_200) * SECOND);
    (log[0].east_minutes, log[1].east_minutes) = (None, None);
    let mut case = Case::sessions(log);
    case.rules.timezone = "Europe/Berlin".into();
    case.rules.idle_us = 86_400 * SECOND;
    let rows = rows_of(&case);
    assert_eq!(
        rows,
        ["u m 2025-03-29 43200.0 1 1", "u m 2025-03-30 39600.0 1 0"]
    );
}

#[test]
fn a_day_that_begins_twice_is_over_when_it_first_was() {
    // In 2010 the clocks of St. John's went back from 00:01 on 7 November to 23:01 on the 6th.
    let at = |hour: i64, name: &str| LogEvent {
        time: LogTime::Instant((14_920 * 24 + hour) * 3_600 * SECOND),
        east_minutes: None,
        ..event(0, name, if name == "list_flyers" { "" } else { "f" })
    };
    let mut case = Case::sessions(vec![at(3, "flyer_open"), at(5, "list_flyers")]);
    case.style.numbers = true;
    case.rules.timezone = "America/St_Johns".into();
    case.rules.idle_us = 3 * 3_600 * SECOND;
    let rows = rows_of(&case);
    assert_eq!(
        rows,
        ["u m 2010-11-06 0.0 1 1", "u m 2010-11-07 7200.0 1 0"]
    );
    check("a day that begins twice", &case, |_| {});
}

#[test]
fn the_text_null_is_a_text_and_ids_are_sorted_as_what_they_are() {
    let mut log: Vec<LogEvent> = ["10", "9", "null", "é", "a"]
        .iter()
        .map(|merchant| {
            let mut event = event(0, "item_open", "null");
            event.merchant = Some((*merchant).to_owned());
            event
        })
        .collect();
    let rows = rows_of(&Case::spans(log.clone()));
    let merchants: Vec<&str> = rows
        .iter()
        .map(|row| row.split(' ').nth(1).expect("a row"))
        .collect();
    assert_eq!(merchants, ["10", "9", "a", "null", "é"]);
    log.truncate(2);
    for event in &mut log {
        (event.user, event.flyer) = ("-5".into(), Some("7".into()));
    }
    let mut case = Case::spans(log);
    case.rules.int_ids = true;
    let rows = rows_of(&case);
    assert_eq!(
        rows,
        ["-5 9 2025-08-15 0.0 1 1", "-5 10 2025-08-15 0.0 1 1"]
    );
}

/// A random case.
pub(crate) fn random_case(numbers: &mut Numbers) -> Case {
    let int_ids = numbers.once_in(3);
    let style = Style {
        format: numbers.pick(&[
            Format::Csv,
            Format::Ndjson,
            Format::Json,
            Format::Parquet,
            Format::Parquet,
            Format::Arrow,
        ]),
        files: numbers.pick(&[1, 1, 2, 5]),
        row_group: numbers.pick(&[1, 3, 1000]),
        numbers: numbers.once_in(3),
        dictionaries: !numbers.once_in(3),
        null: numbers.once_in(4).then(|| numbers.pick(&NULLS)),
    };
    let rules = DwellRules {
        is_session: !numbers.once_in(3),
        by_flyers: numbers.once_in(2),
        idle_us: numbers.pick(&[1, 60, 1800, 100_000]) * SECOND,
        timezone: numbers
            .pick(&["UTC", "Europe/Berlin", "America/New_York", "Pacific/Apia"])
            .into(),
        int_ids,
        once: numbers.once_in(3),
        ..random_roles(numbers)
    };
    let more_tables = numbers.pick(&[
        &[][..],
        &[MoreTable::User],
        &[MoreTable::Flyer],
        &[MoreTable::Flyer, MoreTable::User],
    ]);
    let rarity = numbers.pick(&[u64::MAX, u64::MAX, 5]);
    let log = (0..numbers.below(60)).map(|_| random_event(numbers, &rules, style, rarity));
    let log: Vec<LogEvent> = log.collect();
    let lacking = (0..numbers.below(4)).map(|_| lacking_event(numbers, &rules, style));
    let lacking = lacking.collect();
    Case {
        rules,
        log,
        lacking,
        style,
        more_tables: more_tables.to_vec(),
    }
}

/// Rules with random roles of names of events, mostly the default ones.
fn random_roles(numbers: &mut Numbers) -> DwellRules {
    let usual = Case::spans(Vec::new()).rules;
    if !numbers.once_in(3) {
        return usual;
    }
    let mut names = [
        "flyer_open",
        "item_open",
        "flyer_close",
        "list_flyers",
        "favorite",
        "absent",
    ]
    .map(str::to_owned)
    .to_vec();
    numbers.shuffle(&mut names);
    let mut take = |count: u64| names.split_off(names.len() - usize::try_from(count).expect("few"));
    let (opens, closes, ignores) = (1 + numbers.below(3), numbers.below(2), numbers.below(2));
    DwellRules {
        opens: take(opens),
        closes: take(closes),
        ignores: take(ignores),
        ..usual
    }
}

/// A random event that is left out.
fn lacking_event(numbers: &mut Numbers, rules: &DwellRules, style: Style) -> LogEvent {
    let mut event = random_event(numbers, rules, style, u64::MAX);
    event.event = rules.opens[0].clone();
    let other = || Some(event.user.clone());
    (event.flyer, event.merchant) = (other(), other());
    match numbers.below(4) {
        0 => event.user = String::new(),
        1 => (event.flyer, event.merchant) = (None, None),
        2 => event.flyer = None,
        _ => event.merchant = None,
    }
    event
}

/// A moment near an end of the years 1 to 9999, or beyond it, as a style can write it.
fn far_us(numbers: &mut Numbers, style: Style) -> i64 {
    let hour = 3600 * SECOND;
    let near = [
        FIRST_US,
        FIRST_US - hour,
        FIRST_US + 20 * hour,
        LAST_US + 1 - 30 * hour,
    ];
    if style.numbers {
        numbers.pick(&[near[0], near[1], LAST_US, LAST_US + 1, i64::MIN, i64::MAX])
    } else {
        numbers.pick(&near)
    }
}

/// A random event, near a change of clocks; users have few, so that times are often equal.
/// One in `rarity` is near an end of the years 1 to 9999, or beyond it.
fn random_event(numbers: &mut Numbers, rules: &DwellRules, style: Style, rarity: u64) -> LogEvent {
    let name = numbers.pick(&[
        "flyer_open",
        "flyer_open",
        "item_open",
        "flyer_close",
        "list_flyers",
        "favorite",
    ]);
    let start = match rules.timezone.as_str() {
        "Europe/Berlin" => 1_743_292_800,
        "America/New_York" => 1_762_041_600,
        "Pacific/Apia" => 1_325_203_200,
        _ => 1_755_259_200,
    };
    let span = numbers.pick(&[4, 600, 40_000, 300_000]);
    let us = (start + numbers.below(span).cast_signed()) * SECOND;
    let us = if numbers.once_in(rarity) {
        far_us(numbers, style)
    } else {
        us
    };
    let (time, east_minutes) = match (style.numbers, numbers.below(3)) {
        (true, _) => (LogTime::Instant(us), None),
        (false, 0) => (LogTime::Wall(us), None),
        _ => {
            let east = numbers.pick(&[0, 120, -240, 345, 840]);
            (LogTime::Instant(us), Some(east))
        }
    };
    let long = "0123456789abcdef".repeat(4);
    let id = |numbers: &mut Numbers, texts: [&str; 4]| {
        let below = numbers.below(5);
        if rules.int_ids {
            let first = numbers.pick(&[7, -3, 12, i64::MAX]);
            return (first - below.cast_signed() / 4).to_string();
        }
        let text = numbers.pick(&texts);
        if numbers.once_in(2) {
            text.to_owned()
        } else {
            format!("{text}{below}")
        }
    };
    let id_or_none = |numbers: &mut Numbers, texts| {
        let is_there = rules.opens.iter().any(|open| open == name) || !numbers.once_in(2);
        is_there.then(|| id(numbers, texts))
    };
    LogEvent {
        time,
        east_minutes,
        flyer: id_or_none(numbers, ["f", "null", "10", "9"]),
        merchant: id_or_none(numbers, ["m", "null", "é", &long]),
        user: id(numbers, ["u", "user", &long, "ü"]),
        event: name.into(),
    }
}

#[test]
fn three_thousand_random_cases() {
    for seed in 0..3000 {
        let mut numbers = Numbers(seed);
        let case = random_case(&mut numbers);
        let threads = numbers.pick(&[1, 1, 2, 3]);
        let piece_bytes = numbers.pick(&[1, 100, 1 << 20]);
        check(&format!("seed {seed}"), &case, |settings| {
            settings.threads = threads;
            settings.tuning.text_piece_bytes = piece_bytes;
            settings.tuning.piece_rows_min = 1 + seed % 4;
        });
    }
}

/// The tables of an output, and its metrics.
fn files_of(out: &Path) -> Vec<Vec<u8>> {
    let names = [
        "user_merchant.csv",
        "user_merchant.parquet",
        "merchant.csv",
        "merchant.parquet",
        "_metrics.json",
    ];
    names
        .map(|name| fs::read(out.join(name)).expect("a file"))
        .into()
}

#[test]
fn no_byte_depends_on_threads_memory_or_the_order_of_rows_and_files() {
    let mut numbers = Numbers(4);
    let names = ["flyer_open", "item_open", "list_flyers"];
    let log = (0..450_000).map(|_| {
        let mut event = event(
            numbers.below(40_000).cast_signed(),
            numbers.pick(&names),
            "f",
        );
        event.user = format!("{:064x}", numbers.below(300) * 7919);
        event.flyer = Some(numbers.below(200).to_string());
        event.merchant = Some(numbers.below(40).to_string());
        event
    });
    let mut case = Case::sessions(log.collect());
    case.style.format = Format::Parquet;
    case.style.row_group = 20_000;
    let folder = scratch();
    let mut first: Option<Vec<Vec<u8>>> = None;
    for (threads, files, memory) in [(2, 1, 0), (3, 4, 0), (1, 7, 12 << 20)] {
        numbers.shuffle(&mut case.log);
        case.style.files = files;
        case.style.format = if files == 4 {
            Format::Csv
        } else {
            Format::Parquet
        };
        let name = |what: &str| -> PathBuf { folder.path().join(format!("{what}{files}")) };
        case.write(&name("in"));
        let mut settings = case.settings(&name("in"), &name("out"));
        settings.threads = threads;
        let (_, spilled) = run(settings, memory).expect("a run");
        assert_eq!(spilled > 0, memory > 0, "{spilled} bytes");
        let found = files_of(&name("out"));
        assert!(
            first.get_or_insert_with(|| found.clone()) == &found,
            "{files} files"
        );
    }
    compare("many", &case, &folder.path().join("out1"));
}

/// The tables of each day of an output: the path from the output, without the ending, and both files.
fn day_files(out: &Path) -> Vec<(String, [Vec<u8>; 2])> {
    let mut files = Vec::new();
    for folder in fs::read_dir(out).expect("a folder") {
        let folder = folder.expect("an entry");
        let day = folder.file_name().into_string().expect("text");
        if !day.starts_with("date=") {
            continue;
        }
        for table in ["user_merchant", "merchant", "user", "flyer"] {
            let path = |ending: &str| folder.path().join(format!("{table}.{ending}"));
            if path("csv").exists() {
                let both = ["csv", "parquet"].map(|ending| fs::read(path(ending)).expect("a file"));
                files.push((format!("{day}/{table}"), both));
            }
        }
    }
    files.sort();
    files
}

/// The rows of a table of an output by day, with the day behind the ids, as the table of all days has it.
fn rows_by_day(out: &Path, table: &str, ids: usize) -> Vec<Vec<String>> {
    let mut rows = Vec::new();
    for (name, [csv, _]) in day_files(out) {
        let (day, of) = name.split_once('/').expect("a folder");
        if of != table {
            continue;
        }
        let mut reader = csv::Reader::from_reader(&csv[..]);
        let header = reader.headers().expect("a header").clone();
        assert!(!header.iter().any(|name| name == "date"));
        let found: Vec<Vec<String>> = reader
            .records()
            .map(|row| row.expect("a row").iter().map(str::to_owned).collect())
            .collect();
        let parquet = parquet_rows(&out.join(format!("{name}.parquet")));
        assert_eq!(found, parquet);
        rows.extend(found.into_iter().map(|mut row| {
            row.insert(ids, day.trim_start_matches("date=").to_owned());
            row
        }));
    }
    rows
}

/// Runs a case by day, compares its rows with those of the tables of all days, then makes each of its days by a run
/// of its own, which must be the same bytes.
fn check_days(name: &str, case: &Case, change: &dyn Fn(&mut Settings)) {
    let folder = scratch();
    let dir = folder.path().join("in");
    case.write(&dir);
    let out = |name: &str| folder.path().join(name);
    let make = |to: &str, more: &dyn Fn(&mut Settings)| {
        let mut settings = case.settings(&dir, &out(to));
        change(&mut settings);
        more(&mut settings);
        run(settings, 0).map(|(report, _)| report)
    };
    let all = make("all", &|_| {}).unwrap_or_else(|error| panic!("{name}: {error}"));
    let days = make("days", &|settings| settings.dwell_mut().by_day = true);
    let days = days.unwrap_or_else(|error| panic!("{name}: {error}"));
    audit(name, &out("days"));
    assert_eq!(
        (
            days.user_rows,
            days.merchant_rows,
            days.user_day_rows,
            days.flyer_rows
        ),
        (
            all.user_rows,
            all.merchant_rows,
            all.user_day_rows,
            all.flyer_rows
        ),
        "{name}"
    );
    let counts = |report: &DwellReport| (report.users, report.merchants, report.days);
    assert_eq!(counts(&days), counts(&all), "{name}");
    for (table, ids) in [
        ("user_merchant", 2),
        ("merchant", 1),
        ("user", 1),
        ("flyer", 1),
    ] {
        let path = out("all").join(format!("{table}.parquet"));
        if !path.exists() {
            continue;
        }
        let mut expected = parquet_rows(&path);
        // By day, then as before.
        expected.sort_by(|a, b| a[ids].cmp(&b[ids]));
        assert_eq!(
            rows_by_day(&out("days"), table, ids),
            expected,
            "{name}: {table}"
        );
    }
    check_nights(name, case, &out(""), &make);
}

/// Makes a set in a folder of this name, with changed settings.
type MakeSet<'a> = &'a dyn Fn(&str, &dyn Fn(&mut Settings)) -> hitherto::Result<DwellReport>;

/// Makes each day of a set by a run of its own, the last day first, and compares all with the set.
fn check_nights(name: &str, case: &Case, folder: &Path, make: MakeSet<'_>) {
    let out = |name: &str| folder.join(name);
    let whole = day_files(&out("days"));
    let mut names: Vec<&str> = whole
        .iter()
        .filter_map(|(name, _)| name.split_once('/'))
        .map(|(day, _)| day)
        .collect();
    names.dedup();
    for (at, day) in names.iter().rev().enumerate() {
        let day = hitherto::parse_day(day.trim_start_matches("date=")).expect("a day");
        let added = make("nightly", &|settings| {
            (settings.from, settings.to) = (Some(day), Some(day));
            settings.publish = hitherto::Publish::AddDays(hitherto::IfExists::Error);
            settings.threads = 1 + at % 3;
        });
        let added = added.unwrap_or_else(|error| panic!("{name}: {error}\n{case:#?}"));
        assert_eq!(added.days, Some((day, day)), "{name}");
    }
    if !names.is_empty() {
        assert!(day_files(&out("nightly")) == whole, "{name}\n{case:#?}");
        audit(name, &out("nightly"));
        let read = |set: &str, file: &str| -> serde_json::Value {
            let text = fs::read(out(set).join(file)).expect("a file");
            serde_json::from_slice(&text).expect("JSON")
        };
        let counts = |set: &str| read(set, "_manifest.json")["counts"].clone();
        assert_eq!(counts("nightly"), counts("days"), "{name}");
        for metric in ["rows", "merchant_rows", "users", "merchants", "p50_seconds"] {
            let metric_of = |set: &str| read(set, "_metrics.json")[metric].clone();
            assert_eq!(metric_of("nightly"), metric_of("days"), "{name}: {metric}");
        }
    }
}

#[test]
fn each_day_by_itself_is_the_bytes_of_a_run_of_all_days() {
    for seed in 0..400 {
        let mut numbers = Numbers(seed);
        let case = random_case(&mut numbers);
        let threads = numbers.pick(&[1, 2, 3]);
        check_days(&format!("seed {seed}"), &case, &|settings| {
            settings.threads = threads;
        });
    }
}

#[test]
fn a_day_without_rows_is_no_input_and_a_day_that_is_there_is_no_output() {
    let folder = scratch();
    let (dir, out) = (folder.path().join("in"), folder.path().join("out"));
    let case = Case::sessions(vec![
        event(0, "flyer_open", "f"),
        event(9, "flyer_open", "g"),
    ]);
    case.write(&dir);
    let make = |day: &str| {
        let mut settings = case.settings(&dir, &out);
        let day = hitherto::parse_day(day);
        (settings.from, settings.to) = (day, day);
        settings.publish = hitherto::Publish::AddDays(hitherto::IfExists::Error);
        run(settings, 0).map(|(report, _)| report.user_rows)
    };
    let error = make("2025-08-14").expect_err("no rows");
    assert_eq!(error.exit_code(), 66);
    assert!(
        error.to_string().contains("no rows on 2025-08-14"),
        "{error}"
    );
    assert_eq!(make("2025-08-15").expect("a run"), 1);
    let error = make("2025-08-15").expect_err("it is there");
    assert_eq!(error.exit_code(), 73);
}

/// The number in a column of some rows, summed up.
fn sum(rows: &[Vec<String>], column: usize) -> f64 {
    let numbers = rows
        .iter()
        .map(|row| row[column].parse::<f64>().expect("a number"));
    numbers.sum()
}

/// Figures of DuckDB over the file, all columns read as text and empty fields as null, with `w` the
/// time on the wall and `n` that of the user's next event (`lead(w) OVER (PARTITION BY user_id ORDER
/// BY w, CASE event WHEN 'flyer_open' THEN 3 WHEN 'item_open' THEN 2 ELSE 1 END, flyer_id,
/// merchant_id)`), grouped by user, merchant and day:
/// ```sql
/// epoch(max(w) - min(w)) / count(*)                    -- over flyer_open and item_open
/// epoch(max(w) - min(w)) / count(DISTINCT flyer_id)    -- the same, by flyers
/// sum(CASE WHEN epoch(n - w) <= 1800 THEN epoch(n - w) ELSE 0 END) / count(DISTINCT flyer_id)
/// ```
/// then `sum` over users, and over merchants of `avg`, `quantile_cont(.., 0.5)` and `(.., 0.95)`.
#[test]
fn real_events_give_what_duckdb_makes_of_them() {
    let Some(dir) = shared("flyers") else { return };
    let events = dir.join("channel_dataset.csv");
    for (is_session, by_flyers, figures) in [
        (
            false,
            false,
            [
                9_804_544.532_236_58,
                202_758.014_772_656_78,
                57_064.833_333_333_336,
                794_542.132_665_642_5,
            ],
        ),
        (
            false,
            true,
            [
                15_455_484.586_993_039,
                393_804.151_897_806_03,
                107_768.25,
                1_487_032.920_595_236_6,
            ],
        ),
        (
            true,
            false,
            [
                2_319_880.386_695_571,
                98_238.708_021_552_33,
                52_978.595_238_095_24,
                287_700.625,
            ],
        ),
    ] {
        let folder = scratch();
        let out = folder.path().join("out");
        let mut case = Case::spans(vec![]);
        (case.rules.is_session, case.rules.by_flyers) = (is_session, by_flyers);
        let report = run(case.settings(&events, &out), 0)
            .expect("all rows are good")
            .0;
        assert_eq!((report.events, report.opens), (20_723, 16_511));
        let (users, merchants) = csv_rows(&out);
        assert_eq!((users.len(), merchants.len()), (12_030, 521));
        assert_eq!((report.users, report.merchants), (1166, 521));
        let counts = [sum(&users, 4), sum(&users, 5), sum(&merchants, 2)];
        assert_eq!(counts, [13_956.0, 16_511.0, 12_030.0]);
        let found = [
            sum(&users, 3),
            sum(&merchants, 3),
            sum(&merchants, 4),
            sum(&merchants, 5),
        ];
        for (found, expected) in found.iter().zip(figures) {
            assert!(
                (found - expected).abs() < 1e-6 * expected,
                "{found}, not {expected}"
            );
        }
    }
}

/// What DuckDB 2.0.1 makes of the tables of users by day and of flyers, over the same file and with the same
/// `w` and `n`: the sums over `GROUP BY user_id, date` and over `GROUP BY flyer_id, date`, the latter of the
/// rows of `GROUP BY flyer_id, date, user_id` with `avg`, `quantile_cont(.., 0.5)` and `(.., 0.95)`.
#[test]
fn users_by_day_and_flyers_are_what_duckdb_makes_of_them() {
    let Some(dir) = shared("flyers") else { return };
    for (is_session, figures) in [
        (
            false,
            [
                3_366_056.405_459_244_7,
                395_852.859_111_563_24,
                126_176.333_333_333_34,
                1_381_588.284_642_856_8,
            ],
        ),
        (
            true,
            [
                210_978.519_774_577_58,
                279_437.912_743_685_24,
                185_829.5,
                664_663.2,
            ],
        ),
    ] {
        let folder = scratch();
        let out = folder.path().join("out");
        let mut case = Case::spans(vec![]);
        case.rules.is_session = is_session;
        let events = dir.join("channel_dataset.csv");
        run(case.settings(&events, &out), 0).expect("all rows are good");
        let users = parquet_rows(&out.join("user.parquet"));
        let flyers = parquet_rows(&out.join("flyer.parquet"));
        assert_eq!([users.len(), flyers.len()], [1166, 1659]);
        let counts = [sum(&users, 3), sum(&users, 4), sum(&flyers, 2)];
        assert_eq!(counts, [13_921.0, 16_511.0, 13_921.0]);
        let found = [
            sum(&users, 2),
            sum(&flyers, 3),
            sum(&flyers, 4),
            sum(&flyers, 5),
        ];
        for (found, expected) in found.iter().zip(figures) {
            let is_near = (found - expected).abs() < 1e-9 * expected;
            assert!(is_near, "{found}, not {expected}");
        }
        audit("real", &out);
    }
}

/// The check that comes with the published notebook: the user 0017345b... opened 24 things on 2018-10-01,
/// the first at 11:30:48 and the last at 12:03:52, which is 1984 s / 24.
#[test]
fn the_user_of_the_notebook_has_the_average_of_the_notebook() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/flyers/one_user.csv");
    let folder = scratch();
    let out = folder.path().join("out");
    run(Case::spans(vec![]).settings(&path, &out), 0).expect("good rows");
    let users = csv_table(
        &out,
        "user.csv",
        &["user_id", "date", "avg_seconds", "flyers", "events"],
    );
    assert_eq!(users.len(), 1);
    assert!(users[0][0].starts_with("0017345b"));
    assert_eq!(users[0][1], "2018-10-01");
    assert_eq!(users[0][2], (1984.0_f64 / 24.0).to_string());
    assert_eq!(users[0][4], "24");
}

#[test]
fn a_percentile_lies_between_the_two_nearest_ranks() {
    // Five users, 0 to 40 seconds: p50 is the third, p95 four fifths of the way from the fourth to the
    // fifth. DuckDB: quantile_cont([0, 10, 20, 30, 40], [0.5, 0.95]) = [20.0, 38.0], where
    // quantile_disc is [20, 40].
    let log = (0..5).flat_map(|user| {
        let mut open = event(0, "flyer_open", "f");
        let mut end = event(user * 10, "flyer_close", "");
        (open.user, end.user) = (user.to_string(), user.to_string());
        [open, end]
    });
    let case = Case::sessions(log.collect());
    let folder = scratch();
    let (dir, out) = (folder.path().join("in"), folder.path().join("out"));
    case.write(&dir);
    run(case.settings(&dir, &out), 0).expect("a run");
    let rows = parquet_rows(&out.join("flyer.parquet"));
    assert_eq!(rows[0][2..], ["5", "20.0", "20.0", "38.0"]);
}

#[test]
fn names_of_events_have_the_roles_that_they_are_given() {
    let log = vec![
        event(0, "view", "f"),
        event(30, "ping", ""),
        event(40, "item_open", "g"),
        event(60, "leave", ""),
        event(70, "view", "f"),
        event(70, "look", "f"),
        event(75, "flyer_close", "f"),
    ];
    let mut case = Case::sessions(log);
    case.rules.opens = vec!["view".into(), "look".into()];
    case.rules.closes = vec!["leave".into()];
    case.rules.ignores = vec!["ping".into()];
    // `item_open` and `flyer_close` are events of no role: each ends what came before, and is on a flyer.
    let report = check("roles", &case, |_| {});
    assert_eq!((report.opens, report.others, report.ignored), (3, 2, 1));
    // f: 40 + 5, g: 20.
    assert_eq!(rows_of(&case), ["u m 2025-08-15 32.5 2 5"]);
    case.rules.is_session = false;
    assert_eq!(check("roles", &case, |_| {}).opens, 3);
    // Two names are two events, though they agree in all else.
    case.rules.once = true;
    assert_eq!(check("roles", &case, |_| {}).duplicates, 0);
}

/// All files of a folder and those in it, by name.
fn tree(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            files.extend(tree(&path));
        } else {
            let name = path.file_name().expect("a name").into();
            files.push((name, fs::read(&path).expect("a file")));
        }
    }
    files.sort();
    files
}

#[test]
fn generated_events_are_the_same_for_any_number_of_threads_and_are_read_in_every_format() {
    let folder = scratch();
    let mut opens = Vec::new();
    for format in [Format::Parquet, Format::Csv, Format::Ndjson] {
        let made = |threads: usize| {
            let settings = hitherto::GenerateEvents {
                dir: folder.path().join(format!("{format:?}{threads}")),
                events: 7001,
                users: 300,
                days: 3,
                format,
                threads,
                ..hitherto::GenerateEvents::default()
            };
            let generated = hitherto::generate_events(&settings, &RunContext::default());
            let generated = generated.expect("events");
            assert_eq!((generated.files, generated.events), (3, 7001));
            settings.dir
        };
        let dir = made(1);
        assert!(tree(&dir) == tree(&made(3)), "{format:?}");
        let mut case = Case::sessions(vec![]);
        case.rules.timezone = "America/New_York".into();
        let out = folder.path().join(format!("{format:?}-out"));
        let report = run(case.settings(&dir, &out), 0).expect("good rows").0;
        assert_eq!(report.events, 7001);
        assert!(100 < report.users && report.users <= 300, "{report:?}");
        opens.push(report.opens);
    }
    assert!(
        opens[0] > 3000 && opens.iter().all(|count| *count == opens[0]),
        "{opens:?}"
    );
}
