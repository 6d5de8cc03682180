//! `resource_metadata`: what clients may read about the protected resource.

use serde::Deserialize;

/// The metadata that the filter publishes about the protected resource (RFC 9728 §2); challenges point to it.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ResourceMetadata {
    /// The resource's identifier: an `https` URL without query and fragment.
    pub resource: String,
    /// The issuers whose tokens the resource accepts.
    #[serde(default)]
    pub authorization_servers: Vec<String>,
    /// Scopes that clients may ask for.
    #[serde(default)]
    pub scopes_supported: Vec<String>,
    /// The resource's name, for people.
    pub resource_name: Option<String>,
    /// The URL of the resource's documentation for developers.
    pub resource_documentation: Option<String>,
    /// The URL of the page that says what a client may do with the resource's data.
    pub resource_policy_uri: Option<String>,
    /// The URL of the resource's terms of service.
    pub resource_tos_uri: Option<String>,
}
