//! The trait of jwt-compact over these algorithms: that crate's own ones are built on older releases of `rsa` and
//! `p256`, which take twice as long.

use std::borrow::Cow;
use std::convert::Infallible;

use jwt_compact::AlgorithmSignature;

use super::{Algorithm, VerifyingKey};

/// Whether the signature is the key's over the message, asked through the trait.
pub(super) fn holds(
    algorithm: Algorithm,
    key: &VerifyingKey,
    message: &[u8],
    signature: &[u8],
) -> bool {
    use jwt_compact::Algorithm as _;
    Signature::try_from_slice(signature)
        .is_ok_and(|signature| Compact(algorithm).verify_signature(&signature, key, message))
}

struct Compact(Algorithm);

impl jwt_compact::Algorithm for Compact {
    /// A proxy holds no signing key: `sign` cannot be called.
    type SigningKey = Infallible;
    type VerifyingKey = VerifyingKey;
    type Signature = Signature;

    fn name(&self) -> Cow<'static, str> {
        self.0.name().into()
    }

    fn sign(&self, signing_key: &Infallible, _message: &[u8]) -> Signature {
        match *signing_key {}
    }

    fn verify_signature(
        &self,
        signature: &Signature,
        verifying_key: &VerifyingKey,
        message: &[u8],
    ) -> bool {
        verifying_key.check(self.0, message, &signature.0)
    }
}

/// Bytes, until the key says how many there must be.
struct Signature(Box<[u8]>);

impl AlgorithmSignature for Signature {
    fn try_from_slice(slice: &[u8]) -> anyhow::Result<Self> {
        Ok(Self(slice.into()))
    }

    fn as_bytes(&self) -> Cow<'_, [u8]> {
        Cow::Borrowed(&self.0)
    }
}
