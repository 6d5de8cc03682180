//! What Kong wants to know of a filter: the schema of its configuration, by draft 4 of JSON Schema.

use auth_filter::config::Config;
use serde_json::{Map, Value, json};

/// `auth_filter.meta.json`, which lies beside the module.
pub fn text() -> String {
    format!("{:#}\n", meta(&Config::schema()))
}

/// The metadata of a filter whose configurations have this schema, of whatever draft since 6.
fn meta(schema: &Value) -> Value {
    let mut schema = older(schema);
    if let Value::Object(members) = &mut schema {
        let draft = "http://json-schema.org/draft-04/schema#";
        members.insert("$schema".into(), json!(draft));
    }
    json!({ "config_schema": schema })
}

/// Words that draft 4 does not have, in its words.
fn older(value: &Value) -> Value {
    match value {
        Value::Object(members) => {
            let mut all = Map::new();
            for (key, value) in members {
                match (key.as_str(), value) {
                    ("$defs", _) => all.insert("definitions".into(), named(value)),
                    ("properties" | "patternProperties", _) => {
                        all.insert(key.clone(), named(value))
                    }
                    ("const", value) => all.insert("enum".into(), json!([value])),
                    ("$ref", Value::String(place)) => all.insert(
                        key.clone(),
                        json!(place.replace("#/$defs/", "#/definitions/")),
                    ),
                    // Such as uint32: they bind nothing, and not every validator lets them be.
                    ("format", _) => None,
                    _ => all.insert(key.clone(), older(value)),
                };
            }
            Value::Object(all)
        }
        Value::Array(items) => Value::Array(items.iter().map(older).collect()),
        // Everything, and nothing.
        other => other.clone(),
    }
}

/// Schemas by names that mean nothing by themselves.
fn named(value: &Value) -> Value {
    let members = value.as_object().into_iter().flatten();
    let schema = |value: &Value| match value {
        Value::Bool(true) => json!({}),
        Value::Bool(false) => json!({ "not": {} }),
        other => older(other),
    };
    Value::Object(
        members
            .map(|(name, value)| (name.clone(), schema(value)))
            .collect(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_schema_speaks_draft_4() {
        let schema = json!({
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "$defs": { "Word": { "oneOf": [{ "const": "public" }, { "const": "deny" }] } },
            "type": "object", "additionalProperties": false,
            "properties": { "const": { "$ref": "#/$defs/Word" }, "any": true, "count": { "type": "integer", "format": "uint32", "minimum": 0 } },
        });
        assert_eq!(
            meta(&schema),
            json!({ "config_schema": {
                "$schema": "http://json-schema.org/draft-04/schema#",
                "definitions": { "Word": { "oneOf": [{ "enum": ["public"] }, { "enum": ["deny"] }] } },
                "type": "object", "additionalProperties": false,
                "properties": { "const": { "$ref": "#/definitions/Word" }, "any": {}, "count": { "type": "integer", "minimum": 0 } },
            } })
        );
    }
}
