//! A source of actions in text: which columns are wanted, and what the fields of a record mean.

use super::{ActionNames, Origin};
use crate::catalog::input::InputFile;
use crate::job::{AttributeType, DT};
use crate::kernel::attributes::AttributeKeys;
use crate::scan::bad_rows::RowAt;
use crate::scan::mismatch::{Mismatch, Value};
use crate::scan::spec::ReadSpec;
use crate::scan::table::attributes::{as_key, key_of_field};
use crate::scan::text::columns::WantedColumn;
use crate::scan::text::field::{Clock, Field};
use crate::scan::time_columns::day_of_orders;
use crate::scan::time_kinds::TimeKinds;

/// A source of actions in text: what is wanted of it, and how it is read.
pub(super) struct TextSource<'a> {
    pub(super) file: &'a InputFile,
    /// What its columns are called.
    pub(super) names: ActionNames<'a>,
    /// How its times are read.
    pub(super) clock: Clock<'a>,
    /// The columns to look for: customer, item, time, what stands in for it, then others.
    pub(super) columns: Vec<WantedColumn<'a>>,
    /// Of these, the one of availability.
    pub(super) available_at: Option<usize>,
    pub(super) types_at: Option<usize>,
    /// Those that rows are chosen by.
    pub(super) only_at: Vec<usize>,
    /// Those that are told of actions, and what they hold.
    pub(super) told_at: Vec<(usize, AttributeType)>,
    /// The name of the one that holds days, which are neither wall times nor instants.
    pub(super) days: Option<&'a str>,
}

impl<'a> TextSource<'a> {
    /// The source that a file is of.
    pub(super) fn new(
        spec: &ReadSpec<'a>,
        names: ActionNames<'a>,
        file: &'a InputFile,
    ) -> TextSource<'a> {
        let column = WantedColumn::new;
        // `time_of` and the readers rely on these places: customer, item, time, and what stands in
        // for it.
        let mut columns = vec![
            column(names.customer, true),
            column(names.item, true),
            WantedColumn {
                instead: names.time_else,
                ..column(names.time, true)
            },
        ];
        columns.extend(names.time_else.map(|name| column(name, false)));
        // A column that is wanted twice is looked for once.
        let mut place = |name| {
            let same = columns.iter().position(|column| column.name == name);
            same.unwrap_or_else(|| {
                columns.push(column(name, true));
                columns.len() - 1
            })
        };
        let available_at = names.available.map(&mut place);
        let is_null = names.available == Some(DT) && file.is_of_no_day;
        let types_at = names.types_column().map(&mut place);
        let only = names.only.iter().map(|(name, _)| name.as_str());
        let only_at = only.map(&mut place).collect();
        let told_at = names.told().map(|(column, name, is_named)| {
            let same = columns.iter().position(|wanted| wanted.name == name);
            let at = same.unwrap_or(columns.len());
            if same.is_none() {
                columns.push(WantedColumn::new(name, is_named));
            }
            (at, column.holds())
        });
        let told_at = told_at.collect();
        // Rows of no day need no column that says so.
        if let Some(at) = available_at.filter(|at| is_null && columns[*at].name != names.time) {
            columns[at].required = false;
        }
        TextSource {
            file,
            names,
            clock: Clock::new(spec),
            columns,
            available_at,
            types_at,
            only_at,
            told_at,
            days: day_of_orders(spec, file.source),
        }
    }

    /// Whether a record counts.
    #[inline]
    pub(super) fn takes(&self, fields: &[Field<'_>]) -> bool {
        self.names.takes(|at| fields[self.only_at[at]].word())
    }

    /// What a record is; `None` if it is to be left out.
    #[inline]
    pub(super) fn origin_of(&self, fields: &[Field<'_>]) -> Value<Option<Origin>> {
        let field = self.types_at.map(|at| &fields[at]);
        let word = field.and_then(Field::word);
        self.names
            .origin_of(word, || field.map_or_else(String::new, Field::shown))
    }

    /// What is told of a record; nothing if some of it cannot be told.
    #[inline]
    pub(super) fn as_keys(&self, fields: &[Field<'_>]) -> Option<AttributeKeys> {
        let mut keys = AttributeKeys::default();
        for (key, (at, kind)) in keys.iter_mut().zip(&self.told_at) {
            *key = as_key(&fields[*at], *kind)?;
        }
        Some(keys)
    }

    /// What is told of a record, or the column at fault.
    pub(super) fn keys(&self, fields: &[Field<'_>]) -> Result<AttributeKeys, (&'a str, Mismatch)> {
        let mut keys = AttributeKeys::default();
        for (key, (at, kind)) in keys.iter_mut().zip(&self.told_at) {
            let found = key_of_field(&fields[*at], *kind);
            *key = found.map_err(|error| (self.columns[*at].name, error))?;
        }
        Ok(keys)
    }

    /// Takes note of the kinds of a record's times.
    #[cold]
    pub(super) fn note(&self, fields: &[Field<'_>], row: u64, kinds: &mut TimeKinds) {
        let available = self
            .available_at
            .map(|at| (&fields[at], self.columns[at].name));
        for (field, column) in [Some(self.time_of(fields)), available]
            .into_iter()
            .flatten()
        {
            if let Some(written) = field.as_written(&self.clock)
                && Some(column) != self.days
                && column != DT
            {
                kinds.note(written, field.raw(), self.place(row, column));
            }
        }
    }

    /// A place in the file.
    #[inline]
    pub(super) fn place<'n>(&'n self, row: u64, column: &'n str) -> RowAt<'n> {
        RowAt {
            file: self.file,
            row,
            column,
        }
    }

    /// The field of the time, and its column: the first that is not null.
    pub(super) fn time_of<'r, 't>(&self, fields: &'r [Field<'t>]) -> (&'r Field<'t>, &str) {
        match self.names.time_else {
            // If the file lacks the other column, a null is a fault of the first.
            Some(other) if fields[2].is_blank() && fields[3] != Field::Missing => {
                (&fields[3], other)
            }
            _ => (&fields[2], self.names.time),
        }
    }
}
