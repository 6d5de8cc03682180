//! What is remembered of tokens, and what requests see of it.

use std::time::Duration;

use serde_json::{Value, json};

use super::super::world::{Fate, Mood, START, World, jwk, token};
use super::{KEYS, bearer, config, good, secs, world};
use crate::client::ClientNetwork;
use crate::time::UnixTime;
use crate::time::jumps::under_jumps;

/// A key of P-256 that signs nothing here (RFC 7517 appendix A.1), under the `kid` of another.
const OTHER: &str = r#"{"kty":"EC","kid":"a","crv":"P-256","x":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4","y":"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM"}"#;

/// Sends a request with this token; its status, and its reason where it is refused.
fn send(world: &mut World, path: &str, token: &str) -> (u16, String) {
    let id = world.request(0, path, &[("authorization", &bearer(token))]);
    let reason = match world.fate(id) {
        Fate::Refused(_, headers) => headers.get("www-authenticate").cloned(),
        _ => None,
    };
    (world.status(id), reason.unwrap_or_default())
}

/// A token of Alice with a signature that is none of the key's.
fn forged(id: &str) -> String {
    let token = token("a", &json!({ "jti": id }));
    let (signed, _) = token.rsplit_once('.').unwrap();
    let (_, other) = signed.split_once('.').unwrap();
    let mut signature: String = other.chars().cycle().take(85).collect();
    signature.push('A');
    format!("{signed}.{signature}")
}

/// A world in which there is time for few bad signatures.
fn tight(limits: &Value) -> World {
    let mut config = config();
    config["limits"] = json!({ "signature_time": "4ms" });
    for (name, value) in limits.as_object().unwrap() {
        config["limits"][name] = value.clone();
    }
    let mut world = World::new(1, &config);
    world.issuer(KEYS, Mood::keys(&[&jwk("a")]));
    world.pass(secs(1));
    world
}

/// Sends new forgeries until no more are looked at; how many were.
fn exhaust(world: &mut World) -> usize {
    let now = world.now.mono.as_millis();
    let mut send = |each: usize| send(world, "/orders", &forged(&format!("{each} of {now}"))).0;
    let many = (0..1000).take_while(|each| send(*each) == 401).count();
    assert_eq!(send(1000), 429);
    many
}

#[test]
fn a_token_that_was_seen_before_needs_no_signature() {
    let mut world = tight(&json!({}));
    assert_eq!(send(&mut world, "/orders", &token("a", &json!({}))).0, 200);
    let many = exhaust(&mut world);
    // Two of four milliseconds, and a share of the rest.
    assert!((80..150).contains(&many), "{many}");
    // A signature that were looked at would be answered with 429: so many were in Alice's name.
    assert_eq!(send(&mut world, "/orders", &token("a", &json!({}))).0, 200);
    let new = token("a", &json!({ "jti": "new" }));
    let id = world.request(0, "/orders", &[("authorization", &bearer(&new))]);
    let Fate::Refused(429, headers) = world.fate(id) else {
        panic!("{:?}", world.fate(id));
    };
    assert_eq!(headers["retry-after"], "1");
    assert!(!headers.contains_key("www-authenticate"));
    // Others get theirs meanwhile.
    let bob = token("a", &json!({ "sub": "bob" }));
    assert_eq!(send(&mut world, "/orders", &bob).0, 200);
    world.pass(secs(2));
    assert_eq!(send(&mut world, "/orders", &new).0, 200);
}

#[test]
fn a_flood_from_one_network_is_that_network_s() {
    let mut world = tight(&json!({}));
    let [mallory, office, home] = [1, 2, 3].map(ClientNetwork::V4);
    for second in 0..6 {
        for each in 0..8 {
            world.network = Some(office);
            let new = token("a", &json!({ "sub": format!("{second} {each}") }));
            assert_eq!(send(&mut world, "/orders", &new).0, 200, "{second} {each}");
            world.network = Some(mallory);
            for more in 0..20 {
                let _ = send(
                    &mut world,
                    "/orders",
                    &forged(&format!("{second} {each} {more}")),
                );
            }
        }
        // Whose token is bad hears that it is.
        world.network = Some(home);
        assert_eq!(
            send(&mut world, "/orders", &forged(&second.to_string())).0,
            401
        );
        world.pass(secs(1));
    }
}

#[test]
fn nobody_is_refused_for_eight_keys_that_a_forger_has_tried() {
    let mut config = config();
    config["limits"] = json!({ "signature_time": "50ms" });
    let mut world = World::new(1, &config);
    // Keys without a name: each is tried.
    let own = jwk("a").replace("\"kid\":\"a\",", "");
    let other = OTHER.replace("\"kid\":\"a\",", "");
    let mut keys = vec![other.as_str(); 7];
    keys.push(&own);
    world.issuer(KEYS, Mood::keys(&keys));
    world.pass(secs(1));
    world.network = None;
    for each in 0..60 {
        for more in 0..4 {
            assert_eq!(
                send(&mut world, "/orders", &forged(&format!("{each} {more}"))).0,
                401
            );
        }
        let new = token("a", &json!({ "sub": each.to_string() }));
        assert_eq!(send(&mut world, "/orders", &new).0, 200, "{each}");
        world.pass(Duration::from_millis(50));
    }
}

#[test]
fn without_a_cache_each_request_needs_a_signature() {
    let mut world = tight(&json!({ "token_cache_entries": 0 }));
    assert_eq!(send(&mut world, "/orders", &token("a", &json!({}))).0, 200);
    exhaust(&mut world);
    assert_eq!(send(&mut world, "/orders", &token("a", &json!({}))).0, 429);
}

#[test]
fn the_same_forgery_is_looked_at_once() {
    let mut world = tight(&json!({}));
    let same = forged("the same");
    for _ in 0..1000 {
        let (status, reason) = send(&mut world, "/orders", &same);
        assert_eq!(status, 401);
        assert!(reason.contains("the signature is not valid"), "{reason}");
    }
    let most = exhaust(&mut tight(&json!({})));
    assert!((most - 2..=most).contains(&exhaust(&mut world)));
}

#[test]
fn the_clock_is_looked_at_each_time() {
    let mut world = world(1);
    world.pass(secs(1));
    let short = token("a", &json!({ "exp": START + 100, "nbf": START - 100 }));
    assert_eq!(send(&mut world, "/orders", &short).0, 200);
    world.pass(secs(150));
    assert_eq!(send(&mut world, "/orders", &short).0, 200);
    world.pass(secs(10));
    for _ in 0..2 {
        let (status, reason) = send(&mut world, "/orders", &short);
        assert_eq!(status, 401);
        assert!(reason.contains("the token has expired"), "{reason}");
    }
    // A clock that goes back: what had expired has not.
    world.now.wall = UnixTime::from_secs(START + 50);
    assert_eq!(send(&mut world, "/orders", &short).0, 200);
    world.now.wall = UnixTime::from_secs(START - 200);
    let (_, reason) = send(&mut world, "/orders", &short);
    assert!(reason.contains("not valid yet"), "{reason}");
    world.now.wall = UnixTime::from_secs(START + 50);
    assert_eq!(send(&mut world, "/orders", &short).0, 200);
}

#[test]
fn the_rule_is_looked_at_each_time() {
    let mut world = world(1);
    world.pass(secs(1));
    let user = token("a", &json!({ "groups": ["staff"] }));
    for (path, want) in [
        ("/orders", 200),
        ("/admin", 403),
        ("/orders", 200),
        ("/admin", 403),
    ] {
        assert_eq!(send(&mut world, path, &user).0, want, "{path}");
    }
}

#[test]
fn a_token_is_forgotten_with_its_key() {
    let mut world = world(1);
    world.pass(secs(1));
    let old = token("a", &json!({}));
    assert_eq!(send(&mut world, "/orders", &old).0, 200);
    world.issuer(KEYS, Mood::keys(&[OTHER]));
    // The key set is fetched anew before its time is over.
    world.pass(secs(1000));
    let (status, reason) = send(&mut world, "/orders", &old);
    assert_eq!(status, 401);
    assert!(reason.contains("the signature is not valid"), "{reason}");
}

#[test]
fn a_token_outlives_a_fetch_of_the_same_keys() {
    let mut world = tight(&json!({}));
    let caller = token("a", &json!({}));
    assert_eq!(send(&mut world, "/orders", &caller).0, 200);
    world.pass(secs(1000));
    assert_eq!(world.fetched.len(), 2);
    exhaust(&mut world);
    assert_eq!(send(&mut world, "/orders", &caller).0, 200);
}

#[test]
fn keys_that_cannot_be_had_vouch_for_nobody_who_was_seen_before() {
    let mut world = world(1);
    world.pass(secs(1));
    let caller = token("a", &json!({}));
    assert_eq!(send(&mut world, "/orders", &caller).0, 200);
    world.issuer(KEYS, Mood::Unreachable);
    world.pass(secs(1400));
    assert_eq!(send(&mut world, "/orders", &caller).0, 200);
    world.pass(secs(200));
    assert_eq!(send(&mut world, "/orders", &caller).0, 503);
}

#[test]
fn a_token_that_was_refused_is_good_once_the_keys_are() {
    let mut world = World::new(1, &config());
    world.issuer(KEYS, Mood::keys(&[OTHER]));
    world.pass(secs(1));
    let caller = token("a", &json!({}));
    assert_eq!(send(&mut world, "/orders", &caller).0, 401);
    world.issuer(KEYS, Mood::keys(&[&jwk("a")]));
    // The refusal is never older than a second when the keys are fetched anew, in the background.
    for _ in 0..1000 {
        if world.fetched.len() > 1 {
            break;
        }
        assert_eq!(send(&mut world, "/orders", &caller).0, 401);
        world.pass(secs(1));
    }
    assert_eq!(world.fetched.len(), 2);
    world.pass(secs(1));
    assert_eq!(send(&mut world, "/orders", &caller).0, 200);
}

#[test]
fn a_token_of_an_unknown_key_is_not_refused_from_memory() {
    let mut world = world(1);
    world.pass(secs(1));
    let early = good(&mut world, 0, "b");
    world.pass(secs(1));
    assert_eq!(world.status(early), 401);
    world.issuer(KEYS, Mood::keys(&[&jwk("a"), &jwk("b")]));
    world.pass(secs(31));
    let late = good(&mut world, 0, "b");
    world.pass(secs(1));
    assert_eq!(world.status(late), 200);
}

#[test]
fn providers_of_one_issuer_remember_a_token_each_for_itself() {
    let provider = |audience: &str| {
        json!({
            "kind": "jwt", "issuer": "https://issuer", "audiences": [audience],
            "jwks": { "uri": KEYS, "upstream": "idp" },
        })
    };
    let rule = |path: &str, provider: &str| json!({ "match": { "path_prefix": path }, "require": { "provider": provider } });
    let config = json!({
        "providers": {
            "other": {
                "kind": "jwt", "issuer": "https://other", "audiences": ["orders"],
                "jwks": { "inline": { "keys": [serde_json::from_str::<Value>(OTHER).unwrap()] } },
            },
            "one": provider("orders"), "two": provider("bills"), "three": provider("mails"),
        },
        "rules": [rule("/one", "one"), rule("/two", "two"), rule("/three", "three"),
            { "match": { "path_prefix": "/any" }, "require": "user" }],
    });
    let mut world = World::new(1, &config);
    world.issuer(KEYS, Mood::keys(&[&jwk("a")]));
    world.pass(secs(1));
    let both = bearer(&token("a", &json!({ "aud": ["orders", "bills"] })));
    for _ in 0..3 {
        for (path, want) in [("/one", "one"), ("/two", "two"), ("/any", "one")] {
            let id = world.request(0, path, &[("authorization", &both)]);
            let Fate::Forwarded(set, _) = world.fate(id) else {
                panic!("{path}: {:?}", world.fate(id));
            };
            assert_eq!(set["x-auth-provider"], want);
        }
        let id = world.request(0, "/three", &[("authorization", &both)]);
        assert_eq!(world.status(id), 401);
    }
}

under_jumps!(
    "tokens.rs",
    [
        a_token_that_was_seen_before_needs_no_signature,
        a_flood_from_one_network_is_that_network_s,
        nobody_is_refused_for_eight_keys_that_a_forger_has_tried,
        without_a_cache_each_request_needs_a_signature,
        the_same_forgery_is_looked_at_once,
        the_rule_is_looked_at_each_time,
        a_token_is_forgotten_with_its_key,
        a_token_outlives_a_fetch_of_the_same_keys,
        keys_that_cannot_be_had_vouch_for_nobody_who_was_seen_before,
        a_token_that_was_refused_is_good_once_the_keys_are,
        a_token_of_an_unknown_key_is_not_refused_from_memory,
        providers_of_one_issuer_remember_a_token_each_for_itself,
    ],
    by_date: [
        the_clock_is_looked_at_each_time,
    ],
);
