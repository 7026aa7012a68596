//! Flags that choose among actions and samples, and what they set.

use clap::Args;
use hitherto::Settings;

/// Which actions count.
#[derive(Args, Debug)]
#[command(next_help_heading = "Choice")]
pub(super) struct Chosen {
    /// Only actions of these types, such as 1,3 (1 clicks, 2 add-to-carts, 3 orders) [default: all]
    #[arg(long, value_name = "TYPES", value_delimiter = ',')]
    types: Vec<u8>,
}

impl Chosen {
    /// The settings with what these flags ask for.
    pub(super) fn set(self, settings: Settings) -> Settings {
        Settings {
            types: self.types,
            ..settings
        }
    }
}
