//! JSON without second readings.
//!
//! A text that repeats a member means one thing to a parser that keeps the first and another to one
//! that keeps the last (RFC 8259 section 4); whoever signs, checks and consumes it must not differ.
//! Nothing here knows what the values are for.

mod claim_path;
mod pointer;
mod reads;
mod weight;

use std::{collections::BTreeSet, fmt, marker::PhantomData, ops::Deref};

use serde::{
    Deserialize, Deserializer,
    de::{Error, MapAccess, SeqAccess, Visitor},
};
use serde_json::{Map, Value};

pub use claim_path::{ClaimPath, ClaimPathError};
pub use pointer::Pointer;
pub use reads::Reads;
pub use weight::map_weight;

/// Reads the whole of `bytes` as one JSON value in which no object repeats a member.
///
/// # Errors
///
/// Anything but one JSON text, nesting past `serde_json`'s limit of 128, or a repeated member.
pub fn parse_strict(bytes: &[u8]) -> Result<Value, JsonError> {
    let StrictValue(value) = serde_json::from_slice(bytes)?;
    Ok(value)
}

/// Why a text is not strict JSON; says where, and at most a shortened member name of the text.
#[derive(Debug, thiserror::Error)]
#[error("not strict JSON: {0}")]
pub struct JsonError(#[from] serde_json::Error);

/// A JSON value in which no object, at any depth, repeats a member.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StrictValue(pub Value);

impl Deref for StrictValue {
    type Target = Value;

    fn deref(&self) -> &Value {
        &self.0
    }
}

impl<'de> Deserialize<'de> for StrictValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(StrictVisitor).map(Self)
    }
}

/// A JSON object in which no object, at any depth, repeats a member.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StrictObject(pub Map<String, Value>);

impl<'de> Deserialize<'de> for StrictObject {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(StrictObjectVisitor).map(Self)
    }
}

struct StrictVisitor;

impl<'de> Visitor<'de> for StrictVisitor {
    type Value = Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a JSON value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        while let Some(StrictValue(item)) = seq.next_element()? {
            items.push(item);
        }
        // Twice the places would stay with whoever keeps the value.
        items.shrink_to_fit();
        Ok(Value::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Value, A::Error> {
        StrictObjectVisitor.visit_map(map).map(Value::Object)
    }
}

struct StrictObjectVisitor;

impl<'de> Visitor<'de> for StrictObjectVisitor {
    type Value = Map<String, Value>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut members = Map::new();
        while let Some(name) = map.next_key::<String>()? {
            if members.contains_key(&name) {
                return Err(duplicate(&name));
            }
            let StrictValue(value) = map.next_value()?;
            members.insert(name, value);
        }
        Ok(members)
    }
}

/// A map that keeps the order of the text and refuses a repeated key.
#[derive(Clone, Debug, PartialEq)]
pub struct UniqueMap<T>(Vec<(String, T)>);

impl<T> UniqueMap<T> {
    /// The value of `key`.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&T> {
        self.iter()
            .find_map(|(name, value)| (name == key).then_some(value))
    }

    /// The entries, in the order of the text.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &T)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value))
    }

    /// The same, to be changed.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = (&str, &mut T)> {
        self.0
            .iter_mut()
            .map(|(name, value)| (name.as_str(), value))
    }

    /// How many entries there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is no entry.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<T> Default for UniqueMap<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T> FromIterator<(String, T)> for UniqueMap<T> {
    /// Of entries with one key the first counts.
    fn from_iter<I: IntoIterator<Item = (String, T)>>(entries: I) -> Self {
        let mut seen = BTreeSet::new();
        let entries = entries.into_iter();
        Self(
            entries
                .filter(|(key, _)| seen.insert(key.clone()))
                .collect(),
        )
    }
}

impl<T> IntoIterator for UniqueMap<T> {
    type Item = (String, T);
    type IntoIter = std::vec::IntoIter<(String, T)>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for UniqueMap<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(UniqueVisitor(PhantomData))
    }
}

struct UniqueVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for UniqueVisitor<T> {
    type Value = UniqueMap<T>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<UniqueMap<T>, A::Error> {
        let mut seen = BTreeSet::new();
        let mut entries = Vec::new();
        while let Some(name) = map.next_key::<String>()? {
            if !seen.insert(name.clone()) {
                return Err(duplicate(&name));
            }
            entries.push((name, map.next_value()?));
        }
        Ok(UniqueMap(entries))
    }
}

/// The name helps whoever wrote the text; its length is theirs too, so it is cut.
fn duplicate<E: Error>(name: &str) -> E {
    E::custom(format_args!("duplicate member `{name:.64}`"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn refusal(text: &str) -> String {
        parse_strict(text.as_bytes()).unwrap_err().to_string()
    }

    #[test]
    fn any_json_value_is_read_as_it_stands() {
        let text = r#"{"a":[1,-2,1.5,"x",null,true,{"b":{}}],"c":18446744073709551615}"#;
        let expected: Value = serde_json::from_str(text).unwrap();
        assert_eq!(parse_strict(text.as_bytes()).unwrap(), expected);
    }

    #[test]
    fn a_repeated_member_is_refused_at_every_depth() {
        for text in [
            r#"{"a":1,"a":1}"#,
            r#"{"a":1,"\u0061":2}"#,
            r#"{"x":{"a":1,"a":2}}"#,
            r#"[{"x":[{"a":1,"b":2,"a":3}]}]"#,
        ] {
            assert!(refusal(text).contains("duplicate member `a`"), "{text}");
        }
    }

    #[test]
    fn a_name_may_come_back_in_another_object() {
        let value = parse_strict(br#"{"a":{"a":1},"b":{"a":2}}"#).unwrap();
        assert_eq!(value, json!({"a": {"a": 1}, "b": {"a": 2}}));
    }

    #[test]
    fn a_long_repeated_name_is_cut_in_the_message() {
        let name = "n".repeat(10_000);
        assert!(refusal(&format!(r#"{{"{name}":1,"{name}":2}}"#)).len() < 200);
    }

    #[test]
    fn only_one_whole_text_is_read() {
        for text in [
            "",
            " ",
            "{} {}",
            "{}x",
            "{",
            "[1,]",
            "{\"a\":}",
            "nul",
            "\u{feff}{}",
        ] {
            assert!(parse_strict(text.as_bytes()).is_err(), "{text}");
        }
        assert!(parse_strict(b"{\"a\":\"\xff\"}").is_err());
    }

    #[test]
    fn nesting_is_bounded() {
        let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert!(parse_strict(nested(100).as_bytes()).is_ok());
        assert!(parse_strict(nested(100_000).as_bytes()).is_err());
        assert!(parse_strict("{\"a\":".repeat(100_000).as_bytes()).is_err());
    }

    #[test]
    fn a_unique_map_keeps_the_order_of_the_text() {
        let map: UniqueMap<u8> = serde_json::from_str(r#"{"z":1,"a":2,"m":3}"#).unwrap();
        assert_eq!(
            map.iter().collect::<Vec<_>>(),
            [("z", &1), ("a", &2), ("m", &3)]
        );
        assert_eq!((map.get("a"), map.get("b"), map.len()), (Some(&2), None, 3));
        assert!(UniqueMap::<u8>::default().is_empty());
        assert_eq!(map.into_iter().next(), Some(("z".to_owned(), 1)));
    }

    #[test]
    fn a_unique_map_refuses_a_repeated_key() {
        let error = serde_json::from_str::<UniqueMap<u8>>(r#"{"z":1,"z":1}"#).unwrap_err();
        assert!(
            error.to_string().starts_with("duplicate member `z`"),
            "{error}"
        );
    }
}
