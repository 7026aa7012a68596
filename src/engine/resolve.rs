//! The types of ids and of columns that are added to the output: as the job says, or as its files have
//! them.

use super::specs::read_spec;
use crate::catalog::paths::SourceFiles;
use crate::error::Result;
use crate::job::{
    Attribute, AttributeColumn, AttributeType, CustomerType, Job, Passthrough, PassthroughType,
    Source,
};
use crate::scan::Opened;
use crate::scan::table::arrow::IdColumn;
use crate::scan::table::{attributes, passthrough};

/// The job with a type for each column that it adds to the output. A column of impressions has that of
/// their first Parquet file, or is text if there is none; one of actions that of the last file of each
/// source, by path, that has rows, if that is Parquet and has the column.
///
/// # Errors
/// If such a file cannot be opened, lacks a column of impressions, or holds what cannot be added.
pub(super) fn column_types(
    job: &Job,
    impressions: &[Opened],
    sources: &[SourceFiles],
) -> Result<Job> {
    let keep = job.sequences().keep.iter().map(|column| {
        Ok(Passthrough {
            kind: Some(keep_type(job, column, impressions)?),
            ..column.clone()
        })
    });
    let keep = keep.collect::<Result<_>>()?;
    let mut last = Vec::new();
    if job.attribute_columns().any(|column| column.kind.is_none()) {
        let of_actions = sources.iter().filter(|of| of.source != Source::Impressions);
        let opened = of_actions.map(|source| last_of(job, source));
        last.extend(opened.collect::<Result<Vec<_>>>()?.into_iter().flatten());
    }
    let attributes = job.sequences().attributes.iter().map(|side| match side {
        Attribute::TimeDelta => Ok(Attribute::TimeDelta),
        Attribute::Column(column) => Ok(Attribute::Column(AttributeColumn {
            name: column.name.clone(),
            kind: Some(side_type(job, column, &last)?),
        })),
    });
    Ok(job.with_columns(keep, attributes.collect::<Result<_>>()?))
}

/// The type of a column that is carried through: as given, or by the first Parquet file.
fn keep_type(job: &Job, column: &Passthrough, impressions: &[Opened]) -> Result<PassthroughType> {
    let mut files = impressions.iter().filter_map(|file| match file {
        Opened::Parquet(file) => Some(file),
        Opened::Text(..) | Opened::Empty(..) => None,
    });
    match (column.kind, files.next()) {
        (Some(given), _) => Ok(given),
        (None, None) => Ok(PassthroughType::Text),
        (None, Some(file)) => passthrough::kind_in(&read_spec(job), file, column),
    }
}

/// The last file of a source, by path, that has rows.
fn last_of(job: &Job, source: &SourceFiles) -> Result<Option<Opened>> {
    for file in source.files.iter().rev() {
        let opened = Opened::open(&read_spec(job), file)?;
        if !opened.is_empty() {
            return Ok(Some(opened));
        }
    }
    Ok(None)
}

/// The type of a column beside histories: as given, or by files of all sources: integers if all that have it
/// have integers, else floats.
fn side_type(job: &Job, column: &AttributeColumn, opened: &[Opened]) -> Result<AttributeType> {
    if let Some(given) = column.kind {
        return Ok(given);
    }
    let mut kinds = Vec::new();
    for file in opened {
        let Opened::Parquet(file) = file else {
            continue;
        };
        let name = job.column(file.file.source, &column.name);
        if let Some(found) = file.column(name).map(|field| field.data_type()) {
            let expected = "integers of 8, 16 or 32 bits, or floats; \
                            --with NAME:int32 or NAME:float32 tells other integers";
            let wrong = || file.wrong_type(name, expected, found);
            kinds.push(attributes::kind_of(found).ok_or_else(wrong)?);
        }
    }
    let are_ints = !kinds.is_empty() && kinds.iter().all(|kind| *kind == AttributeType::Int32);
    Ok(match are_ints {
        true => AttributeType::Int32,
        false => AttributeType::Float32,
    })
}

/// The type of customers: text where columns are, else integers.
pub(super) fn customer_type(job: &Job, opened: &[Opened]) -> Result<CustomerType> {
    let name = job.column(Source::Impressions, "customer_id");
    let (of_text, texts) = (CustomerType::Int64, CustomerType::String);
    let differs = "its customers are of another type than in the files before it; \
                   --customer-type string or int64 reads both alike";
    type_of(job, opened, name, (of_text, texts), differs)
}

/// The type of a column of ids: integers where columns are, else text; `of_text` in text files.
pub(super) fn id_type(
    job: &Job,
    opened: &[Opened],
    name: &str,
    of_text: CustomerType,
) -> Result<CustomerType> {
    let differs = format!(
        "its column \"{name}\" is of another type than in the files before it; \
         --id-type string reads them alike"
    );
    type_of(job, opened, name, (of_text, CustomerType::Int64), &differs)
}

/// The type of a column: in Parquet `first` where it holds that, and else the other one.
fn type_of(
    job: &Job,
    opened: &[Opened],
    name: &str,
    (of_text, first): (CustomerType, CustomerType),
    differs: &str,
) -> Result<CustomerType> {
    if let Some(given) = job.customer_type {
        return Ok(given);
    }
    let mut found: Option<CustomerType> = None;
    for file in opened {
        let of = match file {
            Opened::Empty(..) => continue,
            Opened::Text(..) => of_text,
            Opened::Parquet(parquet) => {
                let data_type = parquet.required(name)?.data_type();
                match (IdColumn::holds(data_type, first, false), first) {
                    (true, _) => first,
                    (false, CustomerType::Int64) => CustomerType::String,
                    (false, CustomerType::String) => CustomerType::Int64,
                }
            }
        };
        if found.is_some_and(|found| found != of) {
            return Err(file.file().fault(differs));
        }
        found = Some(of);
    }
    Ok(found.unwrap_or(of_text))
}
