//! What the conversations share: an issuer and its tokens.

use lab::issuer::{SigningKey, unix_now};
use serde_json::{Value, json};
use std::sync::LazyLock;

use crate::world::{Reply, World};

/// Where the issuer's keys are.
pub(crate) const KEYS: &str = "https://issuer.example/jwks.json";

/// When every story begins, in seconds since the epoch.
pub(crate) static START: LazyLock<u64> = LazyLock::new(unix_now);

/// The issuer's key.
pub(crate) static KEY: LazyLock<SigningKey> = LazyLock::new(|| SigningKey::es256_seeded("a", 1));

/// A configuration with one provider whose keys are inline.
pub(crate) fn inline() -> Value {
    let mut config = remote();
    config["providers"]["main"]["jwks"] = json!({ "inline": { "keys": [KEY.jwk()] } });
    config
}

/// A configuration with one provider whose keys are fetched.
pub(crate) fn remote() -> Value {
    json!({
        "providers": { "main": {
            "kind": "jwt", "issuer": "https://issuer.example", "audiences": ["orders"],
            "jwks": { "uri": KEYS, "upstream": "idp" },
            "groups": [{ "claim": "groups" }],
        } },
        "rules": [
            { "name": "open", "match": { "path_prefix": "/public" }, "require": "public" },
            { "name": "closed", "match": { "path_prefix": "/closed" }, "require": "deny" },
            { "name": "optional", "match": { "path_prefix": "/optional" }, "require": "optional" },
            { "name": "admin", "match": { "path_prefix": "/admin" }, "require": { "groups": ["admin"] } },
            { "name": "scoped", "match": { "path_prefix": "/scoped" }, "require": { "scopes": ["orders:read"] } },
            { "name": "host", "match": { "path": "/host", "hosts": ["open.example"] }, "require": "public" },
            { "name": "api", "match": { "path_prefix": "/api" }, "require": "user" },
        ],
        "upstream_headers": { "claims": { "x-tenant": "tenant" } },
    })
}

/// Claims that the provider accepts, changed by the members of `extra`: a `null` removes one.
pub(crate) fn token(extra: &Value) -> String {
    token_of(&KEY, extra)
}

/// The same, signed by another key.
pub(crate) fn token_of(key: &SigningKey, extra: &Value) -> String {
    let mut claims = json!({
        "iss": "https://issuer.example", "aud": "orders", "sub": "alice", "tenant": "t-1",
        "iat": *START, "exp": *START + 6000,
    });
    for (name, value) in extra.as_object().unwrap() {
        match value {
            Value::Null => drop(claims.as_object_mut().unwrap().remove(name)),
            value => claims[name] = value.clone(),
        }
    }
    key.sign(json!({}), &claims)
}

/// Has the issuer serve these keys.
pub(crate) fn serve_keys(world: &mut World, keys: &[&SigningKey]) {
    let keys: Vec<_> = keys.iter().map(|key| key.jwk()).collect();
    let set = json!({ "keys": keys });
    world.serve(KEYS, move |_| Reply::json(200, &set));
}
