//! Directories: asked only where they decide, once for many, and away at times.

use crate::lab::{Lab, claims, eventually};
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::thread;
use std::time::Duration;
use xtask::client::Request;
use xtask::envoy::Filter;
use xtask::issuer::{Issuer, SigningKey};
use xtask::server::{Answer, Server};

struct Scene {
    lab: Lab,
    people: Server,
    /// The status of the directory's answers.
    status: Arc<AtomicU16>,
    key: SigningKey,
    _issuer: Issuer,
}

fn start(delay: Duration) -> Scene {
    let key = SigningKey::es256("a");
    let issuer = Issuer::start(&[&key]).unwrap();
    let status = Arc::new(AtomicU16::new(200));
    let held = Arc::clone(&status);
    let people = Server::start(move |request| {
        thread::sleep(delay);
        let editor = request.target.starts_with("/v1/subjects/editor");
        let entry = json!({
            "permissions": if editor { json!(["orders.write"]) } else { json!([]) }, "groups": ["remote"],
        });
        Some(match held.load(Ordering::Relaxed) {
            200 => Answer::json(200, &entry),
            other => Answer::text(other, "no"),
        })
    })
    .unwrap();
    let mut users = crate::lab::provider(&issuer, json!({}));
    users["permissions"] = json!([{ "claim": "permissions" }, { "directory": "people" }]);
    users["roles"] = json!([{ "directory": "optional" }]);
    let directory = |on_error: &str| {
        json!({
            "uri": "http://people/v1/subjects/{subject}?name={name}", "upstream": "people", "timeout": "2s",
            "cache_duration": "1h", "on_error": on_error,
        })
    };
    let policy = json!({
        "providers": { "users": users },
        "directories": { "people": directory("deny"), "optional": directory("empty") },
        "rules": [
            { "match": { "path_prefix": "/write" }, "require": { "permissions": ["orders.write"] } },
            { "match": { "path_prefix": "/either" }, "require": { "any": [{ "permissions": ["orders.write"] }, { "scopes": ["admin"] }] } },
            { "match": { "path_prefix": "/analysts" }, "require": { "not": { "roles": ["banned"] } } },
            { "match": {}, "require": "user" },
        ],
    });
    let lab = Lab::start(&issuer, Filter::json(policy), |config| {
        config.cluster("people", people.addr()).concurrency(1)
    });
    Scene {
        lab,
        people,
        status,
        key,
        _issuer: issuer,
    }
}

impl Scene {
    fn request(&self, path: &str, extra: Value) -> Request {
        Request::get(path).bearer(&self.key.sign(json!({}), &claims(extra)))
    }
}

#[test]
fn a_thousand_requests_of_one_caller_make_one_question() {
    let scene = start(Duration::from_millis(300));
    let request = scene.request("/write", json!({ "sub": "editor" }));
    thread::scope(|scope| {
        let workers: Vec<_> = (0..100)
            .map(|_| {
                let request = &request;
                let addr = scene.lab.envoy.addr();
                scope.spawn(move || {
                    for _ in 0..10 {
                        let answer = request
                            .clone()
                            .timeout(Duration::from_secs(60))
                            .send(addr)
                            .unwrap();
                        assert_eq!(answer.status, 200, "{}", answer.text());
                    }
                })
            })
            .collect();
        workers
            .into_iter()
            .for_each(|worker| worker.join().unwrap());
    });
    assert_eq!(scene.people.count(), 1);
    assert_eq!(
        scene.people.requests()[0].target,
        "/v1/subjects/editor?name=editor"
    );
    let seen = scene.lab.send(request);
    assert_eq!(
        seen.passed().header("x-auth-permissions").as_deref(),
        Some("orders.write")
    );
    scene.lab.is_sound();
}

#[test]
fn nobody_asks_where_the_answer_is_known() {
    let scene = start(Duration::ZERO);
    let seen = scene
        .lab
        .send(scene.request("/any", json!({ "permissions": ["own"] })));
    // What no rule asked for is not told in part.
    assert_eq!(seen.passed().header("x-auth-permissions"), None);
    scene
        .lab
        .send(scene.request("/write", json!({ "permissions": ["orders.write"] })))
        .passed();
    scene
        .lab
        .send(scene.request("/either", json!({ "scope": "admin" })))
        .passed();
    assert_eq!(scene.people.count(), 0);
    let seen = scene
        .lab
        .send(scene.request("/write", json!({ "sub": "reader" })));
    seen.refused(
        403,
        Some(", error=\"insufficient_scope\""),
        "Operation not allowed",
    );
    let seen = scene
        .lab
        .send(scene.request("/write", json!({ "sub": "../editor" })));
    seen.refused(
        403,
        Some(", error=\"insufficient_scope\""),
        "Operation not allowed",
    );
    let targets: Vec<_> = scene
        .people
        .requests()
        .into_iter()
        .map(|seen| seen.target)
        .collect();
    assert_eq!(
        targets,
        [
            "/v1/subjects/reader?name=reader",
            "/v1/subjects/..%2Feditor?name=..%2Feditor"
        ]
    );
}

#[test]
fn an_outage_of_a_directory_refuses_only_what_depends_on_it() {
    let scene = start(Duration::ZERO);
    let editor = || scene.request("/write", json!({ "sub": "editor" }));
    scene.lab.send(editor()).passed();
    scene.status.store(500, Ordering::Relaxed);
    scene.lab.send(editor()).passed();
    scene
        .lab
        .send(scene.request("/write", json!({ "sub": "editor-2" })))
        .unavailable();
    scene
        .lab
        .send(scene.request("/any", json!({ "sub": "editor-2" })))
        .passed();
    scene
        .lab
        .send(scene.request("/either", json!({ "sub": "editor-2", "scope": "admin" })))
        .passed();
    // This directory counts as empty.
    scene
        .lab
        .send(scene.request("/analysts", json!({ "sub": "editor-2" })))
        .passed();
    scene.status.store(200, Ordering::Relaxed);
    eventually("the directory is asked again", || {
        let seen = scene
            .lab
            .send(scene.request("/write", json!({ "sub": "editor-2" })));
        seen.answer.status == 200
    });
    // Nobody there at all.
    scene.people.down();
    scene
        .lab
        .send(scene.request("/write", json!({ "sub": "editor-3" })))
        .unavailable();
    scene.lab.is_sound();
}

#[test]
fn a_directory_that_knows_nobody_gives_nothing() {
    let scene = start(Duration::ZERO);
    scene.status.store(404, Ordering::Relaxed);
    let seen = scene
        .lab
        .send(scene.request("/write", json!({ "sub": "editor" })));
    seen.refused(
        403,
        Some(", error=\"insufficient_scope\""),
        "Operation not allowed",
    );
    scene
        .lab
        .send(scene.request(
            "/write",
            json!({ "sub": "x", "permissions": ["orders.write"] }),
        ))
        .passed();
}
