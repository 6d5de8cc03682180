//! Directories and decision points, on every host.

use serde_json::{Value, json};

use crate::fixture::{KEY, inline, remote, serve_keys, token};
use crate::message::Request;
use crate::personality::Personality;
use crate::process::Process;
use crate::world::{Reply, World};

const ALICE: &str = "http://people.internal/v1/subjects/alice";
const PDP: &str = "http://pdp.internal/access/v1/evaluation";

fn with_directory(mut config: Value) -> Value {
    config["directories"] = json!({ "people": { "uri": "http://people.internal/v1/subjects/{subject}", "upstream": "people" } });
    config["providers"]["main"]["permissions"] = json!([{ "directory": "people" }]);
    let rules = config["rules"].as_array_mut().unwrap();
    rules.insert(
        0,
        json!({ "name": "create", "match": { "path": "/api/create" }, "require": { "permissions": ["user.create"] } }),
    );
    config
}

fn serve_permissions(world: &mut World, permissions: &'static [&'static str]) {
    world.serve(ALICE, move |_| {
        Reply::json(200, &json!({ "permissions": permissions }))
    });
}

fn create() -> Request {
    Request::get("/api/create").bearer(&token(&json!({})))
}

#[test]
fn a_directory_says_what_a_caller_may() {
    for host in Personality::ALL {
        for (permissions, status) in [(&["user.create"][..], 200), (&["other"][..], 403)] {
            let mut process = Process::start_with(host, 1, &with_directory(inline()), |world| {
                serve_permissions(world, permissions);
            });
            for _ in 0..3 {
                let id = process.ask(create());
                assert_eq!(process.status(id), status, "{host:?}");
            }
            let id = process.ask(Request::get("/api").bearer(&token(&json!({}))));
            assert_eq!(process.status(id), 200, "{host:?}");
            assert_eq!(
                process.world().asked(ALICE),
                1,
                "{host:?}: it is remembered"
            );
            process.is_sound();
        }
    }
}

#[test]
fn requests_of_one_caller_at_once_all_get_the_answer() {
    for host in Personality::ALL {
        let mut process = Process::start_with(host, 1, &with_directory(inline()), |world| {
            serve_permissions(world, &["user.create"]);
        });
        let ids: Vec<_> = (0..4).map(|_| process.send(create())).collect();
        process.pass(1000);
        for id in ids {
            assert_eq!(process.status(id), 200, "{host:?}");
        }
        let asked = if host == Personality::Envoy { 1 } else { 4 };
        assert_eq!(process.world().asked(ALICE), asked, "{host:?}");
        process.is_sound();
    }
}

#[test]
fn a_directory_that_fails_is_503_and_what_it_does_not_decide_goes_on() {
    for host in Personality::ALL {
        for reply in [
            Reply::Broken,
            Reply::Silent,
            Reply::json(500, &json!({})),
            Reply::json(200, &json!(1)),
        ] {
            let mut process = Process::start_with(host, 1, &with_directory(inline()), |world| {
                let reply = reply.clone();
                world.serve(ALICE, move |_| reply.clone());
            });
            let id = process.ask(create());
            assert_eq!(process.refused(id).status, 503, "{host:?} {reply:?}");
            let id = process.ask(Request::get("/api").bearer(&token(&json!({}))));
            assert_eq!(process.status(id), 200, "{host:?}");
            process.is_sound();
        }
    }
}

#[test]
fn keys_and_a_directory_one_after_the_other() {
    for host in Personality::ALL {
        let mut process = Process::start_with(host, 1, &with_directory(remote()), |world| {
            serve_keys(world, &[&KEY]);
            serve_permissions(world, &["user.create"]);
        });
        let id = process.send(create());
        process.pass(1500);
        assert_eq!(process.status(id), 200, "{host:?}");
        process.is_sound();
    }
}

#[test]
fn a_decision_point_decides() {
    for host in Personality::ALL {
        for (decision, status) in [
            (json!({ "decision": true }), 200),
            (json!({ "decision": false }), 403),
            (json!({}), 503),
        ] {
            let mut config = inline();
            config["decisions"] =
                json!({ "pdp": { "protocol": "authzen", "uri": PDP, "upstream": "pdp" } });
            let rules = config["rules"].as_array_mut().unwrap();
            rules.insert(
                0,
                json!({ "match": { "path_prefix": "/reports" }, "require": { "decision": "pdp" } }),
            );
            let mut process = Process::start_with(host, 1, &config, |world| {
                let decision = decision.clone();
                world.serve(PDP, move |flight| {
                    let asked: Value = serde_json::from_slice(&flight.body).unwrap();
                    assert_eq!(asked["subject"]["id"], "alice");
                    assert_eq!(asked["resource"]["id"], "/reports/7");
                    Reply::json(200, &decision)
                });
            });
            let id = process.ask(Request::get("/reports/7").bearer(&token(&json!({}))));
            assert_eq!(process.status(id), status, "{host:?} {decision}");
            let world = process.world();
            assert_eq!(
                (
                    world.sent[0].method.as_str(),
                    world.sent[0].upstream.as_str()
                ),
                ("POST", "pdp")
            );
            drop(world);
            process.is_sound();
        }
    }
}
