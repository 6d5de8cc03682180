//! Where credentials stand, and whose they are there.

use serde_json::{Value, json};

use super::super::world::{Fate, Mood, World, jwk, token};
use super::{KEYS, bearer, config, secs};

/// SHA-256 of "right".
const DIGEST: &str = "sha256:27042f4e6eca7d0b2a7ee4026df2ecfa51d3339e6d122aa099118ecd8563bad9";

fn started(config: &Value) -> World {
    let mut world = World::new(1, config);
    world.issuer(KEYS, Mood::keys(&[&jwk("a")]));
    world.pass(secs(1));
    world
}

/// The status, the reason, and how the client is challenged.
fn refused(world: &mut World, path: &str, headers: &[(&str, &str)]) -> (u16, &'static str, String) {
    let id = world.request(0, path, headers);
    world.pass(secs(1));
    let Fate::Refused(status, headers) = world.fate(id) else {
        panic!("{:?}", world.fate(id));
    };
    let challenge = headers.get("www-authenticate").cloned();
    (*status, world.reason(id), challenge.unwrap_or_default())
}

#[test]
fn what_cannot_be_a_key_is_a_bad_key() {
    let mut config = config();
    config["limits"] = json!({ "token_bytes": 600 });
    config["providers"]["partners"] = json!({
        "kind": "api_key", "keys": { "acme": { "digest": DIGEST } },
        "from_headers": [{ "name": "x-api-key" }, { "name": "authorization", "value_prefix": "Bearer " }],
        "from_cookies": ["key"],
    });
    config["rules"] = json!([
        { "match": { "path_prefix": "/partners" }, "require": { "provider": "partners" } },
        { "match": { "path_prefix": "/main" }, "require": { "provider": "main" } },
        { "match": {}, "require": "user" },
    ]);
    let mut world = started(&config);
    let long = "k".repeat(601);
    let challenge = "ApiKey realm=\"api\"".to_owned();
    for path in ["/partners", "/both"] {
        for (name, value) in [
            ("x-api-key", "a b"),
            ("x-api-key", "wrong"),
            ("x-api-key", long.as_str()),
            ("x-api-key", "k\u{e9}"),
            ("authorization", "Bearer a b"),
            ("cookie", "key=a b"),
        ] {
            let got = refused(&mut world, path, &[(name, value)]);
            assert_eq!(got, (401, "bad_key", challenge.clone()), "{path} {name}");
        }
    }
    // To who takes tokens only, it is none.
    for (value, want) in [("Bearer a b", "malformed"), (&*bearer(&long), "too_large")] {
        let (status, reason, challenge) = refused(&mut world, "/main", &[("authorization", value)]);
        assert_eq!((status, reason), (401, want));
        assert!(challenge.contains("invalid_token"), "{challenge}");
    }
}

#[test]
fn a_method_that_a_header_names_changes_something_too() {
    for (overriding, want) in [("same_rule", 403), ("trust", 403), ("remove", 200)] {
        let mut config = config();
        config["providers"]["main"]["from_cookies"] = json!(["session"]);
        config["paths"] = json!({ "override_headers": overriding });
        let mut world = started(&config);
        let session = format!("session={}", token("a", &json!({})));
        for (name, value, want) in [
            ("x-http-method-override", "POST", want),
            ("x_http_method", "delete", want),
            ("x-method-override", "GET", 200),
        ] {
            let headers = [
                ("cookie", session.as_str()),
                ("sec-fetch-site", "cross-site"),
                (name, value),
            ];
            let id = world.request(0, "/orders", &headers);
            assert_eq!(world.status(id), want, "{overriding} {name}");
            assert_eq!(world.reason(id) == "cross_site", want == 403);
        }
    }
}
