//! The members of an object that something reads; the filter keeps no others.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::ClaimPath;

/// The places that are read of objects whose form somebody else chooses.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reads {
    paths: BTreeSet<ClaimPath>,
    /// Whether somebody is also handed all of it.
    whole: bool,
    #[cfg(test)]
    everything: bool,
}

impl Reads {
    /// Adds one more place that must be kept.
    pub fn add(&mut self, path: &ClaimPath) {
        self.paths.insert(path.clone());
    }

    /// All of it, besides the places.
    pub fn add_whole(&mut self) {
        self.whole = true;
    }

    /// Whether somebody is handed all of it.
    #[must_use]
    pub const fn is_whole(&self) -> bool {
        self.whole
    }

    /// Every place, for tests.
    #[cfg(test)]
    pub(crate) fn everything() -> Self {
        Self {
            everything: true,
            ..Self::default()
        }
    }

    /// The parts of an object that are read, each where it stood: every path finds the same in both.
    #[must_use]
    pub fn part_of(&self, object: &Map<String, Value>) -> Map<String, Value> {
        #[cfg(test)]
        if self.everything {
            return object.clone();
        }
        let paths: Vec<Tokens<'_>> = self.paths.iter().map(ClaimPath::tokens).collect();
        members(object, &paths)
    }
}

type Tokens<'p> = Vec<&'p str>;

fn members(object: &Map<String, Value>, paths: &[Tokens<'_>]) -> Map<String, Value> {
    let mut kept = Map::new();
    for name in paths.iter().filter_map(|path| path.first()) {
        let Some((name, value)) = object.get_key_value(*name) else {
            continue;
        };
        if kept.contains_key(name) {
            continue;
        }
        let within = paths.iter().filter_map(|path| match path.split_first() {
            Some((first, rest)) if first == name => Some(rest.to_vec()),
            _ => None,
        });
        let within: Vec<Tokens<'_>> = within.collect();
        let part = match value {
            Value::Object(object) if !within.iter().any(Vec::is_empty) => {
                Value::Object(members(object, &within))
            }
            other => other.clone(),
        };
        kept.insert(name.clone(), part);
    }
    kept
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn reads(paths: &[&str]) -> Reads {
        let mut reads = Reads::default();
        for path in paths {
            reads.add(&ClaimPath::parse(path).unwrap());
        }
        reads
    }

    #[test]
    fn every_path_finds_the_same_and_nothing_else_is_kept() {
        let whole = json!({
            "sub": "a", "bulk": "x", "groups": ["a", "b"], "n": null,
            "realm": { "roles": ["r"], "other": { "deep": 1 }, "x": 2 },
            "a/b": { "c": [{ "d": 1, "e": 2 }] },
        });
        let whole = whole.as_object().unwrap();
        let cases: [(&[&str], Value); 7] = [
            (&[], json!({})),
            (&["sub", "absent", "n"], json!({ "sub": "a", "n": null })),
            (&["/realm/roles"], json!({ "realm": { "roles": ["r"] } })),
            (
                &["/realm/roles", "/realm/other/deep", "/realm/none"],
                json!({ "realm": { "roles": ["r"], "other": { "deep": 1 } } }),
            ),
            (
                &["realm", "/realm/roles"],
                json!({ "realm": whole["realm"].clone() }),
            ),
            (&["/groups/1"], json!({ "groups": ["a", "b"] })),
            (
                &["/a~1b/c/0/d", "/sub/x"],
                json!({ "a/b": { "c": [{ "d": 1, "e": 2 }] }, "sub": "a" }),
            ),
        ];
        for (paths, want) in cases {
            let part = reads(paths).part_of(whole);
            assert_eq!(Value::Object(part.clone()), want, "{paths:?}");
            for path in paths {
                let path = ClaimPath::parse(path).unwrap();
                assert_eq!(path.find(&part), path.find(whole), "{path:?}");
            }
        }
    }
}
