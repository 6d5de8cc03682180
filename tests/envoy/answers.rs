//! The table of answers, row by row, as HTTP and as gRPC.

use crate::lab::{Exchange, Lab, SHARED};
use lab::client::Request;
use lab::envoy::Filter;
use lab::issuer::Issuer;
use serde_json::json;

const INVALID_REQUEST: Option<&str> = Some(", error=\"invalid_request\"");

#[test]
fn without_a_credential_one_is_asked_for() {
    for request in [
        Request::get("/user"),
        Request::get("/user").header("authorization", "Basic YTpi"),
        Request::get("/user").header("authorization", "Negotiate abc"),
        Request::get("/user").header("authorization", ""),
        Request::get("/user").header("proxy-authorization", "Bearer a.b.c"),
        Request::get("/user?access_token=a.b.c"),
        Request::get("/user").header("cookie", "session=a.b.c"),
        Request::post("/admin", "{}"),
    ] {
        SHARED
            .send(request)
            .refused(401, Some(""), "Authentication required");
    }
}

#[test]
fn a_scheme_with_nothing_behind_it_is_a_malformed_request() {
    for value in ["Bearer", "Bearer ", "bearer", "Bearer\tabc"] {
        println!("{value}");
        SHARED
            .send(Request::get("/user").header("authorization", value))
            .refused(400, INVALID_REQUEST, "Malformed credentials");
    }
}

#[test]
fn a_token_that_nobody_can_read_is_no_valid_token_and_is_told_why() {
    let segments = "it is not three segments of base64url";
    for (value, fault) in [
        ("Bearer =", segments),
        ("Bearer a b", segments),
        ("Bearer abc", segments),
        ("Bearer a.b", segments),
        ("Bearer a.b.c", segments),
        ("Bearer e30.e30.AA.AA.AA", "it is encrypted"),
        ("Bearer \u{e9}.b.c", segments),
        (
            "Bearer e30.e30.AA",
            "its header is not a JSON object with an alg and without repeated members",
        ),
    ] {
        println!("{value}");
        SHARED
            .send(Request::get("/user").header("authorization", value))
            .invalid_token(&format!("the token is malformed: {fault}"));
    }
    for (claims, fault) in [
        (
            json!({ "exp": "4102444800" }),
            "the claim exp is not a number",
        ),
        (json!({ "sub": 7 }), "the claim sub is not text"),
    ] {
        let token = SHARED.token(claims);
        SHARED
            .send(Request::get("/user").bearer(&token))
            .invalid_token(&format!("the token is malformed: {fault}"));
    }
    // A machine is named by its client.
    let token = SHARED.token(json!({ "sub": null, "client_id": "machine" }));
    SHARED.send(Request::get("/user").bearer(&token)).passed();
}

/// Envoy joins the values of a repeated `Authorization` with a comma before any filter sees it.
#[test]
fn two_credentials_are_refused_even_where_both_are_good() {
    let token = SHARED.token(json!({}));
    let rows = [
        Request::get("/user").bearer(&token).bearer(&token),
        Request::get("/user")
            .bearer(&token)
            .header("AUTHORIZATION", "Basic YTpi"),
        Request::get("/optional")
            .header("authorization", "Basic YTpi")
            .bearer(&token),
        Request::get("/user").header("authorization", format!("Bearer {token}, Bearer {token}")),
    ];
    for request in rows {
        SHARED
            .send(request)
            .refused(400, INVALID_REQUEST, "Malformed credentials");
    }
}

#[test]
fn the_scheme_is_read_without_case() {
    let token = SHARED.token(json!({}));
    for scheme in ["bearer", "BEARER", "bEaReR "] {
        SHARED
            .send(Request::get("/user").header("authorization", format!("{scheme} {token}")))
            .passed();
    }
}

#[test]
fn a_caller_who_may_not_is_told_so() {
    let token = SHARED.token(json!({ "groups": ["staff"], "scope": "profile" }));
    let rows = [
        ("/admin", ", error=\"insufficient_scope\""),
        (
            "/orders",
            ", error=\"insufficient_scope\", scope=\"orders:read orders:write\"",
        ),
        (
            "/all",
            ", error=\"insufficient_scope\", scope=\"orders:read\"",
        ),
    ];
    for (path, challenge) in rows {
        SHARED.send(Request::get(path).bearer(&token)).refused(
            403,
            Some(challenge),
            "Operation not allowed",
        );
    }
}

#[test]
fn where_no_rule_matches_nobody_passes() {
    let token = SHARED.token(json!({ "groups": ["admin"] }));
    for path in ["/", "/nowhere", "/userx", "/closed", "/closed/x"] {
        for request in [Request::get(path), Request::get(path).bearer(&token)] {
            SHARED
                .send(request)
                .refused(403, None, "Operation not allowed");
        }
    }
}

#[test]
fn a_path_with_two_readings_is_refused() {
    SHARED
        .send(Request::get("/user/%2e%2e/admin").bearer(&SHARED.token(json!({}))))
        .refused(400, None, "Malformed path");
}

#[test]
fn a_grpc_call_gets_the_status_of_its_own() {
    let token = SHARED.token(json!({}));
    let rows = [
        (Request::post("/user", ""), "16"),
        (
            Request::post("/user", "").header("authorization", "Bearer ="),
            "16",
        ),
        (Request::post("/user", "").bearer("a.b.c"), "16"),
        (
            Request::post("/user", "").header("authorization", "Bearer"),
            "3",
        ),
        (Request::post("/admin", "").bearer(&token), "7"),
        (Request::post("/nowhere", ""), "7"),
        (Request::post("/user/../x", ""), "3"),
    ];
    for (request, status) in rows {
        let seen = SHARED.send(request.header("content-type", "application/grpc"));
        grpc(&seen, status);
    }
}

/// A gRPC call is answered with HTTP 200 and its status in the headers; Envoy makes the body its message.
fn grpc(seen: &Exchange, status: &str) {
    assert!(seen.upstream.is_none());
    let answer = &seen.answer;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("content-type").unwrap(), "application/grpc");
    assert_eq!(answer.header("grpc-status").unwrap(), status);
    let message = answer.header("grpc-message").unwrap();
    assert!(message.starts_with(r#"{"detail":""#), "{message}");
    assert!(answer.body.is_empty());
}

#[test]
fn the_challenge_leads_to_the_resources_metadata() {
    let url = "https://api.example/.well-known/oauth-protected-resource";
    let policy = |mode: &str| {
        Filter::json(json!({
            "mode": mode,
            "providers": { "partner": {
                "kind": "jwt",
                "issuer": "https://issuer.example",
                "audiences": ["orders"],
                "jwks": { "uri": "http://issuer.example/jwks.json", "upstream": "issuer" },
            } },
            "resource_metadata": {
                "resource": "https://api.example",
                "authorization_servers": ["https://issuer.example"],
            },
            "rules": [{ "match": {}, "require": "user" }],
        }))
    };
    let issuer = Issuer::start(&[]).unwrap();
    let lab = Lab::start(&issuer, policy("enforce"), |config| {
        config.and_listener(policy("disabled"))
    });
    let refused = lab.send(Request::get("/orders"));
    assert_eq!(refused.answer.status, 401);
    assert_eq!(
        refused.answer.header("www-authenticate").unwrap(),
        format!("Bearer realm=\"api\", resource_metadata=\"{url}\"")
    );
    let target = url.strip_prefix("https://api.example").unwrap();
    let found = lab.send(Request::get(target)).answer;
    assert_eq!(found.status, 200);
    assert_eq!(found.header("content-type").unwrap(), "application/json");
    assert_eq!(found.header("access-control-allow-origin").unwrap(), "*");
    assert_eq!(
        found.json().unwrap(),
        json!({
            "resource": "https://api.example",
            "bearer_methods_supported": ["header"],
            "authorization_servers": ["https://issuer.example"],
        })
    );
    let head = lab.send(Request::new("HEAD", target)).answer;
    assert_eq!((head.status, head.body.len()), (200, 0));
    assert_eq!(lab.send(Request::post(target, "")).answer.status, 401);
    // Disabled, the filter answers nothing.
    lab.send_to(1, Request::get(target)).passed();
}
