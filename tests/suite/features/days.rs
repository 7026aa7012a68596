//! Days: which are asked for, which are written, and whose midnight it is.

use hitherto::reference::LogTime;

use super::case::{Case, DAY, HOUR, NOON, TODAY, check, click, listing, run, shown};
use crate::support::scratch;

#[test]
fn only_days_asked_for_are_rows_but_all_clicks_count() {
    let impressions = (-2..3).map(|n| shown(&(n + 9).to_string(), "1", "1", NOON + n * DAY));
    let clicks = (-3..4).map(|n| click("1", "1", NOON + n * DAY - 1));
    let mut case = Case::new(impressions.collect(), clicks.collect());
    for (days, ids) in [
        ((TODAY, TODAY), &["9"][..]),
        ((TODAY + 1, i32::MAX), &["10", "11"]),
        ((i32::MIN, TODAY - 1), &["7", "8"]),
        ((TODAY - 1, TODAY + 1), &["8", "9", "10"]),
    ] {
        case.rules.days = days;
        let found = check("days", &case, |_| {});
        let found_ids: Vec<&str> = found.iter().map(|row| row.id.as_str()).collect();
        assert_eq!(found_ids, ids);
        assert!(found.iter().all(|row| row.clicked));
        let first = i64::from(found[0].day - TODAY) + 4;
        assert_eq!(found[0].of_listing, [first]);
    }
}

#[test]
fn a_day_without_impressions_is_no_input() {
    let mut case = Case::new(vec![shown("1", "1", "1", NOON)], vec![]);
    case.rules.days = (TODAY + 5, TODAY + 5);
    let folder = scratch();
    case.write(&folder.path().join("in"));
    let out = folder.path().join("out");
    let settings = case.settings(&folder.path().join("in"), &out);
    let error = run(settings).expect_err("nothing on that day");
    assert_eq!(error.exit_code(), 66, "{error}");
    assert!(!out.exists());
}

#[test]
fn days_and_ages_turn_at_midnight_of_the_zone() {
    // Midnight of 2024-01-10 in Berlin is 23:00 of the day before in UTC.
    let midnight = NOON - 13 * HOUR;
    let impressions = vec![
        shown("1", "1", "1", midnight - 1),
        shown("2", "1", "1", midnight),
        shown("3", "1", "2", midnight),
    ];
    let mut case = Case::new(impressions, vec![]);
    case.listings = vec![
        listing("1", midnight - 2 * DAY - 1),
        listing("2", midnight - 2 * DAY),
    ];
    for (zone, days, ages) in [
        ("UTC", [TODAY - 1; 3], [2, 2, 2]),
        ("Europe/Berlin", [TODAY - 1, TODAY, TODAY], [2, 3, 2]),
    ] {
        case.rules.timezone = zone.to_owned();
        let found = check(zone, &case, |_| {});
        let found_days: Vec<i32> = found.iter().map(|row| row.day).collect();
        assert_eq!(found_days, days, "{zone}");
        let found_ages: Vec<Option<i32>> = found.iter().map(|row| row.age_days).collect();
        assert_eq!(found_ages, ages.map(Some), "{zone}");
    }
}

#[test]
fn an_age_counts_calendar_days_over_a_change_of_clocks() {
    // 2024-03-30 12:00 to 2024-04-01 00:30, both in Berlin: two days, in 35.5 hours.
    let created = LogTime::Wall((19_812 * 24 + 12) * HOUR);
    let mut case = Case::new(
        vec![shown("1", "1", "1", 19_813 * DAY + 22 * HOUR + HOUR / 2)],
        vec![],
    );
    case.listings[0].created = Some(created);
    case.styles[2].times = crate::support::TimeStyle::Wall;
    case.rules.timezone = "Europe/Berlin".to_owned();
    let found = check("clocks", &case, |_| {});
    assert_eq!((found[0].day, found[0].age_days), (19_814, Some(2)));
}
