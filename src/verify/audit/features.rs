//! Rows of `features` against the twin.

use std::collections::{BTreeMap, BTreeSet};

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{Float64Type, Int32Type, TimestampMicrosecondType};

use super::features_canaries::canaries;
use super::rows::{column, id, ints, read_rows, truth};
use super::sample::{Sample, choose};
use super::{Audit, AuditRows, Audited};
use crate::calendar::{date_text, instant_text};
use crate::error::{Error, Result};
use crate::ids::{Day, Micros, count64};
use crate::job::{CustomerType, Dedup, LabelKey, Settings};
use crate::manifest::feature_types;
use crate::reference::features::{Click, Impression, Listing, OrderedClicks, Row, Rules};
use crate::reference::instant_in;
use crate::reference::read;
use crate::reference::read::ClicksRead;
use crate::verify::Problems;

/// An impression: its day and its id.
pub(super) type Key = (i32, String);

/// What tells impressions of one id apart: when, to whom, and what.
pub(super) type Moment = (i64, String, String);

/// What the inputs of a group of days say.
#[derive(Default)]
pub(super) struct Market {
    /// Clicks on the listings, or of the users, that are asked about.
    pub(super) clicks: Vec<Click>,
    /// The same, ordered once for all rows.
    ordered: OrderedClicks,
    /// The listings that are asked about.
    listings: BTreeMap<String, Listing>,
    /// Whether clicks say who clicked.
    pub(super) has_users: bool,
    /// Up to when clicks are complete.
    pub(super) data_end_us: Option<i64>,
}

/// An impression, and the place of the group of days that it is of.
pub(super) type Shown = (usize, Impression);

/// What the inputs say of the impressions that are asked about.
#[derive(Default)]
pub(super) struct Markets {
    /// The impressions, by their moment; several where ids repeat, and those alike in all once.
    pub(super) shown: BTreeMap<Key, BTreeMap<Moment, Shown>>,
    counts: BTreeMap<Key, usize>,
    pub(super) groups: Vec<Market>,
    records: u64,
    files: u64,
}

impl Market {
    /// The listing of an impression, if there is one.
    pub(super) fn listing_of(&self, shown: &Impression) -> Option<&Listing> {
        self.listings.get(&shown.listing)
    }

    /// The row that an impression makes.
    fn row(&self, rules: &Rules, shown: &Impression) -> Option<Row> {
        self.row_of(rules, shown, &self.ordered)
    }

    /// The row that an impression makes if some clicks are all that there are around it.
    pub(super) fn row_of(
        &self,
        rules: &Rules,
        shown: &Impression,
        clicks: &OrderedClicks,
    ) -> Option<Row> {
        let rules = Rules {
            data_end_us: self.data_end_us.or(Some(i64::MIN)),
            ..rules.clone()
        };
        let mut row = clicks.row(&rules, shown, self.listing_of(shown))?;
        // The twin sees only these clicks; whether any has a user is asked of all.
        let none = || vec![0; rules.windows_us.len() + 1];
        row.of_user = self.has_users.then(|| row.of_user.unwrap_or_else(none));
        Some(row)
    }
}

/// The rules that settings make.
pub(super) fn rules_of(settings: &Settings) -> Rules {
    let own = settings.features();
    Rules {
        windows_us: own.windows.iter().map(|(_, us)| *us).collect(),
        label_window_us: own.label_window_us,
        anybody: own.label_key == LabelKey::Listing,
        data_end_us: None,
        days: (i32::MIN, i32::MAX),
        timezone: settings.zone_name().to_owned(),
        once: settings.dedup == Dedup::Exact,
    }
}

/// The types of the ids of impressions, users and listings.
pub(super) fn types_of(audit: &Audit<'_>) -> Result<[CustomerType; 3]> {
    let types = feature_types(&audit.set.whole.settings);
    let types = types.ok_or_else(|| Error::bad_file("_manifest.json", "it has no types of ids"))?;
    Ok([types.impression, types.user, types.listing])
}

/// Recomputes rows, and plants canaries.
pub(super) fn audit(
    audit: &Audit<'_>,
    (problems, lost): (&mut Problems, &mut Problems),
) -> Result<Option<Audited>> {
    let set = audit.set;
    let sample = choose(set, audit.rows, |_| true);
    let keys = keys_of(audit, audit.rows)?;
    let Some(markets) = read_markets(audit, &keys, lost)? else {
        return Ok(None);
    };
    let rules = rules_of(&set.settings);
    let rows = compare(audit, &sample, (&rules, &markets), problems)?;
    let planted_at = keys_of(audit, audit.canary_rows())?;
    let canaries = canaries(audit, &rules, &markets, &planted_at, problems)?;
    Ok(Some(Audited {
        rows,
        of_rows: set.rows(),
        records: markets.records,
        inputs: markets.files,
        canaries: Some(canaries),
    }))
}

/// The impressions of rows.
fn keys_of(audit: &Audit<'_>, rows: AuditRows) -> Result<BTreeSet<Key>> {
    audit.keys_of(rows, &["impression_id"], |day, batch, row| {
        let id = id(column(batch, "impression_id"), row);
        (day, id.unwrap_or_default())
    })
}

/// Reads what the inputs say of some impressions; of all, if all rows are asked for.
fn read_markets(
    audit: &Audit<'_>,
    keys: &BTreeSet<Key>,
    lost: &mut Problems,
) -> Result<Option<Markets>> {
    let (set, settings, types) = (audit.set, &audit.set.settings, types_of(audit)?);
    let check: read::Check<'_> = &|| audit.context.check();
    let is_all = audit.rows == AuditRows::All;
    let is_asked = |day| keys.iter().any(|key| key.0 == day);
    let Some(inputs) = audit.inputs_of(is_asked, lost)? else {
        return Ok(None);
    };
    let mut markets = Markets {
        files: count64(inputs.count),
        ..Markets::default()
    };
    let wanted: BTreeSet<&str> = keys.iter().map(|(_, id)| id.as_str()).collect();
    for (group, of_group) in inputs.groups.iter().enumerate() {
        let (mut users, mut listings) = (BTreeSet::new(), BTreeSet::new());
        for (days, files) in &of_group.days {
            audit.context.check()?;
            let days: BTreeSet<i32> = days.iter().map(|at| set.days[*at].day.0).collect();
            let is_wanted = |id: &str| is_all || wanted.contains(id);
            for shown in read::shown_listings(settings, types, files, &is_wanted, check)? {
                let day = read::day_of(settings, shown.time);
                let key = (day, shown.id.clone());
                if days.contains(&day) && (is_all || keys.contains(&key)) {
                    users.insert(shown.user.clone());
                    listings.insert(shown.listing.clone());
                    let time = instant_in(settings.zone_name(), shown.time);
                    let moment = (time, shown.user.clone(), shown.listing.clone());
                    *markets.counts.entry(key.clone()).or_default() += 1;
                    let of_key = markets.shown.entry(key).or_default();
                    of_key.entry(moment).or_insert((group, shown));
                }
            }
        }
        let is_wanted = |user: Option<&str>, listing: &str| {
            listings.contains(listing) || user.is_some_and(|user| users.contains(user))
        };
        let read = read::clicks(settings, types, &of_group.files, &is_wanted, check)?;
        markets.records += read.count;
        let is_known = |of: &str| listings.contains(of);
        let known = read::listings(settings, types, &of_group.files, &is_known, check)?;
        let mut market = market_of(settings, read);
        let known = known.into_iter();
        market.listings = known.map(|of| (of.listing.clone(), of)).collect();
        markets.groups.push(market);
    }
    Ok(Some(markets))
}

/// Clicks, ordered by listing and by user.
fn market_of(settings: &Settings, read: ClicksRead) -> Market {
    Market {
        has_users: read.count == 0 || read.with_user > 0,
        data_end_us: match &settings.features().data_end {
            Some(text) => read::instant_of(settings, text),
            None => read.latest,
        },
        ordered: OrderedClicks::new(&rules_of(settings), &read.clicks),
        clicks: read.clicks,
        ..Market::default()
    }
}

/// Compares rows with those that the twin makes; gives their number.
fn compare(
    audit: &Audit<'_>,
    sample: &Sample,
    (rules, markets): (&Rules, &Markets),
    problems: &mut Problems,
) -> Result<u64> {
    let (mut count, mut seen) = (0, BTreeMap::<Key, usize>::new());
    for (file, rows) in sample {
        let day = audit.day_of(*file);
        let name = &audit.set.files[*file].path;
        read_rows(
            audit.out(),
            name,
            rows.as_deref(),
            None,
            |numbers, batch| {
                for (at, number) in numbers.iter().enumerate() {
                    audit.context.check()?;
                    let found = row_of(&audit.set.settings, day, batch, at);
                    let key = (day, found.id.clone());
                    let row = |(group, shown): &Shown| markets.groups[*group].row(rules, shown);
                    let shown = markets.shown.get(&key);
                    let moment = (found.time_us, found.user.clone(), found.listing.clone());
                    let right = shown.and_then(|shown| shown.get(&moment)).and_then(row);
                    if !right.as_ref().is_some_and(|right| is_same(right, &found)) {
                        let first = || shown?.values().find_map(row);
                        problems.add_with(name, || {
                            let what = right.or_else(first).map_or_else(
                                || "no impression in the inputs makes such a row".to_owned(),
                                |right| difference(&audit.set.settings, &found, &right),
                            );
                            let (row, Row { id, user, .. }) = (number + 1, &found);
                            format!("row {row} (impression {id}, user {user}): {what}")
                        });
                    }
                    count += 1;
                    *seen.entry(key).or_default() += 1;
                }
                Ok(())
            },
        )?;
    }
    if audit.rows == AuditRows::All {
        for ((day, id), expected) in &markets.counts {
            let found = seen.get(&(*day, id.clone())).copied().unwrap_or(0);
            if *expected != found {
                let path = format!("date={}", date_text(Day(*day)));
                let what = format!("impression {id}: expected {expected} rows, found {found}");
                problems.add(path, what);
            }
        }
    }
    Ok(count)
}

/// The names of counts, as columns.
fn count_names(settings: &Settings, name: &str) -> Vec<String> {
    let windows = settings
        .features()
        .windows
        .iter()
        .map(|(window, _)| format!("{name}_{window}"));
    std::iter::once(name.to_owned()).chain(windows).collect()
}

/// A row of a batch of all columns.
pub(super) fn row_of(settings: &Settings, day: i32, batch: &RecordBatch, row: usize) -> Row {
    let text = |name: &str| id(column(batch, name), row);
    let one = |name: &str| {
        let value = column(batch, name).slice(row, 1);
        value.is_valid(0).then(|| ints(&value)[0])
    };
    let counts = |name: &str| {
        let names = count_names(settings, name).into_iter();
        names.map(|name| one(&name)).collect::<Option<Vec<i64>>>()
    };
    let price = column(batch, "price").as_primitive::<Float64Type>();
    let age = column(batch, "listing_age_days").as_primitive::<Int32Type>();
    let times = column(batch, "impression_ts").as_primitive::<TimestampMicrosecondType>();
    Row {
        day,
        time_us: times.value(row),
        id: text("impression_id").unwrap_or_default(),
        user: text("user_id").unwrap_or_default(),
        listing: text("listing_id").unwrap_or_default(),
        category: text("category"),
        price: price.is_valid(row).then(|| price.value(row)),
        age_days: age.is_valid(row).then(|| age.value(row)),
        of_listing: counts("prior_listing_clicks").unwrap_or_default(),
        of_user: counts("prior_user_clicks"),
        clicked: one("clicked") == Some(1),
        label_complete: truth(column(batch, "label_complete"), row) == Some(true),
    }
}

/// Whether two rows hold the same values; numbers that are none are the same, too.
pub(super) fn is_same(a: &Row, b: &Row) -> bool {
    let bits = |row: &Row| row.price.map(f64::to_bits);
    let rest = |row: &Row| Row {
        price: None,
        ..row.clone()
    };
    bits(a) == bits(b) && rest(a) == rest(b)
}

/// How a row differs from the one that it should be.
pub(super) fn difference(settings: &Settings, found: &Row, right: &Row) -> String {
    let at = instant_text(Micros(right.time_us));
    let mut told = Vec::new();
    let mut tell = |name: &str, found: String, right: String, why: String| {
        if found != right {
            told.push(format!(
                "column \"{name}\" holds {found}, and should hold {right}{why}"
            ));
        }
    };
    for (name, found, right) in [
        (
            "prior_listing_clicks",
            Some(&found.of_listing),
            Some(&right.of_listing),
        ),
        (
            "prior_user_clicks",
            found.of_user.as_ref(),
            right.of_user.as_ref(),
        ),
    ] {
        for (at_window, name) in count_names(settings, name).iter().enumerate() {
            let count = |of: Option<&Vec<i64>>| of.and_then(|of| of.get(at_window)).copied();
            let text = |of: Option<i64>| of.map_or_else(|| "null".to_owned(), |of| of.to_string());
            let why = match count(found) > count(right) {
                true => format!(": what it counts more is not prior to the impression at {at}"),
                false => String::new(),
            };
            tell(name, text(count(found)), text(count(right)), why);
        }
    }
    let end = instant_text(Micros(
        right
            .time_us
            .saturating_add(settings.features().label_window_us),
    ));
    let label = |row: &Row| i32::from(row.clicked).to_string();
    let why = format!(": it tells of clicks after {at} and up to {end}");
    tell("clicked", label(found), label(right), why);
    for (name, value) in [
        ("user_id", (|row| row.user.clone()) as fn(&Row) -> String),
        ("listing_id", |row| row.listing.clone()),
        ("impression_ts", |row| instant_text(Micros(row.time_us))),
        ("category", |row| format!("{:?}", row.category)),
        ("price", |row| format!("{:?}", row.price)),
        ("listing_age_days", |row| format!("{:?}", row.age_days)),
        ("label_complete", |row| row.label_complete.to_string()),
    ] {
        tell(name, value(found), value(right), String::new());
    }
    told.join("; ")
}
