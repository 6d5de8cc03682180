//! What clients may know of the protected resource (RFC 9728): the document, its address, and the pointer in challenges
//! by which a client that knows nothing but the resource finds whose tokens it takes.

use serde_json::json;

use super::path::CanonicalPath;
use crate::config::{self, ConfigError};
use crate::headers::Headers;
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
    /// Headers.
    pub headers: Vec<(&'static str, String)>,
    /// The body, JSON.
    pub body: String,
}

impl ResourceMetadata {
    /// Compiles the document.
    ///
    /// # Errors
    /// For identifiers and addresses that are not what RFC 9728 §1.2 and §2 ask for, with their place.
    pub(super) fn compile(config: &config::ResourceMetadata) -> Result<Self, ConfigError> {
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

    fn compile(config: &serde_json::Value) -> Result<ResourceMetadata, String> {
        let config = serde_json::from_value(config.clone()).map_err(|error| error.to_string())?;
        ResourceMetadata::compile(&config).map_err(|error| error.to_string())
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
            let body: serde_json::Value = serde_json::from_str(&document.body).unwrap();
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
        let body: serde_json::Value = serde_json::from_str(&metadata.document).unwrap();
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
}
