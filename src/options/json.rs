//! How manifests store options that serde would store otherwise, for `#[serde(with = "…")]`.

/// Pairs as members of an object, in their order.
pub(crate) mod pairs {
    use serde::de::{DeserializeOwned, Error as _};
    use serde::{Deserialize, Deserializer, Serialize, Serializer};
    use serde_json::{Error, Map, Value};

    /// Writes pairs as an object.
    pub(crate) fn serialize<S: Serializer, K: Serialize, V: Serialize>(
        pairs: &[(K, V)],
        to: S,
    ) -> Result<S::Ok, S::Error> {
        to.collect_map(pairs.iter().map(|(key, value)| (key, value)))
    }

    /// Reads an object as pairs.
    pub(crate) fn deserialize<'de, D, K, V>(from: D) -> Result<Vec<(K, V)>, D::Error>
    where
        D: Deserializer<'de>,
        K: DeserializeOwned,
        V: DeserializeOwned,
    {
        // A `Map` keeps the order of the text, by the feature `preserve_order`. So a set that is
        // made once more from its manifest has a manifest of the same bytes.
        let members = Map::deserialize(from)?.into_iter();
        let pairs = members.map(|(name, value)| {
            let key = K::deserialize(Value::String(name))?;
            Ok((key, V::deserialize(value)?))
        });
        pairs
            .collect::<Result<_, Error>>()
            .map_err(D::Error::custom)
    }
}

/// Renamed columns as texts, `SOURCE.NAME=COLUMN`.
pub(crate) mod renamed {
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serializer};

    use crate::options::{Source, renamed_column};

    /// Writes renamed columns as an array of texts.
    pub(crate) fn serialize<S: Serializer>(
        columns: &[(Source, String, String)],
        to: S,
    ) -> Result<S::Ok, S::Error> {
        let texts = columns.iter();
        to.collect_seq(
            texts.map(|(source, ours, theirs)| format!("{}.{ours}={theirs}", source.name())),
        )
    }

    /// Reads an array of texts as renamed columns.
    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Vec<(Source, String, String)>, D::Error> {
        let texts = Vec::<String>::deserialize(from)?;
        let columns = texts.iter().map(|text| renamed_column(text));
        columns.collect::<Result<_, _>>().map_err(D::Error::custom)
    }
}
