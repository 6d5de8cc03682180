//! What several kinds of provider have in common: keys that stand beside those of the kind.

use serde::Deserialize;

use super::{AlgorithmName, Jwks, ProfileSource, Source};
use crate::config::{ClaimCondition, Csrf, DurationText, OneOrMany, ProofOfPossession};
use crate::json::UniqueMap;

/// The keys of every kind: whom a credential stands for, and what becomes of it.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Common {
    /// Whether the credential goes upstream; removed by default.
    #[serde(default)]
    pub forward: bool,
    /// From which sites requests that change something may come with a cookie or a password; `"enforce"` where absent.
    pub csrf: Option<Csrf>,
    /// The claim that identifies the caller, in order of preference.
    pub subject: Option<OneOrMany>,
    /// The claim that names the caller, in order of preference.
    pub name: Option<OneOrMany>,
    /// The claim with the caller's e-mail address, in order of preference.
    pub email: Option<OneOrMany>,
    /// Where groups come from.
    pub groups: Option<Vec<Source>>,
    /// Where roles come from.
    pub roles: Option<Vec<Source>>,
    /// Where permissions come from.
    pub permissions: Option<Vec<Source>>,
    /// Where scopes come from.
    pub scopes: Option<Vec<Source>>,
    /// The directories whose profiles the caller has; those of its other lists where absent.
    pub profile: Option<Vec<ProfileSource>>,
}

/// The keys of kinds whose credentials are tokens with claims.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Tokens {
    /// How far clocks may differ.
    pub clock_skew: Option<DurationText>,
    /// Whether a token must expire; true by default, but for introspection.
    pub require_expiration: Option<bool>,
    /// The longest time between a token's issue and its expiry.
    pub max_lifetime: Option<DurationText>,
    /// Claims that each token must have, with their tests.
    #[serde(default)]
    pub required_claims: UniqueMap<ClaimCondition>,
    /// How tokens that are bound to a key are held against it; the binding is not looked at where absent.
    pub proof_of_possession: Option<ProofOfPossession>,
    /// The claim that names the client that the token was issued to, in order of preference.
    pub client_id: Option<OneOrMany>,
}

/// The keys of kinds whose tokens their issuer has signed.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Signatures {
    /// Signature algorithms that are accepted (RFC 7518 §3.1); all with a public key where absent.
    pub algorithms: Option<Vec<AlgorithmName>>,
    /// Where the keys come from.
    pub jwks: Option<Jwks>,
    /// Accepted values of the header `typ`.
    pub token_types: Option<Vec<String>>,
    /// Whether tokens have base64url with padding, as AWS's load balancers make them.
    pub padded: Option<bool>,
    /// Members that the header of each token must have, with their tests.
    #[serde(default)]
    pub required_header: UniqueMap<ClaimCondition>,
}
