//! Tokens whose key the set lacks: of a new key, of an old one, and made up.

use std::time::Duration;

use serde_json::{Value, json};

use super::super::world::{Fate, Mood, START, World, jwk, token};
use super::{KEYS, bearer, config, good, secs, world};
use crate::time::jumps::under_jumps;

/// How long an issuer takes, and a little more.
const FETCH: Duration = Duration::from_millis(150);

/// Sends a request with a token of this key that was issued so many seconds after the start.
fn issued(world: &mut World, vm: usize, kid: &str, at: i64) -> u32 {
    let at = i64::try_from(START).unwrap() + at;
    let value = bearer(&token(kid, &json!({ "iat": at, "exp": START + 100_000 })));
    world.request(vm, "/orders", &[("authorization", &value)])
}

#[test]
fn unknown_keys_cause_five_fetches_and_one_more_in_each_cool_down() {
    let mut world = world(4);
    world.pass(secs(1));
    let mut statuses = Vec::new();
    for n in 0..250 {
        let id = good(&mut world, n % 4, &format!("none-{n}"));
        world.pass(Duration::from_millis(200));
        statuses.push(world.status(id));
        if world.status(id) == 429 {
            assert_eq!(world.reason(id), "signatures_throttled");
            let Fate::Refused(_, headers) = world.fate(id) else {
                panic!()
            };
            let seconds: u64 = headers["retry-after"].parse().unwrap();
            assert!((1..=30).contains(&seconds), "{seconds}");
            assert!(!headers.contains_key("www-authenticate"));
        }
    }
    // 50 seconds: five at once, and one after 30.
    assert_eq!(world.fetched.len(), 1 + 5 + 1);
    // Who was asked for is absent; of the others nobody knows.
    assert_eq!(statuses.iter().filter(|status| **status == 401).count(), 6);
    assert_eq!(
        statuses.iter().filter(|status| **status == 429).count(),
        244
    );
}

#[test]
fn one_unknown_key_in_each_cool_down_costs_a_new_key_nothing() {
    let mut world = world(4);
    world.pass(secs(1));
    for round in 0..20 {
        let garbage = good(&mut world, 0, &format!("none-{round}"));
        world.pass(secs(1));
        assert_eq!(world.status(garbage), 401);
        let kid = format!("new-{round}");
        world.issuer(KEYS, Mood::keys(&[&jwk("a"), &jwk(&kid)]));
        let fetched = world.fetched.len();
        let ids: Vec<_> = (0..8).map(|n| good(&mut world, n % 4, &kid)).collect();
        world.pass(FETCH);
        assert!(ids.iter().all(|id| world.status(*id) == 200), "{round}");
        assert_eq!(world.fetched.len(), fetched + 1);
        // Two fetches a minute are what comes back.
        world.pass(secs(59));
    }
}

#[test]
fn a_flood_of_unknown_keys_brings_a_new_key_in_and_ends_no_session() {
    let mut world = world(4);
    world.pass(secs(1));
    world.issuer(KEYS, Mood::keys(&[&jwk("a"), &jwk("b")]));
    let mut answers = Vec::new();
    for n in 0..600 {
        good(&mut world, n % 4, &format!("none-{n}"));
        if n % 10 == 0 {
            answers.push(good(&mut world, n % 4, "b"));
        }
        world.pass(Duration::from_millis(50));
    }
    world.pass(secs(1));
    assert!(answers.iter().all(|id| world.status(*id) == 200));
    // Nobody is told that the key is unknown while nobody can ask.
    world.issuer(KEYS, Mood::keys(&[&jwk("a"), &jwk("c")]));
    let early = good(&mut world, 0, "c");
    assert!([0, 429].contains(&world.status(early)));
    world.pass(secs(31));
    let late = good(&mut world, 0, "c");
    world.pass(secs(1));
    assert_eq!(world.status(late), 200);
}

#[test]
fn a_request_asks_once_even_if_a_fetch_was_under_way() {
    let mut world = world(1);
    world.pass(secs(1));
    let garbage = good(&mut world, 0, "none");
    world.pass(Duration::from_millis(50));
    // This fetch brings what the issuer had before.
    let caller = good(&mut world, 0, "b");
    world.pass(Duration::from_millis(100));
    assert_eq!(world.status(garbage), 401);
    assert_eq!(world.status(caller), 0, "it has not asked yet");
    world.issuer(KEYS, Mood::keys(&[&jwk("a"), &jwk("b")]));
    world.pass(FETCH);
    assert_eq!(world.status(caller), 200);
    let stranger = good(&mut world, 0, "none");
    world.pass(secs(1));
    assert_eq!(world.status(stranger), 401);
    assert_eq!(world.fetched.len(), 4);
}

#[test]
fn an_old_token_of_a_key_that_was_asked_for_needs_no_fetch() {
    let mut world = world(1);
    world.pass(secs(700));
    let old = issued(&mut world, 0, "gone", 0);
    world.pass(secs(1));
    assert_eq!((world.status(old), world.fetched.len()), (401, 2));
    // Ten minutes and more before the set: no issuer publishes so late. Each key is asked for once all the same.
    for _ in 0..20 {
        let again = issued(&mut world, 0, "gone", 0);
        assert_eq!(world.status(again), 401);
    }
    assert_eq!(world.fetched.len(), 2);
    let young = issued(&mut world, 0, "gone", 200);
    world.pass(secs(1));
    assert_eq!((world.status(young), world.fetched.len()), (401, 3));
    let other = issued(&mut world, 0, "other", 0);
    world.pass(secs(1));
    assert_eq!((world.status(other), world.fetched.len()), (401, 4));
    // Another document: what was absent may be there.
    world.issuer(KEYS, Mood::keys(&[&jwk("a"), &jwk("b")]));
    let new = good(&mut world, 0, "b");
    world.pass(secs(1));
    assert_eq!((world.status(new), world.fetched.len()), (200, 5));
    world.issuer(KEYS, Mood::keys(&[&jwk("a"), &jwk("b"), &jwk("gone")]));
    let back = issued(&mut world, 0, "gone", 0);
    world.pass(secs(1));
    assert_eq!((world.status(back), world.fetched.len()), (200, 6));
}

#[test]
fn a_set_that_a_cache_served_is_as_old_as_the_cache_says() {
    let set = |keys: &[&str]| match Mood::keys(keys) {
        Mood::Answers(status, body) => Mood::Says(status, &[("age", "600")], body),
        other => other,
    };
    let mut world = world(1);
    world.issuer(KEYS, set(&[&jwk("a")]));
    world.pass(secs(700));
    // 700 seconds before the fetch, and 100 before the set.
    let first = issued(&mut world, 0, "late", 0);
    world.pass(secs(1));
    assert_eq!(world.status(first), 401);
    world.issuer(KEYS, set(&[&jwk("a"), &jwk("late")]));
    let again = issued(&mut world, 0, "late", 0);
    world.pass(secs(1));
    assert_eq!(world.status(again), 200);
}

#[test]
fn an_unknown_key_while_the_issuer_is_down_waits_and_known_keys_serve() {
    let mut world = world(1);
    world.pass(secs(1));
    world.issuer(KEYS, Mood::Unreachable);
    for _ in 0..3 {
        // Not 503: who watches for those would take a stranger's token for an outage.
        let unknown = good(&mut world, 0, "b");
        assert_eq!(world.status(unknown), 429);
        let known = good(&mut world, 0, "a");
        assert_eq!(world.status(known), 200);
    }
    world.issuer(KEYS, Mood::keys(&[&jwk("a"), &jwk("b")]));
    world.pass(secs(2));
    let known = good(&mut world, 0, "b");
    world.pass(secs(1));
    assert_eq!(world.status(known), 200);
}

#[test]
fn a_host_that_never_calls_back_ends_an_unknown_key_s_wait_without_an_outage() {
    let mut world = world(1);
    world.pass(secs(1));
    world.issuer(KEYS, Mood::Silent);
    let unknown = good(&mut world, 0, "b");
    assert_eq!(world.status(unknown), 0);
    world.pass(secs(11));
    assert_eq!(world.status(unknown), 429);
    let known = good(&mut world, 0, "a");
    assert_eq!(world.status(known), 200);
}

#[test]
fn what_is_tried_out_spends_no_fetch_of_those_who_rely_on_it() {
    let mut config = config();
    config["mode"] = json!("shadow");
    let mut tried = World::new(2, &config);
    tried.issuer(KEYS, Mood::keys(&[&jwk("a")]));
    tried.pass(secs(1));
    for n in 0..20 {
        good(&mut tried, n % 2, &format!("none-{n}"));
        tried.pass(Duration::from_millis(200));
    }
    // Five of each VM's own.
    assert_eq!(tried.fetched.len(), 1 + 10);
    let mut enforced = world(1);
    std::mem::swap(&mut tried.process, &mut enforced.process);
    enforced.now = tried.now;
    enforced.issuer(KEYS, Mood::keys(&[&jwk("a"), &jwk("b")]));
    enforced.pass(Duration::from_millis(50));
    for n in 0..4 {
        let garbage = good(&mut enforced, 0, &format!("none-{n}"));
        enforced.pass(FETCH);
        assert_eq!(enforced.status(garbage), 401);
    }
    let new = good(&mut enforced, 0, "b");
    enforced.pass(FETCH);
    assert_eq!(enforced.status(new), 200);
    assert_eq!(enforced.fetched.len(), 4);
}

#[test]
fn a_key_without_a_name_serves_tokens_of_any_and_a_forged_one_is_of_an_unknown_key() {
    let mut nameless: Value = serde_json::from_str(&jwk("a")).unwrap();
    nameless.as_object_mut().unwrap().remove("kid");
    let mut world = world(1);
    world.issuer(KEYS, Mood::keys(&[&nameless.to_string(), &jwk("a")]));
    world.pass(secs(1));
    let id = good(&mut world, 0, "new");
    assert_eq!(world.status(id), 200);
    assert_eq!(world.fetched.len(), 1);

    // The signature of one over the claims of another.
    let (one, other) = (
        token("none", &json!({})),
        token("none", &json!({ "sub": "eve" })),
    );
    let (claims, _) = other.rsplit_once('.').unwrap();
    let (_, signature) = one.rsplit_once('.').unwrap();
    let forged = bearer(&format!("{claims}.{signature}"));
    let id = world.request(0, "/orders", &[("authorization", &forged)]);
    assert_eq!(world.status(id), 0, "the issuer may have the key by now");
    world.pass(FETCH);
    assert_eq!((world.status(id), world.reason(id)), (401, "unknown_key"));
    assert_eq!(world.fetched.len(), 2);
    let again = world.request(0, "/orders", &[("authorization", &forged)]);
    world.pass(FETCH);
    assert_eq!(world.status(again), 401);
}

under_jumps!(
    "unknown_keys.rs",
    [
        a_key_without_a_name_serves_tokens_of_any_and_a_forged_one_is_of_an_unknown_key,
        unknown_keys_cause_five_fetches_and_one_more_in_each_cool_down,
        one_unknown_key_in_each_cool_down_costs_a_new_key_nothing,
        a_flood_of_unknown_keys_brings_a_new_key_in_and_ends_no_session,
        a_request_asks_once_even_if_a_fetch_was_under_way,
        an_unknown_key_while_the_issuer_is_down_waits_and_known_keys_serve,
        a_host_that_never_calls_back_ends_an_unknown_key_s_wait_without_an_outage,
        what_is_tried_out_spends_no_fetch_of_those_who_rely_on_it,
    ],
    by_date: [
        an_old_token_of_a_key_that_was_asked_for_needs_no_fetch,
        a_set_that_a_cache_served_is_as_old_as_the_cache_says,
    ],
);
