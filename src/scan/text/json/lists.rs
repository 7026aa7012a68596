//! Objects with a list whose elements are the records.
//!
//! **In / Out**: an object → a record per element, by a [`ListReader`]. **Null rule**: an object without the key
//! makes no record; if none has it, the file lacks the column.

use super::object::object_fields;
use crate::scan::mismatch::Mismatch;
use crate::scan::text::columns::WantedColumn;
use crate::scan::text::field::Field;
use crate::scan::text::list_rules::ListRules;
use crate::scan::text::lists::{ListReader, ListRecord};
use crate::scan::text::record::{ColumnsSeen, OnRecord};

/// Passes each element of the list of an object to the caller; returns whether to read on.
pub(super) fn offer_elements(
    json: &str,
    columns: &[WantedColumn<'_>],
    rules: &ListRules,
    seen: &mut ColumnsSeen,
    on_record: OnRecord<'_>,
) -> bool {
    let own = columns.iter().position(|column| column.name == rules.key);
    let mut wanted = columns.to_vec();
    wanted.extend(own.is_none().then(|| WantedColumn::new(&rules.key, false)));
    let mut of_object = vec![Field::Missing; wanted.len()];
    if let Err(found) = object_fields(json, &wanted, &mut of_object) {
        let fault = Mismatch::new("a JSON object", found);
        return seen.offer(columns, Err(fault), &|| json.to_owned(), on_record);
    }
    let list = &of_object[own.unwrap_or(columns.len())];
    seen.lists[usize::from(*list == Field::Missing)] = true;
    let record = ListRecord {
        fields: &of_object[..columns.len()],
        list,
        text: &|| json.to_owned(),
    };
    ListReader::new(rules, columns).offer(record, seen, on_record)
}
