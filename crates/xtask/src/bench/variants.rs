//! What is compared.

mod refusals;

use super::lab::{PATH, empty_filter};
use super::load::Load;
use super::tokens::Tokens;
use lab::envoy::resources;
use lab::tools::wasm;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// The listener without a filter.
pub(super) const PLAIN: &str = "plain";
/// The one variant whose answers differ: refused by the signature at first, then unseen.
pub(super) const FLOOD: &str = "refused-flood";
/// The cluster of the external authorization server.
pub(super) const AUTHZ: &str = "authz";

const ISSUER: &str = "https://issuer.example";
const AUDIENCE: &str = "orders";

/// What is measured instead of the module that ships.
static OTHER: OnceLock<PathBuf> = OnceLock::new();

/// Measures another module than the one that ships.
pub(super) fn measure_instead(module: &Path) {
    OTHER.get_or_init(|| module.to_owned());
}

/// One listener, what it is asked, and what it answers.
#[derive(Clone, Debug)]
pub(super) struct Variant {
    /// Its name in results.
    pub(super) name: &'static str,
    /// What it is, for readers.
    pub(super) title: String,
    /// Filters in front of the router.
    pub(super) filters: Vec<Value>,
    /// What it is asked.
    pub(super) load: Load,
    /// For which path.
    pub(super) path: &'static str,
    /// The status of each answer.
    pub(super) expect: u16,
    /// Envoy's own way to do the same.
    pub(super) peer: Option<&'static str>,
}

/// Makes the filter's variants.
pub(super) struct Ours {
    module: PathBuf,
}

impl Ours {
    /// The module that ships.
    ///
    /// # Errors
    /// When it cannot be built.
    pub(super) fn new() -> Result<Self, String> {
        OTHER
            .get()
            .map_or_else(wasm, |module| Ok(module.clone()))
            .map(Self::of)
    }

    /// This module.
    pub(super) const fn of(module: PathBuf) -> Self {
        Self { module }
    }

    /// The filter with these keys, changed by further members of the configuration.
    pub(super) fn filter(&self, jwks: &Value, change: &Value) -> Value {
        let configuration = configuration(jwks, change);
        wasm_filter(&self.module, "auth_filter", &configuration)
    }
}

/// A configuration with these keys, changed by further members.
pub(super) fn configuration(jwks: &Value, change: &Value) -> Value {
    let mut configuration = json!({
        "providers": { "jwt": {
            "kind": "jwt",
            "issuer": ISSUER,
            "audiences": [AUDIENCE],
            "jwks": { "inline": jwks },
            "groups": [{ "claim": "groups" }],
        } },
        "rules": [{ "match": { "path_prefix": "/" }, "require": "user" }],
    });
    for (name, value) in change.as_object().into_iter().flatten() {
        configuration[name] = value.clone();
    }
    configuration
}

fn wasm_filter(module: &Path, vm_id: &str, configuration: &Value) -> Value {
    let text = json!({
        "@type": "type.googleapis.com/google.protobuf.StringValue",
        "value": configuration.to_string(),
    });
    resources::wasm(module, vm_id, &text)
}

/// Envoy's filter for tokens, with or without its cache of verified ones.
fn native(jwks: &Value, cached: bool) -> Value {
    let mut provider = json!({
        "issuer": ISSUER,
        "audiences": [AUDIENCE],
        "local_jwks": { "inline_string": jwks.to_string() },
        "payload_in_metadata": "jwt",
    });
    if cached {
        provider["jwt_cache_config"] = json!({ "jwt_cache_size": 1000 });
    }
    json!({
        "name": "envoy.filters.http.jwt_authn",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication",
            "providers": { "jwt": provider },
            "rules": [{ "match": { "prefix": "/" }, "requires": { "provider_name": "jwt" } }],
        },
    })
}

/// Envoy's filter for rules: one of the token's groups.
fn rbac() -> Value {
    json!({
        "name": "envoy.filters.http.rbac",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.rbac.v3.RBAC",
            "rules": { "policies": { "staff": {
                "permissions": [{ "any": true }],
                "principals": [{ "metadata": {
                    "filter": "envoy.filters.http.jwt_authn",
                    "path": [{ "key": "jwt" }, { "key": "groups" }],
                    "value": { "list_match": { "one_of": { "string_match": { "exact": "staff" } } } },
                } }],
            } } },
        },
    })
}

fn ext_authz() -> Value {
    json!({
        "name": "envoy.filters.http.ext_authz",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.ext_authz.v3.ExtAuthz",
            "http_service": {
                "server_uri": { "uri": "http://authz", "cluster": AUTHZ, "timeout": "1s" },
                "authorization_request": { "allowed_headers": { "patterns": [{ "exact": "authorization" }] } },
            },
        },
    })
}

/// All variants; the first is the listener without a filter.
///
/// # Errors
/// When a module cannot be built.
pub(super) fn all(tokens: &Tokens) -> Result<Vec<Variant>, String> {
    let ours = Ours::new()?;
    let mut all = floors(tokens)?;
    all.extend(algorithms(&ours, tokens)?);
    all.extend(cached(&ours, tokens)?);
    all.extend(parts(&ours, tokens)?);
    all.extend(refusals::all(&ours, tokens)?);
    Ok(all)
}

/// A listener with these filters that lets everything through.
pub(super) fn variant(name: &'static str, title: &str, filters: Vec<Value>, load: Load) -> Variant {
    Variant {
        name,
        title: title.into(),
        filters,
        load,
        path: PATH,
        expect: 200,
        peer: None,
    }
}

/// What stands beside every filter for tokens.
fn floors(tokens: &Tokens) -> Result<Vec<Variant>, String> {
    let token = Load::Token(tokens.get("RS256")?);
    let empty = wasm_filter(&empty_filter()?, "empty", &json!({}));
    Ok(vec![
        variant(PLAIN, "no filter", Vec::new(), token.clone()),
        variant(
            "empty",
            "empty WebAssembly filter",
            vec![empty],
            token.clone(),
        ),
        variant(
            "ext-authz",
            "`ext_authz` over HTTP, a server that always agrees",
            vec![ext_authz()],
            token,
        ),
    ])
}

/// A signature for each request.
fn algorithms(ours: &Ours, tokens: &Tokens) -> Result<Vec<Variant>, String> {
    let names = [
        ("RS256", "cold-rs256", "native-rs256", "RS256"),
        ("PS256", "cold-ps256", "native-ps256", "PS256"),
        ("ES256", "cold-es256", "native-es256", "ES256"),
        ("EdDSA", "cold-eddsa", "native-eddsa", "EdDSA"),
        ("ES384", "cold-es384", "native-es384", "ES384"),
        (
            "RS4096",
            "cold-rs4096",
            "native-rs4096",
            "RS256 of 4096 bits",
        ),
    ];
    let mut all = Vec::new();
    for (kid, own, peer, title) in names {
        let (load, jwks) = (Load::Token(tokens.get(kid)?), tokens.jwks(kid));
        let mut cold = variant(
            own,
            &format!("auth-filter, {title} verified each time"),
            vec![ours.filter(&jwks, &uncached())],
            load.clone(),
        );
        cold.peer = Some(peer);
        let title = format!("`jwt_authn`, {title} verified each time");
        all.extend([
            cold,
            variant(peer, &title, vec![native(&jwks, false)], load),
        ]);
    }
    Ok(all)
}

/// No verified token is remembered.
pub(super) fn uncached() -> Value {
    json!({ "limits": { "token_cache_entries": 0 } })
}

/// Tokens that were seen before.
fn cached(ours: &Ours, tokens: &Tokens) -> Result<Vec<Variant>, String> {
    let names = [
        ("RS256", "warm-rs256", Some("native-cached-rs256")),
        ("ES256", "warm-es256", Some("native-cached-es256")),
        ("EdDSA", "warm-eddsa", Some("native-cached-eddsa")),
    ];
    let mut all = Vec::new();
    for (kid, own, peer) in names {
        let (load, jwks) = (Load::Token(tokens.get(kid)?), tokens.jwks(kid));
        let title = format!("auth-filter, {kid} seen before");
        let filter = ours.filter(&jwks, &json!({}));
        let mut warm = variant(own, &title, vec![filter], load.clone());
        warm.peer = peer;
        all.push(warm);
        let Some(peer) = peer else { continue };
        let title = format!("`jwt_authn`, {kid} in its cache");
        all.push(variant(peer, &title, vec![native(&jwks, true)], load));
    }
    let (load, jwks) = (Load::Listed(tokens.first(1000)?), tokens.jwks("EdDSA"));
    let title = "auth-filter, EdDSA, 1,000 callers seen before";
    let mut many = variant(
        "warm-many",
        title,
        vec![ours.filter(&jwks, &json!({}))],
        load.clone(),
    );
    many.peer = Some("native-cached-many");
    let title = "`jwt_authn`, EdDSA, 1,000 callers in its cache";
    all.extend([
        many,
        variant("native-cached-many", title, vec![native(&jwks, true)], load),
    ]);
    let (load, jwks) = (Load::Token(tokens.get("RS256")?), tokens.jwks("RS256"));
    let rules = json!({
        "rules": [{ "match": { "path_prefix": "/" }, "require": { "groups": ["staff"] } }],
    });
    let title = "auth-filter, RS256 seen before, groups required";
    let mut grouped = variant(
        "warm-groups",
        title,
        vec![ours.filter(&jwks, &rules)],
        load.clone(),
    );
    grouped.peer = Some("native-rbac");
    let title = "`jwt_authn` with its cache, and RBAC on groups";
    let rbac = variant(
        "native-rbac",
        title,
        vec![native(&jwks, true), rbac()],
        load,
    );
    all.extend([grouped, rbac]);
    Ok(all)
}

/// What parts of the work cost.
fn parts(ours: &Ours, tokens: &Tokens) -> Result<Vec<Variant>, String> {
    let (load, jwks) = (Load::Token(tokens.get("RS256")?), tokens.jwks("RS256"));
    let public = json!({ "rules": [{ "match": { "path_prefix": "/" }, "require": "public" }] });
    let silent = json!({ "upstream_headers": { "filter_state": false } });
    Ok(vec![
        variant(
            "part-public",
            "auth-filter, a public path",
            vec![ours.filter(&jwks, &public)],
            load.clone(),
        ),
        variant(
            "part-no-state",
            "auth-filter, RS256 seen before, no filter state",
            vec![ours.filter(&jwks, &silent)],
            load,
        ),
    ])
}

/// Callers whom both filters know, with a token of each of these keys.
///
/// # Errors
/// As [`all`].
pub(super) fn flooded(tokens: &Tokens, kids: &[&str]) -> Result<Vec<Variant>, String> {
    let ours = Ours::new()?;
    let mut all = Vec::new();
    for kid in kids {
        let (load, jwks) = (Load::Token(tokens.get(kid)?), tokens.jwks(kid));
        let title = format!("auth-filter, {kid}");
        let filter = ours.filter(&jwks, &json!({ "realm": kid }));
        all.push(variant("flood-ours", &title, vec![filter], load.clone()));
        let title = format!("`jwt_authn` with its cache, {kid}");
        let filter = native(&jwks, true);
        all.push(variant("flood-native", &title, vec![filter], load));
    }
    Ok(all)
}

/// The filter with its defaults, for callers with tokens of EdDSA.
///
/// # Errors
/// As [`all`].
pub(super) fn known(tokens: &Tokens, load: Load) -> Result<Variant, String> {
    let filter = Ours::new()?.filter(&tokens.jwks("EdDSA"), &json!({}));
    Ok(variant("memory", "auth-filter", vec![filter], load))
}
