//! A vector register, by the instructions of `simd128` that are one instruction of the machine too.

use core::arch::wasm32::{
    i16x8, i16x8_mul, i16x8_narrow_i32x4, i32x4, i32x4_add, i32x4_dot_i16x8,
    i32x4_extend_high_i16x8, i32x4_extend_low_i16x8, i32x4_extract_lane, i32x4_shl, i32x4_shr,
    i32x4_shuffle, i32x4_splat, i32x4_sub, i64x2_shuffle, v128, v128_and, v128_or,
};

/// Four integers of 32 bits, or eight of 16: two to each of the four, the lower half first.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lanes(v128);

impl Lanes {
    pub(super) const ZERO: Self = Self(i32x4(0, 0, 0, 0));

    pub(super) fn new([a, b, c, d]: [i32; 4]) -> Self {
        Self(i32x4(a, b, c, d))
    }

    pub(super) fn integers(self) -> [i32; 4] {
        [
            i32x4_extract_lane::<0>(self.0),
            i32x4_extract_lane::<1>(self.0),
            i32x4_extract_lane::<2>(self.0),
            i32x4_extract_lane::<3>(self.0),
        ]
    }

    #[inline(always)]
    pub(super) fn plus(self, other: Self) -> Self {
        Self(i32x4_add(self.0, other.0))
    }

    /// The nearest multiple of `2^bits` taken off, and how many that are; halfway, the higher one.
    #[inline(always)]
    pub(super) fn split(self, bits: u32) -> (Self, Self) {
        let half = i32x4_splat(1 << (bits - 1));
        let high = i32x4_shr(i32x4_add(self.0, half), bits);
        let rest = i32x4_sub(self.0, i32x4_shl(high, bits));
        (Self(rest), Self(high))
    }

    /// In each of the four, the product of the lower halves and that of the upper ones, added up.
    #[inline(always)]
    pub(super) fn products(self, other: Self) -> Self {
        Self(i32x4_dot_i16x8(self.0, other.0))
    }

    /// Each of the four, four times.
    #[inline(always)]
    pub(super) fn spread(self) -> [Self; 4] {
        let all = self.0;
        [
            Self(i32x4_shuffle::<0, 0, 0, 0>(all, all)),
            Self(i32x4_shuffle::<1, 1, 1, 1>(all, all)),
            Self(i32x4_shuffle::<2, 2, 2, 2>(all, all)),
            Self(i32x4_shuffle::<3, 3, 3, 3>(all, all)),
        ]
    }

    /// All moved up by one; the lowest is the highest of those below.
    #[inline(always)]
    pub(super) fn after(self, below: Self) -> Self {
        Self(i32x4_shuffle::<3, 4, 5, 6>(below.0, self.0))
    }

    /// All moved up by two; the lowest are the highest of those below.
    #[inline(always)]
    pub(super) fn two_after(self, below: Self) -> Self {
        Self(i64x2_shuffle::<1, 2>(below.0, self.0))
    }

    /// The lower halves of these four, each with that of the other above it.
    #[inline(always)]
    pub(super) fn paired(self, upper: Self) -> Self {
        Self(v128_or(
            v128_and(self.0, i32x4_splat(0xffff)),
            i32x4_shl(upper.0, 16),
        ))
    }

    /// These four and four above them, as integers of 16 bits.
    #[inline(always)]
    pub(super) fn narrowed(self, above: Self) -> Self {
        Self(i16x8_narrow_i32x4(self.0, above.0))
    }

    /// Eight integers of 16 bits as four and four of 32.
    #[inline(always)]
    pub(super) fn widened(self) -> [Self; 2] {
        [
            Self(i32x4_extend_low_i16x8(self.0)),
            Self(i32x4_extend_high_i16x8(self.0)),
        ]
    }

    /// The halves times 1 and 0, 2 and 0, 2 and 1, 2 and 2.
    #[inline(always)]
    pub(super) fn weighted(self) -> Self {
        Self(i16x8_mul(self.0, i16x8(1, 0, 2, 0, 2, 1, 2, 2)))
    }
}
