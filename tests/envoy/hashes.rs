//! Hashes of passwords in the proxy itself: each format, and the dearest of each that is taken.

use crate::lab::Lab;
use auth_filter::password::PasswordHash;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lab::client::Request;
use lab::envoy::Filter;
use lab::issuer::{Issuer, SigningKey};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

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
        "providers": { "ops": { "kind": "basic", "users": users, "throttle": { "attempts": 1000 }, "slow": true } },
        "limits": { "hash_time": "1h" },
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

/// Hashes of many sizes, of passwords that nobody knows.
const COSTS: [&str; 14] = [
    "$argon2id$v=19$m=4096,t=3,p=1$c29tZXNhbHRzb21lc2FsdA$Gpj7qOY5RCXJvcMzqcdQqvgR3wcPX7SleI4c9NtXk6E",
    "$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHRzb21lc2FsdA$Gpj7qOY5RCXJvcMzqcdQqvgR3wcPX7SleI4c9NtXk6E",
    "$argon2id$v=19$m=65536,t=1,p=4$c29tZXNhbHRzb21lc2FsdA$Gpj7qOY5RCXJvcMzqcdQqvgR3wcPX7SleI4c9NtXk6E",
    "$argon2id$v=19$m=65536,t=3,p=1$c29tZXNhbHRzb21lc2FsdA$Gpj7qOY5RCXJvcMzqcdQqvgR3wcPX7SleI4c9NtXk6E",
    "$2b$06$txJm4lExur7OaKVvyiBUZ.LercUAG2Vzb6jlSloHt6FmQodT9Ict.",
    "$2b$10$txJm4lExur7OaKVvyiBUZ.LercUAG2Vzb6jlSloHt6FmQodT9Ict.",
    "$2b$12$txJm4lExur7OaKVvyiBUZ.LercUAG2Vzb6jlSloHt6FmQodT9Ict.",
    "$scrypt$ln=12,r=8,p=1$AAECAwQFBgcICQoLDA0ODw$GuycCvOvBXSyXn7+nY+Swhtoa6EmqeqlyFxEbPOez5o",
    "$scrypt$ln=14,r=8,p=2$AAECAwQFBgcICQoLDA0ODw$GuycCvOvBXSyXn7+nY+Swhtoa6EmqeqlyFxEbPOez5o",
    "$scrypt$ln=16,r=8,p=1$AAECAwQFBgcICQoLDA0ODw$GuycCvOvBXSyXn7+nY+Swhtoa6EmqeqlyFxEbPOez5o",
    "$pbkdf2-sha256$i=50000,l=32$AAECAwQFBgcICQoLDA0ODw$JeuGrMduQwGPGLmo+Qwv7UYtHHmeg9SK49fGkEamC2c",
    "$pbkdf2-sha256$i=300000,l=64$AAECAwQFBgcICQoLDA0ODw$x05AgND7tB/uWGjA/2D9dayuJjghWYfl/1T46uIRM5ta0a9uOHvBLdOnC7blqQEIFBxfCONToumEQ5pDM8Qtbg",
    "$pbkdf2-sha512$i=20000,l=64$AAECAwQFBgcICQoLDA0ODw$x05AgND7tB/uWGjA/2D9dayuJjghWYfl/1T46uIRM5ta0a9uOHvBLdOnC7blqQEIFBxfCONToumEQ5pDM8Qtbg",
    "$pbkdf2-sha512$i=200000,l=64$AAECAwQFBgcICQoLDA0ODw$x05AgND7tB/uWGjA/2D9dayuJjghWYfl/1T46uIRM5ta0a9uOHvBLdOnC7blqQEIFBxfCONToumEQ5pDM8Qtbg",
];

#[test]
fn a_hash_costs_what_is_charged_for_it() {
    let users: serde_json::Map<String, Value> = COSTS
        .iter()
        .enumerate()
        .map(|(index, hash)| (format!("u{index}"), json!({ "password_hash": hash })))
        .collect();
    let policy = json!({
        "providers": { "ops": { "kind": "basic", "users": users, "throttle": { "attempts": 1000 }, "slow": true } },
        "rules": [{ "match": {}, "require": "user" }],
        "limits": { "hash_time": "1h" },
    });
    let issuer = Issuer::start(&[&SigningKey::es256("a")]).unwrap();
    let lab = Lab::start(&issuer, Filter::json(policy), |config| config);
    let cpu = || lab::load::usage(lab.envoy.id()).unwrap().cpu;
    // The time on a CPU, not on the clock: other work on the machine does not count.
    let taken = |name: &str| {
        let guesses = (0..4).map(|guess| {
            let before = cpu();
            let answer = lab.send(login(name, &format!("guess-{guess}"))).answer;
            assert_eq!(answer.status, 401, "{name}");
            cpu().saturating_sub(before).as_secs_f64() * 1e6
        });
        guesses.fold(f64::INFINITY, f64::min)
    };
    let rows: Vec<(&str, f64, f64)> = COSTS
        .iter()
        .enumerate()
        .map(|(index, hash)| {
            let charged = f64::from(PasswordHash::parse(hash).unwrap().cost());
            (*hash, charged, taken(&format!("u{index}")))
        })
        .collect();
    let mut ratios: Vec<f64> = rows
        .iter()
        .map(|(_, charged, taken)| taken / charged)
        .collect();
    ratios.sort_by(f64::total_cmp);
    let machine = ratios[ratios.len() / 2];
    let table: Vec<String> = rows
        .iter()
        .map(|(hash, charged, taken)| format!("{:.46} {charged} {taken:.0}", hash))
        .collect();
    let table = format!(
        "this machine takes {machine:.2} of what is charged\n{}",
        table.join("\n")
    );
    println!("{table}");
    // A machine that is faster or slower than the benchmark's is so for all of them.
    assert!((0.25..4.0).contains(&machine), "{table}");
    let wrong = |ratio: &f64| !(0.5..1.5).contains(&(ratio / machine));
    assert!(!ratios.iter().any(wrong), "{table}");
}
