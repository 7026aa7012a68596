//! The items of an impression with their labels, in every shape that they come in.
//!
//! **Null rule**: null items are none; a null list of labels has null labels; of a null list of clicked items
//! none was clicked. **Why so**: every shape becomes a list of elements first, and labels are found for these.

use std::collections::BTreeSet;

use serde::de::{IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use crate::job::{CustomerType, NullLabel, Settings, Source};
use crate::reference::read::cell::{LogCell, RecordFault};
use crate::reference::read::formats::json::cells_of;
use crate::reference::read::formats::text::literal::as_json;
use crate::reference::read::{ItemCodes, column};

/// The items of an impression.
#[derive(Default)]
pub(super) struct ShownItems {
    /// With their labels.
    pub(super) items: Vec<(i64, Option<bool>)>,
    /// The passthrough columns of each item.
    pub(super) passthrough: Vec<Vec<Option<String>>>,
    /// Their ids and labels, as a ranking id is made of them.
    pub(super) contents: String,
}

/// An element of a list.
enum Element {
    /// The wanted fields of a struct.
    Fields(Vec<LogCell>),
    /// A value.
    Alone(LogCell),
    /// An item with its label.
    Labelled(LogCell, LogCell),
}

/// A column, the name that files have for it, and how its texts are split.
struct ListColumn<'a> {
    settings: &'a Settings,
    name: &'a str,
    /// The fields of structs.
    fields: Vec<&'a str>,
    item_separator: Option<&'a str>,
    label_separator: Option<&'a str>,
}

impl ShownItems {
    /// Adds an item with its label.
    pub(super) fn add(
        &mut self,
        settings: &Settings,
        codes: &ItemCodes,
        item: (&LogCell, &str),
        label: (Option<bool>, &str),
    ) -> Result<(), RecordFault> {
        let own = settings.sequences();
        let ((cell, name), (is_order, label)) = (item, label);
        let number = codes.item(cell, name, own.item_type)?;
        if is_order.is_none() && own.null_label == NullLabel::Error {
            let null = LogCell::Null;
            return Err(RecordFault::new(label, "true or false", &null));
        }
        let id = match own.item_vocabulary {
            None => number.to_string(),
            Some(_) => cell.text().unwrap_or_default(),
        };
        let written = match is_order {
            None => "",
            Some(false) => "0",
            Some(true) => "1",
        };
        self.contents += &format!("{id}\t{written}\n");
        self.items.push((number, is_order));
        Ok(())
    }
}

/// The items of an impression, from the cells of its items, labels and clicked items.
pub(super) fn items_of(
    settings: &Settings,
    codes: &ItemCodes,
    cells: [&LogCell; 3],
) -> Result<ShownItems, RecordFault> {
    let has_labels = !settings.sequences().no_labels;
    let own = settings.sequences();
    let [items, labels, clicked] = ["impressions", "labels", "clicked"]
        .map(|ours| ListColumn::new(settings, column(settings, Source::Impressions, ours)));
    let passthrough: Vec<_> = own.keep.iter().filter(|own| own.of_items).collect();
    let fault = || RecordFault::new(items.name, "a list of items", cells[0]);
    let mut shown = ShownItems::default();
    let Some(elements) = items.elements(cells[0])? else {
        return Ok(shown);
    };
    let structs = elements.iter();
    let structs = structs.filter(|element| matches!(element, Element::Fields(_)));
    let structs = structs.count();
    if structs > 0 && structs < elements.len() || structs == 0 && !passthrough.is_empty() {
        // A list without elements has no shape.
        if !elements.is_empty() {
            return Err(fault());
        }
    }
    let has_own = elements
        .iter()
        .any(|element| !matches!(element, Element::Alone(_)));
    let found = match found_in(settings, elements.len(), [cells[1], cells[2]]) {
        _ if !has_labels => vec![None; elements.len()],
        Some(0) if !has_own => labels.labels(cells[1], elements.len())?,
        Some(1) if !has_own => clicked.clicks(cells[2], &elements, codes)?,
        Some(2) if !has_own => return Err(fault()),
        // A column that the user names is of items without labels.
        Some(_) if is_named(settings, "labels") || is_named(settings, "clicked") => {
            return Err(fault());
        }
        _ => vec![None; elements.len()],
    };
    for (element, found) in elements.iter().zip(found) {
        let (item, label) = match element {
            Element::Alone(item) => (item, found),
            Element::Labelled(item, _) if !has_labels => (item, None),
            Element::Labelled(item, label) => (item, label.label(items.name)?),
            Element::Fields(cells) => {
                let values = passthrough.iter().zip(&cells[2..]);
                let values = values.map(|(own, cell)| cell.passthrough(settings, own));
                shown.passthrough.push(values.collect::<Result<_, _>>()?);
                let label = match has_labels {
                    true => cells[1].label(items.fields[1])?,
                    false => None,
                };
                (&cells[0], label)
            }
        };
        shown.add(
            settings,
            codes,
            (item, items.fields[0]),
            (label, items.name),
        )?;
    }
    if structs == 0 {
        shown.passthrough = vec![Vec::new(); elements.len()];
    }
    Ok(shown)
}

/// Whether the user named a column of impressions.
fn is_named(settings: &Settings, ours: &str) -> bool {
    let mut columns = settings.columns.iter();
    columns.any(|(source, name, _)| *source == Source::Impressions && name == ours)
}

/// Which of the columns of labels and clicked items has the labels of some items; 2 for both, and nothing
/// for none.
fn found_in(settings: &Settings, items: usize, cells: [&LogCell; 2]) -> Option<usize> {
    if let Some(named) = ["labels", "clicked"]
        .iter()
        .position(|ours| is_named(settings, ours))
    {
        return Some(named);
    }
    let own = settings.source_settings.first();
    let is_split = own.is_some_and(|(_, own)| own.label_separator.is_some());
    if is_split || items == 0 {
        return None;
    }
    match cells.map(|cell| *cell != LogCell::Missing) {
        [true, true] => Some(2),
        [true, false] => Some(0),
        [false, true] => Some(1),
        [false, false] => None,
    }
}

impl<'a> ListColumn<'a> {
    /// A column of this name, with the separators of the source.
    fn new(settings: &'a Settings, name: &'a str) -> ListColumn<'a> {
        let ours = ["item_id", "is_order"];
        let mut fields = ours
            .map(|ours| column(settings, Source::Impressions, ours))
            .to_vec();
        let keep = settings.sequences().keep.iter();
        let keep = keep.filter(|own| own.of_items);
        fields.extend(keep.map(|own| own.name.as_str()));
        let own = settings.source_settings.first().map(|(_, own)| own);
        let is_items = name == column(settings, Source::Impressions, "impressions");
        ListColumn {
            settings,
            name,
            fields,
            item_separator: own.and_then(|own| own.item_separator.as_deref()),
            label_separator: own
                .filter(|_| is_items)
                .and_then(|own| own.label_separator.as_deref()),
        }
    }

    /// The labels in a cell, one for each item.
    fn labels(&self, cell: &LogCell, items: usize) -> Result<Vec<Option<bool>>, RecordFault> {
        if cell.is_null() {
            return Ok(vec![None; items]);
        }
        let fault = || RecordFault::new(self.name, "a label for each item", cell);
        let Some(elements) = self.elements(cell)? else {
            return Ok(vec![None; items]);
        };
        let label = |element: &Element| match element {
            Element::Alone(cell) => cell.label(self.name),
            _ => Err(fault()),
        };
        let labels: Vec<_> = elements.iter().map(label).collect::<Result<_, _>>()?;
        if labels.len() == items {
            Ok(labels)
        } else {
            Err(fault())
        }
    }

    /// Whether each item is one of those in a cell, all of which must be items.
    fn clicks(
        &self,
        cell: &LogCell,
        items: &[Element],
        codes: &ItemCodes,
    ) -> Result<Vec<Option<bool>>, RecordFault> {
        let fault = || RecordFault::new(self.name, "items that were shown", cell);
        let id = |element: &Element| match element {
            Element::Alone(cell) => self.id(cell, codes),
            _ => Err(fault()),
        };
        let clicked = match cell.is_null() {
            true => None,
            false => self.elements(cell)?,
        };
        let clicked = clicked.unwrap_or_default();
        let clicked: BTreeSet<String> = clicked.iter().map(id).collect::<Result<_, _>>()?;
        let items: Vec<String> = items.iter().map(id).collect::<Result<_, _>>()?;
        if !clicked.iter().all(|id| items.contains(id)) {
            return Err(fault());
        }
        Ok(items.iter().map(|id| Some(clicked.contains(id))).collect())
    }

    /// An item id, by which items are compared.
    fn id(&self, cell: &LogCell, codes: &ItemCodes) -> Result<String, RecordFault> {
        let fault = || RecordFault::new(self.name, "an item id", cell);
        if codes.are_texts() {
            let text = cell.text().filter(|text| !text.is_empty());
            return text.ok_or_else(fault);
        }
        let id = cell.id(self.name, CustomerType::Int64)?;
        id.ok_or_else(fault)
    }

    /// The elements in a cell, or nothing if it is null.
    fn elements(&self, cell: &LogCell) -> Result<Option<Vec<Element>>, RecordFault> {
        let fault = || RecordFault::new(self.name, "a list", cell);
        let elements = match cell {
            LogCell::Null => return Ok(None),
            LogCell::Json(json) => self.in_json(json).ok_or_else(fault)?,
            LogCell::Csv(text) | LogCell::Quoted(text) | LogCell::Text(text) => {
                let text = text.trim_matches(|c: char| c.is_ascii_whitespace());
                match self.item_separator {
                    None if text == "null" => return Ok(None),
                    None if text.starts_with(['[', '{']) => self.in_json(text).ok_or_else(fault)?,
                    separator => self.in_text(text, separator).ok_or_else(fault)?,
                }
            }
            LogCell::List(cells) => cells.iter().map(|cell| self.element(cell)).collect(),
            LogCell::Map(pairs) => {
                let pairs = pairs.iter().cloned();
                pairs
                    .map(|(item, label)| Element::Labelled(item, label))
                    .collect()
            }
            _ => return Err(fault()),
        };
        let elements = elements.into_iter().map(|element| self.split(element));
        elements.collect::<Option<_>>().map(Some).ok_or_else(fault)
    }

    /// An element of a list of Parquet.
    fn element(&self, cell: &LogCell) -> Element {
        let LogCell::Struct(fields) = cell else {
            return Element::Alone(cell.clone());
        };
        let pick = |name: &&str| {
            let field = fields.iter().find(|(own, _)| own == *name);
            field.map_or(LogCell::Missing, |(_, cell)| cell.clone())
        };
        Element::Fields(self.fields.iter().map(pick).collect())
    }

    /// The elements of an array or an object of JSON.
    fn in_json(&self, json: &str) -> Option<Vec<Element>> {
        // `read` has replaced the words in cells, and these elements are only parsed here.
        let nulls = &self.settings.null_values;
        let is_json = serde_json::from_str::<IgnoredAny>(json).is_ok();
        let python = if is_json { None } else { as_json(json) };
        let json = python.as_deref().unwrap_or(json);
        if json.starts_with('{') {
            let Pairs(pairs) = serde_json::from_str(json).ok()?;
            let pairs = pairs.into_iter().map(|(key, value)| {
                let value = one_of(&value)?;
                let key = LogCell::Csv(key).without(nulls);
                Some(Element::Labelled(key, value.without(nulls)))
            });
            return pairs.collect();
        }
        let values: Vec<&RawValue> = serde_json::from_str(json).ok()?;
        let values = values.into_iter().map(|value| {
            if value.get().starts_with('{') {
                let cells = cells_of(value.get(), &self.fields)?;
                let cells = cells.iter().map(|cell| cell.without(nulls));
                return Some(Element::Fields(cells.collect()));
            }
            Some(Element::Alone(one_of(value)?.without(nulls)))
        });
        values.collect()
    }

    /// The elements of a text without blanks around it.
    fn in_text(&self, text: &str, separator: Option<&str>) -> Option<Vec<Element>> {
        let nulls = &self.settings.null_values;
        let alone = |text: &str| {
            let text = text.trim_matches(|c: char| c.is_ascii_whitespace());
            let cell = LogCell::Csv(text.to_owned()).without(nulls);
            (!text.is_empty()).then_some(Element::Alone(cell))
        };
        match separator {
            _ if text.is_empty() => Some(Vec::new()),
            Some(" ") => {
                let parts = text.split(|c: char| c.is_ascii_whitespace());
                Some(parts.filter_map(alone).collect())
            }
            Some(separator) => text.split(separator).map(alone).collect(),
            // One value: of items an integer, of labels a label, which is looked at later.
            None => {
                let cell = LogCell::Csv(text.to_owned());
                let is_one = text.parse::<i64>().is_ok() || cell.label("").is_ok();
                is_one.then(|| vec![Element::Alone(cell.without(nulls))])
            }
        }
    }

    /// An element, split into item and label where a separator is told.
    fn split(&self, element: Element) -> Option<Element> {
        let (Some(separator), Element::Alone(cell)) = (self.label_separator, &element) else {
            return Some(element);
        };
        let (LogCell::Csv(text) | LogCell::Quoted(text) | LogCell::Text(text)) = cell else {
            return None;
        };
        let at = text.rfind(separator)?;
        let part = |text: &str| match text.trim_matches(|c: char| c.is_ascii_whitespace()) {
            "" => LogCell::Null,
            text => LogCell::Csv(text.to_owned()).without(&self.settings.null_values),
        };
        let label = part(&text[at + separator.len()..]);
        Some(Element::Labelled(part(&text[..at]), label))
    }
}

/// A value of JSON as a cell.
fn one_of(value: &RawValue) -> Option<LogCell> {
    let cells = cells_of(&format!("{{\"value\":{}}}", value.get()), &["value"]);
    cells?.pop()
}

/// The members of an object, in order; a key that comes twice is there twice.
struct Pairs(Vec<(String, Box<RawValue>)>);

impl<'de> Deserialize<'de> for Pairs {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Pairs, D::Error> {
        /// Takes an object.
        struct Members;

        impl<'de> Visitor<'de> for Members {
            type Value = Pairs;

            fn expecting(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                out.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Pairs, A::Error> {
                let mut pairs = Vec::new();
                while let Some(pair) = map.next_entry()? {
                    pairs.push(pair);
                }
                Ok(Pairs(pairs))
            }
        }

        from.deserialize_map(Members)
    }
}
