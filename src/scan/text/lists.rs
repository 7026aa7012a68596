//! Records that are the elements of a list in a record of text, such as the events of a session.
//!
//! **In / Out**: the fields of a record and its list → a record per element, with the fields of the element
//! and, where it has none of a name, those of the record. **Null rule**: a list that is null, empty or
//! missing makes no record. **Invariants**: an element that is an object gives its fields by their names, also
//! behind the key and a dot; any other value is the field of the key itself, and its label, if it is split, that of
//! the key and `.label`.

use serde_json::value::RawValue;

use crate::advice;
use crate::scan::mismatch::{Mismatch, quoted};
use crate::scan::text::columns::WantedColumn;
use crate::scan::text::field::Field;
use crate::scan::text::json::object::{json_field, object_fields};
use crate::scan::text::json::repair::list_as_json;
use crate::scan::text::list_rules::{
    ListRules, ListText, at_element, expected_list, nothing_between, separator_hint, split_label,
};
use crate::scan::text::record::{ColumnsSeen, OnRecord};

/// The name of the label of an element, behind that of the list and a dot.
const LABEL: &str = ".label";

/// Makes records of the elements of lists.
pub(crate) struct ListReader<'a> {
    rules: &'a ListRules,
    columns: &'a [WantedColumn<'a>],
    /// The columns as fields of an element, which leave out the key and the dot.
    inner: Vec<WantedColumn<'a>>,
    /// The place of the key among the columns, and that of its label.
    own: Option<usize>,
    label: Option<usize>,
}

/// A record with a list.
#[derive(Clone, Copy)]
pub(crate) struct ListRecord<'r> {
    /// The field of each column.
    pub(crate) fields: &'r [Field<'r>],
    pub(crate) list: &'r Field<'r>,
    /// The record as written.
    pub(crate) text: &'r dyn Fn() -> String,
}

impl<'a> ListReader<'a> {
    /// A reader of the columns that are wanted.
    pub(crate) fn new(rules: &'a ListRules, columns: &'a [WantedColumn<'a>]) -> ListReader<'a> {
        let behind = |name: &'a str| {
            let rest = name.strip_prefix(rules.key.as_str());
            rest.and_then(|rest| rest.strip_prefix('.'))
        };
        let inner = columns.iter().map(|column| {
            let name = behind(column.name).unwrap_or(column.name);
            WantedColumn::new(name, false)
        });
        let is_label = |column: &WantedColumn<'_>| {
            let rest = column.name.strip_prefix(rules.key.as_str());
            rest == Some(LABEL)
        };
        ListReader {
            rules,
            columns,
            inner: inner.collect(),
            own: columns.iter().position(|column| column.name == rules.key),
            label: columns.iter().position(is_label),
        }
    }

    /// Passes each element of a record to the caller; returns whether to read on.
    pub(crate) fn offer(
        &self,
        record: ListRecord<'_>,
        seen: &mut ColumnsSeen,
        on_record: OnRecord<'_>,
    ) -> bool {
        let Some(list) = self.rules.list(record.list) else {
            let fault = self.no_list(record.list);
            return seen.offer(self.columns, Err(fault), record.text, on_record);
        };
        match (list, self.rules.item_separator.as_deref()) {
            (ListText::Null, _) => true,
            (ListText::Array(json), _) => self.offer_array(json, record, seen, on_record),
            (ListText::Parts(text), Some(" ")) => {
                let parts = text.split_ascii_whitespace();
                self.offer_parts(parts, record, seen, on_record)
            }
            (ListText::Parts(text), separator) => {
                let parts = text.split(separator.unwrap_or(" "));
                self.offer_parts(parts, record, seen, on_record)
            }
        }
    }

    /// The elements of an array.
    fn offer_array(
        &self,
        json: &str,
        record: ListRecord<'_>,
        seen: &mut ColumnsSeen,
        on_record: OnRecord<'_>,
    ) -> bool {
        let elements: Vec<&RawValue> = match serde_json::from_str(json) {
            Ok(elements) => elements,
            Err(error) => {
                let Some(json) = list_as_json(json) else {
                    let what = expected_list(&self.rules.source_name, &self.expected(), json);
                    let fault = Mismatch::new(what, format!("{} ({error})", quoted(json)));
                    return seen.offer(self.columns, Err(fault), record.text, on_record);
                };
                return self.offer_array(&json, record, seen, on_record);
            }
        };
        elements.into_iter().enumerate().all(|(position, element)| {
            let json = element.get();
            let value = self.with_nulls(json_field(json));
            let mut fields = record.fields.to_vec();
            let read = match json.as_bytes() {
                b"null" => Err(Mismatch::new("an element of a list", "null")),
                [b'{', ..] => self.fill_object(json, &mut fields),
                _ => self.fill_value(&value, position, &mut fields),
            };
            let fields = read.map(|()| &*fields);
            seen.offer(self.columns, fields, &|| json.to_owned(), on_record)
        })
    }

    /// The parts of a text.
    fn offer_parts<'t>(
        &self,
        mut parts: impl Iterator<Item = &'t str>,
        record: ListRecord<'_>,
        seen: &mut ColumnsSeen,
        on_record: OnRecord<'_>,
    ) -> bool {
        let mut position = 0;
        parts.all(|part| {
            let part = part.trim_ascii();
            let value = self.with_nulls(Field::Csv(part));
            let mut fields = record.fields.to_vec();
            let read = match part {
                "" => Err(at_element(position, nothing_between())),
                _ => self.fill_value(&value, position, &mut fields),
            };
            position += 1;
            let text = || serde_json::Value::from(part).to_string();
            seen.offer(self.columns, read.map(|()| &*fields), &text, on_record)
        })
    }

    /// An element, or null if its text stands for that.
    fn with_nulls<'e>(&self, value: Field<'e>) -> Field<'e> {
        let mut values = [value];
        self.rules.nulls.clear(&mut values);
        let [value] = values;
        value
    }

    /// Fills the fields of an object over those of its record.
    fn fill_object<'e>(&self, json: &'e str, fields: &mut [Field<'e>]) -> Result<(), Mismatch> {
        let mut found = vec![Field::Missing; self.inner.len()];
        let read = object_fields(json, &self.inner, &mut found);
        read.map_err(|found| Mismatch::new("a JSON object", found))?;
        // What the record has under the key is the list.
        if let Some(own) = self.own {
            fields[own] = json_field(json);
        }
        for (field, found) in fields.iter_mut().zip(found) {
            if found != Field::Missing {
                *field = found;
            }
        }
        Ok(())
    }

    /// Fills the field of the key, and that of its label if the element is split.
    fn fill_value<'e>(
        &self,
        value: &'e Field<'_>,
        position: usize,
        fields: &mut [Field<'e>],
    ) -> Result<(), Mismatch> {
        let Some(separator) = &self.rules.label_separator else {
            if let Some(own) = self.own {
                fields[own] = value.clone();
            }
            return Ok(());
        };
        let parts = split_label(value, separator, &self.rules.nulls);
        let parts = parts.map_err(|mismatch| at_element(position, mismatch))?;
        for (at, part) in [self.own, self.label].into_iter().zip(parts) {
            if let Some(at) = at {
                fields[at] = part;
            }
        }
        Ok(())
    }

    /// What a message expects of a list.
    fn expected(&self) -> String {
        format!("a list as \"{}\"", self.rules.key)
    }

    /// The fault of a field that should be a list, with the setting that splits a text.
    fn no_list(&self, found: &Field<'_>) -> Mismatch {
        let hint = match found {
            Field::Csv(text) => Some(*text),
            Field::Text(text) => Some(&**text),
            _ => None,
        };
        let hint = hint.map(|text| separator_hint(&self.rules.source_name, text));
        Mismatch::new(advice::expected(&self.expected(), hint), found.shown())
    }
}
