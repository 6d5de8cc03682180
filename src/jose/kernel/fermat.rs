//! Fermat's test of whether a modulus is a prime, in parts: of a large one it takes longer than a callback may.

use super::montgomery::{Number, WINDOW};
use super::rsa::RsaKernel;

/// How far the power `2^(n - 1)` modulo `n` is computed. It is 1 for every prime, so that no prime passes for a product;
/// of products it is 1 for hardly any, and those are refused with the primes.
#[derive(Clone, Debug, Default)]
pub(in crate::jose) struct Fermat {
    power: Option<Box<Number>>,
    /// Digits of the exponent, the highest first, that are done.
    done: usize,
}

impl Fermat {
    /// How many digits the exponent has, for a modulus of so many bytes.
    pub(in crate::jose) const fn digits(modulus: &[u8]) -> usize {
        (modulus.len() * 8).div_ceil(BITS)
    }

    /// Goes on for so many digits of the exponent, each of which costs six products. `None` while there are more of them;
    /// then whether the power is 1. The modulus is that of the key, odd, and big-endian.
    pub(in crate::jose) fn proceed(
        &mut self,
        key: &RsaKernel,
        modulus: &[u8],
        digits: usize,
    ) -> Option<bool> {
        let all = Self::digits(modulus);
        let one = key.modulus().in_form(&Number::power_of_two(0));
        let power = self.power.as_deref().unwrap_or(&one);
        let places = (self.done..all).take(digits);
        let power = key
            .modulus()
            .raised(power, places.map(|place| digit(modulus, all - 1 - place)));
        self.done = self.done.saturating_add(digits).min(all);
        let is_one = power == one;
        self.power = Some(Box::new(power));
        (self.done == all).then_some(is_one)
    }
}

/// Bits of a digit.
const BITS: usize = 5;
const _: () = assert!(WINDOW == 5);

/// A digit of the modulus less one, the lowest being the first.
fn digit(modulus: &[u8], place: usize) -> usize {
    let bit = |at: usize| {
        let byte = modulus.len().checked_sub(1 + at / 8);
        let byte = byte.and_then(|byte| modulus.get(byte)).copied();
        // The lowest bit is the one that is taken off.
        usize::from(at > 0 && byte.unwrap_or_default() >> (at % 8) & 1 == 1)
    };
    (0..BITS).fold(0, |digit, at| digit | bit(place * BITS + at) << at)
}
