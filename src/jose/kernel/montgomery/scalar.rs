//! By products of 64 bits, as every machine has them.
//!
//! A number is a row of limbs of 28 bits, the lowest first, four to a [`Limbs`] block. A product of two limbs has 56
//! bits, so 256 of them add up in 64 bits: of numbers up to 3,472 bits no carry is taken until the whole square and its
//! whole reduction are summed up. Four rows of the schoolbook method are added at once, over a window of limbs
//! that stays in registers: each sum is loaded and stored once for four products.
//!
//! Numbers are kept below twice the modulus: `R`, the power of two that a reduction divides by, is more than four times
//! the modulus, and then the reduced product of two such numbers is again below twice the modulus.

use super::uint::{Limbs, Uint, WINDOW, low, negated_inverse, odd_modulus};

/// The lowest 28 bits.
const MASK: u64 = (1 << BITS) - 1;
const BITS: u32 = 28;

/// Blocks of the largest modulus, 8192 bits, with two bits to spare.
const MAX_BLOCKS: usize = 74;

/// How many blocks of rows may be added before carries are taken: each puts at most eight products into a sum.
const LAZY_BLOCKS: usize = 31;

/// Four sums of products.
type Sums = [u64; 4];

/// A number below twice the modulus; what is above the modulus' blocks is zero.
pub(in crate::jose::kernel) type Number = Uint<BITS, { MAX_BLOCKS + 1 }>;

/// An odd modulus, and what is computed once for it.
#[derive(Clone, Debug)]
pub(in crate::jose::kernel) struct Modulus {
    /// Without leading zeros but for one block at the end.
    limbs: Box<[Limbs]>,
    bits: u32,
    /// `-1 / modulus` modulo `2^28`.
    negated_inverse: u32,
    /// `R^2` modulo the modulus: multiplying by it brings a number into Montgomery form.
    square_of_r: Number,
}

impl Modulus {
    /// Of a big-endian number; `None` where it is even, below 3 or of more than 8192 bits.
    pub(in crate::jose::kernel) fn new(bytes: &[u8]) -> Option<Self> {
        let (digits, bits) = odd_modulus(bytes)?;
        let blocks = usize::try_from((bits + 2).div_ceil(4 * BITS)).ok()?;
        let number = Number::from_be_bytes(digits);
        let limbs: Box<[Limbs]> = number.0.get(..=blocks)?.into();
        let [[lowest, ..], ..] = number.0;
        let mut modulus = Self {
            limbs,
            bits,
            negated_inverse: negated_inverse(lowest) & low(MASK),
            square_of_r: Number::ZERO,
        };
        modulus.square_of_r = modulus.square_of_r();
        Some(modulus)
    }

    /// Blocks of the modulus, without the zero one at the end.
    fn blocks(&self) -> usize {
        self.limbs.len() - 1
    }

    /// The exponent of `R`.
    fn bits_of_r(&self) -> u32 {
        u32::try_from(self.blocks()).unwrap_or_default() * 4 * BITS
    }

    /// `R = 2^112b` by doubling, then `2^7b R`, whose fourth square in Montgomery form is `2^112b R`.
    fn square_of_r(&self) -> Number {
        let bits_of_r = self.bits_of_r();
        let mut power = Number::power_of_two(self.bits - 1);
        for _ in 0..bits_of_r - (self.bits - 1) + bits_of_r / 16 {
            power = power.doubled(&self.limbs);
        }
        for _ in 0..4 {
            power = self.square(&power);
        }
        power
    }

    /// Whether the number is below the modulus.
    pub(in crate::jose::kernel) fn exceeds(&self, number: &Number) -> bool {
        number.is_below(&self.limbs)
    }

    /// `base` to the power of an exponent of at least two bits; both the base and the result are below the modulus.
    ///
    /// From the second bit on, the highest first. The last product takes the base itself, not its Montgomery
    /// form, and so leaves that form.
    pub(in crate::jose::kernel) fn power(&self, base: &Number, exponent: u64) -> Number {
        let form = self.product(base, &self.square_of_r);
        let mut power = form;
        let highest = exponent.checked_ilog2().unwrap_or_default();
        for place in (1..highest).rev() {
            power = self.square(&power);
            if exponent >> place & 1 == 1 {
                power = self.product(&power, &form);
            }
        }
        power = self.square(&power);
        let last = if exponent & 1 == 1 {
            *base
        } else {
            Number::power_of_two(0)
        };
        self.product(&power, &last).reduced_once(&self.limbs)
    }

    /// The number in Montgomery form.
    pub(in crate::jose::kernel) fn in_form(&self, number: &Number) -> Number {
        let form = self.product(number, &self.square_of_r);
        form.reduced_once(&self.limbs)
    }

    /// For each digit of [`WINDOW`] bits: the power, in Montgomery form, to the `2^WINDOW`, times two to the digit.
    pub(in crate::jose::kernel) fn raised(
        &self,
        power: &Number,
        digits: impl Iterator<Item = usize>,
    ) -> Number {
        let form = |exponent| self.in_form(&Number::power_of_two(exponent));
        let factors: Vec<_> = (0..1 << WINDOW).map(form).collect();
        let mut power = *power;
        for digit in digits {
            for _ in 0..WINDOW {
                power = self.square(&power);
            }
            if let Some(factor) = factors.get(digit) {
                power = self.product(&power, factor);
            }
        }
        power.reduced_once(&self.limbs)
    }

    /// `left * right / R`.
    fn product(&self, left: &Number, right: &Number) -> Number {
        let mut sums = [[0; 4]; 2 * MAX_BLOCKS];
        let sums = sums.get_mut(..2 * self.blocks()).unwrap_or_default();
        let right = right.0.get(..=self.blocks()).unwrap_or_default();
        for (place, factors) in left.0.iter().take(self.blocks()).enumerate() {
            if let Some(sums) = sums.get_mut(place..) {
                add_rows(sums, *factors, [0; 3], right);
            }
            if place % LAZY_BLOCKS == LAZY_BLOCKS - 1 {
                carry(sums);
            }
        }
        self.reduce(sums)
    }

    /// `number * number / R`: products of two different limbs are taken once, and doubled.
    fn square(&self, number: &Number) -> Number {
        let mut sums = [[0; 4]; 2 * MAX_BLOCKS];
        let sums = sums.get_mut(..2 * self.blocks()).unwrap_or_default();
        let mut limbs = number.0.get(..=self.blocks()).unwrap_or_default();
        for place in 0..self.blocks() {
            let Some(([a, b, c, d], rest)) = limbs.split_first() else {
                break;
            };
            let Some([even, odd, ..]) = sums.get_mut(2 * place..) else {
                break;
            };
            let doubled = [a, b, c, d].map(|limb| limb << 1);
            let [_, twice_b, twice_c, twice_d] = doubled;
            even[0] += times(*a, *a);
            even[1] += times(*a, twice_b);
            even[2] += times(*a, twice_c) + times(*b, *b);
            even[3] += times(*a, twice_d) + times(*b, twice_c);
            odd[0] += times(*b, twice_d) + times(*c, *c);
            odd[1] += times(*c, twice_d);
            odd[2] += times(*d, *d);
            if let Some(sums) = sums.get_mut(2 * place + 1..) {
                add_rows(sums, doubled, [0; 3], rest);
            }
            limbs = rest;
            if place % LAZY_BLOCKS == LAZY_BLOCKS - 1 {
                carry(sums);
            }
        }
        self.reduce(sums)
    }

    /// The sums divided by `R`: multiples of the modulus make the lower half zero, four limbs at a time.
    fn reduce(&self, sums: &mut [Sums]) -> Number {
        if self.blocks() > LAZY_BLOCKS {
            carry(sums);
        }
        let Some((lowest, others)) = self.limbs.split_first() else {
            return Number::ZERO;
        };
        let [_, second, third, fourth] = *lowest;
        for place in 0..self.blocks() {
            let Some((head, [next, ..])) = sums.get_mut(place..).and_then(<[_]>::split_first_mut)
            else {
                break;
            };
            let (factors, over) = self.cancel(*lowest, head);
            next[0] += over;
            if let Some(sums) = sums.get_mut(place + 1..) {
                add_rows(sums, factors, [fourth, third, second], others);
            }
            if place % LAZY_BLOCKS == LAZY_BLOCKS - 1 {
                carry(sums.get_mut(place + 1..).unwrap_or_default());
            }
        }
        let upper = sums.get_mut(self.blocks()..).unwrap_or_default();
        carry(upper);
        let mut number = Number::ZERO;
        for (limb, sum) in number
            .0
            .as_flattened_mut()
            .iter_mut()
            .zip(upper.as_flattened())
        {
            *limb = low(*sum);
        }
        number
    }

    /// The factors of the modulus that make these four sums zero, and what is carried over from them.
    #[inline]
    fn cancel(&self, [n0, n1, n2, n3]: Limbs, [s0, s1, s2, s3]: &Sums) -> (Limbs, u64) {
        let factor = |sum: u64| low(sum).wrapping_mul(self.negated_inverse) & low(MASK);
        let f0 = factor(*s0);
        let s1 = s1 + times(f0, n1) + ((s0 + times(f0, n0)) >> BITS);
        let f1 = factor(s1);
        let s2 = s2 + times(f0, n2) + times(f1, n1) + ((s1 + times(f1, n0)) >> BITS);
        let f2 = factor(s2);
        let s3 =
            s3 + times(f0, n3) + times(f1, n2) + times(f2, n1) + ((s2 + times(f2, n0)) >> BITS);
        let f3 = factor(s3);
        ([f0, f1, f2, f3], (s3 + times(f3, n0)) >> BITS)
    }
}

/// Adds four rows: `limbs` times the first factor, times the second one limb further up, and so on.
///
/// `before` are the limbs below, the next one first.
#[inline(always)]
fn add_rows(sums: &mut [Sums], factors: Limbs, before: [u32; 3], limbs: &[Limbs]) {
    let [f0, f1, f2, f3] = factors.map(u64::from);
    let [mut p, mut q, mut r] = before.map(u64::from);
    for (sums, limbs) in sums.iter_mut().zip(limbs) {
        let [a, b, c, d] = limbs.map(u64::from);
        sums[0] += f0 * a + f1 * p + f2 * q + f3 * r;
        sums[1] += f0 * b + f1 * a + f2 * p + f3 * q;
        sums[2] += f0 * c + f1 * b + f2 * a + f3 * p;
        sums[3] += f0 * d + f1 * c + f2 * b + f3 * a;
        [p, q, r] = [d, c, b];
    }
}

/// Leaves 28 bits in each sum. There is no carry out of the last: the sums are a number that has room in as many limbs.
fn carry(sums: &mut [Sums]) {
    let mut carry = 0;
    for sum in sums.as_flattened_mut() {
        carry += *sum;
        *sum = carry & MASK;
        carry >>= BITS;
    }
}

#[inline(always)]
fn times(left: u32, right: u32) -> u64 {
    u64::from(left) * u64::from(right)
}
