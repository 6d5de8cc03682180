mod ambient;
mod clients;
mod directories;
mod issuers;
mod keys;
mod passwords;
mod paths;
mod places;
mod possession;
mod services;
mod tokens;
mod unknown_keys;
mod waking;

use std::time::Duration;

use serde_json::{Value, json};

use super::world::{Fate, Mood, START, World, jwk, token};
use crate::time::jumps::under_jumps;

const KEYS: &str = "https://issuer/jwks.json";

fn config() -> Value {
    json!({
        "providers": { "main": {
            "kind": "jwt", "issuer": "https://issuer", "audiences": ["orders"],
            "jwks": { "uri": KEYS, "upstream": "idp", "cache_duration": "1000s", "stale_for": "500s", "retry": 0 },
            "groups": [{ "claim": "groups" }]
        } },
        "rules": [
            { "match": { "path_prefix": "/public" }, "require": "public" },
            { "match": { "path_prefix": "/admin" }, "require": { "groups": ["admin"] } },
            { "match": { "path_prefix": "/" }, "require": "user" }
        ]
    })
}

fn world(vms: usize) -> World {
    let mut world = World::new(vms, &config());
    world.issuer(KEYS, Mood::keys(&[&jwk("a")]));
    world
}

fn bearer(token: &str) -> String {
    format!("Bearer {token}")
}

/// Sends a request with a good token of this key.
fn good(world: &mut World, vm: usize, kid: &str) -> u32 {
    let value = bearer(&token(kid, &json!({})));
    world.request(vm, "/orders", &[("authorization", &value)])
}

fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

#[test]
fn nobody_waits_for_keys_that_do_not_matter() {
    let mut world = world(1);
    let public = world.request(0, "/public", &[("authorization", "Bearer x.y.z")]);
    let anonymous = world.request(0, "/orders", &[]);
    let garbage = world.request(0, "/orders", &[("authorization", "Bearer x.y.z")]);
    let expired = bearer(&token("a", &json!({ "exp": START - 61 })));
    let expired = world.request(0, "/orders", &[("authorization", &expired)]);
    let stranger = bearer(&token("a", &json!({ "iss": "https://other" })));
    let stranger = world.request(0, "/orders", &[("authorization", &stranger)]);
    let statuses: Vec<_> = [public, anonymous, garbage, expired, stranger]
        .iter()
        .map(|id| world.status(*id))
        .collect();
    assert_eq!(statuses, [200, 401, 401, 401, 401]);
    assert!(world.fetched.is_empty());
}

#[test]
fn a_request_waits_no_longer_than_its_hold() {
    let mut config = config();
    config["limits"] = json!({ "hold": "300ms" });
    let mut world = World::new(1, &config);
    world.issuer(KEYS, Mood::Silent);
    let id = good(&mut world, 0, "a");
    world.pass(Duration::from_millis(250));
    assert_eq!(world.status(id), 0);
    world.pass(Duration::from_millis(100));
    assert_eq!(world.status(id), 503);
}

#[test]
fn only_so_many_requests_wait() {
    let mut config = config();
    config["limits"] = json!({ "held_requests": 2 });
    let mut world = World::new(1, &config);
    world.issuer(KEYS, Mood::keys(&[&jwk("a")]));
    let ids: Vec<_> = (0..3).map(|_| good(&mut world, 0, "a")).collect();
    assert_eq!(world.status(ids[2]), 503);
    world.pass(secs(1));
    assert_eq!((world.status(ids[0]), world.status(ids[1])), (200, 200));
}

#[test]
fn requests_wait_while_there_is_room_for_their_bytes() {
    let mut config = config();
    config["mode"] = json!("shadow");
    config["limits"] = json!({ "held_bytes": 200_000 });
    let mut world = World::new(1, &config);
    world.issuer(KEYS, Mood::keys(&[&jwk("a")]));
    let value = bearer(&token("a", &json!({})));
    let bulk = "x".repeat(12_000);
    let headers = [("authorization", value.as_str()), ("x-bulk", bulk.as_str())];
    let ids: Vec<_> = (0..20)
        .map(|_| world.request(0, "/orders", &headers))
        .collect();
    // A head of 12 KB may stand in twice as much memory.
    let waits = ids
        .iter()
        .take_while(|id| matches!(world.fate(**id), Fate::Held));
    let waiting = waits.count();
    assert!((7..=16).contains(&waiting), "{waiting} wait");
    for id in ids.iter().skip(waiting) {
        assert!(
            matches!(world.fate(*id), Fate::Forwarded(set, _) if set["x-auth-shadow"] == "too_many_waiting;status=503")
        );
    }
    world.pass(secs(1));
    for id in ids.iter().take(waiting) {
        assert!(
            matches!(world.fate(*id), Fate::Forwarded(set, _) if !set.contains_key("x-auth-shadow"))
        );
    }
}

#[test]
fn two_credentials_are_refused_whatever_the_keys_do() {
    for mood in [Mood::Unreachable, Mood::Silent, Mood::keys(&[&jwk("a")])] {
        let mut world = world(1);
        world.issuer(KEYS, mood);
        let value = bearer(&token("a", &json!({})));
        let twice = [
            ("authorization", value.as_str()),
            ("authorization", "Bearer x"),
        ];
        let before = world.request(0, "/orders", &twice);
        world.pass(secs(1));
        let after = world.request(0, "/orders", &twice);
        assert_eq!((world.status(before), world.status(after)), (400, 400));
    }
}

#[test]
fn a_caller_is_named_to_the_upstream_and_the_credential_stays_behind() {
    let mut world = world(1);
    world.pass(secs(1));
    let value = bearer(&token("a", &json!({ "groups": ["admin", "a,b"] })));
    let headers = [
        ("authorization", value.as_str()),
        ("X-Auth-User-Id", "root"),
        ("x_auth_groups", "root"),
    ];
    let id = world.request(0, "/admin/users", &headers);
    let Fate::Forwarded(set, removed) = world.fate(id) else {
        panic!("{:?}", world.fate(id));
    };
    assert_eq!(set["x-auth-user-id"], "alice");
    assert_eq!(set["x-auth-groups"], "admin,a%2Cb");
    assert_eq!(set["x-auth-provider"], "main");
    assert_eq!(
        *removed,
        ["X-Auth-User-Id", "x_auth_groups", "authorization"]
    );
}

#[test]
fn shadow_mode_lets_pass_and_says_what_it_would_have_done() {
    let mut config = config();
    config["mode"] = json!("shadow");
    let mut world = World::new(1, &config);
    world.issuer(KEYS, Mood::Unreachable);
    type Row = (
        &'static str,
        &'static [(&'static str, &'static str)],
        &'static str,
    );
    let cases: [Row; 3] = [
        (
            "/orders",
            &[("x-auth-user-id", "root")],
            "missing;status=401",
        ),
        ("/a/../b", &[], "malformed_path;status=400"),
        (
            "/admin",
            &[("authorization", "Bearer x")],
            "malformed;status=401",
        ),
    ];
    for (path, headers, want) in cases {
        let id = world.request(0, path, headers);
        let Fate::Forwarded(set, removed) = world.fate(id) else {
            panic!("{:?}", world.fate(id));
        };
        assert_eq!(set["x-auth-shadow"], want);
        assert_eq!(set.len(), 1);
        assert_eq!(removed.len(), usize::from(path == "/orders"));
    }
    let outage = good(&mut world, 0, "a");
    assert!(
        matches!(world.fate(outage), Fate::Forwarded(set, _) if set["x-auth-shadow"] == "keys_unavailable;status=503")
    );
}

#[test]
fn disabled_means_that_only_what_is_the_filters_own_is_removed() {
    let mut config = config();
    config["mode"] = json!("disabled");
    let mut world = World::new(1, &config);
    let headers = [("authorization", "Bearer x"), ("x-auth-groups", "admin")];
    let id = world.request(0, "/admin/../x", &headers);
    let Fate::Forwarded(set, removed) = world.fate(id) else {
        panic!("{:?}", world.fate(id));
    };
    assert!(set.is_empty());
    assert_eq!(*removed, ["x-auth-groups"]);
}

#[test]
fn each_provider_looks_where_its_tokens_stand() {
    let mut config = config();
    config["providers"]["main"]["from_headers"] = json!([]);
    config["providers"]["main"]["from_cookies"] = json!(["session"]);
    config["providers"]["second"] = json!({
        "kind": "jwt", "issuer": "https://issuer", "audiences": ["orders"],
        "jwks": { "uri": KEYS, "upstream": "idp" },
    });
    config["rules"][1]["require"] = json!({ "provider": "main" });
    let mut world = World::new(1, &config);
    world.issuer(KEYS, Mood::keys(&[&jwk("a")]));
    world.pass(secs(1));
    let token = token("a", &json!({}));
    let cookie = format!("a=1; session={token}; b=2");
    let id = world.request(0, "/admin", &[("cookie", &cookie)]);
    let Fate::Forwarded(set, removed) = world.fate(id) else {
        panic!("{:?}", world.fate(id));
    };
    assert_eq!(set["cookie"], "a=1; b=2");
    assert_eq!(set["x-auth-provider"], "main");
    assert!(removed.is_empty());
    // The other provider's place is none of this rule's, and either is the other rule's.
    let value = bearer(&token);
    let header = [("authorization", value.as_str())];
    let id = world.request(0, "/admin", &header);
    assert_eq!(world.status(id), 401);
    let id = world.request(0, "/orders", &header);
    assert!(
        matches!(world.fate(id), Fate::Forwarded(set, _) if set["x-auth-provider"] == "second")
    );
    // The same in both places is one credential, and the header's.
    let both = [header[0], ("cookie", cookie.as_str())];
    let id = world.request(0, "/orders", &both);
    assert!(
        matches!(world.fate(id), Fate::Forwarded(set, _) if set["x-auth-provider"] == "second")
    );
}

#[test]
fn a_preflight_request_passes_where_the_configuration_says_so() {
    let preflight = [
        (":method", "OPTIONS"),
        ("origin", "https://app"),
        ("access-control-request-method", "POST"),
    ];
    for bypass in [false, true] {
        let mut config = config();
        config["bypass_cors_preflight"] = json!(bypass);
        let mut world = World::new(1, &config);
        let statuses = |world: &mut World, path: &str, headers: &[(&str, &str)]| {
            let id = world.request(0, path, headers);
            world.status(id)
        };
        let want = if bypass { 200 } else { 401 };
        assert_eq!(statuses(&mut world, "/orders", &preflight), want);
        assert_eq!(statuses(&mut world, "/a/../b", &preflight), 400);
        assert_eq!(statuses(&mut world, "/orders", &preflight[..2]), 401);
        assert_eq!(statuses(&mut world, "/orders", &preflight[1..]), 401);
    }
}

/// Whoever gets past a rule in the guise of a preflight request has got past the rule.
#[test]
fn a_preflight_request_is_judged_by_what_it_announces() {
    let mut config = config();
    config["bypass_cors_preflight"] = json!(true);
    config["rules"] = json!([
        { "match": { "path_prefix": "/closed" }, "require": "deny" },
        { "match": { "path_prefix": "/quiet", "methods": ["OPTIONS"] }, "require": "deny" },
        { "match": { "path_prefix": "/quiet" }, "require": "user" },
        { "match": { "path_prefix": "/orders", "methods": ["DELETE"] }, "require": "deny" },
        { "match": { "path_prefix": "/orders", "methods": ["PUT", "OPTIONS"] }, "require": "user" },
    ]);
    let mut world = World::new(1, &config);
    let mut status = |path: &str, method: &str, more: &[(&str, &str)]| {
        let preflight = [
            (":method", "OPTIONS"),
            ("origin", "https://app"),
            ("access-control-request-method", method),
        ];
        let id = world.request(0, path, &[&preflight, more].concat());
        world.status(id)
    };
    assert_eq!(status("/orders/1", "PUT", &[]), 200);
    assert_eq!(status("/orders/1", "DELETE", &[]), 403);
    assert_eq!(status("/orders/1", "GET", &[]), 403);
    assert_eq!(status("/closed", "PUT", &[]), 403);
    assert_eq!(status("//orders/1", "PUT", &[]), 400);
    assert_eq!(status("/orders/1?_method=DELETE", "PUT", &[]), 400);
    assert_eq!(status("/orders/1?_method=PUT", "PUT", &[]), 401);
    assert_eq!(status("/quiet", "PUT", &[]), 403);
    // What is more than a preflight request is a request like any other.
    assert_eq!(status("/orders/1", "PUT", &[("content-length", "3")]), 401);
    assert_eq!(status("/orders/1", "PUT", &[("cookie", "a=b")]), 401);
    let replaced = [("x-http-method-override", "DELETE")];
    assert_eq!(status("/orders/1", "PUT", &replaced), 400);
}

#[test]
fn a_client_without_a_token_finds_whose_tokens_are_taken() {
    let mut config = config();
    config["resource_metadata"] = json!({
        "resource": "https://api.example/mcp",
        "authorization_servers": ["https://issuer"],
    });
    // Rules are about what is protected; the document is not.
    config["rules"] = json!([{ "match": {}, "require": "user" }]);
    let mut world = World::new(1, &config);
    let anonymous = world.request(0, "/orders", &[]);
    let Fate::Refused(401, headers) = world.fate(anonymous).clone() else {
        panic!("an anonymous caller passes");
    };
    let challenge = headers["www-authenticate"].clone();
    let url = challenge.split('"').nth(3).unwrap();
    let path = url.strip_prefix("https://api.example").unwrap();
    let found = world.request(0, path, &[("authorization", "Bearer of.no.use")]);
    let Fate::Served(document) = world.fate(found) else {
        panic!("{path} is not served");
    };
    let document: Value = serde_json::from_str(document).unwrap();
    assert_eq!(document["resource"], "https://api.example/mcp");
    assert_eq!(document["authorization_servers"], json!(["https://issuer"]));
    let elsewhere = world.request(0, "/.well-known/oauth-protected-resource", &[]);
    assert_eq!(world.status(elsewhere), 401);
}

#[test]
fn one_place_in_two_spellings_is_one_place() {
    let mut config = config();
    let place = |prefix: &str| json!([{ "name": "Authorization", "value_prefix": prefix }]);
    config["providers"]["second"] = config["providers"]["main"].clone();
    config["providers"]["second"]["issuer"] = json!("https://second");
    config["providers"]["main"]["from_headers"] = place("BEARER ");
    config["providers"]["second"]["from_headers"] = place("bearer ");
    let mut world = World::new(1, &config);
    world.issuer(KEYS, Mood::keys(&[&jwk("a")]));
    world.pass(secs(1));
    for issuer in ["https://issuer", "https://second"] {
        let value = bearer(&token("a", &json!({ "iss": issuer })));
        let id = world.request(0, "/orders", &[("authorization", &value)]);
        assert_eq!(world.status(id), 200, "{issuer}");
    }
}

#[test]
fn providers_of_one_issuer_differ_in_their_audience() {
    let mut config = config();
    config["providers"]["second"] = config["providers"]["main"].clone();
    config["providers"]["second"]["audiences"] = json!(["billing"]);
    config["rules"][0] =
        json!({ "match": { "path_prefix": "/billing" }, "require": { "provider": "second" } });
    let mut world = World::new(1, &config);
    world.issuer(KEYS, Mood::keys(&[&jwk("a")]));
    world.pass(secs(1));
    for (path, audience, want) in [
        ("/", json!("orders"), Ok("main")),
        ("/", json!("billing"), Ok("second")),
        ("/", json!(["billing", "orders"]), Ok("main")),
        ("/", json!("other"), Err(401)),
        ("/billing", json!("billing"), Ok("second")),
        ("/billing", json!(["orders", "billing"]), Ok("second")),
        ("/billing", json!("orders"), Err(401)),
    ] {
        let value = bearer(&token("a", &json!({ "aud": audience })));
        let id = world.request(0, path, &[("authorization", &value)]);
        let got = match world.fate(id) {
            Fate::Forwarded(set, _) => Ok(set["x-auth-provider"].as_str()),
            Fate::Refused(status, _) => Err(*status),
            Fate::Held | Fate::Served(_) => Err(0),
        };
        assert_eq!(got, want, "{path} {audience}");
    }
    // One set of keys, and one fetch, for both.
    assert_eq!(world.fetched, [KEYS]);
}

under_jumps!(
    "tests.rs",
    [
        nobody_waits_for_keys_that_do_not_matter,
        a_request_waits_no_longer_than_its_hold,
        only_so_many_requests_wait,
        requests_wait_while_there_is_room_for_their_bytes,
        two_credentials_are_refused_whatever_the_keys_do,
        a_caller_is_named_to_the_upstream_and_the_credential_stays_behind,
        shadow_mode_lets_pass_and_says_what_it_would_have_done,
        disabled_means_that_only_what_is_the_filters_own_is_removed,
        each_provider_looks_where_its_tokens_stand,
        a_preflight_request_passes_where_the_configuration_says_so,
        a_preflight_request_is_judged_by_what_it_announces,
        a_client_without_a_token_finds_whose_tokens_are_taken,
        one_place_in_two_spellings_is_one_place,
        providers_of_one_issuer_differ_in_their_audience,
    ],
    by_date: [],
);
