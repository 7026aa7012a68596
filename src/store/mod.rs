//! Files on the local disk: inputs and outputs, and the spill files of a run.

pub(crate) mod local;
mod nameless;
pub(crate) mod spill;
pub(crate) mod spool;
