//! Any text as a token: it is refused, or it is one of ours.
//!
//! What parses is held against a reading that shares no code with the parser: canonical base64url, and JSON.
#![no_main]

use auth_filter::jose::{Algorithm, AlgorithmSet, Budget, UntrustedToken};
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use fuzz::{KEYS, TOKENS};
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

const MAX_BYTES: usize = 16_384;

fuzz_target!(|text: &str| {
    let token = match UntrustedToken::parse(text, MAX_BYTES) {
        Ok(token) => token,
        Err(error) => {
            assert!(!TOKENS.iter().any(|good| good == text), "{error}");
            return;
        }
    };
    let segments: Vec<&str> = text.split('.').collect();
    let [header, payload, signature] = segments.as_slice() else {
        panic!("{} segments", segments.len());
    };
    let decode = |segment: &str| {
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(segment).expect("base64url");
        assert_eq!(
            BASE64_URL_SAFE_NO_PAD.encode(&bytes),
            segment,
            "one spelling only"
        );
        bytes
    };
    decode(signature);
    let header: Value = serde_json::from_slice(&decode(header)).expect("a header of JSON");
    let payload: Value = serde_json::from_slice(&decode(payload)).expect("claims of JSON");
    assert_eq!(token.key_id(), header["kid"].as_str());
    assert_eq!(token.issuer_hint(), payload["iss"].as_str());
    assert!(header.get("crit").is_none());
    assert!(
        header
            .get("b64")
            .is_none_or(|b64| b64 == &Value::Bool(true))
    );

    let verdict = KEYS.with(|keys| {
        keys.verify(
            &token,
            Algorithm::ALL.iter().copied().collect::<AlgorithmSet>(),
            &mut Budget::new(8),
        )
    });
    let signed = text.rsplit_once('.').map(|(signed, _)| signed);
    // ECDSA and PSS admit several signatures of one content, so that the content decides.
    let ours = TOKENS
        .iter()
        .any(|good| good.rsplit_once('.').map(|(signed, _)| signed) == signed);
    match verdict {
        Ok(verified) => {
            assert!(ours, "a forgery holds");
            assert_eq!(Some(verified.algorithm().name()), header["alg"].as_str());
        }
        Err(error) => {
            assert!(!TOKENS.iter().any(|good| good == text), "{error}");
            assert_ne!(error.reason(), "malformed");
        }
    }
});
