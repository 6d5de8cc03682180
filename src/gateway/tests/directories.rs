//! What directories and decision points say, in a process of several VMs.

use std::time::Duration;

use serde_json::{Value, json};

use crate::gateway::world::{Fate, Mood, World};
use crate::time::jumps::under_jumps;

const PEOPLE: &str = "http://people/alice";
const PDP: &str = "http://pdp/access/v1/evaluation";
const BATCH: &str = "http://pdp/access/v1/evaluations";

/// A configuration whose callers are named by their API keys.
fn config(rules: Value) -> Value {
    let digest = "sha256:2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b";
    json!({
        "providers": { "keys": {
            "kind": "api_key", "keys": { "alice": { "digest": digest } },
            "groups": [{ "directory": "people" }],
            "permissions": [{ "directory": "people" }],
        } },
        "directories": { "people": { "uri": "http://people/{subject}" } },
        "decisions": {
            "pdp": { "protocol": "authzen", "uri": PDP, "batch": { "uri": BATCH } },
            "single": { "protocol": "authzen", "uri": PDP },
        },
        "rules": rules,
        "upstream_headers": { "profile": { "x-department": "department", "x-first": "/teams/0" } },
    })
}

fn entry() -> Mood {
    let entry = json!({
        "groups": ["staff"], "permissions": ["read"],
        "profile": { "department": "R&D, Bern", "teams": ["a", "b"] },
    });
    Mood::Answers(200, entry.to_string().into_bytes())
}

fn says(answer: &Value) -> Mood {
    Mood::Answers(200, answer.to_string().into_bytes())
}

/// Alice's request.
fn alice(world: &mut World, vm: usize, path: &str) -> u32 {
    let spoofed = ("X_Department", "board");
    world.request(vm, path, &[("x-api-key", "secret"), spoofed])
}

#[test]
fn the_profile_goes_upstream_where_the_rule_has_looked() {
    let rules = json!([
        { "match": { "path": "/groups" }, "require": { "groups": ["staff"] } },
        { "match": { "path": "/profile" }, "require": "user", "resolve": ["profile"] },
        { "match": { "path": "/all" }, "require": "user", "resolve": ["groups", "permissions", "profile"] },
        { "match": { "path": "/optional" }, "require": "optional", "resolve": ["profile"] },
        { "match": {}, "require": "user" },
    ]);
    let mut world = World::new(1, &config(rules));
    world.issuer(PEOPLE, entry());
    // Nothing of this rule depends on the directory.
    let plain = alice(&mut world, 0, "/plain");
    assert!(world.fetched.is_empty());
    let anonymous = world.request(0, "/optional", &[]);
    assert_eq!(world.status(anonymous), 200);
    let asked: Vec<u32> = ["/groups", "/profile", "/all", "/optional"]
        .into_iter()
        .map(|path| alice(&mut world, 0, path))
        .collect();
    world.pass(Duration::from_secs(1));
    assert_eq!(world.fetched, [PEOPLE]);
    for (id, groups, permissions) in [
        (asked[0], Some("staff"), None),
        (asked[1], None, None),
        (asked[2], Some("staff"), Some("read")),
        (asked[3], None, None),
    ] {
        let Fate::Forwarded(set, removed) = world.fate(id) else {
            panic!("{:?}", world.fate(id));
        };
        assert_eq!(set["x-department"], "R&D,%20Bern");
        assert_eq!(set["x-first"], "a");
        assert_eq!(set.get("x-auth-groups").map(String::as_str), groups);
        assert_eq!(
            set.get("x-auth-permissions").map(String::as_str),
            permissions
        );
        assert!(removed.contains(&"X_Department".to_owned()), "{removed:?}");
    }
    // Even now that the entry is there: what is told does not depend on what others asked before.
    let Fate::Forwarded(set, removed) = world.fate(plain) else {
        panic!("{:?}", world.fate(plain));
    };
    assert!(!set.contains_key("x-department"));
    assert!(removed.contains(&"X_Department".to_owned()));
    let again = alice(&mut world, 0, "/plain");
    assert!(
        matches!(world.fate(again), Fate::Forwarded(set, _) if !set.contains_key("x-department"))
    );
}

#[test]
fn what_a_rule_promises_the_upstream_is_had_or_the_request_waits_for_better_times() {
    let rules = json!([
        { "match": { "path": "/profile" }, "require": "user", "resolve": ["profile"] },
        { "match": {}, "require": "user" },
    ]);
    let mut deny = config(rules);
    let mut empty = deny.clone();
    empty["directories"]["people"]["on_error"] = json!("empty");
    deny["directories"]["people"]["on_error"] = json!("deny");
    for (config, want) in [(deny, 503), (empty, 200)] {
        let mut world = World::new(1, &config);
        world.issuer(PEOPLE, Mood::Answers(500, Vec::new()));
        let id = alice(&mut world, 0, "/profile");
        let other = alice(&mut world, 0, "/plain");
        world.pass(Duration::from_secs(1));
        assert_eq!((world.status(id), world.status(other)), (want, 200));
        if let Fate::Forwarded(set, _) = world.fate(id) {
            assert!(!set.contains_key("x-department"));
        }
    }
}

#[test]
fn requests_in_every_vm_make_one_question() {
    let rules = json!([{ "match": {}, "require": { "permissions": ["read"] } }]);
    let mut world = World::new(4, &config(rules.clone()));
    world.issuer(PEOPLE, entry());
    let ids: Vec<u32> = (0..400)
        .map(|number| alice(&mut world, number % 4, "/"))
        .collect();
    world.pass(Duration::from_secs(1));
    assert!(ids.iter().all(|id| world.status(*id) == 200));
    assert_eq!(world.fetched, [PEOPLE]);
    // A VM that asks and gets no answer costs its own requests their time, and the others ask themselves.
    let mut world = World::new(4, &config(rules));
    world.issuer(PEOPLE, Mood::Silent);
    let ids: Vec<u32> = (0..4).map(|vm| alice(&mut world, vm, "/")).collect();
    world.pass(Duration::from_secs(2));
    assert!(ids.iter().all(|id| world.status(*id) == 503));
    assert_eq!(world.fetched, [PEOPLE]);
}

fn tree() -> Value {
    let read = |point: &str| json!({ "point": point, "action": "can_read", "resource": { "type": "account", "id": { "path_variable": "account" } } });
    let post = |point: &str| json!({ "point": point, "action": "can_post", "resource": { "type": "ledger", "id": "main" } });
    json!([
        { "name": "both", "match": { "path_template": "/both/{account}" },
          "require": { "all": [{ "decision": read("pdp") }, { "decision": post("pdp") }, { "decision": "pdp" }] } },
        { "name": "either", "match": { "path_template": "/either/{account}" },
          "require": { "any": [{ "decision": read("pdp") }, { "decision": post("pdp") }] } },
        { "name": "single", "match": { "path_template": "/single/{account}" },
          "require": { "all": [{ "decision": read("single") }, { "decision": post("single") }] } },
    ])
}

#[test]
fn the_decisions_of_one_tree_are_asked_in_one_call() {
    for (path, answers, want) in [
        ("/both/123", [true, true, true].as_slice(), 200),
        ("/both/123", &[true, true, false], 403),
        ("/either/123", &[false, true], 200),
        ("/either/123", &[false, false], 403),
    ] {
        let mut world = World::new(1, &config(tree()));
        let evaluations: Vec<Value> = answers
            .iter()
            .map(|decision| json!({ "decision": decision }))
            .collect();
        world.issuer(BATCH, says(&json!({ "evaluations": evaluations })));
        let id = alice(&mut world, 0, path);
        world.pass(Duration::from_secs(1));
        assert_eq!(world.status(id), want, "{path} {answers:?}");
        assert_eq!(world.fetched, [BATCH]);
        let asked: Value = serde_json::from_str(&world.bodies[0]).unwrap();
        let asked = asked["evaluations"].as_array().unwrap();
        assert_eq!(asked.len(), answers.len());
        assert_eq!(
            asked[0]["action"],
            json!({ "name": "can_read", "properties": { "method": "GET" } })
        );
        assert_eq!(asked[0]["resource"]["type"], "account");
        assert_eq!(asked[0]["resource"]["id"], "123");
        assert_eq!(asked[0]["resource"]["properties"]["path"], path);
        assert_eq!(asked[1]["resource"]["id"], "main");
        assert_eq!(asked[1]["subject"], asked[0]["subject"]);
    }
    // Each is kept for itself: what the first request learnt decides the second.
    let mut world = World::new(1, &config(tree()));
    let answer = json!({ "evaluations": [{ "decision": true }, { "decision": true }] });
    world.issuer(BATCH, says(&answer));
    let first = alice(&mut world, 0, "/either/123");
    world.pass(Duration::from_millis(200));
    let second = alice(&mut world, 0, "/either/123");
    assert_eq!((world.status(first), world.status(second)), (200, 200));
    assert_eq!(world.fetched.len(), 1);
}

#[test]
fn without_a_batch_one_decision_follows_the_other() {
    let mut world = World::new(1, &config(tree()));
    world.issuer(PDP, says(&json!({ "decision": true })));
    let id = alice(&mut world, 0, "/single/123");
    world.pass(Duration::from_secs(1));
    assert_eq!(world.status(id), 200);
    assert_eq!(world.fetched, [PDP, PDP]);
}

#[test]
fn a_batch_that_cannot_be_read_permits_nothing() {
    for answer in [
        json!({ "evaluations": [{ "decision": true }] }),
        json!({ "decision": true }),
        json!({ "evaluations": [true, true] }),
    ] {
        let mut world = World::new(1, &config(tree()));
        world.issuer(BATCH, says(&answer));
        let id = alice(&mut world, 0, "/either/123");
        world.pass(Duration::from_secs(1));
        assert_eq!(world.status(id), 503, "{answer}");
    }
}

/// What is told of a caller is kept for as long as directories say the same, and no longer.
#[test]
fn what_a_directory_takes_away_is_told_no_more() {
    let rules = json!([
        { "match": { "path": "/groups" }, "require": "user", "resolve": ["groups"] },
        { "match": { "path": "/all" }, "require": "user", "resolve": ["groups", "permissions"] },
    ]);
    let mut config = config(rules);
    config["providers"]["keys"]["groups"] =
        json!([{ "static": ["own"] }, { "directory": "people" }]);
    config["directories"]["people"]["cache_duration"] = json!("10s");
    let mut world = World::new(1, &config);
    let listed = |groups: Value, permissions: Value| {
        says(&json!({ "groups": groups, "permissions": permissions }))
    };
    for (mood, groups, permissions) in [
        (listed(json!(["a"]), json!(["p"])), "own,a", Some("p")),
        (listed(json!([]), json!([])), "own", None),
        (listed(json!(["b", "own", "a"]), json!([])), "own,b,a", None),
        (listed(json!([]), json!(["q"])), "own", Some("q")),
    ] {
        world.issuer(PEOPLE, mood);
        for _ in 0..3 {
            for (path, permissions) in [("/groups", None), ("/all", permissions)] {
                let id = alice(&mut world, 0, path);
                world.pass(Duration::from_secs(1));
                let Fate::Forwarded(set, _) = world.fate(id) else {
                    panic!("{:?}", world.fate(id));
                };
                assert_eq!(set["x-auth-groups"], groups, "{path}");
                assert_eq!(
                    set.get("x-auth-permissions").map(String::as_str),
                    permissions,
                    "{path}"
                );
            }
        }
        world.pass(Duration::from_secs(11));
    }
}

under_jumps!(
    "directories.rs",
    [
        the_profile_goes_upstream_where_the_rule_has_looked,
        what_a_rule_promises_the_upstream_is_had_or_the_request_waits_for_better_times,
        requests_in_every_vm_make_one_question,
        the_decisions_of_one_tree_are_asked_in_one_call,
        without_a_batch_one_decision_follows_the_other,
        a_batch_that_cannot_be_read_permits_nothing,
        what_a_directory_takes_away_is_told_no_more,
    ],
    by_date: [],
);
