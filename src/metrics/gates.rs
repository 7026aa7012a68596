//! Gates and metrics to a verdict: whether a set may be published.
//!
//! **In / Out**: the gates of a job, the metrics of the sets that it names, and those of what the run
//! made → nothing, or an error that tells every gate that it does not pass. **Invariants**: what
//! cannot be judged does not pass: a share of nothing, a source without days, a set without that
//! number. The other sets are read before any work.

use std::path::Path;

use serde_json::{Map, Value};

use super::{LANDED_LATE, Metrics, gaps, landed};
use crate::error::{Error, ErrorKind, Result};
use crate::ids::float;
use crate::job::{Gate, Question, Subject};
use crate::manifest::seal_of;
use crate::publish::METRICS;
use crate::regular;

/// The gates of a job, with what other sets have.
#[derive(Debug, Default)]
pub(crate) struct Gates(Vec<(Gate, Option<Value>)>);

impl Gates {
    /// Reads the sets that gates name, which the same job kind made.
    ///
    /// # Errors
    /// If one of them is not there, is damaged, or was made by another question.
    pub(crate) fn read(question: Question, gates: &[Gate]) -> Result<Gates> {
        let gates = gates.iter().map(|gate| {
            let other = match &gate.of {
                Subject::Against(path) => {
                    let told = read_set(path, question)?;
                    Some(told[&gate.metric].clone())
                }
                _ => None,
            };
            Ok((gate.clone(), other))
        });
        Ok(Gates(gates.collect::<Result<_>>()?))
    }

    /// An error if what a run made, of so many days, may not be published.
    ///
    /// # Errors
    /// [`ErrorKind::Gate`], naming each gate, the value and the bound.
    pub(crate) fn judge(&self, question: Question, days: &[Metrics]) -> Result<()> {
        if self.0.is_empty() {
            return Ok(());
        }
        let mut all = Metrics::default();
        days.iter().for_each(|day| all.merge(day));
        let scalars = all.scalars(question);
        let failed = self.0.iter().filter_map(|(gate, other)| {
            let value = value_of(gate, other.as_ref(), (&all, &scalars));
            let is_shut = value.is_none_or(|value| gate.comparison.holds(value, gate.bound));
            let told = value.map_or_else(|| "not known".to_owned(), |value| value.to_string());
            is_shut.then(|| format!("{gate} is {told}, --fail-if '{}'", gate.text))
        });
        let failed: Vec<String> = failed.collect();
        match failed.is_empty() {
            true => Ok(()),
            false => Err(Error::from(ErrorKind::Gate { failed })),
        }
    }
}

/// The value that a gate looks at; nothing if it is not known.
fn value_of(
    gate: &Gate,
    other: Option<&Value>,
    (all, scalars): (&Metrics, &Map<String, Value>),
) -> Option<f64> {
    let own = || scalars.get(&gate.metric).and_then(Value::as_f64);
    match &gate.of {
        Subject::Run => own(),
        Subject::Against(_) => {
            let other = other
                .and_then(Value::as_f64)
                .filter(|other| *other != 0.0)?;
            Some(own()? / other)
        }
        Subject::Source(source) if gate.metric == LANDED_LATE => {
            landed::of_source(all, source.name()).map(float)
        }
        Subject::Source(source) => gaps::missing_of(all.missing.get(source.name())?).as_f64(),
    }
}

/// Reads the metrics of a set, or of a day of one, for a question.
///
/// # Errors
/// If they are not there, are damaged, or are another question's.
pub(crate) fn read_set(folder: &Path, question: Question) -> Result<Value> {
    let told = read_sealed(folder)?;
    if told["job"] != question.name() {
        let what = format!(
            "\"{}\" is no set of {}, so its metrics cannot be compared",
            folder.display(),
            question.name()
        );
        return Err(Error::settings(what));
    }
    Ok(told)
}

/// Reads the metrics of a set, or of a day of one.
///
/// # Errors
/// If they are not there, or are damaged.
pub(crate) fn read_sealed(folder: &Path) -> Result<Value> {
    let path = folder.join(METRICS);
    if !path.exists() {
        let what = format!("\"{}\" holds no {METRICS}", folder.display());
        return Err(Error::from(ErrorKind::NoInput { what }));
    }
    let text = regular::read(&path).map_err(|error| Error::io("read", &path, error))?;
    let damaged = || {
        let what = "its bytes are not those that its own checksum, at its end, is of";
        Error::bad_file(path.display().to_string(), what)
    };
    seal_of(&text).ok_or_else(damaged)?;
    serde_json::from_slice(&text).map_err(|_| damaged())
}
