//! One JSON Web Key (RFC 7517 section 4): what it is, and what it lets itself be used for.

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use serde_json::{Map, Value};
use thiserror::Error;

use super::{
    Algorithm, Thumbprint,
    algorithm::{AlgorithmSet, EcKey, Ed25519Key, RsaKey, SharedSecret, VerifyingKey},
};

/// Why a key of a set is of no use for verification.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Error)]
pub enum KeyError {
    /// Its `alg` belongs to another type of key.
    #[error("the key's alg does not go with its kty")]
    AlgorithmMismatch,
    /// The RSA modulus has the mark of a generator whose keys can be factored (CVE-2017-15361).
    #[error("the RSA modulus can be factored (ROCA, CVE-2017-15361)")]
    FlawedModulus,
    /// More than 8192 bits.
    #[error("the RSA modulus is larger than 8192 bits")]
    KeyTooLarge,
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
    /// It carries its private half: whoever has read the set can sign with it.
    #[error("the key is published with its private half")]
    PrivateHalf,
    /// An `oct` key is shorter than the output of the hash (RFC 7518 section 3.2).
    #[error("the secret is shorter than the hash of its algorithm")]
    SecretTooShort,
    /// An `oct` key that came from elsewhere: whoever has read the set can sign with it.
    #[error("a secret is taken from the configuration only")]
    SharedSecret,
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
    /// The operator's configuration.
    Inline,
    /// An issuer's document, read over the network.
    Remote,
    /// The header of a proof of possession: a key that anybody may bring, and that is not kept.
    Proof,
}

/// A key that tokens can be verified with.
#[derive(Clone, Debug)]
pub(super) struct Key {
    key_id: Option<Box<str>>,
    algorithms: AlgorithmSet,
    thumbprint: Option<Thumbprint>,
    verifying_key: VerifyingKey,
}

impl Key {
    /// Reads a key; members of no meaning here, certificates included, are ignored.
    ///
    /// One with its private half is refused, wherever it comes from: in a configuration it is a leak to come.
    pub(super) fn parse(jwk: &Value, origin: Origin) -> Result<Self, KeyError> {
        let jwk = Jwk(jwk.as_object().ok_or(KeyError::Malformed)?);
        let key_id = jwk.text("kid")?.map(Into::into);
        jwk.check_use()?;
        // A table costs more than a few signatures, and those of issuers' keys must not make room for strangers' ones.
        let kept = origin != Origin::Proof;
        let verifying_key = match jwk.required_text("kty")? {
            "EC" => jwk.elliptic_curve(kept)?,
            "OKP" => jwk.octet_key_pair(kept)?,
            "RSA" => jwk.rsa()?,
            "oct" if origin != Origin::Inline => return Err(KeyError::SharedSecret),
            "oct" => VerifyingKey::Secret(SharedSecret::new(jwk.bytes("k")?)?),
            _ => return Err(KeyError::UnsupportedKeyType),
        };
        let algorithms = jwk.narrow(verifying_key.algorithms())?;
        Ok(Self {
            key_id,
            algorithms,
            thumbprint: Thumbprint::of(jwk.0),
            verifying_key,
        })
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
        self.algorithms.contains(algorithm)
    }

    /// What a signature over so many bytes costs, in microseconds.
    pub(super) fn cost(&self, bytes: usize) -> u32 {
        self.verifying_key.cost(bytes)
    }

    /// Whether `signature` is this key's over `message`.
    pub(super) fn verify(&self, algorithm: Algorithm, message: &[u8], signature: &[u8]) -> bool {
        self.fits(algorithm) && self.verifying_key.verify(algorithm, message, signature)
    }
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
        if self.text("use")?.is_some_and(|usage| usage != "sig") {
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

    fn elliptic_curve(&self, kept: bool) -> Result<VerifyingKey, KeyError> {
        self.refuse_private_half()?;
        let curve = self.required_text("crv")?;
        EcKey::new(curve, &self.bytes("x")?, &self.bytes("y")?, kept).map(VerifyingKey::Ec)
    }

    fn octet_key_pair(&self, kept: bool) -> Result<VerifyingKey, KeyError> {
        self.refuse_private_half()?;
        match self.required_text("crv")? {
            "Ed25519" => Ed25519Key::new(&self.bytes("x")?, kept).map(VerifyingKey::Ed25519),
            _ => Err(KeyError::UnsupportedCurve),
        }
    }

    fn rsa(&self) -> Result<VerifyingKey, KeyError> {
        self.refuse_private_half()?;
        RsaKey::new(&self.bytes("n")?, &self.bytes("e")?)
            .map(|key| VerifyingKey::Rsa(Box::new(key)))
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
