//! RSASSA-PKCS1-v1_5 and RSASSA-PSS (RFC 7518 sections 3.3 and 3.5).
//!
//! A signature has as many bytes as the modulus (RFC 8017 sections 8.1.2 and 8.2.2). PSS takes the hash
//! of the message for MGF1 too, and a salt of exactly its length.

use std::ops::RangeInclusive;

use rsa::BoxedUint;
use sha2::{Sha256, Sha384, Sha512};

use super::{Algorithm, AlgorithmSet};
use crate::jose::{
    KeyError, cost,
    kernel::{OWN_KERNELS, RsaKernel},
};

/// At least what RFC 7518 section 3.3 asks for, at most what a stranger's token may cost.
const MODULUS_BITS: RangeInclusive<usize> = 2048..=8192;

/// A modulus of an accepted size and an odd exponent of 2 to 33 bits; the library has admitted it, the kernel verifies.
#[derive(Clone, Debug)]
pub(in crate::jose) struct RsaKey {
    library: rsa::PublicKey,
    kernel: Option<RsaKernel>,
}

impl RsaKey {
    /// A key from modulus and exponent, big-endian (RFC 7518 section 6.3.1).
    pub(in crate::jose) fn new(modulus: &[u8], exponent: &[u8]) -> Result<Self, KeyError> {
        let (modulus, exponent) = (
            without_leading_zeros(modulus),
            without_leading_zeros(exponent),
        );
        if modulus.len() > MODULUS_BITS.end() / 8 {
            return Err(KeyError::KeyTooLarge);
        }
        // The arithmetic works on whole words; the library's own bound of an exponent is 33 bits.
        if modulus.is_empty() || exponent.is_empty() || exponent.len() > 8 {
            return Err(KeyError::Malformed);
        }
        let number = BoxedUint::from_be_slice_vartime;
        let key =
            rsa::PublicKey::new_with_size_limits(number(modulus), number(exponent), MODULUS_BITS)
                .map_err(|error| match error {
                rsa::Error::ModulusTooLarge => KeyError::KeyTooLarge,
                rsa::Error::ModulusTooSmall => KeyError::KeyTooSmall,
                _ => KeyError::Malformed,
            })?;
        if is_of_flawed_generator(modulus) {
            Err(KeyError::FlawedModulus)
        } else {
            Ok(Self {
                library: key,
                kernel: OWN_KERNELS
                    .then(|| RsaKernel::new(modulus, exponent))
                    .flatten(),
            })
        }
    }

    pub(super) fn algorithms() -> AlgorithmSet {
        AlgorithmSet::from_iter([
            Algorithm::Ps256,
            Algorithm::Ps384,
            Algorithm::Ps512,
            Algorithm::Rs256,
            Algorithm::Rs384,
            Algorithm::Rs512,
        ])
    }

    /// What a signature costs, in microseconds.
    pub(super) fn cost(&self) -> u32 {
        self.kernel.as_ref().map_or_else(
            || cost::of_rsa(*MODULUS_BITS.end(), cost::USUAL_PRODUCTS),
            |kernel| {
                let (bits, products) = kernel.size();
                cost::of_rsa(bits, products)
            },
        )
    }

    pub(super) fn verify(&self, algorithm: Algorithm, message: &[u8], signature: &[u8]) -> bool {
        if OWN_KERNELS {
            self.verify_by_kernel(algorithm, message, signature)
        } else {
            self.verify_by_library(algorithm, message, signature)
        }
    }

    fn verify_by_kernel(&self, algorithm: Algorithm, message: &[u8], signature: &[u8]) -> bool {
        let Some(kernel) = &self.kernel else {
            return false;
        };
        match algorithm {
            Algorithm::Ps256 => kernel.verify_pss::<Sha256>(message, signature),
            Algorithm::Ps384 => kernel.verify_pss::<Sha384>(message, signature),
            Algorithm::Ps512 => kernel.verify_pss::<Sha512>(message, signature),
            Algorithm::Rs256 => kernel.verify_pkcs1::<Sha256>(message, signature),
            Algorithm::Rs384 => kernel.verify_pkcs1::<Sha384>(message, signature),
            Algorithm::Rs512 => kernel.verify_pkcs1::<Sha512>(message, signature),
            _ => false,
        }
    }

    fn verify_by_library(&self, algorithm: Algorithm, message: &[u8], signature: &[u8]) -> bool {
        let key = &self.library;
        match algorithm {
            Algorithm::Ps256 => key.pss_verify::<Sha256>(message, signature),
            Algorithm::Ps384 => key.pss_verify::<Sha384>(message, signature),
            Algorithm::Ps512 => key.pss_verify::<Sha512>(message, signature),
            Algorithm::Rs256 => key.pkcs1v15_verify::<Sha256>(message, signature),
            Algorithm::Rs384 => key.pkcs1v15_verify::<Sha384>(message, signature),
            Algorithm::Rs512 => key.pkcs1v15_verify::<Sha512>(message, signature),
            _ => return false,
        }
        .is_ok()
    }
}

/// Some issuers pad their numbers; the number is the same.
pub(in crate::jose) fn without_leading_zeros(bytes: &[u8]) -> &[u8] {
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    bytes.get(zeros..).unwrap_or_default()
}

/// Whether the modulus is one of those that can be factored because of how its primes were made
/// (CVE-2017-15361, "ROCA").
///
/// The generator's primes are a power of 65537 modulo the product of small primes, and so is a product
/// of two. Of other moduli one in 2^154 is.
fn is_of_flawed_generator(modulus: &[u8]) -> bool {
    const SMALL_PRIMES: [usize; 38] = [
        3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89,
        97, 101, 103, 107, 109, 113, 127, 131, 137, 139, 149, 151, 157, 163, 167,
    ];
    let logarithms: Option<Vec<_>> = SMALL_PRIMES
        .iter()
        .map(|prime| logarithm(modulus, *prime))
        .collect();
    // Exponents modulo the orders are those of one power where they agree pair by pair.
    logarithms.is_some_and(|all| {
        all.iter().all(|(exponent, order)| {
            all.iter().all(|(other, other_order)| {
                exponent.abs_diff(*other) % greatest_common_divisor(*order, *other_order) == 0
            })
        })
    })
}

/// The exponent that makes 65537 the modulus, both modulo a small prime, and the order of 65537.
fn logarithm(modulus: &[u8], prime: usize) -> Option<(usize, usize)> {
    let residue = modulus.iter().fold(0, |residue, byte| {
        (residue * 256 + usize::from(*byte)) % prime
    });
    let next = |power: &usize| Some(power * (65537 % prime) % prime).filter(|power| *power != 1);
    let powers = || std::iter::successors(Some(1), next);
    let exponent = powers().position(|power| power == residue)?;
    Some((exponent, powers().count()))
}

fn greatest_common_divisor(left: usize, right: usize) -> usize {
    if right == 0 {
        left
    } else {
        greatest_common_divisor(right, left % right)
    }
}

#[cfg(test)]
mod tests;
