//! The settings of the encoder: which columns there are, and how they are stored.

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
    /// The highest code that an action may have.
    pub(crate) code_max: u8,
    /// The attributes of histories, in the order of the columns.
    pub(crate) attributes: &'a [Attribute],
    /// The passthrough columns, in their order. Their types are resolved.
    pub(crate) keep: &'a [Passthrough],
    /// The weight of a negative; `None` if there is no column of weights.
    pub(crate) negative_weight: Option<f32>,
    pub(crate) codec: Codec,
    /// Decoded bytes of a page on the direct path, at most, unless one row is larger.
    pub(crate) page_bytes_max: usize,
    /// Whether to take the plain path even where the direct path is supported.
    pub(crate) encode_plain: bool,
}
