//! The kind `cognito`.

use serde::Deserialize;

use super::{Common, Places, Signatures, Tokens};
use crate::config::DurationText;

/// A provider of kind `cognito`: an Amazon Cognito user pool.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct CognitoProvider {
    /// AWS region of the user pool.
    pub region: String,
    /// The user pool's id.
    pub user_pool_id: String,
    /// App clients whose tokens are accepted.
    pub client_ids: Option<Vec<String>>,
    /// Accepted values of `token_use`; `["access"]` where absent.
    pub token_use: Option<Vec<TokenUse>>,
    /// The identity pool that gives the caller temporary AWS credentials.
    pub identity_pool: Option<IdentityPool>,
    /// How signatures are verified; the pool's own keys without `jwks`.
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

/// A value of the claim `token_use` that the filter accepts.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum TokenUse {
    /// An access token: `"token_use": "access"`.
    Access,
    /// An ID token: `"token_use": "id"`.
    Id,
}

impl TokenUse {
    /// The value as it is in the claim `token_use`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Access => "access",
            Self::Id => "id",
        }
    }
}

/// `identity_pool`: the Amazon Cognito identity pool that exchanges a token for AWS credentials.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct IdentityPool {
    /// The pool's id, which begins with its region.
    pub id: String,
    /// Where the callout goes; the URI's host where absent.
    pub upstream: Option<String>,
    /// The address of Cognito Identity; `https://cognito-identity.{region}.amazonaws.com/` where absent.
    pub uri: Option<String>,
    /// How long one callout may take; 5 seconds where absent.
    pub timeout: Option<DurationText>,
}
