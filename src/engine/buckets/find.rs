//! The files that are dealt, and where their shares go.

use super::FileToDeal;
use super::places::place_of;
use super::text::without_lists;
use crate::catalog::compression::Compression;
use crate::catalog::input::InputFile;
use crate::catalog::paths::SourceFiles;
use crate::engine::inputs::open_all;
use crate::engine::resolve::customer_type;
use crate::error::Result;
use crate::job::{CustomerType, Format, Job, Source};
use crate::place::word;
use crate::scan::Opened;

/// All files with the places of their shares, and the type of customers.
///
/// # Errors
/// If a file is of a format that is not dealt.
pub(super) fn files_to_deal(
    job: &Job,
    sources: &[SourceFiles],
    count: u32,
) -> Result<(Vec<FileToDeal>, CustomerType)> {
    let of_impressions = |source: &&SourceFiles| source.source == Source::Impressions;
    let impressions = sources.iter().filter(of_impressions);
    let impressions: Vec<InputFile> = impressions
        .flat_map(|source| source.files.iter().map(without_lists))
        .collect();
    let impressions = open_all(job, &impressions.iter().collect::<Vec<_>>())?;
    let customers = customer_type(job, &impressions)?;
    let mut files = Vec::new();
    // Impressions that are actions have no files of their own.
    let are_actions = job.sequences().impressions_from.is_some();
    let own = |source: &&SourceFiles| !(are_actions && source.source == Source::Impressions);
    for source in sources.iter().filter(own) {
        let own: Vec<InputFile> = source.files.iter().map(without_lists).collect();
        let opened = open_all(job, &own.iter().collect::<Vec<_>>())?;
        for (at, (opened, file)) in opened.into_iter().zip(&source.files).enumerate() {
            refuse(&opened, file)?;
            let is_packed = match &opened {
                Opened::Text(_, _, compression) => *compression != Compression::None,
                _ => false,
            };
            let named = (at, opened.format(), is_packed);
            files.push(FileToDeal {
                place: place_of(&job.out, count, file, named)?,
                list: file.settings.explode.clone(),
                opened,
            });
        }
    }
    Ok((files, customers))
}

/// Refuses a file whose format cannot be dealt.
fn refuse(opened: &Opened, file: &InputFile) -> Result<()> {
    if opened.is_empty() || opened.format() != Format::Arrow {
        return Ok(());
    }
    let path = word(&file.path.to_string_lossy());
    let advice = format!(
        "Arrow IPC is not dealt; `python3 -c 'import sys, polars; \
         polars.read_ipc(sys.argv[1]).write_parquet(sys.argv[2])' {path} OTHER.parquet` makes Parquet of it: read that \
         in its place"
    );
    Err(file.fault(advice))
}
