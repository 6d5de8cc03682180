//! The JSON Schema of configurations and the parser take the same texts, by the word of an independent validator.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a broken assumption of a test should stop it"
)]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use auth_filter::config::Config;
use lab::tools::{ensure_venv, workspace};
use serde_json::{Value, json};

fn path() -> PathBuf {
    workspace().join("filter-config/schema.json")
}

/// Whether the schema takes each of these.
fn schema_takes(name: &str, documents: &[Value]) -> Vec<bool> {
    let lines: Vec<String> = documents.iter().map(Value::to_string).collect();
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}.jsonl"));
    fs::write(&file, lines.join("\n")).unwrap();
    let said = ensure_venv()
        .unwrap()
        .script(
            include_str!("schema/validate.py"),
            &[path().to_str().unwrap(), file.to_str().unwrap()],
        )
        .unwrap();
    let said: Vec<bool> = serde_json::from_str(&said).unwrap();
    assert_eq!(said.len(), documents.len());
    said
}

fn parser_takes(document: &Value) -> bool {
    Config::parse(document.to_string().as_bytes()).is_ok()
}

fn files(folder: PathBuf, ending: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap();
    let files = entries.map(|entry| entry.unwrap().path());
    files
        .filter(|path| path.extension().is_some_and(|found| found == ending))
        .collect()
}

/// Every configuration that the project shows, in files and in documents.
fn shown() -> Vec<(String, Value)> {
    let mut shown = Vec::new();
    for path in files(workspace().join("filter-config"), "json") {
        if path != self::path() {
            let value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
            shown.push((path.display().to_string(), value));
        }
    }
    for folder in [
        "",
        "filter-config",
        "filter-config/providers",
        "envoy-example",
    ] {
        for path in files(workspace().join(folder), "md") {
            let text = fs::read_to_string(&path).unwrap();
            for block in text.split("```json\n").skip(1) {
                let (block, _) = block.split_once("```").unwrap();
                shown.push((
                    path.display().to_string(),
                    serde_json::from_str(block).unwrap(),
                ));
            }
        }
    }
    shown
}

/// Every key that there is, with a value of its type: what is refused about it is what a key means, not what it is.
fn whole() -> Value {
    serde_json::from_str(include_str!("schema/whole.json")).unwrap()
}

#[test]
fn the_committed_schema_is_that_of_the_types() {
    let held = fs::read_to_string(path()).unwrap();
    assert!(
        held == auth_filter_cli::schema::text(),
        "filter-config/schema.json is not current: cargo xtask schema writes it"
    );
}

#[test]
fn each_configuration_that_the_project_shows_is_taken_by_both() {
    let shown = shown();
    assert!(shown.len() > 20, "{}", shown.len());
    let documents: Vec<Value> = shown.iter().map(|(_, value)| value.clone()).collect();
    for ((name, value), taken) in shown.iter().zip(schema_takes("shown", &documents)) {
        assert!(taken, "{name}: the schema refuses {value}");
        assert!(parser_takes(value), "{name}: the parser refuses {value}");
    }
    assert!(parser_takes(&whole()) && schema_takes("whole", &[whole()])[0]);
}

/// The keys of the schema's objects, each with its object's name.
fn keys(schema: &Value) -> BTreeSet<(String, String)> {
    let definitions = schema["$defs"].as_object().unwrap();
    let objects = definitions
        .iter()
        .map(|(name, value)| (name.as_str(), value));
    let objects = objects.chain([("Config", schema)]);
    objects
        .filter_map(|(name, value)| Some((name, value.get("properties")?.as_object()?)))
        .flat_map(|(name, properties)| {
            properties
                .keys()
                .map(move |key| (name.to_owned(), key.clone()))
        })
        .collect()
}

#[test]
fn the_whole_configuration_has_every_key_that_there_is() {
    fn members(value: &Value, found: &mut BTreeSet<String>) {
        match value {
            Value::Array(items) => items.iter().for_each(|item| members(item, found)),
            Value::Object(object) => object.iter().for_each(|(key, value)| {
                found.insert(key.clone());
                members(value, found);
            }),
            _ => {}
        }
    }
    let mut found = BTreeSet::new();
    members(&whole(), &mut found);
    let keys = keys(&Config::schema());
    assert!(keys.len() > 150, "{}", keys.len());
    let missing: Vec<_> = keys
        .iter()
        .filter(|(_, key)| !found.contains(key))
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
}

/// Every place in a configuration, as a JSON Pointer.
fn places(document: &Value) -> Vec<String> {
    fn add(value: &Value, at: &str, found: &mut Vec<String>) {
        found.push(at.to_owned());
        match value {
            Value::Array(items) => items.iter().enumerate().for_each(|(index, item)| {
                add(item, &format!("{at}/{index}"), found);
            }),
            Value::Object(object) => object.iter().for_each(|(key, item)| {
                let key = key.replace('~', "~0").replace('/', "~1");
                add(item, &format!("{at}/{key}"), found);
            }),
            _ => {}
        }
    }
    let mut found = Vec::new();
    add(document, "", &mut found);
    found
}

/// The configuration with a key that there is not, at each of its objects.
fn with_an_unheard_of_key(document: &Value, extra: &Value) -> Vec<(String, Value)> {
    let objects = places(document).into_iter();
    objects
        .filter(|place| document.pointer(place).is_some_and(Value::is_object))
        .map(|place| {
            let mut copy = document.clone();
            copy.pointer_mut(&place).unwrap()["unheard_of"] = extra.clone();
            (format!("{place} with unheard_of {extra}"), copy)
        })
        .collect()
}

/// The configuration with one thing changed: at each object a key that there is not, or one key less; at each value
/// another type.
fn changed(document: &Value) -> Vec<(String, Value)> {
    let others = [
        json!(null),
        json!(true),
        json!(7),
        json!(0.5),
        json!("x"),
        json!("1s"),
        json!([]),
        json!(["x"]),
        json!({}),
        json!({ "x": "x" }),
    ];
    let extras = [json!(1), json!("x"), json!({})];
    let mut changed: Vec<(String, Value)> = extras
        .iter()
        .flat_map(|extra| with_an_unheard_of_key(document, extra))
        .collect();
    for place in places(document) {
        if let Some(Value::Object(object)) = document.pointer(&place) {
            for key in object.keys() {
                let mut copy = document.clone();
                let object = copy.pointer_mut(&place).unwrap();
                object.as_object_mut().unwrap().remove(key);
                changed.push((format!("{place} without {key}"), copy));
            }
        }
        for other in &others {
            let mut copy = document.clone();
            *copy.pointer_mut(&place).unwrap() = other.clone();
            changed.push((format!("{place} as {other}"), copy));
        }
    }
    changed
}

#[test]
fn what_is_changed_anywhere_is_refused_by_both_or_by_neither() {
    let whole = whole();
    let changed = changed(&whole);
    assert!(changed.len() > 3000, "{}", changed.len());
    let documents: Vec<Value> = changed.iter().map(|(_, value)| value.clone()).collect();
    let said = schema_takes("changed", &documents);
    let refused = said.iter().filter(|taken| !**taken).count();
    assert!(refused > 1500, "{refused}");
    let wrong: Vec<&String> = changed
        .iter()
        .zip(&said)
        .filter(|((_, value), taken)| parser_takes(value) != **taken)
        .map(|((what, _), _)| what)
        .collect();
    assert!(wrong.is_empty(), "{} differ: {wrong:#?}", wrong.len());
}

#[test]
fn an_unheard_of_key_is_refused_in_every_object_that_is_shown() {
    let mut documents = Vec::new();
    for (name, value) in shown() {
        let extra = with_an_unheard_of_key(&value, &json!(1)).into_iter();
        documents.extend(extra.map(|(what, value)| (format!("{name} {what}"), value)));
    }
    let values: Vec<Value> = documents.iter().map(|(_, value)| value.clone()).collect();
    for ((what, value), taken) in documents.iter().zip(schema_takes("unheard", &values)) {
        assert_eq!(parser_takes(value), taken, "{what}");
    }
}
