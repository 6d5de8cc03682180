//! Signature verification alone, for `run.mjs` to measure: what it costs in V8, without a proxy.

#![allow(unsafe_code, reason = "an exported name is unsafe to choose")]
#![allow(
    clippy::unwrap_used,
    reason = "a broken assumption of a measurement should stop it"
)]

use std::cell::RefCell;

use auth_filter::jose::{Algorithm, AlgorithmSet, Budget, KeySet, KeySetLimits, UntrustedToken};
use serde_json::Value;

/// A token of each algorithm, and tokens of some 700 bytes under larger keys too.
const VECTORS: [&str; 2] = [
    include_str!("../../vectors/tokens.json"),
    include_str!("tokens.json"),
];

struct Case {
    name: String,
    keys: String,
    parsed: KeySet,
    token: String,
}

thread_local! {
    static CASES: RefCell<Vec<Case>> = const { RefCell::new(Vec::new()) };
}

/// Reads the vectors; how many there are.
#[unsafe(no_mangle)]
pub extern "C" fn prepare() -> usize {
    CASES.with_borrow_mut(|cases| {
        for vectors in VECTORS {
            let vectors: Vec<Value> = serde_json::from_str(vectors).unwrap();
            cases.extend(vectors.iter().map(|vector| {
                let keys = format!(r#"{{"keys":[{}]}}"#, vector["jwk"]);
                Case {
                    name: vector["alg"].as_str().unwrap().to_owned() + "\0",
                    parsed: parse(&keys),
                    keys,
                    token: vector["token"].as_str().unwrap().to_owned(),
                }
            }));
        }
        cases.len()
    })
}

fn parse(keys: &str) -> KeySet {
    KeySet::parse_inline(keys.as_bytes(), &KeySetLimits::default()).unwrap()
}

/// Where the name of a case lies, which ends with a zero byte.
#[unsafe(no_mangle)]
pub extern "C" fn name(case: usize) -> *const u8 {
    CASES.with_borrow(|cases| cases[case].name.as_ptr())
}

/// Verifies the signature so many times; how often it held.
#[unsafe(no_mangle)]
pub extern "C" fn verify(case: usize, rounds: usize) -> usize {
    let allowed: AlgorithmSet = Algorithm::ALL.iter().copied().collect();
    CASES.with_borrow(|cases| {
        let case = &cases[case];
        let token = UntrustedToken::parse(&case.token, 16_384).unwrap();
        let verify = || case.parsed.verify(&token, allowed, &mut Budget::new(1));
        (0..rounds).filter(|_| verify().is_ok()).count()
    })
}

/// Parses the key set so many times.
#[unsafe(no_mangle)]
pub extern "C" fn import(case: usize, rounds: usize) -> usize {
    CASES.with_borrow(|cases| (0..rounds).map(|_| parse(&cases[case].keys).len()).sum())
}
