//! What the fuzz targets share: a folder in memory, runs that must not panic, rows read back.

use std::fs;
use std::panic;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use arrow::array::{Array, AsArray};
use arrow::datatypes::{Int8Type, Int32Type, Int64Type, TimestampMicrosecondType};
use hitherto::reference::Sample;
use hitherto::{Error, ErrorKind, Job, JobKind, Result, RunContext, Settings};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use tempfile::TempDir;

/// Lets panics of Parquet decoders pass, which the program contains, and makes all others crashes.
///
/// The fuzzer's own hook makes a crash of each panic, also of those that are caught.
pub fn only_our_panics_count() {
    panic::set_hook(Box::new(|info| {
        let of_dependency = |place: &panic::Location<'_>| place.file().contains("/registry/");
        if info.location().is_none_or(|place| !of_dependency(place)) {
            eprintln!("{info}");
            std::process::abort();
        }
    }));
}

/// A folder of this process, in memory where there is such a place.
pub fn folder() -> &'static Path {
    static FOLDER: OnceLock<TempDir> = OnceLock::new();
    let made = FOLDER.get_or_init(|| {
        let memory = Path::new("/dev/shm");
        let made = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
        made.expect("a folder can be made")
    });
    made.path()
}

/// Runs a job of any question into a folder that is made anew each time.
///
/// # Panics
/// If the run reports a fault of its own.
pub fn run(settings: Settings) -> Result<PathBuf> {
    let out = folder().join("out");
    if out.exists() {
        fs::remove_dir_all(&out).expect("our own folder");
    }
    let job = Job::new(Settings { out: out.clone(), ..settings })?;
    // Of what a damaged file could make us need, nothing comes near this.
    let context = RunContext::new(1 << 30, None);
    let ran = match job.kind() {
        JobKind::Sequences => hitherto::run(&job, &context).map(drop),
        JobKind::Features => hitherto::features(&job, &context).map(drop),
        JobKind::Dwell => hitherto::dwell(&job, &context).map(drop),
    };
    if let Err(error) = &ran {
        check_error(error);
    }
    ran.map(|()| out)
}

/// Checks that an error is not a fault of the program.
///
/// # Panics
/// If it is.
pub fn check_error(error: &Error) {
    let is_ours = matches!(error.kind(), ErrorKind::Internal { .. } | ErrorKind::Io { .. });
    assert!(!is_ours, "{error}");
}

/// The samples of a published set of the layout `sample`, in no particular order.
pub fn samples(out: &Path) -> Vec<Sample> {
    let mut all = Vec::new();
    for folder in fs::read_dir(out).expect("a published folder") {
        let folder = folder.expect("an entry").path();
        let name = folder.file_name().expect("a name").to_string_lossy().into_owned();
        let Some(day) = name.strip_prefix("dt=") else { continue };
        let day = hitherto::parse_day(day).expect("a day").0;
        for part in fs::read_dir(&folder).expect("a folder of a day") {
            let part = part.expect("an entry").path();
            if part.extension().is_some_and(|ending| ending == "parquet") {
                read_part(&part, day, &mut all);
            }
        }
    }
    all
}

/// Adds the samples of a part.
fn read_part(part: &Path, day: i32, all: &mut Vec<Sample>) {
    let file = fs::File::open(part).expect("a part");
    let reader = ParquetRecordBatchReaderBuilder::try_new(file).expect("a Parquet file");
    for batch in reader.build().expect("a reader") {
        let batch = batch.expect("rows");
        let column = |name: &str| batch.column_by_name(name).expect("SPEC names it");
        let long = |name: &str| column(name).as_primitive::<Int64Type>();
        let time = |name: &str| column(name).as_primitive::<TimestampMicrosecondType>();
        let int = |name: &str| column(name).as_primitive::<Int32Type>();
        let (actions, kinds) = (column("actions").as_list::<i32>(), column("action_types").as_list::<i32>());
        let labels = column("is_order").as_boolean();
        for row in 0..batch.num_rows() {
            let length = usize::try_from(int("history_length").value(row)).expect("not negative");
            let (actions, kinds) = (actions.value(row), kinds.value(row));
            let items = actions.as_primitive::<Int32Type>().values();
            let kinds = kinds.as_primitive::<Int8Type>().values();
            assert!(items[length..].iter().all(|item| *item == 0));
            assert!(kinds[length..].iter().all(|kind| *kind == 0));
            let kinds = kinds.iter().map(|kind| u8::try_from(*kind).expect("a kind"));
            let history = items.iter().map(|item| i64::from(*item)).zip(kinds);
            let customers = long("customer_id");
            let last = time("last_action_time");
            all.push(Sample {
                day,
                customer: customers.is_valid(row).then(|| customers.value(row).to_string()),
                cutoff_us: time("cutoff").value(row),
                ranking: column("ranking_id").as_string::<i32>().value(row).to_owned(),
                position: int("position").value(row),
                item: i64::from(int("item_id").value(row)),
                is_order: labels.is_valid(row).then(|| labels.value(row)),
                last_action_us: last.is_valid(row).then(|| last.value(row)),
                history: history.take(length).collect(),
                time_delta: None,
                time: None,
                attributes: vec![Vec::new(); length],
                passthrough: Vec::new(),
            });
        }
    }
}
