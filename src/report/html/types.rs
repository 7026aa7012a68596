//! The names of types of actions, from the settings of a set.
//!
//! **In / Out**: the sources in the settings of a manifest → a name per code: the name of the source, if
//! its rows all have one type; with a column of types, the values that have the code.

use std::collections::BTreeMap;

use serde_json::Value;

/// Names by code.
pub(crate) struct TypeNames(BTreeMap<String, Vec<String>>);

impl TypeNames {
    /// The names in the settings of a manifest.
    pub(crate) fn new(settings: &Value) -> TypeNames {
        // A manifest lists the sources of actions only if they are not the default ones.
        let Some(sources) = settings["action_sources"].as_array() else {
            let names = [("1", "clicks"), ("2", "add-to-carts"), ("3", "orders")];
            let names = names.map(|(code, name)| (code.to_owned(), vec![name.to_owned()]));
            return TypeNames(names.into());
        };
        let mut names: BTreeMap<String, Vec<String>> = BTreeMap::new();
        let mut add = |code: &Value, name: &str| {
            let of_code = names.entry(code.to_string()).or_default();
            if !of_code.iter().any(|known| known == name) {
                of_code.push(name.to_owned());
            }
        };
        for source in sources {
            match source["types"].as_object() {
                Some(types) => types.iter().for_each(|(value, code)| add(code, value)),
                None => add(
                    &source["type"],
                    source["source"].as_str().unwrap_or_default(),
                ),
            }
        }
        TypeNames(names)
    }

    /// The name of a type.
    pub(crate) fn name(&self, code: &str) -> String {
        match self.0.get(code) {
            _ if code == "0" => "padding".to_owned(),
            Some(names) => names.join(" or "),
            None => format!("type {code}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn types_have_the_names_of_the_job() {
        let names_of = |settings: Value, codes: [&str; 4]| {
            let names = TypeNames::new(&settings);
            codes.map(|code| names.name(code))
        };
        let own = ["padding", "clicks", "orders", "type 7"];
        assert_eq!(names_of(json!({"without": []}), ["0", "1", "3", "7"]), own);
        let log =
            json!({"source": "log", "type_column": "t", "types": {"see": 1, "look": 1, "buy": 9}});
        let likes = json!({"source": "likes", "type": 4});
        let own = ["see or look", "buy", "likes", "type 2"];
        let settings = json!({"action_sources": [log, likes]});
        assert_eq!(names_of(settings, ["1", "9", "4", "2"]), own);
    }
}
