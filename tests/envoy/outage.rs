//! Keys while their issuer is away, slow or talks nonsense: refusals in bounded time, and recovery by itself.

use crate::lab::{Exchange, Lab, claims, eventually, policy};
use lab::client::Request;
use lab::envoy::Filter;
use lab::issuer::{Issuer, SigningKey};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

struct Scene {
    lab: Lab,
    issuer: Issuer,
    token: String,
}

impl Scene {
    /// An issuer that is prepared before Envoy starts.
    fn start(schedule: Value, limits: Value, prepare: impl FnOnce(&Issuer)) -> Self {
        let key = SigningKey::es256("a");
        let issuer = Issuer::start(&[&key]).unwrap();
        prepare(&issuer);
        let mut policy = policy(&issuer, schedule);
        policy["limits"] = limits;
        let lab = Lab::start(&issuer, Filter::json(policy), |config| config);
        let token = key.sign(json!({}), &claims(json!({})));
        Self { lab, issuer, token }
    }

    fn get(&self) -> Exchange {
        self.lab.send(Request::get("/").bearer(&self.token))
    }

    /// Sends requests until one passes; until then each is refused as unavailable.
    #[track_caller]
    fn recovers(&self) {
        eventually("keys are there", || {
            let seen = self.get();
            if seen.answer.status != 200 {
                seen.unavailable();
            }
            seen.answer.status == 200
        });
        self.lab.is_sound();
    }
}

#[test]
fn an_issuer_that_was_down_at_the_start_comes_back() {
    let scene = Scene::start(json!({}), json!({}), Issuer::down);
    scene.get().unavailable();
    scene.lab.send(Request::get("/public")).passed();
    scene.issuer.up().unwrap();
    scene.recovers();
}

#[test]
fn two_credentials_during_an_outage_are_refused_cleanly() {
    let scene = Scene::start(json!({}), json!({}), Issuer::down);
    for _ in 0..10 {
        let twice = Request::get("/").bearer(&scene.token).bearer(&scene.token);
        scene.lab.send(twice).refused(
            400,
            Some(", error=\"invalid_request\""),
            "Malformed credentials",
        );
        scene.get().unavailable();
    }
    scene.issuer.up().unwrap();
    scene.recovers();
}

#[test]
fn an_issuer_that_never_answers_costs_the_timeout() {
    let scene = Scene::start(json!({ "timeout": "1s" }), json!({}), |issuer| {
        issuer.set_hang(true)
    });
    let start = Instant::now();
    scene.get().unavailable();
    assert!(
        start.elapsed() < Duration::from_secs(4),
        "{:?}",
        start.elapsed()
    );
    scene.issuer.set_hang(false);
    scene.recovers();
}

#[test]
fn no_request_waits_longer_than_it_may() {
    let scene = Scene::start(
        json!({ "timeout": "20s" }),
        json!({ "hold": "500ms" }),
        |issuer| {
            issuer.set_hang(true);
        },
    );
    for _ in 0..3 {
        let start = Instant::now();
        scene.get().unavailable();
        let waited = start.elapsed();
        assert!(
            waited > Duration::from_millis(400) && waited < Duration::from_secs(3),
            "{waited:?}"
        );
    }
    // A body that is on its way does not change that.
    let body = Request::post("/", "x".repeat(100_000)).bearer(&scene.token);
    scene.lab.send(body).unavailable();
    scene.lab.is_sound();
}

#[test]
fn keys_serve_beyond_their_time_while_the_issuer_is_away() {
    let scene = Scene::start(json!({ "cache_duration": "1s" }), json!({}), |_| ());
    scene.get().passed();
    let start = Instant::now();
    scene.issuer.down();
    eventually("three times their time", || {
        scene.get().passed();
        start.elapsed() > Duration::from_secs(3)
    });
    scene.lab.envoy.wait_for_log("keys not fetched").unwrap();
    scene.issuer.up().unwrap();
    let fetches = scene.issuer.fetches();
    eventually("a fetch", || {
        scene.get().passed();
        scene.issuer.fetches() > fetches
    });
    scene.lab.is_sound();
}

#[test]
fn keys_do_not_serve_for_ever() {
    let schedule = json!({ "cache_duration": "1s", "stale_for": "1s" });
    let scene = Scene::start(schedule, json!({}), |_| ());
    scene.get().passed();
    scene.issuer.down();
    eventually("they are too old", || scene.get().answer.status == 503);
    scene.get().unavailable();
    scene.issuer.up().unwrap();
    scene.recovers();
}

#[test]
fn an_unknown_key_during_an_outage_comes_back_later_and_is_no_outage() {
    let scene = Scene::start(json!({}), json!({}), |_| ());
    scene.get().passed();
    scene.issuer.down();
    let unknown = SigningKey::es256("b").sign(json!({}), &claims(json!({})));
    for _ in 0..3 {
        let seen = scene.lab.send(Request::get("/").bearer(&unknown));
        assert_eq!(seen.answer.status, 429);
        assert!(seen.answer.header("retry-after").is_some());
        scene.get().passed();
    }
    scene.lab.is_sound();
}

#[test]
fn a_request_that_waited_arrives_whole() {
    let scene = Scene::start(json!({}), json!({}), |issuer| {
        issuer.set_delay(Duration::from_secs(1));
    });
    let body = "x".repeat(300_000);
    let request = Request::post("/", &body).bearer(&scene.token);
    let seen = scene.lab.send(request.header("x-auth-user-id", "evil"));
    assert!(seen.passed().body == body.as_bytes());
    assert_eq!(seen.passed().header_all("x-auth-user-id"), ["u-1"]);
    assert!(seen.passed().header("authorization").is_none());
}

#[test]
fn shadow_mode_lets_requests_through_an_outage() {
    let key = SigningKey::es256("a");
    let issuer = Issuer::start(&[&key]).unwrap();
    issuer.down();
    let mut policy = policy(&issuer, json!({}));
    policy["mode"] = json!("shadow");
    let lab = Lab::start(&issuer, Filter::json(policy), |config| config);
    let token = key.sign(json!({}), &claims(json!({})));
    let seen = lab.send(Request::get("/").bearer(&token));
    let would_be = seen.passed().header("x-auth-shadow").unwrap();
    assert_eq!(would_be, "keys_unavailable;status=503");
}

#[test]
fn a_waiting_grpc_call_is_answered_like_any_other() {
    let scene = Scene::start(json!({}), json!({}), Issuer::down);
    let call = Request::post("/", "").bearer(&scene.token);
    let seen = scene
        .lab
        .send(call.header("content-type", "application/grpc"));
    assert!(seen.upstream.is_none());
    assert_eq!(seen.answer.status, 200);
    assert_eq!(seen.answer.header("grpc-status").unwrap(), "14");
    assert!(seen.answer.header("retry-after").is_some());
}
