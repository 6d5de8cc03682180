//! The reasons why a proof of possession is refused.

use thiserror::Error;

/// Why a proof of possession does not hold (RFC 9449 section 4.3).
///
/// The messages stand in an `error_description`, as those of [`TokenError`](crate::jose::TokenError) do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Error)]
pub enum ProofError {
    /// The algorithm is unknown, symmetric, not accepted, or not its key's.
    #[error("the algorithm of the proof is not accepted")]
    AlgorithmRefused,
    /// Its own key has not signed it.
    #[error("the signature of the proof is not valid")]
    BadSignature,
    /// It brings no key, a private one, or one that is not acceptable.
    #[error("the key of the proof is not accepted")]
    KeyRefused,
    /// Not a JWT with a `jti` of an acceptable length.
    #[error("the proof is malformed")]
    Malformed,
    /// The request has no proof, and the token requires one.
    #[error("the proof is missing")]
    Missing,
    /// There is more than one.
    #[error("there is more than one proof")]
    Repeated,
    /// A proof with the same `jti` was accepted before (RFC 9449 §11.1).
    #[error("the proof was used before")]
    Replayed,
    /// `iat` is missing, too long ago or in the future.
    #[error("the time of the proof is not accepted")]
    Stale,
    /// `htm` is not the request's method.
    #[error("the proof is for another method")]
    WrongMethod,
    /// `ath` is not the hash of the token.
    #[error("the proof is for another token")]
    WrongToken,
    /// `typ` is not `dpop+jwt`.
    #[error("the type of the proof is not accepted")]
    WrongType,
    /// `htu` is not the request's URI.
    #[error("the proof is for another address")]
    WrongUri,
}

impl ProofError {
    /// One word for logs and metrics.
    #[must_use]
    pub const fn reason(self) -> &'static str {
        match self {
            Self::AlgorithmRefused => "proof_algorithm_refused",
            Self::BadSignature => "proof_bad_signature",
            Self::KeyRefused => "proof_key_refused",
            Self::Malformed => "proof_malformed",
            Self::Missing => "proof_missing",
            Self::Repeated => "proof_repeated",
            Self::Replayed => "proof_replayed",
            Self::Stale => "proof_stale",
            Self::WrongMethod => "proof_wrong_method",
            Self::WrongToken => "proof_wrong_token",
            Self::WrongType => "proof_wrong_type",
            Self::WrongUri => "proof_wrong_uri",
        }
    }
}
