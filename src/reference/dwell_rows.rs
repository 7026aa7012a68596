//! What the reference for `dwell` takes and gives: events, rules, and rows of each table.

use super::LogTime;

/// A row of events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogEvent {
    /// When it happened.
    pub time: LogTime,
    /// The offset that the time is written with, minutes east of UTC.
    pub east_minutes: Option<i64>,
    /// The user id.
    pub user: String,
    /// The name of the event.
    pub event: String,
    /// The flyer id.
    pub flyer: Option<String>,
    /// The merchant id.
    pub merchant: Option<String>,
}

/// The settings that decide about rows.
#[expect(clippy::struct_excessive_bools, reason = "each is a setting")]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DwellRules {
    /// Time is summed between events; otherwise it is the span from the first to the last.
    pub is_session: bool,
    /// Spans are divided by the number of flyers; otherwise by that of events.
    pub by_flyers: bool,
    /// The longest gap within a session, µs.
    pub idle_us: i64,
    /// The zone of times without an offset.
    pub timezone: String,
    /// Ids are compared as integers.
    pub int_ids: bool,
    /// Of events equal in all columns, one counts.
    pub once: bool,
    /// The names of events that open something.
    pub opens: Vec<String>,
    /// The names of events that close a flyer.
    pub closes: Vec<String>,
    /// The names of events that are passed over.
    pub ignores: Vec<String>,
}

/// A row of the table of users.
#[derive(Clone, Debug, PartialEq)]
pub struct UserRow {
    /// The user id.
    pub user: String,
    /// The merchant id.
    pub merchant: String,
    /// Days since 1970-01-01.
    pub day: i32,
    /// Seconds per flyer or per event.
    pub avg_seconds: f64,
    /// The number of distinct flyers.
    pub flyers: usize,
    /// The number of events.
    pub events: usize,
}

/// A row of the table of merchants.
#[derive(Clone, Debug, PartialEq)]
pub struct MerchantRow {
    /// The merchant id.
    pub merchant: String,
    /// Days since 1970-01-01.
    pub day: i32,
    /// The number of users.
    pub users: usize,
    /// The mean over users.
    pub avg_seconds: f64,
    /// The median over users.
    pub p50_seconds: f64,
    /// The 95th percentile over users.
    pub p95_seconds: f64,
}

/// A row of the table of users by day.
#[derive(Clone, Debug, PartialEq)]
pub struct UserDayRow {
    /// The user id.
    pub user: String,
    /// Days since 1970-01-01.
    pub day: i32,
    /// Seconds per flyer or per event.
    pub avg_seconds: f64,
    /// The number of distinct flyers.
    pub flyers: usize,
    /// The number of events.
    pub events: usize,
}

/// A row of the table of flyers.
#[derive(Clone, Debug, PartialEq)]
pub struct FlyerRow {
    /// The flyer id.
    pub flyer: String,
    /// Days since 1970-01-01.
    pub day: i32,
    /// The number of users.
    pub users: usize,
    /// The mean over users.
    pub avg_seconds: f64,
    /// The median over users.
    pub p50_seconds: f64,
    /// The 95th percentile over users.
    pub p95_seconds: f64,
}
