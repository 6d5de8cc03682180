//! Hashes of passwords in the proxy itself: each format, and the dearest of each that is taken.

use crate::lab::Lab;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use xtask::client::Request;
use xtask::envoy::Filter;
use xtask::issuer::{Issuer, SigningKey};

/// By other implementations, each of "password".
const KNOWN: [(&str, &str); 8] = [
    (
        "argon2id",
        "$argon2id$v=19$m=64,t=2,p=1$c29tZXNhbHRzb21lc2FsdA$Gpj7qOY5RCXJvcMzqcdQqvgR3wcPX7SleI4c9NtXk6E",
    ),
    (
        "bcrypt-a",
        "$2a$04$JVNVeuP9v2.cw0yKCvsaFO6Ret27Nj8FJl.E1mG6xtKRsyWUtRMrK",
    ),
    (
        "bcrypt-b",
        "$2b$04$txJm4lExur7OaKVvyiBUZ.LercUAG2Vzb6jlSloHt6FmQodT9Ict.",
    ),
    (
        "scrypt",
        "$scrypt$ln=4,r=8,p=1$AAECAwQFBgcICQoLDA0ODw$SifLA7K0t5yM6JUFWSfwEu2b21TUGoi7m1p3x7fgMoI",
    ),
    (
        "pbkdf2-sha256",
        "$pbkdf2-sha256$i=1000,l=32$AAECAwQFBgcICQoLDA0ODw$JeuGrMduQwGPGLmo+Qwv7UYtHHmeg9SK49fGkEamC2c",
    ),
    (
        "pbkdf2-sha512",
        "$pbkdf2-sha512$i=1000,l=64$AAECAwQFBgcICQoLDA0ODw$x05AgND7tB/uWGjA/2D9dayuJjghWYfl/1T46uIRM5ta0a9uOHvBLdOnC7blqQEIFBxfCONToumEQ5pDM8Qtbg",
    ),
    (
        "pbkdf2-hex",
        "pbkdf2_sha256$1000$000102030405060708090a0b0c0d0e0f$25eb86acc76e43018f18b9a8f90c2fed462d1c799e83d48ae3d7c69046a60b67",
    ),
    (
        "sha256",
        "5e884898da28047151d0e56f8dc6292773603d0d6aabbdd62a11ef721d1542d8",
    ),
];

/// As dear as a hash may be, and of a password that nobody knows.
const DEAREST: [(&str, &str); 5] = [
    (
        "argon2id-dear",
        "$argon2id$v=19$m=65536,t=3,p=1$c29tZXNhbHRzb21lc2FsdA$Gpj7qOY5RCXJvcMzqcdQqvgR3wcPX7SleI4c9NtXk6E",
    ),
    (
        "bcrypt-dear",
        "$2b$12$txJm4lExur7OaKVvyiBUZ.LercUAG2Vzb6jlSloHt6FmQodT9Ict.",
    ),
    (
        "scrypt-dear",
        "$scrypt$ln=16,r=8,p=1$AAECAwQFBgcICQoLDA0ODw$GuycCvOvBXSyXn7+nY+Swhtoa6EmqeqlyFxEbPOez5o",
    ),
    (
        "pbkdf2-sha256-dear",
        "$pbkdf2-sha256$i=600000,l=32$AAECAwQFBgcICQoLDA0ODw$JeuGrMduQwGPGLmo+Qwv7UYtHHmeg9SK49fGkEamC2c",
    ),
    (
        "pbkdf2-sha512-dear",
        "$pbkdf2-sha512$i=400000,l=64$AAECAwQFBgcICQoLDA0ODw$x05AgND7tB/uWGjA/2D9dayuJjghWYfl/1T46uIRM5ta0a9uOHvBLdOnC7blqQEIFBxfCONToumEQ5pDM8Qtbg",
    ),
];

fn login(name: &str, password: &str) -> Request {
    let pair = STANDARD.encode(format!("{name}:{password}"));
    Request::get("/").header("authorization", format!("Basic {pair}"))
}

#[test]
fn each_format_opens_and_the_dearest_blocks_a_worker_for_a_moment_only() {
    let users: serde_json::Map<String, Value> = KNOWN
        .iter()
        .chain(&DEAREST)
        .map(|(name, hash)| ((*name).to_owned(), json!({ "password_hash": hash })))
        .collect();
    let policy = json!({
        "providers": { "ops": { "kind": "basic", "users": users, "throttle": { "attempts": 1000 } } },
        "rules": [{ "match": {}, "require": "user" }],
    });
    let issuer = Issuer::start(&[&SigningKey::es256("a")]).unwrap();
    let lab = Lab::start(&issuer, Filter::json(policy), |config| config);
    for (name, _) in KNOWN {
        let seen = lab.send(login(name, "password"));
        assert_eq!(
            seen.passed().header("x-auth-user-id").as_deref(),
            Some(name)
        );
        for wrong in ["Password", "password ", ""] {
            assert_eq!(lab.send(login(name, wrong)).answer.status, 401, "{name}");
        }
    }
    for (name, _) in DEAREST {
        let start = Instant::now();
        assert_eq!(
            lab.send(login(name, "password")).answer.status,
            401,
            "{name}"
        );
        let took = start.elapsed();
        println!("{name}: {took:?}");
        assert!(took < Duration::from_secs(5), "{name}: {took:?}");
        // The same again is known to be wrong.
        let start = Instant::now();
        assert_eq!(
            lab.send(login(name, "password")).answer.status,
            401,
            "{name}"
        );
        assert!(
            start.elapsed() < took.max(Duration::from_millis(50)),
            "{name}"
        );
    }
    lab.is_sound();
}
