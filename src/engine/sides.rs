//! Columns of actions that are told: their types, as the job says or as files have them, and whether
//! there are such columns at all.

use std::borrow::Cow;

use super::specs::read_spec;
use crate::error::{Error, Result};
use crate::job::{Job, Side, SideColumn, SideType, Source};
use crate::scan::Opened;
use crate::scan::actions::ActionNames;
use crate::scan::files::SourceFiles;
use crate::scan::sides::kind_of;
use crate::scan::text::{Record, TextColumn, records};

/// The job with a type for each column that is told: where it gives none, that of the last file of
/// each source, by path, that has rows, if that is Parquet and has the column; floats if any has floats, or none
/// tells.
///
/// # Errors
/// If such a file cannot be opened, or its column is neither integers that fit 32 bits nor floats.
pub(super) fn typed<'a>(job: &'a Job, sources: &[SourceFiles]) -> Result<Cow<'a, Job>> {
    if job.side_columns().all(|of| of.kind.is_some()) {
        return Ok(Cow::Borrowed(job));
    }
    let of_actions = sources.iter().filter(|of| of.source != Source::Impressions);
    let last = of_actions.map(|of| last_of(job, of));
    let opened: Vec<Option<Opened>> = last.collect::<Result<_>>()?;
    let opened: Vec<Opened> = opened.into_iter().flatten().collect();
    let typed = job.sides.iter().map(|side| match side {
        Side::Column(of) if of.kind.is_none() => Ok(Side::Column(SideColumn {
            name: of.name.clone(),
            kind: Some(kind_in(job, of, &opened)?),
        })),
        other => Ok(other.clone()),
    });
    Ok(Cow::Owned(job.telling(typed.collect::<Result<_>>()?)))
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

/// What a column is told as, given files of all sources.
fn kind_in(job: &Job, of: &SideColumn, opened: &[Opened]) -> Result<SideType> {
    let mut kinds = Vec::new();
    for file in opened {
        let Opened::Parquet(file) = file else {
            continue;
        };
        let name = job.column(file.file.source, &of.name);
        if let Some(found) = file.column(name).map(|field| field.data_type()) {
            let expected = "integers of 8, 16 or 32 bits, or floats; \
                            --with NAME:int32 or NAME:float32 tells other integers";
            let wrong = || file.wrong_type(name, expected, found);
            kinds.push(kind_of(found).ok_or_else(wrong)?);
        }
    }
    let are_ints = !kinds.is_empty() && kinds.iter().all(|kind| *kind == SideType::Int32);
    Ok(match are_ints {
        true => SideType::Int32,
        false => SideType::Float32,
    })
}

/// Adds which told columns another thread has seen.
pub(super) fn add_seen(seen: &mut [bool], more: impl IntoIterator<Item = bool>) {
    seen.iter_mut()
        .zip(more)
        .for_each(|(seen, more)| *seen |= more);
}

/// Checks that each column that is told was in some file of actions, if there are any; `seen` says
/// which some record of text had.
///
/// # Errors
/// If not: the fault of one of the files, Parquet if there is one, which names the columns it has.
pub(super) fn check_seen(job: &Job, opened: &[Opened], seen: &[bool]) -> Result<()> {
    let (mut empty, full): (Vec<&Opened>, Vec<&Opened>) =
        opened.iter().partition(|file| file.is_empty());
    // A source without any row may have it; beside files that lack it an empty one says nothing.
    let sources: Vec<Source> = full.iter().map(|file| file.file().source).collect();
    empty.retain(|file| !sources.contains(&file.file().source));
    let (parquet, text): (Vec<&Opened>, Vec<&Opened>) = full
        .into_iter()
        .partition(|file| matches!(file, Opened::Parquet(_)));
    let unseen = seen.iter().enumerate().filter(|(_, seen)| !**seen);
    for (place, _) in unseen.take_while(|(place, _)| *place < job.side_columns().len()) {
        let missing_in = |file: &&Opened| {
            let mut told = ActionNames::new(&read_spec(job), file.file().source).told();
            let (_, name, _) = told.nth(place)?;
            missing(job, file, name)
        };
        // Text that nothing was read of may have it, as it need not be read.
        let mut fault = None;
        for file in parquet.iter().chain(&text).chain(&empty) {
            let Some(error) = missing_in(file) else {
                fault = None;
                break;
            };
            fault.get_or_insert(error);
        }
        fault.map_or(Ok(()), Err)?;
    }
    Ok(())
}

/// The fault of a file of actions that lacks a column.
fn missing(job: &Job, file: &Opened, name: &str) -> Option<Error> {
    match file {
        Opened::Parquet(file) => file.required(name).err(),
        Opened::Text(input, ..) => {
            let columns = [TextColumn::new(name, true)];
            let format = file.text_format();
            let mut nothing = |_: Record<'_>| Ok(());
            records(input, format, &columns, job.text_piece_bytes, &mut nothing).err()
        }
        Opened::Empty(..) => None,
    }
}
