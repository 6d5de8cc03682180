//! Directories: asked only where they decide, once for many, and away at times.

use crate::lab::{Lab, claims, eventually};
use lab::client::Request;
use lab::envoy::Filter;
use lab::issuer::{Issuer, SigningKey};
use lab::server::{Answer, Server};
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::thread;
use std::time::Duration;

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
            "uri": "http://people/v1/subjects/{subject}?name={name}", "upstream": "people", "timeout": "20s",
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

/// A directory whose answers depend on who is asked about, behind as many workers as there are cores in most places.
fn strange(
    timeout: &str,
    handler: impl Fn(&str, usize) -> Option<Answer> + Send + Sync + 'static,
) -> Scene {
    let key = SigningKey::es256("a");
    let issuer = Issuer::start(&[&key]).unwrap();
    let count = std::sync::atomic::AtomicUsize::new(0);
    let people = Server::start(move |request| {
        let subject = request.target.rsplit('/').next().unwrap_or_default();
        handler(subject, count.fetch_add(1, Ordering::Relaxed))
    })
    .unwrap();
    let mut users = crate::lab::provider(&issuer, json!({}));
    users["roles"] = json!([{ "directory": "people" }]);
    let policy = json!({
        "providers": { "users": users },
        "directories": { "people": {
            "uri": "http://people/api/members/{subject}", "upstream": "people", "timeout": timeout, "cache_duration": "1h",
            "response": {
                "roles": { "list": "/member/roles", "item": "/name" },
                "profile": { "department": "/member/department", "teams": "/member/teams" },
            },
        } },
        "rules": [
            { "match": { "path_prefix": "/admin" }, "require": { "roles": ["admin"] } },
            { "match": { "path_prefix": "/either" }, "require": { "any": [{ "scopes": ["admin"] }, { "roles": ["admin"] }] } },
            { "match": { "path_prefix": "/not" }, "require": { "not": { "roles": ["banned"] } } },
            { "match": { "path_prefix": "/told" }, "require": "user", "resolve": ["profile"] },
            { "match": {}, "require": "user" },
        ],
        "upstream_headers": { "profile": { "x-department": "department", "x-teams": "teams" } },
        "limits": { "hold": "1m" },
    });
    let lab = Lab::start(&issuer, Filter::json(policy), |config| {
        config
            .cluster("people", people.addr())
            .concurrency(4)
            .reloadable()
    });
    Scene {
        lab,
        people,
        status: Arc::default(),
        key,
        _issuer: issuer,
    }
}

/// An answer of an API that was there before the filter.
fn member(role: &str) -> Answer {
    Answer::json(
        200,
        &json!({ "member": {
            "id": 7, "roles": [{ "id": 1, "name": role }], "department": "R&D", "teams": ["a", "b,c"],
        } }),
    )
}

#[test]
fn a_thousand_requests_at_once_of_one_new_caller_make_one_question_in_all_workers_together() {
    let scene = strange("50s", |_, _| {
        thread::sleep(Duration::from_millis(400));
        Some(member("admin"))
    });
    let request = scene.request("/admin", json!({ "sub": "carol" }));
    let request = request.timeout(Duration::from_secs(60));
    let addr = scene.lab.envoy.addr();
    thread::scope(|scope| {
        let clients: Vec<_> = (0..1000)
            .map(|_| {
                let request = &request;
                thread::Builder::new()
                    .stack_size(128 * 1024)
                    .spawn_scoped(scope, move || request.send(addr).unwrap())
                    .unwrap()
            })
            .collect();
        for client in clients {
            let answer = client.join().unwrap();
            assert_eq!(answer.status, 200, "{}", answer.text());
        }
    });
    assert_eq!(scene.people.count(), 1);
    // More than one worker had requests of hers.
    let stats = scene
        .lab
        .envoy
        .admin_get("/stats?filter=worker_.*downstream_cx_total")
        .unwrap();
    let busy = stats
        .lines()
        .filter(|line| line.starts_with("listener.") && !line.ends_with(": 0"));
    assert!(busy.count() > 1, "{stats}");
    scene.lab.is_sound();
}

#[test]
fn an_api_of_another_form_serves_unchanged_and_its_profile_goes_upstream() {
    let scene = strange("20s", |subject, _| {
        Some(match subject {
            "nobody" => Answer::text(404, "no such member"),
            other => member(other),
        })
    });
    let spoofed = |request: Request| {
        request
            .header("X-Department", "board")
            .header("x_teams", "board")
    };
    let seen = scene
        .lab
        .send(spoofed(scene.request("/admin", json!({ "sub": "admin" }))));
    let passed = seen.passed();
    assert_eq!(passed.header_all("x-department"), ["R&D"]);
    assert_eq!(passed.header_all("x-teams"), ["a,b%2Cc"]);
    assert_eq!(passed.header("x_teams"), None);
    assert_eq!(passed.header("x-auth-roles").as_deref(), Some("admin"));
    // A rule that does not look at the directory says nothing of it, and a rule that promises looks.
    let seen = scene
        .lab
        .send(spoofed(scene.request("/plain", json!({ "sub": "viewer" }))));
    assert_eq!(seen.passed().header("x-department"), None);
    assert_eq!(scene.people.count(), 1);
    let seen = scene
        .lab
        .send(scene.request("/told", json!({ "sub": "viewer" })));
    assert_eq!(seen.passed().header("x-department").as_deref(), Some("R&D"));
    let seen = scene
        .lab
        .send(scene.request("/told", json!({ "sub": "nobody" })));
    assert_eq!(seen.passed().header("x-department"), None);
    let seen = scene
        .lab
        .send(scene.request("/admin", json!({ "sub": "viewer" })));
    seen.refused(
        403,
        Some(", error=\"insufficient_scope\""),
        "Operation not allowed",
    );
    assert_eq!(scene.people.requests()[0].target, "/api/members/admin");
    scene.lab.is_sound();
}

#[test]
fn what_is_no_answer_of_a_directory_is_an_outage_for_what_depends_on_it_only() {
    let scene = strange("700ms", |subject, _| {
        Some(match subject {
            "garbage" => Answer::text(200, "<html>"),
            "empty" => Answer::text(200, ""),
            "wrong" => Answer::json(200, &json!({ "member": { "roles": "admin" } })),
            "nameless" => Answer::json(200, &json!({ "member": { "roles": [{ "id": 1 }] } })),
            "twice" => Answer::text(
                200,
                r#"{"member":{"roles":[{"name":"admin","name":"admin"}]}}"#,
            ),
            "moved" => Answer::text(302, "").header("location", "/api/members/admin"),
            "forbidden" => Answer::text(403, "no"),
            "huge" => Answer::json(
                200,
                &json!({ "member": { "roles": [{ "name": "admin" }] }, "padding": "x".repeat(300_000) }),
            ),
            "slow" => {
                thread::sleep(Duration::from_secs(2));
                member("admin")
            }
            _ => member("admin"),
        })
    });
    for subject in [
        "garbage",
        "empty",
        "wrong",
        "nameless",
        "twice",
        "moved",
        "forbidden",
        "huge",
        "slow",
    ] {
        let about = |extra: Value| {
            let mut claims = json!({ "sub": subject });
            claims
                .as_object_mut()
                .unwrap()
                .extend(extra.as_object().unwrap().clone());
            claims
        };
        // Each failure but the first few is followed by a longer rest: a good answer ends it.
        eventually("the directory answers", || {
            let good = format!("fresh-{subject}-{}", scene.people.count());
            let seen = scene
                .lab
                .send(scene.request("/admin", json!({ "sub": good })));
            seen.answer.status == 200
        });
        let before = scene.people.count();
        for path in ["/admin", "/not", "/told"] {
            scene
                .lab
                .send(scene.request(path, about(json!({}))))
                .unavailable();
        }
        assert!(scene.people.count() > before, "{subject}: was asked");
        scene
            .lab
            .send(scene.request("/either", about(json!({ "scope": "admin" }))))
            .passed();
        scene
            .lab
            .send(scene.request("/plain", about(json!({}))))
            .passed();
    }
    scene.lab.is_sound();
}

#[test]
fn a_directory_that_flaps_is_asked_again_and_what_it_once_said_holds() {
    // Every other answer is none.
    let scene = strange("20s", |_, turn| {
        Some(if turn % 2 == 0 {
            Answer::text(500, "flap")
        } else {
            member("admin")
        })
    });
    for number in 0..3 {
        let subject = format!("caller-{number}");
        let request = || scene.request("/admin", json!({ "sub": subject }));
        let mut refused = 0;
        eventually("an answer comes through", || {
            let seen = scene.lab.send(request());
            if seen.answer.status == 503 {
                seen.unavailable();
                refused += 1;
            }
            seen.answer.status == 200
        });
        assert!(refused > 0, "the first answer is none");
        let asked = scene.people.count();
        for _ in 0..20 {
            scene.lab.send(request()).passed();
        }
        assert_eq!(scene.people.count(), asked, "whichever worker it comes to");
    }
    scene.people.down();
    scene
        .lab
        .send(scene.request("/admin", json!({ "sub": "caller-0" })))
        .passed();
    scene.lab.is_sound();
}

#[test]
fn a_new_configuration_begins_with_the_entries_of_the_old() {
    let mut scene = strange("20s", |_, _| Some(member("admin")));
    let caller = |scene: &Scene| scene.request("/admin", json!({ "sub": "dora" }));
    scene.lab.send(caller(&scene)).passed();
    assert_eq!(scene.people.count(), 1);
    let mut policy = scene.lab.envoy.filter_configuration().unwrap();
    policy["realm"] = json!("renewed");
    scene
        .lab
        .envoy
        .update_filter(&Filter::json(policy.clone()))
        .unwrap();
    eventually("the new configuration is in force", || {
        let seen = scene.lab.send(Request::get("/admin"));
        let challenge = seen.answer.header("www-authenticate").unwrap_or_default();
        challenge.contains("renewed")
    });
    for _ in 0..20 {
        scene.lab.send(caller(&scene)).passed();
    }
    assert_eq!(scene.people.count(), 1);
    // Another reading of the same answers is another directory.
    policy["realm"] = json!("again");
    policy["directories"]["people"]["response"] =
        json!({ "roles": { "list": "/member/roles", "item": "/id" } });
    policy["upstream_headers"] = json!({});
    policy["rules"].as_array_mut().unwrap().remove(3);
    scene
        .lab
        .envoy
        .update_filter(&Filter::json(policy))
        .unwrap();
    eventually("the new configuration is in force", || {
        let seen = scene.lab.send(Request::get("/admin"));
        let challenge = seen.answer.header("www-authenticate").unwrap_or_default();
        challenge.contains("again")
    });
    let seen = scene.lab.send(caller(&scene));
    seen.refused_in(
        "again",
        403,
        Some(", error=\"insufficient_scope\""),
        "Operation not allowed",
    );
    assert_eq!(scene.people.count(), 2);
}
