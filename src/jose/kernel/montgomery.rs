//! Montgomery arithmetic modulo a large odd number, for RSA.
//!
//! Twice: by vectors of small integers where the target has them, as the module has, and by products of 64 bits
//! elsewhere. The tests put both to the library.

#[cfg(any(test, not(target_feature = "simd128")))]
pub(super) mod scalar;
mod uint;
#[cfg(any(test, target_feature = "simd128"))]
pub(super) mod vector;

#[cfg(not(target_feature = "simd128"))]
pub(super) use self::scalar::{Modulus, Number};
pub(super) use self::uint::WINDOW;
#[cfg(target_feature = "simd128")]
pub(super) use self::vector::{Modulus, Number};
