//! Attribute columns of actions, and columns that are carried through.

use super::cell::{LogCell, RecordFault};
use super::column;
use crate::job::{Attribute, AttributeType, Passthrough, PassthroughType, Settings, Source};
use crate::reference::{Number, instant_in};

/// An attribute column of a source.
pub(crate) struct AttributeField<'s> {
    /// Its name in the files.
    pub(crate) name: &'s str,
    /// Its type; floats, if it is not given.
    kind: Option<AttributeType>,
}

/// The attribute columns of a source.
pub(crate) fn attributes_in(settings: &Settings, source: Source) -> Vec<AttributeField<'_>> {
    let attributes = settings.sequences().attributes.iter();
    let fields = attributes.filter_map(|attribute| match attribute {
        Attribute::TimeDelta | Attribute::Time => None,
        Attribute::Column(own) => Some(AttributeField {
            name: column(settings, source, &own.name),
            kind: own.kind,
        }),
    });
    fields.collect()
}

/// The attributes of an action.
pub(crate) fn numbers_of(
    fields: &[AttributeField<'_>],
    cells: &[LogCell],
) -> Result<Vec<Number>, RecordFault> {
    let pairs = fields.iter().zip(cells);
    pairs
        .map(|(field, cell)| cell.number_of(field.name, field.kind))
        .collect()
}

impl LogCell {
    /// The value of a passthrough column as text; times as microseconds since the epoch.
    pub(crate) fn passthrough(
        &self,
        settings: &Settings,
        own: &Passthrough,
    ) -> Result<Option<String>, RecordFault> {
        if self.is_null() {
            return Ok(None);
        }
        let name = &own.name;
        let text = match own.kind {
            Some(PassthroughType::Int32) => {
                let int = self.int().and_then(|int| i32::try_from(int).ok());
                int.map(|int| int.to_string())
            }
            Some(PassthroughType::Int64) => self.int().map(|int| int.to_string()),
            Some(PassthroughType::Double) => self.number(name)?.map(|number| number.to_string()),
            Some(PassthroughType::Boolean) => {
                let label = self.label(name)?;
                return Ok(label.map(|label| label.to_string()));
            }
            Some(PassthroughType::Time) => {
                let Some((time, _)) = self.time(name, settings)? else {
                    return Ok(None);
                };
                Some(instant_in(settings.zone_name(), time).to_string())
            }
            Some(PassthroughType::Text) | None => self.text(),
        };
        text.map(Some)
            .ok_or_else(|| RecordFault::new(name, "what is carried through", self))
    }

    /// The value as an attribute of an action; null is 0 for integers and NaN for floats.
    fn number_of(&self, column: &str, kind: Option<AttributeType>) -> Result<Number, RecordFault> {
        let number = match (self, kind) {
            (LogCell::Missing | LogCell::Null, Some(AttributeType::Int32)) => Some(Number::Int(0)),
            (LogCell::Missing | LogCell::Null, _) => Some(Number::float(f32::NAN)),
            (_, Some(AttributeType::Int32)) => {
                let int = self.int().and_then(|int| i32::try_from(int).ok());
                int.map(Number::Int)
            }
            (LogCell::Csv(text) | LogCell::Json(text), _) => {
                let number = text.parse().ok().filter(|number: &f32| number.is_finite());
                number.map(Number::float)
            }
            (LogCell::Int(value), _) => value.to_string().parse().ok().map(Number::float),
            (LogCell::Single(value), _) => Some(Number::float(*value)),
            (LogCell::Real(value), _) => {
                let number = rounded(*value);
                // An infinity of the file stays one; a finite number that becomes one does not fit.
                let overflows = value.is_finite() && number.is_infinite();
                (!overflows).then_some(Number::float(number))
            }
            _ => None,
        };
        number.ok_or_else(|| RecordFault::new(column, "a number that fits 32 bits", self))
    }
}

/// The nearest 32-bit float.
#[expect(clippy::cast_possible_truncation, reason = "it is rounded")]
fn rounded(number: f64) -> f32 {
    number as f32
}
