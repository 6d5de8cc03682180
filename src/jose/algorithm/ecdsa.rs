//! ECDSA (RFC 7518 section 3.4, RFC 8812 section 3).
//!
//! A signature is `r` and `s`, each as long as the order of the curve and in `[1, n-1]`. JWS has no
//! low-`s` rule, so both halves of the range are good, on secp256k1 too.

use p256::{ecdsa::signature::Verifier, elliptic_curve::point::AffineCoordinates};
use sha2::{Digest, Sha256, Sha384, Sha512};

use super::Algorithm;
use crate::jose::{
    KeyError, cost,
    kernel::{Curve, EcdsaKernel, OWN_KERNELS, P256, P384, P521, Secp256k1, Upkeep},
};

/// A point on a curve; each curve goes with one algorithm.
#[derive(Clone, Debug)]
pub(in crate::jose) enum EcKey {
    P256(Point<p256::ecdsa::VerifyingKey, P256, 9>),
    P384(Point<p384::ecdsa::VerifyingKey, P384, 14>),
    P521(Point<p521::ecdsa::VerifyingKey, P521, 19>),
    Secp256k1(Point<k256::ecdsa::VerifyingKey, Secp256k1, 9>),
}

impl EcKey {
    /// A point from its coordinates, each exactly as long as the field (RFC 7518 section 6.2.1.2).
    pub(in crate::jose) fn new(curve: &str, x: &[u8], y: &[u8]) -> Result<Self, KeyError> {
        match curve {
            "P-256" => Point::new((x, y), p256::ecdsa::VerifyingKey::from_affine).map(Self::P256),
            "P-384" => Point::new((x, y), p384::ecdsa::VerifyingKey::from_affine).map(Self::P384),
            "P-521" => Point::new((x, y), p521::ecdsa::VerifyingKey::from_affine).map(Self::P521),
            "secp256k1" => {
                Point::new((x, y), k256::ecdsa::VerifyingKey::from_affine).map(Self::Secp256k1)
            }
            _ => Err(KeyError::UnsupportedCurve),
        }
    }

    /// In how many bytes a coordinate of a curve is written.
    pub(in crate::jose) fn field_bytes(curve: &str) -> Option<usize> {
        match curve {
            "P-256" | "secp256k1" => Some(32),
            "P-384" => Some(48),
            "P-521" => Some(66),
            _ => None,
        }
    }

    /// The algorithm that goes with a curve.
    pub(in crate::jose) fn algorithm_of(curve: &str) -> Option<Algorithm> {
        match curve {
            "P-256" => Some(Algorithm::Es256),
            "P-384" => Some(Algorithm::Es384),
            "P-521" => Some(Algorithm::Es512),
            "secp256k1" => Some(Algorithm::Es256k),
            _ => None,
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

    /// What a signature costs, in microseconds.
    pub(super) fn cost(&self) -> u32 {
        let has_table = match self {
            Self::P256(point) => point.has_table(),
            Self::P384(point) => point.has_table(),
            Self::P521(point) => point.has_table(),
            Self::Secp256k1(point) => point.has_table(),
        };
        cost::of_point(self.algorithm(), has_table)
    }

    pub(super) fn verify(&self, message: &[u8], signature: &[u8], upkeep: Upkeep<'_>) -> bool {
        if !OWN_KERNELS {
            return self.verify_by_library(message, signature);
        }
        match self {
            Self::P256(point) => point.verify_by_kernel::<Sha256>(message, signature, upkeep),
            Self::P384(point) => point.verify_by_kernel::<Sha384>(message, signature, upkeep),
            Self::P521(point) => point.verify_by_kernel::<Sha512>(message, signature, upkeep),
            Self::Secp256k1(point) => point.verify_by_kernel::<Sha256>(message, signature, upkeep),
        }
    }

    pub(in crate::jose) fn verify_by_library(&self, message: &[u8], signature: &[u8]) -> bool {
        match self {
            Self::P256(key) => key.holds::<p256::ecdsa::Signature>(message, signature),
            Self::P384(key) => key.holds::<p384::ecdsa::Signature>(message, signature),
            Self::P521(key) => key.holds::<p521::ecdsa::Signature>(message, signature),
            // The library holds this curve to Bitcoin's low-`s` rule, which is not one of JWS.
            Self::Secp256k1(Point { library: key, .. }) => {
                k256::ecdsa::Signature::from_slice(signature)
                    .is_ok_and(|signature| key.verify(message, &signature.normalize_s()).is_ok())
            }
        }
    }
}

/// A point as the library has it, and as the kernel does.
#[derive(Clone, Debug)]
pub(in crate::jose) struct Point<K, C: Curve<L>, const L: usize> {
    library: K,
    kernel: Option<EcdsaKernel<C, L>>,
}

impl<K, C: Curve<L>, const L: usize> Point<K, C, L> {
    /// The library checks that the point is on the curve; no coordinates name the point at infinity.
    ///
    /// It gets the coordinates, not the encoding of a point: what decodes the compressed ones is 56 KiB of code.
    fn new<A: AffineCoordinates, E>(
        (x, y): (&[u8], &[u8]),
        library: impl FnOnce(A) -> Result<K, E>,
    ) -> Result<Self, KeyError>
    where
        A::FieldRepr: for<'b> TryFrom<&'b [u8]>,
    {
        let [own_x, own_y] = [x, y].map(|bytes| A::FieldRepr::try_from(bytes).ok());
        let library = own_x
            .zip(own_y)
            .and_then(|(x, y)| A::from_coordinates(&x, &y).into_option())
            .and_then(|point| library(point).ok())
            .ok_or(KeyError::Malformed)?;
        let kernel = OWN_KERNELS.then(|| EcdsaKernel::new(x, y));
        let kernel = kernel.flatten();
        Ok(Self { library, kernel })
    }
}

impl<K, C: Curve<L>, const L: usize> Point<K, C, L> {
    fn has_table(&self) -> bool {
        self.kernel.as_ref().is_some_and(EcdsaKernel::has_table)
    }

    fn verify_by_kernel<D: Digest>(
        &self,
        message: &[u8],
        signature: &[u8],
        upkeep: Upkeep<'_>,
    ) -> bool {
        let kernel = self.kernel.as_ref();
        kernel.is_some_and(|kernel| kernel.verify(&D::digest(message), signature, upkeep))
    }

    fn holds<S: for<'b> TryFrom<&'b [u8]>>(&self, message: &[u8], signature: &[u8]) -> bool
    where
        K: Verifier<S>,
    {
        S::try_from(signature)
            .is_ok_and(|signature| self.library.verify(message, &signature).is_ok())
    }
}

#[cfg(test)]
mod tests;
