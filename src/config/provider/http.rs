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
    /// What tells a machine's credential: claims with their tests, all of which hold.
    pub machine: Option<UniqueMap<ClaimCondition>>,
    /// The claim that names the caller's client, in order of preference.
    pub client_id: Option<OneOrMany>,
    /// Where credentials are read.
    #[serde(rename = "..places")]
    #[cfg_attr(not(target_arch = "wasm32"), schemars(flatten))]
    pub places: Places,
    /// Whom they stand for.
    #[serde(rename = "..common")]
    #[cfg_attr(not(target_arch = "wasm32"), schemars(flatten))]
    pub common: Common,
}
