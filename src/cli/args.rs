//! The subcommands, as `--help` shows them.

use std::path::PathBuf;

use clap::{Parser, Subcommand};
use clap_complete::Shell;

use crate::cli::dwell::DwellArgs;
use crate::cli::features::FeaturesArgs;
use crate::cli::generate::GenerateArgs;
use crate::cli::plan::PlanArgs;
use crate::cli::sequences::SequencesArgs;
use crate::cli::sets::bucket::BucketArgs;
use crate::cli::sets::explain::ExplainArgs;
use crate::cli::sets::finalize::FinalizeArgs;
use crate::cli::sets::head::HeadArgs;
use crate::cli::sets::report::ReportArgs;
use crate::cli::sets::verify::VerifyArgs;

/// Turns raw event logs into point-in-time training data: for every moment at which a model
/// would have been asked, exactly what was known then, and nothing later.
#[derive(Debug, Parser)]
#[command(
    name = "hitherto",
    version,
    max_term_width = 100,
    arg_required_else_help = true
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What the program can do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// For every impression, the customer's last actions before it, as Parquet by day
    ///
    /// Reads DIR/impressions, DIR/clicks, DIR/add_to_carts and DIR/previous_orders (each a folder,
    /// or a file of that name: .parquet, .csv, .ndjson, .json, text also .gz or .zst), or the
    /// sources named one by one. Writes OUT/dt=YYYY-MM-DD/part-*.parquet; OUT appears complete, or
    /// not at all.
    Sequences(Box<SequencesArgs>),
    /// For every impression, prior clicks and whether one followed, as Parquet by day
    ///
    /// Reads DIR/impressions, DIR/clicks and DIR/listings (each a folder, or a file of that name:
    /// .parquet, .csv, .ndjson, .json, text also .gz or .zst), or the sources named one by one.
    /// Writes exactly one row per impression to OUT/date=YYYY-MM-DD/part-*.parquet; OUT appears
    /// complete, or not at all.
    Features(Box<FeaturesArgs>),
    /// How long each user stayed on the flyers of each merchant, as CSV and Parquet
    ///
    /// Reads events with the columns timestamp, user_id, event, flyer_id and merchant_id from files
    /// (.parquet, .csv, .ndjson, .json, text also .gz or .zst), folders or globs. Writes
    /// OUT/user_merchant and OUT/merchant, each as .csv and .parquet; OUT appears complete, or not
    /// at all.
    Dwell(Box<DwellArgs>),
    /// Estimate what a job would write, and the time and memory it would take
    ///
    /// Takes the command line of `hitherto sequences`, `features` or `dwell`, and writes nothing. Reads
    /// the impressions, the footers of Parquet files and a sample of everything else, and sorts and
    /// encodes a sample of the rows with the code of a run.
    Plan(PlanArgs),
    /// Deal the inputs of a job to its shards, so that each reads its own rows only
    ///
    /// Takes the command line of `hitherto sequences` with --shards N, reads each input once, and writes
    /// OUT/shard-00007-of-00064/{impressions,clicks,...} with the rows of the shard's customers: Parquet with
    /// the same columns, CSV and NDJSON with the same records. Days that folders say stay as they are. Only flags
    /// that say how inputs are read have an effect. OUT appears complete, or not at all.
    Bucket(BucketArgs),
    /// Put the shards of a set together
    ///
    /// Reads the folders that a job with `--shard I/N --out SHARDS` made, on one machine or on many. All must
    /// be there, be of the same job, and be as they were written; SHARDS stays as it is. Parts of `sequences`
    /// are linked into OUT, not copied, where the file system allows. The set is that of one run (of
    /// `sequences` with --shards N), byte for byte; OUT appears complete, or not at all.
    Finalize(FinalizeArgs),
    /// Check that a published set is complete, and that its rows are correct
    ///
    /// Reads every file in OUT. Each must have the bytes, the columns and the counts that the manifests
    /// record; none may be missing, and none may be there that they do not name. Then comes the audit:
    /// rows are recomputed from the inputs by a reference implementation that shares no code with the
    /// engine, and every value is compared; actions are planted around real cutoffs, and the engine must
    /// keep or exclude each. Writes OUT/_audit.json.
    Verify(VerifyArgs),
    /// Say of every action of a customer why it is in a history, or why not
    ///
    /// For an impression of a set that `hitherto sequences` published: every action of its customer,
    /// newest first, with its place in the history or the reason why it is not in it, and the file and
    /// record that it came from.
    Explain(ExplainArgs),
    /// Show the first rows of a published set
    ///
    /// Rows of `sequences` are shown as cards, one for each impression: the items that were shown, and
    /// the newest actions of the history, each item above its type. Rows of other jobs are shown as a
    /// table. Only the first rows are decoded.
    Head(HeadArgs),
    /// Write an HTML page about a published set
    ///
    /// Reads OUT/_metrics.json and OUT/_manifest.json and writes OUT/_report.html: headline figures,
    /// lengths of histories, types of actions, labels, ages, bad rows and settings, each chart with a
    /// table. One page without scripts or network, for light and dark screens.
    Report(ReportArgs),
    /// Make synthetic logs, to try things out with
    ///
    /// Writes DIR/impressions, DIR/clicks, DIR/add_to_carts and DIR/previous_orders, each by day: a
    /// year of actions up to 2025-08-16, and impressions from that day on. Activity is lognormal
    /// over customers, one of them a bot; items follow a power law with personal taste; times are
    /// whole seconds, so there are ties. The same settings give the same bytes. The subcommands make
    /// logs for `hitherto features` and `hitherto dwell`.
    Generate(GenerateArgs),
    /// Write and show job files
    ///
    /// A job file holds every setting of `hitherto sequences`, `features` or `dwell`, and any number of
    /// sources; `--job FILE` runs it. Its keys are the long flags with _ for -, and its sources stand in
    /// [sources.NAME].
    #[command(subcommand)]
    Job(JobCommand),
    /// Print a completion script for a shell
    Completions {
        /// The shell to complete commands for
        shell: Shell,
    },
}

/// What can be done with job files.
#[derive(Debug, Subcommand)]
pub(crate) enum JobCommand {
    /// Write FOLDER/job.toml, a first job file for the logs in the folder
    ///
    /// Files with the same columns whose names differ in numbers and dates become one source. A
    /// comment marks each guess, such as a code for a type of actions, and names what is left out. Shows
    /// the command that runs the job, and the first row that it makes. An existing job.toml is never
    /// replaced.
    Init {
        /// The folder with the logs
        #[arg(value_name = "FOLDER")]
        folder: PathBuf,
    },
    /// Print the job of a job file or a manifest, with the value of every setting
    Show {
        /// The job file, or the _manifest.json of a set
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
}
