//! What can go wrong, said so that a person can act on it.
//!
//! **Invariants**: a message names the thing (file, row, column), what was expected and what was
//! found, and, where one exists, the flag that helps. It does not repeat its source.

use std::any::Any;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use crate::advice::{self, Hint};

/// The crate's result.
pub type Result<T> = std::result::Result<T, Error>;

/// An error of the library; boxed, so that `Result` stays one word wide in hot loops.
#[derive(Debug)]
pub struct Error(Box<ErrorKind>);

/// The kinds of error, one for each thing a caller might do about it.
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
    /// Sources to which a set would owe nothing, or times that fit no unit; nothing is published then.
    Unused {
        /// What was found of each source, and what would let it pass.
        what: String,
    },
    /// More rows were rejected than the job allows.
    TooManyBadRows {
        /// The limit that was passed.
        limit: u64,
    },
    /// An input that is not there.
    NoInput {
        /// Which one, and how to do without it.
        what: String,
    },
    /// An output that exists, or cannot be made.
    Output {
        /// The output, or the part of it.
        path: PathBuf,
        /// What stands in the way.
        what: String,
        /// What the system said, if it was asked.
        source: Option<io::Error>,
    },
    /// Reading or writing failed.
    Io {
        /// What was attempted: "read", "write", "sync".
        action: &'static str,
        /// On which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A gate that what was made does not pass; nothing is published then.
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
        /// What to do, if not allow more.
        advice: &'static str,
    },
    /// The user, or the system, asked for an end.
    Interrupted {
        /// The number of the signal.
        signal: u8,
    },
    /// A promise between our own functions was broken.
    Internal {
        /// What is known about it.
        what: String,
    },
}

/// Where a row is at fault, and why.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RowFault {
    /// The file, as the user named it.
    pub file: String,
    /// 1-based record of the file; a CSV header is not counted.
    pub row: u64,
    /// The column as the file names it; empty where the record as a whole is at fault.
    pub column: String,
    /// What should have been there.
    pub expected: String,
    /// What was there.
    pub found: String,
    /// What to do, beside what the column would take.
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

    /// The same error, where so many records of the file come before those that were counted.
    pub(crate) fn rows_later(mut self, rows: u64) -> Error {
        if let ErrorKind::BadRow(fault) = &mut *self.0 {
            fault.row += rows;
        }
        self
    }

    /// What happened, to match on.
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

/// What a panic said.
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
