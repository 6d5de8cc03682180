//! Discovery, revalidation and reload: how keys are fetched, and how rarely.

use crate::lab::{Lab, claims, eventually, policy};
use serde_json::json;
use xtask::client::Request;
use xtask::envoy::Filter;
use xtask::issuer::{Issuer, JWKS_PATH, SigningKey};

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
