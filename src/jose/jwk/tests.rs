use serde_json::json;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use super::*;
use crate::jose::testing::{self, EC_JWK, RSA_JWK, encode};

const OCT_JWK: &str = r#"{"kty":"oct","k":"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow"}"#;
const OKP_JWK: &str =
    r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;

/// The key with members of another value; `null` takes one away.
fn edited(jwk: &str, changes: Value) -> Result<Key, KeyError> {
    edited_from(Origin::Inline, jwk, changes)
}

fn edited_from(origin: Origin, jwk: &str, changes: Value) -> Result<Key, KeyError> {
    let mut jwk: Value = serde_json::from_str(jwk).unwrap();
    for (name, value) in changes.as_object().unwrap() {
        jwk[name] = value.clone();
    }
    jwk.as_object_mut()
        .unwrap()
        .retain(|_, value| !value.is_null());
    Key::parse(&jwk, origin)
}

fn refusal(jwk: &str, changes: Value) -> KeyError {
    edited(jwk, changes.clone()).map(|_| changes).unwrap_err()
}

/// A modulus of so many bits that no small prime divides, just below the next power of two.
fn modulus(bits: usize) -> String {
    let mut bytes = vec![0xff; bits.div_ceil(8)];
    bytes[0] = if bits.is_multiple_of(8) {
        0xff
    } else {
        (1 << (bits % 8)) - 1
    };
    let divides = |bytes: &[u8], divisor: u32| {
        let next = |residue: u32, byte: &u8| (residue * 256 + u32::from(*byte)) % divisor;
        bytes.iter().fold(0, next) == 0
    };
    let last = bytes.len().saturating_sub(2);
    while bits > 1024 && (3..752).any(|divisor| divides(&bytes, divisor)) {
        bytes[last] -= 1;
    }
    encode(bytes)
}

#[test]
fn the_type_of_a_key_decides_its_algorithms() {
    let rsa = ["PS256", "PS384", "PS512", "RS256", "RS384", "RS512"];
    let oct = ["HS256", "HS384", "HS512"];
    for algorithm in Algorithm::ALL {
        let expected: &[_] = match algorithm.name() {
            name if rsa.contains(&name) => &rsa,
            name if oct.contains(&name) => &oct,
            name => &[name],
        };
        let key = edited(&testing::jwk(*algorithm).to_string(), json!({})).unwrap();
        let fitting = Algorithm::ALL
            .iter()
            .filter(|algorithm| key.fits(**algorithm));
        assert_eq!(
            fitting
                .map(|algorithm| algorithm.name())
                .collect::<Vec<_>>(),
            expected
        );
    }
}

#[test]
fn the_alg_of_a_key_leaves_it_that_algorithm() {
    for algorithm in Algorithm::ALL {
        let jwk = testing::jwk(*algorithm).to_string();
        let key = edited(&jwk, json!({"alg": algorithm.name()})).unwrap();
        for other in Algorithm::ALL {
            assert_eq!(key.fits(*other), other == algorithm, "{jwk} {other:?}");
        }
    }
    assert!(
        edited(OKP_JWK, json!({"alg": "Ed25519"}))
            .unwrap()
            .fits(Algorithm::EdDsa)
    );
}

/// The algorithm of every key, on every other type of key.
#[test]
fn an_alg_of_another_type_is_a_mismatch() {
    for owner in Algorithm::ALL {
        let jwk = testing::jwk(*owner);
        for algorithm in Algorithm::ALL {
            let verdict = edited(&jwk.to_string(), json!({"alg": algorithm.name()})).err();
            let expected = (testing::jwk(*algorithm) != jwk).then_some(KeyError::AlgorithmMismatch);
            assert_eq!(verdict, expected, "{jwk} {algorithm:?}");
        }
    }
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
        json!({"use": "signature"}),
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
fn a_key_whose_alg_is_unknown_is_skipped() {
    for jwk in [EC_JWK, RSA_JWK, OKP_JWK, OCT_JWK] {
        for name in ["none", "RSA-OAEP", "ECDH-ES", "dir", "Ed448", "es256", " "] {
            assert_eq!(
                refusal(jwk, json!({"alg": name})),
                KeyError::UnsupportedAlgorithm,
                "{name}"
            );
        }
    }
}

#[test]
fn a_key_of_an_unknown_type_or_curve_is_skipped() {
    for kty in ["AKP", "OCT", "ec", "rsa", "EC ", " "] {
        assert_eq!(
            refusal(EC_JWK, json!({"kty": kty})),
            KeyError::UnsupportedKeyType,
            "{kty}"
        );
    }
    for crv in [
        "P-192",
        "P-256K",
        "p-256",
        "Ed25519",
        "brainpoolP256r1",
        " ",
    ] {
        assert_eq!(
            refusal(EC_JWK, json!({"crv": crv})),
            KeyError::UnsupportedCurve,
            "{crv}"
        );
    }
    for crv in ["Ed448", "X25519", "ed25519", "P-256", " "] {
        assert_eq!(
            refusal(OKP_JWK, json!({"crv": crv})),
            KeyError::UnsupportedCurve,
            "{crv}"
        );
    }
}

#[test]
fn a_key_with_its_private_half_is_skipped_wherever_it_is_from() {
    for origin in [Origin::Inline, Origin::Remote] {
        for jwk in [EC_JWK, RSA_JWK, OKP_JWK] {
            for name in ["d", "p", "q", "dp", "dq", "qi", "oth"] {
                for value in [json!("AQAB"), json!(" "), json!(7), json!([{}])] {
                    let changes = json!({name: value, "alg": "none"});
                    assert_eq!(
                        edited_from(origin, jwk, changes).map(drop),
                        Err(KeyError::PrivateHalf),
                        "{name}"
                    );
                }
            }
        }
    }
}

#[test]
fn a_secret_is_taken_from_the_configuration_only() {
    assert!(edited_from(Origin::Inline, OCT_JWK, json!({})).is_ok());
    for changes in [json!({}), json!({"alg": "HS256"}), json!({"k": null})] {
        assert_eq!(
            edited_from(Origin::Remote, OCT_JWK, changes).map(drop),
            Err(KeyError::SharedSecret)
        );
    }
}

#[test]
fn a_secret_is_as_long_as_the_hash_of_its_algorithm() {
    for (length, alg, good) in [
        (1, None, false),
        (31, None, false),
        (32, None, true),
        (31, Some("HS256"), false),
        (32, Some("HS256"), true),
        (47, Some("HS384"), false),
        (48, Some("HS384"), true),
        (63, Some("HS512"), false),
        (64, Some("HS512"), true),
    ] {
        let changes = json!({"k": encode(vec![7; length]), "alg": alg});
        let expected = (!good).then_some(KeyError::SecretTooShort);
        assert_eq!(edited(OCT_JWK, changes).err(), expected, "{length} {alg:?}");
    }
}

#[test]
fn a_key_with_certificates_and_no_alg_is_taken() {
    for jwk in [EC_JWK, RSA_JWK, OKP_JWK] {
        let changes =
            json!({"x5c": ["AA"], "x5t": "AA", "x5t#S256": "AA", "x5u": "https://evil.example"});
        assert!(edited_from(Origin::Remote, jwk, changes).is_ok());
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
        (OKP_JWK, &["crv", "x"]),
        (OCT_JWK, &["k"]),
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
            Key::parse(&value, Origin::Inline).unwrap_err(),
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
        (OKP_JWK, "crv"),
        (OKP_JWK, "x"),
        (OCT_JWK, "k"),
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
            "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVE*".to_owned(),
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
    use KeyError::{ExponentEven, ExponentOne, ExponentTooLarge, Malformed};
    for (exponent, expected) in [
        (&[][..], Some(Malformed)),
        (&[0], Some(Malformed)),
        (&[1], Some(ExponentOne)),
        (&[0, 1], Some(ExponentOne)),
        (&[2], Some(ExponentEven)),
        (&[3], None),
        (&[0, 3], None),
        (&[1, 0, 0], Some(ExponentEven)),
        (&[1, 0, 1], None),
        (&[1, 0xff, 0xff, 0xff, 0xff], None),
        (&[1, 0xff, 0xff, 0xff, 0xfe], Some(ExponentEven)),
        (&[2, 0, 0, 0, 1], Some(ExponentTooLarge)),
        (&[2, 0, 0, 0, 0], Some(ExponentTooLarge)),
        (&[0xff; 8], Some(ExponentTooLarge)),
        (&[0xff; 9], Some(ExponentTooLarge)),
        (&[0xff; 300], Some(ExponentTooLarge)),
    ] {
        assert_eq!(
            edited(RSA_JWK, json!({"e": encode(exponent)})).err(),
            expected,
            "{exponent:?}"
        );
    }
}

#[test]
fn an_empty_rsa_modulus_is_malformed_and_an_even_one_is_even() {
    let even = [vec![0xff; 255], vec![0xfe]].concat();
    for (modulus, expected) in [
        (vec![], KeyError::Malformed),
        (vec![0; 256], KeyError::Malformed),
        (even, KeyError::EvenModulus),
    ] {
        assert_eq!(refusal(RSA_JWK, json!({"n": encode(modulus)})), expected);
    }
}

#[test]
fn a_multiple_of_a_prime_below_752_is_refused() {
    // 2^2048 - 1 and 2^4096 - 1; 3 divides both.
    for length in [256, 512] {
        let changes = json!({"n": encode(vec![0xff; length])});
        assert_eq!(refusal(RSA_JWK, changes), KeyError::SmallFactor);
    }
    let sound = testing::decode(&modulus(2048));
    for prime in [3_u32, 5, 257, 743, 751] {
        let mut carry = 0;
        let mut product: Vec<u8> = Vec::new();
        for byte in sound.iter().rev() {
            carry += u32::from(*byte) * prime;
            product.push(u8::try_from(carry % 256).unwrap());
            carry /= 256;
        }
        product.extend([
            u8::try_from(carry % 256).unwrap(),
            u8::try_from(carry / 256).unwrap(),
        ]);
        product.reverse();
        let changes = json!({"n": encode(product)});
        assert_eq!(refusal(RSA_JWK, changes), KeyError::SmallFactor, "{prime}");
    }
}

/// What the words of a key refuse is refused without looking at its numbers.
#[test]
fn the_numbers_of_a_key_are_read_last() {
    let pins = [Thumbprint::of(testing::jwk(Algorithm::Rs256).as_object().unwrap()).unwrap()];
    for algorithm in [
        Algorithm::Es256,
        Algorithm::Es512,
        Algorithm::Rs256,
        Algorithm::EdDsa,
    ] {
        let mut jwk = testing::jwk(algorithm);
        for name in ["n", "x", "y"] {
            jwk[name] = json!("!");
        }
        for (changes, expected) in [
            (json!({"alg": "ECDH-ES"}), KeyError::UnsupportedAlgorithm),
            (json!({"alg": "HS256"}), KeyError::AlgorithmMismatch),
            (json!({"use": "enc"}), KeyError::NotForVerification),
            (json!({"key_ops": ["sign"]}), KeyError::NotForVerification),
            (json!({"d": "AQ"}), KeyError::PrivateHalf),
            (json!({}), KeyError::NotPinned),
        ] {
            let mut jwk = jwk.clone();
            for (name, value) in changes.as_object().unwrap() {
                jwk[name] = value.clone();
            }
            let verdict = Key::parse_pinned(&jwk, Origin::Remote, Some(&pins));
            assert_eq!(verdict.map(drop), Err(expected), "{jwk}");
        }
        let verdict = Key::parse(&jwk, Origin::Remote);
        assert_eq!(verdict.map(drop), Err(KeyError::Malformed));
    }
}

#[test]
fn members_that_say_nothing_are_absent() {
    let nothing = [json!(null), json!(""), json!([])];
    for jwk in [RSA_JWK, EC_JWK, OKP_JWK, OCT_JWK] {
        for value in &nothing {
            let mut held: Value = serde_json::from_str(jwk).unwrap();
            for name in ["use", "key_ops", "alg", "kid", "d", "x5c", "x5t", "p"] {
                held[name] = value.clone();
            }
            let key = Key::parse(&held, Origin::Inline).unwrap();
            assert_eq!(key.key_id(), None, "{held}");
        }
    }
    // What a key must have it must have.
    for (jwk, name) in [
        (RSA_JWK, "n"),
        (RSA_JWK, "e"),
        (EC_JWK, "x"),
        (EC_JWK, "crv"),
        (OKP_JWK, "kty"),
    ] {
        for value in &nothing {
            let mut held: Value = serde_json::from_str(jwk).unwrap();
            held[name] = value.clone();
            assert_eq!(
                Key::parse(&held, Origin::Remote).unwrap_err(),
                KeyError::Malformed,
                "{held}"
            );
        }
    }
}

#[test]
fn the_use_of_a_key_is_read_without_case() {
    edited(EC_JWK, json!({"use": "SIG"})).unwrap();
    edited(EC_JWK, json!({"use": "Sig"})).unwrap();
    assert_eq!(
        refusal(EC_JWK, json!({"use": "ENC"})),
        KeyError::NotForVerification
    );
}

#[test]
fn padding_and_line_ends_in_numbers_make_no_other_key() {
    let written = |jwk: &str, change: &dyn Fn(&str) -> String| {
        let mut held: Value = serde_json::from_str(jwk).unwrap();
        for name in ["n", "e", "x", "y"] {
            if let Some(text) = held[name].as_str().map(change) {
                held[name] = text.into();
            }
        }
        held
    };
    let padded = |text: &str| format!("{text}{}", "=".repeat((4 - text.len() % 4) % 4));
    let lines = |text: &str| {
        let (first, rest) = text.split_at(text.len() / 2);
        format!("{first}\r\n {rest}==\n")
    };
    for jwk in [RSA_JWK, EC_JWK, OKP_JWK] {
        let plain = edited(jwk, json!({})).unwrap();
        let changes: [&dyn Fn(&str) -> String; 2] = [&padded, &lines];
        for change in changes {
            let held = written(jwk, change);
            let key = Key::parse(&held, Origin::Remote).unwrap();
            assert_eq!(key.thumbprint(), plain.thumbprint(), "{held}");
        }
        // A proof's key has one form.
        let held = written(jwk, &lines);
        assert_eq!(
            Key::parse(&held, Origin::Proof).unwrap_err(),
            KeyError::Malformed
        );
    }
    // Nothing else is cut, and nothing from the middle.
    assert_eq!(
        refusal(
            OCT_JWK,
            json!({"k": "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T="})
        ),
        KeyError::Malformed
    );
    assert_eq!(
        refusal(
            OKP_JWK,
            json!({"x": "11qYAYKxCrfVS_7TyWQHOg7=hcvPapiMlrwIaaPcHURo"})
        ),
        KeyError::Malformed
    );
    assert_eq!(
        refusal(EC_JWK, json!({"crv": "P-256="})),
        KeyError::UnsupportedCurve
    );
}

#[test]
fn coordinates_are_brought_to_their_length() {
    use p256::elliptic_curve::sec1::ToSec1Point as _;
    // The first key whose x begins with a zero.
    let point = (1..5000_u64).find_map(|number| {
        let mut secret = [7; 32];
        secret[..8].copy_from_slice(&number.to_be_bytes());
        let secret = p256::SecretKey::from_slice(&secret).ok()?;
        let point = secret.public_key().to_sec1_point(false);
        (point.x()?[0] == 0).then(|| (point.x().unwrap().to_vec(), point.y().unwrap().to_vec()))
    });
    let (x, y) = point.unwrap();
    let with =
        |x: &[u8], y: &[u8]| json!({"kty": "EC", "crv": "P-256", "x": encode(x), "y": encode(y)});
    let longer = [&[0, 0], &x[..]].concat();
    let thumbprint = |x| {
        let key = Key::parse(&with(x, &y), Origin::Remote).unwrap();
        key.thumbprint().unwrap()
    };
    for short in [&x[1..], &longer] {
        assert_eq!(thumbprint(short), thumbprint(&x));
    }
    for x in [&[&[1], &x[..]].concat()[..], &x[..31], &[]] {
        assert_eq!(
            Key::parse(&with(x, &y), Origin::Remote).unwrap_err(),
            KeyError::Malformed
        );
    }
    assert_eq!(
        Key::parse(&with(&x[1..], &y), Origin::Proof).unwrap_err(),
        KeyError::Malformed
    );
}
