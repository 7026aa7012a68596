//! Shards of `features`: rows made apart and put together are those of one run, byte for byte.

use std::path::Path;

use hitherto::reference::LogTime;
use hitherto::{Day, Dedup, Format, IfExists, Publish, Settings, Shard};

use super::case::{Case, DAY, HOUR, NOON, SECOND, TODAY, click, listing, nobodys, run, shown};
use super::same::log;
use crate::shards::{assert_same, put_together};
use crate::support::{PLAIN, Style, scratch};

/// Makes all shards of a job, the last one first.
fn make_shards(settings: &Settings, shards: &Path, count: u32) -> hitherto::Result<()> {
    for number in (0..count).rev() {
        let mut one = settings.clone();
        one.shard = Some(Shard { number, count });
        one.out = shards.to_owned();
        run(one)?;
    }
    Ok(())
}

/// Checks that a case makes the same bytes in one run and in shards: parts, manifests, metrics, all.
pub(super) fn check_shards(name: &str, case: &Case, count: u32, change: impl Fn(&mut Settings)) {
    let folder = scratch();
    let at = |name: &str| folder.path().join(name);
    case.write(&at("in"));
    let mut settings = case.settings(&at("in"), &at("one"));
    change(&mut settings);
    let name = format!("{name}: {count} shards");
    let apart = make_shards(&settings, &at("shards"), count)
        .and_then(|()| put_together(&at("shards"), &at("apart"), Publish::New));
    match (run(settings), apart) {
        (Ok(_), Ok(())) => assert_same(&name, &at("one"), &at("apart")),
        (Ok(_), Err(error)) => panic!("{name}: {error}\n{case:#?}"),
        (Err(error), Ok(())) => panic!("{name}: one run says {error}, shards nothing"),
        (Err(one), Err(apart)) => assert_eq!(one.to_string(), apart.to_string(), "{name}"),
    }
}

#[test]
fn logs_of_some_size_are_the_same_in_shards() {
    for (seed, text_ids, dedup, counts) in [
        (1, false, Dedup::None, [1, 7]),
        (2, true, Dedup::Exact, [2, 64]),
        (3, true, Dedup::None, [3, 7]),
    ] {
        let mut case = log(seed, 3000);
        case.text_ids = text_ids;
        case.styles = [Style {
            files: 3,
            row_group: 64,
            format: Format::Parquet,
            ..PLAIN
        }; 3];
        for (count, threads) in counts.into_iter().zip([2, 3]) {
            check_shards(&format!("seed {seed}"), &case, count, |settings| {
                (settings.threads, settings.dedup) = (threads, dedup);
            });
        }
    }
}

#[test]
fn there_may_be_more_shards_than_users() {
    let mut case = log(6, 500);
    for row in &mut case.shown {
        row.user = (row.user.len() + row.listing.len()).to_string();
    }
    check_shards("few users", &case, 200, |_| {});
}

#[test]
fn several_row_groups_are_merged_in_order() {
    // Half of all are of one user, and many of one time.
    let impressions = (0..270_000).map(|n| {
        let user = (n % 2 * (n * 31 % 977)).to_string();
        let time = NOON + n * 7919 % 20_000 * 1000;
        shown(
            &(n % 50_000).to_string(),
            &user,
            &(n % 13).to_string(),
            time,
        )
    });
    let clicks = (0..9000).map(|n: i64| {
        let (user, listing) = ((n % 1009).to_string(), (n % 17).to_string());
        click(&user, &listing, NOON + n * 104_729 % 20_000 * 1000)
    });
    let mut case = Case::new(impressions.collect(), clicks.collect());
    case.styles[0].format = Format::Parquet;
    case.styles[0].row_group = 10_000;
    // The set has three row groups. Of 40 shards a part has 26,208 rows, so that one has six parts.
    check_shards("many", &case, 40, |settings| settings.threads = 2);
}

#[test]
fn rows_that_agree_in_nearly_everything_keep_their_order() {
    let ids = ["a", "b", "b.0", "", "é", "z"];
    let ids: Vec<&str> = ids.into_iter().filter(|id| !id.is_empty()).collect();
    let mut impressions = Vec::new();
    for user in &ids {
        for listing in &ids {
            for impression in ["1", "2"] {
                impressions.push(shown(impression, user, listing, NOON));
                impressions.push(shown(impression, user, listing, NOON));
            }
        }
    }
    let mut case = Case::new(impressions, vec![click("a", "b", NOON + 1)]);
    case.text_ids = true;
    for count in [2, 3, 9] {
        check_shards("ties", &case, count, |_| {});
    }
}

#[test]
fn what_only_all_ids_tell_is_told_of_all_shards() {
    // Pairs of a number and the same as a float, of users and of listings, and null words in both.
    let users = ["7", "7.0", "8", "9.0", "NULL", "None", "NULL", "10", "11"];
    let listings = ["1", "1.0", "NULL", "5", "5.0", "2", "3", "4", "1"];
    let pairs = users.iter().zip(listings);
    let impressions = pairs.map(|(user, listing)| shown("1", user, listing, NOON));
    let clicks = listings.iter().map(|listing| click("7", listing, NOON - 1));
    let mut case = Case::new(impressions.collect(), clicks.collect());
    case.text_ids = true;
    for count in [2, 5, 40] {
        check_shards("ids", &case, count, |_| {});
    }
    let folder = scratch();
    let at = |name: &str| folder.path().join(name);
    case.write(&at("in"));
    let settings = case.settings(&at("in"), &at("one"));
    make_shards(&settings, &at("shards"), 40).expect("shards");
    put_together(&at("shards"), &at("apart"), Publish::New).expect("a set");
    let metrics = crate::metrics::read(&at("apart"));
    let warnings = metrics["warnings"].as_array().expect("warnings");
    let codes: Vec<&str> = warnings
        .iter()
        .filter_map(|warning| warning["code"].as_str())
        .collect();
    assert_eq!(codes.iter().filter(|code| **code == "float_ids").count(), 2);
    assert!(codes.contains(&"null_words"), "{codes:?}");
}

#[test]
fn days_that_only_other_shards_have_and_far_clicks_count_for_all() {
    // A user a day: of most shards, most days have no row; the last click is behind all labels.
    let impressions =
        (0..6).map(|n| shown("1", &n.to_string(), &(n % 2).to_string(), NOON + n * DAY));
    let mut clicks: Vec<_> = (0..6)
        .map(|n| nobodys(&(n % 2).to_string(), NOON + n * DAY + HOUR))
        .collect();
    clicks.push(click("0", "0", NOON + 60 * DAY));
    let mut case = Case::new(impressions.collect(), clicks);
    case.listings.push(listing("0", NOON - DAY));
    for days in [(i32::MIN, i32::MAX), (TODAY + 1, TODAY + 3)] {
        case.rules.days = days;
        for count in [1, 3, 8] {
            check_shards("days", &case, count, |_| {});
            check_shards("last days", &case, count, |settings| {
                (settings.from, settings.to) = (None, None);
                settings.last_days = Some(2);
            });
        }
    }
    // A day that nobody has is refused by each.
    case.rules.days = (TODAY + 4, TODAY + 9);
    check_shards("no day", &case, 3, |_| {});
}

#[test]
fn clicks_that_count_for_nothing_are_told_as_by_one_run() {
    let impressions = (0..9).map(|n| shown("1", &n.to_string(), &n.to_string(), NOON + n));
    // Of nobody who is asked for, too late, and in time for others only.
    let clicks = vec![
        click("77", "88", NOON),
        click("3", "88", NOON + HOUR),
        nobodys("4", NOON + 9 * DAY),
        nobodys("5", NOON + 5),
    ];
    let mut case = Case::new(impressions.collect(), clicks);
    for text_ids in [false, true] {
        case.text_ids = text_ids;
        for count in [1, 2, 30] {
            check_shards("warned", &case, count, |_| {});
            check_shards("refused", &case, count, |settings| {
                settings.allow_unused = false;
                settings.on_bad_row = hitherto::OnBadRow::Error;
            });
        }
    }
    case.clicks.clear();
    check_shards("no clicks", &case, 3, |_| {});
}

#[test]
fn rows_at_fault_are_set_aside_once() {
    let mut case = log(5, 300);
    // Behind the year 9999.
    case.shown[3].time = LogTime::Instant(300_000 * SECOND * SECOND);
    case.clicks[4].time = LogTime::Instant(300_000 * SECOND * SECOND);
    case.listings.push(listing("1", NOON));
    for count in [1, 4] {
        check_shards("faults", &case, count, |settings| {
            settings.on_bad_row = hitherto::OnBadRow::Quarantine;
        });
        check_shards("too many", &case, count, |settings| {
            settings.on_bad_row = hitherto::OnBadRow::Quarantine;
            settings.bad_rows_max = 1;
        });
    }
}

#[test]
fn shards_add_days_as_runs_do() {
    let case = log(4, 900);
    let folder = scratch();
    let at = |name: &str| folder.path().join(name);
    case.write(&at("in"));
    let settings = case.settings(&at("in"), &at("one"));
    for day in [TODAY, TODAY + 1, TODAY + 2] {
        let mut own = settings.clone();
        (own.from, own.to) = (Some(Day(day)), Some(Day(day)));
        own.publish = Publish::AddDays(IfExists::Error);
        run(own.clone()).expect("a day");
        own.publish = Publish::New;
        let shards = at(&format!("shards-{day}"));
        make_shards(&own, &shards, 3).expect("shards");
        let add = |if_exists| put_together(&shards, &at("apart"), Publish::AddDays(if_exists));
        add(IfExists::Error).expect("a day");
        let again = add(IfExists::Error).expect_err("the day is there");
        assert!(again.to_string().contains("it exists"), "{again}");
        add(IfExists::Skip).expect("nothing to do");
        add(IfExists::Replace).expect("the same again");
    }
    assert_same("days", &at("one"), &at("apart"));
}
