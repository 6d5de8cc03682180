//! Thousands of damaged tokens and key sets: none may panic, none may pass.

use serde_json::Value;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use super::{
    AlgorithmSet, Budget, KeySet, KeySetLimits, TimeRules, TokenError, UntrustedToken,
    testing::{EC_JWK, RSA_JWK, es256, rs256, unsigned},
};
use crate::time::UnixTime;

/// xorshift64: the same cases on every run.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % u64::try_from(bound.max(1)).unwrap()).unwrap()
    }

    /// The text with a byte or a run replaced, dropped, doubled or put elsewhere.
    fn damage(&mut self, text: &str, alphabet: &str) -> String {
        let mut bytes = text.as_bytes().to_vec();
        for _ in 0..=self.below(3) {
            let start = self.below(bytes.len());
            let end = bytes.len().min(start + 1 + self.below(8));
            let run = bytes[start..end].to_vec();
            let replacement = alphabet.as_bytes()[self.below(alphabet.len())];
            let place = self.below(bytes.len());
            match self.below(5) {
                0 => bytes[start] = replacement,
                1 => bytes.insert(start, replacement),
                2 => drop(bytes.drain(start..end)),
                3 => drop(bytes.splice(place..place, run)),
                _ => bytes.truncate(start),
            }
            if bytes.is_empty() {
                break;
            }
        }
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

const JSON: &str = r#"{}[]":,\u0019-.eE"tfn adkilsxyz"#;
const BASE64URL: &str = "ABCabc019-_.=+/ ";

fn keys() -> KeySet {
    KeySet::parse(
        format!(r#"{{"keys":[{EC_JWK},{RSA_JWK}]}}"#).as_bytes(),
        &KeySetLimits::default(),
    )
    .unwrap()
}

fn judge(keys: &KeySet, token: &str) -> Result<(), TokenError> {
    let token = UntrustedToken::parse(token, 4096)?;
    let rules = TimeRules {
        clock_skew: std::time::Duration::from_secs(60),
        require_expiration: false,
        max_lifetime: Some(std::time::Duration::from_secs(1)),
    };
    let _ = token.claims().check_times(&rules, UnixTime::from_secs(1));
    keys.verify(&token, AlgorithmSet::all_asymmetric(), &mut Budget::new(4))
        .map(drop)
}

#[test]
fn a_damaged_token_never_passes() {
    let keys = keys();
    let mut random = Random(0x5eed);
    for token in [
        es256(r#"{"alg":"ES256"}"#, r#"{"sub":"me"}"#),
        rs256(r#"{"alg":"RS256"}"#, r#"{"sub":"me"}"#),
    ] {
        assert_eq!(judge(&keys, &token), Ok(()));
        for _ in 0..4000 {
            let damaged = random.damage(&token, BASE64URL);
            if damaged != token {
                assert!(judge(&keys, &damaged).is_err(), "{damaged}");
            }
        }
    }
}

#[test]
fn damaged_headers_and_claims_never_pass() {
    let keys = keys();
    let mut random = Random(0xc1a1);
    let header = r#"{"typ":"JWT","alg":"ES256","kid":"ec","b64":true,"x5t":"lDpwLQbzRZmu4fjajvn3KWAx1pk","x":[{}]}"#;
    let claims = r#"{"iss":"joe","sub":"a","aud":["b","c"],"exp":1300819380,"nbf":-1.5e3,"iat":0,"x":{"y":[null]}}"#;
    for _ in 0..8000 {
        let token = unsigned(&random.damage(header, JSON), &random.damage(claims, JSON)) + "AAAA";
        assert!(judge(&keys, &token).is_err(), "{token}");
    }
}

#[test]
fn a_damaged_key_set_never_panics() {
    let mut random = Random(0x1ee7);
    let body = format!(
        r#"{{"keys":[{EC_JWK},{RSA_JWK},{{"kty":"oct","k":"AA","key_ops":["verify"],"use":"sig"}}]}}"#
    );
    let token = es256(r#"{"alg":"ES256"}"#, "{}");
    let mut parsed = 0;
    for _ in 0..8000 {
        if let Ok(keys) = KeySet::parse(
            random.damage(&body, JSON).as_bytes(),
            &KeySetLimits::default(),
        ) {
            parsed += 1;
            let _ = judge(&keys, &token);
        }
    }
    assert!(parsed > 1000, "{parsed}");
}

#[test]
fn damaged_numbers_of_a_key_never_panic() {
    let mut random = Random(0xe4e4);
    let token = rs256(r#"{"alg":"RS256"}"#, "{}");
    for jwk in [EC_JWK, RSA_JWK] {
        let jwk: Value = serde_json::from_str(jwk).unwrap();
        for name in ["x", "y", "n", "e"] {
            let Some(number) = jwk[name].as_str() else {
                continue;
            };
            for _ in 0..1000 {
                let mut jwk = jwk.clone();
                jwk[name] = random.damage(number, BASE64URL).into();
                let body = serde_json::json!({"keys": [jwk]}).to_string();
                if let Ok(keys) = KeySet::parse(body.as_bytes(), &KeySetLimits::default()) {
                    let _ = judge(&keys, &token);
                }
            }
        }
    }
}
