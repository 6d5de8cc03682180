//! Amazon Cognito, as the moto server speaks it: an issuer that none of us wrote.

use crate::lab::Exchange;
use lab::client::Request;
use lab::echo::Echo;
use lab::envoy::{Envoy, EnvoyConfig, Filter};
use lab::issuer::{SigningKey, unix_now};
use lab::moto::{Moto, REGION, Tokens};
use lab::tools;
use serde_json::{Value, json};
use std::sync::LazyLock;

static POOL: LazyLock<Pool> = LazyLock::new(Pool::start);

/// A user pool with two application clients, of which the filter knows one, behind an Envoy.
struct Pool {
    lab: crate::lab::Lab,
    issuer: String,
    client: String,
    alice: Tokens,
    root: Tokens,
    /// Alice's, by way of the other client.
    foreign: Tokens,
    /// Of another pool's user.
    stranger: Tokens,
    key: SigningKey,
    _moto: Moto,
}

impl Pool {
    fn start() -> Self {
        let moto = Moto::start().unwrap();
        let mut pool = moto.user_pool("people").unwrap();
        pool.user("alice", &["staff"]).unwrap();
        pool.user("root", &["admin", "staff"]).unwrap();
        let (alice, root) = (pool.tokens("alice").unwrap(), pool.tokens("root").unwrap());
        let (issuer, client) = (pool.issuer(), pool.client_id.clone());
        let policy = policy(&pool.id, &client);
        pool.client_id = pool.client("other").unwrap();
        let foreign = pool.tokens("alice").unwrap();
        let others = moto.user_pool("others").unwrap();
        others.user("alice", &["admin"]).unwrap();
        let stranger = others.tokens("alice").unwrap();
        let echo = Echo::start().unwrap();
        let envoy = envoy(&moto, &echo, policy);
        Self {
            lab: crate::lab::Lab { envoy, echo },
            issuer,
            client,
            alice,
            root,
            foreign,
            stranger,
            key: moto.signing_key().unwrap(),
            _moto: moto,
        }
    }

    #[track_caller]
    fn get(&self, path: &str, token: &str) -> Exchange {
        self.lab.send(Request::get(path).bearer(token))
    }

    /// The claims of an access token of this pool's only known client, as Cognito writes them.
    fn access(&self, extra: Value) -> Value {
        let now = unix_now();
        let mut claims = json!({
            "iss": self.issuer, "sub": "s-1", "username": "alice", "client_id": self.client,
            "token_use": "access", "scope": "aws.cognito.signin.user.admin",
            "iat": now, "auth_time": now, "exp": now + 600,
        });
        for (name, value) in extra.as_object().unwrap() {
            if value.is_null() {
                claims.as_object_mut().unwrap().remove(name);
            } else {
                claims[name] = value.clone();
            }
        }
        claims
    }
}

fn policy(pool: &str, client: &str) -> Value {
    let provider = |token_use: Value| {
        json!({
            "kind": "cognito", "region": REGION, "user_pool_id": pool, "client_ids": [client],
            "token_use": token_use, "jwks": { "upstream": "cognito" },
        })
    };
    json!({
        "providers": {
            "any": provider(json!(["access", "id"])),
            "access": provider(json!(["access"])),
            "id": provider(json!(["id"])),
        },
        "rules": [
            { "match": { "path_prefix": "/user" }, "require": { "provider": "any" } },
            { "match": { "path_prefix": "/admin" }, "require": { "provider": "any", "groups": ["admin"] } },
            { "match": { "path_prefix": "/access" }, "require": { "provider": "access" } },
            { "match": { "path_prefix": "/id" }, "require": { "provider": "id" } },
            { "match": { "path_prefix": "/machine" }, "require": { "provider": "any", "m2m": true } },
        ],
    })
}

fn envoy(moto: &Moto, echo: &Echo, policy: Value) -> Envoy {
    EnvoyConfig::new(tools::wasm().unwrap(), Filter::json(policy))
        .upstream(echo.addr())
        .cluster("cognito", moto.addr())
        .start()
        .unwrap()
}

#[test]
fn a_user_passes_with_either_token() {
    for token in [&POOL.alice.access, &POOL.alice.id] {
        let seen = POOL.get("/user", token);
        let header = |name| seen.passed().header(name).unwrap();
        assert_eq!(header("x-auth-user-name"), "alice");
        assert_eq!(header("x-auth-groups"), "staff");
        assert_eq!(header("x-auth-client-id"), POOL.client);
        assert!(seen.passed().header("x-auth-m2m").is_none());
    }
}

#[test]
fn groups_decide_who_is_an_administrator() {
    for (tokens, want) in [(&POOL.root, 200), (&POOL.alice, 403)] {
        for token in [&tokens.access, &tokens.id] {
            let seen = POOL.get("/admin", token);
            assert_eq!(seen.answer.status, want);
            assert_eq!(seen.upstream.is_some(), want == 200);
        }
    }
    POOL.get("/admin", &POOL.alice.access).refused(
        403,
        Some(", error=\"insufficient_scope\""),
        "Operation not allowed",
    );
}

#[test]
fn an_id_token_is_no_access_token() {
    let refused = "the token is meant for another use";
    POOL.get("/access", &POOL.alice.access).passed();
    POOL.get("/access", &POOL.alice.id).invalid_token(refused);
    POOL.get("/id", &POOL.alice.id).passed();
    POOL.get("/id", &POOL.alice.access).invalid_token(refused);
    let neither = POOL
        .key
        .sign(json!({}), &POOL.access(json!({ "token_use": "refresh" })));
    POOL.get("/user", &neither).invalid_token(refused);
}

#[test]
fn tokens_of_another_client_are_refused() {
    for token in [&POOL.foreign.access, &POOL.foreign.id] {
        POOL.get("/user", token)
            .invalid_token("the token is meant for another audience");
    }
}

/// moto signs for every pool with one key, so that only the issuer tells the pools apart.
#[test]
fn tokens_of_another_pool_are_refused() {
    for token in [&POOL.stranger.access, &POOL.stranger.id] {
        POOL.get("/user", token)
            .invalid_token("the issuer is not known");
    }
}

#[test]
fn an_expired_token_is_refused() {
    let minted = |exp| {
        POOL.key
            .sign(json!({}), &POOL.access(json!({ "exp": exp })))
    };
    POOL.get("/user", &minted(unix_now() + 5)).passed();
    POOL.get("/user", &minted(unix_now() - 3600))
        .invalid_token("the token has expired");
}

#[test]
fn a_forged_or_altered_token_is_refused() {
    let forger = SigningKey::rs256_forger(POOL.key.kid());
    let admin = POOL.access(json!({ "cognito:groups": ["admin"] }));
    let forged = forger.sign(json!({}), &admin);
    let (head, tail) = (&POOL.root.access, &POOL.alice.access);
    let payload_of = |token: &str| token.split('.').nth(1).unwrap().to_owned();
    let altered = tail.replace(&payload_of(tail), &payload_of(head));
    for token in [forged, altered] {
        POOL.get("/admin", &token)
            .invalid_token("the signature is not valid");
    }
}

#[test]
fn a_machine_is_recognised_and_has_no_groups_of_users() {
    let claims = json!({ "username": null, "scope": "api/read", "cognito:groups": ["admin"] });
    let machine = POOL.key.sign(json!({}), &POOL.access(claims));
    let seen = POOL.get("/machine", &machine);
    assert_eq!(seen.passed().header("x-auth-m2m").unwrap(), "true");
    assert_eq!(seen.passed().header("x-auth-scopes").unwrap(), "api/read");
    assert!(seen.passed().header("x-auth-groups").is_none());
    for (path, token) in [("/admin", &machine), ("/machine", &POOL.root.access)] {
        assert_eq!(POOL.get(path, token).answer.status, 403);
    }
}
