//! `proof_of_possession`: tokens that are bound to a key of the caller's.

use serde::Deserialize;

use super::{AlgorithmName, DurationText};

/// How tokens are held against the key that their `cnf` names (RFC 7800).
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ProofOfPossession {
    /// By proofs of possession (RFC 9449); none are looked at where absent.
    pub dpop: Option<Dpop>,
    /// By the certificate of the connection (RFC 8705 §3); none is looked at where absent.
    pub mtls: Option<Mtls>,
}

/// `dpop`.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Dpop {
    /// Whether a token must be bound to a key.
    #[serde(default)]
    pub required: bool,
    /// Algorithms that proofs may be signed with; ES256, EdDSA, PS256 and RS256 where absent.
    pub algorithms: Option<Vec<AlgorithmName>>,
    /// How long after its making a proof counts; a minute where absent.
    pub lifetime: Option<DurationText>,
    /// The origins of this API as its clients name them; the scheme and host of each request where absent.
    pub origins: Option<Vec<String>>,
}

/// `mtls`.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Mtls {
    /// Whether a token must be bound to a certificate.
    #[serde(default)]
    pub required: bool,
}
