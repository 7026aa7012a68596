//! Rows that are one item each to impressions.
//!
//! **In / Out**: the rows of all threads → an impression for each day and ranking id.
//! **Invariants**: the result is a function of the rows, their files and their records, not of threads. The
//! first row of a ranking, by path and record, stands: a row that contradicts it, by its customer or its
//! place, is a bad row. Nothing of a bad row is in its impression.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use rayon::slice::ParallelSliceMut;
use twox_hash::XxHash64;

use super::parts::{Parts, RunStart};
use crate::error::Result;
use crate::ids::{Day, Item, Micros, count32, count64, index, offset32};
use crate::job::OnBadRow;
use crate::kernel::column::Customer;
use crate::scan::Opened;
use crate::scan::bad_rows::RowAt;
use crate::scan::impressions::{ImpressionScan, ImpressionState};
use crate::scan::item_ids::ItemDictionary;
use crate::scan::mismatch::{Mismatch, quoted};
use crate::scan::parquet::row_as_json;
use crate::scan::text::columns::WantedColumn;
use crate::scan::text::records::records;

/// A run, with a hash of its day and its ranking id.
type HashedRun = (u64, u32);

/// A row of a group.
#[derive(Clone, Copy, Debug)]
struct Element {
    /// Its place in the ranking, if its file has a column of places.
    place: Option<i64>,
    /// The index of its item.
    at: usize,
    /// Its file and its record.
    start: RunStart,
}

/// A row that contradicts one before it.
struct PartFault<'a> {
    at: RunStart,
    day: Day,
    column: &'a str,
    mismatch: Mismatch,
}

/// All rows, with the place of each file in the order of files.
struct AllParts<'p, I> {
    parts: &'p Parts<I>,
    /// By the number of a file.
    files: Vec<u32>,
}

impl<I: Item> AllParts<'_, I> {
    /// Where a run begins: the place of its file, and its first record.
    fn start_of(&self, run: u32) -> RunStart {
        let start = self.parts.start_of(run);
        RunStart {
            file: self.files[index(start.file)],
            row: start.row,
        }
    }

    /// The day and the ranking id of a run.
    fn key_of(&self, run: u32) -> (Day, &[u8]) {
        let runs = &self.parts.runs;
        (runs.days[index(run)], runs.rankings.bytes(index(run)))
    }

    /// The order in which runs of a group are adjacent, each group in the order of files and records.
    fn compare(&self, a: HashedRun, b: HashedRun) -> Ordering {
        let by_key = || self.key_of(a.1).cmp(&self.key_of(b.1));
        let by_start = || self.start_of(a.1).cmp(&self.start_of(b.1));
        a.0.cmp(&b.0).then_with(by_key).then_with(by_start)
    }

    /// The runs, those of a group adjacent.
    fn ordered(&self) -> Vec<HashedRun> {
        let runs = 0..count32(self.parts.runs.count());
        let hashed = runs.map(|run| {
            let (day, ranking) = self.key_of(run);
            (
                XxHash64::oneshot(u64::from(day.0.unsigned_abs()), ranking),
                run,
            )
        });
        let mut hashed: Vec<HashedRun> = hashed.collect();
        // By hash: nobody needs groups in an order, and texts are compared only where hashes are equal.
        hashed.par_sort_unstable_by(|a, b| self.compare(*a, *b));
        hashed
    }
}

impl<'a> ImpressionScan<'a> {
    /// Makes impressions of all that had to wait for other rows; `opened` are all files, in their order.
    ///
    /// # Errors
    /// As the policy for bad rows says.
    pub(crate) fn finish<I: Item>(
        &self,
        opened: &[Opened],
        state: &mut ImpressionState<I>,
    ) -> Result<()> {
        self.group_all(opened, state)?;
        self.name_all(state)
    }

    /// Groups the rows that are one item each.
    fn group_all<I: Item>(&self, opened: &[Opened], state: &mut ImpressionState<I>) -> Result<()> {
        let is_text = state.rows.has_text_ids();
        let parts = std::mem::replace(&mut state.parts, Parts::new(is_text));
        let places = opened.iter().map(|opened| opened.file().path.as_path());
        let places: BTreeMap<&Path, u32> = places.zip(0..).collect();
        let all = AllParts {
            files: parts
                .files()
                .iter()
                .map(|path| places[path.as_path()])
                .collect(),
            parts: &parts,
        };
        let texts = state.items.take();
        let mut faults = Vec::new();
        let runs = all.ordered();
        let same_key =
            |a: &HashedRun, b: &HashedRun| a.0 == b.0 && all.key_of(a.1) == all.key_of(b.1);
        for group in runs.chunk_by(same_key) {
            self.context.check()?;
            self.group(&all, group, texts.as_ref(), &mut faults, state)?;
        }
        state.items = texts;
        self.reject_all(opened, faults, state)?;
        self.context.free_memory(parts.reserved);
        Ok(())
    }

    /// Makes an impression of the runs of a group.
    fn group<I: Item>(
        &self,
        all: &AllParts<'_, I>,
        group: &[HashedRun],
        texts: Option<&ItemDictionary>,
        faults: &mut Vec<PartFault<'a>>,
        state: &mut ImpressionState<I>,
    ) -> Result<()> {
        let (parts, runs) = (all.parts, &all.parts.runs);
        let (_, first) = group[0];
        let (day, customer) = (runs.days[index(first)], runs.customer(first));
        let ranking = runs.rankings.get(index(first));
        let mut elements = Vec::new();
        for (_, run) in group {
            let start = all.start_of(*run);
            let rows = runs.items_of(*run).zip(start.row..);
            let of_run = rows.map(|(at, row)| Element {
                place: parts.place(at),
                at,
                start: RunStart { row, ..start },
            });
            if runs.customer(*run) == customer {
                elements.extend(of_run);
                continue;
            }
            faults.extend(of_run.map(|element| PartFault {
                at: element.start,
                day,
                column: self.names.customer,
                mismatch: two_customers(ranking, customer, runs.customer(*run)),
            }));
        }
        self.order(day, ranking, &mut elements, faults);
        let Some(head) = elements.first().copied() else {
            return Ok(());
        };
        state.shown.clear();
        let items = elements.iter().enumerate();
        state.shown.extend(items.map(|(place, element)| {
            let at = element.at;
            (runs.items[at], runs.labels[at], offset32(place))
        }));
        let columns = &runs.passthrough.items;
        let (of_rows, of_items) = columns.split_at(self.keep.len().min(columns.len()));
        state.kept.row.clear();
        let values = of_rows.iter().map(|column| column[head.at].clone());
        state.kept.row.extend(values);
        for (values, column) in state.kept.items.iter_mut().zip(of_items) {
            values.clear();
            let own = elements.iter().map(|element| column[element.at].clone());
            values.extend(own);
        }
        let times = elements.iter();
        let times = times.filter_map(|element| parts.times.get(element.at));
        let time: Option<Micros> = times.min().copied();
        let counts = self.elements.retain_wanted(&mut state.shown, texts);
        if self.counts(day, customer, counts, state) {
            self.keep((day, customer, ranking), time, state)?;
        }
        Ok(())
    }

    /// Orders the rows of a ranking by their places, if one has a place; else they stay in the order of
    /// files and records.
    fn order(
        &self,
        day: Day,
        ranking: &str,
        elements: &mut Vec<Element>,
        faults: &mut Vec<PartFault<'a>>,
    ) {
        if elements.iter().all(|element| element.place.is_none()) {
            return;
        }
        let mut reject = |element: &Element, expected: String, found: String| {
            faults.push(PartFault {
                at: element.start,
                day,
                column: self.flat.position,
                mismatch: Mismatch::new(expected, found),
            });
        };
        let name = quoted(ranking);
        elements.retain(|element| {
            if element.place.is_none() {
                let expected = format!("a place, as other rows of ranking {name} have one");
                reject(element, expected, "no such column".to_owned());
            }
            element.place.is_some()
        });
        // Stable: of equal places that of the first row is first, and stands.
        elements.sort_by_key(|element| element.place);
        let mut last = None;
        elements.retain(|element| {
            let is_new = last != element.place;
            if let (false, Some(place)) = (is_new, element.place) {
                let expected =
                    format!("another place than that of a row of ranking {name} before it");
                reject(element, expected, place.to_string());
            }
            last = element.place;
            is_new
        });
    }

    /// Rejects rows that contradict others, in the order of files and records.
    fn reject_all<I: Item>(
        &self,
        opened: &[Opened],
        mut faults: Vec<PartFault<'_>>,
        state: &mut ImpressionState<I>,
    ) -> Result<()> {
        faults.sort_by_key(|fault| fault.at);
        for of_file in faults.chunk_by(|a, b| a.at.file == b.at.file) {
            let opened = &opened[index(of_file[0].at.file)];
            // Where the run ends at the first of them, nobody reads what its record is.
            let texts = match self.spec.on_bad_row {
                OnBadRow::Error => BTreeMap::new(),
                OnBadRow::Quarantine => {
                    let rows = of_file.iter().map(|fault| fault.at.row);
                    self.texts_of(opened, &rows.collect())?
                }
            };
            for fault in of_file {
                state.count_rejected(fault.day);
                let at = RowAt {
                    file: opened.file(),
                    row: fault.at.row,
                    column: fault.column,
                };
                let text = || texts.get(&at.row).cloned().unwrap_or_default();
                let rejected = &mut state.rejected;
                self.policy
                    .reject(at, fault.mismatch.clone(), &text, rejected)?;
            }
        }
        Ok(())
    }

    /// The records of some rows of a file, as the quarantine has them.
    fn texts_of(&self, opened: &Opened, rows: &BTreeSet<u64>) -> Result<BTreeMap<u64, String>> {
        let mut texts = BTreeMap::new();
        match opened {
            Opened::Empty(..) => {}
            Opened::Text(file, format, compression) => {
                let columns = [WantedColumn::new(self.flat.item, false)];
                let bytes = self.spec.text_piece_bytes;
                records(
                    file,
                    (*format, *compression),
                    &columns,
                    bytes,
                    &mut |record| {
                        if rows.contains(&record.row) {
                            texts.insert(record.row, (record.text)());
                        }
                        Ok(())
                    },
                )?;
            }
            Opened::Parquet(file) => {
                let declared = self.flat_declared(file, self.shape_of(opened));
                let names: Vec<&str> = declared.iter().map(|column| column.name).collect();
                let leaves = file.select(|path| path.iter().any(|name| names.contains(&&**name)));
                for group in 0..file.row_groups().len() {
                    file.read(group, &leaves, |first, batch| {
                        let numbers = first..first + count64(batch.num_rows());
                        for row in rows.range(numbers) {
                            let at = usize::try_from(row - first).expect("a row of the batch");
                            texts.insert(*row, row_as_json(batch, at));
                        }
                        Ok(())
                    })?;
                }
            }
        }
        Ok(texts)
    }
}

/// The mismatch of a row whose ranking is of another customer.
fn two_customers(ranking: &str, first: Customer<'_>, other: Customer<'_>) -> Mismatch {
    let text = |customer| match customer {
        Customer::Guest => "null".to_owned(),
        Customer::Int(id) => id.to_string(),
        Customer::Text(id) => quoted(id),
    };
    let expected = format!(
        "customer {}, as in the first row of ranking {} of that day; a ranking id is of one customer",
        text(first),
        quoted(ranking)
    );
    Mismatch::new(expected, text(other))
}
