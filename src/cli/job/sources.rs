//! Sources of a job file: what they add to settings.

use hitherto::{ActionSource, Ask, JobKind, Sequences, Settings, Source, Types};

/// A source in a job file. What is absent is as it is without a job file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct FileSource {
    /// Its name.
    pub(super) source: Source,
    /// Its files, folders or globs.
    pub(super) paths: Vec<String>,
    /// A file that lists them.
    pub(super) files_from: Option<String>,
    /// Names of columns: ours, the files'.
    pub(super) columns: Vec<(String, String)>,
    /// The type of its actions.
    pub(super) types: Option<Types>,
    /// The rows that count, by column and values.
    pub(super) only: Vec<(String, Vec<String>)>,
    /// Microseconds after which an action is known.
    pub(super) embargo_us: Option<i64>,
    /// The column that says when an action was known.
    pub(super) available: Option<String>,
}

impl FileSource {
    /// A source of which nothing is said.
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
        }
    }

    /// Its name.
    pub(super) fn name(&self) -> &str {
        self.source.name()
    }

    /// Whether it says what only actions of `sequences` have.
    pub(super) fn is_of_actions(&self) -> bool {
        self.is_declared() || self.embargo_us.is_some() || self.available.is_some()
    }

    /// Whether it says of actions what only a job file can say.
    fn is_declared(&self) -> bool {
        self.source.is_declared()
            && self.source != Source::Events
            && self.source != Source::Listings
            || self.types.is_some()
            || !self.only.is_empty()
    }

    /// The source of actions that it declares.
    fn action(&self) -> ActionSource {
        let usual = ActionSource::defaults()
            .into_iter()
            .find(|of| of.source == self.source);
        let usual = usual.unwrap_or_else(|| ActionSource::new(self.source, 0));
        ActionSource {
            source: self.source,
            types: self.types.clone().unwrap_or(usual.types),
            only: self.only.clone(),
        }
    }
}

/// Settings with the sources of a job file, where flags do not say otherwise.
pub(super) fn with_sources(sources: &[FileSource], mut settings: Settings) -> Settings {
    let by_dir = settings.dir.is_some();
    let paths = settings.paths.iter().map(|(source, _)| *source);
    let lists = settings.files_from.iter().map(|(source, _)| *source);
    let by_flag: Vec<Source> = paths.chain(lists).collect();
    for of in sources {
        let source = of.source;
        if !by_dir && !by_flag.contains(&source) {
            settings
                .paths
                .extend(of.paths.iter().map(|path| (source, path.clone())));
            settings
                .files_from
                .extend(of.files_from.iter().map(|list| (source, list.into())));
        }
        for (ours, theirs) in &of.columns {
            let mut columns = settings.columns.iter();
            if !columns.any(|(named, name, _)| *named == source && name == ours) {
                settings
                    .columns
                    .push((source, ours.clone(), theirs.clone()));
            }
        }
        if let Ask::Sequences(own) = &mut settings.ask {
            add_times(of, own);
        }
    }
    let is_of_sequences = settings.kind() == JobKind::Sequences;
    if is_of_sequences && sources.iter().any(FileSource::is_declared) {
        settings.sequences_mut().actions = actions(sources, &settings);
    }
    settings
}

/// Adds when actions of a source were known, where flags do not say it.
fn add_times(of: &FileSource, own: &mut Sequences) {
    let source = of.source;
    let is_free = !own.available.iter().any(|(named, _)| *named == source);
    let column = of.available.iter().filter(|_| is_free);
    own.available
        .extend(column.map(|column| (source, column.clone())));
    let is_free = !own.embargo_us.iter().any(|(named, _)| *named == source);
    let embargo = of.embargo_us.filter(|_| is_free);
    own.embargo_us
        .extend(embargo.map(|embargo| (source, embargo)));
}

/// The sources of actions of a job that declares some: these, and of the usual ones those that are
/// read.
fn actions(sources: &[FileSource], settings: &Settings) -> Vec<ActionSource> {
    let in_file = |source: Source| sources.iter().any(|of| of.source == source);
    let is_read = |source: Source| {
        let in_dir = settings.dir.is_some() && !settings.sequences().without.contains(&source);
        in_dir
            || settings.paths.iter().any(|(named, _)| *named == source)
            || settings
                .files_from
                .iter()
                .any(|(named, _)| *named == source)
    };
    let usual = ActionSource::defaults().into_iter();
    let usual = usual.filter(|of| is_read(of.source) && !in_file(of.source));
    let declared = sources.iter().filter(|of| of.source != Source::Impressions);
    let mut all: Vec<ActionSource> = usual.chain(declared.map(FileSource::action)).collect();
    // Of several entries of a source the first declares it.
    all.sort_by_key(|of| of.source);
    all.dedup_by_key(|of| of.source);
    all
}
