//! Publication gates: conditions on metrics under which a run publishes nothing.
//!
//! **In / Out**: the gates of a job, the metrics of the sets that it names, and those of the run →
//! nothing, or an error that names every gate that fails. **Invariants**: an undefined metric fails its
//! gate: a share of nothing, a source without days, a set without that number. The other sets are read
//! before any work.

use std::path::Path;

use serde_json::{Map, Value};

use super::{DocumentHead, JobMetrics, LANDED_LATE, gaps, merged};
use crate::error::{Error, ErrorKind, Result};
use crate::ids::float;
use crate::job::{Gate, JobKind, Subject};
use crate::manifest::{NOT_SEALED, seal_of};
use crate::publish::{METRICS, refuse_shards};
use crate::store::local;

/// The gates of a job, each with the metric of the set that it compares with.
#[derive(Debug, Default)]
pub(crate) struct Gates(Vec<(Gate, Option<f64>)>);

impl Gates {
    /// Reads the sets that gates name, which must be of the same job kind.
    ///
    /// # Errors
    /// If one of them is not there, is damaged, or was made by another job kind.
    pub(crate) fn read(job_kind: JobKind, gates: &[Gate]) -> Result<Gates> {
        let gates = gates.iter().map(|gate| {
            let other = match &gate.subject {
                Subject::Against(path) => {
                    let text = read_set(path, job_kind)?;
                    let members: Map<String, Value> =
                        serde_json::from_slice(&text).map_err(|_| damaged(&path.join(METRICS)))?;
                    members.get(&gate.metric).and_then(Value::as_f64)
                }
                _ => None,
            };
            Ok((gate.clone(), other))
        });
        Ok(Gates(gates.collect::<Result<_>>()?))
    }

    /// Evaluates the gates on the metrics of the days of a run.
    ///
    /// # Errors
    /// [`ErrorKind::Gate`], naming each gate, the value and the bound.
    pub(crate) fn judge<M: JobMetrics>(&self, days: &[M]) -> Result<()> {
        if self.0.is_empty() {
            return Ok(());
        }
        let mut all = merged(days);
        // Looked up in the text of the document, so that a gate has the names of the file.
        let scalars = serde_json::to_value(all.scalars()).expect("numbers are always JSON");
        let failed = self.0.iter().filter_map(|(gate, other)| {
            let own = scalars.get(&gate.metric).and_then(Value::as_f64);
            let value = match &gate.subject {
                Subject::Run => own,
                Subject::Against(_) => own
                    // A ratio to 0 is undefined, so its gate fails.
                    .zip(other.filter(|other| *other != 0.0))
                    .map(|(own, other)| own / other),
                Subject::Source(source) => {
                    of_source(&gate.metric, &mut all, source.name()).map(float)
                }
            };
            let fails = value.is_none_or(|value| gate.comparison.holds(value, gate.bound));
            let found = value.map_or_else(|| "not known".to_owned(), |value| value.to_string());
            fails.then(|| format!("{gate} is {found}, --fail-if '{}'", gate.text))
        });
        let failed: Vec<String> = failed.collect();
        if failed.is_empty() {
            return Ok(());
        }
        Err(Error::from(ErrorKind::Gate { failed }))
    }
}

/// The value of a metric of one source, if it is known.
fn of_source<M: JobMetrics>(metric: &str, all: &mut M, source: &str) -> Option<u64> {
    match metric {
        LANDED_LATE => *all.landed_late()?.get(source)?,
        _ => gaps::missing_of(all.missing()?, source),
    }
}

/// The metrics of a set, or of a day of one, for a job kind, as text.
///
/// # Errors
/// If they are not there, are damaged, or are another job kind's.
pub(crate) fn read_set(folder: &Path, job_kind: JobKind) -> Result<Vec<u8>> {
    let text = read_sealed(folder)?;
    let head: DocumentHead =
        serde_json::from_slice(&text).map_err(|_| damaged(&folder.join(METRICS)))?;
    if head.job != Some(job_kind) {
        let what = format!(
            "\"{}\" is no set of {}, so its metrics cannot be compared",
            folder.display(),
            job_kind.name()
        );
        return Err(Error::settings(what));
    }
    Ok(text)
}

/// The metrics of a set, or of a day of one, as text that has its own checksum.
///
/// # Errors
/// If they are not there, or are damaged.
pub(crate) fn read_sealed(folder: &Path) -> Result<Vec<u8>> {
    refuse_shards(folder)?;
    let path = folder.join(METRICS);
    if !path.exists() {
        let what = format!("\"{}\" holds no {METRICS}", folder.display());
        return Err(Error::from(ErrorKind::NoInput { what }));
    }
    let text = local::read(&path).map_err(|error| Error::io("read", &path, error))?;
    match seal_of(&text) {
        Some(_) => Ok(text),
        None => Err(damaged(&path)),
    }
}

/// The error of a file whose checksum of itself is wrong, or which makes no sense although it is right.
pub(crate) fn damaged(path: &Path) -> Error {
    Error::bad_file(path.display().to_string(), NOT_SEALED)
}
