//! Bytes that no ordinary client sends: each gets a defined answer, and the VM lives on.

use crate::lab::{Exchange, Lab, SHARED, policy};
use lab::client::{Request, send_raw};
use lab::envoy::{EnvoyConfig, Filter};
use lab::issuer::Issuer;
use serde_json::json;
use std::time::Duration;

/// Asserts that the filter or Envoy itself has refused, and that a good request still passes.
#[track_caller]
fn is_withstood(what: &str, seen: &Exchange) {
    let status = seen.answer.status;
    assert!(
        (400..500).contains(&status) && seen.upstream.is_none(),
        "{what}: {status} {}",
        seen.answer.text()
    );
}

#[track_caller]
fn good_requests_still_pass() {
    let token = SHARED.token(json!({}));
    // More requests than there are workers, each on a connection of its own.
    for _ in 0..6 {
        SHARED.send(Request::get("/user").bearer(&token)).passed();
    }
    SHARED.lab.is_sound();
}

#[test]
fn no_byte_of_a_credential_does_harm() {
    let token = SHARED.token(json!({}));
    for byte in (1..=255).filter(|byte| !b"\r\n".contains(byte)) {
        let byte = [byte];
        let values: [Vec<u8>; 4] = [
            [b"Bearer ", &byte[..]].concat(),
            [b"Bearer a.", &byte[..], b".c"].concat(),
            [b"Bearer", &byte[..], b"a.b.c"].concat(),
            [&byte[..], b"earer a.b.c"].concat(),
        ];
        for value in values {
            let seen = SHARED.send(Request::get("/user").header("authorization", &value));
            is_withstood(&format!("{value:?}"), &seen);
        }
        // A byte that is no white space spoils a good token.
        if !b" \t".contains(&byte[0]) {
            let value = [b"Bearer ", token.as_bytes(), &byte[..]].concat();
            let seen = SHARED.send(Request::get("/user").header("authorization", &value));
            is_withstood(&format!("{byte:?} behind a token"), &seen);
        }
    }
    good_requests_still_pass();
}

#[test]
fn bytes_beyond_ascii_in_any_header_are_no_concern() {
    let all: Vec<u8> = (0x80..=0xff).collect();
    let request = Request::get("/user")
        .header("x-any", &all)
        .header("cookie", &all)
        .bearer(&SHARED.token(json!({})));
    let seen = SHARED.send(request);
    let held = seen
        .passed()
        .headers
        .iter()
        .find(|(name, _)| name == "x-any");
    assert_eq!(held.unwrap().1, all);
    for request in [
        Request::get("/user").header("authorization", &all),
        Request::get("/user").header("authorization", [b"Bearer ", &all[..]].concat()),
        Request::get("/hosts")
            .header("host", "open.example")
            .header("x-auth-user-id", &all),
        Request::get("/hosts").header("host", [b"open.example", &all[..]].concat()),
    ] {
        let seen = SHARED.send(request);
        assert!(seen.answer.status < 500, "{}", seen.answer.status);
    }
    good_requests_still_pass();
}

#[test]
fn an_overlong_credential_is_refused() {
    let rows = [
        ("a".repeat(16_385), 401),
        ("a".repeat(50_000), 401),
        (
            format!(
                "{}.{}.{}",
                "a".repeat(5000),
                "b".repeat(5000),
                "c".repeat(5000)
            ),
            401,
        ),
        (".".repeat(16_000), 401),
        ("a.".repeat(20_000), 401),
        // Envoy's own limit is 60 KiB for all headers.
        ("a".repeat(64 * 1024), 431),
    ];
    for (token, want) in rows {
        let seen = SHARED.send(Request::get("/user").bearer(&token));
        assert_eq!(seen.answer.status, want, "{} bytes", token.len());
        assert!(seen.upstream.is_none());
    }
    let deep = "[".repeat(9000);
    let token = SHARED.es256.sign_bytes(deep.as_bytes(), b"{}");
    is_withstood(
        "nesting",
        &SHARED.send(Request::get("/user").bearer(&token)),
    );
    let large = SHARED.token(json!({ "groups": vec!["g"; 2000] }));
    SHARED.send(Request::get("/user").bearer(&large)).passed();
    good_requests_still_pass();
}

#[test]
fn a_signed_token_that_is_no_jwt_is_refused() {
    let header = br#"{"alg":"ES256","kid":"es"}"#;
    let payloads: [&[u8]; 9] = [
        b"",
        b"null",
        b"[]",
        b"\"x\"",
        b"{",
        b"\xff\xfe",
        br#"{"iss":"https://issuer.example","iss":"https://issuer.example"}"#,
        br#"{"iss":"https://issuer.example","aud":"orders","exp":"tomorrow"}"#,
        br#"{"iss":"https://issuer.example","aud":"orders","exp":1e400}"#,
    ];
    for payload in payloads {
        let token = SHARED.es256.sign_bytes(header, payload);
        let seen = SHARED.send(Request::get("/user").bearer(&token));
        is_withstood(&String::from_utf8_lossy(payload), &seen);
    }
    good_requests_still_pass();
}

/// Paths that two servers could read differently. A good token does not help.
#[test]
fn a_path_with_two_readings_never_passes() {
    let paths: [&[u8]; 38] = [
        b"/public/%2e%2e/user",
        b"/public/%2E./user",
        b"/public/../user",
        b"/public/./x",
        b"/public/..",
        b"/public/..;/user",
        b"/public/..;x=1/user",
        b"/public%2Fx",
        b"//user",
        b"///user//x",
        b"/u%2573er",
        b"/%2575ser",
        b"/USER",
        b"/user%20/x",
        b"//x/user",
        b"/user/%ff\xff",
        b"/x\xff",
        b"/%EF%BD%95ser",
        b"/public/%5cuser",
        b"/public\\user",
        b"/public/..\\user",
        b"/public/%00",
        b"/public/%0d%0ax:1",
        b"/public/%7f",
        b"/public/%",
        b"/public/%4",
        b"/public/%zz",
        b"/public/%u002e",
        b"/public#/../user",
        b"/public\x01",
        b"/public;/x/%2e%2e",
        b"/user;v=1",
        b"/user;v=1/x",
        b"/;public/user",
        b"/user;/../public",
        b"*",
        b"public",
        b"",
    ];
    let token = SHARED.token(json!({}));
    for path in paths {
        let seen = SHARED.send(Request::get(path).bearer(&token));
        let what = String::from_utf8_lossy(path);
        assert_eq!(seen.answer.status, 400, "{what}");
        assert!(seen.upstream.is_none(), "{what}");
    }
    good_requests_still_pass();
}

#[test]
fn no_spelling_opens_a_protected_path() {
    let rows: [(&[u8], u16); 9] = [
        (b"/user", 401),
        (b"/%75ser", 401),
        (b"/u%73%65r/x", 401),
        (b"/user/x;v=1", 401),
        (b"/user/;/x", 401),
        (b"/user?x=/../public", 401),
        (b"/user?%2f..%5c", 401),
        (b"/user/...", 401),
        (b"/x\xe2\x80\xae", 403),
    ];
    for (path, want) in rows {
        let seen = SHARED.send(Request::get(path));
        let what = String::from_utf8_lossy(path);
        // Envoy may refuse a byte itself, but nobody answers otherwise.
        let status = seen.answer.status;
        assert!(
            status == want || status == 400 && !path.is_ascii(),
            "{what}: {status}"
        );
        assert!(seen.upstream.is_none(), "{what}");
    }
    good_requests_still_pass();
}

/// Where Envoy resolves the path first, the filter and the upstream see the same one.
#[test]
fn a_path_that_envoy_has_resolved_is_judged_as_resolved() {
    let issuer = Issuer::start(&[]).unwrap();
    let policy = policy(&issuer, json!({}));
    let lab = Lab::start(&issuer, Filter::json(policy), EnvoyConfig::normalize_path);
    let seen = lab.send(Request::get("/x/%2e%2e/./public"));
    assert_eq!(seen.passed().target, "/public");
    lab.send(Request::get("/public/../x"))
        .refused(401, Some(""), "Authentication required");
    for path in ["/public/%2f..", "/public%5c..%5cx", "/public/%252e%252e/x"] {
        lab.send(Request::get(path))
            .refused(400, None, "Malformed path");
    }
}

#[test]
fn what_is_no_http_at_all_is_withstood() {
    let addr = SHARED.lab.envoy.addr();
    let before = SHARED.lab.echo.requests().len();
    for bytes in [
        &b"GET /user HTTP/1.1\r\nhost: a\r\nauthorization: Bearer a\0b\r\n\r\n"[..],
        b"GET /user HTTP/1.1\r\nhost: a\r\nauthorization : Bearer a\r\n\r\n",
        b"GET /user HTTP/1.1\r\nhost: a\r\nauthorization: Bearer\r\n a.b.c\r\n\r\n",
        b"GET /user\x00 HTTP/1.1\r\nhost: a\r\n\r\n",
        b"GET  /user HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n",
        b"GET /user HTTP/1.1\r\nhost: a\r\nhost: open.example\r\nconnection: close\r\n\r\n",
        b"GET /user HTTP/1.0\r\n\r\n",
        b"CONNECT open.example:443 HTTP/1.1\r\nhost: open.example:443\r\nconnection: close\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\xff\xff\xff\xff\xff\xff\xff\xff\xff",
    ] {
        let answer = send_raw(addr, bytes, Duration::from_millis(500)).unwrap();
        let answer = String::from_utf8_lossy(&answer);
        let line = answer.lines().next().unwrap_or_default();
        println!("{:?}: {line}", String::from_utf8_lossy(bytes));
        assert!(!line.contains(" 200") && !line.contains(" 500"), "{line}");
    }
    assert!(
        SHARED.lab.echo.requests()[before..]
            .iter()
            .all(|held| held.header("x-mark").is_some())
    );
    good_requests_still_pass();
}
