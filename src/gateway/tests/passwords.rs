//! What requests go through whose passwords must be hashed.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::super::world::World;
use crate::time::jumps::under_jumps;

/// PBKDF2 of "right" with 50,000 rounds of SHA-256: 20 ms of a core, by the table of costs.
const HASH: &str =
    "$pbkdf2-sha256$i=50000$c2FsdC1vZi10ZXN0LTEyMw$DfzLBFicB6D5YLwLojsRIoUYRk5ynW4oyV56gPuM5ds";

fn world(limits: &Value) -> World {
    let users =
        |name: &str| json!({ "kind": "basic", "users": { name: { "password_hash": HASH } } });
    let config = json!({
        "providers": { "ops": users("ann"), "staff": users("bob") },
        "rules": [
            { "match": { "path": "/ops" }, "require": { "provider": "ops" } },
            { "match": {}, "require": "user" },
        ],
        "limits": limits,
    });
    World::new(1, &config)
}

fn login(world: &mut World, path: &str, name: &str, password: &str) -> u32 {
    let value = format!("Basic {}", STANDARD.encode(format!("{name}:{password}")));
    world.request(0, path, &[("authorization", &value)])
}

fn statuses(world: &World, ids: &[u32]) -> Vec<u16> {
    ids.iter().map(|id| world.status(*id)).collect()
}

/// One tick of the world.
const TICK: Duration = Duration::from_millis(50);

#[test]
fn hashes_that_come_at_once_are_spread_over_ticks() {
    let mut world = world(&json!({}));
    let mut logins: Vec<_> = (0..3)
        .map(|guess| login(&mut world, "/ops", "ann", &format!("guess-{guess}")))
        .collect();
    logins.push(login(&mut world, "/ops", "ann", "right"));
    // The same guess as the first costs nothing more.
    logins.push(login(&mut world, "/ops", "ann", "guess-0"));
    assert_eq!(statuses(&world, &logins), [401, 0, 0, 0, 401]);
    for want in [
        [401, 401, 0, 0, 401],
        [401, 401, 401, 0, 401],
        [401, 401, 401, 200, 401],
    ] {
        world.pass(TICK);
        assert_eq!(statuses(&world, &logins), want);
    }
    // What is known to be right waits for nothing.
    let known = login(&mut world, "/ops", "ann", "right");
    assert_eq!(world.status(known), 200);
}

#[test]
fn who_comes_when_a_second_s_time_is_taken_is_refused_at_once() {
    let mut world = world(&json!({ "hash_time": "100ms" }));
    let logins: Vec<_> = (0..5)
        .map(|guess| login(&mut world, "/ops", "ann", &format!("guess-{guess}")))
        .collect();
    assert_eq!(statuses(&world, &logins), [401, 0, 0, 429, 429]);
    assert_eq!(world.reason(logins[3]), "hashes_throttled");
    // Who goes away leaves no gap that others could use.
    world.leave(0, logins[1]);
    let next = login(&mut world, "/ops", "ann", "right");
    assert_eq!(world.status(next), 429);
    world.pass(TICK * 3);
    assert_eq!(statuses(&world, &logins), [401, 0, 401, 429, 429]);
}

#[test]
fn each_provider_of_a_rule_takes_time_for_its_own_hash() {
    let mut world = world(&json!({}));
    // The name of the second provider's user: the first hashes for it all the same.
    let bob = login(&mut world, "/", "bob", "right");
    assert_eq!(world.status(bob), 0);
    world.pass(TICK);
    assert_eq!(world.status(bob), 200);
    let wrong = [
        login(&mut world, "/", "bob", "guess"),
        login(&mut world, "/", "bob", "guess-2"),
    ];
    assert_eq!(statuses(&world, &wrong), [0, 0]);
    for want in [[0, 0], [401, 0], [401, 401]] {
        world.pass(TICK);
        let seen = statuses(&world, &wrong);
        if seen == [401, 401] {
            break;
        }
        assert_eq!(seen, want);
    }
    world.pass(TICK * 4);
    assert_eq!(statuses(&world, &wrong), [401, 401]);
}

under_jumps!(
    "passwords.rs",
    [
        hashes_that_come_at_once_are_spread_over_ticks,
        who_comes_when_a_second_s_time_is_taken_is_refused_at_once,
        each_provider_of_a_rule_takes_time_for_its_own_hash,
    ],
    by_date: [],
);
