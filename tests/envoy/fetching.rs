//! Discovery, revalidation and reload: how keys are fetched, and how rarely.

use crate::lab::{Lab, claims, eventually, policy};
use auth_filter::jose::{KeySet, KeySetLimits};
use lab::client::Request;
use lab::envoy::Filter;
use lab::issuer::{Issuer, JWKS_PATH, SigningKey};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

const WELL_KNOWN: &str = "/.well-known/openid-configuration";

#[test]
fn keys_are_found_by_discovery_and_only_of_the_issuer_itself() {
    let key = SigningKey::es256("a");
    let issuer = Issuer::start(&[&key]).unwrap();
    let mut policy = policy(&issuer, json!({}));
    policy["providers"]["users"]["issuer"] = json!(issuer.url());
    policy["providers"]["users"]["jwks"] = json!({ "discovery": true, "upstream": "idp" });
    let token = key.sign(json!({}), &claims(json!({ "iss": issuer.url() })));
    let jwks_uri = format!("{}{JWKS_PATH}", issuer.url());

    let other = json!({ "issuer": "https://other.example", "jwks_uri": jwks_uri });
    issuer.serve(WELL_KNOWN, other);
    let lab = Lab::start(&issuer, Filter::json(policy), |config| {
        config.concurrency(4)
    });
    lab.send(Request::get("/x").bearer(&token)).unavailable();
    lab.envoy
        .wait_for_log("the OpenID configuration is another issuer's")
        .unwrap();
    assert_eq!(issuer.fetches(), 0);

    issuer.serve(
        WELL_KNOWN,
        json!({ "issuer": issuer.url(), "jwks_uri": jwks_uri }),
    );
    eventually("the keys are there", || {
        lab.send(Request::get("/x").bearer(&token)).answer.status == 200
    });
    assert_eq!(issuer.fetches(), 1);
    lab.is_sound();
}

#[test]
fn keys_that_are_the_same_are_not_sent_again() {
    let key = SigningKey::es256("a");
    let issuer = Issuer::start(&[&key]).unwrap();
    issuer.set_etag("\"v1\"");
    let policy = policy(&issuer, json!({ "cache_duration": "1s" }));
    let lab = Lab::start(&issuer, Filter::json(policy), |config| {
        config.concurrency(2)
    });
    let token = key.sign(json!({}), &claims(json!({})));
    let unchanged = || {
        lab.envoy
            .stat("wasmcustom.auth_filter.jwks_fetch_not_modified")
            .unwrap()
    };
    eventually("the issuer is asked again", || {
        let status = lab.send(Request::get("/x").bearer(&token)).answer.status;
        assert_eq!(status, 200);
        unchanged() >= 3
    });
    assert_eq!(
        lab.envoy
            .stat("wasmcustom.auth_filter.jwks_fetch_success")
            .unwrap(),
        1
    );
    lab.is_sound();
}

#[test]
fn a_new_configuration_keeps_the_keys() {
    let key = SigningKey::es256("a");
    let issuer = Issuer::start(&[&key]).unwrap();
    let mut policy = policy(&issuer, json!({}));
    let mut lab = Lab::start(&issuer, Filter::json(policy.clone()), |config| {
        config.reloadable().concurrency(2)
    });
    let token = key.sign(json!({}), &claims(json!({})));
    eventually("the listener is there", || {
        Request::get("/x")
            .bearer(&token)
            .send(lab.envoy.addr())
            .is_ok_and(|answer| answer.status == 200)
    });
    issuer.down();
    policy["realm"] = json!("new");
    lab.envoy.update_filter(&Filter::json(policy)).unwrap();
    eventually("the new configuration is there", || {
        let answer = lab.send(Request::get("/x")).answer;
        answer.header("www-authenticate").as_deref() == Some("Bearer realm=\"new\"")
    });
    lab.send(Request::get("/x").bearer(&token)).passed();
    assert_eq!(issuer.fetches(), 1);
}

/// Both where the old configuration goes on while its connections are drained, and where it ends at once, and with it
/// the fetch that it has under way.
#[test]
fn a_new_configuration_waits_no_longer_for_what_the_old_one_was_fetching() {
    for drain in ["600", "1"] {
        let key = SigningKey::es256("a");
        let issuer = Issuer::start(&[&key]).unwrap();
        issuer.set_delay(Duration::from_millis(3500));
        let mut policy = policy(&issuer, json!({ "timeout": "20s" }));
        policy["limits"] = json!({ "hold": "30s" });
        let mut lab = Lab::start(&issuer, Filter::json(policy.clone()), |config| {
            config.reloadable().arguments(&[
                "--drain-time-s",
                drain,
                "--drain-strategy",
                "immediate",
            ])
        });
        eventually("the tick fetches", || issuer.fetches() > 0);
        policy["realm"] = json!("new");
        lab.envoy.update_filter(&Filter::json(policy)).unwrap();
        eventually("the new configuration is there", || {
            let answer = Request::get("/x").send(lab.envoy.addr());
            answer.is_ok_and(|answer| {
                answer.header("www-authenticate").as_deref() == Some("Bearer realm=\"new\"")
            })
        });
        let token = key.sign(json!({}), &claims(json!({})));
        let start = Instant::now();
        lab.send(Request::get("/x").bearer(&token)).passed();
        let waited = start.elapsed();
        println!(
            "drained for {drain} s: {waited:?}, {} fetches",
            issuer.fetches()
        );
        assert!(waited < Duration::from_secs(10), "{drain}: {waited:?}");
        lab.is_sound();
    }
}

/// Coarse on purpose, for a busy machine: with a table for each key the worker stood still for five seconds.
#[test]
fn a_set_of_keys_that_are_dear_and_of_no_use_stops_no_worker() {
    let vectors = include_str!("../vectors/tokens.json");
    let vectors: Vec<Value> = serde_json::from_str(vectors).unwrap();
    let dear = vectors.iter().find(|vector| vector["alg"] == "ES512");
    let mut dear = dear.unwrap()["jwk"].clone();
    dear["alg"] = json!("ECDH-ES");
    let key = SigningKey::rs256("a");
    let token = key.sign(json!({}), &claims(json!({})));
    let keys: Vec<Value> = std::iter::once(key.jwk())
        .chain(std::iter::repeat_n(dear, 255))
        .collect();
    let body = json!({ "keys": keys }).to_string();
    let wait = || {
        let issuer = Issuer::start(&[]).unwrap();
        issuer.set_body(body.clone());
        issuer.set_delay(Duration::from_secs(1));
        let lab = Lab::start(
            &issuer,
            Filter::json(policy(&issuer, json!({}))),
            |config| config,
        );
        let start = Instant::now();
        lab.send(Request::get("/x").bearer(&token)).passed();
        start.elapsed()
    };
    let shortest = (0..3).map(|_| wait()).min().unwrap();
    assert!(shortest < Duration::from_secs(3), "{shortest:?}");
}

/// Each is a key of the issuer, and one of them is anybody's.
#[test]
fn a_key_that_anybody_can_sign_with_is_found_out_and_named() {
    let vectors = include_str!("../vectors/moduli.json");
    let vectors: Vec<Value> = serde_json::from_str(vectors).unwrap();
    let named = |name: &str| {
        vectors
            .iter()
            .find(|vector| vector["name"] == name)
            .unwrap()
    };
    let (good, weak) = (named("two primes, 2048 bits"), named("p, 2048 bits"));
    let issuer = Issuer::start(&[]).unwrap();
    issuer.set_body(json!({ "keys": [good["jwk"], weak["jwk"]] }).to_string());
    let mut policy = policy(&issuer, json!({}));
    policy["providers"]["users"]["issuer"] = json!("https://issuer");
    let lab = Lab::start(&issuer, Filter::json(policy), |config| config);
    let ask = |vector: &Value| {
        let token = vector["token"].as_str().unwrap();
        lab.send(Request::get("/x").bearer(token))
    };
    for _ in 0..2 {
        ask(good).passed();
        ask(weak).invalid_token("the signing key is not known");
    }
    eventually("it is counted", || {
        let refused = lab.envoy.stat("wasmcustom.auth_filter.jwks_key_refused");
        refused.is_ok_and(|count| count == 1)
    });
    let log = lab.envoy.wait_for_log("is used no more").unwrap();
    let told = "keys[1] (kid \"p, 2048 bits\"): the RSA modulus is a prime";
    assert!(log.contains(told), "{log}");
    lab.is_sound();
}

/// What a key is pinned by.
fn thumbprint(key: &SigningKey) -> String {
    let set = json!({ "keys": [key.jwk()] }).to_string();
    let set = KeySet::parse(set.as_bytes(), &KeySetLimits::default()).unwrap();
    set.thumbprints().next().unwrap().to_string()
}

#[test]
fn a_key_outside_the_pins_is_counted_and_never_serves() {
    let (pinned, other) = (SigningKey::es256("a"), SigningKey::es256("b"));
    let issuer = Issuer::start(&[&pinned, &other]).unwrap();
    let pins = json!({ "pinned_thumbprints": [thumbprint(&pinned)] });
    let lab = Lab::start(&issuer, Filter::json(policy(&issuer, pins)), |config| {
        config
    });
    let ask = |key: &SigningKey| {
        lab.send(Request::get("/x").bearer(&key.sign(json!({}), &claims(json!({})))))
    };
    ask(&pinned).passed();
    ask(&other).invalid_token("the signing key is not known");
    let counter = "wasmcustom.auth_filter.jwks_fetch_not_pinned";
    assert!(lab.envoy.stat(counter).unwrap() >= 1);
    lab.is_sound();
}

#[test]
fn a_failed_fetch_is_tried_again_as_often_as_asked() {
    let key = SigningKey::es256("a");
    let token = key.sign(json!({}), &claims(json!({})));
    for retry in [0, 2] {
        let issuer = Issuer::start(&[&key]).unwrap();
        issuer.set_status(500);
        let policy = policy(&issuer, json!({ "retry": retry }));
        let lab = Lab::start(&issuer, Filter::json(policy), |config| config);
        lab.send(Request::get("/x").bearer(&token)).unavailable();
        assert_eq!(issuer.fetches(), 1 + retry);
        issuer.set_status(200);
        eventually("the issuer is asked again", || {
            lab.send(Request::get("/x").bearer(&token)).answer.status == 200
        });
        lab.is_sound();
    }
}

#[test]
fn of_many_keys_with_one_id_a_request_tries_eight() {
    let keys: Vec<_> = (0..10)
        .map(|seed| SigningKey::es256_seeded("a", seed))
        .collect();
    let issuer = Issuer::start(&keys.iter().collect::<Vec<_>>()).unwrap();
    let lab = Lab::start(
        &issuer,
        Filter::json(policy(&issuer, json!({}))),
        |config| config,
    );
    for (place, key) in keys.iter().enumerate() {
        let token = key.sign(json!({}), &claims(json!({})));
        let seen = lab.send(Request::get("/x").bearer(&token));
        let expected = if place < 8 { 200 } else { 401 };
        assert_eq!(seen.answer.status, expected, "keys[{place}]");
    }
    assert_eq!(issuer.fetches(), 1);
    lab.is_sound();
}

#[test]
fn verified_tokens_use_a_set_up_and_forged_ones_do_not() {
    let key = SigningKey::es256("a");
    let issuer = Issuer::start(&[&key]).unwrap();
    let policy = policy(&issuer, json!({ "cache_usages": 5 }));
    let lab = Lab::start(&issuer, Filter::json(policy), |config| {
        config.concurrency(1)
    });
    // A token of its own for each request: one that is known already is not verified again.
    let good = |number: usize| key.sign(json!({}), &claims(json!({ "jti": number.to_string() })));
    for number in 0..4 {
        lab.send(Request::get("/x").bearer(&good(number))).passed();
    }
    let forger = SigningKey::es256("a");
    for number in 0..20 {
        let forged = forger.sign(json!({}), &claims(json!({ "jti": number.to_string() })));
        let seen = lab.send(Request::get("/x").bearer(&forged));
        seen.invalid_token("the signature is not valid");
    }
    assert_eq!(issuer.fetches(), 1);
    lab.send(Request::get("/x").bearer(&good(4))).passed();
    eventually("the set is fetched anew", || issuer.fetches() == 2);
    lab.send(Request::get("/x").bearer(&good(5))).passed();
    assert_eq!(issuer.fetches(), 2);
    lab.is_sound();
}
