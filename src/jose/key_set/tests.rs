use serde_json::json;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use super::*;
use crate::jose::kernel::{forget_all, made};
use crate::jose::testing::{self, EC_JWK, RSA_JWK, encode, es256, rs256, unsigned};

const ES: &str = r#"{"alg":"ES256","kid":"ec"}"#;
const RS: &str = r#"{"alg":"RS256","kid":"rsa"}"#;

fn parse(body: &str) -> Result<KeySet, KeySetError> {
    KeySet::parse(body.as_bytes(), &KeySetLimits::default())
}

fn set(keys: &[&str]) -> KeySet {
    parse(&format!(r#"{{"keys":[{}]}}"#, keys.join(","))).unwrap()
}

fn renamed(jwk: &str, key_id: Option<&str>) -> String {
    let mut jwk: Value = serde_json::from_str(jwk).unwrap();
    jwk["kid"] = json!(key_id);
    jwk.as_object_mut()
        .unwrap()
        .retain(|_, value| !value.is_null());
    jwk.to_string()
}

/// A good key on P-256 that signed nothing here: the point of the set's key, mirrored.
fn other_ec(key_id: Option<&str>) -> String {
    let mut jwk: Value = serde_json::from_str(&renamed(EC_JWK, key_id)).unwrap();
    jwk["y"] = json!("OA67MeRCZIJ40yASRhFGC0yWopJW9NtSdbnc13p3GlI");
    jwk.to_string()
}

fn verify(keys: &KeySet, token: &str) -> Result<VerifiedClaims, TokenError> {
    verify_within(keys, token, &mut Budget::new(4))
}

fn verify_within(
    keys: &KeySet,
    token: &str,
    budget: &mut Budget,
) -> Result<VerifiedClaims, TokenError> {
    let token = UntrustedToken::parse(token, 16_384)?;
    let verdict = keys.verify(&token, AlgorithmSet::all_asymmetric(), budget);
    // What no key can verify is worth a newer set only where the key is unknown.
    if !matches!(verdict, Err(TokenError::AlgorithmRefused)) {
        let has_names = keys.keys.iter().any(|key| key.key_id().is_some());
        let names_key = token.key_id().is_some() && has_names;
        // One without a name that has signed it stands in for the one that it names.
        let stands_in = matches!(&verdict, Ok(held) if names_key && held.key_id().is_none());
        let unknown = stands_in || matches!(verdict, Err(TokenError::UnknownKey));
        assert_eq!(keys.knows_key_of(&token), !unknown);
    }
    verdict
}

#[test]
fn a_signed_token_is_verified_by_the_key_it_names() {
    let keys = set(&[EC_JWK, RSA_JWK]);
    for (token, algorithm, key_id) in [
        (es256(ES, r#"{"sub":"me"}"#), Algorithm::Es256, "ec"),
        (rs256(RS, r#"{"sub":"me"}"#), Algorithm::Rs256, "rsa"),
    ] {
        let verified = verify(&keys, &token).unwrap();
        assert_eq!(verified.claims().subject(), Some("me"));
        assert_eq!(verified.payload(), encode(r#"{"sub":"me"}"#));
        assert_eq!(
            (verified.algorithm(), verified.key_id()),
            (algorithm, Some(key_id))
        );
    }
}

#[test]
fn a_token_that_another_key_signed_is_refused() {
    let keys = set(&[&other_ec(Some("ec"))]);
    assert_eq!(
        verify(&keys, &es256(ES, "{}")).unwrap_err(),
        TokenError::BadSignature
    );
}

#[test]
fn a_signature_of_another_payload_is_refused() {
    let keys = set(&[EC_JWK, RSA_JWK]);
    for (token, other) in [
        (es256(ES, "{}"), unsigned(ES, r#"{"sub":"me"}"#)),
        (rs256(RS, "{}"), unsigned(RS, r#"{"sub":"me"}"#)),
    ] {
        let signature = token.rsplit_once('.').unwrap().1;
        assert_eq!(
            verify(&keys, &(other + signature)).unwrap_err(),
            TokenError::BadSignature
        );
    }
}

#[test]
fn a_token_without_a_signature_is_refused() {
    let keys = set(&[EC_JWK, RSA_JWK]);
    for header in [ES, RS, r#"{"alg":"ES256"}"#] {
        assert_eq!(
            verify(&keys, &unsigned(header, "{}")).unwrap_err(),
            TokenError::BadSignature,
            "{header}"
        );
    }
}

#[test]
fn an_algorithm_of_no_key_is_refused() {
    let keys = set(&[EC_JWK, RSA_JWK]);
    for name in ["none", "HS256", "RS1", "es256", "Ed448", ""] {
        let token = unsigned(&format!(r#"{{"alg":"{name}","kid":"ec"}}"#), "{}");
        assert_eq!(
            verify(&keys, &token).unwrap_err(),
            TokenError::AlgorithmRefused,
            "{name}"
        );
    }
}

#[test]
fn an_algorithm_that_is_not_allowed_is_refused() {
    let (keys, text) = (set(&[EC_JWK]), es256(ES, "{}"));
    let token = UntrustedToken::parse(&text, 16_384).unwrap();
    for allowed in [
        AlgorithmSet::default(),
        AlgorithmSet::from_iter([Algorithm::Rs256]),
    ] {
        let mut budget = Budget::new(1);
        assert_eq!(
            keys.verify(&token, allowed, &mut budget).unwrap_err(),
            TokenError::AlgorithmRefused
        );
        assert_eq!(budget.consume(), Ok(()));
    }
}

#[test]
fn a_key_is_not_used_for_the_algorithm_of_another_type() {
    let keys = set(&[EC_JWK, RSA_JWK]);
    let token = es256(r#"{"alg":"ES256","kid":"rsa"}"#, "{}");
    assert_eq!(
        verify(&keys, &token).unwrap_err(),
        TokenError::AlgorithmRefused
    );
}

#[test]
fn a_key_id_that_no_key_has_is_unknown() {
    let keys = set(&[EC_JWK, &renamed(RSA_JWK, None)]);
    for key_id in ["other", "", "EC", "ec "] {
        let token = es256(&format!(r#"{{"alg":"ES256","kid":"{key_id}"}}"#), "{}");
        assert_eq!(
            verify(&keys, &token).unwrap_err(),
            TokenError::UnknownKey,
            "{key_id}"
        );
    }
}

#[test]
fn a_set_without_ids_is_tried_for_any_token() {
    let keys = set(&[&renamed(EC_JWK, None), &renamed(RSA_JWK, None)]);
    for token in [
        es256(ES, "{}"),
        es256(r#"{"alg":"ES256"}"#, "{}"),
        rs256(RS, "{}"),
    ] {
        assert_eq!(verify(&keys, &token).unwrap().key_id(), None);
    }
    let ec_only = set(&[&renamed(EC_JWK, None)]);
    assert_eq!(
        verify(&ec_only, &rs256(RS, "{}")).unwrap_err(),
        TokenError::UnknownKey
    );
}

#[test]
fn each_key_of_one_id_is_tried() {
    let keys = set(&[&other_ec(Some("ec")), &renamed(RSA_JWK, Some("ec")), EC_JWK]);
    let mut budget = Budget::new(2);
    assert!(verify_within(&keys, &es256(ES, "{}"), &mut budget).is_ok());
    assert_eq!(budget.consume(), Err(TokenError::BudgetSpent));
}

#[test]
fn a_token_without_a_key_id_is_tried_within_the_budget() {
    let (key, other) = (EC_JWK, other_ec(Some("other")));
    let keys = set(&[&other, &other, RSA_JWK, key]);
    let token = es256(r#"{"alg":"ES256"}"#, "{}");
    assert_eq!(
        verify_within(&keys, &token, &mut Budget::new(2)).unwrap_err(),
        TokenError::BudgetSpent
    );
    assert_eq!(
        verify_within(&keys, &token, &mut Budget::new(3))
            .unwrap()
            .key_id(),
        Some("ec")
    );
}

#[test]
fn a_token_without_a_key_id_and_of_no_fitting_key_is_of_an_unknown_key() {
    assert_eq!(
        verify(&set(&[EC_JWK]), &rs256(r#"{"alg":"RS256"}"#, "{}")).unwrap_err(),
        TokenError::UnknownKey
    );
}

#[test]
fn a_useless_key_never_costs_the_others() {
    let oct = r#"{"kty":"oct","kid":"hmac","k":"AAAA"}"#;
    let twice = r#"{"kty":"EC","kty":"EC","kid":"twice"}"#;
    let deep = format!("{}{}", "[".repeat(1000), "]".repeat(1000));
    let keys = set(&[oct, "7", EC_JWK, twice, &deep, r#"{"kid":3}"#]);
    assert_eq!(keys.len(), 1);
    let skipped: Vec<_> = keys
        .skipped()
        .iter()
        .map(|key| (key.index, key.key_id.as_deref(), key.error))
        .collect();
    assert_eq!(
        skipped,
        [
            (0, Some("hmac"), KeyError::SharedSecret),
            (1, None, KeyError::Malformed),
            (3, None, KeyError::Malformed),
            (4, None, KeyError::Malformed),
            (5, None, KeyError::Malformed),
        ]
    );
    assert_eq!(
        keys.skipped()[0].to_string(),
        "keys[0] (kid \"hmac\"): a secret is taken from the configuration only"
    );
}

#[test]
fn a_set_without_a_usable_key_is_refused() {
    assert_eq!(
        parse(r#"{"keys":[]}"#).unwrap_err(),
        KeySetError::NoUsableKey(vec![])
    );
    let error = parse(r#"{"keys":[{"kty":"oct","k":"AA"}]}"#).unwrap_err();
    assert_eq!(
        error.to_string(),
        "no usable key among 1: keys[0]: a secret is taken from the configuration only"
    );
    let many = [r#"{"kty":"oct","k":"AA","kid":"a\u001b\"b"}"#; 20].join(",");
    let error = parse(&format!(r#"{{"keys":[{many}]}}"#))
        .unwrap_err()
        .to_string();
    assert!(error.starts_with(
        r#"no usable key among 20: keys[0] (kid "a\u{1b}\"b"): a secret is taken from the configuration only; keys[1] "#
    ));
    assert!(error.ends_with("; and 12 more"), "{error}");
    let long = format!(
        r#"{{"keys":[{{"kty":"oct","k":"AA","kid":"{}"}}]}}"#,
        "x".repeat(9000)
    );
    assert!(parse(&long).unwrap_err().to_string().len() < 250);
}

#[test]
fn a_text_that_is_no_key_set_is_refused() {
    for body in [
        "",
        "{}",
        "[]",
        "null",
        r#"[[{"kty":"EC"}]]"#,
        r#"{"keys":{}}"#,
        r#"{"keys":null}"#,
        r#"{"keys":"x"}"#,
        r#"{"keys":[],"keys":[]}"#,
        r#"{"keys":[]}x"#,
        r#"{"keys":[{]}"#,
        "\u{feff}{\"keys\":[]}",
    ] {
        assert!(
            matches!(parse(body).unwrap_err(), KeySetError::NotASet(_)),
            "{body}"
        );
    }
    assert_eq!(
        KeySet::parse(b"{\"keys\":[\"\xff\"]}", &KeySetLimits::default()).unwrap_err(),
        KeySetError::NotASet(Document::Unknown)
    );
}

#[test]
fn a_document_in_the_place_of_a_set_is_named() {
    for (body, document) in [
        ("\n <!DOCTYPE html><html>", Document::Markup),
        (
            "<?xml version=\"1.0\"?><EntityDescriptor/>",
            Document::Markup,
        ),
        (
            r#"{"issuer":"https://a","jwks_uri":"https://a/keys","keys":null}"#,
            Document::Configuration,
        ),
        (
            r#"{"1a": "-----BEGIN CERTIFICATE-----\nMII\n-----END CERTIFICATE-----\n"}"#,
            Document::Certificates,
        ),
        (r#"{"kty":"RSA","n":"AQ","e":"AQAB"}"#, Document::Key),
        (r#"{"error":"not_found"}"#, Document::Json),
        ("{}", Document::Json),
        ("[1]", Document::Json),
        ("Not Found", Document::Unknown),
        ("", Document::Unknown),
        ("{\"keys\":", Document::Unknown),
    ] {
        assert_eq!(
            parse(body).unwrap_err(),
            KeySetError::NotASet(document),
            "{body}"
        );
    }
    assert_eq!(
        KeySetError::NotASet(Document::Markup).to_string(),
        "not a JSON Web Key Set, but a page of HTML or XML"
    );
}

#[test]
fn a_key_without_a_kid_beside_others_is_tried_last() {
    let (ec, other) = (renamed(EC_JWK, None), renamed(RSA_JWK, Some("rsa")));
    let keys = set(&[&ec, &other]);
    let token = es256(r#"{"alg":"ES256","kid":"new"}"#, "{}");
    let verified = verify(&keys, &token).unwrap();
    assert_eq!(verified.key_id(), None);
    // A set of later may know the key that the token names.
    let parsed = UntrustedToken::parse(&token, 16384).unwrap();
    assert!(!keys.knows_key_of(&parsed));
    assert!(keys.may_verify(&parsed));

    // Before it come those of the name.
    let mine = renamed(EC_JWK, Some("new"));
    let keys = set(&[&ec, &mine]);
    let mut one = Budget::new(1);
    assert_eq!(
        verify_within(&keys, &token, &mut one).unwrap().key_id(),
        Some("new")
    );

    // Not its signature, and still not known.
    let forged = es256(r#"{"alg":"ES256","kid":"new"}"#, r#"{"sub":"x"}"#);
    let (head, _) = forged.rsplit_once('.').unwrap();
    let (_, signature) = token.rsplit_once('.').unwrap();
    let forged = format!("{head}.{signature}");
    let keys = set(&[&ec, &other]);
    assert_eq!(verify(&keys, &forged).unwrap_err(), TokenError::UnknownKey);
    let keys = set(&[&ec, &mine]);
    assert_eq!(
        verify(&keys, &forged).unwrap_err(),
        TokenError::BadSignature
    );
    // No key of its algorithm lacks a name.
    let keys = set(&[&renamed(RSA_JWK, None), &renamed(EC_JWK, Some("ec"))]);
    assert_eq!(verify(&keys, &token).unwrap_err(), TokenError::UnknownKey);
}

#[test]
fn a_set_past_its_limits_is_refused() {
    let body = format!(r#"{{"keys":[{EC_JWK},{RSA_JWK}],"more":{{}}}}"#);
    let parse = |max_bytes, max_keys| {
        KeySet::parse(
            body.as_bytes(),
            &KeySetLimits {
                max_bytes,
                max_keys,
            },
        )
    };
    assert_eq!(parse(body.len(), 2).unwrap().len(), 2);
    let said = |max_bytes, max_keys| parse(max_bytes, max_keys).unwrap_err().to_string();
    assert_eq!(
        said(300, 2),
        "the key set has more than 300 bytes, the limit of jwks.max_bytes (1048576 at the most)"
    );
    assert!(parse(body.len() - 1, 2).is_err());
    assert_eq!(
        said(body.len(), 1),
        "the key set has 2 keys, more than the 1 of jwks.max_keys (1024 at the most)"
    );
}

#[test]
fn verified_claims_do_not_show_in_logs() {
    let verified = verify(&set(&[EC_JWK]), &es256(ES, r#"{"sub":"alice"}"#)).unwrap();
    assert_eq!(
        format!("{verified:?}"),
        r#"VerifiedClaims { algorithm: Es256, key_id: Some("ec"), .. }"#
    );
}

/// One RSA key and 255 on P-521, each with these members.
fn crowd(changes: &Value) -> String {
    let member = |index: usize| {
        let algorithm = if index == 0 {
            Algorithm::Rs256
        } else {
            Algorithm::Es512
        };
        let mut jwk = testing::jwk(algorithm);
        jwk["kid"] = json!(format!("k{index}"));
        if index > 0 {
            for (name, value) in changes.as_object().unwrap() {
                jwk[name] = value.clone();
            }
        }
        jwk
    };
    json!({ "keys": (0..256).map(member).collect::<Vec<_>>() }).to_string()
}

fn es512(key_id: &str) -> String {
    let header = json!({ "alg": "ES512", "kid": key_id }).to_string();
    testing::signed(Algorithm::Es512, &header, "{}")
}

/// What a key set costs when it is read does not hang on what its keys would cost to verify with.
#[test]
fn nothing_is_made_of_a_key_before_it_verifies() {
    forget_all();
    let pins = [Thumbprint::from_base64url(&encode([0; 32])).unwrap()];
    for changes in [
        json!({"alg": "ECDH-ES"}),
        json!({"use": "enc"}),
        json!({"d": "AQ"}),
    ] {
        let set = parse(&crowd(&changes)).unwrap();
        assert_eq!((set.len(), set.skipped().len()), (1, 255));
    }
    let body = crowd(&json!({}));
    assert_eq!(parse(&body).unwrap().len(), 256);
    let limits = KeySetLimits::default();
    let pinned = KeySet::parse_pinned(body.as_bytes(), &limits, &pins).unwrap_err();
    assert!(matches!(pinned, KeySetError::NoUsableKey(skipped) if skipped.len() == 256));
    assert_eq!(made(), 0);
    // Nor by what does not hold.
    let set = parse(&body).unwrap();
    let token = es512("k7");
    let (signed, _) = token.rsplit_once('.').unwrap();
    let bad = format!("{signed}.{}", encode([1; 132]));
    for _ in 0..3 {
        assert_eq!(verify(&set, &bad).unwrap_err(), TokenError::BadSignature);
    }
    assert_eq!(made(), 0);
}

#[test]
fn the_first_signature_that_holds_makes_a_table_and_whichever_set_comes_next_has_it() {
    forget_all();
    let body = crowd(&json!({}));
    let set = parse(&body).unwrap();
    for _ in 0..3 {
        verify(&set, &es512("k7")).unwrap();
        assert_eq!(made(), 1);
    }
    // The numbers are what counts, and those are the same.
    verify(&set, &es512("k8")).unwrap();
    let again = parse(&body).unwrap().with_allowance(&Allowance::new());
    verify(&again, &es512("k9")).unwrap();
    drop(set);
    verify(&parse(&body).unwrap(), &es512("k7")).unwrap();
    assert_eq!(made(), 1);
    verify(&again, &rs256(r#"{"alg":"RS256","kid":"k0"}"#, "{}")).unwrap();
    assert_eq!(made(), 2);
}

/// Beyond what may be made in a second, and beyond the room, keys verify without tables.
#[test]
fn keys_verify_without_tables_as_well() {
    forget_all();
    let algorithms = [
        Algorithm::Es512,
        Algorithm::Es384,
        Algorithm::Es256,
        Algorithm::Es256k,
    ];
    let keys: Vec<_> = algorithms
        .iter()
        .map(|algorithm| testing::jwk(*algorithm))
        .collect();
    let set = parse(&json!({ "keys": keys }).to_string()).unwrap();
    for (second, expected) in [(7, 1), (7, 1), (8, 4), (9, 4)] {
        for (key, algorithm) in keys.iter().zip(algorithms) {
            let header = json!({ "alg": algorithm.name(), "kid": key["kid"] }).to_string();
            let token = testing::signed(algorithm, &header, "{}");
            let mut budget = Budget::new(1).at(MonoTime::from_secs(second));
            verify_within(&set, &token, &mut budget).unwrap();
        }
        assert_eq!(made(), expected, "{second}");
    }
}
