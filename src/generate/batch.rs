//! The rows of a file of `sequences`, a batch at a time.
//!
//! **In / Out**: a [`DayFile`] to make, a run of its rows and its random numbers → a [`RowBatch`].
//! **Invariants**: a batch depends on the file and on the batches before it, on nothing else.
//! **Cost**: two or three random numbers a row; a batch fits in the second-level cache.

use std::ops::Range;

use super::population::Population;
use super::random::{Random, below, happens};
use super::table::{LogColumn, NamedColumns, wall_text};
use crate::calendar::{DAY_US, date_text};
use crate::ids::{Day, offset32};
use crate::job::{Format, Source};

/// Seconds of a day.
const DAY_SECONDS: u32 = 86_400;
/// One in so many actions is the bot's.
const BOT_EVERY: u64 = 200;
/// On edge days, one in so many actions happens at the very start of the day.
const EDGE_EVERY: u64 = 20;
/// The fewest items of an impression.
const ITEMS_MIN: u32 = 5;
/// The most items of an impression.
const ITEMS_MAX: u32 = 15;
/// How many in a thousand items of impressions are ordered.
const ORDERED_PER_MILLE: u32 = 20;

/// A file to make.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct DayFile {
    pub(super) source: Source,
    /// The day of all its rows.
    pub(super) day: Day,
    pub(super) rows: u64,
    /// Rows of the same source on earlier days.
    pub(super) rows_before: u64,
    /// Whether some of its actions happen at the very start of the day.
    pub(super) is_edge: bool,
}

/// Some rows of a file, column by column.
#[derive(Debug, Default)]
pub(super) struct RowBatch {
    /// The number of the first row, among all of the source.
    pub(super) row_start: u64,
    /// The customer of each row.
    pub(super) customers: Vec<i64>,
    /// The time of each action, in seconds since the start of the day; none for impressions.
    pub(super) seconds: Vec<u32>,
    /// The item of each action, or the items of each impression.
    pub(super) items: Vec<i32>,
    /// Whether each item of impressions was ordered.
    pub(super) labels: Vec<bool>,
    /// Where the items of each impression start, and where the last ones end.
    pub(super) item_starts: Vec<i32>,
}

impl RowBatch {
    /// The rows of a file with numbers in `rows`, counted from 0.
    pub(super) fn new(
        file: &DayFile,
        rows: Range<u64>,
        population: &Population,
        random: &mut Random,
    ) -> RowBatch {
        let row_start = file.rows_before + rows.start;
        let filled = match file.source {
            Source::Impressions => impressions(rows, population, random),
            _ => actions(file, rows, population, random),
        };
        RowBatch {
            row_start,
            ..filled
        }
    }

    /// The columns of a file, with the types that the logs of a warehouse have. Times are wall time
    /// without offset.
    pub(super) fn columns(self, file: &DayFile, format: Format) -> NamedColumns {
        let rows = self.customers.len();
        let customers = ("customer_id", LogColumn::Ints(self.customers));
        if file.source == Source::Impressions {
            // Unique over all days.
            let rankings = (self.row_start..).map(|row| format!("r{row:09}"));
            let items = LogColumn::ImpressionItems {
                starts: self.item_starts,
                items: self.items,
                labels: self.labels,
            };
            return vec![
                (
                    "ranking_id",
                    LogColumn::Texts(rankings.take(rows).collect()),
                ),
                customers,
                ("impressions", items),
            ];
        }
        let (day, seconds) = (date_text(file.day), self.seconds.into_iter());
        let times = match format {
            Format::Parquet => {
                let start = i64::from(file.day.0) * DAY_US;
                LogColumn::Walls(
                    seconds
                        .map(|second| start + i64::from(second) * 1_000_000)
                        .collect(),
                )
            }
            _ => LogColumn::Texts(seconds.map(|second| wall_text(&day, second)).collect()),
        };
        if file.source == Source::Clicks {
            let items = ("item_id", LogColumn::Shorts(self.items));
            return vec![customers, items, ("click_time", times)];
        }
        // Jobs ignore this column; it is there because real logs have it, so its values may wrap.
        let simples = self.items.iter().map(|item| item.wrapping_mul(3)).collect();
        let mut columns = vec![
            customers,
            ("config_id", LogColumn::Shorts(self.items)),
            ("simple_id", LogColumn::Shorts(simples)),
            ("occurred_at", times),
        ];
        if file.source == Source::Orders {
            columns.insert(0, ("order_date", LogColumn::Dates(vec![file.day; rows])));
        }
        columns
    }
}

/// Actions: at any second of the day, so that some are at the same time.
fn actions(
    file: &DayFile,
    rows: Range<u64>,
    population: &Population,
    random: &mut Random,
) -> RowBatch {
    let edge_rows = if file.is_edge {
        (file.rows / EDGE_EVERY).max(1)
    } else {
        0
    };
    let mut batch = RowBatch::default();
    for row in rows {
        // Every row takes the same draws, also where the bot or the edge replaces them: neither
        // then changes the rows behind it.
        let drawn = population.customer(random.next());
        // By its number among all rows of the source, so that small files have their share too.
        let is_bot = (file.rows_before + row) % BOT_EVERY == BOT_EVERY - 1;
        let customer = if is_bot { population.bot() } else { drawn };
        let second = below(DAY_SECONDS, random.halves().0);
        let is_edge = row + edge_rows >= file.rows;
        batch.customers.push(customer);
        batch.seconds.push(if is_edge { 0 } else { second });
        batch
            .items
            .push(population.item_for(customer, random.next()));
    }
    batch
}

/// Impressions: of some popular items, to active customers.
fn impressions(rows: Range<u64>, population: &Population, random: &mut Random) -> RowBatch {
    let mut batch = RowBatch {
        item_starts: vec![0],
        ..RowBatch::default()
    };
    for _ in rows {
        batch.customers.push(population.customer(random.next()));
        let items = ITEMS_MIN + below(ITEMS_MAX - ITEMS_MIN + 1, random.halves().0);
        for _ in 0..items {
            let (which, label) = random.halves();
            batch.items.push(population.item(which));
            batch.labels.push(happens(ORDERED_PER_MILLE, label));
        }
        batch.item_starts.push(offset32(batch.items.len()));
    }
    batch
}
