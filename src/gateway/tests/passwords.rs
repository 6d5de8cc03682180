//! What requests go through whose passwords must be hashed.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::super::world::World;
use crate::client::ClientNetwork;
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
    world.pass(TICK * 8);
    assert_eq!(statuses(&world, &wrong), [401, 401]);
}

#[test]
fn a_provider_takes_no_time_while_another_one_may_know_the_password() {
    let mut world = world(&json!({}));
    // One hash at once and one that waits, the other one's.
    let first = login(&mut world, "/", "ann", "guess");
    let ann = login(&mut world, "/", "ann", "right");
    let last = login(&mut world, "/ops", "eve", "guess");
    assert_eq!(statuses(&world, &[first, ann, last]), [0, 0, 0]);
    // Ann's is the third hash and eve's the fourth: each takes 20 ms and rests as long.
    world.pass(TICK * 2);
    assert_eq!(statuses(&world, &[first, ann, last]), [401, 200, 0]);
    world.pass(TICK);
    assert_eq!(world.status(last), 401);
}

#[test]
fn requests_with_one_password_wait_for_one_hash() {
    let mut world = world(&json!({ "hash_time": "200ms" }));
    let other = login(&mut world, "/ops", "eve", "x");
    let page: Vec<_> = (0..12)
        .map(|_| login(&mut world, "/ops", "ann", "right"))
        .collect();
    assert_eq!(world.status(other), 401);
    assert_eq!(statuses(&world, &page), [0; 12]);
    world.pass(TICK);
    assert_eq!(statuses(&world, &page), [200; 12]);
    // So does who repeats a wrong one; each counts.
    let wrong: Vec<_> = (0..11)
        .map(|_| login(&mut world, "/ops", "ann", "wrong"))
        .collect();
    world.pass(TICK * 2);
    assert_eq!(statuses(&world, &wrong), [401; 11]);
    let next = login(&mut world, "/ops", "ann", "more");
    assert_eq!((world.status(next), world.reason(next)), (429, "throttled"));
}

#[test]
fn a_guess_that_waits_counts_whether_or_not_somebody_waits_for_it() {
    let mut world = world(&json!({ "hash_time": "1s" }));
    let first = login(&mut world, "/ops", "ann", "guess");
    assert_eq!(world.status(first), 401);
    let guesses: Vec<_> = (0..9)
        .map(|guess| login(&mut world, "/ops", "ann", &format!("guess-{guess}")))
        .collect();
    assert_eq!(statuses(&world, &guesses), [0; 9]);
    for id in guesses {
        world.leave(0, id);
    }
    let next = login(&mut world, "/ops", "ann", "more");
    assert_eq!((world.status(next), world.reason(next)), (429, "throttled"));
}

#[test]
fn a_right_password_that_has_waited_counts_as_no_guess() {
    let mut world = world(&json!({ "hash_time": "1s" }));
    for round in 0..30 {
        let id = login(&mut world, "/ops", "bob", &format!("x-{}", round % 5));
        let ann = login(&mut world, "/ops", "ann", "right");
        world.pass(TICK * 2);
        assert_eq!(world.status(ann), 200, "{round}");
        assert!(matches!(world.status(id), 401 | 429), "{round}");
        // What was right is known no more.
        world.pass(Duration::from_secs(400));
    }
}

#[test]
fn while_the_time_is_spent_nobody_learns_what_is_remembered() {
    let mut world = world(&json!({ "hash_time": "60ms" }));
    world.network = ClientNetwork::parse("192.0.2.1");
    let known = login(&mut world, "/ops", "ann", "right");
    assert_eq!(world.status(known), 200);
    world.network = ClientNetwork::parse("198.51.100.7");
    for guess in 0..9 {
        let id = login(&mut world, "/ops", &format!("eve-{guess}"), "x");
        let answers = [0, 401, 429];
        assert!(answers.contains(&world.status(id)), "{guess}");
    }
    let (wrong, right) = (
        login(&mut world, "/ops", "ann", "guess"),
        login(&mut world, "/ops", "ann", "right"),
    );
    assert_eq!(statuses(&world, &[wrong, right]), [429, 429]);
    assert_eq!(world.reason(right), "hashes_throttled");
    // Who is signed in does not notice.
    world.network = ClientNetwork::parse("192.0.2.1");
    let own = login(&mut world, "/ops", "ann", "right");
    assert_eq!(world.status(own), 200);
}

under_jumps!(
    "passwords.rs",
    [
        hashes_that_come_at_once_are_spread_over_ticks,
        who_comes_when_a_second_s_time_is_taken_is_refused_at_once,
        each_provider_of_a_rule_takes_time_for_its_own_hash,
        a_provider_takes_no_time_while_another_one_may_know_the_password,
        requests_with_one_password_wait_for_one_hash,
        a_guess_that_waits_counts_whether_or_not_somebody_waits_for_it,
        a_right_password_that_has_waited_counts_as_no_guess,
        while_the_time_is_spent_nobody_learns_what_is_remembered,
    ],
    by_date: [],
);
