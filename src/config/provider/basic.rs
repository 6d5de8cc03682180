//! The kind `basic`.

use serde::Deserialize;

use super::Common;
use crate::config::{SecretText, Service, Throttle};
use crate::json::UniqueMap;

/// A provider of kind `basic`: users of the configuration, or a service that knows them.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct BasicProvider {
    /// The protection space of `Basic` challenges (RFC 7617 §2); the provider's name where absent.
    pub realm: Option<String>,
    /// Users with their password hashes, by name.
    pub users: Option<UniqueMap<BasicUser>>,
    /// The service that verifies the credential.
    pub verify: Option<Service>,
    /// How many wrong passwords are looked at.
    pub throttle: Option<Throttle>,
    /// Whether password hashes are taken that block a worker for long.
    pub slow: Option<bool>,
    /// Whom passwords stand for.
    #[serde(rename = "..common")]
    #[cfg_attr(not(target_arch = "wasm32"), schemars(flatten))]
    pub common: Common,
}

/// A user of a `basic` provider.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct BasicUser {
    /// The password's hash.
    pub password_hash: SecretText,
    /// The identifier; the user's name where absent.
    pub user_id: Option<String>,
    /// The name for people; the user's name where absent.
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
}
