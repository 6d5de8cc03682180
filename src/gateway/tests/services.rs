//! What requests that wait for services go through.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::super::world::{Mood, World};
use super::secs;
use crate::time::jumps::under_jumps;

const CHECK: &str = "http://check/v1";
/// SHA-256 of "right", the cheapest hash there is.
const RIGHT: &str = "27042f4e6eca7d0b2a7ee4026df2ecfa51d3339e6d122aa099118ecd8563bad9";

/// Sessions, and two providers of passwords, that all ask one service; `ops` has a user of its own.
fn world(limits: &Value) -> World {
    let verify = json!({ "uri": CHECK, "upstream": "check" });
    let config = json!({
        "providers": {
            "sessions": { "kind": "http", "verify": verify, "from_cookies": ["sid"] },
            "ops": { "kind": "basic", "users": { "ann": { "password_hash": RIGHT } }, "throttle": { "attempts": 3 } },
            "staff": { "kind": "basic", "verify": verify, "throttle": { "attempts": 3 } },
        },
        "rules": [
            { "match": { "path_prefix": "/staff" }, "require": { "provider": "staff" } },
            { "match": { "path_prefix": "/both" }, "require": { "any": [{ "provider": "ops" }, { "provider": "staff" }] } },
            { "match": {}, "require": "user" },
        ],
        "limits": limits,
    });
    World::new(1, &config)
}

fn says(status: u16, body: &Value) -> Mood {
    Mood::Answers(status, body.to_string().into_bytes())
}

fn session(world: &mut World, id: &str) -> u32 {
    let cookie = format!("sid={id}");
    world.request(0, "/", &[("cookie", &cookie)])
}

fn login(world: &mut World, path: &str, name: &str, password: &str) -> u32 {
    let value = format!("Basic {}", STANDARD.encode(format!("{name}:{password}")));
    world.request(0, path, &[("authorization", &value)])
}

fn statuses(world: &World, ids: &[u32]) -> Vec<u16> {
    ids.iter().map(|id| world.status(*id)).collect()
}

#[test]
fn who_leaves_takes_the_question_along_unless_others_wait_for_it() {
    let mut world = world(&json!({ "callouts": 1 }));
    world.issuer(CHECK, says(200, &json!({ "sub": "a" })));
    let first = session(&mut world, "first");
    let gone: Vec<_> = (0..100)
        .map(|n| session(&mut world, &format!("s-{n}")))
        .collect();
    let (shared, also) = (session(&mut world, "same"), session(&mut world, "same"));
    for id in gone.iter().chain([&shared]) {
        world.leave(0, *id);
    }
    world.pass(secs(20));
    assert_eq!(statuses(&world, &[first, also]), [200, 200]);
    assert_eq!(world.fetched.len(), 2, "nobody is asked about who left");

    // Also where its own call was under way.
    let alone = session(&mut world, "alone");
    world.leave(0, alone);
    world.pass(secs(1));
    assert_eq!(world.fetched.len(), 3);
}

#[test]
fn a_question_ends_with_the_time_of_who_waits() {
    let mut world = world(&json!({ "callouts": 1, "hold": "300ms" }));
    world.issuer(CHECK, Mood::Silent);
    let ids: Vec<_> = (0..10)
        .map(|n| session(&mut world, &format!("s-{n}")))
        .collect();
    world.pass(secs(1));
    assert_eq!(statuses(&world, &ids), [503; 10]);
    world.pass(secs(60));
    assert_eq!(world.fetched.len(), 1);
}

#[test]
fn guesses_at_once_count_at_once() {
    let mut world = world(&json!({}));
    world.issuer(CHECK, says(401, &json!({})));
    let guesses: Vec<_> = (0..6)
        .map(|n| login(&mut world, "/staff", "bob", &format!("guess-{n}")))
        .collect();
    assert_eq!(statuses(&world, &guesses), [0, 0, 0, 429, 429, 429]);
    world.pass(secs(1));
    assert_eq!(statuses(&world, &guesses), [401, 401, 401, 429, 429, 429]);
    assert_eq!(world.fetched.len(), 3);
}

#[test]
fn a_user_who_comes_with_many_requests_at_once_guesses_nothing() {
    let mut world = world(&json!({}));
    world.issuer(CHECK, says(200, &json!({ "sub": "bob" })));
    for round in 0..5 {
        let ids: Vec<_> = (0..10)
            .map(|_| login(&mut world, "/staff", "bob", &format!("right-{round}")))
            .collect();
        world.pass(secs(1));
        assert_eq!(statuses(&world, &ids), [200; 10], "round {round}");
    }
    assert_eq!(world.fetched.len(), 5);
    // Nor is it anybody's guess where the service is away.
    world.issuer(CHECK, says(500, &json!({})));
    for n in 0..5 {
        let id = login(&mut world, "/staff", "bob", &format!("away-{n}"));
        world.pass(secs(40));
        assert_eq!(world.status(id), 503, "{n}");
    }
}

#[test]
fn a_password_of_one_provider_is_no_guess_at_another_s() {
    let mut world = world(&json!({}));
    world.issuer(CHECK, says(200, &json!({ "sub": "bob" })));
    for n in 0..10 {
        let id = login(&mut world, "/both", "bob", "of-staff");
        world.pass(Duration::from_millis(200));
        assert_eq!(world.status(id), 200, "{n}");
    }
    let ann = login(&mut world, "/both", "ann", "right");
    assert_eq!(world.status(ann), 200, "from the same address");

    // A password that is nobody's counts once for each, however often the request was looked at again.
    world.issuer(CHECK, says(401, &json!({})));
    for n in 0..2 {
        let guess = login(&mut world, "/both", "eve", &format!("guess-{n}"));
        let other = session(&mut world, &format!("s-{n}"));
        world.pass(secs(1));
        assert_eq!(statuses(&world, &[guess, other]), [401, 401]);
    }
    let third = login(&mut world, "/both", "eve", "guess-3");
    world.pass(secs(1));
    assert_eq!(world.status(third), 401);
    let fourth = login(&mut world, "/both", "eve", "guess-4");
    assert_eq!(world.status(fourth), 429);
}

#[test]
fn an_answer_that_names_nobody_vouches_for_nobody() {
    for body in [
        json!({}),
        json!({ "error": "no such session" }),
        json!({ "sub": "" }),
        json!({ "sub": null }),
        json!({ "name": "Ann", "groups": ["admin"] }),
    ] {
        let mut world = world(&json!({}));
        world.issuer(CHECK, says(200, &body));
        let ids = [
            session(&mut world, "s"),
            login(&mut world, "/staff", "bob", "x"),
        ];
        world.pass(secs(1));
        assert_eq!(statuses(&world, &ids), [503, 503], "{body}");
    }
}

under_jumps!(
    "services.rs",
    [
        who_leaves_takes_the_question_along_unless_others_wait_for_it,
        a_question_ends_with_the_time_of_who_waits,
        guesses_at_once_count_at_once,
        a_user_who_comes_with_many_requests_at_once_guesses_nothing,
        a_password_of_one_provider_is_no_guess_at_another_s,
        an_answer_that_names_nobody_vouches_for_nobody,
    ],
    by_date: [],
);
