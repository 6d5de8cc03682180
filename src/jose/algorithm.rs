//! Signature algorithms (RFC 7518 section 3): the only place that names cryptographic crates.

use std::{borrow::Cow, convert::Infallible, num::NonZeroUsize};

use jwt_compact::AlgorithmSignature;
use p256::ecdsa::signature::Verifier;
use rsa::BoxedUint;
use sha2::Sha256;

use super::KeyError;

/// A signature algorithm that a token can be verified with.
///
/// Closed on purpose: `none` and whatever this filter does not implement have no value here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Algorithm {
    /// ECDSA on P-256 with SHA-256 (RFC 7518 section 3.4).
    Es256,
    /// RSASSA-PKCS1-v1_5 with SHA-256 (RFC 7518 section 3.3).
    Rs256,
}

impl Algorithm {
    /// Every algorithm, in the order of their names.
    pub const ALL: &'static [Self] = &[Self::Es256, Self::Rs256];

    /// The algorithm that an `alg` member names; names are case-sensitive (RFC 7515 section 4.1.1).
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
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
            Self::Rs256 => "RS256",
        }
    }

    const fn bit(self) -> u32 {
        match self {
            Self::Es256 => 1,
            Self::Rs256 => 1 << 1,
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
        Algorithm::ALL.iter().copied().collect()
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

/// A public key in the form that verification wants, with all that can be computed ahead of a token.
#[derive(Clone, Debug)]
pub(super) enum VerifyingKey {
    P256(p256::ecdsa::VerifyingKey),
    Rsa(rsa::PublicKey),
}

impl VerifyingKey {
    /// A point on P-256 from its coordinates, 32 bytes each (RFC 7518 section 6.2.1).
    pub(super) fn p256(x: &[u8], y: &[u8]) -> Result<Self, KeyError> {
        if x.len() != 32 || y.len() != 32 {
            return Err(KeyError::Malformed);
        }
        let uncompressed = [&[4], x, y].concat();
        p256::ecdsa::VerifyingKey::from_sec1_bytes(&uncompressed)
            .map(Self::P256)
            .map_err(|_| KeyError::Malformed)
    }

    /// An RSA key from modulus and exponent, big-endian (RFC 7518 section 6.3.1).
    pub(super) fn rsa(modulus: &[u8], exponent: &[u8]) -> Result<Self, KeyError> {
        const BITS: std::ops::RangeInclusive<usize> = 2048..=8192;
        let (modulus, exponent) = (
            without_leading_zeros(modulus),
            without_leading_zeros(exponent),
        );
        if modulus.len() > BITS.end() / 8 {
            return Err(KeyError::KeyTooLarge);
        }
        // The arithmetic works on whole words; the library's own bound of an exponent is 33 bits.
        if modulus.is_empty() || exponent.is_empty() || exponent.len() > 8 {
            return Err(KeyError::Malformed);
        }
        let number = BoxedUint::from_be_slice_vartime;
        rsa::PublicKey::new_with_size_limits(number(modulus), number(exponent), BITS)
            .map(Self::Rsa)
            .map_err(|error| match error {
                rsa::Error::ModulusTooLarge => KeyError::KeyTooLarge,
                rsa::Error::ModulusTooSmall => KeyError::KeyTooSmall,
                _ => KeyError::Malformed,
            })
    }

    /// What the type of this key allows; a key may allow itself less.
    pub(super) fn algorithms(&self) -> AlgorithmSet {
        match self {
            Self::P256(_) => AlgorithmSet::from_iter([Algorithm::Es256]),
            Self::Rsa(_) => AlgorithmSet::from_iter([Algorithm::Rs256]),
        }
    }

    /// Whether `signature` is this key's over `message`; never so for an algorithm of another type of key.
    pub(super) fn verify(&self, algorithm: Algorithm, message: &[u8], signature: &[u8]) -> bool {
        match (algorithm, self) {
            (Algorithm::Es256, Self::P256(key)) => holds(&Es256, key, message, signature),
            (Algorithm::Rs256, Self::Rsa(key)) => holds(&Rs256, key, message, signature),
            (Algorithm::Es256 | Algorithm::Rs256, _) => false,
        }
    }
}

/// Some issuers pad their numbers; the number is the same.
fn without_leading_zeros(bytes: &[u8]) -> &[u8] {
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    bytes.get(zeros..).unwrap_or_default()
}

fn holds<A: jwt_compact::Algorithm>(
    algorithm: &A,
    key: &A::VerifyingKey,
    message: &[u8],
    signature: &[u8],
) -> bool {
    if A::Signature::LENGTH.is_some_and(|length| length.get() != signature.len()) {
        return false;
    }
    A::Signature::try_from_slice(signature)
        .is_ok_and(|signature| algorithm.verify_signature(&signature, key, message))
}

struct Es256;

impl jwt_compact::Algorithm for Es256 {
    /// A proxy holds no signing key: `sign` cannot be called.
    type SigningKey = Infallible;
    type VerifyingKey = p256::ecdsa::VerifyingKey;
    type Signature = Es256Signature;

    fn name(&self) -> Cow<'static, str> {
        Algorithm::Es256.name().into()
    }

    fn sign(&self, signing_key: &Infallible, _message: &[u8]) -> Es256Signature {
        match *signing_key {}
    }

    fn verify_signature(
        &self,
        signature: &Es256Signature,
        verifying_key: &Self::VerifyingKey,
        message: &[u8],
    ) -> bool {
        verifying_key.verify(message, &signature.0).is_ok()
    }
}

/// `r` and `s`, 32 bytes each, both in `[1, n-1]` (RFC 7518 section 3.4).
///
/// JWS has no low-`s` rule, so both halves of the range are good.
struct Es256Signature(p256::ecdsa::Signature);

impl AlgorithmSignature for Es256Signature {
    const LENGTH: Option<NonZeroUsize> = NonZeroUsize::new(64);

    fn try_from_slice(slice: &[u8]) -> anyhow::Result<Self> {
        p256::ecdsa::Signature::from_slice(slice)
            .map(Self)
            .map_err(anyhow::Error::msg)
    }

    fn as_bytes(&self) -> Cow<'_, [u8]> {
        self.0.to_bytes().to_vec().into()
    }
}

struct Rs256;

impl jwt_compact::Algorithm for Rs256 {
    /// A proxy holds no signing key: `sign` cannot be called.
    type SigningKey = Infallible;
    type VerifyingKey = rsa::PublicKey;
    type Signature = RsaSignature;

    fn name(&self) -> Cow<'static, str> {
        Algorithm::Rs256.name().into()
    }

    fn sign(&self, signing_key: &Infallible, _message: &[u8]) -> RsaSignature {
        match *signing_key {}
    }

    fn verify_signature(
        &self,
        signature: &RsaSignature,
        verifying_key: &rsa::PublicKey,
        message: &[u8],
    ) -> bool {
        verifying_key
            .pkcs1v15_verify::<Sha256>(message, &signature.0)
            .is_ok()
    }
}

/// As many bytes as the modulus (RFC 8017 section 8.2.2), which verification checks.
struct RsaSignature(Box<[u8]>);

impl AlgorithmSignature for RsaSignature {
    fn try_from_slice(slice: &[u8]) -> anyhow::Result<Self> {
        Ok(Self(slice.into()))
    }

    fn as_bytes(&self) -> Cow<'_, [u8]> {
        Cow::Borrowed(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jose::testing;

    #[test]
    fn a_name_leads_to_its_algorithm_and_back() {
        for algorithm in Algorithm::ALL {
            assert_eq!(Algorithm::from_name(algorithm.name()), Some(*algorithm));
        }
    }

    #[test]
    fn none_and_unknown_names_are_no_algorithm() {
        for name in [
            "none", "None", "", "rs256", "RS256 ", "HS256", "ES256K", "dir", "RSA-OAEP",
        ] {
            assert_eq!(Algorithm::from_name(name), None, "{name}");
        }
    }

    #[test]
    fn a_set_holds_what_it_was_made_from() {
        let set = AlgorithmSet::from_iter([Algorithm::Rs256]);
        assert!(set.contains(Algorithm::Rs256));
        assert!(!set.contains(Algorithm::Es256));
        assert!(AlgorithmSet::default().is_empty());
        assert_eq!(
            AlgorithmSet::all_asymmetric().iter().collect::<Vec<_>>(),
            Algorithm::ALL
        );
    }

    #[test]
    fn a_high_s_is_as_good_as_a_low_one() {
        let signature = testing::ec_signature(b"message");
        let (r, s) = signature.split_scalars();
        let mirrored = p256::ecdsa::Signature::from_scalars(*r, -*s).unwrap();
        assert_ne!(signature, mirrored);
        for signature in [signature, mirrored] {
            assert!(ec_key().verify(Algorithm::Es256, b"message", &signature.to_bytes()));
        }
    }

    #[test]
    fn an_ecdsa_signature_has_64_bytes_and_both_numbers_in_range() {
        const ORDER: [u8; 32] = [
            0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
            0xff, 0xff, 0xbc, 0xe6, 0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2,
            0xfc, 0x63, 0x25, 0x51,
        ];
        let good = testing::ec_signature(b"message");
        let (r, s) = (
            good.to_bytes()[..32].to_vec(),
            good.to_bytes()[32..].to_vec(),
        );
        for signature in [
            vec![],
            vec![0; 64],
            [r.clone(), vec![0; 32]].concat(),
            [vec![0; 32], s.clone()].concat(),
            [r.clone(), ORDER.to_vec()].concat(),
            [ORDER.to_vec(), s.clone()].concat(),
            [r.clone(), vec![0xff; 32]].concat(),
            [r.clone(), s[..31].to_vec()].concat(),
            [r.clone(), s.clone(), vec![0]].concat(),
            [vec![0], r, vec![0], s].concat(),
            good.to_der().as_bytes().to_vec(),
        ] {
            assert!(
                !ec_key().verify(Algorithm::Es256, b"message", &signature),
                "{signature:?}"
            );
        }
    }

    #[test]
    fn a_key_never_verifies_for_another_type_of_key() {
        let signature = testing::ec_signature(b"message").to_bytes();
        assert!(!ec_key().verify(Algorithm::Rs256, b"message", &signature));
        assert!(ec_key().verify(Algorithm::Es256, b"message", &signature));
        assert!(!ec_key().verify(Algorithm::Es256, b"another", &signature));
    }

    fn ec_key() -> VerifyingKey {
        let jwk: serde_json::Value = serde_json::from_str(testing::EC_JWK).unwrap();
        let number = |name: &str| testing::decode(jwk[name].as_str().unwrap());
        VerifyingKey::p256(&number("x"), &number("y")).unwrap()
    }
}
