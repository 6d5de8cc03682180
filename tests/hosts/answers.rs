//! The table of answers, on every host.

use serde_json::{Value, json};

use crate::fixture::{inline, token};
use crate::message::Request;
use crate::personality::Personality;
use crate::process::Process;

/// Status, challenge and body of a refusal.
type Refusal = (u16, &'static str, &'static str);

fn refusals() -> Vec<(&'static str, Request, Refusal)> {
    let api = || Request::get("/api");
    let with = |extra: Value| api().bearer(&token(&extra));
    let invalid = "Invalid token";
    vec![
        (
            "no credential",
            api(),
            (401, "Bearer realm=\"api\"", "Authentication required"),
        ),
        (
            "an expired token",
            with(json!({ "exp": 1_000_000_000 })),
            (
                401,
                "Bearer realm=\"api\", error=\"invalid_token\", error_description=\"the token has expired\"",
                invalid,
            ),
        ),
        (
            "a rule that lets nobody pass",
            Request::get("/closed").bearer(&token(&json!({}))),
            (403, "", "Operation not allowed"),
        ),
        (
            "no rule",
            Request::get("/nowhere").bearer(&token(&json!({}))),
            (403, "", "Operation not allowed"),
        ),
    ]
}

#[test]
fn each_refusal_is_the_same_on_each_host() {
    for host in Personality::ALL {
        let mut process = Process::start(host, 1, &inline());
        for (what, request, (status, challenge, detail)) in refusals() {
            let id = process.ask(request);
            let answer = process.refused(id);
            let challenges: Vec<_> = answer
                .headers
                .iter()
                .filter(|(name, _)| name == "www-authenticate")
                .map(|(_, value)| value.as_str())
                .collect();
            assert_eq!(answer.status, status, "{host:?}: {what}");
            assert_eq!(challenges.join(" | "), challenge, "{host:?}: {what}");
            let body = json!({ "detail": detail }).to_string();
            assert_eq!(answer.body.trim_end(), body, "{host:?}: {what}");
        }
        process.is_sound();
    }
}

#[test]
fn a_good_token_passes_and_names_its_bearer() {
    for host in Personality::ALL {
        let mut process = Process::start(host, 1, &inline());
        let token = token(&json!({ "groups": ["admin", "a,b"] }));
        let id = process.ask(Request::get("/admin/users?x=1").bearer(&token));
        assert_eq!(
            process.upstream(id, "x-auth-user-id"),
            ["alice"],
            "{host:?}"
        );
        assert_eq!(
            process.upstream(id, "x-auth-groups"),
            ["admin,a%2Cb"],
            "{host:?}"
        );
        assert_eq!(process.upstream(id, "x-tenant"), ["t-1"], "{host:?}");
        let credential = process.upstream(id, "authorization");
        assert_eq!(
            credential.is_empty(),
            host.removes_credentials(),
            "{host:?}"
        );
        assert_eq!(process.forwarded(id).target(host), "/admin/users?x=1");
        process.is_sound();
    }
}
