//! Rows computed by hand, at every edge of windows, labels and logs.

use hitherto::reference::LogTime;
use hitherto::reference::features::{FeatureRow, LogClick, LogListing};
use hitherto::{Format, LabelKey, OnBadRow, Settings};

use super::case::{Case, DAY, HOUR, NOON, TODAY, check, click, listing, nobodys, rows, run, shown};
use crate::support::{TimeStyle, audit, scratch};

/// One impression at noon of user 1 for each of some listings, which are called 1, 2, …, and clicks
/// of user 1 on each: at these microseconds after noon.
fn one_by_one(clicks: &[&[i64]]) -> Case {
    let name = |at: usize| (at + 1).to_string();
    let impressions = (0..clicks.len()).map(|at| shown(&name(at), "1", &name(at), NOON));
    let clicks = clicks.iter().enumerate().flat_map(|(at, times)| {
        let of_listing = move |time: &i64| click("1", &name(at), NOON + time);
        times.iter().map(of_listing)
    });
    Case::new(impressions.collect(), clicks.collect())
}

/// The labels of rows.
fn labels(rows: &[FeatureRow]) -> Vec<bool> {
    rows.iter().map(|row| row.clicked).collect()
}

/// Prior clicks on listings, of all windows.
fn of_listings(rows: &[FeatureRow]) -> Vec<&[i64]> {
    rows.iter().map(|row| &row.of_listing[..]).collect()
}

/// Prior clicks of users, of all windows.
fn of_users(rows: &[FeatureRow]) -> Vec<Option<&[i64]>> {
    rows.iter().map(|row| row.of_user.as_deref()).collect()
}

/// The error of a case that must fail, and the exit code that it stands for.
fn refused(case: &Case, change: impl Fn(&mut Settings)) -> (String, u8) {
    let folder = scratch();
    let (dir, out) = (folder.path().join("in"), folder.path().join("out"));
    case.write(&dir);
    let mut settings = case.settings(&dir, &out);
    change(&mut settings);
    let error = run(settings).expect_err("a fault");
    assert!(!out.exists(), "something was published");
    (error.to_string(), error.exit_code())
}

#[test]
fn a_click_at_the_time_of_an_impression_is_neither_prior_nor_a_label() {
    let mut case = one_by_one(&[&[0], &[-1], &[1], &[-1, 0, 1]]);
    case.rules.windows_us = vec![HOUR];
    let found = check("tie", &case, |_| {});
    assert_eq!(labels(&found), [false, false, true, true]);
    assert_eq!(of_listings(&found), [[0, 0], [1, 1], [0, 0], [1, 1]]);
    assert_eq!(of_users(&found), [Some(&[2, 2][..]); 4]);
}

#[test]
fn a_label_may_be_as_late_as_the_end_of_its_window() {
    let case = one_by_one(&[&[DAY], &[DAY + 1], &[1], &[-DAY], &[DAY + 1, DAY], &[]]);
    for anybody in [false, true] {
        let mut case = case.clone();
        case.rules.anybody = anybody;
        let found = check("label", &case, |_| {});
        assert_eq!(labels(&found), [true, false, true, false, true, false]);
    }
}

#[test]
fn a_window_holds_its_start() {
    let mut case = one_by_one(&[&[-HOUR], &[-HOUR - 1], &[-HOUR + 1], &[-2 * HOUR, -1]]);
    case.rules.windows_us = vec![HOUR, 2 * HOUR, 1];
    let found = check("window", &case, |_| {});
    let expected = [[1, 1, 1, 0], [1, 0, 1, 0], [1, 1, 1, 0], [2, 1, 2, 1]];
    assert_eq!(of_listings(&found), expected);
    assert_eq!(of_users(&found), [Some(&[5, 3, 5, 1][..]); 4]);
}

#[test]
fn clicks_and_impressions_of_one_moment_all_count() {
    let three = vec![click("1", "1", NOON); 3];
    let two = |time| vec![shown("1", "1", "1", time), shown("2", "2", "1", time)];
    let shown = [two(NOON - 1), two(NOON), two(NOON + 1)].concat();
    let found = check("ties", &Case::new(shown, three), |_| {});
    assert_eq!(of_listings(&found), [[0], [0], [0], [0], [3], [3]]);
    let prior = [0, 0, 0, 0, 3, 0].map(|count| vec![count]);
    assert_eq!(
        of_users(&found),
        prior.each_ref().map(|counts| Some(&counts[..]))
    );
    let expected = [true, false, false, false, false, false];
    assert_eq!(labels(&found), expected);
}

#[test]
fn clicks_never_multiply_rows_and_equal_impressions_stay() {
    // The classic pipeline joins impressions with clicks by user and listing: 3 × 5 rows here.
    let mut case = Case::new(
        vec![shown("7", "1", "1", NOON); 3],
        (1..=5).map(|n| click("1", "1", NOON + n)).collect(),
    );
    case.shown.push(shown("8", "1", "1", NOON + 3));
    let found = check("fan-out", &case, |_| {});
    let ids: Vec<&str> = found.iter().map(|row| row.id.as_str()).collect();
    assert_eq!(ids, ["7", "7", "7", "8"]);
    assert_eq!(labels(&found), [true; 4]);
    assert_eq!(of_listings(&found), [[0], [0], [0], [2]]);
}

#[test]
fn an_unknown_listing_is_null_and_a_later_one_has_a_negative_age() {
    let nothing = LogListing {
        category: None,
        price: None,
        created: None,
        holds_from: None,
        kept: Vec::new(),
        ..listing("3", 0)
    };
    let ids = ["1", "2", "3", "4"];
    let impressions = ids.map(|id| shown(id, "1", id, NOON));
    let mut case = Case::new(impressions.to_vec(), vec![click("1", "4", NOON - 1)]);
    case.listings
        .extend([listing("2", NOON + 3 * DAY), nothing]);
    let found = check("listings", &case, |_| {});
    let ages: Vec<Option<i32>> = found.iter().map(|row| row.age_days).collect();
    assert_eq!(ages, [Some(10), Some(-3), None, None]);
    let prices: Vec<Option<f64>> = found.iter().map(|row| row.price).collect();
    assert_eq!(prices, [Some(9.5), Some(9.5), None, None]);
    let known: Vec<bool> = found.iter().map(|row| row.category.is_some()).collect();
    assert_eq!(known, [true, true, false, false]);
    assert_eq!(of_listings(&found), [[0], [0], [0], [1]]);
}

#[test]
fn a_click_of_nobody_counts_for_its_listing_only() {
    let around = vec![
        nobodys("1", NOON - 1),
        nobodys("1", NOON + 1),
        click("2", "9", NOON),
    ];
    let mut case = Case::new(vec![shown("1", "1", "1", NOON)], around);
    let found = check("nobody", &case, |_| {});
    assert_eq!(
        (of_listings(&found), labels(&found)),
        (vec![&[1][..]], vec![false])
    );
    assert_eq!(of_users(&found), [Some(&[0][..])], "a user without clicks");
    case.rules.anybody = true;
    assert_eq!(labels(&check("nobody", &case, |_| {})), [true]);
}

#[test]
fn a_label_is_of_the_same_user_and_listing_unless_anybody_will_do() {
    let others = vec![click("2", "1", NOON + 1), click("1", "2", NOON + 1)];
    let mut case = Case::new(vec![shown("1", "1", "1", NOON)], others);
    assert_eq!(labels(&check("user", &case, |_| {})), [false]);
    case.rules.anybody = true;
    assert_eq!(labels(&check("anybody", &case, |_| {})), [true]);
}

#[test]
fn clicks_without_users_need_the_key_listing() {
    let clicks: Vec<LogClick> = [-1, 1].map(|after| nobodys("1", NOON + after)).to_vec();
    for format in [Format::Parquet, Format::Csv] {
        let mut case = Case::new(vec![shown("1", "1", "1", NOON)], clicks.clone());
        case.styles[1].format = format;
        case.has_users = false;
        let (text, code) = refused(&case, |_| {});
        assert_eq!(code, 65);
        for said in ["\"user_id\"", "--label-key listing"] {
            assert!(text.contains(said), "no {said} in: {text}");
        }
        case.rules.anybody = true;
        let found = check("no users", &case, |_| {});
        assert_eq!(
            (of_listings(&found), labels(&found)),
            (vec![&[1][..]], vec![true])
        );
        assert_eq!(of_users(&found), [None]);
    }
}

#[test]
fn without_clicks_nothing_is_prior_and_no_label_is_complete() {
    for anybody in [false, true] {
        let mut case = Case::new(vec![shown("1", "1", "1", NOON)], vec![]);
        (case.rules.windows_us, case.rules.anybody) = (vec![HOUR], anybody);
        let found = check("no clicks", &case, |_| {});
        assert_eq!(of_listings(&found), [[0, 0]]);
        assert_eq!(of_users(&found), [Some(&[0, 0][..])]);
        assert!(!found[0].clicked && !found[0].label_complete);
        case.rules.data_end_us = Some(NOON + DAY);
        assert!(check("no clicks", &case, |_| {})[0].label_complete);
    }
}

#[test]
fn a_label_is_complete_if_its_window_ends_with_the_data() {
    let impressions = [-1, 0, 1].map(|after| shown("1", "1", "1", NOON + after));
    // By default the data ends with the latest click, whoever clicked whatever.
    let mut case = Case::new(impressions.to_vec(), vec![click("9", "9", NOON + DAY)]);
    let complete = |case: &Case| -> Vec<bool> {
        let found = check("complete", case, |_| {});
        found.iter().map(|row| row.label_complete).collect()
    };
    assert_eq!(complete(&case), [true, true, false]);
    case.rules.data_end_us = Some(NOON + DAY - 1);
    assert_eq!(complete(&case), [true, false, false]);
    case.rules.data_end_us = Some(NOON + DAY + 1);
    assert_eq!(complete(&case), [true, true, true]);
    // It depends on time alone: a click that is there already does not make it complete.
    case.clicks = vec![click("1", "1", NOON + 5)];
    case.rules.data_end_us = None;
    assert_eq!(complete(&case), [false; 3]);
}

#[test]
fn a_second_row_of_a_listing_is_a_fault() {
    let mut case = Case::new(vec![shown("1", "1", "1", NOON)], vec![]);
    for (at, text_ids) in [(0, false), (1, true)] {
        let more = LogListing {
            price: Some(1.0),
            ..listing("1", NOON)
        };
        case.listings = vec![listing("0", NOON), listing("1", NOON - DAY), more];
        case.text_ids = text_ids;
        // In one file, and in two.
        case.styles[2].files = at + 1;
        let (text, code) = refused(&case, |_| {});
        assert_eq!(code, 65);
        for said in ["listings", "\"listing_id\"", "one row per listing"] {
            assert!(text.contains(said), "no {said} in: {text}");
        }
        let folder = scratch();
        let (dir, out) = (folder.path().join("in"), folder.path().join("out"));
        case.write(&dir);
        let mut settings = case.settings(&dir, &out);
        (settings.on_bad_row, settings.threads) = (OnBadRow::Quarantine, 3);
        let report = run(settings).expect("a run");
        assert_eq!(report.rejected, 1);
        let found = rows(&out);
        assert_eq!((found[0].price, found[0].age_days), (Some(9.5), Some(1)));
        assert!(out.join("_quarantine").is_dir());
    }
}

#[test]
fn the_key_of_labels_is_user_and_listing_by_default() {
    let settings = Settings::default();
    assert_eq!(settings.features().label_key, LabelKey::UserListing);
    assert_eq!(settings.features().label_window_us, DAY);
}

/// A row of listing "1" that holds from some time on.
fn priced(price: f64, created_us: i64, holds_from: LogTime) -> LogListing {
    LogListing {
        price: Some(price),
        holds_from: Some(holds_from),
        ..listing("1", created_us)
    }
}

#[test]
fn of_several_rows_of_a_listing_the_newest_before_the_impression_counts() {
    let at = |hour: i64| LogTime::Instant(NOON + hour * HOUR);
    let times = [-2, 0, 1, 2].map(|hour| NOON + hour * HOUR);
    let impressions = times.map(|time| shown("1", "1", "1", time));
    let mut case = Case::new(impressions.to_vec(), vec![]);
    case.rules.as_of = true;
    case.listings = vec![
        priced(3.0, NOON - 2 * DAY, at(1)),
        priced(1.0, NOON - DAY, at(-2)),
        priced(2.0, NOON, at(0)),
    ];
    let found = check("as of", &case, |_| {});
    // None at the time of the first row, and each row only after its own time.
    let prices: Vec<Option<f64>> = found.iter().map(|row| row.price).collect();
    assert_eq!(prices, [None, Some(1.0), Some(2.0), Some(3.0)]);
    let ages: Vec<Option<i32>> = found.iter().map(|row| row.age_days).collect();
    assert_eq!(ages, [None, Some(1), Some(0), Some(2)]);
    let found = check("as of, in two files", &case, |settings| {
        settings.threads = 2;
    });
    assert_eq!(found.len(), 4);
}

#[test]
fn a_row_that_holds_from_a_date_on_is_known_when_the_day_is_over() {
    let impressions = [DAY / 2 - 1, DAY / 2].map(|after| shown("1", "1", "1", NOON + after));
    let mut case = Case::new(impressions.to_vec(), vec![]);
    case.rules.as_of = true;
    case.styles[2].times = TimeStyle::Date;
    let day = |ago: i32| LogTime::Date(TODAY - ago);
    case.listings = vec![priced(2.0, NOON, day(0)), priced(1.0, NOON, day(1))];
    for row in &mut case.listings {
        row.created = Some(day(1));
    }
    let found = check("dates", &case, |_| {});
    let prices: Vec<Option<f64>> = found.iter().map(|row| row.price).collect();
    assert_eq!(prices, [Some(1.0), Some(2.0)]);
}

#[test]
fn two_rows_of_a_listing_from_one_time_on_are_a_fault_that_names_both() {
    let mut case = Case::new(vec![shown("1", "1", "1", NOON)], vec![]);
    case.rules.as_of = true;
    let from = LogTime::Instant(NOON - HOUR);
    case.listings = vec![
        priced(1.0, NOON, from),
        priced(2.0, NOON, LogTime::Instant(NOON - 2 * HOUR)),
        priced(3.0, NOON, from),
    ];
    for format in [Format::Parquet, Format::Csv, Format::Ndjson, Format::Json] {
        case.styles[2].format = format;
        case.styles[2].row_group = 1;
        let (text, code) = refused(&case, |settings| settings.tuning.text_piece_bytes = 1);
        assert_eq!(code, 65);
        let names = [
            "row 3",
            "one row per listing and \"valid_from\"",
            "of row 1 of",
        ];
        assert!(names.iter().all(|name| text.contains(name)), "{text}");
    }
    // Set aside, the first one counts.
    let folder = scratch();
    let (dir, out) = (folder.path().join("in"), folder.path().join("out"));
    case.write(&dir);
    let mut settings = case.settings(&dir, &out);
    settings.on_bad_row = OnBadRow::Quarantine;
    assert_eq!(run(settings).expect("a run").rejected, 1);
    assert_eq!(rows(&out)[0].price, Some(1.0));
    audit("set aside", &out);
    // Without a time nobody knows from when a row holds.
    case.listings[2].holds_from = None;
    let (text, code) = refused(&case, |_| {});
    assert!(code == 65 && text.contains("valid_from"), "{text}");
}
