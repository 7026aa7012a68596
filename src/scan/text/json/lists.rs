//! Records that are the elements of a list inside an object, such as the events of a session.
//!
//! **In / Out**: an object and the key of its list → a record per element, with the fields of the element
//! and, where it has none of a name, those of the object. **Null rule**: a list that is null, empty or
//! missing makes no record. **Invariants**: an element that is an object gives its fields by their names, also
//! behind the key and a dot; any other value is the field of the key itself.

use serde_json::value::RawValue;

use super::object::{json_field, object_fields};
use crate::scan::mismatch::{Mismatch, quoted};
use crate::scan::text::columns::WantedColumn;
use crate::scan::text::field::Field;
use crate::scan::text::record::{ColumnsSeen, OnRecord};

/// Passes each element of the list of an object to the caller; returns whether to read on.
pub(super) fn offer_elements(
    json: &str,
    columns: &[WantedColumn<'_>],
    key: &str,
    seen: &mut ColumnsSeen,
    on_record: OnRecord<'_>,
) -> bool {
    let own = columns.iter().position(|column| column.name == key);
    let mut wanted = columns.to_vec();
    wanted.extend(own.is_none().then(|| WantedColumn::new(key, false)));
    let mut of_object = vec![Field::Missing; wanted.len()];
    if let Err(found) = object_fields(json, &wanted, &mut of_object) {
        let fault = Mismatch::new("a JSON object", found);
        return seen.offer(columns, Err(fault), &|| json.to_owned(), on_record);
    }
    let list = of_object[own.unwrap_or(columns.len())].clone();
    of_object.truncate(columns.len());
    seen.lists[usize::from(list == Field::Missing)] = true;
    let mut fault = |mismatch| seen.offer(columns, Err(mismatch), &|| json.to_owned(), on_record);
    let elements: Vec<&RawValue> = match &list {
        Field::Missing | Field::Null => return true,
        Field::Json(list) if list.starts_with('[') => match serde_json::from_str(list) {
            Ok(elements) => elements,
            Err(_) => return fault(no_list(key, list)),
        },
        other => return fault(no_list(key, &other.shown())),
    };
    let inside = format!("{key}.");
    let inner = columns.iter().map(|column| {
        let name = column.name.strip_prefix(&inside).unwrap_or(column.name);
        WantedColumn::new(name, false)
    });
    let inner: Vec<WantedColumn<'_>> = inner.collect();
    elements.into_iter().all(|element| {
        let json = element.get();
        let mut fields = of_object.clone();
        let read = element_fields(json, key, (columns, &inner), &mut fields);
        let fields = read.map(|()| &*fields);
        seen.offer(columns, fields, &|| json.to_owned(), on_record)
    })
}

/// Fills the fields of an element over those of its object.
fn element_fields<'a>(
    json: &'a str,
    key: &str,
    (columns, inner): (&[WantedColumn<'_>], &[WantedColumn<'_>]),
    fields: &mut [Field<'a>],
) -> Result<(), Mismatch> {
    if json == "null" {
        return Err(Mismatch::new("an element of a list", "null"));
    }
    // What the object has under the key is the list.
    let own = columns.iter().position(|column| column.name == key);
    if !json.starts_with('{') {
        if let Some(own) = own {
            fields[own] = json_field(json);
        }
        return Ok(());
    }
    let mut found = vec![Field::Missing; inner.len()];
    let read = object_fields(json, inner, &mut found);
    read.map_err(|found| Mismatch::new("a JSON object", found))?;
    if let Some(own) = own {
        fields[own] = json_field(json);
    }
    for (field, found) in fields.iter_mut().zip(found) {
        if found != Field::Missing {
            *field = found;
        }
    }
    Ok(())
}

/// The fault of a value that should be a list.
fn no_list(key: &str, found: &str) -> Mismatch {
    Mismatch::new(format!("a list as \"{key}\""), quoted(found))
}
