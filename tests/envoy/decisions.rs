//! Policy decision points: Rego by an engine that none of us wrote, AuthZEN by Cerbos and by the specification's shapes.

use crate::lab::{Exchange, Lab, claims};
use lab::cerbos::Cerbos;
use lab::client::Request;
use lab::envoy::Filter;
use lab::issuer::{Issuer, SigningKey, unix_now};
use lab::rego::Rego;
use lab::server::{Answer, Server};
use serde_json::{Value, json};
use std::thread;
use std::time::Duration;

const POLICY: &str = r#"
package orders

import rego.v1

default allow := false

allow if {
    input.request.method == "GET"
    "reader" in input.subject.groups
}

allow if input.request.variables.user == input.subject.id

result := {"allow": true, "reason": "owner"} if input.subject.claims.level >= 3
"#;

struct Scene {
    lab: Lab,
    key: SigningKey,
    _issuer: Issuer,
}

fn start(decisions: Value, rules: Value, clusters: &[(&str, std::net::SocketAddr)]) -> Scene {
    let key = SigningKey::es256("a");
    let issuer = Issuer::start(&[&key]).unwrap();
    let mut users = crate::lab::provider(&issuer, json!({}));
    users["groups"] = json!([{ "claim": "groups" }]);
    let policy = json!({ "providers": { "users": users }, "decisions": decisions, "rules": rules });
    let lab = Lab::start(&issuer, Filter::json(policy), |mut config| {
        for (name, addr) in clusters {
            config = config.cluster(name, *addr);
        }
        config
    });
    Scene {
        lab,
        key,
        _issuer: issuer,
    }
}

impl Scene {
    fn request(&self, request: Request, extra: Value) -> Request {
        request.bearer(&self.key.sign(json!({}), &claims(extra)))
    }

    #[track_caller]
    fn get(&self, path: &str, extra: Value) -> Exchange {
        self.lab.send(self.request(Request::get(path), extra))
    }
}

#[track_caller]
fn forbidden(seen: &Exchange) {
    seen.refused(
        403,
        Some(", error=\"insufficient_scope\""),
        "Operation not allowed",
    );
}

#[test]
fn a_rego_policy_decides() {
    let rego = Rego::start(POLICY).unwrap();
    let opa = |rule: &str| json!({ "protocol": "opa", "uri": format!("http://opa/v1/data/orders/{rule}"), "upstream": "opa", "timeout": "5s" });
    let scene = start(
        json!({ "orders": opa("allow"), "levels": opa("result") }),
        json!([
            { "match": { "path_template": "/users/{user}/**" }, "require": { "decision": "orders" } },
            { "match": { "path_prefix": "/levels" }, "require": { "decision": "levels" } },
            { "match": { "path_prefix": "/either" }, "require": { "any": [{ "groups": ["admin"] }, { "decision": "orders" }] } },
            { "match": {}, "require": { "groups": ["staff"], "decision": "orders" } },
        ]),
        &[("opa", rego.addr())],
    );
    scene
        .get("/users/alice/x", json!({ "sub": "alice" }))
        .passed();
    forbidden(&scene.get("/users/bob/x", json!({ "sub": "alice" })));
    scene
        .get(
            "/users/bob/x",
            json!({ "sub": "alice", "groups": ["reader"] }),
        )
        .passed();
    let post = Request::post("/users/bob/x", "");
    let seen = scene
        .lab
        .send(scene.request(post, json!({ "sub": "alice", "groups": ["reader"] })));
    forbidden(&seen);
    scene.get("/levels", json!({ "level": 3 })).passed();
    // Undefined is no.
    forbidden(&scene.get("/levels", json!({ "level": 2 })));
    scene
        .get("/x", json!({ "groups": ["staff", "reader"] }))
        .passed();
    rego.stop();
    // What does not depend on the answer is decided without it.
    scene
        .get("/either", json!({ "groups": ["admin"] }))
        .passed();
    forbidden(&scene.get("/x", json!({ "groups": ["reader"] })));
    scene
        .get("/x", json!({ "sub": "new", "groups": ["staff"] }))
        .unavailable();
    scene.lab.is_sound();
}

/// Answers as the AuthZEN specification's examples do, and only to what has their shape.
fn authzen() -> Server {
    Server::start(|request| {
        let asked: Value = serde_json::from_slice(&request.body).unwrap();
        let text = |pointer: &str| {
            asked
                .pointer(pointer)
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_owned()
        };
        let shaped = request.method == "POST"
            && request.header("content-type").as_deref() == Some("application/json")
            && !text("/subject/type").is_empty()
            && !text("/resource/type").is_empty();
        let decision = text("/subject/id") == "alice"
            && text("/action/name") == "GET"
            && text("/resource/id") == "/reports/1";
        thread::sleep(Duration::from_millis(100));
        Some(if shaped {
            Answer::json(200, &json!({ "decision": decision }))
        } else {
            Answer::text(400, "not an evaluation request")
        })
    })
    .unwrap()
}

#[test]
fn an_authzen_decision_point_decides_and_many_ask_once() {
    let pdp = authzen();
    let scene = start(
        json!({ "pdp": {
            "protocol": "authzen", "uri": "http://pdp/access/v1/evaluation", "upstream": "pdp",
            "cache_duration": "1h", "cache_by": ["subject", "method", "path"], "timeout": "5s",
        } }),
        json!([{ "name": "reports", "match": { "path_prefix": "/reports" }, "require": { "decision": "pdp" } }]),
        &[("pdp", pdp.addr())],
    );
    thread::scope(|scope| {
        for number in 0..50 {
            let scene = &scene;
            scope.spawn(move || {
                // Tokens differ, and the decision does not depend on that.
                let extra = json!({ "sub": "alice", "jti": number.to_string() });
                let request = scene.request(Request::get("/reports/1?page=2"), extra);
                let answer = request
                    .timeout(Duration::from_secs(60))
                    .send(scene.lab.envoy.addr())
                    .unwrap();
                assert_eq!(answer.status, 200);
            });
        }
    });
    assert_eq!(pdp.count(), 1);
    let asked: Value = serde_json::from_slice(&pdp.requests()[0].body).unwrap();
    assert_eq!(asked["subject"]["type"], "user");
    assert_eq!(asked["subject"]["properties"]["provider"], "users");
    assert_eq!(
        asked["resource"],
        json!({ "type": "http", "id": "/reports/1", "properties": { "host": "api.example", "variables": {} } })
    );
    assert_eq!(asked["context"], json!({ "rule": "reports" }));
    forbidden(&scene.get("/reports/2", json!({ "sub": "alice" })));
    forbidden(&scene.get("/reports/1", json!({ "sub": "bob" })));
    assert_eq!(pdp.count(), 3);
    pdp.down();
    scene.get("/reports/1", json!({ "sub": "alice" })).passed();
    scene
        .get("/reports/1", json!({ "sub": "carol" }))
        .unavailable();
    scene.lab.is_sound();
}

/// Accounts are read by their owners and by auditors, posted to by owners with a card; requests go through by group.
const ACCOUNTS: &str = r#"
apiVersion: api.cerbos.dev/v1
resourcePolicy:
  resource: account
  version: default
  rules:
    - actions: ["can_read"]
      effect: EFFECT_ALLOW
      roles: ["*"]
      condition:
        match:
          any:
            of:
              - expr: P.id == R.id
              - expr: '"auditor" in P.attr.groups'
    - actions: ["can_post"]
      effect: EFFECT_ALLOW
      roles: ["*"]
      condition:
        match:
          all:
            of:
              - expr: P.id == R.id
              - expr: P.attr.claims.card == true
"#;

const REQUESTS: &str = r#"
apiVersion: api.cerbos.dev/v1
resourcePolicy:
  resource: http
  version: default
  rules:
    - actions: ["GET"]
      effect: EFFECT_ALLOW
      roles: ["*"]
      condition:
        match:
          all:
            of:
              - expr: R.id.startsWith("/reports/")
              - expr: R.attr.host == "api.example"
              - expr: '"reader" in P.attr.groups'
"#;

#[test]
fn cerbos_decides_about_requests_and_about_what_rules_name() {
    let cerbos = Cerbos::start(&[ACCOUNTS, REQUESTS]).unwrap();
    let named = |action: &str| {
        json!({ "decision": {
            "point": "pdp", "action": action,
            "resource": { "type": "account", "id": { "path_variable": "account" } },
        } })
    };
    let scene = start(
        json!({ "pdp": {
            "protocol": "authzen", "uri": "http://pdp/access/v1/evaluation", "upstream": "pdp", "timeout": "5s",
            "batch": { "uri": "http://pdp/access/v1/evaluations" }, "cache_duration": "1h",
        } }),
        json!([
            { "name": "reports", "match": { "path_prefix": "/reports" }, "require": { "decision": "pdp" } },
            { "name": "read", "match": { "path_template": "/accounts/{account}", "methods": ["GET"] },
              "require": named("can_read") },
            { "name": "post", "match": { "path_template": "/accounts/{account}", "methods": ["POST"] },
              "require": { "all": [named("can_read"), named("can_post")] } },
            { "name": "some", "match": { "path_template": "/any/{account}" },
              "require": { "any": [named("can_post"), named("can_read")] } },
        ]),
        &[("pdp", cerbos.addr())],
    );
    // The same claims to the second: nothing less is the same question.
    let now = unix_now();
    let reader = || json!({ "sub": "alice", "groups": ["reader"], "iat": now, "exp": now + 600 });
    scene.get("/reports/1?page=2", reader()).passed();
    forbidden(&scene.get("/reports/1", json!({ "sub": "alice", "groups": ["other"] })));
    let head = Request::new("HEAD", "/reports/1");
    let seen = scene.lab.send(scene.request(head, reader()));
    assert_eq!((seen.answer.status, seen.upstream.is_none()), (403, true));
    for (path, claims, read, post, any) in [
        ("alice", json!({ "sub": "alice" }), true, false, true),
        (
            "alice",
            json!({ "sub": "alice", "card": true }),
            true,
            true,
            true,
        ),
        (
            "alice",
            json!({ "sub": "bob", "card": true }),
            false,
            false,
            false,
        ),
        (
            "alice",
            json!({ "sub": "bob", "groups": ["auditor"] }),
            true,
            false,
            true,
        ),
    ] {
        let account = format!("/accounts/{path}");
        let judged = |request: Request, want: bool| {
            let seen = scene.lab.send(scene.request(request, claims.clone()));
            assert_eq!(seen.answer.status == 200, want, "{path} {claims}");
            if !want {
                forbidden(&seen);
            }
        };
        judged(Request::get(&account), read);
        judged(Request::post(&account, ""), post);
        judged(Request::get(format!("/any/{path}")), any);
    }
    cerbos.stop();
    scene.get("/reports/1?page=3", reader()).passed();
    scene
        .get("/accounts/alice", json!({ "sub": "carol" }))
        .unavailable();
    scene.lab.is_sound();
}
