//! Tokens that count only for who has a key: those of RFC 9449 (DPoP) come with a proof that the key has signed for this
//! very request, those of RFC 8705 section 3 over a connection on which the key's certificate was shown.
//!
//! Which key it is says the token, in its `cnf` (RFC 7800). What is checked here costs no signature: [`Dpop::check`]
//! comes before the proof's signature, [`Replays`] after it.

mod error;
mod replays;
mod uri;

use std::time::Duration;

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use serde_json::Value;
use sha2::{Digest, Sha256};

pub use self::error::ProofError;
pub use self::replays::{ReplayError, Replays};
pub use self::uri::origin;

use crate::headers::Headers;
use crate::jose::{AlgorithmSet, ClaimSet, TokenError, UntrustedToken};
use crate::time::UnixTime;

/// The header with the proof.
pub const HEADER: &str = "dpop";
/// The longest `jti`, in bytes: none is kept, so this only says what is one.
const LONGEST_ID: usize = 256;

/// How tokens are bound to keys.
#[derive(Clone, Debug, Default)]
pub struct Possession {
    /// By proofs, where they are understood.
    pub dpop: Option<Dpop>,
    /// By certificates, where they are looked at: whether tokens must be bound so.
    pub mtls: Option<bool>,
}

/// What is asked of proofs.
#[derive(Clone, Debug)]
pub struct Dpop {
    /// Whether tokens must be bound to a key.
    pub required: bool,
    /// The algorithms that proofs may be signed with.
    pub algorithms: AlgorithmSet,
    /// How long after its making a proof counts.
    pub lifetime: Duration,
    /// By how much the client's clock and ours may differ.
    pub clock_skew: Duration,
    /// The origins that proofs may be made for; that of the request where there are none.
    pub origins: Box<[String]>,
}

impl Dpop {
    /// The names of the algorithms, as challenges list them.
    #[must_use]
    pub fn algorithm_names(&self) -> String {
        let names: Vec<_> = self.algorithms.iter().map(|one| one.name()).collect();
        names.join(" ")
    }

    /// How long after its `iat` a proof can count.
    #[must_use]
    pub const fn window(&self) -> Duration {
        self.lifetime.saturating_add(self.clock_skew)
    }

    /// All of RFC 9449 section 4.3 but time, key, signature and whether the proof came before. Its `jti`.
    ///
    /// # Errors
    /// The first check that fails.
    pub fn check<'p>(
        &self,
        proof: &'p UntrustedToken<'_>,
        head: &Headers,
        token: &str,
    ) -> Result<&'p str, ProofError> {
        let claim = |name| proof.claims().members().get(name).and_then(Value::as_str);
        if proof.token_type() != Some("dpop+jwt") {
            return Err(ProofError::WrongType);
        }
        let algorithm = proof.algorithm();
        if !algorithm.is_ok_and(|algorithm| self.algorithms.contains(algorithm)) {
            return Err(ProofError::AlgorithmRefused);
        }
        let id = claim("jti").filter(|id| (1..=LONGEST_ID).contains(&id.len()));
        let id = id.ok_or(ProofError::Malformed)?;
        if claim("htm").map(str::as_bytes) != head.first(":method") {
            return Err(ProofError::WrongMethod);
        }
        if !claim("htu").is_some_and(|target| uri::is_target(target, head, &self.origins)) {
            return Err(ProofError::WrongUri);
        }
        let hash = BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(token));
        if claim("ath") != Some(hash.as_str()) {
            return Err(ProofError::WrongToken);
        }
        Ok(id)
    }

    /// When the proof was made, where it counts now.
    ///
    /// # Errors
    /// `Stale` where it does not say that, or was made too long ago or after now.
    pub fn check_time(
        &self,
        proof: &UntrustedToken<'_>,
        now: UnixTime,
    ) -> Result<UnixTime, ProofError> {
        let made = proof.claims().issued_at().ok_or(ProofError::Stale)?;
        if made <= now.plus(self.clock_skew) && now < made.plus(self.window()) {
            Ok(made)
        } else {
            Err(ProofError::Stale)
        }
    }
}

/// The one proof of a request.
///
/// # Errors
/// Where there is none, or more than one.
pub fn proof_of(head: &Headers) -> Result<&str, ProofError> {
    let mut all = head.all(HEADER);
    let proof = all.next().ok_or(ProofError::Missing)?;
    if all.next().is_some() {
        return Err(ProofError::Repeated);
    }
    std::str::from_utf8(proof).map_err(|_| ProofError::Malformed)
}

/// The key that a token is bound to by this member of its `cnf` (RFC 7800 section 3); none where it is not bound so.
///
/// # Errors
/// `WrongKey` for a `cnf` that is none: nobody can have its key.
pub fn bound_to<'c>(claims: &'c ClaimSet, by: &str) -> Result<Option<&'c str>, TokenError> {
    let Some(confirmation) = claims.members().get("cnf") else {
        return Ok(None);
    };
    let members = confirmation.as_object().ok_or(TokenError::WrongKey)?;
    let text = |value: &'c Value| value.as_str().ok_or(TokenError::WrongKey);
    members.get(by).map(text).transpose()
}

/// Checks that a token counts on a connection with this certificate, of which the SHA-256 is given.
///
/// # Errors
/// `NotBound`, `CertificateMissing`, `WrongCertificate`.
pub fn check_certificate(
    required: bool,
    claims: &ClaimSet,
    certificate: Option<&[u8; 32]>,
) -> Result<(), TokenError> {
    match bound_to(claims, "x5t#S256")? {
        None if required => Err(TokenError::NotBound),
        None => Ok(()),
        Some(wanted) => {
            let shown = certificate.ok_or(TokenError::CertificateMissing)?;
            let same = BASE64_URL_SAFE_NO_PAD.encode(shown) == wanted;
            same.then_some(()).ok_or(TokenError::WrongCertificate)
        }
    }
}

#[cfg(test)]
mod tests;
