use super::*;
use crate::jose::testing::hmac;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

#[test]
fn a_secret_is_for_the_hashes_that_it_is_as_long_as() {
    for (length, names) in [
        (0, &[][..]),
        (31, &[]),
        (32, &["HS256"]),
        (47, &["HS256"]),
        (48, &["HS256", "HS384"]),
        (63, &["HS256", "HS384"]),
        (64, &["HS256", "HS384", "HS512"]),
        (1000, &["HS256", "HS384", "HS512"]),
    ] {
        let allowed = SharedSecret::new(vec![7; length]).map(|secret| {
            let algorithms = secret.algorithms().iter();
            algorithms.map(Algorithm::name).collect::<Vec<_>>()
        });
        let expected = if names.is_empty() {
            Err(KeyError::SecretTooShort)
        } else {
            Ok(names.to_vec())
        };
        assert_eq!(allowed, expected, "{length}");
    }
}

#[test]
fn a_tag_is_whole() {
    for length in [64, 65, 128, 129, 300] {
        let secret = SharedSecret::new(vec![7; length]).unwrap();
        for (algorithm, tag) in [
            (
                Algorithm::Hs256,
                hmac::<Sha256>(&vec![7; length], b"message"),
            ),
            (
                Algorithm::Hs384,
                hmac::<Sha384>(&vec![7; length], b"message"),
            ),
            (
                Algorithm::Hs512,
                hmac::<Sha512>(&vec![7; length], b"message"),
            ),
        ] {
            assert!(secret.verify(algorithm, b"message", &tag));
            assert!(!secret.verify(algorithm, b"another", &tag));
            for tag in [
                &[],
                &tag[..1],
                &tag[..16],
                &tag[..tag.len() - 1],
                &[&*tag, &[0]].concat(),
            ] {
                assert!(!secret.verify(algorithm, b"message", tag), "{algorithm:?}");
            }
        }
    }
}

#[test]
fn a_secret_does_not_show_in_logs() {
    let secret = SharedSecret::new(vec![65; 32]).unwrap();
    assert_eq!(format!("{secret:?}"), "SharedSecret { .. }");
}
