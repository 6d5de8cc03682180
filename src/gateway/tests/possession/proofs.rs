//! What a proof must be, and how often it serves.

use super::super::super::world::Mood;
use super::*;

#[test]
fn each_check_of_a_proof_is_made() {
    let token = bound(Es256);
    let own = testing::jwk(Es256);
    let with = |name: &str, value: Value| {
        let mut jwk = own.clone();
        jwk[name] = value;
        json!({ "jwk": jwk })
    };
    let none = json!({});
    let rows = [
        (json!({ "typ": null }), none.clone(), ProofError::WrongType),
        (json!({ "typ": "JWT" }), none.clone(), ProofError::WrongType),
        (
            json!({ "typ": "application/dpop+jwt" }),
            none.clone(),
            ProofError::WrongType,
        ),
        (
            json!({ "alg": "none" }),
            none.clone(),
            ProofError::AlgorithmRefused,
        ),
        (
            json!({ "alg": "HS256" }),
            none.clone(),
            ProofError::AlgorithmRefused,
        ),
        (
            json!({ "alg": "ES384" }),
            none.clone(),
            ProofError::AlgorithmRefused,
        ),
        (
            json!({ "alg": "RS256" }),
            none.clone(),
            ProofError::AlgorithmRefused,
        ),
        (
            json!({ "crit": ["x"], "x": 1 }),
            none.clone(),
            ProofError::Malformed,
        ),
        (json!({ "jwk": null }), none.clone(), ProofError::KeyRefused),
        (
            json!({ "jwk": "key" }),
            none.clone(),
            ProofError::KeyRefused,
        ),
        (
            json!({ "jwk": { "kty": "oct", "k": "AAAA" } }),
            none.clone(),
            ProofError::KeyRefused,
        ),
        (with("d", json!("AQ")), none.clone(), ProofError::KeyRefused),
        (none.clone(), json!({ "jti": null }), ProofError::Malformed),
        (none.clone(), json!({ "jti": "" }), ProofError::Malformed),
        (none.clone(), json!({ "jti": 7 }), ProofError::Malformed),
        (
            none.clone(),
            json!({ "jti": "x".repeat(257) }),
            ProofError::Malformed,
        ),
        (
            none.clone(),
            json!({ "htm": null }),
            ProofError::WrongMethod,
        ),
        (
            none.clone(),
            json!({ "htm": "POST" }),
            ProofError::WrongMethod,
        ),
        (
            none.clone(),
            json!({ "htm": "get" }),
            ProofError::WrongMethod,
        ),
        (none.clone(), json!({ "htu": null }), ProofError::WrongUri),
        (
            none.clone(),
            json!({ "htu": "https://api.example/other" }),
            ProofError::WrongUri,
        ),
        (
            none.clone(),
            json!({ "htu": "https://evil.example/orders" }),
            ProofError::WrongUri,
        ),
        (none.clone(), json!({ "iat": null }), ProofError::Stale),
        (
            none.clone(),
            json!({ "iat": start() + 62 }),
            ProofError::Stale,
        ),
        (
            none.clone(),
            json!({ "iat": start() - 119 }),
            ProofError::Stale,
        ),
        (none.clone(), json!({ "iat": "now" }), ProofError::Malformed),
        (none.clone(), json!({ "ath": null }), ProofError::WrongToken),
        (
            none.clone(),
            json!({ "ath": ath("other") }),
            ProofError::WrongToken,
        ),
    ];
    let mut world = world(1, &dpop());
    for (header, claims, want) in rows {
        let proof = proof(Es256, &token, &header, &claims);
        let got = send_proof(&mut world, &token, &proof);
        assert_eq!(got, invalid_proof(want), "{header} {claims}");
    }
    let whole = good(Es256, &token, "whole");
    let (signed, _) = whole.rsplit_once('.').unwrap();
    let unsigned = format!("{signed}.{}", "A".repeat(86));
    let bad = invalid_proof(ProofError::BadSignature);
    assert_eq!(send_proof(&mut world, &token, &unsigned), bad);
    for garbage in ["", "x", "a.b.c", "a.b", &token] {
        let (status, _) = send_proof(&mut world, &token, garbage);
        assert_eq!(status, 401, "{garbage}");
    }
    // None of them has used the whole one up.
    assert_eq!(send_proof(&mut world, &token, &whole).0, 200);
}

#[test]
fn a_proof_is_one() {
    let mut world = world(1, &dpop());
    let token = bound(Es256);
    let (proof, credential) = (good(Es256, &token, "1"), format!("DPoP {token}"));
    let credential = ("authorization", credential.as_str());
    let missing = invalid_proof(ProofError::Missing);
    assert_eq!(send(&mut world, 0, &[credential]), missing);
    let two = [credential, ("dpop", &proof), ("DPoP", &proof)];
    let repeated = invalid_proof(ProofError::Repeated);
    assert_eq!(send(&mut world, 0, &two), repeated);
    let joined = format!("{proof}, {proof}");
    let malformed = invalid_proof(ProofError::Malformed);
    assert_eq!(
        send(&mut world, 0, &[credential, ("dpop", &joined)]),
        malformed
    );
}

#[test]
fn a_proof_serves_once_in_a_process() {
    let mut world = world(4, &dpop());
    let token = bound(Es256);
    let credential = format!("DPoP {token}");
    for first in 0..4 {
        let proof = good(Es256, &token, &first.to_string());
        let headers = [("authorization", credential.as_str()), ("dpop", &proof)];
        let sent: Vec<_> = (0..4)
            .map(|vm| send(&mut world, (first + vm) % 4, &headers))
            .collect();
        assert_eq!(sent[0].0, 200);
        for again in &sent[1..] {
            assert_eq!(*again, invalid_proof(ProofError::Replayed));
        }
    }
}

#[test]
fn a_proof_is_no_better_when_it_comes_again_later() {
    let mut world = world(1, &dpop());
    let token = bound(Es256);
    let proof = proof(Es256, &token, &json!({}), &json!({ "iat": start() + 61 }));
    assert_eq!(send_proof(&mut world, &token, &proof).0, 200);
    for passed in 0..200 {
        let (status, said) = send_proof(&mut world, &token, &proof);
        assert_eq!(status, 401, "{passed}");
        let want = if passed < 180 {
            ProofError::Replayed
        } else {
            ProofError::Stale
        };
        assert!(said.contains(&want.to_string()), "{passed} {said}");
        world.pass(secs(1));
    }
}

#[test]
fn a_request_that_waits_uses_its_proof_once() {
    let mut config = config();
    let main = &mut config["providers"]["main"];
    main["proof_of_possession"] =
        json!({ "dpop": { "lifetime": "1s", "origins": ["https://api.example"] } });
    main["clock_skew"] = json!("0s");
    main["permissions"] = json!([{ "directory": "people" }]);
    config["directories"] =
        json!({ "people": { "uri": "http://people/{subject}", "timeout": "5s", "retry": 0 } });
    config["directories"]["people"]
        .as_object_mut()
        .unwrap()
        .remove("retry");
    config["rules"] =
        json!([{ "match": { "path_prefix": "/" }, "require": { "permissions": ["read"] } }]);
    let mut world = World::new(1, &config);
    world.issuer(KEYS, Mood::keys(&[&jwk("a")]));
    world.issuer("http://people/alice", Mood::Silent);
    world.pass(secs(1));
    let token = bound(Es256);
    let (proof, credential) = (good(Es256, &token, "1"), format!("DPoP {token}"));
    let headers = [("authorization", credential.as_str()), ("dpop", &proof)];
    let id = world.request(0, "/orders", &headers);
    assert_eq!(world.status(id), 0);
    assert_eq!(
        send(&mut world, 0, &headers),
        invalid_proof(ProofError::Replayed)
    );
    world.pass(secs(4));
    assert_eq!(world.status(id), 0, "{:?}", world.fate(id));
    world.pass(secs(2));
    assert_eq!(world.status(id), 503, "{:?}", world.fate(id));
}

/// A proof with a signature that is none of its key's.
fn forged(token: &str) -> String {
    let whole = good(Es256, token, "forged");
    let (signed, _) = whole.rsplit_once('.').unwrap();
    format!("{signed}.{}", "A".repeat(86))
}

/// A world in which there is time for few bad signatures.
fn tight() -> World {
    let mut config = config();
    config["providers"]["main"]["proof_of_possession"] = dpop();
    config["limits"] = json!({ "signature_time": "4ms", "proof_time": "4ms" });
    let mut world = World::new(1, &config);
    world.issuer(KEYS, Mood::keys(&[&jwk("a")]));
    world.pass(secs(1));
    world
}

fn reason(world: &mut World, token: &str, proof: &str) -> &'static str {
    let credential = format!("DPoP {token}");
    let headers = [("authorization", credential.as_str()), ("dpop", proof)];
    let id = world.request(0, "/orders", &headers);
    world.reason(id)
}

#[test]
fn proofs_of_known_tokens_have_a_budget_of_their_own_and_each_holder_a_share() {
    let mut world = tight();
    let (token, other) = (bound(Es256), bound(EdDsa));
    for (token, algorithm) in [(&token, Es256), (&other, EdDsa)] {
        assert_eq!(
            send_proof(&mut world, token, &good(algorithm, token, "0")).0,
            200
        );
    }
    let bad = forged(&token);
    let mut looked_at = 0;
    while send_proof(&mut world, &token, &bad).0 == 401 {
        looked_at += 1;
    }
    assert!((15..100).contains(&looked_at), "{looked_at}");
    let whole = good(Es256, &token, "1");
    assert_eq!(reason(&mut world, &token, &whole), "proofs_throttled");
    // Other holders, and other tokens, have their own.
    assert_eq!(
        send_proof(&mut world, &other, &good(EdDsa, &other, "1")).0,
        200
    );
    let bearer = format!("Bearer {}", self::token("a", &json!({ "sub": "bob" })));
    assert_eq!(send(&mut world, 0, &[("authorization", &bearer)]).0, 200);
    world.pass(secs(2));
    // The same by its name: it was not taken in.
    let whole = good(Es256, &token, "1");
    assert_eq!(send_proof(&mut world, &token, &whole).0, 200);
}

#[test]
fn who_has_signed_in_is_not_refused_for_garbage() {
    let mut world = tight();
    let token = bound(Es256);
    assert_eq!(
        send_proof(&mut world, &token, &good(Es256, &token, "0")).0,
        200
    );
    for each in 0..60 {
        // In the same caller's name, and more than there is time for.
        for more in 0..20 {
            let claims = json!({ "jti": format!("{each} {more}") });
            let whole = self::token("a", &claims);
            let (signed, _) = whole.rsplit_once('.').unwrap();
            let garbage = format!("Bearer {signed}.{}B", "B".repeat(85));
            let _ = send(&mut world, 0, &[("authorization", &garbage)]);
        }
        let proof = good(Es256, &token, &format!("1 {each}"));
        assert_eq!(send_proof(&mut world, &token, &proof).0, 200, "{each}");
        world.pass(std::time::Duration::from_millis(50));
    }
}

#[test]
fn the_proof_of_a_new_token_is_a_strangers_work() {
    let mut world = tight();
    let mut most = 0;
    for each in 0..200 {
        let claims = json!({ "cnf": { "jkt": thumbprint(Es256) }, "jti": each });
        let token = token("a", &claims);
        let bad = forged(&token);
        match reason(&mut world, &token, &bad) {
            "signatures_throttled" => break,
            "proof_bad_signature" => most += 1,
            other => panic!("{other}"),
        }
    }
    assert!((10..100).contains(&most), "{most}");
}

#[test]
fn a_proof_that_is_tried_out_still_serves() {
    let mut config = config();
    config["providers"]["main"]["proof_of_possession"] = dpop();
    config["mode"] = json!("shadow");
    let mut tried = World::new(2, &config);
    config["mode"] = json!("enforce");
    let mut enforced = World::new(2, &config);
    for world in [&mut tried, &mut enforced] {
        world.issuer(KEYS, Mood::keys(&[&jwk("a")]));
        world.pass(secs(1));
    }
    let token = bound(Es256);
    let proof = good(Es256, &token, "1");
    assert_eq!(reason(&mut tried, &token, &proof), "");
    // The same process.
    std::mem::swap(&mut tried.process, &mut enforced.process);
    assert_eq!(reason(&mut enforced, &token, &proof), "");
    assert_eq!(reason(&mut enforced, &token, &proof), "proof_replayed");
}

#[test]
fn an_introspected_token_is_bound_by_its_answer() {
    const INTROSPECT: &str = "https://issuer/introspect";
    let config = json!({
        "providers": { "main": {
            "kind": "introspection",
            "introspection": { "uri": INTROSPECT, "upstream": "idp", "client_id": "c", "client_secret": "s" },
            "proof_of_possession": dpop(),
        } },
        "rules": [{ "match": {}, "require": "user" }],
    });
    let mut world = World::new(2, &config);
    let answer =
        json!({ "active": true, "sub": "alice", "cnf": { "jkt": thumbprint(Es256) } }).to_string();
    world.issuer(INTROSPECT, Mood::Answers(200, answer.into_bytes()));
    world.pass(secs(1));
    let (token, credential) = ("opaque", "DPoP opaque");
    let proof = good(Es256, token, "1");
    let headers = [("authorization", credential), ("dpop", proof.as_str())];
    let id = world.request(0, "/orders", &headers);
    assert_eq!(world.status(id), 0);
    world.pass(secs(1));
    assert_eq!(world.status(id), 200);
    let replayed = invalid_proof(ProofError::Replayed);
    assert_eq!(send(&mut world, 0, &headers), replayed);
    let bearer = world.request(0, "/orders", &[("authorization", "Bearer opaque")]);
    assert_eq!(world.status(bearer), 401);
}

under_jumps!(
    "proofs.rs",
    [
        each_check_of_a_proof_is_made,
        a_proof_is_one,
        a_proof_serves_once_in_a_process,
        a_request_that_waits_uses_its_proof_once,
        proofs_of_known_tokens_have_a_budget_of_their_own_and_each_holder_a_share,
        who_has_signed_in_is_not_refused_for_garbage,
        the_proof_of_a_new_token_is_a_strangers_work,
        a_proof_that_is_tried_out_still_serves,
    ],
    by_date: [
        a_proof_is_no_better_when_it_comes_again_later,
        an_introspected_token_is_bound_by_its_answer,
    ],
);
