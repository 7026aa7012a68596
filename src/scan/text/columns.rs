//! The columns that are looked for in a text file.

/// A column to look for in a text file.
#[derive(Clone, Copy, Debug)]
pub(crate) struct WantedColumn<'a> {
    /// Its name in the file.
    pub(crate) name: &'a str,
    /// Whether a file without it is an error.
    pub(crate) required: bool,
    /// A column of the same list that can replace it.
    pub(crate) instead: Option<&'a str>,
    /// Whether the name may lead to a field inside another.
    pub(crate) is_path: bool,
}

impl<'a> WantedColumn<'a> {
    /// A column without a replacement.
    pub(crate) fn new(name: &'a str, required: bool) -> WantedColumn<'a> {
        WantedColumn {
            name,
            required,
            instead: None,
            is_path: name.contains('.'),
        }
    }

    /// Whether the name leads to a field inside the value of a key.
    pub(crate) fn is_in(&self, key: &str) -> bool {
        self.is_path
            && self
                .name
                .strip_prefix(key)
                .is_some_and(|rest| rest.starts_with('.'))
    }
}

/// The place of a column in a list, to which it is added if it is not there; a file may then lack it.
pub(crate) fn place_of<'a>(columns: &mut Vec<WantedColumn<'a>>, name: &'a str) -> usize {
    let place = columns.iter().position(|column| column.name == name);
    place.unwrap_or_else(|| {
        columns.push(WantedColumn::new(name, false));
        columns.len() - 1
    })
}

/// The name of the first required column that is missing together with its replacement.
pub(crate) fn missing_of<'a>(
    columns: &[WantedColumn<'a>],
    is_there: impl Fn(usize) -> bool,
) -> Option<&'a str> {
    let named = |name: &str| (0..columns.len()).any(|at| columns[at].name == name && is_there(at));
    let mut required = columns.iter().filter(|column| column.required);
    let missing =
        required.find(|column| !named(column.name) && !column.instead.is_some_and(named))?;
    Some(missing.instead.unwrap_or(missing.name))
}
