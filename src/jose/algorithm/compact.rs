//! The trait of jwt-compact over these algorithms: that crate's own ones are built on older releases of `rsa` and
//! `p256`, which take twice as long.

use std::borrow::Cow;
use std::convert::Infallible;

use jwt_compact::AlgorithmSignature;

use super::{Algorithm, VerifyingKey};
use crate::jose::kernel::Upkeep;

/// Whether the signature is the key's over the message, asked through the trait.
pub(super) fn holds(
    algorithm: Algorithm,
    key: &VerifyingKey,
    (message, signature): (&[u8], &[u8]),
    upkeep: Upkeep<'_>,
) -> bool {
    use jwt_compact::Algorithm as _;
    let compact = Compact { algorithm, upkeep };
    Signature::try_from_slice(signature)
        .is_ok_and(|signature| compact.verify_signature(&signature, key, message))
}

struct Compact<'u> {
    algorithm: Algorithm,
    upkeep: Upkeep<'u>,
}

impl jwt_compact::Algorithm for Compact<'_> {
    /// A proxy holds no signing key: `sign` cannot be called.
    type SigningKey = Infallible;
    type VerifyingKey = VerifyingKey;
    type Signature = Signature;

    fn name(&self) -> Cow<'static, str> {
        self.algorithm.name().into()
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
        verifying_key.check(self.algorithm, (message, &signature.0), self.upkeep)
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
