//! The kind `api_key`.

use serde::Deserialize;

use super::{Common, Places};
use crate::config::{OneOrMany, SecretText, Service};
use crate::json::UniqueMap;

/// A provider of kind `api_key`: keys in the configuration, or a service that verifies keys.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ApiKeyProvider {
    /// API keys, by the name of their owner.
    pub keys: Option<UniqueMap<ApiKey>>,
    /// The service that verifies the credential.
    pub verify: Option<Service>,
    /// The claims that name the caller's client, in order of preference.
    pub client_id: Option<OneOrMany>,
    /// Where the filter reads keys.
    #[serde(rename = "..places")]
    #[cfg_attr(not(target_arch = "wasm32"), schemars(flatten))]
    pub places: Places,
    /// The identity that a key gives its caller.
    #[serde(rename = "..common")]
    #[cfg_attr(not(target_arch = "wasm32"), schemars(flatten))]
    pub common: Common,
}

/// A key of an `api_key` provider.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ApiKey {
    /// The key's digest: `sha256:` and the SHA-256 of the key in hexadecimal.
    pub digest: SecretText,
    /// When the key expires (RFC 3339); never where absent.
    pub expires_at: Option<String>,
    /// The caller's name for people; the owner's name where absent.
    pub name: Option<String>,
    /// The caller's e-mail address; none where absent.
    pub email: Option<String>,
    /// The groups of whoever presents the key.
    #[serde(default)]
    pub groups: Vec<String>,
    /// The roles of whoever presents the key.
    #[serde(default)]
    pub roles: Vec<String>,
    /// The permissions of whoever presents the key.
    #[serde(default)]
    pub permissions: Vec<String>,
    /// The scopes of whoever presents the key.
    #[serde(default)]
    pub scopes: Vec<String>,
}
