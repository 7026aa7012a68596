//! Flags of `dwell`, and the summary of a run.

use clap::Args;
use hitherto::{
    Codec, CustomerType, Day, Dedup, DivideBy, DwellMethod, DwellReport, Job, MoreTable, Settings,
    Source, date_text,
};

use crate::cli::choices::{exact_dedup, id_type};
use crate::cli::flags::{
    BadRowArgs, GateArgs, InputArgs, OutputArgs, RunArgs, ShardArgs, WarningArgs,
};
use crate::cli::job::{JobFile, with_file};
use crate::cli::render;
use crate::cli::render::summary::{Summary, grouped, next_of_shard, notes, range, size};
use crate::cli::runner::run_job;
use crate::cli::values::{day, duration};

/// The examples under `hitherto dwell --help`.
const EXAMPLES: &str = "\
Examples:
  From the first to the last event with each merchant, divided by the events (the default):
    hitherto dwell events.csv --out visits

  Time spent: each event on a flyer lasts until the next, visits end after ten minutes without one:
    hitherto dwell 'log/*.ndjson.gz' --out visits --method session --idle-timeout 10m

  Events of another application, and the tables of users and of flyers too:
    hitherto dwell app.csv --out visits --opens view_flyer,view_item --closes leave_flyer \\
      --ignores heartbeat --with-tables user,flyer

  The nightly run for one day, next to the days that are there:
    hitherto dwell 'log/*.parquet' --out visits --add-days --date 2025-08-15

  The eighth of 64 shards of the users, each made on another machine, and then all together:
    hitherto dwell 'log/*.parquet' --out shards --shard 7/64
    hitherto finalize shards --out visits

  Columns with other names, times without an offset in Toronto, the output of yesterday replaced:
    hitherto dwell warehouse/events --out visits --overwrite --timezone America/Toronto \\
      --columns events.user_id=account,events.timestamp=occurred_at

Exit codes: 0 done, 2 usage, 3 a gate (--fail-if) failed, 65 bad data, 66 no such input,
70 internal fault, 73 output exists or cannot be made, 74 I/O, 130 and 143 interrupted.";

/// Flags of `dwell`. clap takes the description of the command from `args::Command`.
#[derive(Args, Debug)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct DwellArgs {
    /// Events: a file, a folder or a glob
    #[arg(value_name = "EVENTS")]
    events: Option<String>,
    #[command(flatten)]
    ids: IdArgs,
    #[command(flatten)]
    input: InputArgs,
    #[command(flatten)]
    measure: MeasureArgs,
    #[command(flatten)]
    bad_rows: BadRowArgs,
    #[command(flatten)]
    warnings: WarningArgs,
    #[command(flatten)]
    gates: GateArgs,
    #[command(flatten)]
    days: DwellDayArgs,
    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten)]
    tables: TableArgs,
    #[command(flatten)]
    shard: ShardArgs,
    #[command(flatten)]
    run: RunArgs,
}

/// The ids in the events.
#[derive(Args, Debug)]
#[command(next_help_heading = "Input")]
struct IdArgs {
    /// Type of ids of users, flyers and merchants [default: as in the files; string for text
    /// files]
    #[arg(long, value_name = "TYPE", value_parser = id_type())]
    id_type: Option<CustomerType>,
}

/// How long a stay is, and which events count.
#[derive(Args, Debug)]
#[command(next_help_heading = "Measure")]
struct MeasureArgs {
    /// How the time on flyers is measured
    #[arg(long, value_enum, default_value = "span")]
    method: DwellMethod,
    /// With --method span: what the time from the first to the last event is divided by
    #[arg(long, value_enum, default_value = "events")]
    divide_by: DivideBy,
    /// With --method session: the longest gap within a visit (units s m h d); a longer gap ends the
    /// visit and counts as no time
    #[arg(long, value_name = "DURATION", default_value = "30m", value_parser = duration)]
    idle_timeout: i64,
    /// Which repeated events to leave out: those that agree in time, user, event, flyer and merchant.
    /// Repeats are reported either way
    #[arg(long, value_parser = exact_dedup(), default_value = "none")]
    dedup: Dedup,
    /// Names of the events that open something; stays are made of them
    #[arg(
        long,
        value_name = "NAMES",
        value_delimiter = ',',
        default_value = "flyer_open,item_open"
    )]
    opens: Vec<String>,
    /// With --method session: names of the events that end the time on a flyer and start nothing
    #[arg(
        long,
        value_name = "NAMES",
        value_delimiter = ',',
        default_value = "flyer_close"
    )]
    closes: Vec<String>,
    /// Names of events that are passed over, as if they were not there. Events of any other name end
    /// the time before them (--method session), and count for nothing else
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    ignores: Vec<String>,
}

/// Which days are made.
#[derive(Args, Debug)]
#[command(next_help_heading = "Input")]
struct DwellDayArgs {
    /// Only rows of this day, YYYY-MM-DD, in tables by day [default: every day]
    #[arg(long, value_name = "DAY", value_parser = day, conflicts_with_all = ["from", "to"])]
    date: Option<Day>,
    /// Only rows from this day on, in tables by day
    #[arg(long, value_name = "DAY", value_parser = day)]
    from: Option<Day>,
    /// Only rows up to this day, inclusive, in tables by day
    #[arg(long, value_name = "DAY", value_parser = day)]
    to: Option<Day>,
}

/// Which tables are made, and how they are stored.
#[derive(Args, Debug)]
#[command(next_help_heading = "Output")]
struct TableArgs {
    /// Make tables by day, in folders date=YYYY-MM-DD; --add-days, --date, --from and --to do so too
    #[arg(long)]
    by_day: bool,
    /// Tables to make beside user_merchant and merchant
    #[arg(long, value_enum, value_name = "TABLES", value_delimiter = ',')]
    with_tables: Vec<MoreTable>,
    /// Compression of the Parquet files
    #[arg(long, value_enum, default_value = "zstd")]
    codec: Codec,
}

impl DwellArgs {
    /// Runs the job.
    pub(crate) fn run(self, file: Option<&JobFile>) -> anyhow::Result<()> {
        let (args, settings) = self.into_settings(file);
        run_job(&args, settings, hitherto::dwell, summary)
    }

    /// How to run, and the settings that the flags ask for.
    pub(crate) fn into_settings(self, file: Option<&JobFile>) -> (RunArgs, Settings) {
        let own = hitherto::Dwell {
            dwell_method: self.measure.method,
            divide_by: self.measure.divide_by,
            idle_timeout_us: self.measure.idle_timeout,
            opens: self.measure.opens,
            closes: self.measure.closes,
            ignores: self.measure.ignores,
            more_tables: self.tables.with_tables,
            by_day: self.tables.by_day,
        };
        let mut settings = Settings {
            ask: own.into(),
            paths: self
                .events
                .into_iter()
                .map(|path| (Source::Events, path))
                .collect(),
            from: self.days.date.or(self.days.from),
            to: self.days.date.or(self.days.to),
            customer_type: self.ids.id_type,
            dedup: self.measure.dedup,
            codec: self.tables.codec,
            ..Settings::default()
        };
        self.input.apply(&mut settings);
        self.bad_rows.apply(&mut settings);
        self.warnings.apply(&mut settings);
        self.output.apply(&mut settings);
        self.shard.apply(&mut settings);
        let mut run = self.run;
        self.gates.apply(&mut settings, &mut run);
        (run, with_file(file, settings))
    }
}

/// The summary of a run.
pub(crate) fn summary<'a>(job: &Job, report: &'a DwellReport) -> Summary<'a, DwellReport> {
    let no_days = || "no days, for there are no events on flyers".to_owned();
    let repeated = match job.dedup {
        Dedup::None => "repeated, and kept",
        _ => "repeated, and left out",
    };
    // Names that nobody gave a role are told once roles are given: one of them may be misspelt.
    let own = job.dwell();
    let are_usual = own.opens == hitherto::Dwell::OPENS && own.closes == hitherto::Dwell::CLOSES;
    let others = if are_usual && own.ignores.is_empty() {
        0
    } else {
        report.others
    };
    let event_notes = [
        (report.opens, "that open a flyer or an item"),
        (others, "of names without a role"),
        (report.ignored, "ignored"),
        (report.duplicates, repeated),
        (report.null_users, "without a user, left out"),
        (report.null_flyers, "without a flyer, left out"),
        (report.null_merchants, "without a merchant, left out"),
    ];
    let (users, rows) = (grouped(report.users), grouped(report.merchant_rows));
    Summary {
        days: report
            .days
            .map_or_else(no_days, |(first, last)| range(first, last)),
        counts: vec![
            (
                report.user_rows,
                format!("rows of a user, merchant and day, of {users} users"),
            ),
            (
                report.merchants,
                match job.shard {
                    None => format!("merchants, {rows} rows of a merchant and day"),
                    Some(_) => "merchants, whose rows come with the whole set".to_owned(),
                },
            ),
            (report.events, format!("events{}", notes(&event_notes))),
        ],
        rejected: report.rejected,
        days_skipped: (
            report.days_skipped,
            format!("days left as {} has them", job.out.display()),
        ),
        warnings: &report.warnings,
        snippets: match job.shard {
            None => snippets(job, report),
            Some(shard) => next_of_shard(job, shard),
        },
        stats: report,
    }
}

/// How to read the tables.
fn snippets(job: &Job, report: &DwellReport) -> Vec<String> {
    let mut lines = vec![format!("read it ({}) with", size(report.bytes))];
    let folder = match report.days {
        Some((first, _)) if job.is_by_day() => job.out.join(format!("date={}", date_text(first))),
        _ => job.out.clone(),
    };
    lines.extend(render::snippets::of_file(
        &folder.join("user_merchant.parquet"),
    ));
    let out = folder.display();
    let mut tables = format!("  BI       {out}/user_merchant.csv, {out}/merchant.csv");
    for (table, name) in [(MoreTable::User, "user"), (MoreTable::Flyer, "flyer")] {
        if job.dwell().more_tables.contains(&table) {
            tables += &format!(", {out}/{name}.csv");
        }
    }
    lines.push(tables);
    lines
}
