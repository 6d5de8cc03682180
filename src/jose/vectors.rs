//! The signatures that RFC 7515 appendix A, RFC 7520 section 4 and RFC 8037 appendix A.4 publish.
//!
//! Most of what they sign is no JWT: so each is put to its key, not through the public door.

use serde_json::Value;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use super::{
    Algorithm,
    jwk::{Key, Origin},
    testing::decode,
};

struct Published {
    source: String,
    key: Key,
    algorithm: Algorithm,
    message: String,
    signature: Vec<u8>,
}

fn published() -> Vec<Published> {
    let vectors: Vec<Value> =
        serde_json::from_str(include_str!("../../tests/vectors/jws.json")).unwrap();
    let read = |vector: &Value| {
        let (message, signature) = vector["token"].as_str().unwrap().rsplit_once('.').unwrap();
        let header = decode(message.split_once('.').unwrap().0);
        let header: Value = serde_json::from_slice(&header).unwrap();
        Published {
            source: vector["source"].as_str().unwrap().to_owned(),
            key: Key::parse(&vector["jwk"], Origin::Inline).unwrap(),
            algorithm: Algorithm::from_name(header["alg"].as_str().unwrap()).unwrap(),
            message: message.to_owned(),
            signature: decode(signature),
        }
    };
    vectors.iter().map(read).collect()
}

#[test]
fn each_published_signature_is_its_key_s() {
    let algorithms: Vec<_> = published()
        .iter()
        .map(|vector| {
            let Published {
                algorithm, message, ..
            } = vector;
            let holds = vector
                .key
                .verify(*algorithm, message.as_bytes(), &vector.signature);
            assert!(holds, "{}", vector.source);
            algorithm.name()
        })
        .collect();
    assert_eq!(
        algorithms,
        [
            "HS256", "RS256", "ES256", "ES512", "RS256", "PS384", "ES512", "HS256", "EdDSA"
        ]
    );
}

#[test]
fn a_published_signature_is_no_other_key_s_and_of_no_other_algorithm() {
    let all = published();
    for (place, vector) in all.iter().enumerate() {
        for (other_place, other) in all.iter().enumerate() {
            // RFC 7520 section 4 signs twice with one RSA key.
            let same_key =
                place == other_place || [place, other_place].iter().all(|at| [4, 5].contains(at));
            for algorithm in Algorithm::ALL {
                let holds =
                    other
                        .key
                        .verify(*algorithm, vector.message.as_bytes(), &vector.signature);
                let expected = same_key && *algorithm == vector.algorithm;
                assert_eq!(holds, expected, "{} {}", vector.source, other.source);
            }
        }
    }
}
