//! The kind `entra_id`.

use serde::Deserialize;

use super::{Common, Places, Signatures, Tokens};
use crate::config::GroupsOverage;

/// A provider of kind `entra_id`: tenants of Microsoft Entra ID.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct EntraIdProvider {
    /// The Entra tenant, by its id.
    pub tenant_id: Option<String>,
    /// The Entra tenants, any of which is accepted, by their ids.
    pub tenants: Option<Vec<String>>,
    /// Values of `aud`, any of which is accepted.
    pub audiences: Option<Vec<String>>,
    /// The host of a national cloud of Entra; the public cloud where absent.
    pub authority: Option<String>,
    /// Where the groups of a caller come from who is in more groups than a token can list; `"deny"` where absent.
    pub groups_overage: Option<GroupsOverage>,
    /// How signatures are verified; the tenants' own keys without `jwks`.
    #[serde(rename = "..signatures")]
    #[cfg_attr(not(target_arch = "wasm32"), schemars(flatten))]
    pub signatures: Signatures,
    /// What tokens must contain.
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
