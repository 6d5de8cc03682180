//! What a signature costs, in microseconds of a core: what budgets of time are charged with.
//!
//! Nobody reads a clock for it: a clock may stand still within a callback, and the same requests must have the same
//! answers on each host. These are the costs in V8 on the machine of the benchmark; `cargo xtask kernels costs` measures
//! them anew and fails where one is more than half off, for a machine of another speed in proportion to the others.

use super::Algorithm;

/// The multiplications and the squares of a power with the exponent 65537, as all issuers have it.
pub(super) const USUAL_PRODUCTS: u32 = 19;
/// Those of a power with the dearest exponent that is admitted, which has 33 bits.
pub(super) const MOST_PRODUCTS: u32 = 66;

/// A signature of a point on a curve, or a MAC: by a key with a table of its multiples, or without.
pub(super) const fn of_point(algorithm: Algorithm, has_table: bool) -> u32 {
    let (with, without) = match algorithm {
        Algorithm::Es256 => (19, 90),
        Algorithm::Es256k => (23, 98),
        Algorithm::Es384 => (80, 325),
        Algorithm::Es512 => (172, 715),
        Algorithm::EdDsa => (16, 74),
        _ => (1, 1),
    };
    if has_table { with } else { without }
}

/// A signature of RSA with a modulus of so many bits, whose power takes so many products.
pub(super) fn of_rsa(bits: usize, products: u32) -> u32 {
    // A product of 2048 bits takes 1.1 microseconds.
    let product = square_of(bits).saturating_mul(11) / 10;
    (product.saturating_mul(u64::from(products)) / 1024)
        .try_into()
        .unwrap_or(u32::MAX)
        .saturating_add(6)
}

/// What is computed for a key of RSA before its first signature.
pub(super) fn of_rsa_key(bits: usize) -> u32 {
    let linear = u64::try_from(bits / 100).unwrap_or(u64::MAX);
    (square_of(bits).saturating_mul(40) / 1024)
        .saturating_add(linear)
        .try_into()
        .unwrap_or(u32::MAX)
}

/// What is computed for a point before its first signature.
pub(super) const fn of_point_key(algorithm: Algorithm) -> u32 {
    match algorithm {
        Algorithm::EdDsa => 20,
        _ => 10,
    }
}

/// What hashing a message of so many bytes costs.
pub(super) fn of_message(bytes: usize) -> u32 {
    u32::try_from(bytes / 256).unwrap_or(u32::MAX)
}

/// The square of a number of bits, that of 2048 being 1024.
fn square_of(bits: usize) -> u64 {
    let bits = u64::try_from(bits).unwrap_or(u64::MAX);
    bits.saturating_mul(bits) / 4096
}
