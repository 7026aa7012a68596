//! Answered impressions to columns: the schema of `features`, and its row groups.

use std::sync::Arc;

use arrow::array::builder::{Float64Builder, StringBuilder};
use arrow::array::{
    ArrayRef, BooleanArray, Int8Array, Int32Array, Int64Array, TimestampMicrosecondArray,
};
use arrow::datatypes::{DataType, Field, Schema, TimeUnit};

use super::{Asked, FeaturesRead};
use crate::dictionary::Ids;
use crate::encode::{RowGroup, TableEncoder};
use crate::error::Result;
use crate::ids::{Day, Micros, index};
use crate::job::Job;
use crate::metrics::FeatureCounts;
use crate::output::columns::{id_field, ids_array};
use crate::output::features::sorted_partitions::FeatureResults;
use crate::scan::features::FeatureTypes;
use crate::scan::features::listings::Listing;

/// The schema of the output: SPEC's columns, in its order. Where clicks have no users, nobody can
/// count those of a user.
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
    Schema::new(fields)
}

/// What a row group is made of.
pub(super) struct RowMaker<'a> {
    pub(super) job: &'a Job,
    pub(super) read: &'a FeaturesRead,
    pub(super) answers: &'a FeatureResults,
    /// Up to when clicks are complete; nothing if there are none.
    pub(super) data_end: Option<Micros>,
}

impl RowMaker<'_> {
    /// Encodes some impressions of a day, in order, and counts what they hold.
    pub(super) fn encode(
        &self,
        encoder: &TableEncoder,
        day: Day,
        rows: &[Asked],
    ) -> Result<(RowGroup, FeatureCounts)> {
        let shown = &self.read.shown;
        let at = || rows.iter().map(|(_, row)| index(*row));
        let instants = TimestampMicrosecondArray::from_iter_values(rows.iter().map(|row| row.0.0));
        let mut tally = FeatureCounts::default();
        let mut columns: Vec<ArrayRef> = vec![
            self.impression_ids(rows),
            ids_array(&self.read.users, at().map(|row| shown.users[row])),
            ids_array(&self.read.listing_ids, at().map(|row| shown.listings[row])),
            Arc::new(instants.with_timezone("UTC")),
        ];
        columns.extend(self.attributes(day, rows, &mut tally));
        let windows = self.job.features().windows.len() + 1;
        for place in 0..windows * 2 {
            let counts = rows
                .iter()
                .map(|(_, row)| i64::from(self.answers.count(*row, place)));
            columns.push(if place < windows || self.read.has_users() {
                Arc::new(Int64Array::from_iter_values(counts))
            } else {
                Arc::new(Int64Array::new_null(rows.len()))
            });
        }
        let clicked = rows.iter().map(|(_, row)| self.answers.clicked(*row));
        let complete = rows.iter().map(|(time, _)| {
            let end = time.0.saturating_add(self.job.features().label_window_us);
            self.data_end
                .is_some_and(|data_end| Micros(end) <= data_end)
        });
        let complete: BooleanArray = complete.map(Some).collect();
        for (clicked, complete) in clicked.clone().zip(complete.values()) {
            tally.rows += 1;
            tally.clicked += u64::from(clicked);
            tally.clicked_complete += u64::from(clicked && complete);
        }
        let of_listing = (&mut tally.prior_listing_clicks, 0);
        let of_user = (&mut tally.prior_user_clicks, windows);
        for (prior, place) in [of_listing, of_user] {
            if place < windows || self.read.has_users() {
                rows.iter()
                    .for_each(|(_, row)| prior.add(self.answers.count(*row, place)));
            }
        }
        tally.incomplete = tally.rows - u64::try_from(complete.true_count()).unwrap_or(0);
        columns.push(Arc::new(Int8Array::from_iter_values(clicked.map(i8::from))));
        columns.push(Arc::new(complete));
        Ok((encoder.encode(&columns)?, tally))
    }

    /// The ids of some impressions.
    fn impression_ids(&self, rows: &[Asked]) -> ArrayRef {
        let at = rows.iter().map(|(_, row)| index(*row));
        match &self.read.shown.ids {
            Ids::Ints(ids) => Arc::new(Int64Array::from_iter_values(at.map(|row| ids[row]))),
            Ids::Texts(ids) => {
                let mut texts = StringBuilder::new();
                at.for_each(|row| texts.append_value(ids.get(row)));
                Arc::new(texts.finish())
            }
        }
    }

    /// What is known of the listings of some impressions: category, price, age.
    fn attributes(&self, day: Day, rows: &[Asked], tally: &mut FeatureCounts) -> [ArrayRef; 3] {
        let (shown, listings) = (&self.read.shown, &self.read.listings);
        let mut categories = StringBuilder::new();
        let mut prices = Float64Builder::with_capacity(rows.len());
        let mut ages = Vec::with_capacity(rows.len());
        for (_, row) in rows {
            let listing: Option<Listing> = listings.get(shown.listings[index(*row)]);
            let category = listing.and_then(|of| listings.category(of));
            let price = listing.and_then(|of| of.price);
            tally.null_categories += u64::from(category.is_none());
            tally.null_prices += u64::from(price.is_none());
            categories.append_option(category);
            prices.append_option(price);
            let created = listing.and_then(|of| of.created);
            let age = created.map(|created| day.0.saturating_sub(created.0));
            tally.null_ages += u64::from(age.is_none());
            tally.unknown_listings += u64::from(listing.is_none());
            tally.negative_ages += u64::from(age.is_some_and(|age| age < 0));
            ages.push(age);
        }
        [
            Arc::new(categories.finish()),
            Arc::new(prices.finish()),
            Arc::new(Int32Array::from(ages)),
        ]
    }
}
