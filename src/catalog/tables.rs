//! Folders of table formats, which are refused: Delta Lake, Iceberg, Hudi, sinks of Spark.
//!
//! **In / Out**: a file or a folder → nothing, or an error that says how to export the table.
//! **Invariants**: no file in such a folder is read, at any depth, whether the user names it by a
//! folder, a glob, a list or a link. **Why so**: rows that were deleted, replaced or written twice stay
//! in the files of a table, and only its log tells; renamed columns keep their old names there.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf, absolute};

use crate::error::{Error, Result};
use crate::job::Source;
use crate::place::{free, word};

/// A table format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum TableFormat {
    /// Delta Lake.
    Delta,
    /// Apache Iceberg.
    Iceberg,
    /// Apache Hudi.
    Hudi,
    /// The file sink of Spark Structured Streaming.
    SparkSink,
}

/// A path as bytes.
fn bytes_of(path: &Path) -> &[u8] {
    path.as_os_str().as_encoded_bytes()
}

/// Looks for table formats, at each folder once.
#[derive(Debug)]
pub(crate) struct TableFinder {
    source: Source,
    /// Folders that are no table by the names in them.
    listed: BTreeSet<Vec<u8>>,
    /// Folders that neither are a table nor lie in one, as bytes, which compare faster than components.
    plain: BTreeSet<Vec<u8>>,
}

impl TableFinder {
    /// A finder for the files of a source.
    pub(crate) fn new(source: Source) -> TableFinder {
        TableFinder {
            source,
            listed: BTreeSet::new(),
            plain: BTreeSet::new(),
        }
    }

    /// Checks all folders that a file lies in, by its path and by the path without links, `real`.
    ///
    /// # Errors
    /// If one of them is a table.
    pub(crate) fn check_around(&mut self, path: &Path, real: &Path) -> Result<()> {
        let whole = absolute(path);
        // As named, for messages; absolute, for folders above the current one; real, for folders
        // that links lead into.
        let paths = [Some(path), whole.as_deref().ok(), Some(real)];
        for path in paths.into_iter().flatten() {
            let folders = path.ancestors().skip(1);
            // The parents of a known folder were checked with it.
            let new = folders.take_while(|folder| !self.plain.contains(bytes_of(folder)));
            let new = new.filter(|folder| !folder.as_os_str().is_empty());
            let new: Vec<&Path> = new.collect();
            let unlisted = new
                .iter()
                .filter(|folder| !self.listed.contains(bytes_of(folder)));
            unlisted
                .copied()
                .try_for_each(|folder| self.check(folder))?;
            // Not before all are checked: a folder is plain only if all above it are.
            let new = new.into_iter().map(|folder| bytes_of(folder).to_vec());
            self.plain.extend(new);
        }
        Ok(())
    }

    /// Checks a folder, given its path without links and the names of what is in it: no call of the system, for a
    /// folder for each day.
    ///
    /// # Errors
    /// If it is a table.
    pub(crate) fn check_listed(
        &mut self,
        folder: &Path,
        real: &Path,
        mut names: impl Iterator<Item = OsString>,
    ) -> Result<()> {
        if names.any(|name| MARKS.iter().any(|mark| name == *mark)) {
            return self.check(folder);
        }
        let whole = absolute(folder);
        let paths = [Some(folder), whole.as_deref().ok(), Some(real)];
        let listed = paths.into_iter().flatten();
        self.listed
            .extend(listed.map(|path| bytes_of(path).to_vec()));
        Ok(())
    }

    /// Checks one folder.
    ///
    /// # Errors
    /// If it is a table.
    fn check(&self, folder: &Path) -> Result<()> {
        let Some(table) = table_in(folder) else {
            return Ok(());
        };
        let what = table.advice(folder, self.source);
        Err(Error::bad_file(folder.display().to_string(), what))
    }
}

/// What a folder has if it is a table.
const MARKS: [&str; 4] = ["_delta_log", ".hoodie", "_spark_metadata", METADATA];
/// What a folder has if it is an Iceberg table, and others may have.
const METADATA: &str = "metadata";

/// The table format of a folder, if it is a table.
fn table_in(folder: &Path) -> Option<TableFormat> {
    let of_mark = [
        TableFormat::Delta,
        TableFormat::Hudi,
        TableFormat::SparkSink,
    ];
    let mut marks = std::iter::zip(MARKS, of_mark);
    if let Some((_, table)) = marks.find(|(mark, _)| folder.join(mark).is_dir()) {
        return Some(table);
    }
    // Last, because it reads a folder.
    is_iceberg(folder).then_some(TableFormat::Iceberg)
}

/// Whether a folder is an Iceberg table, which a folder `metadata` alone does not prove.
fn is_iceberg(folder: &Path) -> bool {
    let Ok(entries) = fs::read_dir(folder.join(METADATA)) else {
        return false;
    };
    let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let (mut has_versions, mut has_lists) = (false, false);
    for name in names {
        if name == "version-hint.text" {
            return true;
        }
        has_versions |= name.ends_with(".metadata.json") || name.ends_with(".metadata.json.gz");
        has_lists |= name.starts_with("snap-") && name.ends_with(".avro");
    }
    has_versions && (has_lists || folder.join("data").is_dir())
}

impl TableFormat {
    /// What the folder is, why it is not read, and how to export it.
    fn advice(self, folder: &Path, source: Source) -> String {
        let name = source.name();
        let to = free(|at| match at {
            0 => PathBuf::from(format!("{name}.parquet")),
            at => PathBuf::from(format!("{name}-{at}.parquet")),
        });
        let to = to.display().to_string();
        let from = folder.display().to_string();
        let duckdb = |scan: &str| {
            let (from, to) = (from.replace('\'', "''"), to.replace('\'', "''"));
            format!("COPY (SELECT * FROM {scan}('{from}')) TO '{to}'")
        };
        let python = |read: &str| {
            let (from, to) = (python_text(&from), python_text(&to));
            format!("polars.{read}({from}).write_parquet({to})")
        };
        let spark = |read: &str| {
            let (from, to) = (python_text(&from), python_text(&to));
            format!("spark.read{read}({from}).write.parquet({to})")
        };
        let (what, why, engines) = match self {
            TableFormat::Delta => (
                "a Delta table",
                "only its log tells which rows of its files count",
                vec![
                    format!("DuckDB: {}", duckdb("delta_scan")),
                    format!("Python: {}", python("read_delta")),
                    format!("Spark: {}", spark(".format(\"delta\").load")),
                ],
            ),
            TableFormat::Iceberg => (
                "an Iceberg table",
                "only its metadata tell which rows of its files count, and what columns are called",
                vec![
                    format!("DuckDB: {}", duckdb("iceberg_scan")),
                    format!("Spark: {}", spark(".format(\"iceberg\").load")),
                ],
            ),
            TableFormat::Hudi => (
                "a Hudi table",
                "only its timeline tells which version of a file counts",
                vec![format!("Spark: {}", spark(".format(\"hudi\").load"))],
            ),
            TableFormat::SparkSink => (
                "the output of a Spark stream",
                "only its _spark_metadata tells which files count, and which are of batches that \
                 were tried again",
                vec![format!("Spark: {}", spark(".parquet"))],
            ),
        };
        format!(
            "this is {what}: {why}, so neither its folder nor a list of its files is read; have an \
             engine that knows it write its rows out, and name what it made, --{} {}. {}",
            source.name(),
            word(&to),
            engines.join("; ")
        )
    }
}

/// A string literal of Python and Scala.
fn python_text(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A folder that has these files.
    fn folder_of(names: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().expect("a folder");
        for name in names {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().expect("a folder")).expect("made");
            fs::write(path, "").expect("a file");
        }
        folder
    }

    #[test]
    fn tables_are_known_by_what_lies_in_them() {
        let version = "metadata/00001-a.metadata.json";
        for (names, table) in [
            (&["_delta_log/0.json"][..], Some(TableFormat::Delta)),
            (&[".hoodie/hoodie.properties"], Some(TableFormat::Hudi)),
            (&["_spark_metadata/0"], Some(TableFormat::SparkSink)),
            (&[version, "data/a.parquet"], Some(TableFormat::Iceberg)),
            (
                &[version, "metadata/snap-1.avro"],
                Some(TableFormat::Iceberg),
            ),
            (
                &[version, "metadata/version-hint.text"],
                Some(TableFormat::Iceberg),
            ),
            (&[version, "a.parquet"], None),
            (&["metadata/notes.json", "data/a.parquet"], None),
            (&["metadata/snap-1.avro", "data/a.parquet"], None),
            (&["metadata", "data/a.parquet"], None),
            (&["_delta_log", ".hoodie", "_spark_metadata"], None),
        ] {
            let folder = folder_of(names);
            assert_eq!(table_in(folder.path()), table, "{names:?}");
        }
    }
}
