//! The errors of the library.
//!
//! **Invariants**: a message names the thing (file, row, column), what was expected and what was
//! found, and, where one exists, the flag that helps. It does not repeat its source.

use std::any::Any;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::advice::{self, Hint};

/// The crate's result.
pub type Result<T> = std::result::Result<T, Error>;

/// An error of the library; boxed, so that `Result` stays one word wide in hot loops.
#[derive(Debug)]
pub struct Error(Box<ErrorKind>);

/// The kinds of error, one for each reaction of a caller.
#[derive(Debug)]
#[non_exhaustive]
pub enum ErrorKind {
    /// Settings that contradict each other or name what does not exist.
    Settings {
        /// What is wrong, and what would be right.
        what: String,
    },
    /// A row that cannot be used.
    BadRow(Box<RowFault>),
    /// A file that cannot be used, at all or from some record on.
    BadFile {
        /// The file, as the user named it.
        file: String,
        /// What was expected and what was found.
        what: String,
    },
    /// Sources of which no row would be used, or times that fit no unit; nothing is published.
    Unused {
        /// What was found in each source, and how to publish anyway.
        what: String,
    },
    /// More rows were rejected than the job allows.
    TooManyBadRows {
        /// The limit that was exceeded.
        limit: u64,
    },
    /// An input that is not there.
    NoInput {
        /// Which input, and how to run without it.
        what: String,
    },
    /// An output that exists, or cannot be made.
    Output {
        /// The output, or the part of it.
        path: PathBuf,
        /// The reason.
        what: String,
        /// The system's error, if there is one.
        source: Option<io::Error>,
    },
    /// Reading or writing failed.
    Io {
        /// What was attempted: "read", "write", "sync".
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// Gates that the output does not pass; nothing is published.
    Gate {
        /// Each such gate: the metric, its value, and the gate as it was given.
        failed: Vec<String>,
    },
    /// The job needs more memory than it may take.
    Memory {
        /// Bytes needed at the moment of the failure.
        wanted: u64,
        /// Bytes allowed.
        limit: u64,
        /// What to do other than raising the limit.
        advice: &'static str,
    },
    /// The run was cancelled by a signal.
    Interrupted {
        /// The number of the signal.
        signal: u8,
    },
    /// A broken invariant: a bug.
    Internal {
        /// What is known about it.
        what: String,
    },
}

/// The position of a bad row, and what is wrong with it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
// Rejected rows are sorted by the order of these fields, so that the bytes of the quarantine do not
// depend on threads: the file comes first, then the row.
pub struct RowFault {
    /// The file, as the user named it.
    pub file: String,
    /// 1-based record of the file; a CSV header is not counted.
    pub row: u64,
    /// The column as the file names it; empty if the record as a whole is bad.
    pub column: String,
    /// The expected value.
    pub expected: String,
    /// The value that was found.
    pub found: String,
    /// What to do about it.
    #[serde(skip)]
    pub hint: Option<Hint>,
}

impl Error {
    /// An error about settings.
    pub fn settings(what: impl Into<String>) -> Error {
        Error::from(ErrorKind::Settings { what: what.into() })
    }

    /// An error about a whole file.
    pub fn bad_file(file: impl Into<String>, what: impl Into<String>) -> Error {
        Error::from(ErrorKind::BadFile {
            file: file.into(),
            what: what.into(),
        })
    }

    /// A failed system call.
    pub fn io(action: &'static str, path: &Path, source: io::Error) -> Error {
        Error::from(ErrorKind::Io {
            action,
            path: path.to_owned(),
            source,
        })
    }

    /// An output that cannot be made, without a system error behind it.
    pub fn output(path: &Path, what: impl Into<String>) -> Error {
        let what = what.into();
        Error::from(ErrorKind::Output {
            path: path.to_owned(),
            what,
            source: None,
        })
    }

    /// The same error with a row number that is `rows` higher.
    pub(crate) fn rows_later(mut self, rows: u64) -> Error {
        if let ErrorKind::BadRow(fault) = &mut *self.0 {
            // The pieces of a text file are read at the same time, and each counts from its own
            // first record. How many records lie before is known only when pieces are joined in
            // order.
            fault.row += rows;
        }
        self
    }

    /// The kind of the error, to match on.
    pub fn kind(&self) -> &ErrorKind {
        &self.0
    }

    /// The exit code of the process, as SPEC lists them.
    pub fn exit_code(&self) -> u8 {
        match self.kind() {
            ErrorKind::Settings { .. } => 2,
            ErrorKind::Gate { .. } => 3,
            ErrorKind::BadRow(_)
            | ErrorKind::BadFile { .. }
            | ErrorKind::TooManyBadRows { .. }
            | ErrorKind::Unused { .. } => 65,
            ErrorKind::NoInput { .. } => 66,
            ErrorKind::Memory { .. } | ErrorKind::Internal { .. } => 70,
            ErrorKind::Output { .. } => 73,
            ErrorKind::Io { .. } => 74,
            // As shells report it. Without the mask the sum could overflow.
            ErrorKind::Interrupted { signal } => 128 + (signal & 0x7f),
        }
    }
}

impl From<ErrorKind> for Error {
    fn from(kind: ErrorKind) -> Error {
        Error(Box::new(kind))
    }
}

impl fmt::Display for RowFault {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let RowFault {
            file,
            row,
            column,
            expected,
            found,
            hint: _,
        } = self;
        write!(out, "could not read row {row}")?;
        if !column.is_empty() {
            write!(out, ", column \"{column}\",")?;
        }
        write!(out, " of \"{file}\": expected {expected}, found {found}")
    }
}

impl fmt::Display for Error {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind() {
            ErrorKind::Settings { what } | ErrorKind::NoInput { what } => out.write_str(what),
            ErrorKind::BadRow(fault) => match fault.hint {
                Some(hint) => {
                    let hint = hint.text().to_owned();
                    let hint = advice::placed(hint, &fault.file, &fault.column);
                    write!(out, "{fault}; {hint}")
                }
                None => write!(out, "{fault}"),
            },
            ErrorKind::Unused { what } => write!(out, "nothing was published: {what}"),
            ErrorKind::BadFile { file, what } => write!(out, "could not read \"{file}\": {what}"),
            ErrorKind::TooManyBadRows { limit } => write!(
                out,
                "more than {limit} rows were rejected; {}",
                Hint::MaxBadRows.text()
            ),
            ErrorKind::Output { path, what, .. } => {
                write!(out, "could not make \"{}\": {what}", path.display())
            }
            ErrorKind::Io { action, path, .. } => {
                write!(out, "could not {action} \"{}\"", path.display())
            }
            ErrorKind::Gate { failed } => {
                write!(out, "nothing was published: {}", failed.join("; "))
            }
            ErrorKind::Memory {
                wanted,
                limit,
                advice,
            } => write!(
                out,
                "the job needs {} MiB of memory and may take {} MiB; raise --memory, or {advice}",
                wanted.div_ceil(1 << 20),
                limit >> 20
            ),
            ErrorKind::Interrupted { signal } => write!(out, "stopped by signal {signal}"),
            ErrorKind::Internal { what } => write!(
                out,
                "internal fault: {what}; nothing was published, please report this"
            ),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self.kind() {
            ErrorKind::Io { source, .. } => Some(source),
            ErrorKind::Output {
                source: Some(source),
                ..
            } => Some(source),
            _ => None,
        }
    }
}

/// The message of a panic.
pub fn panic_text(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("no reason given")
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_fault_names_file_row_and_column() {
        let fault = RowFault {
            file: "events.csv".into(),
            row: 7,
            column: "click_time".into(),
            expected: "a time".into(),
            found: "\"soon\"".into(),
            hint: None,
        };
        let error = Error::from(ErrorKind::BadRow(Box::new(fault)));
        assert_eq!(error.exit_code(), 65);
        assert!(error.to_string().starts_with(
            "could not read row 7, column \"click_time\", of \"events.csv\": expected a time, \
             found \"soon\""
        ));
    }

    #[test]
    fn a_signal_is_an_exit_code_above_128() {
        assert_eq!(
            Error::from(ErrorKind::Interrupted { signal: 2 }).exit_code(),
            130
        );
        assert_eq!(
            Error::from(ErrorKind::Interrupted { signal: 15 }).exit_code(),
            143
        );
    }
}
