//! Keys while their issuer is away, slow or talks nonsense: refusals in bounded time, and recovery by itself.

use crate::lab::{ISSUER, Lab, claims, eventually, policy, provider};
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use xtask::client::Request;
use xtask::envoy::Filter;
use xtask::issuer::{Issuer, SigningKey};

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

    fn get(&self) -> crate::lab::Exchange {
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
fn a_set_that_is_none_changes_nothing_and_is_tried_again() {
    let key = SigningKey::es256("a");
    type Trouble = (&'static str, fn(&Issuer));
    let troubles: [Trouble; 11] = [
        ("garbage", |issuer| issuer.set_body("garbage")),
        ("status-500", |issuer| issuer.set_status(500)),
        ("status-404", |issuer| issuer.set_status(404)),
        ("redirect", |issuer| issuer.set_status(302)),
        ("html", |issuer| {
            issuer.set_body("<!doctype html><title>Login</title>")
        }),
        ("not-utf-8", |issuer| {
            issuer.set_body(*b"{\"keys\":[{\"kid\":\"\xff\xfe\"}]}")
        }),
        ("empty", |issuer| issuer.set_body("")),
        ("no-keys", |issuer| issuer.set_body("{\"keys\":[]}")),
        ("secret", |issuer| {
            issuer.set_body(r#"{"keys":[{"kty":"oct","k":"AAAA","kid":"a"}]}"#)
        }),
        ("huge", |issuer| issuer.set_body(" ".repeat(8 << 20))),
        ("nested", |issuer| issuer.set_body("[".repeat(200_000))),
    ];
    let issuers: Vec<_> = troubles
        .iter()
        .map(|(_, make)| {
            let issuer = Issuer::start(&[&key]).unwrap();
            make(&issuer);
            issuer
        })
        .collect();
    let mut providers = json!({});
    for ((name, _), issuer) in troubles.iter().zip(&issuers) {
        let mut own = provider(issuer, json!({ "upstream": name }));
        own["issuer"] = json!(format!("{ISSUER}/{name}"));
        providers[name] = own;
    }
    let policy = json!({
        "providers": providers,
        "rules": [{ "match": { "path_prefix": "/" }, "require": "user" }],
    });
    let lab = Lab::start(&issuers[0], Filter::json(policy), |mut config| {
        for ((name, _), issuer) in troubles.iter().zip(&issuers) {
            config = config.cluster(name, issuer.addr());
        }
        config
    });
    let get = |name: &str| {
        let token = key.sign(
            json!({}),
            &claims(json!({ "iss": format!("{ISSUER}/{name}") })),
        );
        lab.send(Request::get("/").bearer(&token))
    };
    for (name, _) in troubles {
        println!("{name}");
        get(name).unavailable();
    }
    lab.is_sound();
    for issuer in &issuers {
        issuer.set_status(200);
        issuer.set_keys(&[&key]);
    }
    for (name, _) in troubles {
        eventually(name, || get(name).answer.status == 200);
    }
}

#[test]
fn a_cluster_that_leads_nowhere_is_an_outage() {
    let key = SigningKey::es256("a");
    let issuer = Issuer::start(&[&key]).unwrap();
    let names = ["absent", "empty", "closed"];
    let mut providers = json!({});
    for name in names {
        let mut own = provider(&issuer, json!({ "upstream": name }));
        own["issuer"] = json!(format!("{ISSUER}/{name}"));
        providers[name] = own;
    }
    let policy = json!({
        "providers": providers,
        "rules": [{ "match": { "path_prefix": "/" }, "require": "user" }],
    });
    let nobody = xtask::ports::free().unwrap();
    let lab = Lab::start(&issuer, Filter::json(policy), |config| {
        config
            .cluster("empty", nobody)
            .cluster("closed", nobody)
            .edit(|bootstrap| {
                let clusters = bootstrap["static_resources"]["clusters"]
                    .as_array_mut()
                    .unwrap();
                for cluster in clusters
                    .iter_mut()
                    .filter(|cluster| cluster["name"] == "empty")
                {
                    cluster["load_assignment"]["endpoints"] = json!([]);
                }
            })
    });
    for name in names {
        let token = key.sign(
            json!({}),
            &claims(json!({ "iss": format!("{ISSUER}/{name}") })),
        );
        let start = Instant::now();
        lab.send(Request::get("/").bearer(&token)).unavailable();
        assert!(start.elapsed() < Duration::from_secs(3), "{name}");
    }
    lab.is_sound();
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
