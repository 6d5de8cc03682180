//! HMAC with SHA-2 (RFC 7518 section 3.2): for secrets that the operator shares with the issuer.

use std::fmt;

use hmac::{EagerHash, Hmac, KeyInit, Mac};
use sha2::{Sha256, Sha384, Sha512};

use super::{Algorithm, AlgorithmSet};
use crate::jose::KeyError;

/// A secret of at least 32 bytes.
#[derive(Clone)]
pub(in crate::jose) struct SharedSecret(Box<[u8]>);

impl SharedSecret {
    /// A secret from its bytes (RFC 7518 section 6.4.1).
    pub(in crate::jose) fn new(secret: Vec<u8>) -> Result<Self, KeyError> {
        let secret = Self(secret.into());
        if secret.algorithms().is_empty() {
            Err(KeyError::SecretTooShort)
        } else {
            Ok(secret)
        }
    }

    /// A secret is for the hashes that it is at least as long as (RFC 7518 section 3.2).
    pub(super) fn algorithms(&self) -> AlgorithmSet {
        [
            (32, Algorithm::Hs256),
            (48, Algorithm::Hs384),
            (64, Algorithm::Hs512),
        ]
        .into_iter()
        .filter(|(length, _)| self.0.len() >= *length)
        .map(|(_, algorithm)| algorithm)
        .collect()
    }

    pub(super) fn verify(&self, algorithm: Algorithm, message: &[u8], tag: &[u8]) -> bool {
        match algorithm {
            Algorithm::Hs256 => self.holds::<Sha256>(message, tag),
            Algorithm::Hs384 => self.holds::<Sha384>(message, tag),
            Algorithm::Hs512 => self.holds::<Sha512>(message, tag),
            _ => false,
        }
    }

    /// The whole tag, compared in a time that does not depend on where it differs.
    fn holds<D: EagerHash>(&self, message: &[u8], tag: &[u8]) -> bool {
        Hmac::<D>::new_from_slice(&self.0)
            .is_ok_and(|mac| mac.chain_update(message).verify_slice(tag).is_ok())
    }
}

/// Who knows the secret can sign: it is not for logs.
impl fmt::Debug for SharedSecret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("SharedSecret")
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
