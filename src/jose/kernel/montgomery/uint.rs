//! Unsigned numbers as rows of limbs, and what is computed from them once for a key.

/// The most bits that a modulus may have.
const MOST_BITS: u32 = 8192;

/// Bits of an exponent that are taken together where it is as long as the modulus: the powers of two that they stand for
/// are below every modulus of a key.
pub(in crate::jose::kernel) const WINDOW: u32 = 5;

/// Four limbs, the lowest first.
pub(super) type Limbs = [u32; 4];

/// A natural number of `BITS` bits a limb.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::jose::kernel) struct Uint<const BITS: u32, const BLOCKS: usize>(
    pub(super) [Limbs; BLOCKS],
);

impl<const BITS: u32, const BLOCKS: usize> Uint<BITS, BLOCKS> {
    pub(super) const ZERO: Self = Self([[0; 4]; BLOCKS]);
    const MASK: u32 = (1 << BITS) - 1;

    /// The number that these bytes are, big-endian; bits for which there is no room are lost.
    pub(in crate::jose::kernel) fn from_be_bytes(bytes: &[u8]) -> Self {
        let mut number = Self::ZERO;
        let mut bytes = bytes.iter().rev();
        let (mut pending, mut bits) = (0_u64, 0);
        for limb in number.0.as_flattened_mut() {
            while bits < BITS {
                pending |= u64::from(bytes.next().copied().unwrap_or_default()) << bits;
                bits += 8;
            }
            *limb = low(pending) & Self::MASK;
            pending >>= BITS;
            bits -= BITS;
        }
        number
    }

    /// Fills `bytes` with the lowest bytes of the number, big-endian.
    pub(in crate::jose::kernel) fn write_be_bytes(&self, bytes: &mut [u8]) {
        let mut limbs = self.0.as_flattened().iter();
        let (mut pending, mut bits) = (0_u64, 0);
        for byte in bytes.iter_mut().rev() {
            if bits < 8 {
                pending |= u64::from(limbs.next().copied().unwrap_or_default()) << bits;
                bits += BITS;
            }
            [*byte, ..] = pending.to_le_bytes();
            pending >>= 8;
            bits -= 8;
        }
    }

    /// A power of two; zero where there is no room.
    pub(in crate::jose::kernel) fn power_of_two(exponent: u32) -> Self {
        let mut number = Self::ZERO;
        let place = usize::try_from(exponent / BITS).unwrap_or(usize::MAX);
        if let Some(limb) = number.0.as_flattened_mut().get_mut(place) {
            *limb = 1 << (exponent % BITS);
        }
        number
    }

    /// Whether the number is below another one of no more limbs.
    pub(super) fn is_below(&self, other: &[Limbs]) -> bool {
        let above = self.0.get(other.len()..).unwrap_or_default();
        above.as_flattened().iter().all(|limb| *limb == 0) && self.fits_below(other)
    }

    /// Whether the limbs that the other number has are below it.
    fn fits_below(&self, other: &[Limbs]) -> bool {
        let limbs = self.0.get(..other.len()).unwrap_or_default();
        let others = other.as_flattened().iter().rev();
        limbs.as_flattened().iter().rev().lt(others)
    }

    /// The number less the modulus where it is not below it; both have the same limbs.
    pub(super) fn reduced_once(mut self, modulus: &[Limbs]) -> Self {
        if self.fits_below(modulus) {
            return self;
        }
        let mut borrow = 0;
        let limbs = self.0.as_flattened_mut().iter_mut();
        for (limb, own) in limbs.zip(modulus.as_flattened()) {
            let difference = limb.wrapping_sub(*own).wrapping_sub(borrow);
            borrow = difference >> 31;
            *limb = difference & Self::MASK;
        }
        self
    }

    /// Adds a number of no more limbs; what is carried out of its last one is lost.
    #[cfg(any(test, target_feature = "simd128"))]
    pub(super) fn wrapping_add(&mut self, other: &[Limbs]) {
        let mut carry = 0;
        let limbs = self.0.as_flattened_mut().iter_mut();
        for (limb, own) in limbs.zip(other.as_flattened()) {
            carry += *limb + own;
            *limb = carry & Self::MASK;
            carry >>= BITS;
        }
    }

    /// Twice a number below the modulus, whose limbs have room for that, less the modulus where it is not below it.
    pub(super) fn doubled(mut self, modulus: &[Limbs]) -> Self {
        let mut carry = 0;
        let limbs = self.0.as_flattened_mut().iter_mut();
        for limb in limbs.take(modulus.as_flattened().len()) {
            let double = *limb << 1 | carry;
            *limb = double & Self::MASK;
            carry = double >> BITS;
        }
        self.reduced_once(modulus)
    }
}

/// The digits of a modulus without leading zeros, and how many bits they have; `None` where it is even, below 3 or of
/// more than 8192 bits.
pub(super) fn odd_modulus(bytes: &[u8]) -> Option<(&[u8], u32)> {
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    let digits = bytes.get(zeros..)?;
    let (first, last) = (digits.first()?, digits.last()?);
    let bits = u32::try_from(digits.len()).ok()?.checked_mul(8)? - first.leading_zeros();
    (last & 1 == 1 && (2..=MOST_BITS).contains(&bits)).then_some((digits, bits))
}

/// `-1 / odd` modulo `2^32`: each step of Newton's method doubles the bits that are right.
pub(super) fn negated_inverse(odd: u32) -> u32 {
    let inverse = (0..5).fold(1_u32, |inverse, _| {
        inverse.wrapping_mul(2_u32.wrapping_sub(odd.wrapping_mul(inverse)))
    });
    inverse.wrapping_neg()
}

/// The lower 32 bits of a number.
#[inline(always)]
pub(super) fn low(number: u64) -> u32 {
    let [a, b, c, d, ..] = number.to_le_bytes();
    u32::from_le_bytes([a, b, c, d])
}
