//! What was published, for people: its first rows, its metrics as a page, and a survey of a folder.

pub(crate) mod head;
pub(crate) mod html;
pub(crate) mod survey;
