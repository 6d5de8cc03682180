#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use super::{Ring, Salts, random_number, rounds, unhex};
use crate::jose::kernel::{
    curves::{
        P256Field, P256Order, P384Field, P384Order, P521Field, P521Order, Secp256k1Field,
        Secp256k1Order,
    },
    residue::{Modulus, Residue},
};

pub(super) const P256: [&str; 2] = [
    "ffffffff00000001000000000000000000000000ffffffffffffffffffffffff",
    "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551",
];
pub(super) const P384: [&str; 2] = [
    concat!(
        "fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffe",
        "ffffffff0000000000000000ffffffff"
    ),
    concat!(
        "ffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf",
        "581a0db248b0a77aecec196accc52973"
    ),
];
pub(super) const P521: [&str; 2] = [
    concat!(
        "01ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
        "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
    ),
    concat!(
        "01fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffa",
        "51868783bf2f966b7fcc0148f709a5d03bb5c9b8899c47aebb6fb71e91386409"
    ),
];
pub(super) const SECP256K1: [&str; 2] = [
    "fffffffffffffffffffffffffffffffffffffffffffffffffffffffefffffc2f",
    "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141",
];

fn residue<M: Modulus<L>, const L: usize>(bytes: &[u8]) -> Residue<M, L> {
    Residue::from_be_bytes(bytes).unwrap()
}

/// Each operation on two numbers and what it makes of numbers that are not reduced.
fn agrees<M: Modulus<L> + PartialEq, const L: usize>(ring: &Ring, left: &[u8], right: &[u8]) {
    let (a, b) = (residue::<M, L>(left), residue::<M, L>(right));
    let (a_form, b_form) = (&a.in_form(), &b.in_form());
    let product = ring.product(left, right);
    let plain = (a_form * &b).in_form().out_of_form();
    assert_eq!(plain, residue(&product), "{left:x?} {right:x?}");
    assert_eq!((a_form * b_form).out_of_form(), residue(&product));
    assert_eq!(
        (a_form + b_form).tidy().out_of_form(),
        residue(&ring.sum(left, right))
    );
    let expected = ring.difference(left, right);
    let difference = &(a_form - b_form);
    assert_eq!(difference.out_of_form(), residue(&expected));
    let expected = ring.product(&expected, &expected);
    assert_eq!(difference.square().out_of_form(), residue(&expected));
    let expected = ring.difference(&expected, &product);
    let fused = difference.times_plus(difference, &-a_form, b_form);
    assert_eq!(fused.out_of_form(), residue(&expected));
    assert_eq!(difference.is_zero(), left == right);
    assert_eq!(difference.square().product_is_zero(), left == right);
}

fn check<M: Modulus<L> + PartialEq, const L: usize>(modulus: &str) {
    let modulus = unhex(modulus);
    let ring = Ring::new(&modulus);
    let edges = ring.edges();
    for (place, left) in edges.iter().enumerate() {
        for right in edges.iter().skip(place % 7).step_by(7) {
            agrees::<M, L>(&ring, left, right);
        }
    }
    let mut random = Salts(modulus.len().try_into().unwrap());
    for _ in 0..rounds() {
        let mut number = || ring.sum(&random_number(&mut random, modulus.len()), &[0]);
        agrees::<M, L>(&ring, &number(), &number());
    }
}

fn has_its_modulus<M: Modulus<L> + PartialEq, const L: usize>(modulus: &str) {
    let modulus = unhex(modulus);
    let ring = Ring::new(&modulus);
    let largest = ring.difference(&[0], &[1]);
    assert!(Residue::<M, L>::from_be_bytes(&modulus).is_none());
    assert!(Residue::<M, L>::from_be_bytes(&largest).is_some());
    let above = [&[1], &*vec![0; 80]].concat();
    assert!(Residue::<M, L>::from_be_bytes(&above).is_none());
    let all_bits = vec![0xff; modulus.len()];
    assert!(Residue::<M, L>::from_be_bytes(&all_bits).is_none());
}

/// A quotient as a verification takes it, and one of a difference, which is not reduced and may be negative.
fn divides<M: Modulus<L> + PartialEq, const L: usize>(ring: &Ring, dividend: &[u8], by: &[u8]) {
    let expected = residue(&ring.quotient(dividend, by));
    let (dividend, number) = (&residue::<M, L>(dividend), &residue::<M, L>(by));
    let quotient = (dividend * &number.inverse()).out_of_form();
    assert_eq!(quotient, expected, "{dividend:x?} {by:x?}");
    let difference = &(number - dividend).in_form() + &dividend.in_form();
    let inverse = difference.out_of_form().inverse();
    assert_eq!((dividend * &inverse).out_of_form(), expected);
}

fn inverts<M: Modulus<L> + PartialEq, const L: usize>(modulus: &str) {
    let modulus = unhex(modulus);
    let ring = Ring::new(&modulus);
    let largest = ring.difference(&[0], &[1]);
    for number in ring.edges().iter().chain(&powers_of_two(&ring)) {
        divides::<M, L>(&ring, &largest, number);
    }
    let mut random = Salts(modulus.len().try_into().unwrap());
    for _ in 0..10 * rounds() {
        let mut number = || ring.sum(&random_number(&mut random, modulus.len()), &[0]);
        divides::<M, L>(&ring, &number(), &number());
    }
}

/// Each, its neighbours, and the negatives of all: bits that are none or all set.
fn powers_of_two(ring: &Ring) -> Vec<Vec<u8>> {
    let powers = (0..8 * ring.length).map(|bit| {
        let mut power = vec![0; ring.length];
        power[ring.length - 1 - bit / 8] = 1 << (bit % 8);
        ring.sum(&power, &[0])
    });
    let near = powers.flat_map(|power| {
        let neighbours = [ring.sum(&power, &[1]), ring.difference(&power, &[1])];
        neighbours.into_iter().chain([power])
    });
    near.flat_map(|number| [ring.difference(&[0], &number), number])
        .collect()
}

/// The digits are those of the number, and in range.
fn has_digits<M: Modulus<L> + PartialEq, const L: usize>(modulus: &str) {
    let modulus = unhex(modulus);
    let ring = Ring::new(&modulus);
    let mut random = Salts(5);
    let some = (0..20).map(|_| ring.sum(&random_number(&mut random, modulus.len()), &[0]));
    for number in ring.edges().into_iter().chain(some.collect::<Vec<_>>()) {
        for bits in [4, 6, 8] {
            assert_eq!(sum_of_digits::<M, L>(&ring, &number, bits), number);
        }
    }
}

fn sum_of_digits<M: Modulus<L> + PartialEq, const L: usize>(
    ring: &Ring,
    number: &[u8],
    bits: u32,
) -> Vec<u8> {
    let number = residue::<M, L>(number);
    let windows = (usize::try_from(M::BITS).unwrap() * L - 5) / usize::try_from(bits).unwrap() + 1;
    let digits: Vec<_> = number.signed_digits(bits).take(windows + 1).collect();
    assert_eq!(digits.last(), Some(&0));
    let shift = u16::to_be_bytes(1 << bits);
    digits
        .iter()
        .rev()
        .fold(ring.sum(&[0], &[0]), |sum, digit| {
            assert!((1 - (1 << (bits - 1))..=1 << (bits - 1)).contains(digit));
            let magnitude = [u8::try_from(digit.unsigned_abs()).unwrap()];
            let shifted = ring.product(&sum, &shift);
            if *digit < 0 {
                ring.difference(&shifted, &magnitude)
            } else {
                ring.sum(&shifted, &magnitude)
            }
        })
}

macro_rules! for_each_modulus {
    ($check:ident) => {
        $check::<P256Field, 9>(P256[0]);
        $check::<P256Order, 9>(P256[1]);
        $check::<P384Field, 14>(P384[0]);
        $check::<P384Order, 14>(P384[1]);
        $check::<P521Field, 19>(P521[0]);
        $check::<P521Order, 19>(P521[1]);
        $check::<Secp256k1Field, 9>(SECP256K1[0]);
        $check::<Secp256k1Order, 9>(SECP256K1[1]);
    };
}

#[test]
fn a_modulus_is_that_of_its_curve() {
    for_each_modulus!(has_its_modulus);
}

#[test]
fn residues_add_and_multiply_like_the_library_s() {
    for_each_modulus!(check);
}

#[test]
fn residues_have_inverses() {
    for_each_modulus!(inverts);
}

#[test]
fn signed_digits_make_up_their_number() {
    for_each_modulus!(has_digits);
}
