//! Flags that choose among actions and samples, and what they set.

use clap::Args;
use hitherto::Settings;

use crate::cli::choices::DedupArg;

/// Which actions count.
#[derive(Args, Debug)]
#[command(next_help_heading = "Choice")]
pub(super) struct Chosen {
    /// Only actions of these types, such as 1,3 (1 clicks, 2 add-to-carts, 3 orders) [default: all]
    #[arg(long, value_name = "TYPES", value_delimiter = ',')]
    types: Vec<u8>,
    /// Repeated actions; without them, older ones fill a history up, and no log is read less far
    #[arg(long, value_enum, default_value = "none")]
    dedup: DedupArg,
}

impl Chosen {
    /// The settings with what these flags ask for.
    pub(super) fn set(self, settings: Settings) -> Settings {
        Settings {
            types: self.types,
            dedup: self.dedup.into(),
            ..settings
        }
    }
}
