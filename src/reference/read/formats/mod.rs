//! Files to records of cells, format by format.

pub(crate) mod arrow;
pub(crate) mod elements;
pub(crate) mod exploded;
mod flat;
pub(crate) mod json;
pub(crate) mod parquet;
pub(crate) mod text;

use ::arrow::datatypes::{DataType, Fields};

use crate::reference::read::paths::splits;

/// Where the value of a requested column is, in files that have a schema.
#[derive(Clone, Debug)]
struct Place {
    /// Whether it is in the element of the list that is exploded, not in the record.
    is_of_element: bool,
    /// The names that lead to it; without one it is the element itself.
    path: Vec<String>,
    /// Its type, as Arrow knows it.
    data_type: DataType,
}

/// Where a requested column is; nothing if it is nowhere.
fn place_of(fields: &Fields, explode: Option<&str>, column: &str) -> Option<Place> {
    let of_record = || {
        let (path, data_type) = path_to(fields, column)?;
        Some(Place {
            is_of_element: false,
            path,
            data_type,
        })
    };
    let Some(list) = explode else {
        return of_record();
    };
    let (_, lists) = fields.find(list)?;
    let element = element_type(lists.data_type())?;
    let of_element = |path, data_type| Place {
        is_of_element: true,
        path,
        data_type,
    };
    let inside = |name: &str| match element {
        DataType::Struct(fields) => path_to(fields, name),
        _ => None,
    };
    let behind = column
        .strip_prefix(list)
        .and_then(|rest| rest.strip_prefix('.'));
    // A field of its own called like the list would be meant before the element.
    let found = inside(column).or_else(|| behind.and_then(inside));
    match found {
        Some((path, data_type)) => Some(of_element(path, data_type)),
        None if column == list => Some(of_element(Vec::new(), element.clone())),
        None => of_record(),
    }
}

/// The type of the elements of lists.
fn element_type(list: &DataType) -> Option<&DataType> {
    match list {
        DataType::List(element)
        | DataType::LargeList(element)
        | DataType::ListView(element)
        | DataType::LargeListView(element)
        | DataType::FixedSizeList(element, _) => Some(element.data_type()),
        _ => None,
    }
}

/// The names that lead to a column, or to a field inside one, and its type.
fn path_to(fields: &Fields, name: &str) -> Option<(Vec<String>, DataType)> {
    if let Some((_, field)) = fields.find(name) {
        return Some((vec![name.to_owned()], field.data_type().clone()));
    }
    splits(name).into_iter().find_map(|(outer, rest)| {
        let (_, field) = fields.find(outer)?;
        let DataType::Struct(inner) = field.data_type() else {
            return None;
        };
        let (mut path, data_type) = path_to(inner, rest)?;
        path.insert(0, outer.to_owned());
        Some((path, data_type))
    })
}
