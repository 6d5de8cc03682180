//! `proof_of_possession`: tokens that are bound to a key of the caller's.

use serde::Deserialize;

use super::{AlgorithmName, DurationText};

/// Which proofs a caller gives of the key that the token's `cnf` names (RFC 7800).
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ProofOfPossession {
    /// Proofs by DPoP (RFC 9449); the filter ignores them where absent.
    pub dpop: Option<Dpop>,
    /// Proof by the client certificate of the connection (RFC 8705 §3); the filter ignores it where absent.
    pub mtls: Option<Mtls>,
}

/// `dpop`: proofs of possession in the `DPoP` header (RFC 9449).
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Dpop {
    /// Whether a token must be bound to a key.
    #[serde(default)]
    pub required: bool,
    /// Algorithms that proofs may be signed with; ES256, EdDSA, PS256 and RS256 where absent.
    pub algorithms: Option<Vec<AlgorithmName>>,
    /// How long after its `iat` the filter accepts a proof; a minute where absent.
    pub lifetime: Option<DurationText>,
    /// The origins of this API as its clients name them; the scheme and host of each request where absent.
    pub origins: Option<Vec<String>>,
}

/// `mtls`: tokens that are bound to the client's certificate (RFC 8705 §3).
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Mtls {
    /// Whether a token must be bound to a certificate.
    #[serde(default)]
    pub required: bool,
}
