//! Where tokens stand besides `Authorization: Bearer`, and what is left of the request without them.

use crate::lab::{Lab, claims, provider, upgrade_to_websockets};
use lab::client::Request;
use lab::envoy::Filter;
use lab::issuer::{Issuer, SigningKey};
use lab::tools::ensure_venv;
use serde_json::{Value, json};
use std::sync::LazyLock;

struct Places {
    lab: Lab,
    key: SigningKey,
    _issuer: Issuer,
}

static PLACES: LazyLock<Places> = LazyLock::new(|| {
    let key = SigningKey::es256("a");
    let issuer = Issuer::start(&[&key]).unwrap();
    let mut users = provider(&issuer, json!({}));
    users["from_headers"] = json!([
        { "name": "authorization", "value_prefix": "Bearer " },
        { "name": "x-token" },
        { "name": "x-assertion", "value_prefix": "jwt=" },
    ]);
    users["from_params"] = json!(["access_token"]);
    users["from_cookies"] = json!(["session"]);
    users["from_websocket_protocol"] = json!(true);
    let mut kept = users.clone();
    kept["issuer"] = json!("https://kept.example");
    kept["forward"] = json!(true);
    let filter = Filter::json(json!({
        "providers": { "users": users, "kept": kept },
        "bypass_cors_preflight": true,
        "rules": [
            { "match": { "path_prefix": "/public" }, "require": "public" },
            { "match": { "path_prefix": "/" }, "require": "user" },
        ],
    }));
    let lab = Lab::start(&issuer, filter, |config| config.edit(upgrade_to_websockets));
    Places {
        lab,
        key,
        _issuer: issuer,
    }
});

fn token(extra: Value) -> String {
    PLACES.key.sign(json!({}), &claims(extra))
}

#[test]
fn a_token_is_found_at_each_place_and_taken_out() {
    let token = token(json!({}));
    let bearer = format!("Bearer {token}");
    type Row = (
        Request,
        &'static str,
        &'static [(&'static str, Option<&'static str>)],
    );
    let rows: [Row; 8] = [
        (
            Request::get("/a?x=%20&y").header("authorization", &bearer),
            "/a?x=%20&y",
            &[("authorization", None)],
        ),
        (
            Request::get("/a").header("X-Token", &token),
            "/a",
            &[("x-token", None)],
        ),
        (
            Request::get("/a").header("x-assertion", format!("jwt={token}")),
            "/a",
            &[("x-assertion", None)],
        ),
        (
            Request::get(format!("/a%20b?x=%2f&access_token={token}&y=1&&z")),
            "/a%20b?x=%2f&y=1&&z",
            &[],
        ),
        (
            Request::get("/a").header("cookie", format!("a=\"1\"; session={token};  b=2")),
            "/a",
            &[("cookie", Some("a=\"1\";  b=2"))],
        ),
        (
            Request::get("/a").header("sec-websocket-protocol", format!("chat, bearer, {token}")),
            "/a",
            &[("sec-websocket-protocol", Some("chat, bearer"))],
        ),
        // In several headers of one name none is forgotten.
        (
            Request::get("/a")
                .header("cookie", "a=1")
                .header("cookie", format!("session={token}"))
                .header("cookie", "b=2"),
            "/a",
            &[("cookie", Some("a=1; b=2"))],
        ),
        (
            Request::get("/a")
                .header("sec-websocket-protocol", "chat, bearer")
                .header("sec-websocket-protocol", &token),
            "/a",
            &[("sec-websocket-protocol", Some("chat, bearer"))],
        ),
    ];
    for (request, target, headers) in rows {
        let exchange = PLACES.lab.send(request);
        let upstream = exchange.passed();
        assert_eq!(upstream.target, target);
        assert_eq!(upstream.header("x-auth-user-id").as_deref(), Some("u-1"));
        for (name, value) in headers {
            assert_eq!(upstream.header(name).as_deref(), *value, "{name}");
        }
        let whole = format!("{upstream:?}");
        assert!(!whole.contains(&token), "{whole}");
    }
}

#[test]
fn a_credential_that_is_to_be_forwarded_stays_where_it_is() {
    let token = token(json!({ "iss": "https://kept.example" }));
    let target = format!("/a?access_token={token}&x");
    let exchange = PLACES.lab.send(Request::get(&target));
    assert_eq!(exchange.passed().target, target);
    let cookie = format!("a=1; session={token}");
    let exchange = PLACES
        .lab
        .send(Request::get("/a").header("cookie", &cookie));
    assert_eq!(exchange.passed().header("cookie"), Some(cookie));
}

#[test]
fn one_credential_in_the_whole_request() {
    let token = token(json!({}));
    let session = format!("session={token}");
    let rows = [
        Request::get("/a?access_token=x").bearer(&token),
        Request::get("/a?access_token=x").header("cookie", &session),
        Request::get("/a")
            .header("x-token", &token)
            .header("x-token", &token),
        Request::get("/a").header(
            "cookie",
            format!("session=1; session=2; session=3; session=4; {session}"),
        ),
        Request::get(format!("/a?access_token={token}&access%5ftoken=x")),
        Request::get(format!("/a?access_token={token};access.token=x")),
        Request::get(format!("/a?access_token={token}&access_token[]=x")),
    ];
    let challenge = Some(", error=\"invalid_request\"");
    for request in rows {
        let exchange = PLACES.lab.send(request);
        exchange.refused(400, challenge, "Malformed credentials");
    }
    // One that is no token of theirs may be the application's own, and hides nobody.
    let own = Request::get("/a").header("cookie", &session);
    let exchange = PLACES.lab.send(own.header("x-token", "not-a-token"));
    assert_eq!(exchange.passed().header("x-token"), None);
    // One that cannot be read is no valid token; a good one in a cookie does not stand in for that of a header.
    for request in [
        Request::get("/a")
            .header("cookie", &session)
            .header("x-token", "not a token"),
        Request::get("/a").header("cookie", "session=not.a.token.at-all"),
        Request::get("/a?access_token=%ff"),
    ] {
        let fault = "the token is malformed: it is not three segments of base64url";
        PLACES.lab.send(request).invalid_token(fault);
    }
}

/// However often it is there and however its name is spelled, the upstream sees nothing of it.
#[test]
fn copies_of_a_credential_are_one_and_are_all_taken_out() {
    let token = token(json!({}));
    let cookies = format!("session={token}; a=1; Session={token}");
    let request = Request::get("/a").header("cookie", cookies);
    let cookie = PLACES.lab.send(request).passed().header("cookie");
    assert_eq!(cookie.as_deref(), Some("a=1"));
    let target =
        format!("/a?access_token={token};b=2&access.token={token}&access_token[]={token}&c");
    let exchange = PLACES.lab.send(Request::get(target));
    assert_eq!(exchange.passed().target, "/a?b=2&c");
}

#[test]
fn a_place_without_a_token_is_none() {
    for request in [
        Request::get("/a").header("cookie", "session=; a=1"),
        Request::get("/a").header("cookie", "sessions=x"),
        Request::get("/a?access_token="),
        Request::get("/a").header("x-assertion", "something else"),
        Request::get("/a").header("sec-websocket-protocol", "chat"),
    ] {
        let exchange = PLACES.lab.send(request);
        exchange.refused(401, Some(""), "Authentication required");
    }
    // An open path looks at none of it, and changes none of it.
    let open = PLACES
        .lab
        .send(Request::get("/public?access_token=x").header("cookie", "session=x"));
    assert_eq!(open.passed().target, "/public?access_token=x");
    assert_eq!(open.passed().header("cookie").as_deref(), Some("session=x"));
}

#[test]
fn a_websocket_is_opened_with_a_token_among_its_subprotocols() {
    let upgrade = |protocol: &str| {
        Request::get("/chat")
            .header("connection", "Upgrade")
            .header("upgrade", "websocket")
            .header("sec-websocket-version", "13")
            .header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==")
            .header("sec-websocket-protocol", protocol)
    };
    let token = token(json!({}));
    // The upstream of the laboratory speaks no WebSocket: it answers the request that it got.
    let opened = PLACES.lab.send(upgrade(&format!("bearer, {token}")));
    let upstream = opened
        .upstream
        .expect("the upgrade has reached the upstream");
    assert_eq!(upstream.header("upgrade").as_deref(), Some("websocket"));
    assert_eq!(
        upstream.header("sec-websocket-protocol").as_deref(),
        Some("bearer")
    );
    assert_eq!(upstream.header("x-auth-user-id").as_deref(), Some("u-1"));
    let challenge = ", error=\"invalid_request\"";
    PLACES
        .lab
        .send(upgrade("bearer"))
        .refused(400, Some(challenge), "Malformed credentials");
    PLACES
        .lab
        .send(upgrade("chat"))
        .refused(401, Some(""), "Authentication required");
}

#[test]
fn a_preflight_request_needs_no_credential() {
    let preflight = |method: &str| {
        Request::new(method, "/a")
            .header("origin", "https://app.example")
            .header("access-control-request-method", "PUT")
            .header("x-auth-user-id", "admin")
    };
    let passed = PLACES.lab.send(preflight("OPTIONS"));
    assert_eq!(passed.passed().header("x-auth-user-id"), None);
    PLACES
        .lab
        .send(preflight("PUT"))
        .refused(401, Some(""), "Authentication required");
    let bare = Request::new("OPTIONS", "/a").header("origin", "https://app.example");
    PLACES
        .lab
        .send(bare)
        .refused(401, Some(""), "Authentication required");
}

/// What HTTP/2 does differently: cookies in crumbs, one connection for many requests, gRPC with its trailers.
#[test]
fn over_http_2_it_is_the_same() {
    const SCRIPT: &str = r#"
import httpx, json, sys
base, token = sys.argv[1:]
out = []
with httpx.Client(http1=False, http2=True) as client:
    for method, path, headers in [
        ("GET", "/a", []),
        ("GET", "/a", [("authorization", "Bearer " + token)]),
        ("GET", "/a", [("cookie", "a=1"), ("cookie", "session=" + token), ("cookie", "b=2")]),
        ("GET", "/a", [("authorization", "Bearer " + token), ("authorization", "Bearer " + token)]),
        ("POST", "/pkg.Service/Method", [("content-type", "application/grpc")]),
        ("POST", "/pkg.Service/Method", [("content-type", "application/grpc"), ("authorization", "Bearer x")]),
    ]:
        answer = client.request(method, base + path, headers=headers)
        seen = dict(json.loads(answer.text)["headers"]) if "target" in answer.text else {}
        out.append([answer.http_version, answer.status_code, answer.headers.get("grpc-status"), seen.get("cookie"), seen.get("x-auth-user-id")])
print(json.dumps(out))
"#;
    let venv = ensure_venv().unwrap();
    let base = format!("http://{}", PLACES.lab.envoy.addr());
    let out = venv.script(SCRIPT, &[&base, &token(json!({}))]).unwrap();
    let rows: Value = serde_json::from_str(&out).unwrap();
    let h2 = "HTTP/2";
    assert_eq!(
        rows,
        json!([
            [h2, 401, null, null, null],
            [h2, 200, null, null, "u-1"],
            [h2, 200, null, "a=1; b=2", "u-1"],
            [h2, 400, null, null, null],
            [h2, 200, "16", null, null],
            [h2, 200, "16", null, null],
        ])
    );
}
