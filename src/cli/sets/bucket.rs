//! `hitherto bucket`.

use clap::{Args, Subcommand};
use hitherto::{Bucketed, Job, JobKind};
use serde::Serialize;

use crate::cli::job::JobFile;
use crate::cli::render::summary::{grouped, pretty, rounded, size, warned};
use crate::cli::runner::{new_job, print, say, start};
use crate::cli::sequences::SequencesArgs;

/// The examples under `hitherto bucket --help`.
const EXAMPLES: &str = "\
Examples:
  Eight machines with a shared disk: the inputs once, then a shard on each, then the set:
    hitherto bucket sequences shop --shards 8 --out buckets
    hitherto sequences buckets/shard-00003-of-00008 --shard 3/8 --shard-holds own --out shards
    hitherto finalize shards --out training

Flags that say how inputs are read (--columns, --source, --customer-type, --null-values, --guest-ids, --job
and the like) are given to bucket and to the shards alike.

Exit codes: 0 done, 2 usage, 65 bad data, or a format that is not dealt, 66 no such input,
70 internal fault, 73 output exists or cannot be made, 74 I/O, 130 and 143 interrupted.";

/// Flags of `bucket`. clap takes the description of the command from `args::Command`.
#[derive(Args, Debug)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct BucketArgs {
    #[command(subcommand)]
    job: BucketedJob,
}

/// The jobs whose inputs can be asked for.
#[derive(Debug, Subcommand)]
enum BucketedJob {
    /// Impressions and actions, by customer
    Sequences(Box<SequencesArgs>),
    /// Not possible: features are joined by users and by listings
    #[command(hide = true)]
    Features(OtherArgs),
    /// Not possible yet
    #[command(hide = true)]
    Dwell(OtherArgs),
}

/// The command line of a job whose inputs are not dealt, whatever it says.
#[derive(Args, Debug)]
struct OtherArgs {
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    rest: Vec<String>,
}

impl BucketArgs {
    /// Deals inputs, and says what to do with them.
    pub(crate) fn run(self, file: Option<&JobFile>) -> anyhow::Result<()> {
        let (args, settings) = match self.job {
            BucketedJob::Sequences(sequences) => sequences.into_settings(file),
            BucketedJob::Features(_) => return Ok(hitherto::check_bucket(JobKind::Features)?),
            BucketedJob::Dwell(_) => return Ok(hitherto::check_bucket(JobKind::Dwell)?),
        };
        let job = new_job(&args, settings)?;
        let (context, progress) = start(&args)?;
        let bucketed = hitherto::bucket(&job, &context);
        // The bar goes before an error is reported, so the message does not share its line.
        let seconds = progress.finish();
        let bucketed = bucketed?;
        say(&args, &text(&job, &bucketed, seconds));
        if args.stats.is_some() {
            print(&pretty(&BucketStats {
                out: job.out.display().to_string(),
                seconds: rounded(seconds),
                threads: job.threads,
                memory_accounted_peak_bytes: context.memory_peak(),
                bucketed: &bucketed,
            }))?;
        }
        Ok(())
    }
}

/// What was made, for programs.
#[derive(Serialize)]
struct BucketStats<'b> {
    out: String,
    seconds: f64,
    threads: usize,
    memory_accounted_peak_bytes: u64,
    #[serde(flatten)]
    bucketed: &'b Bucketed,
}

/// What was made, for people, and the next commands.
fn text(job: &Job, bucketed: &Bucketed, seconds: f64) -> String {
    let out = job.out.display();
    let count = bucketed.shards;
    let mut lines = vec![format!(
        "made {out}: inputs of {count} shards, in {seconds:.2} s"
    )];
    let mut add = |number: String, what: String| lines.push(format!("  {number:>13} {what}"));
    for source in &bucketed.sources {
        let files = match source.files {
            1 => "1 file".to_owned(),
            files => format!("{} files", grouped(files)),
        };
        add(
            grouped(source.rows),
            format!("{} from {files}", source.name),
        );
    }
    let (least, most) = (bucketed.rows.iter().min(), bucketed.rows.iter().max());
    let most = grouped(most.copied().unwrap_or(0));
    add(
        grouped(least.copied().unwrap_or(0)),
        format!("to {most} rows a shard"),
    );
    add(
        grouped(bucketed.files),
        format!("files, {}", size(bucketed.bytes)),
    );
    lines.extend(warned(&bucketed.warnings));
    let folder = hitherto::shell_word(&job.out.to_string_lossy());
    let last = count - 1;
    lines.push("next, with the flags of this command that say how inputs are read".to_owned());
    lines.push(format!(
        "  for i in $(seq 0 {last}); do hitherto sequences {folder}/shard-$(printf %05d $i)-of-{count:05} \
         --shard $i/{count} --shard-holds own --out SHARDS || break; done"
    ));
    lines.push("  hitherto finalize SHARDS --out OUT".to_owned());
    lines.join("\n") + "\n"
}
