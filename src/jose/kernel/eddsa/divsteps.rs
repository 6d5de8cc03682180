//! Division modulo `2^255 - 19`, in the time that the number takes.
//!
//! The greatest common divisor of the prime and the number by the division steps of Bernstein and Yang ("Fast constant-time
//! gcd computation and modular inversion", 2019). A step looks at the lowest bits only, so that as many steps as a limb
//! has bits are done on one word, and then put to the whole numbers as one matrix. These numbers' limbs are those of
//! [`field`](super::field).

use super::field::{BITS, Field, LIMBS, MASK};
use crate::jose::kernel::residue::low;

/// Steps of a round, as many as a limb has [`BITS`].
const STEPS: u32 = 29;

type Limbs = [i32; LIMBS];

/// `1 / 19` modulo `2^29`.
const INVERSE_OF_19: u32 = 0x086b_ca1b;

/// What a round makes of two numbers, times `2^BITS`. The magnitudes in a row are at most that together.
struct Matrix {
    first: [i32; 2],
    second: [i32; 2],
}

/// The inverse of a canonical number, below `2^260` in magnitude; of zero, zero.
///
/// `f` and `g` always are `d` and `e` times the number, modulo the prime. No number of 255 bits takes more than 741 steps.
pub(super) fn inverse(number: Limbs) -> Limbs {
    let (mut f, mut g) = (Field::PRIME, number);
    let (mut d, mut e) = ([0; LIMBS], [0; LIMBS]);
    if let Some(lowest) = e.first_mut() {
        *lowest = 1;
    }
    let mut eta = -1;
    while g.iter().any(|limb| *limb != 0) {
        let matrix = steps(&mut eta, lowest(&f), lowest(&g));
        (f, g) = (
            combined(matrix.first, &f, &g, 0),
            combined(matrix.second, &f, &g, 0),
        );
        (d, e) = (
            modular(matrix.first, &d, &e),
            modular(matrix.second, &d, &e),
        );
    }
    let is_negative = f.last().is_some_and(|highest| *highest < 0);
    if is_negative { d.map(|limb| -limb) } else { d }
}

fn lowest(limbs: &Limbs) -> i32 {
    let [lowest, ..] = limbs;
    *lowest
}

/// A round on the lowest bits, as many steps as possible at once. `f` is odd; below zero, `eta` says that it is for `f` to
/// become smaller.
fn steps(eta: &mut i32, mut f: i32, mut g: i32) -> Matrix {
    let (mut first, mut second) = ([1, 0], [0, 1]);
    let mut left = STEPS;
    loop {
        // A bit above those that are left stops the count.
        let zeros = (g | (-1 << left)).trailing_zeros();
        g >>= zeros;
        first = first.map(|factor| factor << zeros);
        left -= zeros;
        *eta -= zeros.cast_signed();
        if left == 0 {
            return Matrix { first, second };
        }
        if *eta < 0 {
            *eta = -*eta;
            (f, g) = (g, f.wrapping_neg());
            (first, second) = (second, first.map(|factor| -factor));
        }
        // The multiple of `f` that makes at most six of the lowest bits zero, no more than there are steps before a swap.
        let bits = (*eta + 1).min(left.cast_signed()).min(6);
        let square = f.wrapping_mul(f).wrapping_sub(2);
        let multiple = f.wrapping_mul(g).wrapping_mul(square) & ((1 << bits) - 1);
        g = g.wrapping_add(f.wrapping_mul(multiple));
        for (factor, other) in second.iter_mut().zip(first) {
            *factor += multiple * other;
        }
    }
}

/// `(u d + v e) / 2^BITS` modulo the prime: less than the prime above the larger magnitude.
fn modular([u, v]: [i32; 2], d: &Limbs, e: &Limbs) -> Limbs {
    let sum = u
        .wrapping_mul(lowest(d))
        .wrapping_add(v.wrapping_mul(lowest(e)));
    let multiple = sum.cast_unsigned().wrapping_mul(INVERSE_OF_19);
    combined([u, v], d, e, i64::from(multiple) & MASK)
}

/// `(u left + v right + multiple p) / 2^BITS`, which has no remainder.
#[inline(never)]
fn combined([u, v]: [i32; 2], left: &Limbs, right: &Limbs, multiple: i64) -> Limbs {
    let (u, v) = (i64::from(u), i64::from(v));
    let mut carry = 0;
    let mut sums = [0; LIMBS];
    for (((sum, left), right), prime) in sums.iter_mut().zip(left).zip(right).zip(Field::PRIME) {
        carry += u * i64::from(*left) + v * i64::from(*right) + multiple * i64::from(prime);
        *sum = low(carry & MASK);
        carry >>= BITS;
    }
    let mut above = low(carry);
    for sum in sums.iter_mut().rev() {
        std::mem::swap(sum, &mut above);
    }
    sums
}
