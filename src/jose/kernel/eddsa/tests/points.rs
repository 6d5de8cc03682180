//! Points, and the sums of their multiples.

use curve25519_dalek::{
    EdwardsPoint, Scalar as LibraryScalar,
    constants::{ED25519_BASEPOINT_COMPRESSED, EIGHT_TORSION},
    edwards::CompressedEdwardsY,
};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use super::{
    super::{
        multiples::{Multiples, Shape, sum_of_products},
        point::{Addend, Affine, Point},
        scalar::Scalar,
    },
    Salts, random_bytes, random_scalar, rounds,
};

fn encoded(point: &EdwardsPoint) -> [u8; 32] {
    point.compress().to_bytes()
}

fn affine(point: &EdwardsPoint) -> Affine {
    Affine::from_bytes(&encoded(point)).unwrap()
}

fn own(scalar: &LibraryScalar) -> Scalar {
    Scalar::from_bytes(&scalar.to_bytes()).unwrap()
}

/// Scalars at the ends, and those at which digits, windows and carries end.
fn edges() -> Vec<LibraryScalar> {
    let one = LibraryScalar::ONE;
    let two = LibraryScalar::from(2_u8);
    let mut edges: Vec<_> = [0, 1, 2, 3, 7, 8, 9, 63, 64, 65, 127, 128, 129]
        .map(|number: u8| LibraryScalar::from(number))
        .to_vec();
    let powers = std::iter::successors(Some(one), |power| Some(power * two));
    for (place, power) in powers.enumerate().take(253) {
        if place % 28 == 0 || place % 14 == 6 || place > 248 {
            edges.extend([power, power - one, power + one]);
        }
    }
    edges.push(two.invert());
    edges.iter().flat_map(|scalar| [*scalar, -scalar]).collect()
}

#[test]
fn the_generator_is_the_library_s() {
    let point = Point::from(&Affine::GENERATOR);
    assert_eq!(point.to_bytes(), ED25519_BASEPOINT_COMPRESSED.to_bytes());
}

#[test]
fn encodings_are_those_of_the_library() {
    let mut random = Salts(32);
    let mut points = 0;
    for round in 0..rounds() * 4 {
        let mut bytes: [u8; 32] = random_bytes(&mut random, 32).try_into().unwrap();
        if round < 64 {
            bytes = [0; 32];
            bytes[0] = u8::try_from(round).unwrap();
        }
        let library = CompressedEdwardsY(bytes).decompress();
        let point = Affine::from_bytes(&bytes);
        assert_eq!(point.is_some(), library.is_some(), "{bytes:x?}");
        if let Some((point, library)) = point.zip(library) {
            assert_eq!(Point::from(&point).to_bytes(), encoded(&library));
            let inverse = Point::from(&point.negated());
            assert_eq!(inverse.to_bytes(), encoded(&-library));
            points += 1;
        }
    }
    assert!(points > 20);
}

fn doubled(mut point: Point) -> Point {
    point.double();
    point
}

fn sum_of(mut point: Point, addend: &Addend, is_negative: bool) -> Point {
    point.add(addend, is_negative);
    point
}

/// Points of every order, equal, inverse and neutral ones among them.
#[test]
fn sums_are_complete() {
    let mut random = Salts(33);
    let other = EdwardsPoint::mul_base(&random_scalar(&mut random));
    let mixed = EIGHT_TORSION.map(|torsion| other + torsion);
    let points: Vec<_> = EIGHT_TORSION
        .into_iter()
        .chain(mixed)
        .chain([-other])
        .collect();
    for left in &points {
        let start = Point::from(&affine(left));
        assert_eq!(doubled(start).to_bytes(), encoded(&(left + left)));
        assert_eq!(
            doubled(doubled(start)).to_bytes(),
            encoded(&(left + left + left + left))
        );
        for right in &points {
            let addend = affine(right).addend();
            let sum = sum_of(start, &addend, false);
            assert_eq!(sum.to_bytes(), encoded(&(left + right)));
            assert_eq!(
                sum_of(start, &addend, true).to_bytes(),
                encoded(&(left - right))
            );
            assert_eq!(sum_of(sum, &addend, true).to_bytes(), encoded(left));
            assert_eq!(
                sum_of(doubled(sum), &addend, true).to_bytes(),
                encoded(&(left + left + right))
            );
        }
    }
}

/// Sums whose parts are equal, inverse to each other, or neutral, on the way or in the end.
#[test]
fn sums_of_products_are_those_of_the_library() {
    let mut random = Salts(34);
    let generator = Multiples::of(&Affine::GENERATOR, Shape::TABLE);
    let base = EdwardsPoint::mul_base(&LibraryScalar::ONE);
    let other = EdwardsPoint::mul_base(&random_scalar(&mut random));
    let shifted = EdwardsPoint::mul_base(&LibraryScalar::from(1_u64 << 14));
    let points = [
        base,
        -base,
        other,
        shifted,
        other + EIGHT_TORSION[1],
        EIGHT_TORSION[3],
        EIGHT_TORSION[0],
    ];
    let edges = edges();
    for (number, point) in points.iter().enumerate() {
        let shapes = [Shape::TABLE, Shape::FEW].map(|shape| Multiples::of(&affine(point), shape));
        for (place, left) in edges.iter().enumerate() {
            let some = edges.iter().skip((place + number) % 31).step_by(31);
            for right in some.chain([left, &-left, &random_scalar(&mut random)]) {
                let expected = encoded(&(EdwardsPoint::mul_base(left) + right * point));
                for multiples in &shapes {
                    let sum = sum_of_products([(&generator, own(left)), (multiples, own(right))]);
                    assert_eq!(sum.to_bytes(), expected, "{left:?} {right:?} {number}");
                }
            }
        }
    }
}

/// Every multiple that a table has.
#[test]
fn tables_hold_every_multiple() {
    let point = EdwardsPoint::mul_base(&random_scalar(&mut Salts(35)));
    let point = point + EIGHT_TORSION[1];
    for (shape, shift) in [(Shape::TABLE, 14), (Shape::FEW, 0)] {
        let multiples = Multiples::of(&affine(&point), shape);
        let mut power = point;
        for window in multiples.windows() {
            let mut multiple = power;
            for addend in window {
                let own = sum_of(Point::NEUTRAL, addend, false);
                assert_eq!(own.to_bytes(), encoded(&multiple));
                multiple += power;
            }
            for _ in 0..shift {
                power += power;
            }
        }
    }
}
