//! The manifest of a set to the job that made it.

use serde::Deserialize;
use serde_json::{Map, Value};

use super::documents::{Input, Scope, SetDays};
use super::settings::source_settings;
use crate::ids::Day;
use crate::job::{JobKind, Settings, Source};
use crate::options::word_of;

/// What the manifest of a set says of the job that made it.
#[doc(hidden)]
#[derive(Debug)]
pub struct PublishedJob {
    /// The job kind.
    pub job_kind: JobKind,
    /// Its settings, by their names in manifests.
    pub settings: Map<String, Value>,
    /// Those of them that are about sources.
    pub of_sources: Settings,
    /// The files that it read: source and path, in order.
    pub inputs: Vec<(Source, String)>,
    /// Their format, if all have one.
    pub format: Option<String>,
    /// The days of the set. None for `dwell`, which is made of all days.
    pub days: Vec<Day>,
}

/// The first member of a manifest.
#[derive(Deserialize)]
struct FirstMember {
    made_by: String,
}

/// The members of a manifest that a job is made of. A manifest of a day has them too, but for `days`.
#[derive(Deserialize)]
struct JobMembers {
    of: Scope,
    job: JobKind,
    settings: Map<String, Value>,
    inputs: Vec<Input>,
    days: Option<SetDays>,
}

impl PublishedJob {
    /// Reads the manifest of a set.
    ///
    /// # Errors
    /// What is wrong with the text: it is no manifest, or that of a day, or a member is not as expected.
    pub fn parse(text: &str) -> Result<PublishedJob, String> {
        let no_json = |error| format!("is no manifest of a set: {error}");
        let broken = |what| format!("is no manifest of a set: \"{what}\" is not as expected");
        // First: of the JSON of another program it says most.
        let first: FirstMember = serde_json::from_str(text).map_err(no_json)?;
        if !first.made_by.starts_with("hitherto ") {
            return Err(broken("made_by"));
        }
        let members: JobMembers = serde_json::from_str(text).map_err(no_json)?;
        if members.of == Scope::Day {
            return Err(
                "is of one day; name the _manifest.json of the whole, one folder above".to_owned(),
            );
        }
        let days = match members.days {
            Some(SetDays::Each(days)) => days.into_iter().map(|entry| entry.day).collect(),
            Some(SetDays::Range(_)) => Vec::new(),
            None => return Err(broken("days")),
        };
        let first = members.inputs.first().map(|input| input.format);
        let format =
            first.filter(|first| members.inputs.iter().all(|input| input.format == *first));
        let inputs = members.inputs.into_iter();
        let inputs = inputs.map(|input| Some((Source::named(&input.source)?, input.path)));
        let settings = Value::Object(members.settings);
        Ok(PublishedJob {
            job_kind: members.job,
            of_sources: source_settings(&settings).map_err(broken)?,
            settings: match settings {
                Value::Object(settings) => settings,
                _ => Map::new(),
            },
            inputs: inputs
                .collect::<Option<_>>()
                .ok_or_else(|| broken("inputs"))?,
            format: format.map(|format| word_of(&format)),
            days,
        })
    }
}
