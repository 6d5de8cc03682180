//! Signature algorithms (RFC 7518 section 3), and the keys that they verify with.
//!
//! Only the modules below, and the [kernels](super::kernel) that they call, name cryptographic crates.

mod compact;
mod ecdsa;
mod eddsa;
mod hmac;
mod rsa;

pub(super) use self::{
    ecdsa::EcKey,
    eddsa::Ed25519Key,
    hmac::SharedSecret,
    rsa::{Examined, Patience, RsaKey},
};
use super::{KeyError, cost, kernel::Upkeep};
use crate::time::MonoTime;

/// A signature algorithm that a token can be verified with.
///
/// Closed on purpose: `none` and whatever this filter does not implement have no value here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Algorithm {
    /// ECDSA on P-256 with SHA-256 (RFC 7518 section 3.4).
    Es256,
    /// ECDSA on secp256k1 with SHA-256 (RFC 8812 section 3.2).
    Es256k,
    /// ECDSA on P-384 with SHA-384 (RFC 7518 section 3.4).
    Es384,
    /// ECDSA on P-521 with SHA-512 (RFC 7518 section 3.4).
    Es512,
    /// EdDSA on Curve25519 (RFC 8037 section 3.1), also by the name `Ed25519` (RFC 9864 section 2.2).
    EdDsa,
    /// HMAC with SHA-256 (RFC 7518 section 3.2).
    Hs256,
    /// HMAC with SHA-384 (RFC 7518 section 3.2).
    Hs384,
    /// HMAC with SHA-512 (RFC 7518 section 3.2).
    Hs512,
    /// RSASSA-PSS with SHA-256 (RFC 7518 section 3.5).
    Ps256,
    /// RSASSA-PSS with SHA-384 (RFC 7518 section 3.5).
    Ps384,
    /// RSASSA-PSS with SHA-512 (RFC 7518 section 3.5).
    Ps512,
    /// RSASSA-PKCS1-v1_5 with SHA-256 (RFC 7518 section 3.3).
    Rs256,
    /// RSASSA-PKCS1-v1_5 with SHA-384 (RFC 7518 section 3.3).
    Rs384,
    /// RSASSA-PKCS1-v1_5 with SHA-512 (RFC 7518 section 3.3).
    Rs512,
}

impl Algorithm {
    /// Every algorithm, in the order of their names.
    pub const ALL: &'static [Self] = &[
        Self::Es256,
        Self::Es256k,
        Self::Es384,
        Self::Es512,
        Self::EdDsa,
        Self::Hs256,
        Self::Hs384,
        Self::Hs512,
        Self::Ps256,
        Self::Ps384,
        Self::Ps512,
        Self::Rs256,
        Self::Rs384,
        Self::Rs512,
    ];

    /// The algorithm that an `alg` member names; names are case-sensitive (RFC 7515 section 4.1.1).
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        if name == "Ed25519" {
            return Some(Self::EdDsa);
        }
        Self::ALL
            .iter()
            .copied()
            .find(|algorithm| algorithm.name() == name)
    }

    /// The name in the registry "JSON Web Signature and Encryption Algorithms".
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Es256 => "ES256",
            Self::Es256k => "ES256K",
            Self::Es384 => "ES384",
            Self::Es512 => "ES512",
            Self::EdDsa => "EdDSA",
            Self::Hs256 => "HS256",
            Self::Hs384 => "HS384",
            Self::Hs512 => "HS512",
            Self::Ps256 => "PS256",
            Self::Ps384 => "PS384",
            Self::Ps512 => "PS512",
            Self::Rs256 => "RS256",
            Self::Rs384 => "RS384",
            Self::Rs512 => "RS512",
        }
    }

    /// Whether who verifies could also sign.
    #[must_use]
    pub const fn is_symmetric(self) -> bool {
        matches!(self, Self::Hs256 | Self::Hs384 | Self::Hs512)
    }

    const fn bit(self) -> u32 {
        match self {
            Self::Es256 => 1,
            Self::Es256k => 1 << 1,
            Self::Es384 => 1 << 2,
            Self::Es512 => 1 << 3,
            Self::EdDsa => 1 << 4,
            Self::Hs256 => 1 << 5,
            Self::Hs384 => 1 << 6,
            Self::Hs512 => 1 << 7,
            Self::Ps256 => 1 << 8,
            Self::Ps384 => 1 << 9,
            Self::Ps512 => 1 << 10,
            Self::Rs256 => 1 << 11,
            Self::Rs384 => 1 << 12,
            Self::Rs512 => 1 << 13,
        }
    }
}

/// Which algorithms are allowed; empty unless filled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct AlgorithmSet(u32);

impl AlgorithmSet {
    /// Every algorithm whose verifier cannot also sign.
    #[must_use]
    pub fn all_asymmetric() -> Self {
        Algorithm::ALL
            .iter()
            .copied()
            .filter(|algorithm| !algorithm.is_symmetric())
            .collect()
    }

    /// Whether `algorithm` is allowed.
    #[must_use]
    pub const fn contains(self, algorithm: Algorithm) -> bool {
        self.0 & algorithm.bit() != 0
    }

    /// Whether nothing is allowed.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The allowed algorithms, in the order of their names.
    pub fn iter(self) -> impl Iterator<Item = Algorithm> {
        Algorithm::ALL
            .iter()
            .copied()
            .filter(move |algorithm| self.contains(*algorithm))
    }
}

impl FromIterator<Algorithm> for AlgorithmSet {
    fn from_iter<I: IntoIterator<Item = Algorithm>>(algorithms: I) -> Self {
        Self(
            algorithms
                .into_iter()
                .fold(0, |bits, algorithm| bits | algorithm.bit()),
        )
    }
}

/// A key in the form that verification wants, with all that can be computed ahead of a token.
#[derive(Clone, Debug)]
pub(super) enum VerifyingKey {
    Ec(EcKey),
    Ed25519(Ed25519Key),
    Rsa(Box<RsaKey>),
    Secret(SharedSecret),
}

impl VerifyingKey {
    /// What the type of this key allows; a key may allow itself less.
    pub(super) fn algorithms(&self) -> AlgorithmSet {
        match self {
            Self::Ec(key) => AlgorithmSet::from_iter([key.algorithm()]),
            Self::Ed25519(_) => AlgorithmSet::from_iter([Algorithm::EdDsa]),
            Self::Rsa(_) => RsaKey::algorithms(),
            Self::Secret(key) => key.algorithms(),
        }
    }

    /// Whether `signature` is this key's over `message`; never so for an algorithm of another type of key.
    pub(super) fn verify(
        &self,
        algorithm: Algorithm,
        signed: (&[u8], &[u8]),
        upkeep: Upkeep<'_>,
    ) -> bool {
        self.algorithms().contains(algorithm) && compact::holds(algorithm, self, signed, upkeep)
    }

    /// What must be known of a key before its signatures count, and takes too long to find out when a set is read.
    ///
    /// # Errors
    /// Why they never count.
    pub(super) fn examine(&self, patience: &Patience, now: MonoTime) -> Result<Examined, KeyError> {
        match self {
            Self::Rsa(key) => key.examine(patience, now),
            Self::Ec(_) | Self::Ed25519(_) | Self::Secret(_) => Ok(Examined::Sound),
        }
    }

    /// What a signature over so many bytes costs, in microseconds.
    pub(super) fn cost(&self, bytes: usize) -> u32 {
        let arithmetic = match self {
            Self::Ec(key) => key.cost(),
            Self::Ed25519(key) => key.cost(),
            Self::Rsa(key) => key.cost(),
            Self::Secret(_) => cost::of_point(Algorithm::Hs256, true),
        };
        arithmetic.saturating_add(cost::of_message(bytes))
    }

    /// The signature check itself, for an algorithm of this type of key.
    fn check(
        &self,
        algorithm: Algorithm,
        (message, signature): (&[u8], &[u8]),
        upkeep: Upkeep<'_>,
    ) -> bool {
        match self {
            Self::Ec(key) => key.verify(message, signature, upkeep),
            Self::Ed25519(key) => key.verify(message, signature, upkeep),
            Self::Rsa(key) => key.verify(algorithm, (message, signature), upkeep),
            Self::Secret(key) => key.verify(algorithm, message, signature),
        }
    }
}

#[cfg(test)]
mod tests;
