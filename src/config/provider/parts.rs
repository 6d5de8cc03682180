//! The keys that several kinds of provider share; each kind adds its own keys to them.

use serde::Deserialize;

use super::{AlgorithmName, Jwks, ProfileSource, Source};
use crate::config::{ClaimCondition, Csrf, DurationText, OneOrMany, ProofOfPossession};
use crate::json::UniqueMap;

/// The keys of every kind: the identity that a credential gives its caller, and what the filter does with the
/// credential.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Common {
    /// Whether the credential goes upstream; the filter removes it where absent.
    #[serde(default)]
    pub forward: bool,
    /// The sites from which requests that change something may come with a cookie or a password; `"enforce"` where
    /// absent.
    pub csrf: Option<Csrf>,
    /// The claims that identify the caller, in order of preference.
    pub subject: Option<OneOrMany>,
    /// The claims that name the caller for people, in order of preference.
    pub name: Option<OneOrMany>,
    /// The claims with the caller's e-mail address, in order of preference.
    pub email: Option<OneOrMany>,
    /// The sources of the caller's groups.
    pub groups: Option<Vec<Source>>,
    /// The sources of the caller's roles.
    pub roles: Option<Vec<Source>>,
    /// The sources of the caller's permissions.
    pub permissions: Option<Vec<Source>>,
    /// The sources of the caller's scopes.
    pub scopes: Option<Vec<Source>>,
    /// The directories that the caller's profile comes from; those of the other lists where absent.
    pub profile: Option<Vec<ProfileSource>>,
}

/// The keys of kinds whose credentials are tokens with claims.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Tokens {
    /// How far the clocks of issuers and clients may differ from the filter's; a minute where absent.
    pub clock_skew: Option<DurationText>,
    /// Whether a token must expire; true where absent, but for introspection.
    pub require_expiration: Option<bool>,
    /// The longest time between a token's issue (`iat`) and its expiry (`exp`); no bound where absent.
    pub max_lifetime: Option<DurationText>,
    /// Claims that each token must have, with the tests that they must pass.
    #[serde(default)]
    pub required_claims: UniqueMap<ClaimCondition>,
    /// How callers prove that they have the key that a token is bound to; the filter ignores the binding where absent.
    pub proof_of_possession: Option<ProofOfPossession>,
    /// The claims that name the client that the token was issued to, in order of preference.
    pub client_id: Option<OneOrMany>,
}

/// The keys of kinds whose tokens are signed by their issuer.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Signatures {
    /// Signature algorithms that are accepted (RFC 7518 §3.1); all with a public key where absent.
    pub algorithms: Option<Vec<AlgorithmName>>,
    /// The source of the issuer's keys; the kind or the preset knows it where absent.
    pub jwks: Option<Jwks>,
    /// Values of the header member `typ` that the filter accepts (RFC 7515 §4.1.9).
    pub token_types: Option<Vec<String>>,
    /// Whether tokens have base64url with padding, as AWS's load balancers make them.
    pub padded: Option<bool>,
    /// Members that the header of each token must have, with the tests that they must pass.
    #[serde(default)]
    pub required_header: UniqueMap<ClaimCondition>,
}
