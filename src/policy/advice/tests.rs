use serde_json::{Value, json};

use crate::capabilities::Capabilities;
use crate::policy::Policy;
use crate::policy::readings::tests::config;

/// What is said of a configuration with these rules and `paths`.
fn advice(paths: &Value, rules: &Value) -> Vec<String> {
    let config = config(paths, rules);
    let advice = Policy::compile(&config, &Capabilities::envoy())
        .unwrap()
        .advice(&config);
    advice.iter().map(ToString::to_string).collect()
}

/// That this is all that is said, each by how it begins.
#[track_caller]
fn says(paths: Value, rules: Value, wanted: &[&str]) {
    let said = advice(&paths, &rules);
    let fits = said
        .iter()
        .zip(wanted)
        .all(|(said, want)| said.starts_with(want));
    assert!(
        fits && said.len() == wanted.len(),
        "{paths} {rules}: {said:#?}"
    );
}

#[test]
fn a_rule_for_head_behind_one_for_get_is_named() {
    let rules = |second: Value| {
        json!([
            { "name": "read", "match": { "path_prefix": "/a", "methods": ["GET"] }, "require": "user" },
            second,
        ])
    };
    let head =
        json!({ "match": { "path_prefix": "/a/b", "methods": ["HEAD"] }, "require": "user" });
    let want = "rules[1].match.methods: no HEAD request comes here: read is for GET";
    says(json!({}), rules(head), &[want]);
    let some =
        json!({ "match": { "path_prefix": "/a", "methods": ["POST", "HEAD"] }, "require": "user" });
    says(json!({}), rules(some), &[want]);
    let other = json!({ "match": { "path_prefix": "/b", "methods": ["HEAD"] }, "require": "user" });
    says(json!({}), rules(other), &[]);
}

#[test]
fn a_rule_that_a_form_steps_over_is_named() {
    let rules = |post: Value, method: &str| {
        json!([
            { "match": { "path_prefix": "/a", "methods": [method] }, "require": { "scopes": ["x"] } },
            { "name": "write", "match": { "path_prefix": "/a", "methods": ["POST"] }, "require": post },
        ])
    };
    for method in ["PUT", "PATCH", "DELETE"] {
        let want = format!(
            "rules[0].require: {method} may be named by a form that is sent with POST, which comes to write"
        );
        says(json!({}), rules(json!("user"), method), &[&want]);
        says(
            json!({}),
            rules(json!({ "scopes": ["y"] }), method),
            &[&want],
        );
        says(json!({}), rules(json!({ "scopes": ["x"] }), method), &[]);
        says(json!({}), rules(json!("deny"), method), &[]);
    }
    says(json!({}), rules(json!("user"), "GET"), &[]);
}

#[test]
fn an_exact_path_before_another_rule_is_named() {
    let rules = |path: &str, rest: &str| {
        json!([
            { "name": "health", "match": { "path": path }, "require": "public" },
            { "name": "rest", "match": { "path_prefix": "/" }, "require": rest },
        ])
    };
    let want =
        "rules[0].match.path: a request for /healthz/ is refused: it may be one for rest too";
    says(json!({}), rules("/healthz", "user"), &[want]);
    says(json!({}), rules("/healthz", "optional"), &[want]);
    says(json!({}), rules("/", "user"), &[]);
    for word in ["strip", "distinct", "same", "refuse"] {
        says(
            json!({ "trailing_slash": word }),
            rules("/healthz", "user"),
            &[],
        );
    }
}

#[test]
fn a_rule_that_a_suffix_leads_past_is_named_until_the_configuration_says_what_they_are() {
    let rules = json!([
        { "match": { "path_prefix": "/admin" }, "require": "deny" },
        { "match": { "path_template": "/users/{user}/keys" }, "require": { "scopes": ["keys"] } },
        { "match": { "path_template": "/files/{name}" }, "require": "deny" },
        { "match": { "path_prefix": "/open" }, "require": "public" },
        { "name": "rest", "match": { "hosts": ["*.example"] }, "require": "user" },
        { "match": { "path_regex": "/x[0-9]" }, "require": "deny" },
        { "name": "all", "match": {}, "require": "user" },
    ]);
    let wanted = [
        "rules[0].match: /admin.json comes to all, and some frameworks serve /admin under it",
        "rules[1].match: /users/x/keys.json comes to all",
    ];
    says(json!({}), rules.clone(), &wanted);
    for word in ["distinct", "same_rule"] {
        says(json!({ "suffixes": word }), rules.clone(), &[]);
    }
}

#[test]
fn a_rule_whose_own_requests_are_refused_is_named() {
    let ports = json!([
        { "name": "a", "match": { "hosts": ["a.example:8443"] }, "require": "deny" },
        { "name": "b", "match": { "hosts": ["a.example:9443"] }, "require": "user" },
        { "name": "c", "match": { "hosts": ["a.example"] }, "require": "user" },
    ]);
    let wanted = [
        "rules[1].match: a request such as GET / of a.example:9443 is refused as ambiguous: \"GET / of a.example:*\" comes to a",
        "rules[2].match: a request such as GET / of a.example is refused as ambiguous: \"GET / of a.example:*\" comes to a",
    ];
    says(json!({}), ports, &wanted);
    let decided =
        json!([{ "match": { "path": "/shop.Orders/Get" }, "require": { "decision": "pdp" } }]);
    let want = "rules[0].match: a request such as GET /shop.Orders/Get is refused as ambiguous, because a decision point is asked";
    says(json!({}), decided.clone(), &[want]);
    says(json!({ "case": "distinct" }), decided.clone(), &[]);
    says(json!({ "decision": "each" }), decided, &[]);
    let wide = json!([{ "match": { "path_prefix": "/a" }, "require": { "decision": "pdp" } }]);
    let want = "rules[0].require: a decision point is asked, and requests whose path has capital letters are refused";
    says(json!({}), wide.clone(), &[want]);
    says(json!({ "case": "distinct" }), wide.clone(), &[]);
    says(json!({ "decision": "each" }), wide, &[]);
}
