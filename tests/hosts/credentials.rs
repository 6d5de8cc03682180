//! Credentials that somebody else judges, and what is remembered of tokens, on every host.

use std::cell::Cell;
use std::rc::Rc;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

use crate::fixture::{KEY, START, inline, token};
use crate::message::Request;
use crate::personality::Personality;
use crate::process::Process;
use crate::world::{Reply, World};

const INTROSPECTION: &str = "http://issuer.internal/introspect";
const VERIFIER: &str = "http://people.internal/verify";
const IDENTITY: &str = "http://identity.internal/";
const EVALUATIONS: &str = "http://pdp.internal/access/v1/evaluations";

/// One provider and one rule.
fn config(provider: Value, rule: Value) -> Value {
    json!({ "providers": { "main": provider }, "rules": [rule] })
}

fn api() -> Value {
    json!({ "name": "api", "match": { "path_prefix": "/api" }, "require": "user" })
}

#[test]
fn an_opaque_token_is_asked_about_once() {
    for host in Personality::ALL {
        let provider = json!({
            "kind": "introspection",
            "introspection": { "uri": INTROSPECTION, "upstream": "idp", "client_id": "proxy", "client_secret": "s" },
        });
        let mut process = Process::start_with(host, 1, &config(provider, api()), |world| {
            world.serve(INTROSPECTION, |flight| {
                let active = flight.body.starts_with(b"token=good&");
                Reply::json(200, &json!({ "active": active, "sub": "alice" }))
            });
        });
        for (text, want) in [("good", 200), ("bad", 401), ("good", 200), ("bad", 401)] {
            let id = process.ask(Request::get("/api").bearer(text));
            assert_eq!(process.status(id), want, "{host:?} {text}");
        }
        assert_eq!(process.world().asked(INTROSPECTION), 2, "{host:?}");
        process.world_mut().serve(INTROSPECTION, |_| Reply::Broken);
        let id = process.ask(Request::get("/api").bearer("other"));
        assert_eq!(process.refused(id).status, 503, "{host:?}");
        let id = process.ask(Request::get("/api").bearer("good"));
        assert_eq!(
            process.upstream(id, "x-auth-user-id"),
            ["alice"],
            "{host:?}"
        );
        process.is_sound();
    }
}

#[test]
fn a_password_is_verified_by_a_service_and_guesses_are_counted() {
    for host in Personality::ALL {
        let provider = json!({
            "kind": "basic", "verify": { "uri": VERIFIER, "upstream": "people" },
            "throttle": { "attempts": 3, "per": "1m" },
        });
        let mut config = config(provider, api());
        config["client_address"] = json!("proxy");
        let mut process = Process::start_with(host, 1, &config, |world| {
            world.serve(VERIFIER, |flight| {
                let asked: Value = serde_json::from_slice(&flight.body).unwrap();
                let right = asked["password"] == "right";
                let (status, body) = if right {
                    (200, json!({ "sub": "alice" }))
                } else {
                    (401, json!({}))
                };
                Reply::json(status, &body)
            });
        });
        let login = |process: &mut Process, name: &str, password: &str| {
            let pair = BASE64_STANDARD.encode(format!("{name}:{password}"));
            let request = Request::get("/api").header("authorization", format!("Basic {pair}"));
            let id = process.ask(request);
            process.status(id)
        };
        for _ in 0..3 {
            assert_eq!(login(&mut process, "alice", "right"), 200, "{host:?}");
        }
        assert_eq!(process.world().asked(VERIFIER), 1, "{host:?}");
        for guess in 0..3 {
            let status = login(&mut process, "bob", &format!("guess {guess}"));
            assert_eq!(status, 401, "{host:?} {guess}");
        }
        assert_eq!(login(&mut process, "bob", "guess 3"), 429, "{host:?}");
        assert_eq!(process.world().asked(VERIFIER), 4, "{host:?}");
        process.is_sound();
    }
}

#[test]
fn a_host_is_asked_for_the_address_only_where_it_counts() {
    for host in Personality::ALL {
        for (client_address, password) in [
            (None, 0),
            (Some(json!("none")), 0),
            (Some(json!("proxy")), 1),
            (Some(json!({ "filter_state": "client" })), 1),
        ] {
            if host != Personality::Envoy && client_address.as_ref().is_some_and(Value::is_object) {
                continue;
            }
            let mut config = inline();
            config["providers"]["ops"] = json!({
                "kind": "basic",
                "users": { "alice": { "password_hash": "27042f4e6eca7d0b2a7ee4026df2ecfa51d3339e6d122aa099118ecd8563bad9" } },
            });
            if let Some(client_address) = &client_address {
                config["client_address"] = client_address.clone();
            }
            let mut process = Process::start(host, 1, &config);
            let asked = |process: &mut Process, authorization: &str| {
                let request = Request::get("/api").header("authorization", authorization);
                let id = process.ask(request);
                assert_eq!(process.status(id), 200, "{host:?} {authorization}");
                process.vm(0).state().calls.get("get_property").copied()
            };
            let bearer = format!("Bearer {}", token(&json!({})));
            let alice = format!("Basic {}", BASE64_STANDARD.encode("alice:right"));
            let before = asked(&mut process, &bearer).unwrap_or_default();
            // On nginx the target and the host are properties too, and in APISIX the host.
            let target = match host {
                Personality::Envoy => 0,
                Personality::Apisix => 1,
                Personality::Nginx { .. } => 2,
            };
            for (authorization, want) in [(&bearer, 0), (&alice, password), (&bearer, 0)] {
                let before = asked(&mut process, &bearer).unwrap_or_default();
                let after = asked(&mut process, authorization).unwrap_or_default();
                assert_eq!(after - before, want + target, "{host:?} {client_address:?}");
            }
            assert!(before <= target);
            process.is_sound();
        }
    }
}

/// Amazon Cognito Identity: an identity, then its credentials.
fn serve_identities(world: &mut World) {
    serve_identities_until(world, 4_102_444_800);
}

/// The same, with credentials that end then.
fn serve_identities_until(world: &mut World, ends: u64) {
    world.serve(IDENTITY, move |flight| {
        let asked: Value = serde_json::from_slice(&flight.body).unwrap();
        let body = if asked["IdentityId"].is_string() {
            json!({ "IdentityId": "us-east-1:i", "Credentials": {
                "AccessKeyId": "ASIA", "SecretKey": "secret", "SessionToken": "session", "Expiration": ends,
            } })
        } else {
            json!({ "IdentityId": "us-east-1:i" })
        };
        Reply::json(200, &body)
    });
}

/// Rules whose upstreams get AWS credentials, and a token that buys some.
fn with_identity_pool() -> (Value, String) {
    let provider = json!({
        "kind": "cognito", "region": "us-east-1", "user_pool_id": "us-east-1_pool", "client_ids": ["orders"],
        "token_use": ["id"], "jwks": { "inline": { "keys": [KEY.jwk()] } },
        "identity_pool": { "id": "us-east-1:pool", "uri": IDENTITY, "upstream": "idp" },
    });
    let rule = json!({
        "match": { "path_prefix": "/jobs" }, "require": "user", "aws_credentials": true,
    });
    let config = config(provider, rule);
    let issuer = "https://cognito-idp.us-east-1.amazonaws.com/us-east-1_pool";
    (config, token(&json!({ "iss": issuer, "token_use": "id" })))
}

#[test]
fn credentials_that_have_ended_go_nowhere() {
    let (config, bearer) = with_identity_pool();
    for host in Personality::ALL {
        let mut process = Process::start_with(host, 1, &config, |world| {
            serve_identities_until(world, *START - 1);
        });
        let id = process.ask(Request::get("/jobs").bearer(&bearer));
        assert_eq!(process.refused(id).status, 503, "{host:?}");
        process.is_sound();
    }
}

#[test]
fn an_identity_pool_takes_two_callouts() {
    let (config, bearer) = with_identity_pool();
    for host in Personality::ALL {
        let mut process = Process::start_with(host, 1, &config, serve_identities);
        let first = process.ask(Request::get("/jobs").bearer(&bearer));
        let again = process.ask(Request::get("/jobs").bearer(&bearer));
        for id in [first, again] {
            let key = process.upstream(id, "x-aws-access-key-id");
            assert_eq!(key, ["ASIA"], "{host:?}");
        }
        assert_eq!(process.world().asked(IDENTITY), 2, "{host:?}");
        process.is_sound();
    }
}

#[test]
fn the_questions_of_one_rule_go_out_together() {
    for host in Personality::ALL {
        let mut config = inline();
        config["decisions"] = json!({ "pdp": {
            "protocol": "authzen", "uri": "http://pdp.internal/access/v1/evaluation", "upstream": "pdp",
            "batch": { "uri": EVALUATIONS },
        } });
        let rules = config["rules"].as_array_mut().unwrap();
        rules.insert(
            0,
            json!({ "match": { "path_prefix": "/reports" }, "require": {
                "all": [{ "decision": "pdp" }, { "decision": { "point": "pdp", "action": "export" } }],
            } }),
        );
        let most = Rc::new(Cell::new(0));
        let seen = Rc::clone(&most);
        let mut process = Process::start_with(host, 1, &config, |world| {
            world.serve(EVALUATIONS, move |flight| {
                let asked: Value = serde_json::from_slice(&flight.body).unwrap();
                let asked = asked["evaluations"].as_array().unwrap();
                seen.set(seen.get().max(asked.len()));
                let answers: Vec<_> = asked
                    .iter()
                    .map(|one| json!({ "decision": one["resource"]["id"] != "/reports/2" }))
                    .collect();
                Reply::json(200, &json!({ "evaluations": answers }))
            });
        });
        for (path, want) in [
            ("/reports/1", 200),
            ("/reports/2", 403),
            ("/reports/1", 200),
        ] {
            let id = process.ask(Request::get(path).bearer(&token(&json!({}))));
            assert_eq!(process.status(id), want, "{host:?} {path}");
        }
        assert_eq!(most.get(), 2, "{host:?}");
        assert_eq!(process.world().asked(EVALUATIONS), 2, "{host:?}");
        process.is_sound();
    }
}

#[test]
fn a_token_is_judged_once_and_forgeries_have_a_share_of_time() {
    for host in Personality::ALL {
        let mut config = inline();
        config["limits"] = json!({ "signature_time": "1ms" });
        let mut process = Process::start(host, 1, &config);
        let known = token(&json!({}));
        let forged = |number: usize| {
            let (head, _) = known.rsplit_once('.').unwrap();
            format!("{head}.{number:0>85}A")
        };
        let ask = |process: &mut Process, token: &str| {
            let id = process.ask(Request::get("/api").bearer(token));
            process.status(id)
        };
        assert_eq!(ask(&mut process, &known), 200, "{host:?}");
        // The same one costs nothing of the budget.
        for _ in 0..5 {
            assert_eq!(ask(&mut process, &forged(1)), 401, "{host:?}");
        }
        let statuses: Vec<_> = (2..100)
            .map(|number| ask(&mut process, &forged(number)))
            .collect();
        assert!(statuses.starts_with(&[401, 401]), "{host:?} {statuses:?}");
        assert!(statuses.ends_with(&[429; 40]), "{host:?} {statuses:?}");
        assert_eq!(ask(&mut process, &known), 200, "{host:?}");
        // All were in the same name. That one has used up its share; others have theirs.
        let own = token(&json!({ "jti": "new" }));
        assert_eq!(ask(&mut process, &own), 429, "{host:?}");
        let stranger = token(&json!({ "sub": "bob" }));
        assert_eq!(ask(&mut process, &stranger), 200, "{host:?}");
        process.pass(2000);
        assert_eq!(ask(&mut process, &own), 200, "{host:?}");
        process.is_sound();
    }
}
