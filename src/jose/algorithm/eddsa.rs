//! EdDSA on Curve25519 (RFC 8037 section 3.1, RFC 8032 section 5.1.7).
//!
//! The strict reading, on which implementations agree: an encoding that is not canonical and a point of
//! small order are refused, in the key and in the signature alike, and the equation has no cofactor.

use ed25519_dalek::{Signature, VerifyingKey};

use crate::jose::{
    Algorithm, KeyError, cost,
    kernel::{EddsaKernel, OWN_KERNELS, Upkeep},
};

/// A point of large order, as the library has it, and as the kernel does.
#[derive(Clone, Debug)]
pub(in crate::jose) struct Ed25519Key {
    library: VerifyingKey,
    kernel: Option<EddsaKernel>,
}

impl Ed25519Key {
    /// A point from its 32 bytes (RFC 8032 section 5.1.2).
    pub(in crate::jose) fn new(bytes: &[u8]) -> Result<Self, KeyError> {
        let bytes = bytes.try_into().map_err(|_| KeyError::Malformed)?;
        if !is_canonical(bytes) {
            return Err(KeyError::Malformed);
        }
        let library = VerifyingKey::from_bytes(bytes).map_err(|_| KeyError::Malformed)?;
        if library.is_weak() {
            return Err(KeyError::SmallOrder);
        }
        let kernel = OWN_KERNELS.then(|| EddsaKernel::new(bytes));
        Ok(Self { library, kernel })
    }

    /// What a signature costs, in microseconds.
    pub(super) fn cost(&self) -> u32 {
        let has_table = self.kernel.as_ref().is_some_and(EddsaKernel::has_table);
        cost::of_point(Algorithm::EdDsa, has_table)
    }

    pub(super) fn verify(&self, message: &[u8], signature: &[u8], upkeep: Upkeep<'_>) -> bool {
        if !OWN_KERNELS {
            return self.verify_by_library(message, signature);
        }
        let kernel = self.kernel.as_ref();
        kernel.is_some_and(|kernel| kernel.verify(message, signature, upkeep))
    }

    fn verify_by_library(&self, message: &[u8], signature: &[u8]) -> bool {
        Signature::from_slice(signature)
            .is_ok_and(|signature| self.library.verify_strict(message, &signature).is_ok())
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
