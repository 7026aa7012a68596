//! Shards of `dwell`: the set that is made of them is that of one run.
//!
//! The deal itself has a naive twin in `shards`: who is of which shard is computed anew, from the bytes of ids.

use std::fs;
use std::path::Path;

use hitherto::reference::LogEvent;
use hitherto::{Day, IfExists, Publish, Settings, Shard, ShardHolds};

use crate::dwell::{Case, event, random_case, run};
use crate::shards::{assert_same, files, put_together, shard_of};
use crate::support::{Numbers, scratch};

/// Makes one shard of a job.
fn make_shard(settings: &Settings, shards: &Path, shard: Shard) -> hitherto::Result<()> {
    let mut one = settings.clone();
    one.shard = Some(shard);
    shards.clone_into(&mut one.out);
    run(one, 0).map(drop)
}

/// Makes all shards of a job, the last first, and puts them together.
fn in_shards(settings: &Settings, shards: &Path, count: u32, out: &Path) -> hitherto::Result<()> {
    for number in (0..count).rev() {
        make_shard(settings, shards, Shard { number, count })?;
    }
    put_together(shards, out, Publish::New)
}

/// Checks that a case makes the same bytes in one run and in shards: tables, manifests, metrics, all. If one run
/// fails, so do shards, with the same words.
fn check_shards(name: &str, case: &Case, count: u32, change: &dyn Fn(&mut Settings)) {
    let folder = scratch();
    let at = |name: &str| folder.path().join(name);
    case.write(&at("in"));
    let mut settings = case.settings(&at("in"), &at("one"));
    change(&mut settings);
    let one = run(settings.clone(), 0);
    let apart = in_shards(&settings, &at("shards"), count, &at("apart"));
    match (one, apart) {
        (Ok(_), apart) => {
            apart.unwrap_or_else(|error| panic!("{name}: {count} shards: {error}\n{case:#?}"));
        }
        (Err(one), apart) => {
            let apart = apart.expect_err("one run fails");
            assert_eq!(apart.to_string(), one.to_string(), "{name}: {count} shards");
            return;
        }
    }
    assert_same(&format!("{name}: {count} shards"), &at("one"), &at("apart"));
}

/// The events of a case that are of a shard. Those of nobody are of the first.
fn dealt(case: &Case, shard: Shard) -> Case {
    let is_own = |event: &LogEvent| {
        let are_texts = !case.rules.int_ids;
        let owner = match event.user.as_str() {
            "" => 0,
            user => shard_of(user, are_texts, shard.count),
        };
        owner == shard.number
    };
    let mut own = case.clone();
    own.log.retain(is_own);
    own.lacking.retain(is_own);
    own
}

/// Checks that shards whose inputs are their own events make the tables and the metrics of one run, and that
/// none takes those of another.
fn check_dealt(name: &str, case: &Case, count: u32, change: &dyn Fn(&mut Settings)) {
    let folder = scratch();
    let at = |name: &str| folder.path().join(name);
    case.write(&at("in"));
    let settings = |dir: &Path, out: &Path| {
        let mut settings = case.settings(dir, out);
        // Of the whole, and not of a shard that has no such time.
        settings.on_bad_row = case.settings(&at("in"), out).on_bad_row;
        change(&mut settings);
        settings
    };
    run(settings(&at("in"), &at("one")), 0).unwrap_or_else(|error| panic!("{name}: {error}"));
    for number in 0..count {
        let shard = Shard { number, count };
        let own = dealt(case, shard);
        let dir = at(&format!("in-{number}"));
        own.write(&dir);
        let mut settings = settings(&dir, &at("one"));
        settings.shard_holds = ShardHolds::Own;
        let made = make_shard(&settings, &at("shards"), shard);
        made.unwrap_or_else(|error| panic!("{name}: shard {number} of {count}: {error}"));
        let is_somebodys = |event: &LogEvent| !event.user.is_empty();
        if count > 1 && own.log.iter().chain(&own.lacking).any(is_somebodys) {
            let wrong = Shard {
                number: (number + 1) % count,
                count,
            };
            let error = make_shard(&settings, &at("wrong"), wrong).expect_err("events of another");
            assert!(
                error.to_string().contains("dealt by another hash"),
                "{name}: {error}"
            );
        }
    }
    put_together(&at("shards"), &at("apart"), Publish::New)
        .unwrap_or_else(|error| panic!("{name}: {count} shards: {error}"));
    let compared = |folder: &str| {
        let mut files = files(&at(folder));
        files.retain(|(path, _)| {
            let is_manifest = path.ends_with("_manifest.json");
            !is_manifest && !path.starts_with("_quarantine")
        });
        // Rejected rows and some warnings are told with their files, which differ.
        for (path, bytes) in &mut files {
            if path.ends_with("_metrics.json") {
                let mut metrics: serde_json::Value = serde_json::from_slice(bytes).expect("JSON");
                metrics["xxh64"].take();
                let warnings = metrics["warnings"].as_array_mut();
                warnings
                    .into_iter()
                    .flatten()
                    .for_each(|warning| drop(warning["text"].take()));
                let reasons = metrics["run"]["rejected"]["reasons"].as_array_mut();
                reasons
                    .into_iter()
                    .flatten()
                    .for_each(|reason| drop(reason["examples"].take()));
                *bytes = metrics.to_string().into_bytes();
            }
        }
        files
    };
    for ((path, bytes), (other, others)) in compared("one").iter().zip(&compared("apart")) {
        assert_eq!(path, other, "{name}: {count} shards");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        assert_eq!(
            text(bytes),
            text(others),
            "{name}: {}\n{case:#?}",
            path.display()
        );
    }
}

/// Changes of settings, by a number: tables by day or not, some days, and errors where nothing counts.
fn change_of(numbers: &mut Numbers) -> impl Fn(&mut Settings) + use<> {
    let (threads, by_day) = (numbers.pick(&[1, 2, 3]), numbers.once_in(2));
    let is_strict = numbers.once_in(2);
    let from = numbers
        .once_in(4)
        .then(|| Day(20_000 + numbers.pick(&[-5000, 315, 316])));
    move |settings: &mut Settings| {
        settings.threads = threads;
        settings.dwell_mut().by_day = by_day;
        settings.from = from;
        settings.allow_unused = !is_strict;
    }
}

#[test]
fn random_cases_in_shards_are_the_bytes_of_one_run() {
    for seed in 0..300 {
        let mut numbers = Numbers(seed + 7_000);
        let case = random_case(&mut numbers);
        let count = numbers.pick(&[1, 2, 5]);
        check_shards(
            &format!("seed {seed}"),
            &case,
            count,
            &change_of(&mut numbers),
        );
    }
}

#[test]
fn random_cases_that_somebody_has_dealt_are_the_tables_of_one_run() {
    for seed in 0..150 {
        let mut numbers = Numbers(seed + 17_000);
        let case = random_case(&mut numbers);
        let count = numbers.pick(&[1, 2, 5]);
        let threads = numbers.pick(&[1, 2, 3]);
        check_dealt(&format!("seed {seed}"), &case, count, &|settings| {
            settings.threads = threads;
        });
    }
}

#[test]
fn shards_of_many_users_spill_and_add_days_as_runs_do() {
    let mut numbers = Numbers(4);
    let log = (0..60_000).map(|_| {
        let at = numbers.below(3 * 86_400).cast_signed();
        let mut event = event(
            at,
            numbers.pick(&["flyer_open", "item_open", "list_flyers"]),
            "f",
        );
        event.user = format!("{:064x}", numbers.below(4000) * 7919);
        event.flyer = Some(numbers.below(200).to_string());
        event.merchant = Some(numbers.below(40).to_string());
        event
    });
    let case = Case::sessions(log.collect());
    let folder = scratch();
    let at = |name: &str| folder.path().join(name);
    case.write(&at("in"));
    let settings = case.settings(&at("in"), &at("one"));
    run(settings.clone(), 0).expect("a run");
    in_shards(&settings, &at("shards"), 32, &at("apart")).expect("a set");
    assert!(files(&at("one")) == files(&at("apart")));
    let mut nightly = settings.clone();
    nightly.out = at("nights");
    for day in 20_315..=20_318 {
        let mut own = nightly.clone();
        (own.from, own.to) = (Some(Day(day)), Some(Day(day)));
        let shards = at(&format!("shards-{day}"));
        for number in 0..3 {
            make_shard(&own, &shards, Shard { number, count: 3 }).expect("a shard");
        }
        let add = |if_exists| put_together(&shards, &at("added"), Publish::AddDays(if_exists));
        own.publish = Publish::AddDays(IfExists::Error);
        let one = run(own, 0).map(drop);
        let apart = add(IfExists::Error);
        if let Err(error) = one {
            assert_eq!(apart.expect_err("no rows").to_string(), error.to_string());
            continue;
        }
        apart.expect("a day");
        let again = add(IfExists::Error).expect_err("the day is there");
        assert_eq!(again.exit_code(), 73, "{again}");
        add(IfExists::Skip).expect("nothing to do");
        add(IfExists::Replace).expect("the same day");
    }
    assert!(files(&at("nights")) == files(&at("added")));
    assert!(fs::read_dir(at("added")).expect("days").count() > 4);
}

#[test]
fn names_of_events_that_are_too_many_only_together_are_those_of_one_run() {
    // 1,500 names of each of two users, each event twice.
    let user = |number: u32| {
        let mut users = (0..).map(|at| format!("u{at}"));
        users
            .find(|user| shard_of(user, true, 2) == number)
            .expect("a user")
    };
    let users = [user(0), user(1)];
    let log = (0..6000_i64).map(|at| {
        let mut event = event(at / 2 + 1, &format!("name{}", at / 2), "f");
        event.user.clone_from(&users[usize::from(at >= 3000)]);
        event
    });
    let opened = users.iter().map(|user| {
        let mut event = event(0, "flyer_open", "f");
        event.user.clone_from(user);
        event
    });
    let mut case = Case::sessions(opened.chain(log).collect());
    check_shards("all", &case, 2, &|_| {});
    check_dealt("own", &case, 2, &|_| {});
    case.rules.once = true;
    let folder = scratch();
    let at = |name: &str| folder.path().join(name);
    for number in 0..2 {
        let shard = Shard { number, count: 2 };
        dealt(&case, shard).write(&at(&format!("in-{number}")));
        let mut settings = case.settings(&at(&format!("in-{number}")), &at("out"));
        settings.shard_holds = ShardHolds::Own;
        make_shard(&settings, &at("shards"), shard).expect("1,500 names");
    }
    let error = put_together(&at("shards"), &at("apart"), Publish::New).expect_err("3,000 names");
    assert!(error.to_string().contains("there may be 2048"), "{error}");
}
