//! Answers that are long, and many: the VM keeps what it has room for, and goes on.

use crate::lab::{Lab, claims};
use lab::client::Request;
use lab::envoy::Filter;
use lab::issuer::{Issuer, SigningKey};
use lab::server::{Answer, Server};
use serde_json::{Value, json};

/// Groups of about so many bytes as JSON.
fn groups(bytes: usize) -> Vec<String> {
    (0..bytes / 9).map(|at| format!("{at:06}")).collect()
}

struct Scene {
    lab: Lab,
    key: SigningKey,
    _issuer: Issuer,
    _services: [Server; 2],
}

/// Three directories and an authorization server. Those of tokens that begin with a number have answers of that length.
fn start() -> Scene {
    let key = SigningKey::es256("a");
    let issuer = Issuer::start(&[&key]).unwrap();
    let people =
        Server::start(|_| Some(Answer::json(200, &json!({ "groups": groups(255 << 10) }))))
            .unwrap();
    let server = Server::start(|request| {
        let body = String::from_utf8_lossy(&request.body).into_owned();
        let token = body.trim_start_matches("token=");
        let bytes = token.split('-').next().and_then(|text| text.parse().ok());
        let answer = json!({
            "active": true, "sub": "alice", "aud": "orders", "groups": groups(bytes.unwrap_or(100)),
            "more": "x".repeat(1000),
        });
        Some(Answer::json(200, &answer))
    })
    .unwrap();
    let mut users = crate::lab::provider(&issuer, json!({}));
    users["groups"] =
        json!([{ "directory": "one" }, { "directory": "two" }, { "directory": "three" }]);
    let directory = |name: &str| json!({ "uri": format!("http://people/{name}/{{subject}}"), "upstream": "people", "timeout": "20s", "cache_duration": "1h" });
    let policy = json!({
        "providers": {
            "users": users,
            "opaque": {
                "kind": "introspection", "audiences": ["orders"], "from_headers": [{ "name": "x-opaque" }],
                "groups": [{ "claim": "groups" }],
                "introspection": {
                    "uri": "http://server/introspect", "upstream": "server", "client_id": "c", "client_secret": "s",
                    "timeout": "20s", "cache_duration": "1h",
                },
            },
        },
        "directories": { "one": directory("one"), "two": directory("two"), "three": directory("three") },
        "rules": [
            { "match": { "path": "/public" }, "require": "public" },
            // Nobody is in it, so that no upstream is told of ten thousand groups.
            { "match": { "path": "/opaque" }, "require": { "provider": "opaque", "groups": ["wanted"] } },
            { "match": { "path": "/listed" }, "require": { "provider": "users", "groups": ["wanted"] } },
        ],
    });
    let lab = Lab::start(&issuer, Filter::json(policy), |config| {
        config
            .cluster("people", people.addr())
            .cluster("server", server.addr())
            .concurrency(1)
    });
    Scene {
        lab,
        key,
        _issuer: issuer,
        _services: [people, server],
    }
}

impl Scene {
    fn status(&self, request: Request) -> u16 {
        let request = request.timeout(std::time::Duration::from_secs(60));
        request.send(self.lab.envoy.addr()).unwrap().status
    }

    fn opaque(&self, bytes: usize, number: usize) -> Request {
        Request::get("/opaque").header("x-opaque", format!("{bytes}-{number}"))
    }

    fn listed(&self, subject: usize) -> Request {
        let extra: Value = json!({ "sub": format!("user-{subject}") });
        Request::get("/listed").bearer(&self.key.sign(json!({}), &claims(extra)))
    }

    fn serves(&self) {
        assert_eq!(self.status(Request::get("/public")), 200);
        assert_eq!(self.status(self.opaque(100, 0)), 403);
        let log = self.lab.envoy.log();
        assert!(
            !log.contains("memory access out of bounds") && !log.contains("Uncaught"),
            "{log}"
        );
    }
}

#[test]
fn long_answers_of_introspection_do_not_end_the_vm() {
    let scene = start();
    // As much as the VM keeps, several times over; how much that takes of it is measured where memory can be.
    for (bytes, many) in [(30_000, 300), (12_000, 600)] {
        for number in 0..many {
            let status = scene.status(scene.opaque(bytes, number));
            assert_eq!(status, 403, "{bytes} {number}");
        }
        scene.serves();
    }
}

#[test]
fn long_entries_of_three_directories_do_not_end_the_vm() {
    let scene = start();
    for subject in 0..40 {
        let status = scene.status(scene.listed(subject));
        assert_eq!(status, 403, "{subject}");
    }
    scene.serves();
}
