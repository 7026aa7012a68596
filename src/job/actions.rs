//! Checks of the sources of actions that a job declares.

use super::Sequences;
use crate::error::{Error, Result};
use crate::options::{ActionSource, Dedup, Layout, RESERVED_NAMES, Source, Types};

/// The most sources of actions.
const SOURCES_MAX: usize = 64;
/// The most columns that select rows of a source.
const ONLY_MAX: usize = 4;

/// Checks the declared sources of actions: their number, names, types and row selections.
///
/// # Errors
/// If one of them is wrong, naming the source.
pub(super) fn check_actions(own: &Sequences) -> Result<()> {
    let actions = &own.actions;
    if actions.len() > SOURCES_MAX {
        let what = format!(
            "{} sources of actions; there may be {SOURCES_MAX}",
            actions.len()
        );
        return Err(Error::settings(what));
    }
    for (at, action) in actions.iter().enumerate() {
        let name = action.source.name();
        if action.source == Source::Impressions {
            return Err(Error::settings(format!("{name} are no actions")));
        }
        if RESERVED_NAMES.contains(&name) {
            let what = format!(
                "\"{name}\" is no name of a source of actions: manifests have another count of that name"
            );
            return Err(Error::settings(what));
        }
        if actions[..at]
            .iter()
            .any(|other| other.source == action.source)
        {
            return Err(Error::settings(format!("{name} are declared twice")));
        }
        check_types(action)?;
        check_only(action)?;
    }
    Ok(())
}

/// Checks the length of histories, and that a timeline can have them: each must be a range of it.
///
/// # Errors
/// If not, naming the flag.
pub(super) fn check_layout(own: &Sequences, dedup: Dedup) -> Result<()> {
    match own.actions_max {
        Some(max) if !(1..=65_536).contains(&max) => {
            let what = format!("--max-actions is {max}; it takes 1 to 65536");
            return Err(Error::settings(what));
        }
        None if own.layout != Layout::Timeline => {
            let what = "--max-actions is all, which only --layout timeline takes; say a number";
            return Err(Error::settings(what));
        }
        _ => {}
    }
    if own.layout != Layout::Timeline {
        return Ok(());
    }
    let flags = [
        ("--available", !own.available.is_empty()),
        ("--embargo", !own.embargo_us.is_empty()),
        ("--dedup consecutive", dedup == Dedup::Consecutive),
    ];
    match flags.iter().find(|(_, is_given)| *is_given) {
        None => Ok(()),
        Some((flag, _)) => Err(Error::settings(format!(
            "{flag} and --layout timeline do not go together: histories are no ranges of a timeline then; \
             leave out {flag}, or take --layout request"
        ))),
    }
}

/// Checks that impressions are rows of a source of actions, if they are rows of one, and which rows are.
///
/// # Errors
/// If not, naming the source or the column.
pub(super) fn check_moments(own: &Sequences) -> Result<()> {
    let Some(source) = own.impressions_from else {
        if own.impressions_where.is_empty() {
            return Ok(());
        }
        let what = "--impressions-where chooses rows of --impressions-from; name its source";
        return Err(Error::settings(what));
    };
    let known = own.actions.iter().map(|action| action.source.name());
    if !own.actions.iter().any(|action| action.source == source) {
        let known: Vec<&str> = known.collect();
        let what = format!(
            "--impressions-from takes a source of actions: {}",
            known.join(", ")
        );
        return Err(Error::settings(what));
    }
    if own.without.contains(&source) {
        let name = source.name();
        let what = format!("--without {name}, but impressions are rows of {name}");
        return Err(Error::settings(what));
    }
    check_rows("impressions", &own.impressions_where)
}

/// Checks that type codes are from 1 to 127, and that no value has two.
fn check_types(action: &ActionSource) -> Result<()> {
    let name = action.source.name();
    if let Some(code) = action
        .codes()
        .into_iter()
        // 0 is padding, and the output has codes as `int8`.
        .find(|code| !(1..=127).contains(code))
    {
        let what = format!("{name} have type {code}; they need one from 1 to 127");
        return Err(Error::settings(what));
    }
    let Types::Column { column, codes, .. } = &action.types else {
        return Ok(());
    };
    if column.is_empty() || codes.is_empty() {
        let what = format!("{name} have types by column, but no column, or no value with a code");
        return Err(Error::settings(what));
    }
    for (at, (value, _)) in codes.iter().enumerate() {
        if codes[..at].iter().any(|(other, _)| other == value) {
            let what = format!("{name} have two types for \"{value}\"");
            return Err(Error::settings(what));
        }
    }
    Ok(())
}

/// Checks that rows are selected by a few columns, each once, each with a value.
fn check_only(action: &ActionSource) -> Result<()> {
    check_rows(action.source.name(), &action.only)
}

/// Checks that rows are selected by a few columns, each once, each with a value.
fn check_rows(name: &str, only: &[(String, Vec<String>)]) -> Result<()> {
    if only.len() > ONLY_MAX {
        let what = format!(
            "{name} are chosen by {} columns, at most {ONLY_MAX}",
            only.len()
        );
        return Err(Error::settings(what));
    }
    for (at, (column, values)) in only.iter().enumerate() {
        let is_named = only[..at].iter().any(|(other, _)| other == column);
        if column.is_empty() || values.is_empty() || is_named {
            let what = format!("{name} are chosen by \"{column}\" twice, or by no value of it");
            return Err(Error::settings(what));
        }
    }
    Ok(())
}

/// Checks that each code of `--types` is one of some source, and is named once.
pub(super) fn check_type_filter(own: &Sequences) -> Result<()> {
    for (at, code) in own.types.iter().enumerate() {
        if !own
            .actions
            .iter()
            .any(|action| action.codes().contains(code))
        {
            let known = own.actions.iter().flat_map(|action| {
                let codes = action.codes().into_iter();
                codes.map(|code| format!("{code} {}", action.source.name()))
            });
            let known = known.collect::<Vec<_>>().join(", ");
            let what = format!("--types has {code}, but the types of actions are {known}");
            return Err(Error::settings(what));
        }
        if own.types[..at].contains(code) {
            return Err(Error::settings(format!("--types names {code} twice")));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::{Job, Settings};
    use super::*;
    use crate::options::OtherTypes;

    /// The error of a job that declares some actions.
    fn error(actions: Vec<ActionSource>) -> Option<String> {
        let settings = Settings {
            ask: Sequences {
                actions,
                ..Sequences::default()
            }
            .into(),
            dir: Some("logs".into()),
            out: "out".into(),
            ..Settings::default()
        };
        Job::new(settings).err().map(|error| error.to_string())
    }

    /// A log of a name.
    fn log(name: &str) -> Source {
        Source::named(name).expect("a name")
    }

    #[test]
    fn declared_sources_are_checked() {
        let by_column = |codes: &[(&str, u8)]| ActionSource {
            source: log("events"),
            types: Types::Column {
                column: "type".into(),
                codes: codes
                    .iter()
                    .map(|(value, code)| ((*value).into(), *code))
                    .collect(),
                other: OtherTypes::Drop,
            },
            only: vec![("shop".into(), vec!["de".into()])],
        };
        let only = |only: &[(&str, &[&str])]| {
            let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
            let only = only
                .iter()
                .map(|(column, values)| ((*column).to_owned(), texts(values)));
            ActionSource {
                only: only.collect(),
                ..ActionSource::new(log("views"), 4)
            }
        };
        let many = |count| (0..count).map(|at| ActionSource::new(log(&format!("l{at}")), 127));
        let good = vec![
            by_column(&[("a", 1), ("b", 127)]),
            only(&[]),
            ActionSource::new(Source::Carts, 9),
        ];
        assert_eq!(error(good), None);
        assert_eq!(error(many(64).collect()), None);
        assert_eq!(error(ActionSource::defaults()), None);
        for (actions, named) in [
            (many(65).collect(), "65 sources"),
            (
                vec![ActionSource::new(Source::Impressions, 1)],
                "impressions are no actions",
            ),
            (
                vec![
                    ActionSource::new(log("a"), 1),
                    ActionSource::new(log("a"), 2),
                ],
                "a are declared twice",
            ),
            (vec![ActionSource::new(log("a"), 0)], "a have type 0"),
            (
                vec![by_column(&[("a", 1), ("b", 128)])],
                "events have type 128",
            ),
            (vec![by_column(&[])], "no value with a code"),
            (
                vec![by_column(&[("a", 1), ("a", 2)])],
                "two types for \"a\"",
            ),
            (vec![only(&[("x", &[])])], "\"x\" twice, or by no value"),
            (vec![only(&[("x", &["1"]), ("x", &["2"])])], "\"x\" twice"),
            (
                vec![only(&[
                    ("a", &["1"]),
                    ("b", &["1"]),
                    ("c", &["1"]),
                    ("d", &["1"]),
                    ("e", &["1"]),
                ])],
                "5 columns",
            ),
        ] {
            let text = error(actions).expect("an error");
            assert!(text.contains(named), "{text}");
        }
    }

    #[test]
    fn a_source_cannot_have_the_name_of_another_count() {
        for name in RESERVED_NAMES {
            let message = error(vec![ActionSource::new(log(name), 1)]).expect("an error");
            assert!(
                message.contains("is no name of a source of actions"),
                "{message}"
            );
        }
    }
}
