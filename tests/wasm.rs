//! The core on WebAssembly itself, where a `usize` has 32 bits and the cryptography other code paths.

#![cfg(all(target_arch = "wasm32", not(target_os = "wasi")))]
#![allow(
    clippy::unwrap_used,
    reason = "a broken assumption of a test should stop it"
)]

use auth_filter::capabilities::Capabilities;
use auth_filter::config::Config;
use auth_filter::exchange::{Outcome, Peer};
use auth_filter::gateway::Gateway;
use auth_filter::headers::Headers;
use auth_filter::jose::{
    Algorithm, AlgorithmSet, Budget, KeySet, KeySetLimits, TokenError, UntrustedToken,
};
use auth_filter::keys::{NoStore, Turn};
use auth_filter::policy::Policy;
use auth_filter::time::{Now, UnixTime};
use serde_json::Value;
use wasm_bindgen_test::wasm_bindgen_test;

/// RFC 7515 appendix A.2.
const RS256: (&str, &str) = (
    concat!(
        r#"{"keys":[{"kty":"RSA","e":"AQAB","n":""#,
        "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yR",
        "T-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXB",
        "dQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9ia",
        "GNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ",
        r#""}]}"#
    ),
    concat!(
        "eyJhbGciOiJSUzI1NiJ9.",
        "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.",
        "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9",
        "uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB",
        "_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rq",
        "Vt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw"
    ),
);

/// RFC 7515 appendix A.3.
const ES256: (&str, &str) = (
    concat!(
        r#"{"keys":[{"kty":"EC","crv":"P-256","#,
        r#""x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","#,
        r#""y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}]}"#
    ),
    concat!(
        "eyJhbGciOiJFUzI1NiJ9.",
        "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.",
        "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q"
    ),
);

/// A key, an algorithm and a token of each algorithm, and what the RFCs publish of RSA, EC and OKP keys.
const ALL: &str = include_str!("vectors/tokens.json");

fn verify(keys: &str, token: &str) -> Result<String, TokenError> {
    let keys = KeySet::parse(keys.as_bytes(), &KeySetLimits::default()).unwrap();
    let token = UntrustedToken::parse(token, 16_384)?;
    let verified = keys.verify(&token, AlgorithmSet::all_asymmetric(), &mut Budget::new(4))?;
    Ok(verified.claims().issuer().unwrap().to_owned())
}

#[wasm_bindgen_test]
fn published_tokens_hold_and_damaged_ones_do_not() {
    for (keys, token) in [RS256, ES256] {
        assert_eq!(verify(keys, token).as_deref(), Ok("joe"));
        let (content, signature) = token.rsplit_once('.').unwrap();
        let first = if signature.starts_with('A') { "B" } else { "A" };
        let damaged = format!("{content}.{first}{}", &signature[1..]);
        assert_eq!(verify(keys, &damaged), Err(TokenError::BadSignature));
    }
    assert_eq!(verify(ES256.0, RS256.1), Err(TokenError::UnknownKey));
}

#[wasm_bindgen_test]
fn a_token_of_each_algorithm_holds_for_its_own_key_alone() {
    let vectors: Vec<Value> = serde_json::from_str(ALL).unwrap();
    let all: AlgorithmSet = Algorithm::ALL.iter().copied().collect();
    assert_eq!(vectors.len(), Algorithm::ALL.len());
    for (place, vector) in vectors.iter().enumerate() {
        let text = vector["token"].as_str().unwrap();
        let (content, signature) = text.rsplit_once('.').unwrap();
        let first = if signature.starts_with('A') { "B" } else { "A" };
        let damaged = format!("{content}.{first}{}", &signature[1..]);
        for (other_place, other) in vectors.iter().enumerate() {
            // One RSA key made the first six.
            let same_key = place == other_place || place < 6 && other_place < 6;
            let keys = serde_json::json!({ "keys": [other["jwk"]] }).to_string();
            let keys = KeySet::parse_inline(keys.as_bytes(), &KeySetLimits::default()).unwrap();
            let judge = |text: &str| {
                let token = UntrustedToken::parse(text, 16_384)?;
                let verified = keys.verify(&token, all, &mut Budget::new(1))?;
                Ok(verified.algorithm().name())
            };
            let (good, bad) = if same_key {
                (
                    Ok(vector["alg"].as_str().unwrap()),
                    TokenError::BadSignature,
                )
            } else {
                (Err(TokenError::UnknownKey), TokenError::UnknownKey)
            };
            assert_eq!(judge(text), good);
            assert_eq!(judge(&damaged), Err(bad));
        }
    }
}

/// RFC 7515's token names nobody but its issuer, so that stands for the caller here.
#[wasm_bindgen_test]
fn a_request_is_decided() {
    let config = format!(
        r#"{{"providers": {{"joe": {{"kind": "jwt", "issuer": "joe", "subject": "iss", "jwks": {{"inline": {}}}}}}},
            "rules": [{{"match": {{"path_prefix": "/"}}, "require": "user"}}]}}"#,
        ES256.0
    );
    let config = Config::parse(config.as_bytes()).unwrap();
    let mut gateway = Gateway::new(
        Policy::compile(&config, &Capabilities::envoy()).unwrap(),
        [7; 32],
    );
    let bearer = format!("Bearer {}", ES256.1);
    let head = || {
        Headers::from_pairs(&[
            (":method", "GET"),
            (":authority", "api"),
            (":path", "/"),
            ("authorization", bearer.as_str()),
        ])
    };
    // One second before and well after the token's end.
    let before = gateway.handle_request(
        1,
        head(),
        Peer::default(),
        &mut Turn {
            now: Now::on(UnixTime::from_secs(1_300_819_379)),
            shared: &mut NoStore,
        },
    );
    assert!(matches!(before, Some(Outcome::Forward(_))), "{before:?}");
    let after = gateway.handle_request(
        2,
        head(),
        Peer::default(),
        &mut Turn {
            now: Now::on(UnixTime::from_secs(1_300_819_999)),
            shared: &mut NoStore,
        },
    );
    assert!(matches!(after, Some(Outcome::Reject(refusal)) if refusal.answer.status == 401));
}
