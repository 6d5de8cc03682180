//! The JSON Schema of configurations and the parser take the same texts, by the word of an independent validator.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a broken assumption of a test should stop it"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use auth_filter::config::Config;
use lab::tools::{ensure_venv, workspace};
use serde_json::{Map, Value, json};

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

/// The providers of the whole configuration that have every key of their kind, by their kind.
fn providers() -> BTreeMap<String, Map<String, Value>> {
    let whole = whole();
    let providers = whole["providers"].as_object().unwrap().iter();
    let whole = providers.filter(|(name, provider)| provider["kind"] == **name);
    whole
        .map(|(kind, provider)| (kind.clone(), provider.as_object().unwrap().clone()))
        .collect()
}

/// The whole configuration in parts: all but its providers, and each of these.
fn parts() -> Vec<Value> {
    let mut whole = whole();
    let providers = whole["providers"].take();
    whole["providers"] = json!({});
    let providers = providers.as_object().unwrap().iter();
    let alone = providers.map(|(name, provider)| {
        let providers: Map<_, _> = [(name.clone(), provider.clone())].into_iter().collect();
        json!({ "providers": providers, "rules": [] })
    });
    alone.chain([whole]).collect()
}

/// For each kind of provider its keys, and those that it must have, as the schema says.
fn keys_of_kinds() -> BTreeMap<String, (BTreeSet<String>, BTreeSet<String>)> {
    let schema = Config::schema();
    let kinds = schema["$defs"]["Provider"]["oneOf"].as_array().unwrap();
    let of_kind = |kind: &Value| {
        let properties = kind["properties"].as_object().unwrap();
        let word = properties["kind"]["const"].as_str().unwrap().to_owned();
        let required = kind["required"].as_array().unwrap().iter();
        let required = required.map(|key| key.as_str().unwrap().to_owned());
        (
            word,
            (properties.keys().cloned().collect(), required.collect()),
        )
    };
    kinds.iter().map(of_kind).collect()
}

#[test]
fn a_key_of_another_kind_of_provider_is_refused_by_both_and_each_key_of_its_own_is_taken() {
    let (providers, kinds) = (providers(), keys_of_kinds());
    assert_eq!(
        providers.keys().collect::<Vec<_>>(),
        kinds.keys().collect::<Vec<_>>()
    );
    let values: BTreeMap<&String, &Value> = providers.values().flatten().collect();
    let mut cases = Vec::new();
    for (kind, (own, required)) in &kinds {
        let mut least = providers[kind].clone();
        least.retain(|key, _| required.contains(key));
        for (key, value) in &values {
            for value in [(*value).clone(), Value::Null] {
                let mut provider = least.clone();
                if *key != "kind" && !(value.is_null() && own.contains(*key)) {
                    provider.insert((*key).clone(), value);
                }
                let document = json!({ "providers": { "p": provider }, "rules": [] });
                cases.push((kind, *key, own.contains(*key), document));
            }
        }
    }
    assert!(cases.len() > 650, "{}", cases.len());
    let documents: Vec<Value> = cases.iter().map(|case| case.3.clone()).collect();
    for ((kind, key, is_own, document), taken) in
        cases.iter().zip(schema_takes("kinds", &documents))
    {
        let said = Config::parse(document.to_string().as_bytes());
        assert_eq!((taken, said.is_ok()), (*is_own, *is_own), "{document}");
        if let Err(error) = said {
            let of: Vec<&str> = kinds
                .iter()
                .filter_map(|(kind, (keys, _))| keys.contains(*key).then_some(kind.as_str()))
                .collect();
            let want = format!(
                "providers.p.{key}: belongs to providers of kind \"{}\"; this one is of kind \"{kind}\" (",
                of.join("\", \"")
            );
            assert!(error.to_string().starts_with(&want), "{error}");
        }
    }
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
    let changed: Vec<_> = parts().iter().flat_map(changed).collect();
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
