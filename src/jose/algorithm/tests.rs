use super::*;
use crate::jose::{
    jwk::{Key, Origin},
    testing::{jwk, sign},
};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

#[test]
fn a_name_leads_to_its_algorithm_and_back() {
    for algorithm in Algorithm::ALL {
        assert_eq!(Algorithm::from_name(algorithm.name()), Some(*algorithm));
    }
    assert_eq!(Algorithm::from_name("Ed25519"), Some(Algorithm::EdDsa));
}

#[test]
fn names_and_algorithms_are_in_order() {
    assert!(Algorithm::ALL.is_sorted());
    assert!(Algorithm::ALL.is_sorted_by_key(|algorithm| algorithm.name()));
}

#[test]
fn none_and_unknown_names_are_no_algorithm() {
    for name in [
        "none",
        "None",
        "",
        "rs256",
        "RS256 ",
        "RS1",
        "HS1",
        "eddsa",
        "Ed448",
        "ES256k",
        "ESP256",
        "ML-DSA-44",
        "dir",
        "RSA-OAEP",
    ] {
        assert_eq!(Algorithm::from_name(name), None, "{name}");
    }
}

#[test]
fn a_set_holds_what_it_was_made_from() {
    for algorithm in Algorithm::ALL {
        let set = AlgorithmSet::from_iter([*algorithm]);
        assert_eq!(set.iter().collect::<Vec<_>>(), [*algorithm]);
        assert!(!set.is_empty());
    }
    assert_eq!(AlgorithmSet::default().iter().count(), 0);
    assert!(AlgorithmSet::default().is_empty());
    assert_eq!(
        AlgorithmSet::from_iter(Algorithm::ALL.iter().copied())
            .iter()
            .collect::<Vec<_>>(),
        Algorithm::ALL
    );
}

#[test]
fn no_secret_is_asymmetric() {
    let symmetric: Vec<_> = Algorithm::ALL
        .iter()
        .filter(|algorithm| !AlgorithmSet::all_asymmetric().contains(**algorithm))
        .map(|algorithm| algorithm.name())
        .collect();
    assert_eq!(symmetric, ["HS256", "HS384", "HS512"]);
}

/// Every signature under every algorithm, on every key.
#[test]
fn a_signature_holds_for_its_own_key_and_algorithm_alone() {
    let message = b"message";
    for signer in Algorithm::ALL {
        let signature = sign(*signer, message);
        for owner in Algorithm::ALL {
            let key = Key::parse(&jwk(*owner), Origin::Inline).unwrap();
            for algorithm in Algorithm::ALL {
                let holds = key.verify(*algorithm, message, &signature);
                let expected = algorithm == signer && jwk(*owner) == jwk(*signer);
                assert_eq!(holds, expected, "{signer:?} on {owner:?} as {algorithm:?}");
            }
            assert!(!key.verify(*signer, b"another", &signature));
        }
    }
}
