//! Scalars: integers modulo the order of the generator, `L = 2^252 + c` (RFC 8032 section 5.1).
//!
//! Limbs have 28 bits, so that nine of them are just below `2^252`, which is `-c` modulo `L`.

use super::bits;
use crate::jose::kernel::residue::low;

/// Bits of a limb; those of each digit divide it.
const BITS: usize = 28;
const MASK: i64 = (1 << BITS) - 1;
/// Limbs of a scalar: the highest is the one bit above `2^252`.
const LIMBS: usize = 10;
/// Limbs of a hash.
const HASH_LIMBS: usize = 19;
/// The group's order `L` (RFC 8032 §5.1) in limbs.
const ORDER: [i32; LIMBS] = [
    0xcf5d3ed, 0x12631a5, 0x79cd658, 0xf9dea2f, 0x00014de, 0, 0, 0, 0, 1,
];
/// Digits of a scalar, at four bits each.
pub(super) const DIGITS: usize = 70;

/// A scalar that is not negative and below `L`, the lowest limb first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::jose::kernel) struct Scalar([i32; LIMBS]);

impl Scalar {
    /// The number that these bytes are, little-endian; `None` where it is not below `L`.
    pub(in crate::jose::kernel) fn from_bytes(bytes: &[u8; 32]) -> Option<Self> {
        let limbs = bits::limbs(bytes, BITS);
        let is_below = limbs.iter().rev().lt(ORDER.iter().rev());
        is_below.then_some(Self(limbs))
    }

    /// The number that these bytes are, little-endian, modulo `L`.
    ///
    /// From the highest limb down: what moves to `2^252` is taken off as so many times `c`. What is left is below `L`, as
    /// the highest limb is never below -1; and where it is negative, it is above `-2^153`.
    pub(in crate::jose::kernel) fn from_hash(hash: &[u8; 64]) -> Self {
        let limbs: [i32; HASH_LIMBS] = bits::limbs(hash, BITS);
        let mut sum = [0; LIMBS - 1];
        for limb in limbs.iter().rev() {
            let mut above = i64::from(*limb);
            for place in &mut sum {
                std::mem::swap(place, &mut above);
            }
            for (place, limb) in sum.iter_mut().zip(ORDER).take(LIMBS / 2) {
                *place -= above * i64::from(limb);
            }
            carry(&mut sum);
        }
        let [n0, n1, n2, n3, n4, n5, n6, n7, n8] = sum;
        let mut number = [n0, n1, n2, n3, n4, n5, n6, n7, n8, 0];
        if n8 < 0 {
            for (place, limb) in number.iter_mut().zip(ORDER) {
                *place += i64::from(limb);
            }
        }
        carry(&mut number);
        Self(number.map(low))
    }

    /// Digits of so many bits, four or seven, the lowest first: each between `-2^(width-1)` and `2^(width-1)`.
    pub(super) fn digits(&self, width: usize) -> [i8; DIGITS] {
        let mut digits = [0; DIGITS];
        let pieces = self.0.iter().flat_map(|limb| {
            (0..BITS / width).map(move |place| limb >> (place * width) & ((1 << width) - 1))
        });
        let mut carry = 0;
        for (digit, piece) in digits.iter_mut().zip(pieces) {
            let sum = piece + carry;
            carry = i32::from(sum > 1 << (width - 1));
            *digit = i8::try_from(sum - (carry << width)).unwrap_or_default();
        }
        digits
    }
}

/// Makes all limbs but the highest not negative and of [`BITS`] bits.
fn carry(limbs: &mut [i64]) {
    let mut carry = 0;
    for limb in limbs.iter_mut() {
        carry += *limb;
        *limb = carry & MASK;
        carry >>= BITS;
    }
    if let Some(highest) = limbs.last_mut() {
        *highest += carry << BITS;
    }
}
