//! What a job leaves open, decided by its files and by the set that it adds to: the types of ids, the
//! types of added columns, and the zone.
//!
//! **In / Out**: a [`Job`] and opened files → types, or a job with nothing left open. **Invariants**:
//! what the job says is never overruled.

use super::specs::read_spec;
use crate::catalog::paths::SourceFiles;
use crate::error::Result;
use crate::job::{
    Attribute, AttributeColumn, AttributeType, CustomerType, Job, KeptColumn, Passthrough,
    PassthroughType, Publish, Source,
};
use crate::publish::MANIFEST;
use crate::scan::Opened;
use crate::scan::table::arrow::IdColumn;
use crate::scan::table::{attributes, passthrough};

/// The job with its zone named, if it adds days to an existing set, as the set was given that zone.
pub(crate) fn in_zone_of_set(job: &Job) -> Job {
    let adds = matches!(job.publish, Publish::AddDays(_));
    // The manifest of a set always names its zone, and it is compared with that of the job. So the
    // zone counts as given, and wall times beside instants are no error.
    if adds && job.out.join(MANIFEST).exists() {
        job.in_named_zone()
    } else {
        job.clone()
    }
}

/// The job with a type for each passthrough and attribute column. A passthrough column has the type that
/// the first Parquet file of impressions with it says, or is text if there is no such file. An attribute column
/// has the type that Parquet files of actions say: of each source the last one, by path, that has rows.
///
/// # Errors
/// If such a file cannot be opened, or has a column of a type that is not supported.
pub(super) fn column_types(
    job: &Job,
    impressions: &[Opened],
    sources: &[SourceFiles],
) -> Result<Job> {
    let keep = job.sequences().keep.iter().map(|column| {
        Ok(Passthrough {
            kind: Some(passthrough_type(job, column, impressions)?),
            ..column.clone()
        })
    });
    let keep = keep.collect::<Result<_>>()?;
    let mut last = Vec::new();
    // Footers of actions are read this early only if they have to decide a type.
    if job.attribute_columns().any(|column| column.kind.is_none()) {
        let actions = sources
            .iter()
            .filter(|source| source.source != Source::Impressions);
        let opened = actions.map(|source| last_with_rows(job, source));
        last.extend(opened.collect::<Result<Vec<_>>>()?.into_iter().flatten());
    }
    let attributes = job.sequences().attributes.iter();
    let attributes = attributes.map(|attribute| match attribute {
        Attribute::TimeDelta | Attribute::Time => Ok(attribute.clone()),
        Attribute::Column(column) => Ok(Attribute::Column(AttributeColumn {
            name: column.name.clone(),
            kind: Some(attribute_type(job, column, &last)?),
        })),
    });
    Ok(job.with_columns(keep, attributes.collect::<Result<_>>()?))
}

/// The job with a type for each kept column of `features`: as given; else as the first Parquet file of its source
/// with it says, or text if there is no such file.
///
/// # Errors
/// If such a file cannot be opened, or has a column of a type that is not supported.
pub(super) fn kept_types(job: &Job, sources: &[SourceFiles]) -> Result<Job> {
    let keep = job.features().keep.iter().map(|kept| {
        let source = if kept.of_listings {
            Source::Listings
        } else {
            Source::Impressions
        };
        let mut files = sources.iter().filter(|files| files.source == source);
        let first = match (kept.column.kind, files.next()) {
            (None, Some(files)) => first_parquet(job, files, &kept.column)?,
            _ => Vec::new(),
        };
        Ok(KeptColumn {
            column: Passthrough {
                kind: Some(passthrough_type(job, &kept.column, &first)?),
                ..kept.column.clone()
            },
            ..*kept
        })
    });
    Ok(job.with_kept(keep.collect::<Result<_>>()?))
}

/// The first Parquet file of a source that has a column, if there is one.
fn first_parquet(job: &Job, source: &SourceFiles, column: &Passthrough) -> Result<Vec<Opened>> {
    for file in &source.files {
        let opened = Opened::open(&read_spec(job), file)?;
        if matches!(&opened, Opened::Parquet(file) if file.column(&column.name).is_some()) {
            return Ok(vec![opened]);
        }
    }
    Ok(Vec::new())
}

/// The type of a passthrough column: as given, or as in the first Parquet file with it.
fn passthrough_type(
    job: &Job,
    column: &Passthrough,
    impressions: &[Opened],
) -> Result<PassthroughType> {
    if let Some(given) = column.kind {
        return Ok(given);
    }
    for file in impressions {
        if let Opened::Parquet(file) = file
            && let Some(kind) = passthrough::kind_in(&read_spec(job), file, column)?
        {
            return Ok(kind);
        }
    }
    Ok(PassthroughType::Text)
}

/// The last file of a source, by path, that has rows.
fn last_with_rows(job: &Job, source: &SourceFiles) -> Result<Option<Opened>> {
    // The last, as logs gain columns over the years and an early file may lack one.
    for file in source.files.iter().rev() {
        let opened = Opened::open(&read_spec(job), file)?;
        if !opened.is_empty() {
            return Ok(Some(opened));
        }
    }
    Ok(None)
}

/// The type of an attribute column: as given; else int32 if it has integers in all Parquet files that
/// have it, else float32.
fn attribute_type(job: &Job, column: &AttributeColumn, opened: &[Opened]) -> Result<AttributeType> {
    if let Some(given) = column.kind {
        return Ok(given);
    }
    let mut kinds = Vec::new();
    for file in opened {
        let Opened::Parquet(file) = file else {
            continue;
        };
        let name = job.column(file.file.source, &column.name);
        if let Some(data_type) = file.column(name).map(|field| field.data_type()) {
            let expected = "integers of 8, 16 or 32 bits, or floats; \
                            --with NAME:int32 or NAME:float32 reads other integers";
            let wrong = || file.wrong_type(name, expected, data_type);
            kinds.push(attributes::kind_of(data_type).ok_or_else(wrong)?);
        }
    }
    // `all` holds for an empty list too, but columns of text files are floats.
    let are_ints = !kinds.is_empty() && kinds.iter().all(|kind| *kind == AttributeType::Int32);
    Ok(if are_ints {
        AttributeType::Int32
    } else {
        AttributeType::Float32
    })
}

/// The type of customers: as given; else text if Parquet files have text, else integers.
pub(super) fn customer_type(job: &Job, opened: &[Opened]) -> Result<CustomerType> {
    let name = job.column(Source::Impressions, "customer_id");
    let differs = "its customers are of another type than in the files before it; \
                   --customer-type string or int64 reads both alike";
    // A shard may have no impression, and its inputs are dealt by the type of all.
    if let (Some(share), true) = (job.share(), opened.iter().all(Opened::is_empty)) {
        return Ok(job.customer_type.unwrap_or(share.customers));
    }
    let (in_text, first) = (CustomerType::Int64, CustomerType::String);
    type_of(job, opened, name, in_text, first, differs)
}

/// The type of a column of ids: as given; else integers if Parquet files have integers, else text. In
/// text files it is `in_text`.
pub(super) fn id_type(
    job: &Job,
    opened: &[Opened],
    name: &str,
    in_text: CustomerType,
) -> Result<CustomerType> {
    let differs = format!(
        "its column \"{name}\" is of another type than in the files before it; \
         --id-type string reads them alike"
    );
    let first = CustomerType::Int64;
    type_of(job, opened, name, in_text, first, &differs)
}

/// The type of a column of ids, which all files must agree on. In text files it is `in_text`; in Parquet
/// files `first` if the column can be read as that, else the other type. `differs` is the error where
/// files disagree.
fn type_of(
    job: &Job,
    opened: &[Opened],
    name: &str,
    in_text: CustomerType,
    first: CustomerType,
    differs: &str,
) -> Result<CustomerType> {
    if let Some(given) = job.customer_type {
        return Ok(given);
    }
    let mut known: Option<CustomerType> = None;
    for file in opened {
        let id_type = match file {
            // Nothing of it is read, so its types cannot disagree with others.
            Opened::Empty(..) => continue,
            Opened::Text(..) => in_text,
            Opened::Parquet(parquet) => {
                let data_type = parquet.required(name)?.data_type();
                // A column that is neither is given the other type; its reader then reports the
                // type that it has.
                match (IdColumn::holds(data_type, first, false), first) {
                    (true, _) => first,
                    (false, CustomerType::Int64) => CustomerType::String,
                    (false, CustomerType::String) => CustomerType::Int64,
                }
            }
        };
        if known.is_some_and(|known| known != id_type) {
            return Err(file.file().fault(differs));
        }
        known = Some(id_type);
    }
    Ok(known.unwrap_or(in_text))
}
