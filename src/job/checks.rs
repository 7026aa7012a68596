//! Checks of settings, each for itself and against each other.
//!
//! **Invariants**: no file is opened. An error names the flag to change.

use super::{Ask, Dwell, Features, Sequences, Settings, actions, columns, shards};
use crate::calendar::{Zone, date_text};
use crate::error::{Error, Result};
use crate::options::{
    ActionSource, Dedup, ItemVocabulary, JobKind, NullLabel, Source, UnknownItem, check_time_format,
};
use crate::place::check_out;

/// Checks that values are within their bounds: those that all job kinds have, and those of this kind.
pub(super) fn check_ranges(settings: &Settings) -> Result<()> {
    match &settings.ask {
        Ask::Sequences(own) => check_sequences(own, settings.dedup)?,
        Ask::Features(own) => check_windows(own)?,
        Ask::Dwell(own) => check_dwell(own)?,
    }
    if let (Some(from), Some(to)) = (settings.from, settings.to)
        && to < from
    {
        let (from, to) = (date_text(from), date_text(to));
        return Err(Error::settings(format!("--from {from} is after --to {to}")));
    }
    let has_bounds = settings.from.or(settings.to).is_some() || !settings.days.is_empty();
    match settings.last_days {
        Some(_) if settings.kind() == JobKind::Dwell => {
            let what = "--last-days counts days of impressions, and dwell has none";
            return Err(Error::settings(what));
        }
        Some(0) => return Err(Error::settings("--last-days is 0; it takes 1 or more")),
        Some(_) if has_bounds => {
            let what = "--last-days chooses the days; leave out the other days";
            return Err(Error::settings(what));
        }
        _ => {}
    }
    let threads = settings.threads;
    if !(1..=1024).contains(&threads) {
        let what = format!("--threads is {threads}; it takes 1 to 1024");
        return Err(Error::settings(what));
    }
    // Lengths of files are divided by it.
    if settings.tuning.text_piece_bytes == 0 {
        return Err(Error::settings("pieces of text have 1 byte or more"));
    }
    if settings.tuning.piece_rows_min == 0 {
        return Err(Error::settings("pieces of row groups have 1 row or more"));
    }
    // `Split::new` asserts this bound.
    if settings.tuning.partition_bits.is_some_and(|bits| bits > 12) {
        return Err(Error::settings("partition bits go from 0 to 12"));
    }
    check_words(settings)
}

/// Checks the options of `sequences`.
fn check_sequences(own: &Sequences, dedup: Dedup) -> Result<()> {
    actions::check_layout(own, dedup)?;
    if own.lookback_years.is_some_and(|years| years > 9999) {
        return Err(Error::settings(
            "--lookback-days takes up to 9999 years, or none",
        ));
    }
    if own.row_group_rows_max == 0 {
        return Err(Error::settings("--row-group-rows is 0; it takes 1 or more"));
    }
    shards::check_parts(own)?;
    if own.embargo_us.iter().any(|(_, embargo)| *embargo < 0) {
        return Err(Error::settings("--embargo takes a duration of 0 or more"));
    }
    actions::check_moments(own)?;
    if own.no_labels && own.null_label != NullLabel::Keep {
        let what = "--no-labels makes all labels null; leave out --null-label";
        return Err(Error::settings(what));
    }
    actions::check_type_filter(own)?;
    check_rate(own)?;
    columns::check_columns(own)?;
    check_items(own)?;
    actions::check_actions(own)
}

/// Checks that windows are above 0 and have unique names, as these become names of columns.
fn check_windows(own: &Features) -> Result<()> {
    for (at, (name, window)) in own.windows.iter().enumerate() {
        let is_named = own.windows[..at].iter().any(|(other, _)| other == name);
        if *window <= 0 || name.is_empty() || is_named {
            return Err(Error::settings(format!(
                "--windows has \"{name}\"; it takes durations above 0, each once"
            )));
        }
    }
    columns::check_kept(own)?;
    if own.listings_as_of.as_deref() == Some("") {
        return Err(Error::settings(
            "--listings-as-of takes the name of a column of listings",
        ));
    }
    if own.label_window_us <= 0 {
        return Err(Error::settings("--label-window takes a duration above 0"));
    }
    Ok(())
}

/// The most names of events that `--opens`, `--closes` or `--ignores` takes: each has a number of 11 bits.
const EVENT_NAMES_MAX: usize = 1000;

/// Checks the options of `dwell`: that each name of events has one role, and can be written in a flag.
fn check_dwell(own: &Dwell) -> Result<()> {
    if own.idle_timeout_us <= 0 {
        return Err(Error::settings("--idle-timeout takes a duration above 0"));
    }
    if own.opens.is_empty() {
        let what = "--opens has no name; stays are made of the events that it names";
        return Err(Error::settings(what));
    }
    let roles = [
        ("--opens", &own.opens),
        ("--closes", &own.closes),
        ("--ignores", &own.ignores),
    ];
    let mut seen: Vec<(&str, &str)> = Vec::new();
    for (flag, names) in roles {
        if names.len() > EVENT_NAMES_MAX {
            let what = format!("{flag} has {} names; it takes up to 1000", names.len());
            return Err(Error::settings(what));
        }
        for name in names {
            if name.is_empty() || name.contains(',') {
                return Err(Error::settings(format!(
                    "{flag} has \"{name}\"; it takes names of events without commas"
                )));
            }
            if let Some((other, _)) = seen.iter().find(|(_, of)| of == name) {
                let what = format!("\"{name}\" is in {other} and in {flag}; it has one role");
                return Err(Error::settings(what));
            }
            seen.push((flag, name));
        }
    }
    let tables = &own.more_tables;
    if (1..tables.len()).any(|at| tables[..at].contains(&tables[at])) {
        return Err(Error::settings("--with-tables names a table twice"));
    }
    Ok(())
}

/// The zone of a name that `flag` gives.
pub(super) fn zone(flag: &str, name: &str) -> Result<Zone> {
    Zone::named(name).ok_or_else(|| {
        let what =
            format!("unknown zone \"{name}\"; {flag} takes an IANA name such as Europe/Berlin");
        Error::settings(what)
    })
}

/// Checks the settings of single sources; gives the zones of those that have one.
pub(super) fn check_source_settings(settings: &Settings) -> Result<Vec<(Source, Zone)>> {
    let mut zones = Vec::new();
    for (source, own) in &settings.source_settings {
        if !settings.sources().contains(source) {
            return Err(not_read(settings, *source));
        }
        let flag = |key| format!("--source {}.{key}", source.name());
        if let Some(name) = &own.timezone {
            zones.push((*source, zone(&flag("timezone"), name)?));
        }
        check_format(&flag("time_format"), own.time_format.as_deref())?;
        check_null_words(
            &flag("null_values"),
            own.null_values.as_deref().unwrap_or_default(),
        )?;
        columns::check_separators(settings, *source, own)?;
    }
    Ok(zones)
}

/// Checks a format of times.
fn check_format(flag: &str, format: Option<&str>) -> Result<()> {
    let checked = format.map_or(Ok(()), check_time_format);
    let format = format.unwrap_or_default();
    let what = |error| format!("{flag} is \"{format}\", which reads no times: {error}");
    checked.map_err(|error| Error::settings(what(error)))
}

/// Checks that null words can be written in a flag, a job file and a manifest alike.
fn check_null_words(flag: &str, words: &[String]) -> Result<()> {
    let Some(word) = words.iter().find(|word| word.contains(',')) else {
        return Ok(());
    };
    Err(Error::settings(format!(
        "{flag} has \"{word}\"; it takes words without commas"
    )))
}

/// Checks that null words can be written in a flag, a job file and a manifest alike, and that the job
/// kind has the kind of deduplication.
fn check_words(settings: &Settings) -> Result<()> {
    check_null_words("--null-values", &settings.null_values)?;
    check_format("--time-format", settings.time_format.as_deref())?;
    if settings.dedup == Dedup::Consecutive && settings.kind() != JobKind::Sequences {
        return Err(Error::settings(format!(
            "{} leaves exact repeats out, or none; --dedup takes none or exact",
            settings.kind().name()
        )));
    }
    Ok(())
}

/// Checks the rate of negatives, and that it has no more digits than a manifest stores exactly.
fn check_rate(own: &Sequences) -> Result<()> {
    let Some(rate) = own.negatives_rate else {
        return Ok(());
    };
    let is_short = (rate * 1e9).round() / 1e9 == rate;
    if rate > 0.0 && rate <= 1.0 && is_short {
        return Ok(());
    }
    Err(Error::settings(format!(
        "--negatives-sample is {rate}; it takes a number above 0, up to 1, of at most nine decimals"
    )))
}

/// Checks that the job has something to read, reads only sources of its kind, and that no source is
/// given both by paths and by a list of paths. Checks the paths of the output.
pub(super) fn check_sources(settings: &Settings) -> Result<()> {
    let listed = settings.files_from.iter().map(|(source, _)| *source);
    let named: Vec<Source> = settings
        .paths
        .iter()
        .map(|(source, _)| *source)
        .chain(listed)
        .collect();
    if settings.dir.is_some() && !named.is_empty() {
        return Err(Error::settings(
            "either give the folder of all sources or name each of them, not both",
        ));
    }
    let sources = &settings.sources()[..];
    // Only the first source is required here: `sequences` may go without actions, and `features`
    // looks for its other sources when it opens them.
    let first = settings.sequences().impressions_from.unwrap_or(sources[0]);
    if settings.dir.is_none() && !named.contains(&first) {
        return Err(Error::settings(match settings.kind() {
            JobKind::Sequences if first != Source::Impressions => {
                let name = first.name();
                let what = format!("impressions are rows of {name}, but no {name} are named");
                return Err(Error::settings(what));
            }
            JobKind::Dwell => "no events to read; give their path, or --files-from events=LIST",
            _ => "no impressions to read; give the folder that holds them, or --impressions PATH",
        }));
    }
    if let Some(other) = named.iter().find(|source| !sources.contains(source)) {
        if *other == Source::Impressions && first != *other {
            let what = format!(
                "impressions are rows of {}; leave out their own files, or --impressions-from",
                first.name()
            );
            return Err(Error::settings(what));
        }
        return Err(not_read(settings, *other));
    }
    for source in sources {
        let name = source.name();
        // A source may have several paths, but only one list, and not both.
        let listed = settings
            .files_from
            .iter()
            .filter(|(listed, _)| listed == source);
        let by_path = settings.paths.iter().any(|(named, _)| named == source);
        if listed.count() + usize::from(by_path) > 1 {
            return Err(Error::settings(format!("{name} are named twice")));
        }
        if settings.sequences().without.contains(source) && named.contains(source) {
            return Err(Error::settings(format!(
                "--without {name}, but {name} are named"
            )));
        }
    }
    // The default actions are taken even if the job declares others: a manifest names those of them
    // that its run did not read, and its settings make a job again.
    let is_action = |source: &Source| {
        let is_read = sources.contains(source) && *source != Source::Impressions;
        Source::ACTIONS.contains(source) || is_read
    };
    if !settings.sequences().without.iter().all(is_action) {
        return Err(Error::settings("--without takes clicks, carts or orders"));
    }
    if settings.out.as_os_str().is_empty() {
        return Err(Error::settings("no output; say --out OUT"));
    }
    check_out("--out", &settings.out)?;
    match &settings.temp_dir {
        Some(folder) => check_out("--temp-dir", folder),
        None => Ok(()),
    }
}

/// The error for a source that a job does not read.
fn not_read(settings: &Settings, source: Source) -> Error {
    let sources = settings.sources();
    let known: Vec<_> = sources.iter().map(Source::name).collect();
    let (job_kind, source, known) = (settings.kind().name(), source.name(), known.join(", "));
    Error::settings(format!("{job_kind} reads no {source}, but {known}"))
}

/// Checks that renamed columns exist, each once, and that only actions have availability and embargo.
pub(super) fn check_columns(settings: &Settings) -> Result<()> {
    let own = settings.sequences();
    for (at, (source, ours, _)) in settings.columns.iter().enumerate() {
        let mut known = source.columns(settings.kind()).to_vec();
        let name = source.name();
        // Of impressions that are actions, too: a label has no name among actions.
        let is_read = *source == Source::Impressions || settings.sources().contains(source);
        if known.is_empty() || !is_read {
            return Err(not_read(settings, *source));
        }
        if own.actions.iter().any(|action| action.source == *source) {
            known.extend(
                settings
                    .attribute_columns()
                    .map(|column| column.name.as_str()),
            );
        }
        if !known.contains(&ours.as_str()) {
            let known = known.join(", ");
            return Err(Error::settings(format!(
                "{name} have no column \"{ours}\", but {known}"
            )));
        }
        if settings.columns[..at]
            .iter()
            .any(|(other, name, _)| other == source && name == ours)
        {
            return Err(Error::settings(format!(
                "--columns names {name}.{ours} twice"
            )));
        }
    }
    let available = own
        .available
        .iter()
        .map(|(source, _)| ("--available", *source));
    let embargo = own
        .embargo_us
        .iter()
        .map(|(source, _)| ("--embargo", *source));
    let mut seen = Vec::new();
    for (flag, source) in available.chain(embargo) {
        let name = source.name();
        let is_action = |action: &ActionSource| action.source == source;
        if !own.actions.iter().any(is_action) {
            let known: Vec<_> = own
                .actions
                .iter()
                .map(|action| action.source.name())
                .collect();
            let known = known.join(", ");
            return Err(Error::settings(format!("{flag} takes actions: {known}")));
        }
        if seen.contains(&(flag, source)) {
            return Err(Error::settings(format!("{flag} names {name} twice")));
        }
        seen.push((flag, source));
    }
    Ok(())
}

/// Checks that unknown items are dropped only if a vocabulary says which items are known.
fn check_items(own: &Sequences) -> Result<()> {
    let is_given = matches!(own.item_vocabulary, Some(ItemVocabulary::File(_)));
    if own.unknown_item == UnknownItem::Drop && !is_given {
        return Err(Error::settings(
            "--unknown-item drop needs a vocabulary to know items by; \
             --item-vocabulary FILE gives one",
        ));
    }
    Ok(())
}
