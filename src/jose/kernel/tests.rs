//! The kernels beside the libraries, on random numbers and on those where arithmetic goes wrong.
//!
//! `KERNEL_ROUNDS` says how many random cases each test takes: `cargo xtask kernels` sets it. Overflow is checked here, so
//! that the bounds in the modules' documentation are tested too.

mod ecdsa;
mod large;
mod residue;

use p256::elliptic_curve::bigint::{
    BoxedUint, Odd,
    modular::{BoxedMontyForm, BoxedMontyParams},
};
use rsa::rand_core::Rng as _;

use crate::jose::testing::Salts;

/// Random cases of each test; all are the same on every run.
pub(super) fn rounds() -> u64 {
    let usual = if cfg!(target_arch = "wasm32") {
        20
    } else {
        100
    };
    std::env::var("KERNEL_ROUNDS").map_or(usual, |rounds| rounds.parse().unwrap())
}

pub(super) fn random_bytes(random: &mut Salts, length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    random.fill_bytes(&mut bytes);
    bytes
}

/// Random bits, or runs of equal ones, which carry far.
pub(super) fn random_number(random: &mut Salts, length: usize) -> Vec<u8> {
    let mut bytes = random_bytes(random, length);
    if random.next_u32().is_multiple_of(2) {
        return bytes;
    }
    let mut run = 0;
    for (place, byte) in bytes.clone().iter().enumerate() {
        if byte % 8 == 0 {
            run = if byte & 0x80 == 0 { 0 } else { 0xff };
        }
        bytes[place] = run;
    }
    bytes
}

/// The library's integers modulo an odd number, as big-endian bytes of the modulus' length.
pub(super) struct Ring {
    params: BoxedMontyParams,
    length: usize,
}

impl Ring {
    pub(super) fn new(modulus: &[u8]) -> Self {
        let modulus_number = BoxedUint::from_be_slice_vartime(modulus);
        let odd = Odd::new(modulus_number).into_option().unwrap();
        Self {
            params: BoxedMontyParams::new_vartime(odd),
            length: modulus.len(),
        }
    }

    fn number(&self, bytes: &[u8]) -> BoxedMontyForm {
        let precision = self.params.bits_precision();
        let padding = usize::try_from(precision / 8).unwrap() - bytes.len();
        let padded = [&*vec![0; padding], bytes].concat();
        let number = BoxedUint::from_be_slice(&padded, precision).unwrap();
        let reduced = number.rem_vartime(self.params.modulus().as_nz_ref());
        BoxedMontyForm::new(reduced, &self.params)
    }

    fn bytes(&self, number: &BoxedMontyForm) -> Vec<u8> {
        let bytes = number.retrieve().to_be_bytes();
        bytes[bytes.len() - self.length..].to_vec()
    }

    pub(super) fn product(&self, left: &[u8], right: &[u8]) -> Vec<u8> {
        self.bytes(&(self.number(left) * self.number(right)))
    }

    pub(super) fn sum(&self, left: &[u8], right: &[u8]) -> Vec<u8> {
        self.bytes(&(self.number(left) + self.number(right)))
    }

    pub(super) fn difference(&self, left: &[u8], right: &[u8]) -> Vec<u8> {
        self.bytes(&(self.number(left) - self.number(right)))
    }

    fn power(&self, base: &[u8], exponent: &[u8]) -> Vec<u8> {
        let exponent = BoxedUint::from_be_slice_vartime(exponent);
        self.bytes(&self.number(base).pow(&exponent))
    }

    /// Modulo a prime.
    pub(super) fn inverse(&self, number: &[u8]) -> Vec<u8> {
        let minus_two = self.difference(&[0], &[2]);
        self.power(number, &minus_two)
    }

    /// Modulo a prime; zero where the divisor is.
    fn quotient(&self, dividend: &[u8], divisor: &[u8]) -> Vec<u8> {
        let inverse = self.number(divisor).invert_vartime().into_option();
        let quotient = inverse.map(|inverse| self.number(dividend) * inverse);
        quotient.map_or_else(|| self.sum(&[0], &[0]), |quotient| self.bytes(&quotient))
    }

    /// Numbers at the ends, at powers of two, and of equal bits.
    pub(super) fn edges(&self) -> Vec<Vec<u8>> {
        let mut edges = Vec::new();
        for small in [0, 1, 2, 3, 4, 31, 32, 33, 63, 64, 65] {
            edges.push(self.sum(&[0], &[small]));
            edges.push(self.difference(&[0], &[small]));
        }
        for place in 0..self.length {
            let mut bytes = vec![0; self.length];
            bytes[place] = 1 << (place % 8);
            let power = self.sum(&bytes, &[0]);
            edges.push(self.difference(&power, &[1]));
            edges.push(power);
        }
        edges
    }
}

pub(super) fn unhex(text: &str) -> Vec<u8> {
    let pairs = (0..text.len()).step_by(2);
    pairs
        .map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap())
        .collect()
}
