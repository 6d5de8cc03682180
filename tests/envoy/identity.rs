//! What the upstream is told about the caller, and by whom.

use crate::lab::{Exchange, SHARED, claims};
use lab::client::Request;
use lab::server::Received;
use serde_json::{Value, json};

/// The listeners of [`SHARED`].
const ENFORCE: usize = 0;
const SHADOW: usize = 1;
const DISABLED: usize = 2;

/// Every header that the configuration can set.
const OWNED: [&str; 15] = [
    "x-auth-user-id",
    "x-auth-user-name",
    "x-auth-user-email",
    "x-auth-groups",
    "x-auth-roles",
    "x-auth-permissions",
    "x-auth-scopes",
    "x-auth-provider",
    "x-auth-client-id",
    "x-auth-m2m",
    "x-auth-shadow",
    "x-tenant",
    "x-tags",
    "x-level",
    "x-jwt-payload",
];

/// The headers that speak for the filter, in whatever spelling they arrived.
fn owned(request: &Received) -> Vec<String> {
    let headers = request.headers.iter().chain(&request.trailers);
    headers
        .map(|(name, _)| name.to_ascii_lowercase().replace('_', "-"))
        .filter(|name| OWNED.contains(&name.as_str()))
        .collect()
}

/// The same request with every owned header forged, in several spellings, twice.
fn forged(mut request: Request) -> Request {
    for name in OWNED {
        request = request
            .header(name, "evil")
            .header(name.to_ascii_uppercase(), "evil")
            .header(name.replace('-', "_"), "evil")
            .header(name.replacen("x-", "X_", 1), "");
    }
    request
}

#[test]
fn a_client_never_speaks_for_the_filter() {
    let token = SHARED.token(json!({}));
    let rows: [(usize, &str, Option<&str>, &[&str]); 9] = [
        (ENFORCE, "/public", None, &[]),
        (ENFORCE, "/public", Some(&token), &[]),
        (ENFORCE, "/optional", None, &[]),
        (ENFORCE, "/methods", None, &[]),
        (SHADOW, "/public", None, &[]),
        (SHADOW, "/user", None, &["x-auth-shadow"]),
        (SHADOW, "/nowhere", Some(&token), &["x-auth-shadow"]),
        (DISABLED, "/user", None, &[]),
        (DISABLED, "/a/../%2f", None, &[]),
    ];
    for (listener, path, token, want) in rows {
        println!("{listener} {path} {token:?}");
        let request = forged(Request::get(path));
        let request = match token {
            Some(token) => request.bearer(token),
            None => request,
        };
        let seen = SHARED.lab.send_to(listener, request);
        assert_eq!(owned(seen.passed()), want);
        assert!(!format!("{:?}", seen.passed()).contains("evil"));
    }
}

#[test]
fn a_caller_replaces_what_the_client_claimed() {
    for (listener, path) in [
        (ENFORCE, "/user"),
        (ENFORCE, "/optional"),
        (SHADOW, "/user"),
    ] {
        let request = forged(Request::get(path)).bearer(&SHARED.token(json!({})));
        let seen = SHARED.lab.send_to(listener, request);
        let want = [
            "x-auth-user-id",
            "x-auth-user-name",
            "x-auth-provider",
            "x-jwt-payload",
        ];
        assert_eq!(owned(seen.passed()), want);
        assert!(!seen.answer.text().contains("evil"));
    }
}

#[test]
fn trailers_do_not_speak_for_the_filter_either() {
    let body =
        "3\r\nabc\r\n0\r\nx-auth-user-id: evil\r\nX_AUTH_GROUPS: evil\r\nx-checksum: 1\r\n\r\n";
    let request = |path| Request::post(path, body).header("transfer-encoding", "chunked");
    let token = SHARED.token(json!({}));
    for (listener, request) in [
        (ENFORCE, request("/public")),
        (ENFORCE, request("/user").bearer(&token)),
        (SHADOW, request("/user")),
        (DISABLED, request("/user")),
    ] {
        let seen = SHARED.lab.send_to(listener, request);
        let names: Vec<_> = seen
            .passed()
            .trailers
            .iter()
            .map(|(name, _)| name)
            .collect();
        assert_eq!(names, ["x-checksum"]);
        assert_eq!(seen.passed().body, b"abc");
    }
}

fn sent(extra: Value) -> Exchange {
    SHARED.send(Request::get("/user").bearer(&SHARED.token(extra)))
}

#[test]
fn the_upstream_learns_who_calls() {
    let payload = json!({
        "sub": "u 1", "preferred_username": "Zoë", "email": "zoe@example.com",
        "groups": ["admin", "a,b", "100%", "staff"], "realm_access": { "roles": ["analyst"] },
        "scope": "orders:read profile", "azp": "app", "tenant_id": "t\r\nx-evil: 1",
        "tags": ["a", "b,c"], "level": 7,
    });
    let seen = sent(payload);
    let rows = [
        ("x-auth-user-id", "u%201"),
        ("x-auth-user-name", "Zo%C3%AB"),
        ("x-auth-user-email", "zoe@example.com"),
        ("x-auth-groups", "admin,a%2Cb,100%25,staff"),
        ("x-auth-roles", "analyst"),
        ("x-auth-permissions", "user.create"),
        ("x-auth-scopes", "orders:read,profile"),
        ("x-auth-provider", "users"),
        ("x-auth-client-id", "app"),
        ("x-tenant", "t%0D%0Ax-evil:%201"),
        ("x-tags", "a,b%2Cc"),
        ("x-level", "7"),
    ];
    for (name, value) in rows {
        assert_eq!(seen.passed().header_all(name), [value], "{name}");
    }
    assert!(seen.passed().header("x-evil").is_none());
    assert!(seen.passed().header("x-auth-m2m").is_none());
}

#[test]
fn the_payload_header_is_the_token_s_own_payload() {
    let token = SHARED.token(json!({ "name": "ö" }));
    let seen = SHARED.send(Request::get("/user").bearer(&token));
    let payload = token.split('.').nth(1).unwrap();
    assert_eq!(seen.passed().header("x-jwt-payload").unwrap(), payload);
}

#[test]
fn the_credential_stays_here_unless_it_is_to_be_forwarded() {
    let seen = sent(json!({}));
    assert!(seen.passed().header("authorization").is_none());
    let partner = claims(json!({ "iss": "https://partner.example" }));
    let token = SHARED.rs256.sign(json!({ "typ": "at+jwt" }), &partner);
    let seen = SHARED.send(Request::get("/partner").bearer(&token));
    let forwarded = seen.passed().header("authorization").unwrap();
    assert_eq!(forwarded, format!("Bearer {token}"));
}

#[test]
fn what_shadow_mode_would_answer_is_told_upstream() {
    let expired = SHARED.token(json!({ "exp": 1 }));
    let rows = [
        (Request::get("/user"), "missing;status=401"),
        (Request::get("/user").bearer(&expired), "expired;status=401"),
        (Request::get("/nowhere"), "no_rule;status=403"),
        (Request::get("/user/%2e%2e/"), "malformed_path;status=400"),
    ];
    for (request, want) in rows {
        let seen = SHARED.lab.send_to(SHADOW, request);
        assert_eq!(seen.passed().header("x-auth-shadow").unwrap(), want);
    }
}

#[test]
fn a_body_goes_through_whole_and_only_behind_a_grant() {
    let body = "x".repeat(300_000);
    let token = SHARED.token(json!({}));
    let seen = SHARED.send(Request::post("/user", &body).bearer(&token));
    assert_eq!(seen.passed().body, body.as_bytes());
    SHARED
        .send(Request::post("/user", "small"))
        .refused(401, Some(""), "Authentication required");
}
