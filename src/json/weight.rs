//! What JSON takes in memory once it is read.

use serde_json::{Map, Value};

/// What the allocator adds to a piece of memory: its head, and what rounding wastes.
const PIECE: usize = 16;

/// What a map takes: nodes of eleven places, of which six are full at the least, and what hangs below.
#[must_use]
pub fn map_weight(map: &Map<String, Value>) -> usize {
    let node = 11 * (size_of::<String>() + size_of::<Value>()) + 32 + PIECE;
    let nodes = map.len().div_ceil(5).saturating_mul(node);
    let weight =
        |(name, value): (&String, &Value)| text_weight(name).saturating_add(value_weight(value));
    map.iter().map(weight).fold(nodes, usize::saturating_add)
}

fn text_weight(text: &String) -> usize {
    match text.capacity() {
        0 => 0,
        bytes => bytes.saturating_add(PIECE),
    }
}

fn value_weight(value: &Value) -> usize {
    match value {
        Value::String(text) => text_weight(text),
        Value::Array(items) => {
            let places = items.capacity().saturating_mul(size_of::<Value>());
            items
                .iter()
                .map(value_weight)
                .fold(places.saturating_add(PIECE), usize::saturating_add)
        }
        Value::Object(members) => map_weight(members),
        Value::Null | Value::Bool(_) | Value::Number(_) => 0,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn each_piece_counts() {
        let weight = |value: Value| map_weight(value.as_object().unwrap());
        assert_eq!(weight(json!({})), 0);
        let one = weight(json!({ "a": 1 }));
        assert_eq!(weight(json!({ "a": 1, "b": null })), one + 1 + PIECE);
        assert!(weight(json!({ "a": "x".repeat(1000) })) >= one + 1000);
        let items: Vec<_> = (0..1000).map(|at| at.to_string()).collect();
        assert!(weight(json!({ "a": items })) >= one + 1000 * (size_of::<Value>() + PIECE));
        assert!(weight(json!({ "a": { "b": 1 } })) >= 2 * one);
    }
}
