//! The kind `jwt`.

use serde::Deserialize;

use super::{Common, Places, Signatures, Tokens};
use crate::config::{ClaimCondition, OneOrMany};
use crate::json::UniqueMap;

/// A provider of kind `jwt`: any issuer of JSON Web Tokens.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct JwtProvider {
    /// Defaults for an issuer of this make.
    pub preset: Option<Preset>,
    /// Exact values of `iss`, any of which is accepted.
    pub issuer: Option<OneOrMany>,
    /// Values of `aud`, any of which is accepted.
    pub audiences: Option<Vec<String>>,
    /// What tells a machine's token: claims with their tests, all of which hold.
    pub machine: Option<UniqueMap<ClaimCondition>>,
    /// How signatures are verified.
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

/// `preset`: what an issuer of this make is known to do. Each key given beside it counts instead.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Preset {
    /// Active Directory Federation Services.
    Adfs,
    /// Sign in with Apple.
    Apple,
    /// Auth0.
    Auth0,
    /// Clerk's sessions.
    Clerk,
    /// Cloudflare Access.
    CloudflareAccess,
    /// Azure AD B2C.
    EntraB2c,
    /// Microsoft Entra External ID.
    EntraExternalId,
    /// Firebase Authentication and Google Identity Platform.
    Firebase,
    /// GitHub Actions' tokens for jobs.
    GithubActions,
    /// GitLab's ID tokens for jobs.
    Gitlab,
    /// Google accounts.
    Google,
    /// Google's Identity-Aware Proxy.
    GoogleIap,
    /// Keycloak.
    Keycloak,
    /// Kubernetes service accounts.
    Kubernetes,
    /// Okta.
    Okta,
    /// PingOne, PingFederate and PingAM (ForgeRock).
    Ping,
    /// Supabase Auth.
    Supabase,
    /// Zitadel.
    Zitadel,
}
