//! Batches to CSV and to NDJSON.
//!
//! **In / Out**: a [`Batch`] → lines: times are wall time without offset, the items of an
//! impression are a JSON array, which CSV holds as quoted text.
//! **Cost**: about 0.5 µs an action and core (measured).

use std::fmt;
use std::fs::File as Disk;
use std::io::{BufWriter, Result, Write};

use super::batch::{Batch, File};
use super::columnar::schema;
use crate::calendar::date_text;
use crate::job::Source;

/// A text file in the making.
pub(super) struct Text {
    /// What it holds.
    file: File,
    /// Its day, as it is written.
    day: String,
    /// How its rows are written.
    form: Form,
    /// Where they go.
    out: BufWriter<Disk>,
}

/// How rows are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// Values between commas, below a header.
    Csv,
    /// An object a line.
    Ndjson,
}

impl Text {
    /// A file without rows; CSV has its header.
    pub(super) fn new(file: &File, form: Form, disk: Disk) -> Result<Text> {
        let mut out = BufWriter::new(disk);
        if form == Form::Csv {
            let schema = schema(file.source);
            let names: Vec<&str> = schema
                .fields()
                .iter()
                .map(|field| field.name().as_str())
                .collect();
            writeln!(out, "{}", names.join(","))?;
        }
        Ok(Text {
            file: *file,
            day: date_text(file.day),
            form,
            out,
        })
    }

    /// Adds rows.
    pub(super) fn write(&mut self, batch: &Batch) -> Result<()> {
        for row in 0..batch.customers.len() {
            match (self.file.source, self.form) {
                (Source::Impressions, Form::Csv) => self.impression_csv(batch, row)?,
                (Source::Impressions, Form::Ndjson) => self.impression_ndjson(batch, row)?,
                (_, Form::Csv) => self.action_csv(batch, row)?,
                (_, Form::Ndjson) => self.action_ndjson(batch, row)?,
            }
        }
        Ok(())
    }

    /// Ends the file and gives it back.
    pub(super) fn finish(self) -> Result<Disk> {
        self.out.into_inner().map_err(|error| error.into_error())
    }

    /// Adds an impression between commas.
    fn impression_csv(&mut self, batch: &Batch, row: usize) -> Result<()> {
        write!(
            self.out,
            "{},{},\"[",
            batch.ranking(row),
            batch.customers[row]
        )?;
        for (at, (item, label)) in batch.shown(row).enumerate() {
            let comma = if at == 0 { "" } else { "," };
            write!(
                self.out,
                r#"{comma}{{""item_id"":{item},""is_order"":{label}}}"#
            )?;
        }
        writeln!(self.out, "]\"")
    }

    /// Adds an impression as an object.
    fn impression_ndjson(&mut self, batch: &Batch, row: usize) -> Result<()> {
        let (ranking, customer) = (batch.ranking(row), batch.customers[row]);
        write!(
            self.out,
            r#"{{"ranking_id":"{ranking}","customer_id":{customer},"impressions":["#
        )?;
        for (at, (item, label)) in batch.shown(row).enumerate() {
            let comma = if at == 0 { "" } else { "," };
            write!(
                self.out,
                r#"{comma}{{"item_id":{item},"is_order":{label}}}"#
            )?;
        }
        writeln!(self.out, "]}}")
    }

    /// Adds an action between commas.
    fn action_csv(&mut self, batch: &Batch, row: usize) -> Result<()> {
        let (day, customer, item) = (&self.day, batch.customers[row], batch.items[row]);
        let time = Time {
            day,
            second: batch.seconds[row],
        };
        let (out, simple) = (&mut self.out, item.wrapping_mul(3));
        match self.file.source {
            Source::Clicks => writeln!(out, "{customer},{item},{time}"),
            Source::Orders => writeln!(out, "{day},{customer},{item},{simple},{time}"),
            _ => writeln!(out, "{customer},{item},{simple},{time}"),
        }
    }

    /// Adds an action as an object.
    fn action_ndjson(&mut self, batch: &Batch, row: usize) -> Result<()> {
        let (day, customer, item) = (&self.day, batch.customers[row], batch.items[row]);
        let time = Time {
            day,
            second: batch.seconds[row],
        };
        let out = &mut self.out;
        if self.file.source == Source::Clicks {
            return writeln!(
                out,
                r#"{{"customer_id":{customer},"item_id":{item},"click_time":"{time}"}}"#
            );
        }
        let date = match self.file.source {
            Source::Orders => format!(r#""order_date":"{day}","#),
            _ => String::new(),
        };
        let simple = item.wrapping_mul(3);
        writeln!(
            out,
            r#"{{{date}"customer_id":{customer},"config_id":{item},"simple_id":{simple},"occurred_at":"{time}"}}"#
        )
    }
}

/// A time, as it is written.
struct Time<'a> {
    /// The day, as it is written.
    day: &'a str,
    /// Seconds since its start.
    second: u32,
}

impl fmt::Display for Time<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (hour, minute, second) = (self.second / 3600, self.second / 60 % 60, self.second % 60);
        write!(out, "{}T{hour:02}:{minute:02}:{second:02}", self.day)
    }
}
