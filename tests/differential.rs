//! Thousands of tokens, whole and damaged, judged by this verifier and by joserfc, an independent one.

#![allow(
    clippy::unwrap_used,
    reason = "a broken assumption of a test should stop it"
)]

use std::collections::BTreeMap;

use auth_filter::jose::{Algorithm, AlgorithmSet, Budget, KeySet, KeySetLimits, UntrustedToken};
use serde::Deserialize;
use serde_json::value::RawValue;
use xtask::tools::ensure_venv;

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
        "header: no kid",
        "the keys that fit are tried, within a budget",
    ),
    (
        "header: unknown member",
        "RFC 7515 section 4: what is not understood is ignored",
    ),
];

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
