//! Tokens of an issuer under our control: what holds, what does not, and why.

use crate::lab::{Exchange, ISSUER, SHARED, claims};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use lab::client::Request;
use lab::issuer::{SigningKey, unix_now};
use serde_json::{Value, json};

#[track_caller]
fn present(token: &str) -> Exchange {
    SHARED.send(Request::get("/user").bearer(token))
}

#[test]
fn tokens_of_both_algorithms_hold() {
    for key in [&SHARED.es256, &SHARED.rs256] {
        let token = key.sign(json!({}), &claims(json!({})));
        let seen = present(&token);
        assert_eq!(seen.passed().header("x-auth-user-id").unwrap(), "u-1");
    }
}

#[test]
fn claims_within_the_tolerances_hold() {
    let now = unix_now();
    let rows = [
        json!({ "aud": ["other", "orders"] }),
        json!({ "exp": now - 50 }),
        json!({ "exp": now as f64 + 100.5 }),
        json!({ "nbf": now + 50 }),
        // Nobody bounds a lifetime that begins with it.
        json!({ "iat": now + 9000 }),
        json!({ "exp": i64::MAX }),
        json!({ "exp": 1e300 }),
        json!({ "nbf": null, "iat": null }),
        json!({ "iss": "https://lenient.example", "exp": null }),
    ];
    for extra in rows {
        present(&SHARED.token(extra)).passed();
    }
}

#[test]
fn claims_that_do_not_hold_are_refused_with_the_reason() {
    let now = unix_now();
    let rows: &[(Value, &str)] = &[
        (json!({ "exp": now - 61 }), "the token has expired"),
        (json!({ "exp": 0 }), "the token has expired"),
        (
            json!({ "exp": null }),
            "the token does not say when it expires",
        ),
        (json!({ "nbf": now + 90 }), "the token is not valid yet"),
        (
            json!({ "sub": null }),
            "the token names neither a subject nor a client",
        ),
        (
            json!({ "iss": "https://other.example" }),
            "the issuer is not known",
        ),
        (
            json!({ "iss": format!("{ISSUER}/") }),
            "the issuer is not known",
        ),
        (json!({ "iss": null }), "the issuer is not known"),
        (
            json!({ "aud": "other" }),
            "the token is meant for another audience",
        ),
        (
            json!({ "aud": ["a", "b"] }),
            "the token is meant for another audience",
        ),
        (
            json!({ "aud": [] }),
            "the token is meant for another audience",
        ),
        (
            json!({ "aud": null }),
            "the token is meant for another audience",
        ),
        (
            json!({ "iss": "https://lenient.example", "exp": now - 1 }),
            "the token has expired",
        ),
        (
            json!({ "iss": "https://lenient.example", "nbf": now + 30 }),
            "the token is not valid yet",
        ),
        (
            json!({ "iss": "https://partner.example" }),
            "the signature algorithm is not accepted",
        ),
    ];
    for (extra, description) in rows {
        println!("{extra}");
        present(&SHARED.token(extra.clone())).invalid_token(description);
    }
}

#[test]
fn headers_that_do_not_hold_are_refused_with_the_reason() {
    let algorithm = "the signature algorithm is not accepted";
    let rows: &[(Value, &str)] = &[
        (json!({ "alg": "none" }), algorithm),
        (json!({ "alg": "HS256" }), algorithm),
        (json!({ "alg": "XY999" }), algorithm),
        // The key of this name is for another algorithm.
        (json!({ "alg": "RS256" }), algorithm),
        (json!({ "kid": "nobody" }), "the signing key is not known"),
        (
            json!({ "crit": ["exp"] }),
            "the token uses an extension that is not supported",
        ),
    ];
    for (header, description) in rows {
        println!("{header}");
        let token = SHARED.es256.sign(header.clone(), &claims(json!({})));
        present(&token).invalid_token(description);
    }
}

#[test]
fn a_token_without_key_id_is_tried_with_each_key() {
    let unnamed = json!({ "kid": null });
    present(&SHARED.rs256.sign(unnamed.clone(), &claims(json!({})))).passed();
    let forged = SigningKey::rs256_forger("rs").sign(unnamed, &claims(json!({})));
    present(&forged).invalid_token("the signature is not valid");
}

#[test]
fn a_forged_or_altered_token_is_refused() {
    let not_valid = "the signature is not valid";
    for forger in [SigningKey::es256("es"), SigningKey::rs256_forger("rs")] {
        present(&forger.sign(json!({}), &claims(json!({})))).invalid_token(not_valid);
    }
    let token = SHARED.token(json!({}));
    let parts: Vec<&str> = token.split('.').collect();
    let admin = URL_SAFE_NO_PAD.encode(claims(json!({ "groups": ["admin"] })).to_string());
    let zeros = URL_SAFE_NO_PAD.encode([0; 64]);
    let rows = [
        format!("{}.{admin}.{}", parts[0], parts[2]),
        format!("{}.{}.{zeros}", parts[0], parts[1]),
        format!("{}.{}.{}", parts[0], parts[1], &parts[2][..80]),
    ];
    for altered in rows {
        present(&altered).invalid_token(not_valid);
    }
}

#[test]
fn alg_none_without_signature_is_refused() {
    let header = URL_SAFE_NO_PAD.encode(r#"{"alg":"none"}"#);
    let payload = URL_SAFE_NO_PAD.encode(claims(json!({})).to_string());
    let seen = present(&format!("{header}.{payload}."));
    assert!(
        [400, 401].contains(&seen.answer.status) && seen.upstream.is_none(),
        "{}",
        seen.answer.status
    );
}

#[test]
fn a_provider_with_token_types_takes_only_those() {
    let partner = json!({ "iss": "https://partner.example" });
    let sign = |header: Value| SHARED.rs256.sign(header, &claims(partner.clone()));
    present(&sign(json!({ "typ": "application/AT+JWT" }))).passed();
    let refused = "the type of the token is not accepted";
    present(&sign(json!({}))).invalid_token(refused);
    present(&sign(json!({ "typ": null }))).invalid_token(refused);
}
