//! What a VM takes in memory at the most: everything that it keeps, filled at once with the largest that it takes.

use std::rc::Rc;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use lab::issuer::SigningKey;
use serde_json::{Value, json};

use crate::fixture::START;
use crate::message::Request;
use crate::personality::Personality;
use crate::process::Process;
use crate::world::{Reply, World};

/// What the module may take with the limits that hold where a configuration names none.
const MOST: usize = 128 << 20;
/// The longest answer that is read, less what stands around its bulk.
const ANSWER: usize = (256 << 10) - 1000;

fn fullest() -> Value {
    serde_json::from_str(include_str!("../configurations/fullest.json")).unwrap()
}

/// A list of names of about so many bytes in all, of the length that takes most memory for its text.
fn bulk(bytes: usize) -> Vec<String> {
    (0..bytes / 9).map(|at| format!("{at:06}")).collect()
}

/// The public half of the key of a curve whose private half is a number.
fn jwk(number: u16) -> Value {
    let [high, low] = number.to_be_bytes();
    let scalar = |length: usize| {
        let mut bytes = vec![0; length];
        bytes[length - 20] = 1;
        bytes[length - 2..].copy_from_slice(&[high, low]);
        bytes
    };
    let (curve, point) = match number % 3 {
        0 => {
            let key = p256::ecdsa::SigningKey::from_slice(&scalar(32)).unwrap();
            (
                "P-256",
                key.verifying_key().to_sec1_point(false).as_bytes().to_vec(),
            )
        }
        1 => {
            let key = p384::ecdsa::SigningKey::from_slice(&scalar(48)).unwrap();
            (
                "P-384",
                key.verifying_key().to_sec1_point(false).as_bytes().to_vec(),
            )
        }
        _ => {
            let key = p521::ecdsa::SigningKey::from_slice(&scalar(66)).unwrap();
            let point = p521::ecdsa::VerifyingKey::from(&key).to_sec1_point(false);
            ("P-521", point.as_bytes().to_vec())
        }
    };
    let (x, y) = point[1..].split_at(point.len() / 2);
    json!({
        "kty": "EC", "crv": curve, "kid": format!("k{number}"), "use": "sig",
        "x": URL_SAFE_NO_PAD.encode(x), "y": URL_SAFE_NO_PAD.encode(y),
    })
}

/// Eight issuers of 256 keys each, one of which signs.
fn serve_keys(world: &mut World, key: &SigningKey) {
    let mut keys = vec![key.jwk()];
    keys.extend((1..256).map(jwk));
    let set = Rc::new(json!({ "keys": keys }));
    for issuer in 1..=8 {
        let set = Rc::clone(&set);
        let uri = format!("https://idp.internal/{issuer}/jwks.json");
        world.serve(&uri, move |_| Reply::json(200, &set));
    }
}

fn serve_bulk(world: &mut World) {
    let list = Rc::new(bulk(ANSWER));
    for name in ["groups", "roles", "permissions"] {
        let list = Rc::clone(&list);
        world.serve(&format!("https://people.internal/{name}"), move |_| {
            Reply::json(200, &json!({ name: *list }))
        });
    }
    let claims = json!({ "active": true, "sub": "alice", "aud": "orders", "exp": *START + 6000, "groups": *list });
    world.serve("https://idp.internal/introspect", move |flight| {
        if flight.body.starts_with(b"token=silent") {
            Reply::Silent
        } else {
            Reply::json(200, &claims)
        }
    });
    let (long, short) = (
        json!({ "sub": "alice", "groups": *list }),
        json!({ "sub": "bob" }),
    );
    world.serve("https://idp.internal/verify", move |flight| {
        let is_long = String::from_utf8_lossy(&flight.body).contains("long");
        Reply::json(200, if is_long { &long } else { &short })
    });
    world.serve("https://pdp.internal/evaluation", |_| {
        Reply::json(200, &json!({ "decision": true }))
    });
    world.serve("https://pdp.internal/evaluations", |_| Reply::Silent);
}

fn token(key: &SigningKey, issuer: usize, subject: usize, claims: usize) -> String {
    let claims = json!({
        "iss": format!("https://issuer-{issuer}.example"), "aud": "orders", "sub": format!("user-{subject}"),
        "iat": *START, "exp": *START + 6000, "tenant": "t", "groups": bulk(claims),
    });
    key.sign(json!({}), &claims)
}

/// Asks, and lets no more time pass than that needs.
fn ask(process: &mut Process, request: Request, status: u16) {
    let id = process.ask(request);
    let log = process.world().log.clone();
    assert_eq!(
        process.status(id),
        status,
        "{:?}",
        &log[log.len().saturating_sub(12)..]
    );
    process.forget(id);
}

struct Filled {
    process: Process,
    peaks: Vec<(&'static str, usize)>,
}

impl Filled {
    fn start() -> Self {
        let key = SigningKey::es256_seeded("a", 1);
        let process = Process::start_with(Personality::Envoy, 1, &fullest(), |world| {
            // As much as Envoy gives.
            world.memory = 1 << 30;
            serve_keys(world, &key);
            serve_bulk(world);
        });
        Self {
            process,
            peaks: Vec::new(),
        }
    }

    fn note(&mut self, what: &'static str) {
        let memory = self.process.vm(0).memory();
        self.peaks.push((what, memory >> 20));
        assert!(memory <= MOST, "MiB: {:?}", self.peaks);
        self.process.is_sound();
    }
}

#[test]
fn all_that_a_vm_keeps_fits_whatever_it_is_told() {
    let key = SigningKey::es256_seeded("a", 1);
    let forger = SigningKey::es256_seeded("a", 2);
    let mut filled = Filled::start();
    filled.note("started");
    for issuer in 1..=8 {
        let token = token(&key, issuer, 0, 100);
        ask(
            &mut filled.process,
            Request::get("/plain").bearer(&token),
            200,
        );
    }
    filled.note("keys");
    for number in 0..1200 {
        let token = token(&key, number % 7 + 1, number, 9_000);
        ask(
            &mut filled.process,
            Request::get("/plain").bearer(&token),
            200,
        );
    }
    filled.note("tokens");
    for number in 0..3000 {
        let garbage = token(&forger, 1, number, 10);
        ask(
            &mut filled.process,
            Request::get("/plain").bearer(&garbage),
            401,
        );
        if number % 50 == 0 {
            filled.process.pass(1000);
        }
    }
    filled.note("refused tokens");
    for number in 0..60 {
        let opaque = format!("opaque-{number}");
        ask(
            &mut filled.process,
            Request::get("/opaque").header("x-opaque", opaque),
            200,
        );
    }
    filled.note("introspection");
    for number in 0..30 {
        let token = token(&key, number % 7 + 1, number, 9_000);
        ask(
            &mut filled.process,
            Request::get("/listed").bearer(&token),
            200,
        );
        ask(
            &mut filled.process,
            Request::get("/decided").bearer(&token),
            200,
        );
    }
    filled.note("directories");
    for number in 0..2_000 {
        let wrong = STANDARD.encode(format!("user-{number}:wrong"));
        let request = Request::get("/people").header("authorization", format!("Basic {wrong}"));
        ask(&mut filled.process, request, 401);
    }
    for number in 0..4_040 {
        let name = if number < 40 { "long" } else { "user" };
        let right = STANDARD.encode(format!("{name}-{number}:right"));
        let request = Request::get("/legacy").header("authorization", format!("Basic {right}"));
        ask(&mut filled.process, request, 200);
    }
    filled.note("passwords");
    // More than may wait, each with a head as long as Envoy lets it be.
    let mut held = Vec::new();
    for number in 0..1100 {
        let request = Request::get("/opaque")
            .header(
                "x-opaque",
                format!("silent-{number}-{}", "x".repeat(12_000)),
            )
            .header("x-bulk", "x".repeat(40_000));
        held.push(filled.process.send(request));
    }
    filled.note("held requests");
    let waiting = held
        .iter()
        .filter(|id| filled.process.status(**id) == 0)
        .count();
    assert!((64..1024).contains(&waiting), "{waiting} wait");
    // And all of it serves.
    let token = token(&key, 1, 5000, 9_000);
    ask(
        &mut filled.process,
        Request::get("/plain").bearer(&token),
        200,
    );
    filled.process.pass(11_000);
    for id in held {
        assert_eq!(filled.process.status(id), 503);
    }
    filled.note("given up");
    println!("MiB of memory: {:?}", filled.peaks);
}

/// What ended a worker: many opaque tokens of one subject, each with a long answer.
#[test]
fn answers_of_30_kilobytes_do_not_fill_a_vm() {
    let mut filled = Filled::start();
    filled.process.world_mut().serve("https://idp.internal/introspect", |_| {
        let groups = bulk(30_000);
        Reply::json(200, &json!({ "active": true, "sub": "alice", "aud": "orders", "groups": groups, "more": groups }))
    });
    for number in 0..600 {
        let opaque = format!("opaque-{number}");
        ask(
            &mut filled.process,
            Request::get("/opaque").header("x-opaque", opaque),
            200,
        );
    }
    filled.note("answers of 30 KB");
}
