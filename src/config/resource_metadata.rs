//! `resource_metadata`: what clients may know of the protected resource.

use serde::Deserialize;

/// What a client finds of the protected resource (RFC 9728 §2), and where its challenges point.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ResourceMetadata {
    /// The resource's identifier: an `https` URL without query and fragment.
    pub resource: String,
    /// The issuers whose tokens it takes.
    #[serde(default)]
    pub authorization_servers: Vec<String>,
    /// Scopes that clients may ask for.
    #[serde(default)]
    pub scopes_supported: Vec<String>,
    /// Its name, for people.
    pub resource_name: Option<String>,
    /// Where developers read about it.
    pub resource_documentation: Option<String>,
    /// Where people read what a client may do with its data.
    pub resource_policy_uri: Option<String>,
    /// Its terms of service.
    pub resource_tos_uri: Option<String>,
}
