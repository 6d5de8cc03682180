use serde_json::{Value, json};

use super::*;
use crate::jose::{Algorithm, testing};

const PAYLOAD: &str = r#"{"jti":"1"}"#;

fn check(token: &str) -> Result<(), TokenError> {
    UntrustedToken::parse(token, 16_384).and_then(|token| token.check_own_signature())
}

/// A token with this header member, signed by the key for the algorithm.
fn with(algorithm: Algorithm, jwk: &Value) -> String {
    let header = json!({ "typ": "dpop+jwt", "alg": algorithm.name(), "jwk": jwk });
    testing::signed(algorithm, &header.to_string(), PAYLOAD)
}

#[test]
fn each_asymmetric_algorithm_verifies_by_the_key_in_the_header() {
    for algorithm in Algorithm::ALL.iter().copied() {
        let token = with(algorithm, &testing::jwk(algorithm));
        let want = match algorithm.is_symmetric() {
            true => Err(TokenError::UnknownKey),
            false => Ok(()),
        };
        assert_eq!(check(&token), want, "{algorithm:?}");
    }
}

#[test]
fn another_signature_does_not() {
    let own = testing::jwk(Algorithm::Es256);
    let token = with(Algorithm::Es256, &own);
    let (signed, _) = token.rsplit_once('.').unwrap();
    let other = format!("{signed}.{}", "A".repeat(86));
    assert_eq!(check(&other), Err(TokenError::BadSignature));
    let other = with(Algorithm::Es384, &own);
    assert_eq!(check(&other), Err(TokenError::AlgorithmRefused));
}

#[test]
fn a_key_that_is_none_is_refused() {
    let own = testing::jwk(Algorithm::Es256);
    let changed = |name: &str, value: Value| {
        let mut jwk = own.clone();
        jwk[name] = value;
        jwk
    };
    let small = json!({ "kty": "RSA", "e": "AQAB", "n": testing::encode([0xff; 128]) });
    for jwk in [
        json!(null),
        json!("key"),
        json!({}),
        changed("d", json!("AQ")),
        changed("y", own["x"].clone()),
        changed("use", json!("enc")),
        changed("alg", json!("ES384")),
        changed("crv", json!("P-192")),
        changed("kty", json!("oct")),
        small,
    ] {
        let token = with(Algorithm::Es256, &jwk);
        assert_eq!(check(&token), Err(TokenError::UnknownKey), "{jwk}");
    }
    let without = testing::es256(r#"{"alg":"ES256"}"#, PAYLOAD);
    assert_eq!(check(&without), Err(TokenError::UnknownKey));
}

#[test]
fn a_private_rsa_key_is_refused_by_each_of_its_members() {
    for name in ["d", "p", "q", "dp", "dq", "qi", "oth"] {
        let mut jwk = testing::jwk(Algorithm::Rs256);
        jwk[name] = json!("AQ");
        let token = with(Algorithm::Rs256, &jwk);
        assert_eq!(check(&token), Err(TokenError::UnknownKey), "{name}");
    }
}

#[test]
fn a_key_is_named_by_its_public_members() {
    let jwk = testing::jwk(Algorithm::EdDsa);
    let name = |jwk: &Value| {
        let token = with(Algorithm::EdDsa, jwk);
        let token = UntrustedToken::parse(&token, 16_384).unwrap();
        token.own_key()
    };
    assert_eq!(name(&jwk), Thumbprint::of(jwk.as_object().unwrap()));
    for none in [json!(null), json!([]), json!({ "kty": "oct", "k": "AA" })] {
        assert_eq!(name(&none), None, "{none}");
    }
}
