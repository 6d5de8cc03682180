//! RSA keys whose moduli anybody can factor, beside sound ones of every size and shape.

use serde_json::{Value, json};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use super::{
    AlgorithmSet, Budget, KeyError, KeySet, KeySetError, KeySetLimits, TokenError, UntrustedToken,
    jwk::{Key, Origin},
};
use crate::time::MonoTime;

struct Vector {
    name: String,
    error: Option<String>,
    jwk: Value,
    token: String,
}

fn vectors() -> Vec<Vector> {
    let vectors = include_str!("../../tests/vectors/moduli.json");
    let vectors: Vec<Value> = serde_json::from_str(vectors).unwrap();
    let text = |value: &Value| value.as_str().map(ToOwned::to_owned);
    let read = |vector: Value| Vector {
        name: text(&vector["name"]).unwrap(),
        error: text(&vector["error"]),
        jwk: vector["jwk"].clone(),
        token: text(&vector["token"]).unwrap(),
    };
    vectors.into_iter().map(read).collect()
}

impl Vector {
    fn set(&self) -> Result<KeySet, KeySetError> {
        let body = json!({ "keys": [{ "kty": "oct" }, self.jwk] }).to_string();
        KeySet::parse(body.as_bytes(), &KeySetLimits::default())
    }

    /// What comes of the token, and the second in which it is known.
    fn verify(&self, set: &KeySet) -> (Result<(), TokenError>, u64) {
        let token = UntrustedToken::parse(&self.token, 16_384).unwrap();
        for second in 1_000.. {
            let mut budget = Budget::new(4).at(MonoTime::from_secs(second));
            let verdict = set.verify(&token, AlgorithmSet::all_asymmetric(), &mut budget);
            if !budget.awaits_examination() {
                let is_known = verdict.is_ok();
                assert_eq!(set.knows_key_of(&token), is_known, "{}", self.name);
                return (verdict.map(drop), second - 1_000);
            }
            assert_eq!(verdict.err(), Some(TokenError::BudgetSpent));
            assert!(set.knows_key_of(&token));
        }
        unreachable!()
    }
}

/// What is looked for when a key is read, and what when it has verified its first signature.
#[test]
fn a_modulus_that_can_be_factored_is_refused_by_name() {
    let (mut at_once, mut at_first_use, mut sound) = (0, 0, 0);
    for vector in vectors() {
        let set = match vector.set() {
            Ok(set) => set,
            Err(KeySetError::NoUsableKey(skipped)) => {
                let [_, skipped] = &skipped[..] else {
                    panic!("{skipped:?}")
                };
                assert_eq!(Some(skipped.error.to_string()), vector.error);
                at_once += 1;
                continue;
            }
            Err(error) => panic!("{error} {}", vector.name),
        };
        let (verdict, seconds) = vector.verify(&set);
        assert!(seconds <= 2, "{} {seconds}", vector.name);
        let found_out = set.take_found_out();
        let errors: Vec<_> = found_out.iter().map(|key| key.error.to_string()).collect();
        if let Some(error) = &vector.error {
            assert_eq!(verdict, Err(TokenError::UnknownKey), "{}", vector.name);
            assert_eq!(errors, [error.as_str()], "{}", vector.name);
            assert_eq!((found_out[0].index, set.len()), (1, 1));
            assert_eq!(found_out[0].key_id.as_deref(), Some(&*vector.name));
            // It is told once, and the key stays out, in sets that are read later too.
            assert_eq!(vector.verify(&set).0, Err(TokenError::UnknownKey));
            assert_eq!(set.take_found_out(), []);
            let again = vector.set().unwrap();
            assert_eq!(vector.verify(&again).0, Err(TokenError::UnknownKey));
            at_first_use += 1;
        } else {
            assert_eq!(verdict, Ok(()), "{}", vector.name);
            assert_eq!(errors, [""; 0]);
            sound += 1;
        }
    }
    assert_eq!((at_once, at_first_use, sound), (2, 17, 8));
}

/// The operator's own keys are examined when the configuration is read.
#[test]
fn a_key_of_the_configuration_is_refused_when_it_is_read() {
    for vector in vectors() {
        let bits = vector.jwk["n"].as_str().unwrap().len() * 6;
        if vector.error.is_none() && bits > 4200 {
            continue;
        }
        let body = json!({ "keys": [vector.jwk] }).to_string();
        let set = KeySet::parse_inline(body.as_bytes(), &KeySetLimits::default());
        let error = match set {
            Ok(_) => None,
            Err(KeySetError::NoUsableKey(skipped)) => Some(skipped[0].error.to_string()),
            Err(error) => panic!("{error}"),
        };
        assert_eq!(error, vector.error, "{}", vector.name);
    }
}

/// An issuer's key of more bits than fit in a second's time is examined in parts, and nobody else waits for it.
#[test]
fn an_issuer_has_so_much_time_a_second_for_its_keys() {
    let find = |name: &str| {
        let found = vectors().into_iter().find(|vector| vector.name == name);
        found.unwrap()
    };
    let large = find("two primes, 8192 bits");
    let usual = find("two primes, 2048 bits");
    let set = large.set().unwrap();
    let token = UntrustedToken::parse(&large.token, 16_384).unwrap();
    let verify = |second| {
        let mut budget = Budget::new(4).at(MonoTime::from_secs(second));
        let verdict = set.verify(&token, AlgorithmSet::all_asymmetric(), &mut budget);
        (verdict.map(drop), budget.awaits_examination())
    };
    let unfinished = (Err(TokenError::BudgetSpent), true);
    // As often as it is asked within a second, it costs no more.
    for _ in 0..3 {
        assert_eq!(verify(1_000), unfinished);
    }
    // Another issuer has its own time.
    assert_eq!(usual.verify(&usual.set().unwrap()), (Ok(()), 0));
    let waited = (1_001..1_010).find(|second| verify(*second) != unfinished);
    assert!(waited.is_some_and(|second| second <= 1_002), "{waited:?}");
    assert_eq!(verify(1_002), (Ok(()), false));
}

#[test]
fn a_stranger_cannot_make_a_key_be_examined() {
    let weak = vectors()
        .into_iter()
        .find(|vector| vector.name == "p, 2048 bits");
    let weak = weak.unwrap();
    let set = weak.set().unwrap();
    let (signed, _) = weak.token.rsplit_once('.').unwrap();
    let garbage = format!("{signed}.{}", super::testing::encode([1; 256]));
    let token = UntrustedToken::parse(&garbage, 16_384).unwrap();
    let verdict = set.verify(&token, AlgorithmSet::all_asymmetric(), &mut Budget::new(4));
    assert_eq!(verdict.map(drop), Err(TokenError::BadSignature));
    assert_eq!(set.take_found_out(), []);
    assert!(set.knows_key_of(&token));
}

/// Proofs bring their keys: the work for one is bounded more tightly, and what needs no arithmetic is looked for.
#[test]
fn a_key_of_a_proof_has_4096_bits_at_most() {
    let mut refused = Vec::new();
    for vector in vectors() {
        let size = vector.jwk["n"].as_str().unwrap().len() * 6;
        let verdict = Key::parse(&vector.jwk, Origin::Proof).map(drop);
        match verdict {
            Err(KeyError::KeyTooLargeForProof) => assert!(size > 4100, "{}", vector.name),
            Err(error) => assert_eq!(Some(error.to_string()), vector.error),
            Ok(()) => assert!(size < 4110, "{}", vector.name),
        }
        refused.extend(verdict.err());
    }
    assert!(refused.contains(&KeyError::KeyTooLargeForProof));
    assert!(refused.contains(&KeyError::SmallFactor));
}
