//! The kind `http`.

use serde::Deserialize;

use super::{Common, Places};
use crate::config::{ClaimCondition, OneOrMany, Service};
use crate::json::UniqueMap;

/// A provider of kind `http`: a service that verifies any credential.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct HttpProvider {
    /// The service that verifies the credential.
    pub verify: Service,
    /// Claims with their tests, all of which a machine's claims pass; no caller is a machine where absent.
    pub machine: Option<UniqueMap<ClaimCondition>>,
    /// The claims that name the caller's client, in order of preference.
    pub client_id: Option<OneOrMany>,
    /// Where the filter reads credentials.
    #[serde(rename = "..places")]
    #[cfg_attr(not(target_arch = "wasm32"), schemars(flatten))]
    pub places: Places,
    /// The identity that a credential gives its caller.
    #[serde(rename = "..common")]
    #[cfg_attr(not(target_arch = "wasm32"), schemars(flatten))]
    pub common: Common,
}
