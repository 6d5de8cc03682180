//! One JSON Web Key (RFC 7517 section 4): what it is, and what it lets itself be used for.

use std::cell::Cell;

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use serde_json::{Map, Value};
use thiserror::Error;

use super::{
    Algorithm, Thumbprint,
    algorithm::{
        AlgorithmSet, EcKey, Ed25519Key, Examined, Patience, RsaKey, SharedSecret, VerifyingKey,
    },
    kernel::Upkeep,
};
use crate::time::MonoTime;

/// Why a key of a set is of no use for verification.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Error)]
pub enum KeyError {
    /// Its `alg` belongs to another type of key.
    #[error("the key's alg does not go with its kty")]
    AlgorithmMismatch,
    /// The product of two primes so close to each other that the root leads to them (CVE-2022-26320).
    #[error(
        "the RSA modulus is the product of two numbers that are close to each other (CVE-2022-26320)"
    )]
    CloseFactors,
    /// The RSA modulus is even.
    #[error("the RSA modulus is even")]
    EvenModulus,
    /// An RSA exponent is odd.
    #[error("the RSA exponent is even")]
    ExponentEven,
    /// By which every message is its own signature.
    #[error("the RSA exponent is 1")]
    ExponentOne,
    /// More than 33 bits, which cost more than any signature may.
    #[error("the RSA exponent is larger than 2^33 - 1")]
    ExponentTooLarge,
    /// The RSA modulus has the mark of a generator whose keys can be factored (CVE-2017-15361).
    #[error("the RSA modulus can be factored (ROCA, CVE-2017-15361)")]
    FlawedModulus,
    /// More than 8192 bits.
    #[error("the RSA modulus is larger than 8192 bits")]
    KeyTooLarge,
    /// A key that a stranger brings, of more than 4096 bits.
    #[error("the RSA modulus of a proof's key is larger than 4096 bits")]
    KeyTooLargeForProof,
    /// Fewer than 2048 bits (RFC 7518 section 3.3).
    #[error("the RSA modulus is smaller than 2048 bits")]
    KeyTooSmall,
    /// Not the members, or not the numbers, that a key of its type has.
    #[error("the key is malformed")]
    Malformed,
    /// `use` or `key_ops` is for something else (RFC 7517 sections 4.2 and 4.3).
    #[error("the key is not meant for verification")]
    NotForVerification,
    /// Its thumbprint is none of those that are trusted.
    #[error("the key is not one of the pinned ones")]
    NotPinned,
    /// The RSA modulus is a power: its root tells its factors.
    #[error("the RSA modulus is a power of another number")]
    PerfectPower,
    /// The RSA modulus is a prime, so that whoever reads it knows the private exponent.
    #[error("the RSA modulus is a prime")]
    PrimeModulus,
    /// It carries its private half: whoever has read the set can sign with it.
    #[error("the key is published with its private half")]
    PrivateHalf,
    /// An `oct` key is shorter than the output of the hash (RFC 7518 section 3.2).
    #[error("the secret is shorter than the hash of its algorithm")]
    SecretTooShort,
    /// An `oct` key that came from elsewhere: whoever has read the set can sign with it.
    #[error("a secret is taken from the configuration only")]
    SharedSecret,
    /// The RSA modulus has a prime factor that is found at once (NIST SP 800-89 section 5.3.3).
    #[error("the RSA modulus is a multiple of a small prime")]
    SmallFactor,
    /// A point that makes signatures mean nothing (RFC 8032 section 5.1.7).
    #[error("the key is a point of small order")]
    SmallOrder,
    /// An `alg` that is not implemented.
    #[error("the key's alg is not supported")]
    UnsupportedAlgorithm,
    /// A `crv` that is not implemented.
    #[error("the key's crv is not supported")]
    UnsupportedCurve,
    /// A `kty` that is not implemented.
    #[error("the key's kty is not supported")]
    UnsupportedKeyType,
}

/// Where a key comes from, which decides what it may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    /// The operator's configuration, which may also have secret keys.
    Inline,
    /// An issuer's document, read over the network.
    Remote,
    /// The header of a proof of possession: a key that anybody may bring, and that is not kept.
    Proof,
}

/// A key that tokens can be verified with.
#[derive(Clone, Debug)]
pub(super) struct Key {
    index: usize,
    key_id: Option<Box<str>>,
    algorithms: AlgorithmSet,
    thumbprint: Option<Thumbprint>,
    verifying_key: VerifyingKey,
    /// It was found out that others than its owner can sign.
    found_out: Cell<bool>,
}

impl Key {
    /// Reads a key; members of no meaning here, certificates included, are ignored.
    ///
    /// One with its private half is refused, wherever it comes from: in a configuration it is a leak to come. What can
    /// be refused by its words is, before any arithmetic: an issuer may publish as many such keys as it likes.
    ///
    /// Members that are null or empty count as absent, and numbers may be padded, broken into lines, or without the
    /// leading zeros of a coordinate: issuers publish them so, and none of it makes a key another one.
    pub(super) fn parse(jwk: &Value, origin: Origin) -> Result<Self, KeyError> {
        Self::parse_pinned(jwk, origin, None)
    }

    /// The same, where only keys with these thumbprints are trusted.
    pub(super) fn parse_pinned(
        jwk: &Value,
        origin: Origin,
        pins: Option<&[Thumbprint]>,
    ) -> Result<Self, KeyError> {
        let jwk = jwk.as_object().ok_or(KeyError::Malformed)?;
        // A stranger's key is part of a proof, and has one form.
        let tidy = tidied(jwk).filter(|_| origin != Origin::Proof);
        let jwk = Jwk(tidy.as_ref().unwrap_or(jwk));
        let key_id = jwk.text("kid")?.map(Into::into);
        jwk.check_use()?;
        let kind = jwk.kind(origin)?;
        if let Some(possible) = kind.algorithms() {
            jwk.narrow(possible)?;
        }
        let thumbprint = Thumbprint::of(jwk.0);
        let is_pinned = |pins: &[Thumbprint]| thumbprint.is_some_and(|own| pins.contains(&own));
        if !pins.is_none_or(is_pinned) {
            return Err(KeyError::NotPinned);
        }
        let verifying_key = jwk.verifying_key(&kind, origin)?;
        Ok(Self {
            index: 0,
            key_id,
            algorithms: jwk.narrow(verifying_key.algorithms())?,
            thumbprint,
            verifying_key,
            found_out: Cell::new(false),
        })
    }

    /// The same key at this place of its set.
    pub(super) fn at(self, index: usize) -> Self {
        Self { index, ..self }
    }

    /// Its place in the set.
    pub(super) const fn index(&self) -> usize {
        self.index
    }

    /// `kid` (RFC 7517 section 4.5).
    pub(super) fn key_id(&self) -> Option<&str> {
        self.key_id.as_deref()
    }

    /// What a public key is pinned by (RFC 7638).
    pub(super) const fn thumbprint(&self) -> Option<Thumbprint> {
        self.thumbprint
    }

    /// Whether both the type of the key and its own `alg` allow `algorithm`.
    pub(super) const fn fits(&self, algorithm: Algorithm) -> bool {
        self.algorithms.contains(algorithm) && !self.is_found_out()
    }

    /// What a signature over so many bytes costs, in microseconds.
    pub(super) fn cost(&self, bytes: usize) -> u32 {
        self.verifying_key.cost(bytes)
    }

    /// Whether [`examine`](Self::examine) has refused the key: then it is as if it were not there.
    pub(super) const fn is_found_out(&self) -> bool {
        self.found_out.get()
    }

    /// Whether `signature` is this key's over `message`; nothing is kept of the key.
    pub(super) fn verify(&self, algorithm: Algorithm, message: &[u8], signature: &[u8]) -> bool {
        self.verify_kept(algorithm, (message, signature), Upkeep::NONE)
    }

    /// The same of a key that is used again: what is made of it is kept, where there is room for it.
    pub(super) fn verify_kept(
        &self,
        algorithm: Algorithm,
        signed: (&[u8], &[u8]),
        upkeep: Upkeep<'_>,
    ) -> bool {
        self.fits(algorithm) && self.verifying_key.verify(algorithm, signed, upkeep)
    }

    /// Whether what the key signs counts, as far as there is time to find that out.
    pub(super) fn examine(&self, patience: &Patience, now: MonoTime) -> Result<Examined, KeyError> {
        let examined = self.verifying_key.examine(patience, now);
        self.found_out.set(examined.is_err());
        examined
    }
}

/// What the words of a key say that it is.
enum Kind<'j> {
    /// A point on this curve, and the algorithm that goes with it.
    Ec(&'j str, Algorithm),
    Ed25519,
    Rsa,
    Secret,
}

impl Kind<'_> {
    /// What a key of this kind may be for; of a secret, its length says that.
    fn algorithms(&self) -> Option<AlgorithmSet> {
        match self {
            Self::Ec(_, algorithm) => Some(AlgorithmSet::from_iter([*algorithm])),
            Self::Ed25519 => Some(AlgorithmSet::from_iter([Algorithm::EdDsa])),
            Self::Rsa => Some(RsaKey::algorithms()),
            Self::Secret => None,
        }
    }
}

/// The key without members that say nothing, and with its numbers as they are to be written; `None` where it is so
/// already.
fn tidied(jwk: &Map<String, Value>) -> Option<Map<String, Value>> {
    let says_nothing = |value: &Value| match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        _ => false,
    };
    let curve = jwk.get("crv").and_then(Value::as_str).unwrap_or_default();
    let length = EcKey::field_bytes(curve);
    let written = |name: &str, value: &Value| match name {
        "n" | "e" => tidy_number(value.as_str()?, None),
        "x" | "y" => tidy_number(value.as_str()?, length),
        _ => None,
    };
    let is_untidy =
        |(name, value): (&String, &Value)| says_nothing(value) || written(name, value).is_some();
    if !jwk.iter().any(is_untidy) {
        return None;
    }
    let members = jwk.iter().filter(|(_, value)| !says_nothing(value));
    let tidy = members.map(|(name, value)| {
        let number = written(name, value).map(Value::from);
        (name.clone(), number.unwrap_or_else(|| value.clone()))
    });
    Some(tidy.collect())
}

/// A number without padding and line ends, and as a coordinate in as many bytes as the field has (RFC 7518 section
/// 6.2.1.2); `None` where it is written so, or cannot be.
fn tidy_number(text: &str, length: Option<usize>) -> Option<String> {
    let is_blank = |byte: u8| byte == b'=' || byte.is_ascii_whitespace();
    let is_padded = text.bytes().any(is_blank);
    let has_length = |length: usize| text.len() == length.saturating_mul(4).div_ceil(3);
    if !is_padded && length.is_none_or(has_length) {
        return None;
    }
    let lines: String = text.split_ascii_whitespace().collect();
    let number = lines.trim_end_matches('=');
    let Some(length) = length else {
        return Some(number.to_owned());
    };
    let bytes = BASE64_URL_SAFE_NO_PAD.decode(number).ok()?;
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    let digits = bytes.get(zeros..).unwrap_or_default();
    let missing = length.checked_sub(digits.len())?;
    Some(BASE64_URL_SAFE_NO_PAD.encode([&vec![0; missing], digits].concat()))
}

struct Jwk<'j>(&'j Map<String, Value>);

impl<'j> Jwk<'j> {
    fn text(&self, name: &str) -> Result<Option<&'j str>, KeyError> {
        self.0
            .get(name)
            .map(|value| value.as_str().ok_or(KeyError::Malformed))
            .transpose()
    }

    fn required_text(&self, name: &str) -> Result<&'j str, KeyError> {
        self.text(name)?.ok_or(KeyError::Malformed)
    }

    fn bytes(&self, name: &str) -> Result<Vec<u8>, KeyError> {
        let text = self.required_text(name)?;
        BASE64_URL_SAFE_NO_PAD
            .decode(text)
            .map_err(|_| KeyError::Malformed)
    }

    /// Where both `use` and `key_ops` are there, both have to agree (RFC 7517 section 4.3).
    fn check_use(&self) -> Result<(), KeyError> {
        let usage = self.text("use")?;
        if usage.is_some_and(|usage| !usage.eq_ignore_ascii_case("sig")) {
            return Err(KeyError::NotForVerification);
        }
        let Some(operations) = self.0.get("key_ops") else {
            return Ok(());
        };
        let operations = operations.as_array().ok_or(KeyError::Malformed)?;
        if operations.iter().any(|operation| operation == "verify") {
            Ok(())
        } else {
            Err(KeyError::NotForVerification)
        }
    }

    fn kind(&self, origin: Origin) -> Result<Kind<'j>, KeyError> {
        match self.required_text("kty")? {
            "EC" => {
                self.refuse_private_half()?;
                let curve = self.required_text("crv")?;
                let algorithm = EcKey::algorithm_of(curve).ok_or(KeyError::UnsupportedCurve)?;
                Ok(Kind::Ec(curve, algorithm))
            }
            "OKP" => {
                self.refuse_private_half()?;
                match self.required_text("crv")? {
                    "Ed25519" => Ok(Kind::Ed25519),
                    _ => Err(KeyError::UnsupportedCurve),
                }
            }
            "RSA" => self.refuse_private_half().map(|()| Kind::Rsa),
            "oct" if origin != Origin::Inline => Err(KeyError::SharedSecret),
            "oct" => Ok(Kind::Secret),
            _ => Err(KeyError::UnsupportedKeyType),
        }
    }

    fn verifying_key(&self, kind: &Kind<'_>, origin: Origin) -> Result<VerifyingKey, KeyError> {
        match kind {
            Kind::Ec(curve, _) => {
                let (x, y) = (self.bytes("x")?, self.bytes("y")?);
                EcKey::new(curve, &x, &y).map(VerifyingKey::Ec)
            }
            Kind::Ed25519 => Ed25519Key::new(&self.bytes("x")?).map(VerifyingKey::Ed25519),
            Kind::Rsa => {
                let (modulus, exponent) = (self.bytes("n")?, self.bytes("e")?);
                let key = match origin {
                    Origin::Proof => RsaKey::of_stranger(&modulus, &exponent),
                    Origin::Inline | Origin::Remote => RsaKey::new(&modulus, &exponent),
                };
                key.map(|key| VerifyingKey::Rsa(Box::new(key)))
            }
            Kind::Secret => SharedSecret::new(self.bytes("k")?).map(VerifyingKey::Secret),
        }
    }

    /// Each private member of RFC 7518 sections 6.2.2 and 6.3.2, and of RFC 8037 section 2.
    fn refuse_private_half(&self) -> Result<(), KeyError> {
        let private = ["d", "p", "q", "dp", "dq", "qi", "oth"];
        if private.iter().any(|name| self.0.contains_key(*name)) {
            Err(KeyError::PrivateHalf)
        } else {
            Ok(())
        }
    }

    /// A key with an `alg` is for that algorithm alone (RFC 7517 section 4.4).
    fn narrow(&self, possible: AlgorithmSet) -> Result<AlgorithmSet, KeyError> {
        let Some(name) = self.text("alg")? else {
            return Ok(possible);
        };
        let algorithm = Algorithm::from_name(name).ok_or(KeyError::UnsupportedAlgorithm)?;
        if possible.contains(algorithm) {
            Ok(AlgorithmSet::from_iter([algorithm]))
        } else if algorithm.is_symmetric() && possible.contains(Algorithm::Hs256) {
            Err(KeyError::SecretTooShort)
        } else {
            Err(KeyError::AlgorithmMismatch)
        }
    }
}

#[cfg(test)]
mod tests;
