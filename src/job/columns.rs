//! Checks of the columns that `--keep` and `--with` add to the output.

use super::{Features, Sequences};
use crate::error::{Error, Result};
use crate::options::{ATTRIBUTE_COLUMNS_MAX, Attribute, OURS, OURS_OF_FEATURES};

/// The most passthrough columns of impressions.
const PASSTHROUGH_MAX: usize = 24;

/// Checks that there are not too many added columns, and that their names are unique.
///
/// # Errors
/// If not, naming the column.
pub(super) fn check_columns(own: &Sequences) -> Result<()> {
    let passthrough = || own.keep.iter().map(|column| column.name.as_str());
    let attributes = || own.attributes.iter().map(Attribute::column);
    check_once("--with", attributes())?;
    let is_passthrough = |name: &&str| passthrough().any(|other| other.eq_ignore_ascii_case(name));
    if let Some(name) = attributes().find(is_passthrough) {
        let what = format!("--with and --keep both have \"{name}\"");
        return Err(Error::settings(what));
    }
    check_free(
        "--with",
        own.attribute_columns().map(|column| &*column.name),
    )?;
    let count = own.attribute_columns().len();
    if count > ATTRIBUTE_COLUMNS_MAX {
        return Err(Error::settings(format!(
            "--with names {count} columns of actions; it takes at most {ATTRIBUTE_COLUMNS_MAX}"
        )));
    }
    // A record of text has room for 32 columns, of which impressions need up to seven. Fields of
    // items are inside one of these, so they do not count.
    if own.keep.iter().filter(|column| !column.of_items).count() > PASSTHROUGH_MAX {
        let what = format!("--keep takes at most {PASSTHROUGH_MAX} columns of impressions");
        return Err(Error::settings(what));
    }
    check_free("--keep", passthrough())?;
    check_once("--keep", passthrough())
}

/// Checks that there are not too many kept columns of `features`, and that their names are free.
///
/// # Errors
/// If not, naming the column.
pub(super) fn check_kept(own: &Features) -> Result<()> {
    let names = || own.keep.iter().map(|kept| kept.column.name.as_str());
    for of_listings in [false, true] {
        let kept = own.keep.iter();
        if kept.filter(|kept| kept.of_listings == of_listings).count() > PASSTHROUGH_MAX {
            let what = format!("--keep takes at most {PASSTHROUGH_MAX} columns of a source");
            return Err(Error::settings(what));
        }
    }
    let windows = own.windows.iter().flat_map(|(window, _)| {
        ["listing", "user"].map(|of| format!("prior_{of}_clicks_{window}"))
    });
    let windows: Vec<String> = windows.collect();
    let ours = OURS_OF_FEATURES
        .into_iter()
        .chain(windows.iter().map(String::as_str));
    let ours: Vec<&str> = ours.collect();
    check_free_of("--keep", &ours, names())?;
    check_once("--keep", names())
}

/// Checks that no column is named twice.
fn check_once<'n>(flag: &str, names: impl Iterator<Item = &'n str>) -> Result<()> {
    let mut seen: Vec<&str> = Vec::new();
    for name in names {
        if seen.iter().any(|other| other.eq_ignore_ascii_case(name)) {
            return Err(Error::settings(format!("{flag} names \"{name}\" twice")));
        }
        seen.push(name);
    }
    Ok(())
}

/// Checks that no added column has the name of a column that the output always has.
fn check_free<'n>(flag: &str, names: impl Iterator<Item = &'n str>) -> Result<()> {
    check_free_of(flag, &OURS, names)
}

/// Checks that no added column has one of the names of `ours`.
fn check_free_of<'n>(
    flag: &str,
    ours: &[&str],
    mut names: impl Iterator<Item = &'n str>,
) -> Result<()> {
    let is_ours = |name: &&str| ours.iter().any(|ours| ours.eq_ignore_ascii_case(name));
    match names.find(is_ours) {
        None => Ok(()),
        Some(name) => Err(Error::settings(format!(
            "{flag} has \"{name}\", which is a column of the output already"
        ))),
    }
}
