//! Impressions and their results to columns: the schema of `features`, and its row groups.

use std::sync::Arc;

use arrow::array::builder::{Float64Builder, StringBuilder};
use arrow::array::{
    ArrayRef, BooleanArray, Int8Array, Int32Array, Int64Array, StringViewArray,
    TimestampMicrosecondArray, UInt32Array,
};
use arrow::compute::take;
use arrow::datatypes::{DataType, Field, Schema, TimeUnit};

use super::results::FeatureResults;
use super::{FeaturesRead, TimedRow};
use crate::dictionary::Ids;
use crate::encode::{RowGroup, TableEncoder, array_of, passthrough_type};
use crate::error::Result;
use crate::ids::{Day, Micros, index};
use crate::job::Job;
use crate::metrics::FeatureCounts;
use crate::output::columns::{id_field, ids_array};
use crate::scan::features::FeatureTypes;
use crate::scan::features::listings::Listing;

/// The schema of the output. Where no click has a user, the prior clicks of users are null.
pub(crate) fn schema(job: &Job, types: FeatureTypes, has_users: bool) -> Schema {
    let instant = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
    let mut fields = vec![
        id_field("impression_id", types.impression),
        id_field("user_id", types.user),
        id_field("listing_id", types.listing),
        Field::new("impression_ts", instant, false),
        Field::new("category", DataType::Utf8, true),
        Field::new("price", DataType::Float64, true),
        Field::new("listing_age_days", DataType::Int32, true),
    ];
    for name in ["prior_listing_clicks", "prior_user_clicks"] {
        let windows = job
            .features()
            .windows
            .iter()
            .map(|(window, _)| format!("{name}_{window}"));
        let names = std::iter::once(name.to_owned()).chain(windows);
        let nullable = name == "prior_user_clicks" && !has_users;
        fields.extend(names.map(|name| Field::new(name, DataType::Int64, nullable)));
    }
    fields.push(Field::new("clicked", DataType::Int8, false));
    fields.push(Field::new("label_complete", DataType::Boolean, false));
    fields.extend(job.features().keep.iter().map(|kept| {
        let column = &kept.column;
        Field::new(&column.name, passthrough_type(column.holds()), true)
    }));
    Schema::new(fields)
}

/// Makes row groups.
pub(super) struct RowMaker<'a> {
    pub(super) job: &'a Job,
    pub(super) read: &'a FeaturesRead,
    pub(super) results: &'a FeatureResults,
    /// The categories of listings, by code.
    pub(super) categories: StringViewArray,
    /// Up to when clicks are complete; nothing if there are none.
    pub(super) data_end: Option<Micros>,
}

impl RowMaker<'_> {
    /// Encodes some impressions of a day, in order, and counts their values.
    pub(super) fn encode(
        &self,
        encoder: &TableEncoder,
        day: Day,
        rows: &[TimedRow],
    ) -> Result<(RowGroup, FeatureCounts)> {
        let shown = &self.read.shown;
        let at = || rows.iter().map(|row| index(row.row));
        let instants = rows.iter().map(|row| row.time.0);
        let instants = TimestampMicrosecondArray::from_iter_values(instants);
        let mut stats = FeatureCounts::default();
        let mut columns: Vec<ArrayRef> = vec![
            self.impression_ids(rows),
            ids_array(&self.read.users, at().map(|row| shown.users[row])),
            ids_array(&self.read.listing_ids, at().map(|row| shown.listings[row])),
            Arc::new(instants.with_timezone("UTC")),
        ];
        columns.extend(self.attributes(day, rows, &mut stats));
        let windows = self.job.features().windows.len() + 1;
        for window in 0..windows * 2 {
            let counts = rows
                .iter()
                .map(|row| i64::from(self.results.count(row.row, window)));
            // Null and not 0: where no click has a user, nobody knows what a user clicked.
            columns.push(if window < windows || self.read.has_users() {
                Arc::new(Int64Array::from_iter_values(counts))
            } else {
                Arc::new(Int64Array::new_null(rows.len()))
            });
        }
        let clicked = rows.iter().map(|row| self.results.clicked(row.row));
        let complete = rows.iter().map(|row| {
            let end = row
                .time
                .0
                .saturating_add(self.job.features().label_window_us);
            self.data_end
                .is_some_and(|data_end| Micros(end) <= data_end)
        });
        let complete: BooleanArray = complete.map(Some).collect();
        for (clicked, complete) in clicked.clone().zip(complete.values()) {
            stats.rows += 1;
            stats.clicked += u64::from(clicked);
            stats.clicked_complete += u64::from(clicked && complete);
        }
        let of_listing = (&mut stats.prior_listing_clicks, 0);
        let of_user = (&mut stats.prior_user_clicks, windows);
        for (prior, all_time) in [of_listing, of_user] {
            if all_time < windows || self.read.has_users() {
                rows.iter()
                    .for_each(|row| prior.add(self.results.count(row.row, all_time)));
            }
        }
        stats.incomplete = stats.rows - u64::try_from(complete.true_count()).unwrap_or(0);
        columns.push(Arc::new(Int8Array::from_iter_values(clicked.map(i8::from))));
        columns.push(Arc::new(complete));
        columns.extend(self.kept(rows));
        Ok((encoder.encode(&columns)?, stats))
    }

    /// The kept columns of some impressions and their listings.
    fn kept(&self, rows: &[TimedRow]) -> Vec<ArrayRef> {
        let (shown, listings) = (&self.read.shown, &self.read.listings);
        let (mut of_impressions, mut of_listings) = (0.., 0..);
        let keep = self.job.features().keep.iter();
        let columns = keep.map(|kept| {
            let kind = kept.column.holds();
            if kept.of_listings {
                let column = of_listings.next().expect("numbers do not end");
                let value = |row: &TimedRow| {
                    let rank = shown.listings[index(row.row)];
                    listings.kept(column, rank, row.time)
                };
                return array_of(kind, rows.iter().map(value));
            }
            let column: usize = of_impressions.next().expect("numbers do not end");
            let values = &shown.kept[column];
            array_of(kind, rows.iter().map(|row| &values[index(row.row)]))
        });
        columns.collect()
    }

    /// The ids of some impressions.
    fn impression_ids(&self, rows: &[TimedRow]) -> ArrayRef {
        let at = rows.iter().map(|row| index(row.row));
        match &self.read.shown.ids {
            Ids::Ints(ids) => Arc::new(Int64Array::from_iter_values(at.map(|row| ids[row]))),
            Ids::Texts(ids) => {
                let mut texts = StringBuilder::new();
                at.for_each(|row| texts.append_value(ids.get(row)));
                Arc::new(texts.finish())
            }
        }
    }

    /// The attributes of the listings of some impressions: category, price, age.
    fn attributes(&self, day: Day, rows: &[TimedRow], stats: &mut FeatureCounts) -> [ArrayRef; 3] {
        let (shown, listings) = (&self.read.shown, &self.read.listings);
        let mut categories = Vec::with_capacity(rows.len());
        let mut prices = Float64Builder::with_capacity(rows.len());
        let mut ages = Vec::with_capacity(rows.len());
        for row in rows {
            let listing: Option<Listing> = listings.get(shown.listings[index(row.row)], row.time);
            let category = listing.and_then(|listing| listing.category);
            let price = listing.and_then(|listing| listing.price);
            stats.null_categories += u64::from(category.is_none());
            stats.null_prices += u64::from(price.is_none());
            categories.push(category);
            prices.append_option(price);
            let created = listing.and_then(|listing| listing.created);
            let age = created.map(|created| day.0.saturating_sub(created.0));
            stats.null_ages += u64::from(age.is_none());
            stats.unknown_listings += u64::from(listing.is_none());
            stats.negative_ages += u64::from(age.is_some_and(|age| age < 0));
            ages.push(age);
        }
        [
            take(&self.categories, &UInt32Array::from(categories), None)
                .expect("codes are of these"),
            Arc::new(prices.finish()),
            Arc::new(Int32Array::from(ages)),
        ]
    }
}
