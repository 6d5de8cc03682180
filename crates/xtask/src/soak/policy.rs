//! The filter's configuration during the run, and those that take its place.

use super::Planted;
use super::issuer::Issuer;
use super::ledger::Invariant;
use lab::issuer::JWKS_PATH;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use std::time::Duration;

/// How long a request may wait, as the checker believes.
pub(super) const HOLD: Duration = Duration::from_secs(2);
/// How long keys serve.
pub(super) const KEYS_SERVE: Duration = Duration::from_secs(4);
/// How long answers of services serve.
pub(super) const ANSWERS_SERVE: Duration = Duration::from_secs(2);
/// The origin by which proofs name the API.
pub(super) const ORIGIN: &str = "https://api.example";
/// Who issues RS256 tokens, and ES256 tokens.
pub(super) const RS: &str = "https://rs.example";
pub(super) const ES: &str = "https://es.example";
/// How many API keys and users the configuration has.
pub(super) const KEYS: u64 = 300;
pub(super) const USERS: u64 = 40;

/// The issuers by whose addresses the configuration finds them.
pub(super) struct Issuers {
    pub(super) es: Issuer,
    pub(super) ed: Issuer,
    pub(super) rs: Issuer,
}

/// A configuration; each number has another realm, so that it is another one for Envoy.
pub(super) fn policy(issuers: &Issuers, planted: Planted, number: usize) -> Value {
    let mut policy = json!({
        "realm": format!("soak-{number}"),
        "providers": providers(issuers),
        "directories": { "people": {
            "uri": "http://people/v1/subjects/{subject}", "upstream": "people",
            "timeout": "1s", "cache_duration": "2s",
        } },
        "decisions": { "pdp": {
            "protocol": "opa", "uri": "http://pdp/v1/data/orders/allow", "upstream": "pdp", "timeout": "1s",
        } },
        "rules": rules(),
        "limits": { "hold": "2s" },
    });
    match planted {
        Some(Invariant::Wait) => policy["limits"]["hold"] = json!("30s"),
        Some(Invariant::Pass) => policy["rules"][2]["require"] = json!("user"),
        Some(Invariant::Memory) => {
            policy["limits"]["service_cache_entries"] = json!(1_000_000);
            policy["limits"]["service_cache_bytes"] = json!(900_u32 << 20);
            policy["providers"]["opaque"]["introspection"]["cache_duration"] = json!("1h");
            // Of an answer the filter keeps what it reads.
            policy["rules"][8]["require"]["claims"] = json!({ "more": { "present": true } });
        }
        _ => {}
    }
    policy
}

/// One that would let everybody in everywhere, and has a key that the filter does not know.
pub(super) fn refused(issuers: &Issuers, number: usize) -> Value {
    let mut policy = policy(issuers, None, number);
    policy["rules"] = json!([{ "match": {}, "require": "public" }]);
    policy["rule"] = json!([]);
    policy
}

fn providers(issuers: &Issuers) -> Value {
    let jwks = |issuer: &Issuer, upstream: &str| {
        json!({
            "uri": format!("{}{JWKS_PATH}", issuer.url()), "upstream": upstream, "cache_duration": "4s",
            "stale_for": "10s", "timeout": "1s", "retry": 0, "unknown_kid_cooldown": "1s",
        })
    };
    let mut discovered = jwks(&issuers.ed, "ed");
    let found = discovered.as_object_mut();
    found.map(|jwks| jwks.remove("uri"));
    discovered["discovery"] = json!(true);
    discovered["stale_for"] = json!("1s");
    let groups = json!([{ "claim": "groups" }]);
    let verify = json!({
        "uri": "http://verifier/check", "upstream": "verifier", "timeout": "1s", "cache_duration": "2s",
        "negative_cache_duration": "1s",
    });
    json!({
        "es": {
            "kind": "jwt", "issuer": ES, "audiences": ["soak"], "jwks": jwks(&issuers.es, "es"), "groups": groups,
            "proof_of_possession": { "dpop": { "origins": [ORIGIN] } },
        },
        "ed": {
            "kind": "jwt", "issuer": issuers.ed.url(), "audiences": ["soak"], "jwks": discovered, "groups": groups,
            "permissions": [{ "directory": "people" }],
        },
        "rs": {
            "kind": "jwt", "issuer": RS, "audiences": ["soak"], "jwks": jwks(&issuers.rs, "rs"), "groups": groups,
        },
        "opaque": {
            "kind": "introspection", "groups": groups,
            "introspection": {
                "uri": "http://introspection/introspect", "upstream": "introspection", "client_id": "soak",
                // Longer than anybody may wait.
                "client_secret": "soak-secret", "timeout": "8s", "cache_duration": "2s",
                "negative_cache_duration": "1s",
            },
        },
        "keys": { "kind": "api_key", "keys": keys() },
        "remote_keys": { "kind": "api_key", "verify": verify, "groups": groups },
        // Of this machine's address come all passwords, wrong ones too.
        "users": { "kind": "basic", "users": users(), "throttle": { "attempts": 100_000, "per": "1m" } },
        "remote_users": {
            "kind": "basic", "verify": verify, "groups": groups, "throttle": { "attempts": 100_000, "per": "1m" },
        },
    })
}

fn rules() -> Value {
    let rule = |name: &str, require: Value| json!({ "name": name, "match": { "path_prefix": format!("/{name}") }, "require": require });
    json!([
        rule("public", json!("public")),
        rule("never", json!("deny")),
        rule("admin", json!({ "groups": ["admin"] })),
        rule("es", json!({ "provider": "es" })),
        rule("ed", json!({ "provider": "ed" })),
        rule("rs", json!({ "provider": "rs" })),
        rule("reports", json!({ "provider": "ed", "permissions": ["report.read"] })),
        rule("decide", json!({ "provider": "rs", "decision": "pdp" })),
        rule("opaque", json!({ "provider": "opaque" })),
        rule("key", json!({ "provider": "keys" })),
        rule("remote-key", json!({ "provider": "remote_keys" })),
        rule("password", json!({ "provider": "users" })),
        rule("remote-password", json!({ "provider": "remote_users" })),
        { "name": "own", "match": { "path_template": "/users/{user}/orders" }, "require": { "provider": "es", "claims": { "sub": { "path_variable": "user" } } } },
    ])
}

fn keys() -> Value {
    let all = (0..KEYS).map(|number| {
        let digest = format!("sha256:{}", hex(&format!("ak-{number}")));
        let key = json!({ "digest": digest, "groups": [format!("g-k-{number}")] });
        (format!("k-{number}"), key)
    });
    Value::Object(all.collect::<Map<_, _>>())
}

fn users() -> Value {
    let all = (0..USERS).map(|number| {
        let hash = hex(&format!("pw-u-{number}"));
        let user = json!({ "password_hash": hash, "groups": [format!("g-u-{number}")] });
        (format!("u-{number}"), user)
    });
    Value::Object(all.collect::<Map<_, _>>())
}

fn hex(text: &str) -> String {
    let digest = Sha256::digest(text);
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}
