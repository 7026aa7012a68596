//! A shop's real logs: sums that another engine computed, and every row against the reference.

use std::fs;
use std::io::Write;
use std::path::Path;

use hitherto::parse_day;
use hitherto::reference::LogTime;
use hitherto::reference::features::{ListingImpression, LogClick, LogListing};

use super::case::{Case, DAY, HOUR, check};
use crate::support::TimeStyle;

/// The records of a CSV file without quotes, field by field.
fn records(path: &Path) -> Vec<Vec<String>> {
    let text = fs::read_to_string(path).expect("a file");
    assert!(!text.contains('"'));
    let fields = |line: &str| line.split(',').map(str::to_owned).collect();
    text.lines().skip(1).map(fields).collect()
}

/// A time of these files, which is of UTC.
fn instant(text: &str) -> LogTime {
    let zoned = text.replace(' ', "T") + "Z";
    let at: jiff::Timestamp = zoned.parse().expect("a time");
    LogTime::Instant(at.as_microsecond())
}

/// Something that may be empty.
fn filled(text: &str) -> Option<&str> {
    Some(text).filter(|text| !text.is_empty())
}

/// The logs of a folder, and three windows.
fn logs(dir: &Path) -> Case {
    let shown = records(&dir.join("impressions.csv"));
    let shown = shown.iter().map(|fields| ListingImpression {
        id: fields[0].clone(),
        user: fields[1].clone(),
        listing: fields[2].clone(),
        time: instant(&fields[3]),
        kept: Vec::new(),
    });
    let clicks = records(&dir.join("clicks.csv"));
    let clicks = clicks.iter().map(|fields| LogClick {
        user: filled(&fields[0]).map(str::to_owned),
        listing: fields[1].clone(),
        time: instant(&fields[2]),
    });
    let listings = records(&dir.join("listings.csv"));
    let day = |text: &str| LogTime::Date(parse_day(text).expect("a day").0);
    let listings = listings.iter().map(|fields| LogListing {
        listing: fields[0].clone(),
        category: filled(&fields[1]).map(str::to_owned),
        price: filled(&fields[2]).map(|price| price.parse().expect("a number")),
        created: filled(&fields[3]).map(day),
        holds_from: None,
        kept: Vec::new(),
    });
    let mut case = Case::new(shown.collect(), clicks.collect());
    case.listings = listings.collect();
    case.rules.windows_us = vec![HOUR, DAY, 7 * DAY];
    case.styles[2].times = TimeStyle::Date;
    case
}

// The sums are DuckDB's, over the same CSV files:
//
//   SELECT count(*),
//     sum((SELECT count(*) FROM clicks c
//          WHERE c.listing_id = i.listing_id AND c.click_ts < i.impression_ts)),   -- 11996
//     sum((SELECT count(*) FROM clicks c
//          WHERE c.user_id = i.user_id AND c.click_ts < i.impression_ts)),         -- 7101
//     sum((SELECT count(*) > 0 FROM clicks c
//          WHERE c.listing_id = i.listing_id AND c.user_id = i.user_id
//            AND c.click_ts > i.impression_ts
//            AND c.click_ts <= i.impression_ts + INTERVAL 24 HOUR)::int),          -- 1502
//     sum((i.impression_ts + INTERVAL 24 HOUR
//          > (SELECT max(click_ts) FROM clicks))::int),                            -- 11
//     sum((SELECT date_diff('day', l.created_ts::date, i.impression_ts::date)
//          FROM listings l WHERE l.listing_id = i.listing_id))                     -- 927983
//   FROM impressions i;
#[test]
fn the_real_listings_have_the_sums_of_another_engine() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/listings");
    if !dir.exists() {
        writeln!(std::io::stderr(), "SKIPPED: {} is not here", dir.display()).expect("a line");
        return;
    }
    let case = logs(&dir);
    let found = check("real", &case, |settings| {
        (settings.dir, settings.threads) = (Some(dir.clone()), 2);
    });
    let of_users = found
        .iter()
        .map(|row| row.of_user.as_ref().expect("users")[0]);
    assert_eq!(found.len(), 5000);
    assert_eq!(
        found.iter().map(|row| row.of_listing[0]).sum::<i64>(),
        11_996
    );
    assert_eq!(of_users.sum::<i64>(), 7101);
    assert_eq!(found.iter().filter(|row| row.clicked).count(), 1502);
    assert_eq!(found.iter().filter(|row| !row.label_complete).count(), 11);
    let ages = found.iter().filter_map(|row| row.age_days).map(i64::from);
    assert_eq!(ages.sum::<i64>(), 927_983);
}
