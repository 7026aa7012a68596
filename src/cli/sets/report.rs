//! Flags of `report`, and the drift that it prints.

use std::path::PathBuf;

use clap::Args;
use hitherto::{Drift, PageSettings, page};

use crate::cli::runner::print;

/// The examples under `hitherto report --help`.
const EXAMPLES: &str = "\
Examples:
  A page about the set in training, as training/_report.html:
    hitherto report training

  A day compared with the day before, with the drift of each distribution:
    hitherto report training/dt=2025-08-16 --compare training/dt=2025-08-15

The page needs no network. Standard output has a line for each distribution that is compared: its
population stability index, and the drift: none below 0.1, some from 0.1 to 0.25, large above 0.25.

Exit codes: 0 done, 2 usage, 65 a damaged file, 66 no such set, 70 internal fault, 74 I/O.";

/// Flags of `report`. clap takes the description of the command from `args::Command`.
#[derive(Args, Debug)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct ReportArgs {
    /// The folder that a job published, or one of its days
    #[arg(value_name = "OUT")]
    out: PathBuf,
    /// Another set, or one of its days, to compare with
    #[arg(long, value_name = "OTHER")]
    compare: Option<PathBuf>,
    /// Print nothing but errors
    #[arg(long)]
    quiet: bool,
}

impl ReportArgs {
    /// Makes the page.
    pub(crate) fn run(self) -> anyhow::Result<()> {
        let settings = PageSettings {
            out: self.out,
            compare: self.compare,
        };
        let page = page(&settings)?;
        if self.quiet {
            return Ok(());
        }
        let mut text = format!("made {}\n", page.path.display());
        for (name, drift) in &page.drifts {
            text += &match drift {
                None => format!("  {name:<32} undefined\n"),
                Some((index, drift)) => {
                    let mark = if *drift == Drift::None { "" } else { " <" };
                    format!("  {name:<32} {index:>7.3} {}{mark}\n", drift.word())
                }
            };
        }
        print(&text)
    }
}
