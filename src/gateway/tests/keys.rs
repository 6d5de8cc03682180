//! What key sets go through, and what requests see of it.

use std::time::Duration;

use serde_json::json;

use super::super::world::{Fate, Mood, START, World, jwk, token};
use super::{KEYS, bearer, config, good, secs, world};
use crate::keys::{SharedData, Swap};
use crate::time::jumps::under_jumps;

#[test]
fn a_first_request_waits_for_the_keys_and_all_others_share_its_fetch() {
    let mut world = world(4);
    let ids: Vec<_> = (0..200).map(|n| good(&mut world, n % 4, "a")).collect();
    assert!(ids.iter().all(|id| *world.fate(*id) == Fate::Held));
    world.pass(secs(1));
    assert!(ids.iter().all(|id| world.status(*id) == 200));
    assert_eq!(world.fetched, [KEYS]);
}

#[test]
fn an_issuer_that_is_down_is_an_outage_until_it_is_back() {
    let mut world = world(2);
    world.issuer(KEYS, Mood::Unreachable);
    let early = good(&mut world, 0, "a");
    let Fate::Refused(503, headers) = world.fate(early) else {
        panic!("{:?}", world.fate(early));
    };
    assert_eq!(headers["retry-after"], "1");
    assert!(!headers.contains_key("www-authenticate"));
    world.pass(secs(5));
    let other = good(&mut world, 1, "a");
    assert_eq!(world.status(other), 503);
    // 1 and 2 seconds apart, up to a fifth less, whichever VM it is.
    assert_eq!(world.fetched.len(), 3);
    world.issuer(KEYS, Mood::keys(&[&jwk("a")]));
    world.pass(secs(5));
    let late = good(&mut world, 1, "a");
    assert_eq!(world.status(late), 200);
}

#[test]
fn attempts_while_the_issuer_is_down_have_a_ceiling_and_a_floor() {
    let mut world = world(4);
    world.issuer(KEYS, Mood::Answers(500, b"oops".to_vec()));
    for _ in 0..600 {
        world.pass(secs(1));
        let id = good(&mut world, 0, "a");
        assert!(matches!(world.status(id), 0 | 503));
    }
    // 1 + 2 + 4 + 8 + 16 seconds, then every 30, each up to a fifth less.
    assert!(
        (20..=30).contains(&world.fetched.len()),
        "{}",
        world.fetched.len()
    );
}

#[test]
fn an_issuer_that_limits_its_callers_is_left_alone_in_every_vm() {
    for (discovers, says) in [
        (false, "120"),
        (true, "120"),
        (false, "Fri, 15 Jan 2027 08:02:00 GMT"),
    ] {
        let mut config = config();
        let document = "https://issuer/.well-known/openid-configuration";
        if discovers {
            config["providers"]["main"]["jwks"] = json!({ "discovery": true, "upstream": "idp" });
        }
        let mut world = World::new(2, &config);
        let limited = match says {
            "120" => &[("retry-after", "120")][..],
            // By its own clock, which it tells.
            _ => &[
                ("retry-after", "Fri, 15 Jan 2027 08:02:00 GMT"),
                ("date", "Fri, 15 Jan 2027 08:00:00 GMT"),
            ],
        };
        let first = if discovers { document } else { KEYS };
        world.issuer(first, Mood::Says(429, limited, Vec::new()));
        world.pass(secs(1));
        for vm in [0, 1] {
            let early = good(&mut world, vm, "a");
            let Fate::Refused(503, headers) = world.fate(early) else {
                panic!("{:?}", world.fate(early));
            };
            let seconds: u32 = headers["retry-after"].parse().unwrap();
            assert!((118..=132).contains(&seconds), "{seconds}");
        }
        let found = json!({ "issuer": "https://issuer", "jwks_uri": KEYS }).to_string();
        world.issuer(document, Mood::Answers(200, found.into_bytes()));
        world.issuer(KEYS, Mood::keys(&[&jwk("a")]));
        for _ in 0..118 {
            world.pass(secs(1));
            let id = good(&mut world, 0, "a");
            assert_eq!(world.status(id), 503);
        }
        assert_eq!(world.fetched, [first]);
        // Up to a tenth later.
        world.pass(secs(15));
        for vm in [0, 1] {
            let late = good(&mut world, vm, "a");
            assert_eq!(world.status(late), 200);
        }
    }
}

#[test]
fn a_host_that_never_calls_back_ends_in_an_answer() {
    let mut world = world(2);
    world.issuer(KEYS, Mood::Silent);
    let (one, two) = (good(&mut world, 0, "a"), good(&mut world, 1, "a"));
    world.pass(secs(7));
    assert_eq!((world.status(one), world.status(two)), (503, 503));
    world.issuer(KEYS, Mood::keys(&[&jwk("a")]));
    // The attempt that went out meanwhile is lost too.
    world.pass(secs(9));
    let late = good(&mut world, 0, "a");
    assert_eq!(world.status(late), 200);
}

#[test]
fn a_new_key_is_fetched_when_its_first_token_comes() {
    let mut world = world(4);
    world.pass(secs(1));
    world.issuer(KEYS, Mood::keys(&[&jwk("b")]));
    world.pass(secs(10));
    let ids: Vec<_> = (0..40).map(|n| good(&mut world, n % 4, "b")).collect();
    assert!(ids.iter().all(|id| world.status(*id) == 0), "they wait");
    world.pass(secs(1));
    assert!(ids.iter().all(|id| world.status(*id) == 200));
    assert_eq!(world.fetched.len(), 2);
    let old = good(&mut world, 0, "a");
    world.pass(secs(1));
    assert_eq!(world.status(old), 401, "a key that is gone serves no more");
    assert_eq!(world.fetched.len(), 3, "it may have come back");
}

#[test]
fn keys_are_refreshed_before_they_expire_and_nobody_waits() {
    let mut world = world(2);
    for _ in 0..100 {
        world.pass(secs(30));
        let id = bearer(&token("a", &json!({ "exp": START + 100_000 })));
        let id = world.request(0, "/", &[("authorization", &id)]);
        assert_eq!(world.status(id), 200);
    }
    // Every 800 of 3000 seconds.
    assert_eq!(world.fetched.len(), 4);
}

#[test]
fn old_keys_serve_while_the_issuer_is_down_and_no_longer_than_stale_for() {
    let mut world = world(1);
    world.pass(secs(1));
    world.issuer(KEYS, Mood::Answers(503, Vec::new()));
    let request = |world: &mut World| {
        let value = bearer(&token("a", &json!({ "exp": START + 100_000 })));
        let id = world.request(0, "/", &[("authorization", &value)]);
        world.status(id)
    };
    world.pass(secs(1400));
    assert_eq!(request(&mut world), 200);
    world.pass(secs(140));
    assert_eq!(request(&mut world), 503);
}

#[test]
fn keys_that_are_no_keys_never_replace_those_that_serve() {
    for body in [
        "",
        "<html>",
        "{}",
        "{\"keys\":{}}",
        "\u{fffd}\u{0}",
        "{\"keys\":[",
    ] {
        let mut world = world(1);
        world.pass(secs(1));
        world.issuer(KEYS, Mood::Answers(200, body.as_bytes().to_vec()));
        world.pass(secs(900));
        let id = good(&mut world, 0, "a");
        assert_eq!(world.status(id), 200, "{body}");
        assert!(world.fetched.len() > 1);
    }
}

#[test]
fn a_client_that_leaves_takes_no_one_with_it() {
    let mut world = world(2);
    let gone = good(&mut world, 0, "a");
    let (same, other) = (good(&mut world, 0, "a"), good(&mut world, 1, "a"));
    world.leave(0, gone);
    world.pass(secs(1));
    assert_eq!(*world.fate(gone), Fate::Held, "nobody is answered who left");
    assert_eq!((world.status(same), world.status(other)), (200, 200));
}

#[test]
fn a_new_key_reaches_those_who_wait_when_the_first_of_them_leaves() {
    let mut world = world(2);
    world.pass(secs(1));
    world.issuer(KEYS, Mood::keys(&[&jwk("a"), &jwk("b")]));
    let gone = good(&mut world, 0, "b");
    let (same, other) = (good(&mut world, 0, "b"), good(&mut world, 1, "b"));
    world.leave(0, gone);
    world.pass(secs(1));
    assert_eq!((world.status(same), world.status(other)), (200, 200));
    assert_eq!(world.fetched.len(), 3);
}

#[test]
fn clients_that_come_and_go_buy_no_fetches() {
    let mut world = world(2);
    world.pass(secs(1));
    for n in 0..100 {
        let id = good(&mut world, n % 2, "none");
        world.leave(n % 2, id);
        world.pass(Duration::from_millis(100));
    }
    // The first, then five times that of a client and the tick's own: as many as unknown keys may cause.
    assert_eq!(world.fetched.len(), 1 + 2 * 5);
}

#[test]
fn a_key_that_is_gone_is_gone_in_every_vm() {
    let mut world = world(4);
    world.pass(secs(1));
    world.issuer(KEYS, Mood::keys(&[&jwk("b")]));
    let new = good(&mut world, 0, "b");
    world.pass(secs(1));
    assert_eq!(world.status(new), 200);
    for vm in 0..4 {
        let old = good(&mut world, vm, "a");
        world.pass(secs(1));
        assert_eq!(world.status(old), 401, "VM {vm}");
    }
}

#[test]
fn one_outage_does_not_keep_another_issuers_callers_waiting() {
    let mut config = config();
    config["providers"]["second"] = json!({
        "kind": "jwt", "issuer": "https://second", "audiences": ["orders"],
        "jwks": { "uri": "https://second/keys", "upstream": "second" }
    });
    config["limits"] = json!({ "callouts": 1 });
    let mut world = World::new(1, &config);
    world.issuer(KEYS, Mood::Unreachable);
    world.issuer("https://second/keys", Mood::keys(&[&jwk("s")]));
    let value = bearer(&token("s", &json!({ "iss": "https://second" })));
    let id = world.request(0, "/orders", &[("authorization", &value)]);
    world.pass(secs(1));
    assert_eq!(world.status(id), 200);
}

#[test]
fn what_another_hand_writes_into_shared_data_opens_nothing() {
    let mut world = world(2);
    world.pass(secs(1));
    let keys: Vec<_> = world.process.entries.keys().cloned().collect();
    for key in keys {
        let version = world.process.entries[&key].version;
        let swapped = world
            .process
            .swap(&key, b"{\"keys\":[]}\xff", Some(version));
        assert_eq!(swapped, Swap::Done);
    }
    world.pass(secs(900));
    let id = good(&mut world, 1, "a");
    assert_eq!(world.status(id), 200);
}

#[test]
fn a_key_outside_the_pins_verifies_nothing() {
    use crate::jose::{KeySet, KeySetLimits};
    let set = format!("{{\"keys\":[{}]}}", jwk("a"));
    let set = KeySet::parse(set.as_bytes(), &KeySetLimits::default()).unwrap();
    let pin = set.thumbprints().next().unwrap().to_string();
    let foreign = "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs".to_owned();
    for (pins, want) in [(vec![pin, foreign.clone()], 200), (vec![foreign], 503)] {
        let mut config = config();
        config["providers"]["main"]["jwks"]["pinned_thumbprints"] = json!(pins);
        let mut world = World::new(1, &config);
        world.issuer(KEYS, Mood::keys(&[&jwk("a")]));
        world.pass(secs(1));
        let id = good(&mut world, 0, "a");
        world.pass(secs(1));
        assert_eq!(world.status(id), want);
    }
}

#[test]
fn a_second_callout_hides_one_bad_answer() {
    let mut config = config();
    config["providers"]["main"]["jwks"]["retry"] = json!(1);
    let mut world = World::new(2, &config);
    world.issuer(KEYS, Mood::Answers(502, Vec::new()));
    let ids = [good(&mut world, 0, "a"), good(&mut world, 1, "a")];
    world.pass(Duration::from_millis(200));
    world.issuer(KEYS, Mood::keys(&[&jwk("a")]));
    world.pass(secs(1));
    assert_eq!(ids.map(|id| world.status(id)), [200, 200]);
    assert_eq!(world.fetched.len(), 2);

    let mut world = World::new(1, &config);
    world.issuer(KEYS, Mood::Unreachable);
    let id = good(&mut world, 0, "a");
    assert_eq!(world.status(id), 0, "it waits for the second");
    world.pass(secs(1));
    assert_eq!((world.status(id), world.fetched.len()), (503, 2));
}

#[test]
fn keys_are_found_by_discovery() {
    const DOCUMENT: &str = "https://issuer/.well-known/openid-configuration";
    let mut config = config();
    config["providers"]["main"]["jwks"] = json!({ "discovery": true, "upstream": "idp" });
    for (issuer, want) in [("https://issuer", 200), ("https://evil", 503)] {
        let mut world = World::new(4, &config);
        let document = json!({ "issuer": issuer, "jwks_uri": "https://keys/v1" });
        world.issuer(
            DOCUMENT,
            Mood::Answers(200, document.to_string().into_bytes()),
        );
        world.issuer("https://keys/v1", Mood::keys(&[&jwk("a")]));
        let ids: Vec<_> = (0..8).map(|n| good(&mut world, n % 4, "a")).collect();
        world.pass(secs(1));
        assert!(ids.iter().all(|id| world.status(*id) == want), "{issuer}");
        if want == 200 {
            assert_eq!(world.fetched, [DOCUMENT, "https://keys/v1"]);
        }
    }
}

#[test]
fn a_key_set_is_as_large_as_the_configuration_allows() {
    let keys: Vec<String> = (0..300).map(|at| jwk(&format!("k{at}"))).collect();
    let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
    let Mood::Answers(_, text) = Mood::keys(&keys) else {
        panic!("keys are an answer");
    };
    for (limits, want) in [
        (json!({}), 503),
        (json!({ "max_keys": 299 }), 503),
        (json!({ "max_keys": 300 }), 200),
        (json!({ "max_keys": 300, "max_bytes": text.len() - 1 }), 503),
        (json!({ "max_keys": 300, "max_bytes": text.len() }), 200),
    ] {
        let mut config = config();
        for (key, limit) in limits.as_object().unwrap() {
            config["providers"]["main"]["jwks"][key] = limit.clone();
        }
        let mut world = World::new(1, &config);
        world.issuer(KEYS, Mood::keys(&keys));
        world.pass(secs(1));
        let id = good(&mut world, 0, "k299");
        assert_eq!(world.status(id), want, "{limits}");
    }
}

#[test]
fn an_issuer_is_asked_whether_its_keys_are_the_same() {
    let mut world = world(2);
    let keys = format!("{{\"keys\":[{}]}}", jwk("a")).into_bytes();
    world.issuer(KEYS, Mood::Says(200, &[("etag", "\"v1\"")], keys));
    world.pass(secs(1));
    world.issuer(KEYS, Mood::Says(304, &[], Vec::new()));
    world.pass(secs(1400));
    let value = bearer(&token("a", &json!({})));
    for vm in 0..2 {
        let id = world.request(vm, "/", &[("authorization", &value)]);
        assert_eq!(world.status(id), 200);
    }
    let tag = Some("\"v1\"".to_owned());
    assert_eq!(world.etags, [None, tag]);
}

#[test]
fn an_issuer_may_ask_for_fresher_keys() {
    let mut world = world(1);
    let keys = format!("{{\"keys\":[{}]}}", jwk("a")).into_bytes();
    world.issuer(
        KEYS,
        Mood::Says(200, &[("cache-control", "max-age=100")], keys),
    );
    world.pass(secs(401));
    // Every 72 to 80 seconds.
    assert!(
        (5..=6).contains(&world.fetched.len()),
        "{}",
        world.fetched.len()
    );
}

#[test]
fn keys_are_fetched_again_after_so_many_verified_tokens() {
    let mut config = config();
    config["providers"]["main"]["jwks"]["cache_usages"] = json!(10);
    let mut world = World::new(1, &config);
    world.issuer(KEYS, Mood::keys(&[&jwk("a")]));
    world.pass(secs(1));
    let forged = bearer(&token("a", &json!({}))) + "AAAA";
    for _ in 0..30 {
        world.request(0, "/", &[("authorization", &forged)]);
    }
    world.pass(secs(1));
    assert_eq!(world.fetched.len(), 1, "what fails does not count");
    for _ in 0..10 {
        let id = good(&mut world, 0, "a");
        assert_eq!(world.status(id), 200);
    }
    world.pass(secs(1));
    assert_eq!(world.fetched.len(), 2);
}

#[test]
fn a_new_configuration_begins_with_the_keys_of_the_old() {
    let mut old = world(1);
    old.pass(secs(1));
    let mut new = world(1);
    new.process = std::mem::take(&mut old.process);
    new.now = old.now;
    let id = good(&mut new, 0, "a");
    assert_eq!(new.status(id), 200);
    assert!(new.fetched.is_empty());
}

#[test]
fn a_known_key_for_another_algorithm_is_no_unknown_key() {
    let mut world = world(1);
    world.pass(secs(1));
    let claims = json!({ "iss": "https://issuer", "aud": "orders", "exp": START + 200_000 });
    let header = json!({ "alg": "RS256", "kid": "a" });
    let token = crate::jose::testing::rs256(&header.to_string(), &claims.to_string());
    let value = bearer(&token);
    let id = world.request(0, "/", &[("authorization", &value)]);
    let Fate::Refused(401, headers) = world.fate(id) else {
        panic!("{:?}", world.fate(id));
    };
    assert!(headers["www-authenticate"].contains("algorithm"));
    assert_eq!(world.fetched.len(), 1);
}

under_jumps!(
    "keys.rs",
    [
        a_first_request_waits_for_the_keys_and_all_others_share_its_fetch,
        an_issuer_that_is_down_is_an_outage_until_it_is_back,
        attempts_while_the_issuer_is_down_have_a_ceiling_and_a_floor,
        an_issuer_that_limits_its_callers_is_left_alone_in_every_vm,
        a_host_that_never_calls_back_ends_in_an_answer,
        a_new_key_is_fetched_when_its_first_token_comes,
        keys_are_refreshed_before_they_expire_and_nobody_waits,
        old_keys_serve_while_the_issuer_is_down_and_no_longer_than_stale_for,
        keys_that_are_no_keys_never_replace_those_that_serve,
        a_client_that_leaves_takes_no_one_with_it,
        a_new_key_reaches_those_who_wait_when_the_first_of_them_leaves,
        clients_that_come_and_go_buy_no_fetches,
        a_key_that_is_gone_is_gone_in_every_vm,
        one_outage_does_not_keep_another_issuers_callers_waiting,
        what_another_hand_writes_into_shared_data_opens_nothing,
        a_key_outside_the_pins_verifies_nothing,
        a_second_callout_hides_one_bad_answer,
        keys_are_found_by_discovery,
        a_key_set_is_as_large_as_the_configuration_allows,
        an_issuer_is_asked_whether_its_keys_are_the_same,
        an_issuer_may_ask_for_fresher_keys,
        keys_are_fetched_again_after_so_many_verified_tokens,
        a_new_configuration_begins_with_the_keys_of_the_old,
        a_known_key_for_another_algorithm_is_no_unknown_key,
    ],
    by_date: [],
);
