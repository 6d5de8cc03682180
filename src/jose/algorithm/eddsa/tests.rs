use super::*;
use crate::jose::{
    Algorithm,
    testing::{decode, jwk, sign},
};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

fn key() -> Ed25519Key {
    let jwk = jwk(Algorithm::EdDsa);
    Ed25519Key::new(&decode(jwk["x"].as_str().unwrap())).unwrap()
}

/// A coordinate, little-endian, with the bit for the sign of the other.
fn coordinate(lowest: u8, rest: u8, highest: u8) -> [u8; 32] {
    let mut bytes = [rest; 32];
    (bytes[0], bytes[31]) = (lowest, highest);
    bytes
}

#[test]
fn a_key_has_32_bytes() {
    for length in [0, 31, 33, 57, 64] {
        assert_eq!(
            Ed25519Key::new(&vec![9; length]).unwrap_err(),
            KeyError::Malformed
        );
    }
}

/// The small orders of RFC 8032 section 5.1: 1, 2, 4 and 8.
#[test]
fn a_point_of_small_order_is_no_key() {
    let eighth = [
        0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98,
        0xf0, 0xd5, 0xdf, 0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53,
        0xfc, 0x05,
    ];
    for point in [
        coordinate(1, 0, 0),
        coordinate(1, 0, 0x80),
        coordinate(0xec, 0xff, 0x7f),
        coordinate(0xec, 0xff, 0xff),
        coordinate(0, 0, 0),
        coordinate(0, 0, 0x80),
        eighth,
    ] {
        assert_eq!(
            Ed25519Key::new(&point).unwrap_err(),
            KeyError::SmallOrder,
            "{point:x?}"
        );
    }
}

#[test]
fn a_coordinate_that_is_not_below_the_prime_is_malformed() {
    for lowest in 0xed..=0xff {
        for highest in [0x7f, 0xff] {
            assert_eq!(
                Ed25519Key::new(&coordinate(lowest, 0xff, highest)).unwrap_err(),
                KeyError::Malformed,
                "{lowest:x}"
            );
        }
    }
    assert!(is_canonical(&coordinate(0xec, 0xff, 0x7f)));
    assert!(is_canonical(&coordinate(0xff, 0xff, 0x7e)));
    assert!(is_canonical(&coordinate(0xff, 0xfe, 0x7f)));
}

#[test]
fn a_point_off_the_curve_is_malformed() {
    assert_eq!(
        Ed25519Key::new(&coordinate(2, 0, 0)).unwrap_err(),
        KeyError::Malformed
    );
}

/// `S` plus the order of the group is the same number to who does not look.
#[test]
fn a_second_form_of_a_signature_is_refused() {
    const ORDER: [u8; 32] = [
        0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde,
        0x14, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
    ];
    let signature = sign(Algorithm::EdDsa, b"message");
    assert!(key().verify(b"message", &signature, Upkeep::NONE));
    let mut second = signature.clone();
    let mut carry = 0;
    for (byte, more) in second[32..].iter_mut().zip(ORDER) {
        let sum = u16::from(*byte) + u16::from(more) + carry;
        carry = sum >> 8;
        *byte = u8::try_from(sum & 0xff).unwrap();
    }
    assert!(!key().verify(b"message", &second, Upkeep::NONE));
}

#[test]
fn a_signature_has_64_bytes_and_no_point_of_small_order() {
    let signature = sign(Algorithm::EdDsa, b"message");
    let (point, number) = signature.split_at(32);
    for signature in [
        vec![],
        vec![0; 64],
        signature[..63].to_vec(),
        [&*signature, &[0]].concat(),
        [&coordinate(1, 0, 0), number].concat(),
        [point, &[0; 32]].concat(),
        [number, point].concat(),
    ] {
        assert!(
            !key().verify(b"message", &signature, Upkeep::NONE),
            "{signature:x?}"
        );
    }
}
