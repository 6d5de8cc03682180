//! Thousands of tokens, whole and damaged, judged by this verifier and by joserfc, an independent one.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a broken assumption of a test should stop it"
)]

use std::collections::BTreeMap;

use auth_filter::jose::{Algorithm, AlgorithmSet, Budget, KeySet, KeySetLimits, UntrustedToken};
use serde::Deserialize;
use serde_json::value::RawValue;
use xtask::tools::ensure_venv;

const CASES: &str = "8000";

/// Damages after which joserfc still verifies and this verifier refuses, each with the reason. One that no
/// longer occurs fails too.
const STRICTER: &[(&str, &str)] = &[];

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
    let (mut held, mut stricter) = (0, BTreeMap::<&str, &str>::new());
    for (kind, token, theirs) in &document.cases {
        let ours = UntrustedToken::parse(token, 16_384)
            .and_then(|parsed| keys.verify(&parsed, every, &mut Budget::new(8)))
            .is_ok();
        held += usize::from(ours);
        match (ours, *theirs) {
            (true, false) => panic!(
                "{kind}: only this verifier takes {token}\n{}",
                document.jwks
            ),
            (false, true) => {
                stricter.insert(kind, token);
            }
            _ => {}
        }
    }
    // All whole ones, and those damages that do no harm.
    assert!(held >= 56, "{held}");
    assert!(document.cases.len() > 8000);
    let found: Vec<_> = stricter.keys().copied().collect();
    let known: Vec<_> = STRICTER.iter().map(|(kind, _)| *kind).collect();
    assert_eq!(found, known, "{stricter:?}");
}
