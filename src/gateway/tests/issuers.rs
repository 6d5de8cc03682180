//! The issuers of `tests/issuers`: each serves its documents in its maker's shape, and its tokens are judged by the
//! configuration that the page shows for it.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use super::super::world::{Fate, Mood, START, World};
use super::{bearer, secs};
use crate::jose::testing;

fn folders() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/issuers");
    let entries = fs::read_dir(folder).unwrap();
    let entries = entries.map(|entry| entry.unwrap().path());
    let mut folders: Vec<_> = entries.filter(|path| path.is_dir()).collect();
    folders.sort();
    folders
}

fn read(folder: &Path, name: &str) -> Value {
    let path = folder.join(name);
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path:?}: {error}"));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{path:?}: {error}"))
}

/// The members with these changes: `null` takes one out.
fn changed(mut members: Value, changes: &Value) -> Value {
    for (name, value) in changes.as_object().into_iter().flatten() {
        if value.is_null() {
            members.as_object_mut().unwrap().remove(name);
        } else {
            members[name] = value.clone();
        }
    }
    members
}

/// A token of the test's own key, which each issuer serves as its own.
fn sign(header: &Value, claims: &Value) -> String {
    let sign = match header["alg"].as_str() {
        Some("RS256") => testing::rs256,
        Some("ES256") => testing::es256,
        other => panic!("{other:?}"),
    };
    sign(&header.to_string(), &claims.to_string())
}

/// One issuer, and a process with the configuration that the page shows.
struct Scene {
    name: String,
    issuer: Value,
    world: World,
}

impl Scene {
    fn of(folder: &Path) -> Self {
        let issuer = read(folder, "issuer.json");
        let mut world = World::new(1, &read(folder, "filter.json"));
        for document in ["discovery", "keys"] {
            if let Some(uri) = issuer[document].as_str() {
                let body = read(folder, &format!("{document}.json")).to_string();
                world.issuer(uri, Mood::Answers(200, body.into_bytes()));
            }
        }
        Self {
            name: folder.file_name().unwrap().to_string_lossy().into_owned(),
            issuer,
            world,
        }
    }

    /// What becomes of a request with this token, sent as the issuer's callers send it.
    fn ask(&mut self, token: &str) -> u32 {
        let header = self.issuer["sent_in"].as_str().unwrap_or("authorization");
        let value = match header {
            "authorization" => bearer(token),
            _ => token.to_owned(),
        };
        let id = self.world.request(0, "/", &[(header, &value)]);
        self.world.pass(secs(1));
        id
    }

    /// What the upstream is told of the caller, without the prefix.
    fn told(&mut self, token: &str, what: &str) -> Value {
        let id = self.ask(token);
        let Fate::Forwarded(set, removed) = self.world.fate(id) else {
            let (name, fate, reason) = (&self.name, self.world.fate(id), self.world.reason(id));
            panic!("{name}: {what}: {reason} {fate:?}");
        };
        let header = self.issuer["sent_in"].as_str().unwrap_or("authorization");
        assert!(removed.iter().any(|name| name == header), "{removed:?}");
        let told = set.iter().filter_map(|(name, value)| {
            let name = name.strip_prefix("x-auth-")?;
            (name != "provider").then(|| (name.to_owned(), value.as_str().into()))
        });
        Value::Object(told.collect::<Map<_, _>>())
    }

    fn refused(&mut self, token: &str, what: &str, status: &Value, reason: &Value) {
        let id = self.ask(token);
        let (got, word) = (self.world.status(id), self.world.reason(id));
        assert_eq!(
            (got, word),
            (
                u16::try_from(status.as_u64().unwrap()).unwrap(),
                reason.as_str().unwrap()
            ),
            "{}: {what}",
            self.name
        );
    }
}

#[test]
fn each_issuer_works_as_it_is_found() {
    let folders = folders();
    assert!(folders.len() >= 25, "{}", folders.len());
    for folder in folders {
        let tokens = read(&folder, "tokens.json");
        let mut scene = Scene::of(&folder);
        let passing = tokens["passes"].as_array().unwrap();
        for row in passing {
            let what = row["what"].as_str().unwrap();
            let token = sign(&row["header"], &row["claims"]);
            assert_eq!(
                scene.told(&token, what),
                row["told"],
                "{}: {what}",
                scene.name
            );
            // Signed by nobody.
            let (signed, _) = token.rsplit_once('.').unwrap();
            let length = if row["header"]["alg"] == "RS256" {
                256
            } else {
                64
            };
            let forged = format!("{signed}.{}", testing::encode(vec![7; length]));
            scene.refused(&forged, "a forgery", &401.into(), &"bad_signature".into());
        }
        let fetched = scene.issuer["fetched"].as_array().unwrap().iter();
        let fetched = fetched.map(|document| scene.issuer[document.as_str().unwrap()].as_str());
        let fetched: Vec<_> = fetched.map(Option::unwrap).collect();
        assert_eq!(scene.world.fetched, fetched, "{}", scene.name);

        let mut reasons = Vec::new();
        for row in tokens["refused"].as_array().unwrap() {
            let of = &passing[usize::try_from(row["of"].as_u64().unwrap_or(0)).unwrap()];
            let header = changed(of["header"].clone(), &row["header"]);
            let claims = changed(of["claims"].clone(), &row["claims"]);
            let what = row["what"].as_str().unwrap();
            let status = row.get("status").cloned().unwrap_or_else(|| 401.into());
            scene.refused(&sign(&header, &claims), what, &status, &row["reason"]);
            reasons.push(row["reason"].as_str().unwrap());
        }
        for kind in ["unknown_issuer", "expired"] {
            assert!(
                reasons.contains(&kind),
                "{}: no token that is {kind}",
                scene.name
            );
        }
        let meant = ["wrong_audience", "claim_refused"];
        assert!(
            meant.iter().any(|kind| reasons.contains(kind)),
            "{}: none for others",
            scene.name
        );
    }
}

/// Whoever reads a folder must be able to look up what it is made after.
#[test]
fn each_issuer_names_the_page_that_its_shape_is_from() {
    for folder in folders() {
        let issuer = read(&folder, "issuer.json");
        for member in ["maker", "source"] {
            assert!(
                issuer[member].as_str().is_some_and(|text| !text.is_empty()),
                "{folder:?}: {member}"
            );
        }
        let page = issuer["page"].as_str().unwrap();
        assert!(page.starts_with("https://"), "{folder:?}: {page}");
        let date = issuer["date"].as_str().unwrap();
        assert!(
            date.len() == 10 && date.as_bytes()[4] == b'-',
            "{folder:?}: {date}"
        );
        // What the preset knows is what the issuer announces.
        if issuer["discovery"].is_string() {
            let document = read(&folder, "discovery.json");
            assert_eq!(document["jwks_uri"], issuer["keys"], "{folder:?}");
        }
        let keys = read(&folder, "keys.json");
        assert!(keys["keys"].is_array(), "{folder:?}");
        let claims = &read(&folder, "tokens.json")["passes"][0]["claims"];
        assert!(claims["exp"].as_u64().unwrap() > START, "{folder:?}");
    }
}
