//! ECDSA (RFC 7518 section 3.4, RFC 8812 section 3).
//!
//! A signature is `r` and `s`, each as long as the order of the curve and in `[1, n-1]`. JWS has no
//! low-`s` rule, so both halves of the range are good, on secp256k1 too.

use p256::ecdsa::signature::Verifier;

use super::Algorithm;
use crate::jose::KeyError;

/// A point on a curve; each curve goes with one algorithm.
#[derive(Clone, Debug)]
pub(in crate::jose) enum EcKey {
    P256(p256::ecdsa::VerifyingKey),
    P384(p384::ecdsa::VerifyingKey),
    P521(p521::ecdsa::VerifyingKey),
    Secp256k1(k256::ecdsa::VerifyingKey),
}

impl EcKey {
    /// A point from its coordinates, each exactly as long as the field (RFC 7518 section 6.2.1.2).
    pub(in crate::jose) fn new(curve: &str, x: &[u8], y: &[u8]) -> Result<Self, KeyError> {
        match curve {
            "P-256" => point(32, x, y).map(Self::P256),
            "P-384" => point(48, x, y).map(Self::P384),
            "P-521" => point(66, x, y).map(Self::P521),
            "secp256k1" => point(32, x, y).map(Self::Secp256k1),
            _ => Err(KeyError::UnsupportedCurve),
        }
    }

    pub(super) const fn algorithm(&self) -> Algorithm {
        match self {
            Self::P256(_) => Algorithm::Es256,
            Self::P384(_) => Algorithm::Es384,
            Self::P521(_) => Algorithm::Es512,
            Self::Secp256k1(_) => Algorithm::Es256k,
        }
    }

    pub(super) fn verify(&self, message: &[u8], signature: &[u8]) -> bool {
        match self {
            Self::P256(key) => holds::<p256::ecdsa::Signature>(key, message, signature),
            Self::P384(key) => holds::<p384::ecdsa::Signature>(key, message, signature),
            Self::P521(key) => holds::<p521::ecdsa::Signature>(key, message, signature),
            // The library holds this curve to Bitcoin's low-`s` rule, which is not one of JWS.
            Self::Secp256k1(key) => k256::ecdsa::Signature::from_slice(signature)
                .is_ok_and(|signature| key.verify(message, &signature.normalize_s()).is_ok()),
        }
    }
}

/// The library checks that the point is on the curve; no coordinates name the point at infinity.
fn point<K: for<'b> TryFrom<&'b [u8]>>(length: usize, x: &[u8], y: &[u8]) -> Result<K, KeyError> {
    if x.len() != length || y.len() != length {
        return Err(KeyError::Malformed);
    }
    let uncompressed = [&[4], x, y].concat();
    K::try_from(&uncompressed).map_err(|_| KeyError::Malformed)
}

fn holds<S: for<'b> TryFrom<&'b [u8]>>(
    key: &impl Verifier<S>,
    message: &[u8],
    signature: &[u8],
) -> bool {
    S::try_from(signature).is_ok_and(|signature| key.verify(message, &signature).is_ok())
}

#[cfg(test)]
mod tests;
