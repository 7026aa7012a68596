//! Whether a fault is one of a row, or of a whole column: what a message may advise.
//!
//! **In / Out**: the place of a fault → whether no row of its file is right in that column. **Cost**: the
//! column is read until a row is right, which is soon where some are; only where a run fails anyway.

use crate::control::Control;
use crate::error::{Error, ErrorKind};
use crate::ids::index;
use crate::job::{CustomerType, ItemType, Job, Question};
use crate::scan::Opened;
use crate::scan::faults::{Policy, RowAt};
use crate::scan::table::{Batch, Kind, Presence, TableColumn, TableScan, TableState};

/// Whether no row of a file is right in a column, as far as a table can tell.
pub(super) fn is_whole_column(job: &Job, at: RowAt<'_>) -> bool {
    let Some((kind, least)) = kind_of(job, at) else {
        return false;
    };
    let column = TableColumn {
        name: at.column,
        kind,
        presence: Presence::Required,
    };
    let (policy, control) = (Policy::ignoring(), Control::default());
    let scan = TableScan::new(job, &policy, &control, vec![column]);
    let Ok(opened) = Opened::open(job, at.file) else {
        return false;
    };
    let mut is_some_right = false;
    for task in opened.tasks() {
        let read = scan.read(&task, &mut TableState::default(), &mut |batch| {
            is_some_right = is_right(batch, (kind, least), job);
            // A right row is all that is looked for.
            match is_some_right {
                true => Err(Error::from(ErrorKind::Interrupted { signal: 0 })),
                false => Ok(()),
            }
        });
        if is_some_right || read.is_err() {
            return false;
        }
    }
    true
}

/// Whether a batch has a row that is right.
fn is_right(batch: &Batch<'_>, (kind, least): (Kind, i64), job: &Job) -> bool {
    let most = match job.item_type {
        ItemType::Int32 => i64::from(i32::MAX),
        ItemType::Int64 => i64::MAX,
    };
    batch.rows.iter().any(|row| {
        let id = || batch.cells[0].ints()[index(*row)];
        kind != Kind::IntId || least == i64::MIN || (least..=most).contains(&id())
    })
}

/// What a column holds, and the least of its integers; nothing of columns that are read in other ways.
fn kind_of(job: &Job, at: RowAt<'_>) -> Option<(Kind, i64)> {
    let source = at.file.source;
    let ours = source.columns(job.question);
    let ours = ours
        .iter()
        .find(|ours| job.column(source, ours) == at.column)?;
    let ids = match (job.customer_type, job.question) {
        (Some(of), _) => of,
        (None, Question::Dwell) => CustomerType::String,
        (None, _) => CustomerType::Int64,
    };
    match *ours {
        "customer_id" | "user_id" | "listing_id" | "flyer_id" | "merchant_id" | "impression_id" => {
            Some((Kind::of_ids(ids), i64::MIN))
        }
        "item_id" | "config_id" if job.item_vocabulary.is_none() => Some((Kind::IntId, 1)),
        "price" => Some((Kind::Float, i64::MIN)),
        "click_time" | "occurred_at" | "order_date" | "time" | "impression_time" | "timestamp"
        | "impression_ts" | "click_ts" | "created_ts" => Some((Kind::Time, i64::MIN)),
        _ => None,
    }
}
