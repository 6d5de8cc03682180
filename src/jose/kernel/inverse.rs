//! Inverses by division steps (Bernstein and Yang, "Fast constant-time gcd computation and modular inversion", 2019),
//! here in variable time: all numbers are public.
//!
//! A step makes of two numbers `f` and `g`, of which `f` is odd, two others with the same greatest common divisor, and
//! halves `g`. What a step does depends on the lowest bit of `g`, and on the steps before: so as many steps as a limb
//! has bits are found from the lowest limbs alone. Together they are a matrix. The whole numbers are multiplied by
//! it, and so are `d` and `e`, modulo the prime: `f` stays `number * d`, and `g` stays `number * e`. When `g` is zero,
//! `f` is 1 or -1, and `d` the inverse or its negative.

use super::residue::{Modulus, Residue};

impl<M: Modulus<L>, const L: usize> Residue<M, L> {
    /// `R^2 / self`, of a number that is not negative and below the modulus; of zero, zero.
    ///
    /// Its magnitude is below 27 times the modulus of 256 bits, 41 times that of 384 bits, 55 times that of 521 bits: a
    /// batch adds at most one modulus, and by the paper's theorem 11.2 there are no more than one less of them.
    pub(super) fn inverse(&self) -> Self {
        let (mut f, mut g) = (Self::modulus_of::<M>(), *self);
        let (mut d, mut e) = (Self::small(0), Self::new(M::SQUARE_OF_R));
        let mut delta = 1;
        while !g.has_no_limbs() {
            let batch = Batch::of(f.lowest(), g.lowest(), M::BITS, &mut delta);
            (f, g) = batch.applied(&f, &g);
            (d, e) = batch.applied(&d, &e);
        }
        if f.is_negative() { -&d } else { d }
    }
}

/// `2^bits` times the matrix of so many steps: what becomes of `f`, and of `g`.
pub(super) struct Batch(pub(super) [[i32; 2]; 2]);

impl Batch {
    /// The steps that the lowest bits of `f` and `g` stand for. The magnitudes of a row add up to at most `2^bits`.
    ///
    /// A step halves an even `g`, and makes `(g + f) / 2` of an odd one; there, where `delta` is positive, `g` takes the
    /// place of `f`, and `-f` that of `g`, first. Steps without such an exchange are taken together: the multiple of
    /// `f` is added that makes as many bits of `g` zero.
    pub(super) fn of(mut f: i32, mut g: i32, bits: u32, delta: &mut i32) -> Self {
        let (mut of_f, mut of_g) = ([1, 0], [0, 1]);
        let mut left = bits;
        loop {
            let zeros = g.trailing_zeros().min(left);
            g >>= zeros;
            of_f = of_f.map(|factor: i32| factor << zeros);
            *delta += zeros.cast_signed();
            left -= zeros;
            if left == 0 {
                return Self([of_f, of_g]);
            }
            if *delta > 0 {
                *delta = -*delta;
                (f, g) = (g, f.wrapping_neg());
                (of_f, of_g) = (of_g, of_f.map(|factor| -factor));
            }
            let steps = (1 - *delta).cast_unsigned().min(left).min(INVERSE_BITS);
            let factor = g.wrapping_mul(negated_inverse(f)) & ((1 << steps) - 1);
            g = g.wrapping_add(f.wrapping_mul(factor));
            for (own, other) in of_g.iter_mut().zip(of_f) {
                *own += other * factor;
            }
        }
    }

    fn applied<M: Modulus<L>, const L: usize>(
        &self,
        f: &Residue<M, L>,
        g: &Residue<M, L>,
    ) -> (Residue<M, L>, Residue<M, L>) {
        let Self([of_f, of_g]) = *self;
        (f.combined(g, of_f), f.combined(g, of_g))
    }
}

/// Bits that [`negated_inverse`] gets right.
const INVERSE_BITS: u32 = 6;

/// `-1 / odd` modulo `2^6`: the square of an odd number is 1 modulo 8, so `(odd^2 - 1)^2` is zero.
const fn negated_inverse(odd: i32) -> i32 {
    odd.wrapping_mul(odd.wrapping_mul(odd).wrapping_sub(2))
}
