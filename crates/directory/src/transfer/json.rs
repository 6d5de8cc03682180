//! An array of objects, one on each line where this service writes it.

use auth_filter::json::StrictObject;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::{Held, Lines, Record};

pub(super) fn read(
    text: &str,
    take: &mut dyn FnMut(u64, Record<'_>) -> Result<(), String>,
) -> Result<(), String> {
    let records: Vec<&RawValue> =
        serde_json::from_str(text).map_err(|error| format!("line {}: {error}", error.line()))?;
    let mut lines = Lines::of(text);
    for record in records {
        let offset = record
            .get()
            .as_ptr()
            .addr()
            .saturating_sub(text.as_ptr().addr());
        one(lines.at(offset), record.get(), take)?;
    }
    Ok(())
}

fn one(
    line: u64,
    text: &str,
    take: &mut dyn FnMut(u64, Record<'_>) -> Result<(), String>,
) -> Result<(), String> {
    let StrictObject(mut object) =
        serde_json::from_str(text).map_err(|error| format!("line {line}: {error}"))?;
    let mut part = |key: &str| {
        object
            .remove(key)
            .ok_or_else(|| format!("line {line}: \"{key}\" is missing"))
    };
    let (kind, holder, value) = (part("kind")?, part("holder")?, part("value")?);
    if let Some(key) = object.keys().next() {
        return Err(format!("line {line}: {key:?} is no part of a record"));
    }
    let (Value::String(kind), Value::String(holder)) = (&kind, &holder) else {
        return Err(format!("line {line}: \"kind\" and \"holder\" are strings"));
    };
    let value = match &value {
        Value::String(text) if !matches!(kind.as_str(), "user" | "key") => Held::Text(text),
        Value::Object(object) => Held::Object(object.clone()),
        _ => {
            return Err(format!(
                "line {line}: \"value\" is a string, or an object of a user or a key"
            ));
        }
    };
    take(
        line,
        Record {
            kind,
            holder,
            value,
        },
    )
}

pub(super) fn write(rows: &[(&str, &str, Value)]) -> String {
    let lines: Vec<_> = rows
        .iter()
        .map(|(kind, holder, value)| {
            json!({ "kind": kind, "holder": holder, "value": value }).to_string()
        })
        .collect();
    if lines.is_empty() {
        "[]\n".to_owned()
    } else {
        format!("[\n{}\n]\n", lines.join(",\n"))
    }
}
