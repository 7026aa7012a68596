//! Small published sets of every job, with rejected rows, and what tests do to them.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use arrow::array::AsArray;
use hitherto::{
    Ask, AuditRows, Day, DwellMethod, Job, JobKind, OnBadRow, Publish, RunContext, Settings,
    Source, Verified, VerifySettings, parse_day, verify,
};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::{Value, json};
use tempfile::TempDir;
use twox_hash::XxHash64;

use crate::support::scratch;

/// A published set and the folder of its inputs, in a temporary folder.
pub(super) struct Set(TempDir);

/// Impressions, actions of three customers, and one row of clicks that is bad.
const SHOP: [(&str, &str); 4] = [
    (
        "impressions.ndjson",
        r#"{"dt":"2025-08-15","ranking_id":"r1","customer_id":1,"impressions":[{"item_id":11,"is_order":true},{"item_id":12,"is_order":false}]}
{"dt":"2025-08-15","ranking_id":"r2","customer_id":2,"impressions":[{"item_id":11,"is_order":null}]}
{"dt":"2025-08-16","ranking_id":"r3","customer_id":1,"impressions":[{"item_id":13,"is_order":false}]}
{"dt":"2025-08-16","ranking_id":"r4","customer_id":3,"impressions":[{"item_id":14,"is_order":false}]}
"#,
    ),
    (
        "clicks.csv",
        "customer_id,item_id,click_time\n1,21,2025-08-14 10:00:00\n9,22,2025-08-14 11:00:00\n\
         2,0,2025-08-13 12:00:00\n1,24,2025-08-15 13:00:00\n1,24,2025-08-15 13:00:00\n",
    ),
    (
        "add_to_carts.json",
        r#"[{"customer_id":1,"config_id":31,"occurred_at":"2025-08-12 10:00:00"},
{"customer_id":2,"config_id":33,"occurred_at":"2025-08-12T12:00:00+02:00"}]"#,
    ),
    (
        "previous_orders.csv",
        "customer_id,config_id,occurred_at,order_date\n1,41,2025-08-11 10:00:00,2025-08-11\n\
         2,43,,2025-08-11\n",
    ),
];

/// Impressions of listings, clicks, listings, and one row of clicks that is bad.
const MARKET: [(&str, &str); 3] = [
    (
        "impressions.csv",
        "impression_id,user_id,listing_id,impression_ts\n1,7,1,2024-01-10 12:00:00\n\
         2,8,2,2024-01-10 13:00:00\n3,7,3,2024-01-11 12:00:00\n4,7,1,2024-01-11 12:00:00\n",
    ),
    (
        "clicks.ndjson",
        r#"{"user_id":7,"listing_id":1,"click_ts":"2024-01-10 11:30:00"}
{"user_id":7,"listing_id":1,"click_ts":"2024-01-10 12:30:00"}
{"user_id":7,"listing_id":1,"click_ts":"soon"}
{"user_id":null,"listing_id":1,"click_ts":"2024-01-09 12:30:00"}
{"user_id":8,"listing_id":3,"click_ts":"2024-01-11 12:30:00"}
"#,
    ),
    (
        "listings.csv",
        "listing_id,category,price,created_ts\n1,toys,5,2024-01-01\n2,,6.5,2024-01-12\n\
         4,home,7,2024-01-03\n",
    ),
];

/// Events, one of which is bad.
const EVENTS: &str = "timestamp,user_id,event,flyer_id,merchant_id\n\
    2018-10-01T13:00:30-04:00,u2,item_open,f1,\"Shop, Inc\"\n\
    2018-10-01T13:00:00-04:00,u2,flyer_open,f1,\"Shop, Inc\"\n\
    2018-10-01T12:00:00-04:00,u1,flyer_open,f7,m\n\
    2018-10-01T12:00:09-04:00,u1,shopping_list_open,,\n\
    2018-10-01T23:59:59-04:00,u1,flyer_open,f2,m\n\
    2018-10-02T00:05:00-04:00,u1,item_open,f2,m\n\
    soon,u1,flyer_open,f2,m\n";

impl Set {
    /// Inputs of a job, from which nothing is made so far.
    pub(super) fn inputs(job_kind: JobKind) -> Set {
        let set = Set(scratch());
        let files = match job_kind {
            JobKind::Sequences => &SHOP[..],
            JobKind::Features => &MARKET[..],
            JobKind::Dwell => &[("events.csv", EVENTS)],
        };
        fs::create_dir(set.dir()).expect("a folder");
        for (name, text) in files {
            fs::write(set.dir().join(name), text).expect("a file");
        }
        set
    }

    /// A set of a job, made in one run.
    pub(super) fn new(job_kind: JobKind) -> Set {
        let set = Set::inputs(job_kind);
        set.make(set.settings(job_kind));
        set
    }

    /// Sets of all jobs, and one whose days were made by two runs.
    pub(super) fn all() -> Vec<(&'static str, Set)> {
        vec![
            ("sequences", Set::new(JobKind::Sequences)),
            ("days", Set::of_days()),
            ("features", Set::new(JobKind::Features)),
            ("dwell", Set::new(JobKind::Dwell)),
        ]
    }

    /// A set of two days, the second added when there were more clicks: some that the first day
    /// would have had in its histories.
    pub(super) fn of_days() -> Set {
        let set = Set::inputs(JobKind::Sequences);
        let folder = set.dir().join("clicks");
        fs::create_dir(&folder).expect("a folder");
        fs::rename(set.dir().join("clicks.csv"), folder.join("a.csv")).expect("renamed");
        for (day, more) in [
            ("2025-08-15", ""),
            (
                "2025-08-16",
                "1,88,2025-08-13\n3,77,2025-08-14\n1,0,2025-08-15\n",
            ),
        ] {
            if !more.is_empty() {
                let text = format!("customer_id,item_id,click_time\n{more}");
                fs::write(folder.join("b.csv"), text).expect("a file");
            }
            set.make(Settings {
                publish: Publish::AddDays(hitherto::IfExists::Error),
                ..set.of_day(day)
            });
        }
        set
    }

    /// The settings of a run that makes one day.
    fn of_day(&self, day: &str) -> Settings {
        let day: Option<Day> = parse_day(day);
        Settings {
            from: day,
            to: day,
            ..self.settings(JobKind::Sequences)
        }
    }

    /// The settings of a run of a job.
    pub(super) fn settings(&self, job_kind: JobKind) -> Settings {
        let (dir, paths) = match job_kind {
            JobKind::Dwell => {
                let events = self.dir().join("events.csv").display().to_string();
                (None, vec![(Source::Events, events)])
            }
            _ => (Some(self.dir()), Vec::new()),
        };
        let mut ask = Ask::from(job_kind);
        match &mut ask {
            Ask::Sequences(own) => own.actions_max = Some(4),
            Ask::Features(own) => own.windows = vec![("1h".to_owned(), 3_600_000_000)],
            Ask::Dwell(own) => own.dwell_method = DwellMethod::Session,
        }
        Settings {
            ask,
            allow_unused: true,
            dir,
            paths,
            out: self.out(),
            on_bad_row: OnBadRow::Quarantine,
            threads: 1,
            timezone: Some("UTC".to_owned()),
            ..Settings::default()
        }
    }

    /// Runs a job.
    pub(super) fn make(&self, settings: Settings) {
        let job = Job::new(settings).expect("settings that hold together");
        let context = RunContext::default();
        match job.kind() {
            JobKind::Sequences => hitherto::run(&job, &context).map(drop),
            JobKind::Features => hitherto::features(&job, &context).map(drop),
            JobKind::Dwell => hitherto::dwell(&job, &context).map(drop),
        }
        .expect("a run");
    }

    /// The folder of the inputs.
    pub(super) fn dir(&self) -> PathBuf {
        self.0.path().join("in")
    }

    /// The published folder.
    pub(super) fn out(&self) -> PathBuf {
        self.0.path().join("out")
    }

    /// What `verify` finds without an audit.
    pub(super) fn verified(&self) -> Verified {
        self.audited(AuditRows::None)
    }

    /// What `verify` finds with an audit.
    pub(super) fn audited(&self, audit_rows: AuditRows) -> Verified {
        let settings = VerifySettings {
            out: self.out(),
            temp_dir: self.0.path().to_owned(),
            audit_rows,
            ..VerifySettings::default()
        };
        verify(&settings, &RunContext::default()).expect("a set")
    }

    /// The first row of a part that is of a ranking.
    pub(super) fn row_of(&self, part: &str, ranking: &str) -> usize {
        let file = File::open(self.out().join(part)).expect("a part");
        let reader = ParquetRecordBatchReaderBuilder::try_new(file).expect("a part");
        let batches = reader.build().expect("a part");
        let rankings = batches.flat_map(|batch| {
            let batch = batch.expect("a batch");
            let column = batch.column_by_name("ranking_id").expect("a column");
            let texts = column.as_string::<i32>().iter();
            texts
                .map(|text| text.map(str::to_owned))
                .collect::<Vec<_>>()
        });
        let mut rankings = rankings.map(|id| id.as_deref() == Some(ranking));
        rankings.position(|is_it| is_it).expect("a row")
    }

    /// Makes the manifests say of all inputs what they are now.
    pub(super) fn forgive_inputs(&self) {
        let fix = |manifest: &mut Value| {
            for input in manifest["inputs"].as_array_mut().expect("inputs") {
                let path = input["path"].as_str().expect("text").to_owned();
                let bytes = fs::read(path).expect("a file");
                input["bytes"] = json!(bytes.len());
                let digest = XxHash64::oneshot(0, &bytes);
                input["xxh64"] = json!(format!("{digest:016x}"));
            }
        };
        let manifests = self.files().into_iter();
        for path in manifests.filter(|path| path.ends_with("_manifest.json")) {
            self.change_manifest(path.to_str().expect("text"), fix);
        }
    }

    /// What `verify` says is wrong, as `PATH: WHAT`.
    pub(super) fn problems(&self) -> Vec<String> {
        let problems = self.verified().problems;
        let text = |problem: hitherto::Problem| format!("{}: {}", problem.path, problem.what);
        problems.into_iter().map(text).collect()
    }

    /// All published files, relative, sorted.
    pub(super) fn files(&self) -> Vec<PathBuf> {
        let mut files = files_in(&self.out());
        files.sort();
        let strip = |path: PathBuf| path.strip_prefix(self.out()).expect("below").to_owned();
        files.into_iter().map(strip).collect()
    }

    /// Changes the bytes of a published file, and leaves all else as it is.
    pub(super) fn change(&self, path: &Path, change: impl FnOnce(&mut Vec<u8>)) {
        let path = self.out().join(path);
        let mut bytes = fs::read(&path).expect("a file");
        change(&mut bytes);
        fs::write(&path, bytes).expect("a file");
    }

    /// Changes a manifest, and mends its checksum of itself.
    pub(super) fn change_manifest(&self, path: &str, change: impl FnOnce(&mut Value)) {
        self.change(Path::new(path), |bytes| {
            let mut value = serde_json::from_slice(bytes).expect("JSON");
            change(&mut value);
            *bytes = sealed(&value);
        });
    }

    /// Mends all manifests after a file of rows was changed, so that only its values can tell.
    pub(super) fn mend(&self, path: &str) {
        let bytes = fs::read(self.out().join(path)).expect("a file");
        let fix = |manifest: &mut Value, name: &str| {
            for part in manifest["parts"].as_array_mut().expect("parts") {
                if part["path"] == name {
                    part["bytes"] = json!(bytes.len());
                    let checksum = XxHash64::oneshot(0, &bytes);
                    part["xxh64"] = json!(format!("{checksum:016x}"));
                }
            }
        };
        self.change_manifest("_manifest.json", |manifest| fix(manifest, path));
        if let Some((day, name)) = path.split_once('/') {
            let of_day = format!("{day}/_manifest.json");
            self.change_manifest(&of_day, |manifest| fix(manifest, name));
        }
    }
}

/// A manifest with its checksum, written once more from what the guide says of it.
pub(super) fn sealed(value: &Value) -> Vec<u8> {
    let mut value = value.clone();
    value["xxh64"] = json!("");
    let text = serde_json::to_string_pretty(&value).expect("JSON") + "\n";
    let digits = format!(
        "\"xxh64\": \"{:016x}\"\n}}\n",
        XxHash64::oneshot(0, text.as_bytes())
    );
    let head = text
        .strip_suffix("\"xxh64\": \"\"\n}\n")
        .expect("the last member");
    (head.to_owned() + &digits).into_bytes()
}

/// All files below a folder.
fn files_in(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("a folder");
    let paths = entries.map(|entry| entry.expect("an entry").path());
    paths
        .flat_map(|path| {
            if path.is_dir() {
                files_in(&path)
            } else {
                vec![path]
            }
        })
        .collect()
}
