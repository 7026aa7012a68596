//! The commands about what jobs have made: sets, and shards of them.

pub(super) mod bucket;
pub(super) mod explain;
pub(super) mod finalize;
pub(super) mod head;
pub(super) mod report;
pub(super) mod verify;
