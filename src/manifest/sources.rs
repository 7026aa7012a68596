//! Sources of actions that a job declares, to JSON and back.
//!
//! **In / Out**: [`Settings::actions`] → the member `action_sources` of a manifest's settings, which
//! is not there if they are those that `sequences` reads by itself; and from it the same list.

use serde_json::{Map, Value, json};

use super::words::{Words, meaning, word};
use crate::job::{ActionSource, OtherTypes, Settings, Source, Types};

/// What becomes of rows of other types.
const OTHERS: Words<OtherTypes, 2> = [(OtherTypes::Error, "error"), (OtherTypes::Drop, "drop")];

/// The sources of actions, if a job declares them.
pub(super) fn declared(settings: &Settings) -> Option<Value> {
    if settings.actions == ActionSource::defaults() {
        return None;
    }
    let sources = settings.actions.iter().map(|of| {
        let mut told = Map::new();
        told.insert("source".into(), json!(of.source.name()));
        match &of.types {
            Types::Constant(code) => {
                told.insert("type".into(), json!(code));
            }
            Types::Column {
                column,
                codes,
                other,
            } => {
                let codes = codes
                    .iter()
                    .map(|(value, code)| (value.clone(), json!(code)));
                told.insert("type_column".into(), json!(column));
                told.insert("types".into(), Value::Object(codes.collect()));
                told.insert("other_types".into(), json!(word(&OTHERS, *other)));
            }
        }
        let only = of
            .only
            .iter()
            .map(|(column, values)| (column.clone(), json!(values)));
        let only: Map<String, Value> = only.collect();
        if !only.is_empty() {
            told.insert("where".into(), Value::Object(only));
        }
        Value::Object(told)
    });
    Some(sources.collect())
}

/// The sources of actions that a manifest tells, or those of every job; nothing if they make no
/// sense.
pub(super) fn parse_declared(told: &Value) -> Option<Vec<ActionSource>> {
    if told.is_null() {
        return Some(ActionSource::defaults());
    }
    let code = |of: &Value| of.as_u64().and_then(|code| u8::try_from(code).ok());
    let sources = told.as_array()?.iter().map(|told| {
        let types = match &told["type_column"] {
            Value::Null => Types::Constant(code(&told["type"])?),
            column => {
                let codes = told["types"].as_object()?.iter();
                let codes = codes.map(|(value, of)| Some((value.clone(), code(of)?)));
                Types::Column {
                    column: column.as_str()?.to_owned(),
                    codes: codes.collect::<Option<_>>()?,
                    other: meaning(&OTHERS, &told["other_types"])?,
                }
            }
        };
        let only = told["where"].as_object().into_iter().flatten();
        let only = only.map(|(column, values)| {
            let values = values.as_array()?.iter();
            let values = values.map(|value| value.as_str().map(str::to_owned));
            Some((column.clone(), values.collect::<Option<_>>()?))
        });
        Some(ActionSource {
            source: Source::named(told["source"].as_str()?)?,
            types,
            only: only.collect::<Option<_>>()?,
        })
    });
    sources.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn declared_sources_come_back() {
        let named = |name| Source::named(name).expect("a name");
        let actions = vec![
            ActionSource::new(Source::Orders, 9),
            ActionSource {
                source: named("events"),
                types: Types::Column {
                    column: "type".into(),
                    codes: vec![("view".into(), 4), ("".into(), 127)],
                    other: OtherTypes::Drop,
                },
                only: vec![("shop".into(), vec!["de".into(), "at".into()])],
            },
        ];
        let settings = Settings {
            actions: actions.clone(),
            ..Settings::default()
        };
        let told = declared(&settings).expect("not the usual ones");
        assert_eq!(parse_declared(&told), Some(actions));
        assert_eq!(declared(&Settings::default()), None);
        assert_eq!(parse_declared(&Value::Null), Some(ActionSource::defaults()));
        for name in ["source", "types", "other_types", "type_column"] {
            let mut broken = told.clone();
            broken[1][name] = json!([0]);
            assert_eq!(parse_declared(&broken), None, "{name}");
        }
    }
}
