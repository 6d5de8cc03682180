use ::rsa::{pss, signature::RandomizedSigner, signature::SignatureEncoding};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use super::factors::{is_of_flawed_generator, odd_primes, residues};
use super::*;
use crate::jose::testing::{Salts, decode, jwk, rsa_key, sign};

fn key() -> RsaKey {
    let jwk = jwk(Algorithm::Rs256);
    let number = |name: &str| decode(jwk[name].as_str().unwrap());
    RsaKey::new(&number("n"), &number("e")).unwrap()
}

fn verify(algorithm: Algorithm, signature: &[u8]) -> bool {
    key().verify(algorithm, (b"message", signature), Upkeep::NONE)
}

/// Whether a modulus has the mark.
fn is_marked(modulus: &[u8]) -> bool {
    let residues: Vec<_> = residues(modulus, &odd_primes(3, 752)).collect();
    is_of_flawed_generator(&residues)
}

fn salted(length: usize) -> Vec<u8> {
    pss::SigningKey::<Sha256>::new_with_salt_len(rsa_key(), length)
        .sign_with_rng(&mut Salts(0), b"message")
        .to_vec()
}

#[test]
fn a_salt_is_exactly_as_long_as_the_hash() {
    assert_eq!(salted(32), sign(Algorithm::Ps256, b"message"));
    for length in [0, 1, 20, 31, 32, 33, 48, 64, 222] {
        let holds = verify(Algorithm::Ps256, &salted(length));
        assert_eq!(holds, length == 32, "{length}");
    }
}

#[test]
fn a_signature_is_as_long_as_the_modulus_and_below_it() {
    let modulus = decode(jwk(Algorithm::Rs256)["n"].as_str().unwrap());
    for algorithm in RsaKey::algorithms().iter() {
        let good = sign(algorithm, b"message");
        assert!(verify(algorithm, &good));
        for signature in [
            vec![],
            vec![0; 256],
            vec![1; 256],
            vec![0xff; 256],
            modulus.clone(),
            [&[0], &*good].concat(),
            [&*good, &[0]].concat(),
            good[1..].to_vec(),
            good[..255].to_vec(),
        ] {
            assert!(!verify(algorithm, &signature), "{algorithm:?}");
        }
    }
}

/// The message's representative plus the modulus has the same power.
#[test]
fn a_signature_plus_the_modulus_is_refused() {
    let number = |bytes: &[u8]| BoxedUint::from_be_slice(bytes, 2112).unwrap();
    let modulus = number(&decode(jwk(Algorithm::Rs256)["n"].as_str().unwrap()));
    for algorithm in RsaKey::algorithms().iter() {
        let sum = number(&sign(algorithm, b"message")).wrapping_add(&modulus);
        let bytes = sum.to_be_bytes();
        for signature in [&bytes[bytes.len() - 256..], &bytes[bytes.len() - 257..]] {
            assert!(!verify(algorithm, signature));
        }
    }
}

#[test]
fn a_modulus_of_the_flawed_generator_is_found() {
    let moduli: serde_json::Value =
        serde_json::from_str(include_str!("../../../../tests/vectors/roca.json")).unwrap();
    for (name, flawed) in [("flawed", true), ("sound", false)] {
        let moduli = moduli[name].as_array().unwrap();
        assert!(moduli.len() > 2);
        for modulus in moduli {
            let bytes = decode(modulus.as_str().unwrap());
            assert_eq!(is_marked(&bytes), flawed, "{modulus}");
            let verdict = RsaKey::new(&bytes, &[1, 0, 1]).err();
            let expected = match (bytes.len() < 256, flawed) {
                (true, _) => Some(KeyError::KeyTooSmall),
                (false, true) => Some(KeyError::FlawedModulus),
                (false, false) => None,
            };
            assert_eq!(verdict, expected, "{modulus}");
        }
    }
}

#[test]
fn a_key_of_the_tests_is_sound() {
    let modulus = decode(jwk(Algorithm::Rs256)["n"].as_str().unwrap());
    assert!(!is_marked(&modulus));
    // The first powers, and the logarithms of a number that is none.
    for (modulus, flawed) in [(1, true), (2, false), (3, false), (65_537_u64, true)] {
        assert_eq!(is_marked(&modulus.to_be_bytes()), flawed);
    }
}
