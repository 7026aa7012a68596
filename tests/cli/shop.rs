//! A small valid shop to damage, and the program to run on it.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use arrow::util::display::{ArrayFormatter, FormatOptions};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::encode::encode;

/// Every format that a source may have.
pub(crate) const FORMATS: [&str; 5] = ["csv", "ndjson", "json", "parquet", "arrow"];
/// Those that are text.
pub(crate) const TEXTS: [&str; 3] = ["csv", "ndjson", "json"];

/// The four sources, as their folders are called, with the names that flags give them.
pub(crate) const SOURCES: [(&str, &str); 4] = [
    ("impressions", "impressions"),
    ("clicks", "clicks"),
    ("add_to_carts", "carts"),
    ("previous_orders", "orders"),
];

/// Arguments that name the impressions of a shop, and nothing else.
pub(crate) const NAMED: [&str; 5] = [
    "sequences",
    "--out",
    "out",
    "--impressions",
    "shop/impressions.ndjson",
];

/// A shop in a temporary folder: `shop` holds the sources, `out` is where the output will be.
pub(crate) struct Shop(TempDir);

/// What a run of the program left on its streams.
#[derive(Debug)]
pub(crate) struct Run {
    /// Exit code; -1 if a signal ended it.
    pub(crate) code: i32,
    /// Standard output.
    pub(crate) stdout: String,
    /// Standard error.
    pub(crate) stderr: String,
}

/// A folder for a test's files: in memory where there is such a place, because every run syncs.
pub(crate) fn scratch() -> TempDir {
    let in_memory = TempDir::new_in("/dev/shm");
    in_memory
        .or_else(|_| TempDir::new())
        .expect("a temporary folder")
}

/// A valid shop, with each source in another format.
pub(crate) fn shop() -> Shop {
    let shop = Shop(scratch());
    for (source, format) in [
        ("impressions", "ndjson"),
        ("clicks", "csv"),
        ("add_to_carts", "json"),
        ("previous_orders", "parquet"),
    ] {
        shop.put(&format!("{source}.{format}"), encode(format, &rows(source)));
    }
    shop
}

/// The valid rows of a source. Customer 9 acts but is shown nothing.
pub(crate) fn rows(source: &str) -> Vec<Value> {
    let impression = |day, ranking, customer, items: Value| json!({"dt": day, "ranking_id": ranking, "customer_id": customer, "impressions": items});
    let rows = match source {
        "impressions" => vec![
            impression(
                "2025-08-15",
                "r1",
                1,
                json!([{"item_id": 11, "is_order": true}, {"item_id": 12, "is_order": false}]),
            ),
            impression(
                "2025-08-15",
                "r2",
                2,
                json!([{"item_id": 11, "is_order": null}]),
            ),
            impression(
                "2025-08-16",
                "r3",
                1,
                json!([{"item_id": 13, "is_order": false}]),
            ),
            impression(
                "2025-08-16",
                "r4",
                3,
                json!([{"item_id": 14, "is_order": false}]),
            ),
        ],
        "clicks" => vec![
            json!({"customer_id": 1, "item_id": 21, "click_time": "2025-08-14 10:00:00"}),
            json!({"customer_id": 9, "item_id": 22, "click_time": "2025-08-14 11:00:00"}),
            json!({"customer_id": 2, "item_id": 23, "click_time": "2025-08-13 12:00:00"}),
            json!({"customer_id": 1, "item_id": 24, "click_time": "2025-08-15 13:00:00"}),
        ],
        "add_to_carts" => vec![
            json!({"customer_id": 1, "config_id": 31, "simple_id": 7, "occurred_at": "2025-08-12 10:00:00"}),
            json!({"customer_id": 9, "config_id": 32, "simple_id": 7, "occurred_at": "2025-08-12 11:00:00"}),
            json!({"customer_id": 2, "config_id": 33, "simple_id": 7, "occurred_at": "2025-08-12 12:00:00"}),
        ],
        _ => vec![
            json!({"customer_id": 1, "config_id": 41, "simple_id": 7, "occurred_at": "2025-08-11 10:00:00", "order_date": "2025-08-11"}),
            json!({"customer_id": 9, "config_id": 42, "simple_id": 7, "occurred_at": null, "order_date": "2025-08-11"}),
            json!({"customer_id": 2, "config_id": 43, "simple_id": 7, "occurred_at": "2025-08-11 12:00:00", "order_date": "2025-08-11"}),
        ],
    };
    assert!(2 < rows.len(), "the third row is the one that tests damage");
    rows
}

/// The valid rows of a source, but for one value of its third row.
pub(crate) fn damaged(source: &str, column: &str, value: Value) -> Vec<Value> {
    let mut rows = rows(source);
    rows[2][column] = value;
    rows
}

/// The valid rows of a source without one of the columns.
pub(crate) fn lacking(source: &str, columns: &[&str]) -> Vec<Value> {
    let mut rows = rows(source);
    for row in &mut rows {
        let object = row.as_object_mut().expect("rows are objects");
        object.retain(|name, _| !columns.contains(&name.as_str()));
    }
    rows
}

/// A row of `listings`.
pub(crate) fn listing(id: i64) -> Value {
    json!({"listing_id": id, "category": "toys", "price": 5, "created_ts": "2024-01-01"})
}

impl Shop {
    /// The folder that holds everything.
    pub(crate) fn root(&self) -> &Path {
        self.0.path()
    }

    /// A path below the folder of the sources.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.root().join("shop").join(name)
    }

    /// Where the output will be.
    pub(crate) fn out(&self) -> PathBuf {
        self.root().join("out")
    }

    /// Writes a file below the folder of the sources.
    pub(crate) fn put(&self, name: &str, bytes: impl AsRef<[u8]>) -> &Shop {
        let path = self.path(name);
        fs::create_dir_all(path.parent().expect("a path below a folder")).expect("a folder");
        fs::write(path, bytes).expect("a file");
        self
    }

    /// Makes it a shop of `features`: impressions of two listings, clicks, and what is known of listings.
    pub(crate) fn market(&self, clicks: &[Value], listings: &[Value]) {
        for source in ["impressions", "clicks", "add_to_carts", "previous_orders"] {
            self.remove(source);
        }
        let impressions = [
            json!({"impression_id": 1, "user_id": 7, "listing_id": 1, "impression_ts": "2024-01-10 12:00:00"}),
            json!({"impression_id": 2, "user_id": 8, "listing_id": 2, "impression_ts": "2024-01-11 12:00:00"}),
        ];
        self.source("impressions", "ndjson", &impressions);
        self.source("clicks", "ndjson", clicks);
        self.source("listings", "ndjson", listings);
    }

    /// Takes a source away, whatever its format.
    pub(crate) fn remove(&self, source: &str) -> &Shop {
        for path in entries(&self.path("")) {
            let name = name_of(&path);
            if name == source || name.starts_with(&format!("{source}.")) {
                if path.is_dir() {
                    fs::remove_dir_all(path).expect("a folder to remove");
                } else {
                    fs::remove_file(path).expect("a file to remove");
                }
            }
        }
        self
    }

    /// Replaces a source by one file with an ending.
    pub(crate) fn replace(&self, source: &str, ending: &str, bytes: impl AsRef<[u8]>) -> &Shop {
        self.remove(source);
        self.put(&format!("{source}.{ending}"), bytes)
    }

    /// Replaces a source by rows in a format.
    pub(crate) fn source(&self, source: &str, format: &str, rows: &[Value]) -> &Shop {
        self.replace(source, format, encode(format, rows))
    }

    /// `hitherto sequences shop --out out --max-actions 4` and more flags, from the root.
    pub(crate) fn command(&self, flags: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_hitherto"));
        command.args(["sequences", "shop", "--out", "out", "--max-actions", "4"]);
        command.args(flags).current_dir(self.root());
        command
    }

    /// Runs [`Shop::command`].
    pub(crate) fn run(&self, flags: &[&str]) -> Run {
        run(&mut self.command(flags))
    }

    /// Runs the program with nothing but these arguments, from the root.
    pub(crate) fn run_bare(&self, arguments: &[&str]) -> Run {
        let mut command = Command::new(env!("CARGO_BIN_EXE_hitherto"));
        run(command.args(arguments).current_dir(self.root()))
    }

    /// Runs [`Shop::command`], which must succeed and leave only the output behind.
    #[track_caller]
    pub(crate) fn made(&self, flags: &[&str]) -> Run {
        let run = self.run(flags);
        assert_eq!(run.code, 0, "{flags:?}: {}", run.stderr);
        assert_eq!(names(self.root()), ["out", "shop"], "{flags:?}");
        assert!(self.out().join("_SUCCESS").is_file());
        run
    }

    /// Runs [`Shop::command`], which must fail, say all of `said`, and publish nothing.
    #[track_caller]
    pub(crate) fn refuses(&self, flags: &[&str], code: i32, said: &[&str]) -> Run {
        let run = self.run(flags);
        self.assert_refused(&run, code, said);
        run
    }

    /// Asserts that a run failed, said all of `said`, and published nothing.
    #[track_caller]
    pub(crate) fn assert_refused(&self, run: &Run, code: i32, said: &[&str]) {
        run.assert_failed(code, said);
        assert_eq!(names(self.root()), ["shop"], "something is left: {run:?}");
    }

    /// The samples of the output as text, sorted.
    pub(crate) fn samples(&self) -> Vec<String> {
        let columns = ["ranking_id", "position", "item_id", "is_order", "actions"];
        let days = entries(&self.out()).into_iter().filter(|path| {
            let is_day = name_of(path).starts_with("dt=");
            is_day && path.is_dir()
        });
        let parts = days.flat_map(|day| entries(&day));
        let mut samples: Vec<String> = parts
            .filter(|part| name_of(part).ends_with(".parquet"))
            .flat_map(|part| read(&part, &columns))
            .map(|row| row.join(" "))
            .collect();
        samples.sort();
        samples
    }

    /// The quarantined rows: source, file, row, column, reason, record; in order.
    pub(crate) fn quarantined(&self) -> Vec<Vec<String>> {
        let columns = ["source", "file", "row", "column", "reason", "record"];
        let files = entries(&self.out().join("_quarantine"));
        files.iter().flat_map(|file| read(file, &columns)).collect()
    }
}

impl Run {
    /// Asserts that the run failed with a code, said all of `said`, and wrote no data.
    #[track_caller]
    pub(crate) fn assert_failed(&self, code: i32, said: &[&str]) {
        assert_eq!(self.code, code, "{}", self.stderr);
        assert_eq!(self.stdout, "", "data of a run that failed");
        for text in said {
            assert!(
                self.stderr.contains(text),
                "no {text:?} in: {}",
                self.stderr
            );
        }
        for text in ["panicked", "RUST_BACKTRACE", "Error("] {
            assert!(!self.stderr.contains(text), "{text:?} in: {}", self.stderr);
        }
    }
}

/// Runs a command to its end.
pub(crate) fn run(command: &mut Command) -> Run {
    let output = command.output().expect("the program starts");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Run {
        code: output.status.code().unwrap_or(-1),
        stdout: text(&output.stdout),
        stderr: text(&output.stderr),
    }
}

/// What a folder holds, sorted by name; nothing if there is no such folder.
pub(crate) fn entries(folder: &Path) -> Vec<PathBuf> {
    let found = fs::read_dir(folder).into_iter().flatten();
    let mut found: Vec<PathBuf> = found.map(|entry| entry.expect("an entry").path()).collect();
    found.sort();
    found
}

/// The names in a folder, sorted.
pub(crate) fn names(folder: &Path) -> Vec<String> {
    entries(folder).iter().map(|path| name_of(path)).collect()
}

/// The last name of a path.
fn name_of(path: &Path) -> String {
    let name = path.file_name().expect("a path with a name");
    name.to_string_lossy().into_owned()
}

/// All files below a folder with their bytes, to see that nothing changed.
pub(crate) fn snapshot(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let deeper = entries(folder).into_iter();
    let files = deeper.flat_map(|path| {
        if path.is_symlink() {
            let target = fs::read_link(&path).expect("a link to read");
            return vec![(path, target.into_os_string().into_encoded_bytes())];
        }
        if path.is_dir() {
            snapshot(&path)
        } else {
            vec![(path.clone(), fs::read(&path).expect("a file to read"))]
        }
    });
    files.collect()
}

/// Columns of a Parquet file, row by row, as text.
pub(crate) fn read(file: &Path, columns: &[&str]) -> Vec<Vec<String>> {
    let opened = File::open(file).expect("a part");
    let reader = ParquetRecordBatchReaderBuilder::try_new(opened).expect("a Parquet file");
    let mut rows = Vec::new();
    for batch in reader.build().expect("a reader") {
        let batch = batch.expect("a batch");
        let options = FormatOptions::default().with_null("null");
        for row in 0..batch.num_rows() {
            let values = columns.iter().map(|name| {
                let column = batch.column_by_name(name).expect("a column");
                let format = ArrayFormatter::try_new(column, &options).expect("a format");
                format.value(row).to_string()
            });
            rows.push(values.collect());
        }
    }
    rows
}
