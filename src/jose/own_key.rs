//! Tokens that bring the public key they are signed with: proofs of possession (RFC 9449 section 4.2).
//!
//! Anybody can make one, so that its signature says nothing by itself: it shows who has the key, and what the key may
//! do is said elsewhere, by its thumbprint.

use super::{
    KeyError, Thumbprint, TokenError, UntrustedToken, cost,
    jwk::{Key, Origin},
};

/// Bits of the largest modulus that is read at all.
const LARGEST_MODULUS: usize = 4096;

impl UntrustedToken<'_> {
    /// The name of the public key that the header brings (RFC 7638); none without such a key.
    #[must_use]
    pub fn own_key(&self) -> Option<Thumbprint> {
        Thumbprint::of(self.embedded_jwk()?.as_object()?)
    }

    /// What [`check_own_signature`](Self::check_own_signature) costs at the most, in microseconds.
    #[must_use]
    pub fn own_signature_cost(&self) -> u32 {
        let member = |name| self.embedded_jwk()?.get(name)?.as_str();
        let arithmetic = match (member("kty"), self.algorithm()) {
            (Some("RSA"), _) => {
                // Six bits a character. What is larger than the largest key is refused unread.
                let bits = member("n").map_or(0, |number| number.len().saturating_mul(6));
                let bits = bits.min(LARGEST_MODULUS);
                let products = match member("e") {
                    Some("AQAB") => cost::USUAL_PRODUCTS,
                    _ => cost::MOST_PRODUCTS,
                };
                cost::of_rsa(bits, products).saturating_add(cost::of_rsa_key(bits))
            }
            (Some(_), Ok(algorithm)) => {
                cost::of_point(algorithm, false).saturating_add(cost::of_point_key(algorithm))
            }
            _ => 0,
        };
        arithmetic.saturating_add(cost::of_message(self.signed_bytes().len()))
    }

    /// Checks the signature by the key that the header brings, which is held to all that an issuer's key is held to.
    /// Nothing is kept of that key.
    ///
    /// # Errors
    ///
    /// `UnknownKey` for a key that is none, is private or is not acceptable, `AlgorithmRefused` for an algorithm that is
    /// not the key's, `BadSignature`.
    pub fn check_own_signature(&self) -> Result<(), TokenError> {
        let algorithm = self.algorithm()?;
        let key = self.embedded_jwk().ok_or(KeyError::Malformed);
        let key = key.and_then(|jwk| Key::parse(jwk, Origin::Proof));
        let key = key.map_err(|_| TokenError::UnknownKey)?;
        if !key.fits(algorithm) {
            return Err(TokenError::AlgorithmRefused);
        }
        if key.verify(algorithm, self.signed_bytes(), self.signature_bytes()) {
            Ok(())
        } else {
            Err(TokenError::BadSignature)
        }
    }
}

#[cfg(test)]
mod tests;
