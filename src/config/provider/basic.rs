//! The kind `basic`.

use serde::Deserialize;

use super::Common;
use crate::config::{SecretText, Service, Throttle};
use crate::json::UniqueMap;

/// A provider of kind `basic`: users in the configuration, or a service that verifies passwords.
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
    /// How many wrong passwords the filter verifies before it refuses without verifying.
    pub throttle: Option<Throttle>,
    /// Whether the configuration may have password hashes that block a worker for long; false where absent.
    pub slow: Option<bool>,
    /// The identity that a password gives its caller.
    #[serde(rename = "..common")]
    #[cfg_attr(not(target_arch = "wasm32"), schemars(flatten))]
    pub common: Common,
}

/// A user of a `basic` provider.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct BasicUser {
    /// The hash of the user's password; the configuration never has the password itself.
    pub password_hash: SecretText,
    /// The user's identifier; the user's name where absent.
    pub user_id: Option<String>,
    /// The user's name for people; the user's name where absent.
    pub name: Option<String>,
    /// The user's e-mail address; none where absent.
    pub email: Option<String>,
    /// The groups of the user.
    #[serde(default)]
    pub groups: Vec<String>,
    /// The roles of the user.
    #[serde(default)]
    pub roles: Vec<String>,
    /// The permissions of the user.
    #[serde(default)]
    pub permissions: Vec<String>,
}
