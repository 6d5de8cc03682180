//! Thousands of tokens, whole and damaged, judged by this verifier and by joserfc, an independent one.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a broken assumption of a test should stop it"
)]

use std::collections::{BTreeMap, BTreeSet};

use auth_filter::capabilities::Capabilities;
use auth_filter::config::Config;
use auth_filter::exchange::{Outcome, Peer};
use auth_filter::gateway::Gateway;
use auth_filter::headers::Headers;
use auth_filter::jose::{Algorithm, AlgorithmSet, Budget, KeySet, KeySetLimits, UntrustedToken};
use auth_filter::keys::{NoStore, Turn};
use auth_filter::policy::Policy;
use auth_filter::sigv4::{self, Credentials, Scope};
use auth_filter::time::{Now, UnixTime};
use lab::tools::ensure_venv;
use serde::Deserialize;
use serde_json::json;
use serde_json::value::RawValue;

const CASES: &str = "8000";

/// What joserfc verifies and this verifier refuses, each with the reason. One that no longer differs fails too.
const STRICTER: &[(&str, &str)] = &[
    (
        "header: byte order mark",
        "RFC 8259 section 8.1: JSON text has none",
    ),
    (
        "header: empty crit",
        "RFC 7515 section 4.1.11: the list is not empty",
    ),
    (
        "header: twice",
        "RFC 7515 section 4: member names are unique",
    ),
    ("payload: NaN", "RFC 8259 section 6: no number"),
    ("payload: deep", "nobody nests claims a hundred levels deep"),
    (
        "payload: huge number",
        "no double, so that no two readers agree on it",
    ),
    ("payload: list iss", "RFC 7519 section 4.1.1: a string"),
    ("payload: lone surrogate", "RFC 8259 section 8.2: no text"),
    ("payload: number aud", "RFC 7519 section 4.1.3: strings"),
    ("payload: text exp", "RFC 7519 section 4.1.4: a number"),
    ("payload: text sub", "RFC 7519 section 4.1.2: a string"),
    (
        "payload: twice",
        "RFC 7519 section 4: claim names are unique",
    ),
];

/// What this verifier takes and joserfc refuses, each with the reason.
const MORE_LENIENT: &[(&str, &str)] = &[
    (
        "header: enc",
        "RFC 7515 section 4: it means nothing in a JWS",
    ),
    (
        "header: no kid",
        "the keys that fit are tried, within a budget",
    ),
    (
        "header: unknown member",
        "RFC 7515 section 4: what is not understood is ignored",
    ),
    (
        "header: zip",
        "RFC 7515 section 4: it means nothing in a JWS",
    ),
];

/// Claims on which the two differ: whether this filter takes them, and why.
const OTHER_CLAIMS: &[(&str, bool, &str)] = &[
    (
        "exp: -59.5",
        false,
        "dates are whole seconds, the rest is cut off",
    ),
    (
        "iat: +60.5",
        true,
        "dates are whole seconds, the rest is cut off",
    ),
    ("iat: +10000000000", true, IAT),
    ("iat: +3600", true, IAT),
    ("iat: +61", true, IAT),
    ("iat: beyond a double's integers", true, IAT),
    (
        "nbf: +60.5",
        true,
        "dates are whole seconds, the rest is cut off",
    ),
    ("sub: empty", false, NOBODY),
    ("sub: missing", false, NOBODY),
];

/// RFC 7519 section 4.1.6 says nothing of refusing by it, and here no lifetime begins with it.
const IAT: &str = "a date of issue in the future refuses only where a lifetime is bounded";
const NOBODY: &str = "a caller must be named, by a subject or a client";

#[derive(Deserialize)]
struct Claims<'d> {
    #[serde(borrow)]
    jwks: &'d RawValue,
    now: u64,
    /// What is changed in good claims, the token, and the other's verdict.
    cases: Vec<(Vec<String>, String, bool)>,
}

#[derive(Deserialize)]
struct Document<'d> {
    #[serde(borrow)]
    jwks: &'d RawValue,
    cases: Vec<(String, String, bool)>,
}

#[test]
fn both_verifiers_come_to_the_same_verdict() {
    let script = include_str!("differential/tokens.py");
    let text = ensure_venv().unwrap().script(script, &[CASES]).unwrap();
    let document: Document<'_> = serde_json::from_str(&text).unwrap();
    let keys =
        KeySet::parse_inline(document.jwks.get().as_bytes(), &KeySetLimits::default()).unwrap();
    assert!(keys.skipped().is_empty(), "{:?}", keys.skipped());
    let every: AlgorithmSet = Algorithm::ALL.iter().copied().collect();
    let (mut held, mut stricter, mut more_lenient) = (
        0,
        BTreeMap::<&str, &str>::new(),
        BTreeMap::<&str, &str>::new(),
    );
    for (kind, token, theirs) in &document.cases {
        let ours = UntrustedToken::parse(token, 16_384)
            .and_then(|parsed| keys.verify(&parsed, every, &mut Budget::new(8)))
            .is_ok();
        held += usize::from(ours);
        match (ours, *theirs) {
            (true, false) => drop(more_lenient.insert(kind, token)),
            (false, true) => drop(stricter.insert(kind, token)),
            _ => {}
        }
    }
    // All whole ones, and those damages that do no harm.
    assert!(held >= 56, "{held}");
    assert!(document.cases.len() > 8000);
    for (differing, known) in [(&stricter, STRICTER), (&more_lenient, MORE_LENIENT)] {
        let found: Vec<_> = differing.keys().copied().collect();
        let known: Vec<_> = known.iter().map(|(kind, _)| *kind).collect();
        assert_eq!(found, known, "{differing:?}\n{}", document.jwks);
    }
}

/// The whole filter, by its configuration, beside joserfc's registry of claims with the same tolerance.
#[test]
fn both_come_to_the_same_verdict_on_claims() {
    let script = include_str!("differential/claims.py");
    let text = ensure_venv().unwrap().script(script, &["4000"]).unwrap();
    let document: Claims<'_> = serde_json::from_str(&text).unwrap();
    let config = json!({
        "providers": { "users": {
            "kind": "jwt", "issuer": "https://issuer.example", "audiences": ["orders", "billing"], "algorithms": ["HS256"],
            "jwks": { "inline": document.jwks }, "clock_skew": "60s",
        } },
        "rules": [{ "match": {}, "require": "user" }],
    });
    let policy = Policy::compile(
        &Config::parse(config.to_string().as_bytes()).unwrap(),
        &Capabilities::envoy(),
    );
    let mut gateway = Gateway::new(policy.unwrap(), [7; 32]);
    let (mut held, mut differing, mut together) = (0, BTreeSet::new(), Vec::new());
    for (number, (changes, token, theirs)) in (1..).zip(&document.cases) {
        let bearer = format!("Bearer {token}");
        let head = Headers::from_pairs(&[
            (":authority", "api.example"),
            (":path", "/"),
            (":method", "GET"),
            ("authorization", &bearer),
        ]);
        let now = Now::on(UnixTime::from_secs(document.now));
        let outcome = gateway.handle_request(
            number,
            head,
            Peer::default(),
            &mut Turn {
                now,
                shared: &mut NoStore,
            },
        );
        let ours = matches!(outcome, Some(Outcome::Forward(_)));
        held += usize::from(ours);
        let is_known = |change: &String| OTHER_CLAIMS.iter().any(|(known, ..)| known == change);
        match changes.as_slice() {
            [only] if ours != *theirs => drop(differing.insert((only.as_str(), ours))),
            several if several.iter().any(is_known) => {}
            several if ours != *theirs => together.push((several, token)),
            _ => {}
        }
    }
    assert!(held > 200, "{held}");
    assert!(document.cases.len() > 4000);
    let known = OTHER_CLAIMS
        .iter()
        .map(|(change, ours, _)| (*change, *ours));
    assert_eq!(differing, known.collect());
    assert!(together.is_empty(), "{together:?}");
}

/// A thousand requests to AWS, signed by this signer and by botocore. Dot segments are refused before anything is signed.
#[test]
fn requests_are_signed_as_botocore_signs_them() {
    const PARTS: [&str; 12] = [
        "/", "a", "%20", "%2B", "%C3%A9", "%40", "~", ".b", "-", "_b", "//", "0",
    ];
    const SERVICES: [&str; 7] = [
        "s3",
        "s3-object-lambda",
        "s3-outposts",
        "s3express",
        "lambda",
        "execute-api",
        "aoss",
    ];
    let mut seed = 42_u64;
    let mut draw = |most: usize| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        usize::try_from(seed >> 33).unwrap() % most
    };
    let now = UnixTime::from_secs(1_440_938_160);
    let requests: Vec<(&str, String, &str)> = (0..1000)
        .map(|_| {
            let mut target = "/".to_owned();
            for _ in 0..draw(9) {
                target.push_str(PARTS[draw(PARTS.len())]);
            }
            for pair in 0..draw(4) {
                target.push_str(if pair == 0 { "?" } else { "&" });
                target.push_str(["a=1", "b=%20", "list-type=2", "empty=", "a=0"][draw(5)]);
            }
            let payload = [
                "UNSIGNED-PAYLOAD",
                "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
            ];
            (SERVICES[draw(SERVICES.len())], target, payload[draw(2)])
        })
        .collect();
    let lines: Vec<String> = requests
        .iter()
        .map(|(service, target, payload)| {
            json!([service, target, payload, "20150830T123600Z"]).to_string()
        })
        .collect();
    let file = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("sigv4.jsonl");
    std::fs::write(&file, lines.join("\n")).unwrap();
    let said = ensure_venv()
        .unwrap()
        .script(
            include_str!("differential/sigv4.py"),
            &[file.to_str().unwrap()],
        )
        .unwrap();
    let wanted: Vec<String> = serde_json::from_str(&said).unwrap();
    assert_eq!(wanted.len(), requests.len());
    let credentials = Credentials {
        access_key_id: "ID".to_owned(),
        secret_access_key: "SECRET".to_owned(),
        session_token: Some("T".to_owned()),
    };
    for ((service, target, payload_hash), want) in requests.iter().zip(wanted) {
        let request = sigv4::Request {
            method: b"PUT",
            target: target.as_bytes(),
            host: b"h.example",
            headers: &[],
            payload_hash,
        };
        let scope = Scope {
            region: "eu-west-1".to_owned(),
            service: (*service).to_owned(),
        };
        let set = sigv4::sign(&request, &credentials, &scope, now);
        let (_, authorization) = set.last().unwrap();
        assert!(
            authorization.ends_with(&format!("Signature={want}")),
            "{service} {target}: {authorization}"
        );
    }
}
