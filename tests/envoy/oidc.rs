//! OpenID providers that none of us wrote: a certified one, and a small one.

use crate::lab::Lab;
use lab::client::Request;
use lab::echo::Echo;
use lab::envoy::{EnvoyConfig, Filter};
use lab::oidc::{FILTER, OPAQUE, ORDERS, Oidc, OidcMock, Tokens};
use lab::tools;
use serde_json::{Value, json};
use std::sync::LazyLock;

static SCENE: LazyLock<Scene> = LazyLock::new(Scene::start);

struct Scene {
    lab: Lab,
    oidc: Oidc,
    mock: OidcMock,
    alice: Tokens,
    opaque: Tokens,
    bob: Tokens,
}

impl Scene {
    fn start() -> Self {
        let (oidc, mock) = (Oidc::start().unwrap(), OidcMock::start().unwrap());
        let lab = lab(&oidc, Filter::json(policy(&oidc, &mock)), |config| {
            config.concurrency(2).cluster("mock", mock.addr())
        });
        Self {
            alice: oidc.sign_in("alice", ORDERS).unwrap(),
            opaque: oidc.sign_in("alice", OPAQUE).unwrap(),
            bob: oidc.sign_in("bob", OPAQUE).unwrap(),
            lab,
            oidc,
            mock,
        }
    }
}

fn lab(oidc: &Oidc, filter: Filter, more: impl FnOnce(EnvoyConfig) -> EnvoyConfig) -> Lab {
    let echo = Echo::start().unwrap();
    let config = EnvoyConfig::new(tools::wasm().unwrap(), filter)
        .upstream(echo.addr())
        .cluster("idp", oidc.addr());
    let envoy = more(config).start().unwrap();
    Lab { envoy, echo }
}

fn introspection(oidc: &Oidc) -> Value {
    json!({
        "kind": "introspection",
        "issuer": oidc.issuer(),
        "audiences": [OPAQUE],
        "introspection": {
            "uri": format!("{}/token/introspection", oidc.issuer()), "upstream": "idp",
            "client_id": FILTER.0, "client_secret": FILTER.1, "negative_cache_duration": "200ms",
        },
        "groups": [{ "claim": "groups" }],
    })
}

fn policy(oidc: &Oidc, mock: &OidcMock) -> Value {
    json!({
        "providers": {
            "jwt": {
                "kind": "jwt", "issuer": oidc.issuer(), "audiences": [ORDERS], "token_types": ["at+jwt"],
                "jwks": { "discovery": true, "upstream": "idp" },
                "groups": [{ "claim": "groups" }], "machine": { "groups": { "present": false } },
            },
            "id": {
                "kind": "jwt", "issuer": oidc.issuer(), "audiences": ["web"],
                "jwks": { "discovery": true, "upstream": "idp" },
                "from_headers": [], "from_cookies": ["session"], "groups": [{ "claim": "groups" }],
            },
            "opaque": introspection(oidc),
            "mock": {
                "kind": "jwt", "issuer": mock.issuer(), "audiences": ["web"],
                "jwks": { "discovery": true, "upstream": "mock" },
            },
        },
        "rules": [
            { "name": "admin", "match": { "path_prefix": "/admin" }, "require": { "groups": ["admin"] } },
            { "name": "orders", "match": { "path_prefix": "/orders" }, "require": { "scopes": ["orders:read"] } },
            { "name": "machines", "match": { "path_prefix": "/machines" }, "require": { "m2m": true } },
            { "name": "web", "match": { "path_prefix": "/web" }, "require": { "provider": "id" } },
            { "name": "api", "match": { "path_prefix": "/" }, "require": "user" },
        ],
    })
}

/// What the upstream hears of the caller: user, name, groups, client, machine, provider.
#[track_caller]
fn told(path: &str, token: &str) -> [Option<String>; 6] {
    let seen = SCENE.lab.send(Request::get(path).bearer(token));
    let names = [
        "user-id",
        "user-name",
        "groups",
        "client-id",
        "m2m",
        "provider",
    ];
    names.map(|name| seen.passed().header(&format!("x-auth-{name}")))
}

fn told_of(values: [&str; 6]) -> [Option<String>; 6] {
    values.map(|value| (!value.is_empty()).then(|| value.to_owned()))
}

#[test]
fn access_tokens_hold_by_the_keys_of_discovery() {
    let alice = told_of(["alice", "alice", "staff,admin", "web", "", "jwt"]);
    assert_eq!(told("/orders", &SCENE.alice.access), alice);
    assert_eq!(told("/admin", &SCENE.alice.access), alice);
    let machine = SCENE.oidc.machine(ORDERS).unwrap();
    let told_of_machine = told_of(["machine", "machine", "", "machine", "true", "jwt"]);
    assert_eq!(told("/machines", &machine), told_of_machine);
}

#[test]
fn an_id_token_is_no_access_token() {
    let seen = SCENE
        .lab
        .send(Request::get("/orders").bearer(&SCENE.alice.id));
    seen.invalid_token("the type of the token is not accepted");
    let cookie = format!("session={}; theme=dark", SCENE.alice.id);
    let seen = SCENE
        .lab
        .send(Request::get("/web").header("cookie", cookie));
    let passed = seen.passed();
    assert_eq!(passed.header("x-auth-user-name").as_deref(), Some("alice"));
    assert_eq!(
        passed.header("x-auth-user-email").as_deref(),
        Some("alice@example.com")
    );
    assert_eq!(passed.header("cookie").as_deref(), Some("theme=dark"));
}

#[test]
fn opaque_tokens_hold_while_the_provider_says_so() {
    let alice = told_of(["alice", "alice", "staff,admin", "web", "", "opaque"]);
    assert_eq!(told("/orders", &SCENE.opaque.access), alice);
    assert_eq!(told("/admin", &SCENE.opaque.access), alice);
    let seen = SCENE
        .lab
        .send(Request::get("/admin").bearer(&SCENE.bob.access));
    seen.refused(
        403,
        Some(", error=\"insufficient_scope\""),
        "Operation not allowed",
    );
    let machine = SCENE.oidc.machine(OPAQUE).unwrap();
    assert_eq!(
        told("/machines", &machine),
        told_of(["", "", "", "machine", "true", "opaque"])
    );
    // Revoked before anybody asked.
    let revoked = SCENE.oidc.machine(OPAQUE).unwrap();
    SCENE.oidc.revoke(&revoked).unwrap();
    let seen = SCENE.lab.send(Request::get("/orders").bearer(&revoked));
    seen.invalid_token("the token is not active");
    for invented in ["AAAA", "not-a-token", "a.b.c"] {
        let seen = SCENE.lab.send(Request::get("/orders").bearer(invented));
        seen.invalid_token("the token is not active");
    }
}

#[test]
fn a_small_provider_holds_by_discovery_too() {
    let carol = SCENE.mock.id_token("carol").unwrap();
    assert_eq!(
        told("/", &carol),
        told_of(["carol", "carol", "", "", "", "mock"])
    );
}

#[test]
fn an_authorization_server_that_is_down_is_an_outage_for_new_tokens_only() {
    let oidc = Oidc::start().unwrap();
    let policy = json!({
        "providers": { "opaque": introspection(&oidc) },
        "rules": [
            { "match": { "path": "/open" }, "require": "optional" },
            { "match": {}, "require": "user" },
        ],
    });
    let lab = lab(&oidc, Filter::json(policy), |config| config);
    let (known, new) = (oidc.machine(OPAQUE).unwrap(), oidc.machine(OPAQUE).unwrap());
    lab.send(Request::get("/a").bearer(&known)).passed();
    oidc.stop();
    lab.send(Request::get("/a").bearer(&known)).passed();
    lab.send(Request::get("/a").bearer(&new)).unavailable();
    lab.send(Request::get("/open").bearer(&new)).unavailable();
    lab.send(Request::get("/open")).passed();
    assert!(
        lab.envoy
            .stat("wasmcustom.auth_filter.service_failed")
            .unwrap()
            > 0
    );
    assert_eq!(
        lab.envoy
            .stat("wasmcustom.auth_filter.service_answered")
            .unwrap(),
        1
    );
    lab.is_sound();
}
