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
    /// The make of the issuer, which gives other keys their defaults.
    pub preset: Option<Preset>,
    /// Exact values of `iss`, any of which is accepted.
    pub issuer: Option<OneOrMany>,
    /// Values of `aud`, any of which is accepted.
    pub audiences: Option<Vec<String>>,
    /// Claims with their tests, all of which a machine's token passes.
    pub machine: Option<UniqueMap<ClaimCondition>>,
    /// How signatures are verified.
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

/// `preset`: the defaults for an issuer of this make. Each key in the configuration replaces its default.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Preset {
    /// Active Directory Federation Services.
    Adfs,
    /// Sign in with Apple.
    Apple,
    /// Auth0, with the access tokens of a tenant.
    Auth0,
    /// Clerk, with its session tokens.
    Clerk,
    /// Cloudflare Access, with its application tokens.
    CloudflareAccess,
    /// Azure AD B2C, with its user flows and custom policies.
    EntraB2c,
    /// Microsoft Entra External ID.
    EntraExternalId,
    /// Firebase Authentication and Google Identity Platform.
    Firebase,
    /// GitHub Actions' tokens for jobs.
    GithubActions,
    /// GitLab's ID tokens for jobs.
    Gitlab,
    /// Google accounts, with their ID tokens.
    Google,
    /// Google's Identity-Aware Proxy, with its signed header.
    GoogleIap,
    /// Keycloak, with the access tokens of a realm.
    Keycloak,
    /// Kubernetes, with the tokens of its service accounts.
    Kubernetes,
    /// Okta, with the access tokens of a custom authorization server.
    Okta,
    /// PingOne, PingFederate and PingAM (ForgeRock).
    Ping,
    /// Supabase Auth, with the access tokens of a project.
    Supabase,
    /// Zitadel, with its JWT access tokens.
    Zitadel,
}
