//! Flags that choose among actions and samples, and what they set.

use clap::Args;
use hitherto::{Dedup, Guests, NullLabel, Passthrough, Sequences};

/// Which actions count.
#[derive(Args, Debug)]
#[command(next_help_heading = "Choice")]
pub(super) struct Chosen {
    /// Only actions of these types, such as 1,3 (1 clicks, 2 add-to-carts, 3 orders) [default: all]
    #[arg(long, value_name = "TYPES", value_delimiter = ',')]
    types: Vec<u8>,
    /// Repeated actions; without them, older ones fill a history up, and no log is read less far
    #[arg(long, value_enum, default_value = "none")]
    pub(super) dedup: Dedup,
    /// Keep all samples but negatives (is_order false), and of these a part, such as 0.1; a column
    /// weight is 1, and 1 / RATE for the negatives kept [default: all, without weights]
    #[arg(long, value_name = "RATE")]
    negatives_sample: Option<f64>,
    /// Another sample of negatives
    #[arg(
        long,
        value_name = "NUMBER",
        default_value_t = 0,
        requires = "negatives_sample"
    )]
    seed: u64,
    /// Carry columns of the impressions through, item.NAME from inside their array, such as
    /// surface,item.is_click; of text files they are text, unless NAME:TYPE says int32, int64,
    /// double, string, boolean or timestamp
    #[arg(long, value_name = "NAMES", value_delimiter = ',', value_parser = Passthrough::parse)]
    keep: Vec<Passthrough>,
}

impl Chosen {
    /// The options of `sequences` with what these flags ask for, but for repeats.
    pub(super) fn set(self, own: Sequences) -> Sequences {
        Sequences {
            types: self.types,
            negatives_rate: self.negatives_sample,
            seed: self.seed,
            keep: self.keep,
            ..own
        }
    }
}

/// What becomes of doubtful rows.
#[derive(Args, Debug)]
#[command(next_help_heading = "Doubtful rows")]
pub(super) struct Doubt {
    /// Impressions without a customer: leave them out, or keep them with an empty history
    #[arg(long, value_enum, default_value = "drop")]
    guests: Guests,
    /// Customer ids that mean "no customer", such as 0,-1
    #[arg(
        long,
        value_name = "IDS",
        value_delimiter = ',',
        allow_hyphen_values = true
    )]
    guest_ids: Vec<String>,
    /// Items without a label
    #[arg(long, value_enum, default_value = "keep")]
    null_label: NullLabel,
}

impl Doubt {
    /// The options of `sequences` with what these flags ask for.
    pub(super) fn set(self, own: Sequences) -> Sequences {
        Sequences {
            guests: self.guests,
            guest_ids: self.guest_ids,
            null_label: self.null_label,
            ..own
        }
    }
}
