//! Whether a mismatch affects one row or a whole column, which changes the hint of its message.
//!
//! **In / Out**: the row and column of a mismatch → whether no row of the file is right in that column, or, of a row
//! that is at fault as a whole, whether all are.
//! **Cost**: the column is read up to the first right row, and only where the run fails anyway.

use crate::calendar::parse_dt;
use crate::context::RunContext;
use crate::ids::index;
use crate::job::{CustomerType, ItemType, JobKind, PassthroughType};
use crate::scan::bad_rows::{BadRowPolicy, RowAt};
use crate::scan::spec::ReadSpec;
use crate::scan::table::{Batch, ColumnType, Presence, TableColumn, TableScan, TableState};
use crate::scan::text::field::Clock;
use crate::scan::{Opened, seen_enough};

/// Whether no row of a file is right in a column; false for columns that only other readers can check.
pub(crate) fn is_whole_column(spec: &ReadSpec<'_>, at: RowAt<'_>) -> bool {
    // What is right in the file that a share was dealt from may be in others.
    if at.file.share.is_some() {
        return false;
    }
    // Of a row as a whole, any column will do that a file may lack.
    let of_row = Some((ColumnType::Kept(PassthroughType::Text), Condition::None));
    let (kind, presence) = match at.column {
        "" => (of_row, Presence::Optional),
        _ => (kind_of(spec, at), Presence::Required),
    };
    let Some((kind, condition)) = kind else {
        return false;
    };
    let spec = &spec.of_source(at.file.source);
    let column = TableColumn {
        name: at.column,
        kind,
        presence,
    };
    // Its own, so that nothing of this read is counted or reported.
    let (policy, context) = (BadRowPolicy::ignoring(), RunContext::default());
    let scan = TableScan::new(spec, &policy, &context, vec![column]);
    let Ok(opened) = Opened::open(spec, at.file) else {
        return false;
    };
    let mut is_some_right = false;
    for task in opened.tasks() {
        let read = scan.read(&task, &mut TableState::default(), &mut |batch| {
            is_some_right = has_right_row(batch, condition, spec);
            if is_some_right {
                return Err(seen_enough());
            }
            Ok(())
        });
        // A file that cannot be read to its end proves nothing.
        if is_some_right || read.is_err() {
            return false;
        }
    }
    true
}

/// What a value must satisfy besides its type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Condition {
    None,
    /// It is in the range of item ids.
    Item,
    /// It is a day or a time.
    Day,
}

/// Whether a batch has a row that is right.
fn has_right_row(batch: &Batch<'_>, condition: Condition, spec: &ReadSpec<'_>) -> bool {
    let item_max = match spec.item_type {
        ItemType::Int32 => i64::from(i32::MAX),
        ItemType::Int64 => i64::MAX,
    };
    let cells = &batch.cells[0];
    let clock = Clock::new(spec);
    let is_day = |text: &[u8]| {
        let text = String::from_utf8_lossy(text);
        parse_dt(&text).is_some() || clock.spelled(&text).is_some()
    };
    batch.rows.iter().any(|row| match condition {
        Condition::None => true,
        Condition::Item => (1..=item_max).contains(&cells.ints()[index(*row)]),
        Condition::Day => is_day(cells.texts().get(*row)),
    })
}

/// The type of a column and the condition on its values; `None` if a table cannot check it.
fn kind_of(spec: &ReadSpec<'_>, at: RowAt<'_>) -> Option<(ColumnType, Condition)> {
    let source = at.file.source;
    let ours = source.columns(spec.job_kind);
    let ours = ours
        .iter()
        .find(|ours| spec.column(source, ours) == at.column)?;
    let ids = match (spec.customer_type, spec.job_kind) {
        (Some(customers), _) => customers,
        (None, JobKind::Dwell) => CustomerType::String,
        (None, _) => CustomerType::Int64,
    };
    match *ours {
        "customer_id" | "user_id" | "listing_id" | "flyer_id" | "merchant_id" | "impression_id" => {
            Some((ColumnType::of_ids(ids), Condition::None))
        }
        "item_id" | "config_id" if !spec.has_item_codes => {
            Some((ColumnType::IntId, Condition::Item))
        }
        "price" => Some((ColumnType::Float, Condition::None)),
        "dt" => Some((ColumnType::TextId, Condition::Day)),
        "click_time" | "occurred_at" | "order_date" | "time" | "impression_time" | "timestamp"
        | "impression_ts" | "click_ts" | "created_ts" => Some((ColumnType::Time, Condition::None)),
        _ => None,
    }
}
