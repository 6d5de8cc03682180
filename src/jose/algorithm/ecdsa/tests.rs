use super::*;
use crate::jose::testing::{decode, jwk, sign};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

/// The order of each curve (SEC 2 section 2), big-endian.
const ORDERS: [(Algorithm, &str); 4] = [
    (
        Algorithm::Es256,
        "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551",
    ),
    (
        Algorithm::Es384,
        concat!(
            "ffffffffffffffffffffffffffffffffffffffffffffffff",
            "c7634d81f4372ddf581a0db248b0a77aecec196accc52973",
        ),
    ),
    (
        Algorithm::Es512,
        concat!(
            "01fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffa",
            "51868783bf2f966b7fcc0148f709a5d03bb5c9b8899c47aebb6fb71e91386409",
        ),
    ),
    (
        Algorithm::Es256k,
        "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141",
    ),
];

fn unhex(text: &str) -> Vec<u8> {
    let pairs = (0..text.len()).step_by(2);
    pairs
        .map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap())
        .collect()
}

fn coordinates(algorithm: Algorithm) -> (String, Vec<u8>, Vec<u8>) {
    let jwk = jwk(algorithm);
    let text = |name: &str| jwk[name].as_str().unwrap().to_owned();
    (text("crv"), decode(&text("x")), decode(&text("y")))
}

fn key(algorithm: Algorithm) -> EcKey {
    let (curve, x, y) = coordinates(algorithm);
    EcKey::new(&curve, &x, &y).unwrap()
}

/// `left - right`, big-endian, of numbers of one length.
fn minus(left: &[u8], right: &[u8]) -> Vec<u8> {
    let mut borrow = 0;
    let mut bytes: Vec<_> = left
        .iter()
        .zip(right)
        .rev()
        .map(|(left, right)| {
            let difference = i16::from(*left) - i16::from(*right) - borrow;
            borrow = i16::from(difference < 0);
            u8::try_from(difference.rem_euclid(256)).unwrap()
        })
        .collect();
    bytes.reverse();
    bytes
}

#[test]
fn a_high_s_is_as_good_as_a_low_one() {
    for (algorithm, order) in ORDERS {
        let signature = sign(algorithm, b"message");
        let (r, s) = signature.split_at(signature.len() / 2);
        let mirrored = [r, &minus(&unhex(order), s)].concat();
        assert_ne!(signature, mirrored);
        assert!(key(algorithm).verify(b"message", &signature, Upkeep::NONE));
        assert!(
            key(algorithm).verify(b"message", &mirrored, Upkeep::NONE),
            "{algorithm:?}"
        );
        assert!(!key(algorithm).verify(b"another", &mirrored, Upkeep::NONE));
    }
}

#[test]
fn a_signature_has_two_numbers_in_range_and_of_full_length() {
    for (algorithm, order) in ORDERS {
        let order = unhex(order);
        let length = order.len();
        let good = sign(algorithm, b"message");
        assert_eq!(good.len(), 2 * length);
        let (r, s) = good.split_at(length);
        let (zero, most) = (vec![0; length], vec![0xff; length]);
        for signature in [
            vec![],
            vec![0; 2 * length],
            [r, &zero].concat(),
            [&zero, s].concat(),
            [r, &order].concat(),
            [&order, s].concat(),
            [r, &most].concat(),
            [&most, s].concat(),
            [r, &s[..length - 1]].concat(),
            [r, s, &[0]].concat(),
            [&[0], r, &[0], s].concat(),
            [s, r].concat(),
        ] {
            assert!(
                !key(algorithm).verify(b"message", &signature, Upkeep::NONE),
                "{algorithm:?} {signature:x?}"
            );
        }
    }
}

#[test]
fn a_signature_in_der_is_refused() {
    let signature = crate::jose::testing::p256_signature(b"message");
    assert!(key(Algorithm::Es256).verify(b"message", &signature.to_bytes(), Upkeep::NONE));
    assert!(!key(Algorithm::Es256).verify(b"message", signature.to_der().as_bytes(), Upkeep::NONE));
}

#[test]
fn a_point_is_on_its_curve_and_not_at_infinity() {
    for (algorithm, order) in ORDERS {
        let (curve, x, y) = coordinates(algorithm);
        let (zero, most, order) = (vec![0; x.len()], vec![0xff; x.len()], unhex(order));
        for (x, y) in [
            (&zero, &zero),
            (&x, &zero),
            (&zero, &y),
            (&y, &x),
            (&x, &most),
            (&most, &y),
            (&x, &order),
        ] {
            assert_eq!(
                EcKey::new(&curve, x, y).unwrap_err(),
                KeyError::Malformed,
                "{curve}"
            );
        }
    }
}

#[test]
fn a_coordinate_is_as_long_as_the_field() {
    for (algorithm, _) in ORDERS {
        let (curve, x, y) = coordinates(algorithm);
        let padded = [&[0], &*x].concat();
        for (x, y) in [
            (&*padded, &*y),
            (&x[1..], &y),
            (&x, &y[..y.len() - 1]),
            (&[], &y),
            (&x, &[]),
            (&[], &[]),
            (&[&*x, &*y].concat(), &[]),
        ] {
            assert_eq!(EcKey::new(&curve, x, y).unwrap_err(), KeyError::Malformed);
        }
    }
}

#[test]
fn a_point_of_one_curve_is_none_of_another() {
    for (algorithm, _) in ORDERS {
        let (own, x, y) = coordinates(algorithm);
        for curve in ["P-256", "P-384", "P-521", "secp256k1"] {
            let expected = (curve != own).then_some(KeyError::Malformed);
            assert_eq!(EcKey::new(curve, &x, &y).err(), expected, "{own} {curve}");
        }
    }
}
