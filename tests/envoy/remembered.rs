//! Tokens that come again, good and bad, and floods of bad ones.

use crate::lab::{Lab, claims, eventually, policy};
use lab::client::Request;
use lab::envoy::Filter;
use lab::issuer::{Issuer, SigningKey};
use serde_json::json;
use std::thread;
use std::time::Duration;

fn start(issuer: &Issuer) -> Lab {
    let mut policy = policy(issuer, json!({}));
    policy["limits"] = json!({ "signature_time": "2ms" });
    Lab::start(issuer, Filter::json(policy), |config| config)
}

#[test]
fn a_flood_of_forgeries_costs_its_sender_a_moment_and_nobody_else_anything() {
    let (key, forger) = (SigningKey::es256("a"), SigningKey::es256("a"));
    let issuer = Issuer::start(&[&key]).unwrap();
    let lab = start(&issuer);
    let send = |key: &SigningKey, caller: &str, id: usize| {
        let token = key.sign(json!({}), &claims(json!({ "sub": caller, "jti": id })));
        (lab.send(Request::get("/").bearer(&token)), token)
    };
    let (first, known) = send(&key, "known", 0);
    first.passed();
    // All in one name, and more than there is time for.
    let forgeries: Vec<_> = (0..400)
        .map(|each| send(&forger, "mallory", each).0)
        .collect();
    let unseen: Vec<_> = forgeries
        .iter()
        .filter(|forgery| forgery.answer.status == 429)
        .collect();
    assert!(unseen.len() > 50, "{} of {}", unseen.len(), forgeries.len());
    for forgery in &forgeries {
        assert!(matches!(forgery.answer.status, 401 | 429));
        assert!(forgery.upstream.is_none());
    }
    assert_eq!(unseen[0].answer.header("retry-after").as_deref(), Some("1"));
    assert_eq!(
        unseen[0].answer.json().unwrap(),
        json!({ "detail": "Too many requests" })
    );
    lab.send(Request::get("/").bearer(&known)).passed();
    send(&key, "stranger", 0).0.passed();
    thread::sleep(Duration::from_secs(2));
    send(&key, "mallory", 1000).0.passed();
    let counted = lab
        .envoy
        .stat("wasmcustom.auth_filter.denied.signatures_throttled")
        .unwrap();
    assert_eq!(counted, u64::try_from(unseen.len()).unwrap());
    lab.is_sound();
}

#[test]
fn a_flood_of_refusals_does_not_fill_the_log() {
    let key = SigningKey::es256("a");
    let issuer = Issuer::start(&[&key]).unwrap();
    let lab = start(&issuer);
    let addr = lab.envoy.addr();
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..500 {
                    assert_eq!(Request::get("/").send(addr).unwrap().status, 401);
                }
            });
        }
    });
    eventually("the lines that were left out are told of", || {
        Request::get("/").send(addr).unwrap();
        lab.envoy.log().contains("refusals were not logged")
    });
    let lines = lab.envoy.log().matches("denied reason=missing").count();
    assert!(lines < 1500, "{lines} lines");
    let counted = lab.envoy.stat("wasmcustom.auth_filter.denied.missing");
    assert!(counted.unwrap() >= 2000);
}
