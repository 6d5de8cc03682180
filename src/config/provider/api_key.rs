//! The kind `api_key`.

use serde::Deserialize;

use super::{Common, Places};
use crate::config::{OneOrMany, SecretText, Service};
use crate::json::UniqueMap;

/// A provider of kind `api_key`: keys of the configuration, or a service that knows them.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ApiKeyProvider {
    /// API keys, by the name of their owner.
    pub keys: Option<UniqueMap<ApiKey>>,
    /// The service that verifies the credential.
    pub verify: Option<Service>,
    /// The claim that names the caller's client, in order of preference.
    pub client_id: Option<OneOrMany>,
    /// Where keys are read.
    #[serde(rename = "..places")]
    #[cfg_attr(not(target_arch = "wasm32"), schemars(flatten))]
    pub places: Places,
    /// Whom they stand for.
    #[serde(rename = "..common")]
    #[cfg_attr(not(target_arch = "wasm32"), schemars(flatten))]
    pub common: Common,
}

/// A key of an `api_key` provider.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ApiKey {
    /// `sha256:` and the key's SHA-256 in hexadecimal.
    pub digest: SecretText,
    /// When the key ends (RFC 3339); never where absent.
    pub expires_at: Option<String>,
    /// The name for people; the owner's name where absent.
    pub name: Option<String>,
    /// The e-mail address.
    pub email: Option<String>,
    /// Groups.
    #[serde(default)]
    pub groups: Vec<String>,
    /// Roles.
    #[serde(default)]
    pub roles: Vec<String>,
    /// Permissions.
    #[serde(default)]
    pub permissions: Vec<String>,
    /// Scopes.
    #[serde(default)]
    pub scopes: Vec<String>,
}
