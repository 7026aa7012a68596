//! Checks of a shard, and of how rows are cut into parts.

use super::{Sequences, Settings};
use crate::error::{Error, Result};
use crate::options::{Publish, Shard, UnknownItem};

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
    // Codes must not depend on the items that a shard happens to have.
    let is_fixed = own.unknown_item == UnknownItem::Drop;
    if own.item_vocabulary.is_some() && !is_fixed {
        return Err(Error::settings(
            "all shards must give an item the same code; --shard takes --item-vocabulary FILE with \
             --unknown-item drop",
        ));
    }
    if own.shards.is_some() {
        return Err(Error::settings(
            "--shard I/N says how many shards there are; leave out --shards",
        ));
    }
    Ok(())
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
