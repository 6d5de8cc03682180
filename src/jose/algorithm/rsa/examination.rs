//! Moduli that anybody can factor with some arithmetic: what is found out when a key has verified its first signature.
//!
//! Of 2048 bits it takes the module some 5 ms, of 8192 some 160: too much to do it for each key of a set that is
//! read, so that a stranger's signature never causes it and an issuer has so much time a second for it. Until a key is
//! examined, nothing that it signed counts.
//!
//! | Looked for | How | What escapes |
//! |---|---|---|
//! | primes up to 65537 | division | nothing |
//! | a power of another number | each prime exponent, by its residues | nothing; one modulus in 2^60 is taken for one |
//! | two primes close to each other (CVE-2022-26320) | Fermat's method, a hundred steps | primes that differ in their upper halves |
//! | a prime | Fermat's test to base two | nothing; hardly any product is taken for one |

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

use p256::elliptic_curve::bigint::Resize as _;
use rsa::BoxedUint;
use sha2::{Digest, Sha256};

use super::factors::{odd_primes, remainder, residues, words};
use crate::jose::{
    KeyError,
    kernel::{Fermat, RsaKernel},
};
use crate::time::MonoTime;

/// Primes below this are divided by.
const BOUND: u32 = 65_538;
/// Steps of Fermat's method of factoring.
const STEPS: usize = 100;
/// What an issuer's keys may take at once, and each second, in nanoseconds: a tenth of a worker.
const A_SECOND: u64 = 100_000_000;
/// How many verdicts a VM remembers.
const REMEMBERED: usize = 1024;

thread_local! {
    /// By the digest of the modulus: a key set is read again whenever its issuer is asked again.
    static VERDICTS: RefCell<BTreeMap<[u8; 32], Result<(), KeyError>>> = RefCell::default();
}

/// Whether it is known of a key that nobody but its owner can sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::jose) enum Examined {
    /// As far as it can be known.
    Sound,
    /// Not yet: the time for that is used up.
    Unfinished,
}

/// What time an issuer's keys have to be examined in.
#[derive(Clone, Debug)]
pub(in crate::jose) struct Patience(Option<Rc<Cell<(u64, MonoTime)>>>);

impl Patience {
    /// So much a second.
    pub(in crate::jose) fn limited() -> Self {
        Self(Some(Rc::new(Cell::new((
            A_SECOND,
            MonoTime::from_millis(0),
        )))))
    }

    /// As much as it takes: for keys of the operator's own configuration, which is read once.
    pub(in crate::jose) const fn endless() -> Self {
        Self(None)
    }

    /// How many of so many steps there is time for, at a price for each.
    fn take(&self, now: MonoTime, price: u64, most: usize) -> usize {
        let Some(cell) = &self.0 else { return most };
        let (left, filled_at) = cell.get();
        let passed = u64::try_from(now.since(filled_at).as_millis()).unwrap_or(u64::MAX);
        let left = left.saturating_add(passed.saturating_mul(A_SECOND / 1000));
        let left = left.min(A_SECOND);
        let steps = usize::try_from(left / price.max(1))
            .unwrap_or(usize::MAX)
            .min(most);
        let spent = price.saturating_mul(u64::try_from(steps).unwrap_or(u64::MAX));
        cell.set((left.saturating_sub(spent), now));
        steps
    }
}

/// How far a modulus is examined.
#[derive(Clone, Debug, Default)]
pub(super) enum Examination {
    #[default]
    Due,
    /// It is no power and has no small factors.
    Powers(Fermat),
    Over(Result<(), KeyError>),
}

impl Examination {
    /// Goes on for as long as there is time.
    pub(super) fn proceed(
        &mut self,
        (exponent, modulus): (&[u8], &[u8]),
        patience: &Patience,
        now: MonoTime,
    ) -> Result<Examined, KeyError> {
        if let Self::Due = self {
            let digest: [u8; 32] = Sha256::digest(modulus).into();
            if let Some(verdict) = VERDICTS.with_borrow(|known| known.get(&digest).copied()) {
                *self = Self::Over(verdict);
            } else if patience.take(now, price_of_factors(modulus), 1) == 0 {
                return Ok(Examined::Unfinished);
            } else {
                *self = match find_factors(modulus) {
                    Ok(()) => Self::Powers(Fermat::default()),
                    Err(error) => self.close(modulus, Err(error)),
                };
            }
        }
        if let Self::Powers(fermat) = self {
            let digits = patience.take(now, price_of_digit(modulus), Fermat::digits(modulus));
            let kernel = RsaKernel::new(modulus, exponent).ok_or(KeyError::Malformed)?;
            match fermat.proceed(&kernel, modulus, digits) {
                None => return Ok(Examined::Unfinished),
                Some(true) => *self = self.close(modulus, Err(KeyError::PrimeModulus)),
                Some(false) => *self = self.close(modulus, Ok(())),
            }
        }
        match self {
            Self::Over(verdict) => verdict.map(|()| Examined::Sound),
            Self::Due | Self::Powers(_) => Ok(Examined::Unfinished),
        }
    }

    /// Remembers the verdict for the next time that the key is read.
    fn close(&self, modulus: &[u8], verdict: Result<(), KeyError>) -> Self {
        VERDICTS.with_borrow_mut(|known| {
            if known.len() >= REMEMBERED {
                known.pop_first();
            }
            known.insert(Sha256::digest(modulus).into(), verdict);
        });
        Self::Over(verdict)
    }
}

/// Six products, each of 1.3 µs for 2048 bits, and in proportion to the square of the length, in nanoseconds.
fn price_of_digit(modulus: &[u8]) -> u64 {
    let length = u64::try_from(modulus.len()).unwrap_or_default();
    length.saturating_mul(length).saturating_mul(6 * 1300) / (256 * 256)
}

/// Some 1.5 ms for 2048 bits, and in proportion to the length, in nanoseconds.
fn price_of_factors(modulus: &[u8]) -> u64 {
    let length = u64::try_from(modulus.len()).unwrap_or_default();
    length.saturating_mul(1_500_000) / 256
}

fn find_factors(modulus: &[u8]) -> Result<(), KeyError> {
    let primes = odd_primes(3, BOUND);
    if residues(modulus, &primes).any(|(_, residue)| residue == 0) {
        Err(KeyError::SmallFactor)
    } else if is_power(modulus, &primes) {
        Err(KeyError::PerfectPower)
    } else if has_close_factors(modulus) {
        Err(KeyError::CloseFactors)
    } else {
        Ok(())
    }
}

/// Whether a number without factors below 2^16 is a power of another: then the exponent, or one of its primes, is at most
/// a sixteenth of its bits.
pub(super) fn is_power(modulus: &[u8], primes: &[u32]) -> bool {
    let words: Vec<u32> = words(modulus).collect();
    let most = u32::try_from(modulus.len() / 2).unwrap_or_default();
    std::iter::once(2)
        .chain(primes.iter().copied())
        .take_while(|exponent| *exponent <= most)
        .any(|exponent| is_power_of(&words, exponent))
}

/// Whether a number is a power by this prime exponent `k`. Modulo a prime `q` for which `k` divides `q - 1`, powers to
/// the `k` have 1 for their power to the `(q - 1) / k`, and of other numbers one in `k` has: so many `q` are asked that
/// one number in 2^60 or fewer gets through.
fn is_power_of(words: &[u32], exponent: u32) -> bool {
    let questions = 60_u32.div_ceil(exponent.ilog2());
    let step = exponent.saturating_mul(2);
    let fields = (1_u32..)
        .map_while(|times| step.checked_mul(times)?.checked_add(1))
        .filter(|field| is_prime(*field))
        .take(usize::try_from(questions).unwrap_or_default());
    fields.into_iter().all(|field| {
        let residue = remainder(words, field);
        residue == 0 || power(residue, (field - 1) / exponent, field) == 1
    })
}

/// By division: of primes that these questions take, none is above 2^17.
fn is_prime(number: u32) -> bool {
    let divisors = (3..)
        .step_by(2)
        .take_while(|divisor| divisor * divisor <= number);
    number > 2
        && !number.is_multiple_of(2)
        && divisors
            .into_iter()
            .all(|divisor| !number.is_multiple_of(divisor))
}

fn power(base: u32, exponent: u32, modulus: u32) -> u32 {
    let modulus = u64::from(modulus);
    let (mut base, mut product, mut exponent) = (u64::from(base), 1, exponent);
    while exponent > 0 {
        if exponent % 2 == 1 {
            product = product * base % modulus;
        }
        base = base * base % modulus;
        exponent /= 2;
    }
    u32::try_from(product).unwrap_or_default()
}

/// Fermat's method: `n = a^2 - b^2`, where `a` is not far above the root of `n`.
pub(super) fn has_close_factors(modulus: &[u8]) -> bool {
    let number = BoxedUint::from_be_slice_vartime(modulus);
    // Room for the squares of what is a little above the root.
    let precision = number.bits_precision() + 64;
    let number = number.resize(precision);
    let one = BoxedUint::one_with_precision(number.bits_precision());
    let mut root = number.floor_sqrt_vartime().wrapping_add(&one);
    let mut rest = root.wrapping_mul(&root).wrapping_sub(&number);
    for _ in 0..STEPS {
        if may_be_square(&rest) && rest.checked_sqrt_vartime().is_some() {
            return true;
        }
        let difference = root.wrapping_add(&root).wrapping_add(&one);
        rest = rest.wrapping_add(&difference);
        root = root.wrapping_add(&one);
    }
    false
}

/// Hardly any number is a square modulo all of these: the root need not be taken of the others.
fn may_be_square(number: &BoxedUint) -> bool {
    let words: Vec<u32> = words(&number.to_be_bytes()).collect();
    let residue = remainder(&words, 63 * 65 * 11);
    let among = |modulus: u32| {
        let wanted = residue % modulus;
        (0..modulus).any(|root| root * root % modulus == wanted)
    };
    let lowest = words.last().copied().unwrap_or_default() % 64;
    (0..64).any(|root: u32| root * root % 64 == lowest) && [63, 65, 11].into_iter().all(among)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(text: &str) -> Vec<u8> {
        BoxedUint::from_str_radix_vartime(text, 10)
            .unwrap()
            .to_be_bytes()
            .into()
    }

    fn to_the(base: u64, exponent: u32) -> Vec<u8> {
        let precision = 64 * exponent;
        let base = BoxedUint::from(base).resize(precision);
        let one = BoxedUint::one_with_precision(precision);
        let power = (0..exponent).fold(one, |power, _| power.wrapping_mul(&base));
        power.to_be_bytes().into()
    }

    #[test]
    fn a_power_is_one_by_whichever_exponent_and_its_neighbours_are_none() {
        let primes = odd_primes(3, BOUND);
        // The largest below 2^32, and one just above 2^16.
        for base in [4_294_967_291, 65_537] {
            for exponent in [2, 3, 4, 5, 6, 7, 9, 11, 13, 31, 37, 61, 64] {
                let mut power = to_the(base, exponent);
                let is_power = |power: &[u8]| is_power(power, &primes);
                assert!(is_power(&power), "{base}^{exponent}");
                *power.last_mut().unwrap() ^= 2;
                assert!(!is_power(&power), "{base}^{exponent}");
            }
        }
        assert!(!is_power(&[0xff; 256], &primes));
    }

    #[test]
    fn primes_and_remainders_are_right() {
        let primes = odd_primes(3, BOUND);
        assert_eq!((primes.len(), primes.last()), (6_542, Some(&65_537)));
        assert!(primes.iter().all(|prime| is_prime(*prime)));
        assert_eq!(odd_primes(752, 770), [757, 761, 769]);
        let bytes: Vec<u8> = (0..=255).chain(0..3).collect();
        let large = BoxedUint::from_be_slice_vartime(&bytes);
        for (prime, residue) in residues(&bytes, &primes) {
            let divisor = BoxedUint::from(u64::from(prime)).resize(large.bits_precision());
            let divisor = divisor.to_nz().into_option().unwrap();
            let expected = large.rem_vartime(&divisor);
            let expected = expected.to_be_bytes();
            let expected = BoxedUint::from_be_slice_vartime(&expected);
            assert_eq!(expected, BoxedUint::from(u64::from(residue)), "{prime}");
        }
    }

    #[test]
    fn close_factors_are_found_and_others_are_not() {
        // 10^30 + 57 and 10^30 + 63 are close, 10^29 + 319 is not close to either.
        let product = |left: &str, right: &str| {
            let factor = |text| BoxedUint::from_be_slice_vartime(&number(text)).resize(512);
            factor(left).wrapping_mul(factor(right)).to_be_bytes()
        };
        let near = "1000000000000000000000000000057";
        let next = "1000000000000000000000000000063";
        let far = "100000000000000000000000000319";
        assert!(has_close_factors(&product(near, next)));
        assert!(!has_close_factors(&product(near, far)));
        for root in 0..200_u64 {
            let square = BoxedUint::from(root * root).resize(128);
            assert!(may_be_square(&square));
        }
    }

    #[test]
    fn time_is_given_by_the_second_and_clocks_may_be_put_back() {
        let patience = Patience::limited();
        let at = MonoTime::from_millis;
        assert_eq!(patience.take(at(5_000), A_SECOND / 10, 100), 10);
        assert_eq!(patience.take(at(5_000), 1, 100), 0);
        assert_eq!(patience.take(at(5_100), A_SECOND / 10, 100), 1);
        assert_eq!(patience.take(at(9_000), A_SECOND / 10, 3), 3);
        assert_eq!(patience.take(at(0), A_SECOND / 10, 100), 7);
        assert_eq!(patience.take(at(1_000), A_SECOND / 10, 100), 10);
        assert_eq!(Patience::endless().take(at(0), u64::MAX, 100), 100);
    }
}
