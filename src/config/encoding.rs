//! The forms in which hosts hand the configuration over.
//!
//! Text comes from a `StringValue` in Envoy, from Istio, Kong and APISIX; some of them hand over a JSON string that
//! holds the object. Envoy passes a `google.protobuf.Struct` on as protobuf bytes.

use prost::Message as _;
use prost_types::value::Kind;
use serde_json::{Map, Number, Value};

/// One configuration, in the encoding in which the host passed it.
pub(super) enum Encoding<'b> {
    /// JSON text, not yet parsed.
    Text(&'b [u8]),
    /// The configuration's JSON object, decoded from a `google.protobuf.Struct`.
    Object(Value),
}

impl<'b> Encoding<'b> {
    /// Recognises the encoding. The bytes of a `Struct` contain the tag of a map entry's value (0x12), and JSON text
    /// contains no control character of that value (RFC 8259 §2, §7).
    pub(super) fn of(bytes: &'b [u8]) -> Option<Self> {
        if !bytes.contains(&0x12) {
            return Some(Self::Text(bytes));
        }
        let object = prost_types::Struct::decode(bytes).ok()?;
        Some(Self::Object(map(object)))
    }
}

fn map(object: prost_types::Struct) -> Value {
    let members = object.fields.into_iter();
    Value::Object(
        members
            .map(|(name, value)| (name, json(value)))
            .collect::<Map<_, _>>(),
    )
}

fn json(value: prost_types::Value) -> Value {
    match value.kind {
        None | Some(Kind::NullValue(_)) => Value::Null,
        Some(Kind::BoolValue(value)) => Value::Bool(value),
        Some(Kind::NumberValue(value)) => number(value),
        Some(Kind::StringValue(value)) => Value::String(value),
        Some(Kind::ListValue(list)) => list.values.into_iter().map(json).collect(),
        Some(Kind::StructValue(object)) => map(object),
    }
}

/// Converts a number of a `Struct`, which is always a double; a whole one becomes an integer.
fn number(value: f64) -> Value {
    let Some(number) = Number::from_f64(value) else {
        return Value::Null;
    };
    let text = number.to_string();
    let whole = text
        .strip_suffix(".0")
        .and_then(|whole| whole.parse::<i64>().ok());
    Value::Number(whole.map_or(number, Number::from))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn to_struct(value: &Value) -> prost_types::Value {
        let kind = match value {
            Value::Null => Kind::NullValue(0),
            Value::Bool(value) => Kind::BoolValue(*value),
            Value::Number(value) => Kind::NumberValue(value.as_f64().unwrap()),
            Value::String(value) => Kind::StringValue(value.clone()),
            Value::Array(items) => Kind::ListValue(prost_types::ListValue {
                values: items.iter().map(to_struct).collect(),
            }),
            Value::Object(members) => Kind::StructValue(prost_types::Struct {
                fields: members
                    .iter()
                    .map(|(name, value)| (name.clone(), to_struct(value)))
                    .collect(),
            }),
        };
        prost_types::Value { kind: Some(kind) }
    }

    fn bytes(value: &Value) -> Vec<u8> {
        let Some(Kind::StructValue(object)) = to_struct(value).kind else {
            panic!("an object");
        };
        object.encode_to_vec()
    }

    #[test]
    fn a_struct_is_the_object_that_it_was() {
        let value = json!({
            "a": null, "b": true, "c": [1, -2.5, 1e300, 0], "d": { "e": "f\u{12}\n{" }, "": {}, "g": [],
        });
        let bytes = bytes(&value);
        let Some(Encoding::Object(got)) = Encoding::of(&bytes) else {
            panic!("a struct");
        };
        assert_eq!(got, value);
    }

    #[test]
    fn text_is_text_whatever_it_begins_with() {
        for text in [
            "{}",
            "\n{\n\"a\": 1}",
            "\"{}\"",
            "",
            " ",
            "\n\n\n",
            "{\"a\":\"\\u0012\"}",
        ] {
            assert!(
                matches!(Encoding::of(text.as_bytes()), Some(Encoding::Text(got)) if got == text.as_bytes())
            );
        }
    }

    #[test]
    fn a_struct_that_is_cut_or_too_deep_is_none() {
        let whole = bytes(&json!({ "rules": [{ "match": { "path": "/" } }] }));
        for end in 3..whole.len() {
            assert!(
                !matches!(Encoding::of(&whole[..end]), Some(Encoding::Object(_))),
                "{end}"
            );
        }
        let deep = (0..200).fold(json!(1), |value, _| json!({ "a": value }));
        assert!(Encoding::of(&bytes(&deep)).is_none());
    }
}
