//! Values as JSON or Python writes them, by recursive descent, to JSON.
//!
//! A number that is none (`NaN`, `inf`) becomes an object, which is right in no column.

/// The rest of a text that is being read.
struct Literal<'t>(&'t str);

/// The members of an object as text, each with its key; nothing if the text is no object.
pub(super) fn members(text: &str) -> Option<Vec<(String, String)>> {
    let mut literal = Literal(text.trim());
    let members = literal.members()?;
    literal.0.is_empty().then_some(members)
}

/// Values one after the other as JSON; nothing if the text is none of them.
pub(in crate::reference) fn values(text: &str) -> Option<Vec<String>> {
    let mut literal = Literal(text.trim());
    let mut values = Vec::new();
    while !literal.0.is_empty() {
        values.push(literal.value()?);
    }
    Some(values)
}

/// A value as JSON; nothing if the text is none.
pub(crate) fn as_json(text: &str) -> Option<String> {
    let mut literal = Literal(text.trim());
    let json = literal.value()?;
    literal.0.is_empty().then_some(json)
}

impl Literal<'_> {
    /// Takes a text if it is next, and the white space behind it.
    fn take(&mut self, wanted: &str) -> bool {
        let rest = self.0.strip_prefix(wanted);
        rest.map(|rest| self.0 = rest.trim_start()).is_some()
    }

    /// The next value.
    fn value(&mut self) -> Option<String> {
        if self.0.starts_with('{') {
            let members = self.members()?.into_iter();
            let members: Vec<String> = members
                .map(|(key, value)| format!("{}: {value}", serde_json::Value::from(key)))
                .collect();
            return Some(format!("{{{}}}", members.join(", ")));
        }
        if self.take("[") {
            let mut values = Vec::new();
            while !self.take("]") {
                if !values.is_empty() && !self.take(",") {
                    return None;
                }
                values.push(self.value()?);
            }
            return Some(format!("[{}]", values.join(", ")));
        }
        if self.0.starts_with(['"', '\'']) {
            return Some(serde_json::Value::from(self.string()?).to_string());
        }
        let is_end = |other: char| !other.is_ascii_alphanumeric() && !"+-.".contains(other);
        let (word, rest) = self.0.split_at(self.0.find(is_end).unwrap_or(self.0.len()));
        self.0 = rest.trim_start();
        let json = match word {
            "True" | "true" => "true",
            "False" | "false" => "false",
            "None" | "null" => "null",
            "NaN" | "nan" | "inf" | "-inf" | "Infinity" | "-Infinity" => "{\"NaN\":0}",
            number if serde_json::from_str::<serde_json::Number>(number).is_ok() => number,
            _ => return None,
        };
        Some(json.to_owned())
    }

    /// The members of the next object.
    fn members(&mut self) -> Option<Vec<(String, String)>> {
        if !self.take("{") {
            return None;
        }
        let mut members = Vec::new();
        while !self.take("}") {
            if !members.is_empty() && !self.take(",") {
                return None;
            }
            let key = self.string()?;
            if !self.take(":") {
                return None;
            }
            members.push((key, self.value()?));
        }
        Some(members)
    }

    /// The next string.
    fn string(&mut self) -> Option<String> {
        let quote = self
            .0
            .chars()
            .next()
            .filter(|quote| "\"'".contains(*quote))?;
        let (mut text, mut characters) = (String::new(), self.0[1..].chars());
        loop {
            match characters.next()? {
                '\\' => {
                    let escape = characters.next()?;
                    let mut code = |digits: usize| {
                        let digits: String = characters.by_ref().take(digits).collect();
                        u32::from_str_radix(&digits, 16).ok()
                    };
                    text.push(match escape {
                        'n' => '\n',
                        't' => '\t',
                        'r' => '\r',
                        'b' => '\u{8}',
                        'f' => '\u{c}',
                        'x' => char::from_u32(code(2)?)?,
                        'U' => char::from_u32(code(8)?)?,
                        'u' => match code(4)? {
                            high @ 0xd800..0xdc00 => {
                                let behind: String = characters.by_ref().take(6).collect();
                                let low = behind.strip_prefix("\\u")?;
                                let low = u32::from_str_radix(low, 16).ok()?;
                                char::from_u32(
                                    0x10000 + ((high - 0xd800) << 10) + low.checked_sub(0xdc00)?,
                                )?
                            }
                            code => char::from_u32(code)?,
                        },
                        '"' | '\'' | '\\' | '/' => escape,
                        _ => return None,
                    });
                }
                end if end == quote => {
                    self.0 = characters.as_str().trim_start();
                    return Some(text);
                }
                other => text.push(other),
            }
        }
    }
}
