//! What tokens have tried elsewhere, and the answer here: one row each, behind a good signature where one can be had.

use super::{
    Algorithm, AlgorithmSet, Budget, KeySet, KeySetLimits, Malformation, TokenError,
    UntrustedToken,
    testing::{EC_JWK, RSA_JWK, encode, es256, hmac, p256_signature, unsigned},
};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

/// The order of P-256's group (FIPS 186-5, SP 800-186 section 3.2.1.3).
const ORDER: [u8; 32] = [
    0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    0xbc, 0xe6, 0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
];
const HEADER: &str = r#"{"alg":"ES256","kid":"ec"}"#;
const CLAIMS: &str = r#"{"iss":"joe"}"#;

/// All algorithms are allowed, so that only the keys stand in the way.
fn judge(token: &str) -> Result<(), TokenError> {
    let keys = format!(r#"{{"keys":[{EC_JWK},{RSA_JWK}]}}"#);
    let keys = KeySet::parse(keys.as_bytes(), &KeySetLimits::default()).unwrap();
    let all: AlgorithmSet = Algorithm::ALL.iter().copied().collect();
    let token = UntrustedToken::parse(token, 16_384)?;
    keys.verify(&token, all, &mut Budget::new(4)).map(drop)
}

fn with_header(members: &str) -> String {
    es256(
        &format!(r#"{{"alg":"ES256","kid":"ec",{members}}}"#),
        CLAIMS,
    )
}

fn with_claims(claims: &str) -> String {
    es256(HEADER, claims)
}

fn with_signature(signature: &[u8]) -> String {
    unsigned(HEADER, CLAIMS) + &encode(signature)
}

/// The two numbers of the good signature.
fn numbers() -> ([u8; 32], [u8; 32]) {
    let message = unsigned(HEADER, CLAIMS);
    let bytes = p256_signature(message.trim_end_matches('.').as_bytes()).to_bytes();
    let (r, s) = bytes.split_at(32);
    (r.try_into().unwrap(), s.try_into().unwrap())
}

/// What is wrong in particular is no matter here.
const MALFORMED: TokenError = TokenError::Malformed(Malformation::Segments);

#[test]
fn what_a_header_tries() {
    use TokenError::{AlgorithmRefused, BadSignature, UnknownKey, UnsupportedHeader};
    let confused = |key: &str| {
        let text = unsigned(r#"{"alg":"HS256","kid":"rsa"}"#, CLAIMS);
        let tag = hmac::<sha2::Sha256>(key.as_bytes(), text.trim_end_matches('.').as_bytes());
        text + &encode(tag)
    };
    let rows: &[(&str, String, Result<(), TokenError>)] = &[
        ("nothing", es256(HEADER, CLAIMS), Ok(())),
        (
            "alg none",
            unsigned(r#"{"alg":"none"}"#, CLAIMS),
            Err(AlgorithmRefused),
        ),
        (
            "alg None",
            unsigned(r#"{"alg":"None"}"#, CLAIMS),
            Err(AlgorithmRefused),
        ),
        ("no alg", es256(r#"{"kid":"ec"}"#, CLAIMS), Err(MALFORMED)),
        (
            "HS256 by a public key",
            confused(RSA_JWK),
            Err(AlgorithmRefused),
        ),
        (
            "another key's kid",
            es256(r#"{"alg":"ES256","kid":"rsa"}"#, CLAIMS),
            Err(AlgorithmRefused),
        ),
        (
            "another algorithm",
            es256(r#"{"alg":"RS256","kid":"ec"}"#, CLAIMS),
            Err(AlgorithmRefused),
        ),
        (
            "another algorithm and its kid",
            es256(r#"{"alg":"RS256","kid":"rsa"}"#, CLAIMS),
            Err(BadSignature),
        ),
        (
            "an unknown kid",
            es256(r#"{"alg":"ES256","kid":"../ec"}"#, CLAIMS),
            Err(UnknownKey),
        ),
        ("no kid", es256(r#"{"alg":"ES256"}"#, CLAIMS), Ok(())),
        (
            "a kid that is no text",
            es256(r#"{"alg":"ES256","kid":1}"#, CLAIMS),
            Err(MALFORMED),
        ),
        (
            "crit",
            with_header(r#""crit":["exp"]"#),
            Err(UnsupportedHeader),
        ),
        ("b64", with_header(r#""b64":false"#), Err(UnsupportedHeader)),
        ("zip", with_header(r#""zip":"NONE""#), Ok(())),
        ("enc", with_header(r#""enc":"A256GCM""#), Ok(())),
        (
            "JWE's five segments",
            "e30.e30.AA.AA.AA".to_owned(),
            Err(MALFORMED),
        ),
        ("nested", with_header(r#""cty":"JWT""#), Ok(())),
        (
            "jku",
            with_header(r#""jku":"https://evil.example""#),
            Ok(()),
        ),
        ("jwk", with_header(&format!(r#""jwk":{RSA_JWK}"#)), Ok(())),
        (
            "x5u",
            with_header(r#""x5u":"https://evil.example""#),
            Ok(()),
        ),
        ("x5c", with_header(r#""x5c":["AA"]"#), Ok(())),
        (
            "x5t that is none",
            with_header(r##""x5t":"195F29","x5t#S256":"zz""##),
            Ok(()),
        ),
        (
            "x5t that is none, twice",
            with_header(r#""x5t":"zz","x5t":"zz""#),
            Err(MALFORMED),
        ),
        (
            "x5t that is none, beside alg twice",
            with_header(r#""x5t":"zz","alg":"ES256""#),
            Err(MALFORMED),
        ),
        (
            "x5t that is none, beside crit",
            with_header(r#""x5t":"zz","crit":["exp"]"#),
            Err(UnsupportedHeader),
        ),
        ("unknown", with_header(r#""x":{"y":[null]}"#), Ok(())),
        ("twice", with_header(r#""alg":"ES256""#), Err(MALFORMED)),
        (
            "twice, escaped",
            with_header(r#""\u0061lg":"none""#),
            Err(MALFORMED),
        ),
        (
            "deep",
            with_header(&format!(r#""x":{}{}"#, "[".repeat(300), "]".repeat(300))),
            Err(MALFORMED),
        ),
    ];
    for (what, token, answer) in rows {
        assert_eq!(
            judge(token).map_err(TokenError::reason),
            answer.map_err(TokenError::reason),
            "{what}"
        );
    }
}

#[test]
fn what_claims_try() {
    use TokenError::TooLarge;
    let rows: &[(&str, String, Result<(), TokenError>)] = &[
        (
            "a nested token",
            with_claims(&es256(HEADER, CLAIMS)),
            Err(MALFORMED),
        ),
        ("a list", with_claims("[]"), Err(MALFORMED)),
        (
            "twice",
            with_claims(r#"{"iss":"joe","iss":"joe"}"#),
            Err(MALFORMED),
        ),
        (
            "twice, within",
            with_claims(r#"{"a":{"b":1,"b":2}}"#),
            Err(MALFORMED),
        ),
        (
            "a date with a fraction",
            with_claims(r#"{"exp":4102444800.5}"#),
            Ok(()),
        ),
        (
            "a date as text",
            with_claims(r#"{"exp":"4102444800"}"#),
            Err(MALFORMED),
        ),
        (
            "a date past all dates",
            with_claims(r#"{"exp":1e300}"#),
            Ok(()),
        ),
        (
            "a huge number",
            with_claims(&format!(r#"{{"n":{}}}"#, "9".repeat(400))),
            Err(MALFORMED),
        ),
        (
            "deep",
            with_claims(&format!(
                r#"{{"x":{}{}}}"#,
                "[".repeat(300),
                "]".repeat(300)
            )),
            Err(MALFORMED),
        ),
        ("a NUL", with_claims("{\"iss\":\"j\u{0}\"}"), Err(MALFORMED)),
        (
            "bytes after the end",
            with_claims(r#"{"iss":"joe"} {}"#),
            Err(MALFORMED),
        ),
        (
            "a byte order mark",
            with_claims("\u{feff}{}"),
            Err(MALFORMED),
        ),
        (
            "64 KiB",
            with_claims(&format!(r#"{{"x":"{}"}}"#, "x".repeat(65_536))),
            Err(TooLarge),
        ),
    ];
    for (what, token, answer) in rows {
        assert_eq!(
            judge(token).map_err(TokenError::reason),
            answer.map_err(TokenError::reason),
            "{what}"
        );
    }
}

#[test]
fn what_a_signature_tries() {
    use TokenError::BadSignature;
    let good = es256(HEADER, CLAIMS);
    let (r, s) = numbers();
    let zero = [0; 32];
    let der = {
        let number = |bytes: &[u8; 32]| [&[2, 33, 0], &bytes[..]].concat();
        let both = [number(&r), number(&s)].concat();
        [&[0x30, u8::try_from(both.len()).unwrap()], both.as_slice()].concat()
    };
    let rows: &[(&str, String, Result<(), TokenError>)] = &[
        ("nothing", with_signature(&[r, s].concat()), Ok(())),
        ("none", with_signature(&[]), Err(BadSignature)),
        (
            "r = 0",
            with_signature(&[zero, s].concat()),
            Err(BadSignature),
        ),
        (
            "s = 0",
            with_signature(&[r, zero].concat()),
            Err(BadSignature),
        ),
        (
            "both 0",
            with_signature(&[zero, zero].concat()),
            Err(BadSignature),
        ),
        (
            "r = n",
            with_signature(&[ORDER, s].concat()),
            Err(BadSignature),
        ),
        (
            "s = n",
            with_signature(&[r, ORDER].concat()),
            Err(BadSignature),
        ),
        ("all ones", with_signature(&[0xff; 64]), Err(BadSignature)),
        (
            "a high bit more",
            with_signature(&[&[0], &r[..], &[0], &s[..]].concat()),
            Err(BadSignature),
        ),
        (
            "one byte less",
            with_signature(&[r, s].concat()[..63]),
            Err(BadSignature),
        ),
        (
            "one byte more",
            with_signature(&[&r[..], &s[..], &[0]].concat()),
            Err(BadSignature),
        ),
        (
            "swapped",
            with_signature(&[s, r].concat()),
            Err(BadSignature),
        ),
        ("DER", with_signature(&der), Err(BadSignature)),
        ("padding", format!("{good}=="), Err(MALFORMED)),
        ("a line's end", format!("{good}\n"), Err(MALFORMED)),
        ("a space before", format!(" {good}"), Err(MALFORMED)),
        ("a NUL", format!("{good}\0"), Err(MALFORMED)),
        (
            "base64 of the other alphabet",
            format!("{good}+/"),
            Err(MALFORMED),
        ),
        (
            "another spelling of the last bits",
            format!("{}.AB", good.rsplit_once('.').unwrap().0),
            Err(MALFORMED),
        ),
    ];
    for (what, token, answer) in rows {
        assert_eq!(
            judge(token).map_err(TokenError::reason),
            answer.map_err(TokenError::reason),
            "{what}"
        );
    }
}
