//! A wall clock that is put back or forward while Envoy runs, or was wrong when it started. Whatever has a length goes
//! by another clock; only dates go by this one.

use crate::lab::{Lab, claims, eventually, policy};
use lab::client::Request;
use lab::envoy::Filter;
use lab::issuer::{Issuer, SigningKey, unix_now};
use serde_json::{Value, json};
use std::thread;
use std::time::{Duration, Instant};

const HOUR: i64 = 3600;

struct Scene {
    lab: Lab,
    issuer: Issuer,
    key: SigningKey,
}

impl Scene {
    /// An Envoy whose wall clock is so many seconds ahead, before an issuer that is prepared before it starts.
    fn start(
        (workers, ahead): (u32, i64),
        change: impl FnOnce(&mut Value),
        prepare: impl FnOnce(&Issuer),
    ) -> Self {
        let key = SigningKey::es256("a");
        let issuer = Issuer::start(&[&key]).unwrap();
        prepare(&issuer);
        let mut policy = policy(&issuer, json!({}));
        change(&mut policy);
        let lab = Lab::start(&issuer, Filter::json(policy), |config| {
            config.shifted_clock(ahead).concurrency(workers)
        });
        Self { lab, issuer, key }
    }

    /// Sends a request with a fresh token that holds for three hours around now.
    fn get(&self, caller: &str) -> crate::lab::Exchange {
        self.lab.send(Request::get("/").bearer(&self.token(caller)))
    }

    fn token(&self, caller: &str) -> String {
        let long = json!({ "sub": caller, "iat": unix_now() - 7200, "exp": unix_now() + 7200 });
        self.key.sign(json!({}), &claims(long))
    }

    fn jump(&self, ahead: i64) {
        self.lab.envoy.shift_clock(ahead).unwrap();
    }

    /// Callers pass again within so many seconds, whoever serves them.
    #[track_caller]
    fn recovers(&self, seconds: u64) {
        let start = Instant::now();
        for round in 0.. {
            // Both workers: a run of good answers.
            let good = (0..8).all(|each| self.get(&format!("{round}-{each}")).answer.status == 200);
            if good {
                return;
            }
            assert!(
                start.elapsed() < Duration::from_secs(seconds),
                "not in time"
            );
            thread::sleep(Duration::from_millis(100));
        }
    }
}

#[test]
fn an_outage_ends_with_the_issuers_whatever_the_clock_does() {
    // A machine starts with a wrong clock, and is set right while the issuer cannot be asked yet.
    for (before, after) in [(HOUR, 0), (0, HOUR), (0, -HOUR)] {
        let scene = Scene::start((1, before), |_| (), Issuer::down);
        scene.get("early").unavailable();
        scene.jump(after);
        scene.issuer.up().unwrap();
        scene.recovers(15);
        scene.lab.is_sound();
    }
}

#[test]
fn keys_are_fetched_as_often_as_ever() {
    let schedule = |policy: &mut Value| {
        policy["providers"]["users"]["jwks"]["cache_duration"] = json!("2s");
    };
    for ahead in [-HOUR, HOUR] {
        let scene = Scene::start((2, 0), schedule, |_| ());
        scene.recovers(10);
        scene.jump(ahead);
        let (start, before) = (Instant::now(), scene.issuer.fetches());
        while start.elapsed() < Duration::from_secs(8) {
            assert_eq!(scene.get("steady").answer.status, 200);
            thread::sleep(Duration::from_millis(50));
        }
        // Every 2 seconds or somewhat earlier, by one of the two workers: neither never nor all the time.
        let fetches = scene.issuer.fetches() - before;
        assert!((3..=7).contains(&fetches), "{ahead}: {fetches}");
        scene.lab.is_sound();
    }
}

#[test]
fn a_caller_in_whose_name_others_sent_forgeries_is_served_again_in_time() {
    let little = |policy: &mut Value| policy["limits"] = json!({ "signature_time": "2ms" });
    for ahead in [-HOUR, HOUR] {
        let scene = Scene::start((1, 0), little, |_| ());
        scene.recovers(10);
        let forger = SigningKey::es256("a");
        let mut statuses = (0..400).map(|each| {
            let forged = forger.sign(json!({}), &claims(json!({ "sub": "mallory", "jti": each })));
            let seen = scene.lab.send(Request::get("/").bearer(&forged));
            seen.answer.status
        });
        assert!(statuses.any(|status| status == 429), "{ahead}");
        scene.jump(ahead);
        thread::sleep(Duration::from_secs(2));
        scene.get("mallory").passed();
        scene.lab.is_sound();
    }
}

#[test]
fn what_a_service_said_is_asked_again_in_time() {
    for ahead in [-HOUR, HOUR] {
        let service = Issuer::start(&[&SigningKey::es256("a")]).unwrap();
        let says = |active: bool| {
            let answer = json!({ "active": active, "iss": crate::lab::ISSUER, "aud": "orders", "sub": "u-1" });
            service.serve("/introspect", answer);
        };
        says(true);
        let config = json!({
            "providers": { "opaque": {
                "kind": "introspection", "issuer": crate::lab::ISSUER, "audiences": ["orders"], "require_expiration": false,
                "introspection": {
                    "uri": format!("{}/introspect", service.url()), "upstream": "idp",
                    "client_id": "proxy", "client_secret": "s", "cache_duration": "2s", "negative_cache_duration": "1s",
                },
            } },
            "rules": [{ "match": {}, "require": "user" }],
        });
        let lab = Lab::start(&service, Filter::json(config), |config| {
            config.shifted_clock(0)
        });
        let status = || lab.send(Request::get("/").bearer("opaque")).answer.status;
        assert_eq!(status(), 200);
        says(false);
        lab.envoy.shift_clock(ahead).unwrap();
        let start = Instant::now();
        eventually("the token is refused", || status() == 401);
        assert!(start.elapsed() < Duration::from_secs(10), "{ahead}");
        says(true);
        let start = Instant::now();
        eventually("the token holds again", || status() == 200);
        assert!(start.elapsed() < Duration::from_secs(10), "{ahead}");
        lab.is_sound();
    }
}

#[test]
fn refusals_are_logged_again_a_second_after_a_flood() {
    let scene = Scene::start((2, 0), |_| (), |_| ());
    let lines = || {
        scene
            .lab
            .envoy
            .log()
            .matches("denied reason=missing")
            .count()
    };
    for _ in 0..800 {
        assert_eq!(scene.lab.send(Request::get("/")).answer.status, 401);
    }
    scene.jump(-HOUR);
    thread::sleep(Duration::from_millis(1500));
    let before = lines();
    let start = Instant::now();
    while lines() == before {
        assert!(start.elapsed() < Duration::from_secs(10), "never");
        assert_eq!(scene.lab.send(Request::get("/")).answer.status, 401);
        thread::sleep(Duration::from_millis(200));
    }
}

#[test]
fn who_waits_for_keys_waits_no_longer_and_no_shorter() {
    let limits = |policy: &mut Value| policy["limits"] = json!({ "hold": "4s" });
    for ahead in [-HOUR, HOUR] {
        let scene = Scene::start((2, 0), limits, |issuer| {
            issuer.set_delay(Duration::from_secs(2))
        });
        thread::scope(|scope| {
            let waits = scope.spawn(|| {
                let start = Instant::now();
                (scene.get("early").answer.status, start.elapsed())
            });
            thread::sleep(Duration::from_millis(500));
            scene.jump(ahead);
            let (status, waited) = waits.join().unwrap();
            assert_eq!(status, 200, "{ahead}: after {waited:?}");
        });
        scene.lab.is_sound();
    }
    for ahead in [-HOUR, HOUR] {
        let scene = Scene::start((2, 0), limits, |issuer| issuer.set_hang(true));
        thread::scope(|scope| {
            let waits = scope.spawn(|| {
                let start = Instant::now();
                (scene.get("early").answer.status, start.elapsed())
            });
            thread::sleep(Duration::from_millis(500));
            scene.jump(ahead);
            let (status, waited) = waits.join().unwrap();
            assert_eq!(status, 503, "{ahead}");
            let (least, most) = (Duration::from_secs(3), Duration::from_secs(12));
            assert!((least..most).contains(&waited), "{ahead}: {waited:?}");
        });
    }
}

#[test]
fn dates_in_tokens_go_by_the_wall_clock() {
    let scene = Scene::start((2, 0), |_| (), |_| ());
    let begins = json!({ "nbf": unix_now() });
    let token = scene.key.sign(json!({}), &claims(begins));
    let get = || scene.lab.send(Request::get("/").bearer(&token));
    get().passed();
    for _ in 0..2 {
        scene.jump(HOUR);
        get().invalid_token("the token has expired");
        scene.jump(0);
        // Also where it is remembered that it had expired.
        get().passed();
        scene.jump(-HOUR);
        get().invalid_token("the token is not valid yet");
        scene.jump(0);
        get().passed();
    }
    scene.lab.is_sound();
}
