//! Reports for people: the first rows of a set, its metrics as a page, and the schemas in a folder.

pub(crate) mod head;
pub(crate) mod html;
pub(crate) mod survey;
pub(crate) mod metrics_copy;
