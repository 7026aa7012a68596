//! The first rows of a published folder.
//!
//! **In / Out**: `OUT`, or the folder of one of its days → [`Head`], an iterator of rows with typed
//! values, in the order of the manifest: days, parts, rows. Of `dwell` one of its tables, and of any
//! job the rejected rows. The codes of items can be replaced by the texts that they stand for.
//! **Invariants**: the manifest is parsed only if its bytes are those that its own checksum is of; a
//! file that it names is inside the folder. Files of rows are not checked against it: that takes reading
//! all of them, and `verify` does it. Nothing is written.
//! **Cost**: one batch of at most [`BATCH_ROWS`] rows is in memory; of each column the pages that hold
//! them are decoded. To find a customer the column of customers is decoded, and of the others the pages
//! with the rows found.

mod files;
mod items;
mod values;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt;
use std::path::PathBuf;

use arrow::array::{RecordBatch, RecordBatchReader};
use arrow::error::ArrowError;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowPredicate, ArrowPredicateFn, ArrowReaderOptions, ParquetRecordBatchReader,
    ParquetRecordBatchReaderBuilder, RowFilter,
};
use parquet::errors::ParquetError;
use parquet::file::metadata::PageIndexPolicy;

use self::files::{HeadFile, part_files, quarantine_files, read_manifest};
use self::items::{items_of, vocabulary_of};
pub use self::values::HeadValue;
use self::values::{is_wanted, rows_of};
use crate::calendar::date_text;
use crate::encode::PublishedRows;
use crate::engine::guarded;
use crate::error::{Error, ErrorKind, Result};
use crate::ids::{Day, count64, index64};
use crate::job::{JobKind, Sequences};
use crate::manifest::{AnyManifest, parse_settings, senseless};
use crate::place::check_in;
use crate::publish::{MANIFEST, refuse_shards};
use crate::store::local;

/// Rows that are decoded at a time: of the longest histories, 65,536 actions, some 20 MB.
const BATCH_ROWS: u64 = 64;

/// Which rows to read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HeadSettings {
    /// The folder that a job published, or that of one of its days.
    pub out: PathBuf,
    /// How many rows, at most.
    pub rows: u64,
    /// Only of this day.
    pub day: Option<Day>,
    /// Only of this customer or user.
    pub customer: Option<String>,
    /// From this table.
    pub of: HeadOf,
}

/// A table of a published folder.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
pub enum HeadOf {
    /// The rows that the job made; of `dwell` the table of users.
    #[default]
    #[cfg_attr(
        feature = "cli",
        value(name = "user_merchant", help = "A row for each user, merchant and day")
    )]
    Rows,
    /// The table of merchants that `dwell` made.
    #[cfg_attr(
        feature = "cli",
        value(name = "merchant", help = "A row for each merchant and day")
    )]
    Merchants,
    /// The table of users by day that `dwell` made.
    #[cfg_attr(
        feature = "cli",
        value(name = "user", help = "A row for each user and day")
    )]
    Users,
    /// The table of flyers that `dwell` made.
    #[cfg_attr(
        feature = "cli",
        value(name = "flyer", help = "A row for each flyer and day")
    )]
    Flyers,
    /// Rows that could not be used, and were set aside.
    #[cfg_attr(feature = "cli", value(skip))]
    Quarantine,
}

/// A row, with a value for each of [`Head::columns`].
#[derive(Clone, Debug, PartialEq)]
pub struct HeadRow {
    /// The day of its folder, if there are folders of days.
    pub day: Option<Day>,
    /// Its values.
    pub values: Vec<HeadValue>,
}

/// How rows are published, if not with their histories, newest first.
struct Published {
    own: Sequences,
    rows: PublishedRows,
}

/// The first rows of a table; an iterator.
pub struct Head {
    /// The job that made it.
    pub job_kind: JobKind,
    /// The names of its columns, as in the files; none if there is no file.
    pub columns: Vec<String>,
    /// The same, under the names that they have without `--rename`.
    pub own_names: Vec<String>,
    /// The rows of all files of the table and day, those of other customers included.
    pub rows_count: u64,
    settings: HeadSettings,
    /// How the rows of `sequences` are published.
    published: Option<Published>,
    /// The items of codes, if rows have codes for them.
    vocabulary: Option<PathBuf>,
    /// The files that are still to be read, in order.
    files: VecDeque<HeadFile>,
    /// The file that is being read, and its day.
    open: Option<(HeadFile, ParquetRecordBatchReader)>,
    /// Rows that were read and not yet returned.
    ready: VecDeque<HeadRow>,
    /// How many rows are still to be read.
    left: u64,
}

/// The first rows of what a job published.
///
/// # Errors
/// [`ErrorKind::NoInput`] if there is no such folder, day or table; [`ErrorKind::BadFile`] if its
/// manifest is not sound; what cannot be read.
///
/// # Examples
/// ```no_run
/// use hitherto::{HeadSettings, head};
///
/// let settings = HeadSettings { out: "training".into(), rows: 10, ..HeadSettings::default() };
/// for row in head(&settings)? {
///     println!("{:?}", row?.values);
/// }
/// # Ok::<(), hitherto::Error>(())
/// ```
pub fn head(settings: &HeadSettings) -> Result<Head> {
    let out = &settings.out;
    check_in(out)?;
    refuse_shards(out)?;
    let manifest = read_manifest(out)?;
    let of_manifest = |what: &str| {
        let path = out.join(MANIFEST).display().to_string();
        Error::bad_file(path, senseless(what))
    };
    let job_kind = manifest.job;
    let (list, files) = match settings.of {
        HeadOf::Quarantine => ("quarantine", quarantine_files(out, &manifest)),
        of => ("parts", part_files(settings, job_kind, of, &manifest)?),
    };
    let files = files.ok_or_else(|| of_manifest(list))?;
    // Rejected rows are records as they were read, without codes.
    let has_codes = settings.of != HeadOf::Quarantine;
    let mut head = Head {
        job_kind,
        columns: Vec::new(),
        own_names: Vec::new(),
        rows_count: files.iter().map(|file| file.rows).sum(),
        settings: settings.clone(),
        published: published_of(settings, &manifest).map_err(of_manifest)?,
        vocabulary: vocabulary_of(out, &manifest).filter(|_| has_codes),
        files: files.into(),
        open: None,
        ready: VecDeque::new(),
        left: settings.rows,
    };
    // Opened at once: columns come from the first file, and must be known before the first row.
    head.open_next()?;
    if let Some((file, reader)) = &head.open {
        let schema = match &mut head.published {
            None => reader.schema(),
            Some(published) => {
                let display = file.path.display().to_string();
                let none = RecordBatch::new_empty(reader.schema());
                guarded(&display, || {
                    let none = published.rows.plain(&none);
                    none.map_err(|what| Error::bad_file(&*display, what))
                })?
                .schema()
            }
        };
        let own = head.published.as_ref().map(|published| &published.own);
        let name = |name: &String| {
            own.map_or(&**name, |own| own.published_name(name))
                .to_owned()
        };
        let names = schema.fields().iter().map(|field| field.name().clone());
        head.own_names = names.collect();
        head.columns = head.own_names.iter().map(name).collect();
    }
    Ok(head)
}

/// How the rows of a set are published; nothing if they hold their histories, newest first, or are others.
fn published_of(
    settings: &HeadSettings,
    manifest: &AnyManifest,
) -> std::result::Result<Option<Published>, &'static str> {
    if manifest.job != JobKind::Sequences || settings.of == HeadOf::Quarantine {
        return Ok(None);
    }
    let read = parse_settings(manifest.job, &manifest.settings)?;
    let own = read.sequences().clone();
    let rows = PublishedRows::new(&own);
    let is_other = !rows.are_plain();
    Ok(is_other.then_some(Published { own, rows }))
}

impl Head {
    /// Whether rows have codes for items, whose ids are texts.
    pub fn has_codes(&self) -> bool {
        self.vocabulary.is_some()
    }

    /// The items of some codes; none where rows have no codes.
    ///
    /// # Errors
    /// If the vocabulary of the set cannot be read, or lacks one of them.
    pub fn items(&self, codes: &BTreeSet<i64>) -> Result<BTreeMap<i64, String>> {
        match &self.vocabulary {
            None => Ok(BTreeMap::new()),
            Some(path) => items_of(path, codes),
        }
    }

    /// Whether no row is left to read.
    fn is_done(&self) -> bool {
        self.left == 0 || (self.open.is_none() && self.files.is_empty())
    }

    /// Opens the next file.
    fn open_next(&mut self) -> Result<()> {
        self.open = None;
        if let Some(published) = &mut self.published {
            published.rows.begin_file();
        }
        if let Some(file) = self.files.pop_front() {
            let display = file.path.display().to_string();
            let reader = guarded(&display, || self.reader_of(&file, &display))?;
            self.open = Some((file, reader));
        }
        Ok(())
    }

    /// A reader of as many rows of a file as are still to be read.
    fn reader_of(&self, file: &HeadFile, display: &str) -> Result<ParquetRecordBatchReader> {
        let (path, day) = (&file.path, file.day);
        let file = local::open(path).map_err(|error| Error::io("read", path, error))?;
        let broken = |error: ParquetError| Error::bad_file(display, error.to_string());
        // With a page index the reader skips pages before it decodes them; a file without one is
        // read, too.
        let options = ArrowReaderOptions::new().with_page_index_policy(PageIndexPolicy::Optional);
        let builder = ParquetRecordBatchReaderBuilder::try_new_with_options(file, options);
        let builder = builder.map_err(broken)?;
        let mut filters: Vec<Box<dyn ArrowPredicate>> = Vec::new();
        let mut keep = |column: &str, wanted: &str| {
            let schema = builder.parquet_schema();
            let fields = schema.root_schema().get_fields();
            if !fields.iter().any(|field| field.name() == column) {
                let what = format!("\"{display}\" has no column \"{column}\"");
                return Err(Error::from(ErrorKind::NoInput { what }));
            }
            let mask = ProjectionMask::columns(schema, [column]);
            let wanted = HeadValue::Text(wanted.to_owned()).to_string();
            filters.push(Box::new(ArrowPredicateFn::new(mask, move |batch| {
                Ok(is_wanted(&batch, &wanted))
            })));
            Ok(())
        };
        if let Some(customer) = &self.settings.customer {
            let column = match self.job_kind {
                JobKind::Sequences => match &self.published {
                    Some(published) => published.own.published_name("customer_id"),
                    None => "customer_id",
                },
                _ => "user_id",
            };
            keep(column, customer)?;
        }
        // Tables by day have no column of days.
        let is_whole = self.job_kind == JobKind::Dwell && day.is_none();
        if let (true, Some(day)) = (is_whole, self.settings.day) {
            keep("date", &date_text(day))?;
        }
        let builder = builder.with_batch_size(index64(self.left.min(BATCH_ROWS)));
        // The reader applies the limit behind the filters, so it counts wanted rows.
        let builder = builder.with_limit(usize::try_from(self.left).unwrap_or(usize::MAX));
        let reader = if filters.is_empty() {
            builder.build()
        } else {
            builder.with_row_filter(RowFilter::new(filters)).build()
        };
        reader.map_err(broken)
    }

    /// Reads until a row is ready, or none is left.
    fn fill(&mut self) -> Result<()> {
        while self.ready.is_empty() && !self.is_done() {
            let Some((file, reader)) = &mut self.open else {
                self.open_next()?;
                continue;
            };
            let display = file.path.display().to_string();
            let batch = guarded(&display, || {
                let broken = |what: String| Error::bad_file(&*display, what);
                let batch = reader.next().transpose();
                let batch = batch.map_err(|error: ArrowError| broken(error.to_string()))?;
                match (batch, &mut self.published) {
                    (Some(batch), Some(published)) => {
                        published.rows.plain(&batch).map(Some).map_err(broken)
                    }
                    (batch, _) => Ok(batch),
                }
            })?;
            match batch {
                None => self.open = None,
                Some(batch) => {
                    let day = file.day;
                    let rows = rows_of(&batch);
                    self.ready
                        .extend(rows.map(|values| HeadRow { day, values }));
                    let read = count64(batch.num_rows());
                    self.left = self.left.saturating_sub(read);
                }
            }
        }
        Ok(())
    }
}

impl Iterator for Head {
    type Item = Result<HeadRow>;

    fn next(&mut self) -> Option<Result<HeadRow>> {
        if let Err(error) = self.fill() {
            // The rows after a file that cannot be read are not the first rows.
            self.left = 0;
            self.open = None;
            return Some(Err(error));
        }
        self.ready.pop_front().map(Ok)
    }
}

impl fmt::Debug for Head {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut fields = out.debug_struct("Head");
        fields.field("job_kind", &self.job_kind);
        fields.field("columns", &self.columns);
        fields
            .field("rows_count", &self.rows_count)
            .finish_non_exhaustive()
    }
}
