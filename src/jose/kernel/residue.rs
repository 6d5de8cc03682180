//! Montgomery arithmetic modulo the primes of elliptic curves.
//!
//! A residue is a row of signed limbs of 28 or 29 bits, the lowest first. Differences need no borrow, sums no carry, and
//! a product adds up all its columns in 64 bits before the first carry. The prime is known when this is compiled,
//! so that a limb of it that is zero or a power of two costs no multiplication.
//!
//! What has to hold, with `R` the power of two of all limbs together, at least 32 times the prime `p`:
//!
//! * Limbs that go into a product are below `2^BITS` in magnitude, or one factor's are below twice that. Sums of
//!   `2 L` products, and `L` multiples of the prime, then are below `2^63`.
//! * A product of two numbers whose product is below `c R p` in magnitude lies between `-c p` and `(1 + c) p`.

use std::{fmt::Debug, marker::PhantomData};

/// A prime of `L` limbs.
pub(in crate::jose) trait Modulus<const L: usize>: Copy + Debug {
    /// Bits of a limb.
    const BITS: u32;
    /// The prime `p` in limbs, the lowest first.
    const LIMBS: [i32; L];
    /// `-1 / p` modulo `2^BITS`.
    const NEGATED_INVERSE: u32;
    /// `R^2` modulo `p`: multiplying by it brings a number into Montgomery form.
    const SQUARE_OF_R: [i32; L];
}

/// A number modulo a prime, not unique: any number that is congruent will do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Residue<M, const L: usize> {
    limbs: [i32; L],
    modulus: PhantomData<M>,
}

impl<M: Modulus<L>, const L: usize> Residue<M, L> {
    const MASK: i64 = (1 << M::BITS) - 1;

    /// The prime in limbs of either sign and at most half of `2^BITS`: those of a sum of few powers of two are few.
    const BALANCED: [i32; L] = balanced(M::LIMBS, M::BITS);

    pub(super) const fn new(limbs: [i32; L]) -> Self {
        Self {
            limbs,
            modulus: PhantomData,
        }
    }

    /// The number that these bytes are, big-endian; `None` where it is not below the modulus.
    pub(super) fn from_be_bytes(bytes: &[u8]) -> Option<Self> {
        let (number, rest) = Self::from_be_bytes_modulo(bytes);
        (rest == 0 && number.is_below_modulus()).then_some(number)
    }

    /// The number that these bytes are, as far as it has room in the limbs, and what is above.
    pub(super) fn from_be_bytes_modulo(bytes: &[u8]) -> (Self, u64) {
        let mut bytes = bytes.iter().rev();
        let (mut pending, mut bits) = (0_u64, 0);
        let limbs = [(); L].map(|()| {
            while bits < M::BITS {
                pending |= u64::from(bytes.next().copied().unwrap_or_default()) << bits;
                bits += 8;
            }
            let limb = pending & Self::MASK.unsigned_abs();
            pending >>= M::BITS;
            bits -= M::BITS;
            low(limb.cast_signed())
        });
        let rest = bytes.fold(pending, |rest, byte| rest | u64::from(*byte));
        (Self::new(limbs), rest)
    }

    /// Whether limbs that are none of them negative are those of a number below the modulus.
    pub(super) fn is_below_modulus(&self) -> bool {
        self.limbs.iter().rev().lt(M::LIMBS.iter().rev())
    }

    /// The modulus itself, a number of another modulus.
    pub(super) const fn modulus_of<O: Modulus<L>>() -> Self {
        Self::new(O::LIMBS)
    }

    /// The same number modulo another prime; it has to be one that is below that prime.
    pub(super) const fn cast<O: Modulus<L>>(self) -> Residue<O, L> {
        Residue::new(self.limbs)
    }

    /// A number of one limb.
    pub(super) fn small(number: i32) -> Self {
        let mut limbs = [0; L];
        if let Some(lowest) = limbs.first_mut() {
            *lowest = number;
        }
        Self::new(limbs)
    }

    /// One in Montgomery form.
    pub(super) fn one() -> Self {
        Self::small(1).in_form()
    }

    /// The number in Montgomery form, times `R`.
    pub(super) fn in_form(&self) -> Self {
        self * &Self::new(M::SQUARE_OF_R)
    }

    /// The number divided by `R`: not less than zero and below the modulus, each limb of [`Modulus::BITS`] bits.
    pub(super) fn out_of_form(&self) -> Self {
        let number = self * &Self::small(1);
        if number.limbs == M::LIMBS {
            Self::small(0)
        } else {
            number
        }
    }

    /// Whether the number is a multiple of the modulus.
    pub(super) fn is_zero(&self) -> bool {
        self.out_of_form().has_no_limbs()
    }

    /// [`is_zero`](Self::is_zero) of a product that is not negative and at most three times the modulus.
    ///
    /// The lowest limb alone tells for nearly every number that it is no multiple.
    pub(super) fn product_is_zero(&self) -> bool {
        let Some((lowest, modulus)) = self.limbs.first().zip(M::LIMBS.first()) else {
            return true;
        };
        let mask = low(Self::MASK);
        let mut multiples = (0..4_i32).map(|times| modulus.wrapping_mul(times) & mask);
        multiples.any(|multiple| multiple == *lowest) && self.is_zero()
    }

    /// The product with itself. Of many limbs, rows of different lengths cost more than they save.
    #[inline(never)]
    pub(super) fn square(&self) -> Self {
        if L > 9 {
            return self * self;
        }
        let mut sums = [0; L];
        for place in 0..L {
            add_row_of_square(&mut sums, place, &self.limbs);
            Self::cancel(&mut sums);
        }
        Self::carried(&sums)
    }

    /// `self * other + left * right`, reduced once.
    #[inline(never)]
    pub(super) fn times_plus(&self, other: &Self, left: &Self, right: &Self) -> Self {
        let mut sums = [0; L];
        for (first, second) in self.limbs.iter().zip(&left.limbs) {
            add_row(&mut sums, *first, &other.limbs);
            add_row(&mut sums, *second, &right.limbs);
            Self::cancel(&mut sums);
        }
        Self::carried(&sums)
    }

    /// Makes the lowest sum zero with a multiple of the modulus, and shifts all by a limb.
    #[inline(always)]
    fn cancel(sums: &mut [i64; L]) {
        let lowest = sums.first().copied().unwrap_or_default();
        let factor = low(lowest).cast_unsigned().wrapping_mul(M::NEGATED_INVERSE);
        let factor = factor.cast_signed() & low(Self::MASK);
        add_row(sums, factor, &Self::BALANCED);
        let mut above = 0;
        for sum in sums.iter_mut().rev() {
            std::mem::swap(sum, &mut above);
        }
        if let Some(lowest) = sums.first_mut() {
            *lowest += above >> M::BITS;
        }
    }

    /// All limbs but the highest not negative and of [`Modulus::BITS`] bits.
    ///
    /// Each limb is stored once, where the number will be: limbs that were just stored cannot be copied in pairs before
    /// the stores are done. That is why numbers are taken by reference, too.
    #[inline(always)]
    fn carried(sums: &[i64; L]) -> Self {
        let mut number = Self::new([0; L]);
        let mut carry = 0;
        for (place, (limb, sum)) in number.limbs.iter_mut().zip(sums).enumerate() {
            carry += sum;
            let is_highest = place + 1 == L;
            *limb = low(if is_highest {
                carry
            } else {
                carry & Self::MASK
            });
            carry >>= M::BITS;
        }
        number
    }

    /// The same number in limbs that go into any product.
    pub(super) fn tidy(&self) -> Self {
        Self::carried(&self.limbs.map(i64::from))
    }

    /// So many times the number, tidy.
    pub(super) fn times(&self, factor: i32) -> Self {
        Self::carried(&self.limbs.map(|limb| i64::from(limb) * i64::from(factor)))
    }

    /// `2^-BITS` times the sum of both numbers' multiples by these factors, modulo the prime. Where that sum is a
    /// multiple of `2^BITS`, it is divided and the prime is not added.
    #[inline(never)]
    pub(super) fn combined(&self, other: &Self, [own, others]: [i32; 2]) -> Self {
        let mut sums = [0; L];
        add_row(&mut sums, own, &self.limbs);
        add_row(&mut sums, others, &other.limbs);
        Self::cancel(&mut sums);
        Self::carried(&sums)
    }

    /// The limb of the lowest bits.
    pub(super) fn lowest(&self) -> i32 {
        self.limbs.first().copied().unwrap_or_default()
    }

    /// Whether the number is below zero; all limbs but the highest are none of them negative.
    pub(super) fn is_negative(&self) -> bool {
        self.limbs.last().is_some_and(|highest| *highest < 0)
    }

    /// Whether the number is zero itself.
    pub(super) fn has_no_limbs(&self) -> bool {
        self.limbs.iter().all(|limb| *limb == 0)
    }

    /// Digits of a number in [`out_of_form`](Self::out_of_form)'s limbs, the lowest first: each of `bits` bits and between
    /// `-2^(bits-1)` and `2^(bits-1)`.
    pub(super) fn signed_digits(&self, bits: u32) -> impl Iterator<Item = i32> + '_ {
        let mut limbs = self.limbs.iter();
        let (mut pending, mut held) = (0_i64, 0);
        let mut carry = 0;
        std::iter::repeat_with(move || {
            if held < bits {
                pending |= i64::from(limbs.next().copied().unwrap_or_default()) << held;
                held += M::BITS;
            }
            let digit = low(pending & ((1 << bits) - 1)) + carry;
            pending >>= bits;
            held -= bits;
            carry = i32::from(digit > 1 << (bits - 1));
            digit - (carry << bits)
        })
    }
}

impl<M: Modulus<L>, const L: usize> std::ops::Mul for &Residue<M, L> {
    type Output = Residue<M, L>;

    /// The product divided by `R`: of two numbers in Montgomery form, the product in that form.
    #[inline(never)]
    fn mul(self, other: Self) -> Residue<M, L> {
        let mut sums = [0; L];
        for limb in &self.limbs {
            add_row(&mut sums, *limb, &other.limbs);
            Residue::<M, L>::cancel(&mut sums);
        }
        Residue::carried(&sums)
    }
}

impl<M: Modulus<L>, const L: usize> std::ops::Add for &Residue<M, L> {
    type Output = Residue<M, L>;

    fn add(self, other: Self) -> Residue<M, L> {
        let mut sum = *self;
        for (limb, other) in sum.limbs.iter_mut().zip(&other.limbs) {
            *limb += other;
        }
        sum
    }
}

impl<M: Modulus<L>, const L: usize> std::ops::Sub for &Residue<M, L> {
    type Output = Residue<M, L>;

    fn sub(self, other: Self) -> Residue<M, L> {
        let mut difference = *self;
        for (limb, other) in difference.limbs.iter_mut().zip(&other.limbs) {
            *limb -= other;
        }
        difference
    }
}

impl<M: Modulus<L>, const L: usize> std::ops::SubAssign<&Self> for Residue<M, L> {
    fn sub_assign(&mut self, other: &Self) {
        for (limb, other) in self.limbs.iter_mut().zip(&other.limbs) {
            *limb -= other;
        }
    }
}

impl<M: Modulus<L>, const L: usize> std::ops::Neg for &Residue<M, L> {
    type Output = Residue<M, L>;

    fn neg(self) -> Residue<M, L> {
        Residue::new(self.limbs.map(|limb| -limb))
    }
}

#[inline(always)]
fn add_row<const L: usize>(sums: &mut [i64; L], factor: i32, limbs: &[i32; L]) {
    for (sum, limb) in sums.iter_mut().zip(limbs) {
        *sum += i64::from(factor) * i64::from(*limb);
    }
}

/// A row of the square of a number: products of two different limbs are taken once, and doubled.
#[inline(always)]
fn add_row_of_square<const L: usize>(sums: &mut [i64; L], row: usize, limbs: &[i32; L]) {
    let limb = limbs.get(row).copied().unwrap_or_default();
    for (place, (sum, other)) in sums.iter_mut().zip(limbs).enumerate() {
        if place == row {
            *sum += i64::from(limb) * i64::from(limb);
        } else if place > row {
            *sum += i64::from(limb << 1) * i64::from(*other);
        }
    }
}

/// The same number, where it has one: with what is above half of `2^bits` taken from the next limb.
const fn balanced<const L: usize>(mut limbs: [i32; L], bits: u32) -> [i32; L] {
    let mut rest: &mut [i32] = &mut limbs;
    let mut carry = 0;
    while let Some((limb, others)) = rest.split_first_mut() {
        *limb += carry;
        carry = (*limb + (1 << (bits - 1))) >> bits;
        *limb -= carry << bits;
        rest = others;
    }
    limbs
}

/// The lower 32 bits of a number, as a signed number.
#[inline(always)]
pub(super) const fn low(number: i64) -> i32 {
    let [a, b, c, d, ..] = number.to_le_bytes();
    i32::from_le_bytes([a, b, c, d])
}
