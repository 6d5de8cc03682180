use serde_json::json;

use super::*;
use crate::jose::testing::{EC_JWK, RSA_JWK, encode};

/// The key with members of another value; `null` takes one away.
fn edited(jwk: &str, changes: Value) -> Result<Key, KeyError> {
    let mut jwk: Value = serde_json::from_str(jwk).unwrap();
    for (name, value) in changes.as_object().unwrap() {
        jwk[name] = value.clone();
    }
    jwk.as_object_mut()
        .unwrap()
        .retain(|_, value| !value.is_null());
    Key::parse(&jwk)
}

fn refusal(jwk: &str, changes: Value) -> KeyError {
    edited(jwk, changes.clone()).map(|_| changes).unwrap_err()
}

fn modulus(bits: usize) -> String {
    let mut bytes = vec![0xff; bits.div_ceil(8)];
    bytes[0] = if bits.is_multiple_of(8) {
        0xff
    } else {
        (1 << (bits % 8)) - 1
    };
    encode(bytes)
}

#[test]
fn the_type_of_a_key_decides_its_algorithms() {
    let (ec, rsa) = (
        edited(EC_JWK, json!({})).unwrap(),
        edited(RSA_JWK, json!({})).unwrap(),
    );
    assert!(ec.fits(Algorithm::Es256) && !ec.fits(Algorithm::Rs256));
    assert!(rsa.fits(Algorithm::Rs256) && !rsa.fits(Algorithm::Es256));
    assert_eq!((ec.key_id(), rsa.key_id()), (Some("ec"), Some("rsa")));
}

#[test]
fn a_key_that_lets_itself_verify_is_taken() {
    for changes in [
        json!({"alg": "ES256"}),
        json!({"use": "sig"}),
        json!({"key_ops": ["sign", "verify"]}),
        json!({"use": "sig", "key_ops": ["verify"], "alg": "ES256"}),
        json!({"kid": null}),
        json!({"x5c": ["AA"], "x5u": "https://evil.example", "custom": 1}),
    ] {
        assert!(edited(EC_JWK, changes.clone()).is_ok(), "{changes}");
    }
}

#[test]
fn a_key_for_something_else_is_skipped() {
    for changes in [
        json!({"use": "enc"}),
        json!({"use": "SIG"}),
        json!({"key_ops": []}),
        json!({"key_ops": ["encrypt"]}),
        json!({"use": "sig", "key_ops": ["sign"]}),
        json!({"use": "enc", "key_ops": ["verify"]}),
    ] {
        assert_eq!(
            refusal(EC_JWK, changes.clone()),
            KeyError::NotForVerification,
            "{changes}"
        );
    }
}

#[test]
fn a_key_whose_alg_is_of_another_type_is_skipped() {
    assert_eq!(
        refusal(EC_JWK, json!({"alg": "RS256"})),
        KeyError::AlgorithmMismatch
    );
    assert_eq!(
        refusal(RSA_JWK, json!({"alg": "ES256"})),
        KeyError::AlgorithmMismatch
    );
    for name in ["none", "HS256", "RSA-OAEP", ""] {
        assert_eq!(
            refusal(RSA_JWK, json!({"alg": name})),
            KeyError::UnsupportedAlgorithm,
            "{name}"
        );
    }
}

#[test]
fn a_key_of_an_unknown_type_or_curve_is_skipped() {
    for kty in ["oct", "OKP", "ec", ""] {
        assert_eq!(
            refusal(EC_JWK, json!({"kty": kty})),
            KeyError::UnsupportedKeyType,
            "{kty}"
        );
    }
    for crv in ["P-384", "P-521", "secp256k1", "Ed25519", ""] {
        assert_eq!(
            refusal(EC_JWK, json!({"crv": crv})),
            KeyError::UnsupportedCurve,
            "{crv}"
        );
    }
}

#[test]
fn a_member_of_another_type_makes_a_key_malformed() {
    for (jwk, names) in [
        (
            EC_JWK,
            &["kty", "kid", "use", "alg", "key_ops", "crv", "x", "y"][..],
        ),
        (RSA_JWK, &["n", "e"]),
    ] {
        for name in names {
            assert_eq!(
                refusal(jwk, json!({*name: 1})),
                KeyError::Malformed,
                "{name}"
            );
        }
    }
    for value in [json!(null), json!([]), json!("key"), json!({})] {
        assert_eq!(
            Key::parse(&value).unwrap_err(),
            KeyError::Malformed,
            "{value}"
        );
    }
}

#[test]
fn a_missing_number_makes_a_key_malformed() {
    for (jwk, name) in [
        (EC_JWK, "crv"),
        (EC_JWK, "x"),
        (EC_JWK, "y"),
        (RSA_JWK, "n"),
        (RSA_JWK, "e"),
    ] {
        assert_eq!(
            refusal(jwk, json!({name: null})),
            KeyError::Malformed,
            "{name}"
        );
    }
}

#[test]
fn a_point_off_the_curve_is_malformed() {
    for (name, value) in [
        ("x", encode([1; 32])),
        ("x", encode([0; 32])),
        ("y", encode([0xff; 32])),
        ("x", encode([1; 31])),
        ("y", encode([1; 33])),
        ("y", String::new()),
        (
            "x",
            "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU=".to_owned(),
        ),
    ] {
        assert_eq!(
            refusal(EC_JWK, json!({name: value})),
            KeyError::Malformed,
            "{name}"
        );
    }
    assert_eq!(
        refusal(EC_JWK, json!({"x": encode([0; 32]), "y": encode([0; 32])})),
        KeyError::Malformed
    );
}

#[test]
fn an_rsa_modulus_has_a_size_within_bounds() {
    for (bits, expected) in [
        (1, Some(KeyError::KeyTooSmall)),
        (1024, Some(KeyError::KeyTooSmall)),
        (2047, Some(KeyError::KeyTooSmall)),
        (2048, None),
        (4096, None),
        (8192, None),
        (8193, Some(KeyError::KeyTooLarge)),
        (100_000, Some(KeyError::KeyTooLarge)),
    ] {
        assert_eq!(
            edited(RSA_JWK, json!({"n": modulus(bits)})).err(),
            expected,
            "{bits}"
        );
    }
}

#[test]
fn an_rsa_exponent_is_odd_and_at_least_three_and_short() {
    for (exponent, good) in [
        (&[][..], false),
        (&[0], false),
        (&[1], false),
        (&[2], false),
        (&[3], true),
        (&[0, 3], true),
        (&[1, 0, 0], false),
        (&[1, 0, 1], true),
        (&[1, 0xff, 0xff, 0xff, 0xff], true),
        (&[2, 0, 0, 0, 1], false),
        (&[0xff; 8], false),
        (&[0xff; 9], false),
        (&[0xff; 300], false),
    ] {
        let expected = (!good).then_some(KeyError::Malformed);
        assert_eq!(
            edited(RSA_JWK, json!({"e": encode(exponent)})).err(),
            expected,
            "{exponent:?}"
        );
    }
}

#[test]
fn an_even_or_empty_rsa_modulus_is_malformed() {
    for modulus in [vec![], vec![0; 256], [vec![0xff; 255], vec![0xfe]].concat()] {
        assert_eq!(
            refusal(RSA_JWK, json!({"n": encode(modulus)})),
            KeyError::Malformed
        );
    }
}
