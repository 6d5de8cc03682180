//! What operators see: counters, the access log, the filter's own log, and never a secret.

use crate::lab::{Lab, claims, policy};
use lab::client::Request;
use lab::envoy::Filter;
use lab::issuer::{Issuer, SigningKey};
use serde_json::json;

struct Scene {
    lab: Lab,
    key: SigningKey,
    _issuer: Issuer,
}

fn start(mode: &str) -> Scene {
    let key = SigningKey::es256("a");
    let issuer = Issuer::start(&[&key]).unwrap();
    let mut policy = policy(&issuer, json!({}));
    policy["mode"] = json!(mode);
    let lab = Lab::start(&issuer, Filter::json(policy), |config| {
        config.concurrency(2)
    });
    Scene {
        lab,
        key,
        _issuer: issuer,
    }
}

impl Scene {
    fn requests(&self) -> Vec<(Request, &'static str)> {
        let sign = |extra| self.key.sign(json!({}), &claims(extra));
        vec![
            (Request::get("/public"), ""),
            (Request::get("/good").bearer(&sign(json!({}))), ""),
            (Request::get("/missing"), "missing"),
            (
                Request::get("/expired").bearer(&sign(json!({ "exp": 1 }))),
                "expired",
            ),
            (
                Request::get("/audience").bearer(&sign(json!({ "aud": "x" }))),
                "wrong_audience",
            ),
            (Request::get("/malformed").bearer("a.b.c"), "malformed"),
            (Request::get("/a/../b"), "malformed_path"),
        ]
    }

    fn counter(&self, name: &str) -> u64 {
        self.lab
            .envoy
            .stat(&format!("wasmcustom.auth_filter.{name}"))
            .unwrap()
    }
}

#[test]
fn every_decision_is_counted_by_its_reason() {
    let scene = start("enforce");
    for round in 1..=3 {
        for (request, _) in scene.requests() {
            drop(scene.lab.send(request));
        }
        assert_eq!(scene.counter("allowed"), round * 2);
        for (_, reason) in scene
            .requests()
            .iter()
            .filter(|(_, reason)| !reason.is_empty())
        {
            assert_eq!(
                scene.counter(&format!("denied.{reason}")),
                round,
                "{reason}"
            );
        }
    }
    assert_eq!(scene.counter("jwks_fetch_success"), 1);
    assert_eq!(scene.counter("jwks_fetch_failed"), 0);
}

#[test]
fn shadow_mode_counts_what_it_would_have_refused() {
    let scene = start("shadow");
    for (request, reason) in scene.requests() {
        scene.lab.send(request).passed();
        if !reason.is_empty() {
            assert_eq!(
                scene.counter(&format!("shadow_denied.{reason}")),
                1,
                "{reason}"
            );
            assert_eq!(scene.counter(&format!("denied.{reason}")), 0, "{reason}");
        }
    }
}

#[test]
fn the_access_log_shows_the_reason() {
    let scene = start("enforce");
    for (request, reason) in scene.requests() {
        let seen = scene.lab.send(request);
        if !reason.is_empty() {
            let line = format!(" {} - auth_filter.{reason}", seen.answer.status);
            scene.lab.envoy.wait_for_access_log(&line).unwrap();
        }
    }
}

#[test]
fn no_log_carries_a_token() {
    let scene = start("enforce");
    for (request, _) in scene.requests() {
        drop(scene.lab.send(request));
    }
    let log = scene
        .lab
        .envoy
        .wait_for_log("reason=expired status=401 rule=api")
        .unwrap();
    for sign in ["eyJ", "Bearer", "a.b.c"] {
        assert!(!log.contains(sign), "{sign} in\n{log}");
    }
}

#[test]
fn the_access_log_knows_the_caller() {
    let key = SigningKey::es256("a");
    let issuer = Issuer::start(&[&key]).unwrap();
    let facts = ["user_id", "user_name", "groups", "provider", "m2m"];
    let format: Vec<_> = facts
        .iter()
        .map(|fact| format!("{fact}=%FILTER_STATE(wasm.auth_filter.{fact}:PLAIN)%"))
        .collect();
    let mut policy = policy(&issuer, json!({}));
    policy["providers"]["users"]["groups"] = json!([{ "claim": "groups" }]);
    let start = |policy| {
        Lab::start(&issuer, Filter::json(policy), |config| {
            config.access_log(&format!("%REQ(:PATH)% {}", format.join(" ")))
        })
    };
    let lab = start(policy.clone());
    let token = key.sign(
        json!({}),
        &claims(json!({ "groups": ["a", "b,c"], "name": "Zo\u{eb}" })),
    );
    // A client cannot speak for the filter there either.
    let request = Request::get("/a")
        .bearer(&token)
        .header("x-auth-user-id", "root");
    lab.send(request).passed();
    lab.send(Request::get("/public").header("x-auth-user-id", "root"))
        .passed();
    let line = "/a user_id=u-1 user_name=Zo%C3%AB groups=a,b%2Cc provider=users m2m=-";
    lab.envoy.wait_for_access_log(line).unwrap();
    let line = "/public user_id=- user_name=- groups=- provider=- m2m=-";
    lab.envoy.wait_for_access_log(line).unwrap();
    policy["upstream_headers"] = json!({ "filter_state": false });
    let lab = start(policy);
    lab.send(Request::get("/a").bearer(&token)).passed();
    lab.envoy
        .wait_for_access_log("/a user_id=- user_name=-")
        .unwrap();
}

#[test]
fn disabled_mode_introduces_whom_it_is_told_to() {
    let key = SigningKey::es256("a");
    let issuer = Issuer::start(&[&key]).unwrap();
    let mut policy = policy(&issuer, json!({}));
    policy["mode"] = json!("disabled");
    policy["disabled_identity"] =
        json!({ "user_id": "synthetic", "user_name": "Nobody", "groups": ["dev"] });
    let lab = Lab::start(&issuer, Filter::json(policy), |config| config);
    let request = Request::get("/a")
        .bearer("nonsense")
        .header("x-auth-user-id", "root")
        .header("x-auth-roles", "root");
    let seen = lab.send(request);
    let told = |name: &str| seen.passed().header_all(&format!("x-auth-{name}"));
    assert_eq!(
        (
            told("user-id"),
            told("user-name"),
            told("groups"),
            told("roles")
        ),
        (
            vec!["synthetic".to_owned()],
            vec!["Nobody".to_owned()],
            vec!["dev".to_owned()],
            Vec::new(),
        )
    );
    assert_eq!(
        seen.passed().header("authorization").as_deref(),
        Some("Bearer nonsense")
    );
    lab.envoy
        .wait_for_log("\"disabled\" checks nothing")
        .unwrap();
}
