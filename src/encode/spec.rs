//! The settings of the encoder: which columns there are, and how they are stored.

use super::BlockRow;
use crate::ids::index;
use crate::job::{Attribute, Codec, CustomerType, ItemType, Layout, Passthrough};

/// How rows become Parquet.
#[derive(Clone, Copy, Debug)]
pub(crate) struct WriteSpec<'a> {
    /// Whether a row is a sample or an impression.
    pub(crate) layout: Layout,
    /// The type of `customer_id`.
    pub(crate) customers: CustomerType,
    /// The type of item ids.
    pub(crate) item_type: ItemType,
    /// The length of a history, at most.
    pub(crate) actions_max: u32,
    /// Whether histories are padded to that length.
    pub(crate) pad: bool,
    /// Whether the oldest action of a history comes first.
    pub(crate) oldest_first: bool,
    /// The highest code that an action may have.
    pub(crate) code_max: u8,
    /// The attributes of histories, in the order of the columns.
    pub(crate) attributes: &'a [Attribute],
    /// The passthrough columns, in their order. Their types are resolved.
    pub(crate) keep: &'a [Passthrough],
    /// Other names for columns: the name of a column, and its other name.
    pub(crate) rename: &'a [(String, String)],
    /// The weight of a negative; `None` if there is no column of weights.
    pub(crate) negative_weight: Option<f32>,
    pub(crate) codec: Codec,
    /// Decoded bytes of a page on the direct path, at most, unless one row is larger.
    pub(crate) page_bytes_max: usize,
    /// Whether to take the plain path even where the direct path is supported.
    pub(crate) encode_plain: bool,
}

impl WriteSpec<'_> {
    /// The rows that an impression makes in a block.
    pub(super) fn rows_of(&self, row: &BlockRow) -> usize {
        match self.layout {
            Layout::Sample => index(row.items_end - row.items_start),
            Layout::Request | Layout::Timeline => 1,
        }
    }
}
