//! Sources of a job file, and the settings that they make.

use hitherto::{ActionSource, Ask, JobKind, Sequences, Settings, Source, SourceSettings, Types};

/// A source in a job file. What it does not say is as without a job file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct FileSource {
    pub(super) source: Source,
    /// Its files, folders or globs.
    pub(super) paths: Vec<String>,
    /// A file that lists its paths.
    pub(super) files_from: Option<String>,
    /// Names of columns: the name here, the name in the files.
    pub(super) columns: Vec<(String, String)>,
    /// The types of its actions.
    pub(super) types: Option<Types>,
    /// Its `where`: columns, and the values of the rows that count.
    pub(super) only: Vec<(String, Vec<String>)>,
    /// Microseconds after which an action is known.
    pub(super) embargo_us: Option<i64>,
    /// The column that says when an action was known.
    pub(super) available: Option<String>,
    /// How its files are read.
    pub(super) settings: SourceSettings,
}

impl FileSource {
    /// A source with nothing but a name.
    pub(super) fn new(source: Source) -> FileSource {
        FileSource {
            source,
            paths: Vec::new(),
            files_from: None,
            columns: Vec::new(),
            types: None,
            only: Vec::new(),
            embargo_us: None,
            available: None,
            settings: SourceSettings::default(),
        }
    }

    /// Its name.
    pub(super) fn name(&self) -> &str {
        self.source.name()
    }

    /// Whether it says something that only sources of actions of `sequences` take.
    pub(super) fn is_action_source(&self) -> bool {
        self.is_declared() || self.embargo_us.is_some() || self.available.is_some()
    }

    /// Whether it declares actions, which only a job file can do.
    fn is_declared(&self) -> bool {
        self.source.is_declared()
            && self.source != Source::Events
            && self.source != Source::Listings
            || self.types.is_some()
            || !self.only.is_empty()
    }

    /// The source of actions that it declares.
    fn action(&self) -> ActionSource {
        let default = ActionSource::defaults()
            .into_iter()
            .find(|action| action.source == self.source);
        let default = default.unwrap_or_else(|| ActionSource::new(self.source, 0));
        ActionSource {
            source: self.source,
            types: self.types.clone().unwrap_or(default.types),
            only: self.only.clone(),
        }
    }
}

/// Settings with the sources of a job file, where flags do not say otherwise.
pub(super) fn with_sources(sources: &[FileSource], mut settings: Settings) -> Settings {
    // A DIR replaces the paths of all sources, a path only those of its source.
    let by_dir = settings.dir.is_some();
    let paths = settings.paths.iter().map(|(source, _)| *source);
    let lists = settings.files_from.iter().map(|(source, _)| *source);
    let by_flag: Vec<Source> = paths.chain(lists).collect();
    for entry in sources {
        let source = entry.source;
        if !by_dir && !by_flag.contains(&source) {
            settings
                .paths
                .extend(entry.paths.iter().map(|path| (source, path.clone())));
            settings
                .files_from
                .extend(entry.files_from.iter().map(|list| (source, list.into())));
        }
        for (ours, theirs) in &entry.columns {
            let mut columns = settings.columns.iter();
            if !columns.any(|(named, name, _)| *named == source && name == ours) {
                settings
                    .columns
                    .push((source, ours.clone(), theirs.clone()));
            }
        }
        if entry.settings != SourceSettings::default() {
            settings.add_source_settings(source, &entry.settings);
        }
        if let Ask::Sequences(own) = &mut settings.ask {
            add_availability(entry, own);
        }
    }
    let is_sequences = settings.kind() == JobKind::Sequences;
    if is_sequences && sources.iter().any(FileSource::is_declared) {
        settings.sequences_mut().actions = actions(sources, &settings);
    }
    settings
}

/// Adds when actions of a source became known, where flags do not say it.
fn add_availability(entry: &FileSource, own: &mut Sequences) {
    let source = entry.source;
    let is_free = !own.available.iter().any(|(named, _)| *named == source);
    let column = entry.available.iter().filter(|_| is_free);
    own.available
        .extend(column.map(|column| (source, column.clone())));
    let is_free = !own.embargo_us.iter().any(|(named, _)| *named == source);
    let embargo = entry.embargo_us.filter(|_| is_free);
    own.embargo_us
        .extend(embargo.map(|embargo| (source, embargo)));
}

/// The sources of actions of a job that declares some: the declared ones, and the default ones that are
/// read.
fn actions(sources: &[FileSource], settings: &Settings) -> Vec<ActionSource> {
    let in_file = |source: Source| sources.iter().any(|entry| entry.source == source);
    let is_read = |source: Source| {
        let in_dir = settings.dir.is_some() && !settings.sequences().without.contains(&source);
        in_dir
            || settings.paths.iter().any(|(named, _)| *named == source)
            || settings
                .files_from
                .iter()
                .any(|(named, _)| *named == source)
    };
    let defaults = ActionSource::defaults().into_iter();
    let defaults = defaults.filter(|action| is_read(action.source) && !in_file(action.source));
    let entries = sources.iter();
    let declared = entries.filter(|entry| entry.source != Source::Impressions);
    let mut all: Vec<ActionSource> = defaults.chain(declared.map(FileSource::action)).collect();
    // Of several entries of a source the first declares it.
    all.sort_by_key(|action| action.source);
    all.dedup_by_key(|action| action.source);
    all
}
