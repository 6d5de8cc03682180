//! Many requests at once: each is woken by what it waits for, and no event settles more than a host can take.

use std::time::Duration;

use serde_json::json;

use super::super::STEPS;
use super::{KEYS, Mood, World, bearer, config, good, jwk, secs, token};
use crate::time::jumps::under_jumps;

/// So many requests of one VM wait by default.
const MANY: usize = 1024;

/// A VM in which as many wait as may, for an issuer in this mood.
fn crowd(mood: Mood) -> (World, Vec<u32>) {
    let mut config = config();
    config["limits"] = json!({ "hold": "2s" });
    config["providers"]["main"]["jwks"]["timeout"] = json!("1s");
    let mut world = World::new(1, &config);
    world.issuer(KEYS, mood);
    let ids = (0..MANY).map(|_| good(&mut world, 0, "a")).collect();
    (world, ids)
}

fn count(world: &World, ids: &[u32], status: u16) -> usize {
    ids.iter().filter(|id| world.status(**id) == status).count()
}

#[test]
fn what_becomes_due_at_once_is_settled_in_steps_without_waiting_for_the_next_period() {
    for (mood, status, within) in [
        (
            Mood::Answers(500, Vec::new()),
            503,
            Duration::from_millis(150),
        ),
        (Mood::keys(&[&jwk("a")]), 200, Duration::from_millis(150)),
        // These wait for one more fetch.
        (Mood::keys(&[&jwk("b")]), 401, Duration::from_millis(350)),
        (Mood::Silent, 503, Duration::from_millis(2100)),
    ] {
        let (mut world, ids) = crowd(mood);
        assert_eq!(count(&world, &ids, 0), MANY);
        world.pass(within);
        assert_eq!(count(&world, &ids, status), MANY, "{status}");
        // Each answer came in steps: the world asserts that none was larger.
        const { assert!(MANY > 2 * STEPS) };
    }
}

#[test]
fn callouts_that_are_due_at_once_go_out_in_steps() {
    let mut config = config();
    config["providers"]["main"]["permissions"] = json!([{ "directory": "people" }]);
    config["directories"] =
        json!({ "people": { "uri": "http://authz/{subject}", "upstream": "authz" } });
    config["limits"] = json!({ "callouts": 500 });
    config["rules"][2]["require"] = json!({ "permissions": ["read"] });
    let mut world = World::new(1, &config);
    world.issuer(KEYS, Mood::keys(&[&jwk("a")]));
    let ids: Vec<_> = (0..100)
        .map(|each| {
            let value = bearer(&token("a", &json!({ "sub": format!("user-{each}") })));
            world.request(0, "/orders", &[("authorization", &value)])
        })
        .collect();
    assert_eq!(world.fetched.len(), 1);
    world.pass(secs(1));
    // The host cannot even send: each fails by itself, and none is asked about twice.
    assert_eq!(count(&world, &ids, 503), ids.len());
}

#[test]
fn clients_that_leave_while_they_are_due_leave_nothing_behind() {
    let (mut world, ids) = crowd(Mood::Answers(500, Vec::new()));
    for id in &ids[..MANY / 2] {
        world.leave(0, *id);
    }
    world.pass(secs(3));
    assert_eq!(count(&world, &ids[MANY / 2..], 503), MANY / 2);
    assert_eq!(count(&world, &ids[..MANY / 2], 0), MANY / 2);
    world.issuer(KEYS, Mood::keys(&[&jwk("a")]));
    world.pass(secs(3));
    let next = good(&mut world, 0, "a");
    assert_eq!(world.status(next), 200);
}

/// The host ends a request's callouts with the request, which may be answered while others still wait for theirs.
#[test]
fn a_request_fetches_the_keys_that_it_needs_and_no_others() {
    let mut config = config();
    config["providers"]["other"] = config["providers"]["main"].clone();
    config["providers"]["other"]["issuer"] = json!("https://other");
    config["providers"]["other"]["jwks"]["uri"] = json!("https://other/jwks.json");
    let mut world = World::new(1, &config);
    for issuer in [KEYS, "https://other/jwks.json"] {
        world.issuer(issuer, Mood::keys(&[&jwk("a")]));
    }
    let id = good(&mut world, 0, "a");
    assert_eq!(world.fetched, [KEYS]);
    world.leave(0, id);
    world.pass(secs(2));
    let others = world.fetched.iter().filter(|uri| uri.contains("other"));
    assert_eq!(others.count(), 1);
}

/// Each has callouts enough, and issuers too.
#[test]
fn a_service_that_hangs_leaves_callouts_to_the_others_and_to_keys() {
    let mut config = config();
    config["providers"]["main"]["permissions"] = json!([{ "directory": "people" }]);
    config["providers"]["main"]["roles"] = json!([{ "directory": "roles" }]);
    config["providers"]["other"] = config["providers"]["main"].clone();
    config["providers"]["other"]["issuer"] = json!("https://other");
    config["providers"]["other"]["jwks"]["uri"] = json!("https://other/jwks.json");
    config["directories"] = json!({
        "people": { "uri": "http://hangs/{subject}", "upstream": "authz", "timeout": "60s" },
        "roles": { "uri": "http://answers/{subject}", "upstream": "authz" },
    });
    config["limits"] = json!({ "callouts": 8, "hold": "50s" });
    config["rules"] = json!([
        { "match": { "path_prefix": "/hangs" }, "require": { "permissions": ["read"] } },
        { "match": { "path_prefix": "/roles" }, "require": { "roles": ["reader"] } },
        { "match": { "path_prefix": "/" }, "require": "user" },
    ]);
    let mut world = World::new(1, &config);
    for issuer in [KEYS, "https://other/jwks.json"] {
        world.issuer(issuer, Mood::keys(&[&jwk("a")]));
    }
    let person = |each: usize, path: &str, world: &mut World| {
        let subject = format!("user-{each}");
        let value = bearer(&token("a", &json!({ "sub": subject })));
        for (uri, mood) in [
            (format!("http://hangs/{subject}"), Mood::Silent),
            (
                format!("http://answers/{subject}"),
                Mood::Answers(200, br#"{"roles":["reader"]}"#.to_vec()),
            ),
        ] {
            world.issuer(&uri, mood);
        }
        world.request(0, path, &[("authorization", &value)])
    };
    good(&mut world, 0, "a");
    world.pass(secs(1));
    for each in 0..100 {
        person(each, "/hangs", &mut world);
    }
    world.pass(secs(1));
    let asked = world.fetched.iter().filter(|uri| uri.contains("hangs"));
    assert_eq!(asked.count(), 6);
    let other = bearer(&token("a", &json!({ "iss": "https://other" })));
    let other = world.request(0, "/x", &[("authorization", &other)]);
    let others: Vec<_> = (200..240)
        .map(|each| person(each, "/roles", &mut world))
        .collect();
    world.pass(secs(4));
    assert_eq!(world.status(other), 200);
    assert_eq!(count(&world, &others, 200), others.len());
}

under_jumps!(
    "waking.rs",
    [
        what_becomes_due_at_once_is_settled_in_steps_without_waiting_for_the_next_period,
        callouts_that_are_due_at_once_go_out_in_steps,
        clients_that_leave_while_they_are_due_leave_nothing_behind,
        a_request_fetches_the_keys_that_it_needs_and_no_others,
        a_service_that_hangs_leaves_callouts_to_the_others_and_to_keys,
    ],
    by_date: [],
);
