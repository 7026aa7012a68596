//! Shards: rows made apart and put together are those that one run makes.
//!
//! The deal itself has a naive twin here: who is of which shard is computed anew, from the bytes of ids.

use std::fs;
use std::path::{Path, PathBuf};

use hitherto::reference::LogImpression;
use hitherto::{
    FinalizeSettings, IfExists, ItemVocabulary, Job, Publish, RunContext, Settings, Shard,
    ShardHolds, finalize,
};
use twox_hash::XxHash64;

use crate::support::{Case, run, scratch};

/// All files below a folder, with their bytes.
pub(crate) fn files(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    fn walk(root: &Path, folder: &Path, found: &mut Vec<(PathBuf, Vec<u8>)>) {
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                walk(root, &path, found);
            } else {
                let name = path.strip_prefix(root).expect("below").to_owned();
                found.push((name, fs::read(&path).expect("a file")));
            }
        }
    }
    let mut found = Vec::new();
    walk(folder, folder, &mut found);
    found.sort();
    found
}

/// Puts shards together.
pub(crate) fn put_together(shards: &Path, out: &Path, publish: Publish) -> hitherto::Result<()> {
    let settings = FinalizeSettings {
        shards: shards.to_owned(),
        count: None,
        out: out.to_owned(),
        publish,
        fail_if: Vec::new(),
        threads: 2,
        temp_dir: None,
    };
    finalize(&settings, &RunContext::default()).map(drop)
}

/// Makes all shards of a job, and puts them together.
fn in_shards(settings: &Settings, shards: &Path, count: u32, out: &Path) -> hitherto::Result<()> {
    for number in (0..count).rev() {
        let mut one = settings.clone();
        one.sequences_mut().shards = None;
        one.shard = Some(Shard { number, count });
        one.out = shards.to_owned();
        hitherto::run(&Job::new(one)?, &RunContext::default())?;
    }
    put_together(shards, out, Publish::New)
}

/// Checks that a case makes the same bytes in one run and in shards: parts, manifests, metrics, all.
pub(crate) fn check_shards(name: &str, case: &Case, count: u32, change: impl Fn(&mut Settings)) {
    let folder = scratch();
    let at = |name: &str| folder.path().join(name);
    case.write(&at("in"));
    let mut settings = case.settings(&at("in"), &at("one"));
    case.set_aside(&mut settings);
    change(&mut settings);
    settings.sequences_mut().part_rows_max = 262_144;
    settings.sequences_mut().shards = Some(count);
    let one = run(settings.clone());
    let apart = in_shards(&settings, &at("shards"), count, &at("apart"));
    let own = settings.sequences();
    let is_built = matches!(own.item_vocabulary, Some(ItemVocabulary::Build));
    let is_given = own.item_vocabulary.is_some();
    if is_given && (is_built || !case.given.1) {
        let error = apart
            .expect_err("codes that depend on the shard")
            .to_string();
        assert!(error.contains("--item-vocabulary FILE"), "{name}: {error}");
        return;
    }
    if let Err(error) = &one {
        assert!(
            apart.is_err(),
            "{name}: one run says {error}, shards nothing"
        );
        return;
    }
    apart.unwrap_or_else(|error| panic!("{name}: {count} shards: {error}"));
    assert_same(
        &format!("{name}: of {count} shards"),
        &at("one"),
        &at("apart"),
    );
}

/// Checks that two folders have the same files.
pub(crate) fn assert_same(name: &str, one: &Path, apart: &Path) {
    let (one, apart) = (files(one), files(apart));
    for ((path, bytes), (other, others)) in one.iter().zip(&apart) {
        assert_eq!(path, other, "{name}");
        if bytes != others {
            let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            panic!(
                "{name}: {} differs:\n{}\nbut one run:\n{}",
                path.display(),
                text(others),
                text(bytes)
            );
        }
    }
    assert_eq!(one.len(), apart.len(), "{name}");
}

/// The shard of a customer; integers are hashed as such, unless they are read as texts.
pub(crate) fn shard_of(customer: &str, are_texts: bool, count: u32) -> u32 {
    let hash = match customer.parse::<i64>() {
        Ok(id) if !are_texts => XxHash64::oneshot(42, &id.to_le_bytes()),
        _ => XxHash64::oneshot(42, customer.as_bytes()),
    };
    u32::try_from(((hash >> 32) * u64::from(count)) >> 32).expect("below the count")
}

/// The rows of a case that are of a shard. Rows of nobody are of the first.
pub(crate) fn dealt(case: &Case, are_texts: bool, number: u32, count: u32) -> Case {
    let is_own = |customer: &Option<String>| {
        let shard = customer.as_deref();
        shard.map_or(0, |id| shard_of(id, are_texts, count)) == number
    };
    let mut own = case.clone();
    own.shown.retain(|row| is_own(&row.customer));
    own.log.retain(|row| is_own(&row.customer));
    own
}

/// The parts of a set, with their bytes.
fn parts(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut files = files(folder);
    files.retain(|(path, _)| path.extension().is_some_and(|ending| ending == "parquet"));
    files
}

/// Checks that shards whose inputs are their own rows have the parts of one run, and that none takes those
/// of another.
pub(crate) fn check_dealt(
    name: &str,
    case: &Case,
    are_texts: bool,
    count: u32,
    change: impl Fn(&mut Settings),
) {
    let folder = scratch();
    let at = |name: &str| folder.path().join(name);
    case.write(&at("in"));
    let settings = |dir: &Path, out: &Path| {
        let mut settings = case.settings(dir, out);
        change(&mut settings);
        settings.sequences_mut().part_rows_max = 262_144;
        settings
    };
    let mut one = settings(&at("in"), &at("one"));
    one.sequences_mut().shards = Some(count);
    run(one).unwrap_or_else(|error| panic!("{name}: {error}"));
    for number in 0..count {
        let own = dealt(case, are_texts, number, count);
        let dir = at(&format!("in-{number}"));
        own.write(&dir);
        let mut own = settings(&dir, &at("shards"));
        own.shard = Some(Shard { number, count });
        own.shard_holds = ShardHolds::Own;
        let made =
            Job::new(own.clone()).and_then(|job| hitherto::run(&job, &RunContext::default()));
        made.unwrap_or_else(|error| panic!("{name}: shard {number} of {count}: {error}"));
        if count > 1 {
            own.shard = Some(Shard {
                number: (number + 1) % count,
                count,
            });
            own.out = at("wrong");
            let wrong = Job::new(own).and_then(|job| hitherto::run(&job, &RunContext::default()));
            // An impression without items makes no row, so it is of no shard.
            let is_row = |row: &&LogImpression| row.customer.is_some() && !row.items.is_empty();
            if dealt(case, are_texts, number, count)
                .shown
                .iter()
                .all(|row| !is_row(&row))
            {
                continue;
            }
            let error = wrong.expect_err("rows of another shard").to_string();
            assert!(error.contains("dealt by another hash"), "{name}: {error}");
        }
    }
    put_together(&at("shards"), &at("apart"), Publish::New)
        .unwrap_or_else(|error| panic!("{name}: {count} shards: {error}"));
    assert!(
        parts(&at("one")) == parts(&at("apart")),
        "{name}: of {count} shards"
    );
    // Metrics name no file, so they are equal, too: those of all rows, also of shards without an impression.
    let metrics =
        |folder: &str| fs::read_to_string(at(folder).join("_metrics.json")).expect("metrics");
    assert_eq!(
        metrics("one"),
        metrics("apart"),
        "{name}: of {count} shards"
    );
}

#[test]
fn shards_add_days_as_runs_do() {
    let case = crate::conformance::days_of_some_customers();
    let folder = scratch();
    let at = |name: &str| folder.path().join(name);
    case.write(&at("in"));
    let settings = case.settings(&at("in"), &at("one"));
    let days: Vec<hitherto::Day> = {
        let mut days: Vec<i32> = case.shown.iter().map(|row| row.day).collect();
        days.sort_unstable();
        days.dedup();
        days.into_iter().map(hitherto::Day).collect()
    };
    assert!(days.len() > 1);
    for (at_day, day) in days.iter().enumerate() {
        let mut own = settings.clone();
        (own.from, own.to) = (Some(*day), Some(*day));
        own.sequences_mut().shards = Some(3);
        own.publish = Publish::AddDays(IfExists::Error);
        run(own.clone()).expect("a day");
        let shards = at(&format!("shards-{at_day}"));
        for number in 0..3 {
            let mut one = own.clone();
            one.publish = Publish::New;
            one.sequences_mut().shards = None;
            one.shard = Some(Shard { number, count: 3 });
            one.out.clone_from(&shards);
            run(one).expect("a shard");
        }
        put_together(&shards, &at("apart"), Publish::AddDays(IfExists::Error)).expect("a day");
        let again = put_together(&shards, &at("apart"), Publish::AddDays(IfExists::Error));
        assert!(
            again
                .expect_err("the day is there")
                .to_string()
                .contains("it exists")
        );
        put_together(&shards, &at("apart"), Publish::AddDays(IfExists::Skip))
            .expect("nothing to do");
    }
    assert!(files(&at("one")) == files(&at("apart")));
}
