//! The field of Curve25519: integers modulo `p = 2^255 - 19`.
//!
//! A number is a row of nine signed limbs of 29 bits, the lowest first. Differences need no borrow and sums no carry. A
//! product adds up each of its columns in 64 bits; then what is above `2^261 = 64 * 2^255` comes back 1216 times, and
//! what is above `2^255` 19 times. That takes 90 multiplications of words, where one in Montgomery form takes 162.
//!
//! What has to hold, where a number of `u` units has limbs of at most `u * 2^29` in magnitude and a highest one of at most
//! `u * 2^23`:
//!
//! * A product is of one unit and not negative, but for the second limb, which may be off by `2^16`.
//! * A sum or a difference has the units of both together; the difference of two products has one.
//! * The units of two factors are at most three when multiplied: eight products of limbs of each column that are not
//!   tiny then are below `24 * 2^58`, and leave room for carries below `2^63`.
//! * Numbers of at most three units can be made [`tidy`](Field::tidy), which leaves one, off by 64.

use super::{bits, divsteps};
use crate::jose::kernel::residue::low;

/// Limbs of a number.
pub(super) const LIMBS: usize = 9;
/// Bits of a limb.
pub(super) const BITS: usize = 29;
pub(super) const MASK: i64 = (1 << BITS) - 1;
/// Bits of the highest limb of a number below `2^255`.
const HIGHEST: usize = 23;
const HIGHEST_MASK: i64 = (1 << HIGHEST) - 1;

/// A number modulo `p`, not unique: any number that is congruent will do.
#[derive(Clone, Copy, Debug)]
pub(in crate::jose::kernel) struct Field([i32; LIMBS]);

impl Field {
    pub(super) const ZERO: Self = Self::small(0);
    pub(super) const ONE: Self = Self::small(1);
    /// `1 / 2` modulo the prime.
    pub(super) const HALF: Self = Self([-9, 0, 0, 0, 0, 0, 0, 0, 1 << (HIGHEST - 1)]);
    /// The prime `2^255 - 19` in limbs.
    pub(super) const PRIME: [i32; LIMBS] = [-19, 0, 0, 0, 0, 0, 0, 0, 1 << HIGHEST];
    /// `d` in the curve's equation `y^2 - x^2 = 1 + d x^2 y^2` (RFC 8032 section 5.1).
    pub(super) const D: Self = Self([
        0x135978a3, 0x0f5a6e50, 0x10762add, 0x00149a82, 0x1e898007, 0x003cbbbc, 0x19ce331d,
        0x1dc56dff, 0x0052036c,
    ]);
    /// A square root of -1.
    const ROOT_OF_MINUS_ONE: Self = Self([
        0x0a0ea0b0, 0x0770d93a, 0x0bf91e31, 0x06300d5a, 0x1d7a72f4, 0x004c9efd, 0x1c2cad34,
        0x1009f83b, 0x002b8324,
    ]);

    pub(super) const fn new(limbs: [i32; LIMBS]) -> Self {
        Self(limbs)
    }

    #[cfg(test)]
    pub(super) const fn limbs(self) -> [i32; LIMBS] {
        self.0
    }

    const fn small(number: i32) -> Self {
        Self([number, 0, 0, 0, 0, 0, 0, 0, 0])
    }

    /// The number that these bytes are, little-endian, without the highest bit.
    pub(super) fn from_bytes(bytes: &[u8; 32]) -> Self {
        let mut limbs = bits::limbs(bytes, BITS);
        if let Some(highest) = limbs.last_mut() {
            *highest &= low(HIGHEST_MASK);
        }
        Self(limbs)
    }

    /// The one number that is congruent, not negative and below `p`, as little-endian bytes; of three units at most.
    pub(super) fn to_bytes(self) -> [u8; 32] {
        bits::bytes(&self.canonical(), BITS)
    }

    /// The limbs of the one number that is congruent, not negative and below `p`; of three units at most.
    ///
    /// After one row of carries, the number is less than a hundred from the range of 255 bits, and after a second one within.
    pub(super) fn canonical(self) -> [i32; LIMBS] {
        let mut limbs = self.carried().carried().0;
        let [lowest, middle @ .., highest] = &mut limbs;
        let is_prime_or_above = *lowest >= low(MASK) - 18
            && middle.iter().all(|limb| *limb == low(MASK))
            && *highest == low(HIGHEST_MASK);
        if is_prime_or_above {
            return [*lowest - (low(MASK) - 18), 0, 0, 0, 0, 0, 0, 0, 0];
        }
        limbs
    }

    /// Carries from limb to limb, and from the highest to the lowest.
    fn carried(self) -> Self {
        let mut carry = 0;
        let mut limbs = self.0.map(|limb| {
            carry += limb;
            let kept = carry & low(MASK);
            carry >>= BITS;
            kept
        });
        let [lowest, .., highest] = &mut limbs;
        let above = (*highest + (carry << BITS)) >> HIGHEST;
        *highest &= low(HIGHEST_MASK);
        *lowest += 19 * above;
        Self(limbs)
    }

    /// The same number of one unit: each limb gives to the next what is above its bits, none waits for the other.
    pub(super) fn tidy(self) -> Self {
        let mut limbs = self.0;
        let [.., highest] = &mut limbs;
        let mut carry = 19 * (*highest >> HIGHEST);
        *highest &= low(HIGHEST_MASK);
        Self(limbs.map(|limb| {
            let kept = (limb & low(MASK)) + carry;
            carry = limb >> BITS;
            kept
        }))
    }

    /// Whether a number of at most three units is congruent to zero.
    pub(super) fn is_zero(self) -> bool {
        self.canonical() == [0; LIMBS]
    }

    /// Whether the canonical number is odd, which is the sign of a coordinate (RFC 8032 section 5.1.2).
    pub(super) fn is_odd(self) -> bool {
        let [lowest, ..] = self.canonical();
        lowest & 1 == 1
    }

    /// `1 / self` as a number of one unit; of zero, zero.
    pub(super) fn inverse(self) -> Self {
        Self(divsteps::inverse(self.canonical())).tidy()
    }

    /// A square root of a product; `None` where there is none (RFC 8032 section 5.1.3).
    ///
    /// As `p` is 5 modulo 8, it is `self^((p + 3) / 8) = self^(2^252 - 2)`, or that times a root of -1.
    pub(super) fn square_root(&self) -> Option<Self> {
        let mut power = *self;
        for _ in 0..250 {
            power = &(&power * &power) * self;
        }
        let root = &power * &power;
        [root, &root * &Self::ROOT_OF_MINUS_ONE]
            .into_iter()
            .find(|root| (root * root - *self).is_zero())
    }
}

impl std::ops::Mul for &Field {
    type Output = Field;

    #[inline(never)]
    #[rustfmt::skip]
    fn mul(self, other: Self) -> Field {
        let [a0, a1, a2, a3, a4, a5, a6, a7, a8] = self.0.map(i64::from);
        let [b0, b1, b2, b3, b4, b5, b6, b7, b8] = other.0.map(i64::from);
        let c9 = a1 * b8 + a2 * b7 + a3 * b6 + a4 * b5 + a5 * b4 + a6 * b3 + a7 * b2 + a8 * b1;
        let c10 = a2 * b8 + a3 * b7 + a4 * b6 + a5 * b5 + a6 * b4 + a7 * b3 + a8 * b2 + (c9 >> BITS);
        let c11 = a3 * b8 + a4 * b7 + a5 * b6 + a6 * b5 + a7 * b4 + a8 * b3 + (c10 >> BITS);
        let c12 = a4 * b8 + a5 * b7 + a6 * b6 + a7 * b5 + a8 * b4 + (c11 >> BITS);
        let c13 = a5 * b8 + a6 * b7 + a7 * b6 + a8 * b5 + (c12 >> BITS);
        let c14 = a6 * b8 + a7 * b7 + a8 * b6 + (c13 >> BITS);
        let c15 = a7 * b8 + a8 * b7 + (c14 >> BITS);
        let c16 = a8 * b8 + (c15 >> BITS);
        let c0 = a0 * b0 + folded(c9);
        let c1 = a0 * b1 + a1 * b0 + folded(c10) + (c0 >> BITS);
        let c2 = a0 * b2 + a1 * b1 + a2 * b0 + folded(c11) + (c1 >> BITS);
        let c3 = a0 * b3 + a1 * b2 + a2 * b1 + a3 * b0 + folded(c12) + (c2 >> BITS);
        let c4 = a0 * b4 + a1 * b3 + a2 * b2 + a3 * b1 + a4 * b0 + folded(c13) + (c3 >> BITS);
        let c5 = a0 * b5 + a1 * b4 + a2 * b3 + a3 * b2 + a4 * b1 + a5 * b0 + folded(c14) + (c4 >> BITS);
        let c6 = a0 * b6 + a1 * b5 + a2 * b4 + a3 * b3 + a4 * b2 + a5 * b1 + a6 * b0 + folded(c15) + (c5 >> BITS);
        let c7 = a0 * b7 + a1 * b6 + a2 * b5 + a3 * b4 + a4 * b3 + a5 * b2 + a6 * b1 + a7 * b0 + folded(c16) + (c6 >> BITS);
        let c8 = a0 * b8 + a1 * b7 + a2 * b6 + a3 * b5 + a4 * b4 + a5 * b3 + a6 * b2 + a7 * b1 + a8 * b0 + 1216 * (c16 >> BITS) + (c7 >> BITS);
        let lowest = (c0 & MASK) + 19 * (c8 >> HIGHEST);
        let second = (c1 & MASK) + (lowest >> BITS);
        Field([
            lowest & MASK, second, c2 & MASK, c3 & MASK, c4 & MASK, c5 & MASK, c6 & MASK, c7 & MASK, c8 & HIGHEST_MASK,
        ].map(low))
    }
}

/// The lowest limb of a column, as it comes back nine limbs below.
#[inline(always)]
const fn folded(column: i64) -> i64 {
    1216 * (column & MASK)
}

impl std::ops::Add for Field {
    type Output = Self;

    #[inline(always)]
    fn add(mut self, other: Self) -> Self {
        for (limb, other) in self.0.iter_mut().zip(other.0) {
            *limb += other;
        }
        self
    }
}

impl std::ops::Sub for Field {
    type Output = Self;

    #[inline(always)]
    fn sub(mut self, other: Self) -> Self {
        for (limb, other) in self.0.iter_mut().zip(other.0) {
            *limb -= other;
        }
        self
    }
}

impl std::ops::Neg for Field {
    type Output = Self;

    #[inline(always)]
    fn neg(self) -> Self {
        Self(self.0.map(|limb| -limb))
    }
}
