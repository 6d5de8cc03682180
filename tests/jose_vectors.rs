//! The values that the RFCs publish, through the public door.

#![allow(clippy::unwrap_used, reason = "a helper of tests is a test")]

use std::time::Duration;

use auth_filter::{
    jose::{
        Algorithm, AlgorithmSet, Budget, KeySet, KeySetLimits, TimeRules, TokenError,
        UntrustedToken, VerifiedClaims,
    },
    json::ClaimPath,
    time::UnixTime,
};

/// RFC 7515 appendix A.2.1.
const RS256_KEY: &str = concat!(
    r#"{"kty":"RSA","e":"AQAB","n":""#,
    "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yR",
    "T-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXB",
    "dQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9ia",
    r#"GNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ"}"#,
);

/// RFC 7515 appendix A.2.1.
const RS256_TOKEN: &str = concat!(
    "eyJhbGciOiJSUzI1NiJ9",
    ".eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ",
    ".cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9u",
    "JdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN",
    "9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLI",
    "hWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw",
);

/// RFC 7515 appendix A.3.1.
const ES256_KEY: &str = concat!(
    r#"{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","#,
    r#""y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}"#,
);

/// RFC 7515 appendix A.3.1.
const ES256_TOKEN: &str = concat!(
    "eyJhbGciOiJFUzI1NiJ9",
    ".eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ",
    ".DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q",
);

/// RFC 7519 section 6.1; RFC 7515 appendix A.5.
const UNSECURED_TOKEN: &str = concat!(
    "eyJhbGciOiJub25lIn0",
    ".eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ",
    ".",
);

/// RFC 7515 appendix A.1.1.
const HS256_TOKEN: &str = concat!(
    "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9",
    ".eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ",
    ".dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk",
);

fn key_set(keys: &[&str]) -> KeySet {
    let body = format!(r#"{{"keys":[{}]}}"#, keys.join(","));
    KeySet::parse(body.as_bytes(), &KeySetLimits::default()).unwrap()
}

fn verify(keys: &KeySet, token: &str) -> Result<VerifiedClaims, TokenError> {
    let token = UntrustedToken::parse(token, 16_384)?;
    keys.verify(&token, AlgorithmSet::all_asymmetric(), &mut Budget::new(4))
}

#[test]
fn the_published_tokens_are_verified_by_the_published_keys() {
    let keys = key_set(&[RS256_KEY, ES256_KEY]);
    for (token, algorithm) in [
        (RS256_TOKEN, Algorithm::Rs256),
        (ES256_TOKEN, Algorithm::Es256),
    ] {
        let verified = verify(&keys, token).unwrap();
        assert_eq!(verified.algorithm(), algorithm);
        assert_eq!(verified.claims().issuer(), Some("joe"));
        assert_eq!(
            verified.claims().expires_at(),
            Some(UnixTime::from_secs(1_300_819_380))
        );
        let is_root = ClaimPath::parse("http://example.com/is_root").unwrap();
        assert_eq!(verified.claims().find(&is_root), Some(&true.into()));
        assert_eq!(Some(verified.payload()), token.split('.').nth(1));
    }
}

#[test]
fn the_published_expiration_holds_to_the_second() {
    let rules = TimeRules {
        clock_skew: Duration::ZERO,
        require_expiration: true,
        max_lifetime: None,
    };
    let verified = verify(&key_set(&[ES256_KEY]), ES256_TOKEN).unwrap();
    let at = |seconds| {
        verified
            .claims()
            .check_times(&rules, UnixTime::from_secs(seconds))
    };
    assert_eq!(at(1_300_819_379), Ok(()));
    assert_eq!(at(1_300_819_380), Err(TokenError::Expired));
}

#[test]
fn a_change_of_any_character_is_noticed() {
    let keys = key_set(&[RS256_KEY, ES256_KEY]);
    for token in [RS256_TOKEN, ES256_TOKEN] {
        for (place, old) in token.char_indices() {
            for new in ["A", "-", "."] {
                let mut tampered = token.to_owned();
                tampered.replace_range(place..=place, new);
                if !new.starts_with(old) {
                    assert!(verify(&keys, &tampered).is_err(), "{tampered}");
                }
            }
        }
    }
}

#[test]
fn a_change_of_a_segment_is_told_apart_from_nonsense() {
    let keys = key_set(&[RS256_KEY, ES256_KEY]);
    for token in [RS256_TOKEN, ES256_TOKEN] {
        let segments: Vec<_> = token.split('.').collect();
        let [header, payload, signature] = segments[..] else {
            panic!("{token}")
        };
        // {"iss":"eve"}, and the header with a space before its end.
        let forged = format!("{header}.eyJpc3MiOiJldmUifQ.{signature}");
        let spaced = format!("{}.{payload}.{signature}", header.replace("J9", "IgfQ"));
        let emptied = format!("{header}.{payload}.");
        for token in [forged, spaced, emptied] {
            assert_eq!(
                verify(&keys, &token).unwrap_err(),
                TokenError::BadSignature,
                "{token}"
            );
        }
        let cut = token.rsplit_once('.').unwrap().0;
        assert_eq!(verify(&keys, cut).unwrap_err().reason(), "malformed");
    }
}

#[test]
fn a_published_token_without_a_public_key_algorithm_is_refused() {
    let keys = key_set(&[RS256_KEY, ES256_KEY]);
    for token in [UNSECURED_TOKEN, HS256_TOKEN] {
        assert_eq!(
            verify(&keys, token).unwrap_err(),
            TokenError::AlgorithmRefused
        );
    }
}

#[test]
fn a_token_of_one_published_key_is_not_verified_by_another() {
    assert_eq!(
        verify(&key_set(&[ES256_KEY]), RS256_TOKEN).unwrap_err(),
        TokenError::UnknownKey
    );
    assert_eq!(
        verify(&key_set(&[RS256_KEY]), ES256_TOKEN).unwrap_err(),
        TokenError::UnknownKey
    );
}

/// RFC 7517 appendix A.1: an elliptic key for encryption, and an RSA key for RS256.
const PUBLIC_KEYS: &str = concat!(
    r#"{"keys":[{"kty":"EC","crv":"P-256","x":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4","#,
    r#""y":"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM","use":"enc","kid":"1"},"#,
    r#"{"kty":"RSA","n":""#,
    "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4",
    "n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0",
    "zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-c",
    r#"sFCur-kEgU8awapJzKnqDKgw","e":"AQAB","alg":"RS256","kid":"2011-04-29"}]}"#,
);

/// RFC 7517 appendix A.3: a key to wrap keys, and the secret of RFC 7515 appendix A.1.
const SYMMETRIC_KEYS: &str = concat!(
    r#"{"keys":[{"kty":"oct","alg":"A128KW","k":"GawgguFyGrWKav7AX4VKUg"},{"kty":"oct","k":""#,
    "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow",
    r#"","kid":"HMAC key used in JWS spec Appendix A.1 example"}]}"#,
);

#[test]
fn of_the_published_key_sets_the_keys_for_signatures_serve() {
    let limits = KeySetLimits::default();
    let public = KeySet::parse(PUBLIC_KEYS.as_bytes(), &limits).unwrap();
    let skipped: Vec<_> = public
        .skipped()
        .iter()
        .map(|key| key.key_id.as_deref())
        .collect();
    assert_eq!(skipped, [Some("1")]);
    // RFC 7638 section 3.1 has the thumbprint of the same RSA key.
    let thumbprints: Vec<_> = public
        .thumbprints()
        .map(|print| print.to_string())
        .collect();
    assert_eq!(thumbprints, ["NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"]);

    assert!(KeySet::parse(SYMMETRIC_KEYS.as_bytes(), &limits).is_err());
    let secrets = KeySet::parse_inline(SYMMETRIC_KEYS.as_bytes(), &limits).unwrap();
    assert_eq!((secrets.len(), secrets.skipped().len()), (1, 1));
}

/// RFC 8037 appendix A.2 and A.3.
#[test]
fn the_published_thumbprint_of_an_edwards_key_is_its_own() {
    let set = br#"{"keys":[{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#;
    let keys = KeySet::parse(set, &KeySetLimits::default()).unwrap();
    let thumbprints: Vec<_> = keys.thumbprints().map(|print| print.to_string()).collect();
    assert_eq!(thumbprints, ["kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"]);
}
