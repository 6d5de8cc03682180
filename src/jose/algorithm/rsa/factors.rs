//! Moduli that anybody can factor at a glance: what is found out when a key is read.

use crate::jose::KeyError;

/// NIST SP 800-89 section 5.3.3 asks for no factor below this.
const BOUND: u32 = 752;
/// The largest prime that the mark of the flawed generator is looked for in.
const LARGEST_OF_MARK: u32 = 167;

/// What costs no more than reading the key: primes below 752, and the mark of a flawed generator. Of 2048 bits some 15 µs.
pub(super) fn check(modulus: &[u8]) -> Result<(), KeyError> {
    let residues: Vec<_> = residues(modulus, &odd_primes(3, BOUND)).collect();
    if residues.iter().any(|(_, residue)| *residue == 0) {
        Err(KeyError::SmallFactor)
    } else if is_of_flawed_generator(&residues) {
        Err(KeyError::FlawedModulus)
    } else {
        Ok(())
    }
}

/// The odd primes from one number up to below another, at most 2^17, by the sieve of Eratosthenes.
pub(super) fn odd_primes(from: u32, below: u32) -> Vec<u32> {
    let length = usize::try_from(below).unwrap_or_default();
    let mut composite = vec![false; length];
    let mut primes = Vec::new();
    for number in (3..below).step_by(2) {
        let place = usize::try_from(number).unwrap_or_default();
        if composite.get(place).copied().unwrap_or(true) {
            continue;
        }
        if number >= from {
            primes.push(number);
        }
        let multiples = composite.iter_mut().skip(place.saturating_mul(place));
        multiples.step_by(2 * place).for_each(|mark| *mark = true);
    }
    primes
}

/// What a number leaves modulo each of these primes. As many of them as a word holds are divided by at once.
pub(super) fn residues(number: &[u8], primes: &[u32]) -> impl Iterator<Item = (u32, u32)> {
    let words: Vec<u32> = words(number).collect();
    let mut rest = primes;
    let groups = std::iter::from_fn(move || {
        let (mut product, mut length) = (1_u32, 0);
        for prime in rest {
            let Some(larger) = product.checked_mul(*prime) else {
                break;
            };
            (product, length) = (larger, length + 1);
        }
        let (group, others) = rest.split_at_checked(length)?;
        rest = others;
        (length > 0).then_some((group, product))
    });
    groups.flat_map(move |(group, product)| {
        let residue = remainder(&words, product);
        group.iter().map(move |prime| (*prime, residue % prime))
    })
}

/// The number in words, the highest first.
pub(super) fn words(number: &[u8]) -> impl Iterator<Item = u32> {
    let (first, others) = number.split_at(number.len() % 4);
    let word = |bytes: &[u8]| {
        bytes
            .iter()
            .fold(0, |word, byte| word << 8 | u32::from(*byte))
    };
    std::iter::once(word(first)).chain(others.chunks_exact(4).map(word))
}

/// The remainder of a number by a word that is not zero.
pub(super) fn remainder(words: &[u32], divisor: u32) -> u32 {
    let divisor = u64::from(divisor.max(1));
    let remainder = words.iter().fold(0, |remainder: u64, word| {
        (remainder << 32 | u64::from(*word)) % divisor
    });
    u32::try_from(remainder).unwrap_or_default()
}

/// Whether the modulus is one of those that can be factored because of how its primes were made
/// (CVE-2017-15361, "ROCA").
///
/// The generator's primes are a power of 65537 modulo the product of small primes, and so is a product
/// of two. Of other moduli one in 2^154 is.
pub(super) fn is_of_flawed_generator(residues: &[(u32, u32)]) -> bool {
    let marked = residues
        .iter()
        .take_while(|(prime, _)| *prime <= LARGEST_OF_MARK);
    let logarithms: Option<Vec<_>> = marked
        .map(|(prime, residue)| logarithm(*residue, *prime))
        .collect();
    // Exponents modulo the orders are those of one power where they agree pair by pair.
    logarithms.is_some_and(|all| {
        all.iter().all(|(exponent, order)| {
            all.iter().all(|(other, other_order)| {
                exponent.abs_diff(*other) % greatest_common_divisor(*order, *other_order) == 0
            })
        })
    })
}

/// The exponent that makes 65537 the residue, both modulo a small prime, and the order of 65537.
fn logarithm(residue: u32, prime: u32) -> Option<(usize, usize)> {
    let next = |power: &u32| Some(power * (65537 % prime) % prime).filter(|power| *power != 1);
    let powers = || std::iter::successors(Some(1), next);
    let exponent = powers().position(|power| power == residue)?;
    Some((exponent, powers().count()))
}

fn greatest_common_divisor(left: usize, right: usize) -> usize {
    if right == 0 {
        left
    } else {
        greatest_common_divisor(right, left % right)
    }
}
