//! A text to its shares: whole records as they are written, behind the same header.
//!
//! Records of JSON that are not lines become an array in each shard.

use std::path::Path;
use std::sync::Arc;

use super::DealSpec;
use super::document::ShareEntry;
use super::owner::Dealer;
use super::shares::{PerShard, ShareFile, SharePlace};
use crate::catalog::compression::Compression;
use crate::catalog::input::InputFile;
use crate::error::{Error, Result};
use crate::job::{Format, SourceSettings};
use crate::scan::text::columns::WantedColumn;
use crate::scan::text::field::Field;
use crate::scan::text::records::records;
use crate::scan::text::verbatim::VerbatimText;

/// The mark of a text in UTF-8.
const MARK: &[u8] = b"\xef\xbb\xbf";

/// A text that is dealt.
pub(super) struct TextToDeal<'a> {
    pub(super) file: &'a InputFile,
    pub(super) format: (Format, Compression),
    /// The column of customers.
    pub(super) column: &'a str,
    /// The column of lists whose elements are the rows, if records are not.
    pub(super) list: Option<&'a str>,
}

/// What stands around the records of a share.
struct Frame {
    head: Vec<u8>,
    between: &'static [u8],
    end: &'static [u8],
}

/// The shares of a text that is being read.
struct TextShares<'a> {
    spec: &'a DealSpec<'a>,
    dealer: &'a Dealer,
    text: &'a TextToDeal<'a>,
    place: &'a SharePlace,
    frame: Frame,
    shares: PerShard<ShareFile<'a>>,
    /// Bytes that are not written yet.
    held: u64,
    rows: u64,
}

/// Deals a text; gives the shares and the number of its records.
///
/// # Errors
/// If it cannot be read, or a share would be read otherwise.
pub(super) fn deal_text(
    spec: &DealSpec<'_>,
    dealer: &Dealer,
    text: &TextToDeal<'_>,
    place: &SharePlace,
) -> Result<(Vec<(u32, ShareEntry)>, u64)> {
    let mut shares = TextShares {
        spec,
        dealer,
        text,
        place,
        frame: Frame {
            head: b"[\n".to_vec(),
            between: b",\n",
            end: b"\n]\n",
        },
        shares: PerShard::new(place.count),
        held: 0,
        rows: 0,
    };
    // Of records with lists, only those that have the customer themselves can be dealt.
    let wanted = WantedColumn::new(text.column, text.list.is_none());
    if text.format.0 == Format::Json {
        let bytes = spec.read.text_piece_bytes;
        records(text.file, text.format, &[wanted], bytes, &mut |record| {
            spec.context.tick(record.row)?;
            let customer = record.fields.as_ref().ok().map(|fields| &fields[0]);
            shares.add(customer, (record.text)().as_bytes())?;
            shares.write_out()
        })?;
        spec.context.count_read(0, text.file.size());
        return shares.finish(None);
    }
    let mut lines = VerbatimText::open(text.file, text.format, wanted, spec.read.text_piece_bytes)?;
    shares.frame = Frame {
        head: lines.head()?,
        between: b"\n",
        end: b"\n",
    };
    loop {
        let before = shares.rows;
        let Some(steps) = lines.next(&mut |customer, bytes| shares.add(customer, bytes))? else {
            break;
        };
        spec.context.count_read(shares.rows - before, steps);
        spec.context.check()?;
        shares.write_out()?;
    }
    let dealt = shares.finish(Some(&lines))?;
    lines.finish()?;
    Ok(dealt)
}

impl TextShares<'_> {
    /// Adds a record to its share.
    fn add(&mut self, customer: Option<&Field<'_>>, bytes: &[u8]) -> Result<()> {
        if let (Some(list), Some(Field::Missing)) = (self.text.list, customer) {
            return Err(inside(self.text, list));
        }
        let number = self.dealer.shard_of_field(customer);
        let (spec, place, frame) = (self.spec, self.place, &self.frame);
        let is_packed = self.text.format.1 != Compression::None;
        let share = self.shares.of(number, || {
            Ok(ShareFile::new(spec.staging, place, number, is_packed))
        })?;
        let before = share.held();
        if share.rows == 0 {
            // What begins like a mark would be taken for one.
            let first = if frame.head.is_empty() {
                bytes
            } else {
                &frame.head
            };
            if first.starts_with(MARK) {
                share.hold(MARK);
            }
            share.hold(&frame.head);
        } else {
            share.hold(frame.between);
        }
        share.hold(bytes);
        share.rows += 1;
        self.held += share.held() - before;
        self.rows += 1;
        Ok(())
    }

    /// Writes what is held, if it is too much.
    fn write_out(&mut self) -> Result<()> {
        if self.held > self.spec.quota {
            self.shares.each().try_for_each(ShareFile::write_out)?;
            self.held = 0;
        }
        Ok(())
    }

    /// Ends all shares, and checks that each is read as the text is.
    fn finish(self, lines: Option<&VerbatimText<'_>>) -> Result<(Vec<(u32, ShareEntry)>, u64)> {
        let (file, spec) = (self.text.file, self.spec);
        let own = spec.read.of_source(file.source);
        let telling = own.column(file.source, file.source.telling_column(own.job_kind));
        let mut dealt = Vec::new();
        for (number, mut share) in self.shares.into_each() {
            share.hold(self.frame.end);
            dealt.push((number, share.finish(self.place)?));
            let copy = copy_at(&spec.staging.dealt(&self.place.path_of(number)), file);
            let found = copy.detect(own.format, telling)?;
            let is_same = found.format == self.text.format.0 && !found.is_empty;
            let other = match lines {
                _ if !is_same => Some("format"),
                Some(lines) if !lines.is_layout_of(&copy, found)? => Some("delimiter"),
                _ => None,
            };
            if let Some(key) = other {
                return Err(read_otherwise(file, key));
            }
        }
        Ok((dealt, self.rows))
    }
}

/// A share as a file that is read.
fn copy_at(path: &Path, file: &InputFile) -> InputFile {
    InputFile {
        path: path.to_owned(),
        whole: Arc::default(),
        spooled: None,
        ..file.clone()
    }
}

/// The error of a file of which a share would be read otherwise.
fn read_otherwise(file: &InputFile, key: &str) -> Error {
    let source = file.source.name();
    let value = match key {
        "format" => "csv, or ndjson",
        _ => "','",
    };
    file.fault(format!(
        "its {key} is seen in its first rows, and not in those of every shard; name it, here and for the shards: \
         --source {source}.{key}={value}"
    ))
}

/// The error of records whose customers are in the elements of their lists.
fn inside(text: &TextToDeal<'_>, list: &str) -> Error {
    let column = text.column;
    text.file.fault(format!(
        "its records have no \"{column}\" outside of the list \"{list}\", and records are dealt as a whole; make a \
         file of the elements of the lists first, or let each shard read all: --shard I/N without bucket"
    ))
}

/// The same file, read without the list whose elements are rows.
pub(super) fn without_lists(file: &InputFile) -> InputFile {
    let settings = SourceSettings {
        explode: None,
        ..file.settings.as_ref().clone()
    };
    InputFile {
        settings: settings.into(),
        ..file.clone()
    }
}
