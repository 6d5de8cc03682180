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
    /// What tokens must say.
    #[serde(rename = "..tokens")]
    #[cfg_attr(not(target_arch = "wasm32"), schemars(flatten))]
    pub tokens: Tokens,
    /// Where tokens are read.
    #[serde(rename = "..places")]
    #[cfg_attr(not(target_arch = "wasm32"), schemars(flatten))]
    pub places: Places,
    /// Whom they stand for.
    #[serde(rename = "..common")]
    #[cfg_attr(not(target_arch = "wasm32"), schemars(flatten))]
    pub common: Common,
}

/// An accepted `token_use`.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum TokenUse {
    /// An access token.
    Access,
    /// An ID token.
    Id,
}

impl TokenUse {
    /// The claim's value.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Access => "access",
            Self::Id => "id",
        }
    }
}

/// `identity_pool`.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct IdentityPool {
    /// The pool's id, which begins with its region.
    pub id: String,
    /// Where the callout goes.
    pub upstream: Option<String>,
    /// Where Cognito Identity is; `https://cognito-identity.{region}.amazonaws.com/` where absent.
    pub uri: Option<String>,
    /// How long one callout may take.
    pub timeout: Option<DurationText>,
}
