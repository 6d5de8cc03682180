//! What clients may know of the protected resource (RFC 9728): the document, its address, and the pointer in challenges
//! by which a client that knows nothing but the resource finds whose tokens it takes.

use serde_json::{Value, json};

use super::path::CanonicalPath;
use super::provider::{ChallengeScheme, Provider};
use crate::config::{self, ConfigError};
use crate::headers::Headers;
use crate::jose::{Algorithm, AlgorithmSet};
use crate::keys::Endpoint;

/// What stands between the host and the path of the resource's identifier (RFC 9728 §3.1).
const WELL_KNOWN: &str = "/.well-known/oauth-protected-resource";

/// The document of one resource.
#[derive(Clone, Debug)]
pub struct ResourceMetadata {
    url: String,
    path: String,
    document: String,
}

/// A document that the filter answers with in the upstream's place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    /// The headers of the response, with lower-case names.
    pub headers: Vec<(&'static str, String)>,
    /// The body of the response: one JSON object.
    pub body: String,
}

impl ResourceMetadata {
    /// Compiles the document.
    ///
    /// # Errors
    /// For identifiers and addresses that are not what RFC 9728 §1.2 and §2 ask for, with their place.
    pub(super) fn compile(
        config: &config::ResourceMetadata,
        providers: &[Provider],
    ) -> Result<Self, ConfigError> {
        let place = |key: &str| format!("resource_metadata.{key}");
        let endpoint = https("resource", &config.resource)?;
        if endpoint.path.contains('?') || endpoint.path.contains('"') {
            return Err(ConfigError::new(
                place("resource"),
                "a resource's identifier has neither a query nor quotes",
            ));
        }
        let own = match endpoint.path.as_str() {
            "/" => "",
            path => path,
        };
        let path = format!("{WELL_KNOWN}{own}");
        if CanonicalPath::parse(path.as_bytes()).is_err() {
            return Err(ConfigError::new(
                place("resource"),
                "servers could read its path differently",
            ));
        }
        for (index, issuer) in config.authorization_servers.iter().enumerate() {
            https(&format!("authorization_servers[{index}]"), issuer)?;
        }
        let mut document = json!({
            "resource": config.resource,
            "bearer_methods_supported": ["header"],
        });
        for (key, list) in [
            ("authorization_servers", &config.authorization_servers),
            ("scopes_supported", &config.scopes_supported),
        ] {
            if let (false, Some(members)) = (list.is_empty(), document.as_object_mut()) {
                members.insert(key.to_owned(), json!(list));
            }
        }
        let texts = [
            ("resource_documentation", &config.resource_documentation),
            ("resource_policy_uri", &config.resource_policy_uri),
            ("resource_tos_uri", &config.resource_tos_uri),
        ];
        for (key, address) in texts {
            if let Some(address) = address {
                https(key, address)?;
            }
        }
        if let Some(members) = document.as_object_mut() {
            members.extend(possession(providers));
        }
        let name = ("resource_name", &config.resource_name);
        for (key, text) in texts.into_iter().chain([name]) {
            if let (Some(text), Some(members)) = (text, document.as_object_mut()) {
                members.insert(key.to_owned(), json!(text));
            }
        }
        Ok(Self {
            url: format!("https://{}{path}", endpoint.authority),
            path,
            document: document.to_string(),
        })
    }

    /// Where the document is, for challenges (RFC 9728 §5.1).
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The document, where the request is for it. It is public: clients read it before they have a token, also those
    /// that run in browsers, on pages of other origins.
    #[must_use]
    pub fn answer(&self, head: &Headers) -> Option<Document> {
        let method = head.first(":method").unwrap_or_default();
        let path = CanonicalPath::parse(head.first(":path").unwrap_or_default()).ok()?;
        let asked = path.as_bytes() == self.path.as_bytes();
        (asked && [&b"GET"[..], b"HEAD"].contains(&method)).then(|| Document {
            headers: vec![
                ("content-type", "application/json".to_owned()),
                ("cache-control", "public, max-age=300".to_owned()),
                ("access-control-allow-origin", "*".to_owned()),
            ],
            body: self.document.clone(),
        })
    }
}

/// What of the tokens must be bound to keys, and by what (RFC 9728 §2).
fn possession(providers: &[Provider]) -> Vec<(String, Value)> {
    let mut found = Vec::new();
    let mut say = |name: &str, value: Value| found.push((name.to_owned(), value));
    if providers.iter().any(|provider| provider.mtls().is_some()) {
        say("tls_client_certificate_bound_access_tokens", json!(true));
    }
    let accepted = providers.iter().filter_map(Provider::dpop);
    let accepted: AlgorithmSet = accepted.flat_map(|dpop| dpop.algorithms.iter()).collect();
    if !accepted.is_empty() {
        let names: Vec<_> = accepted.iter().map(Algorithm::name).collect();
        say("dpop_signing_alg_values_supported", json!(names));
        let tokens = |provider: &&Provider| provider.challenge() == ChallengeScheme::Bearer;
        let requires = |provider: &Provider| provider.dpop().is_some_and(|dpop| dpop.required);
        let all = providers.iter().filter(tokens).all(requires);
        say("dpop_bound_access_tokens_required", json!(all));
    }
    found
}

/// An `https` URL (RFC 9728 §1.2).
fn https(key: &str, url: &str) -> Result<Endpoint, ConfigError> {
    Endpoint::parse(url)
        .filter(|endpoint| endpoint.scheme == "https" && !endpoint.authority.contains('"'))
        .ok_or_else(|| {
            ConfigError::new(
                format!("resource_metadata.{key}"),
                "must be an https URL without fragment",
            )
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capabilities::Capabilities;

    fn compile(config: &Value) -> Result<ResourceMetadata, String> {
        let config = serde_json::from_value(config.clone()).map_err(|error| error.to_string())?;
        ResourceMetadata::compile(&config, &[]).map_err(|error| error.to_string())
    }

    #[test]
    fn the_document_is_where_the_identifier_says() {
        let rows = [
            (
                "https://api.example",
                "/.well-known/oauth-protected-resource",
            ),
            (
                "https://api.example/",
                "/.well-known/oauth-protected-resource",
            ),
            (
                "https://api.example:8443/mcp",
                "/.well-known/oauth-protected-resource/mcp",
            ),
        ];
        for (resource, path) in rows {
            let metadata = compile(&json!({ "resource": resource })).unwrap();
            let authority = resource.split('/').nth(2).unwrap();
            assert_eq!(metadata.url(), format!("https://{authority}{path}"));
            let ask = |method: &str, target: &str| {
                metadata.answer(&Headers::from_pairs(&[
                    (":method", method.as_bytes()),
                    (":path", target.as_bytes()),
                ]))
            };
            let document = ask("GET", path).unwrap();
            let body: Value = serde_json::from_str(&document.body).unwrap();
            assert_eq!(body["resource"], resource);
            assert_eq!(ask("HEAD", &format!("{path}?x=1")), Some(document));
            assert_eq!(ask("POST", path), None);
            assert_eq!(ask("GET", &format!("{path}/more")), None);
            assert_eq!(ask("GET", &format!("/x/..{path}")), None);
            assert_eq!(ask("GET", "/"), None);
        }
    }

    #[test]
    fn the_document_says_what_the_configuration_says_and_nothing_else() {
        let metadata = compile(&json!({
            "resource": "https://api.example",
            "authorization_servers": ["https://issuer.example"],
            "scopes_supported": ["orders.read"],
            "resource_name": "Orders",
            "resource_documentation": "https://docs.example/orders",
        }))
        .unwrap();
        let body: Value = serde_json::from_str(&metadata.document).unwrap();
        let want = json!({
            "resource": "https://api.example",
            "bearer_methods_supported": ["header"],
            "authorization_servers": ["https://issuer.example"],
            "scopes_supported": ["orders.read"],
            "resource_name": "Orders",
            "resource_documentation": "https://docs.example/orders",
        });
        assert_eq!(body, want);
    }

    #[test]
    fn what_is_no_https_url_is_refused_with_its_place() {
        let good = "https://api.example";
        let rows = [
            (
                json!({ "resource": "http://api.example" }),
                "resource_metadata.resource:",
            ),
            (json!({ "resource": "api" }), "resource_metadata.resource:"),
            (
                json!({ "resource": "https://a/#f" }),
                "resource_metadata.resource:",
            ),
            (
                json!({ "resource": "https://a/?q" }),
                "resource_metadata.resource:",
            ),
            (
                json!({ "resource": "https://a/\"" }),
                "resource_metadata.resource:",
            ),
            (
                json!({ "resource": "https://a\"/" }),
                "resource_metadata.resource:",
            ),
            (
                json!({ "resource": "https://a/b/../c" }),
                "resource_metadata.resource:",
            ),
            (
                json!({ "resource": good, "authorization_servers": ["https://i", "http://i"] }),
                "resource_metadata.authorization_servers[1]:",
            ),
            (
                json!({ "resource": good, "resource_tos_uri": "terms" }),
                "resource_metadata.resource_tos_uri:",
            ),
        ];
        for (config, place) in rows {
            let error = compile(&config).unwrap_err();
            assert!(error.starts_with(place), "{config}: {error}");
        }
    }

    #[test]
    fn what_binds_tokens_is_said_where_providers_ask_it() {
        let jwt = |asks: &Value| {
            let mut provider = json!({ "kind": "jwt", "jwks": { "uri": "https://i/k" } });
            if asks.is_object() {
                provider["proof_of_possession"] = asks.clone();
            }
            provider
        };
        let (optional, required) = (
            json!({ "dpop": { "algorithms": ["EdDSA", "ES256"] } }),
            json!({ "dpop": { "algorithms": ["PS256"], "required": true }, "mtls": {} }),
        );
        let hash = "2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b";
        let basic = json!({ "kind": "basic", "users": { "a": { "password_hash": hash } } });
        let members = [
            "dpop_bound_access_tokens_required",
            "dpop_signing_alg_values_supported",
            "tls_client_certificate_bound_access_tokens",
        ];
        for (providers, want) in [
            (json!({ "a": jwt(&json!(null)) }), json!([null, null, null])),
            (
                json!({ "a": jwt(&optional) }),
                json!([false, ["ES256", "EdDSA"], null]),
            ),
            (
                json!({ "a": jwt(&required), "b": basic }),
                json!([true, ["PS256"], true]),
            ),
            (
                json!({ "a": jwt(&required), "b": jwt(&optional) }),
                json!([false, ["ES256", "EdDSA", "PS256"], true]),
            ),
            (
                json!({ "a": jwt(&json!({ "mtls": {} })) }),
                json!([null, null, true]),
            ),
        ] {
            let config = json!({
                "providers": providers, "rules": [],
                "resource_metadata": { "resource": "https://api.example" },
            });
            let config = config::Config::parse(config.to_string().as_bytes()).unwrap();
            let policy = crate::policy::Policy::compile(&config, &Capabilities::envoy()).unwrap();
            let document = &policy.resource_metadata.unwrap().document;
            let body: Value = serde_json::from_str(document).unwrap();
            assert_eq!(json!(members.map(|name| &body[name])), want);
        }
    }
}
