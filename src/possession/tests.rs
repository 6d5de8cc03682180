use serde_json::json;

use super::*;
use crate::jose::Algorithm;

/// RFC 9449 section 7.1: the token, its proof, and the key that the token of section 6.1 is bound to.
const TOKEN: &str = "Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU";
const PROOF: &str = "eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IkVTMjU2IiwiandrIjp7Imt0eSI6IkVDIiwieCI6Imw4dEZyaHgtMzR0VjNoUklDUkRZOXpDa0RscEJoRjQyVVFVZldWQVdCRnMiLCJ5IjoiOVZFNGpmX09rX282NHpiVFRsY3VOSmFqSG10NnY5VERWclUwQ2R2R1JEQSIsImNydiI6IlAtMjU2In19.eyJqdGkiOiJlMWozVl9iS2ljOC1MQUVCIiwiaHRtIjoiR0VUIiwiaHR1IjoiaHR0cHM6Ly9yZXNvdXJjZS5leGFtcGxlLm9yZy9wcm90ZWN0ZWRyZXNvdXJjZSIsImlhdCI6MTU2MjI2MjYxOCwiYXRoIjoiZlVIeU8ycjJaM0RaNTNFc05yV0JiMHhXWG9hTnk1OUlpS0NBcWtzbVFFbyJ9.2oW9RP35yRqzhrtNP86L-Ey71EOptxRimPPToA1plemAgR6pxHF8y6-yqyVnmcw6Fy1dqd-jfxSYoMxhAJpLjA";
const KEY: &str = "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I";
const MADE: u64 = 1_562_262_618;

fn dpop() -> Dpop {
    Dpop {
        required: false,
        algorithms: AlgorithmSet::from_iter([Algorithm::Es256]),
        lifetime: Duration::from_secs(60),
        clock_skew: Duration::from_secs(5),
        origins: Box::new([]),
    }
}

fn request<'a>(method: &'a str, scheme: &'a str, authority: &'a str, path: &'a str) -> Headers {
    Headers::from_pairs(&[
        (":method", method),
        (":scheme", scheme),
        (":authority", authority),
        (":path", path),
    ])
}

#[test]
fn the_example_of_the_rfc_holds() {
    let proof = UntrustedToken::parse(PROOF, 4096).unwrap();
    let head = request(
        "GET",
        "https",
        "resource.example.org",
        "/protectedresource?x=1",
    );
    let dpop = dpop();
    assert_eq!(dpop.check(&proof, &head, TOKEN), Ok("e1j3V_bKic8-LAEB"));
    assert_eq!(proof.own_key().unwrap().to_string(), KEY);
    assert_eq!(proof.check_own_signature(), Ok(()));
    let made = UnixTime::from_secs(MADE);
    assert_eq!(dpop.check_time(&proof, made), Ok(made));
}

#[test]
fn a_proof_counts_from_its_making_for_its_lifetime_and_the_skew() {
    let proof = UntrustedToken::parse(PROOF, 4096).unwrap();
    let dpop = dpop();
    for (now, want) in [
        ((MADE - 5) * 1000 - 1, false),
        ((MADE - 5) * 1000, true),
        (MADE * 1000, true),
        ((MADE + 65) * 1000 - 1, true),
        ((MADE + 65) * 1000, false),
        (u64::MAX, false),
        (0, false),
    ] {
        let held = dpop.check_time(&proof, UnixTime::from_millis(now));
        assert_eq!(held.is_ok(), want, "{now}");
    }
}

#[test]
fn an_address_is_the_same_in_each_of_its_forms() {
    let own = ("https", "api.example", "/orders/7");
    // The request's scheme, authority and target; the proof's htu; whether they are the same.
    for ((scheme, authority, path), htu, want) in [
        (own, "https://api.example/orders/7", true),
        (own, "HTTPS://API.Example:443/orders/7", true),
        (own, "https://api.example:/orders/7", true),
        (own, "https://api.example/orders/7?x=1#y", true),
        (own, "https://api.example/a/../orders/./7", true),
        (own, "https://api.example/../orders/7", true),
        (own, "https://api.example/%6frders/%37", true),
        (own, "https://api.example/orders/7/", false),
        (own, "https://api.example/Orders/7", false),
        (own, "https://api.example//orders/7", false),
        (own, "https://api.example/orders%2F7", false),
        (own, "https://api.example:8443/orders/7", false),
        (own, "https://api.example:80/orders/7", false),
        (own, "http://api.example/orders/7", false),
        (own, "http://api.example:443/orders/7", false),
        (own, "https://user@api.example/orders/7", false),
        (own, "https://api.example.evil/orders/7", false),
        (own, "https://api.example\\@evil/orders/7", false),
        (own, "ftp://api.example/orders/7", false),
        (own, "//api.example/orders/7", false),
        (own, "/orders/7", false),
        (own, "https:///orders/7", false),
        (own, "", false),
        (
            ("https", "API.example:443", "/orders/7?a"),
            "https://api.example/orders/7",
            true,
        ),
        (("http", "api.example:80", "/"), "http://api.example", true),
        (("http", "api.example", "/?x"), "http://api.example?y", true),
        (("http", "[::1]:8080", "/a"), "http://[::1]:8080/a", true),
        (("http", "[::1]", "/a"), "http://[::1]:80/a", true),
        (("https", "a", "/caf%c3%a9"), "https://a/caf%C3%A9", true),
        (("https", "a", "/b/"), "https://a/b/c/..", true),
        (("https", "a", "/b/"), "https://a/b/.", true),
        (("https", "a", "/b%"), "https://a/b%", true),
        (("https", "a", "/b%zz"), "https://a/b%ZZ", false),
        (("", "a", "/b"), "https://a/b", false),
    ] {
        let head = request("GET", scheme, authority, path);
        assert_eq!(
            uri::is_target(htu, &head, &[]),
            want,
            "{authority} {path} {htu}"
        );
    }
}

#[test]
fn origins_count_in_the_requests_place() {
    let origins = [
        "https://api.example".to_owned(),
        "https://b:8443".to_owned(),
    ];
    let head = request("GET", "http", "10.0.0.1:8080", "/a");
    for (htu, want) in [
        ("https://api.example/a", true),
        ("https://b:8443/a", true),
        ("https://b/a", false),
        ("http://10.0.0.1:8080/a", false),
        ("https://api.example/b", false),
    ] {
        assert_eq!(uri::is_target(htu, &head, &origins), want, "{htu}");
    }
}

#[test]
fn a_request_has_one_proof() {
    let head = |proofs: &[&[u8]]| {
        Headers::from_pairs(
            &proofs
                .iter()
                .map(|proof| ("DPoP", *proof))
                .collect::<Vec<_>>(),
        )
    };
    assert_eq!(proof_of(&head(&[b"a"])), Ok("a"));
    assert_eq!(proof_of(&head(&[])), Err(ProofError::Missing));
    assert_eq!(proof_of(&head(&[b"a", b"a"])), Err(ProofError::Repeated));
    assert_eq!(proof_of(&head(&[b"\xff"])), Err(ProofError::Malformed));
}

fn claims(cnf: &Value) -> ClaimSet {
    ClaimSet::parse(json!({ "cnf": cnf }).to_string().as_bytes()).unwrap()
}

#[test]
fn a_token_is_bound_to_what_its_cnf_says() {
    let none = ClaimSet::parse(b"{}").unwrap();
    assert_eq!(bound_to(&none, "jkt"), Ok(None));
    for (cnf, want) in [
        (json!({}), Ok(None)),
        (json!({ "x5t#S256": "a" }), Ok(None)),
        (json!({ "jkt": KEY }), Ok(Some(KEY))),
        (json!({ "jkt": 1 }), Err(TokenError::WrongKey)),
        (json!({ "jkt": null }), Err(TokenError::WrongKey)),
        (json!(KEY), Err(TokenError::WrongKey)),
        (json!(null), Err(TokenError::WrongKey)),
    ] {
        assert_eq!(bound_to(&claims(&cnf), "jkt"), want, "{cnf}");
    }
}

#[test]
fn a_certificate_is_that_of_the_connection() {
    let (own, other) = ([1; 32], [2; 32]);
    let bound = claims(&json!({ "x5t#S256": BASE64_URL_SAFE_NO_PAD.encode(own) }));
    let free = claims(&json!({}));
    for (required, claims, certificate, want) in [
        (false, &bound, Some(&own), Ok(())),
        (
            false,
            &bound,
            Some(&other),
            Err(TokenError::WrongCertificate),
        ),
        (false, &bound, None, Err(TokenError::CertificateMissing)),
        (true, &bound, Some(&own), Ok(())),
        (false, &free, None, Ok(())),
        (false, &free, Some(&own), Ok(())),
        (true, &free, Some(&own), Err(TokenError::NotBound)),
    ] {
        assert_eq!(check_certificate(required, claims, certificate), want);
    }
    let nothing = claims(&json!({ "x5t#S256": "" }));
    assert_eq!(
        check_certificate(false, &nothing, Some(&own)),
        Err(TokenError::WrongCertificate)
    );
}

#[test]
fn reasons_and_messages_tell_all_errors_apart() {
    let all = [
        ProofError::AlgorithmRefused,
        ProofError::BadSignature,
        ProofError::KeyRefused,
        ProofError::Malformed,
        ProofError::Missing,
        ProofError::Repeated,
        ProofError::Replayed,
        ProofError::Stale,
        ProofError::WrongMethod,
        ProofError::WrongToken,
        ProofError::WrongType,
        ProofError::WrongUri,
    ];
    let reasons: std::collections::BTreeSet<_> = all.iter().map(|error| error.reason()).collect();
    assert_eq!(reasons.len(), all.len());
    for error in all {
        let plain = |byte: u8| byte == b' ' || byte.is_ascii_lowercase();
        assert!(error.to_string().bytes().all(plain), "{error}");
        assert!(error.reason().starts_with("proof_"));
    }
}
