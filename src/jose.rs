//! JSON Object Signing and Encryption, as far as verifying a JWT goes (RFC 7515, 7517, 7518, 7519).
//!
//! [`UntrustedToken::parse`] reads a token once; [`KeySet::verify`] is the only way from there to
//! [`VerifiedClaims`]. Which issuer, audience and type are good is for the caller to say: this module
//! knows neither providers nor HTTP, asks no clock and fetches nothing.
//!
//! # What tokens and keys try, and the answer
//!
//! Each line is a test: of tokens in `jose/hostile.rs`, of keys in `jose/jwk/tests.rs`, `jose/key_set/tests.rs` and
//! `jose/algorithm/*/tests.rs`.
//!
//! | Tried | Answer |
//! |---|---|
//! | `alg` `none` in any spelling; an HMAC under a public key's bytes; the `kid` of a key of another type | [`AlgorithmRefused`](TokenError::AlgorithmRefused) |
//! | ECDSA `r` or `s` of 0 or not below `n`, in DER, a byte too long or too short; RSA not below the modulus; a PSS salt of another length; EdDSA in a second form | [`BadSignature`](TokenError::BadSignature) |
//! | `crit`, `b64` other than `true` | [`UnsupportedHeader`](TokenError::UnsupportedHeader) |
//! | `jku`, `jwk`, `x5u`, `x5c`, `x5t` of any form, members that nobody knows | ignored, never followed; the `jwk` of a [proof](UntrustedToken::own_key) names the key that its token is bound to |
//! | a member twice in header or claims, at any depth; JSON too deep; a number past all numbers; a date that is text | [`Malformed`](TokenError::Malformed) |
//! | base64url with padding, of the other alphabet, with loose last bits; white space; NUL; not three segments (JWE) | [`Malformed`](TokenError::Malformed) |
//! | more bytes than the limit | [`TooLarge`](TokenError::TooLarge), unread |
//! | no `kid`, or one that several keys have | the keys that fit are tried, within the request's [`Budget`]; then [`BudgetSpent`](TokenError::BudgetSpent) |
//! | RSA below 2048 or above 8192 bits (4096 in a proof), exponent 1, even or above 33 bits, a modulus with a prime factor below 752 or of the ROCA generator, a point off its curve or of small order, a private half, a secret from an issuer | the key is [skipped](KeySet::skipped), the others serve |
//! | an RSA modulus with a prime factor up to 65537, a power, a prime, or of two close primes | the key is [found out](KeySet::take_found_out) at its first signature, which does not count |
//! | keys by the hundred, each dear to verify with | nothing is computed of one before it has a signature; tables are made of few, as the [`Allowance`] says |

mod algorithm;
mod allowance;
mod claims;
mod cost;
mod error;
mod jwk;
mod kernel;
mod key_set;
mod own_key;
mod thumbprint;
mod token;

#[cfg(test)]
mod hostile;
#[cfg(test)]
mod moduli;
#[cfg(test)]
mod mutation;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod vectors;
#[cfg(all(test, not(target_arch = "wasm32")))]
mod wycheproof;

pub use algorithm::{Algorithm, AlgorithmSet};
pub use allowance::Allowance;
pub use claims::{ClaimSet, TimeRules};
pub use error::{Malformation, TokenError};
pub use jwk::KeyError;
pub use key_set::{
    Budget, Document, KeySet, KeySetError, KeySetLimits, SkippedKey, VerifiedClaims,
};
pub use thumbprint::Thumbprint;
pub use token::UntrustedToken;
