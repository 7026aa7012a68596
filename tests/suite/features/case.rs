//! Logs of `features` as values, files made of them, rows read back.

use std::fs::{self, File};
use std::path::Path;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::{
    DataType, Float64Type, Int8Type, Int32Type, Int64Type, TimestampMicrosecondType,
};
use hitherto::reference::features::{
    FeatureRow, FeatureRules, ListingImpression, LogClick, LogListing, features,
};
use hitherto::reference::{LogTime, is_near};
use hitherto::{
    CustomerType, Day, Dedup, Features, FeaturesReport, Format, Job, KeptColumn, LabelKey,
    OnBadRow, Passthrough, RunContext, Settings, Source, TimeUnit,
};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::{Value, json};

use crate::metrics::{assert_alike, ratio};
use crate::support::{
    Column, PLAIN, Style, TimeStyle, audit, null_values, parts_by, scratch, write_rows,
};

/// A second in microseconds.
pub(super) const SECOND: i64 = 1_000_000;
/// An hour in microseconds.
pub(super) const HOUR: i64 = 3600 * SECOND;
/// A day in microseconds.
pub(super) const DAY: i64 = 24 * HOUR;
/// 2024-01-10, days since 1970-01-01.
pub(super) const TODAY: i32 = 19_732;
/// Noon of that day in UTC.
pub(super) const NOON: i64 = 19_732 * DAY + 12 * HOUR;

/// A case: logs, rules, and how they are written.
#[derive(Clone, Debug)]
pub(super) struct Case {
    /// The rules.
    pub(super) rules: FeatureRules,
    /// The impressions.
    pub(super) shown: Vec<ListingImpression>,
    /// The clicks.
    pub(super) clicks: Vec<LogClick>,
    /// The listings.
    pub(super) listings: Vec<LogListing>,
    /// How impressions, clicks and listings are written.
    pub(super) styles: [Style; 3],
    /// Ids are texts.
    pub(super) text_ids: bool,
    /// Clicks have a column of users.
    pub(super) has_users: bool,
    /// The kept columns, of which the rules say whether they are of listings.
    pub(super) keep: Vec<KeptColumn>,
}

/// An impression at an instant.
pub(super) fn shown(id: &str, user: &str, listing: &str, time_us: i64) -> ListingImpression {
    ListingImpression {
        id: id.to_owned(),
        user: user.to_owned(),
        listing: listing.to_owned(),
        time: LogTime::Instant(time_us),
        kept: Vec::new(),
    }
}

/// A click at an instant.
pub(super) fn click(user: &str, listing: &str, time_us: i64) -> LogClick {
    LogClick {
        user: Some(user.to_owned()),
        ..nobodys(listing, time_us)
    }
}

/// A click that does not say who clicked.
pub(super) fn nobodys(listing: &str, time_us: i64) -> LogClick {
    LogClick {
        user: None,
        listing: listing.to_owned(),
        time: LogTime::Instant(time_us),
    }
}

/// A listing that was made at an instant.
pub(super) fn listing(id: &str, created_us: i64) -> LogListing {
    LogListing {
        listing: id.to_owned(),
        category: Some("toys".to_owned()),
        price: Some(9.5),
        created: Some(LogTime::Instant(created_us)),
        holds_from: None,
        kept: Vec::new(),
    }
}

impl Case {
    /// A case with SPEC's defaults, and a listing "1".
    pub(super) fn new(shown: Vec<ListingImpression>, clicks: Vec<LogClick>) -> Case {
        Case {
            rules: FeatureRules {
                windows_us: Vec::new(),
                label_window_us: DAY,
                anybody: false,
                data_end_us: None,
                days: (i32::MIN, i32::MAX),
                timezone: "UTC".to_owned(),
                once: false,
                as_of: false,
                kept_of_listings: Vec::new(),
            },
            shown,
            clicks,
            listings: vec![listing("1", NOON - 10 * DAY)],
            styles: [PLAIN; 3],
            text_ids: false,
            has_users: true,
            keep: Vec::new(),
        }
    }

    /// The settings that say the same as the rules.
    pub(super) fn settings(&self, dir: &Path, out: &Path) -> Settings {
        let rules = &self.rules;
        let windows = rules.windows_us.iter();
        let (from, to) = rules.days;
        let epoch = self
            .styles
            .iter()
            .any(|style| style.times == TimeStyle::Epoch);
        let mut settings = Settings {
            ask: Features {
                windows: windows.map(|us| (format!("{us}us"), *us)).collect(),
                label_window_us: rules.label_window_us,
                label_key: if rules.anybody {
                    LabelKey::Listing
                } else {
                    LabelKey::UserListing
                },
                data_end: rules.data_end_us.map(instant_text),
                listings_as_of: rules.as_of.then(|| "valid_from".to_owned()),
                keep: self.keep.clone(),
            }
            .into(),
            allow_unused: true,
            dir: Some(dir.to_owned()),
            out: out.to_owned(),
            from: (from > i32::MIN).then_some(Day(from)),
            to: (to < i32::MAX).then_some(Day(to)),
            timezone: Some(rules.timezone.clone()),
            time_unit: epoch.then_some(TimeUnit::Micro),
            null_values: null_values(&self.styles),
            dedup: if rules.once {
                Dedup::Exact
            } else {
                Dedup::None
            },
            customer_type: self.text_ids.then_some(CustomerType::String),
            threads: 1,
            on_bad_row: self.on_bad_row(),
            ..Settings::default()
        };
        let sources = [Source::Impressions, Source::Clicks, Source::Listings];
        for (source, style) in sources.into_iter().zip(&self.styles) {
            style.depth.tell(source, &mut settings);
        }
        settings
    }

    /// The case without the rows that are at fault for a time outside the years 1 to 9999.
    pub(super) fn sound(&self) -> Case {
        let mut case = self.clone();
        let is_near = |time| is_near(&self.rules.timezone, time);
        case.shown.retain(|impression| is_near(impression.time));
        case.clicks.retain(|click| is_near(click.time));
        case.listings.retain(|listing| {
            let times = [listing.created, listing.holds_from];
            times.into_iter().flatten().all(is_near)
        });
        case
    }

    /// What becomes of rows: they are set aside if some are at fault.
    fn on_bad_row(&self) -> OnBadRow {
        let counts = |case: &Case| [case.shown.len(), case.clicks.len(), case.listings.len()];
        if counts(&self.sound()) == counts(self) {
            OnBadRow::Error
        } else {
            OnBadRow::Quarantine
        }
    }

    /// What must come out, in the order of [`sort`].
    pub(super) fn expected(&self) -> Vec<FeatureRow> {
        let sound = self.sound();
        let mut rows = features(&self.rules, &sound.shown, &sound.clicks, &sound.listings);
        sort(&mut rows);
        rows
    }

    /// Writes the logs into a folder.
    pub(super) fn write(&self, dir: &Path) {
        let [of_shown, of_clicks, _] = self.styles;
        let some = |text: &String| Some(text.clone());
        let shown = self.shown.iter();
        let clicks = self.clicks.iter();
        let times = |times: Vec<Option<LogTime>>, style: Style| Column::Times(times, style.times);
        let columns = [
            (
                "impression_id",
                self.ids(shown.clone().map(|impression| some(&impression.id))),
            ),
            (
                "user_id",
                self.ids(shown.clone().map(|impression| some(&impression.user))),
            ),
            (
                "listing_id",
                self.ids(shown.clone().map(|impression| some(&impression.listing))),
            ),
            (
                "impression_ts",
                times(
                    shown.map(|impression| Some(impression.time)).collect(),
                    of_shown,
                ),
            ),
        ];
        let columns = [
            columns.to_vec(),
            self.kept(false, &|at| &self.shown[at].kept),
        ]
        .concat();
        put(dir, "impressions", &columns, self.shown.len(), of_shown);
        let columns = [
            (
                "user_id",
                self.ids(clicks.clone().map(|click| click.user.clone())),
            ),
            (
                "listing_id",
                self.ids(clicks.clone().map(|click| some(&click.listing))),
            ),
            (
                "click_ts",
                times(clicks.map(|click| Some(click.time)).collect(), of_clicks),
            ),
        ];
        let columns = &columns[usize::from(!self.has_users)..];
        put(dir, "clicks", columns, self.clicks.len(), of_clicks);
        self.write_listings(dir);
    }

    /// Writes the listings into a folder.
    fn write_listings(&self, dir: &Path) {
        let (of_listings, known) = (self.styles[2], self.listings.iter());
        let some = |text: &String| Some(text.clone());
        let times = |times: Vec<Option<LogTime>>, style: Style| Column::Times(times, style.times);
        let prices = known.clone().map(|listing| listing.price).collect();
        let categories = known
            .clone()
            .map(|listing| listing.category.clone())
            .collect();
        let holds_from = known.clone().map(|listing| listing.holds_from).collect();
        let columns = [
            (
                "listing_id",
                self.ids(known.clone().map(|listing| some(&listing.listing))),
            ),
            ("category", Column::Texts(categories)),
            ("price", Column::Floats(prices)),
            (
                "created_ts",
                times(known.map(|listing| listing.created).collect(), of_listings),
            ),
            ("valid_from", times(holds_from, of_listings)),
        ];
        let columns = &columns[..columns.len() - usize::from(!self.rules.as_of)];
        let columns = [
            columns.to_vec(),
            self.kept(true, &|at| &self.listings[at].kept),
        ]
        .concat();
        put(dir, "listings", &columns, self.listings.len(), of_listings);
    }

    /// The kept columns of impressions, or those of listings, given the values of a row.
    fn kept<'c>(
        &'c self,
        of_listings: bool,
        values: &dyn Fn(usize) -> &'c Vec<Option<String>>,
    ) -> Vec<(&'c str, Column)> {
        let (rows, style) = match of_listings {
            true => (self.listings.len(), self.styles[2]),
            false => (self.shown.len(), self.styles[0]),
        };
        let keep = self
            .keep
            .iter()
            .filter(|kept| kept.of_listings == of_listings);
        let columns = keep.enumerate().map(|(at, kept)| {
            let texts = (0..rows).map(|row| values(row)[at].clone());
            (
                kept.column.name.as_str(),
                kept_column(&kept.column, texts.collect(), style),
            )
        });
        columns.collect()
    }

    /// Ids as the case has them.
    fn ids(&self, ids: impl Iterator<Item = Option<String>>) -> Column {
        if self.text_ids {
            return Column::Texts(ids.collect());
        }
        let parse = |id: String| id.parse().expect("an integer");
        Column::Ids(ids.map(|id| id.map(parse)).collect())
    }
}

/// A kept column with values that are given as the reference has them.
fn kept_column(column: &Passthrough, values: Vec<Option<String>>, style: Style) -> Column {
    fn parsed<T: std::str::FromStr>(values: Vec<Option<String>>) -> Vec<Option<T>> {
        let parse = |text: String| text.parse().ok().expect("a value of the type");
        values.into_iter().map(|value| value.map(parse)).collect()
    }
    match column.name.rsplit('_').next() {
        Some("int32") => Column::Narrow(parsed(values)),
        Some("int64") => Column::Wide(parsed(values)),
        Some("double") => Column::Floats(parsed(values)),
        Some("boolean") => Column::Bools(parsed(values)),
        Some("timestamp") => {
            let times = parsed(values).into_iter();
            let times = times.map(|us: Option<i64>| us.map(LogTime::Instant));
            // A wall time would be another instant in another zone. Texts of Parquet and Arrow are texts.
            let is_columnar = matches!(style.format, Format::Parquet | Format::Arrow);
            let times_style = match style.times {
                TimeStyle::Wall | TimeStyle::Date | TimeStyle::Text if is_columnar => {
                    TimeStyle::Instant
                }
                TimeStyle::Wall | TimeStyle::Date => TimeStyle::Text,
                other => other,
            };
            Column::Times(times.collect(), times_style)
        }
        _ => Column::Texts(values),
    }
}

/// Writes a source below a folder.
fn put(dir: &Path, name: &str, columns: &[(&str, Column)], rows: usize, style: Style) {
    let folder = dir.join(name);
    fs::create_dir_all(&folder).expect("a folder");
    write_rows(&folder, columns, rows, style);
}

/// An instant as text.
fn instant_text(us: i64) -> String {
    let at = jiff::Timestamp::from_microsecond(us);
    at.expect("in the calendar").to_string()
}

/// Sorts rows by time, then by ids as texts. Rows that have all of these alike are alike.
pub(super) fn sort(rows: &mut [FeatureRow]) {
    rows.sort_by(|a, b| {
        let key = |row: &FeatureRow| (row.time_us, row.id.clone(), row.listing.clone());
        let more = |row: &FeatureRow| (row.user.clone(), row.kept.clone());
        key(a).cmp(&key(b)).then_with(|| more(a).cmp(&more(b)))
    });
}

/// Runs a job and gives what it made.
pub(super) fn run(settings: Settings) -> hitherto::Result<FeaturesReport> {
    hitherto::features(&Job::new(settings)?, &RunContext::default())
}

/// The rows of an output, in its own order.
pub(super) fn rows(out: &Path) -> Vec<FeatureRow> {
    let mut rows = Vec::new();
    for (day, path) in parts_by(out, "date=") {
        let file = File::open(&path).expect("a part");
        let reader = ParquetRecordBatchReaderBuilder::try_new(file);
        for batch in reader.expect("a part").build().expect("a part") {
            let batch = batch.expect("a batch");
            rows.extend((0..batch.num_rows()).map(|row| row_of(day, &batch, row)));
        }
    }
    rows
}

/// A row of a batch.
fn row_of(day: i32, batch: &RecordBatch, row: usize) -> FeatureRow {
    let column = |name: &str| {
        let column = batch.column_by_name(name);
        column.unwrap_or_else(|| panic!("no column {name}"))
    };
    let there = |name: &str| Some(column(name)).filter(|column| column.is_valid(row));
    let counts = |prefix: &str| {
        let columns = batch.schema_ref().fields().iter().zip(batch.columns());
        let columns = columns.filter(|(field, _)| field.name().starts_with(prefix));
        let count = |column: &ArrayRef| column.as_primitive::<Int64Type>().value(row);
        let counts = columns.map(|(_, column)| column.is_valid(row).then(|| count(column)));
        counts.collect::<Option<Vec<i64>>>()
    };
    let times = column("impression_ts").as_primitive::<TimestampMicrosecondType>();
    let prices = |column: &ArrayRef| column.as_primitive::<Float64Type>().value(row);
    let ages = |column: &ArrayRef| column.as_primitive::<Int32Type>().value(row);
    let clicked = column("clicked").as_primitive::<Int8Type>().value(row);
    assert!((0..=1).contains(&clicked));
    FeatureRow {
        day,
        time_us: times.value(row),
        id: id_at(column("impression_id"), row),
        user: id_at(column("user_id"), row),
        listing: id_at(column("listing_id"), row),
        category: there("category").map(|column| column.as_string::<i32>().value(row).to_owned()),
        price: there("price").map(prices),
        age_days: there("listing_age_days").map(ages),
        of_listing: counts("prior_listing_clicks").expect("never null"),
        of_user: counts("prior_user_clicks"),
        clicked: clicked == 1,
        label_complete: column("label_complete").as_boolean().value(row),
        kept: kept_of(batch, row),
    }
}

/// The columns behind `label_complete` as texts.
fn kept_of(batch: &RecordBatch, row: usize) -> Vec<Option<String>> {
    let last = batch
        .schema_ref()
        .index_of("label_complete")
        .expect("a column");
    let columns = batch.columns()[last + 1..].iter();
    let values = columns.map(|column| {
        column.is_valid(row).then(|| match column.data_type() {
            DataType::Int32 => column.as_primitive::<Int32Type>().value(row).to_string(),
            DataType::Int64 => column.as_primitive::<Int64Type>().value(row).to_string(),
            DataType::Float64 => column.as_primitive::<Float64Type>().value(row).to_string(),
            DataType::Boolean => column.as_boolean().value(row).to_string(),
            DataType::Utf8 => column.as_string::<i32>().value(row).to_owned(),
            _ => {
                let times = column.as_primitive::<TimestampMicrosecondType>();
                times.value(row).to_string()
            }
        })
    });
    values.collect()
}

/// An id as text.
fn id_at(ids: &ArrayRef, row: usize) -> String {
    assert!(ids.is_valid(row));
    match ids.data_type() {
        DataType::Utf8 => ids.as_string::<i32>().value(row).to_owned(),
        _ => ids.as_primitive::<Int64Type>().value(row).to_string(),
    }
}

/// Runs a case and compares it with the reference; gives the rows, in the order of [`sort`]. `name`
/// is in the message if they differ.
pub(super) fn check(name: &str, case: &Case, change: impl Fn(&mut Settings)) -> Vec<FeatureRow> {
    let folder = scratch();
    let (dir, out) = (folder.path().join("in"), folder.path().join("out"));
    case.write(&dir);
    let mut settings = case.settings(&dir, &out);
    change(&mut settings);
    let report = run(settings).unwrap_or_else(|error| panic!("{name}: {error}\n{case:#?}"));
    audit(name, &out);
    let mut found = rows(&out);
    let times: Vec<i64> = found.iter().map(|row| row.time_us).collect();
    assert!(
        times.is_sorted(),
        "{name}: not in the order of time\n{case:#?}"
    );
    sort(&mut found);
    let expected = case.expected();
    assert!(
        found == expected,
        "{name}\nfound {found:#?}\nexpected {expected:#?}\n{case:#?}"
    );
    let count = |is: fn(&FeatureRow) -> bool| {
        let rows = expected.iter().filter(|row| is(row));
        u64::try_from(rows.count()).expect("few rows")
    };
    assert_eq!(report.rows, count(|_| true), "{name}");
    assert_eq!(report.clicked, count(|row| row.clicked), "{name}");
    assert_eq!(
        report.incomplete,
        count(|row| !row.label_complete),
        "{name}"
    );
    let older = count(|row| row.age_days.is_some_and(|age| age < 0));
    assert_eq!(report.negative_ages, older, "{name}");
    check_metrics(name, &crate::metrics::read(&out), &expected);
    found
}

/// Compares the metrics of an output with its rows.
fn check_metrics(name: &str, found: &Value, rows: &[FeatureRow]) {
    let count = |is: &dyn Fn(&FeatureRow) -> bool| {
        let rows = rows.iter().filter(|row| is(row));
        u64::try_from(rows.count()).expect("few rows")
    };
    let all = count(&|_| true);
    let complete = count(&|row| row.label_complete);
    let users = |row: &FeatureRow| row.of_user.as_ref().map_or(0, |counts| counts[0]);
    let sum = |count: &dyn Fn(&FeatureRow) -> i64| {
        u64::try_from(rows.iter().map(count).sum::<i64>()).expect("never negative")
    };
    let with_users = count(&|row| row.of_user.is_some());
    let no_clicks = |is_none: u64| if with_users > 0 { is_none } else { 0 };
    let expected = [
        ("rows", json!(all)),
        ("clicked_pct", ratio(count(&|row| row.clicked), all)),
        ("label_complete_pct", ratio(complete, all)),
        (
            "label_rate",
            ratio(count(&|row| row.clicked && row.label_complete), complete),
        ),
        (
            "null_category_pct",
            ratio(count(&|row| row.category.is_none()), all),
        ),
        (
            "null_price_pct",
            ratio(count(&|row| row.price.is_none()), all),
        ),
        (
            "null_listing_age_pct",
            ratio(count(&|row| row.age_days.is_none()), all),
        ),
        (
            "negative_age_pct",
            ratio(count(&|row| row.age_days.is_some_and(|age| age < 0)), all),
        ),
        (
            "prior_listing_clicks_mean",
            ratio(sum(&|row| row.of_listing[0]), all),
        ),
        (
            "prior_listing_clicks_zero_pct",
            ratio(count(&|row| row.of_listing[0] == 0), all),
        ),
        ("prior_user_clicks_mean", ratio(sum(&users), all)),
        (
            "prior_user_clicks_zero_pct",
            ratio(no_clicks(count(&|row| users(row) == 0)), all),
        ),
    ];
    for (metric, expected) in expected {
        assert_alike(
            &found[metric],
            &expected,
            &format_args!("{metric} of {name}"),
        );
    }
}
