//! JSON Object Signing and Encryption, as far as verifying a JWT goes (RFC 7515, 7517, 7518, 7519).
//!
//! [`UntrustedToken::parse`] reads a token once; [`KeySet::verify`] is the only way from there to
//! [`VerifiedClaims`]. Which issuer, audience and type are good is for the caller to say: this module
//! knows neither providers nor HTTP, asks no clock and fetches nothing.

mod algorithm;
mod claims;
mod error;
mod jwk;
mod key_set;
mod thumbprint;
mod token;

#[cfg(test)]
mod mutation;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod vectors;
#[cfg(test)]
mod wycheproof;

pub use algorithm::{Algorithm, AlgorithmSet};
pub use claims::{ClaimSet, TimeRules};
pub use error::TokenError;
pub use jwk::KeyError;
pub use key_set::{Budget, KeySet, KeySetError, KeySetLimits, SkippedKey, VerifiedClaims};
pub use thumbprint::Thumbprint;
pub use token::UntrustedToken;
