use super::*;
use crate::jose::testing::{encode, unsigned};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

fn refusal(token: &str) -> TokenError {
    UntrustedToken::parse(token, 16_384).unwrap_err()
}

fn header_refusal(header: &str) -> Option<TokenError> {
    UntrustedToken::parse(&unsigned(header, "{}"), 16_384).err()
}

#[test]
fn a_token_says_what_its_header_and_claims_say() {
    let text = unsigned(
        r#"{"typ":"at+jwt","alg":"ES256","kid":"1"}"#,
        r#"{"iss":"joe"}"#,
    );
    let token = UntrustedToken::parse(&text, text.len()).unwrap();
    assert_eq!(token.algorithm(), Ok(Algorithm::Es256));
    assert_eq!(
        (token.key_id(), token.token_type()),
        (Some("1"), Some("at+jwt"))
    );
    assert_eq!(
        (token.issuer_hint(), token.claims().issuer()),
        (Some("joe"), Some("joe"))
    );
    assert_eq!(token.payload_text(), encode(r#"{"iss":"joe"}"#));
    assert_eq!(token.signed_bytes(), text.trim_end_matches('.').as_bytes());
    assert_eq!(token.signature_bytes(), b"");
}

#[test]
fn a_token_past_the_limit_is_not_looked_at() {
    let text = unsigned(r#"{"alg":"ES256"}"#, "{}");
    assert_eq!(
        UntrustedToken::parse(&text, text.len() - 1).unwrap_err(),
        TokenError::TooLarge
    );
    assert_eq!(
        UntrustedToken::parse("not a token", 3).unwrap_err(),
        TokenError::TooLarge
    );
}

#[test]
fn anything_but_three_segments_of_base64url_is_malformed() {
    let (header, payload) = (encode(r#"{"alg":"ES256"}"#), encode("{}"));
    for token in [
        String::new(),
        ".".to_owned(),
        "..".to_owned(),
        "...".to_owned(),
        header.clone(),
        format!("{header}.{payload}"),
        format!("{header}..AA"),
        format!(".{payload}.AA"),
        format!("{header}.{payload}.AA.AA"),
        format!("{header}.AA.AA.AA.AA"),
        format!("{header}.{payload}.A"),
        format!("{header}.{payload}.AA=="),
        format!("{header}.{payload}.AB"),
        format!("{header}.{payload}.+/AA"),
        format!("{header}.{payload}. AA"),
        format!("{header}.{payload}.AA\n"),
        format!(" {header}.{payload}.AA"),
        format!("{header}=.{payload}.AA"),
        format!("{header}.{payload}.\u{e9}"),
    ] {
        assert_eq!(refusal(&token).reason(), "malformed", "{token}");
    }
}

#[test]
fn a_header_that_is_no_object_with_an_alg_is_malformed() {
    for header in [
        "",
        "{}",
        "[]",
        r#"["ES256"]"#,
        "null",
        r#"{"alg":null}"#,
        r#"{"alg":1}"#,
        r#"{"alg":"ES256"}x"#,
    ] {
        assert_eq!(
            header_refusal(header).map(TokenError::reason),
            Some("malformed"),
            "{header}"
        );
    }
}

#[test]
fn a_header_member_of_another_type_is_malformed() {
    for member in [
        r#""kid":1"#,
        r#""kid":["1"]"#,
        r#""kid":{}"#,
        r#""typ":true"#,
        r#""typ":1.5"#,
    ] {
        let header = format!(r#"{{"alg":"ES256",{member}}}"#);
        assert_eq!(
            header_refusal(&header).map(TokenError::reason),
            Some("malformed"),
            "{header}"
        );
    }
}

#[test]
fn a_repeated_header_member_is_malformed() {
    for members in [
        r#""alg":"none","alg":"ES256""#,
        r#""alg":"ES256","\u0061lg":"ES256""#,
        r#""alg":"ES256","kid":"1","kid":"2""#,
        r#""alg":"ES256","typ":"a","typ":"b""#,
        r#""alg":"ES256","x":1,"x":1"#,
        r#""alg":"ES256","jwk":{"kty":"EC","kty":"oct"}"#,
    ] {
        assert_eq!(
            header_refusal(&format!("{{{members}}}")).map(TokenError::reason),
            Some("malformed"),
            "{members}"
        );
    }
}

#[test]
fn an_extension_that_changes_the_meaning_is_refused() {
    for member in [
        r#""crit":["exp"]"#,
        r#""crit":[]"#,
        r#""crit":null"#,
        r#""b64":false"#,
        r#""b64":"true""#,
        r#""b64":null"#,
    ] {
        let header = format!(r#"{{"alg":"ES256",{member}}}"#);
        assert_eq!(
            header_refusal(&header),
            Some(TokenError::UnsupportedHeader),
            "{header}"
        );
    }
}

#[test]
fn members_that_do_not_matter_are_ignored() {
    for member in [
        r#""b64":true"#,
        r#""cty":"json""#,
        r#""cty":"JWT""#,
        r#""cty":"application/json""#,
        r#""cty":"application/octet-stream""#,
        r#""cty":null"#,
        r#""cty":7,"x5t":"zz""#,
        r#""zip":"NONE""#,
        r#""zip":"DEF""#,
        r#""zip":null"#,
        r#""enc":"A128GCM""#,
        r#""jku":"https://evil.example/keys""#,
        r#""jwk":{"kty":"oct","k":"AA"}"#,
        r#""x5u":"https://evil.example/chain""#,
        r#""x5c":["AA"]"#,
        r#""x5t":"lDpwLQbzRZmu4fjajvn3KWAx1pk""#,
        r#""x5t":"zz""#,
        r#""x5t":"40:7F no thumbprint""#,
        r#""x5t":null"#,
        r##""x5t":[1],"x5t#S256":"AA""##,
        r#""typ":"anything""#,
        r#""custom":{"a":[1]}"#,
    ] {
        let header = format!(r#"{{"alg":"ES256",{member}}}"#);
        assert_eq!(header_refusal(&header), None, "{header}");
    }
}

#[test]
fn a_header_too_deep_is_malformed() {
    let header = format!(
        r#"{{"alg":"ES256","x":{}{}}}"#,
        "[".repeat(4000),
        "]".repeat(4000)
    );
    assert_eq!(
        header_refusal(&header).map(TokenError::reason),
        Some("malformed")
    );
}

#[test]
fn an_unsecured_token_parses_and_has_no_algorithm() {
    for algorithm in ["none", "HS1", "es256", ""] {
        let text = unsigned(&format!(r#"{{"alg":"{algorithm}"}}"#), "{}");
        let token = UntrustedToken::parse(&text, 16_384).unwrap();
        assert_eq!(token.algorithm(), Err(TokenError::AlgorithmRefused));
    }
}

#[test]
fn a_token_does_not_show_in_logs() {
    let text = unsigned(r#"{"alg":"ES256","kid":"key"}"#, r#"{"sub":"alice"}"#);
    assert_eq!(
        format!("{:?}", UntrustedToken::parse(&text, 16_384).unwrap()),
        "UntrustedToken { .. }"
    );
}

#[test]
fn what_no_token_is_is_named() {
    let good = unsigned(r#"{"alg":"ES256"}"#, "{}");
    for (token, fault) in [
        ("x", Malformation::Segments),
        ("a.b", Malformation::Segments),
        ("e30.e30.AA.AA", Malformation::Segments),
        ("e30.e30.AA.AA.AA", Malformation::Encrypted),
        ("e30.e30.AA", Malformation::Header),
        (&good.replace('.', "=."), Malformation::Segments),
    ] {
        assert_eq!(refusal(token), TokenError::Malformed(fault), "{token}");
    }
}

#[test]
fn a_padded_token_is_padded_exactly() {
    use base64::prelude::BASE64_URL_SAFE;
    let part = |text: &str| BASE64_URL_SAFE.encode(text);
    // Parts that need two, one and no signs of padding.
    for (header, claims) in [
        (r#"{"alg":"ES256"}"#, r#"{"sub":"a"}"#),
        (r#"{"alg":"ES256" }"#, r#"{"sub":"ab"}"#),
        (r#"{"alg":"ES256"  }"#, r#"{"sub":"abc"}"#),
    ] {
        let text = format!("{}.{}.{}", part(header), part(claims), part("signature"));
        let token = UntrustedToken::parse_padded(&text, 4096).unwrap();
        assert_eq!(
            token.signed_bytes(),
            text.rsplit_once('.').unwrap().0.as_bytes()
        );
        assert_eq!(token.signature_bytes(), b"signature");
        assert_eq!(token.payload_text(), part(claims).trim_end_matches('='));
        assert_eq!(token.header_members().unwrap()["alg"], "ES256");
        assert!(token.claims().subject().unwrap().starts_with('a'));
        assert_eq!(
            UntrustedToken::parse_padded(&text, text.len() - 1).unwrap_err(),
            TokenError::TooLarge
        );
    }
    let header = part(r#"{"alg":"ES256"}"#);
    let text =
        |header: &str, payload: &str, signature: &str| format!("{header}.{payload}.{signature}");
    for bad in [
        // Without what it needs, with more, and with bits that mean nothing.
        text(&header, "eyJzdWIiOiJhIn0", "c2ln"),
        text(&header, "eyJzdWIiOiJhIn0==", "c2ln"),
        text(&header, "eyJzdWIiOiJhIn0=====", "c2ln"),
        text(&header, "eyJzdWIiOiJhIn1=", "c2ln"),
        text(&header, "eyJzdWIiOiJhIn0=", "c2k"),
        text(&header, "eyJzdWIiOiJhIn0=", "c2l="),
        text(&header, "=eyJzdWIiOiJhIn0", "c2ln"),
        text(&header, "eyJz=dWIiOiJhIn", "c2ln"),
        text(&header, "====", "c2ln"),
        format!("{header}.eyJzdWIiOiJhIn0="),
        format!("{header}.eyJzdWIiOiJhIn0=.c2ln.c2ln"),
        String::new(),
    ] {
        let got = UntrustedToken::parse_padded(&bad, 4096).err();
        assert!(
            matches!(got, Some(TokenError::Malformed(_))),
            "{bad}: {got:?}"
        );
    }
}
