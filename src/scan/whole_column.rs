//! Whether a fault is one of a row, or of a whole column: what a message may advise.
//!
//! **In / Out**: the place of a fault → whether no row of its file is right in that column. **Cost**: the
//! column is read until a row is right, which is soon where some are; only where a run fails anyway.

use crate::calendar::parse_dt;
use crate::context::RunContext;
use crate::ids::index;
use crate::job::{CustomerType, ItemType, JobKind};
use crate::scan::bad_rows::{BadRowPolicy, RowAt};
use crate::scan::spec::ReadSpec;
use crate::scan::{Opened, seen_enough};

use crate::scan::table::{Batch, ColumnType, Presence, TableColumn, TableScan, TableState};
use crate::scan::text::times::parse;

/// Whether no row of a file is right in a column, as far as a table can tell.
pub(crate) fn is_whole_column(spec: &ReadSpec<'_>, at: RowAt<'_>) -> bool {
    let Some((kind, right)) = kind_of(spec, at) else {
        return false;
    };
    let column = TableColumn {
        name: at.column,
        kind,
        presence: Presence::Required,
    };
    let (policy, context) = (BadRowPolicy::ignoring(), RunContext::default());
    let scan = TableScan::new(spec, &policy, &context, vec![column]);
    let Ok(opened) = Opened::open(spec, at.file) else {
        return false;
    };
    let mut is_some_right = false;
    for task in opened.tasks() {
        let read = scan.read(&task, &mut TableState::default(), &mut |batch| {
            is_some_right = is_right(batch, right, spec.item_type);
            // A right row is all that is looked for.
            match is_some_right {
                true => Err(seen_enough()),
                false => Ok(()),
            }
        });
        if is_some_right || read.is_err() {
            return false;
        }
    }
    true
}

/// What a value must be beside of its kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Right {
    /// Nothing else.
    Any,
    /// The id of an item.
    Item,
    /// A day, or a time.
    Day,
}

/// Whether a batch has a row that is right.
fn is_right(batch: &Batch<'_>, right: Right, items: ItemType) -> bool {
    let most = match items {
        ItemType::Int32 => i64::from(i32::MAX),
        ItemType::Int64 => i64::MAX,
    };
    let cells = &batch.cells[0];
    let is_day = |text: &[u8]| {
        let text = String::from_utf8_lossy(text);
        parse_dt(&text).is_some() || parse(text.as_bytes()).is_some()
    };
    batch.rows.iter().any(|row| match right {
        Right::Any => true,
        Right::Item => (1..=most).contains(&cells.ints()[index(*row)]),
        Right::Day => is_day(cells.texts().get(*row)),
    })
}

/// What a column holds; nothing of columns that are read in other ways.
fn kind_of(spec: &ReadSpec<'_>, at: RowAt<'_>) -> Option<(ColumnType, Right)> {
    let source = at.file.source;
    let ours = source.columns(spec.job_kind);
    let ours = ours
        .iter()
        .find(|ours| spec.column(source, ours) == at.column)?;
    let ids = match (spec.customer_type, spec.job_kind) {
        (Some(of), _) => of,
        (None, JobKind::Dwell) => CustomerType::String,
        (None, _) => CustomerType::Int64,
    };
    match *ours {
        "customer_id" | "user_id" | "listing_id" | "flyer_id" | "merchant_id" | "impression_id" => {
            Some((ColumnType::of_ids(ids), Right::Any))
        }
        "item_id" | "config_id" if !spec.has_item_codes => Some((ColumnType::IntId, Right::Item)),
        "price" => Some((ColumnType::Float, Right::Any)),
        "dt" => Some((ColumnType::TextId, Right::Day)),
        "click_time" | "occurred_at" | "order_date" | "time" | "impression_time" | "timestamp"
        | "impression_ts" | "click_ts" | "created_ts" => Some((ColumnType::Time, Right::Any)),
        _ => None,
    }
}
