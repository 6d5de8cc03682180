use serde_json::json;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use super::*;
use crate::jose::{UntrustedToken, testing};

const RULES: TimeRules = TimeRules {
    clock_skew: Duration::from_secs(60),
    require_expiration: true,
    max_lifetime: None,
};

fn read(payload: &str) -> Result<ClaimSet, TokenError> {
    let token = testing::unsigned(r#"{"alg":"none"}"#, payload);
    UntrustedToken::parse(&token, 16_384).map(|token| token.claims().clone())
}

fn claims(payload: &Value) -> ClaimSet {
    read(&payload.to_string()).unwrap()
}

fn verdict(payload: Value, rules: TimeRules, now_millis: u64) -> Result<(), TokenError> {
    claims(&payload).check_times(&rules, UnixTime::from_millis(now_millis))
}

#[test]
fn claims_of_registered_names_are_read() {
    let text =
        r#"{"iss":"joe","sub":"me","aud":["a","b"],"exp":2,"nbf":0,"iat":1,"x":{"y":["z"]}}"#;
    let claims = read(text).unwrap();
    assert_eq!(
        (claims.issuer(), claims.subject()),
        (Some("joe"), Some("me"))
    );
    assert_eq!(claims.audiences().collect::<Vec<_>>(), ["a", "b"]);
    assert_eq!(claims.expires_at(), Some(UnixTime::from_secs(2)));
    assert_eq!(claims.not_before(), Some(UnixTime::from_secs(0)));
    assert_eq!(claims.issued_at(), Some(UnixTime::from_secs(1)));
    assert_eq!(
        claims.string(&ClaimPath::parse("/x/y/0").unwrap()),
        Some("z")
    );
    assert_eq!(claims.string(&ClaimPath::parse("exp").unwrap()), None);
    let expected: Value = serde_json::from_str(text).unwrap();
    assert_eq!(claims.members(), expected.as_object().unwrap());
}

#[test]
fn absent_claims_are_absent() {
    let claims = read("{}").unwrap();
    assert_eq!(
        (claims.issuer(), claims.subject(), claims.expires_at()),
        (None, None, None)
    );
    assert_eq!(claims.audiences().count(), 0);
    assert!(claims.members().is_empty());
}

#[test]
fn an_audience_is_one_string_or_several() {
    for (payload, expected) in [
        (json!({"aud": "a"}), vec!["a"]),
        (json!({"aud": ["a"]}), vec!["a"]),
        (json!({"aud": []}), vec![]),
    ] {
        assert_eq!(claims(&payload).audiences().collect::<Vec<_>>(), expected);
    }
}

#[test]
fn a_registered_claim_of_another_type_is_malformed() {
    for payload in [
        r#"{"iss":1}"#,
        r#"{"iss":null}"#,
        r#"{"iss":["joe"]}"#,
        r#"{"sub":{}}"#,
        r#"{"sub":12}"#,
        r#"{"aud":1}"#,
        r#"{"aud":["a",1]}"#,
        r#"{"aud":[["a"]]}"#,
        r#"{"aud":null}"#,
        r#"{"exp":"2"}"#,
        r#"{"exp":null}"#,
        r#"{"exp":true}"#,
        r#"{"exp":[2]}"#,
        r#"{"exp":{}}"#,
        r#"{"nbf":"0"}"#,
        r#"{"iat":null}"#,
    ] {
        assert_eq!(
            read(payload).unwrap_err().reason(),
            "malformed",
            "{payload}"
        );
    }
}

#[test]
fn a_payload_that_is_no_object_is_malformed() {
    for payload in [
        "",
        "[]",
        "1",
        "null",
        "{",
        "{}{}",
        r#""joe""#,
        "[1,2,3,{}]",
        "{\"a\":\"\u{0}\"}",
    ] {
        assert_eq!(
            read(payload).unwrap_err().reason(),
            "malformed",
            "{payload}"
        );
    }
}

#[test]
fn a_repeated_claim_is_malformed() {
    for payload in [
        r#"{"exp":1,"exp":1}"#,
        r#"{"exp":1,"\u0065xp":2}"#,
        r#"{"iss":"a","x":1,"iss":"a"}"#,
        r#"{"x":[{"roles":[],"roles":["admin"]}]}"#,
    ] {
        assert_eq!(
            read(payload).unwrap_err().reason(),
            "malformed",
            "{payload}"
        );
    }
}

#[test]
fn claims_too_deep_are_malformed() {
    let payload = format!(r#"{{"x":{}{}}}"#, "[".repeat(4000), "]".repeat(4000));
    assert_eq!(read(&payload).unwrap_err().reason(), "malformed");
}

#[test]
fn a_numeric_date_may_have_a_fraction_or_an_exponent() {
    for (exp, seconds) in [
        ("1300819380.9", 1_300_819_380),
        ("1.3e9", 1_300_000_000),
        ("0", 0),
    ] {
        let claims = read(&format!(r#"{{"exp":{exp}}}"#)).unwrap();
        assert_eq!(
            claims.expires_at(),
            Some(UnixTime::from_secs(seconds)),
            "{exp}"
        );
    }
}

#[test]
fn a_date_before_the_epoch_is_the_epoch() {
    for exp in ["-1", "-0.5", "-1e12"] {
        let claims = read(&format!(r#"{{"exp":{exp}}}"#)).unwrap();
        assert_eq!(claims.expires_at(), Some(UnixTime::from_secs(0)), "{exp}");
    }
}

#[test]
fn a_date_past_all_calendars_is_far_away() {
    const MOST: u64 = 1 << 53;
    for (exp, seconds) in [
        ("9223372036854775807", MOST),
        ("18446744073709551615", MOST),
        ("99999999999999999999", MOST),
        ("1e300", MOST),
        ("9007199254740993", MOST),
        ("1700000000000", 1_700_000_000_000),
        ("-1e20", 0),
        ("-9223372036854775808", 0),
    ] {
        let claims = read(&format!(r#"{{"exp":{exp}}}"#)).unwrap();
        assert_eq!(
            claims.expires_at(),
            Some(UnixTime::from_secs(seconds)),
            "{exp}"
        );
        let rules = TimeRules {
            require_expiration: true,
            ..RULES
        };
        let now = UnixTime::from_secs(1_800_000_000);
        let verdict = claims.check_times(&rules, now);
        let want = if seconds == 0 {
            Err(TokenError::Expired)
        } else {
            Ok(())
        };
        assert_eq!(verdict, want, "{exp}");
    }
    // No number of JSON's.
    assert_eq!(read(r#"{"exp":1e999}"#).unwrap_err().reason(), "malformed");
}

#[test]
fn what_is_wrong_with_claims_is_named() {
    for (payload, message) in [
        (
            r#"{"exp":"2"}"#,
            "the token is malformed: the claim exp is not a number",
        ),
        (
            r#"{"nbf":null}"#,
            "the token is malformed: the claim nbf is not a number",
        ),
        (
            r#"{"iat":{}}"#,
            "the token is malformed: the claim iat is not a number",
        ),
        (
            r#"{"iss":7}"#,
            "the token is malformed: the claim iss is not text",
        ),
        (
            r#"{"sub":[]}"#,
            "the token is malformed: the claim sub is not text",
        ),
        (
            r#"{"aud":[7]}"#,
            "the token is malformed: the claim aud is neither text nor a list of texts",
        ),
        (
            r#"{"a":1,"a":1}"#,
            "the token is malformed: its claims are not a JSON object without repeated members",
        ),
    ] {
        assert_eq!(read(payload).unwrap_err().to_string(), message, "{payload}");
    }
}

#[test]
fn an_expired_token_is_refused() {
    let exp = json!({"exp": 1000});
    assert_eq!(verdict(exp.clone(), RULES, 1_059_999), Ok(()));
    assert_eq!(
        verdict(exp.clone(), RULES, 1_060_000),
        Err(TokenError::Expired)
    );
    let no_skew = TimeRules {
        clock_skew: Duration::ZERO,
        ..RULES
    };
    assert_eq!(verdict(exp.clone(), no_skew, 999_999), Ok(()));
    assert_eq!(verdict(exp, no_skew, 1_000_000), Err(TokenError::Expired));
    assert_eq!(
        verdict(json!({"exp": -5}), RULES, 60_000),
        Err(TokenError::Expired)
    );
}

#[test]
fn a_token_without_expiration_is_refused_where_one_is_required() {
    assert_eq!(
        verdict(json!({}), RULES, 0),
        Err(TokenError::ExpirationMissing)
    );
    let rules = TimeRules {
        require_expiration: false,
        ..RULES
    };
    assert_eq!(verdict(json!({}), rules, 0), Ok(()));
    assert_eq!(
        verdict(json!({"exp": 1}), rules, 99_000),
        Err(TokenError::Expired)
    );
}

#[test]
fn a_token_from_the_future_is_refused() {
    let bounded = TimeRules {
        max_lifetime: Some(Duration::from_secs(100_000)),
        ..RULES
    };
    for (name, rules) in [("nbf", RULES), ("nbf", bounded), ("iat", bounded)] {
        let payload = json!({"exp": 9000, name: 1000});
        assert_eq!(
            verdict(payload.clone(), rules, 939_999),
            Err(TokenError::NotYetValid),
            "{name}"
        );
        assert_eq!(verdict(payload, rules, 940_000), Ok(()), "{name}");
    }
    // Where no lifetime is bounded, nothing begins with it.
    assert_eq!(verdict(json!({"exp": 9000, "iat": 1000}), RULES, 0), Ok(()));
}

#[test]
fn a_lifetime_runs_from_the_issue_or_from_now() {
    let rules = TimeRules {
        max_lifetime: Some(Duration::from_secs(600)),
        ..RULES
    };
    for (payload, expected) in [
        (json!({"iat": 1000, "exp": 1600}), Ok(())),
        (
            json!({"iat": 1000, "exp": 1601}),
            Err(TokenError::LifetimeTooLong),
        ),
        (json!({"exp": 1700}), Ok(())),
        (json!({"exp": 1701}), Err(TokenError::LifetimeTooLong)),
    ] {
        assert_eq!(
            verdict(payload.clone(), rules, 1_100_000),
            expected,
            "{payload}"
        );
    }
    let endless = TimeRules {
        require_expiration: false,
        ..rules
    };
    assert_eq!(
        verdict(json!({"iat": 1000}), endless, 1_100_000),
        Err(TokenError::LifetimeTooLong)
    );
}

#[test]
fn the_far_ends_of_time_do_not_wrap() {
    let rules = TimeRules {
        clock_skew: Duration::MAX,
        max_lifetime: Some(Duration::MAX),
        ..RULES
    };
    assert_eq!(
        verdict(
            json!({"exp": 8_000_000_000_000_u64, "nbf": 8_000_000_000_000_u64}),
            rules,
            u64::MAX - 1
        ),
        Ok(())
    );
}

#[test]
fn claims_do_not_show_in_logs() {
    assert!(!format!("{:?}", claims(&json!({"sub": "alice"}))).contains("alice"));
}
