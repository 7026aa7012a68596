//! The words of the values of an option, in flags, job files and manifests.
//!
//! **Invariants**: the words are those of the serde derive; nothing here lists them a second time.

use std::fmt;

use serde::de::value::{Error as Fault, StrDeserializer};
use serde::de::{DeserializeOwned, Error, IntoDeserializer, Visitor};
use serde::{Deserializer, Serialize};

/// The words of all values, in the order of the variants.
pub(crate) fn words<T: DeserializeOwned>() -> &'static [&'static str] {
    let mut words: &'static [&'static str] = &[];
    // Serde passes the words to the deserializer, which then returns an error instead of a variant.
    drop(T::deserialize(Variants { words: &mut words }));
    words
}

/// The names of the fields of a struct, in their order.
pub(crate) fn fields<T: DeserializeOwned>() -> &'static [&'static str] {
    words::<T>()
}

/// The value of a word.
pub(crate) fn value_of<T: DeserializeOwned>(word: &str) -> Option<T> {
    let word: StrDeserializer<'_, Fault> = word.into_deserializer();
    T::deserialize(word).ok()
}

/// The word of a value.
pub(crate) fn word_of<T: Serialize>(value: &T) -> String {
    fmt::from_fn(|out| value.serialize(out)).to_string()
}

/// A deserializer that only records the variants of an enum, or the fields of a struct.
struct Variants<'w> {
    words: &'w mut &'static [&'static str],
}

impl<'de> Deserializer<'de> for Variants<'_> {
    type Error = Fault;

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        variants: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, Fault> {
        *self.words = variants;
        Err(Fault::custom("only the words were asked for"))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, Fault> {
        *self.words = fields;
        Err(Fault::custom("only the names were asked for"))
    }

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Fault> {
        Err(Fault::custom("this type has no words"))
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option
        unit unit_struct newtype_struct seq tuple tuple_struct map identifier ignored_any
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::{Codec, TimeUnit};

    #[test]
    fn words_are_those_of_variants() {
        assert_eq!(words::<Codec>(), ["zstd", "lz4_raw", "snappy", "none"]);
        assert_eq!(value_of("ms"), Some(TimeUnit::Milli));
        assert_eq!(value_of::<TimeUnit>("milli"), None);
        assert_eq!(word_of(&Codec::Lz4Raw), "lz4_raw");
        assert!(words::<u8>().is_empty());
    }
}
