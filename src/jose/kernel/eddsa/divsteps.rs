//! Division modulo `2^255 - 19`, in the time that the number takes.
//!
//! By the division steps of [`inverse`](super::super::inverse), on numbers whose limbs are those of
//! [`field`](super::field).

use super::field::{BITS, Field, LIMBS, MASK};
use crate::jose::kernel::inverse::Batch;
use crate::jose::kernel::residue::low;

/// Steps of a round, as many as a limb has [`BITS`].
const STEPS: u32 = 29;

type Limbs = [i32; LIMBS];

/// `1 / 19` modulo `2^29`.
const INVERSE_OF_19: u32 = 0x086b_ca1b;

/// The inverse of a canonical number, below `2^260` in magnitude; of zero, zero.
///
/// `f` and `g` always are `d` and `e` times the number, modulo the prime. No number of 255 bits takes more than 741 steps.
pub(super) fn inverse(number: Limbs) -> Limbs {
    let (mut f, mut g) = (Field::PRIME, number);
    let (mut d, mut e) = ([0; LIMBS], [0; LIMBS]);
    if let Some(lowest) = e.first_mut() {
        *lowest = 1;
    }
    let mut delta = 1;
    while g.iter().any(|limb| *limb != 0) {
        let Batch([of_f, of_g]) = Batch::of(lowest(&f), lowest(&g), STEPS, &mut delta);
        (f, g) = (combined(of_f, &f, &g, 0), combined(of_g, &f, &g, 0));
        (d, e) = (modular(of_f, &d, &e), modular(of_g, &d, &e));
    }
    let is_negative = f.last().is_some_and(|highest| *highest < 0);
    if is_negative { d.map(|limb| -limb) } else { d }
}

fn lowest(limbs: &Limbs) -> i32 {
    let [lowest, ..] = limbs;
    *lowest
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
