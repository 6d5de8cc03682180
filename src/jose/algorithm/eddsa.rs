//! EdDSA on Curve25519 (RFC 8037 section 3.1, RFC 8032 section 5.1.7).
//!
//! The strict reading, on which implementations agree: an encoding that is not canonical and a point of
//! small order are refused, in the key and in the signature alike, and the equation has no cofactor.

use ed25519_dalek::{Signature, VerifyingKey};

use crate::jose::KeyError;

/// A point of large order.
#[derive(Clone, Debug)]
pub(in crate::jose) struct Ed25519Key(VerifyingKey);

impl Ed25519Key {
    /// A point from its 32 bytes (RFC 8032 section 5.1.2).
    pub(in crate::jose) fn new(bytes: &[u8]) -> Result<Self, KeyError> {
        let bytes = bytes.try_into().map_err(|_| KeyError::Malformed)?;
        if !is_canonical(bytes) {
            return Err(KeyError::Malformed);
        }
        let key = VerifyingKey::from_bytes(bytes).map_err(|_| KeyError::Malformed)?;
        if key.is_weak() {
            Err(KeyError::SmallOrder)
        } else {
            Ok(Self(key))
        }
    }

    pub(super) fn verify(&self, message: &[u8], signature: &[u8]) -> bool {
        Signature::from_slice(signature)
            .is_ok_and(|signature| self.0.verify_strict(message, &signature).is_ok())
    }
}

/// Whether the coordinate is below `2^255 - 19`, little-endian; the library reduces a larger one.
///
/// What else is not canonical, a sign of zero, is of small order.
fn is_canonical([lowest, middle @ .., highest]: &[u8; 32]) -> bool {
    highest & 0x7f != 0x7f || middle.iter().any(|byte| *byte != 0xff) || *lowest < 0xed
}

#[cfg(test)]
mod tests;
