//! Rows that are one item each, until all of their ranking are read.
//!
//! **Shapes**: adjacent rows of a file that are of one day, customer and ranking are one run, so that a file
//! in which the rows of a ranking are together costs little more than one of lists.
//! **Invariants**: the rows of a run are consecutive records. Items are as read: none is left out yet.

use std::path::PathBuf;

use crate::catalog::input::InputFile;
use crate::context::RunContext;
use crate::error::Result;
use crate::ids::{Day, Item, Micros, count32, count64, index};
use crate::kernel::column::{Customer, Impression, Impressions};
use crate::kernel::passthrough::{PassthroughRow, PassthroughValue};
use crate::scan::text::impression_items::ImpressionItems;

/// A row that is one item of an impression.
pub(in crate::scan::impressions) struct Part<'r, I> {
    pub(in crate::scan::impressions) key: (Day, Customer<'r>, &'r str),
    /// Its time, if cutoffs are times.
    pub(in crate::scan::impressions) cutoff: Option<Micros>,
    /// The number of its record.
    pub(in crate::scan::impressions) row: u64,
    /// Its place in the ranking, if the file has a column of places.
    pub(in crate::scan::impressions) position: Option<i64>,
    /// Its item, as the only one.
    pub(in crate::scan::impressions) shown: &'r ImpressionItems<I>,
}

/// Rows of one thread, or of all.
#[derive(Debug)]
pub(crate) struct Parts<I> {
    /// A row per run. Of its passthrough columns all are of items: those of impressions, then those of items.
    pub(crate) runs: Impressions<I>,
    /// Of each run the number of its file and that of its first record.
    starts: Vec<RunStart>,
    /// The time of each item; empty if cutoffs are days.
    pub(super) times: Vec<Micros>,
    /// The place of each item in its ranking; may be shorter, and then the others have none.
    places: Vec<Option<i64>>,
    /// The files, by their numbers.
    files: Vec<PathBuf>,
    /// The run that is being read.
    open: OpenRun<I>,
    /// Bytes of memory that are reserved.
    pub(super) reserved: u64,
}

/// Where a run begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct RunStart {
    /// The number of its file.
    pub(super) file: u32,
    /// Its first record, from 1.
    pub(super) row: u64,
}

/// A customer, owned.
#[derive(Debug)]
enum OwnCustomer {
    Guest,
    Int(i64),
    Text(String),
}

/// Rows that are of one ranking so far.
#[derive(Debug)]
struct OpenRun<I> {
    day: Day,
    customer: OwnCustomer,
    ranking: String,
    /// Its first record.
    row: u64,
    items: ImpressionItems<I>,
    kept: PassthroughRow,
}

impl OwnCustomer {
    /// The customer.
    fn get(&self) -> Customer<'_> {
        match self {
            OwnCustomer::Guest => Customer::Guest,
            OwnCustomer::Int(id) => Customer::Int(*id),
            OwnCustomer::Text(id) => Customer::Text(id),
        }
    }
}

impl From<Customer<'_>> for OwnCustomer {
    fn from(customer: Customer<'_>) -> OwnCustomer {
        match customer {
            Customer::Guest => OwnCustomer::Guest,
            Customer::Int(id) => OwnCustomer::Int(id),
            Customer::Text(id) => OwnCustomer::Text(id.to_owned()),
        }
    }
}

impl<I: Item> Parts<I> {
    /// No rows, of customers with integer or text ids.
    pub(in crate::scan::impressions) fn new(text_ids: bool) -> Parts<I> {
        Parts {
            runs: Impressions::empty(text_ids),
            starts: Vec::new(),
            times: Vec::new(),
            places: Vec::new(),
            files: Vec::new(),
            open: OpenRun {
                day: Day(0),
                customer: OwnCustomer::Guest,
                ranking: String::new(),
                row: 0,
                items: Vec::new(),
                kept: PassthroughRow::default(),
            },
            reserved: 0,
        }
    }

    /// Begins a file, or a row group of one.
    pub(super) fn start(&mut self, file: &InputFile) {
        if self.files.last().is_none_or(|last| *last != file.path) {
            self.files.push(file.path.clone());
        }
    }

    /// Adds a row, whose passthrough values are taken from `kept`.
    ///
    /// # Errors
    /// If the memory limit of the job is reached.
    pub(in crate::scan::impressions) fn add(
        &mut self,
        part: &Part<'_, I>,
        kept: &mut PassthroughRow,
        context: &RunContext,
    ) -> Result<()> {
        let (day, customer, ranking) = part.key;
        let open = &self.open;
        let is_next = !open.items.is_empty()
            && open.row + count64(open.items.len()) == part.row
            && open.day == day
            && open.customer.get() == customer
            && open.ranking == ranking;
        if !is_next {
            self.flush(context)?;
            let open = &mut self.open;
            (open.day, open.customer, open.row) = (day, customer.into(), part.row);
            open.ranking.clear();
            open.ranking += ranking;
        }
        let items = self.runs.items.len() + self.open.items.len();
        if part.position.is_some() {
            self.places.resize(items, None);
            self.places.push(part.position);
        }
        self.times.extend(part.cutoff);
        let open = &mut self.open;
        let at = i32::try_from(open.items.len()).expect("a ranking has less than 2^31 rows");
        open.items.extend(
            part.shown
                .iter()
                .map(|(item, label, _)| (*item, *label, at)),
        );
        let of_row = kept.row.drain(..);
        let of_item = kept.items.iter_mut().flat_map(|values| values.drain(..));
        for (place, value) in of_row.chain(of_item).enumerate() {
            if open.kept.items.len() <= place {
                open.kept.items.push(Vec::new());
            }
            open.kept.items[place].push(value);
        }
        Ok(())
    }

    /// Ends the run that is being read.
    ///
    /// # Errors
    /// If the memory limit of the job is reached.
    pub(super) fn flush(&mut self, context: &RunContext) -> Result<()> {
        let open = &mut self.open;
        if open.items.is_empty() {
            return Ok(());
        }
        self.runs.push(&Impression {
            customer: open.customer.get(),
            day: open.day,
            cutoff: Micros(0),
            lookback_start: Micros(0),
            ranking: &open.ranking,
            items: &open.items,
            passthrough: &open.kept,
        });
        let file = count32(self.files.len().saturating_sub(1));
        self.starts.push(RunStart {
            file,
            row: open.row,
        });
        let items = open.items.len();
        let kept = items * open.kept.items.len() * size_of::<PassthroughValue>();
        let own = items * size_of::<(Micros, Option<i64>)>() + size_of::<RunStart>();
        let bytes = Impressions::<I>::bytes_of_row(items, open.ranking.len());
        let bytes = bytes + count64(kept + own);
        open.items.clear();
        open.kept.items.iter_mut().for_each(Vec::clear);
        self.reserved += bytes;
        context.reserve_memory(bytes)
    }

    /// Adds the rows of another thread.
    pub(crate) fn append(&mut self, other: &Parts<I>) {
        let files = count32(self.files.len());
        let items = self.runs.items.len();
        if !other.places.is_empty() {
            self.places.resize(items, None);
            self.places.extend_from_slice(&other.places);
        }
        let long = self.runs.append(&other.runs);
        long.into_iter().for_each(|append| append());
        let starts = other.starts.iter();
        self.starts.extend(starts.map(|start| RunStart {
            file: start.file + files,
            row: start.row,
        }));
        self.times.extend_from_slice(&other.times);
        self.files.extend_from_slice(&other.files);
        self.reserved += other.reserved;
    }

    /// The file and the first record of a run.
    pub(super) fn start_of(&self, run: u32) -> RunStart {
        self.starts[index(run)]
    }

    /// The paths of the files, by their numbers.
    pub(super) fn files(&self) -> &[PathBuf] {
        &self.files
    }

    /// The place of an item in its ranking, if its file has a column of places.
    pub(super) fn place(&self, item: usize) -> Option<i64> {
        self.places.get(item).copied().flatten()
    }
}
