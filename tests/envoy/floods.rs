//! What callers get while strangers send garbage whose signatures must be looked at.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::lab::{Lab, claims, policy};
use crate::possession::{Clients, ORIGIN, request};
use lab::client::{Connection, Request};
use lab::envoy::Filter;
use lab::issuer::{Issuer, SigningKey};
use serde_json::{Value, json};

/// Garbage in a second.
const RATE: u32 = 200;
/// Callers with new tokens, and calls of one who has signed in and shows proofs.
const CALLS: usize = 60;

/// A key set that makes garbage dear: eight keys of a kind could have signed each of it.
fn key_set(own: &[&SigningKey], dear: &Value) -> Value {
    let own = own.iter().map(|key| key.jwk());
    let dear = (0..8).map(|each| {
        let mut jwk = dear.clone();
        jwk["kid"] = json!(format!("dear-{each}"));
        jwk
    });
    json!({ "keys": own.chain(dear).collect::<Vec<_>>() })
}

/// The public key of this algorithm among the vectors.
fn vector(algorithm: &str) -> Value {
    let all: Vec<Value> = serde_json::from_str(include_str!("../vectors/tokens.json")).unwrap();
    let found = all.into_iter().find(|vector| vector["alg"] == algorithm);
    found.unwrap()["jwk"].clone()
}

/// A token without a key id that nobody has signed, different each time.
fn garbage(algorithm: &str, bytes: usize, number: u32) -> String {
    use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
    let part = |bytes: &[u8]| BASE64_URL_SAFE_NO_PAD.encode(bytes);
    let claims = claims(json!({ "sub": format!("nobody {number}"), "jti": number }));
    let mut signature = vec![1; bytes];
    signature[..4].copy_from_slice(&(number | 1).to_be_bytes());
    signature[0] = 0;
    let header = json!({ "alg": algorithm }).to_string();
    format!(
        "{}.{}.{}",
        part(header.as_bytes()),
        part(claims.to_string().as_bytes()),
        part(&signature)
    )
}

/// Sends garbage at its rate until told to stop; how much there was.
fn flood(lab: &Lab, (algorithm, bytes): (&str, usize), stop: &AtomicBool, sent: &AtomicU32) {
    let mut connection = Connection::open(lab.envoy.addr()).unwrap();
    let start = Instant::now();
    while !stop.load(Ordering::Relaxed) {
        let number = sent.fetch_add(1, Ordering::Relaxed);
        let due = Duration::from_secs(1) * number / RATE;
        thread::sleep(due.saturating_sub(start.elapsed()));
        let token = garbage(algorithm, bytes, number);
        let answer = connection.send(&Request::get("/").bearer(&token)).unwrap();
        assert!([401, 429].contains(&answer.status), "{}", answer.status);
    }
}

/// Good callers of each kind arrive while garbage of this kind does.
fn nobody_good_is_refused(algorithm: &str, bytes: usize) {
    let key = SigningKey::es256("a");
    let issuer = Issuer::start(&[&key]).unwrap();
    let clients = Clients::with("keys");
    let mut policy = policy(&issuer, json!({}));
    policy["providers"]["users"]["proof_of_possession"] =
        json!({ "dpop": { "origins": [ORIGIN] } });
    policy["providers"]["users"]["jwks"] =
        json!({ "inline": key_set(&[&key], &vector(algorithm)) });
    let lab = Lab::start(&issuer, Filter::json(policy), |config| {
        config.concurrency(1)
    });
    let bound = key.sign(
        json!({}),
        &claims(json!({ "cnf": { "jkt": clients.names["ES256"] } })),
    );
    let proofs = clients.proofs(&vec![("ES256", bound.as_str()); CALLS + 1]);
    lab.send(request(&bound, &proofs[CALLS])).passed();
    let (stop, sent) = (AtomicBool::new(false), AtomicU32::new(0));
    thread::scope(|scope| {
        scope.spawn(|| flood(&lab, (algorithm, bytes), &stop, &sent));
        thread::sleep(Duration::from_secs(1));
        let statuses: Vec<_> = (0..CALLS)
            .flat_map(|each| {
                thread::sleep(Duration::from_millis(50));
                let new = claims(json!({ "sub": format!("caller {each}") }));
                let fresh = Request::get("/").bearer(&key.sign(json!({}), &new));
                let signed_in = request(&bound, &proofs[each]);
                [fresh, signed_in].map(|request| lab.send(request).answer.status)
            })
            .collect();
        stop.store(true, Ordering::Relaxed);
        assert_eq!(statuses, [200; 2 * CALLS], "{algorithm}");
    });
    assert!(sent.into_inner() > 2 * RATE, "no flood");
    lab.is_sound();
}

#[test]
fn a_flood_of_es384_garbage_refuses_nobody_good() {
    nobody_good_is_refused("ES384", 96);
}

#[test]
fn a_flood_of_rs256_garbage_refuses_nobody_good() {
    nobody_good_is_refused("RS256", 256);
}
