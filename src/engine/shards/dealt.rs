//! Whether the rows of a shard are its own, where somebody else has dealt them.
//!
//! **Cost**: the column of customers is read once more; only with `--shard-holds own`, and not if a bucket's
//! manifest vouches for the rows.

use crate::context::RunContext;
use crate::engine::specs::read_spec;
use crate::engine::unused::read_again;
use crate::error::{Error, Result};
use crate::ids::{Item, count32};
use crate::job::{CustomerType, Job, Shard, Source};
use crate::kernel::column::{Customer, Impressions};
use crate::kernel::hash::hash_of;
use crate::scan::Opened;
use crate::scan::actions::ActionNames;
use crate::scan::table::ColumnType;

/// Checks that impressions are of the shard, unless its inputs hold those of all.
///
/// # Errors
/// If one is not, naming its customer.
pub(in crate::engine) fn check_impressions<I: Item>(
    job: &Job,
    rows: &Impressions<I>,
) -> Result<()> {
    let Some(shard) = job.dealt_shard() else {
        return Ok(());
    };
    for row in 0..count32(rows.count()) {
        match rows.customer(row) {
            Customer::Guest if shard.number == 0 => {}
            Customer::Guest => {
                let what = format!(
                    "an impression without a customer is of shard 0, and this is shard {}",
                    shard.number
                );
                return Err(Error::bad_file(Source::Impressions.name(), what));
            }
            customer if shard.has(hash_of(customer)) => {}
            customer @ Customer::Int(id) => {
                let (name, hash) = (id.to_string(), hash_of(customer));
                return Err(foreign(Source::Impressions, &name, hash, shard));
            }
            customer @ Customer::Text(id) => {
                let (name, hash) = (format!("\"{id}\""), hash_of(customer));
                return Err(foreign(Source::Impressions, &name, hash, shard));
            }
        }
    }
    Ok(())
}

/// Checks that actions are of the shard, unless its inputs hold those of all.
///
/// # Errors
/// If one is not, naming its customer, or if a file cannot be read.
pub(in crate::engine) fn check_actions(
    job: &Job,
    context: &RunContext,
    opened: &[Opened],
    customers: CustomerType,
) -> Result<()> {
    let spec = read_spec(job);
    for action in &job.sequences().actions {
        let (source, files) = (action.source, opened.iter());
        let files = files.filter(|file| file.file().source == action.source);
        let column = ActionNames::new(&spec, source).customer;
        check_column(job, context, files, (source, column, customers))?;
    }
    Ok(())
}

/// Checks that events are of the shard, unless its inputs hold those of all.
///
/// # Errors
/// If one is not, naming its user, or if a file cannot be read.
pub(in crate::engine) fn check_events(
    job: &Job,
    context: &RunContext,
    opened: &[Opened],
    users: CustomerType,
) -> Result<()> {
    let column = job.column(Source::Events, "user_id");
    check_column(job, context, opened.iter(), (Source::Events, column, users))
}

/// Checks that the ids of a column are of the shard, unless its inputs hold those of all.
fn check_column<'f>(
    job: &Job,
    context: &RunContext,
    files: impl Iterator<Item = &'f Opened>,
    (source, column, ids): (Source, &str, CustomerType),
) -> Result<()> {
    let is_vouched = job.share().is_some_and(|share| share.is_vouched);
    let Some(shard) = job.dealt_shard().filter(|_| !is_vouched) else {
        return Ok(());
    };
    let columns = [(column, ColumnType::of_ids(ids))];
    let never = |_: &Option<(String, u64)>| false;
    let found = read_again(job, context, files, &columns, never, |found, batch| {
        let cells = &batch.cells[0];
        for row in batch.rows.iter().filter(|row| !cells.is_null(**row)) {
            let hash = cells.hash_of_id(*row);
            if !shard.has(hash) {
                // The least of all, so that the message does not depend on threads.
                let next = Some((cells.id_text(*row), hash));
                *found = found.take().into_iter().chain(next).min();
            }
        }
    })?;
    match found.into_iter().flatten().min() {
        Some((id, hash)) => Err(foreign(source, &id, hash, shard)),
        None => Ok(()),
    }
}

/// The error about a row of another shard.
fn foreign(source: Source, id: &str, hash: u64, shard: Shard) -> Error {
    let (number, count) = (shard.number, shard.count);
    let owner = Shard::of_hash(hash, count);
    let who = match source {
        Source::Events => "user",
        _ => "customer",
    };
    let what = format!(
        "{who} {id} is of shard {owner} of {count}, and this is shard {number}: the rows were dealt by \
         another hash. A shard is ((xxhash64({who}) >>> 32) * {count}) >>> 32, of integers as 64 bits \
         and of texts as UTF-8, with seed 42; --shard-holds all takes rows of all shards"
    );
    Error::bad_file(source.name(), what)
}
