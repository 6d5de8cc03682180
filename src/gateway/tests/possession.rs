//! Tokens that are bound to a key, and what requests with them need.

mod proofs;

use serde_json::{Value, json};

use super::super::world::{Fate, Mood, World, jwk, token};
use super::{KEYS, config, secs};
use crate::gateway::world::start;
use crate::jose::Algorithm::{self, EdDsa, Es256, Es384, Hs256, Ps256, Rs256};
use crate::jose::{UntrustedToken, testing};
use crate::possession::ProofError;
use crate::text::hex_bytes;
use crate::time::jumps::under_jumps;

/// A world in which the provider asks this.
fn world(vms: usize, asks: &Value) -> World {
    let mut config = config();
    config["providers"]["main"]["proof_of_possession"] = asks.clone();
    let mut world = World::new(vms, &config);
    world.issuer(KEYS, Mood::keys(&[&jwk("a")]));
    world.pass(secs(1));
    world
}

fn dpop() -> Value {
    json!({ "dpop": { "origins": ["https://api.example"] } })
}

/// The name of the key that signs with an algorithm.
fn thumbprint(algorithm: Algorithm) -> String {
    let header = json!({ "alg": algorithm.name(), "jwk": testing::jwk(algorithm) });
    let text = testing::unsigned(&header.to_string(), "{}");
    let token = UntrustedToken::parse(&text, 4096).unwrap();
    token.own_key().unwrap().to_string()
}

/// A token that is bound to that key.
fn bound(algorithm: Algorithm) -> String {
    token("a", &json!({ "cnf": { "jkt": thumbprint(algorithm) } }))
}

fn ath(token: &str) -> String {
    use sha2::{Digest, Sha256};
    testing::encode(Sha256::digest(token))
}

/// Members on top of others; `null` takes one away.
fn changed(mut all: Value, changes: &Value) -> String {
    for (name, value) in changes.as_object().unwrap() {
        if value.is_null() {
            all.as_object_mut().unwrap().remove(name);
        } else {
            all[name] = value.clone();
        }
    }
    all.to_string()
}

/// A proof for `GET /orders` with this token, made one second after the start.
fn proof(algorithm: Algorithm, token: &str, header: &Value, claims: &Value) -> String {
    let own = json!({ "typ": "dpop+jwt", "alg": algorithm.name(), "jwk": testing::jwk(algorithm) });
    let payload = json!({
        "jti": "1", "htm": "GET", "htu": "https://api.example/orders", "iat": start() + 1, "ath": ath(token),
    });
    testing::signed(algorithm, &changed(own, header), &changed(payload, claims))
}

fn good(algorithm: Algorithm, token: &str, id: &str) -> String {
    proof(algorithm, token, &json!({}), &json!({ "jti": id }))
}

/// What becomes of `GET /orders`: 200, or the status and what the last challenge says.
fn send(world: &mut World, vm: usize, headers: &[(&str, &str)]) -> (u16, String) {
    let id = world.request(vm, "/orders", headers);
    let said = match world.fate(id) {
        Fate::Refused(_, headers) => headers.get("www-authenticate").cloned(),
        _ => None,
    };
    (world.status(id), said.unwrap_or_default())
}

fn send_proof(world: &mut World, token: &str, proof: &str) -> (u16, String) {
    let credential = format!("DPoP {token}");
    send(world, 0, &[("authorization", &credential), ("dpop", proof)])
}

fn invalid_proof(error: ProofError) -> (u16, String) {
    let said = format!(
        "DPoP realm=\"api\", algs=\"ES256 EdDSA PS256 RS256\", error=\"invalid_dpop_proof\", error_description=\"{error}\""
    );
    (401, said)
}

fn invalid_token(description: &str) -> (u16, String) {
    let said = format!(
        "DPoP realm=\"api\", algs=\"ES256 EdDSA PS256 RS256\", error=\"invalid_token\", error_description=\"{description}\""
    );
    (401, said)
}

#[test]
fn a_bound_token_counts_with_its_proof() {
    let mut world = world(1, &dpop());
    for algorithm in [Es256, EdDsa, Ps256, Rs256] {
        let token = bound(algorithm);
        let proof = good(algorithm, &token, algorithm.name());
        let credential = format!("dpop {token}");
        let id = world.request(
            0,
            "/orders?page=2",
            &[("authorization", &credential), ("dpop", &proof)],
        );
        let Fate::Forwarded(set, removed) = world.fate(id) else {
            panic!("{algorithm:?}: {:?}", world.fate(id));
        };
        assert_eq!(set["x-auth-user-id"], "alice");
        assert!(removed.contains(&"authorization".to_owned()));
        assert!(removed.contains(&"dpop".to_owned()));
    }
}

/// What a client has signed is what it sent, whatever goes upstream.
#[test]
fn a_proof_is_for_the_path_that_the_client_asked_for() {
    let mut own = config();
    own["providers"]["main"]["proof_of_possession"] = dpop();
    own["paths"] = json!({ "slashes": "merge" });
    let mut world = World::new(1, &own);
    world.issuer(KEYS, Mood::keys(&[&jwk("a")]));
    world.pass(secs(1));
    let token = bound(Es256);
    let credential = format!("DPoP {token}");
    for (id, path, want) in [("1", "//orders", 200), ("2", "/orders", 401)] {
        let htu = format!("https://api.example{path}");
        let proof = proof(Es256, &token, &json!({}), &json!({ "jti": id, "htu": htu }));
        let headers = [("authorization", credential.as_str()), ("dpop", &proof)];
        let id = world.request(0, "//orders", &headers);
        assert_eq!(world.status(id), want, "{path}");
    }
}

#[test]
fn a_bound_token_is_nobodys_without_its_key() {
    let mut world = world(1, &dpop());
    let token = bound(Es256);
    // As a bearer token, with or without a proof.
    let (proof, bearer) = (good(Es256, &token, "1"), format!("Bearer {token}"));
    let plain = "DPoP realm=\"api\", algs=\"ES256 EdDSA PS256 RS256\"".to_owned();
    for headers in [
        vec![("authorization", bearer.as_str())],
        vec![("authorization", bearer.as_str()), ("dpop", proof.as_str())],
    ] {
        assert_eq!(send(&mut world, 0, &headers), (401, plain.clone()));
    }
    // With a thief's own key.
    let other = self::proof(EdDsa, &token, &json!({}), &json!({}));
    let wrong = invalid_token("the token is bound to another key");
    assert_eq!(send_proof(&mut world, &token, &other), wrong);
    // With a thief's key under the name of the right one.
    let header = json!({ "jwk": testing::jwk(Es256), "alg": "EdDSA" });
    let forged = self::proof(EdDsa, &token, &header, &json!({}));
    let refused = invalid_proof(ProofError::AlgorithmRefused);
    assert_eq!(send_proof(&mut world, &token, &forged), refused);
    assert_eq!(send_proof(&mut world, &token, &proof).0, 200);
}

#[test]
fn a_token_that_is_not_bound_is_a_bearers_and_nothing_else() {
    let free = token("a", &json!({}));
    let proof = good(Es256, &free, "1");
    let bearer = format!("Bearer {free}");
    let unbound = invalid_token("the token is not bound to a key");
    let mut lenient = world(1, &dpop());
    assert_eq!(send(&mut lenient, 0, &[("authorization", &bearer)]).0, 200);
    assert_eq!(send_proof(&mut lenient, &free, &proof), unbound);
    let mut strict = dpop();
    strict["dpop"]["required"] = json!(true);
    let mut strict = world(1, &strict);
    assert_eq!(send(&mut strict, 0, &[("authorization", &bearer)]), unbound);
    assert_eq!(send_proof(&mut strict, &free, &proof), unbound);
    // Its only challenge.
    let bare = "DPoP realm=\"api\", algs=\"ES256 EdDSA PS256 RS256\"".to_owned();
    assert_eq!(send(&mut strict, 0, &[]), (401, bare));
    let held = bound(Es256);
    let downgraded = format!("Bearer {held}");
    let (status, said) = send(&mut strict, 0, &[("authorization", &downgraded)]);
    assert_eq!(status, 401);
    assert!(
        said.contains("the token is bound to a key and needs its proof"),
        "{said}"
    );
    assert_eq!(
        send_proof(&mut strict, &held, &good(Es256, &held, "1")).0,
        200
    );
}

#[test]
fn a_cnf_that_nobody_can_read_counts_as_nobodys_key() {
    let mut world = world(1, &dpop());
    for cnf in [
        json!("x"),
        json!([]),
        json!({ "jkt": 7 }),
        json!({ "jkt": "" }),
    ] {
        let held = token("a", &json!({ "cnf": cnf }));
        let bearer = format!("Bearer {held}");
        assert_eq!(
            send(&mut world, 0, &[("authorization", &bearer)]).0,
            401,
            "{cnf}"
        );
        let proof = good(Es256, &held, "1");
        assert_eq!(send_proof(&mut world, &held, &proof).0, 401, "{cnf}");
    }
}

#[test]
fn without_the_key_nothing_changes() {
    let mut world = World::new(1, &config());
    world.issuer(KEYS, Mood::keys(&[&jwk("a")]));
    world.pass(secs(1));
    let held = bound(Es256);
    let bearer = format!("Bearer {held}");
    assert_eq!(send(&mut world, 0, &[("authorization", &bearer)]).0, 200);
    let (status, said) = send_proof(&mut world, &held, &good(Es256, &held, "1"));
    assert_eq!((status, said.as_str()), (401, "Bearer realm=\"api\""));
}

#[test]
fn two_credentials_are_ambiguous() {
    let mut world = world(1, &dpop());
    let held = bound(Es256);
    let proof = good(Es256, &held, "1");
    let (bearer, bound) = (format!("Bearer {held}"), format!("DPoP {held}"));
    for headers in [
        vec![
            ("authorization", bearer.as_str()),
            ("authorization", &bound),
        ],
        vec![("authorization", bound.as_str()), ("authorization", &bound)],
        vec![("authorization", &format!("{bearer}, {bound}"))],
        vec![("authorization", &format!("{bound}, {bearer}"))],
        vec![("authorization", "DPoP")],
    ] {
        let mut headers: Vec<(&str, &str)> = headers;
        headers.push(("dpop", &proof));
        assert_eq!(send(&mut world, 0, &headers).0, 400, "{headers:?}");
    }
}

#[test]
fn the_requests_own_origin_counts_where_none_is_named() {
    let mut world = world(1, &json!({ "dpop": {} }));
    let token = bound(Es256);
    let credential = format!("DPoP {token}");
    // The world's requests are for the host `api`.
    for (id, scheme, htu, want) in [
        ("1", "https", "https://api/orders", 200),
        ("2", "http", "http://api:80/orders", 200),
        ("3", "http", "https://api/orders", 401),
        ("4", "https", "https://api.example/orders", 401),
    ] {
        let proof = proof(Es256, &token, &json!({}), &json!({ "jti": id, "htu": htu }));
        let headers = [
            (":scheme", scheme),
            ("authorization", credential.as_str()),
            ("dpop", &proof),
        ];
        assert_eq!(send(&mut world, 0, &headers).0, want, "{scheme} {htu}");
    }
}

#[test]
fn a_list_of_algorithms_is_all_that_is_accepted() {
    let mut asks = dpop();
    asks["dpop"]["algorithms"] = json!(["ES384"]);
    let mut world = world(1, &asks);
    for (algorithm, want) in [(Es384, 200), (Es256, 401), (EdDsa, 401), (Hs256, 401)] {
        let token = match algorithm {
            Hs256 => bound(Es384),
            other => bound(other),
        };
        let (status, said) = send_proof(&mut world, &token, &good(algorithm, &token, "1"));
        assert_eq!(status, want, "{algorithm:?}");
        assert!(status == 200 || said.contains("algs=\"ES384\""), "{said}");
    }
}

#[test]
fn a_certificate_binds_a_token_to_its_connection() {
    let digest: [u8; 32] = hex_bytes(&"5a".repeat(32)).unwrap().try_into().unwrap();
    let held = token(
        "a",
        &json!({ "cnf": { "x5t#S256": testing::encode(digest) } }),
    );
    let free = token("a", &json!({}));
    for (required, certificate, token, want) in [
        (false, Some(digest), &held, 200),
        (false, Some([1; 32]), &held, 401),
        (false, None, &held, 401),
        (false, None, &free, 200),
        (true, Some(digest), &held, 200),
        (true, Some(digest), &free, 401),
    ] {
        let mut world = world(1, &json!({ "mtls": { "required": required } }));
        let bearer = format!("Bearer {token}");
        // What was remembered of the token on the right connection is worth nothing on another.
        world.certificate = Some(digest);
        let first = send(&mut world, 0, &[("authorization", &bearer)]).0;
        assert_eq!(first == 200, token == &held || !required);
        world.certificate = certificate;
        let (status, said) = send(&mut world, 0, &[("authorization", &bearer)]);
        assert_eq!(status, want, "{required} {certificate:?}");
        let invalid = said.starts_with("Bearer realm=\"api\", error=\"invalid_token\"");
        assert_eq!(invalid, status == 401, "{said}");
    }
}

#[test]
fn both_bindings_hold_together() {
    let cnf = json!({ "jkt": thumbprint(Es256), "x5t#S256": testing::encode([7; 32]) });
    let held = token("a", &json!({ "cnf": cnf }));
    let mut asks = dpop();
    asks["mtls"] = json!({});
    let mut world = world(1, &asks);
    let proof = good(Es256, &held, "1");
    assert_eq!(send_proof(&mut world, &held, &proof).0, 401);
    world.certificate = Some([7; 32]);
    assert_eq!(send_proof(&mut world, &held, &proof).0, 200);
}

under_jumps!(
    "possession.rs",
    [
        a_bound_token_counts_with_its_proof,
        a_bound_token_is_nobodys_without_its_key,
        a_token_that_is_not_bound_is_a_bearers_and_nothing_else,
        a_cnf_that_nobody_can_read_counts_as_nobodys_key,
        without_the_key_nothing_changes,
        two_credentials_are_ambiguous,
        the_requests_own_origin_counts_where_none_is_named,
        a_list_of_algorithms_is_all_that_is_accepted,
        a_proof_is_for_the_path_that_the_client_asked_for,
        a_certificate_binds_a_token_to_its_connection,
        both_bindings_hold_together,
    ],
    by_date: [],
);
