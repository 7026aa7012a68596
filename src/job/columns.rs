//! Checks of the columns that `--keep` and `--with` add to the output.

use super::Sequences;
use crate::error::{Error, Result};
use crate::options::{ATTRIBUTE_COLUMNS_MAX, Attribute, OURS};

/// Columns of impressions beside ours that a record is searched for, at most.
const KEPT_MAX: usize = 24;

/// Columns that are added are few, and have names of their own.
///
/// # Errors
/// If not, naming the column.
pub(super) fn check_columns(own: &Sequences) -> Result<()> {
    let kept = || own.keep.iter().map(|keep| keep.name.as_str());
    let told = || own.attributes.iter().map(Attribute::column);
    check_once("--with", told())?;
    let is_kept = |name: &&str| kept().any(|other| other.eq_ignore_ascii_case(name));
    if let Some(name) = told().find(is_kept) {
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
    if own.keep.iter().filter(|keep| !keep.of_items).count() > KEPT_MAX {
        let what = format!("--keep takes at most {KEPT_MAX} columns of impressions");
        return Err(Error::settings(what));
    }
    check_free("--keep", kept())?;
    check_once("--keep", kept())
}

/// No column is named twice.
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

/// No column has a name that the output has already.
fn check_free<'n>(flag: &str, mut names: impl Iterator<Item = &'n str>) -> Result<()> {
    let is_ours = |name: &&str| OURS.iter().any(|ours| ours.eq_ignore_ascii_case(name));
    match names.find(is_ours) {
        None => Ok(()),
        Some(name) => Err(Error::settings(format!(
            "{flag} has \"{name}\", which is a column of the output already"
        ))),
    }
}
