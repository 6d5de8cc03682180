//! By vectors of small integers.
//!
//! `i32x4.dot_i16x8_s` multiplies eight times 16 bits and adds up by two: one instruction of the machine, where any
//! wider product of vectors takes shuffles besides. `columns.rs` says how numbers are laid out for it.
//!
//! **Reduction.** `R` is the power of two of the modulus' blocks of sixteen digits. For a product `T`, the number `m` of
//! as many digits with `m = -T / n` modulo `R` makes `T + mn` a multiple of `R`, whose upper half is the result. Of `m`
//! only the lower columns are computed, and of `mn` only the upper ones: the lower ones add up to a multiple of `R`,
//! which the four highest of them tell. The others are below `2^-24 R`, and the digits that remain of the four are
//! below `0.57 R`: what is carried out of the four differs from that multiple by less than one, so by nothing.
//!
//! **Signs.** Digits and numbers are negative as often as not. Where two numbers are between `-n` and `n`, their
//! product is below `n^2` and so is, divided by `R`, below `n / 4`; as `m` is below `0.57 R`, the result is between
//! `-0.82 n` and `0.82 n`. With `R` above `4n`, no digit of it is carried out of the last block.

mod columns;
#[cfg_attr(not(target_feature = "simd128"), path = "vector/emulated.rs")]
mod lanes;
#[cfg(test)]
mod tests;

use self::columns::{BITS, Carry, Sum, Windows, columns, last_columns, square_columns};
use self::lanes::Lanes;
use super::uint::{Limbs, Uint, WINDOW, negated_inverse, odd_modulus};

/// Digits of a block.
const DIGITS: u32 = 16;

/// Blocks of the largest modulus, 8192 bits, with two bits to spare.
const MAX_BLOCKS: usize = 40;

/// A number below the modulus, in blocks of four digits, none of them negative.
pub(in crate::jose::kernel) type Number = Uint<BITS, { 4 * MAX_BLOCKS }>;

/// A number between the modulus and its negative, for either side of a product.
#[derive(Clone, Debug)]
struct Operand {
    /// Two digits to an integer, two vectors to a block.
    pairs: Box<[Lanes]>,
    windows: Windows,
}

/// An odd modulus, and what is computed once for it.
#[derive(Clone, Debug)]
pub(in crate::jose::kernel) struct Modulus {
    limbs: Box<[Limbs]>,
    windows: Windows,
    /// `-1 / modulus` modulo `R`.
    negated_inverse: Windows,
    /// `R^2` modulo the modulus: multiplying by it brings a number into Montgomery form.
    square_of_r: Windows,
}

/// Where the steps of a product leave what they make.
struct Work {
    /// The sums of each column, each kept in two halves.
    columns: Box<[[Sum; 4]]>,
    lower: Box<[Lanes]>,
    factor: Box<[Lanes]>,
}

impl Modulus {
    /// Of a big-endian number; `None` where it is even, below 3 or of more than 8192 bits.
    pub(in crate::jose::kernel) fn new(bytes: &[u8]) -> Option<Self> {
        let (digits, bits) = odd_modulus(bytes)?;
        let blocks = usize::try_from((bits + 2).div_ceil(DIGITS * BITS)).ok()?;
        let number = Number::from_be_bytes(digits);
        let empty = Windows::new(2 * blocks);
        let mut modulus = Self {
            limbs: number.0.get(..4 * blocks)?.into(),
            windows: empty.clone(),
            negated_inverse: empty.clone(),
            square_of_r: empty,
        };
        modulus.windows = modulus.operand(&number).windows;
        modulus.negated_inverse = modulus.negated_inverse();
        modulus.square_of_r = modulus.square_of_r(bits);
        Some(modulus)
    }

    fn blocks(&self) -> usize {
        self.limbs.len() / 4
    }

    /// The exponent of `R`.
    fn bits_of_r(&self) -> u32 {
        u32::try_from(self.blocks()).unwrap_or_default() * DIGITS * BITS
    }

    fn work(&self) -> Work {
        let half = 2 * self.blocks();
        Work {
            columns: vec![[Sum::ZERO; 4]; half].into(),
            lower: vec![Lanes::ZERO; half].into(),
            factor: vec![Lanes::ZERO; half].into(),
        }
    }

    /// By Newton's method, which doubles the digits that are right: `x (2 + nx)`.
    fn negated_inverse(&self) -> Windows {
        let [[lowest, ..], ..] = *self.limbs else {
            return self.windows.clone();
        };
        let first = negated_inverse(lowest) % (1 << BITS);
        let mut inverse = self.operand(&Number::from_be_bytes(&first.to_be_bytes()));
        let mut other = inverse.pairs.clone();
        let mut digits = 1;
        while digits < 16 * self.blocks() {
            lower_half(&inverse.pairs, &self.windows, 2, &mut other);
            lower_half(&other, &inverse.windows, 0, &mut inverse.pairs);
            inverse.windows.fill(&inverse.pairs);
            digits *= 2;
        }
        inverse.windows
    }

    /// `R` by doubling, and `2^k R` for the exponent `k` of `R` by squaring and doubling.
    fn square_of_r(&self, bits: u32) -> Windows {
        let bits_of_r = self.bits_of_r();
        let mut power = Number::power_of_two(bits - 1);
        for _ in bits - 1..=bits_of_r {
            power = power.doubled(&self.limbs);
        }
        let two = self.operand(&power);
        let (mut power, mut work) = (two.clone(), self.work());
        for place in (0..bits_of_r.ilog2()).rev() {
            self.square(&mut power, &mut work);
            if bits_of_r >> place & 1 == 1 {
                self.multiply(&mut power, &two.windows, &mut work);
            }
        }
        power.windows
    }

    /// Whether the number is below the modulus.
    pub(in crate::jose::kernel) fn exceeds(&self, number: &Number) -> bool {
        number.is_below(&self.limbs)
    }

    /// The number in digits of both signs.
    fn operand(&self, number: &Number) -> Operand {
        let mut carry = 0;
        let mut digit = |limb: u32| {
            let digit = limb.cast_signed() + carry;
            carry = i32::from(digit >= 1 << (BITS - 1));
            digit - (carry << BITS)
        };
        let (pairs, _) = number.0.as_chunks::<2>();
        let pairs = pairs.iter().take(2 * self.blocks()).map(|[lower, upper]| {
            let lower = Lanes::new(lower.map(&mut digit));
            lower.narrowed(Lanes::new(upper.map(&mut digit)))
        });
        let pairs: Box<[Lanes]> = pairs.collect();
        let mut windows = Windows::new(pairs.len());
        windows.fill(&pairs);
        Operand { pairs, windows }
    }

    /// The number below the modulus that these pairs are, to which the modulus is added where they are negative.
    fn number(&self, pairs: &[Lanes]) -> Number {
        let mut number = Number::ZERO;
        let digits = pairs.iter().flat_map(|pair| pair.widened());
        let mut carry = 0;
        let mut limb = |digit: i32| {
            carry += digit;
            let limb = carry & ((1 << BITS) - 1);
            carry >>= BITS;
            limb.cast_unsigned()
        };
        for (limbs, digits) in number.0.iter_mut().zip(digits) {
            *limbs = digits.integers().map(&mut limb);
        }
        if carry < 0 {
            number.wrapping_add(&self.limbs);
        }
        number
    }

    /// `base` to the power of an exponent of at least two bits; both the base and the result are below the modulus.
    ///
    /// From the second bit on, the highest first. The last product takes the base itself, not its Montgomery
    /// form, and so leaves that form.
    pub(in crate::jose::kernel) fn power(&self, base: &Number, exponent: u64) -> Number {
        let mut work = self.work();
        let base = self.operand(base);
        let mut power = base.clone();
        self.multiply(&mut power, &self.square_of_r, &mut work);
        let form = power.windows.clone();
        let highest = exponent.checked_ilog2().unwrap_or_default();
        for place in (1..highest).rev() {
            self.square(&mut power, &mut work);
            if exponent >> place & 1 == 1 {
                self.multiply(&mut power, &form, &mut work);
            }
        }
        self.square(&mut power, &mut work);
        let last = if exponent & 1 == 1 {
            base
        } else {
            self.operand(&Number::power_of_two(0))
        };
        self.multiply(&mut power, &last.windows, &mut work);
        self.number(&power.pairs)
    }

    /// The number in Montgomery form.
    pub(in crate::jose::kernel) fn in_form(&self, number: &Number) -> Number {
        let mut operand = self.operand(number);
        self.multiply(&mut operand, &self.square_of_r, &mut self.work());
        self.number(&operand.pairs)
    }

    /// For each digit of [`WINDOW`] bits: the power, in Montgomery form, to the `2^WINDOW`, times two to the digit.
    pub(in crate::jose::kernel) fn raised(
        &self,
        power: &Number,
        digits: impl Iterator<Item = usize>,
    ) -> Number {
        let mut work = self.work();
        let form = |exponent| self.operand(&self.in_form(&Number::power_of_two(exponent)));
        let factors: Vec<_> = (0..1 << WINDOW).map(|digit| form(digit).windows).collect();
        let mut power = self.operand(power);
        for digit in digits {
            for _ in 0..WINDOW {
                self.square(&mut power, &mut work);
            }
            if let Some(factor) = factors.get(digit) {
                self.multiply(&mut power, factor, &mut work);
            }
        }
        self.number(&power.pairs)
    }

    /// `left * right / R`.
    fn multiply(&self, left: &mut Operand, right: &Windows, work: &mut Work) {
        let half = left.pairs.len();
        for (block, sums) in work.columns.iter_mut().enumerate() {
            let rows = (2 * block).saturating_sub(half)..half.min(2 * block + 2);
            *sums = columns(block, rows, &left.pairs, right);
        }
        self.reduce(work, left);
    }

    /// `number * number / R`.
    fn square(&self, number: &mut Operand, work: &mut Work) {
        for (block, sums) in work.columns.iter_mut().enumerate() {
            *sums = square_columns(block, &number.pairs, &number.windows);
        }
        self.reduce(work, number);
    }

    /// The columns divided by `R`.
    fn reduce(&self, work: &mut Work, result: &mut Operand) {
        let blocks = self.blocks();
        let (lower, upper) = work.columns.split_at_mut(blocks);
        let mut carry = Carry::new(0);
        let (pairs, _) = work.lower.as_chunks_mut();
        let mut highest = Lanes::ZERO;
        for (pairs, sums) in pairs.iter_mut().zip(lower) {
            (*pairs, highest) = digits(&mut carry, sums);
        }
        if let Some([lowest, ..]) = upper.first_mut() {
            lowest.rest = lowest.rest.plus(carry.end());
        }
        lower_half(&work.lower, &self.negated_inverse, 0, &mut work.factor);

        let mut carry = Carry::new(0);
        let mut below = last_columns(blocks - 1, &work.factor, &self.windows);
        below.rest = below.rest.plus(highest);
        carry.next(below);
        let (pairs, _) = result.pairs.as_chunks_mut();
        for ((block, sums), pairs) in (blocks..).zip(upper).zip(pairs) {
            let rows = 2 * (block - blocks)..2 * blocks;
            let [a, b, c, d] = columns(block, rows, &work.factor, &self.windows);
            let [e, f, g, h] = *sums;
            (*pairs, _) = digits(&mut carry, &[a.plus(e), b.plus(f), c.plus(g), d.plus(h)]);
        }
        result.windows.fill(&result.pairs);
    }
}

/// The product modulo `R`, with so much added to it.
fn lower_half(left: &[Lanes], right: &Windows, added: i32, product: &mut [Lanes]) {
    let mut carry = Carry::new(added);
    let (pairs, _) = product.as_chunks_mut();
    for (block, pairs) in pairs.iter_mut().enumerate() {
        let sums = columns(block, 0..2 * block + 2, left, right);
        (*pairs, _) = digits(&mut carry, &sums);
    }
}

/// A block of digits, and its four highest by themselves.
#[inline(always)]
fn digits(carry: &mut Carry, sums: &[Sum; 4]) -> ([Lanes; 2], Lanes) {
    let [a, b, c, d] = sums.map(|sum| carry.next(sum));
    ([a.narrowed(b), c.narrowed(d)], d)
}
