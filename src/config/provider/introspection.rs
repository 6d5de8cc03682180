//! The kind `introspection`.

use serde::Deserialize;

use super::{Common, Places, Tokens};
use crate::config::{ClaimCondition, Introspection, OneOrMany};
use crate::json::UniqueMap;

/// A provider of kind `introspection`: an authorization server that says of each token whether it is active (RFC 7662).
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct IntrospectionProvider {
    /// The authorization server's introspection endpoint.
    pub introspection: Introspection,
    /// Exact values of `iss`, any of which is accepted.
    pub issuer: Option<OneOrMany>,
    /// Values of `aud`, any of which is accepted.
    pub audiences: Option<Vec<String>>,
    /// Claims with their tests, all of which a machine's token passes.
    pub machine: Option<UniqueMap<ClaimCondition>>,
    /// What the server's answer about a token must contain.
    #[serde(rename = "..tokens")]
    #[cfg_attr(not(target_arch = "wasm32"), schemars(flatten))]
    pub tokens: Tokens,
    /// Where the filter reads tokens.
    #[serde(rename = "..places")]
    #[cfg_attr(not(target_arch = "wasm32"), schemars(flatten))]
    pub places: Places,
    /// The identity that a token gives its caller.
    #[serde(rename = "..common")]
    #[cfg_attr(not(target_arch = "wasm32"), schemars(flatten))]
    pub common: Common,
}
