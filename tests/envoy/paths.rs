//! What `paths` makes of requests, in the real Envoy: what goes upstream, and what is refused before.

use crate::lab::{Lab, SHARED, policy};
use lab::client::Request;
use lab::envoy::{EnvoyConfig, Filter};
use lab::issuer::{Issuer, SigningKey};
use lab::rego::Rego;
use serde_json::{Value, json};

fn lab(issuer: &Issuer, paths: Value, edit: impl FnOnce(EnvoyConfig) -> EnvoyConfig) -> Lab {
    let mut policy = policy(issuer, json!({}));
    policy["paths"] = paths;
    Lab::start(issuer, Filter::json(policy), edit)
}

#[test]
fn a_path_that_is_written_anew_goes_upstream_so() {
    let key = SigningKey::es256("a");
    let issuer = Issuer::start(&[&key]).unwrap();
    let paths =
        json!({ "slashes": "merge", "trailing_slash": "strip", "encoded_slashes": "decode" });
    let lab = lab(&issuer, paths, |config| config);
    let token = key.sign(json!({}), &crate::lab::claims(json!({})));
    for (target, want) in [
        ("//user//x/?a=//", "/user/x?a=//"),
        ("/user%2Fx", "/user/x"),
        ("/user", "/user"),
        ("//public/", "/public"),
    ] {
        let seen = lab.send(Request::get(target).bearer(&token));
        assert_eq!(seen.passed().target, want, "{target}");
    }
    // Without a credential it is the rule of what goes upstream that refuses.
    lab.send(Request::get("//public/..%2fuser"))
        .refused(400, None, "Malformed path");
    lab.send(Request::get("//user"))
        .refused(401, Some(""), "Authentication required");
    lab.is_sound();
}

#[test]
fn headers_that_replace_method_and_path_are_taken_out_in_every_spelling() {
    let issuer = Issuer::start(&[]).unwrap();
    let lab = lab(&issuer, json!({ "override_headers": "remove" }), |config| {
        config
    });
    let request = Request::get("/public")
        .header("X-Original-URL", "/user")
        .header("x_rewrite_url", "/user")
        .header("X-HTTP-Method-Override", "DELETE")
        .header("x-other", "stays");
    let seen = lab.send(request);
    let upstream = seen.passed();
    let names: Vec<String> = upstream
        .headers
        .iter()
        .map(|(name, _)| name.to_ascii_lowercase())
        .collect();
    assert!(names.contains(&"x-other".to_owned()), "{names:?}");
    let replaces = |name: &String| name.contains("url") || name.contains("method");
    assert!(!names.iter().any(replaces), "{names:?}");
}

#[test]
fn a_header_with_a_twin_that_cgi_takes_for_it_is_refused() {
    for more in [
        ("x_channel", "stable"),
        ("x.channel", "beta"),
        ("x-channel", "stable"),
    ] {
        let request = Request::get("/beta").header("x-channel", "beta");
        SHARED
            .send(request.header(more.0, more.1))
            .refused(400, None, "Ambiguous request");
    }
    let twice = Request::get("/beta").header("x-channel", "beta");
    SHARED.send(twice.header("x-channel", "canary")).passed();
}

#[test]
fn a_decision_point_permits_each_reading_or_none() {
    let rego = Rego::start(
        "package paths\n\nimport rego.v1\n\ndefault allow := false\n\nallow if not startswith(input.request.path, \"/admin\")\n",
    )
    .unwrap();
    let key = SigningKey::es256("a");
    let issuer = Issuer::start(&[&key]).unwrap();
    let token = key.sign(json!({}), &crate::lab::claims(json!({})));
    let statuses = |paths: Value| {
        let policy = json!({
            "paths": paths,
            "providers": { "users": crate::lab::provider(&issuer, json!({})) },
            "decisions": { "pdp": { "protocol": "opa", "uri": "http://opa/v1/data/paths/allow", "upstream": "opa", "timeout": "5s" } },
            "rules": [{ "name": "all", "match": {}, "require": { "decision": "pdp" } }],
        });
        let lab = Lab::start(&issuer, Filter::json(policy), |config| {
            config.cluster("opa", rego.addr())
        });
        [
            "/x",
            "/admin",
            "/Admin",
            "/%61dmin",
            "//x/admin",
            "/admin;x",
            "/Other",
            "/a%20b",
            "//x/y",
        ]
        .map(|path| lab.send(Request::get(path).bearer(&token)).answer.status)
    };
    assert_eq!(
        statuses(json!({})),
        [200, 403, 400, 400, 400, 400, 400, 400, 400]
    );
    assert_eq!(
        statuses(json!({ "decision": "each" })),
        [200, 403, 403, 403, 403, 403, 200, 200, 200]
    );
}
