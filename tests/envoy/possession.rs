//! Tokens that are bound to a key: with proofs that another library has made, and over connections with certificates.

use std::path::PathBuf;
use std::thread;

use crate::lab::{Exchange, Lab, claims, policy};
use lab::client::Request;
use lab::envoy::Filter;
use lab::issuer::{Issuer, SigningKey};
use lab::tools::{ensure_venv, lab_dir};
use serde_json::{Value, json};

/// What clients see of the API.
pub(super) const ORIGIN: &str = "https://api.example.com";

/// Clients with keys of their own.
pub(super) struct Clients {
    pub(super) folder: PathBuf,
    /// Thumbprints by algorithms, or digests of certificates by clients.
    pub(super) names: Value,
}

impl Clients {
    pub(super) fn with(kind: &str) -> Self {
        let folder = lab_dir("possession").unwrap();
        let mut clients = Self {
            folder,
            names: Value::Null,
        };
        clients.names = clients.ask(kind, &[]);
        clients
    }

    fn ask(&self, what: &str, more: &[&str]) -> Value {
        let script = include_str!("possession.py");
        let arguments = [&[what, self.folder.to_str().unwrap()], more].concat();
        let said = ensure_venv().unwrap().script(script, &arguments).unwrap();
        serde_json::from_str(&said).unwrap()
    }

    /// Proofs for `GET /orders` with these tokens.
    pub(super) fn proofs(&self, wanted: &[(&str, &str)]) -> Vec<String> {
        let proof = |(index, (algorithm, token)): (usize, &(&str, &str))| {
            json!({
                "algorithm": algorithm, "token": token, "method": "GET", "uri": format!("{ORIGIN}/orders"),
                "id": format!("{index}"),
            })
        };
        let wanted: Vec<_> = wanted.iter().enumerate().map(proof).collect();
        let said = self.ask("proofs", &[&json!(wanted).to_string()]);
        serde_json::from_value(said).unwrap()
    }
}

fn start(issuer: &Issuer, asks: Value, workers: u32) -> Lab {
    let mut policy = policy(issuer, json!({}));
    policy["providers"]["users"]["proof_of_possession"] = asks;
    Lab::start(issuer, Filter::json(policy), |config| {
        config.concurrency(workers)
    })
}

pub(super) fn request(token: &str, proof: &str) -> Request {
    let request = Request::get("/orders?page=2");
    request
        .header("authorization", format!("DPoP {token}"))
        .header("dpop", proof)
}

/// Asserts that the proof does not hold, for this reason.
#[track_caller]
fn invalid_proof(exchange: &Exchange, description: &str) {
    let answer = &exchange.answer;
    assert_eq!(answer.status, 401, "{}", answer.text());
    let challenge = format!(
        "DPoP realm=\"api\", algs=\"ES256 EdDSA PS256 RS256\", error=\"invalid_dpop_proof\", error_description=\"{description}\""
    );
    assert_eq!(answer.header_all("www-authenticate"), [challenge]);
    assert!(exchange.upstream.is_none());
}

#[test]
fn proofs_of_another_library_hold_once_in_all_workers() {
    let key = SigningKey::es256("a");
    let issuer = Issuer::start(&[&key]).unwrap();
    let clients = Clients::with("keys");
    let lab = start(&issuer, json!({ "dpop": { "origins": [ORIGIN] } }), 4);
    let algorithms = ["ES256", "EdDSA", "PS256", "RS256"];
    let bound = |algorithm: &str| {
        let cnf = json!({ "cnf": { "jkt": clients.names[algorithm] } });
        key.sign(json!({}), &claims(cnf))
    };
    let tokens = algorithms.map(bound);
    let wanted: Vec<_> = algorithms
        .iter()
        .zip(&tokens)
        .map(|(algorithm, token)| (*algorithm, token.as_str()))
        .collect();
    let proofs = clients.proofs(&wanted);
    for (token, proof) in tokens.iter().zip(&proofs) {
        let exchange = lab.send(request(token, proof));
        let arrived = exchange.passed();
        assert_eq!(arrived.header("x-auth-user-id").as_deref(), Some("u-1"));
        assert_eq!(arrived.header("authorization"), None);
        assert_eq!(arrived.header("dpop"), None);
        for _ in 0..16 {
            invalid_proof(
                &lab.send(request(token, proof)),
                "the proof was used before",
            );
        }
    }
    let counted = lab
        .envoy
        .stat("wasmcustom.auth_filter.denied.proof_replayed");
    assert_eq!(counted.unwrap(), 64);
    // A thief has the token, and may have seen a proof for another one.
    let stolen = &tokens[0];
    let bearer = lab.send(Request::get("/orders").bearer(stolen));
    assert_eq!(bearer.answer.status, 401);
    assert_eq!(
        bearer.answer.header_all("www-authenticate"),
        [
            "Bearer realm=\"api\", error=\"invalid_token\", error_description=\"the token is bound to a key and needs its proof\"",
            "DPoP realm=\"api\", algs=\"ES256 EdDSA PS256 RS256\"",
        ]
    );
    assert!(bearer.upstream.is_none());
    invalid_proof(
        &lab.send(request(stolen, &proofs[1])),
        "the proof is for another token",
    );
    let own = clients.proofs(&[("EdDSA", stolen)]);
    let exchange = lab.send(request(stolen, &own[0]));
    assert_eq!(exchange.answer.status, 401);
    let challenge = exchange.answer.header("www-authenticate").unwrap();
    assert!(
        challenge.ends_with(
            "error=\"invalid_token\", error_description=\"the token is bound to another key\""
        ),
        "{challenge}"
    );
    lab.is_sound();
}

#[test]
fn of_the_same_proofs_that_come_at_once_one_holds() {
    let key = SigningKey::es256("a");
    let issuer = Issuer::start(&[&key]).unwrap();
    let clients = Clients::with("keys");
    let lab = start(&issuer, json!({ "dpop": { "origins": [ORIGIN] } }), 4);
    let cnf = json!({ "cnf": { "jkt": clients.names["ES256"] } });
    let token = key.sign(json!({}), &claims(cnf));
    let proofs = clients.proofs(&vec![("ES256", token.as_str()); 20]);
    for proof in &proofs {
        let held = thread::scope(|scope| {
            let send = || {
                request(&token, proof)
                    .send(lab.envoy.addr())
                    .unwrap()
                    .status
            };
            let sent: Vec<_> = (0..8).map(|_| scope.spawn(send)).collect();
            let statuses = sent.into_iter().map(|sent| sent.join().unwrap());
            statuses.filter(|status| *status == 200).count()
        });
        assert_eq!(held, 1);
    }
    lab.is_sound();
}

#[test]
fn a_token_is_worth_nothing_on_a_connection_with_another_certificate() {
    let key = SigningKey::es256("a");
    let issuer = Issuer::start(&[&key]).unwrap();
    let clients = Clients::with("certificates");
    let mut policy = policy(&issuer, json!({}));
    policy["providers"]["users"]["proof_of_possession"] = json!({ "mtls": {} });
    let file = |name: &str| json!({ "filename": clients.folder.join(name) });
    let tls = json!({
        "name": "envoy.transport_sockets.tls",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext",
            "require_client_certificate": false,
            "common_tls_context": {
                "tls_certificates": [{ "certificate_chain": file("server.pem"), "private_key": file("server.key") }],
                "validation_context": { "trusted_ca": file("ca.pem") },
            },
        },
    });
    let mut strict = tls.clone();
    strict["typed_config"]["require_client_certificate"] = json!(true);
    let lab = Lab::start(&issuer, Filter::json(policy.clone()), |config| {
        config.and_listener(Filter::json(policy)).edit(|bootstrap| {
            for (index, tls) in [tls, strict].into_iter().enumerate() {
                let listener = &mut bootstrap["static_resources"]["listeners"][index];
                listener["filter_chains"][0]["transport_socket"] = tls;
            }
        })
    });
    let bound = key.sign(
        json!({}),
        &claims(json!({ "cnf": { "x5t#S256": clients.names["own"] } })),
    );
    let free = key.sign(json!({}), &claims(json!({})));
    let get = |listener: usize, client: &str, token: &str| {
        let url = format!("https://{}/orders", lab.envoy.addrs()[listener]);
        let bearer = format!("authorization: Bearer {token}");
        clients.ask("get", &[client, &url, &bearer])
    };
    for (listener, client, token, want) in [
        (1, "own", &bound, 200),
        (1, "other", &bound, 401),
        (1, "other", &free, 200),
        (0, "own", &bound, 200),
        (0, "-", &bound, 401),
        (0, "-", &free, 200),
        (0, "own", &bound, 200),
    ] {
        let said = get(listener, client, token);
        assert_eq!(said[0], want, "{listener} {client}: {said}");
        if want == 401 {
            let wrong = match client {
                "-" => "no certificate was shown",
                _ => "the token is bound to another certificate",
            };
            assert_eq!(
                said[2],
                format!(
                    "Bearer realm=\"api\", error=\"invalid_token\", error_description=\"{wrong}\""
                )
            );
        }
    }
    for reason in ["wrong_certificate", "certificate_missing"] {
        let counted = lab
            .envoy
            .stat(&format!("wasmcustom.auth_filter.denied.{reason}"));
        assert_eq!(counted.unwrap(), 1, "{reason}");
    }
    lab.is_sound();
}
