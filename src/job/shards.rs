//! Checks of a shard, and of how rows are cut into parts.

use super::{Sequences, Settings};
use crate::error::{Error, Result};
use crate::options::{JobKind, Publish, Shard, ShardHolds, UnknownItem};

/// Checks the options of a shard: what is decided once for all of them is for `finalize`.
pub(super) fn check_shard(settings: &Settings) -> Result<()> {
    let own = settings.sequences();
    let with = [
        (
            matches!(settings.publish, Publish::AddDays(_)),
            "--add-days",
        ),
        (!settings.fail_if.is_empty(), "--fail-if"),
    ];
    if let Some((_, flag)) = with.iter().find(|(is_given, _)| *is_given) {
        let what = format!(
            "{flag} is about the whole set; leave it out here and give it to `hitherto finalize`"
        );
        return Err(Error::settings(what));
    }
    if settings.shard_holds == ShardHolds::Own
        && let Some(why) = needs_all_rows(settings.kind())
    {
        return Err(Error::settings(format!(
            "each shard of {} reads all rows, as {why}; leave out --shard-holds own",
            settings.kind().name()
        )));
    }
    // Codes must not depend on the items that a shard happens to have.
    let is_fixed = own.unknown_item == UnknownItem::Drop;
    if own.item_vocabulary.is_some() && !is_fixed {
        return Err(Error::settings(
            "all shards must give an item the same code; --shard takes --item-vocabulary FILE with \
             --unknown-item drop",
        ));
    }
    if settings.shard_holds == ShardHolds::Own && settings.last_days.is_some() {
        return Err(Error::settings(
            "--last-days counts from the newest day of all rows, which a shard with its own rows does not know; \
             name the days with --from",
        ));
    }
    if own.shards.is_some() {
        return Err(Error::settings(
            "--shard I/N says how many shards there are; leave out --shards",
        ));
    }
    Ok(())
}

/// Why each shard of a job kind needs the rows of all, if it does.
fn needs_all_rows(job_kind: JobKind) -> Option<&'static str> {
    match job_kind {
        JobKind::Features => Some(
            "the clicks on a listing are needed by the shards of all users to whom it was shown",
        ),
        JobKind::Sequences | JobKind::Dwell => None,
    }
}

/// Checks how rows are cut into parts.
pub(super) fn check_parts(own: &Sequences) -> Result<()> {
    if own.part_rows_max == 0 {
        return Err(Error::settings("--part-rows is 0; it takes 1 or more"));
    }
    if own
        .shards
        .is_some_and(|count| !(1..=Shard::COUNT_MAX).contains(&count))
    {
        return Err(Error::settings("--shards takes 1 to 65536"));
    }
    if own.shards.is_some() && own.part_rows_max != Sequences::default().part_rows_max {
        let what = "--part-rows cuts parts by rows, --shards by customers; leave one of them out";
        return Err(Error::settings(what));
    }
    Ok(())
}
