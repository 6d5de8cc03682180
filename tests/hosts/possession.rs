//! Tokens that are bound to a key, on each host.

use auth_filter::jose::{KeySet, KeySetLimits};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use lab::issuer::SigningKey;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::fixture::{START, inline, token};
use crate::message::Request;
use crate::personality::Personality;
use crate::process::Process;

const ORIGIN: &str = "https://api.example.com";

/// The configuration of the other conversations, with this.
fn config(asks: Value) -> Value {
    let mut config = inline();
    config["providers"]["main"]["proof_of_possession"] = asks;
    config
}

/// A client's key, and a token that is bound to it.
fn client() -> (SigningKey, String) {
    let key = SigningKey::es256_seeded("client", 2);
    let set = json!({ "keys": [key.jwk()] }).to_string();
    let set = KeySet::parse(set.as_bytes(), &KeySetLimits::default()).unwrap();
    let name = set.thumbprints().next().unwrap().to_string();
    let token = token(&json!({ "cnf": { "jkt": name } }));
    (key, token)
}

fn proof(key: &SigningKey, token: &str, uri: &str, id: &str) -> String {
    let header = json!({ "typ": "dpop+jwt", "jwk": key.jwk() });
    let ath = BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(token));
    let claims = json!({ "jti": id, "htm": "GET", "htu": uri, "iat": *START, "ath": ath });
    key.sign(header, &claims)
}

fn request(token: &str, proof: &str) -> Request {
    let credential = format!("DPoP {token}");
    Request::get("/api?x=1")
        .header("Authorization", &credential)
        .header("DPoP", proof)
}

#[test]
fn a_proof_serves_once_as_far_as_vms_know_each_other() {
    let (key, token) = client();
    for host in Personality::ALL {
        let asks = json!({ "dpop": { "origins": [ORIGIN], "required": true } });
        let mut process = Process::start(host, 2, &config(asks));
        let proof = proof(&key, &token, &format!("{ORIGIN}/api"), "1");
        let first = process.ask(request(&token, &proof));
        assert_eq!(
            process.upstream(first, "x-auth-user-id"),
            ["alice"],
            "{host:?}"
        );
        let kept = process.upstream(first, "authorization").is_empty();
        assert_eq!(kept, host.removes_credentials(), "{host:?}");
        if !host.is_nginx() {
            assert!(process.upstream(first, "dpop").is_empty(), "{host:?}");
        }
        let again = process.ask(request(&token, &proof));
        assert_eq!(process.refused(again).status, 401, "{host:?}");
        let elsewhere = process.send_to(1, request(&token, &proof));
        let want = if host.shares_data() { 401 } else { 200 };
        assert_eq!(process.status(elsewhere), want, "{host:?}");
        let bearer = process.ask(Request::get("/api").bearer(&token));
        assert_eq!(process.refused(bearer).status, 401, "{host:?}");
        process.is_sound();
    }
}

#[test]
fn the_origin_is_the_requests_own_where_none_is_named() {
    let (key, token) = client();
    for host in Personality::ALL {
        let mut process = Process::start(host, 1, &config(json!({ "dpop": {} })));
        for (id, uri, want) in [
            ("1", "http://api.example/api", 200),
            ("2", "http://gateway.internal/api", 401),
            ("3", "https://api.example/api", 401),
        ] {
            let id = process.ask(request(&token, &proof(&key, &token, uri, id)));
            assert_eq!(process.status(id), want, "{host:?} {uri}");
        }
        process.is_sound();
    }
}

#[test]
fn a_store_that_fails_leaves_each_vm_its_own_memory() {
    let (key, token) = client();
    let asks = json!({ "dpop": { "origins": [ORIGIN] } });
    let mut process = Process::start(Personality::NGINX, 1, &config(asks));
    process.world_mut().refuses_data = true;
    let proof = proof(&key, &token, &format!("{ORIGIN}/api"), "1");
    let first = process.ask(request(&token, &proof));
    let again = process.ask(request(&token, &proof));
    assert_eq!((process.status(first), process.status(again)), (200, 401));
    process.is_sound();
}

#[test]
fn certificates_are_looked_at_where_the_host_tells_of_them() {
    let free = token(&json!({}));
    let bound = token(&json!({ "cnf": { "x5t#S256": "A".repeat(43) } }));
    for host in Personality::ALL {
        let mut process = Process::start(host, 1, &config(json!({ "mtls": {} })));
        let bound = process.ask(Request::get("/api").bearer(&bound));
        let free = process.ask(Request::get("/api").bearer(&free));
        let statuses = (process.status(bound), process.status(free));
        if host == Personality::Envoy {
            // This connection has no certificate.
            assert_eq!(statuses, (401, 200), "{host:?}");
            process.is_sound();
            continue;
        }
        assert_eq!(statuses, (503, 503), "{host:?}");
        let why = "configuration refused: providers.main.proof_of_possession.mtls: ";
        assert!(process.world().logged(why), "{host:?}");
    }
}
