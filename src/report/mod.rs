//! Reports for people: the first rows of a set, its metrics as a page or as a copy, the schemas in a folder,
//! and all types of a log without a code.

pub(crate) mod head;
pub(crate) mod html;
pub(crate) mod metrics_copy;
pub(crate) mod survey;
pub(crate) mod unknown_types;
