//! Signature verification alone, for `run.mjs` to measure: what it costs in V8, without a proxy.

#![allow(unsafe_code, reason = "an exported name is unsafe to choose")]
#![allow(
    clippy::unwrap_used,
    reason = "a broken assumption of a measurement should stop it"
)]

use std::cell::RefCell;

use auth_filter::jose::{Algorithm, AlgorithmSet, Budget, KeySet, KeySetLimits, UntrustedToken};
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use serde_json::{Value, json};

/// A token of each algorithm, and tokens of some 700 bytes under larger keys too.
const VECTORS: [&str; 2] = [
    include_str!("../../vectors/tokens.json"),
    include_str!("tokens.json"),
];

/// Keys that no token here is signed with: a signature that does not hold costs as much.
const KEYS: &str = include_str!("keys.json");

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

/// A signature whose cost the filter knows.
struct Signature {
    name: String,
    token: String,
    /// The issuer's keys; none for a proof, which brings its own.
    keys: Option<KeySet>,
}

thread_local! {
    static SIGNATURES: RefCell<Vec<Signature>> = const { RefCell::new(Vec::new()) };
}

/// Reads all of which the cost is known; how many there are.
#[unsafe(no_mangle)]
pub extern "C" fn prepare_costs() -> usize {
    let mut signatures = Vec::new();
    for vectors in VECTORS {
        let vectors: Vec<Value> = serde_json::from_str(vectors).unwrap();
        for vector in vectors {
            let name = vector["alg"].as_str().unwrap();
            let token = vector["token"].as_str().unwrap();
            if !name.starts_with("HS") {
                signatures.push(proof(name, &vector["jwk"], token));
            }
            signatures.push(Signature {
                name: format!("{name}\0"),
                token: token.to_owned(),
                keys: Some(parse(&format!(r#"{{"keys":[{}]}}"#, vector["jwk"]))),
            });
        }
    }
    let keys: Vec<Value> = serde_json::from_str(KEYS).unwrap();
    signatures.extend(keys.iter().map(|key| Signature {
        name: format!("{}\0", key["name"].as_str().unwrap()),
        token: unsigned(&json!({ "alg": "RS256" }), &below(&key["jwk"])),
        keys: Some(parse(&format!(r#"{{"keys":[{}]}}"#, key["jwk"]))),
    }));
    SIGNATURES.with_borrow_mut(|all| {
        *all = signatures;
        all.len()
    })
}

/// A proof with this key, and with the signature of something else.
fn proof(name: &str, jwk: &Value, token: &str) -> Signature {
    let (_, signature) = token.rsplit_once('.').unwrap();
    let (algorithm, _) = name.split_once(',').unwrap_or((name, ""));
    Signature {
        name: format!("{name}, a proof\0"),
        token: unsigned(&json!({ "alg": algorithm, "jwk": jwk }), signature),
        keys: None,
    }
}

fn unsigned(header: &Value, signature: &str) -> String {
    let header = BASE64_URL_SAFE_NO_PAD.encode(header.to_string());
    format!("{header}.e30.{signature}")
}

/// A signature that is a number below the modulus.
fn below(jwk: &Value) -> String {
    let modulus = BASE64_URL_SAFE_NO_PAD.decode(jwk["n"].as_str().unwrap());
    let mut signature = modulus.unwrap();
    signature[0] = 1;
    BASE64_URL_SAFE_NO_PAD.encode(signature)
}

/// Where the name of a signature lies, which ends with a zero byte.
#[unsafe(no_mangle)]
pub extern "C" fn cost_name(index: usize) -> *const u8 {
    SIGNATURES.with_borrow(|all| all[index].name.as_ptr())
}

/// What the filter charges for it.
#[unsafe(no_mangle)]
pub extern "C" fn cost(index: usize) -> u32 {
    let allowed: AlgorithmSet = Algorithm::ALL.iter().copied().collect();
    SIGNATURES.with_borrow(|all| {
        let token = UntrustedToken::parse(&all[index].token, 16_384).unwrap();
        match &all[index].keys {
            Some(keys) => keys.cost(&token, allowed, &Budget::new(1)),
            None => token.own_signature_cost(),
        }
    })
}

/// Verifies it so many times; how often it held.
#[unsafe(no_mangle)]
pub extern "C" fn spend(index: usize, rounds: usize) -> usize {
    let allowed: AlgorithmSet = Algorithm::ALL.iter().copied().collect();
    SIGNATURES.with_borrow(|all| {
        let token = UntrustedToken::parse(&all[index].token, 16_384).unwrap();
        let holds = || match &all[index].keys {
            Some(keys) => keys.verify(&token, allowed, &mut Budget::new(1)).is_ok(),
            None => token.check_own_signature().is_ok(),
        };
        (0..rounds).filter(|_| holds()).count()
    })
}
