//! Numbers modulo the prime and modulo the order.

use curve25519_dalek::Scalar as LibraryScalar;
use rsa::rand_core::Rng as _;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use super::{
    super::{
        field::{Field, LIMBS},
        scalar::Scalar,
    },
    ORDER, Salts, random_bytes, rounds, wrapping_sum,
};
use crate::jose::kernel::tests::{Ring, random_number, unhex};

const PRIME: &str = "7fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffed";

fn reversed(bytes: &[u8]) -> Vec<u8> {
    bytes.iter().rev().copied().collect()
}

fn field(number: &[u8]) -> Field {
    Field::from_bytes(&reversed(number).try_into().unwrap())
}

fn bytes(number: Field) -> Vec<u8> {
    reversed(&number.to_bytes())
}

/// Each operation on two numbers, and what it makes of numbers that are not reduced.
fn agrees(ring: &Ring, left: &[u8], right: &[u8]) {
    let (a, b) = (field(left), field(right));
    let product = ring.product(left, right);
    let (sum, difference) = (ring.sum(left, right), ring.difference(left, right));
    assert_eq!(bytes(a), left);
    assert_eq!(bytes(&a * &b), product, "{left:x?} {right:x?}");
    assert_eq!(bytes(a + b), sum);
    assert_eq!(bytes(a - b), difference);
    assert_eq!(bytes((a + b + b).tidy()), ring.sum(&sum, right));
    assert_eq!(bytes((-a - b).tidy()), ring.difference(&[0], &sum));
    assert_eq!(bytes(&(a + b) * &(a - b)), ring.product(&sum, &difference));
    let fourfold = ring.product(&difference, &ring.sum(&sum, right));
    assert_eq!(bytes(&(a - b) * &(a + b + b)), fourfold);
    assert_eq!((a - b).is_zero(), left == right);
    assert_eq!(a.is_odd(), left[31] & 1 == 1);
}

#[test]
fn numbers_of_the_field_are_those_of_the_library() {
    let ring = Ring::new(&unhex(PRIME));
    let edges = ring.edges();
    for (place, left) in edges.iter().enumerate() {
        for right in edges.iter().skip(place % 3).step_by(3) {
            agrees(&ring, left, right);
        }
    }
    let mut random = Salts(255);
    for _ in 0..rounds() * 10 {
        let mut number = || ring.sum(&random_number(&mut random, 32), &[0]);
        agrees(&ring, &number(), &number());
    }
}

#[test]
fn quotients_and_roots_are_those_of_the_library() {
    let ring = Ring::new(&unhex(PRIME));
    let mut random = Salts(256);
    let some = (0..rounds()).map(|_| ring.sum(&random_number(&mut random, 32), &[0]));
    let edges = ring.edges();
    let mut roots = 0;
    for number in edges.iter().step_by(2).cloned().chain(some) {
        assert_eq!(bytes(field(&number).inverse()), ring.inverse(&number));
        let square = &field(&number) * &field(&number);
        let root = bytes(square.square_root().unwrap());
        assert!(root == number || root == ring.difference(&[0], &number));
        // Half of the numbers have a root, and then twice the number has none: 2 has none modulo this prime.
        let twice = (field(&number) + field(&number)).tidy();
        let is_zero = number.iter().all(|byte| *byte == 0);
        let is_square = field(&number).square_root().is_some();
        assert_eq!(twice.square_root().is_some(), !is_square || is_zero);
        roots += usize::from(is_square);
    }
    assert!(roots > 20);
}

/// What limbs of any sign and size stand for.
fn value(ring: &Ring, limbs: &[i64; LIMBS]) -> Vec<u8> {
    let radix = (1_u32 << 29).to_be_bytes();
    limbs.iter().rev().fold(vec![0], |sum, limb| {
        let shifted = ring.product(&sum, &radix);
        let magnitude = limb.unsigned_abs().to_be_bytes();
        if *limb < 0 {
            ring.difference(&shifted, &magnitude)
        } else {
            ring.sum(&shifted, &magnitude)
        }
    })
}

/// A number of so many units whose limbs are as large as they may be, each of the sign that a bit says.
fn extreme(units: i64, signs: u32) -> [i64; LIMBS] {
    let mut place = 0;
    [(); LIMBS].map(|()| {
        let excess = if place == 1 { 1 << 16 } else { 64 };
        let bits = if place == LIMBS - 1 { 23 } else { 29 };
        let limb = units * ((1 << bits) + excess);
        let is_negative = signs >> place & 1 == 1;
        place += 1;
        if is_negative { -limb } else { limb }
    })
}

/// The bounds of the documentation, at which nothing may overflow.
#[test]
fn limbs_at_their_bounds_do_not_overflow() {
    let ring = Ring::new(&unhex(PRIME));
    let mut random = Salts(257);
    let equal = [0, 0x1ff].into_iter();
    let mixed: Vec<_> = (0..rounds()).map(|_| random.next_u32()).collect();
    let signs: Vec<_> = equal.chain(mixed).collect();
    for (left_signs, right_signs) in signs.iter().zip(signs.iter().cycle().skip(1)) {
        for (left_units, right_units) in [(1, 3), (3, 1), (2, 1), (1, 1)] {
            for right_signs in [left_signs, &!left_signs, right_signs] {
                let left = extreme(left_units, *left_signs);
                let right = extreme(right_units, *right_signs);
                let [a, b] = [left, right]
                    .map(|limbs| Field::new(limbs.map(|limb| i32::try_from(limb).unwrap())));
                let [left, right] = [left, right].map(|limbs| value(&ring, &limbs));
                assert_eq!(bytes(&a * &b), ring.product(&left, &right));
                assert_eq!(bytes(a), left);
                assert_eq!(bytes(b.tidy()), right);
                assert_eq!(bytes(b.inverse()), ring.inverse(&right));
            }
        }
    }
}

/// The factors of all bits that carry farthest, back into the lowest limbs.
#[test]
fn a_product_s_limbs_are_of_one_unit() {
    for signs in 0..1 << LIMBS {
        for (left, right) in [(1, 3), (3, 1)] {
            let [a, b] = [extreme(left, signs), extreme(right, !signs)]
                .map(|limbs| Field::new(limbs.map(|limb| i32::try_from(limb).unwrap())));
            let [lowest, second, middle @ .., highest] = (&a * &b).limbs();
            assert!((0..1 << 29).contains(&lowest));
            assert!((-(1 << 16)..(1 << 29) + (1 << 16)).contains(&second));
            assert!(middle.iter().all(|limb| (0..1 << 29).contains(limb)));
            assert!((0..1 << 23).contains(&highest));
        }
    }
}

fn reduces(hash: &[u8; 64]) {
    let expected = LibraryScalar::from_bytes_mod_order_wide(hash).to_bytes();
    let scalar = Scalar::from_hash(hash);
    assert_eq!(Some(scalar), Scalar::from_bytes(&expected), "{hash:x?}");
    for (width, last) in [(4, 63), (7, 36)] {
        let digits = scalar.digits(width);
        let half = 1 << (width - 1);
        assert!(
            digits
                .iter()
                .all(|digit| (1 - half..=half).contains(&i32::from(*digit)))
        );
        assert!((0..=1).contains(&digits[last]));
        assert!(digits[last + 1..].iter().all(|digit| *digit == 0));
        let radix = LibraryScalar::from(1_u64 << width);
        let sum = digits.iter().rev().fold(LibraryScalar::ZERO, |sum, digit| {
            let magnitude = LibraryScalar::from(digit.unsigned_abs());
            let magnitude = if *digit < 0 { -magnitude } else { magnitude };
            sum * radix + magnitude
        });
        assert_eq!(sum.to_bytes(), expected);
    }
}

#[test]
fn hashes_are_reduced_as_by_the_library() {
    let mut random = Salts(512);
    for _ in 0..rounds() * 10 {
        reduces(&random_number(&mut random, 64).try_into().unwrap());
    }
    // Multiples of the order and their neighbours, up to the largest that 512 bits have room for.
    let order = [ORDER.as_slice(), &[0; 32]].concat();
    let (one, minus_one) = ([&[1], &*vec![0; 63]].concat(), vec![0xff; 64]);
    let mut multiple = order.clone();
    for round in 0..260 {
        for offset in [&one, &minus_one] {
            reduces(&wrapping_sum(&multiple, offset).try_into().unwrap());
        }
        reduces(&multiple.clone().try_into().unwrap());
        if round % 5 == 0 {
            let next = wrapping_sum(&multiple, &order);
            reduces(&next.try_into().unwrap());
        }
        multiple = wrapping_sum(&multiple, &multiple);
    }
    for place in 0..512 {
        let mut power = [0; 64];
        power[place / 8] = 1 << (place % 8);
        reduces(&power);
        reduces(&wrapping_sum(&power, &minus_one).try_into().unwrap());
    }
    reduces(&[0; 64]);
}

#[test]
fn a_scalar_is_below_the_order() {
    let minus_one = wrapping_sum(&ORDER, &[0xff; 32]);
    assert!(Scalar::from_bytes(&minus_one.try_into().unwrap()).is_some());
    assert!(Scalar::from_bytes(&[0; 32]).is_some());
    let mut random = Salts(252);
    for _ in 0..rounds() {
        let bytes = random_bytes(&mut random, 32).try_into().unwrap();
        let expected = LibraryScalar::from_canonical_bytes(bytes).is_some();
        assert_eq!(Scalar::from_bytes(&bytes).is_some(), bool::from(expected));
    }
    let mut one = [0; 32];
    one[0] = 1;
    for above in [ORDER.to_vec(), wrapping_sum(&ORDER, &one), vec![0xff; 32]] {
        assert!(Scalar::from_bytes(&above.try_into().unwrap()).is_none());
    }
}
