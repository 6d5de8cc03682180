//! Names and passwords, API keys, and services that verify either.

use crate::lab::{Exchange, Lab};
use base64::Engine as _;
use lab::client::Request;
use lab::echo::Echo;
use lab::envoy::{EnvoyConfig, Filter};
use lab::issuer::{Issuer, SigningKey};
use lab::server::{Answer, Received, Server};
use lab::tools;
use serde_json::{Value, json};
use std::sync::LazyLock;
use std::time::{Duration, Instant};

/// By other implementations: "password".
const ARGON2ID: &str = "$argon2id$v=19$m=19456,t=2,p=1$YR6JZdZXaH6sPD98xDaMew$LWKxR41HtjvxmEUZ4aSr3m9Rb6sfeJ1bP+PRZlGLaLw";
const BCRYPT: &str = "$2b$04$txJm4lExur7OaKVvyiBUZ.LercUAG2Vzb6jlSloHt6FmQodT9Ict.";
/// SHA-256 of "ak_partner".
const KEY: &str = "ak_partner";

static SCENE: LazyLock<Scene> = LazyLock::new(Scene::start);

struct Scene {
    lab: Lab,
    key: SigningKey,
    verifier: Server,
    issuer: Issuer,
}

/// Knows carol's password and one key, and nobody else.
fn verify(request: &Received) -> Option<Answer> {
    let asked: Value = serde_json::from_slice(&request.body).unwrap();
    let carol = json!({ "sub": "c-1", "name": "Carol", "groups": ["remote"] });
    let known = [
        json!({ "kind": "basic", "username": "carol", "password": "secret:with:colons" }),
        json!({ "kind": "api_key", "key": "ak_remote" }),
        json!({ "kind": "token", "token": "session-1" }),
        json!({ "kind": "token", "token": "s%3A1.a:b" }),
        json!({ "kind": "api_key", "key": "k:{1}!" }),
    ];
    Some(if asked["username"] == "down" {
        Answer::text(500, "no")
    } else if asked["username"] == "nobody" {
        Answer::json(200, &json!({ "error": "no such user" }))
    } else if known.contains(&asked) {
        Answer::json(200, &carol)
    } else {
        Answer::text(401, "no")
    })
}

fn policy(issuer: &Issuer, attempts: u32) -> Value {
    let digest = |text: &str| {
        use sha2::Digest as _;
        let hex: String = sha2::Sha256::digest(text)
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        format!("sha256:{hex}")
    };
    let verify = json!({ "uri": "http://verifier/check", "upstream": "verifier" });
    let rule = |name: &str, require: Value| json!({ "name": name, "match": { "path_prefix": format!("/{name}") }, "require": require });
    json!({
        "providers": {
            "ops": {
                "kind": "basic", "realm": "operations",
                "throttle": { "attempts": attempts, "per": "1h" },
                "users": {
                    "alice": { "password_hash": ARGON2ID, "name": "Alice", "groups": ["ops"], "email": "alice@example.com" },
                    "bob": { "password_hash": BCRYPT },
                    "old": { "password_hash": "5e884898da28047151d0e56f8dc6292773603d0d6aabbdd62a11ef721d1542d8" },
                },
            },
            "remote": { "kind": "basic", "verify": verify, "throttle": { "attempts": attempts } },
            "users": crate::lab::provider(issuer, json!({})),
            "partners": {
                "kind": "api_key",
                "keys": {
                    "acme": { "digest": digest(KEY), "groups": ["partner"], "scopes": ["orders:read"] },
                    "gone": { "digest": digest("ak_gone"), "expires_at": "2020-01-01T00:00:00Z" },
                },
            },
            "remote_keys": { "kind": "api_key", "verify": verify, "from_params": ["key"] },
            "sessions": { "kind": "http", "verify": verify, "from_cookies": ["sid"] },
        },
        "rules": [
            rule("ops", json!({ "provider": "ops", "groups": ["ops"] })),
            rule("any-ops", json!({ "provider": "ops" })),
            rule("remote", json!({ "provider": "remote" })),
            rule("both", json!({ "any": [{ "provider": "users" }, { "provider": "ops" }] })),
            rule("partner", json!({ "provider": "partners", "scopes": ["orders:read"] })),
            rule("key", json!({ "provider": "remote_keys" })),
            rule("session", json!({ "provider": "sessions", "groups": ["remote"] })),
        ],
        "client_address": "proxy",
        // Many tests sign in at once.
        "limits": { "hash_time": "1h" },
    })
}

impl Scene {
    fn start() -> Self {
        let key = SigningKey::es256("a");
        let issuer = Issuer::start(&[&key]).unwrap();
        let verifier = Server::start(verify).unwrap();
        let echo = Echo::start().unwrap();
        let envoy = EnvoyConfig::new(tools::wasm().unwrap(), Filter::json(policy(&issuer, 100)))
            .upstream(echo.addr())
            .cluster("idp", issuer.addr())
            .cluster("verifier", verifier.addr())
            .start()
            .unwrap();
        Self {
            lab: Lab { envoy, echo },
            key,
            verifier,
            issuer,
        }
    }
}

fn basic(path: &str, name: &str, password: &str) -> Request {
    let pair = base64::engine::general_purpose::STANDARD.encode(format!("{name}:{password}"));
    Request::get(path).header("authorization", format!("basic {pair}"))
}

#[track_caller]
fn sent(request: Request) -> Exchange {
    SCENE.lab.send(request)
}

/// Asserts a refusal: status, all challenges, detail.
#[track_caller]
fn refused(seen: &Exchange, status: u16, challenges: &[&str], detail: &str) {
    assert_eq!(seen.answer.status, status, "{}", seen.answer.text());
    assert_eq!(seen.answer.header_all("www-authenticate"), challenges);
    assert_eq!(seen.answer.json().unwrap(), json!({ "detail": detail }));
    assert!(seen.upstream.is_none());
}

const OPS: &str = "Basic realm=\"operations\"";
const BEARER: &str = "Bearer realm=\"api\"";

#[test]
fn a_password_opens_and_is_not_handed_on() {
    let seen = sent(basic("/ops", "alice", "password"));
    let passed = seen.passed();
    for (name, want) in [
        ("x-auth-user-id", Some("alice")),
        ("x-auth-user-name", Some("Alice")),
        ("x-auth-user-email", Some("alice@example.com")),
        ("x-auth-groups", Some("ops")),
        ("x-auth-provider", Some("ops")),
        ("authorization", None),
    ] {
        assert_eq!(passed.header(name).as_deref(), want, "{name}");
    }
    sent(basic("/any-ops", "bob", "password")).passed();
    sent(basic("/any-ops", "old", "password")).passed();
    refused(
        &sent(basic("/ops", "bob", "password")),
        403,
        &[],
        "Operation not allowed",
    );
}

#[test]
fn what_opens_nothing_is_refused_alike() {
    refused(
        &sent(Request::get("/ops")),
        401,
        &[OPS],
        "Authentication required",
    );
    for (name, password) in [
        ("nobody", "password"),
        ("", ""),
        ("alice2", "password"),
        ("Alice", "password"),
    ] {
        refused(
            &sent(basic("/any-ops", name, password)),
            401,
            &[OPS],
            "Invalid credentials",
        );
    }
    for credentials in [
        "Basic !",
        "Basic YWxpY2U",
        "Basic YWxpY2U=",
        "Basic /////w==",
    ] {
        let seen = sent(Request::get("/ops").header("authorization", credentials));
        refused(&seen, 401, &[OPS], "Invalid credentials");
    }
    let seen = sent(Request::get("/ops").header("authorization", "Basic"));
    refused(&seen, 400, &[OPS], "Malformed credentials");
    // A scheme that no provider of the rule understands is none.
    let seen = sent(Request::get("/ops").bearer("a.b.c"));
    refused(&seen, 401, &[OPS], "Authentication required");
}

#[test]
fn a_route_can_take_both_and_says_so() {
    let seen = sent(Request::get("/both"));
    refused(&seen, 401, &[BEARER, OPS], "Authentication required");
    sent(basic("/both", "bob", "password")).passed();
    let token = SCENE.key.sign(json!({}), &crate::lab::claims(json!({})));
    let seen = sent(Request::get("/both").bearer(&token));
    assert_eq!(
        seen.passed().header("x-auth-provider").as_deref(),
        Some("users")
    );
    let expired = SCENE
        .key
        .sign(json!({}), &crate::lab::claims(json!({ "exp": 1 })));
    sent(Request::get("/both").bearer(&expired)).invalid_token("the token has expired");
    let seen = sent(basic("/both", "nobody-at-all", "password"));
    refused(&seen, 401, &[OPS], "Invalid credentials");
}

/// An Envoy of its own: the guesses of a test come from the address of all other tests.
fn own_lab(policy: Value, verifier: &Server) -> Lab {
    let issuer = Issuer::start(&[&SCENE.key]).unwrap();
    Lab::start(&issuer, Filter::json(policy), |config| {
        config
            .cluster("verifier", verifier.addr())
            .edit(|bootstrap| {
                // X-Forwarded-For is the address, so that a test can come from anywhere.
                let manager = bootstrap.pointer_mut(
                    "/static_resources/listeners/0/filter_chains/0/filters/0/typed_config",
                );
                manager.unwrap()["use_remote_address"] = json!(false);
            })
    })
}

fn own_policy(attempts: u32) -> Value {
    policy(&SCENE.issuer, attempts)
}

#[track_caller]
fn throttled(seen: &Exchange, waits: std::ops::RangeInclusive<u32>) {
    refused(seen, 429, &[], "Too many requests");
    let wait: u32 = seen.answer.header("retry-after").unwrap().parse().unwrap();
    assert!(waits.contains(&wait), "{wait}");
}

#[test]
fn guessing_ends_where_it_comes_from_and_locks_nobody_out() {
    let verifier = Server::start(verify).unwrap();
    let lab = own_lab(own_policy(3), &verifier);
    let at = |address: &str, name: &str, password: &str| {
        lab.send(basic("/any-ops", name, password).header("x-forwarded-for", address))
    };
    at("10.0.0.1", "bob", "password").passed();
    for guess in ["guess", "guess", "other"] {
        let seen = at("10.0.0.9", "bob", guess);
        refused(&seen, 401, &[OPS], "Invalid credentials");
    }
    // What is remembered tells nothing to who has guessed enough.
    for password in ["guess", "password", "never tried"] {
        throttled(&at("10.0.0.9", "bob", password), 3500..=3600);
    }
    at("10.0.0.1", "bob", "password").passed();
    at("10.0.0.2", "bob", "password").passed();
    at("10.0.0.9", "alice", "password").passed();
    for (reason, count) in [("bad_password", 3), ("throttled", 3)] {
        let stat = format!("wasmcustom.auth_filter.denied.{reason}");
        assert_eq!(lab.envoy.stat(&stat).unwrap(), count, "{reason}");
    }
    // A service's passwords are counted alike.
    let remote = |address: &str, password: &str| {
        lab.send(basic("/remote", "carol", password).header("x-forwarded-for", address))
    };
    remote("10.0.0.1", "secret:with:colons").passed();
    for guess in 0..3 {
        let seen = remote("10.0.0.9", &format!("guess-{guess}"));
        assert_eq!(seen.answer.status, 401);
    }
    let asked = verifier.count();
    throttled(&remote("10.0.0.9", "secret:with:colons"), 1..=60);
    throttled(&remote("10.0.0.9", "guess-4"), 1..=60);
    assert_eq!(verifier.count(), asked);
    remote("10.0.0.1", "secret:with:colons").passed();
    lab.is_sound();
}

#[test]
fn without_addresses_guesses_wait_for_their_turn() {
    let verifier = Server::start(verify).unwrap();
    let mut policy = own_policy(3);
    policy["client_address"] = json!("none");
    let lab = own_lab(policy, &verifier);
    for (path, name, password) in [
        ("/any-ops", "old", "password"),
        ("/remote", "carol", "secret:with:colons"),
    ] {
        for guess in 0..3 {
            let seen = lab.send(basic(path, name, &format!("guess-{guess}")));
            assert_eq!(seen.answer.status, 401, "{name}");
        }
        for (password, want) in [("more", 401), (password, 200)] {
            let start = Instant::now();
            let seen = lab.send(basic(path, name, password));
            assert_eq!(seen.answer.status, want, "{name} {}", seen.answer.text());
            let took = start.elapsed();
            assert!(took >= Duration::from_millis(900), "{name} {took:?}");
        }
        // Now it is known to be right, and passes at once.
        let start = Instant::now();
        lab.send(basic(path, name, password)).passed();
        assert!(start.elapsed() < Duration::from_millis(900), "{name}");
    }
    lab.is_sound();
}

#[test]
fn hashes_have_a_time_and_who_is_signed_in_does_not_notice() {
    let verifier = Server::start(verify).unwrap();
    let mut policy = own_policy(1000);
    policy["limits"] = json!({ "hash_time": "100ms" });
    let lab = own_lab(policy, &verifier);
    let at = |address: &str, name: &str, password: &str| {
        lab.send(basic("/any-ops", name, password).header("x-forwarded-for", address))
    };
    at("10.0.0.1", "alice", "password").passed();
    let mut refusals = 0;
    for guess in 0..40 {
        let seen = at("10.0.0.9", "alice", &format!("guess-{guess}"));
        match seen.answer.status {
            401 => {}
            429 => {
                throttled(&seen, 1..=2);
                refusals += 1;
            }
            status => panic!("{status}"),
        }
        at("10.0.0.1", "alice", "password").passed();
    }
    assert!(refusals >= 20, "{refusals}");
    let stat = "wasmcustom.auth_filter.denied.hashes_throttled";
    assert_eq!(lab.envoy.stat(stat).unwrap(), refusals);
    lab.is_sound();
}

#[test]
fn a_service_verifies_passwords_keys_and_sessions() {
    let carol = |seen: &Exchange| {
        assert_eq!(
            seen.passed().header("x-auth-user-id").as_deref(),
            Some("c-1")
        );
        assert_eq!(
            seen.passed().header("x-auth-user-name").as_deref(),
            Some("Carol")
        );
    };
    let before = SCENE.verifier.count();
    for _ in 0..3 {
        carol(&sent(basic("/remote", "carol", "secret:with:colons")));
    }
    assert_eq!(SCENE.verifier.count(), before + 1, "one question");
    refused(
        &sent(basic("/remote", "carol", "guess")),
        401,
        &["Basic realm=\"remote\""],
        "Invalid credentials",
    );
    sent(basic("/remote", "down", "x")).unavailable();
    // Who says 200 and no name has said nothing.
    sent(basic("/remote", "nobody", "x")).unavailable();
    let seen = sent(Request::get("/key?a=1&key=ak_remote&b=2"));
    carol(&seen);
    assert_eq!(seen.passed().target, "/key?a=1&b=2");
    carol(&sent(Request::get("/key?key=k:%7B1%7D!")));
    carol(&sent(
        Request::get("/session").header("cookie", "sid=session-1"),
    ));
    carol(&sent(
        Request::get("/session").header("cookie", "sid=s%3A1.a:b; theme=dark"),
    ));
    let seen = sent(Request::get("/session").header("cookie", "sid=session-2"));
    seen.invalid_token("the token is not active");
}

#[test]
fn an_api_key_opens_until_it_ends() {
    let seen = sent(Request::get("/partner").header("x-api-key", KEY));
    let passed = seen.passed();
    assert_eq!(passed.header("x-auth-user-id").as_deref(), Some("acme"));
    assert_eq!(passed.header("x-auth-groups").as_deref(), Some("partner"));
    assert_eq!(passed.header("x-api-key"), None);
    const API_KEY: &str = "ApiKey realm=\"api\"";
    refused(
        &sent(Request::get("/partner")),
        401,
        &[API_KEY],
        "Authentication required",
    );
    for wrong in ["ak_gone", "ak_partne", "AK_PARTNER"] {
        let seen = sent(Request::get("/partner").header("x-api-key", wrong));
        refused(&seen, 401, &[API_KEY], "Invalid credentials");
    }
    let twice = Request::get("/partner")
        .header("x-api-key", KEY)
        .header("x-api-key", KEY);
    refused(&sent(twice), 400, &[API_KEY], "Malformed credentials");
}

#[test]
fn a_name_that_nobody_has_takes_the_time_of_one_that_somebody_has() {
    let issuer = Issuer::start(&[&SCENE.key]).unwrap();
    let policy = json!({
        "providers": { "ops": {
            "kind": "basic", "throttle": { "attempts": 1000 }, "users": { "alice": { "password_hash": ARGON2ID } },
        } },
        "rules": [{ "match": {}, "require": "user" }],
        "limits": { "hash_time": "1h" },
    });
    let lab = Lab::start(&issuer, Filter::json(policy), |config| config);
    // The time on a CPU, not on the clock: other work on the machine does not count.
    let cpu = || lab::load::usage(lab.envoy.id()).unwrap().cpu;
    let fastest = |name: &str| {
        let times = (0..7).map(|attempt| {
            let before = cpu();
            let seen = lab.send(basic("/", name, &format!("guess-{attempt}")));
            assert_eq!(seen.answer.status, 401);
            cpu().saturating_sub(before)
        });
        times.min().unwrap()
    };
    let (known, unknown) = (fastest("alice"), fastest("nobody"));
    assert!(
        unknown * 2 > known && known * 2 > unknown,
        "{known:?} and {unknown:?}"
    );
}
