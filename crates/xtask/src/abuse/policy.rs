//! The configuration that the filter is given.

use super::lab::Fault;
use serde_json::{Value, json};

/// Who issues the tokens of honest callers.
pub(super) const ISSUER: &str = "https://issuer.example";
/// Who issues tokens that come in cookies and parameters.
pub(super) const WEB: &str = "https://web.example";
/// An issuer that takes its time.
pub(super) const LATE: &str = "https://late.example";
/// Where clients see the API.
pub(super) const ORIGIN: &str = "https://api.example.com";
/// How long a request may wait.
pub(super) const HOLD_SECONDS: u64 = 3;

/// By another implementation: "password". The parameters of the documentation, and some 35 ms of a core.
const ARGON2ID: &str = "$argon2id$v=19$m=19456,t=2,p=1$YR6JZdZXaH6sPD98xDaMew$LWKxR41HtjvxmEUZ4aSr3m9Rb6sfeJ1bP+PRZlGLaLw";

/// The addresses of issuers.
pub(super) struct Addresses {
    pub(super) idp: String,
    pub(super) late: String,
    /// One for each key set.
    pub(super) sets: Vec<String>,
}

/// The whole configuration, with the fault that is planted into it.
pub(super) fn policy(addresses: &Addresses, fault: Option<Fault>) -> Value {
    let mut policy = json!({
        "client_address": "proxy",
        "limits": { "hold": format!("{HOLD_SECONDS}s") },
        "providers": providers(addresses),
        "directories": {
            "people": { "uri": "http://svc/people/{subject}", "upstream": "svc", "timeout": "1s" },
        },
        "rules": [
            { "name": "open", "match": { "path_prefix": "/public" }, "require": "public" },
            { "name": "web", "match": { "path_prefix": "/web" }, "require": { "provider": "web" } },
            { "name": "late", "match": { "path_prefix": "/late" }, "require": { "provider": "late" } },
            { "name": "password", "match": { "path_prefix": "/password" }, "require": { "provider": "ops" } },
            { "name": "opaque", "match": { "path_prefix": "/opaque" }, "require": { "provider": "partners" } },
            { "name": "directory", "match": { "path_prefix": "/directory" }, "require": { "permissions": ["orders.write"], "groups": [super::moods::group(4499)] } },
            { "name": "api", "match": { "path_prefix": "/api" }, "require": { "provider": "users" } },
        ],
    });
    match fault {
        Some(Fault::NoNewcomers) => {
            let newcomers = json!({ "claims": { "sub": { "prefix": "fresh-" } } });
            policy["rules"][6]["require"]["not"] = newcomers;
        }
        Some(Fault::OpenRule) => policy["rules"][6]["require"] = json!("public"),
        _ => {}
    }
    policy
}

fn providers(addresses: &Addresses) -> Value {
    let jwks = |address: &str, cluster: &str| json!({ "uri": format!("{address}{}", lab::issuer::JWKS_PATH), "upstream": cluster, "timeout": "30s" });
    let mut providers = json!({
        "users": {
            "kind": "jwt", "issuer": ISSUER, "audiences": ["orders"], "jwks": jwks(&addresses.idp, "idp"),
            "proof_of_possession": { "dpop": { "origins": [ORIGIN] } },
            "permissions": [{ "directory": "people" }], "groups": [{ "directory": "people" }],
        },
        "web": {
            "kind": "jwt", "issuer": WEB, "audiences": ["orders"], "jwks": jwks(&addresses.idp, "idp"),
            "from_headers": [], "from_cookies": ["session"], "from_params": ["access_token"],
        },
        "late": { "kind": "jwt", "issuer": LATE, "audiences": ["orders"], "jwks": jwks(&addresses.late, "late") },
        "ops": { "kind": "basic", "users": { "alice": { "password_hash": ARGON2ID } } },
        "partners": {
            "kind": "introspection",
            "introspection": { "uri": "http://svc/introspect", "upstream": "svc", "timeout": "1s", "client_id": "api", "client_secret": "c9c56e1b7f4e4a7d" },
        },
    });
    for (number, address) in addresses.sets.iter().enumerate() {
        let cluster = format!("set_{number}");
        let issuer = format!("https://set-{number}.example");
        providers[&cluster] = json!({ "kind": "jwt", "issuer": issuer, "audiences": ["orders"], "jwks": jwks(address, &cluster) });
    }
    providers
}
