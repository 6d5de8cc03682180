//! Which rule decides, and what its requirement asks.

use crate::lab::{SHARED, claims};
use lab::client::Request;
use serde_json::{Value, json};

/// What a caller with these claims gets.
fn status(path: &str, extra: Value) -> u16 {
    let seen = SHARED.send(Request::get(path).bearer(&SHARED.token(extra)));
    assert_eq!(seen.upstream.is_some(), seen.answer.status == 200, "{path}");
    seen.answer.status
}

#[test]
fn a_requirement_holds_for_whom_it_should() {
    let rows = [
        ("/admin", json!({ "groups": ["admin"] }), 200),
        (
            "/admin/x/y",
            json!({ "groups": ["staff", "moderator"] }),
            200,
        ),
        ("/admin", json!({ "groups": "admin staff" }), 200),
        ("/admin", json!({ "groups": ["Admin", "admins"] }), 403),
        ("/admin", json!({ "groups": ["admin,moderator"] }), 403),
        (
            "/admin",
            json!({ "groups": [["admin"], { "admin": true }] }),
            403,
        ),
        ("/admin", json!({ "scope": "admin" }), 403),
        (
            "/roles",
            json!({ "realm_access": { "roles": ["analyst"] } }),
            200,
        ),
        ("/roles", json!({ "groups": ["analyst"] }), 403),
        ("/create", json!({ "groups": ["admin"] }), 200),
        ("/create", json!({ "groups": ["user.create"] }), 403),
        ("/orders", json!({ "scope": "orders:write" }), 200),
        ("/orders", json!({ "scp": ["orders:read"] }), 200),
        ("/orders", json!({ "scope": "orders" }), 403),
        ("/any", json!({ "groups": ["admin"] }), 200),
        ("/any", json!({ "groups": ["staff"] }), 403),
        (
            "/all",
            json!({ "groups": ["admin"], "scope": "orders:read" }),
            200,
        ),
        ("/all", json!({ "groups": ["admin"] }), 403),
        ("/not", json!({ "groups": ["staff"] }), 200),
        ("/not", json!({}), 200),
        ("/not", json!({ "groups": ["banned"] }), 403),
        ("/closed", json!({ "groups": ["admin"] }), 403),
    ];
    for (path, extra, want) in rows {
        assert_eq!(status(path, extra.clone()), want, "{path} {extra}");
    }
}

#[test]
fn a_provider_vouches_only_where_the_rule_names_it() {
    let partner = claims(json!({ "iss": "https://partner.example" }));
    let partner = SHARED.rs256.sign(json!({ "typ": "at+jwt" }), &partner);
    for path in ["/partner", "/any", "/user"] {
        SHARED.send(Request::get(path).bearer(&partner)).passed();
    }
    SHARED
        .send(Request::get("/partner").bearer(&SHARED.token(json!({}))))
        .invalid_token("the issuer is not known");
}

#[test]
fn an_open_path_does_not_look_at_credentials() {
    let expired = SHARED.token(json!({ "exp": 1 }));
    for request in [
        Request::get("/public"),
        Request::get("/public/x?y").bearer(&expired),
        Request::get("/public//x").bearer("a"),
        Request::get("/%70ublic").header("authorization", "Bearer"),
    ] {
        SHARED.send(request).passed();
    }
}

#[test]
fn an_optional_credential_must_still_be_good() {
    SHARED.send(Request::get("/optional")).passed();
    let basic = Request::get("/optional").header("authorization", "Basic YTpi");
    SHARED.send(basic).passed();
    let good = SHARED.send(Request::get("/optional").bearer(&SHARED.token(json!({}))));
    assert_eq!(good.passed().header("x-auth-user-id").unwrap(), "u-1");
    let expired = SHARED.token(json!({ "exp": 1 }));
    SHARED
        .send(Request::get("/optional").bearer(&expired))
        .invalid_token("the token has expired");
}

#[test]
fn a_rule_counts_only_for_its_methods() {
    let rows = [
        ("GET", 200),
        ("HEAD", 200),
        ("POST", 401),
        ("PUT", 403),
        ("DELETE", 403),
        ("OPTIONS", 403),
        ("TRACE", 403),
    ];
    for (method, want) in rows {
        let seen = SHARED.send(Request::new(method, "/methods"));
        assert_eq!(seen.answer.status, want, "{method}");
        assert_eq!(seen.upstream.is_some(), want == 200, "{method}");
    }
}

#[test]
fn a_rule_counts_only_for_its_hosts() {
    let rows = [
        ("open.example", 200),
        ("OPEN.example:8080", 200),
        ("open.example.", 200),
        ("a.b.open.example", 200),
        ("closed.example", 401),
        ("notopen.example", 403),
        ("open.example.evil", 403),
        ("api.example", 403),
    ];
    for (host, want) in rows {
        let seen = SHARED.send(Request::get("/hosts").header("host", host));
        assert_eq!(seen.answer.status, want, "{host}");
    }
    // The absolute form names the host itself (RFC 9112 section 3.2.2), whatever `Host` says.
    for (target, host, want) in [
        ("http://closed.example/hosts", "open.example", 401),
        ("http://open.example/hosts", "closed.example", 200),
    ] {
        let seen = SHARED.send(Request::get(target).header("host", host));
        assert_eq!(seen.answer.status, want, "{target}");
    }
}

#[test]
fn a_caller_reaches_what_is_his_own() {
    let token = SHARED.token(json!({ "sub": "alice" }));
    for (path, status) in [
        ("/users/alice/orders", 200),
        ("/users/alice/orders/7/lines", 200),
        ("/users/%61lice/orders", 200),
        ("/users/bob/orders", 403),
        ("/users/alice;x=bob/orders", 400),
        ("/users/alice%2f..%2fbob/orders", 400),
        ("/users/alice/../bob/orders", 400),
        ("/users//orders", 403),
        ("/users/%2561lice/orders", 400),
        ("/users/alice/orders/a%2Fb", 200),
        ("/Users/alice/orders", 400),
        ("/users/alice", 403),
    ] {
        let seen = SHARED.send(Request::get(path).bearer(&token));
        assert_eq!(seen.answer.status, status, "{path}");
    }
}

#[test]
fn a_rule_counts_only_for_the_paths_of_its_expression_and_for_its_headers() {
    for (request, status) in [
        (Request::get("/files/a.txt"), 200),
        (Request::get("/files/a.txt?x=1"), 200),
        (Request::get("/files/a.txt/b"), 403),
        (Request::get("/x/files/a.txt"), 403),
        (Request::get("/files/A.txt"), 400),
        (Request::get("/x?/files/a.txt"), 403),
        (Request::get("/beta").header("x-channel", "beta"), 200),
        (Request::get("/beta").header("X-Channel", "canary"), 200),
        (Request::get("/beta").header("x-channel", "stable"), 403),
        (Request::get("/beta"), 403),
        (Request::post("/package.Orders/Get", ""), 200),
        (Request::post("/package.Orders/Delete", ""), 403),
    ] {
        let seen = SHARED.send(request.clone());
        assert_eq!(
            seen.answer.status,
            status,
            "{:?}",
            String::from_utf8_lossy(&request.to_bytes())
        );
    }
}
